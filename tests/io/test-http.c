/* SPDX-License-Identifier: Apache-2.0 */
/* Where a web server is, what it answers, and links that it hands over. The server is the test's own bytes. */
#include "io/links.h"

#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\nUpgrade: mars\r\nConnection: Upgrade\r\n\r\n"

TEST(addresses_of_web_servers_are_hosts_ports_and_paths) {
        static const struct {
                const char *url, *address, *same;
        } cases[] = {
                { "http://127.0.0.1:7104", "127.0.0.1:7104", "http://127.0.0.1:7104" },
                { "http://127.0.0.1:7104/", "127.0.0.1:7104", "http://127.0.0.1:7104" },
                { "HTTP://127.0.0.1", "127.0.0.1:80", "http://127.0.0.1" },
                { "https://127.0.0.1", "127.0.0.1:443", "https://127.0.0.1" },
                { "http://head.example", "head.example:80", "http://head.example" }, /* and nobody is asked */
                { "http://localhost:1", "127.0.0.1:1", "http://localhost:1" },
                { "http://[::1]:1/mars//", "[::1]:1", "http://[::1]:1/mars" },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                _cleanup_(http_unrefp) Http *http = NULL;

                ck_assert_int_eq(http_new(&http, cases[k].url, "token", NULL), 0);
                ck_assert_str_eq(http_address(http), cases[k].address);
                ck_assert_str_eq(http_url(http), cases[k].same);
                ck_assert_int_eq(http_tls(http) != NULL, strncmp(cases[k].same, "https", 5) == 0);
        }
}

TEST(what_is_no_address_of_a_web_server_is_refused_with_words) {
        static const char *const bad[] = {
                "http://",          "http://:7104",        "http://a@b",           "http://127.0.0.1:",
                "http://h:7104?a",  "http://h:7104/#a",    "http://h:port",        "http://h:123456",
                "http://[::1",      "http://h\r\nA: b",    "http://[::1]x:1",      "http://127.0.0.1:70000",
        };
        Http *http = NULL;

        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                Error err = {};

                ck_assert_msg(http_new(&http, bad[k], "token", &err) < 0, "%s", bad[k]);
                ck_assert_str_ne(err.text, "");
        }
        ck_assert(!http_is_url("127.0.0.1:7104") && !http_is_url("unix:/a") && !http_is_url("httpd:1"));
}

TEST(an_answer_is_whole_when_its_head_is) {
        static const char text[] = "HTTP/1.1 503 Later\r\nA: b\r\ncontent-length: 12\r\n\r\nabc";
        HttpAnswer answer;
        Error err = {};

        for (size_t n = 0; n < sizeof(text) - 1 - 3; n++)
                ck_assert_int_eq(http_answer_parse(text, n, &answer, &err), HTTP_MORE);
        ck_assert_int_eq(http_answer_parse(text, sizeof(text) - 1, &answer, &err), 0);
        ck_assert_uint_eq(answer.status, 503);
        ck_assert_uint_eq(answer.head_bytes, sizeof(text) - 1 - 3);
        ck_assert_uint_eq(answer.body_bytes, 12);
        ck_assert_int_eq(http_answer_parse("MARS", 4, &answer, &err), ERROR_CORRUPT);
        ck_assert_int_eq(http_answer_parse("HTTP/1.1 2x0 \r\n\r\n", 17, &answer, &err), ERROR_CORRUPT);
}

/* a is a link that is to be handed over; b is the server: the test's own bytes. */
typedef struct Visit {
        Pair p;
        Http *http;
} Visit;

static void visit_init(Visit *v) {
        *v = (Visit) {};
        ck_assert_int_eq(http_new(&v->http, "http://127.0.0.1:1/mars", "a-token-of-sixteen", NULL), 0);
        pair_sockets(&v->p, TCP);
        end_link(&v->p.a, &events);
        ck_assert_int_eq(link_upgrade(v->p.a.link, v->http, "/api/v1/wire", NULL), 0);
        send_text(&v->p.a, 1, "hello"); /* waits until it is */
}

static void visit_free(Visit *v) {
        pair_free(&v->p);
        http_unref(v->http);
}

static size_t server_gets(Visit *v, char *to, size_t size_bytes, const char *end) {
        size_t n = 0;

        to[0] = 0;
        while (!strstr(to, end)) {
                ssize_t more;

                ck_assert_int_ge(sd_event_run(v->p.event, 1000), 0);
                more = recv(v->p.b.fd, to + n, size_bytes - n - 1, MSG_DONTWAIT);
                n += (size_t) MAX(more, (ssize_t) 0);
                to[n] = 0;
        }
        return n;
}

static void server_says(Visit *v, const char *text) {
        ck_assert_int_eq(send(v->p.b.fd, text, strlen(text), 0), (ssize_t) strlen(text));
}

