/* SPDX-License-Identifier: Apache-2.0 */
/* Products of sparse blocks with dense and with sparse matrices.
 *
 * A row of the result is a sum of rows of the right factor, one for each element that the left row stores, added in the
 * order of columns, from zero or from what was made of the columns before. That order is the matrix's own: how either
 * factor is cut does not change a bit.
 *
 * A row of a sparse result is summed in a band of columns that the second cache holds, with a bit for each column and a
 * byte for each word of those, so that what was touched is found in order without looking at the rest (Gustavson's
 * method; a byte is written without waiting for what it was). Rows that go beyond the band are summed band by band,
 * beginning with the first column that is there.
 *
 * How long a sparse result is at most, nobody knows without looking at both factors. `sparse_room` counts, and its
 * answer is a length: a tensor of so many rows of no bytes, which the product takes as its room. */
#include "ops/sparse.h"

enum {
        BAND       = 1 << 16, /* columns that are summed at a time: 512 KiB of float64 */
        BAND_WORDS = BAND / 64,
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
static int row_starts(const View *key, int64_t count, int64_t columns, int64_t *start, Error *err) {
        int64_t row = 0;
        RowWalk w;
        int r;

        r = walk_begin(&w, key, count, columns, err);
        if (r < 0)
                return r;
        while (walk_next(&w))
                for (; row <= w.row; row++)
                        start[row] = w.from;
        for (; row <= count; row++)
                start[row] = length_of(key);
        return walk_end(&w, err);
}

/* ---- Room -------------------------------------------------------------------------------------------------------- */

static int room_run(BlockRun *run, Error *err) {
        const SparseProduct *p = run->params;
        const View *a = &run->in[0], *b = &run->in[1];
        int64_t *start = run->scratch, total = 0;
        RowWalk w;
        int r;

        r = row_starts(b, p->count, p->columns, start, err);
        if (r < 0)
                return r;
        r = walk_begin(&w, a, p->rows, p->inner, err);
        if (r < 0)
                return r;
        while (walk_enter(&w)) {
                int64_t products = 0;

                WALK_ROW(&w, a, {
                        const int64_t at = k - p->first;

                        products += at >= 0 && at < p->count ? start[at + 1] - start[at] : 0;
                });
                total += MIN(products, p->columns); /* no row has more elements than columns */
        }
        run->out[0].shape.dim[0] = total;
        return walk_end(&w, err);
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
        char some[BAND_WORDS]; /* of each word whether it has a bit */
        uint64_t word[BAND_WORDS];
        char value[BAND * sizeof(c128)];
} Band;

/* What a product needs besides its blocks. */
typedef struct Product {
        const SparseProduct *p;
        RowWalk a_walk, c_walk; /* of the left block, and of what was made of the columns before */
        const View *a, *b_key, *b, *c;
        Band *band;
        int64_t *start, *cursor; /* of rows of b; [element of the row of a] where its row of b goes on */
        int64_t *out_key;
        void *out;
        int64_t room, n;
} Product;

static inline void touch(Band *band, int64_t k) {
        band->word[k >> 6] |= UINT64_C(1) << (k & 63);
        band->some[k >> 6] = 1;
}

/* Some of the elements of a row are [from, to) of a, [c_from, c_to) of c. Its keys are row * columns + … */
typedef struct ProductRow {
        int64_t row, from, to, c_from, c_to;
} ProductRow;

/* put_: elements [i, to) of c that are in the band from column `lo` on; the first that is not.
 * add_: to the band what elements [j, end) of a row of b, whose first key is `begin`, make with one of a; likewise.
 * emit_: what is in `columns` of the band goes to the result, and the band is empty.
 * row_: a row, band by band. */
#define PRODUCT_(D, name)                                                                                              \
        static int64_t put_##D(Band *band, const View *key, const View *c, int64_t i, int64_t to, int64_t begin) {     \
                typedef CTYPE_##D T;                                                                                   \
                T *value = (T *) band->value;                                                                          \
                                                                                                                       \
                for (; i < to; i++) {                                                                                  \
                        const int64_t at = key_at(key, i) - begin;                                                     \
                                                                                                                       \
                        if (at >= BAND)                                                                                \
                                break;                                                                                 \
                        value[at] = *(const T *) (c->data + i * c->stride[0]);                                         \
                        touch(band, at);                                                                               \
                }                                                                                                      \
                return i;                                                                                              \
        }                                                                                                              \
        static int64_t add_##D(Band *band, const View *key, const View *b, int64_t j, int64_t end, int64_t begin,      \
                               CTYPE_##D left) {                                                                       \
                typedef CTYPE_##D T;                                                                                   \
                T *value = (T *) band->value;                                                                          \
                                                                                                                       \
                for (; j < end; j++) {                                                                                 \
                        const int64_t at = key_at(key, j) - begin;                                                     \
                        const T right    = *(const T *) (b->data + j * b->stride[0]);                                  \
                                                                                                                       \
                        if (at >= BAND)                                                                                \
                                break;                                                                                 \
                        value[at] = SUM_##D(value[at], TIMES_##D(left, right));                                        \
                        touch(band, at);                                                                               \
                }                                                                                                      \
                return j;                                                                                              \
        }                                                                                                              \
        static bool emit_##D(Product *x, int64_t key, int64_t columns) {                                               \
                typedef CTYPE_##D T;                                                                                   \
                Band *band = x->band;                                                                                  \
                T *value   = (T *) band->value;                                                                        \
                int64_t *k = x->out_key + x->n, *const end = x->out_key + x->room;                                     \
                T *to = (T *) x->out + x->n;                                                                           \
                                                                                                                       \
                for (int64_t first = 0; first * 64 < columns; first += sizeof(uint64_t)) {                             \
                        uint64_t some;                                                                                 \
                                                                                                                       \
                        memcpy(&some, band->some + first, sizeof(some));                                               \
                        memset(band->some + first, 0, sizeof(some));                                                   \
                        for (; some != 0; some &= some - 1) {                                                          \
                                const int64_t w = first + (__builtin_ctzll(some) >> 3);                                \
                                uint64_t word   = band->word[w];                                                       \
                                                                                                                       \
                                if (end - k < __builtin_popcountll(word))                                              \
                                        return false;                                                                  \
                                band->word[w] = 0;                                                                     \
                                for (; word != 0; word &= word - 1) {                                                  \
                                        const int64_t at = w * 64 + __builtin_ctzll(word);                             \
                                                                                                                       \
                                        *k++      = key + at;                                                          \
                                        *to++     = value[at];                                                         \
                                        value[at] = 0;                                                                 \
                                }                                                                                      \
                        }                                                                                              \
                }                                                                                                      \
                x->n = k - x->out_key;                                                                                 \
                return true;                                                                                           \
        }                                                                                                              \
        static bool row_##D(Product *x, const ProductRow *of) {                                                        \
                typedef CTYPE_##D T;                                                                                   \
                const SparseProduct *p = x->p;                                                                         \
                const int64_t n = p->columns, a_begin = of->row * p->inner + p->first, c_begin = of->row * n;          \
                const View *a_key = x->a_walk.key, *c_key = x->c_walk.key;                                             \
                int64_t c = of->c_from;                                                                                \
                                                                                                                       \
                for (int64_t i = of->from; i < of->to; i++) {                                                          \
                        const int64_t k = key_at(a_key, i) - a_begin;                                                  \
                                                                                                                       \
                        x->cursor[i - of->from] = k >= 0 && k < p->count ? x->start[k] : -1;                           \
                }                                                                                                      \
                for (;;) {                                                                                             \
                        int64_t lo = 0;                                                                                \
                                                                                                                       \
                        if (n > BAND) {                                                                                \
                                lo = c < of->c_to ? key_at(c_key, c) - c_begin : INT64_MAX;                            \
                                for (int64_t i = of->from; i < of->to; i++) {                                          \
                                        const int64_t k = key_at(a_key, i) - a_begin, j = x->cursor[i - of->from];     \
                                                                                                                       \
                                        if (j >= 0 && j < x->start[k + 1])                                             \
                                                lo = MIN(lo, key_at(x->b_key, j) - k * n);                             \
                                }                                                                                      \
                                if (lo == INT64_MAX)                                                                   \
                                        return true;                                                                   \
                        }                                                                                              \
                        if (c < of->c_to)                                                                              \
                                c = put_##D(x->band, c_key, x->c, c, of->c_to, c_begin + lo);                          \
                        for (int64_t i = of->from; i < of->to; i++) {                                                  \
                                const int64_t k = key_at(a_key, i) - a_begin, j = x->cursor[i - of->from];             \
                                const T left = *(const T *) (x->a->data + i * x->a->stride[0]);                        \
                                                                                                                       \
                                if (j >= 0)                                                                            \
                                        x->cursor[i - of->from] = add_##D(x->band, x->b_key, x->b, j, x->start[k + 1], \
                                                                          k * n + lo, left);                           \
                        }                                                                                              \
                        if (!emit_##D(x, c_begin + lo, MIN(n - lo, (int64_t) BAND)))                                   \
                                return false;                                                                          \
                        if (n <= BAND)                                                                                 \
                                return true;                                                                           \
                }                                                                                                      \
        }
