/* SPDX-License-Identifier: Apache-2.0 */
/* Two machines share a socket.
 *
 * Reading: header, body, payload, and again. Headers and bodies come through a buffer, as many as there are at a time;
 * of a payload only what has come into the buffer is copied, the rest goes where it stays. The buffer grows with what
 * comes, not with what a header promises, and idle links have none.
 *
 * Writing: a queue of pieces. A piece is the bytes of some small frames, or of one frame and then its payload, or of
 * one frame with its descriptor. It is sent once per iteration of the loop, earlier when much has gathered.
 *
 * No io_uring: with a few MiB per turn straight out of and into the caller's memory, plain calls move as many bytes as
 * io_uring does with MSG_WAITALL (bench/bench-link: 4.0 of 4.0 GB/s through unix sockets, 4.4 of 4.3 over TCP), and
 * a call that has returned needs no cancelling when the link is freed.
 *
 * The end comes once, from the loop: after everything that was received has been handed out, the queue is dropped,
 * done() says so for each payload, then closed(). When sending fails, what the other side has said before it went is
 * still read: it may be the reason. The owner may free the link in any callback, so whoever calls one holds a
 * reference, and looks at link->over before going on. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "io/address.h"
#include "io/link.h"
#include "io/socket.h"

enum {
        READ_BYTES      = 64 << 10, /* of the buffer for headers and bodies */
        READ_TURN       = 1 << 20,  /* received before others get a turn, */
        PAYLOAD_TURN    = 4 << 20,  /* or of a payload, which costs them less: nobody looks at it */
        WRITE_TURN      = 4 << 20,
        WRITE_IOV       = 64,       /* pieces of memory per system call */
        PIECE_BYTES     = 8 << 10,  /* of small frames that are sent together */
        FLUSH_BYTES     = 64 << 10, /* of headers and bodies: sent without waiting for the loop */
        CONNECT_USEC    = 10000000, /* until a host that says nothing cannot be reached */
        SILENCE_USEC    = 5000000,  /* how often one is asked whether it has gone silent */
        PENDING_FDS     = 2,        /* one before a header that is not whole, one with what came next */
};

/* What is sent: own bytes, then perhaps a payload. */
typedef struct Piece {
        struct Piece *next;
        uint32_t n, capacity;
        uint64_t sent;              /* of n + payload_bytes */
        int fd;                     /* goes with the first byte; -1: none, or gone */
        const char *payload;
        uint64_t payload_bytes;
        void (*done)(void *userdata);
        void *userdata;
        uint8_t bytes[];
} Piece;

typedef struct PieceList {
        Piece *first, *last;
} PieceList;

typedef struct Input {
        uint8_t *data;
        size_t at, n, capacity;     /* [at, n) has come and is not used up; at: where the frame begins */
        bool in_frame, in_payload;  /* its header is there; its body too, and there is a place for the payload */
        Frame frame;
        char *payload;
        uint64_t got;               /* of the payload */
        uint64_t got_here;          /* of that, in this buffer behind the body */
        int frame_fd;               /* of the frame */
        int fd[PENDING_FDS];        /* those whose header is not there yet */
        unsigned n_fds;
} Input;

struct Link {
        unsigned n_ref;
        bool over;                  /* nothing is read or sent any more; why says it */
        bool told;                  /* closed() was called, or the owner wants to hear nothing */
        bool connecting, stopped;
        bool blocked;               /* the kernel takes no more now */
        bool mute;                  /* sending has failed; why says it, if it is the reason */
        int fd, family;
        uint32_t epoll;             /* what we wait for */
        sd_event_source *io, *later;
        sd_event_source *clock;     /* TCP, and while connecting */
        const LinkEvents *events;
        void *userdata;
        Input in;
        PieceList out, sent;        /* sent: payloads whose done() is due */
        size_t out_bytes;           /* of headers and bodies, not sent */
        size_t out_new_bytes;       /* of these, since the last attempt */
        Error why;
        char text[ADDRESS_TEXT_MAX]; /* where it connects to */
};

static Link *link_ref(Link *link) {
        link->n_ref++;
        return link;
}

