/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing, linear probing, at most half full. Removal moves later entries of the run back, so that there are no
 * tombstones and a table that is filled and emptied for ever stays as fast as a new one. */
#include <errno.h>

#include "base/map.h"

enum { CAPACITY_FIRST = 16 };

/* Multiples of the golden ratio spread a row of groups evenly over the table: a full row meets hardly any collision. */
static uint32_t home(const Map *map, uint64_t key) {
        uint64_t h = (key >> 2) * 0x9e3779b97f4a7c15;

        return (uint32_t) (h >> (66 - __builtin_ctz(map->capacity))) << 2 | (key & 3);
}

/* The slot that has the key, or the free one where it would be. */
static uint32_t find(const Map *map, uint64_t key) {
        uint32_t at = home(map, key);

        while (map->entry[at].value && map->entry[at].key != key)
                at = (at + 1) & (map->capacity - 1);
        return at;
}

void map_done(Map *map) {
        free(map->entry);
        *map = (Map) {};
}

uint64_t map_get(const Map *map, uint64_t key) {
        return map->n > 0 ? map->entry[find(map, key)].value : 0;
}

int map_reserve(Map *map, uint32_t n) {
        uint64_t capacity = MAX(map->capacity, (uint32_t) CAPACITY_FIRST);
        Map grown = { .n = map->n };

        while (capacity / 2 < n)
                capacity *= 2;
        if (capacity == map->capacity)
                return 0;
        if (capacity > UINT32_MAX)
                return -ENOMEM;
        grown.capacity = (uint32_t) capacity;
        grown.entry = calloc(capacity, sizeof(*grown.entry));
        if (!grown.entry)
                return -ENOMEM;
        for (uint32_t k = 0; k < map->capacity; k++)
                if (map->entry[k].value)
                        grown.entry[find(&grown, map->entry[k].key)] = map->entry[k];
        free(map->entry);
        *map = grown;
        return 0;
}

int map_set(Map *map, uint64_t key, uint64_t value) {
        uint32_t at;
        int r;

        assert(value != 0);
        r = map_reserve(map, map->n + 1);
        if (r < 0)
                return r;
        at = find(map, key);
        map->n += map->entry[at].value == 0;
        map->entry[at] = (struct MapEntry) { key, value };
        return 0;
}

uint64_t map_remove(Map *map, uint64_t key) {
        uint32_t mask = map->capacity - 1, hole;
        uint64_t ret;

        if (map->n == 0)
                return 0;
        hole = find(map, key);
        ret = map->entry[hole].value;
        if (!ret)
                return 0;
        /* An entry may move into the hole unless its home lies behind the hole. */
        for (uint32_t at = (hole + 1) & mask; map->entry[at].value; at = (at + 1) & mask)
                if (((at - home(map, map->entry[at].key)) & mask) >= ((at - hole) & mask)) {
                        map->entry[hole] = map->entry[at];
                        hole = at;
                }
        map->entry[hole].value = 0;
        map->n--;
        return ret;
}
