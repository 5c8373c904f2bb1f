/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernel.h"

BINARY(subtract, NUMBERS, a - b)

OP(subtract) = {
        .name    = "subtract",
        .doc     = "Difference of a and b, element by element.\n\n"
                   "Booleans have no difference; use logical_xor.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = subtract_kernels,
};
