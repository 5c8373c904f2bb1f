/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The first page of an extent says what lies behind it; docs/STORE.md has the bytes. What is read is believed when its
 * checksum, its owner and all its numbers fit together. */
#include "io/spill.h"

enum { SPILL_VERSION = 1 };

#define SPILL_CHUNK_MAX ((uint64_t) 1 << 56) /* no chunk is as long: sums of sizes do not overflow */

typedef struct SpillHeader {
        uint64_t owner, id;
        uint64_t chunk_bytes;
        uint64_t packed_bytes; /* of the compressed chunk; 0: it is plain */
        uint64_t stored_bytes; /* behind the header: whole pages */
        uint64_t digest;       /* XXH3 of the chunk, or of the compressed one */
        uint32_t offset;       /* of the chunk's first byte in its page, in memory, and in the file if it is plain */
} SpillHeader;

/* Both return the checksum, by which one header is told from others. */
uint64_t spill_header_encode(const SpillHeader *header, uint8_t page[SPILL_PAGE]);
/* 0 or ERROR_CORRUPT with words. */
int spill_header_decode(const uint8_t page[SPILL_PAGE], uint64_t owner, SpillHeader *ret, uint64_t *ret_check,
                        Error *err);

/* Pages that a chunk covers. */
static inline uint64_t spill_covering(uint32_t offset, uint64_t chunk_bytes) {
        return (offset * (uint64_t) (chunk_bytes > 0) + chunk_bytes + SPILL_PAGE - 1) / SPILL_PAGE * SPILL_PAGE;
}

/* Pages behind its header. */
static inline uint64_t spill_moved_pages(uint32_t offset, uint64_t chunk_bytes, uint64_t packed_bytes) {
        return packed_bytes > 0 ? spill_covering(0, packed_bytes) : spill_covering(offset, chunk_bytes);
}

/* ---- The table of a directory that is kept ---------------------------------------------------------------------- */

/* Where the extents of whole chunks begin. A slot is written when its extent is whole and zeroed before the extent is
 * used again. */
enum { SPILL_SLOT = 32 };

typedef struct SpillSlot {
        uint64_t id;
        uint64_t offset; /* of the extent in its file */
        uint64_t check;  /* of its header */
} SpillSlot;

void spill_slot_encode(const SpillSlot *slot, uint64_t owner, uint64_t number, uint8_t bytes[SPILL_SLOT]);
bool spill_slot_decode(const uint8_t bytes[SPILL_SLOT], uint64_t owner, uint64_t number, SpillSlot *ret);
