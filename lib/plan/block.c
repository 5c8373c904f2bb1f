/* SPDX-License-Identifier: Apache-2.0 */
/* Stages of operators that run themselves on blocks: which box of each input a task reads follows from the operator's table
 * (batch and core axes, graph/op.h). The domain has the batch axes, then the cut axis, if any, then the core axes, whole. */
#include "plan/planner.h"

enum {
        /* Output tiles of a product: wide ones, since BLAS packs the right-hand side once per tile; few enough rows that small
         * machines have several tiles of a 4000 x 4000 product. Fixed, so that bits never depend on who computes. */
        CONTRACT_ROWS    = 1024,
        CONTRACT_COLUMNS = 4096,
};

static int core_of(uint8_t core, int ndim) {
        return core == CORE_ALL ? ndim : MIN(core, ndim);
}

/* The value that an input reads, and where: views are looked through, everything else is a root and exists. */
static int block_source(Planner *p, StageBuild *sb, Ref ref, const AxisMap *map) {
        map = map_through_views(p, &ref, map);
        if (!map || vec_push(&sb->source, (Source) { .value = planner_slot(p, ref)->value, .map = map }) < 0)
                return error_oom(p->err, sizeof(Source));
        assert(planner_slot(p, ref)->value != NO_VALUE);
        return 0;
}

static int add_axis(Planner *p, StageBuild *sb, int64_t extent, int *ret) {
        if (sb->ndim == MAX_NDIM)
                return error_set(p->err, ERROR_SUPPORT, "more than %d axes of inputs together", MAX_NDIM);
        sb->extent[sb->ndim] = extent;
        *ret                 = sb->ndim++;
        return 0;
}

int stage_block(Planner *p, uint32_t index) {
        const Node *node                           = &p->graph->node.data[index];
        const Op *op                               = node->op;
        const Shape *out                           = &node->out[0].shape;
        const int core_out                         = core_of(op->core_out[0], out->ndim), n_batch = out->ndim - core_out;
        const bool contract                        = op->family == FAMILY_CONTRACT;
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = n_batch };
        _cleanup_(freep) Spec *spec                = calloc(node->n_in + 1, sizeof(Spec));
        Stage stage = { .kind = STAGE_BLOCK, .label = op->name, .block = { .op = op, .params = node->params, .unknown = op->unknown } };
        const bool cuts = contract || op->step || op->follows, blocks = contract && op->step; /* products over blocks of the inner axis */
        int cut_axis = NO_AXIS, inner = NO_AXIS, columns = NO_AXIS, r;

        if (!spec)
                return error_oom(p->err, sizeof(Spec));
        for (uint32_t i = 0; i < node->n_in; i++)
                spec[i] = *graph_spec(p->graph, node->in[i]);
        const OpCall call = { .op = op, .params = node->params, .n_in = node->n_in, .in = spec };

        for (int k = 0; k < n_batch; k++)
                sb.extent[k] = out->dim[k];
        if (cuts) {
                const int ndim_0 = spec[0].shape.ndim;

                r = add_axis(p, &sb, blocks ? spec[0].shape.dim[ndim_0 - 2] : op->unknown ? spec[0].shape.dim[ndim_0 - core_of(op->core_in[0], ndim_0)] : out->dim[n_batch], &cut_axis);
                if (r < 0)
                        return r;
        }
        for (uint32_t i = 0; i < node->n_in; i++) {
                const Shape *s   = &spec[i].shape;
                const int core   = core_of(op->core_in[op->variadic ? 0 : i], s->ndim), batch = s->ndim - core;
                AxisMap *map     = arena_new_array(p->arena, AxisMap, s->ndim + 1);

                if (!map)
                        return error_oom(p->err, sizeof(AxisMap));
                for (int k = 0; k < s->ndim; k++) {
                        map[k] = (AxisMap) { .axis = NO_AXIS };
                        if (k < batch) {
                                const int at = n_batch - batch + k;

                                if (at >= 0 && !(s->dim[k] == 1 && out->dim[at] != 1))
                                        map[k] = (AxisMap) { .axis = at, .step = 1 };
                                continue;
                        }
                        /* A product's rows are the left input's, its columns the right one's; what is summed over is shared. */
                        int *axis     = contract ? (i == 0 ? (k == batch ? &cut_axis : &inner) : (k == batch ? &inner : &columns)) : NULL;
                        int own       = NO_AXIS;
                        const bool cut = !contract && k == batch && op->follows;

                        if (cut)
                                own = cut_axis;
                        else if (axis)
                                own = *axis;
                        if (own == NO_AXIS) {
                                r = add_axis(p, &sb, s->dim[k], &own);
                                if (r < 0)
                                        return r;
                                if (axis)
                                        *axis = own;
                        }
                        map[k] = (AxisMap) { .axis = own, .step = 1 };
                }
                r = block_source(p, &sb, node->in[i], map);
                if (r < 0)
                        return r;
        }

        r = stage_cuts(p, &sb, &stage.domain);
        if (r < 0)
                return r;
        for (int k = n_batch; k < sb.ndim; k++)
                if (k != cut_axis || op->step || contract)
                        stage.domain.axis[k] = cuts_whole(sb.extent[k]);
        if (blocks)
                stage.domain.axis[inner] = cuts_regular(sb.extent[inner], op->step(&call));
        else if (contract) {
                stage.domain.axis[cut_axis] = cuts_regular(sb.extent[cut_axis], CONTRACT_ROWS);
                stage.domain.axis[columns]  = cuts_regular(sb.extent[columns], CONTRACT_COLUMNS);
        } else if (op->step) {
                const int64_t step = op->step(&call);

                if (step > 0)
                        stage.domain.axis[cut_axis] = cuts_regular(sb.extent[cut_axis], step);
        }

        for (uint32_t o = 0; o < node->n_out; o++) {
                const Shape *s = &node->out[o].shape;
                const int core = core_of(op->core_out[o], s->ndim), batch = s->ndim - core;
                int *axis      = arena_new_array(p->arena, int, s->ndim + 1);
                Tiling t       = tiling_whole(s);
                ValueId value;

                if (!axis)
                        return error_oom(p->err, sizeof(int));
                for (int k = 0; k < s->ndim; k++) {
                        axis[k] = k < batch                    ? n_batch - batch + k
                                : blocks                         ? (k == 0 ? inner : k == 1 ? cut_axis : columns)
                                : k == batch && cuts             ? cut_axis
                                : contract && k == batch + 1     ? columns
                                                                 : NO_AXIS;
                        if (blocks && k == 0)
                                t.axis[k] = cuts_regular(s->dim[k], 1);
                        else if (op->unknown && axis[k] == cut_axis)
                                t.axis[k] = cuts_unknown(stage.domain.axis[cut_axis].n);
                        else if (axis[k] != NO_AXIS)
                                t.axis[k] = stage.domain.axis[axis[k]];
                }
                r = value_add(p, node->out[o].dtype, &t, &value);
                if (r < 0)
                        return r;
                p->plan->value.data[value].rows_hint = !op->unknown && tiling_is_rows(&t);
                if (vec_push(&sb.out, (Out) { .value = value, .axis = axis }) < 0)
                        return error_oom(p->err, sizeof(Out));
                p->slot[p->first[index] + o].value = value;
        }
        return stage_add(p, &sb, &stage);
}

