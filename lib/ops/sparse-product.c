/* SPDX-License-Identifier: Apache-2.0 */
/* Products of sparse blocks with dense and with sparse matrices.
 *
 * A row of the result is a sum of rows of the right factor, one for each element that the left row stores, added in the
 * order of columns, from zero or from what was made of the columns before. That order is the matrix's own: how either
 * factor is cut does not change a bit.
 *
 * A row of a sparse result is summed in a band of columns that the second cache holds, with a bit for each column and
 * one for each word of those, so that what was touched is found in order without looking at the rest (Gustavson's
 * method). Rows that go beyond the band are summed band by band, beginning with the first column that is there.
 *
 * How long a sparse result is at most, nobody knows without looking at both factors. `sparse_room` counts, and its
 * answer is a length: a tensor of so many rows of no bytes, which the product takes as its room. */
#include "ops/sparse.h"

enum {
        BAND       = 1 << 16, /* columns that are summed at a time: 512 KiB of float64 */
        BAND_WORDS = BAND / 64,
        BAND_TOPS  = BAND_WORDS / 64,
};

/* Where each row of a right block begins is a number in scratch. More of them are more than any machine's memory; the
 * limit keeps sums of sizes from overflowing. */
static const int64_t MAX_COUNT = INT64_C(1) << 48;

/* The left factor has `inner` columns; of the right one these are its rows from `first` on. */
typedef struct SparseProduct {
        int64_t rows, inner, columns, first, count;
} SparseProduct;

#define SPARSE_PRODUCT                                                                                                 \
        (const Param[]) {                                                                                              \
                PARAM(SparseProduct, rows, PARAM_I64, NULL, "Rows of the left block."),                                \
                        PARAM(SparseProduct, inner, PARAM_I64, NULL, "Columns of the left matrix."),                   \
                        PARAM(SparseProduct, columns, PARAM_I64, NULL, "Columns of the right matrix."),                \
                        PARAM(SparseProduct, first, PARAM_I64, NULL, "The first row of the right block."),             \
                        PARAM(SparseProduct, count, PARAM_I64, NULL, "Rows of the right block."), {}                   \
        }

static int infer_product_params(const OpCall *call, Error *err) {
        const SparseProduct *p = call->params;
        int r                  = infer_lengths(p->rows, p->inner, p->columns, err);

        if (r == 0)
                r = infer_lengths(p->first, p->count, 0, err);
        if (r < 0)
                return r;
        if (p->count > MAX_COUNT)
                return error_set(err, ERROR_VALUE,
                                 "a block of %lld rows: %lld are the most that a product goes through",
                                 (long long) p->count, (long long) MAX_COUNT);
        if (p->first > p->inner || p->count > p->inner - p->first)
                return error_set(err, ERROR_VALUE, "rows %lld … of a right factor that has %lld", (long long) p->first,
                                 (long long) p->inner);
        return 0;
}

/* start[k]: the first key of row k; start[count]: their number. */
static void row_starts(const View *key, int64_t count, int64_t columns, int64_t *start) {
        const int64_t n = length_of(key);
        int64_t at      = 0;

        for (int64_t row = 0; row < count; row++) {
                const int64_t end = (row + 1) * columns;

                start[row] = at;
                while (at < n && key_at(key, at) < end)
                        at++;
        }
        start[count] = n;
}

/* ---- Room -------------------------------------------------------------------------------------------------------- */

static int room_run(BlockRun *run, Error *err) {
        const SparseProduct *p = run->params;
        const View *a = &run->in[0], *b = &run->in[1];
        int64_t *start = run->scratch, total = 0;
        int r;

        r = keys_check(a, p->rows, p->inner, err);
        if (r == 0)
                r = keys_check(b, p->count, p->columns, err);
        if (r < 0)
                return r;
        row_starts(b, p->count, p->columns, start);
        for (int64_t i = 0, row = -1, products = 0; i <= length_of(a); i++) {
                const int64_t of = i < length_of(a) ? key_at(a, i) / p->inner : -1;

                if (of != row) { /* no row has more elements than columns */
                        total += MIN(products, p->columns);
                        row      = of;
                        products = 0;
                }
                if (i < length_of(a)) {
                        const int64_t k = key_at(a, i) - row * p->inner - p->first;

                        products += k >= 0 && k < p->count ? start[k + 1] - start[k] : 0;
                }
        }
        run->out[0].shape.dim[0] = total;
        return 0;
}

