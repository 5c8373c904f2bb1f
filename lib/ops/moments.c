/* SPDX-License-Identifier: Apache-2.0 */
/* Sum and sum of squared deviations (M2) in one pass. Neighbours merge by Chan, Golub and LeVeque's formula, whose
 * terms are never negative, so nothing cancels: M2 = M2a + M2b + (mean_b - mean_a)^2 n_a n_b / (n_a + n_b). Complex
 * deviations are squared by their absolute values. For equal counts, which nearly all merges have, the formula is
 * simpler; merge and merge_pairs take the same one, since a node of the tree must have one value. */
#include <string.h>

#include "ops/complex.h"

#define SQUARE(d) ((d) * (d))
#define SQUARE_COMPLEX(d) (RE(d) * RE(d) + IM(d) * IM(d))

/* S, R: what sums and squares are computed in. An infinite element has no deviation from the mean: NaN, which an
 * infinite sum less itself is. */
#define MOMENTS_LOOPS_(D, S, R, square, part)                                                                          \
        static void moments_merge_##D(size_t n, void *const *a, void *const *b, void *const *out, int64_t n_a,         \
                                      int64_t n_b) {                                                                   \
                const S *sum_a = a[0], *sum_b = b[0];                                                                  \
                const R *m2_a = a[1], *m2_b = b[1];                                                                    \
                S *sum = out[0];                                                                                       \
                R *m2 = out[1];                                                                                        \
                const R per_a = (R) (1.0 / (double) n_a), per_b = (R) (1.0 / (double) n_b);                            \
                const R weight = n_a == n_b ? (R) ((double) n_a * 0.5)                                                 \
                                            : (R) ((double) n_a * ((double) n_b / (double) (n_a + n_b)));              \
                                                                                                                       \
                if (n_a == n_b) {                                                                                      \
                        INDEPENDENT for (size_t i = 0; i < n; i++) {                                                   \
                                const S d = (sum_b[i] - sum_a[i]) * per_a;                                             \
                                                                                                                       \
                                m2[i] = (m2_a[i] + m2_b[i]) + square(d) * weight;                                      \
                                sum[i] = sum_a[i] + sum_b[i];                                                          \
                        }                                                                                              \
                        return;                                                                                        \
                }                                                                                                      \
                INDEPENDENT for (size_t i = 0; i < n; i++) {                                                           \
                        const S d = sum_b[i] * per_b - sum_a[i] * per_a;                                               \
                                                                                                                       \
                        m2[i] = (m2_a[i] + m2_b[i]) + square(d) * weight;                                              \
                        sum[i] = sum_a[i] + sum_b[i];                                                                  \
                }                                                                                                      \
        }                                                                                                              \
        static void moments_merge_pairs_##D(size_t n, void *const *in, void *const *out, int64_t n_each) {             \
                const S *restrict sums = in[0];                                                                        \
                const R *restrict m2s = in[1];                                                                         \
                S *restrict sum = out[0];                                                                              \
                R *restrict m2 = out[1];                                                                               \
                const R per = (R) (1.0 / (double) n_each), weight = (R) ((double) n_each * 0.5);                       \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const S a = sums[2 * i], b = sums[2 * i + 1];                                                  \
                        const S d = (b - a) * per;                                                                     \
                                                                                                                       \
                        m2[i] = (m2s[2 * i] + m2s[2 * i + 1]) + square(d) * weight;                                    \
                        sum[i] = a + b;                                                                                \
                }                                                                                                      \
        }                                                                                                              \
        static void moments_finish_##D(size_t n, void *const *state, _unused_ int64_t count, void *out) {              \
                const S *restrict sum = state[0];                                                                      \
                const R *restrict m2 = state[1];                                                                       \
                R *restrict to = out;                                                                                  \
                                                                                                                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        to[i] = m2[i] + part(sum[i] - sum[i]);                                                         \
        }
