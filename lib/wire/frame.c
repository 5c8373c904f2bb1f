/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "wire/frame.h"

static const uint8_t magic[4] = { 'M', 'A', 'R', 'S' };

static void put(uint8_t *to, uint64_t v, unsigned n_bytes) {
        for (unsigned k = 0; k < n_bytes; k++)
                to[k] = (uint8_t) (v >> (8 * k));
}

static uint64_t get(const uint8_t *from, unsigned n_bytes) {
        uint64_t v = 0;

        for (unsigned k = 0; k < n_bytes; k++)
                v |= (uint64_t) from[k] << (8 * k);
        return v;
}

void frame_encode(const Frame *frame, uint8_t ret[static FRAME_BYTES]) {
        assert(frame->body_bytes <= MAX_BODY_BYTES && frame->payload_bytes <= MAX_PAYLOAD_BYTES);
        memcpy(ret, magic, sizeof(magic));
        put(ret + 4, frame->kind, 2);
        put(ret + 6, frame->fd ? FRAME_FD : 0, 2);
        put(ret + 8, frame->body_bytes, 4);
        put(ret + 12, 0, 4);
        put(ret + 16, frame->payload_bytes, 8);
}

int frame_decode(const uint8_t data[static FRAME_BYTES], Frame *ret, Error *err) {
        const uint64_t flags = get(data + 6, 2);

        if (memcmp(data, magic, sizeof(magic)) != 0)
                return error_set(err, ERROR_CORRUPT, "the other side does not speak our protocol");
        *ret = (Frame) { .kind          = (uint16_t) get(data + 4, 2),
                         .fd            = flags & FRAME_FD,
                         .body_bytes    = (uint32_t) get(data + 8, 4),
                         .payload_bytes = get(data + 16, 8) };
        if ((flags & ~(uint64_t) FRAME_FD) != 0 || get(data + 12, 4) != 0)
                return error_set(err, ERROR_CORRUPT, "a frame with marks that are not known here");
        if (ret->body_bytes > MAX_BODY_BYTES)
                return error_set(err, ERROR_CORRUPT, "a message of %u bytes (at most %d)", ret->body_bytes,
                                 MAX_BODY_BYTES);
        if (ret->payload_bytes > MAX_PAYLOAD_BYTES)
                return error_set(err, ERROR_CORRUPT, "a payload of %llu bytes (at most %llu)",
                                 (unsigned long long) ret->payload_bytes, (unsigned long long) MAX_PAYLOAD_BYTES);
        return 0;
}
