/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting, unique values and selection against the C library's qsort() and NumPy's order written down once more. */
#include <math.h>
#include <stdlib.h>

#include "ops/graphs.h"

enum { LONG = (1 << 20) + 12345 }; /* two runs */

static const int64_t steps[] = { 1, 2, 3, 7, 64, 1000 };

typedef struct AxisParams {
        int64_t axis;
} AxisParams;

typedef struct KthParams { /* as in lib/ops/select.c */
        Dims k;
        int64_t axis;
} KthParams;

typedef struct UniqueParams {
        bool equal_nan;
} UniqueParams;

/* ---- NumPy's order --------------------------------------------------------------------------------------------- */

static double real_of(DType t, const char *at) {
        Scalar s = { .dtype = t };

        memcpy(s.bytes, at, dtype_size(t));
        return scalar_f64(s);
}

static double imag_of(DType t, const char *at) {
        return dtype_kind(t) == KIND_COMPLEX ? real_of(dtype_real(t), at + dtype_size(t) / 2) : 0;
}

static bool less_f64(double a, double b) {
        return a < b || (b != b && a == a);
}

/* npy_cdouble's LT, as NumPy has it. */
static bool less_complex(double ar, double ai, double br, double bi) {
        if (ar < br)
                return ai == ai || bi != bi;
        if (ar > br)
                return bi != bi && ai == ai;
        if (ar == br || (ar != ar && br != br))
                return ai < bi || (bi != bi && ai == ai);
        return br != br;
}

static bool less_at(DType t, const char *a, const char *b) {
        int64_t x = 0, y = 0;
        uint64_t u = 0, v = 0;

        switch (t) {
        case DTYPE_I64:
                memcpy(&x, a, 8);
                memcpy(&y, b, 8);
                return x < y;
        case DTYPE_U64:
                memcpy(&u, a, 8);
                memcpy(&v, b, 8);
                return u < v;
        case DTYPE_C64:
        case DTYPE_C128:
                return less_complex(real_of(t, a), imag_of(t, a), real_of(t, b), imag_of(t, b));
        default:
                return less_f64(real_of(t, a), real_of(t, b));
        }
}

static DType compared;
static const char *base;

static int compare_index(const void *a, const void *b) {
        const int64_t i = *(const int64_t *) a, k = *(const int64_t *) b;
        const char *x = base + i * (int64_t) dtype_size(compared), *y = base + k * (int64_t) dtype_size(compared);

        return less_at(compared, x, y) ? -1 : less_at(compared, y, x) ? 1 : (i > k) - (i < k);
}

/* The stable order of n dense elements. */
static int64_t *order_of(DType t, const char *data, int64_t n) {
        int64_t *order = calloc((size_t) n + 1, sizeof(*order));

        for (int64_t i = 0; i < n; i++)
                order[i] = i;
        compared = t;
        base     = data;
        qsort(order, (size_t) n, sizeof(*order), compare_index);
        return order;
}

static bool is_nan_at(DType t, const char *at) {
        return real_of(t, at) != real_of(t, at) || imag_of(t, at) != imag_of(t, at);
}

static bool same_value(DType t, const char *a, const char *b) {
        return !less_at(t, a, b) && !less_at(t, b, a);
}

