/* SPDX-License-Identifier: Apache-2.0 */
/* Results leave the session: copied into the caller's memory, or mapped (to files: save.c). Copies go by runs of
 * rows of the result (the boxes of its automatic tiling), each gathered from the chunks that it lies in; runs are
 * copied in parallel. What is large beside the cache goes in pieces, chunk by chunk: while one piece is copied the next
 * is called back from disk, so results that are larger than memory leave it too. */
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "client/data.h"
#include "client/execute.h"
#include "client/fetch.h"
#include "client/session.h"
#include "tensor/strided.h"

/* ---- Reading chunks --------------------------------------------------------------------------------------------- */

/* Copies the part of the tensor in `box` to `to`, whose element 0 is the box's corner. */
void pin_read(const EnginePin *pin, const Box *box, char *to, const int64_t *to_stride) {
        const size_t size = dtype_size(pin->spec.dtype);
        const int ndim    = pin->tiling.ndim;
        uint32_t first[MAX_NDIM], last[MAX_NDIM], at[MAX_NDIM];

        assert(ndim >= 0 && ndim <= MAX_NDIM);
        if (box_size(box) == 0)
                return;
        for (int k = 0; k < ndim; k++) {
                first[k] = at[k] = cuts_find(&pin->tiling.axis[k], box->lo[k]);
                last[k]          = cuts_find(&pin->tiling.axis[k], box->hi[k] - 1);
        }
        for (;;) {
                const uint64_t chunk = tiling_chunk_at(&pin->tiling, at);
                const char *from     = pin->data[chunk - pin->first];
                int64_t from_stride[MAX_NDIM];
                Shape shape = { .ndim = ndim };
                char *part  = to;
                Box whole;
                int k;

                tiling_box(&pin->tiling, chunk, &whole);
                for (k = 0; k < ndim; k++)
                        shape.dim[k] = whole.hi[k] - whole.lo[k];
                strided_of_shape(&shape, size, from_stride);
                for (k = 0; k < ndim; k++) {
                        const int64_t lo = MAX(whole.lo[k], box->lo[k]), hi = MIN(whole.hi[k], box->hi[k]);

                        shape.dim[k] = hi - lo;
                        from += (lo - whole.lo[k]) * from_stride[k];
                        part += (lo - box->lo[k]) * to_stride[k];
                }
                strided_copy(part, to_stride, from, from_stride, &shape, size);

                for (k = ndim - 1; k >= 0 && at[k] == last[k]; k--)
                        at[k] = first[k];
                if (k < 0)
                        return;
                at[k]++;
        }
}

int find_tensor(mars_session *session, mars_tensor *tensor, Engine **ret_engine, Result **ret, Error *err) {
        int r = session_engine(session, ret_engine, err);

        if (r < 0)
                return r;
        if (!tensor)
                return error_set(err, ERROR_VALUE, "the tensor is NULL");
        *ret = tensor_result(tensor, *ret_engine);
        if (!*ret)
                return error_set(err, ERROR_VALUE, "%s: the tensor is not executed in this session",
                                 expr_name(tensor->expr));
        return 0;
}

