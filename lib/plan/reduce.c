/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions. Several axes are reduced one after the other, the last one first, always; so the value does not depend on
 * where a task happens to have all of an axis. While a task does, the next axis is reduced in the same task, from
 * states that lie in a local; otherwise the stage ends with partials, merges make states of them, and a new stage
 * goes on.
 *
 * Reductions of equal shapes along the same axes are evaluated in one nest: mean, min and max of a tensor read it
 * once. */
#include "plan/planner.h"

enum {
        MERGE_GROUP = 16, /* partials per merge: deep enough to be few levels, small enough to start early */
        MAX_GROUP   = 16, /* reductions in one nest: their counters must fit into the cache */
};

typedef struct Job {
        uint32_t node;
        const Op *op;
        uint32_t fold;
        uint32_t reg;
        const Fold *f;
} Job;

typedef struct Axes {
        int n;
        int axis[MAX_NDIM]; /* ascending */
} Axes;

struct Absorbed {
        uint32_t n;
        Axes axes;
        Job job[MAX_GROUP];
        ValueId value[MAX_GROUP][MAX_STATE];
        int n_left;
        int64_t unit;
};

static int axes_of(Planner *p, const Node *node, Axes *ret) {
        const ReduceParams *q = node->params;
        const int ndim        = graph_spec(p->graph, node->in[0])->shape.ndim;
        bool on[MAX_NDIM + 1] = {};
        int r;

        for (int i = 0; i < ndim && !q->axis.given; i++)
                on[i] = true;
        for (uint32_t i = 0; i < q->axis.n && q->axis.given; i++) {
                int axis;

                r = axis_normalize(q->axis.v[i], ndim, &axis, p->err);
                if (r < 0)
                        return r;
                on[axis] = true;
        }
        ret->n = 0;
        for (int i = 0; i < ndim; i++)
                if (on[i])
                        ret->axis[ret->n++] = i;
        if (ret->n == 0) /* nothing disappears, but elements still become results: an axis of length one is added */
                ret->axis[ret->n++] = ndim;
        return 0;
}

static bool axes_equal(const Axes *a, const Axes *b) {
        return a->n == b->n && memcmp(a->axis, b->axis, a->n * sizeof(int)) == 0;
}

static const char *job_name(const Planner *p, const Job *job) {
        return node_name(&p->graph->node.data[job->node]);
}

static int job_new(Planner *p, uint32_t node, Job *ret) {
        const Node *n = &p->graph->node.data[node];

        *ret = (Job) { .node = node, .op = n->op };
        int r = op_fold(n->op, graph_spec(p->graph, n->in[0])->dtype, program_dtype_param(n->op, n->params), &ret->fold,
                        p->err);
        ret->f = &n->op->folds[ret->fold];
        return r;
}

/* The output of a finished reduction: its axes are those of the domain that are left, in order, with ones between if
 * they are kept. */
static int finished_value(Planner *p, const Job *job, const Axes *axes, const Tiling *domain, const int *domain_axis,
                          ValueId *ret_value, const int **ret_axis) {
        const Node *node         = &p->graph->node.data[job->node];
        const ReduceParams *q    = node->params;
        const Spec *spec         = &node->out[0];
        const int ndim           = graph_spec(p->graph, node->in[0])->shape.ndim;
        int *axis                = arena_new_array(p->arena, int, spec->shape.ndim + 1);
        Tiling t                 = tiling_whole(&spec->shape);

        if (!axis)
                return error_oom(p->err, sizeof(int));
        for (int i = 0, out = 0, k = 0; i < ndim; i++) {
                bool reduced = false;

                for (int j = 0; j < axes->n; j++)
                        reduced |= axes->axis[j] == i;
                if (reduced) {
                        if (q->keepdims)
                                axis[out++] = NO_AXIS;
                        continue;
                }
                /* domain_axis: where the k-th axis that is left lies in the domain of the stage that finishes */
                axis[out]     = domain_axis[k++];
                t.axis[out] = domain->axis[axis[out]];
                out++;
        }
        *ret_axis = axis;
        const int r = value_add(p, spec->dtype, &t, ret_value);
        if (r >= 0)
                p->plan->value.data[*ret_value].rows_hint = tiling_is_rows(&t);
        return r;
}

