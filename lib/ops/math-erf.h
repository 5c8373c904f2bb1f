/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The error functions: of real numbers from two polynomials, of complex ones from a quadrature.
 *
 * erf is an odd polynomial below 1. Beyond, all is made of erfcx(x) = e^(x^2) erfc(x), which changes slowly: times 1 +
 * 2 x it is a polynomial of (x - 4) / (x + 4) up to 28, from where on the first terms of the asymptotic series are
 * exact. e^(x^2) takes the square in two parts. Inverses take Halley's steps from Winitzki's approximation, which has
 * three digits: two steps are exact, three certainly.
 *
 * w(z) = e^(-z^2) erfc(-i z) is the trapezoidal or the midpoint rule of its integral, whose error falls
 * exponentially with the number of points (Al Azah and Chandler-Wilde: Computation of the Complex Error Function
 * using Modified Trapezoidal Rules, 2021). */
#include "ops/complex-math.h"
#include "ops/math-gamma.h"

#define VM_TWO_BY_ROOT_PI 1.1283791670955126
#define VM_ROOT_PI 1.7724538509055159

/* erf(x) sqrt(pi) / 2 = x + x z g(z), z = x^2 <= 1: g. (1 + 2 x) erfcx(x). Relative errors below 2^-55 and 2^-54. */
static const double vm_erf_small[] = {
        -0x1.5555555555555p-2,  0x1.9999999999997p-4,  -0x1.86186186184e3p-6,  0x1.2f684bda0ebe7p-8,
        -0x1.8d3018d1eaf07p-11, 0x1.c01c0191e418cp-14, -0x1.bbd77403f8faep-17, 0x1.879f99e7e0cc3p-20,
        -0x1.3772118afe0d5p-23, 0x1.c271f082d5981p-27, -0x1.285fb3a35d54ap-30, 0x1.53aa5940a0f44p-34,
        -0x1.085e9bbbd3f0dp-38,
};
static const double vm_erfcx_mapped[] = {
        0x1.3ba5916e9fd7fp+0,   -0x1.1df1ad154a29cp-3,  0x1.f7f5df66fd71ep-7,   0x1.16ecefcfa6043p-4,
        -0x1.9ddb23c3e8a4dp-4,  0x1.7fee004df6ac8p-4,   -0x1.0fb06dfe58cbfp-4,  0x1.3079edf9f99fdp-5,
        -0x1.0962388077570p-6,  0x1.49c67191abf6dp-8,   -0x1.8d4a9feef6be3p-11, -0x1.a1de83d1a0247p-13,
        0x1.3be0d2dcf4e7ep-13,  -0x1.9969d5d3635e0p-16, -0x1.78a87266614b2p-17, 0x1.7fae61a6fe30ap-18,
        0x1.44391d333dca7p-22,  -0x1.bfe11aa72d921p-21, 0x1.0bf5b5fae2458p-24,  0x1.ec09643ad0d13p-24,
        -0x1.0b48ae710616cp-27, -0x1.cbf2a81ff239dp-27, -0x1.d821b7f98e091p-30,
};

/* e^(x^2), or e^(-x^2): x^2 = h^2 + (x - h) (x + h), the first of which is exact. */
VM_INLINE double vm_exp_square(double x, double sign) {
        const double h = vm_upper(x);

        return vm_exp(sign * h * h) * vm_exp(sign * ((x - h) * (x + h)));
}

VM_RARE double vm_erfcx_positive(double x) {
        if (x > 28.0) {
                const double z = 0.5 / x / x;

                return 1.0 / VM_ROOT_PI / x *
                       (1.0 -
                        z * (1.0 - 3.0 * z * (1.0 - 5.0 * z * (1.0 - 7.0 * z * (1.0 - 9.0 * z * (1.0 - 11.0 * z))))));
        }
        return VM_POLYNOMIAL((x - 4.0) / (x + 4.0), vm_erfcx_mapped) / (1.0 + 2.0 * x);
}

VM_INLINE double vm_erf_near_zero(double x) {
        const double z = x * x;

        return VM_TWO_BY_ROOT_PI * (x + x * (z * VM_POLYNOMIAL(z, vm_erf_small)));
}

VM_RARE double vm_erfc(double x) {
        if (x != x)
                return x + x;
        if (x < 0.5)
                return x > -1.0   ? 1.0 - vm_erf_near_zero(x)
                       : x > -6.0 ? 2.0 - vm_exp_square(x, -1.0) * vm_erfcx_positive(-x)
                                  : 2.0;
        return x < 28.0 ? vm_exp_square(x, -1.0) * vm_erfcx_positive(x) : 0.0;
}

VM_RARE double vm_erf(double x) {
        if (vm_abs(x) < 1.0)
                return vm_erf_near_zero(x);
        return x > 0.0 ? 1.0 - vm_erfc(x) : vm_erfc(-x) - 1.0;
}

VM_RARE double vm_erfcx(double x) {
        if (x != x)
                return x + x;
        if (x >= 0.0)
                return vm_erfcx_positive(x);
        return x < -27.0 ? VM_INF : 2.0 * vm_exp_square(x, 1.0) - vm_erfcx_positive(-x);
}

