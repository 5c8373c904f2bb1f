/* SPDX-License-Identifier: Apache-2.0 */
/* Powers that need no logarithm: square, reciprocal, square root. */
#include "ops/complex.h"
#include "ops/math-float.h"

UNARY_LOOPS(square, REALS, a * a)
UNARY_LOOPS(square, COMPLEXES, COMPLEX_MUL(a, a))

OP(square) = {
        .name    = "square",
        .doc     = "The element times itself.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(INTEGERS, square) UNARY_ROW_(F16, square) UNARY_PRODUCT_ROWS(WHOLE_FLOATS, square)
                           UNARY_ROWS(COMPLEXES, square)),
};

#define COMPLEX_RECIPROCAL_(C, R, fabs_)                                                                               \
        static inline C C##_reciprocal(C a) {                                                                          \
                R re = RE(a), im = IM(a);                                                                              \
                bool by_real = fabs_(im) <= fabs_(re);                                                                 \
                R large = by_real ? re : im, small = by_real ? im : re, ratio = small / large;                         \
                R d = large + small * ratio;                                                                           \
                                                                                                                       \
                return C##_of((by_real ? 1 : ratio) / d, -(by_real ? ratio : 1) / d);                                  \
        }
COMPLEX_RECIPROCAL_(c64, float, fabsf)
COMPLEX_RECIPROCAL_(c128, double, fabs)

/* Integers have 1 and -1 only. Of zero they have what infinity is when it is cast: the smallest int32 or int64, of
 * which narrow types take the low bits; for uint64 that is nothing. */
#define OF_ZERO(T) (sizeof(T) == 8 ? (T) i64_from_f64(INFINITY) : (T) i32_from_f64(INFINITY))
UNARY_LOOPS(reciprocal, SIGNED, (T) (a == 1 ? 1 : a == -1 ? -1 : a == 0 ? OF_ZERO(T) : 0))
UNARY_LOOPS(reciprocal, UNSIGNED, (T) (a == 1))
UNARY_LOOPS(reciprocal, FLOATS, 1 / a)
UNARY_LOOPS(reciprocal, COMPLEXES, COMPLEX_CALL_(a, _reciprocal)(a))

OP(reciprocal) = {
        .name    = "reciprocal",
        .doc     = "One divided by the element; of integers only 1 and -1 have one that is not zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(NUMBERS, reciprocal)),
};

UNARY_LOOPS(sqrt, FLOATS, FLOAT_FN(a, sqrt)(a))

/* C99's answers for zeros, infinities and NaN. The real part of the root is computed where it is large, the other
 * follows from their product. A float is computed in double, where nothing can overflow. */
static c128 c128_sqrt(c128 a) {
        double re = RE(a), im = IM(a), scale = 1, t;

        if (re == 0 && im == 0)
                return c128_of(0, im);
        if (isinf(im))
                return c128_of(INFINITY, im);
        if (isnan(re))
                return c128_of(re, NAN);
        if (isinf(re))
                return signbit(re) ? c128_of(im - im == 0 ? 0 : NAN, copysign(re, im)) /* fabs(im - im) keeps NaN */
                                   : c128_of(re, im - im == 0 ? copysign(0, im) : NAN);
        if (fabs(re) >= 0x1p1020 || fabs(im) >= 0x1p1020) {
                re *= 0.25;
                im *= 0.25;
                scale = 2;
        } else if (fabs(re) <= 0x1p-1000 && fabs(im) <= 0x1p-1000) {
                re *= 0x1p54;
                im *= 0x1p54;
                scale = 0x1p-27;
        }
        if (re >= 0) {
                t = sqrt((re + vm_hypot(re, im)) * 0.5);
                return c128_of(t * scale, im / (2 * t) * scale);
        }
        t = sqrt((-re + vm_hypot(re, im)) * 0.5);
        return c128_of(fabs(im) / (2 * t) * scale, copysign(t, im) * scale);
}

static inline c64 c64_sqrt(c64 a) {
        return (c64) c128_sqrt(c128_of(RE(a), IM(a)));
}
UNARY_LOOP_(C64, C64, sqrt, c64_sqrt(a))
UNARY_LOOP_(C128, C128, sqrt, c128_sqrt(a))

OP(sqrt) = {
        .name    = "sqrt",
        .doc     = "The square root that is not negative; NaN below zero.\n"
                   "\nOf complex numbers, the root with a real part that is not negative; the branch cut is the "
                   "negative "
                   "real axis.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(FLOATS, sqrt) UNARY_ROWS(COMPLEXES, sqrt)),
};
