/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are set by their numbers, in the order of the indices, so that the last one counts.
 *
 * A task that sets the rows of a chunk needs those indices that name them, and any chunk of indices has some. Looking
 * through all of them takes as many passes over the indices as there are chunks of rows. So, where these are many
 * (ops/rows.c), each chunk of indices is brought into buckets of neighbouring rows once, with its values: a counting
 * sort, which keeps the order of those that fall into one bucket. Nothing else is said of where buckets begin: they
 * ascend, so that a search finds it. */
#include <string.h>

#include "ops/pieces.h"

/* ---- Dealing ----------------------------------------------------------------------------------------------------- */

static size_t n_buckets(const DealParams *p) {
        return (size_t) ((p->length - 1) >> p->bits) + 1;
}

static size_t deal_scratch(const OpCall *call) {
        return n_buckets(call->params) * sizeof(int64_t);
}

/* Where each bucket begins. */
static int count(const DealParams *p, const View *index, int64_t *begin, Error *err) {
        const int64_t n = index->shape.dim[0], length = p->length;
        int64_t sum = 0;

        memset(begin, 0, n_buckets(p) * sizeof(*begin));
        for (int64_t i = 0; i < n; i++) {
                const int64_t at = index_at(index, i);

                if (at < -length || at >= length)
                        return error_set(err, ERROR_INDEX, "index %lld is out of bounds for axis %lld with size %lld",
                                         (long long) at, (long long) p->axis, (long long) length);
                begin[(at + (at < 0 ? length : 0)) >> p->bits]++;
        }
        for (size_t k = 0; k < n_buckets(p); k++) {
                const int64_t in_it = begin[k];

                begin[k] = sum;
                sum += in_it;
        }
        return 0;
}

/* A bucket grows by a line now and then, somewhere, which no processor foresees: lines are asked for before. */
enum { AHEAD = 8 };

#define DEAL_LOOP_(type)                                                                                               \
        static void deal_##type(const DealParams *p, const View *index, const View *values, int64_t *begin,            \
                                int64_t *to_index, type *to) {                                                         \
                for (int64_t i = 0; i < index->shape.dim[0]; i++) {                                                    \
                        const int64_t name = index_at(index, i), row = name + (name < 0 ? p->length : 0),              \
                                      at = begin[row >> p->bits]++;                                                    \
                                                                                                                       \
                        to_index[at] = row;                                                                            \
                        to[at]       = *(const type *) (values->data + i * values->stride[0]);                         \
                        __builtin_prefetch(to_index + at + AHEAD, 1);                                                  \
                        __builtin_prefetch(to + at + AHEAD, 1);                                                        \
                }                                                                                                      \
        }
DEAL_LOOP_(uint8_t)
DEAL_LOOP_(uint16_t)
DEAL_LOOP_(uint32_t)
DEAL_LOOP_(uint64_t)
DEAL_LOOP_(c128)

static void deal_elements(const DealParams *p, const View *index, const View *values, int64_t *begin, int64_t *to_index,
                          char *to) {
        switch (dtype_size(values->dtype)) {
        case 1:
                deal_uint8_t(p, index, values, begin, to_index, (uint8_t *) to);
                break;
        case 2:
                deal_uint16_t(p, index, values, begin, to_index, (uint16_t *) to);
                break;
        case 4:
                deal_uint32_t(p, index, values, begin, to_index, (uint32_t *) to);
                break;
        case 8:
                deal_uint64_t(p, index, values, begin, to_index, (uint64_t *) to);
                break;
        default:
                deal_c128(p, index, values, begin, to_index, (c128 *) to);
        }
}

static void deal_rows(const DealParams *p, const View *index, const View *values, int64_t *begin, int64_t *to_index,
                      View *to) {
        Shape one = values->shape;

        one.dim[0] = 1;
        for (int64_t i = 0; i < index->shape.dim[0]; i++) {
                const int64_t name = index_at(index, i), row = name + (name < 0 ? p->length : 0),
                              at = begin[row >> p->bits]++;

                to_index[at] = row;
                strided_copy(to->data + at * to->stride[0], to->stride, values->data + i * values->stride[0],
                             values->stride, &one, dtype_size(values->dtype));
        }
}

