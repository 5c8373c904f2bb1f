/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The logarithm and what is made of it.
 *
 * x = 2^k m with m between sqrt(1/2) and sqrt(2), log x = k ln 2 + log m. With f = m - 1 and s = f / (2 + f), log m is
 * 2 atanh s = 2 s + s q, a polynomial in s^2; written as f - (f^2 / 2 - s (f^2 / 2 + q)) its first term is exact. */
#include "ops/math-core.h"

#define VM_LOG_SQRT_HALF UINT64_C(0x3fe6a09e667f3bcd)
#define VM_LOG_BIAS (UINT64_C(0x3ff0000000000000) - VM_LOG_SQRT_HALF)

/* k and f of an ordinary positive x. */
VM_INLINE double vm_log_split(double x, double *ret_f) {
        uint64_t u = vm_bits(x) + VM_LOG_BIAS;

        *ret_f = vm_double((u & UINT64_C(0x000fffffffffffff)) + VM_LOG_SQRT_HALF) - 1.0;
        return vm_double((u >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023);
}

/* log(1 + f) = f - (h - s (h + q)) with h = f^2 / 2: this is s (h + q). Relative error of the logarithm below 2^-58. */
VM_INLINE double vm_log_tail(double f, double h) {
        double s = f / (2.0 + f), z = s * s, w = z * z;
        double q = z * ((0x1.5555555555592p-1 + z * 0x1.999999997fdb9p-2) +
                        w * ((0x1.24924941f1164p-2 + z * 0x1.c71c520967145p-3) +
                             w * ((0x1.74663ee6b2b5bp-3 + z * 0x1.39a1badd94baap-3) + w * 0x1.2f0562371e3d1p-3)));

        return s * (h + q);
}

/* k ln 2 + log(1 + f) */
VM_INLINE double vm_log_sum(double k, double f) {
        double h = 0.5 * f * f;

        return k * 0x1.62e42fefa3800p-1 - ((h - (vm_log_tail(f, h) + k * 0x1.ef35793c76730p-45)) - f);
}

/* A subnormal x becomes an ordinary number with the help of 2^54, which the second function takes off again. */
VM_INLINE double vm_log_ordinary(double x) {
        return x < 0x1p-1022 ? x * 0x1p54 : x;
}

VM_INLINE double vm_log_correct(double x, double k) {
        return x < 0x1p-1022 ? k - 54.0 : k;
}

/* y, the logarithm of x in whatever base, where x has one. */
VM_INLINE double vm_log_defined(double x, double y) {
        double other = x < 0.0 ? VM_NAN : x + x;

        other = x == 0.0 ? -VM_INF : other;
        return ((x > 0.0) & (x < VM_INF)) ? y : other;
}

VM_INLINE double vm_log_fast(double x, int *bad) {
        double f, k = vm_log_split(x, &f);

        *bad |= (x < 0x1p-1022) | !(x < VM_INF);
        return vm_log_sum(k, f);
}

VM_INLINE double vm_log(double x) {
        double f, k = vm_log_split(vm_log_ordinary(x), &f);

        return vm_log_defined(x, vm_log_sum(vm_log_correct(x, k), f));
}
VM_STRIP_REDONE(vm_log, double)
