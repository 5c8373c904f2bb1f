/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of an engine: references, foreign memory, chunks held for reading. */
#include "base/size.h"
#include "engine/inside.h"

enum { PIECES = 16 }; /* of the cache, that are pinned for copying: a few at a time, by a few callers */

int engine_tensor(Engine *e, TensorId id, const Spec **ret_spec, const Tiling **ret_tiling, Error *err) {
        const SchedTensor *t;
        int r = engine_enter(e, err);

        if (r < 0)
                return r;
        t = e->ops->tensor(e, id);
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
        t = e->ops->tensor(e, id);
        if (t)
                t->n_refs++;
        pthread_mutex_unlock(&e->lock);
        return t ? 0 : ENGINE_ABSENT;
}

void engine_release(Engine *e, TensorId id) {
        if (engine_enter(e, NULL) < 0)
                return;
        e->ops->release(e, id);
        engine_unlock(e);
}

size_t tiling_chunk_bytes(const Tiling *tiling, DType dtype, uint64_t chunk) {
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
        engine_calls_add(a->engine, a->call);
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

int local_adopt(Engine *e, const Spec *spec, const Tiling *tiling, const char *const *data, Call *released,
                Origin *again, TensorId *ret, Error *err) {
        Adopted *adopted = malloc(sizeof(*adopted));
        int r            = adopted ? sched_adopt(e->sched, spec, tiling, WORKER, ret) : -ENOMEM;

        if (r == 0) {
                *adopted = (Adopted) { .engine = e, .n_chunks = tiling_n_chunks(tiling), .call = released };
                r        = adopt_chunks(e, sched_tensor(e->sched, *ret), data, adopted);
                if (r < 0)
                        local_release(e, *ret);
        }
        if (r == 0) { /* they stay where they are */
                origin_done(e, again);
                return 0;
        }
        free(adopted);
        return error_oom(err, tiling_n_chunks(tiling) * sizeof(uint64_t));
}

int engine_adopt(Engine *e, const Spec *spec, const Tiling *tiling, const char *const *data,
                 void (*release)(void *userdata), void *userdata, const EngineOrigin *again, TensorId *ret,
                 Error *err) {
        Call *call     = malloc(sizeof(*call));
        Origin *origin = again ? origin_new(again) : NULL;
        int r          = call && (origin || !again) ? engine_enter(e, err) : error_oom(err, sizeof(*call));

        if (r == 0) {
                *call = (Call) { .fn = release, .userdata = userdata };
                r     = e->ops->adopt(e, spec, tiling, data, call, origin, ret, err);
                engine_unlock(e);
        }
        if (r < 0) {
                free(call);
                release(userdata);
                if (again)
                        again->release(again->userdata);
                if (origin)
                        free(origin->released);
                free(origin);
        }
        return r;
}

void engine_keep_given(Engine *e, uint64_t most_bytes) {
        if (!e->ops->keep || engine_enter(e, NULL) < 0)
                return;
        e->ops->keep(e, most_bytes);
        engine_unlock(e);
}

SchedTensor *local_tensor(Engine *e, TensorId id) {
        return sched_tensor(e->sched, id);
}

void local_release(Engine *e, TensorId id) {
        engine_pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = id }));
}

/* ---- Pins ------------------------------------------------------------------------------------------------------- */

static const char nothing[64] __attribute__((aligned(64))); /* where an empty array lies */

