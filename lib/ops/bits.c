/* SPDX-License-Identifier: Apache-2.0 */
/* Eight neighbours that are true or not, and the bits of a byte. Bytes of eight neighbours are a word: a product moves
 * the lowest bit of each to its place in the highest byte, where no two of its terms meet. */
#include <string.h>

#include "ops/kernel.h"

enum { BITS_EACH = 8 };

#define EVERY_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
/* Byte k of a word is for bit k (little) or for bit 7 - k (big): as a mask, and as what gathers them. */
#define DIAGONAL      UINT64_C(0x8040201008040201)
#define ANTI_DIAGONAL UINT64_C(0x0102040810204080)

typedef struct BitsParams {
        bool little;
} BitsParams;

#define BITS_PARAMS                                                                                                    \
        (const Param[]) {                                                                                              \
                PARAM(BitsParams, little, PARAM_BOOL, "False",                                                         \
                      "Whether the first neighbour is the lowest bit, not the highest."),                              \
                        {}                                                                                             \
        }

/* 1 in each byte that is not zero. */
static inline uint64_t ones(uint64_t word) {
        return (((word & EVERY_BYTE(0x7f)) + EVERY_BYTE(0x7f)) | word) >> 7 & EVERY_BYTE(1);
}

static void pack(const View *in, const char *from, int64_t n, bool little, uint8_t *to) {
        const int last         = in->shape.ndim - 1;
        const int64_t step     = in->stride[last - 1], bit = in->stride[last];
        const uint64_t gathers = little ? ANTI_DIAGONAL : DIAGONAL;

        for (int64_t i = 0; i < n; i++) {
                uint64_t word = 0;

                if (bit == 1)
                        memcpy(&word, from + i * step, sizeof(word));
                else
                        for (int k = 0; k < BITS_EACH; k++)
                                word |= (uint64_t) * (const uint8_t *) (from + i * step + k * bit) << 8 * k;
                to[i] = (uint8_t) (ones(word) * gathers >> 56);
        }
}

static void unpack(const View *in, const char *from, int64_t n, bool little, uint8_t *to) {
        const int64_t step  = in->stride[in->shape.ndim - 1];
        const uint64_t mask = little ? DIAGONAL : ANTI_DIAGONAL;

        for (int64_t i = 0; i < n; i++) {
                const uint64_t word = ones(EVERY_BYTE(*(const uint8_t *) (from + i * step)) & mask);

                memcpy(to + i * BITS_EACH, &word, sizeof(word));
        }
}

/* Each row of the batch axes; `own` are the other axes of the input. */
static void each_row(BlockRun *run, int own,
                     void (*row)(const View *in, const char *from, int64_t n, bool little, uint8_t *to)) {
        const View *in       = &run->in[0];
        const int n_batch    = in->shape.ndim - own;
        const bool little    = ((const BitsParams *) run->params)->little;
        const int64_t n      = in->shape.dim[n_batch], n_out = own == 2 ? n : n * BITS_EACH;
        int64_t at[MAX_NDIM] = {};
        uint8_t *to          = (uint8_t *) run->out[0].data;
        int k;

        if (shape_size(&in->shape) == 0)
                return;
        do {
                const char *from = in->data;

                for (k = 0; k < n_batch; k++)
                        from += at[k] * in->stride[k];
                row(in, from, n, little, to);
                to += n_out;
                for (k = n_batch; k-- > 0;) {
                        if (++at[k] < in->shape.dim[k])
                                break;
                        at[k] = 0;
                }
        } while (k >= 0);
}

static int pack_run(BlockRun *run, _unused_ Error *err) {
        each_row(run, 2, pack);
        return 0;
}

static int infer_pack(const OpCall *call, Spec *out, Error *err) {
        *out = call->in[0];
        if (out->dtype != DTYPE_BOOL)
                return error_set(err, ERROR_TYPE, "bits are packed of bool, not of %s", dtype_name(out->dtype));
        if (out->shape.ndim < 2 || out->shape.dim[out->shape.ndim - 1] != BITS_EACH)
                return error_set(err, ERROR_VALUE, "bits are packed of a last axis of %d", BITS_EACH);
        out->dtype = DTYPE_U8;
        out->shape.ndim--;
        return 0;
}

OP(pack_bits) = {
        .name        = "pack_bits",
        .doc         = "The last axis, eight bool, as the bits of a uint8.\n\nRaises TypeError, ValueError.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(BitsParams),
        .params      = BITS_PARAMS,
        .infer       = infer_pack,
        .run         = pack_run,
        .core_in     = { 2 },
        .core_out    = { 1 },
        .follows     = 1,
};

static int unpack_run(BlockRun *run, _unused_ Error *err) {
        each_row(run, 1, unpack);
        return 0;
}

static int infer_unpack(const OpCall *call, Spec *out, Error *err) {
        *out = call->in[0];
        if (out->dtype != DTYPE_U8)
                return error_set(err, ERROR_TYPE, "bits are unpacked of uint8, not of %s", dtype_name(out->dtype));
        if (out->shape.ndim < 1 || out->shape.ndim == MAX_NDIM)
                return error_set(err, ERROR_VALUE, "bits are unpacked along an axis, into one more of at most %d",
                                 MAX_NDIM);
        out->shape.dim[out->shape.ndim++] = BITS_EACH;
        return 0;
}

OP(unpack_bits) = {
        .name        = "unpack_bits",
        .doc         = "The bits of a uint8 as a last axis of eight, 0 or 1.\n\nRaises TypeError, ValueError.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(BitsParams),
        .params      = BITS_PARAMS,
        .infer       = infer_unpack,
        .run         = unpack_run,
        .core_in     = { 1 },
        .core_out    = { 2 },
        .follows     = 1,
};
