/* SPDX-License-Identifier: Apache-2.0 */
/* Where chunks go: the place with the least on its way to it, among equal ones that with the most room. Its file grows
 * in steps by fallocate(), so a full disk says so before anything is written.
 *
 * The files never pass the limit: used extents are what was promised, and free ones are punched out of the files where
 * they are too small for what is asked and the limit or the disk leaves nothing to grow into. So a promise is kept
 * however the files are fragmented, unless a disk is filled by others. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "io/spill-state.h"

enum {
        RESERVE_PART = 20, /* of a file system we leave a twentieth to others, */
};

#define RESERVE_MAX GiB    /* or this */
#define FILE_MAX ((uint64_t) 1 << 62)

uint64_t spill_disk_room(const struct statvfs *fs) {
        const uint64_t reserve = MIN((uint64_t) fs->f_blocks * fs->f_frsize / RESERVE_PART, (uint64_t) RESERVE_MAX);
        const uint64_t room    = (uint64_t) fs->f_bavail * fs->f_frsize;

        return room > reserve ? room - reserve : 0;
}

uint64_t spill_most_bytes(const char *dirs) {
        _cleanup_(freep) char *paths = NULL;
        const char *path;
        uint64_t ret = 0;
        uint32_t n   = 0;

        if (spill_dirs_parse(dirs, &paths, &n, NULL) < 0)
                return UINT64_MAX;
        path = paths;
        for (uint32_t k = 0; k < n; k++, path += strlen(path) + 1) {
                struct statvfs fs;

                if (statvfs(path, &fs) < 0)
                        return UINT64_MAX;
                ret += (uint64_t) fs.f_blocks * fs.f_frsize;
        }
        return ret;
}

bool spill_is_full(int result) {
        return result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
}

/* After the extents or the size of the file changed. */
static void place_changed(Spill *s, SpillPlace *p, int64_t file_bytes) {
        pthread_mutex_lock(&s->lock);
        p->file_bytes = (uint64_t) ((int64_t) p->file_bytes + file_bytes);
        s->stats.file_bytes = (uint64_t) ((int64_t) s->stats.file_bytes + file_bytes);
        p->free_bytes = extents_bytes(p->extents, EXTENT_FREE);
        pthread_mutex_unlock(&s->lock);
}

static void place_full(Spill *s, SpillPlace *p) {
        p->refused_bytes = 0;
        pthread_mutex_lock(&s->lock);
        p->full = true;
        pthread_mutex_unlock(&s->lock);
}

static void place_fail(Spill *s, SpillPlace *p, const char *words) {
        if (p->failed)
                return;
        pthread_mutex_lock(&s->lock);
        p->failed = true;
        s->stats.n_dirs_failed++;
        pthread_mutex_unlock(&s->lock);
        spill_say(s, true, "'%s' is spilled to no more: %s", p->path, words);
}

static void place_buffer(Spill *s, SpillPlace *p) {
        p->buffered = true;
        (void) fcntl(p->dir.extents_fd, F_SETFL, 0);
        spill_say(s, false, "'%s' is written through the page cache: its file system has no O_DIRECT", p->path);
}

int spill_place_open(Spill *s, SpillPlace *p, Error *err) {
        int r = extents_new(&p->extents, FILE_MAX, err);

        if (r < 0)
                return r;
        p->opened = true;
        if (fcntl(p->dir.extents_fd, F_SETFL, O_DIRECT) < 0)
                place_buffer(s, p);
        return 0;
}

bool spill_place_blame(Spill *s, SpillPlace *p, const Job *job, int result) {
        if (result == -EINVAL && job->direct) { /* O_DIRECT with pages is too fine for this disk */
                if (!p->buffered)
                        place_buffer(s, p);
                return true;
        }
        if (job->write && spill_is_full(result))
                place_full(s, p);
        else if (result != -ENODATA && result != -ENOMEM && result != -EAGAIN && result != -EINTR)
                place_fail(s, p, strerrordesc_np(-result));
        return false;
}

/* ---- Growing and punching --------------------------------------------------------------------------------------- */

static int place_begin(Spill *s, SpillPlace *p, RingKind kind, Extent *extent) {
        p->room_op = (RingOp) {
                .kind       = kind,
                .fd         = p->dir.extents_fd,
                .offset     = extent->offset,
                .size_bytes = extent->size_bytes,
        };
        if (ring_begin(s->ring, &p->room_op) == RING_BUSY)
                return RING_BUSY;
        p->room = extent;
        return 0;
}

