/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs written like formulas. Every helper that only moves elements makes a view; the planner composes views
 * of views, so none of them costs anything. What changes nothing (a cast to the same dtype, the identity
 * permutation) adds no node. */
#include <stdarg.h>
#include <stdio.h>

#include "graph/graph.h"
#include "graph/params.h"

static const Ref no_ref = { .node = UINT32_MAX };

static Ref fail(Build *b, int code) {
        b->r = code;
        return no_ref;
}

int build_fail(Build *b, int code, const char *fmt, ...) {
        char text[MAX_ERROR_TEXT];
        va_list args;

        if (b->r < 0)
                return b->r;
        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        b->r = error_set(b->err, code, "%s", text);
        return b->r;
}

const Spec *build_spec(Build *b, Ref a) {
        static const Spec number = { .dtype = DTYPE_F64 };

        return b->r < 0 ? &number : graph_spec(b->graph, a);
}

static const Op *find(Build *b, const char *name) {
        const Op *op = op_find(name);

        if (!op)
                build_fail(b, ERROR_SUPPORT, "there is no operator '%s'", name);
        return op;
}

static Ref add(Build *b, const Op *op, const void *params, uint32_t n_in, const Ref *in) {
        uint32_t node;
        int r;

        r = graph_add(b->graph, op, params, in, n_in, &node, b->err);
        return r < 0 ? fail(b, r) : (Ref) { .node = node };
}

Ref build_op(Build *b, const char *name, const void *params, uint32_t n_in, const Ref *in) {
        const Op *op = b->r < 0 ? NULL : find(b, name);

        return op ? add(b, op, params, n_in, in) : no_ref;
}

Ref build_map(Build *b, const char *op, uint32_t n_in, const Ref *in) {
        return build_op(b, op, NULL, n_in, in);
}

Ref build_unary(Build *b, const char *op, Ref a) {
        return build_op(b, op, NULL, 1, &a);
}

Ref build_binary(Build *b, const char *op, Ref a, Ref c) {
        return build_op(b, op, NULL, 2, (const Ref[]) { a, c });
}

Ref build_scalar(Build *b, Scalar value) {
        const FullParams params = {
                .source = { .shape = { .given = true }, .dtype = (int) value.dtype },
                .value  = value,
        };

        return build_op(b, "full", &params, 0, NULL);
}

Ref build_f64(Build *b, DType dtype, double value) {
        return build_scalar(b, scalar_from_f64(dtype, value));
}

Ref build_cast(Build *b, Ref a, DType dtype) {
        if (b->r < 0 || build_spec(b, a)->dtype == dtype)
                return a;
        return build_op(b, "cast", &(CastParams) { .dtype = (int) dtype }, 1, &a);
}

/* The parameters of a reduction begin with ReduceParams; what may follow (ddof) has its fallbacks. */
Ref build_reduce(Build *b, const char *name, Ref a, Dims axis, bool keepdims, DType dtype) {
        _Alignas(16) char params[MAX_PARAMS_BYTES];
        const Op *op = b->r < 0 ? NULL : find(b, name);
        int r;

        if (!op)
                return no_ref;
        assert(op->params_size >= sizeof(ReduceParams));
        r = params_default(op, params, b->err);
        if (r < 0)
                return fail(b, r);
        *(ReduceParams *) params = (ReduceParams) { .axis = axis, .keepdims = keepdims, .dtype = (int) dtype };
        return add(b, op, params, 1, &a);
}

/* ---- Views ---------------------------------------------------------------------------------------------------- */

/* A view in the making: first the whole input as it is. */
typedef struct Look {
        Shape shape;
        int n;
        int64_t axis[MAX_NDIM], start[MAX_NDIM], step[MAX_NDIM];
} Look;

static Look look_at(Build *b, Ref a) {
        Look look = { .shape = build_spec(b, a)->shape };

        look.n = look.shape.ndim;
        for (int k = 0; k < look.n; k++) {
                look.axis[k] = k;
                look.step[k] = 1;
        }
        return look;
}

static Ref look_add(Build *b, Ref a, const Look *look) {
        const uint32_t n = (uint32_t) look->n;
        const ViewParams params = {
                .shape = { .n = (uint32_t) look->shape.ndim, .given = true, .v = look->shape.dim },
                .axis  = { .n = n, .given = true, .v = look->axis },
                .start = { .n = n, .given = true, .v = look->start },
                .step  = { .n = n, .given = true, .v = look->step },
        };

        return build_op(b, "view", &params, 1, &a);
}

/* An axis of a from outside: true when it is one of 0 … n - 1. */
static bool axis_good(Build *b, int axis, int n) {
        if (b->r == 0 && (axis < 0 || axis >= n))
                build_fail(b, ERROR_AXIS, "axis %d is out of bounds for array of dimension %d", axis, n);
        return b->r == 0;
}

