/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of NumPy here was asked of NumPy 1.24; the cases of NEP 50 are from its rules, not from a run. */
#include "graph/infer.h"

#include "graph/ops.h"
#include "harness.h"

static int infer(const char *op, const Spec *in, uint32_t n_in, Spec *out, Error *err) {
        return op_infer(&(OpCall) { .op = op_find(op), .n_in = n_in, .in = in }, out, err);
}

static DType result(const char *op, uint32_t n_in, const Spec *in) {
        Error err = {};
        Spec out[2];
        int r = infer(op, in, n_in, out, &err);

        ck_assert_msg(r == 0, "%s", err.text);
        return out[0].dtype;
}

#define RESULT(op, ...) result(op, ELEMENTSOF(((const Spec[]) { __VA_ARGS__ })), (const Spec[]) { __VA_ARGS__ })
#define ARRAY(t) { .dtype = t, .shape = { .ndim = 1, .dim = { 3 } } }
#define NUMBER(w, t) { .dtype = t, .weak = w }

TEST(the_first_kernel_that_all_inputs_cast_to_is_taken) {
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_I8), ARRAY(DTYPE_I8)), DTYPE_I8);
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_I8), ARRAY(DTYPE_U8)), DTYPE_I16);
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_I64), ARRAY(DTYPE_U64)), DTYPE_F64);
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_I16), ARRAY(DTYPE_F16)), DTYPE_F32);
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_C64), ARRAY(DTYPE_F64)), DTYPE_C128);
        ck_assert_int_eq(RESULT("sin", ARRAY(DTYPE_I8)), DTYPE_F16);
        ck_assert_int_eq(RESULT("sin", ARRAY(DTYPE_U16)), DTYPE_F32);
        ck_assert_int_eq(RESULT("sin", ARRAY(DTYPE_I64)), DTYPE_F64);
}

TEST(weak_numbers_take_part_with_their_kind_only) {
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_I8), NUMBER(WEAK_INT, DTYPE_I64)), DTYPE_I8);
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_F32), NUMBER(WEAK_FLOAT, DTYPE_F64)), DTYPE_F32);
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_I8), NUMBER(WEAK_FLOAT, DTYPE_F64)), DTYPE_F64);
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_BOOL), NUMBER(WEAK_INT, DTYPE_I64)), DTYPE_I64);
        ck_assert_int_eq(RESULT("add", ARRAY(DTYPE_F32), NUMBER(WEAK_COMPLEX, DTYPE_C128)), DTYPE_C64);
        ck_assert_int_eq(RESULT("add", NUMBER(WEAK_INT, DTYPE_I64), NUMBER(WEAK_FLOAT, DTYPE_F64)), DTYPE_F64);
        ck_assert_int_eq(RESULT("add", NUMBER(WEAK_BOOL, DTYPE_BOOL), NUMBER(WEAK_INT, DTYPE_I64)), DTYPE_I64);
}

TEST(inputs_that_are_not_shared_count_by_themselves) {
        ck_assert_int_eq(RESULT("where", ARRAY(DTYPE_BOOL), ARRAY(DTYPE_I8), NUMBER(WEAK_INT, DTYPE_I64)), DTYPE_I8);
        ck_assert_int_eq(RESULT("where", ARRAY(DTYPE_BOOL), ARRAY(DTYPE_F32), NUMBER(WEAK_FLOAT, DTYPE_F64)),
                         DTYPE_F32);
        ck_assert_int_eq(RESULT("ldexp", ARRAY(DTYPE_F32), NUMBER(WEAK_INT, DTYPE_I64)), DTYPE_F32);
        ck_assert_int_eq(RESULT("ldexp", NUMBER(WEAK_FLOAT, DTYPE_F64), ARRAY(DTYPE_I8)), DTYPE_F64);
        ck_assert_int_eq(RESULT("ldexp", ARRAY(DTYPE_F64), ARRAY(DTYPE_I64)), DTYPE_F64);
}

TEST(inputs_that_fit_no_kernel_are_refused_in_numpys_words) {
        const Spec in[] = { ARRAY(DTYPE_F64), ARRAY(DTYPE_I8) };
        Error err = {};
        Spec out;

        ck_assert_int_eq(infer("bits", in, 2, &out, &err), ERROR_TYPE);
        ck_assert_str_eq(
                err.text,
                "ufunc 'bits' not supported for the input types, and the inputs could not be safely coerced to any "
                "supported types according to the casting rule ''safe'' (float64, int8)");
}

