/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex.h"

REDUCE_LOOPS(max, ORDERED, MAXIMUM(a, b))
REDUCE_LOOPS(max, COMPLEXES, (COMPLEX_LESS_EQUAL(b, a) | COMPLEX_IS_NAN(a)) ? a : b)
static const Fold max_folds[] = { FOLD_ROWS(ALL, max) {} };

OP(max) = {
        .name        = "max",
        .doc         = "Largest element along axes; NaN if there is one.\n\n"
                       "Complex numbers are ordered by their real parts, then by their imaginary ones.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = max_folds,
};
