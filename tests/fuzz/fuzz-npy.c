/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of .npy headers: whatever the bytes are, it refuses, or what it says fits into the file and reads back
 * when it is written again. */
#include "client/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[NPY_WRITE_MAX];
        NpyHeader h, again;
        Error err;
        size_t n;
        int r;

        r = npy_parse(data, size, &h, &err);
        if (r < 0) {
                assert((r == ERROR_VALUE || r == ERROR_TYPE) && err.code == r && err.text[0]);
                return 0;
        }
        assert(r == 0 && h.data_offset > 0 && (size_t) h.data_offset <= size && h.data_bytes >= 0);
        n = npy_print(h.type, &h.shape, text);
        r = npy_parse((const uint8_t *) text, n, &again, &err);
        assert(r == 0 && again.type == h.type && again.data_bytes == h.data_bytes);
        assert(shape_equal(&again.shape, &h.shape));
        return 0;
}
