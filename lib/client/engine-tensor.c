/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of an engine: references, foreign memory, chunks held for reading. */
#include "client/engine-inside.h"

int engine_tensor(Engine *e, TensorId id, const Spec **ret_spec, const Tiling **ret_tiling, Error *err) {
        const SchedTensor *t;
        int r = engine_enter(e, err);

        if (r < 0)
                return r;
        t = sched_tensor(e->sched, id);
        if (t) {
                *ret_spec   = &t->spec;
                *ret_tiling = &t->tiling;
        }
        pthread_mutex_unlock(&e->lock);
        return t ? 0 : ENGINE_ABSENT;
}

int engine_retain(Engine *e, TensorId id) {
        SchedTensor *t;
        int r = engine_enter(e, NULL);

        if (r < 0)
                return r;
        t = sched_tensor(e->sched, id);
        if (t)
                t->n_refs++;
        pthread_mutex_unlock(&e->lock);
        return t ? 0 : ENGINE_ABSENT;
}

void engine_release(Engine *e, TensorId id) {
        if (engine_enter(e, NULL) < 0)
                return;
        engine_pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = id }));
        engine_unlock(e);
}

static size_t tiling_chunk_bytes(const Tiling *tiling, DType dtype, uint64_t chunk) {
        Box box;

        tiling_box(tiling, chunk, &box);
        return (size_t) box_size(&box) * dtype_size(dtype);
}

/* Memory of somebody else, shared by the chunks of one tensor. */
typedef struct Adopted {
        Engine *engine;
        uint64_t n_chunks;
        Call *call;
} Adopted;

static void adopted_release(void *userdata) {
        Adopted *a = userdata;

        if (--a->n_chunks > 0)
                return;
        a->call->next    = a->engine->calls;
        a->engine->calls = a->call;
        free(a);
}

/* The tensor is the scheduler's; puts its chunks into the store and tells the worker. If that fails, none of them is
 * there, and `adopted` is what it was. */
static int adopt_chunks(Engine *e, const SchedTensor *t, const char *const *data, Adopted *adopted) {
        uint32_t k = 0;
        int r;

        for (r = 0; k < t->n_chunks && r == 0; k += r == 0)
                r = store_adopt(e->store, t->chunk_first + k, data[k], tiling_chunk_bytes(&t->tiling, t->spec.dtype, k),
                                adopted_release, adopted);
        if (r < 0) {
                adopted->n_chunks = k + 1; /* one of them is ours: it is not released here */
                while (k-- > 0)
                        store_drop(e->store, t->chunk_first + k);
                return r;
        }
        engine_pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_ADOPT, .chunk = t->chunk_first, .n = t->n_chunks }));
        return 0;
}

int engine_adopt(Engine *e, const Spec *spec, const Tiling *tiling, const char *const *data,
                 void (*release)(void *userdata), void *userdata, TensorId *ret, Error *err) {
        Adopted *adopted = malloc(sizeof(*adopted));
        Call *call       = malloc(sizeof(*call));
        int r            = -ENOMEM;

        if (adopted && call)
                r = engine_enter(e, err);
        else
                error_oom(err, sizeof(*adopted) + sizeof(*call));
        if (r == 0) {
                *call    = (Call) { .fn = release, .userdata = userdata };
                *adopted = (Adopted) { .engine = e, .n_chunks = tiling_n_chunks(tiling), .call = call };
                r        = sched_adopt(e->sched, spec, tiling, WORKER, ret);
                if (r == 0) {
                        r = adopt_chunks(e, sched_tensor(e->sched, *ret), data, adopted);
                        if (r < 0)
                                engine_pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = *ret }));
                }
                if (r < 0)
                        error_oom(err, tiling_n_chunks(tiling) * sizeof(uint64_t));
                engine_unlock(e);
        }
        if (r < 0) {
                free(adopted);
                free(call);
                release(userdata);
        }
        return r;
}

/* ---- Pins ------------------------------------------------------------------------------------------------------- */

static const char nothing[64] __attribute__((aligned(64))); /* where an empty array lies */

/* The chunks, if they lie one behind the other in the order of the tensor's elements. */
static const char *pin_contiguous(const EnginePin *pin) {
        const char *first = NULL, *end = NULL;

        if (!tiling_is_rows(&pin->tiling))
                return NULL;
        for (uint64_t k = 0; k < pin->n_chunks; k++) {
                size_t bytes = tiling_chunk_bytes(&pin->tiling, pin->spec.dtype, k);

                if (bytes == 0)
                        continue;
                if (first && pin->data[k] != end)
                        return NULL;
                first = first ?: pin->data[k];
                end   = pin->data[k] + bytes;
        }
        return first ?: nothing;
}

static int pin_new(const SchedTensor *t, EnginePin **ret) {
        size_t n_edges = 0;
        EnginePin *pin;
        int64_t *edge;

        for (int k = 0; k < t->tiling.ndim; k++)
                n_edges += t->tiling.axis[k].edge ? t->tiling.axis[k].n + 1 : 0;
        pin = calloc(1, sizeof(*pin) + t->n_chunks * sizeof(*pin->data) + n_edges * sizeof(*edge));
        if (!pin)
                return -ENOMEM;
        pin->data        = (const char **) (pin + 1);
        pin->n_chunks    = t->n_chunks;
        pin->chunk_first = t->chunk_first;
        pin->spec        = t->spec;
        pin->tiling      = t->tiling;
        edge             = (int64_t *) (pin->data + t->n_chunks);
        for (int k = 0; k < t->tiling.ndim; k++)
                if (t->tiling.axis[k].edge) {
                        memcpy(edge, t->tiling.axis[k].edge, (t->tiling.axis[k].n + 1) * sizeof(*edge));
                        pin->tiling.axis[k].edge = edge;
                        edge += t->tiling.axis[k].n + 1;
                }
        *ret = pin;
        return 0;
}

int engine_pin(Engine *e, TensorId id, EnginePin **ret, Error *err) {
        const SchedTensor *t;
        EnginePin *pin = NULL;
        int r          = engine_enter(e, err);

        if (r < 0)
                return r;
        t = sched_tensor(e->sched, id);
        r = t ? pin_new(t, &pin) : ENGINE_ABSENT;
        if (r < 0)
                error_oom(err, t->n_chunks * sizeof(*pin->data));
        for (uint64_t k = 0; r == 0 && k < pin->n_chunks; k++) {
                size_t bytes;
                int found = store_pin(e->store, pin->chunk_first + k, &pin->data[k], &bytes);

                assert(found == 0 && bytes == tiling_chunk_bytes(&pin->tiling, pin->spec.dtype, k));
        }
        engine_unlock(e);
        if (r != 0)
                return r;
        pin->engine     = engine_ref(e);
        pin->contiguous = pin_contiguous(pin);
        *ret            = pin;
        return 0;
}

EnginePin *engine_unpin(EnginePin *pin) {
        Engine *e = pin ? pin->engine : NULL;

        if (!pin || !engine_lock(e))
                return NULL;
        for (uint64_t k = 0; k < pin->n_chunks; k++)
                store_unpin(e->store, pin->chunk_first + k);
        engine_unlock(e);
        free(pin);
        engine_unref(e);
        return NULL;
}
