/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What lies around the gamma function: digamma, the zeta function, the incomplete integrals and their inverses.
 *
 * Incomplete integrals are a factor, which is Loader's (math-gamma.h) and so right for large parameters, times a
 * power series or a continued fraction by Lentz's method, whichever has positive terms. Both take about as many
 * terms as the square root of the largest parameter; what needs more than VM_TERMS_MOST is NaN, except that the
 * gamma integral of a parameter from 10^6 on is Temme's error function with two terms of its rest. Inverses take
 * Newton's steps inside of an interval that shrinks: what leaves it becomes a bisection. */
#include "ops/math-erf.h"
#include "ops/math-gamma.h"

enum { VM_TERMS_MOST = 1 << 14, VM_STEPS_MOST = 200, VM_STEPS = 4, VM_ZETA_TERMS = 4 };

#define VM_EPS 0x1p-53
#define VM_CUBE_ROOT 0x1p-18

/* digamma(x + 3/2) / (x + 3/2 - root), |x| <= 1/2: relative error below 2^-54; the series of x >= 8 in 1 / x^2. */
static const double vm_psi_between[] = {
        0x1.e6f0cbb873616p-1,  -0x1.b1cb63005ee98p-2,  0x1.eca189b8e6f76p-3,  -0x1.2feeeb98a78d0p-3,
        0x1.8512e590384c3p-4,  -0x1.fb44202a2534ap-5,  0x1.4de9aa17d3c47p-5,  -0x1.b9f8b11b4e834p-6,
        0x1.25647162034aap-6,  -0x1.8635641260604p-7,  0x1.03c0b0fd772f5p-7,  -0x1.5a06a2ba7c578p-8,
        0x1.cd1f7701911d2p-9,  -0x1.336df1f713049p-9,  0x1.99dcfdb115b0bp-10, -0x1.0fb1714419a22p-10,
        0x1.69e78b3e9a2bep-11, -0x1.fda9619d18765p-12, 0x1.55b97e7d346c2p-12, -0x1.2f4d2cbac16aep-13,
        0x1.8735717d2c1e0p-14, -0x1.760b489731266p-13, 0x1.fc506df21f383p-14,
};
static const double vm_psi_far[] = {
        -0.08333333333333333,  0.008333333333333333, -0.003968253968253968, 0.004166666666666667,
        -0.007575757575757576, 0.021092796092796094, -0.08333333333333333,  0.4432598039215686,
};

/* digamma(x) of x from 2 to 8, as -1 to 1. */
static const double vm_psi_more[] = {
        0x1.8190ed71d7a49p+0,   0x1.53f3ba347844ap-1,  -0x1.c1a56b8d7100cp-3,  0x1.8af52dbe797bcp-4,
        -0x1.84d1b1782df91p-5,  0x1.96ceb5d6ce1c5p-6,  -0x1.b9cd7f7a6e956p-7,  0x1.ebd829fcdcb8ep-8,
        -0x1.1691f9495e47fp-8,  0x1.3f8f604e6d7a7p-9,  -0x1.720e4888dd2fcp-10, 0x1.af9c1e360368fp-11,
        -0x1.fa27704b6a68ap-12, 0x1.2a485b47f380fp-12, -0x1.616950907e677p-13, 0x1.9fb5650f3ca4cp-14,
        -0x1.e0e1da03ca876p-15, 0x1.36b412ef50af3p-15, -0x1.beda4e68c104fp-16, 0x1.ff7a5aa0193adp-18,
        0x1.6dcb6f312a550p-18,  0x1.de4d745e67ea6p-17, -0x1.a20f5dba88916p-16, -0x1.b2229b10497dap-17,
        0x1.d13d151375bf1p-16,  0x1.144cdf67b4a5ap-16, -0x1.d11a956d2ca74p-16, -0x1.9bc31f9ee4d75p-17,
        0x1.39d82e9a536d1p-16,  0x1.c6ebabcc30a85p-18, -0x1.2b6f3ad3e2970p-17, -0x1.2912f08bc7d89p-19,
        0x1.5aa9637891d30p-19,  0x1.914aa504beed4p-22, -0x1.8f749046ff09bp-22,
};

