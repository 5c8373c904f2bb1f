/* SPDX-License-Identifier: Apache-2.0 */
/* QR. A matrix that is much taller than wide is cut into blocks of rows: each has its own QR, the Rs below one
 * another are a matrix again, with fewer rows, whose Q makes the blocks' Qs those of the whole (TSQR). The blocks
 * are the first axis of a stack, so the graph has a dozen nodes whatever the number of rows.
 *
 * Other large matrices become reflectors, Q = I - V T V^H: those of the left half of the columns are applied to the
 * right half, in three products, and those of what is left below follow them. Panels are at the end of it. */
#include <string.h>

#include "ops/blas.h"
#include "ops/lapack.h"
#include "ops/linalg.h"

typedef struct QrParams {
        bool complete;
} QrParams;

#define QR_PARAMS                                                                                                      \
        (const Param[]) {                                                                                              \
                PARAM(QrParams, complete, PARAM_BOOL, "False", "Q is square: columns that a does not span follow."), { \
                }                                                                                                      \
        }

typedef struct QrWork {
        char *a;    /* column by column */
        void *tau, *work;
        int lwork;
} QrWork;

enum { QR_WORK = 64 }; /* columns of a panel, at most */

/* For an m x n matrix and a Q of n_q columns. Returns the bytes. */
static size_t qr_work(DType t, int64_t m, int64_t n, int64_t n_q, void *scratch, QrWork *ret) {
        const size_t size = dtype_size(t);
        Carve c           = { .at = scratch };

        ret->a = carve(&c, m * MAX(n, n_q), size);
        ret->tau   = carve(&c, MIN(m, n), size);
        ret->lwork = (int) (QR_WORK * MAX(MAX(n, n_q), (int64_t) 1));
        ret->work  = carve(&c, ret->lwork, size);
        return c.used;
}

static int64_t q_columns(const void *params, int64_t m, int64_t n) {
        return ((const QrParams *) params)->complete ? m : linalg_least(m, n);
}

static size_t qr_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;
        const int64_t m = s->dim[s->ndim - 2], n = s->dim[s->ndim - 1];
        QrWork work;

        return qr_work(call->in[0].dtype, m, n, q_columns(call->params, m, n), NULL, &work);
}

static void upper_triangle(DType t, int64_t k, int64_t n, const char *from, int64_t column, char *to) {
        const size_t size = dtype_size(t);

        matrix_from_columns(t, k, n, from, column, to);
        for (int64_t i = 1; i < k; i++)
                memset(to + i * n * (int64_t) size, 0, (size_t) MIN(i, n) * size);
}

static int qr_run(BlockRun *run, Error *err) {
        const View *in    = &run->in[0];
        const DType t     = in->dtype;
        const int64_t *at = in->shape.dim + in->shape.ndim - 2, rows = at[0], columns = at[1];
        const int64_t n_q = q_columns(run->params, rows, columns);
        const Shape stack = stack_of(&run->out[0], 2);
        const int64_t size = (int64_t) dtype_size(t);
        int m, n, k, q, info = 0;
        QrWork w;

        if (lapack_count(rows, &m, err) < 0 || lapack_count(QR_WORK * MAX(columns, n_q), &n, err) < 0)
                return ERROR_SUPPORT;
        n = (int) columns;
        k = MIN(m, n);
        q = (int) n_q;
        if (q == 0)
                return 0;
        qr_work(t, rows, columns, n_q, run->scratch, &w);
        for (int64_t i = 0; i < shape_size(&stack); i++) {
                matrix_to_columns(in, stack_at(in, 2, &stack, i), w.a);
                blas_enter();
                LAPACK_CALL(t, geqrf, &m, &n, w.a, &m, w.tau, w.work, &w.lwork, &info);
                blas_leave();
                assert(info == 0);
                upper_triangle(t, n_q, columns, w.a, rows, run->out[1].data + i * n_q * columns * size);
                blas_enter();
                LAPACK_CALL2(t, orgqr, ungqr, &m, &q, &k, w.a, &m, w.tau, w.work, &w.lwork, &info);
                blas_leave();
                assert(info == 0);
                matrix_from_columns(t, rows, n_q, w.a, rows, run->out[0].data + i * rows * n_q * size);
        }
        return 0;
}

