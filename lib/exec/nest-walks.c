/* SPDX-License-Identifier: Apache-2.0 */
/* Where a nest reads and writes: a first place and a step along each axis, from the boxes and maps of the stage. */
#include <string.h>

#include "exec/nest-prepare.h"
#include "tensor/strided.h"

enum { STREAM_BYTES = 2 << 20 }; /* results from this size on go past the caches: L2 is smaller, and L3 is shared */

/* The walk goes `stride` further with every position on the domain axis. */
static void walk_axis(Prepare *p, uint32_t w, int domain_axis, int64_t stride) {
        int k = p->loop_of[domain_axis];

        if (k >= 0)
                move_row(p, k)[w] += stride;
}

static void walk_map(Prepare *p, uint32_t w, const AxisMap *map, int ndim, const int64_t *first,
                     const int64_t *stride) {
        for (int k = 0; k < ndim; k++) {
                int64_t at = map[k].start - (first ? first[k] : 0);

                if (map[k].axis != NO_AXIS) {
                        at += map[k].step * p->box->lo[map[k].axis];
                        walk_axis(p, w, map[k].axis, map[k].step * stride[k]);
                }
                p->base[w] += at * stride[k];
        }
}

static void walk_local(Prepare *p, uint32_t w, const Local *local, const LocalMemory *memory) {
        const NestRun *x = p->x;

        p->base[w] = (intptr_t) memory->data;
        for (int k = 0; k < local->ndim; k++) {
                int axis = local->axis[k];

                p->base[w] += (p->box->lo[axis] - (axis == memory->along ? memory->origin : x->run->box.lo[axis])) *
                              memory->stride[k];
                walk_axis(p, w, axis, memory->stride[k]);
        }
}

static void walk_load(Prepare *p, uint32_t w, uint32_t source) {
        const Region *region = p->x->run->source + source;

        p->base[w] = (intptr_t) region->view.data;
        walk_map(p, w, p->x->run->stage->source[source].map, region->box.ndim, region->box.lo, region->view.stride);
}

static void walk_generate(Prepare *p, uint32_t w, const Instr *instr) {
        int64_t stride[MAX_NDIM];

        strided_of_shape(instr->shape, 1, stride);
        walk_map(p, w, instr->map, instr->shape->ndim, NULL, stride);
}

/* Returns the distance of neighbouring nodes along the reduced axis. */
static int64_t walk_out(Prepare *p, uint32_t w, uint32_t out, int reduced_axis) {
        const NestRun *x = p->x;
        const ChunkMemory *memory = x->run->out + out;
        const int *axis = x->run->stage->out[out].axis;
        size_t size = p->info[w].size;
        int64_t stride[MAX_NDIM], node = 0;

        p->base[w] = (intptr_t) memory->data;
        strided_of_shape(&memory->shape, size, stride);
        for (int k = 0; k < memory->shape.ndim; k++) {
                if (axis[k] == NO_AXIS)
                        continue;
                if (axis[k] == reduced_axis) {
                        node = stride[k];
                        continue;
                }
                p->base[w] += (p->box->lo[axis[k]] - x->run->box.lo[axis[k]]) * stride[k];
                walk_axis(p, w, axis[k], stride[k]);
        }
        return node;
}

static uint32_t sink_n_dest(const Sink *sink) {
        return sink->op && sink->end != FOLD_FINISH ? sink_fold(sink)->n_state : 1;
}

static DType sink_dtype(const Nest *nest, const Sink *sink, uint32_t c) {
        if (!sink->op)
                return nest->instr[sink->reg[0]].dtype;
        return sink->end == FOLD_FINISH ? sink_fold(sink)->out : sink_fold(sink)->state[c];
}

static bool streams(const NestRun *x, const Sink *sink) {
        const ChunkMemory *memory = x->run->out + sink->dest[0];
        const size_t size         = dtype_size(sink_dtype(x->nest, sink, 0));

        return !sink->local && (size_t) shape_size(&memory->shape) * size >= STREAM_BYTES;
}

