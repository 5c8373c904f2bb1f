/* SPDX-License-Identifier: Apache-2.0 */
/* Elements chosen, and set, along one axis: by indices that each position of the other axes has for itself.
 *
 * Rows along the axis have nothing to do with each other, so tasks take some whole rows, with their indices. Rows that
 * no task may take, or too few of them for all threads, are positions of the whole tensor instead: take and put. */
#include <string.h>

#include "graph/graph.h"
#include "ops/kernel.h"
#include "ops/rows.h"

enum {
        FEW_ROWS  = 64,      /* below these threads would wait for each other, */
        LONG_ROWS = 1 << 16, /* if there is much to do for each */
};

/* The row of a view for position `at` of the batch axes of the output. */
static char *row_at(const View *v, const int64_t *at, int n_batch) {
        const int own = v->shape.ndim - 1;
        char *data    = v->data;

        for (int k = 0; k < own; k++)
                if (v->shape.dim[k] != 1)
                        data += at[n_batch - own + k] * v->stride[k];
        return data;
}

static bool next_row(const Shape *s, int64_t *at) {
        for (int k = s->ndim - 1; k-- > 0;) {
                if (++at[k] < s->dim[k])
                        return true;
                at[k] = 0;
        }
        return false;
}

static int64_t last_stride(const View *v) {
        return v->stride[v->shape.ndim - 1];
}

static int row_index(const IndexParams *p, const char *index, int64_t *ret, Error *err) {
        const int64_t at = *(const int64_t *) index;

        if (at < -p->length || at >= p->length)
                return error_set(err, ERROR_INDEX, "index %lld is out of bounds for axis %lld with size %lld",
                                 (long long) at, (long long) p->axis, (long long) p->length);
        *ret = at + (at < 0 ? p->length : 0);
        return 0;
}

#define ALONG_LOOP_(type)                                                                                              \
        static int along_##type(const IndexParams *p, const char *in, int64_t stride, const char *index,               \
                                int64_t index_stride, int64_t n, type *to, Error *err) {                               \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        int64_t at  = 0;                                                                               \
                        const int r = row_index(p, index + i * index_stride, &at, err);                                \
                                                                                                                       \
                        if (r < 0)                                                                                     \
                                return r;                                                                              \
                        to[i] = *(const type *) (in + at * stride);                                                    \
                }                                                                                                      \
                return 0;                                                                                              \
        }
ALONG_LOOP_(uint8_t)
ALONG_LOOP_(uint16_t)
ALONG_LOOP_(uint32_t)
ALONG_LOOP_(uint64_t)
ALONG_LOOP_(c128)

static int gather_along_run(BlockRun *run, Error *err) {
        const IndexParams *p = run->params;
        const View *a = &run->in[0], *index = &run->in[1];
        View *out            = &run->out[0];
        const int last       = out->shape.ndim - 1;
        const int64_t n      = out->shape.dim[last];
        int64_t at[MAX_NDIM] = {};
        char *to             = out->data;
        int r                = 0;

        if (shape_size(&out->shape) == 0)
                return 0;
        do {
                const char *row = row_at(a, at, last), *from = row_at(index, at, last);
                const int64_t stride = last_stride(a), step = last_stride(index);

                switch (dtype_size(out->dtype)) {
                case 1:
                        r = along_uint8_t(p, row, stride, from, step, n, (uint8_t *) to, err);
                        break;
                case 2:
                        r = along_uint16_t(p, row, stride, from, step, n, (uint16_t *) to, err);
                        break;
                case 4:
                        r = along_uint32_t(p, row, stride, from, step, n, (uint32_t *) to, err);
                        break;
                case 8:
                        r = along_uint64_t(p, row, stride, from, step, n, (uint64_t *) to, err);
                        break;
                default:
                        r = along_c128(p, row, stride, from, step, n, (c128 *) to, err);
                }
                to += n * (int64_t) dtype_size(out->dtype);
        } while (r >= 0 && next_row(&out->shape, at));
        return r;
}

/* The batch axes that all inputs have together, and the last axis of input `last`. */
static int infer_rows(const OpCall *call, uint32_t last, Spec *out, Error *err) {
        const Shape *batch[MAX_OP_IN];
        Shape own[MAX_OP_IN];
        int r;

        for (uint32_t i = 0; i < call->n_in; i++) {
                own[i] = call->in[i].shape;
                own[i].ndim--;
                batch[i] = &own[i];
        }
        out->dtype = call->in[0].dtype;
        r          = shape_broadcast(batch, (int) call->n_in, &out->shape, err);
        if (r < 0)
                return r;
        out->shape.dim[out->shape.ndim++] = call->in[last].shape.dim[call->in[last].shape.ndim - 1];
        return 0;
}

static int infer_gather_along(const OpCall *call, Spec *out, Error *err) {
        return infer_rows(call, 1, out, err);
}

#define INDEX_PARAMS                                                                                                   \
        (const Param[]) {                                                                                              \
                PARAM(IndexParams, axis, PARAM_I64, NULL, "The axis, for the words of the error."),                    \
                        PARAM(IndexParams, length, PARAM_I64, NULL, "Its length."), {}                                 \
        }

