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
typedef struct Running Running;

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
        uint64_t heard_usec;  /* when it said last that something is done, or was given the first, having had none */
        uint64_t due_usec;    /* before that it is not late; */
        uint64_t called_usec; /* then it was found late, and has said nothing since; or 0 */
} Share;

/* Of a stage, as far as others than one worker take part: what its tasks took, and how many. */
typedef struct Spent {
        uint64_t usec, n;
} Spent;

/* A worker tries a task that another one has, too, or has done: it was told to give it back, and has not answered. */
typedef struct Second {
        Running *running;
        uint32_t task, worker;
} Second;

typedef struct Recipe {
        SchedRecipe said;     /* its lists are ours */
        uint32_t n_uses;      /* tensors that it made, and plans of it that are run */
        uint32_t depth;       /* recipes in a row, from here back to what has none */
        SchedTensor *tensors; /* that it made and that are, or are ghosts */
        Running *repair;      /* that makes what of them is lost and wanted, or is ending */
        bool wanted;          /* scratch of restore.c */
} Recipe;

/* What a client was asked for. Workers say what they have got of it, since a client's word and a DROP come to them on
 * different ways. */
typedef struct Wanting {
        uint64_t tensor;
        bool answered;        /* by the client */
        uint32_t n;
        SchedPlace place[];   /* WORKER_NONE: it is there, or its worker is gone */
} Wanting;

typedef struct Adopted {
        uint64_t chunk_first, tensor;
} Adopted;

/* Two workers of which one could not get something from the other; a < b. */
typedef struct Apart {
        uint32_t a, b;
} Apart;

/* A worker has a task that reads the chunk, and does not try to get it: it could not, or was never told to. */
typedef struct Unreached {
        uint64_t chunk;
        uint32_t worker;
} Unreached;

/* Two workers have made the chunk, and are asked whether they have the same. */
typedef struct Twin {
        uint64_t chunk, digest[2];
        uint32_t worker[2];    /* TWIN_FIRST: it stays there; TWIN_SECOND: it does not */
        bool known[2], bad;    /* bad: one of them has none */
} Twin;
enum { TWIN_FIRST, TWIN_SECOND };

/* A chunk on its way from a worker that is to stop, or to where others get it. */
typedef struct Taking {
        uint64_t chunk, owner; /* id of the tensor, or of the plan that reads it */
        uint32_t from, to;     /* from WORKER_NONE: it should be there, and that is made sure */
        bool in_plan;          /* the plan made it and keeps it for itself */
        bool copy;             /* it stays where it was, too: a spare */
        bool off;              /* the chunk is not wanted there any more, which is told */
        size_t size_bytes;     /* at most */
} Taking;

/* A plan that is being run: for a request, or as a repair (restore.c), which has none. */
struct Running {
        PlanRun run;
        Request *request;
        Recipe *recipe;      /* NULL: alone, or it has no tasks */
        Plan *plan;
        Graph *graph;
        uint64_t *leaf_first;
        bool *together;
        uint64_t *work;      /* [stage] of one of its tasks: how many bytes it goes through, about; NULL if alone */
        Spent *spent;        /* [stage] with the index */
        SchedTensor **leaf;  /* [value] tensor that we hold a reference of, or NULL */
        Vec(uint32_t) leaves; /* those values */
        SchedTensor **made;  /* repair: [value] the tensor of that value, if there still is one */
        uint8_t *state;      /* [task] TaskState */
        uint16_t *place;     /* [task] worker that it was given to */
        uint16_t *holder;    /* [chunk] worker that has it, or WORKER_NONE; of tensors: what they say (tensor_hold) */
        uint32_t *uses;      /* [chunk] tasks not done that read it, and one for those that are kept */
        uint8_t *deaths;     /* [task] workers that died of it, perhaps; NULL: none did */
        uint32_t poison;     /* the task of which too many did, plus 1 */
        int64_t *length;     /* [chunk] of values of unknown length; NULL when there are none */
        Index *index;
        Positions ready;     /* before the cursor: tasks whose inputs have all been made, to be placed */
        uint32_t cursor;     /* into plan->order: what comes before was given or passed over */
        uint32_t n_done, n_given;
        uint32_t n_lacking;  /* chunks of leaves that will be read and that nobody has */
        uint32_t n_forgetting; /* answers that we wait for */
        uint32_t n_queued;     /* positions in all queues */
        uint32_t next, probe;  /* workers where place.c goes on to look */
        bool ending;
        PlanDrop drop;       /* once it is ending */
        bool dirty;          /* something of it was lost or found: lost.c looks at all of it */
        Vec(uint32_t) torn;  /* tasks of which nobody gets all that they read */
        bool stirred;        /* it may be complete, or have tasks to give */
        Vec(Share) share;    /* [worker] */
        Running *before, *after; /* in the order of their ids */
};

