/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex.h"

BINARY_LOOPS(multiply, BOOLS, a & b)
BINARY_LOOPS(multiply, REALS, a * b)
PRODUCT_LOOPS(multiply, WHOLE_FLOATS, a * b)
BINARY_LOOPS(multiply, COMPLEXES, COMPLEX_MUL(a, b))

OP(multiply) = {
        .name    = "multiply",
        .doc     = "Product of a and b, element by element; of booleans, whether both are true.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(BITS, multiply) BINARY_ROW_(F16, multiply)
                           BINARY_PRODUCT_ROWS(WHOLE_FLOATS, multiply, MAP_PRODUCT) BINARY_ROWS(COMPLEXES, multiply)),
};
