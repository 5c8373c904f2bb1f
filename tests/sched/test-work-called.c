/* SPDX-License-Identifier: Apache-2.0 */
/* A task that a worker runs although it was called back: others may have done it meanwhile. */
#include "sched/work.h"
#include "sim/fake-plan.h"

#include "harness.h"

enum { CHUNK_BYTES = 8000, OTHER = 3, FIRST_ID = 100 };

/* Two threads, and a plan of two tasks: the second one reads what the first one makes. */
typedef struct Bed {
        Work *work;
        WorkActions said;
        PlanRun run;
        Plan *plan;
        uint64_t leaf_first[2];
        bool together[2];
} Bed;

static void tell(Bed *b, WorkEvent event) {
        work_actions_clear(&b->said);
        ck_assert_int_eq(work_step(b->work, &event, &b->said), 0);
        ck_assert(work_consistent(b->work));
}

static Bed *bed_new(void) {
        const WorkLimits limits = { .cache_bytes = 1 * MiB, .hard_bytes = 1 * MiB, .soft_bytes = 1 * MiB };
        Bed *b                  = calloc(1, sizeof(*b));
        FakeBuild f             = {};
        Tiling domain           = { .ndim = 1, .axis = { cuts_regular(1000, 1000) } };

        ck_assert_int_eq(work_new(&b->work, 2, &limits), 0);
        f.plan = b->plan = calloc(1, sizeof(Plan));
        b->plan->arena   = arena_new();
        for (uint32_t k = 0; k < 2; k++) {
                uint32_t value;

                fake_stage(&f, 0, &domain, NULL, 0, 1, &value, false);
        }
        vec_free(&f.input);
        vec_free(&f.output);
        vec_free(&f.input_start);
        vec_free(&f.output_start);
        b->plan->input_start     = calloc(3, sizeof(uint32_t));
        b->plan->input_chunk     = calloc(1, sizeof(uint32_t));
        b->plan->output_start    = calloc(3, sizeof(uint32_t));
        b->plan->output_chunk    = calloc(2, sizeof(uint32_t));
        b->plan->task_stage      = calloc(3, sizeof(uint32_t));
        b->plan->chunk_value     = calloc(3, sizeof(uint32_t));
        b->plan->input_start[2]  = 1;
        b->plan->output_start[1] = b->plan->output_chunk[1] = b->plan->task_stage[1] = b->plan->chunk_value[1] = 1;
        b->plan->output_start[2] = 2;
        b->run = (PlanRun) {
                .id = 1, .plan = b->plan, .first_id = FIRST_ID, .leaf_first = b->leaf_first, .together = b->together
        };
        tell(b, (WorkEvent) { .kind = WORK_PLAN, .run = &b->run });
        return b;
}

static void bed_done(Bed *b) {
        work_free(b->work);
        work_actions_done(&b->said);
        plan_free(b->plan);
        free(b);
}

static const WorkAction *said(const Bed *b, WorkActionKind kind) {
        for (uint32_t k = 0; k < b->said.action.n; k++)
                if (b->said.action.data[k].kind == kind)
                        return &b->said.action.data[k];
        return NULL;
}

static void give(Bed *b, uint32_t task, bool fetch) {
        const RunTask given = { .task = task, .position = task };
        const RunFetch from = { .chunk = 0, .from = OTHER };

        tell(b, (WorkEvent) { .kind = WORK_RUN, .plan = 1, .n = 1, .task = &given, .n_fetch = fetch, .fetch = &from });
}

static void call_back(Bed *b, uint32_t task) {
        const RunTask which = { .task = task, .position = task };

        tell(b, (WorkEvent) { .kind = WORK_RECALL, .plan = 1, .n = 1, .task = &which });
}

static void finish(Bed *b, const Error *err) {
        tell(b, (WorkEvent) {
                        .kind = WORK_FINISHED, .thread = 0, .bytes = (size_t[]) { CHUNK_BYTES }, .error = err });
}

