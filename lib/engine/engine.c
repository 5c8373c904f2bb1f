/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an engine and of its requests. */
#include <sched.h>
#include <time.h>

#include "base/pages.h"
#include "engine/inside.h"

bool engine_lock(Engine *e) {
        if (e->pid != getpid())
                return false;
        pthread_mutex_lock(&e->lock);
        return true;
}

int engine_enter(Engine *e, Error *err) {
        int r = 0;

        if (!engine_lock(e))
                return error_set(err, ERROR_CLOSED,
                                 "this session belongs to the parent process: make a new one after fork()");
        if (e->closing)
                r = error_set(err, ERROR_CLOSED, "the session is closed");
        else if (e->broken.code < 0)
                r = error_set(err, e->broken.code, "%s", e->broken.text);
        if (r < 0)
                pthread_mutex_unlock(&e->lock);
        return r;
}

static void calls_make(Call *call) {
        while (call) {
                Call *next = call->next;

                call->fn(call->userdata);
                free(call);
                call = next;
        }
}

void engine_calls_add(Engine *e, Call *call) {
        call->next = e->calls;
        e->calls   = call;
}

void engine_unlock(Engine *e) {
        Call *calls = e->calls;

        e->calls = NULL;
        pthread_mutex_unlock(&e->lock);
        calls_make(calls);
}

/* ---- The engine ------------------------------------------------------------------------------------------------- */

static uint32_t cpu_count(void) {
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t) MAX(CPU_COUNT(&set), 1) : 1;
}

/* What is left when nobody refers to the engine any more; also of one that is half made. */
static void engine_free(Engine *e) {
        for (uint32_t k = 0; k < e->n_started; k++)
                if (pthread_equal(e->thread[k], pthread_self()))
                        pthread_detach(e->thread[k]); /* a callback had the last reference */
                else
                        pthread_join(e->thread[k], NULL);
        if (helper_of == e)
                helper_of = NULL;
        origins_close(e);
        if (e->ops->free)
                e->ops->free(e);
        spill_free(e->spill);
        sched_free(e->sched);
        work_free(e->work);
        if (e->store && e->sched && e->broken.code == 0) {
                StoreStats stats;

                store_stats(e->store, &stats);
                assert(stats.n_pins == 0 && stats.n_chunks == 0 && stats.used_bytes == 0);
        }
        if (e->store && e->leaves)
                store_leave(e->store);
        else
                store_free(e->store);
        origins_free(e);
        calls_make(e->calls); /* after a break foreign memory is released only now */
        for (uint32_t k = 0; k < e->n_slots && e->slot; k++) {
                exec_free(e->slot[k].exec);
                for (uint32_t i = 0; i < TASKS_AT_ONCE; i++) {
                        vec_free(&e->slot[k].held[i].in);
                        vec_free(&e->slot[k].held[i].out);
                }
                vec_free(&e->slot[k].bytes);
                vec_free(&e->slot[k].length);
        }
        free(e->slot);
        for (uint32_t k = 0; k < e->n_threads + ENGINE_LANES && e->lane; k++)
                span_lane_clear(&e->lane[k]);
        free(e->lane);
        free(e->free_slot);
        free(e->spare_slot);
        free(e->handed);
        free(e->thread);
        free(e->spill_dirs);
        for (uint32_t k = 0; k < e->name.n; k++)
                free(e->name.data[k].text);
        vec_free(&e->name);
        log_done(e);
        idmap_done(&e->away);
        map_done(&e->requests);
        map_done(&e->pins);
        sched_actions_done(&e->sched_actions);
        work_actions_done(&e->work_actions);
        pthread_mutex_destroy(&e->lock);
        pthread_cond_destroy(&e->wake);
        pthread_cond_destroy(&e->changed);
        free(e);
}
DEFINE_CLEANUP(Engine *, engine_free)

/* New memory, or what another process left. */
static int memory_open(Engine *e, const EngineConfig *config, Error *err) {
        const StoreConfig store = { .cache_bytes = e->budget.arena_bytes,
                                    .pages       = config->pages,
                                    .page_bytes  = config->page_bytes,
                                    .shared      = config->shared,
                                    .owner       = config->owner,
                                    .keep        = config->keep,
                                    .userdata    = config->keep_userdata };

        return config->n_kept > 0 ? store_restore(&e->store, &store, config->kept, config->n_kept, err)
                                  : store_new(&e->store, &store, err);
}

typedef struct Restored {
        Engine *engine;
        int r;
        Error *err;
} Restored;

