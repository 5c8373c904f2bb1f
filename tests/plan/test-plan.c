/* SPDX-License-Identifier: Apache-2.0 */
/* What plans look like: what is fused, what shares a pass, what costs nothing. That they are right is what the laws
 * say. */
#include <string.h>

#include "harness.h"
#include "plan/plan.h"

static Error err;

static Graph *graph(void) {
        Graph *g = NULL;

        ck_assert_int_eq(graph_new(&g), 0);
        return g;
}
#define GRAPH _cleanup_(graph_freep) Graph *g = graph(); Build b = { .graph = g, .err = &err }
#define PLAN _cleanup_(plan_freep) Plan *

static Tiling held_tiling;

static const Tiling *tiling_of_leaf(void *userdata, uint64_t stored) {
        return stored == 0 ? NULL : userdata;
}

/* A tensor that the session holds, cut into rows of `step`. */
static Ref held(Build *b, uint64_t id, int64_t rows, int64_t columns, int64_t step) {
        const Spec spec = { .dtype = DTYPE_F64, .shape = SHAPE(rows, columns) };
        uint32_t node   = 0;

        held_tiling         = tiling_whole(&spec.shape);
        held_tiling.axis[0] = cuts_regular(rows, step);
        ck_assert_int_eq(graph_add_stored(b->graph, id, &spec, &node), 0);
        return (Ref) { node, 0 };
}

static Plan *plan_within_cache(Build *b, uint32_t n, const Ref *wanted, size_t task_bytes, size_t cache_bytes) {
        const PlanLeaves leaves = { .tiling      = tiling_of_leaf,
                                    .userdata    = &held_tiling,
                                    .task_bytes  = task_bytes,
                                    .alone_bytes = cache_bytes };
        Plan *plan              = NULL;
        int r;

        ck_assert_msg(build_done(b) >= 0, "%s", b->err->text);
        for (uint32_t i = 0; i < n; i++)
                ck_assert_int_eq(vec_push(&b->graph->wanted, wanted[i]), 0);
        r = plan_make(b->graph, &leaves, &plan, &err);
        ck_assert_msg(r >= 0, "%s", err.text);
        return plan;
}

static Plan *plan_within(Build *b, uint32_t n, const Ref *wanted, size_t task_bytes) {
        return plan_within_cache(b, n, wanted, task_bytes, 0);
}

static Plan *plan_of(Build *b, uint32_t n, const Ref *wanted) {
        return plan_within(b, n, wanted, 0);
}

/* What the most demanding task takes with all that it reads. */
static size_t most_bytes(const Plan *plan) {
        size_t most = 0;

        for (uint32_t t = 0; t < plan->n_task; t++) {
                size_t bytes = plan_task_bytes(plan, t);

                for (uint32_t i = plan->input_start[t]; i < plan->input_start[t + 1]; i++)
                        bytes += plan_chunk_bytes(plan, plan->input_chunk[i]);
                most = MAX(most, bytes);
        }
        return most;
}

static Ref reduce(Build *b, const char *op, Ref a, int64_t axis) {
        return build_reduce(b, op, a, (Dims) { .n = 1, .given = true, .v = &axis }, false, DTYPE_NONE);
}

/* Bytes that are read again or for the first time when tasks run in the plan's order, in a cache from which the least
 * recently used chunk goes. */
static size_t bytes_read(const Plan *plan, size_t cache_bytes, bool drop) {
        uint32_t *used_at = calloc(plan->n_chunk + 1, sizeof(*used_at)), clock = 0;
        uint32_t *n_reader = calloc(plan->n_chunk + 1, sizeof(*n_reader));
        size_t held = 0, read = 0;

        for (uint32_t i = 0; i < plan->input_start[plan->n_task]; i++)
                n_reader[plan->input_chunk[i]]++;
        for (uint32_t i = 0; i < plan->n_task; i++) {
                const uint32_t t = plan->order[i], n_in = plan->input_start[t + 1] - plan->input_start[t],
                               n = n_in + plan->output_start[t + 1] - plan->output_start[t];

                for (uint32_t k = 0; k < n; k++) {
                        const uint32_t c = k < n_in ? plan->input_chunk[plan->input_start[t] + k]
                                                    : plan->output_chunk[plan->output_start[t] + k - n_in];
                        const size_t bytes = used_at[c] == 0 ? plan_chunk_bytes(plan, c) : 0;

                        held += bytes;
                        read += k < n_in ? bytes : 0;
                        used_at[c] = ++clock;
                }
                for (uint32_t k = 0; k < n_in && drop; k++) {
                        const uint32_t c = plan->input_chunk[plan->input_start[t] + k];

                        if (--n_reader[c] > 0)
                                continue;
                        held -= plan_chunk_bytes(plan, c);
                        used_at[c] = 0;
                }
                while (held > cache_bytes) {
                        uint32_t oldest = UINT32_MAX;

                        for (uint32_t c = 0; c < plan->n_chunk; c++)
                                if (used_at[c] > 0 && (oldest == UINT32_MAX || used_at[c] < used_at[oldest]))
                                        oldest = c;
                        held -= plan_chunk_bytes(plan, oldest);
                        used_at[oldest] = 0;
                }
        }
        free(n_reader);
        free(used_at);
        return read;
}

