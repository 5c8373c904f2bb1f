/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/graph.h"

#include "graph/ops.h"
#include "harness.h"

static Error words;

static Build build_of_test(void) {
        Build b = { .err = &words };

        ck_assert_int_eq(graph_new(&b.graph), 0);
        return b;
}

static void build_freep(Build *b) {
        graph_free(b->graph);
}

static const Node *node_of(const Build *b, Ref a) {
        ck_assert_msg(b->r == 0, "%s", words.text);
        return &b->graph->node.data[a.node];
}

static bool views_as(const Build *b, Ref a, Dims shape, Dims axis, Dims start, Dims step) {
        const ViewParams wanted = { shape, axis, start, step };

        ck_assert_str_eq(node_of(b, a)->op->name, "view");
        return params_equal(op_find("view"), node_of(b, a)->params, &wanted);
}

TEST(formulas_become_nodes) {
        _cleanup_(build_freep) Build b = build_of_test();
        Ref a = ops_leaf(b.graph, OPS_SPEC(DTYPE_F32, 3, 4));
        Ref c = build_binary(&b, "add", build_unary(&b, "sin", a), build_f64(&b, DTYPE_F32, 0.5));

        ck_assert_int_eq(build_done(&b), 0);
        ck_assert_str_eq(node_of(&b, c)->op->name, "add");
        ck_assert_int_eq(build_spec(&b, c)->dtype, DTYPE_F32);
        ck_assert(OPS_HAS(build_spec(&b, c)->shape, 3, 4));
}

TEST(a_scalar_is_full_of_no_dimensions) {
        _cleanup_(build_freep) Build b = build_of_test();
        Ref a = build_scalar(&b, scalar_from_i64(DTYPE_I64, 42));
        const FullParams *params = node_of(&b, a)->params;

        ck_assert_str_eq(node_of(&b, a)->op->name, "full");
        ck_assert_int_eq(build_spec(&b, a)->shape.ndim, 0);
        ck_assert_int_eq(build_spec(&b, a)->dtype, DTYPE_I64);
        ck_assert(params->source.shape.given && params->source.shape.n == 0 && params->value.i64 == 42);
        ck_assert_uint_eq(a.node, build_scalar(&b, scalar_from_i64(DTYPE_I64, 42)).node);
}

TEST(what_changes_nothing_adds_nothing) {
        _cleanup_(build_freep) Build b = build_of_test();
        Ref a = ops_leaf(b.graph, OPS_SPEC(DTYPE_F64, 3, 4));
        Shape shape = SHAPE(3, 4);

        ck_assert_uint_eq(build_cast(&b, a, DTYPE_F64).node, a.node);
        ck_assert_uint_eq(build_slice(&b, a, 1, 0, 4, 1).node, a.node);
        ck_assert_uint_eq(build_transpose(&b, a, (const int[]) { 0, 1 }).node, a.node);
        ck_assert_uint_eq(build_broadcast(&b, a, &shape).node, a.node);
        ck_assert_uint_eq(build_reshape(&b, a, &shape).node, a.node);
        ck_assert_uint_eq(build_concatenate(&b, &a, 1, 0).node, a.node);
        ck_assert_uint_eq(b.graph->node.n, 1);
        ck_assert_int_eq(build_spec(&b, build_cast(&b, a, DTYPE_F32))->dtype, DTYPE_F32);
}

TEST(reductions_take_what_their_operator_has_besides) {
        _cleanup_(build_freep) Build b = build_of_test();
        Ref a = ops_leaf(b.graph, OPS_SPEC(DTYPE_F64, 3, 4)), v = build_reduce(&b, "var", a, DIMS(0), true, DTYPE_NONE);
        const VarParams *params = node_of(&b, v)->params;

        ck_assert(params->reduce.keepdims && params->reduce.axis.v[0] == 0 && params->ddof == 0);
        ck_assert(OPS_HAS(build_spec(&b, v)->shape, 1, 4));
}

TEST(slices_are_views) {
        _cleanup_(build_freep) Build b = build_of_test();
        Ref a = ops_leaf(b.graph, OPS_SPEC(DTYPE_F64, 10, 4));

        ck_assert(views_as(&b, build_slice(&b, a, 0, 2, 9, 3), DIMS(3, 4), DIMS(0, 1), DIMS(2, 0), DIMS(3, 1)));
        ck_assert(views_as(&b, build_slice(&b, a, 0, 2, 8, 3), DIMS(2, 4), DIMS(0, 1), DIMS(2, 0), DIMS(3, 1)));
        ck_assert(views_as(&b, build_slice(&b, a, 0, 9, -1, -1), DIMS(10, 4), DIMS(0, 1), DIMS(9, 0), DIMS(-1, 1)));
        ck_assert(views_as(&b, build_slice(&b, a, 0, 9, 0, -4), DIMS(3, 4), DIMS(0, 1), DIMS(9, 0), DIMS(-4, 1)));
        ck_assert(views_as(&b, build_slice(&b, a, 0, 10, 10, 1), DIMS(0, 4), DIMS(0, 1), DIMS(0, 0), DIMS(1, 1)));
        ck_assert(views_as(&b, build_slice(&b, a, 1, 3, 1, 1), DIMS(10, 0), DIMS(0, 1), DIMS(0, 0), DIMS(1, 1)));
}

