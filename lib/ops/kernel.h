/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Kernels from one expression. An ordinary operator is
 *
 *     BINARY(copysign, FLOATS, FLOAT_FN(a, copysign)(a, b))
 *     OP(copysign) = { .name = "copysign", …, .n_in = 2, .kernels = copysign_kernels };
 *
 * and the expression becomes one loop per dtype of the list. In it, a, b and c are the elements of the inputs in T,
 * the type that the dtype computes in (float16 is loaded to and stored from float, which is how NumPy computes it),
 * and `params` is the operator's parameter struct. Where an operator needs several expressions, it writes *_LOOPS
 * for each and lists the rows in the order of dtypes, which is the order in which a kernel is looked for:
 *
 *     .kernels = KERNELS(UNARY_ROWS(FLOATS, sqrt) UNARY_ROWS(COMPLEXES, sqrt)),
 *
 * A reduction is REDUCE_LOOPS of an expression that merges a (left) and b (right), and FOLD_ROWS.
 *
 * What must stay true: the loops are plain C without calls, conditions written so that compilers make vectors of
 * them. The bits are the same on every CPU level, since nothing is contracted or reordered (-ffp-contract=off, no
 * -ffast-math) and no function is called whose bits depend on the CPU. Integers wrap (-fwrapv), and no conversion or
 * shift is undefined. All NaNs are one: which of two NaNs an operation passes on is not promised. */
#include <math.h>

#include "graph/op.h"
#include "tensor/half.h"

typedef _Complex float c64;
typedef _Complex double c128;

/* In memory, in registers, and between. */
#define MEMORY_BOOL uint8_t /* not bool: of loads of those compilers make no vectors */
#define MEMORY_I8 int8_t
#define MEMORY_U8 uint8_t
#define MEMORY_I16 int16_t
#define MEMORY_U16 uint16_t
#define MEMORY_I32 int32_t
#define MEMORY_U32 uint32_t
#define MEMORY_I64 int64_t
#define MEMORY_U64 uint64_t
#define MEMORY_F16 uint16_t
#define MEMORY_F32 float
#define MEMORY_F64 double
#define MEMORY_C64 c64
#define MEMORY_C128 c128

#define CTYPE_BOOL bool
#define CTYPE_I8 int8_t
#define CTYPE_U8 uint8_t
#define CTYPE_I16 int16_t
#define CTYPE_U16 uint16_t
#define CTYPE_I32 int32_t
#define CTYPE_U32 uint32_t
#define CTYPE_I64 int64_t
#define CTYPE_U64 uint64_t
#define CTYPE_F16 float
#define CTYPE_F32 float
#define CTYPE_F64 double
#define CTYPE_C64 c64
#define CTYPE_C128 c128

#define LOAD_BOOL(v) (v)
#define LOAD_I8(v) (v)
#define LOAD_U8(v) (v)
#define LOAD_I16(v) (v)
#define LOAD_U16(v) (v)
#define LOAD_I32(v) (v)
#define LOAD_U32(v) (v)
#define LOAD_I64(v) (v)
#define LOAD_U64(v) (v)
#define LOAD_F16(v) f16_to_f32(v)
#define LOAD_F32(v) (v)
#define LOAD_F64(v) (v)
#define LOAD_C64(v) (v)
#define LOAD_C128(v) (v)

#define STORE_BOOL(v) ((bool) (v))
#define STORE_I8(v) ((int8_t) (v))
#define STORE_U8(v) ((uint8_t) (v))
#define STORE_I16(v) ((int16_t) (v))
#define STORE_U16(v) ((uint16_t) (v))
#define STORE_I32(v) ((int32_t) (v))
#define STORE_U32(v) ((uint32_t) (v))
#define STORE_I64(v) ((int64_t) (v))
#define STORE_U64(v) ((uint64_t) (v))
#define STORE_F16(v) f16_from_f32(v)
#define STORE_F32(v) ((float) (v))
#define STORE_F64(v) ((double) (v))
#define STORE_C64(v) ((c64) (v))
#define STORE_C128(v) ((c128) (v))

/* The unsigned type of an integer's width. */
#define UNSIGNED_I8 uint8_t
#define UNSIGNED_U8 uint8_t
#define UNSIGNED_I16 uint16_t
#define UNSIGNED_U16 uint16_t
#define UNSIGNED_I32 uint32_t
#define UNSIGNED_U32 uint32_t
#define UNSIGNED_I64 uint64_t
#define UNSIGNED_U64 uint64_t

