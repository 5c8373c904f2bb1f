/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* OpenBLAS inside tasks. A task is one thread's, and products of one and of two BLAS threads differ in bits, so BLAS
 * runs single-threaded between blas_enter() and blas_leave(). The number of threads belongs to the whole process,
 * which may use BLAS itself (NumPy does): while no task computes a product it is as it was. */
#include <cblas.h>

#include "graph/op.h"

void blas_enter(void);
void blas_leave(void);

/* A matrix as BLAS wants it: one of its axes contiguous. */
typedef struct Matrix {
        const char *data;
        CBLAS_TRANSPOSE trans;
        int64_t ld;
} Matrix;

/* The last two axes of a view, at `data`. False when neither is contiguous: the caller copies. */
bool matrix_of(const View *v, const char *data, Matrix *ret);
/* Bytes of the copy, rounded up to whole lines. */
size_t matrix_bytes(const Spec *s);
void matrix_dense(const View *v, const char *data, char *to, Matrix *ret);

/* out = a b, or out += a b with `more`: m x n, with ld elements from row to row, over k inner elements. For float32,
 * float64 and complex. */
void matrix_product(DType dtype, const Matrix *a, const Matrix *b, int64_t m, int64_t n, int64_t k, bool more,
                    char *out, int64_t ld);
