/* SPDX-License-Identifier: Apache-2.0 */
/* The callers' side of spilling, and the disk thread's loop.
 *
 * The ledger promises room when a write is begun: a header and the pages that the chunk covers. What is promised never
 * passes the limit, so the files need not either (spill-room.c). A promise ends when the chunk is dropped or was not
 * written. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/spill-state.h"

void spill_say(Spill *s, bool warning, const char *fmt, ...) {
        char text[MAX_ERROR_TEXT];
        va_list args;

        if (!s->config.say)
                return;
        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        s->config.say(s->config.userdata, warning, text);
}

static void queue_push(JobQueue *queue, Job *job) {
        job->next = NULL;
        if (!queue->first)
                queue->last = &queue->first;
        *queue->last = job;
        queue->last  = &job->next;
}

static Job *queue_pop(JobQueue *queue) {
        Job *job = queue->first;

        if (job)
                queue->first = job->next;
        return job;
}

static Entry *entry_find(const Spill *s, uint64_t id) {
        return (Entry *) (uintptr_t) map_get(&s->entries, id);
}

/* With the lock: what the disk thread may sleep through no longer. */
static void wake(Spill *s) {
        if (s->waiting && s->ring) {
                s->waiting = false;
                ring_wake(s->ring);
        }
}

/* ---- The disk thread -------------------------------------------------------------------------------------------- */

/* The end of a job, whether the disk thread has moved it or not. */
static void job_end(Spill *s, Job *job, const Error *err) {
        Entry *e           = job->entry;
        const uint64_t id  = e->id;
        const bool written = job->write;
        bool gone          = false;
        Error canceled;

        pthread_mutex_lock(&s->lock);
        if (written && !err && e->dropped) {
                error_set(&canceled, ERROR_CANCELED, "the chunk was dropped while it was written");
                err = &canceled;
        }
        if (written && err) {
                if (!e->dropped) {
                        map_remove(&s->entries, id);
                        s->stats.promised_bytes -= e->promised_bytes;
                }
                s->stats.n_full += err->code == ERROR_SPILL_FULL;
                gone = true;
        } else if (written) {
                e->state = ENTRY_WHOLE;
                s->stats.promised_bytes -= e->promised_bytes - e->extent->size_bytes;
                e->promised_bytes = e->extent->size_bytes;
                s->stats.n_chunks++;
                s->stats.n_written++;
                s->stats.n_packed += e->packed_bytes > 0;
                s->stats.chunk_bytes += e->chunk_bytes;
                s->stats.stored_bytes += e->extent->size_bytes;
                s->stats.written_bytes += e->chunk_bytes;
        } else {
                e->state = ENTRY_WHOLE;
                gone     = e->dropped;
                s->stats.n_read += !err;
                s->stats.read_bytes += err ? 0 : e->chunk_bytes;
                s->stats.n_corrupt += err && err->code == ERROR_CORRUPT;
        }
        s->stats.n_busy--;
        pthread_mutex_unlock(&s->lock);
        free(job);
        if (gone)
                spill_room_give(s, e);
        s->config.done(s->config.userdata, id, written, err);
}

/* Moves what can be moved, oldest first; and again when one has ended, for which an older one may have waited. */
static void move_active(Spill *s) {
        uint32_t n;

        do {
                n = s->n_active;
                for (Job *next, *job = s->active; job; job = next) {
                        next = job->next;
                        spill_move(s, job);
                }
        } while (s->n_active < n);
        spill_forget(s);
}

static void activate(Spill *s, Job *job) {
        Job **last = &s->active;

        while (*last)
                last = &(*last)->next;
        *last      = job;
        job->next  = NULL;
        job->stage = s->stages;
        s->stages  = job->stage->next;
        if (s->n_active++ == 0)
                spill_time_begin(s);
        spill_move_begin(s, job);
}