static int push_out(Planner *p, StageBuild *sb, ValueId value, const int *axis, uint32_t *ret) {
        *ret = sb->out.n;
        return vec_push(&sb->out, (Out) { .value = value, .axis = axis }) < 0 ? error_oom(p->err, sizeof(Out)) : 0;
}

/* The cuts of a partial along its reduced axis. */
static int cover_cuts(Planner *p, const Cuts *elements, Cuts *ret) {
        int64_t *size = arena_new_array(p->arena, int64_t, elements->n), total = 0;

        if (!size)
                return error_oom(p->err, elements->n * sizeof(int64_t));
        for (uint32_t k = 0; k < elements->n; k++) {
                size[k]  = tree_cover_size(cuts_edge(elements, k), cuts_edge(elements, k + 1));
                total   += size[k];
        }
        return cuts_from_sizes(p->arena, size, elements->n, total, ret, p->err);
}

static int group_cuts(Planner *p, const Cuts *in, uint32_t group, Cuts *ret) {
        const uint32_t n = (in->n + group - 1) / group;
        int64_t *size    = arena_new_array(p->arena, int64_t, n);

        if (!size)
                return error_oom(p->err, n * sizeof(int64_t));
        for (uint32_t g = 0; g < n; g++)
                size[g] = cuts_edge(in, MIN((g + 1) * group, in->n)) - cuts_edge(in, g * group);
        return cuts_from_sizes(p->arena, size, n, in->extent, ret, p->err);
}

/* Merges partials (value[], cut along `at`, the place of the reduced axis among their axes) level by level. `last`:
 * the result is finished, otherwise value[] become states without that axis. */
static int merge_partials(Planner *p, const Job *job, const Axes *axes, int at, const Cuts *elements, int64_t unit,
                          bool last, ValueId *value) {
        Cuts cuts = *elements;

        for (bool done = false; !done;) {
                const Tiling in                            = p->plan->value.data[value[0]].tiling;
                _cleanup_(stage_build_clear) StageBuild sb = { .ndim = in.ndim };
                Stage stage                                = { .kind   = STAGE_MERGE,
                                                               .domain = in,
                                                               .label  = arena_printf(p->arena, "merge %s",
                                                                                       job_name(p, job)) };
                const AxisMap *identity                    = map_identity(p, in.ndim);
                int *axis                                  = arena_new_array(p->arena, int, in.ndim + 1);
                Cuts next;
                uint32_t out;
                int r;

                if (!identity || !axis || !stage.label)
                        return error_oom(p->err, sizeof(Stage));
                done = cuts.n <= MERGE_GROUP;
                r    = group_cuts(p, &in.axis[at], MERGE_GROUP, &stage.domain.axis[at]);
                if (r >= 0)
                        r = group_cuts(p, &cuts, MERGE_GROUP, &next);
                if (r < 0)
                        return r;
                stage.merge = (Merge) { .op       = job->op,
                                        .fold     = job->fold,
                                        .axis     = at,
                                        .group    = MERGE_GROUP,
                                        .elements = cuts,
                                        .unit     = unit,
                                        .end      = !done ? FOLD_PARTIAL : last ? FOLD_FINISH : FOLD_STATE };
                for (uint32_t c = 0; c < job->f->n_state; c++)
                        if (vec_push(&sb.source, (Source) { .value = value[c], .map = identity }) < 0)
                                return error_oom(p->err, sizeof(Source));
                if (stage.merge.end == FOLD_FINISH) {
                        const int *out_axis;
                        int left[MAX_NDIM], n = 0;

                        for (int k = 0; k < in.ndim; k++)
                                if (k != at)
                                        left[n++] = k;
                        r = finished_value(p, job, axes, &stage.domain, left, &value[0], &out_axis);
                        if (r >= 0)
                                r = push_out(p, &sb, value[0], out_axis, &out);
                } else {
                        Tiling t = stage.domain;
                        int n    = 0;

                        if (!done)
                                r = cover_cuts(p, &next, &t.axis[at]);
                        for (int k = 0; k < in.ndim; k++)
                                if (!done || k != at) {
                                        axis[n]   = k;
                                        t.axis[n] = t.axis[k];
                                        n++;
                                }
                        t.ndim = n;
                        for (uint32_t c = 0; c < job->f->n_state && r >= 0; c++) {
                                r = value_add(p, job->f->state[c], &t, &value[c]);
                                if (r >= 0)
                                        r = push_out(p, &sb, value[c], axis, &out);
                        }
                }
                if (r >= 0)
                        r = stage_add(p, &sb, &stage);
                if (r < 0)
                        return r;
                cuts = next;
        }
        return 0;
}

