/* SPDX-License-Identifier: Apache-2.0 */
/* What clients say, and what marsctl does. What cannot be true ends the connection; what a request asks for in vain is
 * its outcome. */
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemons/events.h"
#include "daemons/scheduler/scheduler.h"

/* The request fails before it begins. */
static int fail_request(Session *session, Asked *a, const Error *why) {
        a->outcome = malloc(sizeof(*a->outcome));
        if (!a->outcome)
                return -ENOMEM;
        *a->outcome = *why;
        return session_finished(session->scheduler, a);
}

static int check_leaves(const Session *session, const Graph *graph, Error *err) {
        for (uint32_t k = 0; k < graph->node.n; k++) {
                const Node *node = &graph->node.data[k];

                if (!node->op && map_get(&session->book.refs, node->stored) == 0)
                        return error_set(err, ERROR_VALUE, "the session has no tensor %llu",
                                         (unsigned long long) node->stored);
        }
        return 0;
}

/* A number that is known already is one that a client says again after its link broke. */
static int submit(Session *session, const Wire_submit *m, Error *err) {
        Scheduler *s = session->scheduler;
        Graph *graph = NULL;
        Error why    = {};
        Asked *a;
        int r = book_ask(&session->book, m->request, &a);

        if (r < 0)
                return error_oom(err, sizeof(*a));
        if (r == BOOK_KNOWN)
                return 0;
        a->id         = ++s->next_request;
        a->session    = session;
        a->since_usec = scheduler_clock();
        if (session->n_running >= s->config.max_requests ||
            session->book.requests.n > s->config.max_requests + MAX_KEPT)
                r = error_set(&why, -EUSERS, "%u requests are under way, as many as a session may have (max_requests)",
                              s->config.max_requests);
        if (r == 0)
                r = keep_more(s, &why);
        if (r == 0)
                r = graph_decode(m->graph, m->graph_n, &graph, &why);
        if (r == 0)
                r = check_leaves(session, graph, &why);
        if (r == 0 && map_set(&s->asked, a->id, (uintptr_t) a) < 0)
                r = error_oom(&why, sizeof(*a));
        session->n_running++;
        if (r < 0) {
                graph_free(graph);
                return fail_request(session, a, &why) < 0 ? error_oom(err, sizeof(*a)) : 0;
        }
        keep_request(s, a, m->graph, m->graph_n);
        scheduler_step(s, &(SchedEvent) {
                                  .kind = SCHED_SUBMIT, .request = a->id, .session = session->number, .graph = graph });
        return 0;
}

static int release(Session *session, const Wire_release *m, Error *err) {
        for (uint32_t k = 0; k < m->tensor_n; k++) {
                const uint64_t id = m->tensor[k];
                const int r       = book_release(&session->book, id, err);

                if (r < 0)
                        return r;
                keep_held(session->scheduler, session, id);
                scheduler_step(session->scheduler, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = id });
        }
        return 0;
}

static int adopt(Session *session, const Wire_adopt *m, Arena *arena, Error *err) {
        WireMessage answer = { WIRE_IS_ADOPTED, .adopted = { .request = m->request } };
        Scheduler *s       = session->scheduler;
        Reader rd          = { .start = m->tensor, .at = m->tensor, .end = m->tensor + m->tensor_n, .what = "ADOPT",
                               .err = err, .scratch = arena };
        WireTensor tensor;
        Error why = {};
        uint64_t id;
        int r;

        wire_get_tensor(&rd, &tensor);
        if (rd.r < 0)
                return rd.r;
        if (tensor.n_holder > 0)
                return error_set(err, ERROR_CORRUPT, "data that others have already");
        r = keep_more(s, &why);
        if (r == 0)
                r = sched_adopt(s->sched, &tensor.spec, &tensor.tiling, WORKER_NONE, &id);
        if (r == 0 && (map_set(&s->giver, id, session->number) < 0 || session_hold(session, id) < 0)) {
                scheduler_step(s, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = id });
                r = -ENOMEM;
        }
        if (r == 0) {
                keep_tensor(s, id, session->number);
                r = data_expect(s, id);
                if (r == 0)
                        r = later_add(session, LATER_ADOPTED, m->request, id);
        } else {
                if (r == -ENOMEM)
                        error_oom(&why, tiling_n_chunks(&tensor.tiling) * sizeof(uint64_t));
                answer.adopted.code = r;
                answer.adopted.text = why.text;
                r                   = link_say(session->conn->link, &answer);
        }
        return r < 0 ? error_oom(err, sizeof(answer)) : 0;
}

