/* SPDX-License-Identifier: Apache-2.0 */
/* X.T @ X by blocks of rows of X. The result is symmetric: we compute what lies below the diagonal.
 *
 * Of up to BANDS_MOST columns by ourselves: as many rows of X as stay in L1 are gone through once for each tile of the
 * result that fits in registers, and the sums of these rows are added to the result. So each element is the same sum
 * at every CPU level. BLAS packs what is used once and has half of the speed, where it has no kernels for small calls;
 * wider matrices are worth the packing. */
#include <string.h>

#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/blas.h"
#include "ops/kernel.h"
#include "ops/product.h"

enum {
        BANDS_MOST   = 256,
        ROWS_MOST    = 1 << 12,  /* elements of a block of rows, */
        ROWS_BYTES   = 16 << 10, /* and bytes, unless its rows are few: it stays in L1 while the next one comes */
        ROWS_LEAST   = 16,
        BAND         = 4,       /* rows of a tile of the result, */
        BAND_WIDE    = 3,       /* and vectors: with those of X and one element 16 registers */
        STRIP_MOST   = 1 << 15, /* elements of X in a strip: 256 KiB, a quarter of L2 */
        STRIP_PACKED = 512,     /* rows of a strip of more columns, which BLAS packs */
};

static size_t gram_scratch(const OpCall *call) {
        return matrix_bytes(&call->in[0]);
}

static int64_t gram_step(const OpCall *call) {
        return product_block(call->in[0].dtype, call->in[0].shape.dim[1]);
}

static int64_t gram_strip(const OpCall *call) {
        const int64_t n = call->in[0].shape.dim[1];
        int64_t rows    = gram_step(call);

        if (n > BANDS_MOST)
                return STRIP_PACKED;
        while (rows * n > STRIP_MOST)
                rows /= 2;
        return rows;
}

static_assert(ROWS_LEAST * BANDS_MOST <= ROWS_MOST && ROWS_BYTES <= ROWS_MOST * sizeof(float),
              "a block has at most ROWS_MOST elements");

static int64_t block_rows(int64_t n, size_t size) {
        int64_t rows = ROWS_LEAST;

        while (2 * rows * n * (int64_t) size <= ROWS_BYTES)
                rows *= 2;
        return rows;
}

/* Sums over k rows of x, pitch elements apart: for `high` columns from i on, by vectors that begin at columns `at`.
 * They go into `to`, whose rows are `row` elements apart, or are added to what is there. Meanwhile the elements from
 * `ahead` on are asked for, `step` of them with each row, if any: more at a time would have to wait. */
