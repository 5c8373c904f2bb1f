/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/work-bed.h"

TEST(a_thread_holds_as_many_tasks_as_it_may_and_reports_each_by_itself) {
        Bed *b = bed_with(1, 6,
                          &(WorkLimits) { .cache_bytes = 1 * MiB,
                                          .hard_bytes = 1 * MiB,
                                          .soft_bytes = 1 * MiB,
                                          .tasks_per_thread = 3 });

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 6);
        for (uint32_t k = 0; k < 6; k++)
                ck_assert_int_eq(next(b, k), (int) k);
        ck_assert_uint_eq(work_n_running(b->work), 6);
        for (uint32_t k = 6; k-- > 0;) {
                finish(b, k);
                ck_assert_uint_eq(said(b, WORK_DONE)->task, k);
        }
        ck_assert_uint_eq(work_n_running(b->work), 0);
        bed_done(b);
}

TEST(tasks_start_in_the_order_of_the_plan_when_their_inputs_are_here) {
        Bed *b = bed_new(2, 3, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 3, 3); /* the readers first: they wait */
        ck_assert_int_eq(next(b, 0), -1);
        give(b, 0, 3);
        ck_assert_int_eq(next(b, 0), 0);
        ck_assert_int_eq(next(b, 1), 1);
        finish(b, 1);
        ck_assert_uint_eq(said(b, WORK_DONE)->task, 1);
        ck_assert_int_eq(next(b, 1), 2); /* before 4, which is ready as well */
        finish(b, 1);
        ck_assert_int_eq(next(b, 1), 4);
        finish(b, 0);
        ck_assert_int_eq(next(b, 0), 3);
        bed_done(b);
}

/* Gives a plan of n tasks, all of which are ready, under the number; another one stands for its tasks. */
static void give_plan(Bed *b, PlanRun *run, uint32_t n) {
        RunTask task[400];

        ck_assert_uint_le(n, ELEMENTSOF(task));
        for (uint32_t k = 0; k < n; k++)
                task[k] = (RunTask) { .task = k, .position = k };
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = run });
        tell(b, (WorkEvent) { .kind = WORK_RUN, .plan = run->id, .n = n, .task = task });
}

/* The plan whose task runs next, to its end. */
static uint64_t plan_served(Bed *b) {
        uint64_t plan;

        ck_assert_int_ge(next(b, 0), 0);
        plan = said(b, WORK_START)->plan;
        finish(b, 0);
        return plan;
}

TEST(plans_have_their_turns_and_the_order_of_each_is_kept) {
        Bed *b         = bed_new(1, 400, 64 * MiB);
        PlanRun second = b->run;
        uint32_t n[3] = {}, n_turns = 0;
        uint64_t last = 0;

        second.id       = 2;
        second.first_id = 1000;
        give_plan(b, &b->run, 400);
        for (int k = 0; k < 100; k++)
                ck_assert_uint_eq(plan_served(b), 1);
        give_plan(b, &second, 300);
        for (uint32_t k = 0; k < 600; k++) {
                const uint64_t plan = plan_served(b);

                ck_assert_uint_eq(work_here(b->work, (plan == 1 ? 100 + 100 : 1000) + n[plan]), true);
                n[plan]++;
                n_turns += plan != last;
                last = plan;
                ck_assert_uint_le(MAX(n[1], n[2]) - MIN(n[1], n[2]), 200); /* both are done at about the same time, */
        }
        ck_assert_uint_eq(n[1], 300);
        ck_assert_uint_le(n_turns, 20); /* and do not take turns at every task */
        bed_done(b);
}

TEST(sessions_share_the_threads_evenly_however_many_plans_they_have) {
        enum { PLANS = 10 };
        Bed *b        = bed_new(1, 400, 64 * MiB);
        PlanRun other = b->run, run[PLANS];
        uint32_t n[2] = {};

        for (uint64_t k = 0; k < PLANS; k++) {
                run[k]          = b->run;
                run[k].id       = 2 + k;
                run[k].first_id = 1000 + 1000 * k;
                run[k].session  = 7;
                give_plan(b, &run[k], 400);
        }
        for (int k = 0; k < 300; k++)
                ck_assert_uint_ge(plan_served(b), 2);
        other.session = 8;
        give_plan(b, &other, 400);
        while (n[0] < 400) {
                n[plan_served(b) > 1]++;
                ck_assert_uint_le(n[1], n[0] + 300); /* a turn behind, and turns */
        }
        ck_assert_uint_ge(n[1], 200);
        bed_done(b);
}

