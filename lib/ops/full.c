/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/kernel.h"

#define FULL_LOOP_(D, ...)                                                                                             \
        static void full_##D(size_t n, _unused_ int64_t first, _unused_ int64_t step, const void *params, void *out) { \
                const FullParams *p = params;                                                                          \
                Scalar cast = scalar_cast(p->value, DTYPE_##D);                                                        \
                MEMORY_##D value, *to = out;                                                                           \
                                                                                                                       \
                memcpy(&value, cast.bytes, sizeof(value));                                                             \
                for (size_t i = 0; i < n; i++)                                                                         \
                        to[i] = value;                                                                                 \
        }
#define FULL_ROW_(D, ...) { DTYPE_##D, full_##D },
ALL(FULL_LOOP_)

OP(full) = {
        .name        = "full",
        .doc         = "A tensor of which every element is `value`.",
        .family      = FAMILY_SOURCE,
        .inputs      = "",
        .params_size = sizeof(FullParams),
        .params      = (const Param[]) {
                SOURCE_PARAM_LIST,
                PARAM(FullParams, value, PARAM_SCALAR, "0", "What every element is."),
                {},
        },
        .generate    = (const SourceKernel[]) { ALL(FULL_ROW_) {} },
};