/* A local over some axes of the domain, and the instruction that loads it into the nest which reads it. */
static int local_add(Planner *p, NestBuild *reader, DType dtype, const int *axis, int ndim, uint32_t *ret_local,
                     uint32_t *ret_reg) {
        Local local = { .dtype = dtype, .ndim = ndim };

        memcpy(local.axis, axis, ndim * sizeof(int));
        *ret_local = reader->stage->local.n;
        *ret_reg   = reader->instr.n;
        if (vec_push(&reader->stage->local, local) < 0 ||
            vec_push(&reader->instr, (Instr) { .kind = INSTR_LOCAL, .dtype = dtype, .source = *ret_local }) < 0)
                return error_oom(p->err, sizeof(Instr));
        return 0;
}

/* Adds the nests that reduce the jobs' registers along the axes of `axes`, the last of them first, as far as a task
 * gets; nb is the nest that has the registers, and is finished here. value[j] are the results of job j; with `into`,
 * the finished ones are locals instead, which that nest loads. Returns the number of axes that are left:
 * 0: finished; otherwise value[j] are partials along axes->axis[left - 1]. */
static int reduce_in_stage(Planner *p, NestBuild *nb, Job *job, uint32_t n_job, const Axes *axes, int n_axes,
                           int64_t unit, const Tiling *domain, NestBuild *into, ValueId (*value)[MAX_STATE],
                           int *ret_unreduced, int64_t *ret_unit) {
        StageBuild *sb = nb->stage;
        _cleanup_(nest_build_clear) NestBuild next = {};
        NestBuild *at                              = nb;
        uint32_t reg[MAX_GROUP][MAX_STATE];
        int r = 0;

        for (uint32_t j = 0; j < n_job; j++)
                for (uint32_t c = 0; c < MAX_STATE; c++)
                        reg[j][c] = job[j].reg + c;
        for (int i = n_axes; i-- > 0;) {
                const int axis      = axes->axis[i];
                const bool complete = domain->axis[axis].n == 1, last = complete && i == 0;
                NestBuild inner     = { .stage = sb };
                int *left           = arena_new_array(p->arena, int, at->ndim + 1);
                int n_left = 0, place = 0;

                if (!left)
                        return error_oom(p->err, sizeof(int));
                for (int k = 0; k < at->ndim; k++)
                        if (at->axis[k] == axis)
                                place = k;
                        else
                                inner.axis[inner.ndim++] = left[n_left++] = at->axis[k];
                for (uint32_t j = 0; j < n_job; j++) {
                        const Fold *f = job[j].f;
                        Sink sink     = { .op   = job[j].op,
                                          .fold = job[j].fold,
                                          .axis = axis,
                                          .unit = unit,
                                          .end  = last ? FOLD_FINISH : complete ? FOLD_STATE : FOLD_PARTIAL,
                                          .local = complete && !last };

                        memcpy(sink.reg, reg[j], sizeof(sink.reg));
                        if (last && into) {
                                uint32_t loaded;

                                sink.local = true;
                                r = local_add(p, into, f->out, left, n_left, &sink.dest[0], &loaded);
                        } else if (last) {
                                const int *out_axis;

                                r = finished_value(p, &job[j], axes, domain, left, &value[j][0], &out_axis);
                                if (r >= 0)
                                        r = push_out(p, sb, value[j][0], out_axis, &sink.dest[0]);
                        } else if (complete) {
                                for (uint32_t c = 0; c < f->n_state && r >= 0; c++)
                                        r = local_add(p, &inner, f->state[c], left, n_left, &sink.dest[c], &reg[j][c]);
                        } else {
                                int *all = arena_new_array(p->arena, int, at->ndim);
                                Tiling t = { .ndim = at->ndim };

                                if (!all)
                                        return error_oom(p->err, sizeof(int));
                                for (int k = 0; k < at->ndim; k++) {
                                        all[k]    = at->axis[k];
                                        t.axis[k] = domain->axis[all[k]];
                                }
                                r = cover_cuts(p, &domain->axis[axis], &t.axis[place]);
                                for (uint32_t c = 0; c < f->n_state && r >= 0; c++) {
                                        r = value_add(p, f->state[c], &t, &value[j][c]);
                                        if (r >= 0)
                                                r = push_out(p, sb, value[j][c], all, &sink.dest[c]);
                                }
                        }
                        if (r >= 0)
                                r = vec_push(&at->sink, sink);
                        if (r < 0) {
                                nest_build_clear(&inner);
                                return error_prefix(p->err, r, "reduce");
                        }
                }
                r = nest_finish(p, at);
                if (r < 0 || !complete || last) {
                        nest_build_clear(&inner);
                        *ret_unreduced = last ? 0 : i + 1;
                        *ret_unit      = unit;
                        return r;
                }
                unit = MAX(unit, 1) * domain->axis[axis].extent;
                nest_build_clear(&next);
                next = inner;
                at   = &next;
        }
        return 0;
}

