/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rings of io_uring as they are made here: for one thread, which submits and takes what has ended, and restricted to
 * the few operations that they are for, since no seccomp filter sees what a ring does. */
#include <liburing.h>

#include "base/error.h"

typedef struct UringConfig {
        unsigned depth;
        const uint8_t *opcodes;
        unsigned n_opcodes;
        int event_fd; /* is written to when something has ended; -1: who wants to know waits */
} UringConfig;

/* Negative, with words that say who forbids it: -ENOLCK: what RLIMIT_MEMLOCK lets us lock, not what the machine has. */
int uring_open(struct io_uring *ring, const UringConfig *config, Error *err);
/* 0 or an errno; what could not be taken now is taken with the next call. */
int uring_submit(struct io_uring *ring);
