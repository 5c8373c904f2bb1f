/* SPDX-License-Identifier: Apache-2.0 */
/* Spans lie in one text, oldest first, as they are told. A worker is asked for a little more than what is new, since a
 * span may be noted some time after it has ended; what comes again is known by its number, for those of a lane count
 * up and what was told does not change (engine/spans.h). A worker that was started again counts from 0 again, later. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "daemons/json.h"
#include "daemons/web/timeline.h"

enum {
        KEEP_BYTES = 2 << 20,    /* some 14,000 spans: minutes of a worker, and half a second of very many threads */
        HEAD_BYTES = 128,        /* of a span, in which its lane, number and start are */
        LATE_USEC  = 500 * 1000, /* so long after its end a span is noted, at most: after the tasks that follow it */
};

enum { SEPARATOR = 2 };
static const char separator[SEPARATOR + 1] = ", ";

struct Timeline {
        Vec(char) spans;      /* each with the separator behind it */
        Vec(uint32_t) length; /* of each, with that */
        Map number, start;    /* of each lane plus one: the number of its newest span plus one, and when that began */
        Map since;            /* of each worker plus one: when it answered, by its clock */
        char *lanes, *lanes_before;
        size_t n_lanes, n_lanes_before;
        uint32_t n_old;   /* spans of the round before, which are the first ones, */
        uint32_t n_shift; /* and that are gone since then */
        uint64_t time_usec;
        unsigned long long n_workers, n_shown, n_dropped;
};

/* ---- Answers of which we know the form -------------------------------------------------------------------------- */

/* Behind the value that begins there and has brackets around it, or at the end of the text. */
static const char *behind(const char *c) {
        int depth   = 0;
        bool quoted = false;

        for (; *c; c++) {
                if (quoted && *c == '\\' && c[1])
                        c++;
                else if (*c == '"')
                        quoted = !quoted;
                else if (!quoted && (*c == '[' || *c == '{'))
                        depth++;
                else if (!quoted && (*c == ']' || *c == '}') && --depth == 0)
                        return c + 1;
        }
        return c;
}

const char *list_in(const char *text, const char *name, size_t *ret_bytes) {
        const char *at = strstr(text, name), *begin = at ? at + strlen(name) : NULL, *end;

        if (!begin)
                return NULL;
        end        = behind(begin - 1);
        *ret_bytes = (size_t) (end - begin) - (end > begin && end[-1] == ']');
        return begin;
}

