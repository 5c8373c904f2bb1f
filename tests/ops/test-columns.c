/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that no task may take are sorted in columns, through pieces: the same bits as by tasks that may. */
#include <stdlib.h>

#include "client/client.h"

enum { TASK_BYTES = 8 << 20 };

static mars_session *session_with(uint64_t task_bytes) {
        const mars_session_options options = { .n_threads    = 2,
                                               .memory_bytes = (uint64_t) 1 << 30,
                                               .task_bytes   = task_bytes };
        mars_session *s                    = NULL;

        must(mars_session_new(&s, NULL, &options, &err));
        return s;
}

/* Random numbers, many of them equal, computed and cut along the last axis; of floating point half of them NaN. */
static mars_tensor *numbers(mars_session *s, mars_dtype dtype, int64_t rows, int64_t n) {
        const int64_t dims[] = { rows, n }, chunks[] = { 1, 1, 1, 300000 };
        const mars_param p[] = {
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = dims, .n = 2 },
                { .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = chunks, .n = 4 },
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = 7 },
                { .name = "low", .kind = MARS_PARAM_I64, .i64 = -100000 },
                { .name = "high", .kind = MARS_PARAM_SCALAR, .scalar = { .dtype = MARS_INT64, .i64 = 100000 } },
        };
        const mars_param to  = { .name = "dtype", .kind = MARS_PARAM_DTYPE, .i64 = dtype };
        mars_tensor *integer = NULL, *cast = NULL, *ret;

        must(mars_op1(&integer, "random_integers", 0, NULL, p, 5, &err));
        must(mars_op1(&cast, "cast", 1, &integer, &to, 1, &err));
        ret = dtype >= MARS_FLOAT32 ? op1("sqrt", cast) : mars_tensor_ref(cast);
        mars_tensor_unref(integer);
        mars_tensor_unref(cast);
        must(mars_execute(s, 1, &ret, &err));
        return ret;
}

/* What `op`, sort or argsort, makes along the last axis. */
static char *ordered(const char *op, mars_dtype dtype, int64_t rows, int64_t n, uint64_t task_bytes,
                     uint64_t *ret_tasks) {
        SESSION s           = session_with(task_bytes);
        TENSOR x            = numbers(s, dtype, rows, n);
        TENSOR y            = NULL;
        const mars_param p  = { .name = "axis", .kind = MARS_PARAM_I64, .i64 = -1 };
        char *data          = malloc((size_t) (rows * n) * MAX(mars_dtype_size(dtype), sizeof(int64_t)));
        mars_session_stats before, after;

        must(mars_session_stat(s, &before, &err));
        must(mars_op1(&y, op, 1, &x, &p, 1, &err));
        must(mars_execute(s, 1, &y, &err));
        must(mars_session_stat(s, &after, &err));
        must(mars_fetch(s, y, data, NULL, &err));
        *ret_tasks = after.tasks_done - before.tasks_done;
        return data;
}

TEST(rows_are_sorted_in_columns_to_the_same_bits) {
        static const struct {
                mars_dtype dtype;
                int64_t rows, n;
        } cases[] = { { MARS_FLOAT64, 1, 3000000 }, { MARS_FLOAT32, 1, 2500001 },    { MARS_INT8, 1, 9000003 },
                      { MARS_INT64, 2, 1300000 },   { MARS_COMPLEX128, 1, 1200007 }, { MARS_BOOL, 1, 5000000 } };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t n_whole, n_columns;
                const size_t bytes = (size_t) (cases[i].rows * cases[i].n) * mars_dtype_size(cases[i].dtype);
                _cleanup_(freep) char *whole = ordered("sort", cases[i].dtype, cases[i].rows, cases[i].n, 0, &n_whole);
                _cleanup_(freep) char *in_columns =
                        ordered("sort", cases[i].dtype, cases[i].rows, cases[i].n, TASK_BYTES, &n_columns);

                ck_assert_msg(memcmp(whole, in_columns, bytes) == 0, "%s", mars_dtype_name(cases[i].dtype));
                ck_assert_uint_gt(n_columns, n_whole); /* else it was the same way */
        }
}

TEST(where_elements_of_long_rows_were_is_found_in_columns_and_equal_ones_stay_in_order) {
        static const struct {
                mars_dtype dtype;
                int64_t rows, n;
        } cases[] = { { MARS_FLOAT64, 1, 1500000 },
                      { MARS_INT8, 1, 1300003 },
                      { MARS_INT64, 2, 1200001 },
                      { MARS_COMPLEX128, 1, 1100007 },
                      { MARS_FLOAT32, 1, 1048577 } };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const int64_t total = cases[i].rows * cases[i].n;
                uint64_t n_whole, n_columns;
                _cleanup_(freep) int64_t *whole =
                        (int64_t *) ordered("argsort", cases[i].dtype, cases[i].rows, cases[i].n, 0, &n_whole);
                _cleanup_(freep) int64_t *in_columns = (int64_t *) ordered("argsort", cases[i].dtype, cases[i].rows,
                                                                           cases[i].n, TASK_BYTES, &n_columns);

                for (int64_t k = 0; k < total; k++)
                        ck_assert_msg(whole[k] == in_columns[k], "%s: place %lld: %lld, not %lld",
                                      mars_dtype_name(cases[i].dtype), (long long) k, (long long) in_columns[k],
                                      (long long) whole[k]);
                ck_assert_uint_gt(n_columns, n_whole);
        }
}

TEST(unique_values_and_their_counts_are_found_in_columns) {
        static const mars_dtype dtypes[] = { MARS_FLOAT64, MARS_INT8, MARS_COMPLEX64 };
        enum { N = 2500000 };

        for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
                char *data[2][2] = {};
                int64_t n[2]     = {};

                for (int limited = 0; limited < 2; limited++) {
                        SESSION s         = session_with(limited ? TASK_BYTES : 0);
                        TENSOR x          = numbers(s, dtypes[i], 1, N);
                        mars_tensor *y[2] = {};
                        unsigned op;

                        must(mars_op_find(&op, "unique_counts", &err));
                        must(mars_op(y, op, 1, &x, NULL, 0, &err));
                        must(mars_execute(s, 2, y, &err));
                        ck_assert_uint_eq(mars_tensor_shape(y[0], &n[limited]), 0);
                        for (int k = 0; k < 2; k++) {
                                data[limited][k] = malloc((size_t) n[limited] * 16);
                                must(mars_fetch(s, y[k], data[limited][k], NULL, &err));
                                mars_tensor_unref(y[k]);
                        }
                }
                ck_assert_int_eq(n[0], n[1]);
                ck_assert_int_eq(memcmp(data[0][0], data[1][0], (size_t) n[0] * mars_dtype_size(dtypes[i])), 0);
                ck_assert_int_eq(memcmp(data[0][1], data[1][1], (size_t) n[0] * sizeof(int64_t)), 0);
                for (int k = 0; k < 4; k++)
                        free(data[k / 2][k % 2]);
        }
}