static size_t room_scratch(const OpCall *call) {
        return ((size_t) ((const SparseProduct *) call->params)->count + 1) * sizeof(int64_t);
}

static int infer_room(const OpCall *call, Spec *out, Error *err) {
        for (int k = 0; k < 2; k++)
                if (call->in[k].dtype != DTYPE_I64 || call->in[k].shape.ndim != 1)
                        return error_set(err, ERROR_VALUE, "keys are vectors of int64");
        *out = (Spec) { .dtype = DTYPE_BOOL, .shape = { .ndim = 2, .dim = { UNKNOWN, 0 } } };
        return infer_product_params(call, err);
}

OP(sparse_room) = {
        .name        = "sparse_room",
        .doc         = "As many rows of no elements as the product of two sparse blocks has elements at most.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "left_key, right_key",
        .n_in        = 2,
        .params_size = sizeof(SparseProduct),
        .params      = SPARSE_PRODUCT,
        .infer       = infer_room,
        .run         = room_run,
        .scratch     = room_scratch,
        .core_in     = { CORE_ALL, CORE_ALL },
        .core_out    = { CORE_ALL },
        .unknown     = true,
};

/* ---- Sparse by sparse -------------------------------------------------------------------------------------------- */

enum { LEFT = 1, RIGHT = 3, BEFORE = 5 }; /* inputs: room, three blocks */

typedef struct Band {
        uint64_t top[BAND_TOPS];
        uint64_t word[BAND_WORDS];
        char value[BAND * sizeof(c128)];
} Band;

/* What a product needs besides its blocks. */
typedef struct Product {
        const SparseProduct *p;
        const View *a_key, *a, *b_key, *b, *c_key, *c; /* c: of the columns before, or NULL */
        Band *band;
        int64_t *start, *cursor; /* of rows of b; [element of the row of a] where its row of b goes on */
        int64_t *out_key;
        void *out;
        int64_t room, n;
} Product;

static int64_t next_row(const View *key, int64_t at, int64_t columns) {
        return at < length_of(key) ? key_at(key, at) / columns : INT64_MAX;
}

static inline void touch(Band *band, int64_t k) {
        band->word[k >> 6] |= UINT64_C(1) << (k & 63);
        band->top[k >> 12] |= UINT64_C(1) << (k >> 6 & 63);
}

