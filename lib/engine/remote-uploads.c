/* SPDX-License-Identifier: Apache-2.0 */
/* Data of ours on its way to workers. The scheduler says who is to have which chunk; the worker is told of it (PUT),
 * asks for it when it has room (GET), and says when it has it (STORED).
 *
 * The caller's memory is ours until all chunks are stored, so until then nothing can be lost. A worker that cannot be
 * reached is told again, until the scheduler says that it is gone. Then a request that wants the tensor asks where its
 * chunks are to be, which makes the scheduler name another worker (WANTED). What is kept afterwards (remote-kept.c) is
 * sent in the same way when the scheduler wants it, and what a worker that is gone was to have it asks for again by
 * itself. */
#include <string.h>

#include "base/pages.h"
#include "engine/remote.h"

static void upload_failed(Upload *u, const Error *why) {
        if (u->err.code == 0)
                u->err = *why;
}

void remote_given(Remote *r, TensorId tensor, uint64_t number, const Error *err) {
        if (remote_post(r, WORKER_NONE, &(WireMessage) { WIRE_IS_GIVEN,
                                                         .given = { .tensor = tensor,
                                                                    .code   = err ? err->code : 0,
                                                                    .text   = err ? err->text : NULL,
                                                                    .number = number } }) < 0)
                remote_fail_for_memory(r);
}

/* One that the scheduler asked for is stored, or its worker is gone. */
static void wanted_less(Remote *r, Put *put) {
        if (!put->wanted)
                return;
        put->wanted = false;
        if (--put->upload->n_wanted == 0)
                remote_given(r, put->upload->tensor, put->upload->wanted,
                             put->upload->kept && put->upload->err.code < 0 ? &put->upload->err : NULL);
}

static void put_end(Remote *r, uint64_t chunk, const Error *why) {
        Put *put = (Put *) (uintptr_t) map_remove(&r->puts, chunk);
        Upload *u;

        if (!put)
                return;
        u = put->upload;
        if (why)
                upload_failed(u, why);
        wanted_less(r, put);
        u->n_left--;
        free(put);
        remote_kept_settle(r, u);
        pthread_cond_broadcast(&r->engine->changed);
}

/* All that are left of it. */
static void puts_end(Remote *r, const Upload *u, const Error *why) {
        for (uint32_t k = 0, n = u->n_left; k < r->puts.capacity && n > 0;) {
                const Put *put = (Put *) (uintptr_t) r->puts.entry[k].value;

                if (put && put->upload == u) {
                        put_end(r, r->puts.entry[k].key, why); /* another one may stand in its place now */
                        n--;
                } else
                        k++;
        }
}

/* The chunk is not there: its worker is told of it again, unless it is to be another one. True: the put is no more. */
static bool put_lost(Remote *r, uint64_t chunk, Put *put, bool same, const Error *why) {
        Upload *u          = put->upload;
        const uint64_t now = now_usec();

        if (u->kept && !same) {
                put_end(r, chunk, NULL);
                return true;
        }
        put->again = same;
        if (!same) {
                put->worker = WORKER_NONE;
                wanted_less(r, put);
        }
        u->last_words = *why;
        if (u->lost_usec == 0)
                u->lost_usec = now;
        if (u->again_usec == 0)
                u->again_usec = now + (u->n_lost++ == 0 ? 0 : remote_pause_usec(u->n_lost));
        remote_wake(r); /* whatever thread this is */
        return false;
}

/* ---- What workers say ------------------------------------------------------------------------------------------- */

/* A chunk on its way out of our memory. What an origin has is read first, by a reader who then waits until it is sent:
 * of one reader no more than one chunk is in memory. */
typedef struct Sending Sending;
struct Sending {
        Remote *remote;
        Upload *upload;
        uint64_t chunk;
        uint32_t worker;
        char *data;            /* that was read; NULL: the caller has it */
        size_t size_bytes;
        uint64_t digest;       /* of what was sent */
        Error err;             /* it could not be read */
        bool over;             /* atomic: the reader may go on */
        Sending *next;
};

