/* SPDX-License-Identifier: Apache-2.0 */
/* Ellipsoidal harmonics. Which function it is says one input, index = n^2 + p - 1; the zeros of a function are found
 * once for all elements in a row that have the same. */
#include "ops/math-lame.h"
#include "ops/special.h"

#define LAME_LOOP_(D, op, expr)                                                                                        \
        MAP_FUNCTION_(op##_##D) {                                                                                      \
                const MEMORY_##D *restrict in_h2 = arg[0], *restrict in_k2 = arg[1];                                   \
                const MEMORY_##D *restrict in_index = arg[2], *restrict in_s = arg[3];                                 \
                MEMORY_##D *restrict out = arg[4];                                                                     \
                VmLame l;                                                                                              \
                                                                                                                       \
                vm_lame_init(&l);                                                                                      \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const double h2 = in_h2[i], k2 = in_k2[i], index = in_index[i], s = in_s[i];                   \
                        out[i] = (MEMORY_##D)(expr);                                                                   \
                }                                                                                                      \
        }
#define LAME(name, doc, expr)                                                                                          \
        WHOLE_FLOATS(LAME_LOOP_, name, expr)                                                                           \
        SPECIAL_(name, 4, "h2, k2, index, s", doc, WHOLE_FLOATS(SPECIAL4_ROW_, name))

LAME(ellip_harm, "Lamé's function of the first kind, the index-th: of degree n and order p it is n**2 + p - 1.",
     vm_lame_first(&l, h2, k2, index, s))
LAME(ellip_harm_2, "Lamé's function of the second kind, the index-th, for abs(s) from sqrt(k2) on.",
     vm_lame_second(&l, h2, k2, index, s))

#define NORM_LOOP_(D, op)                                                                                              \
        MAP_FUNCTION_(op##_##D) {                                                                                      \
                const MEMORY_##D *restrict in_h2 = arg[0], *restrict in_k2 = arg[1], *restrict in_index = arg[2];      \
                MEMORY_##D *restrict out = arg[3];                                                                     \
                VmLame l;                                                                                              \
                                                                                                                       \
                vm_lame_init(&l);                                                                                      \
                for (size_t i = 0; i < n; i++)                                                                         \
                        out[i] = (MEMORY_##D) vm_lame_norm(&l, in_h2[i], in_k2[i], in_index[i]);                       \
        }
WHOLE_FLOATS(NORM_LOOP_, ellip_normal)
SPECIAL_(ellip_normal, 3, "h2, k2, index", "What normalises the index-th of Lamé's functions.",
         TERNARY_ROWS(WHOLE_FLOATS, ellip_normal))