/* x > 0. */
VM_INLINE double vm_psi_above(double x) {
        const double by = 1.0 / x, z = by * by, at = x < 1.0 ? x + 1.0 : x;
        const double far  = vm_log(x) - 0.5 * by + VM_PIECES(z, vm_psi_far) * z;
        const double more = VM_PIECES((x - 5.0) * (1.0 / 3.0), vm_psi_more);
        const double near = ((at - 1.4616321449683622) - 9.549995429965697e-17) * VM_PIECES(at - 1.5, vm_psi_between);

        return x < 1.0 ? near - by : x < 2.0 ? near : x < 8.0 ? more : far;
}

VM_RARE double vm_psi(double x) {
        if (x != x || x == VM_INF)
                return x + x;
        if (x == 0.0)
                return vm_negative(x) ? VM_INF : -VM_INF;
        if (x < 0.0) {
                double r = x - floor(x);

                if (r == 0.0)
                        return VM_NAN;
                r = r > 0.5 ? r - 1.0 : r;
                return vm_psi_above(1.0 - x) - VM_PI * vm_cos(VM_PI * r) / vm_sin(VM_PI * r);
        }
        return vm_psi_above(x);
}

VM_INLINE double vm_psi_fast(double x, VmBad *bad) {
        vm_bad_below(bad, x, 0x1p-1022);
        vm_bad_below(bad, 0x1p1022, x);
        return vm_psi_above(x);
}

/* B_2j / (2 j)! */
static const double vm_bernoulli[] = {
        0.08333333333333333,   -0.001388888888888889,  3.306878306878307e-05,  -8.267195767195768e-07,
        2.08767569878681e-08,  -5.284190138687493e-10, 1.3382536530684679e-11, -3.3896802963225827e-13,
        8.586062056277845e-15, -2.174868698558062e-16, 5.5090028283602295e-18, -1.3954464685812522e-19,
};

/* The sum of (q + k)^-s over all k >= 0, by Euler's and Maclaurin's formula from q + k >= 10 + s / 2 on; of s < 1
 * continued. */
VM_RARE double vm_zeta(double s, double q) {
        const double most = 10.0 + 0.5 * vm_abs(s);
        double sum        = 0.0, factor, power, by;

        if (s != s || q != q)
                return s + q;
        if (s == 1.0)
                return VM_INF;
        if (q <= 0.0) {
                if (floor(q) == q)
                        return VM_INF;
                if (floor(s) != s || q < -0x1p12) /* as many terms */
                        return VM_NAN;
        }
        if (q > 1e8)
                return (1.0 / (s - 1.0) + 0.5 / q) * vm_pow(q, 1.0 - s);
        for (; q <= 0.0; q += 1.0)
                sum += vm_pow(q, -s);
        while (q < most) {
                double term[VM_ZETA_TERMS]; /* vector code */

                for (int k = 0; k < VM_ZETA_TERMS; k++)
                        term[k] = vm_pow(q + k, -s);
                for (int k = 0; k < VM_ZETA_TERMS && q < most; k++, q += 1.0) {
                        sum += term[k];
                        if (!(vm_abs(term[k]) > vm_abs(sum) * 0x1p-60))
                                return sum;
                }
        }
        power  = vm_pow(q, -s);
        by     = 1.0 / q;
        sum    = sum + power * q / (s - 1.0) + 0.5 * power;
        factor = s * power * by;
        for (int j = 0; j < 12; j++) {
                const double term = vm_bernoulli[j] * factor;

                sum += term;
                if (vm_abs(term) < vm_abs(sum) * 0x1p-56)
                        break;
                factor *= ((s + 2 * j + 1) * by) * ((s + 2 * j + 2) * by);
        }
        return sum;
}

/* Riemann's. */
VM_RARE double vm_zeta_riemann(double s) {
        if (s >= 0.0 || s != s)
                return vm_zeta(s, 1.0);
        if (floor(0.5 * s) == 0.5 * s)
                return 0.0;
        return 2.0 * vm_pow(2.0 * VM_PI, s - 1.0) * vm_sin_pi(0.5 * s) * vm_gamma(1.0 - s) * vm_zeta(1.0 - s, 1.0);
}