TEST(axes_move_come_and_go_as_views) {
        _cleanup_(build_freep) Build b = build_of_test();
        Ref a = ops_leaf(b.graph, OPS_SPEC(DTYPE_F64, 2, 1, 4));
        Shape wide = SHAPE(7, 2, 5, 4), zero = SHAPE(2, 0, 4);

        ck_assert(views_as(&b, build_transpose(&b, a, (const int[]) { 2, 0, 1 }), DIMS(4, 2, 1), DIMS(1, 2, 0),
                           DIMS(0, 0, 0), DIMS(1, 1, 1)));
        ck_assert(views_as(&b, build_broadcast(&b, a, &wide), DIMS(7, 2, 5, 4), DIMS(1, -1, 3), DIMS(0, 0, 0),
                           DIMS(1, 1, 1)));
        ck_assert(views_as(&b, build_broadcast(&b, a, &zero), DIMS(2, 0, 4), DIMS(0, -1, 2), DIMS(0, 0, 0),
                           DIMS(1, 1, 1)));
        ck_assert(views_as(&b, build_insert_axis(&b, a, 1), DIMS(2, 1, 1, 4), DIMS(0, 2, 3), DIMS(0, 0, 0),
                           DIMS(1, 1, 1)));
        ck_assert(views_as(&b, build_insert_axis(&b, a, 3), DIMS(2, 1, 4, 1), DIMS(0, 1, 2), DIMS(0, 0, 0),
                           DIMS(1, 1, 1)));
        ck_assert(views_as(&b, build_drop_axis(&b, a, 1), DIMS(2, 4), DIMS(0, -1, 1), DIMS(0, 0, 0), DIMS(1, 1, 1)));
}

TEST(unknown_lengths_go_through_views) {
        _cleanup_(build_freep) Build b = build_of_test();
        Ref a = ops_leaf(b.graph, OPS_SPEC(DTYPE_F64, UNKNOWN, 3)), t = build_transpose(&b, a, (const int[]) { 1, 0 });

        ck_assert_int_eq(build_done(&b), 0);
        ck_assert(OPS_HAS(build_spec(&b, t)->shape, 3, UNKNOWN));
        ck_assert(OPS_HAS(build_spec(&b, build_insert_axis(&b, a, 0))->shape, 1, UNKNOWN, 3));
}

TEST(chunks_become_whole_along_an_axis) {
        _cleanup_(build_freep) Build b = build_of_test();
        Ref a = ops_leaf(b.graph, OPS_SPEC(DTYPE_F64, 10, 4));
        const RechunkParams one = { DIMS(1, 0, 1, -1) }, all = { DIMS(1, -1, 1, -1) };

        ck_assert(params_equal(op_find("rechunk"), node_of(&b, build_rechunk_whole(&b, a, 1))->params, &one));
        ck_assert(params_equal(op_find("rechunk"), node_of(&b, build_rechunk_whole(&b, a, -1))->params, &all));
}

TEST(the_first_error_sticks) {
        _cleanup_(build_freep) Build b = build_of_test();
        Ref a = ops_leaf(b.graph, OPS_SPEC(DTYPE_F64, 2, 3)), c = ops_leaf(b.graph, OPS_SPEC(DTYPE_F64, 4));
        Ref bad = build_binary(&b, "add", a, c);
        Shape shape = SHAPE(2, 3);

        ck_assert_int_eq(build_done(&b), ERROR_VALUE);
        ck_assert_str_eq(words.text, "operands could not be broadcast together with shapes (2,3) (4,)");
        /* whatever is built on it does no harm */
        bad = build_unary(&b, "sin", bad);
        bad = build_cast(&b, bad, DTYPE_F32);
        bad = build_reduce(&b, "sum", bad, (Dims) {}, false, DTYPE_NONE);
        bad = build_slice(&b, bad, 0, 0, 1, 1);
        bad = build_transpose(&b, bad, (const int[]) { 0 });
        bad = build_broadcast(&b, bad, &shape);
        bad = build_insert_axis(&b, bad, 0);
        bad = build_drop_axis(&b, bad, 0);
        bad = build_reshape(&b, bad, &shape);
        bad = build_concatenate(&b, (const Ref[]) { bad, bad }, 2, 0);
        bad = build_rechunk_whole(&b, bad, -1);
        bad = build_op(&b, "none_such", NULL, 1, &bad);
        ck_assert_int_eq(build_spec(&b, bad)->shape.ndim, 0);
        ck_assert_int_eq(build_fail(&b, ERROR_TYPE, "later"), ERROR_VALUE);
        ck_assert_int_eq(build_done(&b), ERROR_VALUE);
        ck_assert_str_eq(words.text, "operands could not be broadcast together with shapes (2,3) (4,)");
}

TEST(each_helper_refuses_what_does_not_fit) {
        static const char *const expected[] = {
                "axis 2 is out of bounds for array of dimension 2",
                "axis -1 is out of bounds for array of dimension 2",
                "shape (2, 3) cannot be broadcast to (2, 4)",
                "cannot select an axis to squeeze out which has size not equal to one",
                "there is no operator 'none_such'",
                "axis 3 is out of bounds for array of dimension 3",
                "shape (2, 3) cannot be broadcast to (3,)",
        };

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                _cleanup_(build_freep) Build b = build_of_test();
                Ref a = ops_leaf(b.graph, OPS_SPEC(DTYPE_F64, 2, 3));
                Shape wide = SHAPE(2, 4), flat = SHAPE(3);

                switch (i) {
                case 0: build_slice(&b, a, 2, 0, 1, 1); break;
                case 1: build_transpose(&b, a, (const int[]) { 0, -1 }); break;
                case 2: build_broadcast(&b, a, &wide); break;
                case 3: build_drop_axis(&b, a, 0); break;
                case 4: build_unary(&b, "none_such", a); break;
                case 5: build_insert_axis(&b, a, 3); break;
                case 6: build_broadcast(&b, a, &flat); break;
                }
                ck_assert_int_lt(build_done(&b), 0);
                ck_assert_str_eq(words.text, expected[i]);
        }
}
