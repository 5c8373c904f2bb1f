/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/infer.h"

#include "graph/ops.h"
#include "harness.h"

static int matmul(Spec a, Spec b, Spec *out, Error *err) {
        return op_infer(&(OpCall) { .op = op_find("matmul"), .n_in = 2, .in = (const Spec[]) { a, b } }, out, err);
}

TEST(matmul_has_numpys_shapes) {
        static const struct {
                Shape a, b, out;
        } cases[] = {
                { { 2, { 2, 3 } }, { 2, { 3, 4 } }, { 2, { 2, 4 } } },
                { { 1, { 3 } }, { 1, { 3 } }, { 0, {} } },
                { { 1, { 3 } }, { 2, { 3, 4 } }, { 1, { 4 } } },
                { { 2, { 2, 3 } }, { 1, { 3 } }, { 1, { 2 } } },
                { { 3, { 5, 2, 3 } }, { 2, { 3, 4 } }, { 3, { 5, 2, 4 } } },
                { { 4, { 7, 1, 2, 3 } }, { 3, { 5, 3, 4 } }, { 4, { 7, 5, 2, 4 } } },
                { { 1, { 3 } }, { 3, { 5, 3, 4 } }, { 2, { 5, 4 } } },
                { { 2, { 0, 3 } }, { 2, { 3, 0 } }, { 2, { 0, 0 } } },
                { { 2, { 2, 0 } }, { 2, { 0, 4 } }, { 2, { 2, 4 } } },
                { { 2, { UNKNOWN, 3 } }, { 2, { UNKNOWN, 4 } }, { 2, { UNKNOWN, 4 } } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Error err = {};
                Spec out;
                int r = matmul((Spec) { .dtype = DTYPE_F32, .shape = cases[i].a },
                               (Spec) { .dtype = DTYPE_I64, .shape = cases[i].b }, &out, &err);

                ck_assert_msg(r == 0, "case %zu: %s", i, err.text);
                ck_assert_msg(shape_equal(&out.shape, &cases[i].out), "case %zu", i);
                ck_assert_int_eq(out.dtype, DTYPE_F64);
        }
}

TEST(matmul_refuses_in_numpys_words) {
        Error err = {};
        Spec out;

        ck_assert_int_eq(matmul(OPS_SPEC(DTYPE_F64, 3, 4), OPS_SPEC(DTYPE_F64, 3, 4), &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text,
                         "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
                         "(n?,k),(k,m?)->(n?,m?) (size 3 is different from 4)");
        ck_assert_int_eq(matmul((Spec) { .dtype = DTYPE_F64 }, OPS_SPEC(DTYPE_F64, 3, 4), &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text,
                         "matmul: Input operand 0 does not have enough dimensions (has 0, gufunc core with signature "
                         "(n?,k),(k,m?)->(n?,m?) requires 1)");
        ck_assert_int_eq(matmul(OPS_SPEC(DTYPE_F64, 2, 3, 4), OPS_SPEC(DTYPE_F64, 3, 4, 5), &out, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text,
                         "operands could not be broadcast together with remapped shapes [original->remapped]: "
                         "(2,3,4)->(2,newaxis,newaxis) (3,4,5)->(3,newaxis,newaxis)");
}

TEST(matmul_of_many_axes_stays_within_the_limit) {
        Shape a = { .ndim = MAX_NDIM }, b;
        Spec out;

        for (int k = 0; k < MAX_NDIM; k++)
                a.dim[k] = 1;
        b = a;
        ck_assert_int_eq(
                matmul((Spec) { .dtype = DTYPE_F64, .shape = a }, (Spec){ .dtype = DTYPE_F64, .shape = b }, &out, NULL),
                0);
        ck_assert_int_eq(out.shape.ndim, MAX_NDIM);
        b.dim[0] = 3;
        a.dim[0] = 2;
        ck_assert_int_eq(
                matmul((Spec) { .dtype = DTYPE_F64, .shape = a }, (Spec){ .dtype = DTYPE_F64, .shape = b }, &out, NULL),
                ERROR_VALUE);
}
