/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "io/compress.h"

#include "harness.h"

static const Codec codecs[] = {
        { .kind = CODEC_NONE },
        { .kind = CODEC_ZLIB, .level = -1 },
        { .kind = CODEC_GZIP, .level = 1 },
        { .kind = CODEC_ZSTD, .level = -1 },
        { .kind = CODEC_BLOSC, .level = -1, .compressor = "lz4", .shuffle = CODEC_SHUFFLE, .element_bytes = 8 },
        { .kind = CODEC_BLOSC, .level = 9, .compressor = "zstd", .shuffle = CODEC_BIT_SHUFFLE, .element_bytes = 4 },
};

static const size_t sizes[] = { 0, 1, 7, 1000, 100003, 3 * MiB };

/* Half of it compresses. */
static char *bytes_of(size_t n) {
        char *data     = malloc(n + 1);
        uint32_t state = 1;

        ck_assert_ptr_nonnull(data);
        for (size_t k = 0; k < n; k++) {
                state   = state * 1664525 + 1013904223;
                data[k] = (char) (k < n / 2 ? k / 8 : state >> 24);
        }
        return data;
}

static char *encoded(const Codec *codec, const char *data, size_t n, size_t *ret_bytes) {
        const size_t room = codec_bound(codec, n);
        char *stored      = malloc(room + 1);
        Error err         = {};

        ck_assert_ptr_nonnull(stored);
        ck_assert_msg(codec_encode(codec, data, n, stored, room, ret_bytes, &err) == 0, "%s", err.text);
        ck_assert_uint_le(*ret_bytes, room);
        return stored;
}

TEST(what_is_encoded_decodes_to_itself) {
        for (size_t c = 0; c < ELEMENTSOF(codecs); c++)
                for (size_t k = 0; k < ELEMENTSOF(sizes); k++) {
                        const size_t n              = sizes[k];
                        _cleanup_(freep) char *data = bytes_of(n), *back = malloc(n + 1), *stored;
                        size_t stored_bytes;
                        Error err = {};

                        stored = encoded(&codecs[c], data, n, &stored_bytes);
                        ck_assert_msg(codec_decode(&codecs[c], stored, stored_bytes, back, n, &err) == 0, "%zu: %s", c,
                                      err.text);
                        ck_assert_int_eq(memcmp(back, data, n), 0);
                }
}

TEST(block_of_another_size_is_refused) {
        for (size_t c = 0; c < ELEMENTSOF(codecs); c++) {
                enum { N = 10000 };
                _cleanup_(freep) char *data = bytes_of(N), *back = malloc(2 * N), *stored;
                size_t stored_bytes;

                stored = encoded(&codecs[c], data, N, &stored_bytes);
                ck_assert_int_eq(codec_decode(&codecs[c], stored, stored_bytes, back, N - 1, NULL), ERROR_CORRUPT);
                ck_assert_int_eq(codec_decode(&codecs[c], stored, stored_bytes, back, N + 1, NULL), ERROR_CORRUPT);
                ck_assert_int_eq(codec_decode(&codecs[c], stored, 0, back, N, NULL), ERROR_CORRUPT);
                for (size_t n = 1; n < 200; n++) {
                        _cleanup_(freep) char *cut = malloc(stored_bytes - n); /* so that a sanitizer knows its end */

                        memcpy(cut, stored, stored_bytes - n);
                        ck_assert_int_eq(codec_decode(&codecs[c], cut, stored_bytes - n, back, N, NULL), ERROR_CORRUPT);
                }
        }
}

TEST(damage_is_an_error_or_other_bytes_and_never_more_of_them) {
        for (size_t c = 1; c < ELEMENTSOF(codecs); c++) {
                enum { N = 3000 };
                _cleanup_(freep) char *data = bytes_of(N), *back = malloc(N), *stored;
                size_t stored_bytes;

                stored = encoded(&codecs[c], data, N, &stored_bytes);
                for (size_t k = 0; k < stored_bytes; k++) {
                        int r;

                        stored[k] = (char) (stored[k] ^ 0x41);
                        r         = codec_decode(&codecs[c], stored, stored_bytes, back, N, NULL);
                        ck_assert_msg(r == 0 || r == ERROR_CORRUPT, "%d", r);
                        stored[k] = (char) (stored[k] ^ 0x41);
                }
        }
}

TEST(compressor_that_is_none_is_refused_by_its_name) {
        const Codec codec = { .kind = CODEC_BLOSC, .compressor = "rot13", .element_bytes = 1 };
        char data[100]    = {}, room[200];
        Error err         = {};
        size_t n;

        ck_assert_int_eq(codec_encode(&codec, data, sizeof(data), room, sizeof(room), &n, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "rot13"));
}

TEST(checksum_is_that_of_the_standard) {
        static const char zeros[32];

        ck_assert_uint_eq(crc32c("123456789", 9), 0xe3069283);
        ck_assert_uint_eq(crc32c(zeros, sizeof(zeros)), 0x8a9136aa); /* RFC 3720, B.4 */
        ck_assert_uint_eq(crc32c("", 0), 0);
}
