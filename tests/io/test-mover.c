/* SPDX-License-Identifier: Apache-2.0 */
/* Moves through io_uring: by themselves, and as what links do with large payloads (the other tests of links do all that
 * they do with movers, too). */
#include "io/links.h"

/* ---- Moves ------------------------------------------------------------------------------------------------------- */

typedef struct Moving {
        sd_event *event;
        Mover *mover;
        int fd[2];
        Move move[4];
        unsigned n_ended;
        ssize_t n;            /* of the last one */
        Move *stops;          /* when one ends */
} Moving;

static void on_ended(void *userdata, ssize_t n) {
        Moving *m = userdata;

        m->n_ended++;
        m->n = n;
        if (m->stops)
                mover_stop(m->mover, TAKE_PTR(m->stops));
}

static void moving_free(Moving *m) {
        mover_unref(m->mover);
        sd_event_unref(m->event);
        close(m->fd[0]);
        close(m->fd[1]);
}

/* False: there is no io_uring here, so nothing to test. */
static bool moving_init(Moving *m) {
        *m = (Moving) {};
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, m->fd), 0);
        ck_assert_int_ge(sd_event_new(&m->event), 0);
        if (mover_make(&m->mover, m->event))
                return true;
        moving_free(m);
        return false;
}

static void begin(Moving *m, Move *move, MoveKind kind, int fd, void *memory, size_t n) {
        *move        = (Move) { .ended = on_ended, .userdata = m };
        move->iov[0] = (struct iovec) { memory, n };
        move->msg    = (struct msghdr) { .msg_iov = move->iov, .msg_iovlen = 1 };
        ck_assert_int_eq(mover_begin(m->mover, move, kind, fd), 0);
}

TEST(a_move_ends_once_with_all_its_bytes_however_they_come) {
        static char from[4 * MiB], to[sizeof(from)];
        const size_t n = sizeof(from);
        Moving m;

        if (!moving_init(&m))
                return;
        fill(from, n, 1);
        begin(&m, &m.move[0], MOVE_RECEIVE, m.fd[1], to, n);
        begin(&m, &m.move[1], MOVE_SEND, m.fd[0], from, n);
        RUN_UNTIL(&m, m.n_ended == 2);
        ck_assert_int_eq(m.n, (ssize_t) n);
        ck_assert_bytes_eq(to, from, n);
        ck_assert(!m.move[0].under_way && !m.move[1].under_way);
        moving_free(&m);
}

TEST(a_move_ends_short_when_the_connection_does) {
        char to[1000];
        Moving m;

        if (!moving_init(&m))
                return;
        begin(&m, &m.move[0], MOVE_RECEIVE, m.fd[1], to, sizeof(to));
        ck_assert_int_eq(write(m.fd[0], "some", 4), 4);
        shutdown(m.fd[0], SHUT_WR);
        RUN_UNTIL(&m, m.n_ended == 1);
        ck_assert_int_eq(m.n, 4);
        begin(&m, &m.move[0], MOVE_RECEIVE, m.fd[1], to, sizeof(to));
        RUN_UNTIL(&m, m.n_ended == 2);
        ck_assert_int_eq(m.n, 0);
        begin(&m, &m.move[0], MOVE_SEND, -1, to, sizeof(to));
        RUN_UNTIL(&m, m.n_ended == 3);
        ck_assert_int_eq(m.n, -EBADF);
        moving_free(&m);
}

TEST(what_was_stopped_is_touched_no_more_and_not_told) {
        static char to[MiB], from[sizeof(to)];
        const size_t n = sizeof(to);
        size_t first;
        Moving m;

        if (!moving_init(&m))
                return;
        memset(from, 'x', n);
        begin(&m, &m.move[0], MOVE_RECEIVE, m.fd[1], to, n);
        ck_assert_int_gt(write(m.fd[0], from, 1000), 0);
        sd_event_run(m.event, 0);
        mover_stop(m.mover, &m.move[0]);
        mover_stop(m.mover, &m.move[0]); /* once more is nothing */
        first = (size_t) strnlen(to, n);
        ck_assert_int_gt(write(m.fd[0], from, n), 0);
        for (int k = 0; k < 10; k++)
                ck_assert_int_ge(sd_event_run(m.event, 1000), 0);
        ck_assert_uint_eq(m.n_ended, 0);
        ck_assert_uint_eq(strnlen(to, n), first);
        moving_free(&m);
}

TEST(whoever_hears_of_an_end_may_stop_others_that_have_ended_too) {
        char to[2] = {};
        Moving m;

        if (!moving_init(&m))
                return;
        m.stops = &m.move[0];
        begin(&m, &m.move[0], MOVE_RECEIVE, m.fd[1], to, 1);
        begin(&m, &m.move[1], MOVE_RECEIVE, m.fd[0], to + 1, 1);
        ck_assert(write(m.fd[0], "a", 1) == 1 && write(m.fd[1], "b", 1) == 1);
        while (m.n_ended == 0 || m.stops)
                ck_assert_int_ge(sd_event_run(m.event, UINT64_MAX), 0);
        for (int k = 0; k < 10; k++)
                ck_assert_int_ge(sd_event_run(m.event, 1000), 0);
        ck_assert_uint_le(m.n_ended, 2);
        ck_assert(!m.move[0].under_way && !m.move[1].under_way);
        moving_free(&m);
}

