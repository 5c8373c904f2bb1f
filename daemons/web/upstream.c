/* SPDX-License-Identifier: Apache-2.0 */
/* Links on which daemons are asked, one for each daemon and credential. They are made with the first question, and go
 * when nothing has been asked for a while. Questions are answered in their order; who does not answer in time is cut
 * off, and all that was asked of him fails.
 *
 * There are so many links at a time. When there are as many, the one that has been asked nothing for longest goes; if
 * all of them are asked something, whoever is next waits for the first that is not, for as long as for an answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "daemons/web/feed.h"

enum {
        ANSWER_USEC   = 5 * 1000 * 1000,  /* then a daemon is taken for dead */
        IDLE_USEC     = 30 * 1000 * 1000, /* without a question */
        MAX_QUESTIONS = 256,              /* of one link, that are not answered yet */
        MAX_LINKS     = 128,              /* daemons that are asked at a time, */
        MAX_WAITING   = 1024,             /* and that wait to be */
};

typedef struct Question {
        WireKind kind; /* ASK, CANCEL, DRAIN, NAME */
        char *what;    /* of ASK, NAME */
        uint64_t request, session;
        uint32_t worker, how;
        uint64_t since_usec;
        Answered *answered;
        void *userdata;
} Question;

struct Upstream {
        Feed *feed;
        Upstream *next;
        uint32_t worker; /* or SCHEDULER */
        char *address;   /* of a worker */
        char token[TOKEN_MAX];
        Link *link;
        bool waits;       /* for a link: there are too many */
        uint32_t attempt; /* which of the scheduler's addresses */
        bool welcome;
        Vec(Question) question; /* oldest first */
        Map peers;              /* worker -> its address, as the scheduler says */
        uint64_t used_usec;
};