#define PRODUCT_ENTRY_(D, name) [DTYPE_##D] = row_##D,

SPARSE_DTYPES(PRODUCT_, )

typedef bool RowFn(Product *x, const ProductRow *of);
static RowFn *const row_of[_DTYPE_MAX] = { SPARSE_DTYPES(PRODUCT_ENTRY_, ) };

static int product_run(BlockRun *run, Error *err) {
        const SparseProduct *p = run->params;
        const bool more        = run->n_in > BEFORE;
        RowFn *fn              = row_of[run->out[1].dtype];
        Product x              = { .p       = p,
                                   .a       = &run->in[LEFT + 1],
                                   .b_key   = &run->in[RIGHT],
                                   .b       = &run->in[RIGHT + 1],
                                   .c       = more ? &run->in[BEFORE + 1] : NULL,
                                   .band    = run->scratch,
                                   .start   = (int64_t *) ((Band *) run->scratch + 1),
                                   .out_key = (int64_t *) run->out[0].data,
                                   .out     = run->out[1].data,
                                   .room    = length_of(&run->out[0]) };
        bool a, c;
        int r;

        x.cursor = x.start + p->count + 1;
        r        = row_starts(x.b_key, p->count, p->columns, x.start, err);
        if (r == 0)
                r = walk_begin(&x.a_walk, &run->in[LEFT], p->rows, p->inner, err);
        if (r == 0 && more)
                r = walk_begin(&x.c_walk, &run->in[BEFORE], p->rows, p->columns, err);
        if (r < 0)
                return r;
        memset(x.band, 0, sizeof(*x.band));
        a = walk_next(&x.a_walk);
        c = more && walk_next(&x.c_walk);
        while (a || c) {
                ProductRow of   = { .row = MIN(a ? x.a_walk.row : INT64_MAX, c ? x.c_walk.row : INT64_MAX) };
                const bool a_on = a && x.a_walk.row == of.row, c_on = c && x.c_walk.row == of.row;

                if (a_on) {
                        of.from = x.a_walk.from;
                        of.to   = x.a_walk.to;
                }
                if (c_on) {
                        of.c_from = x.c_walk.from;
                        of.c_to   = x.c_walk.to;
                }
                if (!fn(&x, &of))
                        return error_set(err, ERROR_VALUE, "a product of sparse blocks has more than %lld elements",
                                         (long long) x.room);
                if (a_on)
                        a = walk_next(&x.a_walk);
                if (c_on)
                        c = walk_next(&x.c_walk);
        }
        run->out[0].shape.dim[0] = run->out[1].shape.dim[0] = x.n;
        r                                                   = walk_end(&x.a_walk, err);
        return r < 0 ? r : walk_end(&x.c_walk, err);
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

/* to[j] += a * x[j]; one column stays in a register for a row. */
#define DENSE_ROWS_(D, name)                                                                                           \
        static void add_column_##D(RowWalk *w, const View *data, const View *b, const SparseProduct *p, View *out) {   \
                typedef CTYPE_##D T;                                                                                   \
                const char *x       = b->data;                                                                         \
                const int64_t first = p->first, count = p->count, step = b->stride[0];                                 \
                const bool whole = count == p->inner && step == sizeof(T);                                             \
                                                                                                                       \
                while (walk_enter(w)) {                                                                                \
                        T *to = (T *) (out->data + w->row * out->stride[0]), sum = *to;                                \
                                                                                                                       \
                        if (whole)                                                                                     \
                                WALK_ROW(w, data,                                                                      \
                                         sum = SUM_##D(sum, TIMES_##D(*(const T *) from, ((const T *) x)[k])));        \
                        else                                                                                           \
                                WALK_ROW(w, data, {                                                                    \
                                        const int64_t at = k - first;                                                  \
                                                                                                                       \
                                        if (at >= 0 && at < count)                                                     \
                                                sum = SUM_##D(sum, TIMES_##D(*(const T *) from,                        \
                                                                             *(const T *) (x + at * step)));           \
                                });                                                                                    \
                        *to = sum;                                                                                     \
                }                                                                                                      \
        }                                                                                                              \
        static void add_rows_##D(RowWalk *w, const View *data, const View *b, const SparseProduct *p, View *out) {     \
                typedef CTYPE_##D T;                                                                                   \
                const int64_t columns = b->shape.dim[1], step = b->stride[1];                                          \
                                                                                                                       \
                while (walk_enter(w)) {                                                                                \
                        T *restrict to = (T *) (out->data + w->row * out->stride[0]);                                  \
                                                                                                                       \
                        WALK_ROW(w, data, {                                                                            \
                                const int64_t at = k - p->first;                                                       \
                                                                                                                       \
                                if (at >= 0 && at < p->count) {                                                        \
                                        const T a           = *(const T *) from;                                       \
                                        const char *row     = b->data + at * b->stride[0];                             \
                                        const T *restrict x = (const T *) row;                                         \
                                                                                                                       \
                                        if (step == sizeof(T))                                                         \
                                                for (int64_t j = 0; j < columns; j++)                                  \
                                                        to[j] = SUM_##D(to[j], TIMES_##D(a, x[j]));                    \
                                        else                                                                           \
                                                for (int64_t j = 0; j < columns; j++)                                  \
                                                        to[j] = SUM_##D(to[j],                                         \
                                                                        TIMES_##D(a, *(const T *) (row + j * step)));  \
                                }                                                                                      \
                        });                                                                                            \
                }                                                                                                      \
        }
