/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering: the graph without dead nodes and with every expansion carried out whose input shapes are known. An
 * expansion may bring operators that expand themselves, so it is repeated until nothing changes; each round is one
 * walk. What depends on an unknown shape is left as it is: it is lowered when plan_extend() knows more. */
#include "graph/infer.h"
#include "plan/planner.h"

/* x[mask].sum() does not need x[mask]: where the mask is not set, elements count as what changes nothing. The tree is
 * then the one over x's own index, whatever the mask, so this rewriting is always done, not only when it seems worth
 * while (docs/decisions/0009). Minima and maxima have to know whether there is anything, and moments how much. */
static const struct Neutral {
        const char *op;
        int64_t element;
} neutral_elements[] = { { "sum", 0 },  { "nansum", 0 }, { "any", 0 }, { "count_nonzero", 0 },
                         { "mean", 0 }, { "prod", 1 },   { "all", 1 } };

/* The neutral element of a reduction that takes all that the mask selects, or NULL. */
static const struct Neutral *masked_reduction(const Graph *graph, const Node *node) {
        const ReduceParams *q = node->params;
        uint32_t axes;

        if (!node->op || node->op->family != FAMILY_REDUCE || node->n_in != 1)
                return NULL;
        const Node *in = &graph->node.data[node->in[0].node];
        if (!in->op || strcmp(in->op->name, "mask") != 0 || q->keepdims ||
            axes_normalize(&q->axis, in->out[0].shape.ndim, &axes, NULL) < 0 || !(axes & 1))
                return NULL;
        if (strcmp(node->op->name, "mean") == 0 && (axes != 1 || dtype_kind(node->out[0].dtype) < KIND_FLOAT))
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(neutral_elements); i++)
                if (strcmp(node->op->name, neutral_elements[i].op) == 0)
                        return &neutral_elements[i];
        return NULL;
}

/* The mask may have fewer axes than x: those that it has become one, which is reduced. */
static int lower_masked(Graph *out, const Node *node, const struct Neutral *neutral, Ref x, Ref mask, Ref *ret,
                        Error *err) {
        const ReduceParams *q = node->params;
        const int ndim = graph_spec(out, x)->shape.ndim, n_mask = graph_spec(out, mask)->shape.ndim;
        const bool mean    = strcmp(node->op->name, "mean") == 0;
        const DType dtype  = node->out[0].dtype, t = dtype == DTYPE_F16 ? DTYPE_F32 : dtype; /* of a mean */
        Build b            = { .graph = out, .err = err };
        Ref selected       = mask, kept;
        int64_t axis[MAX_NDIM];
        Dims along = { .given = true, .v = axis };
        uint32_t axes;

        axes_normalize(&q->axis, ndim - n_mask + 1, &axes, NULL);
        for (int k = 0; k < ndim; k++)
                if (k < n_mask || axes >> (k - n_mask + 1) & 1)
                        axis[along.n++] = k;
        for (int k = n_mask; k < ndim; k++)
                selected = build_insert_axis(&b, selected, k);
        if (mean)
                x = build_cast(&b, x, t);
        kept = build_scalar(&b, scalar_from_i64(build_spec(&b, x)->dtype, neutral->element));
        kept = build_op(&b, "where", NULL, 3, (const Ref[]) { selected, x, kept });
        *ret = build_reduce(&b, mean ? "sum" : node->op->name, kept, along, false, mean ? t : (DType) q->dtype);
        if (mean) {
                const Ref count = build_reduce(&b, "count_nonzero", mask, (Dims) {}, false, DTYPE_NONE);

                *ret = build_cast(&b, build_binary(&b, "divide", *ret, build_cast(&b, count, t)), dtype);
        }
        return build_done(&b);
}

/* What reads memory as it is wants it in one dtype: a scan in its accumulator's, a concatenation in the result's. */
static int lower_inputs(Graph *out, const Node *node, Ref *in, Error *err) {
        Build b = { .graph = out, .err = err };
        uint32_t fold;
        int r;

        if (node->op->family == FAMILY_SCAN && node->op->folds) {
                const Shape *s   = &graph_spec(out, *in)->shape;
                const Shape flat = { .ndim = 1, .dim = { shape_size(s) } };

                if (!((const ScanParams *) node->params)->axis.given && s->ndim != 1 && shape_known(s))
                        *in = build_reshape(&b, *in, &flat);
                r = op_fold(node->op, graph_spec(out, *in)->dtype, program_dtype_param(node->op, node->params), &fold,
                            err);
                if (r < 0)
                        return r;
                *in = build_cast(&b, *in, node->op->folds[fold].in);
        } else if (node->op->family == FAMILY_MOVE && node->op->variadic)
                for (uint32_t k = 0; k < node->n_in; k++)
                        in[k] = build_cast(&b, in[k], node->out[0].dtype);
        return build_done(&b);
}

/* A view of everything as it is: its input stands for it, and who cannot look through views copies nothing. A result
 * that is such a view of what is stored is a tensor of its own all the same. */
static bool is_itself(const Node *node, const Spec *in) {
        const ViewParams *p = node->params;
        const Shape *s      = &node->out[0].shape;

        if (strcmp(node->op->name, "view") != 0 || !shape_known(s) || !shape_equal(s, &in->shape))
                return false;
        for (int k = 0; k < s->ndim; k++)
                if (p->axis.v[k] != k || p->start.v[k] != 0 || p->step.v[k] != 1)
                        return false;
        return true;
}

