/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/ioctl.h>

#include "io/stream.h"

#include "io/links.h"

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

TEST(messages_arrive_whole_in_their_order_in_both_directions) {
        for (int wire = 0; wire < N_WIRES; wire++) {
                Pair p;

                pair_init(&p, (Wire) wire);
                send_text(&p.a, 1, "one");
                send_text(&p.a, 2, "");
                send_text(&p.b, 3, "back");
                send_text(&p.a, 4, "three");
                RUN_UNTIL(&p, p.b.got.n == 3 && p.a.got.n == 1);
                ck_assert(got_text(&p.b, 0, 1, "one") && got_text(&p.b, 1, 2, "") && got_text(&p.b, 2, 4, "three"));
                ck_assert(got_text(&p.a, 0, 3, "back"));
                ck_assert_int_eq(p.b.got.data[0].fd, -1);
                ck_assert_ptr_null(p.b.got.data[0].payload);
                ck_assert_uint_eq(link_queued_bytes(p.a.link), 0);
                pair_free(&p);
        }
}

TEST(payloads_of_64_mib_go_both_ways_at_once) {
        const size_t n = 64 * MiB;

        for (int wire = 0; wire < N_WIRES; wire++) {
                char *x = malloc(n), *y = malloc(n);
                Pair p;

                pair_init(&p, (Wire) wire);
                fill(x, n, 1);
                fill(y, n, 2);
                ck_assert_int_eq(link_send_payload(p.a.link, 7, (uint8_t *) "x", 1, x, n, on_done, &p.a), 0);
                ck_assert_int_eq(link_send_payload(p.b.link, 8, (uint8_t *) "y", 1, y, n, on_done, &p.b), 0);
                RUN_UNTIL(&p, p.a.got.n == 1 && p.b.got.n == 1 && p.a.n_done == 1 && p.b.n_done == 1);
                ck_assert(got_text(&p.b, 0, 7, "x") && got_text(&p.a, 0, 8, "y"));
                ck_assert_uint_eq(p.b.got.data[0].payload_bytes, n);
                ck_assert_bytes_eq(p.b.got.data[0].payload, x, n);
                ck_assert_bytes_eq(p.a.got.data[0].payload, y, n);
                pair_free(&p);
                free(x);
                free(y);
        }
}

/* What is said of a payload, and when. */
typedef struct Saying {
        End *end; /* whose payload it is */
        unsigned n_made;
        char text[8];
} Saying;

static size_t on_body(void *userdata, uint8_t *body) {
        Saying *s = userdata;

        s->n_made++;
        memcpy(body, s->text, strlen(s->text));
        return strlen(s->text);
}

static void on_said(void *userdata) {
        on_done(((Saying *) userdata)->end);
}

TEST(the_body_of_a_payload_is_made_when_its_turn_has_come) {
        static const size_t sizes[] = { 0, 7, 8 * MiB };

        for (int wire = 0; wire < N_WIRES; wire++)
                for (size_t k = 0; k < ELEMENTSOF(sizes); k++) {
                        const size_t n   = sizes[k];
                        char *x          = malloc(MAX(n, (size_t) 1));
                        Saying saying[2] = { { .text = "first" }, { .text = "second" } };
                        Pair p;

                        pair_init(&p, (Wire) wire);
                        fill(x, n, 1);
                        for (int which = 0; which < 2; which++) {
                                saying[which].end = &p.a;
                                ck_assert_int_eq(
                                        link_send_payload_later(p.a.link, 7, on_body, x, n, on_said, &saying[which]),
                                        0);
                                send_text(&p.a, 1, "between");
                        }
                        ck_assert_uint_eq(saying[0].n_made + saying[1].n_made, 0);
                        RUN_UNTIL(&p, p.b.got.n == 4 && p.a.n_done == 2);
                        ck_assert(got_text(&p.b, 0, 7, "first") && got_text(&p.b, 1, 1, "between"));
                        ck_assert(got_text(&p.b, 2, 7, "second") && got_text(&p.b, 3, 1, "between"));
                        ck_assert_uint_eq(p.b.got.data[2].payload_bytes, n);
                        if (n > 0)
                                ck_assert_bytes_eq(p.b.got.data[2].payload, x, n);
                        ck_assert_uint_eq(saying[0].n_made, 1);
                        ck_assert_uint_eq(saying[1].n_made, 1);
                        ck_assert_uint_eq(link_queued_bytes(p.a.link), 0);
                        pair_free(&p);
                        free(x);
                }
}