static void link_unref(Link *link) {
        if (--link->n_ref > 0)
                return;
        free(link->in.data);
        free(link);
}

DEFINE_CLEANUP(Link *, link_unref)

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

static void list_add(PieceList *list, Piece *piece) {
        piece->next = NULL;
        if (list->last)
                list->last->next = piece;
        else
                list->first = piece;
        list->last = piece;
}

static Piece *list_take(PieceList *list) {
        Piece *piece = list->first;

        if (!piece)
                return NULL;
        list->first = piece->next;
        if (!list->first)
                list->last = NULL;
        return piece;
}

static void piece_close_fd(Piece *piece) {
        if (piece->fd >= 0)
                close(piece->fd);
        piece->fd = -1;
}

/* The piece is out of the queue, sent or dropped. */
static void piece_end(Link *link, Piece *piece) {
        piece_close_fd(piece);
        if (piece->done)
                list_add(&link->sent, piece);
        else
                free(piece);
}

static void queue_drop(Link *link) {
        for (Piece *piece; (piece = list_take(&link->out));)
                piece_end(link, piece);
        link->out_bytes = link->out_new_bytes = 0;
}

/* done() may send the next payload, or free the link. */
static void link_done(Link *link) {
        for (Piece *piece; (piece = list_take(&link->sent));) {
                piece->done(piece->userdata);
                free(piece);
        }
}

/* ---- The end ---------------------------------------------------------------------------------------------------- */

static void link_fail(Link *link, const Error *why) {
        if (link->over)
                return;
        link->over = true;
        if (link->why.code == 0) /* what came first is the reason */
                link->why = *why;
}

static void input_close_fds(Input *in) {
        if (in->frame_fd >= 0)
                close(in->frame_fd);
        while (in->n_fds > 0)
                close(in->fd[--in->n_fds]);
        in->frame_fd = -1;
}

static void link_close(Link *link) {
        link->io    = sd_event_source_disable_unref(link->io);
        link->later = sd_event_source_disable_unref(link->later);
        link->clock = sd_event_source_disable_unref(link->clock);
        if (link->fd >= 0)
                close(link->fd);
        link->fd = -1;
        input_close_fds(&link->in);
        queue_drop(link);
}

static void link_later(Link *link) {
        if (link->later)
                (void) sd_event_source_set_enabled(link->later, SD_EVENT_ONESHOT);
}

