/* SPDX-License-Identifier: Apache-2.0 */
/* The larger or smaller of two elements. maximum and minimum give NaN where either is NaN, fmax and fmin where both
 * are. */
#include "ops/complex.h"

#define EXTREME(name, bool_expr, expr, complex_expr)                                                                   \
        BINARY_LOOPS(name, BOOLS, bool_expr)                                                                           \
        BINARY_LOOPS(name, REALS, expr)                                                                                \
        BINARY_LOOPS(name, COMPLEXES, complex_expr)                                                                    \
        static const MapKernel name##_kernels[] = { BINARY_ROWS(ALL, name) {} };

EXTREME(maximum, a | b, ((a >= b) | IS_NAN(a)) ? a : b, (COMPLEX_LESS_EQUAL(b, a) | COMPLEX_IS_NAN(a)) ? a : b)
EXTREME(minimum, a & b, ((a <= b) | IS_NAN(a)) ? a : b, (COMPLEX_LESS_EQUAL(a, b) | COMPLEX_IS_NAN(a)) ? a : b)
EXTREME(fmax, a | b, ((a >= b) | IS_NAN(b)) ? a : b, (COMPLEX_LESS_EQUAL(b, a) | COMPLEX_IS_NAN(b)) ? a : b)
EXTREME(fmin, a & b, ((a <= b) | IS_NAN(b)) ? a : b, (COMPLEX_LESS_EQUAL(a, b) | COMPLEX_IS_NAN(b)) ? a : b)

OP(maximum) = {
        .name    = "maximum",
        .doc     = "The larger of a and b, element by element; NaN if either is.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = maximum_kernels,
};

OP(minimum) = {
        .name    = "minimum",
        .doc     = "The smaller of a and b, element by element; NaN if either is.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = minimum_kernels,
};

OP(fmax) = {
        .name    = "fmax",
        .doc     = "The larger of a and b, element by element; the number if the other is NaN.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = fmax_kernels,
};

OP(fmin) = {
        .name    = "fmin",
        .doc     = "The smaller of a and b, element by element; the number if the other is NaN.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = fmin_kernels,
};
