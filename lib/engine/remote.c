/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include "engine/remote.h"
#include "io/address.h"

enum { MANY_KNOWN = 64 }; /* outcomes that the scheduler has not heard of */

/* ---- What other threads leave for the loop ---------------------------------------------------------------------- */

static int post(Remote *r, uint32_t worker, uint64_t link, const WireMessage *message) {
        Post post = { .worker = worker, .link = link, .kind = (uint16_t) message->kind };

        wire_encode(message, &post.body);
        if (post.body.r == 0)
                post.body.r = vec_push(&r->post, post);
        if (post.body.r < 0) {
                vec_free(&post.body.bytes);
                return post.body.r;
        }
        if (!r->woken) {
                r->woken = true;
                remote_wake(r);
        }
        return 0;
}

int remote_post(Remote *r, uint32_t worker, const WireMessage *message) {
        return post(r, worker, 0, message);
}

int remote_post_link(Remote *r, const Peer *peer, const WireMessage *message) {
        return post(r, peer->worker, peer->n_links, message);
}

void remote_wake(Remote *r) {
        const uint64_t one = 1;

        if (write(r->wake, &one, sizeof(one)) < 0)
                assert(errno == EAGAIN); /* it has been woken very often */
}

void remote_fail(Remote *r, const Error *why) {
        if (r->failure.code < 0)
                return;
        r->failure = *why;
        remote_chunks_fail(r, WORKER_NONE, why);
        remote_kept_end(r);
        requests_end(r->engine, why);
        pins_end(r->engine, why);
        pthread_cond_broadcast(&r->engine->changed);
}

void remote_fail_for_memory(Remote *r) {
        Error err = {};

        error_set(&err, ERROR_MEMORY, "the session has run out of memory for its own lists and cannot go on");
        remote_fail(r, &err);
}

/* ---- What comes in ---------------------------------------------------------------------------------------------- */

static void request_end(Remote *r, uint64_t id) {
        RemoteRequest *request = (RemoteRequest *) (uintptr_t) map_remove(&r->requests, id);

        if (request)
                free(request->graph);
        free(request);
}

/* What of it nobody waits for is let go. True: there is no more to do. */
static bool request_known(Remote *r, const Wire_finished *m) {
        const RemoteRequest *request        = (RemoteRequest *) (uintptr_t) map_get(&r->requests, m->request);
        const uint64_t pin                  = request ? request->pin : 0;
        const uint64_t upload               = request ? request->upload : 0;
        _cleanup_(arena_freep) Arena *arena = request ? NULL : arena_new();
        Reader rd = { .start = m->tensors, .at = m->tensors, .end = m->tensors + m->tensors_n, .what = "FINISHED",
                      .scratch = arena };
        TensorId tensor;

        if (vec_push(&r->known, m->request) < 0)
                remote_fail_for_memory(r);
        else if (r->known.n >= MANY_KNOWN)
                remote_wake(r);
        while (!request && arena && m->code == 0 && reader_left(&rd) > 0 && remote_tensor_add(r, &rd, &tensor) == 0)
                r->engine->ops->release(r->engine, tensor);
        request_end(r, m->request);
        if (pin != 0 || upload != 0)
                remote_located(r, pin, upload, m);
        return !request || pin != 0 || upload != 0;
}

static void finished(Remote *r, const Wire_finished *m) {
        Engine *e        = r->engine;
        EngineRequest *q = (EngineRequest *) (uintptr_t) map_get(&e->requests, m->request);
        Error err        = {};
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Reader rd = { .start = m->tensors, .at = m->tensors, .end = m->tensors + m->tensors_n, .what = "FINISHED",
                      .err = &err, .scratch = arena };

        if (request_known(r, m) || !q) /* the session is closing, and those who waited have heard so */
                return;
        q->n_done = m->n_done;
        if (m->code < 0)
                error_set(&q->outcome, m->code, "%s", m->text);
        for (uint32_t k = 0; m->code == 0 && k < q->n_wanted && rd.r == 0; k++)
                rd.r = arena ? remote_tensor_add(r, &rd, &q->tensor[k]) : -ENOMEM;
        if (rd.r < 0)
                error_set(&q->outcome, rd.r, "what the scheduler says cannot be read: %s", err.text);
        else if (m->code == 0 && q->n_refs == 0) /* nobody waits for it any more */
                for (uint32_t k = 0; k < q->n_wanted; k++)
                        e->ops->release(e, q->tensor[k]);
        request_done(e, q);
}

