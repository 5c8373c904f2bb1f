/* SPDX-License-Identifier: Apache-2.0 */
/* A slot holds an operation that is on its way. Its number and generation are the tag under which the driver has it;
 * the generation changes with each submission, so no completion can be taken for another one's. */
#include <stdio.h>
#include <string.h>

#include "io/ring.h"

enum {
        DEPTH     = 64,
        MAX_DEPTH = 4096,
        MAX_AGAIN = 64, /* times in a row that an operation is asked again without having moved */
};

typedef struct Slot {
        RingOp *op; /* NULL: free */
        uint32_t generation;
        uint32_t next_free;
} Slot;

struct Ring {
        const RingDriver *driver;
        void *driver_data;
        unsigned depth, n_begun;
        uint32_t free_slot; /* depth: none */
        uint64_t n_stale;
        RingOp *ended;      /* those that could not be submitted */
        char text[MAX_ERROR_TEXT + 64];
        Slot slot[];
};

static int ring_choose(Ring *ring, const RingConfig *config, Error *err) {
        Error why = {};
        int r;

        if (config && config->driver) {
                ring->driver      = config->driver;
                ring->driver_data = config->driver_data;
                snprintf(ring->text, sizeof(ring->text), "%s", ring->driver->name);
                return 0;
        }
        if (!config || config->backend != RING_SYNC) {
                r = ring_uring_new(&ring->driver_data, ring->depth, &why);
                if (r == 0) {
                        ring->driver = &ring_uring;
                        snprintf(ring->text, sizeof(ring->text), "%s", ring->driver->name);
                        return 0;
                }
                if (r == -ENOMEM || (config && config->backend == RING_URING))
                        return error_set(err, r, "%s", why.text);
        }
        r = ring_sync_new(&ring->driver_data, ring->depth, err);
        if (r < 0)
                return r;
        ring->driver = &ring_sync;
        if (why.code < 0)
                snprintf(ring->text, sizeof(ring->text), "%s (%s)", ring->driver->name, why.text);
        else
                snprintf(ring->text, sizeof(ring->text), "%s", ring->driver->name);
        return 0;
}

int ring_new(Ring **ret, const RingConfig *config, Error *err) {
        _cleanup_(freep) Ring *ring = NULL;
        unsigned depth = config && config->depth ? MIN(config->depth, (unsigned) MAX_DEPTH) : DEPTH;
        size_t bytes = sizeof(*ring) + depth * sizeof(Slot);
        int r;

        ring = calloc(1, bytes);
        if (!ring)
                return error_oom(err, bytes);
        ring->depth = depth;
        for (uint32_t k = 0; k < depth; k++)
                ring->slot[k].next_free = k + 1;
        r = ring_choose(ring, config, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ring);
        return 0;
}

Ring *ring_free(Ring *ring) {
        if (!ring)
                return NULL;
        assert(ring->n_begun == 0);
        ring->driver->free(ring->driver_data);
        free(ring);
        return NULL;
}

/* Gives what is left of the slot's operation to the driver. */
static int slot_submit(Ring *ring, uint32_t k) {
        Slot *slot = &ring->slot[k];

        slot->generation++;
        return ring->driver->submit(ring->driver_data, (uint64_t) slot->generation << 32 | k, slot->op);
}

static RingOp *slot_end(Ring *ring, uint32_t k, int result) {
        RingOp *op = ring->slot[k].op;

        op->result              = result;
        ring->slot[k].op        = NULL;
        ring->slot[k].next_free = ring->free_slot;
        ring->free_slot         = k;
        return op;
}

int ring_begin(Ring *ring, RingOp *op) {
        uint32_t k = ring->free_slot;
        int r;

        assert(op->kind < _RING_KIND_MAX && op->n_iov <= RING_IOV);
        if (k == ring->depth)
                return RING_BUSY;
        if (op->kind == RING_READ || op->kind == RING_WRITE) {
                op->size_bytes = 0;
                for (uint32_t i = 0; i < op->n_iov; i++)
                        op->size_bytes += op->iov[i].iov_len;
                assert(op->size_bytes > 0);
        }
        op->n_again     = 0;
        ring->free_slot = ring->slot[k].next_free;
        ring->slot[k].op = op;
        ring->n_begun++;
        r = slot_submit(ring, k);
        if (r < 0) {
                op->next    = ring->ended;
                ring->ended = slot_end(ring, k, r);
        }
        return 0;
}

static void op_advance(RingOp *op, uint64_t bytes) {
        uint32_t k = 0;

        op->offset += bytes;
        op->size_bytes -= bytes;
        op->n_again = 0;
        for (; k < op->n_iov && bytes >= op->iov[k].iov_len; k++)
                bytes -= op->iov[k].iov_len;
        op->n_iov -= k;
        memmove(op->iov, op->iov + k, op->n_iov * sizeof(op->iov[0]));
        if (bytes > 0) {
                op->iov[0].iov_base = (char *) op->iov[0].iov_base + bytes;
                op->iov[0].iov_len -= bytes;
        }
}

/* What a completion means for the operation: 1: it is to be asked again; else its result. */
static int op_step(RingOp *op, int64_t result) {
        if (result == -EINTR || result == -EAGAIN)
                return ++op->n_again < MAX_AGAIN ? 1 : (int) result;
        if (result < 0)
                return result >= -4095 ? (int) result : -EIO;
        if (op->kind == RING_ALLOCATE || op->kind == RING_PUNCH)
                return 0;
        if ((uint64_t) result > op->size_bytes) /* no kernel says that */
                return -EIO;
        if (result == 0)
                return op->kind == RING_READ ? -ENODATA : -EIO;
        op_advance(op, (uint64_t) result);
        return op->size_bytes > 0;
}

RingOp *ring_end(Ring *ring, bool wait) {
        for (;;) {
                RingOp *op = ring->ended;
                uint64_t tag;
                int64_t result;
                uint32_t k;
                int r;

                if (op) {
                        ring->ended = op->next;
                        ring->n_begun--;
                        return op;
                }
                r = ring->driver->reap(ring->driver_data, wait, &tag, &result);
                if (r == 0)
                        return NULL;
                k = (uint32_t) tag;
                if (k >= ring->depth || !ring->slot[k].op || ring->slot[k].generation != tag >> 32) {
                        ring->n_stale++;
                        continue;
                }
                r = op_step(ring->slot[k].op, result);
                if (r == 1)
                        r = slot_submit(ring, k);
                else {
                        ring->n_begun--;
                        return slot_end(ring, k, r);
                }
                if (r < 0) {
                        ring->n_begun--;
                        return slot_end(ring, k, r);
                }
        }
}

void ring_wake(Ring *ring) {
        ring->driver->wake(ring->driver_data);
}

unsigned ring_n_begun(const Ring *ring) {
        return ring->n_begun;
}

uint64_t ring_n_stale(const Ring *ring) {
        return ring->n_stale;
}

const char *ring_text(const Ring *ring) {
        return ring->text;
}
