/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A table from ids that are given out in a row, and mostly used in a row, to 64-bit values other than 0; 0 means
 * absent. Neighbours lie next to each other, where a hash table costs a miss of cache and TLB for each. */
#include "base/map.h"

enum { IDMAP_PAGE = 64 }; /* ids whose values lie together */

typedef struct IdPage {
        uint32_t n; /* values that are not 0 */
        uint64_t value[IDMAP_PAGE];
} IdPage;

typedef struct IdMap {
        Map pages;               /* id / IDMAP_PAGE -> struct IdPage * */
        IdPage *spare;           /* an empty one, so that a queue of ids does not come and go with malloc */
        IdPage *last;            /* where something was set last, or NULL: that is looked for most, */
        uint64_t last_at;        /* and its place in `pages` */
        uint64_t n;
} IdMap;

void idmap_done(IdMap *map); /* frees the table; a zeroed IdMap is an empty one */

static inline IdPage *idmap_page(const IdMap *map, uint64_t id) {
        if (_likely_(map->last && map->last_at == id / IDMAP_PAGE))
                return map->last;
        return (IdPage *) (uintptr_t) map_get(&map->pages, id / IDMAP_PAGE);
}

static inline uint64_t idmap_get(const IdMap *map, uint64_t id) {
        const IdPage *page = idmap_page(map, id);

        return page ? page->value[id % IDMAP_PAGE] : 0;
}

int idmap_set(IdMap *map, uint64_t id, uint64_t value) _must_check_; /* value != 0; replaces. 0 or -ENOMEM */
uint64_t idmap_remove(IdMap *map, uint64_t id);                       /* what was there */
uint64_t idmap_any(const IdMap *map);                                 /* the value of some id; 0: the map is empty */
size_t idmap_bytes(const IdMap *map);
