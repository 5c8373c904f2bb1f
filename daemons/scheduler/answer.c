/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask, answered in JSON as docs/openapi.json says: mars-web passes it on as it is. One table has the
 * questions. An answer costs what it says; nothing is kept for one beforehand but what scheduler/past.c has. */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemons/json.h"
#include "daemons/scheduler/inside.h"
#include "sched/look.h"

enum { MAX_SHOWN_ERRORS = 8 }; /* on the first page; the others are in the log */

/* ---- Workers ---------------------------------------------------------------------------------------------------- */

static const char *state_of(const Scheduler *s, const Member *m) {
        if (!m->conn)
                return "away";
        if (m->drain != DRAIN_OFF)
                return m->drained ? "empty" : "draining";
        return m->silent ? "silent" : sched_aside(s->sched, m->number) ? "aside" : "works";
}

static void put_worker(Asking *a, const Member *m) {
        FILE *f = a->f;

        fprintf(f, "{\"worker\": %u, \"name\": ", m->number);
        json_text(f, m->name);
        fputs(", \"address\": ", f);
        json_text(f, m->address);
        fprintf(f, ", \"state\": \"%s\", \"threads\": %u, \"cache_bytes\": %llu, \"memory_bytes\": %llu, ",
                state_of(a->s, m), m->n_threads, (unsigned long long) m->cache_bytes,
                (unsigned long long) m->memory_bytes);
        json_status(f, &m->status, m->pages);
        fprintf(f, ", \"heard_seconds\": %.3f}",
                (double) (scheduler_now(a->s) - (m->conn ? m->conn->heard_usec : m->away_usec)) / 1e6);
}

static int put_workers(Asking *a) {
        bool first = true;

        fputc('[', a->f);
        for (uint32_t w = 0; w < a->s->n_workers; w++) {
                if (!a->s->worker[w])
                        continue;
                fputs(first ? "" : ", ", a->f);
                put_worker(a, a->s->worker[w]);
                first = false;
        }
        fputc(']', a->f);
        return 0;
}

static int put_one_worker(Asking *a) {
        if (a->number[0] >= a->s->n_workers || !a->s->worker[a->number[0]])
                return -ENOENT;
        put_worker(a, a->s->worker[a->number[0]]);
        return scheduler_tell_peer(a->s, a->to, (uint32_t) a->number[0]);
}

/* Where they are. */
static int put_peers(Asking *a) {
        uint32_t n = 0;
        int r      = 0;

        for (uint32_t w = 0; w < a->s->n_workers && r == 0; w++) {
                n += a->s->worker[w] != NULL;
                r = a->s->worker[w] ? scheduler_tell_peer(a->s, a->to, w) : 0;
        }
        fprintf(a->f, "{\"workers\": %u}", n);
        return r;
}

/* ---- Sessions --------------------------------------------------------------------------------------------------- */

uint64_t tensor_bytes(const SchedTensor *t) {
        return (uint64_t) shape_size(&t->spec.shape) * dtype_size(t->spec.dtype);
}

/* Of its tensors, or null: they are too many to be looked at for everyone who looks. */
static void put_result_bytes(const Asking *a, const Session *session) {
        uint64_t bytes = 0;

        if (session->book.refs.n > MAX_COUNTED_TENSORS) {
                fputs("null", a->f);
                return;
        }
        for (uint32_t k = 0; k < session->book.refs.capacity; k++) {
                const SchedTensor *t = session->book.refs.entry[k].value > 0
                                               ? sched_tensor(a->s->sched, session->book.refs.entry[k].key)
                                               : NULL;

                bytes += t ? tensor_bytes(t) : 0;
        }
        fprintf(a->f, "%llu", (unsigned long long) bytes);
}

static void put_session(Asking *a, const Session *session) {
        FILE *f = a->f;

        fprintf(f, "{\"session\": %llu, \"name\": ", (unsigned long long) session->number);
        json_text(f, session->name);
        fputs(", \"from\": ", f);
        json_text(f, session->peer);
        put_user(f, session->local, session->uid, session->user);
        fprintf(f, ", \"state\": \"%s\", \"away_seconds\": ", session->conn ? "here" : "away");
        if (session->conn)
                fputs("null", f);
        else
                fprintf(f, "%.3f", (double) (scheduler_now(a->s) - session->away_usec) / 1e6);
        fprintf(f, ", \"running\": %u, \"finished\": %llu, \"tensors\": %u, \"result_bytes\": ", session->n_running,
                (unsigned long long) session->n_finished, session->book.refs.n);
        put_result_bytes(a, session);
        fputc('}', f);
}

