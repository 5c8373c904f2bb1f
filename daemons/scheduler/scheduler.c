/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "daemons/events.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/service.h"

enum {
        TICKS        = 10,              /* looks at the clock, a heartbeat: progress is told as often */
        RESTORE_USEC = 3 * 1000 * 1000, /* that workers have to come back before work goes on without them */
};

uint64_t scheduler_clock(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

uint64_t scheduler_now(const Scheduler *s) {
        return patience_now(&s->patience, &s->limits, scheduler_clock());
}

/* ---- The machine ------------------------------------------------------------------------------------------------ */

void scheduler_fail(Scheduler *s, const char *why) {
        if (s->failure < 0)
                return;
        s->failure = -EIO;
        scheduler_log(s, LOG_CRIT, "%s", why);
        sd_event_exit(s->event, EXIT_FAILURE);
}

/* What comes of it is written down as a whole. */
void scheduler_step(Scheduler *s, const SchedEvent *event) {
        SchedEvent now = *event;
        int r;

        now.usec = scheduler_now(s);
        if (s->journal)
                journal_hold(s->journal, true);
        r = sched_step(s->sched, &now, &s->actions);
        if (r == 0)
                r = scheduler_carry_out(s);
        sched_actions_clear(&s->actions);
        if (s->journal)
                journal_hold(s->journal, false);
        if (r < 0)
                scheduler_fail(s, "out of memory: the scheduler cannot go on");
}

/* ---- Connections ------------------------------------------------------------------------------------------------ */

void conn_close(Conn *c) {
        Scheduler *s = c->scheduler;

        if (c->before)
                c->before->next = c->next;
        else
                s->conns = c->next;
        if (c->next)
                c->next->before = c->before;
        c->link = link_free(c->link);
        if (c->session)
                session_leave(c);
        else if (c->member)
                worker_gone(c);
        map_done(&c->knows);
        free(c->name);
        free(c);
}

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        Conn *c                  = userdata;
        const char *const words  = why->code < 0 ? why->text : "";
        const bool worth_a_line  = c->kind == CONN_WORKER || c->session || why->code < 0; /* who looks comes and goes */

        if (c->member && c->member->bye)
                scheduler_log_worker(c->scheduler, c->member->number, EVENT_WORKER_GONE, LOG_INFO,
                                     "worker %u, %s (%s) has ended, as it was told to", c->member->number,
                                     c->name ?: "", c->peer);
        else if (worth_a_line && c->member)
                scheduler_log_worker(c->scheduler, c->member->number, EVENT_WORKER_GONE, LOG_WARNING,
                                     "worker %u, %s (%s) is gone%s%s", c->member->number, c->name ?: "", c->peer,
                                     why->code < 0 ? ": " : "", words);
        else if (worth_a_line && c->session)
                scheduler_log_session(c->session, NULL, LOG_INFO, "client %s (%s) is gone%s%s", c->name ?: "", c->peer,
                                      why->code < 0 ? ": " : "", words);
        else if (worth_a_line)
                scheduler_log(c->scheduler, LOG_INFO, "connection %s (%s) is gone%s%s", c->name ?: "", c->peer,
                              why->code < 0 ? ": " : "", words);
        if (c->member)
                c->member->broke = why->code == 0 || why->code == -ECONNRESET;
        conn_close(c);
}

/* ---- HELLO ------------------------------------------------------------------------------------------------------- */

static int refuse(Conn *c, Error *err) {
        const WireMessage m = { WIRE_IS_REFUSED, .refused = { err->code, err->text } };

        if (link_say(c->link, &m) == 0)
                link_flush(c->link);
        return err->code;
}

static int hello(Conn *c, const Wire_hello *m, Error *err) {
        Scheduler *s = c->scheduler;
        int r        = 0;

        c->name = strdup(m->name);
        if (!c->name)
                return error_oom(err, strlen(m->name));
        r = link_let_in(c->link, m, s->config.token, s->config.withdrawn, "scheduler", c->user, err);
        if (r < 0)
                return refuse(c, err);
        if (m->role == WIRE_WORKER)
                r = worker_check(s, m, err);
        else if (m->role == WIRE_CLIENT)
                r = session_begin(c, m, err);
        else if (m->role == WIRE_CONTROL)
                c->kind = CONN_CONTROL;
        else
                r = error_set(err, ERROR_VALUE, "nobody is of kind %u", m->role);
        if (r < 0)
                return refuse(c, err);
        if (m->role == WIRE_WORKER)
                return worker_join(c, m, err);
        if (m->role == WIRE_CONTROL &&
            link_say(c->link,
                     &(WireMessage) { WIRE_IS_WELCOME,
                                      .welcome = { .epoch = s->epoch, .version = MARS_BUILD, .user = c->user } }) < 0)
                return error_oom(err, sizeof(*m));
        return 0;
}

