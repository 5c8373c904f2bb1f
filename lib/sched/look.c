/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/look.h"
#include "sched/state.h"

bool sched_look(const Sched *s, uint64_t request, SchedLook *ret) {
        const Request *q = (Request *) (uintptr_t) map_get(&s->requests, request);
        const Running *r = q ? q->running : NULL;

        if (!r)
                return false;
        *ret = (SchedLook) { .plan     = r->run.id,
                             .of       = r->plan,
                             .sched    = s,
                             .running  = r,
                             .state    = r->state,
                             .n_before = q->n_done_before,
                             .n_done   = r->n_done,
                             .n_given  = r->n_given };
        return true;
}

void sched_look_stage(const SchedLook *look, uint32_t stage, uint32_t *ret_done, uint32_t *ret_given) {
        const Stage *of      = &look->of->stage.data[stage];
        const uint8_t *state = look->state + of->first_task;
        uint32_t n_done = 0, n_waiting = 0;

        for (uint32_t k = 0; k < of->n_task; k++) {
                n_done += state[k] == TASK_DONE;
                n_waiting += state[k] == TASK_WAITING;
        }
        *ret_done  = n_done;
        *ret_given = of->n_task - n_done - n_waiting;
}

void sched_tasks(const Sched *s, SchedTasks *ret) {
        *ret = (SchedTasks) {};
        for (const Running *r = s->first_running; r; r = r->after) {
                ret->n_task += r->plan->n_task;
                ret->n_done += r->n_done;
                ret->n_given += r->n_given;
        }
}

const SchedTensor *sched_tensor_next(const Sched *s, uint32_t *at) {
        while (*at < s->tensors.capacity) {
                const SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[(*at)++].value;

                if (t && t->n_refs > 0)
                        return t;
        }
        return NULL;
}