VM_RARE double vm_polygamma(double n, double x) {
        if (n == 0.0)
                return vm_psi(x);
        if (!(n > 0.0) || floor(n) != n)
                return VM_NAN;
        return (floor(0.5 * n) == 0.5 * n ? -1.0 : 1.0) * vm_gamma(n + 1.0) * vm_zeta(n + 1.0, x);
}

/* log gamma(z + m) - log gamma(z), z and z + m at least 8: what is alike is not subtracted. */
VM_RARE double vm_lgamma_step(double z, double m) {
        return m * vm_log(z + m) + ((z - 0.5) * vm_log1p(m / z) - m) +
               (vm_stirling_series(z + m) - vm_stirling_series(z));
}

/* A pole of gamma: a whole number that is not above zero. */
VM_INLINE bool vm_beta_pole(double x) {
        return x <= 0.0 && floor(x) == x;
}

VM_RARE double vm_lbeta(double a, double b) {
        const double small = a < b ? a : b, large = a < b ? b : a, sum = a + b;

        if (vm_beta_pole(a) || vm_beta_pole(b)) {
                const double n = vm_beta_pole(a) ? a : b, other = n == a ? b : a;

                /* Both poles cancel where the sum is one, too. */
                return floor(other) == other && 1.0 - n - other > 0.0 ? vm_lbeta(1.0 - n - other, other) : VM_INF;
        }
        if (large == VM_INF && small == small) /* gamma(small) / large^small */
                return small > 0.0 ? -VM_INF : VM_INF;
        if (a <= 0.0 || b <= 0.0 || a != a || b != b)
                return large >= 8.0 && sum >= 8.0 ? vm_lgamma(small) - vm_lgamma_step(large, small)
                                                  : vm_lgamma(a) + vm_lgamma(b) - vm_lgamma(sum);
        if (large < 8.0)
                return vm_lgamma(a) + (vm_lgamma(b) - vm_lgamma(sum));
        if (small < 8.0) /* log gamma(large) - log gamma(large + small) */
                return vm_lgamma(small) + (vm_stirling_series(large) - vm_stirling_series(sum)) + small -
                       small * vm_log(sum) - (large - 0.5) * vm_log1p(small / large);
        return VM_HALF_LOG_TWO_PI + (vm_stirling_series(a) + vm_stirling_series(b) - vm_stirling_series(sum)) -
               0.5 * vm_log(sum) + (small - 0.5) * vm_log(small / sum) - (large - 0.5) * vm_log1p(small / large);
}

VM_RARE double vm_beta(double a, double b) {
        if (a > 0.0 && b > 0.0 && a < 8.0 && b < 8.0) /* else the rounding of a + b matters */
                return vm_gamma(a) * (vm_gamma(b) * vm_rgamma(a + b));
        if (a > 0.0 && b > 0.0)
                return vm_exp(vm_lbeta(a, b));
        if (vm_beta_pole(a) || vm_beta_pole(b)) {
                const double n = vm_beta_pole(a) ? a : b, other = n == a ? b : a;

                if (floor(other) == other && 1.0 - n - other > 0.0)
                        return (floor(0.5 * other) == 0.5 * other ? 1.0 : -1.0) * vm_beta(1.0 - n - other, other);
                return VM_INF;
        }
        return vm_gamma_sign(a) * vm_gamma_sign(b) * vm_gamma_sign(a + b) * vm_exp(vm_lbeta(a, b));
}

