/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to write expressions down: x = x + 1 a thousand times, and the way back. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mars.h"

enum { N_OPS = 1000, ROUNDS = 400 };

static double now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e6 + (double) t.tv_nsec * 1e-3;
}

static mars_tensor *must(int r, mars_tensor *t, const mars_error *err) {
        if (r < 0) {
                fprintf(stderr, "%s\n", err->text);
                exit(EXIT_FAILURE);
        }
        return t;
}

int main(void) {
        static const char *const names[] = { "array + array", "array + weak scalar" };
        mars_tensor *start = NULL, *one = NULL;
        mars_error err;
        unsigned add;

        must(mars_full(&start, MARS_FLOAT64, 2, (const int64_t[]) { 1000, 1000 }, 1, &err), NULL, &err);
        must(mars_scalar_weak(&one, 'i', (mars_scalar) { .i64 = 1 }, &err), NULL, &err);
        must(mars_op_find(&add, "add", &err), NULL, &err);
        for (int weak = 0; weak < 2; weak++) {
                double best_build = 1e30, best_release = 1e30;

                for (int round = 0; round < ROUNDS; round++) {
                        mars_tensor *x = mars_tensor_ref(start);
                        double begin = now_usec(), built;

                        for (int i = 0; i < N_OPS; i++) {
                                mars_tensor *next = NULL;

                                must(mars_op(&next, add, 2, (mars_tensor *[]) { x, weak ? one : start }, NULL, 0, &err),
                                     next, &err);
                                mars_tensor_unref(x);
                                x = next;
                        }
                        built = now_usec();
                        mars_tensor_unref(x);
                        best_release = best_release < now_usec() - built ? best_release : now_usec() - built;
                        best_build   = best_build < built - begin ? best_build : built - begin;
                }
                printf("%-20s  %.3f us an operation, %.3f us to release (bound: 1)\n", names[weak], best_build / N_OPS,
                       best_release / N_OPS);
        }
        mars_tensor_unref(start);
        mars_tensor_unref(one);
        return EXIT_SUCCESS;
}