/* What is left after a stage that ended with partials: merges, and new stages for the other axes. */
static int reduce_rest(Planner *p, Job *job, const Axes *axes, const Tiling *domain, int n_left, int64_t unit,
                       ValueId *value) {
        Tiling t = *domain;
        int r;

        while (n_left > 0) {
                const int axis = axes->axis[n_left - 1];

                /* The reduced axes that are gone lay behind this one, so it is where it was. */
                r = merge_partials(p, job, axes, axis, &t.axis[axis], unit, n_left == 1, value);
                if (r < 0 || n_left == 1)
                        return r;
                unit = MAX(unit, 1) * t.axis[axis].extent;
                n_left--;

                /* A stage over the states: its domain is theirs, which is the old one without the reduced axes. */
                const Value *v                             = &p->plan->value.data[value[0]];
                _cleanup_(stage_build_clear) StageBuild sb = { .ndim = v->shape.ndim };
                _cleanup_(nest_build_clear) NestBuild nb   = { .stage = &sb, .ndim = v->shape.ndim };
                Stage stage = { .kind = STAGE_NEST, .domain = v->tiling, .label = job_name(p, job) };
                const AxisMap *identity                    = map_identity(p, v->shape.ndim);
                ValueId next[1][MAX_STATE];

                if (!identity)
                        return error_oom(p->err, sizeof(AxisMap));
                for (int k = 0; k < sb.ndim; k++) {
                        sb.extent[k] = v->shape.dim[k];
                        nb.axis[k]   = k;
                }
                for (uint32_t c = 0; c < job->f->n_state; c++) {
                        uint32_t reg;

                        r = program_load(p, &nb, value[c], identity, &reg);
                        if (r < 0)
                                return r;
                        if (c == 0)
                                job->reg = reg;
                }
                t = stage.domain;
                r = reduce_in_stage(p, &nb, job, 1, axes, n_left, unit, &stage.domain, NULL, next, &n_left, &unit);
                if (r >= 0)
                        r = stage_add(p, &sb, &stage);
                if (r < 0)
                        return r;
                memcpy(value, next[0], sizeof(next[0]));
        }
        return 0;
}

/* ---- Chains ---------------------------------------------------------------------------------------------------- */

/* The reduction that leaves what ref is computed from, through elementwise operators of its shape, when nobody else
 * reads any of it; UINT32_MAX: none. */
