/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/blas.h"

#include <cblas.h>
#include <pthread.h>

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
