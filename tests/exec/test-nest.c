/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/exec.h"

#include "exec/conditions.h"
#include "exec/plans.h"
#include "harness.h"

typedef struct Program {
        Instr instr[32];
        uint32_t n;
} Program;

static uint32_t emit(Program *p, Instr instr) {
        p->instr[p->n] = instr;
        return p->n++;
}

static uint32_t random_register(const Program *p) {
        uint32_t r;

        do
                r = (uint32_t) random_below(p->n);
        while (p->instr[r].dtype != DTYPE_F64);
        return r;
}

/* A choice or a number, or both, by one comparison. */
static void random_choice(Program *p) {
        const uint64_t both = random_below(3);
        const uint32_t a = random_register(p), b = random_register(p);
        const uint32_t other = random_register(p), another = random_register(p);
        const uint32_t less =
                emit(p, (Instr) { .kind = INSTR_MAP, .dtype = DTYPE_BOOL, .op = &op_less, .in = { a, b } });

        if (both != 0)
                emit(p,
                     (Instr) {
                             .kind = INSTR_MAP, .dtype = DTYPE_F64, .op = &op_choice, .in = { less, other, another } });
        if (both != 1)
                emit(p, (Instr) { .kind = INSTR_MAP, .dtype = DTYPE_F64, .op = &op_number, .in = { less } });
}

/* A random program over float64 registers: loads, constants, indices, and what comes of them. */
static void random_program(Hand *h, Program *p, int ndim, const int64_t *extent, uint32_t n_source,
                           const uint32_t *locals, uint32_t n_local) {
        uint32_t n_op = 1 + (uint32_t) random_below(6);

        p->n = 0;
        for (uint32_t i = 0; i < n_source; i++)
                emit(p, (Instr) { .kind = INSTR_LOAD, .dtype = DTYPE_F64, .source = i });
        for (uint32_t i = 0; i < n_local; i++)
                emit(p, (Instr) { .kind = INSTR_LOCAL, .dtype = DTYPE_F64, .source = locals[i] });
        if (p->n == 0 || random_below(3) == 0)
                emit(p, (Instr) { .kind = INSTR_CONST, .dtype = DTYPE_F64, .value = scalar_from_f64(DTYPE_F64, 0.75) });
        if (random_below(3) == 0) {
                Shape s = shape_of(ndim, extent);

                for (int k = 0; k < ndim; k++)
                        s.dim[k] += 2;
                emit(p, (Instr) { .kind  = INSTR_GENERATE,
                                  .dtype = DTYPE_F64,
                                  .op    = &op_index,
                                  .map   = hand_identity(h, ndim),
                                  .shape = hand_copy(h, &s, sizeof(s)) });
        }
        for (uint32_t i = 0; i < n_op; i++) {
                static const Op *const ops[] = { &op_add, &op_mul, &op_sub };

                if (random_below(4) == 0) {
                        random_choice(p);
                } else if (random_below(6) == 0) {
                        uint32_t first = emit(p, (Instr) { .kind = INSTR_MAP, .dtype = DTYPE_F64, .op = &op_split,
                                                           .in = { (uint32_t) random_below(p->n) } });

                        while (p->instr[p->instr[first].in[0]].dtype != DTYPE_F64)
                                p->instr[first].in[0] = (uint32_t) random_below(first);
                        if (random_below(2))
                                emit(p, (Instr) { .kind = INSTR_SECOND, .dtype = DTYPE_F32, .in = { first } });
                } else {
                        const uint32_t a = random_register(p), b = random_register(p);

                        emit(p, (Instr) { .kind  = INSTR_MAP,
                                          .dtype = DTYPE_F64,
                                          .op    = ops[random_below(3)],
                                          .in    = { a, b } });
                }
        }
}

