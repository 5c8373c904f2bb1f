/* SPDX-License-Identifier: Apache-2.0 */
/* One row per dtype. What a dtype casts to safely is written down, as a set; everything else about casting follows:
 * dtypes are ordered so that the promotion of two is the first one in both of their sets. */
#include <string.h>

#include "tensor/dtype.h"

#define SET(t) (1u << DTYPE_##t)

enum {
        SET_COMPLEX = SET(C64) | SET(C128),
        SET_FLOAT   = SET(F16) | SET(F32) | SET(F64) | SET_COMPLEX,
        SET_SINGLE  = SET(F32) | SET(F64) | SET_COMPLEX, /* holds all integers of 16 bits */
        SET_DOUBLE  = SET(F64) | SET(C128),              /* … of 32 bits, and by decree those of 64 */
};

typedef struct DTypeInfo {
        const char *name, *code;
        const char *aliases; /* other names that NumPy takes, with a space around each; one-letter codes first */
        uint8_t kind;
        uint16_t safe;
} DTypeInfo;

static const DTypeInfo infos[_DTYPE_MAX] = {
        [DTYPE_BOOL] = { "bool", "|b1", " ? bool_ bool8 ", KIND_BOOL, (1u << _DTYPE_MAX) - 1 },
        [DTYPE_I8]   = { "int8", "|i1", " b byte ", KIND_INT, SET(I8) | SET(I16) | SET(I32) | SET(I64) | SET_FLOAT },
        [DTYPE_U8]   = { "uint8", "|u1", " B ubyte ", KIND_UINT,
                         SET(U8) | SET(I16) | SET(U16) | SET(I32) | SET(U32) | SET(I64) | SET(U64) | SET_FLOAT },
        [DTYPE_I16]  = { "int16", "<i2", " h short ", KIND_INT, SET(I16) | SET(I32) | SET(I64) | SET_SINGLE },
        [DTYPE_U16]  = { "uint16", "<u2", " H ushort ", KIND_UINT,
                         SET(U16) | SET(I32) | SET(U32) | SET(I64) | SET(U64) | SET_SINGLE },
        [DTYPE_I32]  = { "int32", "<i4", " i intc ", KIND_INT, SET(I32) | SET(I64) | SET_DOUBLE },
        [DTYPE_U32]  = { "uint32", "<u4", " I uintc ", KIND_UINT, SET(U32) | SET(I64) | SET(U64) | SET_DOUBLE },
        [DTYPE_I64]  = { "int64", "<i8", " l q p int int_ intp int0 long longlong ", KIND_INT, SET(I64) | SET_DOUBLE },
        [DTYPE_U64] = { "uint64", "<u8", " L Q P uint uintp uint0 ulong ulonglong ", KIND_UINT, SET(U64) | SET_DOUBLE },
        [DTYPE_F16] = { "float16", "<f2", " e half ", KIND_FLOAT, SET_FLOAT },
        [DTYPE_F32] = { "float32", "<f4", " f single ", KIND_FLOAT, SET_SINGLE },
        [DTYPE_F64] = { "float64", "<f8", " d float float_ double ", KIND_FLOAT, SET_DOUBLE },
        [DTYPE_C64] = { "complex64", "<c8", " F csingle singlecomplex ", KIND_COMPLEX, SET_COMPLEX },
        [DTYPE_C128] = { "complex128", "<c16", " D complex complex_ cdouble cfloat ", KIND_COMPLEX, SET(C128) },
};

const uint8_t dtype_sizes[_DTYPE_MAX] = {
        [DTYPE_BOOL] = 1, [DTYPE_I8] = 1,  [DTYPE_U8] = 1,  [DTYPE_I16] = 2,   [DTYPE_U16] = 2,
        [DTYPE_I32] = 4,  [DTYPE_U32] = 4, [DTYPE_I64] = 8, [DTYPE_U64] = 8,   [DTYPE_F16] = 2,
        [DTYPE_F32] = 4,  [DTYPE_F64] = 8, [DTYPE_C64] = 8, [DTYPE_C128] = 16,
};

static const DTypeInfo *info(DType t) {
        assert((unsigned) t < _DTYPE_MAX);
        return &infos[t];
}

DKind dtype_kind(DType t) {
        return info(t)->kind;
}

const char *dtype_name(DType t) {
        return info(t)->name;
}

const char *dtype_code(DType t) {
        return info(t)->code;
}

static bool list_has(const char *list, const char *name, size_t n) {
        for (const char *p = list; (p = strstr(p, name)); p++)
                if (p > list && p[-1] == ' ' && p[n] == ' ')
                        return true;
        return false;
}

/* A byte order may stand before a code and before one letter; foreign order is one only for types of one byte. */
bool dtype_from_name(const char *name, DType *ret) {
        bool ordered = *name && strchr("<=|>", *name), swapped = *name == '>';
        size_t n;

        name += ordered;
        n = strlen(name);
        if (n == 0 || strchr(name, ' '))
                return false;
        for (DType t = 0; t < _DTYPE_MAX; t++) {
                if (swapped && dtype_sizes[t] > 1)
                        continue;
                if (strcmp(name, infos[t].code + 1) == 0 ||
                    ((n == 1 || !ordered) && list_has(infos[t].aliases, name, n)) ||
                    (!ordered && strcmp(name, infos[t].name) == 0)) {
                        *ret = t;
                        return true;
                }
        }
        return false;
}

