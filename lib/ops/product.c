/* SPDX-License-Identifier: Apache-2.0 */
/* Products of matrices. What BLAS is asked for follows from shapes alone, so bits do not depend on how the inputs are
 * cut. There are four ways:
 *
 *   product         a tile of the result over the whole inner axis by each task.
 *   product_add     of what is larger than PRODUCT_MOST: the inner axis is cut too, and each block of it adds to the
 *                   tiles of the one before. The inputs are cut into squares first, so that a task needs 64 MiB.
 *   product_blocks  of tall and thin inputs, as in X.T @ y: the inner axis is cut in blocks of BLOCK_STEP, a
 *                   product for each, and the tree of `sum` adds them up. A task goes through its block by strips that
 *                   stay in its cache, and computes elementwise inputs there. gram.c does it for X.T @ X.
 *   sums of terms   of rows of few elements and a small matrix, as in X @ w: the graph says it so, and it is fused.
 *
 * float32, float64 and complex products are BLAS's, but for the smallest results (thin.h); others are loops over rows
 * that compilers make vectors of. */
#include <string.h>

#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/blas.h"
#include "ops/kernel.h"
#include "ops/product.h"
#include "ops/thin.h"

enum {
        PRODUCT_SMALL = 1 << 16, /* elements of a result that is small: 512 KiB a block */
        PRODUCT_MOST = 1 << 26,  /* elements of inputs and result that may well be in memory together */
        PRODUCT_INNER = 1024,    /* inner elements at a time of larger ones */
        SQUARE = 1024,           /* rows and columns of the chunks of their inputs */
        TILE_ROWS = 1024,        /* few enough that small machines have several tiles of a 4000 x 4000 product */
        TILE_COLUMNS = 4096,     /* many, since BLAS packs the right-hand side once per tile */
        TILE_UNIT = 8,           /* rows of a tile are a multiple of it */
        TERMS_MOST = 16,         /* inner elements, and columns, of a product that is a sum of terms */
        TERMS_LEAST = 1024,      /* and its rows at least: two strips */
        THIN_TILE = 1 << 18,     /* elements of the tiles of thin matrices */
        CALL_MOST = 1 << 19,     /* multiplications of a call that OpenBLAS does without packing, twice as fast */
        STRIP_MOST = 1 << 15,    /* elements of both inputs in a strip: 256 KiB, a quarter of L2 */
        STRIP_LEAST = 64,
};

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

static size_t product_scratch(const OpCall *call) {
        return matrix_bytes(&call->in[0]) + matrix_bytes(&call->in[1]);
}

