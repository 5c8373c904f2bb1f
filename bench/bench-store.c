/* SPDX-License-Identifier: Apache-2.0 */
/* The store beside the memory's own speed: a chunk of 64 MiB put into it and got out of it, beside one memcpy() between
 * pages of the same size that were touched before; what it costs to map a chunk of a file that one has already; and
 * whether the second run of a job takes a page. For a store of anonymous memory and for a shared one, on the best rung
 * of this machine and on the lowest. The three copies take turns, in an order that changes; ratios are medians of the
 * rounds' own ratios. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/pages.h"
#include "store/store.h"

enum { ROUNDS = 21, MAPS = 1000, CHUNK = 64 << 20, CACHE = 512 << 20 };

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static double median(double *took, int n) {
        qsort(took, (size_t) n, sizeof(*took), ascending);
        return took[n / 2];
}

static void must(int r) {
        if (r != 0) {
                fprintf(stderr, "the store refuses: %d\n", r);
                exit(EXIT_FAILURE);
        }
}

static void put(Store *s, ChunkId id, const char *from, size_t size_bytes) {
        must(store_reserve(s, 1, &id, &size_bytes));
        memcpy(store_writable(s, id), from, size_bytes);
        store_seal(s, id, size_bytes);
}

static void get(Store *s, ChunkId id, char *to) {
        const char *data;
        size_t size_bytes;

        must(store_pin(s, id, &data, &size_bytes));
        memcpy(to, data, size_bytes);
        store_unpin(s, id);
}

static long faults(void) {
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_minflt;
}

/* A job: tasks that read the last chunk and write the next, some of which stay to the end. */
static void job(Store *s, uint64_t first) {
        enum { TASKS = 200, KEPT = 10, BYTES = 8 << 20 };
        size_t size = BYTES;

        for (uint64_t k = 0; k < TASKS; k++) {
                ChunkId id = first + k;
                char *scratch;

                must(store_reserve(s, 1, &id, &size));
                must(store_scratch(s, MiB, &scratch));
                for (size_t at = 0; at < size; at += 4096)
                        store_writable(s, id)[at] = 1;
                scratch[0] = 1;
                store_scratch_free(s, scratch, MiB);
                store_seal(s, id, size);
                if (k > 0 && (k - 1) % (TASKS / KEPT) != 0)
                        store_drop(s, id - 1);
        }
        store_drop(s, first + TASKS - 1);
        for (uint64_t k = 0; k < KEPT; k++)
                if (k * (TASKS / KEPT) != TASKS - 1)
                        store_drop(s, first + k * (TASKS / KEPT));
}

typedef enum Way { WAY_COPY, WAY_PUT, WAY_GET, _WAY_MAX } Way;

/* The chunk that is put stays for the others to be got. */
static double way_run(Store *s, Way way, ChunkId id, char *a, char *b) {
        double begin = now();

        switch (way) {
        case WAY_COPY:
                memcpy(b, a, CHUNK);
                break;
        case WAY_PUT:
                put(s, id, a, CHUNK);
                break;
        case WAY_GET:
                get(s, id - 1, b);
                break;
        case _WAY_MAX:
                break;
        }
        return now() - begin;
}

static void put_and_get(Store *s, char *a, char *b) {
        static const char *const names[] = { "memcpy", "put", "get" };
        double seconds[_WAY_MAX][ROUNDS], ratio[_WAY_MAX][ROUNDS];

        put(s, 1, a, CHUNK);
        for (int k = -2; k < ROUNDS; k++) { /* two go by before pages of three chunks are there */
                double took[_WAY_MAX];
                ChunkId id = (ChunkId) k + 4; /* 1 was put before */

                for (int turn = 0; turn < _WAY_MAX; turn++) {
                        Way way = (Way) ((turn + k + 2) % _WAY_MAX);

                        took[way] = way_run(s, way, id, a, b);
                }
                store_drop(s, id - 1);
                for (Way way = 0; k >= 0 && way < _WAY_MAX; way++) {
                        seconds[way][k] = took[way];
                        ratio[way][k]   = took[WAY_COPY] / took[way];
                }
        }
        store_drop(s, ROUNDS + 3);
        for (Way way = 0; way < _WAY_MAX; way++) {
                double middle = median(seconds[way], ROUNDS);

                printf("  %-7s %7.2f ms  %6.1f GB/s  %5.2f of memcpy\n", names[way], middle * 1e3,
                       CHUNK / middle * 1e-9, median(ratio[way], ROUNDS));
        }
}

static void run(bool shared, StorePages pages, char *a, char *b) {
        StoreStats before, after;
        char text[STORE_TEXT_MAX];
        double begin;
        uint64_t offset;
        size_t size;
        Store *s;
        long n_faults;
        int fd;

        must(store_new(&s, &(StoreConfig) { .cache_bytes = CACHE, .pages = pages, .shared = shared }, NULL));
        printf("%s: %s\n", shared ? "shared" : "own", store_pages_text(s, text));
        put_and_get(s, a, b);

        if (shared) {
                double map[MAPS];
                uint64_t page, rest;
                struct stat st;

                put(s, 1, a, CHUNK);
                must(store_file(s, 1, &fd, &offset, &size));
                must(fstat(fd, &st));
                page = (uint64_t) st.st_blksize; /* files of huge pages are mapped in whole ones */
                for (int k = 0; k < MAPS; k++) {
                        void *at;

                        begin = now();
                        must(store_file(s, 1, &fd, &offset, &size));
                        rest = offset % page;
                        at   = mmap(NULL, size + rest, PROT_READ, MAP_SHARED, fd, (off_t) (offset - rest));
                        must(at == MAP_FAILED);
                        must(munmap(at, (size + rest + page - 1) / page * page));
                        map[k] = now() - begin;
                }
                store_drop(s, 1);
                printf("  map     %7.2f us of a chunk of 64 MiB whose file is held, and unmap\n",
                       median(map, MAPS) * 1e6);
        }

        job(s, 1000);
        store_stats(s, &before);
        n_faults = faults();
        job(s, 2000);
        n_faults = faults() - n_faults;
        store_stats(s, &after);
        printf("  second run of a job: %lld bytes more from the system, %ld page faults\n",
               (long long) after.arena_bytes - (long long) before.arena_bytes, n_faults);
        store_free(s);
}

int main(void) {
        char *a = pages_alloc(CHUNK), *b = pages_alloc(CHUNK);

        if (!a || !b)
                return EXIT_FAILURE;
        for (int k = 0; k < 4; k++) {
                if (k == 2) { /* the same in small pages: a copy between them takes 1.2 to 1.4 times as long */
                        must(madvise(a, CHUNK, MADV_DONTNEED) | madvise(b, CHUNK, MADV_DONTNEED));
                        must(madvise(a, CHUNK, MADV_NOHUGEPAGE) | madvise(b, CHUNK, MADV_NOHUGEPAGE));
                }
                memset(a, 1, CHUNK);
                memset(b, 2, CHUNK);
                run(k % 2 > 0, k < 2 ? STORE_PAGES_TRY : STORE_PAGES_OFF, a, b);
        }
        pages_free(a, CHUNK);
        pages_free(b, CHUNK);
        return EXIT_SUCCESS;
}
