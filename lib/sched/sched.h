/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The scheduler, as a pure machine: an event goes in, actions come out. It has no socket, clock, thread or log, so
 * the same object runs in a daemon, in a threaded session, and by the dozen in a simulation.
 *
 *   request   a graph, computed plan by plan: when a plan ends at unknown shapes, its results become leaves of the
 *             rest of the graph, which is planned again
 *   tensor    chunks that outlive their plan: results and foreign memory; counted references
 *   recipe    what made tensors: planning is pure, so the plan that it tells of comes out the same whenever it is made.
 *             As long as a tensor or another recipe needs it
 *   ghost     a tensor without references that a recipe reads: it has no chunks, but can be made
 *   task      waits (TASK_WAITING), is given to one worker (TASK_GIVEN), is done (TASK_DONE). Workers get tasks in the
 *             order of the plan together with those that they depend on, and run on by themselves
 *   chunk     is at one worker at most; it is dropped when nobody will read it any more
 *   worker    joins, may be away for a while, leaves. What it had is lost when it has left, or says that it has it no
 *             more
 *
 * What is lost and wanted is made again, by one question (lost.c): which tasks must run so that what is wanted exists?
 * Of a plan that runs they run again; for a tensor, the plan of its recipe is made again, and they alone are run
 * (restore.c). Who wants it waits, whoever it is. A client is asked for the data that it gave.
 *
 * Two workers that do not reach each other are kept from needing each other for a while (apart.c). What a worker has
 * that gets nothing done others try, too, when they have nothing else to do (second.c). What two have
 * made is compared before one of them drops it (twin.c).
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
        uint64_t recipe;      /* that made it; 0: data that a client gave, an anchor, or nobody knows (alone) */
        uint32_t n_chunks;
        uint32_t n_refs;    /* 0: a ghost */
        uint32_t n_recipes; /* that read it */
        uint32_t n_lost;    /* chunks that nobody has */
        uint32_t *holder;   /* [n_chunks] worker, or WORKER_NONE: lost */
        int64_t *edges;     /* of the tiling */
        bool given;         /* it is data of a client, in memory of its own when it is the only one (alone) */
        bool anchor;        /* a lineage ends here (anchor.c) */
        bool listed, refused; /* it is to have copies; there is no room for them */
        uint32_t *spare;      /* [n_chunks] of an anchor: worker that has a copy, or WORKER_NONE */
        struct SchedTensor *next_of_recipe, *closed_next;
} SchedTensor;

/* All that must be known to make a plan again, and so its chunks, under the same numbers. */
typedef struct SchedRecipe {
        uint64_t id;              /* of the plan when it was made first */
        const uint8_t *graph;     /* as graph_encode() writes it */
        size_t graph_bytes;
        const uint64_t *leaf;     /* tensors that it reads; each has a reference of the recipe (n_recipes) */
        uint32_t n_leaves;
        size_t task_bytes, alone_bytes; /* PlanLeaves */
        uint64_t chunk_first;
        uint32_t n_task, n_chunk; /* the plan comes out with so many */
        uint64_t digest;          /* plan_digest(): it comes out the same, or it is not used */
} SchedRecipe;

enum {
        WORKER_NONE = UINT16_MAX,
        MAX_LINEAGE = 1000, /* steps back of what was made of what: 2 MB of recipes for a variable of a loop */
};

/* ---- Events ----------------------------------------------------------------------------------------------------- */

