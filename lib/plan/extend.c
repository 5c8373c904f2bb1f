/* SPDX-License-Identifier: Apache-2.0 */
/* Planning goes on where it stopped: what a plan has made stands in its graph as leaves with the shapes that are
 * known now, and the nodes between those and the wanted outputs are added, and so inferred, again. An operator that
 * refuses the actual shapes does it here. */
#include "plan/plan.h"

typedef struct Extend {
        const Plan *plan;
        const uint64_t *stored;
        const Spec *spec;
        Graph *graph;       /* the new one */
        uint32_t *first;    /* [node] number of its first output among all outputs */
        uint32_t *made;     /* [output] its number in plan->made plus 1, or 0 */
        Ref *now;           /* [output] where it is in the new graph */
        bool *known;        /* [output] whether it is there yet */
        bool *needed;       /* [node] */
} Extend;

/* The output of the old graph as one of the new graph. */
static int extend_ref(Extend *x, Ref ref, Ref *ret) {
        uint32_t out = x->first[ref.node] + ref.out;
        int r;

        if (!x->known[out]) {
                uint32_t k = x->made[out] - 1;

                assert(x->made[out] > 0);
                x->now[out] = (Ref) {};
                r = graph_add_stored(x->graph, x->stored[k], x->spec + k, &x->now[out].node);
                if (r < 0)
                        return r;
                x->known[out] = true;
        }
        *ret = x->now[out];
        return 0;
}

static int extend_node(Extend *x, uint32_t index, Error *err) {
        const Node *node = x->plan->graph->node.data + index;
        _cleanup_(freep) Ref *in = calloc(node->n_in + 1, sizeof(*in));
        uint32_t id;
        int r = in ? 0 : -ENOMEM;

        if (r == 0 && !node->op)
                r = graph_add_stored(x->graph, node->stored, node->out, &id);
        for (uint32_t k = 0; k < node->n_in && r == 0; k++)
                r = extend_ref(x, node->in[k], in + k);
        if (r == 0 && node->op)
                r = graph_add(x->graph, node->op, node->params, in, node->n_in, &id, err);
        if (r < 0)
                return r;
        for (uint32_t k = 0; k < node->n_out; k++) {
                x->now[x->first[index] + k]   = (Ref) { .node = id, .out = k };
                x->known[x->first[index] + k] = true;
        }
        return 0;
}

int plan_extend(const Plan *plan, const uint64_t *stored, const Spec *spec, Graph **ret, Error *err) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        _cleanup_(graph_freep) Graph *graph = NULL;
        const Graph *old                    = plan->graph;
        Extend x                            = { .plan = plan, .stored = stored, .spec = spec };
        uint32_t n_out                      = 0;
        int r;

        r = arena ? graph_new(&graph) : -ENOMEM;
        if (r < 0)
                return error_oom(err, sizeof(*graph));
        x.graph  = graph;
        x.first  = arena_new_array(arena, uint32_t, old->node.n);
        x.needed = arena_new_array(arena, bool, old->node.n);
        for (uint32_t k = 0; k < old->node.n && x.first; k++) {
                x.first[k] = n_out;
                n_out += old->node.data[k].n_out;
        }
        x.made  = arena_new_array(arena, uint32_t, n_out);
        x.now   = arena_new_array(arena, Ref, n_out);
        x.known = arena_new_array(arena, bool, n_out);
        if (!x.first || !x.needed || !x.made || !x.now || !x.known)
                return error_oom(err, n_out * sizeof(Ref));

        for (uint32_t k = 0; k < plan->made.n; k++)
                x.made[x.first[plan->made.data[k].ref.node] + plan->made.data[k].ref.out] = k + 1;
        for (uint32_t k = 0; k < old->wanted.n; k++) {
                Ref ref = old->wanted.data[k];

                x.needed[ref.node] |= x.made[x.first[ref.node] + ref.out] == 0;
        }
        for (uint32_t k = old->node.n; k-- > 0;) /* users come after what they use */
                for (uint32_t i = 0; i < old->node.data[k].n_in && x.needed[k]; i++) {
                        Ref ref = old->node.data[k].in[i];

                        x.needed[ref.node] |= x.made[x.first[ref.node] + ref.out] == 0;
                }
        for (uint32_t k = 0; k < old->node.n; k++)
                if (x.needed[k]) {
                        r = extend_node(&x, k, err);
                        if (r < 0)
                                return old->node.data[k].op ? error_prefix(err, r, "%s", old->node.data[k].op->name)
                                                            : r;
                }
        for (uint32_t k = 0; k < old->wanted.n; k++) {
                Ref ref;

                r = extend_ref(&x, old->wanted.data[k], &ref);
                if (r == 0)
                        r = vec_push(&graph->wanted, ref);
                if (r < 0)
                        return error_oom(err, sizeof(ref));
        }
        *ret = TAKE_PTR(graph);
        return 0;
}
