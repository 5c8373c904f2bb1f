/* SPDX-License-Identifier: Apache-2.0 */
/* What concerns only the sign of a number. */
#include "ops/complex.h"
#include "ops/math-float.h"
#include "ops/refuse.h"

UNARY(negative, NUMBERS, -a)

static int infer_negative(const OpCall *call, Spec *out, Error *err) {
        if (call_is_bool(call))
                return error_set(err, ERROR_TYPE,
                                 "The numpy boolean negative, the `-` operator, is not supported, use the `~` "
                                 "operator or the logical_not function instead.");
        return infer_map(call, out, err);
}

OP(negative) = {
        .name    = "negative",
        .doc     = "The elements of a with the other sign; unsigned integers wrap around.\n"
                   "\nBooleans have no sign; use logical_not.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .infer   = infer_negative,
        .kernels = negative_kernels,
};

UNARY(positive, NUMBERS, a)

OP(positive) = {
        .name    = "positive",
        .doc     = "The elements of a as they are.\n"
                   "\nBooleans have no sign.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .infer   = infer_no_bool,
        .kernels = positive_kernels,
};

UNARY_LOOPS(absolute, BOOLS, a)
UNARY_LOOPS(absolute, SIGNED, a < 0 ? -a : a)
UNARY_LOOPS(absolute, UNSIGNED, a)
UNARY_LOOPS(absolute, FLOATS, FLOAT_FN(a, fabs)(a))
UNARY_LOOP_(C64, F32, absolute, vm_hypotf(RE(a), IM(a)))
UNARY_LOOP_(C128, F64, absolute, vm_hypot(RE(a), IM(a)))

OP(absolute) = {
        .name    = "absolute",
        .doc     = "Distance of the elements of a from zero.\n"
                   "\nThe most negative integer has no counterpart and stays what it is.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(ORDERED, absolute) UNARY_ROW_TO_(C64, F32, absolute)
                           UNARY_ROW_TO_(C128, F64, absolute)),
};

UNARY(fabs, FLOATS, FLOAT_FN(a, fabs)(a))

OP(fabs) = {
        .name    = "fabs",
        .doc     = "Distance of the elements of a from zero, as floats.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = fabs_kernels,
};

/* z / |z|, as the array API standard has it: 0 of 0, NaN where a part is NaN or both are infinite. Parts whose squares
 * or sum would leave the range are moved into it first, by a power of two. */
static inline c128 c128_sign(c128 z) {
        double re = RE(z), im = IM(z), large = MAX(fabs(re), fabs(im)), length;
        double scale = large > 0x1p1000 ? 0x1p-100 : large < 0x1p-900 ? 0x1p100 : 1;

        if (IS_NAN(re) | IS_NAN(im) | (isinf(re) & isinf(im)))
                return c128_of(NAN, NAN);
        if (isinf(large))
                return c128_of(isinf(re) ? copysign(1, re) : 0, isinf(im) ? copysign(1, im) : 0);
        if (large == 0)
                return 0;
        length = vm_hypot(re * scale, im * scale);
        return c128_of(re * scale / length, im * scale / length);
}

UNARY_LOOPS(sign, SIGNED, (a > 0) - (a < 0))
UNARY_LOOPS(sign, UNSIGNED, a != 0)
UNARY_LOOPS(sign, FLOATS, IS_NAN(a) ? a : (T) ((a > 0) - (a < 0)))
UNARY_LOOP_(C64, C64, sign, c128_sign(c128_of(RE(a), IM(a))))
UNARY_LOOP_(C128, C128, sign, c128_sign(a))

OP(sign) = {
        .name    = "sign",
        .doc     = "-1, 0 or 1 for elements of a below, equal to or above zero; NaN for NaN.\n"
                   "\nThe sign of a complex number z is z / |z|, of length one in its direction; 0 of 0.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .infer   = infer_no_bool,
        .kernels = KERNELS(UNARY_ROWS(NUMBERS, sign)),
};

/* Of the bits: gcc 12 crashes over a vector of __builtin_signbit(). */
UNARY_TO(BOOL, signbit, FLOATS, FLOAT_CALL(a, f32_bits, f64_bits)(a) >> (8 * sizeof(a) - 1))

OP(signbit) = {
        .name    = "signbit",
        .doc     = "Whether the sign bit of an element is set, as it is of -0.0 too.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = signbit_kernels,
};

BINARY(copysign, FLOATS, FLOAT_FN(a, copysign)(a, b))

OP(copysign) = {
        .name    = "copysign",
        .doc     = "The elements of a with the signs of those of b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = copysign_kernels,
};