static int deal_run(BlockRun *run, Error *err) {
        const DealParams *p = run->params;
        const View *index = &run->in[0], *values = &run->in[1];
        int64_t *begin = run->scratch, *to_index = (int64_t *) run->out[0].data;
        int r;

        if (shape_size(&index->shape) == 0)
                return 0;
        r = count(p, index, begin, err);
        if (r < 0)
                return r;
        if (values->shape.ndim == 1)
                deal_elements(p, index, values, begin, to_index, run->out[1].data);
        else
                deal_rows(p, index, values, begin, to_index, &run->out[1]);
        return 0;
}

static int infer_deal(const OpCall *call, Spec *out, _unused_ Error *err) {
        out[0] = call->in[0];
        out[1] = call->in[1];
        return 0;
}

OP(deal_rows) = {
        .name        = "deal_rows",
        .doc         = "Row numbers and their values in buckets of neighbouring rows, in each chunk by itself.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "index, values",
        .n_in        = 2,
        .n_out       = 2,
        .params_size = sizeof(DealParams),
        .params =
                (const Param[]) {
                        PARAM(DealParams, length, PARAM_I64, NULL, "How many rows there are."),
                        PARAM(DealParams, axis, PARAM_I64, NULL,
                              "The axis that the indices are of, for the words of the error."),
                        PARAM(DealParams, bits, PARAM_I64, NULL, "The logarithm of how many rows a bucket has."),
                        {},
                },
        .infer    = infer_deal,
        .run      = deal_run,
        .scratch  = deal_scratch,
        .core_in  = { 1, CORE_ALL },
        .core_out = { 1, CORE_ALL },
        .follows  = 3,
};

/* ---- Setting ----------------------------------------------------------------------------------------------------- */

/* Applied to an element of the output and one of the values, or to the output's alone. */
typedef struct Change {
        MapFn *fn; /* NULL: the value replaces it */
        uint32_t n_in;
        size_t n;  /* elements of a row */
        char *row; /* room for one */
} Change;

static void set_row(const Change *change, const Rows *values, int64_t i, char *to, const int64_t *stride) {
        if (!change->fn)
                copy_row_of(values, i, to, stride);
        else if (change->n_in == 1)
                change->fn(change->n, (void *[]) { to, to }, NULL);
        else {
                copy_row_of(values, i, change->row, stride);
                change->fn(change->n, (void *[]) { to, change->row, to }, NULL);
        }
}

enum { AT_ONCE = 64, NO_ROW = -1 };

/* Which of some indices are rows of a task's own: a few at any place, so that no branch could tell them. */
static int64_t find_own(const Piece *index, int64_t first, int64_t n, int64_t lo, int64_t n_rows, int64_t *ret_at,
                        int64_t *ret_row) {
        int64_t n_own = 0;

        for (int64_t i = first; i < first + n; i++) {
                const uint64_t row = (uint64_t) (index_at(&index->view, i) - lo);

                ret_at[n_own]  = i;
                ret_row[n_own] = (int64_t) row;
                n_own += row < (uint64_t) n_rows;
        }
        return n_own;
}

/* Does `what` with each index `i` that is a row of the task's own, `row`. */
#define FOR_OWN(index, lo, n_rows, what)                                                                               \
        do {                                                                                                           \
                int64_t at_[AT_ONCE], row_[AT_ONCE];                                                                   \
                                                                                                                       \
                for (int64_t first_ = 0, n_; first_ < (index)->view.shape.dim[0]; first_ += n_) {                      \
                        n_                  = MIN((index)->view.shape.dim[0] - first_, (int64_t) AT_ONCE);             \
                        const int64_t n_own = find_own(index, first_, n_, lo, n_rows, at_, row_);                      \
                                                                                                                       \
                        for (int64_t k_ = 0; k_ < n_own; k_++) {                                                       \
                                const int64_t i = at_[k_], row = row_[k_];                                             \
                                                                                                                       \
                                what;                                                                                  \
                        }                                                                                              \
                }                                                                                                      \
        } while (0)

#define SET_LOOP_(type)                                                                                                \
        static void set_##type(const Piece *index, const Rows *values, int64_t lo, int64_t n_rows, type *to) {         \
                FOR_OWN(index, lo, n_rows, to[row] = *(const type *) element_of(values, index->box.lo[0] + i));        \
        }
SET_LOOP_(uint8_t)
SET_LOOP_(uint16_t)
SET_LOOP_(uint32_t)
SET_LOOP_(uint64_t)
SET_LOOP_(c128)

