/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages are claimed is known by a bit for each; nobody but us touches those that are not, so the bits are what
 * is resident, or more than that. A reader of another process that touches a hole of the file makes a page of zeros
 * there which we do not count; it is charged to its own control group.
 *
 * Claiming populates through the mapping (MADV_POPULATE_WRITE, Linux 5.14), so that the kernel knows which pages the
 * mapping asks for and reports what it cannot have, where a touch would be a SIGBUS; nothing of what it got is kept
 * then. Anonymous memory that is not reserved needs none of this: whoever writes first faults it, on every thread. */
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/segment.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* Linux 6.3: never executable */
#endif

enum {
        STEP_MIN_BYTES = 64 << 20, /* of reserved pages all steps are: what is opened in a file is kept from others */
        STEP_MAX_BYTES = 1 << 30,
        WORD_BITS      = 64,
};

/* ---- Memory files ----------------------------------------------------------------------------------------------- */

static int file_make(const SegmentKind *kind, size_t size_bytes, Error *err) {
        unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL;
        int fd, r;

        if (kind->rung == STORE_HUGETLB)
                flags |= MFD_HUGETLB | (unsigned) __builtin_ctzll(kind->page_bytes) << MFD_HUGE_SHIFT;
        fd = memfd_create("mars-store", flags);
        if (fd < 0 && errno == EINVAL)
                fd = memfd_create("mars-store", flags & ~MFD_NOEXEC_SEAL);
        if (fd < 0)
                return error_prefix(err, -errno, "memory file");
        /* Mode 0777 is what it was made with: whoever got a descriptor that only reads could open it for writing. */
        if (ftruncate(fd, (off_t) size_bytes) < 0 || fchmod(fd, 0400) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
                r = -errno;
                close(fd);
                return error_prefix(err, r, "memory file of %zu bytes", size_bytes);
        }
        return fd;
}

