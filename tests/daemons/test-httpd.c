/* SPDX-License-Identifier: Apache-2.0 */
/* Guests: what becomes of those who are slow, who ask for too much at once, and who are too many. The server answers
 * everything with its path; a path that begins with /w waits for ever, and one that begins with /k makes him known. */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemons/httpd.h"
#include "harness.h"

enum { GUEST_USEC = 100 * 1000, MAX_GUESTS = 8, LARGE = 64 << 10 };

typedef struct Rig {
        sd_event *event;
        Httpd *httpd;
        struct MHD_Connection *waiting;
        unsigned n_completed;
} Rig;

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *url,
                                  const char *method _unused_, const char *version _unused_, const char *data _unused_,
                                  size_t *n_data, void **context) {
        Rig *rig = userdata;
        struct MHD_Response *response;
        enum MHD_Result r;

        if (!*context) {
                *context = (void *) (uintptr_t) url; /* not NULL: the headers are known */
                return MHD_YES;
        }
        *n_data = 0;
        if (url[1] == 'w' && !rig->waiting) {
                rig->waiting = connection;
                MHD_suspend_connection(connection);
                return MHD_YES;
        }
        if (url[1] == 'k')
                httpd_know(connection);
        response = MHD_create_response_from_buffer(strlen(url), (void *) (uintptr_t) url, MHD_RESPMEM_MUST_COPY);
        r        = MHD_queue_response(connection, MHD_HTTP_OK, response);
        MHD_destroy_response(response);
        return r;
}

static void on_completed(void *userdata, struct MHD_Connection *connection _unused_, void **context,
                         enum MHD_RequestTerminationCode how _unused_) {
        Rig *rig = userdata;

        *context = NULL;
        rig->n_completed++;
}

static void rig_begin(Rig *rig, uint64_t guest_usec) {
        ck_assert_int_ge(sd_event_new(&rig->event), 0);
        ck_assert_int_eq(httpd_new(&rig->httpd, rig->event,
                                   &(HttpdConfig) { .request         = on_request,
                                                    .completed       = on_completed,
                                                    .userdata        = rig,
                                                    .max_guests      = MAX_GUESTS,
                                                    .max_connections = 1000,
                                                    .guest_usec      = guest_usec },
                                   NULL),
                         0);
}

static void rig_end(Rig *rig) {
        if (rig->waiting)
                httpd_wake(rig->httpd, rig->waiting); /* the library insists */
        httpd_free(rig->httpd);
        sd_event_unref(rig->event);
}

static int come(Rig *rig) {
        const struct sockaddr at = { .sa_family = AF_UNIX };
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        httpd_add(rig->httpd, pair[1], &at, sizeof(at));
        return pair[0];
}

static void say(Rig *rig, int fd, const char *text) {
        for (size_t at = 0, n = strlen(text); at < n;) {
                const ssize_t sent = send(fd, text + at, n - at, MSG_NOSIGNAL);

                ck_assert(sent > 0 || errno == EAGAIN);
                at += sent > 0 ? (size_t) sent : 0;
                ck_assert_int_ge(sd_event_run(rig->event, 1000), 0);
        }
}

/* What he is told until the connection ends, or until what he has been told ends with `last`. */
static const char *told(Rig *rig, int fd, const char *last) {
        static char text[4096];
        size_t n = 0;

        text[0] = 0;
        for (;;) {
                const ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);

                if (got == 0 || (got < 0 && errno != EAGAIN))
                        return text;
                n += got > 0 ? (size_t) got : 0;
                text[n] = 0;
                if (last && n >= strlen(last) && strcmp(text + n - strlen(last), last) == 0)
                        return text;
                if (got < 0)
                        ck_assert_int_ge(sd_event_run(rig->event, UINT64_MAX), 0);
        }
}

static int status(const char *text) {
        int code = 0;

        return sscanf(text, "HTTP/1.1 %d ", &code) == 1 ? code : -1;
}

static uint64_t clock_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

