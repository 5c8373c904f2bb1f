/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Angles of sines, cosines, tangents and points, of floats. */
#include "ops/math-float-core.h"

#define VM_PI_2F 0x1.921fb6p+0f
#define VM_PI_2_RESTF (-0x1.777a5cp-25f)

VM_INLINE float vm_asin_tailf(float z) {
        float z2 = z * z;

        return z * ((0x1.5555cap-3f + z * 0x1.330148p-4f) +
                    z2 * ((0x1.748d0ap-5f + z * 0x1.8b9b7ep-6f) + z2 * 0x1.59e0fep-5f));
}

/* As vm_asin() and vm_acos(); what the root is rounded by stays away here. */
VM_INLINE float vm_asinf(float x) {
        float a = vm_absf(x), z = a > 0.5f ? (1.0f - a) * 0.5f : a * a, tail = vm_asin_tailf(z);
        float s = 2.0f * __builtin_sqrtf(z), far = VM_PI_2F / 2 - ((s * tail - VM_PI_2_RESTF) - (VM_PI_2F / 2 - s));

        far = a > 0.5f ? far : a + a * tail;
        far = a > 1.0f ? VM_NANF : far;
        return vm_flipf(vm_or_nanf(a, far), vm_signf(x));
}
VM_STRIP(vm_asinf, float)

VM_INLINE float vm_acosf(float x) {
        float a = vm_absf(x), z = a > 0.5f ? (1.0f - a) * 0.5f : a * a, tail = vm_asin_tailf(z);
        float s = __builtin_sqrtf(z), near = VM_PI_2F - (x - (VM_PI_2_RESTF - x * tail));
        float right = 2.0f * (s + s * tail), left = 2.0f * (VM_PI_2F - (s + (s * tail - VM_PI_2_RESTF)));
        float far = x < 0.0f ? left : right;

        far = a > 0.5f ? far : near;
        far = a > 1.0f ? VM_NANF : far;
        return vm_or_nanf(x, far);
}
VM_STRIP(vm_acosf, float)

/* As vm_angle(). */
VM_INLINE float vm_anglef(float small, float large, uint32_t steep, uint32_t left) {
        int middle = small + small > large;
        float t = (middle ? small - large : small) / (middle ? small + large : large);
        float z = t * t, z2 = z * z, tail, n;

        tail = (t * z) * ((-0x1.555514p-2f + z * 0x1.997bd0p-3f) +
                          z2 * ((-0x1.2253a6p-3f + z * 0x1.a05e3ap-4f) + z2 * -0x1.a52980p-5f));
        /* n, 2 - n, and 4 less that */
        n = middle ? 1.0f : 0.0f;
        n = vm_flipf(n, steep) + vm_float(vm_bitsf(2.0f) & -(steep >> 31));
        n = vm_flipf(n, left) + vm_float(vm_bitsf(4.0f) & -(left >> 31));
        /* pi/4 with 21 bits, so that n of it are exact */
        return n * 0x1.921fbp-1f +
               (vm_flipf(t, steep ^ left) + (vm_flipf(tail, steep ^ left) + n * 0x1.5110b4p-23f));
}

VM_INLINE float vm_atanf(float x) {
        float a = vm_absf(x);

        a = vm_or_nanf(a, vm_anglef(a > 1.0f ? 1.0f : a, a > 1.0f ? a : 1.0f, vm_signf(1.0f - a), 0));
        return vm_flipf(a, vm_signf(x));
}
VM_STRIP(vm_atanf, float)

VM_INLINE float vm_atan2f(float y, float x) {
        float a = vm_absf(y), b = vm_absf(x), nan = x != x ? x + x : y + y;
        float small = a > b ? b : a, large = a > b ? a : b, down = large > 0x1p125f ? 0x1p-4f : 1.0f;

        /* Sums stay finite; two infinities are as far as two ones; nothing over nothing is nothing over something. */
        large = small == VM_INFF ? 1.0f : large * down;
        small = small == VM_INFF ? 1.0f : small * down;
        large = large < 0x1p-149f ? 0x1p-149f : large;
        a     = vm_flipf(vm_anglef(small, large, vm_signf(b - a), vm_signf(x)), vm_signf(y));
        return ((x != x) | (y != y)) ? nan : a;
}
VM_STRIP2(vm_atan2f, float)
