/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "io/outbox.h"

enum {
        PIECE_BYTES = 8 << 10,  /* of small frames that are sent together */
        DEAR_BYTES  = 64 << 10, /* of a payload, from which on making its frame takes longer than a system call */
};

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

/* ---- Adding ------------------------------------------------------------------------------------------------------ */

static Piece *piece_new(size_t capacity) {
        Piece *piece = malloc(sizeof(*piece) + capacity);

        if (piece)
                *piece = (Piece) { .capacity = (uint32_t) capacity, .fd = -1 };
        return piece;
}

/* A piece at the end of the queue that has room for a frame. A frame with something of its own stands alone: behind it
 * there is no room. */
static Piece *find_piece(Outbox *box, size_t bytes, bool alone) {
        Piece *last = box->out.last;

        if (last && !alone && last->n + bytes <= last->capacity)
                return last;
        last = piece_new(alone ? bytes : MAX(bytes, (size_t) PIECE_BYTES));
        if (last)
                list_add(&box->out, last);
        return last;
}

Piece *outbox_add(Outbox *box, const Frame *frame, const uint8_t *body, bool alone) {
        const size_t bytes = FRAME_BYTES + (size_t) frame->body_bytes;
        Piece *piece       = find_piece(box, bytes, alone);

        if (!piece)
                return NULL;
        frame_encode(frame, piece->bytes + piece->n);
        if (frame->body_bytes > 0)
                memcpy(piece->bytes + piece->n + FRAME_BYTES, body, frame->body_bytes);
        piece->n += (uint32_t) bytes;
        box->bytes += bytes;
        box->new_bytes += bytes;
        return piece;
}

Piece *outbox_add_later(Outbox *box, uint16_t kind) {
        Piece *piece = find_piece(box, FRAME_BYTES + LINK_BODY_BYTES, true);

        if (piece) {
                piece->kind     = kind;
                piece->capacity = 0; /* for others */
                box->new_bytes += FRAME_BYTES;
        }
        return piece;
}

static void piece_make(Outbox *box, Piece *piece) {
        Frame frame = { .kind = piece->kind, .payload_bytes = piece->payload_bytes };

        frame.body_bytes = (uint32_t) piece->body(piece->userdata, piece->bytes + FRAME_BYTES);
        assert(frame.body_bytes <= LINK_BODY_BYTES);
        frame_encode(&frame, piece->bytes);
        piece->n    = FRAME_BYTES + frame.body_bytes;
        piece->body = NULL;
        box->bytes += piece->n;
}

/* ---- Sending ---------------------------------------------------------------------------------------------------- */

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

/* Whether it is behind others that go first: a descriptor goes with the first byte of its frame, and a frame that is
 * dear is made while they are on their way. */
static bool piece_waits(const Piece *piece) {
        return piece->fd >= 0 || (piece->body && piece->payload_bytes >= DEAR_BYTES);
}

unsigned outbox_iov(Outbox *box, struct iovec *iov, unsigned size, size_t most, size_t *ret_bytes, int *ret_fd) {
        Piece *first = box->out.first;
        size_t left  = most;
        unsigned n   = 0;

        for (Piece *p = first; p && left > 0 && n + 2 <= size; p = p->next) {
                if (p != first && piece_waits(p))
                        break;
                if (p->body)
                        piece_make(box, p);
                n += piece_iov(p, iov + n, &left);
        }
        *ret_bytes = most - left;
        *ret_fd    = first ? first->fd : -1;
        return n;
}

static void piece_close_fd(Piece *piece) {
        if (piece->fd >= 0)
                close(piece->fd);
        piece->fd = -1;
}

/* The piece is out of the queue, sent or dropped. */
static void piece_end(Outbox *box, Piece *piece) {
        piece_close_fd(piece);
        if (piece->done)
                list_add(&box->sent, piece);
        else
                free(piece);
}

void outbox_advance(Outbox *box, size_t sent) {
        while (sent > 0) {
                Piece *piece         = box->out.first;
                const uint64_t whole = piece->n + piece->payload_bytes;
                const size_t now     = (size_t) MIN(whole - piece->sent, (uint64_t) sent);

                if (piece->sent < piece->n)
                        box->bytes -= MIN(now, piece->n - (size_t) piece->sent);
                piece_close_fd(piece);
                piece->sent += now;
                sent -= now;
                if (piece->sent == whole)
                        piece_end(box, list_take(&box->out));
        }
}

void outbox_drop(Outbox *box) {
        for (Piece *piece; (piece = list_take(&box->out));)
                piece_end(box, piece);
        box->bytes = box->new_bytes = 0;
}

void outbox_done(Outbox *box) {
        for (Piece *piece; (piece = list_take(&box->sent));) {
                piece->done(piece->userdata);
                free(piece);
        }
}