TEST(whose_request_has_not_come_in_time_is_told_408_and_not_before) {
        static const char *const begun[] = { "G", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nA: " };

        for (size_t k = 0; k < ELEMENTSOF(begun); k++) {
                const uint64_t began = clock_usec();
                Rig rig              = {};
                int fd;

                rig_begin(&rig, GUEST_USEC);
                fd = come(&rig);
                say(&rig, fd, begun[k]);
                ck_assert_int_eq(status(told(&rig, fd, NULL)), 408);
                ck_assert_uint_ge(clock_usec() - began, GUEST_USEC);
                ck_assert_uint_eq(httpd_guests(rig.httpd), 0);
                close(fd);
                rig_end(&rig);
        }
}

TEST(who_sends_a_byte_now_and_then_has_no_more_time) {
        const uint64_t began = clock_usec();
        Rig rig              = {};
        int fd;

        rig_begin(&rig, GUEST_USEC);
        fd = come(&rig);
        say(&rig, fd, "GET /");
        for (uint64_t last = began; httpd_guests(rig.httpd) > 0;) {
                if (clock_usec() - last > GUEST_USEC / 20) {
                        last = clock_usec();
                        (void) send(fd, "a", 1, MSG_NOSIGNAL);
                }
                ck_assert_int_ge(sd_event_run(rig.event, 1000), 0);
        }
        ck_assert_uint_ge(clock_usec() - began, GUEST_USEC);
        ck_assert_int_eq(status(told(&rig, fd, NULL)), 408);
        close(fd);
        rig_end(&rig);
}

TEST(who_says_nothing_is_told_nothing) {
        Rig rig = {};
        int fd;

        rig_begin(&rig, GUEST_USEC);
        fd = come(&rig);
        ck_assert_str_eq(told(&rig, fd, NULL), "");
        close(fd);
        rig_end(&rig);
}

TEST(whose_answer_is_late_is_cut_off_with_nothing_in_the_middle_of_it) {
        Rig rig = {};
        int fd;

        rig_begin(&rig, GUEST_USEC);
        fd = come(&rig);
        say(&rig, fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        while (httpd_guests(rig.httpd) > 0)
                ck_assert_int_ge(sd_event_run(rig.event, UINT64_MAX), 0);
        ck_assert_str_eq(told(&rig, fd, NULL), "");
        close(fd);
        rig_end(&rig);
}

TEST(who_was_answered_and_begins_another_request_has_the_time_of_the_first) {
        Rig rig = {};
        int fd;

        rig_begin(&rig, GUEST_USEC);
        fd = come(&rig);
        say(&rig, fd, "GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
        ck_assert_int_eq(status(told(&rig, fd, "/one")), 200);
        ck_assert_uint_eq(rig.n_completed, 1);
        say(&rig, fd, "GET /two");
        ck_assert_int_eq(status(told(&rig, fd, NULL)), 408);
        close(fd);
        rig_end(&rig);
}

TEST(whoever_is_known_stays) {
        const uint64_t began = clock_usec();
        Rig rig              = {};
        int fd;

        rig_begin(&rig, GUEST_USEC);
        fd = come(&rig);
        say(&rig, fd, "GET /known HTTP/1.1\r\nHost: a\r\n\r\n");
        ck_assert_int_eq(status(told(&rig, fd, "/known")), 200);
        ck_assert_uint_eq(httpd_guests(rig.httpd), 0);
        while (clock_usec() - began < 2 * GUEST_USEC)
                ck_assert_int_ge(sd_event_run(rig.event, GUEST_USEC), 0);
        say(&rig, fd, "GET /more HTTP/1.1\r\nHost: a\r\n\r\n");
        ck_assert_int_eq(status(told(&rig, fd, "/more")), 200);
        ck_assert_uint_eq(httpd_connections(rig.httpd), 1);
        close(fd);
        rig_end(&rig);
}

TEST(of_too_many_guests_the_oldest_goes_and_nobody_else) {
        int fd[MAX_GUESTS + 1];
        Rig rig = {};

        rig_begin(&rig, HTTPD_GUEST_USEC);
        for (unsigned k = 0; k <= MAX_GUESTS; k++) {
                fd[k] = come(&rig);
                say(&rig, fd[k], "GET /");
        }
        ck_assert_str_eq(told(&rig, fd[0], NULL), "");
        ck_assert_uint_eq(httpd_guests(rig.httpd), MAX_GUESTS);
        for (unsigned k = 1; k <= MAX_GUESTS; k++) {
                say(&rig, fd[k], "x HTTP/1.1\r\nHost: a\r\n\r\n");
                ck_assert_int_eq(status(told(&rig, fd[k], "/x")), 200);
        }
        for (unsigned k = 0; k <= MAX_GUESTS; k++)
                close(fd[k]);
        rig_end(&rig);
}

TEST(headers_that_are_too_large_are_told_431_and_a_path_414) {
        char large[LARGE + 1], text[LARGE + 128];
        Rig rig = {};
        int fd;

        memset(large, 'a', LARGE);
        large[LARGE] = 0;
        rig_begin(&rig, HTTPD_GUEST_USEC);
        fd = come(&rig);
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nA: %s\r\n\r\n", large);
        say(&rig, fd, text);
        ck_assert_int_eq(status(told(&rig, fd, NULL)), 431);
        close(fd);
        fd = come(&rig);
        snprintf(text, sizeof(text), "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", large);
        say(&rig, fd, text);
        ck_assert_int_eq(status(told(&rig, fd, NULL)), 414);
        close(fd);
        fd = come(&rig); /* and nobody else is hurt */
        say(&rig, fd, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
        ck_assert_int_eq(status(told(&rig, fd, "/x")), 200);
        close(fd);
        rig_end(&rig);
}
