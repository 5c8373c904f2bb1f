/* SPDX-License-Identifier: Apache-2.0 */
/* min and nanmin; max.c is the same the other way round. Complex numbers are ordered by their real parts, then by their
 * imaginary ones. */
#include "ops/complex.h"
#include "ops/runs.h"

REDUCE_LOOPS(min, ORDERED, MINIMUM(a, b))
QUADS_LOOPS(min, WIDE_SELECT((a < b) | (a != a), a, b))
EXTREME_RUNS(min, min)
RUNNING_BITS(min, MINIMUM(a, b))
RUNNING_FLOATS(min, MINIMUM(a, b))
REDUCE_LOOPS(min, COMPLEXES, (COMPLEX_LESS_EQUAL(a, b) | COMPLEX_IS_NAN(a)) ? a : b)
static const Fold min_folds[] = { FOLD_ROWS_ALL_QUADS(min) {} };

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

OP(cummin) = {
        .name        = "cummin",
        .doc         = "Smallest elements up to each one along an axis; NaN from the first NaN on.",
        .family      = FAMILY_SCAN,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ScanParams),
        .params      = SCAN_PARAMS,
        .folds       = min_folds,
};

REDUCE_LOOPS(nanmin, ORDERED, ((a <= b) | IS_NAN(b)) ? a : b)
REDUCE_LOOPS(nanmin, COMPLEXES, (COMPLEX_LESS_EQUAL(a, b) | COMPLEX_IS_NAN(b)) ? a : b)

OP(nanmin) = {
        .name        = "nanmin",
        .doc         = "Smallest element along axes that is not NaN; NaN where there is no other.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = (const Fold[]) { FOLD_ROWS(ALL, nanmin) {} },
};
