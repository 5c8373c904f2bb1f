/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3; SC11): a counter becomes
 * four random words by ten rounds of multiplication and exclusive or. Nothing is carried from number to number, so
 * element i of a tensor is the same however the tensor is cut, on whatever machine, at whatever attempt.
 *
 * The key is the seed, the upper half of the counter the number of the draw within its generator, the lower half the
 * block.
 *
 * Blocks are computed in vectors of 64-bit lanes, a word in the lower half of each. The one thing that compilers do
 * not find by themselves is the instruction that multiplies lower halves, so that is named per CPU level; integers
 * have no rounding. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { LANES = 8 };
#elif defined(__AVX2__)
enum { LANES = 4 };
#else
enum { LANES = 2 };
#endif
typedef uint64_t Lanes __attribute__((vector_size(LANES * 8)));
typedef double DoubleLanes __attribute__((vector_size(LANES * 8)));

typedef struct PhiloxStream {
        uint64_t seed, draw;
} PhiloxStream;

/* Products of the lower halves. */
static inline Lanes lanes_mul(Lanes a, Lanes b) {
#if defined(__AVX512F__)
        return (Lanes) _mm512_mul_epu32((__m512i) a, (__m512i) b);
#elif defined(__AVX2__)
        return (Lanes) _mm256_mul_epu32((__m256i) a, (__m256i) b);
#elif defined(__x86_64__)
        return (Lanes) _mm_mul_epu32((__m128i) a, (__m128i) b);
#else
        return (a & UINT32_MAX) * (b & UINT32_MAX);
#endif
}

static inline Lanes lanes_of(uint64_t v) {
        return (Lanes) {} + v;
}

/* first, first + 1, … */
static inline Lanes lanes_from(uint64_t first) {
        Lanes r;

        for (int i = 0; i < LANES; i++)
                r[i] = first + i;
        return r;
}

/* The four words of each block as two of 64 bits: the first and the second, the third and the fourth. Each operation
 * waits for the one before, so there are several vectors of blocks: four take 0.78 ns for a pair of words with AVX-512,
 * two 0.97, one 1.3. */
enum { TOGETHER = 4 };
static inline __attribute__((always_inline)) void philox(PhiloxStream stream, const Lanes block[static TOGETHER],
                                                         Lanes w[static TOGETHER][2]) {
        uint32_t k0 = (uint32_t) stream.seed, k1 = (uint32_t) (stream.seed >> 32);
        Lanes x0[TOGETHER], x1[TOGETHER], x2[TOGETHER], x3[TOGETHER];

        for (int i = 0; i < TOGETHER; i++) {
                x0[i] = block[i];
                x1[i] = block[i] >> 32;
                x2[i] = lanes_of((uint32_t) stream.draw);
                x3[i] = lanes_of(stream.draw >> 32);
        }
#pragma GCC unroll 9
        for (int round = 0; round < 9; round++) {
#pragma GCC unroll 4
                for (int i = 0; i < TOGETHER; i++) {
                        const Lanes p0 = lanes_mul(x0[i], lanes_of(0xD2511F53u));
                        const Lanes p1 = lanes_mul(x2[i], lanes_of(0xCD9E8D57u));

                        x0[i] = (p1 >> 32) ^ x1[i] ^ lanes_of(k0);
                        x1[i] = p1;
                        x2[i] = (p0 >> 32) ^ x3[i] ^ lanes_of(k1);
                        x3[i] = p0;
                }
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
        }
        /* The last round leaves its words where the products have them. */
#pragma GCC unroll 4
        for (int i = 0; i < TOGETHER; i++) {
                const Lanes p0 = lanes_mul(x0[i], lanes_of(0xD2511F53u)), p1 = lanes_mul(x2[i], lanes_of(0xCD9E8D57u));

                w[i][0] = p1 ^ x1[i] << 32 ^ lanes_of((uint64_t) k0 << 32);
                w[i][1] = p0 ^ x3[i] << 32 ^ lanes_of((uint64_t) k1 << 32);
        }
}

