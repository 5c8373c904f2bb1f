/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How values become bytes that travel, and back: numbers of seven bits a byte (varint), numbers of a fixed size (least
 * significant byte first, on every machine), runs of bytes. What is read comes from outside and is never believed: no
 * count goes beyond the bytes that are there to fill it, and each value has one spelling. */
#include "base/arena.h"
#include "base/error.h"
#include "base/vec.h"

/* The first failure sticks; bytes.data is the caller's in the end. */
typedef struct Writer {
        Vec(uint8_t) bytes;
        int r;
} Writer;

void put_bytes(Writer *w, const void *data, size_t size_bytes);
void put_u8(Writer *w, unsigned v);
void put_varint(Writer *w, uint64_t v);
void put_le(Writer *w, const void *number, size_t size_bytes); /* of 8 bytes or fewer */

/* The first failure sticks: after it everything reads as 0. */
typedef struct Reader {
        const uint8_t *start, *at, *end;
        const char *what; /* is being read: the first of the words of a failure */
        Error *err;
        int r;
        Arena *scratch;   /* where lists and texts go */
} Reader;

size_t reader_left(const Reader *rd);
void reader_refuse(Reader *rd, const char *why); /* ERROR_VALUE: "graph: byte 17: ends too early" */
uint8_t get_u8(Reader *rd);
uint64_t get_varint(Reader *rd, uint64_t max);
uint32_t get_count(Reader *rd, uint32_t max); /* how many things follow, each of at least one byte */
const uint8_t *get_bytes(Reader *rd, size_t size_bytes);
void get_le(Reader *rd, void *number, size_t size_bytes);
void *get_memory(Reader *rd, size_t size_bytes); /* of scratch; NULL after a failure */

static inline uint64_t zigzag(int64_t v) {
        return ((uint64_t) v << 1) ^ (uint64_t) (v >> 63);
}

static inline int64_t unzigzag(uint64_t v) {
        return (int64_t) ((v >> 1) ^ -(v & 1));
}
