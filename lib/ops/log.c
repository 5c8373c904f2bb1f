/* SPDX-License-Identifier: Apache-2.0 */
/* Of complex numbers the branch cut of all logarithms is the negative real axis. */
#include "ops/complex-math.h"
#include "ops/strip.h"

STRIP_UNARY_COMPLEX(log, vm_log, c128_log)
OP(log) = {
        .name    = "log",
        .doc     = "Natural logarithm; NaN below zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = log_kernels,
};

STRIP_UNARY_COMPLEX(log2, vm_log2, c128_log2)
OP(log2) = {
        .name    = "log2",
        .doc     = "Logarithm to base two; NaN below zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = log2_kernels,
};

STRIP_UNARY_COMPLEX(log10, vm_log10, c128_log10)
OP(log10) = {
        .name    = "log10",
        .doc     = "Logarithm to base ten; NaN below zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = log10_kernels,
};

STRIP_UNARY_COMPLEX(log1p, vm_log1p, c128_log1p)
OP(log1p) = {
        .name    = "log1p",
        .doc     = "Natural logarithm of one more than the element; exact where the element is near zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = log1p_kernels,
};

STRIP_BINARY(logaddexp, vm_logaddexp)
OP(logaddexp) = {
        .name    = "logaddexp",
        .doc     = "Logarithm of the sum of e to the power of a and e to the power of b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = logaddexp_kernels,
};

STRIP_BINARY(logaddexp2, vm_logaddexp2)
OP(logaddexp2) = {
        .name    = "logaddexp2",
        .doc     = "Logarithm to base two of the sum of two to the power of a and two to the power of b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = logaddexp2_kernels,
};
