/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of Zarr arrays: text of metadata, a zero byte, the bytes of a chunk's file. Whatever they are, the
 * metadata is refused or describes shapes that do not overflow, names that stay within the directory, and chunks of
 * which as many bytes are made as it says, or none. */
#include <stdlib.h>
#include <string.h>

#include "client/zarr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DECODED_MAX = 1 << 20 }; /* larger chunks would be slow, not other */

static void check(const ZarrMeta *m) {
        int64_t position[MAX_NDIM];
        char key[ZARR_KEY_MAX];
        unsigned seen = 0;

        assert(m->shape.ndim <= MAX_NDIM && m->chunk.ndim == m->shape.ndim && m->fill.dtype == m->dtype);
        assert(shape_check(&m->shape, dtype_size(m->dtype), NULL) == 0);
        assert(shape_size(&m->chunk) > 0);
        for (int k = 0; k < m->shape.ndim; k++) {
                seen |= 1U << m->order[k];
                position[k] = INT64_MAX - k;
        }
        assert(seen == (m->shape.ndim == MAX_NDIM ? UINT32_MAX : (1U << m->shape.ndim) - 1));
        zarr_key(m, position, key);
        assert(strspn(key, "c0123456789./") == strlen(key) && !strstr(key, "..") && key[0] != '/' && key[0] != '.');
}

static void decode(const ZarrMeta *m, const char *stored, size_t size) {
        const size_t bytes         = (size_t) shape_size(&m->chunk) * dtype_size(m->dtype);
        _cleanup_(freep) char *out = NULL, *scratch = NULL;
        Error err = {};
        int r;

        if (bytes > DECODED_MAX)
                return;
        out     = malloc(bytes);
        scratch = malloc(zarr_scratch_bytes(m));
        if (!out || !scratch)
                return;
        r = zarr_decode(m, stored, size, scratch, out, &err);
        assert(r == 0 || (r == err.code && err.text[0] && (r == ERROR_CORRUPT || r == ERROR_MEMORY)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *end     = memchr(data, 0, size) ?: data + size;
        const size_t meta_size = (size_t) (end - data);

        for (int version = 2; version <= 3; version++) {
                Error err = {};
                ZarrMeta m;
                int r = zarr_parse(version, (const char *) data, meta_size, &m, &err);

                if (r < 0) {
                        assert(err.code == r && err.text[0]);
                        continue;
                }
                assert(r == 0);
                check(&m);
                if (meta_size < size)
                        decode(&m, (const char *) end + 1, size - meta_size - 1);
        }
        return 0;
}