#define ONE_PART(d) (d)
#define BOTH_PARTS(d) (RE(d) + IM(d))
MOMENTS_LOOPS_(F32, float, float, SQUARE, ONE_PART)
MOMENTS_LOOPS_(F64, double, double, SQUARE, ONE_PART)
MOMENTS_LOOPS_(C64, c64, float, SQUARE_COMPLEX, BOTH_PARTS)
MOMENTS_LOOPS_(C128, c128, double, SQUARE_COMPLEX, BOTH_PARTS)

#define MOMENTS_LIFT_(D, S, R)                                                                                         \
        static void moments_lift_##D(size_t n, const void *in, _unused_ int64_t first, _unused_ int64_t step,          \
                                     void *const *state) {                                                             \
                const MEMORY_##D *restrict from = in;                                                                  \
                S *restrict sum = state[0];                                                                            \
                                                                                                                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        sum[i] = (S) LOAD_##D(from[i]);                                                                \
                memset(state[1], 0, n * sizeof(R));                                                                    \
        }
/* Two elements: their sum, and half the square of their difference. */
#define MOMENTS_TWO_(D, S, R, square)                                                                                  \
        static void moments_lift_two_##D(size_t n, const void *a, const void *b, _unused_ int64_t index,               \
                                         void *const *state) {                                                         \
                const S *restrict left = a, *restrict right = b;                                                       \
                S *restrict sum = state[0];                                                                            \
                R *restrict m2 = state[1];                                                                             \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const S d = right[i] - left[i];                                                                \
                                                                                                                       \
                        m2[i] = square(d) * (R) 0.5;                                                                   \
                        sum[i] = left[i] + right[i];                                                                   \
                }                                                                                                      \
        }                                                                                                              \
        static void moments_lift_pairs_##D(size_t n, const void *in, _unused_ int64_t first, void *const *state) {     \
                const S *restrict from = in;                                                                           \
                S *restrict sum = state[0];                                                                            \
                R *restrict m2 = state[1];                                                                             \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const S a = from[2 * i], b = from[2 * i + 1], d = b - a;                                       \
                                                                                                                       \
                        m2[i] = square(d) * (R) 0.5;                                                                   \
                        sum[i] = a + b;                                                                                \
                }                                                                                                      \
        }
MOMENTS_TWO_(F32, float, float, SQUARE)
MOMENTS_TWO_(F64, double, double, SQUARE)

/* Eight elements, level by level: the factors are those of moments_merge for one, two, and four elements each. */
#define MOMENTS_EIGHT_(D, T)                                                                                           \
        static void moments_lift_eight_##D(size_t n, const void *const *row, _unused_ int64_t index,                   \
                                           void *const *state) {                                                       \
                const T *restrict r0 = row[0], *restrict r1 = row[1], *restrict r2 = row[2], *restrict r3 = row[3];    \
                const T *restrict r4 = row[4], *restrict r5 = row[5], *restrict r6 = row[6], *restrict r7 = row[7];    \
                T *restrict sum = state[0], *restrict m2 = state[1];                                                   \
                                                                                                                       \
                INDEPENDENT for (size_t i = 0; i < n; i++) {                                                           \
                        const T a = r0[i] + r1[i], b = r2[i] + r3[i], c = r4[i] + r5[i], d = r6[i] + r7[i];            \
                        const T left = a + b, right = c + d;                                                           \
                        const T m2_a = SQUARE(r1[i] - r0[i]) * (T) 0.5, m2_b = SQUARE(r3[i] - r2[i]) * (T) 0.5;        \
                        const T m2_c = SQUARE(r5[i] - r4[i]) * (T) 0.5, m2_d = SQUARE(r7[i] - r6[i]) * (T) 0.5;        \
                        const T m2_left = (m2_a + m2_b) + SQUARE((b - a) * (T) 0.5);                                   \
                        const T m2_right = (m2_c + m2_d) + SQUARE((d - c) * (T) 0.5);                                  \
                                                                                                                       \
                        m2[i] = (m2_left + m2_right) + SQUARE((right - left) * (T) 0.25) * (T) 2;                      \
                        sum[i] = left + right;                                                                         \
                }                                                                                                      \
        }
MOMENTS_EIGHT_(F32, float)
MOMENTS_EIGHT_(F64, double)

