/* SPDX-License-Identifier: Apache-2.0 */
/* Links over TLS: those who have the key, and those who have not. Both ends are in one loop, over loopback TCP. */
#include <time.h>

#include "io/links.h"
#include "io/say.h"

#define A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define B "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0"

static Tls *tls(const char *text, TlsRole role) {
        Tls *ret = NULL;
        Keys keys;

        if (!text)
                return NULL;
        ck_assert_int_eq(keys_parse(&keys, text, "/etc/mars/cluster.key", NULL), 0);
        ck_assert_int_eq(tls_new_keys(&ret, &keys, role, NULL), 0);
        return ret;
}

/* a goes to b, through b's door; keys are texts, or NULL. */
typedef struct Visit {
        Pair p;
        Tls *tls;
        Door door;
} Visit;

/* No link at all where there is no key: the test's own bytes. */
static void visit_init(Visit *v, Tls *ours, bool raw, Tls *theirs) {
        *v = (Visit) { .tls = ours, .door.tls = theirs };
        pair_sockets(&v->p, TCP);
        if (!raw) {
                end_link(&v->p.a, &events);
                ck_assert_int_eq(link_secure(v->p.a.link, ours, NULL), 0);
        }
        ck_assert_int_eq(link_accept(&v->p.b.link, v->p.event, v->p.b.fd, &v->door, &events, &v->p.b, NULL), 0);
        v->p.b.fd = -1;
}

static void visit_free(Visit *v) {
        pair_free(&v->p);
        ck_assert_uint_eq(v->door.n_guests, 0);
        ck_assert(!v->door.oldest && !v->door.newest);
        tls_unref(v->tls);
        tls_unref(v->door.tls);
}

static bool says(const End *end, const char *words) {
        return strstr(end->why.text, words);
}

/* ---- With the key ----------------------------------------------------------------------------------------------- */

TEST(messages_and_large_payloads_go_both_ways_at_once) {
        static const char *const ciphers[] = { "aes256gcm", "chacha20" };
        const size_t n                     = 20 * MiB + 12345;
        char *there = malloc(n), *back = malloc(n);

        fill(there, n, 1);
        fill(back, n, 2);
        for (size_t k = 0; k < ELEMENTSOF(ciphers); k++) {
                Visit v;
                Pair *p = &v.p;
                Tls *t  = tls(A, TLS_CLIENT);

                tls_set(t, ciphers[k], 1 * MiB); /* keys change on the way */
                visit_init(&v, t, false, tls(A, TLS_WORKER));
                send_text(&p->a, 1, "hello");
                RUN_UNTIL(p, p->b.got.n == 1);
                link_admit(p->b.link);
                ck_assert_int_eq(link_send_payload(p->a.link, 2, (uint8_t *) "x", 1, there, n, on_done, &p->a), 0);
                ck_assert_int_eq(link_send_payload(p->b.link, 3, (uint8_t *) "y", 1, back, n, on_done, &p->b), 0);
                send_text(&p->a, 4, "and this");
                RUN_UNTIL(p, p->b.got.n == 3 && p->a.got.n == 1);
                ck_assert_bytes_eq(p->b.got.data[1].payload, there, n);
                ck_assert_bytes_eq(p->a.got.data[0].payload, back, n);
                ck_assert(got_text(&p->b, 2, 4, "and this"));
                ck_assert_uint_eq(p->a.n_done, 1);
                ck_assert_uint_eq(link_queued_bytes(p->a.link), 0);
                visit_free(&v);
        }
        free(there);
        free(back);
}

