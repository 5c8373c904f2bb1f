/* SPDX-License-Identifier: Apache-2.0 */
/* How links end: closed by the other side, by failures, by their owner, and by what the other side should not have
 * sent. */
#include "io/links.h"

/* ---- The end ----------------------------------------------------------------------------------------------------- */

/* A frame with a body and a payload as one run of bytes. */
enum { BODY = 100, PAYLOAD = 300, WHOLE = FRAME_BYTES + BODY + PAYLOAD };

static void whole_frame(uint8_t to[WHOLE]) {
        frame_encode(&(Frame) { .kind = 77, .body_bytes = BODY, .payload_bytes = PAYLOAD }, to);
        fill((char *) to + FRAME_BYTES, WHOLE - FRAME_BYTES, 4);
}

TEST(a_connection_that_ends_within_a_message_is_reset_and_between_messages_closed) {
        uint8_t bytes[2 * WHOLE];

        whole_frame(bytes);
        whole_frame(bytes + WHOLE);
        for (size_t n = 0; n <= 2 * WHOLE; n++)
                for (int late = 0; late < 2; late++) {
                        Pair p;

                        pair_init_raw(&p, &events);
                        if (late) { /* a part of it is read before the end is */
                                raw_write(&p.b, bytes, n / 2);
                                run_idle(&p);
                        }
                        raw_write(&p.b, bytes + late * (n / 2), n - late * (n / 2));
                        raw_close(&p.b);
                        RUN_UNTIL(&p, p.a.n_closed > 0);
                        run_idle(&p);
                        ck_assert_uint_eq(p.a.n_closed, 1);
                        ck_assert_uint_eq(p.a.got.n, n / WHOLE);
                        ck_assert_int_eq(p.a.why.code, n % WHOLE ? -ECONNRESET : 0);
                        ck_assert(p.a.why.text[0]);
                        for (uint32_t k = 0; k < p.a.got.n; k++)
                                ck_assert_bytes_eq(p.a.got.data[k].payload, bytes + FRAME_BYTES + BODY, PAYLOAD);
                        pair_free(&p);
                }
}

TEST(what_was_not_sent_when_the_other_side_closes_is_reset) {
        const size_t n = 8 * MiB;
        char *payload  = calloc(1, n);
        Pair p;

        pair_init_raw(&p, &events);
        ck_assert_int_eq(link_send_payload(p.a.link, 1, NULL, 0, payload, n, on_done, &p.a), 0);
        run_idle(&p);
        ck_assert_uint_eq(p.a.n_done, 0);
        raw_close(&p.b);
        RUN_UNTIL(&p, p.a.n_closed > 0);
        ck_assert_int_eq(p.a.why.code, -ECONNRESET);
        ck_assert_uint_eq(p.a.n_done, 1);
        free(payload); /* nobody reads it any more */
        run_idle(&p);
        pair_free(&p);
}

TEST(what_the_other_side_said_before_it_went_is_heard_although_sending_fails) {
        Pair p;

        for (int fail = 0; fail < 2; fail++) {
                pair_init_raw(&p, &events);
                ck_assert_int_eq(link_send_payload(p.a.link, 1, NULL, 0, "payload", 7, on_done, &p.a), 0);
                send_text(&p.a, 1, "hello");
                if (fail)
                        kernel.fail_send = EIO;
                else {
                        uint8_t refused[FRAME_BYTES];

                        frame_encode(&(Frame) { .kind = 3 }, refused);
                        raw_write(&p.b, refused, sizeof(refused));
                        raw_close(&p.b);
                }
                link_flush(p.a.link);
                ck_assert_uint_eq(p.a.n_closed, 0); /* only the loop says so */
                send_text(&p.a, 1, "into the void");
                RUN_UNTIL(&p, p.a.n_closed > 0);
                ck_assert_uint_eq(p.a.got.n, fail ? 0 : 1);
                ck_assert_int_eq(p.a.why.code, fail ? -EIO : -ECONNRESET);
                ck_assert_uint_eq(p.a.n_done, 1);
                ck_assert_uint_eq(link_queued_bytes(p.a.link), 0);
                pair_free(&p);
        }
}

