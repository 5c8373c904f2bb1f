/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How much memory and disk a session may take: from what its maker says, and from what the system has.
 *
 *         phy    what the process may have as a whole; default: all memory, or what its control groups allow
 *         hard   90 % of it: chunks, scratch of tasks and the process itself never pass it
 *         soft   75 % of it: above, nothing new starts while anything is under way, and cold chunks are written
 *         cache  chunks in memory; default: half of what is free now, if the hard limit leaves so much */
#include "base/error.h"
#include "base/system.h"

typedef struct BudgetOptions {
        uint64_t memory_bytes; /* chunks and scratch; instead of the other two; 0: not given */
        const char *cache_mem; /* sizes as people write them (base/size.h), or NULL; a share is one of free memory */
        const char *phy_mem;   /* a share is one of all memory */
        const char *disk;      /* what spilled chunks may take; 0: nothing is spilled */
        bool cache_only;       /* work takes its memory from the cache, too: of reserved pages there are so many */
} BudgetOptions;

typedef struct Budget {
        size_t cache_bytes, hard_bytes, soft_bytes;
        size_t overhead_bytes; /* what the process needs besides */
        size_t arena_bytes;   /* chunks and scratch: the hard limit without the process itself */
        size_t spare_bytes;   /* what the process may grow by before the arena gets less */
        uint64_t disk_bytes; /* 0: as much as there is */
        bool spill;
} Budget;

/* process_bytes is what the process has in memory already. 0, or ERROR_VALUE with words that name the option. */
int budget_make(Budget *ret, const BudgetOptions *options, const SystemMemory *memory, uint64_t process_bytes,
                Error *err);
uint64_t budget_process_bytes(void); /* resident memory of this process */
