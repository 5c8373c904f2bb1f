/* SPDX-License-Identifier: Apache-2.0 */
/* What the pages are is asked of the kernel: mincore() and the file's blocks. Pools of reserved pages belong to the
 * whole machine: where none can be had, the refusals are what is tested, and the output says so. */
#include "store/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/hugepages.h"

#include "harness.h"

static const SegmentKind anonymous = { STORE_PLAIN, STORE_PAGE, false };
static const SegmentKind file      = { STORE_PLAIN, STORE_PAGE, true };
static const SegmentKind reserved  = { STORE_HUGETLB, 2 * MiB, true };
static const SegmentKind reserved_anonymous = { STORE_HUGETLB, 2 * MiB, false };

static char *addresses(size_t bytes) {
        char *at = mmap(NULL, bytes + 2 * MiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        ck_assert_ptr_ne(at, MAP_FAILED);
        return (char *) round_up((uintptr_t) at, 2 * MiB);
}

static void init(Segment *s, const SegmentKind *kind, size_t bytes) {
        Error err = {};

        ck_assert_msg(segment_init(s, kind, addresses(bytes), bytes, &err) == 0, "%s", err.text);
}

static uint64_t reserved_free(void) {
        HugePages pages;
        const struct HugePool *pool;

        hugepages_read(&pages, "");
        pool = hugepages_pool(&pages, 2 * MiB, 0);
        return pool ? pool->n_free : 0;
}

static size_t file_bytes(const Segment *s) {
        struct stat st;

        ck_assert_int_eq(fstat(s->fd, &st), 0);
        return (size_t) st.st_blocks * 512;
}

TEST(pages_of_a_file_are_there_when_claimed_and_gone_when_given_back) {
        Segment s;

        init(&s, &file, 64 * MiB);
        ck_assert_int_eq(segment_open(&s, 32 * MiB), 0);
        ck_assert_uint_eq(file_bytes(&s), 0);
        ck_assert_uint_eq(segment_missing(&s, s.base + 100, 8000), 2 * STORE_PAGE);
        ck_assert_int_eq(segment_claim(&s, s.base + 100, 8000), 0);
        ck_assert_uint_eq(file_bytes(&s), 2 * STORE_PAGE);
        ck_assert_uint_eq(segment_missing(&s, s.base, 3 * STORE_PAGE), STORE_PAGE);
        memset(s.base, 7, 2 * STORE_PAGE);

        ck_assert_int_eq(segment_claim(&s, s.base + MiB, 10 * MiB), 0);
        ck_assert_uint_eq(s.claimed_bytes, 10 * MiB + 2 * STORE_PAGE);
        ck_assert_uint_eq(file_bytes(&s), s.claimed_bytes);
        ck_assert_uint_eq(segment_give_back(&s, s.base + MiB + 1, 4 * MiB, SIZE_MAX), 4 * MiB - STORE_PAGE);
        ck_assert_uint_eq(file_bytes(&s), s.claimed_bytes);
        ck_assert_uint_eq(segment_give_back(&s, s.base + MiB, 10 * MiB, 5000), 2 * STORE_PAGE); /* enough */
        ck_assert_uint_eq(segment_give_back(&s, s.base, STORE_PAGE - 1, SIZE_MAX), 0);          /* no whole page */
        ck_assert_uint_eq(s.claimed_bytes, 6 * MiB + STORE_PAGE);
        ck_assert_uint_eq(file_bytes(&s), s.claimed_bytes);
        ck_assert_int_eq(s.base[STORE_PAGE], 7);
        segment_done(&s);
}

TEST(anonymous_pages_are_faulted_by_who_writes_and_can_be_given_back) {
        unsigned char there[4];
        Segment s;

        init(&s, &anonymous, MiB);
        ck_assert_int_eq(segment_open(&s, 4 * STORE_PAGE), 0);
        ck_assert_int_eq(segment_claim(&s, s.base, 4 * STORE_PAGE), 0);
        memset(s.base, 1, 3 * STORE_PAGE);
        ck_assert_uint_eq(segment_give_back(&s, s.base, 2 * STORE_PAGE, SIZE_MAX), 2 * STORE_PAGE);
        ck_assert_int_eq(mincore(s.base, 4 * STORE_PAGE, there), 0);
        ck_assert(!(there[0] & 1) && !(there[1] & 1) && (there[2] & 1) && !(there[3] & 1));
        ck_assert_int_eq(segment_claim(&s, s.base, 1), 0);
        ck_assert_int_eq(s.base[0], 0);
        segment_done(&s);
}

TEST(bits_are_what_a_simple_list_says) {
        enum { PAGES = 300 };
        bool claimed[PAGES] = {};
        uint64_t seed       = 5;
        Segment s;

        init(&s, &anonymous, PAGES * STORE_PAGE);
        ck_assert_int_eq(segment_open(&s, PAGES * STORE_PAGE), 0);
        for (int step = 0; step < 20000; step++) {
                size_t from, to, missing = 0, whole = 0, total = 0;

                seed = seed * 6364136223846793005u + 1442695040888963407u;
                from = (seed >> 33) % (PAGES * STORE_PAGE);
                to   = from + 1 + (seed >> 20) % (PAGES * STORE_PAGE - from);
                for (size_t p = from / STORE_PAGE; p <= (to - 1) / STORE_PAGE; p++) {
                        missing += claimed[p] ? 0 : STORE_PAGE;
                        whole += claimed[p] && p * STORE_PAGE >= from && (p + 1) * STORE_PAGE <= to ? STORE_PAGE : 0;
                }
                ck_assert_uint_eq(segment_missing(&s, s.base + from, to - from), missing);
                if (step % 2)
                        ck_assert_int_eq(segment_claim(&s, s.base + from, to - from), 0);
                else
                        ck_assert_uint_eq(segment_give_back(&s, s.base + from, to - from, SIZE_MAX), whole);
                for (size_t p = 0; p < PAGES; p++) {
                        if (step % 2)
                                claimed[p] |= p >= from / STORE_PAGE && p <= (to - 1) / STORE_PAGE;
                        else
                                claimed[p] &= !(p * STORE_PAGE >= from && (p + 1) * STORE_PAGE <= to);
                        total += claimed[p] ? STORE_PAGE : 0;
                }
                ck_assert_uint_eq(s.claimed_bytes, total);
        }
        segment_done(&s);
}

TEST(file_has_mode_0400_and_its_size_is_sealed) {
        struct stat st;
        Segment s;

        init(&s, &file, 64 * MiB);
        ck_assert_int_eq(fstat(s.fd, &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0400);
        ck_assert_int_eq(st.st_size, 64 * MiB);
        ck_assert_int_eq(ftruncate(s.fd, 0), -1);
        ck_assert_int_eq(errno, EPERM);
        ck_assert_int_eq(ftruncate(s.fd, 65 * MiB), -1);
        ck_assert_int_eq(fcntl(s.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
        ck_assert_int_eq(errno, EPERM);
        ck_assert_int_eq(fcntl(segment_reader(&s), F_GETFL) & O_ACCMODE, O_RDONLY);
        ck_assert_int_eq(fcntl(segment_reader(&s), F_GETFD), FD_CLOEXEC);
        segment_done(&s);
}

TEST(file_of_another_kind_is_refused_with_words) {
        int fd = memfd_create("test", MFD_ALLOW_SEALING);
        Segment s;
        Error err = {};

        ck_assert_int_eq(ftruncate(fd, 64 * MiB), 0);
        ck_assert_int_eq(segment_init_file(&s, &file, addresses(64 * MiB), 64 * MiB, fd, 0, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "sealed"));
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
        ck_assert_int_eq(segment_init_file(&s, &file, addresses(64 * MiB), 64 * MiB, fd, 0, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "mode"));
        ck_assert_int_eq(fchmod(fd, 0400), 0);
        ck_assert_int_eq(segment_init_file(&s, &file, addresses(64 * MiB), 32 * MiB, fd, 0, &err), ERROR_VALUE);
        ck_assert_int_eq(segment_init_file(&s, &reserved, addresses(64 * MiB), 64 * MiB, fd, 0, &err), ERROR_VALUE);
        ck_assert_int_eq(segment_init_file(&s, &file, addresses(64 * MiB), 64 * MiB, fd, 0, &err), 0);
        segment_done(&s);
        ck_assert_int_eq(segment_init_file(&s, &file, addresses(64 * MiB), 64 * MiB, 9999, 0, &err), -EBADF);
        ck_assert_int_eq(segment_init_file(&s, &file, addresses(64 * MiB), 64 * MiB, 0, 0, &err), ERROR_VALUE);
}

TEST(file_that_comes_back_keeps_what_is_claimed_and_loses_the_rest) {
        Segment s, again;
        Error err = {};
        int fd;

        init(&s, &file, 16 * MiB);
        ck_assert_int_eq(segment_open(&s, 8 * MiB), 0);
        ck_assert_int_eq(segment_claim(&s, s.base, 8 * MiB), 0);
        memset(s.base, 3, 8 * MiB);
        fd = dup(s.fd);
        segment_done(&s);

        ck_assert_msg(segment_init_file(&again, &file, addresses(16 * MiB), 16 * MiB, fd, 8 * MiB, &err) == 0, "%s",
                      err.text);
        ck_assert_int_eq(segment_claim(&again, again.base + MiB, MiB), 0);
        ck_assert_int_eq(segment_settle(&again), 0);
        ck_assert_uint_eq(again.claimed_bytes, MiB);
        ck_assert_uint_eq(file_bytes(&again), MiB);
        ck_assert_int_eq(again.base[MiB], 3);
        ck_assert_int_eq(again.base[2 * MiB - 1], 3);
        segment_done(&again);
}

TEST(reserved_pages_beyond_the_pool_are_refused_and_what_was_got_is_whole) {
        static const SegmentKind *const kinds[] = { &reserved, &reserved_anonymous };
        uint64_t n_free                         = reserved_free();
        size_t pool                             = n_free * 2 * MiB;

        if (n_free < 8)
                printf("# %d reserved huge pages are free: only the refusal is tested\n", (int) n_free);
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                Segment s;

                init(&s, kinds[k], pool + 64 * MiB);
                if (kinds[k]->file) {
                        ck_assert_int_eq(segment_open(&s, pool + 64 * MiB), SEGMENT_NO_PAGES);
                        ck_assert_uint_le(s.open_bytes, pool);
                } else {
                        ck_assert_int_eq(segment_open(&s, pool + 64 * MiB), 0);
                        ck_assert_int_eq(segment_claim(&s, s.base, pool + 64 * MiB), SEGMENT_NO_PAGES);
                        segment_give_back(&s, s.base, pool + 64 * MiB, SIZE_MAX);
                }
                if (n_free >= 8) {
                        ck_assert_int_eq(segment_open(&s, 8 * MiB), 0);
                        ck_assert_int_eq(segment_claim(&s, s.base + 1, 4 * MiB), 0);
                        ck_assert_uint_eq(s.claimed_bytes, 6 * MiB);
                        memset(s.base, 9, 6 * MiB);
                        ck_assert_uint_eq(segment_give_back(&s, s.base + 1, 6 * MiB, SIZE_MAX), 4 * MiB);
                        ck_assert_int_eq(segment_claim(&s, s.base, 6 * MiB), 0);
                        ck_assert_int_eq(s.base[0], 9);
                        ck_assert_int_eq(s.base[2 * MiB], 0);
                }
                munmap(s.base, s.limit_bytes);
                segment_done(&s);
                ck_assert_uint_eq(reserved_free(), n_free); /* nothing stays behind */
        }
}

TEST(file_of_reserved_pages_comes_back_though_the_pool_has_none_for_its_holes) {
        uint64_t n_free = reserved_free();
        Segment s, rest, again;
        Error err = {};
        int fd;

        if (n_free < 8 || n_free > 128) {
                printf("# skipped: it uses up a pool of 8 to 128 reserved huge pages, and %d are free\n", (int) n_free);
                return;
        }
        init(&s, &reserved, 8 * MiB);
        ck_assert_int_eq(segment_open(&s, 8 * MiB), 0);
        ck_assert_int_eq(segment_claim(&s, s.base, 8 * MiB), 0);
        memset(s.base, 5, 8 * MiB);
        ck_assert_uint_eq(segment_give_back(&s, s.base + 2 * MiB, 4 * MiB, SIZE_MAX), 4 * MiB);
        fd = dup(s.fd);
        munmap(s.base, s.limit_bytes);
        segment_done(&s);
        init(&rest, &reserved, (n_free - 2) * 2 * MiB);
        ck_assert_int_eq(segment_open(&rest, rest.limit_bytes), 0);
        ck_assert_uint_eq(reserved_free(), 0);

        ck_assert_msg(segment_init_file(&again, &reserved, addresses(8 * MiB), 8 * MiB, fd, 8 * MiB, &err) == 0, "%s",
                      err.text);
        ck_assert(again.scattered);
        ck_assert_int_eq(segment_claim(&again, again.base, 2 * MiB), 0);
        ck_assert_int_eq(segment_claim(&again, again.base + 6 * MiB, 2 * MiB), 0);
        ck_assert_int_eq(segment_settle(&again), 0);
        ck_assert_int_eq(again.base[0], 5);
        ck_assert_int_eq(again.base[8 * MiB - 1], 5);
        ck_assert_int_eq(segment_claim(&again, again.base + 3 * MiB, 1), SEGMENT_NO_PAGES);
        munmap(rest.base, rest.limit_bytes);
        segment_done(&rest);
        ck_assert_int_eq(segment_claim(&again, again.base + 3 * MiB, 1), 0); /* now the pool has one */
        ck_assert_int_eq(again.base[3 * MiB], 0);
        again.base[3 * MiB] = 1;
        munmap(again.base, again.limit_bytes);
        segment_done(&again);
        ck_assert_uint_eq(reserved_free(), n_free);
}