/* Dense a (m x k) and b (k x n): the result's rows grow by multiples of b's rows. */
#define PRODUCT_LOOP_(D, A, multiply_add)                                                                              \
        static void product_##D(const char *a_data, const char *b_data, int64_t m, int64_t n, int64_t k, bool more,    \
                                char *out) {                                                                           \
                const MEMORY_##D *a = (const MEMORY_##D *) a_data, *b = (const MEMORY_##D *) b_data;                   \
                MEMORY_##D *c = (MEMORY_##D *) out;                                                                    \
                A sum[STRIP];                                                                                          \
                                                                                                                       \
                for (int64_t i = 0; i < m; i++)                                                                        \
                        for (int64_t from = 0; from < n; from += STRIP) {                                              \
                                const int64_t length = MIN(n - from, (int64_t) STRIP);                                 \
                                                                                                                       \
                                for (int64_t j = 0; j < length; j++)                                                   \
                                        sum[j] = more ? (A) LOAD_##D(c[i * n + from + j]) : (A) 0;                     \
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
static void (*const product_loops[_DTYPE_MAX])(const char *, const char *, int64_t, int64_t, int64_t, bool,
                                               char *) = { BITS(PRODUCT_ROW_) PRODUCT_ROW_(F16) };

static int product_run(BlockRun *run, _unused_ Error *err) {
        const View *out = &run->out[0];
        const int n_dim = out->shape.ndim;
        const int64_t m = out->shape.dim[n_dim - 2], n = out->shape.dim[n_dim - 1],
                      k = run->in[0].shape.dim[run->in[0].shape.ndim - 1];
        const DType dtype = out->dtype;
        const size_t out_bytes = (size_t) (m * n) * dtype_size(dtype);
        const Shape batch = shape_of(n_dim - 2, out->shape.dim);
        const Spec left = { .dtype = dtype, .shape = run->in[0].shape };
        char *dense[2] = { run->scratch, (char *) run->scratch + matrix_bytes(&left) };

        if (out_bytes == 0)
                return 0;
        for (int64_t i = 0; i < shape_size(&batch); i++) {
                char *to = out->data + (size_t) i * out_bytes;
                Matrix x[2];

                if (k == 0 && !run->more)
                        memset(to, 0, out_bytes);
                if (k == 0)
                        continue;
                for (int j = 0; j < 2; j++) {
                        const View *in = &run->in[j];
                        const char *data = batch_data(in, &batch, i);
                        bool fits = matrix_of(in, data, &x[j]);

                        if (product_loops[dtype])
                                fits &= x[j].trans == CblasNoTrans &&
                                        x[j].ld == MAX(in->shape.dim[in->shape.ndim - 1], 1);
                        if (!fits)
                                matrix_dense(in, data, dense[j], &x[j]);
                }
                if (product_loops[dtype]) {
                        product_loops[dtype](x[0].data, x[1].data, m, n, k, run->more, to);
                        continue;
                }
                if (is_thin(dtype, m, n, k)) {
                        thin_product(dtype, &x[0], &x[1], m, n, k, run->more, to);
                        continue;
                }
                blas_enter();
                matrix_product(dtype, &x[0], &x[1], m, n, k, run->more, to, n);
                blas_leave();
        }
        return 0;
}

/* Tiles of whole products are equal, so that they end together; those by blocks fit the squares of the inputs. */
static void product_tile(const OpCall *call, int64_t size[static 2]) {
        const Shape *a = &call->in[call->n_in - 2].shape, *b = &call->in[call->n_in - 1].shape;
        const int64_t m = a->dim[a->ndim - 2], n = b->dim[b->ndim - 1], k = a->dim[a->ndim - 1];

        size[0] = SQUARE;
        size[1] = 2 * SQUARE;
        if (k > PRODUCT_INNER && call->n_in == 2) {
                size[0] = m <= TILE_ROWS ? MAX(m, 1) : div_up(div_up(m, div_up(m, TILE_ROWS)), TILE_UNIT) * TILE_UNIT;
                size[1] = TILE_COLUMNS;
        }
        while (size[0] * 2 * MAX(MAX(n, k), (int64_t) 1) <= THIN_TILE)
                size[0] *= 2;
}

/* ---- By blocks of the inner axis -------------------------------------------------------------------------------- */

static int product_add_run(BlockRun *run, Error *err) {
        const View *c = &run->in[0], *out = &run->out[0];
        BlockRun product = *run;
        const int64_t m = out->shape.dim[0], n = out->shape.dim[1];
        const size_t size = dtype_size(out->dtype), row = (size_t) n * size;

        assert(n <= 1 || c->stride[1] == (int64_t) size); /* a value of the same tiles */
        for (int64_t i = 0; i < m; i++)
                memcpy(out->data + (size_t) i * row, c->data + i * c->stride[0], row);
        product.in++;
        product.more = true;
        return product_run(&product, err);
}

static size_t product_add_scratch(const OpCall *call) {
        return matrix_bytes(&call->in[1]) + matrix_bytes(&call->in[2]);
}

static int infer_product_add(const OpCall *call, Spec *out, Error *err) {
        const OpCall product = { .op = call->op, .n_in = 2, .in = call->in + 1 };
        const int r = infer_matmul(&product, out, err);

        if (r < 0)
                return r;
        if (call->in[0].dtype != out->dtype || out->shape.ndim != 2 || !shape_equal(&call->in[0].shape, &out->shape))
                return error_set(err, ERROR_VALUE, "products are added to matrices of the same shape and dtype");
        return 0;
}

static Ref build_squares(Build *b, Ref x) {
        const int64_t chunk_size[] = { 1, SQUARE, 1, SQUARE };
        const RechunkParams params = { .chunk_size = { .n = 4, .given = true, .v = chunk_size } };

        return build_op(b, "rechunk", &params, 1, &x);
}

static Ref build_large(Build *b, Ref x, Ref y, int64_t k) {
        Ref ret = {};

        x = build_squares(b, x);
        y = build_squares(b, y);
        for (int64_t at = 0; at < k; at += PRODUCT_INNER) {
                const int64_t to = MIN(at + PRODUCT_INNER, k);
                const Ref in[3] = { ret, build_slice(b, x, 1, at, to, 1), build_slice(b, y, 0, at, to, 1) };

                ret = at == 0 ? build_op(b, "product", NULL, 2, in + 1) : build_op(b, "product_add", NULL, 3, in);
        }
        return ret;
}

static int64_t product_step(_unused_ const OpCall *call) {
        return BLOCK_STEP;
}

static int64_t product_strip(const OpCall *call) {
        const int64_t m = call->in[0].shape.dim[0], n = call->in[1].shape.dim[1];
        int64_t rows = STRIP_LEAST;

        if (call->in[0].dtype == DTYPE_F16) /* each strip would round */
                return 0;
        while (rows < BLOCK_STEP && 2 * rows * m * n <= CALL_MOST && 2 * rows * (m + n) <= STRIP_MOST)
                rows *= 2;
        return rows;
}

static int infer_product_blocks(const OpCall *call, Spec *out, Error *err) {
        const Shape *a = &call->in[0].shape;
        int r = infer_matmul(call, out, err);

        if (r < 0)
                return r;
        if (a->ndim != 2 || out->shape.ndim != 2)
                return error_set(err, ERROR_VALUE, "products over blocks are of matrices");
        out->shape = shape_of(3, (const int64_t[]){ a->dim[1] == UNKNOWN ? UNKNOWN : div_up(a->dim[1], BLOCK_STEP),
                                                    out->shape.dim[0], out->shape.dim[1] });
        return 0;
}

static bool is_transpose_of(Build *b, Ref x, Ref y) {
        const Node *node = &b->graph->node.data[x.node];
        const ViewParams *v = node->params;

        return node->op && strcmp(node->op->name, "view") == 0 && node->in[0].node == y.node &&
               node->in[0].out == y.out && build_spec(b, y)->shape.ndim == 2 && v->axis.v[0] == 1 &&
               v->axis.v[1] == 0 && v->start.v[0] == 0 && v->start.v[1] == 0 && v->step.v[0] == 1 &&
               v->step.v[1] == 1 && node->out[0].shape.dim[0] == build_spec(b, y)->shape.dim[1] &&
               node->out[0].shape.dim[1] == build_spec(b, y)->shape.dim[0];
}

/* A matrix by its own transpose: half of the result is the other half. */
static bool is_gram(Build *b, const Ref *x, int64_t k, int64_t n) {
        const DType dtype = build_spec(b, x[1])->dtype;

        return b->r >= 0 && k > 0 && n > 1 && n <= GRAM_MOST && (dtype == DTYPE_F32 || dtype == DTYPE_F64) &&
               (is_transpose_of(b, x[0], x[1]) || is_transpose_of(b, x[1], x[0]));
}

/* Of many rows with few elements each and a small matrix. BLAS takes longer to pack the rows than to multiply them, and
 * the result would go through memory: as sums of terms these products are fused with what they are needed for. */
static bool is_terms(DType dtype, int64_t m, int64_t n, int64_t k) {
        return (dtype == DTYPE_F32 || dtype == DTYPE_F64) && m >= TERMS_LEAST && n > 0 && n <= TERMS_MOST && k > 0 &&
               k <= TERMS_MOST;
}

static Ref build_terms(Build *b, Ref x, Ref y) {
        const Ref a = build_insert_axis(b, x, 1);
        const Ref c = build_insert_axis(b, build_transpose(b, y, (int[]){ 1, 0 }), 0);

        return build_reduce(b, "sum", build_binary(b, "multiply", a, c), DIMS(2), false, DTYPE_NONE);
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
                *out = build_reduce(
                        b, "sum",
                        build_binary(b, "multiply", build_cast(b, in[0], spec.dtype), build_cast(b, in[1], spec.dtype)),
                        (Dims){}, false, DTYPE_NONE);
                return build_done(b);
        }
        if (n_a == 2 && n_b == 2 && is_gram(b, x, k, n)) {
                r = build_op(b, "gram_blocks", NULL, 1, &x[1]);
                r = k > BLOCK_STEP ? build_reduce(b, "sum", r, DIMS(0), false, spec.dtype) : build_drop_axis(b, r, 0);
        } else if (n_a == 2 && n_b == 2 && is_terms(spec.dtype, m, n, k)) {
                r = build_terms(b, x[0], x[1]);
        } else if (n_a == 2 && n_b == 2 && k >= 4 * BLOCK_STEP && m * n <= PRODUCT_SMALL) {
                r = build_op(b, "product_blocks", NULL, 2, x);
                r = build_reduce(b, "sum", r, DIMS(0), false, spec.dtype);
        } else if (n_a == 2 && n_b == 2 && k > PRODUCT_INNER && (double) k * (m + n) + (double) m * n > PRODUCT_MOST &&
                   spec.dtype != DTYPE_F16)
                r = build_large(b, x[0], x[1], k);
        else
                r = build_op(b, "product", NULL, 2, x);
        if (call->in[1].shape.ndim == 1)
                r = build_drop_axis(b, r, build_spec(b, r)->shape.ndim - 1);
        if (call->in[0].shape.ndim == 1)
                r = build_drop_axis(b, r, build_spec(b, r)->shape.ndim - (call->in[1].shape.ndim == 1 ? 1 : 2));
        *out = r;
        return build_done(b);
}

OP(matmul) = {
        .name = "matmul",
        .doc = "Matrix product of a and b.\n\n"
               "The last two axes are matrices, the axes before them broadcast; a vector on the left is a row, on the "
               "right a column. "
               "Exact bits: for float and complex tensors they depend on shapes and CPU level, never on cuts.",
        .family = FAMILY_CONTRACT,
        .inputs = "a, b",
        .n_in = 2,
        .infer = infer_matmul,
        .expand = expand_matmul,
};

/* For factorizations, whose parts take their turns in little memory. */
static int expand_squares(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        *out = build_large(b, in[0], in[1], call->in[0].shape.dim[1]);
        return build_done(b);
}

static int infer_squares(const OpCall *call, Spec *out, Error *err) {
        const int r = infer_matmul(call, out, err);

        if (r >= 0 && (out->shape.ndim != 2 || call->in[0].dtype != call->in[1].dtype))
                return error_set(err, ERROR_VALUE, "%s: of matrices of one dtype", call->op->name);
        return r;
}

OP(product_squares) = {
        .name = "product_squares",
        .doc = "Products of matrices by blocks of the inner axis, whatever their size.",
        .family = FAMILY_CONTRACT,
        .hidden = true,
        .inputs = "a, b",
        .n_in = 2,
        .infer = infer_squares,
        .expand = expand_squares,
};

OP(product) = {
        .name = "product",
        .doc = "Products of matrices: one tile of the result per task.",
        .family = FAMILY_CONTRACT,
        .hidden = true,
        .inputs = "a, b",
        .n_in = 2,
        .infer = infer_matmul,
        .run = product_run,
        .scratch = product_scratch,
        .core_in = { 2, 2 },
        .core_out = { 2 },
        .tile = product_tile,
};

OP(product_add) = {
        .name = "product_add",
        .doc = "The product of a and b added to c, which comes first since it is the longest to make: one tile of the "
               "result per task.",
        .family = FAMILY_CONTRACT,
        .hidden = true,
        .inputs = "c, a, b",
        .n_in = 3,
        .infer = infer_product_add,
        .run = product_add_run,
        .scratch = product_add_scratch,
        .core_in = { 2, 2, 2 },
        .core_out = { 2 },
        .tile = product_tile,
};

OP(product_blocks) = {
        .name = "product_blocks",
        .doc = "Products over blocks of the inner axis, one result for each block.",
        .family = FAMILY_CONTRACT,
        .hidden = true,
        .inputs = "a, b",
        .n_in = 2,
        .infer = infer_product_blocks,
        .run = product_run,
        .scratch = product_scratch,
        .core_in = { 2, 2 },
        .core_out = { 3 },
        .step = product_step,
        .strip = product_strip,
        .stacks = true,
};
