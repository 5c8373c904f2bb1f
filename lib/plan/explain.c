/* SPDX-License-Identifier: Apache-2.0 */
/* The plan in words: a line per stage, in the order in which stages are first needed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plan/plan.h"

static const char *print_bytes(char text[static 32], double bytes) {
        static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
        size_t u = 0;

        for (; bytes >= 1024 && u + 1 < ELEMENTSOF(unit); u++)
                bytes /= 1024;
        snprintf(text, 32, bytes < 10 && u > 0 ? "%.1f %s" : "%.0f %s", bytes, unit[u]);
        return text;
}

static double value_bytes(const Value *v) {
        double bytes = dtype_size(v->dtype);

        for (int k = 0; k < v->shape.ndim; k++)
                bytes *= v->shape.dim[k] == UNKNOWN ? 1 : (double) v->shape.dim[k];
        return bytes;
}

static const char *explain_value(const Plan *plan, Arena *arena, ValueId id) {
        const Value *v = &plan->value.data[id];
        char shape[SHAPE_TEXT], bytes[32];

        return arena_printf(arena, "%s %s, %" PRIu64 " chunk%s, %s", dtype_name(v->dtype),
                            shape_print(&v->shape, shape), tiling_n_chunks(&v->tiling),
                            tiling_n_chunks(&v->tiling) == 1 ? "" : "s", print_bytes(bytes, value_bytes(v)));
}

const char *plan_explain(const Plan *plan, Arena *arena) {
        static const char *const kind[] = { [STAGE_NEST] = "fused", [STAGE_MERGE] = "merge", [STAGE_BLOCK] = "block" };
        const char *text =
                arena_printf(arena, "%u stage%s, %u task%s, %u chunk%s%s\n", plan->stage.n,
                             plan->stage.n == 1 ? "" : "s", plan->n_task, plan->n_task == 1 ? "" : "s", plan->n_chunk,
                             plan->n_chunk == 1 ? "" : "s", plan->complete ? "" : "; goes on when the sizes are known");

        for (uint32_t s = 0; s < plan->stage.n && text; s++) {
                const Stage *stage = &plan->stage.data[s];
                const bool part    = stage->kind == STAGE_BLOCK && strcmp(stage->label, stage->block.op->name) != 0;

                text = arena_printf(arena, "%s%3u. %s%s%s (%s), %u task%s\n", text, s + 1, stage->label,
                                    part ? ": " : "", part ? stage->block.op->name : "", kind[stage->kind],
                                    stage->n_task, stage->n_task == 1 ? "" : "s");
                for (uint32_t i = 0; i < stage->n_source && text; i++) {
                        const Value *v = &plan->value.data[stage->source[i].value];
                        const char *in = explain_value(plan, arena, stage->source[i].value);

                        text = in ? v->stage == STAGE_NONE
                                               ? arena_printf(arena, "%s       reads  %s (held)\n", text, in)
                                               : arena_printf(arena, "%s       reads  %s (of %u)\n", text, in,
                                                              v->stage + 1)
                                  : NULL;
                }
                for (uint32_t o = 0; o < stage->n_out && text; o++) {
                        const char *out = explain_value(plan, arena, stage->out[o].value);

                        text = out ? arena_printf(arena, "%s       makes  %s\n", text, out) : NULL;
                }
        }
        return text;
}
