/* SPDX-License-Identifier: Apache-2.0 */
/* Euclid's algorithm, of absolute values: that of the most negative integer is what it is as an unsigned number. */
#include "ops/kernel.h"
#include "ops/refuse.h"

static inline uint64_t gcd(uint64_t a, uint64_t b) {
        while (b != 0) {
                uint64_t rest = a % b;

                a = b;
                b = rest;
        }
        return a;
}

static inline uint64_t lcm(uint64_t a, uint64_t b) {
        uint64_t divisor = gcd(a, b);

        return divisor == 0 ? 0 : a / divisor * b;
}

#define SIGNED_ABS(a) ((uint64_t) ((a) < 0 ? -(int64_t) (a) : (a)))
BINARY_LOOPS(gcd, SIGNED, gcd(SIGNED_ABS(a), SIGNED_ABS(b)))
BINARY_LOOPS(gcd, UNSIGNED, gcd(a, b))
BINARY_LOOPS(lcm, SIGNED, lcm(SIGNED_ABS(a), SIGNED_ABS(b)))
BINARY_LOOPS(lcm, UNSIGNED, lcm(a, b))

OP(gcd) = {
        .name    = "gcd",
        .doc     = "Greatest common divisor of a and b; of 0 and b it is b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .infer   = infer_no_bool,
        .kernels = KERNELS(BINARY_ROWS(INTEGERS, gcd)),
};

OP(lcm) = {
        .name    = "lcm",
        .doc     = "Least common multiple of a and b; zero if either is zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .infer   = infer_no_bool,
        .kernels = KERNELS(BINARY_ROWS(INTEGERS, lcm)),
};
