/* SPDX-License-Identifier: Apache-2.0 */
/* Factorizations are held to what they promise. The examples say which of the many factorizations it is: NumPy's. */
#include "ops/linalg-arrays.h"

static const DType dtypes[] = { DTYPE_F32, DTYPE_F64, DTYPE_C64, DTYPE_C128 };

static const Shape shapes[] = {
        { 2, { 1, 1 } },       { 2, { 5, 5 } }, { 2, { 7, 3 } },    { 2, { 3, 7 } },
        { 2, { 40, 33 } },     { 2, { 1, 6 } }, { 3, { 4, 3, 2 } }, { 3, { 0, 3, 3 } },
        { 4, { 2, 3, 2, 4 } }, { 2, { 4, 0 } }, { 2, { 0, 4 } },
};

TEST(qr_gives_the_matrix_back_for_every_dtype_and_shape) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(shapes); s++) {
                        Array a = random_array(dtypes[t], &shapes[s]), out[2];

                        run_op("qr", NULL, &a, 1, 4, out);
                        ck_assert_int_eq(out[0].dtype, dtypes[t]);
                        assert_qr(&a, &out[0], &out[1]);
                        clear_all(out, 2);
                        array_clear(&a);
                }
}

TEST(svd_gives_the_matrix_back_for_every_dtype_and_shape) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(shapes); s++) {
                        Array a = random_array(dtypes[t], &shapes[s]), out[3], values;

                        run_op("svd", NULL, &a, 1, 4, out);
                        assert_svd(&a, out);
                        run_op("svdvals", NULL, &a, 1, 3, &values);
                        ck_assert(values.dtype == out[1].dtype && shape_equal(&values.shape, &out[1].shape));
                        for (int64_t i = 0; i < shape_size(&values.shape); i++)
                                ck_assert_double_le(cabs(values.v[i] - out[1].v[i]), 100 * precision(dtypes[t]));
                        clear_all(out, 3);
                        array_clear(&values);
                        array_clear(&a);
                }
}

TEST(lu_gives_the_matrix_back_for_every_dtype_and_shape) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(shapes); s++) {
                        Array a = random_array(dtypes[t], &shapes[s]), out[3];

                        run_op("lu", NULL, &a, 1, 4, out);
                        for (int64_t i = 0; i < n_matrix(&a); i++) {
                                const Matrix p = matrix_at(&out[0], i), l = matrix_at(&out[1], i),
                                             u = matrix_at(&out[2], i), x = matrix_at(&a, i);
                                Array pa = RANDOM(dtypes[t], x.m, x.n);

                                assert_triangle(l, true);
                                assert_triangle(u, false);
                                ck_assert_double_eq(distance(adjoint(p), NULL, p, NULL), 0);
                                for (int64_t r = 0; r < x.m; r++)
                                        for (int64_t c = 0; c < x.n; c++) {
                                                pa.v[r * x.n + c] = 0;
                                                for (int64_t k = 0; k < x.m; k++)
                                                        pa.v[r * x.n + c] += element(p, k, r) * element(x, k, c);
                                        }
                                for (int64_t k = 0; k < l.n; k++)
                                        ck_assert(element(l, k, k) == 1);
                                ck_assert_double_le(distance(l, NULL, u, &(Matrix) { pa.v, x.m, x.n, x.n, 1, false }),
                                                    300 * precision(dtypes[t]));
                                array_clear(&pa);
                        }
                        clear_all(out, 3);
                        array_clear(&a);
                }
}

/* a a^H + n: Hermitian and positive definite. */
static Array definite(const Array *a) {
        Array ret = array_new(a->dtype, &a->shape);

        for (int64_t i = 0; i < n_matrix(a); i++) {
                const Matrix x = matrix_at(a, i);

                for (int64_t r = 0; r < x.m; r++)
                        for (int64_t c = 0; c < x.m; c++) {
                                Number sum = r == c ? (double) x.m : 0;
                                char bits[16];

                                for (int64_t k = 0; k < x.n; k++)
                                        sum += element(x, r, k) * conj(element(x, c, k));
                                number_to(a->dtype, sum, bits);
                                ret.v[(i * x.m + r) * x.m + c] = number_of(a->dtype, bits);
                        }
        }
        return ret;
}

