/* SPDX-License-Identifier: Apache-2.0 */
/* Free blocks are in a treap ordered by (size, address), all blocks in a list ordered by address: finding is O(log n),
 * joining with neighbours needs no search. No two free blocks are neighbours.
 *
 * The range is reserved at once without access; a segment opens what is its own as `top` moves on. The last segment
 * reaches to the end of the range until its kind of pages is used up: then the next rung's begins where it was open
 * to, with a block that is never free, so that no block ever crosses. With ASan, free memory is poisoned. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/heap.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(data, size) ((void) (data), (void) (size))
#define ASAN_UNPOISON_MEMORY_REGION(data, size) ((void) (data), (void) (size))
#endif

enum {
        SLAB_BLOCKS = 256,
        ADDRESSES   = 2, /* for each byte of memory: half of them may be holes */
        SPLITS      = 6, /* descriptions that taking a block needs at most */
};

struct BlockSlab {
        struct BlockSlab *next;
        Block block[SLAB_BLOCKS];
};

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

/* The free block before this one in the order of the tree; of NULL: the last one. */
static Block *tree_before(const Heap *heap, const Block *at) {
        Block *ret = NULL;

        for (Block *b = heap->free_tree; b;)
                if (!at || smaller(b, at)) {
                        ret = b;
                        b   = b->right;
                } else
                        b = b->left;
        return ret;
}

static Block *tree_after(const Heap *heap, const Block *at) {
        Block *ret = NULL;

        for (Block *b = heap->free_tree; b;)
                if (smaller(at, b)) {
                        ret = b;
                        b   = b->left;
                } else
                        b = b->right;
        return ret;
}

/* ---- Pages ------------------------------------------------------------------------------------------------------ */

size_t heap_resident(const Heap *heap) {
        size_t bytes = 0;

        for (uint32_t k = 0; k < heap->n_segments; k++)
                bytes += heap->segment[k].claimed_bytes;
        return bytes;
}

Segment *heap_segment(Heap *heap, const char *data) {
        Segment *s = &heap->segment[heap->n_segments - 1];

        while (data < s->base)
                s--;
        return s;
}

/* The largest free blocks give up so many bytes of pages: how many they had. */
static size_t pages_give_back(Heap *heap, size_t bytes) {
        size_t given = 0;

        for (Block *b = tree_before(heap, NULL); b && given < bytes; b = tree_before(heap, b)) {
                if (b->size_bytes < STORE_PAGE)
                        break;
                given += segment_give_back(heap_segment(heap, b->data), b->data, b->size_bytes, bytes - given);
        }
        heap->n_given_back += given > 0;
        heap->given_back_bytes += given;
        return given;
}

/* Makes room for more pages below the limit. */
static bool room_make(Heap *heap, size_t more_bytes) {
        size_t resident = heap_resident(heap), over;

        if (more_bytes > heap->resident_limit)
                return false;
        if (resident <= heap->resident_limit - more_bytes)
                return true;
        over = resident - (heap->resident_limit - more_bytes);
        return pages_give_back(heap, over) >= over;
}

void heap_limit(Heap *heap, size_t cache_bytes) {
        heap->resident_limit = round_up(cache_bytes, STORE_PAGE);
        assert(heap->resident_limit <= heap->limit_bytes);
        (void) room_make(heap, 0);
}

/* 0, STORE_FULL (the limit), SEGMENT_NO_PAGES. */
static int pages_claim(Heap *heap, const char *data, size_t size_bytes) {
        Segment *s     = heap_segment(heap, data);
        size_t missing = segment_missing(s, data, size_bytes);

        if (missing == 0)
                return 0;
        return room_make(heap, missing) ? segment_claim(s, data, size_bytes) : STORE_FULL;
}

/* ---- Segments --------------------------------------------------------------------------------------------------- */

