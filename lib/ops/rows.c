/* SPDX-License-Identifier: Apache-2.0 */
/* Any index may name any row, so a task that chooses rows reads all of them, and one that sets rows all indices and
 * values. All tasks share these: as long as they fit into memory beside what tasks have of their own, that is best.
 *
 * Otherwise what is shared comes in parts, each of which stays in memory while some chunks of the result go through it:
 * gather_first makes a chunk from the first part, and gather_next puts into it what another has. Setting rows is a
 * chain of scatter_rows already, with a part of the indices and values each, in their order. The chunks that go through
 * all parts together (Group, made in plan/block.c) are those that memory holds, so that no chunk is written twice: of s
 * bytes that are shared and r bytes of a result with its indices s * r / (3/8 memory) are read.
 *
 * Rows that are too long for this are chosen element by element. */
#include "ops/rows.h"

#include "tensor/tiling.h"

enum {
        ROW_SHARE    = 8,         /* of a task, that a row may have: it is read, made, and its neighbours too */
        TASK_SHARE   = 4,         /* of a task, that its rows are: half is for what goes on, of input and output */
        BUCKET_BYTES = 256 << 10, /* of rows: half of a second cache */
        BUCKETS_MOST = 2048,      /* and as many counters, half of a first one */
        INDEX_BYTES  = 64 << 10,  /* all tasks look through fewer indices (or a sixteenth of a task), */
        INDEX_SHARE  = 16,
        FEW_TASKS    = 6, /* and so few tasks through more; */
        DEALT_SHARE  = 4, /* one more for every so many bytes of a row, which dealing moves */
};

static size_t row_bytes(const Spec *spec) {
        size_t n = dtype_size(spec->dtype);

        for (int k = 1; k < spec->shape.ndim; k++)
                if (__builtin_mul_overflow(n, (size_t) spec->shape.dim[k], &n))
                        return SIZE_MAX;
        return n;
}

static bool more_than(int64_t n, size_t each, size_t bytes) {
        size_t total;

        return __builtin_mul_overflow((size_t) n, each, &total) || total > bytes;
}

/* Rows of `each` bytes as elements, rows named by `index` as elements of them: all positions of a row follow. */
static Ref build_elements(Build *b, Ref rows) {
        const Shape flat = { .ndim = 1, .dim = { shape_size(&build_spec(b, rows)->shape) } };

        return build_reshape(b, rows, &flat);
}

static Ref build_element_index(Build *b, Ref index, int64_t row) {
        const ArangeParams places = { .source = { .shape = DIMS(row), .dtype = DTYPE_I64 },
                                      .start  = scalar_from_i64(DTYPE_I64, 0),
                                      .step   = scalar_from_i64(DTYPE_I64, 1) };
        const Ref first = build_binary(b, "multiply", index, build_scalar(b, scalar_from_i64(DTYPE_I64, row)));

        return build_elements(
                b, build_binary(b, "add", build_insert_axis(b, first, 1), build_op(b, "arange", &places, 0, NULL)));
}

Ref build_gather_rows(Build *b, Ref a, Ref index, int axis) {
        const Spec spec   = *build_spec(b, a);
        const int64_t n   = spec.shape.dim[0];
        const size_t each = row_bytes(&spec), all = shared_bytes(b);
        int64_t part;
        Ref ret = {};

        if (b->task_bytes == 0 || n == 0 || !more_than(n, each, all / WHOLE_SHARE))
                return build_op(b, "gather_rows", &(GatherParams) { axis }, 2, (const Ref[]) { a, index });
        if (spec.shape.ndim > 1 && each > b->task_bytes / ROW_SHARE) {
                const IndexParams wrap = { .axis = axis, .length = n };
                Shape shape            = spec.shape;

                shape.dim[0] = build_spec(b, index)->shape.dim[0];
                index        = build_op(b, "wrap_index", &wrap, 1, &index); /* errors speak of rows */
                index        = build_element_index(b, index, (int64_t) (each / dtype_size(spec.dtype)));
                return build_reshape(b, build_gather_rows(b, build_elements(b, a), index, axis), &shape);
        }
        part = MAX((int64_t) (all / PART_SHARE / each), (int64_t) 1);
        for (int64_t first = 0; first < n; first += part) {
                const PartParams p = { .first = first, .length = n, .axis = axis };
                const Ref rows     = build_slice(b, a, 0, first, MIN(first + part, n), 1);

                ret = first == 0 ? build_op(b, "gather_first", &p, 2, (const Ref[]) { rows, index })
                                 : build_op(b, "gather_next", &p, 3, (const Ref[]) { ret, rows, index });
        }
        return ret;
}