void spill_deactivate(Spill *s, Job *job, const Error *err) {
        Job **at = &s->active;

        while (*at != job)
                at = &(*at)->next;
        *at = job->next;
        spill_pack_free(s, job);
        job->stage->next = s->stages;
        s->stages       = job->stage;
        s->n_active--;
        spill_time_end(s, err ? 0 : job->entry->chunk_bytes);
        job_end(s, job, err);
}

static bool something_queued(const Spill *s) {
        return s->to_give || ((s->n_active < SPILL_JOBS || s->closing) && (s->reads.first || s->writes.first));
}

/* Takes what callers have left: reads before writes, since somebody waits for them. */
static void take_queued(Spill *s) {
        pthread_mutex_lock(&s->lock);
        while (something_queued(s)) {
                const bool ending = s->closing;
                Entry *give       = s->to_give;
                Job *job          = NULL;

                s->to_give = NULL;
                if (s->n_active < SPILL_JOBS || ending) {
                        job = queue_pop(&s->reads);
                        if (!job)
                                job = queue_pop(&s->writes);
                }
                pthread_mutex_unlock(&s->lock);
                for (Entry *next; give; give = next) {
                        next = give->next;
                        spill_room_give(s, give);
                }
                if (job && ending) {
                        Error err;

                        error_set(&err, ERROR_CANCELED, "the session is closed");
                        job_end(s, job, &err);
                } else if (job)
                        activate(s, job);
                pthread_mutex_lock(&s->lock);
        }
        s->ending = s->closing;
        pthread_mutex_unlock(&s->lock);
}

/* True: there is nothing to do but to wait. */
static bool about_to_wait(Spill *s, bool *ret_end) {
        bool wait;

        pthread_mutex_lock(&s->lock);
        *ret_end   = s->closing && s->ending && !something_queued(s) && s->n_active == 0 &&
                     s->n_forgetting == 0 && ring_n_begun(s->ring) == 0; /* a file may still grow for who is gone */
        wait       = !*ret_end && !something_queued(s) && s->closing == s->ending;
        s->waiting = wait;
        pthread_mutex_unlock(&s->lock);
        return wait;
}

static void op_end(Spill *s, RingOp *op) {
        for (uint32_t k = 0; k < s->n_places; k++)
                if (op == &s->place[k].room_op) {
                        spill_room_end(s, &s->place[k]);
                        return;
                }
        spill_piece_end(s, (SpillPiece *) op);
}

static void disk_loop(Spill *s) {
        for (bool end = false; !end;) {
                take_queued(s);
                move_active(s);
                if (spill_hash(s)) { /* which takes as long as a disk may have got ready in */
                        for (RingOp *op; (op = ring_end(s->ring, false));)
                                op_end(s, op);
                        continue;
                }
                if (!about_to_wait(s, &end))
                        continue;
                /* What is waited for will come. */
                assert(s->n_active + s->n_forgetting == 0 || ring_n_begun(s->ring) > 0);
                for (RingOp *op = ring_end(s->ring, true); op; op = ring_end(s->ring, false))
                        op_end(s, op);
        }
}

/* The files go. To give their room back takes 0.2 s a GiB (ext4), for which nobody waits where the disk has as much
 * room anyway: who comes next needs longer to fill that. Takes the descriptors of those files out of their places. */
static uint32_t remove_files(Spill *s, int fd[static MAX_SPILL_DIRS]) {
        uint32_t n = 0;

        for (uint32_t k = 0; k < s->n_places; k++) {
                SpillPlace *p = &s->place[k];
                struct statvfs fs;
                bool large;

                large = p->dir.fd >= 0 && fstatvfs(p->dir.fd, &fs) == 0 && spill_disk_room(&fs) >= p->file_bytes;
                spill_dir_remove(&p->dir);
                if (large && p->file_bytes > 0) {
                        fd[n++]            = p->dir.extents_fd;
                        p->dir.extents_fd = -1;
                }
                spill_dir_close(&p->dir, false);
        }
        return n;
}

