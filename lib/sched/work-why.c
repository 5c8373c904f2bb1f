/* SPDX-License-Identifier: Apache-2.0 */
/* For people: how far a task is that was given to us. Nothing is counted for it beforehand; it looks at every task. */
#include "sched/work-state.h"

/* Its place in `task`, or NONE: it is done, or was never given to us. */
static uint32_t task_find(const Work *w, uint64_t plan, uint32_t task) {
        const uint64_t job = map_get(&w->plans, plan);

        for (uint32_t at = 0; at < w->task.n && job > 0; at++)
                if (w->task.data[at].state != TASK_UNUSED && w->task.data[at].plan == job - 1 &&
                    w->task.data[at].task == task)
                        return at;
        return NONE;
}

static void look_at_inputs(Work *w, const Task *t, WorkWhy *ret) {
        const PlanRun *run = w->job.data[t->plan].run;

        for (uint32_t k = run->plan->input_start[t->task]; k < run->plan->input_start[t->task + 1]; k++) {
                const Chunk *c = chunk_find(w, plan_run_chunk(run, run->plan->input_chunk[k]));

                if (c && (c->state == CHUNK_HERE || c->state == CHUNK_AWAY || c->state == CHUNK_RETURNING))
                        continue;
                ret->n_missing++;
                if (!c || c->state == CHUNK_ABSENT || ret->from != WORKER_NONE)
                        continue;
                ret->from       = c->from;
                ret->on_its_way = c->state == CHUNK_FETCHING;
        }
}

bool work_why(Work *w, uint64_t plan, uint32_t task, WorkWhy *ret) {
        const uint32_t at = task_find(w, plan, task);
        const Task *t     = at == NONE ? NULL : &w->task.data[at];

        if (!t)
                return false;
        *ret = (WorkWhy) { .from = WORKER_NONE };
        switch (t->state) {
        case TASK_UNUSED:
        case TASK_WAITING:
                ret->state = WORK_NEEDS_INPUT;
                look_at_inputs(w, t, ret);
                break;
        case TASK_READY: /* in their order: who does not fit holds up those behind */
                ret->short_bytes = task_short(w, ready_first(w));
                if (ret->short_bytes == 0)
                        ret->short_bytes = task_short(w, at);
                ret->state = ret->short_bytes > 0 ? WORK_NEEDS_MEMORY : WORK_NEEDS_THREAD;
                break;
        case TASK_LOADING:
                ret->state     = WORK_NEEDS_DISK;
                ret->n_missing = t->missing;
                break;
        case TASK_LOADED:
                ret->state = WORK_NEEDS_THREAD;
                break;
        case TASK_RUNNING:
                ret->state = WORK_RUNS;
                while (w->thread[ret->thread] != at)
                        ret->thread++;
                break;
        }
        return true;
}
