/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that read chunks. They are served in their order, all or nothing, and before any task: who waits for a chunk
 * computes meanwhile, so nobody waits for anybody in a circle. Brief pins end without waiting for anything here; of the
 * others nobody knows when they end, so nobody waits for them. */
#include "sched/work-state.h"

static int chunk_pin(Work *w, Chunk *c) {
        if (c->pins++ == 0)
                w->pinned_bytes += c->bytes;
        return chunk_rate(w, c);
}

static int chunk_unpin(Work *w, Chunk *c) {
        assert(c->pins > 0);
        if (--c->pins == 0)
                w->pinned_bytes -= c->bytes;
        return chunk_settle(w, c);
}

static int chunks_unpin(Work *w, uint64_t chunk, uint32_t n, bool brief) {
        int r = 0;

        w->n_pinned -= n;
        w->n_brief -= brief ? n : 0;
        for (uint32_t k = 0; k < n && r == 0; k++)
                r = chunk_unpin(w, chunk_find(w, chunk + k));
        return r;
}

static void pin_remove(Work *w, Pin *p) {
        uint32_t after = w->pin.n - (uint32_t) (p - w->pin.data) - 1;

        memmove(p, p + 1, after * sizeof(*p));
        w->pin.n--;
}

static int pin_end(Work *w, Pin *p, const Error *err) {
        WorkAction action = { .kind = WORK_PINNED, .pin = p->id, .chunk = p->chunk };

        pin_remove(w, p);
        if (err) {
                if (vec_push(&w->actions->error, *err) < 0)
                        return -ENOMEM;
                action.error = w->actions->error.n;
        }
        return work_act(w, &action);
}

/* Pins the chunks if those that are on disk fit, and calls them back. */
static int pin_admit(Work *w, Pin *p) {
        size_t need = 0, missing;
        int r       = 0;

        for (uint32_t k = 0; k < p->n && r == 0; k++) {
                Chunk *c = chunk_find(w, p->chunk + k);

                need += c->state == CHUNK_AWAY ? c->bytes : 0;
                r = chunk_pin(w, c);
        }
        missing = need > 0 ? memory_short(w, need, 0, false) : 0;
        if (p->refused_at == w->n_freed && work_still(w)) /* who has what we fetch may wait for this pin */
                missing = MAX(missing, need);
        if (missing > 0 && r == 0) {
                r       = room_make(w, missing);
                missing = memory_short(w, need, 0, false);
        }
        if (r < 0)
                return r;
        p->admitted = missing == 0 && p->refused_at != w->n_freed;
        for (uint32_t k = 0; k < p->n && r == 0; k++) {
                Chunk *c = chunk_find(w, p->chunk + k);

                if (!p->admitted)
                        r = chunk_unpin(w, c);
                else if (c->state == CHUNK_AWAY)
                        r = chunk_return(w, c);
                p->missing += p->admitted && c->state == CHUNK_RETURNING;
        }
        w->n_pinned += p->admitted ? p->n : 0;
        w->n_brief += p->admitted && p->brief ? p->n : 0;
        return r;
}

static bool chunks_known(Work *w, const Pin *p) {
        for (uint32_t k = 0; k < p->n; k++) {
                const Chunk *c = chunk_find(w, p->chunk + k);

                if (!c || c->dropped ||
                    (c->state != CHUNK_HERE && c->state != CHUNK_AWAY && c->state != CHUNK_RETURNING))
                        return false;
        }
        return true;
}

int pins_go(Work *w) {
        Error err = {};
        int r     = 0;

        for (uint32_t k = 0; k < w->pin.n && r == 0;) {
                Pin *p = &w->pin.data[k];

                if (p->admitted) {
                        k++;
                        continue;
                }
                if (!chunks_known(w, p)) {
                        error_set(&err, ERROR_CLOSED, "the chunks are gone");
                        r = pin_end(w, p, &err);
                        continue;
                }
                r = pin_admit(w, p);
                if (r < 0)
                        break;
                if (p->admitted) {
                        if (p->missing == 0)
                                r = pin_end(w, p, NULL);
                        continue;
                }
                if (!work_still(w))
                        break; /* what is under way will make room */
                if (w->refusal.code < 0 && !p->retried) {
                        p->retried      = true;
                        w->refusal.code = 0;
                        continue;
                }
                if (!work_idle(w))
                        break;
                memory_error(w, 0, &err);
                r = pin_end(w, p, &err);
        }
        return r;
}

int work_pin(Work *w, const WorkEvent *e) {
        return vec_push(&w->pin, (Pin) { .id         = e->pin,
                                         .chunk      = e->chunk,
                                         .n          = e->n,
                                         .refused_at = UINT64_MAX,
                                         .brief      = e->brief });
}

int work_unpin(Work *w, const WorkEvent *e) {
        for (uint32_t k = 0; k < w->pin.n; k++) {
                Pin p = w->pin.data[k];

                if (p.id != e->pin)
                        continue;
                pin_remove(w, &w->pin.data[k]);
                return p.admitted ? chunks_unpin(w, p.chunk, p.n, p.brief) : 0;
        }
        return chunks_unpin(w, e->chunk, e->n, e->brief);
}

int pins_lost(Work *w, uint64_t chunk, const Error *err) {
        int r = 0;

        for (uint32_t k = 0; k < w->pin.n && r == 0;) {
                Pin *p = &w->pin.data[k];

                if (chunk - p->chunk >= p->n) {
                        k++;
                        continue;
                }
                if (p->admitted)
                        r = chunks_unpin(w, p->chunk, p->n, p->brief);
                if (r == 0)
                        r = pin_end(w, p, err);
        }
        return r;
}

int pin_returned(Work *w, uint64_t chunk, bool here, const Error *err) {
        int r = 0;

        for (uint32_t k = 0; k < w->pin.n && r == 0;) {
                Pin *p     = &w->pin.data[k];
                bool waits = p->admitted && chunk - p->chunk < p->n;

                if (waits && !here) {
                        r             = chunks_unpin(w, p->chunk, p->n, p->brief);
                        p->admitted   = false;
                        p->missing    = 0;
                        p->refused_at = w->n_freed;
                }
                if (r == 0 && waits && (here ? --p->missing == 0 : err != NULL))
                        r = pin_end(w, p, err);
                else
                        k++;
        }
        return r;
}