/* ---- Lists of dtypes, each in the order of NumPy's loops -------------------------------------------------------- */

#define BOOLS(X, ...) X(BOOL, __VA_ARGS__)
#define SIGNED(X, ...) X(I8, __VA_ARGS__) X(I16, __VA_ARGS__) X(I32, __VA_ARGS__) X(I64, __VA_ARGS__)
#define UNSIGNED(X, ...) X(U8, __VA_ARGS__) X(U16, __VA_ARGS__) X(U32, __VA_ARGS__) X(U64, __VA_ARGS__)
#define INTEGERS(X, ...)                                                                                               \
        X(I8, __VA_ARGS__) X(U8, __VA_ARGS__) X(I16, __VA_ARGS__) X(U16, __VA_ARGS__)                                  \
        X(I32, __VA_ARGS__) X(U32, __VA_ARGS__) X(I64, __VA_ARGS__) X(U64, __VA_ARGS__)
#define WHOLE_FLOATS(X, ...) X(F32, __VA_ARGS__) X(F64, __VA_ARGS__) /* computed in what they are */
#define FLOATS(X, ...) X(F16, __VA_ARGS__) X(F32, __VA_ARGS__) X(F64, __VA_ARGS__)
#define COMPLEXES(X, ...) X(C64, __VA_ARGS__) X(C128, __VA_ARGS__)
#define BITS(X, ...) BOOLS(X, __VA_ARGS__) INTEGERS(X, __VA_ARGS__)
#define REALS(X, ...) INTEGERS(X, __VA_ARGS__) FLOATS(X, __VA_ARGS__)
#define ORDERED(X, ...) BOOLS(X, __VA_ARGS__) REALS(X, __VA_ARGS__)
#define NUMBERS(X, ...) REALS(X, __VA_ARGS__) COMPLEXES(X, __VA_ARGS__)
#define ALL(X, ...) BOOLS(X, __VA_ARGS__) NUMBERS(X, __VA_ARGS__)

#define NARROW(X, ...)                                                                                                 \
        BOOLS(X, __VA_ARGS__) X(I8, __VA_ARGS__) X(U8, __VA_ARGS__) X(I16, __VA_ARGS__) X(U16, __VA_ARGS__)            \
        X(I32, __VA_ARGS__) X(U32, __VA_ARGS__)

/* Elements of a loop do not depend on each other, even where an output is one of the inputs. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* ---- Maps ------------------------------------------------------------------------------------------------------- */

#define MAP_FUNCTION_(fn) static void fn(size_t n, void *const *arg, _unused_ const void *params)

#define UNARY_LOOP_(D, O, op, expr)                                                                                    \
        MAP_FUNCTION_(op##_##D) {                                                                                      \
                typedef CTYPE_##D T _unused_;                                                                          \
                const MEMORY_##D *restrict in_a = arg[0];                                                              \
                MEMORY_##O *restrict out = arg[1];                                                                     \
                                                                                                                       \
                INDEPENDENT                                                                                            \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const T a _unused_ = LOAD_##D(in_a[i]);                                                        \
                        out[i] = STORE_##O(expr);                                                                      \
                }                                                                                                      \
        }
/* Three loops: of two strips, and of a strip and one element that is the same for all, on the left or on the right. */
#define BINARY_LOOP_OF_(fn, D, O, a_i, b_i, expr)                                                                      \
        MAP_FUNCTION_(fn) {                                                                                            \
                typedef CTYPE_##D T _unused_;                                                                          \
                const MEMORY_##D *restrict in_a = arg[0], *restrict in_b = arg[1];                                     \
                MEMORY_##O *restrict out = arg[2];                                                                     \
                                                                                                                       \
                INDEPENDENT                                                                                            \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const T a = LOAD_##D(in_a[a_i]), b = LOAD_##D(in_b[b_i]);                                      \
                        out[i] = STORE_##O(expr);                                                                      \
                }                                                                                                      \
        }
