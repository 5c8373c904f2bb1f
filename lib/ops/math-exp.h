/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The exponential and what is made of it.
 *
 * e^x = 2^k e^r with k the integer next to x / ln 2 and |r| <= ln 2 / 2. k ln 2 is taken off in two parts, the first of which
 * has 42 bits, so that k times it is exact and so is the first difference; e^r is a polynomial. */
#include "ops/math-core.h"

/* e^r for |r| <= ln 2 / 2, as 1 + (r + r^2 q): this is q. Relative error of e^r below 2^-55 before rounding. */
VM_INLINE double vm_exp_tail(double r) {
        double r2 = r * r, r4 = r2 * r2;

        return ((0.5 + r * 0x1.555555555555ap-3) + r2 * (0x1.5555555553ae4p-5 + r * 0x1.111111110f0d3p-7)) +
               r4 * (((0x1.6c16c17a0cf17p-10 + r * 0x1.a01a01b2b8f42p-13) +
                      r2 * (0x1.a019b36e4f725p-16 + r * 0x1.71ddf07cd08e7p-19)) +
                     r4 * (0x1.2897951abab8ep-22 + r * 0x1.af6d2070f492ep-26));
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

VM_INLINE double vm_exp_fast(double x, int *bad) {
        uint64_t k;
        double y = vm_exp_reduced(x, 0, &k);

        *bad |= !(vm_abs(x) <= 708.0);
        return vm_double(vm_bits(y) + (k << 52));
}

VM_INLINE double vm_exp(double x) {
        uint64_t k;
        double y;

        x = x > 710.0 ? 710.0 : x;
        x = x < -746.0 ? -746.0 : x;
        y = vm_exp_reduced(x, 2046, &k);
        return vm_exp_scaled(y, k);
}
VM_STRIP_REDONE(vm_exp, double)
