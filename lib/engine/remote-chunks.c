/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks from workers. Whoever receives asks (GET), so nothing comes for which there is no room: we for the chunks of a
 * pin, a worker for those that we told it of (remote-uploads.c). */
#include <stdio.h>
#include <string.h>

#include "base/pages.h"
#include "engine/remote.h"

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

int remote_granted(Remote *r, const Wire_grant *m) {
        Grant grant = { .first = m->first };

        snprintf(grant.proof, sizeof(grant.proof), "%s", m->proof);
        return vec_push(&r->grant, grant);
}

/* False: no memory. What was granted of it; NULL: we are no user. */
static bool take_grant(const Remote *r, Arena *arena, uint64_t first, char **ret) {
        for (uint32_t k = 0; k < r->grant.n; k++)
                if (r->grant.data[k].first == first) {
                        *ret = arena_copy(arena, r->grant.data[k].proof, sizeof(r->grant.data[k].proof));
                        return *ret != NULL;
                }
        *ret = NULL;
        return true;
}

/* A second mention of a tensor is one reference more. */
int remote_tensor_add(Remote *r, Reader *rd, TensorId *ret) {
        Arena *scratch = rd->scratch, *arena = arena_new();
        RemoteTensor *t;
        WireTensor w;
        char *proof;

        if (!arena)
                return -ENOMEM;
        rd->scratch = arena;
        wire_get_tensor(rd, &w);
        rd->scratch = scratch;
        t           = rd->r == 0 ? (RemoteTensor *) (uintptr_t) map_get(&r->tensors, w.id) : NULL;
        if (t && w.n_holder == t->t.n_chunks) /* where they are now */
                for (uint32_t k = 0; k < w.n_holder; k++)
                        t->t.holder[k] = w.holder[k];
        if (rd->r < 0 || t) {
                arena_free(arena);
                if (rd->r < 0)
                        return rd->r;
                t->n_given++;
                t->t.n_refs++;
                *ret = w.id;
                return 0;
        }
        if (w.n_holder == 0 && tiling_n_chunks(&w.tiling) > 0) {
                arena_free(arena);
                reader_refuse(rd, "a tensor that is nowhere");
                return rd->r;
        }
        t = arena_alloc(arena, sizeof(*t));
        if (!t || !take_grant(r, arena, w.chunk_first, &proof) || map_set(&r->tensors, w.id, (uintptr_t) t) < 0) {
                arena_free(arena);
                return -ENOMEM;
        }
        *t   = (RemoteTensor) { .t       = { .id          = w.id,
                                             .spec        = w.spec,
                                             .tiling      = w.tiling,
                                             .chunk_first = w.chunk_first,
                                             .n_chunks    = w.n_holder,
                                             .n_refs      = 1,
                                             .holder      = (uint32_t *) (uintptr_t) w.holder },
                                .proof   = proof,
                                .n_given = 1,
                                .arena   = arena };
        *ret = w.id;
        return 0;
}

static const char nothing[64] __attribute__((aligned(64))); /* where chunks without elements lie */

/* ---- Coming ----------------------------------------------------------------------------------------------------- */

static void landing_unref(Remote *r, Landing *landing) {
        if (!landing || --landing->n_refs > 0)
                return;
        if (landing->data && landing->size_bytes <= REMOTE_SPARE_BYTES && r->n_spares < REMOTE_SPARES)
                r->spare[r->n_spares++] = (Spare) { landing->data, landing->size_bytes };
        else
                pages_free(landing->data, landing->size_bytes);
        free(landing);
        if (--r->n_landings > 0)
                return;
        while (r->n_spares > 0) {
                const Spare spare = r->spare[--r->n_spares];

                pages_free(spare.data, spare.size_bytes);
        }
}

/* A spare one, unless most of it would lie idle. */
static void landing_take_spare(Remote *r, Landing *landing) {
        for (uint32_t k = 0; k < r->n_spares; k++) {
                const Spare spare = r->spare[k];

                if (spare.size_bytes < landing->size_bytes || spare.size_bytes / 2 > landing->size_bytes)
                        continue;
                landing->data       = spare.data;
                landing->size_bytes = spare.size_bytes;
                r->spare[k]         = r->spare[--r->n_spares];
                return;
        }
}

static Landing *landing_new(Remote *r, size_t size_bytes) {
        Landing *landing = calloc(1, sizeof(*landing));

        if (!landing)
                return NULL;
        *landing = (Landing) { .n_refs = 1, .size_bytes = size_bytes };
        landing_take_spare(r, landing);
        r->n_landings++;
        return landing;
}

