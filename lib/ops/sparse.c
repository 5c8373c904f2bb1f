/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of sparse blocks (ops/sparse.h): dense, a part, in order, its columns as rows, two with one set of keys, and
 * their sum. */
#include "ops/sparse.h"
#include "ops/radix.h"

enum { DENSE_ELEMENTS = 1 << 22 }; /* that a task makes: 32 MiB of float64 */

/* ---- Dense ------------------------------------------------------------------------------------------------------- */

typedef struct SparseShape {
        int64_t rows, columns;
} SparseShape;

#define SPARSE_SHAPE                                                                                                   \
        (const Param[]) {                                                                                              \
                PARAM(SparseShape, rows, PARAM_I64, NULL, "Rows of the block."),                                       \
                        PARAM(SparseShape, columns, PARAM_I64, NULL, "Columns of the matrix."), {}                     \
        }

#define SCATTER_LOOP_(type)                                                                                            \
        static void scatter_##type(const View *key, const View *data, int64_t lo, int64_t hi, const char *fill,        \
                                   int64_t n, void *out) {                                                             \
                const type empty    = *(const type *) fill;                                                            \
                const int64_t first = key_find(key, 0, lo), last = key_find(key, first, hi);                           \
                type *to = out;                                                                                        \
                                                                                                                       \
                for (int64_t i = 0; i < n; i++)                                                                        \
                        to[i] = empty;                                                                                 \
                for (int64_t i = first; i < last; i++)                                                                 \
                        to[key_at(key, i) - lo] = *(const type *) (data->data + i * data->stride[0]);                  \
        }
SCATTER_LOOP_(uint8_t)
SCATTER_LOOP_(uint16_t)
SCATTER_LOOP_(uint32_t)
SCATTER_LOOP_(uint64_t)
SCATTER_LOOP_(c128)

static int dense_run(BlockRun *run, Error *err) {
        const SparseShape *p = run->params;
        const View *key = &run->in[0], *data = &run->in[1];
        const char *fill = run->in[2].data;
        View *out        = &run->out[0];
        const int64_t n = shape_size(&out->shape), lo = run->domain->lo[0] * p->columns, hi = lo + n;
        int r;

        r = keys_check(key, p->rows, p->columns, err);
        if (r < 0 || n == 0)
                return r;
        switch (dtype_size(out->dtype)) {
        case 1:
                scatter_uint8_t(key, data, lo, hi, fill, n, out->data);
                break;
        case 2:
                scatter_uint16_t(key, data, lo, hi, fill, n, out->data);
                break;
        case 4:
                scatter_uint32_t(key, data, lo, hi, fill, n, out->data);
                break;
        case 8:
                scatter_uint64_t(key, data, lo, hi, fill, n, out->data);
                break;
        default:
                scatter_c128(key, data, lo, hi, fill, n, out->data);
        }
        return 0;
}

static int64_t dense_step(const OpCall *call) {
        const SparseShape *p = call->params;

        return MAX(DENSE_ELEMENTS / MAX(p->columns, (int64_t) 1), (int64_t) 1);
}

static int infer_dense(const OpCall *call, Spec *out, Error *err) {
        const SparseShape *p = call->params;
        int r                = infer_block(call, 0, err);

        if (r == 0)
                r = infer_lengths(p->rows, p->columns, 0, err);
        if (r < 0)
                return r;
        if (call->in[2].shape.ndim != 0 || call->in[2].dtype != call->in[1].dtype)
                return error_set(err, ERROR_VALUE, "what fills is one element of the dtype %s",
                                 dtype_name(call->in[1].dtype));
        *out = (Spec) { .dtype = call->in[1].dtype, .shape = { .ndim = 2, .dim = { p->rows, p->columns } } };
        return shape_check(&out->shape, dtype_size(out->dtype), err);
}

