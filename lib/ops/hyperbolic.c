/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex-math.h"
#include "ops/strip.h"

STRIP_UNARY_COMPLEX(sinh, vm_sinh, c128_sinh)
OP(sinh) = {
        .name    = "sinh",
        .doc     = "Hyperbolic sine.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = sinh_kernels,
};

STRIP_UNARY_COMPLEX(cosh, vm_cosh, c128_cosh)
OP(cosh) = {
        .name    = "cosh",
        .doc     = "Hyperbolic cosine.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = cosh_kernels,
};

STRIP_UNARY_COMPLEX(tanh, vm_tanh, c128_tanh)
OP(tanh) = {
        .name    = "tanh",
        .doc     = "Hyperbolic tangent.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = tanh_kernels,
};

STRIP_UNARY_COMPLEX(arcsinh, vm_asinh, c128_asinh)
OP(arcsinh) = {
        .name    = "arcsinh",
        .doc     = "The number whose hyperbolic sine the element is.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = arcsinh_kernels,
};

STRIP_UNARY_COMPLEX(arccosh, vm_acosh, c128_acosh)
OP(arccosh) = {
        .name    = "arccosh",
        .doc     = "The number, not negative, whose hyperbolic cosine the element is; NaN below 1.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = arccosh_kernels,
};

STRIP_UNARY_COMPLEX(arctanh, vm_atanh, c128_atanh)
OP(arctanh) = {
        .name    = "arctanh",
        .doc     = "The number whose hyperbolic tangent the element is; NaN beyond 1.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = arctanh_kernels,
};