TEST(elementwise_operations_become_one_stage) {
        GRAPH;
        const Ref x = held(&b, 1, 100, 10, 20),
                  y = build_binary(&b, "multiply", build_binary(&b, "add", x, x), build_f64(&b, DTYPE_F64, 3));
        PLAN plan   = plan_of(&b, 1, &y);

        ck_assert(plan->complete);
        ck_assert_uint_eq(plan->stage.n, 1);
        ck_assert_uint_eq(plan->n_task, 5);
        ck_assert_uint_eq(plan->stage.data[0].n_source, 1);
}

/* As a tree x has 2^20 leaves. */
TEST(a_program_is_as_long_as_what_it_computes_however_often_that_is_used) {
        GRAPH;
        Ref x = held(&b, 1, 100, 10, 20);

        for (int i = 0; i < 20; i++)
                x = build_binary(&b, "multiply", x, build_binary(&b, "add", x, x));
        PLAN plan = plan_of(&b, 1, &x);

        ck_assert_uint_eq(plan->stage.n, 1);
        ck_assert_uint_eq(plan->stage.data[0].nest[0].n_instr, 1 + 2 * 20);
}

TEST(tiles_of_a_product_that_is_larger_than_memory_come_in_squares) {
        enum { N = 8192, CACHE = 256 << 20, TASK = CACHE / 8 };
        size_t read[2];

        for (int grouped = 0; grouped < 2; grouped++) {
                GRAPH;
                const Ref x[2] = { held(&b, 1, N, N, 128), held(&b, 2, N, N, 128) },
                          y    = build_op(&b, "matmul", NULL, 2, x);
                PLAN plan      = plan_within_cache(&b, 1, &y, TASK, grouped ? CACHE : 0);

                read[grouped] = bytes_read(plan, CACHE, false);
        }
        ck_assert_msg(4 * read[1] < 3 * read[0], "%zu MiB instead of %zu", read[1] >> 20, read[0] >> 20);
}

TEST(a_program_that_is_too_long_is_cut) {
        GRAPH;
        Ref x = held(&b, 1, 100, 10, 20);

        for (int i = 0; i < 400; i++)
                x = build_binary(&b, "multiply", x, build_binary(&b, "add", x, x));
        PLAN plan = plan_of(&b, 1, &x);

        ck_assert_uint_ge(plan->stage.n, 4);
        ck_assert_uint_le(plan->stage.n, 8);
        for (uint32_t i = 0; i < plan->stage.n; i++)
                ck_assert_uint_le(plan->stage.data[i].nest[0].n_instr, 200);
}

TEST(views_and_broadcasting_take_no_stage) {
        GRAPH;
        const int axes[] = { 1, 0 };
        const Ref x = held(&b, 1, 60, 60, 20), y = build_binary(&b, "add", x, build_transpose(&b, x, axes));
        PLAN plan   = plan_of(&b, 1, &y);

        ck_assert_uint_eq(plan->stage.n, 1);
        ck_assert_uint_eq(plan->stage.data[0].n_source, 2);
        ck_assert_uint_eq(plan->value.data[plan->stage.data[0].source[0].value].stage, STAGE_NONE);
}