/* Nobody looks at it before it is stored, and n_sending says so. */
static void digest_note(const Sending *s) {
        if (s->digest != 0)
                s->upload->chunk[s->chunk - s->upload->chunk_first].digest = s->digest;
}

/* From within the link, which is called with the lock held or not: so the loop tells those who wait. */
static void sent(void *userdata) {
        Sending *s = userdata;

        digest_note(s);
        __atomic_sub_fetch(&s->upload->n_sending, 1, __ATOMIC_RELEASE);
        remote_wake(s->remote);
        free(s);
}

static void sent_what_was_read(void *userdata) {
        Sending *s     = userdata;
        Remote *remote = s->remote;

        __atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
        remote_wake(remote);
}

static void gone_say(Remote *r, const Peer *to, uint64_t chunk, const Error *err) {
        if (link_say(to->link, &(WireMessage) { WIRE_IS_GONE, .gone = { chunk, err->code, err->text } }) < 0)
                remote_chunks_fail(r, to->worker, err);
}

void remote_send_read(Remote *r) {
        while (r->read) {
                Sending *s       = r->read;
                const Put *put   = (const Put *) (uintptr_t) map_get(&r->puts, s->chunk);
                const Peer *peer = (const Peer *) (uintptr_t) map_get(&r->peers, s->worker);
                bool goes        = put && put->upload == s->upload && put->worker == s->worker && peer && peer->link &&
                            r->failure.code == 0 && !r->ended;

                r->read = s->next;
                if (goes && s->err.code < 0) {
                        gone_say(r, peer, s->chunk, &s->err);
                        put_end(r, s->chunk, &s->err);
                        goes = false;
                } else if (goes && link_say_chunk(peer->link, s->chunk, s->data, s->size_bytes, &s->digest,
                                                  sent_what_was_read, s) < 0) {
                        error_oom(&s->err, s->size_bytes);
                        put_end(r, s->chunk, &s->err);
                        goes = false;
                }
                if (!goes)
                        __atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
        }
}

static void chunk_read(Engine *e, Reading *reading, const Error *err) {
        Sending *s = reading->userdata;
        Upload *u  = s->upload;

        if (err)
                s->err = *err;
        s->data         = reading->to;
        s->next         = e->remote->read;
        e->remote->read = s;
        remote_wake(e->remote);
        if (e->remote->ended)
                remote_send_read(e->remote);
        while (!__atomic_load_n(&s->over, __ATOMIC_ACQUIRE))
                pthread_cond_wait(&e->changed, &e->lock);
        pages_free(s->data, s->size_bytes);
        digest_note(s);
        __atomic_sub_fetch(&u->n_sending, 1, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&e->changed);
        free(s);
        remote_kept_settle(e->remote, u);
}

/* Sends the chunk, now or when it has been read. Takes `sending`, unless it fails. */
static int chunk_send(Remote *r, const Peer *to, const Put *put, Sending *sending) {
        const Upload *u = put->upload;

        if (!u->source && !u->kept)
                return link_say_chunk(to->link, sending->chunk, put->data, put->size_bytes, &sending->digest, sent,
                                      sending);
        return origin_begin(r->engine, &(Reading) { .origin     = u->kept ? &u->checked : u->source,
                                                    .chunk      = sending->chunk,
                                                    .size_bytes = put->size_bytes,
                                                    .done       = chunk_read,
                                                    .userdata   = sending });
}

