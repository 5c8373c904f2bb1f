/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The worker, as a pure machine. It knows the tasks that were given to it, which of their inputs are here, and how much
 * memory is in use; threads ask it for work (WORK_NEXT) and report (WORK_FINISHED). Ready tasks start in the order
 * of their plan, and plans have their turns. A thread that holds several tasks at a time asks for each under a number
 * of its own: `thread` is less than n_threads * tasks_per_thread.
 *
 * A task is admitted all or nothing: when its outputs, its scratch and those of its inputs that are on disk fit into
 * memory. From then on its inputs stay; when the last of them is back it starts. What nobody needs now makes room:
 * chunks are written (WORK_SPILL), then forgotten (WORK_EVICT), and come back when they are needed (WORK_RETURN), in
 * the order that evict.h says. Above the soft limit nothing new is admitted while anything is under way. If a task does
 * not fit, later ones wait with it, unless nothing is under way that could make room: then the first that fits goes,
 * and if none does the task fails with both numbers.
 *
 * It can be told to be careful (WORK_CAREFUL): then fewer threads get tasks than there are, and the soft limits are
 * half of what they were: what is above them is written and forgotten before another task starts.
 *
 * When the scheduler is gone (WORK_LEAVE) its plans are forgotten and nothing is told of them any more, but chunks
 * stay, and belong to nobody until a scheduler that has been told of them (work_list) has them dropped or read. */
#include "sched/sched.h"

typedef struct Work Work;

typedef struct WorkLimits {
        size_t cache_bytes;    /* of chunks in memory */
        size_t hard_bytes;     /* of chunks, scratch and overhead */
        size_t soft_bytes;     /* of the same; the cache has a soft limit in the same proportion */
        size_t overhead_bytes; /* what the process needs besides */
        uint32_t tasks_per_thread; /* that it may hold at a time; 0: one */
        bool spill;            /* chunks may be written */
} WorkLimits;

typedef enum WorkEventKind {
        WORK_PLAN,         /* run: valid until FORGOTTEN */
        WORK_RUN,          /* plan, n, task[], n_fetch, fetch[] */
        WORK_RECALL,       /* plan, n, task[] */
        WORK_DROP,         /* chunk, n: ids */
        WORK_FORGET,       /* plan, drop */
        WORK_LEAVE,        /* whoever gave the plans is gone: all are forgotten (FORGOTTEN, `left`), tasks that run
                              end and make nothing, TAKEs are off, chunks stay */
        WORK_TAKE,         /* chunk, bytes, from: fetch it and keep it; from WORKER_NONE: say whether it is here. Answer
                              TAKEN, once */
        WORK_RESTORE,      /* chunk, bytes: it was found in memory from before; on disk, too, if it was OFFERed */
        WORK_ADOPT,        /* chunk, n: ids that are here from now on, in memory that is not ours */
        WORK_OFFER,        /* chunk, bytes: it is nowhere in memory, and can be read (RETURN) whenever it is needed */
        WORK_EXPECT,       /* chunk, bytes: somebody outside will give it (FETCH from WORKER_NONE), and it stays. TAKEN
                              follows, at once if it is here already */
        WORK_FETCHED,      /* chunk, bytes: it has arrived */
        WORK_FETCH_FAILED, /* chunk, from: the other worker is gone, or has it no more; the scheduler will say more.
                              error: why a TAKE fails */
        WORK_NEXT,         /* thread: asks for a task */
        WORK_GROUP,        /* plan, value, ok: whether the piece of memory for all its chunks could be had */
        WORK_REFUSED,      /* thread: its task found no memory; it is ready again */
        WORK_FINISHED,     /* thread, bytes[] of each output, error if it failed (nothing was made then) */
        WORK_SPILLED,      /* chunk, error if it was not written: it is in memory still */
        WORK_RETURNED,     /* chunk, ok: it is in memory; or error; or neither: the store had no room for it. An error
                              fails who waits, and it may be tried again; unless it is lost: then it is nowhere */
        WORK_PIN,          /* pin (a new number), chunk, n, brief: somebody will read these chunks; answer PINNED */
        WORK_UNPIN,        /* pin, chunk, n, brief: as they were pinned, or waited for */
        WORK_OVERHEAD,     /* bytes: what the process needs besides, from now on (WorkLimits.overhead_bytes) */
        WORK_CAREFUL,      /* n: no more threads than these get tasks from now on; 0: all do, it is careful no more */
} WorkEventKind;

typedef struct WorkEvent {
        WorkEventKind kind;
        uint32_t thread;
        uint64_t plan, chunk, pin;
        PlanRun *run;
        uint32_t n, n_fetch, value, from;
        const RunTask *task;
        const RunFetch *fetch;
        PlanDrop drop;
        bool ok;
        bool lost;             /* RETURNED, with an error: what the disk has is not the chunk any more */
        bool brief;            /* PIN: it will end without waiting for anything of ours */
        size_t size_bytes;     /* EXPECT, TAKE, RESTORE, FETCHED, OVERHEAD */
        const size_t *bytes;   /* FINISHED: one per output of the task */
        const int64_t *length; /* FINISHED: of each output of unknown length */
        const Error *error;
} WorkEvent;