static const Shape squares[] = { { 2, { 1, 1 } },    { 2, { 6, 6 } },       { 2, { 45, 45 } },
                                 { 3, { 4, 3, 3 } }, { 4, { 2, 2, 2, 2 } }, { 2, { 0, 0 } } };

TEST(cholesky_gives_the_matrix_back_and_reads_the_lower_triangle_only) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(squares); s++) {
                        Array x = random_array(dtypes[t], &squares[s]), a = definite(&x), other = definite(&x), l[2];
                        const int64_t n = a.shape.dim[a.shape.ndim - 1];

                        for (int64_t i = 0; i < shape_size(&a.shape); i++)
                                if (i % n > i / n % n)
                                        other.v[i] = 1e5;
                        run_op("cholesky", NULL, &a, 1, 4, &l[0]);
                        run_op("cholesky", NULL, &other, 1, 100, &l[1]);
                        ck_assert_bytes_eq(l[0].v, l[1].v, (size_t) shape_size(&a.shape) * sizeof(Number));
                        for (int64_t i = 0; i < n_matrix(&a); i++) {
                                const Matrix m = matrix_at(&a, i), lower = matrix_at(&l[0], i);

                                assert_triangle(lower, true);
                                ck_assert_double_le(distance(lower, NULL, adjoint(lower), &m),
                                                    200 * precision(a.dtype) * (double) n);
                        }
                        clear_all(l, 2);
                        array_clear(&x);
                        array_clear(&a);
                        array_clear(&other);
                }
}

TEST(eigenvectors_are_orthonormal_and_eigenvalues_ascend) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(squares); s++) {
                        Array x = random_array(dtypes[t], &squares[s]), a = definite(&x), out[2], values;
                        const double limit = 500 * precision(a.dtype) * (double) a.shape.dim[a.shape.ndim - 1];

                        run_op("eigh", NULL, &a, 1, 4, out);
                        run_op("eigvalsh", NULL, &a, 1, 2, &values);
                        ck_assert(out[0].dtype == dtype_real(a.dtype) && shape_equal(&values.shape, &out[0].shape));
                        for (int64_t i = 0; i < shape_size(&values.shape); i++)
                                ck_assert_double_le(cabs(values.v[i] - out[0].v[i]), limit);
                        for (int64_t i = 0; i < n_matrix(&a); i++) {
                                const Matrix m = matrix_at(&a, i), w = column_at(&out[0], i), v = matrix_at(&out[1], i);

                                for (int64_t k = 1; k < w.m; k++)
                                        ck_assert_double_le(creal(w.v[k - 1]), creal(w.v[k]));
                                ck_assert_double_le(distance(adjoint(v), NULL, v, NULL), limit);
                                ck_assert_double_le(distance(v, w.v, adjoint(v), &m), limit);
                        }
                        clear_all(out, 2);
                        array_clear(&values);
                        array_clear(&x);
                        array_clear(&a);
                }
}

