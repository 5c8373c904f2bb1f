/* SPDX-License-Identifier: Apache-2.0 */
/* Factorizations of what is too large for one task: they are written as graphs of blocks, and promise the same. */
#include "ops/linalg-arrays.h"

TEST(tall_matrices_are_factorized_by_blocks_of_rows_with_the_same_bits_for_every_cut) {
        static const int64_t heights[] = { 16384, 20000, 3 * 8192 + 2 };

        for (size_t k = 0; k < ELEMENTSOF(heights); k++) {
                Array a = RANDOM(k == 1 ? DTYPE_C64 : DTYPE_F64, heights[k], 5), first[2], out[2];

                run_op("qr", NULL, &a, 1, 1000, first);
                assert_qr(&a, &first[0], &first[1]);
                for (int64_t step = 4096; step < 40000; step *= 5) {
                        run_op("qr", NULL, &a, 1, step, out);
                        for (int i = 0; i < 2; i++)
                                ck_assert_bytes_eq(first[i].v, out[i].v,
                                                   (size_t) shape_size(&out[i].shape) * sizeof(Number));
                        clear_all(out, 2);
                }
                clear_all(first, 2);
                array_clear(&a);
        }
}

TEST(tall_and_wide_matrices_have_their_singular_values) {
        static const Shape large[] = { { 2, { 17000, 4 } }, { 2, { 3, 16500 } } };

        for (size_t k = 0; k < ELEMENTSOF(large); k++) {
                Array a = random_array(DTYPE_C128, &large[k]), out[3], values;

                run_op("svd", NULL, &a, 1, 3000, out);
                ck_assert_int_eq(out[0].shape.dim[0], a.shape.dim[0]);
                ck_assert_int_eq(out[2].shape.dim[1], a.shape.dim[1]);
                assert_svd(&a, out);
                run_op("svdvals", NULL, &a, 1, 3000, &values);
                for (int64_t i = 0; i < values.shape.dim[0]; i++)
                        ck_assert_double_le(cabs(values.v[i] - out[1].v[i]), 1e-10);
                array_clear(&values);
                clear_all(out, 3);
                array_clear(&a);
        }
}

TEST(tall_least_squares_go_through_r) {
        Array in[2] = { RANDOM(DTYPE_F64, 20000, 3), RANDOM(DTYPE_F64, 20000) }, out[3];

        for (int64_t i = 0; i < 20000; i++)
                in[1].v[i] = in[0].v[i * 3] - 2 * in[0].v[i * 3 + 1] + 5 * in[0].v[i * 3 + 2];
        run_op("lstsq", NULL, in, 2, 7000, out);
        ck_assert_double_le(cabs(out[0].v[0] - 1) + cabs(out[0].v[1] + 2) + cabs(out[0].v[2] - 5), 1e-12);
        ck_assert_double_eq(creal(out[1].v[0]), 3);
        clear_all(out, 3);
        clear_all(in, 2);
}

/* The largest |(a b) y - c y|, for a y made by chance: products of large matrices would take too long here. */
static double distance_by_chance(Matrix a, Matrix b, Matrix c) {
        Array y = RANDOM(DTYPE_F64, b.n), z = RANDOM(DTYPE_F64, b.m);
        double most = 0;

        for (int64_t i = 0; i < b.m; i++) {
                z.v[i] = 0;
                for (int64_t k = 0; k < b.n; k++)
                        z.v[i] += element(b, i, k) * y.v[k];
        }
        for (int64_t i = 0; i < a.m; i++) {
                Number sum = 0;

                for (int64_t k = 0; k < a.n; k++)
                        sum += element(a, i, k) * z.v[k];
                for (int64_t k = 0; k < c.n; k++)
                        sum -= element(c, i, k) * y.v[k];
                most = MAX(most, cabs(sum));
        }
        array_clear(&y);
        array_clear(&z);
        return most;
}

static Array large(DType t, int64_t m, int64_t n) {
        Array a = RANDOM(t, m, n);

        for (int64_t i = 0; i < MIN(m, n); i++)
                a.v[i * n + i] += (double) (2 * n);
        return a;
}

