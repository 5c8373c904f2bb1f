/* SPDX-License-Identifier: Apache-2.0 */
/* The life of sessions. What a client was given before its link broke, and what it knows of that, differ by what was
 * on its way. So who comes back says what it has: the tensors, each with its number of references, and the requests
 * that it waits for. All else that the session holds is let go; outcomes that it waits for are said again. An outcome
 * is kept until the client says that it knows it (KNOWN, RESUME). */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <syslog.h>
#include <unistd.h>

#include "daemons/events.h"
#include "daemons/scheduler/scheduler.h"
#include "io/token.h"

/* ---- Beginning and ending ---------------------------------------------------------------------------------------- */

Session *session_find(const Scheduler *s, uint64_t number) {
        Session *session = s->sessions;

        while (session && session->number != number)
                session = session->next;
        return session;
}

static int make_key(char ret[SESSION_KEY_TEXT]) {
        uint8_t random[SESSION_KEY_BYTES];

        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return -errno;
        for (size_t k = 0; k < sizeof(random); k++)
                snprintf(ret + 2 * k, 3, "%02x", random[k]);
        return 0;
}

static void session_add(Scheduler *s, Session *session) {
        session->scheduler = s;
        session->next      = s->sessions;
        if (s->sessions)
                s->sessions->before = session;
        s->sessions = session;
        s->n_sessions++;
}

void session_restore(Scheduler *s, Session *session) {
        session->process   = -1;
        session->away_usec = scheduler_now(s);
        s->next_session    = MAX(s->next_session, session->number);
        session_add(s, session);
}

static int session_new(Scheduler *s, Conn *c, Session **ret, Error *err) {
        Session *session = calloc(1, sizeof(*session));
        int r            = session ? make_key(session->key) : -ENOMEM;

        if (r == 0) {
                session->name = strdup(c->name);
                r             = session->name ? 0 : -ENOMEM;
        }
        if (r < 0) {
                free(session);
                return r == -ENOMEM ? error_oom(err, sizeof(*session)) : error_prefix(err, r, "random numbers");
        }
        memcpy(session->peer, c->peer, sizeof(session->peer));
        session->number  = ++s->next_session;
        session->local   = c->local;
        session->uid     = c->uid;
        memcpy(session->user, c->user, sizeof(session->user));
        session->process = -1;
        session_add(s, session);
        *ret = session;
        return 0;
}

/* Whoever has the key, over the same kind of socket. */
static int session_again(Scheduler *s, const Conn *c, const Wire_hello *m, Session **ret, Error *err) {
        Session *session = session_find(s, m->session);

        if (!session || !token_same(session->key, m->key))
                return error_set(err, ERROR_CLOSED,
                                 "session %llu is not known any more: what a session has is kept for %g s after its "
                                 "connection was lost", (unsigned long long) m->session,
                                 (double) s->config.lease_usec / 1e6);
        if (session->local != c->local || (c->local && session->uid != c->uid) || strcmp(session->user, c->user) != 0)
                return error_set(err, -EACCES, "session %llu is somebody else's", (unsigned long long) m->session);
        *ret = session;
        return 0;
}

int session_begin(Conn *c, const Wire_hello *m, Error *err) {
        Scheduler *s     = c->scheduler;
        Session *session = NULL;
        int r;

        if (m->session != 0)
                r = session_again(s, c, m, &session, err);
        else if (s->n_sessions >= s->config.max_sessions)
                r = error_set(err, -EUSERS, "there are %u sessions, as many as this scheduler takes (max_sessions)",
                              s->n_sessions);
        else
                r = session_new(s, c, &session, err);
        if (r < 0)
                return r;
        if (session->process < 0 && c->local && c->pid > 0)
                session->process = pidfd_open(c->pid, 0);
        if (session->conn)
                conn_close(session->conn); /* its link is dead, and nobody has noticed here */
        session->conn = c;
        session->keeps = m->keeps;
        book_begin(&session->book, m->session != 0);
        if (!session->book.silent)
                keep_session(s, session);
        c->session      = session;
        c->kind         = CONN_CLIENT;
        scheduler_log_session(session, EVENT_SESSION_BEGINS, LOG_INFO, "session %llu of %s (%s) %s",
                              (unsigned long long) session->number, c->name, c->peer,
                              session->book.silent ? "is back" : "begins");
        return later_add(session, LATER_WELCOME, 0, 0);
}

void session_leave(Conn *c) {
        Session *session = c->session;

        c->session = NULL;
        if (!session)
                return;
        book_leave(&session->book);
        session->conn      = NULL;
        session->away_usec = scheduler_now(session->scheduler);
}

static bool has_ended(const Session *session) {
        struct pollfd fd = { .fd = session->process, .events = POLLIN };

        return session->process >= 0 && poll(&fd, 1, 0) == 1;
}

