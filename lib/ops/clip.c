/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex.h"

/* NaN is put in afterwards: one condition with it in every comparison would be too much for vectors. */
TERNARY_LOOPS(clip, ORDERED, ({
                      T r = a < b ? b : a;

                      r = r > c ? c : r;
                      r = IS_NAN(b) ? b : r;
                      r = IS_NAN(c) ? c : r;
                      IS_NAN(a) ? a : r;
              }))

/* The order of complex numbers without regard to NaN in the part that does not decide, as NumPy's clip has it. */
#define BELOW(a, b) (RE(a) == RE(b) ? IM(a) < IM(b) : RE(a) < RE(b))
#define RAISED(a, b) ((COMPLEX_IS_NAN(a) | BELOW(b, a)) ? (a) : (b))
#define LOWERED(a, b) ((COMPLEX_IS_NAN(a) | BELOW(a, b)) ? (a) : (b))
TERNARY_LOOPS(clip, COMPLEXES, LOWERED(RAISED(a, b), c))

OP(clip) = {
        .name = "clip",
        .doc  = "The elements of a, moved to the nearer end where they lie outside of the interval from min to max.\n\n"
                "Where min is greater than max, the result is max.",
        .family  = FAMILY_MAP,
        .inputs  = "a, min, max",
        .n_in    = 3,
        .kernels = KERNELS(TERNARY_ROWS(ALL, clip)),
};
