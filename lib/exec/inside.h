/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the executor share: a task that is being run, and the memory of the thread that runs it. */
#include "exec/exec.h"

static inline size_t align64(size_t n) {
        return (n + 63) & ~(size_t) 63;
}

/* A multiple of 64 bytes. */
typedef struct Block64 {
        char *data;
        size_t size_bytes;
} Block64;

typedef struct KeptNest KeptNest;

struct Exec {
        Block64 block[40]; /* each twice as large as the one before: more than memory has */
        uint32_t n_block;
        Block64 last;
        size_t used;       /* of the last block */
        KeptNest *kept;    /* of a task before this one (run-nest.c), or NULL; */
        size_t kept_used;  /* and where what it needs ends, in the only block */
        int force_lane;
};

void *exec_take_new(Exec *exec, size_t size_bytes) _must_check_; /* from a new block */

/* Small memory of a task: registers, counters, tables. Aligned to 64, not zeroed, gone when the next task starts.
 * NULL when out of memory. After a few tasks all of it is one block, and nothing is allocated any more. */
_must_check_ static inline void *exec_take(Exec *exec, size_t size_bytes) {
        size_t at = exec->used;

        if (_unlikely_(size_bytes >= exec->last.size_bytes - at))
                return exec_take_new(exec, size_bytes);
        exec->used = at + align64(size_bytes);
        return exec->last.data + at;
}

#define exec_take_array(exec, type, n)                                                                                 \
        ({                                                                                                             \
                size_t _take_bytes;                                                                                    \
                (type *) (__builtin_mul_overflow((n), sizeof(type), &_take_bytes) ? NULL                               \
                                                                                  : exec_take((exec), _take_bytes));   \
        })

/* What was taken since the mark is given back. */
size_t exec_mark(const Exec *exec);
void exec_release(Exec *exec, size_t mark);

/* What was taken so far is there for the next task, too, if that comes as exec_run_next(). */
void exec_keep(Exec *exec, KeptNest *kept);

/* For tests: which loop of each nest becomes the lanes (modulo their number); -1: the cheapest. Bits must not depend
 * on it. */
void exec_force_lane(Exec *exec, int lane);

/* What of a source the task reads: `box` of the value, as one strided view, or in the pieces in which it lies. */
typedef struct Region {
        Box box;
        View view;     /* without data when there are several pieces and the task takes them so */
        Piece *piece;
        uint32_t n_piece;
} Region;

typedef struct Run {
        Exec *exec;
        const Plan *plan;
        const Stage *stage;
        Box box;              /* of the domain */
        Region *source;       /* n_source */
        ChunkMemory *out;     /* n_out */
        char *scratch;        /* what the sources have left of it */
        int force_lane;       /* -1: as the executor likes */
        const volatile bool *canceled;
        Error *err;
} Run;

int run_nests(Run *run);
bool nest_kept_is_of(const KeptNest *kept, const Stage *stage); /* or the stage has no such nest: it can stay */
int run_merge(Run *run);
int run_block(Run *run);
int run_scan(Run *run);

static inline bool run_canceled(const Run *run) {
        return _unlikely_(run->canceled && __atomic_load_n(run->canceled, __ATOMIC_RELAXED));
}
