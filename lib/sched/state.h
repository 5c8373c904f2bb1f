/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the scheduler remembers; shared by its files and by nobody else.
 *
 * Per task and chunk there are a few bytes: which worker has it, how many will still read it. While one worker does
 * all, nothing more is needed; who makes a chunk and who reads it is written out (Index) only when a second worker
 * takes part. */
#include "base/map.h"
#include "sched/sched.h"

typedef struct Request Request;

enum {
        WINDOW_ALONE = 1024, /* tasks given to the only worker: bounds its memory, which stays in a cache, and is more
                                than threads eat at once */
};

typedef enum TaskState { TASK_WAITING, TASK_GIVEN, TASK_RECALLED, TASK_DONE } TaskState;

typedef struct Index {
        uint32_t *maker;     /* [chunk] task that makes it; TASK_NONE: a leaf */
        uint32_t *position;  /* [task] in plan->order */
        uint32_t *use_start; /* [chunk + 1] into use_task: who reads it */
        uint32_t *use_task;
        uint16_t *copy;      /* [chunk] worker that was told last to fetch it, or WORKER_NONE */
} Index;
enum { TASK_NONE = UINT32_MAX };

typedef Vec(uint32_t) Positions; /* in plan->order: a heap, the first one on top */

/* What a worker has to do with one plan. */
typedef struct Share {
        uint32_t n_given;
        uint64_t work;        /* of these */
        Positions queue;      /* tasks that are best placed there, when they can be given; some may be elsewhere now */
        uint64_t queued_work; /* of these */
        bool knows; /* has been told of the plan, and will have to forget it */
} Share;

/* A plan that is being run. */
typedef struct Running {
        PlanRun run;
        Request *request;
        Plan *plan;
        Graph *graph;
        uint64_t *leaf_first;
        bool *together;
        uint64_t *work;      /* [stage] of one of its tasks: how many bytes it goes through, about; NULL if alone */
        SchedTensor **leaf;  /* [value] tensor that we hold a reference of, or NULL */
        uint8_t *state;      /* [task] TaskState */
        uint16_t *place;     /* [task] worker that it was given to */
        uint16_t *holder;    /* [chunk] worker that has it, or WORKER_NONE */
        uint32_t *uses;      /* [chunk] tasks not done that read it, and one for those that are kept */
        int64_t *length;     /* [chunk] of values of unknown length; NULL when there are none */
        Index *index;
        Positions ready;     /* before the cursor: tasks whose inputs have all been made, to be placed */
        uint32_t cursor;     /* into plan->order: what comes before was given or passed over */
        uint32_t n_done, n_given;
        uint32_t n_forgetting; /* answers that we wait for */
        uint32_t n_queued;     /* positions in all queues */
        uint32_t next, probe;  /* workers where place.c goes on to look */
        bool ending;
        Vec(Share) share;    /* [worker] */
} Running;

struct Request {
        uint64_t id;
        Running *running;
        Error outcome;       /* of one that fails */
        uint64_t n_done_before, n_total; /* tasks: of earlier plans; of all so far */
        Request *before, *after;
};

typedef struct Worker {
        bool alive;
        uint32_t n_threads;
        uint64_t n_given;
        uint64_t work;  /* of the tasks that it was given, and of those that wait for it */
        uint64_t score; /* scratch of place.c */
} Worker;

struct Sched {
        Map requests, plans, tensors; /* id -> Request *, Running *, SchedTensor * */
        SchedTensor *closed;          /* what is left of tensors after SCHED_CLOSE: others may be reading it */
        Request *first, *last;
        Vec(Worker) worker;
        uint32_t n_alive;
        bool alone;
        uint64_t next_plan, next_tensor, next_chunk;
        uint64_t n_tasks_done, state_bytes;
        SchedPlanner *planner;
        size_t task_bytes;
        size_t most_chunk_bytes, most_bytes; /* 0: any */
        SchedActions *actions;  /* of the step at hand */
};

static inline bool chunk_made(const Running *r, uint32_t chunk) {
        return r->holder[chunk] != WORKER_NONE;
}

/* ---- sched.c */
int action_add(Sched *s, const SchedAction *action);
int chunk_drop(Sched *s, Running *r, uint32_t chunk); /* at its holder */
int request_fail(Sched *s, Request *q, const Error *err);
int running_forgotten(Sched *s, Running *r, uint32_t worker); /* the worker has forgotten the plan, or is gone */

/* ---- tensor.c */
int tensor_new(Sched *s, const Spec *spec, const Tiling *tiling, const int64_t *length, uint64_t chunk_first,
               SchedTensor **ret, uint64_t *ret_id);
void tensor_free(SchedTensor *tensor);
int tensor_unref(Sched *s, uint64_t id);
int tensors_close(Sched *s);

/* ---- place.c */
int running_index(Sched *s, Running *r);
int running_give(Sched *s, Running *r);             /* tasks to workers, as many as their windows take */
/* The chunk has been made: readers that were passed over may be ready. */
int running_woken(Sched *s, Running *r, uint32_t chunk);
int running_requeue(Running *r, uint32_t task);     /* a task waits again; ready if its inputs are there */
void running_weigh(Running *r);                     /* fills r->work, if there is one */
void task_taken_back(Sched *s, Running *r, uint32_t task); /* it is not at its worker any more, or done */
void share_clear(Sched *s, Running *r, uint32_t worker); /* the worker is gone: what waited for it is ready again */
uint32_t worker_spread(const Sched *s, uint32_t k, uint32_t n); /* for the k-th of n neighbours */
size_t index_bytes(const Plan *plan);
void index_free(Index *index);

/* ---- lost.c */
int worker_lost(Sched *s, uint32_t worker);