unsigned long long number_in(const char *text, const char *name) {
        const char *at = strstr(text, name);

        return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static uint64_t usec_in(const char *text, const char *name) {
        const char *at       = strstr(text, name);
        const double seconds = at ? strtod(at + strlen(name), NULL) : 0;

        return seconds > 0 && seconds < 1e12 ? (uint64_t) llround(seconds * 1e6) : 0;
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */

Timeline *timeline_new(void) {
        return calloc(1, sizeof(Timeline));
}

Timeline *timeline_free(Timeline *t) {
        if (!t)
                return NULL;
        vec_free(&t->spans);
        vec_free(&t->length);
        map_done(&t->number);
        map_done(&t->start);
        map_done(&t->since);
        free(t->lanes);
        free(t->lanes_before);
        free(t);
        return NULL;
}

uint64_t timeline_since(const Timeline *t, uint32_t worker) {
        const uint64_t since = map_get(&t->since, (uint64_t) worker + 1);

        return since - MIN(since, (uint64_t) LATE_USEC);
}

/* ---- A round ---------------------------------------------------------------------------------------------------- */

void timeline_begin(Timeline *t) {
        free(t->lanes_before);
        t->lanes_before   = TAKE_PTR(t->lanes);
        t->n_lanes_before = t->n_lanes;
        t->n_lanes        = 0;
        t->n_old          = t->length.n;
        t->n_shift        = 0;
        t->n_shown        = 0;
}

static int add_lanes(Timeline *t, const char *text, size_t n) {
        const size_t comma = t->n_lanes > 0 ? (size_t) SEPARATOR : 0;
        char *lanes        = n > 0 ? realloc(t->lanes, t->n_lanes + comma + n) : NULL;

        if (!lanes)
                return n > 0 ? -ENOMEM : 0;
        t->lanes = lanes;
        memcpy(lanes + t->n_lanes, separator, comma);
        memcpy(lanes + t->n_lanes + comma, text, n);
        t->n_lanes += comma + n;
        return 0;
}

static int add_span(Timeline *t, const char *text, size_t n) {
        const uint32_t n_all = (uint32_t) (n + SEPARATOR);
        char head[HEAD_BYTES];
        uint64_t lane, number, start_usec;

        /* What is not there is not sought in all that follows. */
        snprintf(head, sizeof(head), "%.*s", (int) MIN(n, sizeof(head) - 1), text);
        lane       = number_in(head, "{\"lane\": ") + 1;
        number     = number_in(head, "\"number\": ") + 1;
        start_usec = MAX(usec_in(head, "\"start\": "), UINT64_C(1));
        if (number <= map_get(&t->number, lane) && start_usec <= map_get(&t->start, lane) + LATE_USEC)
                return 0;
        if (vec_reserve(&t->spans, t->spans.n + n_all) < 0 || vec_reserve(&t->length, t->length.n + 1) < 0 ||
            map_set(&t->number, lane, number) < 0 || map_set(&t->start, lane, start_usec) < 0)
                return -ENOMEM;
        memcpy(t->spans.data + t->spans.n, text, n);
        memcpy(t->spans.data + t->spans.n + n, separator, SEPARATOR);
        t->spans.n += n_all;
        t->length.data[t->length.n++] = n_all;
        return 0;
}

int timeline_add(Timeline *t, uint32_t worker, const char *answer) {
        const bool first = map_get(&t->since, (uint64_t) worker + 1) == 0;
        size_t n_lanes = 0, n_spans = 0, n;
        const char *lanes = list_in(answer, "\"lanes\": [", &n_lanes);
        const char *spans = list_in(answer, "\"spans\": [", &n_spans);
        int r             = lanes ? add_lanes(t, lanes, n_lanes) : 0;

        for (const char *c = spans; r == 0 && c && c < spans + n_spans; c += n + strspn(c + n, separator)) {
                n = (size_t) (behind(c) - c);
                r = add_span(t, c, n);
        }
        if (r == 0)
                r = map_set(&t->since, (uint64_t) worker + 1, MAX(usec_in(answer, "{\"time\": "), UINT64_C(1)));
        t->n_shown++;
        if (!first) /* what went before anybody looked does not count */
                t->n_dropped += number_in(answer, "], \"dropped\": ");
        t->n_dropped += r < 0;
        return r;
}

void timeline_end(Timeline *t, uint64_t time_usec, unsigned long long n_workers) {
        uint32_t n_gone = 0, n_bytes = 0;

        while (t->spans.n - n_bytes > KEEP_BYTES)
                n_bytes += t->length.data[n_gone++];
        if (n_gone > 0) {
                memmove(t->spans.data, t->spans.data + n_bytes, t->spans.n - n_bytes);
                memmove(t->length.data, t->length.data + n_gone, (t->length.n - n_gone) * sizeof(*t->length.data));
        }
        t->spans.n -= n_bytes;
        t->length.n -= n_gone;
        t->n_shift = MIN(n_gone, t->n_old);
        t->n_old -= t->n_shift;
        t->n_dropped += n_gone - t->n_shift; /* nobody was ever told of these */
        t->time_usec = time_usec;
        t->n_workers = n_workers;
}

/* ---- Telling ---------------------------------------------------------------------------------------------------- */

/* Spans from that one on. */
static void put_spans(const Timeline *t, uint32_t from, FILE *f) {
        uint32_t at = 0;

        for (uint32_t k = 0; k < from; k++)
                at += t->length.data[k];
        if (from < t->length.n)
                fwrite(t->spans.data + at, 1, t->spans.n - at - SEPARATOR, f);
}

static void put_numbers(const Timeline *t, FILE *f) {
        fprintf(f, "\"workers\": %llu, \"workers_shown\": %llu, \"dropped\": %llu", t->n_workers, t->n_shown,
                t->n_dropped);
}

static void put_lanes(const Timeline *t, FILE *f) {
        fputs("\"lanes\": [", f);
        fwrite(t->lanes ?: "", 1, t->n_lanes, f);
        fputs("], ", f);
}

void timeline_print(const Timeline *t, FILE *f) {
        fputs("{\"time\": ", f);
        json_time(f, t->time_usec);
        fputs(", ", f);
        put_lanes(t, f);
        fputs("\"spans\": [", f);
        put_spans(t, 0, f);
        fputs("], ", f);
        put_numbers(t, f);
        fputc('}', f);
}

void timeline_print_change(const Timeline *t, FILE *f) {
        fputs("{\"set\": {\"time\": ", f);
        json_time(f, t->time_usec);
        fputs(", ", f);
        if (t->n_lanes != t->n_lanes_before || memcmp(t->lanes ?: "", t->lanes_before ?: "", t->n_lanes) != 0)
                put_lanes(t, f);
        put_numbers(t, f);
        fputs("}, \"in\": {\"spans\": {", f);
        if (t->n_shift > 0)
                fprintf(f, "\"shift\": %u, ", t->n_shift);
        fputs("\"append\": [", f);
        put_spans(t, t->n_old, f);
        fputs("]}}}", f);
}