/* Values of every kind, many of them equal. */
static char *values_of(DType t, int64_t n, uint64_t seed, bool few) {
        static const double special[] = { 0.0, -0.0, 1.0, -1.0, 2.5, HUGE_VAL, -HUGE_VAL, NAN, -1e300, 1e-310 };
        const size_t size             = dtype_size(t);
        char *data                    = calloc((size_t) n + 1, size);

        for (int64_t i = 0; i < n; i++)
                for (size_t part = 0; part < size; part += dtype_size(dtype_real(t))) {
                        const uint64_t r = desk_random(&seed);
                        Scalar s;

                        if (dtype_kind(t) == KIND_FLOAT || dtype_kind(t) == KIND_COMPLEX) {
                                const double v = few || r % 8 == 0 ? special[(r >> 8) % ELEMENTSOF(special)]
                                                                   : (double) (int64_t) r * 0x1p-50;

                                s = scalar_from_f64(dtype_real(t), v);
                        } else {
                                s = scalar_cast((Scalar) { .dtype = DTYPE_U64, .u64 = few ? r % 5 : r },
                                                t == DTYPE_BOOL ? DTYPE_U8 : t);
                                if (t == DTYPE_BOOL)
                                        s.bytes[0] &= 1;
                        }
                        memcpy(data + (size_t) i * size + part, s.bytes, dtype_size(dtype_real(t)));
                }
        return data;
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

static Ref op_of(Desk *desk, const char *op, const void *params, Ref a) {
        return build_op(&desk->b, op, params, 1, &a);
}

/* n elements in chunks of so many, and the order that they are brought into. */
static void check_sorted(Engine *e, DType dtype, char *data, int64_t n, int64_t step) {
        const size_t size = dtype_size(dtype);
        int64_t *order    = order_of(dtype, data, n);
        Desk desk;
        Made made[2];

        desk_begin(&desk, e);
        const Ref a        = desk_leaf(&desk, dtype, SHAPE(n), data, step);
        const Ref wanted[] = { op_of(&desk, "sort", NULL, a), op_of(&desk, "argsort", NULL, a) };

        ck_assert_msg(desk_run(&desk, wanted, 2, made) == 0, "%s", desk.err.text);
        ck_assert_int_eq(made[0].spec.dtype, dtype);
        ck_assert_int_eq(made[1].spec.dtype, DTYPE_I64);
        for (int64_t i = 0; i < n; i++)
                ck_assert(same_value(dtype, made[0].data + (size_t) i * size, data + (size_t) order[i] * size));
        ck_assert_bytes_eq(made[1].data, order, (size_t) n * 8);
        free(made[0].data);
        free(made[1].data);
        free(order);
}

TEST(every_dtype_is_sorted_as_numpy_sorts_whatever_the_cuts) {
        Engine *e = desk_engine(2);

        for (int t = 0; t < _DTYPE_MAX; t++)
                for (int64_t n = 0; n < 300; n += n < 20 ? 1 : 93)
                        for (size_t s = 0; s < ELEMENTSOF(steps); s++) {
                                char *data = values_of((DType) t, n, (uint64_t) (t * 1000 + n), n % 2);

                                check_sorted(e, (DType) t, data, n, steps[s]);
                                free(data);
                        }
        engine_unref(e);
}

TEST(sorting_keeps_the_signs_of_zeros) {
        const double data[] = { 0.0, -0.0, 1.0, -0.0, -1.0, 0.0 };
        Engine *e           = desk_engine(1);
        int negative        = 0;
        Desk desk;

        desk_begin(&desk, e);
        Made made = desk_made(&desk, op_of(&desk, "sort", NULL, desk_leaf(&desk, DTYPE_F64, SHAPE(6), data, 2)));
        for (int k = 1; k < 5; k++) {
                ck_assert_double_eq(((double *) made.data)[k], 0);
                negative += signbit(((double *) made.data)[k]) != 0;
        }
        ck_assert_int_eq(negative, 2);
        free(made.data);
        engine_unref(e);
}

TEST(any_axis_is_sorted) {
        enum { N0 = 5, N1 = 7, N2 = 6 };
        static const int64_t dims[3] = { N0, N1, N2 };
        int32_t data[N0 * N1 * N2];
        uint64_t seed = 4;
        Engine *e     = desk_engine(2);

        for (size_t i = 0; i < ELEMENTSOF(data); i++)
                data[i] = (int32_t) desk_random(&seed) % 10;
        for (int64_t axis = -3; axis < 3; axis++)
                for (size_t s = 0; s < 4; s++) {
                        const int64_t below = axis % 3 == 2 || axis == -1   ? 1
                                              : axis % 3 == 1 || axis == -2 ? N2
                                                                            : N1 * N2;
                        const int64_t n     = dims[(axis + 3) % 3];
                        const AxisParams p  = { axis };
                        Desk desk;
                        Made made[2];

                        desk_begin(&desk, e);
                        const Ref a        = desk_leaf(&desk, DTYPE_I32, SHAPE(N0, N1, N2), data, steps[s]);
                        const Ref wanted[] = { op_of(&desk, "sort", &p, a), op_of(&desk, "argsort", &p, a) };

                        ck_assert_int_eq(desk_run(&desk, wanted, 2, made), 0);
                        for (int64_t i = 0; i < (int64_t) ELEMENTSOF(data); i++) {
                                const int32_t *sorted = (int32_t *) made[0].data;
                                const int64_t *index  = (int64_t *) made[1].data;
                                const int64_t along   = i / below % n;

                                ck_assert_int_eq(sorted[i], data[i + (index[i] - along) * below]);
                                if (along > 0)
                                        ck_assert(sorted[i - below] < sorted[i] ||
                                                  (sorted[i - below] == sorted[i] && index[i - below] < index[i]));
                        }
                        free(made[0].data);
                        free(made[1].data);
                }
        engine_unref(e);
}

/* Values whose keys share their first bits in ever smaller clusters, or nearly all do; or ramps, one behind another. */
static char *clusters_of(DType t, int64_t n, int how) {
        const size_t size = dtype_size(t);
        char *data        = calloc((size_t) n, size);
        uint64_t seed     = 5;

        for (int64_t i = 0; i < n; i++) {
                const uint64_t r   = desk_random(&seed), fine = desk_random(&seed) >> 1;
                const int64_t v    = (int64_t) (how == 0   ? fine >> (r % 60)
                                                : how == 1 ? (r % 1000 ? (uint64_t) 1 << 40 | (fine & 63) : fine)
                                                           : (uint64_t) (i % 997));
                const Scalar value = scalar_cast(scalar_from_i64(DTYPE_I64, r % 3 == 0 && how == 0 ? -v : v), t);

                memcpy(data + (size_t) i * size, value.bytes, size);
        }
        return data;
}

TEST(clustered_values_are_sorted_at_every_size) {
        static const DType dtypes[]    = { DTYPE_F64, DTYPE_I64, DTYPE_F32, DTYPE_I32, DTYPE_C64 };
        static const int64_t lengths[] = { 16, 17, 18, 31, 33, 100, 1023, 2047, 2048, 2049, 2050, 5000, 70000, 300000 };
        Engine *e                      = desk_engine(2);

        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t l = 0; l < ELEMENTSOF(lengths); l++)
                        for (int how = 0; how < 3; how++) {
                                char *data = clusters_of(dtypes[t], lengths[l], how);

                                check_sorted(e, dtypes[t], data, lengths[l], lengths[l]);
                                free(data);
                        }
        engine_unref(e);
}

