/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of key files: what it takes it takes again when it is written as plainly as can be, and what it refuses it
 * refuses with the place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void plainly(const Keys *keys, char ret[static MAX_KEYS * (2 * KEY_BYTES + 1) + 1]) {
        for (unsigned k = 0; k < keys->n; k++, *ret++ = '\n')
                for (unsigned i = 0; i < KEY_BYTES; i++, ret += 2)
                        snprintf(ret, 3, "%02x", keys->key[k].secret[i]);
        *ret = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char again[MAX_KEYS * (2 * KEY_BYTES + 1) + 1];
        char *text = calloc(size + 1, 1);
        Error err  = {};
        Keys keys, same;

        if (!text)
                return 0;
        memcpy(text, data, size);
        if (keys_parse(&keys, text, "file", &err) == 0) {
                assert(keys.n > 0 && keys.n <= MAX_KEYS);
                plainly(&keys, again);
                assert(keys_parse(&same, again, "file", &err) == 0 && same.n == keys.n);
                for (unsigned k = 0; k < keys.n; k++) {
                        assert(memcmp(same.key[k].secret, keys.key[k].secret, KEY_BYTES) == 0);
                        assert(strcmp(same.key[k].id, keys.key[k].id) == 0);
                        assert(strlen(same.key[k].id) == KEY_ID_TEXT - 1);
                }
        } else
                assert(err.code == ERROR_VALUE && strncmp(err.text, "file:", 5) == 0);
        free(text);
        return 0;
}
