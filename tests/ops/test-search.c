/* SPDX-License-Identifier: Apache-2.0 */
/* searchsorted, bincount and histogram against their definitions. */
#include <math.h>
#include <stdlib.h>

#include "ops/graphs.h"

static const int64_t steps[] = { 1, 2, 3, 7, 1000 };

typedef struct SearchParams { /* as in lib/ops/search.c */
        const char *side;
} SearchParams;

typedef struct BincountParams { /* as in lib/ops/count.c */
        int64_t n;
} BincountParams;

static double value_of(DType t, const void *data, int64_t i) {
        Scalar s = { .dtype = t };

        memcpy(s.bytes, (const char *) data + (size_t) i * dtype_size(t), dtype_size(t));
        return scalar_f64(s);
}

static void set_value(DType t, void *data, int64_t i, double v) {
        const Scalar s = scalar_from_f64(t, v);

        memcpy((char *) data + (size_t) i * dtype_size(t), s.bytes, dtype_size(t));
}

static bool less(double a, double b) {
        return a < b || (b != b && a == a);
}

/* How many of the n elements of a come before v, by looking at each. */
static int64_t count_before(DType t, const void *a, int64_t n, double v, bool right) {
        int64_t ret = 0;

        for (int64_t i = 0; i < n; i++) {
                const double x = value_of(t, a, i);

                ret += less(x, v) || (right && !less(v, x));
        }
        return ret;
}

TEST(places_in_a_sorted_vector_are_found_in_every_dtype_and_cut) {
        Engine *e = desk_engine(2);

        for (int t = 0; t < DTYPE_C64; t++)
                for (int64_t n = 0; n < 40; n += n < 5 ? 1 : 7)
                        for (size_t s = 0; s < ELEMENTSOF(steps); s++)
                                for (int right = 0; right < 2; right++) {
                                        enum { ROWS = 3, COLUMNS = 11 };
                                        const DType dtype    = (DType) t;
                                        const bool inexact   = dtype_kind(dtype) == KIND_FLOAT;
                                        const SearchParams p = { right ? "right" : "left" };
                                        char a[64 * 8], v[ROWS * COLUMNS * 8];
                                        uint64_t seed = (uint64_t) (t * 100 + n);
                                        Desk desk;

                                        for (int64_t i = 0; i < n; i++)
                                                set_value(dtype, a, i,
                                                          dtype == DTYPE_BOOL ? i >= 3
                                                          : inexact && i > 30 ? NAN
                                                                              : (double) (i / 3));
                                        for (int64_t i = 0; i < ROWS * COLUMNS; i++)
                                                set_value(dtype, v, i,
                                                          inexact && i % 5 == 0
                                                                  ? NAN
                                                                  : (double) (desk_random(&seed) %
                                                                              (dtype == DTYPE_BOOL ? 2 : 14)));
                                        desk_begin(&desk, e);
                                        const Ref in[] = { desk_leaf(&desk, dtype, SHAPE(n), a, steps[s]),
                                                           desk_leaf(&desk, dtype, SHAPE(ROWS, COLUMNS), v, steps[s]) };
                                        Made made      = desk_made(&desk, build_op(&desk.b, "searchsorted", &p, 2, in));

                                        ck_assert_int_eq(made.spec.dtype, DTYPE_I64);
                                        ck_assert_int_eq(made.spec.shape.dim[0], ROWS);
                                        for (int64_t i = 0; i < ROWS * COLUMNS; i++)
                                                ck_assert_int_eq(
                                                        ((int64_t *) made.data)[i],
                                                        count_before(dtype, a, n, value_of(dtype, v, i), right));
                                        free(made.data);
                                }
        engine_unref(e);
}

