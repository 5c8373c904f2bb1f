/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What operators on sparse matrices share.
 *
 * A matrix with few elements that are not zero is cut into blocks of whole rows. A block is two vectors of one length:
 * its keys, the positions of what is stored in C order of the block (row * columns + column), ascending and none twice,
 * and its data, what stands there. What is not stored is zero; what is stored may be zero. A block is whole in a task,
 * so what belongs together cannot come apart, although nobody knows its length before it is made.
 *
 * Keys come from outside: every operator that goes by them to a place in memory looks at them before. That a block's
 * two vectors have one length is inference's to say, which is asked again when lengths are known. */
#include "graph/infer.h"
#include "ops/complex.h"

/* The elements that are computed with; float16 is computed in float32, by whoever asks. */
#define SPARSE_DTYPES(X, ...) BITS(X, __VA_ARGS__) WHOLE_FLOATS(X, __VA_ARGS__) COMPLEXES(X, __VA_ARGS__)

#define SUM_BOOL(a, b) ((a) | (b))
#define SUM_I8(a, b) ((int8_t) ((a) + (b)))
#define SUM_U8(a, b) ((uint8_t) ((a) + (b)))
#define SUM_I16(a, b) ((int16_t) ((a) + (b)))
#define SUM_U16(a, b) ((uint16_t) ((a) + (b)))
#define SUM_I32(a, b) ((a) + (b))
#define SUM_U32(a, b) ((a) + (b))
#define SUM_I64(a, b) ((a) + (b))
#define SUM_U64(a, b) ((a) + (b))
#define SUM_F32(a, b) ((a) + (b))
#define SUM_F64(a, b) ((a) + (b))
#define SUM_C64(a, b) ((a) + (b))
#define SUM_C128(a, b) ((a) + (b))

#define TIMES_BOOL(a, b) ((a) & (b))
#define TIMES_I8(a, b) ((int8_t) ((a) * (b)))
#define TIMES_U8(a, b) ((uint8_t) ((a) * (b)))
#define TIMES_I16(a, b) ((int16_t) ((a) * (b)))
#define TIMES_U16(a, b) ((uint16_t) ((uint32_t) (a) * (b)))
#define TIMES_I32(a, b) ((a) * (b))
#define TIMES_U32(a, b) ((a) * (b))
#define TIMES_I64(a, b) ((a) * (b))
#define TIMES_U64(a, b) ((a) * (b))
#define TIMES_F32(a, b) ((a) * (b))
#define TIMES_F64(a, b) ((a) * (b))
#define TIMES_C64(a, b) COMPLEX_MUL(a, b)
#define TIMES_C128(a, b) COMPLEX_MUL(a, b)

static inline _unused_ int64_t key_at(const View *key, int64_t i) {
        return *(const int64_t *) (key->data + i * key->stride[0]);
}

static inline _unused_ int64_t length_of(const View *v) {
        return v->shape.dim[0];
}

/* The first of the keys from `from` on that is not below `limit`. */
static inline _unused_ int64_t key_find(const View *key, int64_t from, int64_t limit) {
        int64_t end = length_of(key);

        while (from < end) {
                const int64_t middle = from + (end - from) / 2;

                if (key_at(key, middle) < limit)
                        from = middle + 1;
                else
                        end = middle;
        }
        return from;
}

/* One after another of the rows of a block that store anything, and whether keys are in order. Whoever goes by a key to
 * a place in memory has entered its row, and each key that it then sees is of that row. */
typedef struct RowWalk {
        const View *key;
        int64_t rows, columns, limit;
        int64_t row, begin, from, to; /* this row, its first key, and which elements it stores */
        int64_t last;                 /* the last key before `to` */
        bool wrong;
} RowWalk;

static _unused_ int walk_begin(RowWalk *ret, const View *key, int64_t rows, int64_t columns, Error *err) {
        *ret = (RowWalk) { .key = key, .rows = rows, .columns = columns, .last = -1 };
        if (__builtin_mul_overflow(rows, columns, &ret->limit))
                return error_set(err, ERROR_VALUE, "a block of %lld x %lld elements: there are more than keys",
                                 (long long) rows, (long long) columns);
        return 0;
}

