/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/linalg.h"

#include <limits.h>
#include <string.h>

#include "graph/infer.h"
#include "ops/rows.h"

/* ---- Inference
 * ------------------------------------------------------------------------------------------------------ */

int linalg_dtype(const OpCall *call, DType *ret, Error *err) {
        DType all = DTYPE_F32;

        for (uint32_t i = 0; i < call->n_in; i++) {
                const DType t = call->in[i].dtype;

                if (t == DTYPE_F16)
                        return error_set(err, ERROR_TYPE, "array type float16 is unsupported in linalg");
                all = dtype_promote(all, dtype_kind(t) == KIND_FLOAT || dtype_kind(t) == KIND_COMPLEX ? t : DTYPE_F64);
        }
        for (uint32_t i = 0; i < call->n_in && call->op->hidden; i++)
                if (call->in[i].dtype != all)
                        return error_set(err, ERROR_TYPE, "%s: %s and %s inputs", call->op->name, dtype_name(all),
                                         dtype_name(call->in[i].dtype));
        *ret = all;
        return 0;
}

int linalg_matrix(const OpCall *call, uint32_t input, bool square, Error *err) {
        const Shape *s = &call->in[input].shape;

        if (s->ndim < 2)
                return error_set(err, ERROR_LINALG,
                                 "%d-dimensional array given. Array must be at least two-dimensional", s->ndim);
        const int64_t m = s->dim[s->ndim - 2], n = s->dim[s->ndim - 1];

        if (square && m != n && m != UNKNOWN && n != UNKNOWN)
                return error_set(err, ERROR_LINALG, "Last 2 dimensions of the array must be square");
        return 0;
}

int linalg_one(const OpCall *call, bool square, DType *ret, Error *err) {
        const int r = linalg_matrix(call, 0, square, err);

        return r < 0 ? r : linalg_dtype(call, ret, err);
}

int linalg_batch(const OpCall *call, const int core[2], Shape *ret, Error *err) {
        char text[2][SHAPE_TEXT];
        Shape batch[2];

        for (int i = 0; i < 2; i++)
                batch[i] = shape_of(call->in[i].shape.ndim - core[i], call->in[i].shape.dim);
        if (shape_broadcast((const Shape *[]) { &batch[0], &batch[1] }, 2, ret, NULL) < 0)
                return error_set(err, ERROR_VALUE, "operands could not be broadcast together with shapes %.100s %.100s",
                                 shape_print_words(&call->in[0].shape, text[0]),
                                 shape_print_words(&call->in[1].shape, text[1]));
        for (int k = 0; k < core[1]; k++)
                ret->dim[ret->ndim++] = UNKNOWN;
        return 0;
}

int linalg_solve(const OpCall *call, Spec *out, Error *err) {
        const Shape *a = &call->in[0].shape, *c = &call->in[1].shape;
        const bool vector = c->ndim == 1;
        const char *name = call->op->name, *signature = vector ? "(m,m),(m)->(m)" : "(m,m),(m,n)->(m,n)";
        int r;

        r = linalg_one(call, true, &out->dtype, err);
        if (r < 0)
                return r;
        if (c->ndim == 0)
                return error_set(err, ERROR_VALUE,
                                 "%s: Input operand 1 does not have enough dimensions (has 0, gufunc core with "
                                 "signature %s requires 2)",
                                 name, signature);
        const int64_t m = a->dim[a->ndim - 2], n = a->dim[a->ndim - 1], rows = c->dim[vector ? 0 : c->ndim - 2];
        const int64_t own = m == UNKNOWN ? n : m;

        if (own != UNKNOWN && rows != UNKNOWN && own != rows)
                return error_set(err, ERROR_VALUE,
                                 "%s%s: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
                                 "%s (size %lld "
                                 "is different from %lld)",
                                 name, vector ? "1" : "", signature, (long long) rows, (long long) own);
        r = linalg_batch(call, (const int[2]) { 2, vector ? 1 : 2 }, &out->shape, err);
        if (r < 0)
                return r;
        out->shape.dim[out->shape.ndim - (vector ? 1 : 2)] = rows == UNKNOWN ? own : rows;
        if (!vector)
                out->shape.dim[out->shape.ndim - 1] = c->dim[c->ndim - 1];
        return 0;
}

int64_t linalg_least(int64_t a, int64_t b) {
        return a == 0 || b == 0 ? 0 : a == UNKNOWN || b == UNKNOWN ? UNKNOWN : MIN(a, b);
}

int64_t linalg_tall(int64_t n) {
        int64_t rows = LINALG_TALL;

        while (rows * n > LINALG_TASK && rows >= 4 * n)
                rows /= 2;
        while (rows < 2 * n)
                rows *= 2;
        return rows;
}

