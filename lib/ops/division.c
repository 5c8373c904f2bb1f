/* SPDX-License-Identifier: Apache-2.0 */
/* Division with a rest: floor_divide rounds down and remainder has the sign of the divisor, as Python has them; fmod
 * has the sign of the dividend, as C has it. Integers divided by zero give zero, and the most negative one divided
 * by -1 itself. */
#include "ops/kernel.h"

/* A divisor with which C can divide, for the two with which it cannot. */
#define SAFE(b) ((b) == 0 || (b) == (T) -1 ? 1 : (b))

#define SIGNED_QUOTIENT(a, b)                                                                                          \
        ((b) == 0 ? 0 : (b) == -1 ? (T) -(a) : (T) ((a) / SAFE(b) - (((a) % SAFE(b) != 0) & (((a) ^ (b)) < 0))))
#define SIGNED_REST(a, b) ((T) ((a) % SAFE(b) + ((((a) % SAFE(b) != 0) & (((a) ^ (b)) < 0)) ? (b) : 0)))

/* ---- Floats
 * --------------------------------------------------------------------------------------------------------------
 *
 * They are divided as CPython divides them: the rest of fmod() is exact, and the quotient follows from it. fmod() is
 * a loop over bits; for quotients below 2^51 there is a way that vectors can go: a - q b is exact when the product
 * is a pair of doubles (Veltkamp's and Dekker's splitting), a less its high part is exact because they are that
 * near, and the rest is a number of b's own units. The quotient may have been rounded up to the next integer, then
 * the rest has the other sign and gets one b back. An element for which that cannot be done raises *bad, and the
 * strip goes to fmod(): the same bits where both can. */
static inline double rest_fast(double a, double b, int *bad) {
        double abs_a = fabs(a), abs_b = fabs(b), q = trunc(abs_a / abs_b);
        double q_hi = q * 0x1.0000002p27, b_hi = abs_b * 0x1.0000002p27, q_lo, b_lo, p, p_lo, rest;

        q_hi = q_hi - (q_hi - q);
        b_hi = b_hi - (b_hi - abs_b);
        q_lo = q - q_hi;
        b_lo = abs_b - b_hi;
        p = q * abs_b;
        p_lo = ((q_hi * b_hi - p) + q_hi * b_lo + q_lo * b_hi) + q_lo * b_lo;
        rest = (abs_a - p) - p_lo;
        rest = rest < 0 ? rest + abs_b : rest;
        *bad |= !((q < 0x1p51) & (abs_b > 0x1p-900) & (abs_b < 0x1p900));
        return copysign(rest, a);
}

#define FLOAT_DIVISION_(R, name, floor_, copysign_)                                                                    \
        static inline R name##_quotient(R a, R b, R rest) {                                                            \
                R q = (a - rest) / b, whole;                                                                           \
                                                                                                                       \
                q = ((rest != 0) & ((b < 0) != (rest < 0))) ? q - 1 : q;                                               \
                whole = floor_(q);                                                                                     \
                whole = q - whole > (R) 0.5 ? whole + 1 : whole;                                                       \
                whole = q == 0 ? copysign_(0, a / b) : whole;                                                          \
                return b == 0 ? a / b : whole;                                                                         \
        }                                                                                                              \
        static inline R name##_remainder(R b, R rest) {                                                                \
                R r = (b < 0) != (rest < 0) ? rest + b : rest;                                                         \
                                                                                                                       \
                r = rest == 0 ? copysign_(0, b) : r;                                                                   \
                return b == 0 ? rest : r;                                                                              \
        }
FLOAT_DIVISION_(float, f32, floorf, copysignf)
FLOAT_DIVISION_(double, f64, floor, copysign)
#define FLOAT_QUOTIENT(a, b, rest) FLOAT_CALL(a, f32_quotient, f64_quotient)(a, b, rest)
#define FLOAT_REMAINDER(b, rest) FLOAT_CALL(b, f32_remainder, f64_remainder)(b, rest)

