/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/rate.h"
#include "harness.h"

enum { SECOND = 1000000, NOW = 5 * SECOND };

TEST(whoever_was_quiet_may_ask_a_burst_at_once_and_then_as_often_as_the_rate_says) {
        Rate rate = { .per_second = 10, .burst = 5 };

        for (unsigned k = 0; k < 5; k++)
                ck_assert_uint_eq(rate_take(&rate, 7, NOW), 0);
        ck_assert_uint_eq(rate_take(&rate, 7, NOW), SECOND / 10);
        ck_assert_uint_eq(rate_take(&rate, 7, NOW + SECOND / 10 - 1), 1);
        ck_assert_uint_eq(rate_take(&rate, 7, NOW + SECOND / 10), 0);
        ck_assert_uint_gt(rate_take(&rate, 7, NOW + SECOND / 10), 0);
        for (unsigned k = 0; k < 5; k++)
                ck_assert_uint_eq(rate_take(&rate, 7, NOW + 2 * SECOND), 0);
        ck_assert_uint_gt(rate_take(&rate, 7, NOW + 2 * SECOND), 0);
}

TEST(in_any_second_nobody_gets_more_than_the_burst_and_a_second_of_the_rate) {
        Rate rate       = { .per_second = 100, .burst = 30 };
        unsigned n_each = 0;

        for (uint64_t now = NOW; now < NOW + SECOND; now += 100)
                n_each += rate_take(&rate, 1, now) == 0;
        ck_assert_uint_eq(n_each, 30 + 99);
}

TEST(nobody_pays_for_what_others_ask) {
        Rate rate = { .per_second = 1, .burst = 1 };

        for (uint64_t who = 1; who <= RATE_PEERS; who++)
                ck_assert_uint_eq(rate_take(&rate, who, NOW), 0);
        for (uint64_t who = 1; who <= RATE_PEERS; who++)
                ck_assert_uint_gt(rate_take(&rate, who, NOW), 0);
}

TEST(of_too_many_the_one_who_has_asked_least_is_forgotten) {
        Rate rate = { .per_second = 1, .burst = 3 };

        for (uint64_t who = 1; who <= RATE_PEERS; who++)
                for (unsigned k = 0; k < (who == 9 ? 1 : 3); k++)
                        ck_assert_uint_eq(rate_take(&rate, who, NOW), 0);
        ck_assert_uint_eq(rate_take(&rate, RATE_PEERS + 1, NOW), 0); /* in the place of 9 */
        for (uint64_t who = 1; who <= RATE_PEERS; who++)
                if (who != 9)
                        ck_assert_uint_gt(rate_take(&rate, who, NOW), 0);
}