static Session *session_of_withdrawn(const Scheduler *s) {
        Session *session = s->sessions;

        while (session && !token_withdrawn(s->config.withdrawn, session->user))
                session = session->next;
        return session;
}

void scheduler_withdraw(Scheduler *s, const char *users) {
        const WireMessage said = { WIRE_IS_WITHDRAW, .withdraw = { .users = users } };
        Session *session;

        s->config.withdrawn = users;
        while ((session = session_of_withdrawn(s))) {
                scheduler_log_session(session, EVENT_SESSION_ENDS, LOG_NOTICE,
                                      "session %llu of %s ends: the token of %s was taken back",
                                      (unsigned long long) session->number, session->name, session->user);
                if (session->conn)
                        conn_close(session->conn);
                session_end(session);
        }
        for (Conn *c = s->conns, *next; c; c = next) {
                next = c->next;
                if (token_withdrawn(users, c->user))
                        conn_close(c);
                else if (c->member && link_say(c->link, &said) < 0)
                        scheduler_log_worker(s, c->member->number, NULL, LOG_WARNING,
                                             "out of memory: worker %u does not hear whose tokens were taken back",
                                             c->member->number);
        }
}

/* Whoever it is, he comes from elsewhere: what we know of the relay is nothing that he may. */
static int via(Conn *c, const Wire_via *m, int fd, Error *err) {
        LinkPeer peer = {};
        int r         = link_hear_via(c->link, m, fd, err);

        c->local = false;
        c->uid   = (uid_t) -1;
        c->pid   = 0;
        if (link_peer(c->link, &peer) == 0)
                memcpy(c->peer, peer.text, sizeof(c->peer));
        return r;
}

/* fd: what came with it, or -1. */
static int hear(Conn *c, const WireMessage *m, Arena *arena, int fd, Error *err) {
        c->heard_usec = scheduler_now(c->scheduler);
        switch (c->kind) {
        case CONN_NEW:
                return m->kind == WIRE_IS_HELLO ? hello(c, &m->hello, err)
                       : m->kind == WIRE_IS_VIA ? via(c, &m->via, fd, err)
                                               : error_set(err, ERROR_CORRUPT, "%s before HELLO", wire_name(m->kind));
        case CONN_WORKER:
                return worker_hear(c, m, err);
        case CONN_CLIENT:
                return c->session ? client_hear(c, m, arena, err) : 0; /* after BYE nothing is said */
        case CONN_CONTROL:
                return control_hear(c, m, err);
        }
        return 0;
}

static int on_message(void *userdata, _unused_ Link *link, const Frame *frame, const uint8_t *body,
                      _unused_ char *payload, int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        WireMessage m;
        int r = link_hear(frame, body, -1, &arena, &m, err);

        if (r == 0)
                r = hear(userdata, &m, arena, fd, err);
        if (fd >= 0)
                close(fd);
        return r;
}

static const LinkEvents events = { .message = on_message, .closed = on_closed };

void scheduler_accept(void *userdata, int fd) {
        Scheduler *s = userdata;
        Conn *c      = calloc(1, sizeof(*c));
        LinkPeer peer = {};
        Error err = {};

        if (!c) {
                close(fd);
                return;
        }
        c->scheduler  = s;
        c->heard_usec = scheduler_now(s);
        if (link_accept(&c->link, s->event, fd, &s->door, &events, c, &err) < 0) {
                scheduler_log(s, LOG_WARNING, "a connection could not be accepted: %s", err.text);
                free(c);
                return;
        }
        if (link_peer(c->link, &peer) == 0)
                memcpy(c->peer, peer.text, sizeof(c->peer));
        c->local = peer.local;
        c->uid   = peer.uid;
        c->pid   = peer.pid;
        c->next  = s->conns;
        if (s->conns)
                s->conns->before = c;
        s->conns = c;
}

/* ---- Time ------------------------------------------------------------------------------------------------------- */

static void tell_progress(Scheduler *s) {
        uint64_t cache_bytes;
        uint32_t n_threads;

        cluster_size(s, &cache_bytes, &n_threads);
        for (uint32_t k = 0; k < s->asked.capacity; k++) {
                Asked *a               = (Asked *) (uintptr_t) s->asked.entry[k].value;
                const Session *session = a ? a->session : NULL;
                WireMessage m          = { .kind = WIRE_IS_PROGRESS };

                if (!session || !session->conn || session->book.silent)
                        continue;
                m.progress.request = a->request;
                if (!sched_progress(s->sched, a->id, &m.progress.n_done, &m.progress.n_total) ||
                    (m.progress.n_done == a->n_told && a->told_none == (n_threads == 0)))
                        continue;
                m.progress.no_worker = n_threads == 0;
                a->told_none         = n_threads == 0;
                a->n_told            = m.progress.n_done;
                a->n_total           = m.progress.n_total;
                if (link_say(session->conn->link, &m) < 0)
                        scheduler_log(s, LOG_WARNING, "out of memory");
        }
}

