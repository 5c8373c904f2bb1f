/* SPDX-License-Identifier: Apache-2.0 */
/* Which tensors exist as chunks ("roots"), and which are computed where they are used.
 *
 * Roots are: what is wanted, what the rest of the graph will need, everything that is not elementwise, and what such
 * operators read. An elementwise tensor that several stages evaluate becomes a root when evaluating it again costs
 * more than writing it once and reading it back; so does a row that would be evaluated beside every row of a large
 * table, and one whose program has become too long (which also bounds all recursion). */
#include "base/hash.h"
#include "plan/planner.h"

enum {
        /* Writing and reading back an element costs some 2.5 ns of memory time per stage on one of two cores, an
         * addition in a strip 0.1 ns: up to 24 of them are cheaper done twice. */
        RECOMPUTE_COST = 24,
        BROADCAST_COST = 1 << 20, /* additions: 0.1 ms, more than a stage costs that computes a row once */
        MAX_PROGRAM    = 192, /* instructions inlined into one another; registers are 4 KiB each */
};

bool node_is_view(const Planner *p, const Node *node) {
        if (!node->op || node->op->family != FAMILY_MOVE)
                return false;
        if (node->op == p->view)
                return true;
        if (strcmp(node->op->name, "reshape") != 0)
                return false;

        /* A reshape that only adds or drops axes of length one moves nothing. */
        const Shape *a = &graph_spec(p->graph, node->in[0])->shape, *b = &node->out[0].shape;
        int i = 0, k = 0;
        for (;;) {
                while (i < a->ndim && a->dim[i] == 1)
                        i++;
                while (k < b->ndim && b->dim[k] == 1)
                        k++;
                if (i == a->ndim || k == b->ndim)
                        return i == a->ndim && k == b->ndim;
                if (a->dim[i++] != b->dim[k++])
                        return false;
        }
}

bool node_is_inline(const Planner *p, const Node *node) {
        return node->op && (node->op->family == FAMILY_MAP ||
                            (node->op->family == FAMILY_SOURCE && (node->op->generate || node->op == p->full)) ||
                            node_is_view(p, node));
}

static bool reads_whole_inputs(const Planner *p, const Node *node) {
        /* These read their inputs as memory: each must be a tensor that exists, or an affine view of one. What goes
         * through them by strips has elementwise ones computed in front of it. */
        if (!node->op || node_is_inline(p, node) || node->op->family == FAMILY_REDUCE || node->op->strip)
                return false;
        return strcmp(node->op->name, "rechunk") != 0;
}

static void set_root(Planner *p, Ref ref) {
        planner_slot(p, ref)->root = true;
}

static uint64_t user_key(const Planner *p, const Node *node, uint32_t index) {
        /* Reductions along the same axes of equal shapes are evaluated in one pass. */
        if (node->op && node->op->family == FAMILY_REDUCE) {
                const ReduceParams *params = node->params;
                const Spec *in             = graph_spec(p->graph, node->in[0]);
                uint64_t h                 = hash_bytes(in->shape.dim, in->shape.ndim * sizeof(int64_t), 1);

                return hash_bytes(params->axis.v, params->axis.n * sizeof(int64_t), h) | 1ULL << 63;
        }
        return (uint64_t) index + 1;
}

static void add_user(Slot *slot, uint64_t user, uint32_t n_user) {
        if (slot->user == 0) {
                slot->user   = user;
                slot->n_user = n_user;
        } else if (slot->user != user || n_user > 1)
                slot->n_user += n_user;
}

static void mark_deferred(Planner *p) {
        const Graph *g = p->graph;

        for (uint32_t i = 0; i < g->node.n; i++) {
                const Node *node = &g->node.data[i];
                bool deferred    = false;

                for (uint32_t k = 0; k < node->n_in; k++)
                        deferred |= planner_slot(p, node->in[k])->deferred ||
                                    !shape_known(&planner_spec(p, node->in[k])->shape);
                for (uint32_t k = 0; k < node->n_out; k++)
                        p->slot[p->first[i] + k].deferred = deferred;
                for (uint32_t k = 0; k < node->n_in && deferred; k++) {
                        Slot *in = planner_slot(p, node->in[k]);

                        /* What comes from nothing is cheaper made again than kept. Leaves come from elsewhere: what
                         * an earlier plan has made may have nobody else who wants it. */
                        const Node *from = planner_node(p, node->in[k]);

                        if (!in->deferred && (from->n_in > 0 || !from->op))
                                in->kept = in->root = true;
                }
        }
        for (uint32_t i = 0; i < g->wanted.n; i++) {
                Slot *s = planner_slot(p, g->wanted.data[i]);

                if (!s->deferred)
                        s->kept = s->root = true;
        }
}

static void mark_necessary(Planner *p) {
        const Graph *g = p->graph;

        for (uint32_t i = 0; i < g->node.n; i++) {
                const Node *node = &g->node.data[i];

                if (p->slot[p->first[i]].deferred)
                        continue;
                if (!node_is_inline(p, node))
                        for (uint32_t k = 0; k < node->n_out; k++)
                                p->slot[p->first[i] + k].root = true;
                for (uint32_t k = 0; k < node->n_in && reads_whole_inputs(p, node); k++) {
                        Ref ref = node->in[k];

                        while (node_is_view(p, planner_node(p, ref)) && !planner_slot(p, ref)->root &&
                               strcmp(node->op->name, "reshape") != 0 && !node->op->takes_pieces)
                                ref = planner_node(p, ref)->in[0];
                        set_root(p, ref);
                }
        }
}