/* Gives the disk the largest of our unused extents back: ROOM_LATER, or ROOM_NONE when there is none. */
static int place_punch(Spill *s, SpillPlace *p) {
        Extent *extent;

        if (p->room)
                return ROOM_LATER;
        if (p->no_punch || extents_take_largest(p->extents, &extent) != 0)
                return ROOM_NONE;
        if (place_begin(s, p, RING_PUNCH, extent) == RING_BUSY)
                extents_give(p->extents, extent, EXTENT_FREE);
        return ROOM_LATER;
}

/* Some other place, which takes of the limit what it does not use. */
static int any_punch(Spill *s) {
        int r = ROOM_NONE;

        for (uint32_t k = 0; k < s->n_places && r != ROOM_LATER; k++)
                if (s->place[k].opened)
                        r = place_punch(s, &s->place[k]);
        return r;
}

static int place_grow(Spill *s, SpillPlace *p, uint64_t need) {
        const uint64_t limit = s->config.limit_bytes, files = s->stats.file_bytes; /* only this thread changes it */
        const uint64_t left  = limit > files ? limit - files : 0;
        uint64_t step        = MAX(need, (uint64_t) SPILL_STEP), room = UINT64_MAX;
        struct statvfs fs;
        Extent *extent;
        int r;

        if (p->room)
                return ROOM_LATER;
        if (left < need) {
                r = any_punch(s);
                return r == ROOM_NONE && s->n_forgetting > 0 ? ROOM_LATER : r;
        }
        if (fstatvfs(p->dir.fd, &fs) == 0)
                room = spill_disk_room(&fs);
        if (p->refused_bytes > 0)
                room = MIN(room, p->refused_bytes - 1);
        if (room < need)
                return place_punch(s, p);
        if (step > left || step > room)
                step = need;
        r = extents_take(p->extents, EXTENT_HOLE, step, &extent);
        if (r != 0)
                return r < 0 ? r : ROOM_NONE;
        if (p->no_allocate) {
                extents_give(p->extents, extent, EXTENT_FREE);
                place_changed(s, p, (int64_t) step);
                return 0;
        }
        if (place_begin(s, p, RING_ALLOCATE, extent) == RING_BUSY)
                extents_give(p->extents, extent, EXTENT_HOLE);
        else
                place_changed(s, p, (int64_t) step);
        return ROOM_LATER;
}

/* On the way to a full disk fallocate() keeps what it got. */
static void place_undo(Spill *s, SpillPlace *p, Extent *extent) {
        if (!p->no_punch && place_begin(s, p, RING_PUNCH, extent) == 0)
                return;
        extents_give(p->extents, extent, EXTENT_HOLE);
        place_changed(s, p, -(int64_t) extent->size_bytes);
}

void spill_room_end(Spill *s, SpillPlace *p) {
        Extent *extent    = TAKE_PTR(p->room);
        const int result  = p->room_op.result;
        const int64_t n   = (int64_t) extent->size_bytes;
        const bool undone = p->refused_bytes > 0;

        if (p->room_op.kind == RING_PUNCH) {
                p->no_punch = result < 0;
                extents_give(p->extents, extent, result < 0 && !undone ? EXTENT_FREE : EXTENT_HOLE);
                place_changed(s, p, result < 0 && !undone ? 0 : -n);
        } else if (spill_is_full(result)) {
                p->refused_bytes = (uint64_t) n;
                place_undo(s, p, extent);
        } else if (result == -EOPNOTSUPP || result == -ENOSYS || result == 0) {
                p->no_allocate = result < 0; /* then a full disk says so when it is written */
                extents_give(p->extents, extent, EXTENT_FREE);
                place_changed(s, p, 0);
        } else {
                place_fail(s, p, strerrordesc_np(-result));
                place_undo(s, p, extent);
        }
}

/* ---- Chunks ----------------------------------------------------------------------------------------------------- */

/* What is missing for a place's first use. */
static int place_make(Spill *s, SpillPlace *p, Error *err) {
        int r = p->dir.fd < 0 ? spill_dir_make(&p->dir, p->path, s->config.owner, s->config.keep, err) : 0;

        return r < 0 ? r : spill_place_open(s, p, err);
}