TEST(eigenvectors_of_any_matrix_are_only_stretched) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(squares); s++) {
                        Array a = random_array(dtypes[t], &squares[s]), out[2], values;
                        const double limit = 500 * precision(a.dtype) * (double) a.shape.dim[a.shape.ndim - 1];

                        run_op("eig", NULL, &a, 1, 4, out);
                        run_op("eigvals", NULL, &a, 1, 2, &values);
                        ck_assert(out[0].dtype == dtype_complex(a.dtype) && out[1].dtype == out[0].dtype);
                        ck_assert(values.dtype == out[0].dtype && shape_equal(&values.shape, &out[0].shape));
                        for (int64_t i = 0; i < n_matrix(&a); i++) {
                                const Matrix m = matrix_at(&a, i), w = column_at(&out[0], i), v = matrix_at(&out[1], i);
                                double complex trace = 0, sum = 0, other = 0;

                                for (int64_t k = 0; k < m.n; k++) {
                                        double length = 0;

                                        trace += m.v[k * m.n + k];
                                        sum += w.v[k];
                                        other += values.v[i * m.n + k];
                                        for (int64_t r = 0; r < m.n; r++) {
                                                double complex made = 0;

                                                for (int64_t c = 0; c < m.n; c++)
                                                        made += m.v[r * m.n + c] * v.v[c * m.n + k];
                                                ck_assert_double_le(cabs(made - w.v[k] * v.v[r * m.n + k]), limit);
                                                length += creal(v.v[r * m.n + k] * conj(v.v[r * m.n + k]));
                                        }
                                        ck_assert_double_le(fabs(length - 1), limit);
                                }
                                ck_assert_double_le(cabs(trace - sum), limit * (double) m.n);
                                ck_assert_double_le(cabs(trace - other), limit * (double) m.n);
                        }
                        clear_all(out, 2);
                        array_clear(&values);
                        array_clear(&a);
                }
}

TEST(solutions_inverses_and_determinants_agree) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(squares); s++) {
                        Shape right = squares[s];
                        Array in[2], x, inverse, det, det_inverse;

                        right.dim[right.ndim - 1] = 3;
                        in[0] = random_array(dtypes[t], &squares[s]);
                        in[1] = random_array(dtypes[t], &right);
                        const int64_t n = right.dim[right.ndim - 2];
                        for (int64_t i = 0; i < shape_size(&squares[s]); i += 1)
                                in[0].v[i] += i % n == i / n % n ? 3 * (double) n : 0;
                        run_op("solve", NULL, in, 2, 4, &x);
                        run_op("inv", NULL, in, 1, 4, &inverse);
                        run_op("det", NULL, in, 1, 4, &det);
                        run_op("det", NULL, &inverse, 1, 3, &det_inverse);
                        ck_assert_int_eq(det.shape.ndim, in[0].shape.ndim - 2);
                        for (int64_t i = 0; i < n_matrix(&in[0]); i++) {
                                const Matrix a = matrix_at(&in[0], i), b = matrix_at(&in[1], i);

                                ck_assert_double_le(distance(a, NULL, matrix_at(&x, i), &b), 500 * precision(x.dtype));
                                ck_assert_double_le(distance(a, NULL, matrix_at(&inverse, i), NULL),
                                                    500 * precision(x.dtype));
                                if (n <= 6) /* larger ones leave the range of float32 */
                                        ck_assert_double_le(cabs(det.v[i] * det_inverse.v[i] - 1),
                                                            500 * precision(x.dtype));
                        }
                        clear_all(in, 2);
                        array_clear(&x);
                        array_clear(&inverse);
                        array_clear(&det);
                        array_clear(&det_inverse);
                }
}

TEST(triangular_systems_read_their_triangle_only) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (int kind = 0; kind < 4; kind++) {
                        const struct {
                                bool lower, unit;
                        } params = { kind & 1, kind & 2 };
                        Array in[2] = { RANDOM(dtypes[t], 3, 9, 9), RANDOM(dtypes[t], 9, 5) }, x;

                        for (int64_t i = 0; i < 3 * 81; i++) {
                                const int64_t r = i / 9 % 9, c = i % 9;

                                in[0].v[i] = r == c ? in[0].v[i] + 4 : params.lower == (c > r) ? NAN : in[0].v[i] / 4;
                                if (r == c && params.unit)
                                        in[0].v[i] = NAN;
                        }
                        run_op("triangular_solve", &params, in, 2, 4, &x);
                        for (int64_t i = 0; i < 3 * 81; i++) {
                                const int64_t r = i / 9 % 9, c = i % 9;

                                if (isnan(creal(in[0].v[i])))
                                        in[0].v[i] = r == c;
                        }
                        ck_assert_int_eq(x.shape.ndim, 3);
                        for (int64_t i = 0; i < 3; i++) {
                                const Matrix b = matrix_at(&in[1], 0);

                                ck_assert_double_le(distance(matrix_at(&in[0], i), NULL, matrix_at(&x, i), &b),
                                                    300 * precision(x.dtype));
                        }
                        array_clear(&x);
                        clear_all(in, 2);
                }
}