/* The chunks, if they are all and lie one behind the other in the order of the tensor's elements. */
static const char *pin_contiguous(const EnginePin *pin) {
        const char *first = NULL, *end = NULL;

        if (!tiling_is_rows(&pin->tiling) || pin->n_chunks < tiling_n_chunks(&pin->tiling))
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

static int pin_new(Engine *e, const SchedTensor *t, uint64_t first, uint64_t n_chunks, const EngineInto *into,
                   EnginePin **ret) {
        size_t n_edges = 0;
        EnginePin *pin;
        int64_t *edge;

        for (int k = 0; k < t->tiling.ndim; k++)
                n_edges += t->tiling.axis[k].edge ? t->tiling.axis[k].n + 1 : 0;
        pin = calloc(1, sizeof(*pin) + n_chunks * (sizeof(*pin->data) + (into ? sizeof(*pin->into) : 0)) +
                                n_edges * sizeof(*edge));
        if (!pin)
                return -ENOMEM;
        pin->data     = (const char **) (pin + 1);
        pin->first    = first;
        pin->n_chunks = n_chunks;
        pin->chunk_id = t->chunk_first + first;
        pin->tensor   = t->id;
        pin->spec     = t->spec;
        pin->tiling   = t->tiling;
        pin->id       = ++e->next_pin;
        edge          = (int64_t *) (pin->data + n_chunks);
        for (int k = 0; k < t->tiling.ndim; k++)
                if (t->tiling.axis[k].edge) {
                        memcpy(edge, t->tiling.axis[k].edge, (t->tiling.axis[k].n + 1) * sizeof(*edge));
                        pin->tiling.axis[k].edge = edge;
                        edge += t->tiling.axis[k].n + 1;
                }
        if (into) {
                pin->into = (char **) edge;
                for (uint64_t k = 0; k < n_chunks; k++)
                        pin->into[k] = into->where(into->userdata, &pin->tiling, pin->spec.dtype, first + k);
        }
        *ret = pin;
        return 0;
}

/* The machine has pinned the chunks, or says why not. */
void pin_answered(Engine *e, uint64_t id, _unused_ uint64_t chunk, const Error *err) {
        EnginePin *pin = (EnginePin *) (uintptr_t) map_remove(&e->pins, id);

        assert(pin && pin->waits);
        pin->waits = false;
        if (err)
                pin->failure = *err;
        pin->unpin = !err;
        for (uint64_t k = 0; k < pin->n_chunks && !err && e->store; k++) {
                size_t bytes;
                int found = store_pin(e->store, pin->chunk_id + k, &pin->data[k], &bytes);

                assert(found == 0 && bytes == tiling_chunk_bytes(&pin->tiling, pin->spec.dtype, pin->first + k));
        }
        pthread_cond_broadcast(&e->wake);
}

void pins_end(Engine *e, const Error *err) {
        for (uint32_t k = 0; k < e->pins.capacity;) {
                EnginePin *pin = (EnginePin *) (uintptr_t) e->pins.entry[k].value;

                if (!pin) {
                        k++;
                        continue;
                }
                map_remove(&e->pins, pin->id);
                pin->waits   = false;
                pin->failure = *err;
                if (e->broken.code == 0 && e->work)
                        engine_pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_UNPIN, .pin = pin->id }));
        }
        pthread_cond_broadcast(&e->wake);
}

/* The lock is held. */
static int pin_ask(Engine *e, EnginePin *pin) {
        if (map_set(&e->pins, pin->id, (uintptr_t) pin) < 0)
                return -ENOMEM;
        pin->engine = engine_ref(e);
        pin->waits  = true;
        return e->ops->pin(e, pin);
}

bool local_here(Engine *e, const SchedTensor *t, uint64_t k) {
        return work_here(e->work, t->chunk_first + k);
}

int local_pin(Engine *e, EnginePin *pin) {
        const SchedTensor *t = sched_tensor(e->sched, pin->tensor);
        Error err;

        for (uint64_t k = 0; k < pin->n_chunks; k++)
                if (t->holder[pin->first + k] == WORKER_NONE) {
                        sched_lost_error(t, NULL, &err);
                        pin_answered(e, pin->id, pin->chunk_id, &err);
                        return 0;
                }
        engine_pump(e, tell_work(e, &(WorkEvent) { .kind  = WORK_PIN,
                                                  .pin   = pin->id,
                                                  .chunk = pin->chunk_id,
                                                  .n     = (uint32_t) pin->n_chunks,
                                                  .brief = pin->brief }));
        return 0;
}

void local_unpin(Engine *e, EnginePin *pin) {
        if (pin->unpin)
                for (uint64_t k = 0; k < pin->n_chunks; k++)
                        store_unpin(e->store, pin->chunk_id + k);
        if ((pin->waits || pin->unpin) && e->broken.code == 0)
                engine_pump(e, tell_work(e, &(WorkEvent) { .kind  = WORK_UNPIN,
                                                          .pin   = pin->id,
                                                          .chunk = pin->chunk_id,
                                                          .n     = (uint32_t) pin->n_chunks,
                                                          .brief = pin->brief }));
        if (work_n_ready(e->work) > 0 && e->n_free_slots > 0 && !e->closing)
                engine_wake(e); /* there is room now, perhaps */
}

