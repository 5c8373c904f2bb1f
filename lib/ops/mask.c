/* SPDX-License-Identifier: Apache-2.0 */
/* Elements chosen by a mask, and where elements are not zero. How many there are is known when it has run; each
 * chunk becomes one of at most its own length, so the order is that of the input and nothing is exchanged. */
#include "graph/graph.h"
#include "ops/kernel.h"
#include "tensor/strided.h"

/* Copies the rows where mask is set; a column of one element is the common case and takes no branches. */
#define COMPRESS_LOOP_(type)                                                                                           \
        static int64_t compress_##type(int64_t n, const char *mask, int64_t mask_step, const char *in, int64_t step,   \
                                       char *out) {                                                                    \
                type *to = (type *) out;                                                                               \
                int64_t kept = 0;                                                                                      \
                                                                                                                       \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        to[kept] = *(const type *) (in + i * step);                                                    \
                        kept += *(const bool *) (mask + i * mask_step);                                                \
                }                                                                                                      \
                return kept;                                                                                           \
        }
COMPRESS_LOOP_(uint8_t)
COMPRESS_LOOP_(uint16_t)
COMPRESS_LOOP_(uint32_t)
COMPRESS_LOOP_(uint64_t)
COMPRESS_LOOP_(c128)

static int compress_run(BlockRun *run, _unused_ Error *err) {
        const View *in = &run->in[0], *mask = &run->in[1];
        const int64_t n = in->shape.dim[0];
        int64_t row = 1, kept = 0;

        for (int k = 1; k < in->shape.ndim; k++)
                row *= in->shape.dim[k];
        if (in->shape.ndim == 1)
                /* The loops write one element past the last one kept, but never past the n-th. */
                switch (dtype_size(in->dtype)) {
                case 1:
                        kept = compress_uint8_t(n, mask->data, mask->stride[0], in->data, in->stride[0],
                                                run->out[0].data);
                        break;
                case 2:
                        kept = compress_uint16_t(n, mask->data, mask->stride[0], in->data, in->stride[0],
                                                 run->out[0].data);
                        break;
                case 4:
                        kept = compress_uint32_t(n, mask->data, mask->stride[0], in->data, in->stride[0],
                                                 run->out[0].data);
                        break;
                case 8:
                        kept = compress_uint64_t(n, mask->data, mask->stride[0], in->data, in->stride[0],
                                                 run->out[0].data);
                        break;
                default:
                        kept = compress_c128(n, mask->data, mask->stride[0], in->data, in->stride[0], run->out[0].data);
                }
        else {
                const size_t size = dtype_size(in->dtype);
                Shape one         = in->shape;

                one.dim[0] = 1;
                for (int64_t i = 0; i < n; i++)
                        if (*(const bool *) (mask->data + i * mask->stride[0]))
                                strided_copy(run->out[0].data + kept++ * row * (int64_t) size, run->out[0].stride,
                                             in->data + i * in->stride[0], in->stride, &one, size);
        }
        run->out[0].shape.dim[0] = kept;
        return 0;
}

static int infer_compress(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[0];
        out->shape.dim[0] = UNKNOWN;
        return 0;
}

OP(compress_rows) = {
        .name     = "compress_rows",
        .doc      = "The rows of a where the mask is set.",
        .family   = FAMILY_EXCHANGE,
        .hidden   = true,
        .inputs   = "a, mask",
        .n_in     = 2,
        .infer    = infer_compress,
        .run      = compress_run,
        .core_in  = { CORE_ALL, CORE_ALL },
        .core_out = { CORE_ALL },
        .follows  = 3,
        .unknown  = true,
};

static int infer_mask(const OpCall *call, Spec *out, Error *err) {
        const Shape *a = &call->in[0].shape, *m = &call->in[1].shape;

        if (call->in[1].dtype != DTYPE_BOOL)
                return error_set(err, ERROR_INDEX, "a mask must be of bool, not %s", dtype_name(call->in[1].dtype));
        if (m->ndim == 0 || m->ndim > a->ndim)
                return error_set(err, ERROR_INDEX,
                                 "too many indices for array: array is %d-dimensional, but %d were indexed", a->ndim,
                                 m->ndim);
        for (int k = 0; k < m->ndim; k++)
                if (a->dim[k] != UNKNOWN && m->dim[k] != UNKNOWN && a->dim[k] != m->dim[k])
                        return error_set(
                                err, ERROR_INDEX,
                                "boolean index did not match indexed array along dimension %d; dimension is %lld but "
                                "corresponding boolean dimension is %lld",
                                k, (long long) a->dim[k], (long long) m->dim[k]);
        *out = (Spec) { .dtype = call->in[0].dtype };
        out->shape.dim[out->shape.ndim++] = UNKNOWN;
        for (int k = m->ndim; k < a->ndim; k++)
                out->shape.dim[out->shape.ndim++] = a->dim[k];
        return 0;
}

