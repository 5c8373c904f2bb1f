/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sine, cosine, tangent.
 *
 * x = k pi/2 + r with k the integer next to x / (pi/2). The fast way takes k pi/2 off in two parts: the first has 27
 * bits, so k times it and the first difference are exact for |k| < 2^26; the second is off by k 2^-82 at most. r is
 * then good to 2^-58 unless it is below k 2^-24, that is, unless x comes very close to a multiple of pi/2: such
 * elements are repaired. For |k| > 0.8 2^24 these are all, so one comparison finds the numbers beyond the range too.
 * Quadrant k mod 4 says which polynomial and which sign.
 *
 * The rare way multiplies the 53 bits of x with those 192 bits of 2/pi that matter for its exponent (Payne and Hanek),
 * in integers, and keeps the rest of r's rounding as a second number. */
#include "ops/math-core.h"

typedef struct VmTrig {
        double r, rest; /* r is rounded, r + rest nearly exact */
        uint64_t k;     /* its low bits */
} VmTrig;

VM_INLINE VmTrig vm_trig_reduced(double abs_x, VmBad *bad) {
        double t = abs_x * 0x1.45f306dc9c883p-1 + VM_ROUND;
        double k = t - VM_ROUND;
        double a = abs_x - k * 0x1.921fb54p+0, b = k * 0x1.10b4611a62633p-30, r = a - b;

        vm_bad_below(bad, vm_abs(r), k * 0x1p-24);
        return (VmTrig) { .r = r, .rest = (a - r) - b, .k = vm_bits(t) };
}

/* sin r = r + r^3 S(r^2), cos r = 1 - (r^2 / 2 - r^4 C(r^2)): these are S and C. Relative errors below 2^-57, 2^-59. */
VM_INLINE double vm_sin_tail(double z) {
        double w = z * z;

        return (-0x1.5555555555549p-3 + z * 0x1.111111110f87dp-7) +
               w * ((-0x1.a01a019c12030p-13 + z * 0x1.71de35781627cp-19) +
                    w * (-0x1.ae5e6688372bep-26 + z * 0x1.5d93184528522p-33));
}

VM_INLINE double vm_cos_tail(double z) {
        double w = z * z;

        return (0x1.555555555554cp-5 + z * -0x1.6c16c16c15181p-10) +
               w * ((0x1.a01a019cb2175p-16 + z * -0x1.27e4f80a34251p-22) +
                    w * (0x1.1ee9ec18df9e1p-29 + z * -0x1.8faeb60c5a260p-37));
}

VM_INLINE double vm_trig_sin(double r) {
        double z = r * r;

        return r + r * z * vm_sin_tail(z);
}

VM_INLINE double vm_trig_cos(double r) {
        double z = r * r;

        return 1.0 - (0.5 * z - z * z * vm_cos_tail(z));
}

VM_INLINE double vm_sin_fast(double x, VmBad *bad) {
        VmTrig t = vm_trig_reduced(vm_abs(x), bad);
        double y = vm_odd(t.k, vm_trig_cos(t.r), vm_trig_sin(t.r));

        return vm_flip(y, ((t.k << 62) & VM_SIGN) ^ vm_sign(x));
}

VM_INLINE double vm_cos_fast(double x, VmBad *bad) {
        VmTrig t = vm_trig_reduced(vm_abs(x), bad);
        double y = vm_odd(t.k, vm_trig_sin(t.r), vm_trig_cos(t.r));

        return vm_flip(y, ((t.k + 1) << 62) & VM_SIGN);
}

VM_INLINE double vm_tan_fast(double x, VmBad *bad) {
        VmTrig t = vm_trig_reduced(vm_abs(x), bad);
        double s = vm_trig_sin(t.r), c = vm_trig_cos(t.r);
        double y = vm_odd(t.k, c, s) / vm_odd(t.k, s, c);

        /* The rest counts here: the derivative is 1 + tan^2. */
        y += vm_flip(t.rest, t.k << 63) * (1.0 + y * y);
        return vm_flip(y, (t.k << 63) ^ vm_sign(x));
}

/* The rare way. */

typedef struct VmTrigExact {
        double r, rest; /* r + rest, |rest| below half a unit of r */
        uint64_t k;
} VmTrigExact;

/* The upper half of the product. */
VM_INLINE uint64_t vm_mul_high(uint64_t a, uint64_t b) {
        return (uint64_t) (((unsigned __int128) a * b) >> 64);
}

