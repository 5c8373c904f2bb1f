/* SPDX-License-Identifier: Apache-2.0 */
/* Division with a rest: floor_divide rounds down and remainder has the sign of the divisor, as Python has them; fmod has the
 * sign of the dividend, as C has it. Integers divided by zero give zero, and the most negative one divided by -1 itself. */
#include "ops/kernel.h"

/* A divisor with which C can divide, for the two with which it cannot. */
#define SAFE(b) ((b) == 0 || (b) == (T) -1 ? 1 : (b))

#define SIGNED_QUOTIENT(a, b)                                                                                          \
        ((b) == 0 ? 0 : (b) == -1 ? (T) -(a) : (T) ((a) / SAFE(b) - (((a) % SAFE(b) != 0) & (((a) ^ (b)) < 0))))
#define SIGNED_REST(a, b) ((T) ((a) % SAFE(b) + ((((a) % SAFE(b) != 0) & (((a) ^ (b)) < 0)) ? (b) : 0)))

/* Floats are divided as CPython divides them: the rest is exact, and the quotient follows from it. */
#define DIVIDE_FLOATS_(R, name, fmod_, floor_, copysign_)                                                              \
        static inline R name(R a, R b, R *ret_rest) {                                                                  \
                R rest = fmod_(a, b), quotient, whole;                                                                 \
                                                                                                                       \
                *ret_rest = rest;                                                                                      \
                if (b == 0)                                                                                            \
                        return a / b;                                                                                  \
                quotient = (a - rest) / b;                                                                             \
                if (rest == 0)                                                                                         \
                        *ret_rest = copysign_(0, b);                                                                   \
                else if ((b < 0) != (rest < 0)) {                                                                      \
                        *ret_rest = rest + b;                                                                          \
                        quotient -= 1;                                                                                 \
                }                                                                                                      \
                if (quotient == 0)                                                                                     \
                        return copysign_(0, a / b);                                                                    \
                whole = floor_(quotient);                                                                              \
                return quotient - whole > (R) 0.5 ? whole + 1 : whole;                                                 \
        }
DIVIDE_FLOATS_(float, divide_f32, fmodf, floorf, copysignf)
DIVIDE_FLOATS_(double, divide_f64, fmod, floor, copysign)
#define DIVIDE_FLOATS(a, b, rest) FLOAT_CALL(a, divide_f32, divide_f64)(a, b, rest)

BINARY_LOOPS(floor_divide, SIGNED, SIGNED_QUOTIENT(a, b))
BINARY_LOOPS(floor_divide, UNSIGNED, b == 0 ? 0 : a / (b == 0 ? 1 : b))
BINARY_LOOPS(floor_divide, FLOATS, ({ T rest; DIVIDE_FLOATS(a, b, &rest); }))

OP(floor_divide) = {
        .name    = "floor_divide",
        .doc     = "The largest integer that is not above the quotient of a and b.\n\n"
                   "Integers divided by zero give zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(REALS, floor_divide)),
};

BINARY_LOOPS(remainder, SIGNED, SIGNED_REST(a, b))
BINARY_LOOPS(remainder, UNSIGNED, b == 0 ? 0 : a % (b == 0 ? 1 : b))
BINARY_LOOPS(remainder, FLOATS, ({ T rest; (void) DIVIDE_FLOATS(a, b, &rest); rest; }))

OP(remainder) = {
        .name    = "remainder",
        .doc     = "What floor_divide leaves of a, with the sign of b.\n\n"
                   "Integers divided by zero leave zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(REALS, remainder)),
};

BINARY_LOOPS(fmod, SIGNED, a % SAFE(b))
BINARY_LOOPS(fmod, UNSIGNED, b == 0 ? 0 : a % (b == 0 ? 1 : b))
BINARY_LOOPS(fmod, FLOATS, FLOAT_FN(a, fmod)(a, b))

OP(fmod) = {
        .name    = "fmod",
        .doc     = "What a division that rounds towards zero leaves of a, with the sign of a.\n\n"
                   "Integers divided by zero leave zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(REALS, fmod)),
};

BINARY_PAIR_LOOPS(divmod, SIGNED, r = SIGNED_QUOTIENT(a, b); s = SIGNED_REST(a, b))
BINARY_PAIR_LOOPS(divmod, UNSIGNED, r = b == 0 ? 0 : a / (b == 0 ? 1 : b); s = b == 0 ? 0 : a % (b == 0 ? 1 : b))
BINARY_PAIR_LOOPS(divmod, FLOATS, r = DIVIDE_FLOATS(a, b, &s))

OP(divmod) = {
        .name    = "divmod",
        .doc     = "Quotient and rest of a and b: floor_divide and remainder at once.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .n_out   = 2,
        .kernels = KERNELS(BINARY_PAIR_ROWS(REALS, divmod)),
};
