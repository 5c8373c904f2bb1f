/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The exponential and what is made of it.
 *
 * e^x = 2^k e^r with k the integer next to x / ln 2 and |r| <= ln 2 / 2. k ln 2 is taken off in two parts, the first of
 * which has 42 bits, so that k times it is exact and so is the first difference; e^r is a polynomial. */
#include "ops/math-core.h"

/* e^r for |r| <= ln 2 / 2, as 1 + (r + r^2 q): this is q. Relative error of e^r below 2^-55 before rounding. */
VM_INLINE double vm_exp_tail(double r) {
        double r2 = r * r, r4 = r2 * r2;
        double low = vm_cubic(r, r2, 0.5, 0x1.555555555555ap-3, 0x1.5555555553ae4p-5, 0x1.111111110f0d3p-7);
        double high = vm_cubic(r, r2, 0x1.6c16c17a0cf17p-10, 0x1.a01a01b2b8f42p-13, 0x1.a019b36e4f725p-16,
                               0x1.71ddf07cd08e7p-19);

        return low + r4 * (high + r4 * vm_line(r, 0x1.2897951abab8ep-22, 0x1.af6d2070f492ep-26));
}

/* e^r of x = k ln 2 + r; the low bits of *ret_k are those of k + offset, for an even offset. */
VM_INLINE double vm_exp_reduced(double x, double offset, uint64_t *ret_k) {
        double t = x * 0x1.71547652b82fep+0 + (VM_ROUND + offset);
        double k = t - (VM_ROUND + offset);
        double r = (x - k * 0x1.62e42fefa3800p-1) - k * 0x1.ef35793c76730p-45;

        *ret_k = vm_bits(t);
        return 1.0 + (r + (r * r) * vm_exp_tail(r));
}

/* y 2^k of the low bits of k + 2046, with one rounding at most: two factors that are ordinary numbers themselves. */
VM_INLINE double vm_exp_scaled(double y, uint64_t k) {
        uint64_t half = k >> 1;

        return (y * vm_double(half << 52)) * vm_double((k - half) << 52);
}

VM_INLINE double vm_exp_fast(double x, VmBad *bad) {
        uint64_t k;
        double y = vm_exp_reduced(x, 0, &k);

        vm_bad_beyond(bad, x, 708.0);
        return vm_double(vm_bits(y) + (k << 52));
}

VM_INLINE double vm_exp(double x) {
        uint64_t k;
        double y;

        x = x > 710.0 ? 710.0 : x;
        x = x < -746.0 ? -746.0 : x;
        y = vm_exp_reduced(x, 2046, &k);
        return vm_or_nan(x, vm_exp_scaled(y, k));
}
VM_STRIP_REDONE(vm_exp, double)

/* 2^x: the reduction is exact. */
VM_INLINE double vm_exp2_reduced(double x, double offset, uint64_t *ret_k) {
        double t = x + (VM_ROUND + offset), d = x - (t - (VM_ROUND + offset)), d2 = d * d, d4 = d2 * d2;
        double low = vm_cubic(d, d2, 0x1.ebfbdff82c5a5p-3, 0x1.c6b08d704a0cfp-5, 0x1.3b2ab6fb9ffd9p-7,
                              0x1.5d87fe78a1bdfp-10);
        double high = vm_cubic(d, d2, 0x1.4309130f1b17bp-13, 0x1.ffcbfc797c1c6p-17, 0x1.62bfc6f69cd8bp-20,
                               0x1.b524d23829f98p-24);
        double q = low + d4 * (high + d4 * vm_line(d, 0x1.e61c6ba97357cp-28, 0x1.ea133562a4dcdp-32));

        *ret_k = vm_bits(t);
        return 1.0 + (d * 0x1.62e42fefa39efp-1 + d2 * q);
}

VM_INLINE double vm_exp2_fast(double x, VmBad *bad) {
        uint64_t k;
        double y = vm_exp2_reduced(x, 0, &k);

        vm_bad_beyond(bad, x, 1021.0);
        return vm_double(vm_bits(y) + (k << 52));
}

