/* SPDX-License-Identifier: Apache-2.0 */
/* Python's slices and positions of axes whose lengths may not be known yet: what view is for known lengths, which is
 * what it becomes. */
#include "graph/graph.h"
#include "graph/infer.h"

typedef struct SliceParams {
        Dims start, stop, step; /* one per axis of the input */
} SliceParams;

/* Where an axis of n elements is read, in the words of view: Python's slice.indices(). */
typedef struct Range {
        int64_t start, step, n;
} Range;

static int64_t clamp_bound(int64_t bound, int64_t n, bool backward) {
        if (bound < 0) {
                bound += n;
                return bound >= 0 ? bound : backward ? -1 : 0;
        }
        return bound < n ? bound : backward ? n - 1 : n;
}

static Range slice_range(const SliceParams *p, int axis, int64_t n) {
        const int64_t step = MAX(p->step.v[axis], -INT64_MAX);
        const int64_t start = clamp_bound(p->start.v[axis], n, step < 0);
        const int64_t stop = clamp_bound(p->stop.v[axis], n, step < 0);
        const int64_t distance = step < 0 ? start - stop : stop - start;
        Range range = { .step = step, .n = distance > 0 ? (distance - 1) / (step < 0 ? -step : step) + 1 : 0 };

        range.start = range.n > 0 ? start : 0;
        return range;
}

static bool is_position(const SliceParams *p, int axis) {
        return p->step.v[axis] == 0;
}

static bool is_whole(const SliceParams *p, int axis) {
        return p->start.v[axis] == 0 && p->stop.v[axis] == INT64_MAX && p->step.v[axis] == 1;
}

static int infer_slice(const OpCall *call, Spec *out, Error *err) {
        const SliceParams *p = call->params;
        const Shape *in      = &call->in[0].shape;
        const uint32_t ndim  = (uint32_t) in->ndim;

        if (p->start.n != ndim || p->stop.n != ndim || p->step.n != ndim)
                return error_set(err, ERROR_VALUE, "slice: %u starts, %u stops and %u steps for %u dimensions",
                                 p->start.n, p->stop.n, p->step.n, ndim);
        *out = (Spec) { .dtype = call->in[0].dtype };
        for (int k = 0; k < in->ndim; k++) {
                const int64_t n = in->dim[k], at = p->start.v[k];

                if (!is_position(p, k))
                        out->shape.dim[out->shape.ndim++] = n == UNKNOWN ? UNKNOWN : slice_range(p, k, n).n;
                else if (n != UNKNOWN && (at < -n || at >= n))
                        return error_set(err, ERROR_INDEX, "index %lld is out of bounds for axis %d with size %lld",
                                         (long long) at, k, (long long) n);
        }
        return 0;
}

static int expand_slice(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const SliceParams *p = call->params;
        const Shape *s       = &call->in[0].shape;
        int64_t axis[MAX_NDIM], start[MAX_NDIM], step[MAX_NDIM];
        const uint32_t ndim = (uint32_t) s->ndim;
        Shape shape         = {};
        bool whole          = true;

        for (int k = 0; k < s->ndim; k++) {
                whole &= is_whole(p, k);
                if (is_position(p, k)) {
                        axis[k]  = -1;
                        start[k] = p->start.v[k] + (p->start.v[k] < 0 ? s->dim[k] : 0);
                        step[k]  = 0;
                        continue;
                }
                const Range range = slice_range(p, k, s->dim[k]);

                axis[k]                 = shape.ndim;
                start[k]                = range.start;
                step[k]                 = range.step;
                shape.dim[shape.ndim++] = range.n;
        }
        *out = whole ? in[0]
                     : build_op(b, "view",
                                &(ViewParams) { .shape = { .n = (uint32_t) shape.ndim, .given = true, .v = shape.dim },
                                                .axis  = { .n = ndim, .given = true, .v = axis },
                                                .start = { .n = ndim, .given = true, .v = start },
                                                .step  = { .n = ndim, .given = true, .v = step } },
                                1, in);
        return build_done(b);
}

OP(slice) = {
        .name   = "slice",
        .doc    = "Slices and positions, which count from the end where they are negative, of axes of any length.\n\n"
                  "Raises IndexError for a position outside, when the length is known.",
        .family = FAMILY_MOVE,
        .inputs = "a",
        .n_in   = 1,
        .params_size = sizeof(SliceParams),
        .params =
                (const Param[]) {
                        PARAM(SliceParams, start, PARAM_DIMS, NULL, "For each axis where to begin, cut to the length."),
                        PARAM(SliceParams, stop, PARAM_DIMS, NULL,
                              "For each axis before which element to end, cut to the length."),
                        PARAM(SliceParams, step, PARAM_DIMS, NULL,
                              "For each axis how far to go; 0: start is a position, and the axis goes."),
                        {},
                },
        .infer  = infer_slice,
        .expand = expand_slice,
};
