/* SPDX-License-Identifier: Apache-2.0 */
/* max and nanmax; min.c is the same the other way round. Complex numbers are ordered by their real parts, then by their
 * imaginary ones. */
#include "ops/complex.h"
#include "ops/runs.h"

REDUCE_LOOPS(max, ORDERED, MAXIMUM(a, b))
QUADS_LOOPS(max, WIDE_SELECT((a > b) | (a != a), a, b))
EXTREME_RUNS(max, max)
RUNNING_BITS(max, MAXIMUM(a, b))
RUNNING_FLOATS(max, MAXIMUM(a, b))
REDUCE_LOOPS(max, COMPLEXES, (COMPLEX_LESS_EQUAL(b, a) | COMPLEX_IS_NAN(a)) ? a : b)
static const Fold max_folds[] = { FOLD_ROWS_ALL_QUADS(max) {} };

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

OP(cummax) = {
        .name        = "cummax",
        .doc         = "Largest elements up to each one along an axis; NaN from the first NaN on.",
        .family      = FAMILY_SCAN,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ScanParams),
        .params      = SCAN_PARAMS,
        .folds       = max_folds,
};

REDUCE_LOOPS(nanmax, ORDERED, ((a >= b) | IS_NAN(b)) ? a : b)
REDUCE_LOOPS(nanmax, COMPLEXES, (COMPLEX_LESS_EQUAL(b, a) | COMPLEX_IS_NAN(b)) ? a : b)

OP(nanmax) = {
        .name        = "nanmax",
        .doc         = "Largest element along axes that is not NaN; NaN where there is no other.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = (const Fold[]) { FOLD_ROWS(ALL, nanmax) {} },
};
