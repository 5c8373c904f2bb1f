/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Floating-point numbers of as many digits as it takes, for sums whose terms cancel, and doubles with exponents that do
 * not overflow.
 *
 * A VmBig is sign * (limb[0] + limb[1] 2^32 + …) * 2^(32 exponent); its first limb and its last are not zero. What an
 * operation is told to keep are so many limbs; the rest is cut off, never rounded, so that an error is below one unit
 * of the last limb kept: 2^-(32 (limbs - 1)) of the number. All is done with 32-bit limbs in 64-bit integers, which is
 * the same everywhere. Numbers are on the stack; what needs more than VM_BIG_MOST limbs is not for them. */
#include <math.h>
#include <stdbool.h>

#include "ops/math-exp.h"
#include "ops/math-pow.h"

enum {
        VM_BIG_MOST   = 192, /* limbs kept, 6144 bits: terms of e^2000 cancel */
        VM_BIG_LEAST  = 5,   /* with less there is nothing to gain over doubles */
        VM_BIG_DOUBLE = 3,   /* of a double: 53 bits, anywhere */
};

typedef struct VmBig {
        int sign; /* 0: zero, which has no limbs */
        int n;
        int64_t exponent;
        uint32_t limb[VM_BIG_MOST];
} VmBig;

/* ---- Doubles with an exponent ----------------------------------------------------------------------------------- */

typedef struct VmScaled {
        double m; /* zero, NaN, infinite, or from 1/2 to 1 */
        int64_t exponent;
} VmScaled;

VM_RARE VmScaled vm_scaled(double m, int64_t exponent) {
        int own = 0;

        if (m != 0.0 && vm_abs(m) < VM_INF)
                m = frexp(m, &own);
        return (VmScaled) { m, exponent + own };
}

VM_INLINE VmScaled vm_scaled_times(VmScaled a, VmScaled b) {
        return vm_scaled(a.m * b.m, a.exponent + b.exponent);
}

VM_INLINE VmScaled vm_scaled_over(VmScaled a, VmScaled b) {
        return vm_scaled(a.m / b.m, a.exponent - b.exponent);
}

VM_RARE VmScaled vm_scaled_plus(VmScaled a, VmScaled b) {
        const int64_t d = b.exponent - a.exponent;

        if (a.m == 0.0 || d > 2000)
                return b;
        if (b.m == 0.0 || d < -2000)
                return a;
        if (d > 0)
                return vm_scaled(ldexp(a.m, (int) -d) + b.m, b.exponent);
        return vm_scaled(a.m + ldexp(b.m, (int) d), a.exponent);
}

VM_INLINE double vm_scaled_double(VmScaled a) {
        return ldexp(a.m, a.exponent > 3000 ? 3000 : a.exponent < -3000 ? -3000 : (int) a.exponent);
}

/* Squares, so often that the first of them does not overflow. */
VM_RARE VmScaled vm_scaled_squared(double root, int n) {
        VmScaled y = vm_scaled(root, 0);

        for (; n > 0; n--)
                y = vm_scaled_times(y, y);
        return y;
}

/* e^x, |x| < 2^40. */
VM_RARE VmScaled vm_scaled_exp(double x) {
        int n = 0;

        for (; vm_abs(x) > 700.0; n++)
                x *= 0.5;
        return vm_scaled_squared(vm_exp(x), n);
}

/* x^y of x > 0, |y| < 2^40. */
VM_RARE VmScaled vm_scaled_pow(double x, double y) {
        int own = 0, n = 0;

        (void) frexp(x, &own);
        for (; vm_abs(y) * (own < 0 ? 1.0 - own : own) > 1000.0; n++)
                y *= 0.5;
        return vm_scaled_squared(vm_pow(x, y), n);
}

/* ---- Numbers of limbs ------------------------------------------------------------------------------------------- */

/* Where its highest limb is. */
VM_INLINE int64_t vm_big_top(const VmBig *a) {
        return a->exponent + a->n;
}

/* Of limbs from `limb` on, n of them: those that count, and no zeros at the ends. */
VM_RARE void vm_big_set(VmBig *ret, int sign, const uint32_t *limb, int n, int64_t exponent, int limbs) {
        int first = 0;

        while (n > 0 && limb[n - 1] == 0)
                n--;
        if (n > limbs)
                first = n - limbs;
        while (first < n && limb[first] == 0)
                first++;
        ret->n        = n - first;
        ret->sign     = n > first ? sign : 0;
        ret->exponent = exponent + first;
        memmove(ret->limb, limb + first, (size_t) (n - first) * sizeof(*limb));
}

VM_RARE void vm_big_of(VmBig *ret, double x) {
        uint32_t limb[VM_BIG_DOUBLE];
        int e = 0, down;
        uint64_t m;

        m = (uint64_t) ldexp(frexp(vm_abs(x), &e), 53); /* x is m 2^(e - 53) */
        e -= 53;
        down    = ((e % 32) + 32) % 32;
        limb[0] = (uint32_t) (m << down);
        limb[1] = (uint32_t) (down == 0 ? m >> 32 : m >> (32 - down));
        limb[2] = (uint32_t) (down == 0 ? 0 : m >> 32 >> (32 - down));
        vm_big_set(ret, x < 0.0 ? -1 : 1, limb, VM_BIG_DOUBLE, (e - down) / 32, VM_BIG_DOUBLE);
}

VM_RARE VmScaled vm_big_scaled(const VmBig *a) {
        double m = 0.0;

        for (int i = a->n - 1; i >= 0 && i >= a->n - 4; i--)
                m += ldexp((double) a->limb[i], 32 * (i - a->n));
        return vm_scaled(a->sign * m, 32 * vm_big_top(a));
}

