/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/infer.h"

#include "graph/ops.h"
#include "harness.h"

static int reduce(const char *op, Spec in, ReduceParams params, Spec *out, Error *err) {
        return op_infer(&(OpCall) { .op = op_find(op), .params = &params, .n_in = 1, .in = &in }, out, err);
}

static Shape reduced(Spec in, Dims axis, bool keepdims) {
        Error err = {};
        Spec out;
        int r = reduce("sum", in, (ReduceParams) { axis, keepdims, DTYPE_NONE }, &out, &err);

        ck_assert_msg(r == 0, "%s", err.text);
        return out.shape;
}

TEST(axes_disappear_or_have_length_one) {
        const Spec in = OPS_SPEC(DTYPE_F64, 2, 3, 4);

        ck_assert(reduced(in, (Dims) {}, false).ndim == 0);
        ck_assert(OPS_HAS(reduced(in, (Dims) {}, true), 1, 1, 1));
        ck_assert(OPS_HAS(reduced(in, DIMS(1), false), 2, 4));
        ck_assert(OPS_HAS(reduced(in, DIMS(-1, 0), true), 1, 3, 1));
        ck_assert(OPS_HAS(reduced(in, (Dims) { .given = true }, false), 2, 3, 4));
}

TEST(unknown_lengths_stay_or_go) {
        const Spec in = OPS_SPEC(DTYPE_F64, UNKNOWN, 3);

        ck_assert(OPS_HAS(reduced(in, DIMS(0), false), 3));
        ck_assert(OPS_HAS(reduced(in, DIMS(1), false), UNKNOWN));
}

TEST(wrong_axes_are_refused_in_numpys_words) {
        const Spec in = OPS_SPEC(DTYPE_F64, 2, 3);
        Error err = {};
        Spec out;

        ck_assert_int_eq(reduce("sum", in, (ReduceParams) { .axis = DIMS(0, -2), .dtype = DTYPE_NONE }, &out, &err),
                         ERROR_VALUE);
        ck_assert_str_eq(err.text, "duplicate value in 'axis'");
        ck_assert_int_eq(reduce("sum", in, (ReduceParams) { .axis = DIMS(2), .dtype = DTYPE_NONE }, &out, &err),
                         ERROR_AXIS);
        ck_assert_str_eq(err.text, "axis 2 is out of bounds for array of dimension 2");
}

static DType folded(const char *op, DType in, DType dtype) {
        uint32_t fold = 99;
        Error err = {};
        int r = op_fold(op_find(op), in, dtype, &fold, &err);

        ck_assert_msg(r == 0, "%s", err.text);
        return op_find(op)->folds[fold].out;
}

TEST(the_order_of_the_folds_is_the_dtype_rule) {
        ck_assert_int_eq(folded("sum", DTYPE_BOOL, DTYPE_NONE), DTYPE_I64);
        ck_assert_int_eq(folded("sum", DTYPE_I8, DTYPE_NONE), DTYPE_I64);
        ck_assert_int_eq(folded("sum", DTYPE_U32, DTYPE_NONE), DTYPE_I64); /* of this table */
        ck_assert_int_eq(folded("sum", DTYPE_U64, DTYPE_NONE), DTYPE_U64);
        ck_assert_int_eq(folded("sum", DTYPE_F16, DTYPE_NONE), DTYPE_F32);
        ck_assert_int_eq(folded("argmax", DTYPE_I8, DTYPE_NONE), DTYPE_I64);
}

TEST(a_dtype_that_is_asked_for_chooses_the_fold) {
        uint32_t fold = 99;
        Error err = {};

        ck_assert_int_eq(folded("sum", DTYPE_I8, DTYPE_I8), DTYPE_I8);
        ck_assert_int_eq(folded("sum", DTYPE_I8, DTYPE_F64), DTYPE_F64);
        ck_assert_int_eq(folded("sum", DTYPE_F64, DTYPE_F32), DTYPE_F32);
        ck_assert_int_eq(op_fold(op_find("sum"), DTYPE_F64, DTYPE_I64, &fold, &err), 0);
        ck_assert_int_eq(op_find("sum")->folds[fold].in, DTYPE_I64); /* floats are cut to integers, not to truth */
        ck_assert_int_eq(op_fold(op_find("sum"), DTYPE_BOOL, DTYPE_I64, &fold, &err), 0);
        ck_assert_int_eq(op_find("sum")->folds[fold].in, DTYPE_BOOL);
        ck_assert_int_eq(op_fold(op_find("sum"), DTYPE_F64, DTYPE_C64, &fold, &err), ERROR_TYPE);
        ck_assert_int_eq(op_fold(op_find("max"), DTYPE_C64, DTYPE_NONE, &fold, &err), ERROR_TYPE);
        ck_assert_ptr_nonnull(strstr(err.text, "ufunc 'max' not supported for the input types"));
}

