/* SPDX-License-Identifier: Apache-2.0 */
#include "store/heap.h"

#include <string.h>

#include "harness.h"

static void give(Heap *heap, Block *block) {
        block->holds = 0;
        heap_give(heap, block);
}

TEST(smallest_block_that_fits_is_taken_again) {
        Heap heap;
        Block *small, *large, *wall, *again;

        ck_assert_int_eq(heap_init(&heap, 16 * MiB, NULL), 0);
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

        ck_assert_int_eq(heap_init(&heap, 64 * MiB, NULL), 0);
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

TEST(limit_holds_and_segments_join) {
        enum { LIMIT_MIB = 200 };
        Heap heap;
        Block *block[2], *all;

        ck_assert_int_eq(heap_init(&heap, LIMIT_MIB * MiB, NULL), 0);
        ck_assert_int_eq(heap_take(&heap, 60 * MiB, &block[0]), 0);
        ck_assert_uint_eq(heap.n_segments, 1);
        ck_assert_int_eq(heap_take(&heap, 60 * MiB, &block[1]), 0);
        ck_assert_uint_eq(heap.n_segments, 2);
        ck_assert_int_eq(heap_take(&heap, 81 * MiB, &all), STORE_FULL);
        ck_assert_int_eq(heap_take(&heap, SIZE_MAX - 10, &all), STORE_FULL);
        give(&heap, block[0]);
        give(&heap, block[1]);
        ck_assert_int_eq(heap_take(&heap, LIMIT_MIB * MiB, &all), 0); /* across segments */
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

        ck_assert_int_eq(heap_init(&heap, 40 * MiB, NULL), 0);
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

        ck_assert_int_eq(heap_init(&heap, 40 * MiB, NULL), 0);
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
                        int r       = pages ? heap_take_pages(&heap, size, &block[k]) : heap_take(&heap, size, &block[k]);

                        ck_assert_int_eq(r, 0);
                        held += block[k]->size_bytes;
                        ck_assert_uint_ge(block[k]->size_bytes, size);
                        if (pages) {
                                ck_assert_uint_eq((uintptr_t) block[k]->data % HEAP_PAGE, 0);
                                ck_assert_uint_eq(block[k]->size_bytes % HEAP_PAGE, 0);
                                ck_assert_uint_lt(block[k]->size_bytes - size, HEAP_PAGE);
                        }
                        memset(block[k]->data, (int) k, block[k]->size_bytes);
                }
                if (step % 64 == 0)
                        ck_assert(heap_consistent(&heap));
                ck_assert_uint_eq(heap.top_bytes - heap.free_bytes, held);
        }
        heap_done(&heap);
}