TEST(a_vector_on_the_right_gives_a_vector) {
        Array in[2] = { RANDOM(DTYPE_F64, 2, 5, 5), RANDOM(DTYPE_F64, 5) }, x;
        static const char *const ops[] = { "solve", "triangular_solve" };

        for (int64_t i = 0; i < 50; i++)
                in[0].v[i] = i % 5 == i / 5 % 5 ? 7 : i % 5 < i / 5 % 5 ? 0 : in[0].v[i];
        for (size_t k = 0; k < ELEMENTSOF(ops); k++) {
                run_op(ops[k], NULL, in, 2, 2, &x);
                ck_assert_int_eq(x.shape.ndim, 2);
                for (int64_t i = 0; i < 2; i++) {
                        const Matrix b = column_at(&in[1], 0);

                        ck_assert_double_le(distance(matrix_at(&in[0], i), NULL, column_at(&x, i), &b), 1e-13);
                }
                array_clear(&x);
        }
        clear_all(in, 2);
}

/* ---- NumPy's own numbers ---- */

TEST(signs_and_order_are_those_of_numpy) {
        const Number tall[] = { 1, 2, 3, 4, 5, 6 }, square[] = { 2, 1, 1, 4, 3, 3, 8, 7, 9 },
                     hermitian[] = { 2, 1 - I, 1 + I, 3 };
        const Number complex_[] = { 1 + I, 2, 3, 4 - I, 5, 6 * I };
        Array a = array_of(DTYPE_I64, &(Shape) { 2, { 3, 2 } }, tall), out[3];

        run_op("qr", NULL, &a, 1, 2, out);
        ck_assert_int_eq(out[0].dtype, DTYPE_F64);
        ASSERT_CLOSE(out[0], SHAPE(3, 2), -0.16903085094570325, 0.8970852271450607, -0.50709255283711,
                     0.27602622373694136, -0.8451542547285166, -0.34503277967117696);
        ASSERT_CLOSE(out[1], SHAPE(2, 2), -5.916079783099616, -7.437357441610946, 0, 0.828078671210825);
        clear_all(out, 2);
        run_op("svd", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(3, 2), -0.22984769640007147, 0.8834610176985255, -0.5247448187602937,
                     0.24078249213254635, -0.8196419411205159, -0.4018960334334318);
        ASSERT_CLOSE(out[1], SHAPE(2), 9.525518091565107, 0.5143005806586443);
        ASSERT_CLOSE(out[2], SHAPE(2, 2), -0.6196294838293404, -0.7848944532670524, -0.7848944532670524,
                     0.6196294838293404);
        clear_all(out, 3);
        array_clear(&a);

        a = array_of(DTYPE_I32, &(Shape) { 2, { 3, 3 } }, square);
        run_op("lu", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(3, 3), 0, 1, 0, 0, 0, 1, 1, 0, 0);
        ASSERT_CLOSE(out[1], SHAPE(3, 3), 1, 0, 0, 0.25, 1, 0, 0.5, 0.6666666666666666, 1);
        ASSERT_CLOSE(out[2], SHAPE(3, 3), 8, 7, 9, 0, -0.75, -1.25, 0, 0, -0.666666666666667);
        clear_all(out, 3);
        run_op("det", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], ((Shape) { 0 }), 4.0);
        clear_all(out, 1);
        array_clear(&a);

        a = array_of(DTYPE_C128, &(Shape) { 2, { 2, 2 } }, hermitian);
        run_op("eigh", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(2), 1, 4);
        ASSERT_CLOSE(out[1], SHAPE(2, 2), -0.8164965809277258, -0.5773502691896261,
                     0.408248290463863 + 0.4082482904638632 * I, -0.5773502691896253 - 0.5773502691896255 * I);
        clear_all(out, 2);
        run_op("cholesky", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(2, 2), 1.4142135623730951, 0, 0.7071067811865475 + 0.7071067811865475 * I,
                     1.4142135623730951);
        clear_all(out, 1);
        array_clear(&a);

        a = array_of(DTYPE_C128, &(Shape) { 2, { 3, 2 } }, complex_);
        run_op("qr", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[1], SHAPE(2, 2), -6.0, -2.333333333333333 - 4.166666666666666 * I, 0, -5.847601597616277);
        clear_all(out, 2);
        array_clear(&a);
}

