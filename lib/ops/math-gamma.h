/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The gamma function, its logarithm, and what of them remains beside Stirling's approximation.
 *
 * Between 1.5 and 2.5 they are polynomials of x - 2; log gamma is one times x - 2, so that its zeros at 1 and 2 are
 * exact. Steps of one lead there from small numbers, and from 8 (gamma: 12) on Stirling's series is exact. These
 * functions branch; they are called element by element.
 *
 * Loader (Fast and Accurate Computation of Binomial Probabilities, 2000): x^a e^-x / gamma(a + 1) and its like are
 * large numbers that cancel. Written with the rest of Stirling's series and with the deviance x log(x / m) + m - x,
 * which is small where it matters, nothing is lost. */
#include <math.h>
#include <stdbool.h>

#include "ops/math-exp.h"
#include "ops/math-log.h"
#include "ops/math-pow.h"
#include "ops/math-trig.h"

#define VM_PI 3.141592653589793
#define VM_HALF_LOG_TWO_PI 0.9189385332046728

/* c[0] + c[1] x + … */
#define VM_POLYNOMIAL(x, c) vm_polynomial(x, c, sizeof(c) / sizeof(*(c)))
VM_INLINE double vm_polynomial(double x, const double *c, size_t n) {
        double y = c[n - 1];

        for (size_t i = n - 1; i-- > 0;)
                y = c[i] + x * y;
        return y;
}

/* log gamma(2 + y) / y and gamma(2 + y), |y| <= 1/2. Relative errors below 2^-55 and 2^-56. */
static const double vm_lgamma_near_two[] = {
        0x1.b0ee6072093cep-2,   0x1.4a34cc4a60fa6p-2,  -0x1.13e001a55760ap-4,  0x1.51322ac7d84f0p-6,
        -0x1.e404fc218dcbcp-8,  0x1.7add6eada70fbp-9,  -0x1.38ac5c2d3d57bp-10, 0x1.0b36af8e8adccp-11,
        -0x1.d3fd4b6e828fbp-13, 0x1.a127ac1a57069p-14, -0x1.78de9979d8b0bp-15, 0x1.580ea6e474771p-16,
        -0x1.3cb3dfbb9710cp-17, 0x1.25803258eccefp-18, -0x1.1274dbccaceb8p-19, 0x1.01fb638d2fe84p-20,
        -0x1.ce3a5e2cefa18p-22, 0x1.a655d4577773bp-23, -0x1.1fcbbacb7bd3fp-23, 0x1.291031a87e58fp-24,
};
static const double vm_gamma_near_two[] = {
        0x1.0000000000000p+0,  0x1.b0ee6072093cep-2,   0x1.a5b978b96becfp-2,  0x1.4e23998464f1dp-4,
        0x1.301fbb0f238d0p-4,  -0x1.17f3740879397p-12, 0x1.6d7eeacd50347p-7,  -0x1.75e6e924f9b6ap-9,
        0x1.13c44865b8e2fp-9,  -0x1.e21f12c42f6aep-11, 0x1.011b259732fd5p-11, -0x1.f94c35bde856bp-13,
        0x1.fe3eddca2a1e2p-14, -0x1.fdc4c7bbc62cap-15, 0x1.007aa9a3795ddp-15, -0x1.01681e526ca65p-16,
        0x1.e482527910465p-18, -0x1.d7fad0f93bb1dp-19, 0x1.600c4afbf325cp-19, -0x1.758751402a31ap-20,
};

/* log gamma(x) less (x - 1/2) log x - x + log(2 pi) / 2, for x >= 8. */
VM_INLINE double vm_stirling_series(double x) {
        static const double c[] = { 1.0 / 12.0,   -1.0 / 360.0,      1.0 / 1260.0, -1.0 / 1680.0,
                                    1.0 / 1188.0, -691.0 / 360360.0, 1.0 / 156.0,  -3617.0 / 122400.0 };
        const double z          = 1.0 / x;

        return z * VM_POLYNOMIAL(z * z, c);
}

/* sin(pi x), exact at integers and halves. */
VM_RARE double vm_sin_pi(double x) {
        double r         = x - 2.0 * floor(0.5 * x); /* [0, 2), exactly */
        const bool below = r > 1.0;

        r = below ? r - 1.0 : r;
        r = r > 0.5 ? 1.0 - r : r;
        r = vm_sin(VM_PI * r);
        return below ? -r : r;
}