static void link_wait(Link *link) {
        uint32_t epoll = 0;

        if (link->connecting || (link->blocked && link->out.first))
                epoll |= EPOLLOUT;
        if (!link->connecting && !link->stopped)
                epoll |= EPOLLIN;
        if (epoll == link->epoll)
                return;
        link->epoll = epoll;
        /* Without a source the kernel would still report that the other side is gone, again and again. */
        (void) sd_event_source_set_io_events(link->io, epoll);
        (void) sd_event_source_set_enabled(link->io, epoll ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* The last thing that each turn of the loop does. */
static void link_settle(Link *link) {
        if (link->over)
                link_close(link);
        link_done(link);
        if (!link->over) {
                link_wait(link);
                if (link->out.first && !link->blocked && !link->connecting)
                        link_later(link);
                return;
        }
        if (!link->told) {
                link->told = true;
                link->events->closed(link->userdata, link, &link->why);
        }
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static unsigned piece_iov(const Piece *piece, struct iovec *iov, size_t *most) {
        unsigned n_iov = 0;
        size_t bytes;

        if (piece->sent < piece->n) {
                bytes          = MIN(piece->n - (size_t) piece->sent, *most);
                iov[n_iov++] = (struct iovec) { (uint8_t *) piece->bytes + piece->sent, bytes };
                *most -= bytes;
        }
        if (piece->payload_bytes > 0 && *most > 0) {
                const uint64_t from = piece->sent > piece->n ? piece->sent - piece->n : 0;

                bytes        = (size_t) MIN(piece->payload_bytes - from, (uint64_t) *most);
                iov[n_iov++] = (struct iovec) { (char *) piece->payload + from, bytes };
                *most -= bytes;
        }
        return n_iov;
}

/* One system call. A descriptor goes with the first byte of its frame, so nothing stands before it. */
static ssize_t send_some(const Link *link, size_t most, size_t *ret_asked) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec iov[WRITE_IOV];
        struct msghdr msg   = { .msg_iov = iov };
        const Piece *first  = link->out.first;
        size_t left         = most;
        ssize_t n;

        for (const Piece *p = first; p && left > 0 && msg.msg_iovlen + 2 <= WRITE_IOV; p = p->next) {
                if (p != first && p->fd >= 0)
                        break;
                msg.msg_iovlen += piece_iov(p, iov + msg.msg_iovlen, &left);
        }
        if (first->fd >= 0) {
                struct cmsghdr *c;

                msg.msg_control    = control.space;
                msg.msg_controllen = sizeof(control.space);
                c                  = CMSG_FIRSTHDR(&msg);
                c->cmsg_level      = SOL_SOCKET;
                c->cmsg_type       = SCM_RIGHTS;
                c->cmsg_len        = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &first->fd, sizeof(int));
        }
        *ret_asked = most - left;
        do
                n = sendmsg(link->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

static void queue_advance(Link *link, size_t sent) {
        while (sent > 0) {
                Piece *piece         = link->out.first;
                const uint64_t whole = piece->n + piece->payload_bytes;
                const size_t now     = (size_t) MIN(whole - piece->sent, (uint64_t) sent);

                if (piece->sent < piece->n)
                        link->out_bytes -= MIN(now, piece->n - (size_t) piece->sent);
                piece_close_fd(piece);
                piece->sent += now;
                sent -= now;
                if (piece->sent == whole)
                        piece_end(link, list_take(&link->out));
        }
}

/* Nothing more can be sent. The other side may have said why before it went, so we read on, up to the end that
 * shutdown() puts behind what is there. */
static void link_mute(Link *link, int code) {
        link->mute = true;
        if (code == -ETIMEDOUT)
                error_set(&link->why, code, "the other side does not answer any more");
        else if (code != -EPIPE && code != -ECONNRESET)
                error_set(&link->why, code, "sending: %s", strerrordesc_np(-code));
        else
                error_set(&link->why, -ECONNRESET, "the other side has closed the connection before all was sent");
        queue_drop(link);
        (void) shutdown(link->fd, SHUT_RDWR);
}

static void link_write(Link *link) {
        size_t turn = WRITE_TURN, asked;
        ssize_t n;

        if (link->over || link->connecting || link->mute)
                return;
        link->blocked       = false;
        link->out_new_bytes = 0;
        while (link->out.first && turn > 0) {
                n = send_some(link, turn, &asked);
                if (n == -EAGAIN) {
                        link->blocked = true;
                        return;
                }
                if (n < 0) {
                        link_mute(link, (int) n);
                        return;
                }
                queue_advance(link, (size_t) n);
                if ((size_t) n < asked) {
                        link->blocked = true;
                        return;
                }
                turn -= (size_t) n;
        }
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static bool link_reads(const Link *link) {
        return !link->over && !link->stopped && !link->connecting;
}

/* Keeps the descriptors that came with a message, or refuses it. None is lost, whatever came. */
static int take_fds(Link *link, struct msghdr *msg, Error *err) {
        Input *in   = &link->in;
        unsigned n  = 0;
        int fd;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int), n++) {
                        memcpy(&fd, CMSG_DATA(c) + at, sizeof(int));
                        if (n == 0 && in->n_fds < PENDING_FDS)
                                in->fd[in->n_fds++] = fd;
                        else
                                close(fd);
                }
        }
        if (msg->msg_flags & MSG_CTRUNC)
                return error_set(err, ERROR_CORRUPT, "more descriptors than a message has, or than we may have open");
        if (n > 1)
                return error_set(err, ERROR_CORRUPT, "%u descriptors at a time; a message has one", n);
        if (n == 1 && in->in_payload)
                return error_set(err, ERROR_CORRUPT, "a descriptor in the middle of a payload");
        return 0;
}

static ssize_t receive(Link *link, void *to, size_t size_bytes, Error *err) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov  = { to, size_bytes };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;
        int r;

        if (link->family == AF_UNIX) {
                msg.msg_control    = control.space;
                msg.msg_controllen = sizeof(control.space);
        }
        do
                n = recvmsg(link->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? -EAGAIN : error_set(err, -errno, "receiving: %s", strerrordesc_np(errno));
        if (link->family == AF_UNIX) {
                r = take_fds(link, &msg, err);
                if (r < 0)
                        return r;
        }
        return n;
}

/* Where the next bytes of the buffer go. What a header promises is believed as far as bytes have come. */
static int input_room(Input *in, Error *err) {
        const size_t whole = in->in_frame ? FRAME_BYTES + (size_t) in->frame.body_bytes : FRAME_BYTES;
        size_t capacity;
        uint8_t *data;

        if (in->at > 0) {
                memmove(in->data, in->data + in->at, in->n - in->at);
                in->n -= in->at;
                in->at = 0;
        }
        if (in->n < in->capacity)
                return 0;
        capacity = MAX((size_t) READ_BYTES, MIN(whole, 2 * in->n));
        assert(capacity > in->n);
        data = realloc(in->data, capacity);
        if (!data)
                return error_oom(err, capacity);
        in->data     = data;
        in->capacity = capacity;
        return 0;
}

static void input_trim(Input *in) {
        if (in->at < in->n)
                return;
        free(TAKE_PTR(in->data));
        in->at = in->n = in->capacity = 0;
}

static int take_header(Link *link, Error *err) {
        Input *in = &link->in;
        int r;

        r = frame_decode(in->data + in->at, &in->frame, err);
        if (r < 0)
                return r;
        if (in->frame.payload_bytes > 0 && !link->events->payload)
                return error_set(err, ERROR_CORRUPT, "a payload of %llu bytes, where none is expected",
                                 (unsigned long long) in->frame.payload_bytes);
        if (in->frame.fd) {
                if (in->n_fds == 0)
                        return error_set(err, ERROR_CORRUPT, "a message whose descriptor is missing");
                in->frame_fd = in->fd[0];
                in->fd[0]    = in->fd[--in->n_fds];
        }
        in->in_frame = true;
        return 1;
}

/* What a callback has said; if it gave no words, the errno's are used. */
static int answer(const Link *link, int r, Error *err) {
        if (r >= 0 || link->over)
                return 0;
        return err->code == r ? r : error_set(err, r, "%s", strerrordesc_np(-r) ?: "refused");
}

static int hand_out(Link *link, Error *err) {
        Input *in            = &link->in;
        const Frame frame    = in->frame;
        const uint8_t *body  = in->data + in->at + FRAME_BYTES;
        char *payload        = in->in_payload ? in->payload : NULL;
        const int fd         = in->frame_fd;
        int r;

        in->frame_fd = -1;
        in->at += FRAME_BYTES + frame.body_bytes + in->got_here;
        in->in_frame = in->in_payload = false;
        in->got = in->got_here = 0;
        r = answer(link, link->events->message(link->userdata, link, &frame, body, payload, fd, err), err);
        return r < 0 ? r : 1;
}

/* One step with what is in the buffer. 1: a step was made; 0: more must come; negative: the stream is of no use. */
static int input_step(Link *link, Error *err) {
        Input *in   = &link->in;
        size_t left = in->n - in->at;
        int r;

        if (!in->in_frame)
                return left < FRAME_BYTES ? 0 : take_header(link, err);
        if (left < FRAME_BYTES + (size_t) in->frame.body_bytes)
                return 0;
        if (in->frame.payload_bytes == 0)
                return hand_out(link, err);
        if (!in->in_payload) {
                r = link->events->payload(link->userdata, link, &in->frame, in->data + in->at + FRAME_BYTES,
                                          &in->payload, err);
                r = answer(link, r, err);
                if (r < 0 || link->over)
                        return r;
                assert(in->payload);
                in->in_payload = true;
                return 1;
        }
        left -= FRAME_BYTES + (size_t) in->frame.body_bytes + in->got_here;
        left = (size_t) MIN((uint64_t) left, in->frame.payload_bytes - in->got);
        memcpy(in->payload + in->got, in->data + in->at + FRAME_BYTES + in->frame.body_bytes + in->got_here, left);
        in->got += left;
        in->got_here += left;
        return in->got == in->frame.payload_bytes ? hand_out(link, err) : 0;
}

/* Hands out everything that is whole. */
static int input_use(Link *link, Error *err) {
        Input *in = &link->in;
        int r;

        while (link_reads(link)) {
                r = input_step(link, err);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
        }
        /* A descriptor comes with the first byte of its frame: left over, it belongs to a header that is not whole. */
        if (link_reads(link) && in->n_fds > (!in->in_frame && in->at < in->n))
                return error_set(err, ERROR_CORRUPT, "a descriptor that belongs to no message");
        return 0;
}

static void link_use(Link *link) {
        Error why = {};

        if (input_use(link, &why) < 0)
                link_fail(link, &why);
}

/* How much came; 0: the other side has closed; -EAGAIN; with words, any other. */
static ssize_t input_receive(Link *link, size_t *turn, Error *err) {
        Input *in = &link->in;
        ssize_t n;
        int r;

        if (in->in_payload) {
                const size_t most = (size_t) MIN(in->frame.payload_bytes - in->got, (uint64_t) PAYLOAD_TURN);

                n = receive(link, in->payload + in->got, most, err);
                if (n > 0) {
                        in->got += (uint64_t) n;
                        *turn -= MIN(*turn, (size_t) div_up(n, PAYLOAD_TURN / READ_TURN));
                }
                return n;
        }
        r = input_room(in, err);
        if (r < 0)
                return r;
        n = receive(link, in->data + in->n, in->capacity - in->n, err);
        if (n > 0) {
                in->n += (size_t) n;
                *turn -= in->n < in->capacity ? *turn : MIN(*turn, (size_t) n); /* not full: that was all */
        }
        return n;
}

static void read_end(Link *link) {
        const Input *in = &link->in;
        Error why       = {};

        if (in->in_frame || in->at < in->n)
                error_set(&why, -ECONNRESET, "the other side has closed the connection in the middle of a message");
        else if (link->out.first)
                error_set(&why, -ECONNRESET, "the other side has closed the connection before all was sent");
        else
                snprintf(why.text, sizeof(why.text), "the other side has closed the connection");
        link_fail(link, &why);
}

static void link_read(Link *link) {
        size_t turn = READ_TURN;
        Error why   = {};
        ssize_t n;

        while (link_reads(link) && turn > 0) {
                n = input_receive(link, &turn, &why);
                if (n == -EAGAIN)
                        break;
                if (n == 0)
                        read_end(link);
                else if (n < 0)
                        link_fail(link, &why);
                else
                        link_use(link);
        }
        input_trim(&link->in);
}

/* ---- The loop --------------------------------------------------------------------------------------------------- */

static void link_clock(Link *link, uint64_t usec) {
        (void) sd_event_source_set_time_relative(link->clock, usec);
        (void) sd_event_source_set_enabled(link->clock, SD_EVENT_ONESHOT);
}

static void link_connect_end(Link *link, int code) {
        Error why = {};

        link->connecting = false;
        if (code == 0 && link->family != AF_UNIX)
                link_clock(link, SILENCE_USEC);
        else
                link->clock = sd_event_source_disable_unref(link->clock);
        if (code == 0)
                return;
        error_set(&why, code, "cannot connect to %s: %s", link->text, strerrordesc_np(-code));
        link_fail(link, &why);
}

static int on_io(sd_event_source *source _unused_, int fd, uint32_t revents, void *userdata) {
        _cleanup_(link_unrefp) Link *link = link_ref(userdata);
        socklen_t n                       = sizeof(int);
        int code                          = 0;

        if (link->connecting) {
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0)
                        code = errno;
                link_connect_end(link, -code);
        }
        if (revents & ~(uint32_t) EPOLLIN)
                link_write(link);
        if (revents & ~(uint32_t) EPOLLOUT)
                link_read(link);
        link_settle(link);
        return 0;
}