#define GRAM_(D)                                                                                                       \
        static inline __attribute__((always_inline)) void gram_tile_##D(                                               \
                const CTYPE_##D *x, int64_t pitch, int64_t k, int64_t i, int high, int wide, const int64_t *at,        \
                bool add, CTYPE_##D *to, int64_t row, const CTYPE_##D *ahead, int step) {                              \
                Wide_##D acc[BAND][BAND_WIDE] = {};                                                                    \
                                                                                                                       \
                for (int64_t l = 0; l < k; l++, x += pitch) {                                                          \
                        Wide_##D y[BAND_WIDE];                                                                         \
                                                                                                                       \
                        if (step > 0)                                                                                  \
                                __builtin_prefetch(ahead + l * step);                                                  \
                        for (int v = 0; v < wide; v++)                                                                 \
                                y[v] = *(const Wide_##D *) (x + at[v]);                                                \
                        for (int r = 0; r < high; r++)                                                                 \
                                for (int v = 0; v < wide; v++)                                                         \
                                        acc[r][v] += x[i + r] * y[v];                                                  \
                }                                                                                                      \
                for (int r = 0; r < high; r++)                                                                         \
                        for (int v = 0; v < wide; v++) {                                                               \
                                Wide_##D *sum = (Wide_##D *) (to + r * row + at[v]);                                   \
                                                                                                                       \
                                *sum = add ? *sum + acc[r][v] : acc[r][v];                                             \
                        }                                                                                              \
        }                                                                                                              \
        /* Up to column `end`; the last vector ends with the row, and may share columns with the one before. */        \
        static inline __attribute__((always_inline)) void gram_band_##D(const CTYPE_##D *x, int64_t pitch, int64_t k,  \
                                                                        int64_t i, int high, int64_t end, int64_t n,   \
                                                                        bool add, CTYPE_##D *to, int64_t row,          \
                                                                        const CTYPE_##D *ahead, int step) {            \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                                                                                                                       \
                for (int64_t j = 0; j < end; j += BAND_WIDE * WIDTH, step = 0) {                                       \
                        const int64_t last          = MAX(n - WIDTH, (int64_t) 0);                                     \
                        const int64_t at[BAND_WIDE] = { MIN(j, last), MIN(j + WIDTH, last),                            \
                                                        MIN(j + 2 * WIDTH, last) };                                    \
                                                                                                                       \
                        if (j + 2 * WIDTH < end)                                                                       \
                                gram_tile_##D(x, pitch, k, i, high, 3, at, add, to, row, ahead, step);                 \
                        else if (j + WIDTH < end)                                                                      \
                                gram_tile_##D(x, pitch, k, i, high, 2, at, add, to, row, ahead, step);                 \
                        else                                                                                           \
                                gram_tile_##D(x, pitch, k, i, high, 1, at, add, to, row, ahead, step);                 \
                }                                                                                                      \
        }                                                                                                              \
        /* Vectors that share no columns add to the result themselves. */                                              \
        static void gram_block_##D(const CTYPE_##D *x, int64_t pitch, int64_t n, int64_t k, bool more,                 \
                                   CTYPE_##D *out) {                                                                   \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                CTYPE_##D sum[BAND * BANDS_MOST];                                                                      \
                                                                                                                       \
                for (int64_t i = 0; i < n; i += BAND) {                                                                \
                        const int64_t high     = MIN(n - i, (int64_t) BAND);                                           \
                        const CTYPE_##D *ahead = x + k * pitch + k * i; /* the next block, a part with each band */    \
                                                                                                                       \
                        if (n % WIDTH == 0) {                                                                          \
                                gram_band_##D(x, pitch, k, i, BAND, i + BAND, n, more, out + i * n, n, ahead, BAND);   \
                                continue;                                                                              \
                        }                                                                                              \
                        if (high == BAND)                                                                              \
                                gram_band_##D(x, pitch, k, i, BAND, i + BAND, n, false, sum, BANDS_MOST, ahead, BAND); \
                        else                                                                                           \
                                for (int64_t r = 0; r < high; r++)                                                     \
                                        gram_band_##D(x, pitch, k, i + r, 1, n, n, false, sum + r * BANDS_MOST,        \
                                                      BANDS_MOST, ahead, 0);                                           \
                        for (int64_t r = 0; r < high; r++)                                                             \
                                for (int64_t j = 0; j <= i + r; j++) {                                                 \
                                        const CTYPE_##D v = sum[r * BANDS_MOST + j];                                   \
                                                                                                                       \
                                        out[(i + r) * n + j] = more ? out[(i + r) * n + j] + v : v;                    \
                                }                                                                                      \
                }                                                                                                      \
        }                                                                                                              \
        static void gram_bands_##D(const Matrix *m, int64_t n, int64_t k, bool more, char *out) {                      \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D), SIZE = sizeof(CTYPE_##D) };                       \
                const bool rows       = m->trans == CblasNoTrans && n >= WIDTH;                                        \
                const int64_t columns = MAX(n, (int64_t) WIDTH), pitch = rows ? m->ld : columns;                       \
                const int64_t block = block_rows(columns, SIZE);                                                       \
                CTYPE_##D dense[ROWS_MOST];                                                                            \
                                                                                                                       \
                if (!rows)                                                                                             \
                        memset(dense, 0, sizeof(dense));                                                               \
                for (int64_t l0 = 0; l0 < k; l0 += block, more = true) {                                               \
                        const int64_t part = MIN(k - l0, block);                                                       \
                        const CTYPE_##D *x =                                                                           \
                                (const CTYPE_##D *) m->data + l0 * (m->trans == CblasNoTrans ? m->ld : 1);             \
                                                                                                                       \
                        if (!rows) {                                                                                   \
                                for (int64_t j = 0; j < n; j++)                                                        \
                                        for (int64_t l = 0; l < part; l++)                                             \
                                                dense[l * pitch + j] = m->trans == CblasNoTrans ? x[l * m->ld + j]     \
                                                                                                : x[j * m->ld + l];    \
                                x = dense;                                                                             \
                        }                                                                                              \
                        gram_block_##D(x, pitch, n, part, more, (CTYPE_##D *) out);                                    \
                }                                                                                                      \
        }
