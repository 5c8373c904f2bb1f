/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of spill share.
 *
 * A chunk is an Entry from the call that begins to write it until it is dropped; an operation is a Job from the call
 * that begins it until done(). Callers see entries, queues and the ledger, under the lock. Everything else belongs to
 * the disk thread: it takes jobs from the queues, moves each in pieces, and gives extents back. */
#include <pthread.h>
#include <sys/statvfs.h>
#define XXH_STATIC_LINKING_ONLY /* the size of a state; its functions are those of the library */
#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h> /* the same checksums with the vectors that the processor has: 32 for 19 GB/s here */
#endif

#include "base/map.h"
#include "base/vec.h"
#include "io/extents.h"
#include "io/spill-dir.h"
#include "io/spill-header.h"

enum {
        SPILL_PIECE     = 16 << 20, /* in one operation: with two of them a disk is never idle */
        SPILL_BUSY      = 8 * SPILL_PIECE, /* on their way to one disk: small chunks wait for their neighbours then */
        SPILL_DIR_DEPTH = 64,       /* pieces on their way to one disk, which wants tens of MiB of any size */
        SPILL_DIR_BYTES = 256 << 20, /* and so many bytes: who reads waits for all that were begun before */
        SPILL_STEP      = 64 << 20, /* files grow by so much at least */
        SPILL_JOBS      = 256,      /* operations that are moved at a time */
        SPILL_DEPTH_MAX = 256,      /* pieces on their way to all disks */
        SPILL_PACKS     = 2,        /* chunks whose compressed form is in memory at a time */
        SPILL_WINDOW    = 64,       /* pieces of a chunk that may end out of order */
};

#define SLOT_NONE UINT32_MAX

typedef enum EntryState {
        ENTRY_COMING, /* is to be written, or is being written */
        ENTRY_WHOLE,
        ENTRY_READ,   /* whole, and is to be read, or is being read */
} EntryState;

typedef struct Entry {
        uint64_t id, chunk_bytes;
        uint64_t packed_bytes;   /* of the compressed chunk; 0: it is plain */
        uint64_t promised_bytes; /* what it counts for in the ledger */
        EntryState state;
        bool dropped;            /* in no table any more; goes when its job ends */
        uint32_t offset;         /* in its page */
        uint32_t slot;           /* in the table of its directory, or SLOT_NONE */
        uint64_t check;          /* of its header */
        struct SpillPlace *place;
        Extent *extent;
        struct Entry *next;      /* to be given back */
} Entry;

/* A directory and its file. */
typedef struct SpillPlace {
        const char *path;
        SpillDir dir;
        bool opened, failed;     /* failed: is read, and not written any more */
        bool buffered;           /* O_DIRECT is not possible */
        bool no_allocate, no_punch;
        bool full;               /* refused, and nobody has seen room since; under the lock */
        Extents *extents;
        uint64_t file_bytes;     /* what the file takes of the disk: used and free extents, and what is being added */
        uint64_t free_bytes;     /* of them, as callers see it; under the lock */
        uint64_t refused_bytes;  /* the least that did not fit, since something became free; 0: none */
        uint64_t queued_bytes;   /* of chunks that are on their way to it */
        uint32_t n_begun;        /* pieces */
        uint64_t begun_bytes;    /* of them */
        RingOp room_op;          /* allocates or punches */
        Extent *room;            /* what it is about; NULL: nothing */
        uint32_t n_slots;
        Vec(uint32_t) free_slots;
} SpillPlace;

typedef struct SpillStage { /* pages that are ours, for O_DIRECT, and what a job needs while it moves */
        _Alignas(SPILL_PAGE) uint8_t header[SPILL_PAGE];
        uint8_t head[SPILL_PAGE], tail[SPILL_PAGE];
        XXH3_state_t hash;
        SpillHeader h;
        uint8_t slot[SPILL_SLOT];
        struct SpillStage *next;
} SpillStage;

typedef enum JobPhase {
        JOB_BEGIN, /* a write looks for room */
        JOB_MOVE,  /* pieces */
        JOB_TABLE, /* the slot of the table is written */
} JobPhase;

typedef struct Job {
        Entry *entry;
        char *data;              /* of the chunk */
        char *moved;             /* what goes to or comes from the disk: the chunk, or packed memory */
        uint64_t moved_bytes;
        uint32_t moved_offset;   /* in its page */
        char *packed;            /* the memory for a compressed chunk */
        size_t packed_room;
        bool plain;              /* it was found not to be worth compressing */
        SpillCodec codec;        /* else how */
        bool write;
        JobPhase phase;
        uint64_t tried;          /* places that refused, a bit each */
        uint32_t n_pieces, next_piece, n_begun;
        uint32_t n_hashed;       /* pieces, in order */
        uint64_t arrived;        /* of those from n_hashed on, a bit each */
        int result;              /* the first failure of a piece */
        int refusal;             /* of the place that was tried last */
        bool direct;             /* what is on its way was begun with O_DIRECT */
        SpillStage *stage;
        struct Job *also;        /* whose chunk lies behind this one in the file, and is moved by the same operation */
        struct Job *next;
} Job;

