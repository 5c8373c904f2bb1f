/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a link in one loop, over a socketpair or loopback TCP; or one end, and the test's own bytes at the
 * other. sendmsg() and recvmsg() are the test's: they move as few bytes at a time as it likes, or fail. */
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/vec.h"
#include "io/link.h"

#include "harness.h"

/* ---- The kernel between them ------------------------------------------------------------------------------------- */

static struct {
        size_t most;                   /* bytes per call; 0: as many as there are */
        int fail_send, fail_receive;   /* an errno for the next call */
        unsigned n_interrupts;         /* so many calls end with EINTR first */
        unsigned n_calls;
        int fd;                        /* of the last call */
        bool endless;                  /* whoever receives gets messages without end */
} kernel;

static int kernel_refuses(int fd, int *fail) {
        kernel.n_calls++;
        kernel.fd = fd;
        if (kernel.n_interrupts > 0) {
                kernel.n_interrupts--;
                errno = EINTR;
                return -1;
        }
        if (*fail) {
                errno = *fail;
                *fail = 0;
                return -1;
        }
        return 0;
}

static struct msghdr kernel_cut(const struct msghdr *msg, struct iovec *iov) {
        struct msghdr cut = *msg;
        size_t left       = kernel.most ? kernel.most : SIZE_MAX;

        cut.msg_iov    = iov;
        cut.msg_iovlen = 0;
        for (size_t k = 0; k < msg->msg_iovlen && left > 0; k++) {
                iov[k] = (struct iovec) { msg->msg_iov[k].iov_base, MIN(msg->msg_iov[k].iov_len, left) };
                left -= iov[k].iov_len;
                cut.msg_iovlen++;
        }
        return cut;
}

/* Messages of 40 bytes, as many as fit. */
static ssize_t kernel_endless(const struct iovec *iov) {
        const Frame frame = { .kind = 9, .body_bytes = 40 };
        char *to          = iov->iov_base;
        size_t n          = 0;

        for (; n + FRAME_BYTES + 40 <= iov->iov_len; n += FRAME_BYTES + 40) {
                frame_encode(&frame, (uint8_t *) to + n);
                memset(to + n + FRAME_BYTES, 'x', 40);
        }
        return (ssize_t) n;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags) {
        struct iovec iov[256];
        struct msghdr cut = kernel_cut(msg, iov);

        ck_assert_uint_le(msg->msg_iovlen, ELEMENTSOF(iov));
        ck_assert(flags & MSG_NOSIGNAL);
        return kernel_refuses(fd, &kernel.fail_send) < 0 ? -1 : syscall(SYS_sendmsg, fd, &cut, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags) {
        struct iovec iov[256];
        struct msghdr cut = kernel_cut(msg, iov);
        ssize_t n;

        if (kernel_refuses(fd, &kernel.fail_receive) < 0)
                return -1;
        if (kernel.endless) {
                msg->msg_controllen = 0;
                return kernel_endless(msg->msg_iov);
        }
        n                   = syscall(SYS_recvmsg, fd, &cut, flags);
        msg->msg_flags      = cut.msg_flags;
        msg->msg_controllen = cut.msg_controllen;
        return n;
}

/* ---- Ends -------------------------------------------------------------------------------------------------------- */

typedef struct Got {
        uint16_t kind;
        uint32_t body_bytes;
        uint8_t *body;
        char *payload;
        uint64_t payload_bytes;
        int fd;
} Got;

typedef enum When { NEVER, IN_MESSAGE, IN_PAYLOAD, IN_CLOSED, IN_DONE } When;

typedef struct End {
        sd_event *event;
        Link *link;
        int fd;                        /* instead of a link: the test's own */
        Vec(Got) got;
        Vec(char *) sent;              /* payloads, until done() */
        char *payload;                 /* where the next one goes */
        unsigned n_closed, n_done;
        Error why;
        When free_when, stop_when;
        int refuse_message, refuse_payload;
        bool words, echo;
} End;

static void end_acts(End *end, When when) {
        if (end->stop_when == when && end->link)
                link_stop_reading(end->link, true);
        if (end->free_when == when)
                link_free(TAKE_PTR(end->link)); /* which says done() of others */
}

static int on_message(void *userdata, Link *link, const Frame *frame, const uint8_t *body, char *payload, int fd,
                      Error *err) {
        End *end = userdata;
        Got got  = { frame->kind, frame->body_bytes, malloc(frame->body_bytes + 1), payload, frame->payload_bytes, fd };

        ck_assert_ptr_eq(link, end->link);
        ck_assert_uint_eq(end->n_closed, 0);
        end->payload = payload ? NULL : end->payload;
        end_acts(end, IN_MESSAGE);
        memcpy(got.body, body, frame->body_bytes); /* it is valid, even if the link is not */
        ck_assert_int_eq(vec_push(&end->got, got), 0);
        if (end->echo)
                ck_assert_int_eq(link_send(link, frame->kind, body, frame->body_bytes), 0);
        if (end->refuse_message && end->words)
                return error_set(err, end->refuse_message, "not this one");
        return end->refuse_message;
}

static int on_payload(void *userdata, Link *link, const Frame *frame, const uint8_t *body _unused_, char **ret,
                      Error *err _unused_) {
        End *end = userdata;

        ck_assert_ptr_eq(link, end->link);
        end_acts(end, IN_PAYLOAD);
        if (end->refuse_payload)
                return end->refuse_payload;
        end->payload = *ret = malloc(frame->payload_bytes);
        return 0;
}

static void on_closed(void *userdata, Link *link, const Error *why) {
        End *end = userdata;

        ck_assert_ptr_eq(link, end->link);
        end->n_closed++;
        end->why = *why;
        end_acts(end, IN_CLOSED);
}

static void on_done(void *userdata) {
        End *end = userdata;

        end->n_done++;
        end_acts(end, IN_DONE);
}

static const LinkEvents events     = { on_message, on_payload, on_closed };
static const LinkEvents no_payload = { on_message, NULL, on_closed };

static void end_forget(End *end) {
        for (uint32_t k = 0; k < end->got.n; k++) {
                free(end->got.data[k].body);
                free(end->got.data[k].payload);
                if (end->got.data[k].fd >= 0)
                        close(end->got.data[k].fd);
        }
        vec_free(&end->got);
        for (uint32_t k = 0; k < end->sent.n; k++)
                free(end->sent.data[k]);
        vec_free(&end->sent);
}

static void end_free(End *end) {
        end->free_when = NEVER;
        end->link      = link_free(end->link);
        end_forget(end);
        free(end->payload);
        if (end->fd >= 0)
                close(end->fd);
}

/* ---- Pairs ------------------------------------------------------------------------------------------------------- */

typedef enum Wire { UNIX, TCP, N_WIRES } Wire;

typedef struct Pair {
        sd_event *event;
        End a, b;
        unsigned n_fds; /* before */
} Pair;

static unsigned n_open(void) {
        DIR *d     = opendir("/proc/self/fd");
        unsigned n = 0;

        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

static void sockets(Wire wire, int fd[2]) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n           = sizeof(at);
        int listening;

        if (wire == UNIX) {
                ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
                return;
        }
        listening = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert(bind(listening, (struct sockaddr *) &at, n) == 0 && listen(listening, 1) == 0);
        ck_assert_int_eq(getsockname(listening, (struct sockaddr *) &at, &n), 0);
        fd[0] = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(fd[0], (struct sockaddr *) &at, n), 0);
        fd[1] = accept(listening, NULL, NULL);
        close(listening);
}