void remote_hear_get(Remote *r, Peer *from, const Wire_get *get) {
        Put *put         = (Put *) (uintptr_t) map_get(&r->puts, get->chunk);
        Sending *sending = put && put->worker == from->worker ? malloc(sizeof(*sending)) : NULL;
        Error err        = {};

        if (!sending) {
                error_set(&err, -ENOENT, "chunk %llu is not to be had", (unsigned long long) get->chunk);
                gone_say(r, from, get->chunk, &err);
                return;
        }
        *sending = (Sending) { .remote     = r,
                               .upload     = put->upload,
                               .chunk      = get->chunk,
                               .worker     = from->worker,
                               .size_bytes = put->size_bytes };
        __atomic_add_fetch(&put->upload->n_sending, 1, __ATOMIC_RELAXED);
        if (chunk_send(r, from, put, sending) < 0) {
                if (put->upload->source || put->upload->kept) { /* a link says that a chunk is sent also if it is not */
                        __atomic_sub_fetch(&put->upload->n_sending, 1, __ATOMIC_RELEASE);
                        free(sending);
                }
                error_oom(&err, put->size_bytes);
                put_end(r, get->chunk, &err);
        }
}

void remote_stored(Remote *r, const Peer *from, const Wire_stored *stored) {
        Put *put  = (Put *) (uintptr_t) map_get(&r->puts, stored->chunk);
        Error err = {};

        if (!put || put->worker != from->worker)
                return;
        if (stored->code < 0)
                error_set(&err, stored->code, "%s", stored->text);
        if (stored->code == -EPERM) /* what the scheduler said to the worker went with a link */
                put_lost(r, stored->chunk, put, false, &err);
        else {
                put->upload->far |= strncmp(from->address, "unix:", 5) != 0;
                put->upload->lost_usec = 0;
                put->upload->n_lost    = 0;
                put_end(r, stored->chunk, stored->code < 0 ? &err : NULL);
        }
}

void remote_puts_fail(Remote *r, uint32_t worker, const Error *why) {
        const Peer *peer = (Peer *) (uintptr_t) map_get(&r->peers, worker);

        for (uint32_t k = 0; k < r->puts.capacity;) {
                Put *put = (Put *) (uintptr_t) r->puts.entry[k].value;

                if (put && worker == WORKER_NONE) {
                        put_end(r, r->puts.entry[k].key, why); /* another one may stand in its place now */
                        continue;
                }
                if (!put || put->worker != worker ||
                    !put_lost(r, r->puts.entry[k].key, put, peer && peer->address[0], why))
                        k++;
        }
}

/* ---- What the scheduler says ------------------------------------------------------------------------------------ */

void remote_adopted(Remote *r, const Wire_adopted *m) {
        Upload *u  = (Upload *) (uintptr_t) map_get(&r->uploads, m->request);
        Reader rd  = { .start = m->tensor, .at = m->tensor, .end = m->tensor + m->tensor_n, .what = "ADOPTED" };
        Error err  = {};
        int ret;

        if (!u || u->answered)
                return;
        rd.err      = &err;
        u->answered = true;
        if (m->code < 0)
                error_set(&u->err, m->code, "%s", m->text);
        else {
                ret = remote_tensor_add(r, &rd, &u->tensor);
                if (ret < 0)
                        error_set(&u->err, ret, "%s", err.text);
        }
        pthread_cond_broadcast(&r->engine->changed);
}

static int put_say(Remote *r, uint64_t chunk, const Put *put) {
        const Upload *u = put->upload;

        return remote_post(r, put->worker,
                           &(WireMessage) { WIRE_IS_PUT, .put = { .chunk      = chunk,
                                                                  .size_bytes = put->size_bytes,
                                                                  .first      = u->proof ? u->chunk_first : 0,
                                                                  .n          = u->proof ? u->n_chunks : 0,
                                                                  .proof      = u->proof } });
}

/* A chunk of the tensor that is not stored, or not any more. */
static int put_begin(Remote *r, Upload *u, uint32_t k, Put **ret) {
        Put *put = calloc(1, sizeof(*put));
        int result;

        if (!put)
                return -ENOMEM;
        *put = (Put) {
                .data = u->chunk[k].data, .size_bytes = u->chunk[k].size_bytes, .worker = WORKER_NONE, .upload = u
        };
        result = map_set(&r->puts, u->chunk_first + k, (uintptr_t) put);
        if (result < 0) {
                free(put);
                return result;
        }
        u->n_left++;
        *ret = put;
        return 0;
}