TEST(the_body_of_a_payload_that_never_goes_is_never_made) {
        Saying saying = { .text = "x" };
        Pair p;

        pair_init(&p, UNIX);
        saying.end = &p.a;
        ck_assert_int_eq(link_send_payload_later(p.a.link, 7, on_body, "payload", 7, on_said, &saying), 0);
        p.a.link = link_free(p.a.link);
        ck_assert_uint_eq(p.a.n_done, 1);
        ck_assert_uint_eq(saying.n_made, 0);
        pair_free(&p);
}

/* ---- Payloads in pieces ------------------------------------------------------------------------------------------ */

static size_t in_socket(int fd) {
        int n = -1;

        ck_assert_int_eq(ioctl(fd, FIONREAD, &n), 0);
        return (size_t) n;
}

/* Whatever its loop does meanwhile. */
static void run_until_in_socket(const Pair *p, int fd, size_t n) {
        for (unsigned k = 0; in_socket(fd) != n; k++) {
                ck_assert_uint_lt(k, 10000);
                ck_assert_int_ge(sd_event_run(p->event, 1000), 0);
        }
}

/* The window of a socket that is new is small, and one that is nearly full hands out what it has: so, little. */
TEST(over_tcp_much_of_a_payload_is_taken_at_a_time_and_its_end_as_it_comes) {
        const size_t n = 3 * MiB + 17, little = 16 * KiB;
        char *x = malloc(n);

        fill(x, n, 1);
        for (int moved = 0; moved < 2; moved++) {
                const Frame frame = { .kind = 7, .payload_bytes = n };
                uint8_t header[FRAME_BYTES];
                Pair p;
                int fd;

                pair_sockets(&p, TCP);
                fd = p.a.fd;
                end_link(&p.a, &events);
                if (moved && mover_make(&p.mover, p.event))
                        link_move(p.a.link, p.mover);
                frame_encode(&frame, header);
                for (uint32_t k = 0; k < 2; k++) {
                        raw_write(&p.b, header, sizeof(header));
                        RUN_UNTIL(&p, p.a.payload);
                        run_idle(&p);
                        raw_write(&p.b, x, little);
                        run_until_in_socket(&p, fd, little);
                        for (int turn = 0; turn < 10; turn++)
                                ck_assert_int_eq(sd_event_run(p.event, 1000), 0);
                        ck_assert_uint_eq(in_socket(fd), little);

                        for (size_t at = little, piece; at < n - 1; at += piece) {
                                piece = MIN(n - 1 - at, READY_BYTES / (size_t) 3);
                                raw_write(&p.b, x + at, piece);
                        }
                        run_until_in_socket(&p, fd, 0);
                        ck_assert_uint_eq(p.a.got.n, k);
                        raw_write(&p.b, x + n - 1, 1);
                        RUN_UNTIL(&p, p.a.got.n == k + 1);
                        ck_assert_bytes_eq(p.a.got.data[k].payload, x, n);
                }
                pair_free(&p);
        }
        free(x);
}

/* ---- Payloads that nobody wants (any more) ----------------------------------------------------------------------- */

typedef struct Parts {
        End end;     /* first: it is what callbacks know */
        char *to;    /* where payloads go; NULL: nowhere */
        size_t at;   /* so much came in parts */
        bool forget; /* at the first part */
} Parts;

static int parts_payload(void *userdata, Link *link _unused_, const Frame *frame _unused_, const uint8_t *body _unused_,
                         char **ret, Error *err _unused_) {
        Parts *p = userdata;

        p->at = 0;
        *ret  = p->to;
        return 0;
}

static int parts_message(void *userdata, Link *link, const Frame *frame, const uint8_t *body, char *payload, int fd,
                         Error *err) {
        const Parts *p = userdata;

        if (frame->payload_bytes > 0)
                ck_assert_ptr_eq(payload, p->forget ? NULL : p->to);
        return on_message(userdata, link, frame, body, NULL, fd, err);
}

