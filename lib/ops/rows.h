/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rows that are chosen, or set, by their numbers, however many there are of both. */
#include "graph/graph.h"

enum {
        WHOLE_SHARE = 2, /* of what all tasks may have together, that may be read by all of them; */
        PART_SHARE  = 4, /* else a part: the next one is read while there is one in use */
};

enum { WRAPPED = -1 }; /* in place of the axis of indices: they are rows, and none of them is negative */

static inline size_t shared_bytes(const Build *b) {
        return MAX(b->alone_bytes, b->task_bytes);
}

/* gather_rows: the axis that the indices are of, which errors name. */
typedef struct GatherParams {
        int64_t axis;
} GatherParams;

/* gather_first, gather_next: which rows of how many their part has, from `first` on. */
typedef struct PartParams {
        int64_t first, length, axis;
} PartParams;

/* What is done with a row that an index names: "set", and it becomes the value's row; the name of a universal function,
 * and that is applied to both, once for each time that the row is named. */
typedef struct ScatterParams {
        const char *function;
        int64_t bits; /* of DealParams, if the indices are dealt; else -1 */
} ScatterParams;

/* deal_rows: of `length` rows [k << bits, (k + 1) << bits) are bucket k. */
typedef struct DealParams {
        int64_t length, axis, bits;
} DealParams;

/* Indices along an axis, and its length. */
typedef struct IndexParams {
        int64_t axis, length;
} IndexParams;

/* put */
typedef struct PutParams {
        int64_t axis; /* first, as take has it */
        const char *function;
} PutParams;

/* Rows of a, a row for each index, which may count from the end; an IndexError says that it is of the axis. */
Ref build_gather_rows(Build *b, Ref a, Ref index, int axis);
/* a, with its rows that the indices name set to (or changed by) those of `values`, in their order. */
Ref build_scatter_rows(Build *b, Ref a, Ref index, Ref values, int axis, const char *function);
