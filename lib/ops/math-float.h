/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The functions for float.
 *
 * They are those of double with shorter polynomials, 32-bit integers and float arithmetic, and as near to the true
 * value in units of float as those are in units of double. What would need pairs of numbers computes in double and
 * rounds once at the end: the reduction of an angle, powers, the length of a vector, sums of logarithms. Floats too
 * small, too large or subnormal are ordinary doubles. */
#include "ops/math-float-arc.h"
#include "ops/math-float-core.h"
#include "ops/math-float-exp.h"
#include "ops/math-float-log.h"
#include "ops/math-float-trig.h"
#include "ops/math-pow.h"

/* a^(-1/3) from a third of the exponent and mantissa as an integer, to 5 bits; one step of fourth order makes 16 of
 * them. The last step, of third order, is made from a root of 12 bits, whose square is exact. */
VM_INLINE float vm_cbrtf(float x) {
        float abs_x = vm_absf(x), a = abs_x < 0x1p-126f ? abs_x * 0x1p24f : abs_x, inverse, root, d;

        inverse = vm_float(0x54a1f400U - (uint32_t) (int32_t) ((float) (int32_t) vm_bitsf(a) * 0x1.555556p-2f));
        d       = 1.0f - (a * inverse) * (inverse * inverse);
        inverse += inverse * (d * (0x1.555556p-2f + d * (0x1.c71c72p-3f + d * 0x1.61f9aep-3f)));
        root = vm_float(vm_bitsf(a * (inverse * inverse)) & UINT32_C(0xfffff000));
        d    = (a / (root * root) - root) * 0x1.555556p-2f;
        root = root + (d - d * d * inverse);
        root = abs_x < 0x1p-126f ? root * 0x1p-8f : root;
        root = abs_x > 0.0f ? root : abs_x;
        root = abs_x < VM_INFF ? root : abs_x + abs_x;
        return vm_flipf(root, vm_signf(x));
}
VM_STRIP(vm_cbrtf, float)

VM_INLINE float vm_hypotf(float x, float y) {
        double a = vm_abs((double) x), b = vm_abs((double) y), r = __builtin_sqrt(a * a + b * b);

        r = vm_or_nan(b, r);
        r = vm_or_nan(a, r);
        r = a == VM_INF ? a : r;
        return (float) (b == VM_INF ? b : r);
}
VM_STRIP2(vm_hypotf, float)

/* 2^p for p = y log2(x): as vm_pow(), with one number where that takes two, to 34 bits. */
VM_INLINE double vm_powf_log2(double k, double f) {
        double s = f / (2.0 + f), z = s * s;

        return k + s * (0x1.71547652b82fep+1 + z * vm_cubic(z, z * z, 0x1.ec709d4505089p-1, 0x1.2777675eb10dfp-1,
                                                            0x1.a59651b0376a3p-2, 0x1.5c62c79ba37f1p-2));
}

VM_INLINE double vm_powf_exp2(double p) {
        double t = p + (VM_ROUND + 1023), d = p - (t - (VM_ROUND + 1023)), d2 = d * d, q;

        q = vm_cubic(d, d2, 0x1.ebfbe0954a5ccp-3, 0x1.c6af85234628fp-5, 0x1.3b29d28b68578p-7, 0x1.5f05c79f3bbd3p-10) +
            (d2 * d2) * 0x1.4477d9d8f1129p-13;
        return ((1.0 + d * 0x1.62e42fefa39efp-1) + d2 * q) * vm_double(vm_bits(t) << 52);
}

VM_INLINE float vm_powf_fast(float x, float y, int *bad) {
        float f, k = vm_log_partsf(x, &f) - 127.0f;
        double p = (double) y * vm_powf_log2((double) k, (double) f);

        *bad |= -!(x >= 0x1p-126f);
        *bad |= -!(x < VM_INFF);
        *bad |= -!(vm_absf((float) p) < 160.0f);
        return (float) vm_powf_exp2(p);
}

VM_INLINE float vm_powf(float xf, float yf) {
        float f, k = vm_log_splitf(vm_absf(xf), &f);
        double x = (double) xf, y = (double) yf, ax = vm_abs(x), ay = vm_abs(y), p, r, unit, whole;
        double log = vm_powf_log2((double) k, (double) f);
        uint64_t odd;

        log = ax == 0.0 ? -VM_INF : log;
        log = ax == VM_INF ? VM_INF : log;
        p = ax == 1.0 ? 0.0 : y * log; /* y may be infinite */
        r = vm_powf_exp2(p);
        r = p > 160.0 ? VM_INF : r;
        r = p < -160.0 ? 0.0 : r;

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

#define VM_FLOAT2(name)                                                                                                \
        VM_INLINE float name##f(float a, float b) {                                                                    \
                return (float) name((double) a, (double) b);                                                           \
        }                                                                                                              \
        VM_STRIP2(name##f, float)
VM_FLOAT2(vm_logaddexp)
VM_FLOAT2(vm_logaddexp2)