/* Instructions of a program, at most. What several of them use is written once where all read it at the same position;
 * each view and each broadcast may be another. `stamp` tells who has been counted. */
static uint32_t count_program(Planner *p, Ref ref, uint32_t stamp) {
        const Node *node = planner_node(p, ref);
        Slot *s          = planner_slot(p, ref);
        uint32_t n       = 1;

        if (s->counted == stamp)
                return 0;
        s->counted = stamp;
        if (s->root)
                return 1;
        if (node_is_view(p, node))
                return s->weight;
        for (uint32_t k = 0; k < node->n_in; k++) {
                const Slot *in = planner_slot(p, node->in[k]);

                if (shape_equal(&planner_spec(p, node->in[k])->shape, &node->out[0].shape))
                        n += count_program(p, node->in[k], stamp);
                else
                        n += in->root ? 1 : in->weight;
        }
        return n;
}

static void weigh(Planner *p, bool cut) {
        const Graph *g = p->graph;

        for (uint32_t i = 0; i < g->node.n; i++) {
                const Node *node   = &g->node.data[i];
                const bool counts  = node->op && !node_is_view(p, node);
                uint32_t weight    = 1, cost = counts ? (node->op->cost ?: 1) : 0;

                for (uint32_t k = 0; k < node->n_in; k++) {
                        const Slot *in = planner_slot(p, node->in[k]);

                        weight += in->root ? 1 : in->weight;
                        cost   += in->root ? 0 : in->cost;
                }
                for (uint32_t k = 0; k < node->n_out; k++) {
                        Slot *s   = &p->slot[p->first[i] + k];

                        if (cut && weight > MAX_PROGRAM && !s->deferred && !s->root && node_is_inline(p, node))
                                weight = count_program(p, (Ref) { i, k }, i + 1);
                        s->weight = MIN(weight, (uint32_t) MAX_PROGRAM * MAX_OP_IN);
                        s->cost   = MIN(cost, (uint32_t) 1 << 20);
                        if (cut && weight > MAX_PROGRAM && !s->deferred)
                                s->root = true;
                }
        }
}

/* How often an elementwise tensor is evaluated where it is used. A row beside a table varies along the lanes, so it is
 * evaluated for each row of the table; a column is evaluated once for a strip of them. */
static void count_evaluated(Planner *p, const Node *node, const Slot *s, Ref ref) {
        const Shape *in = &planner_spec(p, ref)->shape, *out = &node->out[0].shape;
        Slot *slot      = planner_slot(p, ref);
        double n        = (double) shape_size(in);

        if (!s->root && node_is_view(p, node))
                n = MAX(n, s->n_evaluated);
        else if (node_is_inline(p, node) && in->ndim > 0 && in->dim[in->ndim - 1] > 1)
                n = MAX(n, MAX(s->root ? 0 : s->n_evaluated, (double) shape_size(out)));
        slot->n_evaluated = MAX(slot->n_evaluated, n);
}

/* Sources come from nothing: there is nothing to be read back. */
static bool is_dear(const Slot *s, const Node *node, const Spec *spec) {
        return (s->n_user > 1 && (uint64_t) s->cost * (s->n_user - 1) > RECOMPUTE_COST) ||
               (node->n_in > 0 && s->cost * (s->n_evaluated - (double) shape_size(&spec->shape)) > BROADCAST_COST);
}

static void mark_shared(Planner *p) {
        const Graph *g = p->graph;

        for (uint32_t i = g->node.n; i-- > 0;) {
                const Node *node = &g->node.data[i];

                for (uint32_t out = 0; out < node->n_out; out++) {
                        Slot *s = &p->slot[p->first[i] + out];

                        if (s->deferred)
                                continue;
                        if (!s->root && is_dear(s, node, &node->out[out]))
                                s->root = true;
                        for (uint32_t k = 0; k < node->n_in; k++) {
                                Slot *in = planner_slot(p, node->in[k]);

                                count_evaluated(p, node, s, node->in[k]);
                                if (s->root)
                                        add_user(in, user_key(p, node, i), 1);
                                else if (s->n_user > 0)
                                        add_user(in, s->user, s->n_user);
                        }
                }
        }
}

static void count_readers(Planner *p) {
        const Graph *g = p->graph;

        for (uint32_t i = 0; i < g->node.n; i++)
                for (uint32_t k = 0; k < g->node.data[i].n_in; k++) {
                        Slot *in = planner_slot(p, g->node.data[i].in[k]);

                        in->n_reader++;
                        in->reader = i;
                }
}

int planner_mark(Planner *p) {
        count_readers(p);
        mark_deferred(p);
        mark_necessary(p);
        weigh(p, false);
        mark_shared(p);
        weigh(p, true);
        return 0;
}
