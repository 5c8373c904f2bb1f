/* SPDX-License-Identifier: Apache-2.0 */
/* Each call takes the lock, steps the machine, and wakes as many threads as there are tasks for. */
#include <stdio.h>

#include "engine/inside.h"

enum { PLENTY = 2 }; /* tasks a thread */

/* Threads for what may start now; whoever takes a task wakes the next one. */
static void leave(Engine *e) {
        if (!e->closing)
                engine_leave(e);
        engine_unlock(e);
}

int engine_work(Engine *e, const WorkEvent *event, Error *err) {
        int r = engine_enter(e, err);

        if (r < 0)
                return r;
        engine_pump(e, tell_work(e, event));
        if (e->broken.code < 0)
                r = error_set(err, e->broken.code, "%s", e->broken.text);
        leave(e);
        return r;
}

int engine_chunk_pin(Engine *e, uint64_t pin, uint64_t chunk, bool brief, Error *err) {
        int r = engine_enter(e, err);

        if (r < 0)
                return r;
        if (!work_here(e->work, chunk) && idmap_get(&e->away, chunk) == 0)
                r = ENGINE_ABSENT;
        else
                engine_pump(
                        e,
                        tell_work(e, &(WorkEvent) {
                                             .kind = WORK_PIN, .pin = pin, .chunk = chunk, .n = 1, .brief = brief }));
        leave(e);
        return r;
}

/* Without a scheduler all pins are of single chunks. */
void chunk_pinned(Engine *e, uint64_t pin, uint64_t chunk, const Error *err) {
        const char *data = NULL;
        size_t bytes     = 0;

        if (!err) {
                int r = store_pin(e->store, chunk, &data, &bytes);

                assert(r == 0);
        }
        e->reports->pinned(e->reports_userdata, pin, err, data, bytes);
}

void engine_chunk_unpin(Engine *e, uint64_t pin, uint64_t chunk, bool brief) {
        if (!engine_lock(e))
                return;
        store_unpin(e->store, chunk);
        if (e->broken.code == 0)
                engine_pump(
                        e,
                        tell_work(e, &(WorkEvent) {
                                             .kind = WORK_UNPIN, .pin = pin, .chunk = chunk, .n = 1, .brief = brief }));
        leave(e);
}

int engine_chunk_file(Engine *e, uint64_t chunk, int *ret_fd, uint64_t *ret_offset, size_t *ret_size) {
        int r;

        if (!engine_lock(e))
                return ERROR_CLOSED;
        r = store_file(e->store, chunk, ret_fd, ret_offset, ret_size);
        engine_unlock(e);
        return r > 0 ? ENGINE_ABSENT : r;
}

int engine_chunk_arriving(Engine *e, uint64_t chunk, size_t size_bytes, char **ret, Error *err) {
        int r = engine_enter(e, err);

        if (r < 0)
                return r;
        r = store_reserve(e->store, 1, &chunk, &size_bytes);
        if (r == 0)
                *ret = store_writable(e->store, chunk);
        else
                r = error_set(err, ERROR_MEMORY, "no room for a chunk of %zu bytes", size_bytes);
        engine_unlock(e);
        return r;
}

void engine_chunk_arrived(Engine *e, uint64_t chunk, size_t size_bytes) {
        if (!engine_lock(e))
                return;
        store_seal(e->store, chunk, size_bytes);
        if (e->broken.code == 0)
                engine_pump(e, tell_work(e, &(WorkEvent) {
                                                    .kind = WORK_FETCHED, .chunk = chunk, .size_bytes = size_bytes }));
        leave(e);
}

int engine_chunk_borrowed(Engine *e, uint64_t chunk, const char *data, size_t size_bytes,
                          void (*release)(void *userdata), void *userdata) {
        int r;

        if (!engine_lock(e))
                return -ENOMEM;
        r = store_adopt(e->store, chunk, data, size_bytes, release, userdata);
        if (r == 0 && e->broken.code == 0) /* it takes no memory here */
                engine_pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_FETCHED, .chunk = chunk }));
        leave(e);
        return r;
}

void engine_chunk_failed(Engine *e, uint64_t chunk, uint32_t from, bool reserved) {
        if (!engine_lock(e))
                return;
        if (reserved)
                store_drop(e->store, chunk);
        if (e->broken.code == 0)
                engine_pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_FETCH_FAILED, .chunk = chunk, .from = from }));
        leave(e);
}

void engine_chunk_again(Engine *e, uint64_t chunk) {
        if (!engine_lock(e))
                return;
        store_drop(e->store, chunk);
        engine_unlock(e);
}

