/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex-math.h"
#include "ops/strip.h"

STRIP_UNARY_COMPLEX(exp, vm_exp, c128_exp)
OP(exp) = {
        .name    = "exp",
        .doc     = "e to the power of the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = exp_kernels,
};

STRIP_UNARY_COMPLEX(exp2, vm_exp2, c128_exp2)
OP(exp2) = {
        .name    = "exp2",
        .doc     = "Two to the power of the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = exp2_kernels,
};

STRIP_UNARY_COMPLEX(expm1, vm_expm1, c128_expm1)
OP(expm1) = {
        .name    = "expm1",
        .doc     = "e to the power of the element, less one; exact where the element is near zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = expm1_kernels,
};
