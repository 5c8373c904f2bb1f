/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/map.h"

#include "harness.h"

static uint64_t random_next(uint64_t *state) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        return *state >> 33;
}

TEST(map_answers_as_an_array_would) {
        enum { N = 3000 };
        uint64_t seed = 7, *array = calloc(N, sizeof(*array));
        uint32_t n = 0;
        Map map = {};

        for (int step = 0; step < 300000; step++) {
                uint64_t key = random_next(&seed) % N, value = random_next(&seed) + 1;

                if (random_next(&seed) % 2) {
                        ck_assert_int_eq(map_set(&map, key * 5, value), 0);
                        n += array[key] == 0;
                        array[key] = value;
                } else {
                        ck_assert_uint_eq(map_remove(&map, key * 5), array[key]);
                        n -= array[key] != 0;
                        array[key] = 0;
                }
                ck_assert_uint_eq(map.n, n);
        }
        for (uint64_t key = 0; key < N; key++)
                ck_assert_uint_eq(map_get(&map, key * 5), array[key]);
        map_done(&map);
        free(array);
}

TEST(empty_map_has_nothing) {
        Map map = {};

        ck_assert_uint_eq(map_get(&map, 1), 0);
        ck_assert_uint_eq(map_remove(&map, 1), 0);
        map_done(&map);
}

TEST(map_that_is_filled_and_emptied_does_not_grow) {
        Map map = {};

        for (uint64_t id = 1; id < 1000000; id++) {
                ck_assert_int_eq(map_set(&map, id, id), 0);
                if (id > 10)
                        ck_assert_uint_eq(map_remove(&map, id - 10), id - 10);
        }
        ck_assert_uint_eq(map.capacity, 32);
        map_done(&map);
}

TEST(map_that_reserved_cannot_fail) {
        Map map = {};

        ck_assert_int_eq(map_reserve(&map, 1000), 0);
        for (uint64_t id = 1; id <= 1000; id++) {
                ck_assert_uint_ge(map.capacity / 2, id);
                ck_assert_int_eq(map_set(&map, UINT64_MAX - id, id), 0);
        }
        ck_assert_int_eq(map_reserve(&map, UINT32_MAX), -ENOMEM);
        ck_assert_uint_eq(map_get(&map, UINT64_MAX - 3), 3);
        map_done(&map);
}
