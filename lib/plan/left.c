/* SPDX-License-Identifier: Apache-2.0 */
/* Running operators that go from the left to the right in one way only: the tasks along the axis are a chain. Each
 * makes, beside its part of the result, what the next one goes on from (the carry), a value with one position for each
 * task. So a stage reads what it makes itself (Source.before); order and lists know tasks alone (docs/decisions/0093).
 *
 * Operators have the parameter `axis` first, counted from the front. A result whose axis has length one, where that of
 * the input is longer, is the last carry. */
#include "plan/planner.h"

static int add_source(Planner *p, StageBuild *sb, Ref x, const AxisMap *identity) {
        const Shape *shape = &planner_spec(p, x)->shape;
        const AxisMap *map = map_through_views(p, &x, identity);

        if (!map || vec_push(&sb->source, (Source) { .value = planner_slot(p, x)->value,
                                                     .map   = map,
                                                     .input = identity,
                                                     .shape = shape }) < 0)
                return error_oom(p->err, sizeof(Source));
        return 0;
}

/* The last carry, as a value of its own. */
static int stage_last(Planner *p, ValueId carry, int along, const char *label, ValueId *ret) {
        const Value v                              = p->plan->value.data[carry];
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = v.tiling.ndim };
        _cleanup_(nest_build_clear) NestBuild nb   = { .stage = &sb, .ndim = v.tiling.ndim };
        Stage stage   = { .kind = STAGE_NEST, .domain = v.tiling, .label = label };
        AxisMap *map  = arena_copy(p->arena, map_identity(p, v.tiling.ndim), v.tiling.ndim * sizeof(AxisMap));
        int *axes     = arena_new_array(p->arena, int, v.tiling.ndim);
        uint32_t reg;
        int r;

        if (!map || !axes)
                return error_oom(p->err, sizeof(AxisMap));
        for (int k = 0; k < sb.ndim; k++)
                axes[k] = nb.axis[k] = k;
        stage.domain.axis[along] = cuts_whole(1);
        map[along]               = (AxisMap) { .axis = NO_AXIS, .start = v.shape.dim[along] - 1 };
        r                        = program_load(p, &nb, carry, map, &reg);
        if (r >= 0)
                r = stage_value(p, &sb, v.dtype, &stage.domain, axes, ret);
        if (r >= 0 && vec_push(&nb.sink, (Sink) { .reg = { reg } }) < 0)
                r = error_oom(p->err, sizeof(Sink));
        if (r >= 0)
                r = nest_finish(p, &nb);
        return r < 0 ? r : stage_add(p, &sb, &stage);
}

int stage_left(Planner *p, uint32_t index) {
        const Node *node                           = &p->graph->node.data[index];
        const Shape *in                            = &graph_spec(p->graph, node->in[0])->shape;
        const int along                            = (int) *(const int64_t *) node->params;
        const bool reduces                         = node->out[0].shape.dim[along] != in->dim[along];
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = in->ndim };
        Stage stage                                = { .kind  = STAGE_BLOCK,
                                                       .label = node_name(node),
                                                       .block = { .op     = node->op,
                                                                  .params = node->params,
                                                                  .axis   = along } };
        const AxisMap *identity = map_identity(p, in->ndim);
        int *axes               = arena_new_array(p->arena, int, in->ndim);
        Slot *slot              = &p->slot[p->first[index]];
        ValueId carry;
        Tiling t;
        int r = 0;

        if (!identity || !axes)
                return error_oom(p->err, sizeof(AxisMap));
        for (int k = 0; k < sb.ndim; k++) {
                sb.extent[k] = in->dim[k];
                axes[k]      = k;
        }
        for (uint32_t k = 0; k < node->n_in && r >= 0; k++)
                r = add_source(p, &sb, node->in[k], identity);
        if (r >= 0)
                r = stage_cuts(p, &sb, &stage.domain);
        if (r >= 0 && !reduces)
                r = stage_value(p, &sb, node->out[0].dtype, &stage.domain, axes, &slot->value);
        if (r < 0)
                return r;
        t             = stage.domain;
        t.axis[along] = cuts_regular(stage.domain.axis[along].n, 1);
        r             = stage_value(p, &sb, node->out[0].dtype, &t, axes, &carry);
        if (r < 0)
                return r;
        if (vec_push(&sb.source, (Source) { .value = carry, .map = identity, .before = true, .along = along }) < 0)
                return error_oom(p->err, sizeof(Source));
        r = stage_add(p, &sb, &stage);
        if (r < 0 || !reduces)
                return r;
        if (t.axis[along].n > 1)
                return stage_last(p, carry, along, stage.label, &slot->value);
        slot->value = carry;
        return 0;
}
