/* SPDX-License-Identifier: Apache-2.0 */
/* A tensor is cut into the chunks of the array by the engine (rechunk), computed, and leaves it piece by piece: every
 * chunk is encoded and written by whichever thread is free. When all of them are on the disk the metadata is written;
 * a directory without it is no array, so nobody ever sees half of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "client/data.h"
#include "client/fetch.h"
#include "client/zarr.h"
#include "io/file.h"

typedef struct Writing {
        const ZarrMeta *meta;
        const char *path;
        const EnginePin *pin;
        pthread_mutex_t lock; /* of the rest */
        int r;
        Error err;
} Writing;

/* ---- Options ---------------------------------------------------------------------------------------------------- */

static int read_codec(const mars_zarr_options *o, const ZarrMeta *meta, Codec *ret, Error *err) {
        static const char *const compressors[] = { "lz4", "lz4hc", "blosclz", "zlib", "zstd" };
        const char *const name = o->codec ?: "blosc", *const compressor = o->compressor ?: compressors[0];
        bool found = false;

        *ret = (Codec) { .level         = o->level,
                         .shuffle       = o->shuffle < 0 ? CODEC_SHUFFLE : o->shuffle,
                         .element_bytes = (uint32_t) dtype_size(meta->dtype) };
        if (strcmp(name, "none") != 0 && !codec_from_name(name, &ret->kind))
                return error_set(err, ERROR_VALUE, "there is no codec '%s': there are blosc, zstd, gzip, zlib, none",
                                 name);
        if (ret->kind == CODEC_ZLIB && meta->version == 3)
                return error_set(err, ERROR_VALUE, "version 3 of Zarr has no codec 'zlib': take gzip");
        for (size_t k = 0; k < ELEMENTSOF(compressors); k++)
                found |= strcmp(compressor, compressors[k]) == 0;
        if (!found || ret->shuffle > CODEC_BIT_SHUFFLE)
                return error_set(err, ERROR_VALUE,
                                 "blosc has no %s: compressors are lz4, lz4hc, blosclz, zlib and zstd, "
                                 "shuffles 0, 1 and 2",
                                 found ? "such shuffle" : compressor);
        snprintf(ret->compressor, sizeof(ret->compressor), "%s", compressor);
        return 0;
}

/* The lengths of the chunks as the tensor is cut, if every one but the last of an axis is as long as the first. */
static int chunk_of_tensor(const mars_tensor *tensor, Shape *ret, Error *err) {
        _cleanup_(freep) int64_t *flat = NULL;
        size_t n, at = 0;
        int r = mars_tensor_chunks(tensor, &flat, &n, (mars_error *) err);

        for (int k = 0; k < ret->ndim && r == 0; k++) {
                const int64_t *length = flat + at + 1;
                const int64_t count   = flat[at];

                at += 1 + (size_t) count;
                for (int64_t i = 1; i < count; i++)
                        if (length[i] > length[0] || (i + 1 < count && length[i] != length[0]))
                                return error_set(err, ERROR_VALUE,
                                                 "the tensor is cut irregularly along axis %d: say in "
                                                 "which chunks the Zarr array is to be",
                                                 k);
                ret->dim[k] = MAX(length[0], (int64_t) 1);
        }
        return r;
}

