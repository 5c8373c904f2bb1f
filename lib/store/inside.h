/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What store.c and restore.c share. */
#include "base/idmap.h"
#include "base/vec.h"
#include "store/directory.h"
#include "store/heap.h"
#include "store/store.h"

typedef enum ChunkState {
        CHUNK_NONE,     /* a description that is not in use */
        CHUNK_RESERVED, /* pinned once, for writing */
        CHUNK_SEALED,
        CHUNK_DROPPED,  /* goes with the last pin */
} ChunkState;

typedef struct Chunk {
        ChunkId id;
        ChunkState state;
        uint32_t n_pins;
        char *data;
        size_t size_bytes;
        Block *first, *last;  /* NULL when empty or adopted */
        DirectorySlot *slot;  /* in the files of a shared store; NULL when adopted */
        void (*release)(void *userdata);
        void *userdata;
        struct Chunk *next_unused;
} Chunk;

enum { SLAB_CHUNKS = 256 };

typedef struct ChunkSlab {
        struct ChunkSlab *next;
        Chunk chunk[SLAB_CHUNKS];
} ChunkSlab;

struct Store {
        StoreConfig config; /* with numbers where it had none */
        Numa *numa;
        Heap heap;
        Directory directory; /* of a shared store */
        IdMap chunks;        /* id -> Chunk * */
        Map scratch;         /* address -> Block * */
        ChunkSlab *slabs;
        Chunk *unused;
        size_t pinned_bytes;
        uint64_t n_pins;
        Vec(Chunk *) group;  /* of the reservation at hand */
};

/* A store with its limits and nothing else yet; NULL: no memory. */
Store *store_begin(const StoreConfig *config, Error *err);
int store_segment_begun(void *userdata, uint32_t segment, Error *err); /* for the heap: writes the head, tells keep() */
Chunk *chunk_new(Store *store); /* NULL: no memory */
void chunk_unused(Store *store, Chunk *chunk);
/* Makes the chunks of store->group, which have data and size and lie in ascending order in `block`, hold its parts. The
 * descriptions are prepared. */
void group_place(Store *store, Block *block);

/* Where chunks without a byte lie. */
extern char store_empty[BLOCK_ALIGN];