/* `stores` says what a, b and their rest give for out[i], and for second[i] if there are two outputs. */
#define REST_LOOP_(D, op, n_out, stores)                                                                               \
        MAP_FUNCTION_(op##_##D) {                                                                                      \
                typedef CTYPE_##D T;                                                                                   \
                const MEMORY_##D *restrict in_a = arg[0], *restrict in_b = arg[1];                                     \
                MEMORY_##D *restrict out = arg[2], *restrict second _unused_ = arg[1 + n_out];                         \
                int bad = 0;                                                                                           \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const T a = LOAD_##D(in_a[i]), b = LOAD_##D(in_b[i]), rest = (T) rest_fast(a, b, &bad);        \
                                                                                                                       \
                        stores(D)                                                                                      \
                }                                                                                                      \
                for (size_t i = 0; bad && i < n; i++) {                                                                \
                        const T a = LOAD_##D(in_a[i]), b = LOAD_##D(in_b[i]), rest = FLOAT_FN(a, fmod)(a, b);          \
                                                                                                                       \
                        stores(D)                                                                                      \
                }                                                                                                      \
        }
#define STORE_QUOTIENT(D) out[i] = STORE_##D(FLOAT_QUOTIENT(a, b, rest));
#define STORE_REMAINDER(D) out[i] = STORE_##D(FLOAT_REMAINDER(b, rest));
#define STORE_REST(D) out[i] = STORE_##D(rest);
#define STORE_BOTH(D)                                                                                                  \
        out[i] = STORE_##D(FLOAT_QUOTIENT(a, b, rest));                                                                \
        second[i] = STORE_##D(FLOAT_REMAINDER(b, rest));

/* ---- The operators
 * ------------------------------------------------------------------------------------------------------ */

BINARY_LOOPS(floor_divide, SIGNED, SIGNED_QUOTIENT(a, b))
BINARY_LOOPS(floor_divide, UNSIGNED, b == 0 ? 0 : a / (b == 0 ? 1 : b))
FLOATS(REST_LOOP_, floor_divide, 1, STORE_QUOTIENT)

OP(floor_divide) = {
        .name    = "floor_divide",
        .doc     = "The largest integer that is not above the quotient of a and b.\n\n"
                   "Integers divided by zero give zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(INTEGERS, floor_divide) BINARY_WHOLE_ROWS(FLOATS, floor_divide)),
};

BINARY_LOOPS(remainder, SIGNED, SIGNED_REST(a, b))
BINARY_LOOPS(remainder, UNSIGNED, b == 0 ? 0 : a % (b == 0 ? 1 : b))
FLOATS(REST_LOOP_, remainder, 1, STORE_REMAINDER)

OP(remainder) = {
        .name    = "remainder",
        .doc     = "What floor_divide leaves of a, with the sign of b.\n\n"
                   "Integers divided by zero leave zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(INTEGERS, remainder) BINARY_WHOLE_ROWS(FLOATS, remainder)),
};

BINARY_LOOPS(fmod, SIGNED, a % SAFE(b))
BINARY_LOOPS(fmod, UNSIGNED, b == 0 ? 0 : a % (b == 0 ? 1 : b))
FLOATS(REST_LOOP_, fmod, 1, STORE_REST)

OP(fmod) = {
        .name    = "fmod",
        .doc     = "What a division that rounds towards zero leaves of a, with the sign of a.\n\n"
                   "Integers divided by zero leave zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(INTEGERS, fmod) BINARY_WHOLE_ROWS(FLOATS, fmod)),
};

BINARY_PAIR_LOOPS(divmod, SIGNED, r = SIGNED_QUOTIENT(a, b); s = SIGNED_REST(a, b))
BINARY_PAIR_LOOPS(divmod, UNSIGNED, r = b == 0 ? 0 : a / (b == 0 ? 1 : b); s = b == 0 ? 0 : a % (b == 0 ? 1 : b))
FLOATS(REST_LOOP_, divmod, 2, STORE_BOTH)

OP(divmod) = {
        .name    = "divmod",
        .doc     = "Quotient and rest of a and b: floor_divide and remainder at once.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .n_out   = 2,
        .kernels = KERNELS(BINARY_PAIR_ROWS(REALS, divmod)),
};
