/* SPDX-License-Identifier: Apache-2.0 */
/* X.T @ X by blocks of rows of X. The result is symmetric: we compute what lies below the diagonal in bands of
 * BAND rows, each up to its last column, so that a call is small enough for BLAS to work in cache without packing;
 * that is 1.5 to 4 times as fast as its own symmetric product for up to 64 columns, and no slower for BANDS_MOST. */
#include <string.h>

#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/blas.h"
#include "ops/kernel.h"
#include "ops/product.h"

enum {
        BAND = 16,
        BANDS_MOST = 256,
        STRIP_MOST = 1 << 15, /* elements of X in a strip: 256 KiB, a quarter of L2; BAND times that is a small call */
        STRIP_PACKED = 512,   /* rows of a strip of more columns, which BLAS packs */
};

static size_t gram_scratch(const OpCall *call) {
        return matrix_bytes(&call->in[0]);
}

static int64_t gram_step(_unused_ const OpCall *call) {
        return BLOCK_STEP;
}

static int64_t gram_strip(const OpCall *call) {
        const int64_t n = call->in[0].shape.dim[1];
        int64_t rows = BLOCK_STEP;

        if (n > BANDS_MOST)
                return STRIP_PACKED;
        while (rows * n > STRIP_MOST)
                rows /= 2;
        return rows;
}

static Matrix columns_from(const Matrix *x, int64_t column, size_t size) {
        return (Matrix){ x->data + column * (x->trans == CblasNoTrans ? 1 : x->ld) * (int64_t) size, x->trans, x->ld };
}

static void gram_bands(DType dtype, const Matrix *x, int64_t n, int64_t k, bool more, char *out) {
        const size_t size = dtype_size(dtype);

        for (int64_t at = 0; at < n; at += BAND) {
                const int64_t rows = MIN(n - at, (int64_t) BAND);
                Matrix left = columns_from(x, at, size);

                left.trans = x->trans == CblasNoTrans ? CblasTrans : CblasNoTrans;
                matrix_product(dtype, &left, x, rows, at + rows, k, more, out + (size_t) (at * n) * size, n);
        }
}

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
        blas_enter();
        if (n <= BANDS_MOST)
                gram_bands(dtype, &x, n, k, run->more, out);
        else
                gram_packed(dtype, &x, n, k, run->more, out);
        blas_leave();
        if (run->last)
                mirror_lower(out, n, dtype_size(dtype));
        return 0;
}

static int infer_gram(const OpCall *call, Spec *out, Error *err) {
        const Spec *in = &call->in[0];

        if (in->shape.ndim != 2 || (in->dtype != DTYPE_F32 && in->dtype != DTYPE_F64))
                return error_set(err, ERROR_VALUE, "gram_blocks is of matrices of float32 or float64");
        out->dtype = in->dtype;
        out->shape = shape_of(
                3, (const int64_t[]){ in->shape.dim[0] == UNKNOWN ? UNKNOWN : div_up(in->shape.dim[0], BLOCK_STEP),
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
