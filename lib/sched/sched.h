/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The scheduler, as a pure machine: an event goes in, actions come out. It has no socket, clock, thread or log, so
 * the same object runs in a daemon, in a threaded session, and by the dozen in a simulation.
 *
 *   request   a graph, computed plan by plan: when a plan ends at unknown shapes, its results become leaves of the
 *             rest of the graph, which is planned again
 *   tensor    chunks that outlive their plan: results and foreign memory; counted references
 *   task      waits (TASK_WAITING), is given to one worker (TASK_GIVEN), is done (TASK_DONE). Workers get tasks in the
 *             order of the plan together with those that they depend on, and run on by themselves
 *   chunk     is at one worker at most; it is dropped when nobody will read it any more. When its worker is lost, the
 *             task that made it runs again, and so do those whose chunks that one reads
 *
 * Messages to and from one worker keep their order. What a worker says after it has left is ignored. */
#include "sched/run.h"

typedef struct Sched Sched;

/* Chunks that outlive their plan. */
typedef struct SchedTensor {
        uint64_t id;
        Spec spec;          /* the actual shape */
        Tiling tiling;      /* the actual lengths */
        uint64_t chunk_first; /* chunk k has the id chunk_first + k */
        uint32_t n_chunks;
        uint32_t n_refs;
        uint32_t *holder;   /* [n_chunks] worker, or WORKER_NONE: lost */
        int64_t *edges;     /* of the tiling */
        struct SchedTensor *closed_next;
} SchedTensor;

enum { WORKER_NONE = UINT16_MAX };

/* ---- Events ----------------------------------------------------------------------------------------------------- */

typedef enum SchedEventKind {
        SCHED_JOINED,    /* worker: a number below MAX_WORKERS that is not in use; n_threads (0 counts as 1) */
        SCHED_LEFT,      /* worker: with all that it held */
        SCHED_SUBMIT,    /* request (a new number, not 0), graph: taken over */
        SCHED_CANCEL,    /* request, error: its outcome */
        SCHED_DONE,      /* worker, plan, n, task[], length[] */
        SCHED_FAILED,    /* worker, plan, task[0], error */
        SCHED_RECALLED,  /* worker, plan, n, task[]: they will not be done there */
        SCHED_FORGOTTEN, /* worker, plan */
        SCHED_RELEASE,   /* tensor: one reference less */
        SCHED_CLOSE,     /* all tensors are gone, but what was said of them stays in memory; there are no requests */
} SchedEventKind;

typedef struct SchedEvent {
        SchedEventKind kind;
        uint32_t worker, n_threads;
        uint64_t request, plan, tensor;
        Graph *graph;
        uint32_t n;
        const uint32_t *task;
        const int64_t *length; /* of each output of unknown length, in the order of the tasks and of their outputs */
        const Error *error;
} SchedEvent;

/* ---- Actions ---------------------------------------------------------------------------------------------------- */

typedef enum SchedActionKind {
        SCHED_PLAN,     /* worker, run: a plan of which tasks may follow */
        SCHED_RUN,      /* worker, plan, tasks [first, first + n), fetches [first_fetch, first_fetch + n_fetch) */
        SCHED_RECALL,   /* worker, plan, tasks [first, first + n): an input is lost; answer RECALLED, or DONE if late */
        SCHED_DROP,     /* worker, chunk ids [chunk, chunk + n); some may be gone already */
        SCHED_FORGET,   /* worker, plan, drop: its chunks go, running tasks end; answer FORGOTTEN, then `run` is gone */
        SCHED_FINISHED, /* request; tensors [first, first + n) with a reference each; or outcome: error [outcome - 1] */
} SchedActionKind;

typedef struct SchedAction {
        SchedActionKind kind;
        uint32_t worker;
        uint64_t request, plan, chunk;
        uint64_t n_done;      /* FINISHED: tasks, in all of its plans */
        PlanRun *run;
        uint32_t first, n, first_fetch, n_fetch;
        uint32_t outcome;
        bool drop;
} SchedAction;

