/* SPDX-License-Identifier: Apache-2.0 */
/* Work under way: a request of the engine and the tensors that it is for. Whoever learns first that it is done, the
 * engine's call-back or somebody who waits, gives the results to the tensors; all others find that done. */
#include <stdlib.h>
#include <string.h>

#include "client/execute.h"
#include "client/session.h"

struct mars_future {
        _Atomic uint32_t n_ref;
        Engine *engine;
        EngineRequest *request;  /* NULL: there was nothing to do */
        uint32_t n;
        mars_tensor **tensor;    /* wanted outputs of the request, each with a reference */
        pthread_mutex_t lock;    /* of the rest */
        bool collected;
        int r;                   /* what collecting came to */
        Error err;
};

mars_future *mars_future_ref(mars_future *future) {
        atomic_fetch_add_explicit(&future->n_ref, 1, memory_order_relaxed);
        return future;
}

mars_future *mars_future_unref(mars_future *future) {
        if (!future || atomic_fetch_sub(&future->n_ref, 1) > 1)
                return NULL;
        engine_request_unref(future->request);
        for (uint32_t i = 0; i < future->n; i++)
                mars_tensor_unref(future->tensor[i]);
        free(future->tensor);
        engine_unref(future->engine);
        pthread_mutex_destroy(&future->lock);
        free(future);
        return NULL;
}
DEFINE_CLEANUP(mars_future *, mars_future_unref)

static int future_new(mars_future **ret, Engine *engine, size_t n, Error *err) {
        mars_future *future;

        if (n > UINT32_MAX)
                return error_set(err, ERROR_VALUE, "%zu tensors at once", n);
        future = calloc(1, sizeof(*future));
        if (!future)
                return error_oom(err, sizeof(*future));
        future->n_ref  = 1;
        future->engine = engine_ref(engine);
        pthread_mutex_init(&future->lock, NULL);
        future->tensor = malloc((n + 1) * sizeof(*future->tensor));
        if (!future->tensor) {
                mars_future_unref(future);
                return error_oom(err, n * sizeof(*future->tensor));
        }
        *ret = future;
        return 0;
}

/* ---- Results for tensors ---------------------------------------------------------------------------------------- */

/* The id becomes the tensor's result. */
static int give(const mars_future *future, mars_tensor *tensor, TensorId id, Error *err) {
        const Tiling *tiling;
        const Spec *spec;
        Result *result;
        int r;

        r = result_new(&result, future->engine, id, err);
        if (r < 0)
                return r;
        r = engine_tensor(future->engine, id, &spec, &tiling, NULL);
        if (r == 0)
                tensor_learn(tensor, &spec->shape);
        tensor_add_result(tensor, result);
        return 0;
}

static int collect_all(mars_future *future, Error *err) {
        _cleanup_(freep) TensorId *id = malloc((future->n + 1) * sizeof(*id));
        int r = 0;

        if (!id)
                return error_oom(err, future->n * sizeof(*id));
        if (engine_request_take(future->request, id) != 0)
                return 0; /* it failed, and says so itself */
        for (uint32_t i = 0; i < future->n; i++) {
                int given = give(future, future->tensor[i], id[i], err);

                r = r < 0 ? r : given;
        }
        return r;
}

static int collect(mars_future *future, Error *err) {
        int r;

        pthread_mutex_lock(&future->lock);
        if (!future->collected)
                future->r = collect_all(future, &future->err);
        future->collected = true;
        r                 = future->r;
        if (r < 0 && err)
                *err = future->err;
        pthread_mutex_unlock(&future->lock);
        return r;
}

/* ---- Submitting ------------------------------------------------------------------------------------------------- */

/* Wanted is what is neither there nor data that only has to be adopted, each once. */
static int want(Walk *walk, mars_future *future, Map *seen, mars_tensor *tensor) {
        const uint32_t n_before = walk->graph->wanted.n;
        Result *result;
        int r;

        if (!tensor)
                return error_set(walk->err, ERROR_VALUE, "a tensor is NULL");
        result = tensor_result(tensor, walk->engine);
        if (result) {
                result_unref(result);
                return 0;
        }
        if (map_get(seen, (uintptr_t) tensor) != 0)
                return 0;
        if (map_set(seen, (uintptr_t) tensor, 1) < 0)
                return error_oom(walk->err, sizeof(*seen));
        r = walk_want(walk, tensor);
        if (r < 0)
                return r;
        if (tensor->expr->kind == EXPR_DATA) {
                walk->graph->wanted.n = n_before;
                return 0;
        }
        future->tensor[future->n++] = mars_tensor_ref(tensor);
        return 0;
}

