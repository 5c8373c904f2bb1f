/* SPDX-License-Identifier: Apache-2.0 */
/* Two machines share a socket.
 *
 * Reading: header, body, payload, and again. Headers and bodies come through a buffer (io/inbox.h), as many as there
 * are at a time; of a payload only what has come into the buffer is copied, the rest goes where it stays.
 *
 * Writing: a queue (io/outbox.h). It is sent once per iteration of the loop, earlier when much has gathered.
 *
 * Below both lies a stream (io/stream.h): the socket, or TLS over it. Until it is open nothing is sent or read. Who
 * comes in through a door is a guest until his host says that he may stay: he has little time and little room, and is
 * the first to go when there are too many.
 *
 * Large payloads go through io_uring (io/mover.h) where the link has a mover: while such a move is under way nothing
 * else is done in its direction, and the kernel is not asked whether it could be. A link that closes stops its moves
 * first: until then their memory is the kernel's.
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

#include "io/link-inside.h"
#include "io/say.h"
#include "io/socket.h"

enum {
        READ_BYTES      = 64 << 10, /* of the buffer for headers and bodies */
        READ_TURN       = 1 << 20,  /* received before others get a turn, */
        PAYLOAD_TURN    = 4 << 20,  /* or of a payload, which costs them less: nobody looks at it */
        WRITE_TURN      = 4 << 20,
        WRITE_IOV       = 64,       /* pieces of memory per system call */
        FLUSH_BYTES     = 64 << 10, /* of headers and bodies: sent without waiting for the loop */
        CONNECT_USEC    = 10000000, /* until a host that says nothing cannot be reached */
        GUEST_USEC      = 5000000,  /* until somebody who comes must have said who he is, */
        GUEST_BYTES     = 4 << 10,  /* in so many bytes */
        MAX_GUESTS      = 128,      /* at a time, of a door: half a MiB of buffers */
        SILENCE_USEC    = 5000000,  /* how often one is asked whether it has gone silent */
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

/* ---- The end ---------------------------------------------------------------------------------------------------- */

static void link_fail(Link *link, const Error *why) {
        if (link->over)
                return;
        link->over = true;
        if (link->why.code == 0) /* what came first is the reason */
                link->why = *why;
}

static void guest_leave(Link *link) {
        Door *door = TAKE_PTR(link->door);

        if (!door)
                return;
        *(link->guest_before ? &link->guest_before->guest_next : &door->oldest) = link->guest_next;
        *(link->guest_next ? &link->guest_next->guest_before : &door->newest)   = link->guest_before;
        link->guest_next = link->guest_before = NULL;
        door->n_guests--;
}

static void link_close(Link *link) {
        link->io    = sd_event_source_disable_unref(link->io);
        link->later = sd_event_source_disable_unref(link->later);
        link->clock = sd_event_source_disable_unref(link->clock);
        guest_leave(link);
        stream_stop(&link->stream, link->mover, &link->sending, &link->receiving);
        link->mover = mover_unref(link->mover);
        stream_close(&link->stream);
        link->asking = resolve_free(link->asking);
        link->tls    = tls_unref(link->tls);
        inbox_close_fds(&link->in);
        outbox_drop(&link->out);
}

static void link_later(Link *link) {
        if (link->later)
                (void) sd_event_source_set_enabled(link->later, SD_EVENT_ONESHOT);
}

bool link_unsent(const Link *link) {
        return !link->mute && (!outbox_empty(&link->out) || stream_unsent(&link->stream) > 0);
}

static bool link_reads(const Link *link) {
        return !link->over && !link->stopped && !link->opening && !link->receiving.under_way;
}

static void link_wait(Link *link) {
        uint32_t epoll = link->asking ? EPOLLIN : 0;

        if ((link->connecting && !link->asking) || (link->blocked && !link->sending.under_way && link_unsent(link)))
                epoll |= EPOLLOUT;
        if (!link->connecting && !link->stopped && !link->receiving.under_way)
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
        outbox_done(&link->out);
        if (!link->over) {
                link_wait(link);
                if (!link->opening && ((link_unsent(link) && !link->blocked) ||
                                       (link_reads(link) && stream_more(&link->stream))))
                        link_later(link);
                return;
        }
        if (!link->told) {
                link->told = true;
                link->events->closed(link->userdata, link, &link->why);
        }
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

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
        stream_stop(&link->stream, link->mover, &link->sending, NULL);
        outbox_drop(&link->out);
        (void) shutdown(link->stream.fd, SHUT_RDWR);
}