static void parts_part(void *userdata, const char *data, size_t size_bytes) {
        Parts *p = userdata;

        ck_assert_ptr_eq(data, p->to + p->at);
        p->at += size_bytes;
}

static const LinkEvents parts_events = {
        .message = parts_message, .payload = parts_payload, .part = parts_part, .closed = on_closed
};

static void parts_begin(Parts *p, Pair *pair, Wire wire) {
        pair_sockets(pair, wire);
        end_link(&pair->a, &events);
        *p         = (Parts) { .end = pair->b };
        pair->b.fd = -1;
        end_link(&p->end, &parts_events);
}

static void parts_end(Parts *p, Pair *pair) {
        end_free(&p->end);
        pair_free(pair);
}

TEST(a_payload_is_told_of_in_its_parts) {
        const size_t n = 3 * MiB + 17;

        for (size_t most = 1 << 12; most <= 1 << 24; most <<= 6)
                for (int wire = UNIX; wire <= TCP; wire++) {
                        char *x = malloc(n), *y = malloc(n);
                        Parts p;
                        Pair pair;

                        fill(x, n, 1);
                        parts_begin(&p, &pair, (Wire) wire);
                        kernel.most = most;
                        p.to        = y;
                        ck_assert_int_eq(link_send_payload(pair.a.link, 7, (uint8_t *) "x", 1, x, n, on_done, &pair.a),
                                         0);
                        RUN_UNTIL(&pair, p.end.got.n == 1);
                        ck_assert_uint_eq(p.at, n);
                        ck_assert_bytes_eq(y, x, n);
                        parts_end(&p, &pair);
                        free(x);
                        free(y);
                }
}

TEST(a_payload_for_which_there_is_no_place_is_dropped_and_what_follows_arrives) {
        const size_t n = 3 * MiB + 17;
        char *x        = calloc(1, n);
        Parts p;
        Pair pair;

        parts_begin(&p, &pair, TCP);
        ck_assert_int_eq(link_send_payload(pair.a.link, 7, (uint8_t *) "x", 1, x, n, on_done, &pair.a), 0);
        send_text(&pair.a, 8, "after it");
        RUN_UNTIL(&pair, p.end.got.n == 2);
        ck_assert(got_text(&p.end, 0, 7, "x") && got_text(&p.end, 1, 8, "after it"));
        ck_assert_uint_eq(p.at, 0);
        parts_end(&p, &pair);
        free(x);
}

TEST(a_payload_that_is_forgotten_changes_its_memory_no_more_and_what_follows_arrives) {
        const size_t n = 3 * MiB + 17;
        char *x = calloc(1, n), *y = malloc(n);
        size_t came;
        Parts p;
        Pair pair;

        parts_begin(&p, &pair, TCP);
        kernel.most = 1 << 14;
        p.to        = y;
        ck_assert_int_eq(link_send_payload(pair.a.link, 7, (uint8_t *) "x", 1, x, n, on_done, &pair.a), 0);
        send_text(&pair.a, 8, "after it");
        RUN_UNTIL(&pair, p.at > n / 4);
        ck_assert_uint_lt(p.at, n);
        came     = p.at;
        p.forget = true;
        link_forget_payload(p.end.link);
        memset(y, 'y', n);
        RUN_UNTIL(&pair, p.end.got.n == 2);
        ck_assert(got_text(&p.end, 0, 7, "x") && got_text(&p.end, 1, 8, "after it"));
        ck_assert_uint_eq(p.at, came);
        for (size_t k = 0; k < n; k++)
                ck_assert_int_eq(y[k], 'y');
        parts_end(&p, &pair);
        free(x);
        free(y);
}

TEST(a_message_may_be_as_large_as_a_body_may_be) {
        uint8_t *body = malloc(MAX_BODY_BYTES);
        Pair p;

        pair_init(&p, UNIX);
        fill((char *) body, MAX_BODY_BYTES, 3);
        ck_assert_int_eq(link_send(p.a.link, 5, body, MAX_BODY_BYTES), 0);
        send_text(&p.a, 6, "behind");
        RUN_UNTIL(&p, p.b.got.n == 2);
        ck_assert_uint_eq(p.b.got.data[0].body_bytes, MAX_BODY_BYTES);
        ck_assert_bytes_eq(p.b.got.data[0].body, body, MAX_BODY_BYTES);
        ck_assert(got_text(&p.b, 1, 6, "behind"));
        pair_free(&p);
        free(body);
}

