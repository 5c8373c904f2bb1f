/* SPDX-License-Identifier: Apache-2.0 */
/* Which larger pages this machine has, which ones the workers have got, and what the administrator would set so that
 * all of the caches here are made of reserved ones. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "daemons/ctl/ctl.h"
#include "store/hugepages.h"

enum { SYSCTL_BYTES = 2 << 20 }; /* vm.nr_hugepages counts pages of this size on x86-64, and on arm64 mostly */

static const Column pool_columns[] = {
        { "RESERVED PAGES OF", CELL_BYTES, "page_bytes", NULL },
        { "TOTAL", CELL_COUNT, "total", NULL },
        { "FREE", CELL_COUNT, "free", NULL },
};

static const Column worker_columns[] = {
        { "WORKER", CELL_COUNT, "worker", NULL },
        { "NAME", CELL_TEXT, "name", NULL },
        { "CACHE", CELL_BYTES, "cache_bytes", NULL },
        { "PAGES", CELL_TEXT, "pages", NULL },
};

static const char *const modes[] = { [THP_NEVER] = "never", [THP_ASKED] = "when asked", [THP_ALWAYS] = "always" };

static struct json_object *pools_of(const HugePages *pages) {
        struct json_object *list = json_object_new_array();

        for (uint32_t k = 0; k < pages->n_sizes; k++) {
                struct json_object *pool = json_object_new_object();

                json_object_object_add(pool, "page_bytes", json_object_new_uint64(pages->pool[k].page_bytes));
                json_object_object_add(pool, "total", json_object_new_uint64(pages->pool[k].n_total));
                json_object_object_add(pool, "free", json_object_new_uint64(pages->pool[k].n_free));
                json_object_array_add(list, pool);
        }
        return list;
}

/* Of the workers of this machine, the cache of those that have small or transparent pages. */
static uint64_t unreserved_bytes(struct json_object *workers, uint32_t *ret_n) {
        uint64_t sum = 0;

        *ret_n = 0;
        for (size_t k = 0; k < json_object_array_length(workers); k++) {
                struct json_object *row = json_object_array_get_idx(workers, k), *address, *cache, *pages;
                bool local              = false;

                if (!json_object_object_get_ex(row, "address", &address) ||
                    !json_object_object_get_ex(row, "cache_bytes", &cache) ||
                    !json_object_object_get_ex(row, "pages", &pages) ||
                    address_is_local(json_object_get_string(address), &local, NULL) < 0 || !local ||
                    strncmp(json_object_get_string(pages), "reserved ", strlen("reserved ")) == 0)
                        continue;
                sum += json_object_get_uint64(cache);
                (*ret_n)++;
        }
        return sum;
}

static void put_advice(FILE *out, const HugePages *pages, struct json_object *workers) {
        uint32_t n;
        const uint64_t bytes        = unreserved_bytes(workers, &n);
        const struct HugePool *pool = pages->n_sizes > 0 ? &pages->pool[0] : NULL;
        char size[SIZE_TEXT_MAX];
        uint64_t count;

        if (n == 0 || !pool)
                return;
        count = pool->n_total - MIN(pool->n_total, pool->n_free) +
                (uint64_t) div_up((int64_t) bytes, (int64_t) pool->page_bytes);
        fprintf(out, "\nFor reserved pages under the caches of %u worker%s here (%s), set and restart:\n        ", n,
                n == 1 ? "" : "s", size_print(bytes, size));
        if (pool->page_bytes == SYSCTL_BYTES)
                fprintf(out, "sysctl vm.nr_hugepages=%llu    # it stays with this line in /etc/sysctl.d/mars.conf\n",
                        (unsigned long long) count);
        else
                fprintf(out, "echo %llu > /sys/kernel/mm/hugepages/hugepages-%zukB/nr_hugepages\n",
                        (unsigned long long) count, pool->page_bytes / KiB);
        if (pages->thp_shared == THP_NEVER)
                fputs("For transparent ones, which need no reserve:\n"
                      "        echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled\n",
                      out);
}

static int put_text(FILE *out, const HugePages *pages, struct json_object *pools, struct json_object *workers) {
        int r = ctl_table(out, pool_columns, ELEMENTSOF(pool_columns), pools, "this kernel has no reserved huge pages");

        if (r < 0)
                return r;
        fprintf(out, "Transparent huge pages: %s in anonymous memory, %s in memory files\n\n", modes[pages->thp],
                modes[pages->thp_shared]);
        r = ctl_table(out, worker_columns, ELEMENTSOF(worker_columns), workers, "no workers");
        if (r == 0)
                put_advice(out, pages, workers);
        return r;
}

int ctl_hugepages(Ctl *ctl, _unused_ const char *argument, FILE *out, Error *err) {
        struct json_object *workers = NULL, *pools, *all;
        const char *answer;
        HugePages pages;
        int r = ctl_ask(ctl, "workers", &answer, err);

        if (r == 0)
                r = ctl_parse(&workers, answer, err);
        if (r < 0)
                return r;
        hugepages_read(&pages, "");
        pools = pools_of(&pages);
        all   = json_object_new_object();
        json_object_object_add(all, "pools", pools);
        json_object_object_add(all, "transparent", json_object_new_string(modes[pages.thp]));
        json_object_object_add(all, "transparent_shared", json_object_new_string(modes[pages.thp_shared]));
        json_object_object_add(all, "workers", workers);
        if (ctl->json)
                fprintf(out, "%s\n", json_object_to_json_string(all));
        else if (put_text(out, &pages, pools, workers) < 0)
                r = error_oom(err, strlen(answer));
        json_object_put(all);
        return r;
}
