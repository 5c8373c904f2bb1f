/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "client.h"

/* Half a minute of work in many tasks, to be ended before. */
static mars_tensor *long_work(void) {
        const mars_param params[] = {
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { 4000000000 }, .n = 1 },
                { .name = "dtype", .kind = MARS_PARAM_DTYPE, .i64 = MARS_FLOAT64 },
                { .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { 1, 1000000 }, .n = 2 },
        };
        mars_tensor *x = NULL;

        must(mars_op1(&x, "full", 0, NULL, params, ELEMENTSOF(params), &err));
        for (int i = 0; i < 8; i++) {
                mars_tensor *next = op1(i % 2 ? "sin" : "exp", x);

                mars_tensor_unref(x);
                x = next;
        }
        {
                mars_tensor *sum = op1("sum", x);

                mars_tensor_unref(x);
                return sum;
        }
}

TEST(submitted_work_is_done_without_waiting) {
        SESSION s = session(2);
        TENSOR a  = counted(1000, 10);
        TENSOR b  = op1("sum", a);
        FUTURE f  = NULL;

        must(mars_submit(&f, s, 1, &b, &err));
        for (int i = 0; i < 10000 && !mars_future_done(f); i++)
                usleep(1000);
        ck_assert(mars_future_done(f));
        ck_assert_double_eq(mars_future_progress(f), 1);
        ck_assert_int_eq(must(mars_future_wait(f, 0, &err)), 0);
        ck_assert_double_eq(value_of(s, b), 499500);
}

TEST(who_waits_in_slices_is_not_held_by_a_long_task) {
        SESSION s      = session(1);
        TENSOR numbers = counted(1 << 26, 1 << 26); /* one task of some seconds, to be ended before */
        TENSOR tangent = op1("tan", numbers);
        TENSOR angle   = op1("arctan", tangent);
        TENSOR again   = op1("tan", angle);
        TENSOR total   = op1("sum", again);
        FUTURE f       = NULL;

        must(mars_begin(&f, s, 1, &total, &err));
        ck_assert_int_eq(must(mars_future_wait(f, 1000, &err)), 1);
        mars_future_cancel(f);
        must_fail(MARS_ERROR_CANCELED, "cancel", mars_future_wait(f, UINT64_MAX, &err));
        ck_assert_double_eq(mars_future_progress(f), 1);
        ck_assert(!mars_tensor_executed(total, s));
}

TEST(shape_is_found_out_in_rounds) {
        SESSION s    = session(2);
        TENSOR a     = counted(100, 7);
        TENSOR b     = op2("remainder", a, a);
        TENSOR zero  = op2("equal", b, b);
        TENSOR once  = op2("mask", a, zero);
        TENSOR again = op2("equal", once, once);
        TENSOR twice = op2("mask", once, again);
        int64_t n    = -1;
        int rounds   = 0;

        for (;;) {
                FUTURE f = NULL;

                if (must(mars_tensor_resolve_begin(&f, s, twice, &err)) == 0) {
                        ck_assert_ptr_null(f);
                        break;
                }
                while (must(mars_future_wait(f, 1000, &err)) == 1)
                        ;
                rounds++;
        }
        ck_assert_int_eq(rounds, 2);
        ck_assert_uint_eq(mars_tensor_shape(twice, &n), 0);
        ck_assert_int_eq(n, 99); /* 0 % 0 is NaN */
}

TEST(waiting_takes_part_in_the_work) {
        SESSION s = session(1);
        TENSOR a  = counted(1000, 10);
        TENSOR b  = op1("sum", a);
        FUTURE f  = NULL;

        must(mars_submit(&f, s, 1, &b, &err));
        while (must(mars_future_wait(f, 1000, &err)) == 1)
                ck_assert_double_le(mars_future_progress(f), 1);
        ck_assert_int_eq(must(mars_future_wait(f, UINT64_MAX, &err)), 0);
        ck_assert_double_eq(value_of(s, b), 499500);
}

TEST(what_is_there_already_is_a_future_that_is_done) {
        SESSION s = session(1);
        TENSOR a  = full(1, 3, 3);
        FUTURE f  = NULL;

        must(mars_execute(s, 1, &a, &err));
        must(mars_submit(&f, s, 1, &a, &err));
        ck_assert(mars_future_done(f));
        ck_assert_double_eq(mars_future_progress(f), 1);
        ck_assert_int_eq(must(mars_future_wait(f, 0, &err)), 0);
        mars_future_cancel(f);
}

