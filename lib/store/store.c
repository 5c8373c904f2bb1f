/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks by id. A chunk of the arena lies in one block, or in a group in at most two: groups are cut at the cache
 * line in which a chunk begins, so the last bytes of a chunk may be in the block of its successor, which both then
 * hold. A block goes back when nobody holds it, so every chunk of a group can be dropped by itself.
 *
 *         blocks     |  held by 0      |  held by 0, 1  |  held by 1, 2      |
 *         chunks     |      0            |      1          |      2          |
 *
 * The ledger counts whole blocks: used_bytes is what is not free, and it alone decides what is full. Memory that was
 * adopted is not ours and counts nowhere but in n_chunks and pinned_bytes. */
#include <string.h>

#include "base/system.h"
#include "store/inside.h"

char store_empty[BLOCK_ALIGN] __attribute__((aligned(BLOCK_ALIGN)));

int store_segment_begun(void *userdata, uint32_t segment, Error *err) {
        Store *s = userdata;
        int r    = directory_begin(&s->directory, &s->heap, segment, s->config.owner, err);

        if (r == 0 && s->config.keep)
                r = s->config.keep(s->config.userdata, s->heap.segment[segment].fd);
        return r;
}

Store *store_begin(const StoreConfig *config, Error *err) {
        Store *s = calloc(1, sizeof(*s));

        if (!s || numa_new(&s->numa, "") < 0) {
                error_oom(err, sizeof(*s));
                free(s);
                return NULL;
        }
        s->config = config ? *config : (StoreConfig) {};
        if (s->config.cache_bytes == 0) {
                SystemMemory memory;

                system_memory(&memory, "");
                s->config.cache_bytes = memory.available_bytes / 2;
        }
        return s;
}

int store_new(Store **ret, const StoreConfig *config, Error *err) {
        _cleanup_(store_freep) Store *s = store_begin(config, err);
        HeapConfig heap                 = {};
        HugePages pages;
        int r;

        if (!s)
                return ERROR_MEMORY;
        hugepages_read(&pages, "");
        r = ladder_make(&heap.ladder, &pages, &s->config, err);
        if (r == 0) {
                heap.cache_bytes = s->config.cache_bytes;
                heap.head_bytes  = s->config.shared ? SEGMENT_HEAD_BYTES : 0;
                heap.begun       = s->config.shared ? store_segment_begun : NULL;
                heap.userdata    = s;
                heap.numa        = s->numa;
                r                = heap_init(&s->heap, &heap, err);
        }
        if (r < 0)
                return error_prefix(err, r, "store");
        *ret = TAKE_PTR(s);
        return 0;
}

static size_t used_bytes(const Store *s) {
        return s->heap.top_bytes - s->heap.free_bytes - s->heap.fixed_bytes;
}

static Chunk *chunk_find(const Store *s, ChunkId id) {
        return (Chunk *) (uintptr_t) idmap_get(&s->chunks, id);
}

Chunk *chunk_new(Store *s) {
        Chunk *c;

        if (!s->unused) {
                ChunkSlab *slab = malloc(sizeof(*slab));

                if (!slab)
                        return NULL;
                slab->next = s->slabs;
                s->slabs = slab;
                for (int k = 0; k < SLAB_CHUNKS; k++)
                        chunk_unused(s, &slab->chunk[k]);
        }
        c = s->unused;
        s->unused = c->next_unused;
        *c = (Chunk) {};
        return c;
}

void chunk_unused(Store *s, Chunk *c) {
        c->state       = CHUNK_NONE;
        c->next_unused = s->unused;
        s->unused      = c;
}

static void block_unhold(Store *s, Block *block) {
        assert(block->holds > 0);
        if (--block->holds == 0)
                heap_give(&s->heap, block);
}

/* Ends a chunk that nobody pins: its memory is free, its id unknown. */
static void chunk_end(Store *s, Chunk *c) {
        assert(c->n_pins == 0 && !c->slot);
        if (c->first) {
                if (c->last != c->first)
                        block_unhold(s, c->last);
                block_unhold(s, c->first);
        }
        if (c->release)
                c->release(c->userdata);
        idmap_remove(&s->chunks, c->id);
        chunk_unused(s, c);
}

static void chunk_pin(Store *s, Chunk *c) {
        s->n_pins++;
        if (c->n_pins++ == 0)
                s->pinned_bytes += c->size_bytes;
}

static void chunk_unpin(Store *s, Chunk *c) {
        assert(c->n_pins > 0);
        s->n_pins--;
        if (--c->n_pins == 0)
                s->pinned_bytes -= c->size_bytes;
}

