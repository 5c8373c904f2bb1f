/* SPDX-License-Identifier: Apache-2.0 */
/* Triangular systems. The block operator solves x a = b, since then every row of b is a system of its own: rows are
 * cut, by steps that shapes give. a x = b is the same of the transposes, which are views. A large a is cut into four:
 * one half of x is what the other needs, in one product, so nearly all time is matmul's. */
#include <cblas.h>

#include "ops/blas.h"
#include "ops/kernel.h"
#include "ops/linalg.h"

#define TRIANGULAR_PARAMS                                                                                              \
        (const Param[]) {                                                                                              \
                PARAM(TriangularParams, lower, PARAM_BOOL, "False",                                                    \
                      "a is lower triangular; what is above is not read."),                                            \
                        PARAM(TriangularParams, unit, PARAM_BOOL, "False", "The diagonal is 1 and not read."), {}      \
        }

/* ---- The block
 * ------------------------------------------------------------------------------------------------------- */

static size_t rows_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;

        return (size_t) (s->dim[s->ndim - 2] * s->dim[s->ndim - 1]) * dtype_size(call->in[0].dtype);
}

static bool has_zero(DType t, int64_t n, const char *a, int64_t step) {
        for (int64_t i = 0; i < n; i++, a += step) {
                switch (t) {
                case DTYPE_F32:
                        if (*(const float *) a == 0)
                                return true;
                        break;
                case DTYPE_F64:
                        if (*(const double *) a == 0)
                                return true;
                        break;
                case DTYPE_C64:
                        if (*(const c64 *) a == 0)
                                return true;
                        break;
                default:
                        if (*(const c128 *) a == 0)
                                return true;
                }
        }
        return false;
}

static void trsm(DType t, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int64_t m, int64_t n, const void *a,
                 int64_t lda, void *x) {
        static const float one_c64[2]   = { 1 };
        static const double one_c128[2] = { 1 };

        blas_enter();
        switch (t) {
        case DTYPE_F32: cblas_strsm(CblasRowMajor, CblasRight, uplo, trans, diag, m, n, 1, a, lda, x, n); break;
        case DTYPE_F64: cblas_dtrsm(CblasRowMajor, CblasRight, uplo, trans, diag, m, n, 1, a, lda, x, n); break;
        case DTYPE_C64: cblas_ctrsm(CblasRowMajor, CblasRight, uplo, trans, diag, m, n, one_c64, a, lda, x, n); break;
        default: cblas_ztrsm(CblasRowMajor, CblasRight, uplo, trans, diag, m, n, one_c128, a, lda, x, n);
        }
        blas_leave();
}

static int rows_run(BlockRun *run, Error *err) {
        const TriangularParams *p = run->params;
        const View *a = &run->in[0], *c = &run->in[1], *out = &run->out[0];
        const int d = out->shape.ndim, d_a = a->shape.ndim, d_c = c->shape.ndim;
        const DType t       = out->dtype;
        const int64_t m     = out->shape.dim[d - 2], n = out->shape.dim[d - 1], size = (int64_t) dtype_size(t);
        const int64_t row   = a->stride[d_a - 2], column = a->stride[d_a - 1];
        const bool by_row   = column == size && row >= n * size && row % size == 0;
        const bool by_column = row == size && column >= n * size && column % size == 0;
        const Shape stack   = stack_of(out, 2);
        int count;

        if (n == 0)
                return 0;
        if (lapack_count(MAX(m, n), &count, err) < 0)
                return ERROR_SUPPORT;
        for (int64_t i = 0; i < shape_size(&stack); i++) {
                const char *from = stack_at(a, 2, &stack, i);
                char *x          = out->data + i * m * n * size;
                int64_t ld       = n;

                if (!p->unit && has_zero(t, n, from, row + column))
                        return error_set(err, ERROR_LINALG, "Singular matrix");
                matrix_copy((size_t) size, m, n, stack_at(c, 2, &stack, i), c->stride[d_c - 2], c->stride[d_c - 1], x,
                            n * size, size);
                if (by_row)
                        ld = row / size;
                else if (by_column)
                        ld = column / size;
                else {
                        matrix_copy((size_t) size, n, n, from, row, column, run->scratch, n * size, size);
                        from = run->scratch;
                }
                trsm(t, p->lower == (by_row || !by_column) ? CblasLower : CblasUpper,
                     by_row || !by_column ? CblasNoTrans : CblasTrans, p->unit ? CblasUnit : CblasNonUnit, m, n, from,
                     ld, x);
        }
        return 0;
}

static int64_t rows_step(_unused_ const OpCall *call) {
        return LINALG_PANEL;
}