TEST(long_vectors_are_merged_from_runs) {
        static const DType dtypes[] = { DTYPE_F64, DTYPE_I16, DTYPE_F32, DTYPE_U64 };
        Engine *e                   = desk_engine(2);

        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (int few = 0; few < 2; few++) {
                        const size_t size = dtype_size(dtypes[t]);
                        char *data        = values_of(dtypes[t], LONG, t, few);
                        Desk desk;
                        Made made[2];

                        desk_begin(&desk, e);
                        const Ref a        = desk_leaf(&desk, dtypes[t], SHAPE(LONG), data, few ? 300000 : LONG);
                        const Ref wanted[] = { op_of(&desk, "sort", NULL, a), op_of(&desk, "argsort", NULL, a) };

                        ck_assert_msg(desk_run(&desk, wanted, 2, made) == 0, "%s", desk.err.text);
                        const int64_t *index = (int64_t *) made[1].data;
                        for (int64_t i = 0; i < LONG; i++) {
                                const char *here = data + (size_t) index[i] * size;

                                ck_assert(same_value(dtypes[t], made[0].data + (size_t) i * size, here));
                                if (i > 0) {
                                        const char *last = data + (size_t) index[i - 1] * size;

                                        ck_assert(less_at(dtypes[t], last, here) ||
                                                  (same_value(dtypes[t], last, here) && index[i - 1] < index[i]));
                                }
                        }
                        free(made[0].data);
                        free(made[1].data);
                        free(data);
                }
        engine_unref(e);
}

