/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bessel functions of real order and argument.
 *
 * Far out (x above 25 and half of the order's square) they are Hankel's series. Otherwise J and I are recurred
 * downwards, from an order where they are nothing (Miller), to the order next to zero, and scaled by a Wronskian.
 * There Y and the scale come from Temme's series below 2 (On the Numerical Evaluation of the Ordinary Bessel
 * Function of the Second Kind, 1976) and from the continued fraction of J + i Y above (Steed's method; Barnett,
 * Feng, Steed, Goldfarb 1974). K is the trapezoidal rule of the integral of e^(-x cosh t + v t) over all t, whose
 * terms are positive and whose error falls exponentially with the step. What is scaled by e^x stays so until the
 * end. */
#include "ops/complex-math.h"
#include "ops/math-arc.h"
#include "ops/math-gamma.h"

enum { VM_BESSEL_TERMS = 200, VM_NODES = 8 };
#define VM_BESSEL_SERIES 100.0 /* of x below, I's needs no more terms */

typedef struct VmBessel {
        double first, second; /* J and Y, I and K */
} VmBessel;

VM_INLINE double vm_cos_pi(double x) {
        return vm_sin_pi(0.5 - (x - 2.0 * floor(0.5 * x)));
}

/* 1 / gamma(1 + x) is the sum of c[k] x^k. */
static const double vm_rgamma_even[] = {
        1.0,
        -0.6558780715202539,
        0.16653861138229148,
        -0.009621971527876973,
        -0.0011651675918590652,
        0.0001280502823881162,
        -1.2504934821426706e-06,
        -2.056338416977607e-07,
        5.002007644469223e-09,
        1.0434267116911005e-10,
        -3.696805618642206e-12,
        -2.0583260535665066e-14,
};
static const double vm_rgamma_odd[] = {
        0.5772156649015329,      -0.04200263503409524,   -0.04219773455554433,  0.0072189432466631,
        -0.00021524167411495098, -2.013485478078824e-05, 1.133027231981696e-06, 6.116095104481416e-09,
        -1.18127457048702e-09,   7.782263439905071e-12,  5.100370287454476e-13,
};

/* Hankel's series: the sum of a_k(v) t^k, of the even and of the odd terms, of which each second has its sign
 * turned. */
VM_RARE void vm_hankel_sums(double v, double x, double turn, double *ret_even, double *ret_odd) {
        const double mu = 4.0 * v * v;
        double term = 1.0, even = 1.0, odd = 0.0;

        for (int k = 1; k < VM_BESSEL_TERMS; k++) {
                const double next = term * (mu - (2.0 * k - 1.0) * (2.0 * k - 1.0)) / (8.0 * k * x);

                if (vm_abs(next) >= vm_abs(term) && k > v)
                        break;
                term = (k & 1) == 0 ? turn * next : next;
                *(k & 1 ? &odd : &even) += term;
                if (vm_abs(term) < 0x1p-56)
                        break;
        }
        *ret_even = even;
        *ret_odd  = odd;
}

VM_INLINE bool vm_bessel_far(double v, double x) {
        return x > 25.0 && x > 0.5 * v * v;
}

/* (x / 2)^v / gamma(v + 1) times the sum of (sign x^2 / 4)^k / (k! (v + 1) … (v + k)), times e^-decay. */
VM_RARE double vm_bessel_series(double v, double x, double sign, double decay) {
        const double z = sign * 0.25 * x * x;
        double sum = 1.0, term = 1.0, factor;

        for (int k = 1; k < VM_BESSEL_TERMS && vm_abs(term) > 0x1p-56 * vm_abs(sum); k++) {
                term *= z / (k * (v + k));
                sum += term;
        }
        if (v < 100.0 && x > 0x1p-9)
                factor = vm_pow(0.5 * x, v) * (vm_rgamma(v + 1.0) * vm_exp(-decay));
        else
                factor = vm_exp(v * vm_log(0.5 * x) - vm_lgamma(v + 1.0) - decay);
        return factor * sum;
}

