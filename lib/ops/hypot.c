/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/strip.h"

STRIP_BINARY(hypot, vm_hypot)

OP(hypot) = {
        .name    = "hypot",
        .doc     = "Length of the hypotenuse over the legs a and b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = hypot_kernels,
};