/* The directory of a shared store forgets the chunk, before anything else may lie where it lies. */
static void chunk_forget(Store *s, Chunk *c) {
        if (c->slot)
                directory_clear(&s->directory, c->slot);
        c->slot = NULL;
}

/* Leaves what lies in memory as it is. */
static void store_end(Store *s) {
        for (ChunkSlab *slab = s->slabs, *next; slab; slab = next) {
                next = slab->next;
                free(slab);
        }
        idmap_done(&s->chunks);
        map_done(&s->scratch);
        vec_free(&s->group);
        directory_done(&s->directory);
        heap_done(&s->heap);
        numa_free(s->numa);
        free(s);
}

Store *store_free(Store *s) {
        if (!s)
                return NULL;
        for (Chunk *c; (c = (Chunk *) (uintptr_t) idmap_any(&s->chunks));) {
                if (c->state == CHUNK_RESERVED)
                        chunk_unpin(s, c);
                chunk_forget(s, c);
                chunk_end(s, c);
        }
        assert(s->n_pins == 0 && s->pinned_bytes == 0);
        assert(s->scratch.n == 0 && used_bytes(s) == 0);
        store_end(s);
        return NULL;
}

Store *store_leave(Store *s) {
        assert(s->config.shared);
        store_end(s);
        return NULL;
}

void group_place(Store *s, Block *block) {
        Chunk *before = NULL; /* the last one that is not empty */

        block->holds = 0;
        for (uint32_t k = 0; k < s->group.n; k++) {
                Chunk *c = s->group.data[k];
                size_t cut;

                if (c->size_bytes == 0)
                        continue;
                cut = (size_t) (c->data - block->data) & ~(size_t) (BLOCK_ALIGN - 1);
                if (cut > 0) {
                        block = heap_split(&s->heap, block, cut);
                        block->holds = 0;
                        /* The line in which c begins may have the end of its predecessor, too. */
                        if (c->data > block->data) {
                                assert(before);
                                before->last = block;
                                block->holds++;
                        }
                }
                c->first = c->last = block;
                block->holds++;
                before = c;
        }
}

static bool has_room(const Store *s, size_t size_bytes) {
        size_t held = used_bytes(s) + s->heap.fixed_bytes;

        return size_bytes <= s->config.cache_bytes && held <= s->config.cache_bytes - size_bytes;
}

/* Makes s->group, of n new chunks that have an id and nothing else; or nothing: 0 or -ENOMEM. */
static int group_begin(Store *s, uint32_t n, const ChunkId *ids) {
        int r = 0;

        s->group.n = 0;
        for (uint32_t k = 0; k < n && r == 0; k++) {
                Chunk *c = chunk_new(s);

                assert(!chunk_find(s, ids[k]));
                r = c ? vec_push(&s->group, c) : -ENOMEM;
                if (c && r < 0)
                        chunk_unused(s, c);
                if (r == 0) {
                        c->id = ids[k];
                        r     = idmap_set(&s->chunks, ids[k], (uintptr_t) c);
                }
        }
        return r;
}

static void group_cancel(Store *s) {
        for (uint32_t k = 0; k < s->group.n; k++) {
                idmap_remove(&s->chunks, s->group.data[k]->id);
                chunk_unused(s, s->group.data[k]);
        }
}

static void group_reserved(Store *s) {
        for (uint32_t k = 0; k < s->group.n; k++) {
                Chunk *c = s->group.data[k];

                c->state = CHUNK_RESERVED;
                c->slot  = s->config.shared ? directory_take(&s->directory) : NULL;
                chunk_pin(s, c);
        }
}

/* Has the ledger room for n more chunks of so many bytes together, and the directory? 0, STORE_FULL, -ENOMEM. */
static int room_check(Store *s, uint32_t n, size_t size_bytes) {
        size_t grows = s->config.shared ? directory_grows(&s->directory, n) : 0;

        if (__builtin_add_overflow(size_bytes, grows, &grows) || !has_room(s, grows))
                return STORE_FULL;
        return s->config.shared ? directory_prepare(&s->directory, n) : 0;
}

