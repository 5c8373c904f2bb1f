/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "client.h"

static uint64_t used_bytes(mars_session *s) {
        mars_session_stats stats;

        must(mars_session_stat(s, &stats, &err));
        return stats.used_bytes;
}

static uint64_t tasks_done(mars_session *s) {
        mars_session_stats stats;

        must(mars_session_stat(s, &stats, &err));
        return stats.tasks_done;
}

TEST(several_tensors_are_computed_together) {
        SESSION s                = session(2);
        TENSOR a                 = counted(10, 3);
        TENSOR two               = weak_int(2);
        TENSOR b                 = op2("multiply", a, two);
        TENSOR c                 = op1("sum", b);
        mars_tensor *const all[] = { b, c, b, a, two };
        _cleanup_(freep) double *doubled = NULL;

        must(mars_execute(s, ELEMENTSOF(all), all, &err));
        doubled = values_of(s, b, 10);
        for (int i = 0; i < 10; i++)
                ck_assert_double_eq(doubled[i], 2 * i);
        ck_assert_double_eq(value_of(s, c), 90);
        ck_assert(mars_tensor_executed(a, s) && mars_tensor_executed(two, s));
        must(mars_execute(s, 0, NULL, &err));
}

TEST(equal_expressions_each_have_their_result) {
        SESSION s                = session(1);
        TENSOR a                 = counted(10, 3);
        TENSOR b                 = op1("negative", a);
        TENSOR c                 = op1("negative", a);
        TENSOR total             = op2("subtract", b, c);
        TENSOR sum               = op1("sum", total);
        mars_tensor *const all[] = { b, c };

        must(mars_execute(s, 2, all, &err));
        ck_assert(mars_tensor_executed(b, s) && mars_tensor_executed(c, s));
        must(mars_execute(s, 1, &sum, &err));
        ck_assert_double_eq(value_of(s, sum), 0);
}

TEST(executed_tensor_is_not_computed_again) {
        SESSION s = session(1);
        TENSOR a  = full(3, 100, 100);
        TENSOR b  = op2("multiply", a, a);
        TENSOR c  = op1("sum", b);
        uint64_t n;

        must(mars_execute(s, 1, &b, &err));
        n = tasks_done(s);
        must(mars_execute(s, 1, &b, &err));
        ck_assert_uint_eq(tasks_done(s), n);
        must(mars_execute(s, 1, &c, &err));
        ck_assert_double_eq(value_of(s, c), 90000);
}

TEST(result_goes_with_its_last_handle) {
        SESSION s      = session(1);
        mars_tensor *a = full(3, 100, 100), *more;

        must(mars_execute(s, 1, &a, &err));
        ck_assert_uint_ge(used_bytes(s), 80000);
        more = mars_tensor_ref(a);
        mars_tensor_unref(a);
        ck_assert_uint_ge(used_bytes(s), 80000);
        mars_tensor_unref(more);
        ck_assert_uint_eq(used_bytes(s), 0);
}

TEST(result_that_an_expression_still_needs_stays) {
        SESSION s      = session(1);
        mars_tensor *a = full(3, 100, 100);
        mars_tensor *b = op1("negative", a), *c = op1("sum", b);
        uint64_t n;

        must(mars_execute(s, 1, &a, &err));
        mars_tensor_unref(a);
        mars_tensor_unref(b);
        n = used_bytes(s);
        ck_assert_uint_ge(n, 80000);
        must(mars_execute(s, 1, &c, &err));
        ck_assert_double_eq(value_of(s, c), -30000);
        ck_assert_uint_lt(used_bytes(s), 1000); /* c is there, so nobody will ask for a any more */
        mars_tensor_unref(c);
        ck_assert_uint_eq(used_bytes(s), 0);
}

TEST(a_loop_that_replaces_its_tensor_holds_one_result) {
        SESSION s      = session(2);
        TENSOR one     = weak_int(1);
        mars_tensor *x = full(0, 100, 100);

        for (int i = 0; i < 50; i++) {
                mars_tensor *next = op2("add", x, one);

                mars_tensor_unref(x);
                x = next;
                must(mars_execute(s, 1, &x, &err));
                ck_assert_uint_lt(used_bytes(s), 2 * 80000);
        }
        {
                _cleanup_(freep) double *values = values_of(s, x, 10000);

                ck_assert_double_eq(values[9999], 50);
        }
        mars_tensor_unref(x);
        ck_assert_uint_eq(used_bytes(s), 0);
}

