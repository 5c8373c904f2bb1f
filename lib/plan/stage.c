/* SPDX-License-Identifier: Apache-2.0 */
/* A stage for every root, in topological order, so that what a stage reads exists when it is written. */
#include <stdio.h>

#include "plan/planner.h"

int value_add(Planner *p, DType dtype, const Tiling *tiling, ValueId *ret) {
        Plan *plan       = p->plan;
        const uint64_t n = tiling_n_chunks(tiling);

        if (n > MAX_PLAN_CHUNKS || plan->n_chunk + n > MAX_PLAN_CHUNKS)
                return error_set(p->err, ERROR_VALUE, "the plan would have more than %d chunks: use larger ones",
                                 MAX_PLAN_CHUNKS);
        *ret = plan->value.n;
        if (vec_push(&plan->value, (Value) { .dtype       = dtype,
                                             .shape       = tiling_shape(tiling),
                                             .tiling      = *tiling,
                                             .first_chunk = plan->n_chunk,
                                             .stage       = STAGE_NONE }) < 0)
                return error_oom(p->err, sizeof(Value));
        plan->n_chunk += n;
        return 0;
}

int stage_value(Planner *p, StageBuild *sb, DType dtype, const Tiling *tiling, const int *axis, ValueId *ret) {
        const int r = value_add(p, dtype, tiling, ret);

        if (r < 0)
                return r;
        p->plan->value.data[*ret].rows_hint = tiling_is_rows(tiling);
        return vec_push(&sb->out, (Out) { .value = *ret, .axis = axis }) < 0 ? error_oom(p->err, sizeof(Out)) : 0;
}

int value_alias(Planner *p, ValueId value, const Shape *shape, const Tiling *tiling, ValueId *ret) {
        Value alias = p->plan->value.data[value];

        assert(tiling_n_chunks(&alias.tiling) == tiling_n_chunks(tiling));
        alias.shape  = *shape;
        alias.tiling = *tiling;
        *ret         = p->plan->value.n;
        return vec_push(&p->plan->value, alias) < 0 ? error_oom(p->err, sizeof(Value)) : 0;
}

static void *copy(Planner *p, const void *data, size_t size) {
        return arena_copy(p->arena, data ?: "", size ?: 1);
}

/* Appends the stage; takes over what sb collected. */
int stage_add(Planner *p, StageBuild *sb, Stage *stage) {
        Plan *plan       = p->plan;
        const uint64_t n = tiling_n_chunks(&stage->domain);
        uint32_t at;
        int r = 0;

        if (stage->kind == STAGE_NEST || (stage->kind == STAGE_BLOCK && !stage->block.op->takes_pieces))
                r = exchange_sources(p, sb, &stage->domain); /* may add stages that come before this one */
        if (r < 0)
                return r;
        if (n > MAX_PLAN_CHUNKS || plan->n_task + n > MAX_PLAN_CHUNKS)
                return error_set(p->err, ERROR_VALUE, "the plan would have more than %d tasks: use larger chunks",
                                 MAX_PLAN_CHUNKS);
        at                = plan->stage.n;
        stage->first_task = plan->n_task;
        stage->n_task     = n;
        stage->n_source   = sb->source.n;
        stage->n_out      = sb->out.n;
        stage->n_local    = sb->local.n;
        stage->source     = copy(p, sb->source.data, sb->source.n * sizeof(Source));
        stage->out        = copy(p, sb->out.data, sb->out.n * sizeof(Out));
        stage->local      = copy(p, sb->local.data, sb->local.n * sizeof(Local));
        if (!stage->source || !stage->out || !stage->local)
                return error_oom(p->err, sizeof(Stage));
        stage->n_nest = sb->nest.n;
        stage->nest = copy(p, sb->nest.data, sb->nest.n * sizeof(Nest));
        if (!stage->nest)
                return error_oom(p->err, sizeof(Nest));
        if (stage->kind == STAGE_BLOCK && stage->n_nest > 0) {
                stage->block.n_in = sb->input.n;
                stage->block.input = copy(p, sb->input.data, sb->input.n * sizeof(BlockInput));
                if (!stage->block.input)
                        return error_oom(p->err, sizeof(BlockInput));
        }
        for (uint32_t i = 0; i < sb->out.n; i++)
                plan->value.data[sb->out.data[i].value].stage = at;
        r = plan_stage_scratch(plan, stage);
        if (r < 0)
                return error_prefix(p->err, r, "%s", stage->label);
        if (vec_push(&plan->stage, *stage) < 0)
                return error_oom(p->err, sizeof(Stage));
        plan->n_task += n;
        return 0;
}

