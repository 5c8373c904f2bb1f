/* SPDX-License-Identifier: Apache-2.0 */
/* Operators on sparse blocks beside the same matrices with all their elements; and what they are told wrong is refused,
 * before it is a place in memory. */
#include <stdlib.h>

#include "ops/graphs.h"

enum { ROWS = 9, INNER = 13, COLUMNS = 11 }; /* COLUMNS > ROWS */

typedef struct ShapeParams { /* as in lib/ops/sparse.c */
        int64_t rows, columns;
} ShapeParams;

typedef struct IntervalParams {
        int64_t first, last;
} IntervalParams;

typedef struct TurnParams {
        int64_t rows, columns, first, of;
} TurnParams;

typedef struct SumParams {
        bool subtract;
} SumParams;

typedef struct FoldParams { /* as in lib/ops/sparse-fold.c */
        int64_t columns, axis;
        const char *function;
} FoldParams;

typedef struct ProductParams { /* as in lib/ops/sparse-product.c */
        int64_t rows, inner, columns, first, count;
} ProductParams;

static const int64_t steps[]  = { 1, 3, 1000 };
static const DType computed[] = { DTYPE_BOOL, DTYPE_I8,  DTYPE_U8,  DTYPE_I16, DTYPE_U16, DTYPE_I32, DTYPE_U32,
                                  DTYPE_I64,  DTYPE_U64, DTYPE_F32, DTYPE_F64, DTYPE_C64, DTYPE_C128 };

/* A matrix in both forms. Its numbers are small and whole, so that sums of products are exact in every dtype. */
typedef struct Matrix {
        DType dtype;
        int64_t rows, columns, n;
        int64_t *key;
        char *data, *dense; /* of the stored elements; of all */
} Matrix;

static void put(DType dtype, char *data, int64_t i, double v) {
        const Scalar s = scalar_cast(scalar_from_f64(DTYPE_F64, v), dtype);

        memcpy(data + (size_t) i * dtype_size(dtype), s.bytes, dtype_size(dtype));
}

static double get(DType dtype, const char *data, int64_t i) {
        Scalar s = { .dtype = dtype_real(dtype) };

        memcpy(s.bytes, data + (size_t) i * dtype_size(dtype), dtype_size(s.dtype));
        return scalar_f64(s);
}

/* One of `one_in` elements is stored, some of these are zero. */
static Matrix matrix_of(DType dtype, int64_t rows, int64_t columns, uint64_t one_in, uint64_t seed) {
        const size_t all = (size_t) (rows * columns), size = dtype_size(dtype);
        Matrix m = { .dtype   = dtype,
                     .rows    = rows,
                     .columns = columns,
                     .key     = calloc(all + 1, sizeof(int64_t)),
                     .data    = calloc(all + 1, size),
                     .dense   = calloc(all + 1, size) };

        for (int64_t i = 0; i < rows * columns; i++)
                if (desk_random(&seed) % one_in == 0) {
                        const double v = (double) (desk_random(&seed) % 3);

                        m.key[m.n] = i;
                        put(dtype, m.data, m.n++, v);
                        put(dtype, m.dense, i, v);
                }
        return m;
}

static void matrix_clear(Matrix *m) {
        free(m->key);
        free(m->data);
        free(m->dense);
}

static void leaves_of(Desk *desk, const Matrix *m, int64_t step, Ref ret[static 2]) {
        ret[0] = desk_leaf(desk, DTYPE_I64, SHAPE(m->n), m->key, step);
        ret[1] = desk_leaf(desk, m->dtype, SHAPE(m->n), m->data, step);
}

/* Without those whose flag is zero: of a length that nobody knows before. */
static Ref kept(Desk *desk, Ref vector, const char *flag, int64_t n) {
        return build_op(&desk->b, "mask", NULL, 2, (Ref[]) { vector, desk_leaf(desk, DTYPE_BOOL, SHAPE(n), flag, n) });
}

static Ref output(Ref ref, uint32_t k) {
        ref.out = k;
        return ref;
}

/* What the operator says that it is told wrong. */
static void check_refused(Desk *desk, Ref wanted, const char *words) {
        Made made   = {};
        const int r = desk_run(desk, &wanted, 1, &made);

        ck_assert_int_lt(r, 0);
        ck_assert_msg(strstr(desk->err.text, words), "'%s' is not in '%s'", words, desk->err.text);
}

