/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#define NAMED(name_, kind_, ...) ((mars_param) { .name = name_, .kind = MARS_PARAM_##kind_, __VA_ARGS__ })

static int sum_with(mars_tensor **ret, size_t n_params, const mars_param *params, mars_error *err) {
        TENSOR a = full(1, 3, 4);

        return mars_op1(ret, "sum", 1, &a, params, n_params, err);
}

TEST(parameters_that_are_left_out_have_their_fallbacks) {
        TENSOR t = NULL;

        must(sum_with(&t, 0, NULL, &err));
        ck_assert_uint_eq(mars_tensor_ndim(t), 0);
}

TEST(lists_and_flags_reach_the_operator) {
        int64_t axis[] = { 1 }, shape[MARS_MAX_NDIM];
        mars_param params[] = { NAMED("axis", DIMS, .dims = axis, .n = 1), NAMED("keepdims", BOOL, .i64 = 1),
                                NAMED("dtype", DTYPE, .i64 = MARS_FLOAT32) };
        TENSOR t = NULL;

        must(sum_with(&t, 3, params, &err));
        axis[0] = 99; /* the caller's memory is not looked at again */
        ck_assert_uint_eq(mars_tensor_shape(t, shape), 0);
        ck_assert(mars_tensor_ndim(t) == 2 && shape[0] == 3 && shape[1] == 1);
        ck_assert_int_eq(mars_tensor_dtype(t), MARS_FLOAT32);
}

TEST(integers_stand_for_flags_numbers_and_scalars) {
        mars_param keepdims = NAMED("keepdims", I64, .i64 = 7);
        mars_param params[] = { NAMED("shape", DIMS, .dims = (const int64_t[]) { 2 }, .n = 1),
                                NAMED("value", I64, .i64 = 7), NAMED("dtype", DTYPE, .i64 = MARS_INT8) };
        TENSOR t = NULL;
        TENSOR f = NULL;

        must(sum_with(&t, 1, &keepdims, &err));
        ck_assert_uint_eq(mars_tensor_ndim(t), 2);
        must(mars_op1(&f, "full", 0, NULL, params, 3, &err));
        ck_assert_int_eq(mars_tensor_dtype(f), MARS_INT8);
}

TEST(wrong_parameters_are_named) {
        mars_param axis     = NAMED("axis", DIMS, .dims = NULL, .n = 2);
        mars_param twice[]  = { NAMED("keepdims", BOOL, .i64 = 1), NAMED("keepdims", BOOL, .i64 = 1) };
        mars_param unknown  = NAMED("axes", I64, .i64 = 1);
        mars_param kind     = NAMED("axis", TEXT, .text = "rows");
        mars_param strange  = { .name = "axis", .kind = (mars_param_kind) 99 };
        mars_param nameless = NAMED(NULL, I64, .i64 = 1);
        mars_param dtype    = NAMED("dtype", DTYPE, .i64 = 55);
        mars_param far      = NAMED("axis", DIMS, .dims = (const int64_t[]) { 7 }, .n = 1);
        mars_tensor *t      = NULL;

        must_fail(MARS_ERROR_VALUE, "sum: 'axis' has 2 numbers", sum_with(&t, 1, &axis, &err));
        must_fail(MARS_ERROR_TYPE, "sum() got multiple values for argument 'keepdims'", sum_with(&t, 2, twice, &err));
        must_fail(MARS_ERROR_TYPE, "sum() got an unexpected argument 'axes'", sum_with(&t, 1, &unknown, &err));
        must_fail(MARS_ERROR_TYPE, "sum: 'axis' must be a list of integers, not a text", sum_with(&t, 1, &kind, &err));
        must_fail(MARS_ERROR_TYPE, "'axis' must be a list of integers", sum_with(&t, 1, &strange, &err));
        must_fail(MARS_ERROR_TYPE, "without a name", sum_with(&t, 1, &nameless, &err));
        must_fail(MARS_ERROR_TYPE, "dtype", sum_with(&t, 1, &dtype, &err));
        must_fail(MARS_ERROR_AXIS, "axis 7 is out of bounds", sum_with(&t, 1, &far, &err));
        must_fail(MARS_ERROR_TYPE, "full: missing required argument 'shape'",
                  mars_op1(&t, "full", 0, NULL, NULL, 0, &err));
}
