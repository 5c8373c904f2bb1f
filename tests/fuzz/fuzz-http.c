/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of what a web server answers: whatever the bytes are, it wants more, refuses, or has found a head that is
 * within them; and it says the same of each beginning of them until it has. */
#include "io/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        HttpAnswer answer, before;
        Error err;
        int r = http_answer_parse((const char *) data, size, &answer, &err), first = HTTP_MORE;

        for (size_t n = 0; n <= size && first == HTTP_MORE; n++)
                first = http_answer_parse((const char *) data, n, &before, &err);
        if (first == 0) {
                assert(r == 0 && answer.head_bytes == before.head_bytes && answer.status == before.status);
                assert(answer.body_bytes == before.body_bytes && answer.status < 1000 && answer.head_bytes <= size);
        } else if (first < 0)
                assert(err.code == ERROR_CORRUPT && err.text[0]);
        else
                assert(r == HTTP_MORE);
        return 0;
}
