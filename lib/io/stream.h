/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the bytes of a link go through: its socket as it is, or TLS over it (io/tls.h), which a web server may have to
 * hand over first (io/http.h). Nothing here blocks. */
#include "io/http.h"
#include "io/mover.h"

enum {
        MOVE_LEAST  = 128 << 10, /* what is worth a move, */
        MOVE_MOST   = 16 << 20,  /* and what one moves: so often it is seen that bytes come */
        READY_BYTES = 1 << 20,   /* of much are there before anybody is woken for them */
};

typedef struct Stream {
        int fd, family;
        TlsConn *tls;      /* NULL: plain */
        bool secure;       /* its handshake is over */
        HttpOpening *http; /* NULL: the other side is who we want already */
        bool waits_for_much; /* the socket is ready when READY_BYTES are there, not before */
} Stream;

/* 0, bytes can go; TLS_WANTS_…: the handshake goes on when the socket is ready for that; negative, with words. */
int stream_open(Stream *stream, Error *err);
void stream_close(Stream *stream);

/* A descriptor (or -1) goes with the first byte, over unix sockets. How many bytes were taken,
 * which are then no longer the caller's business; -EAGAIN, or another errno. */
ssize_t stream_send(Stream *stream, const struct iovec *iov, unsigned n_iov, int fd);
/* What was taken and is not on its way yet: 0, none any more; -EAGAIN, or another errno. */
int stream_flush(Stream *stream);
size_t stream_unsent(const Stream *stream); /* bytes of those */
/* How many bytes came, perhaps with a descriptor (else -1) that is the caller's; 0: the other side has closed; -EAGAIN;
 * negative, with words. */
ssize_t stream_receive(Stream *stream, void *to, size_t size_bytes, int *ret_fd, Error *err);
/* So many bytes are still to come of what is being received, at least: over TCP as it is, the socket is ready when
 * READY_BYTES of them are there. It could wake us for each 64 KiB, and who sends them pays for that. To be said again
 * when some have come: fewer than READY_BYTES are waited for as they come. */
void stream_wait_for(Stream *stream, uint64_t left);
/* The same two of much, through a mover; its ended() hears what stream_sent() and stream_received() understand. 0, or
 * -EBUSY: not now. Over TLS what is sent is what stream_send() has taken (`iov` is not looked at); and what is received
 * comes out of stream_receive() afterwards. `left` bytes are still to come at least. */
int stream_begin_send(Stream *stream, Mover *mover, Move *move, const struct iovec *iov, unsigned n_iov);
int stream_begin_receive(Stream *stream, Mover *mover, Move *move, void *to, uint64_t left);
/* How many bytes of those in `iov` have gone; an errno. */
ssize_t stream_sent(Stream *stream, ssize_t n);
/* As stream_receive(); -EAGAIN: go on there. */
ssize_t stream_received(Stream *stream, Move *move, ssize_t n, int *ret_fd, Error *err);
/* Stops them; NULL: there is none. */
void stream_stop(Stream *stream, Mover *mover, Move *sending, Move *receiving);
bool stream_more(const Stream *stream); /* perhaps more can be received although the socket is not readable */
