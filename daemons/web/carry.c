/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/epoll.h>

#include "daemons/web/carry.h"

enum {
        PIECE_FIRST = 16 << 10,  /* read at a time, when some was left the last time, */
        PIECE_MOST  = PIECE_BYTES, /* and at most */
        TURN_BYTES  = 1 << 20,   /* from one side, before others get a turn */
        HELD_MOST   = 16 << 20,  /* of all carriers: beyond it pieces stay small */
        DRAIN_USEC  = 10 * 1000 * 1000, /* for one side to take what is left when the other has ended */
};

static void held_drop(Carrier *carrier, Flow *flow) {
        if (flow->data)
                carrier->web->held_bytes -= flow->n;
        free(TAKE_PTR(flow->data));
        flow->at = flow->n = 0;
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

/* 1: the other side took all of it; 0: it takes no more now; negative: it is gone. */
static int give_held(Carrier *carrier, Flow *flow, Side *to) {
        ssize_t n = give(to, flow->data ? flow->data + flow->at : NULL, flow->n - flow->at);

        if (n < 0)
                return (int) n;
        flow->at += (size_t) n;
        if (flow->at < flow->n)
                return 0;
        held_drop(carrier, flow);
        return to->blocked ? 0 : 1;
}

/* From one side to the other, as much as a turn is. 0; negative: one of them is gone. */
static int carry(Carrier *carrier, Side *from, Side *to) {
        uint8_t *piece = carrier->web->piece;
        Flow *flow     = &from->in;
        size_t turn    = TURN_BYTES;
        Error err      = {};
        ssize_t n, sent;
        int r, fd;

        r = give_held(carrier, flow, to);
        if (r <= 0)
                return r;
        while (turn > 0 && !flow->ended) {
                const size_t most = carrier->web->held_bytes > HELD_MOST ? PIECE_FIRST
                                                                       : MAX(flow->piece, (size_t) PIECE_FIRST);

                n = stream_receive(&from->stream, piece, most, &fd, &err);
                if (n == -EAGAIN)
                        return 0;
                if (n <= 0) {
                        flow->ended = true; /* whatever the reason, it is the end */
                        return 0;
                }
                sent = give(to, piece, (size_t) n);
                if (sent < 0)
                        return (int) sent;
                if (sent < n) {
                        flow->piece = PIECE_FIRST;
                        return hold(carrier, flow, piece + sent, (size_t) (n - sent));
                }
                if (to->blocked)
                        return 0;
                flow->piece = MIN(2 * most, (size_t) PIECE_MOST);
                turn -= MIN(turn, (size_t) n);
        }
        return 0;
}

static void side_wait(Side *side, const Side *other) {
        uint32_t epoll = 0;

        if (side->blocked)
                epoll |= EPOLLOUT;
        if (!side->in.ended && !side->in.data && !other->blocked)
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
            (client->in.ended && !client->in.data && !stream_unsent(&daemon->stream)) ||
            (daemon->in.ended && !daemon->in.data && !stream_unsent(&client->stream))) {
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

static int on_io(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        carrier_go(userdata);
        return 0;
}

static int on_again(_unused_ sd_event_source *source, void *userdata) {
        carrier_go(userdata);
        return 0;
}

void carrier_begin(Carrier *carrier) {
        Side *client = &carrier->client, *daemon = &carrier->daemon;

        client->epoll = daemon->epoll = EPOLLIN;
        if (sd_event_add_io(carrier->web->event, &client->io, client->stream.fd, EPOLLIN, on_io, carrier) < 0 ||
            sd_event_add_io(carrier->web->event, &daemon->io, daemon->stream.fd, EPOLLIN, on_io, carrier) < 0 ||
            sd_event_add_defer(carrier->web->event, &carrier->again, on_again, carrier) < 0 ||
            sd_event_source_set_enabled(carrier->again, SD_EVENT_OFF) < 0)
                carrier->ended(carrier);
        else
                carrier_go(carrier);
}

bool carrier_take_client(Carrier *carrier, Stream *ret) {
        Side *client = &carrier->client, *daemon = &carrier->daemon;

        if (client->opening || client->in.data || carry(carrier, daemon, client) < 0 || daemon->in.data ||
            daemon->in.ended || client->blocked) {
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
