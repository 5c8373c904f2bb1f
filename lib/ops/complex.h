/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Complex arithmetic as NumPy does it: multiplication by the four products, whatever is infinite in them, and
 * division by Smith's method. C's own operators would call functions that repair infinities, at ten times the cost. */
#include "ops/kernel.h"

#define RE(z) (__real__(z))
#define IM(z) (__imag__(z))

/* -x in a way that compilers do not see through. Where a difference and a sum of products stand side by side, gcc 12
 * makes one fused instruction (vfmaddsub) of them at the levels that have it, in spite of -ffp-contract=off: other
 * bits. */
static inline float f32_negative(float x) {
        return f32_from_bits(f32_bits(x) ^ UINT32_C(0x80000000));
}
static inline double f64_negative(double x) {
        return f64_from_bits(f64_bits(x) ^ UINT64_C(0x8000000000000000));
}

#define COMPLEX_FUNCTIONS_(C, R, fabs_, negative)                                                                      \
        static inline _unused_ C C##_of(R re, R im) {                                                                  \
                return __builtin_complex(re, im);                                                                      \
        }                                                                                                              \
        static inline _unused_ C C##_mul(C a, C b) {                                                                   \
                return C##_of(RE(a) * RE(b) + negative(IM(a) * IM(b)), RE(a) * IM(b) + IM(a) * RE(b));                 \
        }                                                                                                              \
        static inline _unused_ C C##_div(C a, C b) {                                                                   \
                R br = RE(b), bi = IM(b), abs_br = fabs_(br), abs_bi = fabs_(bi);                                      \
                bool by_real = abs_br >= abs_bi;                                                                       \
                R large = by_real ? br : bi, small = by_real ? bi : br;                                                \
                R ratio = small / large, scale = (R) 1 / (large + small * ratio);                                      \
                R p = by_real ? RE(a) : IM(a), q = by_real ? IM(a) : RE(a);                                            \
                R left = by_real ? q : p * ratio, right = by_real ? p * ratio : q;                                     \
                R re = (p + q * ratio) * scale, im = (left - right) * scale;                                           \
                                                                                                                       \
                re = abs_br == 0 && abs_bi == 0 ? RE(a) / abs_br : re;                                                 \
                im = abs_br == 0 && abs_bi == 0 ? IM(a) / abs_br : im;                                                 \
                return C##_of(re, im);                                                                                 \
        }                                                                                                              \
        /* Order by the real part, then by the imaginary one; 0 where NaN decides. */                                  \
        static inline _unused_ int C##_less(C a, C b) {                                                                \
                return ((RE(a) < RE(b)) & !IS_NAN(IM(a)) & !IS_NAN(IM(b))) | ((RE(a) == RE(b)) & (IM(a) < IM(b)));     \
        }                                                                                                              \
        static inline _unused_ int C##_less_equal(C a, C b) {                                                          \
                return ((RE(a) < RE(b)) & !IS_NAN(IM(a)) & !IS_NAN(IM(b))) | ((RE(a) == RE(b)) & (IM(a) <= IM(b)));    \
        }                                                                                                              \
        static inline _unused_ int C##_equal(C a, C b) {                                                               \
                return (RE(a) == RE(b)) & (IM(a) == IM(b));                                                            \
        }                                                                                                              \
        static inline _unused_ int C##_is_nan(C a) {                                                                   \
                return IS_NAN(RE(a)) | IS_NAN(IM(a));                                                                  \
        }
COMPLEX_FUNCTIONS_(c64, float, fabsf, f32_negative)
COMPLEX_FUNCTIONS_(c128, double, fabs, f64_negative)

#define COMPLEX_CALL_(a, fn) _Generic((a), c64: c64##fn, c128: c128##fn)
#define COMPLEX_MUL(a, b) COMPLEX_CALL_(a, _mul)(a, b)
#define COMPLEX_DIV(a, b) COMPLEX_CALL_(a, _div)(a, b)
#define COMPLEX_LESS(a, b) COMPLEX_CALL_(a, _less)(a, b)
#define COMPLEX_LESS_EQUAL(a, b) COMPLEX_CALL_(a, _less_equal)(a, b)
#define COMPLEX_EQUAL(a, b) COMPLEX_CALL_(a, _equal)(a, b)
#define COMPLEX_IS_NAN(a) COMPLEX_CALL_(a, _is_nan)(a)
