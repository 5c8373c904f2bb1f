/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/exec.h"

#include "exec/plans.h"
#include "harness.h"

static Instr load(uint32_t source) {
        return (Instr) { .kind = INSTR_LOAD, .dtype = DTYPE_F64, .source = source };
}
static Instr local(uint32_t which, DType dtype) {
        return (Instr) { .kind = INSTR_LOCAL, .dtype = dtype, .source = which };
}
static Instr map(const Op *op, uint32_t a, uint32_t b) {
        return (Instr) { .kind = INSTR_MAP, .dtype = DTYPE_F64, .op = op, .in = { a, b } };
}
static Tiling tiling_of(int ndim, const Cuts *cuts) {
        Tiling t = { .ndim = ndim };

        memcpy(t.axis, cuts, (size_t) ndim * sizeof(*cuts));
        return t;
}

static void run_and_compare(Hand *h, Exec *exec) {
        Error err = {};

        hand_seal(h);
        reference_nests(h, 0);
        for (int lane = -1; lane < 4; lane++) {
                exec_force_lane(exec, lane);
                ck_assert_msg(hand_run(h, exec, &err) == 0, "%s", err.text);
                for (uint32_t i = 0; i < h->plan.stage.data[0].n_out; i++)
                        ck_assert_msg(hand_same(h, h->plan.stage.data[0].out[i].value), "lane %d, output %u", lane, i);
        }
        exec_force_lane(exec, -1);
}

/* y = x - sum(x, axis=1), and e = sum over axis 1 of y²: three nests, two locals. */
TEST(nests_that_share_rows_run_by_blocks_of_rows) {
        static const int64_t extents[][2] = { { 5, 7 }, { 3000, 40 }, { 700, 600 }, { 1, 3 }, { 4000, 3 } };

        for (size_t i = 0; i < ELEMENTSOF(extents); i++)
                for (int tall = 0; tall < 2; tall++) {
                        _cleanup_(exec_freep) Exec *exec = NULL;
                        int64_t n = extents[i][0], m = extents[i][1];
                        Cuts cuts[] = { cuts_regular(n, tall ? n : n / 3 + 1), cuts_whole(m) };
                        Tiling domain = tiling_of(2, cuts), rows = tiling_of(1, cuts);
                        Hand h;
                        Stage *stage;
                        ValueId x, y, e;

                        ck_assert_int_eq(exec_new(&exec), 0);
                        hand_init(&h);
                        x = hand_numbers(&h, &domain, i);
                        y = hand_value(&h, DTYPE_F64, &domain, 0);
                        e = hand_value(&h, DTYPE_U64, &rows, 0);
                        const Instr first[] = { load(0) };
                        const Instr second[] = { load(0), local(0, DTYPE_F64), map(&op_sub, 0, 1), map(&op_mul, 2, 2) };
                        const Instr third[] = { local(1, DTYPE_F64) };
                        const Sink sum       = {
                                      .op = &op_reduce, .fold = FOLD_SUM, .axis = 1, .end = FOLD_FINISH, .local = true
                        };
                        const Sink stores[] = { { .reg = { 2 }, .dest = { 0 } },
                                                { .reg = { 3 }, .local = true, .dest = { 1 } } };
                        const Sink trace    = {
                                   .op = &op_reduce, .fold = FOLD_TRACE, .axis = 1, .end = FOLD_FINISH, .dest = { 1 }
                        };
                        const Nest nests[] = {
                                { .ndim    = 2,
                                  .axis    = { 0, 1 },
                                  .n_instr = 1,
                                  .instr   = first,
                                  .n_sink  = 1,
                                  .sink    = &sum },
                                { .ndim    = 2,
                                  .axis    = { 0, 1 },
                                  .n_instr = 4,
                                  .instr   = second,
                                  .n_sink  = 2,
                                  .sink    = stores },
                                { .ndim    = 2,
                                  .axis    = { 0, 1 },
                                  .n_instr = 1,
                                  .instr   = third,
                                  .n_sink  = 1,
                                  .sink    = &trace },
                        };
                        const Local locals[] = { { DTYPE_F64, 1, { 0 } }, { DTYPE_F64, 2, { 0, 1 } } };
                        const Source source = { .value = x, .map = hand_identity(&h, 2) };
                        const Out outs[]     = { { .value = y, .axis = hand_axes(&h, 2) },
                                                 { .value = e, .axis = hand_axes(&h, 1) } };

                        stage = hand_stage(&h, STAGE_NEST, &domain);
                        stage->n_source = 1;
                        stage->source = &source;
                        stage->n_out = 2;
                        stage->out = outs;
                        stage->n_local = 2;
                        stage->local = locals;
                        stage->n_nest = 3;
                        stage->nest = nests;
                        run_and_compare(&h, exec);
                        hand_free(&h);
                }
}

/* The states of axis 1, then of axis 0: what an earlier reduction left is an element of the next, and counts are
 * multiples. */
