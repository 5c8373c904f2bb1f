/* SPDX-License-Identifier: Apache-2.0 */
/* Elliptic integrals, Carlson's and Legendre's. */
#include "ops/math-elliptic.h"
#include "ops/special.h"

SPECIAL2(elliprc, "x, y", "Carlson's degenerate elliptic integral RC; of y below zero its principal value.",
         vm_elliprc(a, b))
SPECIAL3(elliprf, "x, y, z", "Carlson's elliptic integral RF, of the first kind.", vm_elliprf(a, b, c))
SPECIAL3(elliprd, "x, y, z", "Carlson's elliptic integral RD, of the second kind.", vm_elliprd(a, b, c))
SPECIAL3(elliprg, "x, y, z", "Carlson's elliptic integral RG, of the second kind, symmetric.", vm_elliprg(a, b, c))
SPECIAL3(elliprj_unit, "x, y, p", "Carlson's elliptic integral RJ(x, y, 1, p), of the third kind, of x <= y <= 1.",
         vm_elliprj_unit(a, b, c))
SPECIAL1(ellipk, "m", "The complete elliptic integral of the first kind, of the parameter m.",
         vm_ellipk_of(1.0 - (double) a))
SPECIAL1(ellipkm1, "p", "The complete elliptic integral of the first kind, of 1 - m; exact near m = 1.",
         vm_ellipk_of((double) a))
SPECIAL1(ellipe, "m", "The complete elliptic integral of the second kind, of the parameter m.",
         vm_ellipe_of(1.0 - (double) a))
SPECIAL2(ellipkinc, "phi, m", "The incomplete elliptic integral of the first kind.", vm_ellipinc(a, b, false))
SPECIAL2(ellipeinc, "phi, m", "The incomplete elliptic integral of the second kind.", vm_ellipinc(a, b, true))
