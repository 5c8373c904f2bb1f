/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex.h"

TERNARY_LOOPS(clip, ORDERED, MINIMUM(MAXIMUM(a, b), c))

#define CLIP_MAXIMUM(a, b) ((COMPLEX_LESS_EQUAL(b, a) | COMPLEX_IS_NAN(a)) ? (a) : (b))
#define CLIP_MINIMUM(a, b) ((COMPLEX_LESS_EQUAL(a, b) | COMPLEX_IS_NAN(a)) ? (a) : (b))

TERNARY_LOOPS(clip, COMPLEXES, CLIP_MINIMUM(CLIP_MAXIMUM(a, b), c))

OP(clip) = {
        .name    = "clip",
        .doc     = "The elements of a, moved to the nearer end where they lie outside of the interval from min to max.\n\n"
                   "Where min is greater than max, the result is max.",
        .family  = FAMILY_MAP,
        .inputs  = "a, min, max",
        .n_in    = 3,
        .kernels = KERNELS(TERNARY_ROWS(ALL, clip)),
};