int nest_finish(Planner *p, NestBuild *nb) {
        Nest nest = { .ndim    = nb->ndim,
                      .n_instr = nb->instr.n,
                      .n_sink  = nb->sink.n,
                      .instr   = copy(p, nb->instr.data, nb->instr.n * sizeof(Instr)),
                      .sink    = copy(p, nb->sink.data, nb->sink.n * sizeof(Sink)) };

        memcpy(nest.axis, nb->axis, sizeof(nest.axis));
        if (!nest.instr || !nest.sink || vec_push(&nb->stage->nest, nest) < 0)
                return error_oom(p->err, sizeof(Nest));
        return 0;
}

/* The operators of a program in order, each name once: "multiply → add". */
const char *nest_label(Planner *p, const NestBuild *nb, const char *last) {
        char text[96] = "";
        size_t n      = 0;

        for (uint32_t i = 0; i < nb->instr.n && n < sizeof(text) - 32; i++) {
                const Op *op = nb->instr.data[i].op;

                if (op && op != p->cast && !strstr(text, op->name))
                        n += snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? " → " : "", op->name);
                n = MIN(n, sizeof(text) - 1);
        }
        return arena_printf(p->arena, "%s%s%s", text, n > 0 && last[0] ? " → " : "", n > 0 || last[0] ? last : "copy");
}

/* The output's cuts are those of the domain axes that it keeps. */
int stage_store(Planner *p, uint32_t node, uint32_t out, const Tiling *forced) {
        const Ref ref                              = { node, out };
        const Spec *spec                           = planner_spec(p, ref);
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = spec->shape.ndim };
        _cleanup_(nest_build_clear) NestBuild nb   = { .stage = &sb, .ndim = spec->shape.ndim };
        Stage stage                                = { .kind = STAGE_NEST };
        const Node *n                              = planner_node(p, ref);
        const AxisMap *identity                    = map_identity(p, spec->shape.ndim);
        int *axis                                  = arena_new_array(p->arena, int, spec->shape.ndim + 1);
        Absorbed *absorbed                         = NULL;
        ValueId value                              = NO_VALUE;
        uint32_t reg;
        int r;

        if (!identity || !axis)
                return error_oom(p->err, sizeof(AxisMap));
        for (int i = 0; i < sb.ndim; i++) {
                sb.extent[i] = spec->shape.dim[i];
                nb.axis[i] = axis[i] = i;
        }
        r = program_emit(p, &nb, n->op && strcmp(n->op->name, "rechunk") == 0 ? n->in[0] : ref, identity, &reg);
        if (r >= 0)
                r = program_cast(p, &nb, reg, spec->dtype, &reg);
        if (r < 0)
                return r;
        if (forced)
                stage.domain = *forced;
        else {
                r = stage_cuts(p, &sb, &stage.domain);
                if (r < 0)
                        return r;
        }
        r = stage_value(p, &sb, spec->dtype, &stage.domain, axis, &value);
        if (r < 0)
                return r;
        if (vec_push(&nb.sink, (Sink) { .reg = { reg }, .dest = { 0 } }) < 0)
                return error_oom(p->err, sizeof(Sink));
        stage.label = nest_label(p, &nb, "");
        if (!stage.label)
                return error_oom(p->err, sizeof(Nest));
        r = stage_absorb(p, ref, &nb, &stage.domain, &absorbed);
        if (r >= 0)
                r = stage_add(p, &sb, &stage);
        if (r < 0)
                return r;
        planner_slot(p, ref)->value = value;
        return stage_absorbed(p, absorbed, &stage.domain);
}

