/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of entropies. */
#include "ops/math-gamma.h"
#include "ops/special.h"

SPECIAL1(entr, "x", "-x log(x): the terms of an entropy. Zero at zero, -inf below.",
         a > 0       ? (T) (-a * vm_log(a))
         : a == 0    ? (T) 0
         : IS_NAN(a) ? a
                     : (T) -INFINITY)
SPECIAL2(rel_entr, "x, y", "x log(x / y): the terms of a relative entropy.",
         ((a > 0) & (b > 0))       ? (T) (a * vm_log((double) a / b))
         : (IS_NAN(a) | IS_NAN(b)) ? a + b
         : ((a == 0) & (b >= 0))   ? (T) 0
                                   : (T) INFINITY)
SPECIAL2(kl_div, "x, y", "x log(x / y) - x + y: the terms of a divergence, which are never below zero.",
         ((a > 0) & (b > 0))       ? (T) vm_deviance(a, b)
         : (IS_NAN(a) | IS_NAN(b)) ? a + b
         : ((a == 0) & (b >= 0))   ? b
                                   : (T) INFINITY)
SPECIAL2(xlogy, "x, y", "x log(y), zero where x is and y is a number.",
         ((a == 0) & !IS_NAN(b)) ? (T) 0 : (T) (a * vm_log(b)))
SPECIAL2(xlog1py, "x, y", "x log(1 + y), zero where x is and y is a number.",
         ((a == 0) & !IS_NAN(b)) ? (T) 0 : (T) (a * vm_log1p(b)))
