/* SPDX-License-Identifier: Apache-2.0 */
/* Fourier transforms against their definition, summed in long double. */
#include <math.h>
#include <stdlib.h>

#include "ops/fft.h"
#include "ops/graphs.h"

typedef struct FftParams { /* as in lib/ops/fft.c */
        Dims n;
        int64_t axis;
        const char *norm;
} FftParams;

/* Numbers between -1 and 1. */
static void fill(DType t, void *data, int64_t n, uint64_t seed) {
        const bool single = dtype_real(t) == DTYPE_F32;

        n *= dtype_kind(t) == KIND_COMPLEX ? 2 : 1;
        for (int64_t i = 0; i < n; i++) {
                const double x = (double) (int64_t) desk_random(&seed) * 0x1p-63;

                if (single)
                        ((float *) data)[i] = (float) x;
                else
                        ((double *) data)[i] = x;
        }
}

static long double part_of(DType t, const void *data, int64_t i, int part) {
        const bool complex_ = dtype_kind(t) == KIND_COMPLEX;

        if (part > 0 && !complex_)
                return 0;
        i = complex_ ? 2 * i + part : i;
        return dtype_real(t) == DTYPE_F32 ? ((const float *) data)[i] : ((const double *) data)[i];
}

/* Number k of the transform of n numbers, of which m are given and the others are 0. */
static void defined(DType t, const void *data, int64_t m, int64_t n, const long double *root, bool inverse, int64_t k,
                    long double ret[static 2]) {
        ret[0] = ret[1] = 0;
        for (int64_t i = 0, at = 0; i < m; i++, at = (at + k) % n) {
                const long double re = part_of(t, data, i, 0), im = part_of(t, data, i, 1), c = root[2 * at],
                                  s = inverse ? -root[2 * at + 1] : root[2 * at + 1];

                ret[0] += re * c - im * s;
                ret[1] += re * s + im * c;
        }
}

static long double *roots_of(int64_t n) {
        long double *root = calloc((size_t) n, 2 * sizeof(*root));

        for (int64_t k = 0; k < n; k++) {
                root[2 * k]     = cosl(2 * M_PIl * (long double) k / (long double) n);
                root[2 * k + 1] = -sinl(2 * M_PIl * (long double) k / (long double) n);
        }
        return root;
}

/* The error of a transform in the mean, in units of the dtype's precision and of the result's mean. */
static double error_of(Engine *e, const char *op, DType t, int64_t n, bool inverse) {
        char *data        = calloc((size_t) n, dtype_size(t));
        long double *root = roots_of(n), wrong = 0, all = 0;
        const FftParams p  = { .axis = -1, .norm = inverse ? "forward" : "backward" };
        const double unit  = dtype_real(t) == DTYPE_F32 ? 0x1p-23 : 0x1p-52;
        const int64_t step = n < 400 ? 1 : n / 100; /* of large ones only some numbers */
        Desk desk;

        fill(t, data, n, (uint64_t) n);
        desk_begin(&desk, e);
        const Ref in    = desk_leaf(&desk, t, SHAPE(n), data, n);
        const Made made = desk_made(&desk, build_op(&desk.b, op, &p, 1, &in));

        for (int64_t k = 0; k < made.spec.shape.dim[0]; k += step) {
                long double want[2];

                defined(t, data, n, n, root, inverse, k, want);
                for (int part = 0; part < 2; part++) {
                        const long double d = part_of(made.spec.dtype, made.data, k, part) - want[part];

                        wrong += d * d;
                        all += want[part] * want[part];
                }
        }
        free(made.data);
        free(data);
        free(root);
        return (double) sqrtl(wrong / all) / unit;
}

static int64_t largest_prime(int64_t n) {
        int64_t p = 2;

        while (p * p <= n)
                if (n % p == 0)
                        n /= p;
                else
                        p++;
        return n;
}

/* The mean grows as the root of the logarithm, as NumPy's does: 0.35 for 8 numbers, 0.93 for 1024. A sum
 * of 61 products has 0.93 as well, and a larger prime costs two more transforms, of longer lines: 1.9 for 509. */
static void looked_at(Engine *e, const char *op, DType t, int64_t n, bool inverse) {
        const double error = error_of(e, op, t, n, inverse), most = 0.75 + 0.2 * sqrt(log2((double) n));

        ck_assert_msg(error < most * (largest_prime(n) > 13 ? 2 : 1), "%s of %lld %s: %.2f", op, (long long) n,
                      dtype_name(t), error);
}

TEST(transforms_of_all_lengths_are_right_to_a_rounding_in_the_mean) {
        static const int64_t lengths[] = { 343,  512,  625,  961,  1000, 1009, 2048,  3721,
                                           4096, 4097, 4099, 5000, 7442, 8192, 10007, 65536 };
        static const DType real[] = { DTYPE_F32, DTYPE_F64 }, complex_[] = { DTYPE_C64, DTYPE_C128 };
        Engine *e = desk_engine(2);

        for (size_t i = 0; i < 300 + ELEMENTSOF(lengths); i++)
                for (int t = 0; t < 2; t++) {
                        const int64_t n = i < 300 ? (int64_t) i + 1 : lengths[i - 300];

                        looked_at(e, "fft", complex_[t], n, false);
                        looked_at(e, "ifft", complex_[t], n, true);
                        looked_at(e, "rfft", real[t], n, false);
                        looked_at(e, "fft", real[t], n, false);
                }
        engine_unref(e);
}

