/* SPDX-License-Identifier: Apache-2.0 */
/* One link, one question at a time. Through a mars-web it is one that was handed over (io/http.h). */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "daemons/ctl/ctl.h"
#include "io/address.h"
#include "io/token.h"

enum { ANSWER_USEC = 10 * 1000 * 1000 }; /* a scheduler that is not stuck answers in a millisecond */

#define SCHEDULER_PATH "/api/v1/wire" /* behind mars-web; a worker is below it */

/* Where the packages put the scheduler, and where it listens to TCP without being told. */
static const char *const places[] = { "unix:/run/mars/scheduler.sock", "127.0.0.1:7103" };

static int on_message(void *userdata, _unused_ Link *link, const Frame *frame, const uint8_t *body,
                      _unused_ char *payload, int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Ctl *ctl                            = userdata;
        WireMessage m;
        int r;

        r = link_hear(frame, body, fd, &arena, &m, err);
        if (r < 0)
                return r;
        switch (m.kind) {
        case WIRE_IS_WELCOME:
                ctl->welcome = true;
                return 0;
        case WIRE_IS_REFUSED:
                ctl->refused = true;
                return error_set(err, m.refused.code < 0 ? m.refused.code : ERROR_VALUE, "%s", m.refused.text);
        case WIRE_IS_ANSWER:
                free(ctl->answer);
                ctl->answer   = strdup(m.answer.text);
                ctl->code     = m.answer.code;
                ctl->answered = true;
                return ctl->answer ? 0 : error_oom(err, strlen(m.answer.text));
        case WIRE_IS_PEER:
                free(ctl->worker);
                ctl->worker        = strdup(address_nearest(m.peer.address, m.peer.socket, m.peer.socket_identity));
                ctl->worker_number = m.peer.worker;
                return ctl->worker ? 0 : error_oom(err, strlen(m.peer.address));
        case WIRE_IS_ALIVE:
                return 0;
        default:
                return error_set(err, ERROR_CORRUPT, "the %s says %s, which is not for marsctl", ctl->who,
                                 wire_name(m.kind));
        }
}

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        Ctl *ctl = userdata;

        error_set(&ctl->failure, why->code < 0 ? why->code : -ECONNRESET, "%s",
                  why->code < 0 ? why->text : "it has closed the connection");
        ctl->link = link_free(ctl->link);
}

static const LinkEvents events = { .message = on_message, .closed = on_closed };

/* ---- Waiting ---------------------------------------------------------------------------------------------------- */

/* Until *done, `usec` have gone by (-ETIMEDOUT), Ctrl-C (-EINTR) or the end of the link, whose error it returns. */
static int ctl_wait(Ctl *ctl, const bool *done, uint64_t usec, Error *err) {
        uint64_t now = 0, deadline;
        int r        = sd_event_now(ctl->event, CLOCK_MONOTONIC, &now);

        for (deadline = now + usec; r >= 0; r = sd_event_now(ctl->event, CLOCK_MONOTONIC, &now)) {
                if (*done)
                        return 0;
                if (ctl->failure.code < 0)
                        return error_set(err, ctl->failure.code, "%s", ctl->failure.text);
                if (ctl->stop)
                        return error_set(err, -EINTR, "interrupted");
                if (now >= deadline)
                        return error_set(err, -ETIMEDOUT, "no answer for %d s", ANSWER_USEC / 1000000);
                r = sd_event_run(ctl->event, deadline - now);
                if (r < 0)
                        break;
        }
        return error_prefix(err, r, "the loop");
}

int ctl_pause(Ctl *ctl, uint64_t usec, Error *err) {
        const int r = ctl_wait(ctl, &(bool) { false }, usec, err);

        if (r == -ETIMEDOUT && ctl->failure.code == 0)
                return 0;
        return error_prefix(err, r, "%s at %s", ctl->who, ctl->address);
}

static int on_stop(_unused_ sd_event_source *source, _unused_ const struct signalfd_siginfo *info, void *userdata) {
        Ctl *ctl = userdata;

        ctl->stop = true;
        return 0;
}

int ctl_catch_stop(Ctl *ctl, Error *err) {
        sigset_t stop;
        int r;

        sigemptyset(&stop);
        sigaddset(&stop, SIGINT);
        sigaddset(&stop, SIGTERM);
        r = sigprocmask(SIG_BLOCK, &stop, NULL) < 0 ? -errno : 0;
        if (r == 0)
                r = sd_event_add_signal(ctl->event, NULL, SIGINT, on_stop, ctl);
        if (r >= 0)
                r = sd_event_add_signal(ctl->event, NULL, SIGTERM, on_stop, ctl);
        return r < 0 ? error_prefix(err, r, "signals") : 0;
}

/* ---- Connecting ------------------------------------------------------------------------------------------------- */