#define DENSE_ENTRY_(D, name) [DTYPE_##D] = { add_column_##D, add_rows_##D },

SPARSE_DTYPES(DENSE_ROWS_, )

typedef void AddRowsFn(RowWalk *w, const View *data, const View *b, const SparseProduct *p, View *out);
static AddRowsFn *const add_rows_of[_DTYPE_MAX][2] = { SPARSE_DTYPES(DENSE_ENTRY_, ) };

static int dense_product_run(BlockRun *run, Error *err) {
        const SparseProduct *p = run->params;
        const View *before     = run->n_in > 3 ? &run->in[3] : NULL;
        View *out              = &run->out[0];
        const size_t size      = dtype_size(out->dtype);
        RowWalk w;
        int r;

        r = walk_begin(&w, &run->in[0], p->rows, p->inner, err);
        if (r < 0)
                return r;
        if (!before)
                memset(out->data, 0, (size_t) shape_size(&out->shape) * size);
        for (int64_t i = 0; before && i < p->rows; i++)
                for (int64_t j = 0; j < p->columns; j++)
                        memcpy(out->data + (size_t) (i * p->columns + j) * size,
                               before->data + i * before->stride[0] + (j > 0 ? j * before->stride[1] : 0), size);
        add_rows_of[out->dtype][p->columns != 1](&w, &run->in[1], &run->in[2], p, out);
        return walk_end(&w, err);
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

        if ((b->ndim != 2 && (b->ndim != 1 || p->columns != 1)) || (b->dim[0] != UNKNOWN && b->dim[0] != p->count) ||
            (b->ndim == 2 && b->dim[1] != UNKNOWN && b->dim[1] != p->columns))
                return error_set(err, ERROR_VALUE, "the right factor has %lld rows and %lld columns",
                                 (long long) p->count, (long long) p->columns);
        out->shape = (Shape) { .ndim = b->ndim, .dim = { p->rows, p->columns } };
        if (b->ndim == 1)
                out->shape.dim[1] = 0;
        if (call->n_in == 4 && call->in[3].shape.ndim != b->ndim)
                return error_set(err, ERROR_VALUE, "what a product is added to has its shape");
        for (int k = 0; call->n_in == 4 && k < b->ndim; k++)
                if (call->in[3].shape.dim[k] != UNKNOWN && call->in[3].shape.dim[k] != out->shape.dim[k])
                        return error_set(err, ERROR_VALUE, "what a product is added to has its shape");
        return shape_check(&out->shape, dtype_size(out->dtype), err);
}

OP(sparse_dense_product) = {
        .name     = "sparse_dense_product",
        .doc      = "The product of a sparse block with rows of a dense matrix, added to a matrix if one is given.\n\n"
                    "Inputs: keys and data of the block, the rows, and what the product is added to. Of one column the "
                    "last two may be vectors, and the product is one, too.",
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
