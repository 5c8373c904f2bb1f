/* SPDX-License-Identifier: Apache-2.0 */
/* Transcendental functions: as near to the true value as the table says, and the same bits on every CPU level.
 *
 * The true values come from MPFR with 160 bits. The inputs are: the numbers where something special happens, neighbours
 * of multiples of pi/2, all magnitudes with random mantissas, and random points where the functions live. */
#include <float.h>
#include <math.h>
#include <mpfr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "math-bits.h"

enum { N_SPECIAL_MAX = 4096, N_PER_RANGE = 4096, N_MAGNITUDES = 1 << 14, PRECISION = 160 };

typedef int MpfrUnary(mpfr_t y, const mpfr_t x, mpfr_rnd_t round);
typedef int MpfrBinary(mpfr_t y, const mpfr_t a, const mpfr_t b, mpfr_rnd_t round);

/* Largest error in units in the last place that we promise; lib/ops/math-*.h say where it comes from. */
static const struct {
        const char *name;
        double ulp, ulp_float;
        MpfrUnary *exact;
} unary[] = {
        [MATH_exp] = { "exp", 1.1, 1.1, mpfr_exp },
        [MATH_exp2] = { "exp2", 1.3, 1.1, mpfr_exp2 },
        [MATH_expm1] = { "expm1", 1.6, 1.1, mpfr_expm1 },
        [MATH_log] = { "log", 1.0, 1.0, mpfr_log },
        [MATH_log2] = { "log2", 1.1, 1.4, mpfr_log2 },
        [MATH_log10] = { "log10", 1.0, 1.1, mpfr_log10 },
        [MATH_log1p] = { "log1p", 1.1, 1.1, mpfr_log1p },
        [MATH_sin] = { "sin", 1.6, 1.6, mpfr_sin },
        [MATH_cos] = { "cos", 1.6, 1.6, mpfr_cos },
        [MATH_tan] = { "tan", 3.0, 2.6, mpfr_tan },
        [MATH_asin] = { "asin", 1.1, 1.4, mpfr_asin },
        [MATH_acos] = { "acos", 1.1, 1.2, mpfr_acos },
        [MATH_atan] = { "atan", 1.6, 1.5, mpfr_atan },
        [MATH_sinh] = { "sinh", 2.0, 1.7, mpfr_sinh },
        [MATH_cosh] = { "cosh", 2.0, 1.5, mpfr_cosh },
        [MATH_tanh] = { "tanh", 2.0, 1.4, mpfr_tanh },
        [MATH_asinh] = { "asinh", 2.5, 1.9, mpfr_asinh },
        [MATH_acosh] = { "acosh", 3.0, 2.5, mpfr_acosh },
        [MATH_atanh] = { "atanh", 2.5, 1.8, mpfr_atanh },
        [MATH_cbrt] = { "cbrt", 1.0, 0.9, mpfr_cbrt },
};

/* log(e^a + e^b) to the base; no cancellation at this precision for the inputs below. */
static int exact_logadd(mpfr_t y, const mpfr_t a, const mpfr_t b, int base) {
        mpfr_t large, d;

        mpfr_inits2(PRECISION, large, d, (mpfr_ptr) NULL);
        mpfr_max(large, a, b, MPFR_RNDN);
        mpfr_sub(d, a, b, MPFR_RNDN);
        if (mpfr_nan_p(a) || mpfr_nan_p(b))
                mpfr_set_nan(y);
        else if (mpfr_inf_p(a) || mpfr_inf_p(b))
                mpfr_set(y, large, MPFR_RNDN);
        else {
                mpfr_abs(d, d, MPFR_RNDN);
                mpfr_neg(d, d, MPFR_RNDN);
                (base == 2 ? mpfr_exp2 : mpfr_exp)(d, d, MPFR_RNDN);
                mpfr_log1p(d, d, MPFR_RNDN);
                if (base == 2) {
                        mpfr_set_prec(y, PRECISION);
                        mpfr_const_log2(y, MPFR_RNDN);
                        mpfr_div(d, d, y, MPFR_RNDN);
                }
                mpfr_add(y, large, d, MPFR_RNDN);
        }
        mpfr_clears(large, d, (mpfr_ptr) NULL);
        return 0;
}

