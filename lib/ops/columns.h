/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rows that are sorted although no task may take one of them. */
#include "graph/graph.h"
#include "ops/radix.h"

typedef struct ColumnsParams {
        int64_t columns, piece;
} ColumnsParams;

#define COLUMNS_PARAMS                                                                                                 \
        (const Param[]) {                                                                                              \
                PARAM(ColumnsParams, columns, PARAM_I64, NULL, "Runs of a row."),                                      \
                        PARAM(ColumnsParams, piece, PARAM_I64, NULL, "Elements that a run gives to each."), {}         \
        }

static inline int64_t columns_run(const ColumnsParams *p) {
        return p->columns * p->piece;
}

/* sort_runs: elements of a run; 0 for as many as are best. */
typedef struct RunsParams {
        int64_t run;
} RunsParams;

/* Bytes for the keys of a block and their copies. */
static inline size_t block_scratch(DType t, int64_t total) {
        const size_t each = value_keys_32[t]   ? 2 * sizeof(uint32_t)
                            : value_keys_64[t] ? 2 * sizeof(uint64_t)
                                               : 2 * sizeof(Item) + dtype_size(t);

        return (size_t) total * each;
}

/* Words (ops/sort-words.c): of two items, one after the other, are sorted; of three, items that say where they are. */
static inline size_t words_scratch(int64_t words, int64_t total) {
        return (size_t) total * (words == 2 ? sizeof(Item) : (size_t) words * sizeof(uint64_t) + 2 * sizeof(Item));
}

/* Whether rows of n elements are too long for tasks that each make a part of the result from all sorted runs; for those
 * that make where the elements were. */
bool columns_wanted(const Build *b, DType t, int64_t n, bool places);
/* The last axis sorted. */
Ref build_sort_columns(Build *b, Ref x);
/* Where the elements of the sorted last axis were; stable. */
Ref build_argsort_columns(Build *b, Ref x);
