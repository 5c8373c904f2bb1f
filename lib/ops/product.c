/* SPDX-License-Identifier: Apache-2.0 */
/* Products of matrices. What BLAS is asked for follows from shapes alone, so bits do not depend on how the inputs are
 * cut. There are four ways:
 *
 *   product         a tile of the result over the whole inner axis by each task.
 *   product_add     where that task would have more than WHOLE_MOST, or a right-hand side wider than a task: the inner
 *                   axis is cut too, and each block of it adds to the tiles of the one before. The inputs are cut into
 *                   squares first, so that a task needs 32 MiB.
 *   product_blocks  of tall and thin inputs, as in X.T @ y: the inner axis is cut in blocks of BLOCK_STEP or less, a
 *                   product for each, and the tree of `sum` adds them up. A task goes through its block by strips that
 *                   stay in its cache, and computes elementwise inputs there. gram.c does it for X.T @ X.
 *   sums of terms   of rows of few elements and a small matrix, as in X @ w, and of a matrix and a vector: the graph
 *                   says it so, and it is fused.
 *
 * float32, float64 and complex products are BLAS's, but for the smallest ones (thin.h, tiny.h), and so are those of
 * integers that are not too large (exact.h); others are loops over rows that compilers make vectors of. */
#include <string.h>

#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/blas.h"
#include "ops/exact.h"
#include "ops/kernel.h"
#include "ops/product.h"
#include "ops/thin.h"
#include "ops/tiny.h"