/* -1, 0, 1 as |a| is less than, equal to, greater than |b|. */
VM_RARE int vm_big_compare(const VmBig *a, const VmBig *b) {
        const int64_t top_a = vm_big_top(a), top_b = vm_big_top(b);

        if (a->n == 0 || b->n == 0 || top_a != top_b)
                return a->n == 0 ? -(b->n > 0) : b->n == 0 || top_a > top_b ? 1 : -1;
        for (int i = 1; i <= a->n && i <= b->n; i++)
                if (a->limb[a->n - i] != b->limb[b->n - i])
                        return a->limb[a->n - i] > b->limb[b->n - i] ? 1 : -1;
        return a->n == b->n ? 0 : a->n > b->n ? 1 : -1;
}

VM_INLINE uint32_t vm_big_at(const VmBig *a, int64_t place) {
        return place < a->exponent || place >= vm_big_top(a) ? 0 : a->limb[place - a->exponent];
}

/* ret = a + b; it may be either. */
VM_RARE void vm_big_add(VmBig *ret, const VmBig *a, const VmBig *b, int limbs) {
        uint32_t sum[VM_BIG_MOST + 2];
        int64_t low, top;
        uint64_t carry = 0;
        bool same      = a->sign == b->sign;

        if (vm_big_compare(a, b) < 0) {
                const VmBig *c = a;

                a = b;
                b = c;
        }
        if (b->n == 0) {
                vm_big_set(ret, a->sign, a->limb, a->n, a->exponent, limbs);
                return;
        }
        top = vm_big_top(a);
        low = a->exponent < b->exponent ? a->exponent : b->exponent;
        if (low < top - limbs - 1)
                low = top - limbs - 1;
        for (int64_t k = low; k < top; k++) {
                if (same)
                        carry += (uint64_t) vm_big_at(a, k) + vm_big_at(b, k);
                else
                        carry = (uint64_t) vm_big_at(a, k) - vm_big_at(b, k) - (carry >> 63);
                sum[k - low] = (uint32_t) carry;
                if (same)
                        carry >>= 32;
        }
        sum[top - low] = same ? (uint32_t) carry : 0;
        vm_big_set(ret, a->sign, sum, (int) (top - low) + 1, low, limbs);
}

/* ret = a b; it may be either. */
VM_RARE void vm_big_mul(VmBig *ret, const VmBig *a, const VmBig *b, int limbs) {
        uint32_t product[2 * VM_BIG_MOST];

        memset(product, 0, (size_t) (a->n + b->n) * sizeof(*product));
        for (int i = 0; i < a->n; i++) {
                uint64_t carry = 0;

                for (int j = 0; j < b->n; j++) {
                        carry += (uint64_t) a->limb[i] * b->limb[j] + product[i + j];
                        product[i + j] = (uint32_t) carry;
                        carry >>= 32;
                }
                product[i + b->n] = (uint32_t) carry;
        }
        vm_big_set(ret, a->sign * b->sign, product, a->n + b->n, a->exponent + b->exponent, limbs);
}

/* ret = a / b, b not zero; it may be either. Knuth's algorithm D. */
VM_RARE void vm_big_div(VmBig *ret, const VmBig *a, const VmBig *b, int limbs) {
        uint32_t u[2 * VM_BIG_MOST + 3], v[VM_BIG_MOST], q[VM_BIG_MOST + 2];
        const int n = b->n, shift = __builtin_clz(b->limb[n - 1]);
        const int n_q = limbs + 1, n_u = n_q + n; /* u has n_q + n limbs, the highest of them for the shift */
        uint64_t carry = 0;

        if (a->n == 0) {
                ret->n = ret->sign = 0;
                return;
        }
        for (int i = 0; i < n; i++) {
                carry |= (uint64_t) b->limb[i] << shift;
                v[i] = (uint32_t) carry;
                carry >>= 32;
        }
        carry = 0;
        for (int i = 0; i < n_u; i++) { /* a's limbs at the top, zeros or nothing below */
                const int from = a->n - (n_u - 1) + i;

                carry |= (uint64_t) (from >= 0 && from < a->n ? a->limb[from] : 0) << shift;
                u[i] = (uint32_t) carry;
                carry >>= 32;
        }
        for (int j = n_q - 1; j >= 0; j--) {
                const uint64_t two = (uint64_t) u[j + n] << 32 | u[j + n - 1];
                uint64_t digit = two / v[n - 1], rest = two % v[n - 1];
                uint64_t borrow = 0, product = 0;

                while (digit >> 32 || (n > 1 && digit * v[n - 2] > (rest << 32 | u[j + n - 2]))) {
                        digit--;
                        rest += v[n - 1];
                        if (rest >> 32)
                                break;
                }
                for (int i = 0; i <= n; i++) {
                        product += i < n ? digit * v[i] : 0;
                        borrow   = (uint64_t) u[i + j] - (uint32_t) product - (borrow >> 63);
                        u[i + j] = (uint32_t) borrow;
                        product >>= 32;
                }
                if (borrow >> 63) {
                        digit--;
                        carry = 0;
                        for (int i = 0; i < n; i++) {
                                carry += (uint64_t) u[i + j] + v[i];
                                u[i + j] = (uint32_t) carry;
                                carry >>= 32;
                        }
                        u[j + n] += (uint32_t) carry;
                }
                q[j] = (uint32_t) digit;
        }
        vm_big_set(ret, a->sign * b->sign, q, n_q, vm_big_top(a) - vm_big_top(b) - n_q + 1, limbs);
}
