/* SPDX-License-Identifier: Apache-2.0 */
/* Each codec is a row: how it decodes, how it encodes, and how much room that needs at most. All of them are given the
 * room that there is and say how much of it they used; none is asked what it would like to have. */
#include <blosc.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "io/compress.h"

enum { GZIP_HEADER = 16 }; /* added to the window: zlib's name for its gzip format */

static int corrupt(const char *codec, const char *words, Error *err) {
        return error_set(err, ERROR_CORRUPT, "%s: %s", codec, words);
}

/* ---- Nothing ---------------------------------------------------------------------------------------------------- */

static int plain_decode(_unused_ const Codec *codec, const char *in, size_t in_bytes, char *out, size_t out_bytes,
                        Error *err) {
        if (in_bytes != out_bytes)
                return error_set(err, ERROR_CORRUPT, "it has %zu bytes, not %zu", in_bytes, out_bytes);
        memcpy(out, in, out_bytes);
        return 0;
}

static int plain_encode(_unused_ const Codec *codec, const char *in, size_t in_bytes, char *out,
                        _unused_ size_t room_bytes, size_t *ret_bytes, _unused_ Error *err) {
        memcpy(out, in, in_bytes);
        *ret_bytes = in_bytes;
        return 0;
}

static size_t plain_bound(size_t in_bytes) {
        return in_bytes;
}

/* ---- zlib, gzip ------------------------------------------------------------------------------------------------- */

/* zlib counts in 32 bits: long blocks go in parts. */
static uInt part(size_t left) {
        return (uInt) MIN(left, (size_t) 1 << 30);
}

static int window_of(const Codec *codec) {
        return MAX_WBITS + (codec->kind == CODEC_GZIP ? GZIP_HEADER : 0);
}

static int zlib_decode(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t out_bytes, Error *err) {
        const char *const name = codec->kind == CODEC_GZIP ? "gzip" : "zlib";
        z_stream z             = { .next_in = (Bytef *) in, .next_out = (Bytef *) out };
        size_t in_left = in_bytes, out_left = out_bytes;
        int r;

        if (inflateInit2(&z, window_of(codec)) != Z_OK)
                return error_oom(err, 1 << MAX_WBITS);
        do {
                const uInt in_part = part(in_left), out_part = part(out_left);

                z.avail_in  = in_part;
                z.avail_out = out_part;
                r           = inflate(&z, Z_NO_FLUSH);
                in_left -= in_part - z.avail_in;
                out_left -= out_part - z.avail_out;
        } while (r == Z_OK && (in_left > 0 || out_left > 0));
        inflateEnd(&z);
        if (r == Z_MEM_ERROR)
                return error_oom(err, 1 << MAX_WBITS);
        if (r != Z_STREAM_END)
                return corrupt(name,
                               r == Z_DATA_ERROR              ? "the data is damaged"
                               : out_left == 0 && in_left > 0 ? "there is more than fits the chunk"
                                                              : "the data ends too early",
                               err);
        if (out_left > 0)
                return corrupt(name, "there is less than the chunk has", err);
        return 0;
}

static int zlib_encode(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t room_bytes,
                       size_t *ret_bytes, Error *err) {
        const int level = codec->level < 0 ? Z_DEFAULT_COMPRESSION : MIN(codec->level, Z_BEST_COMPRESSION);
        z_stream z      = { .next_in = (Bytef *) in, .next_out = (Bytef *) out };
        size_t in_left = in_bytes, room_left = room_bytes;
        int r;

        if (deflateInit2(&z, level, Z_DEFLATED, window_of(codec), MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY) != Z_OK)
                return error_oom(err, 1 << (MAX_WBITS + 2));
        do {
                const uInt in_part = part(in_left), room_part = part(room_left);

                z.avail_in  = in_part;
                z.avail_out = room_part;
                r           = deflate(&z, in_part == in_left ? Z_FINISH : Z_NO_FLUSH);
                in_left -= in_part - z.avail_in;
                room_left -= room_part - z.avail_out;
        } while (r == Z_OK);
        deflateEnd(&z);
        assert(r == Z_STREAM_END);
        *ret_bytes = room_bytes - room_left;
        return 0;
}

/* Stored blocks of at most 16 KiB with 5 bytes each, and the headers. */
static size_t zlib_bound(size_t in_bytes) {
        return in_bytes + (in_bytes >> 12) + (in_bytes >> 14) + (in_bytes >> 25) + 64;
}

/* ---- zstd ------------------------------------------------------------------------------------------------------- */

