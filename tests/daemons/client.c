/* SPDX-License-Identifier: Apache-2.0 */
/* A client that works while sanitized.py ends its workers and cuts its links: jobs that spill, that bring data, that
 * move chunks between workers, one after the other, each compared with what threads of this process make of it.
 *
 *     client ENDPOINT N      says "begins K" on standard output before each of N jobs, and "ends K" after it */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mars.h"

enum { ROWS = 2048, COLUMNS = 512, SIZE = ROWS * COLUMNS }; /* 8 MiB */
enum { VALUES = SIZE + COLUMNS * COLUMNS + 1, RESULTS = 3, JOBS_MAX = 16, KEPT_FROM = 2 };

static mars_error err;

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "client: %s: %s\n", what, err.text);
        exit(EXIT_FAILURE);
}

static mars_tensor *numbers(int64_t seed, int64_t rows, int64_t columns) {
        const int64_t shape[]     = { rows, columns };
        const mars_param params[] = {
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = seed },
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = shape, .n = 2 },
                { .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { 1, 256, 1, 256 }, .n = 4 },
        };
        mars_tensor *t = NULL;

        must(mars_op1(&t, "random_uniform", 0, NULL, params, 3, &err), "random_uniform");
        return t;
}

static mars_tensor *binary(const char *op, mars_tensor *a, mars_tensor *b) {
        mars_tensor *t = NULL;

        must(mars_op1(&t, op, 2, (mars_tensor *[]) { a, b }, NULL, 0, &err), op);
        return t;
}

/* Of numbers and of data of ours: a sum of both, which is large, a product, whose inputs many tasks read, and the sum
 * of all. */
static void job_make(int64_t seed, const double *data, mars_tensor *ret[RESULTS]) {
        const int64_t shape[] = { ROWS, COLUMNS };
        mars_tensor *given = NULL, *made = numbers(seed, ROWS, COLUMNS), *wide = numbers(seed + 1, COLUMNS, ROWS);

        must(mars_from_memory(&given, data, MARS_FLOAT64, 2, shape, NULL, (const int64_t[]) { 1, 256, 1, 256 }, 4,
                              &err),
             "data");
        ret[0] = binary("add", made, given);
        ret[1] = binary("matmul", wide, given);
        ret[2] = NULL;
        must(mars_op1(&ret[2], "sum", 1, &ret[0], NULL, 0, &err), "sum");
        mars_tensor_unref(given);
        mars_tensor_unref(made);
        mars_tensor_unref(wide);
}

/* What comes out, one after the other. */
static double *fetched(mars_session *s, mars_tensor *t[RESULTS]) {
        double *ret = malloc(VALUES * sizeof(*ret));

        if (!ret)
                abort();
        must(mars_fetch(s, t[0], ret, NULL, &err), "fetch");
        must(mars_fetch(s, t[1], ret + SIZE, NULL, &err), "fetch");
        must(mars_fetch(s, t[2], ret + SIZE + COLUMNS * COLUMNS, NULL, &err), "fetch");
        return ret;
}

static void compare(mars_session *s, mars_tensor *t[RESULTS], const double *expected, int job) {
        double *got = fetched(s, t);

        if (memcmp(got, expected, VALUES * sizeof(*got)) != 0) {
                fprintf(stderr, "client: job %d: other values than in threads\n", job);
                exit(EXIT_FAILURE);
        }
        free(got);
}

static void forget(mars_tensor *t[RESULTS]) {
        for (int k = 0; k < RESULTS; k++)
                mars_tensor_unref(t[k]);
}

/* The results of jobs after the one in which a worker is killed, who may have had the only copy of our data, are kept
 * to the end: with what a job needs they are more than three workers have, and some are on disk by then. */
int main(int argc, char **argv) {
        const mars_session_options options = { .n_threads = 2, .memory_bytes = 512 << 20 };
        const int n                        = argc > 2 ? atoi(argv[2]) : 1;
        double *data = malloc(SIZE * sizeof(*data)), *expected[JOBS_MAX];
        mars_tensor *kept[JOBS_MAX][RESULTS];
        mars_session *threads = NULL, *cluster = NULL;

        if (!data || n > JOBS_MAX)
                abort();
        for (int k = 0; k < SIZE; k++)
                data[k] = k % 1013;
        must(mars_session_new(&threads, NULL, &options, &err), "threads");
        must(mars_session_new(&cluster, argc > 1 ? argv[1] : NULL, NULL, &err), "cluster");
        for (int k = 0; k < n; k++) {
                mars_tensor *t[RESULTS];

                job_make(k, data, t);
                must(mars_execute(threads, RESULTS, t, &err), "execute");
                expected[k] = fetched(threads, t);
                forget(t);
                printf("begins %d\n", k);
                fflush(stdout);
                job_make(k, data, kept[k]);
                must(mars_execute(cluster, RESULTS, kept[k], &err), "execute");
                compare(cluster, kept[k], expected[k], k);
                if (k < KEPT_FROM)
                        forget(kept[k]);
                printf("ends %d\n", k);
                fflush(stdout);
        }
        for (int k = 0; k < n; k++) {
                if (k >= KEPT_FROM) {
                        compare(cluster, kept[k], expected[k], k);
                        forget(kept[k]);
                }
                free(expected[k]);
        }
        mars_session_close(cluster);
        mars_session_unref(cluster);
        mars_session_close(threads);
        mars_session_unref(threads);
        free(data);
        return EXIT_SUCCESS;
}