int store_reserve(Store *s, uint32_t n, const ChunkId *ids, const size_t *size_bytes) {
        Block *block = NULL;
        size_t total = 0;
        char *at;
        int r;

        for (uint32_t k = 0; k < n; k++)
                if (__builtin_add_overflow(total, size_bytes[k], &total))
                        return STORE_FULL;
        r = room_check(s, n, total);
        if (r != 0)
                return r;
        r = group_begin(s, n, ids);
        if (r == 0 && total > 0)
                r = heap_take(&s->heap, total, &block);
        if (r == 0) {
                r = heap_prepare(&s->heap, n);
                if (r < 0 && block)
                        block_unhold(s, block);
        }
        if (r != 0) {
                group_cancel(s);
                return r;
        }
        at = block ? block->data : store_empty; /* chunks of no bytes are somewhere, too: kernels get no NULL */
        for (uint32_t k = 0; k < n; k++) {
                s->group.data[k]->data       = at;
                s->group.data[k]->size_bytes = size_bytes[k];
                at += size_bytes[k];
        }
        if (block)
                group_place(s, block);
        group_reserved(s);
        return 0;
}

size_t store_paged_bytes(size_t size_bytes, uint32_t offset) {
        size_t bytes;

        if (size_bytes == 0)
                return 0;
        if (__builtin_add_overflow(size_bytes, offset + STORE_PAGE - 1, &bytes))
                return SIZE_MAX;
        return bytes & ~(size_t) (STORE_PAGE - 1);
}

int store_reserve_at(Store *s, ChunkId id, size_t size_bytes, uint32_t offset) {
        size_t bytes = store_paged_bytes(size_bytes, offset);
        Block *block = NULL;
        int r;

        assert(offset < STORE_PAGE);
        r = room_check(s, 1, bytes);
        if (r != 0)
                return r;
        r = group_begin(s, 1, &id);
        if (r == 0 && bytes > 0)
                r = heap_take_pages(&s->heap, bytes, &block);
        if (r != 0) {
                group_cancel(s);
                return r;
        }
        s->group.data[0]->data       = block ? block->data + offset : store_empty;
        s->group.data[0]->size_bytes = size_bytes;
        s->group.data[0]->first = s->group.data[0]->last = block;
        group_reserved(s);
        return 0;
}

char *store_writable(Store *s, ChunkId id) {
        Chunk *c = chunk_find(s, id);

        assert(c && c->state == CHUNK_RESERVED);
        return c->data;
}

/* Gives back what the shrunken chunk does not need. Other chunks that begin in its first line reach further than it
 * did, or it reaches to the end of its first block: only then is the rest of the block its own. */
static void chunk_shrink(Store *s, Chunk *c, size_t size_bytes) {
        char *end = c->first->data + c->first->size_bytes;
        bool own = c->data + c->size_bytes + BLOCK_ALIGN > end;
        size_t keep;

        if (c->last != c->first) {
                if (c->data + size_bytes > end)
                        return;
                block_unhold(s, c->last);
                c->last = c->first;
        }
        if (size_bytes == 0) {
                block_unhold(s, c->first);
                c->first = c->last = NULL;
                return;
        }
        keep = (size_t) (c->data + size_bytes - c->first->data);
        keep = (keep + BLOCK_ALIGN - 1) & ~(size_t) (BLOCK_ALIGN - 1);
        if (own && keep < c->first->size_bytes && heap_prepare(&s->heap, 1) == 0) /* without description it keeps all */
                block_unhold(s, heap_split(&s->heap, c->first, keep));
}

void store_seal(Store *s, ChunkId id, size_t size_bytes) {
        Chunk *c = chunk_find(s, id);

        assert(c && c->state == CHUNK_RESERVED && size_bytes <= c->size_bytes);
        chunk_unpin(s, c);
        c->state = CHUNK_SEALED;
        if (size_bytes < c->size_bytes)
                chunk_shrink(s, c, size_bytes);
        c->size_bytes = size_bytes;
        if (c->slot)
                directory_publish(&s->directory, c->slot, c->id, c->data, c->size_bytes);
}

int store_pin(Store *s, ChunkId id, const char **ret_data, size_t *ret_size) {
        Chunk *c = chunk_find(s, id);

        if (!c || c->state != CHUNK_SEALED)
                return STORE_ABSENT;
        chunk_pin(s, c);
        *ret_data = c->data;
        *ret_size = c->size_bytes;
        return 0;
}

void store_unpin(Store *s, ChunkId id) {
        Chunk *c = chunk_find(s, id);

        assert(c && c->state != CHUNK_RESERVED);
        chunk_unpin(s, c);
        if (c->state == CHUNK_DROPPED && c->n_pins == 0)
                chunk_end(s, c);
}

void store_drop(Store *s, ChunkId id) {
        Chunk *c = chunk_find(s, id);

        assert(c && c->state != CHUNK_DROPPED);
        if (c->state == CHUNK_RESERVED)
                chunk_unpin(s, c);
        c->state = CHUNK_DROPPED;
        chunk_forget(s, c);
        if (c->n_pins == 0)
                chunk_end(s, c);
}