typedef struct RunTask {
        uint32_t task, position; /* in plan->order */
} RunTask;

/* An input that the worker must get from another one before a task of the batch can run. */
typedef struct RunFetch {
        uint32_t chunk; /* number in the plan */
        uint32_t from;
} RunFetch;

/* Filled by steps, in the order in which they are to be carried out; emptied by the caller. */
typedef struct SchedActions {
        Vec(SchedAction) action;
        Vec(RunTask) task;
        Vec(RunFetch) fetch;
        Vec(uint64_t) tensor;
        Vec(Error) error;
} SchedActions;

void sched_actions_clear(SchedActions *actions);
void sched_actions_done(SchedActions *actions);

/* ---- The machine ------------------------------------------------------------------------------------------------ */

/* Who plans: plan_make(), or what a test has in its place. */
typedef int SchedPlanner(const Graph *graph, const PlanLeaves *leaves, Plan **ret, Error *err);

/* `alone`: there is one worker and will never be another; then results are kept together (PlanRun). */
int sched_new(Sched **ret, bool alone, SchedPlanner *planner);
Sched *sched_free(Sched *sched);
void sched_limit(Sched *sched, size_t task_bytes); /* how much a task of later plans may take (PlanLeaves); 0: any */
/* Requests of which one task cannot but take more fail at once: so many bytes of chunks, and of chunks and scratch. */
void sched_refuse_above(Sched *sched, size_t chunk_bytes, size_t all_bytes);
DEFINE_CLEANUP(Sched *, sched_free)

/* 0, or -ENOMEM: then the event may be half done; the machine is to be thrown away. What is wrong with a request is the
 * request's outcome, never an error here. */
int sched_step(Sched *sched, const SchedEvent *event, SchedActions *ret) _must_check_;

/* Whether what a worker says (DONE, FAILED, RECALLED, FORGOTTEN) can be true: tasks that it was given, as many lengths
 * as they have outputs of unknown length, none longer than the plan allows. Daemons ask before they step. */
int sched_check(const Sched *sched, const SchedEvent *event, uint32_t n_lengths, Error *err);

/* Foreign memory as a tensor with one reference; the worker holds its chunks from now on. WORKER_NONE: the chunks are
 * spread over all workers, neighbours together, of which there is one at least. 0 or -ENOMEM. */
int sched_adopt(Sched *sched, const Spec *spec, const Tiling *tiling, uint32_t worker, uint64_t *ret) _must_check_;
SchedTensor *sched_tensor(const Sched *sched, uint64_t tensor); /* NULL when there is none */
/* Tasks of a request that are done, and that are known so far; false when there is no such request (any more). */
bool sched_progress(const Sched *sched, uint64_t request, uint64_t *ret_done, uint64_t *ret_total);

typedef enum WhyReason {
        WHY_GIVEN, /* `worker` has it */
        WHY_FULL,  /* all workers have been given as much as they are at a time */
        WHY_NO_WORKERS,
        WHY_ENDING, /* it has failed or was canceled, and workers are ending its tasks */
} WhyReason;

typedef struct SchedWhy {
        WhyReason reason;
        char task[128]; /* the next one that must be done, in words */
        uint32_t worker;
        uint32_t n_task, n_done, n_given; /* of its plan; given: and not done */
        uint64_t n_ahead;                 /* requests that came before it */
} SchedWhy;
/* What a request waits for; false when there is no such request (any more). It looks at every task. */
bool sched_why(const Sched *sched, uint64_t request, SchedWhy *ret);

typedef struct SchedStats {
        uint64_t n_tensors, n_requests, n_plans, n_workers, n_tasks_done;
        uint64_t state_bytes; /* of what grows with tasks and chunks, besides the plans themselves */
} SchedStats;
void sched_stats(const Sched *sched, SchedStats *ret);
/* For tests: true if all counters agree with what they count. Slow. */
bool sched_consistent(const Sched *sched);