OP(gather_along) = {
        .name        = "gather_along",
        .doc         = "Elements of each row at its own indices.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "a, index",
        .n_in        = 2,
        .params_size = sizeof(IndexParams),
        .params      = INDEX_PARAMS,
        .infer       = infer_gather_along,
        .run         = gather_along_run,
        .core_in     = { 1, 1 },
        .core_out    = { 1 },
};

/* A row is copied, and then set, in the order of its indices. */
static int scatter_along_run(BlockRun *run, Error *err) {
        const IndexParams *p = run->params;
        const View *a = &run->in[0], *index = &run->in[1], *value = &run->in[2];
        View *out         = &run->out[0];
        const int last    = out->shape.ndim - 1;
        const size_t size = dtype_size(out->dtype);
        const int64_t n = out->shape.dim[last], n_index = index->shape.dim[index->shape.ndim - 1],
                      v_step = value->shape.dim[value->shape.ndim - 1] == 1 ? 0 : last_stride(value);
        int64_t at[MAX_NDIM] = {};
        char *to             = out->data;

        if (shape_size(&out->shape) == 0)
                return 0;
        do {
                const char *from = row_at(a, at, last), *name = row_at(index, at, last), *v = row_at(value, at, last);

                for (int64_t i = 0; i < n; i++)
                        memcpy(to + i * (int64_t) size, from + i * last_stride(a), size);
                for (int64_t i = 0; i < n_index; i++) {
                        int64_t place = 0;
                        const int r   = row_index(p, name + i * last_stride(index), &place, err);

                        if (r < 0)
                                return r;
                        memcpy(to + place * (int64_t) size, v + i * v_step, size);
                }
                to += n * (int64_t) size;
        } while (next_row(&out->shape, at));
        return 0;
}

static int infer_scatter_along(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[0];
        return 0;
}

OP(scatter_along) = {
        .name        = "scatter_along",
        .doc         = "Rows of a, with the values at each row's own indices.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "a, index, values",
        .n_in        = 3,
        .params_size = sizeof(IndexParams),
        .params      = INDEX_PARAMS,
        .infer       = infer_scatter_along,
        .run         = scatter_along_run,
        .core_in     = { 1, 1, 1 },
        .core_out    = { 1 },
};

/* ---- The public operators ---------------------------------------------------------------------------------------- */

typedef struct AlongParams {
        int64_t axis;
} AlongParams;

#define ALONG_PARAMS                                                                                                   \
        (const Param[]) {                                                                                              \
                PARAM(AlongParams, axis, PARAM_I64, "-1", "Along which axis."), {}                                     \
        }

/* Whether tasks can take whole rows: of the result's shape but for the axis, and of what a row of all is. */
static bool by_rows(const Build *b, const Shape *s, int axis, int64_t length, size_t bytes) {
        const int64_t n_rows = shape_size(s) / MAX(s->dim[axis], (int64_t) 1);

        if (b->task_bytes > 0 && bytes > b->task_bytes / 2)
                return false;
        return n_rows >= FEW_ROWS || length < LONG_ROWS;
}

/* The indices of every axis: the given ones of `axis`, and of the others each position its own. */
static void all_indices(Build *b, const Shape *s, Ref index, int axis, Ref *ret) {
        for (int k = 0; k < s->ndim; k++) {
                const ArangeParams places = { .source = { .shape = DIMS(s->dim[k]), .dtype = DTYPE_I64 },
                                              .start  = scalar_from_i64(DTYPE_I64, 0),
                                              .step   = scalar_from_i64(DTYPE_I64, 1) };

                ret[k] = k == axis ? index : build_op(b, "arange", &places, 0, NULL);
                for (int j = 0; j < s->ndim && k != axis; j++)
                        if (j != k)
                                ret[k] = build_insert_axis(b, ret[k], j);
        }
}

/* The axis goes to the end, and, since it changes places with the last one, in the same way back again. */
static Ref build_last(Build *b, Ref x, int axis) {
        const int ndim = build_spec(b, x)->shape.ndim;
        int axes[MAX_NDIM];

        if (axis == ndim - 1)
                return x;
        for (int k = 0; k < ndim; k++)
                axes[k] = k;
        axes[axis]     = ndim - 1;
        axes[ndim - 1] = axis;
        return build_transpose(b, x, axes);
}

static int check_along(const OpCall *call, uint32_t index, int *ret_axis, Shape *ret, Error *err) {
        const Shape *a = &call->in[0].shape, *named = &call->in[index].shape;
        const DKind kind = dtype_kind(call->in[index].dtype);
        Shape one = *a, other = *named;
        int r;

        if (kind != KIND_INT && kind != KIND_UINT)
                return error_set(err, ERROR_INDEX, "`indices` must be an integer array");
        if (a->ndim != named->ndim)
                return error_set(err, ERROR_VALUE, "`indices` and `arr` must have the same number of dimensions");
        r = axis_normalize(((const AlongParams *) call->params)->axis, a->ndim, ret_axis, err);
        if (r < 0)
                return r;
        one.dim[*ret_axis] = other.dim[*ret_axis] = 1;
        r                                         = shape_broadcast((const Shape *[]) { &one, &other }, 2, ret, NULL);
        if (r < 0)
                return error_set(err, ERROR_INDEX, "shape mismatch: indexing arrays could not be broadcast together");
        ret->dim[*ret_axis] = named->dim[*ret_axis];
        return 0;
}