/* Concatenation: every input is read at its own distance; a task's box overlaps those inputs that it needs and no others. */
int stage_concatenate(Planner *p, uint32_t index) {
        const Node *node                           = &p->graph->node.data[index];
        const Spec *spec                           = &node->out[0];
        const int ndim                             = spec->shape.ndim;
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = ndim };
        Stage stage = { .kind = STAGE_BLOCK, .label = node->op->name, .block = { .op = node->op, .params = node->params } };
        int *axis   = arena_new_array(p->arena, int, ndim);
        _cleanup_(freep) int64_t *size = NULL;
        int64_t offset  = 0;
        int along, r;
        Cuts cuts;

        if (!axis)
                return error_oom(p->err, sizeof(int));
        r = axis_normalize(((const ConcatenateParams *) node->params)->axis, ndim, &along, p->err);
        if (r < 0)
                return r;
        for (int k = 0; k < ndim; k++) {
                sb.extent[k] = spec->shape.dim[k];
                axis[k]      = k;
        }
        for (uint32_t i = 0; i < node->n_in; i++) {
                AxisMap *map = arena_new_array(p->arena, AxisMap, ndim);

                if (!map)
                        return error_oom(p->err, sizeof(AxisMap));
                for (int k = 0; k < ndim; k++)
                        map[k] = (AxisMap) { .axis = k, .step = 1, .start = k == along ? -offset : 0 };
                offset += graph_spec(p->graph, node->in[i])->shape.dim[along];
                r       = block_source(p, &sb, node->in[i], map);
                if (r < 0)
                        return r;
        }
        r = stage_cuts(p, &sb, &stage.domain);
        if (r < 0)
                return r;

        /* Along the axis: the cuts of the largest input, and a border between any two. */
        size = calloc(node->n_in, sizeof(int64_t));
        if (!size)
                return error_oom(p->err, node->n_in * sizeof(int64_t));
        uint32_t n = 0;
        for (uint32_t i = 0; i < node->n_in; i++) {
                const int64_t length = graph_spec(p->graph, node->in[i])->shape.dim[along];

                if (length > 0)
                        size[n++] = length;
        }
        if (n == 0)
                size[n++] = 0;
        r = cuts_from_sizes(p->arena, size, n, spec->shape.dim[along], &cuts, p->err);
        if (r < 0)
                return r;
        if (stage.domain.axis[along].n == 1)
                stage.domain.axis[along] = cuts;
        else {
                r = cuts_refine(p->arena, &cuts, &stage.domain.axis[along], &stage.domain.axis[along]);
                if (r < 0)
                        return error_oom(p->err, sizeof(Cuts));
        }
        r = cuts_limit(p, &stage.domain, dtype_size(spec->dtype));
        if (r >= 0)
                r = value_add(p, spec->dtype, &stage.domain, &p->slot[p->first[index]].value);
        if (r < 0)
                return r;
        p->plan->value.data[p->slot[p->first[index]].value].rows_hint = tiling_is_rows(&stage.domain);
        if (vec_push(&sb.out, (Out) { .value = p->slot[p->first[index]].value, .axis = axis }) < 0)
                return error_oom(p->err, sizeof(Out));
        return stage_add(p, &sb, &stage);
}