void sessions_tick(Scheduler *s) {
        for (Session *session = s->sessions, *next; session; session = next) {
                bool ended;

                next = session->next;
                if (session->conn)
                        continue;
                ended = has_ended(session);
                if (!session_is_over(&s->patience, &s->limits, session->away_usec, ended))
                        continue;
                if (ended)
                        scheduler_log_session(session, EVENT_SESSION_ENDS, LOG_INFO,
                                              "session %llu of %s (%s) ends: the client has ended",
                                              (unsigned long long) session->number, session->name, session->peer);
                else
                        scheduler_log_session(session, EVENT_SESSION_ENDS, LOG_WARNING,
                                              "session %llu of %s (%s) ends: the client was away for %g s (lease)",
                                              (unsigned long long) session->number, session->name, session->peer,
                                              (double) s->config.lease_usec / 1e6);
                session_end(session);
        }
}

static void let_go(Scheduler *s, uint64_t tensor, uint64_t n) {
        for (; n > 0; n--)
                scheduler_step(s, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = tensor });
}

/* All that it has under way ends, and what it holds is let go. */
void session_end(Session *session) {
        Scheduler *s = session->scheduler;
        Error err    = {};

        error_set(&err, ERROR_CANCELED, "the client has left");
        if (session->conn)
                session->conn->session = NULL;
        if (session->before)
                session->before->next = session->next;
        else
                s->sessions = session->next;
        if (session->next)
                session->next->before = session->before;
        s->n_sessions--;
        forget_session(s, session->number);
        data_session_ends(s, session->number);
        for (uint32_t k = 0; k < session->book.requests.capacity; k++) {
                Asked *a = (Asked *) (uintptr_t) session->book.requests.entry[k].value;

                if (!a)
                        continue;
                a->session = NULL; /* FINISHED frees it, if it is under way */
                if (a->finished)
                        asked_free(a);
                else
                        scheduler_step(s,
                                       &(SchedEvent) { .kind = SCHED_CANCEL, .request = a->id, .error = &err });
        }
        for (uint32_t k = 0; k < session->book.refs.capacity; k++)
                if (session->book.refs.entry[k].value > 0)
                        let_go(s, session->book.refs.entry[k].key, session->book.refs.entry[k].value);
        book_done(&session->book);
        if (session->process >= 0)
                close(session->process);
        free(session->name);
        free(session);
}

/* ---- What it holds ----------------------------------------------------------------------------------------------- */

int session_hold(Session *session, uint64_t tensor) {
        int r = book_hold(&session->book, tensor);

        if (r == 0)
                keep_held(session->scheduler, session, tensor);
        return r;
}

static void forget(Session *session, Asked *a) {
        const uint64_t request = a->request;

        book_forget(&session->book, a);
        forget_row(session->scheduler, JOURNAL_REQUEST, session->number, request);
}

void session_know(Session *session, const Wire_known *m) {
        Asked *a;

        for (uint32_t k = 0; k < m->request_n; k++)
                if (book_knows(&session->book, m->request[k], &a))
                        forget(session, a);
}

/* What nobody waits for may end with what others wait for, and each may be the last that the other needs. */
static void resumed(Session *session, const BookResumed *what) {
        Scheduler *s = session->scheduler;
        Error err    = {};
        Asked *a;

        error_set(&err, ERROR_CANCELED, "the work was canceled");
        for (uint32_t k = 0; k < what->known.n; k++)
                if (book_knows(&session->book, what->known.data[k], &a))
                        forget(session, a);
        for (uint32_t k = 0; k < what->unwanted.n; k++) {
                a = book_find(&session->book, what->unwanted.data[k]);
                if (a)
                        scheduler_step(s, &(SchedEvent) { .kind = SCHED_CANCEL, .request = a->id, .error = &err });
        }
        for (uint32_t k = 0; k < what->gone.n; k += 2) {
                keep_held(s, session, what->gone.data[k]);
                let_go(s, what->gone.data[k], what->gone.data[k + 1]);
        }
}

int session_resume(Session *session, const Wire_resume *m, Error *err) {
        BookResumed what = {};
        int r            = book_resume(&session->book, m->tensor, m->tensor_n, m->request, m->request_n, &what, err);

        if (r == 0)
                resumed(session, &what);
        book_resumed_done(&what);
        if (r < 0)
                return r;
        if (book_resume_end(&session->book, m->request, m->request_n, kept_mark(session->scheduler)) < 0 ||
            later_say(session->scheduler) < 0 || data_wanted_again(session) < 0 ||
            (session->keeps && later_add(session, LATER_KEPT, 0, 0) < 0))
                return error_oom(err, sizeof(what));
        return 0;
}

