/* SPDX-License-Identifier: Apache-2.0 */
/* Free blocks are in a treap ordered by (size, address), all blocks in a list ordered by address: finding is O(log n),
 * joining with neighbours needs no search. No two free blocks are neighbours.
 *
 * The range is reserved at once without access, and opened in segments of 64 MiB to 1 GiB as `top` moves on; since
 * they are adjacent a chunk may lie across them. With ASan, free memory is poisoned. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "store/heap.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(data, size) ((void) (data), (void) (size))
#define ASAN_UNPOISON_MEMORY_REGION(data, size) ((void) (data), (void) (size))
#endif

enum {
        HUGE_BYTES        = 2 << 20, /* pages of x86-64 and of arm64 with 4 KiB base pages */
        SEGMENT_MIN_BYTES = 64 << 20,
        SEGMENT_MAX_BYTES = 1 << 30,
        SLAB_BLOCKS       = 256,
};

struct BlockSlab {
        struct BlockSlab *next;
        Block block[SLAB_BLOCKS];
};

static size_t round_up(size_t size_bytes, size_t to) {
        return (size_bytes + to - 1) & ~(to - 1);
}

/* ---- Descriptions ----------------------------------------------------------------------------------------------- */

int heap_prepare(Heap *heap, uint32_t n) {
        while (heap->n_unused < n) {
                struct BlockSlab *slab = malloc(sizeof(*slab));

                if (!slab)
                        return -ENOMEM;
                slab->next = heap->slabs;
                heap->slabs = slab;
                for (int k = 0; k < SLAB_BLOCKS; k++) {
                        slab->block[k].left = heap->unused;
                        heap->unused = &slab->block[k];
                }
                heap->n_unused += SLAB_BLOCKS;
        }
        return 0;
}

static Block *description_new(Heap *heap) {
        Block *block = heap->unused;

        assert(block);
        heap->unused = block->left;
        heap->n_unused--;
        *block = (Block) {};
        return block;
}

static void description_free(Heap *heap, Block *block) {
        block->left = heap->unused;
        heap->unused = block;
        heap->n_unused++;
}

/* ---- The free tree ---------------------------------------------------------------------------------------------- */

static bool smaller(const Block *a, const Block *b) {
        return a->size_bytes != b->size_bytes ? a->size_bytes < b->size_bytes : a->data < b->data;
}

/* Cuts the tree in two: what is smaller than `at`, and the rest. */
static void tree_cut(Block *tree, const Block *at, Block **ret_low, Block **ret_high) {
        while (tree)
                if (smaller(tree, at)) {
                        *ret_low = tree;
                        ret_low = &tree->right;
                        tree = tree->right;
                } else {
                        *ret_high = tree;
                        ret_high = &tree->left;
                        tree = tree->left;
                }
        *ret_low = *ret_high = NULL;
}

static Block *tree_join(Block *low, Block *high) {
        Block *ret = NULL, **at = &ret;

        while (low && high)
                if (low->priority >= high->priority) {
                        *at = low;
                        at = &low->right;
                        low = low->right;
                } else {
                        *at = high;
                        at = &high->left;
                        high = high->left;
                }
        *at = low ?: high;
        return ret;
}

static void tree_add(Heap *heap, Block *block) {
        Block **at = &heap->free_tree;

        heap->random = heap->random * 1664525 + 1013904223;
        block->priority = heap->random >> 8;
        while (*at && (*at)->priority > block->priority)
                at = smaller(*at, block) ? &(*at)->right : &(*at)->left;
        tree_cut(*at, block, &block->left, &block->right);
        *at = block;
        heap->free_bytes += block->size_bytes;
        ASAN_POISON_MEMORY_REGION(block->data, block->size_bytes);
}

static void tree_remove(Heap *heap, Block *block) {
        Block **at = &heap->free_tree;

        while (*at != block) {
                assert(*at);
                at = smaller(*at, block) ? &(*at)->right : &(*at)->left;
        }
        *at = tree_join(block->left, block->right);
        block->left = block->right = NULL;
        heap->free_bytes -= block->size_bytes;
}

static Block *tree_find(const Heap *heap, size_t size_bytes) {
        Block *best = NULL;

        for (Block *b = heap->free_tree; b;)
                if (b->size_bytes >= size_bytes) {
                        best = b;
                        b = b->left;
                } else
                        b = b->right;
        return best;
}

/* ---- Segments --------------------------------------------------------------------------------------------------- */

