/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/exec.h"

#include "exec/plans.h"
#include "harness.h"

static Cuts group_cuts(Hand *h, const Cuts *in, uint32_t group) {
        uint32_t n = (in->n + group - 1) / group;
        int64_t *size = arena_new_array(h->plan.arena, int64_t, n);
        Cuts ret;

        for (uint32_t g = 0; g < n; g++)
                size[g] = cuts_edge(in, MIN((g + 1) * group, in->n)) - cuts_edge(in, g * group);
        ck_assert_int_eq(cuts_from_sizes(h->plan.arena, size, n, in->extent, &ret, NULL), 0);
        return ret;
}

/* A stage that reduces x along `axis`. */
static Reduced add_reduce(Hand *h, ValueId x, const Tiling *domain, Sink *sink) {
        Stage *stage = hand_stage(h, STAGE_NEST, domain);
        uint32_t index = h->plan.stage.n - 1, n_out = 0;
        Instr load = { .kind = INSTR_LOAD, .dtype = DTYPE_F64 };
        Source source = { .value = x, .map = hand_identity(h, domain->ndim) };
        Nest nest = { .ndim = domain->ndim, .n_instr = 1, .n_sink = 1, .instr = hand_copy(h, &load, sizeof(load)) };
        Out out[MAX_STATE];
        Reduced ret;

        for (int k = 0; k < domain->ndim; k++)
                nest.axis[k] = k;
        ret = add_reduction(h, sink, out, &n_out, domain, index);
        nest.sink = hand_copy(h, sink, sizeof(*sink));
        stage->n_source = 1;
        stage->source = hand_copy(h, &source, sizeof(source));
        stage->n_out = n_out;
        stage->out = hand_copy(h, out, sizeof(out));
        stage->n_nest = 1;
        stage->nest = hand_copy(h, &nest, sizeof(nest));
        return ret;
}

/* Merges partials until there is a result. */
static Reduced merge_all(Hand *h, Reduced in, const Sink *sink, const Cuts *elements, uint32_t group, FoldEnd end) {
        Cuts cuts = *elements;

        for (bool done = false; !done;) {
                Tiling domain = h->plan.value.data[in.value[0]].tiling, t;
                const Fold *f = sink->op->folds + sink->fold;
                Source source[MAX_STATE];
                Out out[MAX_STATE];
                Stage *stage;
                int axis[MAX_NDIM];
                uint32_t index = h->plan.stage.n, n_state = f->n_state;

                done = cuts.n <= group;
                domain.axis[sink->axis] = group_cuts(h, &domain.axis[sink->axis], group);
                stage = hand_stage(h, STAGE_MERGE, &domain);
                stage->merge            = (Merge) { .op       = sink->op,
                                                    .fold     = sink->fold,
                                                    .axis     = sink->axis,
                                                    .group    = group,
                                                    .elements = cuts,
                                                    .unit     = sink->unit,
                                                    .end      = done ? end : FOLD_PARTIAL };
                for (uint32_t c = 0; c < n_state; c++)
                        source[c] = (Source) { .value = in.value[c], .map = hand_identity(h, domain.ndim) };
                cuts = group_cuts(h, &cuts, group);
                t = domain;
                t.axis[sink->axis] = cuts;
                t = reduced_tiling(h, &t, sink->axis, done ? end : FOLD_PARTIAL, axis);
                in.n = done && end == FOLD_FINISH ? 1 : n_state;
                for (uint32_t c = 0; c < in.n; c++) {
                        in.value[c] = hand_value(h, done && end == FOLD_FINISH ? f->out : f->state[c], &t, index);
                        out[c] = (Out) { .value = in.value[c], .axis = hand_copy(h, axis, sizeof(axis)) };
                }
                stage->n_source = n_state;
                stage->source = hand_copy(h, source, sizeof(source));
                stage->n_out = in.n;
                stage->out = hand_copy(h, out, sizeof(out));
        }
        return in;
}