TEST(one_output_of_several_can_be_executed_alone) {
        SESSION s           = session(1);
        TENSOR a            = f64s(3, (const double[]) { 1.5, -2.25, 3 });
        mars_tensor *out[2] = {};
        _cleanup_(freep) double *fraction = NULL, *integer = NULL;
        unsigned number;

        must(mars_op_find(&number, "modf", &err));
        must(mars_op(out, number, 1, &a, NULL, 0, &err));
        must(mars_execute(s, 1, &out[1], &err));
        ck_assert(mars_tensor_executed(out[1], s) && !mars_tensor_executed(out[0], s));
        integer = values_of(s, out[1], 3);
        ck_assert(integer[0] == 1 && integer[1] == -2 && integer[2] == 3);
        must(mars_execute(s, 2, out, &err));
        fraction = values_of(s, out[0], 3);
        ck_assert(fraction[0] == 0.5 && fraction[1] == -0.25 && fraction[2] == 0);
        mars_tensor_unref(out[0]);
        mars_tensor_unref(out[1]);
        ck_assert_uint_lt(used_bytes(s), 64);
}

TEST(numbers_and_empty_tensors_are_tensors) {
        SESSION s    = session(1);
        TENSOR five  = weak_int(5);
        TENSOR half  = NULL;
        TENSOR sum   = NULL;
        TENSOR empty = counted(0, 3);
        TENSOR none  = op2("add", empty, empty);
        TENSOR total = op1("sum", none);

        must(mars_scalar_strong(&half, (mars_scalar) { .dtype = MARS_FLOAT64, .f64 = 0.5 }, &err));
        sum = op2("add", five, half);
        must(mars_execute(s, 3, (mars_tensor *const[]) { sum, none, total }, &err));
        ck_assert_double_eq(value_of(s, sum), 5.5);
        ck_assert_double_eq(value_of(s, total), 0);
        free(values_of(s, none, 0));
}

TEST(integers_beyond_the_dtype_compare_like_integers) {
        SESSION s    = session(1);
        TENSOR a     = NULL;
        TENSOR large = weak_int(300);
        TENSOR minus = weak_int(-1);
        mars_tensor *cases[4];
        bool values[3];

        must(mars_from_memory(&a, (const uint8_t[]) { 0, 1, 255 }, MARS_UINT8, 1, (const int64_t[]) { 3 }, NULL, NULL,
                              0, &err));
        cases[0] = op2("less", a, large);
        cases[1] = op2("greater", minus, a);
        cases[2] = op2("equal", a, large);
        cases[3] = op2("not_equal", minus, a);
        must(mars_execute(s, 4, cases, &err));
        for (int i = 0; i < 4; i++) {
                static const bool wanted[] = { true, false, false, true };

                must(mars_fetch(s, cases[i], values, NULL, &err));
                ck_assert(values[0] == wanted[i] && values[1] == wanted[i] && values[2] == wanted[i]);
                mars_tensor_unref(cases[i]);
        }
}

static mars_tensor *positive(mars_tensor *a) {
        TENSOR zero = weak_int(0);
        TENSOR mask = op2("greater", a, zero);

        return op2("mask", a, mask);
}

TEST(shape_that_depends_on_data_is_known_after_execution) {
        SESSION s = session(2);
        TENSOR a  = f64s(6, (const double[]) { 1, -1, 2, -2, 3, -3 });
        TENSOR b  = positive(a);
        TENSOR c  = op2("multiply", b, b);
        TENSOR d  = op1("sum", c);
        int64_t shape[MARS_MAX_NDIM];
        _cleanup_(freep) double *squares = NULL;

        ck_assert_uint_eq(mars_tensor_shape(b, shape), 1);
        ck_assert_int_eq(shape[0], -1);
        ck_assert_uint_eq(mars_tensor_shape(d, shape), 0);
        must(mars_execute(s, 2, (mars_tensor *const[]) { c, d }, &err));
        ck_assert_uint_eq(mars_tensor_shape(c, shape), 0);
        ck_assert_int_eq(shape[0], 3);
        squares = values_of(s, c, 3);
        ck_assert(squares[0] == 1 && squares[1] == 4 && squares[2] == 9);
        ck_assert_double_eq(value_of(s, d), 14);
}

