/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex-math.h"
#include "ops/strip.h"

STRIP_UNARY_COMPLEX(arcsin, vm_asin, c128_asin)
OP(arcsin) = {
        .name    = "arcsin",
        .doc     = "Angle in radians whose sine the element is; NaN beyond 1.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = arcsin_kernels,
};

STRIP_UNARY_COMPLEX(arccos, vm_acos, c128_acos)
OP(arccos) = {
        .name    = "arccos",
        .doc     = "Angle in radians whose cosine the element is; NaN beyond 1.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = arccos_kernels,
};

STRIP_UNARY_COMPLEX(arctan, vm_atan, c128_atan)
OP(arctan) = {
        .name    = "arctan",
        .doc     = "Angle in radians whose tangent the element is.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = arctan_kernels,
};

STRIP_BINARY(arctan2, vm_atan2)
OP(arctan2) = {
        .name    = "arctan2",
        .doc     = "Angle in radians from the positive x axis to the point with the coordinates y = a and x = b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = arctan2_kernels,
};

/* The angle of a real number is 0, or pi if its sign is negative. */
UNARY_LOOPS(angle, FLOATS,
            IS_NAN(a)                                                     ? a
            : FLOAT_CALL(a, f32_bits, f64_bits)(a) >> (8 * sizeof(a) - 1) ? (T) (2 * HALF_PI)
                                                                          : 0)
UNARY_LOOP_(BOOL, F64, angle, 0)
UNARY_LOOP_(C64, F32, angle, vm_atan2f(IM(a), RE(a)))
UNARY_LOOP_(C128, F64, angle, vm_atan2(IM(a), RE(a)))
OP(angle) = {
        .name    = "angle",
        .doc     = "Angle in radians from the positive real axis to a complex number.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROW_TO_(BOOL, F64, angle) UNARY_ROWS(FLOATS, angle)
                           UNARY_ROW_TO_(C64, F32, angle) UNARY_ROW_TO_(C128, F64, angle)),
};