TEST(plans_that_keep_coming_do_not_keep_the_others_waiting) {
        Bed *b       = bed_new(1, 400, 64 * MiB);
        uint32_t n   = 0;
        PlanRun *run = calloc(400, sizeof(*run));

        give_plan(b, &b->run, 400);
        for (uint32_t k = 0; k < 400; k++) { /* there is always one that was served less */
                run[k]          = b->run;
                run[k].id       = 2 + k;
                run[k].first_id = 1000 + 10 * (uint64_t) k;
                give_plan(b, &run[k], 2);
                n += plan_served(b) == 1;
                n += plan_served(b) == 1;
        }
        ck_assert_uint_ge(n, 200);
        bed_done(b);
        free(run);
}

TEST(task_that_does_not_fit_waits_for_what_runs) {
        Bed *b = bed_new(1, 3, 2 * CHUNK_BYTES);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 3);
        ck_assert_int_eq(next(b, 0), 0);
        ck_assert_int_eq(next(b, 1), 1);
        finish(b, 0);
        ck_assert_uint_eq(used(b), 2 * CHUNK_BYTES);
        ck_assert_int_eq(next(b, 0), -1);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 100, .n = 1 });
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, 100);
        ck_assert_int_eq(next(b, 0), 2);
        bed_done(b);
}

TEST(task_that_can_never_fit_fails_with_both_numbers) {
        Bed *b = bed_new(1, 2, 7000);
        const WorkAction *failed;

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 2);
        ck_assert_int_eq(next(b, 0), -1);
        failed = said(b, WORK_FAILED);
        ck_assert_ptr_nonnull(failed);
        ck_assert_int_eq(work_error(&b->said, failed)->code, ERROR_MEMORY);
        ck_assert_str_eq(
                work_error(&b->said, failed)->text,
                "fake: chunk (0,): 8000 bytes are needed, 7000 of 7000 are free: use smaller chunks, or more memory");
        tell(b, (WorkEvent) { .kind = WORK_FORGET, .plan = 1, .drop = true });
        ck_assert_ptr_nonnull(said(b, WORK_FORGOTTEN));
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}

TEST(task_that_the_store_refuses_is_tried_again_when_memory_became_free) {
        Bed *b = bed_new(1, 3, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 3);
        ck_assert_int_eq(next(b, 0), 0);
        ck_assert_int_eq(next(b, 1), 1);
        tell(b, (WorkEvent) { .kind = WORK_REFUSED, .thread = 1 });
        ck_assert_int_eq(next(b, 1), -1); /* 0 runs: it may make room, and nothing overtakes */
        finish(b, 0);
        ck_assert_int_eq(next(b, 1), 1);
        tell(b, (WorkEvent) { .kind = WORK_REFUSED, .thread = 1 });
        ck_assert_int_eq(next(b, 1), 2); /* nothing runs: the first that may go, goes */
        tell(b, (WorkEvent) { .kind = WORK_REFUSED, .thread = 1 });
        ck_assert_int_eq(next(b, 1), -1);
        ck_assert_uint_eq(said(b, WORK_FAILED)->task, 1);
        bed_done(b);
}

TEST(task_that_the_store_refuses_again_and_again_fails_though_memory_becomes_free) {
        Bed *b     = bed_new(1, 1, 1 * MiB);
        uint32_t n = 0;

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 1);
        do {
                tell(b, (WorkEvent) { .kind = WORK_OVERHEAD, .size_bytes = n++ & 1 });
                ck_assert_int_eq(next(b, 0), 0);
                tell(b, (WorkEvent) { .kind = WORK_REFUSED, .thread = 0 });
        } while (!said(b, WORK_FAILED) && n < 2000);
        ck_assert_ptr_nonnull(said(b, WORK_FAILED));
        ck_assert_int_eq(work_error(&b->said, said(b, WORK_FAILED))->code, ERROR_MEMORY);
        ck_assert_ptr_nonnull(strstr(work_error(&b->said, said(b, WORK_FAILED))->text, "in one piece"));
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}

TEST(forgotten_plan_ends_with_its_last_running_task) {
        Bed *b = bed_new(2, 2, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 4);
        ck_assert_int_eq(next(b, 0), 0);
        ck_assert_int_eq(next(b, 1), 1);
        finish(b, 0);
        tell(b, (WorkEvent) { .kind = WORK_FORGET, .plan = 1, .drop = true });
        ck_assert(b->run.canceled);
        ck_assert_ptr_null(said(b, WORK_FORGOTTEN));
        ck_assert_int_eq(next(b, 0), -1);
        finish(b, 1);
        ck_assert_ptr_null(said(b, WORK_DONE));
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, 100);
        ck_assert_uint_eq(said(b, WORK_FREE)->n, 2);
        ck_assert_ptr_nonnull(said(b, WORK_FORGOTTEN));
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}

