/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Zarr arrays: a directory with metadata (.zarray of version 2, zarr.json of version 3) and a file for each chunk of a
 * regular grid; one that is not there is all fill value. The metadata is text from outside, read into ZarrMeta once;
 * what follows from it cannot leave the directory, and cannot overflow: shape_check() holds for the array and for a
 * chunk. Codecs, filters and grids that we do not have are refused by their names. */
#include "client/times.h"
#include "io/compress.h"
#include "tensor/strided.h"
#include "tensor/tiling.h"

enum {
        ZARR_META_MAX = 1 << 20, /* longest metadata that is read: attributes of version 3 are in it */
        ZARR_DEPTH    = 32,      /* of what is in it */
        ZARR_KEY_MAX  = 24 * MAX_NDIM,
        ZARR_MAX_SUMS = 4, /* checksums one behind the other: one is enough for anybody */
};

#define ZARR_CHUNK_MAX (INT64_C(4) << 30) /* bytes: it is in memory as a whole, up to three times a thread */

#define ZARR_META_2 ".zarray"
#define ZARR_META_3 "zarr.json"

typedef struct ZarrMeta {
        int version;
        unsigned type;           /* of the elements: client/times.h; to the engine they are */
        DType dtype;
        bool swap; /* elements are of the other order of bytes */
        Shape shape;
        Shape chunk;             /* of the grid; also those at the edge are whole */
        uint8_t order[MAX_NDIM]; /* axis order[k] of the array is axis k of a chunk as it is stored */
        Scalar fill;
        Codec codec;                        /* of the bytes of a chunk, */
        uint8_t n_inner_sums, n_outer_sums; /* with checksums behind them, before and after it */
        bool prefix;                        /* names of chunks begin with "c" */
        char separator;                     /* in them */
} ZarrMeta;

/* ERROR_VALUE: no or broken metadata; ERROR_TYPE: a dtype, ERROR_SUPPORT: anything else that we do not have. */
int zarr_parse(int version, const char *text, size_t size, ZarrMeta *ret, Error *err);
/* The metadata as text, which is the caller's to free(). */
int zarr_print(const ZarrMeta *meta, char **ret, Error *err);

bool codec_from_name(const char *name, CodecKind *ret); /* not "none" */

/* The name of a chunk within the directory. */
void zarr_key(const ZarrMeta *meta, const int64_t *position, char ret[static ZARR_KEY_MAX]);
/* The most that a file of a chunk has. */
size_t zarr_stored_bound(const ZarrMeta *meta);
/* From the bytes of a file to the chunk in C order; scratch has room for zarr_scratch_bytes(). */
size_t zarr_scratch_bytes(const ZarrMeta *meta);
int zarr_decode(const ZarrMeta *meta, const char *in, size_t in_bytes, char *scratch, char *out, Error *err);
/* And back, as we write it: little-endian, in C order, without checksums; out has room for zarr_stored_bound(). */
int zarr_encode(const ZarrMeta *meta, const char *in, char *out, size_t *ret_bytes, Error *err);