TEST(large_triangular_systems_are_solved_by_blocks_of_columns) {
        for (int lower = 0; lower < 2; lower++) {
                const struct { bool lower, unit; } params = { lower, false };
                Array in[2] = { large(DTYPE_F64, 2100, 2100), RANDOM(DTYPE_F64, 2100, 3) }, x, again;

                for (int64_t i = 0; i < 2100 * 2100; i++)
                        if (lower ? i % 2100 > i / 2100 : i % 2100 < i / 2100)
                                in[0].v[i] = 0;
                run_op("triangular_solve", &params, in, 2, 700, &x);
                ck_assert_double_le(distance_by_chance(matrix_at(&in[0], 0), matrix_at(&x, 0), matrix_at(&in[1], 0)),
                                    1e-10);
                run_op("triangular_solve", &params, in, 2, 1300, &again);
                ck_assert_bytes_eq(x.v, again.v, (size_t) shape_size(&x.shape) * sizeof(Number));
                array_clear(&x);
                array_clear(&again);
                clear_all(in, 2);
        }
}

TEST(large_matrices_have_l_and_u_by_panels) {
        static const Shape sizes[] = { { 2, { 2100, 2100 } }, { 2, { 2200, 2060 } }, { 2, { 2060, 2200 } } };

        for (size_t k = 0; k < ELEMENTSOF(sizes); k++) {
                const int64_t m = sizes[k].dim[0], n = sizes[k].dim[1];
                double most = 0;
                Array a = random_array(k == 1 ? DTYPE_C64 : DTYPE_F64, &sizes[k]), out[3],
                      sorted = array_new(a.dtype, &sizes[k]);

                run_op("lu", NULL, &a, 1, 900, out);
                for (int64_t r = 0; r < m; r++)
                        for (int64_t c = 0; c < m; c++)
                                if (out[0].v[r * m + c] == 1)
                                        memcpy(sorted.v + c * n, a.v + r * n, (size_t) n * sizeof(Number));
                assert_triangle(matrix_at(&out[1], 0), true);
                assert_triangle(matrix_at(&out[2], 0), false);
                for (int64_t i = 0; i < m * MIN(m, n); i++)
                        most = MAX(most, cabs(out[1].v[i]));
                ck_assert_double_le(most, 1.42); /* a complex pivot is the largest in |re| + |im| */
                ck_assert_double_le(
                        distance_by_chance(matrix_at(&out[1], 0), matrix_at(&out[2], 0), matrix_at(&sorted, 0)),
                        3e6 * precision(a.dtype));
                clear_all(out, 3);
                array_clear(&sorted);
                array_clear(&a);
        }
}

TEST(large_systems_and_definite_matrices_are_solved_by_blocks) {
        enum { N = 2100 };
        Array in[2] = { large(DTYPE_F64, N, N), RANDOM(DTYPE_F64, N) }, x, l[2], det;

        for (int64_t i = 0; i < N; i++)
                for (int64_t k = 0; k < i; k++)
                        in[0].v[i * N + k] = in[0].v[k * N + i];
        run_op("solve", NULL, in, 2, 999, &x);
        const Matrix b = column_at(&in[1], 0);
        ck_assert_double_le(distance(matrix_at(&in[0], 0), NULL, column_at(&x, 0), &b), 1e-10);
        run_op("cholesky", NULL, in, 1, 999, &l[0]);
        run_op("cholesky", NULL, in, 1, 1500, &l[1]);
        ck_assert_bytes_eq(l[0].v, l[1].v, (size_t) N * N * sizeof(Number));
        assert_triangle(matrix_at(&l[0], 0), true);
        ck_assert_double_le(distance_by_chance(matrix_at(&l[0], 0), adjoint(matrix_at(&l[0], 0)), matrix_at(&in[0], 0)),
                            1e-8);
        run_op("det", NULL, in, 1, 999, &det);
        ck_assert(isinf(creal(det.v[0])) && creal(det.v[0]) > 0);

        /* The last column becomes the first: singular, which only the last panel sees. */
        for (int64_t i = 0; i < N; i++)
                in[0].v[i * N + N - 1] = in[0].v[i * N] = i == 0;
        assert_refused("cholesky", in, 1, ERROR_LINALG, "Matrix is not positive definite");
        array_clear(&det);
        array_clear(&x);
        clear_all(l, 2);
        clear_all(in, 2);
}

