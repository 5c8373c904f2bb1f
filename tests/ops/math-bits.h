/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The functions of lib/ops/math-*.h, seen from outside: math-bits.c is compiled once per CPU level and leaves one
 * table each time, so that test-math.c (and bench/bench-math.c) can hold the levels side by side. */
#include <stddef.h>

/* What there is: one name here makes it tested for accuracy, for equal bits and measured. */
#define MATH_UNARY(X)                                                                                                  \
        X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10) X(log1p) X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh)  \
        X(cosh) X(tanh) X(asinh) X(acosh) X(atanh) X(cbrt)
#define MATH_BINARY(X) X(pow) X(atan2) X(hypot) X(logaddexp) X(logaddexp2)

enum {
#define X(name) MATH_##name,
        MATH_UNARY(X) MATH_N_UNARY,
#undef X
#define X(name) MATH_##name,
        MATH_BEFORE_BINARY = -1, MATH_BINARY(X) MATH_N_BINARY,
#undef X
};

typedef void MathUnary(size_t n, const double *restrict in, double *restrict out);
typedef void MathBinary(size_t n, const double *restrict a, const double *restrict b, double *restrict out);

typedef void MathUnaryFloat(size_t n, const float *restrict in, float *restrict out);
typedef void MathBinaryFloat(size_t n, const float *restrict a, const float *restrict b, float *restrict out);

typedef struct MathTable {
        const char *level;
        MathUnary *unary[MATH_N_UNARY];         /* the strips */
        MathUnary *unary_each[MATH_N_UNARY];    /* the complete functions, element by element */
        MathBinary *binary[MATH_N_BINARY];
        MathUnaryFloat *unary_float[MATH_N_UNARY];
        MathBinaryFloat *binary_float[MATH_N_BINARY];
} MathTable;

extern const MathTable math_table_v1;
extern const MathTable math_table_v3;
extern const MathTable math_table_v4;
