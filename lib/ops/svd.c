/* SPDX-License-Identifier: Apache-2.0 */
/* Singular values. A tall matrix is that of its R: u is Q times the u of R. A wide one is the transpose of a tall
 * one. A large square one is a = U H (polar.c), and H = v diag(s) v^H: u is U v. */
#include <limits.h>
#include <string.h>

#include "ops/blas.h"
#include "ops/lapack.h"
#include "ops/linalg.h"

typedef struct SvdParams {
        bool full_matrices;
} SvdParams;

#define SVD_PARAMS                                                                                                     \
        (const Param[]) {                                                                                              \
                PARAM(SvdParams, full_matrices, PARAM_BOOL, "False",                                                   \
                      "u and vh are square: columns and rows that a does not span follow."),                           \
                {}                                                                                                     \
        }

typedef struct SvdWork {
        char *a, *u, *vh; /* column by column */
        void *work, *rwork;
        int *iwork;
        int lwork;
        int64_t n_u, n_vh; /* columns of u, rows of vh */
} SvdWork;

enum {
        SVD_WHOLE = 2048,  /* rows and columns that one task takes: 300 MiB of float64 */
        SVD_MOST  = 20000, /* of a stack: the work array has 4 times their square, counted in 32 bits */
};

/* What gesdd asks for, and a bit more, with which it works by blocks; "N" needs less than "S". */
static size_t svd_work(DType t, int64_t m, int64_t n, bool vectors, bool full, void *scratch, SvdWork *ret) {
        const bool complex_ = dtype_kind(t) == KIND_COMPLEX;
        const int64_t k = MIN(m, n), most = MAX(m, n), panel = 64 * (m + n);
        const size_t size = dtype_size(t);
        Carve c = { .at = scratch };
        int64_t lwork, lrwork = 0;

        if (complex_) {
                lwork  = MAX(vectors ? k * k + 3 * k : 0, 3 * k + most) + panel;
                lrwork = vectors ? MAX(5 * k * k + 5 * k, 2 * most * k + 2 * k * k + k) : 7 * k;
        } else
                lwork = MAX(vectors ? 4 * k * k + 7 * k : 0, 3 * k + MAX(most, 7 * k)) + panel;
        ret->lwork = (int) MIN(lwork, (int64_t) INT_MAX);
        ret->a     = carve(&c, m * n, size);
        ret->n_u = full ? m : k;
        ret->n_vh = full ? n : k;
        ret->u = carve(&c, vectors ? m * ret->n_u : 1, size);
        ret->vh = carve(&c, vectors ? ret->n_vh * n : 1, size);
        ret->work  = carve(&c, lwork, size);
        ret->rwork = carve(&c, lrwork, dtype_size(dtype_real(t)));
        ret->iwork = carve(&c, 8 * k, sizeof(int));
        return c.used;
}

static bool is_full(const Op *op, const void *params) {
        return op_n_out(op) > 1 && ((const SvdParams *) params)->full_matrices;
}

static size_t svd_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;
        SvdWork work;

        return svd_work(call->in[0].dtype, s->dim[s->ndim - 2], s->dim[s->ndim - 1], op_n_out(call->op) > 1,
                        is_full(call->op, call->params), NULL, &work);
}

static int gesdd(DType t, bool vectors, bool full, int m, int n, const SvdWork *w, void *s) {
        const char *job = full ? "A" : vectors ? "S" : "N";
        const int ldvh = vectors ? (int) w->n_vh : 1, ldu = vectors ? m : 1;
        int info = 0;

        blas_enter();
        switch (t) {
        case DTYPE_F32:
                sgesdd_(job, &m, &n, w->a, &m, s, w->u, &ldu, w->vh, &ldvh, w->work, &w->lwork, w->iwork, &info, 1);
                break;
        case DTYPE_F64:
                dgesdd_(job, &m, &n, w->a, &m, s, w->u, &ldu, w->vh, &ldvh, w->work, &w->lwork, w->iwork, &info, 1);
                break;
        case DTYPE_C64:
                cgesdd_(job, &m, &n, w->a, &m, s, w->u, &ldu, w->vh, &ldvh, w->work, &w->lwork, w->rwork, w->iwork,
                        &info, 1);
                break;
        default:
                zgesdd_(job, &m, &n, w->a, &m, s, w->u, &ldu, w->vh, &ldvh, w->work, &w->lwork, w->rwork, w->iwork,
                        &info, 1);
        }
        blas_leave();
        return info;
}

