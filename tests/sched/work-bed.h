/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sched/work.h"
#include "sim/fake-plan.h"

#include "harness.h"

enum { CHUNK_BYTES = 8000 };

/* One worker with two threads, and a plan of which the tests say the lists: a value of n chunks for every stage. */
typedef struct Bed {
        Work *work;
        WorkActions said;
        PlanRun run;
        Plan *plan;
        uint64_t leaf_first[8];
        bool together[8];
} Bed;

/* Stage s has one task for each chunk; task t of stage s > 0 reads chunk t of the value before. */
static inline Bed *bed_with(uint32_t n_stages, uint32_t n_chunks, const WorkLimits *limits) {
        Bed *b        = calloc(1, sizeof(*b));
        FakeBuild f   = {};
        Tiling domain = { .ndim = 1, .axis = { cuts_regular(1000 * (int64_t) n_chunks, 1000) } };

        ck_assert_int_eq(work_new(&b->work, 2, limits), 0);
        f.plan = b->plan = calloc(1, sizeof(Plan));
        b->plan->arena   = arena_new();
        for (uint32_t s = 0; s < n_stages; s++) {
                uint32_t value;

                fake_stage(&f, 0, &domain, NULL, 0, 1, &value, false);
        }
        b->plan->input_start  = calloc(b->plan->n_task + 1, sizeof(uint32_t));
        b->plan->input_chunk  = calloc(b->plan->n_task + 1, sizeof(uint32_t));
        b->plan->output_start = calloc(b->plan->n_task + 1, sizeof(uint32_t));
        b->plan->output_chunk = calloc(b->plan->n_task + 1, sizeof(uint32_t));
        b->plan->task_stage   = calloc(b->plan->n_task + 1, sizeof(uint32_t));
        b->plan->chunk_value  = calloc(b->plan->n_chunk + 1, sizeof(uint32_t));
        for (uint32_t t = 0; t < b->plan->n_task; t++) {
                b->plan->input_start[t + 1]  = b->plan->input_start[t] + (t >= n_chunks);
                b->plan->output_start[t + 1] = t + 1;
                b->plan->output_chunk[t]     = t;
                b->plan->task_stage[t]       = t / n_chunks;
                b->plan->chunk_value[t]      = t / n_chunks;
                if (t >= n_chunks)
                        b->plan->input_chunk[b->plan->input_start[t]] = t - n_chunks;
        }
        vec_free(&f.input);
        vec_free(&f.output);
        vec_free(&f.input_start);
        vec_free(&f.output_start);
        b->run = (PlanRun) {
                .id = 1, .plan = b->plan, .first_id = 100, .leaf_first = b->leaf_first, .together = b->together
        };
        return b;
}

static inline Bed *bed_new(uint32_t n_stages, uint32_t n_chunks, size_t memory_bytes) {
        return bed_with(n_stages, n_chunks,
                        &(WorkLimits) { .cache_bytes = memory_bytes,
                                        .hard_bytes  = memory_bytes,
                                        .soft_bytes  = memory_bytes });
}

/* There is room for n chunks, and a disk. */
static inline Bed *bed_that_spills(uint32_t n_stages, uint32_t n_chunks, uint32_t n) {
        return bed_with(n_stages, n_chunks,
                        &(WorkLimits) { .cache_bytes = n * CHUNK_BYTES,
                                        .hard_bytes  = n * CHUNK_BYTES,
                                        .soft_bytes  = n * CHUNK_BYTES,
                                        .spill       = true });
}

static inline void bed_done(Bed *b) {
        work_free(b->work);
        work_actions_done(&b->said);
        plan_free(b->plan);
        free(b);
}

static inline void tell(Bed *b, WorkEvent event) {
        work_actions_clear(&b->said);
        ck_assert_int_eq(work_step(b->work, &event, &b->said), 0);
        ck_assert(work_consistent(b->work));
}

static inline const WorkAction *said(const Bed *b, WorkActionKind kind) {
        for (uint32_t k = 0; k < b->said.action.n; k++)
                if (b->said.action.data[k].kind == kind)
                        return &b->said.action.data[k];
        return NULL;
}

static inline void give(Bed *b, uint32_t first, uint32_t n) {
        RunTask task[64];

        for (uint32_t k = 0; k < n; k++)
                task[k] = (RunTask) { .task = first + k, .position = first + k };
        tell(b, (WorkEvent) { .kind = WORK_RUN, .plan = 1, .n = n, .task = task });
}

/* The task that the thread gets, or -1. */
static inline int next(Bed *b, uint32_t thread) {
        tell(b, (WorkEvent) { .kind = WORK_NEXT, .thread = thread });
        return said(b, WORK_START) ? (int) said(b, WORK_START)->task : -1;
}

static inline void finish(Bed *b, uint32_t thread) {
        tell(b, (WorkEvent) { .kind = WORK_FINISHED, .thread = thread, .bytes = (size_t[]) { CHUNK_BYTES } });
}

static inline size_t used(const Bed *b) {
        WorkStats stats;

        work_stats(b->work, &stats);
        return stats.used_bytes;
}
