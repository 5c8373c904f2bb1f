/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What products by blocks of the inner axis share. */
#include "graph/op.h"

enum {
        BLOCK_STEP  = 1 << 14, /* inner elements of a block: 8 MiB of 64 columns, */
        BLOCK_BYTES = 1 << 25, /* and fewer, where both inputs would have more bytes, */
        BLOCK_LEAST = 64,      /* but for so many */
        GRAM_MOST   = 1024,    /* columns of X in X.T @ X whose symmetry is used: 8 MiB a block */
};

/* Inner elements of a block of inputs that have n elements together for each. */
static inline int64_t product_block(DType dtype, int64_t n) {
        const int64_t row = MAX(n, (int64_t) 1) * (int64_t) dtype_size(dtype);
        int64_t step      = BLOCK_STEP;

        while (step > BLOCK_LEAST && step * row > BLOCK_BYTES)
                step /= 2;
        return step;
}