TEST(values_kept_together_are_counted_once_for_all) {
        Bed *b = bed_new(1, 3, 10 * CHUNK_BYTES);

        b->together[0] = true;
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 3);
        tell(b, (WorkEvent) { .kind = WORK_NEXT, .thread = 0 });
        ck_assert_int_eq(b->said.action.data[0].kind, WORK_TOGETHER);
        ck_assert_int_eq(b->said.action.data[1].kind, WORK_START);
        ck_assert(work_together(b->work, 1, 0));
        ck_assert_uint_eq(used(b), 3 * CHUNK_BYTES);
        ck_assert_int_eq(next(b, 1), 1);
        ck_assert_uint_eq(used(b), 3 * CHUNK_BYTES);
        finish(b, 0);
        ck_assert_uint_eq(used(b), 3 * CHUNK_BYTES);
        finish(b, 1);
        tell(b, (WorkEvent) { .kind = WORK_FORGET, .plan = 1, .drop = true });
        ck_assert_uint_eq(used(b), 0); /* chunk 2, never made, went too */
        bed_done(b);
}

TEST(values_that_cannot_be_together_are_counted_one_by_one) {
        Bed *b = bed_new(1, 3, 10 * CHUNK_BYTES);

        b->together[0] = true;
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 3);
        ck_assert_int_eq(next(b, 0), 0);
        tell(b, (WorkEvent) { .kind = WORK_GROUP, .plan = 1, .value = 0, .ok = false });
        ck_assert(!work_together(b->work, 1, 0));
        ck_assert_uint_eq(used(b), CHUNK_BYTES);
        ck_assert_int_eq(next(b, 1), 1);
        ck_assert_uint_eq(used(b), 2 * CHUNK_BYTES);
        bed_done(b);
}

TEST(fetched_copy_goes_after_its_last_reader) {
        Bed *b       = bed_new(2, 2, 1 * MiB);
        RunTask task = { .task = 2, .position = 2 };
        RunFetch get = { .chunk = 0, .from = 5 };

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        tell(b, (WorkEvent) { .kind = WORK_RUN, .plan = 1, .n = 1, .task = &task, .n_fetch = 1, .fetch = &get });
        ck_assert_uint_eq(said(b, WORK_FETCH)->chunk, 100);
        ck_assert_uint_eq(said(b, WORK_FETCH)->from, 5);
        ck_assert_int_eq(next(b, 0), -1);
        tell(b, (WorkEvent) { .kind = WORK_FETCH_FAILED, .chunk = 100, .from = 4 }); /* of somebody else */
        tell(b, (WorkEvent) { .kind = WORK_FETCHED, .chunk = 100, .size_bytes = CHUNK_BYTES });
        ck_assert_int_eq(next(b, 0), 2);
        finish(b, 0);
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, 100);
        ck_assert_uint_eq(used(b), CHUNK_BYTES);
        bed_done(b);
}

TEST(task_that_is_called_back_leaves_nothing) {
        Bed *b       = bed_new(2, 2, 1 * MiB);
        RunTask task = { .task = 2, .position = 2 };
        WorkStats stats;

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 2, 2);
        tell(b, (WorkEvent) { .kind = WORK_RECALL, .plan = 1, .n = 1, .task = &task });
        ck_assert_uint_eq(said(b, WORK_RECALLED)->task, 2);
        work_stats(b->work, &stats);
        ck_assert_uint_eq(stats.n_tasks, 1);
        ck_assert_uint_eq(stats.n_chunks, 1);
        task.task = 3;
        tell(b, (WorkEvent) { .kind = WORK_RECALL, .plan = 1, .n = 1, .task = &task });
        work_stats(b->work, &stats);
        ck_assert_uint_eq(stats.n_tasks, 0);
        ck_assert_uint_eq(stats.n_chunks, 0);
        bed_done(b);
}

/* ---- Chunks without plans --------------------------------------------------------------------------------------- */

/* What is here to stay: `n` chunks, of which this is the sum of numbers. */
static void holds(const Bed *b, uint32_t n, uint64_t sum) {
        uint64_t chunk;
        size_t size_bytes;
        uint32_t at = 0;

        while (work_list(b->work, &at, &chunk, &size_bytes)) {
                ck_assert_uint_eq(size_bytes, CHUNK_BYTES);
                n--;
                sum -= chunk;
        }
        ck_assert_uint_eq(n, 0);
        ck_assert_uint_eq(sum, 0);
}

