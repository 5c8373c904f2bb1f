/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Element types. Promotion follows NEP 50 (NumPy 2) whatever NumPy is installed: the result depends on dtypes only,
 * and a Python scalar is "weak": it takes part with its kind, not with its value. */
#include "base/error.h"
#include "tensor/half.h" /* f16_from_f32(), f16_from_f64(), f16_to_f32() */

/* The order is NumPy's order of ufunc loops, so the first kernel to which inputs cast safely is the one NumPy takes. */
typedef enum DType {
        DTYPE_BOOL,
        DTYPE_I8,
        DTYPE_U8,
        DTYPE_I16,
        DTYPE_U16,
        DTYPE_I32,
        DTYPE_U32,
        DTYPE_I64,
        DTYPE_U64,
        DTYPE_F16,
        DTYPE_F32,
        DTYPE_F64,
        DTYPE_C64,
        DTYPE_C128,
        _DTYPE_MAX,
        DTYPE_NONE = 0xff, /* "not given" in parameters */
} DType;

typedef enum DKind { KIND_BOOL, KIND_INT, KIND_UINT, KIND_FLOAT, KIND_COMPLEX } DKind;

/* A Python scalar in an expression: no dtype of its own, only a kind. */
typedef enum Weak { WEAK_NONE, WEAK_BOOL, WEAK_INT, WEAK_FLOAT, WEAK_COMPLEX } Weak;

typedef enum Casting { CASTING_NO, CASTING_EQUIV, CASTING_SAFE, CASTING_SAME_KIND, CASTING_UNSAFE } Casting;

/* One value of any dtype, in its own representation (a float16 is its 2 bytes). */
typedef struct Scalar {
        DType dtype;
        union {
                uint8_t bytes[16];
                bool b;
                int64_t i64;
                uint64_t u64;
                float f32;
                double f64;
                double c128[2];
        };
} Scalar;

extern const uint8_t dtype_sizes[_DTYPE_MAX];

/* Bytes of an element: asked several times for every task, so it is here. */
static inline size_t dtype_size(DType t) {
        assert((unsigned) t < _DTYPE_MAX);
        return dtype_sizes[t];
}

DKind dtype_kind(DType t);
const char *dtype_name(DType t);     /* "float64" */
const char *dtype_code(DType t);     /* "<f8", as in .npy and __array_interface__ */
bool dtype_from_name(const char *name, DType *ret); /* "float64", "f8", "<f8", "d", "float"; false when unknown */

/* The smallest dtype to which both cast safely (NEP 50). */
DType dtype_promote(DType a, DType b);
/* The dtype of `a` with a weak scalar: dtype_promote_weak(F32, WEAK_FLOAT) = F32, (I64, WEAK_FLOAT) = F64. */
DType dtype_promote_weak(DType a, Weak weak);
/* The dtype that a weak scalar has when it stands alone: bool, int64, float64, complex128. */
DType dtype_of_weak(Weak weak);
bool dtype_can_cast(DType from, DType to, Casting casting);
bool casting_from_name(const char *name, Casting *ret);

DType dtype_real(DType t);           /* complex64 -> float32; others unchanged */
DType dtype_complex(DType t);        /* the complex type that holds t */
DType dtype_inexact(DType t);        /* float for ints and bool (float64), itself otherwise: the dtype of mean() */

/* Conversion of single values as astype() does it: C semantics, wrap-around for integers. Bytes past the value are
 * 0, so that equal scalars are equal in all 16. */
Scalar scalar_from_f64(DType t, double v);
Scalar scalar_from_i64(DType t, int64_t v);
Scalar scalar_cast(Scalar s, DType to);
double scalar_f64(Scalar s); /* complex: its real part */
int64_t scalar_i64(Scalar s);
/* False when an integer value does not fit the integer dtype (NEP 50 raises OverflowError then). */
bool scalar_fits(Scalar s, DType to);

/* What C leaves undefined when a number does not fit is defined here once, for kernels and scalars alike, as NumPy
 * has it on x86-64: the smallest integer, also for NaN. All integers up to 32 bits but uint32 take the low bits of
 * i32_from_f64(), uint32 those of i64_from_f64(). */
static inline int32_t i32_from_f64(double v) {
        return ((v > -2147483649.0) & (v < 2147483648.0)) ? (int32_t) v : INT32_MIN;
}
static inline int64_t i64_from_f64(double v) {
        return ((v >= -0x1p63) & (v < 0x1p63)) ? (int64_t) v : INT64_MIN;
}
static inline uint64_t u64_from_f64(double v) {
        return (uint64_t) i64_from_f64(v >= 0x1p63 ? v - 0x1p63 : v) ^ (uint64_t) (v >= 0x1p63) << 63;
}
