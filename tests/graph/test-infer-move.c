/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/infer.h"

#include "graph/ops.h"
#include "harness.h"

static int infer(const char *op, const void *params, uint32_t n_in, const Spec *in, Spec *out, Error *err) {
        return op_infer(&(OpCall) { .op = op_find(op), .params = params, .n_in = n_in, .in = in }, out, err);
}

/* ---- view ----------------------------------------------------------------------------------------------------- */

static int view(Spec in, ViewParams params, Spec *out, Error *err) {
        return infer("view", &params, 1, &in, out, err);
}

TEST(a_view_reads_inside_its_input) {
        const Spec in = OPS_SPEC(DTYPE_I16, 4, 5);
        Spec out;

        /* a.T[:, ::-2] : axis 0 backwards from 3 in steps of 2, axis 1 whole */
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(5, 2), DIMS(1, 0), DIMS(3, 0), DIMS(-2, 1) }, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, 5, 2));
        ck_assert_int_eq(out.dtype, DTYPE_I16);
        /* a[2][newaxis].diagonal-like: one axis follows two */
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(4), DIMS(0, 0), DIMS(0, 1), DIMS(1, 1) }, &out, NULL), 0);
        /* broadcast along a new axis of any length */
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(1000), DIMS(-1, -1), DIMS(3, 4), DIMS(1, 1) }, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, 1000));
}

TEST(a_view_that_would_read_outside_is_refused) {
        const Spec in = OPS_SPEC(DTYPE_F64, 4);
        Error err = {};
        Spec out;

        ck_assert_int_eq(view(in, (ViewParams) { DIMS(5), DIMS(0), DIMS(0), DIMS(1) }, &out, &err), ERROR_INDEX);
        ck_assert_str_eq(err.text, "index 4 is out of bounds for axis 0 with size 4");
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(2), DIMS(0), DIMS(0), DIMS(-1) }, &out, &err), ERROR_INDEX);
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(2), DIMS(0), DIMS(-1), DIMS(1) }, &out, &err), ERROR_INDEX);
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(3), DIMS(0), DIMS(0), DIMS(INT64_MAX) }, &out, &err),
                         ERROR_INDEX);
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(3), DIMS(0), DIMS(0), DIMS(INT64_MIN) }, &out, &err),
                         ERROR_INDEX);
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(3), DIMS(-1), DIMS(4), DIMS(0) }, &out, &err), ERROR_INDEX);
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(3), DIMS(1), DIMS(0), DIMS(1) }, &out, &err), ERROR_AXIS);
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(3), DIMS(-2), DIMS(0), DIMS(1) }, &out, &err), ERROR_AXIS);
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(3), DIMS(0, 0), DIMS(0), DIMS(1) }, &out, &err), ERROR_VALUE);
        ck_assert_int_eq(view(in, (ViewParams) { DIMS(-2), DIMS(0), DIMS(0), DIMS(1) }, &out, &err), ERROR_VALUE);
}

TEST(an_empty_view_touches_nothing) {
        Spec out;

        ck_assert_int_eq(view(OPS_SPEC(DTYPE_F64, 4), (ViewParams) { DIMS(0), DIMS(0), DIMS(9), DIMS(1) }, &out, NULL),
                         0);
        ck_assert_int_eq(view(OPS_SPEC(DTYPE_F64, 0), (ViewParams) { DIMS(0), DIMS(0), DIMS(0), DIMS(1) }, &out, NULL),
                         0);
        ck_assert_int_eq(view(OPS_SPEC(DTYPE_F64, 0), (ViewParams) { DIMS(1), DIMS(0), DIMS(0), DIMS(1) }, &out, NULL),
                         ERROR_INDEX);
}

TEST(an_unknown_length_of_a_view_is_that_of_its_axis) {
        const ViewParams transpose = { DIMS(UNKNOWN, UNKNOWN), DIMS(1, 0), DIMS(0, 0), DIMS(1, 1) };
        Error err = {};
        Spec out;

        ck_assert_int_eq(view(OPS_SPEC(DTYPE_F64, UNKNOWN, 3), transpose, &out, &err), 0);
        ck_assert(OPS_HAS(out.shape, 3, UNKNOWN));
        ck_assert_int_eq(view(OPS_SPEC(DTYPE_F64, 7, 3), transpose, &out, &err), 0);
        ck_assert(OPS_HAS(out.shape, 3, 7));
        ck_assert_int_eq(
                view(OPS_SPEC(DTYPE_F64, UNKNOWN), (ViewParams) { DIMS(2), DIMS(0), DIMS(1), DIMS(1) }, &out, &err), 0);
        ck_assert_int_eq(view(OPS_SPEC(DTYPE_F64, UNKNOWN), (ViewParams) { DIMS(UNKNOWN), DIMS(0), DIMS(1), DIMS(1) },
                              &out, &err),
                         ERROR_VALUE);
        ck_assert_int_eq(view(OPS_SPEC(DTYPE_F64, UNKNOWN), (ViewParams) { DIMS(UNKNOWN), DIMS(-1), DIMS(0), DIMS(1) },
                              &out, &err),
                         ERROR_VALUE);
        ck_assert_int_eq(
                view(OPS_SPEC(DTYPE_F64, UNKNOWN), (ViewParams) { DIMS(2), DIMS(0), DIMS(-1), DIMS(1) }, &out, &err),
                ERROR_INDEX);
}

/* ---- concatenate ---------------------------------------------------------------------------------------------- */

