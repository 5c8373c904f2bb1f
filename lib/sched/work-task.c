/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and their tasks: what the scheduler gives, calls back and forgets; a heap of those that are ready. */
#include "sched/work-state.h"

/* ---- Ready tasks ------------------------------------------------------------------------------------------------ */

bool ready_before(const Ready *a, const Ready *b) {
        return a->plan != b->plan ? a->plan < b->plan : a->position < b->position;
}

Ready ready_of(const Work *w, uint32_t task) {
        const Task *t = &w->task.data[task];

        return (Ready) { .plan = w->job.data[t->plan].run->id, .position = t->position, .task = task };
}

int ready_push(Work *w, Ready ready) {
        uint32_t at;

        if (vec_push(&w->ready, ready) < 0)
                return -ENOMEM;
        for (at = w->ready.n - 1; at > 0 && ready_before(&ready, &w->ready.data[(at - 1) / 2]); at = (at - 1) / 2)
                w->ready.data[at] = w->ready.data[(at - 1) / 2];
        w->ready.data[at] = ready;
        return 0;
}

Ready ready_pop(Work *w) {
        Ready ret = w->ready.data[0], last = vec_pop(&w->ready);
        uint32_t at = 0, n = w->ready.n;

        /* The last one goes far down, mostly to where it came from: the hole is there before it is looked for. */
        for (uint32_t child = 1; child < n; child = 2 * at + 1) {
                child += child + 1 < n && ready_before(&w->ready.data[child + 1], &w->ready.data[child]);
                w->ready.data[at] = w->ready.data[child];
                at                = child;
        }
        for (; at > 0 && ready_before(&last, &w->ready.data[(at - 1) / 2]); at = (at - 1) / 2)
                w->ready.data[at] = w->ready.data[(at - 1) / 2];
        if (n > 0)
                w->ready.data[at] = last;
        return ret;
}

int task_ready(Work *w, uint32_t at) {
        w->task.data[at].state = TASK_READY;
        return ready_push(w, ready_of(w, at));
}

/* ---- Plans ------------------------------------------------------------------------------------------------------ */

Job *job_find(Work *w, uint64_t plan) {
        uint64_t at = map_get(&w->plans, plan);

        return at ? &w->job.data[at - 1] : NULL;
}

int plan_add(Work *w, PlanRun *run) {
        uint32_t at = 0;

        while (at < w->job.n && w->job.data[at].run)
                at++;
        if (at == w->job.n && vec_push(&w->job, (Job) {}) < 0)
                return -ENOMEM;
        if (map_set(&w->plans, run->id, at + 1) < 0)
                return -ENOMEM;
        w->job.data[at] = (Job) { .run = run };
        for (uint32_t v = 0; v < run->plan->value.n; v++)
                if (run->together[v] && !w->job.data[at].together) {
                        w->job.data[at].together = calloc(run->plan->value.n, 1);
                        if (!w->job.data[at].together)
                                return -ENOMEM;
                }
        return 0;
}

int plan_end(Work *w, Job *job) {
        uint64_t id = job->run->id, first = job->run->first_id;
        uint32_t n = job->run->plan->n_chunk;
        int r      = job->together ? together_free(w, job) : 0;

        WorkAction forgotten = { .kind = WORK_FORGOTTEN, .plan = id, .run = job->run, .left = job->left };

        for (uint32_t k = 0; k < w->chunk.n && job->drop == DROP_ALL && r == 0; k++)
                if (w->chunk.data[k].id != 0 && w->chunk.data[k].id - first < n)
                        r = work_drop(w, w->chunk.data[k].id, 1);
        if (!job->left)
                map_remove(&w->plans, id);
        free(job->together);
        *job = (Job) {};
        return r < 0 ? r : work_act(w, &forgotten);
}

/* ---- What the scheduler says ------------------------------------------------------------------------------------ */

static int task_add(Work *w, uint32_t job, const RunTask *given) {
        const PlanRun *run = w->job.data[job].run;
        const Plan *plan   = run->plan;
        uint32_t at        = w->unused_task;
        int r              = 0;

        if (at != NONE)
                w->unused_task = w->task.data[at].next_unused;
        else {
                at = w->task.n;
                if (vec_push(&w->task, (Task) {}) < 0)
                        return -ENOMEM;
        }
        w->task.data[at] = (Task) { .plan       = job,
                                    .task       = given->task,
                                    .position   = given->position,
                                    .refused_at = UINT64_MAX,
                                    .state      = TASK_WAITING };
        w->n_tasks++;
        for (uint32_t k = plan->input_start[given->task]; k < plan->input_start[given->task + 1] && r == 0; k++) {
                Chunk *c = chunk_get(w, plan_run_chunk(run, plan->input_chunk[k]));

                if (!c)
                        return -ENOMEM;
                w->task.data[at].missing +=
                        c->state == CHUNK_ABSENT || c->state == CHUNK_WANTED || c->state == CHUNK_FETCHING;
                r = use_add(w, c, at);
        }
        return r == 0 && w->task.data[at].missing == 0 ? task_ready(w, at) : r;
}