/* Forth and back, among them lines that no task may take whole, of real numbers and of complex ones. */
TEST(what_was_transformed_comes_back) {
        static const int64_t lengths[] = { 1, 2, 3, 61, 62, 67, 100, 4099, 4100, 8192, 2000000, 1048583 };
        static const struct {
                const char *forth, *back;
                DType dtype;
        } pair[]  = { { "fft", "ifft", DTYPE_C128 },
                      { "rfft", "irfft", DTYPE_F64 },
                      { "ihfft", "hfft", DTYPE_F64 },
                      { "fft", "ifft", DTYPE_C64 } };
        Engine *e = desk_engine(2);

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++)
                for (size_t k = 0; k < ELEMENTSOF(pair); k++) {
                        const int64_t n   = lengths[i];
                        const DType t     = pair[k].dtype;
                        const FftParams p = { .n = { .n = 1, .given = true, .v = &n }, .axis = 0 };
                        char *data        = calloc((size_t) n, dtype_size(t));
                        Desk desk;

                        fill(t, data, n, (uint64_t) n);
                        desk_begin(&desk, e);
                        Ref a           = desk_leaf(&desk, t, SHAPE(n), data, n / 3 + 1);
                        a               = build_op(&desk.b, pair[k].forth, &p, 1, &a);
                        a               = build_op(&desk.b, pair[k].back, &p, 1, &a);
                        const Made made = desk_made(&desk, a);

                        ck_assert_int_eq(made.spec.dtype, t);
                        for (int64_t j = 0; j < n; j++)
                                for (int part = 0; part < 2; part++)
                                        ck_assert_double_lt((double) fabsl(part_of(t, made.data, j, part) -
                                                                           part_of(t, data, j, part)),
                                                            t == DTYPE_C64 ? 4e-6 : 1e-14);
                        free(made.data);
                        free(data);
                }
        engine_unref(e);
}

TEST(a_line_beside_others_has_the_bits_that_it_has_alone) {
        static const int64_t lengths[] = { 12, 60, 67, 1024, 1009, 9000 };
        enum { ROWS = 37 };
        Engine *e = desk_engine(2);

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++)
                for (int t = 0; t < 2; t++) {
                        const int64_t n   = lengths[i];
                        const DType dtype = t ? DTYPE_C64 : DTYPE_C128;
                        const size_t line = (size_t) n * dtype_size(dtype);
                        const FftParams p = { .axis = -1 };
                        char *data        = calloc(ROWS, line);
                        Desk desk;

                        fill(dtype, data, ROWS * n, (uint64_t) n);
                        desk_begin(&desk, e);
                        const Ref all     = desk_leaf(&desk, dtype, SHAPE(ROWS, n), data, MAX(n, (int64_t) ROWS));
                        const Made beside = desk_made(&desk, build_op(&desk.b, "fft", &p, 1, &all));
                        for (int row = 0; row < ROWS; row += 9) {
                                desk_begin(&desk, e);
                                const Ref one    = desk_leaf(&desk, dtype, SHAPE(n), data + (size_t) row * line, n);
                                const Made alone = desk_made(&desk, build_op(&desk.b, "fft", &p, 1, &one));

                                ck_assert_mem_eq(alone.data, beside.data + (size_t) row * line, line);
                                free(alone.data);
                        }
                        free(beside.data);
                        free(data);
                }
        engine_unref(e);
}

TEST(transforms_are_refused_in_words) {
        const int64_t none = 0, two[] = { 1, 2 };
        const struct {
                const char *op;
                DType dtype;
                FftParams p;
        } wrong[] = {
                { "fft", DTYPE_F64, { .n = { .n = 1, .given = true, .v = &none }, .axis = -1 } },
                { "fft", DTYPE_F64, { .n = { .n = 2, .given = true, .v = two }, .axis = -1 } },
                { "fft", DTYPE_F64, { .axis = 1 } },
                { "fft", DTYPE_F64, { .axis = 0, .norm = "unitary" } },
                { "rfft", DTYPE_C128, { .axis = 0 } },
        };
        const double data[8] = {};
        Engine *e            = desk_engine(1);

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                Desk desk;
                Made made;

                desk_begin(&desk, e);
                Ref a = desk_leaf(&desk, wrong[i].dtype, SHAPE(4), data, 4);
                a     = build_op(&desk.b, wrong[i].op, &wrong[i].p, 1, &a);
                ck_assert_int_lt(desk_run(&desk, &a, 1, &made), 0);
                ck_assert(desk.err.text[0]);
        }
        engine_unref(e);
}