/* The place that a job tries next, NULL: none is left. Opens those that have not been used yet. */
static SpillPlace *place_choose(Spill *s, Job *job) {
        SpillPlace *best = NULL;
        uint64_t best_room = 0;

        for (uint32_t k = 0; k < s->n_places; k++) {
                SpillPlace *p = &s->place[k];
                struct statvfs fs;
                uint64_t room;
                Error err;
                int r;

                if (p->failed || (job->tried & UINT64_C(1) << k))
                        continue;
                r = p->opened ? 0 : place_make(s, p, &err);
                if (r == ERROR_MEMORY) { /* that is not the disk's fault */
                        job->refusal = r;
                        job->tried |= UINT64_C(1) << k;
                } else if (r < 0)
                        place_fail(s, p, err.text);
                if (r < 0)
                        continue;
                if (best && p->queued_bytes > best->queued_bytes)
                        continue;
                room = extents_bytes(p->extents, EXTENT_FREE);
                if (s->n_places > 1 && fstatvfs(p->dir.fd, &fs) == 0)
                        room += spill_disk_room(&fs);
                if (!best || p->queued_bytes < best->queued_bytes || room > best_room) {
                        best      = p;
                        best_room = room;
                }
        }
        return best;
}

int spill_room_find(Spill *s, Job *job, uint64_t size_bytes, Error *err) {
        Entry *e = job->entry;
        SpillPlace *p;
        bool full = false;
        int r;

        while ((p = place_choose(s, job))) {
                r = extents_take(p->extents, EXTENT_FREE, size_bytes, &e->extent);
                if (r == EXTENTS_NONE) {
                        r = place_grow(s, p, size_bytes);
                        if (r == 0)
                                r = extents_take(p->extents, EXTENT_FREE, size_bytes, &e->extent);
                }
                if (r == 0) {
                        e->place = p;
                        p->queued_bytes += size_bytes;
                        place_changed(s, p, 0);
                        return 0;
                }
                if (r == ROOM_LATER)
                        return r;
                if (r < 0)
                        return error_oom(err, sizeof(Extent));
                place_full(s, p);
                job->tried |= UINT64_C(1) << (p - s->place);
        }
        if (job->refusal == ERROR_MEMORY)
                return error_oom(err, size_bytes);
        for (uint32_t k = 0; k < s->n_places; k++)
                full = full || !s->place[k].failed;
        if (!full && !spill_is_full(job->refusal))
                return error_set(err, job->refusal < 0 ? job->refusal : -EIO, "cannot spill: %s",
                                 s->n_places > 1 ? "all directories have failed" : "the directory has failed");
        error_set(err, ERROR_SPILL_FULL, "no disk has room for %.1f MiB more (the spill files take %.1f MiB)",
                  (double) size_bytes / (double) MiB, (double) s->stats.file_bytes / (double) MiB);
        return ROOM_NONE;
}

void spill_room_leave(Spill *s, Entry *e) {
        SpillPlace *p = e->place;

        p->queued_bytes -= e->extent->size_bytes;
        p->refused_bytes = 0;
        extents_give(p->extents, TAKE_PTR(e->extent), EXTENT_FREE);
        e->place = NULL;
        place_changed(s, p, 0);
}

static void entry_free(Spill *s, Entry *e) {
        SpillPlace *p = e->place;

        if (e->extent) {
                p->refused_bytes = 0;
                extents_give(p->extents, e->extent, EXTENT_FREE);
                place_changed(s, p, 0);
        }
        free(e);
}

void spill_room_give(Spill *s, Entry *e) {
        if (e->slot == SLOT_NONE) {
                entry_free(s, e);
                return;
        }
        e->next      = s->to_forget;
        s->to_forget = e;
        s->n_forgetting++;
}

void spill_room_forgotten(Spill *s, Entry *e, int result) {
        s->n_forgetting--;
        if (result < 0) { /* who restarts would take what lies there next for this chunk */
                place_fail(s, e->place, strerrordesc_np(-result));
                free(e);
                return;
        }
        if (vec_push(&e->place->free_slots, e->slot) < 0) {
                /* the slot stays zero for ever */
        }
        entry_free(s, e);
}
