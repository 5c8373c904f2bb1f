/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A graph: what is to be computed. Nodes are in topological order (inputs come before users) and live in one arena; a
 * node never changes. Equal nodes are one node: adding what is there already returns the old one, so common
 * subexpressions disappear by construction. (Random sources are equal only if seed and draw number are.)
 *
 * A leaf whose op is NULL is `stored`: a tensor that the session holds as chunks already; `stored` is its number in the
 * session. */
#include "base/vec.h"
#include "graph/op.h"

typedef struct Node {
        const Op *op;       /* NULL: stored */
        const Op *asked;    /* the user's operator of which this is a part, once it is expanded; NULL: none. For words
                               only: equal nodes may have different ones, and it is not sent */
        const void *params; /* op->params_size bytes; lists and texts in the arena */
        uint64_t stored;    /* of leaves: the session's tensor id */
        uint32_t n_in;
        uint32_t n_out;
        const Ref *in;
        const Spec *out;    /* n_out (an input's, if equal); an UNKNOWN length is filled in by a new graph */
} Node;

typedef struct Graph {
        Arena *arena;
        Vec(Node) node;
        Vec(Ref) wanted;      /* the outputs of the request, in its order */
        uint32_t *slot;       /* hash table over nodes, for equality: n_slot pairs of (node + 1, hash) */
        uint32_t n_slot;
} Graph;

int graph_new(Graph **ret);
Graph *graph_free(Graph *graph);
DEFINE_CLEANUP(Graph *, graph_free)

/* Adds an operation: checks the parameters, infers the outputs' specs, returns the node (which may be an old one).
 * params may be on the stack; they are copied. NULL params mean all defaults. */
int graph_add(Graph *graph, const Op *op, const void *params, const Ref *in, uint32_t n_in, uint32_t *ret, Error *err);
int graph_add_stored(Graph *graph, uint64_t stored, const Spec *spec, uint32_t *ret);

/* How people know the operator. */
static inline const char *node_name(const Node *node) {
        return node->op->hidden && node->asked ? node->asked->name : node->op->name;
}

static inline const Spec *graph_spec(const Graph *graph, Ref ref) {
        return &graph->node.data[ref.node].out[ref.out];
}

/* Parameters: defaults, deep copy into an arena, equality and hash by the operator's table. */
int params_default(const Op *op, void *params, Error *err);
int params_copy(Arena *arena, const Op *op, const void *params, const void **ret);
bool params_equal(const Op *op, const void *a, const void *b);
uint64_t params_hash(const Op *op, const void *params);
/* "axis=(0, 1), keepdims=False", into the arena. */
const char *params_print(Arena *arena, const Op *op, const void *params);

/* One line a node: "%3 = sum(%2, axis=(0,))  float64 (10,)". NULL when out of memory. */
const char *graph_print(const Graph *graph, Arena *arena);

/* The wire form: versioned, little-endian, checked completely when read (docs/PROTOCOL.md). decode never trusts. */
int graph_encode(const Graph *graph, uint8_t **ret, size_t *ret_size);
int graph_decode(const uint8_t *data, size_t size, Graph **ret, Error *err);
/* The same of a graph that a planner has had in its hands, which may have hidden operators: from nobody but it. */
int graph_decode_planned(const uint8_t *data, size_t size, Graph **ret, Error *err);

/* ---- Building: for .expand and for rewriting ------------------------------------------------------------------- */

/* Errors stick: after the first failure every call returns a dummy Ref, and build_done() says what it was. */
struct Build {
        Graph *graph;
        Error *err;
        int r;
        size_t task_bytes, alone_bytes; /* of PlanLeaves, for expansions that can do with less */
};

Ref build_op(Build *b, const char *op, const void *params, uint32_t n_in, const Ref *in); /* output 0 */
Ref build_map(Build *b, const char *op, uint32_t n_in, const Ref *in);                       /* without parameters */
Ref build_unary(Build *b, const char *op, Ref a);
Ref build_binary(Build *b, const char *op, Ref a, Ref c);
Ref build_scalar(Build *b, Scalar value);                  /* 0-d constant */
Ref build_f64(Build *b, DType dtype, double value);        /* the same, of a number */
Ref build_cast(Build *b, Ref a, DType dtype);              /* a itself if it has the dtype */
Ref build_reduce(Build *b, const char *op, Ref a, Dims axis, bool keepdims, DType dtype);
/* start, stop, step as Python's slice.indices() gives them; stop is -1 to reach index 0 backwards. */
Ref build_slice(Build *b, Ref a, int axis, int64_t start, int64_t stop, int64_t step);
Ref build_transpose(Build *b, Ref a, const int *axes);      /* axes has ndim entries */
Ref build_broadcast(Build *b, Ref a, const Shape *shape);
Ref build_insert_axis(Build *b, Ref a, int axis);
Ref build_drop_axis(Build *b, Ref a, int axis);             /* of length 1 */
Ref build_reshape(Build *b, Ref a, const Shape *shape);
Ref build_concatenate(Build *b, const Ref *in, uint32_t n_in, int axis);
Ref build_rechunk_whole(Build *b, Ref a, int axis);         /* one chunk along axis; -1: along all */
const Spec *build_spec(Build *b, Ref a);                    /* a harmless 0-d spec after an error */
int build_fail(Build *b, int code, const char *fmt, ...) _printf_(3, 4);

static inline int build_done(const Build *b) {
        return b->r;
}
#define DIMS(...)                                                                                                      \
        ((Dims) { .n       = ELEMENTSOF(((const int64_t[]) { __VA_ARGS__ })),                                          \
                  .given   = true,                                                                                     \
                  .v       = (const int64_t[]) { __VA_ARGS__ } })