static int put_sessions(Asking *a) {
        bool comma = false;

        fputc('[', a->f);
        for (const Session *session = a->s->sessions; session; session = session->next) {
                if (!conn_sees(a->to, session->user))
                        continue;
                fputs(comma ? ", " : "", a->f);
                put_session(a, session);
                comma = true;
        }
        fputc(']', a->f);
        return 0;
}

static int put_one_session(Asking *a) {
        const Session *session = session_find(a->s, a->number[0]);

        if (session)
                put_session(a, session);
        return session ? 0 : -ENOENT;
}

/* ---- The cluster ------------------------------------------------------------------------------------------------ */

static void put_check(FILE *f, const char *before, const char *name, const char *status, const char *text) {
        fprintf(f, "%s{\"name\": \"%s\", \"status\": \"%s\", \"text\": ", before, name, status);
        json_text(f, text);
        fputc('}', f);
}

static const char *check_workers(const ClusterSums *sums, char *text, size_t size_bytes) {
        snprintf(text, size_bytes, "%u worker%s with %u thread%s", sums->n_here, sums->n_here == 1 ? "" : "s",
                 sums->n_threads, sums->n_threads == 1 ? "" : "s");
        if (sums->n_away > 0)
                snprintf(text + strlen(text), size_bytes - strlen(text), "; %u %s away", sums->n_away,
                         sums->n_away == 1 ? "is" : "are");
        if (sums->n_here == 0)
                return "bad";
        return sums->n_away > 0 ? "warning" : "good";
}

static const char *check_journal(const Scheduler *s, char *text, size_t size_bytes) {
        JournalStatus status = {};

        if (s->journal)
                journal_status(s->journal, &status);
        if (!s->journal)
                snprintf(text, size_bytes, "there is no journal: results and names end with the scheduler");
        else if (status.broken < 0 || status.full)
                snprintf(text, size_bytes, "%s", status.text);
        else
                snprintf(text, size_bytes, "results and names outlive the scheduler");
        return status.broken < 0 ? "bad" : status.full ? "warning" : "good";
}

static void put_checks(const Asking *a, const ClusterSums *sums, const char **ret_worst) {
        char workers_text[128], journal_text[MAX_ERROR_TEXT];
        const char *workers = check_workers(sums, workers_text, sizeof(workers_text));
        const char *journal = check_journal(a->s, journal_text, sizeof(journal_text));

        fputc('[', a->f);
        put_check(a->f, "", "workers", workers, workers_text);
        put_check(a->f, ", ", "journal", journal, journal_text);
        fputc(']', a->f);
        *ret_worst = strcmp(workers, "bad") == 0 || strcmp(journal, "bad") == 0           ? "bad"
                     : strcmp(workers, "warning") == 0 || strcmp(journal, "warning") == 0 ? "warning"
                                                                                          : "good";
}

static int put_health(Asking *a) {
        ClusterSums sums;
        const char *worst;

        cluster_sums(a->s, &sums);
        fputs("{\"version\": \"" MARS_BUILD "\", \"checks\": ", a->f);
        put_checks(a, &sums, &worst);
        fprintf(a->f, ", \"status\": \"%s\"}", worst);
        return 0;
}

