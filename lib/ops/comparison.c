/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons. Complex numbers are ordered by their real parts, then by their imaginary ones. An int64 and a uint64
 * have no common integer type; they are compared as the integers that they are, not as floats. */
#include "ops/complex.h"

#define MIXED_LOOP_(name, A, B, expr)                                                                                  \
        MAP_FUNCTION_(name##_##A##_##B) {                                                                              \
                const MEMORY_##A *restrict in_a = arg[0];                                                              \
                const MEMORY_##B *restrict in_b = arg[1];                                                              \
                bool *restrict out = arg[2];                                                                           \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const MEMORY_##A a = in_a[i];                                                                  \
                        const MEMORY_##B b = in_b[i];                                                                  \
                        out[i] = (expr);                                                                               \
                }                                                                                                      \
        }
#define COMPARISON(name, expr, complex_expr, mixed_expr, mixed_reversed_expr)                                          \
        BINARY_LOOPS_TO(BOOL, name, ORDERED, expr)                                                                     \
        BINARY_LOOPS_TO(BOOL, name, COMPLEXES, complex_expr)                                                           \
        MIXED_LOOP_(name, I64, U64, mixed_expr)                                                                        \
        MIXED_LOOP_(name, U64, I64, mixed_reversed_expr)                                                               \
        static const MapKernel name##_kernels[] = {                                                                    \
                BINARY_ROWS_TO(BITS, BOOL, name)                                                                       \
                { { DTYPE_I64, DTYPE_U64 }, { DTYPE_BOOL, DTYPE_NONE }, name##_I64_U64, {} },                          \
                { { DTYPE_U64, DTYPE_I64 }, { DTYPE_BOOL, DTYPE_NONE }, name##_U64_I64, {} },                          \
                BINARY_ROWS_TO(FLOATS, BOOL, name)                                                                     \
                BINARY_ROWS_TO(COMPLEXES, BOOL, name)                                                                  \
                {}                                                                                                     \
        };

COMPARISON(equal, a == b, COMPLEX_EQUAL(a, b), (a >= 0) & ((uint64_t) a == b), (b >= 0) & (a == (uint64_t) b))
COMPARISON(not_equal, a != b, !COMPLEX_EQUAL(a, b), (a < 0) | ((uint64_t) a != b), (b < 0) | (a != (uint64_t) b))
COMPARISON(less, a < b, COMPLEX_LESS(a, b), (a < 0) | ((uint64_t) a < b), (b >= 0) & (a < (uint64_t) b))
COMPARISON(less_equal, a <= b, COMPLEX_LESS_EQUAL(a, b), (a < 0) | ((uint64_t) a <= b), (b >= 0) & (a <= (uint64_t) b))
COMPARISON(greater, a > b, COMPLEX_LESS(b, a), (a >= 0) & ((uint64_t) a > b), (b < 0) | (a > (uint64_t) b))
COMPARISON(greater_equal, a >= b, COMPLEX_LESS_EQUAL(b, a), (a >= 0) & ((uint64_t) a >= b),
           (b < 0) | (a >= (uint64_t) b))

OP(equal) = {
        .name    = "equal",
        .doc     = "Whether a and b are equal, element by element; NaN equals nothing.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = equal_kernels,
};

OP(not_equal) = {
        .name    = "not_equal",
        .doc     = "Whether a and b differ, element by element; NaN differs from everything.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = not_equal_kernels,
};

OP(less) = {
        .name    = "less",
        .doc     = "Whether a is less than b, element by element.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = less_kernels,
};

OP(less_equal) = {
        .name    = "less_equal",
        .doc     = "Whether a is at most b, element by element.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = less_equal_kernels,
};

OP(greater) = {
        .name    = "greater",
        .doc     = "Whether a is greater than b, element by element.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = greater_kernels,
};

OP(greater_equal) = {
        .name    = "greater_equal",
        .doc     = "Whether a is at least b, element by element.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = greater_equal_kernels,
};
