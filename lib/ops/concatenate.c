/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/infer.h"
#include "ops/kernel.h"
#include "tensor/strided.h"

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
                strided_copy(to, out->stride, in->data, in->stride, &in->shape, dtype_size(in->dtype));
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
