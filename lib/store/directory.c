/* SPDX-License-Identifier: Apache-2.0 */
/* Checks are chains of SplitMix64's mixing function: they tell bytes that we wrote from others that lie in memory, and
 * a flipped bit from a right one; they are no defence against who can write to the file.
 *
 * A killed process leaves memory as its instructions had left it, so all that matters is their order: the compiler
 * must not move a store to a slot's word across those to its fields, or to the memory that the slot vouches for. */
#include <sys/random.h>

#include "store/directory.h"

static uint64_t mix(uint64_t hash, uint64_t value) {
        hash = (hash ^ value) + 0x9e3779b97f4a7c15u;
        hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
        hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
        return hash ^ hash >> 31;
}

uint64_t head_check(const SegmentHead *head) {
        uint64_t hash = mix(head->incarnation, head->magic);

        hash = mix(hash, (uint64_t) head->index << 32 | head->version);
        hash = mix(hash, head->owner);
        hash = mix(hash, head->file_bytes);
        hash = mix(hash, head->page_bytes);
        return mix(hash, head->rung);
}

uint64_t block_check(uint64_t incarnation, Place place) {
        return mix(mix(incarnation, DIRECTORY_MAGIC), place);
}

uint64_t link_make(uint64_t incarnation, Place own, Place to) {
        assert(to % STORE_PAGE == 0);
        return to | (mix(mix(incarnation, own), to) & (STORE_PAGE - 1));
}

bool link_follow(uint64_t incarnation, Place own, uint64_t link, Place *ret) {
        *ret = link & ~(uint64_t) (STORE_PAGE - 1);
        return link == link_make(incarnation, own, *ret);
}

uint64_t slot_word(uint64_t incarnation, Place own, const DirectorySlot *slot) {
        uint64_t hash = mix(mix(incarnation, own), slot->id);

        return mix(mix(hash, slot->place), slot->size_bytes) | 1;
}

static Place place_of(Heap *heap, const void *data) {
        const Segment *s = heap_segment(heap, data);

        return place_make((uint32_t) (s - heap->segment), (uint64_t) ((const char *) data - s->base));
}

int directory_begin(Directory *d, Heap *heap, uint32_t segment, uint64_t owner, Error *err) {
        const Segment *s  = &heap->segment[segment];
        SegmentHead *head = (SegmentHead *) s->base;

        if (segment == 0) {
                *d = (Directory) { .heap = heap, .owner = owner, .tail = &head->first };
                if (getrandom(&d->incarnation, sizeof(d->incarnation), 0) != sizeof(d->incarnation))
                        return error_prefix(err, -errno, "random number");
        }
        *head = (SegmentHead) {
                .magic       = SEGMENT_MAGIC,
                .version     = DIRECTORY_VERSION,
                .index       = segment,
                .owner       = d->owner,
                .incarnation = d->incarnation,
                .file_bytes  = s->file_bytes,
                .page_bytes  = s->kind.page_bytes,
                .rung        = s->kind.rung,
        };
        head->check = head_check(head);
        head->first = link_make(d->incarnation, place_of(heap, &head->first), 0);
        return 0;
}

void directory_done(Directory *d) {
        vec_free(&d->unused);
        *d = (Directory) {};
}

static uint32_t blocks_for(const Directory *d, uint32_t n) {
        return n <= d->unused.n ? 0 : (n - d->unused.n + DIRECTORY_SLOTS - 2) / (DIRECTORY_SLOTS - 1);
}

size_t directory_grows(const Directory *d, uint32_t n) {
        return (size_t) blocks_for(d, n) * DIRECTORY_BYTES;
}

/* A block is linked when all of it is right: a chain never leads to anything else. */
static void block_link(Directory *d, char *data) {
        DirectoryHead *head  = (DirectoryHead *) data;
        DirectorySlot *slots = (DirectorySlot *) data;
        Place place          = place_of(d->heap, data);

        memset(data, 0, DIRECTORY_BYTES);
        head->magic = DIRECTORY_MAGIC;
        head->place = place;
        head->check = block_check(d->incarnation, place);
        head->next  = link_make(d->incarnation, place_of(d->heap, &head->next), 0);
        for (uint32_t k = DIRECTORY_SLOTS - 1; k > 0; k--)
                d->unused.data[d->unused.n++] = &slots[k];
        __atomic_store_n(d->tail, link_make(d->incarnation, place_of(d->heap, d->tail), place), __ATOMIC_RELEASE);
        d->tail = &head->next;
}

int directory_prepare(Directory *d, uint32_t n) {
        for (uint32_t k = blocks_for(d, n); k > 0; k--) {
                Block *block;
                int r = vec_reserve(&d->unused, d->n_slots + DIRECTORY_SLOTS); /* all may be unused at a time */

                if (r == 0)
                        r = heap_take_pages(d->heap, DIRECTORY_BYTES, &block);
                if (r != 0)
                        return r;
                d->heap->fixed_bytes += DIRECTORY_BYTES;
                d->n_slots += DIRECTORY_SLOTS - 1;
                block_link(d, block->data);
        }
        return 0;
}

DirectorySlot *directory_take(Directory *d) {
        assert(d->unused.n > 0);
        return vec_pop(&d->unused);
}

void directory_publish(Directory *d, DirectorySlot *slot, ChunkId id, const char *data, size_t size_bytes) {
        assert(slot->word == 0);
        slot->id         = id;
        slot->place      = size_bytes > 0 ? place_of(d->heap, data) : 0;
        slot->size_bytes = size_bytes;
        __atomic_store_n(&slot->word, slot_word(d->incarnation, place_of(d->heap, slot), slot), __ATOMIC_RELEASE);
}

void directory_clear(Directory *d, DirectorySlot *slot) {
        __atomic_store_n(&slot->word, 0, __ATOMIC_RELEASE);
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* what follows may use the chunk's memory for another */
        d->unused.data[d->unused.n++] = slot;
}

/* The link to nothing, if it is that of this block. */
static bool tail_find(Directory *d, uint64_t *link) {
        Place to;

        if (link_follow(d->incarnation, place_of(d->heap, link), *link, &to) && to == 0)
                d->tail = link;
        return d->tail == link;
}

int directory_restore(Directory *d, Heap *heap, const DirectoryImage *image) {
        uint32_t n_tails;

        *d = (Directory) {
                .heap        = heap,
                .owner       = image->head[0].owner,
                .incarnation = image->head[0].incarnation,
        };
        n_tails = tail_find(d, &((SegmentHead *) heap->segment[0].base)->first);
        for (uint32_t k = 0; k < image->item.n; k++) {
                const struct DirectoryItem *item = &image->item.data[k];
                DirectorySlot *slot;

                if (item->slot || place_offset(item->place) == 0)
                        continue;
                if (vec_reserve(&d->unused, d->n_slots + DIRECTORY_SLOTS) < 0)
                        return -ENOMEM;
                d->n_slots += DIRECTORY_SLOTS - 1;
                slot = (DirectorySlot *) (heap->segment[place_file(item->place)].base + place_offset(item->place));
                n_tails += tail_find(d, &((DirectoryHead *) slot)->next);
                for (uint32_t i = DIRECTORY_SLOTS - 1; i > 0; i--)
                        if (slot[i].word == 0)
                                d->unused.data[d->unused.n++] = &slot[i];
        }
        return n_tails == 1 ? 0 : ERROR_CORRUPT;
}
