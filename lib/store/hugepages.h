/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What larger pages the system has. Reserved ones lie in pools, one for each size, that the administrator fills;
 * transparent ones are made by the kernel where it is asked to (and allowed to). */
#include "base/macro.h"

enum { MAX_HUGE_SIZES = 8 }; /* x86-64 has 2, arm64 up to 4 */

typedef enum ThpMode {
        THP_NEVER,
        THP_ASKED,  /* where memory asks for them */
        THP_ALWAYS, /* whether it asks or not */
} ThpMode;

typedef struct HugePages {
        uint32_t n_sizes;
        struct HugePool {
                size_t page_bytes;
                uint64_t n_total; /* in the pool, taken or not */
                uint64_t n_free;  /* that can be had: not promised to anybody, or the pool may grow by them */
        } pool[MAX_HUGE_SIZES];   /* the smallest pages first */
        ThpMode thp, thp_shared;  /* for anonymous memory, for memory files; also ASKED where they can be collapsed */
        bool no_library;          /* there are pools, and libhugetlbfs to name their sizes is not installed */
} HugePages;

/* `root` is "" but in tests, which have a /sys of their own (and ask no library). */
void hugepages_read(HugePages *ret, const char *root);
bool hugepages_ask_library(HugePages *ret); /* only the sizes; false: it is not installed */

/* The pool of the given size; of size 0: the first one that can give a page which is not larger than at_most. NULL: no
 * such pool. */
const struct HugePool *hugepages_pool(const HugePages *pages, size_t page_bytes, size_t at_most);
