/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Unsigned keys that order as elements do, NaNs last as NumPy has them: what sorting, searching and selecting compare.
 *
 * Of each element there are two. Its order key is equal for elements that compare equal: zeros of either sign, NaNs
 * of any payload. Its value key tells the zeros apart, the negative one first, so that the element can be made of
 * its key again; of NaNs only that they are some is kept. Complex numbers have two order keys; the second counts
 * where the first ones are equal. */
#include <string.h>

#include "ops/kernel.h"

#define BITS_F16 uint16_t
#define BITS_F32 uint32_t
#define BITS_F64 uint64_t

/* The key of a float from its bits: all bits set of a NaN, so no other value has the two largest keys. */
#define ORDER_FLOAT_(D, INFINITE)                                                                                      \
        static inline _unused_ BITS_##D value_key_##D(BITS_##D bits) {                                                 \
                const BITS_##D sign = (BITS_##D) ((BITS_##D) 1 << (8 * sizeof(bits) - 1));                             \
                const BITS_##D key  = (BITS_##D) (bits & sign ? ~bits : bits | sign);                                  \
                                                                                                                       \
                return (BITS_##D) (bits & ~sign) > (INFINITE) ? (BITS_##D) -1 : key;                                   \
        }                                                                                                              \
        static inline _unused_ BITS_##D order_key_##D(BITS_##D bits) {                                                 \
                const BITS_##D sign = (BITS_##D) ((BITS_##D) 1 << (8 * sizeof(bits) - 1));                             \
                                                                                                                       \
                return value_key_##D((BITS_##D) (bits == sign ? 0 : bits));                                            \
        }                                                                                                              \
        static inline _unused_ BITS_##D value_of_key_##D(BITS_##D key) {                                               \
                const BITS_##D sign = (BITS_##D) ((BITS_##D) 1 << (8 * sizeof(key) - 1));                              \
                const BITS_##D nan  = (BITS_##D) ((INFINITE) + (((INFINITE) & -(INFINITE)) >> 1));                     \
                                                                                                                       \
                return key == (BITS_##D) -1 ? nan : (BITS_##D) (key & sign ? key & ~sign : ~key);                      \
        }
ORDER_FLOAT_(F16, 0x7c00)
ORDER_FLOAT_(F32, 0x7f800000u)
ORDER_FLOAT_(F64, 0x7ff0000000000000u)

/* What an element is loaded as to make its key. */
#define KEYED_BOOL uint8_t
#define KEYED_I8 uint8_t
#define KEYED_U8 uint8_t
#define KEYED_I16 uint16_t
#define KEYED_U16 uint16_t
#define KEYED_I32 uint32_t
#define KEYED_U32 uint32_t
#define KEYED_I64 uint64_t
#define KEYED_U64 uint64_t
#define KEYED_F16 uint16_t
#define KEYED_F32 uint32_t
#define KEYED_F64 uint64_t

#define VALUE_KEY_BOOL(v) (v)
#define VALUE_KEY_U8(v) (v)
#define VALUE_KEY_U16(v) (v)
#define VALUE_KEY_U32(v) (v)
#define VALUE_KEY_U64(v) (v)
#define VALUE_KEY_I8(v) ((v) ^ 0x80u)
#define VALUE_KEY_I16(v) ((v) ^ 0x8000u)
#define VALUE_KEY_I32(v) ((v) ^ 0x80000000u)
#define VALUE_KEY_I64(v) ((v) ^ 1ULL << 63)
#define VALUE_KEY_F16(v) value_key_F16(v)
#define VALUE_KEY_F32(v) value_key_F32(v)
#define VALUE_KEY_F64(v) value_key_F64(v)

#define ORDER_KEY_BOOL(v) VALUE_KEY_BOOL(v)
#define ORDER_KEY_U8(v) VALUE_KEY_U8(v)
#define ORDER_KEY_U16(v) VALUE_KEY_U16(v)
#define ORDER_KEY_U32(v) VALUE_KEY_U32(v)
#define ORDER_KEY_U64(v) VALUE_KEY_U64(v)
#define ORDER_KEY_I8(v) VALUE_KEY_I8(v)
#define ORDER_KEY_I16(v) VALUE_KEY_I16(v)
#define ORDER_KEY_I32(v) VALUE_KEY_I32(v)
#define ORDER_KEY_I64(v) VALUE_KEY_I64(v)
#define ORDER_KEY_F16(v) order_key_F16(v)
#define ORDER_KEY_F32(v) order_key_F32(v)
#define ORDER_KEY_F64(v) order_key_F64(v)

#define OF_KEY_BOOL(k) (k)
#define OF_KEY_U8(k) (k)
#define OF_KEY_U16(k) (k)
#define OF_KEY_U32(k) (k)
#define OF_KEY_U64(k) (k)
#define OF_KEY_I8(k) ((k) ^ 0x80u)
#define OF_KEY_I16(k) ((k) ^ 0x8000u)
#define OF_KEY_I32(k) ((k) ^ 0x80000000u)
#define OF_KEY_I64(k) ((k) ^ 1ULL << 63)
#define OF_KEY_F16(k) value_of_key_F16((uint16_t) (k))
#define OF_KEY_F32(k) value_of_key_F32((uint32_t) (k))
#define OF_KEY_F64(k) value_of_key_F64(k)

/* Keys of at most four bytes are kept in four, others in eight. */
#define NARROW_KEYS(X, ...)                                                                                            \
        BOOLS(X, __VA_ARGS__)                                                                                          \
        X(I8, __VA_ARGS__) X(U8, __VA_ARGS__) X(I16, __VA_ARGS__) X(U16, __VA_ARGS__) X(I32, __VA_ARGS__)              \
                X(U32, __VA_ARGS__) X(F16, __VA_ARGS__) X(F32, __VA_ARGS__)
