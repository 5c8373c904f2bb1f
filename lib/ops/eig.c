/* SPDX-License-Identifier: Apache-2.0 */
/* Eigenvalues and eigenvectors of square matrices of any kind. They are complex for every input: whether all of them
 * are real is known only when they are there, and then their imaginary parts are 0. */
#include <math.h>
#include <string.h>

#include "ops/blas.h"
#include "ops/lapack.h"
#include "ops/linalg.h"

typedef struct EigWork {
        char *a, *v;   /* column by column */
        char *re, *im; /* eigenvalues; of complex matrices they are together in `re` */
        void *work, *rwork;
        int lwork;
} EigWork;

enum { EIG_MOST = 32000 }; /* rows: LAPACK counts elements in 32 bits */

static size_t eig_work(DType t, int64_t n, bool vectors, void *scratch, EigWork *ret) {
        const size_t size = dtype_size(t);
        Carve c           = { .at = scratch };

        ret->lwork = (int) (68 * n); /* 4 n, and 64 columns at a time */
        ret->a     = carve(&c, n * n, size);
        ret->v     = carve(&c, vectors ? n * n : 1, size);
        ret->re    = carve(&c, n, size);
        ret->im    = carve(&c, n, size);
        ret->work  = carve(&c, ret->lwork, size);
        ret->rwork = carve(&c, 2 * n, size);
        return c.used;
}

static size_t eig_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;
        EigWork work;

        return eig_work(call->in[0].dtype, s->dim[s->ndim - 1], op_n_out(call->op) > 1, NULL, &work);
}

static int geev(DType t, bool vectors, int n, const EigWork *w) {
        const char *job = vectors ? "V" : "N";
        const int one = 1, ldv = vectors ? n : 1;
        int info = 0;

        blas_enter();
        switch (t) {
        case DTYPE_F32:
                sgeev_("N", job, &n, w->a, &n, w->re, w->im, NULL, &one, w->v, &ldv, w->work, &w->lwork, &info, 1, 1);
                break;
        case DTYPE_F64:
                dgeev_("N", job, &n, w->a, &n, w->re, w->im, NULL, &one, w->v, &ldv, w->work, &w->lwork, &info, 1, 1);
                break;
        case DTYPE_C64:
                cgeev_("N", job, &n, w->a, &n, w->re, NULL, &one, w->v, &ldv, w->work, &w->lwork, w->rwork, &info, 1,
                       1);
                break;
        default:
                zgeev_("N", job, &n, w->a, &n, w->re, NULL, &one, w->v, &ldv, w->work, &w->lwork, w->rwork, &info, 1,
                       1);
        }
        blas_leave();
        return info;
}

/* LAPACK would work on them for ever. */
#define FINITE_LOOP_(T)                                                                                                \
        static bool finite_##T(const T *x, int64_t n) {                                                                \
                T sum = 0;                                                                                             \
                                                                                                                       \
                for (int64_t i = 0; i < n; i++)                                                                        \
                        sum += x[i] * 0;                                                                               \
                return sum == 0;                                                                                       \
        }
FINITE_LOOP_(float)
FINITE_LOOP_(double)

/* Real and imaginary parts as complex numbers; vectors of a pair are those of its real and imaginary parts, and the
 * second one is the conjugate of the first. Rows of `vectors` are the components. */
#define EIG_PUT_(T)                                                                                                    \
        static void eig_put_##T(int64_t n, const EigWork *w, T *values, T *vectors) {                                  \
                const T *re = (const T *) w->re, *im = (const T *) w->im, *v = (const T *) w->v;                       \
                                                                                                                       \
                for (int64_t k = 0; k < n; k++) {                                                                      \
                        values[2 * k]     = re[k];                                                                     \
                        values[2 * k + 1] = im[k];                                                                     \
                }                                                                                                      \
                for (int64_t k = 0; k < n && vectors; k++) {                                                           \
                        const int64_t first = im[k] < 0 ? k - 1 : k;                                                   \
                                                                                                                       \
                        for (int64_t i = 0; i < n; i++) {                                                              \
                                const T part = im[k] == 0 ? 0 : v[(first + 1) * n + i];                                \
                                                                                                                       \
                                vectors[2 * (i * n + k)]     = v[first * n + i];                                       \
                                vectors[2 * (i * n + k) + 1] = im[k] < 0 ? -part : part;                               \
                        }                                                                                              \
                }                                                                                                      \
        }
