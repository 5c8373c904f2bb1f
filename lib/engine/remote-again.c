/* SPDX-License-Identifier: Apache-2.0 */
/* What is tried again: the link to the scheduler when it broke, and chunks that were not where they were said to be.
 *
 * While the link is broken nothing is said to the scheduler, and nothing is remembered for it either: when it is back,
 * what the session is then is said as a whole (RESUME, and the requests that it waits for once more). After the lease
 * the scheduler knows nothing of us, and nothing works any more. One that has not let us in yet, and ends the
 * connection without a word, is tried again as well, as long as we wait for its first words; what has words is final.
 *
 * A pin whose chunks cannot be had asks the scheduler where they are: by a request that wants the tensor, which is
 * answered when all of it is there, made again if it must be. All runs in the loop's thread, with the engine's lock. */
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "engine/remote.h"

enum {
        RETRY_FIRST_USEC = 50 * 1000,
        RETRY_MOST_USEC  = 2 * 1000 * 1000,
        CORRUPT          = 3, /* times that what is wrong is asked for again: it will not become right */
};

/* Full jitter: whatever broke many links at a time is not run down when it is back. */
uint64_t remote_pause_usec(uint32_t attempt) {
        const uint64_t most = MIN((uint64_t) RETRY_MOST_USEC, (uint64_t) RETRY_FIRST_USEC << MIN(attempt, 10u));
        uint64_t random     = 0;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return most;
        return random % (most + 1);
}

static int on_time(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Remote *r = userdata;

        pthread_mutex_lock(&r->engine->lock);
        r->due_usec = 0;
        remote_tick(r);
        engine_unlock(r->engine);
        return 0;
}

void remote_arm(Remote *r, uint64_t at_usec) {
        if (r->due_usec != 0 && r->due_usec <= at_usec)
                return;
        r->due_usec = at_usec;
        if (sd_event_source_set_time(r->timer, at_usec) < 0 ||
            sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT) < 0)
                assert(false); /* of a source that is there */
}

int remote_timer(Remote *r) {
        int ret = sd_event_add_time(r->event, &r->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_time, r);

        return ret < 0 ? ret : sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
}

/* ---- The link to the scheduler ---------------------------------------------------------------------------------- */

/* The session, if there was one, is there until the lease is over. */
void remote_away(Remote *r, const Error *why) {
        const uint64_t now = now_usec();

        r->last_words = *why;
        if (r->away_usec == 0) {
                r->away_usec = now;
                r->attempt   = 0;
        }
        r->welcome  = false;
        r->try_usec = now + remote_pause_usec(r->attempt++);
        for (uint32_t k = 0; k < r->requests.capacity; k++) { /* their tasks end when the session is back */
                const RemoteRequest *request = (RemoteRequest *) (uintptr_t) r->requests.entry[k].value;
                EngineRequest *q = request ? (EngineRequest *) (uintptr_t) map_get(&r->engine->requests, request->id)
                                           : NULL;

                if (q && request->canceled) {
                        remote_canceled(r, q);
                        k = UINT32_MAX; /* from the start: another one may stand in its place now */
                }
        }
        remote_tick(r);
}

static void connect_again(Remote *r, uint64_t now) {
        const bool first = r->cluster.number == 0; /* then whoever waits for its first words gives up (remote.c) */
        Error err        = {};

        if (!first && now - r->away_usec > r->cluster.lease_usec) {
                error_set(&err, r->last_words.code,
                          "scheduler %s: no connection for %.0f s, after which it keeps nothing of this session: %s",
                          r->scheduler.address, (double) r->cluster.lease_usec / 1e6, r->last_words.text);
                remote_fail(r, &err);
        } else if (!r->scheduler.link && now >= r->try_usec) {
                const int ret = remote_connect(&r->scheduler, &err);

                if (ret < 0)
                        r->scheduler.link = link_free(r->scheduler.link);
                if (ret < 0 && first)
                        remote_fail(r, &err);
                else if (ret < 0) {
                        r->last_words = err;
                        r->try_usec   = now + remote_pause_usec(r->attempt++);
                }
        }
        if (r->failure.code < 0)
                return;
        if (!r->scheduler.link)
                remote_arm(r, r->try_usec);
        else if (!first)
                remote_arm(r, r->away_usec + r->cluster.lease_usec + 1);
}

/* What was left for the scheduler while it was away is part of what is said now. */
static void posts_drop(Remote *r) {
        for (uint32_t k = 0; k < r->post.n; k++)
                if (r->post.data[k].worker == WORKER_NONE)
                        r->post.data[k].kind = 0;
        r->known.n = 0;
}

