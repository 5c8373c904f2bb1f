/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/complex-math.h"
#include "ops/strip.h"

/* Integers by squaring; their negative powers, which clients refuse if they see them, are 0 but for 1 and -1. */
#define INTEGER_POWER_(D, ...)                                                                                         \
        static inline CTYPE_##D power_of_##D(CTYPE_##D a, CTYPE_##D b) {                                               \
                UNSIGNED_##D base = (UNSIGNED_##D) a, n = (UNSIGNED_##D) b, r = 1;                                     \
                                                                                                                       \
                if (IS_NEGATIVE(b))                                                                                    \
                        return a == 1 ? 1 : a == (CTYPE_##D) -1 ? (b & 1 ? a : 1) : 0;                                 \
                for (; n != 0; n >>= 1) {                                                                              \
                        r = n & 1 ? (UNSIGNED_##D) ((uint64_t) r * base) : r;                                          \
                        base = (UNSIGNED_##D) ((uint64_t) base * base);                                                \
                }                                                                                                      \
                return (CTYPE_##D) r;                                                                                  \
        }                                                                                                              \
        BINARY_LOOP_(D, D, power, power_of_##D(a, b))
#define IS_NEGATIVE(b) ((b) < 0)
SIGNED(INTEGER_POWER_, )
#undef IS_NEGATIVE
#define IS_NEGATIVE(b) false
UNSIGNED(INTEGER_POWER_, )
STRIP_BINARY_(power, vm_pow)
BINARY_LOOP_(C64, C64, power, c128_pow(c128_of(RE(a), IM(a)), c128_of(RE(b), IM(b))))
BINARY_LOOP_(C128, C128, power, c128_pow(a, b))

OP(power) = {
        .name    = "power",
        .doc     = "a to the power of b, element by element.\n\n"
                   "Integers stay integers and wrap around. They have no negative powers: ValueError where the "
                   "exponent is a number or an array; 0, 1 or -1 where it is computed.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(INTEGERS, power) BINARY_WHOLE_ROWS(FLOATS, power) BINARY_ROWS(COMPLEXES, power)),
};

OP(float_power) = {
        .name    = "float_power",
        .doc     = "a to the power of b, element by element, as float64 or complex128.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_WHOLE_ROW_(F64, power) BINARY_ROW_(C128, power)),
};
