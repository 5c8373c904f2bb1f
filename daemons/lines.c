/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemons/json.h"
#include "daemons/lines.h"

typedef struct Line {
        uint64_t usec;
        int level;
        LineAbout about;
        char *text;
} Line;

struct Lines {
        Line line[MAX_LINES]; /* a ring: line number k is at k % MAX_LINES */
        uint64_t n;           /* that there ever were */
};

Lines *lines_new(void) {
        return calloc(1, sizeof(Lines));
}

Lines *lines_free(Lines *lines) {
        for (size_t k = 0; lines && k < MAX_LINES; k++)
                free(lines->line[k].text);
        free(lines);
        return NULL;
}

void lines_add(Lines *lines, uint64_t real_usec, int level, const LineAbout *about, const char *text) {
        Line *line = &lines->line[lines->n % MAX_LINES];
        char *copy = strndup(text, MAX_LINE_BYTES - 1);

        if (!copy)
                return;
        free(line->text);
        *line = (Line) { .usec = real_usec, .level = level, .about = about ? *about : (LineAbout) {}, .text = copy };
        lines->n++;
}

static bool fits(const Line *line, const LinesWanted *wanted) {
        const LineAbout *is = &line->about, *want = &wanted->about;

        return line->level <= wanted->level && line->usec > wanted->since_usec &&
               (want->session == 0 || want->session == is->session) &&
               (want->request == 0 || want->request == is->request) &&
               (!want->is_worker || (is->is_worker && want->worker == is->worker));
}

static void put_number(FILE *f, const char *name, bool is, uint64_t number) {
        if (is)
                fprintf(f, ", \"%s\": %llu", name, (unsigned long long) number);
        else
                fprintf(f, ", \"%s\": null", name);
}

void lines_list(const Lines *lines, const char *source, const LinesWanted *wanted, FILE *f) {
        uint64_t first = lines->n > MAX_LINES ? lines->n - MAX_LINES : 0, at = lines->n;
        bool comma = false;

        for (uint32_t n = 0; at > first && (wanted->most == 0 || n < wanted->most); at--)
                n += fits(&lines->line[(at - 1) % MAX_LINES], wanted);
        fputc('[', f);
        for (; at < lines->n; at++) {
                const Line *line = &lines->line[at % MAX_LINES];

                if (!fits(line, wanted))
                        continue;
                fprintf(f, "%s{\"time\": ", comma ? ", " : "");
                json_time(f, line->usec);
                fprintf(f, ", \"level\": %d, \"source\": ", line->level);
                json_text(f, source);
                put_number(f, "session", line->about.session != 0, line->about.session);
                put_number(f, "request", line->about.request != 0, line->about.request);
                put_number(f, "worker", line->about.is_worker, line->about.worker);
                fputs(", \"text\": ", f);
                json_text(f, line->text);
                fputc('}', f);
                comma = true;
        }
        fputc(']', f);
}

void lines_print(const Lines *lines, const char *source, const LinesWanted *wanted, FILE *f) {
        fputs("{\"lines\": ", f);
        lines_list(lines, source, wanted, f);
        fprintf(f, ", \"dropped\": %llu}", (unsigned long long) (lines->n > MAX_LINES ? lines->n - MAX_LINES : 0));
}
