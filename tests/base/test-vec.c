/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include "harness.h"

TEST(vec_keeps_what_is_pushed) {
        Vec(uint32_t) v = {};

        for (uint32_t i = 0; i < 100000; i++)
                ck_assert_int_eq(vec_push(&v, i * 3), 0);
        ck_assert_uint_eq(v.n, 100000);
        ck_assert_uint_le(v.capacity, 200000);
        for (uint32_t i = 0; i < v.n; i++)
                ck_assert_uint_eq(v.data[i], i * 3);
        ck_assert_uint_eq(vec_pop(&v), 99999 * 3);
        vec_free(&v);
        ck_assert(!v.data && v.n == 0 && v.capacity == 0);
}

TEST(vec_holds_structs) {
        typedef struct Pair {
                int a;
                double b;
        } Pair;
        Vec(Pair) v = {};

        ck_assert_int_eq(vec_push(&v, (Pair){ 1, 2.5 }), 0);
        ck_assert_int_eq(vec_reserve(&v, 1000), 0);
        ck_assert_uint_ge(v.capacity, 1000);
        ck_assert_int_eq(v.data[0].a, 1);
        ck_assert_double_eq(v.data[0].b, 2.5);
        vec_free(&v);
}

TEST(vec_that_cannot_grow_stays_whole) {
        Vec(double) v = {};

        ck_assert_int_eq(vec_push(&v, 1.0), 0);
        ck_assert_int_eq(vec_reserve(&v, UINT32_MAX), -ENOMEM); /* one less than n + 1 can be */
        ck_assert_int_eq(vec_grow((void **) &v.data, &v.capacity, 1000, SIZE_MAX / 16), -ENOMEM);
        ck_assert_uint_eq(v.n, 1);
        ck_assert_double_eq(v.data[0], 1.0);
        vec_free(&v);
}
