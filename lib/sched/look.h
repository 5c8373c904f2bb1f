/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For people: what there is to be seen of a machine that works. Nothing is counted for it while tasks are given and
 * done; who looks counts. */
#include "sched/sched.h"

typedef struct SchedLook {
        uint64_t plan;            /* of the request, that is under way */
        const Plan *of;           /* it; valid until the next step */
        const Sched *sched;
        const struct Running *running;
        const uint8_t *state;     /* of its tasks */
        uint64_t n_before;        /* tasks of earlier plans of the request, which are done */
        uint32_t n_done, n_given; /* of this one's; given: and not done */
} SchedLook;
/* False: there is no such request (any more). */
bool sched_look(const Sched *sched, uint64_t request, SchedLook *ret);
/* Tasks of one stage: goes through all of them, some 10⁹ a second. */
void sched_look_stage(const SchedLook *look, uint32_t stage, uint32_t *ret_done, uint32_t *ret_given);

/* A task has a number in its request, which no other one of it ever has: tasks of earlier plans come first. */
typedef enum TaskReason {
        TASK_IS_DONE,
        TASK_IS_GIVEN,      /* `worker` has it, and knows more */
        TASK_IS_ENDING,     /* its request has failed or was canceled */
        TASK_NEEDS_WORKERS, /* there is none that may be given tasks */
        TASK_NEEDS_LOST,    /* an input was there, was lost, and is being made again */
        TASK_NEEDS_INPUT,   /* an input is not made yet: by `maker` */
        TASK_IS_QUEUED,     /* its inputs are there, most at `worker`, which has other tasks to do before */
        TASK_IS_NEXT,       /* its inputs are there, and all workers have as much as they are given at a time */
} TaskReason;

enum { TASK_WORDS = 128 };

typedef struct SchedTask {
        uint64_t task;   /* in its request */
        uint32_t number; /* in its plan */
        char makes[TASK_WORDS];
        TaskReason reason;
        uint32_t worker; /* that it was given to, or is to be; WORKER_NONE */
        uint32_t n_inputs, n_made;
} SchedTask;
/* The next one that is not done, from *at on, which begins at 0, in the order of the plan: of those that workers have,
 * or of the others. False: there is no more. Whether a task is queued is left open: it is TASK_IS_NEXT. */
bool sched_look_task(const SchedLook *look, bool given, uint32_t *at, SchedTask *ret);

typedef struct SchedTaskWhy {
        uint64_t plan;
        SchedTask task, maker; /* maker: TASK_NEEDS_INPUT only; its own inputs may be missing again */
} SchedTaskWhy;
/* What the task waits for; false: it is not known. Looks at every task, and at every queue. */
bool sched_why_task(const Sched *sched, uint64_t request, uint64_t task, SchedTaskWhy *ret);

/* Tasks of all plans under way. */
typedef struct SchedTasks {
        uint64_t n_task, n_done, n_given;
} SchedTasks;
void sched_tasks(const Sched *sched, SchedTasks *ret);

/* The next tensor from *at on, which begins at 0, in no order; ghosts are left out. NULL: there is no more. Nothing may
 * step in between. */
const SchedTensor *sched_tensor_next(const Sched *sched, uint32_t *at);