static int infer_take_along(const OpCall *call, Spec *out, Error *err) {
        int axis;

        out->dtype = call->in[0].dtype;
        return check_along(call, 1, &axis, &out->shape, err);
}

static int expand_take_along(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *a  = &call->in[0].shape;
        const Ref index = build_cast(b, in[1], DTYPE_I64);
        size_t each;
        Shape all;
        int axis, r;

        r = check_along(call, 1, &axis, &all, b->err);
        if (r < 0)
                return b->r = r;
        each = (size_t) a->dim[axis] * dtype_size(call->in[0].dtype) +
               (size_t) all.dim[axis] * (dtype_size(call->in[0].dtype) + sizeof(int64_t));
        if (by_rows(b, &all, axis, MAX(a->dim[axis], all.dim[axis]), each)) {
                const IndexParams p = { .axis = axis, .length = a->dim[axis] };
                const Ref rows[]    = { build_last(b, in[0], axis), build_last(b, index, axis) };

                *out = build_last(b, build_op(b, "gather_along", &p, 2, rows), axis);
        } else {
                Ref named[MAX_NDIM + 1] = { in[0] };

                all_indices(b, a, index, axis, named + 1);
                *out = build_op(b, "take", &(AlongParams) { 0 }, (uint32_t) a->ndim + 1, named);
        }
        return build_done(b);
}

OP(take_along) = {
        .name        = "take_along",
        .doc         = "Elements of a at the indices along an axis, other ones for each position of the other axes.\n\n"
                       "The other axes of both broadcast. Raises IndexError, ValueError.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a, indices",
        .n_in        = 2,
        .params_size = sizeof(AlongParams),
        .params      = ALONG_PARAMS,
        .infer       = infer_take_along,
        .expand      = expand_take_along,
};

/* The value broadcasts to the indices, and these to a: not the other way round. */
static int check_put_along(const OpCall *call, int *ret_axis, Shape *ret, Error *err) {
        char value[SHAPE_TEXT], target[SHAPE_TEXT];
        Shape common;
        int r;

        r = check_along(call, 2, ret_axis, ret, err);
        if (r < 0)
                return r;
        if (shape_known(ret) && shape_known(&call->in[1].shape) &&
            (shape_broadcast((const Shape *[]) { ret, &call->in[1].shape }, 2, &common, NULL) < 0 ||
             !shape_equal(&common, ret)))
                return error_set(err, ERROR_VALUE,
                                 "shape mismatch: value array of shape %s could not be broadcast to indexing result of "
                                 "shape %s",
                                 shape_print(&call->in[1].shape, value), shape_print(ret, target));
        return 0;
}

static int infer_put_along(const OpCall *call, Spec *out, Error *err) {
        Shape common;
        int axis;

        *out = call->in[0];
        return check_put_along(call, &axis, &common, err);
}

static int expand_put_along(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *a  = &call->in[0].shape;
        const Ref index = build_cast(b, in[2], DTYPE_I64), value = build_cast(b, in[1], call->in[0].dtype);
        bool own = true;
        size_t each;
        Shape all;
        int axis, r;

        r = check_put_along(call, &axis, &all, b->err);
        if (r < 0)
                return b->r = r;
        for (int k = 0; k < a->ndim; k++) /* a row of a may be named by several rows of indices */
                own &= k == axis || a->dim[k] == all.dim[k];
        each = 2 * (size_t) a->dim[axis] * dtype_size(call->in[0].dtype) +
               (size_t) all.dim[axis] * (dtype_size(call->in[0].dtype) + sizeof(int64_t));
        if (own && by_rows(b, &all, axis, MAX(a->dim[axis], all.dim[axis]), each)) {
                const IndexParams p = { .axis = axis, .length = a->dim[axis] };
                const Ref rows[]    = { build_last(b, in[0], axis), build_last(b, index, axis),
                                        build_last(b, build_broadcast(b, value, &all), axis) };

                *out = build_last(b, build_op(b, "scatter_along", &p, 3, rows), axis);
        } else {
                Ref named[MAX_NDIM + 2] = { in[0], value };

                all_indices(b, a, index, axis, named + 2);
                *out = build_op(b, "put", &(PutParams) { .axis = 0, .function = "set" }, (uint32_t) a->ndim + 2, named);
        }
        return build_done(b);
}

OP(put_along) = {
        .name        = "put_along",
        .doc         = "The first input, with the values at the indices along an axis, other ones for each position of "
                       "the other axes.\n\nWhere a position occurs twice the last one counts. Raises IndexError, "
                       "ValueError.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a, values, indices",
        .n_in        = 3,
        .params_size = sizeof(AlongParams),
        .params      = ALONG_PARAMS,
        .infer       = infer_put_along,
        .expand      = expand_put_along,
};
