/* SPDX-License-Identifier: Apache-2.0 */
/* Bessel functions of real order and argument, and Airy's. */
#include "ops/math-airy.h"
#include "ops/math-bessel.h"
#include "ops/special.h"

SPECIAL2(jv, "v, x", "The Bessel function of the first kind of order v; of x below zero for whole orders.", vm_jv(a, b))
SPECIAL2(yv, "v, x", "The Bessel function of the second kind of order v.", vm_yv(a, b))
SPECIAL2(iv, "v, x", "The modified Bessel function of the first kind of order v.", vm_iv(a, b, false))
SPECIAL2(ive, "v, x", "The modified Bessel function of the first kind, times e to the power of -abs(x).",
         vm_iv(a, b, true))
SPECIAL2(kv, "v, x", "The modified Bessel function of the second kind of order v.", vm_kv(a, b, false))
SPECIAL2(kve, "v, x", "The modified Bessel function of the second kind, times e to the power of x.", vm_kv(a, b, true))

#define HANKEL(name, doc, second)                                                                                      \
        BINARY_LOOP_OF_(name##_F32, F32, C64, i, i, vm_hankel(a, b, second))                                           \
        BINARY_LOOP_OF_(name##_F64, F64, C128, i, i, vm_hankel(a, b, second))                                          \
        SPECIAL_(name, 2, "v, x", doc, { { DTYPE_F32, DTYPE_F32 }, { DTYPE_C64, DTYPE_NONE }, name##_F32, {} },        \
                 { { DTYPE_F64, DTYPE_F64 }, { DTYPE_C128, DTYPE_NONE }, name##_F64, {} }, )
HANKEL(hankel1, "The Hankel function of the first kind, J + i Y.", false)
HANKEL(hankel2, "The Hankel function of the second kind, J - i Y.", true)

SPECIAL2(hyp0f1, "v, z", "The confluent hypergeometric limit function 0F1.", vm_hyp0f1(a, b))

#define AIRY(name, doc, second, scaled)                                                                                \
        SPECIAL_PAIR(name, doc, const VmAiry of = vm_airy(a, second, scaled); const double r = of.value;               \
                     const double s = of.slope)
AIRY(airy_ai, "Airy's Ai and its derivative.", false, false)
AIRY(airy_bi, "Airy's Bi and its derivative.", true, false)
AIRY(airye_ai, "Airy's Ai and its derivative, times e to the power of 2/3 x**1.5; NaN below zero.", false, true)
AIRY(airye_bi, "Airy's Bi and its derivative, times e to the power of -2/3 x**1.5 above zero.", true, true)

SPECIAL_PAIR(itairy, "The integrals of Airy's Ai and Bi from zero to x.", const VmItairy of = vm_itairy(a);
             const double r = of.ai; const double s = of.bi)