static int open_until(const Heap *heap, Segment *s, size_t open_bytes) {
        size_t before = s->open_bytes;
        int r         = segment_open(s, open_bytes);

        if (s->open_bytes > before)
                numa_place(heap->numa, s->base + before, s->open_bytes - before);
        ASAN_POISON_MEMORY_REGION(s->base + before, s->open_bytes - before);
        return r;
}

/* A block behind the last one; the caller sees to its pages and whether it is free. */
static Block *block_append(Heap *heap, size_t size_bytes) {
        Block *block = description_new(heap);

        block->data       = heap->base + heap->top_bytes;
        block->size_bytes = size_bytes;
        block->before     = heap->last;
        if (heap->last)
                heap->last->after = block;
        heap->last = block;
        heap->top_bytes += size_bytes;
        return block;
}

/* Moves top on, so that the last block is a free one of at least size_bytes. */
static int heap_extend(Heap *heap, size_t size_bytes, Block **ret) {
        Segment *s  = &heap->segment[heap->n_segments - 1];
        Block *last = heap->last && heap->last->holds == 0 ? heap->last : NULL;
        size_t more = size_bytes - (last ? last->size_bytes : 0);
        size_t top  = (size_t) (heap->base + heap->top_bytes - s->base);
        int r;

        if (more > s->limit_bytes - top) /* a finished segment leaves the others to the next one */
                return heap->next_rung < heap->ladder.n ? SEGMENT_NO_PAGES : STORE_FULL;
        r = open_until(heap, s, top + more);
        if (r != 0)
                return r;
        if (last) {
                tree_remove(heap, last);
                last->size_bytes += more;
                heap->top_bytes += more;
        } else
                last = block_append(heap, more);
        tree_add(heap, last);
        *ret = last;
        return 0;
}

/* The block that a segment begins with, and that is never free. */
static int segment_head(Heap *heap, size_t head_bytes) {
        Segment *s = &heap->segment[heap->n_segments - 1];
        int r      = open_until(heap, s, head_bytes);

        if (r == 0)
                r = pages_claim(heap, s->base, head_bytes);
        if (r != 0)
                return r;
        ASAN_UNPOISON_MEMORY_REGION(s->base, head_bytes);
        block_append(heap, head_bytes)->holds = 1;
        heap->fixed_bytes += head_bytes;
        return 0;
}

/* Takes a segment back that could not begin. 0, or an errno: then its addresses cannot be another's. */
static int segment_undo(Heap *heap) {
        Segment *s  = &heap->segment[--heap->n_segments];
        Block *head = heap->last;
        int r;

        if (head && head->data == s->base) {
                heap->last = head->before;
                if (heap->last)
                        heap->last->after = NULL;
                heap->top_bytes -= head->size_bytes;
                heap->fixed_bytes -= head->size_bytes;
                description_free(heap, head);
        }
        r = segment_shut(s, 0);
        segment_done(s);
        return r;
}

static int segment_begin_kind(Heap *heap, const SegmentKind *kind, char *base, size_t head_bytes, Error *err) {
        size_t limit = (size_t) (heap->base + heap->limit_bytes - base);
        int r        = segment_init(&heap->segment[heap->n_segments], kind, base, limit, err);

        if (r < 0)
                return r;
        heap->n_segments++;
        if (head_bytes > 0)
                r = segment_head(heap, head_bytes);
        if (r == 0 && heap->begun)
                r = heap->begun(heap->userdata, heap->n_segments - 1, err);
        if (r != 0) {
                const int undone = segment_undo(heap);

                r = undone < 0 ? undone : r;
        }
        return r;
}

/* What the segment has opened and not handed out is free, and it ends there: blocks never cross into the next one.
 * Anonymous reserved pages, which there are no more, are not opened for nothing. 0 or an errno. */