TEST(a_failure_to_receive_closes_with_its_errno) {
        Pair p;

        pair_init(&p, UNIX);
        send_text(&p.a, 1, "one");
        link_flush(p.a.link);
        kernel.fail_receive = ENOBUFS;
        RUN_UNTIL(&p, p.b.n_closed > 0);
        ck_assert_int_eq(p.b.why.code, -ENOBUFS);
        RUN_UNTIL(&p, p.a.n_closed > 0);
        pair_free(&p);
}

TEST(on_a_closed_link_nothing_happens) {
        Pair p;

        pair_init_raw(&p, &events);
        raw_close(&p.b);
        RUN_UNTIL(&p, p.a.n_closed > 0);
        send_text(&p.a, 1, "nobody hears it");
        ck_assert_int_eq(link_send_payload(p.a.link, 1, NULL, 0, "payload", 7, on_done, &p.a), 0);
        ck_assert_uint_eq(p.a.n_done, 1);
        ck_assert_int_eq(link_send_fd(p.a.link, 1, NULL, 0, STDIN_FILENO), 0);
        link_flush(p.a.link);
        link_stop_reading(p.a.link, true);
        link_stop_reading(p.a.link, false);
        run_idle(&p);
        ck_assert_uint_eq(link_queued_bytes(p.a.link), 0);
        ck_assert_uint_eq(p.a.n_closed, 1);
        ck_assert_int_eq(link_peer(p.a.link, &(LinkPeer) {}), -ENOTCONN);
        pair_free(&p);
}

TEST(whoever_frees_a_link_hears_of_its_payloads_and_nothing_else) {
        const size_t n = 8 * MiB;
        char *payload  = calloc(1, n);
        Pair p;

        pair_init(&p, UNIX);
        for (int k = 0; k < 3; k++)
                ck_assert_int_eq(link_send_payload(p.a.link, 1, NULL, 0, payload, n, on_done, &p.a), 0);
        link_flush(p.a.link);
        p.a.link = link_free(p.a.link);
        ck_assert_uint_eq(p.a.n_done, 3);
        ck_assert_uint_eq(p.a.n_closed, 0);
        RUN_UNTIL(&p, p.b.n_closed > 0);
        ck_assert_int_eq(p.b.why.code, -ECONNRESET);
        ck_assert_uint_eq(p.b.got.n, 0);
        pair_free(&p);
        free(payload);
}

TEST(a_link_may_be_freed_in_every_callback) {
        for (int wire = 0; wire < N_WIRES; wire++)
                for (When when = IN_MESSAGE; when <= IN_DONE; when++) {
                        Pair p;

                        pair_init(&p, (Wire) wire);
                        p.b.free_when = when;
                        for (int k = 0; k < 3; k++) {
                                ck_assert_int_eq(link_send_payload(p.b.link, 1, NULL, 0, "back", 4, on_done, &p.b), 0);
                                send_text(&p.a, 1, "one");
                                ck_assert_int_eq(link_send_payload(p.a.link, 2, NULL, 0, "two", 3, on_done, &p.a), 0);
                        }
                        if (when == IN_CLOSED) {
                                RUN_UNTIL(&p, p.b.got.n == 6);
                                p.a.link = link_free(p.a.link);
                        }
                        RUN_UNTIL(&p, !p.b.link);
                        RUN_UNTIL(&p, when == IN_CLOSED || p.a.n_closed == 1);
                        run_idle(&p);
                        ck_assert_uint_eq(p.b.n_done, 3);
                        ck_assert_uint_eq(p.b.n_closed, when == IN_CLOSED);
                        ck_assert_uint_le(p.b.got.n, 6);
                        pair_free(&p);
                }
}

/* ---- Lies -------------------------------------------------------------------------------------------------------- */

/* The bytes are refused, with words; the link is closed and nothing was handed out. */
static void assert_refused(const LinkEvents *how, const void *bytes, size_t n, int code) {
        Pair p;

        pair_init_raw(&p, how);
        raw_write(&p.b, bytes, n);
        RUN_UNTIL(&p, p.a.n_closed > 0);
        ck_assert_int_eq(p.a.why.code, code);
        ck_assert(p.a.why.text[0]);
        ck_assert_uint_eq(p.a.got.n, 0);
        pair_free(&p);
}