/* The block that was made has the elements of the dense matrix, and ascending keys. */
static void check_block(const Made *key, const Made *data, const char *dense, int64_t size) {
        const int64_t n = key->spec.shape.dim[0], *at = (const int64_t *) key->data;
        const size_t bytes = dtype_size(data->spec.dtype);
        char *made         = calloc((size_t) size + 1, bytes);

        ck_assert_int_eq(data->spec.shape.dim[0], n);
        for (int64_t i = 0; i < n; i++) {
                ck_assert_int_ge(at[i], i == 0 ? 0 : at[i - 1] + 1);
                ck_assert_int_lt(at[i], size);
                memcpy(made + (size_t) at[i] * bytes, data->data + (size_t) i * bytes, bytes);
        }
        ck_assert_bytes_eq(made, dense, (size_t) size * bytes);
        free(made);
}

/* ---- Forms ------------------------------------------------------------------------------------------------------- */

TEST(a_block_with_all_its_elements_has_those_that_are_stored_and_else_what_fills) {
        Engine *e = desk_engine(2);

        for (int t = 0; t < _DTYPE_MAX; t++)
                for (size_t s = 0; s < ELEMENTSOF(steps); s++) {
                        const DType dtype = (DType) t;
                        Matrix m          = matrix_of(dtype, ROWS, COLUMNS, 3, (uint64_t) t);
                        char fill[16];
                        Desk desk;
                        Ref in[3];

                        put(dtype, fill, 0, 1);
                        for (int64_t i = 0, k = 0; i < ROWS * COLUMNS; i++)
                                if (k < m.n && m.key[k] == i)
                                        k++;
                                else
                                        put(dtype, m.dense, i, 1);
                        desk_begin(&desk, e);
                        leaves_of(&desk, &m, steps[s], in);
                        in[2]     = desk_leaf(&desk, dtype, (Shape) {}, fill, 1);
                        Made made = desk_made(
                                &desk, build_op(&desk.b, "sparse_dense", &(ShapeParams) { ROWS, COLUMNS }, 3, in));

                        ck_assert_int_eq(made.spec.shape.dim[0], ROWS);
                        ck_assert_int_eq(made.spec.shape.dim[1], COLUMNS);
                        ck_assert_bytes_eq(made.data, m.dense, ROWS * COLUMNS * dtype_size(dtype));
                        free(made.data);
                        matrix_clear(&m);
                }
        engine_unref(e);
}

TEST(a_large_block_is_made_by_several_tasks) {
        enum { LONG = 3 << 20 }; /* 6 Mi elements: a task makes four */
        Engine *e            = desk_engine(2);
        const int64_t key[]  = { 0, 5, 4 << 20, (4 << 20) + 1, 2 * (int64_t) LONG - 1 };
        const uint8_t data[] = { 1, 2, 3, 4, 5 }, fill = 9;
        Desk desk;

        desk_begin(&desk, e);
        Made made = desk_made(&desk, build_op(&desk.b, "sparse_dense", &(ShapeParams) { LONG, 2 }, 3,
                                              (Ref[]) { desk_leaf(&desk, DTYPE_I64, SHAPE(5), key, 2),
                                                        desk_leaf(&desk, DTYPE_U8, SHAPE(5), data, 2),
                                                        desk_leaf(&desk, DTYPE_U8, (Shape) {}, &fill, 1) }));
        for (int64_t i = 0, k = 0; i < 2 * (int64_t) LONG; i++)
                ck_assert_int_eq((uint8_t) made.data[i], k < 5 && key[k] == i ? data[k++] : fill);
        free(made.data);
        engine_unref(e);
}

TEST(a_part_is_the_rows_between_two_keys) {
        Engine *e = desk_engine(2);

        for (int64_t first = 0; first <= ROWS; first++)
                for (int64_t last = first; last <= ROWS; last += 2) {
                        Matrix m             = matrix_of(DTYPE_C64, ROWS, COLUMNS, 2, (uint64_t) first);
                        const int64_t before = first * COLUMNS;
                        Made made[2];
                        Desk desk;
                        Ref in[2];

                        desk_begin(&desk, e);
                        leaves_of(&desk, &m, 7, in);
                        const Ref part =
                                build_op(&desk.b, "sparse_part", &(IntervalParams) { before, last * COLUMNS }, 2, in);

                        ck_assert_int_eq(desk_run(&desk, (Ref[]) { part, output(part, 1) }, 2, made), 0);
                        check_block(&made[0], &made[1], m.dense + (size_t) before * 8, (last - first) * COLUMNS);
                        free(made[0].data);
                        free(made[1].data);
                        matrix_clear(&m);
                }
        engine_unref(e);
}

