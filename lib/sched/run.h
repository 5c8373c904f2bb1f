/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A plan on its way: what the scheduler and the workers agree on. Chunks have ids that no other chunk ever had: those
 * that the plan makes are first_id + their number in the plan; those of leaves are what they were when they were
 * made. */
#include "plan/plan.h"

typedef struct PlanRun {
        uint64_t id;                  /* ascending */
        const Plan *plan;
        const Graph *graph;           /* of which it was made, for workers that make it themselves; NULL: alone */
        size_t task_bytes, alone_bytes; /* with these limits (PlanLeaves) */
        uint64_t first_id;
        uint64_t session;             /* whose it is; 0: nobody's, as what is made again, or there is one session */
        const uint64_t *leaf_first;   /* [value] leaves: id of chunk 0; 0: made by the plan */
        const bool *together; /* [value] one worker makes all of its chunks and may keep them in one piece of memory */
        volatile bool canceled;       /* a running task may end now: its result is not needed */
} PlanRun;

/* What becomes of a plan that ends: its tasks, and the chunks that they made. */
typedef enum PlanDrop {
        DROP_NOTHING, /* all are done, and the chunks belong to somebody */
        DROP_ALL,     /* waiting tasks go, running ones end, all chunks with its numbers go */
        DROP_TASKS,   /* the same, but chunks that it has told of stay */
} PlanDrop;

static inline uint64_t plan_run_chunk(const PlanRun *run, uint32_t chunk) {
        uint32_t value = run->plan->chunk_value[chunk];
        uint64_t first = run->leaf_first[value];

        return first == 0 ? run->first_id + chunk : first + (chunk - run->plan->value.data[value].first_chunk);
}

void plan_run_print(const PlanRun *run, uint32_t task, char *ret, size_t size_bytes); /* "sum: chunk (3, 1)" */
/* Puts this in front of the words: "sum: chunk (3, 1): …". Returns the error's code. */
int plan_run_error(const PlanRun *run, uint32_t task, Error *err);

/* What a task of each stage is, in bytes that could be gone through instead: right to a factor, and known without a
 * clock. At least TASK_WORK. */
enum { TASK_WORK = 4 << 10 };
void plan_run_weigh(const Plan *plan, uint64_t *ret);