#define PRODUCT_(D, name)                                                                                              \
        static bool emit_##D(Product *x, int64_t key) {                                                                \
                Band *band       = x->band;                                                                            \
                CTYPE_##D *value = (CTYPE_##D *) band->value, *to = x->out;                                            \
                                                                                                                       \
                for (int t = 0; t < BAND_TOPS; t++)                                                                    \
                        for (; band->top[t] != 0; band->top[t] &= band->top[t] - 1) {                                  \
                                const int w = t * 64 + __builtin_ctzll(band->top[t]);                                  \
                                                                                                                       \
                                for (; band->word[w] != 0; band->word[w] &= band->word[w] - 1) {                       \
                                        const int k = w * 64 + __builtin_ctzll(band->word[w]);                         \
                                                                                                                       \
                                        if (x->n == x->room)                                                           \
                                                return false;                                                          \
                                        x->out_key[x->n] = key + k;                                                    \
                                        to[x->n++]       = value[k];                                                   \
                                        value[k]         = 0;                                                          \
                                }                                                                                      \
                        }                                                                                              \
                return true;                                                                                           \
        }                                                                                                              \
        /* Elements [from, to) of a are the row's, [c_from, c_to) of c. */                                             \
        static bool row_##D(Product *x, int64_t row, int64_t from, int64_t to, int64_t c_from, int64_t c_to) {         \
                typedef CTYPE_##D T;                                                                                   \
                const SparseProduct *p = x->p;                                                                         \
                const int64_t n        = p->columns;                                                                   \
                T *value               = (T *) x->band->value;                                                         \
                                                                                                                       \
                for (int64_t i = from; i < to; i++) {                                                                  \
                        const int64_t k = key_at(x->a_key, i) - row * p->inner - p->first;                             \
                                                                                                                       \
                        x->cursor[i - from] = k >= 0 && k < p->count ? x->start[k] : -1;                               \
                }                                                                                                      \
                for (;;) {                                                                                             \
                        int64_t lo = c_from < c_to ? key_at(x->c_key, c_from) - row * n : INT64_MAX;                   \
                                                                                                                       \
                        for (int64_t i = from; i < to; i++) {                                                          \
                                const int64_t k = key_at(x->a_key, i) - row * p->inner - p->first;                     \
                                                                                                                       \
                                if (x->cursor[i - from] >= 0 && x->cursor[i - from] < x->start[k + 1])                 \
                                        lo = MIN(lo, key_at(x->b_key, x->cursor[i - from]) - k * n);                   \
                        }                                                                                              \
                        if (lo == INT64_MAX)                                                                           \
                                return true;                                                                           \
                        for (; c_from < c_to && key_at(x->c_key, c_from) - row * n - lo < BAND; c_from++) {            \
                                const int64_t at = key_at(x->c_key, c_from) - row * n - lo;                            \
                                                                                                                       \
                                value[at] = *(const T *) (x->c->data + c_from * x->c->stride[0]);                      \
                                touch(x->band, at);                                                                    \
                        }                                                                                              \
                        for (int64_t i = from; i < to; i++) {                                                          \
                                const int64_t k   = key_at(x->a_key, i) - row * p->inner - p->first;                   \
                                const int64_t end = x->cursor[i - from] < 0 ? -1 : x->start[k + 1];                    \
                                const T left      = *(const T *) (x->a->data + i * x->a->stride[0]);                   \
                                int64_t j         = x->cursor[i - from];                                               \
                                                                                                                       \
                                for (; j < end; j++) {                                                                 \
                                        const int64_t at = key_at(x->b_key, j) - k * n - lo;                           \
                                        const T right    = *(const T *) (x->b->data + j * x->b->stride[0]);            \
                                                                                                                       \
                                        if (at >= BAND)                                                                \
                                                break;                                                                 \
                                        value[at] = SUM_##D(value[at], TIMES_##D(left, right));                        \
                                        touch(x->band, at);                                                            \
                                }                                                                                      \
                                x->cursor[i - from] = j;                                                               \
                        }                                                                                              \
                        if (!emit_##D(x, row * n + lo))                                                                \
                                return false;                                                                          \
                }                                                                                                      \
        }
#define PRODUCT_ENTRY_(D, name) [DTYPE_##D] = row_##D,

SPARSE_DTYPES(PRODUCT_, )

typedef bool RowFn(Product *x, int64_t row, int64_t from, int64_t to, int64_t c_from, int64_t c_to);
static RowFn *const row_of[_DTYPE_MAX] = { SPARSE_DTYPES(PRODUCT_ENTRY_, ) };

static int product_run(BlockRun *run, Error *err) {
        const SparseProduct *p = run->params;
        const bool more        = run->n_in > BEFORE;
        RowFn *fn              = row_of[run->out[1].dtype];
        Product x              = { .p       = p,
                                   .a_key   = &run->in[LEFT],
                                   .a       = &run->in[LEFT + 1],
                                   .b_key   = &run->in[RIGHT],
                                   .b       = &run->in[RIGHT + 1],
                                   .c_key   = more ? &run->in[BEFORE] : NULL,
                                   .c       = more ? &run->in[BEFORE + 1] : NULL,
                                   .band    = run->scratch,
                                   .start   = (int64_t *) ((Band *) run->scratch + 1),
                                   .out_key = (int64_t *) run->out[0].data,
                                   .out     = run->out[1].data,
                                   .room    = length_of(&run->out[0]) };
        int64_t i = 0, c = 0;
        int r;

        r = keys_check(x.a_key, p->rows, p->inner, err);
        if (r == 0)
                r = keys_check(x.b_key, p->count, p->columns, err);
        if (r == 0 && more)
                r = keys_check(x.c_key, p->rows, p->columns, err);
        if (r < 0)
                return r;
        x.cursor = x.start + p->count + 1;
        row_starts(x.b_key, p->count, p->columns, x.start);
        memset(x.band, 0, sizeof(*x.band));
        for (;;) {
                const int64_t row =
                        MIN(next_row(x.a_key, i, p->inner), more ? next_row(x.c_key, c, p->columns) : INT64_MAX);
                if (row == INT64_MAX)
                        break;
                const int64_t to   = key_find(x.a_key, i, (row + 1) * p->inner),
                              c_to = more ? key_find(x.c_key, c, (row + 1) * p->columns) : 0;

                if (!fn(&x, row, i, to, c, c_to))
                        return error_set(err, ERROR_VALUE, "a product of sparse blocks has more than %lld elements",
                                         (long long) x.room);
                i = to;
                c = c_to;
        }
        run->out[0].shape.dim[0] = run->out[1].shape.dim[0] = x.n;
        return 0;
}

