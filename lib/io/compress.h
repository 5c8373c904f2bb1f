/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Compressed blocks of files that others write and read, too (Zarr). A block comes from outside: what it says of itself
 * is checked, and it decodes to exactly as many bytes as the caller expects, or is refused with ERROR_CORRUPT. */
#include "base/error.h"

typedef enum CodecKind { CODEC_NONE, CODEC_ZLIB, CODEC_GZIP, CODEC_ZSTD, CODEC_BLOSC } CodecKind;

enum { CODEC_NAME_MAX = 16 };

/* The shuffling of blosc. */
enum { CODEC_NO_SHUFFLE, CODEC_SHUFFLE, CODEC_BIT_SHUFFLE };

typedef struct Codec {
        CodecKind kind;
        int level;
        /* Of blosc, and for writing only: a block says it itself. */
        char compressor[CODEC_NAME_MAX]; /* "lz4" */
        int shuffle;
        uint32_t element_bytes; /* what is shuffled */
} Codec;

/* Exactly out_bytes from in_bytes. */
int codec_decode(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t out_bytes, Error *err);
/* Room that codec_encode() needs for so many bytes. */
size_t codec_bound(const Codec *codec, size_t in_bytes);
int codec_encode(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t room_bytes, size_t *ret_bytes,
                 Error *err);

/* CRC-32C (Castagnoli), as RFC 3720 has it. */
uint32_t crc32c(const void *data, size_t size_bytes);
