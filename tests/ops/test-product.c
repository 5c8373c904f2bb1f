/* SPDX-License-Identifier: Apache-2.0 */
/* Products by blocks of the inner axis: which blocks follows from shapes alone, so the bits are the same for every cut.
 * The numbers are small integers: every order of additions gives the exact product. */
#include "ops/graphs.h"

enum { TALL = 70001, THIN = 37 }; /* several blocks, strips and bands, none of which ends where the matrix does */

static Engine *engine;

static double *integers(int64_t n, uint64_t seed) {
        double *ret = malloc((size_t) n * sizeof(double));

        ck_assert_ptr_nonnull(ret);
        for (int64_t i = 0; i < n; i++)
                ret[i] = (double) (desk_random(&seed) % 17) - 8;
        return ret;
}

/* x with one added, below another, by the transpose of either; `both`: of what is the same, x.T @ x. */
typedef struct Case {
        bool both, computed;
        int64_t n;
} Case;

static Made product_of(const Case *c, const double *x, const double *y, int64_t step) {
        const int axes[] = { 1, 0 };
        Desk desk;
        Ref a, b;

        desk_begin(&desk, engine);
        a = desk_leaf(&desk, DTYPE_F64, SHAPE(TALL, THIN), x, step);
        if (c->computed)
                a = build_binary(&desk.b, "add", a, build_f64(&desk.b, DTYPE_F64, 1));
        b = c->both ? a : desk_leaf(&desk, DTYPE_F64, SHAPE(TALL, c->n), y, step);
        return desk_made(&desk,
                         build_op(&desk.b, "matmul", NULL, 2, (const Ref[]){ build_transpose(&desk.b, a, axes), b }));
}

TEST(thin_products_are_exact_for_every_cut_whether_inputs_are_held_or_computed) {
        static const Case cases[] = { { .both = true, .n = THIN },
                                      { .both = true, .computed = true, .n = THIN },
                                      { .n = 5 },
                                      { .computed = true, .n = 5 },
                                      { .computed = true, .n = 1 } };
        static const int64_t steps[] = { 5000, 16384, TALL };
        double *x = integers(TALL * THIN, 1), *y = integers(TALL * 5, 2);

        engine = desk_engine(2);
        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                const Case *c = &cases[k];
                const double *right = c->both ? x : y;
                double *want = calloc((size_t) (THIN * c->n), sizeof(double));

                for (int64_t l = 0; l < TALL; l++)
                        for (int64_t i = 0; i < THIN; i++)
                                for (int64_t j = 0; j < c->n; j++)
                                        want[i * c->n + j] += (x[l * THIN + i] + c->computed) *
                                                              (right[l * c->n + j] + (c->computed && c->both));
                for (size_t s = 0; s < ELEMENTSOF(steps); s++) {
                        Made made = product_of(c, x, y, steps[s]);

                        ck_assert_int_eq(shape_size(&made.spec.shape), THIN * c->n);
                        ck_assert_bytes_eq(made.data, (char *) want, (size_t) (THIN * c->n) * sizeof(double));
                        free(made.data);
                }
                free(want);
        }
        engine_unref(engine);
        free(x);
        free(y);
}

TEST(fractions_have_the_same_bits_for_every_cut) {
        static const Case cases[] = { { .both = true, .n = THIN },
                                      { .both = true, .computed = true, .n = THIN },
                                      { .computed = true, .n = 5 } };
        double *x = integers(TALL * THIN, 3), *y = integers(TALL * 5, 4);

        for (int64_t i = 0; i < TALL * THIN; i++)
                x[i] = x[i] / 7 + 1e-3 * (double) (i % 1009);
        engine = desk_engine(2);
        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                Made first = product_of(&cases[k], x, y, TALL), again = product_of(&cases[k], x, y, 3001);
                const double *v = (const double *) (const void *) first.data;

                ck_assert_bytes_eq(first.data, again.data, (size_t) shape_size(&first.spec.shape) * sizeof(double));
                for (int64_t i = 0; cases[k].both && i < THIN; i++)
                        for (int64_t j = 0; j < i; j++)
                                ck_assert_double_eq(v[i * THIN + j], v[j * THIN + i]);
                free(first.data);
                free(again.data);
        }
        engine_unref(engine);
        free(x);
        free(y);
}

