/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/graph.h"

#include "graph/ops.h"
#include "harness.h"

static Graph *graph_of_test(void) {
        Graph *graph;

        ck_assert_int_eq(graph_new(&graph), 0);
        return graph;
}

static uint32_t add(Graph *graph, const char *op, const void *params, uint32_t n_in, const Ref *in) {
        Error err = {};
        uint32_t node = 0;
        int r = graph_add(graph, op_find(op), params, in, n_in, &node, &err);

        ck_assert_msg(r == 0, "%s: %s", op, err.text);
        return node;
}

TEST(equal_nodes_are_one_node) {
        _cleanup_(graph_freep) Graph *graph = graph_of_test();
        const Ref a = ops_leaf(graph, OPS_SPEC(DTYPE_F64, 3, 4)), b = ops_leaf(graph, OPS_SPEC(DTYPE_F64, 4));
        uint32_t sum  = add(graph, "add", NULL, 2, (const Ref[]) { a, b });
        uint32_t same = add(graph, "add", NULL, 2, (const Ref[]) { a, b });
        uint32_t back = add(graph, "add", NULL, 2, (const Ref[]) { b, a });

        ck_assert_uint_eq(sum, same);
        ck_assert_uint_ne(sum, back);
        ck_assert_uint_eq(graph->node.n, 4);
        ck_assert_uint_eq(add(graph, "sum", &(ReduceParams) { .axis = DIMS(0), .dtype = DTYPE_NONE }, 1, &a),
                          add(graph, "sum", &(ReduceParams) { .axis = DIMS(0), .dtype = DTYPE_NONE }, 1, &a));
        ck_assert_uint_ne(add(graph, "sum", &(ReduceParams) { .axis = DIMS(0), .dtype = DTYPE_NONE }, 1, &a),
                          add(graph, "sum", &(ReduceParams) { .axis = DIMS(1), .dtype = DTYPE_NONE }, 1, &a));
        ck_assert_uint_eq(add(graph, "sum", NULL, 1, &a),
                          add(graph, "sum", &(ReduceParams) { .dtype = DTYPE_NONE }, 1, &a));
}

TEST(outputs_of_a_node_are_different_inputs) {
        _cleanup_(graph_freep) Graph *graph = graph_of_test();
        const Ref a = ops_leaf(graph, OPS_SPEC(DTYPE_F32, 5));
        uint32_t modf = add(graph, "modf", NULL, 1, &a);
        uint32_t first = add(graph, "sin", NULL, 1, &(Ref) { modf, 0 }),
                 second = add(graph, "sin", NULL, 1, &(Ref) { modf, 1 });

        ck_assert_uint_eq(graph->node.data[modf].n_out, 2);
        ck_assert_uint_ne(first, second);
}

TEST(parameters_belong_to_the_graph) {
        _cleanup_(graph_freep) Graph *graph = graph_of_test();
        const Ref a = ops_leaf(graph, OPS_SPEC(DTYPE_F64, 6));
        int64_t shape[] = { 2, 3 };
        uint32_t node = add(graph, "reshape", &(ReshapeParams) { { .n = 2, .given = true, .v = shape } }, 1, &a);
        const ReshapeParams *kept = graph->node.data[node].params;

        shape[0] = 6;
        shape[1] = 1;
        ck_assert_int_eq(kept->shape.v[0], 2);
        ck_assert_uint_ne(node,
                          add(graph, "reshape", &(ReshapeParams) { { .n = 2, .given = true, .v = shape } }, 1, &a));
        shape[0] = 2;
        shape[1] = 3;
        ck_assert_uint_eq(node,
                          add(graph, "reshape", &(ReshapeParams) { { .n = 2, .given = true, .v = shape } }, 1, &a));
}