static void set_elements(const Piece *index, const Rows *values, int64_t lo, View *out) {
        const int64_t n = out->shape.dim[0];

        switch (dtype_size(out->dtype)) {
        case 1:
                set_uint8_t(index, values, lo, n, (uint8_t *) out->data);
                break;
        case 2:
                set_uint16_t(index, values, lo, n, (uint16_t *) out->data);
                break;
        case 4:
                set_uint32_t(index, values, lo, n, (uint32_t *) out->data);
                break;
        case 8:
                set_uint64_t(index, values, lo, n, (uint64_t *) out->data);
                break;
        default:
                set_c128(index, values, lo, n, (c128 *) out->data);
        }
}

/* ---- Of indices that are dealt ---- */

/* The first of some indices that is of the bucket, or of one behind it. */
static int64_t begin_of(const View *index, int64_t bucket, int64_t bits) {
        int64_t lo = 0, hi = index->shape.dim[0];

        while (lo < hi) {
                const int64_t mid = lo + (hi - lo) / 2;

                if (index_at(index, mid) >> bits < bucket)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

/* The elements of a bucket that are the task's own: indices and values in the order in which they are in memory. */
#define SET_DEALT_LOOP_(type)                                                                                          \
        static void set_dealt_##type(const Piece *index, const Rows *values, const ScatterParams *p, int64_t bucket,   \
                                     int64_t lo, int64_t n_rows, type *to) {                                           \
                const View *names = &index->view;                                                                      \
                const Piece *v    = NULL;                                                                              \
                int64_t at = 0, end = 0; /* in the piece of the values */                                              \
                                                                                                                       \
                for (int64_t i = begin_of(names, bucket, p->bits); i < names->shape.dim[0]; i++, at++) {               \
                        const int64_t row = index_at(names, i);                                                        \
                                                                                                                       \
                        if (row >> p->bits != bucket)                                                                  \
                                break;                                                                                 \
                        if (at >= end) {                                                                               \
                                v   = &values->piece[piece_of_row(values, index->box.lo[0] + i)];                      \
                                at  = index->box.lo[0] + i - v->box.lo[0];                                             \
                                end = v->view.shape.dim[0];                                                            \
                        }                                                                                              \
                        if ((uint64_t) (row - lo) < (uint64_t) n_rows)                                                 \
                                to[row - lo] = *(const type *) (v->view.data + at * v->view.stride[0]);                \
                }                                                                                                      \
        }
SET_DEALT_LOOP_(uint8_t)
SET_DEALT_LOOP_(uint16_t)
SET_DEALT_LOOP_(uint32_t)
SET_DEALT_LOOP_(uint64_t)
SET_DEALT_LOOP_(c128)

static void set_dealt_elements(const Piece *index, const Rows *values, const ScatterParams *p, int64_t bucket,
                               int64_t lo, View *out) {
        const int64_t n = out->shape.dim[0];

        switch (dtype_size(out->dtype)) {
        case 1:
                set_dealt_uint8_t(index, values, p, bucket, lo, n, (uint8_t *) out->data);
                break;
        case 2:
                set_dealt_uint16_t(index, values, p, bucket, lo, n, (uint16_t *) out->data);
                break;
        case 4:
                set_dealt_uint32_t(index, values, p, bucket, lo, n, (uint32_t *) out->data);
                break;
        case 8:
                set_dealt_uint64_t(index, values, p, bucket, lo, n, (uint64_t *) out->data);
                break;
        default:
                set_dealt_c128(index, values, p, bucket, lo, n, (c128 *) out->data);
        }
}

static void set_dealt_rows(const Piece *index, const Rows *values, const ScatterParams *p, const Change *change,
                           int64_t bucket, int64_t lo, View *out) {
        const View *names = &index->view;

        for (int64_t i = begin_of(names, bucket, p->bits); i < names->shape.dim[0]; i++) {
                const int64_t row = index_at(names, i);

                if (row >> p->bits != bucket)
                        break;
                if ((uint64_t) (row - lo) < (uint64_t) out->shape.dim[0])
                        set_row(change, values, index->box.lo[0] + i, out->data + (row - lo) * out->stride[0],
                                out->stride);
        }
}

/* One bucket after the other, of all chunks of indices in their order: its rows are copied and set in cache. */
static void set_dealt(const BlockRun *run, const Rows *values, const Change *change, int64_t lo) {
        const ScatterParams *p = run->params;
        View *out              = &run->out[0];
        const int64_t hi       = lo + out->shape.dim[0];

        for (int64_t k = lo >> p->bits; k << p->bits < hi; k++) {
                copy_input(run, 0, MAX(k << p->bits, lo), MIN((k + 1) << p->bits, hi), out);
                for (uint32_t i = 0; i < run->n_piece[1]; i++)
                        if (out->shape.ndim == 1 && !change->fn)
                                set_dealt_elements(&run->piece[1][i], values, p, k, lo, out);
                        else
                                set_dealt_rows(&run->piece[1][i], values, p, change, k, lo, out);
        }
}

/* Rows of several elements: of each it is found first which index names it last, so that no row is copied in vain. */
static void set_last(const BlockRun *run, const Rows *values, int64_t lo) {
        View *out        = &run->out[0];
        const int64_t n  = out->shape.dim[0];
        int64_t *last    = run->scratch;

        for (int64_t row = 0; row < n; row++)
                last[row] = NO_ROW;
        for (uint32_t k = 0; k < run->n_piece[1]; k++) {
                const Piece *index = &run->piece[1][k];

                FOR_OWN(index, lo, n, last[row] = index->box.lo[0] + i);
        }
        for (int64_t row = 0, end; row < n; row = end) {
                for (end = row; end < n && last[end] == NO_ROW; end++) {
                }
                if (end > row)
                        copy_input(run, 0, lo + row, lo + end, out);
                for (; end < n && last[end] != NO_ROW; end++)
                        copy_row_of(values, last[end], out->data + end * out->stride[0], out->stride);
        }
}

/* A task owns a run of rows: it copies them and then sets those that the indices name, in order, so that the last
 * one counts. Indices come from wrap_index or deal_rows, so they are rows that there are. */
static int scatter_run(BlockRun *run, _unused_ Error *err) {
        View *out         = &run->out[0];
        const Rows values = rows_of(run, 2);
        const int64_t lo  = run->domain->lo[0];
        const char *name  = ((const ScatterParams *) run->params)->function;
        Change change     = { .row = run->scratch };

        if (shape_size(&out->shape) == 0)
                return 0;
        change.fn = is_set(name) ? NULL : function_of(name, out->dtype, &change.n_in);
        change.n  = (size_t) (shape_size(&out->shape) / out->shape.dim[0]);
        if (((const ScatterParams *) run->params)->bits >= 0) {
                set_dealt(run, &values, &change, lo);
                return 0;
        }
        if (out->shape.ndim > 1 && !change.fn) {
                set_last(run, &values, lo);
                return 0;
        }
        copy_input(run, 0, lo, lo + out->shape.dim[0], out);
        for (uint32_t k = 0; k < run->n_piece[1]; k++) {
                const Piece *index = &run->piece[1][k];

                if (out->shape.ndim == 1 && !change.fn) {
                        set_elements(index, &values, lo, out);
                        continue;
                }
                FOR_OWN(index, lo, out->shape.dim[0],
                        set_row(&change, &values, index->box.lo[0] + i, out->data + row * out->stride[0], out->stride));
        }
        return 0;
}

/* One row, or the number of an index for each. */
static size_t scatter_scratch(const OpCall *call) {
        const Spec *a = &call->in[0];
        size_t n      = dtype_size(a->dtype);

        if (is_set(((const ScatterParams *) call->params)->function))
                return a->shape.ndim > 1 ? (size_t) a->shape.dim[0] * sizeof(int64_t) : 0;
        for (int k = 1; k < a->shape.ndim; k++)
                n *= (size_t) a->shape.dim[k];
        return n;
}

static int infer_scatter(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[0];
        return 0;
}

OP(scatter_rows) = {
        .name         = "scatter_rows",
        .doc          = "a, in which the rows with the given numbers, none of them negative, are those of values.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "a, index, values",
        .n_in         = 3,
        .params_size  = sizeof(ScatterParams),
        .params =
                (const Param[]) {
                        PARAM(ScatterParams, function, PARAM_TEXT, "set",
                              "Applied to rows and values; set: values replace."),
                        PARAM(ScatterParams, bits, PARAM_I64, "-1",
                              "Of buckets in which the indices are; -1: of none."),
                        {},
                },
        .infer    = infer_scatter,
        .scratch  = scatter_scratch,
        .run      = scatter_run,
        .core_in  = { CORE_ALL, 1, CORE_ALL },
        .core_out = { CORE_ALL },
        .follows  = 1,
};
