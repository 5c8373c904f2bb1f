/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "client.h"

static mars_tensor *i64s(int64_t n, const int64_t *values) {
        mars_tensor *t = NULL;

        must(mars_from_memory(&t, values, MARS_INT64, 1, &n, NULL, NULL, 0, &err));
        return t;
}

static mars_tensor *u8s(void) {
        mars_tensor *t = NULL;

        must(mars_from_memory(&t, (const uint8_t[]) { 1, 2, 250 }, MARS_UINT8, 1, (const int64_t[]) { 3 }, NULL, NULL,
                              0, &err));
        return t;
}

TEST(operation_knows_shape_and_dtype_at_once) {
        TENSOR a = full(1, 5, 1);
        TENSOR b = f64s(3, (const double[]) { 1, 2, 3 });
        TENSOR c = op2("add", a, b);
        int64_t shape[MARS_MAX_NDIM];

        ck_assert_uint_eq(mars_tensor_ndim(c), 2);
        ck_assert_uint_eq(mars_tensor_shape(c, shape), 0);
        ck_assert(shape[0] == 5 && shape[1] == 3);
        ck_assert_int_eq(mars_tensor_dtype(c), MARS_FLOAT64);
        ck_assert_str_eq(mars_tensor_op_name(c), "add");
        ck_assert_str_eq(mars_tensor_op_name(b), "data");
        ck_assert(!mars_tensor_executed(c, NULL));
}

