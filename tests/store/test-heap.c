/* SPDX-License-Identifier: Apache-2.0 */
#include "store/heap.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"

#define PLAIN ((Ladder) { .rung = { { STORE_PLAIN, STORE_PAGE, false } }, .n = 1 })

static void give(Heap *heap, Block *block) {
        block->holds = 0;
        heap_give(heap, block);
}

TEST(smallest_block_that_fits_is_taken_again) {
        Heap heap;
        Block *small, *large, *wall, *again;

        ck_assert_int_eq(heap_init(&heap, &(HeapConfig) { .ladder = PLAIN, .cache_bytes = 16 * MiB }, NULL), 0);
        ck_assert_int_eq(heap_take(&heap, 4096, &large), 0);
        ck_assert_int_eq(heap_take(&heap, 64, &wall), 0);
        ck_assert_int_eq(heap_take(&heap, 1024, &small), 0);
        ck_assert_int_eq(heap_take(&heap, 64, &wall), 0);
        give(&heap, large);
        give(&heap, small);

        ck_assert_int_eq(heap_take(&heap, 1000, &again), 0);
        ck_assert_ptr_eq(again, small);
        ck_assert_uint_eq(again->size_bytes, 1024);
        ck_assert(heap_consistent(&heap));
        heap_done(&heap);
}

TEST(memory_that_was_used_before_is_taken_before_fresh_memory) {
        Heap heap;
        Block *a, *b;

        ck_assert_int_eq(heap_init(&heap, &(HeapConfig) { .ladder = PLAIN, .cache_bytes = 64 * MiB }, NULL), 0);
        for (int k = 0; k < 1000; k++) {
                ck_assert_int_eq(heap_take(&heap, 3 * MiB, &a), 0);
                ck_assert_int_eq(heap_take(&heap, 5 * MiB, &b), 0);
                give(&heap, a);
                give(&heap, b);
        }
        ck_assert_uint_eq(heap.top_bytes, 8 * MiB);
        ck_assert_int_eq(heap_take(&heap, 10 * MiB, &a), 0); /* the free rest below top, and 2 MiB more */
        ck_assert_uint_eq(heap.top_bytes, 10 * MiB);
        ck_assert_ptr_eq(a->data, heap.base);
        heap_done(&heap);
}

TEST(limit_holds_and_memory_is_one_piece) {
        enum { LIMIT_MIB = 200 };
        Heap heap;
        Block *block[2], *all;

        ck_assert_int_eq(heap_init(&heap, &(HeapConfig) { .ladder = PLAIN, .cache_bytes = LIMIT_MIB * MiB }, NULL), 0);
        ck_assert_int_eq(heap_take(&heap, 60 * MiB, &block[0]), 0);
        ck_assert_int_eq(heap_take(&heap, 60 * MiB, &block[1]), 0);
        ck_assert_int_eq(heap_take(&heap, 81 * MiB, &all), STORE_FULL);
        ck_assert_int_eq(heap_take(&heap, SIZE_MAX - 10, &all), STORE_FULL);
        give(&heap, block[0]);
        give(&heap, block[1]);
        ck_assert_int_eq(heap_take(&heap, LIMIT_MIB * MiB, &all), 0); /* pages of what was free, and more */
        all->data[0] = all->data[LIMIT_MIB * MiB - 1] = 1;
        ck_assert(heap_consistent(&heap));
        heap_done(&heap);
}

