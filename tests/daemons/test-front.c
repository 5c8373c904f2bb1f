/* SPDX-License-Identifier: Apache-2.0 */
/* Https before mars-web, in one loop with whoever comes: who leaves in the handshake, who stays in it for ever, and who
 * does not encrypt. Both sides have a key in place of a certificate, which is nothing to what is tested here. */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemons/web/web.h"
#include "harness.h"
#include "io/tls.h"

#define ASK "GET /api/v1/health HTTP/1.1\r\nHost: localhost:80\r\n\r\n"

typedef struct Rig {
        sd_event *event;
        Web *web;
        Tls *tls;         /* of clients */
        char said[65536]; /* by the last client, in the handshake: */
} Rig;

static void nothing(int level _unused_, const char *text _unused_) {}

static Tls *tls_of_tests(void) {
        char digits[2 * KEY_BYTES + 1];
        Tls *tls;
        Keys keys;

        memset(digits, '7', sizeof(digits) - 1);
        digits[sizeof(digits) - 1] = 0;
        ck_assert_int_eq(keys_parse(&keys, digits, "these tests", NULL), 0);
        ck_assert_int_eq(tls_new_keys(&tls, &keys, TLS_CLIENT, NULL), 0);
        return tls;
}

static void rig_begin(Rig *rig) {
        static const char *const nobody[] = { "unix:/nonexistent/scheduler" };

        rig->tls = tls_of_tests();
        ck_assert_int_ge(sd_event_new(&rig->event), 0);
        ck_assert_int_eq(
                web_new(&rig->web, rig->event,
                        &(WebConfig) {
                                .scheduler = nobody, .n_schedulers = 1, .https = tls_of_tests(), .log = nothing },
                        NULL),
                0);
        web_set_host(rig->web, "localhost:80");
}

static void rig_end(Rig *rig) {
        web_free(rig->web);
        tls_unref(rig->tls);
        sd_event_unref(rig->event);
}

static int come(Rig *rig) {
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        web_accept(rig->web, pair[1]);
        return pair[0];
}

static void turns(Rig *rig, unsigned n) {
        for (unsigned k = 0; k < n; k++)
                ck_assert_int_ge(sd_event_run(rig->event, 0), 0);
}

static void turns_until_closed(Rig *rig, int fd) {
        char text[256];

        for (;;) {
                const ssize_t n = recv(fd, text, sizeof(text), 0);

                if (n == 0 || (n < 0 && errno != EAGAIN))
                        return;
                if (n < 0)
                        ck_assert_int_ge(sd_event_run(rig->event, UINT64_MAX), 0);
        }
}

/* Shakes hands over fd; its side of TLS. */
static TlsConn *shaken(Rig *rig, int fd) {
        TlsConn *conn;

        ck_assert_int_eq(tls_open(&conn, rig->tls, fd, true, NULL), 0);
        for (;;) {
                const int r = tls_shake(conn, NULL);

                ck_assert_int_ge(r, 0);
                if (r == 0)
                        return conn;
                ck_assert_int_ge(sd_event_run(rig->event, 1000), 0);
        }
}

/* The status that is answered. */
static int asked(Rig *rig) {
        const int fd            = come(rig);
        TlsConn *conn           = shaken(rig, fd);
        const struct iovec text = { (void *) (uintptr_t) ASK, strlen(ASK) };
        char said[256]          = "";
        int status              = 0;
        ssize_t n;

        ck_assert_int_eq(tls_send(conn, &text, 1), (ssize_t) strlen(ASK));
        ck_assert_int_eq(tls_flush(conn), 0);
        while ((n = tls_receive(conn, said, sizeof(said) - 1, NULL)) == -EAGAIN)
                ck_assert_int_ge(sd_event_run(rig->event, 1000), 0);
        ck_assert_int_gt(n, 0);
        ck_assert_int_eq(sscanf(said, "HTTP/1.1 %d ", &status), 1);
        tls_close(conn);
        close(fd);
        return status;
}

