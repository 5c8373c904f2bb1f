/* SPDX-License-Identifier: Apache-2.0 */
/* Elements chosen, and set, by integer indices. Several index arrays become one: positions in C order among the axes
 * that they index; so there is one gather and one scatter, of rows. Negative indices count from the end; others are
 * IndexErrors, when they run. */
#include <string.h>

#include "graph/graph.h"
#include "ops/kernel.h"
#include "ops/pieces.h"

/* ---- Gather ------------------------------------------------------------------------------------------------------ */

/* The row of the part that an index names; outside of [0, n_rows): another part has it. */
static int64_t row_in_part(const View *index, int64_t i, const PartParams *p) {
        const int64_t row = index_at(index, i);

        return row + (row < 0 ? p->length : 0) - p->first;
}

/* Where the elements are that some indices name is found before any is read, so that the waits for all of them run side
 * by side; those of another part are nowhere. Whether all of them are in
 * this one. */
enum { FAR = 64 };

static bool find_elements(const Rows *all, const View *index, const PartParams *p, int64_t first, int64_t n,
                          const char **ret) {
        const Rows rows = *all; /* in registers: what is written is not it */
        bool found      = true;

        for (int64_t i = 0; i < n; i++) {
                const int64_t row = row_in_part(index, first + i, p);

                ret[i] = (uint64_t) row < (uint64_t) rows.n_rows ? element_of(&rows, row) : NULL;
                found &= ret[i] != NULL;
                __builtin_prefetch(ret[i]);
        }
        return found;
}

#define GATHER_LOOP_(type)                                                                                             \
        static bool gather_##type(const Rows *rows, const View *index, const PartParams *p, type *to) {                \
                const char *from[FAR];                                                                                 \
                bool found = true;                                                                                     \
                                                                                                                       \
                for (int64_t first = 0, n; first < index->shape.dim[0]; first += n, to += n) {                         \
                        n = MIN(index->shape.dim[0] - first, (int64_t) FAR);                                           \
                        found &= find_elements(rows, index, p, first, n, from);                                        \
                        for (int64_t i = 0; i < n; i++)                                                                \
                                if (from[i])                                                                           \
                                        to[i] = *(const type *) from[i];                                               \
                }                                                                                                      \
                return found;                                                                                          \
        }
GATHER_LOOP_(uint8_t)
GATHER_LOOP_(uint16_t)
GATHER_LOOP_(uint32_t)
GATHER_LOOP_(uint64_t)
GATHER_LOOP_(c128)

static bool gather_elements(const Rows *rows, const View *index, const PartParams *p, View *out) {
        switch (dtype_size(out->dtype)) {
        case 1:
                return gather_uint8_t(rows, index, p, (uint8_t *) out->data);
        case 2:
                return gather_uint16_t(rows, index, p, (uint16_t *) out->data);
        case 4:
                return gather_uint32_t(rows, index, p, (uint32_t *) out->data);
        case 8:
                return gather_uint64_t(rows, index, p, (uint64_t *) out->data);
        default:
                return gather_c128(rows, index, p, (c128 *) out->data);
        }
}

/* Those of the rows that the indices name which are in the part; others are left as they are. True: there are none. */
static bool gather(const Rows *rows, const View *index, const PartParams *p, View *out) {
        bool found = true;

        if (out->shape.ndim == 1)
                return gather_elements(rows, index, p, out);
        for (int64_t i = 0; i < index->shape.dim[0]; i++) {
                const int64_t row = row_in_part(index, i, p);

                if ((uint64_t) row < (uint64_t) rows->n_rows)
                        copy_row_of(rows, row, out->data + i * out->stride[0], out->stride);
                else
                        found = false;
        }
        return found;
}

#define AXIS_DOC "The axis that the indices are of, for the words of the error."

static int check_indices(const View *index, int64_t axis, int64_t length, Error *err) {
        for (int64_t i = 0; i < index->shape.dim[0]; i++) {
                const int64_t at = index_at(index, i);

                if (at < -length || at >= length)
                        return error_set(err, ERROR_INDEX, "index %lld is out of bounds for axis %lld with size %lld",
                                         (long long) at, (long long) axis, (long long) length);
        }
        return 0;
}

