/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Products of matrices of at most TINY_MOST rows, columns and inner elements, of which stacks have thousands: a call of
 * BLAS takes longer than what it computes. A row of the result is summed up in registers, in the order of the inner
 * axis, so that the bits are the same on every level. */
#include "ops/blas.h"
#include "ops/kernel.h"

enum { TINY_MOST = 8 };

static inline bool is_tiny(DType dtype, int64_t m, int64_t n, int64_t k) {
        return (dtype == DTYPE_F32 || dtype == DTYPE_F64) && m <= TINY_MOST && n <= TINY_MOST && k <= TINY_MOST;
}

#define TINY_LOOPS_(D, ...)                                                                                            \
        static inline __attribute__((always_inline)) void tiny_rows_##D(                                               \
                const CTYPE_##D *a, int64_t row, int64_t inner, const CTYPE_##D *b, int64_t pitch, int64_t m, int n,   \
                int64_t k, bool more, CTYPE_##D *c) {                                                                  \
                for (int64_t i = 0; i < m; i++, c += n) {                                                              \
                        CTYPE_##D sum[TINY_MOST];                                                                      \
                                                                                                                       \
                        for (int j = 0; j < n; j++)                                                                    \
                                sum[j] = more ? c[j] : 0;                                                              \
                        for (int64_t l = 0; l < k; l++)                                                                \
                                for (int j = 0; j < n; j++)                                                            \
                                        sum[j] += a[i * row + l * inner] * b[l * pitch + j];                           \
                        for (int j = 0; j < n; j++)                                                                    \
                                c[j] = sum[j];                                                                         \
                }                                                                                                      \
        }                                                                                                              \
        /* Each number of columns is a loop of its own, of which compilers make vectors. */                            \
        static void tiny_##D(const Matrix *x, const Matrix *y, int64_t m, int64_t n, int64_t k, bool more,             \
                             CTYPE_##D *c) {                                                                           \
                const CTYPE_##D *a = (const CTYPE_##D *) x->data, *b = (const CTYPE_##D *) y->data;                    \
                const bool plain   = x->trans == CblasNoTrans;                                                         \
                const int64_t row = plain ? x->ld : 1, inner = plain ? 1 : x->ld;                                      \
                CTYPE_##D turned[TINY_MOST * TINY_MOST];                                                               \
                int64_t pitch = y->ld;                                                                                 \
                                                                                                                       \
                if (y->trans != CblasNoTrans) {                                                                        \
                        for (int64_t l = 0; l < k; l++)                                                                \
                                for (int64_t j = 0; j < n; j++)                                                        \
                                        turned[l * n + j] = b[j * pitch + l];                                          \
                        b     = turned;                                                                                \
                        pitch = n;                                                                                     \
                }                                                                                                      \
                switch (n) {                                                                                           \
                        TINY_CASE_(D, 1)                                                                               \
                        TINY_CASE_(D, 2)                                                                               \
                        TINY_CASE_(D, 3)                                                                               \
                        TINY_CASE_(D, 4)                                                                               \
                        TINY_CASE_(D, 5)                                                                               \
                        TINY_CASE_(D, 6)                                                                               \
                        TINY_CASE_(D, 7)                                                                               \
                        TINY_CASE_(D, 8)                                                                               \
                }                                                                                                      \
        }
#define TINY_CASE_(D, n_columns)                                                                                       \
        case n_columns:                                                                                                \
                tiny_rows_##D(a, row, inner, b, pitch, m, n_columns, k, more, c);                                      \
                break;
WHOLE_FLOATS(TINY_LOOPS_)

/* out = a b, or out += a b with `more`, as matrix_product() has it. */
static void tiny_product(DType dtype, const Matrix *a, const Matrix *b, int64_t m, int64_t n, int64_t k, bool more,
                         char *out) {
        if (dtype == DTYPE_F64)
                tiny_F64(a, b, m, n, k, more, (double *) out);
        else
                tiny_F32(a, b, m, n, k, more, (float *) out);
}
