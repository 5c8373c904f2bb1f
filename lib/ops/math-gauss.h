/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Gauss's hypergeometric function F = 2F1 of real numbers.
 *
 * What is below zero is brought between 0 and 1 by Pfaff's transformation. There F is its power series, in doubles or,
 * where they cancel, in limbs; next to 1 the two series around 1 (DLMF 15.8.4), where neither their parameters nor
 * their sum lose digits; and otherwise the differential equation, followed in limbs from 1/2 to 1 by Taylor's series,
 * each of which halves what is left: it has no special cases. */
#include "ops/math-hyper.h"
#include "ops/math-incomplete.h"

enum {
        VM_GAUSS_TERMS     = 2000,
        VM_GAUSS_LEAST     = 9, /* limbs that are tried, 3/2 as many, and so on */
        VM_GAUSS_MOST      = 40,
        VM_GAUSS_HALVINGS  = 60, /* next to 1: 2^-60 */
        VM_GAUSS_PARAMETER = 1000,
};
#define VM_GAUSS_NEAR 0.9
#define VM_GAUSS_FAST 0.125 /* below, the power series has few terms */

/* F(a, b; c; w), 0 < w < 1; in doubles and, of the parameters, in limbs. */
typedef struct VmGauss {
        double a, b, c, c_a, c_b, s; /* c_a is c - a, s is c - a - b */
        double w, y;                 /* y is 1 - w */
        double w_error;              /* roundings that w and c - b have */
        bool sound;                  /* a, b, c_a, c_b and s have lost nothing that matters */
        VmBig big_a, big_b, big_c;
        VmBig part, whole; /* w is part / whole */
} VmGauss;

VM_RARE bool vm_gauss_is_sound(double x, double rest) {
        return x > 0.5 || vm_abs(rest) <= 0x1p-49 * vm_abs(x - rint(x));
}

/* plus - minus - other - d, which is what rounding took from d. */
VM_RARE double vm_gauss_rest(const VmBig *plus, const VmBig *minus, const VmBig *other, double d) {
        VmBig sum, low = *minus;

        low.sign = -low.sign;
        vm_big_add(&sum, plus, &low, VM_BIG_MOST);
        low      = *other;
        low.sign = -low.sign;
        vm_big_add(&sum, &sum, &low, VM_BIG_MOST);
        vm_big_of(&low, -d);
        vm_big_add(&sum, &sum, &low, VM_BIG_MOST);
        return vm_scaled_double(vm_big_scaled(&sum));
}

/* What log gamma(x) changes by with the rest of x; nothing at a pole, where one by gamma is zero. */
VM_INLINE double vm_gauss_turn(double x, double rest) {
        return rest == 0.0 || vm_is_pole(x) ? 0.0 : rest * vm_psi(x);
}