TEST(a_link_is_handed_over_and_then_carries_frames) {
        char text[2048];
        Visit v;

        visit_init(&v);
        server_gets(&v, text, sizeof(text), "\r\n\r\n");
        ck_assert_str_eq(text, "GET /mars/api/v1/wire HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: Upgrade\r\n"
                               "Upgrade: mars\r\nAuthorization: Bearer a-token-of-sixteen\r\n\r\n");
        server_says(&v, "HTTP/1.1 101 Switching");
        server_says(&v, &SWITCHING[strlen("HTTP/1.1 101 Switching")]);
        end_link(&v.p.b, &events);
        RUN_UNTIL(&v.p, v.p.b.got.n == 1);
        ck_assert(got_text(&v.p.b, 0, 1, "hello"));
        send_text(&v.p.b, 2, "welcome");
        RUN_UNTIL(&v.p, v.p.a.got.n == 1);
        visit_free(&v);
}

TEST(what_the_server_refuses_is_closed_with_its_words) {
        static const struct {
                const char *answer, *words;
                int code;
        } cases[] = {
                { "HTTP/1.1 401 No\r\nContent-Length: 31\r\n\r\n{\"text\": \"the \\\"token\\\" is bad\"}",
                  "the \"token\" is bad (status 401)", -EACCES },
                { "HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nlater", "later (status 503)", -ECONNREFUSED },
                { "HTTP/1.1 429 No\r\nContent-Length: 4\r\n\r\nwait", "wait (status 429)", -ECONNREFUSED },
                { "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "refuses (status 404)", ERROR_VALUE },
                { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "knows nothing of Mars", ERROR_SUPPORT },
                { "SSH-2.0-OpenSSH_9.2p1\r\n", "no web server", ERROR_CORRUPT },
                { SWITCHING "MARS", "before it is spoken to", ERROR_CORRUPT },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                char text[2048];
                Visit v;

                visit_init(&v);
                server_gets(&v, text, sizeof(text), "\r\n\r\n");
                server_says(&v, cases[k].answer);
                RUN_UNTIL(&v.p, v.p.a.n_closed == 1);
                ck_assert_msg(strstr(v.p.a.why.text, cases[k].words), "%s", v.p.a.why.text);
                ck_assert_int_eq(v.p.a.why.code, cases[k].code);
                visit_free(&v);
        }
}

TEST(a_server_that_goes_away_unanswered_is_said) {
        char text[2048];
        Visit v;

        visit_init(&v);
        server_gets(&v, text, sizeof(text), "\r\n\r\n");
        shutdown(v.p.b.fd, SHUT_RDWR);
        RUN_UNTIL(&v.p, v.p.a.n_closed == 1);
        ck_assert_ptr_nonnull(strstr(v.p.a.why.text, "unanswered"));
        ck_assert_int_eq(v.p.a.why.code, -ECONNRESET);
        visit_free(&v);
}

/* As mars-web's user is, whom daemons know by his number. */
TEST(a_user_who_only_speaks_for_others_is_believed_nothing) {
        Door door = { .relays = true, .relay_uid = getuid() };
        LinkPeer peer;
        Pair p;

        pair_sockets(&p, UNIX);
        ck_assert_int_eq(link_accept(&p.b.link, p.event, p.b.fd, &door, &events, &p.b, NULL), 0);
        p.b.fd = -1;
        ck_assert_int_eq(link_peer(p.b.link, &peer), 0);
        ck_assert(peer.relayed && !peer.local && !peer.keyed && !peer.loopback);
        door.relay_uid++;
        ck_assert_int_eq(link_peer(p.b.link, &peer), 0);
        ck_assert(!peer.relayed && peer.local && peer.uid == getuid());
        link_relayed(p.b.link, "192.0.2.1:40312");
        ck_assert_int_eq(link_peer(p.b.link, &peer), 0);
        ck_assert(peer.relayed && !peer.local);
        ck_assert_str_eq(peer.text, "192.0.2.1:40312 over http");
        pair_free(&p);
}

TEST(who_takes_a_door_for_a_web_server_is_answered_like_by_one) {
        static const char *const said[] = { "GET / HTTP/1.1\r\nHost: here\r\n\r\n",
                                            "DELETE /api/v1/names/x HTTP/1.1\r\n\r\n" };
        Door door                       = {};
        char text[1024];

        for (size_t k = 0; k < ELEMENTSOF(said); k++) {
                HttpAnswer answer;
                Error err = {};
                ssize_t n;
                Pair p;

                pair_sockets(&p, UNIX);
                ck_assert_int_eq(link_accept(&p.b.link, p.event, p.b.fd, &door, &events, &p.b, NULL), 0);
                p.b.fd = -1;
                ck_assert_int_eq(write(p.a.fd, said[k], strlen(said[k])), (ssize_t) strlen(said[k]));
                RUN_UNTIL(&p, p.b.n_closed == 1);
                ck_assert_ptr_nonnull(strstr(p.b.why.text, "speaks HTTP"));
                n = read(p.a.fd, text, sizeof(text) - 1);
                ck_assert_int_gt(n, 0);
                text[n] = 0;
                ck_assert_int_eq(http_answer_parse(text, (size_t) n, &answer, &err), 0);
                ck_assert_uint_eq(answer.status, 400);
                ck_assert_uint_eq(answer.head_bytes + answer.body_bytes, (size_t) n);
                ck_assert_ptr_nonnull(strstr(text + answer.head_bytes, "without http://"));
                pair_free(&p);
        }
        ck_assert(!http_is_request((const uint8_t *) "GETTING ") && !http_is_request((const uint8_t *) "mars\0\0\0\0"));
}