/* Goes to the next row. False after the last one, and when keys were wrong. */
static inline _unused_ bool walk_enter(RowWalk *w) {
        int64_t at;

        if (w->wrong || w->to == length_of(w->key))
                return false;
        at       = key_at(w->key, w->to);
        w->wrong = at <= w->last || at >= w->limit;
        if (w->wrong)
                return false;
        w->from  = w->to;
        w->row   = at / w->columns;
        w->begin = w->row * w->columns;
        return true;
}

/* What is written for each element of the row that was entered: k is its column, `from` where it stands in `values`.
 * The row's end is looked for in the same pass: its place cannot be predicted, and twice took half as long again. */
#define WALK_ROW(w, values, ...)                                                                                       \
        do {                                                                                                           \
                const int64_t key_step_ = (w)->key->stride[0], step_ = (values)->stride[0];                            \
                const int64_t n_ = length_of((w)->key), begin_ = (w)->begin, columns_ = (w)->columns;                  \
                const char *key_ = (w)->key->data + (w)->from * key_step_;                                             \
                const char *from = (values)->data + (w)->from * step_;                                                 \
                int64_t i_ = (w)->from, before_ = -1, k = *(const int64_t *) key_ - begin_;                            \
                bool wrong_ = false;                                                                                   \
                                                                                                                       \
                do {                                                                                                   \
                        wrong_ |= k <= before_;                                                                        \
                        before_ = k;                                                                                   \
                        __VA_ARGS__;                                                                                   \
                        if (++i_ == n_)                                                                                \
                                break;                                                                                 \
                        key_ += key_step_;                                                                             \
                        from += step_;                                                                                 \
                        k = *(const int64_t *) key_ - begin_;                                                          \
                } while ((uint64_t) k < (uint64_t) columns_);                                                          \
                (void) from;                                                                                           \
                (w)->to    = i_;                                                                                       \
                (w)->last  = begin_ + before_;                                                                         \
                (w)->wrong = wrong_;                                                                                   \
        } while (0)

/* The next row, of which all keys have been looked at. */
static inline _unused_ bool walk_next(RowWalk *w) {
        if (!walk_enter(w))
                return false;
        WALK_ROW(w, w->key, );
        return !w->wrong;
}

static _unused_ int walk_end(const RowWalk *w, Error *err) {
        if (!w->wrong)
                return 0;
        return error_set(err, ERROR_VALUE, "keys of a block of %lld x %lld elements must ascend below %lld",
                         (long long) w->rows, (long long) w->columns, (long long) w->limit);
}

/* Keys are positions in rows x columns elements. */
static _unused_ int keys_check(const View *key, int64_t rows, int64_t columns, Error *err) {
        const int64_t n = length_of(key);
        int64_t before  = -1;
        RowWalk w;
        int r;

        r = walk_begin(&w, key, rows, columns, err);
        if (r < 0)
                return r;
        for (int64_t i = 0; i < n; i++) {
                const int64_t at = key_at(key, i);

                w.wrong |= at <= before;
                before = at;
        }
        w.wrong |= before >= w.limit;
        return walk_end(&w, err);
}

/* Inputs `first` and the next one are the keys and the data of a block. */
static _unused_ int infer_block(const OpCall *call, uint32_t first, Error *err) {
        const Spec *key = &call->in[first], *data = &call->in[first + 1];

        if (key->dtype != DTYPE_I64 || key->shape.ndim != 1)
                return error_set(err, ERROR_VALUE, "keys are a vector of int64, not of %s with %d dimension(s)",
                                 dtype_name(key->dtype), key->shape.ndim);
        if (data->shape.ndim != 1 ||
            (key->shape.dim[0] != UNKNOWN && data->shape.dim[0] != UNKNOWN && key->shape.dim[0] != data->shape.dim[0]))
                return error_set(err, ERROR_VALUE, "data are a vector of the length of their keys");
        return 0;
}

static _unused_ int infer_computed(const OpCall *call, uint32_t first, uint32_t second, Error *err) {
        const DType a = call->in[first].dtype, b = call->in[second].dtype;

        if (a == b && a != DTYPE_F16)
                return 0;
        return error_set(err, ERROR_TYPE,
                         "sparse matrices are computed in one dtype, and float16 in float32, not in %s and %s",
                         dtype_name(a), dtype_name(b));
}

static _unused_ int infer_lengths(int64_t a, int64_t b, int64_t c, Error *err) {
        if (a < 0 || b < 0 || c < 0)
                return error_set(err, ERROR_VALUE, "negative dimensions are not allowed");
        return 0;
}