OP(sparse_dense) = {
        .name        = "sparse_dense",
        .doc         = "The block of a sparse matrix with all its elements; those that are not stored are `fill`.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "key, data, fill",
        .n_in        = 3,
        .params_size = sizeof(SparseShape),
        .params      = SPARSE_SHAPE,
        .infer       = infer_dense,
        .run         = dense_run,
        .step        = dense_step,
        .core_in     = { CORE_ALL, CORE_ALL, CORE_ALL },
        .core_out    = { CORE_ALL },
};

/* ---- Parts ------------------------------------------------------------------------------------------------------- */

typedef struct SparseInterval {
        int64_t first, last;
} SparseInterval;

static int part_run(BlockRun *run, _unused_ Error *err) {
        const SparseInterval *p = run->params;
        const View *key = &run->in[0], *data = &run->in[1];
        const size_t size   = dtype_size(data->dtype);
        const int64_t first = key_find(key, 0, p->first), last = key_find(key, first, p->last);
        int64_t *to = (int64_t *) run->out[0].data;

        for (int64_t i = first; i < last; i++)
                to[i - first] = key_at(key, i) - p->first;
        if (data->stride[0] == (int64_t) size)
                memcpy(run->out[1].data, data->data + (size_t) first * size, (size_t) (last - first) * size);
        else
                for (int64_t i = first; i < last; i++)
                        memcpy(run->out[1].data + (size_t) (i - first) * size, data->data + i * data->stride[0], size);
        run->out[0].shape.dim[0] = run->out[1].shape.dim[0] = last - first;
        return 0;
}

static int infer_part(const OpCall *call, Spec *out, Error *err) {
        const SparseInterval *p = call->params;
        const int r             = infer_block(call, 0, err);

        if (r < 0)
                return r;
        if (p->first < 0 || p->last < p->first)
                return error_set(err, ERROR_VALUE, "keys from %lld to %lld", (long long) p->first, (long long) p->last);
        for (int k = 0; k < 2; k++)
                out[k] = (Spec) { .dtype = call->in[k].dtype, .shape = { .ndim = 1, .dim = { UNKNOWN } } };
        return 0;
}

OP(sparse_part) = {
        .name   = "sparse_part",
        .doc    = "What of a sparse block has keys from `first` on below `last`, as a block that begins there.",
        .family = FAMILY_EXCHANGE,
        .inputs = "key, data",
        .n_in   = 2,
        .n_out  = 2,
        .params_size = sizeof(SparseInterval),
        .params      = (const Param[]) { PARAM(SparseInterval, first, PARAM_I64, NULL, "The first key."),
                                         PARAM(SparseInterval, last, PARAM_I64, NULL, "The first one after them."),
                                         {} },
        .infer       = infer_part,
        .run         = part_run,
        .core_in     = { CORE_ALL, CORE_ALL },
        .core_out    = { CORE_ALL, CORE_ALL },
        .follows     = 3,
        .unknown     = true,
};

/* ---- Order ------------------------------------------------------------------------------------------------------- */

/* Elements are dealt to rows, unless rows are so many more than elements that counting them all takes longer than
 * sorting. */
enum { ROWS_PER_ELEMENT = 4 };

static bool is_dealt(int64_t n, int64_t rows) {
        return rows / ROWS_PER_ELEMENT <= n;
}

/* deal_: elements go, in turn, where there is place in their rows; place[row] is where the next one goes.
 * turn_: likewise, columns of the block that is walked through become rows of `of` elements. */
