/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk in the file is what its pages are in memory, behind the header:
 *
 *     memory          |    head####|############|############|##tail      |
 *     file    header  |0000head####|############|############|##tail000000|
 *     pieces  |---------------- 0 ------------->|-------- 1 ------------->|
 *
 * Whole pages go straight between disk and memory. The first and the last page are shared with neighbours, so they go
 * by pages of our own: nobody else's bytes are written to disk, none are overwritten, and a disk that checksums what
 * it is given never sees a page change.
 *
 * The header's piece is written last, since it has the digest. Small chunks that lie one behind the other in the file
 * are moved by one operation, up to a piece's size: while a disk is busy enough they wait for each other. Pieces are
 * hashed in order, one at a time between looks at the ring, and only after everything has been begun that can be: a
 * disk never waits for a checksum, unless it is the last one. */
#include <stdio.h>
#include <string.h>

#include "io/spill-state.h"

enum { SMALL_IOV = 4 }; /* the header, the chunk's own pages, and two that are shared */

void spill_move_begin(Spill *s _unused_, Job *job) {
        const Entry *e = job->entry;
        uint64_t covering;

        job->moved        = job->packed ?: job->data;
        job->moved_bytes  = job->packed ? e->packed_bytes : e->chunk_bytes;
        job->moved_offset = job->packed ? 0 : e->offset;
        covering          = spill_covering(job->moved_offset, job->moved_bytes);
        job->phase      = (job->write ? !e->extent : e->packed_bytes > 0 && !job->packed) ? JOB_BEGIN : JOB_MOVE;
        job->n_pieces   = covering > SPILL_PIECE ? (uint32_t) ((covering + SPILL_PIECE - 1) / SPILL_PIECE) : 1;
        job->next_piece = job->write && job->n_pieces > 1 ? 1 : 0;
        job->n_hashed   = 0;
        job->arrived    = 0;
        XXH3_64bits_reset(&job->stage->hash);
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

/* The bytes of the chunk in a piece, as offsets from the page in which it begins. */
typedef struct Span {
        uint64_t from, to;             /* bytes */
        uint64_t page_from, page_to;   /* pages that they are in */
} Span;

static Span span_of(const Job *job, uint32_t index) {
        const uint64_t covering = spill_covering(job->moved_offset, job->moved_bytes);
        const uint64_t from     = (uint64_t) index * SPILL_PIECE;
        Span span = { .page_from = from, .page_to = MIN(from + SPILL_PIECE, covering) };

        span.from = MAX(from, (uint64_t) job->moved_offset);
        span.to   = MIN(span.page_to, job->moved_offset + job->moved_bytes);
        return span;
}

/* The memory of the page in which the chunk begins, from which spans are counted. */
static char *page_of(const Job *job) {
        return job->moved - job->moved_offset;
}

static void add_memory(RingOp *op, void *data, uint64_t size_bytes) {
        if (size_bytes > 0)
                op->iov[op->n_iov++] = (struct iovec) { .iov_base = data, .iov_len = size_bytes };
}

/* Whether the first page of the chunk is in the piece and not the chunk's alone; the same of the last page, if that is
 * another. */
static bool head_is_shared(const Span *span) {
        return span->page_from == 0 && span->page_to > 0 && (span->from > 0 || span->to < SPILL_PAGE);
}

static bool tail_is_shared(const Span *span) {
        return span->to < span->page_to && (span->page_from > 0 || span->page_to > SPILL_PAGE);
}

/* The memory of a piece, behind what the operation has already. */
static void piece_add(SpillPiece *piece, Job *job) {
        const Span span = span_of(job, piece->index);
        const bool head = head_is_shared(&span), tail = tail_is_shared(&span);
        uint64_t from   = span.page_from + (head ? SPILL_PAGE : 0), to = span.page_to - (tail ? SPILL_PAGE : 0);
        RingOp *op      = &piece->op;

        if (piece->index == 0)
                add_memory(op, job->stage->header, SPILL_PAGE);
        if (head)
                add_memory(op, job->stage->head, SPILL_PAGE);
        if (from < to)
                add_memory(op, page_of(job) + from, to - from);
        if (tail)
                add_memory(op, job->stage->tail, SPILL_PAGE);
        piece->size_bytes += (uint32_t) (span.page_to - span.page_from);
}

static void piece_describe(SpillPiece *piece) {
        const Job *job  = piece->job;
        const Entry *e  = job->entry;
        const Span span = span_of(job, piece->index);

        piece->op = (RingOp) {
                .kind   = job->write ? RING_WRITE : RING_READ,
                .fd     = e->place->dir.extents_fd,
                .offset = e->extent->offset + (piece->index > 0 ? SPILL_PAGE + span.page_from : 0),
        };
        piece->size_bytes = 0;
}

/* Between the shared pages of a piece and our own. */
static void piece_copy_shared(const Job *job, uint32_t index) {
        const Span span = span_of(job, index);
        const uint64_t last = span.page_to - SPILL_PAGE;

        if (head_is_shared(&span)) {
                uint8_t *ours      = job->stage->head + (span.from - span.page_from);
                char *theirs       = page_of(job) + span.from;
                const uint64_t n   = MIN(span.to, span.page_from + SPILL_PAGE) - span.from;

                if (job->write) {
                        memset(job->stage->head, 0, SPILL_PAGE);
                        memcpy(ours, theirs, n);
                } else
                        memcpy(theirs, ours, n);
        }
        if (tail_is_shared(&span)) {
                if (job->write) {
                        memset(job->stage->tail, 0, SPILL_PAGE);
                        memcpy(job->stage->tail, page_of(job) + last, span.to - last);
                } else
                        memcpy(page_of(job) + last, job->stage->tail, span.to - last);
        }
}

static void piece_hash(const Job *job, uint32_t index) {
        const Span span = span_of(job, index);

        if (span.to > span.from)
                XXH3_64bits_update(&job->stage->hash, page_of(job) + span.from, span.to - span.from);
}

static SpillPiece *piece_new(Spill *s, Job *job, uint32_t index) {
        SpillPiece *piece = s->pieces;

        if (!piece)
                return NULL;
        s->pieces = piece->next;
        *piece    = (SpillPiece) { .job = job, .index = index };
        return piece;
}

static void piece_free(Spill *s, SpillPiece *piece) {
        piece->next = s->pieces;
        s->pieces   = piece;
}

/* 0, or RING_BUSY: later. */
static int piece_begin(Spill *s, SpillPiece *piece) {
        SpillPlace *p = piece->job->entry->place;

        if (ring_begin(s->ring, &piece->op) == RING_BUSY) {
                piece_free(s, piece);
                return RING_BUSY;
        }
        for (Job *job = piece->job; job; job = job->also) {
                job->n_begun++;
                job->direct = !p->buffered;
        }
        p->n_begun++;
        p->begun_bytes += piece->size_bytes;
        return 0;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

/* The next piece of who has begun all. */
static uint32_t all_pieces(const Job *job) {
        return job->write ? job->n_pieces + 1 : job->n_pieces;
}

static void header_make(const Spill *s, const Job *job) {
        SpillStage *stage = job->stage;
        Entry *e          = job->entry;

        stage->h = (SpillHeader) {
                .owner        = s->config.owner,
                .id           = e->id,
                .chunk_bytes  = e->chunk_bytes,
                .packed_bytes = e->packed_bytes,
                .stored_bytes = spill_covering(job->moved_offset, job->moved_bytes),
                .digest       = XXH3_64bits_digest(&stage->hash),
                .offset       = e->offset,
        };
        e->check = spill_header_encode(&stage->h, stage->header);
}

/* Begins the next piece: 1 … n - 1, then 0, when all have been hashed. */
static int write_next(Spill *s, Job *job) {
        const uint32_t index = job->next_piece < job->n_pieces ? job->next_piece : 0;
        SpillPiece *piece;
        int r;

        if (index == 0 && job->n_hashed < job->n_pieces)
                return RING_BUSY;
        piece = piece_new(s, job, index);
        if (!piece)
                return RING_BUSY;
        if (index == 0)
                header_make(s, job);
        piece_copy_shared(job, index);
        piece_describe(piece);
        piece_add(piece, job);
        r = piece_begin(s, piece);
        if (r != 0)
                return r;
        job->next_piece = index == 0 ? all_pieces(job) : index + 1;
        return 0;
}

/* Where the slot of the entry lies is found again by who restarts. */
static int table_begin(Spill *s, Job *job) {
        Entry *e          = job->entry;
        SpillPlace *p     = e->place;
        SpillPiece *piece = piece_new(s, job, 0);
        int r;

        if (!piece)
                return RING_BUSY;
        if (e->slot == SLOT_NONE)
                e->slot = p->free_slots.n > 0 ? vec_pop(&p->free_slots) : p->n_slots++;
        spill_slot_encode(&(SpillSlot) { .id = e->id, .offset = e->extent->offset, .check = e->check }, s->config.owner,
                          e->slot, job->stage->slot);
        piece->op = (RingOp) { .kind = RING_WRITE, .fd = p->dir.table_fd, .offset = (uint64_t) e->slot * SPILL_SLOT };
        add_memory(&piece->op, job->stage->slot, SPILL_SLOT);
        r = piece_begin(s, piece);
        if (r == 0)
                job->phase = JOB_TABLE;
        return r;
}

static void write_end(Spill *s, Job *job, const Error *err) {
        if (job->write && job->entry->extent)
                job->entry->place->queued_bytes -= job->entry->extent->size_bytes;
        spill_deactivate(s, job, err);
}

void spill_forget(Spill *s) {
        static uint8_t zeros[SPILL_SLOT]; /* a slot of nothing */

        for (Entry *e; (e = s->to_forget);) {
                SpillPiece *piece = piece_new(s, NULL, 0);

                if (!piece)
                        return;
                piece->forgotten = e;
                piece->op = (RingOp) {
                        .kind   = RING_WRITE,
                        .fd     = e->place->dir.table_fd,
                        .offset = (uint64_t) e->slot * SPILL_SLOT,
                };
                add_memory(&piece->op, zeros, SPILL_SLOT);
                if (ring_begin(s->ring, &piece->op) == RING_BUSY) {
                        piece_free(s, piece);
                        return;
                }
                s->to_forget = e->next;
        }
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static int read_next(Spill *s, Job *job) {
        SpillPiece *piece;
        int r;

        if (job->next_piece >= job->n_hashed + SPILL_WINDOW)
                return RING_BUSY;
        piece = piece_new(s, job, job->next_piece);
        if (!piece)
                return RING_BUSY;
        piece_describe(piece);
        piece_add(piece, job);
        r = piece_begin(s, piece);
        if (r == 0)
                job->next_piece++;
        return r;
}

static void read_arrived(Job *job, uint32_t index) {
        piece_copy_shared(job, index);
        job->arrived |= UINT64_C(1) << (index - job->n_hashed);
}

/* Where the chunk should be. */
static void read_failed(const Entry *e, Error *err) {
        error_prefix(err, err->code, "chunk %llu, spilled to '%s/%s/extents' at %llu", (unsigned long long) e->id,
                     e->place->path, e->place->dir.name, (unsigned long long) e->extent->offset);
}

static void read_end(Spill *s, Job *job) {
        const Entry *e    = job->entry;
        SpillStage *stage = job->stage;
        uint64_t check;
        Error err;
        int r;

        r = spill_header_decode(stage->header, s->config.owner, &stage->h, &check, &err);
        if (r == 0 && check != e->check)
                r = error_set(&err, ERROR_CORRUPT, "another extent's header lies where it was written");
        if (r == 0 && stage->h.digest != XXH3_64bits_digest(&stage->hash))
                r = error_set(&err, ERROR_CORRUPT, "its %llu bytes have another checksum than when they were written",
                              (unsigned long long) job->moved_bytes);
        if (r == 0 && job->packed)
                r = spill_unpack(job, &err);
        if (r < 0)
                read_failed(e, &err);
        spill_deactivate(s, job, r < 0 ? &err : NULL);
}

/* ---- Chunks of one piece ---------------------------------------------------------------------------------------- */

static uint64_t small_end(const Job *job) {
        return job->entry->extent->offset + SPILL_PAGE + spill_covering(job->moved_offset, job->moved_bytes);
}

/* Nothing of it is on its way, and all of it may be. */
static bool small_waits(const Job *job) {
        return job->phase == JOB_MOVE && job->n_pieces == 1 && job->next_piece == 0 && job->result == 0 &&
               (!job->write || job->n_hashed == 1);
}

static void small_add(const Spill *s, SpillPiece *piece, Job *job) {
        if (job->write) {
                header_make(s, job);
                piece_copy_shared(job, 0);
        }
        piece_add(piece, job);
}

/* Those that lie behind it in the file go with it. */
static void small_add_neighbours(const Spill *s, SpillPiece *piece) {
        const Job *first = piece->job;
        Job *last        = piece->job;

        for (Job *job = s->active; job && piece->op.n_iov + SMALL_IOV <= RING_IOV;) {
                if (job->write != first->write || !small_waits(job) || job->entry->place != first->entry->place ||
                    job->entry->extent->offset != small_end(last) ||
                    small_end(job) - first->entry->extent->offset > SPILL_PIECE) {
                        job = job->next;
                        continue;
                }
                small_add(s, piece, job);
                last->also = job;
                last       = job;
                job        = s->active;
        }
}

static int small_begin(Spill *s, Job *job) {
        SpillPiece *piece;
        int r;

        if (job->entry->place->begun_bytes >= SPILL_BUSY || !small_waits(job))
                return RING_BUSY;
        piece = piece_new(s, job, 0);
        if (!piece)
                return RING_BUSY;
        piece_describe(piece);
        small_add(s, piece, job);
        small_add_neighbours(s, piece);
        r = piece_begin(s, piece);
        for (Job *next; job; job = next) {
                next = job->also;
                if (r == 0)
                        job->next_piece = all_pieces(job);
                else
                        job->also = NULL;
        }
        return r;
}

/* ---- Jobs ------------------------------------------------------------------------------------------------------- */

void spill_piece_end(Spill *s, SpillPiece *piece) {
        Job *job          = piece->job;
        const int result  = piece->op.result;
        const uint32_t at = piece->index, bytes = piece->size_bytes;
        Entry *forgotten  = piece->forgotten;

        piece_free(s, piece);
        if (!job) {
                spill_room_forgotten(s, forgotten, result);
                return;
        }
        job->entry->place->n_begun--;
        job->entry->place->begun_bytes -= bytes;
        for (Job *also; job; job = also) {
                also = TAKE_PTR(job->also);
                job->n_begun--;
                if (job->result == 0)
                        job->result = result;
                if (job->result == 0 && !job->write)
                        read_arrived(job, at);
        }
}

/* A piece has failed and none is on its way. True: the job is to be moved again; else it has ended. */
static bool job_failed(Spill *s, Job *job) {
        const int result = job->result;
        SpillPlace *p    = job->entry->place;
        Error err;

        if (result == -ECANCELED) {
                error_set(&err, ERROR_CANCELED, "the chunk was dropped, or the session is closed");
                write_end(s, job, &err);
                return false;
        }
        job->result = 0;
        if (spill_place_blame(s, p, job, result)) {
                spill_move_begin(s, job);
                return true;
        }
        if (job->write && job->phase == JOB_MOVE) { /* another disk may take it */
                job->refusal = result;
                job->tried |= UINT64_C(1) << (p - s->place);
                spill_room_leave(s, job->entry);
                job->phase = JOB_BEGIN;
                return true;
        }
        if (result == -ENODATA)
                error_set(&err, ERROR_CORRUPT, "the file ends before the chunk does");
        else
                error_set(&err, spill_is_full(result) ? ERROR_SPILL_FULL : result, "cannot %s '%s': %s",
                          job->write ? "spill to" : "read what was spilled to", p->path, strerrordesc_np(-result));
        if (!job->write)
                read_failed(job->entry, &err);
        write_end(s, job, &err);
        return false;
}

static bool unwanted(Spill *s, const Job *job) {
        bool r;

        pthread_mutex_lock(&s->lock);
        r = s->ending || (job->write && job->entry->dropped);
        pthread_mutex_unlock(&s->lock);
        return r;
}

/* As much is on its way as the disk has use for. */
static bool is_deep(const SpillPlace *p) {
        return p->n_begun >= SPILL_DIR_DEPTH || p->begun_bytes >= SPILL_DIR_BYTES;
}

/* Begins pieces; true: all have been begun and have ended. */
static bool pieces_done(Spill *s, Job *job) {
        while (job->next_piece != all_pieces(job)) {
                if (is_deep(job->entry->place))
                        return false;
                if ((job->n_pieces == 1 ? small_begin(s, job) :
                     job->write         ? write_next(s, job) :
                                          read_next(s, job)) != 0)
                        return false;
        }
        return job->n_begun == 0 && job->n_hashed == job->n_pieces;
}

bool spill_hash(Spill *s) {
        for (Job *job = s->active; job; job = job->next) {
                if (job->phase != JOB_MOVE || job->result < 0 || job->n_hashed == job->n_pieces)
                        continue;
                if (!job->write) {
                        if (!(job->arrived & 1))
                                continue;
                        job->arrived >>= 1;
                }
                piece_hash(job, job->n_hashed++);
                return true;
        }
        return false;
}

void spill_move(Spill *s, Job *job) {
        uint64_t size_bytes;
        Error err;
        int r;

        for (;;) {
                if (job->result == 0 && unwanted(s, job))
                        job->result = -ECANCELED;
                if (job->result < 0) {
                        if (job->n_begun > 0 || !job_failed(s, job))
                                return;
                        continue;
                }
                switch (job->phase) {
                case JOB_BEGIN:
                        r = job->write ? spill_pack(s, job) : spill_unpack_begin(s, job);
                        if (r == ROOM_LATER)
                                return;
                        if (r < 0) {
                                error_oom(&err, job->entry->packed_bytes);
                                write_end(s, job, &err);
                                return;
                        }
                        if (!job->write) {
                                spill_move_begin(s, job);
                                continue;
                        }
                        size_bytes = SPILL_PAGE + spill_moved_pages(job->entry->offset, job->entry->chunk_bytes,
                                                                    job->entry->packed_bytes);
                        r          = spill_room_find(s, job, size_bytes, &err);
                        if (r == ROOM_LATER)
                                return;
                        if (r != 0) {
                                write_end(s, job, &err);
                                return;
                        }
                        spill_move_begin(s, job);
                        continue;
                case JOB_MOVE:
                        if (!pieces_done(s, job))
                                return;
                        if (!job->write)
                                read_end(s, job);
                        else if (!s->config.keep)
                                write_end(s, job, NULL);
                        else if (table_begin(s, job) != 0)
                                return; /* later */
                        else
                                continue;
                        return;
                case JOB_TABLE:
                        if (job->n_begun == 0)
                                write_end(s, job, NULL);
                        return;
                }
        }
}
