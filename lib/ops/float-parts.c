/* SPDX-License-Identifier: Apache-2.0 */
/* How floats are made: classes, neighbours, significand and exponent. All of it is exact. */
#include "ops/complex.h"

#define ABS(a) FLOAT_FN(a, fabs)(a)
#define FLOAT_CLASS(name, of_integer, expr, joined)                                                                    \
        UNARY_LOOPS_TO(BOOL, name, BITS, of_integer)                                                                   \
        UNARY_LOOPS_TO(BOOL, name, FLOATS, expr(a))                                                                    \
        UNARY_LOOPS_TO(BOOL, name, COMPLEXES, expr(RE(a)) joined expr(IM(a)))                                          \
        static const MapKernel name##_kernels[] = { UNARY_ROWS_TO(ALL, BOOL, name) {} };
#define IS_INF(a) (ABS(a) == (__typeof__(a)) INFINITY)
#define IS_FINITE(a) (ABS(a) < (__typeof__(a)) INFINITY)
FLOAT_CLASS(isnan, false, IS_NAN, |)
FLOAT_CLASS(isinf, false, IS_INF, |)
FLOAT_CLASS(isfinite, true, IS_FINITE, &)

OP(isnan) = {
        .name    = "isnan",
        .doc     = "Whether an element is not a number.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = isnan_kernels,
};

OP(isinf) = {
        .name    = "isinf",
        .doc     = "Whether an element is positive or negative infinity.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = isinf_kernels,
};

OP(isfinite) = {
        .name    = "isfinite",
        .doc     = "Whether an element is neither infinite nor NaN.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = isfinite_kernels,
};

/* Bits of floats of one sign are ordered as the floats are, so the neighbour is one more or one less. */
#define NEIGHBOUR_(name, U, sign_bit, infinity)                                                                        \
        static inline U name(U a, U b) {                                                                               \
                U abs_a = a & (U) ~(sign_bit), abs_b = b & (U) ~(sign_bit);                                            \
                bool same_sign = ((a ^ b) & (sign_bit)) == 0;                                                          \
                U next = same_sign && abs_a < abs_b ? (U) (a + 1) : (U) (a - 1);                                       \
                                                                                                                       \
                next = abs_a == 0 ? (U) ((b & (sign_bit)) | 1) : next;                                                 \
                next = a == b || (abs_a | abs_b) == 0 ? b : next;                                                      \
                next = abs_b > (infinity) ? b : next;                                                                  \
                return abs_a > (infinity) ? a : next;                                                                  \
        }
NEIGHBOUR_(next_f16, uint16_t, 0x8000, 0x7c00)
NEIGHBOUR_(next_f32, uint32_t, 0x80000000, 0x7f800000)
NEIGHBOUR_(next_f64, uint64_t, UINT64_C(0x8000000000000000), UINT64_C(0x7ff0000000000000))

/* In bits: a half is not computed as a float here. */
MAP_FUNCTION_(nextafter_F16) {
        const uint16_t *restrict a = arg[0], *restrict b = arg[1];
        uint16_t *restrict out = arg[2];

        for (size_t i = 0; i < n; i++)
                out[i] = next_f16(a[i], b[i]);
}
BINARY_LOOP_(F32, F32, nextafter, f32_from_bits(next_f32(f32_bits(a), f32_bits(b))))
BINARY_LOOP_(F64, F64, nextafter, f64_from_bits(next_f64(f64_bits(a), f64_bits(b))))

OP(nextafter) = {
        .name    = "nextafter",
        .doc     = "The neighbour of a on the way to b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .kernels = KERNELS(BINARY_WHOLE_ROW_(F16, nextafter) BINARY_ROW_(F32, nextafter) BINARY_ROW_(F64, nextafter)),
};

/* From a to its neighbour away from zero; NaN of what has none. Halves have the distance to the next above instead, and
 * infinity past the largest, which is how NumPy has them. */
MAP_FUNCTION_(spacing_F16) {
        const uint16_t *restrict a = arg[0];
        uint16_t *restrict out = arg[1];

        for (size_t i = 0; i < n; i++) {
                float next = f16_to_f32(next_f16(a[i], 0x7c00)), distance = next - f16_to_f32(a[i]);

                out[i] = (a[i] & 0x7fff) >= 0x7c00 ? 0x7e00 : f16_from_f32(distance);
        }
}
UNARY_LOOP_(F32, F32, spacing,
            IS_FINITE(a) ? f32_from_bits(next_f32(f32_bits(a), f32_bits(a < 0 ? -INFINITY : INFINITY))) - a : NAN)