/* How a chunk of the peer's is asked for. */
static WireHow get_how(const Peer *peer, const EnginePin *pin) {
        if (!peer || peer->lender.unmappable)
                return WIRE_BYTES;
        return pin->brief ? WIRE_BRIEFLY : WIRE_LONG;
}

static int get_say(Remote *r, const Get *get) {
        const Peer *peer      = (Peer *) (uintptr_t) map_get(&r->peers, get->worker);
        const RemoteTensor *t = get->pin ? (RemoteTensor *) (uintptr_t) map_get(&r->tensors, get->pin->tensor) : NULL;

        return remote_post(
                r, get->worker,
                &(WireMessage) { WIRE_IS_GET, .get = { .chunk = get->chunk,
                                                       .most  = get->size_bytes,
                                                       .how   = get->pin ? get_how(peer, get->pin) : WIRE_BYTES,
                                                       .first = t && t->proof ? t->t.chunk_first : 0,
                                                       .n     = t && t->proof ? t->t.n_chunks : 0,
                                                       .proof = t ? t->proof : NULL } });
}

static int get_begin(Remote *r, EnginePin *pin, uint32_t worker, uint64_t chunk, size_t at, size_t size_bytes) {
        Get *get = calloc(1, sizeof(*get));
        int ret;

        if (!get)
                return -ENOMEM;
        *get = (Get) { .chunk       = chunk,
                       .worker      = worker,
                       .size_bytes  = size_bytes,
                       .at          = at,
                       .align_bytes = MIN(dtype_size(pin->spec.dtype), sizeof(double)),
                       .landing     = pin->landing,
                       .into        = pin->into ? pin->into[chunk - pin->chunk_id] : NULL,
                       .pin         = pin,
                       .next        = (Get *) (uintptr_t) map_get(&r->gets, chunk) };
        ret = map_set(&r->gets, chunk, (uintptr_t) get);
        if (ret < 0) {
                free(get);
                return ret;
        }
        pin->landing->n_refs++;
        pin->n_missing++;
        return get_say(r, get);
}

/* Takes it out of its list; `before` is the link to it. */
static void get_end(Remote *r, Get *get) {
        Get *first = (Get *) (uintptr_t) map_get(&r->gets, get->chunk);

        if (first == get) {
                map_remove(&r->gets, get->chunk);
                if (get->next && map_set(&r->gets, get->chunk, (uintptr_t) get->next) < 0)
                        assert(false); /* there was room for it just now */
        } else {
                while (first->next != get)
                        first = first->next;
                first->next = get->next;
        }
        landing_unref(r, get->landing);
        free(get);
}

static int let_say(Remote *r, const Peer *peer, uint64_t chunk) {
        return remote_post_link(r, peer, &(WireMessage) { WIRE_IS_LET, .let = { .chunk = chunk } });
}

/* Without memory for the message the worker holds the chunk until the session ends. */
static void let_go(Remote *r, Borrowed *b) {
        if (b->lender)
                (void) let_say(r, b->lender->owner, b->chunk);
        borrowed_free(b);
}

/* Nobody waits for what is under way to the pin any more. */
static void pin_leave(Remote *r, const EnginePin *pin) {
        for (uint64_t k = 0; k < pin->n_chunks && pin->n_missing > 0; k++)
                for (Get *g = (Get *) (uintptr_t) map_get(&r->gets, pin->chunk_id + k); g; g = g->next)
                        if (g->pin == pin)
                                g->pin = NULL;
}

/* Asks for all chunks. */
static void pin_begin(Remote *r, EnginePin *pin) {
        const SchedTensor *t = r->engine->ops->tensor(r->engine, pin->tensor);
        size_t total         = 0, at = 0;
        Error err            = {};
        int ret              = 0;

        for (uint64_t k = 0; k < pin->n_chunks; k++)
                total += tiling_chunk_bytes(&pin->tiling, pin->spec.dtype, pin->first + k);
        pin->landing = landing_new(r, total);
        if (!pin->landing)
                ret = error_oom(&err, total);
        else if (!t)
                ret = error_set(&err, ERROR_CLOSED, "the tensor was released");
        for (uint64_t k = 0; k < pin->n_chunks && ret == 0; k++) {
                const size_t bytes    = tiling_chunk_bytes(&pin->tiling, pin->spec.dtype, pin->first + k);
                const uint32_t worker = t->holder[pin->first + k];

                pin->data[k] = nothing;
                if (bytes > 0 && worker == WORKER_NONE)
                        ret = error_set(&err, -EIO, "a chunk was lost with its worker");
                else if (bytes > 0)
                        ret = get_begin(r, pin, worker, pin->chunk_id + k, at, bytes);
                if (ret == -ENOMEM && err.code == 0)
                        error_oom(&err, sizeof(Get));
                at += bytes;
        }
        if (ret < 0) {
                pin_leave(r, pin);
                remote_lost(r, pin, &err);
        } else if (pin->n_missing == 0)
                pin_answered(r->engine, pin->id, pin->chunk_id, NULL);
}

