/* SPDX-License-Identifier: Apache-2.0 */
/* mars-web in one loop with whoever asks and with a scheduler, which are this test: requests in pieces, without an end
 * and in strange forms; and those who go away in the middle, on either side. Clients come through pairs of sockets, so
 * sessions are carried and not handed over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/vec.h"
#include "daemons/web/web.h"
#include "harness.h"

#define HOST "Host: localhost:80\r\n"
#define TOKEN "Authorization: Bearer token\r\n"
#define ASK "GET /api/v1/workers HTTP/1.1\r\n" HOST
#define WIRE "GET /api/v1/wire HTTP/1.1\r\n" HOST TOKEN "Connection: Upgrade\r\nUpgrade: mars\r\n\r\n"

typedef enum Mood { WELCOMES, REFUSES, CLOSES, SILENT } Mood;

typedef struct Rig Rig;

/* Of the scheduler's. */
typedef struct End {
        Rig *rig;
        Link *link;
        bool said_hello;
} End;

struct Rig {
        sd_event *event;
        Web *web;
        char folder[64], address[128];
        const char *scheduler[1];
        int listening;
        Mood mood;
        Vec(End *) end;
        unsigned n_alive, n_closed;
};

static void nothing(int level _unused_, const char *text _unused_) {}

static int on_message(void *userdata, Link *link, const Frame *frame, const uint8_t *body, char *payload _unused_,
                      int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        End *end                            = userdata;
        WireMessage m;

        ck_assert_int_eq(link_hear(frame, body, fd, &arena, &m, err), 0);
        if (m.kind == WIRE_IS_ALIVE) { /* what a session says, and gets back */
                end->rig->n_alive++;
                return link_say(link, &m);
        }
        end->said_hello |= m.kind == WIRE_IS_HELLO;
        if (m.kind != WIRE_IS_HELLO || end->rig->mood == SILENT)
                return 0;
        if (end->rig->mood == CLOSES)
                return error_set(err, -EIO, "it goes");
        return link_say(
                link, end->rig->mood == WELCOMES
                              ? &(WireMessage) { WIRE_IS_WELCOME, .welcome = { .key = "" } }
                              : &(WireMessage) { WIRE_IS_REFUSED, .refused = { .code = -EACCES, .text = "not his" } });
}

static void on_closed(void *userdata, Link *link _unused_, const Error *why _unused_) {
        End *end = userdata;

        end->link = link_free(end->link);
        end->rig->n_closed++;
}

static int on_accept(sd_event_source *source, int listening, uint32_t revents _unused_, void *userdata) {
        static const LinkEvents events = { .message = on_message, .closed = on_closed };
        Rig *rig                       = userdata;
        End *end                       = calloc(1, sizeof(*end));

        end->rig = rig;
        ck_assert_int_eq(link_new(&end->link, sd_event_source_get_event(source), accept(listening, NULL, NULL), &events,
                                  end, NULL),
                         0);
        ck_assert_int_eq(vec_push(&rig->end, end), 0);
        return 0;
}

static Rig *rig_new(Mood mood) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        Rig *rig              = calloc(1, sizeof(*rig));

        snprintf(rig->folder, sizeof(rig->folder), "/tmp/mars-web-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(rig->folder));
        snprintf(at.sun_path, sizeof(at.sun_path), "%s/scheduler", rig->folder);
        snprintf(rig->address, sizeof(rig->address), "unix:%s", at.sun_path);
        rig->mood      = mood;
        rig->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(rig->listening, (struct sockaddr *) &at, sizeof(at)), 0);
        ck_assert_int_eq(listen(rig->listening, 64), 0);
        ck_assert_int_ge(sd_event_new(&rig->event), 0);
        ck_assert_int_ge(sd_event_add_io(rig->event, NULL, rig->listening, EPOLLIN, on_accept, rig), 0);
        rig->scheduler[0] = rig->address;
        ck_assert_int_eq(web_new(&rig->web, rig->event,
                                 &(WebConfig) { .scheduler = rig->scheduler, .n_schedulers = 1, .log = nothing }, NULL),
                         0);
        web_set_host(rig->web, "localhost:80");
        return rig;
}

