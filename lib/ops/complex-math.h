/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Functions of complex numbers, made of the real ones, with the special values of C99's annex G. sin, cos, tan and
 * their inverses are the hyperbolic functions with real and imaginary axes exchanged. */
#include "ops/complex.h"
#include "ops/math-arc.h"
#include "ops/math-exp.h"
#include "ops/math-log.h"
#include "ops/math-pow.h"
#include "ops/math-trig.h"

#define LN2 0x1.62e42fefa39efp-1
#define HALF_PI 0x1.921fb54442d18p+0

static inline _unused_ c128 c128_swap(c128 z) {
        return c128_of(IM(z), RE(z));
}

/* (re + i im) e^x / 2^halve without overflow on the way: e^x is taken as the square of its root. */
static inline _unused_ c128 c128_times_exp(double re, double im, double x, double factor) {
        double root = vm_exp(x * 0.5);

        return c128_of(root * re * factor * root, root * im * factor * root);
}

static _unused_ c128 c128_exp(c128 z) {
        double x = RE(z), y = IM(z);

        if (y == 0)
                return c128_of(vm_exp(x), y);
        if (x == 0)
                return c128_of(vm_cos(y), vm_sin(y));
        if (!isfinite(y)) {
                if (!isinf(x))
                        return c128_of(NAN, NAN);
                return x < 0 ? c128_of(0, 0) : c128_of(INFINITY, NAN);
        }
        if (x > 700 && isfinite(x))
                return c128_times_exp(vm_cos(y), vm_sin(y), x, 1);
        return c128_of(vm_exp(x) * vm_cos(y), vm_exp(x) * vm_sin(y));
}

/* log |z|, near the unit circle by log1p() of what |z|^2 has beyond 1, in pairs of numbers (Dekker's products). */
static inline _unused_ double log_abs(double x, double y) {
        double ax = fabs(x), ay = fabs(y), large = MAX(ax, ay), small = MIN(ax, ay), h;

        if (isnan(x) || isnan(y))
                return isinf(x) || isinf(y) ? INFINITY : NAN;
        if (large > 0x1p1000)
                return isinf(large) ? INFINITY : vm_log(vm_hypot(large * 0x1p-100, small * 0x1p-100)) + 100 * LN2;
        if (large < 0x1p-900)
                return vm_log(vm_hypot(large * 0x1p120, small * 0x1p120)) - 120 * LN2;
        h = vm_hypot(large, small);
        if (h > 0.5 && h < 2) {
                double l_hi = large * 0x1.0000002p27, s_hi = small * 0x1.0000002p27, l_lo, s_lo, ss, ss_rest, ll,
                       ll_rest;

                l_hi = l_hi - (l_hi - large);
                s_hi = s_hi - (s_hi - small);
                l_lo = large - l_hi;
                s_lo = small - s_hi;
                ll = large * large;
                ss = small * small;
                ll_rest = ((l_hi * l_hi - ll) + 2 * l_hi * l_lo) + l_lo * l_lo;
                ss_rest = ((s_hi * s_hi - ss) + 2 * s_hi * s_lo) + s_lo * s_lo;
                return vm_log1p(((ll - 1) + ss) + (ll_rest + (ss_rest + ((ss - (((ll - 1) + ss) - (ll - 1))))))) * 0.5;
        }
        return vm_log(h);
}

static _unused_ c128 c128_log(c128 z) {
        return c128_of(log_abs(RE(z), IM(z)), vm_atan2(IM(z), RE(z)));
}

static _unused_ c128 c128_sinh(c128 z) {
        double x = RE(z), y = IM(z);

        if (y == 0)
                return c128_of(vm_sinh(x), y);
        if (!isfinite(y)) {
                if (x == 0)
                        return c128_of(copysign(0, x), NAN);
                return isinf(x) ? c128_of(INFINITY, NAN) : c128_of(NAN, NAN);
        }
        if (isinf(x))
                return c128_of(x * vm_cos(y), INFINITY * vm_sin(y));
        if (fabs(x) > 22)
                return c128_times_exp(copysign(vm_cos(y), x) * (vm_cos(y) < 0 ? -1 : 1), vm_sin(y), fabs(x), 0.5);
        return c128_of(vm_sinh(x) * vm_cos(y), vm_cosh(x) * vm_sin(y));
}

static _unused_ c128 c128_cosh(c128 z) {
        double x = RE(z), y = IM(z);

        if (y == 0)
                return c128_of(vm_cosh(x), isnan(x) ? y : x < 0 || (x == 0 && signbit(x)) ? -y : y);
        if (!isfinite(y)) {
                if (x == 0)
                        return c128_of(NAN, copysign(0, x));
                return isinf(x) ? c128_of(INFINITY, NAN) : c128_of(NAN, NAN);
        }
        if (isinf(x))
                return c128_of(INFINITY * vm_cos(y), x * vm_sin(y));
        if (fabs(x) > 22)
                return c128_times_exp(vm_cos(y), x < 0 ? -vm_sin(y) : vm_sin(y), fabs(x), 0.5);
        return c128_of(vm_cosh(x) * vm_cos(y), vm_sinh(x) * vm_sin(y));
}

