/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* LAPACK's Fortran symbols as OpenBLAS has them (Debian's has no LAPACKE): every argument by address, matrices
 * column by column,
 * 32-bit integers, and behind everything else the length of each text as gfortran passes it. `info` is 0, or what
 * went wrong. Calls stand between blas_enter() and blas_leave() (ops/blas.h). */
#include <stddef.h>

#define LAPACK_REAL(name, ...)                                                                                         \
        void s##name##_(__VA_ARGS__);                                                                                  \
        void d##name##_(__VA_ARGS__)
#define LAPACK_COMPLEX(name, ...)                                                                                      \
        void c##name##_(__VA_ARGS__);                                                                                  \
        void z##name##_(__VA_ARGS__)
#define LAPACK_ALL(name, ...)                                                                                          \
        LAPACK_REAL(name, __VA_ARGS__);                                                                                \
        LAPACK_COMPLEX(name, __VA_ARGS__)

#define LAPACK_QR_                                                                                                     \
        const int *m, const int *n, void *a, const int *lda, void *tau, void *work, const int *lwork, int *info
#define LAPACK_Q_                                                                                                      \
        const int *m, const int *n, const int *k, void *a, const int *lda, const void *tau, void *work,                \
                const int *lwork, int *info

LAPACK_ALL(geqrf, LAPACK_QR_);
LAPACK_ALL(larft, const char *direct, const char *storev, const int *n, const int *k, const void *v, const int *ldv,
           const void *tau, void *t, const int *ldt, size_t, size_t);
LAPACK_REAL(orgqr, LAPACK_Q_);
LAPACK_COMPLEX(ungqr, LAPACK_Q_);
LAPACK_REAL(gesdd, const char *jobz, const int *m, const int *n, void *a, const int *lda, void *s, void *u,
            const int *ldu, void *vt, const int *ldvt, void *work, const int *lwork, int *iwork, int *info, size_t);
LAPACK_COMPLEX(gesdd, const char *jobz, const int *m, const int *n, void *a, const int *lda, void *s, void *u,
               const int *ldu, void *vt, const int *ldvt, void *work, const int *lwork, void *rwork, int *iwork,
               int *info, size_t);
LAPACK_ALL(potrf, const char *uplo, const int *n, void *a, const int *lda, int *info, size_t);
LAPACK_ALL(getrf, const int *m, const int *n, void *a, const int *lda, int *ipiv, int *info);
LAPACK_ALL(gesv, const int *n, const int *nrhs, void *a, const int *lda, int *ipiv, void *b, const int *ldb, int *info);
LAPACK_REAL(syevd, const char *jobz, const char *uplo, const int *n, void *a, const int *lda, void *w, void *work,
            const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);
LAPACK_COMPLEX(heevd, const char *jobz, const char *uplo, const int *n, void *a, const int *lda, void *w, void *work,
               const int *lwork, void *rwork, const int *lrwork, int *iwork, const int *liwork, int *info, size_t,
               size_t);
LAPACK_REAL(geev, const char *jobvl, const char *jobvr, const int *n, void *a, const int *lda, void *wr, void *wi,
            void *vl, const int *ldvl, void *vr, const int *ldvr, void *work, const int *lwork, int *info, size_t,
            size_t);
LAPACK_COMPLEX(geev, const char *jobvl, const char *jobvr, const int *n, void *a, const int *lda, void *w, void *vl,
               const int *ldvl, void *vr, const int *ldvr, void *work, const int *lwork, void *rwork, int *info, size_t,
               size_t);

/* The routine of a dtype, where real and complex ones take the same arguments. */
#define LAPACK_CALL2(dtype, real, complex_, ...)                                                                       \
        do {                                                                                                           \
                switch (dtype) {                                                                                       \
                case DTYPE_F32: s##real##_(__VA_ARGS__); break;                                                        \
                case DTYPE_F64: d##real##_(__VA_ARGS__); break;                                                        \
                case DTYPE_C64: c##complex_##_(__VA_ARGS__); break;                                                    \
                default: z##complex_##_(__VA_ARGS__);                                                                  \
                }                                                                                                      \
        } while (0)
#define LAPACK_CALL(dtype, name, ...) LAPACK_CALL2(dtype, name, name, __VA_ARGS__)
