/* SPDX-License-Identifier: Apache-2.0 */
/* The multiply-and-fold of wyhash: the 128-bit product of two words, its halves xored, spreads every input bit over
 * the result in one instruction's time. 16 bytes a step; the tail is read as two overlapping or padded words, and the
 * length is mixed in last, so that padding cannot collide. */
#include <string.h>

#include "base/hash.h"

/* Odd constants with 32 bits set, well apart (wyhash's). */
static const uint64_t salt[] = { 0xa0761d6478bd642f, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3 };

static inline uint64_t fold(uint64_t a, uint64_t b) {
        unsigned __int128 product = (unsigned __int128) a * b;

        return (uint64_t) product ^ (uint64_t) (product >> 64);
}

static inline uint64_t load(const unsigned char *p, size_t size_bytes) {
        uint64_t v = 0;

        memcpy(&v, p, size_bytes);
        return v;
}

uint64_t hash_bytes(const void *data, size_t size_bytes, uint64_t seed) {
        const unsigned char *p = data;
        size_t n = size_bytes;
        uint64_t a = 0, b = 0, h = seed ^ fold(seed ^ salt[0], salt[1]);

        for (; n > 16; n -= 16, p += 16)
                h = fold(load(p, 8) ^ salt[1], load(p + 8, 8) ^ h);
        if (n >= 8) {
                a = load(p, 8);
                b = load(p + n - 8, 8);
        } else if (n >= 4) {
                a = load(p, 4);
                b = load(p + n - 4, 4);
        } else if (n > 0)
                a = (uint64_t) p[0] << 16 | (uint64_t) p[n / 2] << 8 | p[n - 1];
        return fold(salt[2] ^ size_bytes, fold(a ^ salt[1], b ^ h));
}