/* Waits for the chunks, computing meanwhile; what is computed may be what makes room for them. */
static int pin_await(Engine *e, EnginePin *pin, Error *err) {
        while (pin->waits) {
                if (e->calls) {
                        engine_unlock(e);
                        pthread_mutex_lock(&e->lock);
                        continue;
                }
                if (engine_run_one(e, true))
                        continue;
                e->n_idle++;
                pthread_cond_wait(&e->wake, &e->lock);
                e->n_idle--;
        }
        engine_leave(e);
        return pin->failure.code < 0 ? error_set(err, pin->failure.code, "%s", pin->failure.text) : 0;
}

static size_t tensor_bytes(const SchedTensor *t) {
        return (size_t) shape_size(&t->spec.shape) * dtype_size(t->spec.dtype);
}

typedef enum PinHow { PIN_WAIT, PIN_HERE, PIN_HERE_BRIEF, PIN_BEGIN } PinHow;

static int pin_make(Engine *e, TensorId id, uint64_t first, uint64_t n_chunks, PinHow how, const EngineInto *into,
                    EnginePin **ret, Error *err) {
        _cleanup_(engine_unpinp) EnginePin *pin = NULL;
        char has[SIZE_TEXT_MAX], needs[SIZE_TEXT_MAX];
        const SchedTensor *t;
        int r = engine_enter(e, err);

        if (r < 0)
                return r;
        t = e->ops->tensor(e, id);
        if (!t)
                r = ENGINE_ABSENT;
        else {
                n_chunks = MIN(n_chunks, t->n_chunks - first);
                for (uint64_t k = 0; k < n_chunks && r == 0; k++)
                        if (how != PIN_BEGIN && !e->ops->here(e, t, first + k))
                                r = how != PIN_WAIT ? ENGINE_ABSENT
                                    : tensor_bytes(t) <= e->budget.cache_bytes
                                            ? 0
                                            : error_set(err, ERROR_MEMORY,
                                                        "the tensor has %s, and at most %s are in memory at a time: "
                                                        "fetch it, save it, or look at parts of it",
                                                        size_print(tensor_bytes(t), needs),
                                                        size_print(e->budget.cache_bytes, has));
                if (r == 0 && pin_new(e, t, first, n_chunks, into, &pin) < 0)
                        r = error_oom(err, n_chunks * sizeof(*pin->data));
        }
        if (r == 0) {
                pin->brief = how == PIN_HERE_BRIEF || how == PIN_BEGIN;
                r          = pin_ask(e, pin) < 0 ? error_oom(err, sizeof(*pin)) : 0;
        }
        if (r == 0 && how != PIN_BEGIN)
                r = pin_await(e, pin, err);
        engine_unlock(e);
        if (r != 0)
                return r;
        pin->contiguous = how == PIN_BEGIN ? NULL : pin_contiguous(pin);
        *ret            = TAKE_PTR(pin);
        return 0;
}

int engine_pin(Engine *e, TensorId id, EnginePin **ret, Error *err) {
        return pin_make(e, id, 0, UINT64_MAX, PIN_WAIT, NULL, ret, err);
}

int engine_pin_here(Engine *e, TensorId id, bool brief, EnginePin **ret, Error *err) {
        return pin_make(e, id, 0, UINT64_MAX, brief ? PIN_HERE_BRIEF : PIN_HERE, NULL, ret, err);
}

int engine_pin_begin(Engine *e, TensorId id, uint64_t first, uint64_t n_chunks, const EngineInto *into, EnginePin **ret,
                     Error *err) {
        return pin_make(e, id, first, n_chunks, PIN_BEGIN, into, ret, err);
}

int engine_pin_wait(EnginePin *pin, Error *err) {
        int r;

        if (!engine_lock(pin->engine))
                return engine_enter(pin->engine, err);
        r = pin_await(pin->engine, pin, err);
        engine_unlock(pin->engine);
        return r;
}

size_t engine_piece_bytes(const Engine *e) {
        const size_t part = e->budget.cache_bytes / PIECES;

        return e->piece_bytes ? MIN(e->piece_bytes, part) : part;
}

EnginePin *engine_unpin(EnginePin *pin) {
        Engine *e = pin ? pin->engine : NULL;

        if (!pin)
                return NULL;
        if (!e) { /* nobody was asked */
                free(pin);
                return NULL;
        }
        if (!engine_lock(e))
                return NULL;
        if (pin->waits)
                map_remove(&e->pins, pin->id);
        e->ops->unpin(e, pin);
        engine_unlock(e);
        free(pin);
        engine_unref(e);
        return NULL;
}