#define BINARY_LOOP_(D, O, op, expr)                                                                                   \
        BINARY_LOOP_OF_(op##_##D, D, O, i, i, expr)                                                                    \
        BINARY_LOOP_OF_(op##_##D##_left, D, O, 0, i, expr)                                                             \
        BINARY_LOOP_OF_(op##_##D##_right, D, O, i, 0, expr)
/* Where one input is a product, of two strips or of one factor and a strip, and the other a strip or one element. The
 * product is rounded, as it is by itself. */
#define PRODUCT_LOOP_OF_(fn, D, factor_i, other_i, a_of, b_of, expr)                                                   \
        MAP_FUNCTION_(fn) {                                                                                            \
                typedef CTYPE_##D T _unused_;                                                                          \
                const MEMORY_##D *restrict in_factor = arg[0], *restrict in_b = arg[1], *restrict in_other = arg[2];   \
                MEMORY_##D *restrict out = arg[3];                                                                     \
                                                                                                                       \
                INDEPENDENT                                                                                            \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const T product = LOAD_##D(in_factor[factor_i]) * LOAD_##D(in_b[i]);                           \
                        const T other = LOAD_##D(in_other[other_i]), a = a_of, b = b_of;                               \
                        out[i] = STORE_##D(expr);                                                                      \
                }                                                                                                      \
        }
#define PRODUCT_LOOPS_OF_(fn, D, a_of, b_of, expr)                                                                     \
        PRODUCT_LOOP_OF_(fn, D, i, i, a_of, b_of, expr)                                                                \
        PRODUCT_LOOP_OF_(fn##_other, D, i, 0, a_of, b_of, expr)                                                        \
        PRODUCT_LOOP_OF_(fn##_factor, D, 0, i, a_of, b_of, expr)                                                       \
        PRODUCT_LOOP_OF_(fn##_both, D, 0, 0, a_of, b_of, expr)
#define PRODUCT_LOOPS_(D, op, expr)                                                                                    \
        PRODUCT_LOOPS_OF_(op##_##D##_product_left, D, product, other, expr)                                            \
        PRODUCT_LOOPS_OF_(op##_##D##_product_right, D, other, product, expr)
#define TERNARY_LOOP_(D, O, op, expr)                                                                                  \
        MAP_FUNCTION_(op##_##D) {                                                                                      \
                typedef CTYPE_##D T _unused_;                                                                          \
                const MEMORY_##D *restrict in_a = arg[0], *restrict in_b = arg[1], *restrict in_c = arg[2];            \
                MEMORY_##O *restrict out = arg[3];                                                                     \
                                                                                                                       \
                INDEPENDENT                                                                                            \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const T a = LOAD_##D(in_a[i]), b = LOAD_##D(in_b[i]), c = LOAD_##D(in_c[i]);                   \
                        out[i] = STORE_##O(expr);                                                                      \
                }                                                                                                      \
        }
/* Two outputs: the statement sets r and s, which have the element's type T. */
#define BINARY_PAIR_LOOP_(D, op, statement)                                                                            \
        MAP_FUNCTION_(op##_##D) {                                                                                      \
                typedef CTYPE_##D T;                                                                                   \
                const MEMORY_##D *restrict in_a = arg[0], *restrict in_b = arg[1];                                     \
                MEMORY_##D *restrict out_r = arg[2], *restrict out_s = arg[3];                                         \
                                                                                                                       \
                INDEPENDENT                                                                                            \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const T a = LOAD_##D(in_a[i]), b = LOAD_##D(in_b[i]);                                          \
                        T r, s;                                                                                        \
                        statement;                                                                                     \
                        out_r[i] = STORE_##D(r);                                                                       \
                        out_s[i] = STORE_##D(s);                                                                       \
                }                                                                                                      \
        }

#define UNARY_SAME_(D, op, expr) UNARY_LOOP_(D, D, op, expr)
#define BINARY_SAME_(D, op, expr) BINARY_LOOP_(D, D, op, expr)
#define TERNARY_SAME_(D, op, expr) TERNARY_LOOP_(D, D, op, expr)
#define UNARY_BOOL_(D, op, expr) UNARY_LOOP_(D, BOOL, op, expr)
#define BINARY_BOOL_(D, op, expr) BINARY_LOOP_(D, BOOL, op, expr)
#define UNARY_F64_(D, op, expr) UNARY_LOOP_(D, F64, op, expr)
#define BINARY_F64_(D, op, expr) BINARY_LOOP_(D, F64, op, expr)

#define UNARY_LOOPS(op, LIST, expr) LIST(UNARY_SAME_, op, expr)
#define BINARY_LOOPS(op, LIST, expr) LIST(BINARY_SAME_, op, expr)
#define TERNARY_LOOPS(op, LIST, expr) LIST(TERNARY_SAME_, op, expr)
#define UNARY_LOOPS_TO(O, op, LIST, expr) LIST(UNARY_##O##_, op, expr)
#define PRODUCT_LOOPS(op, LIST, expr) LIST(PRODUCT_LOOPS_, op, expr)
#define BINARY_LOOPS_TO(O, op, LIST, expr) LIST(BINARY_##O##_, op, expr)
#define BINARY_PAIR_LOOPS(op, LIST, statement) LIST(BINARY_PAIR_LOOP_, op, statement)

/* Rows of a kernel table. */
#define UNARY_ROW_(D, op) { { DTYPE_##D }, { DTYPE_##D, DTYPE_NONE }, op##_##D, {} },
#define BINARY_ROW_(D, op) BINARY_ROW_TO_(D, D, op)
#define TERNARY_ROW_(D, op) { { DTYPE_##D, DTYPE_##D, DTYPE_##D }, { DTYPE_##D, DTYPE_NONE }, op##_##D, {} },
#define UNARY_ROW_TO_(D, O, op) { { DTYPE_##D }, { DTYPE_##O, DTYPE_NONE }, op##_##D, {} },
#define BINARY_ROW_TO_(D, O, op)                                                                                       \
        { { DTYPE_##D, DTYPE_##D }, { DTYPE_##O, DTYPE_NONE }, op##_##D,                                               \
          { { op##_##D##_left, op##_##D##_right }, {}, MAP_ANY } },
#define PRODUCT_VARIANTS_(fn) { { fn, fn##_other }, { fn##_factor, fn##_both } }
#define BINARY_PRODUCT_ROW_(D, op, kind)                                                                               \
        { { DTYPE_##D, DTYPE_##D },                                                                                    \
          { DTYPE_##D, DTYPE_NONE },                                                                                   \
          op##_##D,                                                                                                    \
          { { op##_##D##_left, op##_##D##_right },                                                                     \
            { { PRODUCT_VARIANTS_(op##_##D##_product_left), PRODUCT_VARIANTS_(op##_##D##_product_right) } },           \
            kind } },
#define UNARY_PRODUCT_ROW_(D, op) { { DTYPE_##D }, { DTYPE_##D, DTYPE_NONE }, op##_##D, { {}, {}, MAP_PRODUCT } },
#define BINARY_WHOLE_ROW_(D, op) { { DTYPE_##D, DTYPE_##D }, { DTYPE_##D, DTYPE_NONE }, op##_##D, {} },
#define BINARY_PAIR_ROW_(D, op) { { DTYPE_##D, DTYPE_##D }, { DTYPE_##D, DTYPE_##D }, op##_##D, {} },

#define UNARY_ROWS(LIST, op) LIST(UNARY_ROW_, op)
#define BINARY_ROWS(LIST, op) LIST(BINARY_ROW_, op)
#define BINARY_WHOLE_ROWS(LIST, op) LIST(BINARY_WHOLE_ROW_, op) /* kernels that are no BINARY_LOOPS */
#define BINARY_PRODUCT_ROWS(LIST, op, kind) LIST(BINARY_PRODUCT_ROW_, op, kind) /* with PRODUCT_LOOPS */
#define UNARY_PRODUCT_ROWS(LIST, op) LIST(UNARY_PRODUCT_ROW_, op)                 /* a * a */
#define TERNARY_ROWS(LIST, op) LIST(TERNARY_ROW_, op)
#define UNARY_ROWS_TO(LIST, O, op) LIST(UNARY_ROW_TO_, O, op)
#define BINARY_ROWS_TO(LIST, O, op) LIST(BINARY_ROW_TO_, O, op)
#define BINARY_PAIR_ROWS(LIST, op) LIST(BINARY_PAIR_ROW_, op)

#define KERNELS(...) (const MapKernel[]) { __VA_ARGS__ {} }

/* Loops and table at once, for operators with one expression. */
#define UNARY(op, LIST, expr)                                                                                          \
        UNARY_LOOPS(op, LIST, expr)                                                                                    \
        static const MapKernel op##_kernels[] = { UNARY_ROWS(LIST, op) {} };
#define BINARY(op, LIST, expr)                                                                                         \
        BINARY_LOOPS(op, LIST, expr)                                                                                   \
        static const MapKernel op##_kernels[] = { BINARY_ROWS(LIST, op) {} };
#define UNARY_TO(O, op, LIST, expr)                                                                                    \
        UNARY_LOOPS_TO(O, op, LIST, expr)                                                                              \
        static const MapKernel op##_kernels[] = { UNARY_ROWS_TO(LIST, O, op) {} };
#define BINARY_TO(O, op, LIST, expr)                                                                                   \
        BINARY_LOOPS_TO(O, op, LIST, expr)                                                                             \
        static const MapKernel op##_kernels[] = { BINARY_ROWS_TO(LIST, O, op) {} };

/* ---- Reductions -------------------------------------------------------------------------------------------------- */

/* Eight rows are merged a block of elements at a time: pairs, then pairs of these, each a loop that compilers make
 * vectors of. */
enum { EIGHT_BLOCK = 64 };

/* Of one component: the expression merges a (left) and b (right). The state is the element; of float16 it is
 * float32. */
#define REDUCE_LOOP_(D, op, expr)                                                                                      \
        static _unused_ void op##_lift_eight_##D(size_t n, const void *const *row, _unused_ int64_t index,             \
                                                 void *const *state) {                                                 \
                typedef CTYPE_##D T;                                                                                   \
                                                                                                                       \
                for (size_t at = 0; at < n; at += EIGHT_BLOCK) {                                                       \
                        const size_t m = MIN(n - at, (size_t) EIGHT_BLOCK);                                            \
                        T half[4][EIGHT_BLOCK], *restrict out = (T *) state[0] + at;                                   \
                                                                                                                       \
                        for (int k = 0; k < 4; k++) {                                                                  \
                                const T *left = (const T *) row[2 * k] + at, *right = (const T *) row[2 * k + 1] + at; \
                                                                                                                       \
                                for (size_t i = 0; i < m; i++) {                                                       \
                                        const T a = left[i], b = right[i];                                             \
                                        half[k][i] = (T) (expr);                                                       \
                                }                                                                                      \
                        }                                                                                              \
                        for (int k = 0; k < 2; k++)                                                                    \
                                INDEPENDENT for (size_t i = 0; i < m; i++) {                                           \
                                        const T a = half[2 * k][i], b = half[2 * k + 1][i];                            \
                                        half[k][i] = (T) (expr);                                                       \
                                }                                                                                      \
                        for (size_t i = 0; i < m; i++) {                                                               \
                                const T a = half[0][i], b = half[1][i];                                                \
                                out[i] = (T) (expr);                                                                   \
                        }                                                                                              \
                }                                                                                                      \
        }                                                                                                              \
        static void op##_merge_##D(size_t n, void *const *a_state, void *const *b_state, void *const *out_state,       \
                                   _unused_ int64_t n_a, _unused_ int64_t n_b) {                                       \
                typedef CTYPE_##D T;                                                                                   \
                const T *left = a_state[0], *right = b_state[0];                                                       \
                T *out = out_state[0];                                                                                 \
                                                                                                                       \
                INDEPENDENT for (size_t i = 0; i < n; i++) {                                                           \
                        const T a = left[i], b = right[i];                                                             \
                        out[i] = (T) (expr);                                                                           \
                }                                                                                                      \
        }                                                                                                              \
        static void op##_merge_pairs_##D(size_t n, void *const *in_state, void *const *out_state,                      \
                                         _unused_ int64_t n_each) {                                                    \
                typedef CTYPE_##D T;                                                                                   \
                const T *restrict in = in_state[0];                                                                    \
                T *restrict out = out_state[0];                                                                        \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const T a = in[2 * i], b = in[2 * i + 1];                                                      \
                        out[i] = (T) (expr);                                                                           \
                }                                                                                                      \
        }
#define REDUCE_LOOPS(op, LIST, expr) LIST(REDUCE_LOOP_, op, expr)

/* Two levels at once of float64 and float32, in vectors of 32 bytes: neighbours are brought face to face by shuffles
 * within two vectors, and what is out of order after the first level is put in order by those of the second. `expr`
 * is of vectors. */
typedef double Wide_F64 __attribute__((vector_size(32), aligned(8)));
typedef float Wide_F32 __attribute__((vector_size(32), aligned(4)));
#define WIDE_LEFT_F64(a, b) __builtin_shufflevector(a, b, 0, 4, 2, 6)
#define WIDE_RIGHT_F64(a, b) __builtin_shufflevector(a, b, 1, 5, 3, 7)
#define WIDE_LEFT2_F64(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define WIDE_RIGHT2_F64(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#define WIDE_ORDER_F64(a) (a)
#define WIDE_LEFT_F32(a, b) __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14)
#define WIDE_RIGHT_F32(a, b) __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15)
#define WIDE_LEFT2_F32(a, b) __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14)
#define WIDE_RIGHT2_F32(a, b) __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15)
#define WIDE_ORDER_F32(a) __builtin_shufflevector(a, a, 0, 4, 1, 5, 2, 6, 3, 7)
#define QUADS_LOOP_(D, op, expr)                                                                                       \
        static inline Wide_##D op##_wide_##D(Wide_##D a, Wide_##D b) {                                                 \
                return (expr);                                                                                         \
        }                                                                                                              \
        static void op##_merge_quads_##D(size_t n, void *const *in_state, void *const *out_state, int64_t n_each) {    \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                const CTYPE_##D *restrict in = in_state[0];                                                            \
                CTYPE_##D *restrict out      = out_state[0];                                                           \
                CTYPE_##D half[2 * WIDTH]    = {};                                                                     \
                size_t i                     = 0;                                                                      \
                                                                                                                       \
                for (; i + WIDTH <= n; i += WIDTH) {                                                                   \
                        const Wide_##D *p = (const Wide_##D *) (in + 4 * i);                                           \
                        const Wide_##D a  = op##_wide_##D(WIDE_LEFT_##D(p[0], p[1]), WIDE_RIGHT_##D(p[0], p[1]));      \
                        const Wide_##D b  = op##_wide_##D(WIDE_LEFT_##D(p[2], p[3]), WIDE_RIGHT_##D(p[2], p[3]));      \
                        const Wide_##D c  = op##_wide_##D(WIDE_LEFT2_##D(a, b), WIDE_RIGHT2_##D(a, b));                \
                                                                                                                       \
                        *(Wide_##D *) (out + i) = WIDE_ORDER_##D(c);                                                   \
                }                                                                                                      \
                if (i < n) {                                                                                           \
                        op##_merge_pairs_##D(2 * (n - i), (void *[]) { (void *) (in + 4 * i) }, (void *[]) { half },   \
                                             n_each);                                                                  \
                        op##_merge_pairs_##D(n - i, (void *[]) { half }, (void *[]) { out + i }, 2 * n_each);          \
                }                                                                                                      \
        }
#define QUADS_LOOPS(op, expr) QUADS_LOOP_(F64, op, expr) QUADS_LOOP_(F32, op, expr)
/* A selection of vectors, as ?: of numbers. */
#define WIDE_SELECT(mask, a, b)                                                                                        \
        ((__typeof__(a)) (((mask) & (__typeof__(mask)) (a)) | (~(mask) & (__typeof__(mask)) (b))))

/* Makes name_D(): states of dtype S of elements of dtype D, by an expression of a. */
#define LIFT(D, S, name, expr)                                                                                         \
        static _unused_ void name##_##D(size_t n, const void *in, _unused_ int64_t first, _unused_ int64_t step,       \
                                        void *const *state) {                                                          \
                const MEMORY_##D *restrict in_a = in;                                                                  \
                CTYPE_##S *restrict out = state[0];                                                                    \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const CTYPE_##D a = LOAD_##D(in_a[i]);                                                         \
                        out[i] = (CTYPE_##S) (expr);                                                                   \
                }                                                                                                      \
        }

/* float16 is reduced in float32, and the narrow integers of sums and products in 64 bits. */
LIFT(F16, F32, lift, a)
LIFT(BOOL, I64, lift, a)
LIFT(I8, I64, lift, a)
LIFT(U8, U64, lift, a)
LIFT(I16, I64, lift, a)
LIFT(U16, U64, lift, a)
LIFT(I32, I64, lift, a)
LIFT(U32, U64, lift, a)
static _unused_ void finish_F16(size_t n, void *const *state, _unused_ int64_t count, void *out) {
        const float *restrict from = state[0];
        uint16_t *restrict to = out;

        for (size_t i = 0; i < n; i++)
                to[i] = f16_from_f32(from[i]);
}

#define STATE_BOOL DTYPE_BOOL, NULL, NULL
#define STATE_I8 DTYPE_I8, NULL, NULL
#define STATE_U8 DTYPE_U8, NULL, NULL
#define STATE_I16 DTYPE_I16, NULL, NULL
#define STATE_U16 DTYPE_U16, NULL, NULL
#define STATE_I32 DTYPE_I32, NULL, NULL
#define STATE_U32 DTYPE_U32, NULL, NULL
#define STATE_I64 DTYPE_I64, NULL, NULL
#define STATE_U64 DTYPE_U64, NULL, NULL
#define STATE_F16 DTYPE_F32, lift_F16, finish_F16
#define STATE_F32 DTYPE_F32, NULL, NULL
#define STATE_F64 DTYPE_F64, NULL, NULL
#define STATE_C64 DTYPE_C64, NULL, NULL
#define STATE_C128 DTYPE_C128, NULL, NULL

/* Elements that are states can be merged eight at once. */
#define EIGHT_BOOL(op) op##_lift_eight_BOOL
#define EIGHT_I8(op) op##_lift_eight_I8
#define EIGHT_U8(op) op##_lift_eight_U8
#define EIGHT_I16(op) op##_lift_eight_I16
#define EIGHT_U16(op) op##_lift_eight_U16
#define EIGHT_I32(op) op##_lift_eight_I32
#define EIGHT_U32(op) op##_lift_eight_U32
#define EIGHT_I64(op) op##_lift_eight_I64
#define EIGHT_U64(op) op##_lift_eight_U64
#define EIGHT_F16(op) NULL
#define EIGHT_F32(op) op##_lift_eight_F32
#define EIGHT_F64(op) op##_lift_eight_F64
#define EIGHT_C64(op) op##_lift_eight_C64
#define EIGHT_C128(op) op##_lift_eight_C128

#define FOLD_ROW_3_(D, op, identity_, state_, lift_, finish_)                                                          \
        { .in = DTYPE_##D, .n_state = 1, .state = { state_ }, .out = DTYPE_##D, .lift = lift_,                         \
          .merge = op##_merge_##D, .merge_pairs = op##_merge_pairs_##D, .finish = finish_, .identity = identity_,      \
          .lift_eight = EIGHT_##D(op) },
/* A row of elements that are states with lift_runs (runs.h), and of float64 or float32 with merge_quads, too. Those
 * that may be merged in any brackets have run_on. */
#define FOLD_ROW_MORE_(D, op, identity_, ...)                                                                          \
        { .in = DTYPE_##D, .n_state = 1, .state = { DTYPE_##D }, .out = DTYPE_##D, .merge = op##_merge_##D,            \
          .merge_pairs = op##_merge_pairs_##D, .identity = identity_, .lift_eight = op##_lift_eight_##D,               \
          .lift_runs = op##_lift_runs_##D, __VA_ARGS__ },
#define FOLD_ROW_RUNS(D, op, identity) FOLD_ROW_MORE_(D, op, identity, .run_on = op##_run_on_##D)
#define FOLD_ROW_QUADS(D, op, identity) FOLD_ROW_MORE_(D, op, identity, .merge_quads = op##_merge_quads_##D)
#define FOLD_ROW_QUADS_RUNS_(D, op)                                                                                    \
        FOLD_ROW_MORE_(D, op, NULL, .merge_quads = op##_merge_quads_##D, .run_on = op##_run_on_##D)
#define FOLD_ROW_RUNNING(D, op, identity_)                                                                             \
        { .in = DTYPE_##D, .n_state = 1, .state = { DTYPE_##D }, .out = DTYPE_##D, .merge = op##_merge_##D,            \
          .merge_pairs = op##_merge_pairs_##D, .identity = identity_, .lift_eight = op##_lift_eight_##D,               \
          .run_on = op##_run_on_##D },
#define FOLD_ROW_2_(...) FOLD_ROW_3_(__VA_ARGS__)
#define FOLD_ROW_(D, op) FOLD_ROW_2_(D, op, NULL, STATE_##D)
/* …with the scalars ZERO or ONE of each dtype as identity. */
#define FOLD_ROW_IDENTITY_(D, op, identity) FOLD_ROW_2_(D, op, &identity##_##D, STATE_##D)
/* A row whose elements are lifted to another dtype, which is that of the result. */
#define FOLD_ROW_TO_MORE_(D, S, op, lift_, identity_, ...)                                                             \
        { .in = DTYPE_##D, .n_state = 1, .state = { DTYPE_##S }, .out = DTYPE_##S, .lift = lift_##_##D,                \
          .merge = op##_merge_##S, .merge_pairs = op##_merge_pairs_##S, .identity = identity_, __VA_ARGS__ },
#define FOLD_ROW_TO_(D, S, op, lift_, identity) FOLD_ROW_TO_MORE_(D, S, op, lift_, identity, )
#define FOLD_ROW_WIDENING_(D, S, op, identity)                                                                         \
        FOLD_ROW_TO_MORE_(D, S, op, lift, identity, .lift_runs = op##_lift_runs_##D, .run_on = op##_run_on_##D)

/* What sums and products have: first the row of each dtype, integers in 64 bits, then the narrow ones for dtype=. */
#define FOLD_ROWS_WIDENING_BITS(op, identity)                                                                          \
        FOLD_ROW_WIDENING_(BOOL, I64, op, &identity##_I64)                                                             \
        FOLD_ROW_WIDENING_(I8, I64, op, &identity##_I64)                                                               \
        FOLD_ROW_WIDENING_(U8, U64, op, &identity##_U64)                                                               \
        FOLD_ROW_WIDENING_(I16, I64, op, &identity##_I64)                                                              \
        FOLD_ROW_WIDENING_(U16, U64, op, &identity##_U64)                                                              \
        FOLD_ROW_WIDENING_(I32, I64, op, &identity##_I64)                                                              \
        FOLD_ROW_WIDENING_(U32, U64, op, &identity##_U64)                                                              \
        FOLD_ROW_RUNS(I64, op, &identity##_I64)                                                                        \
        FOLD_ROW_RUNS(U64, op, &identity##_U64)
#define FOLD_ROWS_WIDENING(op, identity)                                                                               \
        FOLD_ROWS_WIDENING_BITS(op, identity)                                                                          \
        FOLD_ROW_IDENTITY_(F16, op, identity)                                                                          \
        FOLD_ROW_QUADS(F32, op, &identity##_F32)                                                                       \
        FOLD_ROW_QUADS(F64, op, &identity##_F64)                                                                       \
        FOLD_ROWS_IDENTITY(COMPLEXES, op, identity)                                                                    \
        FOLD_ROWS_IDENTITY(NARROW, op, identity)
#define FOLD_ROWS(LIST, op) LIST(FOLD_ROW_, op)
/* ALL, with lift_runs, merge_quads and run_on where there are some. */
#define FOLD_ROW_RUNS_(D, op) FOLD_ROW_RUNS(D, op, NULL)
#define FOLD_ROWS_ALL_QUADS(op)                                                                                        \
        BITS(FOLD_ROW_RUNS_, op) FOLD_ROW_(F16, op) WHOLE_FLOATS(FOLD_ROW_QUADS_RUNS_, op) FOLD_ROWS(COMPLEXES, op)
#define FOLD_ROWS_IDENTITY(LIST, op, identity) LIST(FOLD_ROW_IDENTITY_, op, identity)

/* Identities. */
#define SCALAR_LIST_(name, n, half)                                                                                    \
        static const Scalar _unused_ name##_BOOL = { DTYPE_BOOL, { .b = n } },                                         \
                                     name##_I8 = { DTYPE_I8, { .bytes = { n } } },                                     \
                                     name##_U8 = { DTYPE_U8, { .bytes = { n } } },                                     \
                                     name##_I16 = { DTYPE_I16, { .bytes = { n } } },                                   \
                                     name##_U16 = { DTYPE_U16, { .bytes = { n } } },                                   \
                                     name##_I32 = { DTYPE_I32, { .i64 = n } },                                         \
                                     name##_U32 = { DTYPE_U32, { .i64 = n } },                                         \
                                     name##_I64 = { DTYPE_I64, { .i64 = n } },                                         \
                                     name##_U64 = { DTYPE_U64, { .u64 = n } },                                         \
                                     name##_F16 = { DTYPE_F16, { .u64 = half } },                                      \
                                     name##_F32 = { DTYPE_F32, { .f32 = n } },                                         \
                                     name##_F64 = { DTYPE_F64, { .f64 = n } },                                         \
                                     name##_C64 = { DTYPE_C64, { .f32 = n } },                                         \
                                     name##_C128 = { DTYPE_C128, { .c128 = { n, 0 } } };
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "scalars and chunks are little-endian"
#endif
SCALAR_LIST_(ZERO, 0, 0)
SCALAR_LIST_(ONE, 1, 0x3c00)

/* The function of a float or a double: FLOAT_FN(a, floor)(a) is floorf(a) or floor(a). */
#define FLOAT_CALL(a, of_float, of_double) _Generic((a), float: of_float, double: of_double)
#define FLOAT_FN(a, name) FLOAT_CALL(a, name##f, name)

/* ---- Expressions that several operators share
 * ---------------------------------------------------------------------- */

/* True for NaN of any type; constant false for integers. */
#define IS_NAN(v) ((v) != (v))

/* NaN wins, the left one if both are. Conditions are joined by | instead of ||, which would be a branch. */
#define MINIMUM(a, b) ((((a) < (b)) | IS_NAN(a)) ? (a) : (b))
#define MAXIMUM(a, b) ((((a) > (b)) | IS_NAN(a)) ? (a) : (b))
