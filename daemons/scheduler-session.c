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
#include "daemons/scheduler.h"
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
        session->away_usec = scheduler_clock();
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
        session->conn   = c;
        session->silent = m->session != 0;
        if (!session->silent)
                keep_session(s, session);
        c->session      = session;
        c->kind         = CONN_CLIENT;
        scheduler_log_session(session, EVENT_SESSION_BEGINS, LOG_INFO, "session %llu of %s (%s) %s",
                              (unsigned long long) session->number, c->name, c->peer,
                              session->silent ? "is back" : "begins");
        return later_add(s, LATER_WELCOME, session, 0, 0);
}

void session_leave(Conn *c) {
        Session *session = c->session;

        c->session = NULL;
        if (!session)
                return;
        session->conn      = NULL;
        session->away_usec = scheduler_clock();
}

static bool has_ended(const Session *session) {
        struct pollfd fd = { .fd = session->process, .events = POLLIN };

        return session->process >= 0 && poll(&fd, 1, 0) == 1;
}

void sessions_tick(Scheduler *s, uint64_t now_usec) {
        for (Session *session = s->sessions, *next; session; session = next) {
                next = session->next;
                if (session->conn)
                        continue;
                if (has_ended(session))
                        scheduler_log_session(session, EVENT_SESSION_ENDS, LOG_INFO,
                                              "session %llu of %s (%s) ends: the client has ended",
                                              (unsigned long long) session->number, session->name, session->peer);
                else if (now_usec - session->away_usec > s->config.lease_usec)
                        scheduler_log_session(session, EVENT_SESSION_ENDS, LOG_WARNING,
                                              "session %llu of %s (%s) ends: the client was away for %g s (lease)",
                                              (unsigned long long) session->number, session->name, session->peer,
                                              (double) s->config.lease_usec / 1e6);
                else
                        continue;
                session_end(session);
        }
}

void asked_free(Asked *a) {
        if (!a)
                return;
        free(a->tensor);
        free(a->outcome);
        free(a);
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
        for (uint32_t k = 0; k < session->requests.capacity; k++) {
                Asked *a = (Asked *) (uintptr_t) session->requests.entry[k].value;

                if (!a)
                        continue;
                a->session = NULL; /* FINISHED frees it, if it is under way */
                if (a->finished)
                        asked_free(a);
                else
                        scheduler_step(s,
                                       &(SchedEvent) { .kind = SCHED_CANCEL, .request = a->id, .error = &err });
        }
        for (uint32_t k = 0; k < session->refs.capacity; k++)
                if (session->refs.entry[k].value > 0)
                        let_go(s, session->refs.entry[k].key, session->refs.entry[k].value);
        map_done(&session->requests);
        map_done(&session->refs);
        if (session->process >= 0)
                close(session->process);
        free(session->name);
        free(session);
}

/* ---- What it holds ----------------------------------------------------------------------------------------------- */

int session_hold(Session *session, uint64_t tensor) {
        int r = map_set(&session->refs, tensor, map_get(&session->refs, tensor) + 1);

        if (r == 0)
                keep_held(session->scheduler, session, tensor);
        return r;
}

static void forget(Session *session, Asked *a) {
        map_remove(&session->requests, a->request);
        forget_row(session->scheduler, JOURNAL_REQUEST, session->number, a->request);
        asked_free(a);
}

void session_know(Session *session, const Wire_known *m) {
        for (uint32_t k = 0; k < m->request_n; k++) {
                Asked *a = (Asked *) (uintptr_t) map_get(&session->requests, m->request[k]);

                if (a && a->finished)
                        forget(session, a);
        }
}

/* How often the session keeps each tensor: as often as the client names it, and once for each result of an outcome that
 * it has not heard. */
static int resume_kept(Session *session, const Wire_resume *m, Map *kept, Map *waited, Error *err) {
        int r = m->tensor_n % 2 == 0 ? 0 : error_set(err, ERROR_CORRUPT, "half a pair");

        for (uint32_t k = 0; k < m->tensor_n && r == 0; k += 2) {
                const uint64_t id = m->tensor[k], n = m->tensor[k + 1];

                if (n == 0 || n > map_get(&session->refs, id))
                        r = error_set(err, ERROR_CLOSED, "tensor %llu is not there any more",
                                      (unsigned long long) id);
                else if (map_set(kept, id, n) < 0)
                        r = error_oom(err, sizeof(n));
        }
        for (uint32_t k = 0; k < m->request_n && r == 0; k++) {
                const Asked *a = (Asked *) (uintptr_t) map_get(&session->requests, m->request[k]);

                if (map_set(waited, m->request[k], 1) < 0)
                        r = error_oom(err, sizeof(*a));
                for (uint32_t i = 0; a && i < a->n_tensors && r == 0; i++)
                        if (map_set(kept, a->tensor[i], map_get(kept, a->tensor[i]) + 1) < 0)
                                r = error_oom(err, sizeof(*a));
        }
        return r;
}