static void put_counts(const Asking *a, const ClusterSums *sums) {
        SchedStats stats;
        SchedTasks tasks;

        sched_stats(a->s->sched, &stats);
        sched_tasks(a->s->sched, &tasks);
        fprintf(a->f,
                "\"workers\": %u, \"workers_away\": %u, \"workers_draining\": %u, \"threads\": %u, \"sessions\": %u, "
                "\"requests\": %llu, \"tensors\": %llu, \"plans\": %llu, ",
                sums->n_here, sums->n_away, sums->n_draining, sums->n_threads, a->s->n_sessions,
                (unsigned long long) stats.n_requests, (unsigned long long) stats.n_tensors,
                (unsigned long long) stats.n_plans);
        fprintf(a->f,
                "\"tasks_waiting\": %llu, \"tasks_given\": %llu, \"running\": %u, \"tasks_done\": %llu, "
                "\"tasks_remade\": %llu, \"tasks_tried_twice\": %llu, \"chunks_compared\": %llu, "
                "\"chunks_differed\": %llu, \"state_bytes\": %llu, ",
                (unsigned long long) (tasks.n_task - tasks.n_done - tasks.n_given), (unsigned long long) tasks.n_given,
                sums->n_running, (unsigned long long) stats.n_tasks_done, (unsigned long long) stats.n_remade,
                (unsigned long long) stats.n_second, (unsigned long long) stats.n_compared,
                (unsigned long long) stats.n_differed, (unsigned long long) stats.state_bytes);
}

static int put_status(Asking *a) {
        const Scheduler *s = a->s;
        FILE *f            = a->f;
        ClusterSums sums;
        const char *worst;

        cluster_sums(s, &sums);
        fputs("{\"time\": ", f);
        json_time(f, real_clock());
        fprintf(f, ", \"version\": \"%s\", \"seconds\": %.3f, ", MARS_BUILD,
                (double) (a->now_usec - s->began_usec) / 1e6);
        put_counts(a, &sums);
        fprintf(f,
                "\"cache_bytes\": %llu, \"memory_bytes\": %llu, \"used_bytes\": %llu, \"pinned_bytes\": %llu, "
                "\"scratch_bytes\": %llu, \"resident_bytes\": %llu, \"spilled_bytes\": %llu, ",
                (unsigned long long) sums.cache_bytes, (unsigned long long) sums.memory_bytes,
                (unsigned long long) sums.used_bytes, (unsigned long long) sums.pinned_bytes,
                (unsigned long long) sums.scratch_bytes, (unsigned long long) sums.resident_bytes,
                (unsigned long long) sums.spilled_bytes);
        fprintf(f,
                "\"answer_seconds\": %.6f, \"cpu_seconds\": %.3f, \"received_bytes\": %llu, \"sent_bytes\": %llu, "
                "\"disk_read_bytes\": %llu, \"disk_written_bytes\": %llu, \"checks\": ",
                (double) s->answered_nsec / 1e9, (double) sums.cpu_usec / 1e6, (unsigned long long) sums.received_bytes,
                (unsigned long long) sums.sent_bytes, (unsigned long long) sums.disk_read_bytes,
                (unsigned long long) sums.disk_written_bytes);
        put_checks(a, &sums, &worst);
        fputs(", \"errors\": ", f);
        if (conn_is_user(a->to)) /* they name sessions of others */
                fputs("[]", f);
        else
                lines_list(s->lines, "scheduler", &(LinesWanted) { .level = LOG_WARNING, .most = MAX_SHOWN_ERRORS }, f);
        fputc('}', f);
        return 0;
}

static int put_history(Asking *a) {
        past_print(a->s->past, a->f);
        return 0;
}

/* log LEVEL SINCE SESSION REQUEST WORKER+1: what is 0 does not matter. */
static int put_log(Asking *a) {
        const LinesWanted wanted = { .level      = a->n > 0 ? (int) a->number[0] : LOG_DEBUG,
                                     .since_usec = a->number[1],
                                     .about      = { .session   = a->number[2],
                                                     .request   = a->number[3],
                                                     .is_worker = a->number[4] > 0,
                                                     .worker    = (uint32_t) a->number[4] - 1 } };

        lines_print(a->s->lines, "scheduler", &wanted, a->f);
        return 0;
}

