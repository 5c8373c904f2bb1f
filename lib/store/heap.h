/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The store's memory: one range of addresses, cut into blocks without gaps. What lies below `top` has been handed out
 * before, so its pages mostly are there already; a block is looked for there first (the smallest that fits, then the
 * lowest), and only then is `top` moved on. The pages come from one segment after the other, the best kind first.
 *
 * There are more addresses than there is memory, so that holes cost nothing but addresses: where pages that are there
 * would be more than the limit, those of the largest free blocks are given back to the system.
 *
 * Descriptions of blocks live outside of the memory: free memory is never written, and a chunk may fill its pages. */
#include "store/ladder.h"
#include "store/numa.h"

enum { BLOCK_ALIGN = 64 }; /* blocks begin and end at multiples of a cache line */

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
        size_t limit_bytes;       /* of addresses */
        size_t resident_limit;    /* of pages that are there */
        size_t top_bytes;         /* handed out at least once */
        size_t free_bytes;        /* in free blocks below top */
        size_t fixed_bytes;       /* in blocks that are no chunk's and no task's: the heads of segments */
        size_t head_bytes;        /* that each segment begins with */
        Segment segment[STORE_MAX_FILES];
        uint32_t n_segments;
        Ladder ladder;
        uint32_t next_rung;
        const Numa *numa;         /* NULL on a machine of one node */
        size_t given_back_bytes;
        uint64_t n_given_back;
        /* Called when a segment has begun and its head is there, before anything else lies in it. */
        int (*begun)(void *userdata, uint32_t segment, Error *err);
        void *userdata;
        Block *last;              /* the block that ends at top */
        Block *free_tree;
        Block *unused;            /* descriptions */
        uint64_t n_unused;
        struct BlockSlab *slabs;
        uint32_t random;
        void *mapping;
        size_t mapping_bytes;
} Heap;

/* A memory file that another heap has left. */
typedef struct HeapFile {
        int fd;            /* is duplicated */
        size_t file_bytes;
        size_t used_bytes; /* up to the last byte that is somebody's */
} HeapFile;

typedef struct HeapConfig {
        Ladder ladder;
        size_t cache_bytes; /* pages that are there never pass this (rounded up to STORE_PAGE) */
        size_t head_bytes;  /* that each segment keeps for itself, at its beginning */
        const Numa *numa;   /* outlives the heap */
        int (*begun)(void *userdata, uint32_t segment, Error *err);
        void *userdata;
        uint32_t n_files; /* the first segments are these, of the ladder's first kinds; heap_put() says what is there */
        const HeapFile *file;
} HeapConfig;

int heap_init(Heap *heap, const HeapConfig *config, Error *err);
void heap_done(Heap *heap);
/* Another cache_bytes. Free blocks give back what is above it, now and whenever a block becomes free. */
void heap_limit(Heap *heap, size_t cache_bytes);
size_t heap_resident(const Heap *heap);
Segment *heap_segment(Heap *heap, const char *data); /* in which data lies: blocks never cross from one to another */

/* A block of exactly size_bytes (rounded up to BLOCK_ALIGN; not 0), held once: 0, STORE_FULL, -ENOMEM. */
int heap_take(Heap *heap, size_t size_bytes, Block **ret);
int heap_take_pages(Heap *heap, size_t size_bytes, Block **ret); /* the same in whole pages of STORE_PAGE */
/* Makes two blocks of a taken one, the second one held once. Needs a description: heap_prepare() has them. */
Block *heap_split(Heap *heap, Block *block, size_t first_bytes);
int heap_prepare(Heap *heap, uint32_t n) _must_check_; /* the next n splits find their descriptions: 0 or -ENOMEM */
/* The next block of files that were left, held once; what lies before it is free. 0 or what heap_take() says. After the
 * last one heap_settle() gives back the pages of what is free: 0 or an errno. */
int heap_put(Heap *heap, char *data, size_t size_bytes, Block **ret) _must_check_;
int heap_settle(Heap *heap) _must_check_;
/* Frees a block that nobody holds; it becomes one with its free neighbours. */
void heap_give(Heap *heap, Block *block);
/* True if all that must hold of lists, tree and sums holds: for tests. */
bool heap_consistent(const Heap *heap);