static void progress(Remote *r, const Wire_progress *m) {
        RemoteRequest *request = (RemoteRequest *) (uintptr_t) map_get(&r->requests, m->request);

        if (request)
                request->progress = *m;
        if (m->no_worker && !r->alone) {
                char text[512];

                snprintf(text, sizeof(text),
                         "no worker has joined the scheduler at %.400s, or all have left: work waits for one",
                         r->scheduler.address);
                engine_say(r->engine, true, text);
        }
        r->alone = m->no_worker;
}

static int peer_add(Remote *r, const Wire_peer *m) {
        Peer *peer          = (Peer *) (uintptr_t) map_get(&r->peers, m->worker);
        const char *address = r->http ? m->address : address_nearest(m->address, m->socket, m->socket_identity);

        if (peer) { /* another one has the number now, or nobody */
                Error err = {};

                if (strcmp(peer->address, address) == 0)
                        return 0;
                lender_leave(&peer->lender, true);
                peer->link = link_free(peer->link);
                remote_received(r, peer);
                error_set(&err, -EIO, "worker %u at %s is gone", peer->worker, peer->address);
                remote_chunks_fail(r, m->worker, &err);
        } else {
                peer = calloc(1, sizeof(*peer));
                if (!peer || map_set(&r->peers, m->worker, (uintptr_t) peer) < 0) {
                        free(peer);
                        return -ENOMEM;
                }
        }
        free(peer->address);
        peer->remote  = r;
        peer->worker  = m->worker;
        peer->address = strdup(address);
        return peer->address ? 0 : -ENOMEM;
}

static int hear_scheduler(Remote *r, const WireMessage *m, Error *err) {
        switch (m->kind) {
        case WIRE_IS_WELCOME:
                return remote_welcome(r, &m->welcome, err);
        case WIRE_IS_REFUSED:
                r->refused = true;
                return error_set(err, m->refused.code < 0 ? m->refused.code : ERROR_VALUE, "%s", m->refused.text);
        case WIRE_IS_PEER:
                return peer_add(r, &m->peer);
        case WIRE_IS_GRANT:
                return remote_granted(r, &m->grant);
        case WIRE_IS_FINISHED:
                finished(r, &m->finished);
                r->grant.n = 0;
                return 0;
        case WIRE_IS_PROGRESS:
                progress(r, &m->progress);
                return 0;
        case WIRE_IS_ADOPTED:
                remote_adopted(r, &m->adopted);
                r->grant.n = 0;
                return 0;
        case WIRE_IS_WANTED:
                return remote_wanted(r, &m->wanted, err);
        case WIRE_IS_SPARED:
                return remote_spared(r, &m->spared) < 0 ? error_oom(err, m->spared.tensor_n * sizeof(uint64_t)) : 0;
        case WIRE_IS_NAMED:
                remote_named(r, &m->named);
                r->grant.n = 0;
                return 0;
        case WIRE_IS_ALIVE:
                r->signs.answers = true;
                return 0;
        default:
                return error_set(err, ERROR_CORRUPT, "the scheduler says %s, which is not for clients",
                                 wire_name(m->kind));
        }
}

static int hear_worker(Remote *r, Peer *peer, const WireMessage *m, char *payload, size_t payload_bytes, int fd,
                       Error *err) {
        switch (m->kind) {
        case WIRE_IS_WELCOME:
        case WIRE_IS_ALIVE:
                return 0;
        case WIRE_IS_REFUSED:
                return error_set(err, m->refused.code < 0 ? m->refused.code : ERROR_VALUE, "%s", m->refused.text);
        case WIRE_IS_CHUNK:
                remote_chunk(r, peer, &m->chunk, payload, payload_bytes);
                remote_received(r, peer);
                return 0;
        case WIRE_IS_AT:
                return remote_at(r, peer, &m->at, fd, err);
        case WIRE_IS_GONE:
                remote_gone(r, peer, &m->gone);
                return 0;
        case WIRE_IS_GET:
                remote_hear_get(r, peer, &m->get);
                return 0;
        case WIRE_IS_STORED:
                remote_stored(r, peer, &m->stored);
                return 0;
        default:
                return error_set(err, ERROR_CORRUPT, "a worker says %s, which is not for clients", wire_name(m->kind));
        }
}

