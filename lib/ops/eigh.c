/* SPDX-License-Identifier: Apache-2.0 */
/* Eigenvalues and eigenvectors of Hermitian matrices, from their lower triangles: divide and conquer, as NumPy has
 * it. Larger matrices become two, whose eigenvalues are above and below a number (spectrum.c), until one task has what
 * is left; that takes ten times the operations, nearly all of them in products. */
#include "ops/blas.h"
#include "ops/lapack.h"
#include "ops/linalg.h"

typedef struct EighWork {
        char *a;    /* column by column; eigenvectors in the end */
        void *work, *rwork;
        int *iwork;
        int lwork, lrwork, liwork;
} EighWork;

enum {
        EIGH_WHOLE = 2048,  /* rows that one task takes: 160 MiB of float64, some seconds */
        EIGH_MOST  = 32000, /* of a stack: the work array has twice their square, counted in 32 bits */
};

static size_t eigh_work(DType t, int64_t n, bool vectors, void *scratch, EighWork *ret) {
        const bool complex_ = dtype_kind(t) == KIND_COMPLEX;
        const int64_t panel = 64 * n, real = vectors ? 1 + 6 * n + 2 * n * n : 2 * n + 1;
        Carve c = { .at = scratch };

        ret->lwork  = (int) ((complex_ ? (vectors ? 2 * n + n * n : n + 1) : real) + panel);
        ret->lrwork = complex_ ? (int) (vectors ? 1 + 5 * n + 2 * n * n : n) : 0;
        ret->liwork = (int) (vectors ? 3 + 5 * n : 1);
        ret->a      = carve(&c, n * n, dtype_size(t));
        ret->work   = carve(&c, ret->lwork, dtype_size(t));
        ret->rwork  = carve(&c, ret->lrwork, dtype_size(dtype_real(t)));
        ret->iwork  = carve(&c, ret->liwork, sizeof(int));
        return c.used;
}

static size_t eigh_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;
        EighWork work;

        return eigh_work(call->in[0].dtype, s->dim[s->ndim - 1], op_n_out(call->op) > 1, NULL, &work);
}

static int syevd(DType t, bool vectors, int n, const EighWork *w, void *values) {
        const char *job = vectors ? "V" : "N";
        int info = 0;

        blas_enter();
        switch (t) {
        case DTYPE_F32:
                ssyevd_(job, "L", &n, w->a, &n, values, w->work, &w->lwork, w->iwork, &w->liwork, &info, 1, 1);
                break;
        case DTYPE_F64:
                dsyevd_(job, "L", &n, w->a, &n, values, w->work, &w->lwork, w->iwork, &w->liwork, &info, 1, 1);
                break;
        case DTYPE_C64:
                cheevd_(job, "L", &n, w->a, &n, values, w->work, &w->lwork, w->rwork, &w->lrwork, w->iwork, &w->liwork,
                        &info, 1, 1);
                break;
        default:
                zheevd_(job, "L", &n, w->a, &n, values, w->work, &w->lwork, w->rwork, &w->lrwork, w->iwork, &w->liwork,
                        &info, 1, 1);
        }
        blas_leave();
        return info;
}

static int eigh_run(BlockRun *run, Error *err) {
        const View *in = &run->in[0], *values = &run->out[0];
        const DType t = in->dtype;
        const int64_t n = in->shape.dim[in->shape.ndim - 1];
        const bool vectors = run->n_out > 1;
        const Shape stack = stack_of(values, 1);
        EighWork w;

        if (n == 0)
                return 0;
        eigh_work(t, n, vectors, run->scratch, &w);
        for (int64_t i = 0; i < shape_size(&stack); i++) {
                matrix_to_columns(in, stack_at(in, 2, &stack, i), w.a);
                if (syevd(t, vectors, (int) n, &w, values->data + i * n * (int64_t) dtype_size(values->dtype)) != 0)
                        return error_set(err, ERROR_LINALG, "Eigenvalues did not converge");
                if (vectors)
                        matrix_from_columns(t, n, n, w.a, n, run->out[1].data + i * n * n * (int64_t) dtype_size(t));
        }
        return 0;
}

static int infer_eigh(const OpCall *call, Spec *out, Error *err) {
        const Shape *s = &call->in[0].shape;
        DType dtype;
        int r;

        r = linalg_one(call, true, &dtype, err);
        if (r < 0)
                return r;
        if (s->dim[s->ndim - 1] > EIGH_MOST && s->ndim > 2)
                return error_set(err, ERROR_SUPPORT, "%s: more than %d eigenvalues", call->op->name, EIGH_MOST);
        out[0] = (Spec) { .dtype = dtype_real(dtype), .shape = shape_of(s->ndim - 1, s->dim) };
        if (op_n_out(call->op) > 1)
                out[1] = (Spec) { .dtype = dtype, .shape = *s };
        return 0;
}