static int on_later(sd_event_source *source _unused_, void *userdata) {
        _cleanup_(link_unrefp) Link *link = link_ref(userdata);

        if (!link->blocked)
                link_write(link);
        link_use(link); /* reading was stopped and goes on */
        input_trim(&link->in);
        link_settle(link);
        return 0;
}

static int on_clock(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        _cleanup_(link_unrefp) Link *link = link_ref(userdata);

        if (link->connecting)
                link_connect_end(link, -ETIMEDOUT);
        else if (socket_is_silent(link->fd))
                link_mute(link, -ETIMEDOUT);
        else
                link_clock(link, SILENCE_USEC);
        link_settle(link);
        return 0;
}

/* ---- Links ------------------------------------------------------------------------------------------------------ */

/* Takes the descriptor. */
static int link_make(Link **ret, sd_event *event, int fd, int family, const LinkEvents *events, void *userdata,
                     Error *err) {
        _cleanup_(link_freep) Link *link = calloc(1, sizeof(*link));
        int r;

        if (!link) {
                close(fd);
                return error_oom(err, sizeof(*link));
        }
        *link = (Link) { .n_ref = 1, .fd = fd, .family = family, .events = events, .userdata = userdata,
                         .in.frame_fd = -1, .epoll = EPOLLIN };
        r     = socket_prepare(fd, family);
        if (r >= 0)
                r = sd_event_add_io(event, &link->io, fd, EPOLLIN, on_io, link);
        if (r >= 0)
                r = sd_event_add_defer(event, &link->later, on_later, link);
        if (r >= 0)
                r = sd_event_source_set_enabled(link->later, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &link->clock, CLOCK_MONOTONIC, SILENCE_USEC, 0, on_clock, link);
        if (r >= 0 && family == AF_UNIX)
                r = sd_event_source_set_enabled(link->clock, SD_EVENT_OFF);
        if (r < 0)
                return error_set(err, r, "cannot make a link: %s", strerrordesc_np(-r));
        *ret = TAKE_PTR(link);
        return 0;
}

