/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/json.h"
#include "daemons/past.h"

struct Past {
        const PastColumn *column;
        uint32_t n_columns;
        uint64_t n;                  /* samples that there ever were */
        uint64_t usec[PAST_SAMPLES]; /* sample k is at k % PAST_SAMPLES */
        uint64_t value[];            /* [PAST_SAMPLES][n_columns] */
};

enum { EARLY = 10 }; /* part of a second that a sample may come early, since timers of loops do */

Past *past_new(const PastColumn *column, uint32_t n_columns) {
        Past *past = calloc(1, sizeof(*past) + sizeof(uint64_t) * PAST_SAMPLES * n_columns);

        if (past) {
                past->column    = column;
                past->n_columns = n_columns;
        }
        return past;
}

Past *past_free(Past *past) {
        free(past);
        return NULL;
}

bool past_due(const Past *past, uint64_t real_usec) {
        const uint64_t last = past->n > 0 ? past->usec[(past->n - 1) % PAST_SAMPLES] : 0;

        return real_usec < last || real_usec - last >= PAST_USEC - PAST_USEC / EARLY;
}

void past_add(Past *past, uint64_t real_usec, const uint64_t *value) {
        const uint64_t at = past->n++ % PAST_SAMPLES;

        past->usec[at] = real_usec;
        memcpy(past->value + at * past->n_columns, value, past->n_columns * sizeof(*value));
}

static double figure(const Past *past, uint64_t first, uint64_t k, uint32_t column) {
        const PastColumn *c = &past->column[column];
        const uint64_t at = k % PAST_SAMPLES, before = (k + PAST_SAMPLES - 1) % PAST_SAMPLES;
        const uint64_t now  = past->value[at * past->n_columns + column],
                       then = past->value[before * past->n_columns + column];
        const double unit   = c->unit > 0 ? c->unit : 1;

        if (!c->count)
                return (double) now / unit;
        if (k == first || now < then || past->usec[at] <= past->usec[before])
                return NAN;
        return (double) (now - then) / unit / ((double) (past->usec[at] - past->usec[before]) / 1e6);
}

double past_last(const Past *past, uint32_t column) {
        const uint64_t first = past->n > PAST_SAMPLES ? past->n - PAST_SAMPLES : 0;
        const double last    = past->n > 0 ? figure(past, first, past->n - 1, column) : 0;

        return isnan(last) ? 0 : last;
}

void past_print(const Past *past, FILE *f) {
        const uint64_t first = past->n > PAST_SAMPLES ? past->n - PAST_SAMPLES : 0;

        fprintf(f, "{\"interval_seconds\": %g, \"time\": [", PAST_USEC / 1e6);
        for (uint64_t k = first; k < past->n; k++) {
                fputs(k > first ? ", " : "", f);
                json_time(f, past->usec[k % PAST_SAMPLES]);
        }
        fputc(']', f);
        for (uint32_t c = 0; c < past->n_columns; c++) {
                fprintf(f, ", \"%s\": [", past->column[c].name);
                for (uint64_t k = first; k < past->n; k++) {
                        fputs(k > first ? ", " : "", f);
                        json_number(f, figure(past, first, k, c));
                }
                fputc(']', f);
        }
        fputc('}', f);
}
