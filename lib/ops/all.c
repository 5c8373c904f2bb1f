/* SPDX-License-Identifier: Apache-2.0 */
/* all, any, count_nonzero: reductions of truth, which is not being zero. */
#include "ops/complex.h"

#define LIFT_TRUTH_(D, ...) LIFT(D, BOOL, truth, a != 0)
#define LIFT_TRUTH_COMPLEX_(D, ...) LIFT(D, BOOL, truth, (RE(a) != 0) | (IM(a) != 0))
ORDERED(LIFT_TRUTH_, )
COMPLEXES(LIFT_TRUTH_COMPLEX_, )
REDUCE_LOOPS(all, BOOLS, a & b)
REDUCE_LOOPS(any, BOOLS, a | b)
#define ALL_ROW_(D, ...) FOLD_ROW_TO_(D, BOOL, all, truth, &ONE_BOOL)
#define ANY_ROW_(D, ...) FOLD_ROW_TO_(D, BOOL, any, truth, &ZERO_BOOL)

OP(all) = {
        .name        = "all",
        .doc         = "Whether all elements along axes are true, that is, not zero.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = (const Fold[]) { ALL(ALL_ROW_, ) {} },
};

OP(any) = {
        .name        = "any",
        .doc         = "Whether any element along axes is true, that is, not zero.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = (const Fold[]) { ALL(ANY_ROW_, ) {} },
};

#define LIFT_COUNT_(D, ...) LIFT(D, I64, count, a != 0)
#define LIFT_COUNT_COMPLEX_(D, ...) LIFT(D, I64, count, (RE(a) != 0) | (IM(a) != 0))
#define I64S(X, ...) X(I64, __VA_ARGS__)
ORDERED(LIFT_COUNT_, )
COMPLEXES(LIFT_COUNT_COMPLEX_, )
REDUCE_LOOPS(count_nonzero, I64S, a + b)
#define COUNT_ROW_(D, ...) FOLD_ROW_TO_(D, I64, count_nonzero, count, &ZERO_I64)

OP(count_nonzero) = {
        .name        = "count_nonzero",
        .doc         = "How many elements along axes are not zero.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = (const Fold[]) { ALL(COUNT_ROW_, ) {} },
};