typedef enum SchedEventKind {
        SCHED_JOINED,    /* worker: a number below MAX_WORKERS that is not in use, or is away; n_threads; holds: HOLDS
                            will follow, and until then it is given nothing. Otherwise it has nothing. killed: it is
                            another process than the one that was away */
        SCHED_LEFT,      /* worker: with all that it held; killed: its process has died, not only its link */
        SCHED_AWAY,      /* worker: its link is gone. It is given nothing, and nothing of it is made again, until it
                            JOINED again or LEFT */
        SCHED_SILENT,    /* worker, on: nothing is heard of it. It is given nothing new */
        SCHED_HOLDS,     /* worker, n, chunk_id[], bytes[]: what it has; last: and this is all */
        SCHED_DRAIN,     /* worker, on: it is given no tasks, and its chunks are taken by others; DRAINED follows */
        SCHED_TAKEN,     /* worker, chunk, error, asked: the answer to TAKE; or it has what a client gave */
        SCHED_LOST,      /* worker, chunk, error: it had it, and has it no more */
        SCHED_UNREACHED, /* worker, chunk, from: it cannot get the chunk from there, and does not try any more */
        SCHED_DIGESTED,  /* worker, chunk, digest; error: it has none. An answer to DIGEST */
        SCHED_TICK,      /* it is later now. Only as long as sched_ticks() */
        SCHED_SUBMIT,    /* request (a new number, not 0), session, graph: taken over */
        SCHED_CANCEL,    /* request, error: its outcome */
        SCHED_DONE,      /* worker, plan, n, task[], length[] */
        SCHED_FAILED,    /* worker, plan, task[0], error */
        SCHED_RECALLED,  /* worker, plan, n, task[]: they will not be done there */
        SCHED_FORGOTTEN, /* worker, plan */
        SCHED_RELEASE,   /* tensor: one reference less */
        SCHED_GIVEN,     /* tensor, error: an answer to WANTED: all those workers that are there have got theirs, and
                            say so themselves (TAKEN); or the data cannot be had */
        SCHED_RESUME,    /* request, session, recipe: its last plan goes on; between sched_restore_…() and BEGIN */
        SCHED_BEGIN,     /* after what was restored: workers that may have something of it have joined */
        SCHED_CLOSE,     /* all tensors are gone, but what was said of them stays in memory; there are no requests */
} SchedEventKind;

typedef struct SchedEvent {
        SchedEventKind kind;
        uint32_t worker, n_threads;
        uint64_t request, session, plan, tensor, chunk, recipe;
        uint32_t from;
        uint64_t digest;
        uint64_t usec; /* of all events, unless it is alone: the time of whoever steps (patience.h) */
        Graph *graph;
        bool killed, holds, last, on, asked;
        uint32_t n;
        const uint32_t *task;
        const int64_t *length; /* of each output of unknown length, in the order of the tasks and of their outputs */
        const uint64_t *chunk_id, *bytes; /* HOLDS: the ids, and how large each is */
        const Error *error;
} SchedEvent;

/* ---- Actions ---------------------------------------------------------------------------------------------------- */

typedef enum SchedActionKind {
        SCHED_PLAN,     /* worker, run: a plan of which tasks may follow */
        SCHED_RUN,      /* worker, plan, tasks [first, first + n), fetches [first_fetch, first_fetch + n_fetch).
                           Without tasks: what it was to fetch is there now */
        SCHED_RECALL,   /* worker, plan, tasks [first, first + n): an input is lost; answer RECALLED, or DONE if late */
        SCHED_DROP,     /* worker, chunk ids [chunk, chunk + n); some may be gone already */
        SCHED_FORGET,   /* worker, plan, drop: what becomes of tasks and chunks; answer FORGOTTEN, then `run` is gone */
        SCHED_TAKE,     /* worker, chunk, from, size_bytes: get it and keep it; from WORKER_NONE: say whether it is
                           there. Answer TAKEN */
        SCHED_DIGEST,   /* worker, chunk: it is to say the digest of it. Answer DIGESTED */
        SCHED_DIFFERS,  /* worker, from, chunk, outcome: what the two have of it is not the same; `worker` keeps it */
        SCHED_DRAINED,  /* worker; or outcome: what is left can go nowhere, and why */
        SCHED_FINISHED, /* request; tensors [first, first + n) with a reference each; or outcome: error [outcome - 1] */
        SCHED_WANTED,   /* tensor, places [first, first + n): its client is to give these chunks again; answer GIVEN */
        SCHED_LATE,     /* worker, plan, request (0: a repair), usec: for so long it has said nothing of the plan, and
                           is given nothing; or 0: it is given things again. For people */
        /* What has come into being, or is gone: for a journal. Never when alone. What is made and goes in the same
         * step is found no more when it is to be carried out. */
        SCHED_RECIPE,      /* recipe, request: the request's next plan begins */
        SCHED_RECIPE_GONE, /* recipe */
        SCHED_TENSOR,      /* tensor: made by a plan; it has no reference of its own yet (FINISHED, RECIPE) */
        SCHED_TENSOR_GONE, /* tensor */
} SchedActionKind;