static void rig_free(Rig *rig) {
        web_free(rig->web);
        for (uint32_t k = 0; k < rig->end.n; k++) {
                link_free(rig->end.data[k]->link);
                free(rig->end.data[k]);
        }
        vec_free(&rig->end);
        close(rig->listening);
        unlink(rig->address + strlen("unix:"));
        rmdir(rig->folder);
        sd_event_unref(rig->event);
        free(rig);
}

/* Somebody has come; his end. */
static int come(Rig *rig) {
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        web_accept(rig->web, pair[1]);
        return pair[0];
}

static void turn(Rig *rig) {
        ck_assert_int_ge(sd_event_run(rig->event, 10000000), 0);
}

static void turns(Rig *rig, unsigned n) {
        for (unsigned k = 0; k < n; k++)
                ck_assert_int_ge(sd_event_run(rig->event, 1000), 0);
}

/* All of it, as fast as it is taken. False: the other side has closed. */
static bool send_all(Rig *rig, int fd, const void *data, size_t n) {
        for (size_t at = 0; at < n;) {
                const ssize_t sent = send(fd, (const char *) data + at, n - at, MSG_NOSIGNAL);

                if (sent < 0 && errno != EAGAIN)
                        return false;
                at += sent > 0 ? (size_t) sent : 0;
                turns(rig, 1);
        }
        return true;
}

static void send_text(Rig *rig, int fd, const char *text) {
        ck_assert(send_all(rig, fd, text, strlen(text)));
}

/* The status of the answer, whose head is read; -1: the connection ended without one. */
static int status_of_answer(Rig *rig, int fd) {
        char text[8192];
        size_t n = 0;

        for (;;) {
                const ssize_t got = recv(fd, text + n, 1, 0); /* what comes behind the head is left */

                if (got == 0 || (got < 0 && errno != EAGAIN))
                        return -1;
                n += got > 0;
                ck_assert_uint_lt(n, sizeof(text));
                if (n >= 4 && memcmp(text + n - 4, "\r\n\r\n", 4) == 0)
                        break;
                if (got < 0)
                        turn(rig);
        }
        ck_assert_int_eq(memcmp(text, "HTTP/1.1 ", 9), 0);
        return atoi(text + 9);
}

