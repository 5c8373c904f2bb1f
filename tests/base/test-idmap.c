/* SPDX-License-Identifier: Apache-2.0 */
#include "base/idmap.h"

#include "harness.h"

TEST(idmap_answers_as_an_array_would) {
        enum { N = 3000 };
        uint64_t seed = 7, n = 0, *array = calloc(N, sizeof(*array));
        IdMap map = {};

        for (int step = 0; step < 300000; step++) {
                uint64_t id;

                seed = seed * 6364136223846793005u + 1442695040888963407u;
                id   = (seed >> 33) % N;
                ck_assert_uint_eq(idmap_get(&map, id * 3), array[id]);
                if ((seed >> 20) % 2) {
                        ck_assert_int_eq(idmap_set(&map, id * 3, seed | 1), 0);
                        n += array[id] == 0;
                        array[id] = seed | 1;
                } else {
                        ck_assert_uint_eq(idmap_remove(&map, id * 3), array[id]);
                        n -= array[id] != 0;
                        array[id] = 0;
                }
                ck_assert_uint_eq(map.n, n);
                ck_assert(!idmap_any(&map) == (n == 0));
        }
        idmap_done(&map);
        free(array);
}

TEST(idmap_that_is_filled_and_emptied_keeps_two_pages) {
        IdMap map = {};

        for (uint64_t id = 1; id < 1000000; id++) {
                ck_assert_int_eq(idmap_set(&map, id, id), 0);
                if (id > 10)
                        ck_assert_uint_eq(idmap_remove(&map, id - 10), id - 10);
        }
        ck_assert_uint_le(idmap_bytes(&map), 2048);
        idmap_done(&map);
}

TEST(empty_idmap_has_nothing) {
        IdMap map = {};

        ck_assert_uint_eq(idmap_get(&map, 1), 0);
        ck_assert_uint_eq(idmap_remove(&map, 1), 0);
        ck_assert_uint_eq(idmap_any(&map), 0);
        idmap_done(&map);
}
