/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Powers, roots and logarithms of sums of powers. */
#include "ops/math-core.h"
#include "ops/math-exp.h"
#include "ops/math-log.h"

/* a^(-1/3) from a third of the upper half of a as an integer, to 5 bits; one step of fourth order makes 16 of them, one
 * of second order 30. The last step, of third order, is made from a root of 26 bits, whose square is exact. */
VM_INLINE double vm_cbrt(double x) {
        double abs_x = vm_abs(x), a = abs_x < 0x1p-1022 ? abs_x * 0x1p54 : abs_x, third, inverse, root, d;

        third = (vm_double((vm_bits(a) >> 32) | UINT64_C(0x4330000000000000)) - 0x1p52) * 0x1.5555555555555p-2;
        inverse = vm_double((UINT64_C(0x553ee800) - (vm_bits(third + 0x1p52) & UINT64_C(0xffffffff))) << 32);
        d = 1.0 - (a * inverse) * (inverse * inverse);
        inverse += inverse * (d * (0x1.5555555555555p-2 + d * (0x1.c71c71c71c71cp-3 + d * 0x1.61f9add3c0ca4p-3)));
        inverse += inverse * ((1.0 - (a * inverse) * (inverse * inverse)) * 0x1.5555555555555p-2);
        root = vm_upper(a * (inverse * inverse));
        d = (a / (root * root) - root) * 0x1.5555555555555p-2;
        root = root + (d - d * d * inverse);
        root = abs_x < 0x1p-1022 ? root * 0x1p-18 : root;
        root = abs_x > 0.0 ? root : abs_x;
        root = abs_x < VM_INF ? root : abs_x + abs_x;
        return vm_flip(root, vm_sign(x));
}
VM_STRIP(vm_cbrt, double)

VM_INLINE double vm_hypot(double x, double y) {
        double a = vm_abs(x), b = vm_abs(y), large = a > b ? a : b, down = 1.0, up = 1.0, r, other;

        down = large > 0x1p500 ? 0x1p-600 : down;
        down = large < 0x1p-400 ? 0x1p600 : down;
        up = large > 0x1p500 ? 0x1p600 : up;
        up = large < 0x1p-400 ? 0x1p-600 : up;
        a *= down;
        b *= down;
        r = __builtin_sqrt(a * a + b * b) * up;
        other = x != x ? x + x : y + y;
        r = ((x != x) | (y != y)) ? other : r;
        r = vm_abs(x) == VM_INF ? VM_INF : r;
        return vm_abs(y) == VM_INF ? VM_INF : r;
}
VM_STRIP2(vm_hypot, double)

/* log(e^a + e^b) = large + log(1 + e^(small - large)). What the difference loses is put back into the exponential, of
 * which it would take several units otherwise. */
VM_INLINE double vm_logadd_difference(double small, double large, double *ret_rest) {
        double d = small - large, t = d - small, rest = (small - (d - t)) - (large + t);

        *ret_rest = d > -VM_INF ? rest : 0.0;
        return d;
}

VM_INLINE double vm_logaddexp(double a, double b) {
        double small = a > b ? b : a, large = a > b ? a : b, rest, e, y;

        e = vm_exp(vm_logadd_difference(small, large, &rest));
        e = e + e * rest;
        y = large + vm_log1p_sum(e, 0);
        y = a == b ? a + 0x1.62e42fefa39efp-1 : y;
        y = b != b ? b + b : y;
        return a != a ? a + a : y;
}
VM_STRIP2(vm_logaddexp, double)

VM_INLINE double vm_logaddexp2(double a, double b) {
        double small = a > b ? b : a, large = a > b ? a : b, rest, e, y;

        e = vm_exp2(vm_logadd_difference(small, large, &rest));
        e = e + e * (rest * 0x1.62e42fefa39efp-1);
        y = large + vm_log1p_sum(e, 0) * 0x1.71547652b82fep+0;
        y = a == b ? a + 1.0 : y;
        y = b != b ? b + b : y;
        return a != a ? a + a : y;
}
VM_STRIP2(vm_logaddexp2, double)

/* x^y = e^(y log|x|), where the logarithm has 66 bits as *ret_rest and the result: the exponent may be 1024 times as
 * large as what of it remains after reduction.
 *
 * log m = 2 s + 2/3 s^3 + s^5 R(s^2), s = (m - 1) / (m + 1), in pairs of numbers up to the second term and in one for
 * R. */
