/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask, answered in JSON. */
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler.h"

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

/* A text in JSON. What people call themselves may be any bytes. */
static void put_text(FILE *f, const char *text) {
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

static void put_worker(FILE *f, const Member *m) {
        fprintf(f, "{\"worker\": %u, \"name\": ", m->number);
        put_text(f, m->name);
        fputs(", \"address\": ", f);
        put_text(f, m->address);
        fprintf(f,
                ", \"threads\": %u, \"cache_bytes\": %llu, \"memory_bytes\": %llu, \"used_bytes\": %llu, "
                "\"scratch_bytes\": %llu, \"away_bytes\": %llu, \"chunks\": %llu, \"tasks_done\": %llu, "
                "\"running\": %u, \"state\": \"%s\", \"pages\": ",
                m->n_threads, (unsigned long long) m->cache_bytes, (unsigned long long) m->memory_bytes,
                (unsigned long long) m->status.used_bytes, (unsigned long long) m->status.scratch_bytes,
                (unsigned long long) m->status.away_bytes, (unsigned long long) m->status.n_chunks,
                (unsigned long long) m->status.n_done, m->status.n_running,
                !m->conn                ? "away"
                : m->drained            ? "empty"
                : m->drain != DRAIN_OFF ? "draining"
                                        : "works");
        put_text(f, m->pages);
        fputc('}', f);
}

static void put_workers(FILE *f, const Scheduler *s) {
        bool first = true;

        fputc('[', f);
        for (uint32_t w = 0; w < s->n_workers; w++) {
                if (!s->worker[w])
                        continue;
                if (!first)
                        fputs(", ", f);
                put_worker(f, s->worker[w]);
                first = false;
        }
        fputc(']', f);
}

static void put_sessions(FILE *f, const Scheduler *s, uint64_t now_usec) {
        fputc('[', f);
        for (const Session *session = s->sessions; session; session = session->next) {
                fprintf(f, "{\"session\": %llu, \"name\": ", (unsigned long long) session->number);
                put_text(f, session->name);
                fputs(", \"from\": ", f);
                put_text(f, session->peer);
                fprintf(f, ", \"running\": %u, \"finished\": %llu, \"tensors\": %u, \"away_seconds\": ",
                        session->n_running, (unsigned long long) session->n_finished, session->refs.n);
                if (session->conn)
                        fputs("null", f);
                else
                        fprintf(f, "%.3f", (double) (now_usec - session->away_usec) / 1e6);
                fputs(session->next ? "}, " : "}", f);
        }
        fputc(']', f);
}

static void put_requests(FILE *f, const Scheduler *s, uint64_t now_usec) {
        bool first = true;

        fputc('[', f);
        for (uint32_t k = 0; k < s->asked.capacity; k++) {
                const Asked *a  = (Asked *) (uintptr_t) s->asked.entry[k].value;
                uint64_t n_done = 0, n_total = 0;

                if (!a || !sched_progress(s->sched, a->id, &n_done, &n_total))
                        continue;
                fprintf(f, "%s{\"request\": %llu, \"session\": ", first ? "" : ", ", (unsigned long long) a->id);
                if (a->session)
                        fprintf(f, "%llu", (unsigned long long) a->session->number);
                else /* it has ended, and tasks are ending */
                        fputs("null", f);
                fputs(", \"name\": ", f);
                put_text(f, a->session ? a->session->name : NULL);
                fputs(", \"from\": ", f);
                put_text(f, a->session ? a->session->peer : NULL);
                fprintf(f, ", \"tasks_done\": %llu, \"tasks\": %llu, \"seconds\": %.3f}", (unsigned long long) n_done,
                        (unsigned long long) n_total, (double) (now_usec - a->since_usec) / 1e6);
                first = false;
        }
        fputc(']', f);
}

static void put_status(FILE *f, const Scheduler *s, uint64_t now_usec) {
        uint64_t cache_bytes = 0, used_bytes = 0, away_bytes = 0, n_threads = 0, n_running = 0;
        SchedStats stats;

        sched_stats(s->sched, &stats);
        for (uint32_t w = 0; w < s->n_workers; w++) {
                const Member *c = s->worker[w];

                if (!c)
                        continue;
                cache_bytes += c->cache_bytes;
                used_bytes += c->status.used_bytes;
                away_bytes += c->status.away_bytes;
                n_threads += c->n_threads;
                n_running += c->status.n_running;
        }
        fprintf(f,
                "{\"version\": \"%s\", \"seconds\": %.3f, \"workers\": %llu, \"threads\": %llu, \"sessions\": %u, "
                "\"requests\": %llu, \"tensors\": %llu, \"plans\": %llu, \"tasks_done\": %llu, \"running\": %llu, "
                "\"cache_bytes\": %llu, \"used_bytes\": %llu, \"away_bytes\": %llu, \"state_bytes\": %llu}",
                MARS_BUILD, (double) (now_usec - s->began_usec) / 1e6, (unsigned long long) stats.n_workers,
                (unsigned long long) n_threads, s->n_sessions, (unsigned long long) stats.n_requests,
                (unsigned long long) stats.n_tensors, (unsigned long long) stats.n_plans,
                (unsigned long long) stats.n_tasks_done, (unsigned long long) n_running,
                (unsigned long long) cache_bytes, (unsigned long long) used_bytes, (unsigned long long) away_bytes,
                (unsigned long long) stats.state_bytes);
}

/* null: there is no such request. */
static void put_why(FILE *f, const Scheduler *s, uint64_t request) {
        static const char *const reasons[] = {
                [WHY_GIVEN] = "given", [WHY_FULL] = "full", [WHY_NO_WORKERS] = "no workers", [WHY_ENDING] = "ending",
                [WHY_LOST]  = "lost"
        };
        SchedWhy why;

        if (!sched_why(s->sched, request, &why)) {
                fputs("null", f);
                return;
        }
        fprintf(f, "{\"request\": %llu, \"task\": ", (unsigned long long) request);
        put_text(f, why.task);
        fprintf(f, ", \"reason\": \"%s\"", reasons[why.reason]);
        if (why.worker < s->n_workers && s->worker[why.worker])
                fprintf(f, ", \"worker\": %u, \"running\": %u", why.worker, s->worker[why.worker]->status.n_running);
        fprintf(f, ", \"tasks\": %u, \"tasks_done\": %u, \"tasks_given\": %u, \"requests_ahead\": %llu}", why.n_task,
                why.n_done, why.n_given, (unsigned long long) why.n_ahead);
}

char *scheduler_answer(const Scheduler *s, const char *what, uint64_t now_usec) {
        unsigned long long request;
        size_t n_bytes;
        char *text = NULL;
        FILE *f    = open_memstream(&text, &n_bytes);

        if (!f)
                return NULL;
        if (strcmp(what, "status") == 0)
                put_status(f, s, now_usec);
        else if (strcmp(what, "workers") == 0)
                put_workers(f, s);
        else if (strcmp(what, "sessions") == 0)
                put_sessions(f, s, now_usec);
        else if (strcmp(what, "requests") == 0)
                put_requests(f, s, now_usec);
        else if (sscanf(what, "why %llu", &request) == 1)
                put_why(f, s, request);
        if (fclose(f) != 0 || n_bytes == 0) {
                free(text);
                return NULL;
        }
        return text;
}
