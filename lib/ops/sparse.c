/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of sparse blocks (ops/sparse.h): dense, a part, in order again, two with one set of keys. */
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

        for (int64_t i = first; i < last; i++) {
                to[i - first] = key_at(key, i) - p->first;
                memcpy(run->out[1].data + (size_t) (i - first) * size, data->data + i * data->stride[0], size);
        }
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

static int order_run(BlockRun *run, _unused_ Error *err) {
        const View *key = &run->in[0], *data = &run->in[1];
        const int64_t n = length_of(key);
        Item *item      = run->scratch;

        if (n == 0)
                return 0;
        order_row(DTYPE_I64, key->data, key->stride[0], n, item, item + n);
        gather_items(key->data, key->stride[0], item, n, sizeof(int64_t), run->out[0].data);
        gather_items(data->data, data->stride[0], item, n, dtype_size(data->dtype), run->out[1].data);
        return 0;
}

static size_t order_scratch(const OpCall *call) {
        return row_scratch(call->in[0].shape.dim[0]);
}

static int infer_order(const OpCall *call, Spec *out, Error *err) {
        const int r = infer_block(call, 0, err);

        if (r < 0)
                return r;
        out[0] = call->in[0];
        out[1] = call->in[1];
        return 0;
}

OP(sparse_order) = {
        .name     = "sparse_order",
        .doc      = "Keys in ascending order, and data in the order of their keys.",
        .family   = FAMILY_EXCHANGE,
        .inputs   = "key, data",
        .n_in     = 2,
        .n_out    = 2,
        .infer    = infer_order,
        .run      = order_run,
        .scratch  = order_scratch,
        .core_in  = { CORE_ALL, CORE_ALL },
        .core_out = { CORE_ALL, CORE_ALL },
};

/* ---- Two blocks -------------------------------------------------------------------------------------------------- */

/* One element, or zero where the block has none. */
static void put(const View *data, int64_t i, bool stored, size_t size, char *to) {
        if (stored)
                memcpy(to, data->data + i * data->stride[0], size);
        else
                memset(to, 0, size);
}

static int union_run(BlockRun *run, _unused_ Error *err) {
        const View *key = &run->in[0], *a = &run->in[1], *b = &run->in[2];
        const int64_t n_a = length_of(a), n_all = length_of(key);
        const size_t size_a = dtype_size(a->dtype), size_b = dtype_size(b->dtype);
        int64_t *to = (int64_t *) run->out[0].data, i = 0, j = n_a, n = 0;

        for (; i < n_a || j < n_all; n++) {
                const int64_t at_a = i < n_a ? key_at(key, i) : INT64_MAX,
                              at_b = j < n_all ? key_at(key, j) : INT64_MAX;

                to[n] = MIN(at_a, at_b);
                put(a, i, at_a <= at_b && i < n_a, size_a, run->out[1].data + (size_t) n * size_a);
                put(b, j - n_a, at_b <= at_a && j < n_all, size_b, run->out[2].data + (size_t) n * size_b);
                i += at_a <= at_b && i < n_a;
                j += at_b <= at_a && j < n_all;
        }
        for (int k = 0; k < 3; k++)
                run->out[k].shape.dim[0] = n;
        return 0;
}

static int64_t union_step(_unused_ const OpCall *call) {
        return 0; /* all in one task */
}

static int infer_union(const OpCall *call, Spec *out, Error *err) {
        const Shape *key = &call->in[0].shape, *a = &call->in[1].shape, *b = &call->in[2].shape;

        if (call->in[0].dtype != DTYPE_I64 || key->ndim != 1 || a->ndim != 1 || b->ndim != 1)
                return error_set(err, ERROR_VALUE, "keys are a vector of int64, data are vectors");
        if (key->dim[0] != UNKNOWN && a->dim[0] != UNKNOWN && b->dim[0] != UNKNOWN &&
            a->dim[0] + b->dim[0] != key->dim[0])
                return error_set(err, ERROR_VALUE, "%lld keys of %lld and %lld elements", (long long) key->dim[0],
                                 (long long) a->dim[0], (long long) b->dim[0]);
        for (int k = 0; k < 3; k++)
                out[k] = (Spec) { .dtype = call->in[k].dtype, .shape = { .ndim = 1, .dim = { UNKNOWN } } };
        return 0;
}

OP(sparse_union) = {
        .name     = "sparse_union",
        .doc      = "The keys that either of two sparse blocks has, and what each of them has there, or zero.\n\n"
                    "`key` has the keys of a, then those of b.",
        .family   = FAMILY_EXCHANGE,
        .inputs   = "key, a, b",
        .n_in     = 3,
        .n_out    = 3,
        .infer    = infer_union,
        .run      = union_run,
        .step     = union_step,
        .core_in  = { CORE_ALL, CORE_ALL, CORE_ALL },
        .core_out = { CORE_ALL, CORE_ALL, CORE_ALL },
        .follows  = 1,
        .unknown  = true,
};