static int future_start(mars_future *future, size_t n, mars_tensor *const *tensors, bool background, Error *err) {
        _cleanup_(walk_end) Walk walk = { .engine = future->engine, .err = err };
        _cleanup_(map_done) Map seen  = {};
        int r;

        r = walk_begin(&walk);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = want(&walk, future, &seen, tensors[i]);
        if (r < 0)
                return r;
        if (future->n == 0) {
                future->collected = true;
                return 0;
        }
        return engine_submit(future->engine, TAKE_PTR(walk.graph), background, &future->request, err);
}

/* The engine has finished, and maybe nobody waits. */
static void on_done_collect(void *userdata) {
        mars_future *future = userdata;

        collect(future, NULL);
        mars_future_unref(future);
}

static int submit(mars_future **ret, mars_session *session, size_t n, mars_tensor *const *tensors, bool background,
                  mars_error *err) {
        _cleanup_(mars_future_unrefp) mars_future *future = NULL;
        Engine *engine;
        int r;

        r = session_engine(session, &engine, error_of(err));
        if (r < 0)
                return r;
        r = future_new(&future, engine, n, error_of(err));
        if (r < 0)
                return r;
        r = future_start(future, n, tensors, background, error_of(err));
        if (r < 0)
                return r;
        if (future->request) {
                r = engine_request_on_done(future->request, on_done_collect, mars_future_ref(future));
                if (r < 0) {
                        engine_request_cancel(future->request);
                        mars_future_unref(future);
                        return error_oom(error_of(err), sizeof(*future));
                }
        }
        *ret = TAKE_PTR(future);
        return 0;
}

int mars_submit(mars_future **ret, mars_session *session, size_t n, mars_tensor *const *tensors, mars_error *err) {
        return submit(ret, session, n, tensors, true, err);
}

int mars_begin(mars_future **ret, mars_session *session, size_t n, mars_tensor *const *tensors, mars_error *err) {
        return submit(ret, session, n, tensors, false, err);
}

int execute(Engine *engine, size_t n, mars_tensor *const *tensors, Error *err) {
        _cleanup_(mars_future_unrefp) mars_future *future = NULL;
        int r;

        r = future_new(&future, engine, n, err);
        if (r < 0)
                return r;
        r = future_start(future, n, tensors, false, err);
        if (r < 0 || !future->request)
                return r;
        r = engine_wait(future->request, UINT64_MAX, err);
        return r < 0 ? r : collect(future, err);
}

int mars_execute(mars_session *session, size_t n, mars_tensor *const *tensors, mars_error *err) {
        Engine *engine;
        int r;

        r = session_engine(session, &engine, error_of(err));
        return r < 0 ? r : execute(engine, n, tensors, error_of(err));
}

/* ---- Futures ---------------------------------------------------------------------------------------------------- */

int mars_future_wait(mars_future *future, uint64_t timeout_usec, mars_error *err) {
        int r = future->request ? engine_wait(future->request, timeout_usec, error_of(err)) : 0;

        return r == 0 ? collect(future, error_of(err)) : r == ENGINE_PENDING ? 1 : r;
}

bool mars_future_done(mars_future *future) {
        return !future->request || engine_request_done(future->request);
}

double mars_future_progress(mars_future *future) {
        uint64_t n_done, n_total;

        if (mars_future_done(future))
                return 1.0;
        engine_request_progress(future->request, &n_done, &n_total);
        return n_total > 0 ? (double) n_done / (double) n_total : 0.0;
}

void mars_future_cancel(mars_future *future) {
        if (future->request)
                engine_request_cancel(future->request);
}

typedef struct Call {
        mars_future *future; /* a reference */
        void (*fn)(void *userdata);
        void *userdata;
} Call;

