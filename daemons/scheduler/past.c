/* SPDX-License-Identifier: Apache-2.0 */
/* What was, as far as people look back: figures of the last quarter of an hour, the last requests that are done, the
 * last lines of the log. All of it is bounded, and what goes into it costs less than 0.1 µs a request. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "daemons/json.h"
#include "daemons/scheduler/inside.h"

static const PastColumn columns[] = {
        { .name = "workers" },
        { .name = "running" },
        { .name = "tasks", .count = true },
        { .name = "cpu", .count = true, .unit = 1e6 },
        { .name = "used_bytes" },
        { .name = "pinned_bytes" },
        { .name = "scratch_bytes" },
        { .name = "spilled_bytes" },
        { .name = "received_bytes", .count = true },
        { .name = "sent_bytes", .count = true },
        { .name = "disk_read_bytes", .count = true },
        { .name = "disk_written_bytes", .count = true },
};

void cluster_sums(const Scheduler *s, ClusterSums *ret) {
        *ret = (ClusterSums) {};
        for (uint32_t w = 0; w < s->n_workers; w++) {
                const Member *m       = s->worker[w];
                const Wire_status *st = m ? &m->status : NULL;

                if (!m)
                        continue;
                ret->n_here += m->conn != NULL;
                ret->n_away += m->conn == NULL;
                ret->n_draining += m->drain != DRAIN_OFF;
                ret->n_threads += m->n_threads;
                ret->n_running += st->n_running;
                ret->cache_bytes += m->cache_bytes;
                ret->memory_bytes += m->memory_bytes;
                ret->used_bytes += st->used_bytes;
                ret->pinned_bytes += st->pinned_bytes;
                ret->scratch_bytes += st->scratch_bytes;
                ret->resident_bytes += st->resident_bytes;
                ret->spilled_bytes += st->away_bytes;
                ret->cpu_usec += st->cpu_usec;
                ret->received_bytes += st->received_bytes;
                ret->sent_bytes += st->sent_bytes;
                ret->disk_read_bytes += st->disk_read_bytes;
                ret->disk_written_bytes += st->disk_written_bytes;
        }
}

int past_begin(Scheduler *s) {
        s->lines  = lines_new();
        s->past   = past_new(columns, ELEMENTSOF(columns));
        s->recent = calloc(MAX_RECENT, sizeof(*s->recent));
        return s->lines && s->past && s->recent ? 0 : -ENOMEM;
}

void past_end(Scheduler *s) {
        s->lines = lines_free(s->lines);
        s->past  = past_free(s->past);
        free(s->recent);
}

void past_tick(Scheduler *s) {
        const uint64_t now = real_clock();
        ClusterSums c;
        SchedStats stats;

        if (!past_due(s->past, now))
                return;
        cluster_sums(s, &c);
        sched_stats(s->sched, &stats);
        past_add(s->past, now,
                 (const uint64_t[ELEMENTSOF(columns)]) { c.n_here, c.n_running, stats.n_tasks_done, c.cpu_usec,
                                                         c.used_bytes, c.pinned_bytes, c.scratch_bytes, c.spilled_bytes,
                                                         c.received_bytes, c.sent_bytes, c.disk_read_bytes,
                                                         c.disk_written_bytes });
}

void past_request(Scheduler *s, const Asked *a) {
        Recent *recent         = &s->recent[s->n_recent++ % MAX_RECENT];
        const Session *session = a->session;

        *recent = (Recent) { .id            = a->id,
                             .n_done        = a->n_done,
                             .n_total       = MAX(a->n_done, a->n_total),
                             .took_usec     = scheduler_clock() - a->since_usec,
                             .finished_usec = real_clock(),
                             .code          = a->outcome ? a->outcome->code : 0 };
        if (session) {
                recent->session = session->number;
                recent->local   = session->local;
                recent->uid     = session->uid;
                memcpy(recent->user, session->user, sizeof(recent->user));
                snprintf(recent->name, sizeof(recent->name), "%s", session->name);
                memcpy(recent->peer, session->peer, sizeof(recent->peer));
        }
        for (uint32_t k = 0; k < a->n_tensors; k++) {
                const SchedTensor *t = sched_tensor(s->sched, a->tensor[k]);

                recent->result_bytes += t ? tensor_bytes(t) : 0;
        }
        if (!a->outcome)
                return;
        snprintf(recent->text, sizeof(recent->text), "%s", a->outcome->text);
        if (recent->code !=
            ERROR_CANCELED) /* the client hears it, the journal does not */
                lines_add(s->lines, recent->finished_usec, LOG_WARNING,
                          &(LineAbout) { .session = recent->session, .request = recent->id }, recent->text);
}

/* ---- The log ---------------------------------------------------------------------------------------------------- */

static void say(const Scheduler *s, int level, const LineAbout *about, const char *fmt, va_list args) {
        char text[MAX_LINE_BYTES];

        vsnprintf(text, sizeof(text), fmt, args);
        s->log(level, about, text);
        if (s->lines)
                lines_add(s->lines, real_clock(), level, about, text);
}

void scheduler_log(const Scheduler *s, int level, const char *fmt, ...) {
        va_list args;

        va_start(args, fmt);
        say(s, level, NULL, fmt, args);
        va_end(args);
}

void scheduler_log_session(const Session *session, const char *event, int level, const char *fmt, ...) {
        va_list args;

        va_start(args, fmt);
        say(session->scheduler, level, &(LineAbout) { .event = event, .session = session->number }, fmt, args);
        va_end(args);
}

void scheduler_log_worker(const Scheduler *s, uint32_t worker, const char *event, int level, const char *fmt, ...) {
        va_list args;

        va_start(args, fmt);
        say(s, level, &(LineAbout) { .event = event, .is_worker = true, .worker = worker }, fmt, args);
        va_end(args);
}