int stage_copy(Planner *p, ValueId from, const Tiling *tiling, bool pieces, ValueId *ret) {
        const Value v                              = p->plan->value.data[from];
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = v.shape.ndim };
        _cleanup_(nest_build_clear) NestBuild nb   = { .stage = &sb, .ndim = v.shape.ndim };
        Stage stage                                = { .kind   = STAGE_NEST,
                                                       .domain = pieces ? v.tiling : *tiling,
                                                       .label  = pieces ? "pieces" : "copy" };
        const AxisMap *identity                    = map_identity(p, v.shape.ndim);
        int *axis                                  = arena_new_array(p->arena, int, v.shape.ndim + 1);
        uint32_t reg;
        int r;

        if (!identity || !axis)
                return error_oom(p->err, sizeof(AxisMap));
        for (int i = 0; i < sb.ndim; i++) {
                sb.extent[i] = v.shape.dim[i];
                nb.axis[i] = axis[i] = i;
        }
        r = program_load(p, &nb, from, identity, &reg);
        if (r >= 0)
                r = value_add(p, v.dtype, tiling, ret);
        if (r < 0)
                return r;
        p->plan->value.data[*ret].rows_hint = !pieces && tiling_is_rows(tiling);
        if (vec_push(&sb.out, (Out) { .value = *ret, .axis = axis, .pieces = pieces }) < 0 ||
            vec_push(&nb.sink, (Sink) { .reg = { reg }, .dest = { 0 } }) < 0)
                return error_oom(p->err, sizeof(Out));
        r = nest_finish(p, &nb);
        return r < 0 ? r : stage_add(p, &sb, &stage);
}

static int stage_rechunk(Planner *p, uint32_t index) {
        const Node *node           = &p->graph->node.data[index];
        const RechunkParams *q     = node->params;
        const Slot *in             = planner_slot(p, node->in[0]);
        const Spec *spec           = &node->out[0];
        Tiling want;
        int r;

        r = tiling_parse(p->arena, &spec->shape, spec->dtype, q->chunk_size.v, q->chunk_size.n, &want, p->err);
        if (r < 0)
                return error_prefix(p->err, r, "rechunk");
        if (in->value != NO_VALUE && tiling_equal(&p->plan->value.data[in->value].tiling, &want)) {
                p->slot[p->first[index]].value = in->value;
                return 0;
        }
        return stage_store(p, index, 0, &want);
}

/* Cuts of the new shape that make the same chunks of runs of rows: single positions of its first axes, and of the next
 * one what ends where the chunks do, the same within each of these positions. */
static int same_chunks(Planner *p, const Tiling *in, const Shape *shape, Tiling *ret, bool *ret_fits) {
        const uint64_t n = tiling_n_chunks(in);
        int64_t inner    = shape_size(shape), *size;

        *ret      = tiling_whole(shape);
        *ret_fits = n == 1;
        if (n == 1 || inner == 0 || !tiling_is_rows(in))
                return 0;
        size = arena_new_array(p->arena, int64_t, n);
        if (!size)
                return error_oom(p->err, n * sizeof(int64_t));
        for (uint64_t k = 0; k < n; k++) {
                Box box;

                tiling_box(in, k, &box);
                size[k] = box_size(&box);
        }
        for (int i = 0; i < shape->ndim; i++) {
                const int64_t all = inner;
                int64_t sum       = 0;
                uint64_t m        = 0; /* chunks of one position of the axes before */

                inner /= shape->dim[i];
                while (i == 0 ? m < n : sum < all)
                        sum += size[m++];
                assert(m > 0);
                *ret_fits = sum == all && n % m == 0;
                for (uint64_t k = 0; k < n && *ret_fits; k++)
                        *ret_fits = size[k] % inner == 0 && size[k] == size[k % m];
                if (*ret_fits) {
                        for (uint64_t k = 0; k < m; k++)
                                size[k] /= inner;
                        return cuts_from_sizes(p->arena, size, (uint32_t) m, shape->dim[i], &ret->axis[i], p->err);
                }
                ret->axis[i] = cuts_regular(shape->dim[i], 1);
        }
        *ret = tiling_whole(shape);
        return 0;
}

