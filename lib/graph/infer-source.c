/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: shape, dtype and cutting stand in the parameters. */
#include "graph/infer.h"

static int check_generate(const Op *op, DType dtype, Error *err) {
        for (const SourceKernel *k = op->generate; k && k->fn; k++)
                if (k->out == dtype)
                        return 0;
        if (!op->generate) /* made by other means: load */
                return 0;
        return error_set(err, ERROR_TYPE, "Unsupported dtype dtype('%s') for %s", dtype_name(dtype), op->name);
}

int infer_source(const OpCall *call, Spec *out, Error *err) {
        const SourceParams *params = call->params;
        int r;

        out->dtype = params->dtype == DTYPE_NONE ? DTYPE_F64 : (DType) params->dtype;
        r = shape_from_dims(&params->shape, &out->shape, err);
        if (r < 0)
                return r;
        r = check_generate(call->op, out->dtype, err);
        if (r < 0)
                return r;
        return chunk_size_check(&params->chunk_size, &out->shape, out->dtype, err);
}
