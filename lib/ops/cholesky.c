/* SPDX-License-Identifier: Apache-2.0 */
/* Cholesky's factorization: L with a = L L^H, from the lower triangle of a. Larger matrices are factorized column
 * block by column
 * block: what the columns on the left contribute is one product, the block on the diagonal one task, and those below
 * it are triangular systems. */
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
        const int64_t n = s->dim[s->ndim - 1];
        _cleanup_(freep) Ref *columns = NULL;
        uint32_t n_column = 0;
        Ref a, left = {};
        DType dtype;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a = build_cast(b, in[0], dtype);
        if (s->ndim > 2 || n <= LINALG_WHOLE) {
                *out = build_op(b, "cholesky_block", NULL, 1, &a);
                return build_done(b);
        }
        columns = calloc((size_t) div_up(n, LINALG_BLOCK), sizeof(Ref));
        if (!columns)
                return b->r = error_oom(b->err, sizeof(Ref));
        for (int64_t at = 0; at < n; at += LINALG_BLOCK) {
                const int64_t w = MIN(n - at, (int64_t) LINALG_BLOCK), below = n - at - w;
                Ref column = build_part(b, a, at, n - at, at, w), square;

                /* left: the columns that are done, from row `at` on */
                if (at > 0)
                        column = build_binary(
                                b, "subtract", column,
                                build_product(b, left, build_adjoint(b, build_part(b, left, 0, w, 0, at))));
                square = build_part(b, column, 0, w, 0, w);
                square = build_op(b, "cholesky_block", NULL, 1, &square);
                if (below > 0) {
                        const Ref under = build_triangular(b, build_adjoint(b, square),
                                                           build_part(b, column, w, below, 0, w), false, false, true);

                        left   = at == 0 ? under
                                         : build_concatenate(
                                                   b, (const Ref[]) { build_part(b, left, w, below, 0, at), under }, 2,
                                                   1);
                        column = build_concatenate(b, (const Ref[]) { square, under }, 2, 0);
                } else
                        column = square;
                if (at > 0)
                        column = build_concatenate(b, (const Ref[]) { build_constant(b, dtype, 0, at, w), column }, 2,
                                                   0);
                columns[n_column++] = column;
        }
        *out = build_concatenate(b, columns, n_column, 1);
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