TEST(what_is_no_frame_is_refused) {
        static const char http[] = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
        uint8_t frame[FRAME_BYTES];

        assert_refused(&events, http, sizeof(http), ERROR_CORRUPT);
        for (size_t k = 0; k < FRAME_BYTES; k++) {
                frame_encode(&(Frame) { .kind = 1 }, frame);
                if (k == 4 || k == 5 || (k >= 8 && k < 11) || (k >= 16 && k < 21))
                        continue; /* any kind is one, and so are many sizes */
                frame[k] ^= 0x80;
                assert_refused(&events, frame, sizeof(frame), ERROR_CORRUPT);
        }
}

TEST(frames_that_are_too_large_are_refused) {
        uint8_t frame[FRAME_BYTES];

        frame_encode(&(Frame) { .kind = 1, .body_bytes = MAX_BODY_BYTES }, frame);
        frame[8]++;
        assert_refused(&events, frame, sizeof(frame), ERROR_CORRUPT);
        frame_encode(&(Frame) { .kind = 1, .payload_bytes = MAX_PAYLOAD_BYTES }, frame);
        frame[16]++;
        assert_refused(&events, frame, sizeof(frame), ERROR_CORRUPT);
}

static const LinkEvents no_payload = { .message = on_message, .closed = on_closed };

TEST(payloads_are_refused_where_none_are_expected) {
        uint8_t frame[WHOLE];

        whole_frame(frame);
        assert_refused(&no_payload, frame, FRAME_BYTES, ERROR_CORRUPT);
}

TEST(random_bytes_close_the_link_once) {
        uint64_t seed = 9;

        for (int k = 0; k < 300; k++) {
                uint8_t bytes[2000];
                Pair p;

                /* Good frames in front, some of them bent. */
                for (size_t i = 0; i < sizeof(bytes); i++)
                        bytes[i] = (uint8_t) chance(&seed, 256);
                for (size_t i = 0; i + WHOLE <= chance(&seed, 1500); i += WHOLE)
                        whole_frame(bytes + i);
                bytes[chance(&seed, 1500)] ^= (uint8_t) (1 << chance(&seed, 8));
                pair_init_raw(&p, &events);
                raw_write(&p.b, bytes, sizeof(bytes));
                raw_close(&p.b);
                RUN_UNTIL(&p, p.a.n_closed > 0);
                run_idle(&p);
                ck_assert_uint_eq(p.a.n_closed, 1);
                pair_free(&p);
        }
}

TEST(a_promise_of_64_mib_costs_nothing_until_they_come) {
        uint8_t frame[FRAME_BYTES + 1] = {};
        size_t before;
        Pair p;

        pair_init_raw(&p, &events);
        frame_encode(&(Frame) { .kind = 1, .body_bytes = MAX_BODY_BYTES }, frame);
        before = mallinfo2().uordblks + mallinfo2().hblkhd;
        raw_write(&p.b, frame, sizeof(frame));
        run_idle(&p);
        ck_assert_uint_le(mallinfo2().uordblks + mallinfo2().hblkhd, before + (256 << 10));
        raw_close(&p.b);
        RUN_UNTIL(&p, p.a.n_closed > 0);
        pair_free(&p);
}

TEST(a_callback_that_refuses_closes_with_its_error) {
        for (int k = 0; k < 3; k++) {
                Pair p;

                pair_init(&p, UNIX);
                p.b.refuse_message = k < 2 ? -EXDEV : 0;
                p.b.refuse_payload = k < 2 ? 0 : -ENOSPC;
                p.b.words          = k == 1;
                ck_assert_int_eq(link_send_payload(p.a.link, 1, NULL, 0, "payload", 7, on_done, &p.a), 0);
                send_text(&p.a, 2, "never seen");
                RUN_UNTIL(&p, p.b.n_closed > 0 && p.a.n_closed > 0);
                ck_assert_int_eq(p.b.why.code, k < 2 ? -EXDEV : -ENOSPC);
                ck_assert_str_eq(p.b.why.text, k == 1 ? "not this one" : strerrordesc_np(-p.b.why.code));
                ck_assert_uint_eq(p.b.got.n, k < 2);
                pair_free(&p);
        }
}

/* ---- Descriptors ------------------------------------------------------------------------------------------------- */