/* Kahan's form: with t = tan y and s = sinh x nothing cancels. */
static _unused_ c128 c128_tanh(c128 z) {
        double x = RE(z), y = IM(z), t, s, beta, rho, denominator;

        if (isnan(x))
                return c128_of(x, y == 0 ? y : NAN);
        if (isinf(x))
                return c128_of(copysign(1, x), copysign(0, isfinite(y) ? vm_sin(y) * vm_cos(y) : y));
        if (!isfinite(y))
                return c128_of(x == 0 ? x : NAN, NAN);
        if (fabs(x) >= 22) {
                double e = vm_exp(-fabs(x));

                return c128_of(copysign(1, x), 4 * vm_sin(y) * vm_cos(y) * e * e);
        }
        t = vm_tan(y);
        s = vm_sinh(x);
        beta = 1 + t * t;
        rho = sqrt(1 + s * s);
        denominator = 1 + beta * s * s;
        return c128_of(beta * rho * s / denominator, t / denominator);
}

/* Re and im of arcsin and arccos in the first quadrant, by Hull, Fairgrieve and Tang: r and s are the distances from
 * -1 and 1, a and b the coordinates of the ellipse and the hyperbola through the point. */
static inline _unused_ void arc_first_quadrant(double x, double y, double *ret_asin, double *ret_acos, double *ret_im) {
        double r, s, a, b, yy = y * y, root;

        if (x > 0x1p500 || y > 0x1p500) { /* infinity too: 1 is nothing here */
                *ret_im = isinf(x) || isinf(y) ? INFINITY : LN2 + log_abs(x, y);
                *ret_asin = vm_atan2(x, y);
                *ret_acos = vm_atan2(y, x);
                return;
        }
        if (y < 0x1p-300 && fabs(x - 1) > 0x1p-60) { /* so near the real axis that y^2 is nothing */
                if (x < 1) {
                        root = sqrt((1 - x) * (1 + x));
                        *ret_im = y / root;
                        *ret_asin = vm_asin(x);
                        *ret_acos = vm_acos(x);
                } else {
                        root = sqrt((x - 1) * (x + 1));
                        *ret_im = vm_log1p((x - 1) + root);
                        *ret_asin = HALF_PI;
                        *ret_acos = y / root;
                }
                return;
        }
        if (x == 1 && y < 0x1p-100) {
                *ret_im = sqrt(y);
                *ret_asin = HALF_PI - sqrt(y);
                *ret_acos = sqrt(y);
                return;
        }
        r = vm_hypot(x + 1, y);
        s = vm_hypot(x - 1, y);
        a = 0.5 * (r + s);
        b = x / a;
        if (b <= 0.6417) {
                *ret_asin = vm_asin(b);
                *ret_acos = vm_acos(b);
        } else {
                if (x <= 1)
                        root = sqrt(0.5 * (a + x) * (yy / (r + x + 1) + (s + (1 - x))));
                else
                        root = y * sqrt(0.5 * ((a + x) / (r + x + 1) + (a + x) / (s + (x - 1))));
                *ret_asin = vm_atan2(x, root);
                *ret_acos = vm_atan2(root, x);
        }
        if (a <= 1.5) {
                double beyond = x < 1 ? 0.5 * (yy / (r + x + 1) + yy / (s + (1 - x)))
                                      : 0.5 * (yy / (r + x + 1) + (s + (x - 1)));

                *ret_im = vm_log1p(beyond + sqrt(beyond * (a + 1)));
        } else
                *ret_im = vm_log(a + sqrt(a * a - 1));
}

static _unused_ c128 c128_asinh(c128 z) {
        double x = RE(z), y = IM(z), re, im, other;

        if (isnan(x) || isnan(y)) {
                if (isinf(x))
                        return c128_of(x, y);
                if (isinf(y))
                        return c128_of(INFINITY, x);
                return c128_of(NAN, y == 0 ? y : NAN);
        }
        arc_first_quadrant(fabs(y), fabs(x), &im, &other, &re);
        return c128_of(copysign(re, x), copysign(im, y));
}

static _unused_ c128 c128_acos(c128 z) {
        double x = RE(z), y = IM(z), re, im, other;

        if (isnan(x) || isnan(y)) {
                if (isinf(x))
                        return c128_of(y, -INFINITY);
                if (isinf(y))
                        return c128_of(x, -y);
                return c128_of(x == 0 ? HALF_PI : NAN, NAN);
        }
        arc_first_quadrant(fabs(x), fabs(y), &other, &re, &im);
        if (signbit(x))
                re = 2 * HALF_PI - re;
        return c128_of(re, signbit(y) ? im : -im);
}