static void put_identity(const View *out) {
        const int64_t n = out->shape.dim[out->shape.ndim - 1], total = shape_size(&out->shape);
        const Scalar one = scalar_from_i64(out->dtype, 1);
        const size_t size = dtype_size(out->dtype);

        memset(out->data, 0, (size_t) total * size);
        for (int64_t i = 0; i < total; i += n)
                memcpy(out->data + (size_t) (i + i / n % n) * size, one.bytes, size);
}

static int svd_run(BlockRun *run, Error *err) {
        const View *in = &run->in[0];
        const DType t = in->dtype;
        const int64_t *at = in->shape.dim + in->shape.ndim - 2, rows = at[0], columns = at[1], k = MIN(rows, columns);
        const bool vectors = run->n_out > 1, full = is_full(run->op, run->params);
        const View *values = &run->out[vectors ? 1 : 0];
        const Shape stack = stack_of(values, 1);
        const int64_t size = (int64_t) dtype_size(t), value_size = (int64_t) dtype_size(values->dtype);
        SvdWork w;
        int m, n;

        if (k == 0 && full) {
                put_identity(&run->out[0]);
                put_identity(&run->out[2]);
        }
        if (k == 0)
                return 0;
        if (lapack_count(64 * (rows + columns), &m, err) < 0)
                return ERROR_SUPPORT;
        m = (int) rows;
        n = (int) columns;
        svd_work(t, rows, columns, vectors, full, run->scratch, &w);
        for (int64_t i = 0; i < shape_size(&stack); i++) {
                matrix_to_columns(in, stack_at(in, 2, &stack, i), w.a);
                if (gesdd(t, vectors, full, m, n, &w, values->data + i * k * value_size) != 0)
                        return error_set(err, ERROR_LINALG, "SVD did not converge");
                if (!vectors)
                        continue;
                matrix_from_columns(t, rows, w.n_u, w.u, rows, run->out[0].data + i * rows * w.n_u * size);
                matrix_from_columns(t, w.n_vh, columns, w.vh, w.n_vh, run->out[2].data + i * w.n_vh * columns * size);
        }
        return 0;
}

static int infer_svd(const OpCall *call, Spec *out, Error *err) {
        const Shape *s = &call->in[0].shape;
        const bool vectors = op_n_out(call->op) > 1;
        int64_t least;
        DType dtype;
        int r;

        r = linalg_one(call, false, &dtype, err);
        if (r < 0)
                return r;
        least = linalg_least(s->dim[s->ndim - 2], s->dim[s->ndim - 1]);
        if (least > SVD_MOST && s->ndim > 2)
                return error_set(err, ERROR_SUPPORT, "%s: more than %d singular values", call->op->name, SVD_MOST);

        Spec *values = &out[vectors ? 1 : 0];
        *values = (Spec) { .dtype = dtype_real(dtype), .shape = shape_of(s->ndim - 1, s->dim) };
        values->shape.dim[s->ndim - 2] = least;
        if (vectors) {
                out[0] = out[2] = (Spec) { .dtype = dtype, .shape = *s };
                out[0].shape.dim[s->ndim - 1] = is_full(call->op, call->params) ? s->dim[s->ndim - 2] : least;
                out[2].shape.dim[s->ndim - 2] = is_full(call->op, call->params) ? s->dim[s->ndim - 1] : least;
        }
        return 0;
}

/* Columns of u that go with singular values next to nothing need not be orthogonal, which a last QR makes of them: it
 * leaves the others as they are, but for a sign. */
static int expand_square(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const DType dtype = call->in[0].dtype, real = dtype_real(dtype);
        const int64_t n   = call->in[0].shape.dim[0];
        const Ref unitary = build_op(b, "polar", NULL, 1, in);
        Ref h             = build_binary(b, "matmul", build_adjoint(b, unitary), in[0]), q, sign;

        h      = build_op(b, "eigh", NULL, 1, &h);
        out[1] = build_binary(b, "maximum", build_slice(b, h, 0, n - 1, -1, -1), build_f64(b, real, 0));
        h      = build_slice(b, ref_out(h, 1), 1, n - 1, -1, -1);
        out[2] = build_adjoint(b, h);

        q    = build_binary(b, "matmul", unitary, h);
        q    = build_op(b, "qr", NULL, 1, &q);
        sign = build_large_diagonal(b, ref_out(q, 1));
        if (dtype_kind(dtype) == KIND_COMPLEX)
                sign = build_unary(b, "real", sign); /* LAPACK's diagonals are real */
        sign   = build_op(b, "where", NULL, 3,
                          (const Ref[]) { build_binary(b, "less", sign, build_f64(b, real, 0)), build_f64(b, dtype, -1),
                                          build_f64(b, dtype, 1) });
        out[0] = build_binary(b, "multiply", q, build_insert_axis(b, sign, 0));
        return build_done(b);
}

