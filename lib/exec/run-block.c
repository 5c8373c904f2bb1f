/* SPDX-License-Identifier: Apache-2.0 */
/* Block stages: an operator computes whole blocks. We only bring its inputs into the form that it asks for. */
#include <string.h>

#include "exec/inside.h"
#include "exec/strided.h"

int run_block(Run *run) {
        const Stage *stage = run->stage;
        const Op *op = stage->block.op;
        BlockRun b = { .op     = op,
                       .params = stage->block.params,
                       .n_in   = stage->n_source,
                       .n_out  = stage->n_out,
                       .domain = &run->box,
                       .scratch = run->scratch };
        View *in = exec_take_array(run->exec, View, stage->n_source);
        Box *box = exec_take_array(run->exec, Box, stage->n_source);
        const Piece **piece = exec_take_array(run->exec, const Piece *, stage->n_source);
        uint32_t *n_piece = exec_take_array(run->exec, uint32_t, stage->n_source);
        int r;

        if (op->family == FAMILY_SCAN && !op->run)
                return run_scan(run);
        b.out = exec_take_array(run->exec, View, stage->n_out);
        if (!in || !box || !piece || !n_piece || !b.out)
                return -ENOMEM;
        for (uint32_t i = 0; i < stage->n_source; i++) {
                in[i] = run->source[i].view;
                box[i] = run->source[i].box;
                piece[i] = run->source[i].piece;
                n_piece[i] = run->source[i].n_piece;
        }
        b.in = in;
        b.box = box;
        b.piece = piece;
        b.n_piece = n_piece;
        if (stage->block.axis < stage->domain.ndim)
                b.domain_extent = stage->domain.axis[stage->block.axis].extent;
        for (uint32_t i = 0; i < stage->n_out; i++) {
                View *out = b.out + i;

                out->dtype = run->plan->value.data[stage->out[i].value].dtype;
                out->data = run->out[i].data;
                out->shape = run->out[i].shape;
                strided_of_shape(&out->shape, dtype_size(out->dtype), out->stride);
        }

        r = op->run(&b, run->err);
        if (r < 0)
                return r;
        if (stage->block.unknown)
                for (uint32_t i = 0; i < stage->n_out; i++)
                        run->out[i].shape = b.out[i].shape;
        return 0;
}
