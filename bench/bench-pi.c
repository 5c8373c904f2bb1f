/* SPDX-License-Identifier: Apache-2.0 */
/* Pi from 10^8 random points: (x * x + y * y < 1) of two random tensors, summed, beside the loop by hand over the same
 * generator (hand-pi.c).
 *
 *     build/bench/bench-pi [threads]
 *
 * The best of alternating runs, and ours / by hand: at most 1.25. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mars.h"

enum { N_POINTS = 100 * 1000 * 1000 / 128 * 128, ROUNDS = 7, MAX_THREADS = 64 };

typedef uint64_t HandPi(uint64_t seed, uint64_t first, uint64_t n);
HandPi hand_pi_v1, hand_pi_v3, hand_pi_v4;

static HandPi *hand_pi = hand_pi_v1;
static mars_session *session;
static mars_error err;

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void must(int r) {
        if (r >= 0)
                return;
        fprintf(stderr, "bench-pi: %s\n", err.text);
        exit(EXIT_FAILURE);
}

/* name(a, b); both are given away. */
static mars_tensor *op2(const char *name, mars_tensor *a, mars_tensor *b) {
        mars_tensor *ret = NULL;

        must(mars_op1(&ret, name, 2, (mars_tensor *[]) { a, b }, NULL, 0, &err));
        mars_tensor_unref(a);
        if (b != a)
                mars_tensor_unref(b);
        return ret;
}

static mars_tensor *random_square(int64_t draw) {
        const mars_param params[] = {
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { N_POINTS }, .n = 1 },
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = 1 },
                { .name = "draw", .kind = MARS_PARAM_I64, .i64 = draw },
        };
        mars_tensor *x = NULL;

        must(mars_op1(&x, "random_uniform", 0, NULL, params, 3, &err));
        return op2("multiply", x, x);
}

static double ours(void) {
        const double begin    = now();
        mars_tensor *one      = NULL, *inside, *sum = NULL;
        int64_t count         = 0;

        must(mars_scalar_weak(&one, 'i', (mars_scalar) { .i64 = 1 }, &err));
        inside = op2("less", op2("add", random_square(0), random_square(1)), one);
        must(mars_op1(&sum, "sum", 1, &inside, NULL, 0, &err));
        must(mars_execute(session, 1, &sum, &err));
        must(mars_fetch(session, sum, &count, NULL, &err));
        mars_tensor_unref(inside);
        mars_tensor_unref(sum);
        if (count < 3 * (int64_t) N_POINTS / 4 || count > 4 * (int64_t) N_POINTS / 5)
                abort();
        return now() - begin;
}

typedef struct Part {
        pthread_t thread;
        uint64_t first, n, count;
} Part;

static void *part_main(void *userdata) {
        Part *part = userdata;

        part->count = hand_pi(1, part->first, part->n);
        return NULL;
}

static double by_hand(unsigned n_threads) {
        const double begin = now();
        Part part[MAX_THREADS];
        uint64_t count = 0;

        for (unsigned i = 0; i < n_threads; i++) {
                const uint64_t n = N_POINTS / 128, from = n * i / n_threads * 128, to = n * (i + 1) / n_threads * 128;

                part[i] = (Part) { .first = from, .n = to - from };
                if (pthread_create(&part[i].thread, NULL, part_main, part + i) != 0)
                        abort();
        }
        for (unsigned i = 0; i < n_threads; i++) {
                pthread_join(part[i].thread, NULL);
                count += part[i].count;
        }
        if (count < 3 * (uint64_t) N_POINTS / 4 || count > 4 * (uint64_t) N_POINTS / 5)
                abort();
        return now() - begin;
}

int main(int argc, char **argv) {
        unsigned n_threads = argc > 1 ? (unsigned) atoi(argv[1]) : 2;
        double best = 1e30, hand = 1e30;

        n_threads = n_threads < 1 ? 1 : n_threads > MAX_THREADS ? MAX_THREADS : n_threads;
#ifdef MATH_HAVE_V3
        if (__builtin_cpu_supports("avx2"))
                hand_pi = hand_pi_v3;
#endif
#ifdef MATH_HAVE_V4
        if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
                hand_pi = hand_pi_v4;
#endif
        must(mars_session_new(&session, NULL, &(mars_session_options) { .n_threads = n_threads }, &err));
        for (int round = 0; round < ROUNDS; round++) {
                const double a = ours(), b = by_hand(n_threads);

                best = a < best ? a : best;
                hand = b < hand ? b : hand;
        }
        printf("pi from %d points, %u threads: %.4f s  by hand %.4f s  ratio %.2f\n", N_POINTS, n_threads, best, hand,
               best / hand);
        mars_session_unref(session);
        return EXIT_SUCCESS;
}