TEST(elementwise_inputs_of_thin_products_are_computed_by_the_same_tasks) {
        GRAPH;
        const int axes[] = { 1, 0 };
        const Ref x = held(&b, 1, 1 << 18, 8, 1 << 16), y = build_binary(&b, "subtract", x, reduce(&b, "mean", x, 0));
        const Ref z = build_op(&b, "matmul", NULL, 2, (const Ref[]){ build_transpose(&b, y, axes), y });
        PLAN plan = plan_of(&b, 1, &z);
        uint32_t n = 0;

        for (uint32_t i = 0; i < plan->stage.n; i++)
                n += plan->stage.data[i].kind == STAGE_BLOCK && plan->stage.data[i].n_nest == 1;
        ck_assert_uint_eq(n, 1);
        for (uint32_t i = 0; i < plan->value.n; i++) /* nothing as tall as x exists but x */
                ck_assert(plan->value.data[i].stage == STAGE_NONE || plan->value.data[i].shape.dim[0] < 1 << 10);
}

TEST(tasks_of_products_need_bounded_memory_however_large_the_matrices) {
        enum { MOST = 64 << 20 };

        for (int64_t n = 9000; n < 40000; n *= 2) {
                GRAPH;
                const Ref x = held(&b, 1, n, n, 64), y = build_op(&b, "matmul", NULL, 2, (const Ref[]){ x, x });
                PLAN plan = plan_of(&b, 1, &y);
                uint32_t n_product = 0;

                for (uint32_t t = 0; t < plan->n_task; t++) {
                        size_t bytes = plan_task_bytes(plan, t);

                        if (plan->stage.data[plan->task_stage[t]].kind != STAGE_BLOCK)
                                continue;
                        for (uint32_t i = plan->input_start[t]; i < plan->input_start[t + 1]; i++)
                                bytes += plan_chunk_bytes(plan, plan->input_chunk[i]);
                        ck_assert_uint_le(
                                bytes,
                                MOST + (MOST >> 1)); /* inputs, tiles, and up to as much to put squares together */
                        n_product++;
                }
                ck_assert_uint_gt(n_product, 0);
        }
}

TEST(what_is_taken_by_indices_goes_through_memory_in_parts) {
        enum { N = 1 << 22, MEMORY = 8 << 20, TASK = 1 << 20 };
        const size_t bytes = (size_t) N * sizeof(double);
        const Shape flat   = { .ndim = 1, .dim = { N } };
        GRAPH;
        const Ref x     = build_reshape(&b, held(&b, 1, N, 1, 1 << 16), &flat);
        const Ref index = build_cast(&b, build_unary(&b, "negative", x), DTYPE_I64);
        const Ref y     = build_op(&b, "take", NULL, 2, (const Ref[]) { x, index });
        PLAN plan       = plan_within_cache(&b, 1, &y, TASK, MEMORY);

        /* a part is a quarter; two threads may each have a task of it, and the next part may come */
        ck_assert_uint_le(most_bytes(plan), MEMORY / 4 + TASK);
        /* each of 2 bytes / (3/8 MEMORY) passes reads x, once it is in parts; and what is made before once or twice */
        ck_assert_uint_le(bytes_read(plan, MEMORY, true), bytes * (2 * bytes / (MEMORY / 8 * 3) + 1) + 8 * bytes);
}

static Ref everything(Build *b, Ref x) {
        const ViewParams p = { .shape = DIMS(64, 2), .axis = DIMS(0, 1), .start = DIMS(0, 0), .step = DIMS(1, 1) };

        return build_op(b, "view", &p, 1, &x);
}

/* Of rows that are taken, through views of everything or not. */
static uint32_t stages_of_rows_taken(bool views) {
        GRAPH;
        const Ref x     = held(&b, 1, 64, 2, 16);
        const Ref index = build_cast(&b, build_slice(&b, x, 1, 0, 1, 1), DTYPE_I64);
        const Ref in[]  = { views ? everything(&b, x) : x, build_drop_axis(&b, index, 1) };
        const Ref taken = build_op(&b, "take", NULL, 2, in), y = views ? everything(&b, taken) : taken;
        PLAN plan = plan_of(&b, 1, &y);

        return plan->stage.n;
}

TEST(a_view_of_everything_is_copied_only_where_it_is_all_of_a_result) {
        GRAPH;
        const Ref y = everything(&b, held(&b, 1, 64, 2, 16));
        PLAN plan   = plan_of(&b, 1, &y);

        ck_assert_uint_eq(plan->stage.n, 1);
        ck_assert_uint_eq(stages_of_rows_taken(true), stages_of_rows_taken(false));
}

