/* SPDX-License-Identifier: Apache-2.0 */
/* Running reductions. Element i is the fold, from the left, of the cover of [0, i + 1) (tensor/tree.h), so a task
 * needs the cover of everything before its chunk. Three stages: the partials of all chunks; one merge of them into
 * the covers of [0, edge) for each inner edge; then each chunk runs on from the one that ends where it begins. */
#include "plan/planner.h"

static int add_source(Planner *p, StageBuild *sb, ValueId value, const AxisMap *map) {
        return vec_push(&sb->source, (Source) { .value = value, .map = map }) < 0 ? error_oom(p->err, sizeof(Source))
                                                                                  : 0;
}

static int add_out(Planner *p, StageBuild *sb, ValueId value, const int *axis) {
        return vec_push(&sb->out, (Out) { .value = value, .axis = axis }) < 0 ? error_oom(p->err, sizeof(Out)) : 0;
}

static int stage_partials(Planner *p, const Op *op, uint32_t fold, Ref x, int along, const Tiling *domain,
                          const int *axes, ValueId *ret) {
        const Fold *f                              = &op->folds[fold];
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = domain->ndim };
        _cleanup_(nest_build_clear) NestBuild nb   = { .stage = &sb, .ndim = domain->ndim };
        Stage stage                                = { .kind = STAGE_NEST, .domain = *domain, .label = op->name };
        Sink sink    = { .op = op, .fold = fold, .axis = along, .end = FOLD_PARTIAL };
        Tiling t     = *domain;
        int64_t *size = arena_new_array(p->arena, int64_t, domain->axis[along].n), total = 0;
        const AxisMap *identity = map_identity(p, domain->ndim);
        int r;

        if (!size || !identity)
                return error_oom(p->err, sizeof(int64_t));
        for (int k = 0; k < sb.ndim; k++) {
                sb.extent[k] = domain->axis[k].extent;
                nb.axis[k]   = k;
        }
        for (uint32_t g = 0; g < domain->axis[along].n; g++)
                total += size[g] =
                        tree_cover_size(cuts_edge(&domain->axis[along], g), cuts_edge(&domain->axis[along], g + 1));
        r = cuts_from_sizes(p->arena, size, domain->axis[along].n, total, &t.axis[along], p->err);
        if (r >= 0)
                r = program_emit(p, &nb, x, identity, &sink.reg[0]);
        for (uint32_t c = 0; c < f->n_state && r >= 0; c++) {
                sink.dest[c] = c;
                r            = value_add(p, f->state[c], &t, &ret[c]);
                if (r >= 0)
                        r = add_out(p, &sb, ret[c], axes);
        }
        if (r < 0)
                return r;
        if (vec_push(&nb.sink, sink) < 0)
                return error_oom(p->err, sizeof(Sink));
        r = nest_finish(p, &nb);
        return r < 0 ? r : stage_add(p, &sb, &stage);
}

static int stage_prefixes(Planner *p, const Op *op, uint32_t fold, int along, const Cuts *elements, const int *axes,
                          ValueId *value) {
        const Fold *f                              = &op->folds[fold];
        const Tiling in                            = p->plan->value.data[value[0]].tiling;
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = in.ndim };
        Stage stage                                = { .kind   = STAGE_MERGE,
                                                       .domain = in,
                                                       .label  = arena_printf(p->arena, "prefixes of %s", op->name),
                                                       .merge  = { .op       = op,
                                                                   .fold     = fold,
                                                                   .axis     = along,
                                                                   .group    = elements->n,
                                                                   .elements = *elements,
                                                                   .scan     = true } };
        const AxisMap *identity = map_identity(p, in.ndim);
        int64_t total           = 0;
        Tiling t                = in;
        int r                   = 0;

        if (!identity || !stage.label)
                return error_oom(p->err, sizeof(AxisMap));
        for (uint32_t g = 0; g < elements->n; g++)
                total += tree_cover_size(0, cuts_edge(elements, g));
        stage.domain.axis[along] = cuts_whole(in.axis[along].extent);
        t.axis[along]            = cuts_whole(total);
        for (uint32_t c = 0; c < f->n_state && r >= 0; c++) {
                r = add_source(p, &sb, value[c], identity);
                if (r >= 0)
                        r = value_add(p, f->state[c], &t, &value[c]);
                if (r >= 0)
                        r = add_out(p, &sb, value[c], axes);
        }
        return r < 0 ? r : stage_add(p, &sb, &stage);
}