TEST(order_takes_data_with_their_keys_however_many_rows_they_are_of) {
        enum { N = 5000 };
        static const ShapeParams shapes[] = { { N, 1 }, { 1, N }, { 50, 100 }, { 100 * N, 1 } };
        Engine *e                         = desk_engine(2);

        for (size_t t = 0; t < ELEMENTSOF(computed) * ELEMENTSOF(shapes); t++) {
                const DType dtype = computed[t / ELEMENTSOF(shapes)];
                int64_t *key      = calloc(N, sizeof(*key));
                char *data        = calloc(N, dtype_size(dtype));
                Made made[2];
                Desk desk;

                for (int64_t i = 0; i < N; i++) {
                        key[i] = i * 7919 % N; /* each once */
                        put(dtype, data, i, (double) (key[i] % 100));
                }
                desk_begin(&desk, e);
                const Ref order = build_op(&desk.b, "sparse_order", &shapes[t % ELEMENTSOF(shapes)], 2,
                                           (Ref[]) { desk_leaf(&desk, DTYPE_I64, SHAPE(N), key, 700),
                                                     desk_leaf(&desk, dtype, SHAPE(N), data, 900) });

                ck_assert_int_eq(desk_run(&desk, (Ref[]) { order, output(order, 1) }, 2, made), 0);
                for (int64_t i = 0; i < N; i++) {
                        ck_assert_int_eq(((int64_t *) made[0].data)[i], i);
                        ck_assert(get(dtype, made[1].data, i) == (dtype == DTYPE_BOOL ? i % 100 != 0 : i % 100));
                }
                free(made[0].data);
                free(made[1].data);
                free(key);
                free(data);
        }
        engine_unref(e);
}

TEST(order_refuses_keys_outside_of_the_block) {
        static const ShapeParams shapes[] = { { 4, 5 }, { 20, 1 }, { 0, 0 }, { 20 << 20, 0 } };
        static const int64_t wrong[][2]   = { { 20, 3 }, { -1, 3 }, { 3, INT64_MAX }, { INT64_MIN, 3 } };
        static const int64_t data[2]      = { 1, 2 };
        Engine *e                         = desk_engine(1);

        for (size_t s = 0; s < ELEMENTSOF(shapes); s++)
                for (size_t w = 0; w < ELEMENTSOF(wrong); w++) {
                        Desk desk;

                        desk_begin(&desk, e);
                        check_refused(&desk,
                                      build_op(&desk.b, "sparse_order", &shapes[s], 2,
                                               (Ref[]) { desk_leaf(&desk, DTYPE_I64, SHAPE(2), wrong[w], 2),
                                                         desk_leaf(&desk, DTYPE_I64, SHAPE(2), data, 2) }),
                                      "is not of a block of");
                }
        engine_unref(e);
}

TEST(columns_become_rows_whether_they_are_few_or_more_than_elements) {
        enum { OF = ROWS + 5, FIRST = 3 };
        Engine *e = desk_engine(2);

        for (int t = 0; t < _DTYPE_MAX; t++)
                for (uint64_t one_in = 1; one_in < 200; one_in = one_in * 3 + 1) {
                        const DType dtype = (DType) t;
                        const size_t size = dtype_size(dtype);
                        Matrix m          = matrix_of(dtype, ROWS, COLUMNS, one_in, one_in);
                        char *turned      = calloc((size_t) (OF * COLUMNS), size);
                        Made made[2];
                        Desk desk;
                        Ref in[2];

                        for (int64_t i = 0; i < ROWS * COLUMNS; i++)
                                memcpy(turned + (size_t) (i % COLUMNS * OF + FIRST + i / COLUMNS) * size,
                                       m.dense + (size_t) i * size, size);
                        desk_begin(&desk, e);
                        leaves_of(&desk, &m, 7, in);
                        const Ref made_of = build_op(&desk.b, "sparse_transpose",
                                                     &(TurnParams) { ROWS, COLUMNS, FIRST, OF }, 2, in);

                        ck_assert_int_eq(desk_run(&desk, (Ref[]) { made_of, output(made_of, 1) }, 2, made), 0);
                        check_block(&made[0], &made[1], turned, OF * COLUMNS);
                        free(made[0].data);
                        free(made[1].data);
                        free(turned);
                        matrix_clear(&m);
                }
        engine_unref(e);
}

TEST(rows_that_the_matrix_has_not_are_not_turned) {
        static const struct {
                TurnParams p;
                const char *words;
        } wrong[]                   = { { { 3, 4, 0, 2 }, "of a matrix that has 2" },
                                        { { 3, 4, 1, 3 }, "of a matrix that has 3" },
                                        { { 3, 4, -1, 3 }, "negative" },
                                        { { 3, INT64_MAX, 0, 3 }, "more than keys" } };
        static const int64_t key[2] = { 0, 7 };
        Engine *e                   = desk_engine(1);

        for (size_t w = 0; w < ELEMENTSOF(wrong); w++) {
                Desk desk;

                desk_begin(&desk, e);
                const Ref keys = desk_leaf(&desk, DTYPE_I64, SHAPE(2), key, 2);

                check_refused(&desk, build_op(&desk.b, "sparse_transpose", &wrong[w].p, 2, (Ref[]) { keys, keys }),
                              wrong[w].words);
        }
        engine_unref(e);
}

