/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What errors call an operator: the function that users have called. Operators of a module of functions are named
 * after both, special_erf, where users write special.erf. */
#include <string.h>

#include "graph/op.h"

static inline const char *op_said(const Op *op) {
        static const char module[] = "special_";

        return strncmp(op->name, module, sizeof(module) - 1) == 0 ? op->name + sizeof(module) - 1 : op->name;
}
