/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The store's memory: one range of addresses, cut into blocks without gaps. What lies below `top` has been handed out
 * before, so its pages are there already; a block is looked for there first (the smallest that fits, then the
 * lowest), and only then is `top` moved on. Nothing is given back to the system before heap_done().
 *
 * Descriptions of blocks live outside of the memory: free memory is never written, and a chunk may fill its pages. */
#include "store/store.h"

enum {
        BLOCK_ALIGN = 64,       /* blocks begin and end at multiples of a cache line */
        HEAP_PAGE   = STORE_PAGE,
};

typedef struct Block Block;
struct Block {
        char *data;
        size_t size_bytes;
        uint32_t holds;           /* chunks that lie in it; 0: free (or about to be given back) */
        uint32_t priority;        /* of the free tree: a treap */
        Block *before, *after;    /* neighbours in memory */
        Block *left, *right;      /* of the free tree, by (size, address); `left` also chains unused descriptions */
};

typedef struct Heap {
        char *base;
        size_t limit_bytes;       /* of the whole range */
        size_t open_bytes;        /* readable and writable: the segments so far */
        size_t top_bytes;         /* handed out at least once */
        size_t free_bytes;        /* in free blocks below top */
        size_t next_segment_bytes;
        uint64_t n_segments;
        StoreRung rung;
        Block *last;              /* the block that ends at top */
        Block *free_tree;
        Block *unused;            /* descriptions */
        uint64_t n_unused;
        struct BlockSlab *slabs;
        uint32_t random;
        void *mapping;
        size_t mapping_bytes;
} Heap;

int heap_init(Heap *heap, size_t limit_bytes, Error *err);
void heap_done(Heap *heap);

/* A block of exactly size_bytes (rounded up to BLOCK_ALIGN; not 0), held once: 0, STORE_FULL, -ENOMEM. */
int heap_take(Heap *heap, size_t size_bytes, Block **ret);
int heap_take_pages(Heap *heap, size_t size_bytes, Block **ret); /* the same in whole pages of HEAP_PAGE */
/* Makes two blocks of a taken one, the second one held once. Needs a description: heap_prepare() has them. */
Block *heap_split(Heap *heap, Block *block, size_t first_bytes);
int heap_prepare(Heap *heap, uint32_t n) _must_check_; /* the next n splits find their descriptions: 0 or -ENOMEM */
/* Frees a block that nobody holds; it becomes one with its free neighbours. */
void heap_give(Heap *heap, Block *block);
/* True if all that must hold of lists, tree and sums holds: for tests. */
bool heap_consistent(const Heap *heap);
