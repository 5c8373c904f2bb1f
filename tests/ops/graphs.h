/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Small graphs over arrays of the test, run by an engine: each array is cut as the test says, results come back as
 * one array. */
#include <string.h>

#include "engine/engine.h"

#include "harness.h"

typedef struct Desk {
        Engine *engine;
        Build b;
        Error err;
        TensorId id[8]; /* leaves, to be released */
        uint32_t n_id;
} Desk;

/* A dense result. */
typedef struct Made {
        Spec spec;
        char *data;
} Made;

static inline Engine *desk_engine(unsigned n_threads) {
        Engine *e   = NULL;
        Error err   = {};
        const int r =
                engine_new(&e, &(EngineConfig) { .n_threads = n_threads, .budget.memory_bytes = 2048ull * MiB }, &err);

        ck_assert_msg(r == 0, "%s", err.text);
        return e;
}

static inline void desk_begin(Desk *desk, Engine *engine) {
        *desk       = (Desk) { .engine = engine };
        desk->b.err = &desk->err;
        ck_assert_int_eq(graph_new(&desk->b.graph), 0);
}

/* Calls fn(userdata, linear index in the tensor, index in the chunk) for the elements of a chunk in their order. */
static inline void desk_each(const Tiling *t, uint64_t chunk, void (*fn)(void *userdata, int64_t at, int64_t in_chunk),
                             void *userdata) {
        int64_t x[MAX_NDIM], in_chunk = 0;
        Box box;
        int k;

        tiling_box(t, chunk, &box);
        if (box_size(&box) == 0)
                return;
        memcpy(x, box.lo, sizeof(x));
        do {
                int64_t at = 0;

                for (k = 0; k < t->ndim; k++)
                        at = at * t->axis[k].extent + x[k];
                fn(userdata, at, in_chunk++);
                for (k = t->ndim; k-- > 0;) {
                        if (++x[k] < box.hi[k])
                                break;
                        x[k] = box.lo[k];
                }
        } while (k >= 0);
}

typedef struct DeskCopy {
        char *chunk, *whole;
        size_t size;
} DeskCopy;

static inline void desk_into_chunk(void *userdata, int64_t at, int64_t in_chunk) {
        const DeskCopy *c = userdata;

        memcpy(c->chunk + (size_t) in_chunk * c->size, c->whole + (size_t) at * c->size, c->size);
}

static inline void desk_from_chunk(void *userdata, int64_t at, int64_t in_chunk) {
        const DeskCopy *c = userdata;

        memcpy(c->whole + (size_t) at * c->size, c->chunk + (size_t) in_chunk * c->size, c->size);
}

/* The array as a leaf, in chunks of `step` elements along every axis, none of which touches the next one in memory. */
static inline _unused_ Ref desk_leaf(Desk *desk, DType dtype, Shape shape, const void *data, int64_t step) {
        const Spec spec = { .dtype = dtype, .shape = shape };
        Tiling tiling   = { .ndim = shape.ndim };
        DeskCopy copy   = { .whole = (char *) data, .size = dtype_size(dtype) };
        Ref ref         = {};

        for (int k = 0; k < shape.ndim; k++)
                tiling.axis[k] = cuts_regular(shape.dim[k], step);

        const uint64_t n   = tiling_n_chunks(&tiling);
        const char **chunk = calloc(n, sizeof(*chunk));
        char *memory       = malloc((size_t) shape_size(&shape) * copy.size + n * 128 + 1);
        size_t used        = 0;

        for (uint64_t c = 0; c < n; c++) {
                Box box;

                chunk[c] = copy.chunk = memory + used;
                desk_each(&tiling, c, desk_into_chunk, &copy);
                tiling_box(&tiling, c, &box);
                used += ((size_t) box_size(&box) * copy.size + 63) / 64 * 64 + 64;
        }
        ck_assert_uint_lt(desk->n_id, ELEMENTSOF(desk->id));
        ck_assert_int_eq(
                engine_adopt(desk->engine, &spec, &tiling, chunk, free, memory, NULL, &desk->id[desk->n_id], NULL), 0);
        ck_assert_int_eq(graph_add_stored(desk->b.graph, desk->id[desk->n_id++], &spec, &ref.node), 0);
        free(chunk);
        return ref;
}

/* Runs the graph for these outputs; 0 or what it failed with, whether building or running. Ends the desk. */
static inline int desk_run(Desk *desk, const Ref *wanted, uint32_t n, Made *ret) {
        EngineRequest *q = NULL;
        TensorId made[8] = {};
        int r            = build_done(&desk->b);

        ck_assert_uint_le(n, ELEMENTSOF(made));
        for (uint32_t k = 0; k < n; k++)
                ck_assert_int_eq(vec_push(&desk->b.graph->wanted, wanted[k]), 0);
        if (r == 0)
                r = engine_submit(desk->engine, desk->b.graph, false, &q, &desk->err);
        else
                graph_free(desk->b.graph);
        if (r == 0)
                r = engine_wait(q, UINT64_MAX, &desk->err);
        if (r == 0)
                ck_assert_int_eq(engine_request_take(q, made), 0);
        engine_request_unref(q);
        for (uint32_t k = 0; k < n && r == 0; k++) {
                EnginePin *pin = NULL;
                DeskCopy copy;

                ck_assert_int_eq(engine_pin(desk->engine, made[k], &pin, NULL), 0);
                copy.size    = dtype_size(pin->spec.dtype);
                copy.whole   = calloc((size_t) shape_size(&pin->spec.shape) + 1, copy.size);
                ret[k].spec  = pin->spec;
                ret[k].data  = copy.whole;
                for (uint64_t c = 0; c < pin->n_chunks; c++) {
                        copy.chunk = (char *) pin->data[c];
                        desk_each(&pin->tiling, c, desk_from_chunk, &copy);
                }
                engine_unpin(pin);
                engine_release(desk->engine, made[k]);
        }
        for (uint32_t k = 0; k < desk->n_id; k++)
                engine_release(desk->engine, desk->id[k]);
        return r;
}

/* One output of a graph that must succeed. */
static inline _unused_ Made desk_made(Desk *desk, Ref wanted) {
        Made made   = {};
        const int r = desk_run(desk, &wanted, 1, &made);

        ck_assert_msg(r == 0, "%d %s", r, desk->err.text);
        return made;
}

/* Numbers without a pattern. */
static inline _unused_ uint64_t desk_random(uint64_t *state) {
        uint64_t x = *state += 0x9e3779b97f4a7c15u;

        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 27) * 0x94d049bb133111ebu;
        return x ^ x >> 31;
}