TEST(whoever_leaves_takes_the_plans_and_leaves_the_chunks) {
        Bed *b = bed_new(2, 3, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 6);
        ck_assert_int_eq(next(b, 0), 0);
        finish(b, 0);
        ck_assert_int_eq(next(b, 0), 1);
        tell(b, (WorkEvent) { .kind = WORK_LEAVE });
        ck_assert(b->run.canceled);
        ck_assert_ptr_null(said(b, WORK_FORGOTTEN)); /* one runs */
        ck_assert_int_eq(next(b, 1), -1);
        finish(b, 0);
        ck_assert_ptr_null(said(b, WORK_DONE));
        ck_assert(said(b, WORK_FORGOTTEN)->left);
        holds(b, 1, 100);
        ck_assert_uint_eq(used(b), CHUNK_BYTES);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 100, .n = 1 });
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}

TEST(plan_of_a_number_that_was_left_is_another_one) {
        Bed *b        = bed_new(1, 2, 1 * MiB);
        PlanRun again = b->run;

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 2);
        ck_assert_int_eq(next(b, 0), 0);
        tell(b, (WorkEvent) { .kind = WORK_LEAVE });
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &again });
        give(b, 0, 2);
        ck_assert_int_eq(next(b, 1), -1); /* who was left still makes chunk 0, and nobody else may meanwhile */
        finish(b, 0);
        ck_assert_ptr_eq(said(b, WORK_FORGOTTEN)->run, &b->run);
        ck_assert(!again.canceled);
        ck_assert_int_eq(next(b, 1), 0);
        finish(b, 1);
        ck_assert_uint_eq(said(b, WORK_DONE)->task, 0);
        holds(b, 1, 100);
        bed_done(b);
}

TEST(chunk_is_not_fetched_while_a_task_that_was_left_still_makes_it) {
        Bed *b               = bed_new(2, 2, 1 * MiB);
        const RunTask reader = { .task = 2, .position = 2 };
        const RunFetch fetch = { .chunk = 0, .from = 3 };
        PlanRun again        = b->run;

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 1);
        ck_assert_int_eq(next(b, 0), 0);
        tell(b, (WorkEvent) { .kind = WORK_LEAVE });
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &again });
        tell(b, (WorkEvent) { .kind = WORK_RUN, .plan = 1, .n = 1, .task = &reader, .n_fetch = 1, .fetch = &fetch });
        ck_assert_ptr_null(said(b, WORK_FETCH)); /* its place is taken */
        ck_assert_int_eq(next(b, 1), -1);
        finish(b, 0);
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, 100); /* what it made is nobody's */
        ck_assert_uint_eq(said(b, WORK_FETCH)->from, 3);
        tell(b, (WorkEvent) { .kind = WORK_FETCHED, .chunk = 100, .size_bytes = CHUNK_BYTES });
        ck_assert_int_eq(next(b, 1), 2);
        finish(b, 1);
        ck_assert_uint_eq(said(b, WORK_DONE)->task, 2);
        bed_done(b);
}

TEST(take_fetches_the_chunk_and_is_answered_once) {
        Bed *b         = bed_new(1, 1, 1 * MiB);
        WorkEvent take = { .kind = WORK_TAKE, .chunk = 7, .from = 3, .size_bytes = CHUNK_BYTES };

        tell(b, take);
        ck_assert_uint_eq(said(b, WORK_FETCH)->from, 3);
        ck_assert_ptr_null(said(b, WORK_TAKEN));
        holds(b, 0, 0);
        tell(b, (WorkEvent) { .kind = WORK_FETCHED, .chunk = 7, .size_bytes = CHUNK_BYTES });
        ck_assert(said(b, WORK_TAKEN)->asked);
        ck_assert_ptr_null(work_error(&b->said, said(b, WORK_TAKEN)));
        tell(b, (WorkEvent) { .kind = WORK_FETCHED, .chunk = 7, .size_bytes = CHUNK_BYTES });
        ck_assert_ptr_null(said(b, WORK_TAKEN));
        holds(b, 1, 7);
        tell(b, take); /* it is here */
        ck_assert_ptr_null(said(b, WORK_FETCH));
        ck_assert_ptr_null(work_error(&b->said, said(b, WORK_TAKEN)));
        bed_done(b);
}