typedef struct SpillPiece {
        RingOp op;               /* first: what the ring gives back is this */
        Job *job;                /* and those that are moved with it; NULL: a slot is zeroed */
        Entry *forgotten;        /* whose slot it is */
        uint32_t index, size_bytes;
        struct SpillPiece *next; /* unused */
} SpillPiece;

typedef struct JobQueue {
        Job *first, **last;
} JobQueue;

struct Spill {
        SpillConfig config;
        char *paths;

        pthread_mutex_t lock;
        Map entries;             /* id -> Entry * */
        JobQueue reads, writes;  /* not yet taken by the disk thread */
        Entry *to_give;          /* dropped when whole */
        bool started, closing, waiting; /* waiting: the disk thread may have to be woken */
        bool leaves;             /* the files stay when it closes */
        bool ended;              /* the disk thread has let go of all this, */
        bool frees;              /* and gives the room of files back that have no name any more */
        pthread_cond_t ready;
        int failure;             /* of the disk thread to start */
        bool sweep;              /* it begins with what dead owners left */
        Ring *ring;              /* the disk thread makes it */
        SpillStats stats;

        pthread_t thread;
        bool ending;             /* closing, as the disk thread has seen it */
        uint32_t n_places, n_active;
        SpillPlace *place;
        Job *active;             /* oldest first */
        Entry *to_forget;        /* their slots are to be zeroed before their extents are given back */
        uint32_t n_packs;        /* jobs that have packed memory */
        uint64_t busy_since;     /* when jobs became active, in nanoseconds */
        uint64_t timed_bytes, timed_nsec; /* of plain chunks, for SPILL_AUTO: so many bytes took so long */
        uint32_t n_forgetting;   /* of them all */
        SpillStage *stages;      /* unused ones */
        SpillPiece *pieces;      /* unused ones */
        SpillPiece *piece_memory;
        SpillStage *stage_memory;
};

/* ---- spill.c ---------------------------------------------------------------------------------------------------- */

void spill_say(Spill *s, bool warning, const char *fmt, ...) _printf_(3, 4);
/* The end of an active job: it is freed and done() is said. `err` NULL: it went well. */
void spill_deactivate(Spill *s, Job *job, const Error *err);
int spill_prepare(Spill **ret, const SpillConfig *config, Error *err); /* without touching a disk */

/* ---- spill-room.c: where chunks go ------------------------------------------------------------------------------ */

enum { ROOM_LATER = 1, ROOM_NONE = 2 };

/* Finds room for a write: 0: job->entry has place and extent; ROOM_LATER: something is on its way after which to ask
 * again; ROOM_NONE: no place has room, or negative: none works. Words in both cases. */
int spill_room_find(Spill *s, Job *job, uint64_t size_bytes, Error *err);
/* Frees the entry; its extent, if it has one, is given back, when its slot has been zeroed, if that has one. */
void spill_room_give(Spill *s, Entry *entry);
void spill_room_forgotten(Spill *s, Entry *entry, int result); /* its slot is zero, or that has failed */
void spill_room_leave(Spill *s, Entry *entry); /* a write goes elsewhere */
int spill_place_open(Spill *s, SpillPlace *place, Error *err); /* its files are there */
uint64_t spill_disk_room(const struct statvfs *fs); /* what we may take of it */
/* The end of the operation that a place has for its room. */
void spill_room_end(Spill *s, SpillPlace *place);
/* A job's operation on its place failed: what does that say of the place? true: the same again. */
bool spill_place_blame(Spill *s, SpillPlace *place, const Job *job, int result);
bool spill_is_full(int result); /* of the errors by which disks say so */

/* ---- spill-pack.c: compressed chunks --------------------------------------------------------------------------- */

/* Compresses the chunk of a write, if it is worth it. 0, or ROOM_LATER: other chunks have the memory for it. */
int spill_pack(Spill *s, Job *job);
int spill_unpack_begin(Spill *s, Job *job);          /* memory to read to: 0, ROOM_LATER, -ENOMEM */
int spill_unpack(const Job *job, Error *err);         /* what has been read and fits its checksum */
void spill_pack_free(Spill *s, Job *job);

/* What a sample says of a codec, for each byte of the chunk. */
typedef struct PackRate {
        double pack_nsec, unpack_nsec;
        double share;            /* of the bytes that remain */
} PackRate;

/* Of SPILL_LZ4 and SPILL_ZSTD, whose rates these are (share 1: it saves too little), and SPILL_PLAIN the one with which
 * a chunk is written and read back first, where a plain byte takes the disk so long one way. */
SpillCodec spill_codec_choose(double disk_nsec, const PackRate *lz4, const PackRate *zstd);
/* Jobs become active, or the last one has ended: how fast plain chunks are is measured on the first ones. */
void spill_time_begin(Spill *s);
void spill_time_end(Spill *s, uint64_t moved_bytes);

/* ---- spill-move.c: moving a chunk in pieces ---------------------------------------------------------------------- */

/* Begins as many pieces as the ring and the place take. */
void spill_move(Spill *s, Job *job);
/* A piece has ended. */
void spill_piece_end(Spill *s, SpillPiece *piece);
void spill_move_begin(Spill *s, Job *job); /* resets what the pieces count */
bool spill_hash(Spill *s);                 /* one piece of one job; false: there is none to be hashed */
void spill_forget(Spill *s);               /* begins to zero slots */