/* Y of the orders m and m + 1, |m| <= 1/2, x <= 2. */
VM_RARE void vm_temme(double m, double x, double ret[static 2]) {
        const double log = vm_log(2.0 / x), s = m * log, z = -0.25 * x * x, m2 = m * m;
        const double even = VM_POLYNOMIAL(m2, vm_rgamma_even), odd = VM_POLYNOMIAL(m2, vm_rgamma_odd);
        const double turn = vm_sin_pi(m), half = vm_sin_pi(0.5 * m);
        const double sine = s == 0.0 ? 1.0 : vm_sinh(s) / s, angle = m == 0.0 ? 1.0 : VM_PI * m / turn;
        const double mixed = m == 0.0 ? 0.0 : 2.0 * (half / m) * half;
        double f           = 2.0 / VM_PI * angle * (sine * log * even - vm_cosh(s) * odd);
        double p = vm_exp(s) / (VM_PI * (even + m * odd)), q = vm_exp(-s) / (VM_PI * (even - m * odd));
        double c = 1.0, sum = f + mixed * q, next = p;

        for (int k = 1; k < VM_BESSEL_TERMS; k++) {
                double g, term;

                f = (k * f + p + q) / (k * k - m2);
                p /= k - m;
                q /= k + m;
                c *= z / k;
                g    = f + mixed * q;
                term = c * g;
                sum += term;
                next += c * (p - k * g);
                if (vm_abs(term) < 0x1p-56 * vm_abs(sum) && k > 3)
                        break;
        }
        ret[0] = -sum;
        ret[1] = -next * 2.0 / x;
}

/* (J' + i Y') / (J + i Y) of the order m at x >= 2. */
VM_RARE c128 vm_steed(double m, double x) {
        c128 c, d, f;
        double b_im = 2.0;

        /* (1/4 - m^2) / (2 (x + i) + (9/4 - m^2) / (2 (x + 2 i) + …)), Lentz's method */
        f = c128_of(0x1p-500, 0.0);
        c = f;
        d = c128_of(0.0, 0.0);
        for (int k = 1; k < 2000; k++, b_im += 2.0) {
                const double a = (k - 0.5) * (k - 0.5) - m * m;
                c128 change;

                d      = c128_div(c128_of(1.0, 0.0), c128_of(2.0 * x + a * RE(d), b_im + a * IM(d)));
                c      = c128_div(c128_of(a, 0.0), c);
                c      = c128_of(2.0 * x + RE(c), b_im + IM(c));
                change = c128_mul(c, d);
                f      = c128_mul(f, change);
                if (vm_abs(RE(change) - 1.0) + vm_abs(IM(change)) < 0x1p-52)
                        break;
        }
        return c128_of(-0.5 / x - IM(f) / x, 1.0 + RE(f) / x);
}

/* J and Y of v >= 0, x > 0. */
VM_RARE VmBessel vm_bessel_jy(double v, double x) {
        const double steps = floor(v + 0.5), m = v - steps, largest = v > x ? v : x;
        double of_v = 0.0, at = 1.0, above = 0.0, y[2];
        VmBessel ret;

        if (vm_bessel_far(v, x)) {
                const double scale = sqrt(2.0 / (VM_PI * x)), turn = 0.5 * v + 0.25;
                const double c = vm_cos_pi(turn), s = vm_sin_pi(turn), cos_x = vm_cos(x), sin_x = vm_sin(x);
                const double cos_chi = cos_x * c + sin_x * s, sin_chi = sin_x * c - cos_x * s;
                double even, odd;

                vm_hankel_sums(v, x, -1.0, &even, &odd);
                return (VmBessel) { scale * (cos_chi * even - sin_chi * odd),
                                    scale * (sin_chi * even + cos_chi * odd) };
        }
        if (!(largest < 0x1p16)) /* too many steps */
                return (VmBessel) { VM_NAN, VM_NAN };
        if (x < 2.0 && x * x <= v + 1.0) {
                ret.first = vm_bessel_series(v, x, -1.0, 0.0);
                vm_temme(m, x, y);
        } else {
                double k = floor(largest - m + 15.0 + 10.0 * vm_cbrt(largest));

                for (; k > 0.0; k -= 1.0) { /* `at` is of the order m + k */
                        double below;

                        if (k == steps)
                                of_v = at;
                        below = 2.0 * (m + k) / x * at - above;
                        above = at;
                        at    = below;
                        if (vm_abs(at) > 0x1p400) {
                                at *= 0x1p-400;
                                above *= 0x1p-400;
                                of_v *= 0x1p-400;
                        }
                }
                if (steps == 0.0)
                        of_v = at;
                if (x < 2.0) {
                        vm_temme(m, x, y);
                        ret.first = of_v * (2.0 / (VM_PI * x) / (above * y[0] - at * y[1]));
                } else {
                        const c128 pq      = vm_steed(m, x);
                        const double slope = m / x * at - above, other = (RE(pq) * at - slope) / IM(pq);
                        const double scale = sqrt(2.0 / (VM_PI * x) / (IM(pq) * (at * at + other * other)));

                        ret.first = of_v * scale;
                        y[0]      = other * scale;
                        y[1]      = m / x * y[0] - (IM(pq) * at * scale + RE(pq) * y[0]);
                }
        }
        for (double k = 1.0; k <= steps; k += 1.0) {
                const double next = 2.0 * (m + k) / x * y[1] - y[0];

                y[0] = y[1];
                y[1] = next;
                if (!(vm_abs(y[0]) < VM_INF)) {
                        y[0] = -VM_INF;
                        break;
                }
        }
        ret.second = y[0];
        return ret;
}

