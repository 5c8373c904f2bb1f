/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are little-endian and lie one after the other:
 *
 *     magic 8 | version 4 | offset 4 | owner 8 | id 8 | chunk_bytes 8 | stored_bytes 8 | digest 8
 *     packed_bytes 8 | zeros | checksum 8, XXH3 of all before it */
#include <endian.h>
#include <string.h>
#include <xxhash.h>

#include "io/spill-header.h"

static const uint8_t magic[8] = { 'M', 'A', 'R', 'S', 'p', 'i', 'l', 'l' };

enum { CHECK_AT = SPILL_PAGE - 8 };

static uint8_t *put32(uint8_t *at, uint32_t v) {
        v = htole32(v);
        memcpy(at, &v, sizeof(v));
        return at + sizeof(v);
}

static uint8_t *put64(uint8_t *at, uint64_t v) {
        v = htole64(v);
        memcpy(at, &v, sizeof(v));
        return at + sizeof(v);
}

static uint32_t get32(const uint8_t **at) {
        uint32_t v;

        memcpy(&v, *at, sizeof(v));
        *at += sizeof(v);
        return le32toh(v);
}

static uint64_t get64(const uint8_t **at) {
        uint64_t v;

        memcpy(&v, *at, sizeof(v));
        *at += sizeof(v);
        return le64toh(v);
}

uint64_t spill_header_encode(const SpillHeader *h, uint8_t page[SPILL_PAGE]) {
        uint8_t *at = page + sizeof(magic);
        uint64_t check;

        memset(page, 0, SPILL_PAGE);
        memcpy(page, magic, sizeof(magic));
        at = put32(at, SPILL_VERSION);
        at = put32(at, h->offset);
        at = put64(at, h->owner);
        at = put64(at, h->id);
        at = put64(at, h->chunk_bytes);
        at = put64(at, h->stored_bytes);
        at = put64(at, h->digest);
        put64(at, h->packed_bytes);
        check = XXH3_64bits(page, CHECK_AT);
        put64(page + CHECK_AT, check);
        return check;
}

int spill_header_decode(const uint8_t page[SPILL_PAGE], uint64_t owner, SpillHeader *ret, uint64_t *ret_check,
                        Error *err) {
        const uint8_t *at = page + sizeof(magic), *check_at = page + CHECK_AT;
        SpillHeader h     = {};
        uint32_t version;

        *ret_check = get64(&check_at);
        if (memcmp(page, magic, sizeof(magic)) != 0)
                return error_set(err, ERROR_CORRUPT, "no extent begins here");
        if (XXH3_64bits(page, CHECK_AT) != *ret_check)
                return error_set(err, ERROR_CORRUPT, "the checksum of the extent's header is wrong");
        version = get32(&at);
        if (version != SPILL_VERSION)
                return error_set(err, ERROR_CORRUPT, "an extent of version %u, ours is %d", version, SPILL_VERSION);
        h.offset       = get32(&at);
        h.owner        = get64(&at);
        h.id           = get64(&at);
        h.chunk_bytes  = get64(&at);
        h.stored_bytes = get64(&at);
        h.digest       = get64(&at);
        h.packed_bytes = get64(&at);
        if (h.owner != owner)
                return error_set(err, ERROR_CORRUPT, "an extent of session %016llx, not %016llx",
                                 (unsigned long long) h.owner, (unsigned long long) owner);
        if (h.offset >= SPILL_PAGE || h.chunk_bytes > SPILL_CHUNK_MAX ||
            h.packed_bytes > h.chunk_bytes ||
            h.stored_bytes != spill_moved_pages(h.offset, h.chunk_bytes, h.packed_bytes))
                return error_set(err, ERROR_CORRUPT, "sizes in the extent's header do not fit together");
        *ret = h;
        return 0;
}

void spill_slot_encode(const SpillSlot *slot, uint64_t owner, uint64_t number, uint8_t bytes[SPILL_SLOT]) {
        uint8_t *at = put64(bytes, slot->id);

        at = put64(at, slot->offset);
        at = put64(at, slot->check);
        /* A slot of another owner or another place is no slot. */
        put64(at, XXH3_64bits_withSeed(bytes, SPILL_SLOT - 8, owner ^ (number << 1 | 1)));
}

bool spill_slot_decode(const uint8_t bytes[SPILL_SLOT], uint64_t owner, uint64_t number, SpillSlot *ret) {
        const uint8_t *at = bytes;

        ret->id     = get64(&at);
        ret->offset = get64(&at);
        ret->check  = get64(&at);
        return get64(&at) == XXH3_64bits_withSeed(bytes, SPILL_SLOT - 8, owner ^ (number << 1 | 1));
}