unsigned status_of(int code) {
        switch (code) {
        case 0:
                return MHD_HTTP_OK;
        case -ENOENT:
        case -ENOKEY:
                return MHD_HTTP_NOT_FOUND;
        case -EACCES:
                return MHD_HTTP_FORBIDDEN;
        case ERROR_VALUE:
                return MHD_HTTP_BAD_REQUEST;
        default:
                return MHD_HTTP_SERVICE_UNAVAILABLE;
        }
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void peers_clear(Upstream *u) {
        for (uint32_t k = 0; k < u->peers.capacity; k++)
                free((char *) (uintptr_t) u->peers.entry[k].value);
        map_done(&u->peers);
        u->peers = (Map) {};
}

/* All that was asked fails. Whoever hears of it may ask again, of another link. */
static void upstream_end(Upstream *u, const Error *why) {
        Upstream **at = &u->feed->upstream;

        while (*at != u)
                at = &(*at)->next;
        *at     = u->next;
        u->link = link_free(u->link);
        for (uint32_t k = 0; k < u->question.n; k++) {
                const Question *q = &u->question.data[k];

                u->feed->n_failed++;
                free(q->what);
                q->answered(q->userdata, why->code < 0 ? why->code : -ECONNRESET, why->text, 0);
        }
        vec_free(&u->question);
        peers_clear(u);
        explicit_bzero(u->token, sizeof(u->token));
        free(u->address);
        free(u);
}

static int say(Upstream *u, const Question *q) {
        WireMessage m = { .kind = q->kind };

        if (q->kind == WIRE_IS_ASK)
                m.ask.what = q->what;
        else if (q->kind == WIRE_IS_CANCEL)
                m.cancel = (Wire_cancel) { .request = q->request, .session = q->session };
        else if (q->kind == WIRE_IS_NAME)
                m.name = (Wire_name) { .what = q->how, .name = q->what };
        else
                m.drain = (Wire_drain) { .worker = q->worker, .how = q->how };
        return link_say(u->link, &m);
}

/* ---- Few at a time ----------------------------------------------------------------------------------------------- */

static uint32_t count(const Feed *feed, bool waits) {
        uint32_t n = 0;

        for (const Upstream *u = feed->upstream; u; u = u->next)
                n += u->waits == waits;
        return n;
}

/* Of those that are asked nothing, the one for longest; workers first: the scheduler has said where they are. His own
 * scheduler is needed for that. */
static Upstream *idle_find(const Feed *feed, const char *token) {
        Upstream *found = NULL;

        for (Upstream *u = feed->upstream; u; u = u->next) {
                const bool is_scheduler = u->worker == SCHEDULER;

                if (u->waits || u->question.n > 0 || (is_scheduler && strcmp(u->token, token) == 0))
                        continue;
                if (!found || (found->worker == SCHEDULER) > is_scheduler ||
                    ((found->worker == SCHEDULER) == is_scheduler && u->used_usec < found->used_usec))
                        found = u;
        }
        return found;
}

/* True: there is one link less than there may be. */
static bool room_make(Feed *feed, const char *token) {
        static const Error idle = {};
        Upstream *u             = NULL;

        if (count(feed, false) < MAX_LINKS)
                return true;
        u = idle_find(feed, token);
        if (u)
                upstream_end(u, &idle);
        return u != NULL;
}

/* The one that has waited for longest. */
static Upstream *waiting_find(const Feed *feed) {
        Upstream *found = NULL;

        for (Upstream *u = feed->upstream; u; u = u->next) /* the newest is first */
                if (u->waits)
                        found = u;
        return found;
}

static int upstream_connect(Upstream *u, Error *err);

/* Whoever waits has his turn, as far as there is room. */
static void waiting_go_on(Feed *feed) {
        Upstream *u;

        while ((u = waiting_find(feed)) && room_make(feed, u->token)) {
                Error err = {};

                u->waits = false;
                if (upstream_connect(u, &err) < 0)
                        upstream_end(u, &err);
        }
}

/* ---- Connecting -------------------------------------------------------------------------------------------------- */

static const LinkEvents upstream_events;

static int upstream_connect(Upstream *u, Error *err) {
        const char *address = u->address ?: u->feed->web->config.scheduler[u->attempt];
        int r = web_connect_to(u->feed->web, &u->link, address, u->token, "mars-web", &upstream_events, u, err);

        for (uint32_t k = 0; k < u->question.n && r == 0; k++)
                r = say(u, &u->question.data[k]) < 0 ? error_oom(err, sizeof(WireMessage)) : 0;
        return r;
}

/* ---- What is said ------------------------------------------------------------------------------------------------ */

static int hear_peer(Upstream *u, const Wire_peer *m, Error *err) {
        char *address;

        free((char *) (uintptr_t) map_remove(&u->peers, m->worker));
        if (!m->address[0])
                return 0; /* it is gone */
        address = strdup(address_nearest(m->address, m->socket, m->socket_identity));
        if (address && map_set(&u->peers, m->worker, (uintptr_t) address) == 0)
                return 0;
        free(address);
        return error_oom(err, strlen(m->address));
}

static int hear_answer(Upstream *u, const Wire_answer *m, Error *err) {
        Question q;

        if (u->question.n == 0)
                return error_set(err, ERROR_CORRUPT, "an answer to nothing");
        q = u->question.data[0];
        memmove(u->question.data, u->question.data + 1, --u->question.n * sizeof(q));
        free(q.what);
        u->feed->n_failed += m->code < 0;
        q.answered(q.userdata, m->code, m->text, m->cost_usec);
        return 0;
}

static int on_message(void *userdata, _unused_ Link *link, const Frame *frame, const uint8_t *body,
                      _unused_ char *payload, int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Upstream *u                         = userdata;
        Feed *feed;
        WireMessage m;
        int r = link_hear(frame, body, fd, &arena, &m, err);

        if (r < 0)
                return r;
        switch (m.kind) {
        case WIRE_IS_WELCOME:
                u->welcome = true;
                return 0;
        case WIRE_IS_REFUSED:
                return error_set(err, m.refused.code < 0 ? m.refused.code : -EACCES, "%s", m.refused.text);
        case WIRE_IS_PEER:
                return hear_peer(u, &m.peer, err);
        case WIRE_IS_ANSWER:
                feed = u->feed;
                r    = hear_answer(u, &m.answer, err);
                waiting_go_on(feed); /* perhaps this one ends */
                return r;
        default:
                return 0;
        }
}

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        Upstream *u    = userdata;
        Feed *feed     = u->feed;
        Error err      = *why;
        const bool may = !u->welcome && u->worker == SCHEDULER && ++u->attempt < u->feed->web->config.n_schedulers;

        u->link = link_free(u->link);
        if (may && upstream_connect(u, &err) == 0)
                return;
        upstream_end(u, &err);
        waiting_go_on(feed);
}

static const LinkEvents upstream_events = { .message = on_message, .closed = on_closed };

/* ---- Asking ------------------------------------------------------------------------------------------------------ */

static Upstream *upstream_find(const Feed *feed, const char *token, uint32_t worker) {
        Upstream *u = feed->upstream;

        while (u && (u->worker != worker || strcmp(u->token, token) != 0))
                u = u->next;
        return u;
}

static const char *worker_address(const Feed *feed, const char *token, uint32_t worker) {
        const Upstream *scheduler = upstream_find(feed, token, SCHEDULER);

        return scheduler ? (const char *) (uintptr_t) map_get(&scheduler->peers, worker) : NULL;
}