TEST(least_squares_has_rank_and_singular_values) {
        const Number tall[] = { 1, 2, 3, 4, 5, 6 }, flat[] = { 1, 2, 2, 4, 3, 6 }, right[] = { 1, 2, 4 };
        Array in[2] = { array_of(DTYPE_F64, &(Shape) { 2, { 3, 2 } }, tall),
                        array_of(DTYPE_I64, &(Shape) { 1, { 3 } }, right) },
              out[3];

        run_op("lstsq", NULL, in, 2, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(2), 0.6666666666666664, 0.08333333333333352);
        ASSERT_CLOSE(out[1], ((Shape) { 0 }), 2);
        ASSERT_CLOSE(out[2], SHAPE(2), 9.525518091565107, 0.5143005806586444);
        ck_assert_int_eq(out[1].dtype, DTYPE_I64);
        clear_all(out, 3);
        array_clear(&in[0]);

        in[0] = array_of(DTYPE_F64, &(Shape) { 2, { 3, 2 } },
                         flat); /* numpy.linalg.lstsq: [0.24285714, 0.48571429], rank 1 */
        run_op("lstsq", NULL, in, 2, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(2), 17.0 / 70, 34.0 / 70);
        ASSERT_CLOSE(out[1], ((Shape) { 0 }), 1);
        clear_all(out, 3);
        clear_all(in, 2);
}

TEST(wide_least_squares_have_the_least_norm_and_several_right_sides) {
        Array in[2] = { RANDOM(DTYPE_C128, 4, 9), RANDOM(DTYPE_C128, 4, 3) }, out[3], direct[3];

        run_op("lstsq", NULL, in, 2, 3, out);
        const Matrix a = matrix_at(&in[0], 0), b = matrix_at(&in[1], 0), x = matrix_at(&out[0], 0);

        ck_assert_double_le(distance(a, NULL, x, &b), 1e-12);
        /* x is in the row space: V V^H x = x */
        run_op("svd", NULL, in, 1, 3, direct);
        const Matrix vh = matrix_at(&direct[2], 0);
        Array y = array_new(DTYPE_C128, &(Shape) { 2, { 4, 3 } });
        for (int64_t i = 0; i < 4; i++)
                for (int64_t k = 0; k < 3; k++)
                        for (int64_t l = 0; l < 9; l++)
                                y.v[i * 3 + k] += element(vh, i, l) * element(x, l, k);
        ck_assert_double_le(distance(adjoint(vh), NULL, matrix_at(&y, 0), &x), 1e-12);
        array_clear(&y);
        clear_all(direct, 3);
        clear_all(out, 3);
        clear_all(in, 2);
}

/* ---- Refusals ---- */