/* Task 0 runs, and was called back. */
static Bed *bed_called(void) {
        Bed *b = bed_new();

        give(b, 0, false);
        tell(b, (WorkEvent) { .kind = WORK_NEXT, .thread = 0 });
        ck_assert_ptr_nonnull(said(b, WORK_START));
        call_back(b, 0);
        ck_assert_ptr_null(said(b, WORK_RECALLED));
        return b;
}

static size_t used(const Bed *b) {
        WorkStats stats;

        work_stats(b->work, &stats);
        return stats.used_bytes;
}

TEST(what_it_makes_is_what_others_were_to_get_from_elsewhere) {
        Bed *b = bed_called();

        give(b, 1, true);
        ck_assert_ptr_null(said(b, WORK_FETCH)); /* its place is taken */
        tell(b, (WorkEvent) { .kind = WORK_NEXT, .thread = 1 });
        ck_assert_ptr_null(said(b, WORK_START));
        finish(b, NULL);
        ck_assert_ptr_nonnull(said(b, WORK_DONE));
        ck_assert_ptr_null(said(b, WORK_FETCH));
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = FIRST_ID, .n = 1 }); /* it is surplus, and is read still */
        ck_assert_ptr_null(said(b, WORK_FREE));
        tell(b, (WorkEvent) { .kind = WORK_NEXT, .thread = 0 });
        ck_assert_ptr_nonnull(said(b, WORK_START));
        finish(b, NULL);
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, FIRST_ID);
        ck_assert_uint_eq(used(b), (size_t) CHUNK_BYTES);
        bed_done(b);
}

TEST(what_it_makes_answers_a_take) {
        Bed *b = bed_called();

        tell(b, (WorkEvent) { .kind = WORK_TAKE, .chunk = FIRST_ID, .from = OTHER, .size_bytes = CHUNK_BYTES });
        ck_assert_ptr_null(said(b, WORK_FETCH));
        finish(b, NULL);
        ck_assert_ptr_nonnull(said(b, WORK_DONE));
        ck_assert(said(b, WORK_TAKEN)->asked);
        ck_assert_ptr_null(work_error(&b->said, said(b, WORK_TAKEN)));
        bed_done(b);
}

TEST(when_it_fails_the_chunk_is_fetched_after_all) {
        const Error err = { .code = ERROR_LINALG };
        Bed *b          = bed_called();

        give(b, 1, true);
        finish(b, &err);
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
        Bed *b = bed_new();

        give(b, 0, false);
        tell(b, (WorkEvent) { .kind = WORK_NEXT, .thread = 0 });
        finish(b, NULL);
        give(b, 1, false);
        tell(b, (WorkEvent) { .kind = WORK_NEXT, .thread = 0 });
        call_back(b, 1);
        tell(b, (WorkEvent) { .kind = WORK_DROP, .chunk = FIRST_ID, .n = 1 });
        ck_assert_ptr_null(said(b, WORK_FREE));
        finish(b, NULL);
        ck_assert_uint_eq(said(b, WORK_FREE)->chunk, FIRST_ID);
        bed_done(b);
}

TEST(when_its_plan_is_forgotten_it_leaves_nothing_and_what_it_reads_goes_after_it) {
        Bed *b = bed_new();

        give(b, 0, false);
        tell(b, (WorkEvent) { .kind = WORK_NEXT, .thread = 0 });
        finish(b, NULL);
        give(b, 1, false);
        tell(b, (WorkEvent) { .kind = WORK_NEXT, .thread = 0 });
        call_back(b, 1);
        tell(b, (WorkEvent) { .kind = WORK_FORGET, .plan = 1, .drop = DROP_ALL });
        ck_assert_ptr_null(said(b, WORK_FREE));
        ck_assert_ptr_null(said(b, WORK_FORGOTTEN));
        finish(b, NULL);
        ck_assert_ptr_nonnull(said(b, WORK_FORGOTTEN));
        ck_assert_ptr_null(said(b, WORK_DONE));
        ck_assert_uint_eq(used(b), 0);
        bed_done(b);
}