/* gamma(z + m) / gamma(z). */
VM_RARE double vm_poch(double z, double m) {
        const bool pole = z <= 0.0 && floor(z) == z;

        if (m >= 0.0 && m <= 32.0 && floor(m) == m) {
                double product = 1.0;

                for (double k = 0.0; k < m; k++)
                        product *= z + k;
                return product;
        }
        if (z == VM_INF && m < VM_INF) /* z^m */
                return m > 0.0 ? VM_INF : m > -VM_INF ? 0.0 : VM_NAN;
        if (z >= 8.0 && z + m >= 8.0 && z + m < VM_INF)
                return vm_exp(vm_lgamma_step(z, m));
        if (z + m <= 0.0 && floor(z + m) == z + m && !pole)
                return VM_INF;
        if (pole && !(z + m <= 0.0 && floor(z + m) == z + m))
                return 0.0;
        if (pole && floor(m) == m) /* both have one, which cancel */
                return (floor(0.5 * m) == 0.5 * m ? 1.0 : -1.0) * vm_exp(vm_lgamma(1.0 - z) - vm_lgamma(1.0 - z - m));
        if (z <= -8.0 && z + m <= -8.0 && z + m > -VM_INF) /* by reflection */
                return vm_sin_pi(z) / vm_sin_pi(z + m) * vm_exp(vm_lgamma_step(1.0 - z - m, m));
        return vm_gamma_sign(z) * vm_gamma_sign(z + m) * vm_exp(vm_lgamma(z + m) - vm_lgamma(z));
}

/* ---- The incomplete gamma function ------------------------------------------------------------------------------- */

/* x^a e^-x of ordinary x > 0, a < 16: e to the power of a pair. */
VM_INLINE double vm_power_falling(double a, double x) {
        double f, log_rest, y;
        const double k = vm_log_correct(x, vm_log_split(vm_log_ordinary(x), &f)), log = vm_log_pair(k, f, &log_rest);
        const double p = a * log, sum = p - x, back = p - sum, most = sum > -750.0 ? sum : -750.0;
        const double rest = vm_product_rest(a, log, p) + a * log_rest + ((p - (sum + back)) + (back - x));
        uint64_t scale;

        y = vm_exp_pair(most, sum > -750.0 ? rest : 0.0, 2046, &scale);
        return vm_exp_scaled(y, scale);
}

/* x^a e^-x / gamma(a + 1). */
VM_RARE double vm_gamma_factor(double a, double x) {
        if (a < 16.0 && x < 600.0)
                return vm_power_falling(a, x) / vm_gamma_positive(a + 1.0);
        return vm_exp(-vm_deviance(a, x) - vm_stirling_rest(a)) / sqrt(2.0 * VM_PI * a);
}

VM_RARE double vm_gamma_series(double a, double x, double factor) {
        double sum = 1.0, term = 1.0;

        for (int n = 1; n < VM_TERMS_MOST && term > sum * VM_EPS * 0.25; n += 2) { /* two terms by one division */
                const double first = a + n, second = first + 1.0, both = x / (first * second);

                sum += term * (both * second) + term * (both * x);
                term *= both * x;
        }
        return factor * sum;
}

/* The last two convergents' numerators and denominators of a continued fraction. */
typedef struct VmConvergents {
        double a, a_before, b, b_before;
} VmConvergents;

/* The next one: b + numerator / … */
VM_INLINE void vm_converge(VmConvergents *of, double numerator, double b) {
        const double next_a = b * of->a + numerator * of->a_before, next_b = b * of->b + numerator * of->b_before;

        of->a_before = of->a;
        of->b_before = of->b;
        of->a        = next_a;
        of->b        = next_b;
}

/* Whether the quotient stays; looked at after some steps only, since it needs a division. What grows or shrinks is
 * brought back by a power of two, which changes no quotient. */
VM_INLINE bool vm_converged(VmConvergents *of, double *quotient) {
        const double before = *quotient;
        const double scale  = vm_double(UINT64_C(0x7fe0000000000000) - (vm_bits(of->b) & UINT64_C(0x7ff0000000000000)));

        *quotient = of->a / of->b;
        of->a *= scale;
        of->b *= scale;
        of->a_before *= scale;
        of->b_before *= scale;
        return !(vm_abs(*quotient - before) > 2.0 * VM_EPS * vm_abs(before));
}

