/* SPDX-License-Identifier: Apache-2.0 */
/* For people: what a request waits for, and what one of its tasks does. The plan's order puts whoever makes a chunk
 * before those who read it, so all inputs of the first task that is not done are there, and what holds this task up is
 * all that there is to say of the request. */
#include "sched/look.h"
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
                            .too     = WORKER_NONE,
                            .reason  = r->plan->n_task > 0 ? reason_of(s, r, r->plan->order[k])
                                       : s->n_open == 0    ? WHY_NO_WORKERS
                                                           : WHY_LOST,
                            .n_task  = r->plan->n_task,
                            .n_done  = r->n_done,
                            .n_given = r->n_given };
        if (ret->reason == WHY_GIVEN) {
                ret->worker = r->place[r->plan->order[k]];
                ret->late   = s->worker.data[ret->worker].late;
                ret->too    = second_worker(s, r, r->plan->order[k]);
        }
        for (q = q->before; q; q = q->before)
                ret->n_ahead++;
        if (r->plan->n_task > 0)
                plan_run_print(&r->run, r->plan->order[k], ret->task, sizeof(ret->task));
        return true;
}

/* ---- One task --------------------------------------------------------------------------------------------------- */

/* The task that makes the chunk, or TASK_NONE. */
static uint32_t maker_of(const Running *r, uint32_t chunk) {
        const Plan *plan = r->plan;

        if (r->index)
                return r->index->maker[chunk];
        if (r->run.leaf_first[plan->chunk_value[chunk]] != 0)
                return TASK_NONE;
        for (uint32_t task = 0; task < plan->n_task; task++)
                for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1]; k++)
                        if (plan->output_chunk[k] == chunk)
                                return task;
        return TASK_NONE;
}

/* `ret_missing`: the first chunk that is not there, of those that it reads. */
static void task_look(const Sched *s, const Request *q, const Running *r, uint32_t task, SchedTask *ret,
                      uint32_t *ret_missing) {
        const Plan *plan = r->plan;

        *ret = (SchedTask) { .task     = q->n_done_before + task,
                             .number   = task,
                             .worker   = WORKER_NONE,
                             .n_inputs = plan->input_start[task + 1] - plan->input_start[task] };
        plan_run_print(&r->run, task, ret->makes, sizeof(ret->makes));
        for (uint32_t k = plan->input_start[task + 1]; k > plan->input_start[task]; k--)
                if (chunk_made(r, plan->input_chunk[k - 1]))
                        ret->n_made++;
                else
                        *ret_missing = plan->input_chunk[k - 1];
        if (r->state[task] == TASK_DONE || task_given(r, task)) {
                ret->reason = r->state[task] == TASK_DONE ? TASK_IS_DONE : TASK_IS_GIVEN;
                ret->worker = r->place[task];
                if (ret->reason == TASK_IS_DONE) /* who made it may have dropped them */
                        ret->n_made = ret->n_inputs;
        } else if (r->ending)
                ret->reason = TASK_IS_ENDING;
        else if (ret->n_made < ret->n_inputs)
                ret->reason = maker_of(r, *ret_missing) == TASK_NONE ? TASK_NEEDS_LOST : TASK_NEEDS_INPUT;
        else
                ret->reason = s->n_open == 0 ? TASK_NEEDS_WORKERS : TASK_IS_NEXT;
}

bool sched_look_task(const SchedLook *look, bool given, uint32_t *at, SchedTask *ret) {
        const Running *r = look->running;
        uint32_t missing = 0;

        while (*at < r->plan->n_task) {
                const uint32_t task = r->plan->order[(*at)++];

                if (r->state[task] == TASK_DONE || task_given(r, task) != given)
                        continue;
                task_look(look->sched, r->request, r, task, ret, &missing);
                return true;
        }
        return false;
}

/* The worker that it waits for, or WORKER_NONE. */
static uint32_t queue_of(const Running *r, uint32_t task) {
        for (uint32_t w = 0; w < r->share.n; w++)
                for (uint32_t k = 0; k < r->share.data[w].queue.n; k++)
                        if (r->plan->order[r->share.data[w].queue.data[k]] == task)
                                return w;
        return WORKER_NONE;
}

bool sched_why_task(const Sched *s, uint64_t request, uint64_t task, SchedTaskWhy *ret) {
        const Request *q = (Request *) (uintptr_t) map_get(&s->requests, request);
        const Running *r = q ? q->running : NULL;
        uint32_t missing = 0, ignored = 0;

        if (!r || task >= q->n_done_before + r->plan->n_task)
                return false;
        *ret = (SchedTaskWhy) { .plan = r->run.id };
        if (task < q->n_done_before) { /* of a plan that is gone */
                ret->task = (SchedTask) { .task = task, .reason = TASK_IS_DONE, .worker = WORKER_NONE };
                return true;
        }
        task_look(s, q, r, (uint32_t) (task - q->n_done_before), &ret->task, &missing);
        if (ret->task.reason == TASK_NEEDS_INPUT)
                task_look(s, q, r, maker_of(r, missing), &ret->maker, &ignored);
        if (ret->task.reason == TASK_IS_NEXT)
                ret->task.worker = queue_of(r, ret->task.number);
        if (ret->task.worker != WORKER_NONE && ret->task.reason == TASK_IS_NEXT)
                ret->task.reason = TASK_IS_QUEUED;
        return true;
}