static int infer_qr(const OpCall *call, Spec *out, Error *err) {
        const Shape *s = &call->in[0].shape;
        int64_t n_q;
        DType dtype;
        int r;

        r = linalg_one(call, false, &dtype, err);
        if (r < 0)
                return r;
        n_q = q_columns(call->params, s->dim[s->ndim - 2], s->dim[s->ndim - 1]);
        out[0] = out[1] = (Spec) { .dtype = dtype, .shape = *s };
        out[0].shape.dim[s->ndim - 1] = n_q;
        out[1].shape.dim[s->ndim - 2] = n_q;
        return 0;
}

/* Whether a block of a tall matrix is one of a stack, each of which one task factorizes. */
static bool is_stack(int64_t rows, int64_t n) {
        return rows * n <= LINALG_TASK;
}

/* Blocks of rows, a stack of them with n_block > 0, and what is left at the end. */
static int build_tall(Build *b, Ref a, int64_t rows, Ref *out) {
        const Shape *s  = &build_spec(b, a)->shape;
        const int64_t m = s->dim[0], n = s->dim[1], n_block = m / rows, rest = m % rows;
        const Shape stack = SHAPE(n_block, rows, n), square = SHAPE(n_block, n, n), low = SHAPE(n_block * n, n),
                    flat  = SHAPE(n_block * rows, n);
        Ref tall, end = {}, r, q;

        tall = build_reshape(b, build_slice(b, a, 0, 0, n_block * rows, 1), &stack);
        tall = build_op(b, "qr_block", NULL, 1, &tall);
        r    = build_reshape(b, ref_out(tall, 1), &low);
        if (rest > 0) {
                end = build_slice(b, a, 0, n_block * rows, m, 1);
                end = build_op(b, "qr", NULL, 1, &end);
                r   = build_pair(b, r, ref_out(end, 1), 0);
        }
        r      = build_op(b, "qr", NULL, 1, &r);
        out[1] = ref_out(r, 1);
        q      = build_reshape(b, build_slice(b, r, 0, 0, n_block * n, 1), &square);
        q      = build_reshape(b, build_op(b, "matmul", NULL, 2, (const Ref[]) { tall, q }), &flat);
        if (rest > 0) {
                end = build_binary(b, "matmul", end, build_slice(b, r, 0, n_block * n, n_block * n + MIN(rest, n), 1));
                q   = build_pair(b, q, end, 0);
        }
        out[0] = q;
        return build_done(b);
}

/* The same of blocks that are factorized by panels: the upper and the lower half of the matrix. */
static int build_taller(Build *b, Ref a, int64_t rows, Ref *out) {
        const Shape *s     = &build_spec(b, a)->shape;
        const int64_t m = s->dim[0], n = s->dim[1], upper = m / rows / 2 * rows;
        Ref half[2], r;

        half[0] = build_slice(b, a, 0, 0, upper, 1);
        half[1] = build_slice(b, a, 0, upper, m, 1);
        for (int i = 0; i < 2; i++)
                half[i] = build_op(b, "qr", NULL, 1, &half[i]);
        r       = build_pair(b, ref_out(half[0], 1), ref_out(half[1], 1), 0);
        r       = build_op(b, "qr", NULL, 1, &r);
        out[1]  = ref_out(r, 1);
        half[0] = build_binary(b, "matmul", half[0], build_slice(b, r, 0, 0, n, 1));
        half[1] = build_binary(b, "matmul", half[1], build_slice(b, r, 0, n, 2 * n, 1));
        out[0]  = build_pair(b, half[0], half[1], 0);
        return build_done(b);
}