TEST(stopping_one_loses_no_other_that_ends_meanwhile) {
        char to[2];
        Moving m;

        if (!moving_init(&m))
                return;
        for (int k = 0; k < 100; k++) {
                const unsigned before = m.n_ended;

                begin(&m, &m.move[0], MOVE_RECEIVE, m.fd[0], to, 1);
                begin(&m, &m.move[1], MOVE_RECEIVE, m.fd[1], to + 1, 1);
                ck_assert_int_eq(write(m.fd[0], "x", 1), 1);
                mover_stop(m.mover, &m.move[0]);
                RUN_UNTIL(&m, m.n_ended == before + 1);
                ck_assert_int_eq(m.n, 1);
        }
        moving_free(&m);
}

TEST(when_there_are_too_many_moves_it_is_said_and_one_that_ends_makes_room) {
        static Move many[4096];
        unsigned n = 0;
        char to;
        Moving m;

        if (!moving_init(&m))
                return;
        for (; n < ELEMENTSOF(many); n++) {
                many[n]        = (Move) { .ended = on_ended, .userdata = &m, .iov = { { &to, 1 } } };
                many[n].msg    = (struct msghdr) { .msg_iov = many[n].iov, .msg_iovlen = 1 };
                if (mover_begin(m.mover, &many[n], MOVE_RECEIVE, m.fd[0]) == -EBUSY)
                        break;
        }
        ck_assert_uint_ge(n, 64);
        ck_assert_uint_lt(n, ELEMENTSOF(many));
        mover_stop(m.mover, &many[0]);
        ck_assert_int_eq(mover_begin(m.mover, &many[n], MOVE_RECEIVE, m.fd[0]), 0);
        for (unsigned k = 1; k <= n; k++)
                mover_stop(m.mover, &many[k]);
        ck_assert_uint_eq(m.n_ended, 0);
        moving_free(&m);
}

/* ---- Links ------------------------------------------------------------------------------------------------------- */

/* So much that it is on its way for several turns. */
static char *send_large(End *end, size_t n) {
        char *payload = malloc(n);

        fill(payload, n, 5);
        ck_assert_int_eq(link_send_payload(end->link, 7, NULL, 0, payload, n, on_done, end), 0);
        return payload;
}

TEST(a_link_that_is_freed_while_its_payloads_move_lets_their_memory_go) {
        const size_t n = 64 * MiB;

        for (int wire = UNIX_MOVED; wire < N_WIRES; wire++)
                for (int receiver = 0; receiver < 2; receiver++) {
                        char *payload;
                        Pair p;

                        pair_init(&p, (Wire) wire);
                        payload = send_large(&p.a, n);
                        RUN_UNTIL(&p, p.b.payload);
                        for (int k = 0; k < 3; k++)
                                ck_assert_int_ge(sd_event_run(p.event, 0), 0);
                        if (receiver) {
                                char *to = TAKE_PTR(p.b.payload);

                                p.b.link = link_free(p.b.link);
                                memset(to, 0, n);
                                RUN_UNTIL(&p, p.a.n_closed == 1);
                                for (size_t k = 0; k < n; k++)
                                        ck_assert(to[k] == 0);
                                free(to);
                        } else {
                                p.a.link = link_free(p.a.link);
                                RUN_UNTIL(&p, p.b.n_closed == 1);
                                ck_assert_int_eq(p.b.why.code, -ECONNRESET);
                                ck_assert_uint_eq(p.b.got.n, 0);
                        }
                        ck_assert_uint_eq(p.a.n_done, 1);
                        pair_free(&p);
                        free(payload);
                }
}

TEST(whoever_stops_reading_while_a_payload_moves_gets_it_when_he_goes_on) {
        const size_t n = 32 * MiB;

        for (int wire = UNIX_MOVED; wire < N_WIRES; wire++) {
                char *payload;
                Pair p;

                pair_init(&p, (Wire) wire);
                payload = send_large(&p.a, n);
                send_text(&p.a, 8, "behind");
                RUN_UNTIL(&p, p.b.payload);
                link_stop_reading(p.b.link, true);
                for (int k = 0; k < 100; k++)
                        ck_assert_int_ge(sd_event_run(p.event, 1000), 0);
                ck_assert_uint_eq(p.b.got.n, 0);
                link_stop_reading(p.b.link, false);
                RUN_UNTIL(&p, p.b.got.n == 2);
                ck_assert_bytes_eq(p.b.got.data[0].payload, payload, n);
                ck_assert(got_text(&p.b, 1, 8, "behind"));
                pair_free(&p);
                free(payload);
        }
}

TEST(a_descriptor_in_the_middle_of_a_payload_that_moves_is_refused_and_closed) {
        const size_t n    = 4 * MiB;
        const Frame frame = { .kind = 7, .payload_bytes = n };
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int))];
        } control         = {};
        struct iovec iov  = { (char *) "x", 1 };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
                              .msg_controllen = sizeof(control.space) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        uint8_t header[FRAME_BYTES];
        Pair p;

        pair_init_raw(&p, &events);
        if (mover_make(&p.mover, p.event))
                link_move(p.a.link, p.mover);
        frame_encode(&frame, header);
        raw_write(&p.b, header, sizeof(header));
        RUN_UNTIL(&p, p.a.payload);
        *c = (struct cmsghdr) { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(c), &(int) { STDIN_FILENO }, sizeof(int));
        ck_assert_int_eq(syscall(SYS_sendmsg, p.b.fd, &msg, 0), 1);
        raw_close(&p.b);
        RUN_UNTIL(&p, p.a.n_closed == 1);
        ck_assert(p.a.why.code < 0);
        ck_assert_uint_eq(p.a.got.n, 0);
        pair_free(&p);
}