/* To whom it is to go now; WORKER_NONE: that is not known yet. */
static int put_go(Remote *r, uint64_t chunk, Put *put, uint32_t worker) {
        Error err = {};

        put->worker = worker;
        put->again  = false;
        if (worker != WORKER_NONE)
                return put_say(r, chunk, put);
        error_set(&err, -EHOSTDOWN, "there is no worker that could take it");
        put_lost(r, chunk, put, false, &err);
        return 0;
}

/* That is kept, or is on its way. */
static Upload *upload_of(const Remote *r, TensorId tensor) {
        Upload *u = (Upload *) (uintptr_t) map_get(&r->kept, tensor);

        for (uint32_t k = 0; k < r->uploads.capacity && !u; k++) {
                u = (Upload *) (uintptr_t) r->uploads.entry[k].value;
                if (u && (u->tensor != tensor || u->n_left == 0 || u->err.code < 0))
                        u = NULL;
        }
        return u;
}

int remote_wanted(Remote *r, const Wire_wanted *m, Error *err) {
        Upload *u = upload_of(r, m->tensor);

        if (!u || u->is != KEPT_WHOLE) {
                remote_kept_lost(r, u, m);
                return 0;
        }
        if (map_set(&r->uploads, u->request, (uintptr_t) u) < 0)
                return error_oom(err, sizeof(*u));
        u->wanted = m->number;
        for (uint32_t k = 0; k + 1 < m->chunk_n; k += 2) {
                const uint64_t chunk = u->chunk_first + m->chunk[k];
                Put *put             = (Put *) (uintptr_t) map_get(&r->puts, chunk);

                if (m->chunk[k] >= u->n_chunks)
                        return error_set(err, ERROR_CORRUPT, "chunk %u of a tensor of %u is wanted", m->chunk[k],
                                         u->n_chunks);
                if (!put && put_begin(r, u, m->chunk[k], &put) < 0)
                        return error_oom(err, sizeof(*put));
                u->n_wanted += !put->wanted;
                put->wanted = true;
        }
        for (uint32_t k = 0; k + 1 < m->chunk_n; k += 2) { /* the last one to end may say so */
                Put *put = (Put *) (uintptr_t) map_get(&r->puts, u->chunk_first + m->chunk[k]);

                if (put && put_go(r, u->chunk_first + m->chunk[k], put, m->chunk[k + 1]) < 0)
                        return error_oom(err, sizeof(*put));
        }
        remote_kept_settle(r, u);
        return 0;
}

/* Where the chunks are, or are to be; or why they cannot be. */
void remote_upload_located(Remote *r, uint64_t upload, const Error *why) {
        Upload *u            = (Upload *) (uintptr_t) map_get(&r->uploads, upload);
        const SchedTensor *t = u ? r->engine->ops->tensor(r->engine, u->tensor) : NULL;

        if (!t)
                return;
        u->asking = 0;
        if (why->code < 0)
                upload_failed(u, why);
        for (uint32_t k = 0; k < t->n_chunks && u->err.code == 0; k++) {
                Put *put = (Put *) (uintptr_t) map_get(&r->puts, t->chunk_first + k);

                if (put && put->worker == WORKER_NONE && put_go(r, t->chunk_first + k, put, t->holder[k]) < 0)
                        remote_fail_for_memory(r);
        }
        pthread_cond_broadcast(&r->engine->changed);
}