static size_t product_scratch(const OpCall *call) {
        const SparseProduct *p = call->params;

        return sizeof(Band) +
               ((size_t) p->count + 1 + (size_t) MAX(call->in[LEFT].shape.dim[0], (int64_t) 0)) * sizeof(int64_t);
}

static int64_t product_step(_unused_ const OpCall *call) {
        return 0;
}

static int infer_product(const OpCall *call, Spec *out, Error *err) {
        int r = 0;

        if (call->n_in != BEFORE && call->n_in != BEFORE + 2)
                return error_set(err, ERROR_TYPE, "a product takes room and two or three blocks, not %u inputs",
                                 call->n_in);
        if (call->in[0].shape.ndim != 2 || call->in[0].shape.dim[1] != 0)
                return error_set(err, ERROR_VALUE, "room is rows of no elements");
        for (uint32_t k = LEFT; k < call->n_in && r == 0; k += 2) {
                r = infer_block(call, k, err);
                if (r == 0)
                        r = infer_computed(call, LEFT + 1, k + 1, err);
        }
        if (r == 0)
                r = infer_product_params(call, err);
        if (r < 0)
                return r;
        out[0] = (Spec) { .dtype = DTYPE_I64, .shape = { .ndim = 1, .dim = { UNKNOWN } } };
        out[1] = (Spec) { .dtype = call->in[LEFT + 1].dtype, .shape = { .ndim = 1, .dim = { UNKNOWN } } };
        return 0;
}

OP(sparse_product) = {
        .name        = "sparse_product",
        .doc         = "The product of two sparse blocks, added to a third one if that is given.\n\n"
                       "Inputs: the room that it has, keys and data of the left block, of the right one, and of what "
                       "it is added to. Raises ValueError where the room is too small.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "*blocks",
        .variadic    = true,
        .n_in        = 1,
        .n_out       = 2,
        .params_size = sizeof(SparseProduct),
        .params      = SPARSE_PRODUCT,
        .infer       = infer_product,
        .run         = product_run,
        .scratch     = product_scratch,
        .step        = product_step,
        .core_in     = { CORE_ALL },
        .core_out    = { CORE_ALL, CORE_ALL },
        .follows     = 1,
        .unknown     = true,
};

/* ---- Sparse by dense --------------------------------------------------------------------------------------------- */

/* to[k] += a * x[k] */
#define DENSE_ROWS_(D, name)                                                                                           \
        static void add_rows_##D(const View *key, const View *data, const View *b, const SparseProduct *p,             \
                                 View *out) {                                                                          \
                typedef CTYPE_##D T;                                                                                   \
                const int64_t n = length_of(key), columns = b->shape.dim[1], step = b->stride[1];                      \
                int64_t row = 0, begin = 0, end = p->inner;                                                            \
                                                                                                                       \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        const int64_t at = key_at(key, i);                                                             \
                                                                                                                       \
                        if (at >= end) {                                                                               \
                                row   = at / p->inner;                                                                 \
                                begin = row * p->inner;                                                                \
                                end   = begin + p->inner;                                                              \
                        }                                                                                              \
                        const int64_t k = at - begin - p->first;                                                       \
                                                                                                                       \
                        if (k < 0 || k >= p->count)                                                                    \
                                continue;                                                                              \
                        const T a        = *(const T *) (data->data + i * data->stride[0]);                            \
                        const char *from = b->data + k * b->stride[0];                                                 \
                        T *restrict to   = (T *) (out->data + row * out->stride[0]);                                   \
                                                                                                                       \
                        if (step == sizeof(T)) {                                                                       \
                                const T *restrict x = (const T *) from;                                                \
                                                                                                                       \
                                for (int64_t j = 0; j < columns; j++)                                                  \
                                        to[j] = SUM_##D(to[j], TIMES_##D(a, x[j]));                                    \
                        } else                                                                                         \
                                for (int64_t j = 0; j < columns; j++)                                                  \
                                        to[j] = SUM_##D(to[j], TIMES_##D(a, *(const T *) (from + j * step)));          \
                }                                                                                                      \
        }
