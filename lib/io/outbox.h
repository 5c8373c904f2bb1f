/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a link has to send: a queue of pieces. A piece is the bytes of some small frames, or of one frame and then its
 * payload, or of one frame with its descriptor. Payloads lie with their owner, who is told when they are not needed any
 * more: not before outbox_done(), so never from within what sends or drops.
 *
 * What is dear to say of a payload is said when its turn has come (OutboxBody), while the kernel is busy with what went
 * before. */
#include <sys/uio.h>

#include "io/link.h"

typedef struct Piece {
        struct Piece *next;
        uint32_t n, capacity;
        uint64_t sent;              /* of n + payload_bytes */
        int fd;                     /* goes with the first byte; -1: none, or gone */
        const char *payload;
        uint64_t payload_bytes;
        LinkBody *body; /* is still to be made, and then the frame, of this kind; NULL: it is here */
        uint16_t kind;
        void (*done)(void *userdata);
        void *userdata;
        uint8_t bytes[];
} Piece;

typedef struct PieceList {
        Piece *first, *last;
} PieceList;

typedef struct Outbox {
        PieceList out, sent;        /* sent: payloads whose done() is due */
        size_t bytes;               /* of headers and bodies, not sent */
        size_t new_bytes;           /* of these, since the last attempt */
} Outbox;

/* The frame at the end. `alone`: something of its own comes with it, which the caller puts into the piece. NULL when
 * out of memory. */
Piece *outbox_add(Outbox *box, const Frame *frame, const uint8_t *body, bool alone);
/* One whose frame is made when it is the first: payload, its size and who makes it are the caller's to put in. */
Piece *outbox_add_later(Outbox *box, uint16_t kind);
static inline bool outbox_empty(const Outbox *box) {
        return !box->out.first;
}
/* The first bytes of the queue, at most `most` in at most `size` runs, and the descriptor that goes with the first of
 * them (or -1). How many runs. */
unsigned outbox_iov(Outbox *box, struct iovec *iov, unsigned size, size_t most, size_t *ret_bytes, int *ret_fd);
void outbox_advance(Outbox *box, size_t sent);
void outbox_drop(Outbox *box);      /* all of it */
/* done() may add to the queue, or free the link. */
void outbox_done(Outbox *box);
