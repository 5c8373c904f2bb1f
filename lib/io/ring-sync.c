/* SPDX-License-Identifier: Apache-2.0 */
/* The driver where io_uring is forbidden or cannot be seen through (valgrind, MemorySanitizer): operations wait in a
 * queue and are done one after the other by who reaps them. */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/ring.h"

typedef struct Waiting {
        uint64_t tag;
        RingOp op;
} Waiting;

typedef struct RingSync {
        int wake_fd; /* an eventfd */
        unsigned depth, first, n;
        Waiting waiting[];
} RingSync;

int ring_sync_new(void **ret, unsigned depth, Error *err) {
        _cleanup_(freep) RingSync *sync = NULL;
        size_t bytes = sizeof(*sync) + depth * sizeof(Waiting);

        sync = calloc(1, bytes);
        if (!sync)
                return error_oom(err, bytes);
        sync->depth   = depth;
        sync->wake_fd = eventfd(0, EFD_CLOEXEC);
        if (sync->wake_fd < 0) {
                int code = -errno;

                return error_set(err, code, "cannot make an eventfd: %s", strerrordesc_np(-code));
        }
        *ret = TAKE_PTR(sync);
        return 0;
}

static int sync_submit(void *driver, uint64_t tag, const RingOp *op) {
        RingSync *sync = driver;

        assert(sync->n < sync->depth);
        sync->waiting[(sync->first + sync->n++) % sync->depth] = (Waiting) { .tag = tag, .op = *op };
        return 0;
}

static int64_t op_do(const RingOp *op) {
        int64_t n = -1;

        switch (op->kind) {
        case RING_READ:
                n = preadv(op->fd, op->iov, (int) op->n_iov, (off_t) op->offset);
                break;
        case RING_WRITE:
                n = pwritev(op->fd, op->iov, (int) op->n_iov, (off_t) op->offset);
                break;
        case RING_ALLOCATE:
                n = fallocate(op->fd, 0, (off_t) op->offset, (off_t) op->size_bytes);
                break;
        case RING_PUNCH:
                n = fallocate(op->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) op->offset,
                              (off_t) op->size_bytes);
                break;
        case _RING_KIND_MAX:
                errno = EINVAL;
                break;
        }
        return n < 0 ? -errno : n;
}

static int sync_reap(void *driver, bool wait, uint64_t *ret_tag, int64_t *ret_result) {
        RingSync *sync = driver;
        const Waiting *w;
        uint64_t count;

        if (sync->n == 0) {
                while (wait && read(sync->wake_fd, &count, sizeof(count)) < 0)
                        assert(errno == EINTR);
                return 0;
        }
        w           = &sync->waiting[sync->first];
        sync->first = (sync->first + 1) % sync->depth;
        sync->n--;
        *ret_tag    = w->tag;
        *ret_result = op_do(&w->op);
        return 1;
}

static void sync_wake(void *driver) {
        const RingSync *sync = driver;
        const uint64_t one   = 1;

        while (write(sync->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
}

static void sync_free(void *driver) {
        RingSync *sync = driver;

        close(sync->wake_fd);
        free(sync);
}

const RingDriver ring_sync = {
        .name   = "preadv and pwritev",
        .submit = sync_submit,
        .reap   = sync_reap,
        .wake   = sync_wake,
        .free   = sync_free,
};
