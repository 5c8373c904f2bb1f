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

/* ---- Of all elements --------------------------------------------------------------------------------------------- */

REDUCE_LOOPS(gcd, SIGNED, (T) gcd(SIGNED_ABS(a), SIGNED_ABS(b)))
REDUCE_LOOPS(gcd, UNSIGNED, (T) gcd(a, b))
static const Fold gcd_folds[] = { FOLD_ROWS_IDENTITY(INTEGERS, gcd, ZERO) {} };
REDUCE_LOOPS(lcm, SIGNED, (T) lcm(SIGNED_ABS(a), SIGNED_ABS(b)))
REDUCE_LOOPS(lcm, UNSIGNED, (T) lcm(a, b))
static const Fold lcm_folds[] = { FOLD_ROWS(INTEGERS, lcm) {} };

static int infer_integers(const OpCall *call, Spec *out, Error *err) {
        if (call_is_bool(call))
                return refuse_bool(call->op->folds == gcd_folds ? "gcd" : "lcm", "bool, bool", err);
        return infer_reduce(call, out, err);
}

OP(gcd_reduce) = {
        .name        = "gcd_reduce",
        .doc         = "Greatest common divisor of the elements along axes.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = gcd_folds,
        .infer       = infer_integers,
};

OP(lcm_reduce) = {
        .name        = "lcm_reduce",
        .doc         = "Least common multiple of the elements along axes.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .folds       = lcm_folds,
        .infer       = infer_integers,
};
