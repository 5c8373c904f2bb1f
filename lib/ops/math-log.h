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
        double q = z * ((0x1.5555555555592p-1 + z * 0x1.999999997fd78p-2) +
                        w * ((0x1.24924941f4edfp-2 + z * 0x1.c71c5206111f6p-3) +
                             w * ((0x1.74663fa090c97p-3 + z * 0x1.39a1a71a121e7p-3) + w * 0x1.2f063356c4643p-3)));

        return s * (h + q);
}

/* k ln 2 + log(1 + f) + rest */
VM_INLINE double vm_log_sum_rest(double k, double f, double rest) {
        double h = 0.5 * f * f;

        return k * 0x1.62e42fefa3800p-1 - ((h - (vm_log_tail(f, h) + (k * 0x1.ef35793c76730p-45 + rest))) - f);
}

VM_INLINE double vm_log_sum(double k, double f) {
        double h = 0.5 * f * f;

        return k * 0x1.62e42fefa3800p-1 - ((h - (vm_log_tail(f, h) + k * 0x1.ef35793c76730p-45)) - f);
}

/* To another base: the logarithm of 1 + f is f / log(base) and a smaller rest. The larger part of that is f or f / 2,
 * without error; what is left of it is added to the rest, and the multiples of log(2), k, come last. */
VM_INLINE double vm_log2_sum(double k, double f) {
        double h = 0.5 * f * f, rest = (vm_log_tail(f, h) - h) * 0x1.71547652b82fep+0;

        return k + (f + (f * 0x1.c551d94ae0bf8p-2 + rest));
}

VM_INLINE double vm_log10_sum(double k, double f) {
        double h = 0.5 * f * f, rest = (vm_log_tail(f, h) - h) * 0x1.bcb7b1526e50ep-2;

        return k * 0x1.34413509f7800p-2 + (0.5 * f + (f * -0x1.0d213ab646bc7p-4 + (rest + k * 0x1.fef311f12b358p-46)));
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

#define VM_LOG(name)                                                                                                   \
        VM_INLINE double name##_fast(double x, VmBad *bad) {                                                           \
                double f, k = vm_log_split(x, &f);                                                                     \
                                                                                                                       \
                vm_bad_beyond(bad, x < 0x1p-1022 ? VM_INF : x, 0x1.fffffffffffffp1023);                                \
                return name##_sum(k, f);                                                                               \
        }                                                                                                              \
        VM_INLINE double name(double x) {                                                                              \
                double f, k = vm_log_split(vm_log_ordinary(x), &f);                                                    \
                                                                                                                       \
                return vm_log_defined(x, name##_sum(vm_log_correct(x, k), f));                                         \
        }                                                                                                              \
        VM_STRIP_REDONE(name, double)
VM_LOG(vm_log)
VM_LOG(vm_log2)
VM_LOG(vm_log10)

/* log(1 + t), for an ordinary 1 + t: what the sum loses comes in as a quotient. With far, log(2 t) instead. */
VM_INLINE double vm_log1p_sum(double t, int far) {
        double u = far ? t : 1.0 + t;
        double c = t >= 1.0 ? 1.0 - (u - t) : t - (u - 1.0);
        double f, k = vm_log_split(u, &f);

        return vm_log_sum_rest(far ? k + 1.0 : k, f, far ? 0.0 : c / u);
}

VM_INLINE double vm_log1p(double x) {
        double y = vm_log1p_sum(x, 0), other = x < -1.0 ? VM_NAN : x + x;

        other = x == -1.0 ? -VM_INF : other;
        return ((x > -1.0) & (x < VM_INF) & (x != 0.0)) ? y : other;
}
VM_STRIP(vm_log1p, double)

/* log(x + sqrt(x^2 + 1)) */
VM_INLINE double vm_asinh(double x) {
        double a = vm_abs(x), z = a * a;
        int far = a > 0x1p28;
        double t = a + z / (1.0 + __builtin_sqrt(1.0 + z));
        double y = vm_log1p_sum(far ? a : t, far);

        y = ((a > 0.0) & (a < VM_INF)) ? y : a + a;
        return vm_flip(y, vm_sign(x));
}
VM_STRIP(vm_asinh, double)

/* log(x + sqrt(x^2 - 1)) */
VM_INLINE double vm_acosh(double x) {
        double a = x - 1.0;
        int far = x > 0x1p28;
        double t = a + __builtin_sqrt(a * (2.0 + a));
        double y = vm_log1p_sum(far ? x : t, far);

        y = x < VM_INF ? y : x + x;
        return x < 1.0 ? VM_NAN : y;
}
VM_STRIP(vm_acosh, double)

/* log((1 + x) / (1 - x)) / 2 */
VM_INLINE double vm_atanh(double x) {
        double a = vm_abs(x), d = a + a, n = a < 0.5 ? d * a : d;
        double q = n / (1.0 - a), t = a < 0.5 ? d + q : q;
        double y = 0.5 * vm_log1p_sum(t, 0);

        y = a == 1.0 ? VM_INF : y;
        y = a > 1.0 ? VM_NAN : y;
        return vm_flip(a > 0.0 ? y : a + a, vm_sign(x));
}
VM_STRIP(vm_atanh, double)