static uint32_t find_first(const Planner *p, Ref ref) {
        const Node *node = planner_node(p, ref);
        const Slot *s    = planner_slot(p, ref);
        uint32_t first   = UINT32_MAX;

        if (!node->op || s->kept || s->n_reader != 1)
                return UINT32_MAX;
        if (node->op->family == FAMILY_REDUCE)
                return ((const ReduceParams *) node->params)->keepdims ? UINT32_MAX : ref.node;
        if (node->op->family != FAMILY_MAP || node->n_out != 1 || s->root)
                return UINT32_MAX;
        for (uint32_t k = 0; k < node->n_in && first == UINT32_MAX; k++)
                if (shape_equal(&planner_spec(p, node->in[k])->shape, &node->out[0].shape))
                        first = find_first(p, node->in[k]);
        return first;
}

/* The only reduction of what this one leaves, or of what is computed from that: a task that has all of the axes of the
 * first goes on with the second, from values in a local. UINT32_MAX: none. */
static uint32_t find_next(const Planner *p, uint32_t index) {
        uint32_t next = index;

        do {
                const Slot *s = &p->slot[p->first[next]];

                if (s->n_reader != 1)
                        return UINT32_MAX;
                next = s->reader;
        } while (p->graph->node.data[next].op->family == FAMILY_MAP);
        return p->graph->node.data[next].op->family == FAMILY_REDUCE && !p->slot[p->first[next]].deferred &&
                               find_first(p, p->graph->node.data[next].in[0]) == index
                       ? next
                       : UINT32_MAX;
}

/* The axes are the last ones of `ndim`, and none of them is of length zero: what is left are the first axes of the
 * domain. */
static bool are_last(const Axes *axes, int ndim) {
        return axes->n < ndim && axes->axis[0] == ndim - axes->n;
}

static bool has_all(const Tiling *domain, const Axes *axes) {
        for (int i = 0; i < axes->n; i++)
                if (domain->axis[axes->axis[i]].n != 1)
                        return false;
        return true;
}

/* Two reductions in one stage: `before` into a local; `job` is a reduction of it, or of what is computed from it.
 * Returns 1 when the tasks would not have all of the axes of the first. */
static int stage_chain(Planner *p, Job *before, const Axes *axes_before, Job *job, const Axes *axes) {
        const Node *first                          = &p->graph->node.data[before->node];
        const Shape *in                            = &graph_spec(p->graph, first->in[0])->shape;
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = in->ndim };
        _cleanup_(nest_build_clear) NestBuild nb   = { .stage = &sb, .ndim = in->ndim };
        _cleanup_(nest_build_clear) NestBuild rest = { .stage = &sb, .ndim = in->ndim - axes_before->n };
        Stage stage                                = { .kind = STAGE_NEST };
        const AxisMap *identity                    = map_identity(p, in->ndim);
        ValueId value[1][MAX_STATE];
        int64_t unit = 0;
        int n_left   = 0, r;

        if (!identity)
                return error_oom(p->err, sizeof(AxisMap));
        for (int k = 0; k < in->ndim; k++) {
                sb.extent[k] = in->dim[k];
                nb.axis[k] = rest.axis[k] = k;
        }
        r = program_emit(p, &nb, first->in[0], identity, &before->reg);
        if (r >= 0)
                r = program_cast(p, &nb, before->reg, before->f->in, &before->reg);
        if (r >= 0)
                r = stage_cuts(p, &sb, &stage.domain);
        if (r < 0)
                return r;
        if (!has_all(&stage.domain, axes_before))
                return 1;
        stage.label = nest_label(p, &nb, job_name(p, before));
        r = reduce_in_stage(p, &nb, before, 1, axes_before, axes_before->n, 0, &stage.domain, &rest, value, &n_left,
                            &unit);
        if (r >= 0)
                r = vec_push(&rest.memo,
                             (Memo) { .ref = { before->node, 0 }, .map = identity, .reg = rest.instr.n - 1 });
        if (r >= 0)
                r = program_emit(p, &rest, p->graph->node.data[job->node].in[0], identity, &job->reg);
        if (r >= 0)
                r = program_cast(p, &rest, job->reg, job->f->in, &job->reg);
        if (r < 0)
                return r;
        if (stage.label)
                stage.label = arena_printf(p->arena, "%s → %s", stage.label, nest_label(p, &rest, job_name(p, job)));
        if (!stage.label)
                return error_oom(p->err, 64);
        r = reduce_in_stage(p, &rest, job, 1, axes, axes->n, 0, &stage.domain, NULL, value, &n_left, &unit);
        if (r >= 0)
                r = stage_add(p, &sb, &stage);
        if (r < 0)
                return r;
        stage.domain.ndim = rest.ndim;
        r = reduce_rest(p, job, axes, &stage.domain, n_left, unit, value[0]);
        p->slot[p->first[job->node]].value = value[0][0];
        return r;
}