TEST(a_union_has_the_keys_of_both_once_and_zero_where_one_has_none) {
        Engine *e = desk_engine(2);

        for (uint64_t one_in = 1; one_in < 12; one_in += 2)
                for (size_t s = 0; s < ELEMENTSOF(steps); s++) {
                        Matrix a  = matrix_of(DTYPE_F64, ROWS, COLUMNS, one_in, 3);
                        Matrix b  = matrix_of(DTYPE_I16, ROWS, COLUMNS, 13 - one_in, 4);
                        int64_t n = 0;
                        Ref x[2], y[2];
                        Made made[3];
                        Desk desk;

                        for (int64_t i = 0, k = 0, l = 0; i < ROWS * COLUMNS; i++) {
                                const bool in_a = k < a.n && a.key[k] == i, in_b = l < b.n && b.key[l] == i;

                                k += in_a;
                                l += in_b;
                                n += in_a || in_b;
                        }
                        desk_begin(&desk, e);
                        leaves_of(&desk, &a, steps[s], x);
                        leaves_of(&desk, &b, steps[s], y);
                        const Ref room = desk_leaf(&desk, DTYPE_BOOL, SHAPE(a.n + b.n, 0), "", a.n + b.n + 1);
                        const Ref both =
                                build_op(&desk.b, "sparse_union", NULL, 5, (Ref[]) { room, x[0], x[1], y[0], y[1] });

                        ck_assert_int_eq(desk_run(&desk, (Ref[]) { both, output(both, 1), output(both, 2) }, 3, made),
                                         0);
                        ck_assert_int_eq(made[0].spec.shape.dim[0], n);
                        check_block(&made[0], &made[1], a.dense, ROWS * COLUMNS);
                        check_block(&made[0], &made[2], b.dense, ROWS * COLUMNS);
                        for (int k = 0; k < 3; k++)
                                free(made[k].data);
                        matrix_clear(&a);
                        matrix_clear(&b);
                }
        engine_unref(e);
}

TEST(a_sum_and_a_difference_of_blocks_leave_out_what_is_zero) {
        Engine *e = desk_engine(2);

        for (size_t t = 0; t < ELEMENTSOF(computed); t++)
                for (uint64_t one_in = 1; one_in < 12; one_in += 3)
                        for (int less = 0; less < 2; less++) {
                                const DType dtype = computed[t];
                                const size_t size = dtype_size(dtype);
                                Matrix a          = matrix_of(dtype, ROWS, COLUMNS, one_in, 3);
                                Matrix b          = matrix_of(dtype, ROWS, COLUMNS, 13 - one_in, 4);
                                const SumParams p = { less };
                                char nothing[16]  = {};
                                Made made[2];
                                Desk desk;
                                Ref in[5];

                                desk_begin(&desk, e);
                                in[0] = desk_leaf(&desk, DTYPE_BOOL, SHAPE(a.n + b.n, 0), "", a.n + b.n + 1);
                                leaves_of(&desk, &a, 5, in + 1);
                                leaves_of(&desk, &b, 7, in + 3);
                                const Ref sum = build_op(&desk.b, "sparse_sum", &p, 5, in);

                                if (less && dtype == DTYPE_BOOL)
                                        check_refused(&desk, sum, "no differences of bool");
                                else {
                                        for (int64_t i = 0; i < ROWS * COLUMNS; i++) {
                                                const double x = get(dtype, a.dense, i), y = get(dtype, b.dense, i);
                                                const double z = less ? x - y : x + y;

                                                const uint64_t bits = (uint64_t) (int64_t) z; /* below zero it wraps */

                                                if (dtype_kind(dtype) == KIND_UINT)
                                                        memcpy(a.dense + (size_t) i * size, &bits, size);
                                                else
                                                        put(dtype, a.dense, i, z);
                                        }
                                        ck_assert_msg(desk_run(&desk, (Ref[]) { sum, output(sum, 1) }, 2, made) == 0,
                                                      "%s", desk.err.text);
                                        check_block(&made[0], &made[1], a.dense, ROWS * COLUMNS);
                                        for (int64_t i = 0; i < made[1].spec.shape.dim[0]; i++)
                                                ck_assert(memcmp(made[1].data + (size_t) i * size, nothing, size) != 0);
                                        free(made[0].data);
                                        free(made[1].data);
                                }
                                matrix_clear(&a);
                                matrix_clear(&b);
                        }
        engine_unref(e);
}

