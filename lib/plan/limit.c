/* SPDX-License-Identifier: Apache-2.0 */
/* Whether every task can have the memory that it needs. What cannot is refused before anything runs: it would only fail
 * later. Whether inputs that are leaves count is the caller's to say, since their memory may be somebody else's. */
#include "plan/plan.h"

static size_t plus(size_t a, size_t b) {
        size_t ret;

        return __builtin_add_overflow(a, b, &ret) ? SIZE_MAX : ret;
}

static size_t times(size_t a, size_t b) {
        size_t ret;

        return __builtin_mul_overflow(a, b, &ret) ? SIZE_MAX : ret;
}

static size_t longest_bytes(const Value *value) {
        size_t bytes = dtype_size(value->dtype);

        for (int k = 0; k < value->tiling.ndim; k++) {
                const Cuts *c = &value->tiling.axis[k];
                int64_t most  = c->edge ? 0 : c->step;

                for (uint32_t i = 0; c->edge && i < c->n; i++)
                        most = MAX(most, cuts_edge(c, i + 1) - cuts_edge(c, i));
                bytes = c->extent == UNKNOWN ? SIZE_MAX : times(bytes, (size_t) MAX(most, (int64_t) 1));
        }
        return bytes;
}

/* No task of the stage takes more chunks than this. */
static size_t stage_bound(const Plan *plan, const Stage *stage) {
        uint32_t n_in = 0, n_out = 0;
        size_t in = 0, out = 0;

        for (uint32_t t = stage->first_task; t < stage->first_task + stage->n_task; t++) {
                n_in  = MAX(n_in, plan->input_start[t + 1] - plan->input_start[t]);
                n_out = MAX(n_out, plan->output_start[t + 1] - plan->output_start[t]);
        }
        for (uint32_t i = 0; i < stage->n_source; i++)
                in = MAX(in, longest_bytes(&plan->value.data[stage->source[i].value]));
        for (uint32_t i = 0; i < stage->n_out; i++)
                out = MAX(out, longest_bytes(&plan->value.data[stage->out[i].value]));
        return plus(times(n_in, in), times(n_out, out));
}

size_t plan_task_chunks(const Plan *plan, uint32_t task, PlanLeafCounts *counts, const void *userdata) {
        size_t bytes = 0;

        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1]; k++)
                bytes = plus(bytes, plan_chunk_bytes(plan, plan->output_chunk[k]));
        for (uint32_t k = plan->input_start[task]; k < plan->input_start[task + 1]; k++) {
                const Value *value = &plan->value.data[plan->chunk_value[plan->input_chunk[k]]];

                if (value->stage != STAGE_NONE || (counts && counts(userdata, value->stored)))
                        bytes = plus(bytes, plan_chunk_bytes(plan, plan->input_chunk[k]));
        }
        return bytes;
}

bool plan_too_large(const Plan *plan, size_t chunk_bytes, size_t all_bytes, PlanLeafCounts *counts,
                    const void *userdata, uint32_t *ret_task) {
        for (uint32_t s = 0; s < plan->stage.n; s++) {
                const Stage *stage = &plan->stage.data[s];
                size_t most = MIN(chunk_bytes, all_bytes - MIN(stage->scratch_bytes, all_bytes));

                if (stage_bound(plan, stage) <= most && stage->scratch_bytes <= all_bytes)
                        continue;
                for (uint32_t t = stage->first_task; t < stage->first_task + stage->n_task; t++)
                        if (plan_task_chunks(plan, t, counts, userdata) > most || stage->scratch_bytes > all_bytes) {
                                *ret_task = t;
                                return true;
                        }
        }
        return false;
}