static int expand_qr(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *s    = &call->in[0].shape;
        const int64_t m = s->dim[s->ndim - 2], n = s->dim[s->ndim - 1], k = MIN(m, n), rows = linalg_tall(n);
        const bool complete = ((const QrParams *) call->params)->complete, thin = n <= linalg_panel(m);
        Ref a, factor, v, w;
        DType dtype;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a = build_cast(b, in[0], dtype);
        if (m >= 2 * rows && s->ndim == 2 && !complete)
                return is_stack(rows, n) ? build_tall(b, a, rows, out) : build_taller(b, a, rows, out);
        if (s->ndim > 2 || MAX(m, n) <= LINALG_WHOLE || (thin && !complete)) {
                out[0] = build_op(b, "qr_block", call->params, 1, &a);
                out[1] = ref_out(out[0], 1);
                return build_done(b);
        }
        factor = build_op(b, "qr_factor", NULL, 1, &a);
        v      = ref_out(factor, 0);
        out[1] = ref_out(factor, 2);
        w      = complete ? v : build_part(b, v, 0, k, 0, k);
        w      = build_binary(b, "matmul", ref_out(factor, 1), build_adjoint(b, w));
        out[0] = build_binary(b, "subtract", build_eye(b, dtype, m, complete ? m : k), build_binary(b, "matmul", v, w));
        if (complete && m > k)
                out[1] = build_pair(b, out[1], build_constant(b, dtype, 0, m - k, n), 0);
        return build_done(b);
}

OP(qr) = {
        .name = "qr",
        .doc = "Q with orthonormal columns and upper triangular R with a = Q R.\n\n"
               "Of an m x n matrix, with k = min(m, n), or m if complete: Q is m x k, R is k x n; matrices are the "
               "last two axes. "
               "The signs are LAPACK's; of tall matrices, which are computed by blocks of rows, they may differ from "
               "those of one block. "
               "Raises LinAlgError, and TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in = 1,
        .n_out = 2,
        .params_size = sizeof(QrParams),
        .params = QR_PARAMS,
        .infer = infer_qr,
        .expand = expand_qr,
};

OP(qr_block) = {
        .name = "qr_block",
        .doc = "Q and R, each matrix by one task.",
        .family = FAMILY_BLOCK,
        .hidden = true,
        .inputs = "a",
        .n_in = 1,
        .n_out = 2,
        .params_size = sizeof(QrParams),
        .params = QR_PARAMS,
        .infer = infer_qr,
        .run = qr_run,
        .scratch = qr_scratch,
        .core_in = { 2 },
        .core_out = { 2, 2 },
};

/* ---- Reflectors
 * ------------------------------------------------------------------------------------------------------ */

static size_t panel_work(DType t, int64_t m, int64_t n, void *scratch, QrWork *ret, char **ret_t) {
        const size_t used = qr_work(t, m, n, n, scratch, ret);
        Carve c           = { .at = scratch, .used = used };

        *ret_t = carve(&c, n * n, dtype_size(t));
        return c.used;
}

static size_t panel_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;
        QrWork work;
        char *t;

        return panel_work(call->in[0].dtype, s->dim[0], s->dim[1], NULL, &work, &t);
}

static int panel_run(BlockRun *run, Error *err) {
        const View *in     = &run->in[0];
        const DType t      = in->dtype;
        const int64_t rows = in->shape.dim[0], columns = in->shape.dim[1], size = (int64_t) dtype_size(t);
        const Scalar one   = scalar_from_f64(t, 1);
        char *triangle;
        int m, n, info = 0;
        QrWork w;

        if (lapack_count(rows, &m, err) < 0 || lapack_count(QR_WORK * columns, &n, err) < 0)
                return ERROR_SUPPORT;
        assert(rows >= columns);
        n = (int) columns;
        panel_work(t, rows, columns, run->scratch, &w, &triangle);
        matrix_to_columns(in, in->data, w.a);
        blas_enter();
        LAPACK_CALL(t, geqrf, &m, &n, w.a, &m, w.tau, w.work, &w.lwork, &info);
        assert(info == 0);
        LAPACK_CALL(t, larft, "F", "C", &m, &n, w.a, &m, w.tau, triangle, &n, 1, 1);
        blas_leave();
        upper_triangle(t, columns, columns, w.a, rows, run->out[2].data);
        upper_triangle(t, columns, columns, triangle, columns, run->out[1].data);
        matrix_from_columns(t, rows, columns, w.a, rows, run->out[0].data);
        for (int64_t i = 0; i < columns; i++) {
                char *row = run->out[0].data + i * columns * size;

                memcpy(row + i * size, one.bytes, (size_t) size);
                memset(row + (i + 1) * size, 0, (size_t) ((columns - i - 1) * size));
        }
        return 0;
}