static int on_message(void *userdata, _unused_ Link *link, const Frame *frame, const uint8_t *body, char *payload,
                      int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Peer *peer = userdata;
        Remote *r  = peer->remote;
        WireMessage m;
        int ret = link_hear(frame, body, -1, &arena, &m, err);

        if (ret == 0) {
                pthread_mutex_lock(&r->engine->lock);
                ret = peer->worker == WORKER_NONE ? hear_scheduler(r, &m, err)
                                                  : hear_worker(r, peer, &m, payload, frame->payload_bytes, fd, err);
                engine_unlock(r->engine);
        }
        if (fd >= 0)
                close(fd);
        return ret;
}

static int on_payload(void *userdata, _unused_ Link *link, const Frame *frame, const uint8_t *body, char **ret,
                      Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Peer *peer = userdata;
        Remote *r  = peer->remote;
        WireMessage m;
        int result = link_hear(frame, body, -1, &arena, &m, err);

        if (result == 0 && (m.kind != WIRE_IS_CHUNK || peer->worker == WORKER_NONE))
                result = error_set(err, ERROR_CORRUPT, "%s with a payload", wire_name(m.kind));
        if (result < 0)
                return result;
        pthread_mutex_lock(&r->engine->lock);
        result = remote_place(r, peer, &m.chunk, frame->payload_bytes, ret, err);
        engine_unlock(r->engine);
        return result;
}

static void on_part(void *userdata, const char *data, size_t size_bytes) {
        chunk_digest_add(((Peer *) userdata)->digest, data, size_bytes); /* nobody else looks at it */
}

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        Peer *peer = userdata;
        Remote *r  = peer->remote;
        Error err  = {};

        error_set(&err, why->code < 0 ? why->code : -ECONNRESET, "%s",
                  why->code < 0 ? why->text : "it has closed the connection");
        pthread_mutex_lock(&r->engine->lock);
        lender_leave(&peer->lender, true);
        peer->link = link_free(peer->link);
        remote_received(r, peer);
        if (peer->worker == WORKER_NONE) {
                /* What we refuse ourselves would come again. Of what goes wrong before WELCOME only this would not:
                 * that a scheduler to which very many come cuts us off without a word. */
                const bool for_good = r->refused || r->stop || err.code == ERROR_CORRUPT || err.code == ERROR_VALUE ||
                                      err.code == ERROR_MEMORY || (r->http && err.code == -EACCES) ||
                                      (r->cluster.number == 0 && (r->http || err.code != -ECONNRESET));

                r->welcome = false;
                if (for_good) {
                        error_prefix(&err, err.code, "scheduler %s", peer->address);
                        remote_fail(r, &err);
                } else
                        remote_away(r, &err);
        } else {
                error_prefix(&err, err.code, "worker %u at %s", peer->worker, peer->address);
                remote_chunks_fail(r, peer->worker, &err);
        }
        engine_unlock(r->engine);
}

static const LinkEvents events = { .message = on_message, .payload = on_payload, .part = on_part, .closed = on_closed };

/* ---- The loop's thread ------------------------------------------------------------------------------------------ */

static int connect_peer(Peer *peer, Error *err) {
        const Remote *r = peer->remote;
        char path[64]   = "/api/v1/wire";
        int ret;

        if (!r->http) {
                ret = link_connect(&peer->link, r->event, peer->address, &events, peer, err);
                return ret < 0 ? ret : link_secure(peer->link, r->tls, err);
        }
        if (peer->worker != WORKER_NONE)
                snprintf(path, sizeof(path), "/api/v1/wire/%u", peer->worker);
        ret = link_connect(&peer->link, r->event, http_address(r->http), &events, peer, err);
        return ret < 0 ? ret : link_upgrade(peer->link, r->http, path, err);
}