TEST(reductions_of_one_tensor_along_one_axis_share_a_pass) {
        GRAPH;
        const Ref x = held(&b, 1, 100, 10, 100);
        const Ref y[] = { reduce(&b, "sum", x, 0), reduce(&b, "max", x, 0),
                          reduce(&b, "min", build_unary(&b, "negative", x), 0) };
        PLAN plan     = plan_of(&b, 3, y);

        ck_assert_uint_eq(plan->stage.n, 1);
        ck_assert_uint_eq(plan->stage.data[0].n_out, 3);
        ck_assert_uint_eq(plan->made.n, 3);
}

TEST(a_reduction_of_what_another_leaves_is_in_its_stage_where_tasks_have_the_whole_axis) {
        GRAPH;
        const Ref x = held(&b, 1, 1000, 10, 100), inner = reduce(&b, "sum", x, 1), outer = reduce(&b, "sum", x, 0);
        const Ref chain = reduce(&b, "max", inner, 0), apart = reduce(&b, "max", outer, 0), both[] = { inner, chain };
        PLAN plan       = plan_of(&b, 1, &chain);

        ck_assert_uint_eq(plan->stage.data[0].n_nest, 2);
        for (uint32_t v = 0; v < plan->value.n; v++)
                ck_assert(plan->value.data[v].stage == STAGE_NONE || shape_size(&plan->value.data[v].shape) < 1000);

        PLAN partial = plan_of(&b, 1, &apart); /* sums along the cut axis end as partials */
        ck_assert_uint_eq(partial->stage.data[0].n_nest, 1);

        PLAN kept = plan_of(&b, 2, both); /* the first is wanted, too */
        ck_assert_uint_eq(kept->stage.data[0].n_nest, 1);
        ck_assert(kept->complete);
}

static Ref twice_the_sums(Build *b, Ref x) {
        return build_binary(b, "multiply", build_f64(b, DTYPE_F64, 2), reduce(b, "sum", x, 1));
}

TEST(what_is_computed_from_a_reduction_on_the_way_to_the_next_one_is_in_their_stage) {
        GRAPH;
        const Ref x = held(&b, 1, 1000, 10, 100), next = reduce(&b, "max", twice_the_sums(&b, x), 0);
        PLAN plan   = plan_of(&b, 1, &next);

        ck_assert_uint_eq(plan->stage.data[0].n_nest, 2);
        for (uint32_t v = 0; v < plan->value.n; v++)
                ck_assert(plan->value.data[v].stage == STAGE_NONE || shape_size(&plan->value.data[v].shape) < 1000);
}

TEST(of_two_reductions_that_meet_one_goes_on_and_the_other_is_read) {
        GRAPH;
        const Ref least = reduce(&b, "min", held(&b, 1, 1000, 10, 100), 1),
                  most  = reduce(&b, "max", held(&b, 2, 1000, 20, 100), 1);
        const Ref met   = reduce(&b, "sum", build_binary(&b, "subtract", least, build_unary(&b, "negative", most)), 0);
        PLAN plan       = plan_of(&b, 1, &met);
        uint32_t n_nest = 0;

        for (uint32_t s = 0; s < plan->stage.n; s++)
                n_nest += plan->stage.data[s].n_nest;
        ck_assert(plan->complete);
        ck_assert_uint_eq(n_nest, 3);
}

TEST(what_several_read_is_not_in_the_stage_of_one_of_them) {
        GRAPH;
        const Ref twice = twice_the_sums(&b, held(&b, 1, 1000, 10, 100));
        const Ref y[]   = { reduce(&b, "max", twice, 0), reduce(&b, "min", twice, 0) };
        PLAN plan       = plan_of(&b, 2, y);

        ck_assert(plan->complete);
        ck_assert_uint_eq(plan->stage.data[0].n_nest, 1);
}

TEST(a_tensor_that_is_kept_is_reduced_while_it_is_written) {
        GRAPH;
        const Ref x = held(&b, 1, 100, 10, 100), y = build_unary(&b, "square", x),
                  wanted[] = { y, reduce(&b, "sum", y, 0) };
        PLAN plan   = plan_of(&b, 2, wanted);

        ck_assert_uint_eq(plan->stage.n, 1);
        ck_assert_uint_eq(plan->stage.data[0].n_out, 2);
}

