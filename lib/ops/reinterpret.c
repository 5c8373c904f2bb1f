/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of elements as elements of another dtype. What becomes one element, or comes of one, is a last axis: the
 * elements of another size are put there, and taken from there, by reshapes that move nothing. */
#include "ops/kernel.h"
#include "tensor/strided.h"

static int reinterpret_run(BlockRun *run, _unused_ Error *err) {
        const View *in    = &run->in[0];
        View *out         = &run->out[0];
        const size_t size = dtype_size(in->dtype);
        int64_t stride[MAX_NDIM];

        strided_of_shape(&in->shape, size, stride);
        strided_copy(out->data, stride, in->data, in->stride, &in->shape, size);
        for (int64_t i = 0; out->dtype == DTYPE_BOOL && i < shape_size(&out->shape); i++)
                out->data[i] = out->data[i] != 0; /* kernels know two of them */
        return 0;
}

static int infer_reinterpret(const OpCall *call, Spec *out, Error *err) {
        const Spec *in  = &call->in[0];
        const int last  = in->shape.ndim - 1;
        const DType to  = (DType) ((const CastParams *) call->params)->dtype;
        const size_t of = dtype_size(in->dtype), size = dtype_size(to);

        if (last < 1)
                return error_set(err, ERROR_VALUE, "elements of another dtype are a last axis of at least two");
        *out       = *in;
        out->dtype = to;
        out->weak  = WEAK_NONE;
        if (in->shape.dim[last] == UNKNOWN)
                return 0;
        if ((size_t) in->shape.dim[last] * of % size != 0)
                return error_set(err, ERROR_VALUE, "%lld elements of %zu bytes are no elements of %zu bytes",
                                 (long long) in->shape.dim[last], of, size);
        out->shape.dim[last] = (int64_t) ((size_t) in->shape.dim[last] * of / size);
        return 0;
}

OP(reinterpret) = {
        .name        = "reinterpret",
        .doc         = "The bytes of the last axis as elements of another dtype.\n\nRaises ValueError.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(CastParams),
        .params      = (const Param[]) { PARAM(CastParams, dtype, PARAM_DTYPE, NULL, "The other dtype."), {} },
        .infer       = infer_reinterpret,
        .run         = reinterpret_run,
        .core_in     = { 2 },
        .core_out    = { 2 },
        .follows     = 1,
};