GRAM_(F64)
GRAM_(F32)

static void gram_packed(DType dtype, const Matrix *x, int64_t n, int64_t k, bool more, char *out) {
        const CBLAS_TRANSPOSE trans = x->trans == CblasNoTrans ? CblasTrans : CblasNoTrans;

        if (dtype == DTYPE_F32)
                cblas_ssyrk(CblasRowMajor, CblasLower, trans, n, k, 1, (const float *) x->data, x->ld, more,
                            (float *) out, n);
        else
                cblas_dsyrk(CblasRowMajor, CblasLower, trans, n, k, 1, (const double *) x->data, x->ld, more,
                            (double *) out, n);
}

static void mirror_lower(char *out, int64_t n, size_t size) {
        for (int64_t i = 0; i < n; i++)
                for (int64_t k = i + 1; k < n; k++)
                        memcpy(out + (size_t) (i * n + k) * size, out + (size_t) (k * n + i) * size, size);
}

static int gram_run(BlockRun *run, _unused_ Error *err) {
        const View *in = &run->in[0];
        const DType dtype = in->dtype;
        const int64_t k = in->shape.dim[0], n = in->shape.dim[1];
        char *out = run->out[0].data;
        Matrix x;

        if (!matrix_of(in, in->data, &x))
                matrix_dense(in, in->data, run->scratch, &x);
        if (n <= BANDS_MOST && dtype == DTYPE_F32)
                gram_bands_F32(&x, n, k, run->more, out);
        else if (n <= BANDS_MOST)
                gram_bands_F64(&x, n, k, run->more, out);
        else {
                blas_enter();
                gram_packed(dtype, &x, n, k, run->more, out);
                blas_leave();
        }
        if (run->last)
                mirror_lower(out, n, dtype_size(dtype));
        return 0;
}

static int infer_gram(const OpCall *call, Spec *out, Error *err) {
        const Spec *in = &call->in[0];

        if (in->shape.ndim != 2 || (in->dtype != DTYPE_F32 && in->dtype != DTYPE_F64))
                return error_set(err, ERROR_VALUE, "gram_blocks is of matrices of float32 or float64");
        out->dtype = in->dtype;
        out->shape =
                shape_of(3, (const int64_t[]) { in->shape.dim[0] == UNKNOWN ? UNKNOWN
                                                                            : div_up(in->shape.dim[0], gram_step(call)),
                                                in->shape.dim[1], in->shape.dim[1] });
        return 0;
}

OP(gram_blocks) = {
        .name = "gram_blocks",
        .doc = "x.T @ x over blocks of the rows of x, one result for each block.",
        .family = FAMILY_BLOCK,
        .hidden = true,
        .inputs = "x",
        .n_in = 1,
        .infer = infer_gram,
        .run = gram_run,
        .scratch = gram_scratch,
        .core_in = { 2 },
        .core_out = { 3 },
        .step = gram_step,
        .strip = gram_strip,
        .follows = 1,
        .stacks = true,
};
