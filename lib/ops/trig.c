/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex-math.h"
#include "ops/strip.h"

STRIP_UNARY_COMPLEX(sin, vm_sin, c128_sin)
OP(sin) = {
        .name    = "sin",
        .doc     = "Sine of an angle in radians.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = sin_kernels,
};

STRIP_UNARY_COMPLEX(cos, vm_cos, c128_cos)
OP(cos) = {
        .name    = "cos",
        .doc     = "Cosine of an angle in radians.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = cos_kernels,
};

STRIP_UNARY_COMPLEX(tan, vm_tan, c128_tan)
OP(tan) = {
        .name    = "tan",
        .doc     = "Tangent of an angle in radians.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = tan_kernels,
};
