/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and their tasks: what the scheduler gives, calls back and forgets; which are ready, and whose turn it is. */
#include <string.h>

#include "sched/work-state.h"

enum {
        LINE_LEAST = 64,         /* tasks that have gone are kept in the line, not to move the rest for each of them */
        TURN_WORK  = 1 << 20,    /* of a plan before it is another one's turn: a fraction of a millisecond, and many
                                    times what it costs to look at all plans */
        BRIEF_WORK = 256 << 20,  /* to have done less is little: some hundredths of a second */
};

/* ---- Ready tasks ------------------------------------------------------------------------------------------------ */

bool order_before(const Order *a, const Order *b) {
        return a->plan != b->plan ? a->plan < b->plan : a->position < b->position;
}

Order order_of(const Work *w, uint32_t task) {
        const Task *t = &w->task.data[task];

        return (Order) { .plan = w->job.data[t->plan].run->id, .position = t->position };
}

static uint32_t job_n_ready(const Job *job) {
        return job->line.n - job->line_at + job->early.n;
}

static int early_push(Job *job, Ready ready) {
        uint32_t at;

        if (vec_push(&job->early, ready) < 0)
                return -ENOMEM;
        assert(job->early.data);
        for (at = job->early.n - 1; at > 0 && ready.position < job->early.data[(at - 1) / 2].position;
             at = (at - 1) / 2)
                job->early.data[at] = job->early.data[(at - 1) / 2];
        job->early.data[at] = ready;
        return 0;
}

static uint32_t early_pop(Job *job) {
        const uint32_t ret = job->early.data[0].task;
        const Ready last   = vec_pop(&job->early);
        uint32_t at = 0, n = job->early.n;

        for (uint32_t child = 1; child < n; child = 2 * at + 1) {
                child += child + 1 < n && job->early.data[child + 1].position < job->early.data[child].position;
                if (job->early.data[child].position >= last.position)
                        break;
                job->early.data[at] = job->early.data[child];
                at                  = child;
        }
        if (n > 0)
                job->early.data[at] = last;
        return ret;
}

static int line_push(Job *job, Ready ready) {
        if (job->line_at >= LINE_LEAST && job->line_at > job->line.n / 2) {
                job->line.n -= job->line_at;
                memmove(job->line.data, job->line.data + job->line_at, job->line.n * sizeof(Ready));
                job->line_at = 0;
        }
        return vec_push(&job->line, ready);
}

static bool early_is_first(const Job *job) {
        return job->early.n > 0 &&
               (job->line_at == job->line.n || job->early.data[0].position < job->line.data[job->line_at].position);
}

int task_ready(Work *w, uint32_t at) {
        Task *t           = &w->task.data[at];
        Job *job          = &w->job.data[t->plan];
        Sharer *share     = &w->share.data[job->share];
        const Ready ready = { .position = t->position, .task = at };
        const bool late   = job->line_at == job->line.n || job->line.data[job->line.n - 1].position < ready.position;

        if (job_n_ready(job) == 0) /* what it could not use meanwhile it does not get later */
                job->served = MAX(job->served, share->plans);
        if (share->n_ready++ == 0)
                share->served = MAX(share->served, w->served);
        t->state = TASK_READY;
        w->n_ready++;
        return late ? line_push(job, ready) : early_push(job, ready);
}

/* ---- Whose turn it is ------------------------------------------------------------------------------------------- */

/* The policy: of sessions that have something to do the one that was served least has its turn, and of its plans the
 * one that was, so that none waits until another one has ended, however much that has to do, and however many they are.
 * But when memory is short plans go one after the other, all but those that have done little so far: each that is under
 * way has chunks, for which the others' would have to leave. */
static bool goes_before(const Work *w, const Job *a, const Job *b) {
        const bool a_waits = w->rating && a->done_work > BRIEF_WORK, b_waits = w->rating && b->done_work > BRIEF_WORK;
        const Sharer *a_share = &w->share.data[a->share], *b_share = &w->share.data[b->share];

        if (a_waits != b_waits)
                return b_waits;
        if (!a_waits && a_share->served != b_share->served)
                return a_share->served < b_share->served;
        if (!a_waits && a->served != b->served)
                return a->served < b->served;
        return a->run->id < b->run->id;
}

static Job *turn_job(Work *w) {
        Job *best = NULL, *last;
        Sharer *share;

        assert(w->n_ready > 0 && w->job.data && w->turn < w->job.n);
        last = &w->job.data[w->turn]; /* or one that has its place now */
        if (job_n_ready(last) > 0 && last->served < w->turn_end)
                return last;
        for (uint32_t k = 0; k < w->job.n; k++) {
                Job *job = &w->job.data[k];

                if (job_n_ready(job) > 0 && (!best || goes_before(w, job, best)))
                        best = job;
        }
        assert(best);
        share        = &w->share.data[best->share];
        w->turn      = (uint32_t) (best - w->job.data);
        w->turn_end  = best->served + TURN_WORK;
        w->served    = MAX(w->served, share->served);
        share->plans = MAX(share->plans, best->served);
        return best;
}

void job_serve(Work *w, Job *job, uint64_t work) {
        job->done_work += work;
        job->served += work;
        w->share.data[job->share].served += work;
}