TEST(a_failed_addition_leaves_the_graph_as_it_was) {
        _cleanup_(graph_freep) Graph *graph = graph_of_test();
        const Ref in[] = { ops_leaf(graph, OPS_SPEC(DTYPE_F64, 3)), ops_leaf(graph, OPS_SPEC(DTYPE_F64, 4)) };
        Error err = {};
        uint32_t node = 77;

        ck_assert_int_eq(graph_add(graph, op_find("add"), NULL, in, 2, &node, &err), ERROR_VALUE);
        ck_assert_uint_eq(node, 77);
        ck_assert_uint_eq(graph->node.n, 2);
        ck_assert_int_eq(graph_add(graph, op_find("add"), NULL, in, 1, &node, &err), ERROR_TYPE);
        ck_assert_str_eq(err.text, "add() takes 2 inputs but 1 was given");
        ck_assert_int_eq(graph_add(graph, op_find("cast"), NULL, in, 1, &node, &err), ERROR_TYPE);
        ck_assert_int_eq(graph_add(graph, op_find("sin"), NULL, &(Ref) { 2, 0 }, 1, &node, &err), ERROR_VALUE);
        ck_assert_int_eq(graph_add(graph, op_find("sin"), NULL, &(Ref) { 0, 1 }, 1, &node, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "sin: input 0 is output 1 of node 0, which does not exist");
        ck_assert_int_eq(graph_add(graph, op_find("lost"), NULL, in, 1, &node, &err), ERROR_SUPPORT);
        ck_assert_int_eq(graph_add(graph, op_find("concatenate"), NULL, in, MAX_NODE_IN + 1, &node, &err), ERROR_VALUE);
        ck_assert_uint_eq(graph->node.n, 2);
}

TEST(sizes_that_cannot_be_counted_are_refused) {
        _cleanup_(graph_freep) Graph *graph = graph_of_test();
        const int64_t large = (int64_t) 1 << 31;
        const Ref row = ops_leaf(graph, OPS_SPEC(DTYPE_F64, large)),
                  column = ops_leaf(graph, OPS_SPEC(DTYPE_F64, large, 1));
        Spec spec = OPS_SPEC(DTYPE_F64, large, large);
        uint32_t node;

        ck_assert_int_eq(graph_add(graph, op_find("add"), NULL, (const Ref[]) { row, column }, 2, &node, NULL),
                         ERROR_VALUE);
        ck_assert_int_eq(graph_add_stored(graph, 1, &spec, &node), ERROR_VALUE);
        ck_assert_int_eq(graph_add(graph, op_find("full"),
                                   &(FullParams) { .source = { .shape = DIMS(large, large, 2), .dtype = DTYPE_BOOL },
                                                   .value  = scalar_from_i64(DTYPE_BOOL, 1) },
                                   NULL, 0, &node, NULL),
                         ERROR_VALUE);
}

TEST(a_stored_tensor_is_one_leaf_with_one_spec) {
        _cleanup_(graph_freep) Graph *graph = graph_of_test();
        Spec spec = OPS_SPEC(DTYPE_F64, 3, 4), other = OPS_SPEC(DTYPE_F64, 12), bad = OPS_SPEC((DType) 55, 3);
        uint32_t a, b;

        ck_assert_int_eq(graph_add_stored(graph, 7, &spec, &a), 0);
        ck_assert_int_eq(graph_add_stored(graph, 7, &spec, &b), 0);
        ck_assert_uint_eq(a, b);
        ck_assert_int_eq(graph_add_stored(graph, 7, &other, &b), ERROR_VALUE);
        ck_assert_int_eq(graph_add_stored(graph, 8, &bad, &b), ERROR_VALUE);
        ck_assert_int_eq(graph_add_stored(graph, 8, &spec, &b), 0);
        ck_assert_uint_ne(a, b);
        ck_assert_uint_eq(graph->node.data[b].stored, 8);
}

TEST(a_hundred_thousand_nodes_are_found_again) {
        _cleanup_(graph_freep) Graph *graph = graph_of_test();
        enum { N = 100000 };
        uint32_t n_node;

        for (int round = 0; round < 2; round++) {
                Ref a = { 0 };

                if (round == 0)
                        a = ops_leaf(graph, OPS_SPEC(DTYPE_F64, 10));
                for (uint32_t i = 0; i < N; i++) {
                        a.node = add(graph, i % 2 ? "sin" : "add", NULL, i % 2 ? 1 : 2, (const Ref[]) { a, a });
                        ck_assert_uint_eq(a.node, i + 1);
                }
                n_node = graph->node.n;
                ck_assert_uint_eq(n_node, N + 1);
        }
}

TEST(graph_free_takes_null) {
        ck_assert_ptr_null(graph_free(NULL));
}
