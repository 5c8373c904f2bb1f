/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves memory and what comes back. A chunk that neither a client nor an admitted task reads is a candidate;
 * while there is pressure the candidates are kept by what they are worth. Nothing is lost on the way: a chunk is
 * readable while it is written, and its memory goes only when its file is whole. A write that was refused changes
 * nothing but that no other is tried until there is reason to. */
#include "sched/work-state.h"

enum {
        AHEAD_SHARE  = 8, /* of the soft cache, that is written early: a disk wants tens of MiB at a time */
        CAREFUL_PART = 2, /* of memory is used by one that is careful, as of its threads */
};

static size_t over(size_t bytes, size_t limit) {
        return bytes > limit ? bytes - limit : 0;
}

size_t memory_short(const Work *w, size_t chunk_bytes, size_t scratch_bytes, bool soft) {
        const WorkLimits *l = &w->limits;
        size_t chunks = w->chunk_bytes + chunk_bytes, all = chunks + w->scratch_bytes + scratch_bytes;
        size_t part   = soft && l->spill && w->careful ? CAREFUL_PART : 1;

        return MAX(over(chunks, (soft ? w->soft_cache : l->cache_bytes) / part),
                   over(all, over(soft ? l->soft_bytes : l->hard_bytes, l->overhead_bytes) / part));
}

bool work_still(const Work *w) {
        return w->n_running + w->loading.n + w->loaded.n + w->n_writing + w->n_returning == 0 && w->n_brief == 0;
}

bool work_idle(const Work *w) {
        return work_still(w) && w->n_fetching == 0;
}

/* ---- What chunks are worth -------------------------------------------------------------------------------------- */

int chunk_rate_now(Work *w, const Chunk *c) {
        uint32_t at = (uint32_t) (c - w->chunk.data);
        EvictKey key;

        evict_remove(c->disk ? &w->dirty : &w->clean, at);
        if (c->state != CHUNK_HERE || c->bytes == 0 || c->claims > 0 || c->pins > 0 || c->writing) {
                evict_remove(c->disk ? &w->clean : &w->dirty, at);
                return 0;
        }
        key = (EvictKey) { .plan = EVICT_NEVER, .used_at = c->used_at, .size_bytes = c->bytes, .chunk = at };
        if (c->first != NONE) {
                Order reader = order_of(w, w->use.data[c->first].task);

                key.plan     = reader.plan;
                key.position = reader.position;
        }
        return evict_set(c->disk ? &w->clean : &w->dirty, &key);
}

int rating_begin(Work *w) {
        int r = 0;

        if (w->rating)
                return 0;
        w->rating = true;
        for (uint32_t k = 0; k < w->n_places && r == 0; k++)
                if (w->thread[k] != NONE)
                        r = inputs_claim(w, w->thread[k]);
        for (uint32_t k = 0; k < w->loading.n && r == 0; k++)
                r = inputs_claim(w, w->loading.data[k]);
        for (uint32_t k = 0; k < w->loaded.n && r == 0; k++)
                r = inputs_claim(w, w->loaded.data[k]);
        for (uint32_t k = 0; k < w->chunk.n && r == 0; k++)
                if (w->chunk.data[k].id != 0)
                        r = chunk_rate(w, &w->chunk.data[k]);
        return r;
}

/* Everything is in memory, and memory is far from full. */
static int rating_end(Work *w) {
        int r = 0;

        w->rating = false;
        for (uint32_t k = 0; k < w->n_places && r == 0; k++)
                if (w->thread[k] != NONE)
                        r = inputs_unclaim(w, w->thread[k]);
        for (uint32_t k = 0; k < w->loaded.n && r == 0; k++)
                r = inputs_unclaim(w, w->loaded.data[k]);
        evict_clear(&w->dirty);
        evict_clear(&w->clean);
        return r;
}

/* ---- Out -------------------------------------------------------------------------------------------------------- */

static int chunk_write(Work *w, Chunk *c) {
        c->writing = true;
        w->n_writing++;
        w->writing_bytes += c->bytes;
        if (chunk_rate(w, c) < 0)
                return -ENOMEM;
        return work_act(w, &(WorkAction) { .kind = WORK_SPILL, .chunk = c->id });
}

static int chunk_evict(Work *w, Chunk *c) {
        w->chunk_bytes -= c->bytes;
        w->clean_bytes -= c->bytes;
        w->n_freed++;
        w->n_evicted++;
        if (!c->paged) {
                const size_t paged_bytes = chunk_paged(c->bytes);

                c->slack += (uint16_t) (paged_bytes - c->bytes);
                c->bytes = paged_bytes;
        }
        c->paged = true;
        c->state = CHUNK_AWAY;
        w->n_away++;
        w->away_bytes += c->bytes;
        if (chunk_rate(w, c) < 0)
                return -ENOMEM;
        return work_act(w, &(WorkAction) { .kind = WORK_EVICT, .chunk = c->id });
}

int room_make(Work *w, size_t short_bytes) {
        size_t got = 0;
        int r      = rating_begin(w);

        while (got < short_bytes && r == 0) {
                const EvictKey *clean = evict_first(&w->clean);
                const EvictKey *dirty = w->limits.spill && w->refusal.code == 0 ? evict_first(&w->dirty) : NULL;

                if (dirty && (!clean || evict_used_later(dirty, clean))) {
                        if (got + w->writing_bytes >= short_bytes)
                                break; /* enough is on its way */
                        r = chunk_write(w, &w->chunk.data[dirty->chunk]);
                } else if (clean) {
                        got += clean->size_bytes;
                        r = chunk_evict(w, &w->chunk.data[clean->chunk]);
                } else
                        break;
        }
        return r;
}