TEST(an_empty_reduction_needs_an_identity) {
        const ReduceParams first = { .axis = DIMS(0), .dtype = DTYPE_NONE },
                           second = { .axis = DIMS(1), .dtype = DTYPE_NONE };
        const Spec in = OPS_SPEC(DTYPE_F64, 0, 3), unknown = OPS_SPEC(DTYPE_F64, UNKNOWN, 3);
        Error err = {};
        Spec out;

        ck_assert_int_eq(reduce("max", in, first, &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "zero-size array to reduction operation maximum which has no identity");
        ck_assert_int_eq(reduce("argmax", in, first, &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "attempt to get argmax of an empty sequence");
        ck_assert_int_eq(reduce("max", in, second, &out, &err), 0);
        ck_assert(OPS_HAS(out.shape, 0));
        ck_assert_int_eq(reduce("sum", in, first, &out, &err), 0);
        ck_assert_int_eq(reduce("max", unknown, first, &out, &err), 0);
}

TEST(larger_parameters_begin_with_those_of_all_reductions) {
        const Spec in = OPS_SPEC(DTYPE_F32, 5, 6);
        const VarParams params = { .reduce = { .axis = DIMS(0), .keepdims = true, .dtype = DTYPE_F64 }, .ddof = 1 };
        Spec out;

        ck_assert_int_eq(
                op_infer(&(OpCall) { .op = op_find("var"), .params = &params, .n_in = 1, .in = &in }, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, 1, 6));
        ck_assert_int_eq(out.dtype, DTYPE_F64);
}

static int scan(Spec in, ScanParams params, Spec *out, Error *err) {
        return op_infer(&(OpCall) { .op = op_find("cumsum"), .params = &params, .n_in = 1, .in = &in }, out, err);
}

TEST(a_scan_keeps_the_shape) {
        Error err = {};
        Spec out;

        ck_assert_int_eq(scan(OPS_SPEC(DTYPE_I8, 2, 3), (ScanParams) { DIMS(-1), DTYPE_NONE }, &out, &err), 0);
        ck_assert(OPS_HAS(out.shape, 2, 3));
        ck_assert_int_eq(out.dtype, DTYPE_I64);
        ck_assert_int_eq(scan(OPS_SPEC(DTYPE_I8, 2, 3), (ScanParams) { DIMS(0), DTYPE_F32 }, &out, &err), 0);
        ck_assert_int_eq(out.dtype, DTYPE_F32);
        ck_assert_int_eq(scan(OPS_SPEC(DTYPE_I8, 2, 3), (ScanParams) { DIMS(2), DTYPE_NONE }, &out, &err), ERROR_AXIS);
        ck_assert_int_eq(scan(OPS_SPEC(DTYPE_I8, 2, 3), (ScanParams) { DIMS(0, 1), DTYPE_NONE }, &out, &err),
                         ERROR_TYPE);
}

TEST(a_scan_without_an_axis_is_flat) {
        Spec out;

        ck_assert_int_eq(scan(OPS_SPEC(DTYPE_F64, 2, 3), (ScanParams) { .dtype = DTYPE_NONE }, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, 6));
        ck_assert_int_eq(scan(OPS_SPEC(DTYPE_F64, 2, UNKNOWN), (ScanParams) { .dtype = DTYPE_NONE }, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, UNKNOWN));
        ck_assert_int_eq(scan((Spec) { .dtype = DTYPE_F64 }, (ScanParams) { DIMS(0), DTYPE_NONE }, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, 1));
}
