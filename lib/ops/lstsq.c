/* SPDX-License-Identifier: Apache-2.0 */
/* Least squares through singular values: x = V s^-1 U^H b over those that count. A tall system is first made square:
 * its R, and Q^H b in place of b. */
#include <float.h>

#include "ops/linalg.h"

typedef struct LstsqParams {
        double rcond;
} LstsqParams;

static int infer_lstsq(const OpCall *call, Spec *out, Error *err) {
        const Shape *a = &call->in[0].shape, *c = &call->in[1].shape;
        const int n_dim[2] = { a->ndim, c->ndim == 1 ? 2 : c->ndim };
        DType dtype;
        int r;

        for (int i = 0; i < 2; i++)
                if (n_dim[i] != 2)
                        return error_set(err, ERROR_LINALG, "%d-dimensional array given. Array must be two-dimensional",
                                         n_dim[i]);
        if (a->dim[0] != UNKNOWN && c->dim[0] != UNKNOWN && a->dim[0] != c->dim[0])
                return error_set(err, ERROR_LINALG, "Incompatible dimensions");
        r = linalg_dtype(call, &dtype, err);
        if (r < 0)
                return r;
        out[0] = (Spec) { .dtype = dtype, .shape = *c };
        out[0].shape.dim[0] = a->dim[1];
        out[1] = (Spec) { .dtype = DTYPE_I64 };
        out[2] = (Spec) { .dtype = dtype_real(dtype), .shape = SHAPE(linalg_least(a->dim[0], a->dim[1])) };
        return 0;
}

static int expand_lstsq(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const double rcond = ((const LstsqParams *) call->params)->rcond;
        const int64_t m = call->in[0].shape.dim[0], n = call->in[0].shape.dim[1];
        const bool vector = call->in[1].shape.ndim == 1;
        Ref a, c, s, u, keep, limit, one, zero, x;
        DType dtype, real;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        real = dtype_real(dtype);
        a    = build_cast(b, in[0], dtype);
        c    = build_cast(b, in[1], dtype);
        if (vector)
                c = build_insert_axis(b, c, 1);
        if (m > n) {
                const Ref q = build_op(b, "qr", NULL, 1, &a);

                a = ref_out(q, 1);
                c = build_binary(b, "matmul", build_adjoint(b, q), c);
        }
        u = build_op(b, "svd", NULL, 1, &a);
        s = ref_out(u, 1);
        c = build_binary(b, "matmul", build_adjoint(b, u), c);

        const double least =
                rcond >= 0 ? rcond : (real == DTYPE_F32 ? (double) FLT_EPSILON : DBL_EPSILON) * (double) MAX(m, n);
        zero  = build_f64(b, real, 0);
        one   = build_f64(b, real, 1);
        limit = build_binary(b, "multiply", build_slice(b, s, 0, 0, MIN(MIN(m, n), (int64_t) 1), 1),
                             build_f64(b, real, least));
        keep  = build_binary(b, "greater", s, limit);
        x     = build_op(b, "where", NULL, 3, (const Ref[]) { keep, build_binary(b, "divide", one, s), zero });
        x     = build_binary(b, "multiply", c, build_cast(b, build_insert_axis(b, x, 1), dtype));
        x     = build_binary(b, "matmul", build_adjoint(b, ref_out(u, 2)), x);

        out[0] = vector ? build_drop_axis(b, x, 1) : x;
        out[1] = build_reduce(b, "count_nonzero", keep, (Dims) {}, false, DTYPE_NONE);
        out[2] = s;
        return build_done(b);
}

OP(lstsq) = {
        .name   = "lstsq",
        .doc    = "x with the least |a x - b|, and among those the least |x|; the rank of a; its singular values.\n\n"
                  "a is m x n, b has m rows or m elements. Raises LinAlgError, and TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a, b",
        .n_in   = 2,
        .n_out  = 3,
        .params_size = sizeof(LstsqParams),
        .params =
                (const Param[]) {
                        PARAM(LstsqParams, rcond, PARAM_F64, "-1.0",
                              "Singular values up to rcond times the largest one count as 0; negative: the dtype's "
                              "precision times max(m, n)."),
                        {},
                },
        .infer  = infer_lstsq,
        .expand = expand_lstsq,
};
