/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A worker's disk. What is written is there when that has ended, or finds no room; it may be damaged, which is seen
 * when it is read and not before. What another worker fetches, or a client reads, is pinned first, and comes back for
 * that. Whoever reads it finds what the chunk must hold, or hears that it cannot be had. */
#include "sim/cluster.h"

static void work_tell(Sim *s, SimWorker *w, WorkEvent event); /* cluster-work.h */

static bool in_flight(const SimWorker *w, uint64_t chunk) {
        for (uint32_t k = 0; k < w->flight.n; k++)
                if (w->flight.data[k].chunk == chunk)
                        return true;
        return false;
}

/* In memory, and to stay there. */
static bool is_read(const SimWorker *w, uint64_t chunk) {
        for (uint32_t k = 0; k < w->serve.n; k++)
                if (w->serve.data[k].chunk == chunk && w->serve.data[k].state == SERVE_HERE)
                        return true;
        return false;
}

static bool is_served(const SimWorker *w, uint64_t chunk) {
        for (uint32_t k = 0; k < w->serve.n; k++)
                if (w->serve.data[k].chunk == chunk && !w->serve.data[k].client)
                        return true;
        return false;
}

/* ---- What the machine wants -------------------------------------------------------------------------------------- */

static void disk_spill(Sim *s, SimWorker *w, uint64_t chunk) {
        sim_assert(s, s->mix.disks && map_get(&w->store, chunk) != 0);
        sim_assert(s, !map_get(&w->cold, chunk) && !map_get(&w->disk, chunk) && !in_flight(w, chunk));
        ck_assert_int_eq(vec_push(&w->flight, (Flight) { .chunk = chunk, .write = true }), 0);
}

static void disk_evict(Sim *s, SimWorker *w, uint64_t chunk) {
        sim_assert(s, map_get(&w->disk, chunk) != 0 && !map_get(&w->cold, chunk) && !in_flight(w, chunk));
        sim_assert(s, !is_read(w, chunk));
        ck_assert_int_eq(map_set(&w->cold, chunk, 1), 0);
}

static void disk_return(Sim *s, SimWorker *w, uint64_t chunk) {
        sim_assert(s, map_get(&w->disk, chunk) != 0 && map_get(&w->cold, chunk) != 0 && !in_flight(w, chunk));
        ck_assert_int_eq(vec_push(&w->flight, (Flight) { .chunk = chunk }), 0);
}

/* Memory and file. */
static void chunk_gone(Sim *s, SimWorker *w, uint64_t chunk) {
        sim_assert(s, map_remove(&w->store, chunk) != 0 && !in_flight(w, chunk) && !is_read(w, chunk));
        map_remove(&w->bytes, chunk);
        map_remove(&w->disk, chunk);
        map_remove(&w->cold, chunk);
}

/* Whoever reads it finds what it must hold, or hears that it cannot be had. */
static void pinned(Sim *s, SimWorker *w, const WorkAction *a) {
        uint32_t k = 0;

        while (k < w->serve.n && w->serve.data[k].pin != a->pin)
                k++;
        sim_assert(s, k < w->serve.n && w->serve.data[k].state == SERVE_WAITS);
        w->serve.data[k].state = a->error > 0 ? SERVE_FAILED : SERVE_HERE;
        sim_assert(s, a->error > 0 || (map_get(&w->store, a->chunk) == map_get(&s->expected, a->chunk) &&
                                       !map_get(&w->cold, a->chunk)));
}

/* ---- What happens ------------------------------------------------------------------------------------------------ */

static uint64_t damaged(uint64_t content) {
        return content ^ UINT64_C(1) << 63;
}

static void written(Sim *s, SimWorker *w, uint64_t chunk) {
        const uint64_t content = map_get(&w->store, chunk);
        const bool whole       = s->mending || s->mix.damages == 0 || !one_in(s, s->mix.damages);
        WorkEvent event        = { .kind = WORK_SPILLED, .chunk = chunk };
        Error err              = {};

        if (s->mix.fills > 0 && !s->mending && one_in(s, s->mix.fills)) {
                error_set(&err, -ENOSPC, "the disk is full");
                event.error = &err;
        } else
                ck_assert_int_eq(map_set(&w->disk, chunk, whole ? content : damaged(content)), 0);
        work_tell(s, w, event);
}

/* Its digest says whether it is what was written. Now and then there is no room for it after all. */
static void read_back(Sim *s, SimWorker *w, uint64_t chunk) {
        WorkEvent event = { .kind = WORK_RETURNED, .chunk = chunk };
        Error err       = {};

        if (map_get(&w->disk, chunk) != map_get(&w->store, chunk)) {
                error_set(&err, ERROR_CORRUPT, "what the disk has is not the chunk");
                event.error = &err;
                event.lost  = true;
                s->n_damaged++;
        } else if (!one_in(s, 20)) {
                event.ok = true;
                map_remove(&w->cold, chunk);
        }
        work_tell(s, w, event);
}

static bool disk_ends(Sim *s, SimWorker *w, uint32_t what) {
        Flight f;

        if (w->flight.n == 0)
                return false;
        f                                  = w->flight.data[what % w->flight.n];
        w->flight.data[what % w->flight.n] = w->flight.data[w->flight.n - 1];
        w->flight.n--;
        if (f.write)
                written(s, w, f.chunk);
        else
                read_back(s, w, f.chunk);
        return true;
}

static void serve_add(Sim *s, SimWorker *w, Serve serve) {
        serve.pin = ++s->n_pins;
        ck_assert_int_eq(vec_push(&w->serve, serve), 0);
        work_tell(s, w,
                  (WorkEvent) {
                          .kind = WORK_PIN, .pin = serve.pin, .chunk = serve.chunk, .n = 1, .brief = !serve.client });
}

/* For whoever fetches it; false if that is under way. */
static bool serve_begin(Sim *s, SimWorker *w, uint64_t chunk) {
        if (is_served(w, chunk))
                return false;
        serve_add(s, w, (Serve) { .chunk = chunk });
        return true;
}

/* For a client that takes its time. */
static void client_reads(Sim *s, SimWorker *w, uint64_t chunk) {
        serve_add(s, w, (Serve) { .chunk = chunk, .client = true, .until = s->now + sim_random(s, 5 * HEARTBEAT) });
}

/* All that is written there is damaged from now on. */
static void disk_dies(SimWorker *w) {
        for (uint32_t k = 0; k < w->disk.capacity; k++)
                if (w->disk.entry[k].value)
                        w->disk.entry[k].value = damaged(map_get(&w->store, w->disk.entry[k].key));
}