static void end_link(End *end, const LinkEvents *how) {
        ck_assert_int_eq(link_new(&end->link, end->event, end->fd, how, end, NULL), 0);
        end->fd = -1;
}

static void pair_sockets(Pair *p, Wire wire) {
        int fd[2];

        kernel = (typeof(kernel)) {};
        *p     = (Pair) { .n_fds = n_open() };
        sockets(wire, fd);
        ck_assert_int_ge(sd_event_new(&p->event), 0);
        p->a = (End) { .event = p->event, .fd = fd[0] };
        p->b = (End) { .event = p->event, .fd = fd[1] };
}

static void pair_init(Pair *p, Wire wire) {
        pair_sockets(p, wire);
        end_link(&p->a, &events);
        end_link(&p->b, &events);
}

/* The test itself is at the end b. */
static void pair_init_raw(Pair *p, const LinkEvents *how) {
        pair_sockets(p, UNIX);
        end_link(&p->a, how);
}

/* Nothing is left: no descriptor (and no memory, says AddressSanitizer). */
static void pair_free(Pair *p) {
        end_free(&p->a);
        end_free(&p->b);
        sd_event_unref(p->event);
        ck_assert_uint_eq(n_open(), p->n_fds);
}

#define RUN_UNTIL(p, condition)                                                                                        \
        do                                                                                                             \
                if (!(condition))                                                                                      \
                        ck_assert_int_gt(sd_event_run((p)->event, 10000000), 0);                                       \
        while (!(condition))

/* Until nothing happens any more. */
static void run_idle(Pair *p) {
        int r;

        while ((r = sd_event_run(p->event, 0)) > 0)
                ;
        ck_assert_int_eq(r, 0);
}

