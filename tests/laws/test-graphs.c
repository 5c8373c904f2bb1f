/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold for every operator of the table as soon as it is in a graph, and the round-trip law of graphs. */
#include "graph/chance.h"
#include "harness.h"

TEST(every_parameter_of_the_table_can_be_left_out_or_says_that_it_cannot) {
        for (const Op *const *op = op_table(); *op; op++) {
                _Alignas(16) char params[MAX_PARAMS_BYTES];

                ck_assert_msg((*op)->params_size <= sizeof(params), "%s: parameters of %zu bytes", (*op)->name,
                              (*op)->params_size);
                for (const Param *p = params_of(*op); p->name; p++) {
                        Error err = {};
                        int r = param_default(p, params, &err);

                        ck_assert_msg(p->offset < (*op)->params_size, "%s: %s", (*op)->name, p->name);
                        ck_assert_msg(r == (p->fallback ? 0 : ERROR_TYPE), "%s: %s", (*op)->name, err.text);
                        ck_assert_msg(param_find(*op, p->name, p->kind) == p, "%s: two parameters %s", (*op)->name,
                                      p->name);
                }
        }
}

TEST(every_name_of_the_table_can_be_written) {
        for (const Op *const *op = op_table(); *op; op++) {
                size_t n = strlen((*op)->name);

                ck_assert_ptr_eq(op_find((*op)->name), *op);
                ck_assert_uint_lt(n, 64);
                ck_assert_uint_eq(strspn((*op)->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), n);
        }
}

/* 400 tries with operators that a user may ask for. */
static Graph *graph_by_chance(uint64_t seed) {
        Graph *graph;

        chance_state = seed;
        ck_assert_int_eq(graph_new(&graph), 0);
        for (int i = 0; i < 400; i++) {
                const Op *op = op_table()[chance(op_count())];

                if (!op->hidden)
                        node_by_chance(graph, op);
        }
        return graph;
}

TEST(graphs_of_all_operators_read_back_equal) {
        for (uint64_t seed = 0; seed < 300; seed++) {
                _cleanup_(graph_freep) Graph *graph = graph_by_chance(seed), *back = NULL;
                _cleanup_(freep) uint8_t *bytes = NULL, *again = NULL;
                size_t size, size_again;
                Error err = {};
                int r;

                ck_assert_int_eq(graph_encode(graph, &bytes, &size), 0);
                r = graph_decode(bytes, size, &back, &err);
                ck_assert_msg(r == 0, "seed %llu: %s", (unsigned long long) seed, err.text);
                ck_assert_int_eq(graph_encode(back, &again, &size_again), 0);
                ck_assert_uint_eq(size, size_again);
                ck_assert_bytes_eq(bytes, again, size);
                for (uint32_t i = 0; i < graph->node.n; i++)
                        for (uint32_t k = 0; k < graph->node.data[i].n_out; k++) {
                                const Spec *a = graph_spec(graph, (Ref) { i, k }), *b = graph_spec(back, (Ref){ i, k });

                                ck_assert(a->dtype == b->dtype && shape_equal(&a->shape, &b->shape));
                        }
        }
}

/* With every length hidden an operator must not refuse what it accepts when they are known. */
TEST(what_is_accepted_with_known_lengths_is_accepted_with_unknown_ones) {
        for (uint64_t seed = 0; seed < 300; seed++) {
                _cleanup_(graph_freep) Graph *graph = graph_by_chance(seed);

                for (uint32_t i = 0; i < graph->node.n; i++) {
                        const Node *node = &graph->node.data[i];
                        Spec in[8], out[MAX_OP_OUT];
                        Error err = {};
                        int r;

                        if (!node->op || node->n_in == 0 || node->n_in > ELEMENTSOF(in))
                                continue;
                        for (uint32_t k = 0; k < node->n_in; k++) {
                                in[k] = *graph_spec(graph, node->in[k]);
                                for (int a = 0; a < in[k].shape.ndim; a++)
                                        in[k].shape.dim[a] = UNKNOWN;
                        }
                        r = op_infer(&(OpCall) { .op = node->op, .params = node->params, .n_in = node->n_in, .in = in },
                                     out, &err);
                        ck_assert_msg(r == 0, "%s: %s", node->op->name, err.text);
                        for (uint32_t k = 0; k < node->n_out; k++) {
                                const Spec *known = graph_spec(graph, (Ref) { i, k });

                                ck_assert_msg(out[k].dtype == known->dtype && out[k].shape.ndim == known->shape.ndim,
                                              "%s", node->op->name);
                                for (int a = 0; a < known->shape.ndim; a++)
                                        ck_assert_msg(out[k].shape.dim[a] == UNKNOWN ||
                                                              known->shape.dim[a] == UNKNOWN ||
                                                              out[k].shape.dim[a] == known->shape.dim[a],
                                                      "%s: axis %d", node->op->name, a);
                        }
                }
        }
}