TEST(whatever_the_kernel_takes_at_a_time_all_arrives_in_order) {
        static const size_t most[] = { 1, 7, 100, 20000, 0 };
        char payload[40000];

        fill(payload, sizeof(payload), 3);
        for (size_t k = 0; k < ELEMENTSOF(most); k++) {
                Visit v;
                Pair *p = &v.p;

                visit_init(&v, tls(A, TLS_CLIENT), false, tls(A, TLS_WORKER));
                kernel.most         = most[k];
                kernel.n_interrupts = 5;
                send_text(&p->a, 1, "one");
                ck_assert_int_eq(link_send_payload(p->a.link, 2, NULL, 0, payload, 3000, on_done, &p->a), 0);
                send_text(&p->a, 3, "three");
                RUN_UNTIL(p, p->b.got.n == 3);
                ck_assert(got_text(&p->b, 0, 1, "one") && got_text(&p->b, 2, 3, "three"));
                ck_assert_bytes_eq(p->b.got.data[1].payload, payload, 3000);
                visit_free(&v);
        }
}

TEST(who_reads_nothing_stops_the_other_and_gets_all_of_it_afterwards) {
        const size_t n = 30 * MiB;
        char *payload  = malloc(n);
        Visit v;
        Pair *p = &v.p;

        fill(payload, n, 5);
        visit_init(&v, tls(A, TLS_CLIENT), false, tls(A, TLS_WORKER));
        p->b.stop_when = IN_MESSAGE;
        send_text(&p->a, 1, "stop");
        RUN_UNTIL(p, p->b.got.n == 1);
        link_admit(p->b.link);
        p->b.stop_when = NEVER;
        for (uint32_t k = 0; k < 1000; k++)
                send_text(&p->a, 2, "behind it");
        ck_assert_int_eq(link_send_payload(p->a.link, 3, NULL, 0, payload, n, on_done, &p->a), 0);
        run_idle(p);
        ck_assert_uint_eq(p->b.got.n, 1);
        ck_assert_uint_eq(p->a.n_done, 0); /* some MiB are in buffers, and no more */
        link_stop_reading(p->b.link, false);
        RUN_UNTIL(p, p->b.got.n == 1002);
        ck_assert_bytes_eq(p->b.got.data[1001].payload, payload, n);
        free(payload);
        visit_free(&v);
}

/* What is in a record already, and in no socket, is handed out when reading goes on. */
TEST(what_was_decrypted_before_reading_stopped_is_not_forgotten) {
        Visit v;
        Pair *p = &v.p;

        visit_init(&v, tls(A, TLS_CLIENT), false, tls(A, TLS_WORKER));
        p->b.stop_when = IN_MESSAGE;
        for (uint32_t k = 0; k < 20000; k++)
                send_text(&p->a, 1, "one of many, each of which stops the reader");
        for (uint32_t k = 0; k < 20000; k++) {
                RUN_UNTIL(p, p->b.got.n > k);
                link_admit(p->b.link);
                ck_assert_uint_eq(p->b.got.n, k + 1);
                link_stop_reading(p->b.link, false);
        }
        visit_free(&v);
}

TEST(who_comes_is_what_his_key_proves) {
        for (TlsRole role = 0; role < _TLS_ROLE_MAX; role++) {
                Visit v;
                LinkPeer peer;

                visit_init(&v, tls(A, role), false, tls(A, TLS_WORKER));
                ck_assert_int_eq(link_peer(v.p.b.link, &peer), 0);
                ck_assert(!peer.keyed);
                send_text(&v.p.a, 1, "hello");
                RUN_UNTIL(&v.p, v.p.b.got.n == 1);
                ck_assert_int_eq(link_peer(v.p.b.link, &peer), 0);
                ck_assert(peer.keyed && peer.loopback && !peer.local);
                ck_assert_int_eq(peer.role, role);
                visit_free(&v);
        }
}

TEST(each_key_of_a_file_lets_in_and_the_first_one_is_shown) {
        static const struct {
                const char *ours, *theirs;
                bool in;
        } cases[] = { { A, A "\n" B, true }, { B, A "\n" B, true }, { A "\n" B, A, true }, { A "\n" B, B, false } };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                Visit v;

                visit_init(&v, tls(cases[k].ours, TLS_CLIENT), false, tls(cases[k].theirs, TLS_WORKER));
                send_text(&v.p.a, 1, "hello");
                RUN_UNTIL(&v.p, v.p.b.got.n == 1 || v.p.a.n_closed + v.p.b.n_closed == 2);
                ck_assert_uint_eq(v.p.b.got.n, cases[k].in);
                visit_free(&v);
        }
}