/* `path`: what a web server is asked for, if there is one in between. */
static int ctl_connect(Ctl *ctl, const char *address, const char *path, Error *err) {
        const WireMessage hello = { WIRE_IS_HELLO, .hello = { .role    = WIRE_CONTROL,
                                                              .version = WIRE_VERSION,
                                                              .build   = MARS_BUILD,
                                                              .token   = ctl->token,
                                                              .name    = "marsctl",
                                                              .address = SAY_NO_ADDRESS } };
        int r;

        ctl->address = address;
        ctl->failure = (Error) {};
        if (http_is_url(address)) {
                r = ctl->http ? 0 : http_new(&ctl->http, address, ctl->token, err);
                if (r == 0)
                        r = link_connect(&ctl->link, ctl->event, http_address(ctl->http), &events, ctl, err);
                if (r == 0)
                        r = link_upgrade(ctl->link, ctl->http, path, err);
        } else {
                r = link_connect(&ctl->link, ctl->event, address, &events, ctl, err);
                if (r == 0)
                        r = link_secure(ctl->link, ctl->tls, err);
        }
        if (r < 0)
                return r;
        if (link_say(ctl->link, &hello) < 0)
                return error_oom(err, sizeof(hello));
        return ctl_wait(ctl, &ctl->welcome, ANSWER_USEC, err);
}

/* Why nobody answers at the address. */
static int unreachable(const Ctl *ctl, int code, Error *err) {
        const char *hint = "is mars-scheduler running?";

        if (ctl->refused)
                return error_prefix(err, code, "the scheduler at %s refuses", ctl->address);
        if (ctl->http) /* the link has the web server's words, or why there is none */
                return error_prefix(err, code, "cannot reach the scheduler through %s", ctl->address);
        if (code == -EACCES && strncmp(ctl->address, "unix:", 5) != 0) /* keys do not fit: the link says how */
                return code;
        if (code == -EACCES)
                hint = "are you root, or in the group of the socket?";
        /* A link's words name the address once more. */
        return code == -ETIMEDOUT || code == ERROR_CORRUPT
                       ? error_prefix(err, code, "cannot speak to the scheduler at %s", ctl->address)
                       : error_set(err, code, "cannot reach the scheduler at %s: %s; %s", ctl->address,
                                   strerrordesc_np(-code), hint);
}

int ctl_open(Ctl *ctl, Error *err) {
        int r = sd_event_new(&ctl->event);

        ctl->who = "scheduler";
        if (r < 0)
                return error_prefix(err, r, "the loop");
        r = token_find(&ctl->token, NULL, err);
        if (r >= 0)
                r = tls_new(&ctl->tls, NULL, TLS_CLIENT, err);
        if (r < 0)
                return r;
        if (ctl->place) {
                r = ctl_connect(ctl, ctl->place, SCHEDULER_PATH, err);
                if (r < 0 && !ctl->link && ctl->failure.code == 0) { /* it is no address */
                        error_prefix(err, r, "-s");
                        return CTL_USAGE;
                }
                return r < 0 ? unreachable(ctl, r, err) : 0;
        }
        for (size_t k = 0; k < ELEMENTSOF(places); k++) {
                Error why = {};

                r = ctl_connect(ctl, places[k], SCHEDULER_PATH, &why);
                if (r == 0)
                        return 0;
                ctl->link = link_free(ctl->link);
                if (k > 0 && (r == -ECONNREFUSED || r == -ENOENT)) /* nor there */
                        return error_set(err, r,
                                         "cannot reach the scheduler at %s or %s: %s; is mars-scheduler running?",
                                         places[0], places[k], strerrordesc_np(-r));
                if (r != -ECONNREFUSED && r != -ENOENT) {
                        *err = why;
                        return unreachable(ctl, r, err);
                }
        }
        return r;
}

int ctl_visit(Ctl *ctl, Error *err) {
        char path[64];
        int r;

        ctl->link    = link_free(ctl->link);
        ctl->who     = "worker";
        ctl->welcome = false;
        snprintf(path, sizeof(path), SCHEDULER_PATH "/%u", ctl->worker_number);
        r = ctl_connect(ctl, ctl->http ? ctl->address : ctl->worker ?: "", path, err);
        return r < 0 ? error_prefix(err, r, "worker at %s", ctl->address) : 0;
}

void ctl_done(Ctl *ctl) {
        ctl->link  = link_free(ctl->link);
        ctl->event = sd_event_unref(ctl->event);
        free(ctl->token);
        tls_unref(ctl->tls);
        http_unref(ctl->http);
        free(ctl->answer);
        free(ctl->worker);
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

static int ctl_say(Ctl *ctl, const WireMessage *m, Error *err) {
        int r;

        ctl->answered = false;
        if (ctl->link && link_say(ctl->link, m) < 0)
                return error_oom(err, sizeof(*m));
        r = ctl_wait(ctl, &ctl->answered, ANSWER_USEC, err);
        if (r < 0)
                return error_prefix(err, r, "%s at %s", ctl->who, ctl->address);
        return ctl->code < 0 ? error_set(err, ctl->code, "%s", ctl->answer) : 0;
}

int ctl_ask(Ctl *ctl, const char *what, const char **ret, Error *err) {
        int r = ctl_say(ctl, &(WireMessage) { WIRE_IS_ASK, .ask = { .what = what } }, err);

        *ret = ctl->answer;
        return r;
}

int ctl_drain(Ctl *ctl, uint32_t worker, WireDrain how, Error *err) {
        return ctl_say(ctl, &(WireMessage) { WIRE_IS_DRAIN, .drain = { .worker = worker, .how = how } }, err);
}

int ctl_cancel(Ctl *ctl, uint64_t request, Error *err) {
        return ctl_say(ctl, &(WireMessage) { WIRE_IS_CANCEL, .cancel = { .request = request } }, err);
}
