/* SPDX-License-Identifier: Apache-2.0 */
/* Products of matrices. A task makes one tile of the result over the whole inner axis (plan/block.c says which
 * tiles: by shape alone), so its bits do not depend on how the inputs are cut. Tall and thin inputs, as in X.T @ X,
 * have a small result and a long inner axis: that is cut in blocks of PRODUCT_STEP, a product for each, and these
 * are added up by the tree of `sum`.
 *
 * float32, float64 and complex products are BLAS's; others are loops over rows that compilers make vectors of. */
#include <cblas.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/blas.h"
#include "ops/kernel.h"

enum {
        PRODUCT_STEP  = 1 << 14, /* inner elements per block: 8 MiB of 64 columns */
        PRODUCT_SMALL = 1 << 16, /* elements of a result that is small: 512 KiB a block */
};

/* A matrix as BLAS wants it: one of its axes contiguous. */
typedef struct Matrix {
        const char *data;
        CBLAS_TRANSPOSE trans;
        int64_t ld;
} Matrix;

/* The last two axes of a view at the i-th batch position of the result's batch axes. */
static const char *batch_data(const View *v, const Shape *batch, int64_t i) {
        const int n = v->shape.ndim - 2;
        const char *data = v->data;

        for (int k = batch->ndim; k-- > 0;) {
                const int own = n - batch->ndim + k;

                if (own >= 0 && v->shape.dim[own] != 1)
                        data += i % batch->dim[k] * v->stride[own];
                i /= batch->dim[k];
        }
        return data;
}

/* False when neither axis is contiguous: the caller copies. */
static bool matrix_of(const View *v, const char *data, Matrix *ret) {
        const int n = v->shape.ndim;
        const int64_t size = dtype_size(v->dtype), rows = v->shape.dim[n - 2], columns = v->shape.dim[n - 1];
        const int64_t row = v->stride[n - 2], column = v->stride[n - 1];

        if ((column == size || columns == 1) && (rows == 1 || (row >= columns * size && row % size == 0))) {
                *ret = (Matrix) { data, CblasNoTrans, rows == 1 ? MAX(columns, 1) : row / size };
                return true;
        }
        if ((row == size || rows == 1) && (columns == 1 || (column >= rows * size && column % size == 0))) {
                *ret = (Matrix) { data, CblasTrans, columns == 1 ? MAX(rows, 1) : column / size };
                return true;
        }
        return false;
}

static void copy_dense(const View *v, const char *data, char *to) {
        const int n = v->shape.ndim;
        const size_t size = dtype_size(v->dtype);

        for (int64_t i = 0; i < v->shape.dim[n - 2]; i++)
                for (int64_t k = 0; k < v->shape.dim[n - 1]; k++, to += size)
                        memcpy(to, data + i * v->stride[n - 2] + k * v->stride[n - 1], size);
}

static size_t matrix_bytes(const Spec *s) {
        const int n = s->shape.ndim;

        return ((size_t) (s->shape.dim[n - 2] * s->shape.dim[n - 1]) * dtype_size(s->dtype) + 63) / 64 * 64;
}

static size_t product_scratch(const OpCall *call) {
        return matrix_bytes(&call->in[0]) + matrix_bytes(&call->in[1]);
}

/* a is the transpose of b, the same memory: half of the products are known from symmetry. */
static bool is_gram(const Matrix *a, const Matrix *b) {
        return a->data == b->data && a->ld == b->ld && a->trans != b->trans;
}

static void mirror_lower(char *out, int64_t n, size_t size) {
        for (int64_t i = 0; i < n; i++)
                for (int64_t k = i + 1; k < n; k++)
                        memcpy(out + (i * n + k) * size, out + (k * n + i) * size, size);
}

