/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Hypergeometric series, and Kummer's confluent functions M = 1F1 and U of real numbers.
 *
 * A series in doubles says what its rounding may have cost (the sum of its terms' errors). Where that is too much, it
 * is summed again in numbers of limbs (math-big.h), with as many as its terms cancel: parameters, their differences
 * and the argument are exact there. M is its power series, of z or by Kummer's transformation of -z, or its asymptotic
 * series where that ends. U of a > 0 is the trapezoidal rule of its integral (DLMF 13.4.4), whose terms are positive,
 * over t = e^(u - e^-u), along which it falls doubly exponentially; the error falls as fast with the step. Kummer's
 * transformation (13.2.40) makes it of a <= 0 < a - b + 1; for others, U is the recurrence in b (13.3.10), along which
 * it grows, from there. */
#include "ops/math-big.h"
#include "ops/math-gamma.h"

enum {
        VM_SERIES_TERMS  = 400,
        VM_BIG_WORK      = 2000000, /* products of limbs: hundredths of a second */
        VM_NODES_LEAST   = 16,      /* of a trapezoidal rule */
        VM_NODES_MOST    = 1 << 14,
        VM_NODES_AT_ONCE = 8,
        VM_RECURRED_MOST = 100000,
};
#define VM_SERIES_ERROR 0x1p-46 /* that a sum in doubles may have, if all errors had one sign */
#define VM_PARAMETER_MOST 0x1p40
#define VM_ARGUMENT_MOST 0x1p17 /* of a power series: the terms are more than it is large */

VM_INLINE bool vm_is_whole(double x) {
        return floor(x) == x;
}

/* Zero, or a whole number below. */
VM_INLINE bool vm_is_pole(double x) {
        return x <= 0.0 && vm_is_whole(x);
}

/* ---- Series ----------------------------------------------------------------------------------------------------- */

/* The sum of (up[0])_k (up[1])_k / (down)_k (z / over)^k / k!; up[1] and down may be missing. */
typedef struct VmSeries {
        int n_up, n_down;
        double up[2], down, z;
        double z_error; /* roundings that z has, or as much that parameters have */
} VmSeries;
typedef struct VmBigSeries {
        VmSeries about; /* in doubles, more or less */
        VmBig up[2], down, z, over;
} VmBigSeries;

/* What no quotient of terms exceeds from the k-th on, if there is a down and two ups or one; the k-th, otherwise. */
VM_RARE double vm_series_bound(const VmSeries *s, double k) {
        const double first = (vm_abs(s->up[0]) + k) / (k + 1.0);
        double ratio       = vm_abs(s->z) * (first > 1.0 ? first : 1.0);

        if (s->n_up == 2 && s->n_down == 1) {
                const double second = (vm_abs(s->up[1]) + k) / (s->down + k);

                ratio *= second > 1.0 ? second : 1.0;
        } else
                ratio *= s->n_up == 2 ? vm_abs(s->up[1]) + k : 1.0 / (s->down + k);
        return s->n_down == 1 && s->down + k <= 0.0 ? VM_INF : ratio;
}

/* True if the sum is as good as doubles are. A term has some eight roundings for each before it. They do not know of
 * each other: their sum grows as the root of their number, of which three to four times are more than it ever is. The
 * sum of |term| sqrt(k) is no more than the root of those of |term| and of |term| k. */
VM_RARE bool vm_series(const VmSeries *s, double *ret) {
        const double first = s->up[0], second = s->n_up == 2 ? s->up[1] : 1.0, down = s->n_down == 1 ? s->down : 1.0;
        const double z = s->z, by_k = s->n_up == 2 ? 1.0 : 0.0, over_k = s->n_down == 1 ? 1.0 : 0.0;
        double sum = 1.0, term = 1.0, rest = 0.0, size = 0.0, late = 0.0; /* rest: what the roundings of the sum took */

        for (int k = 0; k < VM_SERIES_TERMS; k++) {
                const double n = k, more = n + 1.0, before = sum;
                double change;

                term *= (first + n) * (second + by_k * n) * z / ((down + over_k * n) * more);
                sum    = before + term;
                change = sum - before;
                rest += (before - (sum - change)) + (term - change);
                size += vm_abs(term);
                late += vm_abs(term) * more;
                if (vm_abs(term) < 0x1p-58 * vm_abs(sum)) {
                        const double bound = vm_series_bound(s, more);

                        if (term == 0.0 || (bound < 1.0 && vm_abs(term) < 0x1p-56 * vm_abs(sum) * (1.0 - bound))) {
                                *ret = sum + rest;
                                return 0x1p-53 * (8.0 * sqrt(size * late) + s->z_error * late) <=
                                       VM_SERIES_ERROR * vm_abs(sum);
                        }
                }
        }
        return false;
}

/* One pass with so many limbs. False if it is not done in time. */
VM_RARE bool vm_big_series_pass(const VmBigSeries *s, int limbs, VmBig *ret_sum, int64_t *ret_top, int64_t *work) {
        VmBig up[2] = { s->up[0], s->up[1] }, down = s->down, one, count, term, factor, divisor;

        vm_big_of(&one, 1.0);
        count = term = *ret_sum = one;
        *ret_top                = vm_big_top(&one);
        for (double k = 0.0; *work < VM_BIG_WORK; k += 1.0) {
                factor  = up[0];
                divisor = count;
                if (s->about.n_up == 2)
                        vm_big_mul(&factor, &factor, &up[1], limbs);
                vm_big_mul(&factor, &factor, &s->z, limbs);
                if (s->about.n_down == 1)
                        vm_big_mul(&divisor, &divisor, &down, limbs);
                vm_big_mul(&divisor, &divisor, &s->over, limbs);
                vm_big_mul(&term, &term, &factor, limbs);
                if (term.sign == 0)
                        return true;
                if (divisor.sign == 0)
                        return false;
                vm_big_div(&term, &term, &divisor, limbs);
                vm_big_add(ret_sum, ret_sum, &term, limbs + 1);
                if (vm_big_top(&term) > *ret_top)
                        *ret_top = vm_big_top(&term);
                if (vm_big_top(&term) < *ret_top - limbs && vm_big_top(&term) < vm_big_top(ret_sum) - 3) {
                        const double bound = vm_series_bound(&s->about, k + 1.0);

                        if (bound < 1.0 - 0x1p-20)
                                return true;
                }
                *work += limbs * (factor.n + divisor.n + 8);
                for (int i = 0; i < s->about.n_up; i++)
                        vm_big_add(&up[i], &up[i], &one, limbs);
                vm_big_add(&down, &down, &one, limbs);
                vm_big_add(&count, &count, &one, limbs);
        }
        return false;
}

/* The sum to the last bit of a double, or false. */
VM_RARE bool vm_big_series(const VmBigSeries *s, VmScaled *ret) {
        int64_t top, work = 0;
        VmBig sum;

        for (int limbs = VM_BIG_LEAST; limbs < VM_BIG_MOST;) {
                int64_t lost;

                if (!vm_big_series_pass(s, limbs, &sum, &top, &work))
                        return false;
                lost = sum.sign == 0 ? limbs : top - vm_big_top(&sum);
                if (lost <= limbs - 4) {
                        *ret = vm_big_scaled(&sum);
                        return true;
                }
                if (limbs > 3 * top + 16) { /* what doubles cannot tell from zero in twice as many digits */
                        *ret = vm_scaled(0.0, 0);
                        return true;
                }
                limbs = lost < limbs - 1 ? (int) lost + 4 : 2 * limbs;
        }
        return false;
}

/* ---- M ---------------------------------------------------------------------------------------------------------- */

/* What rounding took from d = b - a (Knuth). */
VM_INLINE double vm_difference_rest(double b, double a, double d) {
        const double back = b - d;

        return (b - (d + back)) + (back - a);
}

/* Whether the factors b - a, b - a + 1, … lose nothing by that: none of them is all but zero. */
VM_RARE bool vm_difference_is_sound(double b, double a) {
        const double d = b - a, rest = vm_difference_rest(b, a, d);

        return d > 0.5 || vm_abs(rest) <= 0x1p-51 * vm_abs(d - rint(d));
}

/* The power series of M(a, b, z), of M(b - a, b, z) if `turned`, in doubles or limbs. */
VM_RARE bool vm_kummer_series(double a, double b, double z, bool turned, bool limbs, VmScaled *ret) {
        VmBigSeries s = {
                .about = { .n_up = 1, .n_down = 1, .up = { turned ? b - a : a }, .down = b, .z = z, .z_error = turned }
        };
        double sum;

        if (!limbs) {
                if ((turned && !vm_difference_is_sound(b, a)) || !vm_series(&s.about, &sum))
                        return false;
                *ret = vm_scaled(sum, 0);
                return true;
        }
        vm_big_of(&s.down, b);
        vm_big_of(&s.up[0], turned ? -a : a);
        if (turned)
                vm_big_add(&s.up[0], &s.up[0], &s.down, VM_BIG_MOST);
        vm_big_of(&s.z, z);
        vm_big_of(&s.over, 1.0);
        return vm_big_series(&s, ret);
}

VM_INLINE bool vm_gamma_is_ordinary(double x) {
        return vm_abs(x) < 168.0;
}

/* gamma(a) / gamma(b). */
VM_RARE VmScaled vm_gamma_quotient(double a, double b) {
        if (vm_gamma_is_ordinary(a) && vm_gamma_is_ordinary(b))
                return vm_scaled_times(vm_scaled(vm_gamma(a), 0), vm_scaled(vm_rgamma(b), 0));
        if (vm_is_pole(b))
                return vm_scaled(0.0, 0);
        return vm_scaled_times(vm_scaled(vm_gamma_sign(a) * vm_gamma_sign(b), 0),
                               vm_scaled_exp(vm_lgamma(a) - vm_lgamma(b)));
}

/* The asymptotic series of M(a, b, z) for z above zero (DLMF 13.7.1), without e^z: of M(b - a, b, z), if `turned`. */
VM_RARE bool vm_kummer_far(double a, double b, double z, bool turned, VmScaled *ret) {
        const double at = turned ? b - a : a, other = turned ? a : b - a;
        const VmSeries s  = { .n_up = 2, .up = { 1.0 - at, other }, .z = 1.0 / z, .z_error = 1.0 };
        const double rest = vm_difference_rest(b, a, b - a);
        double sum;

        /* The other part of M, which is smaller by e^-z, and factors whose logarithms would cost digits. */
        if (z < 30.0 || !vm_gamma_is_ordinary(at) || !vm_gamma_is_ordinary(b) || vm_is_pole(at) ||
            !(vm_lgamma(at) - vm_lgamma(other) - z + (b - 2.0 * at) * vm_log(z) < -42.0) || !vm_series(&s, &sum))
                return false;
        *ret = vm_scaled_times(vm_scaled(vm_gamma(b), 0), vm_scaled(vm_rgamma(at), 0));
        *ret = vm_scaled_times(vm_scaled_times(*ret, vm_scaled(sum, 0)), vm_scaled_pow(z, -other));
        /* b - a was rounded: of z^(a - b), or of 1 / gamma(b - a), which may be next to a zero */
        ret->m *= turned ? (at > 0.5 ? 1.0 : 1.0 + rest / (at - rint(at))) : 1.0 - rest * vm_log(z);
        return true;
}

VM_RARE double vm_hyp1f1_of_infinity(double a, double b, double z) {
        const double c = b - a;

        if (a == 0.0)
                return 1.0;
        if (z > 0.0) {
                if (!vm_is_pole(a))
                        return vm_gamma_sign(a) * vm_gamma_sign(b) * VM_INF;
        } else if (a > 0.0 || vm_is_pole(c))
                return 0.0;
        else if (!vm_is_pole(a))
                return vm_gamma_sign(b) * vm_gamma_sign(c) * VM_INF;
        /* (a)_n / (b)_n z^n of n = -a */
        return (floor(0.5 * a) * 2.0 == a || z < 0.0 ? 1.0 : -1.0) * vm_gamma_sign(b) * vm_gamma_sign(c) *
               (vm_is_pole(b) ? VM_NAN : VM_INF);
}

VM_RARE double vm_hyp1f1(double a, double b, double z) {
        const double size = vm_abs(z);
        bool turned;
        VmScaled y;

        if (a != a || b != b || z != z || vm_abs(a) == VM_INF)
                return VM_NAN;
        if (vm_abs(b) == VM_INF)
                return size == VM_INF ? VM_NAN : 1.0;
        if (vm_is_pole(b) && !(vm_is_pole(a) && a >= b && a < 0.0))
                return VM_INF;
        if (size == VM_INF)
                return vm_hyp1f1_of_infinity(a, b, z);
        if (z == 0.0 || a == 0.0)
                return 1.0;
        if (vm_is_pole(b)) /* the sum ends before its terms do not exist */
                return vm_kummer_series(a, b, z, false, false, &y) || vm_kummer_series(a, b, z, false, true, &y)
                               ? vm_scaled_double(y)
                               : VM_NAN;
        if (a == b)
                return vm_exp(z);
        if (vm_abs(a) > VM_PARAMETER_MOST || vm_abs(b) > VM_PARAMETER_MOST)
                return vm_kummer_series(a, b, z, false, false, &y) ? vm_scaled_double(y) : VM_NAN;
        if (!vm_is_pole(a) && !vm_is_pole(b - a) && vm_kummer_far(a, b, size, z < 0.0, &y)) {
                if (z > 0.0)
                        y = vm_scaled_times(y, size < VM_PARAMETER_MOST ? vm_scaled_exp(z) : vm_scaled(VM_INF, 0));
                return vm_scaled_double(y);
        }
        if (vm_kummer_series(a, b, z, false, false, &y))
                return vm_scaled_double(y);
        if (size > VM_ARGUMENT_MOST)
                return vm_is_pole(a) && vm_kummer_series(a, b, z, false, true, &y) ? vm_scaled_double(y) : VM_NAN;
        if (vm_kummer_series(a, b, -z, true, false, &y))
                return vm_scaled_double(vm_scaled_times(vm_scaled_exp(z), y));
        turned = vm_is_pole(b - a) || (z < 0.0 && !vm_is_pole(a));
        if (!vm_kummer_series(a, b, turned ? -z : z, turned, true, &y))
                return VM_NAN;
        return vm_scaled_double(turned ? vm_scaled_times(vm_scaled_exp(z), y) : y);
}

/* ---- U ---------------------------------------------------------------------------------------------------------- */

/* An integrand over t, where t = e^(u - e^-u). All heights are those above a place of few digits, `peak`: 1 + peak is
 * exact, and what is raised to large powers is a quotient next to one. */
typedef struct VmTricomi {
        double a, x, power; /* t^a (1 + t)^power e^(-x t) */
        double peak, log_peak;
        double height; /* of (1 + peak)^power e^(-x peak): its logarithm, more or less */
        bool less;     /* (1 + t)^power e^(-x t) less e^-t, with which a may be below zero */
} VmTricomi;

VM_INLINE double vm_tricomi_term(const VmTricomi *of, double u) {
        const double e = vm_exp(-u), log = u - e, t = vm_exp(log), d = t - of->peak, more = d / (1.0 + of->peak);
        const double near = vm_log1p(more > -0.5 ? more : 0.0), far = vm_log((1.0 + t) / (1.0 + of->peak));
        const double height = of->power * (more > -0.5 ? near : far) - of->x * d;
        const double y      = (1.0 + e) * vm_exp(of->a * (log - of->log_peak) + height);

        return ((log > -1e300) & (t < VM_INF)) ? y : 0.0;
}

/* Of `less`. */
VM_RARE double vm_tricomi_rest(const VmTricomi *of, double u) {
        const double e = vm_exp(-u), log = u - e, t = vm_exp(log), d = t - of->peak, more = d / (1.0 + of->peak);
        const double grown  = more > -0.5 ? vm_log1p(more) : vm_log((1.0 + t) / (1.0 + of->peak));
        const double height = of->power * grown - of->x * d;
        double h;

        if (!(log > -1e300) || t == VM_INF)
                return 0.0;
        h = (1.0 - of->x) * t + of->power * vm_log1p(t);
        h = vm_abs(h) < 1.0 ? vm_exp(-t - of->height) * vm_expm1(h) : vm_exp(height) - vm_exp(-t - of->height);
        h = t < 0x1p-900 ? vm_exp(-of->height) * (1.0 - of->x + of->power) : h / t;
        return (1.0 + e) * vm_exp((of->a + 1.0) * log) * h;
}

/* The sum of n terms, from low on. */
VM_RARE double vm_tricomi_sum(const VmTricomi *of, double low, double step, int n) {
        double sum = 0.0;

        for (int k = 0; k < n; k += VM_NODES_AT_ONCE) {
                double term[VM_NODES_AT_ONCE];

                if (of->less)
                        for (int i = 0; i < VM_NODES_AT_ONCE; i++)
                                term[i] = vm_tricomi_rest(of, low + (k + i) * step);
                else
                        for (int i = 0; i < VM_NODES_AT_ONCE; i++) /* vector code */
                                term[i] = vm_tricomi_term(of, low + (k + i) * step);
                for (int i = 0; i < VM_NODES_AT_ONCE && k + i < n; i++)
                        sum += term[i];
        }
        return sum;
}

/* How far from u, at least `first`, terms are above `least`. */
VM_RARE double vm_tricomi_reach(const VmTricomi *of, double u, double side, double first, double least) {
        for (;;) {
                double reach[VM_NODES_AT_ONCE], term[VM_NODES_AT_ONCE];

                for (int i = 0; i < VM_NODES_AT_ONCE; i++, first *= 1.25)
                        reach[i] = first;
                for (int i = 0; i < VM_NODES_AT_ONCE; i++) /* vector code */
                        term[i] = vm_tricomi_term(of, u + side * reach[i]);
                for (int i = 0; i < VM_NODES_AT_ONCE; i++)
                        if (!(term[i] > least))
                                return reach[i];
        }
}

/* The trapezoidal rule from low to high, outside of which there is nothing, of what is not narrower than `width`. What
 * it is added to is at least `least`. */
VM_RARE bool vm_tricomi_rule(const VmTricomi *of, double low, double high, double width, double least, double *ret) {
        double step = (high - low) / VM_NODES_LEAST, sum = vm_tricomi_sum(of, low, step, VM_NODES_LEAST + 1);

        for (int n = VM_NODES_LEAST; n < VM_NODES_MOST; n *= 2) {
                const double before = sum * step;

                sum += vm_tricomi_sum(of, low + 0.5 * step, step, n);
                step *= 0.5;
                *ret = sum * step;
                if (step < width && vm_abs(*ret - before) <= 0x1p-40 * (least + vm_abs(before)))
                        return true;
        }
        return false;
}

/* (1 + peak)^power e^(-x peak). */
VM_RARE VmScaled vm_tricomi_scale(const VmTricomi *of) {
        const double product = of->x * of->peak, rest = vm_product_rest(of->x, of->peak, product);
        const VmScaled fall = vm_scaled_times(vm_scaled_exp(-product), vm_scaled(1.0 - rest, 0));

        if (of->peak > 0x1p-20)
                return vm_scaled_times(fall, vm_scaled_pow(1.0 + of->peak, of->power));
        return vm_scaled_times(fall, vm_scaled_exp(of->power * vm_log1p(of->peak)));
}

VM_INLINE double vm_of_few_digits(double t) {
        return t > 0x1p-20 ? vm_upper(t + 1.0) - 1.0 : vm_upper(t);
}

/* U of a > 0, x > 0. */
VM_RARE bool vm_tricomi_integral(double a, double b, double x, VmScaled *ret) {
        const double p = b - 1.0 - x, root = sqrt(p * p + 4.0 * a * x);
        const double t = p > 0.0 ? (p + root) / (2.0 * x) : 2.0 * a / (root - p);
        VmTricomi of   = { .a = a, .x = x, .power = b - a - 1.0 };
        double low = 1e-3, high = 1e-3, u, largest, sum;

        if (!(t < 0x1p1000))
                return false;
        of.peak     = vm_of_few_digits(t < 0x1p-100 ? 0x1p-100 : t);
        of.log_peak = vm_log(of.peak);
        /* u - e^-u is log t; the highest term is there or before, where the weight makes it. */
        u = of.log_peak > 0.0 ? of.log_peak : -vm_log1p(-of.log_peak);
        for (int k = 0; k < 20; k++) {
                const double e = vm_exp(-u), step = (u - e - of.log_peak) / (1.0 + e);

                u -= step;
                if (vm_abs(step) < 0x1p-20)
                        break;
        }
        largest = vm_tricomi_term(&of, u);
        for (double step = 1.0; step > 0.1; step *= 0.5)
                for (double next; (next = vm_tricomi_term(&of, u - step)) > largest; largest = next)
                        u -= step;
        low  = vm_tricomi_reach(&of, u, -1.0, low, 0x1p-62 * largest);
        high = vm_tricomi_reach(&of, u, 1.0, high, 0x1p-62 * largest);
        if (!vm_tricomi_rule(&of, u - low, u + high, 1.0, 0.0, &sum))
                return false;
        *ret = vm_scaled_times(vm_scaled(sum, 0), vm_tricomi_scale(&of));
        if (a < 168.0)
                *ret = vm_scaled_times(vm_scaled_times(*ret, vm_scaled(vm_rgamma(a), 0)), vm_scaled_pow(of.peak, a));
        else {
                *ret = vm_scaled_times(*ret, vm_scaled_pow(of.peak * 2.718281828459045 / a, a));
                *ret = vm_scaled_times(*ret, vm_scaled(sqrt(a / (2.0 * VM_PI)) * vm_exp(-vm_stirling_series(a)), 0));
        }
        return true;
}

/* U of -1 < a < 1, x > 0: as much as 1, which is U of a = b - 1 and x = 1, and what the integral has beyond that. */
VM_RARE bool vm_tricomi_less(double a, double b, double x, VmScaled *ret) {
        VmTricomi of   = { .a = a, .x = x, .power = b - a - 1.0, .less = true };
        const double t = of.power / x - 1.0, few = 45.0 / (a + 1.0);
        double high, low, sum;
        VmScaled scale;

        if (!(t < 0x1p1000))
                return false;
        of.peak   = t > 0.0 ? vm_of_few_digits(t) : 0.0;
        of.height = of.power * vm_log1p(of.peak) - x * of.peak;
        high      = 50.0 + of.peak;
        while (of.power * vm_log1p(high) - x * high > of.height - 50.0)
                high *= 1.25;
        low = -vm_log(few + vm_log1p(vm_abs(of.power) + x) / (a + 1.0));
        if (!vm_tricomi_rule(&of, low, vm_log(high) + 1.0, 0.5 / sqrt(1.0 + vm_abs(of.power)), vm_exp(-of.height),
                             &sum))
                return false;
        scale = vm_scaled_times(vm_tricomi_scale(&of), vm_scaled(vm_rgamma(a), 0));
        *ret  = vm_scaled_plus(vm_scaled(1.0, 0), vm_scaled_times(vm_scaled(sum, 0), scale));
        return true;
}

/* x^-a times a series of -1 / x (DLMF 13.7.3), where that ends. */
VM_RARE bool vm_tricomi_far(double a, double b, double x, VmScaled *ret) {
        const VmSeries s = { .n_up = 2, .up = { a, a - b + 1.0 }, .z = -1.0 / x };
        double sum;

        if (!vm_series(&s, &sum))
                return false;
        *ret = vm_scaled_times(vm_scaled_pow(x, -a), vm_scaled(sum, 0));
        return true;
}

/* U where a or a - b + 1 is above zero. */
VM_RARE bool vm_tricomi_positive(double a, double b, double x, VmScaled *ret) {
        if (vm_tricomi_far(a, b, x, ret))
                return true;
        if (a > 0.0)
                return vm_tricomi_integral(a, b, x, ret);
        if (!vm_tricomi_integral(a - b + 1.0, 2.0 - b, x, ret))
                return false;
        *ret = vm_scaled_times(vm_scaled_pow(x, 1.0 - b), *ret);
        return true;
}

/* f y + g z. */
VM_INLINE VmScaled vm_scaled_sum(double f, VmScaled y, double g, VmScaled z) {
        return vm_scaled_plus(vm_scaled_times(vm_scaled(f, 0), y), vm_scaled_times(vm_scaled(g, 0), z));
}

VM_RARE bool vm_tricomi(double a, double b, double x, VmScaled *ret);

/* U of a < 0 and b from 0 to 2, from a between -1 and 0 down. */
VM_RARE bool vm_tricomi_down(double a, double b, double x, VmScaled *ret) {
        const double steps = ceil(-a) - 1.0;
        VmScaled above, y;

        if (!vm_tricomi(a + steps, b, x, &y) || !vm_tricomi(a + steps + 1.0, b, x, &above))
                return false;
        for (double k = steps; k > 0.0; k -= 1.0) {
                const double at      = a + k;
                const VmScaled below = vm_scaled_sum(2.0 * at - b + x, y, -at * (at - b + 1.0), above);

                above = y;
                y     = below;
        }
        *ret = y;
        return true;
}

/* U(-n, b, x) = (-1)^n (b)_n M(-n, b, x). */
VM_RARE bool vm_tricomi_polynomial(double a, double b, double x, VmScaled *ret) {
        VmScaled factor = vm_scaled(1.0, 0);

        if (!vm_kummer_series(a, b, x, false, false, ret) && !vm_kummer_series(a, b, x, false, true, ret))
                return false;
        for (double k = 0.0; k < -a; k += 1.0)
                factor = vm_scaled_times(factor, vm_scaled(-(b + k), 0));
        *ret = vm_scaled_times(*ret, factor);
        return true;
}

/* U of b >= 1, a < 0, a - b + 1 < 0. */
VM_RARE bool vm_tricomi_negative(double a, double b, double x, VmScaled *ret) {
        const double steps = floor(b); /* b less these is from 0 to 1 */
        VmScaled y, below;

        if (-a + steps > VM_RECURRED_MOST)
                return false;
        if (vm_is_pole(a) && vm_tricomi_polynomial(a, b, x, ret))
                return true;
        if (vm_is_pole(a - b + 1.0) && vm_tricomi_polynomial(a - b + 1.0, 2.0 - b, x, ret)) {
                *ret = vm_scaled_times(vm_scaled_pow(x, 1.0 - b), *ret);
                return true;
        }
        if (!vm_tricomi_down(a, b - steps, x, &below) || !vm_tricomi_down(a, b - steps + 1.0, x, &y))
                return false;
        for (double k = steps - 1.0; k > 0.0; k -= 1.0) {
                const double at      = b - k;
                const VmScaled above = vm_scaled_sum((at + x - 1.0) / x, y, (a + 1.0 - at) / x, below);

                below = y;
                y     = above;
        }
        *ret = y;
        return true;
}

VM_RARE bool vm_tricomi(double a, double b, double x, VmScaled *ret) {
        if (vm_tricomi_far(a, b, x, ret))
                return true;
        if (a > -1.0 && a < 0.125)
                return vm_tricomi_less(a, b, x, ret);
        if (a > 0.0 || a - b + 1.0 > 0.0)
                return vm_tricomi_positive(a, b, x, ret);
        if (b >= 1.0)
                return vm_tricomi_negative(a, b, x, ret);
        if (!vm_tricomi_negative(a - b + 1.0, 2.0 - b, x, ret))
                return false;
        *ret = vm_scaled_times(vm_scaled_pow(x, 1.0 - b), *ret);
        return true;
}

VM_RARE double vm_hyperu(double a, double b, double x) {
        VmScaled y;

        if (a != a || b != b || x != x || x < 0.0 || vm_abs(a) > VM_PARAMETER_MOST || vm_abs(b) > VM_PARAMETER_MOST)
                return VM_NAN;
        if (a == 0.0)
                return 1.0;
        if (x == VM_INF)
                return a > 0.0 ? 0.0 : VM_INF;
        if (x == 0.0) {
                if (b < 1.0)
                        return vm_scaled_double(vm_gamma_quotient(1.0 - b, a - b + 1.0));
                if (!vm_is_pole(a))
                        return vm_gamma_sign(a) * VM_INF;
                return (floor(0.5 * a) * 2.0 == a ? 1.0 : -1.0) * vm_scaled_double(vm_gamma_quotient(b - a, b));
        }
        return vm_tricomi(a, b, x, &y) ? vm_scaled_double(y) : VM_NAN;
}
