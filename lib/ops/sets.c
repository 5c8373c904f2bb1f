/* SPDX-License-Identifier: Apache-2.0 */
/* Set operations come down to neighbours: the different elements of both sets, sorted together, of which an element is
 * in both sets if its neighbour equals it. Nothing is looked for, so no task reads a set. NaNs equal nothing. */
#include "graph/graph.h"
#include "ops/kernel.h"

typedef struct PairedParams {
        bool single;
} PairedParams;

static int infer_paired(const OpCall *call, Spec *out, Error *err) {
        if (call->in[0].shape.ndim != 1)
                return error_set(err, ERROR_VALUE, "paired takes a vector");
        out[0] = (Spec) { .dtype = call->in[0].dtype, .shape = { .ndim = 1, .dim = { UNKNOWN } } };
        return 0;
}

static int expand_paired(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const bool single = ((const PairedParams *) call->params)->single;
        const int64_t n   = call->in[0].shape.dim[0];
        const Shape end   = { .ndim = 1, .dim = { MIN(n, (int64_t) 1) } };
        const Ref last    = build_broadcast(b, build_scalar(b, scalar_from_i64(DTYPE_BOOL, single)), &end);
        Ref kept[]        = { in[0], last };

        if (n > 1) { /* whether an element equals the next one, or differs from it and from the one before */
                const Ref left = build_slice(b, in[0], 0, 0, n - 1, 1), right = build_slice(b, in[0], 0, 1, n, 1);
                const Ref next = build_binary(b, single ? "not_equal" : "equal", left, right);

                kept[1] = build_concatenate(b, (const Ref[]) { next, last }, 2, 0);
                if (single)
                        kept[1] = build_binary(b, "logical_and", kept[1],
                                               build_concatenate(b, (const Ref[]) { last, next }, 2, 0));
        }
        *out = build_op(b, "compress_rows", NULL, ELEMENTSOF(kept), kept);
        return build_done(b);
}

OP(paired) = {
        .name   = "paired",
        .doc    = "The elements of an ascending vector that equal the next one.\n\n`single`: those that equal neither "
                  "neighbour. Of two sets, each without repetitions, sorted together, these are the elements that are "
                  "in both, or in one only.",
        .family = FAMILY_EXCHANGE,
        .inputs = "a",
        .n_in   = 1,
        .params_size = sizeof(PairedParams),
        .params = (const Param[]) { PARAM(PairedParams, single, PARAM_BOOL, "False", "Those without an equal."), {} },
        .infer  = infer_paired,
        .expand = expand_paired,
};