bool engine_chunk_list(Engine *e, uint32_t *at, uint64_t *ret_chunk, size_t *ret_bytes) {
        bool any;

        if (!engine_lock(e))
                return false;
        any = e->broken.code == 0 && work_list(e->work, at, ret_chunk, ret_bytes);
        engine_unlock(e);
        return any;
}

int engine_careful(Engine *e, uint32_t n_threads, Error *err) {
        int r = engine_enter(e, err);

        if (r < 0)
                return r;
        e->careful = n_threads > 0;
        if (e->careful)
                store_trim(e->store);
        engine_pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_CAREFUL, .n = n_threads }));
        if (e->broken.code < 0)
                r = error_set(err, e->broken.code, "%s", e->broken.text);
        leave(e);
        return r;
}

void engine_leave_chunks(Engine *e) {
        e->leaves = true;
}

bool engine_has_plenty(const Engine *e) {
        return work_n_ready(e->work) >= PLENTY * e->n_threads;
}

uint32_t engine_n_running(Engine *e) {
        uint32_t n;

        if (!engine_lock(e))
                return 0;
        n = work_n_running(e->work);
        engine_unlock(e);
        return n;
}

size_t engine_memory_bytes(const Engine *e) {
        return e->budget.arena_bytes;
}

size_t engine_task_bytes(const Engine *e) {
        return e->task_bytes;
}

/* ---- For people -------------------------------------------------------------------------------------------------- */

uint32_t engine_n_lanes(const Engine *e) {
        return e->n_threads + ENGINE_LANES;
}

uint32_t engine_lane(Engine *e, uint32_t lane, uint64_t since_usec, Span *ret, uint64_t *ret_end, bool *ret_dropped) {
        const Span *span;
        uint32_t n = 0;

        *ret_end     = 0;
        *ret_dropped = false;
        if (!engine_lock(e))
                return 0;
        for (uint64_t at = 0; (span = span_next(&e->lane[lane], since_usec, &at));)
                ret[n++] = *span;
        *ret_dropped = span_dropped(&e->lane[lane], since_usec);
        *ret_end     = e->lane[lane].n;
        span_told(&e->lane[lane]);
        pthread_mutex_unlock(&e->lock);
        return n;
}

/* So far; it runs, or the clock is gone with it and stands still. */
static uint64_t clock_usec(clockid_t clock) {
        struct timespec t = {};

        (void) clock_gettime(clock, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

bool engine_doing(Engine *e, uint32_t thread, EngineDoing *ret) {
        const Slot *slot = &e->slot[thread];
        const Held *held;

        if (!engine_lock(e))
                return false;
        ret->since_usec = __atomic_load_n(&slot->began_usec, __ATOMIC_RELAXED);
        if (ret->since_usec != 0) {
                held          = &slot->held[slot->at];
                ret->thread   = thread;
                ret->task     = held->task;
                ret->plan     = held->run->id;
                ret->cpu_usec = clock_usec(slot->clock);
                span_label(ret->label, held->run->plan->stage.data[held->run->plan->task_stage[held->task]].label);
        }
        pthread_mutex_unlock(&e->lock);
        return ret->since_usec != 0;
}

bool engine_why(Engine *e, uint64_t plan, uint32_t task, EngineWhy *ret) {
        bool is;

        if (!engine_lock(e))
                return false;
        *ret = (EngineWhy) {};
        is   = e->broken.code == 0 && work_why(e->work, plan, task, &ret->work);
        if (is && ret->work.state == WORK_RUNS) {
                const Slot *slot = &e->slot[ret->work.thread / TASKS_AT_ONCE];

                ret->thread = ret->work.thread / TASKS_AT_ONCE;
                if (slot->at == ret->work.thread % TASKS_AT_ONCE)
                        ret->since_usec = __atomic_load_n(&slot->began_usec, __ATOMIC_RELAXED);
        }
        pthread_mutex_unlock(&e->lock);
        return is;
}

bool engine_disk(Engine *e, uint32_t k, EngineDisk *ret) {
        SpillDisk disk;
        bool is = false;

        if (!engine_lock(e))
                return false;
        if (e->spill && spill_disk(e->spill, k, &disk)) {
                is   = true;
                *ret = (EngineDisk) { .failed     = disk.failed,
                                      .full       = disk.full,
                                      .used_bytes = disk.used_bytes,
                                      .free_bytes = disk.free_bytes };
                snprintf(ret->path, sizeof(ret->path), "%s", disk.path);
        }
        pthread_mutex_unlock(&e->lock);
        return is;
}
