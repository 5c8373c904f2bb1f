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