static int exact_logaddexp(mpfr_t y, const mpfr_t a, const mpfr_t b, mpfr_rnd_t round) {
        (void) round;
        return exact_logadd(y, a, b, 0);
}

static int exact_logaddexp2(mpfr_t y, const mpfr_t a, const mpfr_t b, mpfr_rnd_t round) {
        (void) round;
        return exact_logadd(y, a, b, 2);
}

/* The sum of a number and a logarithm may cancel to nearly 0: its error is counted in units of the larger of both. */
static const struct {
        const char *name;
        double ulp, ulp_float;
        MpfrBinary *exact;
        bool of_larger;
} binary[] = {
        [MATH_pow] = { "pow", 1.0, 0.6, mpfr_pow, false },
        [MATH_atan2] = { "atan2", 1.6, 1.6, mpfr_atan2, false },
        [MATH_hypot] = { "hypot", 1.5, 0.6, mpfr_hypot, false },
        [MATH_logaddexp] = { "logaddexp", 2.5, 0.6, exact_logaddexp, true },
        [MATH_logaddexp2] = { "logaddexp2", 3.0, 0.6, exact_logaddexp2, true },
};

static const MathTable *const tables[] = {
        &math_table_v1,
#ifdef MATH_HAVE_V3
        &math_table_v3,
#endif
#ifdef MATH_HAVE_V4
        &math_table_v4,
#endif
};

