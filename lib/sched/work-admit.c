/* SPDX-License-Identifier: Apache-2.0 */
/* Who may start. A task is admitted all or nothing, in the order of its plan; from then on its memory is its own and
 * its inputs stay, so what was admitted will run, and when nothing is under way everything else can go. So there is
 * always room for a task that fits into the limits at all, unless the disk takes no more or clients hold too much. */
#include <stdio.h>

#include "sched/work-state.h"

enum {
        AHEAD         = 2,    /* tasks that wait for their inputs from disk, for each one that a thread may run */
        MOST_REFUSALS = 1000, /* by the store, one after the other, each after something was freed */
};

static uint32_t n_admitted(const Work *w) {
        return w->n_running + w->loading.n + w->loaded.n;
}

/* Tasks let clients go first. */
static bool client_waits(const Work *w) {
        for (uint32_t k = 0; k < w->pin.n; k++)
                if (!w->pin.data[k].admitted)
                        return true;
        return false;
}

/* ---- What a task needs ------------------------------------------------------------------------------------------ */

/* Its outputs: what is reserved together already is not counted again. */
static size_t output_bytes(const Job *job, uint32_t task) {
        const Plan *plan = job->run->plan;
        size_t bytes     = 0;

        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1]; k++) {
                uint32_t c = plan->output_chunk[k];

                if (!job->together || job->together[plan->chunk_value[c]] != TOGETHER_YES)
                        bytes += chunk_rounded(plan_chunk_bytes(plan, c));
        }
        return bytes;
}

static size_t scratch_bytes(const Job *job, uint32_t task) {
        const Plan *plan = job->run->plan;

        return chunk_rounded(plan->stage.data[plan->task_stage[task]].scratch_bytes);
}

/* Those of its inputs that are on disk alone; and whether one is, or is on its way from there. */
static size_t away_bytes(Work *w, const Task *t, bool *ret_any) {
        const PlanRun *run = w->job.data[t->plan].run;
        size_t bytes       = 0;

        *ret_any = false;
        if (w->n_away == 0)
                return 0;
        for (uint32_t k = run->plan->input_start[t->task]; k < run->plan->input_start[t->task + 1]; k++) {
                const Chunk *c = chunk_find(w, plan_run_chunk(run, run->plan->input_chunk[k]));

                *ret_any |= c->state != CHUNK_HERE;
                bytes += c->state == CHUNK_AWAY ? c->bytes : 0;
        }
        return bytes;
}

bool being_made(const Work *w, uint64_t chunk) {
        for (uint32_t k = 0; k < w->n_places && w->n_stopping + w->n_called > 0; k++) {
                const Task *t  = w->thread[k] != NONE ? &w->task.data[w->thread[k]] : NULL;
                const Job *job = t ? &w->job.data[t->plan] : NULL;
                const Plan *plan;

                if (!t || (!t->called && !job_stopping(job)))
                        continue;
                plan = job->run->plan;
                for (uint32_t o = plan->output_start[t->task]; o < plan->output_start[t->task + 1]; o++)
                        if (plan_run_chunk(job->run, plan->output_chunk[o]) == chunk)
                                return true;
        }
        return false;
}

/* Whether an output of the task is still here from before: its last readers must go first, or who made it before. */
static bool output_in_the_way(Work *w, const Job *job, uint32_t task) {
        const Plan *plan = job->run->plan;

        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1]; k++) {
                const uint64_t id = plan_run_chunk(job->run, plan->output_chunk[k]);
                const Chunk *c    = chunk_find(w, id);

                if ((c && (c->copy || c->dropped)) || being_made(w, id))
                        return true;
        }
        return false;
}

/* ---- Values kept together --------------------------------------------------------------------------------------- */

static size_t value_bytes(const Plan *plan, uint32_t v) {
        uint32_t n   = (uint32_t) tiling_n_chunks(&plan->value.data[v].tiling);
        size_t bytes = 0;

        for (uint32_t k = 0; k < n; k++)
                bytes += plan_chunk_bytes(plan, plan->value.data[v].first_chunk + k);
        return bytes;
}

/* Values of which this is the first task get their memory in one piece if it can be had besides what the task needs, or
 * else chunk by chunk. */
