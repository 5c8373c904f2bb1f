/* SPDX-License-Identifier: Apache-2.0 */
/* All pairs of dtypes. What an integer type cannot hold is defined in tensor/dtype.h. */
#include "ops/complex.h"

/* i32_from_f64() of a float, in half as many vectors. */
static inline int32_t i32_from_f32(float v) {
        return ((v >= -0x1p31f) & (v < 0x1p31f)) ? (int32_t) v : INT32_MIN;
}

/* gcc 12 makes float of uint32 by a fused multiply-add, which is exact, but which the law against them cannot know. */
#define FLOAT_OF(v) _Generic((v), bool: (v) ? 1.0f : 0.0f, uint32_t: (float) (double) (v), default: (float) (v))
/* Of a bool it makes no vectors unless it is a choice. */
#define DOUBLE_OF(v) _Generic((v), bool: (v) ? 1.0 : 0.0, default: (double) (v))

/* From integers and bool, from float, from double: to each dtype. */
#define INT_TO_BOOL(v) ((v) != 0)
#define INT_TO_I8(v) ((int8_t) (v))
#define INT_TO_U8(v) ((uint8_t) (v))
#define INT_TO_I16(v) ((int16_t) (v))
#define INT_TO_U16(v) ((uint16_t) (v))
#define INT_TO_I32(v) ((int32_t) (v))
#define INT_TO_U32(v) ((uint32_t) (v))
#define INT_TO_I64(v) ((int64_t) (v))
#define INT_TO_U64(v) ((uint64_t) (v))
#define INT_TO_F16(v) f16_from_f32(FLOAT_OF(v))
#define INT_TO_F32(v) FLOAT_OF(v)
#define INT_TO_F64(v) DOUBLE_OF(v)
#define INT_TO_C64(v) c64_of(FLOAT_OF(v), 0)
#define INT_TO_C128(v) c128_of(DOUBLE_OF(v), 0)

#define F32_TO_BOOL(v) ((v) != 0)
#define F32_TO_I8(v) ((int8_t) i32_from_f32(v))
#define F32_TO_U8(v) ((uint8_t) i32_from_f32(v))
#define F32_TO_I16(v) ((int16_t) i32_from_f32(v))
#define F32_TO_U16(v) ((uint16_t) i32_from_f32(v))
#define F32_TO_I32(v) i32_from_f32(v)
#define F32_TO_U32(v) ((uint32_t) i64_from_f64(v))
#define F32_TO_I64(v) i64_from_f64(v)
#define F32_TO_U64(v) u64_from_f64(v)
#define F32_TO_F16(v) f16_from_f32(v)
#define F32_TO_F32(v) (v)
#define F32_TO_F64(v) ((double) (v))
#define F32_TO_C64(v) c64_of((v), 0)
#define F32_TO_C128(v) c128_of((v), 0)

#define F64_TO_BOOL(v) ((v) != 0)
#define F64_TO_I8(v) ((int8_t) i32_from_f64(v))
#define F64_TO_U8(v) ((uint8_t) i32_from_f64(v))
#define F64_TO_I16(v) ((int16_t) i32_from_f64(v))
#define F64_TO_U16(v) ((uint16_t) i32_from_f64(v))
#define F64_TO_I32(v) i32_from_f64(v)
#define F64_TO_U32(v) ((uint32_t) i64_from_f64(v))
#define F64_TO_I64(v) i64_from_f64(v)
#define F64_TO_U64(v) u64_from_f64(v)
#define F64_TO_F16(v) f16_from_f64(v)
#define F64_TO_F32(v) ((float) (v))
#define F64_TO_F64(v) (v)
#define F64_TO_C64(v) c64_of((float) (v), 0)
#define F64_TO_C128(v) c128_of((v), 0)