TEST(what_does_not_fit_is_refused_where_it_is_written) {
        TENSOR a       = full(1, 5, 4);
        TENSOR b       = f64s(3, (const double[]) { 1, 2, 3 });
        mars_tensor *c = a;

        must_fail(MARS_ERROR_VALUE, "add: ", mars_op1(&c, "add", 2, (mars_tensor *[]) { a, b }, NULL, 0, &err));
        ck_assert_ptr_eq(c, a);
        must_fail(MARS_ERROR_VALUE, "(5,4) (3,)", mars_op1(&c, "add", 2, (mars_tensor *[]) { a, b }, NULL, 0, &err));
        must_fail(MARS_ERROR_TYPE, "bitwise_and",
                  mars_op1(&c, "bitwise_and", 2, (mars_tensor *[]) { a, b }, NULL, 0, &err));
        must_fail(MARS_ERROR_TYPE, "1 inputs given, takes 2", mars_op1(&c, "add", 1, &a, NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "input 1 is NULL",
                  mars_op1(&c, "add", 2, (mars_tensor *[]) { a, NULL }, NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "no operator 'nonsense'", mars_op1(&c, "nonsense", 1, &a, NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "no operator of number", mars_op(&c, UINT32_MAX, 1, &a, NULL, 0, &err));
        ck_assert_int_lt(mars_op1(&c, "add", 2, (mars_tensor *[]) { a, b }, NULL, 0, NULL), 0);
        must_fail(MARS_ERROR_VALUE, "full",
                  mars_full(&c, MARS_FLOAT64, 2, (const int64_t[]) { INT64_MAX / 2, 8 }, 0, &err));
        must_fail(MARS_ERROR_VALUE, "negative", mars_full(&c, MARS_FLOAT64, 1, (const int64_t[]) { -3 }, 0, &err));
        must_fail(MARS_ERROR_TYPE, "dtype", mars_full(&c, (mars_dtype) 200, 1, (const int64_t[]) { 3 }, 0, &err));
}

TEST(weak_scalar_takes_the_dtype_of_what_it_meets) {
        static const struct {
                mars_dtype array;
                char kind;
                mars_dtype wanted;
        } cases[] = {
                { MARS_UINT8, 'i', MARS_UINT8 },      { MARS_UINT8, 'f', MARS_FLOAT64 },
                { MARS_FLOAT32, 'f', MARS_FLOAT32 },  { MARS_FLOAT32, 'i', MARS_FLOAT32 },
                { MARS_FLOAT16, 'c', MARS_COMPLEX64 }, { MARS_BOOL, 'i', MARS_INT64 },
                { MARS_INT64, 'b', MARS_INT64 },      { MARS_COMPLEX64, 'f', MARS_COMPLEX64 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                TENSOR a      = NULL;
                TENSOR weak   = NULL;
                TENSOR sum    = NULL;
                TENSOR strong = NULL;

                must(mars_full(&a, cases[i].array, 1, (const int64_t[]) { 3 }, 1, &err));
                must(mars_scalar_weak(&weak, cases[i].kind, (mars_scalar) {}, &err));
                ck_assert_int_eq(mars_tensor_weak(weak), cases[i].kind);
                sum = op2("add", a, weak);
                ck_assert_int_eq(mars_tensor_dtype(sum), cases[i].wanted);
                ck_assert_int_eq(mars_tensor_weak(sum), 0);
                must(mars_scalar_strong(&strong, (mars_scalar) { .dtype = MARS_COMPLEX128 }, &err));
                ck_assert_int_eq(mars_tensor_weak(strong), 0);
        }
}

TEST(two_weak_scalars_make_an_array) {
        TENSOR a = weak_int(1);
        TENSOR b = weak_int(2);
        TENSOR c = op2("add", a, b);

        ck_assert_int_eq(mars_tensor_dtype(c), MARS_INT64);
        ck_assert_int_eq(mars_tensor_weak(c), 0);
}

TEST(weak_integer_that_does_not_fit_is_refused_in_numpys_words) {
        TENSOR a       = u8s();
        TENSOR large   = weak_int(300);
        TENSOR minus   = weak_int(-1);
        TENSOR most    = NULL;
        mars_tensor *c = NULL;

        must_fail(MARS_ERROR_OVERFLOW, "add: Python integer 300 out of bounds for uint8",
                  mars_op1(&c, "add", 2, (mars_tensor *[]) { a, large }, NULL, 0, &err));
        must_fail(MARS_ERROR_OVERFLOW, "Python integer -1 out of bounds for uint8",
                  mars_op1(&c, "multiply", 2, (mars_tensor *[]) { minus, a }, NULL, 0, &err));
        must(mars_scalar_weak(&most, 'i', (mars_scalar) { .dtype = MARS_UINT64, .u64 = UINT64_MAX }, &err));
        must_fail(MARS_ERROR_OVERFLOW, "Python integer 18446744073709551615 out of bounds for uint8",
                  mars_op1(&c, "add", 2, (mars_tensor *[]) { most, a }, NULL, 0, &err));
}

TEST(integers_have_no_negative_powers_where_the_exponent_is_known) {
        TENSOR some    = i64s(3, (int64_t[]) { 2, -1, 2 });
        TENSOR no      = i64s(0, NULL);
        TENSOR minus   = weak_int(-1);
        TENSOR two     = weak_int(2);
        TENSOR x       = counted(3, 3);
        _unused_ TENSOR squares = op2("power", some, two);
        _unused_ TENSOR floats  = op2("power", x, minus);
        _unused_ TENSOR none    = op2("power", no, minus);
        mars_tensor *c = NULL;

        must_fail(MARS_ERROR_VALUE, "Integers to negative integer powers are not allowed",
                  mars_op1(&c, "power", 2, (mars_tensor *[]) { some, minus }, NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "Integers to negative integer powers are not allowed",
                  mars_op1(&c, "power", 2, (mars_tensor *[]) { two, some }, NULL, 0, &err));
}

TEST(any_integer_can_be_compared) {
        TENSOR a     = u8s();
        TENSOR large = weak_int(300);
        TENSOR minus = weak_int(-1);
        TENSOR less  = op2("less", a, large);
        TENSOR more  = op2("greater", a, minus);

        ck_assert_int_eq(mars_tensor_dtype(less), MARS_BOOL);
        ck_assert_int_eq(mars_tensor_dtype(more), MARS_BOOL);
}

TEST(operator_with_two_outputs_gives_two_handles) {
        mars_tensor *out[2] = {};
        TENSOR a            = f64s(2, (const double[]) { 1.5, -2.25 });
        unsigned number;

        must(mars_op_find(&number, "modf", &err));
        ck_assert_uint_eq(mars_op_describe(number)->n_out, 2);
        must(mars_op(out, number, 1, &a, NULL, 0, &err));
        ck_assert_ptr_ne(out[0], out[1]);
        mars_tensor_unref(out[0]);
        ck_assert_str_eq(mars_tensor_op_name(out[1]), "modf");
        mars_tensor_unref(out[1]);
}

TEST(scalars_of_unknown_kind_or_dtype_are_refused) {
        mars_tensor *t = NULL;

        must_fail(MARS_ERROR_VALUE, "'x'", mars_scalar_weak(&t, 'x', (mars_scalar) {}, &err));
        must_fail(MARS_ERROR_TYPE, "number 200", mars_scalar_strong(&t, (mars_scalar) { .dtype = 200 }, &err));
}

TEST(an_expression_a_million_operations_deep_is_built_and_released) {
        TENSOR one     = weak_int(1);
        mars_tensor *x = full(0, 10, 10);

        for (int i = 0; i < 1000000; i++) {
                mars_tensor *next = op2("add", x, one);

                mars_tensor_unref(x);
                x = next;
        }
        mars_tensor_unref(x);
}

TEST(an_expression_as_wide_as_it_is_deep_is_released_once) {
        mars_tensor *x = full(0, 1, 1);

        for (int i = 0; i < 200; i++) { /* 2^200 paths */
                mars_tensor *next = op2("add", x, x);

                mars_tensor_unref(x);
                x = next;
        }
        mars_tensor_unref(x);
}

static void *build_and_release(void *userdata) {
        mars_tensor *shared = userdata;

        for (int i = 0; i < 2000; i++) {
                TENSOR a = op1("negative", shared);
                TENSOR b = op2("add", a, shared);
                int64_t shape[MARS_MAX_NDIM];

                ck_assert_uint_eq(mars_tensor_shape(b, shape), 0);
        }
        mars_tensor_unref(shared);
        return NULL;
}

TEST(threads_build_on_the_same_tensor) {
        mars_tensor *shared = full(1, 3, 3);
        pthread_t thread[4];

        for (size_t i = 0; i < ELEMENTSOF(thread); i++)
                ck_assert_int_eq(pthread_create(&thread[i], NULL, build_and_release, mars_tensor_ref(shared)), 0);
        mars_tensor_unref(shared);
        for (size_t i = 0; i < ELEMENTSOF(thread); i++)
                pthread_join(thread[i], NULL);
}
