/* SPDX-License-Identifier: Apache-2.0 */
/* mars-web, and somebody who sends it the input, over one connection, in as many pieces as its first byte says. The
 * library reads requests; what we make of them is everything behind it: Host and Origin, paths, arguments, cookies,
 * bodies, the questions that the scheduler is asked, and what is handed over. The scheduler is one that lets in whoever
 * says TOKEN, and has few answers.
 *
 * Whatever it is: mars-web goes on, what it says is HTTP, and who has not shown the token gets no cookie, no
 * connection, and nothing done. An honest client beside him is answered. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemons/web/web.h"
#include "io/say.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKEN "the-token-of-this-target"
#define HOST "127.0.0.1:7104"

enum { TURNS = 400, MAX_CONNS = 64, MAX_SAID = 1 << 20 };

static void must(bool truth) {
        if (!truth)
                abort();
}

/* ---- The scheduler ----------------------------------------------------------------------------------------------- */

typedef struct Scheduler {
        sd_event *event;
        Listener *listener;
        Door door;
        Link *conn[MAX_CONNS]; /* that have come so far */
        unsigned n_conns, n_done;
} Scheduler;

/* Of the questions whose answers are looked into. */
static const char *answer_to(const char *what) {
        static const struct {
                const char *word, *answer;
        } known[] = {
                { "requests", "[{\"request\": 2, \"session\": 1, \"state\": \"running\", \"tasks\": 3}]" },
                { "recent", "[{\"request\": 1, \"session\": 1, \"state\": \"canceled\", \"tasks\": 3}]" },
                { "sessions", "[{\"session\": 1, \"name\": \"somebody\"}]" },
                { "workers", "[]" },
                { "tensors", "[]" },
        };

        for (size_t k = 0; k < ELEMENTSOF(known); k++)
                if (strncmp(what, known[k].word, strlen(known[k].word)) == 0)
                        return known[k].answer;
        return "{}";
}

static int hear(Scheduler *s, Link *link, const WireMessage *m, int fd, Error *err) {
        char user[TOKEN_USER_MAX];

        switch (m->kind) {
        case WIRE_IS_VIA:
                return link_hear_via(link, &m->via, fd, err);
        case WIRE_IS_HELLO:
                return link_let_in(link, &m->hello, TOKEN, NULL, "scheduler", user, err) < 0
                               ? err->code
                               : link_say(link,
                                          &(WireMessage) { WIRE_IS_WELCOME, .welcome = { .version = MARS_BUILD } });
        case WIRE_IS_ASK:
                return link_say(link, &(WireMessage) { WIRE_IS_ANSWER,
                                                       .answer = { .request = m->ask.request,
                                                                   .text    = answer_to(m->ask.what) } });
        case WIRE_IS_CANCEL:
        case WIRE_IS_DRAIN:
        case WIRE_IS_NAME:
                s->n_done++;
                return 0;
        default:
                return 0;
        }
}

static int on_message(void *userdata, Link *link, const Frame *frame, const uint8_t *body, char *payload _unused_,
                      int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        WireMessage m;
        int r = link_hear(frame, body, -1, &arena, &m, err);

        if (r == 0)
                r = hear(userdata, link, &m, fd, err);
        if (r < 0 && link_say(link, &(WireMessage) { WIRE_IS_REFUSED, .refused = { r, err->text } }) == 0)
                link_flush(link);
        if (fd >= 0)
                close(fd);
        return r;
}

static void on_closed(void *userdata, Link *link, const Error *why _unused_) {
        Scheduler *s = userdata;

        for (unsigned k = 0; k < s->n_conns; k++)
                if (s->conn[k] == link)
                        s->conn[k] = link_free(link);
}

static void on_accepted(void *userdata, int fd) {
        static const LinkEvents events = { .message = on_message, .closed = on_closed };
        Scheduler *s                   = userdata;

        must(s->n_conns < MAX_CONNS);
        must(link_accept(&s->conn[s->n_conns++], s->event, fd, &s->door, &events, s, NULL) == 0);
}

/* ---- Clients ----------------------------------------------------------------------------------------------------- */

static void quiet(int level _unused_, const char *text) {
        must(text[0]);
}

static void turn(sd_event *event) {
        for (int k = 0; k < TURNS && sd_event_run(event, 0) > 0; k++)
                ;
}

/* What he hears; the text has an end. */
static size_t listen_to(int fd, char *to, size_t n) {
        ssize_t more;

        while (n < MAX_SAID - 1 && (more = recv(fd, to + n, MAX_SAID - 1 - n, MSG_DONTWAIT)) > 0)
                n += (size_t) more;
        to[n] = 0;
        return n;
}

static int come(Web *web) {
        int fd[2];

        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) == 0);
        web_accept(web, fd[1]);
        return fd[0];
}

static void honest(Web *web, sd_event *event, char *said) {
        static const char request[] = "GET /api/v1/health HTTP/1.1\r\nHost: " HOST "\r\n\r\n";
        const int fd                = come(web);

        must(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0);
        turn(event);
        listen_to(fd, said, 0);
        must(strncmp(said, "HTTP/1.1 200 ", 13) == 0);
        close(fd);
}

/* A thread connects for a download, and would have to be waited for. */
static bool is_download(const uint8_t *data, size_t size) {
        return memmem(data, size, "npy", 3) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static char said[MAX_SAID];
        char folder[] = "/tmp/fuzz-web-XXXXXX", address[sizeof(folder) + 16];
        const char *schedulers[] = { address };
        Scheduler s              = {};
        Web *web                 = NULL;
        const size_t n_pieces    = size > 0 ? 1 + data[0] % 8 : 1;
        size_t n                 = 0;
        int fd;

        if (size < 1 || size > 16 << 10 || is_download(data, size) || !mkdtemp(folder))
                return 0;
        snprintf(address, sizeof(address), "unix:%s/s", folder);
        setenv("MARS_TOKEN", TOKEN, true);
        must(sd_event_new(&s.event) >= 0);
        must(listener_new(&s.listener, s.event, address, 0600, on_accepted, &s, NULL) == 0);
        must(web_new(&web, s.event, &(WebConfig) { .scheduler = schedulers, .n_schedulers = 1, .log = quiet }, NULL) ==
             0);
        web_set_host(web, HOST);
        fd = come(web);
        for (size_t k = 0; k < n_pieces; k++) {
                const size_t from = 1 + (size - 1) * k / n_pieces, to = 1 + (size - 1) * (k + 1) / n_pieces;

                (void) send(fd, data + from, to - from, MSG_NOSIGNAL | MSG_DONTWAIT);
                turn(s.event);
                n = listen_to(fd, said, n);
        }
        must(n == 0 || strncmp(said, "HTTP/1.1 ", MIN(n, (size_t) 9)) == 0);
        if (!memmem(data, size, TOKEN, strlen(TOKEN)))
                must(!strstr(said, "Set-Cookie:") && !strstr(said, "HTTP/1.1 101") && s.n_done == 0);
        honest(web, s.event, said);
        close(fd);
        turn(s.event);
        web_free(web);
        for (unsigned k = 0; k < s.n_conns; k++)
                link_free(s.conn[k]);
        listener_free(s.listener);
        sd_event_unref(s.event);
        must(rmdir(folder) == 0);
        return 0;
}
