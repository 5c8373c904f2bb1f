/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Angles of sines, cosines, tangents and points. */
#include "ops/math-core.h"

#define VM_PI_2 0x1.921fb54442d18p+0
#define VM_PI_2_REST 0x1.1a62633145c07p-54

/* asin x = x + x z q(z) with z = x^2 <= 1/4: this is z q. Relative error below 2^-59. */
VM_INLINE double vm_asin_tail(double z) {
        double z2 = z * z, z4 = z2 * z2, z8 = z4 * z4;
        double low =
                vm_cubic(z, z2, 0x1.5555555555578p-3, 0x1.333333332df60p-4, 0x1.6db6db7227877p-5, 0x1.f1c71a8d2e121p-6);
        double mid =
                vm_cubic(z, z2, 0x1.6e8bdfb78f172p-6, 0x1.1c49e17be1cebp-6, 0x1.ca20ed093b12ep-7, 0x1.757a74771b4cep-7);
        double high = vm_cubic(z, z2, 0x1.6179d96867b80p-7, 0x1.e262fa787cfccp-9, 0x1.64af44702cd72p-6,
                               -0x1.597df9508c9b0p-6);

        return z * ((low + z4 * mid) + z8 * (high + z4 * 0x1.0bbda9dc36537p-5));
}

/* Beyond 1/2 the angle is measured from the other end: acos x = 2 asin s with s = sqrt((1 - x) / 2), as s = *ret_root +
 * *ret_rest, the first with 26 bits. */
VM_INLINE double vm_asin_far(double z, double *ret_root, double *ret_rest) {
        double s = __builtin_sqrt(z), root = vm_upper(s);

        *ret_root = root;
        *ret_rest = (z - root * root) / ((s + root) + 0x1p-1022); /* 0 / 0 otherwise for x = 1 */
        return s;
}

VM_INLINE double vm_asin(double x) {
        double a = vm_abs(x), z = a > 0.5 ? (1.0 - a) * 0.5 : a * a, tail = vm_asin_tail(z), root, rest;
        double s = vm_asin_far(z, &root, &rest);
        double far = VM_PI_2 / 2 - ((2.0 * s * tail - (VM_PI_2_REST - 2.0 * rest)) - (VM_PI_2 / 2 - 2.0 * root));

        far = a > 0.5 ? far : a + a * tail;
        far = a > 1.0 ? VM_NAN : far;
        return vm_flip(vm_or_nan(a, far), vm_sign(x));
}
VM_STRIP(vm_asin, double)

VM_INLINE double vm_acos(double x) {
        double a = vm_abs(x), z = a > 0.5 ? (1.0 - a) * 0.5 : a * a, tail = vm_asin_tail(z), root, rest;
        double s = vm_asin_far(z, &root, &rest);
        double near = VM_PI_2 - (x - (VM_PI_2_REST - x * tail));
        double right = 2.0 * (root + (s * tail + rest));
        double left = 2.0 * (VM_PI_2 - (s + (s * tail - VM_PI_2_REST)));
        double far = x < 0.0 ? left : right;

        far = a > 0.5 ? far : near;
        far = a > 1.0 ? VM_NAN : far;
        return vm_or_nan(x, far);
}
VM_STRIP(vm_acos, double)

/* The angle of a point by the smaller and the larger of its coordinates, both >= 0: small / large = t or, beyond 1/2,
 * tan(pi/4 + atan t) with t = (small - large) / (small + large), so |t| <= 1/2. The angle is then n pi/4 +- atan t;
 * n = 2 - n and the other sign where y is the larger one, n = 4 - n and the other sign for a point on the left. Both
 * are told as signs: their bits turn others over. */
VM_INLINE double vm_angle(double small, double large, uint64_t steep, uint64_t left) {
        int middle = small + small > large;
        double t = (middle ? small - large : small) / (middle ? small + large : large);
        double z = t * t, z2 = z * z, z4 = z2 * z2, tail, n;

        tail = vm_cubic(z, z2, -0x1.5555555555518p-2, 0x1.99999999914abp-3, -0x1.249249216ef73p-3,
                        0x1.c71c70963f877p-4) +
               z4 * (vm_cubic(z, z2, -0x1.745cf54766e2bp-4, 0x1.3b1144da2d4c4p-4, -0x1.10f363275569ep-4,
                              0x1.dfecdb62cd8bbp-5) +
                     z4 * vm_cubic(z, z2, -0x1.a3a6a32aae794p-5, 0x1.571ba7d18fbd6p-5, -0x1.c1f37c3a62ab3p-6,
                                   0x1.4c1e6f52cbb7dp-7));
        tail = t * z * tail;
        n = middle ? 1.0 : 0.0;
        n = vm_flip(n, steep) + vm_double(vm_bits(2.0) & -(steep >> 63));
        n = vm_flip(n, left) + vm_double(vm_bits(4.0) & -(left >> 63));
        /* pi/4 with 50 bits, so that n of it are exact */
        return n * 0x1.921fb54442d10p-1 +
               (vm_flip(t, steep ^ left) + (vm_flip(tail, steep ^ left) + n * 0x1.08d313198a2e0p-50));
}

VM_INLINE double vm_atan(double x) {
        double a = vm_abs(x);

        a = vm_or_nan(a, vm_angle(a > 1.0 ? 1.0 : a, a > 1.0 ? a : 1.0, vm_sign(1.0 - a), 0));
        return vm_flip(a, vm_sign(x));
}
VM_STRIP(vm_atan, double)

VM_INLINE double vm_atan2(double y, double x) {
        double a = vm_abs(y), b = vm_abs(x), nan = x != x ? x + x : y + y;
        double small = a > b ? b : a, large = a > b ? a : b, down = large > 0x1p1000 ? 0x1p-60 : 1.0;

        /* Sums stay finite; two infinities are as far as two ones; nothing over nothing is nothing over something. */
        large = small == VM_INF ? 1.0 : large * down;
        small = small == VM_INF ? 1.0 : small * down;
        large = large < 0x1p-1074 ? 0x1p-1074 : large;
        a = vm_angle(small, large, vm_sign(b - a), vm_sign(x));
        return ((x != x) | (y != y)) ? nan : vm_flip(a, vm_sign(y));
}
VM_STRIP2(vm_atan2, double)