DType dtype_promote(DType a, DType b) {
        return (DType) __builtin_ctz((unsigned) (info(a)->safe & info(b)->safe)); /* complex128 is in every set */
}

DType dtype_of_weak(Weak weak) {
        static const DType dtypes[] = {
                [WEAK_NONE]    = DTYPE_NONE,
                [WEAK_BOOL]    = DTYPE_BOOL,
                [WEAK_INT]     = DTYPE_I64,
                [WEAK_FLOAT]   = DTYPE_F64,
                [WEAK_COMPLEX] = DTYPE_C128,
        };

        assert(weak < ELEMENTSOF(dtypes));
        return dtypes[weak];
}

DType dtype_promote_weak(DType a, Weak weak) {
        static const Weak own[] = {
                [KIND_BOOL]    = WEAK_BOOL,
                [KIND_INT]     = WEAK_INT,
                [KIND_UINT]    = WEAK_INT,
                [KIND_FLOAT]   = WEAK_FLOAT,
                [KIND_COMPLEX] = WEAK_COMPLEX,
        };
        Weak mine = own[info(a)->kind];

        if (weak <= mine)
                return a;
        return mine == WEAK_FLOAT ? dtype_complex(a) : dtype_of_weak(weak); /* a float keeps its precision */
}

bool dtype_can_cast(DType from, DType to, Casting casting) {
        static const uint8_t rank[] = {
                [KIND_BOOL] = 0, [KIND_UINT] = 1, [KIND_INT] = 2, [KIND_FLOAT] = 3, [KIND_COMPLEX] = 4,
        };

        switch (casting) {
        case CASTING_NO:
        case CASTING_EQUIV: /* the same here: we have one byte order */
                return from == to;
        case CASTING_SAFE:
                return info(from)->safe >> to & 1;
        case CASTING_SAME_KIND:
                return rank[info(from)->kind] <= rank[info(to)->kind];
        case CASTING_UNSAFE:
                return true;
        }
        return false;
}

bool casting_from_name(const char *name, Casting *ret) {
        static const char *const names[] = {
                [CASTING_NO]        = "no",
                [CASTING_EQUIV]     = "equiv",
                [CASTING_SAFE]      = "safe",
                [CASTING_SAME_KIND] = "same_kind",
                [CASTING_UNSAFE]    = "unsafe",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(name, names[i]) == 0) {
                        *ret = (Casting) i;
                        return true;
                }
        return false;
}

DType dtype_real(DType t) {
        return t == DTYPE_C64 ? DTYPE_F32 : t == DTYPE_C128 ? DTYPE_F64 : t;
}

DType dtype_complex(DType t) {
        return dtype_promote(t, DTYPE_C64);
}

DType dtype_inexact(DType t) {
        return info(t)->kind < KIND_FLOAT ? DTYPE_F64 : t;
}

/* A scalar is widened without loss to one of three forms (int64, uint64, a complex pair of doubles) and rounded or
 * wrapped once from there. scalar_put() is the only writer, scalar_get() the only reader of `bytes`. */

#define scalar_put(t, type, ...)                                                                                       \
        ({                                                                                                             \
                Scalar _scalar = { .dtype = (t) };                                                                     \
                const type _value[] = { __VA_ARGS__ };                                                                 \
                memcpy(_scalar.bytes, _value, sizeof(_value));                                                         \
                _scalar;                                                                                               \
        })
#define scalar_get(s, type, i)                                                                                         \
        ({                                                                                                             \
                type _value;                                                                                           \
                memcpy(&_value, (s)->bytes + (i) * sizeof(type), sizeof(type));                                        \
                _value;                                                                                                \
        })

static Scalar scalar_from_c128(DType t, double re, double im) {
        switch (t) {
        case DTYPE_BOOL:
                return scalar_put(t, uint8_t, re != 0 || im != 0);
        case DTYPE_I8:
        case DTYPE_U8:
                return scalar_put(t, uint8_t, (uint8_t) i32_from_f64(re));
        case DTYPE_I16:
        case DTYPE_U16:
                return scalar_put(t, uint16_t, (uint16_t) i32_from_f64(re));
        case DTYPE_I32:
                return scalar_put(t, int32_t, i32_from_f64(re));
        case DTYPE_U32:
                return scalar_put(t, uint32_t, (uint32_t) i64_from_f64(re));
        case DTYPE_I64:
                return scalar_put(t, int64_t, i64_from_f64(re));
        case DTYPE_U64:
                return scalar_put(t, uint64_t, u64_from_f64(re));
        case DTYPE_F16:
                return scalar_put(t, uint16_t, f16_from_f64(re));
        case DTYPE_F32:
                return scalar_put(t, float, (float) re);
        case DTYPE_F64:
                return scalar_put(t, double, re);
        case DTYPE_C64:
                return scalar_put(t, float, (float) re, (float) im);
        case DTYPE_C128:
                return scalar_put(t, double, re, im);
        case _DTYPE_MAX:
        case DTYPE_NONE:
                break;
        }
        assert(false);
        return (Scalar){ .dtype = DTYPE_NONE };
}