static void product_blas(DType dtype, const Matrix *a, const Matrix *b, int64_t m, int64_t n, int64_t k, char *out) {
        static const float one_c64[2] = { 1 }, zero_c64[2] = {};
        static const double one_c128[2] = { 1 }, zero_c128[2] = {};
        const bool gram = m == n && is_gram(a, b) && (dtype == DTYPE_F32 || dtype == DTYPE_F64);

        blas_enter();
        switch (dtype) {
        case DTYPE_F32:
                if (gram)
                        cblas_ssyrk(CblasRowMajor, CblasLower, a->trans, m, k, 1, (const float *) a->data, a->ld, 0, (float *) out, n);
                else
                        cblas_sgemm(CblasRowMajor, a->trans, b->trans, m, n, k, 1, (const float *) a->data, a->ld,
                                    (const float *) b->data, b->ld, 0, (float *) out, n);
                break;
        case DTYPE_F64:
                if (gram)
                        cblas_dsyrk(CblasRowMajor, CblasLower, a->trans, m, k, 1, (const double *) a->data, a->ld, 0, (double *) out, n);
                else
                        cblas_dgemm(CblasRowMajor, a->trans, b->trans, m, n, k, 1, (const double *) a->data, a->ld,
                                    (const double *) b->data, b->ld, 0, (double *) out, n);
                break;
        case DTYPE_C64:
                cblas_cgemm(CblasRowMajor, a->trans, b->trans, m, n, k, one_c64, a->data, a->ld, b->data, b->ld, zero_c64, out, n);
                break;
        default:
                cblas_zgemm(CblasRowMajor, a->trans, b->trans, m, n, k, one_c128, a->data, a->ld, b->data, b->ld, zero_c128, out, n);
        }
        blas_leave();
        if (gram)
                mirror_lower(out, n, dtype_size(dtype));
}

/* Dense a (m x k) and b (k x n): the result's rows grow by multiples of b's rows. */
#define PRODUCT_LOOP_(D, A, multiply_add)                                                                              \
        static void product_##D(const char *a_data, const char *b_data, int64_t m, int64_t n, int64_t k, char *out) {  \
                const MEMORY_##D *a = (const MEMORY_##D *) a_data, *b = (const MEMORY_##D *) b_data;                   \
                MEMORY_##D *c = (MEMORY_##D *) out;                                                                    \
                A sum[STRIP];                                                                                          \
                                                                                                                       \
                for (int64_t i = 0; i < m; i++)                                                                        \
                        for (int64_t from = 0; from < n; from += STRIP) {                                              \
                                const int64_t length = MIN(n - from, (int64_t) STRIP);                                 \
                                                                                                                       \
                                memset(sum, 0, sizeof(sum));                                                           \
                                for (int64_t l = 0; l < k; l++) {                                                      \
                                        const CTYPE_##D x = LOAD_##D(a[i * k + l]);                                    \
                                                                                                                       \
                                        for (int64_t j = 0; j < length; j++) {                                         \
                                                const CTYPE_##D y = LOAD_##D(b[l * n + from + j]);                     \
                                                sum[j] = (A) (multiply_add);                                           \
                                        }                                                                              \
                                }                                                                                      \
                                for (int64_t j = 0; j < length; j++)                                                   \
                                        c[i * n + from + j] = STORE_##D(sum[j]);                                       \
                        }                                                                                              \
        }
#define PRODUCT_INTEGER_(D, ...) PRODUCT_LOOP_(D, MEMORY_##D, sum[j] + x * y)
INTEGERS(PRODUCT_INTEGER_)
PRODUCT_LOOP_(BOOL, bool, sum[j] | (x & y))
PRODUCT_LOOP_(F16, float, sum[j] + x * y)

#define PRODUCT_ROW_(D, ...) [DTYPE_##D] = product_##D,
static void (*const product_loops[_DTYPE_MAX])(const char *, const char *, int64_t, int64_t, int64_t, char *) = { BITS(PRODUCT_ROW_)
                                                                                                                 PRODUCT_ROW_(F16) };

static int product_run(BlockRun *run, _unused_ Error *err) {
        const View *a = &run->in[0], *b = &run->in[1];
        View *out = &run->out[0];
        const int n_dim = out->shape.ndim;
        const int64_t m = out->shape.dim[n_dim - 2], n = out->shape.dim[n_dim - 1], k = a->shape.dim[a->shape.ndim - 1];
        const DType dtype = out->dtype;
        const size_t out_bytes = (size_t) (m * n) * dtype_size(dtype);
        Shape batch = shape_of(n_dim - 2, out->shape.dim);
        char *dense[2] = { run->scratch };
        const Spec left = { .dtype = dtype, .shape = a->shape };

        dense[1] = dense[0] + matrix_bytes(&left);
        if (out_bytes == 0)
                return 0;
        for (int64_t i = 0; i < shape_size(&batch); i++) {
                char *to = out->data + (size_t) i * out_bytes;
                const View *in[2] = { a, b };
                Matrix x[2];

                if (k == 0) {
                        memset(to, 0, out_bytes);
                        continue;
                }
                for (int j = 0; j < 2; j++) {
                        const char *data = batch_data(in[j], &batch, i);
                        const int d = in[j]->shape.ndim;

                        if (!matrix_of(in[j], data, &x[j]) || (product_loops[dtype] && (x[j].trans != CblasNoTrans || x[j].ld != MAX(in[j]->shape.dim[d - 1], 1)))) {
                                copy_dense(in[j], data, dense[j]);
                                x[j] = (Matrix) { dense[j], CblasNoTrans, MAX(in[j]->shape.dim[d - 1], 1) };
                        }
                }
                if (product_loops[dtype])
                        product_loops[dtype](x[0].data, x[1].data, m, n, k, to);
                else
                        product_blas(dtype, &x[0], &x[1], m, n, k, to);
        }
        return 0;
}