/* Bits of the buckets to which n indices of rows of a are dealt; -1: they are not.
 *
 * Of an element of 8 bytes dealing reads and writes 16 bytes with its index, about 3 ns, and then each task reads its
 * own in order, while the rows of a bucket stay in the second cache. A task looks at an index in vain in 0.7 ns. */
static int64_t deal_bits(const Build *b, const Spec *a, int64_t n) {
        const size_t each = row_bytes(a), task = b->task_bytes ?: SIZE_MAX, most = MAX(task / TASK_SHARE, (size_t) 1);
        const Tiling t     = tiling_auto(&a->shape, a->dtype);
        const int64_t rows = a->shape.dim[0];
        size_t bytes;
        int64_t bits = 0;

        if (rows == 0 || each == 0 || __builtin_mul_overflow((size_t) rows, each, &bytes) ||
            !more_than(n, sizeof(int64_t), MIN((size_t) INDEX_BYTES, task / INDEX_SHARE)) ||
            MAX((size_t) tiling_n_chunks(&t), bytes / most) < FEW_TASKS + each / DEALT_SHARE)
                return -1;
        while (each << (bits + 1) <= MIN((size_t) BUCKET_BYTES, most) || (rows - 1) >> bits >= BUCKETS_MOST)
                bits++;
        return bits;
}

/* Rows, none of them negative, and values: in their order, or dealt. */
static void build_named(Build *b, const Spec *a, int axis, Ref *index, Ref *values, int64_t *ret_bits) {
        const int64_t length   = a->shape.dim[0];
        const IndexParams wrap = { .axis = axis, .length = length };
        const DealParams deal  = { .length = length,
                                   .axis   = axis,
                                   .bits   = deal_bits(b, a, build_spec(b, *index)->shape.dim[0]) };

        *ret_bits = deal.bits;
        if (deal.bits >= 0) {
                *index  = build_op(b, "deal_rows", &deal, 2, (const Ref[]) { *index, *values });
                *values = (Ref) { .node = index->node, .out = 1 };
        } else if (axis != WRAPPED)
                *index = build_op(b, "wrap_index", &wrap, 1, index);
}

Ref build_scatter_rows(Build *b, Ref a, Ref index, Ref values, int axis, const char *function) {
        ScatterParams p       = { .function = function };
        const Spec spec       = *build_spec(b, a);
        const int64_t n       = build_spec(b, index)->shape.dim[0];
        const size_t each = row_bytes(&spec), all = shared_bytes(b), named = sizeof(int64_t) + each;
        int64_t part = MAX(n, (int64_t) 1);

        if (b->task_bytes > 0 && spec.shape.ndim > 1 && each > b->task_bytes / ROW_SHARE &&
            more_than(spec.shape.dim[0] + n, named, all / WHOLE_SHARE)) {
                if (axis != WRAPPED)
                        index = build_op(b, "wrap_index", &(IndexParams) { axis, spec.shape.dim[0] }, 1, &index);
                index  = build_element_index(b, index, (int64_t) (each / dtype_size(spec.dtype)));
                values = build_elements(b, values);
                return build_reshape(b, build_scatter_rows(b, build_elements(b, a), index, values, WRAPPED, function),
                                     &spec.shape);
        }
        if (b->task_bytes > 0 && more_than(n, named, all / WHOLE_SHARE))
                part = MAX((int64_t) (all / PART_SHARE / named), (int64_t) 1);
        for (int64_t first = 0; first == 0 || first < n; first += part) {
                const int64_t last = MIN(first + part, n);
                Ref in[]           = { a, part >= n ? index : build_slice(b, index, 0, first, last, 1),
                             part >= n ? values : build_slice(b, values, 0, first, last, 1) };

                build_named(b, &spec, axis, &in[1], &in[2], &p.bits);
                a = build_op(b, "scatter_rows", &p, ELEMENTSOF(in), in);
        }
        return a;
}