static bool thp_forbidden(void) {
        char words[64] = "";
        FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");

        if (!file)
                return true;
        if (!fgets(words, sizeof(words), file))
                words[0] = 0;
        fclose(file);
        return !words[0] || strstr(words, "[never]");
}

int heap_init(Heap *heap, size_t limit_bytes, Error *err) {
        size_t bytes;

        *heap = (Heap) { .next_segment_bytes = SEGMENT_MIN_BYTES, .random = 1, .rung = STORE_THP };
        if (__builtin_add_overflow(limit_bytes, (size_t) 2 * HUGE_BYTES, &bytes))
                return error_oom(err, limit_bytes);
        heap->limit_bytes = round_up(limit_bytes, HUGE_BYTES);
        heap->mapping_bytes = heap->limit_bytes + HUGE_BYTES;
        heap->mapping = mmap(NULL, heap->mapping_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (heap->mapping == MAP_FAILED) {
                *heap = (Heap) {};
                return error_oom(err, limit_bytes);
        }
        heap->base = (char *) (((uintptr_t) heap->mapping + HUGE_BYTES - 1) & ~(uintptr_t) (HUGE_BYTES - 1));
        if (thp_forbidden() || madvise(heap->base, heap->limit_bytes, MADV_HUGEPAGE) < 0)
                heap->rung = STORE_PLAIN;
        return 0;
}

void heap_done(Heap *heap) {
        if (heap->mapping) {
                ASAN_UNPOISON_MEMORY_REGION(heap->base, heap->open_bytes);
                munmap(heap->mapping, heap->mapping_bytes);
        }
        for (struct BlockSlab *slab = heap->slabs, *next; slab; slab = next) {
                next = slab->next;
                free(slab);
        }
        *heap = (Heap) {};
}

/* Opens segments until `top_bytes` are accessible. */
static int segments_open(Heap *heap, size_t top_bytes) {
        size_t bytes = heap->next_segment_bytes;

        if (top_bytes <= heap->open_bytes)
                return 0;
        bytes = MAX(bytes, round_up(top_bytes - heap->open_bytes, HUGE_BYTES));
        bytes = MIN(bytes, heap->limit_bytes - heap->open_bytes);
        if (mprotect(heap->base + heap->open_bytes, bytes, PROT_READ | PROT_WRITE) < 0)
                return -ENOMEM; /* the system's own limits: overcommit, RLIMIT_DATA, number of mappings */
        ASAN_POISON_MEMORY_REGION(heap->base + heap->open_bytes, bytes);
        heap->open_bytes += bytes;
        heap->n_segments++;
        heap->next_segment_bytes = MIN(heap->next_segment_bytes * 2, (size_t) SEGMENT_MAX_BYTES);
        return 0;
}

/* ---- Blocks ----------------------------------------------------------------------------------------------------- */

/* Moves top on, so that the last block is a free one of at least size_bytes. */
static int heap_extend(Heap *heap, size_t size_bytes, Block **ret) {
        Block *last = heap->last && heap->last->holds == 0 ? heap->last : NULL;
        size_t more = size_bytes - (last ? last->size_bytes : 0);
        int r;

        if (more > heap->limit_bytes - heap->top_bytes)
                return STORE_FULL;
        r = segments_open(heap, heap->top_bytes + more);
        if (r < 0)
                return r;
        if (last)
                tree_remove(heap, last);
        else {
                last = description_new(heap);
                last->data = heap->base + heap->top_bytes;
                last->before = heap->last;
                if (heap->last)
                        heap->last->after = last;
                heap->last = last;
        }
        last->size_bytes += more;
        heap->top_bytes += more;
        tree_add(heap, last);
        *ret = last;
        return 0;
}

/* Takes the free block, all of it. */
static void block_take(Heap *heap, Block *block) {
        tree_remove(heap, block);
        block->holds = 1;
}

/* Frees what lies behind the first size_bytes of a block that was just taken: what follows it is not free. */
static void block_trim(Heap *heap, Block *block, size_t size_bytes) {
        Block *rest;

        if (block->size_bytes == size_bytes)
                return;
        rest        = heap_split(heap, block, size_bytes);
        rest->holds = 0;
        tree_add(heap, rest);
}

int heap_take(Heap *heap, size_t size_bytes, Block **ret) {
        Block *block;
        int r;

        assert(size_bytes > 0);
        if (size_bytes > heap->limit_bytes)
                return STORE_FULL;
        r = heap_prepare(heap, 2); /* for moving top on, and for what is left of the block */
        if (r < 0)
                return r;
        size_bytes = round_up(size_bytes, BLOCK_ALIGN);
        block      = tree_find(heap, size_bytes);
        if (!block) {
                r = heap_extend(heap, size_bytes, &block);
                if (r != 0)
                        return r;
        }
        block_take(heap, block);
        block_trim(heap, block, size_bytes);
        ASAN_UNPOISON_MEMORY_REGION(block->data, block->size_bytes);
        *ret = block;
        return 0;
}

/* Bytes up to the next page. */
static size_t page_rest(const char *data) {
        return -(uintptr_t) data & (HEAP_PAGE - 1);
}

int heap_take_pages(Heap *heap, size_t size_bytes, Block **ret) {
        Block *block, *front;
        size_t rest;
        int r;

        assert(size_bytes > 0);
        if (size_bytes > heap->limit_bytes)
                return STORE_FULL;
        r = heap_prepare(heap, 3);
        if (r < 0)
                return r;
        size_bytes = round_up(size_bytes, HEAP_PAGE);
        block      = tree_find(heap, size_bytes);
        if (!block || block->size_bytes - size_bytes < page_rest(block->data))
                block = tree_find(heap, size_bytes + HEAP_PAGE - BLOCK_ALIGN); /* fits wherever it begins */
        if (!block) {
                const Block *last = heap->last;
                const char *begin = last && last->holds == 0 ? last->data : heap->base + heap->top_bytes;

                r = heap_extend(heap, page_rest(begin) + size_bytes, &block);
                if (r != 0)
                        return r;
        }
        block_take(heap, block);
        rest = page_rest(block->data);
        if (rest > 0) {
                front        = block;
                block        = heap_split(heap, front, rest);
                front->holds = 0;
                tree_add(heap, front);
        }
        block_trim(heap, block, size_bytes);
        ASAN_UNPOISON_MEMORY_REGION(block->data, block->size_bytes);
        *ret = block;
        return 0;
}

Block *heap_split(Heap *heap, Block *block, size_t first_bytes) {
        Block *rest;

        assert(first_bytes % BLOCK_ALIGN == 0 && first_bytes > 0 && first_bytes < block->size_bytes);
        rest = description_new(heap);
        rest->data = block->data + first_bytes;
        rest->size_bytes = block->size_bytes - first_bytes;
        rest->holds = 1;
        rest->before = block;
        rest->after = block->after;
        if (rest->after)
                rest->after->before = rest;
        else
                heap->last = rest;
        block->after = rest;
        block->size_bytes = first_bytes;
        return rest;
}

/* `a` takes over `b`, which lies behind it; neither is in the tree. */
static void blocks_join(Heap *heap, Block *a, Block *b) {
        a->size_bytes += b->size_bytes;
        a->after = b->after;
        if (a->after)
                a->after->before = a;
        else
                heap->last = a;
        description_free(heap, b);
}

void heap_give(Heap *heap, Block *block) {
        assert(block->holds == 0);
        if (block->after && block->after->holds == 0) {
                tree_remove(heap, block->after);
                blocks_join(heap, block, block->after);
        }
        if (block->before && block->before->holds == 0) {
                tree_remove(heap, block->before);
                block = block->before;
                blocks_join(heap, block, block->after);
        }
        tree_add(heap, block);
}

static bool tree_consistent(const Block *b, uint64_t *n, size_t *bytes) {
        if (!b)
                return true;
        ++*n;
        *bytes += b->size_bytes;
        return b->holds == 0 && (!b->left || (smaller(b->left, b) && b->left->priority <= b->priority)) &&
               (!b->right || (smaller(b, b->right) && b->right->priority <= b->priority)) &&
               tree_consistent(b->left, n, bytes) && tree_consistent(b->right, n, bytes);
}

bool heap_consistent(const Heap *heap) {
        uint64_t n_free = 0, n_tree = 0;
        size_t bytes = 0, tree_bytes = 0;

        for (const Block *b = heap->last; b; b = b->before) {
                if (b->data + b->size_bytes != (b->after ? b->after->data : heap->base + heap->top_bytes) ||
                    (b->before && b->before->after != b) || (b->before && b->before->holds == 0 && b->holds == 0))
                        return false;
                bytes += b->size_bytes;
                n_free += b->holds == 0;
        }
        return tree_consistent(heap->free_tree, &n_tree, &tree_bytes) && n_tree == n_free && bytes == heap->top_bytes &&
               tree_bytes == heap->free_bytes && heap->top_bytes <= heap->open_bytes &&
               heap->open_bytes <= heap->limit_bytes;
}