/* Those that are still to go to the same worker; for the others the scheduler is asked. */
static int puts_go_again(Remote *r, Upload *u) {
        bool ask = false;
        int ret  = 0;

        for (uint32_t k = 0; k < r->puts.capacity && ret == 0; k++) {
                Put *put = (Put *) (uintptr_t) r->puts.entry[k].value;

                if (!put || put->upload != u)
                        continue;
                ask |= put->worker == WORKER_NONE;
                if (put->again)
                        ret = put_go(r, r->puts.entry[k].key, put, put->worker);
        }
        return ret == 0 && ask && u->asking == 0 ? remote_ask_where(r, u->tensor, 0, u->request, &u->asking) : ret;
}

void remote_uploads_tick(Remote *r, uint64_t now) {
        for (uint32_t k = 0; k < r->uploads.capacity; k++) {
                Upload *u = (Upload *) (uintptr_t) r->uploads.entry[k].value;
                Error err = {};

                if (!u || u->lost_usec == 0 || u->err.code < 0)
                        continue;
                if (now - u->lost_usec > REMOTE_FETCH_USEC) {
                        error_set(&err, u->last_words.code, "no worker has taken the data for %d s: %s",
                                  REMOTE_FETCH_USEC / 1000000, u->last_words.text);
                        upload_failed(u, &err);
                        if (u->kept) {
                                puts_end(r, u, &err);
                                k = UINT32_MAX; /* from the start: another one may stand in its place now */
                        }
                        pthread_cond_broadcast(&r->engine->changed);
                        continue;
                }
                if (u->again_usec != 0 && u->again_usec <= now) {
                        u->again_usec = 0;
                        if (puts_go_again(r, u) < 0) {
                                error_oom(&err, sizeof(*u));
                                upload_failed(u, &err);
                                pthread_cond_broadcast(&r->engine->changed);
                        }
                }
                remote_arm(r, u->again_usec != 0 ? u->again_usec : u->lost_usec + REMOTE_FETCH_USEC + 1);
        }
}

/* ---- The caller ------------------------------------------------------------------------------------------------- */

/* What is to be known of the chunks as long as any is under way, or it is kept. */
static int upload_chunks(const Remote *r, Upload *u, const char *const *data) {
        const RemoteTensor *t = (RemoteTensor *) (uintptr_t) map_get(&r->tensors, u->tensor);

        u->chunk       = calloc(t->t.n_chunks + 1, sizeof(*u->chunk));
        u->proof       = t->proof ? strdup(t->proof) : NULL;
        u->chunk_first = t->t.chunk_first;
        u->n_chunks    = t->t.n_chunks;
        u->spec        = t->t.spec;
        if (!u->chunk || (t->proof && !u->proof))
                return -ENOMEM;
        for (uint32_t k = 0; k < u->n_chunks; k++)
                u->chunk[k] = (UploadChunk) { .data       = data ? data[k] : NULL,
                                              .size_bytes = tiling_chunk_bytes(&t->t.tiling, t->t.spec.dtype, k) };
        if (u->source)
                u->source->first_chunk = u->chunk_first;
        return 0;
}

/* Tells the workers of the chunks; they will ask for them. */
static int upload_begin(Remote *r, Upload *u, const SchedTensor *t, const char *const *data) {
        int ret = upload_chunks(r, u, data);

        for (uint32_t k = 0; k < t->n_chunks && ret == 0; k++) {
                Put *put;

                ret = put_begin(r, u, k, &put);
                if (ret == 0)
                        ret = put_go(r, t->chunk_first + k, put, t->holder[k]);
        }
        return ret;
}

/* Nobody waits for it any more. */
static void upload_end(Remote *r, Upload *u) {
        Error err = {};

        error_set(&err, ERROR_CANCELED, "its client gives it no more");
        map_remove(&r->uploads, u->request);
        if (u->n_wanted > 0)
                remote_given(r, u->tensor, u->wanted, &err);
        u->n_wanted = 0;
        if (u->asking != 0 && remote_post(r, WORKER_NONE, &(WireMessage) { WIRE_IS_CANCEL,
                                                                          .cancel = { .request = u->asking } }) < 0)
                remote_fail_for_memory(r);
        for (uint32_t k = 0; k < r->puts.capacity && u->n_left > 0; k++) {
                Put *put = (Put *) (uintptr_t) r->puts.entry[k].value;

                if (put && put->upload == u)
                        put->wanted = false;
        }
        puts_end(r, u, NULL);
        while (__atomic_load_n(&u->n_sending, __ATOMIC_ACQUIRE) > 0)
                pthread_cond_wait(&r->engine->changed, &r->engine->lock);
}