TEST(heap_stays_consistent_whatever_is_taken_and_given) {
        enum { N = 300 };
        Block *block[N] = {};
        uint64_t seed = 3;
        size_t held = 0;
        Heap heap;

        ck_assert_int_eq(heap_init(&heap, &(HeapConfig) { .ladder = PLAIN, .cache_bytes = 40 * MiB }, NULL), 0);
        for (int step = 0; step < 60000; step++) {
                uint32_t k;

                seed = seed * 6364136223846793005u + 1442695040888963407u;
                k = (seed >> 33) % N;
                if (block[k]) {
                        ck_assert_int_eq(block[k]->data[0], (char) k);
                        held -= block[k]->size_bytes;
                        give(&heap, block[k]);
                        block[k] = NULL;
                } else {
                        size_t size = 1 + (seed >> 40) % (k % 7 == 0 ? MiB : 3000);
                        int r = heap_take(&heap, size, &block[k]);

                        ck_assert_int_ge(r, 0);
                        if (r == STORE_FULL)
                                continue;
                        ck_assert_uint_eq((uintptr_t) block[k]->data % BLOCK_ALIGN, 0);
                        ck_assert_uint_lt(block[k]->size_bytes - size, BLOCK_ALIGN);
                        block[k]->data[0] = (char) k;
                        block[k]->data[size - 1] = (char) k;
                        held += block[k]->size_bytes;
                        if (block[k]->size_bytes > 128 && k % 5 == 0) {
                                ck_assert_int_eq(heap_prepare(&heap, 1), 0);
                                give(&heap, heap_split(&heap, block[k], 64));
                                held -= size - 64 + (BLOCK_ALIGN - size % BLOCK_ALIGN) % BLOCK_ALIGN;
                        }
                }
                if (step % 64 == 0)
                        ck_assert(heap_consistent(&heap));
                ck_assert_uint_eq(heap.top_bytes - heap.free_bytes, held);
        }
        for (uint32_t k = 0; k < N; k++)
                if (block[k])
                        give(&heap, block[k]);
        ck_assert(heap_consistent(&heap));
        ck_assert(heap.last && !heap.last->before); /* one free block */
        heap_done(&heap);
}

TEST(whole_pages_are_found_among_blocks_that_begin_anywhere) {
        enum { N = 200 };
        Block *block[N] = {};
        uint64_t seed   = 11;
        size_t held     = 0;
        Heap heap;

        ck_assert_int_eq(heap_init(&heap, &(HeapConfig) { .ladder = PLAIN, .cache_bytes = 40 * MiB }, NULL), 0);
        for (int step = 0; step < 40000; step++) {
                uint32_t k;

                seed = seed * 6364136223846793005u + 1442695040888963407u;
                k    = (seed >> 33) % N;
                if (block[k]) {
                        held -= block[k]->size_bytes;
                        give(&heap, block[k]);
                        block[k] = NULL;
                } else {
                        size_t size = 1 + (seed >> 40) % (k % 5 == 0 ? MiB : 20000);
                        bool pages  = k % 2 == 0;

                        ck_assert_int_eq((pages ? heap_take_pages : heap_take)(&heap, size, &block[k]), 0);
                        held += block[k]->size_bytes;
                        ck_assert_uint_ge(block[k]->size_bytes, size);
                        if (pages) {
                                ck_assert_uint_eq((uintptr_t) block[k]->data % STORE_PAGE, 0);
                                ck_assert_uint_eq(block[k]->size_bytes % STORE_PAGE, 0);
                                ck_assert_uint_lt(block[k]->size_bytes - size, STORE_PAGE);
                        }
                        memset(block[k]->data, (int) k, block[k]->size_bytes);
                }
                if (step % 64 == 0)
                        ck_assert(heap_consistent(&heap));
                ck_assert_uint_eq(heap.top_bytes - heap.free_bytes, held);
        }
        heap_done(&heap);
}

TEST(pages_of_free_blocks_go_where_the_limit_needs_them) {
        enum { N = 10 };
        Block *block[N], *all;
        Heap heap;

        ck_assert_int_eq(heap_init(&heap, &(HeapConfig) { .ladder = PLAIN, .cache_bytes = N * MiB }, NULL), 0);
        for (int k = 0; k < N; k++)
                ck_assert_int_eq(heap_take(&heap, MiB, &block[k]), 0);
        ck_assert_uint_eq(heap_resident(&heap), N * MiB);
        for (int k = 0; k < N; k += 4)
                give(&heap, block[k]);
        ck_assert_uint_eq(heap.n_given_back, 0);
        ck_assert_int_eq(heap_take(&heap, 2 * MiB, &all), 0); /* no hole of that size, so at the top */
        ck_assert_uint_eq(heap_resident(&heap), N * MiB);
        ck_assert_uint_eq(heap.given_back_bytes, 2 * MiB);
        ck_assert_uint_eq(heap.n_given_back, 1);
        memset(all->data, 1, 2 * MiB);

        ck_assert_int_eq(heap_take(&heap, MiB, &block[0]), 0); /* the hole that has its pages */
        ck_assert_uint_eq(heap.given_back_bytes, 2 * MiB);
        ck_assert_int_eq(heap_take(&heap, 1, &block[4]), STORE_FULL);
        ck_assert(heap_consistent(&heap));
        heap_done(&heap);
}

