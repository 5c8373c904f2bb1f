/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include "harness.h"

static Reader reader_of(const void *data, size_t n, Error *err) {
        return (Reader) { .start = data, .at = data, .end = (const uint8_t *) data + n, .what = "bytes", .err = err };
}

static const uint64_t numbers[] = { 0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, (uint64_t) 1 << 63, UINT64_MAX };

TEST(numbers_read_back_and_take_seven_bits_a_byte) {
        for (size_t k = 0; k < ELEMENTSOF(numbers); k++) {
                const unsigned bits = numbers[k] ? 64 - (unsigned) __builtin_clzll(numbers[k]) : 1;
                Error err           = {};
                Writer w            = {};
                Reader rd;

                put_varint(&w, numbers[k]);
                ck_assert_int_eq(w.r, 0);
                ck_assert_uint_eq(w.bytes.n, (bits + 6) / 7);
                rd = reader_of(w.bytes.data, w.bytes.n, &err);
                ck_assert_uint_eq(get_varint(&rd, numbers[k]), numbers[k]);
                ck_assert_uint_eq(reader_left(&rd), 0);
                if (numbers[k] > 0) {
                        rd = reader_of(w.bytes.data, w.bytes.n, &err);
                        ck_assert_uint_eq(get_varint(&rd, numbers[k] - 1), 0);
                        ck_assert_int_eq(rd.r, ERROR_VALUE);
                }
                vec_free(&w.bytes);
        }
}

TEST(signed_numbers_near_zero_are_small_and_read_back) {
        const int64_t v[] = { 0, -1, 1, -2, 2, INT64_MAX, INT64_MIN };

        for (size_t k = 0; k < ELEMENTSOF(v); k++) {
                ck_assert_int_eq(unzigzag(zigzag(v[k])), v[k]);
                if (k < 5)
                        ck_assert_uint_eq(zigzag(v[k]), k);
        }
}

TEST(numbers_of_fixed_size_begin_with_their_least_byte) {
        const uint32_t v = 0x01020304;
        uint32_t back    = 0;
        Writer w         = {};
        Reader rd;

        put_le(&w, &v, sizeof(v));
        ck_assert_bytes_eq(w.bytes.data, "\4\3\2\1", 4);
        rd = reader_of(w.bytes.data, w.bytes.n, NULL);
        get_le(&rd, &back, sizeof(back));
        ck_assert_uint_eq(back, v);
        vec_free(&w.bytes);
}

TEST(a_number_has_one_spelling) {
        static const struct {
                const char *bytes;
                size_t n;
        } bad[] = { { "\x80\x00", 2 }, { "\xff\x80\x00", 3 }, { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 },
                    { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, { "\x80", 1 }, { "", 0 } };

        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                Error err = {};
                Reader rd = reader_of(bad[k].bytes, bad[k].n, &err);

                ck_assert_uint_eq(get_varint(&rd, UINT64_MAX), 0);
                ck_assert_int_eq(rd.r, ERROR_VALUE);
                ck_assert_msg(strncmp(err.text, "bytes: byte ", 12) == 0, "%s", err.text);
        }
}

TEST(no_count_goes_beyond_the_bytes_that_are_there) {
        Error err = {};
        Reader rd = reader_of("\x03xxx", 4, &err);

        ck_assert_uint_eq(get_count(&rd, 3), 3);
        rd = reader_of("\x04xxx", 4, &err);
        ck_assert_uint_eq(get_count(&rd, 4), 0);
        ck_assert_int_eq(rd.r, ERROR_VALUE);
}

TEST(the_first_failure_sticks_and_after_it_everything_is_zero) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Error err                           = {};
        Reader rd                           = reader_of("\x05yy", 3, &err);

        rd.scratch = arena;
        ck_assert_ptr_null(get_bytes(&rd, 4));
        ck_assert_str_eq(err.text, "bytes: byte 0: ends too early");
        ck_assert_uint_eq(get_u8(&rd), 0);
        ck_assert_uint_eq(get_count(&rd, 100), 0);
        ck_assert_ptr_null(get_bytes(&rd, 0));
        ck_assert_ptr_null(get_memory(&rd, 1));
        reader_refuse(&rd, "something else");
        ck_assert_str_eq(err.text, "bytes: byte 0: ends too early");
}

TEST(a_writer_out_of_room_stays_so) {
        Writer w = { .bytes.n = UINT32_MAX - 1, .bytes.capacity = UINT32_MAX };

        put_bytes(&w, "ab", 2);
        ck_assert_int_eq(w.r, -ENOMEM);
        put_u8(&w, 1);
        ck_assert_uint_eq(w.bytes.n, UINT32_MAX - 1);
}
