/* SPDX-License-Identifier: Apache-2.0 */
/* What stands before every answer, in this order, with the same words for whoever asks:
 *
 *      framing      a request whose length could be read in two ways is none, and its connection ends (400)
 *      Host         one of our names, exactly: a name that somebody else has pointed at us is not ours (421)
 *      route        what is not in the table is not there (404, 405)
 *      Origin       where a browser says on behalf of which page it asks, it is ours, exactly (403)
 *      credential   a token that the scheduler finds good, or a cookie that stands for one (401)
 *      whose        a user's token is for what is his own, or nobody's: the rest is the administrator's (403)
 *      rate         of whoever has one, from his host: more than that is a program that forgets to wait (429)
 *
 * We know no token ourselves. Who shows one is announced to the scheduler, on whose WELCOME he is let in; for some
 * seconds the same token is believed without asking again. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/hash.h"
#include "daemons/web/web.h"

enum {
        GOOD_USEC  = 10 * 1000 * 1000, /* how long a token is believed */
        CHECK_USEC = 5 * 1000 * 1000,  /* after which the scheduler has not answered */
        MAX_CHECKS = 64,               /* tokens that are known at a time */
        A_SECOND   = 200,              /* requests of one, */
        AT_ONCE    = 1000,             /* and after he was quiet: some dozens of pages that are opened together */
};

struct Check {
        Check *next;
        Web *web;
        Link *link;
        uint32_t attempt;      /* which of the scheduler's addresses */
        sd_event_source *late;
        bool good;
        uint64_t good_usec;    /* since when */
        char token[TOKEN_MAX], user[TOKEN_USER_MAX];
        Request *waiting;
};

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

static Check *check_free(Check *check) {
        Check **at = &check->web->check;

        while (*at && *at != check)
                at = &(*at)->next;
        if (*at) {
                *at = check->next;
                check->web->n_checks--;
        }
        link_free(check->link);
        sd_event_source_disable_unref(check->late);
        explicit_bzero(check->token, sizeof(check->token));
        free(check);
        return NULL;
}

/* Those who wait are told, and it is forgotten. */
static void check_refuse(Check *check, unsigned status, const char *words) {
        while (check->waiting) {
                Request *request = check->waiting;

                check->waiting = request->next_waiting;
                request_refuse(request, status, "%s", words);
        }
        check_free(check);
}

uint64_t request_who(const Request *request, const char *token) {
        WebPeer peer     = request_peer(request);
        const char *port = strrchr(peer.text, ':');
        const size_t n   = port ? (size_t) (port - peer.text) : strlen(peer.text);

        return hash_bytes(token, strlen(token), hash_bytes(peer.text, n, 0));
}

/* He is who he says. */
static void pass_on(Request *request, const Check *check) {
        uint64_t after;
        char seconds[16];

        if (!route_is_for(request->route, check->user)) {
                request_refuse(request, MHD_HTTP_FORBIDDEN,
                               "this is for the administrator, who has the token of the cluster");
                return;
        }
        after = rate_take(request->web->rate, request_who(request, check->token), now_usec());
        if (after == 0) {
                request_pass(request, check->token, check->user);
                return;
        }
        snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long) (after / 1000000 + 1));
        request_refuse_with(request, MHD_HTTP_TOO_MANY_REQUESTS, MHD_HTTP_HEADER_RETRY_AFTER, seconds,
                            "more than %d requests a second: wait in between", A_SECOND);
}

static void check_pass(Check *check) {
        check->good      = true;
        check->good_usec = now_usec();
        check->link      = link_free(check->link);
        check->late      = sd_event_source_disable_unref(check->late);
        while (check->waiting) {
                Request *request = check->waiting;

                check->waiting = request->next_waiting;
                pass_on(request, check);
        }
}

static int check_begin(Check *check, Error *err);

