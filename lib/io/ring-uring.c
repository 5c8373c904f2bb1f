/* SPDX-License-Identifier: Apache-2.0 */
/* The driver over io_uring. One read of an eventfd is always on its way beside the operations: its end is what wakes a
 * waiter. */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/ring.h"
#include "io/uring.h"

enum { SPARE = 2 }; /* entries beside the operations: the read of the eventfd */

#define TAG_WAKE UINT64_MAX

typedef struct RingUring {
        struct io_uring ring;
        int wake_fd;
        bool woken;          /* by a wake that nobody has waited for yet */
        uint64_t wake_count; /* where the eventfd is read to */
} RingUring;

/* The eventfd is read by the ring, so that one wait is for both. */
static int wake_arm(RingUring *u) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

        assert(sqe);
        io_uring_prep_read(sqe, u->wake_fd, &u->wake_count, sizeof(u->wake_count), 0);
        sqe->user_data = TAG_WAKE;
        return uring_submit(&u->ring);
}

int ring_uring_new(void **ret, unsigned depth, Error *err) {
        static const uint8_t opcodes[] = { IORING_OP_READ, IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FALLOCATE };
        _cleanup_(freep) RingUring *u  = calloc(1, sizeof(*u));
        int r;

        if (!u)
                return error_oom(err, sizeof(*u));
        u->wake_fd = eventfd(0, EFD_CLOEXEC);
        if (u->wake_fd < 0)
                return error_set(err, -errno, "cannot make an eventfd: %s", strerrordesc_np(errno));
        r = uring_open(&u->ring, &(UringConfig) { depth + SPARE, opcodes, ELEMENTSOF(opcodes), .event_fd = -1 }, err);
        if (r == 0) {
                r = wake_arm(u);
                if (r < 0) {
                        io_uring_queue_exit(&u->ring);
                        error_set(err, r, "io_uring: %s", strerrordesc_np(-r));
                }
        }
        if (r < 0) {
                close(u->wake_fd);
                return r;
        }
        *ret = TAKE_PTR(u);
        return 0;
}

static int ring_submit(void *driver, uint64_t tag, const RingOp *op) {
        RingUring *u             = driver;
        struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

        assert(sqe); /* there are as many entries as operations */
        switch (op->kind) {
        case RING_READ:
                io_uring_prep_readv(sqe, op->fd, op->iov, op->n_iov, op->offset);
                break;
        case RING_WRITE:
                io_uring_prep_writev(sqe, op->fd, op->iov, op->n_iov, op->offset);
                break;
        case RING_ALLOCATE:
                io_uring_prep_fallocate(sqe, op->fd, 0, (off_t) op->offset, (off_t) op->size_bytes);
                break;
        case RING_PUNCH:
                io_uring_prep_fallocate(sqe, op->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) op->offset,
                                        (off_t) op->size_bytes);
                break;
        case _RING_KIND_MAX:
                assert(false);
        }
        sqe->user_data = tag;
        /* An entry that the kernel could not take now is taken with the next call. */
        (void) uring_submit(&u->ring);
        return 0;
}

/* Takes one completion, if there is any; 0: a wake, 1: of an operation, negative: none. */
static int uring_take(RingUring *u, uint64_t *ret_tag, int64_t *ret_result) {
        struct io_uring_cqe *cqe;

        if (io_uring_peek_cqe(&u->ring, &cqe) != 0)
                return -EAGAIN;
        *ret_tag    = cqe->user_data;
        *ret_result = cqe->res;
        io_uring_cqe_seen(&u->ring, cqe);
        return *ret_tag != TAG_WAKE;
}

static int uring_reap(void *driver, bool wait, uint64_t *ret_tag, int64_t *ret_result) {
        RingUring *u = driver;
        int r;

        for (;;) {
                r = uring_take(u, ret_tag, ret_result);
                if (r > 0)
                        return 1;
                if (r == 0) {
                        (void) wake_arm(u);
                        u->woken = true;
                        continue;
                }
                if (u->woken && wait) {
                        u->woken = false;
                        return 0;
                }
                r = wait ? io_uring_submit_and_wait(&u->ring, 1) : io_uring_get_events(&u->ring);
                /* The kernel may be short of something and take the rest later. */
                assert(r >= 0 || r == -EINTR || r == -EAGAIN || r == -EBUSY || r == -ENOMEM);
                if (!wait) {
                        r = uring_take(u, ret_tag, ret_result);
                        if (r == 0) {
                                (void) wake_arm(u);
                                u->woken = true;
                        }
                        return r > 0;
                }
        }
}

static void uring_wake(void *driver) {
        const RingUring *u = driver;
        const uint64_t one = 1;

        while (write(u->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
}

/* The kernel may write to wake_count until that read has ended. */
static void uring_free(void *driver) {
        RingUring *u = driver;
        int64_t result;
        uint64_t tag;

        uring_wake(u);
        while (uring_take(u, &tag, &result) != 0)
                (void) io_uring_submit_and_wait(&u->ring, 1);
        io_uring_queue_exit(&u->ring);
        close(u->wake_fd);
        free(u);
}

const RingDriver ring_uring = {
        .name   = "io_uring",
        .submit = ring_submit,
        .reap   = uring_reap,
        .wake   = uring_wake,
        .free   = uring_free,
};
