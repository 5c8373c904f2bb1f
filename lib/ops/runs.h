/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Runs of elements that lie side by side, each reduced to one node (graph/op.h: lift_runs).
 *
 * Where no bit tells in which order elements were merged, a run is a plain loop of which compilers make vectors:
 * integers that wrap, and extremes. These are found by keys, integers in the order of the elements: of floats their
 * bits, in negative ones all but the sign turned over. So the largest and smallest keys are those of NaNs, if there are
 * any, and only zeros have two keys for one number. Other merges go up the tree level by level, by merge_quads. */
#include "ops/kernel.h"

enum { RUN_GRAIN = 1 << RUN_LEAST }; /* the length of a run is a multiple of it */

/* ---- Merges in any order ----------------------------------------------------------------------------------------- */

/* Makes op_lift_runs_D(): `expr` merges b into a, in numbers of the type N; from its identity on, so that a run is
 * whole vectors. */
#define WRAPPING_RUNS_(D, S, N, op, expr, identity)                                                                    \
        static void op##_lift_runs_##D(size_t n, int level, const void *in, _unused_ int64_t first,                    \
                                       void *const *state) {                                                           \
                const size_t length             = (size_t) 1 << level & ~(size_t) (RUN_GRAIN - 1);                     \
                const MEMORY_##D *restrict from = in;                                                                  \
                CTYPE_##S *restrict out         = state[0];                                                            \
                                                                                                                       \
                for (size_t i = 0; i < n; i++, from += length) {                                                       \
                        N a = identity;                                                                                \
                                                                                                                       \
                        for (size_t k = 0; k < length; k++) {                                                          \
                                const N b = (N) from[k];                                                               \
                                a         = expr;                                                                      \
                        }                                                                                              \
                        out[i] = (CTYPE_##S) a;                                                                        \
                }                                                                                                      \
        }
/* Of bools a run fits into less than 32 bits. */
#define WRAPPING_RUNS(op, expr, identity)                                                                              \
        WRAPPING_RUNS_(BOOL, I64, int32_t, op, expr, identity)                                                         \
        WRAPPING_RUNS_(I8, I64, int64_t, op, expr, identity)                                                           \
        WRAPPING_RUNS_(U8, U64, uint64_t, op, expr, identity)                                                          \
        WRAPPING_RUNS_(I16, I64, int64_t, op, expr, identity)                                                          \
        WRAPPING_RUNS_(U16, U64, uint64_t, op, expr, identity)                                                         \
        WRAPPING_RUNS_(I32, I64, int64_t, op, expr, identity)                                                          \
        WRAPPING_RUNS_(U32, U64, uint64_t, op, expr, identity)                                                         \
        WRAPPING_RUNS_(I64, I64, int64_t, op, expr, identity)                                                          \
        WRAPPING_RUNS_(U64, U64, uint64_t, op, expr, identity)

/* ---- Running on -------------------------------------------------------------------------------------------------- */

/* Makes op_run_on_D(): `expr` merges a and b, its right neighbour, in any brackets. Of four elements only the last one
 * waits for the four before. */
#define RUNNING_(D, S, op, expr)                                                                                       \
        static inline CTYPE_##S op##_joined_##D(CTYPE_##S a, CTYPE_##S b) {                                            \
                return (CTYPE_##S) (expr);                                                                             \
        }                                                                                                              \
        static void op##_run_on_##D(size_t n, const void *in, void *carry, void *result) {                             \
                const MEMORY_##D *restrict from = in;                                                                  \
                CTYPE_##S *restrict out         = result;                                                              \
                CTYPE_##S last                  = *(const CTYPE_##S *) carry;                                          \
                size_t i                        = 0;                                                                   \
                                                                                                                       \
                for (; i + 4 <= n; i += 4) {                                                                           \
                        const CTYPE_##S a = (CTYPE_##S) from[i], b = (CTYPE_##S) from[i + 1];                          \
                        const CTYPE_##S c = (CTYPE_##S) from[i + 2], d = (CTYPE_##S) from[i + 3];                      \
                        const CTYPE_##S left = op##_joined_##D(a, b), right = op##_joined_##D(c, d);                   \
                        const CTYPE_##S half = op##_joined_##D(last, left);                                            \
                                                                                                                       \
                        out[i]     = op##_joined_##D(last, a);                                                         \
                        out[i + 1] = half;                                                                             \
                        out[i + 2] = op##_joined_##D(half, c);                                                         \
                        out[i + 3] = last = op##_joined_##D(last, op##_joined_##D(left, right));                       \
                }                                                                                                      \
                for (; i < n; i++)                                                                                     \
                        out[i] = last = op##_joined_##D(last, (CTYPE_##S) from[i]);                                    \
                *(CTYPE_##S *) carry = last;                                                                           \
        }
#define RUNNING_SAME_(D, op, expr) RUNNING_(D, D, op, expr)
#define RUNNING_BITS(op, expr) BITS(RUNNING_SAME_, op, expr)
#define RUNNING_FLOATS(op, expr) WHOLE_FLOATS(RUNNING_SAME_, op, expr)
/* Of integers that wrap in 64 bits. */
#define RUNNING_WIDENING(op, expr)                                                                                     \
        RUNNING_(BOOL, I64, op, expr)                                                                                  \
        RUNNING_(I8, I64, op, expr)                                                                                    \
        RUNNING_(U8, U64, op, expr)                                                                                    \
        RUNNING_(I16, I64, op, expr)                                                                                   \
        RUNNING_(U16, U64, op, expr)                                                                                   \
        RUNNING_(I32, I64, op, expr)                                                                                   \
        RUNNING_(U32, U64, op, expr)                                                                                   \
        RUNNING_(I64, I64, op, expr)                                                                                   \
        RUNNING_(U64, U64, op, expr)

/* ---- Extremes ---------------------------------------------------------------------------------------------------- */

/* An element's key, whether it is that of a NaN, and the element that is an extreme: of several zeros MINIMUM and
 * MAXIMUM keep the last one. */
#define KEYS_OF_INTEGERS_(D, ...)                                                                                      \
        typedef MEMORY_##D Key_##D;                                                                                    \
        static inline Key_##D key_##D(MEMORY_##D a) {                                                                  \
                return a;                                                                                              \
        }                                                                                                              \
        static inline bool key_is_nan_##D(_unused_ Key_##D key) {                                                      \
                return false;                                                                                          \
        }                                                                                                              \
        static inline CTYPE_##D key_element_##D(Key_##D key) {                                                         \
                return key;                                                                                            \
        }                                                                                                              \
        static inline CTYPE_##D last_of_run_##D(_unused_ size_t n, _unused_ const MEMORY_##D *in, CTYPE_##D element) { \
                return element;                                                                                        \
        }
