/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "plan/plan.h"

#include "harness.h"

static const Tiling *tiling_of(void *userdata, uint64_t stored) {
        return stored > 0 ? userdata : NULL;
}

/* The plan of a graph whose only leaf is cut so. */
static Plan *plan_of(const Graph *graph, Tiling *tiling) {
        Plan *plan = NULL;
        Error err  = {};

        ck_assert_msg(plan_make(graph, &(PlanLeaves){ .tiling = tiling_of, .userdata = tiling }, &plan, &err) == 0,
                      "%s", err.text);
        return plan;
}

static Ref leaf(Build *b, uint64_t stored, int64_t length) {
        Spec spec = { .dtype = DTYPE_F64, .shape = SHAPE(length) };
        Ref ref   = {};

        ck_assert_int_eq(graph_add_stored(b->graph, stored, &spec, &ref.node), 0);
        return ref;
}

/* x[x > 0] */
static Ref positive(Build *b, Ref x) {
        Ref in[] = { x, build_binary(b, "greater", x, build_f64(b, DTYPE_F64, 0)) };

        return build_op(b, "mask", NULL, 2, in);
}

TEST(rest_of_a_graph_continues_from_what_was_made) {
        Tiling tiling                       = { .ndim = 1, .axis = { cuts_regular(100, 30) } };
        _cleanup_(graph_freep) Graph *graph = NULL, *rest = NULL;
        _cleanup_(plan_freep) Plan *plan    = NULL, *next = NULL;
        _cleanup_(freep) uint64_t *stored   = NULL;
        _cleanup_(freep) Spec *spec         = NULL;
        Error err = {};
        Build b   = { .err = &err };
        Ref x, chosen, sum;

        ck_assert_int_eq(graph_new(&graph), 0);
        b.graph = graph;
        x       = leaf(&b, 1, 100);
        chosen  = positive(&b, x);
        sum     = build_reduce(&b, "sum", build_binary(&b, "multiply", chosen, chosen), (Dims) {}, false, DTYPE_NONE);
        ck_assert_msg(build_done(&b) == 0, "%s", err.text);
        ck_assert_int_eq(vec_push(&graph->wanted, sum), 0);
        ck_assert_int_eq(vec_push(&graph->wanted, chosen), 0);

        plan = plan_of(graph, &tiling);
        ck_assert(!plan->complete);
        ck_assert_uint_gt(plan->made.n, 0);
        stored = calloc(plan->made.n, sizeof(*stored));
        spec   = calloc(plan->made.n, sizeof(*spec));
        for (uint32_t k = 0; k < plan->made.n; k++) {
                stored[k] = 10 + k;
                spec[k]   = *graph_spec(plan->graph, plan->made.data[k].ref);
                if (!shape_known(&spec[k].shape))
                        spec[k].shape = SHAPE(42);
        }
        ck_assert_msg(plan_extend(plan, stored, spec, &rest, &err) == 0, "%s", err.text);
        ck_assert_uint_eq(rest->wanted.n, 2);
        ck_assert_int_eq(graph_spec(rest, rest->wanted.data[0])->shape.ndim, 0);
        ck_assert_int_eq(graph_spec(rest, rest->wanted.data[1])->shape.dim[0], 42);
        ck_assert_ptr_null(rest->node.data[rest->wanted.data[1].node].op); /* it is there already */

        tiling.axis[0] = cuts_regular(42, 30);
        next           = plan_of(rest, &tiling);
        ck_assert(next->complete);
}

TEST(operator_that_cannot_take_the_actual_shape_refuses_then) {
        Tiling tiling                       = { .ndim = 1, .axis = { cuts_regular(100, 30) } };
        _cleanup_(graph_freep) Graph *graph = NULL, *rest = NULL;
        _cleanup_(plan_freep) Plan *plan    = NULL;
        uint64_t stored[8];
        Spec spec[8];
        Error err = {};
        Build b   = { .err = &err };
        Ref x;

        ck_assert_int_eq(graph_new(&graph), 0);
        b.graph = graph;
        x       = leaf(&b, 1, 100);
        x       = build_binary(&b, "add", positive(&b, x), x);
        ck_assert_msg(build_done(&b) == 0, "%s", err.text);
        ck_assert_int_eq(vec_push(&graph->wanted, x), 0);
        plan = plan_of(graph, &tiling);
        ck_assert(!plan->complete);
        ck_assert_uint_le(plan->made.n, ELEMENTSOF(stored));
        for (uint32_t k = 0; k < plan->made.n; k++) {
                stored[k] = 10 + k;
                spec[k]   = *graph_spec(plan->graph, plan->made.data[k].ref);
                if (!shape_known(&spec[k].shape))
                        spec[k].shape = SHAPE(42);
        }
        ck_assert_int_eq(plan_extend(plan, stored, spec, &rest, &err), ERROR_VALUE);
        ck_assert_msg(strstr(err.text, "(42,)") && strstr(err.text, "(100,)"), "%s", err.text);
}
