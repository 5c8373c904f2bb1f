/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons. Complex numbers are ordered by their real parts, then by their imaginary ones. An int64 and a uint64
 * have no common integer type; they are compared as the integers that they are, not as floats. */
#include "ops/complex.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define MIXED_LOOP_(name, A, B, expr)                                                                                  \
        MAP_FUNCTION_(name##_##A##_##B) {                                                                              \
                const MEMORY_##A *restrict in_a = arg[0];                                                              \
                const MEMORY_##B *restrict in_b = arg[1];                                                              \
                bool *restrict out = arg[2];                                                                           \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const MEMORY_##A a = in_a[i];                                                                  \
                        const MEMORY_##B b = in_b[i];                                                                  \
                        out[i] = (expr);                                                                               \
                }                                                                                                      \
        }
/* Bytes of 32 masks. Compilers take three instructions for each that packs two vectors, and two of them cross the
 * halves of a vector; here elements are put in order once, when they are bytes. Instructions with masks of their own
 * need none of this. */
#if defined(__AVX2__) && !defined(__AVX512BW__)
enum { PACKED = 32 };
typedef int64_t Wide_I64 __attribute__((vector_size(32), aligned(8)));

static inline __m256i packed_bools(__m256i a, __m256i b, __m256i c, __m256i d) {
        return _mm256_and_si256(_mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)),
                                _mm256_set1_epi8(1));
}

static inline void store_bools_F32(const __m256i *m, bool *to) {
        const __m256i v = packed_bools(m[0], m[1], m[2], m[3]);
        const __m128i a = _mm256_castsi256_si128(v), b = _mm256_extracti128_si256(v, 1);

        _mm_storeu_si128((__m128i *) to, _mm_unpacklo_epi32(a, b));
        _mm_storeu_si128((__m128i *) to + 1, _mm_unpackhi_epi32(a, b));
}

/* The lower halves of the words of two vectors. */
static inline __m256i lower_halves(__m256i a, __m256i b) {
        return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88));
}

static inline void store_bools_I64(const __m256i *m, bool *to) {
        const __m256i v = packed_bools(lower_halves(m[0], m[1]), lower_halves(m[2], m[3]), lower_halves(m[4], m[5]),
                                       lower_halves(m[6], m[7]));
        const __m128i a = _mm256_castsi256_si128(v), b = _mm256_extracti128_si256(v, 1);

        _mm_storeu_si128((__m128i *) to, _mm_unpacklo_epi16(a, b));
        _mm_storeu_si128((__m128i *) to + 1, _mm_unpackhi_epi16(a, b));
}
#define store_bools_F64 store_bools_I64

#define WIDE_i(D, side, at) (*(const Wide_##D *) (in_##side + (at)))
#define WIDE_0(D, side, at) ((Wide_##D) {} + one_##side)
#define ELEMENT_i(side) in_##side[i]
#define ELEMENT_0(side) one_##side
#define COMPARISON_LOOP_OF_(fn, D, a_i, b_i, expr)                                                                     \
        MAP_FUNCTION_(fn) {                                                                                            \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                const CTYPE_##D *in_a = arg[0], *in_b = arg[1];                                                        \
                const CTYPE_##D one_a _unused_ = in_a[0], one_b _unused_ = in_b[0];                                    \
                bool *out = arg[2];                                                                                    \
                size_t i  = 0;                                                                                         \
                                                                                                                       \
                for (; i + PACKED <= n; i += PACKED) {                                                                 \
                        __m256i mask[PACKED / WIDTH];                                                                  \
                                                                                                                       \
                        for (int v = 0; v < PACKED / WIDTH; v++) {                                                     \
                                const Wide_##D a = WIDE_##a_i(D, a, i + (size_t) (v * WIDTH));                         \
                                const Wide_##D b = WIDE_##b_i(D, b, i + (size_t) (v * WIDTH));                         \
                                mask[v]          = (__m256i) (expr);                                                   \
                        }                                                                                              \
                        store_bools_##D(mask, out + i);                                                                \
                }                                                                                                      \
                for (; i < n; i++) {                                                                                   \
                        const CTYPE_##D a = ELEMENT_##a_i(a), b = ELEMENT_##b_i(b);                                    \
                        out[i] = (expr);                                                                               \
                }                                                                                                      \
        }