#define DENSE_ENTRY_(D, name) [DTYPE_##D] = add_rows_##D,

SPARSE_DTYPES(DENSE_ROWS_, )

typedef void AddRowsFn(const View *key, const View *data, const View *b, const SparseProduct *p, View *out);
static AddRowsFn *const add_rows_of[_DTYPE_MAX] = { SPARSE_DTYPES(DENSE_ENTRY_, ) };

static int dense_product_run(BlockRun *run, Error *err) {
        const SparseProduct *p = run->params;
        const View *key = &run->in[0], *before = run->n_in > 3 ? &run->in[3] : NULL;
        View *out         = &run->out[0];
        const size_t size = dtype_size(out->dtype);
        int r;

        r = keys_check(key, p->rows, p->inner, err);
        if (r < 0)
                return r;
        if (!before)
                memset(out->data, 0, (size_t) shape_size(&out->shape) * size);
        for (int64_t i = 0; before && i < out->shape.dim[0]; i++)
                for (int64_t j = 0; j < out->shape.dim[1]; j++)
                        memcpy(out->data + i * out->stride[0] + j * out->stride[1],
                               before->data + i * before->stride[0] + j * before->stride[1], size);
        add_rows_of[out->dtype](key, &run->in[1], &run->in[2], p, out);
        return 0;
}

static int infer_dense_product(const OpCall *call, Spec *out, Error *err) {
        const SparseProduct *p = call->params;
        int r;

        if (call->n_in != 3 && call->n_in != 4)
                return error_set(err, ERROR_TYPE, "a product takes a block and one or two matrices, not %u inputs",
                                 call->n_in);
        r = infer_block(call, 0, err);
        if (r == 0)
                r = infer_computed(call, 1, 2, err);
        if (r == 0 && call->n_in == 4)
                r = infer_computed(call, 1, 3, err);
        if (r == 0)
                r = infer_product_params(call, err);
        if (r < 0)
                return r;
        const Shape *b = &call->in[2].shape;
        *out           = (Spec) { .dtype = call->in[2].dtype };

        if (b->ndim != 2 || (b->dim[0] != UNKNOWN && b->dim[0] != p->count) ||
            (b->dim[1] != UNKNOWN && b->dim[1] != p->columns))
                return error_set(err, ERROR_VALUE, "the right factor has %lld rows and %lld columns",
                                 (long long) p->count, (long long) p->columns);
        out->shape = (Shape) { .ndim = 2, .dim = { p->rows, p->columns } };
        for (int k = 0; call->n_in == 4 && k < 2; k++)
                if (call->in[3].shape.ndim != 2 ||
                    (call->in[3].shape.dim[k] != UNKNOWN && call->in[3].shape.dim[k] != out->shape.dim[k]))
                        return error_set(err, ERROR_VALUE, "what a product is added to has its shape");
        return shape_check(&out->shape, dtype_size(out->dtype), err);
}

OP(sparse_dense_product) = {
        .name     = "sparse_dense_product",
        .doc      = "The product of a sparse block with rows of a dense matrix, added to a matrix if one is given.\n\n"
                    "Inputs: keys and data of the block, the rows, and what the product is added to.",
        .family   = FAMILY_EXCHANGE,
        .inputs   = "*blocks",
        .variadic = true,
        .n_in     = 1,
        .params_size = sizeof(SparseProduct),
        .params      = SPARSE_PRODUCT,
        .infer       = infer_dense_product,
        .run         = dense_product_run,
        .core_in     = { CORE_ALL },
        .core_out    = { CORE_ALL },
};
