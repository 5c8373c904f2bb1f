/* SPDX-License-Identifier: Apache-2.0 */
/* The chunks that are here, on disk, or awaited, and who reads them. */
#include "sched/work-state.h"

enum {
        ROUND_BYTES = 64,
        PAGE_BYTES  = 4096, /* what came back lies in pages of its own */
};

size_t chunk_rounded(size_t bytes) {
        return (bytes + ROUND_BYTES - 1) & ~(size_t) (ROUND_BYTES - 1);
}

size_t chunk_paged(size_t bytes) {
        return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES + PAGE_BYTES;
}

Chunk *chunk_find(Work *w, uint64_t id) {
        uint64_t at = idmap_get(&w->chunks, id);

        return at ? &w->chunk.data[at - 1] : NULL;
}

Chunk *chunk_get(Work *w, uint64_t id) {
        uint32_t at = (uint32_t) idmap_get(&w->chunks, id);

        if (at)
                return &w->chunk.data[at - 1];
        if (w->unused_chunk != NONE) {
                at              = w->unused_chunk;
                w->unused_chunk = w->chunk.data[at].first;
        } else {
                at = w->chunk.n;
                if (vec_push(&w->chunk, (Chunk) {}) < 0)
                        return NULL;
        }
        w->chunk.data[at] = (Chunk) { .id = id, .first = NONE, .last = NONE };
        if (idmap_set(&w->chunks, id, at + 1) < 0) {
                w->chunk.data[at].first = w->unused_chunk;
                w->unused_chunk         = at;
                return NULL;
        }
        return &w->chunk.data[at];
}

bool chunk_in_memory(const Chunk *c) {
        return c->state == CHUNK_FETCHING || c->state == CHUNK_HERE || c->state == CHUNK_RETURNING;
}

static void chunk_forget(Work *w, Chunk *c) {
        uint32_t at = (uint32_t) (c - w->chunk.data);

        assert(c->first == NONE && c->claims == 0 && c->pins == 0 && !c->writing && c->state != CHUNK_RETURNING);
        if (w->rating) {
                evict_remove(&w->dirty, at);
                evict_remove(&w->clean, at);
        }
        idmap_remove(&w->chunks, c->id);
        if (chunk_in_memory(c)) {
                w->chunk_bytes -= c->bytes;
                w->n_freed += c->bytes > 0;
                w->clean_bytes -= c->disk ? c->bytes : 0;
        }
        if (c->state == CHUNK_AWAY) {
                w->n_away--;
                w->away_bytes -= c->bytes;
        }
        w->n_fetching -= c->state == CHUNK_FETCHING;
        if (c->disk)
                w->refusal.code = 0; /* there is room on disk */
        w->n_odd -= c->copy || c->dropped;
        *c              = (Chunk) { .first = w->unused_chunk };
        w->unused_chunk = at;
}

static int chunk_free(Work *w, Chunk *c) {
        WorkActions *a   = w->actions;
        WorkAction *last = a->action.n > 0 ? &a->action.data[a->action.n - 1] : NULL;
        uint64_t id      = c->id;

        chunk_forget(w, c);
        if (last && last->kind == WORK_FREE && last->chunk + last->n == id) {
                last->n++;
                return 0;
        }
        return work_act(w, &(WorkAction) { .kind = WORK_FREE, .chunk = id, .n = 1 });
}

int chunk_settle(Work *w, Chunk *c) {
        if (c->first != NONE || c->pins > 0 || c->writing)
                return chunk_rate(w, c);
        switch ((ChunkState) c->state) {
        case CHUNK_WANTED:
                if (c->own)
                        return 0;
                chunk_forget(w, c);
                return 0;
        case CHUNK_ABSENT:
                chunk_forget(w, c);
                return 0;
        case CHUNK_FETCHING:
        case CHUNK_RETURNING:
                return 0; /* it is looked at again when it has come */
        case CHUNK_HERE:
        case CHUNK_AWAY:
                return c->copy || c->dropped ? chunk_free(w, c) : chunk_rate(w, c);
        }
        return 0;
}

/* ---- Who reads it ----------------------------------------------------------------------------------------------- */

/* Whether task a comes before task b. */
static bool task_before(const Work *w, uint32_t a, uint32_t b) {
        Order x, y;

        if (w->task.data[a].plan == w->task.data[b].plan)
                return w->task.data[a].position < w->task.data[b].position;
        x = order_of(w, a);
        y = order_of(w, b);
        return order_before(&x, &y);
}