/* ---- Groups ---------------------------------------------------------------------------------------------------- */

/* Whether all that ref is computed from exists, and whether it reads anything that `other` reads too. */
static bool ready(const Planner *p, Ref ref) {
        const Node *node = planner_node(p, ref);

        if (planner_slot(p, ref)->value != NO_VALUE)
                return true;
        if (!node_is_inline(p, node) || planner_slot(p, ref)->root)
                return false;
        for (uint32_t k = 0; k < node->n_in; k++)
                if (!ready(p, node->in[k]))
                        return false;
        return true;
}

static bool reads(const Planner *p, Ref ref, Ref leaf) {
        const Node *node = planner_node(p, ref);

        if (ref.node == leaf.node && ref.out == leaf.out)
                return true;
        if (planner_slot(p, ref)->value != NO_VALUE)
                return false;
        for (uint32_t k = 0; k < node->n_in; k++)
                if (reads(p, node->in[k], leaf))
                        return true;
        return false;
}

static bool share(const Planner *p, Ref a, Ref b) {
        const Node *node = planner_node(p, a);

        if (planner_slot(p, a)->value != NO_VALUE || node->n_in == 0)
                return (planner_slot(p, a)->value != NO_VALUE || node->op != p->full) && reads(p, b, a);
        for (uint32_t k = 0; k < node->n_in; k++)
                if (share(p, node->in[k], b))
                        return true;
        return false;
}

/* Other reductions that go into the same nest as `first`; its own job is job[0]. */
static int find_siblings(Planner *p, uint32_t first, const Axes *axes, Job *job, uint32_t *n_job) {
        const Node *node  = &p->graph->node.data[first];
        const Shape *in   = &graph_spec(p->graph, node->in[0])->shape;

        for (uint32_t i = first + 1; i < p->graph->node.n && i < first + 256 && *n_job < MAX_GROUP; i++) {
                const Node *other = &p->graph->node.data[i];
                Axes other_axes;
                int r;

                if (!other->op || other->op->family != FAMILY_REDUCE || p->slot[p->first[i]].deferred ||
                    p->slot[p->first[i]].value != NO_VALUE ||
                    !shape_equal(in, &graph_spec(p->graph, other->in[0])->shape))
                        continue;
                r = axes_of(p, other, &other_axes);
                if (r < 0)
                        return r;
                if (!axes_equal(axes, &other_axes) || !ready(p, other->in[0]) || !share(p, node->in[0], other->in[0]))
                        continue;
                r = job_new(p, i, &job[*n_job]);
                if (r < 0)
                        return r;
                (*n_job)++;
        }
        return 0;
}