TEST(a_file_that_is_read_again_changes_who_comes_in_and_disturbs_nobody_who_is) {
        char path[] = "/tmp/mars-tls-XXXXXX";
        int fd      = mkstemp(path);
        Tls *theirs = NULL;
        Error err   = {};
        Visit v, next;

        ck_assert_int_eq(write(fd, A, strlen(A)), (ssize_t) strlen(A));
        ck_assert_int_eq(tls_new(&theirs, path, TLS_WORKER, &err), 0);
        ck_assert_str_eq(tls_path(theirs), path);
        visit_init(&v, tls(A, TLS_CLIENT), false, tls_ref(theirs));
        send_text(&v.p.a, 1, "hello");
        RUN_UNTIL(&v.p, v.p.b.got.n == 1);
        link_admit(v.p.b.link);

        ck_assert_int_eq(ftruncate(fd, 0), 0);
        ck_assert_int_eq(tls_reload(theirs, &err), ERROR_VALUE); /* all stays as it was */
        ck_assert_int_eq(pwrite(fd, B, strlen(B), 0), (ssize_t) strlen(B));
        ck_assert_int_eq(tls_reload(theirs, &err), 0);
        for (int k = 0; k < 2; k++) {
                visit_init(&next, tls(k ? A : B, TLS_CLIENT), false, tls_ref(theirs));
                send_text(&next.p.a, 1, "hello");
                RUN_UNTIL(&next.p, next.p.b.got.n == 1 || next.p.b.n_closed == 1);
                ck_assert_uint_eq(next.p.b.n_closed, k);
                visit_free(&next);
        }
        send_text(&v.p.a, 2, "still here");
        RUN_UNTIL(&v.p, v.p.b.got.n == 2);
        visit_free(&v);
        tls_unref(theirs);
        close(fd);
        unlink(path);
}

/* ---- The end ---------------------------------------------------------------------------------------------------- */

TEST(a_goodbye_is_an_end_and_a_connection_without_one_was_cut_off) {
        for (int cut = 0; cut < 2; cut++) {
                Visit v;
                int fd;

                visit_init(&v, tls(A, TLS_CLIENT), false, tls(A, TLS_WORKER));
                fd = dup(v.p.a.fd);
                send_text(&v.p.a, 1, "hello");
                RUN_UNTIL(&v.p, v.p.b.got.n == 1);
                close(fd);
                if (cut) {
                        /* As somebody on the way would do it: the end of the stream, between two messages. */
                        char name[64];
                        struct sockaddr_in at = {};
                        socklen_t n           = sizeof(at);
                        LinkPeer peer;

                        ck_assert_int_eq(link_peer(v.p.b.link, &peer), 0);
                        for (fd = 3; fd < 64; fd++) {
                                n = sizeof(at);
                                if (getsockname(fd, (struct sockaddr *) &at, &n) < 0 || at.sin_family != AF_INET)
                                        continue;
                                snprintf(name, sizeof(name), "127.0.0.1:%u", ntohs(at.sin_port));
                                if (strcmp(name, peer.text) == 0)
                                        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
                        }
                } else
                        v.p.a.link = link_free(v.p.a.link);
                RUN_UNTIL(&v.p, v.p.b.n_closed == 1);
                ck_assert_int_eq(v.p.b.why.code, cut ? -ECONNRESET : 0);
                ck_assert(!cut || says(&v.p.b, "cut off"));
                visit_free(&v);
        }
}

