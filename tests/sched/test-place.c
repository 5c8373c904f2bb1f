/* SPDX-License-Identifier: Apache-2.0 */
/* Which worker gets which task, of real plans. Workers here do one task at a time, in turn, and all tasks take as
 * long. */
#include "graph/graph.h"
#include "sched/sched.h"

#include "harness.h"

enum { MOST_WORKERS = 8, MOST_STAGES = 16, ROW = 1000 };

typedef struct Bed {
        Sched *sched;
        SchedActions said;
        uint32_t n_workers;
        Vec(uint32_t) given[MOST_WORKERS]; /* tasks, in their order */
        uint32_t at[MOST_WORKERS];         /* of these, the next that will be done */
        const Plan *plan;
        uint64_t id, request;
        uint32_t n_tasks[MOST_WORKERS][MOST_STAGES];
        uint64_t fetched_bytes;
        bool finished;
} Bed;

/* Takes note of what was said. */
static void listen(Bed *b) {
        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction *a = &b->said.action.data[k];

                if (a->kind == SCHED_PLAN) {
                        b->plan = a->run->plan;
                        b->id   = a->plan;
                }
                b->finished |= a->kind == SCHED_FINISHED;
                for (uint32_t t = 0; t < a->n && a->kind == SCHED_RUN; t++) {
                        const uint32_t task = b->said.task.data[a->first + t].task;

                        ck_assert_int_eq(vec_push(&b->given[a->worker], task), 0);
                        b->n_tasks[a->worker][b->plan->task_stage[task]]++;
                }
                for (uint32_t f = 0; f < a->n_fetch && a->kind == SCHED_RUN; f++)
                        b->fetched_bytes += plan_chunk_bytes(b->plan, b->said.fetch.data[a->first_fetch + f].chunk);
        }
        sched_actions_clear(&b->said);
}

static void tell(Bed *b, SchedEvent event) {
        ck_assert_int_eq(sched_step(b->sched, &event, &b->said), 0);
        ck_assert(sched_consistent(b->sched));
        listen(b);
}

static Bed bed_new(uint32_t n_workers) {
        Bed b = { .n_workers = n_workers };

        ck_assert_int_eq(sched_new(&b.sched, false, plan_make), 0);
        for (uint32_t w = 0; w < n_workers; w++)
                tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = w });
        return b;
}

static void bed_done(Bed *b) {
        for (uint32_t w = 0; w < MOST_WORKERS; w++)
                vec_free(&b->given[w]);
        sched_free(b->sched);
        sched_actions_done(&b->said);
}

/* `idle`: this worker has died in its sleep; MOST_WORKERS: none. */
static void run(Bed *b, uint32_t idle) {
        for (bool moved = true; moved && !b->finished;) {
                moved = false;
                for (uint32_t w = 0; w < b->n_workers && !b->finished; w++) {
                        if (w == idle || b->at[w] == b->given[w].n)
                                continue;
                        moved = true;
                        tell(b, (SchedEvent) { .kind   = SCHED_DONE,
                                               .worker = w,
                                               .plan   = b->id,
                                               .n      = 1,
                                               .task   = &b->given[w].data[b->at[w]++] });
                }
        }
}

static void submit(Bed *b, Build *build, Ref wanted) {
        ck_assert_int_eq(vec_push(&build->graph->wanted, wanted), 0);
        ck_assert_int_eq(build_done(build), 0);
        tell(b, (SchedEvent) { .kind = SCHED_SUBMIT, .request = ++b->request, .graph = build->graph });
}

/* n chunks of `rows` rows. */
static Ref arange(Build *b, int64_t n, int64_t rows) {
        const int64_t chunk_size[] = { 1, rows * ROW };
        ArangeParams params        = { .source = { .shape      = DIMS(n * rows * ROW),
                                                   .dtype      = DTYPE_F64,
                                                   .chunk_size = { .n = 2, .given = true, .v = chunk_size } },
                                       .start  = scalar_from_f64(DTYPE_F64, 0),
                                       .step   = scalar_from_f64(DTYPE_F64, 1) };

        return build_op(b, "arange", &params, 0, NULL);
}

static uint64_t adopt(Bed *b, int64_t n, int64_t rows, uint32_t worker) {
        Tiling tiling = { .ndim = 1, .axis = { cuts_regular(n * rows * ROW, rows * ROW) } };
        Spec spec     = { .dtype = DTYPE_F64, .shape = SHAPE(n * rows * ROW) };
        uint64_t id;

        ck_assert_int_eq(sched_adopt(b->sched, &spec, &tiling, worker, &id), 0);
        return id;
}