Ref build_slice(Build *b, Ref a, int axis, int64_t start, int64_t stop, int64_t step) {
        Look look = look_at(b, a);
        int64_t n = 0;

        if (!axis_good(b, axis, look.shape.ndim))
                return no_ref;
        assert(step != 0);
        if (step > 0 && start < stop)
                n = (stop - start - 1) / step + 1;
        else if (step < 0 && start > stop)
                n = (start - stop - 1) / -step + 1;
        if (start == 0 && step == 1 && n == look.shape.dim[axis])
                return a;
        look.shape.dim[axis] = n;
        look.start[axis]     = n > 0 ? start : 0;
        look.step[axis]      = step;
        return look_add(b, a, &look);
}

Ref build_transpose(Build *b, Ref a, const int *axes) {
        Look look = look_at(b, a);
        const Shape in = look.shape;
        bool moved = false;

        for (int k = 0; k < in.ndim; k++) {
                if (!axis_good(b, axes[k], in.ndim))
                        return no_ref;
                look.shape.dim[k]  = in.dim[axes[k]];
                look.axis[axes[k]] = k;
                moved |= axes[k] != k;
        }
        return moved ? look_add(b, a, &look) : a;
}

Ref build_broadcast(Build *b, Ref a, const Shape *shape) {
        Look look = look_at(b, a);
        const Shape in = look.shape;
        const int shift = shape->ndim - in.ndim;
        char text[2][SHAPE_TEXT];
        bool fits = shift >= 0;

        if (b->r < 0 || shape_equal(&in, shape))
                return a;
        for (int k = 0; k < in.ndim && fits; k++) {
                look.axis[k] = k + shift;
                if (in.dim[k] == 1 && shape->dim[k + shift] != 1)
                        look.axis[k] = -1;
                else
                        fits = in.dim[k] == shape->dim[k + shift];
        }
        if (!fits) {
                build_fail(b, ERROR_VALUE, "shape %s cannot be broadcast to %s", shape_print(&in, text[0]),
                           shape_print(shape, text[1]));
                return no_ref;
        }
        look.shape = *shape;
        return look_add(b, a, &look);
}

Ref build_insert_axis(Build *b, Ref a, int axis) {
        Look look = look_at(b, a);
        const Shape in = look.shape;

        if (!axis_good(b, axis, in.ndim + 1))
                return no_ref;
        if (in.ndim == MAX_NDIM) {
                build_fail(b, ERROR_VALUE, "maximum supported dimension for an ndarray is %d, found %d", MAX_NDIM,
                           MAX_NDIM + 1);
                return no_ref;
        }
        look.shape.ndim++;
        look.shape.dim[axis] = 1;
        for (int k = axis; k < in.ndim; k++) {
                look.shape.dim[k + 1] = in.dim[k];
                look.axis[k]          = k + 1;
        }
        return look_add(b, a, &look);
}

Ref build_drop_axis(Build *b, Ref a, int axis) {
        Look look = look_at(b, a);
        const Shape in = look.shape;

        if (!axis_good(b, axis, in.ndim))
                return no_ref;
        if (in.dim[axis] != 1) {
                build_fail(b, ERROR_VALUE, "cannot select an axis to squeeze out which has size not equal to one");
                return no_ref;
        }
        look.shape.ndim--;
        look.axis[axis] = -1;
        for (int k = axis + 1; k < in.ndim; k++) {
                look.shape.dim[k - 1] = in.dim[k];
                look.axis[k]          = k - 1;
        }
        return look_add(b, a, &look);
}

/* ---- The other moves ------------------------------------------------------------------------------------------ */

Ref build_reshape(Build *b, Ref a, const Shape *shape) {
        const ReshapeParams params = {
                .shape = { .n = (uint32_t) shape->ndim, .given = true, .v = shape->dim },
        };

        if (b->r < 0 || shape_equal(&build_spec(b, a)->shape, shape))
                return a;
        return build_op(b, "reshape", &params, 1, &a);
}

Ref build_concatenate(Build *b, const Ref *in, uint32_t n_in, int axis) {
        if (n_in == 1)
                return in[0];
        return build_op(b, "concatenate", &(ConcatenateParams) { .axis = axis }, n_in, in);
}

Ref build_rechunk_whole(Build *b, Ref a, int axis) {
        const int ndim = build_spec(b, a)->shape.ndim;
        int64_t flat[2 * MAX_NDIM];
        Dims chunk_size = { .given = true, .v = flat };

        if (b->r < 0 || ndim == 0)
                return a;
        if (axis >= 0 && !axis_good(b, axis, ndim))
                return no_ref;
        for (int k = 0; k < ndim; k++) {
                flat[chunk_size.n++] = 1;
                flat[chunk_size.n++] = axis < 0 || k == axis ? -1 : 0;
        }
        return build_op(b, "rechunk", &(RechunkParams) { .chunk_size = chunk_size }, 1, &a);
}