TEST(what_cannot_be_is_refused_with_the_words_of_numpy) {
        Array vector = RANDOM(DTYPE_F64, 4), wide = RANDOM(DTYPE_F64, 2, 3), half = RANDOM(DTYPE_F32, 2, 2),
              cube                     = RANDOM(DTYPE_F64, 2, 2, 2);
        static const char *const all[] = { "qr", "svd", "svdvals", "lu", "inv", "det", "cholesky", "eigh", "eigvalsh" };

        half.dtype = DTYPE_F16;
        for (size_t k = 0; k < ELEMENTSOF(all); k++) {
                Spec in[] = { { .dtype = DTYPE_F16, .shape = half.shape } }, out[MAX_OP_OUT];
                Error err = {};

                assert_refused(all[k], &vector, 1, ERROR_LINALG,
                               "1-dimensional array given. Array must be at least two-dimensional");
                if (k >= 4)
                        assert_refused(all[k], &wide, 1, ERROR_LINALG, "Last 2 dimensions of the array must be square");
                ck_assert_int_eq(op_infer(&(OpCall) { .op = op_find(all[k]), .n_in = 1, .in = in }, out, &err),
                                 ERROR_TYPE);
                ck_assert_str_eq(err.text, "array type float16 is unsupported in linalg");
        }
        half.dtype = DTYPE_F32;
        assert_refused("solve", (const Array[]) { half, vector }, 2, ERROR_VALUE,
                       "solve1: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
                       "(m,m),(m)->(m) (size 4 is different from 2)");
        assert_refused("solve", (const Array[]) { wide, wide }, 2, ERROR_LINALG,
                       "Last 2 dimensions of the array must be square");
        assert_refused("lstsq", (const Array[]) { wide, vector }, 2, ERROR_LINALG, "Incompatible dimensions");
        assert_refused("lstsq", (const Array[]) { cube, vector }, 2, ERROR_LINALG,
                       "3-dimensional array given. Array must be two-dimensional");
        array_clear(&vector);
        array_clear(&wide);
        array_clear(&half);
        array_clear(&cube);
}

TEST(singular_indefinite_and_infinite_matrices_are_refused_when_they_run) {
        const Number singular[] = { 1, 2, 2, 4 }, indefinite[] = { 1, 2, 2, 1 }, no_number[] = { NAN, 1, 1, 1 },
                     one[] = { 1, 2 };
        const Shape two = SHAPE(2, 2), vector = SHAPE(2);
        Array a = array_of(DTYPE_F64, &two, singular), b = array_of(DTYPE_F64, &two, indefinite),
              c = array_of(DTYPE_F64, &two, no_number);
        Array x = array_of(DTYPE_F64, &vector, one), upper = array_of(DTYPE_F64, &two, (const Number[]) { 1, 2, 0, 0 }),
              out;

        assert_refused("inv", &a, 1, ERROR_LINALG, "Singular matrix");
        assert_refused("solve", (const Array[]) { a, x }, 2, ERROR_LINALG, "Singular matrix");
        assert_refused("triangular_solve", (const Array[]) { upper, x }, 2, ERROR_LINALG, "Singular matrix");
        assert_refused("cholesky", &b, 1, ERROR_LINALG, "Matrix is not positive definite");
        assert_refused("svd", &c, 1, ERROR_LINALG, "SVD did not converge");
        assert_refused("eig", &c, 1, ERROR_LINALG, "Array must not contain infs or NaNs");
        assert_refused("eigvals", &c, 1, ERROR_LINALG, "Array must not contain infs or NaNs");
        run_op("det", NULL, &a, 1, 2, &out);
        ck_assert(out.v[0] == 0);
        array_clear(&out);
        array_clear(&a);
        array_clear(&b);
        array_clear(&c);
        array_clear(&x);
        array_clear(&upper);
}

