/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/macro.h"
#include "daemons/conf/roff.h"

void roff_put(FILE *out, const char *text) {
        bool at_start = true;

        for (; *text; text++) {
                if (at_start && (*text == '.' || *text == '\''))
                        fputs("\\&", out);
                if (*text == '\\')
                        fputs("\\e", out);
                else if (*text == '-')
                        fputs("\\-", out);
                else if (strncmp(text, "…", strlen("…")) == 0) {
                        fputs("\\&...", out);
                        text += strlen("…") - 1;
                } else
                        fputc(*text, out);
                at_start = *text == '\n';
        }
}
