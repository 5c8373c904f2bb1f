/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <string.h>

#include "harness.h"

static bool is_zero(const char *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (p[i])
                        return false;
        return true;
}

TEST(arena_objects_are_zeroed_aligned_and_apart) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        char *objects[2000];
        size_t sizes[2000];

        for (size_t i = 0; i < ELEMENTSOF(objects); i++) {
                sizes[i] = i % 97 == 0 ? i * 40 : i % 61; /* now and then larger than a block */
                objects[i] = arena_alloc(arena, sizes[i]);
                ck_assert_ptr_nonnull(objects[i]);
                ck_assert_uint_eq((uintptr_t) objects[i] % 16, 0);
                ck_assert(is_zero(objects[i], sizes[i]));
                memset(objects[i], (int) (i % 255) + 1, sizes[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(objects); i++)
                for (size_t k = 0; k < sizes[i]; k++)
                        ck_assert_int_eq((unsigned char) objects[i][k], (int) (i % 255) + 1);
}

TEST(arena_takes_little_more_than_it_gives) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        size_t given = 0;

        ck_assert_uint_lt(arena_size_bytes(arena), 1 * KiB); /* nothing before the first object */
        for (size_t i = 0; i < 200000; i++) {
                ck_assert_ptr_nonnull(arena_alloc(arena, 48));
                given += 48;
        }
        for (size_t i = 0; i < 10; i++) {
                ck_assert_ptr_nonnull(arena_alloc(arena, 3 * MiB));
                given += 3 * MiB;
        }
        ck_assert_uint_ge(arena_size_bytes(arena), given);
        ck_assert_uint_le(arena_size_bytes(arena), given + given / 50 + 2 * MiB);
}

TEST(arena_refuses_sizes_that_cannot_be) {
        _cleanup_(arena_freep) Arena *arena = arena_new();

        ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX));
        ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX / 2));
        ck_assert_ptr_null(arena_new_array(arena, double, SIZE_MAX / 4)); /* the product would wrap */
        ck_assert_ptr_null(arena_new_array(arena, double, -1));
        ck_assert_ptr_nonnull(arena_new_array(arena, double, 0));
        ck_assert_ptr_nonnull(arena_new_array(arena, double, 7)); /* and is still whole */
}

TEST(arena_copies_and_prints) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        static const int64_t dims[] = { 3, 4 };
        int64_t *copy = arena_copy(arena, dims, sizeof(dims));
        char *text = arena_printf(arena, "(%d, %d)", 3, 4);

        ck_assert(copy != dims && memcmp(copy, dims, sizeof(dims)) == 0);
        ck_assert_ptr_nonnull(arena_copy(arena, NULL, 0));
        ck_assert_str_eq(text, "(3, 4)");
        text = arena_printf(arena, "%*d", 100000, 1);
        ck_assert_uint_eq(strlen(text), 100000);
}

TEST(arena_free_takes_null) {
        ck_assert_ptr_null(arena_free(NULL));
}
