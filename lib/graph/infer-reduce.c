/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions and scans: which axes go, which fold of the table does the work, and what the result's dtype is.
 * NumPy's rule that small integers are summed in int64 is the order of the folds in the table of sum, not a rule
 * of this file. */
#include <string.h>

#include "graph/infer.h"
#include "graph/params.h"

static inline bool folds_end(const Fold *f) {
        return f->n_state == 0;
}

/* With dtype=, folds that make it: best one that takes the elements as they are, then one that takes the dtype itself
 * (elements are cast to it first, as NumPy does, whatever that costs them), then any. */
static const Fold *fold_of_dtype(const Op *op, DType in, DType dtype) {
        for (const Fold *f = op->folds; !folds_end(f); f++)
                if (f->out == dtype && dtype_can_cast(in, f->in, CASTING_SAFE))
                        return f;
        for (const Fold *f = op->folds; !folds_end(f); f++)
                if (f->out == dtype && f->in == dtype)
                        return f;
        for (const Fold *f = op->folds; !folds_end(f); f++)
                if (f->out == dtype)
                        return f;
        return NULL;
}

int op_fold(const Op *op, DType in, DType dtype, uint32_t *ret, Error *err) {
        const Fold *fold = NULL;

        assert(op->folds);
        if (dtype != DTYPE_NONE) {
                fold = fold_of_dtype(op, in, dtype);
                if (!fold)
                        return error_set(err, ERROR_TYPE, "%s of %s cannot give dtype %s", op->name, dtype_name(in),
                                         dtype_name(dtype));
        } else
                for (const Fold *f = op->folds; !folds_end(f) && !fold; f++)
                        if (dtype_can_cast(in, f->in, CASTING_SAFE))
                                fold = f;
        if (!fold)
                return error_set(
                        err, ERROR_TYPE,
                        "ufunc '%s' not supported for the input types, and the inputs could not be safely coerced to "
                        "any supported types according to the casting rule ''safe'' (%s)",
                        op->name, dtype_name(in));
        *ret = (uint32_t) (fold - op->folds);
        return 0;
}

static DType element_dtype(const OpCall *call) {
        return call->in[0].weak == WEAK_NONE ? call->in[0].dtype : dtype_of_weak(call->in[0].weak);
}

/* NumPy's words; its names of the operations are those of the ufuncs below them. */
static int refuse_empty(const Op *op, Error *err) {
        static const char *const ufuncs[][2] = { { "max", "maximum" },    { "min", "minimum" },
                                                 { "nanmax", "fmax" },    { "nanmin", "fmin" },
                                                 { "ptp", "maximum" } };
        const char *name = op->name;

        if (strncmp(name, "arg", 3) == 0 || strncmp(name, "nanarg", 6) == 0)
                return error_set(err, ERROR_VALUE, "attempt to get %s of an empty sequence", name);
        for (size_t i = 0; i < ELEMENTSOF(ufuncs); i++)
                if (strcmp(name, ufuncs[i][0]) == 0)
                        name = ufuncs[i][1];
        return error_set(err, ERROR_VALUE, "zero-size array to reduction operation %s which has no identity", name);
}

static bool has_initial(const OpCall *call) {
        const Param *p = param_find(call->op, "initial", PARAM_SCALAR);

        return p && !param_absent(p, call->params);
}

int infer_reduce(const OpCall *call, Spec *out, Error *err) {
        const ReduceParams *params = call->params;
        const Shape *in = &call->in[0].shape;
        uint32_t axes, fold = 0;
        bool empty = false;
        int r;

        r = axes_normalize(&params->axis, in->ndim, &axes, err);
        if (r < 0)
                return r;
        r = op_fold(call->op, element_dtype(call), (DType) params->dtype, &fold, err);
        if (r < 0)
                return r;
        *out = (Spec) { .dtype = call->op->folds[fold].out };
        for (int k = 0; k < in->ndim; k++) {
                const bool reduced = axes >> k & 1;

                empty |= reduced && in->dim[k] == 0;
                if (!reduced || params->keepdims)
                        out->shape.dim[out->shape.ndim++] = reduced ? 1 : in->dim[k];
        }
        if (empty && !call->op->folds[fold].identity && !has_initial(call))
                return refuse_empty(call->op, err);
        return 0;
}

/* Without an axis a scan runs over the flattened input; a number is an array of one element to it, as to NumPy. */
int infer_scan(const OpCall *call, Spec *out, Error *err) {
        const ScanParams *params = call->params;
        const Shape *in = &call->in[0].shape;
        uint32_t axes, fold = 0;
        int r;

        if (params->axis.given && params->axis.n != 1)
                return error_set(err, ERROR_TYPE, "%s: axis is one integer or None, not %u", call->op->name,
                                 params->axis.n);
        r = axes_normalize(&params->axis, in->ndim, &axes, err);
        if (r < 0)
                return r;
        r = op_fold(call->op, element_dtype(call), (DType) params->dtype, &fold, err);
        if (r < 0)
                return r;
        *out = (Spec) { .dtype = call->op->folds[fold].out, .shape = *in };
        if (!params->axis.given || in->ndim == 0)
                out->shape = SHAPE(shape_size(in));
        return 0;
}