/* Two levels at once, from states or from elements (kernel.h: QUADS_LOOP_). */
#define MOMENTS_QUADS_(D)                                                                                              \
        static void moments_merge_quads_##D(size_t n, void *const *in, void *const *out, int64_t n_each) {             \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                const CTYPE_##D *restrict sums = in[0], *restrict m2s = in[1];                                         \
                CTYPE_##D *restrict sum = out[0], *restrict m2 = out[1];                                               \
                CTYPE_##D half[2][2 * WIDTH] = {};                                                                     \
                const CTYPE_##D per = (CTYPE_##D)(1.0 / (double) n_each), weight = (CTYPE_##D)((double) n_each * 0.5); \
                const CTYPE_##D per2    = (CTYPE_##D)(1.0 / (double) (2 * n_each));                                    \
                const CTYPE_##D weight2 = (CTYPE_##D)((double) (2 * n_each) * 0.5);                                    \
                size_t i                = 0;                                                                           \
                                                                                                                       \
                for (; i + WIDTH <= n; i += WIDTH) {                                                                   \
                        const Wide_##D *p = (const Wide_##D *) (sums + 4 * i), *q = (const Wide_##D *) (m2s + 4 * i);  \
                        Wide_##D s[2], t[2];                                                                           \
                                                                                                                       \
                        for (int k = 0; k < 2; k++) {                                                                  \
                                const Wide_##D a = WIDE_LEFT_##D(p[2 * k], p[2 * k + 1]);                              \
                                const Wide_##D b = WIDE_RIGHT_##D(p[2 * k], p[2 * k + 1]);                             \
                                const Wide_##D d = (b - a) * per;                                                      \
                                                                                                                       \
                                t[k] = (WIDE_LEFT_##D(q[2 * k], q[2 * k + 1]) +                                        \
                                        WIDE_RIGHT_##D(q[2 * k], q[2 * k + 1])) +                                      \
                                       d * d * weight;                                                                 \
                                s[k] = a + b;                                                                          \
                        }                                                                                              \
                        MOMENTS_SECOND_(D)                                                                             \
                }                                                                                                      \
                if (i < n) {                                                                                           \
                        void *rest[] = { (void *) (sums + 4 * i), (void *) (m2s + 4 * i) };                            \
                                                                                                                       \
                        moments_merge_pairs_##D(2 * (n - i), rest, (void *[]) { half[0], half[1] }, n_each);           \
                        moments_merge_pairs_##D(n - i, (void *[]) { half[0], half[1] },                                \
                                                (void *[]) { sum + i, m2 + i }, 2 * n_each);                           \
                }                                                                                                      \
        }                                                                                                              \
        static void moments_lift_quads_##D(size_t n, const void *in, int64_t first, void *const *state) {              \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                const CTYPE_##D *restrict from = in, per2 = (CTYPE_##D) 0.5, weight2 = 1;                              \
                CTYPE_##D *restrict sum = state[0], *restrict m2 = state[1];                                           \
                CTYPE_##D half[2][2 * WIDTH] = {};                                                                     \
                size_t i                     = 0;                                                                      \
                                                                                                                       \
                for (; i + WIDTH <= n; i += WIDTH) {                                                                   \
                        const Wide_##D *p = (const Wide_##D *) (from + 4 * i);                                         \
                        Wide_##D s[2], t[2];                                                                           \
                                                                                                                       \
                        for (int k = 0; k < 2; k++) {                                                                  \
                                const Wide_##D a = WIDE_LEFT_##D(p[2 * k], p[2 * k + 1]);                              \
                                const Wide_##D b = WIDE_RIGHT_##D(p[2 * k], p[2 * k + 1]);                             \
                                                                                                                       \
                                t[k] = (b - a) * (b - a) * (CTYPE_##D) 0.5;                                            \
                                s[k] = a + b;                                                                          \
                        }                                                                                              \
                        MOMENTS_SECOND_(D)                                                                             \
                }                                                                                                      \
                if (i < n) {                                                                                           \
                        moments_lift_pairs_##D(2 * (n - i), from + 4 * i, first, (void *[]) { half[0], half[1] });     \
                        moments_merge_pairs_##D(n - i, (void *[]) { half[0], half[1] },                                \
                                                (void *[]) { sum + i, m2 + i }, 2);                                    \
                }                                                                                                      \
        }
