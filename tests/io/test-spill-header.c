/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "io/spill-header.h"

#include "harness.h"

enum { OWNER = 77 };

static SpillHeader plain(uint32_t offset, uint64_t chunk_bytes) {
        return (SpillHeader) {
                .owner        = OWNER,
                .id           = 5,
                .chunk_bytes  = chunk_bytes,
                .stored_bytes = spill_covering(offset, chunk_bytes),
                .digest       = 0x0123456789abcdef,
                .offset       = offset,
        };
}

TEST(a_header_reads_back_equal) {
        static const uint64_t bytes[] = { 0, 1, 4095, 4096, 4097, 1 << 30, SPILL_CHUNK_MAX };

        for (size_t k = 0; k < ELEMENTSOF(bytes); k++)
                for (uint32_t offset = 0; offset < SPILL_PAGE; offset += 1365) {
                        SpillHeader h = plain(offset, bytes[k]), again;
                        uint8_t page[SPILL_PAGE];
                        uint64_t check = spill_header_encode(&h, page), check_again;

                        ck_assert_int_eq(spill_header_decode(page, OWNER, &again, &check_again, NULL), 0);
                        ck_assert_uint_eq(check, check_again);
                        ck_assert(h.owner == again.owner && h.id == again.id && h.digest == again.digest);
                        ck_assert(h.chunk_bytes == again.chunk_bytes && h.stored_bytes == again.stored_bytes);
                        ck_assert_uint_eq(h.offset, again.offset);
                }
}

TEST(every_changed_bit_is_noticed) {
        SpillHeader h = plain(64, 12345), again;
        uint8_t page[SPILL_PAGE];
        uint64_t check;
        Error err;

        spill_header_encode(&h, page);
        for (uint32_t bit = 0; bit < SPILL_PAGE * 8; bit++) {
                page[bit / 8] ^= (uint8_t) (1 << bit % 8);
                ck_assert_int_eq(spill_header_decode(page, OWNER, &again, &check, &err), ERROR_CORRUPT);
                ck_assert(err.text[0]);
                page[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
}

TEST(a_header_with_the_right_checksum_is_not_believed_if_its_numbers_lie) {
        SpillHeader cases[] = { plain(0, 5000), plain(4096, 5000), plain(0, SPILL_CHUNK_MAX + 1), plain(0, 5000) };
        SpillHeader again;
        uint8_t page[SPILL_PAGE];
        uint64_t check;
        Error err;

        cases[0].stored_bytes -= SPILL_PAGE;
        cases[3].owner++;
        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                spill_header_encode(&cases[k], page);
                ck_assert_int_eq(spill_header_decode(page, OWNER, &again, &check, &err), ERROR_CORRUPT);
        }
        ck_assert_ptr_nonnull(strstr(err.text, "session 000000000000004e"));
}

TEST(a_slot_is_one_of_its_owner_at_its_place) {
        const SpillSlot slot = { .id = 9, .offset = 1 << 20, .check = 17 };
        uint8_t bytes[SPILL_SLOT], zeros[SPILL_SLOT] = {};
        SpillSlot again;

        spill_slot_encode(&slot, OWNER, 3, bytes);
        ck_assert(spill_slot_decode(bytes, OWNER, 3, &again));
        ck_assert_bytes_eq(&slot, &again, sizeof(slot));
        ck_assert(!spill_slot_decode(bytes, OWNER, 4, &again));
        ck_assert(!spill_slot_decode(bytes, OWNER + 1, 3, &again));
        for (uint64_t number = 0; number < 1000; number++)
                ck_assert(!spill_slot_decode(zeros, OWNER, number, &again));
        for (uint32_t bit = 0; bit < SPILL_SLOT * 8; bit++) {
                bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
                ck_assert(!spill_slot_decode(bytes, OWNER, 3, &again));
                bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
}
