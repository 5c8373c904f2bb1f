/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "io/uring.h"

enum { MAX_OPCODES = 8 };

/* liburing 2.3 declares functions for this call and the next one and does not export them. */
static int restrict_to(const struct io_uring *ring, const uint8_t *opcodes, unsigned n) {
        struct io_uring_restriction allowed[MAX_OPCODES] = {};

        assert(n <= MAX_OPCODES);
        for (unsigned k = 0; k < n; k++)
                allowed[k] = (struct io_uring_restriction) {
                        .opcode = IORING_RESTRICTION_SQE_OP,
                        .sqe_op = opcodes[k],
                };
        return io_uring_register((unsigned) ring->ring_fd, IORING_REGISTER_RESTRICTIONS, allowed, n);
}

static int open_ring(struct io_uring *ring, const UringConfig *c) {
        /* Completions are taken when we ask for them, by the one thread that submits: known since Linux 6.1. Not where
         * an eventfd is to say when: it was seen (Linux 6.18) that work was deferred and nothing was said. */
        static const unsigned flags[] = { IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0 };
        int r = -EINVAL;

        for (size_t k = c->event_fd >= 0; k < ELEMENTSOF(flags) && r == -EINVAL; k++)
                r = io_uring_queue_init(c->depth, ring, IORING_SETUP_R_DISABLED | flags[k]);
        if (r < 0)
                return r;
        r = restrict_to(ring, c->opcodes, c->n_opcodes);
        if (r == 0 && c->event_fd >= 0)
                r = io_uring_register_eventfd(ring, c->event_fd);
        if (r == 0)
                r = io_uring_register((unsigned) ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
        if (r < 0)
                io_uring_queue_exit(ring);
        return r;
}

int uring_open(struct io_uring *ring, const UringConfig *config, Error *err) {
        const int r = open_ring(ring, config);

        if (r == -ENOMEM)
                return error_set(err, -ENOLCK, "io_uring: %u entries are beyond RLIMIT_MEMLOCK", config->depth);
        if (r < 0)
                return error_set(err, r, "io_uring: %s%s", strerrordesc_np(-r),
                                 r == -EPERM ? ", by sysctl kernel.io_uring_disabled or a seccomp filter" : "");
        return 0;
}

int uring_submit(struct io_uring *ring) {
        int r;

        do
                r = io_uring_submit(ring);
        while (r == -EINTR);
        return r < 0 ? r : 0;
}