TEST(take_of_what_nobody_has_says_so) {
        Bed *b = bed_new(1, 1, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_TAKE, .chunk = 7, .from = WORKER_NONE });
        ck_assert_int_eq(work_error(&b->said, said(b, WORK_TAKEN))->code, -ENOENT);
        tell(b, (WorkEvent) { .kind = WORK_TAKE, .chunk = 7, .from = 3, .size_bytes = CHUNK_BYTES });
        tell(b, (WorkEvent) { .kind = WORK_FETCH_FAILED, .chunk = 7, .from = 3 });
        ck_assert_ptr_nonnull(strstr(work_error(&b->said, said(b, WORK_TAKEN))->text, "worker 3"));
        ck_assert_uint_eq(used(b), 0);
        holds(b, 0, 0);
        bed_done(b);
}

TEST(take_that_is_dropped_on_its_way_is_answered_and_leaves_nothing) {
        Bed *b = bed_new(1, 1, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_TAKE, .chunk = 7, .from = 3, .size_bytes = CHUNK_BYTES });
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 7, .n = 1 });
        ck_assert_int_eq(work_error(&b->said, said(b, WORK_TAKEN))->code, ERROR_CANCELED);
        tell(b, (WorkEvent) { .kind = WORK_FETCHED, .chunk = 7, .size_bytes = CHUNK_BYTES });
        ck_assert_ptr_null(said(b, WORK_TAKEN));
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, 7);
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}

TEST(take_that_is_dropped_leaves_what_a_task_was_told_to_fetch) {
        Bed *b               = bed_new(2, 2, 2 * CHUNK_BYTES);
        const RunTask reader = { .task = 3, .position = 3 };
        const RunFetch fetch = { .chunk = 1, .from = 3 };

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        tell(b, (WorkEvent) { .kind = WORK_RESTORE, .chunk = 900, .size_bytes = CHUNK_BYTES });
        give(b, 0, 1);
        ck_assert_int_eq(next(b, 0), 0); /* there is no room for anything else */
        tell(b, (WorkEvent) { .kind = WORK_RUN, .plan = 1, .n = 1, .task = &reader, .n_fetch = 1, .fetch = &fetch });
        tell(b, (WorkEvent) { .kind = WORK_TAKE, .chunk = 101, .from = 3, .size_bytes = CHUNK_BYTES });
        ck_assert_ptr_null(said(b, WORK_FETCH));
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 101, .n = 1 });
        ck_assert_int_eq(work_error(&b->said, said(b, WORK_TAKEN))->code, ERROR_CANCELED);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 900, .n = 1 });
        ck_assert_ptr_nonnull(said(b, WORK_FETCH));
        ck_assert_uint_eq(said(b, WORK_FETCH)->chunk, 101);
        ck_assert_uint_eq(said(b, WORK_FETCH)->from, 3);
        finish(b, 0);
        tell(b, (WorkEvent) { .kind = WORK_FETCHED, .chunk = 101, .size_bytes = CHUNK_BYTES });
        ck_assert_ptr_null(said(b, WORK_TAKEN));
        holds(b, 1, 100); /* what came is a copy */
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 100, .n = 1 });
        ck_assert_int_eq(next(b, 0), 3);
        finish(b, 0);
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, 101);
        bed_done(b);
}

TEST(take_of_who_leaves_is_off) {
        Bed *b = bed_new(1, 1, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_TAKE, .chunk = 7, .from = 3, .size_bytes = CHUNK_BYTES });
        tell(b, (WorkEvent) { .kind = WORK_LEAVE });
        tell(b, (WorkEvent) { .kind = WORK_FETCHED, .chunk = 7, .size_bytes = CHUNK_BYTES });
        ck_assert_ptr_null(said(b, WORK_TAKEN)); /* nobody is there to hear it */
        ck_assert_uint_eq(used(b), 0);
        holds(b, 0, 0);
        bed_done(b);
}

TEST(what_is_found_in_memory_and_on_disk_is_counted_once) {
        Bed *b = bed_new(2, 1, 1 * MiB);
        WorkStats stats;

        tell(b, (WorkEvent) { .kind = WORK_OFFER, .chunk = 100, .size_bytes = CHUNK_BYTES });
        tell(b, (WorkEvent) { .kind = WORK_OFFER, .chunk = 900, .size_bytes = CHUNK_BYTES });
        tell(b, (WorkEvent) { .kind = WORK_RESTORE, .chunk = 100, .size_bytes = CHUNK_BYTES });
        ck_assert(work_consistent(b->work));
        holds(b, 2, 1000);
        ck_assert(work_here(b->work, 100) && !work_here(b->work, 900));
        ck_assert_uint_eq(used(b), CHUNK_BYTES);
        work_stats(b->work, &stats);
        ck_assert_uint_ge(stats.away_bytes, CHUNK_BYTES);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 100, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 900, .n = 1 });
        ck_assert(work_consistent(b->work));
        work_stats(b->work, &stats);
        ck_assert_uint_eq(stats.n_chunks, 0);
        ck_assert_uint_eq(stats.away_bytes, 0);
        bed_done(b);
}