TEST(square_and_wide_matrices_have_q_and_r_by_reflectors) {
        static const Shape sizes[] = { { 2, { 1100, 1100 } }, { 2, { 300, 1200 } }, { 2, { 1300, 500 } } };

        for (size_t k = 0; k < ELEMENTSOF(sizes); k++) {
                Array a = random_array(k == 1 ? DTYPE_C64 : DTYPE_F64, &sizes[k]), out[2], again[2];

                run_op("qr", NULL, &a, 1, 400, out);
                assert_qr(&a, &out[0], &out[1]);
                run_op("qr", NULL, &a, 1, 700, again);
                for (int i = 0; i < 2; i++)
                        ck_assert_bytes_eq(out[i].v, again[i].v,
                                           (size_t) shape_size(&out[i].shape) * sizeof(Number));
                clear_all(again, 2);
                clear_all(out, 2);
                array_clear(&a);
        }
}

TEST(complete_q_of_large_matrices_is_square) {
        const struct { bool complete; } params = { true };
        Array a = RANDOM(DTYPE_F64, 1100, 30), out[2];

        run_op("qr", &params, &a, 1, 500, out);
        const Matrix q = matrix_at(&out[0], 0), r = matrix_at(&out[1], 0), of = matrix_at(&a, 0);
        ck_assert(q.m == 1100 && q.n == 1100 && r.m == 1100 && r.n == 30);
        ck_assert_double_le(distance(q, NULL, r, &of), 1e-12);
        ck_assert_double_le(distance(adjoint(q), NULL, q, NULL), 1e-12);
        assert_triangle(r, false);
        clear_all(out, 2);
        array_clear(&a);
}

TEST(polar_factors_are_unitary_also_of_nearly_singular_matrices_and_leave_a_hermitian_one) {
        for (int singular = 0; singular < 2; singular++)
                for (int t = 0; t < 2; t++) {
                        const struct { bool hermitian; } params = { false };
                        Array a = RANDOM(t ? DTYPE_C128 : DTYPE_F64, 40, 40), u, h;

                        for (int64_t i = 0; i < 40 && singular; i++)
                                a.v[i * 40 + 3] = a.v[i * 40 + 4] + 1e-13 * a.v[i * 40 + 3];
                        run_op("polar", &params, &a, 1, 17, &u);
                        ck_assert_double_le(distance(adjoint(matrix_at(&u, 0)), NULL, matrix_at(&u, 0), NULL), 1e-13);
                        h = array_new(a.dtype, &a.shape);
                        for (int64_t i = 0; i < 40; i++)
                                for (int64_t k = 0; k < 40; k++)
                                        for (int64_t l = 0; l < 40; l++)
                                                h.v[i * 40 + k] += conj(u.v[l * 40 + i]) * a.v[l * 40 + k];
                        for (int64_t i = 0; i < 40; i++)
                                for (int64_t k = 0; k < 40; k++)
                                        ck_assert_double_le(cabs(h.v[i * 40 + k] - conj(h.v[k * 40 + i])), 1e-13);
                        array_clear(&h);
                        array_clear(&u);
                        array_clear(&a);
                }
}

/* Hermitian, with eigenvalues that are spread, a few, all equal, or next to the mean of all. */
static Array hermitian(DType t, int64_t n, int kind) {
        const Shape s = SHAPE(n, n);
        Array a = random_array(t, &s), q[2], ret = array_new(t, &s);

        run_op("qr", NULL, &a, 1, n, q);
        for (int64_t l = 0; l < n; l++) {
                const double value = kind == 0   ? (double) l * (double) l - 40
                                     : kind == 1 ? (double) (l % 3) - 1
                                     : kind == 2 ? 2
                                     : kind == 3 ? ldexp(1, (int) -l)
                                                 : (double) (l == 0);

                for (int64_t i = 0; i < n; i++)
                        for (int64_t k = 0; k < n; k++)
                                ret.v[i * n + k] += value * q[0].v[i * n + l] * conj(q[0].v[k * n + l]);
        }
        for (int64_t i = 0; i < n; i++)
                for (int64_t k = 0; k <= i; k++) {
                        const Number v = kind == 2 ? 2 * (i == k) : (ret.v[i * n + k] + conj(ret.v[k * n + i])) / 2;

                        ret.v[i * n + k] = v;
                        ret.v[k * n + i] = conj(v);
                }
        clear_all(q, 2);
        array_clear(&a);
        return ret;
}