static void *disk_main(void *userdata) {
        Spill *s = userdata;
        int fd[MAX_SPILL_DIRS];
        uint32_t n_files;
        Error err;
        Ring *ring = NULL;
        int r      = ring_new(&ring, &s->config.ring, &err);

        pthread_mutex_lock(&s->lock);
        s->ring    = ring;
        s->started = r == 0;
        s->failure = r;
        pthread_cond_signal(&s->ready);
        pthread_mutex_unlock(&s->lock);
        if (r < 0)
                return NULL;
        for (uint32_t k = 0; k < s->n_places && s->sweep; k++)
                spill_dir_sweep(s->place[k].path, false);
        spill_say(s, false, "spilling with %s", ring_text(ring));
        pthread_mutex_lock(&s->lock);
        snprintf(s->stats.text, sizeof(s->stats.text), "%s", ring_text(ring));
        pthread_mutex_unlock(&s->lock);
        disk_loop(s);
        n_files = s->leaves ? 0 : remove_files(s, fd);
        pthread_mutex_lock(&s->lock);
        s->stats.n_stale = ring_n_stale(ring);
        s->ring          = ring_free(ring);
        s->ended         = true;
        s->frees         = n_files > 0;
        pthread_cond_signal(&s->ready);
        pthread_mutex_unlock(&s->lock);
        for (uint32_t k = 0; k < n_files; k++)
                close(fd[k]);
        return NULL;
}

/* With the lock. The first operation starts the thread; a session that never spills has none. */
static int start(Spill *s) {
        const unsigned depth = s->config.ring.depth;
        sigset_t all, before;
        int r;

        if (s->started)
                return 0;
        if (!s->piece_memory) {
                s->piece_memory = calloc(depth, sizeof(*s->piece_memory));
                s->stage_memory = aligned_alloc(SPILL_PAGE, SPILL_JOBS * sizeof(*s->stage_memory));
                if (!s->piece_memory || !s->stage_memory) {
                        free(TAKE_PTR(s->piece_memory));
                        free(TAKE_PTR(s->stage_memory));
                        return -ENOMEM;
                }
                for (unsigned k = 0; k < depth; k++) {
                        s->piece_memory[k].next = s->pieces;
                        s->pieces               = &s->piece_memory[k];
                }
                for (unsigned k = 0; k < SPILL_JOBS; k++) {
                        s->stage_memory[k].next = s->stages;
                        s->stages               = &s->stage_memory[k];
                }
                s->stats.staging_bytes = depth * sizeof(*s->piece_memory) + SPILL_JOBS * sizeof(*s->stage_memory);
        }
        s->failure = 0;
        sigfillset(&all); /* signals are for the program's own threads; a file that is too long raises one */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&s->thread, NULL, disk_main, s);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        while (!s->started && s->failure == 0)
                pthread_cond_wait(&s->ready, &s->lock);
        if (!s->started)
                pthread_join(s->thread, NULL); /* it has let go of the lock for good */
        return s->failure;
}

/* ---- Calls ------------------------------------------------------------------------------------------------------ */

static Spill *spill_end(Spill *s, bool leave) {
        if (!s)
                return NULL;
        pthread_mutex_lock(&s->lock);
        s->closing = true;
        s->leaves  = leave;
        wake(s);
        while (s->started && !s->ended)
                pthread_cond_wait(&s->ready, &s->lock);
        pthread_mutex_unlock(&s->lock);
        if (s->frees)
                pthread_detach(s->thread);
        else if (s->started)
                pthread_join(s->thread, NULL);
        for (uint32_t k = 0; k < s->n_places; k++) {
                spill_dir_close(&s->place[k].dir, !leave);
                extents_free(s->place[k].extents);
                vec_free(&s->place[k].free_slots);
        }
        for (uint32_t k = 0; k < s->entries.capacity; k++)
                free((void *) (uintptr_t) s->entries.entry[k].value);
        for (Entry *next; s->to_give; s->to_give = next) {
                next = s->to_give->next;
                free(s->to_give);
        }
        map_done(&s->entries);
        pthread_cond_destroy(&s->ready);
        pthread_mutex_destroy(&s->lock);
        free(s->piece_memory);
        free(s->stage_memory);
        free(s->place);
        free(s->paths);
        free(s);
        return NULL;
}