TEST(partials_are_merged_in_groups_until_one_is_left) {
        GRAPH;
        const Ref x = held(&b, 1, 1000, 4, 1), y = reduce(&b, "sum", x, 0);
        PLAN plan   = plan_of(&b, 1, &y);
        uint32_t n_task = 0;

        ck_assert_uint_eq(plan->stage.data[0].n_task, 1000);
        for (uint32_t s = 1; s < plan->stage.n; s++) {
                ck_assert_int_eq(plan->stage.data[s].kind, STAGE_MERGE);
                n_task = plan->stage.data[s].n_task;
        }
        ck_assert_uint_gt(plan->stage.n, 2);
        ck_assert_uint_eq(n_task, 1);
}

TEST(cheap_tensors_are_computed_where_they_are_used) {
        GRAPH;
        const Ref x = held(&b, 1, 100, 10, 20), cheap = build_binary(&b, "add", x, build_f64(&b, DTYPE_F64, 1));
        const Ref y[] = { reduce(&b, "sum", cheap, 0), reduce(&b, "sum", cheap, 1) };
        PLAN plan     = plan_of(&b, 2, y);

        for (uint32_t v = 0; v < plan->value.n; v++) /* nothing but the leaf is as large as x */
                ck_assert(plan->value.data[v].stage == STAGE_NONE || shape_size(&plan->value.data[v].shape) < 1000);
}

TEST(a_row_beside_a_large_table_is_computed_once_and_one_beside_a_small_table_where_it_is_used) {
        static const int64_t n_rows[] = { 1000, 1000000 };

        for (size_t i = 0; i < ELEMENTSOF(n_rows); i++) {
                GRAPH;
                const Ref x = held(&b, 1, n_rows[i], 10, n_rows[i] / 5), row = reduce(&b, "sum", x, 0),
                          y = build_binary(&b, "subtract", x,
                                           build_binary(&b, "multiply", row, build_f64(&b, DTYPE_F64, 0.5)));
                PLAN plan   = plan_of(&b, 1, &y);
                uint32_t n  = 0;

                for (uint32_t s = 0; s < plan->stage.n; s++)
                        n += strcmp(plan->stage.data[s].label, "multiply") == 0;
                ck_assert_uint_eq(n, i);
        }
}

TEST(what_is_read_across_its_chunks_goes_through_pieces_if_tasks_may_not_take_it_all) {
        enum { LIMIT = 400 << 10 };
        GRAPH;
        const int axes[] = { 1, 0 };
        const Ref x = held(&b, 1, 1000, 1000, 10), y = build_binary(&b, "add", x, build_transpose(&b, x, axes)),
                  z = reduce(&b, "sum", y, 0);
        PLAN all    = plan_of(&b, 1, &y);

        ck_assert_uint_gt(most_bytes(all), 8000000);
        for (int reduced = 0; reduced < 2; reduced++) {
                b.graph->wanted.n = 0;
                PLAN plan         = plan_within(&b, 1, reduced ? &z : &y, LIMIT);
                uint32_t n_pieces = 0, n_made = 0;

                ck_assert_uint_le(most_bytes(plan), LIMIT);
                for (uint32_t s = 0; s < plan->stage.n; s++)
                        n_pieces += plan->stage.data[s].out[0].pieces;
                ck_assert_uint_eq(n_pieces, 1); /* the same ones serve x and its transpose */
                for (uint32_t t = 0; t < plan->n_task; t++)
                        n_made += plan->output_start[t + 1] - plan->output_start[t];
                ck_assert_uint_eq(n_made, plan->output_start[plan->n_task]);
        }
}

TEST(chunks_that_the_user_asked_for_are_cut_if_tasks_may_not_take_them) {
        GRAPH;
        const int64_t dims[] = { 4000, 1000 }, whole[] = { 1, -1 };
        const FullParams p = { .source = { .shape      = { .n = 2, .given = true, .v = dims },
                                           .dtype      = DTYPE_F64,
                                           .chunk_size = { .n = 2, .given = true, .v = whole } },
                               .value  = scalar_from_i64(DTYPE_I64, 3) };
        const Ref x = build_op(&b, "full", &p, 0, NULL), y = build_unary(&b, "sqrt", x);
        PLAN all    = plan_of(&b, 1, &y);
        b.graph->wanted.n = 0;
        PLAN plan = plan_within(&b, 1, &y, 1 << 20);

        ck_assert_uint_eq(all->n_task, 1);
        ck_assert_uint_le(most_bytes(plan), 1 << 20);
}

