/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Plans that a planner would never make: every node of a graph of `fake` operators becomes two stages of random
 * tasks, reading random chunks. What a chunk holds is a hash of the task and of what it read, so a wrong input
 * anywhere is seen at the end. All of it follows from the seeds in the graph. */
#include <string.h>

#include "sched/sched.h"

static inline void fake_must(bool ok) {
        if (!ok)
                abort();
}

typedef struct FakeParams {
        int64_t seed, length, step;
        bool unknown; /* the length turns out when the tasks run */
} FakeParams;

static inline uint64_t fake_mix(uint64_t a, uint64_t b) {
        uint64_t h = (a ^ b * 0x9e3779b97f4a7c15) + 0x7f4a7c159e3779b9;

        h = (h ^ h >> 31) * 0xbf58476d1ce4e5b9;
        h = (h ^ h >> 27) * 0x94d049bb133111eb;
        return h ^ h >> 30;
}

static inline uint64_t fake_random(uint64_t *state) {
        *state += 0x9e3779b97f4a7c15;
        return fake_mix(*state, 1);
}

static inline int fake_infer(const OpCall *call, Spec *out, _unused_ Error *err) {
        const FakeParams *p = call->params;

        out[0] = (Spec) { .dtype = DTYPE_F64, .shape = SHAPE(p->unknown ? UNKNOWN : p->length) };
        return 0;
}

static const Param fake_params[] = {
        PARAM(FakeParams, seed, PARAM_I64, "0", "All that is random."),
        PARAM(FakeParams, length, PARAM_I64, "1", "Of the result."),
        PARAM(FakeParams, step, PARAM_I64, "1", "Of a chunk."),
        PARAM(FakeParams, unknown, PARAM_BOOL, "False", "Whether the length depends on data."),
        {},
};

_unused_ static const Op fake_op = {
        .name        = "fake",
        .family      = FAMILY_EXCHANGE,
        .variadic    = true,
        .params_size = sizeof(FakeParams),
        .params      = fake_params,
        .infer       = fake_infer,
};

typedef struct FakeBuild {
        Plan *plan;
        Vec(uint32_t) input, output, input_start, output_start;
} FakeBuild;

static inline uint32_t fake_value(FakeBuild *f, const Tiling *tiling, uint32_t stage) {
        Plan *plan = f->plan;
        Value v    = { .dtype       = DTYPE_F64,
                       .tiling      = *tiling,
                       .shape       = tiling_shape(tiling),
                       .rows_hint   = true,
                       .first_chunk = plan->n_chunk,
                       .stage       = stage };

        plan->n_chunk += (uint32_t) tiling_n_chunks(tiling);
        fake_must(vec_push(&plan->value, v) == 0);
        return plan->value.n - 1;
}

/* A stage of one task per chunk of `domain`; each reads up to four chunks of random sources. */
static inline void fake_stage(FakeBuild *f, uint64_t seed, const Tiling *domain, const uint32_t *source,
                              uint32_t n_source, uint32_t n_out, uint32_t *ret_values, bool unknown) {
        static const int axis[] = { 0 };
        Plan *plan  = f->plan;
        uint32_t n  = (uint32_t) tiling_n_chunks(domain);
        Out *out    = arena_new_array(plan->arena, Out, n_out);
        Stage stage = { .kind          = STAGE_NEST,
                        .domain        = *domain,
                        .first_task    = plan->n_task,
                        .n_task        = n,
                        .n_out         = n_out,
                        .out           = out,
                        .scratch_bytes = seed % 3000,
                        .label         = "fake" };

        for (uint32_t o = 0; o < n_out; o++) {
                Tiling tiling = *domain;

                if (unknown)
                        tiling.axis[0] = cuts_unknown(n);
                ret_values[o] = fake_value(f, &tiling, plan->stage.n);
                out[o]        = (Out) { .value = ret_values[o], .axis = axis };
        }
        for (uint32_t t = 0; t < n; t++) {
                uint32_t first = f->input.n, n_in = n_source > 0 ? (uint32_t) (fake_random(&seed) % 5) : 0;

                fake_must(vec_push(&f->input_start, f->input.n) == 0 && vec_push(&f->output_start, f->output.n) == 0);
                for (uint32_t k = 0; k < n_in; k++) {
                        const Value *v = &plan->value.data[source[fake_random(&seed) % n_source]];
                        uint32_t chunk = v->first_chunk + (uint32_t) (fake_random(&seed) % tiling_n_chunks(&v->tiling));
                        bool twice     = false;

                        for (uint32_t i = first; i < f->input.n; i++)
                                twice |= f->input.data[i] == chunk;
                        fake_must(twice || vec_push(&f->input, chunk) == 0);
                }
                for (uint32_t o = 0; o < n_out; o++)
                        fake_must(vec_push(&f->output, plan->value.data[ret_values[o]].first_chunk + t) == 0);
        }
        plan->n_task += n;
        fake_must(vec_push(&plan->stage, stage) == 0);
}

