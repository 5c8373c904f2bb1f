/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What products by blocks of the inner axis share. */
#include "graph/op.h"

enum {
        BLOCK_STEP = 1 << 14, /* inner elements of a block: 8 MiB of 64 columns */
        GRAM_MOST = 1024,     /* columns of X in X.T @ X whose symmetry is used: 8 MiB a block */
};
