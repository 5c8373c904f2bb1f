/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/progress.h"
#include "harness.h"

TEST(a_thread_that_uses_its_processor_moves_however_long_it_is_at_one_thing) {
        Progress p = {};

        for (uint64_t cpu_usec = 1; cpu_usec < 100; cpu_usec++)
                ck_assert_uint_eq(progress_look(&p, 7, cpu_usec), 0);
}

TEST(a_thread_that_does_one_thing_after_the_other_moves_whatever_they_cost) {
        Progress p = {};

        for (uint64_t since_usec = 1; since_usec < 100; since_usec++)
                ck_assert_uint_eq(progress_look(&p, since_usec, 5), 0);
}

TEST(a_thread_that_has_nothing_to_do_is_not_stuck) {
        Progress p = {};

        for (unsigned k = 0; k < 100; k++)
                ck_assert_uint_eq(progress_look(&p, 0, 5), 0);
}

TEST(looks_at_which_a_thread_has_not_moved_are_counted_until_it_does) {
        Progress p = {};

        ck_assert_uint_eq(progress_look(&p, 7, 5), 0);
        ck_assert_uint_eq(progress_look(&p, 7, 5), 1);
        ck_assert_uint_eq(progress_look(&p, 7, 5), 2);
        ck_assert_uint_eq(progress_look(&p, 7, 6), 0);
        ck_assert_uint_eq(progress_look(&p, 7, 6), 1);
        ck_assert_uint_eq(progress_look(&p, 0, 6), 0);
        ck_assert_uint_eq(progress_look(&p, 8, 6), 0);
        ck_assert_uint_eq(progress_look(&p, 8, 6), 1);
}
