/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a directory that may be anybody's. What a process that was killed leaves is right wherever it is not empty,
 * so one thing that is wrong means that these are not our bytes, or not any more, and then all of it is refused.
 *
 * The files are read, never mapped, so a hole is zeros and costs nothing. All work is bounded by what is really
 * written: every block of the chain vouches for its own place, and may be met once. */
#include <string.h>

#include "base/map.h"
#include "store/directory.h"

#define MAX_PAGE ((uint64_t) 1 << 34) /* the largest of any kernel: 16 GiB */
#define MAX_FILE ((uint64_t) 1 << 46) /* half of the addresses of a process */

typedef struct Reader {
        const DirectorySource *source;
        DirectoryImage *image;
        DirectorySlot *slot; /* room for a block */
        Map ids;             /* of chunks: where each was met, so that no id is met twice */
        Map blocks;
} Reader;

static int read_at(const Reader *x, uint32_t file, uint64_t offset, void *data, size_t size_bytes, Error *err) {
        int r = x->source->read(x->source->userdata, x->image->source[file], offset, data, size_bytes);

        return r < 0 ? error_prefix(err, r, "memory file %u", file) : 0;
}

/* Is [offset, offset + size_bytes) in the file, behind its head? */
static bool lies_in_file(const SegmentHead *head, uint64_t offset, uint64_t size_bytes) {
        return offset >= SEGMENT_HEAD_BYTES && size_bytes <= head->file_bytes &&
               offset <= head->file_bytes - size_bytes;
}

static bool kind_makes_sense(const SegmentHead *head) {
        const uint64_t page = head->page_bytes;

        if (page < STORE_PAGE || page > MAX_PAGE || (page & (page - 1)) != 0)
                return false;
        return head->rung <= STORE_PLAIN && (head->rung != STORE_PLAIN || page == STORE_PAGE) &&
               head->file_bytes >= SEGMENT_HEAD_BYTES && head->file_bytes <= MAX_FILE && head->file_bytes % page == 0;
}

static int read_heads(const Reader *x, uint64_t owner, Error *err) {
        DirectoryImage *image = x->image;
        bool met[STORE_MAX_FILES] = {};

        if (x->source->n_files == 0 || x->source->n_files > STORE_MAX_FILES)
                return error_set(err, ERROR_CORRUPT, "a store has 1 to %d memory files, not %u", STORE_MAX_FILES,
                                 x->source->n_files);
        for (uint32_t k = 0; k < x->source->n_files; k++) {
                SegmentHead head;
                int r = x->source->read(x->source->userdata, k, 0, &head, sizeof(head));

                if (r < 0)
                        return error_prefix(err, r, "memory file");
                if (head.magic != SEGMENT_MAGIC)
                        return error_set(err, ERROR_CORRUPT, "this is no memory file of a store");
                if (head.version != DIRECTORY_VERSION)
                        return error_set(err, ERROR_CORRUPT, "the memory file has version %u and %u is understood",
                                         head.version, DIRECTORY_VERSION);
                if (head.check != head_check(&head) || !kind_makes_sense(&head))
                        return error_set(err, ERROR_CORRUPT, "the head of the memory file is damaged");
                if (head.owner != owner)
                        return error_set(err, ERROR_CORRUPT, "the memory file is of session %llx, not %llx",
                                         (unsigned long long) head.owner, (unsigned long long) owner);
                if (head.index >= x->source->n_files || met[head.index])
                        return error_set(err, ERROR_CORRUPT, "the memory files are not the %u first ones of one store",
                                         x->source->n_files);
                met[head.index]            = true;
                image->head[head.index]       = head;
                image->source[head.index]     = k;
                image->used_bytes[head.index] = SEGMENT_HEAD_BYTES;
        }
        image->n_files = x->source->n_files;
        for (uint32_t k = 0; k < image->n_files; k++) {
                const struct DirectoryItem item = { .place = place_make(k, 0), .size_bytes = SEGMENT_HEAD_BYTES };

                if (vec_push(&image->item, item) < 0)
                        return error_oom(err, sizeof(item));
        }
        for (uint32_t k = 1; k < image->n_files; k++)
                if (image->head[k].incarnation != image->head[0].incarnation)
                        return error_set(err, ERROR_CORRUPT, "the memory files are of different stores");
                else if (image->head[k - 1].rung != STORE_HUGETLB || image->head[k].rung == STORE_HUGETLB)
                        return error_set(err, ERROR_CORRUPT, "the memory files are not of one ladder of pages");
        return 0;
}

static int add_item(Reader *x, const struct DirectoryItem *item) {
        size_t end = place_offset(item->place) + item->size_bytes;
        uint32_t k = place_file(item->place);

        if (item->size_bytes > 0)
                x->image->used_bytes[k] = MAX(x->image->used_bytes[k], end);
        return vec_push(&x->image->item, *item);
}

