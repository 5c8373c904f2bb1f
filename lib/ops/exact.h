/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Products of integers by BLAS: as long as no sum of products passes EXACT_MOST, float64 has every one of them, and
 * whatever order they are added in gives the integer. How long an inner axis may be for that is told by the bits that
 * both inputs have, which are looked at; where it would be shorter than EXACT_LEAST, the loops of product.c are as
 * fast. Integers wrap, so blocks of the inner axis are added up in the result's own width.
 *
 * A number of at most 51 bits and a sign becomes a float64 by an addition to the mantissa of 1.5 * 2^52, and back:
 * there are vectors of that on every level. */
#include <string.h>

#include "ops/blas.h"
#include "ops/kernel.h"

enum {
        EXACT_BLOCK = 512,     /* inner elements at a time: a task's rows and columns of them stay in the third cache */
        EXACT_LEAST = 64,      /* of them that are worth a call, */
        EXACT_SIDE  = 4,       /* and rows and columns: fewer are converted as fast as they are multiplied, */
        EXACT_WORK  = 1 << 14, /* and multiplications */
        EXACT_SMALL = 2,       /* bytes of elements with sixteen and more to a vector: loops are faster, */
        EXACT_CACHE = 1 << 19, /* while as many bytes of a right-hand side stay in the second cache */
};

#define EXACT_MOST 0x1p51
#define EXACT_MAGIC 0x1.8p52

static inline bool is_exact(DType dtype) {
        return dtype_kind(dtype) == KIND_INT || dtype_kind(dtype) == KIND_UINT;
}

/* What a task needs for rows, columns and their sums, in elements of float64. */
static inline size_t exact_elements(int64_t m, int64_t n, int64_t k) {
        return (size_t) (m * n + (m + n) * MIN(k, (int64_t) EXACT_BLOCK));
}

static inline double exact_double(int64_t v) {
        const double magic = EXACT_MAGIC;
        int64_t bits;
        double ret;

        memcpy(&bits, &magic, sizeof(bits));
        bits += v;
        memcpy(&ret, &bits, sizeof(ret));
        return ret - magic;
}

static inline int64_t exact_integer(double v) {
        const double magic = EXACT_MAGIC, sum = v + magic;
        int64_t bits, zero;

        memcpy(&bits, &sum, sizeof(bits));
        memcpy(&zero, &magic, sizeof(zero));
        return bits - zero;
}

/* Of `rows` runs of `n` elements that lie `ld` from each other: all bits that any magnitude has (of a negative number
 * v, of -1 - v); the elements as float64; and sums that replace elements, or are added to them. */
#define EXACT_LOOPS_(D, magnitude)                                                                                     \
        static uint64_t exact_bits_##D(const void *data, int64_t ld, int64_t rows, int64_t n) {                        \
                const MEMORY_##D *x = data;                                                                            \
                UNSIGNED_##D bits   = 0;                                                                               \
                                                                                                                       \
                for (int64_t i = 0; i < rows; i++, x += ld)                                                            \
                        for (int64_t j = 0; j < n; j++)                                                                \
                                bits |= (UNSIGNED_##D)(magnitude);                                                     \
                return bits;                                                                                           \
        }                                                                                                              \
        static void exact_load_##D(const void *data, int64_t ld, int64_t rows, int64_t n, double *to) {                \
                const MEMORY_##D *x = data;                                                                            \
                                                                                                                       \
                for (int64_t i = 0; i < rows; i++, x += ld, to += n)                                                   \
                        for (int64_t j = 0; j < n; j++)                                                                \
                                to[j] = exact_double((int64_t) x[j]);                                                  \
        }                                                                                                              \
        static void exact_store_##D(const double *sum, int64_t n, bool more, void *to) {                               \
                MEMORY_##D *c = to;                                                                                    \
                                                                                                                       \
                for (int64_t j = 0; j < n; j++)                                                                        \
                        c[j] = (MEMORY_##D)((uint64_t) exact_integer(sum[j]) + (more ? (uint64_t) c[j] : 0));          \
        }
SIGNED(EXACT_LOOPS_, x[j] < 0 ? ~x[j] : x[j])
UNSIGNED(EXACT_LOOPS_, x[j])

typedef struct ExactLoops {
        uint64_t (*bits)(const void *data, int64_t ld, int64_t rows, int64_t n);
        void (*load)(const void *data, int64_t ld, int64_t rows, int64_t n, double *to);
        void (*store)(const double *sum, int64_t n, bool more, void *to);
} ExactLoops;

#define EXACT_ROW_(D, ...) [DTYPE_##D] = { exact_bits_##D, exact_load_##D, exact_store_##D },
static const ExactLoops exact_loops[_DTYPE_MAX] = { INTEGERS(EXACT_ROW_) };

/* Rows (of a) or columns (of b) and inner elements, as they lie in memory. */
static uint64_t exact_bits(const ExactLoops *loops, const Matrix *x, bool inner_last, int64_t side, int64_t k) {
        return inner_last ? loops->bits(x->data, x->ld, side, k) : loops->bits(x->data, x->ld, k, side);
}

/* The inner elements [at, at + n) of a or b. */
static Matrix exact_part(const ExactLoops *loops, const Matrix *x, bool inner_last, int64_t side, int64_t at, int64_t n,
                         size_t size, double *to) {
        const char *data = x->data + (size_t) (inner_last ? at : at * x->ld) * size;

        if (inner_last)
                loops->load(data, x->ld, side, n, to);
        else
                loops->load(data, x->ld, n, side, to);
        return (Matrix) { (const char *) to, x->trans, inner_last ? n : side };
}

/* out = a b, or out += a b with `more`; false, and nothing is done, if that is not exact or not worth it. */
static bool exact_product(DType dtype, const Matrix *a, const Matrix *b, int64_t m, int64_t n, int64_t k, bool more,
                          double *scratch, char *out) {
        const ExactLoops *loops = &exact_loops[dtype];
        const size_t size       = dtype_size(dtype);
        const bool a_last = a->trans == CblasNoTrans, b_last = b->trans == CblasTrans;
        double *left = scratch + m * n, *right = left + m * MIN(k, (int64_t) EXACT_BLOCK), most;
        int64_t block;

        if (MIN(m, n) < EXACT_SIDE || k < EXACT_LEAST || m * n * k < EXACT_WORK ||
            (size <= EXACT_SMALL && k * n * (int64_t) size <= EXACT_CACHE))
                return false;
        most = (1.0 + (double) exact_bits(loops, a, a_last, m, k)) *
               (1.0 + (double) exact_bits(loops, b, b_last, n, k));
        block = (int64_t) MIN(EXACT_MOST / most, (double) EXACT_BLOCK);
        if (block < EXACT_LEAST)
                return false;
        for (int64_t at = 0; at < k; at += block) {
                const int64_t part = MIN(block, k - at);
                const Matrix x[]   = { exact_part(loops, a, a_last, m, at, part, size, left),
                                       exact_part(loops, b, b_last, n, at, part, size, right) };

                blas_enter();
                matrix_product(DTYPE_F64, &x[0], &x[1], m, n, part, false, (char *) scratch, n);
                blas_leave();
                loops->store(scratch, m * n, more || at > 0, out);
        }
        return true;
}
