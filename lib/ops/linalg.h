/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the factorizations share. Each has a hidden block operator that runs LAPACK on whole matrices, a stack of
 * them per task, and a public one that writes larger problems as graphs of blocks. How they are cut there depends on
 * shapes alone, so bits do not depend on chunks. float32, float64, complex64 and complex128 stay; integers and bool
 * become float64; float16 is refused. */
#include "graph/graph.h"

enum {
        LINALG_WHOLE = 1024,    /* rows and columns that one task factorizes: 8 MiB, some 20 ms of a core */
        LINALG_PANEL = 256,     /* columns that a task chooses pivots or reflectors for, one after the other */
        LINALG_THIN  = 64,      /* and at least so many, however many rows they have */
        LINALG_TASK  = 1 << 22, /* elements of a panel, of columns whose rows change places, of a block of rows */
        LINALG_TALL  = 8192,    /* rows of a block of a tall matrix, at most */
};

/* ---- Inference
 * ------------------------------------------------------------------------------------------------------ */

/* The dtype in which all inputs are computed. A hidden operator accepts only inputs that have it already. */
int linalg_dtype(const OpCall *call, DType *ret, Error *err);
/* Refuses with NumPy's words what is not a stack of matrices, or of square ones. */
int linalg_matrix(const OpCall *call, uint32_t input, bool square, Error *err);
/* Both, of operators of one input. */
int linalg_one(const OpCall *call, bool square, DType *ret, Error *err);
/* The shape that the axes before the last `core` of two inputs broadcast to, with `core` axes of UNKNOWN lengths
 * behind. */
int linalg_batch(const OpCall *call, const int core[2], Shape *ret, Error *err);
/* Of x with a x = b: b is a vector when it has one axis. */
int linalg_solve(const OpCall *call, Spec *out, Error *err);
/* Rows of a block of a tall matrix of n columns: a power of two, as automatic chunks have it. */
int64_t linalg_tall(int64_t n);
/* Columns of a panel of m rows that one task factorizes. */
int64_t linalg_panel(int64_t m);
/* Where n > LINALG_PANEL rows or columns are cut in two: about the middle, and where chunks are cut. */
int64_t linalg_half(int64_t n);
/* The smaller of two lengths, of which any may be UNKNOWN. */
int64_t linalg_least(int64_t a, int64_t b);

/* ---- Graphs
 * ---------------------------------------------------------------------------------------------------------- */

Ref build_part(Build *b, Ref a, int64_t row, int64_t n_row, int64_t column, int64_t n_column); /* of one matrix */
Ref build_swap(Build *b, Ref a);    /* the last two axes exchanged */
Ref build_adjoint(Build *b, Ref a); /* and conjugated */
Ref build_constant(Build *b, DType dtype, double value, int64_t n_row, int64_t n_column);
Ref build_counting(Build *b, int64_t n); /* 0 … n - 1 as int64 */
Ref build_eye(Build *b, DType dtype, int64_t m, int64_t n); /* 1 on the diagonal */
/* The diagonal of a square matrix: a view of it would be one task that has every chunk which it crosses. */
Ref build_large_diagonal(Build *b, Ref a);
Ref build_pair(Build *b, Ref a, Ref c, int axis); /* one behind the other */
Ref build_gather(Build *b, Ref a, Ref index);     /* rows of a matrix by their numbers, some columns at a time */
Ref build_rows_where(Build *b, Ref a, Ref mask); /* rows of a matrix: an unknown number of them */
/* x with a x = c (rows: x a = c) for triangular a. */
Ref build_triangular(Build *b, Ref a, Ref c, bool lower, bool unit, bool rows);

static inline Ref ref_out(Ref ref, uint32_t out) {
        return (Ref) { .node = ref.node, .out = out };
}

typedef struct TriangularParams {
        bool lower, unit;
} TriangularParams;

/* ---- Running
 * --------------------------------------------------------------------------------------------------------- */

/* Memory dealt out in turn, 64-byte aligned; from NULL it only adds up. */
typedef struct Carve {
        char *at;
        size_t used;
} Carve;
void *carve(Carve *c, int64_t n, size_t size);

/* The stack of a task: the output's axes before its `core`. */
Shape stack_of(const View *out, int core);
/* Where the last `core` axes of a view lie at the i-th place of the stack. */
const char *stack_at(const View *v, int core, const Shape *stack, int64_t i);

/* m x n elements between any strides (in bytes), by tiles. */
void matrix_copy(size_t size, int64_t m, int64_t n, const char *from, int64_t from_row, int64_t from_column, char *to,
                 int64_t to_row, int64_t to_column);
/* A matrix of a view column by column, without gaps; and back into rows without gaps. */
void matrix_to_columns(const View *v, const char *data, char *to);
void matrix_from_columns(DType dtype, int64_t m, int64_t n, const char *from, int64_t column, char *to);

/* LAPACK counts in 32 bits, lengths as well as sizes of its work arrays; ERROR_SUPPORT for more. */
int lapack_count(int64_t n, int *ret, Error *err);