static int put_about(Asking *a) {
        int r = 0;

        fprintf(a->f, "{\"scheduler_version\": \"%s\", \"epoch\": %llu, \"protocol\": %d, \"configurations\": [",
                MARS_BUILD, (unsigned long long) a->s->epoch, WIRE_VERSION);
        if (a->s->config.print)
                r = a->s->config.print(a->s->config.print_userdata, a->f);
        fputs("]}", a->f);
        return r;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

/* Of what an answer speaks, and so what users hear of it (conn_sees()). */
typedef enum Of {
        OF_ADMIN,   /* nothing: it is for the administrator */
        OF_CLUSTER, /* all: it names nobody's work */
        OF_ROWS,    /* the answer leaves out what is not theirs */
        OF_SESSION, /* nothing of one that is not theirs, as if there were none: the first number says which, */
        OF_REQUEST, /* or which request */
} Of;

static const struct {
        const char *word;
        uint32_t n_least; /* numbers that must follow; so many more may */
        Of of;
        int (*put)(Asking *a); /* 0; -ENOENT: there is no such thing; -ENOMEM */
} questions[] = {
        { "peers", 0, OF_CLUSTER, put_peers },
        { "status", 0, OF_CLUSTER, put_status },
        { "health", 0, OF_CLUSTER, put_health },
        { "history", 0, OF_CLUSTER, put_history },
        { "about", 0, OF_ADMIN, put_about },
        { "log", 0, OF_ADMIN, put_log },
        { "workers", 0, OF_CLUSTER, put_workers },
        { "worker", 1, OF_CLUSTER, put_one_worker },
        { "sessions", 0, OF_ROWS, put_sessions },
        { "session", 1, OF_SESSION, put_one_session },
        { "requests", 0, OF_ROWS, put_requests },
        { "recent", 0, OF_ROWS, put_recent },
        { "request", 1, OF_REQUEST, put_one_request },
        { "graph", 1, OF_REQUEST, put_graph },
        { "why", 1, OF_REQUEST, put_why },
        { "tensors", 0, OF_ROWS, put_tensors },
        { "tasks", 1, OF_REQUEST, put_tasks },
        { "task", 2, OF_REQUEST, put_task },
};

/* 0; -EACCES, -ENOENT: he is not told. */
static int check_right(const Asking *a, Of of) {
        const Session *session = of == OF_SESSION ? session_find(a->s, a->number[0]) : NULL;
        const char *user       = of == OF_SESSION   ? (session ? session->user : NULL)
                                 : of == OF_REQUEST ? request_user(a->s, a->number[0])
                                                    : NULL;

        if (!conn_is_user(a->to) || of == OF_CLUSTER || of == OF_ROWS)
                return 0;
        if (of == OF_ADMIN)
                return -EACCES;
        return user && conn_sees(a->to, user) ? 0 : -ENOENT;
}

static int asking_parse(Asking *a, const char *what, size_t *ret_row) {
        const size_t n = strcspn(what, " ");
        size_t row     = 0;

        while (row < ELEMENTSOF(questions) &&
               (strlen(questions[row].word) != n || memcmp(questions[row].word, what, n) != 0))
                row++;
        for (what += n; *what == ' ' && a->n < ELEMENTSOF(a->number); a->n++) {
                char *end;

                a->number[a->n] = strtoull(what + 1, &end, 10);
                if (end == what + 1 || what[1] == '-' || what[1] == ' ')
                        return ERROR_VALUE;
                what = end;
        }
        *ret_row = row;
        return row == ELEMENTSOF(questions) || *what || a->n < questions[row].n_least ? ERROR_VALUE : 0;
}

int scheduler_answer(const Scheduler *s, Conn *to, const char *what, char **ret, Error *err) {
        _cleanup_(freep) char *text = NULL;
        Asking a                    = { .s = s, .to = to, .now_usec = scheduler_clock() };
        size_t row, n_bytes;
        int r;

        if (asking_parse(&a, what, &row) < 0)
                return error_set(err, ERROR_VALUE, "nothing is known of this");
        a.f = open_memstream(&text, &n_bytes);
        if (!a.f)
                return error_oom(err, sizeof(*a.f));
        r = check_right(&a, questions[row].of);
        if (r == 0)
                r = questions[row].put(&a);
        if (fclose(a.f) != 0 || r == -ENOMEM)
                return error_oom(err, n_bytes);
        if (r == -EACCES)
                return error_set(err, r, "this is for the administrator, who has the token of the cluster");
        if (r < 0)
                return error_set(err, -ENOENT, "there is no %s %llu", questions[row].word,
                                 (unsigned long long) a.number[0]);
        *ret = TAKE_PTR(text);
        return 0;
}