static void machine_tick(Scheduler *s) {
        const bool apart = sched_any_apart(s->sched);

        if (!sched_ticks(s->sched))
                return;
        scheduler_step(s, &(SchedEvent) { .kind = SCHED_TICK });
        if (apart && !sched_any_apart(s->sched))
                scheduler_log(s, LOG_INFO, "workers that did not reach each other try it again when they need to");
}

/* They may change while it runs. */
static void limits_set(Scheduler *s) {
        s->limits = (PatienceLimits) { .look_usec    = s->config.heartbeat_usec,
                                       .dead_usec    = s->config.dead_usec,
                                       .suspect_usec = s->config.suspect_usec,
                                       .doubt_usec   = 2 * s->config.heartbeat_usec,
                                       .lease_usec   = s->config.lease_usec,
                                       .restore_usec = RESTORE_USEC };
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        Scheduler *s = userdata;

        limits_set(s);
        patience_look(&s->patience, &s->limits, scheduler_clock());
        for (Conn *c = s->conns, *next; c; c = next) {
                Error why = {};

                next = c->next;
                if (c->kind == CONN_CLIENT || c->kind == CONN_CONTROL ||
                    !link_is_dead(&s->patience, &s->limits, c->heard_usec))
                        continue;
                error_set(&why, -ETIMEDOUT, "nothing was heard of it for %.0f s",
                          (double) (s->patience.own_usec - c->heard_usec) / 1e6);
                on_closed(c, c->link, &why);
                next = s->conns; /* others may have gone, too */
        }
        sessions_tick(s);
        workers_tick(s);
        restore_tick(s);
        machine_tick(s);
        tell_progress(s);
        past_tick(s);
        return sd_event_source_set_time(source, usec + s->config.heartbeat_usec / TICKS) < 0
                       ? -EIO
                       : sd_event_source_set_enabled(source, SD_EVENT_ON);
}

int scheduler_new(Scheduler **ret, sd_event *event, const SchedulerConfig *config,
                  void (*log)(int level, const LineAbout *about, const char *text), Error *err) {
        _cleanup_(scheduler_freep) Scheduler *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return error_oom(err, sizeof(*s));
        s->config     = *config;
        s->event      = sd_event_ref(event);
        s->door.tls   = tls_ref(config->tls);
        service_distrust(&s->door);
        s->log        = log;
        s->began_usec = scheduler_clock();
        limits_set(s);
        patience_look(&s->patience, &s->limits, s->began_usec);
        if (past_begin(s) < 0 || sched_new(&s->sched, false, plan_make) < 0 ||
            sd_event_add_time_relative(event, &s->tick, CLOCK_MONOTONIC, config->heartbeat_usec / TICKS, 0, on_tick,
                                       s) < 0 ||
            sd_event_source_set_enabled(s->tick, SD_EVENT_ON) < 0)
                return error_oom(err, sizeof(*s));
        sched_strict(s->sched, config->strict_verify);
        r = scheduler_remember(s, err);
        if (r == 0 && s->failure < 0)
                r = error_oom(err, sizeof(*s));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Scheduler *scheduler_free(Scheduler *s) {
        if (!s)
                return NULL;
        while (s->conns)
                conn_close(s->conns);
        scheduler_forget(s); /* what is let go from here on is there for the next one */
        while (s->sessions)
                session_end(s->sessions);
        workers_free(s);
        for (uint32_t k = 0; k < s->name.n; k++)
                free(s->name.data[k].text);
        while (s->awaited.n > 0)
                free(vec_pop(&s->awaited));
        vec_free(&s->name);
        vec_free(&s->awaited);
        map_done(&s->giver);
        for (uint32_t k = 0; k < s->wanted.capacity; k++)
                free((Wanted *) (uintptr_t) s->wanted.entry[k].value);
        map_done(&s->wanted);
        for (uint32_t k = 0; k < s->asked.capacity; k++)
                asked_free((Asked *) (uintptr_t) s->asked.entry[k].value);
        map_done(&s->asked);
        sd_event_source_disable_unref(s->tick);
        tls_unref(s->door.tls);
        sched_free(s->sched);
        sched_actions_done(&s->actions);
        sd_event_unref(s->event);
        past_end(s);
        free(s);
        return NULL;
}
