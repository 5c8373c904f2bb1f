/* SPDX-License-Identifier: Apache-2.0 */
/* Elements are words that are copied: of masks of words gcc makes vectors, of a choice between doubles a branch, and of
 * conditions that are loaded as bool neither. */
#include "ops/kernel.h"

#define WHERE_LOOP_(name, type, n_word)                                                                                \
        MAP_FUNCTION_(where_##name) {                                                                                  \
                const uint8_t *restrict condition = arg[0];                                                            \
                const type *restrict a = arg[1], *restrict b = arg[2];                                                 \
                type *restrict out = arg[3];                                                                           \
                                                                                                                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        for (size_t k = i * n_word; k < (i + 1) * n_word; k++) {                                       \
                                const type mask = (type) -(type) condition[i];                                         \
                                                                                                                       \
                                out[k] = (type) ((a[k] & mask) | (b[k] & (type) ~mask));                               \
                        }                                                                                              \
        }
WHERE_LOOP_(1, uint8_t, 1)
WHERE_LOOP_(2, uint16_t, 1)
WHERE_LOOP_(4, uint32_t, 1)
WHERE_LOOP_(8, uint64_t, 1)
WHERE_LOOP_(16, uint64_t, 2)

#define WHERE_FN_(size)                                                                                                \
        ((size) == 1   ? where_1                                                                                       \
         : (size) == 2 ? where_2                                                                                       \
         : (size) == 4 ? where_4                                                                                       \
         : (size) == 8 ? where_8                                                                                       \
                       : where_16)
#define WHERE_ROW_(D, ...)                                                                                             \
        { { DTYPE_BOOL, DTYPE_##D, DTYPE_##D },                                                                        \
          { DTYPE_##D, DTYPE_NONE },                                                                                   \
          WHERE_FN_(sizeof(MEMORY_##D)),                                                                               \
          { {}, {}, MAP_CHOICE } },

OP(where) = {
        .name    = "where",
        .doc     = "Elements of a where the condition is true, and of b where it is not.",
        .family  = FAMILY_MAP,
        .inputs  = "condition, a, b",
        .n_in    = 3,
        .shared  = 0b110,
        .kernels = KERNELS(ALL(WHERE_ROW_, )),
};
