/* SPDX-License-Identifier: Apache-2.0 */
/* A tensor's chunk is a box of whole chunks of the array where that can be had (data_from_reader()), so that each file
 * is read and decoded once. A chunk that is the box goes straight into it; others through memory of the reading thread,
 * which is besides the session's budget: a file, and a chunk or two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "client/data.h"
#include "client/expr.h"
#include "client/zarr.h"
#include "io/file.h"

typedef struct Zarr {
        ZarrMeta meta;
        char path[];
} Zarr;

/* Memory of one box's reading, taken when it is first needed. */
typedef struct Buffers {
        char *chunk, *scratch;
        size_t chunk_bytes, scratch_bytes;
} Buffers;

static void buffers_done(Buffers *b) {
        pages_free(b->chunk, b->chunk_bytes);
        pages_free(b->scratch, b->scratch_bytes);
}

static int buffer_need(char **buffer, size_t size_bytes, Error *err) {
        *buffer = *buffer ?: pages_alloc(size_bytes);
        return *buffer ? 0 : error_oom(err, size_bytes);
}

static int chunk_path(const Zarr *z, const int64_t *position, char **ret, Error *err) {
        char key[ZARR_KEY_MAX];

        zarr_key(&z->meta, position, key);
        if (asprintf(ret, "%s/%s", z->path, key) < 0) {
                *ret = NULL;
                return error_oom(err, sizeof(key));
        }
        return 0;
}

/* The chunk in C order into `to`. -ENOENT: it is all fill value. */
static int read_chunk(const Zarr *z, const int64_t *position, Buffers *b, char *to, Error *err) {
        _cleanup_(freep) char *path = NULL, *stored = NULL;
        size_t stored_bytes;
        int r = chunk_path(z, position, &path, err);

        if (r == 0)
                r = file_read_all(path, zarr_stored_bound(&z->meta), &stored, &stored_bytes, err);
        if (r == 0)
                r = buffer_need(&b->scratch, b->scratch_bytes, err);
        if (r < 0)
                return r;
        r = zarr_decode(&z->meta, stored, stored_bytes, b->scratch, to, err);
        return r < 0 ? error_prefix(err, r, "'%s'", path) : 0;
}

/* The part of the array's chunk that is in the box. */
static int read_part(const Zarr *z, const int64_t *position, const Box *box, Buffers *b, char *to,
                     const int64_t *to_stride, Error *err) {
        const size_t size = dtype_size(z->meta.dtype);
        int64_t from_stride[MAX_NDIM];
        Shape part = { .ndim = box->ndim };
        char *from = NULL;
        bool whole = true;
        int64_t at = 0;
        int r;

        strided_of_shape(&z->meta.chunk, size, from_stride);
        for (int k = 0; k < box->ndim; k++) {
                const int64_t lo = position[k] * z->meta.chunk.dim[k], hi = lo + z->meta.chunk.dim[k];
                const int64_t begin = MAX(lo, box->lo[k]), end = MIN(hi, box->hi[k]);

                part.dim[k] = end - begin;
                at += (begin - lo) * from_stride[k];
                to += (begin - box->lo[k]) * to_stride[k];
                whole &= lo == box->lo[k] && hi == box->hi[k];
        }
        r = whole ? 0 : buffer_need(&b->chunk, b->chunk_bytes, err);
        if (r < 0)
                return r;
        from = whole ? to : b->chunk;
        r    = read_chunk(z, position, b, from, err);
        if (r == -ENOENT) {
                static const int64_t nowhere[MAX_NDIM];

                strided_copy(to, to_stride, (const char *) z->meta.fill.bytes, nowhere, &part, size);
                return 0;
        }
        if (r == 0 && !whole)
                strided_copy(to, to_stride, from + at, from_stride, &part, size);
        return r;
}

static int zarr_read(void *userdata, const Box *box, char *to, Error *err) {
        const Zarr *z = userdata;
        _cleanup_(buffers_done)
                Buffers buffer = { .chunk_bytes   = (size_t) shape_size(&z->meta.chunk) * dtype_size(z->meta.dtype),
                                   .scratch_bytes = zarr_scratch_bytes(&z->meta) };
        int64_t at[MAX_NDIM], first[MAX_NDIM], last[MAX_NDIM], to_stride[MAX_NDIM];
        Shape shape = { .ndim = box->ndim };
        int k, r;

        assert(box->ndim >= 0 && box->ndim <= MAX_NDIM);
        for (k = 0; k < box->ndim; k++) {
                shape.dim[k] = box->hi[k] - box->lo[k];
                at[k] = first[k] = box->lo[k] / z->meta.chunk.dim[k];
                last[k]          = (box->hi[k] - 1) / z->meta.chunk.dim[k];
        }
        strided_of_shape(&shape, dtype_size(z->meta.dtype), to_stride);
        for (;;) {
                r = read_part(z, at, box, &buffer, to, to_stride, err);
                if (r < 0)
                        return r;
                for (k = box->ndim - 1; k >= 0 && at[k] == last[k]; k--)
                        at[k] = first[k];
                if (k < 0)
                        return 0;
                at[k]++;
        }
}

/* The metadata of either version. */
static int read_meta(const char *path, ZarrMeta *ret, Error *err) {
        static const struct {
                int version;
                const char *name;
        } files[] = { { 3, ZARR_META_3 }, { 2, ZARR_META_2 } };

        for (size_t k = 0; k < ELEMENTSOF(files); k++) {
                _cleanup_(freep) char *name = NULL, *text = NULL;
                size_t size;
                int r;

                if (asprintf(&name, "%s/%s", path, files[k].name) < 0) {
                        name = NULL;
                        return error_oom(err, strlen(path));
                }
                r = file_read_all(name, ZARR_META_MAX, &text, &size, err);
                if (r == 0)
                        r = zarr_parse(files[k].version, text, size, ret, err);
                if (r != -ENOENT && r != -ENOTDIR)
                        return r < 0 ? error_prefix(err, r, "'%s'", path) : 0;
        }
        return error_set(err, -ENOENT, "'%s' is no Zarr array: it has neither %s nor %s", path, ZARR_META_3,
                         ZARR_META_2);
}

int mars_load_zarr(mars_tensor **ret, const char *path, const int64_t *chunk_size, size_t n_chunk_size,
                   mars_error *err) {
        size_t path_size;
        ZarrMeta meta = {};
        Zarr *z;
        int r;

        if (!path)
                return error_set(error_of(err), ERROR_VALUE, "path is NULL");
        r = read_meta(path, &meta, error_of(err));
        if (r < 0)
                return r;
        path_size = strlen(path) + 1;
        z         = malloc(sizeof(*z) + path_size);
        if (!z)
                return error_oom(error_of(err), sizeof(*z));
        z->meta = meta;
        memcpy(z->path, path, path_size);
        return data_from_reader(ret, &meta.shape, meta.type,
                                &(DataReader) { .read = zarr_read, .release = free, .userdata = z }, meta.chunk.dim,
                                chunk_size, n_chunk_size, error_of(err));
}