#define DEAL_LOOP_(type)                                                                                               \
        static void deal_##type(const View *key, const View *data, int64_t columns, int64_t *place, int64_t *out_key,  \
                                char *out) {                                                                           \
                const int64_t n = length_of(key);                                                                      \
                int64_t row = 0, begin = 0;                                                                            \
                type *to = (type *) out;                                                                               \
                                                                                                                       \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        const int64_t at = key_at(key, i);                                                             \
                                                                                                                       \
                        if ((uint64_t) at - (uint64_t) begin >= (uint64_t) columns) {                                  \
                                row   = at / columns;                                                                  \
                                begin = row * columns;                                                                 \
                        }                                                                                              \
                        const int64_t k = place[row]++;                                                                \
                                                                                                                       \
                        out_key[k] = at;                                                                               \
                        to[k]      = *(const type *) (data->data + i * data->stride[0]);                               \
                }                                                                                                      \
        }                                                                                                              \
        static void turn_##type(RowWalk *w, const View *data, int64_t first, int64_t of, int64_t *place,               \
                                int64_t *out_key, char *out) {                                                         \
                type *to = (type *) out;                                                                               \
                                                                                                                       \
                while (walk_enter(w)) {                                                                                \
                        const int64_t row = first + w->row;                                                            \
                                                                                                                       \
                        WALK_ROW(w, data, {                                                                            \
                                const int64_t at = place[k]++;                                                         \
                                                                                                                       \
                                out_key[at] = k * of + row;                                                            \
                                to[at]      = *(const type *) from;                                                    \
                        });                                                                                            \
                }                                                                                                      \
        }
DEAL_LOOP_(uint8_t)
DEAL_LOOP_(uint16_t)
DEAL_LOOP_(uint32_t)
DEAL_LOOP_(uint64_t)
DEAL_LOOP_(c128)

typedef void DealFn(const View *key, const View *data, int64_t columns, int64_t *place, int64_t *out_key, char *out);
typedef void TurnFn(RowWalk *w, const View *data, int64_t first, int64_t of, int64_t *place, int64_t *out_key,
                    char *out);

static const struct Dealing {
        DealFn *deal;
        TurnFn *turn;
} dealing_of[] = { /* by the logarithm of the element's size */
                   { deal_uint8_t, turn_uint8_t },
                   { deal_uint16_t, turn_uint16_t },
                   { deal_uint32_t, turn_uint32_t },
                   { deal_uint64_t, turn_uint64_t },
                   { deal_c128, turn_c128 }
};

static const struct Dealing *dealing_find(DType dtype) {
        return &dealing_of[__builtin_ctzll(dtype_size(dtype))];
}

/* count[k] are so many; makes of them where each one begins. */
static void begin_each(int64_t *count, int64_t n) {
        for (int64_t k = 0, total = 0; k < n; k++) {
                const int64_t own = count[k];

                count[k] = total;
                total += own;
        }
}

static int order_limit(const SparseShape *p, int64_t *ret, Error *err) {
        if (__builtin_mul_overflow(p->rows, p->columns, ret))
                return error_set(err, ERROR_VALUE, "a block of %lld x %lld elements: there are more than keys",
                                 (long long) p->rows, (long long) p->columns);
        return 0;
}

static int key_outside(int64_t key, const SparseShape *p, Error *err) {
        return error_set(err, ERROR_VALUE, "key %lld is not of a block of %lld x %lld elements", (long long) key,
                         (long long) p->rows, (long long) p->columns);
}

static int rows_count(const View *key, const SparseShape *p, int64_t limit, int64_t *count, Error *err) {
        const int64_t n = length_of(key);
        int64_t row = 0, begin = 0;

        memset(count, 0, (size_t) p->rows * sizeof(*count));
        for (int64_t i = 0; i < n; i++) {
                const int64_t at = key_at(key, i);

                if ((uint64_t) at - (uint64_t) begin >= (uint64_t) p->columns) {
                        if (at < 0 || at >= limit)
                                return key_outside(at, p, err);
                        row   = at / p->columns;
                        begin = row * p->columns;
                }
                count[row]++;
        }
        begin_each(count, p->rows);
        return 0;
}

static bool keys_ascend(const int64_t *key, int64_t n) {
        bool wrong = false;

        for (int64_t i = 1; i < n; i++)
                wrong |= key[i - 1] > key[i];
        return !wrong;
}

static void order_sorted(const char *key, int64_t key_step, const View *data, int64_t n, void *scratch, View *out) {
        Item *item = scratch;

        order_row(DTYPE_I64, key, key_step, n, item, item + n);
        gather_items(key, key_step, item, n, sizeof(int64_t), out[0].data);
        gather_items(data->data, data->stride[0], item, n, dtype_size(data->dtype), out[1].data);
}

