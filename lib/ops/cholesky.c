/* SPDX-License-Identifier: Apache-2.0 */
/* Cholesky's factorization: L with a = L L^H, from the lower triangle of a. Larger matrices are cut into four: the
 * first square is factorized, what is below it is a triangular system, and its product with itself is taken from the
 * last square, which is factorized in turn. Nearly all time is in products as large as they can be. */
#include <string.h>

#include "ops/blas.h"
#include "ops/lapack.h"
#include "ops/linalg.h"

/* Read column by column our rows are the transpose, so its upper triangle is what LAPACK works on, in place. */
static int cholesky_run(BlockRun *run, Error *err) {
        const View *in  = &run->in[0];
        View *out       = &run->out[0];
        const int d     = in->shape.ndim;
        const int64_t n = in->shape.dim[d - 1], size = (int64_t) dtype_size(in->dtype);
        const Shape stack = stack_of(out, 2);
        int count, info = 0;

        if (lapack_count(n, &count, err) < 0)
                return ERROR_SUPPORT;
        for (int64_t i = 0; i < shape_size(&stack) && n > 0; i++) {
                char *to = out->data + i * n * n * size;

                matrix_copy((size_t) size, n, n, stack_at(in, 2, &stack, i), in->stride[d - 2], in->stride[d - 1], to,
                            n * size, size);
                blas_enter();
                LAPACK_CALL(in->dtype, potrf, "U", &count, to, &count, &info, 1);
                blas_leave();
                if (info != 0)
                        return error_set(err, ERROR_LINALG, "Matrix is not positive definite");
                for (int64_t k = 0; k + 1 < n; k++)
                        memset(to + (k * n + k + 1) * size, 0, (size_t) ((n - k - 1) * size));
        }
        return 0;
}

static int infer_cholesky(const OpCall *call, Spec *out, Error *err) {
        int r;

        out->shape = call->in[0].shape;
        r          = linalg_matrix(call, 0, true, err);
        return r < 0 ? r : linalg_dtype(call, &out->dtype, err);
}

static int expand_cholesky(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *s  = &call->in[0].shape;
        const int64_t n = s->dim[s->ndim - 1], half = linalg_half(n);
        Ref a, first, below, last;
        DType dtype;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a = build_cast(b, in[0], dtype);
        if (s->ndim > 2 || n <= LINALG_WHOLE) {
                *out = build_op(b, "cholesky_block", NULL, 1, &a);
                return build_done(b);
        }
        first = build_part(b, a, 0, half, 0, half);
        first = build_op(b, "cholesky", NULL, 1, &first);
        below = build_triangular(b, build_adjoint(b, first), build_part(b, a, half, n - half, 0, half), false, false,
                                 true);
        last  = build_binary(b, "subtract", build_part(b, a, half, n - half, half, n - half),
                             build_binary(b, "matmul", below, build_adjoint(b, below)));
        last  = build_op(b, "cholesky", NULL, 1, &last);
        first = build_pair(b, first, build_constant(b, dtype, 0, half, n - half), 1);
        *out  = build_pair(b, first, build_pair(b, below, last, 1), 0);
        return build_done(b);
}

OP(cholesky) = {
        .name   = "cholesky",
        .doc    = "The lower triangular L with a = L L^H, of Hermitian, positive definite matrices.\n\n"
                  "Only the lower triangle of a is read. Raises LinAlgError where a is not positive definite, and "
                  "TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .infer  = infer_cholesky,
        .expand = expand_cholesky,
};

OP(cholesky_block) = {
        .name     = "cholesky_block",
        .doc      = "Lower triangular factors, each matrix by one task.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .infer    = infer_cholesky,
        .run      = cholesky_run,
        .core_in  = { 2 },
        .core_out = { 2 },
};