TEST(long_vectors_are_searched_where_they_lie) {
        enum { N = 200000, SEARCHED = 3000 };
        int64_t *a = malloc(N * sizeof(*a)), v[SEARCHED];
        uint64_t seed = 1;
        Engine *e     = desk_engine(2);

        for (int64_t i = 0; i < N; i++)
                a[i] = i / 3 * 2;
        for (int64_t i = 0; i < SEARCHED; i++)
                v[i] = (int64_t) (desk_random(&seed) % (N + 10)) - 5;
        for (int right = 0; right < 2; right++)
                for (int64_t step = 700; step <= N; step *= 300) {
                        const SearchParams p = { right ? "right" : "left" };
                        Desk desk;

                        desk_begin(&desk, e);
                        const Ref in[] = { desk_leaf(&desk, DTYPE_I64, SHAPE(N), a, step),
                                           desk_leaf(&desk, DTYPE_I64, SHAPE(SEARCHED), v, 1001) };
                        Made made      = desk_made(&desk, build_op(&desk.b, "searchsorted", &p, 2, in));

                        for (int64_t i = 0; i < SEARCHED; i++) {
                                const int64_t at = ((int64_t *) made.data)[i];

                                ck_assert(at == 0 || (right ? a[at - 1] <= v[i] : a[at - 1] < v[i]));
                                ck_assert(at == N || (right ? a[at] > v[i] : a[at] >= v[i]));
                        }
                        free(made.data);
                }
        free(a);
        engine_unref(e);
}

TEST(complex_numbers_are_searched_in_their_order_with_nans) {
        const double a[] = { -1, 5, 0, 0, 0, 2, 3, -7, 1, NAN, 2, NAN, NAN, 0, NAN, NAN };
        const double v[] = { 0, 0, 0, 1, 1, NAN, 1.5, NAN, NAN, -1, NAN, NAN, 100, 100 };
        const int64_t left[] = { 1, 2, 4, 5, 6, 7, 4 }, right[] = { 2, 2, 5, 5, 6, 8, 4 };
        Engine *e = desk_engine(1);

        for (int64_t step = 1; step < 9; step += 3)
                for (int side = 0; side < 2; side++) {
                        const SearchParams p = { side ? "right" : "left" };
                        Desk desk;

                        desk_begin(&desk, e);
                        const Ref in[] = { desk_leaf(&desk, DTYPE_C128, SHAPE(8), a, step),
                                           desk_leaf(&desk, DTYPE_C128, SHAPE(7), v, step) };
                        Made made      = desk_made(&desk, build_op(&desk.b, "searchsorted", &p, 2, in));

                        for (int i = 0; i < 7; i++)
                                ck_assert_int_eq(((int64_t *) made.data)[i], side ? right[i] : left[i]);
                        free(made.data);
                }
        engine_unref(e);
}

TEST(search_is_refused_for_matrices_and_unknown_sides) {
        const double a[4] = {};
        Engine *e         = desk_engine(1);
        Desk desk;
        Made made;
        Ref in[2], out;

        desk_begin(&desk, e);
        in[0] = in[1] = desk_leaf(&desk, DTYPE_F64, SHAPE(2, 2), a, 2);
        out           = build_op(&desk.b, "searchsorted", NULL, 2, in);
        ck_assert_int_eq(desk_run(&desk, &out, 1, &made), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(desk.err.text, "object too deep for desired array"));

        desk_begin(&desk, e);
        in[0] = in[1] = desk_leaf(&desk, DTYPE_F64, SHAPE(4), a, 2);
        out           = build_op(&desk.b, "searchsorted", &(SearchParams) { "middle" }, 2, in);
        ck_assert_int_eq(desk_run(&desk, &out, 1, &made), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(desk.err.text, "(got 'middle')"));
        engine_unref(e);
}