static int read_options(const mars_zarr_options *o, const mars_tensor *tensor, ZarrMeta *ret, Error *err) {
        int r;

        *ret = (ZarrMeta) { .version = o->version ? (int) o->version : 2,
                            .type    = tensor->dtype,
                            .dtype   = type_dtype(tensor->dtype) };
        if (ret->version != 2 && ret->version != 3)
                return error_set(err, ERROR_VALUE, "there is no version %d of Zarr here: there are 2 and 3",
                                 ret->version);
        if (ret->version == 3 && type_is_time(ret->type))
                return error_set(err, ERROR_TYPE, "version 3 of Zarr has no dtype for %s: take version 2",
                                 type_name(ret->type));
        if (o->separator && o->separator != '.' && o->separator != '/')
                return error_set(err, ERROR_VALUE, "the separator in the names of chunks is '.' or '/'");
        ret->separator = o->separator ?: ret->version == 3 ? '/' : '.';
        ret->prefix    = ret->version == 3;
        ret->shape     = shape_of(tensor->ndim, tensor->dim);
        ret->chunk     = ret->shape;
        for (int k = 0; k < tensor->ndim; k++)
                ret->order[k] = (uint8_t) k;
        r = read_codec(o, ret, &ret->codec, err);
        if (r == 0 && !o->chunks)
                r = chunk_of_tensor(tensor, &ret->chunk, err);
        for (int k = 0; k < tensor->ndim && r == 0 && o->chunks; k++) {
                ret->chunk.dim[k] = o->chunks[k];
                if (o->chunks[k] < 1)
                        r = error_set(err, ERROR_VALUE, "chunks: axis %d: %lld is no length", k,
                                      (long long) o->chunks[k]);
        }
        if (r == 0)
                r = shape_check(&ret->chunk, dtype_size(ret->dtype), err);
        return r;
}

/* The tensor in chunks of the array. */
static int cut(mars_tensor **ret, mars_tensor *tensor, const ZarrMeta *meta, mars_error *err) {
        int64_t flat[2 * MAX_NDIM];
        const mars_param param = {
                .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = flat, .n = 2 * (size_t) meta->shape.ndim
        };

        if (meta->shape.ndim == 0) {
                *ret = mars_tensor_ref(tensor);
                return 0;
        }
        for (int k = 0; k < meta->shape.ndim; k++) {
                flat[2 * k]     = 1;
                flat[2 * k + 1] = MAX(MIN(meta->chunk.dim[k], meta->shape.dim[k]), (int64_t) 1);
        }
        return mars_op1(ret, "rechunk", 1, &tensor, &param, 1, err);
}

/* ---- Chunks ----------------------------------------------------------------------------------------------------- */

/* A chunk at the edge is whole in the file: what lies outside of the array is zero. */
static void pad(const ZarrMeta *meta, const Box *box, const char *from, char *to) {
        const size_t size = dtype_size(meta->dtype);
        int64_t from_stride[MAX_NDIM], to_stride[MAX_NDIM];
        Shape shape = { .ndim = box->ndim };

        for (int k = 0; k < box->ndim; k++)
                shape.dim[k] = box->hi[k] - box->lo[k];
        strided_of_shape(&shape, size, from_stride);
        strided_of_shape(&meta->chunk, size, to_stride);
        strided_copy(to, to_stride, from, from_stride, &shape, size);
}

static int write_file(const Writing *w, const uint32_t *position, const char *data, size_t size_bytes, Error *err) {
        _cleanup_(draft_freep) Draft *draft = NULL;
        _cleanup_(freep) char *path         = NULL;
        int64_t at[MAX_NDIM];
        char key[ZARR_KEY_MAX];
        int r;

        for (int k = 0; k < w->meta->shape.ndim; k++)
                at[k] = position[k];
        zarr_key(w->meta, at, key);
        if (asprintf(&path, "%s/%s", w->path, key) < 0) {
                path = NULL;
                return error_oom(err, sizeof(key));
        }
        r = w->meta->separator == '/' ? directory_make_for(path, strlen(w->path), err) : 0;
        if (r == 0)
                r = draft_new(&draft, path, (int64_t) size_bytes, err);
        if (r == 0)
                r = draft_write(draft, data, size_bytes, 0, err);
        return r == 0 ? draft_publish(draft, err) : r;
}

