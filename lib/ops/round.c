/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding to integers that stay what they are: floats, in functions that are exact and compile to one instruction
 * where the CPU has it. Integers are rounded already; only rint makes floats of them, as it does in NumPy. */
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

UNARY_LOOPS(floor, BITS, a)
UNARY_LOOPS(floor, FLOATS, FLOAT_FN(a, floor)(a))

OP(floor) = {
        .name    = "floor",
        .doc     = "The largest integer that is not above the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(BITS, floor) UNARY_ROWS(FLOATS, floor)),
};

UNARY_LOOPS(ceil, BITS, a)
UNARY_LOOPS(ceil, FLOATS, FLOAT_FN(a, ceil)(a))

OP(ceil) = {
        .name    = "ceil",
        .doc     = "The smallest integer that is not below the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(BITS, ceil) UNARY_ROWS(FLOATS, ceil)),
};

UNARY_LOOPS(trunc, BITS, a)
UNARY_LOOPS(trunc, FLOATS, FLOAT_FN(a, trunc)(a))

OP(trunc) = {
        .name    = "trunc",
        .doc     = "The integer part of the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(BITS, trunc) UNARY_ROWS(FLOATS, trunc)),
};
