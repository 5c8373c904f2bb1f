/* SPDX-License-Identifier: Apache-2.0 */
/* QR. A matrix that is much taller than wide is cut into blocks of rows: each has its own QR, the Rs below one
 * another are a matrix again, with fewer rows, whose Q makes the blocks' Qs those of the whole (TSQR). The blocks
 * are the first axis of a stack, so the graph has a dozen nodes whatever the number of rows. A complete Q is as large
 * as the square of the number of rows: it is made by one task. */
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

        r = linalg_matrix(call, 0, false, err);
        if (r >= 0)
                r = linalg_dtype(call, &dtype, err);
        if (r < 0)
                return r;
        n_q = q_columns(call->params, s->dim[s->ndim - 2], s->dim[s->ndim - 1]);
        out[0] = out[1] = (Spec) { .dtype = dtype, .shape = *s };
        out[0].shape.dim[s->ndim - 1] = n_q;
        out[1].shape.dim[s->ndim - 2] = n_q;
        return 0;
}

static int expand_qr(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *s    = &call->in[0].shape;
        const int64_t m = s->dim[s->ndim - 2], n = s->dim[s->ndim - 1], rows = linalg_tall(n), n_block = m / rows,
                      rest = m % rows;
        const Shape stack = SHAPE(n_block, rows, n), square = SHAPE(n_block, n, n), low = SHAPE(n_block * n, n),
                    flat = SHAPE(n_block * rows, n);
        Ref a, tall, end = {}, r, q;
        DType dtype;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a = build_cast(b, in[0], dtype);
        if (s->ndim > 2 || n_block < 2 || ((const QrParams *) call->params)->complete) {
                out[0] = build_op(b, "qr_block", call->params, 1, &a);
                out[1] = ref_out(out[0], 1);
                return build_done(b);
        }

        tall = build_reshape(b, build_slice(b, a, 0, 0, n_block * rows, 1), &stack);
        tall = build_op(b, "qr_block", NULL, 1, &tall);
        r    = build_reshape(b, ref_out(tall, 1), &low);
        if (rest > 0) {
                end = build_slice(b, a, 0, n_block * rows, m, 1);
                end = build_op(b, "qr_block", NULL, 1, &end);
                r   = build_concatenate(b, (const Ref[]) { r, ref_out(end, 1) }, 2, 0);
        }
        r      = build_op(b, "qr", NULL, 1, &r);
        out[1] = ref_out(r, 1);
        q      = build_reshape(b, build_slice(b, r, 0, 0, n_block * n, 1), &square);
        q      = build_reshape(b, build_product(b, tall, q), &flat);
        if (rest > 0) {
                end = build_product(b, end, build_slice(b, r, 0, n_block * n, n_block * n + MIN(rest, n), 1));
                q   = build_concatenate(b, (const Ref[]) { q, end }, 2, 0);
        }
        out[0] = q;
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