static int gather_run(BlockRun *run, Error *err) {
        const Rows rows       = rows_of(run, 0);
        const PartParams all  = { .length = rows.n_rows };
        const GatherParams *p = run->params;
        const View *index     = &run->in[1];
        const bool has_any    = shape_size(&run->out[0].shape) > 0;

        /* A row that is not found is one that there is not. */
        return has_any && gather(&rows, index, &all, &run->out[0]) ? 0 : check_indices(index, p->axis, all.length, err);
}

static int infer_gather(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[0];
        out->shape.dim[0] = call->in[1].shape.dim[0];
        return 0;
}

OP(gather_rows) = {
        .name         = "gather_rows",
        .doc          = "Rows of a by their numbers.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "a, index",
        .n_in         = 2,
        .params_size  = sizeof(GatherParams),
        .params       = (const Param[]) { PARAM(GatherParams, axis, PARAM_I64, NULL, AXIS_DOC), {} },
        .infer        = infer_gather,
        .run          = gather_run,
        .core_in      = { CORE_ALL, 1 },
        .core_out     = { CORE_ALL },
        .follows      = 2,
};

/* ---- Gather in parts (ops/rows.c) -------------------------------------------------------------------------------- */

static int gather_part_run(BlockRun *run, Error *err) {
        const PartParams *p = run->params;
        const bool first    = run->n_in == 2;
        const View *index   = &run->in[run->n_in - 1];
        const Rows rows     = rows_of(run, run->n_in - 2);
        View *out           = &run->out[0];
        const int r         = first ? check_indices(index, p->axis, p->length, err) : 0;

        if (r < 0 || shape_size(&out->shape) == 0)
                return r;
        if (first)
                memset(out->data, 0, (size_t) shape_size(&out->shape) * dtype_size(out->dtype));
        else /* what the chunk has from the parts before */
                copy_input(run, 0, run->box[0].lo[0], run->box[0].hi[0], out);
        gather(&rows, index, p, out);
        return 0;
}

static int infer_first(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[0];
        return 0;
}

#define PART_PARAMS                                                                                                    \
        (const Param[]) {                                                                                              \
                PARAM(PartParams, first, PARAM_I64, NULL, "The first row of the part, "),                              \
                        PARAM(PartParams, length, PARAM_I64, NULL, "of so many."),                                     \
                        PARAM(PartParams, axis, PARAM_I64, NULL, AXIS_DOC), {}                                         \
        }

OP(gather_first) = {
        .name         = "gather_first",
        .doc          = "Those of the rows with the given numbers that are in a part of them; the others are zero.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "part, index",
        .n_in         = 2,
        .params_size  = sizeof(PartParams),
        .params       = PART_PARAMS,
        .infer        = infer_gather,
        .run          = gather_part_run,
        .core_in      = { CORE_ALL, 1 },
        .core_out     = { CORE_ALL },
        .follows      = 2,
};

OP(gather_next) = {
        .name         = "gather_next",
        .doc          = "What other parts have made, with those rows that are in this one.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "made, part, index",
        .n_in         = 3,
        .params_size  = sizeof(PartParams),
        .params       = PART_PARAMS,
        .infer        = infer_first,
        .run          = gather_part_run,
        .core_in      = { CORE_ALL, CORE_ALL, 1 },
        .core_out     = { CORE_ALL },
        .follows      = 5,
};

/* ---- Several index arrays ---------------------------------------------------------------------------------------- */

/* Positions among the axes first … first + n - 1 of a, of indices that broadcast to `common`; flattened. Those along a
 * single axis are left as they are. */