int remote_connect(Peer *peer, Error *err) {
        Remote *r         = peer->remote;
        const bool again  = peer->worker == WORKER_NONE && r->cluster.number != 0;
        WireMessage hello = { WIRE_IS_HELLO, .hello = { .role    = WIRE_CLIENT,
                                                        .version = WIRE_VERSION,
                                                        .token   = r->token,
                                                        .name    = program_invocation_short_name,
                                                        .address = SAY_NO_ADDRESS,
                                                        .session = again ? r->cluster.number : 0,
                                                        .key     = again ? r->key : NULL,
                                                        .keeps   = 1 } };
        int ret = connect_peer(peer, err);

        if (ret < 0)
                return ret;
        peer->n_links++;
        if (r->via && link_say(peer->link, &(WireMessage) { WIRE_IS_VIA, .via = { .peer = r->via } }) < 0)
                return error_oom(err, sizeof(hello));
        return link_say(peer->link, &hello) < 0 ? error_oom(err, sizeof(hello)) : 0;
}

/* The lock is held; what is said to somebody who cannot be reached fails what it is about. */
static void say(Remote *r, const Post *post) {
        Peer *peer = post->worker == WORKER_NONE ? &r->scheduler
                                                 : (Peer *) (uintptr_t) map_get(&r->peers, post->worker);
        Error err  = {};
        int ret    = 0;

        if (post->kind == 0 || (post->worker == WORKER_NONE && !r->welcome))
                return; /* remote-again.c says it when the scheduler is back */
        if (post->link != 0 && (!peer || !peer->link || peer->n_links != post->link))
                return;
        if (!peer || !peer->address[0])
                ret = error_set(&err, -EIO, "worker %u is gone", post->worker);
        else if (!peer->link)
                ret = remote_connect(peer, &err);
        if (ret == 0 && link_send(peer->link, post->kind, post->body.bytes.data, post->body.bytes.n) < 0)
                ret = error_oom(&err, post->body.bytes.n);
        if (ret < 0 && post->worker == WORKER_NONE)
                remote_fail(r, &err);
        else if (ret < 0)
                remote_chunks_fail(r, post->worker, &err);
}

/* The scheduler keeps outcomes until it is told that they have come: with what is said to it next, or when there are
 * many. */
static int say_known(Remote *r) {
        const WireMessage m = { WIRE_IS_KNOWN, .known = { .request = r->known.data, .request_n = r->known.n } };
        const int ret       = r->known.n > 0 && r->welcome ? link_say(r->scheduler.link, &m) : 0;

        r->known.n = 0;
        return ret;
}

/* So that the scheduler does not wait for us to come back. */
static void say_bye(Remote *r) {
        if (r->welcome && link_say(r->scheduler.link, &(WireMessage) { .kind = WIRE_IS_BYE }) == 0)
                link_flush(r->scheduler.link);
        r->welcome = false;
}

static int on_wake(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        Remote *r         = userdata;
        bool to_scheduler = false;
        uint64_t n;

        pthread_mutex_lock(&r->engine->lock);
        if (read(fd, &n, sizeof(n)) == sizeof(n))
                r->woken = false;
        for (uint32_t k = 0; k < r->post.n; k++) { /* the list may grow meanwhile */
                Post post = r->post.data[k];

                if (r->failure.code == 0)
                        say(r, &post);
                to_scheduler |= post.worker == WORKER_NONE;
                vec_free(&post.body.bytes);
        }
        r->post.n = 0;
        if ((to_scheduler || r->known.n >= MANY_KNOWN) && r->failure.code == 0 && say_known(r) < 0)
                remote_fail_for_memory(r);
        remote_tick(r);
        remote_send_read(r);
        remote_forget(r);
        pthread_cond_broadcast(&r->engine->changed); /* those who wait for what has been sent */
        if (r->stop) {
                say_bye(r);
                sd_event_exit(r->event, 0);
        }
        engine_unlock(r->engine);
        return 0;
}

