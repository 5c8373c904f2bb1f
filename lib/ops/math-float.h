/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The functions for float. They compute in double and round once at the end: that needs no pairs of numbers and no care
 * at either end of the range, since floats too small, too large or subnormal are ordinary doubles. What is used most has shorter
 * polynomials (errors near 2^-28, so 0.6 units at most); the others are those of double. */
#include "ops/math-arc.h"
#include "ops/math-core.h"
#include "ops/math-exp.h"
#include "ops/math-log.h"
#include "ops/math-pow.h"
#include "ops/math-trig.h"

/* 2^k of the low bits of k: between -1022 and 1023. A factor and no shift of the exponent, so that NaN stays one. */
VM_INLINE double vm_power_of_two(uint64_t k) {
        return vm_double((k + 1023) << 52);
}

VM_INLINE double vm_short_exp(double x) {
        double t = x * 0x1.71547652b82fep+0 + VM_ROUND, r = x - (t - VM_ROUND) * 0x1.62e42fefa39efp-1, r2 = r * r;
        double q = vm_cubic(r, r2, 0x1.00000051c136bp-1, 0x1.55548eec891bbp-3, 0x1.55545dedd246cp-5, 0x1.123b54eda05efp-7) +
                   (r2 * r2) * 0x1.6db42511fb85ep-10;

        return ((1.0 + r) + r2 * q) * vm_power_of_two(vm_bits(t));
}

VM_INLINE float vm_expf(float x) {
        double a = (double) x;

        a = a > 90.0 ? 90.0 : a;
        a = a < -110.0 ? -110.0 : a;
        return (float) vm_short_exp(a);
}
VM_STRIP(vm_expf, float)

VM_INLINE float vm_exp2f(float x) {
        double a = (double) x, t, d, d2;

        a = a > 130.0 ? 130.0 : a;
        a = a < -160.0 ? -160.0 : a;
        t = a + VM_ROUND;
        d = a - (t - VM_ROUND);
        d2 = d * d;
        d *= vm_cubic(d, d2, 0x1.62e430d8b656cp-1, 0x1.ebfbe003c530bp-3, 0x1.c6aec1379972fp-5, 0x1.3b2a7298998f0p-7) +
             (d2 * d2) * vm_line(d, 0x1.5f4e44a5d80d7p-10, 0x1.43e9ef4a73342p-13);
        return (float) ((1.0 + d) * vm_power_of_two(vm_bits(t)));
}
VM_STRIP(vm_exp2f, float)

/* log(1 + f), for f between sqrt(1/2) - 1 and sqrt(2) - 1 */
VM_INLINE double vm_short_log(double f) {
        double s = f / (2.0 + f), z = s * s;

        return s * (2.0 + z * ((0x1.55557a28a3652p-1 + z * 0x1.995eb6ee4442bp-2) + (z * z) * 0x1.31e34b3e1966ep-2));
}

VM_INLINE float vm_logf(float x) {
        double f, a = (double) x, k = vm_log_split(a, &f);

        return (float) vm_log_defined(a, k * 0x1.62e42fefa39efp-1 + vm_short_log(f));
}
VM_STRIP(vm_logf, float)

VM_INLINE float vm_log2f(float x) {
        double f, a = (double) x, k = vm_log_split(a, &f);

        return (float) vm_log_defined(a, k + vm_short_log(f) * 0x1.71547652b82fep+0);
}
VM_STRIP(vm_log2f, float)

VM_INLINE float vm_log10f(float x) {
        double f, a = (double) x, k = vm_log_split(a, &f);

        return (float) vm_log_defined(a, k * 0x1.34413509f79ffp-2 + vm_short_log(f) * 0x1.bcb7b1526e50ep-2);
}
VM_STRIP(vm_log10f, float)

/* No float comes so close to a multiple of pi/2 that the fast reduction would not do: only the range is looked at. */
VM_INLINE VmTrig vm_short_trig(double abs_x, VmBad *bad) {
        double t = abs_x * 0x1.45f306dc9c883p-1 + VM_ROUND, k = t - VM_ROUND;

        vm_bad_below(bad, VM_TRIG_MAX - abs_x, 0.0);
        return (VmTrig) { .r = (abs_x - k * 0x1.921fb544p+0) - k * 0x1.0b4611a626331p-34, .k = vm_bits(t) };
}

VM_INLINE double vm_short_sin(double r) {
        double z = r * r;

        return r + (r * z) * (-0x1.5555459827551p-3 + z * (0x1.11075fd44e295p-7 + z * -0x1.994e877430761p-13));
}

VM_INLINE double vm_short_cos(double r) {
        double z = r * r, w = z * z;

        return (1.0 + z * -0x1.ffffffd0c15ccp-2) +
               w * (0x1.55553e0ea5ab7p-5 + z * -0x1.6c087dd1452b9p-10 + w * 0x1.993403a3c195ep-16);
}

