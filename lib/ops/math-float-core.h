/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the functions of float share (math-float.h). */
#include "ops/math-core.h"

#define VM_INFF __builtin_inff()
#define VM_NANF __builtin_nanf("")
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

VM_INLINE uint32_t vm_signf(float x) {
        return vm_bitsf(x) & VM_SIGNF;
}

VM_INLINE float vm_flipf(float x, uint32_t sign) {
        return vm_float(vm_bitsf(x) ^ sign);
}

VM_INLINE float vm_or_nanf(float x, float y) {
        return x == x ? y : x + x;
}
