/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernel.h"

BINARY_LOOPS(add, ALL, a + b)
PRODUCT_LOOPS(add, WHOLE_FLOATS, a + b)

OP(add) = {
        .name    = "add",
        .doc     = "Sum of a and b, element by element; of booleans, whether either is true.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(BITS, add) BINARY_ROW_(F16, add) BINARY_PRODUCT_ROWS(WHOLE_FLOATS, add, MAP_ANY)
                           BINARY_ROWS(COMPLEXES, add)),
};
