/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex.h"

REDUCE_LOOPS(min, ORDERED, MINIMUM(a, b))
REDUCE_LOOPS(min, COMPLEXES, (COMPLEX_LESS_EQUAL(a, b) | COMPLEX_IS_NAN(a)) ? a : b)
static const Fold min_folds[] = { FOLD_ROWS(ALL, min) {} };

OP(min) = {
        .name        = "min",
        .doc         = "Smallest element along axes; NaN if there is one.\n\n"
                       "Complex numbers are ordered by their real parts, then by their imaginary ones.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = min_folds,
};