static int upstream_new(Feed *feed, const char *token, uint32_t worker, Upstream **ret, Error *err) {
        const char *address = worker == SCHEDULER ? NULL : worker_address(feed, token, worker);
        const bool waits    = waiting_find(feed) || !room_make(feed, token);
        Upstream *u;
        int r;

        if (waits && count(feed, true) >= MAX_WAITING)
                return error_set(err, -EBUSY, "%d daemons are asked already, and %d wait to be", MAX_LINKS,
                                 MAX_WAITING);
        if (worker != SCHEDULER && !address)
                return error_set(err, -ENOENT, "there is no worker %u", worker);
        u = calloc(1, sizeof(*u));
        if (!u)
                return error_oom(err, sizeof(*u));
        *u = (Upstream) { .feed = feed, .next = feed->upstream, .worker = worker, .waits = waits };
        snprintf(u->token, sizeof(u->token), "%s", token);
        feed->upstream = u;
        u->address     = address ? strdup(address) : NULL;
        r = address && !u->address ? error_oom(err, strlen(address)) : waits ? 0 : upstream_connect(u, err);
        if (r < 0)
                upstream_end(u, err);
        else
                *ret = u;
        return r;
}

static int ask(Feed *feed, const char *token, uint32_t worker, Question *q, Error *err) {
        const char *address = worker == SCHEDULER ? NULL : worker_address(feed, token, worker);
        Upstream *u         = upstream_find(feed, token, worker);
        int r               = 0;

        if (u && address && strcmp(address, u->address) != 0) { /* another process has its number now */
                upstream_end(u, &(Error) { .code = -ECONNRESET, .text = "the worker is gone" });
                u = NULL;
        }
        if (!u)
                r = upstream_new(feed, token, worker, &u, err);
        if (r < 0)
                return r;
        if (u->question.n >= MAX_QUESTIONS)
                return error_set(err, -EBUSY, "%d questions wait for an answer", MAX_QUESTIONS);
        if (vec_push(&u->question, *q) < 0)
                return error_oom(err, sizeof(*q));
        u->used_usec = q->since_usec;
        if (u->waits || say(u, q) == 0)
                return 0;
        u->question.n--;
        return error_oom(err, sizeof(WireMessage));
}

void upstream_say(Feed *feed, const char *token, uint32_t worker, const WireMessage *m, Answered *answered,
                  void *userdata) {
        Question q = { .kind = m->kind, .since_usec = feed_clock(), .answered = answered, .userdata = userdata };
        Error err  = {};
        int r      = 0;

        if (m->kind == WIRE_IS_CANCEL) {
                q.request = m->cancel.request;
                q.session = m->cancel.session;
        } else if (m->kind == WIRE_IS_DRAIN) {
                q.worker = m->drain.worker;
                q.how    = m->drain.how;
        } else {
                const char *what = m->kind == WIRE_IS_NAME ? m->name.name : m->ask.what;

                q.how  = m->kind == WIRE_IS_NAME ? m->name.what : 0;
                q.what = strdup(what);
                r      = q.what ? 0 : error_oom(&err, strlen(what));
        }
        feed->n_asked++;
        feed_wake(feed);
        if (r == 0)
                r = ask(feed, token, worker, &q, &err);
        if (r == 0)
                return;
        feed->n_failed++;
        free(q.what);
        answered(userdata, r, err.text, 0);
}

bool upstream_worker(const Feed *feed, const char *token, uint32_t *at, uint32_t *ret_worker) {
        const Upstream *u = upstream_find(feed, token, SCHEDULER);

        while (u && *at < u->peers.capacity) {
                const struct MapEntry *entry = &u->peers.entry[(*at)++];

                if (entry->value == 0)
                        continue;
                *ret_worker = (uint32_t) entry->key;
                return true;
        }
        return false;
}

/* ---- Time -------------------------------------------------------------------------------------------------------- */

void upstream_tick(Feed *feed, uint64_t now_usec) {
        const Error late = { .code = -ETIMEDOUT, .text = "it does not answer" };
        const Error busy = { .code = -EBUSY, .text = "too many daemons are asked already" };
        const Error idle = {};

        for (Upstream *u = feed->upstream, *next; u; u = next) {
                const bool is_late = u->question.n > 0 && now_usec - u->question.data[0].since_usec > ANSWER_USEC;

                next = u->next;
                if (!is_late && (u->question.n > 0 || now_usec - u->used_usec <= IDLE_USEC))
                        continue;
                upstream_end(u, !is_late ? &idle : u->waits ? &busy : &late);
                next = feed->upstream; /* others may have gone, or come */
        }
        waiting_go_on(feed);
}

void upstreams_free(Feed *feed) {
        while (feed->upstream)
                upstream_end(feed->upstream, &(Error) { .code = ERROR_CLOSED, .text = "mars-web ends" });
}
