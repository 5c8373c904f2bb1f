/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays in directories: what is written reads back, however it is cut. What others write is read in
 * tests/python/test_stores.py. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/client.h"

enum { ROWS = 123, COLUMNS = 77, SIZE = ROWS * COLUMNS };

static char directory[64];

static void directory_new(void) {
        strcpy(directory, "/tmp/test-zarr-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void directory_end(void) {
        char command[128];

        snprintf(command, sizeof(command), "rm -r %s", directory);
        ck_assert_int_eq(system(command), 0);
}

static const char *path_of(const char *name) {
        static char path[256];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        return path;
}

static mars_tensor *numbers(void) {
        const int64_t shape[] = { ROWS, COLUMNS };
        double values[SIZE];
        mars_tensor *t = NULL;

        for (int k = 0; k < SIZE; k++)
                values[k] = k * 0.5;
        must(mars_from_memory(&t, values, MARS_FLOAT64, 2, shape, NULL, (const int64_t[]) { 1, 50, 1, 31 }, 4, &err));
        return t;
}

static void expect_numbers(mars_session *s, mars_tensor *t) {
        _cleanup_(freep) double *got = NULL;

        must(mars_execute(s, 1, &t, &err));
        got = values_of(s, t, SIZE);
        for (int k = 0; k < SIZE; k++)
                ck_assert_double_eq(got[k], k * 0.5);
}

static const mars_zarr_options ways[] = {
        { .level = -1, .shuffle = -1 },
        { .version = 2, .codec = "none" },
        { .version = 2, .codec = "zlib", .level = 1, .separator = '/' },
        { .version = 2, .codec = "gzip", .level = -1 },
        { .version = 3, .codec = "zstd", .level = 3 },
        { .version = 3, .codec = "gzip", .level = 9, .separator = '.' },
        { .version = 3, .codec = "blosc", .level = -1, .compressor = "zstd", .shuffle = 2 },
        { .version = 3, .codec = "none", .chunks = (const int64_t[]) { 20, 100 } },
        { .version = 2, .codec = "zstd", .chunks = (const int64_t[]) { 7, 5 }, .level = -1 },
};

TEST(array_that_is_written_reads_back_however_it_is_cut) {
        static const int64_t cuts[][4] = { { 1, 7, 1, 5 }, { 1, 50, 1, 31 }, { 1, 100, 1, 62 }, { 1, -1, 1, 1 } };

        for (size_t k = 0; k < ELEMENTSOF(ways); k++) {
                SESSION s    = session(2);
                TENSOR t     = numbers();
                TENSOR whole = NULL;

                directory_new();
                must(mars_save_zarr(s, t, path_of("a"), &ways[k], &err));
                must(mars_load_zarr(&whole, path_of("a"), NULL, 0, &err));
                expect_numbers(s, whole);
                for (size_t i = 0; i < ELEMENTSOF(cuts); i++) {
                        TENSOR back = NULL;

                        must(mars_load_zarr(&back, path_of("a"), cuts[i], 4, &err));
                        expect_numbers(s, back);
                }
                directory_end();
        }
}

TEST(arrays_without_axes_or_elements_read_back) {
        for (unsigned version = 2; version <= 3; version++) {
                const mars_zarr_options options = { .version = version, .level = -1, .shuffle = -1 };
                SESSION s                       = session(1);
                TENSOR number                   = full(2.5, 1, 1);
                TENSOR sum                      = op1("sum", number);
                TENSOR none                     = full(1, 0, 3);
                TENSOR a                        = NULL;
                TENSOR b                        = NULL;
                int64_t shape[2];

                directory_new();
                must(mars_save_zarr(s, sum, path_of("number"), &options, &err));
                must(mars_load_zarr(&a, path_of("number"), NULL, 0, &err));
                ck_assert_uint_eq(mars_tensor_ndim(a), 0);
                must(mars_execute(s, 1, &a, &err));
                ck_assert_double_eq(value_of(s, a), 2.5);
                must(mars_save_zarr(s, none, path_of("none"), &options, &err));
                must(mars_load_zarr(&b, path_of("none"), NULL, 0, &err));
                mars_tensor_shape(b, shape);
                ck_assert(shape[0] == 0 && shape[1] == 3);
                must(mars_execute(s, 1, &b, &err));
                directory_end();
        }
}

TEST(chunk_that_is_not_there_is_fill_value) {
        SESSION s                    = session(2);
        TENSOR t                     = numbers();
        TENSOR back                  = NULL;
        _cleanup_(freep) double *got = NULL;

        directory_new();
        must(mars_save_zarr(s, t, path_of("a"), &(mars_zarr_options) { .codec = "zstd", .level = -1 }, &err));
        ck_assert_int_eq(unlink(path_of("a/1.1")), 0);
        must(mars_load_zarr(&back, path_of("a"), NULL, 0, &err));
        must(mars_execute(s, 1, &back, &err));
        got = values_of(s, back, SIZE);
        for (int i = 0; i < ROWS; i++)
                for (int j = 0; j < COLUMNS; j++)
                        ck_assert_double_eq(got[i * COLUMNS + j],
                                            i / 50 == 1 && j / 31 == 1 ? 0 : (i * COLUMNS + j) * 0.5);
        directory_end();
}

TEST(directory_is_an_array_only_when_all_chunks_are_there) {
        SESSION s   = session(1);
        TENSOR t    = numbers();
        TENSOR back = NULL;
        struct stat st;

        directory_new();
        /* A name in the way of a chunk's file. */
        ck_assert_int_eq(mkdir(path_of("a"), 0777), 0);
        must(mars_save_zarr(s, t, path_of("a"), NULL, &err)); /* an empty directory is as good as none */
        must_fail(-EEXIST, "not empty", mars_save_zarr(s, t, path_of("a"), NULL, &err));
        must_fail(-ENOENT, "cannot make", mars_save_zarr(s, t, path_of("no/such"), NULL, &err));
        must_fail(-ENOENT, "no Zarr array", mars_load_zarr(&back, path_of("b"), NULL, 0, &err));
        ck_assert_int_eq(stat(path_of("a/.zarray"), &st), 0);
        directory_end();
}

TEST(damaged_chunk_is_refused_by_its_name) {
        SESSION s   = session(1);
        TENSOR t    = numbers();
        TENSOR back = NULL;
        TENSOR sum  = NULL;

        directory_new();
        must(mars_save_zarr(s, t, path_of("a"), &(mars_zarr_options) { .codec = "zstd", .level = -1 }, &err));
        ck_assert_int_eq(truncate(path_of("a/2.1"), 40), 0);
        must(mars_load_zarr(&back, path_of("a"), NULL, 0, &err));
        sum = op1("sum", back);
        must_fail(-EBADMSG, "a/2.1", mars_execute(s, 1, &sum, &err));
        directory_end();
}

TEST(file_of_a_chunk_that_is_far_too_long_is_not_read) {
        SESSION s   = session(1);
        TENSOR t    = numbers();
        TENSOR back = NULL;
        TENSOR sum  = NULL;

        directory_new();
        must(mars_save_zarr(s, t, path_of("a"), &(mars_zarr_options) { .codec = "zstd", .level = -1 }, &err));
        ck_assert_int_eq(truncate(path_of("a/0.0"), INT64_C(1) << 40), 0);
        must(mars_load_zarr(&back, path_of("a"), NULL, 0, &err));
        sum = op1("sum", back);
        must_fail(MARS_ERROR_VALUE, "a/0.0", mars_execute(s, 1, &sum, &err));
        directory_end();
}

TEST(more_than_memory_is_written_and_read) {
        const int64_t shape[] = { 2048, 1024 }, cuts[] = { 1, 128, 1, 256 };
        const mars_param params[] = { mars_param_i64("seed", 3), mars_param_dims("shape", shape, 2),
                                      mars_param_dims("chunk_size", cuts, 4) };
        TENSOR x                  = NULL;
        TENSOR back               = NULL;
        TENSOR sum                = NULL;
        TENSOR before             = NULL;
        SESSION s                 = NULL;
        mars_session_stats stats;

        directory_new();
        must(mars_session_new(&s, NULL, &(mars_session_options) { .n_threads = 2, .memory_bytes = 6 << 20 }, &err));
        must(mars_op1(&x, "random_uniform", 0, NULL, params, 3, &err)); /* 16 MiB */
        before = op1("sum", x);
        must(mars_save_zarr(s, x, path_of("a"), &(mars_zarr_options) { .version = 3, .level = -1, .shuffle = -1 },
                            &err));
        must(mars_load_zarr(&back, path_of("a"), NULL, 0, &err));
        sum = op1("sum", back);
        must(mars_execute(s, 2, (mars_tensor *[]) { sum, before }, &err));
        ck_assert_double_eq(value_of(s, sum), value_of(s, before));
        must(mars_session_stat(s, &stats, &err));
        ck_assert_uint_le(stats.used_bytes, 6 << 20);
        directory_end();
}

TEST(options_that_mean_nothing_are_refused) {
        static const int64_t no_lengths[] = { 5, 0 };
        static const struct {
                mars_zarr_options options;
                const char *words;
        } bad[] = {
                { { .version = 1 }, "no version 1" },
                { { .codec = "lzma" }, "'lzma'" },
                { { .version = 3, .codec = "zlib" }, "take gzip" },
                { { .codec = "blosc", .compressor = "rot13" }, "rot13" },
                { { .codec = "blosc", .shuffle = 3 }, "shuffle" },
                { { .separator = ',' }, "separator" },
                { { .chunks = no_lengths }, "axis 1" },
        };
        SESSION s = session(1);
        TENSOR t  = numbers();

        directory_new();
        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                must_fail(MARS_ERROR_VALUE, bad[k].words, mars_save_zarr(s, t, path_of("a"), &bad[k].options, &err));
                ck_assert_int_eq(access(path_of("a"), F_OK), -1);
        }
        directory_end();
}