static Ref build_positions(Build *b, const Shape *a, int first, uint32_t n, const Ref *index, Shape *ret_common) {
        const Shape *shapes[MAX_NDIM] = {};
        int64_t below = 1;
        Ref sum = {};

        for (uint32_t k = 0; k < n; k++)
                shapes[k] = &build_spec(b, index[k])->shape;
        if (shape_broadcast(shapes, n, ret_common, NULL) < 0) {
                build_fail(b, ERROR_INDEX, "shape mismatch: indexing arrays could not be broadcast together");
                return sum;
        }
        for (uint32_t k = n; k-- > 0;) {
                const IndexParams p = { .axis = first + k, .length = a->dim[first + k] };
                const Ref cast      = build_cast(b, index[k], DTYPE_I64);
                Ref term            = n > 1 ? build_op(b, "wrap_index", &p, 1, &cast) : cast;

                if (below != 1)
                        term = build_binary(b, "multiply", term, build_scalar(b, scalar_from_i64(DTYPE_I64, below)));
                sum = k == n - 1 ? term : build_binary(b, "add", term, sum);
                below *= a->dim[first + k];
        }
        const Shape flat = { .ndim = 1, .dim = { shape_size(ret_common) } };
        return build_reshape(b, build_broadcast(b, sum, ret_common), &flat);
}

/* Axes [first, first + n) of the shape as one, in front. */
static Ref build_rows(Build *b, Ref a, int first, uint32_t n, Shape *ret_rest) {
        const Shape s = build_spec(b, a)->shape;
        int axes[MAX_NDIM], at = 0;
        Shape rows = { .ndim = 1, .dim = { 1 } };

        *ret_rest = (Shape) {};
        for (uint32_t k = 0; k < n; k++) {
                axes[at++] = first + k;
                rows.dim[0] *= s.dim[first + k];
        }
        for (int k = 0; k < s.ndim; k++)
                if (k < first || k >= first + (int) n) {
                        axes[at++] = k;
                        rows.dim[rows.ndim++]              = s.dim[k];
                        ret_rest->dim[ret_rest->ndim++] = s.dim[k];
                }
        return build_reshape(b, first == 0 ? a : build_transpose(b, a, axes), &rows);
}

static int infer_take(const OpCall *call, Spec *out, Error *err) {
        const int64_t *axis_param = call->params;
        const uint32_t n          = call->n_in - 1;
        const Shape *a            = &call->in[0].shape, *shapes[MAX_NDIM] = {};
        Shape common;
        int first, r;

        if (call->n_in < 2)
                return error_set(err, ERROR_INDEX, "no index is given");
        r = axis_normalize(*axis_param, a->ndim, &first, err);
        if (r < 0)
                return r;
        if (first + (int) n > a->ndim)
                return error_set(err, ERROR_INDEX,
                                 "too many indices for array: array is %d-dimensional, but %d were indexed", a->ndim,
                                 first + (int) n);
        for (uint32_t k = 0; k < n; k++) {
                const DKind kind = dtype_kind(call->in[1 + k].dtype);

                if (kind != KIND_INT && kind != KIND_UINT)
                        return error_set(err, ERROR_INDEX,
                                         "arrays used as indices must be of integer (or boolean) type, not %s",
                                         dtype_name(call->in[1 + k].dtype));
                shapes[k] = &call->in[1 + k].shape;
        }
        r = shape_broadcast(shapes, n, &common, NULL);
        if (r < 0)
                return error_set(err, ERROR_INDEX, "shape mismatch: indexing arrays could not be broadcast together");
        *out = (Spec) { .dtype = call->in[0].dtype };
        if (a->ndim - (int) n + common.ndim > MAX_NDIM)
                return error_set(err, ERROR_VALUE, "the result would have more than %d dimensions", MAX_NDIM);
        for (int k = 0; k < first; k++)
                out->shape.dim[out->shape.ndim++] = a->dim[k];
        for (int k = 0; k < common.ndim; k++)
                out->shape.dim[out->shape.ndim++] = common.dim[k];
        for (int k = first + n; k < a->ndim; k++)
                out->shape.dim[out->shape.ndim++] = a->dim[k];
        return 0;
}