typedef enum WorkActionKind {
        WORK_START,    /* thread, run, task. Its memory is counted already */
        WORK_TOGETHER, /* run, value: reserve its chunks in one piece, say how it went (WORK_GROUP); before START */
        WORK_FREE,     /* chunk ids [chunk, chunk + n): give back memory and file, also of those only reserved */
        WORK_SPILL,    /* chunk: write it, then SPILLED */
        WORK_EVICT,    /* chunk: give back its memory; it has been written */
        WORK_RETURN,   /* chunk: read it, then RETURNED */
        WORK_PINNED,   /* pin, error if the chunks cannot be had (they are not pinned then) */
        /* From here on: for others than those who run this worker's tasks. */
        WORK_FETCH,     /* chunk id, from (WORKER_NONE: who gave it): get it, then FETCHED or FETCH_FAILED */
        WORK_DONE,      /* plan, task, lengths [first, first + n): to the scheduler, as the following */
        WORK_FAILED,    /* plan, run, task, error */
        WORK_RECALLED,  /* plan, task */
        WORK_FORGOTTEN, /* plan, run, which is not used any more; left: who gave it is gone, tell nobody */
        WORK_TAKEN,     /* chunk, error: it is here to stay, or is not; asked: the answer to a TAKE, else to EXPECT */
        WORK_LOST,      /* chunk, error: it was here, and is nowhere. Its readers wait for what the scheduler does */
} WorkActionKind;

typedef struct WorkAction {
        WorkActionKind kind;
        uint32_t thread, task, value, from, first, n;
        uint64_t plan, chunk, pin;
        PlanRun *run;
        bool left, asked;
        uint32_t error; /* number in WorkActions.error, plus 1; 0: none */
} WorkAction;

/* Filled by steps, in the order in which they are to be carried out; emptied by the caller. */
typedef struct WorkActions {
        Vec(WorkAction) action;
        Vec(int64_t) length;
        Vec(Error) error;
} WorkActions;

void work_actions_clear(WorkActions *actions);
void work_actions_done(WorkActions *actions);
static inline const Error *work_error(const WorkActions *actions, const WorkAction *action) {
        return action->error > 0 ? &actions->error.data[action->error - 1] : NULL;
}
/* Of WORK_DONE: n lengths; NULL: there are none in the whole list. */
static inline const int64_t *work_lengths(const WorkActions *actions, const WorkAction *action) {
        return actions->length.n > 0 ? actions->length.data + action->first : NULL;
}

int work_new(Work **ret, uint32_t n_threads, const WorkLimits *limits);
Work *work_free(Work *work);
DEFINE_CLEANUP(Work *, work_free)

/* 0, or -ENOMEM: then the machine is to be thrown away. */
int work_step(Work *work, const WorkEvent *event, WorkActions *ret) _must_check_;

uint32_t work_n_ready(const Work *work);   /* tasks that could start if there is memory */
uint32_t work_n_running(const Work *work);
uint32_t work_n_flying(const Work *work);  /* chunks on their way to disk or back */
/* Whether the chunks of the value were reserved in one piece. */
bool work_together(const Work *work, uint64_t plan, uint32_t value);
bool work_here(const Work *work, uint64_t chunk); /* in memory */
/* What is here to stay, in memory or on disk: for what a scheduler is told (HOLDS). The next one from *at, which begins
 * at 0, with its size; false: there is no more. Between events only. */
bool work_list(const Work *work, uint32_t *at, uint64_t *ret_chunk, size_t *ret_bytes);

/* For people: what a task does that was given to us. */
typedef enum WorkState {
        WORK_NEEDS_INPUT, /* n_missing are not here; of those that others have one is had `from` a worker, or will be */
        WORK_NEEDS_MEMORY, /* or somebody before it does: short_bytes more */
        WORK_NEEDS_DISK,   /* its memory is its own; n_missing inputs are on their way into it */
        WORK_NEEDS_THREAD,
        WORK_RUNS, /* `thread` has it */
} WorkState;

typedef struct WorkWhy {
        WorkState state;
        uint32_t thread, n_missing, from; /* from WORKER_NONE: all that is missing is made here */
        bool on_its_way;                  /* from there; or there is no room for it yet */
        size_t short_bytes;
} WorkWhy;
bool work_why(Work *work, uint64_t plan, uint32_t task, WorkWhy *ret); /* false: it is done, or was not given to us */

typedef struct WorkStats {
        uint64_t n_chunks, n_tasks, n_plans;
        size_t used_bytes;  /* chunks and scratch */
        size_t chunk_bytes; /* in memory or on their way into it */
        size_t away_bytes;  /* on disk alone */
        uint64_t n_spilled, n_evicted, n_returned;
        uint64_t n_pins;    /* of chunks, by clients */
        uint64_t state_bytes;
} WorkStats;
void work_stats(const Work *work, WorkStats *ret);
bool work_consistent(const Work *work); /* for tests; slow */
