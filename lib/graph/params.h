/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Single parameters, for the files that walk an operator's table of them. */
#include "graph/op.h"

/* The parameters of an operator; ends with {}, never NULL. */
static inline const Param *params_of(const Op *op) {
        static const Param none[1];

        return op->params ?: none;
}

static inline const void *param_at(const Param *p, const void *params) {
        return (const char *) params + p->offset;
}

/* The parameter of that name and kind, or NULL. */
const Param *param_find(const Op *op, const char *name, ParamKind kind);
/* What the user asked for as dtype=, DTYPE_NONE if nothing or if the operator has no such parameter. */
DType params_dtype(const Op *op, const void *params);
/* Left out: None, in the kinds that have it. */
bool param_absent(const Param *p, const void *params);
/* Sets the field to its fallback. ERROR_TYPE: it must be given; ERROR_VALUE: the table's text cannot be read. */
int param_default(const Param *p, void *params, Error *err);
bool param_equal(const Param *p, const void *a, const void *b);
/* Everything that the table can say of values: dtypes that are none, lists without memory, required ones left out. */
int params_check(const Op *op, const void *params, Error *err);
