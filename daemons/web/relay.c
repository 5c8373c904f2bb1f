/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions over http: a connection that was upgraded, and one of ours to the daemon that it is for. Ours begins with
 * VIA, so that the daemon believes nothing that it knows of us, and demands the token from whoever speaks through us.
 * It is there before the client is told that it has it.
 *
 * A daemon of this machine, at a unix socket, gets the client's connection itself, with VIA, and we are out of it: no
 * byte is copied twice. Else, and where TLS is between the client and us, bytes are carried (carry.h). */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemons/web/api.h"
#include "daemons/web/carry.h"
#include "io/socket.h"
#include "wire/wire.h"

enum { CONNECT_USEC = 5 * 1000 * 1000 };

struct Relay {
        Carrier carrier;
        Relay *next, *before;
        Web *web;
        Request *request;      /* until it is upgraded */
        WebPeer peer;          /* whose it is, for people */
        struct MHD_UpgradeResponseHandle *upgraded;
        Link *ask;             /* to the scheduler: where is the worker? */
        bool connecting;
        uint32_t attempt;      /* which of the scheduler's addresses */
        uint32_t worker;
        char address[256]; /* of that; "": not known */
        bool to_worker;
        sd_event_source *late, *io; /* of the connection to the daemon that is being made */
};

/* ---- The end ----------------------------------------------------------------------------------------------------- */

static void relay_free(Relay *relay) {
        *(relay->before ? &relay->before->next : &relay->web->relay) = relay->next;
        if (relay->next)
                relay->next->before = relay->before;
        sd_event_source_disable_unref(relay->io);
        sd_event_source_disable_unref(relay->late);
        link_free(relay->ask);
        if (relay->upgraded)
                relay->carrier.client.stream.fd = -1; /* it is the library's, which closes it */
        carrier_done(&relay->carrier);
        if (relay->upgraded)
                httpd_leave(relay->web->httpd, relay->upgraded);
        free(relay);
}

/* It has come to nothing: the client hears why. */
static void relay_refuse(Relay *relay, unsigned status, const char *words) {
        Request *request = TAKE_PTR(relay->request);

        relay_free(relay);
        request_refuse(request, status, "%s", words);
}

/* The client may leave between the answer and its way to him. */
void relay_forget(Request *request) {
        Relay *relay = request->web->relay;

        while (relay && relay->request != request)
                relay = relay->next;
        if (relay)
                relay_free(relay);
}

void relays_end(Web *web) {
        while (web->relay) {
                if (web->relay->request)
                        relay_refuse(web->relay, MHD_HTTP_SERVICE_UNAVAILABLE, "mars-web is stopping");
                else
                        relay_free(web->relay);
        }
}

/* ---- Beginning --------------------------------------------------------------------------------------------------- */

/* The bytes of VIA, with the client's connection or -1; 0: all of them are on their way. */
static int say_via(Relay *relay, int fd) {
        const WireMessage via = { WIRE_IS_VIA, .via.peer = relay->peer.text };
        uint8_t header[FRAME_BYTES];
        Writer w = {};
        struct iovec iov[2];
        ssize_t n;

        wire_encode(&via, &w);
        frame_encode(&(Frame) { .kind = WIRE_IS_VIA, .fd = fd >= 0, .body_bytes = (uint32_t) w.bytes.n }, header);
        iov[0] = (struct iovec) { header, sizeof(header) };
        iov[1] = (struct iovec) { w.bytes.data, w.bytes.n };
        n      = w.r < 0 ? w.r : stream_send(&relay->carrier.daemon.stream, iov, 2, fd);
        vec_free(&w.bytes);
        if (n < 0)
                return (int) n;
        return (size_t) n == sizeof(header) + iov[1].iov_len ? 0 : -EIO; /* a new socket has room for it */
}

static void on_ended(Carrier *carrier) {
        relay_free((Relay *) carrier);
}

/* TLS is between the client and us: what HTTP stood between it and our side goes. */
static void take_front(Relay *relay, int fd) {
        if (!front_take(relay->web, fd, &relay->carrier.client.stream))
                return;
        httpd_leave(relay->web->httpd, relay->upgraded);
        relay->upgraded = NULL;
}

