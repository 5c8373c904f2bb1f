/* SPDX-License-Identifier: Apache-2.0 */
/* For people: what a request waits for. The plan's order puts whoever makes a chunk before those who read it, so all
 * inputs of the first task that is not done are there, and what holds this task up is all that there is to say. */
#include "sched/state.h"

static WhyReason reason_of(const Sched *s, const Running *r, uint32_t task) {
        if (r->ending)
                return WHY_ENDING;
        if (r->state[task] == TASK_GIVEN || r->state[task] == TASK_RECALLED)
                return WHY_GIVEN;
        if (s->n_open == 0)
                return WHY_NO_WORKERS;
        return r->n_lacking > 0 ? WHY_LOST : WHY_FULL;
}

bool sched_why(const Sched *s, uint64_t request, SchedWhy *ret) {
        const Request *q = (Request *) (uintptr_t) map_get(&s->requests, request);
        const Running *r = q ? q->running : NULL;
        uint32_t k       = 0;

        if (!r)
                return false;
        while (k + 1 < r->plan->n_task && r->state[r->plan->order[k]] == TASK_DONE)
                k++;
        *ret = (SchedWhy) { .worker  = WORKER_NONE,
                            .reason  = r->plan->n_task > 0 ? reason_of(s, r, r->plan->order[k])
                                       : s->n_open == 0    ? WHY_NO_WORKERS
                                                           : WHY_LOST,
                            .n_task  = r->plan->n_task,
                            .n_done  = r->n_done,
                            .n_given = r->n_given };
        if (ret->reason == WHY_GIVEN)
                ret->worker = r->place[r->plan->order[k]];
        for (q = q->before; q; q = q->before)
                ret->n_ahead++;
        if (r->plan->n_task > 0)
                plan_run_print(&r->run, r->plan->order[k], ret->task, sizeof(ret->task));
        return true;
}
