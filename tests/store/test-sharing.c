/* SPDX-License-Identifier: Apache-2.0 */
/* What another user can do with the descriptor of a chunk: read it. The attacks are made by a child with another uid,
 * and first on a memory file as memfd_create() makes it, where they succeed: so they are real ones. */
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "store/shared.h"

enum { STRANGER = 65534 };

/* Runs the function as a stranger: its result. */
static int as_stranger(int (*fn)(int fd, size_t size_bytes), int fd, size_t size_bytes) {
        pid_t pid = fork();
        int status;

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (setgroups(0, NULL) < 0 || setgid(STRANGER) < 0 || setuid(STRANGER) < 0)
                        _exit(99);
                prctl(PR_SET_DUMPABLE, 1); /* a process that was started as this user has a /proc of its own */
                _exit(fn(fd, size_bytes));
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status), "the stranger died of signal %d", WTERMSIG(status));
        return WEXITSTATUS(status);
}

static int reopened(int fd, int flags) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return open(path, flags);
}

static int write_through_proc(int fd, size_t size_bytes) {
        int again = reopened(fd, O_RDWR);

        (void) size_bytes;
        return again >= 0 && pwrite(again, "evil", 4, 0) == 4 ? 0 : 1;
}

/* The number of the first attack that succeeds, or 0. */
static int attack(int fd, size_t size_bytes) {
        static const int flags[] = { O_RDWR, O_WRONLY, O_RDONLY | O_TRUNC, O_WRONLY | O_APPEND };
        char evil[]              = "evil";
        struct iovec local       = { evil, 4 };
        char *at;

        for (size_t k = 0; k < ELEMENTSOF(flags); k++)
                if (reopened(fd, flags[k]) >= 0)
                        return 1;
        if (mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
                return 2;
        if (mmap(NULL, size_bytes, PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
                return 3;
        at = mmap(NULL, size_bytes, PROT_READ, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED)
                return 4; /* this one is allowed */
        if (mprotect(at, size_bytes, PROT_READ | PROT_WRITE) == 0 || mprotect(at, size_bytes, PROT_WRITE) == 0)
                return 5;
        if (madvise(at, size_bytes, MADV_REMOVE) == 0 || madvise(at, STORE_PAGE, MADV_POPULATE_WRITE) == 0)
                return 6;
        if (ftruncate(fd, 0) == 0 || ftruncate(fd, (off_t) size_bytes * 2) == 0)
                return 7;
        if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, STORE_PAGE) == 0 ||
            fallocate(fd, 0, 0, (off_t) size_bytes * 2) == 0)
                return 8;
        if (write(fd, "evil", 4) >= 0 || pwrite(fd, "evil", 4, 0) >= 0)
                return 9;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0)
                return 10;
        if (fchmod(fd, 0777) == 0 || fchown(fd, STRANGER, STRANGER) == 0)
                return 11;
        fcntl(fd, F_SETFL, O_RDWR);
        if (write(fd, "evil", 4) >= 0)
                return 12;
        for (int other = 0; other < 64; other++) { /* descriptors of the store's process itself */
                char path[64];

                snprintf(path, sizeof(path), "/proc/%d/fd/%d", getppid(), other);
                if (open(path, O_RDONLY) >= 0)
                        return 13;
        }
        if (process_vm_writev(getppid(), &local, 1, &(struct iovec) { at, 4 }, 1, 0) >= 0)
                return 14;
        return 0;
}

static bool is_root(void) {
        if (geteuid() != 0)
                printf("# skipped: only root can become another user\n");
        return geteuid() == 0;
}

TEST(stranger_writes_to_a_memory_file_as_it_is_made) {
        int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING), reader;

        if (!is_root())
                return;
        ck_assert_int_eq(ftruncate(fd, MiB), 0);
        reader = reopened(fd, O_RDONLY);
        ck_assert_int_eq(as_stranger(write_through_proc, reader, MiB), 0);
        ck_assert_int_eq(as_stranger(attack, reader, MiB), 1);
}