TEST(numbers_are_counted_and_their_weights_added_up_with_the_same_bits_whatever_the_cuts) {
        enum { N = (1 << 18) * 3 + 7, BINS = 100 };
        static const int64_t cuts[] = { 1001, 65536, N };
        int32_t *x = malloc(N * sizeof(*x));
        float *w   = malloc(N * sizeof(*w));
        uint64_t seed = 5;
        int64_t count[BINS] = {};
        double first[BINS], about[BINS] = {};
        Engine *e = desk_engine(2);

        for (int64_t i = 0; i < N; i++) {
                x[i] = (int32_t) (desk_random(&seed) % (BINS - 1));
                w[i] = (float) (desk_random(&seed) % 1000) * 0.1f;
                count[x[i]]++;
                about[x[i]] += w[i];
        }
        for (size_t s = 0; s < ELEMENTSOF(cuts); s++) {
                const BincountParams p = { BINS };
                Desk desk;
                Made made[2];

                desk_begin(&desk, e);
                const Ref in[]     = { desk_leaf(&desk, DTYPE_I32, SHAPE(N), x, cuts[s]),
                                       desk_leaf(&desk, DTYPE_F32, SHAPE(N), w, cuts[2 - s]) };
                const Ref wanted[] = { build_op(&desk.b, "bincount", &p, 1, in),
                                       build_op(&desk.b, "bincount", &p, 2, in) };

                ck_assert_msg(desk_run(&desk, wanted, 2, made) == 0, "%s", desk.err.text);
                ck_assert_int_eq(made[0].spec.dtype, DTYPE_I64);
                ck_assert_int_eq(made[1].spec.dtype, DTYPE_F64);
                ck_assert_bytes_eq(made[0].data, count, sizeof(count));
                for (int k = 0; k < BINS; k++)
                        ck_assert_double_eq_tol(((double *) made[1].data)[k], about[k], 1e-6);
                if (s == 0)
                        memcpy(first, made[1].data, sizeof(first));
                ck_assert_bytes_eq(made[1].data, first, sizeof(first));
                free(made[0].data);
                free(made[1].data);
        }
        free(x);
        free(w);
        engine_unref(e);
}

TEST(bincount_of_nothing_is_zeros_and_of_others_is_refused) {
        const int64_t x[] = { 1, 2, -1, 7 };
        Engine *e         = desk_engine(1);
        Desk desk;
        Ref in, out;
        Made made;

        desk_begin(&desk, e);
        in   = desk_leaf(&desk, DTYPE_I64, SHAPE(0), x, 1);
        made = desk_made(&desk, build_op(&desk.b, "bincount", &(BincountParams) { 3 }, 1, &in));
        ck_assert_int_eq(made.spec.shape.dim[0], 3);
        for (int k = 0; k < 3; k++)
                ck_assert_int_eq(((int64_t *) made.data)[k], 0);
        free(made.data);

        for (int64_t n = 3; n <= 4; n++) {
                desk_begin(&desk, e);
                in  = desk_leaf(&desk, DTYPE_I64, SHAPE(n == 3 ? 3 : 1), x + (n == 3 ? 0 : 3), 1);
                out = build_op(&desk.b, "bincount", &(BincountParams) { 3 }, 1, &in);
                ck_assert_int_eq(desk_run(&desk, &out, 1, &made), ERROR_VALUE);
                ck_assert_ptr_nonnull(
                        strstr(desk.err.text, n == 3 ? "no negative elements" : "7 is not one of 3 numbers"));
        }
        desk_begin(&desk, e);
        in  = desk_leaf(&desk, DTYPE_F64, SHAPE(4), x, 1);
        out = build_op(&desk.b, "bincount", &(BincountParams) { 3 }, 1, &in);
        ck_assert_int_eq(desk_run(&desk, &out, 1, &made), ERROR_TYPE);
        ck_assert_ptr_nonnull(strstr(desk.err.text, "Cannot cast array data from dtype('float64') to dtype('int64')"));
        engine_unref(e);
}

/* The bin of x by the definition, or -1. */
static int64_t bin_of(const double *edge, int64_t n_bin, double x) {
        if (!(x >= edge[0] && x <= edge[n_bin]))
                return -1;
        for (int64_t k = n_bin - 1; k > 0; k--)
                if (edge[k] <= x)
                        return k;
        return 0;
}