static int say_resume(Remote *r) {
        Vec(uint64_t) tensor = {}, request = {};
        int ret              = 0;

        for (uint32_t k = 0; k < r->tensors.capacity && ret == 0; k++) {
                const RemoteTensor *t = (RemoteTensor *) (uintptr_t) r->tensors.entry[k].value;

                if (!t)
                        continue;
                ret = vec_push(&tensor, t->t.id);
                if (ret == 0)
                        ret = vec_push(&tensor, (uint64_t) t->n_given);
        }
        for (uint32_t k = 0; k < r->requests.capacity && ret == 0; k++)
                if (r->requests.entry[k].value != 0)
                        ret = vec_push(&request, r->requests.entry[k].key);
        if (ret == 0)
                ret = link_say(r->scheduler.link, &(WireMessage) { WIRE_IS_RESUME,
                                                                   .resume = { .tensor    = tensor.data,
                                                                               .tensor_n  = tensor.n,
                                                                               .request   = request.data,
                                                                               .request_n = request.n } });
        vec_free(&tensor);
        vec_free(&request);
        return ret;
}

/* Those that the scheduler knows it takes no second time. */
static int say_requests(Remote *r) {
        int ret = 0;

        for (uint32_t k = 0; k < r->requests.capacity && ret == 0; k++) {
                const RemoteRequest *request = (RemoteRequest *) (uintptr_t) r->requests.entry[k].value;

                if (request)
                        ret = link_say(r->scheduler.link,
                                       &(WireMessage) { WIRE_IS_SUBMIT,
                                                        .submit = { .request = request->id,
                                                                    .graph   = request->graph,
                                                                    .graph_n = (uint32_t) request->graph_bytes } });
        }
        for (uint32_t k = 0; k < r->uploads.capacity && ret == 0; k++) {
                const Upload *u = (Upload *) (uintptr_t) r->uploads.entry[k].value;

                if (u && !u->answered)
                        ret = link_say(r->scheduler.link,
                                       &(WireMessage) { WIRE_IS_ADOPT,
                                                        .adopt = { .request  = u->request,
                                                                   .tensor   = u->description.data,
                                                                   .tensor_n = u->description.n } });
        }
        for (uint32_t k = 0; k < r->namings.capacity && ret == 0; k++) {
                const Naming *n = (Naming *) (uintptr_t) r->namings.entry[k].value;

                if (n && !n->answered)
                        ret = remote_naming_say(r, n, true);
        }
        return ret;
}

/* Another scheduler numbers the workers anew. */
static void holders_forget(Remote *r) {
        for (uint32_t k = 0; k < r->tensors.capacity; k++) {
                const RemoteTensor *t = (RemoteTensor *) (uintptr_t) r->tensors.entry[k].value;

                for (uint32_t c = 0; t && c < t->t.n_chunks; c++)
                        t->t.holder[c] = WORKER_NONE;
        }
}

int remote_welcome(Remote *r, const Wire_welcome *m, Error *err) {
        const bool again = r->cluster.number != 0;

        if (!m->key[0])
                return error_set(err, ERROR_CORRUPT, "a worker answers there: sessions are the scheduler's");
        if (again && m->epoch != r->cluster.epoch)
                holders_forget(r);
        if (!again && strlen(m->key) >= sizeof(r->key))
                return error_set(err, ERROR_CORRUPT, "a key of %zu characters", strlen(m->key));
        if (!again)
                memcpy(r->key, m->key, strlen(m->key) + 1);
        r->cluster         = *m;
        r->cluster.version = NULL;
        r->cluster.key     = NULL;
        if (m->cache_bytes > 0) /* one worker may have all of two pieces, which are pinned at a time */
                r->engine->budget.cache_bytes = MIN((size_t) REMOTE_CACHE_BYTES, (size_t) m->cache_bytes);
        r->welcome         = true;
        r->away_usec       = 0;
        r->signs           = (Signs) {};
        pthread_cond_broadcast(&r->engine->changed);
        if (link_say(r->scheduler.link, &(WireMessage) { .kind = WIRE_IS_ALIVE }) < 0) /* whether it answers */
                return error_oom(err, sizeof(*m));
        if (!again)
                return 0;
        posts_drop(r);
        if (say_resume(r) < 0 || say_requests(r) < 0)
                return error_oom(err, sizeof(*m));
        remote_tick(r);
        return 0;
}

/* While we wait for it. What it sends is a sign of life, and what it takes of a long queue. Who gives none is asked for
 * one, and gone if none comes. */
