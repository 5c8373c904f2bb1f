/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* IEEE half precision, round to nearest even, in plain C: the same bits on every CPU, and no branches, so that a
 * loop over an array of halves becomes vector code. Each function rounds once, straight from its argument. NaN
 * keeps the bits of its payload that fit; where none does, the last one is set, because it must not become
 * infinity.
 *
 * All three cases (normal, subnormal, neither) are computed and one is selected. Halves below 2^-14 count units of
 * 2^-24: added to a number whose last bit is worth 2^-24, the FPU rounds to such units for us. */
#include <stdint.h>
#include <string.h>

static inline uint32_t f32_bits(float v) {
        uint32_t bits;

        memcpy(&bits, &v, sizeof(bits));
        return bits;
}

static inline float f32_from_bits(uint32_t bits) {
        float v;

        memcpy(&v, &bits, sizeof(v));
        return v;
}

static inline uint64_t f64_bits(double v) {
        uint64_t bits;

        memcpy(&bits, &v, sizeof(bits));
        return bits;
}

static inline double f64_from_bits(uint64_t bits) {
        double v;

        memcpy(&v, &bits, sizeof(v));
        return v;
}

static inline uint16_t f16_from_f32(float v) {
        uint32_t bits = f32_bits(v), a = bits & 0x7fffffff, sign = bits >> 16 & 0x8000;
        /* The exponent's bias goes from 127 to 15; a carry out of the significand is one more in the exponent. */
        uint32_t normal = (a - (112u << 23) + 0xfff + (a >> 13 & 1)) >> 13;
        uint32_t small = f32_bits(f32_from_bits(a) + 0.5f) - f32_bits(0.5f);
        uint32_t payload = a >> 13 & 0x3ff;
        uint32_t nan = 0x7c00 | payload | (payload == 0);
        uint32_t ret = a < (113u << 23) ? small : normal;

        ret = a >= 0x477ff000 ? 0x7c00 : ret; /* 65520, half way from the largest half to 2^16 */
        ret = a > 0x7f800000 ? nan : ret;
        return (uint16_t) (sign | ret);
}

static inline uint16_t f16_from_f64(double v) {
        uint64_t bits = f64_bits(v), a = bits & 0x7fffffffffffffff, sign = bits >> 48 & 0x8000;
        uint64_t normal = (a - (1008ull << 52) + 0x1ffffffffff + (a >> 42 & 1)) >> 42;
        uint64_t small = f64_bits(f64_from_bits(a) + 0x1p28) - f64_bits(0x1p28);
        uint64_t payload = a >> 42 & 0x3ff;
        uint64_t nan = 0x7c00 | payload | (payload == 0);
        uint64_t ret = a < (1009ull << 52) ? small : normal;

        ret = a >= 0x40effe0000000000 ? 0x7c00 : ret;
        ret = a > 0x7ff0000000000000 ? nan : ret;
        return (uint16_t) (sign | ret);
}

static inline float f16_to_f32(uint16_t v) {
        uint32_t a = v & 0x7fff, sign = (uint32_t) (v & 0x8000) << 16;
        uint32_t normal = (a << 13) + (112u << 23);
        uint32_t small = f32_bits((float) (int32_t) a * 0x1p-24f);
        uint32_t ret = a < 0x400 ? small : normal;

        ret = a >= 0x7c00 ? ret + (112u << 23) : ret; /* infinity and NaN have the largest exponent in both */
        return f32_from_bits(sign | ret);
}