/* The series around 1. Gamma functions of large numbers feel what rounding took from these. */
VM_RARE bool vm_gauss_around_one(const VmGauss *g, VmScaled *ret) {
        const VmSeries there = {
                .n_up = 2, .n_down = 1, .up = { g->a, g->b }, .down = 1.0 - g->s, .z = g->y, .z_error = g->w_error
        };
        const VmSeries back = {
                .n_up = 2, .n_down = 1, .up = { g->c_a, g->c_b }, .down = 1.0 + g->s, .z = g->y, .z_error = g->w_error
        };
        VmScaled first, second;
        double sum, other, rest_a, rest_b, rest_s, rest;
        VmBig none;

        if (!g->sound || vm_abs(g->s - rint(g->s)) < 0.03 || !vm_gamma_is_ordinary(g->c) ||
            !vm_gamma_is_ordinary(g->s) || !vm_gamma_is_ordinary(g->a) || !vm_gamma_is_ordinary(g->b) ||
            !vm_gamma_is_ordinary(g->c_a) || !vm_gamma_is_ordinary(g->c_b) || !vm_series(&there, &sum) ||
            !vm_series(&back, &other))
                return false;
        vm_big_of(&none, 0.0);
        rest_a = vm_gauss_rest(&g->big_c, &g->big_a, &none, g->c_a);
        rest_b = vm_gauss_rest(&g->big_c, &g->big_b, &none, g->c_b);
        rest_s = vm_gauss_rest(&g->big_c, &g->big_a, &g->big_b, g->s);
        rest   = vm_gauss_rest(&g->big_b, &none, &none, g->b);
        first  = vm_scaled_times(vm_gamma_quotient(g->c, g->c_a), vm_gamma_quotient(g->s, g->c_b));
        second = vm_scaled_times(vm_gamma_quotient(g->c, g->a), vm_gamma_quotient(-g->s, g->b));
        sum *= 1.0 + (vm_gauss_turn(g->s, rest_s) - vm_gauss_turn(g->c_a, rest_a) - vm_gauss_turn(g->c_b, rest_b));
        other *= 1.0 + (rest_s * vm_log(g->y) - vm_gauss_turn(-g->s, rest_s) - vm_gauss_turn(g->b, rest));
        first  = vm_scaled_times(first, vm_scaled(sum, 0));
        second = vm_scaled_times(vm_scaled_times(second, vm_scaled(other, 0)), vm_scaled_pow(g->y, g->s));
        *ret   = vm_scaled_plus(first, second);
        return ret->m != 0.0 && ret->exponent >= first.exponent - 3 && ret->exponent >= second.exponent - 3;
}

/* The power series with so many limbs: of F, or of F(a + 1, b + 1; c + 1), at part / whole. */
VM_RARE bool vm_gauss_sum(const VmGauss *g, bool next, double w, const VmBig *part, const VmBig *whole, int limbs,
                          VmBig *ret) {
        VmBigSeries s = { .about = { .n_up = 2, .n_down = 1, .up = { g->a, g->b }, .down = g->c, .z = w } };
        int64_t top, work = 0;
        VmBig one;

        vm_big_of(&one, next ? 1.0 : 0.0);
        vm_big_add(&s.up[0], &g->big_a, &one, limbs);
        vm_big_add(&s.up[1], &g->big_b, &one, limbs);
        vm_big_add(&s.down, &g->big_c, &one, limbs);
        s.about.up[0] += next;
        s.about.up[1] += next;
        s.about.down += next;
        s.z    = *part;
        s.over = *whole;
        return vm_big_series_pass(&s, limbs, ret, &top, &work);
}