static void scheduler_watch(Remote *r, uint64_t now) {
        Signs *signs        = &r->signs;
        const uint64_t n    = r->scheduler.link ? link_heard_bytes(r->scheduler.link) : 0;
        const size_t queued = r->scheduler.link ? link_queued_bytes(r->scheduler.link) : 0;
        Error err           = {};

        if (!r->welcome || r->requests.n + r->uploads.n + r->namings.n == 0) {
                signs->since_usec = 0;
                return;
        }
        if (signs->since_usec == 0 || n != signs->heard_bytes || (queued > 0 && queued != signs->queued_bytes)) {
                signs->since_usec  = now;
                signs->asked       = false;
                signs->heard_bytes = n;
        }
        signs->queued_bytes = queued;
        if (now - signs->since_usec > REMOTE_QUIET_USEC + REMOTE_ANSWER_USEC && signs->answers) {
                error_set(&err, -ETIMEDOUT, "it does not answer");
                r->scheduler.link = link_free(r->scheduler.link);
                remote_away(r, &err);
                return;
        }
        if (now - signs->since_usec >= REMOTE_QUIET_USEC && queued == 0 && !signs->asked) {
                signs->asked = true;
                if (link_say(r->scheduler.link, &(WireMessage) { .kind = WIRE_IS_ALIVE }) < 0)
                        remote_fail_for_memory(r);
        }
        remote_arm(r, now + REMOTE_QUIET_USEC);
}

/* ---- Chunks that were not there --------------------------------------------------------------------------------- */

void remote_lost(Remote *r, EnginePin *pin, const Error *why) {
        const uint64_t now = now_usec();

        if (!pin->waits || map_get(&r->engine->pins, pin->id) == 0)
                return;
        if (pin->lost_usec == 0)
                pin->lost_usec = now;
        if (r->failure.code < 0 || why->code == ERROR_MEMORY ||
            (why->code == ERROR_CORRUPT && pin->n_lost == CORRUPT) || now - pin->lost_usec > REMOTE_FETCH_USEC) {
                pin_answered(r->engine, pin->id, pin->chunk_id, r->failure.code < 0 ? &r->failure : why);
                return;
        }
        pin->is_lost   = true;
        pin->again_usec = now + (pin->n_lost == 0 ? 0 : remote_pause_usec(pin->n_lost));
        pin->n_lost++;
        remote_wake(r); /* whatever thread this is */
}

/* A request that wants all of the tensor: it ends when its chunks are there. */
int remote_ask_where(Remote *r, TensorId tensor, uint64_t pin, uint64_t upload, uint64_t *ret) {
        _cleanup_(graph_freep) Graph *graph = NULL;
        const SchedTensor *t                = r->engine->ops->tensor(r->engine, tensor);
        uint8_t *bytes                      = NULL;
        size_t n;
        uint32_t node;
        int result = t ? graph_new(&graph) : -ENOENT;

        if (result == 0)
                result = graph_add_stored(graph, t->id, &t->spec, &node);
        if (result == 0)
                result = vec_push(&graph->wanted, (Ref) { .node = node });
        if (result == 0)
                result = graph_encode(graph, &bytes, &n);
        if (result == 0) {
                *ret   = ++r->engine->next_request;
                result = remote_request(r, *ret, bytes, n, pin, upload);
        }
        return result;
}

/* The answer: where they are now, or why they cannot be had. */
void remote_located(Remote *r, uint64_t id, uint64_t upload, const Wire_finished *m) {
        EnginePin *pin                      = (EnginePin *) (uintptr_t) map_get(&r->engine->pins, id);
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Error err                           = {};
        Reader rd = { .start = m->tensors, .at = m->tensors, .end = m->tensors + m->tensors_n, .what = "FINISHED",
                      .err = &err, .scratch = arena };
        TensorId tensor;

        if (m->code < 0)
                error_set(&err, m->code, "%s", m->text);
        else if (!arena || remote_tensor_add(r, &rd, &tensor) < 0)
                error_prefix(&err, ERROR_MEMORY, "where chunks are");
        else
                r->engine->ops->release(r->engine, tensor);
        if (upload != 0)
                remote_upload_located(r, upload, &err);
        if (!pin || !pin->waits)
                return;
        if (err.code < 0)
                pin_answered(r->engine, pin->id, pin->chunk_id, &err);
        else {
                pin->lost_usec += now_usec() - pin->asked_usec;
                remote_pin_again(r, pin);
        }
}

void remote_tick(Remote *r) {
        const uint64_t now = now_usec();
        Error err          = {};
        uint64_t request;

        if (r->failure.code < 0)
                return;
        if (r->away_usec != 0) {
                connect_again(r, now);
                return;
        }
        for (uint32_t k = 0; k < r->engine->pins.capacity; k++) {
                EnginePin *pin = (EnginePin *) (uintptr_t) r->engine->pins.entry[k].value;

                if (!pin || !pin->is_lost)
                        continue;
                if (pin->again_usec > now) {
                        remote_arm(r, pin->again_usec);
                        continue;
                }
                pin->is_lost    = false;
                pin->asked_usec = now;
                if (remote_ask_where(r, pin->tensor, pin->id, 0, &request) < 0) {
                        error_oom(&err, sizeof(*pin));
                        pin_answered(r->engine, pin->id, pin->chunk_id, &err);
                        k = UINT32_MAX; /* from the start: another one may stand in its place now */
                }
        }
        remote_uploads_tick(r, now);
        scheduler_watch(r, now);
}