TEST(blocks_of_the_inner_axis_add_to_the_tiles_before_them) {
        enum { M = 1100, N = 70, K = 40 };
        double *x = integers(M * K, 5), *y = integers(K * N, 6), *z = integers(M * N, 7);

        engine = desk_engine(2);
        for (int64_t step = 33; step < 2000; step *= 6) {
                Desk desk;

                desk_begin(&desk, engine);
                const Ref in[3] = { desk_leaf(&desk, DTYPE_F64, SHAPE(M, N), z, step),
                                    desk_leaf(&desk, DTYPE_F64, SHAPE(M, K), x, step),
                                    desk_leaf(&desk, DTYPE_F64, SHAPE(K, N), y, step) };
                Made made = desk_made(&desk, build_op(&desk.b, "product_add", NULL, 3, in));
                const double *v = (const double *) (const void *) made.data;

                for (int64_t i = 0; i < M; i++)
                        for (int64_t j = 0; j < N; j++) {
                                double sum = z[i * N + j];

                                for (int64_t k = 0; k < K; k++)
                                        sum += x[i * K + k] * y[k * N + j];
                                ck_assert_double_eq(v[i * N + j], sum);
                        }
                free(made.data);
        }
        engine_unref(engine);
        free(x);
        free(y);
        free(z);
}

/* a (m x k) by b (k x n), each perhaps given as its transpose. */
typedef struct Small {
        int64_t m, n, k;
} Small;

static Made small_product(const Small *c, bool turn_a, bool turn_b, const double *a, const double *b, int64_t step) {
        const Shape of_a = turn_a ? SHAPE(c->k, c->m) : SHAPE(c->m, c->k);
        const Shape of_b = turn_b ? SHAPE(c->n, c->k) : SHAPE(c->k, c->n);
        const int axes[] = { 1, 0 };
        Desk desk;
        Ref in[2];

        desk_begin(&desk, engine);
        in[0] = desk_leaf(&desk, DTYPE_F64, of_a, a, step);
        in[1] = desk_leaf(&desk, DTYPE_F64, of_b, b, step);
        if (turn_a)
                in[0] = build_transpose(&desk.b, in[0], axes);
        if (turn_b)
                in[1] = build_transpose(&desk.b, in[1], axes);
        return desk_made(&desk, build_op(&desk.b, "matmul", NULL, 2, in));
}

static double *turned(const double *a, int64_t rows, int64_t columns) {
        double *ret = malloc((size_t) (rows * columns) * sizeof(double));

        ck_assert_ptr_nonnull(ret);
        for (int64_t i = 0; i < rows; i++)
                for (int64_t j = 0; j < columns; j++)
                        ret[j * rows + i] = a[i * columns + j];
        return ret;
}

TEST(products_with_few_columns_have_the_same_bits_in_every_layout_and_at_every_level) {
        static const Small cases[]        = { { 8, 10, TALL }, { 3, 16, 1000 }, { 13, 2, 129 }, { 1, 7, 64 },
                                              { 5, 5, TALL },  { 2000, 8, 10 }, { 4000, 1, 7 }, { 1500, 16, 1 },
                                              { 2, 1, 5 },     { 3, 2, 2 },     { 1, 3, 8 },    { 4, 4, 4 },
                                              { 6, 5, 1 },     { 7, 6, 4 },     { 5, 7, 3 },    { 8, 8, 8 },
                                              { 75, 1, 300 },  { 19, 1, TALL } };
        static const char *const levels[] = { "v1", "v3", "v4" };

        engine = desk_engine(2);
        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                const Small *c = &cases[k];
                double *a = integers(c->m * c->k, 8), *b = integers(c->k * c->n, 9), *a_turned, *b_turned;
                Made first = {};

                for (int64_t i = 0; i < c->m * c->k; i++)
                        a[i] = a[i] / 7 + 1e-3 * (double) (i % 1009);
                a_turned = turned(a, c->m, c->k);
                b_turned = turned(b, c->k, c->n);
                for (size_t l = 0; l < ELEMENTSOF(levels); l++) {
                        if (op_level_set(levels[l], NULL) < 0)
                                continue;
                        for (int turn = 0; turn < 4; turn++) {
                                Made made = small_product(c, turn & 1, turn & 2, turn & 1 ? a_turned : a,
                                                          turn & 2 ? b_turned : b, turn == 3 ? 3001 : TALL);

                                if (!first.data) {
                                        first = made;
                                        continue;
                                }
                                ck_assert_bytes_eq(made.data, first.data, (size_t) (c->m * c->n) * sizeof(double));
                                free(made.data);
                        }
                }
                for (int64_t i = 0; i < c->m * c->n; i++) {
                        double want = 0;

                        for (int64_t j = 0; j < c->k; j++)
                                want += a[i / c->n * c->k + j] * b[j * c->n + i % c->n];
                        ck_assert_double_eq_tol(((const double *) (const void *) first.data)[i], want,
                                                1e-10 * (double) c->k);
                }
                free(first.data);
                free(a);
                free(b);
                free(a_turned);
                free(b_turned);
        }
        engine_unref(engine);
}

