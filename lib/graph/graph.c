/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes are found again through an open hash table: pairs of (node + 1, hash), linear probing, at most half
 * full. The hash is kept so that growing looks at no node, and strangers are refused without looking at theirs.
 *
 * Adding a node that exists costs a hash and a comparison; shapes are inferred and parameters copied for new
 * nodes only. What fails leaves the graph as it was (but for a few bytes of the arena). */
#include <string.h>

#include "base/hash.h"
#include "graph/graph.h"
#include "graph/params.h"

enum {
        SLOTS_FIRST = 64,
        INPUTS_NEAR = 4, /* inputs whose specs are gathered on the stack */
};

int graph_new(Graph **ret) {
        _cleanup_(graph_freep) Graph *graph = calloc(1, sizeof(*graph));

        if (!graph)
                return -ENOMEM;
        graph->arena = arena_new();
        if (!graph->arena)
                return -ENOMEM;
        *ret = TAKE_PTR(graph);
        return 0;
}

Graph *graph_free(Graph *graph) {
        if (!graph)
                return NULL;
        vec_free(&graph->node);
        vec_free(&graph->wanted);
        free(graph->slot);
        arena_free(graph->arena);
        free(graph);
        return NULL;
}

/* ---- The table of nodes --------------------------------------------------------------------------------------- */

static uint32_t node_hash(const Node *node) {
        uint64_t h;

        if (!node->op)
                return (uint32_t) (hash_bytes(&node->stored, sizeof(node->stored), 0) >> 32);
        h = hash_bytes(&node->op, sizeof(node->op), params_hash(node->op, node->params));
        return (uint32_t) (hash_bytes(node->in, node->n_in * sizeof(Ref), h) >> 32);
}

static bool node_equal(const Node *a, const Node *b) {
        if (a->op != b->op || a->n_in != b->n_in)
                return false;
        if (!a->op)
                return a->stored == b->stored;
        return (a->n_in == 0 || memcmp(a->in, b->in, a->n_in * sizeof(Ref)) == 0) &&
               params_equal(a->op, a->params, b->params);
}

static bool graph_find(const Graph *graph, const Node *node, uint32_t hash, uint32_t *ret) {
        const uint32_t mask = graph->n_slot - 1;

        if (graph->n_slot == 0)
                return false;
        for (uint32_t i = hash & mask; graph->slot[2 * i] != 0; i = (i + 1) & mask)
                if (graph->slot[2 * i + 1] == hash && node_equal(&graph->node.data[graph->slot[2 * i] - 1], node)) {
                        *ret = graph->slot[2 * i] - 1;
                        return true;
                }
        return false;
}

static void slot_put(uint32_t *slot, uint32_t n_slot, uint32_t node, uint32_t hash) {
        const uint32_t mask = n_slot - 1;
        uint32_t i = hash & mask;

        while (slot[2 * i] != 0)
                i = (i + 1) & mask;
        slot[2 * i]     = node + 1;
        slot[2 * i + 1] = hash;
}

static int graph_grow(Graph *graph) {
        uint32_t n_slot = graph->n_slot > 0 ? 2 * graph->n_slot : SLOTS_FIRST;
        uint32_t *slot  = calloc(n_slot, 2 * sizeof(*slot));

        if (!slot)
                return -ENOMEM;
        for (uint32_t i = 0; i < graph->n_slot; i++)
                if (graph->slot[2 * i] != 0)
                        slot_put(slot, n_slot, graph->slot[2 * i] - 1, graph->slot[2 * i + 1]);
        free(graph->slot);
        graph->slot   = slot;
        graph->n_slot = n_slot;
        return 0;
}

static int graph_append(Graph *graph, const Node *node, uint32_t hash, uint32_t *ret) {
        int r;

        if (2 * (graph->node.n + 1) > graph->n_slot) {
                r = graph_grow(graph);
                if (r < 0)
                        return r;
        }
        r = vec_push(&graph->node, *node);
        if (r < 0)
                return r;
        slot_put(graph->slot, graph->n_slot, graph->node.n - 1, hash);
        *ret = graph->node.n - 1;
        return 0;
}

/* ---- Adding --------------------------------------------------------------------------------------------------- */