TEST(reductions_over_two_axes_hand_their_states_on) {
        static const int64_t extents[][2] = { { 5, 7 }, { 1300, 9 }, { 9, 1300 }, { 260, 257 }, { 1, 1 } };

        for (size_t i = 0; i < ELEMENTSOF(extents); i++)
                for (int end = 0; end < 3; end++) {
                        _cleanup_(exec_freep) Exec *exec = NULL;
                        int64_t n = extents[i][0], m = extents[i][1];
                        Cuts cuts[] = { end == FOLD_PARTIAL ? cuts_regular(n, n / 3 + 1) : cuts_whole(n),
                                        cuts_whole(m) };
                        Tiling domain = tiling_of(2, cuts);
                        Hand h;
                        Stage *stage;
                        ValueId x;
                        uint32_t n_out = 0;
                        Out outs[MAX_STATE];

                        ck_assert_int_eq(exec_new(&exec), 0);
                        hand_init(&h);
                        x = hand_numbers(&h, &domain, i);
                        const Instr first[] = { load(0) };
                        const Instr second[] = { local(0, DTYPE_U64), local(1, DTYPE_I32) };
                        Sink sinks[]         = {
                                        { .op    = &op_reduce,
                                          .fold  = FOLD_TRACE,
                                          .axis  = 1,
                                          .end   = FOLD_STATE,
                                          .local = true,
                                          .dest  = { 0, 1 } },
                                        { .reg  = { 0, 1 },
                                          .op   = &op_reduce,
                                          .fold = FOLD_TRACE,
                                          .axis = 0,
                                          .unit = m,
                                          .end  = (FoldEnd) end },
                        };
                        const Nest nests[] = {
                                { .ndim    = 2,
                                  .axis    = { 0, 1 },
                                  .n_instr = 1,
                                  .instr   = first,
                                  .n_sink  = 1,
                                  .sink    = &sinks[0] },
                                { .ndim    = 1,
                                  .axis    = { 0 },
                                  .n_instr = 2,
                                  .instr   = second,
                                  .n_sink  = 1,
                                  .sink    = &sinks[1] },
                        };
                        const Local locals[] = { { DTYPE_U64, 1, { 0 } }, { DTYPE_I32, 1, { 0 } } };
                        const Source source = { .value = x, .map = hand_identity(&h, 2) };
                        Tiling rows = tiling_of(1, cuts);

                        add_reduction(&h, &sinks[1], outs, &n_out, &rows, 0);
                        stage = hand_stage(&h, STAGE_NEST, &domain);
                        stage->n_source = 1;
                        stage->source = &source;
                        stage->n_out = n_out;
                        stage->out = outs;
                        stage->n_local = 2;
                        stage->local = locals;
                        stage->n_nest = 2;
                        stage->nest = nests;
                        run_and_compare(&h, exec);
                        hand_free(&h);
                }
}

static void one_reduction(Hand *h, const Tiling *domain, const Fold *folds, Op *op, FoldEnd end) {
        static const Instr first[] = { { .kind = INSTR_LOAD, .dtype = DTYPE_F64 } };
        Source *source =
                hand_copy(h, &(Source) { .value = hand_numbers(h, domain, 1), .map = hand_identity(h, domain->ndim) },
                          sizeof(*source));
        Sink *sink = hand_copy(h, &(Sink) { .op = op, .axis = 0, .end = end }, sizeof(*sink));
        Nest *nest = hand_copy(
                h, &(Nest) { .ndim = 1, .axis = { 0 }, .n_instr = 1, .instr = first, .n_sink = 1, .sink = sink },
                sizeof(*nest));
        Out *out = hand_copy(h, (Out[3]) {}, sizeof(Out[3]));
        uint32_t n_out = 0;
        Stage *stage;

        op->folds = folds;
        add_reduction(h, sink, out, &n_out, domain, 0);
        stage = hand_stage(h, STAGE_NEST, domain);
        stage->n_source = 1;
        stage->source = source;
        stage->n_out = n_out;
        stage->out = out;
        stage->n_nest = 1;
        stage->nest = nest;
        hand_seal(h);
}

TEST(a_reduction_of_nothing_is_the_identity_or_refused) {
        _cleanup_(exec_freep) Exec *exec = NULL;
        Tiling domain = { .ndim = 1, .axis[0] = cuts_whole(0) };
        Op op = { .name = "max", .family = FAMILY_REDUCE, .n_in = 1 };
        Fold folds[2] = { test_folds[FOLD_SUM] };
        Error err = {};
        Hand h;

        ck_assert_int_eq(exec_new(&exec), 0);
        hand_init(&h);
        one_reduction(&h, &domain, folds, &op, FOLD_FINISH);
        ck_assert_int_eq(hand_run(&h, exec, &err), 0);
        ck_assert(*(double *) h.chunk[h.plan.value.data[1].first_chunk].data == 0);
        folds[0].identity = NULL;
        ck_assert_int_eq(hand_run(&h, exec, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "zero-size array to reduction operation max which has no identity"));
        hand_free(&h);
}