/* From F and h F' at w = 1 - 2^-k, h = 2^-(k + 1), to those at w + r h. */
VM_RARE bool vm_gauss_step(const VmGauss *g, int k, const VmBig *r, int limbs, VmBig *value, VmBig *slope) {
        VmBig before = *value, here = *slope, sum = *value, sum_slope, a = g->big_a, b = g->big_b, one, low, move, base;
        VmBig term, other, divisor, power = *r, scale;
        const double half = ldexp(1.0, k - 1);

        vm_big_of(&one, 1.0);
        vm_big_of(&scale, 2.0 * half - 1.0);
        vm_big_of(&move, 1.0 - half);
        /* base: 2^(k - 1) c - (a + b + 1) (2^(k - 1) - 1/2) */
        vm_big_add(&base, &a, &b, limbs);
        vm_big_add(&base, &base, &one, limbs);
        vm_big_of(&low, 0.5 - half);
        vm_big_mul(&base, &base, &low, limbs);
        vm_big_of(&low, half);
        vm_big_mul(&low, &low, &g->big_c, limbs);
        vm_big_add(&base, &base, &low, limbs);
        vm_big_mul(&term, &here, &power, limbs);
        vm_big_add(&sum, &sum, &term, limbs);
        sum_slope = here;
        for (int n = 0; n < VM_GAUSS_TERMS; n++) {
                /* ((n + a) (n + b) before / 4 - (n + 1) (base + n move) here) / (scale (n + 1) (n + 2)) */
                vm_big_mul(&term, &a, &b, limbs);
                vm_big_of(&low, 0.25);
                vm_big_mul(&term, &term, &low, limbs);
                vm_big_mul(&term, &term, &before, limbs);
                vm_big_of(&low, -(n + 1.0));
                vm_big_mul(&other, &base, &low, limbs);
                vm_big_mul(&other, &other, &here, limbs);
                vm_big_add(&term, &term, &other, limbs);
                vm_big_of(&low, (n + 1.0) * (n + 2.0));
                vm_big_mul(&divisor, &scale, &low, limbs);
                before = here;
                vm_big_div(&here, &term, &divisor, limbs);
                /* here is now the coefficient n + 2 */
                vm_big_of(&low, n + 2.0);
                vm_big_mul(&other, &here, &power, limbs);
                vm_big_mul(&other, &other, &low, limbs);
                vm_big_add(&sum_slope, &sum_slope, &other, limbs);
                vm_big_mul(&power, &power, r, limbs);
                vm_big_mul(&term, &here, &power, limbs);
                vm_big_add(&sum, &sum, &term, limbs);
                if (n > vm_abs(g->a) + vm_abs(g->b) && vm_big_top(&here) < vm_big_top(&sum) - limbs &&
                    vm_big_top(&before) < vm_big_top(&sum) - limbs) {
                        *value = sum;
                        *slope = sum_slope;
                        return true;
                }
                vm_big_add(&a, &a, &one, limbs);
                vm_big_add(&b, &b, &one, limbs);
                vm_big_add(&base, &base, &move, limbs);
        }
        return false;
}

/* F from 1/2 on, with so many limbs. */
VM_RARE bool vm_gauss_follow(const VmGauss *g, int limbs, VmScaled *ret) {
        VmBig one, two, value, slope, r, low;
        int k = 1;

        vm_big_of(&one, 1.0);
        vm_big_of(&two, 2.0);
        if (!vm_gauss_sum(g, false, 0.5, &one, &two, limbs, &value) ||
            !vm_gauss_sum(g, true, 0.5, &one, &two, limbs, &slope))
                return false;
        /* F' = a b / c F(a + 1, b + 1; c + 1); times h = 1/4 */
        vm_big_mul(&slope, &slope, &g->big_a, limbs);
        vm_big_mul(&slope, &slope, &g->big_b, limbs);
        vm_big_of(&low, 0.25);
        vm_big_mul(&slope, &slope, &low, limbs);
        vm_big_div(&slope, &slope, &g->big_c, limbs);
        for (; g->y <= ldexp(1.0, -k - 1); k++) {
                if (!vm_gauss_step(g, k, &one, limbs, &value, &slope))
                        return false;
                vm_big_of(&low, 0.5);
                vm_big_mul(&slope, &slope, &low, limbs);
        }
        /* r = 2 - 2^(k + 1) (whole - part) / whole */
        low      = g->part;
        low.sign = -low.sign;
        vm_big_add(&r, &g->whole, &low, limbs);
        vm_big_div(&r, &r, &g->whole, limbs);
        vm_big_of(&low, -ldexp(1.0, k + 1));
        vm_big_mul(&r, &r, &low, limbs);
        vm_big_add(&r, &r, &two, limbs);
        if (!vm_gauss_step(g, k, &r, limbs, &value, &slope))
                return false;
        *ret = vm_big_scaled(&value);
        return true;
}

/* With more and more limbs, until more of them change nothing. */
VM_RARE bool vm_gauss_followed(const VmGauss *g, VmScaled *ret) {
        VmScaled before = { 0.0, 0 };

        if (g->y < ldexp(1.0, -VM_GAUSS_HALVINGS))
                return false;
        for (int limbs = VM_GAUSS_LEAST; limbs <= VM_GAUSS_MOST; limbs += limbs / 2) {
                if (!vm_gauss_follow(g, limbs, ret))
                        return false;
                if (ret->exponent == before.exponent && vm_abs(ret->m - before.m) <= 0x1p-52)
                        return true;
                before = *ret;
        }
        return false;
}

