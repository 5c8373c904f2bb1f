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

typedef void FoldFn(RowWalk *walk, const View *data, int64_t axis, void *out);

#define FOLD_LOOP_(D, name, expr)                                                                                      \
        static void fold_##name##_##D(RowWalk *walk, const View *data, int64_t axis, void *out) {                      \
                typedef CTYPE_##D T;                                                                                   \
                T *to = out;                                                                                           \
                                                                                                                       \
                while (axis == 1 && walk_enter(walk)) {                                                                \
                        T a = to[walk->row];                                                                           \
                                                                                                                       \
                        WALK_ROW(walk, data, {                                                                         \
                                const T b = *(const T *) from;                                                         \
                                                                                                                       \
                                a = (expr);                                                                            \
                        });                                                                                            \
                        to[walk->row] = a;                                                                             \
                }                                                                                                      \
                while (axis == 0 && walk_enter(walk))                                                                  \
                        WALK_ROW(walk, data, {                                                                         \
                                const T a = to[k], b = *(const T *) from;                                              \
                                                                                                                       \
                                to[k] = (expr);                                                                        \
                        });                                                                                            \
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
        const int64_t n     = length_of(out);
        const size_t size   = dtype_size(out->dtype);
        RowWalk walk;
        int r;

        /* by columns it does not matter how many rows there are */
        r = walk_begin(&walk, &run->in[1], p->axis == 1 ? n : INT64_MAX / MAX(p->columns, (int64_t) 1), p->columns,
                       err);
        if (r < 0)
                return r;
        if (from->stride[0] == (int64_t) size)
                memcpy(out->data, from->data, (size_t) n * size);
        else
                for (int64_t i = 0; i < n; i++)
                        memcpy(out->data + (size_t) i * size, from->data + i * from->stride[0], size);
        fold_find(p->function, out->dtype)(&walk, &run->in[2], p->axis, out->data);
        return walk_end(&walk, err);
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
        if (p->axis == 0 && call->in[0].shape.dim[0] != UNKNOWN && call->in[0].shape.dim[0] != p->columns)
                return error_set(err, ERROR_VALUE, "a fold of %lld columns begins with as many elements, not %lld",
                                 (long long) p->columns, (long long) call->in[0].shape.dim[0]);
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
                       "outside or out of order.",
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