int work_run(Work *w, const WorkEvent *e) {
        Job *job = job_find(w, e->plan);
        int r    = 0;

        assert(job && !job->ending);
        for (uint32_t k = 0; k < e->n_fetch && r == 0; k++)
                r = fetch_add(w, job->run, e->fetch + k);
        for (uint32_t k = 0; k < e->n && r == 0; k++)
                r = task_add(w, (uint32_t) (job - w->job.data), e->task + k);
        return r;
}

int task_end(Work *w, uint32_t at) {
        const PlanRun *run = w->job.data[w->task.data[at].plan].run;
        uint32_t task      = w->task.data[at].task;
        int r              = 0;

        assert(!w->task.data[at].claimed);
        for (uint32_t k = run->plan->input_start[task]; k < run->plan->input_start[task + 1] && r == 0; k++)
                r = use_remove(w, chunk_find(w, plan_run_chunk(run, run->plan->input_chunk[k])), at);
        w->task.data[at] = (Task) { .next_unused = w->unused_task };
        w->unused_task   = at;
        w->n_tasks--;
        return r;
}

/* Takes the marked tasks, of which none runs, out of all lists. */
static int tasks_remove(Work *w, const bool *which) {
        uint32_t n = 0;
        int r      = 0;

        for (uint32_t k = 0; k < w->ready.n; k++)
                if (!which[w->ready.data[k].task])
                        w->ready.data[n++] = w->ready.data[k];
        w->ready.n = 0;
        for (uint32_t k = 0; k < n && r == 0; k++)
                r = ready_push(w, w->ready.data[k]);
        for (uint32_t at = 0; at < w->task.n && r == 0; at++) {
                if (!which[at])
                        continue;
                if (w->task.data[at].state == TASK_LOADING || w->task.data[at].state == TASK_LOADED)
                        r = admitted_end(w, at);
                if (r == 0)
                        r = task_end(w, at);
        }
        return r;
}

static bool task_given(const Task *t) {
        return t->state != TASK_UNUSED && t->state != TASK_RUNNING;
}

int work_recall(Work *w, const WorkEvent *e) {
        _cleanup_(freep) bool *which = calloc(w->task.n + 1, sizeof(*which));
        Job *job                     = job_find(w, e->plan);
        int r                        = 0;

        if (!which)
                return -ENOMEM;
        for (uint32_t k = 0; k < e->n && r == 0 && job; k++)
                for (uint32_t at = 0; at < w->task.n; at++) {
                        const Task *t = &w->task.data[at];

                        if (!task_given(t) || t->task != e->task[k].task || &w->job.data[t->plan] != job)
                                continue;
                        which[at] = true;
                        r = work_act(w, &(WorkAction) { .kind = WORK_RECALLED, .plan = e->plan, .task = t->task });
                }
        return r < 0 ? r : tasks_remove(w, which);
}

static int job_forget(Work *w, Job *job, PlanDrop drop) {
        int r = 0;

        w->n_stopping -= job_stopping(job) ? job->n_running : 0; /* it is told so twice when the scheduler goes */
        job->ending = true;
        job->drop   = drop;
        w->n_stopping += job_stopping(job) ? job->n_running : 0;
        if (drop != DROP_NOTHING) {
                _cleanup_(freep) bool *which = calloc(w->task.n + 1, sizeof(*which));

                if (!which)
                        return -ENOMEM;
                __atomic_store_n(&job->run->canceled, true, __ATOMIC_RELAXED); /* read by threads that run its tasks */
                for (uint32_t at = 0; at < w->task.n; at++)
                        which[at] = task_given(&w->task.data[at]) && &w->job.data[w->task.data[at].plan] == job;
                r = tasks_remove(w, which);
        }
        return r == 0 && job->n_running == 0 ? plan_end(w, job) : r;
}

int work_forget(Work *w, uint64_t plan, PlanDrop drop) {
        Job *job = job_find(w, plan);

        return job ? job_forget(w, job, drop) : 0;
}

int work_leave(Work *w) {
        int r = takes_end(w);

        for (uint32_t k = 0; k < w->job.n && r == 0; k++) {
                Job *job = &w->job.data[k];

                if (!job->run || job->left)
                        continue;
                map_remove(&w->plans, job->run->id);
                job->left = true;
                r = job_forget(w, job, DROP_TASKS);
        }
        return r;
}
