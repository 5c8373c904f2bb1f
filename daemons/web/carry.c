/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemons/web/carry.h"

enum {
        PIECE_FIRST = 16 << 10,    /* read at a time, when some was left the last time, */
        PIECE_MOST  = PIECE_BYTES, /* and at most */
        TURN_BYTES  = 1 << 20,     /* from one side, before others get a turn */
        HELD_MOST   = 16 << 20,    /* of all carriers: beyond it pieces stay small */
        PIPE_BYTES = 256 << 10, /* of pages, which the kernel counts against our user; they are larger than it thinks */
        DRAIN_USEC = 10 * 1000 * 1000, /* for one side to take what is left when the other has ended */
};

/* ---- Pipes ------------------------------------------------------------------------------------------------------ */

static void pipe_close(Pipe *pipe) {
        if (pipe->open) {
                close(pipe->in);
                close(pipe->out);
        }
        *pipe = (Pipe) {};
}

/* False: there is none to be had, and bytes are copied. A pipe that the kernel leaves small is one. */
static bool pipe_take(Web *web, Pipe *pipe) {
        int fd[2];

        if (web->pipe.open) {
                *pipe     = web->pipe;
                web->pipe = (Pipe) {};
        } else if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) == 0) {
                *pipe = (Pipe) { .open = true, .in = fd[1], .out = fd[0] };
                (void) fcntl(pipe->in, F_SETPIPE_SZ, PIPE_BYTES);
        }
        return pipe->open;
}

/* One that is not empty is of no use to anybody else. */
static void pipe_leave(Web *web, Pipe *pipe) {
        web->held_bytes -= pipe->n;
        if (pipe->n > 0 || web->pipe.open)
                pipe_close(pipe);
        else if (pipe->open)
                web->pipe = *pipe;
        *pipe = (Pipe) {};
}

void carriers_end(Web *web) {
        pipe_close(&web->pipe);
}