static bool cpu_has(const char *level) {
        return strcmp(level, "v1") == 0 ||
               (strcmp(level, "v3") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) ||
               (strcmp(level, "v4") == 0 && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512bw"));
}

static uint64_t bits_of(double x) {
        uint64_t u;

        memcpy(&u, &x, sizeof(u));
        return u;
}

static double of_bits(uint64_t u) {
        double x;

        memcpy(&x, &u, sizeof(x));
        return x;
}

/* splitmix64: the inputs are the same in every run. */
static uint64_t draw(uint64_t *state) {
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static double draw_between(uint64_t *state, double lo, double hi) {
        return lo + (hi - lo) * ((double) (draw(state) >> 11) * 0x1p-53);
}

typedef struct Inputs {
        size_t n;
        double *x;
} Inputs;

static Inputs inputs_make(void) {
        static const double specials[] = {
                0.0, DBL_TRUE_MIN, 0x1.8p-1060, DBL_MIN, 0x1p-1000, 0x1p-300, 0x1p-60, 0x1p-54, 0x1p-53, 0x1p-52,
                0x1p-30, 0x1p-27, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 10.0, 100.0, 1000.0, 0x1p22, 0x1.9p22, 0x1p23, 0x1p30,
                0x1p52, 0x1p53, 0x1p54, 0x1p63, 0x1p64, 0x1p300, 0x1p1000, 0x1p1023, DBL_MAX, INFINITY, NAN,
                M_LN2, M_LN2 / 2, M_SQRT1_2, M_SQRT2, M_E, 0.4142135623730950, 2.4142135623730950,
                707.9999999999999, 708.0, 708.0000000000001, 708.3964185322641, 709.782712893384, 709.7827128933841,
                710.0, 710.4758600739439, 710.475860073944, 744.4400719213812, 745.1332191019411, 745.1332191019412,
                746.0, 1021.9999999999999, 1022.0, 1023.0, 1023.9999999999999, 1024.0, 1074.0, 1074.9999999999999,
                1075.0, 1076.0,
                36.7368005696771, 37.42994775023705, 18.714973875118524, 22.0, 26.5, 27.3,
                0x1.6ac5b262ca1ffp+849, /* nearest of all numbers to a multiple of pi/2 */
                6381956970095103.0 * 0x1p797,
        };
        static const struct { double lo, hi; } ranges[] = {
                { -1, 1 }, { -4, 4 }, { 0.5, 2 }, { 0.97, 1.03 }, { 0, 100 }, { -750, 750 }, { -1100, 1100 },
                { -1e5, 1e5 }, { -7e6, 7e6 }, { -0.01, 0.01 }, { -30, 30 }, { -1e10, 1e10 },
        };
        size_t n_max = N_SPECIAL_MAX + 6 * 2000 + N_MAGNITUDES + N_PER_RANGE * (sizeof(ranges) / sizeof(*ranges));
        Inputs in = { .x = malloc(n_max * sizeof(double)) };
        uint64_t state = 1;

        ck_assert_ptr_nonnull(in.x);
        for (size_t i = 0; i < sizeof(specials) / sizeof(*specials); i++) {
                uint64_t u = bits_of(specials[i]);

                for (int near = -3; near <= 3; near++) {
                        double x = of_bits(u + (uint64_t) near);

                        if (near != 0 && (u == 0 || x != x))
                                continue;
                        in.x[in.n++] = x;
                        in.x[in.n++] = -x;
                }
        }
        for (int i = 0; i < 16; i++) /* NaN of all kinds: their bits, too, are the same everywhere */
                in.x[in.n++] = of_bits((uint64_t) (i % 2) << 63 | UINT64_C(0x7ff0000020000000) | draw(&state) >> 12);
        ck_assert_uint_lt(in.n, N_SPECIAL_MAX);
        for (int k = 1; k <= 2000; k++) {
                double near = (double) (k <= 1000 ? k : (long) (draw(&state) % 4200000)) * M_PI_2;

                in.x[in.n++] = near;
                in.x[in.n++] = -near;
                in.x[in.n++] = of_bits(bits_of(near) + 1);
                in.x[in.n++] = of_bits(bits_of(near) - 1);
                in.x[in.n++] = near + near * 0x1p-40;
                in.x[in.n++] = near + near * 0x1p-30;
        }
        for (int i = 0; i < N_MAGNITUDES; i++) {
                uint64_t u = draw(&state);

                in.x[in.n++] = of_bits((u >> 62 << 63) | (u % 2046) << 52 | draw(&state) >> 12);
        }
        for (size_t r = 0; r < sizeof(ranges) / sizeof(*ranges); r++)
                for (int i = 0; i < N_PER_RANGE; i++)
                        in.x[in.n++] = draw_between(&state, ranges[r].lo, ranges[r].hi);
        ck_assert_uint_le(in.n, n_max);
        return in;
}

/* Pairs: every special number with every other, and the single inputs with themselves in another order and with numbers
 * of their own size. */
static void pairs_make(Inputs in, Inputs *ret_a, Inputs *ret_b) {
        static const double specials[] = {
                0.0, DBL_TRUE_MIN, DBL_MIN, 0x1p-600, 0.1, 0.5, 0.9999999999999999, 1.0, 1.0000000000000002, 1.5, 2.0,
                3.0, 4.0, 7.0, 10.0, 1000.0, 1023.0, 1024.0, 1074.0, 1075.0, 0x1p52, 0x1p52 + 1, 0x1p53 - 1, 0x1p53,
                0x1.8p60, 0x1p600, 0x1p1001, DBL_MAX, INFINITY, NAN,
        };
        enum { N = sizeof(specials) / sizeof(*specials), N_POWERS = 1 << 15 };
        size_t n_max = 4 * N * N + in.n + N_POWERS;
        Inputs a = { .x = malloc(n_max * sizeof(double)) }, b = { .x = malloc(n_max * sizeof(double)) };
        uint64_t state = 2;

        ck_assert_ptr_nonnull(a.x);
        ck_assert_ptr_nonnull(b.x);
        for (int i = 0; i < 4 * N * N; i++) {
                a.x[a.n++] = copysign(specials[i / 4 / N], i & 1 ? -1 : 1);
                b.x[b.n++] = copysign(specials[i / 4 % N], i & 2 ? -1 : 1);
        }
        in.n = in.n / 3 * 3;
        for (size_t i = 0; i < in.n; i += 3) {
                double x = in.x[i], other = in.x[draw(&state) % in.n];

                a.x[a.n++] = x;
                b.x[b.n++] = other;
                a.x[a.n++] = x;
                b.x[b.n++] = x * draw_between(&state, -2, 2);
                a.x[a.n++] = fabs(x); /* powers that are ordinary numbers */
                b.x[b.n++] = draw_between(&state, -1080, 1080) / (fabs(log2(fabs(x))) + 0x1p-60);
        }
        for (int i = 0; i < N_POWERS; i++) {
                a.x[a.n++] = draw_between(&state, 0, i % 2 ? 2 : 100);
                b.x[b.n++] = draw_between(&state, -150, 150);
        }
        ck_assert_uint_le(a.n, n_max);
        ck_assert_uint_eq(a.n, b.n);
        *ret_a = a;
        *ret_b = b;
}

typedef struct Format {
        int digits, least, beyond;      /* bits of a number, 2^least the smallest, 2^beyond what is infinite */
} Format;

static const Format format_double = { 53, -1074, 1024 }, format_float = { 24, -149, 128 };

/* The distance of y from the exact value in units of that value's last place; INFINITY where they differ in kind (NaN,
 * infinity, sign of a zero). */
static double ulp_error(Format f, double y, mpfr_t exact) {
        mpfr_t d;
        mpfr_exp_t e;
        double error;

        if (mpfr_nan_p(exact))
                return y != y ? 0 : INFINITY;
        if (y != y)
                return INFINITY;
        if (mpfr_inf_p(exact) || mpfr_zero_p(exact))
                return y == mpfr_get_d(exact, MPFR_RNDN) && !signbit(y) == !mpfr_signbit(exact) ? 0 : INFINITY;
        e = mpfr_get_exp(exact);
        mpfr_init2(d, PRECISION);
        if (isinf(y)) /* as good as the number that would be rounded to it */
                mpfr_set_si_2exp(d, y < 0 ? -1 : 1, f.beyond, MPFR_RNDN);
        else
                mpfr_set_d(d, y, MPFR_RNDN);
        if (e > f.beyond) { /* and what is more is as good as that */
                mpfr_set_si_2exp(exact, mpfr_signbit(exact) ? -1 : 1, f.beyond, MPFR_RNDN);
                e = f.beyond;
        }
        mpfr_sub(d, d, exact, MPFR_RNDN);
        mpfr_mul_2si(d, d, -(e - f.digits < f.least ? f.least : (long) e - f.digits), MPFR_RNDN);
        error = fabs(mpfr_get_d(d, MPFR_RNDN));
        mpfr_clear(d);
        return error;
}

TEST(unary_functions_are_as_near_to_the_true_value_as_promised) {
        Inputs in = inputs_make();
        double *y = malloc(in.n * sizeof(*y));
        int n_bad = 0;
        mpfr_t exact, x;

        ck_assert_ptr_nonnull(y);
        mpfr_inits2(PRECISION, exact, x, (mpfr_ptr) NULL);
        for (int f = 0; f < MATH_N_UNARY; f++) {
                double worst = 0, at = 0;

                tables[0]->unary[f](in.n, in.x, y);
                for (size_t i = 0; i < in.n; i++) {
                        double error;

                        mpfr_set_d(x, in.x[i], MPFR_RNDN);
                        unary[f].exact(exact, x, MPFR_RNDN);
                        error = ulp_error(format_double, y[i], exact);
                        if (error > unary[f].ulp && n_bad++ < 20)
                                printf("# %s(%a) = %a is %g units off\n", unary[f].name, in.x[i], y[i], error);
                        if (error > worst)
                                worst = error, at = in.x[i];
                }
                printf("# %-8s %.3f of %.1f units at %a\n", unary[f].name, worst, unary[f].ulp, at);
        }
        fflush(stdout);
        ck_assert_int_eq(n_bad, 0);
        mpfr_clears(exact, x, (mpfr_ptr) NULL);
        free(in.x);
        free(y);
}

TEST(binary_functions_are_as_near_to_the_true_value_as_promised) {
        Inputs in = inputs_make(), a, b;
        double *y;
        int n_bad = 0;
        mpfr_t exact, p, q;

        pairs_make(in, &a, &b);
        y = malloc(a.n * sizeof(*y));
        ck_assert_ptr_nonnull(y);
        mpfr_inits2(PRECISION, exact, p, q, (mpfr_ptr) NULL);
        for (int f = 0; f < MATH_N_BINARY; f++) {
                double worst = 0, at_a = 0, at_b = 0;

                tables[0]->binary[f](a.n, a.x, b.x, y);
                for (size_t i = 0; i < a.n; i++) {
                        double error;

                        mpfr_set_d(p, a.x[i], MPFR_RNDN);
                        mpfr_set_d(q, b.x[i], MPFR_RNDN);
                        binary[f].exact(exact, p, q, MPFR_RNDN);
                        error = ulp_error(format_double, y[i], exact);
                        if (binary[f].of_larger && y[i] == 0 && mpfr_zero_p(exact))
                                error = 0; /* of either sign */
                        else if (binary[f].of_larger && isfinite(error) && error > binary[f].ulp) {
                                double large = fmax(a.x[i], b.x[i]), term = fmax(fabs(large), fabs(y[i] - large));
                                int down = (int) mpfr_get_exp(exact) - 1 - ilogb(term);

                                error *= ldexp(1, down < 0 ? down : 0);
                        }
                        if (error > binary[f].ulp && n_bad++ < 20)
                                printf("# %s(%a, %a) = %a is %g units off\n", binary[f].name, a.x[i], b.x[i],
                                       y[i], error);
                        if (error > worst)
                                worst = error, at_a = a.x[i], at_b = b.x[i];
                }
                printf("# %-8s %.3f of %.1f units at %a, %a\n", binary[f].name, worst, binary[f].ulp, at_a, at_b);
        }
        fflush(stdout);
        ck_assert_int_eq(n_bad, 0);
        mpfr_clears(exact, p, q, (mpfr_ptr) NULL);
        free(in.x);
        free(a.x);
        free(b.x);
        free(y);
}

static float *floats_of(Inputs in) {
        float *x = malloc(in.n * sizeof(*x));

        ck_assert_ptr_nonnull(x);
        for (size_t i = 0; i < in.n; i++)
                x[i] = (float) in.x[i];
        return x;
}

/* The magnitudes of doubles would nearly all be 0 or infinite as floats: theirs are drawn anew. */
static Inputs inputs_for_floats(void) {
        Inputs in = inputs_make();
        uint64_t state = 3;

        for (size_t i = 0; i < in.n; i++) {
                if (fabs(in.x[i]) > FLT_MAX || fabs(in.x[i]) < FLT_TRUE_MIN || i % 8 == 0) {
                        uint32_t u = (uint32_t) draw(&state);
                        float x;

                        memcpy(&x, &u, sizeof(x));
                        if (isfinite(in.x[i]) && x == x)
                                in.x[i] = (double) x;
                }
                in.x[i] = (double) (float) in.x[i];
        }
        return in;
}

TEST(functions_of_float_are_as_near_to_the_true_value_as_promised) {
        Inputs in = inputs_for_floats();
        float *x = floats_of(in), *y = malloc(in.n * sizeof(*y));
        int n_bad = 0;
        mpfr_t exact, p, q;

        ck_assert_ptr_nonnull(y);
        mpfr_inits2(PRECISION, exact, p, q, (mpfr_ptr) NULL);
        for (int f = 0; f < MATH_N_UNARY; f++) {
                double worst = 0, at = 0;

                tables[0]->unary_float[f](in.n, x, y);
                for (size_t i = 0; i < in.n; i++) {
                        double error;

                        mpfr_set_d(p, in.x[i], MPFR_RNDN);
                        unary[f].exact(exact, p, MPFR_RNDN);
                        error = ulp_error(format_float, (double) y[i], exact);
                        if (error > unary[f].ulp_float && n_bad++ < 20)
                                printf("# %sf(%a) = %a is %g units off\n", unary[f].name, in.x[i], (double) y[i],
                                       error);
                        if (error > worst)
                                worst = error, at = in.x[i];
                }
                printf("# %sf %.3f of %.1f units at %a\n", unary[f].name, worst, unary[f].ulp_float, at);
        }
        for (int f = 0; f < MATH_N_BINARY; f++) {
                size_t n = in.n / 2;
                double worst = 0;

                tables[0]->binary_float[f](n, x, x + n, y);
                for (size_t i = 0; i < n; i++) {
                        double error;

                        mpfr_set_d(p, in.x[i], MPFR_RNDN);
                        mpfr_set_d(q, in.x[i + n], MPFR_RNDN);
                        binary[f].exact(exact, p, q, MPFR_RNDN);
                        error = ulp_error(format_float, (double) y[i], exact);
                        if (error > binary[f].ulp_float && n_bad++ < 20)
                                printf("# %sf(%a, %a) = %a is %g units off\n", binary[f].name, in.x[i], in.x[i + n],
                                       (double) y[i], error);
                        if (error > worst)
                                worst = error;
                }
                printf("# %sf %.3f of %.1f units\n", binary[f].name, worst, binary[f].ulp_float);
        }
        fflush(stdout);
        ck_assert_int_eq(n_bad, 0);
        mpfr_clears(exact, p, q, (mpfr_ptr) NULL);
        free(in.x);
        free(x);
        free(y);
}

/* Every table against the strip of the first: whole, one element at a time, and by the complete function. */
TEST(every_cpu_level_and_every_length_of_strip_gives_the_same_bits) {
        Inputs in = inputs_make();
        double *y = malloc(in.n * sizeof(*y)), *z = malloc(in.n * sizeof(*z));

        ck_assert_ptr_nonnull(y);
        ck_assert_ptr_nonnull(z);
        for (int f = 0; f < MATH_N_UNARY; f++) {
                tables[0]->unary[f](in.n, in.x, y);
                for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++) {
                        if (!cpu_has(tables[t]->level)) {
                                printf("# no CPU for level %s\n", tables[t]->level);
                                continue;
                        }
                        tables[t]->unary[f](in.n, in.x, z);
                        ck_assert_bytes_eq(y, z, in.n * sizeof(*y));
                        memset(z, 0, in.n * sizeof(*z));
                        for (size_t i = 0, n = 1; i < in.n; i += n, n = n % 13 + 1)
                                tables[t]->unary[f](n < in.n - i ? n : in.n - i, in.x + i, z + i);
                        ck_assert_bytes_eq(y, z, in.n * sizeof(*y));
                        memset(z, 0, in.n * sizeof(*z));
                        tables[t]->unary_each[f](in.n, in.x, z);
                        ck_assert_bytes_eq(y, z, in.n * sizeof(*y));
                }
        }
        free(in.x);
        free(y);
        free(z);
}

TEST(every_cpu_level_gives_the_same_bits_for_pairs) {
        Inputs in = inputs_make(), a, b;
        double *y, *z;

        pairs_make(in, &a, &b);
        y = malloc(a.n * sizeof(*y));
        z = malloc(a.n * sizeof(*z));
        ck_assert_ptr_nonnull(y);
        ck_assert_ptr_nonnull(z);
        for (int f = 0; f < MATH_N_BINARY; f++) {
                tables[0]->binary[f](a.n, a.x, b.x, y);
                for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++) {
                        if (!cpu_has(tables[t]->level))
                                continue;
                        for (size_t i = 0, n = 1; i < a.n; i += n, n = n % 13 + 1)
                                tables[t]->binary[f](n < a.n - i ? n : a.n - i, a.x + i, b.x + i, z + i);
                        ck_assert_bytes_eq(y, z, a.n * sizeof(*y));
                }
        }
        free(in.x);
        free(a.x);
        free(b.x);
        free(y);
        free(z);
}