static void resume_requests(Session *session, const Map *waited) {
        Error err = {};

        error_set(&err, ERROR_CANCELED, "the work was canceled");
        for (uint32_t k = 0; k < session->requests.capacity;) {
                Asked *a = (Asked *) (uintptr_t) session->requests.entry[k].value;

                k++;
                if (!a || map_get(waited, a->request) != 0)
                        continue;
                if (a->finished) {
                        forget(session, a);
                        k = 0; /* another one may stand in its place now */
                } else if (!a->unwanted) {
                        a->unwanted = true;
                        scheduler_step(session->scheduler,
                                       &(SchedEvent) { .kind = SCHED_CANCEL, .request = a->id, .error = &err });
                        k = 0;
                }
        }
}

static int resume_tensors(Session *session, const Map *kept) {
        _cleanup_(map_done) Map gone = {};
        int r                        = 0;

        for (uint32_t k = 0; k < session->refs.capacity && r == 0; k++) {
                const uint64_t id = session->refs.entry[k].key, n = session->refs.entry[k].value,
                               n_kept = n > 0 ? map_get(kept, id) : 0;

                assert(n_kept <= n);
                if (n > n_kept)
                        r = map_set(&gone, id, n - n_kept);
        }
        for (uint32_t k = 0; k < gone.capacity && r == 0; k++) {
                const uint64_t id = gone.entry[k].key, n = gone.entry[k].value;

                if (n == 0)
                        continue;
                if (map_get(kept, id) == 0)
                        map_remove(&session->refs, id);
                else
                        r = map_set(&session->refs, id, map_get(kept, id));
                keep_held(session->scheduler, session, id);
                let_go(session->scheduler, id, n);
        }
        return r;
}

int session_resume(Session *session, const Wire_resume *m, Error *err) {
        _cleanup_(map_done) Map kept = {}, waited = {};
        Scheduler *s = session->scheduler;
        int r;

        if (!session->silent)
                return error_set(err, ERROR_CORRUPT, "RESUME of a session that has begun just now");
        r = resume_kept(session, m, &kept, &waited, err);
        if (r < 0)
                return r;
        resume_requests(session, &waited);
        if (resume_tensors(session, &kept) < 0)
                return error_oom(err, sizeof(kept));
        session->silent = false;
        for (uint32_t k = 0; k < m->request_n; k++) {
                const Asked *a = (Asked *) (uintptr_t) map_get(&session->requests, m->request[k]);

                if (a && a->finished && later_add(s, LATER_FINISHED, session, a->request, 0) < 0)
                        return error_oom(err, sizeof(*a));
        }
        return data_wanted_again(session) < 0 ? error_oom(err, sizeof(Wanted)) : 0;
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
                return later_add(s, LATER_FINISHED, session, a->request, 0);
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

static int say(Scheduler *s, const Later *later) {
        const Session *session = session_find(s, later->session);
        const Asked *a;

        if (!session || !session->conn || (session->silent && later->kind != LATER_WELCOME))
                return 0; /* it will say what it knows, and hear the rest */
        switch (later->kind) {
        case LATER_WELCOME:
                return say_welcome(s, session);
        case LATER_FINISHED:
                a = (Asked *) (uintptr_t) map_get(&session->requests, later->request);
                return a && a->finished ? say_finished(s, session, a) : 0;
        case LATER_ADOPTED:
        case LATER_NAMED:
                return say_tensor(s, session, later);
        }
        return 0;
}

int later_say(Scheduler *s) {
        uint32_t n = 0;
        int r      = 0;

        for (; n < s->later.n && r == 0; n++) {
                const Later later = s->later.data[n];

                if (s->journal && later.mark > s->committed && !s->journal_full)
                        break;
                r = say(s, &later);
        }
        s->later.n -= n;
        memmove(s->later.data, s->later.data + n, s->later.n * sizeof(*s->later.data));
        return r;
}

int later_add(Scheduler *s, LaterKind kind, const Session *session, uint64_t request, uint64_t tensor) {
        int r = vec_push(&s->later, (Later) { .kind    = kind,
                                              .mark    = kept_mark(s),
                                              .session = session->number,
                                              .request = request,
                                              .tensor  = tensor });

        return r < 0 ? r : later_say(s);
}