TEST(merged_partials_are_the_reduction_in_one_piece) {
        _cleanup_(exec_freep) Exec *exec = NULL;

        ck_assert_int_eq(exec_new(&exec), 0);
        for (uint64_t seed = 0; seed < 200; seed++) {
                Hand h;
                Sink sink = { .op = &op_reduce, .end = FOLD_PARTIAL }, whole;
                Tiling domain, one;
                Reduced partial, result, expected;
                const int64_t *extent;
                FoldEnd end;
                ValueId x;
                int ndim;
                Error err = {};

                random_state = seed;
                ndim = 1 + (int) random_below(3);
                extent = random_extents(ndim);
                sink.axis = (int) random_below((uint64_t) ndim);
                sink.fold = (uint32_t) random_below(5);
                end = random_below(2) ? FOLD_FINISH : FOLD_STATE;
                hand_init(&h);
                domain = random_tiling(&h, ndim, extent, -1);
                if (random_below(2)) /* many chunks: several levels of merges */
                        domain.axis[sink.axis] = cuts_regular(extent[sink.axis],
                                                              1 + (int64_t) random_below(5) + extent[sink.axis] / 100);
                one = domain;
                one.axis[sink.axis] = cuts_whole(extent[sink.axis]);
                x = hand_numbers(&h, &domain, seed);
                partial = add_reduce(&h, x, &domain, &sink);
                result = merge_all(&h, partial, &sink, &domain.axis[sink.axis], 2 + (uint32_t) random_below(4), end);
                whole = sink;
                whole.end = end;
                expected = add_reduce(&h, x, &one, &whole);
                hand_seal(&h);
                reference_nests(&h, 0);
                reference_nests(&h, h.plan.stage.n - 1);
                ck_assert_msg(hand_run(&h, exec, &err) == 0, "seed %lu: %s", seed, err.text);
                for (uint32_t c = 0; c < partial.n; c++)
                        ck_assert_msg(hand_same(&h, partial.value[c]), "seed %lu, partial", seed);
                for (uint32_t c = 0; c < result.n; c++) {
                        ck_assert_msg(hand_same(&h, expected.value[c]), "seed %lu, in one piece", seed);
                        memcpy(h.whole[result.value[c]], h.whole[expected.value[c]],
                               value_bytes(h.plan.value.data + expected.value[c]));
                        ck_assert_msg(hand_same(&h, result.value[c]), "seed %lu, merged", seed);
                }
                hand_free(&h);
        }
}

/* Every way to cut an axis of 8 elements in up to four chunks. */
TEST(all_cuts_of_a_small_axis_give_the_same_bits) {
        _cleanup_(exec_freep) Exec *exec = NULL;
        enum { N = 8 };

        ck_assert_int_eq(exec_new(&exec), 0);
        for (int a = 0; a <= N; a++)
                for (int b = a; b <= N; b++)
                        for (int c = b; c <= N; c++) {
                                const int64_t edge[] = { 0, a, b, c, N };
                                int64_t size[4];
                                uint32_t n = 0;
                                Hand h;
                                Sink sink = { .op = &op_reduce, .fold = FOLD_TRACE, .end = FOLD_PARTIAL }, whole;
                                Tiling domain = { .ndim = 1 }, one = { .ndim = 1, .axis[0] = cuts_whole(N) };
                                Reduced result, expected;
                                ValueId x;
                                Error err = {};

                                for (int k = 0; k < 4; k++) /* empty chunks, too */
                                        size[n++] = edge[k + 1] - edge[k];
                                hand_init(&h);
                                ck_assert_int_eq(cuts_from_sizes(h.plan.arena, size, n, N, &domain.axis[0], NULL), 0);
                                x = hand_numbers(&h, &domain, 5);
                                result    = merge_all(&h, add_reduce(&h, x, &domain, &sink), &sink, &domain.axis[0], 2,
                                                      FOLD_FINISH);
                                whole = sink;
                                whole.end = FOLD_FINISH;
                                expected = add_reduce(&h, x, &one, &whole);
                                hand_seal(&h);
                                reference_nests(&h, h.plan.stage.n - 1);
                                ck_assert_msg(hand_run(&h, exec, &err) == 0, "%d %d %d: %s", a, b, c, err.text);
                                memcpy(h.whole[result.value[0]], h.whole[expected.value[0]], 8);
                                ck_assert_msg(hand_same(&h, result.value[0]), "%d %d %d", a, b, c);
                                hand_free(&h);
                        }
}

