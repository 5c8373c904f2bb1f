/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Chunks on disks. A chunk is written, read back any number of times, and dropped; what is read back is what was
 * written, or an error: never something else. docs/STORE.md says what the files look like.
 *
 * No call waits for a disk. One thread per Spill, started with the first operation, checksums, compresses where it is
 * asked to, submits and reaps; it says done() once for each operation that was begun. The calls may come from any
 * thread, also out of done(); they take a lock of their own for a few instructions. */
#include "io/ring.h"

typedef struct Spill Spill;

enum {
        SPILL_FULL = 1,  /* the limit is reached, or no disk has room */
        SPILL_PAGE = 4096,
};

typedef enum SpillCodec {
        SPILL_PLAIN,
        SPILL_LZ4,  /* chunks of at most 64 MiB of which a sample says that it saves a fifth of the room */
        SPILL_ZSTD,
        SPILL_AUTO, /* of these three the one with which writing and reading are done first, by what the disk does */
        _SPILL_CODEC_MAX,
} SpillCodec;

/* The end of an operation, on the disk thread without a lock held. err NULL: the chunk is on disk as a whole, or in
 * memory as a whole. Errors of writing: ERROR_SPILL_FULL (the disks are full), ERROR_CANCELED (it was dropped, or the
 * Spill is freed), else the disk's errno; the chunk is not on disk. Errors of reading: ERROR_CORRUPT (what the disk
 * gave back is not what was written), ERROR_CANCELED, else the disk's errno; the memory holds anything, and the copy
 * stays until it is dropped. */
typedef void SpillDone(void *userdata, uint64_t id, bool written, const Error *err);

/* Words for a log, each said once: the backend and why it is not io_uring, a disk that failed (a warning). Any thread,
 * and maybe before spill_new() has returned. */
typedef void SpillSay(void *userdata, bool warning, const char *text);

typedef struct SpillConfig {
        const char *dirs;     /* "a:b:c"; NULL: $MARS_SPILL_DIR, else $TMPDIR, else /var/tmp */
        uint64_t limit_bytes; /* of the files together; 0: what the disks have */
        uint64_t owner;       /* the session: whose files these are; not 0 */
        bool keep;            /* the files of an owner that died can be had again with spill_restore() */
        SpillCodec codec;
        RingConfig ring;
        SpillDone *done;
        SpillSay *say;        /* or NULL */
        void *userdata;
} SpillConfig;

typedef struct SpillStats {
        uint64_t limit_bytes;
        uint64_t chunk_bytes, stored_bytes; /* of the chunks on disk: in memory, and in the files */
        uint64_t promised_bytes;            /* what the limit is compared with: also those on their way */
        uint64_t file_bytes;                /* what the files take of the disks, unused extents included */
        uint64_t staging_bytes;             /* memory of the disk thread */
        uint64_t n_chunks, n_busy;          /* on disk; operations that have begun and not ended */
        uint64_t n_written, n_read, written_bytes, read_bytes; /* so far; bytes of chunks */
        uint64_t n_packed;                  /* written compressed, so far */
        uint64_t n_full, n_corrupt, n_stale;
        uint32_t n_dirs, n_dirs_failed;
        char text[192]; /* which way operations go, once one did */
} SpillStats;

int spill_new(Spill **ret, const SpillConfig *config, Error *err);
/* Ends what is on its way (done() is called for each, also for those not yet begun: ERROR_CANCELED) and removes the
 * files. No lock may be held that done() takes. */
Spill *spill_free(Spill *spill);
DEFINE_CLEANUP(Spill *, spill_free)

/* Begins to write a chunk; the memory must stay as it is until done(). 0, SPILL_FULL, -ENOMEM, or what kept the disk
 * thread from starting. */
int spill_write(Spill *spill, uint64_t id, const void *data, size_t size_bytes) _must_check_;
/* Begins to read a chunk that is on disk as a whole back to `data`, which must be congruent to spill_offset() modulo
 * SPILL_PAGE; bytes around it are not touched. Once at a time. 0 or negative, as above. */
int spill_read(Spill *spill, uint64_t id, void *data) _must_check_;
/* The copy goes, also one that is being written (its done() then says ERROR_CANCELED) or read (which ends well). The id
 * may be used again after that. An id that is not here is no matter. */
void spill_drop(Spill *spill, uint64_t id);
uint32_t spill_offset(const Spill *spill, uint64_t id); /* of a chunk on disk or on its way */
void spill_stats(const Spill *spill, SpillStats *ret);
typedef struct SpillDisk {
        const char *path; /* as long as the spill */
        bool failed, full;
        uint64_t used_bytes; /* of the files */
        uint64_t free_bytes; /* of the disk, and of the files; 0: it does not say */
} SpillDisk;
bool spill_disk(const Spill *spill, uint32_t k, SpillDisk *ret); /* false: there are no more than k */
/* What the disks of such directories have, used or not; UINT64_MAX: they do not say. */
uint64_t spill_most_bytes(const char *dirs);

/* ---- After a restart -------------------------------------------------------------------------------------------- */

/* Closes, as spill_free() does, and leaves the files. Only with `keep`. */
Spill *spill_leave(Spill *spill);
/* What a Spill with the same dirs and the same owner left, or one that died: calls found() for each chunk that is there
 * as a whole, and removes the rest. Files that do not add up are refused with words. Nothing left: like spill_new(). */
int spill_restore(Spill **ret, const SpillConfig *config,
                  int (*found)(void *userdata, uint64_t id, size_t size_bytes, uint32_t offset), Error *err);
/* Removes what owners left beneath the directories who kept their files and live no more. spill_new() does that for
 * those who did not mean to keep them. */
int spill_sweep(const char *dirs, Error *err);