/* All of a, of which only the lower triangle is to be read. */
static Ref build_hermitian(Build *b, Ref a, int64_t n) {
        const Ref i = build_counting(b, n),
                  below = build_binary(b, "greater_equal", build_insert_axis(b, i, 1), build_insert_axis(b, i, 0));

        return build_op(b, "where", NULL, 3, (const Ref[]) { below, a, build_adjoint(b, a) });
}

static int expand_eigh(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *s     = &call->in[0].shape;
        const int64_t n    = s->dim[s->ndim - 1];
        const bool vectors = op_n_out(call->op) > 1, whole = s->ndim > 2 || n <= EIGH_WHOLE;
        DType dtype;
        Ref a;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a      = build_cast(b, in[0], dtype);
        out[0] = build_op(b, !whole ? "eigh_halves" : vectors ? "eigh_block" : "eigvalsh_block", NULL, 1, &a);
        if (vectors)
                out[1] = ref_out(out[0], 1);
        return build_done(b);
}

/* The block on the diagonal that the mask names, and the columns of v that go with it. */
static Ref build_block(Build *b, Ref parts, Ref v, Ref mask, Ref *ret_vectors) {
        Ref block = build_rows_where(b, build_swap(b, build_rows_where(b, parts, mask)), mask);

        block        = build_swap(b, block);
        block        = build_op(b, "eigh", NULL, 1, &block);
        v            = build_swap(b, build_rows_where(b, build_swap(b, v), mask));
        *ret_vectors = build_op(b, "matmul", NULL, 2, (const Ref[]) { v, ref_out(block, 1) });
        return block;
}

static int expand_halves(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *s  = &call->in[0].shape;
        const Shape all = SHAPE(s->dim[0]);
        Ref v = build_hermitian(b, in[0], s->dim[0]), values[2], vectors[2];

        v = build_op(b, "divide_spectrum", NULL, 1, &v);
        const Ref upper = ref_out(v, 2);

        values[0] = build_block(b, ref_out(v, 1), v, build_unary(b, "logical_not", upper), &vectors[0]);
        values[1] = build_block(b, ref_out(v, 1), v, upper, &vectors[1]);
        /* Next to the mean they may be some digits off, and are to ascend. */
        out[0] = build_reshape(b, build_concatenate(b, values, 2, 0), &all);
        out[0] = build_op(b, "sort", NULL, 1, &out[0]);
        out[1] = build_reshape(b, build_concatenate(b, vectors, 2, 1), s);
        return build_done(b);
}

OP(eigh_halves) = {
        .name   = "eigh_halves",
        .doc    = "Eigenvalues and eigenvectors of a large matrix, from those of two smaller ones.",
        .family = FAMILY_BLOCK,
        .hidden = true,
        .inputs = "a",
        .n_in   = 1,
        .n_out  = 2,
        .infer  = infer_eigh,
        .expand = expand_halves,
};

OP(eigh) = {
        .name   = "eigh",
        .doc    = "Eigenvalues, ascending, and eigenvectors, in columns, of Hermitian matrices.\n\n"
                  "Only the lower triangle of a is read. Raises LinAlgError where it does not converge, and TypeError "
                  "for "
                  "float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .n_out  = 2,
        .infer  = infer_eigh,
        .expand = expand_eigh,
};

OP(eigvalsh) = {
        .name   = "eigvalsh",
        .doc    = "Eigenvalues, ascending, of Hermitian matrices.\n\n"
                  "Only the lower triangle of a is read. Raises LinAlgError where it does not converge, and TypeError "
                  "for "
                  "float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .infer  = infer_eigh,
        .expand = expand_eigh,
};

OP(eigh_block) = {
        .name     = "eigh_block",
        .doc      = "Eigenvalues and eigenvectors, each matrix by one task.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .n_out    = 2,
        .infer    = infer_eigh,
        .run      = eigh_run,
        .scratch  = eigh_scratch,
        .core_in  = { 2 },
        .core_out = { 1, 2 },
};

OP(eigvalsh_block) = {
        .name     = "eigvalsh_block",
        .doc      = "Eigenvalues, each matrix by one task.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .infer    = infer_eigh,
        .run      = eigh_run,
        .scratch  = eigh_scratch,
        .core_in  = { 2 },
        .core_out = { 1 },
};