static void expect_histogram(Engine *e, DType t, const double *edge, int64_t n_bin, int64_t step) {
        enum { N = 2000 };
        char data[N * 8];
        double w[N], weights[64] = {};
        int64_t count[64] = {};
        uint64_t seed     = (uint64_t) (n_bin + step);
        Desk desk;
        Made made[2];

        ck_assert_int_le(n_bin, 64);
        for (int64_t i = 0; i < N; i++) {
                const uint64_t r = desk_random(&seed);
                /* Edges themselves, their neighbours, what is outside, and NaN. */
                double v = r % 3 == 0 ? edge[(r >> 8) % (uint64_t) (n_bin + 1)]
                                      : edge[0] - 1 + (double) (r >> 40) * 0x1p-24 * (edge[n_bin] - edge[0] + 2);

                v = r % 7 == 0 ? nextafter(v, r % 2 ? HUGE_VAL : -HUGE_VAL) : r % 101 == 0 ? NAN : v;
                set_value(t, data, i, t == DTYPE_BOOL ? r % 2 : dtype_kind(t) != KIND_FLOAT && !(v > 0) ? 0 : v);
                w[i]            = (double) (r % 17);
                const int64_t k = bin_of(edge, n_bin, value_of(t, data, i));
                if (k >= 0) {
                        count[k]++;
                        weights[k] += w[i];
                }
        }
        desk_begin(&desk, e);
        const Ref in[]     = { desk_leaf(&desk, t, SHAPE(N / 4, 4), data, step),
                               desk_leaf(&desk, DTYPE_F64, SHAPE(n_bin + 1), edge, step),
                               desk_leaf(&desk, DTYPE_F64, SHAPE(N / 4, 4), w, step) };
        const Ref wanted[] = { build_op(&desk.b, "histogram", NULL, 2, in),
                               build_op(&desk.b, "histogram", NULL, 3, in) };

        ck_assert_msg(desk_run(&desk, wanted, 2, made) == 0, "%s", desk.err.text);
        ck_assert_int_eq(made[0].spec.shape.dim[0], n_bin);
        ck_assert_bytes_eq(made[0].data, count, (size_t) n_bin * 8);
        ck_assert_bytes_eq(made[1].data, weights, (size_t) n_bin * 8); /* sums of small integers are exact */
        free(made[0].data);
        free(made[1].data);
}

TEST(histogram_bins_have_their_lower_edge_and_the_last_one_both) {
        double even[65], odd[] = { -3, -1, -1, 0, 0.1, 0.2, 7, 30 }, powers[20], same[] = { 1, 1, 1 };
        Engine *e = desk_engine(2);

        for (int k = 0; k < 20; k++)
                powers[k] = ldexp(1, k - 10);
        for (int t = 0; t < DTYPE_C64; t++)
                for (size_t s = 0; s < ELEMENTSOF(steps); s++) {
                        for (int64_t n = 1; n <= 64; n += 9) {
                                for (int64_t k = 0; k <= n; k++)
                                        even[k] = k == n ? 3.7
                                                         : -1.3 + (double) k * (5.0 /
                                                                                (double) n); /* as linspace has them */
                                expect_histogram(e, (DType) t, even, n, steps[s]);
                        }
                        expect_histogram(e, (DType) t, odd, ELEMENTSOF(odd) - 1, steps[s]);
                        expect_histogram(e, (DType) t, powers, ELEMENTSOF(powers) - 1, steps[s]);
                        expect_histogram(e, (DType) t, same, ELEMENTSOF(same) - 1, steps[s]);
                }
        engine_unref(e);
}

TEST(large_integers_are_not_rounded_into_bins) {
        const int64_t big     = 1LL << 60;
        const int64_t x[]     = { big, big + 1, big + 2, big + 3, big + 4, -big };
        const int64_t edges[] = { big + 1, big + 2, big + 3 }, wanted[] = { 1, 2 };
        Engine *e = desk_engine(1);
        Desk desk;

        desk_begin(&desk, e);
        const Ref in[] = { desk_leaf(&desk, DTYPE_I64, SHAPE(6), x, 4),
                           desk_leaf(&desk, DTYPE_I64, SHAPE(3), edges, 2) };
        Made made      = desk_made(&desk, build_op(&desk.b, "histogram", NULL, 2, in));

        ck_assert_bytes_eq(made.data, wanted, sizeof(wanted));
        free(made.data);
        engine_unref(e);
}
