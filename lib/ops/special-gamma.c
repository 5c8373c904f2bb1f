/* SPDX-License-Identifier: Apache-2.0 */
/* The gamma function and its relatives. */
#include "ops/math-incomplete.h"
#include "ops/special.h"

SPECIAL1_FAST(gamma, "x", "The gamma function; NaN at the integers below zero.", vm_gamma_fast, vm_gamma(a))
SPECIAL1_FAST(gammaln, "x", "The logarithm of the absolute value of the gamma function.", vm_lgamma_fast,
              a == -VM_INF ? a : vm_lgamma(a))
SPECIAL1_FAST(loggamma, "x", "The logarithm of the gamma function; NaN below zero.", vm_lgamma_fast,
              a < 0.0 ? VM_NAN : vm_lgamma(a))
SPECIAL1(gammasgn, "x", "The sign of the gamma function.", vm_gamma_sign(a))
SPECIAL1_FAST(rgamma, "x", "One by the gamma function.", vm_rgamma_fast, vm_rgamma(a))
SPECIAL1_FAST(psi, "x", "Digamma: the derivative of the logarithm of the gamma function.", vm_psi_fast, vm_psi(a))
SPECIAL2(polygamma, "n, x", "The n-th derivative of digamma.", vm_polygamma(a, b))
SPECIAL1(zeta_riemann, "x", "Riemann's zeta function.", vm_zeta_riemann(a))
SPECIAL2(zeta, "x, q", "Hurwitz's zeta function: the sum of (q + k)**-x over all k from 0 on.",
         a < 1 ? (T) NAN : (T) vm_zeta(a, b))
SPECIAL2(poch, "z, m", "The rising factorial gamma(z + m) / gamma(z).", vm_poch(a, b))
SPECIAL2(beta, "a, b", "The beta function.", vm_beta(a, b))
SPECIAL2(betaln, "a, b", "The logarithm of the absolute value of the beta function.", vm_lbeta(a, b))
SPECIAL2(gammainc, "a, x", "The incomplete gamma function from below, regularized.", vm_gammainc(a, b, false))
SPECIAL2(gammaincc, "a, x", "The incomplete gamma function from above, regularized.", vm_gammainc(a, b, true))
SPECIAL2(gammaincinv, "a, p", "The x for which gammainc(a, x) is p.", vm_gammaincinv(a, b, false))
SPECIAL2(gammainccinv, "a, p", "The x for which gammaincc(a, x) is p.", vm_gammaincinv(a, b, true))
SPECIAL3(betainc, "a, b, x", "The incomplete beta function, regularized.", vm_betainc(a, b, c))
SPECIAL3(betaincinv, "a, b, p", "The x for which betainc(a, b, x) is p.", vm_betaincinv(a, b, c))
