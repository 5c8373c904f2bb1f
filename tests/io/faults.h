/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A driver of rings in front of the synchronous one, in which what a test says goes wrong: one operation fails, or by
 * chance operations are interrupted, cut short, end in another order and late, and completions come twice or belong to
 * nothing. */
#include <string.h>

#include "io/ring.h"

#include "harness.h"

enum { FAULTS_MAX = 256 };

typedef struct Faults {
        uint64_t fail_at;      /* the number of the operation that fails, from 1; 0: none */
        uint64_t fail_n;       /* and so many from there on; 0: one */
        int fail_with;         /* negative */
        uint64_t chance;       /* a seed; 0: nothing is left to chance */
        uint64_t n_submitted, n_lies;

        void *sync;
        uint32_t n_sync, n_ended;
        struct FaultsEnded {
                uint64_t tag;
                int64_t result;
        } ended[FAULTS_MAX], last;
} Faults;

static inline uint32_t faults_random(Faults *f, uint32_t below) {
        f->chance = f->chance * 6364136223846793005 + 1442695040888963407;
        return (uint32_t) ((f->chance >> 33) % below);
}

static inline void faults_cut(Faults *f, RingOp *op) {
        uint64_t pages = op->size_bytes / 4096, keep;

        if (pages < 2)
                return;
        keep = (1 + faults_random(f, (uint32_t) pages - 1)) * UINT64_C(4096);
        for (uint32_t k = 0; k < op->n_iov; k++) {
                op->iov[k].iov_len = MIN(op->iov[k].iov_len, keep);
                keep -= op->iov[k].iov_len;
                if (keep == 0)
                        op->n_iov = k + 1;
        }
}

static inline void faults_end(Faults *f, uint64_t tag, int64_t result) {
        ck_assert_uint_lt(f->n_ended, FAULTS_MAX);
        f->ended[f->n_ended++] = (struct FaultsEnded) { tag, result };
}

static inline int faults_submit(void *driver, uint64_t tag, const RingOp *op) {
        Faults *f         = driver;
        const uint64_t at = ++f->n_submitted;
        RingOp cut        = *op;

        if (f->fail_at && at >= f->fail_at && at < f->fail_at + MAX(f->fail_n, UINT64_C(1))) {
                if (at % 2 == 0)
                        return f->fail_with; /* it does not even begin */
                faults_end(f, tag, f->fail_with);
                return 0;
        }
        if (f->chance)
                switch (faults_random(f, 8)) {
                case 0:
                        faults_end(f, tag, -EINTR);
                        return 0;
                case 1:
                        faults_end(f, tag, -EAGAIN);
                        return 0;
                case 2:
                case 3:
                        if (op->kind == RING_READ || op->kind == RING_WRITE)
                                faults_cut(f, &cut);
                        break;
                default:
                        break;
                }
        f->n_sync++;
        return ring_sync.submit(f->sync, tag, &cut);
}

static inline int faults_reap(void *driver, bool wait, uint64_t *ret_tag, int64_t *ret_result) {
        Faults *f = driver;
        uint32_t k;

        for (; f->n_sync > 0; f->n_sync--) {
                uint64_t tag;
                int64_t result;

                ck_assert_int_eq(ring_sync.reap(f->sync, false, &tag, &result), 1);
                faults_end(f, tag, result);
        }
        if (f->n_ended == 0)
                return ring_sync.reap(f->sync, wait, ret_tag, ret_result);
        if (f->chance && !wait && faults_random(f, 3) == 0)
                return 0;
        if (f->chance && faults_random(f, 6) == 0) { /* a lie: an end that has been, or of nothing */
                *ret_tag    = faults_random(f, 2) ? f->last.tag : (uint64_t) faults_random(f, 1 << 30) << 34;
                *ret_result = faults_random(f, 2) ? f->last.result : faults_random(f, 1 << 20);
                f->n_lies++;
                return 1;
        }
        k = f->chance ? faults_random(f, f->n_ended) : 0;
        f->last     = f->ended[k];
        *ret_tag    = f->last.tag;
        *ret_result = f->last.result;
        memmove(f->ended + k, f->ended + k + 1, (--f->n_ended - k) * sizeof(f->ended[0]));
        return 1;
}

static inline void faults_wake(void *driver) {
        ring_sync.wake(((Faults *) driver)->sync);
}

static inline void faults_free(void *driver) {
        Faults *f = driver;

        ck_assert_uint_eq(f->n_sync + f->n_ended, 0);
        ring_sync.free(f->sync);
        f->sync = NULL;
}

static const RingDriver faults_driver = {
        .name   = "a driver that fails",
        .submit = faults_submit,
        .reap   = faults_reap,
        .wake   = faults_wake,
        .free   = faults_free,
};

/* What goes into a RingConfig; the Faults must live as long as the ring. */
static inline RingConfig faults_config(Faults *f) {
        ck_assert_int_eq(ring_sync_new(&f->sync, FAULTS_MAX, NULL), 0);
        return (RingConfig) { .driver = &faults_driver, .driver_data = f };
}