TEST(every_cpu_level_gives_the_same_bits_for_floats) {
        Inputs in = inputs_for_floats();
        float *x = floats_of(in), *y = malloc(in.n * sizeof(*y)), *z = malloc(in.n * sizeof(*z));

        ck_assert_ptr_nonnull(y);
        ck_assert_ptr_nonnull(z);
        for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++) {
                if (!cpu_has(tables[t]->level))
                        continue;
                for (int f = 0; f < MATH_N_UNARY; f++) {
                        tables[0]->unary_float[f](in.n, x, y);
                        for (size_t i = 0, n = 1; i < in.n; i += n, n = n % 29 + 1)
                                tables[t]->unary_float[f](n < in.n - i ? n : in.n - i, x + i, z + i);
                        ck_assert_bytes_eq(y, z, in.n * sizeof(*y));
                }
                for (int f = 0; f < MATH_N_BINARY; f++) {
                        size_t half = in.n / 2;

                        tables[0]->binary_float[f](half, x, x + half, y);
                        for (size_t i = 0, n = 1; i < half; i += n, n = n % 29 + 1)
                                tables[t]->binary_float[f](n < half - i ? n : half - i, x + i, x + half + i, z + i);
                        ck_assert_bytes_eq(y, z, half * sizeof(*y));
                }
        }
        free(in.x);
        free(x);
        free(y);
        free(z);
}
