/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The functions for float.
 *
 * exp, log, sin and cos with their relatives are those of double with shorter polynomials, 32-bit integers and float
 * arithmetic; only the reduction of an angle and the last step of a cube root work in double. The others compute in
 * double and round once at the end: that needs no pairs of numbers and no care at either end of the range, since floats
 * too small, too large or subnormal are ordinary doubles. */
#include "ops/math-arc.h"
#include "ops/math-core.h"
#include "ops/math-exp.h"
#include "ops/math-log.h"
#include "ops/math-pow.h"
#include "ops/math-trig.h"

#define VM_TRIG_MAXF 0x1.9p22f /* k stays below 2^22 */
#define VM_SIGNF UINT32_C(0x80000000)
#define VM_ROUNDF 0x1.8p23f /* x + VM_ROUNDF has the integer next to x in its low bits, for |x| < 2^22 */

VM_INLINE uint32_t vm_bitsf(float x) {
        uint32_t u;

        memcpy(&u, &x, sizeof(u));
        return u;
}

VM_INLINE float vm_float(uint32_t u) {
        float x;

        memcpy(&x, &u, sizeof(x));
        return x;
}

VM_INLINE float vm_absf(float x) {
        return vm_float(vm_bitsf(x) & ~VM_SIGNF);
}

/* y 2^k of the low bits of k + 254, with one rounding at most. */
VM_INLINE float vm_scaledf(float y, uint32_t k) {
        uint32_t half = k >> 1;

        return (y * vm_float(half << 23)) * vm_float((k - half) << 23);
}

