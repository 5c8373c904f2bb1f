/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/strip.h"

STRIP_UNARY(cbrt, vm_cbrt)

OP(cbrt) = {
        .name    = "cbrt",
        .doc     = "The cube root, of negative elements too.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = cbrt_kernels,
};
