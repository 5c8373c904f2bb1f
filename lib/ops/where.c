/* SPDX-License-Identifier: Apache-2.0 */
/* Elements are words of bits, whatever they mean, and are chosen by a mask: a condition would be a branch for each of
 * them, taken by chance. */
#include "ops/kernel.h"

#define WHERE_LOOP_(word)                                                                                              \
        MAP_FUNCTION_(where_##word) {                                                                                  \
                const uint8_t *restrict condition = arg[0];                                                            \
                const word *restrict in_a = arg[1], *restrict in_b = arg[2];                                           \
                word *restrict out = arg[3];                                                                           \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const word mask = (word) -(word) condition[i];                                                 \
                        out[i] = (word) ((in_a[i] & mask) | (in_b[i] & (word) ~mask));                                 \
                }                                                                                                      \
        }
WHERE_LOOP_(uint8_t)
WHERE_LOOP_(uint16_t)
WHERE_LOOP_(uint32_t)
WHERE_LOOP_(uint64_t)
MAP_FUNCTION_(where_c128) {
        const uint8_t *restrict condition = arg[0];
        const uint64_t *restrict in_a = arg[1], *restrict in_b = arg[2];
        uint64_t *restrict out = arg[3];

        for (size_t i = 0; i < n; i++) {
                const uint64_t mask = -(uint64_t) condition[i];

                out[2 * i] = (in_a[2 * i] & mask) | (in_b[2 * i] & ~mask);
                out[2 * i + 1] = (in_a[2 * i + 1] & mask) | (in_b[2 * i + 1] & ~mask);
        }
}

#define WHERE_ROW_(D, word) { { DTYPE_BOOL, DTYPE_##D, DTYPE_##D }, { DTYPE_##D, DTYPE_NONE }, where_##word },

OP(where) = {
        .name    = "where",
        .doc     = "Elements of a where the condition is true, and of b where it is not.",
        .family  = FAMILY_MAP,
        .inputs  = "condition, a, b",
        .n_in    = 3,
        .shared  = 0b110,
        .kernels = KERNELS(WHERE_ROW_(BOOL, uint8_t) WHERE_ROW_(I8, uint8_t) WHERE_ROW_(U8, uint8_t)
                           WHERE_ROW_(I16, uint16_t) WHERE_ROW_(U16, uint16_t)
                           WHERE_ROW_(I32, uint32_t) WHERE_ROW_(U32, uint32_t)
                           WHERE_ROW_(I64, uint64_t) WHERE_ROW_(U64, uint64_t)
                           WHERE_ROW_(F16, uint16_t) WHERE_ROW_(F32, uint32_t) WHERE_ROW_(F64, uint64_t)
                           WHERE_ROW_(C64, uint64_t) WHERE_ROW_(C128, c128)),
};
