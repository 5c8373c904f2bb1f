/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For people: what there is to be seen of a machine that works. Nothing is counted for it while tasks are given and
 * done; who looks counts. */
#include "sched/sched.h"

typedef struct SchedLook {
        uint64_t plan;            /* of the request, that is under way */
        const Plan *of;           /* it; valid until the next step */
        const uint8_t *state;     /* of its tasks */
        uint64_t n_before;        /* tasks of earlier plans of the request, which are done */
        uint32_t n_done, n_given; /* of this one's; given: and not done */
} SchedLook;
/* False: there is no such request (any more). */
bool sched_look(const Sched *sched, uint64_t request, SchedLook *ret);
/* Tasks of one stage: goes through all of them, some 10⁹ a second. */
void sched_look_stage(const SchedLook *look, uint32_t stage, uint32_t *ret_done, uint32_t *ret_given);

/* Tasks of all plans under way. */
typedef struct SchedTasks {
        uint64_t n_task, n_done, n_given;
} SchedTasks;
void sched_tasks(const Sched *sched, SchedTasks *ret);

/* The next tensor from *at on, which begins at 0, in no order; ghosts are left out. NULL: there is no more. Nothing may
 * step in between. */
const SchedTensor *sched_tensor_next(const Sched *sched, uint32_t *at);
