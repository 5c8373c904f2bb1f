/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/exec.h"

#include "exec/plans.h"
#include "harness.h"

static uint64_t random_state;

static uint64_t random_below(uint64_t n) {
        random_state += 0x9e3779b97f4a7c15;
        return mix(random_state) % n;
}

static Cuts random_cuts(Hand *h, int64_t extent, bool whole) {
        int64_t size[64], left = extent;
        uint32_t n = 0;
        Cuts ret;

        switch (whole ? 0 : random_below(4)) {
        case 0:
                return cuts_whole(extent);
        case 1:
        case 2:
                return cuts_regular(extent, 1 + (int64_t) random_below((uint64_t) extent / 2 + 3) + extent / 16);
        default:
                while (left > 0 && n < 6)
                        left -= size[n++] = 1 + (int64_t) random_below((uint64_t) left);
                if (left > 0 || n == 0)
                        size[n++] = left;
                ck_assert_int_eq(cuts_from_sizes(h->plan.arena, size, n, extent, &ret, NULL), 0);
                return ret;
        }
}

static Tiling random_tiling(Hand *h, int ndim, const int64_t *extent, int whole_axis) {
        Tiling t = { .ndim = ndim };

        for (int k = 0; k < ndim; k++)
                t.axis[k] = random_cuts(h, extent[k], k == whole_axis);
        return t;
}

/* A leaf that can be read with a random map from a domain of these extents. */
static uint32_t random_source(Hand *h, int ndim, const int64_t *extent, Source *ret, DType dtype) {
        int order[MAX_NDIM], n = 0;
        AxisMap map[MAX_NDIM];
        int64_t dim[MAX_NDIM];
        Tiling t;

        for (int k = 0; k < ndim; k++)
                if (random_below(6) > 0)
                        order[n++] = k;
        for (int k = n - 1; k > 0 && random_below(2); k--) { /* permuted now and then */
                int j = (int) random_below((uint64_t) k + 1), o = order[k];

                order[k] = order[j];
                order[j] = o;
        }
        for (int k = 0; k < n; k++) {
                int64_t len = extent[order[k]];

                dim[k] = len;
                map[k] = (AxisMap) { .axis = order[k], .step = 1 };
                switch (random_below(8)) {
                case 0: /* backwards */
                        map[k] = (AxisMap) { .axis = order[k], .start = MAX(len - 1, (int64_t) 0), .step = -1 };
                        break;
                case 1: /* every third, from the second on */
                        dim[k] = 3 * len + 1;
                        map[k] = (AxisMap) { .axis = order[k], .start = 1, .step = 3 };
                        break;
                case 2: /* one position only */
                        dim[k] = 4;
                        map[k] = (AxisMap) { .axis = NO_AXIS, .start = 2 };
                        break;
                }
        }
        t = random_tiling(h, n, dim, -1);
        ret->map = hand_copy(h, map, sizeof(map));
        if (dtype == DTYPE_F64) {
                ret->value = hand_numbers(h, &t, random_below(1000));
        } else {
                ret->value = hand_leaf(h, dtype, &t);
                for (size_t i = 0; i < value_bytes(h->plan.value.data + ret->value); i++)
                        h->whole[ret->value][i] = (char) random_below(256);
        }
        return 0;
}

typedef struct Program {
        Instr instr[32];
        uint32_t n;
} Program;

static uint32_t emit(Program *p, Instr instr) {
        p->instr[p->n] = instr;
        return p->n++;
}

/* A random program over float64 registers: loads, constants, indices, and what comes of them. */
static void random_program(Hand *h, Program *p, int ndim, const int64_t *extent, uint32_t n_source, const uint32_t *locals, uint32_t n_local) {
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
                emit(p, (Instr) { .kind = INSTR_GENERATE, .dtype = DTYPE_F64, .op = &op_index, .map = hand_identity(h, ndim),
                                  .shape = hand_copy(h, &s, sizeof(s)) });
        }
        for (uint32_t i = 0; i < n_op; i++) {
                static const Op *const ops[] = { &op_add, &op_mul, &op_sub };

                if (random_below(6) == 0) {
                        uint32_t first = emit(p, (Instr) { .kind = INSTR_MAP, .dtype = DTYPE_F64, .op = &op_split,
                                                           .in = { (uint32_t) random_below(p->n) } });

                        while (p->instr[p->instr[first].in[0]].dtype != DTYPE_F64)
                                p->instr[first].in[0] = (uint32_t) random_below(first);
                        if (random_below(2))
                                emit(p, (Instr) { .kind = INSTR_SECOND, .dtype = DTYPE_F32, .in = { first } });
                } else {
                        uint32_t a = (uint32_t) random_below(p->n), b = (uint32_t) random_below(p->n);

                        while (p->instr[a].dtype != DTYPE_F64)
                                a = (uint32_t) random_below(p->n);
                        while (p->instr[b].dtype != DTYPE_F64)
                                b = (uint32_t) random_below(p->n);
                        emit(p, (Instr) { .kind = INSTR_MAP, .dtype = DTYPE_F64, .op = ops[random_below(3)], .in = { a, b } });
                }
        }
}

