/* SPDX-License-Identifier: Apache-2.0 */
/* The loop that one would write by hand for Black and Scholes: bench/table.py's formula over the library's own exp and
 * log, one option after the other, nothing but the three inputs and the result in memory. Compiled once per CPU level;
 * bench-options.c takes the best that the CPU has. Wrong for numbers that the fast functions send elsewhere. */
#include <math.h>
#include <stddef.h>

#include "ops/math-exp.h"
#include "ops/math-log.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

void PASTE(hand_options_, OP_LEVEL)(size_t n, const double *restrict s, const double *restrict k,
                                    const double *restrict t, double *restrict value);

/* Abramowitz and Stegun 26.2.17. */
static inline double normal_cdf(double x, VmBad *bad) {
        const double k = 1.0 / (1.0 + 0.2316419 * vm_abs(x));
        const double poly =
                k * (0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))));
        const double tail = 0.3989422804014327 * vm_exp_fast(-0.5 * x * x, bad) * poly;

        return x >= 0 ? 1.0 - tail : tail;
}

void PASTE(hand_options_, OP_LEVEL)(size_t n, const double *restrict s, const double *restrict k,
                                    const double *restrict t, double *restrict value) {
        const double r = 0.03, v = 0.25;
        VmBad bad = 0;

        for (size_t i = 0; i < n; i++) {
                const double root = v * sqrt(t[i]);
                const double d1   = (vm_log_fast(s[i] / k[i], &bad) + t[i] * (r + 0.5 * v * v)) / root;

                value[i] =
                        s[i] * normal_cdf(d1, &bad) - k[i] * vm_exp_fast(-r * t[i], &bad) * normal_cdf(d1 - root, &bad);
        }
        if (VM_IS_BAD(bad))
                value[0] = NAN;
}