VM_RARE double vm_gamma_fraction(double a, double x, double factor) {
        double b         = x + 1.0 - a, h;
        VmConvergents of = { 1.0, 0.0, b, 1.0 };

        h = 1.0 / b;
        for (int n = 1; n < VM_TERMS_MOST; n += VM_STEPS) {
                for (int k = n; k < n + VM_STEPS; k++) {
                        b += 2.0;
                        vm_converge(&of, -k * (k - a), b);
                }
                if (vm_converged(&of, &h))
                        return factor * a * h;
        }
        return VM_NAN;
}

/* Temme (Uniform Asymptotic Expansions of the Incomplete Gamma Functions and the Incomplete Beta Function, 1975), for
 * a >= 10^6: where the parts are neither 0 nor 1 e is small, and the terms are their power series. */
VM_RARE double vm_gamma_uniform(double a, double x, bool upper) {
        const double deviance = vm_deviance(a, x), e = (x < a ? -1.0 : 1.0) * sqrt(2.0 * deviance / a);
        double c0, c1, rest, part;

        if (!(deviance < 745.0))
                return (x < a) == upper;
        c0   = -1.0 / 3.0 + e * (1.0 / 12.0 + e * (-2.0 / 135.0 + e * (1.0 / 864.0 + e * (1.0 / 2835.0))));
        c1   = -1.0 / 540.0 + e * (-1.0 / 288.0 + e * (1.0 / 378.0));
        rest = vm_exp(-deviance) / sqrt(2.0 * VM_PI * a) * (c0 + c1 / a);
        part = 0.5 * vm_erfc((upper ? e : -e) * sqrt(0.5 * a)) + (upper ? rest : -rest);
        return part > 0.0 ? part : 0.0;
}

/* Both parts; the one that is asked for is never a difference from one unless it is more than a third. Its derivative
 * is *ret_factor times a / x. */
VM_RARE double vm_gammainc_of(double a, double x, bool upper, double *ret_factor) {
        double other;

        if (!(a >= 0.0) || !(x >= 0.0))
                return VM_NAN;
        if (a == 0.0 || x == 0.0 || a == VM_INF || x == VM_INF) {
                const bool all = x == VM_INF ? a < VM_INF : a == 0.0 && x > 0.0;

                if ((a == 0.0 && x == 0.0) || (a == VM_INF && x == VM_INF))
                        return VM_NAN;
                return all != upper;
        }
        *ret_factor = vm_gamma_factor(a, x);
        if (a >= 1e6)
                return vm_gamma_uniform(a, x, upper);
        if (x > 1.1 && x > a) {
                other = vm_gamma_fraction(a, x, *ret_factor);
                return upper ? other : 1.0 - other;
        }
        if (upper && a < 1.1 && x < 1.1 && x * 1.1 > a) { /* 1 - x^a / gamma(a + 1) (1 + a sum), term by term */
                const double log = a * vm_log(x) - (a < 0.5 ? a * VM_POLYNOMIAL(a, vm_lgamma_near_two) - vm_log1p(a)
                                                            : vm_lgamma_positive(a + 1.0));
                double sum = 0.0, term = 1.0;

                for (int n = 1; n < 40; n++) {
                        term *= -x / n;
                        sum += term / (a + n);
                }
                return -vm_expm1(log) - vm_exp(log) * a * sum;
        }
        other = vm_gamma_series(a, x, *ret_factor);
        other = other > 1.0 ? 1.0 : other;
        return upper ? 1.0 - other : other;
}

VM_RARE double vm_gammainc(double a, double x, bool upper) {
        double factor;

        return vm_gammainc_of(a, x, upper, &factor);
}

/* Inside of an interval, x's next neighbour where a growing function of x is to have the value p. It has the value
 * `value` here and a derivative of `slope`, which has the logarithmic derivative `curve`. Far from p its logarithm
 * is straighter. */
typedef struct VmInterval {
        double low, high;
        bool halved; /* the last step was none of Halley's */
} VmInterval;

