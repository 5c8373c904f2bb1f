/* SPDX-License-Identifier: Apache-2.0 */
/* Integers that are looked at where they are: what depends on data and must not be out of range is refused when it is
 * computed, with the one that is. Indices may count from the end, and do not any more. */
#include "graph/infer.h"
#include "graph/op.h"
#include "ops/rows.h"

static int refuse(int code, int64_t v, const IndexParams *p, Error *err) {
        if (p->axis < 0)
                return error_set(err, code, "index %lld is out of bounds for array with size %lld", (long long) v,
                                 (long long) p->length);
        return error_set(err, code, "index %lld is out of bounds for axis %lld with size %lld", (long long) v,
                         (long long) p->axis, (long long) p->length);
}

/* From -`from_end` on, with `code` for one that is outside. */
static int look(BlockRun *run, int64_t from_end, int code, Error *err) {
        const IndexParams *p = run->params;
        const View *in       = &run->in[0];
        const int last       = in->shape.ndim - 1;
        const int64_t n = last < 0 ? 1 : in->shape.dim[last], stride = last < 0 ? 0 : in->stride[last],
                      size = shape_size(&in->shape);
        int64_t *to = (int64_t *) run->out[0].data, at[MAX_NDIM] = {};

        for (int64_t done = 0; done < size; done += n, to += n) {
                const char *from = in->data;

                for (int k = 0; k < last; k++)
                        from += at[k] * in->stride[k];
                for (int64_t i = 0; i < n; i++) {
                        const int64_t v = *(const int64_t *) (from + i * stride);

                        if (v < -from_end || v >= p->length)
                                return refuse(code, v, p, err);
                        to[i] = v + (v < 0 ? p->length : 0);
                }
                for (int k = last; k-- > 0;) {
                        if (++at[k] < in->shape.dim[k])
                                break;
                        at[k] = 0;
                }
        }
        return 0;
}

static int bounded_run(BlockRun *run, Error *err) {
        return look(run, 0, ERROR_VALUE, err);
}

static int wrap_run(BlockRun *run, Error *err) {
        return look(run, ((const IndexParams *) run->params)->length, ERROR_INDEX, err);
}

static int infer_bounded(const OpCall *call, Spec *out, Error *err) {
        const IndexParams *p = call->params;

        if (call->in[0].dtype != DTYPE_I64)
                return error_set(err, ERROR_TYPE, "bounded: indices are int64, not %s", dtype_name(call->in[0].dtype));
        if (p->length < 0)
                return error_set(err, ERROR_VALUE, "bounded: there is no length %lld", (long long) p->length);
        *out = call->in[0];
        return 0;
}

static int infer_wrap(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[0];
        return 0;
}

OP(bounded) = {
        .name        = "bounded",
        .doc         = "Integers as they are, of which none may be negative or reach `length`: ValueError names one.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "index",
        .n_in        = 1,
        .params_size = sizeof(IndexParams),
        .params =
                (const Param[]) {
                        PARAM(IndexParams, length, PARAM_I64, NULL, "What is above all of them."),
                        PARAM(IndexParams, axis, PARAM_I64, "-1",
                              "The axis, for the words of the error; -1: of an array."),
                        {},
                },
        .infer = infer_bounded,
        .run   = bounded_run,
};

OP(wrap_index) = {
        .name        = "wrap_index",
        .doc         = "Indices along an axis, none of them negative; IndexError where one is outside.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "index",
        .n_in        = 1,
        .params_size = sizeof(IndexParams),
        .params =
                (const Param[]) {
                        PARAM(IndexParams, axis, PARAM_I64, NULL, "The axis, for the words of the error."),
                        PARAM(IndexParams, length, PARAM_I64, NULL, "Its length."),
                        {},
                },
        .infer = infer_wrap,
        .run   = wrap_run,
};