Spill *spill_free(Spill *s) {
        return spill_end(s, false);
}

Spill *spill_leave(Spill *s) {
        assert(!s || s->config.keep);
        return spill_end(s, true);
}

int spill_prepare(Spill **ret, const SpillConfig *config, Error *err) {
        _cleanup_(spill_freep) Spill *s = calloc(1, sizeof(*s));
        const char *path;
        uint32_t n_places;
        int r;

        assert(config->done && config->owner != 0 && config->codec < _SPILL_CODEC_MAX);
        if (!s)
                return error_oom(err, sizeof(*s));
        s->config = *config;
        if (s->config.limit_bytes == 0)
                s->config.limit_bytes = UINT64_MAX;
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->ready, NULL);
        r = spill_dirs_parse(config->dirs, &s->paths, &n_places, err);
        if (r < 0)
                return r;
        s->config.dirs = NULL; /* the caller's */
        if (s->config.ring.depth == 0)
                s->config.ring.depth = MIN(n_places * (SPILL_DIR_DEPTH + 1), (uint32_t) SPILL_DEPTH_MAX);
        s->place = calloc(n_places, sizeof(*s->place));
        if (!s->place)
                return error_oom(err, n_places * sizeof(*s->place));
        path = s->paths;
        for (; s->n_places < n_places; s->n_places++, path += strlen(path) + 1) {
                s->place[s->n_places] = (SpillPlace) { .path = path, .dir = SPILL_DIR_NONE };
                r                     = spill_dir_check(path, err);
                if (r < 0)
                        return r;
        }
        s->stats.limit_bytes = s->config.limit_bytes;
        s->stats.n_dirs      = s->n_places;
        *ret                 = TAKE_PTR(s);
        return 0;
}

int spill_new(Spill **ret, const SpillConfig *config, Error *err) {
        Spill *s;
        int r = spill_prepare(&s, config, err);

        if (r < 0)
                return r;
        for (uint32_t k = 0; k < s->n_places; k++) {
                const char *warning = spill_dir_warning(s->place[k].path);

                if (warning)
                        spill_say(s, true, "'%s' %s", s->place[k].path, warning);
                s->sweep = s->sweep || !spill_dir_is_swept(s->place[k].path);
        }
        if (s->sweep) { /* on the disk thread: to unlink takes long; without one the next start does it */
                pthread_mutex_lock(&s->lock);
                (void) start(s);
                pthread_mutex_unlock(&s->lock);
        }
        *ret = s;
        return 0;
}

/* With the lock: whether a disk may have room, as far as it is known without asking more than the system's tables. */
static bool may_have_room(Spill *s, uint64_t size_bytes) {
        bool may = false;

        for (uint32_t k = 0; k < s->n_places; k++) {
                SpillPlace *p = &s->place[k];
                struct statvfs fs;

                if (p->failed)
                        continue;
                if (p->full && (p->free_bytes >= size_bytes ||
                                (statvfs(p->path, &fs) == 0 &&
                                 spill_disk_room(&fs) >= size_bytes)))
                        p->full = false;
                may = may || !p->full;
        }
        return may;
}

int spill_write(Spill *s, uint64_t id, const void *data, size_t size_bytes) {
        const uint32_t offset = (uint32_t) ((uintptr_t) data % SPILL_PAGE);
        uint64_t promised;
        Entry *e;
        Job *job;
        int r;

        assert(size_bytes <= SPILL_CHUNK_MAX);
        promised = SPILL_PAGE + spill_covering(offset, size_bytes);
        e        = calloc(1, sizeof(*e));
        job      = calloc(1, sizeof(*job));
        if (!e || !job) {
                free(e);
                free(job);
                return -ENOMEM;
        }
        *e = (Entry) {
                .id             = id,
                .chunk_bytes    = size_bytes,
                .promised_bytes = promised,
                .offset         = offset,
                .slot           = SLOT_NONE,
        };
        *job = (Job) { .entry = e, .write = true, .data = (char *) (uintptr_t) data };
        pthread_mutex_lock(&s->lock);
        assert(!entry_find(s, id));
        r = start(s);
        if (r == 0 && (s->stats.promised_bytes + promised > s->config.limit_bytes || !may_have_room(s, promised))) {
                s->stats.n_full++;
                r = SPILL_FULL;
        }
        if (r == 0)
                r = map_set(&s->entries, id, (uintptr_t) e);
        if (r == 0) {
                s->stats.promised_bytes += promised;
                s->stats.n_busy++;
                queue_push(&s->writes, job);
                wake(s);
        }
        pthread_mutex_unlock(&s->lock);
        if (r != 0) {
                free(e);
                free(job);
        }
        return r;
}