TEST(a_canceled_task_ends_at_once) {
        _cleanup_(exec_freep) Exec *exec = NULL;
        Tiling domain = { .ndim = 1, .axis[0] = cuts_whole(100000) };
        Op op = { .name = "sum", .family = FAMILY_REDUCE, .n_in = 1 };
        volatile bool canceled = true;
        Error err = {};
        Hand h;

        ck_assert_int_eq(exec_new(&exec), 0);
        hand_init(&h);
        one_reduction(&h, &domain, test_folds, &op, FOLD_FINISH);
        ck_assert_int_eq(exec_run(exec, &h.plan, 0, h.chunk, h.chunk + 1, NULL, &canceled, &err), ERROR_CANCELED);
        canceled = false;
        ck_assert_int_eq(exec_run(exec, &h.plan, 0, h.chunk, h.chunk + 1, NULL, &canceled, &err), 0);
        hand_free(&h);
}

/* ---- Blocks
 * --------------------------------------------------------------------------------------------------------- */

/* Keeps the elements of its region that are above zero; tells what it was given. */
static bool keep_assembled;
static int keep_run(BlockRun *run, Error *err) {
        int64_t n = 0;

        (void) err;
        ck_assert_int_eq(run->n_in, 1);
        ck_assert_int_eq(run->n_out, 1);
        keep_assembled = run->in[0].data != NULL;
        for (uint32_t i = 0; i < run->n_piece[0]; i++) {
                const View *v = &run->piece[0][i].view;

                for (int64_t k = 0; k < v->shape.dim[0]; k++) {
                        double e = *(const double *) (v->data + k * v->stride[0]);

                        if (keep_assembled)
                                ck_assert(e == *(const double *) (run->in[0].data +
                                                                  (run->piece[0][i].box.lo[0] - run->box[0].lo[0] + k) *
                                                                          run->in[0].stride[0]));
                        if (e > 0)
                                ((double *) run->out[0].data)[n++] = e;
                }
        }
        ck_assert_int_le(n, run->out[0].shape.dim[0]);
        run->out[0].shape.dim[0] = n;
        return 0;
}

TEST(blocks_get_their_region_whole_or_in_pieces_and_may_shrink_their_output) {
        for (int pieces = 0; pieces < 2; pieces++)
                for (int adjacent = 0; adjacent < 2; adjacent++) {
                        _cleanup_(exec_freep) Exec *exec = NULL;
                        const Op op                      = { .name         = "keep",
                                                             .family       = FAMILY_EXCHANGE,
                                                             .n_in         = 1,
                                                             .run          = keep_run,
                                                             .takes_pieces = pieces };
                        Tiling fine                      = { .ndim = 1, .axis[0] = cuts_regular(100, 7) },
                               domain                    = { .ndim = 1, .axis[0] = cuts_regular(100, 30) };
                        Tiling unknown = { .ndim = 1, .axis[0] = cuts_unknown(4) };
                        Error err = {};
                        Source source;
                        Stage *stage;
                        ValueId x, y;
                        Hand h;

                        ck_assert_int_eq(exec_new(&exec), 0);
                        hand_init(&h);
                        h.adjacent = adjacent;
                        x = hand_numbers(&h, &fine, 1);
                        y = h.plan.value.n;
                        ck_assert_int_eq(vec_push(&h.plan.value, (Value) { .dtype       = DTYPE_F64,
                                                                           .shape       = { 1, { UNKNOWN } },
                                                                           .tiling      = unknown,
                                                                           .first_chunk = h.plan.n_chunk }),
                                         0);
                        h.plan.n_chunk += 4;
                        source = (Source) { .value = x, .map = hand_identity(&h, 1) };
                        stage = hand_stage(&h, STAGE_BLOCK, &domain);
                        stage->block = (Block) { .op = &op, .unknown = true };
                        stage->n_source = stage->n_out = 1;
                        stage->source = &source;
                        stage->out = &(Out) { .value = y, .axis = hand_axes(&h, 1) };
                        hand_seal(&h);
                        for (uint32_t t = 0; t < 4; t++) {
                                ChunkMemory in[16], out = h.chunk[h.plan.value.data[y].first_chunk + t];
                                uint32_t n = 0, n_kept = 0;
                                _cleanup_(freep) void *scratch = malloc(h.plan.stage.data[0].scratch_bytes + 1);

                                ck_assert_int_eq(out.shape.dim[0], t == 3 ? 10 : 30); /* its capacity */
                                for (uint32_t k = h.plan.input_start[t]; k < h.plan.input_start[t + 1]; k++)
                                        in[n++] = h.chunk[h.plan.input_chunk[k]];
                                ck_assert_int_eq(exec_run(exec, &h.plan, t, in, &out, scratch, NULL, &err), 0);
                                ck_assert_int_eq(keep_assembled, !pieces || adjacent);
                                for (int i = 30 * (int) t; i < MIN(30 * (int) t + 30, 100); i++) {
                                        double e = ((double *) h.whole[x])[i];

                                        if (e > 0)
                                                ck_assert(((double *) out.data)[n_kept++] == e);
                                }
                                ck_assert_int_eq(out.shape.dim[0], n_kept);
                        }
                        ck_assert_int_eq(h.plan.stage.data[0].scratch_bytes,
                                         pieces ? 0 : 256); /* 30 elements, to a multiple of 64 */
                        hand_free(&h);
                }
}