static int on_message(void *userdata, _unused_ Link *link, const Frame *frame, const uint8_t *body,
                      _unused_ char *payload, int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Check *check                        = userdata;
        WireMessage m;
        int r = link_hear(frame, body, fd, &arena, &m, err);

        if (r < 0)
                return r;
        if (m.kind == WIRE_IS_WELCOME) {
                snprintf(check->user, sizeof(check->user), "%s", m.welcome.user);
                check_pass(check);
        }
        if (m.kind == WIRE_IS_REFUSED)
                check_refuse(check, m.refused.code == -EACCES ? MHD_HTTP_UNAUTHORIZED : MHD_HTTP_BAD_GATEWAY,
                             m.refused.text);
        return 0;
}

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        Check *check = userdata;
        Error err    = *why;
        char words[MAX_ERROR_TEXT + 64];

        check->link = link_free(check->link);
        if (++check->attempt < check->web->config.n_schedulers && check_begin(check, &err) == 0)
                return;
        snprintf(words, sizeof(words), "the scheduler cannot be reached: %s", err.text);
        check_refuse(check, MHD_HTTP_SERVICE_UNAVAILABLE, words);
}

static int on_late(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        check_refuse(userdata, MHD_HTTP_GATEWAY_TIMEOUT, "the scheduler does not answer");
        return 0;
}

static const LinkEvents events = { .message = on_message, .closed = on_closed };

static int check_begin(Check *check, Error *err) {
        return web_connect(check->web, &check->link, check->attempt, check->token,
                           check->waiting ? request_peer(check->waiting).text : "", &events, check, err);
}

static Check *check_find(Web *web, const char *token) {
        for (Check *c = web->check; c; c = c->next)
                if (token_same(c->token, token))
                        return c;
        return NULL;
}

/* The one whose answer is the oldest makes room. */
static void check_make_room(Web *web) {
        Check *oldest = NULL;

        for (Check *c = web->check; c; c = c->next)
                if (c->good && (!oldest || c->good_usec < oldest->good_usec))
                        oldest = c;
        if (web->n_checks >= MAX_CHECKS && oldest)
                check_free(oldest);
}

static void check_token(Request *request, const char *token) {
        Web *web     = request->web;
        Check *check = check_find(web, token);
        Error err    = {};

        if (check && check->good && now_usec() - check->good_usec > GOOD_USEC)
                check = check_free(check);
        if (check && check->good) {
                pass_on(request, check);
                return;
        }
        if (check) {
                request->next_waiting = check->waiting;
                check->waiting        = request;
                return;
        }
        check_make_room(web);
        check = web->n_checks < MAX_CHECKS ? calloc(1, sizeof(*check)) : NULL;
        if (!check) {
                request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too many come at once: try again");
                return;
        }
        *check = (Check) { .web = web, .next = web->check, .waiting = request };
        snprintf(check->token, sizeof(check->token), "%s", token);
        web->check = check;
        web->n_checks++;
        if (sd_event_add_time_relative(web->event, &check->late, CLOCK_MONOTONIC, CHECK_USEC, 0, on_late, check) < 0 ||
            check_begin(check, &err) < 0)
                check_refuse(check, MHD_HTTP_SERVICE_UNAVAILABLE, err.text);
}

void gate_forget(Request *request) {
        for (Check *c = request->web->check; c; c = c->next)
                for (Request **at = &c->waiting; *at; at = &(*at)->next_waiting)
                        if (*at == request) {
                                *at = request->next_waiting;
                                return;
                        }
}

int gate_begin(Web *web, Error *err) {
        web->rate = calloc(1, sizeof(*web->rate));
        if (!web->rate)
                return error_oom(err, sizeof(*web->rate));
        web->rate->per_second = A_SECOND;
        web->rate->burst      = AT_ONCE;
        return 0;
}

void gate_end(Web *web) {
        while (web->check)
                check_refuse(web->check, MHD_HTTP_SERVICE_UNAVAILABLE, "mars-web is stopping");
}

/* ---- The gate ---------------------------------------------------------------------------------------------------- */

static const char *header(const Request *request, const char *name) {
        return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

typedef struct Framing {
        unsigned n_length, n_coding, n_host;
        bool broken;
} Framing;

static enum MHD_Result count_header(void *userdata, _unused_ enum MHD_ValueKind kind, const char *name,
                                    const char *value) {
        Framing *f = userdata;

        f->n_length += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
        f->n_coding += strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
        f->n_host += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
        for (const char *c = value ?: ""; *c; c++)
                f->broken |= iscntrl((unsigned char) *c) != 0 && *c != '\t';
        for (const char *c = name; *c; c++)
                f->broken |= !isgraph((unsigned char) *c) || *c == ':';
        return MHD_YES;
}

/* What two readers could understand differently. */
static bool is_framed(const Request *request) {
        const char *coding = header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING);
        Framing f          = {};

        (void) MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_header, &f);
        return !f.broken && f.n_length + f.n_coding <= 1 && f.n_host == 1 &&
               (!coding || strcasecmp(coding, "chunked") == 0);
}