/* ---- Folds ------------------------------------------------------------------------------------------------------- */

static double folded(const char *function, double a, double b) {
        switch (function[0] == 'm' ? function[1] : 0) {
        case 'u':
                return a * b;
        case 'a':
                return a > b ? a : b;
        case 'i':
                return a < b ? a : b;
        default:
                return a + b;
        }
}

TEST(a_fold_goes_on_from_its_start_along_rows_and_columns) {
        static const char *const functions[] = { "add", "multiply", "maximum", "minimum" };
        Engine *e                            = desk_engine(2);

        for (size_t t = 0; t < ELEMENTSOF(computed); t++)
                for (size_t f = 0; f < ELEMENTSOF(functions); f++)
                        for (int64_t axis = 0; axis < 2; axis++) {
                                const DType dtype  = computed[t];
                                const bool cut     = dtype == DTYPE_BOOL; /* sums of truths are truths */
                                const int64_t n    = axis == 0 ? COLUMNS : ROWS;
                                const FoldParams p = { COLUMNS, axis, functions[f] };
                                Matrix m           = matrix_of(dtype, ROWS, COLUMNS, 9, 7 + t);
                                char start[COLUMNS * 16];
                                double want[COLUMNS];
                                Desk desk;
                                Ref in[3];

                                memset(start, 0, sizeof(start));
                                for (int64_t k = 0; k < n; k++) {
                                        put(dtype, start, k, (double) (k % 3));
                                        want[k] = cut ? k % 3 != 0 : k % 3;
                                }
                                for (int64_t i = 0; i < m.n; i++) {
                                        double *to = &want[axis == 0 ? m.key[i] % COLUMNS : m.key[i] / COLUMNS];

                                        *to = folded(p.function, *to, get(dtype, m.data, i));
                                        if (cut)
                                                *to = *to != 0;
                                }
                                desk_begin(&desk, e);
                                in[0] = desk_leaf(&desk, dtype, SHAPE(n), start, 4);
                                leaves_of(&desk, &m, 5, in + 1);
                                const Ref fold = build_op(&desk.b, "sparse_fold", &p, 3, in);

                                if (dtype_kind(dtype) == KIND_COMPLEX && f >= 2)
                                        check_refused(&desk, fold, "not folded by");
                                else {
                                        Made made = desk_made(&desk, fold);

                                        for (int64_t k = 0; k < n; k++)
                                                ck_assert(get(dtype, made.data, k) == want[k]);
                                        free(made.data);
                                }
                                matrix_clear(&m);
                        }
        engine_unref(e);
}

/* ---- Products ---------------------------------------------------------------------------------------------------- */

/* Adds to `sum` what the left matrix's columns from `first` on make with the right matrix. */
static void multiply(const Matrix *a, const Matrix *b, int64_t first, double *sum) {
        for (int64_t i = 0; i < a->rows; i++)
                for (int64_t k = 0; k < b->rows; k++)
                        for (int64_t j = 0; j < b->columns; j++)
                                sum[i * b->columns + j] += get(a->dtype, a->dense, i * a->columns + first + k) *
                                                           get(b->dtype, b->dense, k * b->columns + j);
}

static char *dense_of(DType dtype, const double *sum, int64_t n) {
        char *ret = calloc((size_t) n + 1, dtype_size(dtype));

        for (int64_t i = 0; i < n; i++)
                put(dtype, ret, i, sum[i]);
        return ret;
}