static int file_check(const SegmentKind *kind, size_t size_bytes, int fd, Error *err) {
        const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, seals = fcntl(fd, F_GET_SEALS);
        struct stat st;

        if (fstat(fd, &st) < 0)
                return error_prefix(err, -errno, "memory file");
        if (seals < 0 || (seals & wanted) != wanted || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
                return error_set(err, ERROR_VALUE, "this is no memory file of sealed size that can be written");
        if ((st.st_mode & 07777) != 0400)
                return error_set(err, ERROR_VALUE, "the memory file has mode %04o, not 0400", st.st_mode & 07777u);
        if ((size_t) st.st_size != size_bytes)
                return error_set(err, ERROR_VALUE, "the memory file has %lld bytes, not %zu", (long long) st.st_size,
                                 size_bytes);
        if (kind->rung == STORE_HUGETLB && (size_t) st.st_blksize != kind->page_bytes)
                return error_set(err, ERROR_VALUE, "the memory file has pages of %ld bytes, not %zu",
                                 (long) st.st_blksize, kind->page_bytes);
        return 0;
}

/* ---- Mapping ---------------------------------------------------------------------------------------------------- */

/* What a mapping of the kind wants from the kernel; all are wishes. */
static void advise(const Segment *s, char *at, size_t size_bytes) {
        madvise(at, size_bytes, MADV_DONTDUMP); /* nobody's arrays in a core file */
        if (s->kind.rung != STORE_HUGETLB)
                madvise(at, size_bytes, s->kind.rung == STORE_THP ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

/* What can fail for want of reserved pages is mapped elsewhere first and then moved: a mapping that fails in its place
 * would leave a hole there, into which another thread's next mapping may fall. */
static int map_moved(const Segment *s, size_t offset, size_t size_bytes) {
        const int protection = PROT_READ | PROT_WRITE;
        int flags            = s->fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
        void *at;

        /* Of pages that are given back an anonymous mapping would keep the reservation (seen on Linux 6.18): nobody,
         * not even we, could have them elsewhere. So it has none: pages are had when they are claimed, or not. */
        if (s->kind.rung == STORE_HUGETLB && s->fd < 0)
                flags |= (int) (MAP_HUGETLB | (unsigned) __builtin_ctzll(s->kind.page_bytes) << MAP_HUGE_SHIFT) |
                         MAP_NORESERVE;
        at = mmap(NULL, size_bytes, protection, flags, s->fd, s->fd >= 0 ? (off_t) offset : 0);
        if (at == MAP_FAILED)
                return s->kind.rung == STORE_HUGETLB ? SEGMENT_NO_PAGES : -ENOMEM;
        if (mremap(at, size_bytes, size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, s->base + offset) == MAP_FAILED) {
                munmap(at, size_bytes);
                return s->kind.rung == STORE_HUGETLB ? SEGMENT_NO_PAGES : -ENOMEM; /* huge ones move since Linux 5.16 */
        }
        return 0;
}

static int map_step(const Segment *s, size_t offset, size_t size_bytes) {
        int r;

        if (s->fd >= 0 || s->kind.rung == STORE_HUGETLB) {
                r = map_moved(s, offset, size_bytes);
                if (r != 0)
                        return r;
        } else if (mprotect(s->base + offset, size_bytes, PROT_READ | PROT_WRITE) < 0)
                return -ENOMEM; /* the system's own limits: overcommit, RLIMIT_DATA, number of mappings */
        advise(s, s->base + offset, size_bytes);
        return 0;
}

static int segment_begin(Segment *s, const SegmentKind *kind, char *base, size_t limit_bytes, int fd, Error *err) {
        size_t n_words;

        assert((uintptr_t) base % kind->page_bytes == 0 && limit_bytes % kind->page_bytes == 0);
        *s = (Segment) {
                .kind        = *kind,
                .base        = base,
                .limit_bytes = limit_bytes,
                .file_bytes  = fd >= 0 ? limit_bytes : 0,
                .step_bytes  = MAX((size_t) STEP_MIN_BYTES, kind->page_bytes),
                .fd          = fd,
                .reader      = -1,
        };
        n_words    = limit_bytes / kind->page_bytes / WORD_BITS + 1;
        s->claimed = calloc(n_words, sizeof(*s->claimed));
        return s->claimed ? 0 : error_oom(err, n_words * sizeof(*s->claimed));
}

int segment_init(Segment *s, const SegmentKind *kind, char *base, size_t limit_bytes, Error *err) {
        int fd = kind->file ? file_make(kind, limit_bytes, err) : -1, r;

        if (kind->file && fd < 0)
                return fd;
        r = segment_begin(s, kind, base, limit_bytes, fd, err);
        if (r < 0 && fd >= 0)
                close(fd);
        return r;
}

int segment_init_file(Segment *s, const SegmentKind *kind, char *base, size_t limit_bytes, int fd, size_t open_bytes,
                      Error *err) {
        int r = file_check(kind, limit_bytes, fd, err);

        if (r < 0)
                return r;
        r = segment_begin(s, kind, base, limit_bytes, fd, err);
        if (r < 0)
                return r;
        /* Reserved pages may be gone for the holes that were given back, and then only the others are mapped. */
        r = segment_open(s, open_bytes);
        if (r == SEGMENT_NO_PAGES) {
                s->scattered  = true;
                s->open_bytes = open_bytes;
        } else if (r < 0) {
                s->fd = -1; /* the caller's */
                segment_done(s);
                return error_oom(err, open_bytes);
        }
        return 0;
}

void segment_done(Segment *s) {
        if (s->fd >= 0)
                close(s->fd);
        if (s->reader >= 0)
                close(s->reader);
        free(s->claimed);
        *s = (Segment) { .fd = -1, .reader = -1 };
}

int segment_open(Segment *s, size_t open_bytes) {
        int r;

        assert(open_bytes <= s->limit_bytes);
        while (s->open_bytes < open_bytes) {
                size_t rest = s->limit_bytes - s->open_bytes;
                size_t step = MIN(MAX(s->step_bytes, round_up(open_bytes - s->open_bytes, s->kind.page_bytes)), rest);

                r = map_step(s, s->open_bytes, step);
                if (r == SEGMENT_NO_PAGES) { /* the pool may have the pages that are wanted, if not a whole step's */
                        step = MIN(round_up(open_bytes - s->open_bytes, s->kind.page_bytes), rest);
                        r    = map_step(s, s->open_bytes, step);
                }
                if (r != 0)
                        return r;
                s->open_bytes += step;
                if (s->kind.rung != STORE_HUGETLB)
                        s->step_bytes = MIN(s->step_bytes * 2, (size_t) STEP_MAX_BYTES);
        }
        return 0;
}

int segment_shut(Segment *s, size_t open_bytes) {
        const size_t bytes = s->open_bytes - open_bytes;

        if (bytes > 0 && mmap(s->base + open_bytes, bytes, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
                return -errno;
        s->open_bytes = open_bytes;
        return 0;
}

/* ---- Pages ------------------------------------------------------------------------------------------------------ */

static bool is_claimed(const Segment *s, size_t page) {
        return s->claimed[page / WORD_BITS] >> page % WORD_BITS & 1;
}

/* The next page from `page` on, before `end`, whose bit is `value`; or end. */
static size_t find_page(const Segment *s, size_t page, size_t end, bool value) {
        while (page < end) {
                uint64_t word = s->claimed[page / WORD_BITS];

                word = (value ? word : ~word) >> page % WORD_BITS;
                if (word != 0)
                        return MIN(page + (size_t) __builtin_ctzll(word), end);
                page = (page / WORD_BITS + 1) * WORD_BITS;
        }
        return end;
}

static void set_pages(Segment *s, size_t from, size_t to, bool value) {
        for (size_t page = from; page < to; page++) {
                uint64_t bit = (uint64_t) 1 << page % WORD_BITS;

                assert(is_claimed(s, page) != value);
                if (value)
                        s->claimed[page / WORD_BITS] |= bit;
                else
                        s->claimed[page / WORD_BITS] &= ~bit;
        }
        if (value)
                s->claimed_bytes += (to - from) * s->kind.page_bytes;
        else
                s->claimed_bytes -= (to - from) * s->kind.page_bytes;
}

static size_t first_page(const Segment *s, const char *data) {
        return (size_t) (data - s->base) / s->kind.page_bytes;
}

static size_t end_page(const Segment *s, const char *data, size_t size_bytes) {
        return ((size_t) (data - s->base) + size_bytes + s->kind.page_bytes - 1) / s->kind.page_bytes;
}

size_t segment_missing(const Segment *s, const char *data, size_t size_bytes) {
        size_t end = end_page(s, data, size_bytes), missing = 0;

        for (size_t page = first_page(s, data); (page = find_page(s, page, end, false)) < end;) {
                size_t to = find_page(s, page, end, true);

                missing += (to - page) * s->kind.page_bytes;
                page = to;
        }
        return missing;
}

static int pages_unmake(Segment *s, size_t from, size_t to) {
        size_t offset = from * s->kind.page_bytes, bytes = (to - from) * s->kind.page_bytes;

        if (s->fd >= 0)
                return fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) offset, (off_t) bytes);
        return madvise(s->base + offset, bytes, MADV_DONTNEED);
}

/* A huge page of a memory file is made of a small one which is there: where the kernel gives huge ones by itself the
 * small one is huge already. What cannot be had huge is small (measured, 128 MiB: 15 ms huge, 430 ms small). */
static void pages_collapse(const Segment *s, size_t from, size_t to) {
        for (size_t page = from; page < to; page++)
                if (madvise(s->base + page * s->kind.page_bytes, STORE_PAGE, MADV_POPULATE_WRITE) < 0)
                        return;
        (void) madvise(s->base + from * s->kind.page_bytes, (to - from) * s->kind.page_bytes, MADV_COLLAPSE);
}

static int pages_make(Segment *s, size_t from, size_t to) {
        size_t offset = from * s->kind.page_bytes, bytes = (to - from) * s->kind.page_bytes;

        if (s->fd < 0 && s->kind.rung != STORE_HUGETLB)
                return 0;
        if (s->scattered && map_step(s, offset, bytes) != 0)
                return SEGMENT_NO_PAGES;
        if (s->fd >= 0 && s->kind.rung == STORE_THP)
                pages_collapse(s, from, to);
        while (madvise(s->base + offset, bytes, MADV_POPULATE_WRITE) < 0)
                if (errno != EINTR) {
                        (void) pages_unmake(s, from, to);
                        return SEGMENT_NO_PAGES;
                }
        return 0;
}

int segment_claim(Segment *s, const char *data, size_t size_bytes) {
        size_t first = first_page(s, data), end = end_page(s, data, size_bytes);

        assert(end * s->kind.page_bytes <= s->open_bytes);
        for (size_t page = first; (page = find_page(s, page, end, false)) < end;) {
                size_t to = find_page(s, page, end, true);

                if (pages_make(s, page, to) != 0)
                        return SEGMENT_NO_PAGES;
                set_pages(s, page, to, true);
                page = to;
        }
        return 0;
}

size_t segment_give_back(Segment *s, const char *data, size_t size_bytes, size_t enough) {
        size_t page_bytes = s->kind.page_bytes, given = 0;
        size_t end        = ((size_t) (data - s->base) + size_bytes) / page_bytes;

        for (size_t page = end_page(s, data, 0); given < enough && (page = find_page(s, page, end, true)) < end;) {
                size_t to = MIN(find_page(s, page, end, false), page + (enough - given - 1) / page_bytes + 1);

                if (pages_unmake(s, page, to) < 0)
                        return given; /* then they stay ours */
                set_pages(s, page, to, false);
                given += (to - page) * page_bytes;
                page = to;
        }
        return given;
}

int segment_settle(Segment *s) {
        size_t end = s->file_bytes / s->kind.page_bytes;

        for (size_t page = 0; (page = find_page(s, page, end, false)) < end;) {
                size_t to = find_page(s, page, end, true);

                if (pages_unmake(s, page, to) < 0)
                        return -errno;
                page = to;
        }
        return 0;
}

int segment_reader(Segment *s) {
        char path[64];

        assert(s->fd >= 0);
        if (s->reader >= 0)
                return s->reader;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
        s->reader = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return s->reader >= 0 ? s->reader : -errno;
}