/* What says so before it comes. */
static bool body_is_large(const Request *request) {
        const char *length = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

        return length && strtoull(length, NULL, 10) > MAX_BODY;
}

static bool host_is_ours(const Web *web, const char *host) {
        static const char *const loopback[] = { "localhost", "127.0.0.1", "[::1]" };
        const char *port                    = strrchr(host, ':');

        if (strcasecmp(host, web->host) == 0 || strcasecmp(host, web->config.public_host ?: web->host) == 0)
                return true;
        for (size_t k = 0; k < ELEMENTSOF(loopback) && port; k++)
                if ((size_t) (port - host) == strlen(loopback[k]) &&
                    strncasecmp(host, loopback[k], strlen(loopback[k])) == 0)
                        return strcmp(port + 1, web->port) == 0;
        return false;
}

/* Absent, or our own: of the page that the browser has from this host, or from the proxy before us. */
static bool origin_is_ours(const Request *request, const char *host) {
        const char *origin = header(request, MHD_HTTP_HEADER_ORIGIN), *scheme;
        const char *public = request->web->config.public_origin;

        if (!origin || (public && strcasecmp(origin, public) == 0))
                return true;
        scheme = request->web->config.https ? "https://" : "http://";
        return strncmp(origin, scheme, strlen(scheme)) == 0 && strcasecmp(origin + strlen(scheme), host) == 0;
}

static void refuse_route(Request *request, const char *allow) {
        if (allow[0])
                request_refuse_with(request, MHD_HTTP_METHOD_NOT_ALLOWED, MHD_HTTP_HEADER_ALLOW, allow,
                                    "this page knows %s", allow);
        else
                request_refuse(request, MHD_HTTP_NOT_FOUND, "there is no such page");
}

static void refuse_stranger(Request *request) {
        request_refuse(request, MHD_HTTP_UNAUTHORIZED,
                       "a credential is needed: Authorization: Bearer TOKEN (marsctl token says where it is), or the "
                       "link that marsctl web prints");
}

void gate_check(Request *request, const char *method, const char *path) {
        char allow[ALLOW_MAX], from_cookie[TOKEN_MAX];
        const char *host = header(request, MHD_HTTP_HEADER_HOST), *token;

        if (!is_framed(request)) {
                request_refuse(request, MHD_HTTP_BAD_REQUEST, "this is no request of HTTP/1.1");
                return;
        }
        if (!host_is_ours(request->web, host)) {
                request_refuse(request, MHD_HTTP_MISDIRECTED_REQUEST, "nothing here is called so");
                return;
        }
        request->route = route_find(method, path, request->ids, allow);
        if (!request->route) {
                refuse_route(request, allow);
                return;
        }
        if (header(request, MHD_HTTP_HEADER_CONTENT_ENCODING)) {
                request_refuse(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "bodies are taken as they are");
                return;
        }
        if (body_is_large(request)) {
                request_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "a body has %d bytes at most", MAX_BODY);
                return;
        }
        if (!origin_is_ours(request, host)) {
                request_refuse(request, MHD_HTTP_FORBIDDEN, "another page may not ask on behalf of its reader");
                return;
        }
        token = httpd_bearer(request->connection);
        if (!token) {
                token = login_token(request, from_cookie) ? from_cookie : NULL;
                /* A browser sends the cookie by itself, and the Origin with everything that could change something. */
                if (token && request->route->right == RIGHT_WRITE && !header(request, MHD_HTTP_HEADER_ORIGIN)) {
                        request_refuse(request, MHD_HTTP_FORBIDDEN, "with a cookie, the page that asks is to be named");
                        return;
                }
        }
        if (request->route->right == RIGHT_NONE)
                request_pass(request, NULL, NULL);
        else if (!token || !token[0] || strlen(token) >= TOKEN_MAX)
                refuse_stranger(request);
        else
                check_token(request, token);
}