#define COMPARISON_LOOP_(D, name, expr)                                                                                \
        COMPARISON_LOOP_OF_(name##_##D, D, i, i, expr)                                                                 \
        COMPARISON_LOOP_OF_(name##_##D##_left, D, 0, i, expr)                                                          \
        COMPARISON_LOOP_OF_(name##_##D##_right, D, i, 0, expr)
#else
#define COMPARISON_LOOP_(D, name, expr) BINARY_BOOL_(D, name, expr)
#endif

/* What depends on nothing but whether a comparison is true, without a strip of bytes between them: elements are words
 * that are masked. */
#define WORD_I64 uint64_t
#define WORD_F32 uint32_t
#define WORD_F64 uint64_t
#define ONE_WORD_I64 UINT64_C(0x3ff0000000000000) /* of the float that is as large */
#define ONE_WORD_F32 UINT32_C(0x3f800000)
#define ONE_WORD_F64 UINT64_C(0x3ff0000000000000)
#define DECIDING_LOOP_(fn, D, a_i, b_i, expr, n_other, made)                                                           \
        MAP_FUNCTION_(fn) {                                                                                            \
                const MEMORY_##D *restrict in_a = arg[0], *restrict in_b = arg[1];                                     \
                const WORD_##D *restrict yes _unused_ = arg[2], *restrict no _unused_ = arg[1 + (n_other)];            \
                WORD_##D *restrict out = arg[2 + (n_other)];                                                           \
                                                                                                                       \
                INDEPENDENT                                                                                            \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const MEMORY_##D a = in_a[a_i], b = in_b[b_i];                                                 \
                        const WORD_##D mask = (WORD_##D) -(WORD_##D) (expr);                                           \
                        out[i] = made;                                                                                 \
                }                                                                                                      \
        }
#define DECIDING_LOOPS_OF_(fn, D, expr, n_other, made)                                                                 \
        DECIDING_LOOP_(fn, D, i, i, expr, n_other, made)                                                               \
        DECIDING_LOOP_(fn##_left, D, 0, i, expr, n_other, made)                                                        \
        DECIDING_LOOP_(fn##_right, D, i, 0, expr, n_other, made)
#define DECIDING_LOOPS_(D, name, expr)                                                                                 \
        DECIDING_LOOPS_OF_(name##_choice_##D, D, expr, 2, (yes[i] & mask) | (no[i] & ~mask))                           \
        DECIDING_LOOPS_OF_(name##_number_##D, D, expr, 0, mask & ONE_WORD_##D)
#define DECIDING_VARIANTS_(fn) { fn, fn##_left, fn##_right }
#define DECIDING_ROW_(D, name)                                                                                         \
        { { DTYPE_##D, DTYPE_##D },                                                                                    \
          { DTYPE_BOOL, DTYPE_NONE },                                                                                  \
          name##_##D,                                                                                                  \
          { { name##_##D##_left, name##_##D##_right },                                                                 \
            .decides = { DECIDING_VARIANTS_(name##_choice_##D), DECIDING_VARIANTS_(name##_number_##D) },               \
            .kind    = MAP_COMPARISON } },

#define COMPARISON(name, expr, complex_expr, mixed_expr, mixed_reversed_expr)                                          \
        BINARY_LOOPS_TO(BOOL, name, NARROW, expr)                                                                      \
        BINARY_BOOL_(U64, name, expr)                                                                                  \
        BINARY_BOOL_(F16, name, expr)                                                                                  \
        COMPARISON_LOOP_(I64, name, expr)                                                                              \
        COMPARISON_LOOP_(F32, name, expr)                                                                              \
        COMPARISON_LOOP_(F64, name, expr) BINARY_LOOPS_TO(BOOL, name, COMPLEXES, complex_expr) DECIDING_LOOPS_(        \
                I64, name, expr) DECIDING_LOOPS_(F32, name, expr) DECIDING_LOOPS_(F64, name, expr)                     \
                MIXED_LOOP_(name, I64, U64, mixed_expr) MIXED_LOOP_(                                                   \
                        name, U64, I64, mixed_reversed_expr) static const MapKernel name##_kernels[] = {               \
                        BINARY_ROWS_TO(NARROW, BOOL, name) DECIDING_ROW_(I64, name) BINARY_ROW_TO_(U64, BOOL, name) {  \
                                { DTYPE_I64, DTYPE_U64 }, { DTYPE_BOOL, DTYPE_NONE }, name##_I64_U64, {} },            \
                        { { DTYPE_U64, DTYPE_I64 }, { DTYPE_BOOL, DTYPE_NONE }, name##_U64_I64, {} },                  \
                        BINARY_ROW_TO_(F16, BOOL, name) DECIDING_ROW_(F32, name) DECIDING_ROW_(F64, name)              \
                                BINARY_ROWS_TO(COMPLEXES, BOOL, name) {}                                               \
                };

COMPARISON(equal, a == b, COMPLEX_EQUAL(a, b), (a >= 0) & ((uint64_t) a == b), (b >= 0) & (a == (uint64_t) b))
COMPARISON(not_equal, a != b, !COMPLEX_EQUAL(a, b), (a < 0) | ((uint64_t) a != b), (b < 0) | (a != (uint64_t) b))
COMPARISON(less, a < b, COMPLEX_LESS(a, b), (a < 0) | ((uint64_t) a < b), (b >= 0) & (a < (uint64_t) b))
COMPARISON(less_equal, a <= b, COMPLEX_LESS_EQUAL(a, b), (a < 0) | ((uint64_t) a <= b), (b >= 0) & (a <= (uint64_t) b))
COMPARISON(greater, a > b, COMPLEX_LESS(b, a), (a >= 0) & ((uint64_t) a > b), (b < 0) | (a > (uint64_t) b))
COMPARISON(greater_equal, a >= b, COMPLEX_LESS_EQUAL(b, a), (a >= 0) & ((uint64_t) a >= b),
           (b < 0) | (a >= (uint64_t) b))

OP(equal) = {
        .name    = "equal",
        .doc     = "Whether a and b are equal, element by element; NaN equals nothing.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = equal_kernels,
};

OP(not_equal) = {
        .name    = "not_equal",
        .doc     = "Whether a and b differ, element by element; NaN differs from everything.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = not_equal_kernels,
};

OP(less) = {
        .name    = "less",
        .doc     = "Whether a is less than b, element by element.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = less_kernels,
};

OP(less_equal) = {
        .name    = "less_equal",
        .doc     = "Whether a is at most b, element by element.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = less_equal_kernels,
};

OP(greater) = {
        .name    = "greater",
        .doc     = "Whether a is greater than b, element by element.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = greater_kernels,
};

OP(greater_equal) = {
        .name    = "greater_equal",
        .doc     = "Whether a is at least b, element by element.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = greater_equal_kernels,
};