/* ---- The law ----------------------------------------------------------------------------------------------------- */

/* What is sent: over what, how large at most. The n-th thing follows from that and its number. */
typedef struct Law {
        Wire wire;
        uint32_t body_most, payload_most, n;
} Law;

enum { BODY_MOST = 9000, PAYLOAD_MOST = 100000 };

typedef struct Thing {
        char body[BODY_MOST], payload[PAYLOAD_MOST];
        uint32_t body_bytes, payload_bytes;
        bool has_fd;
} Thing;

static const Thing *thing(const Law *law, uint32_t n) {
        static Thing t;
        uint64_t seed = n + 17;

        (void) chance(&seed, 2);
        t.body_bytes    = chance(&seed, chance(&seed, 3) ? 50 : law->body_most);
        t.payload_bytes = chance(&seed, 4) ? 0 : 1 + chance(&seed, chance(&seed, 2) ? 50 : law->payload_most);
        t.has_fd        = law->wire == UNIX && !t.payload_bytes && chance(&seed, 3) == 0;
        fill(t.body, t.body_bytes, n);
        fill(t.payload, t.payload_bytes, n + 5);
        return &t;
}

static void thing_send(End *end, const Law *law, uint32_t n, int fd) {
        const Thing *t      = thing(law, n);
        const uint8_t *body = (const uint8_t *) t->body;
        char *payload       = malloc(t->payload_bytes + 1);

        memcpy(payload, t->payload, t->payload_bytes);
        ck_assert_int_eq(vec_push(&end->sent, payload), 0);
        if (t->payload_bytes)
                ck_assert_int_eq(link_send_payload(end->link, (uint16_t) n, body, t->body_bytes, payload,
                                                   t->payload_bytes, on_done, end),
                                 0);
        else if (t->has_fd)
                ck_assert_int_eq(link_send_fd(end->link, (uint16_t) n, body, t->body_bytes, fd), 0);
        else
                ck_assert_int_eq(link_send(end->link, (uint16_t) n, body, t->body_bytes), 0);
}

static void things_assert(const End *end, const Law *law, int fd) {
        for (uint32_t n = 0; n < end->got.n; n++) {
                const Got *got = &end->got.data[n];
                const Thing *t = thing(law, n);

                ck_assert_uint_eq(got->kind, n);
                ck_assert_uint_eq(got->body_bytes, t->body_bytes);
                ck_assert_bytes_eq(got->body, t->body, t->body_bytes);
                ck_assert_uint_eq(got->payload_bytes, t->payload_bytes);
                ck_assert_int_eq(!!got->payload, t->payload_bytes > 0);
                ck_assert_bytes_eq(got->payload, t->payload, t->payload_bytes);
                ck_assert_int_eq(got->fd >= 0, t->has_fd);
                ck_assert(got->fd < 0 || same_file(got->fd, fd));
        }
}

/* So many each way, a few at a time by chance, through a kernel that moves at most `most` bytes per call. */
static void assert_law(const Law *law, size_t most) {
        uint64_t seed       = most + 1;
        uint32_t n_sent[2]  = {};
        const uint32_t many = law->n;
        int fd              = memfd_create("a file", MFD_CLOEXEC);
        Pair p;
        End *ends[2] = { &p.a, &p.b };

        pair_init(&p, law->wire);
        kernel.most = most;
        while (n_sent[0] < many || n_sent[1] < many) {
                const uint32_t who = chance(&seed, 2);

                for (uint32_t k = chance(&seed, 6); k > 0 && n_sent[who] < many; k--)
                        thing_send(ends[who], law, n_sent[who]++, fd);
                if (chance(&seed, 4) == 0)
                        link_flush(ends[who]->link);
                ck_assert_int_ge(sd_event_run(p.event, 0), 0);
        }
        RUN_UNTIL(&p, p.a.got.n == many && p.b.got.n == many);
        run_idle(&p);
        for (int k = 0; k < 2; k++) {
                uint32_t n_payloads = 0;

                things_assert(ends[k], law, fd);
                for (uint32_t i = 0; i < many; i++)
                        n_payloads += thing(law, i)->payload_bytes > 0;
                ck_assert_uint_eq(ends[k]->n_done, n_payloads);
                ck_assert_uint_eq(link_queued_bytes(ends[k]->link), 0);
                ck_assert_uint_eq(ends[k]->n_closed, 0);
        }
        pair_free(&p);
        close(fd);
}