/* Unique values of data in the given order, with counts. */
static void expect_unique(DType t, const char *data, int64_t n, const int64_t *order, bool equal_nan,
                          const Made *values, const Made *counts) {
        const size_t size = dtype_size(t);
        int64_t made      = 0;

        ck_assert_int_eq(values->spec.shape.ndim, 1);
        for (int64_t i = 0, k; i < n; i = k, made++) {
                const char *first = data + (size_t) order[i] * size;

                for (k = i + 1; k < n; k++) {
                        const char *next = data + (size_t) order[k] * size;

                        if (is_nan_at(t, first) ? !equal_nan : !same_value(t, first, next))
                                break;
                }
                ck_assert_int_lt(made, values->spec.shape.dim[0]);
                ck_assert(same_value(t, values->data + (size_t) made * size, first) || is_nan_at(t, first));
                ck_assert_int_eq(is_nan_at(t, values->data + (size_t) made * size), is_nan_at(t, first));
                ck_assert_int_eq(((int64_t *) counts->data)[made], k - i);
        }
        ck_assert_int_eq(made, values->spec.shape.dim[0]);
        ck_assert_int_eq(made, counts->spec.shape.dim[0]);
}

TEST(unique_values_are_found_and_counted_with_nans_as_one_or_as_many) {
        Engine *e = desk_engine(2);

        for (int t = 0; t < _DTYPE_MAX; t++)
                for (int64_t n = 0; n < 200; n += n < 4 ? 1 : 65)
                        for (size_t s = 0; s < ELEMENTSOF(steps); s += 2)
                                for (int equal_nan = 0; equal_nan < 2; equal_nan++) {
                                        const DType dtype    = (DType) t;
                                        char *data           = values_of(dtype, n, (uint64_t) (t * 77 + n), true);
                                        int64_t *order       = order_of(dtype, data, n);
                                        const UniqueParams p = { equal_nan };
                                        Desk desk;
                                        Made made[3];

                                        desk_begin(&desk, e);
                                        const Ref a        = desk_leaf(&desk, dtype, SHAPE(n), data, steps[s]);
                                        const Ref both     = op_of(&desk, "unique_counts", &p, a);
                                        const Ref wanted[] = { op_of(&desk, "unique", &p, a), both, { both.node, 1 } };

                                        ck_assert_msg(desk_run(&desk, wanted, 3, made) == 0, "%s", desk.err.text);
                                        expect_unique(dtype, data, n, order, equal_nan, &made[0], &made[2]);
                                        expect_unique(dtype, data, n, order, equal_nan, &made[1], &made[2]);
                                        for (int k = 0; k < 3; k++)
                                                free(made[k].data);
                                        free(order);
                                        free(data);
                                }
        engine_unref(e);
}

TEST(unique_values_of_long_vectors_do_not_repeat_across_tasks) {
        int64_t *data = malloc(LONG * sizeof(*data)), seen[1000] = {};
        uint64_t seed = 9;
        Engine *e     = desk_engine(2);
        Desk desk;
        Made made[2];

        for (int64_t i = 0; i < LONG; i++)
                seen[data[i] = (int64_t) (desk_random(&seed) % 1000)]++;
        desk_begin(&desk, e);
        const Ref both = op_of(&desk, "unique_counts", NULL, desk_leaf(&desk, DTYPE_I64, SHAPE(LONG), data, 200000));

        ck_assert_int_eq(desk_run(&desk, (const Ref[]) { both, { both.node, 1 } }, 2, made), 0);
        ck_assert_int_eq(made[0].spec.shape.dim[0], 1000);
        for (int64_t k = 0; k < 1000; k++) {
                ck_assert_int_eq(((int64_t *) made[0].data)[k], k);
                ck_assert_int_eq(((int64_t *) made[1].data)[k], seen[k]);
        }
        free(made[0].data);
        free(made[1].data);
        free(data);
        engine_unref(e);
}