#define KEYS_OF_FLOATS_(D, bits_of, of_bits, n_bits, infinity)                                                         \
        typedef int##n_bits##_t Key_##D;                                                                               \
        static inline Key_##D key_turn_##D(Key_##D key) {                                                              \
                return key ^ (key >> (n_bits - 1) & INT##n_bits##_MAX);                                                \
        }                                                                                                              \
        static inline Key_##D key_##D(CTYPE_##D a) {                                                                   \
                return key_turn_##D((Key_##D) bits_of(a));                                                             \
        }                                                                                                              \
        static inline bool key_is_nan_##D(Key_##D key) {                                                               \
                return key > (infinity) || key < ~(infinity);                                                          \
        }                                                                                                              \
        static inline CTYPE_##D key_element_##D(Key_##D key) {                                                         \
                return of_bits((uint##n_bits##_t) key_turn_##D(key));                                                  \
        }                                                                                                              \
        static inline CTYPE_##D last_of_run_##D(size_t n, const CTYPE_##D *in, CTYPE_##D element) {                    \
                while (element == 0 && in[--n] != 0) {                                                                 \
                }                                                                                                      \
                return element == 0 ? in[n] : element;                                                                 \
        }
BITS(KEYS_OF_INTEGERS_, )
KEYS_OF_FLOATS_(F32, f32_bits, f32_from_bits, 32, INT32_C(0x7f800000))
KEYS_OF_FLOATS_(F64, f64_bits, f64_from_bits, 64, INT64_C(0x7ff0000000000000))

/* The element of a run that is its minimum or maximum, as `which` says; NaN if there is one. */
#define EXTREME_OF_RUN_(D, which)                                                                                      \
        static inline CTYPE_##D which##_of_run_##D(size_t n, const MEMORY_##D *restrict in) {                          \
                Key_##D min = key_##D(in[0]), max = min;                                                               \
                                                                                                                       \
                n &= ~(size_t) (RUN_GRAIN - 1);                                                                        \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const Key_##D key = key_##D(in[i]);                                                            \
                                                                                                                       \
                        min = key < min ? key : min;                                                                   \
                        max = key > max ? key : max;                                                                   \
                }                                                                                                      \
                return key_element_##D(key_is_nan_##D(min) ? min : key_is_nan_##D(max) ? max : which);                 \
        }

/* Makes op_lift_runs_D() of the extremes themselves. */
#define EXTREME_RUNS_(D, op, which)                                                                                    \
        EXTREME_OF_RUN_(D, which)                                                                                      \
        static void op##_lift_runs_##D(size_t n, int level, const void *in, _unused_ int64_t first,                    \
                                       void *const *state) {                                                           \
                const size_t length = (size_t) 1 << level;                                                             \
                const MEMORY_##D *restrict from = in;                                                                  \
                CTYPE_##D *restrict out = state[0];                                                                    \
                                                                                                                       \
                for (size_t i = 0; i < n; i++, from += length)                                                         \
                        out[i] = last_of_run_##D(length, from, which##_of_run_##D(length, from));                      \
        }
#define EXTREME_RUNS(op, which)                                                                                        \
        BITS(EXTREME_RUNS_, op, which) EXTREME_RUNS_(F32, op, which) EXTREME_RUNS_(F64, op, which)

