/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise operators: NumPy's broadcasting, and NumPy's search for a loop: the first kernel in the table's
 * order to which every input can be cast safely. NEP 50: Python scalars are weak, they take the dtype that the
 * arrays have together. */
#include <stdio.h>
#include <string.h>

#include "graph/infer.h"
#include "graph/params.h"
#include "graph/said.h"

static const char *const casting_names[] = {
        [CASTING_NO] = "no",     [CASTING_EQUIV] = "equiv",   [CASTING_SAFE] = "safe",
        [CASTING_SAME_KIND] = "same_kind", [CASTING_UNSAFE] = "unsafe",
};

/* What each input counts as: a strong one its own dtype, a weak one what it becomes beside the strong ones. */
static void effective_dtypes(const OpCall *call, DType ret[static MAX_OP_IN]) {
        const uint32_t shared = call->op->shared ?: UINT32_MAX;
        DType strong = DTYPE_NONE;

        for (uint32_t i = 0; i < call->n_in; i++)
                if (call->in[i].weak == WEAK_NONE && (shared >> i & 1))
                        strong = strong == DTYPE_NONE ? call->in[i].dtype : dtype_promote(strong, call->in[i].dtype);
        for (uint32_t i = 0; i < call->n_in; i++) {
                const Weak weak = call->in[i].weak;

                if (weak == WEAK_NONE)
                        ret[i] = call->in[i].dtype;
                else if (strong == DTYPE_NONE || !(shared >> i & 1))
                        ret[i] = dtype_of_weak(weak);
                else
                        ret[i] = dtype_promote_weak(strong, weak);
        }
}

/* The first input that does not cast to what the kernel takes, or n_in. */
static uint32_t first_misfit(const MapKernel *k, const DType *in, uint32_t n_in, Casting casting) {
        for (uint32_t i = 0; i < n_in; i++)
                if (!dtype_can_cast(in[i], k->in[i], casting))
                        return i;
        return n_in;
}

static int refuse_dtypes(const OpCall *call, const DType *in, Casting casting, Error *err) {
        char names[MAX_OP_IN * 16] = "";
        size_t n = 0;

        for (uint32_t i = 0; i < call->n_in && n < sizeof(names); i++)
                n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%s", i > 0 ? ", " : "", dtype_name(in[i]));
        return error_set(
                err, ERROR_TYPE,
                "ufunc '%s' not supported for the input types, and the inputs could not be safely coerced to any "
                "supported types according to the casting rule ''%s'' (%s)",
                op_said(call->op), casting_names[casting], names);
}

/* With dtype= the caller has said what to compute in: inputs are cast to it as far as `casting` allows. */
static int kernel_of_dtype(const OpCall *call, const DType *in, DType dtype, Casting casting, uint32_t *ret,
                           Error *err) {
        const MapKernel *kernels = call->op->kernels, *nearest = NULL;
        uint32_t misfit;

        for (const MapKernel *k = kernels; k->fn; k++)
                if (k->out[0] == dtype && first_misfit(k, in, call->n_in, CASTING_SAFE) == call->n_in) {
                        *ret = (uint32_t) (k - kernels);
                        return 0;
                }
        for (const MapKernel *k = kernels; k->fn; k++) {
                if (k->out[0] != dtype)
                        continue;
                if (first_misfit(k, in, call->n_in, casting) == call->n_in) {
                        *ret = (uint32_t) (k - kernels);
                        return 0;
                }
                nearest = nearest ?: k;
        }
        if (!nearest || call->n_in < 2)
                return error_set(err, ERROR_TYPE,
                                 "No loop matching the specified signature and casting was found for ufunc %s",
                                 op_said(call->op));
        misfit = first_misfit(nearest, in, call->n_in, casting);
        return error_set(err, ERROR_TYPE,
                         "Cannot cast ufunc '%s' input %u from dtype('%s') to dtype('%s') with casting rule '%s'",
                         op_said(call->op), misfit, dtype_name(in[misfit]), dtype_name(nearest->in[misfit]),
                         casting_names[casting]);
}

int op_map_kernel(const OpCall *call, DType dtype, Casting casting, uint32_t *ret, Error *err) {
        const MapKernel *kernels = call->op->kernels;
        DType in[MAX_OP_IN];

        assert(call->n_in <= MAX_OP_IN && kernels);
        effective_dtypes(call, in);
        if (dtype != DTYPE_NONE)
                return kernel_of_dtype(call, in, dtype, casting, ret, err);
        if (casting > CASTING_SAFE) /* a looser rule is for outputs: inputs are never harmed unasked */
                casting = CASTING_SAFE;
        for (const MapKernel *k = kernels; k->fn; k++)
                if (first_misfit(k, in, call->n_in, casting) == call->n_in) {
                        *ret = (uint32_t) (k - kernels);
                        return 0;
                }
        return refuse_dtypes(call, in, casting, err);
}

int infer_map(const OpCall *call, Spec *out, Error *err) {
        const Shape *shapes[MAX_OP_IN];
        uint32_t kernel = 0;
        Shape shape;
        int r;

        r = op_map_kernel(call, params_dtype(call->op, call->params), CASTING_SAME_KIND, &kernel, err);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < call->n_in; i++)
                shapes[i] = &call->in[i].shape;
        r = shape_broadcast(shapes, (int) call->n_in, &shape, err);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < op_n_out(call->op); i++)
                out[i] = (Spec) { .dtype = call->op->kernels[kernel].out[i], .shape = shape };
        return 0;
}
