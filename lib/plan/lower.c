/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering: the graph without dead nodes and with every expansion carried out whose input shapes are known. An
 * expansion may bring operators that expand themselves, so it is repeated until nothing changes; each round is one
 * walk. What depends on an unknown shape is left as it is: it is lowered when plan_extend() knows more. */
#include "plan/planner.h"

static bool is_masked_sum(const Graph *graph, const Node *node) {
        /* x[mask].sum() over everything does not need x[mask]: elements that are left out count as zero. The tree is
         * then the one over x's own index, whatever the mask, so this rewriting is always done, not only when it
         * seems worth while. */
        static const char *const neutral_zero[] = { "sum", "any", "count_nonzero" };

        if (!node->op || node->op->family != FAMILY_REDUCE || node->n_in != 1)
                return false;
        const Node *in = &graph->node.data[node->in[0].node];
        if (!in->op || strcmp(in->op->name, "mask") != 0 || ((const ReduceParams *) node->params)->keepdims)
                return false;
        if (graph_spec(graph, in->in[0])->shape.ndim != graph_spec(graph, in->in[1])->shape.ndim)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(neutral_zero); i++)
                if (strcmp(node->op->name, neutral_zero[i]) == 0)
                        return true;
        return false;
}

static int lower_masked(Graph *out, const Node *node, Ref x, Ref mask, Ref *ret, Error *err) {
        Build b        = { .graph = out, .err = err };
        const Ref zero = build_scalar(&b, scalar_from_i64(graph_spec(out, x)->dtype, 0));
        const Ref kept = build_op(&b, "where", NULL, 3, (const Ref[]) { mask, x, zero });

        *ret = build_reduce(&b, node->op->name, kept, (Dims) {}, false, ((const ReduceParams *) node->params)->dtype);
        return build_done(&b);
}

/* What reads memory as it is wants it in one dtype: a scan in its accumulator's, a concatenation in the result's. */
static int lower_inputs(Graph *out, const Node *node, Ref *in, Error *err) {
        Build b = { .graph = out, .err = err };
        uint32_t fold;
        int r;

        if (node->op->family == FAMILY_SCAN) {
                const Shape *s   = &graph_spec(out, *in)->shape;
                const Shape flat = { .ndim = 1, .dim = { shape_size(s) } };

                if (!((const ScanParams *) node->params)->axis.given && s->ndim != 1 && shape_known(s))
                        *in = build_reshape(&b, *in, &flat);
                r = op_fold(node->op, graph_spec(out, *in)->dtype, program_dtype_param(node->op, node->params), &fold, err);
                if (r < 0)
                        return r;
                *in = build_cast(&b, *in, node->op->folds[fold].in);
        } else if (node->op->family == FAMILY_MOVE && node->op->variadic)
                for (uint32_t k = 0; k < node->n_in; k++)
                        in[k] = build_cast(&b, in[k], node->out[0].dtype);
        return build_done(&b);
}

static void mark_live(const Graph *graph, bool *live) {
        for (uint32_t i = 0; i < graph->wanted.n; i++)
                live[graph->wanted.data[i].node] = true;
        for (uint32_t i = graph->node.n; i-- > 0;)
                if (live[i])
                        for (uint32_t k = 0; k < graph->node.data[i].n_in; k++)
                                live[graph->node.data[i].in[k].node] = true;
}

/* One round. to[first[node] + out] is where an output of an old node went. */
static int lower_round(const Graph *graph, size_t task_bytes, Graph *out, bool *ret_changed, Error *err) {
        _cleanup_(freep) bool *live      = calloc(graph->node.n + 1, sizeof(bool));
        _cleanup_(freep) uint32_t *first = calloc(graph->node.n + 1, sizeof(uint32_t));
        _cleanup_(freep) Ref *to         = NULL, *in = NULL;
        _cleanup_(freep) Spec *spec      = NULL;
        uint32_t n_out                   = 0, n_in_max = 1;
        int r;

        if (!live || !first)
                return error_oom(err, graph->node.n);
        mark_live(graph, live);
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
                bool known       = true;
                uint32_t added = 0;

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
                if (is_masked_sum(graph, node)) {
                        const Node *mask = &graph->node.data[node->in[0].node];

                        r = lower_masked(out, node, to[first[mask->in[0].node] + mask->in[0].out],
                                         to[first[mask->in[1].node] + mask->in[1].out], &to[first[i]], err);
                        if (r < 0)
                                return r;
                        *ret_changed = true;
                } else if (node->op->expand && known) {
                        Build b     = { .graph = out, .err = err, .task_bytes = task_bytes };
                        OpCall call = { .op = node->op, .params = node->params, .n_in = node->n_in, .in = spec };

                        r = node->op->expand(&b, &call, in, &to[first[i]]);
                        if (r >= 0)
                                r = build_done(&b);
                        if (r < 0)
                                return error_prefix(err, r, "%s", node->op->name);
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
        }
        for (uint32_t i = 0; i < graph->wanted.n; i++) {
                const Ref w = graph->wanted.data[i];

                r = vec_push(&out->wanted, to[first[w.node] + w.out]);
                if (r < 0)
                        return error_oom(err, sizeof(Ref));
        }
        return 0;
}

int plan_lower(const Graph *graph, size_t task_bytes, Graph **ret, Error *err) {
        _cleanup_(graph_freep) Graph *from = NULL;
        bool changed                       = true;

        while (changed) {
                _cleanup_(graph_freep) Graph *to = NULL;
                int r;

                r = graph_new(&to);
                if (r < 0)
                        return error_prefix(err, r, "graph");
                changed = false;
                r       = lower_round(from ?: graph, task_bytes, to, &changed, err);
                if (r < 0)
                        return r;
                graph_free(from);
                from = TAKE_PTR(to);
        }
        *ret = TAKE_PTR(from);
        return 0;
}