/* ---- Scans
 * ---------------------------------------------------------------------------------------------------------- */

static char *state_at(const Fold *f, const States *nodes, int c, int64_t index) {
        return nodes->at[c] + index * (int64_t) dtype_size(f->state[c]);
}

/* Level l of the tree from level l - 1: those of its nodes that are complete. */
static void reference_level(const Fold *f, const States *below, int64_t n, int level, States *ret) {
        void *a[MAX_STATE], *b[MAX_STATE], *o[MAX_STATE];

        for (int c = 0; c < f->n_state; c++)
                ret->at[c] = malloc((size_t) n * 16);
        for (int64_t i = 0; i < n; i++) {
                for (int c = 0; c < f->n_state; c++) {
                        a[c] = state_at(f, below, c, 2 * i);
                        b[c] = state_at(f, below, c, 2 * i + 1);
                        o[c] = state_at(f, ret, c, i);
                }
                f->merge(1, a, b, o, (int64_t) 1 << (level - 1), (int64_t) 1 << (level - 1));
        }
}

/* Element i: the fold from the left of the cover of [0, i + 1). */
static void reference_scan(const Fold *f, const char *x, int64_t n, int64_t x_step, char *out, int64_t out_step) {
        char state[MAX_STATE][16], result[16];
        void *a[MAX_STATE], *b[MAX_STATE];
        States tree[64];
        int n_level = 1;

        for (int c = 0; c < f->n_state; c++) {
                tree[0].at[c] = malloc((size_t) n * 16);
                a[c] = state[c];
        }
        for (int64_t i = 0; i < n; i++) {
                for (int c = 0; c < f->n_state; c++)
                        b[c] = state_at(f, tree, c, i);
                if (f->lift)
                        f->lift(1, x + i * x_step, i, 0, b);
                else
                        memcpy(b[0], x + i * x_step, dtype_size(f->in));
        }
        for (; n >> n_level > 0; n_level++)
                reference_level(f, tree + n_level - 1, n >> n_level, n_level, tree + n_level);
        for (int64_t i = 0; i < n; i++) {
                TreeNode cover[MAX_TREE_NODES];
                int n_node = tree_cover(0, i + 1, cover);

                for (int j = 0; j < n_node; j++) {
                        for (int c = 0; c < f->n_state; c++) {
                                b[c] = state_at(f, tree + cover[j].level, c, cover[j].index);
                                if (j == 0)
                                        memcpy(a[c], b[c], dtype_size(f->state[c]));
                        }
                        if (j > 0)
                                f->merge(1, a, b, a, tree_node_lo(cover[j]), (int64_t) 1 << cover[j].level);
                }
                if (f->finish)
                        f->finish(1, a, i + 1, result);
                else
                        memcpy(result, state[0], sizeof(result));
                memcpy(out + i * out_step, result, dtype_size(f->out));
        }
        for (int l = 0; l < n_level; l++)
                for (int c = 0; c < f->n_state; c++)
                        free(tree[l].at[c]);
}

