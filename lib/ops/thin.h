/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Products over a long inner axis whose result is as small as a handful of registers. BLAS reaches half of what the
 * loads of its inputs would let it, since its tiles are wider than such a result.
 *
 * The inner axis goes in blocks of THIN_BLOCK: a tile of rows by vectors of columns is summed up in registers, element
 * by element of the inner axis, and then added to the result. So each element of the result is the same sum, in the
 * same order, whatever the level and the layout: vectors lie along the columns of whichever input has them side by
 * side. */
#include <string.h>

#include "ops/blas.h"
#include "ops/kernel.h"

enum {
        THIN_MOST  = 16,  /* rows and columns, */
        THIN_HIGH  = 256, /* or rows of THIN_FEW columns, as in X.T @ y: THIN_MOST at a time */
        THIN_FEW   = 2,
        THIN_LONG  = 32,  /* or as many of one column */
        THIN_INNER = 64,  /* inner elements at least */
        THIN_BLOCK = 128, /* 16 KiB of the wider input: tiles after the first one find it in L1 */
        TILE_HIGH  = 4,   /* rows of a tile, of four vectors at most, */
        TILE_LONG  = 8,   /* or vectors of one row */
};

static inline bool is_thin(DType dtype, int64_t m, int64_t n, int64_t k) {
        return (dtype == DTYPE_F32 || dtype == DTYPE_F64) && k >= THIN_INNER && n <= THIN_MOST &&
               m <= (n <= THIN_FEW ? THIN_HIGH : THIN_MOST);
}

/* Where element (i, l) of the left side and (l, j) of the right one are, which is side by side along j. */
typedef struct ThinSides {
        const char *left, *right;
        int64_t row, inner;       /* of the left side, in elements */
        int64_t pitch;            /* of the right one */
} ThinSides;