TEST(sorting_more_than_tasks_may_take_has_small_tasks_and_few_pieces) {
        enum { LIMIT = 256 << 20 };
        GRAPH;
        const Shape line = SHAPE(1 << 29);
        const struct {
                int64_t axis;
        } params    = { 0 };
        const Ref x = held(&b, 1, 1 << 29, 1, 1 << 20), flat = build_reshape(&b, x, &line),
                  y = build_op(&b, "sort", &params, 1, &flat);
        PLAN plan   = plan_within(&b, 1, &y, LIMIT);

        ck_assert_uint_le(most_bytes(plan), LIMIT);
        ck_assert_uint_lt(plan->n_chunk, 21000);
}

TEST(what_a_task_may_read_whole_is_merged_from_runs_and_not_sorted_in_columns) {
        enum { LIMIT = 256 << 20 };
        GRAPH;
        const Shape line = SHAPE(24 << 20);
        const struct {
                int64_t axis;
        } params    = { 0 };
        const Ref x = held(&b, 1, 24 << 20, 1, 1 << 20), flat = build_reshape(&b, x, &line),
                  y = build_op(&b, "sort", &params, 1, &flat);
        PLAN plan   = plan_within(&b, 1, &y, LIMIT);
        _cleanup_(arena_freep) Arena *arena = arena_new();

        ck_assert_uint_le(most_bytes(plan), LIMIT);
        ck_assert(strstr(plan_explain(plan, arena), "merge_runs"));
}

TEST(a_reshape_copies_nothing_when_chunks_end_where_rows_of_the_new_shape_do) {
        const struct {
                int64_t step;
                Shape shape;
                bool copies;
        } cases[] = { { 1, SHAPE(2, 3, 100), false },   { 2, SHAPE(3, 20, 10), false }, { 1, SHAPE(12, 50), false },
                      { 3, SHAPE(2, 3, 10, 10), false }, { 1, SHAPE(2, 300), false },    { 4, SHAPE(2, 300), true },
                      { 1, SHAPE(4, 150), true },        { 4, SHAPE(6, 100), false },    { 6, SHAPE(4, 150), false } };
        _cleanup_(arena_freep) Arena *arena = arena_new();

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                GRAPH;
                const Ref x = held(&b, 1, 6, 100, cases[k].step),
                          y = reduce(&b, "sum", build_reshape(&b, x, &cases[k].shape), 0);
                PLAN plan   = plan_of(&b, 1, &y);

                ck_assert_msg(!strstr(plan_explain(plan, arena), "copy") == !cases[k].copies, "case %zu", k);
        }
}

TEST(stages_bear_the_name_of_the_operator_that_was_asked_for) {
        GRAPH;
        const struct {
                int64_t axis;
        } params    = { 0 };
        const Ref x = held(&b, 1, 3 << 20, 1, 1 << 20), y = build_op(&b, "sort", &params, 1, &x);
        PLAN plan   = plan_of(&b, 1, &y);
        _cleanup_(arena_freep) Arena *arena = arena_new();

        for (uint32_t s = 0; s < plan->stage.n; s++)
                ck_assert(plan->stage.data[s].kind != STAGE_BLOCK || strcmp(plan->stage.data[s].label, "sort") == 0);
        ck_assert(strstr(plan_explain(plan, arena), "sort: merge_runs (block)"));
}

TEST(planning_stops_at_unknown_lengths_and_says_what_it_made) {
        GRAPH;
        const Shape line = SHAPE(100);
        const Ref x = held(&b, 1, 100, 1, 20), flat = build_reshape(&b, x, &line);
        const Ref pair[] = { flat, build_binary(&b, "greater", flat, build_f64(&b, DTYPE_F64, 0.5)) };
        const Ref y = build_unary(&b, "negative", build_op(&b, "mask", NULL, 2, pair));
        PLAN plan   = plan_of(&b, 1, &y);

        ck_assert(!plan->complete);
        ck_assert_uint_eq(plan->made.n, 1);
        ck_assert(!tiling_known(&plan->value.data[plan->made.data[0].value].tiling));
}