int link_new(Link **ret, sd_event *event, int fd, const LinkEvents *events, void *userdata, Error *err) {
        int type = 0, family = 0;
        socklen_t n = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_STREAM ||
            getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &n) < 0 ||
            (family != AF_UNIX && family != AF_INET && family != AF_INET6)) {
                close(fd);
                return error_set(err, ERROR_VALUE, "descriptor %d is not a stream socket", fd);
        }
        return link_make(ret, event, fd, family, events, userdata, err);
}

int link_connect(Link **ret, sd_event *event, const char *address, const LinkEvents *events, void *userdata,
                 Error *err) {
        _cleanup_(link_freep) Link *link = NULL;
        Address a;
        int fd, r;

        r = address_parse(address, &a, err);
        if (r < 0)
                return r;
        fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_set(err, -errno, "cannot connect to %s: %s", address, strerrordesc_np(errno));
        r = link_make(&link, event, fd, a.any.sa_family, events, userdata, err);
        if (r < 0)
                return r;
        address_print(&a, link->text);
        link->connecting = true;
        link_clock(link, CONNECT_USEC);
        r = connect(fd, &a.any, a.size_bytes) < 0 && errno != EINTR && errno != EINPROGRESS ? -errno : 0;
        if (r == 0)
                link_wait(link);
        else {
                link_connect_end(link, r); /* the loop says so */
                link_later(link);
        }
        *ret = TAKE_PTR(link);
        return 0;
}

