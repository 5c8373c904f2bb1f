/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The directory: which sealed chunks a store's memory files hold, written in the files themselves, so that whoever has
 * the files has the chunks, even if the process that wrote them was killed between any two instructions. docs/STORE.md
 * has the layout byte by byte.
 *
 * Each file begins with a head. The first one's head links to a chain of directory blocks, which lie among the chunks,
 * in any of the files; a block has slots, and a slot describes one sealed chunk or none. What a slot says is believed
 * when its last word is right, and that word is written last and cleared first, by one store of eight bytes. So nothing
 * half-written is ever seen, and no order among slots matters. */
#include "base/vec.h"
#include "store/heap.h"

enum {
        SEGMENT_HEAD_BYTES = STORE_PAGE, /* at the beginning of a file */
        DIRECTORY_BYTES    = 64 << 10,   /* of a block: its first slot is its own description */
        DIRECTORY_SLOTS    = DIRECTORY_BYTES / 64,
        DIRECTORY_VERSION  = 1,
};

#define SEGMENT_MAGIC 0x0a4745535352414dull /* "MARSSEG\n" */
#define DIRECTORY_MAGIC 0x0a5249445352414dull /* "MARSDIR\n" */

/* Where something lies: the index of the file and the offset in it. */
typedef uint64_t Place;
enum { PLACE_BITS = 56 }; /* of the offset */

static inline Place place_make(uint32_t file, uint64_t offset) {
        return (Place) file << PLACE_BITS | offset;
}

static inline uint32_t place_file(Place place) {
        return (uint32_t) (place >> PLACE_BITS);
}

static inline uint64_t place_offset(Place place) {
        return place & (((Place) 1 << PLACE_BITS) - 1);
}

typedef struct SegmentHead {
        uint64_t magic;
        uint32_t version;
        uint32_t index;        /* of the file among those of its store */
        uint64_t owner;
        uint64_t incarnation;  /* a random number of the store, part of every check: no other store's bytes pass */
        uint64_t file_bytes;
        uint64_t page_bytes;
        uint64_t rung;         /* StoreRung */
        uint64_t check;        /* of all above */
        uint64_t first;        /* link to a directory block, in the head of file 0 */
} SegmentHead;

typedef struct DirectoryHead {
        uint64_t magic;
        Place place;           /* its own */
        uint64_t check;        /* of both */
        uint64_t next;         /* link */
        uint64_t spare[4];
} DirectoryHead;

typedef struct DirectorySlot {
        ChunkId id;
        Place place;           /* 0 of an empty chunk */
        uint64_t size_bytes;
        uint64_t spare[4];
        uint64_t word;         /* check of the above and of the slot's own place; 0: no chunk */
} DirectorySlot;

_Static_assert(sizeof(SegmentHead) <= SEGMENT_HEAD_BYTES, "a head is in the first page");
_Static_assert(sizeof(DirectoryHead) == 64 && sizeof(DirectorySlot) == 64, "slots are cache lines");

uint64_t head_check(const SegmentHead *head);
uint64_t block_check(uint64_t incarnation, Place place);
/* A link is the place that it leads to (a multiple of STORE_PAGE; 0: to nothing) with a check in the low bits, so that
 * a chain that ends says so. `own` is the link's own place. */
uint64_t link_make(uint64_t incarnation, Place own, Place to);
bool link_follow(uint64_t incarnation, Place own, uint64_t link, Place *ret); /* false: it is damaged */
uint64_t slot_word(uint64_t incarnation, Place own, const DirectorySlot *slot); /* never 0 */

/* ---- Writing ---- */

typedef struct Directory {
        Heap *heap;
        uint64_t owner, incarnation;
        uint64_t *tail;             /* the link to nothing, to be a link to the next block */
        Vec(DirectorySlot *) unused;
        uint32_t n_slots;
} Directory;

/* Writes the head of a segment that has just begun; the first one's makes the directory. */
int directory_begin(Directory *directory, Heap *heap, uint32_t segment, uint64_t owner, Error *err);
void directory_done(Directory *directory);
size_t directory_grows(const Directory *directory, uint32_t n); /* bytes of memory that directory_prepare(n) takes */
int directory_prepare(Directory *directory, uint32_t n) _must_check_; /* n slots are unused: 0, STORE_FULL, -ENOMEM */
DirectorySlot *directory_take(Directory *directory);
void directory_publish(Directory *directory, DirectorySlot *slot, ChunkId id, const char *data, size_t size_bytes);
void directory_clear(Directory *directory, DirectorySlot *slot); /* no chunk any more; the slot can be taken again */

/* ---- Reading ---- */

/* Where the bytes come from: read() copies exactly size_bytes, or fails. They may be anybody's. */
typedef struct DirectorySource {
        uint32_t n_files;
        int (*read)(void *userdata, uint32_t file, uint64_t offset, void *data, size_t size_bytes);
        void *userdata;
} DirectorySource;

typedef struct DirectoryImage {
        uint32_t n_files;
        uint32_t source[STORE_MAX_FILES]; /* which file of the source has the index */
        SegmentHead head[STORE_MAX_FILES];
        size_t used_bytes[STORE_MAX_FILES]; /* of the file, up to its last byte that is somebody's */
        Vec(struct DirectoryItem {
                Place place;
                uint64_t size_bytes;
                ChunkId id;
                Place slot;          /* of a chunk; 0: a head (its offset is 0) or a block of the directory */
        }) item;                     /* ascending by place; those of empty chunks first */
} DirectoryImage;

/* Everything that the files hold, or ERROR_CORRUPT with words when anything does not add up: then nothing is believed.
 * Other errors: what read() said, -ENOMEM. */
int directory_read(DirectoryImage *ret, const DirectorySource *source, uint64_t owner, Error *err);
void directory_image_done(DirectoryImage *image);
/* The directory of files that are mapped again: goes on where the image ends. 0, ERROR_CORRUPT (it has changed since it
 * was read), -ENOMEM. */
int directory_restore(Directory *directory, Heap *heap, const DirectoryImage *image);
