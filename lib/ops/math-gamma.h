/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The gamma function, its logarithm, and what of them remains beside Stirling's approximation.
 *
 * Between 1.5 and 2.5 they are polynomials of x - 2; log gamma is one times x - 2, so that its zeros at 1 and 2 are
 * exact. Steps of one lead there from small numbers, and from 8 (gamma: 12) on Stirling's series is exact. Of numbers
 * above zero they do not branch, as the functions of math-core.h; others are called element by element.
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
#define VM_ROOT_PI 1.7724538509055159
#define VM_HALF_LOG_TWO_PI 0.9189385332046728

/* c[0] + c[1] x + … */
#define VM_POLYNOMIAL(x, c) vm_polynomial(x, c, sizeof(c) / sizeof(*(c)))
VM_INLINE double vm_polynomial(double x, const double *c, size_t n) {
        double y = c[n - 1];

        for (size_t i = n - 1; i-- > 0;)
                y = c[i] + x * y;
        return y;
}

/* c[0] + c[1] x + …, up to 36 of them, in fours. Written without a loop: compilers unroll inner loops only after they
 * have looked whether the outer one becomes vector code. */
#define VM_PIECES(x, c) vm_pieces(x, c, sizeof(c) / sizeof(*(c)))
VM_INLINE double vm_piece(double x, double x2, const double *c, size_t n) {
        const double low = n > 1 ? c[0] + x * c[1] : c[0];

        return n > 3 ? low + x2 * (c[2] + x * c[3]) : n > 2 ? low + x2 * c[2] : low;
}