static int graph_check_room(const Graph *graph, const Op *op, const Ref *in, uint32_t n_in, Error *err) {
        if (graph->node.n >= MAX_GRAPH_NODES)
                return error_set(err, ERROR_VALUE, "the graph has %u nodes already (at most %d)", graph->node.n,
                                 MAX_GRAPH_NODES);
        if (n_in > MAX_NODE_IN)
                return error_set(err, ERROR_VALUE, "%s: %u inputs (at most %d)", op->name, n_in, MAX_NODE_IN);
        for (uint32_t i = 0; i < n_in; i++)
                if (in[i].node >= graph->node.n || in[i].out >= graph->node.data[in[i].node].n_out)
                        return error_set(err, ERROR_VALUE, "%s: input %u is output %u of node %u, which does not exist",
                                         op->name, i, in[i].out, in[i].node);
        return 0;
}

static bool spec_equal(const Spec *a, const Spec *b) {
        return a->dtype == b->dtype && a->weak == b->weak && shape_equal(&a->shape, &b->shape);
}

/* A Spec has room for MAX_NDIM lengths. Most operators give what an input has: then the node points to the input's. */
static const Spec *share_specs(const Graph *graph, const Node *node, const Spec *out) {
        for (uint32_t i = 0; node->n_out == 1 && i < node->n_in && i < MAX_OP_IN; i++) {
                const Spec *of_input = &graph->node.data[node->in[i].node].out[node->in[i].out];

                if (spec_equal(of_input, out))
                        return of_input;
        }
        return arena_copy(graph->arena, out, node->n_out * sizeof(Spec));
}

/* A new node: specs, then copies. */
static int graph_make(Graph *graph, Node *node, uint32_t hash, uint32_t *ret, Error *err) {
        Spec near[INPUTS_NEAR], out[MAX_OP_OUT];
        _cleanup_(freep) Spec *far = NULL;
        Spec *in = near;
        int r;

        assert(node->n_out <= MAX_OP_OUT);
        if (node->n_in > INPUTS_NEAR) {
                in = far = malloc(node->n_in * sizeof(*far));
                if (!far)
                        return error_oom(err, node->n_in * sizeof(*far));
        }
        for (uint32_t i = 0; i < node->n_in; i++)
                in[i] = *graph_spec(graph, node->in[i]);
        r = op_infer(&(OpCall) { .op = node->op, .params = node->params, .n_in = node->n_in, .in = in }, out, err);
        if (r < 0)
                return r;

        r = params_copy(graph->arena, node->op, node->params, &node->params);
        if (r < 0)
                return error_oom(err, node->op->params_size);
        node->out = share_specs(graph, node, out);
        node->in  = node->n_in > 0 ? arena_copy(graph->arena, node->in, node->n_in * sizeof(Ref)) : NULL;
        if (!node->out || (node->n_in > 0 && !node->in))
                return error_oom(err, node->n_out * sizeof(Spec));
        r = graph_append(graph, node, hash, ret);
        return r < 0 ? error_oom(err, sizeof(Node)) : 0;
}

int graph_add(Graph *graph, const Op *op, const void *params, const Ref *in, uint32_t n_in, uint32_t *ret, Error *err) {
        _Alignas(16) char defaults[MAX_PARAMS_BYTES];
        Node node = { .op = op, .n_in = n_in, .n_out = op_n_out(op), .in = in };
        uint32_t hash;
        int r;

        if (params)
                r = params_check(op, params, err);
        else
                r = params_default(op, defaults, err);
        if (r < 0)
                return r;
        node.params = params ?: defaults;
        r = graph_check_room(graph, op, in, n_in, err);
        if (r < 0)
                return r;
        hash = node_hash(&node);
        if (graph_find(graph, &node, hash, ret))
                return 0;
        return graph_make(graph, &node, hash, ret, err);
}

/* The number of a stored tensor stands for its content: to name it again with another spec is a mistake. */
int graph_add_stored(Graph *graph, uint64_t stored, const Spec *spec, uint32_t *ret) {
        Node node     = { .stored = stored, .n_out = 1 };
        uint32_t hash = node_hash(&node);
        Spec *out;
        int r;

        if ((unsigned) spec->dtype >= _DTYPE_MAX || graph->node.n >= MAX_GRAPH_NODES)
                return ERROR_VALUE;
        r = shape_check(&spec->shape, dtype_size(spec->dtype), NULL);
        if (r < 0)
                return r;
        if (graph_find(graph, &node, hash, ret)) {
                const Spec *old = graph_spec(graph, (Ref) { .node = *ret });

                return old->dtype == spec->dtype && shape_equal(&old->shape, &spec->shape) ? 0 : ERROR_VALUE;
        }
        out = arena_copy(graph->arena, spec, sizeof(*spec));
        if (!out)
                return -ENOMEM;
        out->weak = WEAK_NONE; /* what is stored is an array */
        node.out  = out;
        return graph_append(graph, &node, hash, ret);
}
