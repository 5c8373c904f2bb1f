/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernel.h"

#define WHERE_LOOP_(D, ...)                                                                                            \
        MAP_FUNCTION_(where_##D) {                                                                                     \
                const bool *restrict condition = arg[0];                                                               \
                const MEMORY_##D *restrict in_a = arg[1], *restrict in_b = arg[2];                                     \
                MEMORY_##D *restrict out = arg[3];                                                                     \
                                                                                                                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        out[i] = condition[i] ? in_a[i] : in_b[i];                                                     \
        }
#define WHERE_ROW_(D, ...) { { DTYPE_BOOL, DTYPE_##D, DTYPE_##D }, { DTYPE_##D, DTYPE_NONE }, where_##D },
ALL(WHERE_LOOP_, )

OP(where) = {
        .name    = "where",
        .doc     = "Elements of a where the condition is true, and of b where it is not.",
        .family  = FAMILY_MAP,
        .inputs  = "condition, a, b",
        .n_in    = 3,
        .shared  = 0b110,
        .kernels = KERNELS(ALL(WHERE_ROW_, )),
};
