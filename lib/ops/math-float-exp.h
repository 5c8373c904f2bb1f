/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The exponential of floats and what is made of it. */
#include "ops/math-float-core.h"

/* y 2^k of the low bits of k + 254, with one rounding at most. */
VM_INLINE float vm_scaledf(float y, uint32_t k) {
        uint32_t half = k >> 1;

        return (y * vm_float(half << 23)) * vm_float((k - half) << 23);
}

/* e^r of x = k ln 2 + r; the low bits of *ret_k are those of k + 254. */
VM_INLINE float vm_exp_reducedf(float x, uint32_t *ret_k) {
        float t = x * 0x1.715476p+0f + (VM_ROUNDF + 254), k = t - (VM_ROUNDF + 254);
        float r = (x - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f, r2 = r * r, q;

        q = (0.5f + r * 0x1.55548ep-3f) + r2 * ((0x1.55545ep-5f + r * 0x1.123b54p-7f) + r2 * 0x1.6db426p-10f);
        *ret_k = vm_bitsf(t);
        return 1.0f + (r + r2 * q);
}

VM_INLINE float vm_expf(float x) {
        uint32_t k;
        float y;

        x = x > 89.0f ? 89.0f : x;
        x = x < -105.0f ? -105.0f : x;
        y = vm_exp_reducedf(x, &k);
        return vm_or_nanf(x, vm_scaledf(y, k));
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
        return vm_or_nanf(x, q);
}
VM_STRIP(vm_exp2f, float)

/* As vm_expm1(). */
VM_INLINE float vm_expm1f(float x) {
        float t = x * 0x1.715476p+0f + (VM_ROUNDF + 254), k = t - (VM_ROUNDF + 254);
        float above = x - k * 0x1.62e4p-1f, below = k * 0x1.7f7d1cp-20f, r = above - below, r2 = r * r;
        float one = 1.0f - vm_scaledf(1.0f, 2 * 254 - vm_bitsf(t)), sum = one + r;
        float rest = ((above - r) - below) + ((one - sum) + r), q, y;

        q = (0.5f + r * 0x1.555556p-3f) +
            r2 * ((0x1.5554aep-5f + r * 0x1.1110d4p-7f) + r2 * (0x1.6d7518p-10f + r * 0x1.a13c10p-13f));
        y = vm_scaledf(sum + (rest + r2 * q), vm_bitsf(t));
        y = x > 89.0f ? VM_INFF : y;
        y = x < -18.0f ? -1.0f : y;
        return vm_absf(x) > 0.0f ? y : x + x;
}
VM_STRIP(vm_expm1f, float)

/* e^|x| / 2 */
VM_INLINE float vm_exp_halff(float abs_x) {
        uint32_t k;
        float y;

        abs_x = abs_x > 90.0f ? 90.0f : abs_x;
        y     = vm_exp_reducedf(abs_x, &k);
        return vm_scaledf(0.5f * y, k);
}

VM_INLINE float vm_sinhf(float x) {
        float a = vm_absf(x), half = vm_exp_halff(a), z = a * a, q, y;

        q = (0x1.555556p-3f + z * 0x1.111136p-7f) + (z * z) * (0x1.9ffe12p-13f + z * 0x1.7a267cp-19f);
        y = a < 1.0f ? a + a * z * q : half - 0.25f / half;
        return vm_flipf(vm_or_nanf(a, y), vm_signf(x));
}
VM_STRIP(vm_sinhf, float)

VM_INLINE float vm_coshf(float x) {
        float half = vm_exp_halff(vm_absf(x));

        return vm_or_nanf(x, half + 0.25f / half);
}
VM_STRIP(vm_coshf, float)

VM_INLINE float vm_tanhf(float x) {
        float a = vm_absf(x), z = a * a, z2 = z * z, b = a > 10.0f ? 10.0f : a, q, e, y;
        uint32_t k;

        q = (-0x1.555534p-2f + z * 0x1.110768p-3f) +
            z2 * ((-0x1.b8442ap-5f + z * 0x1.525602p-6f) + z2 * -0x1.76a830p-8f);
        e = vm_exp_reducedf(2.0f * b, &k);
        e = vm_float(vm_bitsf(e) + ((k - 254) << 23));
        y = a < 0.625f ? a + a * z * q : 1.0f - 2.0f / (e + 1.0f);
        return vm_flipf(vm_or_nanf(a, y), vm_signf(x));
}
VM_STRIP(vm_tanhf, float)
