/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The ladder of pages: which kinds a store may use on this machine, the best first, and in words why it is not
 * better. Pure. */
#include "store/hugepages.h"
#include "store/segment.h"

enum { MAX_RUNGS = 2 };

typedef struct Ladder {
        SegmentKind rung[MAX_RUNGS];
        uint32_t n;
} Ladder;

/* For config->cache_bytes, which is not 0. 0, or ERROR_MEMORY with words when only reserved pages are wanted and there
 * are not enough, ERROR_VALUE when pages of the size do not exist. */
int ladder_make(Ladder *ret, const HugePages *pages, const StoreConfig *config, Error *err);

/* The line of store_pages_text() about a store that has got bytes[rung] and takes from `rung` next. */
void ladder_print(const HugePages *pages, const StoreConfig *config, StoreRung rung,
                  const size_t bytes[static 3], char text[static STORE_TEXT_MAX]);