VM_INLINE double vm_exp2(double x) {
        uint64_t k;
        double y;

        x = x > 1025.0 ? 1025.0 : x;
        x = x < -1080.0 ? -1080.0 : x;
        y = vm_exp2_reduced(x, 2046, &k);
        return vm_or_nan(x, vm_exp_scaled(y, k));
}
VM_STRIP_REDONE(vm_exp2, double)

/* e^x - 1 = 2^k ((1 - 2^-k) + (e^r - 1)). The larger parts, 1 - 2^-k and r, are added without error, so that nothing is
 * lost where they cancel. */
VM_INLINE double vm_expm1(double x) {
        const double round = VM_ROUND + 2046;
        double t = x * 0x1.71547652b82fep+0 + round, k = t - round, above, below, r, rest, one, sum, y;

        above = x - k * 0x1.62e42fefa3800p-1;
        below = k * 0x1.ef35793c76730p-45;
        r = above - below;
        rest = (above - r) - below;
        one = 1.0 - vm_exp_scaled(1.0, 2 * 2046 - vm_bits(t));
        sum = one + r;
        rest += (one - sum) + r;
        y = sum + (rest + (r * r) * vm_exp_tail(r));
        y = vm_exp_scaled(y, vm_bits(t));
        y = x > 710.0 ? VM_INF : y;
        y = x < -40.0 ? -1.0 : y;
        return vm_abs(x) > 0.0 ? y : x + x;
}
VM_STRIP(vm_expm1, double)

/* e^|x| / 2, which is an ordinary number for longer than e^|x|. */
VM_INLINE double vm_exp_half(double abs_x) {
        uint64_t k;
        double y;

        abs_x = abs_x > 711.0 ? 711.0 : abs_x;
        y = vm_exp_reduced(abs_x, 2046, &k);
        return vm_exp_scaled(0.5 * y, k);
}

VM_INLINE double vm_sinh(double x) {
        double a = vm_abs(x), half = vm_exp_half(a), z = a * a, z2 = z * z;
        double q = vm_cubic(z, z2, 0x1.5555555555556p-3, 0x1.11111111110a1p-7, 0x1.a01a01a0291fcp-13,
                            0x1.71de3a45f7198p-19) +
                   (z2 * z2) * (vm_line(z, 0x1.ae64676690d3bp-26, 0x1.611a3a1e20be5p-33) + z2 * 0x1.b4cf793f77530p-41);
        double y = a < 1.0 ? a + a * z * q : half - 0.25 / half;

        return vm_flip(vm_or_nan(a, y), vm_sign(x));
}
VM_STRIP(vm_sinh, double)

VM_INLINE double vm_cosh(double x) {
        double half = vm_exp_half(vm_abs(x));

        return vm_or_nan(x, half + 0.25 / half);
}
VM_STRIP(vm_cosh, double)

/* An odd polynomial, and from 0.625 on 1 - 2 / (e^2x + 1). */
VM_INLINE double vm_tanh(double x) {
        double a = vm_abs(x), z = a * a, z2 = z * z, z4 = z2 * z2, q, b, e, y;
        uint64_t k;

        q = vm_cubic(z, z2, -0x1.5555555555552p-2, 0x1.1111111110c37p-3, -0x1.ba1ba1b9d0fdbp-5, 0x1.664f4870bc318p-6) +
            z4 * (vm_cubic(z, z2, -0x1.226e32d0a3d9cp-7, 0x1.d6d35a911030fp-9, -0x1.7d9c391a0cd7ep-10,
                           0x1.350bc415ec2ccp-11) +
                  z4 * vm_cubic(z, z2, -0x1.f116399d30f08p-13, 0x1.80268a41179cbp-14, -0x1.faf402b3fd506p-16,
                                0x1.9659c10409160p-18));
        b = a > 22.0 ? 22.0 : a;
        e = vm_exp_reduced(2.0 * b, 0, &k);
        e = vm_double(vm_bits(e) + (k << 52));
        y = a < 0.625 ? a + a * z * q : 1.0 - 2.0 / (e + 1.0);
        return vm_flip(vm_or_nan(a, y), vm_sign(x));
}
VM_STRIP(vm_tanh, double)