static int infer_reflectors(const OpCall *call, Spec *out, Error *err) {
        const Shape *s = &call->in[0].shape;
        DType dtype;
        int r;

        r = linalg_one(call, false, &dtype, err);
        if (r < 0)
                return r;
        if (s->ndim > 2)
                return error_set(err, ERROR_VALUE, "%s: of one matrix", call->op->name);
        const int64_t k = linalg_least(s->dim[0], s->dim[1]);

        out[0] = (Spec) { .dtype = dtype, .shape = SHAPE(s->dim[0], k) };
        out[1] = (Spec) { .dtype = dtype, .shape = SHAPE(k, k) };
        out[2] = (Spec) { .dtype = dtype, .shape = SHAPE(k, s->dim[1]) };
        return 0;
}

OP(qr_panel) = {
        .name     = "qr_panel",
        .doc      = "V, T and R of a matrix with no more columns than rows, by one task.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .n_out    = 3,
        .infer    = infer_reflectors,
        .run      = panel_run,
        .scratch  = panel_scratch,
        .core_in  = { 2 },
        .core_out = { 2, 2, 2 },
};

static int expand_reflectors(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const int64_t m = call->in[0].shape.dim[0], n = call->in[0].shape.dim[1], k = MIN(m, n);
        const DType dtype = call->in[0].dtype;
        const bool panel  = k <= linalg_panel(m);
        const int64_t half = panel ? k : linalg_half(k), below = m - half;
        Ref left, v, t, right, top, rest, corner;

        if (panel && n == k) {
                out[0] = build_op(b, "qr_panel", NULL, 1, in);
                out[1] = ref_out(out[0], 1);
                out[2] = ref_out(out[0], 2);
                return build_done(b);
        }
        left  = build_part(b, in[0], 0, m, 0, half);
        left  = build_op(b, "qr_factor", NULL, 1, &left);
        v     = ref_out(left, 0);
        t     = ref_out(left, 1);
        right = build_part(b, in[0], 0, m, half, n - half);
        rest   = build_binary(b, "matmul", build_adjoint(b, t), build_binary(b, "matmul", build_adjoint(b, v), right));
        right  = build_binary(b, "subtract", right, build_binary(b, "matmul", v, rest));
        top    = build_part(b, right, 0, half, 0, n - half);
        out[2] = build_pair(b, ref_out(left, 2), top, 1);
        if (below == 0) { /* wide: R goes on to the right */
                out[0] = v;
                out[1] = t;
                return build_done(b);
        }
        rest   = build_part(b, right, half, below, 0, n - half);
        rest   = build_op(b, "qr_factor", NULL, 1, &rest);
        corner = build_binary(b, "matmul", build_adjoint(b, build_part(b, v, half, below, 0, half)), ref_out(rest, 0));
        corner = build_binary(b, "matmul", t, build_binary(b, "matmul", corner, ref_out(rest, 1)));
        out[0] = build_pair(b, v, build_pair(b, build_constant(b, dtype, 0, half, k - half), ref_out(rest, 0), 0), 1);
        out[1] = build_pair(b, build_pair(b, t, build_unary(b, "negative", corner), 1),
                            build_pair(b, build_constant(b, dtype, 0, k - half, half), ref_out(rest, 1), 1), 0);
        out[2] = build_pair(b, out[2],
                            build_pair(b, build_constant(b, dtype, 0, k - half, half), ref_out(rest, 2), 1), 0);
        return build_done(b);
}

OP(qr_factor) = {
        .name   = "qr_factor",
        .doc    = "V, T and R with a = (I - V T V^H) R: reflectors, in columns, and how they go together.",
        .family = FAMILY_BLOCK,
        .hidden = true,
        .inputs = "a",
        .n_in   = 1,
        .n_out  = 3,
        .infer  = infer_reflectors,
        .expand = expand_reflectors,
};
