/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

enum { VARINT_BYTES = 10 }; /* of 64 bits, seven a byte */

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

void put_bytes(Writer *w, const void *data, size_t size_bytes) {
        if (w->r < 0 || size_bytes == 0)
                return;
        if (size_bytes >= UINT32_MAX - w->bytes.n)
                w->r = -ENOMEM;
        else
                w->r = vec_reserve(&w->bytes, w->bytes.n + (uint32_t) size_bytes);
        if (w->r < 0)
                return;
        memcpy(w->bytes.data + w->bytes.n, data, size_bytes);
        w->bytes.n += (uint32_t) size_bytes;
}

void put_u8(Writer *w, unsigned v) {
        put_bytes(w, &(uint8_t) { (uint8_t) v }, 1);
}

void put_varint(Writer *w, uint64_t v) {
        uint8_t bytes[VARINT_BYTES];
        size_t n = 0;

        for (; v >= 0x80; v >>= 7)
                bytes[n++] = (uint8_t) v | 0x80;
        bytes[n++] = (uint8_t) v;
        put_bytes(w, bytes, n);
}

/* A number as the 8 or fewer bytes of its value, least significant first, on every machine. */
void put_le(Writer *w, const void *number, size_t size_bytes) {
        uint8_t bytes[8];

        memcpy(bytes, number, size_bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        for (size_t i = 0; i < size_bytes / 2; i++) {
                uint8_t t                 = bytes[i];
                bytes[i]                  = bytes[size_bytes - 1 - i];
                bytes[size_bytes - 1 - i] = t;
        }
#endif
        put_bytes(w, bytes, size_bytes);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

size_t reader_left(const Reader *rd) {
        return (size_t) (rd->end - rd->at);
}

void reader_refuse(Reader *rd, const char *why) {
        if (rd->r == 0)
                rd->r = error_set(rd->err, ERROR_VALUE, "%s: byte %zu: %s", rd->what, (size_t) (rd->at - rd->start),
                                  why);
}

uint8_t get_u8(Reader *rd) {
        if (rd->r == 0 && reader_left(rd) == 0)
                reader_refuse(rd, "ends too early");
        return rd->r < 0 ? 0 : *rd->at++;
}

uint64_t get_varint(Reader *rd, uint64_t max) {
        uint64_t v = 0;
        uint8_t byte;

        for (unsigned shift = 0;; shift += 7) {
                byte = get_u8(rd);
                if (shift == 63 && byte > 1) {
                        reader_refuse(rd, "a number of more than 64 bits");
                        return 0;
                }
                if (shift > 0 && byte == 0)
                        reader_refuse(rd, "a number that is longer than it needs to be");
                v |= (uint64_t) (byte & 0x7f) << shift;
                if (!(byte & 0x80))
                        break;
        }
        if (v > max)
                reader_refuse(rd, "a number that is too large here");
        return rd->r < 0 ? 0 : v;
}

/* How many things follow, each of at least one byte. */
uint32_t get_count(Reader *rd, uint32_t max) {
        uint32_t n = (uint32_t) get_varint(rd, max);

        if (n > reader_left(rd)) {
                reader_refuse(rd, "more things than bytes");
                return 0;
        }
        return n;
}

const uint8_t *get_bytes(Reader *rd, size_t size_bytes) {
        const uint8_t *ret = rd->at;

        if (rd->r == 0 && size_bytes > reader_left(rd))
                reader_refuse(rd, "ends too early");
        if (rd->r < 0)
                return NULL;
        rd->at += size_bytes;
        return ret;
}

void get_le(Reader *rd, void *number, size_t size_bytes) {
        const uint8_t *from = get_bytes(rd, size_bytes);
        uint8_t *to         = number;

        for (size_t i = 0; from && i < size_bytes; i++)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
                to[size_bytes - 1 - i] = from[i];
#else
                to[i] = from[i];
#endif
}

void *get_memory(Reader *rd, size_t size_bytes) {
        void *ret = rd->r < 0 ? NULL : arena_alloc(rd->scratch, size_bytes);

        if (rd->r == 0 && !ret)
                rd->r = error_oom(rd->err, size_bytes);
        return ret;
}