Link *link_free(Link *link) {
        if (!link)
                return NULL;
        link->over = link->told = true;
        link_close(link);
        link_done(link);
        link_unref(link);
        return NULL;
}

size_t link_queued_bytes(const Link *link) {
        return link->out_bytes;
}

void link_stop_reading(Link *link, bool stop) {
        if (link->stopped == stop)
                return;
        link->stopped = stop;
        link_later(link);
}

void link_flush(Link *link) {
        if (link->blocked)
                return;
        link_write(link);
        if (link->sent.first || link->out.first || link->mute)
                link_later(link);
}

/* ---- Sending ---------------------------------------------------------------------------------------------------- */

static Piece *piece_new(size_t capacity) {
        Piece *piece = malloc(sizeof(*piece) + capacity);

        if (piece)
                *piece = (Piece) { .capacity = (uint32_t) capacity, .fd = -1 };
        return piece;
}

/* A piece at the end of the queue that has room for a frame. A frame with something of its own stands alone: behind it
 * there is no room. */
static Piece *queue_piece(Link *link, size_t bytes, bool alone) {
        Piece *last = link->out.last;

        if (last && !alone && last->capacity - last->n >= bytes)
                return last;
        last = piece_new(alone ? bytes : MAX(bytes, (size_t) PIECE_BYTES));
        if (last)
                list_add(&link->out, last);
        return last;
}

