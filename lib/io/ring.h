/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Many operations on files at a time. They are begun, and end in any order; the thread that owns the ring waits for
 * ends, other threads can only wake it. Behind the header stands a driver: io_uring where the kernel lets us, else
 * preadv() and pwritev() on the owner's thread, or one that a test gives, which fails, shortens, delays and lies.
 *
 * An operation ends whole or with an errno: what a short one left is asked for again, and so is one that was
 * interrupted. The memory of an operation is the kernel's until it has ended, also when nobody wants it any more. A
 * completion of something that has ended already is counted and dropped. */
#include <sys/uio.h>

#include "base/error.h"

typedef struct Ring Ring;

enum {
        RING_IOV  = 64, /* pieces of memory of one operation */
        RING_BUSY = 1, /* as many operations as the ring can hold are on their way */
};

typedef enum RingBackend { RING_AUTO, RING_URING, RING_SYNC } RingBackend;

typedef enum RingKind {
        RING_READ,     /* iov from offset */
        RING_WRITE,
        RING_ALLOCATE, /* room for size_bytes from offset; the file becomes as long */
        RING_PUNCH,    /* gives that room back; it reads as zeros */
        _RING_KIND_MAX,
} RingKind;

typedef struct RingOp {
        RingKind kind;
        int fd;
        uint64_t offset, size_bytes;  /* of RING_READ and RING_WRITE what is left, once begun */
        struct iovec iov[RING_IOV];   /* is used up */
        uint32_t n_iov, n_again;
        int result;                   /* when ended: 0 or negative; -ENODATA: the file ends before */
        void *userdata;
        struct RingOp *next;          /* the ring's */
} RingOp;

/* What a driver does for the ring. A tag comes back with the result of what was submitted under it: bytes, 0, or a
 * negative errno. */
typedef struct RingDriver {
        const char *name;
        int (*submit)(void *driver, uint64_t tag, const RingOp *op); /* a copy is taken; negative: it was not begun */
        /* 1: a completion; 0: somebody has woken the ring, or nothing is there and `wait` is false. */
        int (*reap)(void *driver, bool wait, uint64_t *ret_tag, int64_t *ret_result);
        void (*wake)(void *driver); /* any thread */
        void (*free)(void *driver);
} RingDriver;

typedef struct RingConfig {
        RingBackend backend;      /* RING_AUTO: io_uring, else the other; RING_URING: that or an error */
        unsigned depth;           /* operations on their way at a time; 0: 64 */
        const RingDriver *driver; /* instead of a backend */
        void *driver_data;        /* handed over to it */
} RingConfig;

int ring_new(Ring **ret, const RingConfig *config, Error *err); /* by the thread that will own it */
Ring *ring_free(Ring *ring);                                    /* nothing may be on its way */
DEFINE_CLEANUP(Ring *, ring_free)

int ring_begin(Ring *ring, RingOp *op) _must_check_; /* 0 or RING_BUSY; failures are results */
/* The next operation that has ended; NULL: none has, or, if it waited, ring_wake() was called. */
RingOp *ring_end(Ring *ring, bool wait);
void ring_wake(Ring *ring); /* any thread: the present or the next wait ends */

unsigned ring_n_begun(const Ring *ring);   /* on their way, or ended and not yet seen */
uint64_t ring_n_stale(const Ring *ring);   /* completions that belonged to nothing */
const char *ring_text(const Ring *ring);   /* the backend, and why it is not io_uring, for a log */

/* The drivers. ring_new() chooses; tests put their own in front of the second. */
int ring_uring_new(void **ret, unsigned depth, Error *err);
int ring_sync_new(void **ret, unsigned depth, Error *err);
extern const RingDriver ring_uring, ring_sync;
