/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "client.h"

static mars_tensor *grid(int64_t rows, int64_t columns, const int64_t *cut, size_t n_cut) {
        double *a      = malloc((size_t) (rows * columns) * sizeof(*a) + 1);
        mars_tensor *t = NULL;

        for (int64_t i = 0; i < rows * columns; i++)
                a[i] = (double) i;
        must(mars_from_memory(&t, a, MARS_FLOAT64, 2, (const int64_t[]) { rows, columns }, NULL, cut, n_cut, &err));
        free(a);
        return t;
}

TEST(fetch_fills_any_strided_memory) {
        SESSION s = session(2);
        TENSOR t  = grid(5, 7, (const int64_t[]) { 1, 2 }, 2);
        TENSOR u  = op1("positive", t);
        double a[7][20];
        const int64_t strides[] = { 16, sizeof(a[0]) }; /* transposed, every second element */

        must(mars_execute(s, 1, &u, &err));
        memset(a, 0, sizeof(a));
        must(mars_fetch(s, u, a, strides, &err));
        for (int i = 0; i < 5; i++)
                for (int k = 0; k < 7; k++) {
                        ck_assert_double_eq(a[k][2 * i], 7 * i + k);
                        ck_assert_double_eq(a[k][2 * i + 1], 0);
                }
}

TEST(fetch_of_many_chunks_and_many_bytes) {
        SESSION s = session(2);
        TENSOR t  = grid(3001, 1003, (const int64_t[]) { 1, 100 }, 2);
        TENSOR u  = op1("negative", t);
        _cleanup_(freep) double *values = NULL;

        must(mars_execute(s, 1, &u, &err));
        values = values_of(s, u, 3001 * 1003);
        for (int64_t i = 0; i < 3001 * 1003; i++)
                ck_assert_double_eq(values[i], -(double) i);
}

TEST(what_is_not_executed_is_refused) {
        SESSION s = session(1);
        TENSOR t  = full(1, 2, 2);
        const void *data;
        mars_map *map;
        double a[4];

        must_fail(MARS_ERROR_VALUE, "full: the tensor is not executed", mars_fetch(s, t, a, NULL, &err));
        must_fail(MARS_ERROR_VALUE, "not executed", mars_map_new(&map, s, t, &data, &err));
        must_fail(MARS_ERROR_VALUE, "NULL", mars_fetch(s, NULL, a, NULL, &err));
        must(mars_execute(s, 1, &t, &err));
        must_fail(MARS_ERROR_VALUE, "data is NULL", mars_fetch(s, t, NULL, NULL, &err));
}

TEST(map_shows_the_result_where_it_lies_and_outlives_everything) {
        mars_session *s = session(1);
        mars_tensor *t = full(4, 100, 100), *u = op2("multiply", t, t);
        const double *data;
        mars_map *map;

        must(mars_execute(s, 1, &u, &err));
        must(mars_map_new(&map, s, u, (const void **) &data, &err));
        ck_assert_ptr_nonnull(data);
        mars_tensor_unref(t);
        mars_tensor_unref(u);
        mars_session_unref(s);
        for (int i = 0; i < 10000; i++)
                ck_assert_double_eq(data[i], 16);
        mars_map_free(map);
        mars_map_free(NULL);
}

TEST(map_of_scattered_chunks_is_none) {
        SESSION s = session(1);
        TENSOR t  = grid(6, 6, (const int64_t[]) { 1, 3 }, 2);
        const void *data;
        mars_map *map;

        must(mars_execute(s, 1, &t, &err));
        must(mars_map_new(&map, s, t, &data, &err));
        ck_assert_ptr_null(data);
        mars_map_free(map);
}

TEST(map_of_nothing_is_something) {
        SESSION s = session(1);
        TENSOR t  = grid(0, 6, NULL, 0);
        const void *data;
        mars_map *map;

        must(mars_execute(s, 1, &t, &err));
        must(mars_map_new(&map, s, t, &data, &err));
        ck_assert_ptr_nonnull(data);
        mars_map_free(map);
}

static void check_saved(mars_session *s, mars_tensor *t, int64_t n) {
        char path[]   = "/tmp/mars-test-fetch-XXXXXX";
        TENSOR loaded = NULL;
        int64_t before[MARS_MAX_NDIM], after[MARS_MAX_NDIM];
        _cleanup_(freep) double *wanted = NULL, *values = NULL;

        close(mkstemp(path));
        must(mars_save_npy(s, t, path, &err));
        ck_assert(mars_tensor_executed(t, s));
        must(mars_load_npy(&loaded, path, NULL, 0, &err));
        ck_assert_uint_eq(mars_tensor_ndim(t), mars_tensor_ndim(loaded));
        mars_tensor_shape(t, before);
        mars_tensor_shape(loaded, after);
        ck_assert_bytes_eq(before, after, mars_tensor_ndim(t) * sizeof(*before));
        must(mars_execute(s, 1, &loaded, &err));
        wanted = values_of(s, t, n);
        values = values_of(s, loaded, n);
        ck_assert_bytes_eq(values, wanted, (size_t) n * sizeof(*values));
        unlink(path);
}