struct Request {
        uint64_t id, session;
        Running *running;
        Error outcome;       /* of one that fails */
        uint64_t n_done_before, n_total; /* tasks: of earlier plans; of all so far */
        Request *before, *after;
};

typedef enum WorkerState {
        WORKER_GONE,
        WORKER_HERE,
        WORKER_AWAY,  /* hears nothing, has what it had */
        WORKER_BACK,  /* has not said all that it has */
} WorkerState;

typedef struct Held {
        uint64_t chunk, bytes;
} Held;

typedef struct Worker {
        WorkerState state;
        bool silent;         /* it is given nothing as long as nothing is heard of it */
        bool drain;          /* it is to have nothing */
        bool drained;        /* and that was said, or why not */
        bool aside;          /* others do not reach it, and go on without it */
        bool late;           /* it gets nothing done, and others who do have nothing to do; */
        uint64_t late_until_usec; /* or until then */
        uint32_t n_threads, n_taking;
        uint32_t n_second;   /* of s->second */
        Vec(Held) held;      /* BACK: what it said so far */
        Vec(Taking) left;    /* drain: what it has that nobody was told to take */
        Error refused;       /* drain: why something could not be taken; code 0: nothing was refused */
        uint64_t n_given;
        uint64_t work;       /* of the tasks that it was given, and of those that wait for it */
        uint64_t score;      /* scratch of place.c */
} Worker;

struct Sched {
        Map requests, plans, tensors, recipes; /* id -> Request *, Running *, SchedTensor *, Recipe * */
        Map wanting;                  /* tensor -> Wanting * */
        Vec(Adopted) adopted;         /* in the order of their chunks; tensors that are gone stay for a while */
        Vec(SchedTensor *) by_chunk;  /* all of them in the order of their chunks, when that was asked for last, */
        bool by_chunk_stale;          /* and some have come or gone since */
        uint32_t n_adopted_gone;
        Map reads;                    /* restored: tensor -> how many recipes read it, until it is there */
        SchedTensor *closed;          /* what is left of tensors after SCHED_CLOSE: others may be reading it */
        Request *first, *last;
        Running *first_running, *last_running;
        Vec(Worker) worker;
        uint32_t n_present, n_open;   /* workers that have not left; that are here and given tasks */
        uint32_t n_repairs, n_draining;
        Vec(Taking) taking;
        uint32_t next_taker;
        Vec(Apart) apart;          /* in the order of (a, b), */
        uint64_t apart_until_usec; /* all of them until then */
        Vec(Unreached) unreached;
        Vec(uint64_t) relayed; /* chunks that have gone to where others get them, until then */
        uint32_t n_aside, n_late;
        Vec(Second) second;    /* few: one a thread of those that are late */
        uint64_t now_usec;     /* as far as was said */
        Vec(Twin) twin;
        bool strict;           /* requests fail if two copies differ */
        uint64_t n_compared, n_differed;
        Vec(uint64_t) anchors; /* tensors that are to have copies */
        uint32_t most_lineage;
        Vec(Recipe *) unused;         /* scratch of recipe.c */
        Vec(uint64_t) hopeless;       /* scratch of restore.c: tensors */
        bool burying;
        bool unsettled;               /* sched_settle() has something to do */
        bool holding;                 /* restored, and not begun */
        bool alone;
        uint64_t next_plan, next_tensor, next_chunk;
        uint64_t n_tasks_done, n_remade, n_second, n_ghosts, state_bytes;
        SchedPlanner *planner;
        size_t task_bytes, alone_bytes;      /* PlanLeaves */
        size_t most_chunk_bytes, most_bytes; /* 0: any */
        size_t lent_bytes;                   /* that inputs may take besides */
        uint64_t most_result_bytes;          /* 0: any */
        SchedActions *actions;  /* of the step at hand */
};

