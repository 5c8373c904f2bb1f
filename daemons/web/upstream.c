/* SPDX-License-Identifier: Apache-2.0 */
/* Links on which daemons are asked, one for each daemon and credential. They are made with the first question, and go
 * when nothing has been asked for a while. Questions are answered in their order; who does not answer in time is cut
 * off, and all that was asked of him fails. */
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
        MAX_UPSTREAMS = 128,              /* daemons that are asked at a time */
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
                return hear_answer(u, &m.answer, err);
        default:
                return 0;
        }
}

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        Upstream *u    = userdata;
        Error err      = *why;
        const bool may = !u->welcome && u->worker == SCHEDULER && ++u->attempt < u->feed->web->config.n_schedulers;

        u->link = link_free(u->link);
        if (may && upstream_connect(u, &err) == 0)
                return;
        upstream_end(u, &err);
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
        Upstream *u;
        uint32_t n = 0;
        int r;

        for (u = feed->upstream; u; u = u->next)
                n++;
        if (n >= MAX_UPSTREAMS)
                return error_set(err, -EBUSY, "%d daemons are asked already", MAX_UPSTREAMS);
        if (worker != SCHEDULER && !address)
                return error_set(err, -ENOENT, "there is no worker %u", worker);
        u = calloc(1, sizeof(*u));
        if (!u)
                return error_oom(err, sizeof(*u));
        *u = (Upstream) { .feed = feed, .next = feed->upstream, .worker = worker };
        snprintf(u->token, sizeof(u->token), "%s", token);
        feed->upstream = u;
        u->address     = address ? strdup(address) : NULL;
        r              = address && !u->address ? error_oom(err, strlen(address)) : upstream_connect(u, err);
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
        if (say(u, q) == 0)
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
        const Error idle = {};

        for (Upstream *u = feed->upstream, *next; u; u = next) {
                const bool is_late = u->question.n > 0 && now_usec - u->question.data[0].since_usec > ANSWER_USEC;

                next = u->next;
                if (!is_late && (u->question.n > 0 || now_usec - u->used_usec <= IDLE_USEC))
                        continue;
                upstream_end(u, is_late ? &late : &idle);
                next = feed->upstream; /* others may have gone, or come */
        }
}

void upstreams_free(Feed *feed) {
        while (feed->upstream)
                upstream_end(feed->upstream, &(Error) { .code = ERROR_CLOSED, .text = "mars-web ends" });
}
