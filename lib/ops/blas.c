/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/blas.h"

#include <pthread.h>
#include <string.h>

/* The library's setting is the process's; so is what we must know to give it back. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned n_inside;
static int n_threads_outside;

void blas_enter(void) {
        pthread_mutex_lock(&lock);
        if (n_inside++ == 0) {
                n_threads_outside = openblas_get_num_threads();
                if (n_threads_outside != 1)
                        openblas_set_num_threads(1);
        }
        pthread_mutex_unlock(&lock);
}

void blas_leave(void) {
        pthread_mutex_lock(&lock);
        if (--n_inside == 0 && n_threads_outside != 1)
                openblas_set_num_threads(n_threads_outside);
        pthread_mutex_unlock(&lock);
}

bool matrix_of(const View *v, const char *data, Matrix *ret) {
        const int n = v->shape.ndim;
        const int64_t size = dtype_size(v->dtype), rows = v->shape.dim[n - 2], columns = v->shape.dim[n - 1];
        const int64_t row = v->stride[n - 2], column = v->stride[n - 1];

        if ((column == size || columns == 1) && (rows == 1 || (row >= columns * size && row % size == 0))) {
                *ret = (Matrix){ data, CblasNoTrans, rows == 1 ? MAX(columns, 1) : row / size };
                return true;
        }
        if ((row == size || rows == 1) && (columns == 1 || (column >= rows * size && column % size == 0))) {
                *ret = (Matrix){ data, CblasTrans, columns == 1 ? MAX(rows, 1) : column / size };
                return true;
        }
        return false;
}

size_t matrix_bytes(const Spec *s) {
        const int n = s->shape.ndim;

        return ((size_t) (s->shape.dim[n - 2] * s->shape.dim[n - 1]) * dtype_size(s->dtype) + 63) / 64 * 64;
}

void matrix_dense(const View *v, const char *data, char *to, Matrix *ret) {
        const int n = v->shape.ndim;
        const size_t size = dtype_size(v->dtype);
        const int64_t rows = v->shape.dim[n - 2], columns = v->shape.dim[n - 1];

        *ret = (Matrix){ to, CblasNoTrans, MAX(columns, 1) };
        for (int64_t i = 0; i < rows; i++)
                for (int64_t k = 0; k < columns; k++, to += size)
                        memcpy(to, data + i * v->stride[n - 2] + k * v->stride[n - 1], size);
}

void matrix_product(DType dtype, const Matrix *a, const Matrix *b, int64_t m, int64_t n, int64_t k, bool more,
                    char *out, int64_t ld) {
        static const float c64[2][2] = { { 0 }, { 1 } };
        static const double c128[2][2] = { { 0 }, { 1 } };

        switch (dtype) {
        case DTYPE_F32:
                cblas_sgemm(CblasRowMajor, a->trans, b->trans, m, n, k, 1, (const float *) a->data, a->ld,
                            (const float *) b->data, b->ld, more, (float *) out, ld);
                break;
        case DTYPE_F64:
                cblas_dgemm(CblasRowMajor, a->trans, b->trans, m, n, k, 1, (const double *) a->data, a->ld,
                            (const double *) b->data, b->ld, more, (double *) out, ld);
                break;
        case DTYPE_C64:
                cblas_cgemm(CblasRowMajor, a->trans, b->trans, m, n, k, c64[1], a->data, a->ld, b->data, b->ld,
                            c64[more], out, ld);
                break;
        default:
                assert(dtype == DTYPE_C128);
                cblas_zgemm(CblasRowMajor, a->trans, b->trans, m, n, k, c128[1], a->data, a->ld, b->data, b->ld,
                            c128[more], out, ld);
        }
}
