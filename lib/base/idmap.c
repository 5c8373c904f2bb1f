/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of IDMAP_PAGE values, found by a hash table that is as much smaller. A page goes when its last id does. */
#include <errno.h>

#include "base/idmap.h"

void idmap_done(IdMap *map) {
        for (uint32_t k = 0; k < map->pages.capacity; k++)
                free((void *) (uintptr_t) map->pages.entry[k].value);
        free(map->spare);
        map_done(&map->pages);
        *map = (IdMap) {};
}

int idmap_set(IdMap *map, uint64_t id, uint64_t value) {
        IdPage *page = idmap_page(map, id);

        assert(value != 0);
        if (!page) {
                page = map->spare ?: calloc(1, sizeof(*page));
                if (!page || map_set(&map->pages, id / IDMAP_PAGE, (uintptr_t) page) < 0) {
                        map->spare = page;
                        return -ENOMEM;
                }
                map->spare = NULL;
        }
        map->last    = page;
        map->last_at = id / IDMAP_PAGE;
        page->n += page->value[id % IDMAP_PAGE] == 0;
        map->n += page->value[id % IDMAP_PAGE] == 0;
        page->value[id % IDMAP_PAGE] = value;
        return 0;
}

uint64_t idmap_remove(IdMap *map, uint64_t id) {
        IdPage *page = idmap_page(map, id);
        uint64_t ret = page ? page->value[id % IDMAP_PAGE] : 0;

        if (!ret)
                return 0;
        page->value[id % IDMAP_PAGE] = 0;
        map->n--;
        if (--page->n == 0) {
                map_remove(&map->pages, id / IDMAP_PAGE);
                map->last = NULL;
                free(map->spare);
                map->spare = page;
        }
        return ret;
}

uint64_t idmap_any(const IdMap *map) {
        for (uint32_t k = 0; k < map->pages.capacity; k++) {
                const IdPage *page = (const IdPage *) (uintptr_t) map->pages.entry[k].value;

                for (uint32_t i = 0; page && i < IDMAP_PAGE; i++)
                        if (page->value[i])
                                return page->value[i];
        }
        return 0;
}

size_t idmap_bytes(const IdMap *map) {
        return map->pages.capacity * sizeof(*map->pages.entry) + (map->pages.n + (map->spare != NULL)) * sizeof(IdPage);
}