TEST(a_stricter_casting_rule_narrows_the_search) {
        const Spec in[] = { ARRAY(DTYPE_I16), ARRAY(DTYPE_F32) };
        const OpCall call = { .op = op_find("add"), .n_in = 2, .in = in };
        uint32_t kernel = 99;
        Error err = {};

        ck_assert_int_eq(op_map_kernel(&call, DTYPE_NONE, CASTING_SAFE, &kernel, &err), 0);
        ck_assert_int_eq(call.op->kernels[kernel].out[0], DTYPE_F32);
        ck_assert_int_eq(op_map_kernel(&call, DTYPE_NONE, CASTING_UNSAFE, &kernel, &err), 0);
        ck_assert_int_eq(call.op->kernels[kernel].out[0], DTYPE_F32);
        ck_assert_int_eq(op_map_kernel(&call, DTYPE_NONE, CASTING_NO, &kernel, &err), ERROR_TYPE);
        ck_assert_ptr_nonnull(strstr(err.text, "''no''"));
}

TEST(a_dtype_that_is_asked_for_is_the_output) {
        const Spec in[] = { ARRAY(DTYPE_F64), ARRAY(DTYPE_F64) };
        const OpCall add = { .op = op_find("add"), .n_in = 2, .in = in },
                     sin = { .op = op_find("sin"), .n_in = 1, .in = in };
        uint32_t kernel = 99;
        Error err = {};

        ck_assert_int_eq(op_map_kernel(&add, DTYPE_F32, CASTING_SAME_KIND, &kernel, &err), 0);
        ck_assert_int_eq(add.op->kernels[kernel].in[0], DTYPE_F32);
        ck_assert_int_eq(op_map_kernel(&add, DTYPE_C128, CASTING_SAME_KIND, &kernel, &err), 0);
        ck_assert_int_eq(add.op->kernels[kernel].out[0], DTYPE_C128);
        ck_assert_int_eq(op_map_kernel(&add, DTYPE_I64, CASTING_SAME_KIND, &kernel, &err), ERROR_TYPE);
        ck_assert_str_eq(err.text,
                         "Cannot cast ufunc 'add' input 0 from dtype('float64') to dtype('int64') with casting rule "
                         "'same_kind'");
        ck_assert_int_eq(op_map_kernel(&add, DTYPE_I64, CASTING_UNSAFE, &kernel, &err), 0);
        ck_assert_int_eq(op_map_kernel(&sin, DTYPE_I64, CASTING_SAME_KIND, &kernel, &err), ERROR_TYPE);
        ck_assert_str_eq(err.text, "No loop matching the specified signature and casting was found for ufunc sin");
}

TEST(a_cast_takes_the_kernel_from_its_own_dtype) {
        static const DType from[] = { DTYPE_I64, DTYPE_F64, DTYPE_C128 };

        for (size_t i = 0; i < ELEMENTSOF(from); i++) {
                const Spec in = ARRAY(from[i]);
                const CastParams params = { .dtype = DTYPE_F32 };
                const OpCall call = { .op = op_find("cast"), .params = &params, .n_in = 1, .in = &in };
                uint32_t kernel = 99;
                Spec out;

                ck_assert_int_eq(op_map_kernel(&call, DTYPE_F32, CASTING_SAME_KIND, &kernel, NULL), 0);
                ck_assert_int_eq(call.op->kernels[kernel].in[0], from[i]);
                ck_assert_int_eq(op_infer(&call, &out, NULL), 0);
                ck_assert_int_eq(out.dtype, DTYPE_F32);
        }
}

TEST(shapes_broadcast_and_unknown_lengths_pass) {
        const Spec in[] = { OPS_SPEC(DTYPE_F64, 2, 1, 3), OPS_SPEC(DTYPE_F64, 4, 1) };
        const Spec unknown[] = { OPS_SPEC(DTYPE_F64, UNKNOWN), OPS_SPEC(DTYPE_F64, 4, 1) };
        const Spec wrong[] = { OPS_SPEC(DTYPE_F64, 2, 3), OPS_SPEC(DTYPE_F64, 4, 3) };
        Error err = {};
        Spec out;

        ck_assert_int_eq(infer("add", in, 2, &out, &err), 0);
        ck_assert(OPS_HAS(out.shape, 2, 4, 3));
        ck_assert_int_eq(infer("add", unknown, 2, &out, &err), 0);
        ck_assert(OPS_HAS(out.shape, 4, UNKNOWN));
        ck_assert_int_eq(infer("add", wrong, 2, &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "operands could not be broadcast together with shapes (2,3) (4,3)");
}

TEST(all_outputs_have_the_shape_and_their_own_dtype) {
        const Spec in = OPS_SPEC(DTYPE_I8, 2, 5);
        Spec out[2];

        ck_assert_int_eq(infer("modf", &in, 1, out, NULL), 0);
        for (int i = 0; i < 2; i++) {
                ck_assert_int_eq(out[i].dtype, DTYPE_F32);
                ck_assert_int_eq(out[i].weak, WEAK_NONE);
                ck_assert(shape_equal(&out[i].shape, &in.shape));
        }
}
