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

/* The four words of each block; the upper halves of the lanes are rubbish. */
static inline void philox(PhiloxStream stream, Lanes block, Lanes w[static 4]) {
        uint32_t k0 = (uint32_t) stream.seed, k1 = (uint32_t) (stream.seed >> 32);
        Lanes x0 = block, x1 = block >> 32, x2 = lanes_of((uint32_t) stream.draw), x3 = lanes_of(stream.draw >> 32);

#pragma GCC unroll 10
        for (int round = 0; round < 10; round++) {
                const Lanes p0 = lanes_mul(x0, lanes_of(0xD2511F53u)), p1 = lanes_mul(x2, lanes_of(0xCD9E8D57u));

                x0 = (p1 >> 32) ^ x1 ^ lanes_of(k0);
                x1 = p1;
                x2 = (p0 >> 32) ^ x3 ^ lanes_of(k1);
                x3 = p0;
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
        }
        w[0] = x0;
        w[1] = x1;
        w[2] = x2;
        w[3] = x3;
}

/* 53 bits of two words as a double in [0, 1): 27 bits of one, 26 of the other. An integer below 2^52 is the mantissa
 * of a double between 2^52 and 2^53: vector code on every level, and exact. */
static inline DoubleLanes lanes_unit(Lanes a, Lanes b) {
        const Lanes two52       = lanes_of(0x4330000000000000u);
        const DoubleLanes shift = (DoubleLanes) two52;
        const DoubleLanes high  = (DoubleLanes) ((a << 32 >> 37) | two52) - shift, low = (DoubleLanes) ((b << 32 >> 38) | two52) - shift;

        return (high * 0x1p26 + low) * 0x1p-53;
}

/* The words of n blocks, an array for each word; room for LANES - 1 more. block: of the first, or of each. */
static inline void philox_run(PhiloxStream stream, size_t n, uint64_t first, uint64_t *const w[static 4]) {
        for (size_t i = 0; i < n; i += LANES) {
                Lanes x[4];

                philox(stream, lanes_from(first + i), x);
                for (int k = 0; k < 4; k++)
                        memcpy(w[k] + i, &x[k], sizeof(Lanes));
        }
}

static inline void philox_blocks(PhiloxStream stream, size_t n, const uint64_t *block, uint64_t *const w[static 4]) {
        for (size_t i = 0; i < n; i += LANES) {
                Lanes x[4], at = {};

                memcpy(&at, block + i, (n - i < LANES ? n - i : LANES) * sizeof(uint64_t));
                philox(stream, at, x);
                for (int k = 0; k < 4; k++)
                        memcpy(w[k] + i, &x[k], sizeof(Lanes));
        }
}