static int order_run(BlockRun *run, Error *err) {
        const SparseShape *p = run->params;
        const View *key = &run->in[0], *data = &run->in[1];
        const int64_t n = length_of(key);
        int64_t *to     = (int64_t *) run->out[0].data, limit;
        int r;

        r = order_limit(p, &limit, err);
        if (r < 0 || n == 0)
                return r;
        if (is_dealt(n, p->rows)) {
                r = rows_count(key, p, limit, run->scratch, err);
                if (r < 0)
                        return r;
                dealing_find(data->dtype)->deal(key, data, p->columns, run->scratch, to, run->out[1].data);
                if (keys_ascend(to, n))
                        return 0;
        }
        order_sorted(key->data, key->stride[0], data, n, run->scratch, run->out);
        if (to[0] < 0 || to[n - 1] >= limit)
                return key_outside(to[0] < 0 ? to[0] : to[n - 1], p, err);
        return 0;
}

static size_t order_scratch(const OpCall *call) {
        const SparseShape *p = call->params;
        const int64_t n      = call->in[0].shape.dim[0];

        return MAX(row_scratch(n), is_dealt(n, p->rows) ? (size_t) p->rows * sizeof(int64_t) : 0);
}

static int infer_order(const OpCall *call, Spec *out, Error *err) {
        const SparseShape *p = call->params;
        int r                = infer_block(call, 0, err);

        if (r == 0)
                r = infer_lengths(p->rows, p->columns, 0, err);
        if (r < 0)
                return r;
        out[0] = call->in[0];
        out[1] = call->in[1];
        return 0;
}

OP(sparse_order) = {
        .name        = "sparse_order",
        .doc         = "Keys in ascending order, and data in the order of their keys.\n\n"
                       "Fastest if those of a row ascend among themselves. Raises ValueError for keys outside.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "key, data",
        .n_in        = 2,
        .n_out       = 2,
        .params_size = sizeof(SparseShape),
        .params      = SPARSE_SHAPE,
        .infer       = infer_order,
        .run         = order_run,
        .scratch     = order_scratch,
        .core_in     = { CORE_ALL, CORE_ALL },
        .core_out    = { CORE_ALL, CORE_ALL },
};

/* ---- Transposing ------------------------------------------------------------------------------------------------- */

typedef struct SparseTurn {
        int64_t rows, columns, first, of;
} SparseTurn;

static int transpose_run(BlockRun *run, Error *err) {
        const SparseTurn *p = run->params;
        const View *key = &run->in[0], *data = &run->in[1];
        const int64_t n = length_of(key);
        RowWalk w, again;
        int r;

        r = walk_begin(&w, key, p->rows, p->columns, err);
        if (r < 0 || n == 0)
                return r;
        again = w;
        if (is_dealt(n, p->columns)) {
                int64_t *place = run->scratch;

                memset(place, 0, (size_t) p->columns * sizeof(*place));
                while (walk_enter(&w))
                        WALK_ROW(&w, data, place[k]++);
                r = walk_end(&w, err);
                if (r < 0)
                        return r;
                begin_each(place, p->columns);
                dealing_find(data->dtype)
                        ->turn(&again, data, p->first, p->of, place, (int64_t *) run->out[0].data, run->out[1].data);
        } else {
                int64_t *turned = run->scratch, *next = turned;

                while (walk_enter(&w))
                        WALK_ROW(&w, data, *next++ = k * p->of + p->first + w.row);
                r = walk_end(&w, err);
                if (r < 0)
                        return r;
                order_sorted((const char *) turned, sizeof(*turned), data, n, turned + n, run->out);
        }
        return 0;
}

static size_t transpose_scratch(const OpCall *call) {
        const SparseTurn *p = call->params;
        const int64_t n     = call->in[0].shape.dim[0];

        if (is_dealt(n, p->columns))
                return (size_t) p->columns * sizeof(int64_t);
        return row_scratch(n) + (size_t) n * sizeof(int64_t);
}