/* `at`: the first column of each vector; the last one ends with the row, and may share columns with the one before. */
#define THIN_TILE_(D)                                                                                                  \
        static inline __attribute__((always_inline)) void thin_tile_##D(                                               \
                const ThinSides *s, int64_t i0, int high, int wide, bool ahead, const int64_t *at, int64_t k,          \
                CTYPE_##D(*sum)[THIN_LONG]) {                                                                          \
                const CTYPE_##D *a = (const CTYPE_##D *) s->left + i0 * s->row, *b = (const CTYPE_##D *) s->right;     \
                Wide_##D acc[TILE_HIGH][TILE_LONG] = {};                                                               \
                                                                                                                       \
                for (int64_t l = 0; l < k; l++, a += s->inner, b += s->pitch) {                                        \
                        Wide_##D y[TILE_LONG];                                                                         \
                                                                                                                       \
                        for (int v = 0; ahead && v < wide; v += 2)                                                     \
                                __builtin_prefetch(b + THIN_BLOCK * s->pitch + at[v]);                                 \
                        for (int v = 0; v < wide; v++)                                                                 \
                                y[v] = *(const Wide_##D *) (b + at[v]);                                                \
                        for (int i = 0; i < high; i++)                                                                 \
                                for (int v = 0; v < wide; v++)                                                         \
                                        acc[i][v] += a[i * s->row] * y[v];                                             \
                }                                                                                                      \
                for (int i = 0; i < high; i++)                                                                         \
                        for (int v = 0; v < wide; v++)                                                                 \
                                *(Wide_##D *) (sum[i0 + i] + at[v]) = acc[i][v];                                       \
        }                                                                                                              \
        static inline __attribute__((always_inline)) void thin_rows_##D(                                               \
                const ThinSides *s, int64_t m, int wide, const int64_t *at, int64_t k, CTYPE_##D(*sum)[THIN_LONG]) {   \
                int64_t i = 0;                                                                                         \
                                                                                                                       \
                for (; i + 4 <= m; i += 4)                                                                             \
                        thin_tile_##D(s, i, 4, wide, i == 0, at, k, sum);                                              \
                for (; i + 2 <= m; i += 2)                                                                             \
                        thin_tile_##D(s, i, 2, wide, i == 0, at, k, sum);                                              \
                for (; i < m; i++)                                                                                     \
                        thin_tile_##D(s, i, 1, wide, i == 0, at, k, sum);                                              \
        }                                                                                                              \
        /* The sums of one block of the inner axis: m by n, n >= a vector. */                                          \
        static void thin_block_##D(const ThinSides *s, int64_t m, int64_t n, int64_t k,                                \
                                   CTYPE_##D(*sum)[THIN_LONG]) {                                                       \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                int64_t at[TILE_LONG] = { 0 };                                                                         \
                int wide              = 0;                                                                             \
                                                                                                                       \
                for (int64_t j = 0; j < n; j += WIDTH)                                                                 \
                        at[wide++] = MIN(j, n - WIDTH);                                                                \
                switch (wide) {                                                                                        \
                case 1:                                                                                                \
                        thin_rows_##D(s, m, 1, at, k, sum);                                                            \
                        break;                                                                                         \
                case 2:                                                                                                \
                        thin_rows_##D(s, m, 2, at, k, sum);                                                            \
                        break;                                                                                         \
                case 3:                                                                                                \
                        thin_rows_##D(s, m, 3, at, k, sum);                                                            \
                        break;                                                                                         \
                case 4:                                                                                                \
                        thin_rows_##D(s, m, 4, at, k, sum);                                                            \
                        break;                                                                                         \
                case 5:                                                                                                \
                case 6:                                                                                                \
                        thin_tile_##D(s, 0, 1, 6, true, at, k, sum);                                                   \
                        break;                                                                                         \
                case 7:                                                                                                \
                case 8:                                                                                                \
                        thin_tile_##D(s, 0, 1, 8, true, at, k, sum);                                                   \
                        break;                                                                                         \
                }                                                                                                      \
        }                                                                                                              \
        static void thin_product_##D(const Matrix *a, const Matrix *b, int64_t m, int64_t n, int64_t k, bool more,     \
                                     char *to) {                                                                       \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D), SIZE = sizeof(CTYPE_##D) };                       \
                const bool columns = b->trans == CblasNoTrans && n >= WIDTH;                                           \
                const bool rows    = !columns && a->trans == CblasTrans && m >= WIDTH;                                 \
                const Matrix *x = rows ? b : a, *y = rows ? a : b;                                                     \
                const bool x_inner = (x->trans == CblasNoTrans) != rows, y_inner = (y->trans == CblasTrans) != rows;   \
                const int64_t wide = rows ? m : n;                                                                     \
                CTYPE_##D sum[THIN_LONG][THIN_LONG], dense[THIN_BLOCK][THIN_MOST];                                     \
                CTYPE_##D *out = (CTYPE_##D *) to;                                                                     \
                ThinSides s    = { .row   = x_inner ? x->ld : 1,                                                       \
                                   .inner = x_inner ? 1 : x->ld,                                                       \
                                   .pitch = columns || rows ? y->ld : THIN_MOST };                                     \
                                                                                                                       \
                if (!columns && !rows)                                                                                 \
                        memset(dense, 0, sizeof(dense));                                                               \
                for (int64_t l0 = 0; l0 < k; l0 += THIN_BLOCK) {                                                       \
                        const int64_t part = MIN(k - l0, (int64_t) THIN_BLOCK);                                        \
                                                                                                                       \
                        s.left  = x->data + l0 * s.inner * SIZE;                                                       \
                        s.right = y->data + l0 * (y_inner ? 1 : y->ld) * SIZE;                                         \
                        if (!columns && !rows) {                                                                       \
                                for (int64_t l = 0; l < part; l++)                                                     \
                                        for (int64_t j = 0; j < n; j++)                                                \
                                                dense[l][j] = ((const CTYPE_##D *)                                     \
                                                                       s.right)[y_inner ? j * y->ld + l                \
                                                                                        : l * y->ld + j];              \
                                s.right = (const char *) dense;                                                        \
                        }                                                                                              \
                        thin_block_##D(&s, rows ? n : m, MAX(wide, (int64_t) WIDTH), part, sum);                       \
                        for (int64_t i = 0; i < m; i++)                                                                \
                                for (int64_t j = 0; j < n; j++) {                                                      \
                                        const CTYPE_##D v = rows ? sum[j][i] : sum[i][j];                              \
                                                                                                                       \
                                        out[i * n + j] = more || l0 > 0 ? out[i * n + j] + v : v;                      \
                                }                                                                                      \
                }                                                                                                      \
        }
THIN_TILE_(F64)
THIN_TILE_(F32)

/* out = a b, or out += a b with `more`: m x n, dense. */
static inline void thin_product(DType dtype, const Matrix *a, const Matrix *b, int64_t m, int64_t n, int64_t k,
                                bool more, char *out) {
        const int64_t size = (int64_t) dtype_size(dtype), row = (a->trans == CblasNoTrans ? a->ld : 1) * size;
        const int64_t most = n == 1 ? THIN_LONG : THIN_MOST;

        for (int64_t i = 0; i < m; i += most) {
                const Matrix some  = { a->data + i * row, a->trans, a->ld };
                const int64_t rows = MIN(m - i, most);

                (dtype == DTYPE_F32 ? thin_product_F32 : thin_product_F64)(&some, b, rows, n, k, more,
                                                                           out + i * n * size);
        }
}