static int asked(Rig *rig, const char *text) {
        const int fd = come(rig);
        int status;

        send_text(rig, fd, text);
        status = status_of_answer(rig, fd);
        close(fd);
        return status;
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

TEST(a_request_that_comes_byte_by_byte_is_answered) {
        static const char text[] = "GET /api/v1/health HTTP/1.1\r\n" HOST "\r\n";
        Rig *rig                 = rig_new(WELCOMES);
        const int fd             = come(rig);

        for (size_t k = 0; k + 1 < sizeof(text); k++) {
                ck_assert(send_all(rig, fd, text + k, 1));
                turns(rig, 2);
        }
        ck_assert_int_eq(status_of_answer(rig, fd), 200);
        close(fd);
        rig_free(rig);
}

TEST(two_requests_that_come_at_once_are_both_answered) {
        Rig *rig     = rig_new(WELCOMES);
        const int fd = come(rig);

        send_text(rig, fd,
                  "HEAD /api/v1/health HTTP/1.1\r\n" HOST "\r\n"
                  "HEAD /nothing HTTP/1.1\r\n" HOST "\r\n");
        ck_assert_int_eq(status_of_answer(rig, fd), 200);
        ck_assert_int_eq(status_of_answer(rig, fd), 404);
        close(fd);
        rig_free(rig);
}

TEST(a_body_that_does_not_end_is_refused_once_and_hurts_nobody) {
        static char piece[1 << 16];
        Rig *rig     = rig_new(WELCOMES);
        const int fd = come(rig);
        bool goes_on = true;

        memset(piece, 'x', sizeof(piece));
        send_text(rig, fd, "POST /api/v1/enter HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t sent = 0; goes_on && sent < 3 * MAX_BODY; sent += sizeof(piece))
                goes_on = send_all(rig, fd, "10000\r\n", 7) && send_all(rig, fd, piece, sizeof(piece)) &&
                          send_all(rig, fd, "\r\n", 2);
        ck_assert(goes_on && send_all(rig, fd, "0\r\n\r\n", 5));
        ck_assert_int_eq(status_of_answer(rig, fd), 413);
        close(fd);
        ck_assert_int_eq(asked(rig, "GET /api/v1/health HTTP/1.1\r\n" HOST "\r\n"), 200);
        rig_free(rig);
}

TEST(whoever_leaves_in_the_middle_of_a_request_leaves_nothing) {
        static const char text[] =
                "POST /api/v1/enter HTTP/1.1\r\n" HOST "Content-Length: 20\r\n\r\n{\"code\": \"012345678";
        Rig *rig = rig_new(WELCOMES);

        for (size_t n = 0; n < sizeof(text); n++) {
                const int fd = come(rig);

                ck_assert(send_all(rig, fd, text, n));
                turns(rig, 3);
                close(fd);
                for (unsigned k = 0; k < 100 && httpd_connections(rig->web->httpd) > 0; k++)
                        turns(rig, 1);
                ck_assert_uint_eq(httpd_connections(rig->web->httpd), 0);
        }
        rig_free(rig);
}

/* ---- The gate ---------------------------------------------------------------------------------------------------- */

TEST(forms_of_headers_have_their_status) {
        static const struct {
                const char *text;
                int status;
        } form[] = {
                { "GET /api/v1/health HTTP/1.1\r\n" HOST "\r\n", 200 },
                { "GET /api/v1/health HTTP/1.1\r\nhOST: LOCALHOST:80\r\n\r\n", 200 },
                { "GET /api/v1/health HTTP/1.1\r\n" HOST HOST "\r\n", 400 },
                { "GET /api/v1/health HTTP/1.1\r\n\r\n", 400 },
                { "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n", 421 },
                { "GET /api/v1/health HTTP/1.1\r\nHost: localhost:81\r\n\r\n", 421 },
                { "GET /api/v1/health HTTP/1.1\r\nHost: localhost.example:80\r\n\r\n", 421 },
                { "GET /api/v1/health HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200 },
                { "GET /api/v1/health HTTP/1.1\r\n" HOST "Origin: http://localhost:80\r\n\r\n", 200 },
                { "GET /api/v1/health HTTP/1.1\r\n" HOST "Origin: https://localhost:80\r\n\r\n", 403 },
                { "GET /api/v1/health HTTP/1.1\r\n" HOST "Origin: null\r\n\r\n", 403 },
                { "PUT /api/v1/health HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405 },
                { "POST /api/v1/enter HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", 415 },
                { "POST /api/v1/enter HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", 413 },
                { "POST /api/v1/enter HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400 },
                { ASK "\r\n", 401 },
                { ASK "Authorization: Basic dG9rZW4=\r\n\r\n", 401 },
                { ASK "Authorization: Bearer \r\n\r\n", 401 },
                { ASK "Cookie: mars=nothing\r\n\r\n", 401 },
                { "GET /api/v1/wire HTTP/1.1\r\n" HOST TOKEN "\r\n", 426 },
                { "GET /api/v1/wire HTTP/1.1\r\n" HOST TOKEN "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 426 },
                { "GET /api/v1/wire/99999999 HTTP/1.1\r\n" HOST TOKEN "Connection: Upgrade\r\nUpgrade: mars\r\n\r\n",
                  404 },
        };
        Rig *rig = rig_new(WELCOMES);

        for (size_t k = 0; k < ELEMENTSOF(form); k++) {
                const int status = asked(rig, form[k].text);

                ck_assert_msg(status == form[k].status, "%d, not %d: %s", status, form[k].status, form[k].text);
        }
        rig_free(rig);
}

TEST(what_the_scheduler_does_with_a_credential_is_told) {
        static const struct {
                Mood mood;
                int status;
        } case_[] = { { REFUSES, 401 }, { CLOSES, 503 }, { SILENT, 504 } };

        for (size_t k = 0; k < ELEMENTSOF(case_); k++) {
                Rig *rig = rig_new(case_[k].mood);

                ck_assert_int_eq(asked(rig, ASK TOKEN "\r\n"), case_[k].status);
                rig_free(rig);
        }
}

TEST(whoever_leaves_while_his_credential_is_looked_at_is_forgotten) {
        Rig *rig     = rig_new(SILENT);
        const int fd = come(rig);

        send_text(rig, fd, WIRE);
        while (rig->end.n == 0 || !rig->end.data[0]->said_hello)
                turn(rig);
        close(fd);
        turns(rig, 10);
        ck_assert_int_eq(link_say(rig->end.data[0]->link, &(WireMessage) { WIRE_IS_WELCOME, .welcome = { .key = "" } }),
                         0);
        turns(rig, 10);
        ck_assert_int_eq(asked(rig, "GET /api/v1/health HTTP/1.1\r\n" HOST "\r\n"), 200);
        rig_free(rig);
}

TEST(mars_web_stops_while_somebody_waits) {
        Rig *rig     = rig_new(SILENT);
        const int fd = come(rig);

        send_text(rig, fd, ASK TOKEN "\r\n");
        while (rig->end.n == 0 || !rig->end.data[0]->said_hello)
                turn(rig);
        rig_free(rig); /* and nothing is left, says AddressSanitizer */
        close(fd);
}

/* ---- Sessions ---------------------------------------------------------------------------------------------------- */

/* An ALIVE there, and back. */
static void say_alive(Rig *rig, int fd, bool in_pieces) {
        const WireMessage alive = { .kind = WIRE_IS_ALIVE };
        uint8_t bytes[256], back[256];
        Writer w = {};
        size_t n, got = 0;

        wire_encode(&alive, &w);
        n = FRAME_BYTES + w.bytes.n;
        ck_assert(w.r == 0 && n <= sizeof(bytes));
        frame_encode(&(Frame) { .kind = WIRE_IS_ALIVE, .body_bytes = w.bytes.n }, bytes);
        memcpy(bytes + FRAME_BYTES, w.bytes.data, w.bytes.n);
        vec_free(&w.bytes);
        for (size_t k = 0; k < n; k += in_pieces ? 1 : n)
                ck_assert(send_all(rig, fd, bytes + k, in_pieces ? 1 : n));
        while (got < n) {
                const ssize_t more = recv(fd, back + got, n - got, 0);

                ck_assert(more > 0 || (more < 0 && errno == EAGAIN));
                got += more > 0 ? (size_t) more : 0;
                if (more < 0)
                        turn(rig);
        }
        ck_assert_bytes_eq((char *) back, (char *) bytes, n);
}

static int session_begin(Rig *rig) {
        const int fd = come(rig);

        send_text(rig, fd, WIRE);
        ck_assert_int_eq(status_of_answer(rig, fd), 101);
        return fd;
}

TEST(a_session_is_carried_in_whatever_pieces_it_comes) {
        Rig *rig     = rig_new(WELCOMES);
        const int fd = session_begin(rig);

        say_alive(rig, fd, false);
        say_alive(rig, fd, true);
        ck_assert_uint_eq(rig->n_alive, 2);
        close(fd);
        rig_free(rig);
}

TEST(a_client_that_goes_in_the_middle_of_a_message_takes_his_daemons_link_with_him) {
        Rig *rig              = rig_new(WELCOMES);
        const int fd          = session_begin(rig);
        const unsigned before = rig->n_closed;

        say_alive(rig, fd, false);
        ck_assert(send_all(rig, fd, "half", 4));
        close(fd);
        while (rig->n_closed == before || rig->web->relay)
                turn(rig);
        ck_assert_uint_eq(rig->web->held_bytes, 0);
        rig_free(rig);
}

TEST(a_daemon_that_goes_takes_the_session_with_it) {
        Rig *rig     = rig_new(WELCOMES);
        const int fd = session_begin(rig);
        End *end;
        char any;

        say_alive(rig, fd, false);
        end       = rig->end.data[rig->end.n - 1];
        end->link = link_free(end->link);
        while (rig->web->relay)
                turn(rig);
        turns(rig, 5);
        ck_assert_int_eq(recv(fd, &any, 1, 0), 0);
        close(fd);
        rig_free(rig);
}

TEST(a_session_whose_daemon_cannot_be_reached_is_refused) {
        Rig *rig = rig_new(WELCOMES);
        int fd;

        close(session_begin(rig)); /* the token is known now, for some seconds */
        while (rig->web->relay)
                turn(rig);
        unlink(rig->address + strlen("unix:"));
        fd = come(rig);
        send_text(rig, fd, WIRE);
        ck_assert_int_eq(status_of_answer(rig, fd), 503);
        ck_assert_ptr_null(rig->web->relay);
        close(fd);
        rig_free(rig);
}
