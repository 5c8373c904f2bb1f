/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"

#include "harness.h"

static Engine *engine_with(unsigned n_threads, size_t memory_bytes) {
        Engine *e = NULL;
        Error err = {};
        int r = engine_new(&e, &(EngineConfig) { .n_threads = n_threads, .budget.memory_bytes = memory_bytes }, &err);

        ck_assert_msg(r == 0, "%s", err.text);
        return e;
}

/* ---- Graphs ----------------------------------------------------------------------------------------------------- */

static Build build_new(Error *err) {
        Build b = { .err = err };

        ck_assert_int_eq(graph_new(&b.graph), 0);
        return b;
}

/* 0, 1, 2, … in chunks of `step`. */
static Ref counting(Build *b, int64_t n, int64_t step) {
        const int64_t chunk_size[] = { 1, step };
        ArangeParams params = { .source = { .shape = DIMS(n),
                                            .dtype = DTYPE_F64,
                                            .chunk_size = { .n = 2, .given = true, .v = chunk_size } },
                                .start = scalar_from_f64(DTYPE_F64, 0),
                                .step = scalar_from_f64(DTYPE_F64, 1) };

        return build_op(b, "arange", &params, 0, NULL);
}

static Graph *build_graph(Build *b, Ref wanted) {
        ck_assert_msg(build_done(b) == 0, "%s", b->err->text);
        ck_assert_int_eq(vec_push(&b->graph->wanted, wanted), 0);
        return b->graph;
}

/* counting * 2 */
static Graph *doubled(int64_t n, int64_t step) {
        Error err = {};
        Build b   = build_new(&err);
        Ref a     = counting(&b, n, step);

        return build_graph(&b, build_binary(&b, "multiply", a, build_f64(&b, DTYPE_F64, 2)));
}

static Ref stored(Build *b, Engine *e, TensorId id) {
        const Tiling *tiling;
        const Spec *spec;
        Ref ref = {};

        ck_assert_int_eq(engine_tensor(e, id, &spec, &tiling, NULL), 0);
        ck_assert_int_eq(graph_add_stored(b->graph, id, spec, &ref.node), 0);
        return ref;
}

static Graph *sum_of(Engine *e, TensorId id) {
        Error err = {};
        Build b   = build_new(&err);

        return build_graph(&b, build_reduce(&b, "sum", stored(&b, e, id), (Dims) {}, false, DTYPE_NONE));
}

static int outcome_of(Engine *e, Graph *graph, TensorId *ret, Error *err) {
        _cleanup_(engine_request_unrefp) EngineRequest *q = NULL;
        int r = engine_submit(e, graph, false, &q, err);

        if (r == 0)
                r = engine_wait(q, UINT64_MAX, err);
        return r == 0 ? engine_request_take(q, ret) : r;
}

static TensorId run(Engine *e, Graph *graph) {
        TensorId id = 0;
        Error err   = {};
        int r       = outcome_of(e, graph, &id, &err);

        ck_assert_msg(r == 0, "%d %s", r, err.text);
        return id;
}

