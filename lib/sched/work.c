/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as a whole: events to the files that know them (work-state.h), its life, its statistics. */
#include "sched/work-state.h"

void work_actions_clear(WorkActions *a) {
        a->action.n = a->length.n = a->error.n = 0;
}

void work_actions_done(WorkActions *a) {
        vec_free(&a->action);
        vec_free(&a->length);
        vec_free(&a->error);
}

int work_act(Work *w, const WorkAction *action) {
        return vec_push(&w->actions->action, *action);
}

int work_fail(Work *w, const Job *job, uint32_t task, const Error *err) {
        if (vec_push(&w->actions->error, *err) < 0)
                return -ENOMEM;
        plan_run_error(job->run, task, &w->actions->error.data[w->actions->error.n - 1]);
        return work_act(w, &(WorkAction) { .kind  = WORK_FAILED,
                                             .plan  = job->run->id,
                                             .run   = job->run,
                                             .task  = task,
                                             .error = w->actions->error.n });
}

static int work_event(Work *w, const WorkEvent *e) {
        switch (e->kind) {
        case WORK_PLAN:
                return plan_add(w, e->run);
        case WORK_RUN:
                return work_run(w, e);
        case WORK_RECALL:
                return work_recall(w, e);
        case WORK_DROP:
                return work_drop(w, e->chunk, e->n);
        case WORK_FORGET:
                return work_forget(w, e->plan, e->drop);
        case WORK_LEAVE:
                return work_leave(w);
        case WORK_TAKE:
                return work_take(w, e);
        case WORK_RESTORE:
                return work_restore(w, e->chunk, e->size_bytes);
        case WORK_OFFER:
                return work_offer(w, e->chunk, e->size_bytes);
        case WORK_ADOPT:
                return work_adopt(w, e->chunk, e->n);
        case WORK_EXPECT:
                return work_expect(w, e->chunk, e->size_bytes);
        case WORK_FETCHED:
                return work_fetched(w, e);
        case WORK_FETCH_FAILED:
                return work_fetch_failed(w, e);
        case WORK_NEXT:
                return work_next(w, e->thread);
        case WORK_GROUP:
                if (!e->ok)
                        together_refused(w, job_find(w, e->plan), e->value);
                return 0;
        case WORK_REFUSED:
                return work_refused(w, e->thread);
        case WORK_FINISHED:
                return work_finished(w, e);
        case WORK_SPILLED:
                return work_spilled(w, e);
        case WORK_RETURNED:
                return work_returned(w, e);
        case WORK_PIN:
                return work_pin(w, e);
        case WORK_UNPIN:
                return work_unpin(w, e);
        case WORK_OVERHEAD:
                w->limits.overhead_bytes = e->size_bytes;
                w->n_freed++; /* what did not fit may fit now */
                return 0;
        case WORK_CAREFUL:
                w->careful   = e->n > 0;
                w->n_allowed = w->careful ? MIN(e->n, w->n_threads) : w->n_threads;
                w->n_freed++;
                return 0;
        }
        return 0;
}

int work_step(Work *w, const WorkEvent *e, WorkActions *ret) {
        int r;

        w->actions = ret;
        r          = work_event(w, e);
        return r == 0 && (memory_gives(w) || w->pin.n > 0 || w->wanted.n > 0) ? memory_settle(w) : r;
}

int work_new(Work **ret, uint32_t n_threads, const WorkLimits *limits) {
        _cleanup_(work_freep) Work *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->n_threads = w->n_allowed = n_threads;
        w->n_places  = n_threads * (limits->tasks_per_thread ?: 1);
        w->limits    = *limits;
        w->thread    = malloc(w->n_places * sizeof(*w->thread));
        w->n_of      = calloc(n_threads, sizeof(*w->n_of));
        if (!w->thread || !w->n_of)
                return -ENOMEM;
        for (uint32_t k = 0; k < w->n_places; k++)
                w->thread[k] = NONE;
        if (!limits->spill) /* then nothing can be done about it above the soft limit */
                w->limits.soft_bytes = limits->hard_bytes;
        w->soft_cache = (size_t) ((double) limits->cache_bytes * (double) w->limits.soft_bytes /
                                  (double) MAX(w->limits.hard_bytes, (size_t) 1));
        if (w->limits.soft_bytes == w->limits.hard_bytes)
                w->soft_cache = limits->cache_bytes;
        w->unused_chunk = w->unused_task = w->unused_use = NONE;
        *ret = TAKE_PTR(w);
        return 0;
}

