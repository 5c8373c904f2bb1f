/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/work-bed.h"

TEST(a_careful_worker_has_tasks_on_fewer_threads_until_it_is_told_otherwise) {
        Bed *b = bed_with(1, 6,
                          &(WorkLimits) { .cache_bytes      = 1 * MiB,
                                          .hard_bytes       = 1 * MiB,
                                          .soft_bytes       = 1 * MiB,
                                          .tasks_per_thread = 2 });

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 6);
        tell(b, (WorkEvent) { .kind = WORK_CAREFUL, .n = 1 });
        ck_assert_int_eq(next(b, 0), 0);
        ck_assert_int_eq(next(b, 2), -1); /* of the other thread */
        ck_assert_int_eq(next(b, 1), 1);
        finish(b, 0);
        ck_assert_int_eq(next(b, 3), -1);
        finish(b, 1);
        ck_assert_int_eq(next(b, 3), 2); /* it need not be the same thread */
        ck_assert_int_eq(next(b, 0), -1);
        tell(b, (WorkEvent) { .kind = WORK_CAREFUL });
        ck_assert_int_eq(next(b, 0), 3);
        finish(b, 0);
        finish(b, 3);
        bed_done(b);
}

TEST(tasks_that_run_on_more_threads_than_may_go_on_to_their_end) {
        Bed *b = bed_new(1, 4, 1 * MiB);

        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 4);
        ck_assert_int_eq(next(b, 0), 0);
        ck_assert_int_eq(next(b, 1), 1);
        tell(b, (WorkEvent) { .kind = WORK_CAREFUL, .n = 1 });
        finish(b, 0);
        ck_assert_int_eq(next(b, 0), -1);
        finish(b, 1);
        ck_assert_int_eq(next(b, 1), 2);
        finish(b, 1);
        bed_done(b);
}

TEST(half_of_what_is_there_from_before_leaves_memory_before_a_careful_worker_starts_a_task) {
        Bed *b = bed_that_spills(1, 2, 4);

        for (uint64_t chunk = 500; chunk < 503; chunk++)
                tell(b, (WorkEvent) { .kind = WORK_RESTORE, .chunk = chunk, .size_bytes = CHUNK_BYTES });
        ck_assert_ptr_null(said(b, WORK_SPILL));
        tell(b, (WorkEvent) { .kind = WORK_CAREFUL, .n = 1 });
        ck_assert_uint_eq(said(b, WORK_SPILL)->chunk, 500);
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 2);
        ck_assert_int_eq(next(b, 0), -1);
        tell(b, (WorkEvent) { .kind = WORK_SPILLED, .chunk = 500 });
        ck_assert_uint_eq(said(b, WORK_EVICT)->chunk, 500);
        ck_assert_uint_eq(used(b), 2 * CHUNK_BYTES);
        ck_assert_int_eq(next(b, 0), 0);
        finish(b, 0);
        bed_done(b);
}

TEST(a_careful_worker_that_can_write_nothing_computes_all_the_same) {
        Bed *b = bed_new(1, 3, 3 * CHUNK_BYTES);

        tell(b, (WorkEvent) { .kind = WORK_CAREFUL, .n = 1 });
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        give(b, 0, 3);
        for (uint32_t k = 0; k < 3; k++) {
                ck_assert_int_eq(next(b, 0), (int) k);
                finish(b, 0);
        }
        ck_assert_uint_eq(used(b), 3 * CHUNK_BYTES);
        bed_done(b);
}
