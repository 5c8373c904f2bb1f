/* SPDX-License-Identifier: Apache-2.0 */
/* Universal functions that may not be put in brackets at will, between the elements along an axis: from the left to
 * the right, one after the other, as NumPy goes. A chunk begins with what the chunk before it has left (plan/left.c),
 * so nothing is computed in another order however tensors are cut, and only the other axes are shared out among
 * threads. */
#include <string.h>

#include "ops/pieces.h"
#include "tensor/strided.h"

enum { SHORT_AXIS = 16 }; /* positions that go along together lie on the last axis, unless it is shorter than this */

typedef struct LeftParams {
        int64_t axis;
        const char *function;
} LeftParams;

/* Positions beside the axis: those along `wide` go together, the others come one after the other. */
typedef struct Walk {
        MapFn *fn;
        size_t size;
        bool powers;      /* of integers */
        int axis, wide;   /* wide: NO_WIDE if there is no other axis */
        const View *x, *mask, *before;
        View *all, *last; /* results up to each element; what the chunk leaves */
        char *state[2], *given, *counts;
} Walk;

enum { NO_WIDE = -1 };

static int widest(const Shape *s, int axis) {
        int ret = NO_WIDE;

        for (int k = s->ndim; k-- > 0;)
                if (k != axis && (ret == NO_WIDE || (s->dim[ret] < SHORT_AXIS && s->dim[k] > s->dim[ret])))
                        ret = k;
        return ret;
}

static char *place(const View *v, const int64_t *at) {
        char *data = v->data;

        for (int k = 0; k < v->shape.ndim; k++)
                data += at[k] * v->stride[k];
        return data;
}

static int64_t step_of(const Walk *w, const View *v) {
        return w->wide == NO_WIDE ? (int64_t) dtype_size(v->dtype) : v->stride[w->wide];
}

/* n elements in a row: where they lie, or copied to `room`. */
static const char *row_of(const Walk *w, const View *v, const int64_t *at, int64_t n, char *room) {
        const int64_t size = (int64_t) dtype_size(v->dtype), step = step_of(w, v);
        const char *from   = place(v, at);
        const Shape row    = SHAPE(n);

        if (n == 1 || step == size)
                return from;
        strided_copy(room, &size, from, &step, &row, (size_t) size);
        return room;
}

static void row_to(const Walk *w, const View *v, const int64_t *at, int64_t n, const char *row) {
        const int64_t size = (int64_t) w->size, step = step_of(w, v);
        const Shape shape  = SHAPE(n);

        if (n == 1 || step == size)
                memcpy(place(v, at), row, (size_t) n * w->size);
        else
                strided_copy(place(v, at), &step, row, &size, &shape, w->size);
}

/* Integers have no negative powers, and here each exponent is seen: the sign is in its last byte. */
static int check_powers(size_t size, const char *row, int64_t n, Error *err) {
        for (int64_t i = 1; i <= n; i++)
                if (row[(size_t) i * size - 1] & 0x80)
                        return error_set(err, ERROR_VALUE, "Integers to negative integer powers are not allowed.");
        return 0;
}

/* Elements that the mask leaves out change nothing. */
static void choose(size_t size, int64_t n, const char *counts, const char *state, char *made) {
        for (int64_t i = 0; i < n; i++)
                if (!counts[i])
                        memcpy(made + (size_t) i * size, state + (size_t) i * size, size);
}

/* Along the axis, for n positions from `at` on. */
static int walk(const Walk *w, int64_t *at, int64_t n, Error *err) {
        const bool begins = w->before->shape.dim[w->axis] == 0;
        char *state = w->state[0], *made = w->state[1]; /* some loops read again what they have written over */

        if (!begins)
                memcpy(state, row_of(w, w->before, at, n, w->given), (size_t) n * w->size);
        for (int64_t i = 0; i < w->x->shape.dim[w->axis]; i++) {
                const char *x;

                at[w->axis] = i;
                x           = row_of(w, w->x, at, n, w->given);
                if (begins && i == 0)
                        memcpy(state, x, (size_t) n * w->size);
                else {
                        const int r  = w->powers ? check_powers(w->size, x, n, err) : 0;
                        char *before = state;

                        if (r < 0)
                                return r;
                        w->fn((size_t) n, (void *[]) { state, (void *) x, made }, NULL);
                        if (w->mask)
                                choose(w->size, n, row_of(w, w->mask, at, n, w->counts), state, made);
                        state = made;
                        made  = before;
                }
                if (w->all)
                        row_to(w, w->all, at, n, state);
        }
        at[w->axis] = 0;
        row_to(w, w->last, at, n, state);
        return 0;
}

/* The next position of all axes but those that are gone along and together. */
static bool next(const Walk *w, int64_t *at) {
        const Shape *s = &w->x->shape;

        for (int k = s->ndim; k-- > 0;) {
                if (k == w->axis || k == w->wide)
                        continue;
                if (++at[k] < s->dim[k])
                        return true;
                at[k] = 0;
        }
        return false;
}

static char *take(char **room, size_t size) {
        char *ret = *room;

        *room += STRIP * size;
        return ret;
}

/* Inputs: the elements; which of them count, if that is said; what the chunk before has left, which is empty for the
 * first one. Outputs: of a running one the results; what this chunk leaves. */