typedef struct SchedAction {
        SchedActionKind kind;
        uint32_t worker, from;
        uint64_t request, plan, chunk, tensor, recipe;
        size_t size_bytes;
        uint64_t usec;
        uint64_t n_done;      /* FINISHED: tasks, in all of its plans */
        PlanRun *run;
        uint32_t first, n, first_fetch, n_fetch;
        uint32_t outcome;
        PlanDrop drop;
} SchedAction;

typedef struct RunTask {
        uint32_t task, position; /* in plan->order */
} RunTask;

/* An input that the worker must get from another one before a task of the batch can run. */
typedef struct RunFetch {
        uint32_t chunk; /* number in the plan */
        uint32_t from;
} RunFetch;

/* Where a chunk of a tensor is to go. */
typedef struct SchedPlace {
        uint32_t chunk; /* number in the tensor */
        uint32_t worker;
} SchedPlace;

/* Filled by steps, in the order in which they are to be carried out; emptied by the caller. */
typedef struct SchedActions {
        Vec(SchedAction) action;
        Vec(RunTask) task;
        Vec(RunFetch) fetch;
        Vec(uint64_t) tensor;
        Vec(SchedPlace) place;
        Vec(Error) error;
} SchedActions;

void sched_actions_clear(SchedActions *actions);
void sched_actions_done(SchedActions *actions);

/* ---- The machine ------------------------------------------------------------------------------------------------ */

/* Who plans: plan_make(), or what a test has in its place. */
typedef int SchedPlanner(const Graph *graph, const PlanLeaves *leaves, Plan **ret, Error *err);

/* `alone`: there is one worker and will never be another; then results are kept together (PlanRun). */
int sched_new(Sched **ret, bool alone, SchedPlanner *planner);
/* Numbers of chunks, tensors and plans begin here, so that no two schedulers of a cluster ever gave the same. Before
 * anything else. */
void sched_number(Sched *sched, uint64_t first);
Sched *sched_free(Sched *sched);
/* How much a task of later plans may take, and one beside which nothing else runs (PlanLeaves); 0: any. */
void sched_limit(Sched *sched, size_t task_bytes, size_t alone_bytes);
/* Results of a longer lineage are kept, instead of what they came from (anchor.c); MAX_LINEAGE if nobody says it. */
void sched_limit_lineage(Sched *sched, uint32_t most_steps);
/* Requests fail that make or read a chunk of which two copies differ (twin.c); else it is only said (DIFFERS). */
void sched_strict(Sched *sched, bool on);
/* Requests of which one task cannot but take more fail at once: so many bytes of chunks, and of chunks and scratch; and
 * with results of earlier requests lent_bytes more, since it may read these where other workers have them. */
void sched_refuse_above(Sched *sched, size_t chunk_bytes, size_t all_bytes, size_t lent_bytes);
/* So do those of which the results have more bytes: memory and disks together, where there will never be more. */
void sched_refuse_results_above(Sched *sched, uint64_t result_bytes);
DEFINE_CLEANUP(Sched *, sched_free)

/* 0, or -ENOMEM: then the event may be half done; the machine is to be thrown away. What is wrong with a request is the
 * request's outcome, never an error here. */
int sched_step(Sched *sched, const SchedEvent *event, SchedActions *ret) _must_check_;

