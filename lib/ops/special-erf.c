/* SPDX-License-Identifier: Apache-2.0 */
/* Error functions and what is made of them. */
#include "ops/math-erf.h"
#include "ops/special.h"

SPECIAL1(erf, "x", "The error function.", vm_erf(a))
SPECIAL1(erfc, "x", "One less the error function; exact where that is near one.", vm_erfc(a))
SPECIAL1(erfcx, "x", "The complement of the error function times e to the power of the square.", vm_erfcx(a))
SPECIAL1(erfi, "x", "The error function of imaginary numbers, -i erf(i x).", vm_erfi(a))
SPECIAL1(erfinv, "y", "The number whose error function is y; NaN beyond one.", vm_erfinv(a))
SPECIAL1(erfcinv, "y", "The number for which one less the error function is y.", vm_erfcinv(a))
SPECIAL1(dawsn, "x", "Dawson's integral.", vm_dawson(a))
SPECIAL3(voigt_profile, "x, sigma, gamma", "A normal distribution folded with a Cauchy distribution.",
         vm_voigt(a, b, c))

#define WOFZ_LOOP_(D, op, ...) UNARY_LOOP_(D, D, op, vm_faddeeva(c128_of(RE(a), IM(a))))
COMPLEXES(WOFZ_LOOP_, wofz)
SPECIAL_(wofz, 1, "z", "Faddeeva's function: e to the power of -z**2, times erfc(-i z).", UNARY_ROWS(COMPLEXES, wofz))

SPECIAL_PAIR(fresnel, "Fresnel's integrals of the sine and of the cosine.", double r; double s; vm_fresnel(a, &r, &s))
SPECIAL_COMPLEX_PAIR(modfresnelp, "The modified Fresnel integral F and K of it, with a plus in the exponent.", c128 s;
                     const c128 r = vm_modfresnel(a, &s))
SPECIAL_COMPLEX_PAIR(modfresnelm, "The modified Fresnel integral F and K of it, with a minus in the exponent.", c128 s;
                     const c128 r = vm_conjugate(vm_modfresnel(a, &s)); s = vm_conjugate(s))
