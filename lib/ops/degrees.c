/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernel.h"

#define PI 3.141592653589793238462643383279502884

UNARY(degrees, FLOATS, a * ((T) 180 / (T) PI))

OP(degrees) = {
        .name    = "degrees",
        .doc     = "Angles in degrees of angles in radians.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = degrees_kernels,
};

UNARY(radians, FLOATS, a * ((T) PI / (T) 180))

OP(radians) = {
        .name    = "radians",
        .doc     = "Angles in radians of angles in degrees.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = radians_kernels,
};