static int infer_rows(const OpCall *call, Spec *out, Error *err) {
        const Shape *a = &call->in[0].shape, *c = &call->in[1].shape;
        int r;

        r = linalg_matrix(call, 0, true, err);
        if (r >= 0)
                r = linalg_matrix(call, 1, false, err);
        if (r >= 0)
                r = linalg_dtype(call, &out->dtype, err);
        if (r >= 0)
                r = linalg_batch(call, (const int[2]) { 2, 2 }, &out->shape, err);
        if (r < 0)
                return r;
        const int64_t n = a->dim[a->ndim - 1], n_c = c->dim[c->ndim - 1];

        if (n != UNKNOWN && n_c != UNKNOWN && n != n_c)
                return error_set(err, ERROR_VALUE, "%s: %lld columns and a matrix of %lld", call->op->name,
                                 (long long) n_c, (long long) n);
        out->shape.dim[out->shape.ndim - 2] = c->dim[c->ndim - 2];
        out->shape.dim[out->shape.ndim - 1] = n_c == UNKNOWN ? n : n_c;
        return 0;
}

OP(triangular_block) = {
        .name        = "triangular_block",
        .doc         = "x with x a = b for triangular matrices a, each a run of rows by one task.",
        .family      = FAMILY_BLOCK,
        .hidden      = true,
        .inputs      = "a, b",
        .n_in        = 2,
        .params_size = sizeof(TriangularParams),
        .params      = TRIANGULAR_PARAMS,
        .infer       = infer_rows,
        .run         = rows_run,
        .scratch     = rows_scratch,
        .core_in     = { 2, 2 },
        .core_out    = { 2 },
        .step        = rows_step,
        .follows     = 2,
};

/* ---- Halves
 * ------------------------------------------------------------------------------------------------- */

/* x a = b. For an upper a the first columns of x come first, for a lower one the last. */
static int expand_rows(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const TriangularParams *p = call->params;
        const Shape *s  = &call->in[1].shape;
        const int64_t m = s->dim[s->ndim - 2], n = s->dim[s->ndim - 1], half = linalg_half(n);
        Ref first, last;

        if (call->in[0].shape.ndim > 2 || s->ndim > 2 || n <= LINALG_WHOLE) {
                *out = build_op(b, "triangular_block", p, 2, in);
                return build_done(b);
        }
        const int64_t at[2] = { p->lower ? half : 0, p->lower ? n - half : half }; /* what comes first, how many */
        const int64_t to[2] = { p->lower ? 0 : half, n - at[1] };
        const Ref square    = build_part(b, in[0], at[0], at[1], at[0], at[1]),
                  beside = build_part(b, in[0], at[0], at[1], to[0], to[1]),
                  other  = build_part(b, in[0], to[0], to[1], to[0], to[1]);

        first = build_triangular(b, square, build_part(b, in[1], 0, m, at[0], at[1]), p->lower, p->unit, true);
        last  = build_binary(b, "subtract", build_part(b, in[1], 0, m, to[0], to[1]),
                             build_binary(b, "matmul", first, beside));
        last  = build_triangular(b, other, last, p->lower, p->unit, true);
        *out  = p->lower ? build_pair(b, last, first, 1) : build_pair(b, first, last, 1);
        return build_done(b);
}

OP(triangular_rows) = {
        .name        = "triangular_rows",
        .doc         = "x with x a = b for triangular matrices a.",
        .family      = FAMILY_BLOCK,
        .hidden      = true,
        .inputs      = "a, b",
        .n_in        = 2,
        .params_size = sizeof(TriangularParams),
        .params      = TRIANGULAR_PARAMS,
        .infer       = infer_rows,
        .expand      = expand_rows,
};

static int expand_triangular(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const TriangularParams *p = call->params;
        const bool vector = call->in[1].shape.ndim == 1;
        DType dtype;
        Ref a, c;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a = build_cast(b, in[0], dtype);
        c = build_cast(b, in[1], dtype);
        c = vector ? build_insert_axis(b, c, 0) : build_swap(b, c);
        c = build_triangular(b, build_swap(b, a), c, !p->lower, p->unit, true);
        if (vector) /* the row is the last axis, as it was */
                *out = build_drop_axis(b, c, build_spec(b, c)->shape.ndim - 2);
        else
                *out = build_swap(b, c);
        return build_done(b);
}

OP(triangular_solve) = {
        .name        = "triangular_solve",
        .doc         = "x with a x = b for triangular matrices a.\n\n"
                       "b has one axis, or as many rows as a in its last two axes; the axes before them broadcast. "
                       "Raises LinAlgError where the diagonal has a zero.",
        .family      = FAMILY_BLOCK,
        .inputs      = "a, b",
        .n_in        = 2,
        .params_size = sizeof(TriangularParams),
        .params      = TRIANGULAR_PARAMS,
        .infer       = linalg_solve,
        .expand      = expand_triangular,
};