static void chunk_restored(void *userdata, ChunkId id, size_t size_bytes) {
        Restored *restored        = userdata;
        const uint64_t disk_bytes = idmap_get(&restored->engine->away, id);
        WorkEvent event           = { .kind = WORK_RESTORE, .chunk = id, .size_bytes = size_bytes };

        if (restored->r < 0)
                return;
        if (disk_bytes > 0 && disk_bytes != size_bytes)
                restored->r = error_set(restored->err, ERROR_CORRUPT,
                                        "chunk %llu has %zu bytes in memory and %llu on disk", (unsigned long long) id,
                                        size_bytes, (unsigned long long) disk_bytes);
        else
                restored->r = tell_work(restored->engine, &event);
}

/* The disk first: what is found in memory then is there twice. */
static int chunks_restored(Engine *e, Error *err) {
        Restored restored = { .engine = e, .err = err };

        if (e->spill_owner && e->budget.spill)
                restored.r = disk_restore(e, err);
        store_each(e->store, chunk_restored, &restored);
        if (restored.r == 0)
                engine_pump(e, 0);
        return restored.r;
}

/* Before anything is on disk. What a dead engine kept there is ours if its memory is, and nobody's if it is not. */
static int disk_begin(Engine *e, const EngineConfig *config, Error *err) {
        const bool restores = config->n_kept > 0 && e->budget.spill;

        if (config->spill_dirs && e->budget.spill) {
                e->spill_dirs = strdup(config->spill_dirs);
                if (!e->spill_dirs)
                        return error_oom(err, strlen(config->spill_dirs));
        }
        e->spill_owner = config->shared && config->keep ? config->owner : 0;
        if (e->spill_owner && !restores && spill_sweep(config->spill_dirs, err) < 0)
                *err = (Error) {}; /* who writes there is told */
        return e->spill_dirs && !restores ? disk_open(e, err) : 0;
}

/* What results may have in memory and on disk; 0: nobody knows, since they may become smaller there. */
static uint64_t most_result_bytes(const Engine *e) {
        const uint64_t cache = e->budget.cache_bytes;
        uint64_t disk;

        if (!e->budget.spill)
                return cache;
        if (e->spill_codec != SPILL_PLAIN)
                return 0;
        disk = e->budget.disk_bytes ?: spill_most_bytes(e->spill_dirs);
        return disk < UINT64_MAX - cache ? cache + disk : 0;
}

/* Memory, disk, and the machines that know how much there is of both. */
static int engine_init(Engine *e, const EngineConfig *config, Error *err) {
        SystemMemory memory;
        int r;

        system_memory(&memory, "");
        e->process_bytes = budget_process_bytes();
        e->copied_before = pages_taken_bytes();
        e->spill_codec   = config->spill_codec;
        r = budget_make(&e->budget, &config->budget, &memory, e->process_bytes, err);
        if (r < 0)
                return r;
        r = disk_begin(e, config, err);
        if (r < 0)
                return error_prefix(err, r, "spill_dir");
        r = memory_open(e, config, err);
        if (r < 0)
                return r;
        e->task_bytes  = config->task_bytes ?: e->budget.cache_bytes / (PLAN_TASK_SHARE * e->n_threads);
        e->alone_bytes = e->budget.cache_bytes;
        if (e->task_bytes < e->alone_bytes / (PLAN_TASK_SHARE * e->n_threads)) /* the user wants less */
                e->alone_bytes = e->task_bytes * PLAN_TASK_SHARE * e->n_threads;
        if (!config->reports)
                r = sched_new(&e->sched, true, plan_make);
        if (e->sched) {
                sched_limit(e->sched, e->task_bytes, e->alone_bytes);
                sched_refuse_above(e->sched, e->budget.cache_bytes, e->budget.arena_bytes, 0);
                sched_refuse_results_above(e->sched, most_result_bytes(e));
        }
        if (r == 0)
                r = work_new(&e->work, e->n_threads,
                             &(WorkLimits) { .cache_bytes      = e->budget.cache_bytes,
                                             .hard_bytes       = e->budget.hard_bytes,
                                             .soft_bytes       = e->budget.soft_bytes,
                                             .overhead_bytes   = e->budget.overhead_bytes,
                                             .tasks_per_thread = e->n_slots / e->n_threads * TASKS_AT_ONCE,
                                             .spill            = e->budget.spill });
        if (r == 0 && config->n_kept > 0)
                r = chunks_restored(e, err);
        if (r == 0 && e->sched)
                r = tell_sched(e, &(SchedEvent) { .kind = SCHED_JOINED, .worker = WORKER });
        return r == -ENOMEM ? error_oom(err, sizeof(*e)) : r;
}