TEST(whatever_is_sent_arrives_whole_and_in_order) {
        for (int wire = 0; wire < N_WIRES; wire++)
                assert_law(&(Law) { (Wire) wire, BODY_MOST, PAYLOAD_MOST, 2000 }, 0);
}

TEST(whatever_is_sent_arrives_however_few_bytes_move_at_a_time) {
        for (int wire = 0; wire < N_WIRES; wire++) {
                for (size_t most = 1; most < 60; most++)
                        assert_law(&(Law) { (Wire) wire, 200, 200, 50 }, most);
                for (size_t most = 1000; most < 100000; most *= 4)
                        assert_law(&(Law) { (Wire) wire, BODY_MOST, PAYLOAD_MOST, 200 }, most + 1);
        }
}

TEST(calls_that_are_interrupted_are_made_again) {
        Pair p;

        pair_init(&p, UNIX);
        kernel.n_interrupts = 3;
        send_text(&p.a, 1, "one");
        link_flush(p.a.link);
        ck_assert_uint_eq(kernel.n_interrupts, 0);
        kernel.n_interrupts = 3;
        RUN_UNTIL(&p, p.b.got.n == 1);
        ck_assert_uint_eq(kernel.n_interrupts, 0);
        pair_free(&p);
}

/* ---- When it is sent --------------------------------------------------------------------------------------------- */

static const char forty[] = "a message of some forty bytes, or a few more";

TEST(small_messages_are_sent_together_when_the_loop_comes_round) {
        Pair p;

        pair_init(&p, UNIX);
        for (int k = 0; k < 500; k++)
                send_text(&p.a, 1, forty);
        ck_assert_uint_eq(kernel.n_calls, 0);
        ck_assert_uint_eq(link_queued_bytes(p.a.link), 500 * (FRAME_BYTES + strlen(forty)));
        ck_assert_int_gt(sd_event_run(p.event, 0), 0);
        ck_assert_uint_eq(kernel.n_calls, 1);
        ck_assert_uint_eq(link_queued_bytes(p.a.link), 0);
        RUN_UNTIL(&p, p.b.got.n == 500);
        ck_assert_uint_eq(kernel.n_calls, 2);
        pair_free(&p);
}

TEST(what_has_gathered_is_sent_before_the_loop_comes_round) {
        Pair p;

        pair_init(&p, UNIX);
        for (int k = 0; k < 1000; k++)
                send_text(&p.a, 1, forty);
        ck_assert_uint_eq(kernel.n_calls, 1);
        ck_assert_uint_le(link_queued_bytes(p.a.link), 64 << 10);
        link_flush(p.a.link);
        ck_assert_uint_eq(link_queued_bytes(p.a.link), 0);
        RUN_UNTIL(&p, p.b.got.n == 1000);
        pair_free(&p);
}

TEST(what_the_kernel_does_not_take_waits_in_order) {
        const size_t n = 300 << 10;
        uint8_t *body  = calloc(1, n);
        Pair p;

        pair_init(&p, UNIX);
        link_stop_reading(p.b.link, true);
        for (int k = 0; k < 8; k++)
                ck_assert_int_eq(link_send(p.a.link, (uint16_t) k, body, n), 0);
        run_idle(&p);
        ck_assert_uint_gt(link_queued_bytes(p.a.link), n);
        link_flush(p.a.link);
        send_text(&p.a, 8, "last");
        run_idle(&p);
        link_stop_reading(p.b.link, false);
        RUN_UNTIL(&p, p.b.got.n == 9);
        for (uint16_t k = 0; k < 8; k++)
                ck_assert(p.b.got.data[k].kind == k && p.b.got.data[k].body_bytes == n);
        ck_assert(got_text(&p.b, 8, 8, "last"));
        pair_free(&p);
        free(body);
}

