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

#define SIGN_OF_(name, R)                                                                                              \
        static inline R name(R re, R im) {                                                                             \
                R of_re = (R) ((re > 0) - (re < 0)), of_im = (R) ((im > 0) - (im < 0));                                \
                                                                                                                       \
                return (IS_NAN(re) | IS_NAN(im)) ? (R) NAN : re == 0 ? of_im : of_re;                                  \
        }
SIGN_OF_(sign_of_f32, float)
SIGN_OF_(sign_of_f64, double)

/* Of complex numbers the sign is that of the real part, and of the imaginary one where that is zero. */
UNARY_LOOPS(sign, SIGNED, (a > 0) - (a < 0))
UNARY_LOOPS(sign, UNSIGNED, a != 0)
UNARY_LOOPS(sign, FLOATS, IS_NAN(a) ? a : (T) ((a > 0) - (a < 0)))
UNARY_LOOP_(C64, C64, sign, c64_of(sign_of_f32(RE(a), IM(a)), 0))
UNARY_LOOP_(C128, C128, sign, c128_of(sign_of_f64(RE(a), IM(a)), 0))

OP(sign) = {
        .name    = "sign",
        .doc     = "-1, 0 or 1 for elements of a below, equal to or above zero; NaN for NaN.\n"
                   "\nThe sign of a complex number is that of its real part, or of its imaginary one where that is "
                   "zero.",
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