int engine_make(Engine **ret, const EngineConfig *config, const EngineOps *ops, Error *err) {
        _cleanup_(engine_freep) Engine *e = NULL;
        pthread_mutexattr_t mutex_attr;
        pthread_condattr_t attr;

        if (config->n_threads > ENGINE_MAX_THREADS)
                return error_set(err, ERROR_VALUE, "%u threads (at most %d)", config->n_threads, ENGINE_MAX_THREADS);
        e = calloc(1, sizeof(*e));
        if (!e)
                return error_oom(err, sizeof(*e));
        pthread_mutexattr_init(&mutex_attr);
        pthread_mutexattr_settype(&mutex_attr, PTHREAD_MUTEX_ADAPTIVE_NP); /* it is held for microseconds */
        pthread_mutex_init(&e->lock, &mutex_attr);
        pthread_mutexattr_destroy(&mutex_attr);
        pthread_mutex_init(&e->log_lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&e->wake, &attr);
        pthread_cond_init(&e->changed, &attr);
        pthread_condattr_destroy(&attr);
        e->ops       = ops;
        e->n_refs    = 1;
        e->pid       = getpid();
        e->reports   = config->reports;
        e->reports_userdata = config->reports_userdata;
        e->n_threads = config->n_threads ?: cpu_count();
        e->n_slots   = e->reports ? e->n_threads : 2 * e->n_threads; /* whoever cancels wants to go on at once */
        e->slot      = calloc(e->n_slots, sizeof(*e->slot));
        e->free_slot = calloc(e->n_slots, sizeof(*e->free_slot));
        e->spare_slot = calloc(e->n_slots, sizeof(*e->spare_slot));
        e->handed    = calloc(e->n_slots, sizeof(*e->handed));
        e->thread    = calloc(e->n_slots, sizeof(*e->thread));
        if (!e->slot || !e->free_slot || !e->spare_slot || !e->handed || !e->thread)
                return error_oom(err, e->n_slots * sizeof(*e->slot));
        if (e->reports) {
                e->lane = calloc(e->n_threads + ENGINE_LANES, sizeof(*e->lane));
                for (uint32_t k = 0; e->lane && k < e->n_threads + ENGINE_LANES; k++)
                        if (span_lane_init(&e->lane[k]) < 0)
                                return error_oom(err, SPANS_A_LANE * sizeof(Span));
                if (!e->lane)
                        return error_oom(err, e->n_threads * sizeof(*e->lane));
        }
        while (e->n_free_slots < e->n_threads) {
                e->free_slot[e->n_free_slots] = e->n_threads - 1 - e->n_free_slots;
                e->n_free_slots++;
        }
        for (uint32_t k = e->n_threads; k < e->n_slots; k++)
                e->spare_slot[e->n_spare_slots++] = k;
        *ret = TAKE_PTR(e);
        return 0;
}