/* K of v, x <= 1, by Temme's series and recurrence upwards; where the plateau of the integrand is long. */
VM_RARE double vm_bessel_k_small(double v, double x) {
        const double steps = floor(v + 0.5), m = v - steps, log = vm_log(2.0 / x), s = m * log, m2 = m * m;
        const double even = VM_POLYNOMIAL(m2, vm_rgamma_even), odd = VM_POLYNOMIAL(m2, vm_rgamma_odd);
        const double sine = s == 0.0 ? 1.0 : vm_sinh(s) / s, angle = m == 0.0 ? 1.0 : VM_PI * m / vm_sin_pi(m);
        double f = angle * (sine * log * even - vm_cosh(s) * odd), c = 1.0, sum = f, k[2];
        double p = 0.5 * vm_exp(s) / (even + m * odd), q = 0.5 * vm_exp(-s) / (even - m * odd), next = p;

        for (int n = 1; n < 20; n++) {
                f = (n * f + p + q) / (n * n - m2);
                p /= n - m;
                q /= n + m;
                c *= 0.25 * x * x / n;
                sum += c * f;
                next += c * (p - n * f);
        }
        k[0] = sum;
        k[1] = next * 2.0 / x;
        for (double n = 1.0; n <= steps && k[0] < VM_INF; n += 1.0) {
                const double above = 2.0 * (m + n) / x * k[1] + k[0];

                k[0] = k[1];
                k[1] = above;
        }
        return k[0];
}

/* e^x K of v >= 0, x > 0. */
VM_RARE double vm_bessel_k(double v, double x) {
        const double top = vm_asinh(v / x), half = vm_sinh(0.5 * top), peak = v * top - 2.0 * x * half * half;
        const double narrow = 0.6 / sqrt(sqrt(x * x + v * v)), step = narrow < 0.125 ? narrow : 0.125;
        double sum = 1.0;

        if (vm_bessel_far(v, x)) {
                double even, odd;

                vm_hankel_sums(v, x, 1.0, &even, &odd);
                return sqrt(VM_PI / (2.0 * x)) * (even + odd);
        }
        if (x < 1.0)
                return vm_bessel_k_small(v, x) * vm_exp(x);
        if (v > 0x1p60) /* and x is not far */
                return VM_INF;
        for (int side = -1; side <= 1; side += 2)
                for (int k = 1; k < 1 << 14; k += VM_NODES) {
                        double term[VM_NODES]; /* vector code */

                        for (int i = 0; i < VM_NODES; i++) {
                                const double t = top + side * (double) (k + i) * step, s = vm_sinh(0.5 * t);

                                term[i] = vm_exp(v * t - 2.0 * x * s * s - peak);
                        }
                        for (int i = 0; i < VM_NODES; i++)
                                sum += term[i];
                        if (term[VM_NODES - 1] < 0x1p-58 * sum)
                                break;
                }
        return 0.5 * step * sum * vm_exp(peak);
}

/* e^-x I of v >= 0, x > 0. The terms of its power series are positive. */
VM_RARE double vm_bessel_i(double v, double x) {
        double ratio = 0.0;

        if (vm_bessel_far(v, x)) {
                double even, odd;

                vm_hankel_sums(v, x, 1.0, &even, &odd);
                return (even - odd) / sqrt(2.0 * VM_PI * x);
        }
        if (x < VM_BESSEL_SERIES || x * x < 16.0 * (v + 1.0))
                return vm_bessel_series(v, x, 1.0, x);
        if (!(x < 0x1p16))
                return VM_NAN;
        for (double n = floor(x + 20.0 + 10.0 * vm_cbrt(x)); n > 0.0; n -= 1.0)
                ratio = 1.0 / (2.0 * (v + n) / x + ratio);
        return 1.0 / (x * (vm_bessel_k(v + 1.0, x) + ratio * vm_bessel_k(v, x)));
}

/* ---- Of any order ------------------------------------------------------------------------------------------------ */

VM_INLINE double vm_parity(double n) {
        return floor(0.5 * n) == 0.5 * n ? 1.0 : -1.0;
}

/* From this order v on J and I of numbers below v / 2 are below (3/4)^v, which is none. */
#define VM_ORDER_VAST 1e5