TEST(a_bit_that_is_changed_on_the_way_closes_the_link_and_is_not_handed_out) {
        for (unsigned flip = 1; flip < 9; flip++) {
                char payload[5000];
                Visit v;

                fill(payload, sizeof(payload), 8);
                visit_init(&v, tls(A, TLS_CLIENT), false, tls(A, TLS_WORKER));
                kernel.flip = flip;
                for (int k = 0; k < 200; k++) {
                        if (v.p.a.link && v.p.a.n_closed == 0)
                                ck_assert_int_eq(link_send_payload(v.p.a.link, 1, NULL, 0, payload, sizeof(payload) / 2,
                                                                   on_done, &v.p.a),
                                                 0);
                        if (v.p.a.n_closed + v.p.b.n_closed > 0)
                                break;
                        ck_assert_int_ge(sd_event_run(v.p.event, 0), 0);
                }
                RUN_UNTIL(&v.p, v.p.b.n_closed == 1);
                ck_assert_int_lt(v.p.b.why.code, 0);
                for (uint32_t k = 0; k < v.p.b.got.n; k++)
                        ck_assert_bytes_eq(v.p.b.got.data[k].payload, payload, sizeof(payload) / 2);
                visit_free(&v);
        }
}

/* ---- Without the key -------------------------------------------------------------------------------------------- */

TEST(another_key_is_refused_with_words_on_both_sides) {
        Visit v;

        visit_init(&v, tls(A, TLS_CLIENT), false, tls(B, TLS_WORKER));
        send_text(&v.p.a, 1, "hello");
        RUN_UNTIL(&v.p, v.p.a.n_closed == 1 && v.p.b.n_closed == 1);
        ck_assert_int_eq(v.p.a.why.code, -EACCES);
        ck_assert(says(&v.p.a, "refuses our key, /etc/mars/cluster.key"));
        ck_assert(says(&v.p.b, "a key that is not ours (mars1:"));
        ck_assert_uint_eq(v.p.b.got.n, 0);
        visit_free(&v);
}

TEST(who_does_not_encrypt_hears_that_a_key_is_needed) {
        Visit v;

        visit_init(&v, NULL, false, tls(A, TLS_WORKER));
        send_text(&v.p.a, 1, "hello");
        RUN_UNTIL(&v.p, v.p.a.n_closed == 1 && v.p.b.n_closed == 1);
        ck_assert_uint_eq(v.p.a.got.n, 1);
        ck_assert_uint_eq(v.p.a.got.data[0].kind, WIRE_IS_REFUSED);
        ck_assert(memmem(v.p.a.got.data[0].body, v.p.a.got.data[0].body_bytes, "the key of /etc/mars/cluster.key", 32));
        ck_assert(says(&v.p.b, "without encryption"));
        visit_free(&v);
}

TEST(who_encrypts_hears_that_the_other_side_does_not) {
        Visit v;

        visit_init(&v, tls(A, TLS_CLIENT), false, NULL);
        send_text(&v.p.a, 1, "hello");
        RUN_UNTIL(&v.p, v.p.a.n_closed == 1 && v.p.b.n_closed == 1);
        ck_assert(says(&v.p.a, "speaks without encryption"));
        ck_assert(says(&v.p.b, "it encrypts, and here is no key"));
        visit_free(&v);
}

static const uint8_t half_a_hello[] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 };

TEST(garbage_in_front_of_the_handshake_or_in_it_closes_the_link) {
        uint64_t seed = 4;

        for (int k = 0; k < 200; k++) {
                uint8_t bytes[700];
                Visit v;

                for (size_t i = 0; i < sizeof(bytes); i++)
                        bytes[i] = (uint8_t) chance(&seed, 256);
                if (k % 2) /* it looks like a record, at first */
                        memcpy(bytes, half_a_hello, sizeof(half_a_hello));
                visit_init(&v, NULL, true, tls(A, TLS_WORKER));
                raw_write(&v.p.a, bytes, sizeof(bytes));
                raw_close(&v.p.a);
                RUN_UNTIL(&v.p, v.p.b.n_closed == 1);
                ck_assert_int_lt(v.p.b.why.code, 0);
                ck_assert(v.p.b.why.text[0]);
                ck_assert_uint_eq(v.p.b.got.n, 0);
                visit_free(&v);
        }
}