VM_INLINE float vm_expf(float x) {
        float t, k, r, r2, q;

        x = x > 89.0f ? 89.0f : x;
        x = x < -105.0f ? -105.0f : x;
        t = x * 0x1.715476p+0f + (VM_ROUNDF + 254);
        k = t - (VM_ROUNDF + 254);
        r = (x - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f;
        r2 = r * r;
        q = (0.5f + r * 0x1.55548ep-3f) + r2 * ((0x1.55545ep-5f + r * 0x1.123b54p-7f) + r2 * 0x1.6db426p-10f);
        q = vm_scaledf(1.0f + (r + r2 * q), vm_bitsf(t));
        return x == x ? q : x + x;
}
VM_STRIP(vm_expf, float)

VM_INLINE float vm_exp2f(float x) {
        float t, d, d2, q;

        x = x > 129.0f ? 129.0f : x;
        x = x < -151.0f ? -151.0f : x;
        t = x + (VM_ROUNDF + 254);
        d = x - (t - (VM_ROUNDF + 254));
        d2 = d * d;
        q = (0x1.ebfbe0p-3f + d * 0x1.c6af86p-5f) +
            d2 * ((0x1.3b29d2p-7f + d * 0x1.5f05c8p-10f) + d2 * 0x1.4477dap-13f);
        q = vm_scaledf(1.0f + (d * 0x1.62e430p-1f + d2 * q), vm_bitsf(t));
        return x == x ? q : x + x;
}
VM_STRIP(vm_exp2f, float)

/* k and f of x = 2^k (1 + f), subnormal x included */
VM_INLINE float vm_log_splitf(float x, float *ret_f) {
        float a = x < 0x1p-126f ? x * 0x1p23f : x, k;
        uint32_t u = vm_bitsf(a) + (UINT32_C(0x3f800000) - UINT32_C(0x3f3504f3));

        k = (float) (int32_t) (u >> 23);
        *ret_f = vm_float((u & UINT32_C(0x007fffff)) + UINT32_C(0x3f3504f3)) - 1.0f;
        return k - (x < 0x1p-126f ? 127.0f + 23.0f : 127.0f);
}

VM_INLINE float vm_log_tailf(float f, float h) {
        float s = f / (2.0f + f), z = s * s;

        return s * (h + z * (0x1.55557ap-1f + z * (0x1.995eb6p-2f + z * 0x1.31e34cp-2f)));
}

VM_INLINE float vm_log_definedf(float x, float y) {
        float other = x < 0.0f ? __builtin_nanf("") : x + x;

        other = x == 0.0f ? -__builtin_inff() : other;
        y = x > 0.0f ? y : other;
        return x < __builtin_inff() ? y : other;
}

VM_INLINE float vm_logf(float x) {
        float f, k = vm_log_splitf(x, &f), h = 0.5f * f * f;

        return vm_log_definedf(x, k * 0x1.62e4p-1f - ((h - (vm_log_tailf(f, h) + k * 0x1.7f7d1cp-20f)) - f));
}
VM_STRIP(vm_logf, float)

/* As vm_log_scaled(), with 12 bits. */
VM_INLINE float vm_log_scaledf(float k_scaled, float k_rest, float f, float scale, float scale_rest) {
        float h = 0.5f * f * f, hi = vm_float(vm_bitsf(f - h) & UINT32_C(0xfffff000));
        float lo = ((f - hi) - h) + vm_log_tailf(f, h), v = hi * scale, sum = k_scaled + v;

        return sum + (((k_scaled - sum) + v) + (k_rest + ((lo + hi) * scale_rest + lo * scale)));
}

VM_INLINE float vm_log2f(float x) {
        float f, k = vm_log_splitf(x, &f);

        return vm_log_definedf(x, vm_log_scaledf(k, 0.0f, f, 0x1.714p+0f, 0x1.47652cp-12f));
}
VM_STRIP(vm_log2f, float)

VM_INLINE float vm_log10f(float x) {
        float f, k = vm_log_splitf(x, &f);

        return vm_log_definedf(x,
                               vm_log_scaledf(k * 0x1.344p-2f, k * 0x1.3509f8p-18f, f, 0x1.bcap-2f, 0x1.7b1526p-14f));
}
VM_STRIP(vm_log10f, float)

/* No float comes so close to a multiple of pi/2 that the fast reduction would not do: only the range is looked at. */
VM_INLINE VmTrig vm_trig_reducedf(float abs_x) {
        double x = (double) abs_x, t = x * 0x1.45f306dc9c883p-1 + VM_ROUND, k = t - VM_ROUND;

        return (VmTrig) { .r = (x - k * 0x1.921fb544p+0) - k * 0x1.0b4611a626331p-34, .k = vm_bits(t) };
}

VM_INLINE float vm_trig_sinf(float r) {
        float z = r * r;

        return r + r * z * (-0x1.555546p-3f + z * (0x1.110760p-7f + z * -0x1.994e88p-13f));
}

VM_INLINE float vm_trig_cosf(float r) {
        float z = r * r;

        return 1.0f - (0.5f * z - z * z * (0x1.55554ap-5f + z * (-0x1.6c0c8cp-10f + z * 0x1.9a0232p-16f)));
}

VM_INLINE float vm_sinf_fast(float x, int *bad) {
        VmTrig t = vm_trig_reducedf(vm_absf(x));
        float r = (float) t.r, s = vm_trig_sinf(r), c = vm_trig_cosf(r);
        uint32_t k = (uint32_t) t.k, y = vm_bitsf((int32_t) (k << 31) < 0 ? c : s);

        *bad |= -!(vm_absf(x) <= VM_TRIG_MAXF);
        return vm_float(y ^ (((k << 30) ^ vm_bitsf(x)) & VM_SIGNF));
}

VM_INLINE float vm_cosf_fast(float x, int *bad) {
        VmTrig t = vm_trig_reducedf(vm_absf(x));
        float r = (float) t.r, s = vm_trig_sinf(r), c = vm_trig_cosf(r);
        uint32_t k = (uint32_t) t.k, y = vm_bitsf((int32_t) (k << 31) < 0 ? s : c);

        *bad |= -!(vm_absf(x) <= VM_TRIG_MAXF);
        return vm_float(y ^ (((k + 1) << 30) & VM_SIGNF));
}

VM_RARE float vm_sinf_rare(float x) {
        return (float) vm_sin_rare((double) x);
}

VM_RARE float vm_cosf_rare(float x) {
        return (float) vm_cos_rare((double) x);
}
VM_STRIP_REPAIRED(vm_sinf, float)
VM_STRIP_REPAIRED(vm_cosf, float)

/* a^(-1/3) from a third of the exponent and mantissa as an integer, to 5 bits; one step of fourth order makes 16 of
 * them, one of second order, in double, 30. */
VM_INLINE float vm_cbrtf(float x) {
        float abs_x = vm_absf(x), a = abs_x < 0x1p-126f ? abs_x * 0x1p24f : abs_x, inverse, d;
        double z, root;

        inverse = vm_float(0x54a1f400U - (uint32_t) (int32_t) ((float) (int32_t) vm_bitsf(a) * 0x1.555556p-2f));
        d       = 1.0f - (a * inverse) * (inverse * inverse);
        inverse += inverse * (d * (0x1.555556p-2f + d * (0x1.c71c72p-3f + d * 0x1.61f9aep-3f)));
        z    = (double) inverse;
        z    = z + z * ((1.0 - ((double) a * z) * (z * z)) * 0x1.5555555555555p-2);
        root = (double) a * (z * z);
        root = abs_x < 0x1p-126f ? root * 0x1p-8 : root;
        root = abs_x > 0.0f ? root : (double) abs_x;
        d    = (float) (abs_x < __builtin_inff() ? root : (double) (abs_x + abs_x));
        return vm_float(vm_bitsf(d) ^ (vm_bitsf(x) & VM_SIGNF));
}
VM_STRIP(vm_cbrtf, float)

/* By way of double. */

/* The quotient would add up the errors of two floats. */
VM_INLINE float vm_tanf_fast(float x, int *bad) {
        VmTrig t = vm_trig_reducedf(vm_absf(x));
        double r = t.r, z = r * r, w = z * z, s, c;

        s = r + (r * z) * (-0x1.5555459827551p-3 + z * (0x1.11075fd44e295p-7 + z * -0x1.994e877430761p-13));
        c = (1.0 + z * -0x1.ffffffd0c15ccp-2) +
            w * (0x1.55553e0ea5ab7p-5 + z * -0x1.6c087dd1452b9p-10 + w * 0x1.993403a3c195ep-16);
        *bad |= -!(vm_absf(x) <= VM_TRIG_MAXF);
        return (float) vm_flip(vm_odd(t.k, c, s) / vm_odd(t.k, s, c), (t.k << 63) ^ vm_sign((double) x));
}

VM_RARE float vm_tanf_rare(float x) {
        return (float) vm_tan_rare((double) x);
}
VM_STRIP_REPAIRED(vm_tanf, float)

VM_INLINE float vm_hypotf(float x, float y) {
        double a = vm_abs((double) x), b = vm_abs((double) y), r = __builtin_sqrt(a * a + b * b);

        r = vm_or_nan(b, r);
        r = vm_or_nan(a, r);
        r = a == VM_INF ? a : r;
        return (float) (b == VM_INF ? b : r);
}
VM_STRIP2(vm_hypotf, float)

/* e^p for p = y log(1 + f) 2^k: as vm_pow(), with one number where that takes two, to 34 bits. */
VM_INLINE double vm_powf_log(double x) {
        double f, k = vm_log_split(x, &f), s = f / (2.0 + f), z = s * s;

        return k * 0x1.62e42fefa39efp-1 + s * (2.0 + z * vm_cubic(z, z * z, 0x1.555554fd93972p-1, 0x1.999a7a9c82776p-2,
                                                                  0x1.2438d2e3d5ae2p-2, 0x1.e2f7213b403c7p-3));
}

VM_INLINE double vm_powf_exp(double p) {
        double t = p * 0x1.71547652b82fep+0 + (VM_ROUND + 1023), r = p - (t - (VM_ROUND + 1023)) * 0x1.62e42fefa39efp-1;
        double r2 = r * r, q;

        q = vm_cubic(r, r2, 0x1.00000051c136bp-1, 0x1.55548eec891bbp-3, 0x1.55545dedd246cp-5, 0x1.123b54eda05efp-7) +
            (r2 * r2) * 0x1.6db42511fb85ep-10;
        return ((1.0 + r) + r2 * q) * vm_double(vm_bits(t) << 52);
}

VM_INLINE float vm_powf_fast(float x, float y, int *bad) {
        double p = (double) y * vm_powf_log((double) x);

        *bad |= -!(x > 0.0f);
        *bad |= -!(x < __builtin_inff());
        *bad |= -!(vm_absf((float) p) < 110.0f);
        return (float) vm_powf_exp(p);
}

VM_INLINE float vm_powf(float xf, float yf) {
        double x = (double) xf, y = (double) yf, ax = vm_abs(x), ay = vm_abs(y), log = vm_powf_log(ax), p, r, unit,
               whole;
        uint64_t odd;

        log = ax == 0.0 ? -VM_INF : log;
        log = ax == VM_INF ? VM_INF : log;
        p = y * log;
        r = vm_powf_exp(p);
        r = p > 110.0 ? VM_INF : r;
        r = p < -110.0 ? 0.0 : r;

        /* Beyond 2^24 every float is whole and even. */
        unit = ay + 0x1p52;
        whole = ay < 0x1p24 ? unit - 0x1p52 : ay;
        odd = ay < 0x1p24 ? vm_bits(unit) << 63 : 0;
        odd = ay == whole ? odd : 0;

        r = vm_flip(r, odd & vm_bits(x));
        p = ay == whole ? r : VM_NAN;
        p = ax == VM_INF ? r : p;
        r = x < 0.0 ? p : r;
        r = y != y ? y + y : r;
        r = x != x ? x + x : r;
        r = y == 0.0 ? 1.0 : r;
        return (float) (x == 1.0 ? 1.0 : r);
}
VM_STRIP2_REDONE(vm_powf, float)

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

#define VM_FLOAT2(name)                                                                                                \
        VM_INLINE float name##f(float a, float b) {                                                                    \
                return (float) name((double) a, (double) b);                                                           \
        }                                                                                                              \
        VM_STRIP2(name##f, float)
VM_FLOAT2(vm_atan2)
VM_FLOAT2(vm_logaddexp)
VM_FLOAT2(vm_logaddexp2)