/* Numbers of at most so many bits, half of them negative if there are such, in as many bytes as the dtype has. */
static char *whole_numbers(DType dtype, int64_t n, int bits, uint64_t seed, uint64_t *ret_wide) {
        const size_t size    = dtype_size(dtype);
        const uint64_t below = dtype_kind(dtype) == KIND_INT ? UINT64_C(1) << (bits - 1) : 0;
        char *ret            = malloc((size_t) n * size);

        ck_assert_ptr_nonnull(ret);
        for (int64_t i = 0; i < n; i++) {
                ret_wide[i] = (desk_random(&seed) >> (64 - bits)) - below;
                memcpy(ret + (size_t) i * size, &ret_wide[i], size); /* the lowest bytes: those that products wrap to */
        }
        return ret;
}

static void check_whole_product(DType dtype, int bits, int64_t m, int64_t n, int64_t k, bool turned, int64_t step) {
        const size_t size = dtype_size(dtype);
        const int axes[]  = { 1, 0 };
        uint64_t *wide_a  = malloc((size_t) (m * k) * sizeof(uint64_t)),
                 *wide_b = malloc((size_t) (k * n) * sizeof(uint64_t)), *row = malloc((size_t) n * sizeof(uint64_t));
        char *a = whole_numbers(dtype, m * k, bits, 1, wide_a), *b = whole_numbers(dtype, k * n, bits, 2, wide_b);
        Desk desk;

        desk_begin(&desk, engine);
        const Ref left  = desk_leaf(&desk, dtype, turned ? SHAPE(k, m) : SHAPE(m, k), a, step),
                  right = desk_leaf(&desk, dtype, SHAPE(k, n), b, step);
        const Ref in[]  = { turned ? build_transpose(&desk.b, left, axes) : left, right };
        Made made       = desk_made(&desk, build_op(&desk.b, "matmul", NULL, 2, in));

        for (int64_t i = 0; i < m; i++) {
                memset(row, 0, (size_t) n * sizeof(uint64_t));
                for (int64_t l = 0; l < k; l++)
                        for (int64_t j = 0; j < n; j++)
                                row[j] += wide_a[turned ? l * m + i : i * k + l] * wide_b[l * n + j];
                for (int64_t j = 0; j < n; j++)
                        ck_assert_msg(memcmp(made.data + (size_t) (i * n + j) * size, &row[j], size) == 0,
                                      "%s of %d bits at %d, %d", dtype_name(dtype), bits, (int) i, (int) j);
        }
        free(made.data);
        free(a);
        free(b);
        free(wide_a);
        free(wide_b);
        free(row);
}

/* Few bits are floats of BLAS's, more of them in shorter blocks, and all of them are loops; here and there in a tile
 * that another block of the inner axis adds to. */
TEST(products_of_integers_wrap_and_are_exact_however_many_bits_they_have) {
        static const DType dtypes[] = { DTYPE_I8,  DTYPE_U8,  DTYPE_I16, DTYPE_U16,
                                        DTYPE_I32, DTYPE_U32, DTYPE_I64, DTYPE_U64 };
        static const int bits[]     = { 3, 8, 16, 21, 22, 23, 32, 64 };

        engine = desk_engine(2);
        for (size_t d = 0; d < ELEMENTSOF(dtypes); d++)
                for (size_t k = 0; k < ELEMENTSOF(bits); k++) {
                        check_whole_product(dtypes[d], bits[k], 67, 35, 1301, k % 2 == 1, 500);
                        check_whole_product(dtypes[d], bits[k], 9, 700, 601, k % 2 == 0, 1000); /* not in L2 */
                }
        check_whole_product(DTYPE_I32, 12, 290, 310, 9000, false, 700);
        check_whole_product(DTYPE_I64, 40, 290, 310, 9000, false, 700);
        engine_unref(engine);
}