int remote_pin(Engine *e, EnginePin *pin) {
        Remote *r = e->remote;

        assert(e->ops->tensor(e, pin->tensor)); /* the caller holds it */
        if (r->failure.code < 0)
                pin_answered(e, pin->id, pin->chunk_id, &r->failure);
        else
                pin_begin(r, pin);
        return 0;
}

static bool on_loop(const Remote *r) {
        return r->started && pthread_equal(r->thread, pthread_self());
}

/* The caller's memory is his own again. */
static void landing_leave(Remote *r, Landing *landing) {
        landing->left = true;
        if (landing->n_direct == 0)
                return;
        if (on_loop(r))
                remote_forget(r);
        else
                remote_wake(r);
        while (landing->n_direct > 0)
                pthread_cond_wait(&r->engine->changed, &r->engine->lock);
}

static void pin_let_go(Remote *r, EnginePin *pin) {
        Borrowed *b, *also;

        pin_leave(r, pin);
        if (!pin->landing)
                return;
        landing_leave(r, pin->landing);
        for (b = pin->landing->borrowed; b; b = also) {
                also = b->also;
                let_go(r, b);
        }
        pin->landing->borrowed = NULL;
        landing_unref(r, pin->landing);
        pin->landing   = NULL;
        pin->n_missing = 0;
}

void remote_pin_again(Remote *r, EnginePin *pin) {
        pin_let_go(r, pin);
        pin_begin(r, pin);
}

void remote_unpin(Engine *e, EnginePin *pin) {
        pin_let_go(e->remote, pin);
}

/* The first who waits for it, of this size, and was not answered yet. */
static Get *get_find(Remote *r, uint32_t worker, uint64_t chunk, uint64_t size_bytes) {
        Get *get = (Get *) (uintptr_t) map_get(&r->gets, chunk), *found = NULL;

        for (; get; get = get->next) /* the list is in reverse order */
                if (get->size_bytes == size_bytes && get->worker == worker)
                        found = get;
        return found;
}

/* ---- Received --------------------------------------------------------------------------------------------------- */

static void direct_end(Remote *r, Peer *peer) {
        peer->direct = false;
        if (--peer->receiving->n_direct == 0)
                pthread_cond_broadcast(&r->engine->changed);
}

void remote_received(Remote *r, Peer *peer) {
        if (peer->direct)
                direct_end(r, peer);
        landing_unref(r, TAKE_PTR(peer->receiving));
}

void remote_forget(Remote *r) {
        for (uint32_t k = 0; k < r->peers.capacity; k++) {
                Peer *peer = (Peer *) (uintptr_t) r->peers.entry[k].value;

                if (!peer || !peer->direct || !peer->receiving->left)
                        continue;
                link_forget_payload(peer->link);
                direct_end(r, peer);
        }
}

int remote_place(Remote *r, Peer *from, const Wire_chunk *chunk, uint64_t size_bytes, char **ret, Error *err) {
        Get *get = get_find(r, from->worker, chunk->chunk, size_bytes);
        Landing *landing;

        if (!get)
                return error_set(err, ERROR_CORRUPT, "chunk %llu of %llu bytes, which nobody asked for",
                                 (unsigned long long) chunk->chunk, (unsigned long long) size_bytes);
        get->placed = true;
        *ret        = NULL;
        if (!get->pin)
                return 0;
        landing = get->landing;
        if (!from->digest)
                from->digest = chunk_digest_new();
        if (!get->into && !landing->data)
                landing->data = pages_alloc(landing->size_bytes);
        if (!from->digest || (!get->into && !landing->data))
                return error_oom(err, landing->size_bytes);
        chunk_digest_begin(from->digest);
        landing->n_refs++;
        from->receiving = landing;
        from->direct    = get->into;
        landing->n_direct += from->direct;
        *ret       = get->into ?: landing->data + get->at;
        get->place = *ret;
        return 0;
}

/* Once for each worker. */
static void say_how(Remote *r, Peer *peer, const char *how) {
        char text[256];

        if (!peer->told) {
                snprintf(text, sizeof(text), "worker %u at %.150s: its chunks are %s", peer->worker, peer->address,
                         how);
                engine_say(r->engine, false, text);
        }
        peer->told = true;
}

