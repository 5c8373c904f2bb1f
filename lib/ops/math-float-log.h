/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The logarithm of floats and what is made of it. */
#include "ops/math-float-core.h"

#define VM_LOG_SQRT_HALFF UINT32_C(0x3f3504f3)
#define VM_LOG_BIASF (UINT32_C(0x3f800000) - VM_LOG_SQRT_HALFF)

/* k + 127 and f of an ordinary positive x = 2^k (1 + f). */
VM_INLINE float vm_log_partsf(float x, float *ret_f) {
        uint32_t u = vm_bitsf(x) + VM_LOG_BIASF;

        *ret_f = vm_float((u & UINT32_C(0x007fffff)) + VM_LOG_SQRT_HALFF) - 1.0f;
        return (float) (int32_t) (u >> 23);
}

/* k and f, subnormal x included. */
VM_INLINE float vm_log_splitf(float x, float *ret_f) {
        float k = vm_log_partsf(x < 0x1p-126f ? x * 0x1p23f : x, ret_f);

        return k - (x < 0x1p-126f ? 127.0f + 23.0f : 127.0f);
}

VM_INLINE float vm_log_tailf(float f, float h) {
        float s = f / (2.0f + f), z = s * s;

        return s * (h + z * (0x1.55557ap-1f + z * (0x1.995eb6p-2f + z * 0x1.31e34cp-2f)));
}

VM_INLINE float vm_log_definedf(float x, float y) {
        float other = x < 0.0f ? VM_NANF : x + x;

        other = x == 0.0f ? -VM_INFF : other;
        y = x > 0.0f ? y : other;
        return x < VM_INFF ? y : other;
}

VM_INLINE float vm_logf(float x) {
        float f, k = vm_log_splitf(x, &f), h = 0.5f * f * f;

        return vm_log_definedf(x, k * 0x1.62e4p-1f - ((h - (vm_log_tailf(f, h) + k * 0x1.7f7d1cp-20f)) - f));
}
VM_STRIP(vm_logf, float)

/* As vm_log2_sum() and vm_log10_sum(). */
VM_INLINE float vm_log2f(float x) {
        float f, k = vm_log_splitf(x, &f), h = 0.5f * f * f, rest = (vm_log_tailf(f, h) - h) * 0x1.715476p+0f;

        return vm_log_definedf(x, k + (f + (f * 0x1.c551dap-2f + rest)));
}
VM_STRIP(vm_log2f, float)

VM_INLINE float vm_log10f(float x) {
        float f, k = vm_log_splitf(x, &f), h = 0.5f * f * f, rest = (vm_log_tailf(f, h) - h) * 0x1.bcb7b2p-2f;

        return vm_log_definedf(x, k * 0x1.344p-2f + (0.5f * f + (f * -0x1.0d213ap-4f + (rest + k * 0x1.3509f8p-18f))));
}
VM_STRIP(vm_log10f, float)

/* As vm_log1p_sum(). */
VM_INLINE float vm_log1p_sumf(float t, int far) {
        float u = far ? t : 1.0f + t;
        float c = t >= 1.0f ? 1.0f - (u - t) : t - (u - 1.0f);
        float f, k = vm_log_partsf(u, &f) - (far ? 126.0f : 127.0f), h = 0.5f * f * f, rest = far ? 0.0f : c / u;

        return k * 0x1.62e4p-1f - ((h - (vm_log_tailf(f, h) + (k * 0x1.7f7d1cp-20f + rest))) - f);
}

VM_INLINE float vm_log1pf(float x) {
        float y = vm_log1p_sumf(x, 0), other = x < -1.0f ? VM_NANF : x + x;

        other = x == -1.0f ? -VM_INFF : other;
        return ((x > -1.0f) & (x < VM_INFF) & (x != 0.0f)) ? y : other;
}
VM_STRIP(vm_log1pf, float)

VM_INLINE float vm_asinhf(float x) {
        float a = vm_absf(x), z = a * a, t = a + z / (1.0f + __builtin_sqrtf(1.0f + z)), y;
        int far = a > 0x1p12f;

        y = vm_log1p_sumf(far ? a : t, far);
        y = ((a > 0.0f) & (a < VM_INFF)) ? y : a + a;
        return vm_flipf(y, vm_signf(x));
}
VM_STRIP(vm_asinhf, float)

VM_INLINE float vm_acoshf(float x) {
        float a = x - 1.0f, t = a + __builtin_sqrtf(a * (2.0f + a)), y;
        int far = x > 0x1p12f;

        y = vm_log1p_sumf(far ? x : t, far);
        y = x < VM_INFF ? y : x + x;
        return x < 1.0f ? VM_NANF : y;
}
VM_STRIP(vm_acoshf, float)

VM_INLINE float vm_atanhf(float x) {
        float a = vm_absf(x), d = a + a, q = (a < 0.5f ? d * a : d) / (1.0f - a);
        float y = 0.5f * vm_log1p_sumf(a < 0.5f ? d + q : q, 0);

        y = a == 1.0f ? VM_INFF : y;
        y = a > 1.0f ? VM_NANF : y;
        return vm_flipf(a > 0.0f ? y : a + a, vm_signf(x));
}
VM_STRIP(vm_atanhf, float)