/* All walks, of which nothing is known yet. */
static void find_walks(Prepare *p, const LocalMemory *local) {
        NestRun *x = p->x;
        const Nest *nest = x->nest;
        uint32_t w = 0, f = 0;

        memset(p->info, 0, x->n_walk * sizeof(*p->info));
        memset(p->base, 0, x->n_walk * sizeof(*p->base));
        for (uint32_t i = 0; i < nest->n_instr; i++) {
                const Instr *instr = nest->instr + i;

                if (instr->kind > INSTR_LOCAL && instr->kind != INSTR_GENERATE)
                        continue;
                p->walk_of[i] = w;
                p->info[w].size = instr->kind == INSTR_GENERATE ? 0 : dtype_size(instr->dtype);
                p->info[w].cost = instr->kind == INSTR_GENERATE ? instr->op->cost : 0;
                if (instr->kind == INSTR_LOAD)
                        walk_load(p, w, instr->source);
                else if (instr->kind == INSTR_LOCAL)
                        walk_local(p, w, x->run->stage->local + instr->source, local + instr->source);
                else
                        walk_generate(p, w, instr);
                w++;
        }
        for (uint32_t i = 0; i < nest->n_sink; i++) {
                const Sink *sink = nest->sink + i;
                FoldSink *fold   = sink->op ? x->fold + f++ : NULL;

                for (uint32_t c = 0; c < sink_n_dest(sink); c++, w++) {
                        int64_t node = 0;

                        p->info[w].size = dtype_size(sink_dtype(nest, sink, c));
                        p->info[w].writes = true;
                        p->info[w].result = sink->op;
                        if (sink->local)
                                walk_local(p, w, x->run->stage->local + sink->dest[c], local + sink->dest[c]);
                        else
                                node = walk_out(p, w, sink->dest[c], sink->op ? sink->axis : NO_AXIS);
                        if (fold)
                                fold->node[c] = node;
                }
        }
}

int nest_places(NestRun *x, const Box *box) {
        Prepare p; /* what is not set here is not asked, as in nest_lay_out() */

        p.x    = x;
        p.box  = box;
        p.base = x->at;
        for (int k = 0; k < MAX_NDIM; k++)
                p.loop_of[k] = -1; /* it moves as before */
        p.info    = exec_take_array(x->run->exec, WalkInfo, x->n_walk);
        p.walk_of = exec_take_array(x->run->exec, uint32_t, x->nest->n_instr);
        if (!p.info || !p.walk_of)
                return -ENOMEM;
        find_walks(&p, NULL);
        return 0;
}

int nest_walks(Prepare *p, const LocalMemory *local) {
        NestRun *x = p->x;
        Exec *exec = x->run->exec;
        const Nest *nest = x->nest;
        uint32_t w = 0, f = 0, s = 0;

        x->n_walk = x->n_fold = x->n_store = 0;
        for (uint32_t i = 0; i < nest->n_instr; i++)
                x->n_walk += nest->instr[i].kind <= INSTR_LOCAL || nest->instr[i].kind == INSTR_GENERATE;
        for (uint32_t i = 0; i < nest->n_sink; i++) {
                x->n_walk += sink_n_dest(nest->sink + i);
                *(nest->sink[i].op ? &x->n_fold : &x->n_store) += 1;
        }

        p->info = exec_take_array(exec, WalkInfo, x->n_walk);
        p->base = exec_take_array(exec, intptr_t, x->n_walk);
        p->move = exec_take(exec, ((size_t) p->n_axis + 1) * x->n_walk * sizeof(int64_t));
        p->walk_of = exec_take_array(exec, uint32_t, nest->n_instr);
        x->fold = exec_take_array(exec, FoldSink, x->n_fold);
        x->store = exec_take_array(exec, Store, x->n_store);
        if (!p->info || !p->base || !p->move || !p->walk_of || !x->fold || !x->store)
                return -ENOMEM;
        memset(p->move, 0, ((size_t) p->n_axis + 1) * x->n_walk * sizeof(int64_t));

        for (uint32_t i = 0; i < nest->n_instr; i++)
                w += nest->instr[i].kind <= INSTR_LOCAL || nest->instr[i].kind == INSTR_GENERATE;
        for (uint32_t i = 0; i < nest->n_sink; w += sink_n_dest(nest->sink + i), i++) {
                const Sink *sink = nest->sink + i;

                if (!sink->op) {
                        x->store[s++] = (Store) { .kind = streams(x, sink) ? STORE_STREAM : STORE_DONE,
                                                  .reg  = sink->reg[0],
                                                  .walk = w };
                        continue;
                }
                memset(x->fold + f, 0, sizeof(x->fold[f]));
                x->fold[f].sink   = sink;
                x->fold[f].fold   = sink_fold(sink);
                x->fold[f].unit   = sink->unit ?: 1;
                x->fold[f].walk   = w;
                x->fold[f].n_dest = sink_n_dest(sink);
                f++;
        }
        find_walks(p, local);
        return 0;
}
