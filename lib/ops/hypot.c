/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/hypot.h"

BINARY_LOOPS(hypot, FLOATS, FLOAT_CALL(a, hypot_f32, hypot_f64)(a, b))

OP(hypot) = {
        .name    = "hypot",
        .doc     = "Length of the hypotenuse over the legs a and b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(FLOATS, hypot)),
};