enum {
        PRODUCT_SMALL = 1 << 16, /* elements of a result that is small: 512 KiB a block */
        WHOLE_MOST   = 1 << 26, /* bytes of a task with all of the inner axis: four are as many as two threads need */
        SQUARE       = 768,     /* rows, columns and inner elements at a time of larger ones: four squares of float64 */
                                /* and room to put the inputs together are 27 MiB, */
        SQUARE_WIDE  = 512,     /* and of those with 16 bytes an element */
        TILE_ROWS    = 1024,    /* few enough that small machines have several tiles of a 4000 x 4000 product */
        TILE_COLUMNS = 4096,    /* many, since BLAS packs the right-hand side once per tile */
        TILE_UNIT    = 8,       /* rows of a tile are a multiple of it */
        TERMS_MOST   = 16,      /* inner elements, and columns, of a product that is a sum of terms */
        TERMS_LEAST  = 1024,    /* and its rows at least: two strips */
        THIN_TILE    = 1 << 18, /* elements of the tiles of thin matrices */
        CALL_MOST    = 1 << 19, /* multiplications of a call that OpenBLAS does without packing, twice as fast */
        STRIP_MOST   = 1 << 15, /* elements of both inputs in a strip: 256 KiB, a quarter of L2 */
        STRIP_LEAST  = 64,
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

/* Copies of a and b that lie as BLAS or the loops want them, and what integers need as float64. */
static size_t scratch_of(const Spec *a, const Spec *b) {
        const int n_a = a->shape.ndim, n_b = b->shape.ndim;
        const size_t n = is_exact(a->dtype)
                                 ? exact_elements(a->shape.dim[n_a - 2], b->shape.dim[n_b - 1], a->shape.dim[n_a - 1])
                                 : 0;

        return matrix_bytes(a) + matrix_bytes(b) + n * sizeof(double);
}

static size_t product_scratch(const OpCall *call) {
        return scratch_of(&call->in[0], &call->in[1]);
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
        const Spec right       = { .dtype = dtype, .shape = run->in[1].shape };
        char *dense[2] = { run->scratch, (char *) run->scratch + matrix_bytes(&left) };
        double *exact          = (double *) (dense[1] + matrix_bytes(&right));

        if (out_bytes == 0)
                return 0;
        for (int64_t i = 0; i < shape_size(&batch); i++) {
                char *to = out->data + (size_t) i * out_bytes;
                const char *data[2];
                Matrix x[2];

                if (k == 0 && !run->more)
                        memset(to, 0, out_bytes);
                if (k == 0)
                        continue;
                for (int j = 0; j < 2; j++) {
                        data[j] = batch_data(&run->in[j], &batch, i);
                        if (!matrix_of(&run->in[j], data[j], &x[j]))
                                matrix_dense(&run->in[j], data[j], dense[j], &x[j]);
                }
                if (is_exact(dtype) && exact_product(dtype, &x[0], &x[1], m, n, k, run->more, exact, to))
                        continue;
                if (product_loops[dtype]) {
                        for (int j = 0; j < 2; j++)
                                if (x[j].trans != CblasNoTrans || x[j].ld != (j == 0 ? k : n))
                                        matrix_dense(&run->in[j], data[j], dense[j], &x[j]);
                        product_loops[dtype](x[0].data, x[1].data, m, n, k, run->more, to);
                        continue;
                }
                if (is_tiny(dtype, m, n, k)) {
                        tiny_product(dtype, &x[0], &x[1], m, n, k, run->more, to);
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

/* As many equal parts as it takes for them to have at most so many elements: tasks of equal parts end together. */
static int64_t part_of(int64_t n, int64_t most) {
        return n <= most ? MAX(n, (int64_t) 1) : div_up(div_up(n, div_up(n, most)), TILE_UNIT) * TILE_UNIT;
}

static int64_t square_of(DType dtype) {
        return dtype_size(dtype) > sizeof(double) ? SQUARE_WIDE : SQUARE;
}

/* Of products by blocks the inner axis is no longer than a square. */
static bool is_whole(DType dtype, int64_t k) {
        return k > square_of(dtype);
}

static void tile_of(DType dtype, int64_t m, int64_t n, int64_t k, bool whole, int64_t size[static 2]) {
        size[0] = part_of(m, whole ? TILE_ROWS : square_of(dtype));
        size[1] = whole ? TILE_COLUMNS : part_of(n, square_of(dtype));
        while (size[0] * 2 * MAX(MAX(n, k), (int64_t) 1) <= THIN_TILE)
                size[0] *= 2;
}

static void product_tile(const OpCall *call, int64_t size[static 2]) {
        const Spec *a = &call->in[call->n_in - 2], *b = &call->in[call->n_in - 1];
        const int64_t m = a->shape.dim[a->shape.ndim - 2], n = b->shape.dim[b->shape.ndim - 1],
                      k = a->shape.dim[a->shape.ndim - 1];

        tile_of(a->dtype, m, n, k, call->n_in == 2 && is_whole(a->dtype, k), size);
}

/* ---- By blocks of the inner axis -------------------------------------------------------------------------------- */

static int product_add_run(BlockRun *run, Error *err) {
        const View *c = &run->in[0], *out = &run->out[0];
        BlockRun product = *run;
        const int n_dim  = out->shape.ndim;
        const int64_t m = out->shape.dim[n_dim - 2], n = out->shape.dim[n_dim - 1];
        const size_t size = dtype_size(out->dtype), row = (size_t) n * size;
        const Shape batch = shape_of(n_dim - 2, out->shape.dim);
        char *to          = out->data;

        assert(n <= 1 || c->stride[n_dim - 1] == (int64_t) size); /* a value of the same tiles */
        for (int64_t i = 0; i < shape_size(&batch); i++) {
                const char *from = batch_data(c, &batch, i);

                for (int64_t j = 0; j < m; j++, to += row)
                        memcpy(to, from + j * c->stride[n_dim - 2], row);
        }
        product.in++;
        product.more = true;
        return product_run(&product, err);
}

static size_t product_add_scratch(const OpCall *call) {
        return scratch_of(&call->in[1], &call->in[2]);
}

static int infer_product_add(const OpCall *call, Spec *out, Error *err) {
        const OpCall product = { .op = call->op, .n_in = 2, .in = call->in + 1 };
        const int r = infer_matmul(&product, out, err);

        if (r < 0)
                return r;
        if (call->in[0].dtype != out->dtype || out->shape.ndim < 2 || !shape_equal(&call->in[0].shape, &out->shape))
                return error_set(err, ERROR_VALUE, "products are added to matrices of the same shape and dtype");
        return 0;
}

static Ref build_squares(Build *b, Ref x, int64_t rows, int64_t columns) {
        const int n_dim = build_spec(b, x)->shape.ndim;
        int64_t chunk_size[2 * MAX_NDIM];
        const RechunkParams params = { .chunk_size = { .n = 2 * (uint32_t) n_dim, .given = true, .v = chunk_size } };

        for (int i = 0; i < n_dim; i++) { /* an axis: how many sizes follow, the size */
                chunk_size[2 * i]     = 1;
                chunk_size[2 * i + 1] = i < n_dim - 2 ? 1 : i == n_dim - 2 ? rows : columns;
        }
        return build_op(b, "rechunk", &params, 1, &x);
}

static Ref build_large(Build *b, Ref x, Ref y) {
        const Spec *a = build_spec(b, x), *c = build_spec(b, y);
        const int n_a = a->shape.ndim, n_c = c->shape.ndim;
        const int64_t k = a->shape.dim[n_a - 1], inner = part_of(k, square_of(a->dtype));
        int64_t tile[2];
        Ref ret = {};

        tile_of(a->dtype, a->shape.dim[n_a - 2], c->shape.dim[n_c - 1], inner, false, tile);
        x = build_squares(b, x, tile[0], inner);
        y = build_squares(b, y, inner, tile[1]);
        for (int64_t at = 0; at < k; at += inner) {
                const int64_t to = MIN(at + inner, k);
                const Ref in[3] = { ret, build_slice(b, x, n_a - 1, at, to, 1), build_slice(b, y, n_c - 2, at, to, 1) };

                ret = at == 0 ? build_op(b, "product", NULL, 2, in + 1) : build_op(b, "product_add", NULL, 3, in);
        }
        return ret;
}

/* Whether a task with all of the inner axis would have more than WHOLE_MOST, or read a part only of chunks that are
 * rows of more than that. */
static bool is_large(DType dtype, int64_t m, int64_t n, int64_t k) {
        const double most = (double) WHOLE_MOST / (double) (dtype_size(dtype) + is_exact(dtype) * sizeof(double));
        int64_t tile[2];
        double rows, columns;

        tile_of(dtype, m, n, k, is_whole(dtype, k), tile);
        rows    = (double) MIN(tile[0], m);
        columns = (double) MIN(tile[1], n);
        return (double) k * (rows + columns) + rows * columns > most || (n > tile[1] && (double) k * (double) n > most);
}

static int64_t blocks_step(const OpCall *call) {
        const Shape *a = &call->in[0].shape, *c = &call->in[1].shape;

        return product_block(call->in[0].dtype, a->dim[0] + c->dim[1]);
}

static int64_t product_strip(const OpCall *call) {
        const int64_t m = call->in[0].shape.dim[0], n = call->in[1].shape.dim[1], step = blocks_step(call);
        int64_t rows = STRIP_LEAST;

        if (call->in[0].dtype == DTYPE_F16) /* each strip would round */
                return 0;
        while (rows < step && 2 * rows * m * n <= CALL_MOST && 2 * rows * (m + n) <= STRIP_MOST)
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
        out->shape =
                shape_of(3, (const int64_t[]) { a->dim[1] == UNKNOWN ? UNKNOWN : div_up(a->dim[1], blocks_step(call)),
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

/* A matrix and a column, or a row and a matrix: the matrix is read once, where it lies, and nothing else takes time.
 * What is tall and thin has loops of its own. */
static bool is_vector(int64_t m, int64_t n, int64_t k) {
        return (m == 1 || n == 1) && (m * n > PRODUCT_SMALL || k < 4 * BLOCK_STEP);
}

static Ref build_vector(Build *b, DType dtype, Ref x, Ref y) {
        const bool column = build_spec(b, y)->shape.dim[1] == 1, bits = dtype == DTYPE_BOOL;
        const bool rounds = dtype == DTYPE_F16; /* once, not each product */
        const DType sum   = bits ? DTYPE_NONE : rounds ? DTYPE_F32 : dtype;

        if (column)
                y = build_insert_axis(b, build_drop_axis(b, y, 1), 0);
        else
                x = build_insert_axis(b, build_drop_axis(b, x, 0), 1);
        if (rounds) {
                x = build_cast(b, x, DTYPE_F32);
                y = build_cast(b, y, DTYPE_F32);
        }
        x = build_binary(b, bits ? "logical_and" : "multiply", x, y);
        x = build_reduce(b, bits ? "any" : "sum", x, DIMS(column), false, sum);
        return build_cast(b, x, dtype);
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
                r = k > product_block(spec.dtype, n) ? build_reduce(b, "sum", r, DIMS(0), false, spec.dtype)
                                                     : build_drop_axis(b, r, 0);
        } else if (n_a == 2 && n_b == 2 && is_terms(spec.dtype, m, n, k)) {
                r = build_terms(b, x[0], x[1]);
        } else if (n_a == 2 && n_b == 2 && is_vector(m, n, k)) {
                r = build_vector(b, spec.dtype, x[0], x[1]);
                if (spec.shape.ndim == 2)
                        r = build_insert_axis(b, r, n == 1);
                else if (spec.shape.ndim == 0)
                        r = build_drop_axis(b, r, 0);
                *out = r;
                return build_done(b);
        } else if (n_a == 2 && n_b == 2 && m * n <= PRODUCT_SMALL &&
                   (k >= 4 * BLOCK_STEP || (spec.dtype != DTYPE_F16 && is_large(spec.dtype, m, n, k)))) {
                r = build_op(b, "product_blocks", NULL, 2, x);
                r = build_reduce(b, "sum", r, DIMS(0), false, spec.dtype);
        } else if (k > 0 && is_large(spec.dtype, m, n, k)) {
                const bool rounds = spec.dtype == DTYPE_F16; /* where blocks of the inner axis end */

                r = build_large(b, rounds ? build_cast(b, x[0], DTYPE_F32) : x[0],
                                rounds ? build_cast(b, x[1], DTYPE_F32) : x[1]);
                r = build_cast(b, r, spec.dtype);
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
        .step     = blocks_step,
        .strip    = product_strip,
        .stacks   = true,
};