/* Complex numbers lose their imaginary part, except to another complex type and to bool. */
#define COMPLEX_TO_REAL_(z, O) _Generic(RE(z), float: F32_TO_##O((float) RE(z)), double: F64_TO_##O((double) RE(z)))
#define COMPLEX_TO_BOOL(z) ((RE(z) != 0) | (IM(z) != 0))
#define COMPLEX_TO_I8(z) COMPLEX_TO_REAL_(z, I8)
#define COMPLEX_TO_U8(z) COMPLEX_TO_REAL_(z, U8)
#define COMPLEX_TO_I16(z) COMPLEX_TO_REAL_(z, I16)
#define COMPLEX_TO_U16(z) COMPLEX_TO_REAL_(z, U16)
#define COMPLEX_TO_I32(z) COMPLEX_TO_REAL_(z, I32)
#define COMPLEX_TO_U32(z) COMPLEX_TO_REAL_(z, U32)
#define COMPLEX_TO_I64(z) COMPLEX_TO_REAL_(z, I64)
#define COMPLEX_TO_U64(z) COMPLEX_TO_REAL_(z, U64)
#define COMPLEX_TO_F16(z) COMPLEX_TO_REAL_(z, F16)
#define COMPLEX_TO_F32(z) COMPLEX_TO_REAL_(z, F32)
#define COMPLEX_TO_F64(z) COMPLEX_TO_REAL_(z, F64)
#define COMPLEX_TO_C64(z) c64_of((float) RE(z), (float) IM(z))
#define COMPLEX_TO_C128(z) c128_of(RE(z), IM(z))

#define CAST_LOOP_(D, CLASS, O)                                                                                        \
        MAP_FUNCTION_(cast_##D##_##O) {                                                                                \
                const MEMORY_##D *restrict in = arg[0];                                                                \
                MEMORY_##O *restrict out = arg[1];                                                                     \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const CTYPE_##D a = LOAD_##D(in[i]);                                                           \
                        out[i] = CLASS##_TO_##O(a);                                                                    \
                }                                                                                                      \
        }
#define CAST_ROW_(D, CLASS, O)                                                                                         \
        { { DTYPE_##D },                                                                                               \
          { DTYPE_##O, DTYPE_NONE },                                                                                   \
          cast_##D##_##O,                                                                                              \
          { {}, {}, IS_NUMBER_(DTYPE_##D, DTYPE_##O) ? MAP_NUMBER : MAP_ANY } },
#define IS_NUMBER_(from, to) ((from) == DTYPE_BOOL && ((to) == DTYPE_F32 || (to) == DTYPE_F64))

#define TO_ALL_(X, D, CLASS)                                                                                           \
        X(D, CLASS, BOOL) X(D, CLASS, I8) X(D, CLASS, U8) X(D, CLASS, I16) X(D, CLASS, U16) X(D, CLASS, I32)           \
        X(D, CLASS, U32) X(D, CLASS, I64) X(D, CLASS, U64) X(D, CLASS, F16) X(D, CLASS, F32) X(D, CLASS, F64)          \
        X(D, CLASS, C64) X(D, CLASS, C128)
#define ALL_PAIRS(X)                                                                                                   \
        TO_ALL_(X, BOOL, INT) TO_ALL_(X, I8, INT) TO_ALL_(X, U8, INT) TO_ALL_(X, I16, INT) TO_ALL_(X, U16, INT)        \
        TO_ALL_(X, I32, INT) TO_ALL_(X, U32, INT) TO_ALL_(X, I64, INT) TO_ALL_(X, U64, INT) TO_ALL_(X, F16, F32)       \
        TO_ALL_(X, F32, F32) TO_ALL_(X, F64, F64) TO_ALL_(X, C64, COMPLEX) TO_ALL_(X, C128, COMPLEX)

ALL_PAIRS(CAST_LOOP_)

OP(cast) = {
        .name        = "cast",
        .doc         = "The elements of a in another dtype.\n\n"
                       "Integers wrap around, floats are rounded to nearest or cut to integers, complex numbers lose "
                       "their\n"
                       "imaginary part.",
        .family      = FAMILY_MAP,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(CastParams),
        .params      = (const Param[]) { PARAM(CastParams, dtype, PARAM_DTYPE, NULL, "dtype of the result."), {} },
        .kernels     = KERNELS(ALL_PAIRS(CAST_ROW_)),
};