static int stage_identity(Planner *p, uint32_t index, const Job *job) {
        const Spec *spec                           = &p->graph->node.data[index].out[0];
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = spec->shape.ndim };
        _cleanup_(nest_build_clear) NestBuild nb   = { .stage = &sb, .ndim = spec->shape.ndim };
        Stage stage                                = { .kind   = STAGE_NEST,
                                                       .domain = tiling_auto(&spec->shape, spec->dtype),
                                                       .label  = job_name(p, job) };
        int *axis   = arena_new_array(p->arena, int, spec->shape.ndim + 1);
        Instr value = { .kind = INSTR_CONST, .dtype = spec->dtype };
        ValueId v;
        int r;

        if (!job->f->identity)
                return error_set(p->err, ERROR_VALUE, "zero-size array to reduction operation %s which has no identity",
                                 job->op->name);
        value.value = scalar_cast(*job->f->identity, spec->dtype);
        if (!axis)
                return error_oom(p->err, sizeof(int));
        for (int k = 0; k < sb.ndim; k++) {
                nb.axis[k] = axis[k] = k;
                sb.extent[k]         = spec->shape.dim[k];
        }
        r = value_add(p, spec->dtype, &stage.domain, &v);
        if (r < 0)
                return r;
        if (vec_push(&sb.out, (Out) { .value = v, .axis = axis }) < 0 || vec_push(&nb.instr, value) < 0 ||
            vec_push(&nb.sink, (Sink) {}) < 0)
                return error_oom(p->err, sizeof(Out));
        r = nest_finish(p, &nb);
        if (r >= 0)
                r = stage_add(p, &sb, &stage);
        p->slot[p->first[index]].value = v;
        return r;
}

/* A stage of reductions of equal shapes along the same axes, and what remains to be done after it. */
static int reduce_group(Planner *p, const Shape *in, const Axes *axes, Job *job, uint32_t n_job) {
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = in->ndim };
        _cleanup_(nest_build_clear) NestBuild nb   = { .stage = &sb };
        Stage stage                                = { .kind = STAGE_NEST };
        const AxisMap *identity                    = map_identity(p, in->ndim);
        ValueId value[MAX_GROUP][MAX_STATE];
        int64_t unit = 0;
        int n_left   = 0, r = 0;

        if (!identity)
                return error_oom(p->err, sizeof(AxisMap));
        for (int i = 0; i < in->ndim; i++)
                sb.extent[i] = in->dim[i];
        if (axes->axis[axes->n - 1] == in->ndim)
                sb.extent[sb.ndim++] = 1;
        nb.ndim = sb.ndim;
        for (int i = 0; i < sb.ndim; i++)
                nb.axis[i] = i;
        for (uint32_t j = 0; j < n_job && r >= 0; j++) {
                r = program_emit(p, &nb, p->graph->node.data[job[j].node].in[0], identity, &job[j].reg);
                if (r >= 0)
                        r = program_cast(p, &nb, job[j].reg, job[j].f->in, &job[j].reg);
        }
        if (r >= 0)
                r = stage_cuts(p, &sb, &stage.domain);
        if (r < 0)
                return r;
        stage.label = nest_label(p, &nb, job_name(p, &job[0]));
        if (!stage.label)
                return error_oom(p->err, 64);
        r = reduce_in_stage(p, &nb, job, n_job, axes, axes->n, 0, &stage.domain, NULL, value, &n_left, &unit);
        if (r >= 0)
                r = stage_add(p, &sb, &stage);
        for (uint32_t j = 0; j < n_job && r >= 0; j++) {
                r = reduce_rest(p, &job[j], axes, &stage.domain, n_left, unit, value[j]);
                p->slot[p->first[job[j].node]].value = value[j][0];
        }
        return r;
}

/* Whether the next reduction will make this one in its own stage. */
static int waits_for_next(Planner *p, uint32_t index, const Axes *axes) {
        const Node *node = &p->graph->node.data[index];
        const uint32_t i = find_next(p, index);
        const Shape *in  = &graph_spec(p->graph, node->in[0])->shape;
        Axes next_axes;
        int r;

        if (i == UINT32_MAX || !are_last(axes, in->ndim))
                return false;
        r = axes_of(p, &p->graph->node.data[i], &next_axes);
        if (r < 0)
                return r;
        for (int k = 0; k < in->ndim; k++)
                if (in->dim[k] == 0)
                        return false;
        return next_axes.axis[next_axes.n - 1] < in->ndim - axes->n;
}