static int infer_transpose(const OpCall *call, Spec *out, Error *err) {
        const SparseTurn *p = call->params;
        int64_t limit;
        int r = infer_block(call, 0, err);

        if (r == 0)
                r = infer_lengths(p->rows, p->columns, p->first, err);
        if (r < 0)
                return r;
        if (p->first > p->of || p->rows > p->of - p->first)
                return error_set(err, ERROR_VALUE, "rows %lld … of a matrix that has %lld", (long long) p->first,
                                 (long long) p->of);
        if (__builtin_mul_overflow(p->columns, p->of, &limit))
                return error_set(err, ERROR_VALUE, "a block of %lld x %lld elements: there are more than keys",
                                 (long long) p->columns, (long long) p->of);
        out[0] = call->in[0];
        out[1] = call->in[1];
        return 0;
}

OP(sparse_transpose) = {
        .name        = "sparse_transpose",
        .doc         = "The columns of a sparse block, as rows of a block that has `of` columns.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "key, data",
        .n_in        = 2,
        .n_out       = 2,
        .params_size = sizeof(SparseTurn),
        .params      = (const Param[]) { PARAM(SparseTurn, rows, PARAM_I64, NULL, "Rows of the block."),
                                         PARAM(SparseTurn, columns, PARAM_I64, NULL, "Columns of the matrix."),
                                         PARAM(SparseTurn, first, PARAM_I64, NULL, "The first of these rows."),
                                         PARAM(SparseTurn, of, PARAM_I64, NULL, "Rows of the matrix."),
                                         {} },
        .infer       = infer_transpose,
        .run         = transpose_run,
        .scratch     = transpose_scratch,
        .core_in     = { CORE_ALL, CORE_ALL },
        .core_out    = { CORE_ALL, CORE_ALL },
};

/* ---- Two blocks -------------------------------------------------------------------------------------------------- */

/* The next keys of either of two vectors, at most STRIP, and where each stands in them, or -1: that stays in the first
 * cache. Without branches that nobody can foretell: which of two keys is the smaller one. */
static int64_t union_keys(const View *a, const View *b, int64_t *next_a, int64_t *next_b, int64_t *to, int64_t *at_a,
                          int64_t *at_b) {
        const int64_t n_a = length_of(a), n_b = length_of(b);
        int64_t i = *next_a, j = *next_b, n = 0;

        for (; n < STRIP && i < n_a && j < n_b; n++) {
                const int64_t x = key_at(a, i), y = key_at(b, j);
                const bool in_a = x <= y, in_b = y <= x;

                to[n]   = MIN(x, y);
                at_a[n] = in_a ? i : -1;
                at_b[n] = in_b ? j : -1;
                i += in_a;
                j += in_b;
        }
        for (; n < STRIP && i < n_a && j == n_b; n++) {
                to[n]   = key_at(a, i);
                at_a[n] = i++;
                at_b[n] = -1;
        }
        for (; n < STRIP && j < n_b && i == n_a; n++) {
                to[n]   = key_at(b, j);
                at_a[n] = -1;
                at_b[n] = j++;
        }
        *next_a = i;
        *next_b = j;
        return n;
}

/* The elements at these places; zero at -1. */
#define PICK_LOOP_(type, or_zero)                                                                                      \
        static void pick_##type(const View *data, const int64_t *at, int64_t n, char *out) {                           \
                const char *from   = data->data;                                                                       \
                const int64_t step = data->stride[0];                                                                  \
                type *to           = (type *) out;                                                                     \
                                                                                                                       \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        const int64_t place = at[i];                                                                   \
                        const type v        = *(const type *) (from + MAX(place, (int64_t) 0) * step);                 \
                                                                                                                       \
                        to[i] = (type) (or_zero);                                                                      \
                }                                                                                                      \
        }