/* `v` is an integer; wraps. Floats are rounded from it once: `f` and `d` are what it is as such. */
static Scalar scalar_from_bits(DType t, uint64_t v, float f, double d) {
        switch (t) {
        case DTYPE_BOOL:
                return scalar_put(t, uint8_t, v != 0);
        case DTYPE_I8:
        case DTYPE_U8:
                return scalar_put(t, uint8_t, (uint8_t) v);
        case DTYPE_I16:
        case DTYPE_U16:
                return scalar_put(t, uint16_t, (uint16_t) v);
        case DTYPE_I32:
        case DTYPE_U32:
                return scalar_put(t, uint32_t, (uint32_t) v);
        case DTYPE_I64:
        case DTYPE_U64:
                return scalar_put(t, uint64_t, v);
        case DTYPE_F16: /* a float has every integer that is not infinite as a half */
                return scalar_put(t, uint16_t, f16_from_f32(f));
        case DTYPE_F32:
                return scalar_put(t, float, f);
        case DTYPE_F64:
                return scalar_put(t, double, d);
        case DTYPE_C64:
                return scalar_put(t, float, f, 0);
        case DTYPE_C128:
                return scalar_put(t, double, d, 0);
        case _DTYPE_MAX:
        case DTYPE_NONE:
                break;
        }
        assert(false);
        return (Scalar){ .dtype = DTYPE_NONE };
}

Scalar scalar_from_f64(DType t, double v) {
        return scalar_from_c128(t, v, 0);
}

Scalar scalar_from_i64(DType t, int64_t v) {
        return scalar_from_bits(t, (uint64_t) v, (float) v, (double) v);
}

/* Integers and bool, sign-extended; a uint64 as its bits. */
static int64_t scalar_integer(const Scalar *s) {
        switch (s->dtype) {
        case DTYPE_BOOL:
                return scalar_get(s, uint8_t, 0) != 0;
        case DTYPE_I8:
                return scalar_get(s, int8_t, 0);
        case DTYPE_U8:
                return scalar_get(s, uint8_t, 0);
        case DTYPE_I16:
                return scalar_get(s, int16_t, 0);
        case DTYPE_U16:
                return scalar_get(s, uint16_t, 0);
        case DTYPE_I32:
                return scalar_get(s, int32_t, 0);
        case DTYPE_U32:
                return scalar_get(s, uint32_t, 0);
        default:
                return scalar_get(s, int64_t, 0);
        }
}

/* Part `i` (0: real, 1: imaginary) of a float or complex. */
static double scalar_part(const Scalar *s, int i) {
        switch (s->dtype) {
        case DTYPE_F16:
                return i == 0 ? (double) f16_to_f32(scalar_get(s, uint16_t, 0)) : 0;
        case DTYPE_F32:
                return i == 0 ? (double) scalar_get(s, float, 0) : 0;
        case DTYPE_F64:
                return i == 0 ? scalar_get(s, double, 0) : 0;
        case DTYPE_C64:
                return scalar_get(s, float, i);
        default:
                return scalar_get(s, double, i);
        }
}

Scalar scalar_cast(Scalar s, DType to) {
        int64_t v;

        if (s.dtype == to)
                return s;
        if (info(s.dtype)->kind >= KIND_FLOAT)
                return scalar_from_c128(to, scalar_part(&s, 0), scalar_part(&s, 1));
        v = scalar_integer(&s);
        if (s.dtype == DTYPE_U64)
                return scalar_from_bits(to, (uint64_t) v, (float) (uint64_t) v, (double) (uint64_t) v);
        return scalar_from_i64(to, v);
}

double scalar_f64(Scalar s) {
        if (info(s.dtype)->kind >= KIND_FLOAT)
                return scalar_part(&s, 0);
        return s.dtype == DTYPE_U64 ? (double) (uint64_t) scalar_integer(&s) : (double) scalar_integer(&s);
}

int64_t scalar_i64(Scalar s) {
        return info(s.dtype)->kind >= KIND_FLOAT ? i64_from_f64(scalar_part(&s, 0)) : scalar_integer(&s);
}

bool scalar_fits(Scalar s, DType to) {
        const DTypeInfo *from = info(s.dtype), *into = info(to);
        unsigned bits = dtype_sizes[to] * 8u;
        int64_t v;

        if (from->kind > KIND_UINT || (into->kind != KIND_INT && into->kind != KIND_UINT))
                return true;
        v = scalar_integer(&s);
        if (v < 0 && s.dtype == DTYPE_U64) /* 2^63 or more */
                return to == DTYPE_U64;
        if (into->kind == KIND_UINT)
                return v >= 0 && (bits == 64 || v >> bits == 0);
        return v >> (bits - 1) == (v < 0 ? -1 : 0);
}
