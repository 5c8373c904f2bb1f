/* SPDX-License-Identifier: Apache-2.0 */
/* Origins: chunks that lie nowhere in memory until they are needed, and can be read again at any time, from a file or
 * through a call-back of the program. For the worker's machine such a chunk is one that was written to disk and left
 * memory (WORK_OFFER): it comes when a task or a pin needs it, and is forgotten, not written, when room is needed. So
 * what a program reads may be larger than memory and than any spill directory, and what nobody needs is not read.
 *
 * In a cluster the workers have no files of ours: each chunk is read when its worker asks for it, and leaves again when
 * it is sent (remote-uploads.c).
 *
 * Reading is work of threads of their own, as many as compute: they wait for disks, decompress, or wait for the
 * program's interpreter. They are made when chunks are wanted; a thread has one chunk at a time. */
#include <signal.h>
#include <stdlib.h>

#include "base/pages.h"
#include "engine/inside.h"

struct Readers {
        pthread_cond_t some; /* to read, or the end */
        Reading *first, **last;
        uint32_t n_idle, n_started;
        bool end;
        pthread_t thread[]; /* [n_threads] of the engine */
};

/* ---- Readers ---------------------------------------------------------------------------------------------------- */

static int read_now(Reading *reading, Error *err) {
        const Origin *s = reading->origin;
        int r;

        reading->to = reading->to ?: pages_alloc(reading->size_bytes);
        if (!reading->to)
                return error_oom(err, reading->size_bytes);
        r = s->give.read(s->give.userdata, reading->chunk - s->first_chunk, reading->to, err);
        return r < 0 && err->code == 0 ? error_set(err, r, "chunk %llu cannot be read",
                                                   (unsigned long long) (reading->chunk - s->first_chunk))
                                       : r;
}

static void *reader_main(void *userdata) {
        Engine *e  = userdata;
        Readers *r = e->readers;

        pthread_mutex_lock(&e->lock);
        for (;;) {
                Reading *reading;
                Error err = {};
                int result;

                while (!r->first && !r->end) {
                        r->n_idle++;
                        pthread_cond_wait(&r->some, &e->lock);
                        r->n_idle--;
                }
                reading = r->first;
                if (!reading)
                        break;
                r->first = reading->next;
                if (!r->first)
                        r->last = &r->first;
                pthread_mutex_unlock(&e->lock);
                result = read_now(reading, &err);
                pthread_mutex_lock(&e->lock);
                reading->done(e, reading, result < 0 ? &err : NULL);
                free(reading);
        }
        pthread_mutex_unlock(&e->lock);
        return NULL;
}

static int readers_need(Engine *e) {
        Readers *r = e->readers;

        if (r)
                return 0;
        r = calloc(1, sizeof(*r) + e->n_threads * sizeof(*r->thread));
        if (!r)
                return -ENOMEM;
        pthread_cond_init(&r->some, NULL);
        r->last    = &r->first;
        e->readers = r;
        return 0;
}

/* One more thread, if all are busy; what is in the queue is read by those that are there. */
static int readers_more(Engine *e) {
        Readers *r = e->readers;
        sigset_t all, before;
        int error;

        if (r->n_idle > 0) {
                pthread_cond_signal(&r->some);
                return 0;
        }
        if (r->n_started == e->n_threads)
                return 0;
        sigfillset(&all); /* signals are for the program's own threads */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(&r->thread[r->n_started], NULL, reader_main, e);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        r->n_started += error == 0;
        return r->n_started > 0 ? 0 : -error;
}

int origin_begin(Engine *e, const Reading *reading) {
        Reading *copy = malloc(sizeof(*copy));
        int r         = copy ? readers_need(e) : -ENOMEM;

        if (r == 0)
                r = readers_more(e);
        if (r < 0) {
                free(copy);
                return r;
        }
        *copy             = *reading;
        *e->readers->last = copy;
        e->readers->last  = &copy->next;
        return 0;
}

void origins_close(Engine *e) {
        Readers *r = e->readers;

        if (!r)
                return;
        pthread_mutex_lock(&e->lock);
        r->end = true;
        pthread_cond_broadcast(&r->some);
        pthread_mutex_unlock(&e->lock);
        for (uint32_t k = 0; k < r->n_started; k++)
                pthread_join(r->thread[k], NULL);
        pthread_cond_destroy(&r->some);
        free(r);
        e->readers = NULL;
}