PICK_LOOP_(uint8_t, v & ~(place >> 63))
PICK_LOOP_(uint16_t, v & ~(place >> 63))
PICK_LOOP_(uint32_t, v & ~(place >> 63))
PICK_LOOP_(uint64_t, v & ~(uint64_t) (place >> 63))
PICK_LOOP_(c128, place < 0 ? 0 : v)

typedef void PickFn(const View *data, const int64_t *at, int64_t n, char *out);

static void pick_nothing(const View *data, _unused_ const int64_t *at, int64_t n, char *out) {
        memset(out, 0, (size_t) n * dtype_size(data->dtype));
}

static PickFn *pick_find(const View *data) {
        static PickFn *const of[] = { pick_uint8_t, pick_uint16_t, pick_uint32_t, pick_uint64_t, pick_c128 };

        return length_of(data) == 0 ? pick_nothing : of[__builtin_ctzll(dtype_size(data->dtype))];
}

static int union_room(const BlockRun *run, Error *err) {
        const int64_t a = length_of(&run->in[1]), b = length_of(&run->in[3]), room = length_of(&run->out[0]);

        if (room - a >= b)
                return 0;
        return error_set(err, ERROR_VALUE, "a union of %lld and %lld elements has room for %lld", (long long) a,
                         (long long) b, (long long) room);
}

static int union_run(BlockRun *run, Error *err) {
        const View *a_key = &run->in[1], *a = &run->in[2], *b_key = &run->in[3], *b = &run->in[4];
        const size_t size_a = dtype_size(a->dtype), size_b = dtype_size(b->dtype);
        PickFn *pick_a = pick_find(a), *pick_b = pick_find(b);
        int64_t *to = (int64_t *) run->out[0].data, at_a[STRIP], at_b[STRIP], i = 0, j = 0, n = 0, more;
        int r;

        r = union_room(run, err);
        if (r < 0)
                return r;
        for (; (more = union_keys(a_key, b_key, &i, &j, to + n, at_a, at_b)) > 0; n += more) {
                pick_a(a, at_a, more, run->out[1].data + (size_t) n * size_a);
                pick_b(b, at_b, more, run->out[2].data + (size_t) n * size_b);
        }
        for (int k = 0; k < 3; k++)
                run->out[k].shape.dim[0] = n;
        return 0;
}

static int64_t union_step(_unused_ const OpCall *call) {
        return 0; /* all in one task */
}

static int infer_union(const OpCall *call, Spec *out, Error *err) {
        int r;

        if (call->n_in != 5)
                return error_set(err, ERROR_TYPE, "a union takes room and two blocks, not %u inputs", call->n_in);
        if (call->in[0].shape.ndim != 2 || call->in[0].shape.dim[1] != 0)
                return error_set(err, ERROR_VALUE, "room is rows of no elements");
        r = infer_block(call, 1, err);
        if (r == 0)
                r = infer_block(call, 3, err);
        if (r < 0)
                return r;
        for (int k = 0; k < 3; k++)
                out[k] = (Spec) { .dtype = call->in[k < 2 ? k + 1 : 4].dtype,
                                  .shape = { .ndim = 1, .dim = { UNKNOWN } } };
        return 0;
}

OP(sparse_union) = {
        .name     = "sparse_union",
        .doc      = "The keys that either of two sparse blocks has, and what each of them has there, or zero.\n\n"
                    "Inputs: as many rows of no elements as both store, keys and data of the one, and of the other.",
        .family   = FAMILY_EXCHANGE,
        .inputs   = "*blocks",
        .variadic = true,
        .n_in     = 1,
        .n_out    = 3,
        .infer    = infer_union,
        .run      = union_run,
        .step     = union_step,
        .core_in  = { CORE_ALL },
        .core_out = { CORE_ALL, CORE_ALL, CORE_ALL },
        .follows  = 1,
        .unknown  = true,
};

/* ---- Sums of two blocks ------------------------------------------------------------------------------------------ */

typedef struct SparseSum {
        bool subtract;
} SparseSum;