EIG_PUT_(float)
EIG_PUT_(double)

static int eig_run(BlockRun *run, Error *err) {
        const View *in = &run->in[0], *values = &run->out[0];
        const DType t       = in->dtype;
        const bool complex_ = dtype_kind(t) == KIND_COMPLEX, vectors = run->n_out > 1;
        const int64_t n = in->shape.dim[in->shape.ndim - 1], size = (int64_t) dtype_size(values->dtype);
        const Shape stack = stack_of(values, 1);
        EigWork w;

        if (n == 0)
                return 0;
        eig_work(t, n, vectors, run->scratch, &w);
        for (int64_t i = 0; i < shape_size(&stack); i++) {
                const int64_t parts = (complex_ ? 2 : 1) * n * n;
                char *value         = values->data + i * n * size,
                     *vector        = vectors ? run->out[1].data + i * n * n * size : NULL;

                matrix_to_columns(in, stack_at(in, 2, &stack, i), w.a);
                if (!(dtype_real(t) == DTYPE_F32 ? finite_float((float *) w.a, parts)
                                                 : finite_double((double *) w.a, parts)))
                        return error_set(err, ERROR_LINALG, "Array must not contain infs or NaNs");
                if (geev(t, vectors, (int) n, &w) != 0)
                        return error_set(err, ERROR_LINALG, "Eigenvalues did not converge");
                if (t == DTYPE_F32)
                        eig_put_float(n, &w, (float *) value, (float *) vector);
                else if (t == DTYPE_F64)
                        eig_put_double(n, &w, (double *) value, (double *) vector);
                else {
                        memcpy(value, w.re, (size_t) (n * size));
                        if (vectors)
                                matrix_from_columns(t, n, n, w.v, n, vector);
                }
        }
        return 0;
}

static int infer_eig(const OpCall *call, Spec *out, Error *err) {
        const Shape *s = &call->in[0].shape;
        DType dtype;
        int r;

        r = linalg_one(call, true, &dtype, err);
        if (r < 0)
                return r;
        if (s->dim[s->ndim - 1] > EIG_MOST)
                return error_set(err, ERROR_SUPPORT, "%s: more than %d eigenvalues", call->op->name, EIG_MOST);
        out[0] = (Spec) { .dtype = dtype_complex(dtype), .shape = shape_of(s->ndim - 1, s->dim) };
        if (op_n_out(call->op) > 1)
                out[1] = (Spec) { .dtype = dtype_complex(dtype), .shape = *s };
        return 0;
}

static int expand_eig(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const bool vectors = op_n_out(call->op) > 1;
        DType dtype;
        Ref a;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a      = build_cast(b, in[0], dtype);
        out[0] = build_op(b, vectors ? "eig_block" : "eigvals_block", NULL, 1, &a);
        if (vectors)
                out[1] = ref_out(out[0], 1);
        return build_done(b);
}

OP(eig) = {
        .name   = "eig",
        .doc    = "Eigenvalues and eigenvectors, in columns, of square matrices; both are complex.\n\n"
                  "Raises LinAlgError where it does not converge and for infinities and NaN, TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .n_out  = 2,
        .infer  = infer_eig,
        .expand = expand_eig,
};

OP(eigvals) = {
        .name   = "eigvals",
        .doc    = "Eigenvalues of square matrices, as complex numbers.\n\n"
                  "Raises LinAlgError where it does not converge and for infinities and NaN, TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .infer  = infer_eig,
        .expand = expand_eig,
};

OP(eig_block) = {
        .name     = "eig_block",
        .doc      = "Eigenvalues and eigenvectors, each matrix by one task.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .n_out    = 2,
        .infer    = infer_eig,
        .run      = eig_run,
        .scratch  = eig_scratch,
        .core_in  = { 2 },
        .core_out = { 1, 2 },
};

OP(eigvals_block) = {
        .name     = "eigvals_block",
        .doc      = "Eigenvalues, each matrix by one task.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .infer    = infer_eig,
        .run      = eig_run,
        .scratch  = eig_scratch,
        .core_in  = { 2 },
        .core_out = { 1 },
};
