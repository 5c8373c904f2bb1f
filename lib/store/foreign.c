/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/foreign.h"
#include "store/store.h"

enum { HUGE_BYTES = 2 << 20 };

struct Foreign {
        uint32_t n_refs;  /* atomic */
        char *base;
        size_t size_bytes;
        size_t page_bytes; /* of reserved huge pages, or STORE_PAGE: what can be mapped by itself */
};

/* An address where huge pages of the file can be mapped as such; NULL: the kernel shall say. It is a wish: somebody
 * else's mapping may be there by the time of ours. */
static void *aligned_address(size_t size_bytes, size_t align) {
        void *free_at = mmap(NULL, size_bytes + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (free_at == MAP_FAILED)
                return NULL;
        munmap(free_at, size_bytes + align);
        return (void *) (((uintptr_t) free_at + align - 1) & ~(uintptr_t) (align - 1));
}

int foreign_open(Foreign **ret, int fd, Error *err) {
        const int wanted = F_SEAL_SHRINK | F_SEAL_GROW, seals = fcntl(fd, F_GET_SEALS); /* -1: it has none */
        Foreign *file;
        struct statfs where;
        struct stat st;
        void *base;

        if (fstat(fd, &st) < 0 || fstatfs(fd, &where) < 0)
                return error_prefix(err, -errno, "memory file");
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || seals < 0 || (seals & wanted) != wanted)
                return error_set(err, ERROR_VALUE, "this is no memory file of sealed size");
        file = calloc(1, sizeof(*file));
        if (!file)
                return error_oom(err, sizeof(*file));
        /* Nothing is reserved for its holes: what is read is there. */
        base = mmap(aligned_address((size_t) st.st_size, HUGE_BYTES), (size_t) st.st_size, PROT_READ,
                    MAP_SHARED | MAP_NORESERVE, fd, 0);
        if (base == MAP_FAILED) {
                free(file);
                return error_prefix(err, -errno, "memory file of %lld bytes", (long long) st.st_size);
        }
        (void) madvise(base, (size_t) st.st_size, MADV_DONTDUMP); /* nobody's arrays in a core file */
        *file = (Foreign) { .n_refs     = 1,
                            .base       = base,
                            .size_bytes = (size_t) st.st_size,
                            .page_bytes = where.f_type == HUGETLBFS_MAGIC ? (size_t) st.st_blksize : STORE_PAGE };
        *ret  = file;
        return 0;
}

Foreign *foreign_ref(Foreign *file) {
        __atomic_fetch_add(&file->n_refs, 1, __ATOMIC_RELAXED);
        return file;
}

Foreign *foreign_unref(Foreign *file) {
        if (!file || __atomic_sub_fetch(&file->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        munmap(file->base, file->size_bytes);
        free(file);
        return NULL;
}

const char *foreign_at(const Foreign *file, uint64_t offset, uint64_t size_bytes) {
        if (offset > file->size_bytes || size_bytes > file->size_bytes - offset)
                return NULL;
        return file->base + offset;
}

/* A copy of the pages takes their place, all at once for whoever reads them: the kernel moves it there under its lock
 * of the address space. */
int foreign_keep(Foreign *file, const char *data, size_t size_bytes) {
        const size_t page  = file->page_bytes, at = (size_t) (data - file->base);
        const size_t begin = at / page * page;
        const size_t end   = MIN((at + size_bytes + page - 1) / page * page, file->size_bytes);
        void *copy;

        if (size_bytes == 0)
                return 0;
        /* Whole pages: other chunks that we read may begin and end in them. All of them are there, as this one is. */
        copy = mmap(NULL, end - begin, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (copy == MAP_FAILED)
                return -ENOMEM;
        memcpy(copy, file->base + begin, end - begin);
        if (mprotect(copy, end - begin, PROT_READ) < 0 ||
            mremap(copy, end - begin, end - begin, MREMAP_MAYMOVE | MREMAP_FIXED, file->base + begin) == MAP_FAILED) {
                munmap(copy, end - begin);
                return -ENOMEM;
        }
        return 0;
}
