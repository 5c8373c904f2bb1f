/* SPDX-License-Identifier: Apache-2.0 */
/* A task that a worker runs although it was called back: others may have done it meanwhile. */
#include "sched/work-bed.h"

enum { OTHER = 3, FIRST_ID = 100 };

/* Two tasks: the second one reads what the first one makes. */
static Bed *bed_of_two(void) {
        Bed *b = bed_new(2, 1, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        return b;
}

/* It reads what another one has. */
static void give_reader(Bed *b, uint32_t n) {
        const RunTask given = { .task = 1, .position = 1 };
        const RunFetch from = { .chunk = 0, .from = OTHER };

        tell(b, (WorkEvent) { .kind = WORK_RUN, .plan = 1, .n = n, .task = &given, .n_fetch = 1, .fetch = &from });
}

static void call_back(Bed *b, uint32_t task) {
        const RunTask which = { .task = task, .position = task };

        tell(b, (WorkEvent) { .kind = WORK_RECALL, .plan = 1, .n = 1, .task = &which });
}

/* Task 0 runs, and was called back. */
static Bed *bed_called(void) {
        Bed *b = bed_of_two();

        give(b, 0, 1);
        ck_assert_int_ge(next(b, 0), 0);
        call_back(b, 0);
        ck_assert_ptr_null(said(b, WORK_RECALLED));
        return b;
}

TEST(what_it_makes_is_what_others_were_to_get_from_elsewhere) {
        Bed *b = bed_called();

        give_reader(b, 1);
        ck_assert_ptr_null(said(b, WORK_FETCH)); /* its place is taken */
        ck_assert_int_lt(next(b, 1), 0);
        finish(b, 0);
        ck_assert_ptr_nonnull(said(b, WORK_DONE));
        ck_assert_ptr_null(said(b, WORK_FETCH));
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = FIRST_ID, .n = 1 }); /* it is surplus, and is read still */
        ck_assert_ptr_null(said(b, WORK_FREE));
        ck_assert_int_ge(next(b, 0), 0);
        finish(b, 0);
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, FIRST_ID);
        ck_assert_uint_eq(used(b), (size_t) CHUNK_BYTES);
        bed_done(b);
}

TEST(what_it_makes_answers_a_take) {
        Bed *b = bed_called();

        tell(b, (WorkEvent) { .kind = WORK_TAKE, .chunk = FIRST_ID, .from = OTHER, .size_bytes = CHUNK_BYTES });
        ck_assert_ptr_null(said(b, WORK_FETCH));
        finish(b, 0);
        ck_assert_ptr_nonnull(said(b, WORK_DONE));
        ck_assert(said(b, WORK_TAKEN)->asked);
        ck_assert_ptr_null(work_error(&b->said, said(b, WORK_TAKEN)));
        bed_done(b);
}

TEST(when_it_fails_the_chunk_is_fetched_after_all) {
        const Error err = { .code = ERROR_LINALG };
        Bed *b          = bed_called();

        give_reader(b, 1);
        tell(b, (WorkEvent) { .kind = WORK_FINISHED, .thread = 0, .error = &err });
        ck_assert_ptr_nonnull(said(b, WORK_FAILED));
        ck_assert_uint_eq(said(b, WORK_FETCH)->chunk, FIRST_ID);
        bed_done(b);
}

TEST(when_there_is_no_memory_for_it_it_is_given_back) {
        Bed *b = bed_called();
        WorkStats stats;

        tell(b, (WorkEvent) { .kind = WORK_REFUSED, .thread = 0 });
        ck_assert_uint_eq(said(b, WORK_RECALLED)->task, 0);
        work_stats(b->work, &stats);
        ck_assert_uint_eq(stats.n_tasks, 0);
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}

TEST(what_it_reads_goes_after_it_though_it_is_dropped_before) {
        Bed *b = bed_of_two();

        give(b, 0, 1);
        ck_assert_int_ge(next(b, 0), 0);
        finish(b, 0);
        give(b, 1, 1);
        ck_assert_int_ge(next(b, 0), 0);
        call_back(b, 1);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = FIRST_ID, .n = 1 });
        ck_assert_ptr_null(said(b, WORK_FREE));
        finish(b, 0);
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, FIRST_ID);
        bed_done(b);
}

TEST(when_its_plan_is_forgotten_it_leaves_nothing_and_what_it_reads_goes_after_it) {
        Bed *b = bed_of_two();

        give(b, 0, 1);
        ck_assert_int_ge(next(b, 0), 0);
        finish(b, 0);
        give(b, 1, 1);
        ck_assert_int_ge(next(b, 0), 0);
        call_back(b, 1);
        tell(b, (WorkEvent) { .kind = WORK_FORGET, .plan = 1, .drop = DROP_ALL });
        ck_assert_ptr_null(said(b, WORK_FREE));
        ck_assert_ptr_null(said(b, WORK_FORGOTTEN));
        finish(b, 0);
        ck_assert_ptr_nonnull(said(b, WORK_FORGOTTEN));
        ck_assert_ptr_null(said(b, WORK_DONE));
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}

TEST(what_was_to_be_fetched_for_who_was_called_back_is_not) {
        Bed *b = bed_of_two();

        give_reader(b, 0);
        ck_assert_ptr_null(said(b, WORK_FETCH));
        give(b, 0, 1); /* it can be made here now */
        ck_assert_int_ge(next(b, 0), 0);
        finish(b, 0);
        ck_assert_ptr_nonnull(said(b, WORK_DONE));
        bed_done(b);
}