TEST(products_of_a_right_factor_in_two_parts_are_those_of_the_matrices) {
        enum { FIRST = 5 };
        static const int64_t begin[2] = { 0, FIRST }, count[2] = { FIRST, INNER - FIRST };
        Engine *e = desk_engine(2);

        for (size_t t = 0; t < ELEMENTSOF(computed); t++)
                for (uint64_t one_in = 1; one_in < 8; one_in += 3)
                        for (int dense = 0; dense < 2; dense++) {
                                const DType dtype          = computed[t];
                                Matrix a                   = matrix_of(dtype, ROWS, INNER, one_in, t);
                                double sum[ROWS * COLUMNS] = {};
                                Matrix right[2];
                                Ref left[2], total[2];
                                Made made[2];
                                Desk desk;

                                desk_begin(&desk, e);
                                leaves_of(&desk, &a, 10, left);
                                for (int k = 0; k < 2; k++) {
                                        const ProductParams p = { ROWS, INNER, COLUMNS, begin[k], count[k] };
                                        Ref in[7];

                                        right[k] = matrix_of(dtype, count[k], COLUMNS, one_in, 50 + t + (size_t) k);
                                        multiply(&a, &right[k], begin[k], sum);
                                        if (dense) {
                                                in[0]    = left[0];
                                                in[1]    = left[1];
                                                in[2]    = desk_leaf(&desk, dtype, SHAPE(count[k], COLUMNS),
                                                                     right[k].dense, 4);
                                                in[3]    = total[0];
                                                total[0] = build_op(&desk.b, "sparse_dense_product", &p,
                                                                    3 + (uint32_t) k, in);
                                                continue;
                                        }
                                        leaves_of(&desk, &right[k], 10, in + 3);
                                        in[1] = left[0];
                                        in[2] = left[1];
                                        in[0] = build_op(&desk.b, "sparse_room", &p, 2, (Ref[]) { left[0], in[3] });
                                        if (k == 1) { /* and as much room as what it is added to has */
                                                const Ref before =
                                                        build_op(&desk.b, "sparse_room",
                                                                 &(ProductParams) { ROWS, INNER, COLUMNS, 0, FIRST }, 2,
                                                                 (Ref[]) { left[0], desk_leaf(&desk, DTYPE_I64,
                                                                                              SHAPE(right[0].n),
                                                                                              right[0].key, 10) });

                                                in[0] = build_op(&desk.b, "concatenate",
                                                                 &(struct { int64_t axis; }) { 0 }, 2,
                                                                 (Ref[]) { before, in[0] });
                                                in[5] = total[0];
                                                in[6] = total[1];
                                        }
                                        total[0] = build_op(&desk.b, "sparse_product", &p, k == 0 ? 5 : 7, in);
                                        total[1] = output(total[0], 1);
                                }
                                ck_assert_msg(desk_run(&desk, total, dense ? 1 : 2, made) == 0, "%s", desk.err.text);
                                char *want = dense_of(dtype, sum, ROWS * COLUMNS);

                                if (dense)
                                        ck_assert_bytes_eq(made[0].data, want, ROWS * COLUMNS * dtype_size(dtype));
                                else {
                                        check_block(&made[0], &made[1], want, ROWS * COLUMNS);
                                        free(made[1].data);
                                }
                                free(made[0].data);
                                free(want);
                                for (int k = 0; k < 2; k++)
                                        matrix_clear(&right[k]);
                                matrix_clear(&a);
                        }
        engine_unref(e);
}

TEST(rows_far_wider_than_a_band_of_columns_are_summed_in_order) {
        enum { WIDE = 1000000, N = 300 };
        const ProductParams p = { 2, 3, WIDE, 0, 3 };
        const int64_t key[]   = { 0, 2, 4 };
        const double data[]   = { 2, 3, 5 };
        int64_t right[3 * N];
        double value[3 * N], *sum = calloc(2 * WIDE, sizeof(*sum));
        Engine *e = desk_engine(2);
        Made made[2];
        Desk desk;
        Ref in[5];

        for (int64_t i = 0; i < 3 * N; i++) {
                const int64_t row = i / N, column = i % N * (WIDE / N) + row % 2; /* rows 0 and 2 share their columns */

                right[i] = row * WIDE + column;
                value[i] = (double) (i + 1);
                for (int k = 0; k < 3; k++)
                        if (key[k] % 3 == row)
                                sum[key[k] / 3 * WIDE + column] += data[k] * value[i];
        }
        desk_begin(&desk, e);
        in[1]             = desk_leaf(&desk, DTYPE_I64, SHAPE(3), key, 2);
        in[2]             = desk_leaf(&desk, DTYPE_F64, SHAPE(3), data, 2);
        in[3]             = desk_leaf(&desk, DTYPE_I64, SHAPE(3 * N), right, 100);
        in[4]             = desk_leaf(&desk, DTYPE_F64, SHAPE(3 * N), value, 100);
        in[0]             = build_op(&desk.b, "sparse_room", &p, 2, (Ref[]) { in[1], in[3] });
        const Ref made_of = build_op(&desk.b, "sparse_product", &p, 5, in);

        ck_assert_msg(desk_run(&desk, (Ref[]) { made_of, output(made_of, 1) }, 2, made) == 0, "%s", desk.err.text);
        ck_assert_int_eq(made[0].spec.shape.dim[0], 2 * N);
        check_block(&made[0], &made[1], (const char *) sum, 2 * WIDE);
        free(made[0].data);
        free(made[1].data);
        free(sum);
        engine_unref(e);
}

/* ---- Refusals ---------------------------------------------------------------------------------------------------- */

static const ProductParams factors = { 3, 4, 5, 0, 4 };

