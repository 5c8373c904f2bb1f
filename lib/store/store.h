/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The store: where chunks live. A chunk is reserved, written, sealed, then pinned and unpinned any number of times, and
 * dropped. A sealed chunk never changes. Memory comes from an arena of huge pages that is faulted once and reused
 * across chunks, tasks and runs; pages go back to the system only where room is needed elsewhere in the arena.
 *
 * The store belongs to one thread (or lock): no call blocks, and pinned memory may be read and written by others. */
#include "base/error.h"

typedef struct Store Store;
typedef uint64_t ChunkId;

enum { STORE_ABSENT = 1, STORE_FULL = 2 };

enum { STORE_MAX_FILES = 2 };

enum { STORE_PAGE = 4096 }; /* disks read and write memory in multiples of this */

typedef enum StorePages {
        STORE_PAGES_TRY, /* reserved huge pages while there are some, then transparent ones, then small ones */
        STORE_PAGES_ON,  /* reserved ones or none */
        STORE_PAGES_OFF, /* small ones */
} StorePages;

typedef struct StoreConfig {
        size_t cache_bytes; /* all memory of the store, resident and reckoned, never passes this; 0: half of the free */
        StorePages pages;
        size_t page_bytes;  /* of reserved pages; 0: the smallest size that can be had */
        bool shared;        /* chunks lie in memory files, which others may map: see below */
        uint64_t owner;     /* whose chunks a memory file has; nobody else's restore takes it */
        /* Called with the descriptor of each new memory file (at most STORE_MAX_FILES) before a chunk lies in it, for
         * who keeps a copy so that store_restore() finds the chunks; fails the reservation with what it returns. */
        int (*keep)(void *userdata, int fd);
        void *userdata;
} StoreConfig;

typedef enum StoreRung { STORE_HUGETLB, STORE_THP, STORE_PLAIN } StoreRung; /* of pages: reserved, transparent, small */

typedef struct StoreStats {
        size_t cache_bytes, used_bytes, pinned_bytes;
        size_t fixed_bytes;     /* the store's own, as long as it lives: counted in the cache, no chunk's */
        size_t arena_bytes;     /* resident: taken from the system and not given back */
        size_t rung_bytes[3];   /* of these, by StoreRung */
        size_t given_back_bytes;
        uint64_t n_given_back;  /* times that free memory had to go so that there was room elsewhere */
        uint64_t n_chunks, n_pins, n_segments;
        StoreRung rung;         /* of what is taken next */
} StoreStats;

int store_new(Store **ret, const StoreConfig *config, Error *err);
Store *store_free(Store *store); /* asserts that nothing is pinned; drops everything else */
DEFINE_CLEANUP(Store *, store_free)

/* Reserves n chunks of the given sizes, next to each other in memory: ids[0] starts at a multiple of 64 bytes, each
 * other one where its predecessor ends. All or nothing: 0, STORE_FULL, -ENOMEM. The memory is pinned for writing. */
int store_reserve(Store *store, uint32_t n, const ChunkId *ids, const size_t *size_bytes) _must_check_;
/* One chunk whose address is `offset` (less than STORE_PAGE) modulo STORE_PAGE, and which owns the rest of its first
 * and of its last page, so that a disk can read whole pages into them; store_paged_bytes() is what it uses. */
int store_reserve_at(Store *store, ChunkId id, size_t size_bytes, uint32_t offset) _must_check_;
size_t store_paged_bytes(size_t size_bytes, uint32_t offset); /* SIZE_MAX when they are too many */
char *store_writable(Store *store, ChunkId id);            /* of a reserved chunk */
void store_seal(Store *store, ChunkId id, size_t size_bytes); /* at most what was reserved; the rest goes back */
int store_pin(Store *store, ChunkId id, const char **ret_data, size_t *ret_size); /* 0 or STORE_ABSENT */
void store_unpin(Store *store, ChunkId id);
void store_drop(Store *store, ChunkId id); /* also of reserved ones; memory is freed with the last pin */

/* A chunk that lies in somebody else's memory; release() is called when it is dropped and unpinned. */
int store_adopt(Store *store, ChunkId id, const char *data, size_t size_bytes, void (*release)(void *userdata),
                void *userdata) _must_check_;

/* ---- A shared store ----
 * Its chunks lie in memory files with mode 0400, sealed sizes and a directory in them (docs/STORE.md). Whoever gets a
 * descriptor of store_file() can map chunks and change nothing; what lies in the files is of one owner. */

/* Where a sealed chunk lies, for those who map it: a descriptor that only reads (the store's own), the offset in its
 * file and the size. The chunk stays there while it is pinned. 0, STORE_ABSENT (also of adopted ones), an errno. */
int store_file(Store *store, ChunkId id, int *ret_fd, uint64_t *ret_offset, size_t *ret_size);
/* Ends the store and leaves every sealed chunk in its files, as a kill would. */
Store *store_leave(Store *store);
/* A store with all the sealed chunks of files that config.keep() got, in any order; they are duplicated. config.owner
 * is that of the files; config.cache_bytes may be another, but not less than what they hold. 0; ERROR_CORRUPT and
 * nothing is believed; ERROR_VALUE (not such files), ERROR_MEMORY, or an errno. */
int store_restore(Store **ret, const StoreConfig *config, const int *fds, uint32_t n_fds, Error *err);
void store_each(const Store *store, void (*fn)(void *userdata, ChunkId id, size_t size_bytes), void *userdata);

/* Memory for a task: from the same arena and ledger. 0, STORE_FULL, -ENOMEM. size 0 gives NULL. */
int store_scratch(Store *store, size_t size_bytes, char **ret) _must_check_;
void store_scratch_free(Store *store, char *data, size_t size_bytes);

/* Another cache_bytes, at most the one that the store was made with. What free blocks have above it goes back to the
 * system now, what chunks have when they go. */
void store_limit(Store *store, size_t cache_bytes);
void store_trim(Store *store); /* what all free blocks have goes back to the system now */

void store_stats(const Store *store, StoreStats *ret);

enum { STORE_TEXT_MAX = 384 };
/* One line for a log: which pages are in use, and what to set for better ones. Returns `text`. */
const char *store_pages_text(const Store *store, char text[static STORE_TEXT_MAX]);
