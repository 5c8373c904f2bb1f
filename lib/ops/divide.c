/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex.h"

BINARY_LOOPS_TO(F64, divide, BITS, (double) a / (double) b)
BINARY_LOOPS(divide, FLOATS, a / b)
BINARY_LOOPS(divide, COMPLEXES, COMPLEX_DIV(a, b))

OP(divide) = {
        .name    = "divide",
        .doc     = "Quotient of a and b, element by element; of integers it is a float64.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS_TO(BITS, F64, divide) BINARY_ROWS(FLOATS, divide)
                                   BINARY_ROWS(COMPLEXES, divide)),
};
