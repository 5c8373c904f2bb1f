/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/shape.h"

#include <string.h>

#include "harness.h"

static const Shape scalar_shape = {};

/* The broadcast of shapes as text, or the words of the refusal. */
static const char *broadcast(const Shape *a, const Shape *b, const Shape *c) {
        static char text[MAX_ERROR_TEXT];
        const Shape *in[] = { a, b, c };
        Error err = {};
        Shape ret;
        int r = shape_broadcast(in, c ? 3 : 2, &ret, &err);

        if (r < 0) {
                ck_assert_int_eq(r, ERROR_VALUE);
                ck_assert_int_eq(err.code, ERROR_VALUE);
                return strcpy(text, err.text);
        }
        return shape_print(&ret, text);
}

TEST(shapes_print_as_tuples) {
        char text[SHAPE_TEXT];
        Shape s = scalar_shape;

        ck_assert_str_eq(shape_print(&s, text), "()");
        s = SHAPE(3);
        ck_assert_str_eq(shape_print(&s, text), "(3,)");
        s = SHAPE(UNKNOWN, 4);
        ck_assert_str_eq(shape_print(&s, text), "(?, 4)");
        s.ndim = MAX_NDIM;
        for (int i = 0; i < MAX_NDIM; i++)
                s.dim[i] = INT64_MAX;
        shape_print(&s, text);
        ck_assert_uint_lt(strlen(text), SHAPE_TEXT);
        ck_assert_str_eq(text + strlen(text) - 6, ", ...)");
        for (int i = 0; i < MAX_NDIM; i++)
                s.dim[i] = 10000; /* 32 of these just fit */
        shape_print(&s, text);
        ck_assert_str_eq(text + strlen(text) - 7, " 10000)");
}

TEST(sizes_are_products_unless_a_dimension_is_unknown) {
        Shape s = scalar_shape;

        ck_assert_int_eq(shape_size(&s), 1);
        s = SHAPE(3, 4, 5);
        ck_assert_int_eq(shape_size(&s), 60);
        ck_assert(shape_known(&s));
        s = SHAPE(3, 0, INT64_MAX);
        ck_assert_int_eq(shape_size(&s), 0);
        s = SHAPE(3, UNKNOWN, 0);
        ck_assert_int_eq(shape_size(&s), UNKNOWN);
        ck_assert(!shape_known(&s));
}

TEST(shapes_are_equal_when_all_dimensions_are) {
        Shape a = SHAPE(2, 3), b = SHAPE(2, 3), c = SHAPE(2, 3, 1), d = SHAPE(2, 4);

        ck_assert(shape_equal(&a, &b) && !shape_equal(&a, &c) && !shape_equal(&a, &d));
        ck_assert(shape_equal(&scalar_shape, &scalar_shape) && !shape_equal(&scalar_shape, &a));
}

TEST(broadcasting_follows_numpy) {
        Shape a = SHAPE(2, 3), b = SHAPE(3), c = SHAPE(2, 1), d = SHAPE(4), e = SHAPE(5, 1, 1), zero = SHAPE(0);

        ck_assert_str_eq(broadcast(&a, &b, NULL), "(2, 3)");
        ck_assert_str_eq(broadcast(&b, &a, NULL), "(2, 3)");
        ck_assert_str_eq(broadcast(&c, &d, &e), "(5, 2, 4)");
        ck_assert_str_eq(broadcast(&scalar_shape, &a, &scalar_shape), "(2, 3)");
        ck_assert_str_eq(broadcast(&scalar_shape, &scalar_shape, NULL), "()");
        ck_assert_str_eq(broadcast(&c, &zero, NULL), "(2, 0)");
        ck_assert_str_eq(broadcast(&a, &d, NULL), "operands could not be broadcast together with shapes (2,3) (4,)");
        ck_assert_str_eq(broadcast(&zero, &d, &scalar_shape),
                         "operands could not be broadcast together with shapes (0,) (4,) ()");
}

TEST(unknown_dimensions_meet_anything) {
        Shape u = SHAPE(UNKNOWN), v = SHAPE(3, UNKNOWN), one = SHAPE(1), n = SHAPE(3), zero = SHAPE(0), m = SHAPE(2, 4);

        ck_assert_str_eq(broadcast(&u, &one, NULL), "(?,)");
        ck_assert_str_eq(broadcast(&one, &u, NULL), "(?,)");
        ck_assert_str_eq(broadcast(&u, &u, NULL), "(?,)");
        ck_assert_str_eq(broadcast(&u, &n, NULL), "(3,)");
        ck_assert_str_eq(broadcast(&n, &u, NULL), "(3,)");
        ck_assert_str_eq(broadcast(&u, &zero, NULL), "(0,)");
        ck_assert_str_eq(broadcast(&v, &m, NULL), "operands could not be broadcast together with shapes (3,?) (2,4)");
}

TEST(a_broadcast_may_overwrite_its_input) {
        Shape a = SHAPE(3, 1), b = SHAPE(2), both = SHAPE(3, 2);

        ck_assert_int_eq(shape_broadcast((const Shape *[]){ &a, &b }, 2, &a, NULL), 0);
        ck_assert(shape_equal(&a, &both));
}

TEST(impossible_shapes_are_refused_with_the_limit) {
        Error err = {};
        Shape s = SHAPE((int64_t) 1 << 40, (int64_t) 1 << 19);

        ck_assert_int_eq(shape_check(&s, 8, &err), 0);
        ck_assert_int_eq(shape_check(&s, 16, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "array is too big; shape (1099511627776, 524288) of 16-byte elements is larger "
                                   "than the maximum possible size of 2^63 - 1 bytes");
        s = SHAPE(0, (int64_t) 1 << 40, (int64_t) 1 << 40); /* as in NumPy */
        ck_assert_int_eq(shape_check(&s, 1, &err), ERROR_VALUE);
        s = SHAPE(0, INT64_MAX);
        ck_assert_int_eq(shape_check(&s, 1, &err), 0);
        s = SHAPE(UNKNOWN, 5);
        ck_assert_int_eq(shape_check(&s, 8, &err), 0);
        s = SHAPE(2, -2);
        ck_assert_int_eq(shape_check(&s, 8, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "negative dimensions are not allowed");
        s = shape_of(40, (int64_t[40]){});
        ck_assert_int_eq(shape_check(&s, 8, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "maximum supported dimension for an ndarray is 32, found 40");
        ck_assert_int_eq(shape_check(&scalar_shape, 16, &err), 0);
}

TEST(axes_count_from_both_ends_and_no_further) {
        for (int ndim = 0; ndim <= MAX_NDIM; ndim++)
                for (int64_t axis = -MAX_NDIM - 1; axis <= MAX_NDIM; axis++) {
                        Error err = {};
                        int ret = -1, r = axis_normalize(axis, ndim, &ret, &err);

                        if (axis < -ndim || axis >= ndim)
                                ck_assert(r == ERROR_AXIS && err.code == ERROR_AXIS);
                        else
                                ck_assert(r == 0 && ret == (axis + ndim) % ndim);
                }
}

TEST(axis_errors_have_numpy_words) {
        Error err = {};
        int ret;

        axis_normalize(2, 2, &ret, &err);
        ck_assert_str_eq(err.text, "axis 2 is out of bounds for array of dimension 2");
        axis_normalize(INT64_MIN, 0, &ret, &err);
        ck_assert_str_eq(err.text, "axis -9223372036854775808 is out of bounds for array of dimension 0");
}
