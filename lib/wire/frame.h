/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A frame: how a message lies in a stream of bytes. A header of FRAME_BYTES, the message's own bytes (the body), then
 * perhaps a payload: bytes of a chunk, which the receiver puts where they stay (docs/PROTOCOL.md).
 *
 *         offset  bytes
 *              0      4   "MARS"
 *              4      2   kind of the message
 *              6      2   flags: FRAME_FD
 *              8      4   bytes of the body
 *             12      4   0
 *             16      8   bytes of the payload
 *
 * All numbers are little-endian. */
#include "base/error.h"

enum {
        FRAME_BYTES = 24,
        FRAME_FD    = 1 << 0,                /* a descriptor comes with it, over unix sockets only */
};

typedef struct Frame {
        uint16_t kind;
        bool fd;
        uint32_t body_bytes;    /* at most MAX_BODY_BYTES */
        uint64_t payload_bytes; /* at most MAX_PAYLOAD_BYTES */
} Frame;

void frame_encode(const Frame *frame, uint8_t ret[static FRAME_BYTES]);
/* 0, or ERROR_CORRUPT with words: then the stream is of no use any more. */
int frame_decode(const uint8_t data[static FRAME_BYTES], Frame *ret, Error *err);
