/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding to integers that stay floats; the functions are exact and compile to one instruction where the CPU has
 * it. */
#include "ops/complex.h"

UNARY_LOOPS(rint, FLOATS, FLOAT_FN(a, rint)(a))
UNARY_LOOP_(C64, C64, rint, c64_of(rintf(RE(a)), rintf(IM(a))))
UNARY_LOOP_(C128, C128, rint, c128_of(rint(RE(a)), rint(IM(a))))

OP(rint) = {
        .name    = "rint",
        .doc     = "The nearest integer, the even one of two; of complex numbers both parts.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(FLOATS, rint) UNARY_ROWS(COMPLEXES, rint)),
};

UNARY(floor, FLOATS, FLOAT_FN(a, floor)(a))

OP(floor) = {
        .name    = "floor",
        .doc     = "The largest integer that is not above the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = floor_kernels,
};

UNARY(ceil, FLOATS, FLOAT_FN(a, ceil)(a))

OP(ceil) = {
        .name    = "ceil",
        .doc     = "The smallest integer that is not below the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = ceil_kernels,
};

UNARY(trunc, FLOATS, FLOAT_FN(a, trunc)(a))

OP(trunc) = {
        .name    = "trunc",
        .doc     = "The integer part of the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = trunc_kernels,
};