TEST(spectra_are_divided_whatever_they_are) {
        for (int kind = 0; kind < 5; kind++)
                for (int t = 0; t < 2; t++) {
                        Array a = hermitian(t ? DTYPE_C128 : DTYPE_F64, 30, kind), out[3];
                        double size = 0;
                        int64_t n_upper = 0;

                        for (int64_t i = 0; i < 900; i++)
                                size = fmax(size, cabs(a.v[i]));
                        run_op("divide_spectrum", NULL, &a, 1, 11, out);
                        const Matrix v = matrix_at(&out[0], 0);
                        ck_assert_double_le(distance(adjoint(v), NULL, v, NULL), 1e-13);
                        for (int64_t i = 0; i < 30; i++) {
                                n_upper += out[2].v[i] != 0;
                                for (int64_t k = 0; k < 30; k++)
                                        if (out[2].v[i] != out[2].v[k])
                                                ck_assert_double_le(cabs(out[1].v[i * 30 + k]), 2e-13 * size);
                        }
                        ck_assert(n_upper > 0 && n_upper < 30);
                        clear_all(out, 3);
                        array_clear(&a);
                }
}

TEST(matrices_without_finite_elements_have_no_polar_factor) {
        const struct { bool hermitian; } params = { true };
        Array a = RANDOM(DTYPE_F64, 8, 8), out;
        Error err = {};

        a.v[9] = NAN;
        ck_assert_int_eq(try_op("polar", &params, &a, 1, 3, &out, &err), ERROR_LINALG);
        ck_assert_ptr_nonnull(strstr(err.text, "Array must not contain infs or NaNs"));
        array_clear(&a);
}

TEST(logarithms_of_large_determinants_do_not_overflow) {
        Array a = large(DTYPE_F64, 1100, 1100), out[2], order;

        run_op("slogdet", NULL, &a, 1, 600, out);
        ck_assert_double_eq(creal(out[0].v[0]), 1);
        ck_assert(isfinite(creal(out[1].v[0])));
        ck_assert_double_le(fabs(creal(out[1].v[0]) - 1100 * log(2200)), 1);
        run_op("det", NULL, &a, 1, 600, &order);
        ck_assert(isinf(creal(order.v[0])));
        array_clear(&order);
        clear_all(out, 2);
        array_clear(&a);
}

TEST(eigenvectors_of_large_matrices_come_from_two_smaller_ones) {
        for (int kind = 0; kind < 5; kind++)
                for (int t = 0; t < 2; t++) {
                        Array a = hermitian(t ? DTYPE_C128 : DTYPE_F64, 30, kind), out[2], again[2], values;
                        double size = 0;

                        for (int64_t i = 0; i < 900; i++)
                                size = fmax(size, cabs(a.v[i]));
                        run_op("eigh_halves", NULL, &a, 1, 11, out);
                        run_op("eigvalsh", NULL, &a, 1, 11, &values);
                        const Matrix v = matrix_at(&out[1], 0), of = matrix_at(&a, 0);
                        ck_assert_double_le(distance(adjoint(v), NULL, v, NULL), 1e-13);
                        ck_assert_double_le(distance(v, out[0].v, adjoint(v), &of), 2e-13 * size);
                        for (int64_t i = 0; i < 30; i++) {
                                ck_assert_double_le(cabs(out[0].v[i] - values.v[i]), 1e-13 * size);
                                ck_assert(i == 0 || creal(out[0].v[i]) >= creal(out[0].v[i - 1]));
                        }
                        run_op("eigh_halves", NULL, &a, 1, 7, again);
                        ck_assert_bytes_eq(out[1].v, again[1].v, 900 * sizeof(Number));
                        array_clear(&values);
                        clear_all(again, 2);
                        clear_all(out, 2);
                        array_clear(&a);
                }
}

/* The rank of a is 40, or 3, or it is nothing at all. */
TEST(singular_vectors_of_large_matrices_come_from_the_polar_factor_whatever_the_rank) {
        for (int rank = 0; rank <= 6; rank += 3)
                for (int t = 0; t < 2; t++) {
                        Array a = RANDOM(t ? DTYPE_C128 : DTYPE_F64, 40, 40), out[3], values;

                        for (int64_t i = 0; i < 1600 && rank < 6; i++)
                                a.v[i] = i / 40 < rank ? a.v[i] : rank ? a.v[i % (rank * 40)] : 0;
                        run_op("svd_square", NULL, &a, 1, 17, out);
                        assert_svd(&a, out);
                        run_op("svdvals", NULL, &a, 1, 17, &values);
                        for (int64_t i = 0; i < 40; i++)
                                ck_assert_double_le(cabs(out[1].v[i] - values.v[i]), 1e-12);
                        array_clear(&values);
                        clear_all(out, 3);
                        array_clear(&a);
                }
}