/* What of n keys has a sum that is not zero; returns how many. */
#define MERGE_LOOP_(D, name)                                                                                           \
        static int64_t merge_##D(const View *a, const View *b, bool subtract, const int64_t *at_a,                     \
                                 const int64_t *at_b, int64_t n, int64_t *key, char *out) {                            \
                typedef CTYPE_##D T;                                                                                   \
                T x[STRIP], y[STRIP], *to = (T *) out;                                                                 \
                int64_t kept = 0;                                                                                      \
                                                                                                                       \
                pick_find(a)(a, at_a, n, (char *) x);                                                                  \
                pick_find(b)(b, at_b, n, (char *) y);                                                                  \
                if (subtract)                                                                                          \
                        for (int64_t i = 0; i < n; i++)                                                                \
                                x[i] = (T) (x[i] - y[i]);                                                              \
                else                                                                                                   \
                        for (int64_t i = 0; i < n; i++)                                                                \
                                x[i] = SUM_##D(x[i], y[i]);                                                            \
                for (int64_t i = 0; i < n; i++) { /* without a branch that nobody can foretell */                      \
                        key[kept] = key[i];                                                                            \
                        to[kept]  = x[i];                                                                              \
                        kept += x[i] != 0;                                                                             \
                }                                                                                                      \
                return kept;                                                                                           \
        }
#define MERGE_ENTRY_(D, name) [DTYPE_##D] = merge_##D,

SPARSE_DTYPES(MERGE_LOOP_, )

typedef int64_t MergeFn(const View *a, const View *b, bool subtract, const int64_t *at_a, const int64_t *at_b,
                        int64_t n, int64_t *key, char *out);
static MergeFn *const merge_of[_DTYPE_MAX] = { SPARSE_DTYPES(MERGE_ENTRY_, ) };

static int sum_run(BlockRun *run, Error *err) {
        const SparseSum *p = run->params;
        const View *a_key = &run->in[1], *a = &run->in[2], *b_key = &run->in[3], *b = &run->in[4];
        const size_t size = dtype_size(a->dtype);
        int64_t *to = (int64_t *) run->out[0].data, at_a[STRIP], at_b[STRIP], i = 0, j = 0, n = 0, more;
        int r;

        r = union_room(run, err);
        if (r < 0)
                return r;
        while ((more = union_keys(a_key, b_key, &i, &j, to + n, at_a, at_b)) > 0)
                n += merge_of[a->dtype](a, b, p->subtract, at_a, at_b, more, to + n,
                                        run->out[1].data + (size_t) n * size);
        run->out[0].shape.dim[0] = run->out[1].shape.dim[0] = n;
        return 0;
}

static int infer_sum(const OpCall *call, Spec *out, Error *err) {
        const SparseSum *p = call->params;
        Spec both[3];
        int r = infer_union(call, both, err);

        if (r == 0)
                r = infer_computed(call, 2, 4, err);
        if (r < 0)
                return r;
        if (p->subtract && call->in[2].dtype == DTYPE_BOOL)
                return error_set(err, ERROR_TYPE, "there are no differences of bool");
        out[0] = both[0];
        out[1] = both[1];
        return 0;
}

OP(sparse_sum) = {
        .name        = "sparse_sum",
        .doc         = "The sum or the difference of two sparse blocks, without what is zero.\n\n"
                       "Inputs: as many rows of no elements as both store, keys and data of the one, and of the other.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "*blocks",
        .variadic    = true,
        .n_in        = 1,
        .n_out       = 2,
        .params_size = sizeof(SparseSum),
        .params      = (const Param[]) { PARAM(SparseSum, subtract, PARAM_BOOL, "False",
                                               "Whether the second one is subtracted."),
                                         {} },
        .infer       = infer_sum,
        .run         = sum_run,
        .step        = union_step,
        .core_in     = { CORE_ALL },
        .core_out    = { CORE_ALL, CORE_ALL },
        .follows     = 1,
        .unknown     = true,
};
