/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Transcendental functions with the same bits on every CPU: what the files math-*.h share.
 *
 * The functions are made of +, -, *, / and square root, which IEEE 754 rounds in one way only, of comparisons and of
 * integer operations on the bits of a number. No libm (its answers depend on the CPU), no fused multiply-add (not every
 * CPU has one; -ffp-contract=off keeps compilers from making them), no tables in memory (a gather is slow, and SSE2 has
 * none), no conversion between 64-bit integers and doubles (AVX-512 only): to round to an integer, add 1.5 * 2^52 and
 * look at the low bits. Every compiler, CPU level and strip length gives the same bits; tests/ops/test-math.c holds us
 * to it, and to the error in units in the last place that the test's table names.
 *
 * The functions have no branches, so that a loop over them becomes vector code at any level: where answers differ, all
 * are computed and one is selected. What is too rare to be computed for all elements (results of exp that are no
 * ordinary numbers, angles next to a multiple of pi/2) goes through a second loop: vm_NAME_fast() raises *bad for an
 * argument that it cannot do, and the strip is then repaired with the complete vm_NAME(). Both give the same bits where
 * both can. VmBad is an int on purpose: beside the doubles it makes compilers work on two vectors at a time, and these
 * chains of dependent operations run faster in pairs (sin: 2.5 against 2.9 ns per element on Zen 3).
 *
 * Compilers may turn the sign of NaN, and which of two NaN an operation returns depends on the order of its operands.
 * So no NaN that leaves comes out of arithmetic: it is x + x of the argument that is NaN, or VM_NAN, at the end of each
 * function.
 *
 * Coefficients are made by tools/minimax.py. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Must be inlined at every size: a call inside of a loop keeps it from being vector code. */
#define VM_INLINE static inline __attribute__((always_inline))
#define VM_RARE static __attribute__((noinline, unused))

#define VM_INF __builtin_inf()
#define VM_NAN __builtin_nan("")
#define VM_SIGN UINT64_C(0x8000000000000000)
#define VM_ROUND 0x1.8p52 /* x + VM_ROUND has the integer next to x in its low bits, for |x| < 2^51 */

/* What SSE2 lacks for 64-bit elements: comparisons, and selection between integers by a comparison of doubles. */
#if defined(__x86_64__) && !defined(__AVX2__)
#define VM_SSE2 1
typedef int64_t VmBad;
#define VM_IS_BAD(bad) ((bad) < 0)
#else
#define VM_SSE2 0
typedef int VmBad;
#define VM_IS_BAD(bad) ((bad) != 0)
#endif

/* By the type of the elements. Floats raise it to -1. */
#define VM_BAD_double VmBad
#define VM_BAD_float int

VM_INLINE uint64_t vm_bits(double x) {
        uint64_t u;

        memcpy(&u, &x, sizeof(u));
        return u;
}

VM_INLINE double vm_double(uint64_t u) {
        double x;

        memcpy(&x, &u, sizeof(x));
        return x;
}

VM_INLINE double vm_abs(double x) {
        return vm_double(vm_bits(x) & ~VM_SIGN);
}

VM_INLINE uint64_t vm_sign(double x) {
        return vm_bits(x) & VM_SIGN;
}

/* y, or NaN for x. */
VM_INLINE double vm_or_nan(double x, double y) {
        return x == x ? y : x + x;
}

/* x with its sign turned where sign has VM_SIGN. */
VM_INLINE double vm_flip(double x, uint64_t sign) {
        return vm_double(vm_bits(x) ^ sign);
}

/* a where the lowest bit of k is set. AVX blends by the sign, to which a shift takes that bit. */
VM_INLINE double vm_odd(uint64_t k, double a, double b) {
#if VM_SSE2
        uint64_t mask = -(k & 1);

        return vm_double((vm_bits(a) & mask) | (vm_bits(b) & ~mask));
#else
        return (int64_t) (k << 63) < 0 ? a : b;
#endif
}

/* Raises *bad for everything but a >= b. */
VM_INLINE void vm_bad_below(VmBad *bad, double a, double b) {
#if VM_SSE2
        double d = a - b;

        *bad |= (int64_t) vm_bits(d == d ? d : -1.0);
#else
        *bad |= !(a >= b);
#endif
}

/* Raises *bad for everything but |a| <= b. */
VM_INLINE void vm_bad_beyond(VmBad *bad, double a, double b) {
        vm_bad_below(bad, b, vm_abs(a));
}