/* A sum of which the elements are a product, or the square of a difference: of what is loaded, or computed of that. */
static uint32_t random_term(Program *p, uint32_t n_source) {
        uint32_t in[2];

        for (int k = 0; k < 2; k++) {
                in[k] = (uint32_t) random_below(n_source);
                if (random_below(4) == 0)
                        in[k] = emit(p, (Instr) { .kind = INSTR_MAP, .dtype = DTYPE_F64, .op = &op_add,
                                                  .in = { in[k], in[k] } });
        }
        if (random_below(2))
                in[0] = in[1] = emit(p, (Instr) { .kind = INSTR_MAP, .dtype = DTYPE_F64, .op = &op_sub,
                                                  .in = { in[0], in[1] } });
        return emit(p, (Instr) { .kind = INSTR_MAP, .dtype = DTYPE_F64, .op = &op_mul, .in = { in[0], in[1] } });
}

TEST(nests_of_maps_give_what_they_give_element_by_element_for_all_lanes_and_tilings) {
        _cleanup_(exec_freep) Exec *exec = NULL;

        ck_assert_int_eq(exec_new(&exec), 0);
        for (uint64_t seed = 0; seed < 200; seed++) {
                Hand h;
                Program p;
                Source source[4];
                Sink sink[3];
                uint32_t n_source, n_sink = 0;
                int ndim;
                const int64_t *extent;
                Tiling domain;
                Stage *stage;
                Out out[3];
                Nest nest;
                Error err = {};

                random_state = seed;
                ndim = (int) random_below(5);
                extent = random_extents(ndim);
                hand_init(&h);
                h.adjacent = random_below(2);
                n_source = (uint32_t) random_below(4);
                domain = random_tiling(&h, ndim, extent, -1);
                for (uint32_t i = 0; i < n_source; i++)
                        random_source(&h, ndim, extent, source + i, DTYPE_F64);
                random_program(&h, &p, ndim, extent, n_source, NULL, 0);
                for (uint32_t i = 0; i < 1 + random_below(3); i++) {
                        uint32_t reg = i == 0 ? p.n - 1 : (uint32_t) random_below(p.n);
                        int axis[MAX_NDIM];
                        Tiling t = domain;

                        for (int k = 0; k < ndim; k++)
                                axis[k] = k;
                        if (ndim > 1 && random_below(3) == 0) { /* stored transposed */
                                axis[0] = ndim - 1;
                                axis[ndim - 1] = 0;
                                t.axis[0] = domain.axis[ndim - 1];
                                t.axis[ndim - 1] = domain.axis[0];
                        }
                        out[n_sink]  = (Out) { .value = hand_value(&h, p.instr[reg].dtype, &t, 0),
                                               .axis  = hand_copy(&h, axis, sizeof(axis)) };
                        sink[n_sink] = (Sink) { .reg = { reg }, .dest = { n_sink } };
                        n_sink++;
                }
                nest = (Nest) { .ndim = ndim, .n_instr = p.n, .n_sink = n_sink, .instr = p.instr, .sink = sink };
                for (int k = 0; k < ndim; k++)
                        nest.axis[k] = k;
                stage = hand_stage(&h, STAGE_NEST, &domain);
                stage->n_source = n_source;
                stage->source = source;
                stage->n_out = n_sink;
                stage->out = out;
                stage->n_nest = 1;
                stage->nest = &nest;
                hand_seal(&h);
                reference_nests(&h, 0);
                for (int lane = -1; lane < max_lane(ndim); lane++) {
                        exec_force_lane(exec, lane);
                        for (uint32_t i = 0; i < n_sink; i++)
                                for (uint64_t k = 0; k < tiling_n_chunks(&domain); k++) {
                                        uint32_t c = h.plan.value.data[out[i].value].first_chunk + (uint32_t) k;

                                        memset(h.chunk[c].data, 0xee, plan_chunk_bytes(&h.plan, c));
                                }
                        ck_assert_msg(hand_run(&h, exec, &err) == 0, "seed %lu: %s", seed, err.text);
                        for (uint32_t i = 0; i < n_sink; i++)
                                ck_assert_msg(hand_same(&h, out[i].value), "seed %lu, lane %d, output %u", seed, lane,
                                              i);
                }
                hand_free(&h);
        }
        ck_assert_uint_gt(n_decided, 0);
}