static int segment_finish(Heap *heap, Segment *s) {
        Block *last = heap->last && heap->last->holds == 0 ? heap->last : NULL;
        size_t top  = (size_t) (heap->base + heap->top_bytes - s->base), rest;
        int r       = 0;

        if (s->fd < 0 && s->kind.rung == STORE_HUGETLB)
                r = segment_shut(s, round_up(top, s->kind.page_bytes));
        if (r < 0)
                return r;
        rest = s->open_bytes - top;
        r    = rest > 0 ? heap_extend(heap, rest + (last ? last->size_bytes : 0), &last) : 0;
        assert(r == 0); /* it is open */
        s->limit_bytes = s->open_bytes;
        return 0;
}

/* Begins a segment on the next rung that has pages, where the last one was open to: 0, SEGMENT_NO_PAGES, STORE_FULL or
 * an errno. */
static int segment_next(Heap *heap, Error *err) {
        Segment *before = heap->n_segments > 0 ? &heap->segment[heap->n_segments - 1] : NULL;
        char *base      = heap->base;
        size_t head     = heap->head_bytes ?: before ? (size_t) BLOCK_ALIGN : 0;
        int r           = SEGMENT_NO_PAGES;

        if (heap->next_rung == heap->ladder.n)
                return SEGMENT_NO_PAGES;
        if (before) {
                r = segment_finish(heap, before);
                if (r < 0)
                        return r;
                base = before->base + before->open_bytes;
                r    = SEGMENT_NO_PAGES;
        }
        while (r == SEGMENT_NO_PAGES && heap->next_rung < heap->ladder.n) {
                r = segment_begin_kind(heap, &heap->ladder.rung[heap->next_rung], base, head, err);
                if (r == 0 || r == SEGMENT_NO_PAGES)
                        heap->next_rung++;
        }
        return r;
}

static size_t largest_page(const Ladder *ladder) {
        size_t bytes = STORE_PAGE;

        for (uint32_t k = 0; k < ladder->n; k++)
                bytes = MAX(bytes, ladder->rung[k].page_bytes);
        return bytes;
}

/* Addresses that a file which was left needs: the last one may grow. */
static size_t file_addresses(const HeapConfig *config, uint32_t k) {
        return k + 1 == config->n_files ? config->file[k].file_bytes
                                        : round_up(config->file[k].used_bytes, config->ladder.rung[k].page_bytes);
}

static int segments_of_files(Heap *heap, const HeapConfig *config, Error *err) {
        char *base = heap->base;

        for (uint32_t k = 0; k < config->n_files; k++) {
                const SegmentKind *kind = &config->ladder.rung[k];
                int fd                  = fcntl(config->file[k].fd, F_DUPFD_CLOEXEC, 0), r;

                if (fd < 0)
                        return error_prefix(err, -errno, "memory file");
                r = segment_init_file(&heap->segment[k], kind, base, config->file[k].file_bytes, fd,
                                      round_up(config->file[k].used_bytes, kind->page_bytes), err);
                if (r < 0) {
                        close(fd);
                        return r;
                }
                ASAN_POISON_MEMORY_REGION(base, heap->segment[k].open_bytes);
                heap->n_segments++;
                heap->next_rung++;
                heap->segment[k].limit_bytes = file_addresses(config, k);
                base += heap->segment[k].limit_bytes;
        }
        return 0;
}

