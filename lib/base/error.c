/* SPDX-License-Identifier: Apache-2.0 */
/* Words are made in a buffer of their own and copied over at the end, so the old words may be among the arguments.
 * Too many words lose their end, never half a UTF-8 character. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strerrordesc_np(): the words of an errno without a locale or a static buffer */
#endif
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"

static void error_store(Error *err, int code, const char *text) {
        size_t n = strnlen(text, MAX_ERROR_TEXT - 1);

        if (text[n])
                while (n > 0 && (text[n] & 0xc0) == 0x80) /* do not end within a character */
                        n--;
        memcpy(err->text, text, n);
        err->text[n] = '\0';
        err->code = code;
}

int (error_set)(Error *err, int code, const char *fmt, ...) {
        char text[MAX_ERROR_TEXT + 4]; /* one character more than is kept, so that error_store() sees the cut */
        va_list args;

        assert(code < 0);
        if (!err)
                return code;
        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        error_store(err, code, text);
        return code;
}

int (error_prefix)(Error *err, int code, const char *fmt, ...) {
        char text[2 * MAX_ERROR_TEXT + 4];
        const char *words;
        va_list args;
        int n;

        assert(code < 0);
        if (!err)
                return code;
        /* Words of another code are left over from a failure that somebody has dealt with. */
        words = err->code == code ? err->text : strerrordesc_np(-code);
        va_start(args, fmt);
        n = vsnprintf(text, MAX_ERROR_TEXT, fmt, args);
        va_end(args);
        n = MAX(0, MIN(n, MAX_ERROR_TEXT - 1));
        if (words)
                snprintf(text + n, sizeof(text) - (size_t) n, ": %s", words);
        else
                snprintf(text + n, sizeof(text) - (size_t) n, ": error %d", -code);
        error_store(err, code, text);
        return code;
}

int (error_oom)(Error *err, size_t size_bytes) {
        char text[SIZE_TEXT_MAX];

        return error_set(err, ERROR_MEMORY, "Unable to allocate %s", size_print(size_bytes, text));
}
