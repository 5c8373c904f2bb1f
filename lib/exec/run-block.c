/* SPDX-License-Identifier: Apache-2.0 */
/* Block stages: an operator computes whole blocks. We only bring its inputs into the form that it asks for.
 *
 * One that works by strips is called again and again, for the next positions of the cut axis. Nests in front of it
 * fill the locals that it reads just before, so that these stay in cache. */
#include <string.h>

#include "exec/inside.h"
#include "exec/nest.h"
#include "tensor/strided.h"

enum { SHORT_AXIS = 16 }; /* longer rows of an input stay rows: transposing costs more than short strips */

/* The part of a source that belongs to the positions `part` of the domain. */
static void source_part(const Run *run, uint32_t source, int axis, const Box *part, View *view, Box *box) {
        const Source *s = run->stage->source + source;

        *view = run->source[source].view;
        *box = run->source[source].box;
        for (int k = 0; s->input && k < view->shape.ndim; k++)
                if (s->input[k].axis == axis) {
                        view->data += (part->lo[axis] - run->box.lo[axis]) * view->stride[k];
                        view->shape.dim[k] = part->hi[axis] - part->lo[axis];
                        box->lo[k] += part->lo[axis] - run->box.lo[axis];
                        box->hi[k] = box->lo[k] + view->shape.dim[k];
                }
}

static void local_view(const Run *run, uint32_t index, const LocalMemory *memory, const Box *part, View *view,
                       Box *box) {
        const Local *l = run->stage->local + index;

        view->dtype = l->dtype;
        view->data = memory->data;
        view->shape.ndim = box->ndim = l->ndim;
        for (int k = 0; k < l->ndim; k++) {
                box->lo[k] = part->lo[l->axis[k]];
                box->hi[k] = part->hi[l->axis[k]];
                view->shape.dim[k] = box->hi[k] - box->lo[k];
                view->stride[k] = memory->stride[k];
        }
}

/* Calls the operator for one part of the task's box, after its nests. */
static int run_part(Run *run, BlockRun *b, const Box *part, LocalMemory *local, View *in, Box *box) {
        const Block *block = &run->stage->block;
        int r;

        if (run_canceled(run))
                return ERROR_CANCELED;
        for (uint32_t i = 0; i < run->stage->n_local; i++)
                local[i].origin = part->lo[block->axis];
        for (uint32_t k = 0; k < run->stage->n_nest; k++) {
                r = nest_run(run, run->stage->nest + k, part, local);
                if (r < 0)
                        return r;
        }
        for (uint32_t i = 0; i < b->n_in; i++) {
                const BlockInput input = block->input ? block->input[i] : (BlockInput){ .index = i };

                if (input.local)
                        local_view(run, input.index, local + input.index, part, in + i, box + i);
                else
                        source_part(run, input.index, block->strip > 0 ? block->axis : MAX_NDIM, part, in + i, box + i);
        }
        return block->op->run(b, run->err);
}

static int run_parts(Run *run, BlockRun *b, LocalMemory *local, View *in, Box *box) {
        const Block *block = &run->stage->block;
        const int axis = block->axis;
        Box part = run->box;
        int r;

        b->last = true;
        if (block->strip == 0)
                return run_part(run, b, &part, local, in, box);
        for (int64_t at = run->box.lo[axis], end = run->box.hi[axis]; at < end; at += block->strip) {
                part.lo[axis] = at;
                part.hi[axis] = MIN(at + block->strip, end);
                b->more = at > run->box.lo[axis];
                b->last = part.hi[axis] == end;
                r = run_part(run, b, &part, local, in, box);
                if (r < 0)
                        return r;
        }
        return 0;
}

int run_block(Run *run) {
        const Stage *stage = run->stage;
        const Op *op = stage->block.op;
        BlockRun b = { .op = op,
                       .params = stage->block.params,
                       .n_in = stage->block.input ? stage->block.n_in : stage->n_source,
                       .n_out = stage->n_out,
                       .domain = &run->box };
        View *in = exec_take_array(run->exec, View, b.n_in);
        Box *box = exec_take_array(run->exec, Box, b.n_in);
        const Piece **piece = exec_take_array(run->exec, const Piece *, stage->n_source);
        uint32_t *n_piece = exec_take_array(run->exec, uint32_t, stage->n_source);
        LocalMemory *local = exec_take_array(run->exec, LocalMemory, stage->n_local);
        int r;

        if (op->family == FAMILY_SCAN && !op->run)
                return run_scan(run);
        b.out = exec_take_array(run->exec, View, stage->n_out);
        if (!in || !box || !piece || !n_piece || !local || !b.out)
                return -ENOMEM;
        for (uint32_t i = 0; i < stage->n_source; i++) {
                piece[i] = run->source[i].piece;
                n_piece[i] = run->source[i].n_piece;
        }
        for (uint32_t i = 0; i < stage->n_local; i++) {
                local[i].moves = true;
                run->scratch += local_place(run, stage->local + i, stage->block.axis, stage->block.strip ?: INT64_MAX,
                                            SHORT_AXIS, run->scratch, local + i);
        }
        b.in = in;
        b.box = box;
        b.piece = piece;
        b.n_piece = n_piece;
        b.scratch = run->scratch;
        if (stage->block.axis < stage->domain.ndim)
                b.domain_extent = stage->domain.axis[stage->block.axis].extent;
        for (uint32_t i = 0; i < stage->n_out; i++) {
                View *out = b.out + i;

                out->dtype = run->plan->value.data[stage->out[i].value].dtype;
                out->data = run->out[i].data;
                out->shape = run->out[i].shape;
                strided_of_shape(&out->shape, dtype_size(out->dtype), out->stride);
        }

        r = run_parts(run, &b, local, in, box);
        if (r < 0)
                return r;
        if (stage->block.unknown)
                for (uint32_t i = 0; i < stage->n_out; i++)
                        run->out[i].shape = b.out[i].shape;
        return 0;
}