VM_RARE double vm_step(VmInterval *in, double x, double error, double value, double p, double slope, double curve) {
        const bool far = !(vm_abs(value - p) < 0.25 * p) && value > 0.0;
        const double newton =
                far ? (error < 0.0 ? -1.0 : 1.0) * vm_abs(value * vm_log(value / p)) / slope : error / slope;
        const double bend = newton * curve, next = x - newton / (1.0 - (far || vm_abs(bend) > 1.0 ? 0.0 : 0.5 * bend));
        bool inside;

        if (error > 0.0)
                in->high = x;
        else
                in->low = x;
        inside     = next >= in->low && next <= in->high && next < 4.0 * x && next > 0.25 * x;
        in->halved = far || !inside;
        if (inside)
                return next;
        if (in->high == VM_INF)
                return 2.0 * x;
        if (in->low == 0.0)
                return in->high * 0x1p-4;
        return in->high > 4.0 * in->low ? sqrt(in->low) * sqrt(in->high) : 0.5 * (in->low + in->high);
}

/* A step that is small beside x, and beside what is left of the function on either side, is one of Halley's: what
 * it leaves is the third power. */
VM_INLINE bool vm_arrived(VmInterval in, double x, double next, double value, double error) {
        const double left = value < 0.5 ? value : 1.0 - value;

        return vm_abs(next - x) <= x * VM_EPS || (in.high < VM_INF && in.high - in.low <= in.high * VM_EPS) ||
               (!in.halved && vm_abs(next - x) <= x * VM_CUBE_ROOT && vm_abs(error) <= left * VM_CUBE_ROOT);
}

/* x of P(a, x) = p, or of Q(a, x) = p. */
VM_RARE double vm_gammaincinv(double a, double p, bool upper) {
        VmInterval in = { 0.0, VM_INF, false };
        double x, z, cube;

        if (a >= 0.0 && (p == 0.0 || p == 1.0))
                return (p == 0.0) == upper ? VM_INF : 0.0;
        if (!(a > 0.0) || !(a < VM_INF) || !(p >= 0.0) || !(p <= 1.0))
                return VM_NAN;
        z    = 1.4142135623730951 * vm_erfcinv(2.0 * (p > 1e-300 ? p : 1e-300)) * (upper ? 1.0 : -1.0);
        cube = 1.0 - 1.0 / (9.0 * a) + z / (3.0 * sqrt(a)); /* Wilson and Hilferty */
        x    = a * cube * cube * cube;
        if (!(cube > 0.1) || a < 0.5) /* the first term of the series */
                x = vm_exp(((upper ? vm_log1p(-p) : vm_log(p)) + vm_lgamma(a + 1.0)) / a);
        if (!(x > 0x1p-1000) || !(x < 0x1p1000))
                x = x > 1.0 ? 700.0 + a : 0x1p-1000;
        for (int k = 0; k < VM_STEPS_MOST; k++) {
                double factor      = 0.0, next;
                const double value = vm_gammainc_of(a, x, upper, &factor), error = upper ? p - value : value - p;

                if (error == 0.0 || value != value)
                        return value == p ? x : VM_NAN;
                next = vm_step(&in, x, error, value, p, factor * a / x, (a - 1.0) / x - 1.0);
                if (vm_arrived(in, x, next, value, error))
                        return next;
                x = next;
        }
        return x;
}

/* ---- The incomplete beta function -------------------------------------------------------------------------------- */

/* x^a (1 - x)^b / B(a, b), with y = 1 - x. */
VM_RARE double vm_beta_factor(double a, double b, double x, double y) {
        const double n = a + b;

        if (a < 8.0 || b < 8.0) {
                const double log_y = x < 0.5 ? vm_log1p(-x) : vm_log(y), log_x = x < 0.5 ? vm_log(x) : vm_log1p(-y);

                if (n < 100.0 && a * log_x > -600.0 && b * log_y > -600.0)
                        return vm_pow(x, a) * vm_exp(b * log_y) / vm_beta(a, b);
                return vm_exp(a * log_x + b * log_y - vm_lbeta(a, b));
        }
        return sqrt(a * (b / n) / (2.0 * VM_PI)) *
               vm_exp(vm_stirling_series(n) - vm_stirling_series(a) - vm_stirling_series(b) - vm_deviance(a, n * x) -
                      vm_deviance(b, n * y));
}