TEST(a_descriptor_arrives_as_the_same_file_and_is_a_copy) {
        int fd = memfd_create("a file", MFD_CLOEXEC);
        Pair p;

        pair_init(&p, UNIX);
        p.n_fds--; /* fd is closed below */
        send_text(&p.a, 1, "before");
        ck_assert_int_eq(link_send_fd(p.a.link, 2, (uint8_t *) "with", 4, fd), 0);
        ck_assert_int_eq(link_send_fd(p.a.link, 3, NULL, 0, fd), 0);
        send_text(&p.a, 4, "after");
        RUN_UNTIL(&p, p.b.got.n == 4);
        ck_assert(got_text(&p.b, 1, 2, "with") && got_text(&p.b, 3, 4, "after"));
        ck_assert(same_file(p.b.got.data[1].fd, fd) && same_file(p.b.got.data[2].fd, fd));
        ck_assert_int_eq(p.b.got.data[0].fd, -1);
        ck_assert_int_eq(p.b.got.data[3].fd, -1);
        ck_assert(fcntl(p.b.got.data[1].fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
        pair_free(&p);
}

TEST(descriptors_do_not_go_over_tcp) {
        Pair p;

        pair_init(&p, TCP);
        ck_assert_int_eq(link_send_fd(p.a.link, 2, NULL, 0, STDIN_FILENO), ERROR_SUPPORT);
        ck_assert_int_eq(link_queued_bytes(p.a.link), 0);
        pair_free(&p);
}

TEST(a_descriptor_that_is_none_is_refused_to_its_sender) {
        Pair p;

        pair_init(&p, UNIX);
        ck_assert_int_eq(link_send_fd(p.a.link, 2, NULL, 0, -1), -EBADF);
        run_idle(&p);
        ck_assert_uint_eq(p.b.got.n, 0);
        pair_free(&p);
}

TEST(descriptors_that_were_not_sent_or_not_looked_at_are_closed) {
        const size_t n = 8 * MiB;
        char *payload  = calloc(1, n);
        Pair p;

        /* Behind a payload that nobody reads, and in front of one. */
        pair_init(&p, UNIX);
        link_stop_reading(p.b.link, true);
        ck_assert_int_eq(link_send_fd(p.a.link, 1, NULL, 0, STDIN_FILENO), 0);
        ck_assert_int_eq(link_send_payload(p.a.link, 1, NULL, 0, payload, n, on_done, &p.a), 0);
        ck_assert_int_eq(link_send_fd(p.a.link, 1, NULL, 0, STDIN_FILENO), 0);
        run_idle(&p);
        pair_free(&p);
        free(payload);
}

static void raw_send_fds(const End *end, const void *bytes, size_t n, unsigned n_fds) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(16 * sizeof(int))];
        } control         = {};
        struct iovec iov  = { (void *) bytes, n };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                              .msg_controllen = CMSG_SPACE(n_fds * sizeof(int)) };

        *CMSG_FIRSTHDR(&msg) = (struct cmsghdr) { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                                                  .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
        memset(CMSG_DATA(CMSG_FIRSTHDR(&msg)), 0, n_fds * sizeof(int)); /* standard input, often */
        ck_assert_int_eq(syscall(SYS_sendmsg, end->fd, &msg, 0), (long) n);
}

/* Frames of which `fd` says that it has one, with n_fds; in front of it `before` bytes of the one before. */
static void assert_fds_refused(bool fd, unsigned n_fds, size_t before) {
        uint8_t bytes[FRAME_BYTES + WHOLE];
        Pair p;

        pair_init_raw(&p, &events);
        whole_frame(bytes);
        raw_write(&p.b, bytes, before);
        run_idle(&p);
        frame_encode(&(Frame) { .kind = 2, .fd = fd }, bytes + WHOLE);
        if (n_fds > 0)
                raw_send_fds(&p.b, bytes + before, sizeof(bytes) - before, n_fds);
        else
                raw_write(&p.b, bytes + before, sizeof(bytes) - before);
        RUN_UNTIL(&p, p.a.n_closed > 0);
        ck_assert_int_eq(p.a.why.code, ERROR_CORRUPT);
        pair_free(&p);
}