int engine_new(Engine **ret, const EngineConfig *config, Error *err) {
        _cleanup_(engine_freep) Engine *e = NULL;
        int r;

        config = config ?: &(EngineConfig) {};
        r      = engine_make(&e, config, &engine_local, err);
        if (r == 0)
                r = engine_init(e, config, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

void engine_close(Engine *e) {
        if (!engine_lock(e))
                return;
        if (e->closing) {
                while (!e->closed && helper_of != e)
                        pthread_cond_wait(&e->changed, &e->lock);
                engine_unlock(e);
                return;
        }
        __atomic_store_n(&e->closing, true, __ATOMIC_RELAXED); /* engine_closed() reads it without the lock */
        e->ops->close(e);
        e->closed = true;
        pthread_cond_broadcast(&e->changed);
        engine_unlock(e);
}

/* Callers hold locks of their own, so it waits for nobody. */
bool engine_closed(Engine *e) {
        return e->pid != getpid() || __atomic_load_n(&e->closing, __ATOMIC_RELAXED);
}

Engine *engine_ref(Engine *e) {
        __atomic_fetch_add(&e->n_refs, 1, __ATOMIC_RELAXED);
        return e;
}

Engine *engine_unref(Engine *e) {
        if (!e || e->pid != getpid())
                return NULL;
        if (__atomic_sub_fetch(&e->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        engine_close(e);
        engine_free(e);
        return NULL;
}

void engine_plan_limits(const Engine *e, size_t *ret_task_bytes, size_t *ret_alone_bytes) {
        *ret_task_bytes  = e->task_bytes;
        *ret_alone_bytes = e->alone_bytes;
}

static void local_stats(Engine *e, EngineStats *ret) {
        SchedStats sched = {};
        SpillStats spill = {};
        WorkStats work;

        if (e->sched)
                sched_stats(e->sched, &sched);
        store_stats(e->store, &ret->store);
        work_stats(e->work, &work);
        ret->n_tensors   = sched.n_tensors;
        ret->cache_bytes = e->budget.cache_bytes;
        ret->away_bytes  = work.away_bytes;
        ret->chunk_bytes = work.chunk_bytes;
        ret->scratch_bytes = work.used_bytes - work.chunk_bytes;
        ret->n_spilled   = work.n_spilled;
        ret->n_evicted   = work.n_evicted;
        ret->n_returned  = work.n_returned;
        if (e->spill)
                spill_stats(e->spill, &spill);
        ret->process_bytes = e->process_bytes;
        ret->buffer_bytes  = spill.staging_bytes;
        ret->file_bytes    = spill.file_bytes;
        ret->n_disk_busy        = spill.n_busy;
        ret->disk_read_bytes    = spill.read_bytes;
        ret->disk_written_bytes = spill.written_bytes;
        ret->soft_bytes         = e->budget.soft_bytes - MIN(e->budget.soft_bytes, e->budget.overhead_bytes);
        ret->hard_bytes         = e->budget.arena_bytes;
        memcpy(ret->disk_text, spill.text, sizeof(ret->disk_text));
        ret->table_bytes   = sched.state_bytes + work.state_bytes + idmap_bytes(&e->away);
        store_pages_text(e->store, ret->pages_text);
}

void engine_stats(Engine *e, EngineStats *ret) {
        *ret = (EngineStats) {};
        if (!engine_lock(e))
                return;
        *ret = (EngineStats) { .n_requests   = e->requests.n,
                               .n_tasks_done = e->n_tasks_done,
                               .n_threads    = e->n_threads };
        e->ops->stats(e, ret);
        pthread_mutex_unlock(&e->lock);
}

/* ---- Requests --------------------------------------------------------------------------------------------------- */

/* Tasks that some thread could take now. */
static uint32_t engine_n_ready(const Engine *e) {
        return e->work && e->n_free_slots > 0 ? work_n_ready(e->work) : 0;
}

/* What callers had copied since the session was made is memory of the process, too: it leaves so much less to chunks
 * and work. A budget of memory_bytes is theirs alone. */
static void overhead_update(Engine *e) {
        const size_t now = pages_taken_bytes(), copied = now - MIN(now, e->copied_before),
                     more = copied - MIN(copied, e->budget.spare_bytes);

        if (e->budget.overhead_bytes == 0 || more == e->copied_more)
                return;
        e->copied_more = more;
        store_limit(e->store, e->budget.arena_bytes - MIN(more, e->budget.arena_bytes));
        engine_pump(e, tell_work(e, &(WorkEvent) { .kind       = WORK_OVERHEAD,
                                                   .size_bytes = e->budget.overhead_bytes + more }));
}

static void local_submit(Engine *e, EngineRequest *q, Graph *graph) {
        overhead_update(e);
        engine_pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_SUBMIT, .request = q->id, .graph = graph }));
}

static void local_cancel(Engine *e, EngineRequest *q, const Error *why) {
        engine_pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_CANCEL, .request = q->id, .error = why }));
}

static bool local_progress(Engine *e, const EngineRequest *q, uint64_t *ret_done, uint64_t *ret_total) {
        return sched_progress(e->sched, q->id, ret_done, ret_total);
}

void request_free(EngineRequest *q) {
        free(q->tensor);
        free(q);
}

int engine_submit(Engine *e, Graph *graph, bool background, EngineRequest **ret, Error *err) {
        EngineRequest *q = calloc(1, sizeof(*q));
        int r            = -ENOMEM;

        if (q) {
                q->n_wanted = graph->wanted.n;
                q->tensor   = calloc(q->n_wanted + 1, sizeof(*q->tensor));
        }
        if (q && q->tensor)
                r = engine_enter(e, err);
        else
                error_oom(err, sizeof(*q) + graph->wanted.n * sizeof(*q->tensor));
        if (r == 0) {
                q->id = ++e->next_request;
                if (map_set(&e->requests, q->id, (uintptr_t) q) < 0) {
                        r = error_oom(err, sizeof(*e->requests.entry));
                        pthread_mutex_unlock(&e->lock);
                }
        }
        if (r < 0) {
                if (q)
                        request_free(q);
                graph_free(graph);
                return r;
        }
        q->engine  = engine_ref(e);
        q->running = true;
        q->n_refs  = 1;
        e->ops->submit(e, q, graph);
        if (background && engine_n_ready(e) > 0)
                engine_wake(e);
        engine_unlock(e);
        *ret = q;
        return 0;
}