TEST(small_block_goes_where_pages_are_when_there_is_no_room_for_more) {
        Block *block[9], *small;
        Heap heap;

        ck_assert_int_eq(heap_init(&heap, &(HeapConfig) { .ladder = PLAIN, .cache_bytes = 9 * STORE_PAGE }, NULL), 0);
        for (int k = 0; k < 8; k++)
                ck_assert_int_eq(heap_take(&heap, STORE_PAGE, &block[k]), 0);
        ck_assert_int_eq(heap_take(&heap, 256, &block[8]), 0);
        give(&heap, block[3]);
        ck_assert_int_eq(heap_take_pages(&heap, 1, &small), 0);
        ck_assert_ptr_eq(small->data, heap.base + 3 * STORE_PAGE);
        ck_assert_int_eq(heap_take(&heap, 1000, &small), 0); /* of the last page */
        ck_assert_int_eq(heap_take(&heap, STORE_PAGE, &small), STORE_FULL);
        ck_assert_uint_eq(heap_resident(&heap), 9 * STORE_PAGE);
        ck_assert(heap_consistent(&heap));
        heap_done(&heap);
}

/* What the kernel has there. */
static size_t resident_of(const Heap *heap) {
        size_t n             = heap->limit_bytes / STORE_PAGE, bytes = 0;
        unsigned char *there = malloc(n);

        ck_assert_ptr_nonnull(there);
        ck_assert_int_eq(mincore(heap->base, heap->limit_bytes, there), 0);
        for (size_t k = 0; k < n; k++)
                bytes += there[k] & 1 ? STORE_PAGE : 0;
        free(there);
        return bytes;
}

TEST(resident_memory_never_passes_the_limit_whatever_is_taken_and_given) {
        enum { N = 200 };
        static const size_t limits[] = { 100000, 3 * MiB, 40 * MiB };

        for (size_t l = 0; l < ELEMENTSOF(limits); l++) {
                HeapConfig config = { .ladder = PLAIN };
                Block *block[N]   = {};
                uint64_t seed     = 17 + l;
                uint32_t n_full   = 0;
                Heap heap;

                config.cache_bytes = limits[l];
                ck_assert_int_eq(heap_init(&heap, &config, NULL), 0);
                for (int step = 0; step < 6000; step++) {
                        uint32_t k;

                        seed = seed * 6364136223846793005u + 1442695040888963407u;
                        k    = (seed >> 33) % N;
                        if (block[k]) {
                                ck_assert_int_eq(block[k]->data[block[k]->size_bytes - 1], (char) k);
                                give(&heap, block[k]);
                                block[k] = NULL;
                        } else {
                                size_t size = 1 + (seed >> 40) % (limits[l] / (k % 9 == 0 ? 4 : 100));

                                if (heap_take(&heap, size, &block[k]) == 0)
                                        memset(block[k]->data, (int) k, block[k]->size_bytes);
                                else
                                        n_full++;
                        }
                        ck_assert_uint_le(heap_resident(&heap), round_up(limits[l], STORE_PAGE));
                        if (step % 256 == 0) {
                                ck_assert(heap_consistent(&heap));
                                ck_assert_uint_le(resident_of(&heap), heap_resident(&heap));
                        }
                }
                ck_assert_uint_gt(heap.n_given_back, 0);
                ck_assert_uint_gt(n_full, 0);
                heap_done(&heap);
        }
}

static int note_begin(void *userdata, uint32_t segment, Error *err) {
        (void) err;
        ((uint32_t *) userdata)[0]++;
        ck_assert_uint_eq(((uint32_t *) userdata)[0], segment + 1);
        return 0;
}

