/* SPDX-License-Identifier: Apache-2.0 */
/* Universal functions applied between all elements along axes (<name>_reduce), and up to each one (<name>_accumulate):
 * those that may be put in brackets at will, so that a tree of them is as good as a row, and that have no name of their
 * own as sum, prod, max, min, all and any have. */
#include "ops/runs.h"
#include "ops/strip.h"

#define REDUCED(function, words)                                                                                       \
        OP(function##_reduce) = {                                                                                      \
                .name        = #function "_reduce",                                                                    \
                .doc         = words " along axes.",                                                                   \
                .family      = FAMILY_REDUCE,                                                                          \
                .inputs      = "a",                                                                                    \
                .n_in        = 1,                                                                                      \
                .params_size = sizeof(ReduceParams),                                                                   \
                .params      = REDUCE_PARAMS,                                                                          \
                .folds       = function##_folds,                                                                       \
        };
#define ACCUMULATED(function, words)                                                                                   \
        OP(function##_accumulate) = {                                                                                  \
                .name        = #function "_accumulate",                                                                \
                .doc         = words " up to each one along an axis.",                                                 \
                .family      = FAMILY_SCAN,                                                                            \
                .inputs      = "a",                                                                                    \
                .n_in        = 1,                                                                                      \
                .params_size = sizeof(ScanParams),                                                                     \
                .params      = SCAN_PARAMS,                                                                            \
                .folds       = function##_folds,                                                                       \
        };

/* ---- Bits -------------------------------------------------------------------------------------------------------- */

#define ALL_ONES_(D, ...) static const Scalar ALL_ONES_##D = { DTYPE_##D, { .i64 = -1 } };
INTEGERS(ALL_ONES_, )
static const Scalar ALL_ONES_BOOL = { DTYPE_BOOL, { .b = true } };

#define BITS_ROW_(D, op, identity) FOLD_ROW_RUNNING(D, op, &identity##_##D)
REDUCE_LOOPS(bitwise_and, BITS, a & b)
RUNNING_BITS(bitwise_and, a & b)
static const Fold bitwise_and_folds[] = { BITS(BITS_ROW_, bitwise_and, ALL_ONES) {} };
REDUCED(bitwise_and, "Bits that are set in all elements")
ACCUMULATED(bitwise_and, "Bits that are set in all elements")

REDUCE_LOOPS(bitwise_or, BITS, a | b)
RUNNING_BITS(bitwise_or, a | b)
static const Fold bitwise_or_folds[] = { BITS(BITS_ROW_, bitwise_or, ZERO) {} };
REDUCED(bitwise_or, "Bits that are set in any element")
ACCUMULATED(bitwise_or, "Bits that are set in any element")

REDUCE_LOOPS(bitwise_xor, BITS, a ^ b)
RUNNING_BITS(bitwise_xor, a ^ b)
static const Fold bitwise_xor_folds[] = { BITS(BITS_ROW_, bitwise_xor, ZERO) {} };
REDUCED(bitwise_xor, "Bits that are set in an odd number of elements")
ACCUMULATED(bitwise_xor, "Bits that are set in an odd number of elements")

/* ---- Truth ------------------------------------------------------------------------------------------------------- */

#define LIFT_TRUTH_(D, ...) LIFT(D, BOOL, truth, a != 0)
#define LIFT_TRUTH_COMPLEX_(D, ...) LIFT(D, BOOL, truth, (RE(a) != 0) | (IM(a) != 0))
ORDERED(LIFT_TRUTH_, )
COMPLEXES(LIFT_TRUTH_COMPLEX_, )
REDUCE_LOOPS(logical_and, BOOLS, a & b)
REDUCE_LOOPS(logical_or, BOOLS, a | b)
REDUCE_LOOPS(logical_xor, BOOLS, a ^ b)
#define AND_ROW_(D, ...) FOLD_ROW_TO_(D, BOOL, logical_and, truth, &ONE_BOOL)
#define OR_ROW_(D, ...) FOLD_ROW_TO_(D, BOOL, logical_or, truth, &ZERO_BOOL)
#define XOR_ROW_(D, ...) FOLD_ROW_TO_(D, BOOL, logical_xor, truth, &ZERO_BOOL)
static const Fold logical_and_folds[] = { ALL(AND_ROW_, ) {} };
static const Fold logical_or_folds[] = { ALL(OR_ROW_, ) {} };
static const Fold logical_xor_folds[] = { ALL(XOR_ROW_, ) {} };
ACCUMULATED(logical_and, "Whether all elements are true")
ACCUMULATED(logical_or, "Whether any element is true")
REDUCED(logical_xor, "Whether an odd number of elements is true")
ACCUMULATED(logical_xor, "Whether an odd number of elements is true")

