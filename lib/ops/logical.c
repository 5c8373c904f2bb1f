/* SPDX-License-Identifier: Apache-2.0 */
/* Truth of numbers: all but zero is true, NaN too. */
#include "ops/complex.h"

#define TRUE(a) ((a) != 0)
#define TRUE_COMPLEX(a) ((RE(a) != 0) | (IM(a) != 0))
#define LOGICAL(name, joined)                                                                                          \
        BINARY_LOOPS_TO(BOOL, name, ORDERED, TRUE(a) joined TRUE(b))                                                   \
        BINARY_LOOPS_TO(BOOL, name, COMPLEXES, TRUE_COMPLEX(a) joined TRUE_COMPLEX(b))                                 \
        static const MapKernel name##_kernels[] = { BINARY_ROWS_TO(ALL, BOOL, name) {} };

LOGICAL(logical_and, &)
LOGICAL(logical_or, |)
LOGICAL(logical_xor, ^)
UNARY_LOOPS_TO(BOOL, logical_not, ORDERED, !TRUE(a))
UNARY_LOOPS_TO(BOOL, logical_not, COMPLEXES, !TRUE_COMPLEX(a))

OP(logical_and) = {
        .name    = "logical_and",
        .doc     = "Whether both elements are true, that is, not zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = logical_and_kernels,
};

OP(logical_or) = {
        .name    = "logical_or",
        .doc     = "Whether either element is true, that is, not zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = logical_or_kernels,
};

OP(logical_xor) = {
        .name    = "logical_xor",
        .doc     = "Whether just one of the elements is true, that is, not zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = logical_xor_kernels,
};

OP(logical_not) = {
        .name    = "logical_not",
        .doc     = "Whether the element is zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS_TO(ALL, BOOL, logical_not)),
};