int engine_says(int r, Error *err) {
        return r > 0 ? error_set(err, ERROR_CLOSED, "the session is closed") : r;
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

/* As many chunks from `first` on as make a piece, and one at least. */
static uint64_t piece_length(const Tiling *tiling, size_t element_bytes, uint64_t first, size_t piece_bytes) {
        uint64_t n   = tiling_n_chunks(tiling), k;
        size_t bytes = 0;
        Box box;

        for (k = first; k < n; k++) {
                tiling_box(tiling, k, &box);
                bytes += (size_t) box_size(&box) * element_bytes;
                if (k > first && bytes > piece_bytes)
                        break;
        }
        return k - first;
}

int each_piece(Engine *engine, TensorId id, const EngineInto *into, PieceDo *fn, void *userdata, Error *err) {
        _cleanup_(engine_unpinp) EnginePin *pin = NULL, *after = NULL;
        size_t piece_bytes                      = engine_piece_bytes(engine), element_bytes;
        const Tiling *tiling;
        const Spec *spec;
        uint64_t next, n;
        int r = engine_says(engine_tensor(engine, id, &spec, &tiling, err), err);

        if (r < 0)
                return r;
        element_bytes = dtype_size(spec->dtype);
        n             = piece_length(tiling, element_bytes, 0, piece_bytes);
        next          = n;
        r             = engine_says(engine_pin_begin(engine, id, 0, n, into, &pin, err), err);
        while (r == 0) {
                n = piece_length(tiling, element_bytes, next, piece_bytes);
                if (n > 0)
                        r = engine_says(engine_pin_begin(engine, id, next, n, into, &after, err), err);
                if (r == 0)
                        r = engine_pin_wait(pin, err);
                if (r == 0)
                        r = fn(userdata, pin, err);
                pin = engine_unpin(pin);
                if (r < 0 || n == 0)
                        break;
                pin = TAKE_PTR(after);
                next += n;
        }
        return r;
}

bool goes_in_pieces(const Engine *engine, const Spec *spec) {
        return (size_t) shape_size(&spec->shape) * dtype_size(spec->dtype) > engine_piece_bytes(engine);
}

/* ---- Copying ---------------------------------------------------------------------------------------------------- */

typedef struct Fetch {
        const EnginePin *pin;
        Tiling runs;
        uint64_t first; /* of the runs at hand */
        char *to;
        int64_t stride[MAX_NDIM];
} Fetch;

static char *box_place(const Fetch *f, const Box *box) {
        char *to = f->to;

        for (int k = 0; k < box->ndim; k++)
                to += box->lo[k] * f->stride[k];
        return to;
}

static void fetch_run(void *userdata, uint32_t k) {
        const Fetch *f = userdata;
        Box box;

        tiling_box(&f->runs, f->first + k, &box);
        pin_read(f->pin, &box, box_place(f, &box), f->stride);
}

/* A chunk whose elements lie in the caller's array as they do in the chunk is received there. */
static char *fetch_where(void *userdata, const Tiling *tiling, DType dtype, uint64_t chunk) {
        const Fetch *f = userdata;
        int64_t stride[MAX_NDIM];
        Shape shape = { .ndim = tiling->ndim };
        Box box;

        tiling_box(tiling, chunk, &box);
        for (int k = 0; k < box.ndim; k++)
                shape.dim[k] = box.hi[k] - box.lo[k];
        strided_of_shape(&shape, dtype_size(dtype), stride);
        for (int k = 0; k < box.ndim; k++)
                if (shape.dim[k] > 1 && stride[k] != f->stride[k])
                        return NULL;
        return box_place(f, &box);
}

static void fetch_chunk(void *userdata, uint32_t k) {
        const Fetch *f       = userdata;
        const EnginePin *pin = f->pin;

        if (pin->data[k] != pin->into[k])
                fetch_run(userdata, k);
}

static int fetch_piece(void *userdata, const EnginePin *pin, Error *err) {
        Fetch *f = userdata;

        (void) err;
        f->pin   = pin;
        f->runs  = pin->tiling;
        f->first = pin->first;
        engine_each(pin->engine, (uint32_t) pin->n_chunks, fetch_chunk, f);
        return 0;
}

int mars_fetch(mars_session *session, mars_tensor *tensor, void *data, const int64_t *strides, mars_error *err) {
        _cleanup_(result_unrefp) Result *result = NULL;
        _cleanup_(engine_unpinp) EnginePin *pin = NULL;
        Fetch fetch                             = { .to = data };
        Engine *engine                          = NULL;
        const Tiling *tiling;
        const Spec *spec;
        uint64_t n_runs;
        int r;

        r = find_tensor(session, tensor, &engine, &result, error_of(err));
        if (r == 0)
                r = engine_says(engine_tensor(engine, result->id, &spec, &tiling, error_of(err)), error_of(err));
        if (r < 0 || shape_size(&spec->shape) == 0)
                return r;
        if (!data)
                return error_set(error_of(err), ERROR_VALUE, "data is NULL");
        if (strides)
                memcpy(fetch.stride, strides, (size_t) spec->shape.ndim * sizeof(*strides));
        else
                strided_of_shape(&spec->shape, dtype_size(spec->dtype), fetch.stride);
        if (goes_in_pieces(engine, spec) && engine_pin_here(engine, result->id, true, &pin, NULL) != 0)
                return each_piece(engine, result->id, &(EngineInto) { fetch_where, &fetch }, fetch_piece, &fetch,
                                  error_of(err));
        r = pin ? 0 : engine_says(engine_pin(engine, result->id, &pin, error_of(err)), error_of(err));
        if (r < 0)
                return r;
        fetch.pin  = pin;
        fetch.runs = tiling_auto(&pin->spec.shape, pin->spec.dtype);
        n_runs     = tiling_n_chunks(&fetch.runs);
        assert(n_runs <= UINT32_MAX);
        if (n_runs == 1)
                fetch_run(&fetch, 0);
        else
                engine_each(pin->engine, (uint32_t) n_runs, fetch_run, &fetch);
        return 0;
}

/* ---- Mapping ---------------------------------------------------------------------------------------------------- */

struct mars_map {
        EnginePin *pin;
};

int mars_map_new(mars_map **ret, mars_session *session, mars_tensor *tensor, const void **ret_data, mars_error *err) {
        static const _Alignas(64) char nothing[64]; /* where an array without elements lies */
        _cleanup_(result_unrefp) Result *result = NULL;
        _cleanup_(engine_unpinp) EnginePin *pin = NULL;
        Engine *engine                          = NULL;
        const char *data;
        mars_map *map;
        int r;

        r = find_tensor(session, tensor, &engine, &result, error_of(err));
        if (r == 0) /* chunks that come back from disk come one by one */
                r = engine_pin_here(engine, result->id, false, &pin, error_of(err));
        if (r < 0)
                return r;
        data = !pin ? NULL : shape_size(&pin->spec.shape) == 0 ? nothing : pin->contiguous;
        if (!data) {
                *ret      = NULL;
                *ret_data = NULL;
                return 0;
        }
        map = malloc(sizeof(*map));
        if (!map)
                return error_oom(error_of(err), sizeof(*map));
        map->pin  = TAKE_PTR(pin);
        *ret      = map;
        *ret_data = data;
        return 0;
}

mars_map *mars_map_free(mars_map *map) {
        if (map)
                engine_unpin(map->pin);
        free(map);
        return NULL;
}

/* ---- How a tensor is cut ---------------------------------------------------------------------------------------- */

bool mars_tensor_executed(const mars_tensor *tensor, const mars_session *session) {
        Result *result = tensor_result((mars_tensor *) tensor, session ? session->engine : NULL);

        result_unref(result);
        return result;
}

/* For each axis n, then n lengths. */
static int flatten(const Tiling *tiling, int64_t **ret, size_t *ret_n, Error *err) {
        size_t n = 0, at = 0;
        int64_t *list;

        for (int k = 0; k < tiling->ndim; k++)
                n += 1 + (size_t) tiling->axis[k].n;
        list = malloc((n + 1) * sizeof(*list));
        if (!list)
                return error_oom(err, n * sizeof(*list));
        for (int k = 0; k < tiling->ndim; k++) {
                const Cuts *c = &tiling->axis[k];

                list[at++] = c->n;
                for (uint32_t i = 0; i < c->n; i++)
                        list[at++] = cuts_edge(c, i + 1) - cuts_edge(c, i);
        }
        *ret   = list;
        *ret_n = n;
        return 0;
}

/* What the planner would do, with the results that there are. */
static int chunks_planned(mars_tensor *tensor, int64_t **ret, size_t *ret_n, Error *err) {
        _cleanup_(walk_end) Walk walk        = { .any = true, .look = true, .err = err };
        _cleanup_(plan_freep) Plan *plan     = NULL;
        PlanLeaves leaves;
        int r;

        r = walk_begin(&walk);
        if (r < 0)
                return r;
        r = walk_want(&walk, tensor);
        if (r < 0)
                return r;
        leaves = walk_leaves(&walk);
        r      = plan_make(walk.graph, &leaves, &plan, err);
        if (r < 0)
                return r;
        for (uint32_t i = 0; plan->complete && i < plan->made.n; i++) {
                const Ref wanted = plan->graph->wanted.data[0], made = plan->made.data[i].ref;
                const Tiling *tiling = &plan->value.data[plan->made.data[i].value].tiling;

                if (made.node == wanted.node && made.out == wanted.out && tiling_known(tiling))
                        return flatten(tiling, ret, ret_n, err);
        }
        return error_set(err, ERROR_VALUE, "%s: how it is cut depends on data and is known when it is executed",
                         expr_name(tensor->expr));
}

int mars_tensor_chunks(const mars_tensor *tensor, int64_t **ret, size_t *ret_n, mars_error *err) {
        _cleanup_(result_unrefp) Result *result = tensor_result((mars_tensor *) tensor, NULL);
        const Tiling *tiling;
        const Spec *spec;

        if (result && engine_tensor(result->engine, result->id, &spec, &tiling, NULL) == 0)
                return flatten(tiling, ret, ret_n, error_of(err));
        if (tensor->expr->kind == EXPR_DATA)
                return flatten(data_tiling(tensor->expr->data), ret, ret_n, error_of(err));
        return chunks_planned((mars_tensor *) tensor, ret, ret_n, error_of(err));
}