TEST(stranger_with_a_chunk_can_read_and_nothing_else) {
        Files files;
        Store *s = shared_new(&files, 8 * MiB);
        int fd, again;
        uint64_t offset;
        size_t size;
        struct stat st;

        put(s, 1, MiB);
        put(s, 2, 100);
        if (!is_root())
                return;
        ck_assert_int_eq(store_file(s, 1, &fd, &offset, &size), 0);
        ck_assert_int_eq(store_file(s, 2, &again, &offset, &size), 0);
        ck_assert_int_eq(fd, again); /* one descriptor for the file */
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_int_eq(as_stranger(attack, fd, (size_t) st.st_size), 0);
        ck_assert_int_eq(as_stranger(write_through_proc, fd, (size_t) st.st_size), 1);
        ck_assert(has(s, 1, MiB));
        ck_assert(has(s, 2, 100));
        store_free(s);
        files_close(&files);
}

static uint64_t wanted_offset;

static int read_chunk(int fd, size_t size_bytes) {
        const size_t begin = wanted_offset & ~(uint64_t) (STORE_PAGE - 1);
        const char *at     = mmap(NULL, wanted_offset - begin + size_bytes, PROT_READ, MAP_SHARED, fd, (off_t) begin);

        return at != MAP_FAILED && is_filled(at + (wanted_offset - begin), size_bytes, 7) ? 0 : 1;
}

TEST(stranger_reads_the_chunk_where_it_lies) {
        Files files;
        Store *s = shared_new(&files, 8 * MiB);
        size_t size;
        int fd;

        put(s, 6, 12345);
        put(s, 7, 300000);
        if (!is_root())
                return;
        ck_assert_int_eq(store_file(s, 7, &fd, &wanted_offset, &size), 0);
        ck_assert_uint_eq(size, 300000);
        ck_assert_int_eq(as_stranger(read_chunk, fd, size), 0);
        store_free(s);
        files_close(&files);
}

TEST(only_sealed_chunks_of_a_shared_store_have_a_file) {
        Store *own;
        Files files;
        Store *s    = shared_new(&files, 8 * MiB);
        ChunkId id  = 1;
        size_t size = 100;
        uint64_t offset;
        int fd;

        ck_assert_int_eq(store_file(s, id, &fd, &offset, &size), STORE_ABSENT);
        ck_assert_int_eq(store_reserve(s, 1, &id, &size), 0);
        ck_assert_int_eq(store_file(s, id, &fd, &offset, &size), STORE_ABSENT);
        store_seal(s, id, 0);
        ck_assert_int_eq(store_file(s, id, &fd, &offset, &size), 0);
        ck_assert_uint_eq(size, 0);
        ck_assert_int_eq(store_adopt(s, 2, "words", 5, NULL, NULL), 0);
        ck_assert_int_eq(store_file(s, 2, &fd, &offset, &size), STORE_ABSENT);
        store_free(s);
        files_close(&files);

        ck_assert_int_eq(store_new(&own, &(StoreConfig) { .cache_bytes = MiB }, NULL), 0);
        put(own, 1, 100);
        ck_assert_int_eq(store_file(own, 1, &fd, &offset, &size), STORE_ABSENT);
        store_free(own);
}

TEST(mapping_of_a_dropped_chunk_shows_the_same_owners_bytes_or_zeros) {
        Files files;
        Store *s = shared_new(&files, 4 * MiB);
        uint64_t offset;
        const char *at;
        size_t size;
        int fd;

        put(s, 1, 2 * MiB);
        ck_assert_int_eq(store_file(s, 1, &fd, &offset, &size), 0);
        at = mmap(NULL, 4 * MiB, PROT_READ, MAP_SHARED, fd, 0);
        ck_assert_ptr_ne(at, MAP_FAILED);
        ck_assert(is_filled(at + offset, size, 1));
        put(s, 3, 64);
        store_drop(s, 1);
        put(s, 2, 3 * MiB); /* needs the pages of the first */
        ck_assert_uint_eq(stats_of(s).n_given_back, 1);
        for (size_t k = 0; k < 2 * MiB; k += STORE_PAGE) /* nothing faults */
                (void) *(const volatile char *) &at[offset + k];
        store_free(s);
        files_close(&files);
}