VM_INLINE float vm_sinf_fast(float x, VmBad *bad) {
        VmTrig t = vm_short_trig(vm_abs((double) x), bad);
        double y = vm_odd(t.k, vm_short_cos(t.r), vm_short_sin(t.r));

        return (float) vm_flip(y, ((t.k << 62) & VM_SIGN) ^ vm_sign((double) x));
}

VM_INLINE float vm_cosf_fast(float x, VmBad *bad) {
        VmTrig t = vm_short_trig(vm_abs((double) x), bad);
        double y = vm_odd(t.k, vm_short_sin(t.r), vm_short_cos(t.r));

        return (float) vm_flip(y, ((t.k + 1) << 62) & VM_SIGN);
}

VM_INLINE float vm_tanf_fast(float x, VmBad *bad) {
        VmTrig t = vm_short_trig(vm_abs((double) x), bad);
        double s = vm_short_sin(t.r), c = vm_short_cos(t.r);

        return (float) vm_flip(vm_odd(t.k, c, s) / vm_odd(t.k, s, c), (t.k << 63) ^ vm_sign((double) x));
}

VM_RARE float vm_sinf_rare(float x) {
        return (float) vm_sin_rare((double) x);
}

VM_RARE float vm_cosf_rare(float x) {
        return (float) vm_cos_rare((double) x);
}

VM_RARE float vm_tanf_rare(float x) {
        return (float) vm_tan_rare((double) x);
}
VM_STRIP_REPAIRED(vm_sinf, float)
VM_STRIP_REPAIRED(vm_cosf, float)
VM_STRIP_REPAIRED(vm_tanf, float)

VM_INLINE float vm_hypotf(float x, float y) {
        double a = vm_abs((double) x), b = vm_abs((double) y), r = __builtin_sqrt(a * a + b * b);

        r = x != x ? a + a : r;
        r = a == VM_INF ? a : r;
        return (float) (b == VM_INF ? b : r);
}
VM_STRIP2(vm_hypotf, float)

/* As vm_pow(), with one number where that takes two. */
VM_INLINE float vm_powf(float xf, float yf) {
        double x = (double) xf, y = (double) yf, ax = vm_abs(x), f, k = vm_log_split(ax, &f), log, p, r, unit;
        uint64_t odd;

        log = vm_log_sum(k, f);
        log = ax == 0.0 ? -VM_INF : log;
        log = ax == VM_INF ? VM_INF : log;
        p = y * log;
        p = p > 110.0 ? 110.0 : p;
        p = p < -110.0 ? -110.0 : p;
        r = vm_short_exp(p);

        /* A float beyond 2^24 is whole and even, and so is one beyond 2^51 after the sum. */
        unit = vm_abs(y) + 0x1p52;
        odd = vm_abs(y) < 0x1p24 ? vm_bits(unit) << 63 : 0;
        p = vm_abs(y) < 0x1p24 ? unit - 0x1p52 : vm_abs(y);
        odd = vm_abs(y) == p ? odd : 0;

        r = vm_flip(r, odd & vm_bits(x));
        p = vm_abs(y) == p ? r : VM_NAN;
        p = ax == VM_INF ? r : p;
        r = x < 0.0 ? p : r;
        r = y != y ? y + y : r;
        r = x != x ? x + x : r;
        r = y == 0.0 ? 1.0 : r;
        return (float) (x == 1.0 ? 1.0 : r);
}
VM_STRIP2(vm_powf, float)

#define VM_FLOAT(name)                                                                                                 \
        VM_INLINE float name##f(float x) {                                                                             \
                return (float) name((double) x);                                                                       \
        }                                                                                                              \
        VM_STRIP(name##f, float)
VM_FLOAT(vm_expm1)
VM_FLOAT(vm_log1p)
VM_FLOAT(vm_asin)
VM_FLOAT(vm_acos)
VM_FLOAT(vm_atan)
VM_FLOAT(vm_sinh)
VM_FLOAT(vm_cosh)
VM_FLOAT(vm_tanh)
VM_FLOAT(vm_asinh)
VM_FLOAT(vm_acosh)
VM_FLOAT(vm_atanh)
VM_FLOAT(vm_cbrt)

#define VM_FLOAT2(name)                                                                                                \
        VM_INLINE float name##f(float a, float b) {                                                                    \
                return (float) name((double) a, (double) b);                                                           \
        }                                                                                                              \
        VM_STRIP2(name##f, float)
VM_FLOAT2(vm_atan2)
VM_FLOAT2(vm_logaddexp)
VM_FLOAT2(vm_logaddexp2)