/* ---- Extremes without NaN ---------------------------------------------------------------------------------------- */

#define RUNNING_ROW_(D, op) FOLD_ROW_RUNNING(D, op, NULL)
#define FOLD_ROWS_RUNNING(op)                                                                                          \
        BITS(RUNNING_ROW_, op) FOLD_ROW_(F16, op) WHOLE_FLOATS(RUNNING_ROW_, op) FOLD_ROWS(COMPLEXES, op)
REDUCE_LOOPS(fmax, ORDERED, ((a >= b) | IS_NAN(b)) ? a : b)
REDUCE_LOOPS(fmax, COMPLEXES, (COMPLEX_LESS_EQUAL(b, a) | COMPLEX_IS_NAN(b)) ? a : b)
RUNNING_BITS(fmax, ((a >= b) | IS_NAN(b)) ? a : b)
RUNNING_FLOATS(fmax, ((a >= b) | IS_NAN(b)) ? a : b)
static const Fold fmax_folds[] = { FOLD_ROWS_RUNNING(fmax) {} };
ACCUMULATED(fmax, "Largest elements that are not NaN")

REDUCE_LOOPS(fmin, ORDERED, ((a <= b) | IS_NAN(b)) ? a : b)
REDUCE_LOOPS(fmin, COMPLEXES, (COMPLEX_LESS_EQUAL(a, b) | COMPLEX_IS_NAN(b)) ? a : b)
RUNNING_BITS(fmin, ((a <= b) | IS_NAN(b)) ? a : b)
RUNNING_FLOATS(fmin, ((a <= b) | IS_NAN(b)) ? a : b)
static const Fold fmin_folds[] = { FOLD_ROWS_RUNNING(fmin) {} };
ACCUMULATED(fmin, "Smallest elements that are not NaN")

/* ---- Lengths and logarithms -------------------------------------------------------------------------------------- */

static const Scalar NOTHING_F16 = { DTYPE_F16, { .u64 = 0xfc00 } }, NOTHING_F32 = { DTYPE_F32, { .f32 = -INFINITY } },
                    NOTHING_F64 = { DTYPE_F64, { .f64 = -INFINITY } };

REDUCE_LOOPS(hypot, FLOATS, FLOAT_CALL(a, vm_hypotf, vm_hypot)(a, b))
static const Fold hypot_folds[] = { FOLD_ROWS_IDENTITY(FLOATS, hypot, ZERO) {} };
REDUCED(hypot, "The root of the sum of the squares of the elements")
ACCUMULATED(hypot, "The root of the sum of the squares of the elements")

REDUCE_LOOPS(logaddexp, FLOATS, FLOAT_CALL(a, vm_logaddexpf, vm_logaddexp)(a, b))
static const Fold logaddexp_folds[] = { FOLD_ROWS_IDENTITY(FLOATS, logaddexp, NOTHING) {} };
REDUCED(logaddexp, "The logarithm of the sum of e to the powers of the elements")
ACCUMULATED(logaddexp, "The logarithm of the sum of e to the powers of the elements")

REDUCE_LOOPS(logaddexp2, FLOATS, FLOAT_CALL(a, vm_logaddexp2f, vm_logaddexp2)(a, b))
static const Fold logaddexp2_folds[] = { FOLD_ROWS_IDENTITY(FLOATS, logaddexp2, NOTHING) {} };
REDUCED(logaddexp2, "The binary logarithm of the sum of 2 to the powers of the elements")
ACCUMULATED(logaddexp2, "The binary logarithm of the sum of 2 to the powers of the elements")
