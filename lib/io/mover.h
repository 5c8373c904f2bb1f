/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Large messages that go through io_uring while a loop does something else: sendmsg() and recvmsg(), begun in one turn
 * of the loop and ended in another. The kernel goes on by itself whenever the socket takes or has more, until all is
 * moved, and the loop hears of it once.
 *
 * The memory of a move, and the Move, are the kernel's until it has ended. Who cannot wait for that stops it.
 * All belongs to the loop's thread, which is also the one that makes the mover. */
#include <sys/socket.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/error.h"

typedef struct Mover Mover;

enum { MOVE_IOV = 4 };

typedef struct Move {
        struct iovec iov[MOVE_IOV];
        struct msghdr msg; /* the caller's; with room for control messages nothing waits for all its bytes */
        /* From the loop: how many bytes, fewer than asked for if the connection ended; or an errno, negative. The
         * move may be begun again. */
        void (*ended)(void *userdata, ssize_t n);
        void *userdata;
        bool under_way;    /* begun, and ended() was not called yet */
        bool here;         /* the mover's: the kernel has let go of it, */
        ssize_t result;    /* with this, */
        struct Move *next; /* in the list of those */
} Move;

typedef enum MoveKind { MOVE_SEND, MOVE_RECEIVE } MoveKind;

/* Negative, with words, where the kernel does not let us. */
int mover_new(Mover **ret, sd_event *event, Error *err);
Mover *mover_ref(Mover *mover);
Mover *mover_unref(Mover *mover); /* nothing may be under way */
DEFINE_CLEANUP(Mover *, mover_unref)

/* 0; -EBUSY: as many as there can be are under way. Failures are ends. */
int mover_begin(Mover *mover, Move *move, MoveKind kind, int fd) _must_check_;
/* Returns when the kernel has let go of it; ended() is not called. Part of it may have been moved. Of one that is not
 * under way: nothing. */
void mover_stop(Mover *mover, Move *move);