static int expand_take(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const uint32_t n = call->n_in - 1;
        Shape common = {}, rest, full;
        int first, axes[MAX_NDIM];
        Ref pair[2], rows;

        if (axis_normalize(*(const int64_t *) call->params, call->in[0].shape.ndim, &first, b->err) < 0)
                return b->r = ERROR_AXIS;
        pair[1] = build_positions(b, &call->in[0].shape, first, n, in + 1, &common);
        pair[0] = build_rows(b, in[0], first, n, &rest);
        rows    = build_gather_rows(b, pair[0], pair[1], n == 1 ? first : 0);
        full    = common;
        for (int k = 0; k < rest.ndim; k++)
                full.dim[full.ndim++] = rest.dim[k];
        rows = build_reshape(b, rows, &full);
        if (first > 0) { /* the axes before the indexed ones go to the front again */
                int at = 0;

                for (int k = 0; k < first; k++)
                        axes[at++] = common.ndim + k;
                for (int k = 0; k < common.ndim; k++)
                        axes[at++] = k;
                for (int k = common.ndim + first; k < full.ndim; k++)
                        axes[at++] = k;
                rows = build_transpose(b, rows, axes);
        }
        *out = rows;
        return build_done(b);
}

typedef struct TakeParams {
        int64_t axis;
} TakeParams;

OP(take) = {
        .name = "take",
        .doc  = "Elements of the first input at the positions that the others give along neighbouring axes from `axis` "
                "on.\n\n"
                "The indices broadcast together; their axes stand where the indexed axes were. Raises IndexError.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "*arrays",
        .n_in        = 1,
        .variadic    = true,
        .params_size = sizeof(TakeParams),
        .params = (const Param[]) { PARAM(TakeParams, axis, PARAM_I64, "0", "The first axis that is indexed."), {} },
        .infer  = infer_take,
        .expand = expand_take,
};

static int infer_put(const OpCall *call, Spec *out, Error *err) {
        const char *function = ((const PutParams *) call->params)->function;
        Spec taken, in[MAX_NDIM + 1];
        uint32_t n_in;
        OpCall take = *call;
        Shape common;

        if (call->n_in < 3 || call->n_in > MAX_NDIM + 1)
                return error_set(err, ERROR_INDEX, "too many indices for array");
        if (!is_set(function) && !function_of(function, call->in[0].dtype, &n_in))
                return error_set(err, ERROR_TYPE, "'%s' is no function of %s elements that makes such elements",
                                 function, dtype_name(call->in[0].dtype));
        in[0] = call->in[0];
        for (uint32_t k = 2; k < call->n_in; k++)
                in[k - 1] = call->in[k];
        take.in   = in;
        take.n_in = call->n_in - 1;
        const int r = infer_take(&take, &taken, err);
        if (r < 0)
                return r;
        if (shape_known(&taken.shape) && shape_known(&call->in[1].shape) &&
            (shape_broadcast((const Shape *[]) { &taken.shape, &call->in[1].shape }, 2, &common, NULL) < 0 ||
             !shape_equal(&common, &taken.shape))) {
                char value[SHAPE_TEXT], target[SHAPE_TEXT];

                return error_set(
                        err, ERROR_VALUE,
                        "shape mismatch: value array of shape %s could not be broadcast to indexing result of shape %s",
                        shape_print(&call->in[1].shape, value), shape_print(&taken.shape, target));
        }
        *out = call->in[0];
        return 0;
}

enum {
        MARK_LEAST = 16, /* bytes of a row, beside which its mark, a byte, is little; */
        MARK_SHARE = 16, /* or so many rows to an index: then dealing as many values takes longer */
};

/* Whether all indices set the same: then it only counts which rows they name. */
static bool is_constant(const PutParams *p, const Shape *values, const Shape *target, int first, const Shape *common,
                        const Spec *rows) {
        const int64_t n = shape_size(common);
        size_t each     = dtype_size(rows->dtype);

        if (!is_set(p->function) || n == 0)
                return false;
        for (int k = 0; k < common->ndim; k++) {
                const int own = first + k - (target->ndim - values->ndim);

                if (own >= 0 && values->dim[own] != 1)
                        return false;
        }
        for (int k = 1; k < rows->shape.ndim; k++)
                each *= (size_t) rows->shape.dim[k];
        return each >= MARK_LEAST || n >= rows->shape.dim[0] / MARK_SHARE;
}

static Ref build_bools(Build *b, int64_t n, bool value) {
        const FullParams p = { .source = { .shape = DIMS(n), .dtype = DTYPE_BOOL },
                               .value  = { DTYPE_BOOL, { .b = value } } };

        return build_op(b, "full", &p, 0, NULL);
}