int use_add(Work *w, Chunk *c, uint32_t task) {
        uint32_t at = w->unused_use, *before = &c->first;

        if (at != NONE)
                w->unused_use = w->use.data[at].next;
        else {
                at = w->use.n;
                if (vec_push(&w->use, (Use) {}) < 0)
                        return -ENOMEM;
        }
        /* Tasks are given in their order, nearly always. */
        if (c->last != NONE && !task_before(w, task, w->use.data[c->last].task))
                before = &w->use.data[c->last].next;
        else
                while (*before != NONE && !task_before(w, task, w->use.data[*before].task))
                        before = &w->use.data[*before].next;
        w->use.data[at] = (Use) { .task = task, .next = *before };
        *before         = at;
        if (w->use.data[at].next == NONE)
                c->last = at;
        return chunk_rate(w, c);
}

/* The chunk is not settled yet. */
static void use_take(Work *w, Chunk *c, uint32_t task) {
        uint32_t *at = &c->first, before = NONE, found;

        while (w->use.data[*at].task != task) {
                before = *at;
                at     = &w->use.data[before].next;
                assert(*at != NONE);
        }
        found = *at;
        *at   = w->use.data[found].next;
        if (c->last == found)
                c->last = before;
        w->use.data[found].next = w->unused_use;
        w->unused_use           = found;
}

int use_remove(Work *w, Chunk *c, uint32_t task) {
        use_take(w, c, task);
        if (c->state == CHUNK_HERE)
                c->used_at = w->clock++;
        return chunk_settle(w, c);
}

int chunk_here(Work *w, Chunk *c) {
        bool waited = c->state != CHUNK_RETURNING; /* tasks are ready also when an input is on disk */
        int r       = 0;

        c->state   = CHUNK_HERE;
        c->used_at = w->clock++;
        for (uint32_t at = c->first; at != NONE && r == 0 && waited; at = w->use.data[at].next)
                if (--w->task.data[w->use.data[at].task].missing == 0)
                        r = task_ready(w, w->use.data[at].task);
        return r < 0 ? r : chunk_rate(w, c);
}

static int taken(Work *w, uint64_t chunk, bool asked, const Error *err) {
        WorkAction action = { .kind = WORK_TAKEN, .chunk = chunk, .asked = asked };

        if (err) {
                if (vec_push(&w->actions->error, *err) < 0)
                        return -ENOMEM;
                action.error = w->actions->error.n;
        }
        return work_act(w, &action);
}

int take_answer(Work *w, uint64_t chunk) {
        return taken(w, chunk, true, NULL);
}

/* It is not to be had from there. Whoever reads it waits on: the scheduler knows more. */
static int fetch_ends(Work *w, Chunk *c, const Error *err) {
        const bool take = c->take, given = c->own && c->from == WORKER_NONE;
        int r = 0;

        if (c->state == CHUNK_FETCHING) {
                w->chunk_bytes -= c->bytes;
                w->n_fetching--;
                w->n_odd -= c->copy || c->dropped;
                w->n_freed++;
        }
        c->bytes = 0;
        c->copy = c->own = c->take = c->dropped = false;
        c->state = CHUNK_ABSENT;
        if (take)
                r = taken(w, c->id, true, err);
        if (given && r == 0)
                r = taken(w, c->id, false, err);
        return r < 0 ? r : chunk_settle(w, c);
}

/* Who reads it waits, as for what was never here: what is to be made again, and where, the scheduler knows. Clients
 * hear why. */
int chunk_lost(Work *w, Chunk *c, const Error *err) {
        const uint64_t id = c->id;
        int r             = work_act(w, &(WorkAction) { .kind = WORK_FREE, .chunk = id, .n = 1 });

        if (r < 0 || vec_push(&w->actions->error, *err) < 0)
                return -ENOMEM;
        r = work_act(w, &(WorkAction) { .kind = WORK_LOST, .chunk = id, .error = w->actions->error.n });
        if (r == 0)
                r = together_lost(w, id);
        if (r == 0)
                r = pins_lost(w, id, err);
        if (r == 0)
                r = readers_wait(w, c);
        if (r < 0)
                return r;
        assert(c->claims == 0 && c->pins == 0);
        w->n_away--;
        w->chunk_bytes -= c->bytes;
        w->n_odd -= c->copy || c->dropped;
        w->n_freed++;
        w->refusal.code = 0; /* there is room on disk */
        c->bytes        = 0;
        c->slack        = 0;
        c->copy = c->dropped = c->disk = c->paged = false;
        c->state                                  = CHUNK_ABSENT;
        return chunk_settle(w, c);
}