TEST(reductions_follow_the_tree_whatever_the_lanes_and_cuts_are) {
        _cleanup_(exec_freep) Exec *exec = NULL;

        ck_assert_int_eq(exec_new(&exec), 0);
        for (uint64_t seed = 0; seed < 300; seed++) {
                Hand h;
                Program p;
                Source source[4];
                Sink sink[4] = {};
                Out out[12];
                uint32_t n_source, n_sink = 0, n_out = 0;
                int ndim, axis;
                const int64_t *extent;
                Tiling domain;
                Stage *stage;
                Nest nest;
                FoldEnd end;
                bool terms;
                Error err = {};

                random_state = seed;
                ndim = 1 + (int) random_below(3);
                axis = (int) random_below((uint64_t) ndim);
                extent = random_extents(ndim);
                end = (FoldEnd) random_below(3);
                hand_init(&h);
                n_source = 1 + (uint32_t) random_below(3);
                domain = random_tiling(&h, ndim, extent, end == FOLD_PARTIAL ? -1 : axis);
                for (uint32_t i = 0; i < n_source; i++)
                        random_source(&h, ndim, extent, source + i, DTYPE_F64);
                terms = random_below(3) == 0;
                random_program(&h, &p, ndim, extent, n_source, NULL, 0);
                if (terms)
                        p.n = n_source;
                for (uint32_t i = 0; i < 1 + random_below(3); i++) {
                        uint32_t reg = i == 0 ? p.n - 1 : (uint32_t) random_below(p.n);

                        if (terms)
                                reg = random_term(&p, n_source);
                        while (p.instr[reg].dtype != DTYPE_F64)
                                reg = (uint32_t) random_below(p.n);
                        sink[n_sink] = (Sink) { .reg  = { reg },
                                                .op   = &op_reduce,
                                                .fold = terms ? FOLD_SUM : (uint32_t) random_below(5),
                                                .axis = axis,
                                                .end  = end };
                        add_reduction(&h, sink + n_sink, out, &n_out, &domain, 0);
                        n_sink++;
                }
                if (random_below(3) == 0) { /* and a result of every position */
                        out[n_out] =
                                (Out) { .value = hand_value(&h, DTYPE_F64, &domain, 0), .axis = hand_axes(&h, ndim) };
                        sink[n_sink++] = (Sink) { .reg = { sink[0].reg[0] }, .dest = { n_out++ } };
                }
                nest = (Nest) { .ndim = ndim, .n_instr = p.n, .n_sink = n_sink, .instr = p.instr, .sink = sink };
                for (int k = 0; k < ndim; k++)
                        nest.axis[k] = k;
                stage = hand_stage(&h, STAGE_NEST, &domain);
                stage->n_source = n_source;
                stage->source = source;
                stage->n_out = n_out;
                stage->out = out;
                stage->n_nest = 1;
                stage->nest = &nest;
                hand_seal(&h);
                reference_nests(&h, 0);
                for (int lane = -1; lane < max_lane(ndim); lane++) {
                        exec_force_lane(exec, lane);
                        for (uint32_t i = 0; i < n_out; i++) {
                                const Value *v = h.plan.value.data + out[i].value;

                                for (uint64_t k = 0; k < tiling_n_chunks(&v->tiling); k++)
                                        memset(h.chunk[v->first_chunk + k].data, 0xee,
                                               plan_chunk_bytes(&h.plan, v->first_chunk + (uint32_t) k));
                        }
                        ck_assert_msg(hand_run(&h, exec, &err) == 0, "seed %lu: %s", seed, err.text);
                        for (uint32_t i = 0; i < n_out; i++)
                                ck_assert_msg(hand_same(&h, out[i].value), "seed %lu, lane %d, output %u", seed, lane,
                                              i);
                }
                hand_free(&h);
        }
        ck_assert_uint_gt(n_terms, 0);
}
