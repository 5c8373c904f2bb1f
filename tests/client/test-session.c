/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

TEST(session_says_what_it_has) {
        SESSION s = session(2);
        TENSOR a  = full(1, 100, 100);
        mars_session_stats stats;

        must(mars_session_stat(s, &stats, &err));
        ck_assert_uint_eq(stats.n_threads, 2);
        ck_assert_uint_eq(stats.used_bytes, 0);
        ck_assert_uint_le(stats.capacity_bytes, 256 << 20);
        ck_assert(strcmp(stats.pages, "hugetlb") == 0 || strcmp(stats.pages, "transparent") == 0 ||
                  strcmp(stats.pages, "plain") == 0);
        must(mars_execute(s, 1, &a, &err));
        must(mars_session_stat(s, &stats, &err));
        ck_assert_uint_ge(stats.used_bytes, 80000);
        ck_assert_uint_ge(stats.tasks_done, 1);
}

TEST(closed_session_says_so) {
        SESSION s   = session(1);
        TENSOR a    = full(1, 3, 3);
        FUTURE none = NULL;
        mars_session_stats stats;
        const void *data;
        mars_map *map;
        double values[9];

        must(mars_execute(s, 1, &a, &err));
        ck_assert(mars_tensor_executed(a, s));
        ck_assert(!mars_session_closed(s));
        mars_session_close(s);
        mars_session_close(s);
        ck_assert(mars_session_closed(s));
        ck_assert(!mars_tensor_executed(a, s) && !mars_tensor_executed(a, NULL));
        must_fail(MARS_ERROR_CLOSED, "closed", mars_execute(s, 1, &a, &err));
        must_fail(MARS_ERROR_CLOSED, "closed", mars_submit(&none, s, 1, &a, &err));
        must_fail(MARS_ERROR_CLOSED, "closed", mars_fetch(s, a, values, NULL, &err));
        must_fail(MARS_ERROR_CLOSED, "closed", mars_map_new(&map, s, a, &data, &err));
        must_fail(MARS_ERROR_CLOSED, "closed", mars_session_stat(s, &stats, &err));
        must_fail(MARS_ERROR_CLOSED, "closed", mars_save_npy(s, a, "/nowhere/x.npy", &err));
        must_fail(MARS_ERROR_VALUE, "NULL", mars_execute(NULL, 1, &a, &err));
}

TEST(tensor_outlives_its_session_as_an_expression) {
        SESSION s     = session(1);
        SESSION other = session(1);
        TENSOR a      = full(2, 3, 3);
        TENSOR b      = op2("multiply", a, a);
        TENSOR sum    = op1("sum", b);

        must(mars_execute(s, 1, &b, &err));
        ck_assert(mars_tensor_executed(b, s) && !mars_tensor_executed(b, other));
        mars_session_close(s);
        must(mars_execute(other, 1, &sum, &err));
        ck_assert_double_eq(value_of(other, sum), 36);
}

TEST(default_session_is_made_once_and_can_be_replaced) {
        mars_session *first = NULL, *again = NULL;
        SESSION mine = session(1);

        must(mars_session_default(&first, &err));
        must(mars_session_default(&again, &err));
        ck_assert_ptr_eq(first, again);
        mars_session_close(first);
        must(mars_session_default(&again, &err));
        ck_assert_ptr_ne(first, again);
        ck_assert(!mars_session_closed(again));
        mars_session_set_default(mine);
        must(mars_session_default(&again, &err));
        ck_assert_ptr_eq(again, mine);
        mars_session_set_default(NULL);
}

TEST(other_endpoints_are_refused) {
        mars_session *s = NULL;

        must_fail(MARS_ERROR_VALUE, "cannot connect to 'http://here:port': 'port' is no port",
                  mars_session_new(&s, "http://here:port", NULL, &err));
        must_fail(MARS_ERROR_VALUE, "cannot connect to 'http://a@b/': 'http://a@b/': give scheme",
                  mars_session_new(&s, "http://a@b/", NULL, &err));
        ck_assert_ptr_null(s);
}

