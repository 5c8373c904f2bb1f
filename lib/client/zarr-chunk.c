/* SPDX-License-Identifier: Apache-2.0 */
/* One chunk: its name, and its bytes as a file has them. On the way out of a file: checksums are compared and left off,
 * the codec's work is undone, checksums again; then elements are turned to our order of bytes and of axes. Each step
 * knows from the metadata how many bytes it must make, so nothing is taken at its word. */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "client/data.h"
#include "client/zarr.h"

enum { SUM_BYTES = 4 };

void zarr_key(const ZarrMeta *meta, const int64_t *position, char ret[static ZARR_KEY_MAX]) {
        const int ndim = meta->shape.ndim;
        size_t n       = 0;

        if (meta->prefix)
                n += (size_t) snprintf(ret, ZARR_KEY_MAX, "c");
        for (int k = 0; k < ndim; k++)
                n += (size_t) snprintf(ret + n, ZARR_KEY_MAX - n, "%.*s%lld", k > 0 || meta->prefix, &meta->separator,
                                       (long long) position[k]);
        if (n == 0)
                snprintf(ret, ZARR_KEY_MAX, "0");
}

static size_t chunk_bytes(const ZarrMeta *m) {
        return (size_t) shape_size(&m->chunk) * dtype_size(m->dtype);
}

/* What the codec makes of a file, or makes one of. */
static size_t inner_bytes(const ZarrMeta *m) {
        return chunk_bytes(m) + m->n_inner_sums * (size_t) SUM_BYTES;
}

size_t zarr_scratch_bytes(const ZarrMeta *meta) {
        return inner_bytes(meta);
}

size_t zarr_stored_bound(const ZarrMeta *meta) {
        return codec_bound(&meta->codec, inner_bytes(meta)) + meta->n_outer_sums * (size_t) SUM_BYTES;
}

/* Compares n checksums, the outermost last, and leaves them off. */
static int sums_check(const char *data, size_t *size, unsigned n, Error *err) {
        for (; n > 0; n--) {
                uint32_t sum;

                if (*size < SUM_BYTES)
                        return error_set(err, ERROR_CORRUPT, "it is too short for its checksum");
                *size -= SUM_BYTES;
                memcpy(&sum, data + *size, sizeof(sum));
                if (le32toh(sum) != crc32c(data, *size))
                        return error_set(err, ERROR_CORRUPT, "its checksum is another one");
        }
        return 0;
}

static bool in_order(const ZarrMeta *m) {
        for (int k = 0; k < m->shape.ndim; k++)
                if (m->order[k] != k)
                        return false;
        return true;
}

/* The chunk as it is stored, with its axes in their order. */
static void reorder(const ZarrMeta *m, const char *from, char *to) {
        const size_t size = dtype_size(m->dtype);
        int64_t stored_stride[MAX_NDIM], from_stride[MAX_NDIM], to_stride[MAX_NDIM];
        Shape stored = { .ndim = m->chunk.ndim };

        for (int k = 0; k < stored.ndim; k++)
                stored.dim[k] = m->chunk.dim[m->order[k]];
        strided_of_shape(&stored, size, stored_stride);
        for (int k = 0; k < stored.ndim; k++)
                from_stride[m->order[k]] = stored_stride[k];
        strided_of_shape(&m->chunk, size, to_stride);
        strided_copy(to, to_stride, from, from_stride, &m->chunk, size);
}

int zarr_decode(const ZarrMeta *meta, const char *in, size_t in_bytes, char *scratch, char *out, Error *err) {
        const bool straight = in_order(meta) && meta->n_inner_sums == 0;
        char *plain         = straight ? out : scratch;
        size_t n            = inner_bytes(meta);
        int r               = sums_check(in, &in_bytes, meta->n_outer_sums, err);

        if (r == 0)
                r = codec_decode(&meta->codec, in, in_bytes, plain, n, err);
        if (r == 0)
                r = sums_check(plain, &n, meta->n_inner_sums, err);
        if (r < 0)
                return r;
        if (meta->swap)
                elements_swap(plain, n, meta->dtype);
        if (!straight && in_order(meta))
                memcpy(out, plain, n);
        else if (!straight)
                reorder(meta, plain, out);
        return 0;
}

int zarr_encode(const ZarrMeta *meta, const char *in, char *out, size_t *ret_bytes, Error *err) {
        assert(in_order(meta) && !meta->swap && meta->n_inner_sums == 0 && meta->n_outer_sums == 0);
        return codec_encode(&meta->codec, in, chunk_bytes(meta), out, zarr_stored_bound(meta), ret_bytes, err);
}