static void *remote_main(void *userdata) {
        Remote *r = userdata;
        Engine *e = r->engine;
        Error err = {};

        if (sd_event_loop(r->event) < 0)
                error_set(&err, ERROR_MEMORY, "the loop of the session has failed");
        else
                error_set(&err, ERROR_CLOSED, "the session was closed");
        pthread_mutex_lock(&e->lock);
        remote_fail(r, &err);
        r->scheduler.link = link_free(r->scheduler.link);
        for (uint32_t k = 0; k < r->peers.capacity; k++) {
                Peer *peer = (Peer *) (uintptr_t) r->peers.entry[k].value;

                if (peer) {
                        lender_leave(&peer->lender, true); /* views outlive the session */
                        peer->link = link_free(peer->link);
                        remote_received(r, peer);
                }
        }
        r->ended = true;
        remote_send_read(r);
        pthread_cond_broadcast(&e->changed);
        engine_unlock(e);
        engine_unref(e);
        return NULL;
}

/* ---- The engine's calls ----------------------------------------------------------------------------------------- */

int remote_request(Remote *r, uint64_t id, uint8_t *graph, size_t graph_bytes, uint64_t pin, uint64_t upload) {
        RemoteRequest *request = calloc(1, sizeof(*request));
        int ret                = request ? map_set(&r->requests, id, (uintptr_t) request) : -ENOMEM;

        if (ret < 0) {
                free(request);
                free(graph);
                return ret;
        }
        *request = (RemoteRequest) {
                .id = id, .graph = graph, .graph_bytes = graph_bytes, .pin = pin, .upload = upload
        };
        ret      = remote_post(r, WORKER_NONE, &(WireMessage) { WIRE_IS_SUBMIT,
                                                                .submit = { .request = id,
                                                                            .graph   = graph,
                                                                            .graph_n = (uint32_t) graph_bytes } });
        if (ret < 0)
                request_end(r, id);
        return ret;
}

static void remote_submit(Engine *e, EngineRequest *q, Graph *graph) {
        Remote *r      = e->remote;
        uint8_t *bytes = NULL;
        size_t n       = 0;
        int ret        = graph_encode(graph, &bytes, &n);

        graph_free(graph);
        if (ret == 0 && n > MAX_BODY_BYTES / 2)
                ret = error_set(&q->outcome, ERROR_VALUE, "an expression of %zu bytes (at most %d)", n,
                                MAX_BODY_BYTES / 2);
        if (ret == 0 && r->failure.code < 0)
                ret = error_set(&q->outcome, r->failure.code, "%s", r->failure.text);
        if (ret == 0)
                ret = remote_request(r, q->id, TAKE_PTR(bytes), n, 0, 0);
        free(bytes);
        if (ret == 0)
                return;
        if (q->outcome.code == 0)
                error_oom(&q->outcome, n);
        request_done(e, q);
}

void remote_canceled(Remote *r, EngineRequest *q) {
        request_end(r, q->id);
        error_set(&q->outcome, ERROR_CANCELED, "the work was canceled");
        request_done(r->engine, q);
}

/* Without a scheduler nobody else could end it; it hears of it when it is back. */
static void remote_cancel(Engine *e, EngineRequest *q, _unused_ const Error *why) {
        Remote *r              = e->remote;
        RemoteRequest *request = (RemoteRequest *) (uintptr_t) map_get(&r->requests, q->id);

        if (!request)
                return;
        request->canceled = true;
        if (!r->welcome)
                remote_canceled(r, q);
        else if (remote_post(r, WORKER_NONE,
                             &(WireMessage) { WIRE_IS_CANCEL, .cancel = { .request = q->id } }) < 0)
                remote_fail_for_memory(r);
}

static bool remote_progress(Engine *e, const EngineRequest *q, uint64_t *ret_done, uint64_t *ret_total) {
        const RemoteRequest *request = (RemoteRequest *) (uintptr_t) map_get(&e->remote->requests, q->id);

        if (!request)
                return false;
        *ret_done  = request->progress.n_done;
        *ret_total = request->progress.n_total;
        return true;
}

static SchedTensor *remote_tensor(Engine *e, TensorId id) {
        RemoteTensor *t = (RemoteTensor *) (uintptr_t) map_get(&e->remote->tensors, id);

        return t && t->t.n_refs > 0 ? &t->t : NULL;
}

