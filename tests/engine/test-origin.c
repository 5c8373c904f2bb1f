/* SPDX-License-Identifier: Apache-2.0 */
/* Origins in sessions of this process; those of clusters are in tests/python/test_stores.py. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "engine/engine.h"

#include "harness.h"

enum { CHUNKS = 64, LENGTH = 1 << 14, SIZE = CHUNKS * LENGTH }; /* 8 MiB of float64 */

/* 0, 1, 2, …; counts who asks for it. */
typedef struct Numbers {
        _Atomic uint32_t n_reads, n_released;
        _Atomic uint64_t asked; /* a bit for each chunk */
        _Atomic int fails_at;   /* -1: nowhere */
} Numbers;

static int numbers_read(void *userdata, uint64_t chunk, char *to, Error *err) {
        Numbers *numbers = userdata;
        double *v        = (double *) (void *) to;

        ck_assert_uint_lt(chunk, CHUNKS);
        atomic_fetch_add(&numbers->n_reads, 1);
        atomic_fetch_or(&numbers->asked, UINT64_C(1) << chunk);
        if ((int) chunk == numbers->fails_at)
                return error_set(err, -EIO, "part %d is torn out", (int) chunk);
        for (int k = 0; k < LENGTH; k++)
                v[k] = (double) (chunk * LENGTH + (uint64_t) k);
        return 0;
}

static void numbers_release(void *userdata) {
        atomic_fetch_add(&((Numbers *) userdata)->n_released, 1);
}

static Engine *engine_with(size_t memory_bytes, bool spill) {
        Engine *e = NULL;
        Error err = {};
        int r     = engine_new(&e,
                               &(EngineConfig) { .n_threads           = 2,
                                                 .budget.memory_bytes = memory_bytes,
                                                 .budget.disk         = spill ? NULL : "0" },
                               &err);

        ck_assert_msg(r == 0, "%s", err.text);
        return e;
}

static TensorId adopt(Engine *e, Numbers *numbers) {
        const Spec spec     = { .dtype = DTYPE_F64, .shape = SHAPE(SIZE) };
        const Tiling tiling = { .ndim = 1, .axis = { cuts_regular(SIZE, LENGTH) } };
        TensorId id         = 0;

        ck_assert_int_eq(engine_adopt_origin(e, &spec, &tiling,
                                             &(EngineOrigin) { numbers_read, numbers_release, numbers }, &id, NULL),
                         0);
        return id;
}

/* Of the elements [from, to). */
static int sum_of(Engine *e, TensorId id, int64_t from, int64_t to, double *ret, Error *err) {
        const int64_t shape[] = { to - from }, axis[] = { 0 }, start[] = { from }, step[] = { 1 };
        _cleanup_(engine_request_unrefp) EngineRequest *q = NULL;
        _cleanup_(engine_unpinp) EnginePin *pin           = NULL;
        Build b                                           = { .err = err };
        const Tiling *tiling;
        const Spec *spec;
        TensorId sum;
        Ref ref = {};
        int r;

        r = engine_tensor(e, id, &spec, &tiling, err);
        if (r < 0)
                return r; /* it was closed */
        ck_assert_int_eq(graph_new(&b.graph), 0);
        ck_assert_int_eq(graph_add_stored(b.graph, id, spec, &ref.node), 0);
        ref = build_op(&b, "view",
                       &(ViewParams) { .shape = { .n = 1, .given = true, .v = shape },
                                       .axis  = { .n = 1, .given = true, .v = axis },
                                       .start = { .n = 1, .given = true, .v = start },
                                       .step  = { .n = 1, .given = true, .v = step } },
                       1, &ref);
        ref = build_reduce(&b, "sum", ref, (Dims) {}, false, DTYPE_NONE);
        ck_assert_int_eq(build_done(&b), 0);
        ck_assert_int_eq(vec_push(&b.graph->wanted, ref), 0);
        r = engine_submit(e, b.graph, false, &q, err);
        if (r == 0)
                r = engine_wait(q, UINT64_MAX, err);
        if (r < 0)
                return r;
        r = engine_request_take(q, &sum) == 0 ? engine_pin(e, sum, &pin, err) : ERROR_CLOSED;
        if (r < 0)
                return r;
        memcpy(ret, pin->data[0], sizeof(*ret));
        engine_release(e, sum);
        return 0;
}

static double sum_between(Engine *e, TensorId id, int64_t from, int64_t to) {
        Error err = {};
        double sum;
        int r = sum_of(e, id, from, to, &sum, &err);

        ck_assert_msg(r == 0, "%s", err.text);
        return sum;
}

static double numbers_between(int64_t from, int64_t to) {
        return (double) (to - from) * (double) (from + to - 1) / 2;
}

TEST(nothing_is_read_before_it_is_needed_and_nothing_else_then) {
        Numbers numbers = { .fails_at = -1 };
        Engine *e       = engine_with(256 * MiB, true);
        TensorId id     = adopt(e, &numbers);

        ck_assert_uint_eq(numbers.n_reads, 0);
        ck_assert_double_eq(sum_between(e, id, 5 * LENGTH + 3, 7 * LENGTH),
                            numbers_between(5 * LENGTH + 3, 7 * LENGTH));
        ck_assert_uint_eq(numbers.asked, UINT64_C(3) << 5);
        ck_assert_double_eq(sum_between(e, id, 0, SIZE), numbers_between(0, SIZE));
        ck_assert_uint_eq(numbers.asked, UINT64_MAX);
        ck_assert_uint_eq(numbers.n_reads, CHUNKS); /* all of it fits, so that nothing was read twice */
        engine_release(e, id);
        ck_assert_uint_eq(numbers.n_released, 1);
        engine_unref(e);
        ck_assert_uint_eq(numbers.n_released, 1);
}