/* log |gamma(x)| of x > 0. */
VM_RARE double vm_lgamma_positive(double x) {
        double factor = 1.0;

        if (x < 0.5)
                return x * VM_POLYNOMIAL(x, vm_lgamma_near_two) - vm_log1p(x) - vm_log(x);
        if (x < 1.5) {
                x -= 1.0;
                return x * VM_POLYNOMIAL(x, vm_lgamma_near_two) - vm_log1p(x);
        }
        if (x >= 8.0) {
                const double log = vm_log(x);

                if (x > 0x1p55)
                        return x * (log - 1.0);
                return ((x - 0.5) * log - x) + (VM_HALF_LOG_TWO_PI + vm_stirling_series(x));
        }
        while (x > 2.5) {
                x -= 1.0;
                factor *= x;
        }
        x -= 2.0;
        return x * VM_POLYNOMIAL(x, vm_lgamma_near_two) + (factor == 1.0 ? 0.0 : vm_log(factor));
}

VM_RARE double vm_lgamma(double x) {
        if (x != x)
                return x + x;
        if (x == VM_INF || x == -VM_INF || (x <= 0.0 && floor(x) == x))
                return VM_INF;
        if (x > 0.0)
                return vm_lgamma_positive(x);
        if (x > -0.5) /* gamma(x) = gamma(x + 2) / (x (x + 1)) */
                return x * VM_POLYNOMIAL(x, vm_lgamma_near_two) - vm_log1p(x) - vm_log(-x);
        return vm_log(VM_PI / vm_abs(x * vm_sin_pi(x))) - vm_lgamma_positive(-x);
}

/* The sign of gamma(x); zero where it has none. */
VM_INLINE double vm_gamma_sign(double x) {
        if (x != x)
                return x + x;
        if (x > 0.0)
                return 1.0;
        if (floor(x) == x)
                return 0.0;
        return floor(0.5 * floor(x)) * 2.0 == floor(x) ? 1.0 : -1.0;
}

/* gamma(x) of 12 <= x < 180. The power is divided by two, so that it does not overflow before its product. */
VM_INLINE double vm_gamma_stirling(double x) {
        const double power = vm_pow(x, 0.5 * x - 0.25), rest = vm_exp(vm_stirling_series(x));

        return 2.5066282746310002 * power * (vm_exp(-x) * rest) * power;
}

VM_RARE double vm_gamma_positive(double x) {
        double up = 1.0, down = 1.0;

        if (x >= 180.0)
                return VM_INF;
        if (x >= 12.0)
                return vm_gamma_stirling(x);
        while (x > 2.5) {
                x -= 1.0;
                up *= x;
        }
        while (x < 1.5) {
                down *= x;
                x += 1.0;
        }
        return up * VM_POLYNOMIAL(x - 2.0, vm_gamma_near_two) / down;
}

/* 1 / gamma(x). */
VM_RARE double vm_rgamma(double x) {
        if (x != x || vm_abs(x) < 0x1p-60)
                return x;
        if (x > 0.0)
                return x < 171.0   ? 1.0 / vm_gamma_positive(x)
                       : x < 179.0 ? 1.0 / vm_gamma_positive(x - 1.0) / (x - 1.0)
                                   : 0.0;
        if (floor(x) == x)
                return 0.0;
        if (x > -12.0) {
                double factor = 1.0;

                for (; x < 1.5; x += 1.0)
                        factor *= x;
                return factor / VM_POLYNOMIAL(x - 2.0, vm_gamma_near_two);
        }
        return -x < 170.0 ? -x * vm_sin_pi(x) / VM_PI * vm_gamma_positive(-x) : vm_gamma_sign(x) * VM_INF;
}

VM_RARE double vm_gamma(double x) {
        if (x != x)
                return x + x;
        if (x == 0.0)
                return vm_negative(x) ? -VM_INF : VM_INF;
        if (x > 0.0)
                return vm_gamma_positive(x);
        if (floor(x) == x)
                return VM_NAN;
        if (x > -12.0) {
                double factor = 1.0;

                for (; x < 1.5; x += 1.0)
                        factor *= x;
                return VM_POLYNOMIAL(x - 2.0, vm_gamma_near_two) / factor;
        }
        if (x < -180.0)
                return vm_gamma_sign(x) * 0.0;
        return -VM_PI / (x * vm_sin_pi(x)) / vm_gamma_positive(-x);
}

/* log gamma(x) less (x - 1/2) log x - x + log(2 pi) / 2, for x > 0. */
VM_RARE double vm_stirling_rest(double x) {
        if (x >= 8.0)
                return vm_stirling_series(x);
        return vm_lgamma_positive(x) - ((x - 0.5) * vm_log(x) - x + VM_HALF_LOG_TWO_PI);
}

/* x log(x / m) + m - x, for x >= 0 and m > 0. */
VM_RARE double vm_deviance(double x, double m) {
        const double d = x - m, v = d / (x + m);
        double sum = d * v, term = 2.0 * x * v;

        if (x == 0.0)
                return m;
        if (!(vm_abs(v) < 0.1))
                return x * vm_log(x / m) - d;
        for (int k = 3; k < 40; k += 2) {
                const double before = sum;

                term *= v * v;
                sum += term / k;
                if (sum == before)
                        break;
        }
        return sum;
}