void store_each(const Store *s, void (*fn)(void *userdata, ChunkId id, size_t size_bytes), void *userdata) {
        for (const ChunkSlab *slab = s->slabs; slab; slab = slab->next)
                for (int k = 0; k < SLAB_CHUNKS; k++)
                        if (slab->chunk[k].state == CHUNK_SEALED)
                                fn(userdata, slab->chunk[k].id, slab->chunk[k].size_bytes);
}

int store_file(Store *s, ChunkId id, int *ret_fd, uint64_t *ret_offset, size_t *ret_size) {
        Chunk *c = chunk_find(s, id);
        Segment *segment;
        int fd;

        if (!c || !c->slot || c->state != CHUNK_SEALED)
                return STORE_ABSENT;
        segment = c->size_bytes > 0 ? heap_segment(&s->heap, c->data) : &s->heap.segment[0];
        fd      = segment_reader(segment);
        if (fd < 0)
                return fd;
        *ret_fd     = fd;
        *ret_offset = c->size_bytes > 0 ? (uint64_t) (c->data - segment->base) : 0;
        *ret_size   = c->size_bytes;
        return 0;
}

int store_adopt(Store *s, ChunkId id, const char *data, size_t size_bytes, void (*release)(void *userdata),
                void *userdata) {
        Chunk *c;
        int r;

        assert(!chunk_find(s, id));
        c = chunk_new(s);
        if (!c)
                return -ENOMEM;
        *c = (Chunk) {
                .id         = id,
                .state      = CHUNK_SEALED,
                .data       = (char *) (uintptr_t) data,
                .size_bytes = size_bytes,
                .release    = release,
                .userdata   = userdata,
        };
        r = idmap_set(&s->chunks, id, (uintptr_t) c);
        if (r < 0)
                chunk_unused(s, c);
        return r;
}

int store_scratch(Store *s, size_t size_bytes, char **ret) {
        Block *block;
        int r;

        *ret = NULL;
        if (size_bytes == 0)
                return 0;
        if (!has_room(s, size_bytes))
                return STORE_FULL;
        r = map_reserve(&s->scratch, s->scratch.n + 1);
        if (r < 0)
                return r;
        r = heap_take(&s->heap, size_bytes, &block);
        if (r != 0)
                return r;
        *ret = block->data;
        return map_set(&s->scratch, (uintptr_t) block->data, (uintptr_t) block);
}

void store_scratch_free(Store *s, char *data, size_t size_bytes) {
        Block *block;

        if (size_bytes == 0)
                return;
        block = (Block *) (uintptr_t) map_remove(&s->scratch, (uintptr_t) data);
        assert(block && block->size_bytes >= size_bytes);
        block_unhold(s, block);
}

static StoreRung rung_of(const Store *s) {
        return s->heap.segment[s->heap.n_segments - 1].kind.rung;
}

void store_limit(Store *s, size_t cache_bytes) {
        s->config.cache_bytes = cache_bytes;
        heap_limit(&s->heap, cache_bytes);
}

void store_trim(Store *s) {
        const size_t limit = s->config.cache_bytes;

        heap_limit(&s->heap, MIN(limit, used_bytes(s) + s->heap.fixed_bytes));
        heap_limit(&s->heap, limit);
}

void store_stats(const Store *s, StoreStats *ret) {
        *ret = (StoreStats) {
                .cache_bytes      = s->config.cache_bytes,
                .used_bytes       = used_bytes(s),
                .fixed_bytes      = s->heap.fixed_bytes,
                .pinned_bytes     = s->pinned_bytes,
                .arena_bytes      = heap_resident(&s->heap),
                .given_back_bytes = s->heap.given_back_bytes,
                .n_given_back     = s->heap.n_given_back,
                .n_chunks         = s->chunks.n,
                .n_pins           = s->n_pins,
                .n_segments       = s->heap.n_segments,
                .rung             = rung_of(s),
        };
        for (uint32_t k = 0; k < s->heap.n_segments; k++)
                ret->rung_bytes[s->heap.segment[k].kind.rung] += s->heap.segment[k].claimed_bytes;
}

const char *store_pages_text(const Store *s, char text[static STORE_TEXT_MAX]) {
        StoreStats stats;
        HugePages pages;

        store_stats(s, &stats);
        hugepages_read(&pages, "");
        ladder_print(&pages, &s->config, stats.rung, stats.rung_bytes, text);
        return text;
}