TEST(resolve_computes_what_the_shape_needs_and_no_more) {
        SESSION s = session(1);
        TENSOR a  = f64s(6, (const double[]) { 1, -1, 2, -2, 3, -3 });
        TENSOR b  = positive(a);
        TENSOR c  = op1("negative", b);
        TENSOR d  = op2("add", c, c);
        int64_t shape[MARS_MAX_NDIM];

        must(mars_tensor_resolve(s, d, &err));
        ck_assert_uint_eq(mars_tensor_shape(d, shape), 0);
        ck_assert_int_eq(shape[0], 3);
        ck_assert(mars_tensor_executed(b, s) && !mars_tensor_executed(c, s) && !mars_tensor_executed(d, s));
        must(mars_tensor_resolve(NULL, d, &err)); /* known: nobody is asked */
        must(mars_execute(s, 1, &d, &err));
        ck_assert_uint_eq(mars_tensor_shape(c, shape), 0);
}

TEST(resolve_goes_on_as_far_as_it_has_to) {
        SESSION s = session(1);
        TENSOR a  = f64s(6, (const double[]) { 1, -1, 2, -2, 3, -3 });
        TENSOR b  = positive(a);
        TENSOR n  = weak_int(-2);
        TENSOR c  = op2("add", b, n);
        TENSOR d  = positive(c);
        TENSOR e  = op1("negative", d);
        int64_t shape[MARS_MAX_NDIM];

        must(mars_tensor_resolve(s, e, &err));
        ck_assert_uint_eq(mars_tensor_shape(e, shape), 0);
        ck_assert_int_eq(shape[0], 1);
}

TEST(shapes_that_turn_out_not_to_fit_are_refused_then) {
        SESSION s = session(1);
        TENSOR a  = f64s(6, (const double[]) { 1, -1, 2, -2, 3, -3 });
        TENSOR b  = positive(a);
        TENSOR n  = f64s(4, (const double[]) { 1, 2, -1, -2 });
        TENSOR c  = positive(n);
        TENSOR d  = op2("add", b, c);

        must_fail(MARS_ERROR_VALUE, "(3,) (2,)", mars_execute(s, 1, &d, &err));
        must_fail(MARS_ERROR_VALUE, "add: ", mars_tensor_resolve(s, d, &err));
        must(mars_execute(s, 1, &b, &err)); /* the session lives on */
}

TEST(a_deep_expression_is_executed) {
        SESSION s      = session(2);
        TENSOR one     = weak_int(1);
        mars_tensor *x = counted(4, 2);

        for (int i = 0; i < 20000; i++) {
                mars_tensor *next = op2("add", x, one);

                mars_tensor_unref(x);
                x = next;
        }
        must(mars_execute(s, 1, &x, &err));
        {
                _cleanup_(freep) double *values = values_of(s, x, 4);

                ck_assert(values[0] == 20000 && values[3] == 20003);
        }
        mars_tensor_unref(x);
}

typedef struct Shared {
        mars_session *session;
        mars_tensor *tensor;
} Shared;

static void *execute_and_check(void *userdata) {
        const Shared *shared = userdata;

        for (int i = 0; i < 50; i++) {
                TENSOR n = weak_int(i);
                TENSOR b = op2("add", shared->tensor, n);
                TENSOR c = op1("sum", b);

                must(mars_execute(shared->session, 2, (mars_tensor *const[]) { c, shared->tensor }, &err));
                ck_assert_double_eq(value_of(shared->session, c), 4950 + 100 * i);
        }
        return NULL;
}

TEST(threads_share_a_session_and_a_tensor) {
        SESSION s      = session(2);
        TENSOR a       = counted(100, 7);
        TENSOR b       = op1("positive", a);
        Shared shared  = { s, b };
        pthread_t thread[4];

        for (size_t i = 0; i < ELEMENTSOF(thread); i++)
                ck_assert_int_eq(pthread_create(&thread[i], NULL, execute_and_check, &shared), 0);
        for (size_t i = 0; i < ELEMENTSOF(thread); i++)
                pthread_join(thread[i], NULL);
}