static void remote_release(Engine *e, TensorId id) {
        Remote *r       = e->remote;
        RemoteTensor *t = (RemoteTensor *) (uintptr_t) map_get(&r->tensors, id);

        if (!t || --t->t.n_refs > 0)
                return;
        for (uint32_t k = 0; k < t->n_given && r->failure.code == 0; k++)
                if (remote_post(r, WORKER_NONE,
                                &(WireMessage) { WIRE_IS_RELEASE, .release = { .tensor = &id, .tensor_n = 1 } }) < 0)
                        remote_fail_for_memory(r);
        map_remove(&r->tensors, id);
        arena_free(t->arena);
        remote_kept_alone(r, id);
}

static void remote_close(Engine *e) {
        Remote *r          = e->remote;
        Error err          = {};

        if (!r)
                return; /* it was not even made */
        error_set(&err, ERROR_CLOSED, "the session was closed");
        r->stop = true;
        remote_fail(r, &err);
        pthread_cond_broadcast(&e->wake);
        remote_wake(r);
        while (e->n_alive > (helper_of == e) || !(r->ended || (r->started && pthread_equal(r->thread, pthread_self()))))
                pthread_cond_wait(&e->changed, &e->lock);
}

static void remote_free(Engine *e) {
        Remote *r = e->remote;

        if (!r)
                return;
        for (uint32_t k = 0; k < r->peers.capacity; k++) {
                Peer *peer = (Peer *) (uintptr_t) r->peers.entry[k].value;

                if (peer) {
                        free(peer->address);
                        chunk_digest_free(peer->digest);
                }
                free(peer);
        }
        for (uint32_t k = 0; k < r->tensors.capacity; k++) {
                RemoteTensor *t = (RemoteTensor *) (uintptr_t) r->tensors.entry[k].value;

                if (t)
                        arena_free(t->arena);
        }
        for (uint32_t k = 0; k < r->requests.capacity;)
                if (r->requests.entry[k].value != 0)
                        request_end(r, r->requests.entry[k].key); /* another one may stand in its place now */
                else
                        k++;
        for (uint32_t k = 0; k < r->post.n; k++)
                vec_free(&r->post.data[k].body.bytes);
        vec_free(&r->post);
        map_done(&r->peers);
        map_done(&r->tensors);
        map_done(&r->gets);
        map_done(&r->puts);
        map_done(&r->uploads);
        map_done(&r->kept);
        map_done(&r->namings);
        map_done(&r->requests);
        vec_free(&r->known);
        vec_free(&r->grant);
        sd_event_source_unref(r->timer);
        sd_event_unref(r->event);
        if (r->wake >= 0)
                close(r->wake);
        free(r->scheduler.address);
        free(r->token);
        free(r->via);
        tls_unref(r->tls);
        http_unref(r->http);
        free(r);
}

/* Of the cluster what it said of itself, and of memory what this session's results take there. */
static void remote_stats(Engine *e, EngineStats *ret) {
        for (uint32_t k = 0; k < e->remote->tensors.capacity; k++) {
                const RemoteTensor *t = (RemoteTensor *) (uintptr_t) e->remote->tensors.entry[k].value;

                if (!t)
                        continue;
                ret->store.n_chunks += t->t.n_chunks;
                ret->store.used_bytes += (size_t) shape_size(&t->t.spec.shape) * dtype_size(t->t.spec.dtype);
        }
        ret->elsewhere   = true;
        snprintf(ret->pages_text, sizeof(ret->pages_text), "each worker has its own: marsctl workers shows them");
        ret->n_tensors   = e->remote->tensors.n;
        ret->cache_bytes = e->remote->cluster.cache_bytes;
        ret->n_threads   = e->remote->cluster.n_threads;
}

static const EngineOps engine_remote = {
        .submit       = remote_submit,
        .cancel       = remote_cancel,
        .progress     = remote_progress,
        .tensor       = remote_tensor,
        .release      = remote_release,
        .adopt        = remote_adopt,
        .adopt_origin = remote_adopt_origin,
        .here         = remote_here,
        .pin          = remote_pin,
        .unpin        = remote_unpin,
        .close        = remote_close,
        .free         = remote_free,
        .stats        = remote_stats,
        .name         = remote_name,
        .keep         = remote_keep_most,
};

/* ---- Connecting ------------------------------------------------------------------------------------------------- */

