/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two plans are one: planning is pure, so a plan that is made elsewhere of the same graph, tilings and limits
 * must be the same to the last list. */
#include "base/hash.h"
#include "plan/plan.h"

static uint64_t digest_list(const uint32_t *list, size_t n, uint64_t seed) {
        return hash_bytes(list, n * sizeof(*list), seed);
}

uint64_t plan_digest(const Plan *plan) {
        const uint32_t n[] = { plan->n_task, plan->n_chunk, plan->value.n, plan->stage.n, plan->complete };
        uint64_t digest    = hash_bytes(n, sizeof(n), 0);

        digest = digest_list(plan->task_stage, plan->n_task, digest);
        digest = digest_list(plan->order, plan->n_task, digest);
        digest = digest_list(plan->input_start, plan->n_task + 1, digest);
        digest = digest_list(plan->input_chunk, plan->input_start[plan->n_task], digest);
        digest = digest_list(plan->output_start, plan->n_task + 1, digest);
        digest = digest_list(plan->output_chunk, plan->output_start[plan->n_task], digest);
        digest = digest_list(plan->chunk_value, plan->n_chunk, digest);
        for (uint32_t v = 0; v < plan->value.n; v++) {
                const Value *value = &plan->value.data[v];
                const int64_t what[] = { value->dtype, value->shape.ndim, value->first_chunk, value->stage };

                digest = hash_bytes(what, sizeof(what), digest);
                digest = hash_bytes(value->shape.dim, (size_t) value->shape.ndim * sizeof(int64_t), digest);
        }
        return digest;
}