int64_t linalg_panel(int64_t m) {
        return MAX(MIN(LINALG_TASK / MAX(m, (int64_t) 1) / LINALG_THIN * LINALG_THIN, (int64_t) LINALG_PANEL),
                   (int64_t) LINALG_THIN);
}

int64_t linalg_half(int64_t n) {
        const int64_t unit = n > 2 * LINALG_WHOLE ? LINALG_WHOLE : n > 2 * LINALG_PANEL ? LINALG_PANEL : LINALG_THIN;

        return div_up(n / 2, unit) * unit;
}

/* ---- Graphs
 * ---------------------------------------------------------------------------------------------------------- */

Ref build_part(Build *b, Ref a, int64_t row, int64_t n_row, int64_t column, int64_t n_column) {
        return build_slice(b, build_slice(b, a, 0, row, row + n_row, 1), 1, column, column + n_column, 1);
}

Ref build_swap(Build *b, Ref a) {
        const int ndim = build_spec(b, a)->shape.ndim;
        int axes[MAX_NDIM];

        if (b->r < 0)
                return a;
        for (int k = 0; k < ndim; k++)
                axes[k] = k;
        axes[ndim - 2] = ndim - 1;
        axes[ndim - 1] = ndim - 2;
        return build_transpose(b, a, axes);
}

Ref build_adjoint(Build *b, Ref a) {
        const bool complex_ = dtype_kind(build_spec(b, a)->dtype) == KIND_COMPLEX;

        return build_swap(b, complex_ ? build_unary(b, "conjugate", a) : a);
}

Ref build_constant(Build *b, DType dtype, double value, int64_t n_row, int64_t n_column) {
        const Shape shape = SHAPE(n_row, n_column);

        return build_broadcast(b, build_f64(b, dtype, value), &shape);
}

Ref build_counting(Build *b, int64_t n) {
        const ArangeParams params = { .source = { .shape = DIMS(n), .dtype = DTYPE_I64 },
                                      .start  = scalar_from_i64(DTYPE_I64, 0),
                                      .step   = scalar_from_i64(DTYPE_I64, 1) };

        return build_op(b, "arange", &params, 0, NULL);
}

Ref build_eye(Build *b, DType dtype, int64_t m, int64_t n) {
        const Ref i = build_counting(b, m), k = m == n ? i : build_counting(b, n);

        return build_cast(b, build_binary(b, "equal", build_insert_axis(b, i, 1), build_insert_axis(b, k, 0)), dtype);
}

Ref build_large_diagonal(Build *b, Ref a) {
        const DType dtype = build_spec(b, a)->dtype;
        const int64_t n   = build_spec(b, a)->shape.dim[0];

        a = build_op(b, "where", NULL, 3,
                     (const Ref[]) { build_eye(b, DTYPE_BOOL, n, n), a, build_f64(b, dtype, 0) });
        return build_reduce(b, "sum", a, DIMS(0), false, dtype);
}

Ref build_pair(Build *b, Ref a, Ref c, int axis) {
        return build_concatenate(b, (const Ref[]) { a, c }, 2, axis);
}

/* The indices are cut, and so the rows that a task fetches; it may need any row, so the columns are cut for it. */
Ref build_gather(Build *b, Ref a, Ref index) {
        const Shape s = build_spec(b, a)->shape;
        const int64_t chunk_size[] = { 1, LINALG_WHOLE };
        const RechunkParams cut    = { .chunk_size = { .n = 2, .given = true, .v = chunk_size } };
        const int64_t columns = s.ndim == 2 ? s.dim[1] : 1, step = s.ndim == 2 ? MAX(linalg_panel(s.dim[0]), 1) : 1;
        _cleanup_(freep) Ref *part = calloc((size_t) div_up(columns, step) + 1, sizeof(Ref));
        uint32_t n_part = 0;

        if (!part) {
                b->r = error_oom(b->err, sizeof(Ref));
                return a;
        }
        index = build_op(b, "rechunk", &cut, 1, &index);
        if (s.ndim < 2 || columns <= step)
                return build_op(b, "gather_rows", &(GatherParams) {}, 2, (const Ref[]) { a, index });
        for (int64_t at = 0; at < columns; at += step) {
                const Ref some = build_slice(b, a, 1, at, MIN(at + step, columns), 1);

                part[n_part++] = build_op(b, "gather_rows", &(GatherParams) {}, 2, (const Ref[]) { some, index });
        }
        return build_concatenate(b, part, n_part, 1);
}

Ref build_rows_where(Build *b, Ref a, Ref mask) {
        const Shape *s    = &build_spec(b, a)->shape;
        const int64_t row = MAX(s->dim[1], (int64_t) 1),
                      chunk_size[] = { 1, MAX(LINALG_TASK / row, (int64_t) 1), 1, row };
        const RechunkParams cut = { .chunk_size = { .n = 4, .given = true, .v = chunk_size } };

        a = build_op(b, "rechunk", &cut, 1, &a);
        return build_op(b, "compress_rows", NULL, 2, (const Ref[]) { a, mask });
}