TEST(what_is_restored_is_here_until_it_is_dropped) {
        Bed *b       = bed_new(2, 1, 1 * MiB);
        RunTask task = { .task = 1, .position = 1 };

        tell(b, (WorkEvent) { .kind = WORK_RESTORE, .chunk = 100, .size_bytes = CHUNK_BYTES });
        tell(b, (WorkEvent) { .kind = WORK_RESTORE, .chunk = 900, .size_bytes = CHUNK_BYTES });
        holds(b, 2, 1000);
        ck_assert_uint_eq(used(b), 2 * CHUNK_BYTES);
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        tell(b, (WorkEvent) { .kind = WORK_RUN, .plan = 1, .n = 1, .task = &task }); /* reads 100 */
        ck_assert_int_eq(next(b, 0), 1);
        finish(b, 0);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 100, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 900, .n = 1 });
        holds(b, 1, 101);
        bed_done(b);
}

/* ---- For people ------------------------------------------------------------------------------------------------- */

static WorkWhy why(const Bed *b, uint32_t task) {
        WorkWhy ret;

        ck_assert(work_why(b->work, 1, task, &ret));
        return ret;
}

TEST(why_says_what_a_task_waits_for_until_it_is_done) {
        Bed *b       = bed_new(2, 3, 3 * CHUNK_BYTES);
        RunFetch get = { .chunk = 1, .from = 5 };
        RunTask task = { .task = 4, .position = 4 };
        WorkWhy gone;

        ck_assert(!work_why(b->work, 1, 0, &gone));
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        tell(b, (WorkEvent) { .kind = WORK_RUN, .plan = 1, .n = 1, .task = &task, .n_fetch = 1, .fetch = &get });
        give(b, 3, 1);
        ck_assert_int_eq(why(b, 4).state, WORK_NEEDS_INPUT);
        ck_assert_uint_eq(why(b, 4).n_missing, 1);
        ck_assert_uint_eq(why(b, 4).from, 5);
        ck_assert(why(b, 4).on_its_way);
        ck_assert_int_eq(why(b, 3).state, WORK_NEEDS_INPUT);
        ck_assert_uint_eq(why(b, 3).from, WORKER_NONE); /* it is made here */
        ck_assert(!work_why(b->work, 1, 0, &gone));
        ck_assert(!work_why(b->work, 2, 3, &gone));

        tell(b, (WorkEvent) { .kind = WORK_FETCHED, .chunk = 101, .size_bytes = CHUNK_BYTES });
        ck_assert_int_eq(why(b, 4).state, WORK_NEEDS_THREAD);
        give(b, 0, 1);
        ck_assert_int_eq(next(b, 1), 0);
        ck_assert_int_eq(why(b, 0).state, WORK_RUNS);
        ck_assert_uint_eq(why(b, 0).thread, 1);
        ck_assert_int_eq(next(b, 0), 4);
        finish(b, 1);
        ck_assert(!work_why(b->work, 1, 0, &gone));
        ck_assert_int_eq(next(b, 1), -1);
        ck_assert_int_eq(why(b, 3).state, WORK_NEEDS_MEMORY);
        ck_assert_uint_eq(why(b, 3).short_bytes, CHUNK_BYTES);
        bed_done(b);
}

/* ---- Memory and disk -------------------------------------------------------------------------------------------- */

static void make(Bed *b, uint32_t task) {
        ck_assert_int_eq(next(b, 0), (int) task);
        finish(b, 0);
}

static void write_ends(Bed *b, uint64_t chunk, const Error *err) {
        tell(b, (WorkEvent) { .kind = WORK_SPILLED, .chunk = chunk, .error = err });
}