/* What is next goes through the mover, if it is much. */
static bool link_begin_send(Link *link) {
        struct iovec iov[MOVE_IOV];
        size_t bytes;
        unsigned n_iov;
        int fd = -1;

        if (!link->mover)
                return false;
        if (link->stream.tls) {
                bytes = stream_unsent(&link->stream);
                n_iov = 0;
        } else
                n_iov = outbox_iov(&link->out, iov, ELEMENTSOF(iov), MOVE_MOST, &bytes, &fd);
        link->blocked = bytes >= MOVE_LEAST && fd < 0 &&
                        stream_begin_send(&link->stream, link->mover, &link->sending, iov, n_iov) == 0;
        return link->blocked;
}

static void link_write(Link *link) {
        size_t turn = WRITE_TURN, asked = 0;
        struct iovec iov[WRITE_IOV];
        unsigned n_iov;
        ssize_t n;
        int fd;

        if (link->over || link->opening || link->mute || link->sending.under_way)
                return;
        link->blocked       = false;
        link->out.new_bytes = 0;
        while (!link_begin_send(link)) {
                n = stream_flush(&link->stream);
                if (n == 0 && (outbox_empty(&link->out) || turn == 0))
                        return;
                if (n == 0) {
                        n_iov = outbox_iov(&link->out, iov, ELEMENTSOF(iov), turn, &asked, &fd);
                        n     = stream_send(&link->stream, iov, n_iov, fd);
                }
                if (n < 0 && n != -EAGAIN) {
                        link_mute(link, (int) n);
                        return;
                }
                if (n > 0)
                        outbox_advance(&link->out, (size_t) n);
                link->blocked = n == -EAGAIN || ((size_t) n < asked && stream_unsent(&link->stream) == 0);
                if (link->blocked)
                        return;
                turn -= (size_t) n;
        }
}