/* Neighbours, from the block `first` on. */
static inline void blocks_from(uint64_t first, Lanes ret[static TOGETHER]) {
        for (int i = 0; i < TOGETHER; i++)
                ret[i] = lanes_from(first + (uint64_t) i * LANES);
}

/* The upper 53 bits as a double in [0, 1), exactly. The lower 32 of them are the end of the mantissa of a double from
 * 1/2 on, the upper 21 that of one from 2^31 on; less these two, the sum is the number, and no step is rounded. */
static inline DoubleLanes lanes_unit(Lanes w) {
#if defined(__AVX512DQ__)
        return __builtin_convertvector(w >> 11, DoubleLanes) * 0x1p-53;
#else
        const Lanes half = lanes_of(0x3fe0000000000000u), high = w >> 43 | lanes_of(0x41e0000000000000u);
#if defined(__AVX2__)
        const Lanes low = (Lanes) _mm256_blend_epi32((__m256i) (w >> 11), (__m256i) half, 0xaa);
#else
        const Lanes low = (w >> 11 & lanes_of(UINT32_MAX)) | half;
#endif

        return ((DoubleLanes) high - (0x1p31 + 0.5)) + (DoubleLanes) low;
#endif
}

/* Neighbours in pairs of lanes: first, first + LANES / 2, first + 1, … It is the order in which instructions that
 * interleave within 128 bits leave them in a row. */
static inline void blocks_to_interleave(uint64_t first, Lanes ret[static TOGETHER]) {
        Lanes at;

        for (int i = 0; i < LANES; i++)
                at[i] = first + (uint64_t) (i / 2 + i % 2 * (LANES / 2));
        for (int i = 0; i < TOGETHER; i++)
                ret[i] = at + lanes_of((uint64_t) i * LANES);
}

/* a0 b0 a1 b1 … of blocks in that order. */
static inline void lanes_interleave(DoubleLanes a, DoubleLanes b, double *to) {
#if defined(__AVX512F__)
        const DoubleLanes low  = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
        const DoubleLanes high = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
#elif defined(__AVX2__)
        const DoubleLanes low  = __builtin_shufflevector(a, b, 0, 4, 2, 6);
        const DoubleLanes high = __builtin_shufflevector(a, b, 1, 5, 3, 7);
#else
        const DoubleLanes low = __builtin_shufflevector(a, b, 0, 2), high = __builtin_shufflevector(a, b, 1, 3);
#endif

        memcpy(to, &low, sizeof(low));
        memcpy(to + LANES, &high, sizeof(high));
}

/* The words of n blocks, an array for each half; room for BLOCKS - 1 more. block: of the first, or of each. */
enum { BLOCKS = TOGETHER * LANES };

static inline void blocks_store(PhiloxStream stream, const Lanes block[static TOGETHER], size_t at,
                                uint64_t *const w[static 2]) {
        Lanes x[TOGETHER][2];

        philox(stream, block, x);
        for (int i = 0; i < TOGETHER; i++)
                for (int k = 0; k < 2; k++)
                        memcpy(w[k] + at + i * LANES, &x[i][k], sizeof(Lanes));
}

static inline void philox_run(PhiloxStream stream, size_t n, uint64_t first, uint64_t *const w[static 2]) {
        for (size_t i = 0; i < n; i += BLOCKS) {
                Lanes at[TOGETHER];

                blocks_from(first + i, at);
                blocks_store(stream, at, i, w);
        }
}

static inline void philox_blocks(PhiloxStream stream, size_t n, const uint64_t *block, uint64_t *const w[static 2]) {
        for (size_t i = 0; i < n; i += BLOCKS) {
                Lanes at[TOGETHER] = {};

                memcpy(at, block + i, (n - i < BLOCKS ? n - i : BLOCKS) * sizeof(uint64_t));
                blocks_store(stream, at, i, w);
        }
}
