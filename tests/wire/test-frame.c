/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "wire/frame.h"

#include "harness.h"

static const Frame frames[] = {
        {},
        { .kind = 1 },
        { .kind = UINT16_MAX, .fd = true },
        { .kind = 0x1234, .body_bytes = 0x0312a4f5, .payload_bytes = 0x0123456789 },
        { .kind = 3, .fd = true, .body_bytes = MAX_BODY_BYTES, .payload_bytes = MAX_PAYLOAD_BYTES },
};

TEST(a_frame_reads_back_as_it_was_written) {
        for (size_t k = 0; k < ELEMENTSOF(frames); k++) {
                uint8_t bytes[FRAME_BYTES];
                Frame back;

                frame_encode(&frames[k], bytes);
                ck_assert_int_eq(frame_decode(bytes, &back, NULL), 0);
                ck_assert_uint_eq(back.kind, frames[k].kind);
                ck_assert_int_eq(back.fd, frames[k].fd);
                ck_assert_uint_eq(back.body_bytes, frames[k].body_bytes);
                ck_assert_uint_eq(back.payload_bytes, frames[k].payload_bytes);
        }
}

TEST(a_frame_lies_on_the_wire_as_the_header_says) {
        static const uint8_t expected[FRAME_BYTES] = { 'M',  'A',  'R',  'S',  0x34, 0x12, 1, 0, 0xf5, 0xa4, 0x12, 0x03,
                                                       0,    0,    0,    0,    0x89, 0x67, 0x45, 0x23, 0x01, 0, 0, 0 };
        Frame frame = frames[3];
        uint8_t bytes[FRAME_BYTES];

        frame.fd = true;
        frame_encode(&frame, bytes);
        ck_assert_bytes_eq(bytes, expected, FRAME_BYTES);
}

/* Every bit has one meaning: a header with any bit changed is another frame or none. */
TEST(a_header_with_a_bit_changed_is_another_frame_or_refused) {
        for (size_t k = 0; k < ELEMENTSOF(frames); k++)
                for (unsigned bit = 0; bit < FRAME_BYTES * 8; bit++) {
                        uint8_t bytes[FRAME_BYTES], again[FRAME_BYTES];
                        Error err = {};
                        Frame back;

                        frame_encode(&frames[k], bytes);
                        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
                        if (frame_decode(bytes, &back, &err) < 0) {
                                ck_assert_int_eq(err.code, ERROR_CORRUPT);
                                ck_assert(err.text[0]);
                                continue;
                        }
                        frame_encode(&back, again);
                        ck_assert_bytes_eq(bytes, again, FRAME_BYTES);
                }
}

TEST(sizes_beyond_the_limits_and_unknown_marks_are_refused) {
        static const struct {
                unsigned byte, value;
        } bent[] = { { 0, 'm' }, { 6, 2 },  { 6, 0x80 },  { 7, 1 },    { 11, 5 },
                     { 12, 1 },  { 14, 1 }, { 15, 0x80 }, { 22, 1 },   { 23, 0x80 } };

        for (size_t k = 0; k < ELEMENTSOF(bent); k++) {
                uint8_t bytes[FRAME_BYTES];
                Frame frame;

                frame_encode(&frames[1], bytes);
                bytes[bent[k].byte] = (uint8_t) bent[k].value;
                ck_assert_int_eq(frame_decode(bytes, &frame, NULL), ERROR_CORRUPT);
        }
}