VM_RARE double vm_beta_fraction(double a, double b, double x) {
        VmConvergents of = { 1.0, 1.0, 1.0 - (a + b) * x / (a + 1.0), 1.0 };
        double h         = 1.0;

        for (int m = 1; m < VM_TERMS_MOST; m += VM_STEPS / 2) {
                for (int k = m; k < m + VM_STEPS / 2; k++) {
                        const double at = a + 2 * k, by = x / at;

                        vm_converge(&of, k * (b - k) * by / (at - 1.0), 1.0);
                        vm_converge(&of, -(a + k) * (a + b + k) * by / (at + 1.0), 1.0);
                }
                if (vm_converged(&of, &h))
                        return h;
        }
        return VM_NAN;
}

/* I_x(a, b), or its complement; y = 1 - x. Its derivative is *ret_factor / (x y). */
VM_RARE double vm_betainc_of(double a, double b, double x, double y, bool complement, double *ret_factor) {
        const bool swap = x > (a + 1.0) / (a + b + 2.0);
        double part;

        if (x <= 0.0 || y <= 0.0)
                return (x <= 0.0) == complement;
        *ret_factor = part = vm_beta_factor(a, b, x, y);
        part = swap ? part * vm_beta_fraction(b, a, y) / b : part * vm_beta_fraction(a, b, x) / a;
        return swap == complement ? part : 1.0 - part;
}

VM_RARE double vm_betainc(double a, double b, double x) {
        double factor;

        if (!(a >= 0.0) || !(b >= 0.0) || !(a + b < VM_INF) || !(x >= 0.0) || !(x <= 1.0) || a + b == 0.0)
                return VM_NAN;
        if (a == 0.0 || b == 0.0)
                return a == 0.0 ? x > 0.0 : x >= 1.0;
        return vm_betainc_of(a, b, x, 1.0 - x, false, &factor);
}

/* x of I_x(a, b) = p. Near one its distance from one is found, and taken from it. */
VM_RARE double vm_betaincinv(double a, double b, double p) {
        VmInterval in = { 0.0, 0.5, false };
        bool swap;
        double x;

        if (!(a > 0.0) || !(b > 0.0) || !(a + b < VM_INF) || !(p >= 0.0) || !(p <= 1.0))
                return VM_NAN;
        if (p == 0.0 || p == 1.0)
                return p;
        swap = vm_betainc(a, b, 0.5) < p;
        if (swap) {
                const double t = a;

                a = b;
                b = t;
        }
        if (a > 1.0 && b > 1.0 && p > 1e-300) { /* as a normal deviate (Abramowitz and Stegun 26.5.22) */
                const double z    = 1.4142135623730951 * vm_erfcinv(2.0 * p) * (swap ? -1.0 : 1.0),
                             by_a = 1.0 / (2.0 * a - 1.0);
                const double by_b = 1.0 / (2.0 * b - 1.0), h = 2.0 / (by_a + by_b), third = (z * z - 3.0) / 6.0;
                const double w = z * sqrt(h + third > 0.0 ? h + third : 0.0) / h -
                                 (by_b - by_a) * (third + 5.0 / 6.0 - 2.0 / (3.0 * h));

                x = a / (a + b * vm_exp(2.0 * w));
        } else /* the series' first term */
                x = vm_exp(((swap ? vm_log1p(-p) : vm_log(p)) + vm_log(a) + vm_lbeta(a, b)) / a);
        if (!(x > 0x1p-1000) || !(x < 0.5))
                x = x > 0.25 ? 0.25 : 0x1p-1000;
        for (int k = 0; k < VM_STEPS_MOST; k++) {
                double factor      = 0.0, next;
                const double value = vm_betainc_of(a, b, x, 1.0 - x, swap, &factor);
                const double error = swap ? p - value : value - p;

                if (value != value)
                        return VM_NAN;
                if (error == 0.0)
                        break;
                next = vm_step(&in, x, error, value, p, factor / (x * (1.0 - x)),
                               (a - 1.0) / x - (b - 1.0) / (1.0 - x));
                if (vm_arrived(in, x, next, value, error)) {
                        x = next;
                        break;
                }
                x = next;
        }
        return swap ? 1.0 - x : x;
}