static inline bool chunk_made(const Running *r, uint32_t chunk) {
        return r->holder[chunk] != WORKER_NONE;
}

/* Whether it may be given tasks, and chunks. */
static inline bool worker_open(const Sched *s, uint32_t worker) {
        const Worker *w = &s->worker.data[worker];

        return w->state == WORKER_HERE && !w->drain && !w->silent && !w->aside && !w->late;
}

/* Whether there is a link to it. */
static inline bool worker_hears(const Sched *s, uint32_t worker) {
        return s->worker.data[worker].state == WORKER_HERE || s->worker.data[worker].state == WORKER_BACK;
}

static inline bool task_given(const Running *r, uint32_t task) {
        return r->state[task] == TASK_GIVEN || r->state[task] == TASK_RECALLED;
}

/* ---- sched.c */
int action_add(Sched *s, const SchedAction *action);
int drop_say(Sched *s, uint32_t worker, uint64_t chunk); /* to a worker that hears */
int drop_add(Sched *s, uint32_t worker, uint64_t chunk); /* the same, and nobody is to take it from there */
int chunk_drop(Sched *s, Running *r, uint32_t chunk); /* at its holder */
int request_fail(Sched *s, Request *q, const Error *err);
int request_failed(Sched *s, Request *q); /* nothing of it is left */
int running_forgotten(Sched *s, Running *r, uint32_t worker); /* the worker has forgotten the plan, or is gone */

/* ---- run-plan.c: the life of a plan */
int running_new(Sched *s, Plan *plan, Recipe *recipe, bool repair, Running **ret);
void running_free(Sched *s, Running *r);
int running_leaves(Sched *s, Running *r); /* takes references of them */
int running_forget(Sched *s, Running *r, PlanDrop drop);
void running_keeps(const Running *r, uint32_t *uses); /* counts what is kept when all tasks are done */
const Tiling *leaf_tiling(void *userdata, uint64_t stored);

/* ---- tensor.c */
int tensor_new(Sched *s, const Spec *spec, const Tiling *tiling, const int64_t *length, uint64_t chunk_first,
               SchedTensor **ret);
int tensor_add(Sched *s, SchedTensor *t, uint64_t id, Recipe *recipe);
void tensor_free(SchedTensor *tensor);
void tensor_ref(Sched *s, SchedTensor *t);
int tensor_unref(Sched *s, uint64_t id);
int tensor_unread(Sched *s, SchedTensor *t); /* by a recipe */
/* The chunk is there from now on (WORKER_NONE: nowhere), and all plans that read or make it know. */
int tensor_hold(Sched *s, SchedTensor *t, uint32_t chunk, uint32_t worker);
SchedTensor *adopted_find(const Sched *s, uint64_t chunk); /* the client's tensor that has this chunk */
/* Whose chunk it is; NULL: no tensor's. */
int tensor_find(Sched *s, uint64_t chunk, SchedTensor **ret);
int tensors_close(Sched *s);

/* ---- anchor.c: where lineages are cut */
bool recipe_is_long(const Sched *s, const Recipe *recipe);
uint32_t recipe_depth(const Sched *s, const SchedRecipe *said);
int anchor_make(SchedTensor *t);                     /* it has no recipe, and is in no map yet */
int anchor_look(Sched *s, SchedTensor *t);           /* whether it is to have copies */
void tensor_read(Sched *s, SchedTensor *t);          /* by a recipe */
uint32_t spare_take(SchedTensor *t, uint32_t chunk); /* who had it, and is not counted as that any more */
int spare_drop(Sched *s, SchedTensor *t, uint32_t chunk);
/* Those that the worker is to have no more; *ret_stay: of how many others nobody else can be reached. */
int spares_leave(Sched *s, uint32_t worker, uint32_t *ret_stay);
bool spare_fits(const Sched *s, const SchedTensor *t, uint32_t chunk, uint32_t worker);
int spare_taken(Sched *s, const Taking *taking, const Error *err);
int anchors_go(Sched *s); /* copies that can be made now */