/* The first position of the element, which is there; of NaN that of the first NaN. */
#define FIND_IN_RUN_(D, ...)                                                                                           \
        static inline size_t find_in_run_##D(const MEMORY_##D *in, CTYPE_##D element) {                                \
                if (IS_NAN(element)) {                                                                                 \
                        size_t at = 0;                                                                                 \
                                                                                                                       \
                        while (!IS_NAN(in[at]))                                                                        \
                                at++;                                                                                  \
                        return at;                                                                                     \
                }                                                                                                      \
                for (size_t from = 0;; from += RUN_GRAIN) {                                                            \
                        uint8_t found[RUN_GRAIN]; /* and eight of them as one number, the first lowest */              \
                        uint64_t any[RUN_GRAIN / 8];                                                                   \
                                                                                                                       \
                        for (int i = 0; i < RUN_GRAIN; i++)                                                            \
                                found[i] = in[from + i] == element;                                                    \
                        memcpy(any, found, sizeof(any));                                                               \
                        for (size_t k = 0; k < ELEMENTSOF(any); k++)                                                   \
                                if (any[k])                                                                            \
                                        return from + 8 * k + (size_t) __builtin_ctzll(any[k]) / 8;                    \
                }                                                                                                      \
        }
BITS(FIND_IN_RUN_, )
FIND_IN_RUN_(F32)
FIND_IN_RUN_(F64)

/* Makes op_lift_runs_D() of the first element that is the extreme, and its index. */
#define ARG_RUNS_(D, op, which)                                                                                        \
        EXTREME_OF_RUN_(D, which)                                                                                      \
        static void op##_lift_runs_##D(size_t n, int level, const void *in, int64_t first, void *const *state) {       \
                const size_t length = (size_t) 1 << level;                                                             \
                const MEMORY_##D *restrict from = in;                                                                  \
                CTYPE_##D *restrict out = state[0];                                                                    \
                int64_t *restrict out_at = state[1];                                                                   \
                                                                                                                       \
                for (size_t i = 0; i < n; i++, from += length, first += (int64_t) length) {                            \
                        const size_t at = find_in_run_##D(from, which##_of_run_##D(length, from));                     \
                                                                                                                       \
                        out[i] = from[at];                                                                             \
                        out_at[i] = first + (int64_t) at;                                                              \
                }                                                                                                      \
        }
#define ARG_RUNS(op, which) BITS(ARG_RUNS_, op, which) ARG_RUNS_(F32, op, which) ARG_RUNS_(F64, op, which)

/* ---- Level by level ---------------------------------------------------------------------------------------------- */

#define WIDE_SWAP_F64(a) __builtin_shufflevector(a, a, 2, 3, 0, 1)
#define WIDE_SWAP_F32(a) __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3)

/* Makes op_lift_runs_D() from what QUADS_LOOPS makes. The last nodes are in one vector or two: neighbours are brought
 * face to face as there, and the halves of a vector by swapping them. */
#define QUADS_RUNS_(D, op)                                                                                             \
        static inline Wide_##D op##_pairs_##D(Wide_##D a, Wide_##D b) {                                                \
                return op##_wide_##D(WIDE_LEFT_##D(a, b), WIDE_RIGHT_##D(a, b));                                       \
        }                                                                                                              \
        static void op##_lift_runs_##D(size_t n, int level, const void *in, _unused_ int64_t first,                    \
                                       void *const *state) {                                                           \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                const size_t length = (size_t) 1 << level;                                                             \
                const CTYPE_##D *from = in;                                                                            \
                CTYPE_##D *out = state[0];                                                                             \
                                                                                                                       \
                for (size_t i = 0; i < n; i++, from += length) {                                                       \
                        CTYPE_##D quads[2][1 << (RUN_LEVEL - 2)];                                                      \
                        const Wide_##D *last;                                                                          \
                        size_t m = length / 4;                                                                         \
                        Wide_##D a;                                                                                    \
                        int t;                                                                                         \
                                                                                                                       \
                        op##_merge_quads_##D(m, (void *[]) { (void *) from }, (void *[]) { quads[0] }, 1);             \
                        for (t = 0; m > 2 * WIDTH; t = !t) {                                                           \
                                m /= 4;                                                                                \
                                op##_merge_quads_##D(m, (void *[]) { quads[t] }, (void *[]) { quads[!t] }, 1);         \
                        }                                                                                              \
                        last = (const Wide_##D *) quads[t];                                                            \
                        a = m > WIDTH ? op##_pairs_##D(last[0], last[1]) : op##_pairs_##D(last[0], last[0]);           \
                        if (WIDTH == 8)                                                                                \
                                a = op##_pairs_##D(a, a);                                                              \
                        a = op##_wide_##D(a, WIDE_SWAP_##D(a));                                                        \
                        out[i] = m > WIDTH ? op##_pairs_##D(a, a)[0] : a[0];                                           \
                }                                                                                                      \
        }
#define QUADS_RUNS(op) QUADS_RUNS_(F64, op) QUADS_RUNS_(F32, op)