VM_RARE VmTrigExact vm_trig_exact(double abs_x) {
        /* 2/pi behind 64 bits of zero, so that exponents below 0 find bits too. */
        static const uint64_t two_over_pi[] = {
                0,
                0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
                0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
                0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
                0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
        };
        uint64_t u = vm_bits(abs_x), m = (u & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x0010000000000000);
        int exponent = (int) (u >> 52) - 1075; /* abs_x = m 2^exponent */
        /* The bits of 2/pi before number exponent - 2 make multiples of 4 when they meet m: they do not matter. */
        unsigned from = (unsigned) (64 + exponent - 2), word = from / 64, shift = from % 64;
        uint64_t w[3], p[3], k, sign, h, l;
        double hi, lo;
        VmTrigExact ret;

        for (unsigned i = 0; i < 3; i++)
                w[i] = shift ? two_over_pi[word + i] << shift | two_over_pi[word + i + 1] >> (64 - shift)
                             : two_over_pi[word + i];

        /* p = m w mod 2^192, in units of 2^-190: x / (pi/2) mod 4. */
        p[2] = m * w[2];
        p[1] = m * w[1] + vm_mul_high(m, w[2]);
        p[0] = m * w[0] + vm_mul_high(m, w[1]) + (p[1] < m * w[1]);
        k = p[0] >> 62;
        p[0] = p[0] << 2 | p[1] >> 62;
        p[1] = p[1] << 2 | p[2] >> 62;
        p[2] = p[2] << 2;

        /* The fraction, from -1/2 to 1/2: beyond 1/2 the next quadrant and the complement. */
        sign = p[0] & VM_SIGN;
        if (sign) {
                k++;
                p[0] = ~p[0];
                p[1] = ~p[1];
                p[2] = ~p[2];
        }

        /* Its first 106 bits as two numbers. No multiple of pi/2 is nearer to a number than 2^-62. */
        l = p[0] ? (uint64_t) __builtin_clzll(p[0]) : 64;
        if (l == 64) {
                p[0] = p[1];
                p[1] = p[2];
                p[2] = 0;
                h = p[0] ? (uint64_t) __builtin_clzll(p[0]) : 63;
        } else
                h = l, l = 0;
        if (h) {
                p[0] = p[0] << h | p[1] >> (64 - h);
                p[1] = p[1] << h | p[2] >> (64 - h);
        }
        hi = (double) (int64_t) (p[0] >> 11);
        lo = (double) (int64_t) ((p[0] & 0x7ff) << 42 | p[1] >> 22) * 0x1p-53;
        hi *= vm_double((1023 - 53 - l - h) << 52);
        lo *= vm_double((1023 - 53 - l - h) << 52);

        /* Times pi/2, the product of the leading parts without error: halves of 26 bits. */
        {
                const double c = 0x1.921fb54442d18p+0, c_rest = 0x1.1a62633145c07p-54;
                const double ch = 0x1.921fb50000000p+0, cl = 0x1.110b460000000p-26;
                double ah = vm_double(vm_bits(hi) & UINT64_C(0xfffffffff8000000)), al = hi - ah;
                double y = hi * c;
                double e = ((ah * ch - y) + ah * cl + al * ch) + al * cl;

                e += hi * c_rest + lo * c;
                ret.r = y + e;
                ret.rest = (y - ret.r) + e;
        }
        ret.r = vm_flip(ret.r, sign);
        ret.rest = vm_flip(ret.rest, sign);
        ret.k = k;
        return ret;
}

/* sin(r + rest) and cos(r + rest) with the correction of first order. */
VM_INLINE double vm_trig_exact_sin(VmTrigExact t) {
        double z = t.r * t.r;

        return t.r + (t.rest * (1.0 - 0.5 * z) + t.r * z * vm_sin_tail(z));
}

VM_INLINE double vm_trig_exact_cos(VmTrigExact t) {
        double z = t.r * t.r, h = 0.5 * z, w = 1.0 - h;

        return w + (((1.0 - w) - h) + (z * z * vm_cos_tail(z) - t.r * t.rest));
}

/* What no argument below 2^-27 meets: the fast way does those. */
VM_RARE double vm_sin_rare(double x) {
        VmTrigExact t;
        double y;

        if (!(vm_abs(x) < VM_INF))
                return x != x ? x + x : VM_NAN;
        t = vm_trig_exact(vm_abs(x));
        y = t.k & 1 ? vm_trig_exact_cos(t) : vm_trig_exact_sin(t);
        return vm_flip(y, ((t.k << 62) & VM_SIGN) ^ vm_sign(x));
}

VM_RARE double vm_cos_rare(double x) {
        VmTrigExact t;
        double y;

        if (!(vm_abs(x) < VM_INF))
                return x != x ? x + x : VM_NAN;
        t = vm_trig_exact(vm_abs(x));
        y = t.k & 1 ? vm_trig_exact_sin(t) : vm_trig_exact_cos(t);
        return vm_flip(y, ((t.k + 1) << 62) & VM_SIGN);
}

VM_RARE double vm_tan_rare(double x) {
        VmTrigExact t;
        double s, c;

        if (!(vm_abs(x) < VM_INF))
                return x != x ? x + x : VM_NAN;
        t = vm_trig_exact(vm_abs(x));
        s = vm_trig_exact_sin(t);
        c = vm_trig_exact_cos(t);
        return vm_flip(t.k & 1 ? c / s : s / c, (t.k << 63) ^ vm_sign(x));
}
VM_STRIP_REPAIRED(vm_sin, double)
VM_STRIP_REPAIRED(vm_cos, double)
VM_STRIP_REPAIRED(vm_tan, double)
