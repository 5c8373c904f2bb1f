/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "client/parallel.h"

enum { THREADS_MAX = 16 }; /* memory is the limit long before */

typedef struct Each {
        _Atomic uint32_t next;
        uint32_t n;
        void (*fn)(void *userdata, uint32_t k);
        void *userdata;
} Each;

static void *each_run(void *userdata) {
        Each *e = userdata;

        for (uint32_t k; (k = atomic_fetch_add(&e->next, 1)) < e->n;)
                e->fn(e->userdata, k);
        return NULL;
}

static uint32_t count_cpus(void) {
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t) MAX(CPU_COUNT(&set), 1) : 1;
}

void parallel_each(uint32_t n, void (*fn)(void *userdata, uint32_t k), void *userdata) {
        Each e             = { .n = n, .fn = fn, .userdata = userdata };
        uint32_t n_threads = n > 1 ? MIN(MIN(n, count_cpus()), (uint32_t) THREADS_MAX) - 1 : 0, n_made = 0;
        pthread_t thread[THREADS_MAX];
        sigset_t all, old;

        if (n_threads > 0) { /* signals are for the program's own threads */
                sigfillset(&all);
                pthread_sigmask(SIG_SETMASK, &all, &old);
                while (n_made < n_threads && pthread_create(&thread[n_made], NULL, each_run, &e) == 0)
                        n_made++;
                pthread_sigmask(SIG_SETMASK, &old, NULL);
        }
        each_run(&e);
        for (uint32_t i = 0; i < n_made; i++)
                pthread_join(thread[i], NULL);
}