static double value_of(Engine *e, TensorId id) {
        _cleanup_(engine_unpinp) EnginePin *pin = NULL;
        double v;

        ck_assert_int_eq(engine_pin(e, id, &pin, NULL), 0);
        memcpy(&v, pin->data[0], sizeof(v));
        return v;
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

TEST(result_has_its_values_and_lies_in_one_piece) {
        Engine *e   = engine_with(2, 256 * MiB);
        TensorId id = run(e, doubled(100000, 1000));
        _cleanup_(engine_unpinp) EnginePin *pin = NULL;

        ck_assert_int_eq(engine_pin(e, id, &pin, NULL), 0);
        ck_assert_uint_eq(pin->n_chunks, 100);
        ck_assert_ptr_nonnull(pin->contiguous);
        for (int64_t k = 0; k < 100000; k++)
                ck_assert_double_eq(((const double *) (const void *) pin->contiguous)[k], 2.0 * (double) k);
        engine_release(e, id);
        engine_unref(e); /* the pin still holds the memory, and one reference */
        ck_assert_double_eq(((const double *) (const void *) pin->contiguous)[99999], 199998.0);
}

TEST(results_are_inputs_of_later_requests_on_any_number_of_threads) {
        for (unsigned n = 1; n <= 5; n++) {
                Engine *e      = engine_with(n, 256 * MiB);
                TensorId a     = run(e, doubled(1 << 20, 1 << 13));
                TensorId sum   = run(e, sum_of(e, a));
                EngineStats stats;

                ck_assert_double_eq(value_of(e, sum), (double) (1 << 20) * ((1 << 20) - 1));
                engine_release(e, a);
                engine_release(e, sum);
                engine_stats(e, &stats);
                ck_assert_uint_eq(stats.store.n_chunks, 0);
                ck_assert_uint_eq(stats.store.used_bytes, 0);
                ck_assert_uint_eq(stats.n_tensors, 0);
                engine_unref(e);
        }
}

TEST(background_request_is_done_without_a_waiting_caller) {
        Engine *e                                         = engine_with(2, 256 * MiB);
        _cleanup_(engine_request_unrefp) EngineRequest *q = NULL;
        uint64_t done, total;
        TensorId id;

        ck_assert_int_eq(engine_submit(e, doubled(1 << 20, 1 << 12), true, &q, NULL), 0);
        for (int k = 0; !engine_request_done(q) && k < 20000; k++)
                usleep(1000);
        ck_assert_int_eq(engine_wait(q, 0, NULL), 0);
        engine_request_progress(q, &done, &total);
        ck_assert_uint_eq(done, 256);
        ck_assert_uint_eq(total, 256);
        ck_assert_int_eq(engine_request_take(q, &id), 0);
        ck_assert_int_eq(engine_request_take(q, &id), ENGINE_ABSENT);
        engine_unref(e);
}

TEST(results_that_nobody_takes_are_freed) {
        Engine *e        = engine_with(2, 256 * MiB);
        EngineRequest *q = NULL;
        EngineStats stats;

        ck_assert_int_eq(engine_submit(e, doubled(100000, 100), true, &q, NULL), 0);
        engine_request_unref(q); /* goes on without us */
        for (int k = 0; k < 20000; k++) {
                engine_stats(e, &stats);
                if (stats.n_requests == 0)
                        break;
                usleep(1000);
        }
        ck_assert_uint_eq(stats.n_tasks_done, 1000);
        ck_assert_uint_eq(stats.store.n_chunks, 0);

        ck_assert_int_eq(engine_submit(e, doubled(100000, 100), false, &q, NULL), 0);
        ck_assert_int_eq(engine_wait(q, UINT64_MAX, NULL), 0);
        engine_request_unref(q);
        engine_stats(e, &stats);
        ck_assert_uint_eq(stats.store.n_chunks, 0);
        engine_unref(e);
}

static void count(void *userdata) {
        __atomic_fetch_add((int *) userdata, 1, __ATOMIC_SEQ_CST);
}

TEST(canceled_request_ends_leaves_nothing_and_the_engine_goes_on) {
        for (int k = 0; k < 30; k++) {
                Engine *e                                         = engine_with(2, 512 * MiB);
                _cleanup_(engine_request_unrefp) EngineRequest *q = NULL;
                EngineStats stats;
                int called = 0, r;

                ck_assert_int_eq(engine_submit(e, doubled(1 << 22, 1 << 10), k % 2, &q, NULL), 0);
                ck_assert_int_eq(engine_request_on_done(q, count, &called), 0);
                if (k % 3)
                        ck_assert_int_ge(engine_wait(q, (uint64_t) k * 50, NULL), 0);
                engine_request_cancel(q);
                r = engine_wait(q, UINT64_MAX, NULL);
                ck_assert(r == ERROR_CANCELED || r == 0);
                engine_stats(e, &stats);
                if (r < 0) {
                        ck_assert_uint_eq(stats.store.n_chunks, 0);
                        ck_assert_uint_eq(stats.store.used_bytes, 0);
                }
                engine_release(e, run(e, doubled(1000, 10)));
                engine_unref(e);
                engine_request_unref(TAKE_PTR(q));
                while (__atomic_load_n(&called, __ATOMIC_SEQ_CST) ==
                       0) /* perhaps on a helper, which then ends the engine */
                        usleep(100);
                ck_assert_int_eq(__atomic_load_n(&called, __ATOMIC_SEQ_CST), 1);
        }
}

TEST(small_request_does_not_wait_for_the_end_of_a_large_one_that_came_before) {
        for (unsigned n_threads = 1; n_threads <= 2; n_threads++) {
                Engine *e                                             = engine_with(n_threads, 256 * MiB);
                _cleanup_(engine_request_unrefp) EngineRequest *large = NULL;
                Error err = {};
                Build b   = build_new(&err);
                Ref x     = counting(&b, (int64_t) 1 << 40, 1 << 20); /* hours, and nothing is kept of it */
                uint64_t done, total;

                x = build_reduce(&b, "sum", x, (Dims) {}, false, DTYPE_NONE);
                ck_assert_int_eq(engine_submit(e, build_graph(&b, x), true, &large, &err), 0);
                for (int k = 0; k < 10; k++)
                        engine_release(e, run(e, doubled(100000, 1000)));
                engine_request_progress(large, &done, &total);
                ck_assert_uint_lt(done, total);
                ck_assert(!engine_request_done(large));
                engine_request_cancel(large);
                ck_assert_int_eq(engine_wait(large, UINT64_MAX, NULL), ERROR_CANCELED);
                engine_unref(e);
        }
}

TEST(engine_goes_on_at_once_although_lapack_does_not_look_up) {
        Engine *e                  = engine_with(1, 512 * MiB);
        const int64_t chunk_size[] = { 1, 1500 };
        ArangeParams params = { .source = { .shape = DIMS(1500, 1500),
                                            .dtype = DTYPE_F64,
                                            .chunk_size = { .n = 2, .given = true, .v = chunk_size } },
                                .start = scalar_from_f64(DTYPE_F64, 0),
                                .step  = scalar_from_f64(DTYPE_F64, 1) };
        Error err  = {};
        Build b    = build_new(&err);
        bool at_it = false;
        TensorId matrix;

        matrix = run(e, build_graph(&b, build_op(&b, "arange", &params, 0, NULL)));
        for (int k = 0; k < 10 && !at_it; k++) {
                _cleanup_(engine_request_unrefp) EngineRequest *q = NULL;
                EngineStats stats;
                Ref x;

                b = build_new(&err);
                x = stored(&b, e, matrix);
                x = build_op(&b, "svdvals", NULL, 1, &x);
                ck_assert_int_eq(engine_submit(e, build_graph(&b, x), true, &q, &err), 0);
                do
                        engine_stats(e, &stats);
                while (stats.scratch_bytes == 0 && !engine_request_done(q));
                engine_request_cancel(q);
                engine_release(e, run(e, doubled(100000, 100)));
                at_it = !engine_request_done(q); /* else it was canceled before LAPACK began */
                ck_assert_int_eq(engine_wait(q, UINT64_MAX, NULL), ERROR_CANCELED);
        }
        ck_assert(at_it);
        engine_release(e, matrix);
        engine_unref(e);
}

TEST(request_that_cannot_fit_says_both_numbers) {
        Engine *e   = NULL;
        Error err   = {};
        TensorId id;
        EngineStats stats;

        /* Tasks may be as large as the user says. */
        ck_assert_int_eq(engine_new(&e, &(EngineConfig) { .budget.memory_bytes = MiB, .task_bytes = GiB }, &err), 0);
        ck_assert_int_eq(outcome_of(e, doubled(1 << 20, 1 << 20), &id, &err), ERROR_MEMORY);
        ck_assert_ptr_nonnull(strstr(err.text, "8388608 bytes"));
        ck_assert_ptr_nonnull(strstr(err.text, "1048576"));
        ck_assert_ptr_nonnull(strstr(err.text, "chunk (0,)"));
        engine_stats(e, &stats);
        ck_assert_uint_eq(stats.store.n_chunks + stats.n_tasks_done, 0); /* it was refused before anything ran */
        engine_release(e, run(e, doubled(1000, 10)));
        engine_unref(e);
}

TEST(request_whose_input_leaves_no_room_for_its_output_is_refused_before_anything_runs) {
        enum { N = 75000 }; /* 600000 bytes */
        Engine *e = NULL;
        Error err = {};
        Build b   = build_new(&err);
        EngineStats before, after;
        TensorId x, id;
        Ref in;

        ck_assert_int_eq(engine_new(&e, &(EngineConfig) { .budget.memory_bytes = MiB, .task_bytes = GiB }, &err), 0);
        x  = run(e, doubled(N, N));
        in = stored(&b, e, x);
        engine_stats(e, &before);
        ck_assert_int_eq(outcome_of(e, build_graph(&b, build_binary(&b, "add", in, in)), &id, &err), ERROR_MEMORY);
        ck_assert_msg(strstr(err.text, "1200000 bytes are needed at a time, and 1048576 are all"), "%s", err.text);
        engine_stats(e, &after);
        ck_assert_uint_eq(after.n_tasks_done, before.n_tasks_done);
        engine_release(e, run(e, sum_of(e, x)));
        engine_release(e, x);
        engine_unref(e);
}

TEST(sum_of_more_than_memory_needs_no_more_than_a_few_chunks) {
        Engine *e = engine_with(2, 1 * MiB);
        Error err = {};
        Build b   = build_new(&err);
        Ref a     = counting(&b, 1 << 22, 1 << 13);
        TensorId id;

        id = run(e, build_graph(&b, build_reduce(&b, "sum", a, (Dims) {}, false, DTYPE_NONE)));
        ck_assert_double_eq(value_of(e, id), (double) (1 << 21) * ((1 << 22) - 1));
        engine_unref(e);
}

TEST(foreign_memory_is_an_input_and_is_released_once) {
        enum { N = 10000, STEP = 300 };
        Engine *e      = engine_with(2, 64 * MiB);
        Spec spec      = { .dtype = DTYPE_F64, .shape = SHAPE(N) };
        Tiling tiling  = { .ndim = 1, .axis = { cuts_regular(N, STEP) } };
        double *buffer = malloc(N * sizeof(*buffer));
        const char *data[(N + STEP - 1) / STEP];
        EnginePin *pin = NULL;
        int released   = 0;
        TensorId id, sum;

        for (int k = 0; k < N; k++)
                buffer[k] = k;
        for (uint32_t k = 0; k < ELEMENTSOF(data); k++)
                data[k] = (const char *) (buffer + k * STEP);
        ck_assert_int_eq(engine_adopt(e, &spec, &tiling, data, count, &released, NULL, &id, NULL), 0);
        sum = run(e, sum_of(e, id));
        ck_assert_double_eq(value_of(e, sum), (double) N * (N - 1) / 2);
        ck_assert_int_eq(engine_pin(e, id, &pin, NULL), 0);
        ck_assert_ptr_eq(pin->contiguous, buffer);
        engine_release(e, id);
        ck_assert_int_eq(released, 0);
        engine_unpin(pin);
        ck_assert_int_eq(released, 1);

        engine_close(e);
        ck_assert_int_eq(engine_adopt(e, &spec, &tiling, data, count, &released, NULL, &id, NULL), ERROR_CLOSED);
        ck_assert_int_eq(released, 2);
        engine_unref(e);
        free(buffer);
}

TEST(foreign_memory_may_be_larger_than_the_cache) {
        enum { N = 1 << 18 }; /* 2 MiB */
        Engine *e           = engine_with(1, 1 * MiB);
        const Spec spec     = { .dtype = DTYPE_F64, .shape = SHAPE(N) };
        const Tiling tiling = { .ndim = 1, .axis = { cuts_regular(N, N) } };
        double *buffer      = malloc(N * sizeof(*buffer));
        int released        = 0;
        TensorId id;

        for (int k = 0; k < N; k++)
                buffer[k] = k;
        ck_assert_int_eq(engine_adopt(e, &spec, &tiling, (const char *[]) { (char *) buffer }, count, &released, NULL,
                                      &id, NULL),
                         0);
        ck_assert_double_eq(value_of(e, run(e, sum_of(e, id))), (double) N * (N - 1) / 2);
        engine_unref(e);
        ck_assert_int_eq(released, 1);
        free(buffer);
}

/* x[x >= from], summed if you like */
static Graph *chosen(int64_t n, int64_t step, double from, bool sum, Ref *also) {
        Error err = {};
        Build b   = build_new(&err);
        Ref x     = counting(&b, n, step);
        Ref in[]  = { x, build_binary(&b, "greater_equal", x, build_f64(&b, DTYPE_F64, from)) };

        x = build_op(&b, "mask", NULL, 2, in);
        if (also)
                *also = x;
        if (sum)
                x = build_reduce(&b, "sum", x, (Dims) {}, false, DTYPE_NONE);
        return build_graph(&b, x);
}

TEST(shapes_that_depend_on_data_are_found_out_and_used) {
        for (unsigned n_threads = 1; n_threads <= 3; n_threads++) {
                Engine *e = engine_with(n_threads, 64 * MiB);
                const Tiling *tiling;
                const Spec *spec;
                EnginePin *pin;
                TensorId id, sum;

                id = run(e, chosen(10000, 700, 9000, false, NULL));
                ck_assert_int_eq(engine_tensor(e, id, &spec, &tiling, NULL), 0);
                ck_assert_int_eq(spec->shape.dim[0], 1000);
                ck_assert_uint_eq(tiling->axis[0].n, 15);
                ck_assert_int_eq(cuts_edge(&tiling->axis[0], 13), 100); /* 9000 … 9099 lie in chunk 12 */
                ck_assert_int_eq(engine_pin(e, id, &pin, NULL), 0);
                ck_assert_double_eq(((const double *) (const void *) pin->data[12])[0], 9000);
                engine_unpin(pin);
                sum = run(e, sum_of(e, id));
                ck_assert_double_eq(value_of(e, sum), 1000 * (9000 + 9999) / 2.0);
                engine_release(e, sum);
                engine_release(e, id);

                sum = run(e, chosen(10000, 700, 9000, true, NULL)); /* in one request: planned twice */
                ck_assert_double_eq(value_of(e, sum), 1000 * (9000 + 9999) / 2.0);
                sum = run(e, chosen(10000, 700, 1e9, true, NULL)); /* of nothing */
                ck_assert_double_eq(value_of(e, sum), 0);
                engine_unref(e);
        }
}

TEST(wanted_output_that_the_rest_of_the_graph_reads_too_is_kept) {
        Engine *e = engine_with(2, 64 * MiB);
        Ref also;
        Graph *graph = chosen(10000, 700, 9000, true, &also);
        _cleanup_(engine_request_unrefp) EngineRequest *q = NULL;
        TensorId id[2];
        EngineStats stats;

        ck_assert_int_eq(vec_push(&graph->wanted, also), 0);
        ck_assert_int_eq(engine_submit(e, graph, false, &q, NULL), 0);
        ck_assert_int_eq(engine_wait(q, UINT64_MAX, NULL), 0);
        ck_assert_int_eq(engine_request_take(q, id), 0);
        ck_assert_double_eq(value_of(e, id[0]), 1000 * (9000 + 9999) / 2.0);
        ck_assert_double_eq(value_of(e, run(e, sum_of(e, id[1]))), 1000 * (9000 + 9999) / 2.0);
        engine_release(e, id[0]);
        engine_release(e, id[1]);
        engine_stats(e, &stats);
        ck_assert_uint_eq(stats.n_tensors, 1);
        engine_unref(e);
}

TEST(closed_engine_says_so) {
        Engine *e = engine_with(2, 64 * MiB);
        _cleanup_(engine_request_unrefp) EngineRequest *q = NULL;
        EngineRequest *other = NULL;
        Error err = {};
        int r;

        ck_assert_int_eq(engine_submit(e, doubled(1 << 22, 1 << 8), true, &q, NULL), 0);
        engine_close(e);
        ck_assert(engine_closed(e));
        r = engine_wait(q, UINT64_MAX, &err);
        ck_assert(r == ERROR_CLOSED || r == 0);
        ck_assert_int_eq(engine_submit(e, doubled(100, 10), false, &other, &err), ERROR_CLOSED);
        ck_assert_str_eq(err.text, "the session is closed");
        engine_close(e);
        engine_unref(e);
}

TEST(what_was_said_of_a_tensor_can_be_read_while_somebody_closes_the_engine) {
        Engine *e = engine_with(1, 64 * MiB);
        const Tiling *tiling;
        const Spec *spec;
        Error err = {};
        TensorId id;

        ck_assert_msg(outcome_of(e, doubled(100, 7), &id, &err) == 0, "%s", err.text);
        ck_assert_int_eq(engine_tensor(e, id, &spec, &tiling, NULL), 0);
        engine_close(e);
        ck_assert_int_eq(spec->shape.dim[0], 100);
        ck_assert_uint_eq(tiling_n_chunks(tiling), 15);
        ck_assert_int_eq(engine_tensor(e, id, &spec, &tiling, &err), ERROR_CLOSED);
        engine_unref(e);
}

TEST(child_of_a_fork_is_refused_with_words) {
        Engine *e = engine_with(2, 64 * MiB);
        int status;
        pid_t child;

        engine_release(e, run(e, doubled(1 << 20, 1 << 14)));
        child = fork();
        if (child == 0) {
                EngineRequest *q = NULL;
                Error err = {};
                bool right =
                        engine_submit(e, doubled(10, 10), false, &q, &err) == ERROR_CLOSED && strstr(err.text, "fork");

                engine_close(e);
                engine_unref(e);
                _exit(right ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
        engine_unref(e);
}

typedef struct Last {
        Engine *engine;
        EngineRequest *request;
        bool gone;
} Last;

static void give_all_away(void *userdata) {
        Last *last = userdata;

        engine_request_unref(last->request);
        engine_unref(last->engine);
        __atomic_store_n(&last->gone, true, __ATOMIC_SEQ_CST);
}

TEST(callback_may_give_the_last_reference_away) {
        for (int k = 0; k < 50; k++) {
                Last last = { .engine = engine_with(2, 64 * MiB) };

                ck_assert_int_eq(engine_submit(last.engine, doubled(1 << 18, 1 << 12), true, &last.request, NULL), 0);
                ck_assert_int_eq(engine_request_on_done(last.request, give_all_away, &last), 0);
                while (!__atomic_load_n(&last.gone, __ATOMIC_SEQ_CST))
                        usleep(100);
        }
        usleep(10000); /* the helper ends by itself */
}

static void *submit_and_wait(void *userdata) {
        Engine *e = userdata;

        for (int k = 0; k < 20; k++) {
                TensorId a = run(e, doubled(20000, 500 + k)), sum = run(e, sum_of(e, a));

                ck_assert_double_eq(value_of(e, sum), 20000.0 * 19999);
                engine_release(e, a);
                engine_release(e, sum);
        }
        return NULL;
}

TEST(many_threads_share_an_engine) {
        Engine *e = engine_with(3, 64 * MiB);
        pthread_t thread[6];

        for (uint32_t k = 0; k < ELEMENTSOF(thread); k++)
                ck_assert_int_eq(pthread_create(&thread[k], NULL, submit_and_wait, e), 0);
        for (uint32_t k = 0; k < ELEMENTSOF(thread); k++)
                pthread_join(thread[k], NULL);
        engine_unref(e);
}

static void add(void *userdata, uint32_t k) {
        __atomic_fetch_add((uint64_t *) userdata, k, __ATOMIC_RELAXED);
}

TEST(each_piece_is_done_once) {
        Engine *e    = engine_with(4, 64 * MiB);
        uint64_t sum = 0;

        for (int k = 0; k < 100; k++)
                engine_each(e, 1000, add, &sum);
        ck_assert_uint_eq(sum, 100ull * 999 * 1000 / 2);
        engine_unref(e);
}
