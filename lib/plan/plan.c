/* SPDX-License-Identifier: Apache-2.0 */
/* The passes in their order; see planner.h. */
#include "plan/planner.h"

Plan *plan_free(Plan *plan) {
        if (!plan)
                return NULL;
        vec_free(&plan->value);
        vec_free(&plan->stage);
        vec_free(&plan->made);
        free(plan->task_stage);
        free(plan->input_start);
        free(plan->input_chunk);
        free(plan->output_start);
        free(plan->output_chunk);
        free(plan->chunk_value);
        free(plan->order);
        graph_free(plan->graph);
        arena_free(plan->arena);
        free(plan);
        return NULL;
}

static int find_casts(Planner *p) {
        p->cast_kernel = arena_new_array(p->arena, uint32_t, _DTYPE_MAX * _DTYPE_MAX);
        if (!p->cast_kernel)
                return error_oom(p->err, _DTYPE_MAX * _DTYPE_MAX * sizeof(uint32_t));
        for (uint32_t k = 0; p->cast->kernels[k].fn; k++)
                p->cast_kernel[p->cast->kernels[k].in[0] * _DTYPE_MAX + p->cast->kernels[k].out[0]] = k;
        return 0;
}

static int planner_init(Planner *p) {
        uint32_t n = 0;

        p->cast  = op_find("cast");
        p->view  = op_find("view");
        p->full  = op_find("full");
        p->first = arena_new_array(p->arena, uint32_t, p->graph->node.n + 1);
        if (!p->first)
                return error_oom(p->err, p->graph->node.n * sizeof(uint32_t));
        for (uint32_t i = 0; i < p->graph->node.n; i++) {
                p->first[i]  = n;
                n           += p->graph->node.data[i].n_out;
        }
        p->slot = arena_new_array(p->arena, Slot, n + 1);
        if (!p->slot)
                return error_oom(p->err, n * sizeof(Slot));
        for (uint32_t i = 0; i < n; i++)
                p->slot[i].value = NO_VALUE;
        return find_casts(p);
}

static int list_made(Planner *p) {
        Plan *plan     = p->plan;
        plan->complete = true;

        for (uint32_t i = 0; i < p->graph->node.n; i++)
                for (uint32_t k = 0; k < p->graph->node.data[i].n_out; k++) {
                        const Slot *s = &p->slot[p->first[i] + k];

                        if (s->kept && vec_push(&plan->made, (Made) { .ref = { i, k }, .value = s->value }) < 0)
                                return error_oom(p->err, sizeof(Made));
                }
        for (uint32_t i = 0; i < p->graph->wanted.n; i++)
                plan->complete &= !planner_slot(p, p->graph->wanted.data[i])->deferred;
        return 0;
}

int plan_make(const Graph *graph, const PlanLeaves *leaves, Plan **ret, Error *err) {
        _cleanup_(plan_freep) Plan *plan = calloc(1, sizeof(Plan));
        int r;

        if (!plan)
                return error_oom(err, sizeof(Plan));
        plan->arena = arena_new();
        if (!plan->arena)
                return error_oom(err, sizeof(Plan));
        r = plan_lower(graph, leaves, &plan->graph, err);
        if (r < 0)
                return r;

        Planner p = { .plan = plan, .arena = plan->arena, .graph = plan->graph, .leaves = leaves, .err = err };
        r         = planner_init(&p);
        if (r >= 0)
                r = planner_mark(&p);
        if (r >= 0)
                r = planner_build(&p);
        if (r >= 0)
                r = list_made(&p);
        if (r >= 0)
                r = plan_lists(&p);
        vec_free(&p.pieces);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(plan);
        return 0;
}