/* Whether what a worker says (DONE, FAILED, RECALLED, FORGOTTEN) can be true: tasks that it was given, as many lengths
 * as they have outputs of unknown length, none longer than the plan allows. Daemons ask before they step. */
int sched_check(const Sched *sched, const SchedEvent *event, uint32_t n_lengths, Error *err);

/* Whether it waits for a time to come (TICK). */
bool sched_ticks(const Sched *sched);
/* Whether it is known of two workers that they do not reach each other. */
bool sched_apart(const Sched *sched, uint32_t a, uint32_t b);
bool sched_any_apart(const Sched *sched);
/* Whether a worker is given nothing because others do not reach it, and go on without it. */
bool sched_aside(const Sched *sched, uint32_t worker);

/* Foreign memory as a tensor with one reference; the worker holds its chunks from now on. WORKER_NONE: the chunks are
 * spread over all workers, neighbours together, or nobody's as long as there is none. 0 or -ENOMEM. */
int sched_adopt(Sched *sched, const Spec *spec, const Tiling *tiling, uint32_t worker, uint64_t *ret) _must_check_;
SchedTensor *sched_tensor(const Sched *sched, uint64_t tensor); /* NULL when there is none */
size_t tensor_chunk_bytes(const SchedTensor *tensor, uint32_t chunk);
/* Why chunks that nobody has cannot be had of a scheduler that is `alone`; why: or NULL. */
void sched_lost_error(const SchedTensor *tensor, const Error *why, Error *err);
const SchedRecipe *sched_recipe(const Sched *sched, uint64_t recipe);

/* What a journal remembers, into a machine that has done nothing yet: all recipes, then all tensors, with as many
 * references as clients have; nobody has their chunks. Then RESUME and SUBMIT what was under way; HOLDS of workers say
 * what there is; nothing is given until BEGIN. What is handed in is copied. 0, -ENOMEM, or ERROR_CORRUPT: it cannot
 * be so, and is not taken. */
int sched_restore_recipe(Sched *sched, const SchedRecipe *recipe, Error *err);
int sched_restore_tensor(Sched *sched, const SchedTensor *tensor, Error *err);
/* Tasks of a request that are done, and that are known so far; false when there is no such request (any more). */
bool sched_progress(const Sched *sched, uint64_t request, uint64_t *ret_done, uint64_t *ret_total);

typedef enum WhyReason {
        WHY_GIVEN, /* `worker` has it */
        WHY_FULL,  /* all workers have been given as much as they are at a time */
        WHY_NO_WORKERS,
        WHY_LOST,   /* inputs were lost, and are being made again */
        WHY_ENDING, /* it has failed or was canceled, and workers are ending its tasks */
} WhyReason;

typedef struct SchedWhy {
        WhyReason reason;
        char task[128]; /* the next one that must be done, in words */
        uint32_t worker;
        bool late;           /* that worker is */
        uint32_t too;        /* tries it, too; or WORKER_NONE */
        uint32_t n_task, n_done, n_given; /* of its plan; given: and not done */
        uint64_t n_ahead;                 /* requests that came before it */
} SchedWhy;
/* What a request waits for; false when there is no such request (any more). It looks at every task. */
bool sched_why(const Sched *sched, uint64_t request, SchedWhy *ret);

typedef struct SchedStats {
        uint64_t n_tensors, n_requests, n_plans, n_workers, n_tasks_done;
        uint64_t n_ghosts, n_recipes; /* n_tensors: without ghosts */
        uint64_t n_remade;    /* tasks that ran again */
        uint64_t n_second;    /* tasks that another one tried, too, since their worker was late */
        uint64_t n_compared, n_differed; /* chunks that two workers had made; and that were not the same */
        uint64_t state_bytes; /* of what grows with tasks and chunks, besides the plans themselves */
} SchedStats;
void sched_stats(const Sched *sched, SchedStats *ret);
/* For tests: true if all counters agree with what they count. Slow. */
bool sched_consistent(const Sched *sched);