/* J and Y of any v and of x above zero. */
VM_RARE VmBessel vm_bessel_any(double v, double x) {
        const double order = vm_abs(v);
        VmBessel of;
        c128 turned;

        if (x == VM_INF)
                return (VmBessel) { 0.0, 0.0 };
        of = vm_bessel_jy(order, x);
        if (v >= VM_ORDER_VAST && x <= 0.5 * v)
                of.first = 0.0;
        if (v >= 0.0)
                return of;
        if (floor(v) == v)
                return (VmBessel) { vm_parity(v) * of.first, vm_parity(v) * of.second };
        turned = c128_mul(c128_of(vm_cos_pi(order), vm_sin_pi(order)), c128_of(of.first, of.second));
        return (VmBessel) { RE(turned), IM(turned) };
}

VM_RARE double vm_jv(double v, double x) {
        if (v != v || x != x)
                return v + x;
        if (x < 0.0)
                return floor(v) == v ? vm_parity(v) * vm_jv(v, -x) : VM_NAN;
        if (x == 0.0)
                return v == 0.0 ? 1.0 : v > 0.0 || floor(v) == v ? 0.0 : vm_gamma_sign(v + 1.0) * VM_INF;
        return vm_bessel_any(v, x).first;
}

VM_RARE double vm_yv(double v, double x) {
        if (v != v || x != x)
                return v + x;
        if (x <= 0.0)
                return x < 0.0 ? VM_NAN : v < 0.0 && floor(v) == v ? vm_parity(v) * -VM_INF : -VM_INF;
        return vm_bessel_any(v, x).second;
}

/* The Hankel function, J + i Y, or J - i Y if second; of x below zero what is above it, half a turn on (DLMF 10.11). */
VM_RARE c128 vm_hankel(double v, double x, bool second) {
        const double a = vm_abs(x), c = vm_cos_pi(v), s = vm_sin_pi(v);
        const VmBessel of = a > 0.0 && v == v ? vm_bessel_any(v, a) : (VmBessel) { vm_jv(v, a), vm_yv(v, a) };
        const double j = of.first, y = of.second;

        if (!(x < 0.0))
                return c128_of(j, second ? -y : y);
        if (second) /* 2 e^(i pi v) J + e^(-i pi v) (J - i Y) */
                return c128_of(3.0 * c * j - s * y, s * j - c * y);
        return c128_of(-c * j + s * y, c * y + s * j); /* -e^(-i pi v) (J - i Y) */
}

/* scaled: times e^-|x|, and e^x. */
VM_RARE double vm_iv(double v, double x, bool scaled) {
        const double order = vm_abs(v), a = vm_abs(x);
        double i;

        if (v != v || x != x)
                return v + x;
        if (x < 0.0)
                return floor(v) == v ? vm_parity(v) * vm_iv(v, a, scaled) : VM_NAN;
        if (x == 0.0)
                return v == 0.0 ? 1.0 : v > 0.0 || floor(v) == v ? 0.0 : vm_gamma_sign(v + 1.0) * VM_INF;
        if (v >= VM_ORDER_VAST && x <= 0.5 * v)
                return 0.0;
        if (x == VM_INF)
                return scaled ? 0.0 : VM_INF;
        i = vm_bessel_i(order, x);
        if (v < 0.0 && floor(v) != v)
                i += 2.0 / VM_PI * vm_sin_pi(order) * (vm_bessel_k(order, x) * vm_exp(-2.0 * x));
        return scaled ? i : i * vm_exp(0.5 * x) * vm_exp(0.5 * x);
}

VM_RARE double vm_kv(double v, double x, bool scaled) {
        double k;

        if (v != v || x != x)
                return v + x;
        if (x <= 0.0)
                return x == 0.0 ? VM_INF : VM_NAN;
        if (x == VM_INF)
                return 0.0;
        k = vm_bessel_k(vm_abs(v), x);
        return scaled ? k : k * vm_exp(-x);
}

VM_RARE double vm_hyp0f1(double v, double z) {
        const double order = v - 1.0, x = 2.0 * sqrt(vm_abs(z));

        if (v != v || z != z)
                return v + z;
        if (v <= 0.0 && floor(v) == v)
                return VM_NAN;
        if (vm_abs(z) < 1.0 + vm_abs(v) || order < 0.0) {
                double sum = 1.0, term = 1.0;

                for (int k = 0; k < VM_BESSEL_TERMS && (vm_abs(term) > 0x1p-56 * vm_abs(sum) || k < 3); k++) {
                        term *= z / ((k + 1.0) * (v + k));
                        sum += term;
                }
                if (vm_abs(z) < 1.0 + vm_abs(v))
                        return sum;
        }
        return vm_gamma(v) * vm_pow(0.5 * x, -order) * (z > 0.0 ? vm_iv(order, x, false) : vm_jv(order, x));
}
