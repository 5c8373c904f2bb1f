/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: a piece of graph written as instructions of one nest. Views take no instruction: they only change at which
 * position their input is read. Equal instructions are written once. */
#include "plan/planner.h"

void stage_build_clear(StageBuild *sb) {
        vec_free(&sb->source);
        vec_free(&sb->hint);
        vec_free(&sb->out);
        vec_free(&sb->local);
        vec_free(&sb->nest);
        vec_free(&sb->input);
}

void nest_build_clear(NestBuild *nb) {
        vec_free(&nb->instr);
        vec_free(&nb->memo);
        vec_free(&nb->sink);
}

static AxisMap *new_map(Planner *p, int ndim) {
        return arena_new_array(p->arena, AxisMap, ndim ?: 1);
}

const AxisMap *map_identity(Planner *p, int ndim) {
        AxisMap *map = new_map(p, ndim);

        for (int i = 0; map && i < ndim; i++)
                map[i] = (AxisMap) { .axis = i, .step = 1 };
        return map;
}

static AxisMap map_compose(int64_t start, int64_t step, AxisMap outer) {
        return outer.axis == NO_AXIS ? (AxisMap) { .axis = NO_AXIS, .start = start + step * outer.start }
                                     : (AxisMap) { .axis  = outer.axis,
                                                   .start = start + step * outer.start,
                                                   .step  = step * outer.step,
                                                   .first = outer.first,
                                                   .every = outer.every };
}

/* Where the input of a view is read, given where the view is. */
static const AxisMap *map_of_view(Planner *p, const Node *node, const AxisMap *outer) {
        const Shape *in = &planner_spec(p, node->in[0])->shape, *out = &node->out[0].shape;
        AxisMap *map    = new_map(p, in->ndim);

        if (!map)
                return NULL;
        if (node->op == p->view) {
                const ViewParams *v = node->params;

                for (int k = 0; k < in->ndim; k++)
                        map[k] = v->axis.v[k] < 0 ? (AxisMap) { .axis = NO_AXIS, .start = v->start.v[k] }
                                                  : map_compose(v->start.v[k], v->step.v[k], outer[v->axis.v[k]]);
                return map;
        }
        for (int k = 0, at = 0; k < in->ndim; k++) { /* a reshape between ones: the other axes correspond in order */
                if (in->dim[k] == 1) {
                        map[k] = (AxisMap) { .axis = NO_AXIS };
                        continue;
                }
                while (out->dim[at] == 1)
                        at++;
                map[k] = outer[at++];
        }
        return map;
}

/* Where an input of an elementwise operator is read: NumPy's broadcasting. */
static const AxisMap *map_of_broadcast(Planner *p, const Shape *in, const Shape *out, const AxisMap *outer) {
        const int lead = out->ndim - in->ndim;
        AxisMap *map;

        if (shape_equal(in, out))
                return outer;
        map = new_map(p, in->ndim);
        for (int k = 0; map && k < in->ndim; k++)
                map[k] = in->dim[k] == 1 ? (AxisMap) { .axis = NO_AXIS } : outer[k + lead];
        return map;
}

const AxisMap *map_through_views(Planner *p, Ref *ref, const AxisMap *map) {
        while (map && planner_slot(p, *ref)->value == NO_VALUE && node_is_view(p, planner_node(p, *ref))) {
                const Node *node = planner_node(p, *ref);

                map  = map_of_view(p, node, map);
                *ref = node->in[0];
        }
        return map;
}

uint32_t program_dtype_param(const Op *op, const void *params) {
        for (const Param *q = op->params; q && q->name; q++)
                if (q->kind == PARAM_DTYPE && strcmp(q->name, "dtype") == 0)
                        return *(const int *) ((const char *) params + q->offset);
        return DTYPE_NONE;
}

static int push(NestBuild *nb, Instr instr, uint32_t *ret_reg) {
        *ret_reg = nb->instr.n;
        return vec_push(&nb->instr, instr);
}

int program_cast(Planner *p, NestBuild *nb, uint32_t reg, DType to, uint32_t *ret_reg) {
        const Instr *from     = &nb->instr.data[reg];
        const uint32_t kernel = p->cast_kernel[from->dtype * _DTYPE_MAX + to];

        if (from->dtype == to) {
                *ret_reg = reg;
                return 0;
        }
        if (from->kind == INSTR_CONST)
                return push(nb, (Instr) { .kind = INSTR_CONST, .dtype = to, .value = scalar_cast(from->value, to) },
                            ret_reg);
        for (uint32_t i = 0; i < nb->instr.n; i++) {
                const Instr *old = &nb->instr.data[i];

                if (old->kind == INSTR_MAP && old->op == p->cast && old->in[0] == reg && old->dtype == to) {
                        *ret_reg = i;
                        return 0;
                }
        }
        return push(nb, (Instr) { .kind = INSTR_MAP, .dtype = to, .op = p->cast, .kernel = kernel, .in = { reg } },
                    ret_reg);
}

static bool map_equal(const AxisMap *a, const AxisMap *b, int ndim) {
        for (int i = 0; i < ndim; i++)
                if (a[i].axis != b[i].axis || a[i].start != b[i].start ||
                    (a[i].axis != NO_AXIS && a[i].step != b[i].step))
                        return false;
        return true;
}

