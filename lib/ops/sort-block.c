/* SPDX-License-Identifier: Apache-2.0 */
/* Whole blocks sorted in one task, whatever their size: what ops/columns.c makes of rows that are too long. */
#include "ops/columns.h"

/* ---- One block in one task -------------------------------------------------------------------------------------- */

/* n[0] x n[1] strided elements to be sorted, filled up to `total`. */
typedef struct Block2 {
        DType dtype;
        const char *in;
        int64_t n[2], stride[2], total;
} Block2;

/* Element q of the sorted ones goes to place q / hands of hand q % hands. */
#define DEAL_LOOP_(type)                                                                                               \
        static void deal_##type(const type *from, int64_t n, int64_t hands, type *to) {                                \
                const int64_t each = n / hands;                                                                        \
                                                                                                                       \
                for (int64_t k = 0; k < each; k++)                                                                     \
                        for (int64_t j = 0; j < hands; j++)                                                            \
                                to[j * each + k] = from[k * hands + j];                                                \
        }
DEAL_LOOP_(uint32_t)
DEAL_LOOP_(uint64_t)
DEAL_LOOP_(Item)

#define BLOCK_KEYS_(bits)                                                                                              \
        static void block_keys_##bits(const Block2 *b, int64_t hands, uint##bits##_t *key, char *out) {                \
                const uint64_t last = key_bits(b->dtype) == 64 ? UINT64_MAX : (1ULL << key_bits(b->dtype)) - 1;        \
                uint##bits##_t *other = key + b->total;                                                                \
                int64_t n             = 0;                                                                             \
                                                                                                                       \
                for (int64_t i = 0; i < b->n[0]; i++, n += b->n[1])                                                    \
                        value_keys_##bits[b->dtype](b->in + i * b->stride[0], b->stride[1], b->n[1], key + n);         \
                while (n < b->total)                                                                                   \
                        key[n++] = (uint##bits##_t) last;                                                              \
                if (!ascends_keys_##bits(key, b->total))                                                               \
                        sort_keys_##bits(key, other, b->total, false);                                                 \
                if (hands > 1) {                                                                                       \
                        deal_uint##bits##_t(key, b->total, hands, other);                                              \
                        key = other;                                                                                   \
                }                                                                                                      \
                of_keys_##bits[b->dtype](key, b->total, out);                                                          \
        }
BLOCK_KEYS_(32)
BLOCK_KEYS_(64)

/* Complex numbers: they are moved, since their keys do not say what they were. */
static void block_items(const Block2 *b, int64_t hands, Item *item, char *out) {
        const size_t size = dtype_size(b->dtype);
        char *all         = (char *) (item + 2 * b->total);
        int64_t n         = 0;

        for (int64_t i = 0; i < b->n[0]; i++)
                for (int64_t k = 0; k < b->n[1]; k++, n++)
                        memcpy(all + n * (int64_t) size, b->in + i * b->stride[0] + k * b->stride[1], size);
        memset(all + n * (int64_t) size, 0xff, (size_t) (b->total - n) * size); /* NaNs */
        order_row(b->dtype, all, (int64_t) size, b->total, item, item + b->total);
        if (hands > 1) {
                deal_Item(item, b->total, hands, item + b->total);
                item += b->total;
        }
        gather_items(all, (int64_t) size, item, b->total, size, out);
}

static void block_sort(const Block2 *b, int64_t hands, void *scratch, char *out) {
        if (value_keys_32[b->dtype])
                block_keys_32(b, hands, scratch, out);
        else if (value_keys_64[b->dtype])
                block_keys_64(b, hands, scratch, out);
        else
                block_items(b, hands, scratch, out);
}

typedef struct Dealt {
        Block2 block;
        int64_t hands;
} Dealt;

static void batch_sort(BlockRun *run, const char *in, char *const *out, void *userdata) {
        Dealt *dealt = userdata;

        dealt->block.in = in;
        block_sort(&dealt->block, dealt->hands, run->scratch, out[0]);
}

/* All batches of the task; `core` axes of the input are one block of them. */
static int each_block(BlockRun *run, int core, int64_t total, int64_t hands) {
        const View *in = &run->in[0];
        const int last = in->shape.ndim - 1;
        Dealt dealt    = { .block = { .dtype  = in->dtype,
                                      .n      = { core > 1 ? in->shape.dim[last - 1] : 1, in->shape.dim[last] },
                                      .stride = { core > 1 ? in->stride[last - 1] : 0, in->stride[last] },
                                      .total  = total },
                           .hands = hands };

        if (shape_size(&run->out[0].shape) > 0)
                each_batch(run, core, batch_sort, &dealt);
        return 0;
}

/* ---- The operators ---------------------------------------------------------------------------------------------- */

static int sort_deal_run(BlockRun *run, _unused_ Error *err) {
        const ColumnsParams *p = run->params;

        return each_block(run, 1, columns_run(p), p->columns);
}

static size_t sort_deal_scratch(const OpCall *call) {
        return block_scratch(call->in[0].dtype, columns_run(call->params));
}

static int64_t sort_deal_step(const OpCall *call) {
        return columns_run(call->params);
}

static int infer_sort_deal(const OpCall *call, Spec *out, _unused_ Error *err) {
        const ColumnsParams *p = call->params;
        Shape *s               = &out[0].shape;

        out[0]               = call->in[0];
        s->dim[s->ndim - 1]  = p->columns;
        s->dim[s->ndim]      = p->columns;
        s->dim[s->ndim + 1]  = p->piece;
        s->ndim             += 2;
        return 0;
}

OP(sort_deal) = {
        .name        = "sort_deal",
        .doc         = "Runs of the last axis, each sorted and dealt out.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .stacks      = true,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ColumnsParams),
        .params      = COLUMNS_PARAMS,
        .infer       = infer_sort_deal,
        .run         = sort_deal_run,
        .scratch     = sort_deal_scratch,
        .core_in     = { 1 },
        .core_out    = { 3 },
        .step        = sort_deal_step,
        .follows     = 1,
};

static int sort_block_run(BlockRun *run, _unused_ Error *err) {
        const Shape *s = &run->in[0].shape;

        return each_block(run, 2, s->dim[s->ndim - 2] * s->dim[s->ndim - 1], 1);
}

static size_t sort_block_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;

        return block_scratch(call->in[0].dtype, s->dim[s->ndim - 2] * s->dim[s->ndim - 1]);
}

static int infer_same(const OpCall *call, Spec *out, _unused_ Error *err) {
        out[0] = call->in[0];
        return 0;
}

OP(sort_block) = {
        .name     = "sort_block",
        .doc      = "The elements of the last two axes in ascending order.",
        .family   = FAMILY_EXCHANGE,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .infer    = infer_same,
        .run      = sort_block_run,
        .scratch  = sort_block_scratch,
        .core_in  = { 2 },
        .core_out = { 2 },
};