TEST(running_reductions_do_not_depend_on_cuts) {
        _cleanup_(exec_freep) Exec *exec = NULL;

        ck_assert_int_eq(exec_new(&exec), 0);
        for (uint64_t seed = 0; seed < 150; seed++) {
                Hand h;
                Sink sink = { .op = &op_scan, .end = FOLD_PARTIAL };
                const Fold *f;
                Tiling domain;
                Reduced partial;
                const int64_t *extent;
                Source source[1 + MAX_STATE];
                Out out[MAX_STATE];
                Stage *stage;
                ValueId x, y;
                int64_t stride[MAX_NDIM], pos[MAX_NDIM] = {}, total = 0;
                uint32_t index;
                Nest all = {};
                int ndim;
                Error err = {};

                random_state = seed;
                ndim = 1 + (int) random_below(3);
                extent = random_extents(ndim);
                sink.axis = (int) random_below((uint64_t) ndim);
                sink.fold = random_below(2) ? FOLD_SUM : FOLD_ORDER;
                f = test_folds + sink.fold;
                hand_init(&h);
                domain = random_tiling(&h, ndim, extent, -1);
                x = hand_numbers(&h, &domain, seed);
                partial = add_reduce(&h, x, &domain, &sink);

                if (domain.axis[sink.axis].n > 1) {
                        Tiling t = h.plan.value.data[partial.value[0]].tiling, merge_domain = t;

                        for (uint32_t g = 0; g < domain.axis[sink.axis].n; g++)
                                total += tree_cover_size(0, cuts_edge(&domain.axis[sink.axis], g));
                        merge_domain.axis[sink.axis] = cuts_whole(t.axis[sink.axis].extent);
                        t.axis[sink.axis] = cuts_whole(total);
                        index = h.plan.stage.n;
                        stage = hand_stage(&h, STAGE_MERGE, &merge_domain);
                        stage->merge                 = (Merge) { .op       = &op_scan,
                                                                 .fold     = sink.fold,
                                                                 .axis     = sink.axis,
                                                                 .group    = domain.axis[sink.axis].n,
                                                                 .elements = domain.axis[sink.axis],
                                                                 .scan     = true };
                        for (uint32_t c = 0; c < f->n_state; c++) {
                                source[c] = (Source) { .value = partial.value[c], .map = hand_identity(&h, ndim) };
                                partial.value[c] = hand_value(&h, f->state[c], &t, index);
                                out[c] = (Out) { .value = partial.value[c], .axis = hand_axes(&h, ndim) };
                        }
                        stage->n_source = stage->n_out = f->n_state;
                        stage->source = hand_copy(&h, source, sizeof(source));
                        stage->out = hand_copy(&h, out, sizeof(out));
                }
                y = hand_value(&h, f->out, &domain, h.plan.stage.n);
                if (domain.axis[sink.axis].n > 1)
                        domain.axis[domain.ndim++] = cuts_whole(total);
                stage = hand_stage(&h, STAGE_BLOCK, &domain);
                stage->block = (Block) { .op = &op_scan, .axis = sink.axis, .fold = sink.fold };
                source[0] = (Source) { .value = x, .map = hand_identity(&h, ndim) };
                for (uint32_t c = 0; c < f->n_state; c++) {
                        AxisMap *map = hand_copy(&h, hand_identity(&h, ndim), sizeof(AxisMap) * MAX_NDIM);

                        map[sink.axis].axis = ndim;
                        source[1 + c] = (Source) { .value = partial.value[c], .map = map };
                }
                stage->n_source = domain.axis[sink.axis].n > 1 ? 1u + f->n_state : 1;
                stage->source = source;
                stage->n_out = 1;
                stage->out = &(Out) { .value = y, .axis = hand_axes(&h, ndim) };

                hand_seal(&h);
                ck_assert_msg(hand_run(&h, exec, &err) == 0, "seed %lu: %s", seed, err.text);
                strides_of(h.plan.value.data + x, stride);
                all.ndim = ndim;
                for (int k = 0; k < ndim; k++)
                        all.axis[k] = k;
                do {
                        int64_t at = 0;

                        for (int k = 0; k < ndim; k++)
                                at += pos[k] * stride[k];
                        reference_scan(f, h.whole[x] + at, extent[sink.axis], stride[sink.axis], h.whole[y] + at,
                                       stride[sink.axis]);
                } while (next_position(&all, extent, sink.axis, pos));
                ck_assert_msg(hand_same(&h, y), "seed %lu", seed);
                hand_free(&h);
        }
}
