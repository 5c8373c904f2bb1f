/* SPDX-License-Identifier: Apache-2.0 */
/* Sums, products and extremes of what is stored of a sparse block, by rows or by columns.
 *
 * A fold goes on from what it is given, one element after the other in the order of keys. So the elements of a row are
 * folded in the order of columns, those of a column in the order of rows, from block to block: how the matrix is cut
 * into blocks does not change a bit. */
#include "ops/sparse.h"

typedef struct SparseFold {
        int64_t columns, axis;
        const char *function;
} SparseFold;

typedef int FoldFn(const View *key, const View *data, const SparseFold *p, int64_t n, void *out, Error *err);

static int outside(int64_t key, Error *err) {
        return error_set(err, ERROR_VALUE, "key %lld is not of this block", (long long) key);
}

/* `row` is the row of the last key, so that only keys of other rows are divided. */
#define FOLD_LOOP_(D, name, expr)                                                                                      \
        static int fold_##name##_##D(const View *key, const View *data, const SparseFold *p, int64_t n, void *out,     \
                                     Error *err) {                                                                     \
                typedef CTYPE_##D T;                                                                                   \
                const int64_t length = length_of(key), columns = p->columns;                                           \
                T *to       = out;                                                                                     \
                int64_t row = 0, first = 0, end = columns;                                                             \
                                                                                                                       \
                for (int64_t i = 0; i < length; i++) {                                                                 \
                        const int64_t at = key_at(key, i);                                                             \
                                                                                                                       \
                        if (at < first || at >= end) {                                                                 \
                                if (at < 0 || columns == 0 || at > INT64_MAX - columns)                                \
                                        return outside(at, err);                                                       \
                                row   = at / columns;                                                                  \
                                first = row * columns;                                                                 \
                                end   = first + columns;                                                               \
                        }                                                                                              \
                        const int64_t k = p->axis == 0 ? at - first : row;                                             \
                        if (k >= n)                                                                                    \
                                return outside(at, err);                                                               \
                        const T a = to[k], b = *(const T *) (data->data + i * data->stride[0]);                        \
                        to[k] = (expr);                                                                                \
                }                                                                                                      \
                return 0;                                                                                              \
        }
#define FOLD_SUM_(D, name) FOLD_LOOP_(D, name, SUM_##D(a, b))
#define FOLD_TIMES_(D, name) FOLD_LOOP_(D, name, TIMES_##D(a, b))
#define FOLD_MAX_(D, name) FOLD_LOOP_(D, name, (IS_NAN(a) | (a >= b)) ? a : b)
#define FOLD_MIN_(D, name) FOLD_LOOP_(D, name, (IS_NAN(a) | (a <= b)) ? a : b)
#define FOLD_ENTRY_(D, name) [DTYPE_##D] = fold_##name##_##D,
#define SPARSE_ORDERED(X, ...) BITS(X, __VA_ARGS__) WHOLE_FLOATS(X, __VA_ARGS__)

SPARSE_DTYPES(FOLD_SUM_, add)
SPARSE_DTYPES(FOLD_TIMES_, multiply)
SPARSE_ORDERED(FOLD_MAX_, maximum)
SPARSE_ORDERED(FOLD_MIN_, minimum)

static const struct Function {
        const char *name;
        FoldFn *of[_DTYPE_MAX];
} functions[] = {
        { "add", { SPARSE_DTYPES(FOLD_ENTRY_, add) } },
        { "multiply", { SPARSE_DTYPES(FOLD_ENTRY_, multiply) } },
        { "maximum", { SPARSE_ORDERED(FOLD_ENTRY_, maximum) } },
        { "minimum", { SPARSE_ORDERED(FOLD_ENTRY_, minimum) } },
};

static FoldFn *fold_find(const char *name, DType dtype) {
        for (size_t k = 0; k < ELEMENTSOF(functions); k++)
                if (name && strcmp(name, functions[k].name) == 0)
                        return functions[k].of[dtype];
        return NULL;
}

static int fold_run(BlockRun *run, Error *err) {
        const SparseFold *p = run->params;
        const View *from    = &run->in[0];
        View *out           = &run->out[0];
        const size_t size   = dtype_size(out->dtype);

        for (int64_t i = 0; i < length_of(out); i++)
                memcpy(out->data + (size_t) i * size, from->data + i * from->stride[0], size);
        return fold_find(p->function, out->dtype)(&run->in[1], &run->in[2], p, length_of(out), out->data, err);
}

static int infer_fold(const OpCall *call, Spec *out, Error *err) {
        const SparseFold *p = call->params;
        int r               = infer_block(call, 1, err);

        if (r == 0)
                r = infer_computed(call, 0, 2, err);
        if (r == 0)
                r = infer_lengths(p->columns, p->axis, 1 - p->axis, err);
        if (r < 0)
                return r;
        if (call->in[0].shape.ndim != 1)
                return error_set(err, ERROR_VALUE, "a fold begins with a vector");
        if (!fold_find(p->function, call->in[2].dtype))
                return error_set(err, ERROR_TYPE, "sparse matrices of %s are not folded by '%s'",
                                 dtype_name(call->in[2].dtype), p->function ?: "None");
        *out = (Spec) { .dtype = call->in[0].dtype, .shape = call->in[0].shape };
        return 0;
}

OP(sparse_fold) = {
        .name        = "sparse_fold",
        .doc         = "What is stored of a sparse block folded by rows or columns, from `start` on.\n\n"
                       "`start` has an element for each row (axis 1) or column (axis 0). Raises ValueError for keys "
                       "outside.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "start, key, data",
        .n_in        = 3,
        .params_size = sizeof(SparseFold),
        .params      = (const Param[]) { PARAM(SparseFold, columns, PARAM_I64, NULL, "Columns of the matrix."),
                                         PARAM(SparseFold, axis, PARAM_I64, NULL, "0 or 1: the axis that disappears."),
                                         PARAM(SparseFold, function, PARAM_TEXT, NULL,
                                               "add, multiply, maximum or minimum."),
                                         {} },
        .infer       = infer_fold,
        .run         = fold_run,
        .core_in     = { CORE_ALL, CORE_ALL, CORE_ALL },
        .core_out    = { CORE_ALL },
};