/* ---- What it is told --------------------------------------------------------------------------------------------- */

int session_finished(Scheduler *s, Asked *a) {
        Session *session  = a->session;
        const bool wanted = session && !a->unwanted;
        int r             = 0;

        a->finished = true;
        if (session) {
                session->n_finished++;
                session->n_running--;
        }
        for (uint32_t k = 0; k < a->n_tensors && r == 0; k++)
                r = wanted ? session_hold(session, a->tensor[k])
                           : sched_step(s->sched, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = a->tensor[k] },
                                        &s->actions);
        if (wanted && r == 0)
                keep_outcome(s, a);
        if (wanted && r == 0)
                return later_add(session, LATER_FINISHED, a->request, 0);
        if (session)
                forget(session, a);
        else
                asked_free(a);
        return r;
}

static int say_welcome(Scheduler *s, const Session *session) {
        WireMessage m = { .kind    = WIRE_IS_WELCOME,
                          .welcome = { .number     = (uint32_t) session->number,
                                       .epoch      = s->epoch,
                                       .version    = MARS_BUILD,
                                       .key        = session->key,
                                       .lease_usec = s->config.lease_usec } };

        cluster_size(s, &m.welcome.cache_bytes, &m.welcome.n_threads);
        return link_say(session->conn->link, &m);
}

static int say_finished(Scheduler *s, const Session *session, const Asked *a) {
        Error gone    = {};
        WireMessage m = { WIRE_IS_FINISHED,
                          .finished = { .request = a->request,
                                        .n_done  = a->n_done,
                                        .code    = a->outcome ? a->outcome->code : 0,
                                        .text    = a->outcome ? a->outcome->text : NULL } };
        Writer w = {};
        int r    = 0;

        for (uint32_t k = 0; k < a->n_tensors && r == 0; k++)
                if (sched_tensor(s->sched, a->tensor[k]))
                        r = scheduler_put_tensor(s, session->conn, a->tensor[k], &w);
                else /* the client has let go of what it did not have yet */
                        error_set(&gone, ERROR_VALUE, "tensor %llu was released", (unsigned long long) a->tensor[k]);
        if (gone.code < 0) {
                m.finished.code = gone.code;
                m.finished.text = gone.text;
        } else {
                m.finished.tensors   = w.bytes.data;
                m.finished.tensors_n = w.bytes.n;
        }
        if (r == 0)
                r = link_say(session->conn->link, &m);
        vec_free(&w.bytes);
        return r;
}

/* ADOPTED or NAMED: an answer that is a tensor, or none if that has gone meanwhile. */
static int say_tensor(Scheduler *s, const Session *session, const Later *later) {
        WireMessage m = { .kind = later->kind == LATER_ADOPTED ? WIRE_IS_ADOPTED : WIRE_IS_NAMED };
        Writer w      = {};
        int r         = 0;

        if (later->tensor != 0 && sched_tensor(s->sched, later->tensor))
                r = scheduler_put_tensor(s, session->conn, later->tensor, &w);
        if (later->kind == LATER_ADOPTED)
                m.adopted = (Wire_adopted) {
                        .request = later->request, .tensor = w.bytes.data, .tensor_n = w.bytes.n
                };
        else
                m.named = (Wire_named) { .request = later->request, .tensor = w.bytes.data, .tensor_n = w.bytes.n };
        if (r == 0)
                r = link_say(session->conn->link, &m);
        vec_free(&w.bytes);
        return r;
}

static int say(Scheduler *s, const Session *session, const Later *later) {
        switch (later->kind) {
        case LATER_WELCOME:
                return say_welcome(s, session);
        case LATER_FINISHED:
                return say_finished(s, session, book_find(&session->book, later->request));
        case LATER_ADOPTED:
        case LATER_NAMED:
                return say_tensor(s, session, later);
        case LATER_SPARED:
                return link_say(
                        session->conn->link,
                        &(WireMessage) { WIRE_IS_SPARED, .spared = { .tensor = &later->tensor, .tensor_n = 1 } });
        case LATER_KEPT:
                return data_say_kept(session);
        }
        return 0;
}

int later_say(Scheduler *s) {
        const uint64_t committed = s->journal && !s->journal_full ? s->committed : UINT64_MAX;
        Later later;
        int r = 0;

        for (Session *session = s->sessions; session && r == 0; session = session->next)
                while (r == 0 && book_say(&session->book, committed, &later))
                        r = say(s, session, &later);
        return r;
}

int later_add(Session *session, LaterKind kind, uint64_t request, uint64_t tensor) {
        Scheduler *s      = session->scheduler;
        const Later later = { .kind = kind, .mark = kept_mark(s), .request = request, .tensor = tensor };
        const int r       = book_later(&session->book, &later);

        return r < 0 ? r : later_say(s);
}