static inline int fake_plan(const Graph *graph, const PlanLeaves *leaves, Plan **ret, _unused_ Error *err) {
        _cleanup_(freep) uint32_t *value = calloc(graph->node.n, sizeof(*value));
        _cleanup_(freep) bool *deferred  = calloc(graph->node.n, sizeof(*deferred));
        _cleanup_(freep) bool *kept      = calloc(graph->node.n, sizeof(*kept));
        Plan *plan  = calloc(1, sizeof(*plan));
        FakeBuild f = { .plan = plan };

        plan->arena    = arena_new();
        plan->complete = true;
        /* The plan has a graph of its own, as the real one has. */
        fake_must(graph_new(&plan->graph) == 0);
        for (uint32_t k = 0; k < graph->node.n; k++) {
                const Node *n = &graph->node.data[k];
                uint32_t id;

                if (n->op)
                        fake_must(graph_add(plan->graph, n->op, n->params, n->in, n->n_in, &id, NULL) == 0);
                else
                        fake_must(graph_add_stored(plan->graph, n->stored, n->out, &id) == 0);
                fake_must(id == k);
        }
        for (uint32_t k = 0; k < graph->wanted.n; k++)
                fake_must(vec_push(&plan->graph->wanted, graph->wanted.data[k]) == 0);

        for (uint32_t k = 0; k < graph->node.n; k++)
                for (uint32_t i = 0; i < graph->node.data[k].n_in; i++) {
                        uint32_t in = graph->node.data[k].in[i].node;

                        deferred[k] |= deferred[in] || !shape_known(&graph->node.data[in].out[0].shape);
                }
        for (uint32_t k = 0; k < graph->wanted.n; k++) {
                kept[graph->wanted.data[k].node] = true;
                plan->complete &= !deferred[graph->wanted.data[k].node];
        }
        for (uint32_t k = 0; k < graph->node.n; k++)
                for (uint32_t i = 0; i < graph->node.data[k].n_in && deferred[k]; i++)
                        kept[graph->node.data[k].in[i].node] = true;

        for (uint32_t k = 0; k < graph->node.n; k++) {
                const Node *n       = &graph->node.data[k];
                const FakeParams *p = n->params;
                uint32_t source[8], inner[2], outer[2], n_inner;
                Tiling domain;

                if (deferred[k])
                        continue;
                if (!n->op) {
                        value[k] = fake_value(&f, leaves->tiling(leaves->userdata, n->stored), STAGE_NONE);
                        plan->value.data[value[k]].stored = n->stored;
                } else {
                        fake_must(n->n_in <= ELEMENTSOF(source));
                        for (uint32_t i = 0; i < n->n_in; i++)
                                source[i] = value[n->in[i].node];
                        domain  = (Tiling) { .ndim = 1, .axis = { cuts_regular(2 * p->length, p->step) } };
                        n_inner = 1 + (uint64_t) p->seed % 2;
                        fake_stage(&f, fake_mix((uint64_t) p->seed, 1), &domain, source, n->n_in, n_inner, inner,
                                   false);
                        domain.axis[0] = cuts_regular(p->length, p->step);
                        fake_stage(&f, fake_mix((uint64_t) p->seed, 2), &domain, inner, n_inner,
                                   1 + (uint64_t) p->seed / 2 % 2, outer, p->unknown);
                        value[k] = outer[0];
                }
                if (kept[k])
                        fake_must(vec_push(&plan->made, (Made) { .ref = { .node = k }, .value = value[k] }) == 0);
        }
        fake_must(vec_push(&f.input_start, f.input.n) == 0 && vec_push(&f.output_start, f.output.n) == 0);
        fake_must(vec_reserve(&f.input, 1) == 0 && vec_reserve(&f.output, 1) == 0);
        plan->input_chunk  = f.input.data;
        plan->input_start  = f.input_start.data;
        plan->output_chunk = f.output.data;
        plan->output_start = f.output_start.data;
        plan->task_stage   = calloc(plan->n_task + 1, sizeof(uint32_t));
        plan->chunk_value  = calloc(plan->n_chunk + 1, sizeof(uint32_t));
        plan->order        = calloc(plan->n_task + 1, sizeof(uint32_t));
        for (uint32_t s = 0; s < plan->stage.n; s++)
                for (uint32_t t = 0; t < plan->stage.data[s].n_task; t++)
                        plan->task_stage[plan->stage.data[s].first_task + t] = s;
        for (uint32_t v = 0; v < plan->value.n; v++)
                for (uint32_t c = 0; c < tiling_n_chunks(&plan->value.data[v].tiling); c++)
                        plan->chunk_value[plan->value.data[v].first_chunk + c] = v;
        for (uint32_t t = 0; t < plan->n_task; t++)
                plan->order[t] = t;
        *ret = plan;
        return 0;
}

/* What the task makes of what it reads. */
static inline uint64_t fake_result(const Plan *plan, uint32_t task, uint32_t output, uint32_t n_in,
                                   const uint64_t *in) {
        uint64_t h = fake_mix(task * 8 + output, plan->stage.data[plan->task_stage[task]].scratch_bytes);

        for (uint32_t k = 0; k < n_in; k++)
                h = fake_mix(h, in[k]);
        return h | 1;
}

/* The actual length of a chunk of unknown length. */
static inline int64_t fake_length(const Plan *plan, uint32_t chunk, uint64_t result) {
        Shape capacity;

        plan_chunk_shape(plan, chunk, &capacity);
        return (int64_t) (result % (uint64_t) (capacity.dim[0] + 1));
}
