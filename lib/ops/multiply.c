/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex.h"

BINARY_LOOPS(multiply, BOOLS, a & b)
BINARY_LOOPS(multiply, REALS, a * b)
BINARY_LOOPS(multiply, COMPLEXES, COMPLEX_MUL(a, b))

OP(multiply) = {
        .name    = "multiply",
        .doc     = "Product of a and b, element by element; of booleans, whether both are true.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(ALL, multiply)),
};