uint32_t ready_first(Work *w) {
        const Job *job = turn_job(w);

        return early_is_first(job) ? job->early.data[0].task : job->line.data[job->line_at].task;
}

uint32_t ready_pop(Work *w) {
        Job *job = turn_job(w);

        w->n_ready--;
        w->share.data[job->share].n_ready--;
        return early_is_first(job) ? early_pop(job) : job->line.data[job->line_at++].task;
}

/* ---- Plans ------------------------------------------------------------------------------------------------------ */

Job *job_find(Work *w, uint64_t plan) {
        uint64_t at = map_get(&w->plans, plan);

        return at ? &w->job.data[at - 1] : NULL;
}

void job_clear(Job *job) {
        free(job->together);
        free(job->work);
        vec_free(&job->line);
        vec_free(&job->early);
        *job = (Job) {};
}

/* The session's share, with one job more; NONE: no memory. */
static uint32_t share_get(Work *w, uint64_t session) {
        uint32_t at = 0, unused = w->share.n;

        for (; at < w->share.n; at++) {
                if (w->share.data[at].n_jobs > 0 && w->share.data[at].session == session)
                        break;
                if (w->share.data[at].n_jobs == 0)
                        unused = at;
        }
        if (at == w->share.n && unused == at && vec_push(&w->share, (Sharer) {}) < 0)
                return NONE;
        if (at == w->share.n || w->share.data[at].n_jobs == 0) {
                at                = unused;
                w->share.data[at] = (Sharer) { .session = session, .served = w->served + TURN_WORK };
        }
        w->share.data[at].n_jobs++;
        return at;
}

int plan_add(Work *w, PlanRun *run) {
        const uint32_t share = share_get(w, run->session);
        uint32_t at          = 0;

        if (share == NONE)
                return -ENOMEM;

        while (at < w->job.n && w->job.data[at].run)
                at++;
        if (at == w->job.n && vec_push(&w->job, (Job) {}) < 0)
                return -ENOMEM;
        if (map_set(&w->plans, run->id, at + 1) < 0)
                return -ENOMEM;
        /* Behind a turn of those that are there: else they would wait for ever while others keep coming. */
        w->job.data[at] = (Job) { .run    = run,
                                  .share  = share,
                                  .work   = malloc((run->plan->stage.n + 1) * sizeof(uint64_t)),
                                  .served = w->share.data[share].plans + TURN_WORK };
        if (!w->job.data[at].work)
                return -ENOMEM;
        plan_run_weigh(run->plan, w->job.data[at].work);
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
        w->share.data[job->share].n_jobs--;
        job_clear(job);
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
        for (uint32_t k = 0; k < e->n_fetch && r == 0; k++) {
                Chunk *c = chunk_find(w, plan_run_chunk(job->run, e->fetch[k].chunk));

                if (c && c->state == CHUNK_WANTED && c->first == NONE)
                        r = chunk_settle(w, c); /* who was to read it was called back: it need not come */
        }
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

/* The marked tasks of the job are ready no more. */
static int ready_remove(Work *w, Job *job, const bool *which) {
        uint32_t n = 0, n_early = job->early.n;
        int r      = 0;

        if (!job->run)
                return 0;
        w->n_ready -= job_n_ready(job);
        w->share.data[job->share].n_ready -= job_n_ready(job);
        for (; job->line_at < job->line.n; job->line_at++)
                if (!which[job->line.data[job->line_at].task])
                        job->line.data[n++] = job->line.data[job->line_at];
        job->line.n  = n;
        job->line_at = job->early.n = 0;
        for (uint32_t k = 0; k < n_early && r == 0; k++)
                if (!which[job->early.data[k].task])
                        r = early_push(job, job->early.data[k]);
        w->n_ready += job_n_ready(job);
        w->share.data[job->share].n_ready += job_n_ready(job);
        return r;
}

int readers_wait(Work *w, const Chunk *c) {
        _cleanup_(freep) bool *which = calloc(w->task.n + 1, sizeof(*which));
        int r                        = which ? 0 : -ENOMEM;

        for (uint32_t at = c->first; at != NONE && r == 0; at = w->use.data[at].next) {
                const uint32_t task = w->use.data[at].task;
                Task *t             = &w->task.data[task];

                assert(t->state == TASK_WAITING || t->state == TASK_READY || t->state == TASK_LOADING);
                if (t->state == TASK_LOADING)
                        r = admitted_end(w, task);
                which[task] |= t->state == TASK_READY;
                t->missing = t->state == TASK_WAITING ? t->missing + 1 : 1;
                t->state   = TASK_WAITING;
        }
        for (uint32_t k = 0; k < w->job.n && r == 0; k++)
                r = ready_remove(w, &w->job.data[k], which);
        return r;
}

/* Takes the marked tasks, of which none runs, out of all lists. */
static int tasks_remove(Work *w, const bool *which) {
        int r = 0;

        for (uint32_t k = 0; k < w->job.n && r == 0; k++)
                r = ready_remove(w, &w->job.data[k], which);
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

                        if (t->state == TASK_UNUSED || t->task != e->task[k].task || &w->job.data[t->plan] != job)
                                continue;
                        if (t->state == TASK_RUNNING) {
                                w->n_called += !t->called;
                                w->task.data[at].called = true;
                                continue;
                        }
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
