/* SPDX-License-Identifier: Apache-2.0 */
/* Memory is counted in whole pages, so a cache of a few huge ones would be full of holes that count: below ENOUGH
 * pages they are not used. Where the kernel makes pages of memory files huge without being asked, they are
 * counted as such however small the cache is. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "store/ladder.h"

enum {
        THP_BYTES = 2 << 20, /* of x86-64, and of arm64 with 4 KiB base pages */
        ENOUGH    = 64,
};

static const struct HugePool *pool_for(const HugePages *pages, const StoreConfig *config) {
        size_t at_most = config->pages == STORE_PAGES_ON ? config->cache_bytes : config->cache_bytes / ENOUGH;

        return hugepages_pool(pages, config->page_bytes, at_most);
}

/* What vm.nr_hugepages must be for the whole cache: what others have taken stays theirs. */
static uint64_t pages_to_set(const struct HugePool *pool, size_t page_bytes, size_t cache_bytes) {
        uint64_t taken = pool ? pool->n_total - MIN(pool->n_total, pool->n_free) : 0;

        return taken + (uint64_t) div_up((int64_t) cache_bytes, (int64_t) page_bytes);
}

static void remedy_print(const HugePages *pages, size_t page_bytes, size_t cache_bytes, char *text, size_t n) {
        const struct HugePool *pool = NULL;

        page_bytes = page_bytes ?: (size_t) THP_BYTES;
        for (uint32_t k = 0; k < pages->n_sizes; k++)
                if (pages->pool[k].page_bytes == page_bytes)
                        pool = &pages->pool[k];
        if (page_bytes == THP_BYTES)
                snprintf(text, n, "sysctl vm.nr_hugepages=%llu",
                         (unsigned long long) pages_to_set(pool, page_bytes, cache_bytes));
        else
                snprintf(text, n, "echo %llu > /sys/kernel/mm/hugepages/hugepages-%zukB/nr_hugepages",
                         (unsigned long long) pages_to_set(pool, page_bytes, cache_bytes), page_bytes / KiB);
}

int ladder_make(Ladder *ret, const HugePages *pages, const StoreConfig *config, Error *err) {
        ThpMode thp = config->shared ? pages->thp_shared : pages->thp;
        const struct HugePool *pool;
        size_t cache_bytes = config->cache_bytes;
        bool forced        = config->shared && thp == THP_ALWAYS;

        *ret = (Ladder) {};
        if (config->pages != STORE_PAGES_OFF) {
                char need[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX], remedy[128];

                pool = pool_for(pages, config);
                remedy_print(pages, config->page_bytes, cache_bytes, remedy, sizeof(remedy));
                if (config->page_bytes && !pool)
                        return error_set(err, ERROR_VALUE, "this system has no huge pages of %s",
                                         size_print(config->page_bytes, size));
                if (config->pages == STORE_PAGES_ON) {
                        uint64_t bytes = pool ? pool->n_free * pool->page_bytes : 0;

                        if (bytes < cache_bytes)
                                return error_set(err, ERROR_MEMORY,
                                                 "%s of reserved huge pages are needed and %s are free: %s",
                                                 size_print(cache_bytes, need), size_print(bytes, size), remedy);
                }
                if (pool && pool->n_free > 0 && pool->page_bytes <= cache_bytes)
                        ret->rung[ret->n++] = (SegmentKind) { STORE_HUGETLB, pool->page_bytes, config->shared };
                if (config->pages == STORE_PAGES_ON)
                        return 0;
        }
        if (forced || (config->pages == STORE_PAGES_TRY && thp != THP_NEVER && cache_bytes / ENOUGH >= THP_BYTES))
                ret->rung[ret->n++] = (SegmentKind) { STORE_THP, THP_BYTES, config->shared };
        else
                ret->rung[ret->n++] = (SegmentKind) { STORE_PLAIN, STORE_PAGE, config->shared };
        return 0;
}

static void add(char text[static STORE_TEXT_MAX], const char *fmt, ...) _printf_(2, 3);
static void add(char text[static STORE_TEXT_MAX], const char *fmt, ...) {
        size_t n = strlen(text);
        va_list args;

        va_start(args, fmt);
        vsnprintf(text + n, STORE_TEXT_MAX - n, fmt, args);
        va_end(args);
}

void ladder_print(const HugePages *pages, const StoreConfig *config, StoreRung rung,
                  const size_t bytes[static 3], char text[static STORE_TEXT_MAX]) {
        size_t cache_bytes = config->cache_bytes;
        static const char *const names[] = {
                [STORE_HUGETLB] = "reserved huge pages",
                [STORE_THP]     = "transparent huge pages",
                [STORE_PLAIN]   = "small pages",
        };
        const char *where = config->shared ? "memory file" : "anonymous";
        ThpMode thp       = config->shared ? pages->thp_shared : pages->thp;
        char size[SIZE_TEXT_MAX], remedy[128];

        text[0] = '\0';
        if (rung != STORE_HUGETLB && bytes[STORE_HUGETLB] > 0)
                add(text, "%s of %s, and no more of them; ", size_print(bytes[STORE_HUGETLB], size),
                    names[STORE_HUGETLB]);
        add(text, "%s (%s)", names[rung], where);
        if (rung == STORE_HUGETLB)
                return;
        if (config->pages == STORE_PAGES_OFF) {
                add(text, ", as configured");
                return;
        }
        if (rung == STORE_PLAIN) {
                if (thp == THP_NEVER)
                        add(text, "; for transparent ones: echo %s > /sys/kernel/mm/transparent_hugepage/%s",
                            config->shared ? "advise" : "madvise", config->shared ? "shmem_enabled" : "enabled");
                else
                        add(text, "; the cache of %s is too small for huge ones", size_print(cache_bytes, size));
        }
        if (cache_bytes / ENOUGH >= THP_BYTES || config->page_bytes) {
                remedy_print(pages, config->page_bytes, cache_bytes, remedy, sizeof(remedy));
                add(text, "; for reserved ones: %s", remedy);
        }
        if (pages->no_library)
                add(text, " (libhugetlbfs is not installed: sizes are those of /sys)");
}