Work *work_free(Work *w) {
        if (!w)
                return NULL;
        for (uint32_t k = 0; k < w->job.n; k++)
                job_clear(&w->job.data[k]);
        idmap_done(&w->chunks);
        map_done(&w->plans);
        evict_done(&w->dirty);
        evict_done(&w->clean);
        vec_free(&w->chunk);
        vec_free(&w->task);
        vec_free(&w->use);
        vec_free(&w->job);
        vec_free(&w->share);
        vec_free(&w->passed);
        vec_free(&w->loading);
        vec_free(&w->loaded);
        vec_free(&w->pin);
        vec_free(&w->wanted);
        free(w->thread);
        free(w->n_of);
        free(w);
        return NULL;
}

uint32_t work_n_ready(const Work *w) {
        return w->n_ready + w->loaded.n;
}

uint32_t work_n_running(const Work *w) {
        return w->n_running;
}

uint32_t work_n_flying(const Work *w) {
        return w->n_writing + w->n_returning;
}

bool work_together(const Work *w, uint64_t plan, uint32_t value) {
        uint64_t at = map_get(&w->plans, plan);

        return at && w->job.data[at - 1].together && w->job.data[at - 1].together[value] == TOGETHER_YES;
}

bool work_here(const Work *w, uint64_t chunk) {
        uint64_t at = idmap_get(&w->chunks, chunk);

        return at && w->chunk.data[at - 1].state == CHUNK_HERE;
}

bool work_list(const Work *w, uint32_t *at, uint64_t *ret_chunk, size_t *ret_bytes) {
        for (; *at < w->chunk.n; ++*at) {
                const Chunk *c = &w->chunk.data[*at];

                if (c->id == 0 || c->copy || c->dropped ||
                    (c->state != CHUNK_HERE && c->state != CHUNK_AWAY && c->state != CHUNK_RETURNING))
                        continue;
                *ret_chunk = c->id;
                *ret_bytes = c->bytes - c->slack;
                ++*at;
                return true;
        }
        return false;
}

static uint64_t ready_bytes(const Work *w) {
        uint64_t n = 0;

        for (uint32_t k = 0; k < w->job.n; k++)
                n += w->job.data[k].line.capacity + w->job.data[k].early.capacity;
        return n * sizeof(Ready);
}

void work_stats(const Work *w, WorkStats *ret) {
        *ret = (WorkStats) {
                .n_chunks = w->chunks.n,
                .n_tasks = w->n_tasks,
                .n_plans = w->plans.n,
                .used_bytes = w->chunk_bytes + w->scratch_bytes,
                .chunk_bytes = w->chunk_bytes,
                .away_bytes = w->away_bytes,
                .n_pins = w->n_pinned,
                .n_spilled = w->n_spilled,
                .n_evicted = w->n_evicted,
                .n_returned = w->n_returned,
                .state_bytes = sizeof(*w) + idmap_bytes(&w->chunks) + evict_bytes(&w->dirty) + evict_bytes(&w->clean) +
                               (uint64_t) w->chunk.capacity * sizeof(Chunk) +
                               (uint64_t) w->task.capacity * sizeof(Task) + (uint64_t) w->use.capacity * sizeof(Use) +
                               ready_bytes(w),
        };
}

/* ---- For tests -------------------------------------------------------------------------------------------------- */

/* Memory reserved together for chunks that are not made. */
static size_t together_bytes(const Work *w) {
        size_t bytes = 0;

        for (uint32_t k = 0; k < w->job.n; k++) {
                const Job *job      = &w->job.data[k];
                const PlanRun *run = job->run;

                for (uint32_t v = 0; job->together && v < run->plan->value.n; v++) {
                        const Value *value = &run->plan->value.data[v];
                        uint64_t n         = job->together[v] == TOGETHER_YES ? tiling_n_chunks(&value->tiling) : 0;

                        for (uint32_t c = 0; c < n; c++) {
                                uint64_t at = idmap_get(&w->chunks, plan_run_chunk(run, value->first_chunk + c));

                                if (!at || w->chunk.data[at - 1].state == CHUNK_ABSENT)
                                        bytes += plan_chunk_bytes(run->plan, value->first_chunk + c);
                        }
                }
        }
        return bytes;
}

/* Uses are in the order of their tasks, and those that are claimed are counted. */
static bool uses_consistent(const Work *w, const Chunk *c) {
        uint32_t claims = 0, last = NONE;

        for (uint32_t at = c->first; at != NONE; last = at, at = w->use.data[at].next) {
                Order this = order_of(w, w->use.data[at].task), before;

                claims += w->task.data[w->use.data[at].task].claimed;
                if (last == NONE)
                        continue;
                before = order_of(w, w->use.data[last].task);
                if (order_before(&this, &before)) /* the same task may run still for a scheduler that is gone */
                        return false;
        }
        return claims == c->claims && last == c->last;
}

