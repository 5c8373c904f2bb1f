/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The worker, as a pure machine. It knows the tasks that were given to it, which of their inputs are here, and how much
 * memory is in use; threads ask it for work (WORK_NEXT) and report (WORK_FINISHED). Ready tasks start in the order
 * of their plans. A task starts when outputs and scratch fit into memory, all or nothing; if a task does not fit,
 * later ones wait with it, unless nothing runs that could make room: then the first that fits goes, and if none does
 * the task fails with both numbers. */
#include "sched/sched.h"

typedef struct Work Work;

typedef enum WorkEventKind {
        WORK_PLAN,         /* run: valid until FORGOTTEN */
        WORK_RUN,          /* plan, n, task[], n_fetch, fetch[] */
        WORK_RECALL,       /* plan, n, task[] */
        WORK_DROP,         /* chunk, n: ids */
        WORK_FORGET,       /* plan, drop */
        WORK_ADOPT,        /* chunk, n: ids that are here from now on, in memory that is not ours */
        WORK_FETCHED,      /* chunk, bytes: it has arrived */
        WORK_FETCH_FAILED, /* chunk, from: the other worker is gone; the scheduler will say more */
        WORK_NEXT,         /* thread: asks for a task */
        WORK_GROUP,        /* plan, value, ok: whether the piece of memory for all its chunks could be had */
        WORK_REFUSED,      /* thread: its task found no memory; it is ready again */
        WORK_FINISHED,     /* thread, bytes[] of each output, error if it failed (nothing was made then) */
} WorkEventKind;

typedef struct WorkEvent {
        WorkEventKind kind;
        uint32_t thread;
        uint64_t plan, chunk;
        PlanRun *run;
        uint32_t n, n_fetch, value, from;
        const RunTask *task;
        const RunFetch *fetch;
        bool drop, ok;
        size_t size_bytes;     /* FETCHED */
        const size_t *bytes;   /* FINISHED: one per output of the task */
        const int64_t *length; /* FINISHED: of each output of unknown length */
        const Error *error;
} WorkEvent;

typedef enum WorkActionKind {
        WORK_START,     /* thread, run, task. Its memory is counted already */
        WORK_TOGETHER,  /* run, value: reserve its chunks in one piece, say how it went (WORK_GROUP); before START */
        WORK_FETCH,     /* chunk id, from: get it, then FETCHED or FETCH_FAILED */
        WORK_FREE,      /* chunk ids [chunk, chunk + n): give their memory back, also of those only reserved */
        WORK_DONE,      /* plan, task, lengths [first, first + n): to the scheduler, as the following */
        WORK_FAILED,    /* plan, task, error */
        WORK_RECALLED,  /* plan, task */
        WORK_FORGOTTEN, /* plan */
} WorkActionKind;

typedef struct WorkAction {
        WorkActionKind kind;
        uint32_t thread, task, value, from, first, n;
        uint64_t plan, chunk;
        PlanRun *run;
        const Error *error; /* valid until the next step */
} WorkAction;

typedef struct WorkActions {
        Vec(WorkAction) action;
        Vec(int64_t) length;
} WorkActions;

void work_actions_clear(WorkActions *actions);
void work_actions_done(WorkActions *actions);

int work_new(Work **ret, uint32_t n_threads, size_t memory_bytes);
Work *work_free(Work *work);
DEFINE_CLEANUP(Work *, work_free)

/* 0, or -ENOMEM: then the machine is to be thrown away. */
int work_step(Work *work, const WorkEvent *event, WorkActions *ret) _must_check_;

uint32_t work_n_ready(const Work *work);   /* tasks that could start if there is memory */
uint32_t work_n_running(const Work *work);
/* Whether the chunks of the value were reserved in one piece. */
bool work_together(const Work *work, uint64_t plan, uint32_t value);

typedef struct WorkStats {
        uint64_t n_chunks, n_tasks, n_plans;
        size_t used_bytes;
        uint64_t state_bytes;
} WorkStats;
void work_stats(const Work *work, WorkStats *ret);
bool work_consistent(const Work *work); /* for tests; slow */