static int write_chunk(const Writing *w, uint64_t chunk, const char *data, Error *err) {
        const ZarrMeta *meta     = w->meta;
        const size_t chunk_bytes = (size_t) shape_size(&meta->chunk) * dtype_size(meta->dtype);
        const size_t bound       = zarr_stored_bound(meta);
        char *padded             = NULL, *stored;
        uint32_t position[MAX_NDIM];
        size_t n;
        Box box;
        int r = 0;

        tiling_box(&w->pin->tiling, chunk, &box);
        tiling_position(&w->pin->tiling, chunk, position);
        stored = pages_alloc(bound);
        if (!stored)
                return error_oom(err, bound);
        if (box_size(&box) < shape_size(&meta->chunk)) {
                padded = pages_alloc(chunk_bytes); /* zeros */
                if (padded)
                        pad(meta, &box, data, padded);
                else
                        r = error_oom(err, chunk_bytes);
        }
        if (r == 0)
                r = zarr_encode(meta, padded ?: data, stored, &n, err);
        if (r == 0)
                r = write_file(w, position, stored, n, err);
        pages_free(padded, chunk_bytes);
        pages_free(stored, bound);
        return r;
}

static void write_one(void *userdata, uint32_t k) {
        Writing *w = userdata;
        Error err  = {};
        int r;

        pthread_mutex_lock(&w->lock);
        r = w->r;
        pthread_mutex_unlock(&w->lock);
        if (r < 0)
                return; /* what failed has failed */
        r = write_chunk(w, w->pin->first + k, w->pin->data[k], &err);
        if (r == 0)
                return;
        pthread_mutex_lock(&w->lock);
        if (w->r == 0)
                w->err = err;
        w->r = r;
        pthread_mutex_unlock(&w->lock);
}

static int write_piece(void *userdata, const EnginePin *pin, Error *err) {
        Writing *w = userdata;

        w->pin = pin;
        engine_each(pin->engine, (uint32_t) pin->n_chunks, write_one, w);
        if (w->r < 0 && err)
                *err = w->err;
        return w->r;
}

static int write_meta(const ZarrMeta *meta, const char *path, Error *err) {
        _cleanup_(draft_freep) Draft *draft = NULL;
        _cleanup_(freep) char *text = NULL, *name = NULL;
        int r = zarr_print(meta, &text, err);

        if (r < 0)
                return r;
        if (asprintf(&name, "%s/%s", path, meta->version == 2 ? ZARR_META_2 : ZARR_META_3) < 0) {
                name = NULL;
                return error_oom(err, strlen(path));
        }
        r = draft_new(&draft, name, (int64_t) strlen(text), err);
        if (r == 0)
                r = draft_write(draft, text, strlen(text), 0, err);
        return r == 0 ? draft_publish(draft, err) : r;
}

int mars_save_zarr(mars_session *session, mars_tensor *tensor, const char *path, const mars_zarr_options *options,
                   mars_error *error) {
        static const mars_zarr_options defaults       = { .level = -1, .shuffle = -1 };
        _cleanup_(tensor_unrefp) mars_tensor *chunked = NULL;
        _cleanup_(result_unrefp) Result *result       = NULL;
        Error *err                                    = error_of(error);
        Engine *engine                                = NULL;
        ZarrMeta meta;
        Writing w;
        int r;

        if (!path || !tensor)
                return error_set(err, ERROR_VALUE, "%s is NULL", path ? "the tensor" : "path");
        r = mars_tensor_resolve(session, tensor, error);
        if (r == 0)
                r = read_options(options ?: &defaults, tensor, &meta, err);
        if (r == 0)
                r = cut(&chunked, tensor, &meta, error);
        if (r == 0)
                r = directory_make(path, err);
        if (r == 0)
                r = mars_execute(session, 1, &chunked, error);
        if (r == 0)
                r = find_tensor(session, chunked, &engine, &result, err);
        w = (Writing) { .meta = &meta, .path = path, .lock = PTHREAD_MUTEX_INITIALIZER };
        if (r == 0 && shape_size(&meta.shape) > 0)
                r = each_piece(engine, result->id, NULL, write_piece, &w, err);
        if (r == 0)
                r = directory_sync(path, err);
        return r == 0 ? write_meta(&meta, path, err) : r;
}