/* The first message of a client's handshake, in *ret_n bytes. */
static void hello(Rig *rig, size_t *ret_n) {
        TlsConn *conn;
        int pair[2];
        ssize_t n;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        ck_assert_int_eq(tls_open(&conn, rig->tls, pair[0], true, NULL), 0);
        ck_assert_int_eq(tls_shake(conn, NULL), TLS_WANTS_INPUT);
        n = recv(pair[1], rig->said, sizeof(rig->said), 0);
        ck_assert_int_gt(n, 0);
        *ret_n = (size_t) n;
        tls_close(conn);
        close(pair[0]);
        close(pair[1]);
}

static double cpu_seconds(void) {
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

TEST(who_encrypts_is_answered) {
        Rig rig = {};

        rig_begin(&rig);
        ck_assert_int_eq(asked(&rig), 200);
        ck_assert_int_eq(asked(&rig), 200);
        rig_end(&rig);
}

TEST(who_leaves_after_each_byte_of_the_handshake_leaves_nothing) {
        Rig rig = {};
        size_t n;

        rig_begin(&rig);
        hello(&rig, &n);
        for (size_t k = 0; k <= n; k++) {
                const int fd = come(&rig);

                if (k > 0)
                        ck_assert_int_eq(send(fd, rig.said, k, MSG_NOSIGNAL), (ssize_t) k);
                turns(&rig, 2);
                close(fd);
                while (rig.web->front)
                        ck_assert_int_ge(sd_event_run(rig.event, UINT64_MAX), 0);
        }
        while (httpd_connections(rig.web->httpd) > 0)
                ck_assert_int_ge(sd_event_run(rig.event, UINT64_MAX), 0);
        ck_assert_int_eq(asked(&rig), 200);
        rig_end(&rig);
}

TEST(a_handshake_that_is_broken_ends_its_connection_alone) {
        Rig rig = {};
        size_t n;

        rig_begin(&rig);
        hello(&rig, &n);
        for (size_t k = 0; k < n; k += 7) {
                const int fd = come(&rig);
                const char b = rig.said[k];

                rig.said[k] = (char) ~b;
                ck_assert_int_eq(send(fd, rig.said, n, MSG_NOSIGNAL), (ssize_t) n);
                rig.said[k] = b;
                turns(&rig, 4);
                close(fd);
        }
        while (rig.web->front)
                ck_assert_int_ge(sd_event_run(rig.event, UINT64_MAX), 0);
        ck_assert_int_eq(asked(&rig), 200);
        rig_end(&rig);
}

TEST(who_does_not_encrypt_is_not_answered_and_his_connection_ends) {
        Rig rig = {};
        int fd;

        rig_begin(&rig);
        fd = come(&rig);
        ck_assert_int_eq(send(fd, ASK, strlen(ASK), MSG_NOSIGNAL), (ssize_t) strlen(ASK));
        turns_until_closed(&rig, fd);
        ck_assert_ptr_null(rig.web->front);
        close(fd);
        rig_end(&rig);
}

TEST(who_stays_in_the_handshake_is_cut_off_in_time_and_costs_nothing_meanwhile) {
        const double began = cpu_seconds();
        Rig rig            = {};
        size_t n;
        int fd;

        rig_begin(&rig);
        hello(&rig, &n);
        fd = come(&rig);
        ck_assert_int_eq(send(fd, rig.said, n / 2, MSG_NOSIGNAL), (ssize_t) n / 2);
        turns_until_closed(&rig, fd); /* some seconds, which the loop waits */
        ck_assert_ptr_null(rig.web->front);
        ck_assert_uint_eq(httpd_connections(rig.web->httpd), 0);
        ck_assert_double_lt(cpu_seconds() - began, 1);
        close(fd);
        rig_end(&rig);
}

TEST(mars_web_stops_in_the_middle_of_handshakes) {
        Rig rig = {};
        int fd[20];
        size_t n;

        rig_begin(&rig);
        hello(&rig, &n);
        for (unsigned k = 0; k < ELEMENTSOF(fd); k++) {
                fd[k] = come(&rig);
                ck_assert_int_ge(send(fd[k], rig.said, 1 + k * n / ELEMENTSOF(fd), MSG_NOSIGNAL), 1);
        }
        turns(&rig, 10);
        rig_end(&rig);
        for (unsigned k = 0; k < ELEMENTSOF(fd); k++)
                close(fd[k]);
}