TEST(child_of_a_fork_is_refused_and_may_make_its_own) {
        SESSION s = session(2);
        TENSOR a  = full(1, 100, 100);
        TENSOR b  = op2("add", a, a);
        int status;
        pid_t pid;

        must(mars_execute(s, 1, &a, &err));
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                mars_session *own = NULL;
                mars_error err    = {};
                double sum        = 0;
                TENSOR total      = op1("sum", b);

                if (mars_execute(s, 1, &b, &err) != MARS_ERROR_CLOSED || !strstr(err.text, "fork"))
                        _exit(1);
                mars_session_unref(s);
                mars_tensor_unref(b);
                if (mars_session_new(&own, NULL, &(mars_session_options) { .n_threads = 2 }, &err) < 0)
                        _exit(2);
                if (mars_execute(own, 1, &total, &err) < 0 || mars_fetch(own, total, &sum, NULL, &err) < 0)
                        _exit(3);
                mars_session_unref(own);
                _exit(sum == 20000 ? 0 : 4);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %#x", status);
        must(mars_execute(s, 1, &b, &err));
}

TEST(session_takes_the_pages_that_it_is_told_and_says_so) {
        SESSION small   = NULL;
        SESSION least   = NULL;
        mars_session *s = NULL;
        mars_session_options options = { .n_threads = 1, .memory_bytes = 256 << 20, .hugepages = "off" };
        mars_session_stats stats;

        must(mars_session_new(&small, NULL, &options, &err));
        must(mars_session_stat(small, &stats, &err));
        ck_assert_str_eq(stats.pages, "plain");
        ck_assert_ptr_nonnull(strstr(stats.pages_text, "as configured"));
        options = (mars_session_options) { .n_threads = 1, .memory_bytes = 1ull << 40, .hugepages = "on" };
        must_fail(MARS_ERROR_MEMORY, "1.00 TiB of reserved huge pages are needed and",
                  mars_session_new(&s, NULL, &options, &err));
        options = (mars_session_options) { .n_threads = 1, .hugepages = "maybe" };
        must_fail(MARS_ERROR_VALUE, "hugepages is 'try', 'on' or 'off', not 'maybe'",
                  mars_session_new(&s, NULL, &options, &err));
        options = (mars_session_options) { .n_threads = 1, .hugepage_size = "3m" };
        must_fail(MARS_ERROR_VALUE, "no huge pages of 3.00 MiB", mars_session_new(&s, NULL, &options, &err));
        options.hugepage_size = "large";
        must_fail(MARS_ERROR_VALUE, "hugepage_size: 'large'", mars_session_new(&s, NULL, &options, &err));
        options = (mars_session_options) { .n_threads = 1, .hugepage_size = "2M", .hugepages = "off" };
        must_fail(MARS_ERROR_VALUE, "hugepages are 'off'", mars_session_new(&s, NULL, &options, &err));
        options = (mars_session_options) { .n_threads = 1, .spill_codec = "gzip" };
        must_fail(MARS_ERROR_VALUE, "spill_codec is 'none', 'lz4', 'zstd' or 'auto', not 'gzip'",
                  mars_session_new(&s, NULL, &options, &err));
        options = (mars_session_options) { .n_threads = 1, .hugepages = "try", .hugepage_size = "auto" };
        must(mars_session_new(&least, NULL, &options, &err));
}

TEST(lines_for_the_log_are_said_once) {
        SESSION s    = session(1);
        TENSOR large = full(3, 8192, 8192); /* 512 MiB: twice what the session has */
        TENSOR more  = op2("add", large, large);
        bool warning = true;
        char *text   = NULL;

        must(mars_session_log(s, &text, &warning, &err));
        ck_assert_ptr_nonnull(text);
        ck_assert_msg(strstr(text, "pages") && !warning, "%s", text);
        free(text);
        must(mars_session_log(s, &text, &warning, &err));
        ck_assert_ptr_null(text);
        must(mars_execute(s, 1, &more, &err));
        must(mars_session_log(s, &text, &warning, &err));
        ck_assert_msg(text && strstr(text, "spilling with"), "%s", text ?: "nothing");
        free(text);
        must(mars_session_log(s, &text, &warning, &err));
        ck_assert_ptr_null(text);
        mars_session_close(s);
        must(mars_session_log(s, &text, &warning, &err));
        ck_assert_ptr_null(text);
}