static Piece *queue_frame(Link *link, const Frame *frame, const uint8_t *body, bool alone) {
        const size_t bytes = FRAME_BYTES + (size_t) frame->body_bytes;
        Piece *piece       = queue_piece(link, bytes, alone);

        if (!piece)
                return NULL;
        frame_encode(frame, piece->bytes + piece->n);
        if (frame->body_bytes > 0)
                memcpy(piece->bytes + piece->n + FRAME_BYTES, body, frame->body_bytes);
        piece->n += (uint32_t) bytes;
        link->out_bytes += bytes;
        link->out_new_bytes += bytes;
        return piece;
}

static void link_send_soon(Link *link) {
        if (link->out_new_bytes >= FLUSH_BYTES)
                link_flush(link);
        else if (!link->blocked && !link->connecting)
                link_later(link);
}

int link_send(Link *link, uint16_t kind, const uint8_t *body, size_t body_bytes) {
        const Frame frame = { .kind = kind, .body_bytes = (uint32_t) body_bytes };

        assert(body_bytes <= MAX_BODY_BYTES);
        if (link->over || link->mute)
                return 0;
        if (!queue_frame(link, &frame, body, false))
                return -ENOMEM;
        link_send_soon(link);
        return 0;
}

int link_send_payload(Link *link, uint16_t kind, const uint8_t *body, size_t body_bytes, const char *payload,
                      uint64_t payload_bytes, void (*done)(void *userdata), void *userdata) {
        const Frame frame = { .kind = kind, .body_bytes = (uint32_t) body_bytes, .payload_bytes = payload_bytes };
        Piece *piece      = NULL;
        const bool lost   = link->over || link->mute;

        assert(done && body_bytes <= MAX_BODY_BYTES && payload_bytes <= MAX_PAYLOAD_BYTES);
        if (!lost)
                piece = queue_frame(link, &frame, body, true);
        if (!piece) {
                done(userdata);
                return lost ? 0 : -ENOMEM;
        }
        piece->payload       = payload;
        piece->payload_bytes = payload_bytes;
        piece->done          = done;
        piece->userdata      = userdata;
        link_send_soon(link);
        return 0;
}

int link_send_fd(Link *link, uint16_t kind, const uint8_t *body, size_t body_bytes, int fd) {
        const Frame frame = { .kind = kind, .fd = true, .body_bytes = (uint32_t) body_bytes };
        Piece *piece;
        int copy;

        assert(body_bytes <= MAX_BODY_BYTES);
        if (link->family != AF_UNIX)
                return ERROR_SUPPORT;
        if (link->over || link->mute)
                return 0;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
                return -errno;
        piece = queue_frame(link, &frame, body, true);
        if (!piece) {
                close(copy);
                return -ENOMEM;
        }
        piece->fd = copy;
        link_send_soon(link);
        return 0;
}

/* ---- Who it is -------------------------------------------------------------------------------------------------- */

int link_peer(const Link *link, LinkPeer *ret) {
        Address address = { .size_bytes = sizeof(address.local) };
        struct ucred who;
        socklen_t n = sizeof(who);

        *ret = (LinkPeer) { .local = link->family == AF_UNIX };
        if (link->fd < 0 || link->connecting)
                return -ENOTCONN;
        if (ret->local) {
                if (getsockopt(link->fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
                        return -errno;
                ret->uid = who.uid;
                ret->pid = who.pid;
                snprintf(ret->text, sizeof(ret->text), "uid %u, pid %d", who.uid, who.pid);
                return 0;
        }
        if (getpeername(link->fd, &address.any, &address.size_bytes) < 0)
                return -errno;
        ret->loopback = address_is_loopback(&address);
        address_print(&address, ret->text);
        return 0;
}