static _unused_ c128 c128_acosh(c128 z) {
        c128 w = c128_acos(z);

        if (isnan(RE(w)))
                return c128_of(fabs(IM(w)), RE(w));
        if (isnan(IM(w)))
                return c128_of(IM(w), isnan(RE(z)) || isnan(IM(z)) ? (RE(z) == 0 ? RE(w) : NAN) : RE(w));
        return c128_of(fabs(IM(w)), copysign(RE(w), IM(z)));
}

static _unused_ c128 c128_atanh(c128 z) {
        double x = RE(z), y = IM(z), ax = fabs(x), ay = fabs(y), re, im, h;

        if (y == 0 && ax <= 1)
                return c128_of(vm_atanh(x), y);
        if (x == 0)
                return c128_of(x, vm_atan(y));
        if (isnan(x) || isnan(y)) {
                if (isinf(x))
                        return c128_of(copysign(0, x), NAN);
                return isinf(y) ? c128_of(copysign(0, x), copysign(HALF_PI, y)) : c128_of(NAN, NAN);
        }
        if (ax > 0x1p50 || ay > 0x1p50) { /* 1 / z */
                h = MAX(ax, ay);
                re = isinf(h) ? 0 : (ax / h) / (h * ((ax / h) * (ax / h) + (ay / h) * (ay / h)));
                im = HALF_PI;
        } else {
                double square = (ax - 1) * (ax - 1) + ay * ay;

                if (ax == 1 && ay < 0x1p-30) /* the square would vanish */
                        re = 0.5 * (LN2 - vm_log(ay));
                else
                        re = 0.25 * vm_log1p(4 * ax / square);
                im = 0.5 * vm_atan2(2 * ay, (1 - ax) * (1 + ax) - ay * ay);
        }
        return c128_of(copysign(re, x), copysign(im, y));
}

/* f(z) = -i g(i z). */
static _unused_ c128 c128_sin(c128 z) {
        return c128_swap(c128_sinh(c128_swap(z)));
}
static _unused_ c128 c128_tan(c128 z) {
        return c128_swap(c128_tanh(c128_swap(z)));
}
static _unused_ c128 c128_asin(c128 z) {
        return c128_swap(c128_asinh(c128_swap(z)));
}
static _unused_ c128 c128_atan(c128 z) {
        return c128_swap(c128_atanh(c128_swap(z)));
}
static _unused_ c128 c128_cos(c128 z) {
        return c128_cosh(c128_of(-IM(z), RE(z)));
}

static _unused_ c128 c128_exp2(c128 z) {
        return c128_exp(c128_of(RE(z) * LN2, IM(z) * LN2));
}
/* e^x cos y - 1 is (e^x - 1) cos y - 2 sin^2(y / 2), where nothing is near 1. */
static _unused_ c128 c128_expm1(c128 z) {
        double half = vm_sin(IM(z) * 0.5);

        return c128_of(vm_expm1(RE(z)) * vm_cos(IM(z)) - 2 * half * half, vm_exp(RE(z)) * vm_sin(IM(z)));
}
static _unused_ c128 c128_log2(c128 z) {
        c128 w = c128_log(z);

        return c128_of(RE(w) * 0x1.71547652b82fep+0, IM(w) * 0x1.71547652b82fep+0);
}
static _unused_ c128 c128_log10(c128 z) {
        c128 w = c128_log(z);

        return c128_of(RE(w) * 0x1.bcb7b1526e50ep-2, IM(w) * 0x1.bcb7b1526e50ep-2);
}
/* |1 + z|^2 is 1 + x (2 + x) + y^2. */
static _unused_ c128 c128_log1p(c128 z) {
        double x = RE(z), y = IM(z);
        bool near = fabs(x) < 0.5 && fabs(y) < 0.5;

        return c128_of(near ? 0.5 * vm_log1p(x * (2 + x) + y * y) : log_abs(x + 1, y), vm_atan2(y, x + 1));
}

/* Whole powers below 100 by multiplication, as NumPy has them; the others by the logarithm. */
static _unused_ c128 c128_pow(c128 a, c128 b) {
        double br = RE(b), bi = IM(b);
        c128 r = 1, w;

        if (br == 0 && bi == 0)
                return 1;
        if (RE(a) == 0 && IM(a) == 0)
                return br > 0 ? 0 : c128_of(NAN, NAN);
        if (bi == 0 && fabs(br) < 100 && br == trunc(br)) {
                int n = (int) fabs(br);

                if (br == 1)
                        return a;
                if (br == 2)
                        return c128_mul(a, a);
                if (br == 3)
                        return c128_mul(a, c128_mul(a, a));
                for (;;) {
                        if (n & 1)
                                r = c128_mul(r, a);
                        n >>= 1;
                        if (n == 0)
                                break;
                        a = c128_mul(a, a);
                }
                return br < 0 ? c128_div(1, r) : r;
        }
        w = c128_log(a);
        return c128_exp(b * w); /* C's own product, which repairs infinities, as C99's cpow() has it */
}