static void on_sent(void *userdata, ssize_t n) {
        _cleanup_(link_unrefp) Link *link = link_ref(userdata);

        link->blocked = false;
        n             = stream_sent(&link->stream, n);
        if (n < 0)
                link_mute(link, (int) n);
        else
                outbox_advance(&link->out, (size_t) n);
        link_write(link);
        link_settle(link);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

/* What a call, or a move, has brought. */
static ssize_t receive_end(Link *link, ssize_t n, int fd, Error *err) {
        Inbox *in = &link->in;

        link->heard_bytes += n > 0 ? (uint64_t) n : 0;
        if (fd < 0)
                return n;
        if (in->n_fds == PENDING_FDS || in->in_payload) {
                close(fd);
                return error_set(err, ERROR_CORRUPT, "a descriptor in the middle of %s",
                                 in->in_payload ? "a payload" : "a message");
        }
        in->fd[in->n_fds++] = fd;
        return n;
}

static ssize_t receive(Link *link, void *to, size_t size_bytes, Error *err) {
        int fd          = -1;
        const ssize_t n = stream_receive(&link->stream, to, size_bytes, &fd, err);

        return receive_end(link, n, fd, err);
}

/* The other side encrypts, and we do not. It understands an answer that does not, as far as it needs to. */
static int refuse_tls(Link *link, Error *err) {
        error_set(err, -EACCES, "it encrypts, and here is no key: give this machine the key of the others, " KEY_PATH);
        say_refused(link->stream.fd, err);
        return err->code;
}

static int take_header(Link *link, Error *err) {
        Inbox *in = &link->in;
        int r;

        if (link->door && !link->stream.tls && http_is_request(in->data + in->at))
                return http_refuse(link->stream.fd, err);
        if (link->door && !link->stream.tls && memcmp(in->data + in->at, "\x16\x03", 2) == 0)
                return refuse_tls(link, err);
        if (link->text[0] && memcmp(in->data + in->at, "HTTP/1.", 7) == 0)
                return error_set(err, ERROR_CORRUPT, "HTTP is spoken there: use 'http://%s'", link->text);
        r = frame_decode(in->data + in->at, &in->frame, err);
        if (r < 0)
                return r;
        if (link->door && in->frame.body_bytes + in->frame.payload_bytes > GUEST_BYTES)
                return error_set(err, ERROR_CORRUPT, "%llu bytes before it has said who it is",
                                 (unsigned long long) (in->frame.body_bytes + in->frame.payload_bytes));
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
        Inbox *in            = &link->in;
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

/* So much of the payload has come, and lies where it stays, if it stays. */
static void payload_came(Link *link, size_t n) {
        Inbox *in = &link->in;

        if (n > 0 && in->payload && link->events->part)
                link->events->part(link->userdata, in->payload + in->got, n);
        in->got += n;
        stream_wait_for(&link->stream, in->frame.payload_bytes - in->got);
}

/* One step with what is in the buffer. 1: a step was made; 0: more must come; negative: the stream is of no use. */
static int input_step(Link *link, Error *err) {
        Inbox *in   = &link->in;
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
                in->in_payload = true;
                return 1;
        }
        left -= FRAME_BYTES + (size_t) in->frame.body_bytes + in->got_here;
        left = (size_t) MIN((uint64_t) left, in->frame.payload_bytes - in->got);
        if (in->payload)
                memcpy(in->payload + in->got, in->data + in->at + FRAME_BYTES + in->frame.body_bytes + in->got_here,
                       left);
        in->got_here += left;
        payload_came(link, left);
        return in->got == in->frame.payload_bytes ? hand_out(link, err) : 0;
}

/* Hands out everything that is whole. */
static int input_use(Link *link, Error *err) {
        Inbox *in = &link->in;
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

/* What is left of a payload comes through the mover, if it is much. */
static bool link_begin_receive(Link *link) {
        Inbox *in           = &link->in;
        const uint64_t left = in->frame.payload_bytes - in->got;

        return link->mover && in->payload && left >= MOVE_LEAST &&
               stream_begin_receive(&link->stream, link->mover, &link->receiving, in->payload + in->got, left) == 0;
}

/* Of a payload that is forgotten. */
static ssize_t drop_payload(Link *link, Error *err) {
        char dropped[READ_BYTES];

        return receive(link, dropped, (size_t) MIN(link->in.frame.payload_bytes - link->in.got, sizeof(dropped)), err);
}

/* How much came; 0: the other side has closed; -EAGAIN; with words, any other. */
static ssize_t input_receive(Link *link, size_t *turn, Error *err) {
        Inbox *in = &link->in;
        ssize_t n;
        int r;

        if (in->in_payload) {
                const size_t most = (size_t) MIN(in->frame.payload_bytes - in->got, (uint64_t) PAYLOAD_TURN);

                if (link_begin_receive(link))
                        return -EAGAIN;
                n = in->payload ? receive(link, in->payload + in->got, most, err) : drop_payload(link, err);
                if (n > 0) {
                        payload_came(link, (size_t) n);
                        *turn -= MIN(*turn, (size_t) div_up(n, PAYLOAD_TURN / READ_TURN));
                } else if (n == -EAGAIN)
                        link_begin_receive(link);
                return n;
        }
        r = inbox_room(in, link->door ? GUEST_BYTES : READ_BYTES, err);
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
        const Inbox *in = &link->in;
        Error why       = {};

        if (in->in_frame || in->at < in->n)
                error_set(&why, -ECONNRESET, "the other side has closed the connection in the middle of a message");
        else if (link_unsent(link))
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
        inbox_trim(&link->in);
}

static void on_received(void *userdata, ssize_t n) {
        _cleanup_(link_unrefp) Link *link = link_ref(userdata);
        Error why                         = {};
        int fd                            = -1;

        n = stream_received(&link->stream, &link->receiving, n, &fd, &why);
        n = receive_end(link, n, fd, &why);
        if (n == 0)
                read_end(link);
        else if (n < 0 && n != -EAGAIN)
                link_fail(link, &why);
        else if (n > 0) {
                payload_came(link, (size_t) n);
                link_use(link);
        }
        link_read(link);
        link_settle(link);
}

/* ---- The loop --------------------------------------------------------------------------------------------------- */

static void link_clock(Link *link, uint64_t usec) {
        (void) sd_event_source_set_time_relative(link->clock, usec);
        (void) sd_event_source_set_enabled(link->clock, SD_EVENT_ONESHOT);
}

/* From the socket to the stream. Negative: with words that name where we wanted to go. */
static int open_step(Link *link, int code, Error *err) {
        int r;

        if (code < 0)
                return error_set(err, code, "%s%s", strerrordesc_np(-code),
                                 link->asking       ? ": no name server says which host that is"
                                 : link->connecting ? ""
                                                    : ": it does not go on with the handshake");
        link->connecting = link->blocked = false;
        r = stream_open(&link->stream, err);
        if (r != 0) {
                link->blocked = r == TLS_WANTS_OUTPUT;
                return MIN(r, 0);
        }
        link->opening = false;
        if (link->door)
                return 0; /* the clock goes on */
        if (link->stream.family != AF_UNIX)
                link_clock(link, SILENCE_USEC);
        else
                link->clock = sd_event_source_disable_unref(link->clock);
        return 0;
}

static void link_open(Link *link, int code) {
        Error why = {};

        if (open_step(link, code, &why) == 0)
                return;
        if (link->door && tls_met_plain(link->stream.tls))
                say_refused(link->stream.fd, &why);
        if (link->text[0])
                error_prefix(&why, why.code, "cannot connect to %s", link->text);
        link_fail(link, &why);
}

/* The link has an address: to a socket from what stood in its place. 0, or an errno. */
static int link_begin(Link *link, const Address *to) {
        const int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r        = fd < 0 ? -errno : socket_prepare(fd, to);

        if (r >= 0)
                r = sd_event_source_set_io_fd(link->io, fd);
        if (r < 0) {
                if (fd >= 0)
                        close(fd);
                return r;
        }
        close(link->stream.fd);
        link->stream.fd     = fd;
        link->stream.family = to->any.sa_family;
        return connect(fd, &to->any, to->size_bytes) < 0 && errno != EINTR && errno != EINPROGRESS ? -errno : 0;
}

/* Its name has been looked up. */
static void link_answered(Link *link) {
        Resolve *asked = TAKE_PTR(link->asking);
        Error why      = {};
        Address to;
        int r = resolve_take(asked, &to, &why);

        resolve_free(asked);
        if (r < 0) {
                link_fail(link, &why);
                return;
        }
        r = link_begin(link, &to);
        if (r == 0 && link->tls && tls_open(&link->stream.tls, link->tls, link->stream.fd, true, &why) < 0)
                link_fail(link, &why);
        else if (r < 0)
                link_open(link, r);
}

static int on_io(sd_event_source *source _unused_, int fd, uint32_t revents, void *userdata) {
        _cleanup_(link_unrefp) Link *link = link_ref(userdata);
        const bool opening                = link->opening;
        socklen_t n                       = sizeof(int);
        int code                          = 0;

        if (link->asking) {
                link_answered(link);
                link_settle(link);
                return 0;
        }
        if (link->connecting && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0)
                code = errno;
        if (opening)
                link_open(link, -code);
        if (opening || revents & ~(uint32_t) EPOLLIN)
                link_write(link);
        if (opening || revents & ~(uint32_t) EPOLLOUT)
                link_read(link);
        link_settle(link);
        return 0;
}

static int on_later(sd_event_source *source _unused_, void *userdata) {
        _cleanup_(link_unrefp) Link *link = link_ref(userdata);

        if (link->opening && !link->connecting && !link->over)
                link_open(link, 0);
        if (!link->blocked)
                link_write(link);
        link_use(link); /* reading was stopped and goes on */
        if (stream_more(&link->stream))
                link_read(link);
        inbox_trim(&link->in);
        link_settle(link);
        return 0;
}

static void guest_is_late(Link *link) {
        Error why = {};

        error_set(&why, -ETIMEDOUT, "%s for %d s", link->opening ? "it has shown no key" : "it has not said who it is",
                  GUEST_USEC / 1000000);
        link_fail(link, &why);
}

static int on_clock(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        _cleanup_(link_unrefp) Link *link = link_ref(userdata);

        if (link->door)
                guest_is_late(link);
        else if (link->opening)
                link_open(link, -ETIMEDOUT);
        else if (socket_is_silent(link->stream.fd))
                link_mute(link, -ETIMEDOUT);
        else
                link_clock(link, SILENCE_USEC);
        link_settle(link);
        return 0;
}

/* ---- Links ------------------------------------------------------------------------------------------------------ */

/* Takes the descriptor. */
static int link_make(Link **ret, sd_event *event, int fd, const Address *peer, const LinkEvents *events, void *userdata,
                     Error *err) {
        const int family                 = peer->any.sa_family;
        _cleanup_(link_freep) Link *link = calloc(1, sizeof(*link));
        int r;

        if (!link) {
                close(fd);
                return error_oom(err, sizeof(*link));
        }
        *link = (Link) { .n_ref = 1, .stream = { .fd = fd, .family = family }, .events = events,
                         .userdata = userdata, .in.frame_fd = -1, .epoll = EPOLLIN,
                         .sending = { .ended = on_sent, .userdata = link },
                         .receiving = { .ended = on_received, .userdata = link } };
        r     = family == AF_UNSPEC ? 0 : socket_prepare(fd, peer);
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
        Address peer = { .size_bytes = sizeof(peer.local) };
        int type     = 0;
        socklen_t n  = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_STREAM ||
            getpeername(fd, &peer.any, &peer.size_bytes) < 0 ||
            (peer.any.sa_family != AF_UNIX && peer.any.sa_family != AF_INET && peer.any.sa_family != AF_INET6)) {
                close(fd);
                return error_set(err, ERROR_VALUE, "descriptor %d is not a stream socket", fd);
        }
        return link_make(ret, event, fd, &peer, events, userdata, err);
}

int link_connect(Link **ret, sd_event *event, const char *address, const LinkEvents *events, void *userdata,
                 Error *err) {
        _cleanup_(resolve_freep) Resolve *asking = NULL;
        _cleanup_(link_freep) Link *link         = NULL;
        const bool asks                          = address_is_name(address);
        Address a                                = {};
        int fd, r;

        r = asks ? resolve_new(&asking, address, err) : address_parse(address, &a, err);
        if (r < 0)
                return r;
        fd = asks ? resolve_fd(asking) : socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_set(err, -errno, "cannot connect to %s: %s", address, strerrordesc_np(errno));
        r = link_make(&link, event, fd, &a, events, userdata, err);
        if (r < 0)
                return r;
        snprintf(link->text, sizeof(link->text), "%s", address);
        link->opening = link->connecting = true;
        link->asking                     = TAKE_PTR(asking);
        link_clock(link, CONNECT_USEC);
        if (!asks)
                r = connect(fd, &a.any, a.size_bytes) < 0 && errno != EINTR && errno != EINPROGRESS ? -errno : 0;
        if (r == 0)
                link_wait(link);
        else {
                link_open(link, r); /* the loop says so */
                link_later(link);
        }
        *ret = TAKE_PTR(link);
        return 0;
}

static int secure(Link *link, Tls *tls, bool connects, Error *err) {
        if (!tls || link->stream.family == AF_UNIX || link->over)
                return 0;
        link->opening = true;
        if (link->asking) {
                link->tls = tls_ref(tls);
                return 0;
        }
        link_later(link); /* one that is connected begins */
        return tls_open(&link->stream.tls, tls, link->stream.fd, connects, err);
}

int link_secure(Link *link, Tls *tls, Error *err) {
        return secure(link, tls, true, err);
}

int link_upgrade(Link *link, const Http *http, const char *path, Error *err) {
        int r = link_secure(link, http_tls(http), err);

        if (r < 0 || link->over)
                return r;
        link->opening = true;
        link_later(link);
        return http_open(&link->stream.http, http, path, err);
}

void link_move(Link *link, Mover *mover) {
        if (!link->over && !link->mover && mover)
                link->mover = mover_ref(mover);
}

static int guest_come(Link *link, Door *door, Error *err) {
        Error why = {};
        int r;

        link->door         = door;
        link->guest_before = door->newest;
        *(door->newest ? &door->newest->guest_next : &door->oldest) = link;
        door->newest = link;
        if (++door->n_guests > MAX_GUESTS) {
                Link *oldest = door->oldest;

                error_set(&why, -EUSERS, "%d others have come and not said who they are either", MAX_GUESTS);
                link_fail(oldest, &why);
                link_later(oldest);
                guest_leave(oldest);
        }
        r = secure(link, door->tls, false, err);
        link_clock(link, GUEST_USEC);
        link_move(link, door->mover);
        return r;
}

int link_accept(Link **ret, sd_event *event, int fd, Door *door, const LinkEvents *events, void *userdata,
                Error *err) {
        _cleanup_(link_freep) Link *link = NULL;
        int r                            = link_new(&link, event, fd, events, userdata, err);

        if (r == 0)
                r = guest_come(link, door, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(link);
        return 0;
}

void link_admit(Link *link) {
        if (!link->door)
                return;
        guest_leave(link);
        if (link->stream.family != AF_UNIX)
                link_clock(link, SILENCE_USEC);
        else
                link->clock = sd_event_source_disable_unref(link->clock);
}

Link *link_free(Link *link) {
        if (!link)
                return NULL;
        link->over = link->told = true;
        link_close(link);
        outbox_done(&link->out);
        link_unref(link);
        return NULL;
}

size_t link_queued_bytes(const Link *link) {
        return link->out.bytes;
}

uint32_t link_unanswered_msec(const Link *link) {
        if (link->over || link->stream.family == AF_UNIX)
                return 0;
        return link->connecting ? 1 : socket_silent_msec(link->stream.fd);
}

void link_watch(Link *link) {
        if (!link->over && !link->connecting && link->stream.family != AF_UNIX)
                socket_watch(link->stream.fd);
}

uint64_t link_heard_bytes(const Link *link) {
        return link->heard_bytes;
}

void link_stop_reading(Link *link, bool stop) {
        if (link->stopped == stop)
                return;
        link->stopped = stop;
        link_later(link);
}

void link_forget_payload(Link *link) {
        assert(!link->receiving.under_way);
        if (link->in.in_frame)
                link->in.payload = NULL;
}

void link_flush(Link *link) {
        if (link->blocked)
                return;
        link_write(link);
        if (link->out.sent.first || link_unsent(link) || link->mute)
                link_later(link);
}

/* ---- Sending ---------------------------------------------------------------------------------------------------- */

static void link_send_soon(Link *link) {
        if (link->out.new_bytes >= FLUSH_BYTES)
                link_flush(link);
        else if (!link->blocked && !link->opening)
                link_later(link);
}

int link_send(Link *link, uint16_t kind, const uint8_t *body, size_t body_bytes) {
        const Frame frame = { .kind = kind, .body_bytes = (uint32_t) body_bytes };

        assert(body_bytes <= MAX_BODY_BYTES);
        if (link->over || link->mute)
                return 0;
        if (!outbox_add(&link->out, &frame, body, false))
                return -ENOMEM;
        link_send_soon(link);
        return 0;
}

/* The piece is in the queue, and gets what is the caller's; NULL: it could not be had, or nothing goes any more. */
static int send_payload(Link *link, Piece *piece, const Piece *theirs) {
        assert(theirs->done && theirs->payload_bytes <= MAX_PAYLOAD_BYTES);
        if (!piece) {
                theirs->done(theirs->userdata);
                return link->over || link->mute ? 0 : -ENOMEM;
        }
        piece->payload       = theirs->payload;
        piece->payload_bytes = theirs->payload_bytes;
        piece->body          = theirs->body;
        piece->done          = theirs->done;
        piece->userdata      = theirs->userdata;
        link_send_soon(link);
        return 0;
}

int link_send_payload(Link *link, uint16_t kind, const uint8_t *body, size_t body_bytes, const char *payload,
                      uint64_t payload_bytes, void (*done)(void *userdata), void *userdata) {
        const Frame frame = { .kind = kind, .body_bytes = (uint32_t) body_bytes, .payload_bytes = payload_bytes };
        const bool lost   = link->over || link->mute;

        assert(body_bytes <= MAX_BODY_BYTES);
        return send_payload(
                link, lost ? NULL : outbox_add(&link->out, &frame, body, true),
                &(Piece) { .payload = payload, .payload_bytes = payload_bytes, .done = done, .userdata = userdata });
}

int link_send_payload_later(Link *link, uint16_t kind, LinkBody *body, const char *payload, uint64_t payload_bytes,
                            void (*done)(void *userdata), void *userdata) {
        const bool lost = link->over || link->mute;

        return send_payload(link, lost ? NULL : outbox_add_later(&link->out, kind),
                            &(Piece) { .payload       = payload,
                                       .payload_bytes = payload_bytes,
                                       .body          = body,
                                       .done          = done,
                                       .userdata      = userdata });
}

int link_send_fd(Link *link, uint16_t kind, const uint8_t *body, size_t body_bytes, int fd) {
        const Frame frame = { .kind = kind, .fd = true, .body_bytes = (uint32_t) body_bytes };
        Piece *piece;
        int copy;

        assert(body_bytes <= MAX_BODY_BYTES);
        if (link->stream.family != AF_UNIX)
                return ERROR_SUPPORT;
        if (link->over || link->mute)
                return 0;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
                return -errno;
        piece = outbox_add(&link->out, &frame, body, true);
        if (!piece) {
                close(copy);
                return -ENOMEM;
        }
        piece->fd = copy;
        link_send_soon(link);
        return 0;
}