static int64_t product_step(_unused_ const OpCall *call) {
        return PRODUCT_STEP;
}

static int infer_product_blocks(const OpCall *call, Spec *out, Error *err) {
        const Shape *a = &call->in[0].shape;
        int r = infer_matmul(call, out, err);

        if (r < 0)
                return r;
        if (a->ndim != 2 || out->shape.ndim != 2)
                return error_set(err, ERROR_VALUE, "products over blocks are of matrices");
        out->shape = shape_of(3, (const int64_t[]) { a->dim[1] == UNKNOWN ? UNKNOWN : div_up(a->dim[1], PRODUCT_STEP), out->shape.dim[0], out->shape.dim[1] });
        return 0;
}

/* Vectors become matrices, dtypes become one. */
static int expand_matmul(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        Spec spec;
        Ref x[2], r;
        Shape s[2];

        if (infer_matmul(call, &spec, b->err) < 0)
                return ERROR_VALUE;
        for (int i = 0; i < 2; i++) {
                x[i] = build_cast(b, in[i], spec.dtype);
                if (call->in[i].shape.ndim == 1)
                        x[i] = build_insert_axis(b, x[i], i == 0 ? 0 : 1);
                s[i] = build_spec(b, x[i])->shape;
        }
        const int n_a = s[0].ndim, n_b = s[1].ndim;
        const int64_t m = s[0].dim[n_a - 2], n = s[1].dim[n_b - 1], k = s[0].dim[n_a - 1];
        const bool inexact = dtype_kind(spec.dtype) == KIND_FLOAT || dtype_kind(spec.dtype) == KIND_COMPLEX;

        if (m == 1 && n == 1 && inexact && spec.dtype != DTYPE_F16 && spec.shape.ndim == 0) {
                /* A product of vectors is a sum that is fused with whatever makes the vectors. */
                *out = build_reduce(b, "sum", build_binary(b, "multiply", build_cast(b, in[0], spec.dtype), build_cast(b, in[1], spec.dtype)),
                                    (Dims) {}, false, DTYPE_NONE);
                return build_done(b);
        }
        if (n_a == 2 && n_b == 2 && k >= 4 * PRODUCT_STEP && m * n <= PRODUCT_SMALL) {
                r = build_op(b, "product_blocks", NULL, 2, x);
                r = build_reduce(b, "sum", r, DIMS(0), false, spec.dtype);
        } else
                r = build_op(b, "product", NULL, 2, x);
        if (call->in[1].shape.ndim == 1)
                r = build_drop_axis(b, r, build_spec(b, r)->shape.ndim - 1);
        if (call->in[0].shape.ndim == 1)
                r = build_drop_axis(b, r, build_spec(b, r)->shape.ndim - (call->in[1].shape.ndim == 1 ? 1 : 2));
        *out = r;
        return build_done(b);
}

OP(matmul) = {
        .name   = "matmul",
        .doc    = "Matrix product of a and b.\n\n"
                  "The last two axes are matrices, the axes before them broadcast; a vector on the left is a row, on the right a column. "
                  "Exact bits: for float and complex tensors they depend on shapes and CPU level, never on cuts.",
        .family = FAMILY_CONTRACT,
        .inputs = "a, b",
        .n_in   = 2,
        .infer  = infer_matmul,
        .expand = expand_matmul,
};

OP(product) = {
        .name     = "product",
        .doc      = "Products of matrices: one tile of the result per task.",
        .family   = FAMILY_CONTRACT,
        .hidden   = true,
        .inputs   = "a, b",
        .n_in     = 2,
        .infer    = infer_matmul,
        .run      = product_run,
        .scratch  = product_scratch,
        .core_in  = { 2, 2 },
        .core_out = { 2 },
};

OP(product_blocks) = {
        .name     = "product_blocks",
        .doc      = "Products over blocks of the inner axis, one result for each block.",
        .family   = FAMILY_CONTRACT,
        .hidden   = true,
        .inputs   = "a, b",
        .n_in     = 2,
        .infer    = infer_product_blocks,
        .run      = product_run,
        .scratch  = product_scratch,
        .core_in  = { 2, 2 },
        .core_out = { 3 },
        .step     = product_step,
        .stacks   = true,
};
