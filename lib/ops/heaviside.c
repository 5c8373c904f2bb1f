/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernel.h"

BINARY(heaviside, FLOATS, IS_NAN(a) ? a : a == 0 ? b : (T) (a > 0))

OP(heaviside) = {
        .name    = "heaviside",
        .doc     = "The step from 0 to 1 at zero, where it is b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = heaviside_kernels,
};