/* x of erfc(x) = y, 0 < y < 0.6. */
VM_RARE double vm_erfcinv_small(double y) {
        const double w = vm_log(y * (2.0 - y)), t = 4.330746750799873 + 0.5 * w; /* 2 / (0.147 pi) */
        double x = sqrt(sqrt(t * t - w / 0.147) - t);

        for (int k = 0; k < 3; k++) {
                /* What erfc lacks to y by its derivative; far out relative to e^(-x^2), which underflows. */
                const double f = y > 0x1p-960 ? (y - vm_erfc(x)) / (VM_TWO_BY_ROOT_PI * vm_exp_square(x, -1.0))
                                              : (vm_exp(x * x + vm_log(y)) - vm_erfcx_positive(x)) / VM_TWO_BY_ROOT_PI;

                x -= f / (1.0 + x * f);
        }
        return x;
}

VM_RARE double vm_erfinv(double y) {
        const double a = vm_abs(y);
        double x;

        if (!(a < 1.0))
                return a == 1.0 ? y * VM_INF : y != y ? y + y : VM_NAN;
        if (a > 0.5)
                return vm_flip(vm_erfcinv_small(1.0 - a), vm_sign(y));
        x = y * (0.886226925452758 + 0.23201366653465444 * y * y);
        for (int k = 0; k < 3; k++) {
                const double f = (vm_erf_near_zero(x) - y) / (VM_TWO_BY_ROOT_PI * vm_exp(-x * x));

                x -= f / (1.0 + x * f);
        }
        return a < 0x1p-500 ? y * 0.886226925452758 : x;
}

VM_RARE double vm_erfcinv(double y) {
        if (!(y > 0.0 && y < 2.0))
                return y == 0.0 ? VM_INF : y == 2.0 ? -VM_INF : y != y ? y + y : VM_NAN;
        if (y < 0.5)
                return vm_erfcinv_small(y);
        return y > 1.5 ? -vm_erfcinv_small(2.0 - y) : vm_erfinv(1.0 - y);
}

/* Dawson's integral e^(-x^2) times the integral of e^(t^2) from 0 to x: its power series, Rybicki's sum of Gaussians
 * at the odd multiples of 1/4 (Dawson's Integral and the Sampling Theorem, 1989; error e^(-4 pi^2)), the asymptotic
 * series. */
VM_RARE double vm_dawson(double x) {
        const double a = vm_abs(x), z = x * x;
        double sum = 0.0;

        if (!(a < 0x1p500))
                return x != x ? x + x : 0.5 / x;
        if (a < 1.0) {
                double term = x;

                for (int k = 1; k < 30; k++) {
                        sum += term;
                        term *= -2.0 * z / (2 * k + 1);
                }
                return sum;
        }
        if (a > 12.0) {
                double term = 0.5 / x;

                for (int k = 0; k < 16; k++) {
                        sum += term;
                        term *= (2 * k + 1) / (2.0 * z);
                }
                return sum;
        }
        {
                const double near = 2.0 * floor(2.0 * a + 0.5), rest = a - 0.25 * near;

                for (int n = -27; n <= 27; n += 2)
                        sum += vm_exp(-(rest - 0.25 * n) * (rest - 0.25 * n)) / (n + near);
        }
        return vm_flip(sum / VM_ROOT_PI, vm_sign(x));
}

VM_RARE double vm_erfi(double x) {
        return vm_abs(x) > 27.0 ? (x != x    ? x + x
                                   : x > 0.0 ? VM_INF
                                             : -VM_INF)
                                : VM_TWO_BY_ROOT_PI * vm_exp_square(x, 1.0) * vm_dawson(x);
}

/* ---- Of complex numbers ------------------------------------------------------------------------------------------ */

VM_INLINE c128 vm_conjugate(c128 z) {
        return c128_of(RE(z), -IM(z));
}

VM_INLINE c128 vm_square(c128 z) {
        return c128_of((RE(z) - IM(z)) * (RE(z) + IM(z)), 2.0 * RE(z) * IM(z));
}

/* x, y >= 0. */
VM_RARE c128 vm_faddeeva_quadrant(double x, double y) {
        const double h = 0.5116633539732443, steps = x / h, phase = steps - floor(steps); /* sqrt(pi / 12) */
        const c128 z = c128_of(x, y), square = vm_square(z), turn = c128_of(2.0 * VM_PI * y / h, -2.0 * VM_PI * steps);
        const bool pole = y < VM_PI / h || y < x; /* the residue matters */
        /* The midpoint rule, except next to its points. */
        const bool middle = !(y < x && phase >= 0.25 && phase <= 0.75) || !pole;
        double re = 0.0, im = 0.0;
        c128 w, e;

        for (int k = middle ? 0 : 1; k < 12; k++) {
                const double t  = (middle ? k + 0.5 : k) * h;
                const c128 part = c128_div(c128_of(vm_exp(-t * t), 0.0), c128_of(RE(square) - t * t, IM(square)));

                re += RE(part);
                im += IM(part);
        }
        w = c128_mul(c128_of(-2.0 * h / VM_PI * y, 2.0 * h / VM_PI * x), c128_of(re, im));
        if (!middle) {
                e = c128_div(c128_of(0.0, h / VM_PI), z);
                w = c128_of(RE(w) + RE(e), IM(w) + IM(e));
        }
        if (pole && RE(turn) < 700.0 && RE(square) > -700.0) {
                e = c128_exp(turn);
                e = middle ? c128_of(1.0 + RE(e), IM(e)) : c128_of(1.0 - RE(e), -IM(e));
                e = c128_div(c128_exp(c128_of(-RE(square), -IM(square))), e);
                w = c128_of(RE(w) + 2.0 * RE(e), IM(w) + 2.0 * IM(e));
        }
        return w;
}