int work_drop(Work *w, uint64_t chunk, uint32_t n) {
        int r = 0;

        for (uint32_t k = 0; k < n && r == 0; k++) {
                Chunk *c = chunk_find(w, chunk + k);
                Error err;

                if (!c || c->dropped)
                        continue;
                if (c->take) {
                        c->take = false;
                        error_set(&err, ERROR_CANCELED, "it is not wanted any more");
                        r = taken(w, c->id, true, &err);
                }
                if (r < 0 || c->state == CHUNK_ABSENT || (c->state < CHUNK_HERE && !c->own))
                        continue;
                if (c->state == CHUNK_WANTED && c->from != WORKER_NONE) {
                        c->own = false; /* tasks that read it were told to fetch it, too */
                        r      = chunk_settle(w, c);
                        continue;
                }
                w->n_odd += !c->copy;
                c->dropped = true;
                if (c->state >= CHUNK_HERE)
                        r = chunk_settle(w, c);
        }
        return r;
}

/* ---- Chunks from elsewhere -------------------------------------------------------------------------------------- */

int work_adopt(Work *w, uint64_t chunk, uint32_t n) {
        int r = 0;

        for (uint32_t k = 0; k < n && r == 0; k++) {
                Chunk *c = chunk_get(w, chunk + k);

                r = c ? chunk_here(w, c) : -ENOMEM;
        }
        return r;
}

int work_offer(Work *w, uint64_t chunk, size_t size_bytes) {
        Chunk *c = chunk_get(w, chunk);

        if (!c)
                return -ENOMEM;
        assert(c->state == CHUNK_ABSENT && size_bytes > 0);
        c->bytes = chunk_paged(size_bytes);
        c->slack = (uint16_t) (c->bytes - size_bytes);
        c->paged = c->disk = true;
        c->state = CHUNK_AWAY;
        w->n_away++;
        w->away_bytes += c->bytes;
        return chunk_settle(w, c);
}

static int fetch_go(Work *w, const Chunk *c) {
        return work_act(w, &(WorkAction) { .kind = WORK_FETCH, .chunk = c->id, .from = c->from });
}

int fetch_add(Work *w, const PlanRun *run, const RunFetch *fetch) {
        Chunk *c = chunk_get(w, plan_run_chunk(run, fetch->chunk));

        if (!c)
                return -ENOMEM;
        if (c->own && c->from == WORKER_NONE && c->state != CHUNK_ABSENT)
                return 0; /* its client gives it, and waits until we have it */
        if (c->state == CHUNK_FETCHING && c->from != fetch->from) {
                c->from = fetch->from; /* the one that we were told of first is gone, or has it no more */
                return fetch_go(w, c);
        }
        if (c->state == CHUNK_WANTED)
                c->from = fetch->from;
        if (c->state != CHUNK_ABSENT)
                return 0;
        c->state = CHUNK_WANTED;
        c->from  = fetch->from;
        c->bytes = chunk_rounded(plan_chunk_bytes(run->plan, fetch->chunk));
        return vec_push(&w->wanted, c->id);
}

/* It is not to go any more. Chunks never change, so one of the same number is the same. */
static void chunk_keep(Work *w, Chunk *c) {
        w->n_odd -= c->copy || c->dropped;
        c->copy = c->dropped = false;
}

int work_expect(Work *w, uint64_t chunk, size_t size_bytes) {
        Chunk *c = chunk_get(w, chunk);

        if (!c)
                return -ENOMEM;
        chunk_keep(w, c);
        if (c->state >= CHUNK_HERE)
                return taken(w, chunk, false, NULL);
        if (c->state != CHUNK_ABSENT && c->own && c->from == WORKER_NONE)
                return 0; /* it is on its way */
        c->own  = true;
        c->from = WORKER_NONE;
        if (c->state == CHUNK_FETCHING)
                return fetch_go(w, c); /* in vain, since nobody else has it */
        if (c->state == CHUNK_WANTED)
                return 0;
        c->state = CHUNK_WANTED;
        c->bytes = chunk_rounded(size_bytes);
        return vec_push(&w->wanted, c->id);
}

