/* SPDX-License-Identifier: Apache-2.0 */
/* A child works on a store and is killed at any instruction; whoever has the files has the chunks. */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "store/shared.h"

static size_t file_bytes(int fd) {
        struct stat st;

        ck_assert_int_eq(fstat(fd, &st), 0);
        return (size_t) st.st_blocks * 512;
}

enum {
        N_KILLS    = 2000,
        N_RECORDS  = 2000,
        CACHE      = 2 << 20,
        DELAY_NSEC = 300000, /* at most, once the child works; of every fourth child at once, however far it is */
};

/* What the child says about a chunk, in memory that outlives it: before it seals or drops it says MAYBE, and what its
 * bytes are; afterwards what is true now. */
typedef enum Say { GONE, MAYBE, THERE } Say;

typedef struct Record {
        Say say;
        uint32_t size_bytes;
        uint64_t seed;
} Record;

typedef struct Board {
        Record record[N_RECORDS]; /* chunk k + 1 */
        uint64_t random;
        bool works;
} Board;

static void say(Record *record, Say what) {
        __atomic_store_n(&record->say, what, __ATOMIC_SEQ_CST);
}

static uint32_t next_random(Board *b, uint32_t below) {
        b->random = b->random * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t) (b->random >> 33) % below;
}

static uint32_t random_size(Board *b) {
        static const uint32_t most[] = { 1, 60, 200, 5000, 60000 };

        return next_random(b, most[next_random(b, ELEMENTSOF(most))]);
}

/* Reserves up to six chunks that are GONE, and seals most of them. */
static void child_reserve(Store *s, Board *b) {
        ChunkId ids[6];
        size_t sizes[6];
        uint32_t n = 0;

        for (uint32_t k = next_random(b, N_RECORDS), want = 1 + next_random(b, 6); n < want && k < N_RECORDS; k++)
                if (b->record[k].say == GONE) {
                        ids[n]   = k + 1;
                        sizes[n] = random_size(b);
                        n++;
                }
        if ((n == 1 ? store_reserve_at(s, ids[0], sizes[0], next_random(b, STORE_PAGE))
                    : store_reserve(s, n, ids, sizes)) != 0)
                return;
        for (uint32_t k = 0; k < n; k++) {
                Record *record = &b->record[ids[k] - 1];
                size_t sealed  = next_random(b, 3) ? sizes[k] : next_random(b, (uint32_t) sizes[k] + 1);

                if (next_random(b, 8) == 0) {
                        store_drop(s, ids[k]);
                        continue;
                }
                record->size_bytes = (uint32_t) sealed;
                record->seed       = b->random;
                fill(store_writable(s, ids[k]), sealed, record->seed);
                say(record, MAYBE);
                store_seal(s, ids[k], sealed);
                say(record, THERE);
        }
}

static void child_drop(Store *s, Board *b) {
        for (uint32_t k = next_random(b, N_RECORDS), n = next_random(b, 6); n > 0 && k < N_RECORDS; k++)
                if (b->record[k].say == THERE) {
                        say(&b->record[k], MAYBE);
                        store_drop(s, k + 1);
                        say(&b->record[k], GONE);
                        n--;
                }
}

static void child(const Files *files, Board *b) {
        Files mine = *files;
        Store *s   = shared_again(&mine, CACHE);

        __atomic_store_n(&b->works, true, __ATOMIC_RELEASE);
        for (;;) {
                char *scratch;
                size_t size = 1 + next_random(b, 50000);

                child_reserve(s, b);
                child_drop(s, b);
                if (next_random(b, 4) == 0 && store_scratch(s, size, &scratch) == 0) {
                        memset(scratch, 0xee, size);
                        store_scratch_free(s, scratch, size);
                }
        }
}

typedef struct Found {
        Store *store;
        Board *board;
        bool met[N_RECORDS];
} Found;

static void check_found(void *userdata, ChunkId id, size_t size_bytes) {
        Found *found = userdata;
        const Record *record;
        const char *data;
        size_t size;

        ck_assert(id >= 1 && id <= N_RECORDS && !found->met[id - 1]);
        record            = &found->board->record[id - 1];
        found->met[id - 1] = true;
        ck_assert_int_ne(record->say, GONE);
        ck_assert_uint_eq(size_bytes, record->size_bytes);
        ck_assert_int_eq(store_pin(found->store, id, &data, &size), 0);
        ck_assert(is_filled(data, size, record->seed));
        store_unpin(found->store, id);
}

TEST(killed_store_has_every_sealed_chunk_and_nothing_half_written_thousands_of_times) {
        Board *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        uint64_t n_chunks = 0, n_maybe = 0;
        Files files;

        ck_assert_ptr_ne(b, MAP_FAILED);
        store_leave(shared_new(&files, CACHE));
        b->random = 1;
        for (uint32_t kill_at = 0; kill_at < N_KILLS; kill_at++) {
                struct timespec delay = { .tv_nsec = (long) (kill_at * 2654435761u % DELAY_NSEC) };
                Found found           = { .board = b };
                pid_t pid;
                int status;

                b->works = false;
                pid      = fork();
                ck_assert_int_ge(pid, 0);
                if (pid == 0)
                        child(&files, b);
                while (kill_at % 4 != 0 && !__atomic_load_n(&b->works, __ATOMIC_ACQUIRE))
                        sched_yield();
                nanosleep(&delay, NULL);
                ck_assert_int_eq(kill(pid, SIGKILL), 0);
                ck_assert_int_eq(waitpid(pid, &status, 0), pid);
                ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child ended by itself");

                found.store = shared_again(&files, CACHE);
                store_each(found.store, check_found, &found);
                for (uint32_t k = 0; k < N_RECORDS; k++) {
                        Record *record = &b->record[k];

                        ck_assert_msg(record->say != THERE || found.met[k], "chunk %u is lost", k + 1);
                        n_maybe += record->say == MAYBE;
                        n_chunks += found.met[k];
                        say(record, found.met[k] ? THERE : GONE);
                }
                ck_assert_uint_le(file_bytes(files.fd[0]), CACHE);
                store_leave(found.store);
        }
        printf("# %d kills, %llu of them between a chunk's before and after, %llu chunks found\n", N_KILLS,
               (unsigned long long) n_maybe, (unsigned long long) n_chunks);
        ck_assert_uint_gt(n_maybe, 0);
        ck_assert_uint_gt(n_chunks, N_KILLS);
        files_close(&files);
}