static void mark_live(const Graph *graph, bool *wanted, bool *live) {
        for (uint32_t i = 0; i < graph->wanted.n; i++)
                wanted[graph->wanted.data[i].node] = live[graph->wanted.data[i].node] = true;
        for (uint32_t i = graph->node.n; i-- > 0;)
                if (live[i])
                        for (uint32_t k = 0; k < graph->node.data[i].n_in; k++)
                                live[graph->node.data[i].in[k].node] = true;
}

/* One round. to[first[node] + out] is where an output of an old node went. */
static int lower_round(const Graph *graph, const PlanLeaves *leaves, Graph *out, bool *ret_changed, Error *err) {
        _cleanup_(freep) bool *live      = calloc(graph->node.n + 1, sizeof(bool));
        _cleanup_(freep) bool *wanted    = calloc(graph->node.n + 1, sizeof(bool));
        _cleanup_(freep) uint32_t *first = calloc(graph->node.n + 1, sizeof(uint32_t));
        _cleanup_(freep) Ref *to         = NULL, *in = NULL;
        _cleanup_(freep) Spec *spec      = NULL;
        uint32_t n_out                   = 0, n_in_max = 1;
        int r;

        if (!live || !wanted || !first)
                return error_oom(err, graph->node.n);
        mark_live(graph, wanted, live);
        for (uint32_t i = 0; i < graph->node.n; i++) {
                first[i]  = n_out;
                n_out    += graph->node.data[i].n_out;
                n_in_max  = MAX(n_in_max, graph->node.data[i].n_in);
        }
        to    = calloc(n_out + 1, sizeof(Ref));
        in    = calloc(n_in_max, sizeof(Ref));
        spec  = calloc(n_in_max, sizeof(Spec));
        if (!to || !in || !spec)
                return error_oom(err, n_out * sizeof(Ref));

        for (uint32_t i = 0; i < graph->node.n; i++) {
                const Node *node = &graph->node.data[i];
                const struct Neutral *neutral;
                bool known     = true;
                uint32_t added = 0, before = out->node.n;

                if (!live[i])
                        continue;
                if (!node->op) {
                        r = graph_add_stored(out, node->stored, &node->out[0], &added);
                        if (r < 0)
                                return error_prefix(err, r, "graph");
                        to[first[i]] = (Ref) { added, 0 };
                        continue;
                }
                for (uint32_t k = 0; k < node->n_in; k++) {
                        in[k]    = to[first[node->in[k].node] + node->in[k].out];
                        spec[k]  = *graph_spec(out, in[k]);
                        known   &= shape_known(&spec[k].shape);
                }
                neutral = masked_reduction(graph, node);
                if (neutral) {
                        const Node *mask = &graph->node.data[node->in[0].node];

                        r = lower_masked(out, node, neutral, to[first[mask->in[0].node] + mask->in[0].out],
                                         to[first[mask->in[1].node] + mask->in[1].out], &to[first[i]], err);
                        if (r < 0)
                                return r;
                        *ret_changed = true;
                } else if (node->op->expand && known) {
                        Build b     = { .graph       = out,
                                        .err         = err,
                                        .task_bytes  = leaves->task_bytes,
                                        .alone_bytes = leaves->alone_bytes };
                        OpCall call = { .op = node->op, .params = node->params, .n_in = node->n_in, .in = spec };

                        r = node->op->expand(&b, &call, in, &to[first[i]]);
                        if (r >= 0)
                                r = build_done(&b);
                        if (r < 0)
                                return error_prefix(err, r, "%s", node->op->name);
                        *ret_changed = true;
                } else if (is_itself(node, spec) && (!wanted[i] || out->node.data[in[0].node].op)) {
                        to[first[i]] = in[0];
                        *ret_changed = true;
                } else {
                        r = lower_inputs(out, node, in, err);
                        if (r >= 0)
                                r = graph_add(out, node->op, node->params, in, node->n_in, &added, err);
                        if (r < 0)
                                return r;
                        for (uint32_t k = 0; k < node->n_out; k++)
                                to[first[i] + k] = (Ref) { added, k };
                }
                for (; before < out->node.n; before++)
                        out->node.data[before].asked = node->asked ?: node->op;
        }
        for (uint32_t i = 0; i < graph->wanted.n; i++) {
                const Ref w = graph->wanted.data[i];

                r = vec_push(&out->wanted, to[first[w.node] + w.out]);
                if (r < 0)
                        return error_oom(err, sizeof(Ref));
        }
        return 0;
}

int plan_lower(const Graph *graph, const PlanLeaves *leaves, Graph **ret, Error *err) {
        _cleanup_(graph_freep) Graph *from = NULL;
        bool changed                       = true;

        while (changed) {
                _cleanup_(graph_freep) Graph *to = NULL;
                int r;

                r = graph_new(&to);
                if (r < 0)
                        return error_prefix(err, r, "graph");
                changed = false;
                r       = lower_round(from ?: graph, leaves, to, &changed, err);
                if (r < 0)
                        return r;
                graph_free(from);
                from = TAKE_PTR(to);
        }
        *ret = TAKE_PTR(from);
        return 0;
}
