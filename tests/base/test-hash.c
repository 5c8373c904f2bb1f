/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <string.h>

#include "base/macro.h"
#include "harness.h"

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

TEST(every_bit_and_the_length_change_the_hash) {
        enum { N = 100 };
        static unsigned char text[N];
        static uint64_t seen[N * 8 * N + N];
        size_t n = 0;

        for (size_t size = 0; size < N; size++) {
                seen[n++] = hash_bytes(text, size, 0);
                for (size_t bit = 0; bit < size * 8; bit++) {
                        text[bit / 8] ^= (unsigned char) (1 << bit % 8);
                        seen[n++] = hash_bytes(text, size, 0);
                        text[bit / 8] = 0;
                }
        }
        qsort(seen, n, sizeof(*seen), compare);
        for (size_t i = 1; i < n; i++)
                ck_assert(seen[i] != seen[i - 1]);
}

TEST(hashes_of_small_numbers_fill_a_table_evenly) {
        enum { N = 1 << 16 };
        static unsigned char low[N], high[N];
        unsigned n_low = 0, n_high = 0;

        for (uint64_t i = 0; i < N; i++) {
                uint64_t h = hash_bytes(&i, sizeof(i), 1);

                low[h % N] = 1;
                high[h >> 48] = 1;
        }
        for (size_t i = 0; i < N; i++) {
                n_low += low[i];
                n_high += high[i];
        }
        /* A random function hits 1 - 1/e of the places: 41427, with a deviation of 80. */
        ck_assert_uint_ge(n_low, 41000);
        ck_assert_uint_ge(n_high, 41000);
}

TEST(the_seed_chains) {
        uint64_t a = hash_bytes("ab", 2, 0), b = hash_bytes("c", 1, a);

        ck_assert(b != hash_bytes("c", 1, 0));
        ck_assert(b != hash_bytes("abc", 3, 0));
        ck_assert(b == hash_bytes("c", 1, hash_bytes("ab", 2, 0)));
        ck_assert(hash_bytes(NULL, 0, 1) != hash_bytes(NULL, 0, 2));
}
