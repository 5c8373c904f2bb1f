/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernel.h"
#include "ops/refuse.h"

BINARY_LOOPS(subtract, NUMBERS, a - b)
PRODUCT_LOOPS(subtract, WHOLE_FLOATS, a - b)

static int infer_subtract(const OpCall *call, Spec *out, Error *err) {
        if (call_is_bool(call))
                return error_set(err, ERROR_TYPE,
                                 "numpy boolean subtract, the `-` operator, is not supported, use the "
                                 "bitwise_xor, the `^` operator, or the logical_xor function instead.");
        return infer_map(call, out, err);
}

OP(subtract) = {
        .name    = "subtract",
        .doc     = "Difference of a and b, element by element.\n"
                   "\nBooleans have no difference; use logical_xor.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .infer   = infer_subtract,
        .kernels = KERNELS(BINARY_ROWS(INTEGERS, subtract) BINARY_ROW_(F16, subtract)
                           BINARY_PRODUCT_ROWS(WHOLE_FLOATS, subtract, MAP_DIFFERENCE)
                           BINARY_ROWS(COMPLEXES, subtract)),
};