TEST(elements_at_positions_of_the_sorted_axis_are_found_by_every_way) {
        static const int64_t k[] = { 3, -1, 0, 3, 5 };
        Engine *e                = desk_engine(2);

        for (int t = 0; t < _DTYPE_MAX; t++)
                for (uint32_t n_k = 0; n_k <= ELEMENTSOF(k); n_k++)
                        for (size_t s = 0; s < ELEMENTSOF(steps); s += 3) {
                                enum { ROWS = 4, N = 50 };
                                const DType dtype = (DType) t;
                                const size_t size = dtype_size(dtype);
                                char *data        = values_of(dtype, ROWS * N, (uint64_t) t, n_k % 2);
                                const KthParams p = { .k = { .n = n_k, .given = true, .v = k }, .axis = -1 };
                                Desk desk;

                                desk_begin(&desk, e);
                                Made made = desk_made(&desk,
                                                      op_of(&desk, "kth", &p,
                                                            desk_leaf(&desk, dtype, SHAPE(ROWS, N), data, steps[s])));
                                ck_assert_int_eq(made.spec.shape.dim[0], ROWS);
                                ck_assert_int_eq(made.spec.shape.dim[1], n_k);
                                for (int row = 0; row < ROWS; row++) {
                                        int64_t *order = order_of(dtype, data + (size_t) row * N * size, N);

                                        for (uint32_t j = 0; j < n_k; j++)
                                                ck_assert(same_value(
                                                        dtype, made.data + ((size_t) row * n_k + j) * size,
                                                        data + (size_t) (row * N + order[k[j] < 0 ? k[j] + N : k[j]]) *
                                                                        size));
                                        free(order);
                                }
                                free(made.data);
                                free(data);
                        }
        engine_unref(e);
}

TEST(selection_among_many_elements_is_the_sorted_elements) {
        static const DType dtypes[] = { DTYPE_F64, DTYPE_F16, DTYPE_I32, DTYPE_U8,
                                        DTYPE_F32, DTYPE_I64, DTYPE_C64, DTYPE_BOOL };
        static const int64_t k[]    = { LONG / 2,
                                        0,
                                        LONG / 20,
                                        LONG / 20 + 1,
                                        -1,
                                        LONG / 2,
                                        LONG - LONG / 10,
                                        17,
                                        18,
                                        19,
                                        20,
                                        21,
                                        22,
                                        23,
                                        24,
                                        25,
                                        26,
                                        27,
                                        28,
                                        29 };
        Engine *e                   = desk_engine(2);

        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (uint32_t n_k = 1; n_k <= ELEMENTSOF(k); n_k += n_k < 7 ? 6 : 13) {
                        const size_t size = dtype_size(dtypes[t]);
                        char *data        = values_of(dtypes[t], LONG, t + 1, n_k == 1);
                        const KthParams p = { .k = { .n = n_k, .given = true, .v = k }, .axis = 0 };
                        Desk desk;
                        Made made[2];

                        desk_begin(&desk, e);
                        const Ref a        = desk_leaf(&desk, dtypes[t], SHAPE(LONG), data, 444444);
                        const Ref wanted[] = { op_of(&desk, "kth", &p, a), op_of(&desk, "sort", NULL, a) };

                        ck_assert_msg(desk_run(&desk, wanted, 2, made) == 0, "%s", desk.err.text);
                        for (uint32_t j = 0; j < n_k; j++)
                                ck_assert(same_value(dtypes[t], made[0].data + j * size,
                                                     made[1].data + (size_t) (k[j] < 0 ? k[j] + LONG : k[j]) * size));
                        free(made[0].data);
                        free(made[1].data);
                        free(data);
                }
        engine_unref(e);
}

TEST(long_rows_and_columns_are_selected_each_for_itself) {
        enum { ROWS = 2, N = (1 << 20) + 100 };
        static const int64_t k[] = { 5, N / 2 };
        float *data              = malloc(ROWS * (size_t) N * sizeof(*data));
        uint64_t seed            = 3;
        Engine *e                = desk_engine(2);

        for (int64_t i = 0; i < ROWS * N; i++)
                data[i] = (float) (desk_random(&seed) % 5000) + (i % ROWS ? 0 : 10000);
        for (int axis = 0; axis < 2; axis++) {
                const KthParams p  = { .k = { .n = 2, .given = true, .v = k }, .axis = axis };
                const AxisParams s = { axis };
                Desk desk;
                Made made[2];

                desk_begin(&desk, e);
                const Ref a        = desk_leaf(&desk, DTYPE_F32, axis ? SHAPE(ROWS, N) : SHAPE(N, ROWS), data, 123456);
                const Ref wanted[] = { op_of(&desk, "kth", &p, a), op_of(&desk, "sort", &s, a) };

                ck_assert_msg(desk_run(&desk, wanted, 2, made) == 0, "%s", desk.err.text);
                for (int j = 0; j < 2; j++)
                        for (int row = 0; row < ROWS; row++)
                                ck_assert_float_eq(
                                        ((float *) made[0].data)[axis ? row * 2 + j : j * ROWS + row],
                                        ((float *) made[1].data)[axis ? row * (int64_t) N + k[j] : k[j] * ROWS + row]);
                free(made[0].data);
                free(made[1].data);
        }
        free(data);
        engine_unref(e);
}