UNARY_LOOP_(F64, F64, spacing,
            IS_FINITE(a) ? f64_from_bits(next_f64(f64_bits(a), f64_bits(a < 0 ? -INFINITY : INFINITY))) - a : NAN)

OP(spacing) = {
        .name    = "spacing",
        .doc     = "Distance from an element to its neighbour away from zero.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROWS(FLOATS, spacing)),
};

/* ldexp() takes an int; what lies beyond has the same result as its limits. */
#define CLAMPED(b) ((b) < -100000 ? -100000 : (b) > 100000 ? 100000 : (int) (b))
#define LDEXP_LOOP_(D, E, fn)                                                                                          \
        MAP_FUNCTION_(ldexp_##D##_##E) {                                                                               \
                const MEMORY_##D *restrict a = arg[0];                                                                 \
                const MEMORY_##E *restrict b = arg[1];                                                                 \
                MEMORY_##D *restrict out = arg[2];                                                                     \
                                                                                                                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        out[i] = STORE_##D(fn(LOAD_##D(a[i]), CLAMPED(b[i])));                                         \
        }
#define LDEXP_ROW_(D, E) { { DTYPE_##D, DTYPE_##E }, { DTYPE_##D, DTYPE_NONE }, ldexp_##D##_##E, {} },
LDEXP_LOOP_(F16, I32, ldexpf)
LDEXP_LOOP_(F16, I64, ldexpf)
LDEXP_LOOP_(F32, I32, ldexpf)
LDEXP_LOOP_(F32, I64, ldexpf)
LDEXP_LOOP_(F64, I32, ldexp)
LDEXP_LOOP_(F64, I64, ldexp)

OP(ldexp) = {
        .name    = "ldexp",
        .doc     = "a times two to the power of b.",
        .family  = FAMILY_MAP,
        .inputs  = "a, b",
        .n_in    = 2,
        .shared  = 0b01,
        .kernels = KERNELS(LDEXP_ROW_(F16, I32) LDEXP_ROW_(F16, I64) LDEXP_ROW_(F32, I32)
                           LDEXP_ROW_(F32, I64) LDEXP_ROW_(F64, I32) LDEXP_ROW_(F64, I64)),
};

/* Infinity and NaN have the exponent 0, whatever the C library says. */
#define FREXP_LOOP_(D, fn)                                                                                             \
        MAP_FUNCTION_(frexp_##D) {                                                                                     \
                const MEMORY_##D *restrict a = arg[0];                                                                 \
                MEMORY_##D *restrict significand = arg[1];                                                             \
                int32_t *restrict exponent = arg[2];                                                                   \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        int e = 0;                                                                                     \
                                                                                                                       \
                        significand[i] = STORE_##D(fn(LOAD_##D(a[i]), &e));                                            \
                        exponent[i] = IS_FINITE(LOAD_##D(a[i])) ? e : 0;                                               \
                }                                                                                                      \
        }
#define FREXP_ROW_(D) { { DTYPE_##D }, { DTYPE_##D, DTYPE_I32 }, frexp_##D, {} },
FREXP_LOOP_(F16, frexpf)
FREXP_LOOP_(F32, frexpf)
FREXP_LOOP_(F64, frexp)

OP(frexp) = {
        .name    = "frexp",
        .doc     = "A significand in [0.5, 1) and an exponent of two whose product is the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .n_out   = 2,
        .kernels = KERNELS(FREXP_ROW_(F16) FREXP_ROW_(F32) FREXP_ROW_(F64)),
};

#define MODF_LOOP_(D)                                                                                                  \
        MAP_FUNCTION_(modf_##D) {                                                                                      \
                const MEMORY_##D *restrict in_a = arg[0];                                                              \
                MEMORY_##D *restrict fraction = arg[1], *restrict whole = arg[2];                                      \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const CTYPE_##D a = LOAD_##D(in_a[i]), t = FLOAT_FN(a, trunc)(a);                              \
                        const CTYPE_##D rest = IS_INF(a) ? 0 : a - t;                                                  \
                                                                                                                       \
                        fraction[i] = STORE_##D(FLOAT_FN(a, copysign)(rest, a));                                       \
                        whole[i] = STORE_##D(t);                                                                       \
                }                                                                                                      \
        }
#define MODF_ROW_(D) { { DTYPE_##D }, { DTYPE_##D, DTYPE_##D }, modf_##D, {} },
MODF_LOOP_(F16)
MODF_LOOP_(F32)
MODF_LOOP_(F64)

OP(modf) = {
        .name    = "modf",
        .doc     = "The part behind the point and the integer part, both with the sign of the element.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .n_out   = 2,
        .kernels = KERNELS(MODF_ROW_(F16) MODF_ROW_(F32) MODF_ROW_(F64)),
};
