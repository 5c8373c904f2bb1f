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
