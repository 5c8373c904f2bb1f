/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/infer.h"
#include "ops/kernel.h"
#include "tensor/strided.h"

enum { PART_BYTES = 64 << 10 }; /* of the output at a time: what was copied is in the second cache when it is set */

/* Positions [from, to) of the first axis of a view. */
static View view_part(const View *v, int64_t from, int64_t to) {
        View part = *v;

        part.data += from * v->stride[0];
        part.shape.dim[0] = MAX(to - from, INT64_C(0));
        return part;
}

static void copy_view(const View *to, const View *from) {
        if (shape_size(&from->shape) > 0)
                strided_copy(to->data, to->stride, from->data, from->stride, &from->shape, dtype_size(from->dtype));
}

/* Copies the first input, then sets what is woven, a part of the first axis at a time. */
static int weave_run(BlockRun *run, _unused_ Error *err) {
        const WeaveParams *p = run->params;
        const View *a = &run->in[0], *value = &run->in[1], *out = &run->out[0];
        const int axis      = (int) p->axis;
        const int64_t n     = out->shape.dim[0];
        const int64_t first = p->start + run->box[1].lo[axis] * p->step - run->domain->lo[axis];
        const size_t bytes  = (size_t) shape_size(&out->shape) * dtype_size(out->dtype);
        const int64_t part  = MAX(n / (int64_t) MAX(bytes / PART_BYTES, (size_t) 1), INT64_C(1));

        for (int64_t from = 0; from < n && bytes > 0; from += part) {
                const int64_t to  = MIN(from + part, n);
                const View copied = view_part(a, from, to), own = view_part(out, from, to);
                View woven = *out, values = view_part(value, from, to);

                if (axis == 0) { /* those before `from` and before `to` */
                        const int64_t n_value = value->shape.dim[0];
                        const int64_t lo = MIN(from <= first ? 0 : div_up(from - first, p->step), n_value),
                                      hi = MIN(to <= first ? 0 : div_up(to - first, p->step), n_value);

                        values = view_part(value, lo, hi);
                        woven.data += lo * p->step * out->stride[0];
                } else
                        woven.data += from * out->stride[0];
                woven.data += first * out->stride[axis];
                woven.stride[axis] *= p->step;
                copy_view(&own, &copied);
                copy_view(&woven, &values);
        }
        return 0;
}

static int infer_weave(const OpCall *call, Spec *out, Error *err) {
        const WeaveParams *p = call->params;
        const Shape *a = &call->in[0].shape, *value = &call->in[1].shape;
        Shape woven;

        *out = call->in[0];
        if (p->axis < 0 || p->axis >= a->ndim || p->start < 0 || p->step < 1)
                return error_set(err, ERROR_VALUE, "weave is along an axis, from a position on, forwards");
        if (call->in[1].dtype != out->dtype)
                return error_set(err, ERROR_TYPE, "%s is woven into %s", dtype_name(call->in[1].dtype),
                                 dtype_name(out->dtype));
        if (!shape_known(a) || !shape_known(value))
                return 0;
        woven                = *a;
        woven.dim[p->axis] = value->ndim == a->ndim ? value->dim[p->axis] : 0;
        if (!shape_equal(&woven, value) || woven.dim[p->axis] < 1 || p->start >= a->dim[p->axis] ||
            (woven.dim[p->axis] - 1) > (a->dim[p->axis] - 1 - p->start) / p->step)
                return error_set(err, ERROR_VALUE, "what is woven does not fit");
        return 0;
}

OP(weave) = {
        .name        = "weave",
        .doc         = "a, with every so many positions along an axis from `values`, which has the length of these.",
        .family      = FAMILY_MOVE,
        .inputs      = "a, values",
        .n_in        = 2,
        .params_size = sizeof(WeaveParams),
        .params =
                (const Param[]) {
                        PARAM(WeaveParams, axis, PARAM_I64, "0", "Along which axis."),
                        PARAM(WeaveParams, start, PARAM_I64, "0", "The first position of `values`."),
                        PARAM(WeaveParams, step, PARAM_I64, "1", "How far it is to the next one."),
                        {},
                },
        .infer = infer_weave,
        .run   = weave_run,
};