/* A tensor under another shape. Chunks are C-contiguous, so when all chunks are runs of rows whose borders fall on
 * rows of the new shape, the same chunks serve; otherwise the input is cut so first. */
static int stage_reshape(Planner *p, uint32_t index) {
        const Node *node   = &p->graph->node.data[index];
        const Shape *shape = &node->out[0].shape;
        const ValueId from = planner_slot(p, node->in[0])->value;
        const Value *in    = &p->plan->value.data[from];
        int64_t row        = 1, in_row = 1;
        ValueId value      = from;
        Tiling t;
        bool fits;
        int r;

        for (int i = 1; i < shape->ndim; i++)
                row *= shape->dim[i];
        for (int i = 1; i < in->shape.ndim; i++)
                in_row *= in->shape.dim[i];
        r = same_chunks(p, &in->tiling, shape, &t, &fits);
        if (r < 0)
                return r;
        if (!fits) {
                /* Cut the input into rows that hold whole rows of the output as well, about as large as automatic
                 * chunks. */
                const Tiling target = tiling_auto(&in->shape, in->dtype);
                const int64_t step  = MAX(target.axis[0].step ?: 1, 1);
                Tiling rows         = tiling_whole(&in->shape);
                int64_t a = row, b = in_row;

                while (b != 0) {
                        const int64_t rest = a % b;
                        a                  = b;
                        b                  = rest;
                }
                /* Input rows per common border; of nothing there is one border. */
                const int64_t unit = a > 0 ? row / a : in->shape.dim[0];
                if (unit < in->shape.dim[0])
                        rows.axis[0] = cuts_regular(in->shape.dim[0], MAX(step / unit, 1) * unit);
                r = stage_copy(p, from, &rows, false, &value);
                if (r < 0)
                        return r;
                if (rows.axis[0].n > 1)
                        t.axis[0] = cuts_regular(shape->dim[0], rows.axis[0].step * in_row / row);
        }
        r = value_alias(p, value, shape, &t, &p->slot[p->first[index]].value);
        /* What is kept must have chunks of its own, since each is somebody's to free. */
        if (r >= 0 && p->slot[p->first[index]].kept)
                r = stage_copy(p, p->slot[p->first[index]].value, &t, false, &p->slot[p->first[index]].value);
        return r;
}

static int build_node(Planner *p, uint32_t index) {
        const Node *node = &p->graph->node.data[index];
        Slot *slot       = &p->slot[p->first[index]];
        int r            = 0;

        if (slot->deferred)
                return 0;
        if (!node->op) {
                const Tiling *t = p->leaves->tiling(p->leaves->userdata, node->stored);

                if (!t)
                        return error_set(p->err, ERROR_VALUE, "the session has no tensor %llu",
                                         (unsigned long long) node->stored);
                r = value_add(p, node->out[0].dtype, t, &slot->value);
                if (r >= 0)
                        p->plan->value.data[slot->value].stored = node->stored;
                return r;
        }
        if (node_is_inline(p, node)) {
                for (uint32_t k = 0; k < node->n_out && r >= 0; k++)
                        if (slot[k].root)
                                r = stage_store(p, index, k, NULL);
                return r;
        }
        if (node->op->family == FAMILY_REDUCE)
                return slot->value != NO_VALUE ? 0 : stage_reduce(p, index);
        if (node->op->family == FAMILY_SCAN)
                return node->op->run ? stage_left(p, index) : stage_scan(p, index);
        if (node->op->family == FAMILY_MOVE)
                return strcmp(node->op->name, "rechunk") == 0   ? stage_rechunk(p, index)
                     : strcmp(node->op->name, "reshape") == 0 ? stage_reshape(p, index)
                     : strcmp(node->op->name, "weave") == 0   ? stage_weave(p, index)
                                                                : stage_concatenate(p, index);
        return stage_block(p, index);
}

int planner_build(Planner *p) {
        for (uint32_t i = 0; i < p->graph->node.n; i++) {
                const Op *op = p->graph->node.data[i].op;
                const int r  = build_node(p, i);

                if (r < 0)
                        return error_prefix(p->err, r, "%s", op ? op->name : "stored tensor");
        }
        return 0;
}