/* Its chunk is there. */
static void get_answered(Remote *r, Get *get, const char *data) {
        EnginePin *pin = get->pin;

        if (pin) {
                pin->data[get->chunk - pin->chunk_id] = data;
                if (--pin->n_missing == 0)
                        pin_answered(r->engine, pin->id, pin->chunk_id, NULL);
        }
        get_end(r, get);
}

void remote_chunk(Remote *r, Peer *from, const Wire_chunk *chunk, const char *data, size_t size_bytes) {
        Get *get  = get_find(r, from->worker, chunk->chunk, size_bytes);
        Error err = {};
        EnginePin *pin;

        if (!get || !get->placed || (data ? get->place != data : get->pin != NULL))
                return;
        pin = get->pin;
        say_how(r, from, "sent");
        if (pin && chunk_check_parts(chunk, from->digest, &err) < 0) {
                pin_leave(r, pin); /* and get->pin is NULL */
                remote_lost(r, pin, &err);
                get_end(r, get);
        } else
                get_answered(r, get, data);
}

int remote_at(Remote *r, Peer *from, const Wire_at *at, int fd, Error *err) {
        Get *get    = get_find(r, from->worker, at->chunk, at->size_bytes);
        Borrowed *b = NULL;
        int ret;

        if (!get || at->offset % get->align_bytes != 0)
                return error_set(err, ERROR_CORRUPT, "chunk %llu of %llu bytes at %llu, which nobody asked for",
                                 (unsigned long long) at->chunk, (unsigned long long) at->size_bytes,
                                 (unsigned long long) at->offset);
        ret = borrow(&from->lender, at, fd, &b, err);
        if (ret == BORROW_UNMAPPABLE) {
                char text[MAX_ERROR_TEXT + 64];

                snprintf(text, sizeof(text), "chunks are sent, since they cannot be read where they lie: %s",
                         err->text);
                engine_say(r->engine, true, text);
        }
        if (ret < 0)
                return ret;
        if (!get->pin) {
                borrowed_free(b);
                get_end(r, get);
                return let_say(r, from, at->chunk);
        }
        if (!b) {
                ret = let_say(r, from, at->chunk);
                return ret < 0 ? ret : get_say(r, get);
        }
        say_how(r, from, "read where they lie");
        from->lender.owner     = from;
        b->also                = get->landing->borrowed;
        get->landing->borrowed = b;
        get_answered(r, get, b->data);
        return 0;
}

bool remote_here(Engine *e, const SchedTensor *t, uint64_t k) {
        const Peer *peer = (Peer *) (uintptr_t) map_get(&e->remote->peers, t->holder[k]);

        return t->n_chunks == 1 && peer && !e->remote->http && !peer->lender.unmappable &&
               strncmp(peer->address, "unix:", 5) == 0;
}

static void get_fail(Remote *r, Get *get, const Error *why) {
        EnginePin *pin = get->pin;

        if (pin) {
                pin_leave(r, pin);
                remote_lost(r, pin, why);
        }
        get_end(r, get);
}

/* All that is awaited of the chunk from the worker has failed. */
static void gets_fail(Remote *r, uint64_t chunk, uint32_t worker, const Error *why) {
        for (Get *get = (Get *) (uintptr_t) map_get(&r->gets, chunk), *next; get; get = next) {
                next = get->next;
                if (worker == WORKER_NONE || get->worker == worker)
                        get_fail(r, get, why);
        }
}

/* The answer to one GET. Others, to this worker and to others, have theirs still to come, which may be the chunk. */
void remote_gone(Remote *r, const Peer *from, const Wire_gone *gone) {
        Get *first = NULL;
        Error err  = {};

        for (Get *get = (Get *) (uintptr_t) map_get(&r->gets, gone->chunk); get; get = get->next)
                if (get->worker == from->worker)
                        first = get; /* the list is in reverse order */
        error_set(&err, gone->code < 0 ? gone->code : -EIO, "%s", gone->text);
        if (first)
                get_fail(r, first, &err);
}

/* ---- Failures --------------------------------------------------------------------------------------------------- */

void remote_chunks_fail(Remote *r, uint32_t worker, const Error *why) {
        for (uint32_t k = 0; k < r->gets.capacity;) {
                Get *get = (Get *) (uintptr_t) r->gets.entry[k].value;
                bool any = false;

                for (; get && !any; get = get->next)
                        any = worker == WORKER_NONE || get->worker == worker;
                if (any)
                        gets_fail(r, r->gets.entry[k].key, worker, why);
                else
                        k++;
        }
        remote_puts_fail(r, worker, why);
        pthread_cond_broadcast(&r->engine->changed);
}