VM_INLINE double vm_log_pair(double k, double f, double *ret_rest) {
        double d = f + 2.0, d_rest = f - (d - 2.0), inverse = 1.0 / d;
        double s = f * inverse, p = s * d, s_rest, z, z_rest, z2, z4, r, w, w_rest, t, t_rest, u, u_rest, hi, lo, sum;

        s_rest = (((f - p) - vm_product_rest(s, d, p)) - s * d_rest) * inverse;
        z = s * s;
        z_rest = vm_product_rest(s, s, z) + 2.0 * s * s_rest;
        z2 = z * z;
        z4 = z2 * z2;
        r = z *
            (vm_cubic(z, z2, 0x1.9999999999996p-2, 0x1.2492492493036p-2, 0x1.c71c71c58048cp-3, 0x1.745d183261cf8p-3) +
             z4 * vm_cubic(z, z2, 0x1.3b1362b21046ap-3, 0x1.1120b63904ae8p-3, 0x1.de3358e5ad3fcp-4,
                           0x1.eb11e594be5a0p-4));
        w = 0x1.5555555555555p-1 + r;
        w_rest = ((0x1.5555555555555p-1 - w) + r) + 0x1.5555555555555p-55;
        t = z * w;
        t_rest = vm_product_rest(z, w, t) + (z * w_rest + z_rest * w);
        u = s * t;
        u_rest = vm_product_rest(s, t, u) + (s * t_rest + s_rest * t);
        s = 2.0 * s;
        hi = s + u;
        lo = ((s - hi) + u) + (2.0 * s_rest + u_rest);
        s = k * 0x1.62e42fefa3800p-1;
        sum = s + hi;
        *ret_rest = ((s - sum) + hi) + (lo + k * 0x1.ef35793c76730p-45);
        return sum;
}

/* e^(x + rest), as vm_exp_reduced(). */
VM_INLINE double vm_exp_pair(double x, double rest, double offset, uint64_t *ret_k) {
        double t = x * 0x1.71547652b82fep+0 + (VM_ROUND + offset);
        double k = t - (VM_ROUND + offset);
        double above = x - k * 0x1.62e42fefa3800p-1, r;

        rest -= k * 0x1.ef35793c76730p-45;
        r = above + rest;
        rest = (above - r) + rest;
        *ret_k = vm_bits(t);
        return 1.0 + (r + (rest + (r * r) * vm_exp_tail(r)));
}

/* Ordinary powers of ordinary positive numbers. */
VM_INLINE double vm_pow_fast(double x, double y, VmBad *bad) {
        double f, rest, k = vm_log_split(x, &f), log = vm_log_pair(k, f, &rest), p = y * log, r;
        uint64_t scale;

        r = vm_exp_pair(p, vm_product_rest(y, log, p) + y * rest, 0, &scale);
        p = x < 0x1p-1022 ? VM_INF : p;
        p = x < VM_INF ? p : VM_INF;
        vm_bad_beyond(bad, p, 708.0);
        return vm_double(vm_bits(r) + (scale << 52));
}

VM_INLINE double vm_pow(double x, double y) {
        double ax = vm_abs(x), ay = vm_abs(y), f, k, log, rest, e, p, r, unit, whole;
        uint64_t odd, scale;

        k = vm_log_correct(ax, vm_log_split(vm_log_ordinary(ax), &f));
        log = vm_log_pair(k, f, &rest);
        log = ax == 0.0 ? -VM_INF : log;
        log = ax == VM_INF ? VM_INF : log;

        /* Beyond 2^80 any power but that of 1 is 0 or infinite: the product of the parts stays finite. */
        e = ay > 0x1p80 ? 0x1p80 : ay;
        e = vm_flip(e, vm_sign(y));
        p = e * log;
        rest = vm_product_rest(e, log, p) + e * rest;
        rest = vm_abs(p) < 750.0 ? rest : 0.0;
        p = p > 750.0 ? 750.0 : p;
        p = p < -750.0 ? -750.0 : p;
        r = vm_exp_pair(p, rest, 2046, &scale);
        r = vm_exp_scaled(r, scale);

        /* The last bit of y + 2^52, or that of y when y >= 2^52, says whether a whole y is odd. */
        unit = ay >= 0x1p52 ? ay : ay + 0x1p52;
        whole = ay >= 0x1p52 ? ay : unit - 0x1p52;
        odd = ay < 0x1p53 ? vm_bits(unit) << 63 : 0;
        odd = ay == whole ? odd : 0;

        r = vm_flip(r, odd & vm_bits(x));
        p = ay == whole ? r : VM_NAN;
        p = ax == VM_INF ? r : p;
        r = x < 0.0 ? p : r;
        r = y != y ? y + y : r;
        r = x != x ? x + x : r;
        r = y == 0.0 ? 1.0 : r;
        return x == 1.0 ? 1.0 : r;
}
VM_STRIP2_REDONE(vm_pow, double)
