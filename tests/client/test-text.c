/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of numbers, as numpy.loadtxt() reads them; side by side with it in tests/python/test_stores.py. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/client.h"

static char path[64];

static void written(const char *text, size_t size) {
        int fd;

        strcpy(path, "/tmp/test-text-XXXXXX");
        fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, size), (ssize_t) size);
        close(fd);
}

/* The rows and columns of a text, which must be n_rows times n_columns values. */
static void expect(const char *text, const mars_text_options *options, int64_t n_rows, int64_t n_columns,
                   const double *values) {
        SESSION s                    = session(2);
        TENSOR t                     = NULL;
        _cleanup_(freep) double *got = NULL;
        int64_t shape[2];

        written(text, strlen(text));
        must(mars_load_text(&t, path, options, NULL, 0, &err));
        mars_tensor_shape(t, shape);
        ck_assert_int_eq(shape[0], n_rows);
        ck_assert_int_eq(shape[1], n_columns);
        must(mars_execute(s, 1, &t, &err));
        got = values_of(s, t, n_rows * n_columns);
        for (int64_t k = 0; k < n_rows * n_columns; k++)
                ck_assert_msg(got[k] == values[k], "%s: %g, not %g", text, got[k], values[k]);
        unlink(path);
}

TEST(rows_are_lines_with_something_in_them) {
        static const mars_text_options commas = { .dtype = MARS_FLOAT64, .delimiter = ",", .max_rows = -1 };
        static const double four[]            = { 1, 2, 3, 4 };

        expect("1 2\n3 4\n", NULL, 2, 2, four);
        expect("1 2\n3 4", NULL, 2, 2, four);
        expect("  1\t 2 \r\n\r\n# nothing\n 3 4 # four\n\n", NULL, 2, 2, four);
        expect("1,2\n3, 4\n", &commas, 2, 2, four);
        expect("1\n2\n3\n4", NULL, 4, 1, four);
        expect("title\n1,2\n3,4\n5,6\n",
               &(mars_text_options) { .dtype = MARS_FLOAT64, .delimiter = ",", .skip_rows = 1, .max_rows = 2 }, 2, 2,
               four);
        expect("% 9 9\n1 2\n3 4\n", &(mars_text_options) { .dtype = MARS_FLOAT64, .comments = "%", .max_rows = -1 }, 2,
               2, four);
        expect("1,,3\n,x,6\n",
               &(mars_text_options) {
                       .dtype = MARS_FLOAT64, .delimiter = ",", .max_rows = -1, .missing = (const double[]) { -1 } },
               2, 3, (const double[]) { 1, -1, 3, -1, -1, 6 });
        expect("", NULL, 0, 0, NULL);
        expect("# only\n\n", NULL, 0, 0, NULL);
}

TEST(every_error_names_its_line) {
        static const struct {
                const char *text, *words;
        } bad[] = {
                { "1 2\n\n3 four\n", "line 3, column 2: 'four' is no float64" },
                { "1 2\n3\n", "line 2: 1 columns, where the first row has 2" },
                { "1 2\n# x\n3 4 5\n", "line 3: 3 columns" },
                { "1 2\n3 0x4\n", "line 2, column 2: '0x4'" },
        };

        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                SESSION s  = session(1);
                TENSOR t   = NULL;
                TENSOR sum = NULL;

                written(bad[k].text, strlen(bad[k].text));
                must(mars_load_text(&t, path, NULL, NULL, 0, &err));
                sum = op1("sum", t);
                must_fail(MARS_ERROR_VALUE, bad[k].words, mars_execute(s, 1, &sum, &err));
                unlink(path);
        }
}

TEST(rows_of_many_segments_are_where_they_belong_and_any_of_them_can_be_read_alone) {
        enum { N = 300000, AT = 234567 };
        SESSION s             = NULL;
        TENSOR t              = NULL;
        TENSOR sum            = NULL;
        TENSOR row            = NULL;
        const int64_t shape[] = { 2 }, axis[] = { -1, 0 }, start[] = { AT, 0 }, step[] = { 1, 1 };
        const mars_param view[]      = { mars_param_dims("shape", shape, 1), mars_param_dims("axis", axis, 2),
                                         mars_param_dims("start", start, 2), mars_param_dims("step", step, 2) };
        _cleanup_(freep) double *got = NULL;
        FILE *f;

        written("", 0);
        f = fopen(path, "w");
        for (int k = 0; k < N; k++)
                fprintf(f, "%d,%s%d%s\n", k, k % 7 ? "" : "                         ", -k,
                        k % 1000 ? "" : "\n# more\n");
        fclose(f);
        must(mars_session_new(&s, NULL, &(mars_session_options) { .n_threads = 2, .memory_bytes = 2 << 20 }, &err));
        must(mars_load_text(&t, path, &(mars_text_options) { .dtype = MARS_FLOAT64, .delimiter = ",", .max_rows = -1 },
                            NULL, 0, &err)); /* 4.6 MiB of values */
        sum = op1("sum", t);
        must(mars_op1(&row, "view", 1, &t, view, 4, &err));
        must(mars_execute(s, 2, (mars_tensor *[]) { sum, row }, &err));
        ck_assert_double_eq(value_of(s, sum), 0);
        got = values_of(s, row, 2);
        ck_assert(got[0] == AT && got[1] == -AT);
        unlink(path);
}

TEST(line_is_longer_than_a_segment) {
        enum { N = 400000 };
        char *text = malloc(8 * N + 1);
        SESSION s  = session(2);
        TENSOR t   = NULL;
        TENSOR sum = NULL;
        int64_t shape[2];
        size_t n = 0;

        for (int row = 0; row < 2; row++)
                for (int k = 0; k < N; k++)
                        n += (size_t) sprintf(text + n, "%d%c", k % 100, k + 1 < N ? ' ' : '\n');
        written(text, n);
        free(text);
        must(mars_load_text(&t, path, NULL, NULL, 0, &err));
        mars_tensor_shape(t, shape);
        ck_assert(shape[0] == 2 && shape[1] == N);
        sum = op1("sum", t);
        must(mars_execute(s, 1, &sum, &err));
        ck_assert_double_eq(value_of(s, sum), 2.0 * N / 100 * 4950);
        unlink(path);
}

TEST(file_that_was_shortened_meanwhile_is_an_error) {
        SESSION s  = session(1);
        TENSOR t   = NULL;
        TENSOR sum = NULL;

        written("1 2\n3 4\n", 8);
        must(mars_load_text(&t, path, NULL, NULL, 0, &err));
        ck_assert_int_eq(truncate(path, 4), 0);
        sum = op1("sum", t);
        must_fail(MARS_ERROR_VALUE, path, mars_execute(s, 1, &sum, &err));
        unlink(path);
}

TEST(dtypes_and_options_that_a_text_cannot_have_are_refused) {
        TENSOR t = NULL;

        written("1 2\n", 4);
        must_fail(MARS_ERROR_TYPE, "bool",
                  mars_load_text(&t, path, &(mars_text_options) { .dtype = MARS_BOOL }, NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "one character",
                  mars_load_text(&t, path, &(mars_text_options) { .dtype = MARS_INT8, .delimiter = "::" }, NULL, 0,
                                 &err));
        must_fail(-ENOENT, "no-such", mars_load_text(&t, "/tmp/no-such", NULL, NULL, 0, &err));
        unlink(path);
}
