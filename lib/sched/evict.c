/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/evict.h"

bool evict_used_later(const EvictKey *a, const EvictKey *b) {
        return a->plan != b->plan ? a->plan > b->plan : a->position > b->position;
}

/* A use far in the future comes before one that is near, whatever they cost: what must be read again soon is paid for
 * twice. */
bool evict_before(const EvictKey *a, const EvictKey *b) {
        if (a->plan != b->plan || a->position != b->position)
                return evict_used_later(a, b);
        if (a->size_bytes != b->size_bytes)
                return a->size_bytes > b->size_bytes;
        if (a->used_at != b->used_at)
                return (int32_t) (a->used_at - b->used_at) < 0; /* the clock goes round */
        return a->chunk < b->chunk;
}

void evict_done(Evict *e) {
        vec_free(&e->heap);
        vec_free(&e->place);
}

void evict_clear(Evict *e) {
        e->heap.n = e->place.n = 0;
}

static void put(Evict *e, uint32_t at, const EvictKey *key) {
        e->heap.data[at]           = *key;
        e->place.data[key->chunk] = at + 1;
}

static void sift_up(Evict *e, uint32_t at, const EvictKey *key) {
        for (; at > 0 && evict_before(key, &e->heap.data[(at - 1) / 2]); at = (at - 1) / 2)
                put(e, at, &e->heap.data[(at - 1) / 2]);
        put(e, at, key);
}

static void sift_down(Evict *e, uint32_t at, const EvictKey *key) {
        for (uint32_t child; (child = 2 * at + 1) < e->heap.n; at = child) {
                child += child + 1 < e->heap.n && evict_before(&e->heap.data[child + 1], &e->heap.data[child]);
                if (!evict_before(&e->heap.data[child], key))
                        break;
                put(e, at, &e->heap.data[child]);
        }
        put(e, at, key);
}

/* The place is free for the key, which may belong above it or below. */
static void settle(Evict *e, uint32_t at, const EvictKey *key) {
        if (at > 0 && evict_before(key, &e->heap.data[(at - 1) / 2]))
                sift_up(e, at, key);
        else
                sift_down(e, at, key);
}

int evict_set(Evict *e, const EvictKey *given) {
        EvictKey key = *given;

        if (key.chunk >= e->place.n) {
                if (vec_reserve(&e->place, key.chunk + 1) < 0)
                        return -ENOMEM;
                memset(e->place.data + e->place.n, 0, (key.chunk + 1 - e->place.n) * sizeof(*e->place.data));
                e->place.n = key.chunk + 1;
        }
        if (e->place.data[key.chunk] > 0) {
                settle(e, e->place.data[key.chunk] - 1, &key);
                return 0;
        }
        if (vec_push(&e->heap, key) < 0)
                return -ENOMEM;
        sift_up(e, e->heap.n - 1, &key);
        return 0;
}

void evict_remove(Evict *e, uint32_t chunk) {
        uint32_t at = chunk < e->place.n ? e->place.data[chunk] : 0;
        EvictKey last;

        if (at == 0)
                return;
        e->place.data[chunk] = 0;
        last                 = vec_pop(&e->heap);
        if (last.chunk != chunk)
                settle(e, at - 1, &last);
}

const EvictKey *evict_first(const Evict *e) {
        return e->heap.n > 0 ? &e->heap.data[0] : NULL;
}

const EvictKey *evict_find(const Evict *e, uint32_t chunk) {
        uint32_t at = chunk < e->place.n ? e->place.data[chunk] : 0;

        return at > 0 ? &e->heap.data[at - 1] : NULL;
}

size_t evict_bytes(const Evict *e) {
        return e->heap.capacity * sizeof(*e->heap.data) + e->place.capacity * sizeof(*e->place.data);
}
