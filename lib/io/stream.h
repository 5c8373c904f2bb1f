/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the bytes of a link go through: its socket as it is, or TLS over it (io/tls.h), which a web server may have to
 * hand over first (io/http.h). Nothing here blocks. */
#include "io/http.h"

typedef struct Stream {
        int fd, family;
        TlsConn *tls;      /* NULL: plain */
        bool secure;       /* its handshake is over */
        HttpOpening *http; /* NULL: the other side is who we want already */
} Stream;

/* 0, bytes can go; TLS_WANTS_…: the handshake goes on when the socket is ready for that; negative, with words. */
int stream_open(Stream *stream, Error *err);
void stream_close(Stream *stream);

/* A descriptor (or -1) goes with the first byte, over unix sockets. How many bytes were taken,
 * which are then no longer the caller's business; -EAGAIN, or another errno. */
ssize_t stream_send(Stream *stream, const struct iovec *iov, unsigned n_iov, int fd);
/* What was taken and is not on its way yet: 0, none any more; -EAGAIN, or another errno. */
int stream_flush(Stream *stream);
bool stream_unsent(const Stream *stream);
/* How many bytes came, perhaps with a descriptor (else -1) that is the caller's; 0: the other side has closed; -EAGAIN;
 * negative, with words. */
ssize_t stream_receive(Stream *stream, void *to, size_t size_bytes, int *ret_fd, Error *err);
bool stream_more(const Stream *stream); /* perhaps more can be received although the socket is not readable */