OP(svd_square) = {
        .name        = "svd_square",
        .doc         = "u, s and vh of a large square matrix, by way of its polar factor.",
        .family      = FAMILY_BLOCK,
        .hidden      = true,
        .inputs      = "a",
        .n_in        = 1,
        .n_out       = 3,
        .params_size = sizeof(SvdParams),
        .params      = SVD_PARAMS,
        .infer       = infer_svd,
        .expand      = expand_square,
};

/* Columns that those of u do not span follow them. */
static Ref build_completed(Build *b, Ref u) {
        const struct { bool complete; } params = { true };
        const int64_t m = build_spec(b, u)->shape.dim[0], k = build_spec(b, u)->shape.dim[1];
        Ref q;

        if (m == k)
                return u;
        q = build_op(b, "qr", &params, 1, &u);
        return build_pair(b, u, build_slice(b, q, 1, k, m, 1), 1);
}

static int expand_svd(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *s = &call->in[0].shape;
        const int64_t m = s->dim[s->ndim - 2], n = s->dim[s->ndim - 1], least = MIN(m, n), most = MAX(m, n);
        const bool vectors = op_n_out(call->op) > 1, full = is_full(call->op, call->params),
                   blocks = s->ndim == 2 && (most > SVD_WHOLE || (!full && most >= 2 * linalg_tall(least)));
        const bool wide = blocks && n > m;
        DType dtype;
        Ref a, q, made[3];

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a = build_cast(b, in[0], dtype);
        if (!blocks) {
                out[0] = build_op(b, vectors ? "svd_block" : "svdvals_block", full ? call->params : NULL, 1, &a);
                for (uint32_t i = 1; i < op_n_out(call->op); i++)
                        out[i] = ref_out(out[0], i);
                return build_done(b);
        }
        if (m == n) {
                a = build_op(b, "svd_square", NULL, 1, &a);
                for (uint32_t i = 0; i < op_n_out(call->op); i++)
                        out[i] = ref_out(a, vectors ? i : 1);
                return build_done(b);
        }
        if (wide)
                a = build_swap(b, a);
        q = build_op(b, "qr", NULL, 1, &a);
        a = ref_out(q, 1);
        a = build_op(b, vectors ? "svd" : "svdvals", NULL, 1, &a);
        if (!vectors) {
                out[0] = a;
                return build_done(b);
        }
        made[0] = build_binary(b, "matmul", q, a);
        made[2] = ref_out(a, 2);
        if (full)
                made[0] = build_completed(b, made[0]);
        out[0] = wide ? build_swap(b, made[2]) : made[0];
        out[1] = ref_out(a, 1);
        out[2] = wide ? build_swap(b, made[0]) : made[2];
        return build_done(b);
}

OP(svd) = {
        .name = "svd",
        .doc = "u, s and vh with a = u diag(s) vh; s descending.\n\n"
               "Of an m x n matrix, with k = min(m, n): u is m x k, s has k elements, vh is k x n; or u is m x m and "
               "vh n x n "
               "(full_matrices). Matrices are the last two axes. "
               "Raises LinAlgError where it does not converge, and TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in = 1,
        .n_out = 3,
        .params_size = sizeof(SvdParams),
        .params = SVD_PARAMS,
        .infer = infer_svd,
        .expand = expand_svd,
};

OP(svdvals) = {
        .name = "svdvals",
        .doc  = "The singular values, descending.\n\nRaises LinAlgError where it does not converge, and TypeError for "
                "float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .infer  = infer_svd,
        .expand = expand_svd,
};

OP(svd_block) = {
        .name = "svd_block",
        .doc = "u, s and vh, each matrix by one task.",
        .family = FAMILY_BLOCK,
        .hidden = true,
        .inputs = "a",
        .n_in = 1,
        .n_out = 3,
        .params_size = sizeof(SvdParams),
        .params = SVD_PARAMS,
        .infer = infer_svd,
        .run = svd_run,
        .scratch = svd_scratch,
        .core_in = { 2 },
        .core_out = { 2, 1, 2 },
};

OP(svdvals_block) = {
        .name     = "svdvals_block",
        .doc      = "Singular values, each matrix by one task.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .infer    = infer_svd,
        .run      = svd_run,
        .scratch  = svd_scratch,
        .core_in  = { 2 },
        .core_out = { 1 },
};
