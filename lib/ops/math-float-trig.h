/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sine, cosine and tangent of floats. Only the reduction of an angle is done in double. */
#include "ops/math-float-core.h"
#include "ops/math-trig.h"

#define VM_TRIG_MAXF 0x1.9p22f /* k stays below 2^22 */

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

/* tan r, and in odd quadrants pi/4 -1 / tan r. */
VM_INLINE float vm_tanf_fast(float x, int *bad) {
        VmTrig t = vm_trig_reducedf(vm_absf(x));
        float r = (float) t.r, z = r * r, z2 = z * z, y;
        uint32_t k = (uint32_t) t.k;

        y = (0x1.555562p-2f + z * 0x1.110d46p-3f) +
            z2 * ((0x1.bae7c0p-5f + z * 0x1.5c3cd0p-6f) +
                  z2 * ((0x1.654522p-7f + z * 0x1.223106p-17f) + z2 * 0x1.214c26p-8f));
        y = r + r * z * y;
        y = (int32_t) (k << 31) < 0 ? -1.0f / y : y;
        *bad |= -!(vm_absf(x) <= VM_TRIG_MAXF);
        return vm_flipf(y, vm_signf(x));
}

VM_RARE float vm_tanf_rare(float x) {
        return (float) vm_tan_rare((double) x);
}
VM_STRIP_REPAIRED(vm_tanf, float)