static int concatenate(int64_t axis, uint32_t n_in, const Spec *in, Spec *out, Error *err) {
        return infer("concatenate", &(ConcatenateParams) { axis }, n_in, in, out, err);
}

TEST(concatenation_adds_lengths_and_promotes) {
        const Spec in[] = { OPS_SPEC(DTYPE_I8, 2, 3), OPS_SPEC(DTYPE_F32, 4, 3), OPS_SPEC(DTYPE_I8, 0, 3) };
        const Spec unknown[] = { OPS_SPEC(DTYPE_I8, UNKNOWN, 3), OPS_SPEC(DTYPE_I8, 4, UNKNOWN) };
        Spec out;

        ck_assert_int_eq(concatenate(-2, 3, in, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, 6, 3));
        ck_assert_int_eq(out.dtype, DTYPE_F32);
        ck_assert_int_eq(concatenate(0, 2, unknown, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, UNKNOWN, 3));
        ck_assert_int_eq(concatenate(1, 2, unknown, &out, NULL), 0);
        ck_assert(OPS_HAS(out.shape, 4, UNKNOWN));
}

TEST(arrays_that_do_not_fit_end_to_end_are_refused_in_numpys_words) {
        const Spec lengths[] = { OPS_SPEC(DTYPE_F64, 2, 3), OPS_SPEC(DTYPE_F64, 2, 4) };
        const Spec ndims[] = { OPS_SPEC(DTYPE_F64, 2, 3), OPS_SPEC(DTYPE_F64, 2) };
        const Spec number = { .dtype = DTYPE_F64 };
        const Spec large[] = { OPS_SPEC(DTYPE_I8, INT64_MAX), OPS_SPEC(DTYPE_I8, 1) };
        Error err = {};
        Spec out;

        ck_assert_int_eq(concatenate(0, 2, lengths, &out, &err), ERROR_VALUE);
        ck_assert_str_eq(
                err.text,
                "all the input array dimensions except for the concatenation axis must match exactly, but along "
                "dimension 1, the array at index 0 has size 3 and the array at index 1 has size 4");
        ck_assert_int_eq(concatenate(0, 2, ndims, &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text,
                         "all the input arrays must have same number of dimensions, but the array at index 0 has 2 "
                         "dimension(s) and the array at index 1 has 1 dimension(s)");
        ck_assert_int_eq(concatenate(0, 0, NULL, &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "need at least one array to concatenate");
        ck_assert_int_eq(concatenate(0, 1, &number, &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "zero-dimensional arrays cannot be concatenated");
        ck_assert_int_eq(concatenate(5, 2, lengths, &out, &err), ERROR_AXIS);
        ck_assert_int_eq(concatenate(0, 2, large, &out, &err), ERROR_VALUE);
}

/* ---- reshape -------------------------------------------------------------------------------------------------- */

static int reshape(Spec in, Dims shape, Spec *out, Error *err) {
        return infer("reshape", &(ReshapeParams) { shape }, 1, &in, out, err);
}

TEST(reshape_keeps_the_number_of_elements) {
        Error err = {};
        Spec out;

        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 6), DIMS(2, 3), &out, &err), 0);
        ck_assert(OPS_HAS(out.shape, 2, 3));
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 0, 6), DIMS(7, 0), &out, &err), 0);
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 1), (Dims) { .given = true }, &out, &err), 0);
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 6), DIMS(4), &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "cannot reshape array of size 6 into shape (4,)");
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 6), DIMS(2, 4), &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "cannot reshape array of size 6 into shape (2,4)");
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 6), DIMS(INT64_MAX, 4, INT64_MAX), &out, &err), ERROR_VALUE);
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 0), DIMS(INT64_MAX, 4, 0), &out, &err), ERROR_VALUE); /* as NumPy */
}

TEST(one_length_may_be_what_remains) {
        Error err = {};
        Spec out;

        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 6, 4), DIMS(3, -1), &out, &err), 0);
        ck_assert(OPS_HAS(out.shape, 3, 8));
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, UNKNOWN), DIMS(3, -1), &out, &err), 0);
        ck_assert(OPS_HAS(out.shape, 3, UNKNOWN));
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, UNKNOWN), DIMS(3, 5), &out, &err), 0);
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 6), DIMS(4, -1), &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "cannot reshape array of size 6 into shape (4,newaxis)");
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 0), DIMS(0, -1), &out, &err), ERROR_VALUE);
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 6), DIMS(-1, -1), &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "can only specify one unknown dimension");
        ck_assert_int_eq(reshape(OPS_SPEC(DTYPE_U8, 6), DIMS(-2, 3), &out, &err), ERROR_VALUE);
}

/* ---- rechunk -------------------------------------------------------------------------------------------------- */

TEST(rechunk_changes_nothing_that_can_be_seen) {
        const Spec in = OPS_SPEC(DTYPE_C64, 10, 4), unknown = OPS_SPEC(DTYPE_C64, UNKNOWN, 4);
        Spec out;

        ck_assert_int_eq(infer("rechunk", &(RechunkParams) { DIMS(1, 3) }, 1, &in, &out, NULL), 0);
        ck_assert(out.dtype == in.dtype && shape_equal(&out.shape, &in.shape));
        ck_assert_int_eq(infer("rechunk", &(RechunkParams) { DIMS(1, 3) }, 1, &unknown, &out, NULL), 0);
        ck_assert_int_eq(infer("rechunk", &(RechunkParams) { DIMS(3, 5, 5, 5, 1, 4) }, 1, &in, &out, NULL),
                         ERROR_VALUE);
}
