/* SPDX-License-Identifier: Apache-2.0 */
/* Pins of a worker that has no plan, only chunks from before: what a store without a gap does to them. What pins and
 * tasks do to each other is in test-work.c. */
#include "sched/work.h"

#include "harness.h"

enum { BYTES = 8192, ROOM = 6 };

typedef struct Bed {
        Work *work;
        WorkActions said;
} Bed;

static void tell(Bed *b, WorkEvent event) {
        work_actions_clear(&b->said);
        ck_assert_int_eq(work_step(b->work, &event, &b->said), 0);
        ck_assert(work_consistent(b->work));
}

static const WorkAction *said(const Bed *b, WorkActionKind kind) {
        for (uint32_t k = 0; k < b->said.action.n; k++)
                if (b->said.action.data[k].kind == kind)
                        return &b->said.action.data[k];
        return NULL;
}

/* Who has the chunk that is fetched may wait for this very pin: the fetch ends when the pin does. */
TEST(chunk_that_the_store_had_no_gap_for_comes_back_by_force_also_while_another_is_fetched) {
        Bed bed = {}, *b = &bed;

        ck_assert_int_eq(work_new(&b->work, 1,
                                  &(WorkLimits) { .cache_bytes = ROOM * BYTES,
                                                  .hard_bytes  = ROOM * BYTES,
                                                  .soft_bytes  = ROOM * BYTES,
                                                  .spill       = true }),
                         0);
        tell(b, (WorkEvent) { .kind = WORK_RESTORE, .chunk = 100, .size_bytes = BYTES });
        tell(b, (WorkEvent) { .kind = WORK_OFFER, .chunk = 900, .size_bytes = BYTES });
        tell(b, (WorkEvent) { .kind = WORK_TAKE, .chunk = 901, .size_bytes = BYTES, .from = 7 });
        ck_assert_ptr_nonnull(said(b, WORK_FETCH));
        tell(b, (WorkEvent) { .kind = WORK_PIN, .pin = 1, .chunk = 900, .n = 1 });
        ck_assert_ptr_nonnull(said(b, WORK_RETURN));
        tell(b, (WorkEvent) { .kind = WORK_RETURNED, .chunk = 900 }); /* there was no gap */
        ck_assert_ptr_null(said(b, WORK_RETURN));
        ck_assert_uint_eq(said(b, WORK_SPILL)->chunk, 100);
        tell(b, (WorkEvent) { .kind = WORK_SPILLED, .chunk = 100 });
        ck_assert_uint_eq(said(b, WORK_RETURN)->chunk, 900);
        tell(b, (WorkEvent) { .kind = WORK_RETURNED, .chunk = 900, .ok = true });
        ck_assert_ptr_nonnull(said(b, WORK_PINNED));
        tell(b, (WorkEvent) { .kind = WORK_UNPIN, .pin = 1, .chunk = 900, .n = 1 });
        work_free(b->work);
        work_actions_done(&b->said);
}