VM_RARE bool vm_gauss_between(const VmGauss *g, VmScaled *ret) {
        const VmSeries s = {
                .n_up = 2, .n_down = 1, .up = { g->a, g->b }, .down = g->c, .z = g->w, .z_error = g->w_error
        };
        double sum;

        if (g->sound && vm_series(&s, &sum)) {
                *ret = vm_scaled(sum, 0);
                return true;
        }
        if (g->w > VM_GAUSS_NEAR && !vm_is_pole(g->a) && !vm_is_pole(g->b))
                return vm_gauss_around_one(g, ret) || vm_gauss_followed(g, ret);

        VmBigSeries big = {
                .about = s, .up = { g->big_a, g->big_b }, .down = g->big_c, .z = g->part, .over = g->whole
        };
        return vm_big_series(&big, ret);
}

VM_RARE double vm_hyp2f1_of_one(double a, double b, double c) {
        const double s = c - a - b;

        if (s <= 0.0)
                return VM_INF;
        if (!vm_gamma_is_ordinary(c) || !vm_gamma_is_ordinary(s) || !vm_gamma_is_ordinary(c - a) ||
            !vm_gamma_is_ordinary(c - b) || !vm_gauss_is_sound(c - a, vm_difference_rest(c, a, c - a)) ||
            !vm_gauss_is_sound(c - b, vm_difference_rest(c, b, c - b)))
                return VM_NAN;
        return vm_scaled_double(vm_scaled_times(vm_gamma_quotient(c, c - a), vm_gamma_quotient(s, c - b)));
}

/* A sum that ends. */
VM_RARE double vm_gauss_polynomial(double a, double b, double c, double z) {
        const VmSeries s = { .n_up = 2, .n_down = 1, .up = { a, b }, .down = c, .z = z };
        VmBigSeries big  = { .about = s };
        VmScaled y;
        double sum;

        if (vm_series(&s, &sum))
                return sum;
        vm_big_of(&big.up[0], a);
        vm_big_of(&big.up[1], b);
        vm_big_of(&big.down, c);
        vm_big_of(&big.z, z);
        vm_big_of(&big.over, 1.0);
        return vm_big_series(&big, &y) ? vm_scaled_double(y) : VM_NAN;
}

/* -inf < z < 1, where the power series of z in doubles is not enough. */
VM_RARE double vm_gauss_beyond(double a, double b, double c, double z) {
        const double one_less = 1.0 - z, rest = vm_difference_rest(1.0, z, one_less);
        VmGauss g             = { .a = a, .b = b, .c = c, .w = z, .y = one_less };
        VmBig low;
        VmScaled y;

        if (vm_abs(a) > VM_GAUSS_PARAMETER || vm_abs(b) > VM_GAUSS_PARAMETER || vm_abs(c) > VM_GAUSS_PARAMETER)
                return VM_NAN;
        vm_big_of(&g.big_a, a);
        vm_big_of(&g.big_b, b);
        vm_big_of(&g.big_c, c);
        g.c_a   = c - a;
        g.c_b   = c - b;
        g.s     = g.c_a - b;
        g.sound = vm_gauss_is_sound(g.c_a, vm_difference_rest(c, a, g.c_a)) &&
                  vm_gauss_is_sound(g.c_b, vm_difference_rest(c, b, g.c_b));
        vm_big_of(&g.part, z);
        vm_big_of(&g.whole, 1.0);
        if (z > 0.0)
                return vm_gauss_between(&g, &y) ? vm_scaled_double(y) : VM_NAN;
        /* (1 - z)^-a F(a, c - b; c; z / (z - 1)) */
        low      = g.big_b;
        low.sign = -low.sign;
        vm_big_add(&g.big_b, &g.big_c, &low, VM_BIG_MOST);
        g.part.sign = 1;
        vm_big_add(&g.whole, &g.whole, &g.part, VM_BIG_MOST);
        g.w   = -z / one_less;
        g.y   = 1.0 / one_less;
        g.w_error = 4.0;
        g.b   = c - b;
        g.c_b = b;
        g.s   = b - a;
        if (!vm_gauss_between(&g, &y))
                return VM_NAN;
        y    = vm_scaled_times(y, vm_scaled_pow(one_less, -a));
        return vm_scaled_double(vm_scaled_times(y, vm_scaled(1.0 - a * (rest / one_less), 0)));
}