/* Between the client and a daemon of this machine nothing is but us. */
static bool can_hand_over(const Relay *relay, int fd) {
        int family  = AF_UNIX;
        socklen_t n = sizeof(family);

        return relay->carrier.daemon.stream.family == AF_UNIX &&
               getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &n) == 0 && family != AF_UNIX;
}

static void on_upgraded(void *userdata, _unused_ struct MHD_Connection *connection, _unused_ void *context,
                        const char *extra, size_t n_extra, MHD_socket fd,
                        struct MHD_UpgradeResponseHandle *upgraded) {
        Relay *relay = userdata;
        bool hand_over;

        relay->request               = NULL;
        relay->upgraded              = upgraded;
        relay->late                  = sd_event_source_disable_unref(relay->late);
        relay->carrier.client.stream = (Stream) { .fd = fd, .family = AF_INET };
        hand_over                    = n_extra == 0 && can_hand_over(relay, fd);
        if (n_extra == 0 && !hand_over)
                take_front(relay, fd);
        if (say_via(relay, hand_over ? fd : -1) < 0 || hand_over || carrier_hold(&relay->carrier, extra, n_extra) < 0)
                relay_free(relay);
        else
                carrier_begin(&relay->carrier);
}

/* The daemon is there: the connection is the client's from now on. */
static void relay_upgrade(Relay *relay) {
        struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgraded, relay);

        if (!response || MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "mars") != MHD_YES) {
                if (response)
                        MHD_destroy_response(response);
                relay_refuse(relay, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
                return;
        }
        relay->io = sd_event_source_disable_unref(relay->io);
        request_respond(relay->request, MHD_HTTP_SWITCHING_PROTOCOLS, response);
}

static void relay_connect(Relay *relay, const char *address);

/* Nobody is there: the scheduler may be somewhere else. */
static void unreachable(Relay *relay, const Error *why) {
        const WebConfig *config = &relay->web->config;
        char words[MAX_ERROR_TEXT + 64];

        relay->io = sd_event_source_disable_unref(relay->io);
        stream_close(&relay->carrier.daemon.stream);
        if (!relay->to_worker && ++relay->attempt < config->n_schedulers) {
                relay_connect(relay, config->scheduler[relay->attempt]);
                return;
        }
        snprintf(words, sizeof(words), "the %s cannot be reached: %s", relay->to_worker ? "worker" : "scheduler",
                 why->text);
        relay_refuse(relay, MHD_HTTP_SERVICE_UNAVAILABLE, words);
}

static int on_connecting(sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        Relay *relay = userdata;
        socklen_t n  = sizeof(int);
        Error err    = {};
        int code = 0, r;

        if (relay->connecting && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0)
                code = errno;
        relay->connecting = false;
        r = code != 0 ? error_set(&err, -code, "%s", strerrordesc_np(code))
                      : stream_open(&relay->carrier.daemon.stream, &err);
        if (r > 0) {
                (void) sd_event_source_set_io_events(source, r == TLS_WANTS_OUTPUT ? EPOLLOUT : EPOLLIN);
                return 0;
        }
        if (r < 0)
                unreachable(relay, &err);
        else
                relay_upgrade(relay);
        return 0;
}

static int begin_connecting(Relay *relay, const char *text, Error *err) {
        Side *daemon = &relay->carrier.daemon;
        Address address;
        int fd, r;

        r = address_parse(text, &address, err);
        if (r < 0)
                return r;
        fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_set(err, -errno, "%s", strerrordesc_np(errno));
        daemon->stream = (Stream) { .fd = fd, .family = address.any.sa_family };
        r              = socket_prepare(fd, &address);
        if (r == 0 && connect(fd, &address.any, address.size_bytes) < 0 && errno != EINPROGRESS && errno != EINTR)
                r = -errno;
        relay->connecting = true;
        if (r >= 0)
                r = sd_event_add_io(relay->web->event, &relay->io, fd, EPOLLOUT, on_connecting, relay);
        if (r < 0)
                return error_set(err, r, "%s", strerrordesc_np(-r));
        return relay->web->config.tls && address.any.sa_family != AF_UNIX
                       ? tls_open(&daemon->stream.tls, relay->web->config.tls, fd, true, err)
                       : 0;
}

static void relay_connect(Relay *relay, const char *address) {
        Error err = {};

        if (begin_connecting(relay, address, &err) < 0)
                unreachable(relay, &err);
}