int program_load(Planner *p, NestBuild *nb, ValueId value, const AxisMap *map, uint32_t *ret_reg) {
        StageBuild *sb = nb->stage;
        const Value *v = &p->plan->value.data[value];
        uint32_t s;
        int r;

        for (s = 0; s < sb->source.n; s++)
                if (sb->source.data[s].value == value && !sb->source.data[s].input &&
                    map_equal(sb->source.data[s].map, map, v->shape.ndim))
                        break;
        if (s == sb->source.n) {
                r = vec_push(&sb->source, (Source) { .value = value, .map = map });
                if (r < 0)
                        return r;
        } else
                for (uint32_t i = 0; i < nb->instr.n; i++)
                        if (nb->instr.data[i].kind == INSTR_LOAD && nb->instr.data[i].source == s) {
                                *ret_reg = i;
                                return 0;
                        }
        return push(nb, (Instr) { .kind = INSTR_LOAD, .dtype = v->dtype, .source = s }, ret_reg);
}

static int emit_map(Planner *p, NestBuild *nb, Ref ref, const AxisMap *map, uint32_t *ret_reg) {
        const Node *node = planner_node(p, ref);
        const Op *op     = node->op;
        const bool cast  = op == p->cast;
        Spec in[MAX_OP_IN];
        uint32_t reg[MAX_OP_IN] = {}, kernel = 0, first;
        int r;

        for (uint32_t k = 0; k < node->n_in; k++) {
                const AxisMap *in_map;

                in[k]  = *planner_spec(p, node->in[k]);
                in_map = map_of_broadcast(p, &in[k].shape, &node->out[0].shape, map);
                if (!in_map)
                        return -ENOMEM;
                r = program_emit(p, nb, node->in[k], in_map, &reg[k]);
                if (r < 0)
                        return r;
        }
        if (cast)
                return program_cast(p, nb, reg[0], node->out[0].dtype, ret_reg);

        const OpCall call = { .op = op, .params = node->params, .n_in = node->n_in, .in = in };
        r = op_map_kernel(&call, program_dtype_param(op, node->params), CASTING_SAME_KIND, &kernel, p->err);
        if (r < 0)
                return r;
        for (uint32_t k = 0; k < node->n_in; k++) {
                r = program_cast(p, nb, reg[k], op->kernels[kernel].in[k], &reg[k]);
                if (r < 0)
                        return r;
        }
        r        = push(nb,
                        (Instr) { .kind   = INSTR_MAP,
                                  .dtype  = op->kernels[kernel].out[0],
                                  .op     = op,
                                  .kernel = kernel,
                                  .params = node->params,
                                  .in     = { reg[0], reg[1], reg[2], reg[3] } },
                        &first);
        *ret_reg = first;
        for (uint32_t out = 0; r >= 0 && out < node->n_out && node->n_out > 1; out++) {
                uint32_t at = first;

                if (out == 1)
                        r = push(nb,
                                 (Instr) { .kind = INSTR_SECOND, .dtype = op->kernels[kernel].out[1], .in = { first } },
                                 &at);
                if (r >= 0)
                        r = vec_push(&nb->memo, (Memo) { .ref = { ref.node, out }, .map = map, .reg = at });
                if (out == ref.out)
                        *ret_reg = at;
        }
        return r;
}

static int emit_source(Planner *p, NestBuild *nb, const Node *node, const AxisMap *map, uint32_t *ret_reg) {
        const DType dtype = node->out[0].dtype;
        const Op *op      = node->op;
        int r             = stage_hint(p, nb->stage, node, map);

        if (r < 0)
                return r;
        if (op == p->full)
                return push(nb,
                            (Instr) { .kind  = INSTR_CONST,
                                      .dtype = dtype,
                                      .value = scalar_cast(((const FullParams *) node->params)->value, dtype) },
                            ret_reg);
        for (uint32_t k = 0; op->generate[k].fn; k++)
                if (op->generate[k].out == dtype)
                        return push(nb,
                                    (Instr) { .kind   = INSTR_GENERATE,
                                              .dtype  = dtype,
                                              .op     = op,
                                              .kernel = k,
                                              .params = node->params,
                                              .map    = map,
                                              .shape  = &node->out[0].shape },
                                    ret_reg);
        return error_set(p->err, ERROR_TYPE, "%s: cannot make elements of %s", op->name, dtype_name(dtype));
}

int program_emit(Planner *p, NestBuild *nb, Ref ref, const AxisMap *map, uint32_t *ret_reg) {
        const Node *node;
        int r;

        map = map_through_views(p, &ref, map);
        if (!map)
                return -ENOMEM;
        for (uint32_t i = 0; i < nb->memo.n; i++) {
                const Memo *m = &nb->memo.data[i];

                if (m->ref.node == ref.node && m->ref.out == ref.out &&
                    map_equal(m->map, map, planner_spec(p, ref)->shape.ndim)) {
                        *ret_reg = m->reg;
                        return 0;
                }
        }
        node = planner_node(p, ref);
        if (planner_slot(p, ref)->value != NO_VALUE)
                return program_load(p, nb, planner_slot(p, ref)->value, map, ret_reg);
        assert(node_is_inline(p, node)); /* everything else was built before: nodes are in topological order */
        r = node->op->family == FAMILY_SOURCE ? emit_source(p, nb, node, map, ret_reg)
                                              : emit_map(p, nb, ref, map, ret_reg);
        if (r < 0)
                return r;
        return node->n_out > 1 ? 0 : vec_push(&nb->memo, (Memo) { .ref = ref, .map = map, .reg = *ret_reg });
}
