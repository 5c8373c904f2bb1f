/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* OpenBLAS inside tasks. A task is one thread's, and products of one and of two BLAS threads differ in bits, so BLAS
 * runs single-threaded between blas_enter() and blas_leave(). The number of threads belongs to the whole process,
 * which may use BLAS itself (NumPy does): while no task computes a product it is as it was. */

void blas_enter(void);
void blas_leave(void);