TEST(positions_outside_are_refused_when_written) {
        static const int64_t outside[] = { 3, -4 };
        const double data[]            = { 1, 2, 3 };
        Engine *e                      = desk_engine(1);

        for (size_t i = 0; i < ELEMENTSOF(outside); i++) {
                const KthParams p = { .k = { .n = 1, .given = true, .v = &outside[i] }, .axis = 0 };
                Desk desk;
                Made made;

                desk_begin(&desk, e);
                const Ref a = op_of(&desk, "kth", &p, desk_leaf(&desk, DTYPE_F64, SHAPE(3), data, 2));

                ck_assert_int_eq(desk_run(&desk, &a, 1, &made), ERROR_VALUE);
                ck_assert_ptr_nonnull(strstr(desk.err.text, "out of bounds (3)"));
        }
        engine_unref(e);
}

typedef struct TopParams { /* as in lib/ops/topk.c */
        int64_t k, axis;
        bool largest;
} TopParams;

/* The n elements of a row of one of two long rows, or of the columns of a short one. */
static void expect_top(Engine *e, DType t, Shape s, const char *data, int64_t step, const TopParams *p) {
        const size_t size = dtype_size(t);
        const int axis    = (int) p->axis;
        const int64_t n = s.dim[axis], below = axis == 0 ? s.dim[1] : 1, rows = shape_size(&s) / MAX(n, (int64_t) 1);
        char *row = calloc((size_t) n + 1, size);
        Desk desk;
        Made made[2];

        desk_begin(&desk, e);
        const Ref top = op_of(&desk, "topk", p, desk_leaf(&desk, t, s, data, step));

        ck_assert_msg(desk_run(&desk, (const Ref[]) { top, { top.node, 1 } }, 2, made) == 0, "%s", desk.err.text);
        ck_assert_int_eq(made[0].spec.shape.dim[axis], p->k);
        for (int64_t r = 0; r < rows; r++) {
                const int64_t first = axis == 0 ? r : r * n;

                for (int64_t i = 0; i < n; i++)
                        memcpy(row + (size_t) i * size, data + (size_t) (first + i * below) * size, size);
                int64_t *order = order_of(t, row, n);

                for (int64_t i = 0; i < p->k; i++) {
                        const int64_t at     = axis == 0 ? r + i * below : r * p->k + i,
                                      wanted = order[p->largest ? n - 1 - i : i];

                        ck_assert_int_eq(((int64_t *) made[1].data)[at], wanted);
                        ck_assert(same_value(t, made[0].data + (size_t) at * size, row + (size_t) wanted * size));
                }
                free(order);
        }
        free(made[0].data);
        free(made[1].data);
        free(row);
}

TEST(outermost_elements_are_those_of_the_stable_order) {
        Engine *e = desk_engine(2);

        for (int t = 0; t < _DTYPE_MAX; t++)
                for (int largest = 0; largest < 2; largest++)
                        for (int64_t k = 0; k <= 7; k += 7)
                                for (int64_t axis = 0; axis < 2; axis++) {
                                        char *data = values_of((DType) t, 7 * 9, (uint64_t) t, k == 7);

                                        expect_top(e, (DType) t, SHAPE(7, 9), data, 3,
                                                   &(TopParams) { k, axis, largest });
                                        free(data);
                                }
        engine_unref(e);
}

TEST(outermost_elements_of_long_axes_are_merged_from_blocks) {
        enum { N = (1 << 18) * 2 + 77 };
        static const DType dtypes[] = { DTYPE_F64, DTYPE_I8 };
        Engine *e                   = desk_engine(2);

        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (int largest = 0; largest < 2; largest++)
                        for (int64_t axis = 0; axis < 2; axis++) {
                                char *data = values_of(dtypes[t], 2 * N, t, false);

                                expect_top(e, dtypes[t], axis ? SHAPE(2, N) : SHAPE(N, 2), data, 100000,
                                           &(TopParams) { 100, axis, largest });
                                free(data);
                        }
        engine_unref(e);
}