static ssize_t move(int from, int to, size_t n) {
        ssize_t moved;

        do
                moved = splice(from, NULL, to, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        while (moved < 0 && errno == EINTR);
        return moved < 0 ? -errno : moved;
}

/* ---- What is held ------------------------------------------------------------------------------------------------ */

static bool flow_holds(const Flow *flow) {
        return flow->data || flow->pipe.n > 0;
}

static void held_drop(Carrier *carrier, Flow *flow) {
        if (flow->data)
                carrier->web->held_bytes -= flow->n;
        free(TAKE_PTR(flow->data));
        flow->at = flow->n = 0;
        pipe_leave(carrier->web, &flow->pipe);
}

/* What was read and not taken is kept. */
static int hold(Carrier *carrier, Flow *flow, const uint8_t *data, size_t n) {
        flow->data = malloc(n);
        if (!flow->data)
                return -ENOMEM;
        memcpy(flow->data, data, n);
        flow->at = 0;
        flow->n  = n;
        carrier->web->held_bytes += n;
        return 0;
}

/* How many bytes went; negative: that side is gone. */
static ssize_t give(Side *to, const uint8_t *data, size_t n) {
        const struct iovec iov = { (void *) (uintptr_t) data, n };
        ssize_t sent           = stream_flush(&to->stream);
        int r                  = 0;

        if (sent == 0 && n > 0)
                sent = stream_send(&to->stream, &iov, 1, -1);
        if (sent > 0)
                r = stream_flush(&to->stream); /* what TLS has made of it goes now, not when the socket says so */
        if (r < 0 && r != -EAGAIN)
                return r;
        to->blocked = sent == -EAGAIN || (sent >= 0 && ((size_t) sent < n || stream_unsent(&to->stream)));
        return sent == -EAGAIN ? 0 : sent;
}

/* The same of what lies in the pipe. */
static ssize_t give_piped(Carrier *carrier, Flow *flow, Side *to) {
        const ssize_t n = move(flow->pipe.out, to->stream.fd, flow->pipe.n);

        to->blocked = n == -EAGAIN || (n >= 0 && (size_t) n < flow->pipe.n);
        if (n > 0) {
                flow->pipe.n -= (size_t) n;
                carrier->web->held_bytes -= (size_t) n;
        }
        return n == -EAGAIN ? 0 : n;
}

/* 1: the other side took all of it; 0: it takes no more now; negative: it is gone. */
static int give_held(Carrier *carrier, Flow *flow, Side *to) {
        const bool piped = flow->pipe.n > 0;
        ssize_t n        = piped ? give_piped(carrier, flow, to)
                                 : give(to, flow->data ? flow->data + flow->at : NULL, flow->n - flow->at);

        if (n < 0)
                return (int) n;
        if (!piped)
                flow->at += (size_t) n;
        if (flow->at < flow->n || flow->pipe.n > 0)
                return 0;
        held_drop(carrier, flow);
        return to->blocked ? 0 : 1;
}

/* ---- From one side to the other ---------------------------------------------------------------------------------- */

/* How many bytes came; 0: no more will; -EAGAIN. What was not taken is held; *ret is negative when it cannot be. */
static ssize_t pass_copied(Carrier *carrier, Side *from, Side *to, size_t most, int *ret) {
        uint8_t *piece = carrier->web->piece;
        Error err      = {};
        int fd;
        ssize_t n = stream_receive(&from->stream, piece, most, &fd, &err), sent;

        if (n <= 0)
                return n == -EAGAIN ? n : 0;
        sent = give(to, piece, (size_t) n);
        if (sent < 0)
                *ret = (int) sent;
        else if (sent < n)
                *ret = hold(carrier, &from->in, piece + sent, (size_t) (n - sent));
        return n;
}

/* The same through a pipe, which it has. */
static ssize_t pass_piped(Carrier *carrier, Side *from, Side *to, size_t most, int *ret) {
        Flow *flow = &from->in;
        ssize_t n  = move(from->stream.fd, flow->pipe.in, most), sent;

        if (n <= 0)
                return n == -EAGAIN ? n : 0;
        flow->pipe.n = (size_t) n;
        carrier->web->held_bytes += (size_t) n;
        sent = give_piped(carrier, flow, to);
        if (sent < 0)
                *ret = (int) sent;
        return n;
}

static bool is_piped(Web *web, Side *from, const Side *to) {
        return from->in.much && !from->stream.tls && !to->stream.tls &&
               (from->in.pipe.open || pipe_take(web, &from->in.pipe));
}

/* As much as a turn is. 0; negative: one of them is gone. */
static int carry(Carrier *carrier, Side *from, Side *to) {
        Flow *flow  = &from->in;
        size_t turn = TURN_BYTES;
        int r       = give_held(carrier, flow, to);

        if (r <= 0)
                return r;
        while (turn > 0 && !flow->ended) {
                const size_t most = carrier->web->held_bytes > HELD_MOST ? PIECE_FIRST
                                                                       : MAX(flow->piece, (size_t) PIECE_FIRST);
                const ssize_t n   = is_piped(carrier->web, from, to) ? pass_piped(carrier, from, to, most, &r)
                                                                     : pass_copied(carrier, from, to, most, &r);

                if (n <= 0) {
                        flow->ended = n == 0; /* whatever the reason, it is the end */
                        break;
                }
                if (r < 0)
                        return r;
                flow->much = (size_t) n >= PIECE_FIRST;
                if (flow_holds(flow)) {
                        flow->piece = PIECE_FIRST;
                        return 0;
                }
                if (to->blocked)
                        break;
                flow->piece = MIN(2 * most, (size_t) PIECE_MOST);
                turn -= MIN(turn, (size_t) n);
        }
        if (!flow_holds(flow))
                pipe_leave(carrier->web, &flow->pipe);
        return 0;
}

static void side_wait(Side *side, const Side *other) {
        uint32_t epoll = 0;

        if (side->blocked)
                epoll |= EPOLLOUT;
        if (!side->in.ended && !flow_holds(&side->in) && !other->blocked)
                epoll |= EPOLLIN;
        if (epoll == side->epoll || !side->io)
                return;
        side->epoll = epoll;
        (void) sd_event_source_set_io_events(side->io, epoll);
        (void) sd_event_source_set_enabled(side->io, epoll ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* 0: it is open; 1: it waits for its socket; negative: it will not be. */
static int side_open(Side *side) {
        Error err = {};
        int r     = side->opening ? stream_open(&side->stream, &err) : 0;

        if (r <= 0) {
                side->opening = false;
                return r;
        }
        side->epoll = r == TLS_WANTS_OUTPUT ? EPOLLOUT : EPOLLIN;
        return sd_event_source_set_io_events(side->io, side->epoll) < 0 ? -EIO : 1;
}

static int on_late(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Carrier *carrier = userdata;

        carrier->ended(carrier);
        return 0;
}

static void carrier_go(Carrier *carrier) {
        Side *client = &carrier->client, *daemon = &carrier->daemon;
        int r        = side_open(client);

        if (r > 0)
                return;
        if (r < 0 || carry(carrier, client, daemon) < 0 || carry(carrier, daemon, client) < 0 ||
            (client->in.ended && !flow_holds(&client->in) && !stream_unsent(&daemon->stream)) ||
            (daemon->in.ended && !flow_holds(&daemon->in) && !stream_unsent(&client->stream))) {
                carrier->ended(carrier);
                return;
        }
        side_wait(client, daemon);
        side_wait(daemon, client);
        if ((stream_more(&daemon->stream) && !client->blocked) || (stream_more(&client->stream) && !daemon->blocked))
                (void) sd_event_source_set_enabled(carrier->again, SD_EVENT_ONESHOT);
        if ((client->in.ended || daemon->in.ended) && !carrier->late &&
            sd_event_add_time_relative(carrier->web->event, &carrier->late, CLOCK_MONOTONIC, DRAIN_USEC, 0, on_late,
                                       carrier) < 0)
                carrier->ended(carrier);
}

static int on_io(sd_event_source *source, _unused_ int fd, uint32_t revents, void *userdata) {
        Carrier *carrier = userdata;

        /* Who is still shaking hands has nobody to talk to any more, and would not be looked at before he goes on. */
        if (carrier->client.opening && source == carrier->daemon.io && (revents & (EPOLLHUP | EPOLLERR)))
                carrier->ended(carrier);
        else
                carrier_go(carrier);
        return 0;
}

static int on_again(_unused_ sd_event_source *source, void *userdata) {
        carrier_go(userdata);
        return 0;
}

void carrier_begin(Carrier *carrier) {
        Side *client = &carrier->client, *daemon = &carrier->daemon;

        client->epoll = EPOLLIN;
        daemon->epoll =
                client->opening ? 0 : EPOLLIN; /* what it says can go nowhere yet; its end is heard all the same */
        if (sd_event_add_io(carrier->web->event, &client->io, client->stream.fd, EPOLLIN, on_io, carrier) < 0 ||
            sd_event_add_io(carrier->web->event, &daemon->io, daemon->stream.fd, daemon->epoll, on_io, carrier) < 0 ||
            sd_event_add_defer(carrier->web->event, &carrier->again, on_again, carrier) < 0 ||
            sd_event_source_set_enabled(carrier->again, SD_EVENT_OFF) < 0)
                carrier->ended(carrier);
        else
                carrier_go(carrier);
}

bool carrier_take_client(Carrier *carrier, Stream *ret) {
        Side *client = &carrier->client, *daemon = &carrier->daemon;

        if (client->opening || flow_holds(&client->in) || carry(carrier, daemon, client) < 0 ||
            flow_holds(&daemon->in) || daemon->in.ended || client->blocked) {
                (void) sd_event_source_set_enabled(carrier->again, SD_EVENT_ONESHOT);
                return false;
        }
        client->io     = sd_event_source_disable_unref(client->io);
        *ret           = client->stream;
        client->stream = (Stream) { .fd = -1 };
        return true;
}

int carrier_hold(Carrier *carrier, const void *data, size_t n_bytes) {
        return n_bytes > 0 ? hold(carrier, &carrier->client.in, data, n_bytes) : 0;
}

void carrier_done(Carrier *carrier) {
        held_drop(carrier, &carrier->client.in);
        held_drop(carrier, &carrier->daemon.in);
        sd_event_source_disable_unref(carrier->client.io);
        sd_event_source_disable_unref(carrier->daemon.io);
        sd_event_source_disable_unref(carrier->late);
        sd_event_source_disable_unref(carrier->again);
        stream_close(&carrier->client.stream);
        stream_close(&carrier->daemon.stream);
}
