/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of complex numbers; real numbers are complex ones without an imaginary part. */
#include "ops/complex.h"

UNARY_LOOPS(conjugate, REALS, a)
UNARY_LOOPS(conjugate, COMPLEXES, COMPLEX_CALL_(a, _of)(RE(a), -IM(a)))

OP(conjugate) = {
        .name    = "conjugate",
        .doc     = "The complex conjugate: the imaginary part with the other sign.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(NUMBERS, conjugate)),
};

#define PARTS_ROWS(name)                                                                                               \
        KERNELS(UNARY_ROWS(ORDERED, name) UNARY_ROW_TO_(C64, F32, name) UNARY_ROW_TO_(C128, F64, name))

UNARY_LOOPS(real, ORDERED, a)
UNARY_LOOP_(C64, F32, real, RE(a))
UNARY_LOOP_(C128, F64, real, RE(a))

OP(real) = {
        .name    = "real",
        .doc     = "The real part.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = PARTS_ROWS(real),
};

UNARY_LOOPS(imag, ORDERED, 0)
UNARY_LOOP_(C64, F32, imag, IM(a))
UNARY_LOOP_(C128, F64, imag, IM(a))

OP(imag) = {
        .name    = "imag",
        .doc     = "The imaginary part; zero of real numbers.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = PARTS_ROWS(imag),
};

BINARY_LOOP_(F32, C64, from_parts, c64_of(a, b))
BINARY_LOOP_(F64, C128, from_parts, c128_of(a, b))

OP(from_parts) = {
        .name    = "from_parts",
        .doc     = "The complex numbers with the real parts a and the imaginary parts b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROW_TO_(F32, C64, from_parts) BINARY_ROW_TO_(F64, C128, from_parts)),
};