/* The operator with this block and otherwise good inputs. */
static Ref with_block(Desk *desk, const char *op, Ref key, Ref data) {
        static const int64_t zeros[64];
        const Ref good = desk_leaf(desk, DTYPE_I64, SHAPE(2), (int64_t[]) { 0, 7 }, 2);

        if (strcmp(op, "sparse_dense") == 0)
                return build_op(&desk->b, op, &(ShapeParams) { 3, 4 }, 3,
                                (Ref[]) { key, data, desk_leaf(desk, DTYPE_I64, (Shape) {}, zeros, 1) });
        if (strcmp(op, "sparse_fold") == 0)
                return build_op(&desk->b, op, &(FoldParams) { 4, 1, "add" }, 3,
                                (Ref[]) { desk_leaf(desk, DTYPE_I64, SHAPE(3), zeros, 3), key, data });
        if (strcmp(op, "sparse_room") == 0)
                return build_op(&desk->b, op, &factors, 2, (Ref[]) { key, good });
        if (strcmp(op, "sparse_dense_product") == 0)
                return build_op(&desk->b, op, &factors, 3,
                                (Ref[]) { key, data, desk_leaf(desk, DTYPE_I64, SHAPE(4, 5), zeros, 5) });
        if (strcmp(op, "sparse_transpose") == 0)
                return build_op(&desk->b, op, &(TurnParams) { 3, 4, 0, 3 }, 2, (Ref[]) { key, data });
        return build_op(&desk->b, op, &factors, 5,
                        (Ref[]) { desk_leaf(desk, DTYPE_BOOL, SHAPE(60, 0), zeros, 60), key, data, good, good });
}

TEST(keys_outside_of_their_block_or_out_of_order_are_refused) {
        static const char *const ops[]  = { "sparse_dense",         "sparse_fold",    "sparse_room",
                                            "sparse_dense_product", "sparse_product", "sparse_transpose" };
        static const int64_t wrong[][3] = { { 0, 5, 12 },        { -1, 5, 7 }, { 1, 5, INT64_MAX },
                                            { INT64_MIN, 0, 1 }, { 5, 3, 7 },  { 5, 5, 7 } };
        static const int64_t data[3]    = { 1, 2, 3 };
        Engine *e                       = desk_engine(1);

        for (size_t k = 0; k < ELEMENTSOF(ops); k++)
                for (size_t w = 0; w < ELEMENTSOF(wrong); w++) {
                        Desk desk;

                        desk_begin(&desk, e);
                        check_refused(&desk,
                                      with_block(&desk, ops[k], desk_leaf(&desk, DTYPE_I64, SHAPE(3), wrong[w], 2),
                                                 desk_leaf(&desk, DTYPE_I64, SHAPE(3), data, 2)),
                                      "must ascend below");
                }
        engine_unref(e);
}

TEST(keys_and_data_of_lengths_that_turn_out_to_differ_are_refused) {
        static const char *const ops[] = { "sparse_dense", "sparse_fold",  "sparse_dense_product", "sparse_product",
                                           "sparse_part",  "sparse_order", "sparse_union",         "sparse_transpose" };
        static const int64_t key[4]    = { 0, 3, 5, 7 };
        Engine *e                      = desk_engine(1);

        for (size_t k = 0; k < ELEMENTSOF(ops); k++) {
                Desk desk;

                desk_begin(&desk, e);
                const Ref keys = kept(&desk, desk_leaf(&desk, DTYPE_I64, SHAPE(4), key, 4), "\1\1\1\1", 4);
                const Ref data = kept(&desk, desk_leaf(&desk, DTYPE_I64, SHAPE(4), key, 4), "\1\0\0\1", 4);
                Ref made;

                if (strcmp(ops[k], "sparse_part") == 0)
                        made = build_op(&desk.b, ops[k], &(IntervalParams) { 1, 6 }, 2, (Ref[]) { keys, data });
                else if (strcmp(ops[k], "sparse_order") == 0)
                        made = build_op(&desk.b, ops[k], &(ShapeParams) { 2, 4 }, 2, (Ref[]) { keys, data });
                else if (strcmp(ops[k], "sparse_union") == 0)
                        made = build_op(
                                &desk.b, ops[k], NULL, 5,
                                (Ref[]) { desk_leaf(&desk, DTYPE_BOOL, SHAPE(8, 0), "", 9), keys, keys, keys, data });
                else
                        made = with_block(&desk, ops[k], keys, data);
                check_refused(&desk, made, "of the length of their keys");
        }
        engine_unref(e);
}

TEST(a_dense_factor_whose_rows_turn_out_to_be_fewer_is_refused) {
        static const int64_t zeros[20], key[2] = { 0, 7 };
        Engine *e = desk_engine(1);
        Desk desk;

        desk_begin(&desk, e);
        const Ref block  = desk_leaf(&desk, DTYPE_I64, SHAPE(2), key, 2);
        const Ref factor = kept(&desk, desk_leaf(&desk, DTYPE_I64, SHAPE(4, 5), zeros, 5), "\1\0\1\1", 4);

        check_refused(&desk, build_op(&desk.b, "sparse_dense_product", &factors, 3, (Ref[]) { block, block, factor }),
                      "the right factor has 4 rows");
        engine_unref(e);
}