/* ---- recipe.c */
int recipe_new(Sched *s, const Graph *graph, const Plan *plan, uint64_t id, Recipe **ret);
Recipe *recipe_find(const Sched *s, uint64_t id);
void recipe_disown(Recipe *recipe, const SchedTensor *t); /* it is none of its tensors; a use that is to be ended */
int recipe_unuse(Sched *s, Recipe *recipe); /* one use less */
int recipe_plan(Sched *s, const Recipe *recipe, Graph **ret_graph, Plan **ret, Error *err);
void recipe_free(Recipe *recipe);
int restored_begin(Sched *s);               /* what nobody needs goes */

/* ---- restore.c: what is lost and wanted is made again */
int repairs_settle(Sched *s);               /* who needs what */
int repair_fail(Sched *s, Running *r, const Error *err);
int repair_done(Sched *s, Running *r);
int tensor_lost(Sched *s, uint64_t tensor, const Error *err); /* whoever lacks chunks of it fails */
int tensor_given(Sched *s, uint64_t tensor, const Error *err);
/* It has come there, or is dropped there when it does. */
void data_not_pending(Sched *s, uint32_t worker, uint64_t chunk);
int data_taken(Sched *s, uint32_t worker, uint64_t chunk, const Error *err);
void wanting_lost(Sched *s, uint32_t worker);
/* Which lost chunks of the tensor somebody will read: sets [chunk]. */
void tensor_wanted(const Sched *s, const SchedTensor *t, bool *ret);

/* ---- away.c: workers come and go */
int worker_joined(Sched *s, const SchedEvent *e);
int worker_lost(Sched *s, uint32_t worker, bool killed);
int worker_away(Sched *s, uint32_t worker);
int worker_silent(Sched *s, uint32_t worker, bool on);
int worker_holds(Sched *s, const SchedEvent *e);
void all_stirred(Sched *s, bool found); /* there is more to give to, or to be asked; found: or to be had */
int worker_lost_chunk(Sched *s, uint32_t worker, uint64_t chunk, const Error *why);

/* ---- apart.c: workers that do not reach each other */
bool workers_apart(const Sched *s, uint32_t a, uint32_t b);
/* Whether it reaches all those who have something that the task reads. */
bool gets_inputs(const Sched *s, const Running *r, uint32_t task, uint32_t worker);
int worker_unreached(Sched *s, const SchedEvent *e);
int unreached_add(Sched *s, uint32_t worker, uint64_t chunk); /* it is to get it by another way than from its holder */
int pairs_tick(Sched *s);
bool pairs_end(const Sched *s);               /* some are to be forgotten in their time */
void apart_forget(Sched *s, uint32_t worker); /* it has left */
int apart_settle(Sched *s);                   /* who waits in vain gets it another way */

/* ---- second.c: workers that are late, and tasks that two try */
bool second_is(const Sched *s, const Running *r, uint32_t task, uint32_t worker); /* it tries it besides */
uint32_t second_worker(const Sched *s, const Running *r, uint32_t task);          /* who does, or WORKER_NONE */
void second_end(Sched *s, const Running *r, uint32_t task);
void seconds_end(Sched *s, const Running *r, uint32_t worker); /* NULL: of all; WORKER_NONE: of any */
bool seconds_has(const Sched *s, const Running *r, uint32_t worker);
int seconds_drop(Sched *s, const Running *r, uint32_t worker); /* what it has made of them, if it has */
void seconds_stay(Sched *s, Running *r); /* tasks that wait, and that somebody tries still, are there */
/* Whether the worker still tries to make the chunk, of which it is not the place; WORKER_NONE: whether anybody does.
 * It cannot take it: if that were called off, and its word that it has made it crossed the DROP, that would be
 * believed. */
