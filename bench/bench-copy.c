/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes into the library and out of it, beside one memcpy() of as many bytes between pages that were touched before:
 * 160 MB of float64. In: mars_from_memory(); out: mars_fetch(), mars_map_new(); files: save, load by reading it all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mars.h"

enum { N = 20000000, ROUNDS = 7 };

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void must(int r, const mars_error *err) {
        if (r < 0) {
                fprintf(stderr, "%s\n", err->text);
                exit(EXIT_FAILURE);
        }
}

typedef struct Job {
        const char *name;
        double best;
} Job;

static void note(Job *job, double begin) {
        const double took = now() - begin;

        job->best = job->best == 0 || took < job->best ? took : job->best;
}

int main(void) {
        enum { COPY, FROM, FETCH, MAP, SAVE, LOAD, N_JOBS };
        Job job[N_JOBS] = { { "memcpy", 0 }, { "from memory", 0 }, { "fetch", 0 }, { "map", 0 }, { "save .npy", 0 },
                            { "load .npy and sum", 0 } };
        double *a = malloc(N * sizeof(*a)), *b = malloc(N * sizeof(*b));
        const int64_t shape[] = { N };
        char path[]           = "/tmp/mars-bench-copy-XXXXXX";
        mars_session *s       = NULL;
        mars_error err;

        if (!a || !b)
                return EXIT_FAILURE;
        for (int i = 0; i < N; i++)
                a[i] = b[i] = i;
        must(mars_session_new(&s, NULL, NULL, &err), &err);
        close(mkstemp(path));
        for (int round = 0; round < ROUNDS; round++) {
                mars_tensor *t = NULL, *u = NULL, *loaded = NULL, *sum = NULL;
                const void *data;
                mars_map *map;
                double begin;

                begin = now();
                memcpy(b, a, N * sizeof(*a));
                note(&job[COPY], begin);

                begin = now();
                must(mars_from_memory(&t, a, MARS_FLOAT64, 1, shape, NULL, NULL, 0, &err), &err);
                note(&job[FROM], begin);
                must(mars_op1(&u, "negative", 1, &t, NULL, 0, &err), &err);
                must(mars_execute(s, 1, &u, &err), &err);

                begin = now();
                must(mars_fetch(s, u, b, NULL, &err), &err);
                note(&job[FETCH], begin);

                begin = now();
                must(mars_map_new(&map, s, u, &data, &err), &err);
                note(&job[MAP], begin);
                mars_map_free(map);

                begin = now();
                must(mars_save_npy(s, u, path, &err), &err);
                note(&job[SAVE], begin);

                begin = now();
                must(mars_load_npy(&loaded, path, NULL, 0, &err), &err);
                must(mars_op1(&sum, "sum", 1, &loaded, NULL, 0, &err), &err);
                must(mars_execute(s, 1, &sum, &err), &err);
                note(&job[LOAD], begin);
                mars_tensor_unref(t), mars_tensor_unref(u), mars_tensor_unref(loaded), mars_tensor_unref(sum);
        }
        unlink(path);
        for (int i = 0; i < N_JOBS; i++)
                printf("%-20s  %9.3f ms  %7.1f GB/s  %6.2f of memcpy\n", job[i].name, job[i].best * 1e3,
                       N * sizeof(*a) / job[i].best * 1e-9, job[COPY].best / job[i].best);
        mars_session_unref(s);
        free(a);
        free(b);
        return EXIT_SUCCESS;
}