TEST(chunk_that_is_read_last_is_written_and_then_goes) {
        Bed *b = bed_that_spills(2, 4, 3);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 8); /* task 4 + k reads chunk k */
        make(b, 0);
        make(b, 1);
        make(b, 2);
        ck_assert_int_eq(next(b, 0), -1);
        ck_assert_uint_eq(said(b, WORK_SPILL)->chunk, 102);
        ck_assert_ptr_null(said(b, WORK_EVICT)); /* its file is not whole */
        write_ends(b, 102, NULL);
        ck_assert_int_eq(next(b, 0), 3);
        ck_assert_uint_eq(said(b, WORK_EVICT)->chunk, 102);
        bed_done(b);
}

TEST(what_the_process_needs_besides_leaves_less_to_chunks_and_gives_it_back) {
        Bed *b = bed_that_spills(1, 4, 4);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 4);
        make(b, 0);
        make(b, 1);
        make(b, 2);
        tell(b, (WorkEvent) { .kind = WORK_OVERHEAD, .size_bytes = 2 * CHUNK_BYTES });
        ck_assert_uint_eq(said(b, WORK_SPILL)->chunk, 100); /* before anybody needs the room */
        write_ends(b, 100, NULL);
        ck_assert_int_eq(next(b, 0), -1);
        tell(b, (WorkEvent) { .kind = WORK_OVERHEAD });
        ck_assert_int_eq(next(b, 0), 3);
        bed_done(b);
}

TEST(task_starts_when_all_of_its_inputs_are_back) {
        Bed *b = bed_that_spills(2, 4, 4);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 4);
        for (uint32_t k = 0; k < 4; k++)
                make(b, k);
        give(b, 4, 1); /* reads chunk 0; there is no room for what it makes */
        ck_assert_int_eq(next(b, 0), -1);
        ck_assert_uint_eq(said(b, WORK_SPILL)->chunk, 101); /* nobody reads it, and it is the oldest of those */
        ck_assert_int_eq(why(b, 4).state, WORK_NEEDS_MEMORY);
        write_ends(b, 101, NULL);
        ck_assert_int_eq(next(b, 0), 4);
        finish(b, 0);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 100, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 103, .n = 1 });
        give(b, 5, 1); /* reads chunk 1, which is away and takes three pages */
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 104, .n = 1 });
        ck_assert_int_eq(next(b, 0), -1);
        ck_assert_uint_eq(said(b, WORK_RETURN)->chunk, 101);
        ck_assert_int_eq(next(b, 1), -1);
        ck_assert_int_eq(why(b, 5).state, WORK_NEEDS_DISK);
        ck_assert_uint_eq(why(b, 5).n_missing, 1);
        tell(b, (WorkEvent) { .kind = WORK_RETURNED, .chunk = 101, .ok = true });
        ck_assert_int_eq(next(b, 1), 5);
        bed_done(b);
}

TEST(task_that_finds_no_room_beside_results_says_that_nothing_goes_to_disk) {
        Bed *b = bed_new(1, 2, 8000);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 2);
        make(b, 0);
        ck_assert_int_eq(next(b, 0), -1);
        ck_assert_str_eq(work_error(&b->said, said(b, WORK_FAILED))->text,
                         "fake: chunk (1,): 8000 bytes are needed, 0 of 8000 are free, and nothing is written, since "
                         "disk is 0: use smaller chunks, or more memory or disk");
        bed_done(b);
}

TEST(refused_write_is_tried_once_more_and_then_the_task_fails_with_its_words) {
        Bed *b    = bed_that_spills(1, 2, 1);
        Error err = {};

        error_set(&err, -ENOSPC, "/var/tmp: no space left");
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 2);
        make(b, 0);
        ck_assert_int_eq(next(b, 0), -1);
        write_ends(b, 100, &err);
        ck_assert_int_eq(next(b, 0), -1);
        ck_assert_uint_eq(said(b, WORK_SPILL)->chunk, 100);
        write_ends(b, 100, &err);
        ck_assert_int_eq(next(b, 0), -1);
        ck_assert_int_eq(work_error(&b->said, said(b, WORK_FAILED))->code, -ENOSPC);
        ck_assert_str_eq(work_error(&b->said, said(b, WORK_FAILED))->text,
                         "fake: chunk (1,): 8000 bytes are needed, 0 of 8000 are free, and nothing more can be "
                         "written: /var/tmp: no space left: use smaller chunks, or more memory or disk");
        bed_done(b);
}