/* The axes of the mask become one. */
static int expand_mask(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *a = &call->in[0].shape, *m = &call->in[1].shape;
        Shape flat = { .ndim = 1, .dim = { shape_size(m) } }, flat_mask = flat;
        Ref both[2];

        for (int k = m->ndim; k < a->ndim; k++)
                flat.dim[flat.ndim++] = a->dim[k];
        both[0] = build_reshape(b, in[0], &flat);
        both[1] = build_reshape(b, in[1], &flat_mask);
        *out    = build_op(b, "compress_rows", NULL, 2, both);
        return build_done(b);
}

OP(mask) = {
        .name   = "mask",
        .doc    = "The elements of a where the mask is set, in C order: a[mask].\n\n"
                  "The mask has the shape of a, or of its first axes, which then become one. Raises IndexError where "
                  "they "
                  "differ.",
        .family = FAMILY_EXCHANGE,
        .inputs = "a, mask",
        .n_in   = 2,
        .infer  = infer_mask,
        .expand = expand_mask,
};

/* Of a chunk of the mask; like the loops above it writes one past the last, but never past the n-th. */
static int positions_run(BlockRun *run, _unused_ Error *err) {
        const View *mask = &run->in[0];
        const int64_t n = mask->shape.dim[0], first = run->domain->lo[0];
        int64_t *to = (int64_t *) run->out[0].data, kept = 0;

        for (int64_t i = 0; i < n; i++) {
                to[kept] = first + i;
                kept += *(const bool *) (mask->data + i * mask->stride[0]);
        }
        run->out[0].shape.dim[0] = kept;
        return 0;
}

static int infer_positions(_unused_ const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = (Spec) { .dtype = DTYPE_I64, .shape = { .ndim = 1, .dim = { UNKNOWN } } };
        return 0;
}

OP(positions_set) = {
        .name     = "positions_set",
        .doc      = "Where the mask is set.",
        .family   = FAMILY_EXCHANGE,
        .hidden   = true,
        .inputs   = "mask",
        .n_in     = 1,
        .infer    = infer_positions,
        .run      = positions_run,
        .core_in  = { CORE_ALL },
        .core_out = { CORE_ALL },
        .follows  = 1,
        .unknown  = true,
};

static int infer_nonzero(const OpCall *call, Spec *out, Error *err) {
        const int ndim = call->in[0].shape.ndim;

        if (ndim == 0)
                return error_set(
                        err, ERROR_VALUE,
                        "Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).nonzero() instead.");
        *out = (Spec) { .dtype = DTYPE_I64, .shape = { .ndim = 2, .dim = { UNKNOWN, ndim } } };
        return 0;
}

/* The positions in C order where a is not zero, then their coordinates. */
static int expand_argwhere(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *a    = &call->in[0].shape;
        const int64_t n   = shape_size(a);
        const Shape flat  = { .ndim = 1, .dim = { n } };
        Ref x             = build_reshape(b, in[0], &flat);

        if (call->in[0].dtype != DTYPE_BOOL)
                x = build_binary(b, "not_equal", x, build_scalar(b, scalar_from_i64(call->in[0].dtype, 0)));
        const Ref kept = build_op(b, "positions_set", NULL, 1, &x);
        *out = build_op(b, "unravel", &(ReshapeParams) { .shape = { .n = a->ndim, .given = true, .v = a->dim } }, 1,
                        &kept);
        return build_done(b);
}

OP(argwhere) = {
        .name   = "argwhere",
        .doc    = "The coordinates of the elements that are not zero, a row for each, in C order.",
        .family = FAMILY_EXCHANGE,
        .inputs = "a",
        .n_in   = 1,
        .infer  = infer_nonzero,
        .expand = expand_argwhere,
};

static int infer_unravel(const OpCall *call, Spec *out, _unused_ Error *err) {
        const ReshapeParams *p = call->params;

        *out = (Spec) { .dtype = DTYPE_I64, .shape = { .ndim = 2, .dim = { call->in[0].shape.dim[0], p->shape.n } } };
        return 0;
}

static int expand_unravel(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const ReshapeParams *p = call->params;
        Ref column[MAX_NDIM];
        int64_t below = 1;

        for (uint32_t k = p->shape.n; k-- > 0;) {
                const Ref quotient =
                        build_binary(b, "floor_divide", in[0], build_scalar(b, scalar_from_i64(DTYPE_I64, below)));
                const Ref rest =
                        k == 0 ? quotient
                               : build_binary(b, "remainder", quotient,
                                              build_scalar(b, scalar_from_i64(DTYPE_I64, MAX(p->shape.v[k], 1))));

                column[k] = build_insert_axis(b, rest, 1);
                below *= MAX(p->shape.v[k], 1);
        }
        *out = p->shape.n == 1 ? column[0] : build_concatenate(b, column, p->shape.n, 1);
        return build_done(b);
}

OP(unravel) = {
        .name        = "unravel",
        .doc         = "Positions in C order as coordinates in a tensor of the given shape, a row for each.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "positions",
        .n_in        = 1,
        .params_size = sizeof(ReshapeParams),
        .params      = (const Param[]) { PARAM(ReshapeParams, shape, PARAM_DIMS, NULL,
                                               "Shape of the tensor that the positions are in."),
                                         {} },
        .infer       = infer_unravel,
        .expand      = expand_unravel,
};
