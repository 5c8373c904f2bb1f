/* SPDX-License-Identifier: Apache-2.0 */
/* Products. matmul has NumPy's gufunc signature (n?,k),(k,m?)->(n?,m?): a vector on the left is a row, on the
 * right a column, and the axis that it lacks is not in the result; the axes before the last two broadcast. */
#include "graph/infer.h"

#define SIGNATURE "(n?,k),(k,m?)->(n?,m?)"

/* The axes before the matrix. */
static Shape batch_shape(const Shape *s) {
        return shape_of(MAX(s->ndim - 2, 0), s->dim);
}

static int refuse_batches(const OpCall *call, const Shape *batch, Error *err) {
        char original[2][SHAPE_TEXT], mapped[2][SHAPE_TEXT];

        for (int i = 0; i < 2; i++) {
                Shape s = batch[i];

                for (int k = 0; k < MIN(call->in[i].shape.ndim, 2) && s.ndim < MAX_NDIM; k++)
                        s.dim[s.ndim++] = UNKNOWN; /* "newaxis" */
                shape_print_words(&call->in[i].shape, original[i]);
                shape_print_words(&s, mapped[i]);
        }
        return error_set(
                err, ERROR_VALUE,
                "operands could not be broadcast together with remapped shapes [original->remapped]: %.100s->%.100s "
                "%.100s->%.100s",
                original[0], mapped[0], original[1], mapped[1]);
}

int infer_matmul(const OpCall *call, Spec *out, Error *err) {
        const Shape *a = &call->in[0].shape, *b = &call->in[1].shape;
        const Shape batch[2] = { batch_shape(a), batch_shape(b) };
        int64_t k_a, k_b;

        for (uint32_t i = 0; i < 2; i++)
                if (call->in[i].shape.ndim == 0)
                        return error_set(
                                err, ERROR_VALUE,
                                "matmul: Input operand %u does not have enough dimensions (has 0, gufunc core with "
                                "signature " SIGNATURE " requires 1)",
                                i);
        k_a = a->dim[a->ndim - 1];
        k_b = b->dim[b->ndim == 1 ? 0 : b->ndim - 2];
        if (k_a != UNKNOWN && k_b != UNKNOWN && k_a != k_b)
                return error_set(err, ERROR_VALUE,
                                 "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc "
                                 "signature " SIGNATURE " (size %lld is different from %lld)",
                                 (long long) k_b, (long long) k_a);
        out->dtype = infer_promote(call, 0);
        if (shape_broadcast((const Shape *[]) { &batch[0], &batch[1] }, 2, &out->shape, NULL) < 0)
                return refuse_batches(call, batch, err);
        if (a->ndim >= 2)
                out->shape.dim[out->shape.ndim++] = a->dim[a->ndim - 2];
        if (b->ndim >= 2)
                out->shape.dim[out->shape.ndim++] = b->dim[b->ndim - 1];
        return 0;
}