/* Whether x has a minus, zeros and NaN included. */
VM_INLINE int vm_negative(double x) {
        return vm_double(vm_sign(x) | vm_bits(1.0)) < 0.0;
}

/* Pieces of polynomials: pairs and fours of coefficients, lowest first, whose operations do not wait for each other. */
VM_INLINE double vm_line(double x, double c0, double c1) {
        return c0 + x * c1;
}

VM_INLINE double vm_cubic(double x, double x2, double c0, double c1, double c2, double c3) {
        return (c0 + x * c1) + x2 * (c2 + x * c3);
}

/* The upper 26 bits: products of two such numbers are exact. */
VM_INLINE double vm_upper(double x) {
        return vm_double(vm_bits(x) & UINT64_C(0xfffffffff8000000));
}

/* What rounding took from p = a * b (Dekker). */
VM_INLINE double vm_product_rest(double a, double b, double p) {
        double ah = vm_upper(a), al = a - ah, bh = vm_upper(b), bl = b - bh;

        return ((ah * bh - p) + ah * bl + al * bh) + al * bl;
}

enum { VM_BLOCK = 64 };

/* One array in, another out: out[i] = name(in[i]). They must not overlap: what is repaired is read again. */
#define VM_STRIP(name, type)                                                                                           \
        static inline void name##_strip(size_t n, const type *restrict in, type *restrict out) {                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        out[i] = name(in[i]);                                                                          \
        }

/* The same with name_fast(), and all elements again with the complete function where one of them was bad: for complete
 * functions that are vector code too. */
#define VM_STRIP_REDONE(name, type)                                                                                    \
        static inline void name##_strip(size_t n, const type *restrict in, type *restrict out) {                       \
                VM_BAD_##type bad = 0;                                                                                 \
                                                                                                                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        out[i] = name##_fast(in[i], &bad);                                                             \
                if (VM_IS_BAD(bad))                                                                                    \
                        for (size_t i = 0; i < n; i++)                                                                 \
                                out[i] = name(in[i]);                                                                  \
        }

/* The same for complete functions that branch: only the bad elements go through name_rare(), block by block, so that
 * one of them costs its neighbours little. */
#define VM_STRIP_REPAIRED(name, type)                                                                                  \
        VM_RARE void name##_repair(size_t n, const type *restrict in, type *restrict out) {                            \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        VM_BAD_##type bad = 0;                                                                         \
                                                                                                                       \
                        (void) name##_fast(in[i], &bad);                                                               \
                        if (VM_IS_BAD(bad))                                                                            \
                                out[i] = name##_rare(in[i]);                                                           \
                }                                                                                                      \
        }                                                                                                              \
        static inline void name##_strip(size_t n, const type *restrict in, type *restrict out) {                       \
                for (size_t m; n > 0; n -= m, in += m, out += m) {                                                     \
                        VM_BAD_##type bad = 0;                                                                         \
                                                                                                                       \
                        m = n < VM_BLOCK ? n : VM_BLOCK;                                                               \
                        for (size_t i = 0; i < m; i++)                                                                 \
                                out[i] = name##_fast(in[i], &bad);                                                     \
                        if (VM_IS_BAD(bad))                                                                            \
                                name##_repair(m, in, out);                                                             \
                }                                                                                                      \
        }                                                                                                              \
        VM_INLINE type name(type x) {                                                                                  \
                VM_BAD_##type bad = 0;                                                                                 \
                type y = name##_fast(x, &bad);                                                                         \
                                                                                                                       \
                return VM_IS_BAD(bad) ? name##_rare(x) : y;                                                            \
        }

/* Two arrays in, one out. */
#define VM_STRIP2(name, type)                                                                                          \
        static inline void name##_strip(size_t n, const type *restrict a, const type *restrict b,                      \
                                        type *restrict out) {                                                          \
                for (size_t i = 0; i < n; i++)                                                                         \
                        out[i] = name(a[i], b[i]);                                                                     \
        }

#define VM_STRIP2_REDONE(name, type)                                                                                   \
        static inline void name##_strip(size_t n, const type *restrict a, const type *restrict b,                      \
                                        type *restrict out) {                                                          \
                VM_BAD_##type bad = 0;                                                                                 \
                                                                                                                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        out[i] = name##_fast(a[i], b[i], &bad);                                                        \
                if (VM_IS_BAD(bad))                                                                                    \
                        for (size_t i = 0; i < n; i++)                                                                 \
                                out[i] = name(a[i], b[i]);                                                             \
        }
