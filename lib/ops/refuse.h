/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Operators that refuse booleans, which would cast to their integer kernels. */
#include "graph/infer.h"

static inline bool call_is_bool(const OpCall *call) {
        for (uint32_t i = 0; i < call->n_in; i++)
                if (call->in[i].dtype != DTYPE_BOOL)
                        return false;
        return true;
}

static inline int refuse_bool(const char *function, const char *types, Error *err) {
        return error_set(err, ERROR_TYPE, "ufunc '%s' did not contain a loop with signature matching types %s",
                         function, types);
}

static inline _unused_ int infer_no_bool(const OpCall *call, Spec *out, Error *err) {
        if (call_is_bool(call))
                return refuse_bool(call->op->name, call->n_in == 1 ? "bool" : "bool, bool", err);
        return infer_map(call, out, err);
}