TEST(a_product_goes_not_beyond_its_room) {
        static const int64_t key[3] = { 0, 5, 10 }, data[3] = { 1, 1, 1 };
        Engine *e = desk_engine(1);

        for (int64_t room = 0; room < 5; room++) {
                static const char nothing;
                Desk desk;
                Made made = {};

                desk_begin(&desk, e);
                const Ref keys   = desk_leaf(&desk, DTYPE_I64, SHAPE(3), key, 3),
                          values = desk_leaf(&desk, DTYPE_I64, SHAPE(3), data, 3);
                const Ref wanted = build_op(&desk.b, "sparse_product", &(ProductParams) { 4, 4, 4, 0, 4 }, 5,
                                            (Ref[]) { desk_leaf(&desk, DTYPE_BOOL, SHAPE(room, 0), &nothing, 5), keys,
                                                      values, keys, values });

                if (room < 3)
                        check_refused(&desk, wanted, "more than");
                else {
                        made = desk_made(&desk, wanted);
                        ck_assert_int_eq(made.spec.shape.dim[0], 3);
                        free(made.data);
                }
        }
        engine_unref(e);
}

TEST(a_union_goes_not_beyond_its_room) {
        static const int64_t key[3] = { 0, 5, 10 };
        Engine *e                   = desk_engine(1);
        Desk desk;

        desk_begin(&desk, e);
        const Ref keys = desk_leaf(&desk, DTYPE_I64, SHAPE(3), key, 3);

        check_refused(&desk,
                      build_op(&desk.b, "sparse_union", NULL, 5,
                               (Ref[]) { desk_leaf(&desk, DTYPE_BOOL, SHAPE(5, 0), "", 6), keys, keys, keys, keys }),
                      "has room for 5");
        engine_unref(e);
}

TEST(a_product_with_one_column_may_be_a_vector) {
        Engine *e = desk_engine(2);

        for (size_t t = 0; t < ELEMENTSOF(computed); t++)
                for (int64_t first = 0; first < 4; first += 3) {
                        const ProductParams p = { ROWS, INNER, 1, first, INNER - first };
                        Matrix a              = matrix_of(computed[t], ROWS, INNER, 3, t),
                               b              = matrix_of(computed[t], p.count, 1, 2, t + 9);
                        double sum[ROWS]      = {};
                        Desk desk;
                        Ref in[3];

                        multiply(&a, &b, first, sum);
                        char *want = dense_of(a.dtype, sum, ROWS);

                        desk_begin(&desk, e);
                        leaves_of(&desk, &a, 10, in);
                        in[2]     = desk_leaf(&desk, b.dtype, SHAPE(p.count), b.dense, 4);
                        Made made = desk_made(&desk, build_op(&desk.b, "sparse_dense_product", &p, 3, in));

                        ck_assert_int_eq(made.spec.shape.ndim, 1);
                        ck_assert_bytes_eq(made.data, want, ROWS * dtype_size(a.dtype));
                        free(made.data);
                        free(want);
                        matrix_clear(&a);
                        matrix_clear(&b);
                }
        engine_unref(e);
}

TEST(parameters_that_cannot_be_are_refused_when_the_graph_is_made) {
        static const struct {
                ProductParams p;
                const char *words;
        } wrong[] = {
                { { -1, 4, 5, 0, 4 }, "negative" },
                { { 3, -4, 5, 0, 0 }, "negative" },
                { { 3, 4, -5, 0, 4 }, "negative" },
                { { 3, 4, 5, -1, 4 }, "negative" },
                { { 3, 4, 5, 0, -4 }, "negative" },
                { { 3, 4, 5, 1, 4 }, "of a right factor that has 4" },
                { { 3, 4, 5, 5, 0 }, "of a right factor that has 4" },
                { { 3, INT64_MAX, 0, 0, INT64_MAX }, "are the most" },
        };
        static const int64_t key[2] = { 0, 7 };
        Engine *e                   = desk_engine(1);

        for (size_t w = 0; w < ELEMENTSOF(wrong); w++) {
                Desk desk;

                desk_begin(&desk, e);
                const Ref keys = desk_leaf(&desk, DTYPE_I64, SHAPE(2), key, 2);

                check_refused(&desk, build_op(&desk.b, "sparse_room", &wrong[w].p, 2, (Ref[]) { keys, keys }),
                              wrong[w].words);
        }
        engine_unref(e);
}