VM_RARE c128 vm_faddeeva(c128 z) {
        const double x = RE(z), y = IM(z);
        c128 w, e;

        if (x != x || y != y)
                return c128_of(VM_NAN, VM_NAN);
        if (vm_abs(x) == VM_INF && vm_abs(y) < VM_INF)
                return c128_of(0.0, vm_flip(0.0, vm_sign(x)));
        w = vm_faddeeva_quadrant(vm_abs(x), vm_abs(y));
        if (y < 0.0) { /* 2 e^(-z^2) - w(-z), and w of the conjugate is the conjugate of w(-z) */
                e = vm_square(c128_of(vm_abs(x), -y));
                e = c128_exp(c128_of(-RE(e), -IM(e)));
                w = c128_of(2.0 * RE(e) - RE(w), IM(w) - 2.0 * IM(e));
                return c128_of(RE(w), x < 0.0 ? -IM(w) : IM(w));
        }
        return c128_of(RE(w), x < 0.0 ? -IM(w) : IM(w));
}

/* S and C: the integrals of sin and cos(pi t^2 / 2) from 0 to x. Small ones by their power series; large ones are
 * (1 + i) / 2 (1 - e^(i pi x^2 / 2) w((1 + i) x sqrt(pi) / 2)). */
VM_RARE void vm_fresnel(double x, double *ret_s, double *ret_c) {
        const double a = vm_abs(x), z = 0.5 * VM_PI * x * x;
        double s = 0.5, c = 0.5;

        if (x != x) {
                s = c = x + x;
        } else if (a < 1.5) {
                double term = a;

                s = 0.0;
                c = 0.0;
                for (int k = 0; k < 40; k += 2) { /* i^k z^k / k!, integrated */
                        c += term / (2 * k + 1);
                        term *= z / (k + 1);
                        s += term / (2 * k + 3);
                        term *= -z / (k + 2);
                }
        } else if (a < VM_INF) {
                const double half = 0.5 * VM_ROOT_PI * a;
                const c128 w      = vm_faddeeva_quadrant(half, half);
                /* x^2 / 2 in half turns: whole ones of 4 are taken off exactly, for the square's two parts. */
                const double square = a * a, rest = vm_product_rest(a, a, square);
                const double angle = 0.5 * VM_PI * ((square - 4.0 * floor(0.25 * square)) + rest);
                const double cos_a = vm_cos(angle), sin_a = vm_sin(angle);
                const double re = cos_a * RE(w) - sin_a * IM(w), im = cos_a * IM(w) + sin_a * RE(w);

                c = 0.5 * (1.0 - re + im);
                s = 0.5 * (1.0 - re - im);
        }
        *ret_s = vm_flip(s, vm_sign(x));
        *ret_c = vm_flip(c, vm_sign(x));
}

/* The integral of e^(i t^2) from x to infinity, and K of it: e^(-i (x^2 + pi / 4)) / sqrt(pi) times that, w / 2. */
VM_RARE c128 vm_modfresnel(double x, c128 *ret_k) {
        const double root_half = 0.7071067811865476;
        const c128 w           = vm_faddeeva(c128_of(root_half * x, root_half * x));
        const double c = vm_cos(x * x), s = vm_sin(x * x);
        const c128 turn = c128_of(root_half * (c - s), root_half * (c + s)), f = c128_mul(turn, w);

        *ret_k = c128_of(0.5 * RE(w), 0.5 * IM(w));
        return c128_of(0.5 * VM_ROOT_PI * RE(f), 0.5 * VM_ROOT_PI * IM(f));
}

/* A normal distribution of deviation sigma, folded with a Cauchy distribution of half width gamma. */
VM_RARE double vm_voigt(double x, double sigma, double gamma) {
        const double scale = 1.0 / (sigma * 1.4142135623730951);

        if (sigma == 0.0 && gamma == 0.0)
                return x == 0.0 ? VM_INF : x != x ? x + x : 0.0;
        if (gamma == VM_INF && vm_abs(x) < VM_INF)
                return 0.0;
        if (gamma == 0.0)
                return vm_exp_square(x * scale, -1.0) * scale / VM_ROOT_PI;
        if (sigma == 0.0)
                return gamma / VM_PI / (x * x + gamma * gamma);
        return RE(vm_faddeeva(c128_of(x * scale, gamma * scale))) * scale / VM_ROOT_PI;
}
