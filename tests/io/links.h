/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Both ends of a link in one loop, over a socketpair or loopback TCP; or one end, and the test's own bytes at the
 * other. sendmsg() and recvmsg() are the test's: they move as few bytes at a time as it likes, or fail. */
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
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
        bool endless;                  /* whoever receives gets messages without end */
        unsigned flip;                 /* of the n-th call that receives, a bit comes changed; 0: of none */
} kernel;

static inline int kernel_refuses(int *fail) {
        kernel.n_calls++;
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

static inline struct msghdr kernel_cut(const struct msghdr *msg, struct iovec *iov) {
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
static inline ssize_t kernel_endless(const struct iovec *iov) {
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
        return kernel_refuses(&kernel.fail_send) < 0 ? -1 : syscall(SYS_sendmsg, fd, &cut, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags) {
        struct iovec iov[256];
        struct msghdr cut = kernel_cut(msg, iov);
        ssize_t n;

        if (kernel_refuses(&kernel.fail_receive) < 0)
                return -1;
        if (kernel.endless) {
                msg->msg_controllen = 0;
                return kernel_endless(msg->msg_iov);
        }
        n                   = syscall(SYS_recvmsg, fd, &cut, flags);
        if (n > 0 && kernel.flip > 0 && --kernel.flip == 0)
                ((char *) iov[0].iov_base)[n / 2] ^= 1;
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
        bool takes_over;               /* the connection that comes with a message; */
        int refused;                   /* what became of it */
} End;

static inline void end_acts(End *end, When when) {
        if (end->stop_when == when && end->link)
                link_stop_reading(end->link, true);
        if (end->free_when == when)
                link_free(TAKE_PTR(end->link)); /* which says done() of others */
}

static inline int on_message(void *userdata, Link *link, const Frame *frame, const uint8_t *body, char *payload, int fd,
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
        if (end->takes_over && fd >= 0) {
                end->refused = link_take_over(link, fd, err);
                return end->refused;
        }
        if (end->refuse_message && end->words)
                return error_set(err, end->refuse_message, "not this one");
        return end->refuse_message;
}

static inline int on_payload(void *userdata, Link *link, const Frame *frame, const uint8_t *body _unused_, char **ret,
                      Error *err _unused_) {
        End *end = userdata;

        ck_assert_ptr_eq(link, end->link);
        end_acts(end, IN_PAYLOAD);
        if (end->refuse_payload)
                return end->refuse_payload;
        end->payload = *ret = malloc(frame->payload_bytes);
        return 0;
}

static inline void on_closed(void *userdata, Link *link, const Error *why) {
        End *end = userdata;

        ck_assert_ptr_eq(link, end->link);
        end->n_closed++;
        end->why = *why;
        end_acts(end, IN_CLOSED);
}

static inline void on_done(void *userdata) {
        End *end = userdata;

        end->n_done++;
        end_acts(end, IN_DONE);
}

static const LinkEvents events = { .message = on_message, .payload = on_payload, .closed = on_closed };

static inline void end_forget(End *end) {
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

static inline void end_free(End *end) {
        end->free_when = NEVER;
        end->link      = link_free(end->link);
        end_forget(end);
        free(end->payload);
        if (end->fd >= 0)
                close(end->fd);
}

/* ---- Pairs ------------------------------------------------------------------------------------------------------- */

/* Moved: with a mover at both ends. */
typedef enum Wire { UNIX, TCP, UNIX_MOVED, TCP_MOVED, N_WIRES } Wire;

typedef struct Pair {
        sd_event *event;
        End a, b;
        Mover *mover;
        unsigned n_fds; /* before */
} Pair;

static inline unsigned n_open(void) {
        DIR *d     = opendir("/proc/self/fd");
        unsigned n = 0;

        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

static inline void sockets(Wire wire, int fd[2]) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n           = sizeof(at);
        int listening;

        if (wire == UNIX || wire == UNIX_MOVED) {
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

static inline void end_link(End *end, const LinkEvents *how) {
        ck_assert_int_eq(link_new(&end->link, end->event, end->fd, how, end, NULL), 0);
        end->fd = -1;
}

static inline void pair_sockets(Pair *p, Wire wire) {
        int fd[2];

        kernel = (typeof(kernel)) {};
        *p     = (Pair) { .n_fds = n_open() };
        sockets(wire, fd);
        ck_assert_int_ge(sd_event_new(&p->event), 0);
        p->a = (End) { .event = p->event, .fd = fd[0] };
        p->b = (End) { .event = p->event, .fd = fd[1] };
}

/* False: the kernel does not let us, and says why. */
static inline bool mover_make(Mover **ret, sd_event *event) {
        Error err   = {};
        const int r = mover_new(ret, event, &err);

        if (r < 0) {
                ck_assert_ptr_nonnull(strstr(err.text, "io_uring: "));
                fprintf(stderr, "%s\n", err.text);
        }
        return r == 0;
}

static inline void pair_init(Pair *p, Wire wire) {
        pair_sockets(p, wire);
        end_link(&p->a, &events);
        end_link(&p->b, &events);
        if (wire < UNIX_MOVED)
                return;
        if (!mover_make(&p->mover, p->event))
                return; /* plain calls, as daemons do it there */
        link_move(p->a.link, p->mover);
        link_move(p->b.link, p->mover);
}

/* The test itself is at the end b. */
static inline void pair_init_raw(Pair *p, const LinkEvents *how) {
        pair_sockets(p, UNIX);
        end_link(&p->a, how);
}

/* Nothing is left: no descriptor (and no memory, says AddressSanitizer). */
static inline void pair_free(Pair *p) {
        end_free(&p->a);
        end_free(&p->b);
        mover_unref(p->mover);
        sd_event_unref(p->event);
        ck_assert_uint_eq(n_open(), p->n_fds);
}

#define RUN_UNTIL(p, condition)                                                                                        \
        do                                                                                                             \
                if (!(condition))                                                                                      \
                        ck_assert_int_gt(sd_event_run((p)->event, 10000000), 0);                                       \
        while (!(condition))

/* Until nothing happens any more. */
static inline void run_idle(Pair *p) {
        int r;

        while ((r = sd_event_run(p->event, 0)) > 0)
                ;
        ck_assert_int_eq(r, 0);
}

static inline void fill(char *to, size_t n, uint64_t seed) {
        for (size_t k = 0; k < n; k++)
                to[k] = (char) ((seed + k) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

static inline void send_text(End *end, uint16_t kind, const char *text) {
        ck_assert_int_eq(link_send(end->link, kind, (const uint8_t *) text, strlen(text)), 0);
}

static inline bool got_text(const End *end, uint32_t k, uint16_t kind, const char *text) {
        const Got *got = &end->got.data[k];

        return k < end->got.n && got->kind == kind && got->body_bytes == strlen(text) &&
               memcmp(got->body, text, strlen(text)) == 0;
}

static inline uint32_t chance(uint64_t *seed, uint32_t below) {
        *seed = *seed * 6364136223846793005 + 1442695040888963407;
        return (uint32_t) ((*seed >> 33) % below);
}

static inline bool same_file(int a, int b) {
        struct stat x, y;

        ck_assert(fstat(a, &x) == 0 && fstat(b, &y) == 0);
        return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static inline void raw_write(const End *end, const void *bytes, size_t n) {
        ck_assert_int_eq(write(end->fd, bytes, n), (ssize_t) n);
}

static inline void raw_close(End *end) {
        close(end->fd);
        end->fd = -1;
}
