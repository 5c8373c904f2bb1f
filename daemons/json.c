/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <time.h>

#include "daemons/json.h"

/* Bytes of the character that begins there; 0: it is none of UTF-8. */
static size_t character_bytes(const unsigned char *c) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const size_t n = c[0] < 0x80 ? 1 : c[0] >> 5 == 0x6 ? 2 : c[0] >> 4 == 0xe ? 3 : c[0] >> 3 == 0x1e ? 4 : 0;
        uint32_t code  = n > 1 ? c[0] & (0xffU >> (n + 1)) : c[0];

        for (size_t k = 1; k < n; k++) {
                if ((c[k] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (c[k] & 0x3f);
        }
        return n == 0 || code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

void json_text(FILE *f, const char *text) {
        fputc('"', f);
        for (const unsigned char *c = (const unsigned char *) (text ?: ""); *c;) {
                const size_t n = character_bytes(c);

                if (n == 0)
                        fputs("\\ufffd", f);
                else if (*c == '"' || *c == '\\')
                        fprintf(f, "\\%c", *c);
                else if (*c < ' ')
                        fprintf(f, "\\u%04x", *c);
                else
                        fwrite(c, 1, n, f);
                c += n > 0 ? n : 1;
        }
        fputc('"', f);
}

void json_number(FILE *f, double number) {
        if (isfinite(number))
                fprintf(f, "%.15g", number);
        else
                fputs("null", f);
}

void json_time(FILE *f, uint64_t usec) {
        fprintf(f, "%llu.%06u", (unsigned long long) (usec / 1000000), (unsigned) (usec % 1000000));
}

uint64_t real_clock(void) {
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

void json_status(FILE *f, const Wire_status *st, const char *pages) {
        const struct {
                const char *name;
                uint64_t value;
        } numbers[] = {
                { "running", st->n_running },
                { "tasks_done", st->n_done },
                { "chunks", st->n_chunks },
                { "used_bytes", st->used_bytes },
                { "pinned_bytes", st->pinned_bytes },
                { "scratch_bytes", st->scratch_bytes },
                { "resident_bytes", st->resident_bytes },
                { "spilled_bytes", st->away_bytes },
                { "received_bytes", st->received_bytes },
                { "sent_bytes", st->sent_bytes },
                { "disk_read_bytes", st->disk_read_bytes },
                { "disk_written_bytes", st->disk_written_bytes },
        };

        for (size_t k = 0; k < ELEMENTSOF(numbers); k++)
                fprintf(f, "\"%s\": %llu, ", numbers[k].name, (unsigned long long) numbers[k].value);
        fprintf(f, "\"cpu_seconds\": %.3f, \"pages\": ", (double) st->cpu_usec / 1e6);
        json_text(f, pages);
}