static void use_up(bool file) {
        Ladder ladder = { .rung = { { STORE_HUGETLB, 2 * MiB, file }, { STORE_PLAIN, STORE_PAGE, file } }, .n = 2 };
        uint32_t n_begun = 0, n = 0;
        Block *block[400];
        HugePages pages;
        const struct HugePool *pool;
        size_t limit;
        Heap heap;

        hugepages_read(&pages, "");
        pool  = hugepages_pool(&pages, 2 * MiB, 0);
        limit = (pool ? pool->n_free * 2 * MiB : 0) + 64 * MiB;
        if (!pool || pool->n_free < 4)
                printf("# no reserved huge pages are free: the first kind is used up before it begins\n");
        if (limit > 320 * MiB) {
                printf("# skipped: a pool of this size is somebody's, and to use it up would hurt\n");
                return;
        }
        ck_assert_int_eq(heap_init(&heap,
                                   &(HeapConfig) { .ladder      = ladder,
                                                   .cache_bytes = limit,
                                                   .head_bytes  = STORE_PAGE,
                                                   .begun       = note_begin,
                                                   .userdata    = &n_begun },
                                   NULL),
                         0);
        while (heap_take(&heap, MiB - 64, &block[n]) == 0) {
                Segment *s = heap_segment(&heap, block[n]->data);

                memset(block[n]->data, (int) n, block[n]->size_bytes);
                ck_assert(block[n]->data >= s->base + STORE_PAGE);
                ck_assert(block[n]->data + block[n]->size_bytes <= s->base + s->open_bytes);
                n++;
        }
        ck_assert_uint_eq(heap.segment[heap.n_segments - 1].kind.rung, STORE_PLAIN);
        ck_assert_uint_eq(n_begun, heap.n_segments);
        ck_assert_uint_eq(heap.fixed_bytes, heap.n_segments * STORE_PAGE);
        ck_assert_uint_gt(heap_resident(&heap) + 2 * MiB, limit);
        ck_assert(heap_consistent(&heap));
        for (uint32_t k = 0; k < n; k++) {
                ck_assert_int_eq(block[k]->data[0], (char) k);
                give(&heap, block[k]);
        }
        ck_assert(heap_consistent(&heap));
        ck_assert_uint_eq(heap.top_bytes - heap.free_bytes, heap.fixed_bytes);
        heap_done(&heap);
}

TEST(when_one_kind_of_pages_is_used_up_the_next_begins_and_no_block_crosses) {
        use_up(true);
        use_up(false);
}

/* Of a pool that is not larger than the cache. */
static void fill_and_take_twice_as_much(bool file) {
        const Ladder ladder = { .rung = { { STORE_HUGETLB, 2 * MiB, file } }, .n = 1 };
        enum { SMALL = 8, MOST_OF_A_POOL = 160 };
        Block *small[SMALL], *large;
        HugePages pages;
        const struct HugePool *pool;
        Heap heap;

        hugepages_read(&pages, "");
        pool = hugepages_pool(&pages, 2 * MiB, 0);
        if (!pool || pool->n_free < 2 * SMALL || pool->n_free > MOST_OF_A_POOL) {
                printf("# skipped: it uses up a pool of %d to %d reserved huge pages, and %d are free\n", 2 * SMALL,
                       MOST_OF_A_POOL,
                       pool ? (int) pool->n_free : 0);
                return;
        }
        ck_assert_int_eq(heap_init(&heap,
                                   &(HeapConfig) { .ladder = ladder, .cache_bytes = pool->n_free * 2 * MiB }, NULL),
                         0);
        /* As large blocks as fill it; every second one goes, and the largest that is wanted then is two of them. */
        for (int k = 0; k < SMALL; k++)
                ck_assert_int_eq(heap_take(&heap, pool->n_free / SMALL * 2 * MiB, &small[k]), 0);
        for (int k = 0; k < SMALL; k += 2)
                give(&heap, small[k]);
        ck_assert_int_eq(heap_take(&heap, pool->n_free / SMALL * 4 * MiB, &large), 0);
        memset(large->data, 7, large->size_bytes);
        ck_assert(heap_consistent(&heap));
        give(&heap, large);
        for (int k = 1; k < SMALL; k += 2)
                give(&heap, small[k]);
        heap_done(&heap);
}

TEST(reserved_pages_of_free_blocks_are_used_elsewhere_when_the_pool_has_no_more) {
        fill_and_take_twice_as_much(false);
        fill_and_take_twice_as_much(true);
}
