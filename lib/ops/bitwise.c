/* SPDX-License-Identifier: Apache-2.0 */
/* Bits of integers. A shift by the width or more, or by less than nothing, shifts everything out. */
#include "ops/kernel.h"

BINARY(bitwise_and, BITS, a & b)
BINARY(bitwise_or, BITS, a | b)
BINARY(bitwise_xor, BITS, a ^ b)
UNARY_LOOPS(invert, BOOLS, !a)
UNARY_LOOPS(invert, INTEGERS, ~a)

#define WIDTH(T) (8 * sizeof(T))
#define IN_WIDTH(T, b) ((uint64_t) (b) < WIDTH(T))
#define LEFT_SHIFT_LOOP_(D, op)                                                                                        \
        BINARY_LOOP_(D, D, op, IN_WIDTH(T, b) ? (T) ((UNSIGNED_##D) a << ((UNSIGNED_##D) b & (WIDTH(T) - 1))) : 0)
INTEGERS(LEFT_SHIFT_LOOP_, left_shift)
BINARY_LOOPS(right_shift, SIGNED, (T) (a >> (IN_WIDTH(T, b) ? b : (T) (WIDTH(T) - 1))))
BINARY_LOOPS(right_shift, UNSIGNED, IN_WIDTH(T, b) ? (T) (a >> (b & (WIDTH(T) - 1))) : 0)

OP(bitwise_and) = {
        .name    = "bitwise_and",
        .doc     = "Bits that are set in both a and b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = bitwise_and_kernels,
};

OP(bitwise_or) = {
        .name    = "bitwise_or",
        .doc     = "Bits that are set in a or b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = bitwise_or_kernels,
};

OP(bitwise_xor) = {
        .name    = "bitwise_xor",
        .doc     = "Bits that are set in just one of a and b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = bitwise_xor_kernels,
};

OP(invert) = {
        .name    = "invert",
        .doc     = "All bits turned; of booleans the opposite.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(BITS, invert)),
};

OP(left_shift) = {
        .name    = "left_shift",
        .doc     = "The bits of a moved up by b places, zeros following.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(INTEGERS, left_shift)),
};

OP(right_shift) = {
        .name    = "right_shift",
        .doc     = "The bits of a moved down by b places, the sign following.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_ROWS(INTEGERS, right_shift)),
};
