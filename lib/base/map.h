/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A hash table from 64-bit numbers (ids, addresses) to 64-bit values other than 0; 0 means absent. Four neighbours
 * share a cache line; ids that are given out and used in a row have idmap.h. */
#include "base/macro.h"

typedef struct Map {
        struct MapEntry {
                uint64_t key, value;
        } *entry;
        uint32_t n;
        uint32_t capacity; /* a power of two, or 0 */
} Map;

void map_done(Map *map); /* frees the table; a zeroed Map is an empty one */
uint64_t map_get(const Map *map, uint64_t key);
int map_set(Map *map, uint64_t key, uint64_t value) _must_check_; /* value != 0; replaces. 0 or -ENOMEM */
uint64_t map_remove(Map *map, uint64_t key);                       /* what was there */
int map_reserve(Map *map, uint32_t n) _must_check_;                /* the next map_set() up to n entries cannot fail */