static Ref stored(Bed *b, Build *build, uint64_t tensor) {
        Ref ref = {};

        ck_assert_int_eq(graph_add_stored(build->graph, tensor, &sched_tensor(b->sched, tensor)->spec, &ref.node), 0);
        return ref;
}

static Build build_new(Error *err) {
        Build b = { .err = err };

        ck_assert_int_eq(graph_new(&b.graph), 0);
        return b;
}

TEST(few_large_sources_are_shared_equally) {
        Error err   = {};
        Bed b       = bed_new(3);
        Build build = build_new(&err);

        submit(&b, &build, build_binary(&build, "multiply", arange(&build, 9, 1000), build_f64(&build, DTYPE_F64, 2)));
        run(&b, MOST_WORKERS);
        ck_assert(b.finished);
        for (uint32_t w = 0; w < 3; w++)
                ck_assert_uint_eq(b.n_tasks[w][0], 3);
        bed_done(&b);
}

TEST(tiny_request_stays_at_one_worker) {
        Error err   = {};
        Bed b       = bed_new(4);
        Build build = build_new(&err);

        submit(&b, &build,
               build_reduce(&build, "sum",
                            build_binary(&build, "multiply", arange(&build, 4, 1), build_f64(&build, DTYPE_F64, 2)),
                            (Dims) {}, false, DTYPE_NONE));
        run(&b, MOST_WORKERS);
        ck_assert(b.finished);
        ck_assert_uint_eq(b.fetched_bytes, 0);
        bed_done(&b);
}

TEST(what_reads_little_and_computes_much_is_shared_although_its_input_is_at_one_worker) {
        Error err   = {};
        Bed b       = bed_new(2);
        Build build = build_new(&err);
        Ref x       = arange(&build, 8, 1000);
        Ref sum     = build_reduce(&build, "sum", x, (Dims) {}, false, DTYPE_NONE);
        uint32_t last;

        submit(&b, &build, build_binary(&build, "subtract", x, sum));
        run(&b, MOST_WORKERS);
        ck_assert(b.finished);
        last = b.plan->stage.n - 1;
        ck_assert_uint_eq(b.plan->stage.data[last].n_task, 8);
        ck_assert_uint_ge(b.n_tasks[0][last], 3);
        ck_assert_uint_ge(b.n_tasks[1][last], 3);
        bed_done(&b);
}

TEST(what_reads_much_goes_where_that_is) {
        Error err    = {};
        Bed b        = bed_new(2);
        Build build  = build_new(&err);
        uint64_t one = adopt(&b, 40, 1000, WORKER_NONE), two = adopt(&b, 40, 1000, WORKER_NONE);

        submit(&b, &build, build_binary(&build, "add", stored(&b, &build, one), stored(&b, &build, two)));
        run(&b, MOST_WORKERS);
        ck_assert(b.finished);
        ck_assert_uint_eq(b.n_tasks[0][0], 20);
        ck_assert_uint_eq(b.fetched_bytes, 0);
        bed_done(&b);
}

TEST(worker_with_nothing_to_do_takes_from_a_long_queue) {
        Error err    = {};
        Bed b        = bed_new(2);
        Build build  = build_new(&err);
        uint64_t one = adopt(&b, 100, 1000, 0);

        submit(&b, &build, build_binary(&build, "multiply", stored(&b, &build, one), build_f64(&build, DTYPE_F64, 2)));
        run(&b, MOST_WORKERS);
        ck_assert(b.finished);
        ck_assert_uint_gt(b.n_tasks[1][0], 10); /* it could have had half of them, and must bring each */
        ck_assert_uint_gt(b.n_tasks[0][0], b.n_tasks[1][0]);
        bed_done(&b);
}

TEST(worker_that_has_stopped_holds_up_no_more_than_it_was_given) {
        Error err   = {};
        Bed b       = bed_new(2);
        Build build = build_new(&err);

        submit(&b, &build,
               build_binary(&build, "multiply", arange(&build, 200, 1000), build_f64(&build, DTYPE_F64, 2)));
        run(&b, 1);
        ck_assert(!b.finished);
        ck_assert_uint_lt(b.n_tasks[1][0], 20);
        ck_assert_uint_eq(b.n_tasks[0][0] + b.n_tasks[1][0], 200);
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 1 });
        run(&b, 1);
        ck_assert(b.finished);
        bed_done(&b);
}