int work_take(Work *w, const WorkEvent *e) {
        Chunk *c = e->from == WORKER_NONE ? chunk_find(w, e->chunk) : chunk_get(w, e->chunk);
        Error err;

        if (e->from == WORKER_NONE && (!c || c->state < CHUNK_HERE)) {
                error_set(&err, -ENOENT, "it is not here");
                return taken(w, e->chunk, true, &err);
        }
        if (!c)
                return -ENOMEM;
        chunk_keep(w, c);
        if (c->state >= CHUNK_HERE)
                return taken(w, e->chunk, true, NULL);
        c->own = c->take = true;
        if (c->state != CHUNK_ABSENT)
                return 0; /* a copy is on its way */
        c->state = CHUNK_WANTED;
        c->from  = e->from;
        c->bytes = chunk_rounded(e->size_bytes);
        return vec_push(&w->wanted, c->id);
}

int takes_end(Work *w) {
        int r = 0;

        for (uint32_t k = 0; k < w->chunk.n && r == 0; k++) {
                Chunk *c = &w->chunk.data[k];

                if (c->id == 0 || !c->take)
                        continue;
                c->take = false;
                if (c->from == WORKER_NONE)
                        continue; /* a client gives it, too */
                if (c->state == CHUNK_WANTED)
                        r = fetch_ends(w, c, NULL);
                else {
                        w->n_odd++;
                        c->dropped = true;
                }
        }
        return r;
}

int work_restore(Work *w, uint64_t chunk, size_t size_bytes) {
        Chunk *c = chunk_get(w, chunk);

        if (!c)
                return -ENOMEM;
        assert(c->state == CHUNK_ABSENT || c->state == CHUNK_AWAY);
        if (c->state == CHUNK_AWAY) {
                w->n_away--;
                w->away_bytes -= c->bytes;
        }
        c->bytes = chunk_rounded(size_bytes);
        c->slack = (uint16_t) (c->bytes - size_bytes);
        c->paged = false;
        w->chunk_bytes += c->bytes;
        w->clean_bytes += c->disk ? c->bytes : 0;
        return chunk_here(w, c);
}

int fetches_go(Work *w) {
        uint32_t n = 0, n_later = 0;
        int r      = 0;

        for (; n < w->wanted.n && r == 0; n++) {
                Chunk *c = chunk_find(w, w->wanted.data[n]);
                size_t missing;

                if (!c || c->state != CHUNK_WANTED)
                        continue;
                if (being_made(w, c->id)) { /* its place is taken until that ends */
                        w->wanted.data[n_later++] = c->id;
                        continue;
                }
                missing = memory_short(w, c->bytes, 0, !work_idle(w));
                if (missing > 0 && memory_gives(w)) {
                        r = room_make(w, missing);
                        if (r < 0)
                                return r;
                        missing = memory_short(w, c->bytes, 0, !work_idle(w));
                }
                /* Where nothing can make room the store will have to. */
                if (missing > 0 && !work_idle(w))
                        break;
                c->state = CHUNK_FETCHING;
                w->chunk_bytes += c->bytes;
                w->n_fetching++;
                w->n_odd += !c->own;
                c->copy = !c->own;
                r       = fetch_go(w, c);
        }
        memmove(w->wanted.data + n_later, w->wanted.data + n, (w->wanted.n - n) * sizeof(*w->wanted.data));
        w->wanted.n -= n - n_later;
        return r;
}

int work_fetched(Work *w, const WorkEvent *e) {
        Chunk *c = chunk_find(w, e->chunk);
        bool given, take, dropped;
        Error err;
        int r;

        if (!c || c->state != CHUNK_FETCHING)
                return 0; /* a second one, from the holder that we were told of first */
        given   = c->own && c->from == WORKER_NONE;
        take    = c->take;
        dropped = c->dropped;
        w->chunk_bytes += chunk_rounded(e->size_bytes) - c->bytes;
        c->bytes = chunk_rounded(e->size_bytes);
        c->slack = (uint16_t) (c->bytes - e->size_bytes);
        w->n_fetching--;
        c->own = c->take = false;
        r = chunk_here(w, c);
        if (r == 0)
                r = chunk_settle(w, c);
        if (dropped)
                error_set(&err, ERROR_CANCELED, "it was not wanted any more");
        if (r == 0 && given)
                r = taken(w, e->chunk, false, dropped ? &err : NULL);
        return r == 0 && take ? taken(w, e->chunk, true, NULL) : r;
}

int work_fetch_failed(Work *w, const WorkEvent *e) {
        Chunk *c = chunk_find(w, e->chunk);

        Error gone = {};

        if (!c || c->state != CHUNK_FETCHING || c->from != e->from)
                return 0;
        error_set(&gone, -EIO, "worker %u does not have it any more", e->from);
        return fetch_ends(w, c, e->error ?: &gone);
}
