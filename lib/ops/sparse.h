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

/* Keys are positions in rows x columns elements. */
static _unused_ int keys_check(const View *key, int64_t rows, int64_t columns, Error *err) {
        const int64_t n = length_of(key);
        int64_t limit, before = -1;
        bool wrong = false;

        if (__builtin_mul_overflow(rows, columns, &limit))
                return error_set(err, ERROR_VALUE, "a block of %lld x %lld elements: there are more than keys",
                                 (long long) rows, (long long) columns);
        for (int64_t i = 0; i < n; i++) {
                const int64_t at = key_at(key, i);

                wrong |= at <= before;
                before = at;
        }
        if (wrong || before >= limit)
                return error_set(err, ERROR_VALUE, "keys of a block of %lld x %lld elements must ascend below %lld",
                                 (long long) rows, (long long) columns, (long long) limit);
        return 0;
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
