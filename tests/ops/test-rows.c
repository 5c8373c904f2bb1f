/* SPDX-License-Identifier: Apache-2.0 */
/* Elements chosen and set by indices, of what is several times the memory: the same bits as of what memory holds. */
#include <stdlib.h>

#include "client/client.h"

enum { N = 3000000, ROWS = 40000, COLUMNS = 75 };

/* Numbers below `high`, computed; in chunks of half a million. */
static mars_tensor *numbers(int64_t rows, int64_t columns, int64_t high, int64_t seed) {
        const int64_t dims[] = { rows, columns }, chunks[] = { 1, 500000 / columns, 1, columns };
        const unsigned n     = columns == 1 ? 1 : 2;
        const mars_param p[] = {
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = dims, .n = n },
                { .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = chunks, .n = 2 * n },
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = seed },
                { .name = "low", .kind = MARS_PARAM_I64, .i64 = 0 },
                { .name = "high", .kind = MARS_PARAM_SCALAR, .scalar = { .dtype = MARS_INT64, .i64 = high } },
        };
        mars_tensor *ret = NULL;

        must(mars_op1(&ret, "random_integers", 0, NULL, p, 5, &err));
        return ret;
}

/* The result's bits; `n_in` tensors are executed before, so that they are chunks. */
static int64_t *made(const char *op, unsigned n_in, mars_tensor *const *in, const mars_param *p, unsigned n_p,
                     size_t bytes, uint64_t task_bytes, uint64_t *ret_tasks) {
        const mars_session_options options = { .n_threads    = 2,
                                               .memory_bytes = (uint64_t) 1 << 30,
                                               .task_bytes   = task_bytes };
        mars_session *s                    = NULL;
        mars_session_stats before, after;
        TENSOR y      = NULL;
        int64_t *data = malloc(bytes);

        must(mars_session_new(&s, NULL, &options, &err));
        must(mars_execute(s, n_in, in, &err));
        must(mars_session_stat(s, &before, &err));
        must(mars_op1(&y, op, n_in, in, p, n_p, &err));
        must(mars_execute(s, 1, &y, &err));
        must(mars_session_stat(s, &after, &err));
        must(mars_fetch(s, y, data, NULL, &err));
        *ret_tasks = after.tasks_done - before.tasks_done;
        mars_tensor_unref(TAKE_PTR(y));
        mars_session_unref(s);
        return data;
}

/* Of 24 MB, with 200 kB a task: 1.6 MB that all threads have. */
static void same_in_parts(const char *op, unsigned n_in, mars_tensor *const *in, const mars_param *p, unsigned n_p,
                          size_t bytes) {
        uint64_t n_whole, n_parts;
        _cleanup_(freep) int64_t *whole = made(op, n_in, in, p, n_p, bytes, 0, &n_whole);
        _cleanup_(freep) int64_t *parts = made(op, n_in, in, p, n_p, bytes, 200000, &n_parts);

        ck_assert_msg(memcmp(whole, parts, bytes) == 0, "%s", op);
        ck_assert_uint_gt(n_parts, n_whole); /* else it was the same way */
}

TEST(elements_are_taken_from_parts_to_the_same_bits) {
        TENSOR x = numbers(N, 1, 1000000007, 1);
        TENSOR index = numbers(N, 1, N, 2);

        same_in_parts("take", 2, (mars_tensor *[]) { x, index }, NULL, 0, N * sizeof(int64_t));
}

TEST(rows_are_taken_from_parts_to_the_same_bits) {
        TENSOR x = numbers(ROWS, COLUMNS, 1000000007, 1);
        TENSOR index = numbers(ROWS, 1, ROWS, 2);

        same_in_parts("take", 2, (mars_tensor *[]) { x, index }, NULL, 0, ROWS * COLUMNS * sizeof(int64_t));
}

TEST(the_last_value_counts_in_whatever_part_it_is) {
        TENSOR x = numbers(N, 1, 1000000007, 1);
        TENSOR values = numbers(N, 1, 1000, 3);
        TENSOR index = numbers(N, 1, N / 10, 2);

        same_in_parts("put", 3, (mars_tensor *[]) { x, values, index }, NULL, 0, N * sizeof(int64_t));
}

/* Many chunks and indices: these are dealt. Some count from the end. */
TEST(dealt_indices_set_what_a_loop_sets) {
        const mars_session_options options = { .n_threads = 2, .memory_bytes = (uint64_t) 1 << 30 };
        TENSOR x                           = numbers(N, 1, 1000000007, 1);
        TENSOR value                       = numbers(N, 1, 1000, 3);
        TENSOR named                       = numbers(N, 1, N / 2, 2);
        TENSOR quarter                     = NULL;
        TENSOR index                       = NULL;
        const mars_param add               = { .name = "function", .kind = MARS_PARAM_TEXT, .text = "add" };
        int64_t *data[4], *bits;
        uint64_t n_tasks;
        mars_session *s = NULL;

        must(mars_scalar_strong(&quarter, (mars_scalar) { .dtype = MARS_INT64, .i64 = N / 4 }, &err));
        must(mars_op1(&index, "subtract", 2, (mars_tensor *[]) { named, quarter }, NULL, 0, &err));
        mars_tensor *in[] = { x, value, index, x };

        must(mars_session_new(&s, NULL, &options, &err));
        must(mars_execute(s, 3, in, &err));
        for (int k = 0; k < 4; k++) {
                data[k] = malloc(N * sizeof(int64_t));
                must(mars_fetch(s, in[k], data[k], NULL, &err));
        }
        mars_session_unref(s);
        for (int64_t i = 0; i < N; i++) {
                const int64_t at = data[2][i] + (data[2][i] < 0 ? N : 0);

                data[0][at] = data[1][i];
                data[3][at] += data[1][i];
        }
        for (unsigned added = 0; added < 2; added++) {
                bits = made("put", 3, in, &add, added, N * sizeof(int64_t), 0, &n_tasks);
                ck_assert(memcmp(bits, data[added ? 3 : 0], N * sizeof(int64_t)) == 0);
                free(bits);
        }
        for (int k = 0; k < 4; k++)
                free(data[k]);
}

TEST(rows_along_an_axis_are_taken_by_tasks_that_may) {
        TENSOR x = numbers(ROWS, COLUMNS, 1000000007, 1);
        TENSOR index = numbers(ROWS, COLUMNS, COLUMNS, 2);
        const mars_param axis = { .name = "axis", .kind = MARS_PARAM_I64, .i64 = 1 };

        same_in_parts("take_along", 2, (mars_tensor *[]) { x, index }, &axis, 1, ROWS * COLUMNS * sizeof(int64_t));
}

TEST(an_index_outside_is_an_error_of_whatever_part) {
        TENSOR x = numbers(N, 1, 1000000007, 1);
        TENSOR index = numbers(N, 1, N + 1000000, 2);
        TENSOR y = NULL;
        const mars_session_options options = { .n_threads    = 2,
                                               .memory_bytes = (uint64_t) 1 << 30,
                                               .task_bytes   = 200000 };
        mars_session *s                    = NULL;

        must(mars_session_new(&s, NULL, &options, &err));
        must(mars_op1(&y, "take", 2, (mars_tensor *[]) { x, index }, NULL, 0, &err));
        ck_assert_int_lt(mars_execute(s, 1, &y, NULL), 0);
        mars_tensor_unref(TAKE_PTR(y));
        mars_session_unref(s);
}