int spill_read(Spill *s, uint64_t id, void *data) {
        Job *job = calloc(1, sizeof(*job));
        Entry *e;
        int r;

        if (!job)
                return -ENOMEM;
        pthread_mutex_lock(&s->lock);
        e = entry_find(s, id);
        assert(e && e->state == ENTRY_WHOLE);
        assert(e->chunk_bytes == 0 || (uintptr_t) data % SPILL_PAGE == e->offset);
        r = start(s); /* it may have been found by spill_restore() */
        if (r == 0) {
                e->state = ENTRY_READ;
                *job     = (Job) { .entry = e, .data = data };
                s->stats.n_busy++;
                queue_push(&s->reads, job);
                wake(s);
        }
        pthread_mutex_unlock(&s->lock);
        if (r < 0)
                free(job);
        return r;
}

void spill_drop(Spill *s, uint64_t id) {
        Entry *e;

        pthread_mutex_lock(&s->lock);
        e = (Entry *) (uintptr_t) map_remove(&s->entries, id);
        if (e) {
                s->stats.promised_bytes -= e->promised_bytes;
                if (e->state != ENTRY_COMING) {
                        s->stats.n_chunks--;
                        s->stats.chunk_bytes -= e->chunk_bytes;
                        s->stats.stored_bytes -= e->promised_bytes;
                }
                e->dropped = true;
                if (e->state == ENTRY_WHOLE) {
                        e->next    = s->to_give;
                        s->to_give = e;
                        wake(s);
                }
        }
        pthread_mutex_unlock(&s->lock);
}

uint32_t spill_offset(const Spill *spill, uint64_t id) {
        Spill *s = (Spill *) (uintptr_t) spill; /* to look is to lock */
        uint32_t offset;

        pthread_mutex_lock(&s->lock);
        assert(entry_find(s, id));
        offset = entry_find(s, id)->offset;
        pthread_mutex_unlock(&s->lock);
        return offset;
}

void spill_stats(const Spill *spill, SpillStats *ret) {
        Spill *s = (Spill *) (uintptr_t) spill;

        pthread_mutex_lock(&s->lock);
        *ret = s->stats;
        pthread_mutex_unlock(&s->lock);
}

bool spill_disk(const Spill *spill, uint32_t k, SpillDisk *ret) {
        Spill *s = (Spill *) (uintptr_t) spill;
        struct statvfs fs;

        if (k >= s->n_places)
                return false;
        pthread_mutex_lock(&s->lock);
        *ret = (SpillDisk) { .path       = s->place[k].path,
                             .failed     = s->place[k].failed,
                             .full       = s->place[k].full,
                             .used_bytes = s->place[k].file_bytes - s->place[k].free_bytes,
                             .free_bytes = s->place[k].free_bytes };
        pthread_mutex_unlock(&s->lock);
        if (statvfs(ret->path, &fs) == 0)
                ret->free_bytes += spill_disk_room(&fs);
        return true;
}

int spill_sweep(const char *dirs, Error *err) {
        _cleanup_(freep) char *paths = NULL;
        const char *path;
        uint32_t n;
        int r = spill_dirs_parse(dirs, &paths, &n, err);

        if (r < 0)
                return r;
        path = paths;
        for (uint32_t k = 0; k < n; k++, path += strlen(path) + 1)
                spill_dir_sweep(path, true);
        return 0;
}