/* The job reduces what `first` leaves, which waits for it: both in one stage, if tasks have all of the first one's
 * axes; 1 otherwise, when the first has got a stage of its own. */
static int reduce_chain(Planner *p, uint32_t first, const Axes *axes, Job *job) {
        Axes axes_before;
        Job before;
        int r = axes_of(p, &p->graph->node.data[first], &axes_before);

        if (r >= 0)
                r = job_new(p, first, &before);
        if (r >= 0)
                r = stage_chain(p, &before, &axes_before, job, axes);
        if (r <= 0)
                return r;
        r = reduce_group(p, &graph_spec(p->graph, p->graph->node.data[first].in[0])->shape, &axes_before, &before, 1);
        return r < 0 ? r : 1;
}

int stage_reduce(Planner *p, uint32_t index) {
        const Node *node = &p->graph->node.data[index];
        const Shape *in  = &graph_spec(p->graph, node->in[0])->shape;
        Job job[MAX_GROUP];
        uint32_t n_job = 1, first;
        Axes axes;
        int r;

        r = axes_of(p, node, &axes);
        if (r >= 0)
                r = job_new(p, index, &job[0]);
        if (r < 0)
                return r;
        for (int i = 0; i < axes.n; i++)
                if (axes.axis[i] < in->ndim && in->dim[axes.axis[i]] == 0)
                        return stage_identity(p, index, &job[0]);
        first = find_first(p, node->in[0]);
        if (first != UINT32_MAX && p->slot[p->first[first]].value == NO_VALUE) {
                r = reduce_chain(p, first, &axes, &job[0]);
                if (r <= 0)
                        return r;
        }
        r = find_siblings(p, index, &axes, job, &n_job);
        if (r >= 0 && n_job == 1) {
                r = waits_for_next(p, index, &axes);
                if (r != 0)
                        return MIN(r, 0);
        }
        return r < 0 ? r : reduce_group(p, in, &axes, job, n_job);
}

int stage_absorb(Planner *p, Ref ref, NestBuild *nb, const Tiling *domain, Absorbed **ret) {
        const Spec *spec = planner_spec(p, ref);
        Absorbed *a      = NULL;

        for (uint32_t i = ref.node + 1; i < p->graph->node.n && i < ref.node + 64; i++) {
                const Node *node = &p->graph->node.data[i];
                Axes axes;
                int r;

                if (!node->op || node->op->family != FAMILY_REDUCE || node->in[0].node != ref.node ||
                    node->in[0].out != ref.out || p->slot[p->first[i]].deferred ||
                    p->slot[p->first[i]].value != NO_VALUE)
                        continue;
                r = axes_of(p, node, &axes);
                if (r < 0)
                        return r;
                if (axes.n != 1 || axes.axis[0] == spec->shape.ndim || spec->shape.dim[axes.axis[0]] == 0 ||
                    (a && (!axes_equal(&axes, &a->axes) || a->n == MAX_GROUP)))
                        continue;
                if (!a) {
                        a = arena_new_array(p->arena, Absorbed, 1);
                        if (!a)
                                return error_oom(p->err, sizeof(Absorbed));
                        a->axes = axes;
                }
                r = job_new(p, i, &a->job[a->n]);
                if (r >= 0)
                        r = program_cast(p, nb, nb->sink.data[0].reg[0], a->job[a->n].f->in, &a->job[a->n].reg);
                if (r < 0)
                        return r;
                a->n++;
        }
        *ret = a;
        if (!a)
                return nest_finish(p, nb);
        return reduce_in_stage(p, nb, a->job, a->n, &a->axes, 1, 0, domain, NULL, a->value, &a->n_left, &a->unit);
}

int stage_absorbed(Planner *p, Absorbed *a, const Tiling *domain) {
        int r = 0;

        for (uint32_t j = 0; a && j < a->n && r >= 0; j++) {
                r = reduce_rest(p, &a->job[j], &a->axes, domain, a->n_left, a->unit, a->value[j]);
                p->slot[p->first[a->job[j].node]].value = a->value[j][0];
        }
        return r;
}
