/* SPDX-License-Identifier: Apache-2.0 */
#include "io/extents.h"

#include "harness.h"

enum { PAGE = EXTENT_BYTES };

/* The whole file is there, in order, and no two neighbours of one kind that is not used. */
static void assert_sound(const Extents *e, uint64_t limit_bytes) {
        uint64_t at = 0, bytes[_EXTENT_KIND_MAX] = {};

        for (const Extent *x = extents_first(e); x; x = x->after) {
                ck_assert_uint_eq(x->offset, at);
                ck_assert(x->size_bytes > 0 && x->size_bytes % PAGE == 0);
                ck_assert(!x->after || x->after->before == x);
                ck_assert(!x->after || x->kind == EXTENT_USED || x->after->kind != x->kind);
                bytes[x->kind] += x->size_bytes;
                at += x->size_bytes;
        }
        ck_assert_uint_eq(at, limit_bytes);
        for (ExtentKind k = 0; k < _EXTENT_KIND_MAX; k++)
                ck_assert_uint_eq(extents_bytes(e, k), bytes[k]);
}

TEST(neighbours_become_one_and_their_room_is_found_again) {
        _cleanup_(extents_freep) Extents *e = NULL;
        Extent *x[3];

        ck_assert_int_eq(extents_new(&e, 100 * PAGE, NULL), 0);
        ck_assert_int_eq(extents_take(e, EXTENT_FREE, PAGE, &x[0]), EXTENTS_NONE);
        for (int k = 0; k < 3; k++)
                ck_assert_int_eq(extents_take(e, EXTENT_HOLE, 10 * PAGE, &x[k]), 0);
        assert_sound(e, 100 * PAGE);
        extents_give(e, x[0], EXTENT_FREE);
        extents_give(e, x[2], EXTENT_FREE);
        ck_assert_int_eq(extents_take(e, EXTENT_FREE, 11 * PAGE, &x[0]), EXTENTS_NONE);
        extents_give(e, x[1], EXTENT_FREE);
        assert_sound(e, 100 * PAGE);
        ck_assert_int_eq(extents_take(e, EXTENT_FREE, 30 * PAGE, &x[0]), 0);
        ck_assert_uint_eq(x[0]->offset, 0);
        ck_assert_int_eq(extents_take(e, EXTENT_HOLE, 71 * PAGE, &x[1]), EXTENTS_NONE);
        ck_assert_int_eq(extents_take(e, EXTENT_HOLE, 70 * PAGE, &x[1]), 0);
        extents_give(e, x[0], EXTENT_HOLE);
        extents_give(e, x[1], EXTENT_HOLE);
        assert_sound(e, 100 * PAGE);
        ck_assert_ptr_null(extents_first(e)->after);
}

TEST(an_extent_of_the_same_size_is_used_again_though_its_list_has_smaller_ones) {
        _cleanup_(extents_freep) Extents *e = NULL;
        Extent *large, *small, *between[2];

        ck_assert_int_eq(extents_new(&e, 10000 * PAGE, NULL), 0);
        ck_assert_int_eq(extents_take(e, EXTENT_HOLE, 1030 * PAGE, &large), 0);
        ck_assert_int_eq(extents_take(e, EXTENT_HOLE, PAGE, &between[0]), 0);
        ck_assert_int_eq(extents_take(e, EXTENT_HOLE, 1025 * PAGE, &small), 0);
        ck_assert_int_eq(extents_take(e, EXTENT_HOLE, PAGE, &between[1]), 0);
        extents_give(e, large, EXTENT_FREE);
        extents_give(e, small, EXTENT_FREE);
        ck_assert_int_eq(extents_take(e, EXTENT_FREE, 1030 * PAGE, &large), 0);
        ck_assert_uint_eq(large->offset, 0);
}

TEST(extents_shrink_and_are_put_back_where_they_were) {
        _cleanup_(extents_freep) Extents *e = NULL;
        Extent *x, *y;

        ck_assert_int_eq(extents_new(&e, 100 * PAGE, NULL), 0);
        ck_assert_int_eq(extents_take(e, EXTENT_HOLE, 20 * PAGE, &x), 0);
        extents_shrink(e, x, 5 * PAGE);
        extents_shrink(e, x, 7 * PAGE);
        ck_assert_uint_eq(extents_bytes(e, EXTENT_USED), 5 * PAGE);
        ck_assert_uint_eq(extents_bytes(e, EXTENT_FREE), 15 * PAGE);
        assert_sound(e, 100 * PAGE);
        ck_assert_int_eq(extents_take_largest(e, &y), 0);
        ck_assert_uint_eq(y->size_bytes, 15 * PAGE);
        extents_give(e, y, EXTENT_HOLE);
        ck_assert_int_eq(extents_take_largest(e, &y), EXTENTS_NONE);

        ck_assert_int_eq(extents_take_at(e, 40 * PAGE, 20 * PAGE, &y), 0);
        ck_assert_int_eq(extents_take_at(e, 59 * PAGE, PAGE, &x), EXTENTS_NONE);
        ck_assert_int_eq(extents_take_at(e, 4 * PAGE, 2 * PAGE, &x), EXTENTS_NONE);
        ck_assert_int_eq(extents_take_at(e, 60 * PAGE, 41 * PAGE, &x), EXTENTS_NONE);
        ck_assert_int_eq(extents_take_at(e, 60 * PAGE, 0, &x), EXTENTS_NONE);
        ck_assert_int_eq(extents_take_at(e, 60 * PAGE + 1, PAGE, &x), EXTENTS_NONE);
        ck_assert_int_eq(extents_take_at(e, UINT64_MAX - PAGE + 1, PAGE, &x), EXTENTS_NONE);
        ck_assert_int_eq(extents_take_at(e, 60 * PAGE, 40 * PAGE, &x), 0);
        assert_sound(e, 100 * PAGE);
}

TEST(whatever_is_taken_and_given_back_the_file_adds_up) {
        enum { N = 300 };
        const uint64_t limit = UINT64_C(1) << 40;
        Extent *x[N]         = {};
        uint64_t random = 1, content[N];

        for (int round = 0; round < 20; round++) {
                _cleanup_(extents_freep) Extents *e = NULL;

                ck_assert_int_eq(extents_new(&e, limit, NULL), 0);
                memset(x, 0, sizeof(x));
                for (int step = 0; step < 2000; step++) {
                        uint64_t k, n;

                        random = random * 6364136223846793005 + 1442695040888963407;
                        k = (random >> 33) % N;
                        n = (1 + (random >> 20) % (1 << (random >> 60))) * PAGE;
                        if (x[k]) {
                                ck_assert_uint_eq(x[k]->offset, content[k]);
                                extents_give(e, x[k], random >> 40 & 1 ? EXTENT_FREE : EXTENT_HOLE);
                                x[k] = NULL;
                        } else {
                                if (extents_take(e, EXTENT_FREE, n, &x[k]) != 0)
                                        ck_assert_int_eq(extents_take(e, EXTENT_HOLE, n, &x[k]), 0);
                                if (random >> 45 & 1)
                                        extents_shrink(e, x[k], (x[k]->size_bytes / PAGE + 1) / 2 * PAGE);
                                content[k] = x[k]->offset;
                        }
                        if (step % 50 == 0)
                                assert_sound(e, limit);
                }
                for (int k = 0; k < N; k++)
                        if (x[k])
                                extents_give(e, x[k], EXTENT_HOLE);
                for (Extent *left; extents_take_largest(e, &left) == 0;)
                        extents_give(e, left, EXTENT_HOLE);
                assert_sound(e, limit);
                ck_assert_ptr_null(extents_first(e)->after);
        }
}