static int zstd_decode(_unused_ const Codec *codec, const char *in, size_t in_bytes, char *out, size_t out_bytes,
                       Error *err) {
        const size_t n = ZSTD_decompress(out, out_bytes, in, in_bytes);

        if (ZSTD_isError(n))
                return corrupt("zstd", ZSTD_getErrorName(n), err);
        return n == out_bytes ? 0 : corrupt("zstd", "there is less than the chunk has", err);
}

static int zstd_encode(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t room_bytes,
                       size_t *ret_bytes, Error *err) {
        const int level = codec->level < 0 ? ZSTD_CLEVEL_DEFAULT : MIN(codec->level, ZSTD_maxCLevel());
        const size_t n  = ZSTD_compress(out, room_bytes, in, in_bytes, level);

        if (ZSTD_isError(n))
                return error_oom(err, room_bytes);
        *ret_bytes = n;
        return 0;
}

static size_t zstd_bound(size_t in_bytes) {
        return ZSTD_compressBound(in_bytes);
}

/* ---- blosc ------------------------------------------------------------------------------------------------------ */

static int blosc_decode(_unused_ const Codec *codec, const char *in, size_t in_bytes, char *out, size_t out_bytes,
                        Error *err) {
        size_t n;

        if (blosc_cbuffer_validate(in, in_bytes, &n) < 0)
                return corrupt("blosc", "the header is damaged", err);
        if (n != out_bytes)
                return error_set(err, ERROR_CORRUPT, "blosc: it has %zu bytes, not %zu", n, out_bytes);
        if (n > 0 && blosc_decompress_ctx(in, out, out_bytes, 1) != (int) out_bytes)
                return corrupt("blosc", "the data is damaged", err);
        return 0;
}

static int blosc_encode(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t room_bytes,
                        size_t *ret_bytes, Error *err) {
        enum { DEFAULT_LEVEL = 5, BEST_LEVEL = 9 };
        const int level = codec->level < 0 ? DEFAULT_LEVEL : MIN(codec->level, (int) BEST_LEVEL);
        int n;

        if (in_bytes > BLOSC_MAX_BUFFERSIZE)
                return error_set(err, ERROR_VALUE, "blosc: a block has at most %d bytes, not %zu", BLOSC_MAX_BUFFERSIZE,
                                 in_bytes);
        if (blosc_compname_to_compcode(codec->compressor) < 0)
                return error_set(err, ERROR_VALUE, "blosc: there is no compressor '%s'", codec->compressor);
        n = blosc_compress_ctx(level, codec->shuffle, codec->element_bytes, in_bytes, in, out, room_bytes,
                               codec->compressor, 0, 1);
        if (n <= 0)
                return error_oom(err, room_bytes);
        *ret_bytes = (size_t) n;
        return 0;
}

static size_t blosc_bound(size_t in_bytes) {
        return in_bytes + BLOSC_MAX_OVERHEAD;
}

/* ---- All -------------------------------------------------------------------------------------------------------- */

static const struct {
        int (*decode)(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t out_bytes, Error *err);
        int (*encode)(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t room_bytes,
                      size_t *ret_bytes, Error *err);
        size_t (*bound)(size_t in_bytes);
} codecs[] = {
        [CODEC_NONE]  = { plain_decode, plain_encode, plain_bound },
        [CODEC_ZLIB]  = { zlib_decode, zlib_encode, zlib_bound },
        [CODEC_GZIP]  = { zlib_decode, zlib_encode, zlib_bound },
        [CODEC_ZSTD]  = { zstd_decode, zstd_encode, zstd_bound },
        [CODEC_BLOSC] = { blosc_decode, blosc_encode, blosc_bound },
};

int codec_decode(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t out_bytes, Error *err) {
        return codecs[codec->kind].decode(codec, in, in_bytes, out, out_bytes, err);
}

size_t codec_bound(const Codec *codec, size_t in_bytes) {
        return codecs[codec->kind].bound(in_bytes);
}

int codec_encode(const Codec *codec, const char *in, size_t in_bytes, char *out, size_t room_bytes, size_t *ret_bytes,
                 Error *err) {
        return codecs[codec->kind].encode(codec, in, in_bytes, out, room_bytes, ret_bytes, err);
}

/* Half a byte at a time: the checksum is rare, and stands beside codecs that take longer. */
uint32_t crc32c(const void *data, size_t size_bytes) {
        static const uint32_t table[16] = {
                0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
        };
        const uint8_t *at = data;
        uint32_t crc      = UINT32_MAX;

        for (size_t i = 0; i < size_bytes; i++) {
                crc ^= at[i];
                crc = crc >> 4 ^ table[crc & 0xf];
                crc = crc >> 4 ^ table[crc & 0xf];
        }
        return ~crc;
}