/* Above the soft limit chunks are written before somebody needs their room, and some more, so that who needs it does
 * not wait for the disk. */
static int write_behind(Work *w, size_t over_bytes) {
        const EvictKey *dirty;
        int r = rating_begin(w);

        /* what comes back has its copy on disk */
        while (r == 0 && w->refusal.code == 0 && over_bytes > w->clean_bytes + w->writing_bytes + w->returning_bytes &&
               (dirty = evict_first(&w->dirty)))
                r = chunk_write(w, &w->chunk.data[dirty->chunk]);
        return r;
}

int work_spilled(Work *w, const WorkEvent *e) {
        Chunk *c = chunk_find(w, e->chunk);

        assert(c && c->writing);
        c->writing = false;
        w->n_writing--;
        w->writing_bytes -= c->bytes;
        if (e->error)
                w->refusal = *e->error;
        else {
                c->disk = true;
                w->clean_bytes += c->bytes;
                w->n_spilled++;
        }
        return chunk_settle(w, c);
}

/* ---- In --------------------------------------------------------------------------------------------------------- */

int chunk_return(Work *w, Chunk *c) {
        c->state = CHUNK_RETURNING;
        w->n_returning++;
        w->returning_bytes += c->bytes;
        w->away_bytes -= c->bytes;
        w->chunk_bytes += c->bytes;
        return work_act(w, &(WorkAction) { .kind = WORK_RETURN, .chunk = c->id });
}

static bool reads(const Work *w, uint32_t task, uint64_t chunk) {
        const PlanRun *run = w->job.data[w->task.data[task].plan].run;
        uint32_t t         = w->task.data[task].task;

        for (uint32_t k = run->plan->input_start[t]; k < run->plan->input_start[t + 1]; k++)
                if (plan_run_chunk(run, run->plan->input_chunk[k]) == chunk)
                        return true;
        return false;
}

/* The chunk is not back: who was admitted because of it is no more. */
static int tasks_not_loaded(Work *w, uint64_t chunk, const Error *err) {
        int r = 0;

        for (uint32_t k = 0; k < w->loading.n && r == 0;) {
                uint32_t at    = w->loading.data[k];
                const Job *job = &w->job.data[w->task.data[at].plan];

                if (!reads(w, at, chunk)) {
                        k++;
                        continue;
                }
                r = admitted_end(w, at);
                if (r == 0 && err)
                        r = work_fail(w, job, w->task.data[at].task, err);
                if (r == 0)
                        r = err ? task_end(w, at) : task_refused(w, at);
        }
        return r;
}

static int tasks_loaded(Work *w, const Chunk *c) {
        for (uint32_t at = c->first; at != NONE; at = w->use.data[at].next) {
                uint32_t task = w->use.data[at].task, k = 0;
                Task *t       = &w->task.data[task];

                if (t->state != TASK_LOADING || --t->missing > 0)
                        continue;
                t->state = TASK_LOADED;
                while (w->loading.data[k] != task)
                        k++;
                w->loading.data[k] = vec_pop(&w->loading);
                if (vec_push(&w->loaded, task) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int work_returned(Work *w, const WorkEvent *e) {
        Chunk *c = chunk_find(w, e->chunk);
        int r;

        assert(c && c->state == CHUNK_RETURNING);
        w->n_returning--;
        w->returning_bytes -= c->bytes;
        if (e->lost)
                return chunk_lost(w, c, e->error);
        if (e->ok) {
                w->n_away--;
                w->n_returned++;
                w->clean_bytes += c->bytes;
                r = chunk_here(w, c);
                if (r == 0)
                        r = tasks_loaded(w, c);
        } else {
                c->state = CHUNK_AWAY;
                w->chunk_bytes -= c->bytes;
                w->away_bytes += c->bytes;
                r = tasks_not_loaded(w, e->chunk, e->error);
        }
        if (r == 0)
                r = pin_returned(w, e->chunk, e->ok, e->error);
        c = chunk_find(w, e->chunk); /* a task that failed, or a pin, may have been the last to want it */
        return r == 0 && c ? chunk_settle(w, c) : r;
}

/* ---- After every event ------------------------------------------------------------------------------------------ */

int memory_settle(Work *w) {
        size_t over_bytes;
        int r = 0;

        if (w->pin.n > 0)
                r = pins_go(w);
        if (w->wanted.n > 0 && r == 0)
                r = fetches_go(w);
        if (!memory_gives(w) || r < 0)
                return r;
        over_bytes = memory_short(w, 0, 0, true);
        if (over_bytes > 0 && w->limits.spill && w->careful)
                return room_make(w, over_bytes);
        if (over_bytes > 0 && w->limits.spill)
                return write_behind(w, over_bytes + w->soft_cache / AHEAD_SHARE);
        if (w->rating && w->n_away == 0 && w->n_writing == 0 && w->chunk_bytes < w->soft_cache / 2)
                return rating_end(w);
        return 0;
}
