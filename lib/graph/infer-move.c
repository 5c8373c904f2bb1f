/* SPDX-License-Identifier: Apache-2.0 */
/* The primitives that move elements: view, concatenate, reshape, rechunk. Everything else that moves (slices,
 * transposes, stacks, pads, rolls) is written with them, so a wrong index is noticed here or nowhere: every
 * element that a view touches must lie inside its input. */
#include "graph/infer.h"

/* ---- view ----------------------------------------------------------------------------------------------------- */

static int check_inside(int64_t at, int axis, int64_t length, Error *err) {
        if (at >= 0 && at < length)
                return 0;
        return error_set(err, ERROR_INDEX, "index %lld is out of bounds for axis %d with size %lld", (long long) at,
                         axis, (long long) length);
}

/* Input axis k, `length` long, is read n times from start on. */
static int check_axis(int64_t start, int64_t step, int64_t n, int k, int64_t length, Error *err) {
        int64_t last;
        int r;

        if (length == UNKNOWN || n == UNKNOWN)
                return start < 0 ? check_inside(start, k, length, err) : 0;
        if (mul_overflows(step, n - 1, &last) || __builtin_add_overflow(start, last, &last))
                last = INT64_MAX;
        r = check_inside(start, k, length, err);
        return r < 0 ? r : check_inside(last, k, length, err);
}

/* The lengths of the output. One of -1 follows the input axes that are read as they are, all of the same length. */
static int view_shape(const ViewParams *params, const Shape *in, Shape *ret, Error *err) {
        if (params->shape.n > MAX_NDIM)
                return error_set(err, ERROR_VALUE, "maximum supported dimension for an ndarray is %d, found %u",
                                 MAX_NDIM, params->shape.n);
        *ret = shape_of((int) params->shape.n, params->shape.v);
        for (int a = 0; a < ret->ndim; a++) {
                bool followed = false;

                if (ret->dim[a] < UNKNOWN)
                        return error_set(err, ERROR_VALUE, "negative dimensions are not allowed");
                if (ret->dim[a] != UNKNOWN)
                        continue;
                for (int k = 0; k < in->ndim; k++) {
                        if (params->axis.v[k] != a)
                                continue;
                        if (params->start.v[k] != 0 || params->step.v[k] != 1)
                                return error_set(err, ERROR_VALUE, "view: axis %d of unknown length must be read whole",
                                                 k);
                        if (ret->dim[a] != UNKNOWN && in->dim[k] != UNKNOWN && ret->dim[a] != in->dim[k])
                                return error_set(err, ERROR_VALUE,
                                                 "view: axes of lengths %lld and %lld are read together",
                                                 (long long) ret->dim[a], (long long) in->dim[k]);
                        if (in->dim[k] != UNKNOWN)
                                ret->dim[a] = in->dim[k];
                        followed = true;
                }
                if (!followed)
                        return error_set(err, ERROR_VALUE,
                                         "view: axis %d of unknown length follows no axis of the input", a);
        }
        return 0;
}

