/* SPDX-License-Identifier: Apache-2.0 */
/* A window on the operator table for Python tests (kernels_vs_numpy.py): a shared library that only tests load. It
 * calls kernels as they are, without graph, planner or executor. */
#include <stdlib.h>
#include <string.h>

#include "graph/infer.h"
#include "graph/params.h"

#define PUBLIC __attribute__((visibility("default")))

PUBLIC uint32_t kernels_count(void);
PUBLIC const char *kernels_name(uint32_t op);
PUBLIC int kernels_family(uint32_t op);
PUBLIC uint32_t kernels_n_in(uint32_t op);
PUBLIC uint32_t kernels_n_out(uint32_t op);
PUBLIC int kernels_level(const char *level);
PUBLIC int kernels_select(uint32_t op, uint32_t n_in, const uint8_t *in, uint32_t *ret_row, uint8_t *ret_out,
                          char *text);
PUBLIC int kernels_cast(uint32_t op, uint8_t from, uint8_t to);
PUBLIC void kernels_map(uint32_t op, uint32_t row, size_t n, void *const *arg, const void *params);
PUBLIC int kernels_fold_select(uint32_t op, uint8_t in, uint8_t dtype, uint8_t *ret_in, uint8_t *ret_out);
PUBLIC int kernels_fold(uint32_t op, uint32_t fold, size_t n, const void *in, void *out);
PUBLIC int kernels_arange(uint32_t op, uint8_t dtype, size_t n, int64_t first, int64_t step, const void *start,
                          const void *second, uint8_t of, int64_t length, int endpoint, void *out);

static const Op *op_at(uint32_t op) {
        return op_table()[op];
}

uint32_t kernels_count(void) {
        return op_count();
}

const char *kernels_name(uint32_t op) {
        return op_at(op)->name;
}

int kernels_family(uint32_t op) {
        return op_at(op)->folds || op_at(op)->kernels || op_at(op)->generate ? (int) op_at(op)->family : -1;
}

uint32_t kernels_n_in(uint32_t op) {
        return op_at(op)->n_in;
}

uint32_t kernels_n_out(uint32_t op) {
        return op_n_out(op_at(op));
}

int kernels_level(const char *level) {
        return op_level_set(level, NULL);
}

int kernels_select(uint32_t op, uint32_t n_in, const uint8_t *in, uint32_t *ret_row, uint8_t *ret_out, char *text) {
        Spec specs[MAX_OP_IN] = {}, out[MAX_OP_OUT] = {};
        OpCall call = { .op = op_at(op), .n_in = n_in, .in = specs };
        Error err = {};
        int r;

        for (uint32_t i = 0; i < n_in; i++)
                specs[i].dtype = (DType) in[i];
        r = op_infer(&call, out, &err);
        if (r == 0)
                r = op_map_kernel(&call, DTYPE_NONE, CASTING_SAME_KIND, ret_row, &err);
        strcpy(text, err.text);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < n_in; i++)
                ret_out[i] = (uint8_t) call.op->kernels[*ret_row].in[i];
        for (uint32_t i = 0; i < op_n_out(call.op); i++)
                ret_out[n_in + i] = (uint8_t) out[i].dtype;
        return 0;
}

int kernels_cast(uint32_t op, uint8_t from, uint8_t to) {
        const MapKernel *k = op_at(op)->kernels;

        for (int i = 0; k[i].fn; i++)
                if (k[i].in[0] == (DType) from && k[i].out[0] == (DType) to)
                        return i;
        return -1;
}

void kernels_map(uint32_t op, uint32_t row, size_t n, void *const *arg, const void *params) {
        op_at(op)->kernels[row].fn(n, arg, params);
}

int kernels_fold_select(uint32_t op, uint8_t in, uint8_t dtype, uint8_t *ret_in, uint8_t *ret_out) {
        uint32_t fold;
        int r = op_fold(op_at(op), (DType) in, (DType) dtype, &fold, NULL);

        if (r < 0)
                return r;
        *ret_in = (uint8_t) op_at(op)->folds[fold].in;
        *ret_out = (uint8_t) op_at(op)->folds[fold].out;
        return (int) fold;
}

/* The tree of tensor/tree.h over n >= 1 elements, level by level; the last node may lack elements. */
int kernels_fold(uint32_t op, uint32_t fold, size_t n, const void *in, void *out) {
        const Fold *f = &op_at(op)->folds[fold];
        void *state[2][MAX_STATE] = {};
        int64_t each = 1, last = 1;
        size_t left = n;
        int at = 0;

        for (int k = 0; k < 2; k++)
                for (uint8_t c = 0; c < f->n_state; c++)
                        state[k][c] = malloc(n * dtype_size(f->state[c]));
        if (f->lift)
                f->lift(n, in, 0, 1, state[0]);
        else
                memcpy(state[0][0], in, n * dtype_size(f->in));
        for (; left > 1; left = (left + 1) / 2, each *= 2, at ^= 1) {
                size_t pairs = left / 2, whole = left % 2 == 0 && last != each ? pairs - 1 : pairs;
                void *from[MAX_STATE], *more[MAX_STATE], *to[MAX_STATE];

                f->merge_pairs(whole, state[at], state[at ^ 1], each);
                for (uint8_t c = 0; c < f->n_state; c++) {
                        size_t size = dtype_size(f->state[c]);

                        from[c] = (char *) state[at][c] + 2 * whole * size;
                        more[c] = (char *) from[c] + size;
                        to[c] = (char *) state[at ^ 1][c] + whole * size;
                        if (left % 2)
                                memcpy(to[c], from[c], size);
                }
                if (whole < pairs)
                        f->merge(1, from, more, to, each, last);
                if (left % 2 == 0)
                        last += each;
        }
        if (f->finish)
                f->finish(1, state[at], (int64_t) n, out);
        else
                memcpy(out, state[at][0], dtype_size(f->out));
        for (int k = 0; k < 2; k++)
                for (uint8_t c = 0; c < f->n_state; c++)
                        free(state[k][c]);
        return 0;
}

int kernels_arange(uint32_t op, uint8_t dtype, size_t n, int64_t first, int64_t step, const void *start,
                   const void *second, uint8_t of, int64_t length, int endpoint, void *out) {
        Dims shape = { .n = 1, .given = true, .v = &length };
        ArangeParams arange     = { .source = { .shape = shape },
                                    .start  = { .dtype = (DType) of },
                                    .step   = { .dtype = (DType) of } };
        LinspaceParams linspace = { .source   = { .shape = shape },
                                    .start    = { .dtype = (DType) of },
                                    .stop     = { .dtype = (DType) of },
                                    .endpoint = endpoint };
        const void *params = strcmp(op_at(op)->name, "arange") == 0 ? (void *) &arange : (void *) &linspace;

        memcpy(arange.start.bytes, start, 16);
        memcpy(arange.step.bytes, second, 16);
        memcpy(linspace.start.bytes, start, 16);
        memcpy(linspace.stop.bytes, second, 16);
        for (const SourceKernel *k = op_at(op)->generate; k->fn; k++)
                if (k->out == (DType) dtype) {
                        k->fn(n, first, step, params, out);
                        return 0;
                }
        return -1;
}