/* A candidate is in the heap where it belongs, under what it is worth now; others are in none. */
static bool rated(const Work *w, const Chunk *c) {
        uint32_t at           = (uint32_t) (c - w->chunk.data);
        const EvictKey *clean = evict_find(&w->clean, at), *dirty = evict_find(&w->dirty, at);
        const EvictKey *key   = c->disk ? clean : dirty;
        bool candidate = w->rating && c->state == CHUNK_HERE && c->bytes > 0 && c->claims == 0 && c->pins == 0 &&
                         !c->writing;

        if ((c->disk ? dirty : clean) || (key != NULL) != candidate)
                return false;
        if (!candidate)
                return true;
        if (c->first == NONE)
                return key->plan == EVICT_NEVER && key->used_at == c->used_at;
        return key->plan == order_of(w, w->use.data[c->first].task).plan &&
               key->position == order_of(w, w->use.data[c->first].task).position;
}

bool work_consistent(const Work *w) {
        size_t chunks = together_bytes(w), scratch = 0, away = 0, clean = 0, writing = 0, returning = 0, pinned = 0;
        uint32_t n_chunks = 0, n_tasks = 0, n_odd = 0, n_away = 0, n_writing = 0, n_returning = 0, n_fetching = 0;
        uint32_t n_loading = 0, n_loaded = 0, n_running = 0, n_ready = 0, n_busy = 0, n_called = 0;

        for (uint32_t k = 0; k < w->chunk.n; k++) {
                const Chunk *c = &w->chunk.data[k];

                if (c->id == 0)
                        continue;
                n_chunks++;
                n_odd += c->copy || c->dropped;
                n_away += c->state == CHUNK_AWAY || c->state == CHUNK_RETURNING;
                n_returning += c->state == CHUNK_RETURNING;
                n_fetching += c->state == CHUNK_FETCHING;
                n_writing += c->writing;
                chunks += chunk_in_memory(c) ? c->bytes : 0;
                away += c->state == CHUNK_AWAY ? c->bytes : 0;
                clean += c->state == CHUNK_HERE && c->disk ? c->bytes : 0;
                writing += c->writing ? c->bytes : 0;
                returning += c->state == CHUNK_RETURNING ? c->bytes : 0;
                pinned += c->pins > 0 ? c->bytes : 0;
                if (idmap_get(&w->chunks, c->id) != k + 1 || !uses_consistent(w, c) || !rated(w, c) ||
                    (c->writing && c->state != CHUNK_HERE) ||
                    ((c->state == CHUNK_AWAY || c->state == CHUNK_RETURNING) && !c->disk) ||
                    (c->state == CHUNK_ABSENT && c->first == NONE))
                        return false;
        }
        for (uint32_t k = 0; k < w->task.n; k++) {
                const Task *t = &w->task.data[k];
                bool admitted = t->state == TASK_LOADING || t->state == TASK_LOADED || t->state == TASK_RUNNING;
                const Plan *plan;

                if (t->state == TASK_UNUSED)
                        continue;
                n_tasks++;
                n_loading += t->state == TASK_LOADING;
                n_loaded += t->state == TASK_LOADED;
                n_running += t->state == TASK_RUNNING;
                n_called += t->called;
                n_ready += t->state == TASK_READY;
                chunks += t->bytes;
                plan = w->job.data[t->plan].run->plan;
                scratch += admitted ? chunk_rounded(plan->stage.data[plan->task_stage[t->task]].scratch_bytes) : 0;
                if (t->claimed != (admitted && w->rating) || (!admitted && t->bytes > 0))
                        return false;
        }
        for (uint32_t k = 0; k < w->n_threads; k++)
                n_busy += w->n_of[k] > 0;
        return n_busy == w->n_busy && n_chunks == w->chunks.n && n_tasks == w->n_tasks && n_odd == w->n_odd &&
               n_away == w->n_away && n_writing == w->n_writing && n_returning == w->n_returning &&
               n_fetching == w->n_fetching && n_loading == w->loading.n && n_loaded == w->loaded.n &&
               n_running == w->n_running && n_ready == w->n_ready && n_called == w->n_called &&
               chunks == w->chunk_bytes && scratch == w->scratch_bytes && away == w->away_bytes &&
               clean == w->clean_bytes && writing == w->writing_bytes && returning == w->returning_bytes &&
               pinned == w->pinned_bytes;
}