/* By Euler's transformation, (1 - z)^(c - a - b) F(c - a, c - b; c; z), whose k-th term is smaller by
 * k^(2 (a + b - c)). True if nothing is lost. */
VM_RARE bool vm_gauss_euler(double a, double b, double c, double z, double *ret) {
        const double one_less = 1.0 - z, rest = vm_difference_rest(1.0, z, one_less);
        const double c_a = c - a, c_b = c - b, s = c_a - b;
        const double rest_a = vm_difference_rest(c, a, c_a), rest_b = vm_difference_rest(c, b, c_b);
        const double rest_s = rest_a + vm_difference_rest(c_a, b, s), power = vm_pow(one_less, s);
        const VmSeries series = {
                .n_up = 2, .n_down = 1, .up = { c_a, c_b }, .down = c, .z = z, .z_error = rest_a != 0.0 || rest_b != 0.0
        };
        double sum;

        if (!vm_gauss_is_sound(c_a, rest_a) || !vm_gauss_is_sound(c_b, rest_b) || !(power < VM_INF) ||
            !vm_series(&series, &sum))
                return false;
        *ret = sum * power * (1.0 + (s * (rest / one_less) + rest_s * vm_log(one_less)));
        return true;
}

VM_RARE double vm_hyp2f1(double a, double b, double c, double z) {
        const bool ends = (vm_is_pole(a) && !(vm_is_pole(c) && a < c)) || (vm_is_pole(b) && !(vm_is_pole(c) && b < c));
        const VmSeries direct = { .n_up = 2, .n_down = 1, .up = { a, b }, .down = c, .z = z };
        double sum;

        if (a != a || b != b || c != c || z != z || !(vm_abs(a) < VM_PARAMETER_MOST) ||
            !(vm_abs(b) < VM_PARAMETER_MOST) || !(vm_abs(c) < VM_PARAMETER_MOST) || vm_abs(z) == VM_INF)
                return VM_NAN;
        if (z == 0.0)
                return 1.0;
        if (vm_is_pole(c) && !ends)
                return VM_INF;
        if (a == c || b == c) { /* (1 - z)^-b, whether or not c is a pole */
                const double power = a == c ? -b : -a, one_less = 1.0 - z, rest = vm_difference_rest(1.0, z, one_less);

                return vm_pow(one_less, power) * (1.0 + power * (one_less == 0.0 ? 0.0 : rest / one_less));
        }
        if (a == 0.0 || b == 0.0)
                return 1.0;
        if (ends)
                return vm_gauss_polynomial(a, b, c, z);
        if (z > 1.0)
                return VM_INF;
        if (z == 1.0)
                return vm_hyp2f1_of_one(a, b, c);
        if (z > VM_GAUSS_FAST && z < VM_GAUSS_NEAR && a + b > c + 1.0 && vm_gauss_euler(a, b, c, z, &sum))
                return sum;
        if (vm_abs(z) < VM_GAUSS_NEAR && vm_series(&direct, &sum))
                return sum;
        return vm_gauss_beyond(a, b, c, z);
}
