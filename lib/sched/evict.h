/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which chunk goes when memory is needed: the one whose next use is furthest away. That is Belady's rule, which no
 * other beats when the future is known; and the plan knows it as far as the tasks that were given. A chunk that no
 * such task reads is further away than any that one does. Among equals those go first that cost less: the larger one,
 * since it makes more room, then the one that was used least recently. */
#include "base/vec.h"

typedef struct EvictKey {
        uint64_t plan;      /* of the next task that reads it; EVICT_NEVER: none is known */
        uint32_t position;  /* of that task in its plan */
        uint32_t used_at;   /* when it was made or last read */
        size_t size_bytes;
        uint32_t chunk;
} EvictKey;

#define EVICT_NEVER UINT64_MAX

/* Whether a is worth less than b. */
bool evict_before(const EvictKey *a, const EvictKey *b);
bool evict_used_later(const EvictKey *a, const EvictKey *b);

/* A heap of chunks, of which the least valuable is known at once, and any can be taken out or become worth more. */
typedef struct Evict {
        Vec(EvictKey) heap;
        Vec(uint32_t) place; /* [chunk] in the heap, plus 1; 0: it is not there */
} Evict;

void evict_done(Evict *evict); /* frees it; a zeroed Evict is an empty one */
void evict_clear(Evict *evict);
int evict_set(Evict *evict, const EvictKey *key) _must_check_; /* adds key->chunk, or moves it. 0 or -ENOMEM */
void evict_remove(Evict *evict, uint32_t chunk);               /* nothing when it is not there */
const EvictKey *evict_first(const Evict *evict);               /* NULL: there is none */
const EvictKey *evict_find(const Evict *evict, uint32_t chunk);
size_t evict_bytes(const Evict *evict);                        /* of memory that it takes */