TEST(determinants_overflow_only_at_the_end) {
        const Shape s = SHAPE(4, 4);
        Array a = array_new(DTYPE_F64, &s), out;

        a.v[1] = 1e200, a.v[4] = 1e200, a.v[10] = 1e-200, a.v[15] = 1e-200;
        run_op("det", NULL, &a, 1, 4, &out);
        ck_assert_double_le(fabs(creal(out.v[0]) + 1), 1e-14);
        array_clear(&out);
        a.v[10] = 1;
        run_op("det", NULL, &a, 1, 4, &out);
        ck_assert_double_eq(creal(out.v[0]), -1e200);
        array_clear(&out);
        a.v[15] = 1;
        run_op("det", NULL, &a, 1, 4, &out);
        ck_assert_double_eq(creal(out.v[0]), -INFINITY);
        array_clear(&out);
        array_clear(&a);
}

/* ---- Cuts ---- */

TEST(bits_do_not_depend_on_how_inputs_are_cut) {
        static const char *const all[] = { "qr", "svd", "lu", "inv", "det", "cholesky", "eigh", "eig" };
        Array x = RANDOM(DTYPE_F64, 4, 70, 70), a = definite(&x);

        for (size_t k = 0; k < ELEMENTSOF(all); k++) {
                const uint32_t n_out = op_n_out(op_find(all[k]));
                Array first[MAX_OP_OUT], out[MAX_OP_OUT];

                for (int64_t step = 1; step < 100; step = step * 3 + 4) {
                        run_op(all[k], NULL, &a, 1, step, step == 1 ? first : out);
                        for (uint32_t i = 0; i < n_out && step > 1; i++)
                                ck_assert_bytes_eq(first[i].v, out[i].v,
                                                   (size_t) shape_size(&out[i].shape) * sizeof(Number));
                        if (step > 1)
                                clear_all(out, n_out);
                }
                clear_all(first, n_out);
        }
        array_clear(&x);
        array_clear(&a);
}

static Ref look_askew(Build *b, Ref a) {
        a = build_slice(b, build_slice(b, a, 0, 8, -1, -1), 1, 1, 10, 2);
        return build_transpose(b, a, (const int[]) { 1, 0 });
}

TEST(views_are_seen_as_views_however_their_tensor_is_cut) {
        static const char *const all[] = { "qr", "svd", "lu", "concatenate", "cumsum", "sort" };
        const Shape seen = SHAPE(5, 9);
        Array whole = RANDOM(DTYPE_F64, 9, 11), a = array_new(DTYPE_F64, &seen);

        for (int64_t i = 0; i < 5; i++)
                for (int64_t k = 0; k < 9; k++)
                        a.v[i * 9 + k] = whole.v[(8 - k) * 11 + 1 + 2 * i];
        for (size_t k = 0; k < ELEMENTSOF(all); k++)
                for (int64_t step = 1; step < 14; step += 3) {
                        const ScanParams along = { .axis = DIMS(0), .dtype = DTYPE_NONE };
                        const uint32_t n_in    = op_find(all[k])->variadic ? 2 : 1;
                        const void *params     = op_find(all[k])->family == FAMILY_SCAN ? &along : NULL;
                        const Array in[2]      = { a, a }, from[2] = { whole, whole };
                        Array direct[MAX_OP_OUT], through[MAX_OP_OUT];

                        run_op(all[k], params, in, n_in, step, direct);
                        look = look_askew;
                        run_op(all[k], params, from, n_in, step, through);
                        look = NULL;
                        for (uint32_t o = 0; o < op_n_out(op_find(all[k])); o++) {
                                ck_assert(shape_equal(&direct[o].shape, &through[o].shape));
                                for (int64_t i = 0; i < shape_size(&direct[o].shape); i++)
                                        ck_assert_msg(direct[o].v[i] == through[o].v[i], "%s, chunks of %lld", all[k],
                                                      (long long) step);
                        }
                        clear_all(direct, op_n_out(op_find(all[k])));
                        clear_all(through, op_n_out(op_find(all[k])));
                }
        array_clear(&a);
        array_clear(&whole);
}