static Ref build_marked(Build *b, Ref rows, Ref index, Ref value, int axis) {
        Shape marks = build_spec(b, rows)->shape;
        Ref in[]    = { build_scatter_rows(b, build_bools(b, marks.dim[0], false), index,
                                           build_bools(b, build_spec(b, index)->shape.dim[0], true), axis, NULL),
                        value, rows };

        for (int k = 1; k < marks.ndim; k++)
                marks.dim[k] = 1;
        in[0] = build_reshape(b, in[0], &marks);
        return build_op(b, "where", NULL, ELEMENTSOF(in), in);
}

/* put(a, values, *indices): rows of values to the positions, then back to the shape of a. */
static int expand_put(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const PutParams *p = call->params;
        const uint32_t n   = call->n_in - 2;
        const Shape a      = call->in[0].shape;
        Shape common = {}, rest, target, rows;
        Ref part[3], all;
        int first, axes[MAX_NDIM], back[MAX_NDIM], at = 0;
        bool constant;

        if (axis_normalize(p->axis, a.ndim, &first, b->err) < 0)
                return b->r = ERROR_AXIS;
        part[1] = build_positions(b, &a, first, n, in + 2, &common);
        part[0] = build_rows(b, in[0], first, n, &rest);

        /* values broadcast to (before…, common…, after…), then the common axes go to the front and become one */
        target = (Shape) {};
        for (int k = 0; k < first; k++)
                target.dim[target.ndim++] = a.dim[k];
        for (int k = 0; k < common.ndim; k++)
                target.dim[target.ndim++] = common.dim[k];
        for (int k = first + n; k < a.ndim; k++)
                target.dim[target.ndim++] = a.dim[k];
        constant = is_constant(p, &call->in[1].shape, &target, first, &common, build_spec(b, part[0]));
        for (int k = 0; k < common.ndim && constant; k++)
                target.dim[first + k] = 1;
        part[2] = build_broadcast(b, build_cast(b, in[1], call->in[0].dtype), &target);
        for (int k = 0; k < common.ndim; k++)
                axes[at++] = first + k;
        for (int k = 0; k < target.ndim; k++)
                if (k < first || k >= first + common.ndim)
                        axes[at++] = k;
        rows = (Shape) { .ndim = 1, .dim = { constant ? 1 : shape_size(&common) } };
        for (int k = 0; k < rest.ndim; k++)
                rows.dim[rows.ndim++] = rest.dim[k];
        part[2] = build_reshape(b, first == 0 ? part[2] : build_transpose(b, part[2], axes), &rows);
        all     = constant ? build_marked(b, part[0], part[1], part[2], n == 1 ? first : WRAPPED)
                           : build_scatter_rows(b, part[0], part[1], part[2], n == 1 ? first : WRAPPED, p->function);

        rows = (Shape) {};
        for (uint32_t k = 0; k < n; k++)
                rows.dim[rows.ndim++] = a.dim[first + k];
        for (int k = 0; k < rest.ndim; k++)
                rows.dim[rows.ndim++] = rest.dim[k];
        all = build_reshape(b, all, &rows);
        for (int k = 0; k < first; k++)
                back[k] = n + k;
        for (uint32_t k = 0; k < n; k++)
                back[first + k] = k;
        for (int k = first + n; k < a.ndim; k++)
                back[k] = k;
        *out = first == 0 ? all : build_transpose(b, all, back);
        return build_done(b);
}

OP(put) = {
        .name = "put",
        .doc  = "The first input, with the second one at the positions that the others give: a[..., i, j] = values.\n\n"
                "Where a position occurs twice the last one counts. With a function its results with the values take "
                "the places of elements instead, once for each time that the position occurs. Raises IndexError, "
                "ValueError, TypeError.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "*arrays",
        .n_in        = 1,
        .variadic    = true,
        .params_size = sizeof(PutParams),
        .params      = (const Param[]) {
                PARAM(PutParams, axis, PARAM_I64, "0", "The first axis that is indexed."),
                PARAM(PutParams, function, PARAM_TEXT, "set", "Name of a universal function, or set."),
                {},
        },
        .infer  = infer_put,
        .expand = expand_put,
};
