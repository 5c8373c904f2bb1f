/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/zip.h"

#include "harness.h"

static void fill(unsigned char *data, size_t n) {
        uint32_t state = 1;

        for (size_t k = 0; k < n; k++) {
                state   = state * 1664525 + 1013904223;
                data[k] = (unsigned char) (state >> 24);
        }
}

TEST(sum_of_fragments_in_any_order_is_the_crc_of_the_whole) {
        enum { N = 100003, STEP = 4099, N_STEP = (N + STEP - 1) / STEP };
        unsigned char *data = malloc(N);
        ZipSum sum;

        ck_assert_ptr_nonnull(data);
        fill(data, N);
        zip_sum_init(&sum, N);
        for (size_t k = 0; k < N_STEP; k++) {
                const size_t at = k * 7 % N_STEP * STEP;

                zip_sum_add(&sum, data + at, MIN((size_t) STEP, N - at), at);
        }
        ck_assert_uint_eq(sum.sum, crc32(crc32(0, NULL, 0), data, N));
        free(data);
}

TEST(sum_of_nothing_is_0) {
        ZipSum sum;

        zip_sum_init(&sum, 0);
        zip_sum_add(&sum, "", 0, 0);
        ck_assert_uint_eq(sum.sum, 0);
}

TEST(contents_lie_one_behind_the_other_and_are_aligned) {
        ZipMember m[] = { { .name = "x.npy", .size_bytes = 1000 }, { .name = "y.npy", .size_bytes = 7 } };
        uint64_t size;
        Error err;

        ck_assert_int_eq(zip_place(m, 2, &size, &err), 0);
        ck_assert_uint_eq(m[0].header, 0);
        ck_assert_uint_eq(m[1].header, m[0].content + 1000);
        for (int k = 0; k < 2; k++)
                ck_assert_uint_eq(m[k].content % ZIP_ALIGN, 0);
        ck_assert_uint_eq(size, m[1].content + 7 + zip_directory_bytes(m, 2));
}

static uint64_t number(const char *at, int n_bytes) {
        uint64_t n = 0;

        for (int k = n_bytes; k-- > 0;)
                n = n << 8 | (unsigned char) at[k];
        return n;
}

TEST(sizes_beyond_32_bits_are_in_fields_of_their_own) {
        const uint64_t large = UINT64_C(5) << 30;
        ZipMember m[]        = { { .name = "x.npy", .size_bytes = large, .sum = 0x01020304 },
                                 { .name = "y.npy", .size_bytes = 7 } };
        char header[128], directory[1024];
        uint64_t size;
        size_t bytes;
        Error err;

        ck_assert_int_eq(zip_place(m, 2, &size, &err), 0);
        ck_assert_uint_le(m[0].content, sizeof(header));
        zip_print_header(&m[0], header);
        ck_assert_uint_eq(number(header, 4), 0x04034b50);
        ck_assert_uint_eq(number(header + 14, 4), 0x01020304);
        ck_assert_uint_eq(number(header + 18, 4), 0xffffffff);
        ck_assert_uint_eq(30 + number(header + 26, 2) + number(header + 28, 2), m[0].content);
        ck_assert_uint_eq(number(header + 35, 2), 1);
        ck_assert_uint_eq(number(header + 39, 8), large);
        ck_assert_uint_eq(number(header + 47, 8), large);

        bytes = zip_directory_bytes(m, 2);
        ck_assert_uint_le(bytes, sizeof(directory));
        memset(directory, 0x55, sizeof(directory));
        zip_print_directory(m, 2, directory);
        ck_assert_int_eq(directory[bytes], 0x55);
        ck_assert_uint_eq(number(directory + bytes - 22, 4), 0x06054b50);
        ck_assert_uint_eq(number(directory + bytes - 42, 4), 0x07064b50);
        ck_assert_uint_eq(number(directory + number(directory + bytes - 34, 8) - m[1].content - 7, 4), 0x06064b50);
        ck_assert_uint_eq(number(directory + 46 + 5 + 4, 8), large); /* of x: both sizes */
        ck_assert_uint_eq(number(directory + 46 + 5 + 20 + 46 + 5 + 4, 8), m[1].header);
}

TEST(equal_names_and_endless_ones_are_refused) {
        static char endless[70000];
        ZipMember twice[] = { { .name = "x" }, { .name = "y" }, { .name = "x" } }, one = { .name = endless };
        uint64_t size;
        Error err;

        ck_assert_int_eq(zip_place(twice, 3, &size, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "two members have the name 'x'"));
        memset(endless, 'x', sizeof(endless) - 1);
        ck_assert_int_eq(zip_place(&one, 1, &size, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "69999 bytes"));
}