/* Who is called finds the results in their places. */
static void on_done_call(void *userdata) {
        Call *call = userdata;

        collect(call->future, NULL);
        call->fn(call->userdata);
        mars_future_unref(call->future);
        free(call);
}

int mars_future_on_done(mars_future *future, void (*fn)(void *userdata), void *userdata, mars_error *err) {
        Call *call;

        if (!future->request) {
                fn(userdata);
                return 0;
        }
        call = malloc(sizeof(*call));
        if (!call)
                return error_oom(error_of(err), sizeof(*call));
        *call = (Call) { .future = mars_future_ref(future), .fn = fn, .userdata = userdata };
        if (engine_request_on_done(future->request, on_done_call, call) < 0) {
                mars_future_unref(call->future);
                free(call);
                return error_oom(error_of(err), sizeof(*call));
        }
        return 0;
}

/* ---- Shapes ----------------------------------------------------------------------------------------------------- */

static bool inputs_known(const Expr *e) {
        for (uint32_t i = 0; i < e->n_in; i++)
                if (!tensor_known(e->in[i]))
                        return false;
        return true;
}

/* The operations whose own dimensions depend on data: unknown, with inputs that are known. */
static int find_frontier(mars_tensor *tensor, mars_tensor ***ret, size_t *ret_n, Error *err) {
        Vec(mars_tensor *) path = {}, found = {};
        Map seen = {};
        int r;

        r = vec_push(&path, tensor);
        while (r >= 0 && path.n > 0) {
                mars_tensor *t = vec_pop(&path);

                if (tensor_known(t) || map_get(&seen, (uintptr_t) t) != 0)
                        continue;
                r = map_set(&seen, (uintptr_t) t, 1);
                if (r >= 0 && inputs_known(t->expr))
                        r = vec_push(&found, t);
                for (uint32_t i = 0; i < t->expr->n_in && r >= 0; i++)
                        r = vec_push(&path, t->expr->in[i]);
        }
        map_done(&seen);
        vec_free(&path);
        if (r < 0) {
                vec_free(&found);
                return error_oom(err, sizeof(mars_tensor *));
        }
        *ret   = found.data;
        *ret_n = found.n;
        return 0;
}

/* What to compute next to know the shape: 1 and a list that is never empty, 0 when it is known. Each round makes known
 * what its frontier is, and so the next frontier lies nearer to the tensor. */
static int next_round(Engine *engine, mars_tensor *tensor, mars_tensor ***ret, size_t *ret_n, Error *err) {
        _cleanup_(freep) mars_tensor **frontier = NULL;
        size_t n = 0;
        int r;

        if (tensor_known(tensor))
                return 0;
        r = tensor_refine(tensor, err);
        if (r < 0 || tensor_known(tensor))
                return r;
        r = find_frontier(tensor, &frontier, &n, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                Result *result = tensor_result(frontier[i], engine);

                result_unref(result);
                if (result && !tensor_known(frontier[i]))
                        return error_set(err, ERROR_SUPPORT, "%s: its shape is not known even now",
                                         expr_name(frontier[i]->expr));
        }
        *ret   = TAKE_PTR(frontier);
        *ret_n = n;
        return 1;
}

int mars_tensor_resolve(mars_session *session, mars_tensor *tensor, mars_error *err) {
        Engine *engine;
        int r;

        if (tensor_known(tensor))
                return 0;
        r = session_engine(session, &engine, error_of(err));
        while (r >= 0 && !tensor_known(tensor)) {
                _cleanup_(freep) mars_tensor **frontier = NULL;
                size_t n = 0;

                r = next_round(engine, tensor, &frontier, &n, error_of(err));
                if (r > 0)
                        r = execute(engine, n, frontier, error_of(err));
        }
        return r;
}

int mars_tensor_resolve_begin(mars_future **ret, mars_session *session, mars_tensor *tensor, mars_error *err) {
        _cleanup_(freep) mars_tensor **frontier = NULL;
        Engine *engine;
        size_t n = 0;
        int r;

        if (tensor_known(tensor))
                return 0;
        r = session_engine(session, &engine, error_of(err));
        if (r >= 0)
                r = next_round(engine, tensor, &frontier, &n, error_of(err));
        if (r <= 0)
                return r;
        r = submit(ret, session, n, frontier, false, err);
        return r < 0 ? r : 1;
}
