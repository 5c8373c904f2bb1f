/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemons/metrics.h"
#include "harness.h"

/* What is printed of an answer; the caller frees it. */
static char *printed(int (*put)(FILE *f, const char *answer), const char *answer, int expected) {
        char *said = NULL;
        size_t n;
        FILE *f = open_memstream(&said, &n);

        ck_assert_ptr_nonnull(f);
        ck_assert_int_eq(put(f, answer), expected);
        ck_assert_int_eq(fclose(f), 0);
        return said;
}

TEST(a_figure_has_its_kind_and_its_words_before_it) {
        char *said = printed(metrics_cluster, "{\"workers\": 3, \"tasks_done\": 12345678901}", 0);

        ck_assert_str_eq(said,
                         "# HELP mars_workers Workers that are there.\n# TYPE mars_workers gauge\nmars_workers 3\n"
                         "# HELP mars_tasks_done_total Tasks that are done.\n# TYPE mars_tasks_done_total counter\n"
                         "mars_tasks_done_total 12345678901\n");
        free(said);
}

TEST(workers_are_told_apart_by_labels_and_a_figure_of_all_has_one_head) {
        char *said = printed(metrics_workers,
                             "[{\"worker\": 0, \"name\": \"a\", \"threads\": 1, \"pages\": \"p\"},"
                             " {\"worker\": 7, \"name\": \"b\", \"threads\": 2, \"pages\": \"q\"}]",
                             0);

        ck_assert_str_eq(said, "# HELP mars_worker_threads Threads that compute.\n# TYPE mars_worker_threads gauge\n"
                               "mars_worker_threads{worker=\"0\",name=\"a\"} 1\n"
                               "mars_worker_threads{worker=\"7\",name=\"b\"} 2\n"
                               "# HELP mars_worker_pages_info 1; which pages it uses, and what to set for better ones."
                               "\n"
                               "# TYPE mars_worker_pages_info gauge\n"
                               "mars_worker_pages_info{worker=\"0\",name=\"a\",pages=\"p\"} 1\n"
                               "mars_worker_pages_info{worker=\"7\",name=\"b\",pages=\"q\"} 1\n");
        free(said);
}

TEST(a_name_stays_within_its_quotes_whatever_it_is) {
        char *said = printed(metrics_workers,
                             "[{\"worker\": 1, \"name\": \"x\\\"} 1\\nevil{a=\\\"\\\\\", \"threads\": 4}]", 0);

        ck_assert_ptr_nonnull(strstr(said, "mars_worker_threads{worker=\"1\",name=\"x\\\"} 1 evil{a=\\\"\\\\\"} 4\n"));
        free(said);
}

TEST(what_is_no_answer_is_refused) {
        free(printed(metrics_cluster, "there is none", ERROR_CORRUPT));
        free(printed(metrics_workers, "{\"worker\": 1}", ERROR_CORRUPT));
        free(printed(metrics_workers, "", ERROR_CORRUPT));
}