/* One task has what goes before all chunks along the axis: it takes as many other positions as it has memory for. */
static int scan_cuts(Planner *p, const Fold *f, int along, Tiling *t) {
        const Cuts *elements = &t->axis[along];
        Tiling others        = *t;
        int64_t covers       = 0;
        size_t each          = 0;

        if (p->leaves->task_bytes == 0)
                return 0;
        for (uint32_t g = 0; g < elements->n; g++)
                covers += tree_cover_size(cuts_edge(elements, g), cuts_edge(elements, g + 1)) +
                          tree_cover_size(0, cuts_edge(elements, g));
        for (uint32_t c = 0; c < f->n_state; c++)
                each += dtype_size(f->state[c]);
        others.axis[along] = cuts_whole(1);

        const size_t elements_max = p->leaves->task_bytes / MAX(each, (size_t) 1);
        const int r               = cuts_limit(p, &others, t->ndim, (int64_t) elements_max / MAX(covers, INT64_C(1)));

        for (int k = 0; k < t->ndim; k++)
                if (k != along)
                        t->axis[k] = others.axis[k];
        return r;
}

int stage_scan(Planner *p, uint32_t index) {
        const Node *node                           = &p->graph->node.data[index];
        const ScanParams *q                        = node->params;
        const Shape *shape                         = &node->out[0].shape;
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = shape->ndim };
        Stage stage                                = { .kind  = STAGE_BLOCK,
                                                       .label = node_name(node),
                                                       .block = { .op = node->op, .params = node->params } };
        const AxisMap *input = map_identity(p, shape->ndim), *map;
        int *axes            = arena_new_array(p->arena, int, shape->ndim + 1);
        Ref x                = node->in[0];
        ValueId prefix[MAX_STATE];
        int along = 0, r;

        if (!input || !axes)
                return error_oom(p->err, sizeof(AxisMap));
        r = axis_normalize(q->axis.n > 0 ? q->axis.v[0] : 0, shape->ndim, &along, p->err);
        if (r >= 0)
                r = op_fold(node->op, planner_spec(p, x)->dtype, program_dtype_param(node->op, node->params),
                            &stage.block.fold, p->err);
        if (r < 0)
                return r;
        stage.block.axis = along;
        for (int k = 0; k < shape->ndim; k++) {
                sb.extent[k] = shape->dim[k];
                axes[k]      = k;
        }
        map = map_through_views(p, &x, input);
        if (!map)
                return error_oom(p->err, sizeof(AxisMap));
        r = add_source(p, &sb, planner_slot(p, x)->value, map);
        if (r < 0)
                return r;
        sb.source.data[0].input = input;
        sb.source.data[0].shape = shape;
        r = stage_cuts(p, &sb, &stage.domain);
        if (r < 0)
                return r;

        if (stage.domain.axis[along].n > 1) {
                const Fold *f = &node->op->folds[stage.block.fold];
                Tiling plain;
                int64_t total;

                r = scan_cuts(p, f, along, &stage.domain);
                if (r < 0)
                        return r;
                plain = stage.domain;
                r     = stage_partials(p, node->op, stage.block.fold, node->in[0], along, &plain, axes, prefix);
                if (r >= 0)
                        r = stage_prefixes(p, node->op, stage.block.fold, along, &plain.axis[along], axes, prefix);
                if (r < 0)
                        return r;
                total = p->plan->value.data[prefix[0]].shape.dim[along];
                if (sb.ndim == MAX_NDIM)
                        return error_set(p->err, ERROR_SUPPORT, "a running reduction of more than %d axes",
                                         MAX_NDIM - 1);
                stage.domain.axis[sb.ndim] = cuts_whole(total);
                stage.domain.ndim++;
                for (uint32_t c = 0; c < f->n_state && r >= 0; c++) {
                        AxisMap *m = arena_copy(p->arena, map_identity(p, shape->ndim), shape->ndim * sizeof(AxisMap));

                        if (!m)
                                return error_oom(p->err, sizeof(AxisMap));
                        m[along].axis = sb.ndim;
                        r             = add_source(p, &sb, prefix[c], m);
                }
        }
        Tiling t = stage.domain;
        t.ndim   = shape->ndim;
        if (r >= 0)
                r = stage_value(p, &sb, node->out[0].dtype, &t, axes, &p->slot[p->first[index]].value);
        return r < 0 ? r : stage_add(p, &sb, &stage);
}
