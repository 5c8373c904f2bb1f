/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled once per CPU level, with -DOP_LEVEL=<level>. */
#include "math-bits.h"
#include "ops/math-arc.h"
#include "ops/math-exp.h"
#include "ops/math-float.h"
#include "ops/math-log.h"
#include "ops/math-pow.h"
#include "ops/math-trig.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define STRING_(a) #a
#define STRING(a) STRING_(a)

#define X(name)                                                                                                        \
        static void name##_each(size_t n, const double *restrict in, double *restrict out) {                           \
                for (size_t i = 0; i < n; i++)                                                                         \
                        out[i] = vm_##name(in[i]);                                                                     \
        }
MATH_UNARY(X)
#undef X

const MathTable PASTE(math_table_, OP_LEVEL) = {
        .level = STRING(OP_LEVEL),
#define X(name)                                                                                                        \
        .unary[MATH_##name] = vm_##name##_strip, .unary_each[MATH_##name] = name##_each,                               \
        .unary_float[MATH_##name] = vm_##name##f_strip,
        MATH_UNARY(X)
#undef X
#define X(name) .binary[MATH_##name] = vm_##name##_strip, .binary_float[MATH_##name] = vm_##name##f_strip,
        MATH_BINARY(X)
#undef X
};