void remote_upload_free(Upload *u) {
        vec_free(&u->description);
        free(u->chunk);
        free(u->proof);
        free(u);
}

static int upload_say(Engine *e, Upload *u, const Spec *spec, const Tiling *tiling) {
        const WireTensor tensor = { .spec = *spec, .tiling = *tiling };
        Remote *r               = e->remote;
        Writer w                = {};
        int result;

        wire_put_tensor(&w, &tensor);
        u->request          = ++e->next_request;
        u->description.data = w.bytes.data;
        u->description.n    = w.bytes.n;
        result              = w.r == 0 ? map_set(&r->uploads, u->request, (uintptr_t) u) : w.r;
        return result < 0 ? result
                          : remote_post(r, WORKER_NONE,
                                        &(WireMessage) { WIRE_IS_ADOPT, .adopt = { .request  = u->request,
                                                                                   .tensor   = w.bytes.data,
                                                                                   .tensor_n = w.bytes.n } });
}

/* Waits until the cluster has the chunks: then the caller's memory is not needed any more, unless it is kept. */
static int upload(Engine *e, Upload *u, const Spec *spec, const Tiling *tiling, const char *const *data, Error *err) {
        Remote *r  = e->remote;
        int result = upload_say(e, u, spec, tiling);

        while (result == 0 && !u->answered && u->err.code == 0 && r->failure.code == 0)
                pthread_cond_wait(&e->changed, &e->lock);
        if (result == 0 && u->answered && u->err.code == 0)
                result = upload_begin(r, u, e->ops->tensor(e, u->tensor), data);
        while (u->n_left > 0 && u->err.code == 0 && r->failure.code == 0 && result == 0)
                pthread_cond_wait(&e->changed, &e->lock);
        upload_end(r, u);
        if (result < 0)
                error_oom(&u->err, sizeof(Put));
        else if (u->err.code == 0 && r->failure.code < 0)
                u->err = r->failure;
        if (u->err.code == 0)
                return 0;
        if (u->tensor != 0)
                e->ops->release(e, u->tensor);
        return error_set(err, u->err.code, "%s", u->err.text);
}

int remote_adopt(Engine *e, const Spec *spec, const Tiling *tiling, const char *const *data, Call *released,
                 Origin *again, TensorId *ret, Error *err) {
        Upload *u = calloc(1, sizeof(*u));
        int r     = u ? upload(e, u, spec, tiling, data, err) : error_oom(err, sizeof(*u));

        if (r == 0) {
                *ret        = u->tensor;
                u->released = released;
                remote_keep(e->remote, u, again);
        } else if (u)
                remote_upload_free(u);
        return r;
}

int remote_adopt_origin(Engine *e, const Spec *spec, const Tiling *tiling, const EngineOrigin *origin, Call *released,
                        TensorId *ret, Error *err) {
        Upload *u = calloc(1, sizeof(*u));
        Origin *s = malloc(sizeof(*s));
        int r     = u && s ? 0 : error_oom(err, sizeof(*u));

        if (r == 0) {
                *s        = (Origin) { .give = *origin };
                u->source = s;
                r         = upload(e, u, spec, tiling, NULL, err);
        }
        if (r == 0) {
                *ret        = u->tensor;
                s->released = released;
                remote_keep(e->remote, u, s);
                return 0;
        }
        free(s);
        if (u)
                remote_upload_free(u);
        return r;
}