int infer_view(const OpCall *call, Spec *out, Error *err) {
        const ViewParams *params = call->params;
        const Shape *in = &call->in[0].shape;
        uint32_t ndim = (uint32_t) in->ndim;
        bool empty = false;
        int r;

        if (params->axis.n != ndim || params->start.n != ndim || params->step.n != ndim)
                return error_set(err, ERROR_VALUE, "view: %u axes, %u starts and %u steps for %u dimensions",
                                 params->axis.n, params->start.n, params->step.n, ndim);
        r = view_shape(params, in, &out->shape, err);
        if (r < 0)
                return r;
        out->dtype = call->in[0].dtype;
        for (int a = 0; a < out->shape.ndim; a++)
                empty |= out->shape.dim[a] == 0;
        for (int k = 0; k < in->ndim; k++) {
                const int64_t a = params->axis.v[k];

                if (a < -1 || a >= out->shape.ndim)
                        return error_set(err, ERROR_AXIS, "axis %lld is out of bounds for array of dimension %d",
                                         (long long) a, out->shape.ndim);
                if (empty) /* nothing is touched */
                        continue;
                r = check_axis(params->start.v[k], a < 0 ? 0 : params->step.v[k], a < 0 ? 1 : out->shape.dim[a], k,
                               in->dim[k], err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- concatenate ---------------------------------------------------------------------------------------------- */

static int concatenate_dim(int64_t *total, int64_t more, Error *err) {
        if (*total == UNKNOWN || more == UNKNOWN)
                *total = UNKNOWN;
        else if (__builtin_add_overflow(*total, more, total))
                return error_set(err, ERROR_VALUE,
                                 "array is too big: the lengths along the concatenation axis add up to 2^63");
        return 0;
}

int infer_concatenate(const OpCall *call, Spec *out, Error *err) {
        const ConcatenateParams *params = call->params;
        const Shape *first;
        int axis, r;

        if (call->n_in == 0)
                return error_set(err, ERROR_VALUE, "need at least one array to concatenate");
        first = &call->in[0].shape;
        if (first->ndim == 0)
                return error_set(err, ERROR_VALUE, "zero-dimensional arrays cannot be concatenated");
        r = axis_normalize(params->axis, first->ndim, &axis, err);
        if (r < 0)
                return r;
        *out = (Spec) { .dtype = infer_promote(call, 0), .shape = *first };
        for (uint32_t i = 1; i < call->n_in; i++) {
                const Shape *s = &call->in[i].shape;

                if (s->ndim != first->ndim)
                        return error_set(
                                err, ERROR_VALUE,
                                "all the input arrays must have same number of dimensions, but the array at index 0 "
                                "has %d dimension(s) and the array at index %u has %d dimension(s)",
                                first->ndim, i, s->ndim);
                for (int k = 0; k < s->ndim; k++) {
                        int64_t *dim = &out->shape.dim[k];

                        if (k == axis) {
                                r = concatenate_dim(dim, s->dim[k], err);
                                if (r < 0)
                                        return r;
                        } else if (*dim == UNKNOWN)
                                *dim = s->dim[k];
                        else if (s->dim[k] != UNKNOWN && s->dim[k] != *dim)
                                return error_set(
                                        err, ERROR_VALUE,
                                        "all the input array dimensions except for the concatenation axis must match "
                                        "exactly, but along dimension %d, the array at index 0 has size %lld and the "
                                        "array at index %u has size %lld",
                                        k, (long long) *dim, i, (long long) s->dim[k]);
                }
        }
        return 0;
}

/* ---- reshape -------------------------------------------------------------------------------------------------- */

int infer_reshape(const OpCall *call, Spec *out, Error *err) {
        const ReshapeParams *params = call->params;
        const int64_t size = shape_size(&call->in[0].shape);
        char text[SHAPE_TEXT];
        int64_t known = 1;
        bool too_large = false, empty = false;
        int rest = -1;

        if (params->shape.n > MAX_NDIM)
                return error_set(err, ERROR_VALUE, "maximum supported dimension for an ndarray is %d, found %u",
                                 MAX_NDIM, params->shape.n);
        *out = (Spec) { .dtype = call->in[0].dtype, .shape = shape_of((int) params->shape.n, params->shape.v) };
        for (int k = 0; k < out->shape.ndim; k++) {
                if (out->shape.dim[k] >= 0) {
                        empty |= out->shape.dim[k] == 0;
                        too_large |= mul_overflows(known, out->shape.dim[k], &known);
                        continue;
                }
                if (out->shape.dim[k] != UNKNOWN)
                        return error_set(err, ERROR_VALUE, "negative dimensions are not allowed");
                if (rest >= 0)
                        return error_set(err, ERROR_VALUE, "can only specify one unknown dimension");
                rest = k;
        }
        if (empty)
                known = 0;
        else if (too_large)
                known = INT64_MAX; /* no array has as many elements */
        if (size == UNKNOWN)
                return 0;
        if (rest >= 0 ? known == 0 || size % known != 0 : size != known)
                return error_set(err, ERROR_VALUE, "cannot reshape array of size %lld into shape %s", (long long) size,
                                 shape_print_words(&out->shape, text));
        if (rest >= 0)
                out->shape.dim[rest] = size / known;
        return 0;
}

/* ---- rechunk -------------------------------------------------------------------------------------------------- */

int infer_rechunk(const OpCall *call, Spec *out, Error *err) {
        const RechunkParams *params = call->params;

        *out = call->in[0];
        out->weak = WEAK_NONE;
        return chunk_size_check(&params->chunk_size, &out->shape, out->dtype, err);
}