static double seconds(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

TEST(half_a_handshake_and_silence_end_after_some_seconds) {
        const double begin = seconds();
        Visit silent, half;

        visit_init(&half, NULL, true, tls(A, TLS_WORKER));
        raw_write(&half.p.a, half_a_hello, sizeof(half_a_hello));
        RUN_UNTIL(&half.p, half.p.b.n_closed == 1);
        ck_assert_int_eq(half.p.b.why.code, -ETIMEDOUT);
        ck_assert(says(&half.p.b, "shown no key"));
        ck_assert(seconds() - begin < 8);
        visit_free(&half);

        visit_init(&silent, tls(A, TLS_CLIENT), false, tls(A, TLS_WORKER));
        RUN_UNTIL(&silent.p, silent.p.b.n_closed == 1); /* it has the key and says nothing */
        ck_assert(says(&silent.p.b, "not said who it is"));
        visit_free(&silent);
}

TEST(a_host_that_never_answers_the_handshake_is_given_up) {
        Pair p;
        Tls *t = tls(A, TLS_CLIENT);

        pair_sockets(&p, TCP);
        end_link(&p.a, &events);
        ck_assert_int_eq(link_secure(p.a.link, t, NULL), 0);
        RUN_UNTIL(&p, p.a.n_closed == 1);
        ck_assert_int_eq(p.a.why.code, -ETIMEDOUT);
        ck_assert(says(&p.a, "handshake"));
        pair_free(&p);
        tls_unref(t);
}

/* ---- Guests ----------------------------------------------------------------------------------------------------- */

TEST(a_guest_who_says_much_before_he_has_said_who_he_is_is_cut_off) {
        uint8_t body[8000] = {};

        for (int admitted = 0; admitted < 2; admitted++) {
                Visit v;

                visit_init(&v, tls(A, TLS_CLIENT), false, tls(A, TLS_WORKER));
                if (admitted)
                        link_admit(v.p.b.link);
                ck_assert_int_eq(link_send(v.p.a.link, 1, body, sizeof(body)), 0);
                RUN_UNTIL(&v.p, v.p.b.got.n == 1 || v.p.b.n_closed == 1);
                ck_assert_uint_eq(v.p.b.n_closed, !admitted);
                visit_free(&v);
        }
}

typedef struct Guests {
        Pair p;
        Door door;
        End guest[300];
        int fd[300];
} Guests;

TEST(of_too_many_guests_the_oldest_go_and_whoever_was_admitted_stays) {
        Guests *g = calloc(1, sizeof(*g));
        unsigned n_closed = 0;

        pair_sockets(&g->p, UNIX);
        for (unsigned k = 0; k < ELEMENTSOF(g->guest); k++) {
                End *end = &g->guest[k];
                int fd[2];

                sockets(k % 2 ? TCP : UNIX, fd);
                *end     = (End) { .event = g->p.event, .fd = -1 };
                g->fd[k] = fd[0];
                ck_assert_int_eq(link_accept(&end->link, g->p.event, fd[1], &g->door, &events, end, NULL), 0);
                if (k < 50)
                        link_admit(end->link);
        }
        run_idle(&g->p);
        for (unsigned k = 0; k < ELEMENTSOF(g->guest); k++) {
                n_closed += g->guest[k].n_closed;
                ck_assert_uint_eq(g->guest[k].n_closed, k >= 50 && k < 50 + 250 - 128);
        }
        ck_assert_uint_eq(n_closed, 250 - 128);
        ck_assert_uint_eq(g->door.n_guests, 128);
        for (unsigned k = 0; k < ELEMENTSOF(g->guest); k++) {
                end_free(&g->guest[k]);
                close(g->fd[k]);
        }
        ck_assert_uint_eq(g->door.n_guests, 0);
        pair_free(&g->p);
        free(g);
}