TEST(task_whose_input_cannot_be_read_fails_with_the_words_of_the_disk) {
        Bed *b    = bed_that_spills(2, 2, 2);
        Error err = {};

        error_set(&err, -EIO, "bad sector");
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 2);
        make(b, 0);
        make(b, 1);
        give(b, 3, 1); /* reads chunk 1 */
        ck_assert_int_eq(next(b, 0), -1);
        write_ends(b, 100, NULL);
        make(b, 3);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 101, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 103, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_PIN, .pin = 1, .chunk = 100, .n = 1 });
        ck_assert_uint_eq(said(b, WORK_RETURN)->chunk, 100);
        tell(b, (WorkEvent) { .kind = WORK_RETURNED, .chunk = 100, .error = &err });
        ck_assert_str_eq(work_error(&b->said, said(b, WORK_PINNED))->text, "bad sector");
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}

TEST(readers_of_a_chunk_that_the_disk_has_lost_wait_until_it_was_made_again) {
        Bed *b    = bed_that_spills(2, 3, 3);
        Error err = {};

        error_set(&err, ERROR_CORRUPT, "another checksum");
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 3);
        make(b, 0);
        make(b, 1);
        make(b, 2);
        give(b, 4, 1); /* reads chunk 1 */
        ck_assert_int_eq(next(b, 0), -1);
        write_ends(b, 100, NULL);
        make(b, 4);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 101, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 102, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 104, .n = 1 });
        give(b, 3, 1); /* reads chunk 0, which is away */
        ck_assert_int_eq(next(b, 0), -1);
        ck_assert_uint_eq(said(b, WORK_RETURN)->chunk, 100);
        tell(b, (WorkEvent) { .kind = WORK_PIN, .pin = 1, .chunk = 100, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_RETURNED, .chunk = 100, .error = &err, .lost = true });
        ck_assert_uint_eq(said(b, WORK_LOST)->chunk, 100);
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, 100); /* the file has it no more */
        ck_assert_str_eq(work_error(&b->said, said(b, WORK_PINNED))->text, "another checksum");
        ck_assert_ptr_null(said(b, WORK_FAILED));
        ck_assert_uint_eq(used(b), 0);
        ck_assert_int_eq(why(b, 3).state, WORK_NEEDS_INPUT);
        ck_assert_int_eq(next(b, 0), -1);
        give(b, 0, 1);
        make(b, 0);
        ck_assert_int_eq(next(b, 0), 3);
        finish(b, 0);
        bed_done(b);
}

TEST(chunk_that_a_client_reads_stays) {
        Bed *b = bed_that_spills(1, 3, 2);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 3);
        make(b, 0);
        make(b, 1);
        tell(b, (WorkEvent) { .kind = WORK_PIN, .pin = 1, .chunk = 100, .n = 1 });
        ck_assert_ptr_nonnull(said(b, WORK_PINNED));
        ck_assert_int_eq(next(b, 0), -1);
        ck_assert_uint_eq(said(b, WORK_SPILL)->chunk, 101);
        write_ends(b, 101, NULL);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 100, .n = 1 });
        ck_assert_ptr_null(said(b, WORK_FREE));
        tell(b, (WorkEvent) { .kind = WORK_UNPIN, .pin = 1, .chunk = 100, .n = 1 });
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, 100);
        bed_done(b);
}

TEST(task_whose_output_somebody_still_reads_waits_and_does_not_fail_for_memory) {
        Bed *b = bed_new(1, 1, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 1);
        make(b, 0);
        tell(b, (WorkEvent) { .kind = WORK_PIN, .pin = 1, .chunk = 100, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 100, .n = 1 });
        give(b, 0, 1); /* it is to be made again */
        ck_assert_int_eq(next(b, 0), -1);
        ck_assert_ptr_null(said(b, WORK_FAILED));
        tell(b, (WorkEvent) { .kind = WORK_UNPIN, .pin = 1, .chunk = 100, .n = 1 });
        ck_assert_int_eq(next(b, 0), 0);
        finish(b, 0);
        ck_assert_uint_eq(said(b, WORK_DONE)->task, 0);
        bed_done(b);
}

TEST(clients_get_all_of_their_chunks_or_none) {
        Bed *b = bed_that_spills(1, 4, 3);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 4);
        make(b, 0);
        make(b, 1);
        make(b, 2);
        ck_assert_int_eq(next(b, 0), -1);
        write_ends(b, 100, NULL);
        make(b, 3);
        tell(b, (WorkEvent) { .kind = WORK_PIN, .pin = 1, .chunk = 100, .n = 4 }); /* more than there is room for */
        ck_assert_int_eq(work_error(&b->said, said(b, WORK_PINNED))->code, ERROR_MEMORY);
        ck_assert_ptr_null(said(b, WORK_RETURN));
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = 100, .n = 4 });
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}
