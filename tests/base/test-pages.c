/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/pages.h"

#include "harness.h"

TEST(memory_of_any_size_is_aligned_zeroed_and_writable) {
        static const size_t sizes[] = { 0, 1, 63, 4096, MiB - 1, MiB, MiB + 1, 5 * MiB + 12345, 64 * MiB };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                char *data = pages_alloc(sizes[i]);

                ck_assert_ptr_nonnull(data);
                ck_assert_uint_eq((uintptr_t) data % 64, 0);
                for (size_t k = 0; k < sizes[i]; k += 1021)
                        ck_assert_int_eq(data[k], 0);
                memset(data, 0xff, sizes[i]);
                pages_free(data, sizes[i]);
        }
        pages_free(NULL, 0);
        pages_free(NULL, 100 * MiB);
}

TEST(more_than_there_can_be_is_refused) {
        ck_assert_ptr_null(pages_alloc(SIZE_MAX));
        ck_assert_ptr_null(pages_alloc((size_t) PTRDIFF_MAX));
}

TEST(what_is_taken_is_counted_until_it_is_given_back) {
        const size_t before = pages_taken_bytes();
        void *large = pages_alloc((3 << 20) + 1), *small = pages_alloc(100);

        ck_assert_uint_eq(pages_taken_bytes() - before, (3 << 20) + 4096);
        pages_free(large, (3 << 20) + 1);
        pages_free(small, 100);
        ck_assert_uint_eq(pages_taken_bytes(), before);
}