TEST(more_than_memory_is_read_again_and_never_written) {
        for (int spill = 0; spill < 2; spill++) {
                Numbers numbers = { .fails_at = -1 };
                Engine *e       = engine_with(3 * MiB, spill);
                TensorId id     = adopt(e, &numbers);
                EngineStats stats;

                for (int k = 0; k < 3; k++)
                        ck_assert_double_eq(sum_between(e, id, 0, SIZE), numbers_between(0, SIZE));
                ck_assert_uint_gt(numbers.n_reads, CHUNKS);
                engine_stats(e, &stats);
                ck_assert_uint_eq(stats.n_spilled, 0);
                ck_assert_uint_eq(stats.disk_written_bytes, 0);
                ck_assert_uint_gt(stats.n_evicted, CHUNKS);
                ck_assert_uint_le(stats.store.used_bytes, 3 * MiB);
                engine_release(e, id);
                engine_stats(e, &stats);
                ck_assert_uint_eq(stats.store.n_chunks, 0);
                ck_assert_uint_eq(stats.away_bytes, 0);
                engine_unref(e);
                ck_assert_uint_eq(numbers.n_released, 1);
        }
}

TEST(what_cannot_be_read_fails_those_who_need_it_with_its_words) {
        Numbers numbers = { .fails_at = 9 };
        Engine *e       = engine_with(256 * MiB, true);
        TensorId id     = adopt(e, &numbers);
        EnginePin *pin  = NULL;
        Error err       = {};
        double sum;

        ck_assert_int_eq(sum_of(e, id, 0, SIZE, &sum, &err), -EIO);
        ck_assert_msg(strstr(err.text, "part 9 is torn out"), "%s", err.text);
        err = (Error) {};
        ck_assert_int_eq(engine_pin(e, id, &pin, &err), -EIO);
        ck_assert_msg(strstr(err.text, "part 9 is torn out"), "%s", err.text);
        ck_assert_double_eq(sum_between(e, id, 0, 9 * LENGTH), numbers_between(0, 9 * LENGTH));
        numbers.fails_at = -1; /* it has been found */
        ck_assert_double_eq(sum_between(e, id, 0, SIZE), numbers_between(0, SIZE));
        engine_unref(e);
        ck_assert_uint_eq(numbers.n_released, 1);
}

TEST(chunks_that_are_pinned_outlive_the_session) {
        Numbers numbers = { .fails_at = -1 };
        Engine *e       = engine_with(256 * MiB, true);
        TensorId id     = adopt(e, &numbers);
        EnginePin *pin  = NULL;

        ck_assert_int_eq(engine_pin_begin(e, id, 3, 2, NULL, &pin, NULL), 0);
        ck_assert_int_eq(engine_pin_wait(pin, NULL), 0);
        engine_release(e, id);
        engine_unref(e);
        ck_assert_uint_eq(numbers.n_released, 0);
        for (int k = 0; k < LENGTH; k++)
                ck_assert_double_eq(((const double *) (const void *) pin->data[1])[k], 4.0 * LENGTH + k);
        engine_unpin(pin);
        ck_assert_uint_eq(numbers.n_released, 1);
}

typedef struct Closing {
        Engine *engine;
        TensorId id;
} Closing;

static void *sum_until_closed(void *userdata) {
        const Closing *c = userdata;
        Error err        = {};
        double sum;
        int r;

        do
                r = sum_of(c->engine, c->id, 0, SIZE, &sum, &err);
        while (r == 0);
        ck_assert_int_eq(r, ERROR_CLOSED);
        return NULL;
}

TEST(session_is_closed_while_chunks_are_read) {
        for (int k = 0; k < 20; k++) {
                Numbers numbers = { .fails_at = -1 };
                Engine *e       = engine_with(3 * MiB, true);
                Closing closing = { e, adopt(e, &numbers) };
                pthread_t thread;

                ck_assert_int_eq(pthread_create(&thread, NULL, sum_until_closed, &closing), 0);
                while (numbers.n_reads < (uint32_t) k * 5)
                        sched_yield();
                engine_close(e);
                pthread_join(thread, NULL);
                engine_unref(e);
                ck_assert_uint_eq(numbers.n_released, 1);
        }
}

TEST(closed_session_takes_no_origin_and_releases_it) {
        const Spec spec     = { .dtype = DTYPE_F64, .shape = SHAPE(LENGTH) };
        const Tiling tiling = tiling_whole(&spec.shape);
        Numbers numbers     = { .fails_at = -1 };
        Engine *e           = engine_with(64 * MiB, true);
        TensorId id;

        engine_close(e);
        ck_assert_int_eq(engine_adopt_origin(e, &spec, &tiling,
                                             &(EngineOrigin) { numbers_read, numbers_release, &numbers }, &id, NULL),
                         ERROR_CLOSED);
        ck_assert_uint_eq(numbers.n_released, 1);
        engine_unref(e);
}
