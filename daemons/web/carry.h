/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bytes both ways between two connections, of which we read none.
 *
 * What one side does not take yet is held here, and no more is read from the other until it is gone. How much is read
 * at a time grows while all of it is taken, and begins anew when some was left: so who is slow holds little, and who is
 * fast is read in large pieces. What all together hold has its bound, too.
 *
 * Where nothing is encrypted on either side and there is much, bytes go through a pipe: the kernel takes its pages from
 * one socket to the other, and nobody copies them.
 *
 * The end of either is the end of both, when what had come before it is on its way. */
#include "daemons/web/web.h"
#include "io/stream.h"

/* From one side to the other. */
typedef struct Flow {
        uint8_t *data; /* [at, n) is held; NULL: nothing is, */
        size_t at, n, piece;
        Pipe pipe;             /* or what is in here */
        bool much;             /* there was as much as could be read at a time */
        bool ended;            /* nothing more will come */
} Flow;

typedef struct Side {
        Stream stream;
        bool opening;          /* its TLS shakes hands */
        sd_event_source *io;
        uint32_t epoll;
        bool blocked;          /* it takes no more now */
        Flow in;               /* what comes from it */
} Side;

typedef struct Carrier {
        Web *web;
        Side client, daemon;
        sd_event_source *late, *again;
        void (*ended)(struct Carrier *carrier); /* once, from the loop: its owner calls carrier_done() */
} Carrier;

/* Both streams are there. ended() may have been called when it returns. */
void carrier_begin(Carrier *carrier);
/* What the client has said already, before carrier_begin(). */
int carrier_hold(Carrier *carrier, const void *data, size_t n_bytes);
/* The client's stream becomes the caller's, when nothing is held or on its way to him: what the other side has said is
 * sent first. True: the carrier is to be done with. */
bool carrier_take_client(Carrier *carrier, Stream *ret);
void carrier_done(Carrier *carrier); /* closes both streams */

/* ---- front.c: https --------------------------------------------------------------------------------------------- */

/* Of a connection that the server, which has it at this socket, is to leave: the client's stream itself, when
 * he has got all that was said to him. False: there is none, or bytes are on their way in between, and it stays. */
bool front_take(Web *web, int fd, Stream *ret);
