/* SPDX-License-Identifier: Apache-2.0 */
/* A child writes a journal and is killed at any instruction. What the file has afterwards is what some first part of
 * the child's calls would leave, and all is in it that the child was told of. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "journal/folder.h"

enum {
        N_KILLS    = 100,
        N_KEYS     = 50,
        DELAY_NSEC = 20000000, /* at most, once the child works */
};

/* In memory that outlives the child. */
typedef struct Board {
        uint64_t committed; /* that the child knows of */
        bool works;
} Board;

/* What call k does: to one of a few keys; what it puts says which call it was. */
static uint64_t random_of(uint64_t seed, uint64_t k) {
        uint64_t x = (seed << 32 ^ k) * 0x9e3779b97f4a7c15u;

        x ^= x >> 29;
        x *= 0xbf58476d1ce4e5b9u;
        return x ^ x >> 32;
}

static uint64_t call_key(uint64_t seed, uint64_t k) {
        return random_of(seed, k) % N_KEYS;
}

static bool call_drops(uint64_t seed, uint64_t k) {
        return random_of(seed, k) >> 32 & 1;
}

static void child(const char *folder, uint64_t seed, Board *b) {
        static uint8_t data[5000];
        Journal *j = journal_in(folder);

        __atomic_store_n(&b->works, true, __ATOMIC_SEQ_CST);
        for (uint64_t k = 1;; k++) {
                const uint64_t key = call_key(seed, k);
                JournalStatus status;
                int r = call_drops(seed, k) ? journal_drop(j, JOURNAL_TENSOR, 0, key)
                                            : journal_put(j, &(JournalRow) { .table      = JOURNAL_TENSOR,
                                                                             .id         = key,
                                                                             .number     = { seed, k },
                                                                             .data       = data,
                                                                             .data_bytes = k * 37 % sizeof(data) });

                if (r < 0)
                        abort();
                journal_status(j, &status);
                __atomic_store_n(&b->committed, status.committed, __ATOMIC_SEQ_CST);
                while (status.asked - status.committed > 30) {
                        struct pollfd fd = { .fd = journal_fd(j), .events = POLLIN };

                        poll(&fd, 1, -1);
                        journal_heard(j);
                        journal_status(j, &status);
                        __atomic_store_n(&b->committed, status.committed, __ATOMIC_SEQ_CST);
                }
        }
}

/* What each key has: which call of which child. */
typedef struct Model {
        uint64_t seed[N_KEYS], call[N_KEYS];
} Model;

static int model_read(void *userdata, const JournalRow *row, _unused_ Error *err) {
        Model *m = userdata;

        ck_assert_uint_lt(row->id, N_KEYS);
        ck_assert_uint_eq(row->data_bytes, row->number[1] * 37 % 5000);
        m->seed[row->id] = row->number[0];
        m->call[row->id] = row->number[1];
        return 0;
}

TEST(all_that_was_acknowledged_is_there_after_a_kill_and_nothing_half) {
        _cleanup_(folder_freep) char *folder = folder_new();
        Board *b     = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        Model before = {};
        uint64_t n_all = 0;

        ck_assert(b != MAP_FAILED);
        for (uint64_t seed = 1; seed <= N_KILLS; seed++) {
                Model found = {}, model = before;
                Error err   = {};
                uint64_t k  = 0;
                Journal *j;
                pid_t pid;

                *b  = (Board) {};
                pid = fork();
                if (pid == 0)
                        child(folder, seed, b);
                if (seed % 4 != 0) /* else while it opens the journal */
                        while (!__atomic_load_n(&b->works, __ATOMIC_SEQ_CST))
                                nanosleep(&(struct timespec) { .tv_nsec = 100000 }, NULL);
                nanosleep(&(struct timespec) { .tv_nsec = (long) (random_of(seed, 0) % DELAY_NSEC) }, NULL);
                kill(pid, SIGKILL);
                ck_assert_int_eq(waitpid(pid, NULL, 0), pid);

                j = journal_in(folder);
                ck_assert_int_eq(journal_read(j, JOURNAL_TENSOR, model_read, &found, &err), 0);
                journal_free(j);
                while (k < b->committed || memcmp(&model, &found, sizeof(model)) != 0) {
                        const uint64_t key = call_key(seed, ++k);

                        ck_assert_msg(k <= b->committed + 100, "kill %llu: the file is no first part of the calls",
                                      (unsigned long long) seed);
                        model.seed[key] = call_drops(seed, k) ? 0 : seed;
                        model.call[key] = call_drops(seed, k) ? 0 : k;
                }
                n_all += b->committed;
                before = found;
        }
        ck_assert_uint_gt(n_all, 5 * N_KILLS); /* else it did not test much */
        munmap(b, sizeof(*b));
}