#define MOMENTS_SECOND_(D)                                                                                             \
        const Wide_##D a = WIDE_LEFT2_##D(s[0], s[1]), b = WIDE_RIGHT2_##D(s[0], s[1]), d = (b - a) * per2;            \
        const Wide_##D squares = (WIDE_LEFT2_##D(t[0], t[1]) + WIDE_RIGHT2_##D(t[0], t[1])) + d * d * weight2;         \
                                                                                                                       \
        *(Wide_##D *) (sum + i) = WIDE_ORDER_##D(a + b);                                                               \
        *(Wide_##D *) (m2 + i) = WIDE_ORDER_##D(squares);
MOMENTS_QUADS_(F64)
MOMENTS_QUADS_(F32)

/* A run at a time, in its order, with all levels in registers: four vectors of neighbours become one of nodes over four
 * of them each. The factors are those of moments_merge_pairs. */
typedef struct Moments {
        Wide_F64 sum, m2;
} Moments;

static inline Moments moments_join(Moments a, Moments b, size_t n_each) {
        const double per = 1.0 / (double) n_each, weight = (double) n_each * 0.5;
        const Wide_F64 d = (b.sum - a.sum) * per;

        return (Moments) { a.sum + b.sum, (a.m2 + b.m2) + d * d * weight };
}

/* Turns four vectors so that lane k of all four is what was in vector k. */
#define TURN(v)                                                                                                        \
        do {                                                                                                           \
                const Wide_F64 even = WIDE_LEFT_F64((v)[0], (v)[1]), even2 = WIDE_LEFT_F64((v)[2], (v)[3]);            \
                const Wide_F64 odd = WIDE_RIGHT_F64((v)[0], (v)[1]), odd2 = WIDE_RIGHT_F64((v)[2], (v)[3]);            \
                                                                                                                       \
                (v)[0] = WIDE_LEFT2_F64(even, even2);                                                                  \
                (v)[1] = WIDE_LEFT2_F64(odd, odd2);                                                                    \
                (v)[2] = WIDE_RIGHT2_F64(even, even2);                                                                 \
                (v)[3] = WIDE_RIGHT2_F64(odd, odd2);                                                                   \
        } while (0)

static inline Moments moments_of_16(const double *from) {
        const Wide_F64 *in = (const Wide_F64 *) from;
        Wide_F64 v[4] = { in[0], in[1], in[2], in[3] }, a, b;

        TURN(v);
        a = v[1] - v[0];
        b = v[3] - v[2];
        return moments_join((Moments) { v[0] + v[1], a * a * 0.5 }, (Moments) { v[2] + v[3], b * b * 0.5 }, 2);
}

static inline Moments moments_quads(const Moments *in, size_t n_each) {
        Wide_F64 sum[4] = { in[0].sum, in[1].sum, in[2].sum, in[3].sum };
        Wide_F64 m2[4]  = { in[0].m2, in[1].m2, in[2].m2, in[3].m2 };

        TURN(sum);
        TURN(m2);
        return moments_join(moments_join((Moments) { sum[0], m2[0] }, (Moments) { sum[1], m2[1] }, n_each),
                            moments_join((Moments) { sum[2], m2[2] }, (Moments) { sum[3], m2[3] }, n_each), 2 * n_each);
}

/* A run, as nodes of 64 in the four lanes. */
static inline Moments moments_of_256(const double *from) {
        Moments of_64[4];

        _Static_assert(RUN_LEVEL == 8, "three rounds of four, and one of four runs");
        for (int k = 0; k < 4; k++) {
                Moments of_16[4];

                for (int j = 0; j < 4; j++)
                        of_16[j] = moments_of_16(from + 64 * k + 16 * j);
                of_64[k] = moments_quads(of_16, 4);
        }
        return moments_quads(of_64, 16);
}

/* Four runs, whose last rounds go together: nothing else waits for them. */
static inline void moments_of_runs(const double *from, size_t n, double *sum, double *m2) {
        Moments run[4];

        for (size_t k = 0; k < n; k++)
                run[k] = moments_of_256(from + (k << RUN_LEVEL));
        for (size_t k = n; k < 4; k++)
                run[k] = run[0];
        run[0] = moments_quads(run, 64);
        memcpy(sum, &run[0].sum, n * sizeof(*sum));
        memcpy(m2, &run[0].m2, n * sizeof(*m2));
}

/* Shorter ones, which are few. */
static void moments_of_run(int level, const double *from, double *ret_sum, double *ret_m2) {
        double sum[1 << (RUN_LEVEL - 2)] = {}, m2[1 << (RUN_LEVEL - 2)] = {};
        size_t n = (size_t) 1 << (level - 2);

        moments_lift_quads_F64(n, from, 0, (void *[]) { sum, m2 });
        for (int64_t n_each = 4; n > 1; n /= 2, n_each *= 2) {
                double sums[1 << (RUN_LEVEL - 3)], m2s[1 << (RUN_LEVEL - 3)];

                moments_merge_pairs_F64(n / 2, (void *[]) { sum, m2 }, (void *[]) { sums, m2s }, n_each);
                memcpy(sum, sums, n / 2 * sizeof(*sum));
                memcpy(m2, m2s, n / 2 * sizeof(*m2));
        }
        *ret_sum = sum[0];
        *ret_m2  = m2[0];
}

static void moments_lift_runs_F64(size_t n, int level, const void *in, _unused_ int64_t first, void *const *state) {
        const double *restrict from = in;
        double *restrict sum = state[0], *restrict m2 = state[1];

        if (level < RUN_LEVEL) {
                for (size_t i = 0; i < n; i++, from += (size_t) 1 << level)
                        moments_of_run(level, from, &sum[i], &m2[i]);
                return;
        }
        for (; n >= 4; n -= 4, from += (size_t) 4 << level, sum += 4, m2 += 4)
                moments_of_runs(from, 4, sum, m2);
        if (n > 0)
                moments_of_runs(from, n, sum, m2);
}

#define MOMENTS_LIFT_F64_(D, ...) MOMENTS_LIFT_(D, double, double)
BITS(MOMENTS_LIFT_F64_, )
MOMENTS_LIFT_(F16, float, float)
MOMENTS_LIFT_(F32, float, float)
MOMENTS_LIFT_(F64, double, double)
MOMENTS_LIFT_(C64, c64, float)
MOMENTS_LIFT_(C128, c128, double)

#define MOMENTS_ROW_(D, S, R, ...)                                                                                     \
        { .in = DTYPE_##D, .n_state = 2, .state = { DTYPE_##S, DTYPE_##R }, .out = DTYPE_##R,                          \
          .lift = moments_lift_##D, .merge = moments_merge_##S, .merge_pairs = moments_merge_pairs_##S,                \
          .finish = moments_finish_##S, .identity = &ZERO_##R, __VA_ARGS__ },
#define MOMENTS_TWO(D)                                                                                                 \
        .lift_two = moments_lift_two_##D, .lift_pairs = moments_lift_pairs_##D,                                        \
        .merge_quads = moments_merge_quads_##D, .lift_quads = moments_lift_quads_##D,                                  \
        .lift_eight = moments_lift_eight_##D
#define MOMENTS_ROW_F64_(D, ...) MOMENTS_ROW_(D, F64, F64, .merge_quads = moments_merge_quads_F64)

OP(moments) = {
        .name        = "moments",
        .doc         = "Sum of squared deviations from the mean along axes, in one pass.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .hidden      = true,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = (const Fold[]) {
                BITS(MOMENTS_ROW_F64_, )
                MOMENTS_ROW_(F16, F32, F32, )
                MOMENTS_ROW_(F32, F32, F32, MOMENTS_TWO(F32))
                MOMENTS_ROW_(F64, F64, F64, MOMENTS_TWO(F64), .lift_runs = moments_lift_runs_F64)
                MOMENTS_ROW_(C64, C64, F32, )
                MOMENTS_ROW_(C128, C128, F64, )
                {}
        },
};