static int on_late(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Relay *relay = userdata;

        relay_refuse(relay, MHD_HTTP_GATEWAY_TIMEOUT, "the daemon does not answer");
        return 0;
}

/* ---- Where a worker is ------------------------------------------------------------------------------------------- */

/* The scheduler has said it before it answers (PEER): by the socket of this machine, if it is on it. */
static void located(Relay *relay) {
        relay->ask = link_free(relay->ask);
        if (relay->address[0])
                relay_connect(relay, relay->address);
        else
                relay_refuse(relay, MHD_HTTP_NOT_FOUND, "there is no such worker");
}

static int on_message(void *userdata, Link *link, const Frame *frame, const uint8_t *body, _unused_ char *payload,
                      int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Relay *relay                        = userdata;
        char what[32];
        WireMessage m;
        int r = link_hear(frame, body, fd, &arena, &m, err);

        if (r < 0)
                return r;
        snprintf(what, sizeof(what), "worker %u", relay->worker);
        if (m.kind == WIRE_IS_WELCOME && link_say(link, &(WireMessage) { WIRE_IS_ASK, .ask.what = what }) < 0)
                return error_oom(err, sizeof(what));
        if (m.kind == WIRE_IS_REFUSED)
                relay_refuse(relay, MHD_HTTP_UNAUTHORIZED, m.refused.text);
        else if (m.kind == WIRE_IS_PEER && m.peer.worker == relay->worker)
                snprintf(relay->address, sizeof(relay->address), "%s",
                         address_nearest(m.peer.address, m.peer.socket, m.peer.socket_identity));
        else if (m.kind == WIRE_IS_ANSWER)
                located(relay);
        return 0;
}

static void ask_where(Relay *relay);

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        Relay *relay = userdata;

        relay->ask = link_free(relay->ask);
        if (++relay->attempt < relay->web->config.n_schedulers)
                ask_where(relay);
        else
                relay_refuse(relay, MHD_HTTP_SERVICE_UNAVAILABLE, why->text);
}

static void ask_where(Relay *relay) {
        static const LinkEvents events = { .message = on_message, .closed = on_closed };
        Error err                      = {};

        if (web_connect(relay->web, &relay->ask, relay->attempt, relay->request->token, relay->peer.text, &events,
                        relay, &err) < 0)
                relay_refuse(relay, MHD_HTTP_SERVICE_UNAVAILABLE, err.text);
}

/* ---- Routes ------------------------------------------------------------------------------------------------------ */

static Relay *relay_new(Request *request) {
        Web *web           = request->web;
        const char *wanted = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_UPGRADE);
        Relay *relay;

        if (!wanted || strcasecmp(wanted, "mars") != 0 || request->body_bytes > 0) {
                request_refuse_with(request, MHD_HTTP_UPGRADE_REQUIRED, MHD_HTTP_HEADER_UPGRADE, "mars",
                                    "this is for sessions of Mars: Upgrade: mars");
                return NULL;
        }
        relay = calloc(1, sizeof(*relay));
        if (!relay) {
                request_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
                return NULL;
        }
        *relay = (Relay) { .carrier = { .web              = web,
                                        .client.stream.fd = -1,
                                        .daemon.stream.fd = -1,
                                        .ended            = on_ended },
                           .web     = web,
                           .request = request,
                           .peer    = request_peer(request),
                           .next    = web->relay };
        if (web->relay)
                web->relay->before = relay;
        web->relay = relay;
        if (sd_event_add_time_relative(web->event, &relay->late, CLOCK_MONOTONIC, CONNECT_USEC, 0, on_late, relay) <
            0) {
                relay_refuse(relay, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
                return NULL;
        }
        return relay;
}

void api_wire(Request *request) {
        Relay *relay = relay_new(request);

        if (relay)
                relay_connect(relay, relay->web->config.scheduler[0]);
}

void api_wire_worker(Request *request) {
        const size_t n_digits = strspn(request->id, "0123456789");
        Relay *relay;

        if (n_digits == 0 || n_digits > 5 || request->id[n_digits]) {
                request_refuse(request, MHD_HTTP_NOT_FOUND, "there is no such worker");
                return;
        }
        relay = relay_new(request);
        if (!relay)
                return;
        relay->worker    = (uint32_t) strtoul(request->id, NULL, 10);
        relay->to_worker = true;
        ask_where(relay);
}
