/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/infer.h"

#include "graph/ops.h"
#include "harness.h"

static int source(SourceParams params, Spec *out, Error *err) {
        return op_infer(&(OpCall) { .op = op_find("full"), .params = &(FullParams) { .source = params } }, out, err);
}

TEST(shape_and_dtype_stand_in_the_parameters) {
        Spec out;

        ck_assert_int_eq(source((SourceParams) { .shape = DIMS(3, 0, 4), .dtype = DTYPE_F32 }, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, 3, 0, 4));
        ck_assert_int_eq(out.dtype, DTYPE_F32);
        ck_assert_int_eq(source((SourceParams) { .shape = { .given = true }, .dtype = DTYPE_NONE }, &out, NULL), 0);
        ck_assert_int_eq(out.shape.ndim, 0);
        ck_assert_int_eq(out.dtype, DTYPE_F64);
}

TEST(what_cannot_be_made_is_refused) {
        Error err = {};
        Spec out;

        ck_assert_int_eq(source((SourceParams) { .shape = DIMS(-1), .dtype = DTYPE_F32 }, &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "negative dimensions are not allowed");
        ck_assert_int_eq(source((SourceParams) { .shape = DIMS(INT64_MAX, 2), .dtype = DTYPE_F32 }, &out, &err),
                         ERROR_VALUE);
        ck_assert_int_eq(source((SourceParams) { .shape = DIMS(3), .dtype = DTYPE_C64 }, &out, &err), ERROR_TYPE);
        ck_assert_str_eq(err.text, "Unsupported dtype dtype('complex64') for full");
}

TEST(a_cutting_that_cannot_be_is_refused_at_once) {
        SourceParams params = { .shape = DIMS(10, 4), .dtype = DTYPE_F64, .chunk_size = DIMS(2, 7, 3, 1, 2) };
        Spec out;

        ck_assert_int_eq(source(params, &out, NULL), 0);
        params.chunk_size = DIMS(2, 7, 4, 1, 2); /* 7 + 4 is not 10 */
        ck_assert_int_eq(source(params, &out, NULL), ERROR_VALUE);
        params.chunk_size = DIMS(5, 7);
        ck_assert_int_eq(source(params, &out, NULL), ERROR_VALUE);
}