static int add_chunk(Reader *x, const DirectorySlot *slot, Place own, Error *err) {
        const struct DirectoryItem item = {
                .place = slot->place, .size_bytes = slot->size_bytes, .id = slot->id, .slot = own
        };
        uint32_t file = place_file(slot->place);

        if (slot->word != slot_word(x->image->head[0].incarnation, own, slot))
                return error_set(err, ERROR_CORRUPT, "the slot at %llx is damaged", (unsigned long long) own);
        if (file >= x->image->n_files)
                return error_set(err, ERROR_CORRUPT, "chunk %llx is in memory file %u, which is not there",
                                 (unsigned long long) slot->id, file);
        if (slot->size_bytes == 0 ? slot->place != 0
                                  : !lies_in_file(&x->image->head[file], place_offset(slot->place), slot->size_bytes))
                return error_set(err, ERROR_CORRUPT, "chunk %llx is not within its memory file",
                                 (unsigned long long) slot->id);
        if (map_get(&x->ids, slot->id))
                return error_set(err, ERROR_CORRUPT, "chunk %llx is there twice", (unsigned long long) slot->id);
        if (map_set(&x->ids, slot->id, own) < 0 || add_item(x, &item) < 0)
                return error_oom(err, sizeof(item));
        return 0;
}

static int follow(const Reader *x, Place own, uint64_t link, Place *ret, Error *err) {
        if (link_follow(x->image->head[0].incarnation, own, link, ret))
                return 0;
        return error_set(err, ERROR_CORRUPT, "the link at %llx is damaged", (unsigned long long) own);
}

static int read_block(Reader *x, Place place, Place *ret_next, Error *err) {
        const struct DirectoryItem item = { .place = place, .size_bytes = DIRECTORY_BYTES };
        const uint32_t file             = place_file(place);
        const DirectorySlot *slot       = x->slot;
        const DirectoryHead *head       = (const DirectoryHead *) slot;
        int r;

        if (file >= x->image->n_files || !lies_in_file(&x->image->head[file], place_offset(place), DIRECTORY_BYTES))
                return error_set(err, ERROR_CORRUPT, "a link of the directory leads to %llx, where nothing can be",
                                 (unsigned long long) place);
        if (map_get(&x->blocks, place))
                return error_set(err, ERROR_CORRUPT, "the directory bites its own tail at %llx",
                                 (unsigned long long) place);
        if (map_set(&x->blocks, place, 1) < 0 || add_item(x, &item) < 0)
                return error_oom(err, sizeof(item));
        r = read_at(x, file, place_offset(place), x->slot, DIRECTORY_BYTES, err);
        if (r < 0)
                return r;
        if (head->magic != DIRECTORY_MAGIC || head->place != place ||
            head->check != block_check(x->image->head[0].incarnation, place))
                return error_set(err, ERROR_CORRUPT, "there is no directory at %llx", (unsigned long long) place);
        for (uint32_t k = 1; k < DIRECTORY_SLOTS && r == 0; k++)
                if (slot[k].word != 0)
                        r = add_chunk(x, &slot[k], place + k * sizeof(*slot), err);
        return r < 0 ? r : follow(x, place + offsetof(DirectoryHead, next), head->next, ret_next, err);
}

static int by_place(const void *a, const void *b) {
        const struct DirectoryItem *x = a, *y = b;

        if (x->place != y->place)
                return x->place < y->place ? -1 : 1;
        return (x->size_bytes > y->size_bytes) - (x->size_bytes < y->size_bytes);
}

static int check_overlap(const DirectoryImage *image, Error *err) {
        for (uint32_t k = 1; k < image->item.n; k++) {
                const struct DirectoryItem *a = &image->item.data[k - 1], *b = &image->item.data[k];

                if (a->size_bytes > 0 && a->place + a->size_bytes > b->place)
                        return error_set(err, ERROR_CORRUPT, "what lies at %llx and at %llx overlaps",
                                         (unsigned long long) a->place, (unsigned long long) b->place);
        }
        return 0;
}

int directory_read(DirectoryImage *ret, const DirectorySource *source, uint64_t owner, Error *err) {
        Reader x = { .source = source, .image = ret };
        Place at = 0;
        int r;

        *ret   = (DirectoryImage) {};
        x.slot = malloc(DIRECTORY_BYTES);
        if (!x.slot)
                return error_oom(err, DIRECTORY_BYTES);
        r = read_heads(&x, owner, err);
        if (r == 0)
                r = follow(&x, offsetof(SegmentHead, first), ret->head[0].first, &at, err);
        while (r == 0 && at != 0)
                r = read_block(&x, at, &at, err);
        if (r == 0 && ret->item.n > 0)
                qsort(ret->item.data, ret->item.n, sizeof(*ret->item.data), by_place);
        if (r == 0)
                r = check_overlap(ret, err);
        free(x.slot);
        map_done(&x.ids);
        map_done(&x.blocks);
        if (r < 0)
                directory_image_done(ret);
        return r;
}

void directory_image_done(DirectoryImage *image) {
        vec_free(&image->item);
        *image = (DirectoryImage) {};
}