TEST(failure_is_told_to_everybody_who_asks) {
        SESSION s   = session(1);
        TENSOR a    = f64s(3, (const double[]) { 1, 2, 3 });
        TENSOR b    = f64s(2, (const double[]) { 1, 2 });
        TENSOR zero = weak_int(0);
        TENSOR some = op2("greater", a, zero);
        TENSOR c    = op2("mask", a, some);
        TENSOR d    = op2("add", c, b);
        FUTURE f    = NULL;

        must(mars_submit(&f, s, 1, &d, &err));
        must_fail(MARS_ERROR_VALUE, "(3,) (2,)", mars_future_wait(f, UINT64_MAX, &err));
        must_fail(MARS_ERROR_VALUE, "(3,) (2,)", mars_future_wait(f, UINT64_MAX, &err));
        ck_assert(mars_future_done(f) && !mars_tensor_executed(d, s));
}

static void note(void *userdata) {
        atomic_fetch_add((_Atomic int *) userdata, 1);
}

TEST(call_backs_come_once_each_and_find_the_results) {
        SESSION s     = session(2);
        TENSOR a      = counted(1000, 10);
        TENSOR b      = op1("sum", a);
        FUTURE f      = NULL;
        _Atomic int n = 0;

        must(mars_submit(&f, s, 1, &b, &err));
        must(mars_future_on_done(f, note, &n, &err));
        must(mars_future_on_done(f, note, &n, &err));
        must(mars_future_wait(f, UINT64_MAX, &err));
        for (int i = 0; i < 10000 && atomic_load(&n) < 2; i++)
                usleep(1000);
        ck_assert_int_eq(atomic_load(&n), 2);
        must(mars_future_on_done(f, note, &n, &err));
        ck_assert_int_eq(atomic_load(&n), 3);
        ck_assert(mars_tensor_executed(b, s));
}

TEST(future_that_nobody_keeps_still_gives_its_results) {
        SESSION s      = session(2);
        TENSOR a       = counted(1000, 10);
        TENSOR b       = op1("sum", a);
        mars_future *f = NULL, *more;

        must(mars_submit(&f, s, 1, &b, &err));
        more = mars_future_ref(f);
        mars_future_unref(f);
        mars_future_unref(more);
        mars_future_unref(NULL);
        for (int i = 0; i < 10000 && !mars_tensor_executed(b, s); i++)
                usleep(1000);
        ck_assert_double_eq(value_of(s, b), 499500);
}

TEST(cancelled_work_ends_at_once_and_the_session_lives_on) {
        SESSION s = session(2);
        TENSOR a  = long_work();
        TENSOR b  = full(1, 3, 3);
        FUTURE f  = NULL;
        mars_session_stats stats;

        must(mars_submit(&f, s, 1, &a, &err));
        ck_assert_int_eq(must(mars_future_wait(f, 1000, &err)), 1);
        mars_future_cancel(f);
        must_fail(MARS_ERROR_CANCELED, "cancel", mars_future_wait(f, UINT64_MAX, &err));
        ck_assert(!mars_tensor_executed(a, s));
        must(mars_execute(s, 1, &b, &err));
        mars_tensor_unref(b);
        b = NULL;
        must(mars_session_stat(s, &stats, &err));
        ck_assert_uint_eq(stats.used_bytes, 0);
}

TEST(closing_ends_the_work_of_others) {
        mars_session *s = session(2);
        TENSOR a        = long_work();
        FUTURE f        = NULL;

        must(mars_submit(&f, s, 1, &a, &err));
        mars_session_unref(s);
        must_fail(MARS_ERROR_CLOSED, "closed", mars_future_wait(f, UINT64_MAX, &err));
        ck_assert(mars_future_done(f));
}

static void *wait_for(void *userdata) {
        must(mars_future_wait(userdata, UINT64_MAX, &err));
        return NULL;
}

TEST(several_threads_wait_for_one_future) {
        SESSION s = session(2);
        TENSOR a  = counted(100000, 100);
        TENSOR b  = op1("sum", a);
        FUTURE f  = NULL;
        pthread_t thread[4];

        must(mars_submit(&f, s, 1, &b, &err));
        for (size_t i = 0; i < ELEMENTSOF(thread); i++)
                ck_assert_int_eq(pthread_create(&thread[i], NULL, wait_for, f), 0);
        for (size_t i = 0; i < ELEMENTSOF(thread); i++)
                pthread_join(thread[i], NULL);
        ck_assert_double_eq(value_of(s, b), 4999950000);
}

TEST(begun_work_is_done_by_who_waits_in_slices) {
        SESSION s = session(2);
        TENSOR a  = counted(1000, 10);
        TENSOR b  = op1("sum", a);
        FUTURE f  = NULL;

        must(mars_begin(&f, s, 1, &b, &err));
        while (must(mars_future_wait(f, 50000, &err)) == 1)
                ck_assert(!mars_tensor_executed(b, s)); /* who waits has it put in its place */
        ck_assert(mars_future_done(f) && mars_tensor_executed(b, s));
        ck_assert_double_eq(value_of(s, b), 499500);
}
