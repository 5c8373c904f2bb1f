/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks on their way to disk and back: what the worker's machine wants (WORK_SPILL, WORK_EVICT, WORK_RETURN) is begun
 * here, and the disk thread says how it ended. A chunk that is written is pinned; one that comes back is reserved, and
 * sealed when it is whole. The disk is opened when it is first needed, unless the user named it.
 *
 * The files of an engine whose memory files are kept (EngineConfig.keep) are kept under the same owner, and opened
 * again with the memory.
 *
 * The disk thread takes the lock, steps the machine and wakes somebody; it computes nothing and makes no calls, so it
 * may be joined by whoever closes the engine. */
#include "base/size.h"
#include "engine/inside.h"

/* Somebody goes on: with a task that may start now, or with calls that came up. */
static void disk_wake(Engine *e) {
        if ((work_n_ready(e->work) > 0 && e->n_free_slots > 0) || e->calls)
                engine_wake(e);
        pthread_cond_broadcast(&e->changed);
}

void disk_landed(Engine *e, uint64_t chunk, bool written, const Error *err) {
        const bool lost = !written && err && err->code != ERROR_CANCELED && err->code != ERROR_MEMORY &&
                          !idmap_get(&e->origins, chunk); /* which can be read again */
        WorkEvent event = {
                .kind = written ? WORK_SPILLED : WORK_RETURNED, .chunk = chunk, .error = err, .ok = !err, .lost = lost
        };

        if (e->lane)
                span_end(&e->lane[e->n_threads + (written ? ENGINE_LANE_WRITE : ENGINE_LANE_READ)], now_usec(),
                         err ? 0 : idmap_get(&e->away, chunk));
        if (lost) /* once: it is dropped */
                engine_say(e, true, err->text);
        if (written)
                store_unpin(e->store, chunk);
        else if (err)
                store_drop(e->store, chunk);
        else
                store_seal(e->store, chunk, idmap_get(&e->away, chunk));
        if (e->broken.code == 0)
                engine_pump(e, tell_work(e, &event));
        disk_wake(e);
}

static void disk_done(void *userdata, uint64_t chunk, bool written, const Error *err) {
        Engine *e = userdata;

        pthread_mutex_lock(&e->lock);
        disk_landed(e, chunk, written, err);
        pthread_mutex_unlock(&e->lock);
}

static void disk_say(void *userdata, bool warning, const char *text) {
        engine_say(userdata, warning, text);
}

static SpillConfig disk_config(Engine *e) {
        return (SpillConfig) { .dirs        = e->spill_dirs,
                               .limit_bytes = e->budget.disk_bytes,
                               .owner       = e->spill_owner ?: (uint64_t) (uintptr_t) e,
                               .keep        = e->spill_owner != 0,
                               .codec       = e->spill_codec,
                               .done        = disk_done,
                               .say         = disk_say,
                               .userdata    = e };
}

int disk_open(Engine *e, Error *err) {
        const SpillConfig config = disk_config(e);

        return e->spill ? 0 : spill_new(&e->spill, &config, err);
}

static int disk_found(void *userdata, uint64_t chunk, size_t size_bytes, _unused_ uint32_t offset) {
        Engine *e = userdata;
        int r;

        if (size_bytes == 0)
                return 0; /* is never written */
        r = idmap_set(&e->away, chunk, size_bytes);
        return r < 0 ? r : tell_work(e, &(WorkEvent) { .kind = WORK_OFFER, .chunk = chunk, .size_bytes = size_bytes });
}

/* Memory is worth keeping without the disk. */
int disk_restore(Engine *e, Error *err) {
        const SpillConfig config = disk_config(e);
        int r                    = spill_restore(&e->spill, &config, disk_found, err);

        if (r == 0 || r == -ENOMEM)
                return r;
        engine_say(e, true, err->text);
        *err = (Error) {};
        return 0;
}

void disk_close(Engine *e) {
        Spill *spill = e->spill;

        e->spill = NULL;
        if (!spill)
                return;
        pthread_mutex_unlock(&e->lock); /* the last words of the disk thread need it */
        if (e->leaves && e->spill_owner)
                spill_leave(spill);
        else
                spill_free(spill);
        pthread_mutex_lock(&e->lock);
}

static void disk_began(Engine *e, EngineLane lane) {
        if (e->lane)
                span_begin(&e->lane[e->n_threads + lane], now_usec());
}

int disk_write(Engine *e, uint64_t chunk) {
        char limit[SIZE_TEXT_MAX];
        const char *data;
        size_t bytes;
        Error err = {};
        int r     = disk_open(e, &err);

        if (r == 0) {
                r = store_pin(e->store, chunk, &data, &bytes);
                assert(r == 0);
                r = idmap_set(&e->away, chunk, bytes);
                if (r == 0)
                        r = spill_write(e->spill, chunk, data, bytes);
                if (r == 0) {
                        disk_began(e, ENGINE_LANE_WRITE);
                        return 0;
                }
                store_unpin(e->store, chunk);
        }
        if (r == SPILL_FULL && e->budget.disk_bytes)
                error_set(&err, ERROR_SPILL_FULL, "no more than %s of disk may be used, or there is no more",
                          size_print(e->budget.disk_bytes, limit));
        else if (r == SPILL_FULL)
                error_set(&err, ERROR_SPILL_FULL, "no disk has room");
        if (err.code == 0)
                error_oom(&err, 0);
        e->n_refused_at_once++;
        return tell_work(e, &(WorkEvent) { .kind = WORK_SPILLED, .chunk = chunk, .error = &err });
}

int disk_read(Engine *e, uint64_t chunk) {
        const Origin *origin = (const Origin *) (uintptr_t) idmap_get(&e->origins, chunk);
        const size_t bytes   = idmap_get(&e->away, chunk);
        int r = store_reserve_at(e->store, chunk, bytes, origin ? 0 : spill_offset(e->spill, chunk));

        if (r == 0) {
                char *to = store_writable(e->store, chunk);

                r = origin ? origin_return(e, origin, chunk, to, bytes) : spill_read(e->spill, chunk, to);
                if (r == 0) {
                        disk_began(e, ENGINE_LANE_READ);
                        return 0;
                }
                store_drop(e->store, chunk);
        }
        e->n_refused_at_once++;
        return tell_work(e, &(WorkEvent) { .kind = WORK_RETURNED, .chunk = chunk });
}

/* Memory and file of a chunk go; it has one of them at least. */
void disk_free(Engine *e, uint64_t chunk) {
        const char *data;
        size_t bytes;

        if (!idmap_get(&e->away, chunk)) {
                store_drop(e->store, chunk);
                return;
        }
        if (store_pin(e->store, chunk, &data, &bytes) == 0) {
                store_unpin(e->store, chunk);
                store_drop(e->store, chunk);
        }
        idmap_remove(&e->away, chunk);
        if (idmap_get(&e->origins, chunk))
                origin_drop(e, chunk);
        else if (e->spill)
                spill_drop(e->spill, chunk);
}
