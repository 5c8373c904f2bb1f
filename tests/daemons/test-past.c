/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemons/past.h"
#include "harness.h"

static const PastColumn columns[] = { { .name = "running" }, { .name = "cpu", .count = true, .unit = 1000 } };

static void printed(const Past *past, const char *expected) {
        char *said = NULL;
        size_t n;
        FILE *f = open_memstream(&said, &n);

        ck_assert_ptr_nonnull(f);
        past_print(past, f);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_str_eq(said, expected);
        free(said);
}

static void add(Past *past, uint64_t seconds, uint64_t running, uint64_t cpu) {
        past_add(past, seconds * PAST_USEC, (const uint64_t[]) { running, cpu });
}

TEST(gauges_are_printed_as_they_are_and_counts_as_what_they_grew_in_a_second) {
        Past *past = past_new(columns, 2);

        printed(past, "{\"interval_seconds\": 1, \"time\": [], \"running\": [], \"cpu\": []}");
        add(past, 100, 2, 5000);
        add(past, 101, 1, 6000);
        add(past, 105, 0, 8000); /* it was late: no spike */
        ck_assert_double_eq(past_last(past, 1), 0.5);
        printed(past, "{\"interval_seconds\": 1, \"time\": [100.000000, 101.000000, 105.000000], "
                      "\"running\": [2, 1, 0], \"cpu\": [null, 1, 0.5]}");
        past_free(past);
}

TEST(count_that_begins_anew_and_clock_that_goes_back_are_not_known) {
        Past *past = past_new(columns, 2);

        add(past, 100, 0, 9000);
        add(past, 101, 0, 1000);
        add(past, 90, 0, 2000);
        printed(past, "{\"interval_seconds\": 1, \"time\": [100.000000, 101.000000, 90.000000], "
                      "\"running\": [0, 0, 0], \"cpu\": [null, null, null]}");
        past_free(past);
}

TEST(sample_is_due_after_a_second_and_when_the_clock_was_set_back) {
        Past *past = past_new(columns, 2);

        ck_assert(past_due(past, PAST_USEC));
        add(past, 100, 0, 0);
        ck_assert(!past_due(past, 100 * PAST_USEC + PAST_USEC / 2));
        ck_assert(past_due(past, 101 * PAST_USEC));
        ck_assert(past_due(past, 50 * (uint64_t) PAST_USEC));
        past_free(past);
}

TEST(oldest_samples_go) {
        Past *past = past_new(columns, 2);
        char *said = NULL;
        size_t n;
        uint32_t commas = 0;
        FILE *f         = open_memstream(&said, &n);

        ck_assert_ptr_nonnull(f);
        for (uint64_t k = 0; k < PAST_SAMPLES + 5; k++)
                add(past, k, k, k);
        past_print(past, f);
        ck_assert_int_eq(fclose(f), 0);
        for (const char *at = strchr(said, '['); *at != ']'; at++)
                commas += *at == ',';
        ck_assert_uint_eq(commas, PAST_SAMPLES - 1);
        ck_assert_ptr_nonnull(strstr(said, "\"time\": [5.000000, "));
        ck_assert_ptr_nonnull(strstr(said, "\"cpu\": [null, 0.001, ")); /* what was before the oldest is not known */
        free(said);
        past_free(past);
}
