/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/infer.h"

#include "graph/ops.h"
#include "harness.h"

TEST(every_family_has_a_name) {
        for (int i = 0; i < _FAMILY_MAX; i++)
                ck_assert_ptr_nonnull(family_names[i]);
        ck_assert_str_eq(family_names[FAMILY_EXCHANGE], "exchange");
}

TEST(an_operator_without_a_rule_is_an_error) {
        const Spec in = OPS_SPEC(DTYPE_F64, 3);
        Error err = {};
        Spec out;

        ck_assert_int_eq(op_infer(&(OpCall) { .op = op_find("lost"), .n_in = 1, .in = &in }, &out, &err),
                         ERROR_SUPPORT);
        ck_assert_str_eq(err.text, "lost has no rule for shapes");
}

TEST(the_number_of_inputs_is_checked) {
        const Spec in[3] = { OPS_SPEC(DTYPE_F64, 3), OPS_SPEC(DTYPE_F64, 3), OPS_SPEC(DTYPE_F64, 3) };
        Error err = {};
        Spec out;

        ck_assert_int_eq(op_infer(&(OpCall) { .op = op_find("add"), .n_in = 3, .in = in }, &out, &err), ERROR_TYPE);
        ck_assert_str_eq(err.text, "add() takes 2 inputs but 3 were given");
        ck_assert_int_eq(op_infer(&(OpCall) { .op = op_find("sin"), .n_in = 0, .in = in }, &out, &err), ERROR_TYPE);
        ck_assert_str_eq(err.text, "sin() takes 1 input but 0 were given");
}

static int too_large(const OpCall *call, Spec *out, Error *err) {
        (void) call, (void) err;
        *out = OPS_SPEC(DTYPE_C128, (int64_t) 1 << 40, (int64_t) 1 << 30);
        return 0;
}

TEST(results_whose_bytes_cannot_be_counted_are_refused) {
        const Op op = { .name = "large", .family = FAMILY_SOURCE, .infer = too_large };
        Error err = {};
        Spec out;

        ck_assert_int_eq(op_infer(&(OpCall) { .op = &op }, &out, &err), ERROR_VALUE);
        ck_assert_str_ne(err.text, "");
}

TEST(promotion_takes_strong_inputs_first) {
        Spec in[3] = { OPS_SPEC(DTYPE_I8, 3), OPS_SPEC(DTYPE_U8, 3), OPS_SPEC(DTYPE_F64, 3) };
        const OpCall call = { .op = op_find("where"), .n_in = 3, .in = in };

        ck_assert_int_eq(infer_promote(&call, 0), DTYPE_F64);
        ck_assert_int_eq(infer_promote(&call, 3), DTYPE_I16);
        in[2].weak = WEAK_FLOAT;
        ck_assert_int_eq(infer_promote(&call, 5), DTYPE_F64);
        in[1] = OPS_SPEC(DTYPE_F32, 3);
        ck_assert_int_eq(infer_promote(&call, 0), DTYPE_F32);
        in[0].weak = in[1].weak = WEAK_INT;
        ck_assert_int_eq(infer_promote(&call, 3), DTYPE_I64);
        ck_assert_int_eq(infer_promote(&call, 0), DTYPE_F64);
}

TEST(axes_become_a_set) {
        uint32_t mask = 99;
        Error err = {};

        ck_assert_int_eq(axes_normalize(&(Dims) {}, 3, &mask, &err), 0);
        ck_assert_uint_eq(mask, 7);
        ck_assert_int_eq(axes_normalize(&(Dims) {}, 32, &mask, &err), 0);
        ck_assert_uint_eq(mask, UINT32_MAX);
        ck_assert_int_eq(axes_normalize(&(Dims) {}, 0, &mask, &err), 0);
        ck_assert_uint_eq(mask, 0);
        ck_assert_int_eq(axes_normalize(&DIMS(-1, 0), 3, &mask, &err), 0);
        ck_assert_uint_eq(mask, 5);
        ck_assert_int_eq(axes_normalize(&(Dims) { .given = true }, 3, &mask, &err), 0);
        ck_assert_uint_eq(mask, 0);
        ck_assert_int_eq(axes_normalize(&DIMS(0), 0, &mask, &err), 0); /* of a number, as NumPy allows */
        ck_assert_uint_eq(mask, 0);
        ck_assert_int_eq(axes_normalize(&DIMS(1, -2), 3, &mask, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "duplicate value in 'axis'");
        ck_assert_int_eq(axes_normalize(&DIMS(3), 3, &mask, &err), ERROR_AXIS);
        ck_assert_str_eq(err.text, "axis 3 is out of bounds for array of dimension 3");
        ck_assert_int_eq(axes_normalize(&DIMS(1), 0, &mask, &err), ERROR_AXIS);
}

TEST(a_shape_from_a_user_has_no_unknown_lengths) {
        int64_t many[MAX_NDIM + 1] = { 0 };
        Error err = {};
        Shape s;

        ck_assert_int_eq(shape_from_dims(&DIMS(2, 0), &s, &err), 0);
        ck_assert(OPS_HAS(s, 2, 0));
        ck_assert_int_eq(shape_from_dims(&DIMS(2, UNKNOWN), &s, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "negative dimensions are not allowed");
        ck_assert_int_eq(shape_from_dims(&(Dims) { .n = MAX_NDIM + 1, .given = true, .v = many }, &s, &err),
                         ERROR_VALUE);
        ck_assert_str_eq(err.text, "maximum supported dimension for an ndarray is 32, found 33");
}

TEST(shapes_in_errors_look_like_numpys) {
        char text[SHAPE_TEXT];
        Shape s = { .ndim = MAX_NDIM };

        ck_assert_str_eq(shape_print_words(&(Shape) { 2, { 2, 3 } }, text), "(2,3)");
        ck_assert_str_eq(shape_print_words(&(Shape) { 1, { 2 } }, text), "(2,)");
        ck_assert_str_eq(shape_print_words(&(Shape) {}, text), "()");
        ck_assert_str_eq(shape_print_words(&(Shape) { 2, { 4, UNKNOWN } }, text), "(4,newaxis)");
        for (int k = 0; k < MAX_NDIM; k++)
                s.dim[k] = INT64_MAX;
        ck_assert_uint_lt(strlen(shape_print_words(&s, text)), SHAPE_TEXT);
        for (int k = 0; k < MAX_NDIM; k++)
                s.dim[k] = UNKNOWN;
        ck_assert_uint_lt(strlen(shape_print_words(&s, text)), SHAPE_TEXT);
}