bool seconds_make(const Sched *s, uint32_t worker, uint64_t chunk);
int second_wins(Sched *s, Running *r, uint32_t task); /* it is about to be done by who tries it besides */
/* The worker has made what is there already, and the place is not with it. */
int surplus_drop(Sched *s, uint32_t worker, uint64_t chunk);
int tasks_timed(Sched *s, Running *r, const SchedEvent *e); /* DONE: before it is counted */
int late_end(Sched *s, uint32_t worker);
int lates_end(Sched *s);
int lates_tick(Sched *s);
bool lates_possible(const Sched *s);

/* ---- drain.c */
int worker_drain(Sched *s, uint32_t worker, bool on);
int drains_go(Sched *s);                    /* chunks that can be taken now */
int chunk_taken(Sched *s, const SchedEvent *e);
int taking_lost(Sched *s, uint32_t from, uint64_t chunk);
int taking_failed(Sched *s, uint32_t from, uint32_t to, uint64_t chunk); /* it does not get there */
int takings_lost(Sched *s, uint32_t worker);
/* The chunk is dropped there: whoever takes it from there need not, and what is made sure is not so. */
int takings_off(Sched *s, uint32_t worker, uint64_t chunk);
bool chunk_on_its_way(const Sched *s, uint64_t chunk);
bool chunk_comes(const Sched *s, uint64_t chunk, uint32_t worker); /* it is to be there, and is wanted there */
/* The chunk is there now: whoever has to fetch it from the old place, for a task that it was given, is told. */
int fetches_turn(Sched *s, uint64_t chunk, uint32_t to);
int fetch_say(Sched *s, Running *r, uint32_t worker, uint32_t chunk, uint32_t from); /* to one of them */
bool running_reads(const Running *r, uint64_t chunk, uint32_t *ret);                 /* or makes it: its number there */
int chunk_relay(Sched *s, uint64_t chunk, uint32_t to); /* its place is to be there, unless it is on its way already */
int spare_begin(Sched *s, const SchedTensor *t, uint32_t chunk);               /* unless its worker has enough to do */
int chunk_confirm(Sched *s, uint64_t tensor, uint64_t chunk, uint32_t worker); /* whether it is there */

/* ---- twin.c: chunks that were made twice */
/* The worker has what is at `kept` already: it is dropped there when both have said their digests, or now if one of
 * them cannot be asked. */
int twin_drop(Sched *s, uint32_t worker, uint64_t chunk, uint32_t kept);
int twin_end(Sched *s, uint32_t worker, uint64_t chunk); /* it is dropped now, if it waits there to be dropped */
int twins_end_of_task(Sched *s, const Running *r, uint32_t task, uint32_t worker); /* the same, of what it makes */
int twins_lost(Sched *s, uint32_t worker);               /* it does not answer any more */
int worker_digested(Sched *s, const SchedEvent *e);

/* ---- place.c */
int running_index(Sched *s, Running *r);
int running_give(Sched *s, Running *r);             /* tasks to workers, as many as their windows take */
int task_give(Sched *s, Running *r, uint32_t task, uint32_t worker); /* this one, there, at once */
/* The chunk has been made: readers that were passed over may be ready. */
int running_woken(Sched *s, Running *r, uint32_t chunk);
bool inputs_made(const Running *r, uint32_t task);
int running_requeue(Running *r, uint32_t task);     /* a task waits again; ready if its inputs are there */
void running_weigh(Running *r);                     /* fills r->work, if there is one */
void task_taken_back(Sched *s, Running *r, uint32_t task); /* it is not at its worker any more, or done */
void task_put_back(Sched *s, Running *r, uint32_t task);   /* it is there still */
void share_clear(Sched *s, Running *r, uint32_t worker); /* nothing is there any more, or waits for it */
int queue_clear(Sched *s, Running *r, uint32_t worker);  /* what waits for the worker may go elsewhere */
uint32_t worker_spread(const Sched *s, uint32_t k, uint32_t n); /* for the k-th of n neighbours */
size_t index_bytes(const Plan *plan);
void index_free(Index *index);

/* ---- lost.c */
int running_review(Sched *s, Running *r);
int task_recall(Sched *s, Running *r, uint32_t task); /* it may have started: then it is done there */