/* Processor time of this thread so far: what others do on the machine meanwhile is not what an answer costs. */
static uint64_t spent_nsec(void) {
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

/* The answer goes at once, so that sending it is counted, too. */
static int ask(Conn *c, const Wire_ask *m, Error *err) {
        Scheduler *s              = c->scheduler;
        const uint64_t begun_nsec = spent_nsec();
        Error why                 = {};
        char *text                = NULL;
        int r                     = scheduler_answer(s, c, m->what, &text, &why);
        const WireMessage answer  = { WIRE_IS_ANSWER, .answer = { .request   = m->request,
                                                                  .code      = r,
                                                                  .text      = text ?: why.text,
                                                                  .cost_usec = (spent_nsec() - begun_nsec) / 1000 } };

        r = link_say(c->link, &answer);
        free(text);
        link_flush(c->link);
        s->answered_nsec += spent_nsec() - begun_nsec;
        return r < 0 ? error_oom(err, sizeof(answer)) : 0;
}

int client_hear(Conn *c, const WireMessage *m, Arena *arena, Error *err) {
        Session *session = c->session;
        Error why        = {};
        const Asked *a;

        if (session->book.silent && m->kind != WIRE_IS_RESUME && m->kind != WIRE_IS_BYE && m->kind != WIRE_IS_ALIVE)
                return error_set(err, ERROR_CORRUPT, "%s before RESUME", wire_name(m->kind));
        switch (m->kind) {
        case WIRE_IS_SUBMIT:
                return submit(session, &m->submit, err);
        case WIRE_IS_CANCEL:
                error_set(&why, ERROR_CANCELED, "the work was canceled");
                a = book_find(&session->book, m->cancel.request);
                if (a && !a->finished)
                        scheduler_step(c->scheduler,
                                       &(SchedEvent) { .kind = SCHED_CANCEL, .request = a->id, .error = &why });
                return 0;
        case WIRE_IS_RELEASE:
                return release(session, &m->release, err);
        case WIRE_IS_ADOPT:
                return adopt(session, &m->adopt, arena, err);
        case WIRE_IS_GIVEN:
                return data_given(session, &m->given, err);
        case WIRE_IS_RESUME:
                return session_resume(session, &m->resume, err);
        case WIRE_IS_KNOWN:
                session_know(session, &m->known);
                return 0;
        case WIRE_IS_NAME:
                return session_name(session, &m->name, err);
        case WIRE_IS_BYE:
                session_end(session);
                return 0;
        case WIRE_IS_ASK:
                return ask(c, &m->ask, err);
        case WIRE_IS_ALIVE: /* he wants to know whether we are */
                return link_say(c->link, m) < 0 ? error_oom(err, sizeof(*m)) : 0;
        default:
                return error_set(err, ERROR_CORRUPT, "%s is not for clients to say", wire_name(m->kind));
        }
}

/* ---- What marsctl says ------------------------------------------------------------------------------------------ */

/* Over TCP the token of the cluster says that it is one of ours, and a user's who it is. */
static bool may_cancel(const Conn *c, const Session *session) {
        if (c->user[0])
                return session && conn_sees(c, session->user);
        return !c->local || c->uid == 0 || c->uid == geteuid() ||
               (session && session->local && session->uid == c->uid);
}

static int answer(Conn *c, uint64_t request, int r, const Error *why, Error *err) {
        r = link_say(c->link,
                     &(WireMessage) { WIRE_IS_ANSWER,
                                      .answer = { .request = request, .code = r, .text = r < 0 ? why->text : NULL } });
        return r < 0 ? error_oom(err, sizeof(*why)) : 0;
}

/* Anybody's request, by the machine's number. It is answered. */
static int cancel(Conn *c, const Wire_cancel *m, Error *err) {
        const Asked *a = (Asked *) (uintptr_t) map_get(&c->scheduler->asked, m->request);
        Error why      = {};
        int r          = 0;

        if (!a || !conn_sees(c, a->session ? a->session->user : ""))
                r = error_set(&why, -ENOENT, "no request %llu is under way", (unsigned long long) m->request);
        else if (!may_cancel(c, a->session))
                r = error_set(&why, -EACCES,
                              "request %llu is not yours: whose it is, root and the scheduler's own user may cancel it",
                              (unsigned long long) m->request);
        else {
                Error outcome = {};

                error_set(&outcome, ERROR_CANCELED, "canceled by %s", c->user[0] ? c->user : "the administrator");
                scheduler_step(c->scheduler, &(SchedEvent) { .kind    = SCHED_CANCEL,
                                                             .request = m->request,
                                                             .error   = &outcome });
        }
        return answer(c, m->request, r, &why, err);
}

/* Anybody's session ends, with all that it has. */
static int end_session(Conn *c, uint64_t number, Error *err) {
        Session *session = session_find(c->scheduler, number);

        if (!session || !conn_sees(c, session->user))
                return error_set(err, -ENOENT, "there is no session %llu", (unsigned long long) number);
        if (!may_cancel(c, session))
                return error_set(err, -EACCES, "session %llu is not yours", (unsigned long long) number);
        scheduler_log_session(session, EVENT_SESSION_ENDS, LOG_NOTICE, "session %llu of %s ends: %s wants it",
                              (unsigned long long) number, session->name, c->user[0] ? c->user : "the administrator");
        if (session->conn)
                conn_close(session->conn);
        session_end(session);
        return 0;
}

/* Whose names they are: owner_of() says it. */
static int control_name(Conn *c, const Wire_name *m, Error *err) {
        Error why = {};
        int r = m->what == NAME_REMOVE ? name_forget(c->scheduler, owner_of(c->local, c->uid, c->user), m->name, &why)
                                       : error_set(&why, ERROR_SUPPORT, "names are for those who have results");

        return answer(c, m->request, r, &why, err);
}

static int drain(Conn *c, const Wire_drain *m, Error *err) {
        Error why = {};
        int r     = may_cancel(c, NULL)
                            ? worker_drain_ask(c->scheduler, m, &why)
                            : error_set(&why, -EACCES,
                                        "root and the scheduler's own user may do this, or the token of the cluster");

        return answer(c, m->request, r, &why, err);
}

int control_hear(Conn *c, const WireMessage *m, Error *err) {
        Error why = {};
        int r;

        switch (m->kind) {
        case WIRE_IS_ASK:
                return ask(c, &m->ask, err);
        case WIRE_IS_CANCEL:
                if (m->cancel.session == 0)
                        return cancel(c, &m->cancel, err);
                r = end_session(c, m->cancel.session, &why);
                return answer(c, m->cancel.request, r, &why, err);
        case WIRE_IS_NAME:
                return control_name(c, &m->name, err);
        case WIRE_IS_DRAIN:
                return drain(c, &m->drain, err);
        default:
                return error_set(err, ERROR_CORRUPT, "%s is not for it to say", wire_name(m->kind));
        }
}