static int left_run(BlockRun *run, Error *err) {
        const LeftParams *p  = run->params;
        const View *x        = &run->in[0];
        int64_t at[MAX_NDIM] = {}, n_wide;
        char *room           = run->scratch;
        uint32_t n_in;
        Walk w = { .size   = dtype_size(x->dtype),
                   .axis   = (int) p->axis,
                   .wide   = widest(&x->shape, (int) p->axis),
                   .x      = x,
                   .mask   = run->n_in == 3 ? &run->in[1] : NULL,
                   .before = &run->in[run->n_in - 1],
                   .all    = run->n_out == 2 ? &run->out[0] : NULL,
                   .last   = &run->out[run->n_out - 1] };

        if (shape_size(&x->shape) == 0)
                return 0;
        w.fn       = function_of(p->function, x->dtype, &n_in);
        w.powers   = dtype_kind(x->dtype) == KIND_INT && strcmp(p->function, "power") == 0;
        w.state[0] = take(&room, sizeof(c128));
        w.state[1] = take(&room, sizeof(c128));
        w.given    = take(&room, sizeof(c128));
        w.counts   = take(&room, sizeof(bool));
        n_wide     = w.wide == NO_WIDE ? 1 : x->shape.dim[w.wide];
        do
                for (int64_t first = 0; first < n_wide; first += STRIP) {
                        int r;

                        if (w.wide != NO_WIDE)
                                at[w.wide] = first;
                        r = walk(&w, at, MIN(n_wide - first, (int64_t) STRIP), err);
                        if (r < 0)
                                return r;
                }
        while (next(&w, at));
        return 0;
}

static size_t left_scratch(_unused_ const OpCall *call) {
        return STRIP * (3 * sizeof(c128) + sizeof(bool));
}

static int check_left(const OpCall *call, const LeftParams *p, Error *err) {
        const Spec *x = &call->in[0];
        uint32_t n_in = 0;

        if (call->n_in > 2 || (call->n_in == 2 && call->in[1].dtype != DTYPE_BOOL))
                return error_set(err, ERROR_TYPE, "one input, and perhaps a mask");
        if (call->n_in == 2 && shape_known(&x->shape) && shape_known(&call->in[1].shape) &&
            !shape_equal(&x->shape, &call->in[1].shape))
                return error_set(err, ERROR_VALUE, "the mask has another shape than what it is of");
        if (p->axis < 0 || p->axis >= x->shape.ndim)
                return error_set(err, ERROR_AXIS, "axis %lld is out of bounds for array of dimension %d",
                                 (long long) p->axis, x->shape.ndim);
        if (!p->function || !function_of(p->function, x->dtype, &n_in) || n_in != 2)
                return error_set(err, ERROR_TYPE,
                                 "No loop matching the specified signature and casting was found for ufunc %s",
                                 p->function ?: "None");
        return 0;
}

static int infer_left_accumulate(const OpCall *call, Spec *out, Error *err) {
        *out = (Spec) { .dtype = call->in[0].dtype, .shape = call->in[0].shape };
        return check_left(call, call->params, err);
}

static int infer_left_reduce(const OpCall *call, Spec *out, Error *err) {
        const LeftParams *p = call->params;
        const int r         = check_left(call, p, err);
        bool some           = true;

        if (r < 0)
                return r;
        *out                    = (Spec) { .dtype = call->in[0].dtype, .shape = call->in[0].shape };
        out->shape.dim[p->axis] = 1;
        for (int k = 0; k < out->shape.ndim; k++)
                some &= out->shape.dim[k] > 0;
        if (call->in[0].shape.dim[p->axis] == 0 && some)
                return error_set(err, ERROR_VALUE, "zero-size array to reduction operation %s which has no identity",
                                 p->function);
        return 0;
}

#define LEFT_PARAMS                                                                                                    \
        (const Param[]) {                                                                                              \
                PARAM(LeftParams, axis, PARAM_I64, NULL, "The axis, counted from the first."),                         \
                        PARAM(LeftParams, function, PARAM_TEXT, NULL, "A universal function of two inputs."), {}       \
        }

OP(left_reduce) = {
        .name = "left_reduce",
        .doc  = "A universal function between all elements along an axis, from the left to the right.\n\n"
                "The axis stays, with length one. A second input says which elements count, but for the first. Raises "
                "TypeError, ValueError.",
        .family      = FAMILY_SCAN,
        .inputs      = "*arrays",
        .n_in        = 1,
        .variadic    = true,
        .params_size = sizeof(LeftParams),
        .params      = LEFT_PARAMS,
        .infer       = infer_left_reduce,
        .run         = left_run,
        .scratch     = left_scratch,
};

OP(left_accumulate) = {
        .name        = "left_accumulate",
        .doc         = "The same up to each element: what a universal function makes of all from the left on.",
        .family      = FAMILY_SCAN,
        .inputs      = "*arrays",
        .n_in        = 1,
        .variadic    = true,
        .params_size = sizeof(LeftParams),
        .params      = LEFT_PARAMS,
        .infer       = infer_left_accumulate,
        .run         = left_run,
        .scratch     = left_scratch,
};