TEST(tasks_come_after_those_that_they_wait_for_and_soon_after) {
        GRAPH;
        const Ref x = held(&b, 1, 640, 4, 10), y = reduce(&b, "sum", build_unary(&b, "square", x), 0);
        PLAN plan   = plan_of(&b, 1, &y);
        bool made[4096] = {};
        uint32_t alive = 0, most = 0;

        ck_assert_uint_lt(plan->n_chunk, 4096);
        for (uint32_t i = 0; i < plan->n_task; i++) {
                const uint32_t task = plan->order[i];

                for (uint32_t k = plan->input_start[task]; k < plan->input_start[task + 1]; k++) {
                        const uint32_t chunk = plan->input_chunk[k];

                        ck_assert(made[chunk] || plan->value.data[plan->chunk_value[chunk]].stage == STAGE_NONE);
                        alive -= made[chunk];
                }
                for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1]; k++) {
                        made[plan->output_chunk[k]] = true;
                        alive++;
                }
                most = MAX(most, alive);
        }
        ck_assert_uint_le(most, 32); /* of 64 partials, two groups at most are there at a time */
}

TEST(stages_that_make_little_of_one_tensor_go_through_it_together) {
        GRAPH;
        const Ref x          = held(&b, 1, 6400, 128, 100);
        const Ref y[]        = { reduce(&b, "sum", x, 0), reduce(&b, "max", x, 1) };
        PLAN plan            = plan_of(&b, 2, y);
        const size_t x_bytes = sizeof(double) * 6400 * 128;

        ck_assert_uint_lt(bytes_read(plan, x_bytes / 16, false), x_bytes + x_bytes / 8);
}

static bool counts(const void *userdata, uint64_t stored) {
        return *(const uint64_t *) userdata == stored;
}

TEST(task_that_needs_more_than_there_is_is_found) {
        GRAPH;
        Ref x         = held(&b, 1, 100, 10, 50);
        Ref y         = build_binary(&b, "multiply", x, x);
        PLAN plan     = plan_of(&b, 1, &y);
        uint32_t task = 7;

        ck_assert_uint_eq(plan_task_chunks(plan, 0, NULL, NULL), 4000); /* its output: x may be somebody else's */
        ck_assert(!plan_too_large(plan, 4000, 1 << 20, NULL, NULL, &task));
        ck_assert(plan_too_large(plan, 3999, 1 << 20, NULL, NULL, &task));
        ck_assert_uint_eq(task, 0);
        ck_assert(plan_too_large(plan, 1 << 20, 3999, NULL, NULL, &task));
        for (uint64_t ours = 1; ours <= 2; ours++) { /* x is the first stored tensor */
                ck_assert_uint_eq(plan_task_chunks(plan, 0, counts, &ours), ours == 1 ? 8000 : 4000);
                ck_assert_int_eq(plan_too_large(plan, 7999, 1 << 20, counts, &ours, &task), ours == 1);
        }
}

TEST(equal_expressions_are_computed_once) {
        GRAPH;
        const Ref x = held(&b, 1, 100, 10, 20);
        const Ref y[] = { build_unary(&b, "square", x), build_unary(&b, "square", x) };
        PLAN plan     = plan_of(&b, 2, y);

        ck_assert_uint_eq(plan->stage.n, 1);
        ck_assert_uint_eq(plan->made.n, 1);
}

TEST(explain_names_every_stage) {
        GRAPH;
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const Ref x = held(&b, 1, 100, 10, 20), y = reduce(&b, "sum", build_unary(&b, "square", x), 0);
        PLAN plan   = plan_of(&b, 1, &y);
        const char *text = plan_explain(plan, arena);

        ck_assert_ptr_nonnull(text);
        ck_assert_ptr_nonnull(strstr(text, "square → sum"));
        ck_assert_ptr_nonnull(strstr(text, "merge sum"));
}

TEST(a_missing_tensor_is_an_error_in_words) {
        GRAPH;
        const PlanLeaves leaves = { .tiling = tiling_of_leaf };
        const Spec spec         = { .dtype = DTYPE_F64, .shape = SHAPE(3) };
        Plan *plan              = NULL;
        uint32_t node;

        ck_assert_int_eq(graph_add_stored(g, 7, &spec, &node), 0);
        ck_assert_int_eq(vec_push(&g->wanted, (Ref) { node, 0 }), 0);
        (void) b;
        ck_assert_int_lt(plan_make(g, &leaves, &plan, &err), 0);
        ck_assert_ptr_nonnull(strstr(err.text, "7"));
}