TEST(a_link_that_is_flooded_leaves_turns_to_others) {
        Pair p;

        pair_init(&p, UNIX);
        send_text(&p.a, 1, "something to wake it");
        link_flush(p.a.link);
        kernel.endless = true;
        RUN_UNTIL(&p, p.b.got.n > 0);
        ck_assert_uint_le(p.b.got.n, (1 << 20) / (FRAME_BYTES + 40) + 1);
        pair_free(&p);
}

/* ---- Back-pressure ----------------------------------------------------------------------------------------------- */

TEST(whoever_stops_reading_gets_nothing_until_it_goes_on) {
        Pair p;

        pair_init(&p, UNIX);
        link_stop_reading(p.b.link, true);
        send_text(&p.a, 1, "one");
        run_idle(&p);
        ck_assert_uint_eq(p.b.got.n, 0);
        link_stop_reading(p.b.link, false);
        RUN_UNTIL(&p, p.b.got.n == 1);
        pair_free(&p);
}

TEST(whoever_stops_in_a_callback_gets_the_rest_of_what_has_come_when_it_goes_on) {
        for (When when = IN_MESSAGE; when <= IN_PAYLOAD; when++) {
                Pair p;

                pair_init(&p, UNIX);
                p.b.stop_when = when;
                for (int k = 0; k < 5; k++) {
                        ck_assert_int_eq(link_send_payload(p.a.link, 1, NULL, 0, "payload", 7, on_done, &p.a), 0);
                        ck_assert_int_eq(link_send_fd(p.a.link, 2, NULL, 0, STDIN_FILENO), 0);
                }
                p.a.link = link_free((link_flush(p.a.link), p.a.link));
                for (uint32_t k = 0; k < (when == IN_MESSAGE ? 10 : 5); k++) {
                        run_idle(&p); /* the other side is gone, and that wakes nobody again and again */
                        ck_assert_uint_eq(p.b.got.n, when == IN_MESSAGE ? k + 1 : 2 * k);
                        ck_assert_uint_eq(p.b.n_closed, 0);
                        link_stop_reading(p.b.link, false);
                }
                RUN_UNTIL(&p, p.b.n_closed == 1);
                ck_assert_uint_eq(p.b.got.n, 10);
                ck_assert_int_eq(p.b.why.code, 0);
                pair_free(&p);
        }
}

TEST(sending_fails_while_reading_is_stopped_and_is_said_when_it_goes_on) {
        Pair p;

        pair_init_raw(&p, &events);
        link_stop_reading(p.a.link, true);
        raw_close(&p.b);
        send_text(&p.a, 1, "into the void");
        run_idle(&p);
        ck_assert_uint_eq(p.a.n_closed, 0);
        ck_assert_uint_eq(link_queued_bytes(p.a.link), 0);
        link_stop_reading(p.a.link, false);
        RUN_UNTIL(&p, p.a.n_closed > 0);
        ck_assert_int_eq(p.a.why.code, -ECONNRESET);
        pair_free(&p);
}

/* ---- Connecting -------------------------------------------------------------------------------------------------- */

static void on_accepted(void *userdata, int fd) {
        Pair *p = userdata;

        p->b = (End) { .event = p->event, .fd = fd };
        end_link(&p->b, &events);
}

TEST(what_is_sent_before_the_connection_is_there_arrives) {
        static const char *const addresses[] = { NULL, "127.0.0.1:0", "[::1]:0", "localhost:0" };
        char path[64];

        snprintf(path, sizeof(path), "unix:/tmp/mars-test-link-%d.sock", getpid());
        for (size_t k = 0; k < ELEMENTSOF(addresses); k++) {
                Pair p = { .n_fds = n_open(), .a.fd = -1, .b.fd = -1 };
                Listener *listener;
                LinkPeer peer;

                kernel = (typeof(kernel)) {};
                ck_assert_int_ge(sd_event_new(&p.event), 0);
                ck_assert_int_eq(listener_new(&listener, p.event, addresses[k] ?: path, 0600, on_accepted, &p, NULL),
                                 0);
                ck_assert_int_eq(link_connect(&p.a.link, p.event, listener_address(listener), &events, &p.a, NULL), 0);
                send_text(&p.a, 1, "early");
                RUN_UNTIL(&p, p.b.got.n == 1);
                send_text(&p.b, 2, "answer");
                RUN_UNTIL(&p, p.a.got.n == 1);
                ck_assert_int_eq(link_peer(p.b.link, &peer), 0);
                ck_assert_int_eq(peer.local, k == 0);
                ck_assert_int_eq(peer.loopback, k > 0);
                if (k == 0)
                        ck_assert(peer.uid == getuid() && peer.pid == getpid() && strstr(peer.text, "uid "));
                else
                        ck_assert(strstr(peer.text, k == 2 ? "[::1]:" : "127.0.0.1:"));
                listener_free(listener);
                pair_free(&p);
        }
}

