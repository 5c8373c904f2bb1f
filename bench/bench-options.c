/* SPDX-License-Identifier: Apache-2.0 */
/* What the processor has for two jobs of bench/table.py, by loops by hand over 2*10^7 float64 in huge pages that have
 * been touched before: Black and Scholes (hand-options.c), and a * b + c through the caches and past them.
 *
 *     build/bench/bench-options [threads]
 *
 * The best of some rounds. NumPy's time over that of a loop that waits for memory is the ratio that nothing here can
 * pass. */
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/macro.h"

enum { N = 20 * 1000 * 1000 / 512 * 512, ROUNDS = 15, MAX_THREADS = 64 };

typedef void HandOptions(size_t n, const double *restrict s, const double *restrict k, const double *restrict t,
                         double *restrict value);
HandOptions hand_options_v1, hand_options_v3, hand_options_v4;

static HandOptions *hand_options = hand_options_v1;

static void plain(size_t n, const double *restrict a, const double *restrict b, const double *restrict c,
                  double *restrict out) {
        for (size_t i = 0; i < n; i++)
                out[i] = a[i] * b[i] + c[i];
}

static void past_caches(size_t n, const double *restrict a, const double *restrict b, const double *restrict c,
                        double *restrict out) {
        for (size_t i = 0; i + 2 <= n; i += 2)
                _mm_stream_pd(out + i,
                              _mm_add_pd(_mm_mul_pd(_mm_loadu_pd(a + i), _mm_loadu_pd(b + i)), _mm_loadu_pd(c + i)));
        _mm_sfence();
}

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static double *memory(void) {
        const size_t huge = 2 << 20;
        char *p = mmap(NULL, N * sizeof(double) + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                abort();
        p = (char *) (((uintptr_t) p + huge - 1) & ~(uintptr_t) (huge - 1));
        madvise(p, N * sizeof(double), MADV_HUGEPAGE);
        return (double *) p;
}

typedef struct Part {
        pthread_t thread;
        HandOptions *loop;
        double *const *array;
        size_t from, n;
} Part;

static void *part_main(void *userdata) {
        const Part *p = userdata;

        p->loop(p->n, p->array[0] + p->from, p->array[1] + p->from, p->array[2] + p->from, p->array[3] + p->from);
        return NULL;
}

static double best_of(HandOptions *loop, double *const *array, unsigned n_threads) {
        double best = 1e30;

        for (int round = 0; round < ROUNDS; round++) {
                const double begin = now();
                Part part[MAX_THREADS];

                for (unsigned i = 0; i < n_threads; i++) {
                        const size_t n = N / 512, from = n * i / n_threads * 512, to = n * (i + 1) / n_threads * 512;

                        part[i] = (Part) { .loop = loop, .array = array, .from = from, .n = to - from };
                        if (pthread_create(&part[i].thread, NULL, part_main, part + i) != 0)
                                abort();
                }
                for (unsigned i = 0; i < n_threads; i++)
                        pthread_join(part[i].thread, NULL);
                best = MIN(best, now() - begin);
        }
        return best;
}

int main(int argc, char **argv) {
        unsigned n_threads = argc > 1 ? (unsigned) atoi(argv[1]) : 2;
        double *array[4];

        n_threads = n_threads < 1 ? 1 : n_threads > MAX_THREADS ? MAX_THREADS : n_threads;
#ifdef MATH_HAVE_V3
        if (__builtin_cpu_supports("avx2"))
                hand_options = hand_options_v3;
#endif
#ifdef MATH_HAVE_V4
        if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
                hand_options = hand_options_v4;
#endif
        for (int i = 0; i < 4; i++)
                array[i] = memory();
        for (size_t i = 0; i < N; i++) {
                const double u = (double) (i * 2654435761u % 1000003) / 1000003;

                array[0][i] = 60 + 80 * u;
                array[1][i] = 150 - 100 * u;
                array[2][i] = 0.1 + 2 * u;
                array[3][i] = 0;
        }
        printf("%d options, %u threads: %.4f s\n", N, n_threads, best_of(hand_options, array, n_threads));
        if (!(array[3][N / 2] == array[3][N / 2]))
                abort();
        printf("a * b + c of as many: %.4f s, past the caches %.4f s\n", best_of(plain, array, n_threads),
               best_of(past_caches, array, n_threads));
        return EXIT_SUCCESS;
}