int engine_wait(EngineRequest *q, uint64_t timeout_usec, Error *err) {
        Engine *e         = q->engine;
        bool for_ever     = timeout_usec > UINT64_MAX / 2;
        uint64_t deadline = for_ever ? 0 : now_usec() + timeout_usec;
        struct timespec at = { .tv_sec = (time_t) (deadline / 1000000), .tv_nsec = (long) (deadline % 1000000 * 1000) };
        int r;

        if (!engine_lock(e))
                return engine_enter(e, err);
        while (!q->done && (for_ever || now_usec() < deadline)) {
                if (e->calls) {
                        engine_unlock(e);
                        pthread_mutex_lock(&e->lock);
                        continue;
                }
                if (engine_help(e, for_ever))
                        continue;
                if (!for_ever) {
                        pthread_cond_timedwait(&e->changed, &e->lock, &at);
                        continue;
                }
                e->n_idle++;
                pthread_cond_wait(&e->wake, &e->lock);
                e->n_idle--;
        }
        r = q->done ? q->outcome.code : ENGINE_PENDING;
        if (r < 0)
                error_set(err, r, "%s", q->outcome.text);
        if (r >= 0)
                engine_leave(e);
        engine_unlock(e);
        return r;
}

bool engine_request_done(EngineRequest *q) {
        bool done = true;

        if (engine_lock(q->engine)) {
                done = q->done;
                pthread_mutex_unlock(&q->engine->lock);
        }
        return done;
}

void engine_request_progress(EngineRequest *q, uint64_t *ret_done, uint64_t *ret_total) {
        *ret_done = *ret_total = 0;
        if (!engine_lock(q->engine))
                return;
        if (q->done || !q->engine->ops->progress(q->engine, q, ret_done, ret_total))
                *ret_done = *ret_total = q->n_done;
        pthread_mutex_unlock(&q->engine->lock);
}

void engine_request_cancel(EngineRequest *q) {
        Engine *e = q->engine;
        Error err = {};

        if (!engine_lock(e))
                return;
        error_set(&err, ERROR_CANCELED, "the work was canceled");
        if (!q->done && e->broken.code == 0)
                e->ops->cancel(e, q, &err);
        engine_unlock(e);
}

int engine_request_on_done(EngineRequest *q, void (*fn)(void *userdata), void *userdata) {
        Engine *e  = q->engine;
        Call *call = malloc(sizeof(*call));

        if (!call)
                return -ENOMEM;
        if (!engine_lock(e)) {
                free(call);
                return ERROR_CLOSED;
        }
        *call = (Call) { .fn = fn, .userdata = userdata };
        if (q->done) {
                engine_calls_add(e, call);
        } else {
                call->next = q->calls;
                q->calls   = call;
        }
        engine_unlock(e);
        return 0;
}

int engine_request_take(EngineRequest *q, TensorId *ret) {
        int r = ENGINE_ABSENT;

        if (!engine_lock(q->engine))
                return ERROR_CLOSED;
        if (q->done && q->outcome.code == 0 && !q->taken) {
                for (uint32_t k = 0; k < q->n_wanted; k++)
                        ret[k] = q->tensor[k];
                q->taken = true;
                r        = 0;
        }
        pthread_mutex_unlock(&q->engine->lock);
        return r;
}

EngineRequest *engine_request_ref(EngineRequest *q) {
        if (engine_lock(q->engine)) {
                q->n_refs++;
                pthread_mutex_unlock(&q->engine->lock);
        }
        return q;
}

EngineRequest *engine_request_unref(EngineRequest *q) {
        Engine *e = q ? q->engine : NULL;

        if (!q || !engine_lock(e))
                return NULL;
        if (--q->n_refs > 0) {
                pthread_mutex_unlock(&e->lock);
                return NULL;
        }
        if (q->done) {
                for (uint32_t k = 0;
                     k < q->n_wanted && q->outcome.code == 0 && !q->taken && !e->closing && e->broken.code == 0; k++)
                        e->ops->release(e, q->tensor[k]);
                request_free(q);
        } /* else it ends by itself, and its results with it */
        engine_unlock(e);
        engine_unref(e);
        return NULL;
}

/* ---- The machines in this process ------------------------------------------------------------------------------- */

const EngineOps engine_local = {
        .submit   = local_submit,
        .cancel   = local_cancel,
        .progress = local_progress,
        .tensor   = local_tensor,
        .release  = local_release,
        .adopt    = local_adopt,
        .adopt_origin = local_adopt_origin,
        .here     = local_here,
        .pin      = local_pin,
        .unpin    = local_unpin,
        .close    = local_close,
        .stats    = local_stats,
        .name     = local_name,
};