VM_INLINE double vm_pieces(double x, const double *c, size_t n) {
        const double x2 = x * x, x4 = x2 * x2;
        double y = 0.0;

#define VM_PIECE_(i)                                                                                                   \
        if (n > i)                                                                                                     \
                y = n > i + 4 ? vm_piece(x, x2, c + i, n - i) + x4 * y : vm_piece(x, x2, c + i, n - i);
        VM_PIECE_(32)
        VM_PIECE_(28)
        VM_PIECE_(24)
        VM_PIECE_(20)
        VM_PIECE_(16)
        VM_PIECE_(12)
        VM_PIECE_(8)
        VM_PIECE_(4)
        VM_PIECE_(0)
#undef VM_PIECE_
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

/* log gamma(x) / (x - 2) of x from 2.5 to 8, as -1 to 1; gamma(x) sqrt(x / (2 pi)) (e / x)^x of 1 / x <= 1/12. */
static const double vm_lgamma_between[] = {
        0x1.1886df0c44c5dp+0,   0x1.922f55afbbaafp-2,   -0x1.699eb137ab6f4p-4,  0x1.c9dbd37486aacp-6,
        -0x1.500af9dab775fp-7,  0x1.0c1df2fc50e8ap-8,   -0x1.c3748481a3cdfp-10, 0x1.8a8cf33c2ad77p-11,
        -0x1.62644d374e8dap-12, 0x1.4505bbdae1f4fp-13,  -0x1.2efcc3cff5c72p-14, 0x1.1e2aa1970905ep-15,
        -0x1.1130644506a71p-16, 0x1.06ec877f4c4bdp-17,  -0x1.fd5e20b09f528p-19, 0x1.f5492627ff5fcp-20,
        -0x1.f3794ac3e2d68p-21, 0x1.c70dd209fd8aap-22,  -0x1.8e9897379a4f7p-23, 0x1.40e1d05d9f960p-23,
        -0x1.bd71dd65b27b2p-24, -0x1.f77161270fea2p-27, 0x1.1035fd8fa28f5p-25,  0x1.414f3f8ff459ep-25,
        -0x1.136269736efd9p-25, -0x1.9a2f3c194cdcfp-27, 0x1.60c8a7f64694ep-27,  0x1.e917f79d821a7p-29,
        -0x1.4ae5a89727d34p-29,
};
static const double vm_gamma_star[] = {
        0x1.0000000000000p+0,  0x1.55555555554c5p-4,   0x1.c71c71c888398p-9,
        -0x1.5f72699e707aap-9, -0x1.e13a33042dfcap-13, 0x1.9af84f8c38e4bp-11,
        0x1.33c6803b291b1p-14, -0x1.4dbe4ce7d3006p-11, 0x1.fe3da2adabb2bp-13,
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

/* log |gamma(x)|: from 0 to 2.5, on to 8, and beyond. What is below 1.5 is reached by a step, less its logarithm. */
VM_INLINE double vm_lgamma_low(double x, double log) {
        const double half = x < 0.5 ? x : x - 1.0, y = x < 1.5 ? half : x - 2.0;

        return y * VM_PIECES(y, vm_lgamma_near_two) - (x < 1.5 ? log : 0.0);
}

VM_INLINE double vm_lgamma_between_of(double x) {
        return (x - 2.0) * VM_PIECES((x - 5.25) * (1.0 / 2.75), vm_lgamma_between);
}

VM_INLINE double vm_lgamma_far(double x, double log) {
        return (x * (log - 1.0) - 0.5 * log) + (VM_HALF_LOG_TWO_PI + vm_stirling_series(x > 8.0 ? x : 8.0));
}

/* x > 0: one of them, or all of them and one selected. */
VM_RARE double vm_lgamma_positive(double x) {
        if (x < 2.5)
                return vm_lgamma_low(x, vm_log(x < 0.5 ? x * (1.0 + x) : x));
        return x < 8.0 ? vm_lgamma_between_of(x) : vm_lgamma_far(x, vm_log(x));
}

VM_INLINE double vm_lgamma_above(double x) {
        const double both = x * (1.0 + x), log = vm_log(x < 0.5 ? both : x);
        const double low = vm_lgamma_low(x, log), between = vm_lgamma_between_of(x), far = vm_lgamma_far(x, log);
        const double near = x < 2.5 ? low : between;

        return x < 8.0 ? near : far;
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

VM_INLINE double vm_lgamma_fast(double x, VmBad *bad) {
        vm_bad_below(bad, x, 0x1p-1022);
        vm_bad_below(bad, 0x1p1000, x);
        return vm_lgamma_above(x);
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

/* gamma(x) of x from 12 on: sqrt(2 pi / x) (x / e)^x times what is next to one; (x - 1/2) log x - x is a pair. */
VM_INLINE double vm_gamma_stirling(double x) {
        double f, log_rest, y;
        const double k = vm_log_split(x, &f), log = vm_log_pair(k, f, &log_rest), p = (x - 0.5) * log, sum = p - x;
        double rest = vm_product_rest(x - 0.5, log, p) + (x - 0.5) * log_rest;
        uint64_t scale;

        rest += (p - sum) - x; /* p is larger than x */
        y = vm_exp_pair(sum, rest, 2046, &scale);
        return vm_exp_scaled(2.5066282746310002 * VM_PIECES(1.0 / x, vm_gamma_star) * y, scale);
}

/* 0 < x < 12: by steps of one from between 1.5 and 2.5. */
VM_INLINE double vm_gamma_small(double x) {
        const double down = x < 0.5 ? x * (1.0 + x) : x;
        double at = x < 0.5 ? x + 2.0 : x < 1.5 ? x + 1.0 : x, up = 1.0, step;

#define VM_FOUR_DOWN_                                                                                                  \
        step = ((at - 1.0) * (at - 2.0)) * ((at - 3.0) * (at - 4.0));                                                  \
        up   = at > 6.5 ? up * step : up;                                                                              \
        at   = at > 6.5 ? at - 4.0 : at;
#define VM_ONE_DOWN_                                                                                                   \
        up = at > 2.5 ? up * (at - 1.0) : up;                                                                          \
        at = at > 2.5 ? at - 1.0 : at;
        VM_FOUR_DOWN_
        VM_FOUR_DOWN_
        step = (at - 1.0) * (at - 2.0);
        up   = at > 4.5 ? up * step : up;
        at   = at > 4.5 ? at - 2.0 : at;
        VM_ONE_DOWN_
        VM_ONE_DOWN_
#undef VM_FOUR_DOWN_
#undef VM_ONE_DOWN_
        up *= VM_PIECES(at - 2.0, vm_gamma_near_two);
        return x < 1.5 ? up / down : up;
}

/* x > 0. */
VM_RARE double vm_gamma_positive(double x) {
        return x < 12.0 ? vm_gamma_small(x) : vm_gamma_stirling(x < 180.0 ? x : 180.0);
}

VM_INLINE double vm_gamma_above(double x) {
        const double most = x < 180.0 ? x : 180.0, large = vm_gamma_stirling(most > 12.0 ? most : 12.0);
        const double small = vm_gamma_small(x);

        return x < 12.0 ? small : large;
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

VM_INLINE double vm_gamma_fast(double x, VmBad *bad) {
        vm_bad_below(bad, x, 0x1p-1022);
        return vm_gamma_above(x);
}

VM_INLINE double vm_rgamma_fast(double x, VmBad *bad) {
        vm_bad_below(bad, x, 0x1p-60);
        vm_bad_below(bad, 170.0, x);
        return 1.0 / vm_gamma_above(x);
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