static void fill(char *to, size_t n, uint64_t seed) {
        for (size_t k = 0; k < n; k++)
                to[k] = (char) ((seed + k) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

static void send_text(End *end, uint16_t kind, const char *text) {
        ck_assert_int_eq(link_send(end->link, kind, (const uint8_t *) text, strlen(text)), 0);
}

static bool got_text(const End *end, uint32_t k, uint16_t kind, const char *text) {
        const Got *got = &end->got.data[k];

        return k < end->got.n && got->kind == kind && got->body_bytes == strlen(text) &&
               memcmp(got->body, text, strlen(text)) == 0;
}

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

static uint32_t chance(uint64_t *seed, uint32_t below) {
        *seed = *seed * 6364136223846793005 + 1442695040888963407;
        return (uint32_t) ((*seed >> 33) % below);
}

/* What the n-th thing that is sent is follows from its number. */
typedef struct Thing {
        char body[9000], payload[100000];
        uint32_t body_bytes, payload_bytes;
        bool has_fd;
} Thing;

static const Thing *thing(uint32_t n, Wire wire) {
        static Thing t;
        uint64_t seed = n + 17;

        (void) chance(&seed, 2);
        t.body_bytes    = chance(&seed, 3) ? chance(&seed, 50) : chance(&seed, sizeof(t.body));
        t.payload_bytes = chance(&seed, 4) ? 0 : 1 + chance(&seed, chance(&seed, 2) ? 50 : sizeof(t.payload));
        t.has_fd        = wire == UNIX && !t.payload_bytes && chance(&seed, 3) == 0;
        fill(t.body, t.body_bytes, n);
        fill(t.payload, t.payload_bytes, n + 5);
        return &t;
}

static void thing_send(End *end, uint32_t n, Wire wire, int fd) {
        const Thing *t      = thing(n, wire);
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

static bool same_file(int a, int b) {
        struct stat x, y;

        ck_assert(fstat(a, &x) == 0 && fstat(b, &y) == 0);
        return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void things_assert(const End *end, Wire wire, int fd) {
        for (uint32_t n = 0; n < end->got.n; n++) {
                const Got *got = &end->got.data[n];
                const Thing *t = thing(n, wire);

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

/* n things each way, sent a few at a time by chance, through a kernel that moves at most `most` bytes per call. */
static void law(Wire wire, size_t most, uint32_t n) {
        uint64_t seed       = most + 1;
        uint32_t n_sent[2]  = {};
        const uint32_t many = n;
        int fd              = memfd_create("a file", MFD_CLOEXEC);
        Pair p;
        End *ends[2] = { &p.a, &p.b };

        pair_init(&p, wire);
        kernel.most = most;
        while (n_sent[0] < many || n_sent[1] < many) {
                const uint32_t who = chance(&seed, 2);

                for (uint32_t k = chance(&seed, 6); k > 0 && n_sent[who] < many; k--)
                        thing_send(ends[who], n_sent[who]++, wire, fd);
                if (chance(&seed, 4) == 0)
                        link_flush(ends[who]->link);
                ck_assert_int_ge(sd_event_run(p.event, 0), 0);
        }
        RUN_UNTIL(&p, p.a.got.n == many && p.b.got.n == many);
        run_idle(&p);
        for (int k = 0; k < 2; k++) {
                uint32_t n_payloads = 0;

                things_assert(ends[k], wire, fd);
                for (uint32_t i = 0; i < many; i++)
                        n_payloads += thing(i, wire)->payload_bytes > 0;
                ck_assert_uint_eq(ends[k]->n_done, n_payloads);
                ck_assert_uint_eq(link_queued_bytes(ends[k]->link), 0);
                ck_assert_uint_eq(ends[k]->n_closed, 0);
        }
        pair_free(&p);
        close(fd);
}

TEST(whatever_is_sent_arrives_whole_and_in_order) {
        law(UNIX, 0, 2000);
        law(TCP, 0, 2000);
}

TEST(whatever_is_sent_arrives_however_few_bytes_move_at_a_time) {
        for (size_t most = 1; most < 60; most++)
                law(most % 2 ? UNIX : TCP, most, most == 1 ? 60 : 20);
        law(UNIX, 1000, 500);
        law(UNIX, 4097, 500);
        law(TCP, 65536, 500);
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

/* ---- The end ----------------------------------------------------------------------------------------------------- */

static void raw_write(const End *end, const void *bytes, size_t n) {
        ck_assert_int_eq(write(end->fd, bytes, n), (ssize_t) n);
}

static void raw_close(End *end) {
        close(end->fd);
        end->fd = -1;
}

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
                ck_assert_int_eq(listener_new(&listener, p.event, addresses[k] ?: path, 0600, on_accepted, &p, NULL), 0);
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

TEST(over_tcp_small_messages_go_at_once_and_a_silent_host_is_asked) {
        static const struct {
                int level, name;
        } options[] = { { IPPROTO_TCP, TCP_NODELAY }, { SOL_SOCKET, SO_KEEPALIVE }, { IPPROTO_TCP, TCP_KEEPIDLE } };
        Pair p;

        pair_init(&p, TCP);
        send_text(&p.a, 1, "one");
        link_flush(p.a.link);
        for (size_t k = 0; k < ELEMENTSOF(options); k++) {
                int value   = 0;
                socklen_t n = sizeof(value);

                ck_assert_int_eq(getsockopt(kernel.fd, options[k].level, options[k].name, &value, &n), 0);
                ck_assert_int_ge(value, 1);
                ck_assert_int_le(value, 10);
        }
        pair_free(&p);
}