int heap_init(Heap *heap, const HeapConfig *config, Error *err) {
        size_t page = largest_page(&config->ladder);
        int r;

        *heap = (Heap) {
                .ladder     = config->ladder,
                .head_bytes = config->head_bytes,
                .numa       = config->numa,
                .begun      = config->begun,
                .userdata   = config->userdata,
                .random     = 1,
        };
        if (config->cache_bytes > PTRDIFF_MAX / (2 * ADDRESSES) - page)
                return error_oom(err, config->cache_bytes);
        heap->resident_limit = round_up(config->cache_bytes, STORE_PAGE);
        heap->limit_bytes    = round_up(config->cache_bytes * ADDRESSES + page, page);
        if (config->n_files > 0)
                heap->limit_bytes = 0;
        for (uint32_t k = 0; k < config->n_files; k++)
                heap->limit_bytes += file_addresses(config, k);
        heap->mapping_bytes  = heap->limit_bytes + page;
        heap->mapping = mmap(NULL, heap->mapping_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (heap->mapping == MAP_FAILED) {
                *heap = (Heap) {};
                return error_oom(err, config->cache_bytes);
        }
        heap->base = (char *) round_up((uintptr_t) heap->mapping, page);
        r          = heap_prepare(heap, SPLITS);
        if (r == 0)
                r = config->n_files > 0 ? segments_of_files(heap, config, err) : segment_next(heap, err);
        if (r == 0)
                return 0;
        heap_done(heap);
        if (r < 0)
                return error_prefix(err, r, "memory");
        return error_set(err, ERROR_MEMORY, r == STORE_FULL ? "a cache of %zu bytes is too small for pages of %zu"
                                                            : "%zu bytes: there are no pages of %zu",
                         config->cache_bytes, page);
}

void heap_done(Heap *heap) {
        for (uint32_t k = 0; k < heap->n_segments; k++) {
                ASAN_UNPOISON_MEMORY_REGION(heap->segment[k].base, heap->segment[k].open_bytes);
                segment_done(&heap->segment[k]);
        }
        if (heap->mapping)
                munmap(heap->mapping, heap->mapping_bytes);
        for (struct BlockSlab *slab = heap->slabs, *next; slab; slab = next) {
                next = slab->next;
                free(slab);
        }
        *heap = (Heap) {};
}

/* ---- Blocks ----------------------------------------------------------------------------------------------------- */

/* Bytes up to the next multiple of `align`. */
static size_t align_rest(const char *data, size_t align) {
        return -(uintptr_t) data & (align - 1);
}

/* Takes size_bytes of the free block, from the first multiple of `align` in it, which it has; what is left in front and
 * behind is free. 0, or STORE_FULL or SEGMENT_NO_PAGES, and then it is as it was. */
static int block_take(Heap *heap, Block *block, size_t size_bytes, size_t align, Block **ret) {
        size_t front = align_rest(block->data, align);
        int r;

        tree_remove(heap, block);
        block->holds = 1;
        if (front > 0) {
                Block *rest = heap_split(heap, block, front);

                block->holds = 0;
                tree_add(heap, block);
                block = rest;
        }
        if (block->size_bytes > size_bytes) {
                Block *rest = heap_split(heap, block, size_bytes);

                rest->holds = 0;
                tree_add(heap, rest); /* what lies behind it is not free: `block` was a whole free one */
        }
        r = pages_claim(heap, block->data, block->size_bytes);
        if (r != 0) {
                block->holds = 0;
                heap_give(heap, block);
                return r;
        }
        ASAN_UNPOISON_MEMORY_REGION(block->data, block->size_bytes);
        *ret = block;
        return 0;
}

static bool block_fits(const Block *block, size_t size_bytes, size_t align) {
        return block->size_bytes >= size_bytes && block->size_bytes - size_bytes >= align_rest(block->data, align);
}

/* The smallest free block that fits; where its pages cannot be had, one that has its own. */
static int take_below_top(Heap *heap, size_t size_bytes, size_t align, Block **ret) {
        Block *block = tree_find(heap, size_bytes);
        size_t room;
        int r;

        while (block && !block_fits(block, size_bytes, align))
                block = tree_after(heap, block);
        if (!block)
                return STORE_FULL;
        r = block_take(heap, block, size_bytes, align, ret);
        if (r == 0)
                return 0;
        room = r == STORE_FULL ? heap->resident_limit - MIN(heap_resident(heap), heap->resident_limit) : 0;
        for (block = tree_find(heap, size_bytes); block; block = tree_after(heap, block)) {
                const char *data = block->data + align_rest(block->data, align);

                if (block_fits(block, size_bytes, align) &&
                    segment_missing(heap_segment(heap, data), data, size_bytes) <= room &&
                    block_take(heap, block, size_bytes, align, ret) == 0)
                        return 0;
        }
        return r;
}

/* 0, STORE_FULL, -ENOMEM, or SEGMENT_NO_PAGES: there is room, and no pages of any kind for it. */
static int take_once(Heap *heap, size_t size_bytes, size_t align, Block **ret) {
        int r = heap_prepare(heap, SPLITS), below;
        Block *block;

        if (r < 0)
                return r;
        below = take_below_top(heap, size_bytes, align, ret);
        if (below == 0)
                return 0;
        for (;;) {
                const bool last_free = heap->last && heap->last->holds == 0;
                const char *begin    = last_free ? heap->last->data : heap->base + heap->top_bytes;

                r = heap_extend(heap, align_rest(begin, align) + size_bytes, &block);
                if (r == 0)
                        r = block_take(heap, block, size_bytes, align, ret);
                if (r != SEGMENT_NO_PAGES)
                        return r == STORE_FULL ? below : r;
                r = segment_next(heap, NULL);
                if (r == 0)
                        r = heap_prepare(heap, SPLITS);
                if (r != 0)
                        return r;
        }
}

static int take(Heap *heap, size_t size_bytes, size_t align, Block **ret) {
        int r;

        assert(size_bytes > 0);
        if (size_bytes > heap->resident_limit)
                return STORE_FULL;
        size_bytes = round_up(size_bytes, align);
        r          = take_once(heap, size_bytes, align, ret);
        if (r != SEGMENT_NO_PAGES)
                return r;
        /* The pool has no more, not even to open new addresses: it gets back what free blocks have of it. */
        r = pages_give_back(heap, size_bytes) > 0 ? take_once(heap, size_bytes, align, ret) : SEGMENT_NO_PAGES;
        return r == SEGMENT_NO_PAGES ? STORE_FULL : r;
}

int heap_put(Heap *heap, char *data, size_t size_bytes, Block **ret) {
        size_t gap = (size_t) (data - heap->base) - heap->top_bytes;
        int r      = heap_prepare(heap, 2);

        if (r < 0)
                return r;
        assert(data >= heap->base + heap->top_bytes && size_bytes % BLOCK_ALIGN == 0);
        if (gap > 0)
                tree_add(heap, block_append(heap, gap));
        *ret          = block_append(heap, size_bytes);
        (*ret)->holds = 1;
        ASAN_UNPOISON_MEMORY_REGION(data, size_bytes);
        return pages_claim(heap, data, size_bytes);
}

int heap_settle(Heap *heap) {
        int r = 0;

        for (uint32_t k = 0; k < heap->n_segments && r == 0; k++)
                r = segment_settle(&heap->segment[k]);
        return r;
}

int heap_take(Heap *heap, size_t size_bytes, Block **ret) {
        return take(heap, size_bytes, BLOCK_ALIGN, ret);
}

int heap_take_pages(Heap *heap, size_t size_bytes, Block **ret) {
        return take(heap, size_bytes, STORE_PAGE, ret);
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
        if (heap_resident(heap) > heap->resident_limit)
                (void) room_make(heap, 0);
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
                const Segment *s = &heap->segment[heap->n_segments - 1];

                while (b->data < s->base)
                        s--;
                if (b->data + b->size_bytes != (b->after ? b->after->data : heap->base + heap->top_bytes) ||
                    (b->before && b->before->after != b) || (b->before && b->before->holds == 0 && b->holds == 0))
                        return false;
                if (b->data + b->size_bytes > s->base + s->open_bytes ||
                    (b->holds > 0 && segment_missing(s, b->data, b->size_bytes) > 0))
                        return false;
                bytes += b->size_bytes;
                n_free += b->holds == 0;
        }
        return tree_consistent(heap->free_tree, &n_tree, &tree_bytes) && n_tree == n_free && bytes == heap->top_bytes &&
               tree_bytes == heap->free_bytes && heap->top_bytes <= heap->limit_bytes &&
               heap_resident(heap) <= heap->resident_limit;
}
