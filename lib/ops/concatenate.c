/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/infer.h"
#include "ops/kernel.h"

/* Copies a strided view to where it belongs in a C-contiguous block; the innermost axis in one go when it is
 * contiguous. */
static void place(const View *in, char *out, const int64_t *out_stride) {
        const size_t size = dtype_size(in->dtype);
        const int last = in->shape.ndim - 1;
        const int64_t n = in->shape.dim[last];
        int64_t at[MAX_NDIM] = {};

        for (;;) {
                const char *from = in->data;
                char *to = out;
                int k;

                for (k = 0; k < last; k++) {
                        from += at[k] * in->stride[k];
                        to += at[k] * out_stride[k];
                }
                if (in->stride[last] == (int64_t) size)
                        memcpy(to, from, (size_t) n * size);
                else
                        for (int64_t i = 0; i < n; i++)
                                memcpy(to + i * (int64_t) size, from + i * in->stride[last], size);
                for (k = last; k-- > 0;) {
                        if (++at[k] < in->shape.dim[k])
                                break;
                        at[k] = 0;
                }
                if (k < 0)
                        return;
        }
}

/* A task's box along the axis is filled by those inputs that it overlaps, in their order. */
static int concatenate_run(BlockRun *run, _unused_ Error *err) {
        const ConcatenateParams *p = run->params;
        const View *out = &run->out[0];
        const int ndim = out->shape.ndim, axis = (int) (p->axis < 0 ? p->axis + ndim : p->axis);
        char *to = out->data;

        for (uint32_t i = 0; i < run->n_in; i++) {
                const View *in = &run->in[i];

                if (shape_size(&in->shape) == 0)
                        continue;
                place(in, to, out->stride);
                to += in->shape.dim[axis] * out->stride[axis];
        }
        return 0;
}

OP(concatenate) = {
        .name        = "concatenate",
        .doc         = "Tensors one behind the other along an axis that they have.",
        .family      = FAMILY_MOVE,
        .inputs      = "*arrays",
        .n_in        = 1,
        .variadic    = true,
        .params_size = sizeof(ConcatenateParams),
        .params      = (const Param[]) { PARAM(ConcatenateParams, axis, PARAM_I64, "0", "Along which axis."), {} },
        .infer       = infer_concatenate,
        .run         = concatenate_run,
};
