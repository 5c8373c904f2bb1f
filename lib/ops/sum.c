/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernel.h"

REDUCE_LOOPS(sum, ALL, a + b)
static const Fold sum_folds[] = { FOLD_ROWS_WIDENING(sum, ZERO) {} };

OP(sum) = {
        .name        = "sum",
        .doc         = "Sum of the elements along axes.\n\n"
                       "Booleans and narrow integers are summed in 64 bits, and float16 in float32. The sum is a balanced tree\n"
                       "over the element index, so its rounding error grows with the logarithm of the length.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = sum_folds,
};