static const int64_t *random_extents(int ndim) {
        static int64_t extent[8];

        for (int k = 0; k < ndim; k++)
                extent[k] = random_below(12) == 0 ? 1 : 1 + (int64_t) random_below(ndim == 1 ? 3000 : ndim == 2 ? 90 : 17);
        if (ndim > 1 && random_below(4) == 0)
                extent[random_below((uint64_t) ndim)] = 1 + (int64_t) random_below(1500);
        return extent;
}

static int max_lane(int ndim) {
        return ndim + 1;
}

TEST(nests_of_maps_give_what_they_give_element_by_element_for_all_lanes_and_tilings) {
        _cleanup_(exec_freep) Exec *exec = NULL;

        ck_assert_int_eq(exec_new(&exec), 0);
        for (uint64_t seed = 0; seed < 300; seed++) {
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
                        out[n_sink] = (Out) { .value = hand_value(&h, p.instr[reg].dtype, &t, 0), .axis = hand_copy(&h, axis, sizeof(axis)) };
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
                                ck_assert_msg(hand_same(&h, out[i].value), "seed %lu, lane %d, output %u", seed, lane, i);
                }
                hand_free(&h);
        }
}

/* The output of a reduction along `axis`: without it, or with its partials. */
static Tiling reduced_tiling(Hand *h, const Tiling *domain, int axis, FoldEnd end, int *ret_axis) {
        Tiling t = { .ndim = 0 };

        for (int k = 0; k < domain->ndim; k++) {
                const Cuts *cuts = &domain->axis[k];

                if (k == axis && end != FOLD_PARTIAL)
                        continue;
                ret_axis[t.ndim] = k;
                t.axis[t.ndim] = *cuts;
                if (k == axis) {
                        int64_t *size = arena_new_array(h->plan.arena, int64_t, cuts->n), total = 0;

                        for (uint32_t g = 0; g < cuts->n; g++)
                                total += size[g] = tree_cover_size(cuts_edge(cuts, g), cuts_edge(cuts, g + 1));
                        ck_assert_int_eq(cuts_from_sizes(h->plan.arena, size, cuts->n, total, &t.axis[t.ndim], NULL), 0);
                }
                t.ndim++;
        }
        return t;
}

typedef struct Reduced {
        ValueId value[MAX_STATE];
        uint32_t n;
} Reduced;

/* Adds outputs for the sink and returns them. */
static Reduced add_reduction(Hand *h, Sink *sink, Out *out, uint32_t *n_out, const Tiling *domain, uint32_t stage) {
        const Fold *f = sink->op->folds + sink->fold;
        int axis[MAX_NDIM];
        Tiling t = reduced_tiling(h, domain, sink->axis, sink->end, axis);
        Reduced ret = { .n = sink->end == FOLD_FINISH ? 1 : f->n_state };

        for (uint32_t c = 0; c < ret.n; c++) {
                ret.value[c] = hand_value(h, sink->end == FOLD_FINISH ? f->out : f->state[c], &t, stage);
                sink->dest[c] = *n_out;
                out[(*n_out)++] = (Out) { .value = ret.value[c], .axis = hand_copy(h, axis, sizeof(axis)) };
        }
        return ret;
}

TEST(reductions_follow_the_tree_whatever_the_lanes_and_cuts_are) {
        _cleanup_(exec_freep) Exec *exec = NULL;

        ck_assert_int_eq(exec_new(&exec), 0);
        for (uint64_t seed = 0; seed < 400; seed++) {
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
                random_program(&h, &p, ndim, extent, n_source, NULL, 0);
                for (uint32_t i = 0; i < 1 + random_below(3); i++) {
                        uint32_t reg = i == 0 ? p.n - 1 : (uint32_t) random_below(p.n);

                        while (p.instr[reg].dtype != DTYPE_F64)
                                reg = (uint32_t) random_below(p.n);
                        sink[n_sink] = (Sink) { .reg = { reg }, .op = &op_reduce, .fold = (uint32_t) random_below(2), .axis = axis, .end = end };
                        add_reduction(&h, sink + n_sink, out, &n_out, &domain, 0);
                        n_sink++;
                }
                if (random_below(3) == 0) { /* and a result of every position */
                        out[n_out] = (Out) { .value = hand_value(&h, DTYPE_F64, &domain, 0), .axis = hand_axes(&h, ndim) };
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
                                        memset(h.chunk[v->first_chunk + k].data, 0xee, plan_chunk_bytes(&h.plan, v->first_chunk + (uint32_t) k));
                        }
                        ck_assert_msg(hand_run(&h, exec, &err) == 0, "seed %lu: %s", seed, err.text);
                        for (uint32_t i = 0; i < n_out; i++)
                                ck_assert_msg(hand_same(&h, out[i].value), "seed %lu, lane %d, output %u", seed, lane, i);
                }
                hand_free(&h);
        }
}
