/* SPDX-License-Identifier: Apache-2.0 */
/* The unitary factor U of a square matrix, a = U H, by products, QR and Cholesky only: QDWH (Nakatsukasa, Bai, Gygi:
 * Optimizing Halley's iteration for computing the matrix polar decomposition; 2010). Singular values x in [l, 1]
 * become x (a + b x^2) / (1 + c x^2), and the weights are those that bring the least of them nearest to 1. They follow
 * from l alone, so the graph is known before: six steps of float64 take all from 1e-20 on to 1. Larger c want a QR, of
 * the matrix over the identity; of smaller ones I + c X^H X has a Cholesky factor that is good enough.
 *
 * Of a Hermitian matrix U is its sign: eigenvalues become 1 or -1. Each step is made Hermitian again, so that those
 * next to nothing, which rounding decides, have a sign too. */
#include <math.h>
#include <string.h>

#include "ops/linalg.h"

typedef struct PolarParams {
        bool hermitian;
} PolarParams;

/* Singular values below are left out: of a matrix of norm 1 rounding has made others of them. */
#define LEAST_F64 1e-20
#define LEAST_F32 1e-12
enum { CHOLESKY_MOST = 100 /* a condition that costs two digits, of parts that are as much smaller */ };

typedef struct Weights {
        double a, b, c;
} Weights;

static Weights weights_of(double *l) {
        const double square = *l * *l, d = cbrt(4 * (1 - square) / (square * square)), root = sqrt(1 + d);
        Weights w = { .a = root + sqrt(8 - 4 * d + 8 * (2 - square) / (square * root)) / 2 };

        w.b = (w.a - 1) * (w.a - 1) / 4;
        w.c = w.a + w.b - 1;
        *l  = MIN(*l * (w.a + w.b * square) / (1 + w.c * square), 1.0);
        return w;
}

/* ---- Scale
 * ----------------------------------------------------------------------------------------------------------- */

static int finite_run(BlockRun *run, Error *err) {
        const View *in     = &run->in[0];
        const double value = in->dtype == DTYPE_F32 ? (double) *(const float *) in->data : *(const double *) in->data;

        if (!isfinite(value))
                return error_set(err, ERROR_LINALG, "Array must not contain infs or NaNs");
        memcpy(run->out[0].data, in->data, dtype_size(in->dtype));
        return 0;
}

static int infer_finite(const OpCall *call, Spec *out, Error *err) {
        if (call->in[0].shape.ndim != 0 || (call->in[0].dtype != DTYPE_F32 && call->in[0].dtype != DTYPE_F64))
                return error_set(err, ERROR_VALUE, "%s: of one real number", call->op->name);
        *out = call->in[0];
        return 0;
}

OP(finite) = {
        .name     = "finite",
        .doc      = "A number that is neither infinite nor NaN; raises LinAlgError of others.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .infer    = infer_finite,
        .run      = finite_run,
        .core_in  = { CORE_ALL },
        .core_out = { CORE_ALL },
};

static Ref build_not_zero(Build *b, Ref a) {
        const DType real = build_spec(b, a)->dtype;

        return build_op(b, "where", NULL, 3,
                        (const Ref[]) { build_binary(b, "equal", a, build_f64(b, real, 0)), build_f64(b, real, 1), a });
}

/* The matrix with a norm of at most 1. Its largest element goes first: squares overflow. */
static Ref build_scaled(Build *b, Ref a, DType dtype) {
        const DType real = dtype_real(dtype);
        Ref most = build_reduce(b, "max", build_unary(b, "absolute", a), (Dims) {}, false, DTYPE_NONE), size;

        most = build_not_zero(b, build_op(b, "finite", NULL, 1, &most));
        a    = build_binary(b, "divide", a, build_cast(b, most, dtype));
        size = build_unary(b, "absolute", a);
        size = build_reduce(b, "sum", build_binary(b, "multiply", size, size), (Dims) {}, false, real);
        size = build_not_zero(b, build_unary(b, "sqrt", size));
        return build_binary(b, "divide", a, build_cast(b, size, dtype));
}

/* ---- Steps
 * ----------------------------------------------------------------------------------------------------------- */

static Ref build_weighted(Build *b, DType dtype, double weight, Ref a) {
        return build_binary(b, "multiply", build_f64(b, dtype, weight), a);
}

/* The part of x (1 + c x^2)^-1 by the QR of sqrt(c) X over the identity. */
static Ref step_qr(Build *b, Ref x, DType dtype, int64_t n, double c) {
        Ref q = build_pair(b, build_weighted(b, dtype, sqrt(c), x), build_eye(b, dtype, n, n), 0);

        q = build_op(b, "qr", NULL, 1, &q);
        return build_weighted(b, dtype, 1 / sqrt(c),
                              build_binary(b, "matmul", build_slice(b, q, 0, 0, n, 1),
                                           build_adjoint(b, build_slice(b, q, 0, n, 2 * n, 1))));
}

/* The same by the Cholesky factor of I + c X^H X. */
static Ref step_cholesky(Build *b, Ref x, DType dtype, int64_t n, double c) {
        Ref l = build_weighted(b, dtype, c, build_binary(b, "matmul", build_adjoint(b, x), x));

        l = build_binary(b, "add", build_eye(b, dtype, n, n), l);
        l = build_op(b, "cholesky", NULL, 1, &l);
        x = build_triangular(b, build_adjoint(b, l), x, false, false, true);
        return build_triangular(b, l, x, true, false, true);
}

static int infer_polar(const OpCall *call, Spec *out, Error *err) {
        int r;

        out->shape = call->in[0].shape;
        r          = linalg_matrix(call, 0, true, err);
        if (r >= 0 && out->shape.ndim > 2)
                return error_set(err, ERROR_VALUE, "%s: of one matrix", call->op->name);
        return r < 0 ? r : linalg_dtype(call, &out->dtype, err);
}

static int expand_polar(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const bool hermitian = ((const PolarParams *) call->params)->hermitian;
        const DType dtype    = call->in[0].dtype;
        const int64_t n      = call->in[0].shape.dim[0];
        const bool single    = dtype_real(dtype) == DTYPE_F32;
        const double near    = single ? 1e-7 : 1e-15;
        double l             = single ? LEAST_F32 : LEAST_F64;
        Ref x                = build_scaled(b, in[0], dtype), part;

        while (1 - l > near) {
                const Weights w = weights_of(&l);

                part = w.c > CHOLESKY_MOST ? step_qr(b, x, dtype, n, w.c) : step_cholesky(b, x, dtype, n, w.c);
                x    = build_binary(b, "add", build_weighted(b, dtype, w.b / w.c, x),
                                    build_weighted(b, dtype, w.a - w.b / w.c, part));
                if (hermitian)
                        x = build_weighted(b, dtype, 0.5, build_binary(b, "add", x, build_adjoint(b, x)));
        }
        *out = x;
        return build_done(b);
}

OP(polar) = {
        .name        = "polar",
        .doc         = "The unitary U with a = U H, H Hermitian and without negative eigenvalues.",
        .family      = FAMILY_BLOCK,
        .hidden      = true,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(PolarParams),
        .params      = (const Param[]) { PARAM(PolarParams, hermitian, PARAM_BOOL, "False",
                                               "a is Hermitian, and U is to be it."),
                                         {} },
        .infer       = infer_polar,
        .expand      = expand_polar,
};
