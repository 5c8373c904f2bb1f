/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/size.h"
#include "engine/budget.h"
#include "plan/plan.h"

enum {
        HARD_PERCENT  = 90,
        SOFT_PERCENT  = 75,
        CACHE_PERCENT = 50,       /* of free memory */
        MARGIN_BYTES  = 48 << 20, /* that the process grows by: plans, strips, stacks, the disk's buffers */
        LEAST_BYTES   = PLAN_TASK_SHARE * 3 * STRIP * 8, /* two inputs and a result of a strip for a thread's tasks */
};

static uint64_t percent(uint64_t bytes, unsigned share) {
        return bytes / 100 * share + bytes % 100 * share / 100;
}

static int size_option(const char *name, const char *text, uint64_t total_bytes, uint64_t *ret, Error *err) {
        int r = text ? size_parse(text, total_bytes, ret, err) : 0;

        return r < 0 ? error_prefix(err, r, "%s", name) : r;
}

static int refuse_little(const char *name, uint64_t bytes, Error *err) {
        char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

        return bytes >= LEAST_BYTES ? 0
                                    : error_set(err, ERROR_VALUE,
                                                "%s %s is too little: %s is the least, which tasks need for a few "
                                                "hundred elements each; what does not fit goes to disk",
                                                name, size_print(bytes, a), size_print(LEAST_BYTES, b));
}

static int budget_of_memory(Budget *ret, const BudgetOptions *options, Error *err) {
        if (options->cache_mem || options->phy_mem)
                return error_set(err, ERROR_VALUE,
                                 "memory_bytes is the whole budget: give it, or cache_mem and phy_mem");
        ret->arena_bytes = options->memory_bytes;
        ret->cache_bytes = ret->hard_bytes = options->memory_bytes;
        ret->soft_bytes                    = percent(options->memory_bytes, SOFT_PERCENT * 100 / HARD_PERCENT);
        return refuse_little("memory_bytes", options->memory_bytes, err);
}

int budget_make(Budget *ret, const BudgetOptions *options, const SystemMemory *memory, uint64_t process_bytes,
                Error *err) {
        uint64_t phy = memory->total_bytes, cache = percent(memory->available_bytes, CACHE_PERCENT), disk = UINT64_MAX;
        char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];
        int r;

        *ret = (Budget) {};
        r    = size_option("disk", options->disk, 0, &disk, err);
        if (r == 0 && options->memory_bytes > 0)
                r = budget_of_memory(ret, options, err);
        else if (r == 0) {
                r = size_option("phy_mem", options->phy_mem, memory->total_bytes, &phy, err);
                if (r == 0)
                        r = size_option("cache_mem", options->cache_mem, memory->available_bytes, &cache, err);
                if (r == 0 && options->cache_mem)
                        r = refuse_little("cache_mem", cache, err);
                if (r < 0)
                        return r;
                ret->hard_bytes     = percent(phy, HARD_PERCENT);
                ret->soft_bytes     = percent(phy, SOFT_PERCENT);
                ret->overhead_bytes = process_bytes + MARGIN_BYTES;
                if (!options->phy_mem) /* a process that is large already still gets its half of what is free */
                        ret->overhead_bytes =
                                MIN(ret->overhead_bytes, ret->soft_bytes - MIN(cache, ret->soft_bytes / 2));
                if (ret->overhead_bytes >= ret->soft_bytes)
                        return error_set(err, ERROR_VALUE,
                                         "phy_mem %s is too little: the process itself takes %s of it, and 75 %% is "
                                         "all that is used without haste", size_print(phy, a),
                                         size_print(ret->overhead_bytes, b));
                ret->arena_bytes = ret->hard_bytes - ret->overhead_bytes;
                if (options->cache_mem && cache > ret->arena_bytes)
                        return error_set(err, ERROR_VALUE,
                                         "cache_mem %s is more than the %s that phy_mem leaves for chunks (90 %% of "
                                         "it, without the process itself)", size_print(cache, a),
                                         size_print(ret->arena_bytes, b));
                ret->cache_bytes = MIN(cache, ret->arena_bytes);
                if (options->cache_only) {
                        ret->spare_bytes = ret->arena_bytes - ret->cache_bytes;
                        ret->arena_bytes = ret->cache_bytes;
                        ret->hard_bytes  = ret->cache_bytes + ret->overhead_bytes;
                        ret->soft_bytes  = MIN(ret->soft_bytes,
                                               percent(ret->cache_bytes, SOFT_PERCENT * 100 / HARD_PERCENT) +
                                                       ret->overhead_bytes);
                }
        }
        ret->spill      = disk > 0;
        ret->disk_bytes = disk == UINT64_MAX ? 0 : disk;
        return r;
}

uint64_t budget_process_bytes(void) {
        unsigned long long size, resident = 0;
        FILE *file = fopen("/proc/self/statm", "re");

        if (file && fscanf(file, "%llu %llu", &size, &resident) != 2)
                resident = 0;
        if (file)
                fclose(file);
        return resident * (uint64_t) sysconf(_SC_PAGESIZE);
}