TEST(descriptors_that_do_not_fit_their_message_close_the_link_and_are_closed) {
        assert_fds_refused(true, 0, WHOLE);                /* promised, but missing */
        assert_fds_refused(false, 1, WHOLE);               /* not promised */
        assert_fds_refused(true, 2, WHOLE);                /* two: as many as fit into the room for one */
        assert_fds_refused(true, 5, WHOLE);
        assert_fds_refused(false, 1, WHOLE - PAYLOAD / 2); /* within a payload */
        assert_fds_refused(false, 1, FRAME_BYTES / 2);     /* within a header */
        assert_fds_refused(false, 1, FRAME_BYTES + BODY / 2);
}

TEST(a_descriptor_for_which_the_process_has_no_room_closes_the_link) {
        struct rlimit old, few = {};
        Pair p;

        pair_init(&p, UNIX);
        ck_assert_int_eq(link_send_fd(p.a.link, 1, NULL, 0, STDIN_FILENO), 0);
        link_flush(p.a.link);
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
        few.rlim_max = old.rlim_max;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        RUN_UNTIL(&p, p.b.n_closed > 0);
        ck_assert_int_eq(p.b.why.code, ERROR_CORRUPT);
        ck_assert_uint_eq(p.b.got.n, 0);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
        pair_free(&p);
}

/* ---- Connections that are handed over ---------------------------------------------------------------------------- */

TEST(a_link_goes_on_over_the_connection_that_is_handed_over_and_the_first_one_is_closed) {
        Pair p, client;
        LinkPeer peer;

        pair_init(&p, UNIX);
        pair_sockets(&client, TCP);
        p.b.takes_over = true;
        ck_assert_int_eq(link_send_fd(p.a.link, 5, (uint8_t *) "for", 3, client.b.fd), 0);
        RUN_UNTIL(&p, p.b.got.n == 1 && p.a.n_closed == 1);
        ck_assert_int_eq(p.b.refused, 0);
        ck_assert_int_eq(link_peer(p.b.link, &peer), 0);
        ck_assert(!peer.local && peer.loopback);
        ck_assert_int_eq(link_send_fd(p.b.link, 2, NULL, 0, STDIN_FILENO), ERROR_SUPPORT);
        close(client.b.fd); /* whoever handed it over is out of it */
        client.b.fd    = -1;
        client.a.event = p.event;
        end_link(&client.a, &events);
        send_text(&client.a, 1, "there");
        send_text(&p.b, 2, "back");
        RUN_UNTIL(&p, p.b.got.n == 2 && client.a.got.n == 1);
        ck_assert(got_text(&p.b, 1, 1, "there") && got_text(&client.a, 0, 2, "back"));
        client.a.link = link_free(client.a.link);
        RUN_UNTIL(&p, p.b.n_closed == 1);
        end_free(&p.a);
        end_free(&p.b);
        sd_event_unref(p.event);
        end_free(&client.a);
        end_free(&client.b);
        sd_event_unref(client.event);
        ck_assert_uint_eq(n_open(), p.n_fds);
}

/* `said`: behind the message that it comes with. */
static void assert_not_taken_over(int fd, bool said) {
        Pair p;

        pair_init(&p, UNIX);
        p.b.takes_over = true;
        ck_assert_int_eq(link_send_fd(p.a.link, 5, NULL, 0, fd), 0);
        if (said)
                send_text(&p.a, 6, "and this");
        RUN_UNTIL(&p, p.b.n_closed == 1);
        ck_assert_int_eq(p.b.refused, ERROR_CORRUPT);
        ck_assert_int_eq(p.b.why.code, ERROR_CORRUPT);
        pair_free(&p);
}

TEST(what_is_no_tcp_connection_or_comes_within_another_is_not_taken_over) {
        int alone = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), packets = socket(AF_INET, SOCK_DGRAM, 0);
        int both[2], tcp[2];

        sockets(UNIX, both);
        sockets(TCP, tcp);
        assert_not_taken_over(STDIN_FILENO, false);
        assert_not_taken_over(alone, false);
        assert_not_taken_over(packets, false);
        assert_not_taken_over(both[0], false);
        assert_not_taken_over(tcp[0], true);
        for (size_t k = 0; k < 2; k++) {
                close(both[k]);
                close(tcp[k]);
        }
        close(alone);
        close(packets);
}
