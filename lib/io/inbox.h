/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What has come over a link and is not used up: the frame at hand, and bytes of those behind it. The buffer grows with
 * what comes, not with what a header promises, and idle links have none. */
#include "base/error.h"
#include "wire/frame.h"

enum { PENDING_FDS = 2 }; /* one before a header that is not whole, one with what came next */

typedef struct Inbox {
        uint8_t *data;
        size_t at, n, capacity;     /* [at, n) has come and is not used up; at: where the frame begins */
        bool in_frame, in_payload;  /* its header is there; its body too, and there is a place for the payload */
        Frame frame;
        char *payload;              /* NULL: it is dropped */
        uint64_t got;               /* of the payload */
        uint64_t got_here;          /* of that, in this buffer behind the body */
        int frame_fd;               /* of the frame */
        int fd[PENDING_FDS];        /* those whose header is not there yet */
        unsigned n_fds;
} Inbox;

/* Makes room behind n. What a header promises is believed as far as bytes have come; `least`: so large from the start.
 * 0 or -ENOMEM, with words. */
int inbox_room(Inbox *in, size_t least, Error *err);
void inbox_trim(Inbox *in);      /* when all of it is used up */
void inbox_close_fds(Inbox *in); /* those that nobody has taken */
