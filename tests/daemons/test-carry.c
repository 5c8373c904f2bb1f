/* SPDX-License-Identifier: Apache-2.0 */
/* Two connections with a carrier between them, in one loop; the test is at both outer ends. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemons/web/carry.h"
#include "harness.h"

typedef struct Both {
        Carrier carrier;
        Web *web;
        int client, daemon; /* the outer ends */
        unsigned n_ended;
} Both;

static void on_ended(Carrier *carrier) {
        ((Both *) carrier)->n_ended++;
        carrier_done(carrier);
}

static void both_init(Both *b) {
        int client[2], daemon[2];

        signal(SIGPIPE, SIG_IGN); /* as in daemons */
        *b = (Both) { .web = calloc(1, sizeof(*b->web)) };
        ck_assert_ptr_nonnull(b->web);
        ck_assert_int_ge(sd_event_new(&b->web->event), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, client), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, daemon), 0);
        b->client  = client[0];
        b->daemon  = daemon[0];
        b->carrier = (Carrier) { .web           = b->web,
                                 .client.stream = { .fd = client[1], .family = AF_INET },
                                 .daemon.stream = { .fd = daemon[1], .family = AF_INET },
                                 .ended         = on_ended };
}

static void run(Both *b) {
        while (sd_event_run(b->web->event, 0) > 0)
                ;
}

static void both_free(Both *b) {
        if (b->n_ended == 0)
                carrier_done(&b->carrier);
        ck_assert_uint_eq(b->web->held_bytes, 0); /* whatever had happened */
        carriers_end(b->web);
        close(b->client);
        close(b->daemon);
        sd_event_unref(b->web->event);
        free(b->web);
}

static uint8_t byte_at(size_t at) {
        return (uint8_t) (at * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

/* As much as goes, of so many bytes in all. */
static void send_some(int fd, size_t *sent, size_t all) {
        uint8_t piece[8192];
        ssize_t n = 1;

        while (*sent < all && n > 0) {
                const size_t most = MIN(sizeof(piece), all - *sent);

                for (size_t k = 0; k < most; k++)
                        piece[k] = byte_at(*sent + k);
                n = send(fd, piece, most, MSG_NOSIGNAL);
                *sent += n > 0 ? (size_t) n : 0;
        }
}

/* As much as has come, up to so many bytes; true: it ended. */
static bool receive_some(int fd, size_t *got, size_t most) {
        uint8_t piece[8192];
        ssize_t n = 1;

        while (most > 0 && (n = recv(fd, piece, MIN(most, sizeof(piece)), 0)) > 0) {
                for (ssize_t k = 0; k < n; k++)
                        ck_assert_uint_eq(piece[k], byte_at(*got + (size_t) k));
                *got += (size_t) n;
                most -= (size_t) n;
        }
        return n == 0;
}

enum { ALL = 3 << 20 };

TEST(bytes_arrive_as_they_were_sent_both_ways_at_once) {
        size_t up_sent = 0, up_got = 0, down_sent = 0, down_got = 0;
        Both b;

        both_init(&b);
        carrier_begin(&b.carrier);
        while (up_got < ALL || down_got < ALL) {
                send_some(b.client, &up_sent, ALL);
                send_some(b.daemon, &down_sent, ALL);
                run(&b);
                receive_some(b.daemon, &up_got, SIZE_MAX);
                receive_some(b.client, &down_got, SIZE_MAX);
        }
        ck_assert_uint_eq(b.n_ended, 0);
        both_free(&b);
}

/* As many bytes down as there are, to somebody who reads all that has come. */
static void bring_down(Both *b) {
        size_t sent = 0, got = 0;

        while (got < ALL) {
                send_some(b->daemon, &sent, ALL);
                run(b);
                receive_some(b->client, &got, SIZE_MAX);
        }
}

TEST(much_goes_through_a_pipe_which_the_next_one_finds) {
        Both b;

        both_init(&b);
        carrier_begin(&b.carrier);
        bring_down(&b);
        ck_assert(b.web->pipe.open);
        ck_assert(!b.carrier.daemon.in.pipe.open);
        both_free(&b);
}

TEST(without_descriptors_for_a_pipe_bytes_are_copied) {
        struct rlimit before, none;
        Both b;

        both_init(&b);
        carrier_begin(&b.carrier);
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit) { 0, before.rlim_max };
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        bring_down(&b);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        ck_assert(!b.web->pipe.open);
        both_free(&b);
}

TEST(what_lies_in_a_pipe_is_gone_with_its_carrier) {
        size_t sent = 0, before = SIZE_MAX;
        Both b;

        both_init(&b);
        carrier_begin(&b.carrier);
        while (sent != before) {
                before = sent;
                send_some(b.daemon, &sent, 64 * ALL);
                run(&b);
        }
        ck_assert_uint_gt(b.carrier.daemon.in.pipe.n, 0);
        close(b.client);
        run(&b);
        ck_assert_uint_eq(b.n_ended, 1);
        ck_assert(!b.web->pipe.open); /* what lies in it would come to somebody else */
        b.client = dup(b.daemon);
        both_free(&b);
}

TEST(who_does_not_read_lets_little_be_held_and_gets_all_of_it_later) {
        size_t sent = 0, before = SIZE_MAX, got = 0;
        Both b;

        both_init(&b);
        carrier_begin(&b.carrier);
        while (sent != before) {
                before = sent;
                send_some(b.client, &sent, 64 * ALL);
                run(&b);
                ck_assert_uint_le(b.web->held_bytes, PIECE_BYTES);
        }
        ck_assert_uint_lt(sent, 64 * ALL); /* nothing more is taken from who sends */
        while (got < sent) {
                receive_some(b.daemon, &got, 1000);
                run(&b);
        }
        both_free(&b);
}

TEST(what_was_said_before_the_carrier_began_comes_first) {
        uint8_t said[1000];
        size_t sent = sizeof(said), got = 0;
        Both b;

        for (size_t k = 0; k < sizeof(said); k++)
                said[k] = byte_at(k);
        both_init(&b);
        ck_assert_int_eq(carrier_hold(&b.carrier, said, sizeof(said)), 0);
        carrier_begin(&b.carrier);
        send_some(b.client, &sent, 5000);
        run(&b);
        receive_some(b.daemon, &got, SIZE_MAX);
        ck_assert_uint_eq(got, 5000);
        both_free(&b);
}

TEST(the_end_of_one_side_is_that_of_the_other_when_all_has_arrived) {
        size_t sent = 0, got = 0;
        bool ended  = false;
        Both b;

        both_init(&b);
        carrier_begin(&b.carrier);
        while (sent < ALL / 2) {
                send_some(b.client, &sent, ALL / 2);
                run(&b);
                if (sent < ALL / 2)
                        receive_some(b.daemon, &got, 10000);
        }
        ck_assert_int_eq(shutdown(b.client, SHUT_WR), 0);
        while (!ended) {
                run(&b);
                ended = receive_some(b.daemon, &got, SIZE_MAX);
        }
        ck_assert_uint_eq(got, sent);
        ck_assert_uint_eq(b.n_ended, 1);
        both_free(&b);
}

TEST(a_side_that_is_gone_ends_both_at_once) {
        size_t sent = 0;
        Both b;

        both_init(&b);
        carrier_begin(&b.carrier);
        close(b.daemon);
        send_some(b.client, &sent, 5000);
        run(&b);
        ck_assert_uint_eq(b.n_ended, 1);
        b.daemon = dup(b.client);
        both_free(&b);
}