static int together_open(Work *w, Job *job, uint32_t task, size_t away_bytes) {
        const Plan *plan = job->run->plan;

        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1] && job->together; k++) {
                uint32_t v = plan->chunk_value[plan->output_chunk[k]];
                size_t bytes;

                if (!job->run->together[v] || job->together[v] != TOGETHER_OPEN)
                        continue;
                bytes            = value_bytes(plan, v);
                job->together[v] = TOGETHER_NO;
                if (memory_short(w, bytes + output_bytes(job, task) + away_bytes, scratch_bytes(job, task), true) > 0)
                        continue;
                job->together[v] = TOGETHER_YES;
                w->chunk_bytes += bytes;
                if (work_act(w,
                               &(WorkAction) {
                                       .kind = WORK_TOGETHER, .run = job->run, .plan = job->run->id, .value = v }) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static void reserve_anew(Work *w, const Job *job, uint32_t task) {
        Task *t = &w->task.data[task];
        size_t bytes;

        if (&w->job.data[t->plan] != job)
                return;
        bytes = output_bytes(job, t->task);
        w->chunk_bytes += bytes - t->bytes;
        t->bytes = bytes;
}

static void admitted_anew(Work *w, const Job *job) {
        for (uint32_t thread = 0; thread < w->n_places; thread++)
                if (w->thread[thread] != NONE)
                        reserve_anew(w, job, w->thread[thread]);
        for (uint32_t k = 0; k < w->loading.n; k++)
                reserve_anew(w, job, w->loading.data[k]);
        for (uint32_t k = 0; k < w->loaded.n; k++)
                reserve_anew(w, job, w->loaded.data[k]);
}

/* The piece of memory could not be had: its chunks count one by one, as far as they are being made. */
void together_refused(Work *w, Job *job, uint32_t v) {
        const Plan *plan = job->run->plan;

        assert(job->together[v] == TOGETHER_YES);
        job->together[v] = TOGETHER_NO;
        w->chunk_bytes -= value_bytes(plan, v);
        admitted_anew(w, job);
}

int together_free(Work *w, Job *job) {
        const Plan *plan = job->run->plan;

        for (uint32_t v = 0; v < plan->value.n && job->together; v++) {
                uint32_t n = (uint32_t) tiling_n_chunks(&plan->value.data[v].tiling),
                         first = plan->value.data[v].first_chunk;

                if (job->together[v] != TOGETHER_YES)
                        continue;
                for (uint32_t c = first; c < first + n; c++) {
                        uint64_t id        = plan_run_chunk(job->run, c);
                        const Chunk *chunk = chunk_find(w, id);

                        if (chunk && chunk->state != CHUNK_ABSENT)
                                continue;
                        w->chunk_bytes -= plan_chunk_bytes(plan, c);
                        w->n_freed++;
                        if (work_act(w, &(WorkAction) { .kind = WORK_FREE, .chunk = id, .n = 1 }) < 0)
                                return -ENOMEM;
                }
                job->together[v] = TOGETHER_NO;
        }
        return 0;
}

/* Whether a task that runs makes it, in the memory that was reserved for it with others. */
static bool runs_for(const Work *w, const Job *job, uint32_t chunk) {
        const Plan *plan = job->run->plan;

        for (uint32_t k = 0; k < w->n_places; k++) {
                const Task *t = w->thread[k] != NONE ? &w->task.data[w->thread[k]] : NULL;

                if (!t || &w->job.data[t->plan] != job)
                        continue;
                for (uint32_t o = plan->output_start[t->task]; o < plan->output_start[t->task + 1]; o++)
                        if (plan->output_chunk[o] == chunk)
                                return true;
        }
        return false;
}

/* From now on its chunks count one by one. What is not being made gives its memory back. */
static int together_ends(Work *w, Job *job, uint32_t v) {
        const Plan *plan     = job->run->plan;
        const uint32_t first = plan->value.data[v].first_chunk;
        const uint32_t n     = (uint32_t) tiling_n_chunks(&plan->value.data[v].tiling);
        int r                = 0;

        job->together[v] = TOGETHER_NO;
        for (uint32_t c = first; c < first + n && r == 0; c++) {
                const uint64_t id  = plan_run_chunk(job->run, c);
                const Chunk *chunk = chunk_find(w, id);

                if (chunk && chunk->state != CHUNK_ABSENT)
                        continue;
                w->chunk_bytes -= plan_chunk_bytes(plan, c);
                w->n_freed++;
                if (!runs_for(w, job, c))
                        r = work_act(w, &(WorkAction) { .kind = WORK_FREE, .chunk = id, .n = 1 });
        }
        admitted_anew(w, job);
        return r;
}

int together_lost(Work *w, uint64_t chunk) {
        for (uint32_t k = 0; k < w->job.n; k++) {
                Job *job = &w->job.data[k];
                uint64_t c;

                if (!job->run || !job->together)
                        continue;
                c = chunk - job->run->first_id;
                if (c < job->run->plan->n_chunk && job->together[job->run->plan->chunk_value[c]] == TOGETHER_YES)
                        return together_ends(w, job, job->run->plan->chunk_value[c]);
        }
        return 0;
}

/* ---- Admission -------------------------------------------------------------------------------------------------- */

static int inputs_count(Work *w, uint32_t task, uint32_t by) {
        const PlanRun *run = w->job.data[w->task.data[task].plan].run;
        uint32_t t         = w->task.data[task].task;
        int r              = 0;

        for (uint32_t k = run->plan->input_start[t]; k < run->plan->input_start[t + 1] && r == 0; k++) {
                Chunk *c = chunk_find(w, plan_run_chunk(run, run->plan->input_chunk[k]));

                c->claims += by;
                r = chunk_rate(w, c);
        }
        return r;
}

int inputs_claim(Work *w, uint32_t task) {
        if (w->task.data[task].claimed)
                return 0;
        w->task.data[task].claimed = true;
        return inputs_count(w, task, 1);
}

int inputs_unclaim(Work *w, uint32_t task) {
        if (!w->task.data[task].claimed)
                return 0;
        w->task.data[task].claimed = false;
        return inputs_count(w, task, -1u);
}

/* Whether there is room for the task; makes it, as far as that can be done at once. */
static int task_fits(Work *w, uint32_t at, size_t *ret_output_bytes, bool *ret) {
        const Task *t  = &w->task.data[at];
        const Job *job = &w->job.data[t->plan];
        bool soft      = n_admitted(w) > 0, refused = t->refused_at == w->n_freed, any;
        size_t chunks, scratch, missing;
        int r;

        *ret = false;
        if ((refused && soft) || (w->n_odd + w->n_stopping + w->n_called > 0 && output_in_the_way(w, job, t->task)))
                return 0;
        *ret_output_bytes = output_bytes(job, t->task);
        chunks            = *ret_output_bytes + away_bytes(w, t, &any);
        scratch           = scratch_bytes(job, t->task);
        missing = memory_short(w, chunks, scratch, soft);
        *ret    = missing == 0 && !refused;
        if (*ret || !memory_gives(w))
                return 0;
        r = rating_begin(w);
        if (r == 0)
                r = inputs_claim(w, at); /* they are no room for it */
        if (r == 0)
                r = room_make(w, refused ? MAX(missing, chunks + scratch) : missing);
        if (r < 0)
                return r;
        *ret = memory_short(w, chunks, scratch, soft) == 0 && t->refused_at != w->n_freed;
        return *ret ? 0 : inputs_unclaim(w, at);
}

size_t task_short(Work *w, uint32_t at) {
        const Task *t  = &w->task.data[at];
        const Job *job = &w->job.data[t->plan];
        bool any;
        const size_t bytes   = output_bytes(job, t->task) + away_bytes(w, t, &any);
        const size_t missing = memory_short(w, bytes, scratch_bytes(job, t->task), n_admitted(w) > 0);

        return missing - MIN(missing, w->clean_bytes);
}

/* The task is admitted: what it needs is its own. It is LOADED when all inputs are here. `bytes` is what task_fits()
 * found that its outputs take. */
static int admit(Work *w, uint32_t at, size_t bytes) {
        Task *t            = &w->task.data[at];
        Job *job           = &w->job.data[t->plan];
        const PlanRun *run = job->run;
        bool any;

        if (together_open(w, job, t->task, away_bytes(w, t, &any)) < 0)
                return -ENOMEM;
        t->bytes = job->together ? output_bytes(job, t->task) : bytes;
        w->chunk_bytes += t->bytes;
        w->scratch_bytes += scratch_bytes(job, t->task);
        job_serve(w, job, job->work[run->plan->task_stage[t->task]]);
        t->state = TASK_LOADED;
        if (w->rating && inputs_claim(w, at) < 0)
                return -ENOMEM;
        for (uint32_t k = run->plan->input_start[t->task]; k < run->plan->input_start[t->task + 1] && any; k++) {
                Chunk *c = chunk_find(w, plan_run_chunk(run, run->plan->input_chunk[k]));

                if (c->state == CHUNK_AWAY && chunk_return(w, c) < 0)
                        return -ENOMEM;
                t->missing += c->state == CHUNK_RETURNING;
        }
        if (t->missing == 0)
                return 0;
        t->state = TASK_LOADING;
        return vec_push(&w->loading, at);
}

static void list_remove(uint32_t *list, uint32_t *n, uint32_t task) {
        uint32_t k = 0;

        while (list[k] != task)
                k++;
        list[k] = list[--*n];
}

int admitted_end(Work *w, uint32_t at) {
        Task *t = &w->task.data[at];

        if (t->state == TASK_LOADING)
                list_remove(w->loading.data, &w->loading.n, at);
        else if (t->state == TASK_LOADED)
                list_remove(w->loaded.data, &w->loaded.n, at);
        w->chunk_bytes -= t->bytes;
        w->scratch_bytes -= scratch_bytes(&w->job.data[t->plan], t->task);
        t->bytes   = 0;
        t->missing = 0;
        return inputs_unclaim(w, at);
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

/* Which thread asks for tasks under this number. */
static uint32_t thread_of(const Work *w, uint32_t number) {
        return number / (w->n_places / w->n_threads);
}

/* Nothing starts there now: as many have tasks as may, or what is being written is to make room before. */
static bool held_back(const Work *w, uint32_t number) {
        return w->careful && ((w->n_of[thread_of(w, number)] == 0 && w->n_busy >= w->n_allowed) ||
                              (w->n_writing > 0 && memory_short(w, 0, 0, true) > 0));
}

/* The task has been admitted and is in no list. */
static int start(Work *w, uint32_t thread, uint32_t at) {
        Task *t  = &w->task.data[at];
        Job *job = &w->job.data[t->plan];

        t->state          = TASK_RUNNING;
        w->thread[thread] = at;
        w->n_busy += w->n_of[thread_of(w, thread)]++ == 0;
        w->n_running++;
        job->n_running++;
        return work_act(w, &(WorkAction) { .kind   = WORK_START,
                                             .thread = thread,
                                             .plan   = job->run->id,
                                             .run    = job->run,
                                             .task   = t->task });
}

static uint32_t loaded_first(Work *w) {
        uint32_t first = w->loaded.data[0];

        for (uint32_t k = 1; k < w->loaded.n; k++) {
                const Order a = order_of(w, w->loaded.data[k]), b = order_of(w, first);

                if (order_before(&a, &b))
                        first = w->loaded.data[k];
        }
        list_remove(w->loaded.data, &w->loaded.n, first);
        return first;
}

/* Calls the inputs of the next few tasks back while others run. */
static int load_ahead(Work *w) {
        bool fits = true, any;
        size_t bytes;
        int r = 0;

        while (fits && r == 0 && w->n_away > 0 && w->n_ready > 0 && n_admitted(w) < (1 + AHEAD) * w->n_allowed &&
               !client_waits(w)) {
                uint32_t at = ready_first(w);

                away_bytes(w, &w->task.data[at], &any);
                if (!any)
                        break;
                r = task_fits(w, at, &bytes, &fits);
                if (r == 0 && fits)
                        r = admit(w, ready_pop(w), bytes);
        }
        return r;
}

void memory_error(const Work *w, size_t needed_bytes, Error *err) {
        const WorkLimits *l = &w->limits;
        size_t limit        = l->hard_bytes - MIN(l->overhead_bytes, l->hard_bytes), used = w->chunk_bytes;
        char held[64]       = "";
        const char *unwritten = "";

        if (l->cache_bytes < limit && memory_short(w, needed_bytes, 0, false) == used + needed_bytes - l->cache_bytes)
                limit = l->cache_bytes;
        else
                used += w->scratch_bytes;
        if (w->pinned_bytes > 0)
                snprintf(held, sizeof(held), ", %zu are held by arrays that look at them", w->pinned_bytes);
        if (w->refusal.code < 0)
                unwritten = ", and nothing more can be written: ";
        else if (!l->spill && used > 0)
                unwritten = ", and nothing is written, since disk is 0";
        /* If it seems to fit, the store has no gap that is large enough. */
        error_set(err, w->refusal.code < 0 ? w->refusal.code : ERROR_MEMORY,
                  "%zu bytes are needed%s, %zu of %zu are free%s%s%s: use smaller chunks, or more memory%s",
                  needed_bytes, used + needed_bytes <= limit ? " in one piece" : "", limit - MIN(used, limit), limit,
                  held, unwritten, w->refusal.code < 0 ? w->refusal.text : "", *unwritten ? " or disk" : "");
}

/* Nothing is under way and nothing fits: the task can never run. */
static int fail_for_memory(Work *w, uint32_t at) {
        const Task t   = w->task.data[at];
        const Job *job = &w->job.data[t.plan];
        Error err      = {};
        bool any;
        int r;

        memory_error(w, output_bytes(job, t.task) + scratch_bytes(job, t.task) + away_bytes(w, &t, &any), &err);
        r = work_fail(w, job, t.task, &err);
        return r < 0 ? r : task_end(w, at);
}

/* Where the ledger has room, the store never has, and nothing runs that could change it, inputs would be read, find no
 * use and go again for ever. */
int task_refused(Work *w, uint32_t at) {
        w->task.data[at].refused_at = w->n_freed;
        if (++w->n_refused >= MOST_REFUSALS && w->n_running == 0)
                return fail_for_memory(w, at);
        return task_ready(w, at);
}

/* Whether memory is not all that tasks wait for: an output is looked at by others, whose leaving is an event. */
static bool waits_for_readers(Work *w) {
        for (uint32_t k = 0; k < w->task.n && w->n_odd + w->n_stopping + w->n_called > 0; k++) {
                const Task *t = &w->task.data[k];

                if (t->state == TASK_READY && output_in_the_way(w, &w->job.data[t->plan], t->task))
                        return true;
        }
        return false;
}

/* Nothing is under way and the first task does not fit: the first that does goes. If none does, what might help is
 * tried: pieces of memory that wait for their chunks go, the disk is asked once more; then the first task fails. */
static int overtake(Work *w, uint32_t thread) {
        uint32_t found = NONE;
        uint64_t n_freed = w->n_freed;
        size_t bytes     = 0;
        bool fits;
        int r = 0;

        w->passed.n = 0;
        while (w->n_ready > 0 && found == NONE && r == 0 && work_idle(w)) {
                const uint32_t at = ready_pop(w);

                r = task_fits(w, at, &bytes, &fits);
                if (fits)
                        found = at;
                else if (r == 0)
                        r = vec_push(&w->passed, at);
        }
        for (uint32_t k = 0; k < w->passed.n && r == 0; k++)
                r = task_ready(w, w->passed.data[k]);
        if (r < 0)
                return r;
        if (found != NONE) {
                r = admit(w, found, bytes);
                return r == 0 && w->task.data[found].state == TASK_LOADED ? start(w, thread, found) : r;
        }
        if (!work_idle(w))
                return 0; /* something is being written */
        for (uint32_t k = 0; k < w->job.n && r == 0; k++)
                if (w->job.data[k].run)
                        r = together_free(w, &w->job.data[k]);
        if (r < 0)
                return r;
        if (w->refusal.code < 0 && !w->task.data[ready_first(w)].retried) {
                w->task.data[ready_first(w)].retried = true;
                w->refusal.code                             = 0;
        } else if (n_freed == w->n_freed)
                return waits_for_readers(w) ? 0 : fail_for_memory(w, ready_pop(w));
        return work_next(w, thread);
}

int work_next(Work *w, uint32_t thread) {
        uint32_t at = NONE;
        size_t bytes;
        bool fits;
        int r = 0;

        assert(w->thread[thread] == NONE);
        if (held_back(w, thread))
                return 0;
        if (w->loaded.n > 0)
                at = loaded_first(w);
        while (at == NONE && w->n_ready > 0 && !(w->pin.n > 0 && client_waits(w))) {
                if (w->loading.n > 0 && n_admitted(w) >= (1 + AHEAD) * w->n_allowed)
                        return 0;
                r = task_fits(w, ready_first(w), &bytes, &fits);
                if (r < 0)
                        return r;
                if (!fits) /* what is under way will make room; nothing overtakes meanwhile */
                        return work_idle(w) ? overtake(w, thread) : 0;
                at = ready_pop(w);
                r  = admit(w, at, bytes);
                if (r < 0)
                        return r;
                if (w->task.data[at].state == TASK_LOADING)
                        at = NONE;
        }
        if (at == NONE)
                return 0;
        r = start(w, thread, at);
        return r == 0 && w->n_away > 0 ? load_ahead(w) : r;
}

/* The task that the thread ran; the thread is free. */
static uint32_t thread_free(Work *w, uint32_t thread, int *ret) {
        uint32_t at = w->thread[thread];

        assert(w->task.data[at].state == TASK_RUNNING);
        w->thread[thread] = NONE;
        w->n_busy -= --w->n_of[thread_of(w, thread)] == 0;
        w->n_running--;
        w->job.data[w->task.data[at].plan].n_running--;
        w->n_stopping -= job_stopping(&w->job.data[w->task.data[at].plan]);
        w->n_called -= w->task.data[at].called;
        *ret = admitted_end(w, at);
        return at;
}

int work_refused(Work *w, uint32_t thread) {
        int r;
        uint32_t at = thread_free(w, thread, &r);
        Job *job    = &w->job.data[w->task.data[at].plan];

        if (r < 0)
                return r;
        if (job->ending) {
                r = task_end(w, at);
                return r == 0 && job->n_running == 0 ? plan_end(w, job) : r;
        }
        if (w->task.data[at].called) { /* it has not begun, after all */
                r = work_act(w, &(WorkAction) { .kind = WORK_RECALLED,
                                                .plan = job->run->id,
                                                .task = w->task.data[at].task });
                return r < 0 ? r : task_end(w, at);
        }
        return task_refused(w, at);
}

/* Of a task that was under way when its plan was forgotten. */
static int outputs_drop(Work *w, const Job *job, uint32_t task) {
        const Plan *plan = job->run->plan;
        int r            = 0;

        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1] && r == 0; k++)
                r = work_drop(w, plan_run_chunk(job->run, plan->output_chunk[k]), 1);
        return r;
}

int work_finished(Work *w, const WorkEvent *e) {
        int r;
        uint32_t at = thread_free(w, e->thread, &r), first = w->actions->length.n;
        uint32_t task    = w->task.data[at].task;
        Job *job         = &w->job.data[w->task.data[at].plan];
        const Plan *plan = job->run->plan;

        w->n_freed++;
        w->n_refused = 0;
        for (uint32_t k = plan->output_start[task], o = 0, u = 0;
             k < plan->output_start[task + 1] && r == 0 && !e->error; k++, o++) {
                uint32_t c = plan->output_chunk[k], v = plan->chunk_value[c];
                Chunk *chunk = chunk_get(w, plan_run_chunk(job->run, c));
                bool take;

                if (!chunk)
                        return -ENOMEM;
                if (job_stopping(job) && chunk->state == CHUNK_WANTED) { /* somebody else has made it meanwhile */
                        r = work_act(w, &(WorkAction) { .kind = WORK_FREE, .chunk = chunk->id, .n = 1 });
                        continue;
                }
                assert(chunk->state == CHUNK_ABSENT || (w->task.data[at].called && chunk->state == CHUNK_WANTED));
                take        = chunk->take;
                chunk->take = chunk->own = false;
                if (job->together && job->together[v] == TOGETHER_YES)
                        chunk->bytes = e->bytes[o];
                else {
                        chunk->bytes = chunk_rounded(e->bytes[o]);
                        w->chunk_bytes += chunk->bytes;
                }
                chunk->slack = (uint16_t) (chunk->bytes - e->bytes[o]);
                if (!tiling_known(&plan->value.data[v].tiling))
                        r = vec_push(&w->actions->length, e->length[u++]);
                if (r == 0)
                        r = chunk_here(w, chunk);
                if (r == 0 && take) /* it was to be had from whoever has made it meanwhile */
                        r = take_answer(w, chunk->id);
        }
        if (r == 0)
                r = task_end(w, at);
        if (r < 0)
                return r;
        if (job_stopping(job) && !e->error)
                r = outputs_drop(w, job, task);
        if (r < 0)
                return r;
        if (job->ending)
                return job->n_running == 0 ? plan_end(w, job) : 0;
        if (e->error)
                return work_fail(w, job, task, e->error);
        return work_act(w, &(WorkAction) { .kind  = WORK_DONE,
                                             .plan  = job->run->id,
                                             .task  = task,
                                             .first = first,
                                             .n     = w->actions->length.n - first });
}
