/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/pages.h"

enum { ALIGN = 64, HUGE_PAGE = 2 << 20, LARGE = 1 << 20 };

static atomic_size_t taken_bytes; /* a number for those who keep a ledger; nothing is decided by it */

/* A mapping begins at any page; the kernel uses huge pages for what lies between multiples of their size, so a
 * mapping that is large enough to matter is made longer by one and its two ends are given back. */
static void *map_aligned(size_t size_bytes) {
        const size_t more = size_bytes + HUGE_PAGE;
        char *at, *aligned;

        at = mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
                return NULL;
        aligned = (char *) (((uintptr_t) at + HUGE_PAGE - 1) & ~((uintptr_t) HUGE_PAGE - 1));
        if (aligned > at)
                munmap(at, (size_t) (aligned - at));
        munmap(aligned + size_bytes, (size_t) (at + more - (aligned + size_bytes)));
        (void) madvise(aligned, size_bytes, MADV_HUGEPAGE); /* a wish */
        atomic_fetch_add_explicit(&taken_bytes, size_bytes, memory_order_relaxed);
        return aligned;
}

static size_t round_up(size_t size_bytes, size_t to) {
        return (size_bytes + to - 1) & ~(to - 1);
}

void *pages_alloc(size_t size_bytes) {
        void *data;

        if (size_bytes > PTRDIFF_MAX - 2 * (size_t) HUGE_PAGE)
                return NULL;
        if (size_bytes >= LARGE)
                return map_aligned(round_up(size_bytes, 4096));
        size_bytes = round_up(size_bytes > 0 ? size_bytes : 1, ALIGN);
        data       = aligned_alloc(ALIGN, size_bytes);
        if (data)
                memset(data, 0, size_bytes);
        return data;
}

void pages_free(void *data, size_t size_bytes) {
        if (size_bytes < LARGE)
                free(data);
        else if (data) {
                munmap(data, round_up(size_bytes, 4096));
                atomic_fetch_sub_explicit(&taken_bytes, round_up(size_bytes, 4096), memory_order_relaxed);
        }
}

size_t pages_taken_bytes(void) {
        return atomic_load_explicit(&taken_bytes, memory_order_relaxed);
}
