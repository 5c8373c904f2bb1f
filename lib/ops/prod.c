/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex.h"
#include "ops/runs.h"

REDUCE_LOOPS(prod, BOOLS, a & b)
REDUCE_LOOPS(prod, REALS, a * b)
REDUCE_LOOPS(prod, COMPLEXES, COMPLEX_MUL(a, b))
QUADS_LOOPS(prod, a * b)
QUADS_RUNS(prod)
WRAPPING_RUNS(prod, a *b, 1)
RUNNING_WIDENING(prod, a *b)
static const Fold prod_folds[] = { FOLD_ROWS_WIDENING(prod, ONE) {} };

OP(prod) = {
        .name        = "prod",
        .doc         = "Product of the elements along axes; booleans and narrow integers are multiplied in 64 bits.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = prod_folds,
};

OP(cumprod) = {
        .name        = "cumprod",
        .doc         = "Products of the elements up to each one along an axis.",
        .family      = FAMILY_SCAN,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ScanParams),
        .params      = SCAN_PARAMS,
        .folds       = prod_folds,
};

/* NaN is one. */
LIFT(F16, F32, nan, IS_NAN(a) ? 1 : a)
LIFT(F32, F32, nan, IS_NAN(a) ? 1 : a)
LIFT(F64, F64, nan, IS_NAN(a) ? 1 : a)
LIFT(C64, C64, nan, COMPLEX_IS_NAN(a) ? 1 : a)
LIFT(C128, C128, nan, COMPLEX_IS_NAN(a) ? 1 : a)
static const Fold nanprod_folds[] = {
        FOLD_ROWS_WIDENING_BITS(prod, ONE)
        { .in = DTYPE_F16, .n_state = 1, .state = { DTYPE_F32 }, .out = DTYPE_F16, .lift = nan_F16,
          .finish = finish_F16, .merge = prod_merge_F32, .merge_pairs = prod_merge_pairs_F32, .identity = &ONE_F16 },
        FOLD_ROW_TO_(F32, F32, prod, nan, &ONE_F32)
        FOLD_ROW_TO_(F64, F64, prod, nan, &ONE_F64)
        FOLD_ROW_TO_(C64, C64, prod, nan, &ONE_C64)
        FOLD_ROW_TO_(C128, C128, prod, nan, &ONE_C128)
        FOLD_ROWS_IDENTITY(NARROW, prod, ONE)
        {}
};

OP(nanprod) = {
        .name        = "nanprod",
        .doc         = "Product of the elements along axes that are not NaN.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = nanprod_folds,
};