TEST(saved_tensors_load_as_they_were) {
        SESSION s    = session(2);
        TENSOR rows  = grid(100, 30, (const int64_t[]) { 1, 7, 1, -1 }, 4);
        TENSOR tiles = grid(100, 30, (const int64_t[]) { 1, 7 }, 2);
        TENSOR large = grid(3000, 1001, (const int64_t[]) { 1, 500 }, 2);
        TENSOR none  = grid(0, 3, NULL, 0);
        TENSOR sum   = op1("sum", rows);

        check_saved(s, rows, 3000);
        check_saved(s, tiles, 3000);
        check_saved(s, large, 3000 * 1001);
        check_saved(s, none, 0);
        check_saved(s, sum, 1);
}

TEST(file_that_cannot_be_written_leaves_nothing) {
        SESSION s = session(1);
        TENSOR t  = full(1, 2, 2);

        must_fail(-2 /* ENOENT */, "cannot write '/tmp/mars/no/such/folder/x.npy'",
                  mars_save_npy(s, t, "/tmp/mars/no/such/folder/x.npy", &err));
        must_fail(MARS_ERROR_VALUE, "path is NULL", mars_save_npy(s, t, NULL, &err));
}

TEST(archive_that_cannot_be_written_leaves_nothing) {
        SESSION s                 = session(1);
        TENSOR t                  = full(1, 2, 2);
        const char *const names[] = { "x", "x" };
        mars_tensor *const both[] = { t, t };

        must_fail(MARS_ERROR_VALUE, "two members have the name 'x.npy'",
                  mars_save_npz(s, 2, names, both, "/tmp/mars-test-fetch-none.npz", &err));
        ck_assert_int_eq(access("/tmp/mars-test-fetch-none.npz", F_OK), -1);
        must_fail(-2 /* ENOENT */, "cannot write '/tmp/mars/no/such/folder/x.npz'",
                  mars_save_npz(s, 1, names, both, "/tmp/mars/no/such/folder/x.npz", &err));
        must_fail(MARS_ERROR_VALUE, "path is NULL", mars_save_npz(s, 1, names, both, NULL, &err));
        must_fail(MARS_ERROR_VALUE, "the name of member 0 is NULL",
                  mars_save_npz(s, 1, (const char *[]) { NULL }, both, "/tmp/x.npz", &err));
        must_fail(MARS_ERROR_VALUE, "the tensor of member 1 is NULL",
                  mars_save_npz(s, 2, names, (mars_tensor *[]) { t, NULL }, "/tmp/x.npz", &err));
}

TEST(chunks_are_known_before_and_after_execution) {
        SESSION s = session(1);
        TENSOR t  = grid(5, 7, (const int64_t[]) { 1, 3 }, 2);
        TENSOR u  = op2("add", t, t);
        TENSOR z  = op1("sum", t);
        static const int64_t wanted[] = { 2, 3, 2, 3, 3, 3, 1 };

        for (int executed = 0; executed < 2; executed++) {
                _cleanup_(freep) int64_t *chunks = NULL, *none = NULL;
                size_t n = 0;

                must(mars_tensor_chunks(u, &chunks, &n, &err));
                ck_assert_uint_eq(n, ELEMENTSOF(wanted));
                ck_assert_bytes_eq(chunks, wanted, sizeof(wanted));
                must(mars_tensor_chunks(z, &none, &n, &err));
                ck_assert_uint_eq(n, 0);
                must(mars_execute(s, 2, (mars_tensor *const[]) { u, z }, &err));
        }
}

TEST(chunks_that_depend_on_data_are_known_after_execution) {
        SESSION s   = session(1);
        TENSOR t    = counted(10, 4);
        TENSOR five = weak_int(5);
        TENSOR mask = op2("greater", t, five);
        TENSOR u    = op2("mask", t, mask);
        _cleanup_(freep) int64_t *chunks = NULL;
        int64_t sum                      = 0;
        size_t n                         = 0;

        must_fail(MARS_ERROR_VALUE, "depends on data", mars_tensor_chunks(u, &chunks, &n, &err));
        must(mars_execute(s, 1, &u, &err));
        must(mars_tensor_chunks(u, &chunks, &n, &err));
        ck_assert_uint_eq(n, (size_t) chunks[0] + 1);
        for (size_t i = 1; i < n; i++)
                sum += chunks[i];
        ck_assert_int_eq(sum, 4);
}