static int remote_new(Remote **ret, Engine *e, const char *address, const char *token, Error *err) {
        Remote *r = calloc(1, sizeof(*r));

        if (!r)
                return error_oom(err, sizeof(*r));
        *ret = e->remote    = r; /* which frees it, also when this fails */
        r->wake             = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r->token            = strdup(token ?: "");
        r->scheduler        = (Peer) { .remote = r, .worker = WORKER_NONE, .address = strdup(address) };
        r->engine           = e;
        if (r->wake < 0)
                return error_prefix(err, -errno, "eventfd");
        if (http_is_url(address) && http_new(&r->http, address, token, err) < 0)
                return error_prefix(err, err->code, "cannot connect to '%s'", address);
        if (!r->token || !r->scheduler.address || sd_event_new(&r->event) < 0 ||
            sd_event_add_io(r->event, NULL, r->wake, EPOLLIN, on_wake, r) < 0 || remote_timer(r) < 0)
                return error_oom(err, sizeof(*r));
        return 0;
}

/* The first words of the scheduler, or why there are none. */
static int await_welcome(Remote *r, Error *err) {
        Engine *e               = r->engine;
        const uint64_t deadline = now_usec() + REMOTE_ANSWER_USEC;
        const struct timespec at = { .tv_sec  = (time_t) (deadline / 1000000),
                                     .tv_nsec = (long) (deadline % 1000000 * 1000) };

        while (!r->welcome && r->failure.code == 0 && now_usec() < deadline)
                pthread_cond_timedwait(&e->changed, &e->lock, &at);
        if (r->failure.code < 0)
                return error_set(err, r->failure.code, "%s", r->failure.text);
        if (!r->welcome && r->last_words.code < 0)
                return error_set(err, r->last_words.code, "scheduler %s: tried again for %d s: %s",
                                 r->scheduler.address, REMOTE_ANSWER_USEC / 1000000, r->last_words.text);
        if (!r->welcome)
                return error_set(err, -ETIMEDOUT, "scheduler %s: it does not answer", r->scheduler.address);
        return 0;
}

int engine_connect(Engine **ret, const char *address, const char *token, Tls *tls, Error *err) {
        return engine_connect_via(ret, address, token, tls, NULL, err);
}

int engine_connect_via(Engine **ret, const char *address, const char *token, Tls *tls, const char *whom, Error *err) {
        _cleanup_(engine_unrefp) Engine *e = NULL;
        sigset_t all, before;
        pthread_attr_t attr;
        Remote *r = NULL;
        int result;

        result = engine_make(&e, &(EngineConfig) {}, &engine_remote, err);
        if (result < 0)
                return result;
        e->budget.cache_bytes = REMOTE_CACHE_BYTES;
        e->piece_bytes        = strncmp(address, "unix:", 5) == 0 ? 0 : REMOTE_PIECE_BYTES;
        result                = remote_new(&r, e, address, token, err);
        if (result == 0)
                r->tls = tls_ref(tls);
        if (result == 0 && whom) {
                r->via = strdup(whom);
                result = r->via ? 0 : error_oom(err, strlen(whom));
        }
        if (result == 0)
                result = remote_connect(&r->scheduler, err);
        if (result == 0) {
                pthread_attr_init(&attr);
                pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
                sigfillset(&all); /* signals are for the program's own threads */
                pthread_sigmask(SIG_SETMASK, &all, &before);
                engine_ref(e);
                pthread_mutex_lock(&e->lock); /* the thread may be at it before we know that there is one */
                r->started = pthread_create(&r->thread, &attr, remote_main, r) == 0;
                engine_unlock(e);
                if (!r->started) {
                        __atomic_sub_fetch(&e->n_refs, 1, __ATOMIC_ACQ_REL);
                        result = error_set(err, -EAGAIN, "a thread for the connection cannot be had");
                }
                pthread_sigmask(SIG_SETMASK, &before, NULL);
                pthread_attr_destroy(&attr);
        }
        if (result < 0) { /* nobody runs the loop */
                if (r) {
                        r->scheduler.link = link_free(r->scheduler.link);
                        r->ended          = true;
                }
                return result;
        }
        pthread_mutex_lock(&e->lock);
        result = await_welcome(r, err);
        engine_unlock(e);
        if (result < 0) {
                engine_close(e);
                return result;
        }
        *ret = TAKE_PTR(e);
        return 0;
}
