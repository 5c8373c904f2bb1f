/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernel.h"

BINARY(add, ALL, a + b)

OP(add) = {
        .name    = "add",
        .doc     = "Sum of a and b, element by element; of booleans, whether either is true.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = add_kernels,
};
