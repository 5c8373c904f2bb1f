/* SPDX-License-Identifier: Apache-2.0 */
/* The laws when everything spills. Random graphs over tensors of which the memory holds a tenth or so, several of them
 * wanted at a time and used again, cut in every way and on one to three threads: the same bits as with enough memory,
 * and nothing is left (the engine counts when its session is closed). */
#include "client/client.h"

enum {
        ROWS       = 1024,
        COLUMNS    = 512, /* 4 MiB */
        N_TENSORS  = 8,
        SMALL      = 3 << 20,
        LARGE      = 512 << 20,
};

static uint64_t random_state;

static uint64_t chance(uint64_t n) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        return (random_state >> 33) % n;
}

static mars_tensor *numbers(int64_t seed, int64_t rows_a_chunk, int64_t columns_a_chunk) {
        const mars_param params[] = {
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = seed },
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { ROWS, COLUMNS }, .n = 2 },
                { .name = "chunk_size",
                  .kind = MARS_PARAM_DIMS,
                  .dims = (const int64_t[]) { 1, rows_a_chunk, 1, columns_a_chunk },
                  .n    = 4 },
        };
        mars_tensor *t = NULL;

        must(mars_op1(&t, "random_uniform", 0, NULL, params, 3, &err));
        return t;
}

static mars_tensor *turned(mars_tensor *t) {
        int64_t shape[2];
        const mars_param params[] = {
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = shape, .n = 2 },
                { .name = "axis", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { 1, 0 }, .n = 2 },
                { .name = "start", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { 0, 0 }, .n = 2 },
                { .name = "step", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { 1, 1 }, .n = 2 },
        };
        mars_tensor *ret = NULL;
        int64_t rows;

        mars_tensor_shape(t, shape);
        rows     = shape[0];
        shape[0] = shape[1];
        shape[1] = rows;
        must(mars_op1(&ret, "view", 1, &t, params, 4, &err));
        return ret;
}

/* A new tensor of the same shape out of others of it. */
static mars_tensor *node(mars_tensor *const *t, unsigned n) {
        static const char *const maps[] = { "add", "multiply", "subtract", "maximum" };
        static const char *const folds[] = { "sum", "max", "mean", "var" };
        mars_tensor *a = t[chance(n)], *b = t[chance(n)];
        const int64_t axis = (int64_t) chance(2);
        mars_param along   = { .name = "axis", .kind = MARS_PARAM_DIMS, .dims = &axis, .n = 1 };
        mars_param keep    = { .name = "keepdims", .kind = MARS_PARAM_BOOL, .i64 = 1 };
        TENSOR x           = NULL;

        switch (chance(5)) {
        case 0:
        case 1:
                return op2(maps[chance(4)], a, b);
        case 2:
                must(mars_op1(&x, folds[chance(4)], 1, &a, (mars_param[]) { along, keep }, 2, &err));
                return op2("subtract", b, x);
        case 3:
                must(mars_op1(&x, "cumsum", 1, &a, &along, 1, &err));
                return op2("add", x, b);
        default: { /* there and back */
                TENSOR at = turned(a);
                TENSOR bt = turned(b);
                TENSOR ct = op2("add", at, bt);

                return turned(ct);
        }
        }
}

/* Computes the graph of the seed and copies what was wanted to ret[]; returns how many chunks were written. */
static uint64_t compute(uint64_t seed, unsigned n_threads, size_t memory_bytes, double **ret, unsigned *ret_n) {
        mars_tensor *t[N_TENSORS] = {}, *wanted[N_TENSORS];
        mars_session_stats stats;
        unsigned n_wanted = 0;
        SESSION s         = NULL;

        random_state = seed;
        must(mars_session_new(
                &s, NULL, &(mars_session_options) { .n_threads = n_threads, .memory_bytes = memory_bytes }, &err));
        for (unsigned k = 0; k < N_TENSORS; k++) {
                static const int64_t rows[] = { 32, 100, ROWS }, columns[] = { COLUMNS, 64, 32 };

                if (k < 2) {
                        const unsigned how = (unsigned) chance(3);

                        t[k] = numbers((int64_t) (seed * 8 + k), rows[how], columns[how]);
                } else
                        t[k] = node(t, k);
                if (chance(3) == 0 || k == N_TENSORS - 1)
                        wanted[n_wanted++] = t[k];
                if (chance(4) == 0) /* some now, the others later, and these again */
                        must(mars_execute(s, n_wanted, wanted, &err));
        }
        must(mars_execute(s, n_wanted, wanted, &err));
        for (unsigned k = 0; k < n_wanted; k++)
                ret[k] = values_of(s, wanted[k], ROWS * COLUMNS);
        *ret_n = n_wanted;
        must(mars_session_stat(s, &stats, &err));
        for (unsigned k = 0; k < N_TENSORS; k++)
                mars_tensor_unref(t[k]);
        return stats.spilled;
}

TEST(bits_are_the_same_when_everything_spills) {
        uint64_t n_spilled = 0;

        for (uint64_t seed = 1; seed <= 24; seed++) {
                double *enough[N_TENSORS], *little[N_TENSORS];
                unsigned n, n_little;

                ck_assert_uint_eq(compute(seed, 2, LARGE, enough, &n), 0);
                n_spilled += compute(seed, 1 + (unsigned) seed % 3, SMALL, little, &n_little);
                ck_assert_uint_eq(n, n_little);
                for (unsigned k = 0; k < n; k++) {
                        ck_assert_msg(memcmp(enough[k], little[k], ROWS * COLUMNS * sizeof(double)) == 0,
                                      "seed %llu: result %u is another", (unsigned long long) seed, k);
                        free(enough[k]);
                        free(little[k]);
                }
        }
        ck_assert_uint_gt(n_spilled, 1000);
}