Ref build_triangular(Build *b, Ref a, Ref c, bool lower, bool unit, bool rows) {
        const TriangularParams params = { .lower = lower, .unit = unit };

        return build_op(b, rows ? "triangular_rows" : "triangular_solve", &params, 2, (const Ref[]) { a, c });
}

/* ---- Running
 * --------------------------------------------------------------------------------------------------------- */

enum { CARVE_ALIGN = 64 };

void *carve(Carve *c, int64_t n, size_t size) {
        char *ret = c->at ? c->at + c->used : NULL;

        c->used += ((size_t) n * size + CARVE_ALIGN - 1) / CARVE_ALIGN * CARVE_ALIGN;
        return ret;
}

Shape stack_of(const View *out, int core) {
        return shape_of(out->shape.ndim - core, out->shape.dim);
}

const char *stack_at(const View *v, int core, const Shape *stack, int64_t i) {
        const int n      = v->shape.ndim - core;
        const char *data = v->data;

        for (int k = stack->ndim; k-- > 0;) {
                const int own = n - stack->ndim + k;

                if (own >= 0 && v->shape.dim[own] != 1)
                        data += i % stack->dim[k] * v->stride[own];
                i /= stack->dim[k];
        }
        return data;
}

enum { TILE = 16 }; /* a tile of 16-byte elements and its copy: 8 KiB of L1 */

#define MATRIX_COPY_(type)                                                                                             \
        static void matrix_copy_##type(int64_t m, int64_t n, const char *from, int64_t from_row, int64_t from_column,  \
                                       char *to, int64_t to_row, int64_t to_column) {                                  \
                for (int64_t i = 0; i < m; i++)                                                                        \
                        for (int64_t k = 0; k < n; k++)                                                                \
                                *(type *) (to + i * to_row + k * to_column) =                                          \
                                        *(const type *) (from + i * from_row + k * from_column);                       \
        }
typedef uint32_t __attribute__((may_alias)) Four;
typedef uint64_t __attribute__((may_alias)) Eight;
typedef struct __attribute__((may_alias)) Sixteen {
        uint64_t half[2];
} Sixteen;
MATRIX_COPY_(Four)
MATRIX_COPY_(Eight)
MATRIX_COPY_(Sixteen)

void matrix_copy(size_t size, int64_t m, int64_t n, const char *from, int64_t from_row, int64_t from_column, char *to,
                 int64_t to_row, int64_t to_column) {
        if (from_column == (int64_t) size && to_column == (int64_t) size) {
                for (int64_t i = 0; i < m; i++)
                        memcpy(to + i * to_row, from + i * from_row, (size_t) n * size);
                return;
        }
        if (from_row == (int64_t) size && to_row == (int64_t) size) {
                for (int64_t k = 0; k < n; k++)
                        memcpy(to + k * to_column, from + k * from_column, (size_t) m * size);
                return;
        }
        for (int64_t i = 0; i < m; i += TILE)
                for (int64_t k = 0; k < n; k += TILE) {
                        const int64_t rows = MIN(m - i, (int64_t) TILE), columns = MIN(n - k, (int64_t) TILE);
                        const char *a = from + i * from_row + k * from_column;
                        char *c       = to + i * to_row + k * to_column;

                        switch (size) {
                        case 4: matrix_copy_Four(rows, columns, a, from_row, from_column, c, to_row, to_column); break;
                        case 8: matrix_copy_Eight(rows, columns, a, from_row, from_column, c, to_row, to_column); break;
                        default: matrix_copy_Sixteen(rows, columns, a, from_row, from_column, c, to_row, to_column);
                        }
                }
}

void matrix_to_columns(const View *v, const char *data, char *to) {
        const int d        = v->shape.ndim;
        const int64_t size = (int64_t) dtype_size(v->dtype), m = v->shape.dim[d - 2];

        matrix_copy((size_t) size, m, v->shape.dim[d - 1], data, v->stride[d - 2], v->stride[d - 1], to, size,
                    m * size);
}

void matrix_from_columns(DType dtype, int64_t m, int64_t n, const char *from, int64_t column, char *to) {
        const int64_t size = (int64_t) dtype_size(dtype);

        matrix_copy((size_t) size, m, n, from, size, column * size, to, n * size, size);
}

int lapack_count(int64_t n, int *ret, Error *err) {
        if (n > INT_MAX)
                return error_set(err, ERROR_SUPPORT, "LAPACK counts in 32 bits: %lld are too many", (long long) n);
        *ret = (int) n;
        return 0;
}