/* ---- Of a session of this process ------------------------------------------------------------------------------- */

static void returned(Engine *e, Reading *reading, const Error *err) {
        disk_landed(e, reading->chunk, false, err);
}

int origin_return(Engine *e, const Origin *origin, uint64_t chunk, char *to, size_t size_bytes) {
        return origin_begin(
                e,
                &(Reading) { .origin = origin, .chunk = chunk, .to = to, .size_bytes = size_bytes, .done = returned });
}

Origin *origin_new(const EngineOrigin *give) {
        Origin *s  = malloc(sizeof(*s));
        Call *call = malloc(sizeof(*call));

        if (!s || !call) {
                free(s);
                free(call);
                return NULL;
        }
        *call = (Call) { .fn = give->release, .userdata = give->userdata };
        *s    = (Origin) { .give = *give, .released = call };
        return s;
}

void origin_done(Engine *e, Origin *s) {
        if (!s)
                return;
        engine_calls_add(e, s->released);
        free(s);
}

void origin_drop(Engine *e, uint64_t chunk) {
        Origin *s = (Origin *) (uintptr_t) idmap_remove(&e->origins, chunk);

        if (s && --s->n_left == 0)
                origin_done(e, s);
}

void origins_free(Engine *e) {
        Origin *s;

        while ((s = (Origin *) (uintptr_t) idmap_any(&e->origins)))
                for (uint64_t k = 0, first = s->first_chunk, n = s->n_chunks; k < n; k++)
                        origin_drop(e, first + k);
        idmap_done(&e->origins);
}

/* The chunks are in the engine's tables, or none is. */
static int chunks_know(Engine *e, Origin *s, const SchedTensor *t) {
        uint32_t k;
        int r = 0;

        for (k = 0; k < t->n_chunks && r == 0; k++) {
                r = idmap_set(&e->origins, t->chunk_first + k, (uintptr_t) s);
                if (r == 0)
                        r = idmap_set(&e->away, t->chunk_first + k, tiling_chunk_bytes(&t->tiling, t->spec.dtype, k));
        }
        while (r < 0 && k-- > 0) {
                idmap_remove(&e->origins, t->chunk_first + k);
                idmap_remove(&e->away, t->chunk_first + k);
        }
        return r;
}

int local_adopt_origin(Engine *e, const Spec *spec, const Tiling *tiling, const EngineOrigin *origin, Call *released,
                       TensorId *ret, Error *err) {
        Origin *s = malloc(sizeof(*s));
        int r     = s ? sched_adopt(e->sched, spec, tiling, WORKER, ret) : -ENOMEM;
        const SchedTensor *t;

        if (r == 0) {
                t  = sched_tensor(e->sched, *ret);
                *s = (Origin) { .give        = *origin,
                                .first_chunk = t->chunk_first,
                                .n_chunks    = t->n_chunks,
                                .n_left      = t->n_chunks,
                                .released    = released };
                r  = chunks_know(e, s, t);
                if (r < 0)
                        local_release(e, *ret);
        }
        if (r < 0) {
                free(s);
                return error_oom(err, tiling_n_chunks(tiling) * sizeof(uint64_t));
        }
        t = sched_tensor(e->sched, *ret);
        for (uint32_t k = 0; k < t->n_chunks && r == 0; k++)
                r = tell_work(e, &(WorkEvent) { .kind       = WORK_OFFER,
                                                .chunk      = t->chunk_first + k,
                                                .size_bytes = idmap_get(&e->away, t->chunk_first + k) });
        engine_pump(e, r);
        return 0;
}

/* ---- The caller ------------------------------------------------------------------------------------------------- */

int engine_adopt_origin(Engine *e, const Spec *spec, const Tiling *tiling, const EngineOrigin *origin, TensorId *ret,
                        Error *err) {
        Call *call = malloc(sizeof(*call));
        int r      = call ? engine_enter(e, err) : error_oom(err, sizeof(*call));

        assert(shape_size(&spec->shape) > 0);
        if (r == 0) {
                *call = (Call) { .fn = origin->release, .userdata = origin->userdata };
                r     = e->ops->adopt_origin(e, spec, tiling, origin, call, ret, err);
                engine_unlock(e);
        }
        if (r < 0) {
                free(call);
                origin->release(origin->userdata);
        }
        return r;
}