#define WIDE_KEYS(X, ...) X(I64, __VA_ARGS__) X(U64, __VA_ARGS__) X(F64, __VA_ARGS__)

#define KEYS_LOOP_(D, K, name, expr)                                                                                   \
        static _unused_ void name##_##D(const char *in, int64_t stride, int64_t n, K *key) {                           \
                if (stride == sizeof(KEYED_##D)) {                                                                     \
                        for (int64_t i = 0; i < n; i++) {                                                              \
                                KEYED_##D v;                                                                           \
                                memcpy(&v, in + i * (int64_t) sizeof(v), sizeof(v));                                   \
                                key[i] = (K) expr##_##D(v);                                                            \
                        }                                                                                              \
                        return;                                                                                        \
                }                                                                                                      \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        KEYED_##D v;                                                                                   \
                        memcpy(&v, in + i * stride, sizeof(v));                                                        \
                        key[i] = (K) expr##_##D(v);                                                                    \
                }                                                                                                      \
        }
#define OF_KEYS_LOOP_(D, K, name, expr)                                                                                \
        static _unused_ void name##_##D(const K *key, int64_t n, char *out) {                                          \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        const KEYED_##D v = (KEYED_##D) expr##_##D(key[i]);                                            \
                        memcpy(out + i * (int64_t) sizeof(v), &v, sizeof(v));                                          \
                }                                                                                                      \
        }
#define KEYS_ROW_(D, name) [DTYPE_##D] = name##_##D,

typedef void OrderKeysFn(const char *in, int64_t stride, int64_t n, uint64_t *key);
typedef void ValueKeys32Fn(const char *in, int64_t stride, int64_t n, uint32_t *key);
typedef void ValueKeys64Fn(const char *in, int64_t stride, int64_t n, uint64_t *key);
typedef void OfKeys32Fn(const uint32_t *key, int64_t n, char *out);
typedef void OfKeys64Fn(const uint64_t *key, int64_t n, char *out);

ORDERED(KEYS_LOOP_, uint64_t, order_keys, ORDER_KEY)
NARROW_KEYS(KEYS_LOOP_, uint32_t, value_keys, VALUE_KEY)
WIDE_KEYS(KEYS_LOOP_, uint64_t, value_keys, VALUE_KEY)
NARROW_KEYS(OF_KEYS_LOOP_, uint32_t, of_keys, OF_KEY)
WIDE_KEYS(OF_KEYS_LOOP_, uint64_t, of_keys, OF_KEY)
static OrderKeysFn *const order_keys_of[_DTYPE_MAX] _unused_     = { ORDERED(KEYS_ROW_, order_keys) };
static ValueKeys32Fn *const value_keys_32[_DTYPE_MAX] _unused_ = { NARROW_KEYS(KEYS_ROW_, value_keys) };
static ValueKeys64Fn *const value_keys_64[_DTYPE_MAX] _unused_ = { WIDE_KEYS(KEYS_ROW_, value_keys) };
static OfKeys32Fn *const of_keys_32[_DTYPE_MAX] _unused_       = { NARROW_KEYS(KEYS_ROW_, of_keys) };
static OfKeys64Fn *const of_keys_64[_DTYPE_MAX] _unused_       = { WIDE_KEYS(KEYS_ROW_, of_keys) };

/* How many significant bits the keys of a dtype have; of each of the two keys of a complex one. */
static inline _unused_ int key_bits(DType t) {
        return 8 * (int) dtype_size(dtype_real(t));
}

static inline _unused_ int n_order_keys(DType t) {
        return dtype_kind(t) == KIND_COMPLEX ? 2 : 1;
}

/* The c-th order key of each of n elements. NumPy's order of complex numbers with NaNs: a + bi, a + NaN i, NaN + bi,
 * NaN + NaN i; those of the second kind go by a. So their first key is the one below the key of a NaN, and a is
 * their second. */
static inline _unused_ void order_keys(DType t, int c, const char *in, int64_t stride, int64_t n, uint64_t *key) {
        if (dtype_kind(t) != KIND_COMPLEX) {
                order_keys_of[t](in, stride, n, key);
                return;
        }
        const DType part        = dtype_real(t);
        OrderKeysFn *const keys = order_keys_of[part];
        const int64_t size      = (int64_t) dtype_size(part);
        const uint64_t nan      = part == DTYPE_F32 ? UINT32_MAX : UINT64_MAX;

        keys(in + c * size, stride, n, key);
        for (int64_t i = 0; i < n; i++) {
                uint64_t other = 0;

                keys(in + i * stride + (1 - c) * size, 0, 1, &other);
                if (c == 0 && other == nan && key[i] != nan)
                        key[i] = nan - 1;
                else if (c == 1 && key[i] == nan && other != nan)
                        key[i] = other;
        }
}

/* Both keys as one number. */
static inline _unused_ unsigned __int128 wide_order_key(DType t, const char *at) {
        uint64_t key[2] = {};

        order_keys(t, 0, at, 0, 1, &key[0]);
        if (n_order_keys(t) == 1)
                return key[0];
        order_keys(t, 1, at, 0, 1, &key[1]);
        return (unsigned __int128) key[0] << 64 | key[1];
}

/* The value key of one element that is not complex. */
static inline _unused_ uint64_t value_key(DType t, const char *at) {
        uint64_t wide;
        uint32_t narrow;

        if (value_keys_64[t]) {
                value_keys_64[t](at, 0, 1, &wide);
                return wide;
        }
        value_keys_32[t](at, 0, 1, &narrow);
        return narrow;
}