TEST(what_cannot_be_reached_is_closed_with_words_that_name_it) {
        static const char *const addresses[] = { "unix:/tmp/mars-test-nobody.sock", "127.0.0.1:1" };

        for (size_t k = 0; k < ELEMENTSOF(addresses); k++) {
                Pair p = { .n_fds = n_open(), .a.fd = -1, .b.fd = -1 };

                kernel = (typeof(kernel)) {};
                ck_assert_int_ge(sd_event_new(&p.event), 0);
                ck_assert_int_eq(link_connect(&p.a.link, p.event, addresses[k], &events, &p.a, NULL), 0);
                ck_assert_int_eq(link_send_payload(p.a.link, 1, NULL, 0, "payload", 7, on_done, &p.a), 0);
                ck_assert_uint_eq(p.a.n_closed, 0);
                RUN_UNTIL(&p, p.a.n_closed > 0);
                ck_assert_int_eq(p.a.why.code, k == 0 ? -ENOENT : -ECONNREFUSED);
                ck_assert(strstr(p.a.why.text, addresses[k]));
                ck_assert_uint_eq(p.a.n_done, 1);
                pair_free(&p);
        }
}

static void accept_web(void *userdata, int fd) {
        static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";

        *(int *) userdata = fd;
        ck_assert_int_eq(write(fd, answer, strlen(answer)), (ssize_t) strlen(answer));
}

TEST(whoever_reaches_a_web_server_by_mistake_hears_how_to_say_that_he_meant_it) {
        Pair p             = { .n_fds = n_open(), .a.fd = -1, .b.fd = -1 };
        Listener *listener = NULL;
        int web            = -1;

        kernel = (typeof(kernel)) {};
        ck_assert_int_ge(sd_event_new(&p.event), 0);
        ck_assert_int_eq(listener_new(&listener, p.event, "127.0.0.1:0", 0, accept_web, &web, NULL), 0);
        ck_assert_int_eq(
                link_connect(&p.a.link, p.event, listener_address(listener), &events, &p.a, NULL), 0);
        RUN_UNTIL(&p, p.a.n_closed > 0);
        ck_assert_int_eq(p.a.why.code, ERROR_CORRUPT);
        ck_assert(strstr(p.a.why.text, "'http://127.0.0.1:"));
        close(web);
        listener_free(listener);
        pair_free(&p);
}

TEST(an_address_that_is_none_is_refused_at_once) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Link *link                                 = NULL;
        Error err;

        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_eq(link_connect(&link, event, "nowhere", &events, NULL, &err), ERROR_VALUE);
        ck_assert_ptr_null(link);
}

TEST(a_link_takes_stream_sockets_alone_and_the_descriptor_in_any_case) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        const int type[]                           = { SOCK_DGRAM, SOCK_SEQPACKET };
        Link *link                                 = NULL;
        Error err;
        unsigned n;

        ck_assert_int_ge(sd_event_new(&event), 0);
        n = n_open();
        for (size_t k = 0; k < ELEMENTSOF(type); k++) {
                ck_assert_int_eq(link_new(&link, event, socket(AF_UNIX, type[k], 0), &events, NULL, &err), ERROR_VALUE);
                ck_assert_uint_eq(n_open(), n);
        }
        ck_assert_int_eq(link_new(&link, event, dup(STDIN_FILENO), &events, NULL, &err), ERROR_VALUE);
        ck_assert_uint_eq(n_open(), n);
}
