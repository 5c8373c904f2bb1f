/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/dtype.h"

#include <math.h>
#include <string.h>

#include "harness.h"

/* Printed once by NumPy: promote_types() of all pairs in our order, as hexadecimal digits. */
static const char promoted[_DTYPE_MAX][_DTYPE_MAX + 1] = {
        "0123456789abcd", "11335577b9abcd", "2323456789abcd", "33335577baabcd", "454545678aabcd",
        "55555577bbbbdd", "676767678bbbdd", "77777777bbbbdd", "8b8b8b8b8bbbdd", "999aabbbb9abcd",
        "aaaaabbbbaabcd", "bbbbbbbbbbbbdd", "cccccddddccdcd", "dddddddddddddd",
};

/* Likewise can_cast(row, bit). */
static const unsigned castable_safe[_DTYPE_MAX] = {
        0x3fff, 0x3eaa, 0x3ffc, 0x3ca8, 0x3df0, 0x28a0, 0x29c0, 0x2880, 0x2900, 0x3e00, 0x3c00, 0x2800, 0x3000, 0x2000,
};
static const unsigned castable_same_kind[_DTYPE_MAX] = {
        0x3fff, 0x3eaa, 0x3ffe, 0x3eaa, 0x3ffe, 0x3eaa, 0x3ffe, 0x3eaa, 0x3ffe, 0x3e00, 0x3e00, 0x3e00, 0x3000, 0x3000,
};

/* NEP 50: rows are dtypes, columns a weak bool, int, float, complex. */
static const DType weakly[_DTYPE_MAX][4] = {
        [DTYPE_BOOL] = { DTYPE_BOOL, DTYPE_I64, DTYPE_F64, DTYPE_C128 },
        [DTYPE_I8]   = { DTYPE_I8, DTYPE_I8, DTYPE_F64, DTYPE_C128 },
        [DTYPE_U8]   = { DTYPE_U8, DTYPE_U8, DTYPE_F64, DTYPE_C128 },
        [DTYPE_I16]  = { DTYPE_I16, DTYPE_I16, DTYPE_F64, DTYPE_C128 },
        [DTYPE_U16]  = { DTYPE_U16, DTYPE_U16, DTYPE_F64, DTYPE_C128 },
        [DTYPE_I32]  = { DTYPE_I32, DTYPE_I32, DTYPE_F64, DTYPE_C128 },
        [DTYPE_U32]  = { DTYPE_U32, DTYPE_U32, DTYPE_F64, DTYPE_C128 },
        [DTYPE_I64]  = { DTYPE_I64, DTYPE_I64, DTYPE_F64, DTYPE_C128 },
        [DTYPE_U64]  = { DTYPE_U64, DTYPE_U64, DTYPE_F64, DTYPE_C128 },
        [DTYPE_F16]  = { DTYPE_F16, DTYPE_F16, DTYPE_F16, DTYPE_C64 },
        [DTYPE_F32]  = { DTYPE_F32, DTYPE_F32, DTYPE_F32, DTYPE_C64 },
        [DTYPE_F64]  = { DTYPE_F64, DTYPE_F64, DTYPE_F64, DTYPE_C128 },
        [DTYPE_C64]  = { DTYPE_C64, DTYPE_C64, DTYPE_C64, DTYPE_C64 },
        [DTYPE_C128] = { DTYPE_C128, DTYPE_C128, DTYPE_C128, DTYPE_C128 },
};

static DType from_digit(char c) {
        return (DType) (c <= '9' ? c - '0' : c - 'a' + 10);
}

TEST(every_pair_of_dtypes_promotes_as_in_numpy) {
        for (DType a = 0; a < _DTYPE_MAX; a++)
                for (DType b = 0; b < _DTYPE_MAX; b++)
                        ck_assert_str_eq(dtype_name(dtype_promote(a, b)), dtype_name(from_digit(promoted[a][b])));
}

TEST(every_pair_of_dtypes_casts_as_in_numpy) {
        for (DType a = 0; a < _DTYPE_MAX; a++)
                for (DType b = 0; b < _DTYPE_MAX; b++) {
                        ck_assert(dtype_can_cast(a, b, CASTING_NO) == (a == b));
                        ck_assert(dtype_can_cast(a, b, CASTING_EQUIV) == (a == b));
                        ck_assert(dtype_can_cast(a, b, CASTING_SAFE) == (castable_safe[a] >> b & 1));
                        ck_assert(dtype_can_cast(a, b, CASTING_SAME_KIND) == (castable_same_kind[a] >> b & 1));
                        ck_assert(dtype_can_cast(a, b, CASTING_UNSAFE));
                }
}

TEST(a_weak_scalar_takes_part_with_its_kind_only) {
        for (DType a = 0; a < _DTYPE_MAX; a++) {
                ck_assert_int_eq(dtype_promote_weak(a, WEAK_NONE), a);
                for (Weak w = WEAK_BOOL; w <= WEAK_COMPLEX; w++)
                        ck_assert_msg(dtype_promote_weak(a, w) == weakly[a][w - WEAK_BOOL], "%s, %d", dtype_name(a), w);
        }
        ck_assert_int_eq(dtype_of_weak(WEAK_BOOL), DTYPE_BOOL);
        ck_assert_int_eq(dtype_of_weak(WEAK_INT), DTYPE_I64);
        ck_assert_int_eq(dtype_of_weak(WEAK_FLOAT), DTYPE_F64);
        ck_assert_int_eq(dtype_of_weak(WEAK_COMPLEX), DTYPE_C128);
}

TEST(names_and_codes_lead_back_to_their_dtype) {
        for (DType t = 0; t < _DTYPE_MAX; t++) {
                DType found = DTYPE_NONE;

                ck_assert(dtype_from_name(dtype_name(t), &found) && found == t);
                found = DTYPE_NONE;
                ck_assert(dtype_from_name(dtype_code(t), &found) && found == t);
                found = DTYPE_NONE;
                ck_assert(dtype_from_name(dtype_code(t) + 1, &found) && found == t);
                ck_assert_int_eq(dtype_size(t), strtol(dtype_code(t) + 2, NULL, 10));
        }
}

TEST(numpy_spellings_of_dtypes_are_known) {
        static const struct {
                const char *name;
                DType t;
        } cases[] = {
                { "?", DTYPE_BOOL },    { "b", DTYPE_I8 },       { "b1", DTYPE_BOOL },   { ">i1", DTYPE_I8 },
                { "B", DTYPE_U8 },      { "int", DTYPE_I64 },    { "l", DTYPE_I64 },     { "=q", DTYPE_I64 },
                { "uint", DTYPE_U64 },  { "float", DTYPE_F64 },  { "d", DTYPE_F64 },     { "<d", DTYPE_F64 },
                { "half", DTYPE_F16 },  { "e", DTYPE_F16 },      { "single", DTYPE_F32 }, { "f", DTYPE_F32 },
                { "f4", DTYPE_F32 },    { "|f4", DTYPE_F32 },    { "complex", DTYPE_C128 }, { "F", DTYPE_C64 },
                { "intp", DTYPE_I64 },  { "intc", DTYPE_I32 },   { "bool_", DTYPE_BOOL }, { "ushort", DTYPE_U16 },
        };
        static const char *const unknown[] = {
                "",  "<",        ">f8",   ">d",      "g",  "f16", "float128", "O",
                "U", "<float64", "<half", "Float64", "i3", "q p", " ",        "float6",
        };
        DType found;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                found = DTYPE_NONE;
                ck_assert_msg(dtype_from_name(cases[i].name, &found) && found == cases[i].t, "%s", cases[i].name);
        }
        for (size_t i = 0; i < ELEMENTSOF(unknown); i++)
                ck_assert_msg(!dtype_from_name(unknown[i], &found), "%s", unknown[i]);
}

TEST(casting_modes_have_numpy_names) {
        Casting c;

        ck_assert(casting_from_name("no", &c) && c == CASTING_NO);
        ck_assert(casting_from_name("equiv", &c) && c == CASTING_EQUIV);
        ck_assert(casting_from_name("safe", &c) && c == CASTING_SAFE);
        ck_assert(casting_from_name("same_kind", &c) && c == CASTING_SAME_KIND);
        ck_assert(casting_from_name("unsafe", &c) && c == CASTING_UNSAFE);
        ck_assert(!casting_from_name("Safe", &c) && !casting_from_name("", &c));
}

TEST(real_complex_and_inexact_relatives) {
        static const struct {
                DType t, real, complex, inexact;
        } cases[] = {
                { DTYPE_BOOL, DTYPE_BOOL, DTYPE_C64, DTYPE_F64 },  { DTYPE_I8, DTYPE_I8, DTYPE_C64, DTYPE_F64 },
                { DTYPE_U16, DTYPE_U16, DTYPE_C64, DTYPE_F64 },    { DTYPE_I32, DTYPE_I32, DTYPE_C128, DTYPE_F64 },
                { DTYPE_U64, DTYPE_U64, DTYPE_C128, DTYPE_F64 },   { DTYPE_F16, DTYPE_F16, DTYPE_C64, DTYPE_F16 },
                { DTYPE_F32, DTYPE_F32, DTYPE_C64, DTYPE_F32 },    { DTYPE_F64, DTYPE_F64, DTYPE_C128, DTYPE_F64 },
                { DTYPE_C64, DTYPE_F32, DTYPE_C64, DTYPE_C64 },    { DTYPE_C128, DTYPE_F64, DTYPE_C128, DTYPE_C128 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ck_assert_int_eq(dtype_real(cases[i].t), cases[i].real);
                ck_assert_int_eq(dtype_complex(cases[i].t), cases[i].complex);
                ck_assert_int_eq(dtype_inexact(cases[i].t), cases[i].inexact);
        }
}

TEST(every_half_returns_through_float_and_double) {
        for (unsigned h = 0; h < 1 << 16; h++) {
                float f = f16_to_f32((uint16_t) h);
                int exponent = (int) (h >> 10 & 31), significand = (int) (h & 0x3ff);
                double value = exponent ? ldexp(1024 + significand, exponent - 25) : ldexp(significand, -24);

                if (exponent == 31 && significand) {
                        ck_assert(isnan(f));
                        ck_assert((f16_from_f32(f) & 0x7fff) > 0x7c00 && (f16_from_f64(f) & 0x7fff) > 0x7c00);
                        continue;
                }
                if (exponent == 31)
                        value = INFINITY;
                ck_assert((double) f == (h >> 15 ? -value : value));
                ck_assert_uint_eq(f16_from_f32(f), h);
                ck_assert_uint_eq(f16_from_f64(f), h);
        }
}

TEST(a_number_between_two_halves_goes_to_the_nearest_and_ties_to_even) {
        for (uint16_t h = 0; h < 0x7c00; h++) {
                double lo = f16_to_f32(h), hi = h == 0x7bff ? 65536 : f16_to_f32(h + 1), middle = (lo + hi) / 2;
                uint16_t even = h & 1 ? h + 1 : h;

                ck_assert_uint_eq(f16_from_f64(middle), even);
                ck_assert_uint_eq(f16_from_f64(nextafter(middle, 0)), h); /* a float in between would be the middle */
                ck_assert_uint_eq(f16_from_f64(nextafter(middle, INFINITY)), h + 1);
                ck_assert_uint_eq(f16_from_f64(-middle), even | 0x8000);
                ck_assert_uint_eq(f16_from_f32((float) middle), even);
                ck_assert_uint_eq(f16_from_f32(nextafterf((float) middle, 0)), h);
                ck_assert_uint_eq(f16_from_f32(nextafterf((float) middle, INFINITY)), h + 1);
        }
        ck_assert_uint_eq(f16_from_f64(5e-324), 0);
        ck_assert_uint_eq(f16_from_f64(-0.0), 0x8000);
        ck_assert_uint_eq(f16_from_f64(1e308), 0x7c00);
        ck_assert_uint_eq(f16_from_f32(-1e38f), 0xfc00);
        ck_assert_uint_eq(f16_from_f32(f32_from_bits(0x7f800001)) & 0x7fff, 0x7c01); /* its payload does not fit */
}

TEST(scalars_cast_as_numpy_astype) {
        /* Printed once by NumPy 1.24 on x86-64: array([v]).astype(t). */
        static const struct {
                double v;
                int8_t i8;
                uint16_t u16;
                int32_t i32;
                uint32_t u32;
                int64_t i64;
                uint64_t u64;
        } cases[] = {
                { -1.0, -1, 65535, -1, UINT32_MAX, -1, UINT64_MAX },
                { -2.5, -2, 65534, -2, UINT32_MAX - 1, -2, UINT64_MAX - 1 },
                { 300.0, 44, 300, 300, 300, 300, 300 },
                { 3e9, 0, 0, INT32_MIN, 3000000000, 3000000000, 3000000000 },
                { -3e9, 0, 0, INT32_MIN, 1294967296, -3000000000, 18446744070709551616u },
                { 1e19, 0, 0, INT32_MIN, 0, INT64_MIN, 10000000000000000000u },
                { 0x1p63, 0, 0, INT32_MIN, 0, INT64_MIN, 1ull << 63 },
                { 0x1p64, 0, 0, INT32_MIN, 0, INT64_MIN, 0 },
                { INFINITY, 0, 0, INT32_MIN, 0, INT64_MIN, 0 },
                { -INFINITY, 0, 0, INT32_MIN, 0, INT64_MIN, 1ull << 63 },
                { NAN, 0, 0, INT32_MIN, 0, INT64_MIN, 1ull << 63 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                double v = cases[i].v;

                ck_assert_int_eq(scalar_i64(scalar_from_f64(DTYPE_I8, v)), cases[i].i8);
                ck_assert_int_eq(scalar_i64(scalar_from_f64(DTYPE_U16, v)), cases[i].u16);
                ck_assert_int_eq(scalar_i64(scalar_from_f64(DTYPE_I32, v)), cases[i].i32);
                ck_assert_int_eq(scalar_i64(scalar_from_f64(DTYPE_U32, v)), cases[i].u32);
                ck_assert_int_eq(scalar_i64(scalar_from_f64(DTYPE_I64, v)), cases[i].i64);
                ck_assert_uint_eq(scalar_from_f64(DTYPE_U64, v).u64, cases[i].u64);
                ck_assert(scalar_from_f64(DTYPE_BOOL, v).b);
        }
}

TEST(integers_wrap_and_are_rounded_once) {
        Scalar big = { .dtype = DTYPE_U64, .u64 = (1ull << 63) + (1ull << 39) + 1 }; /* past a middle of floats */

        ck_assert_int_eq(scalar_i64(scalar_from_i64(DTYPE_I8, 200)), -56);
        ck_assert_int_eq(scalar_i64(scalar_from_i64(DTYPE_U8, -1)), 255);
        ck_assert_uint_eq(scalar_from_i64(DTYPE_U64, -1).u64, UINT64_MAX);
        ck_assert(scalar_cast(big, DTYPE_F32).f32 == 0x1p63f + 0x1p40f);
        ck_assert(scalar_cast(big, DTYPE_F64).f64 == (double) big.u64);
        ck_assert(scalar_f64(big) > 0);
        ck_assert_int_eq(scalar_i64(scalar_cast(big, DTYPE_I64)), (int64_t) big.u64);
        ck_assert_uint_eq(scalar_cast(big, DTYPE_F16).u64, 0x7c00);
        ck_assert(scalar_from_i64(DTYPE_F32, 16777217 * 2 + 1).f32 == 33554436.0f);
}

TEST(scalars_of_every_pair_of_dtypes_carry_small_numbers) {
        for (DType a = 0; a < _DTYPE_MAX; a++)
                for (DType b = 0; b < _DTYPE_MAX; b++)
                        for (int64_t v = 0; v < 2; v++) {
                                Scalar there = scalar_cast(scalar_from_i64(a, v), b);

                                ck_assert_int_eq(there.dtype, b);
                                ck_assert_int_eq(scalar_i64(there), v);
                                ck_assert_double_eq(scalar_f64(there), (double) v);
                                ck_assert_bytes_eq(there.bytes, scalar_from_f64(b, (double) v).bytes, 16);
                                ck_assert(scalar_fits(there, a));
                        }
}

TEST(complex_scalars_lose_only_what_the_target_has_not) {
        Scalar z = { .dtype = DTYPE_C128, .c128 = { 0, 2.5 } };

        ck_assert(scalar_cast(z, DTYPE_BOOL).b);
        ck_assert_double_eq(scalar_f64(z), 0);
        ck_assert_double_eq(scalar_cast(scalar_cast(z, DTYPE_C64), DTYPE_C128).c128[1], 2.5);
        ck_assert_double_eq(scalar_cast(z, DTYPE_F64).f64, 0);
        z = scalar_cast(scalar_from_f64(DTYPE_F16, -1.5), DTYPE_C128);
        ck_assert(z.c128[0] == -1.5 && z.c128[1] == 0);
}

TEST(an_integer_fits_where_its_cast_is_itself) {
        static const int64_t values[] = {
                0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65535, 65536, INT32_MAX,
                (int64_t) INT32_MAX + 1, INT32_MIN, (int64_t) INT32_MIN - 1, UINT32_MAX, (int64_t) UINT32_MAX + 1,
                INT64_MAX, INT64_MIN,
        };

        for (DType t = DTYPE_I8; t <= DTYPE_U64; t++) {
                for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                        Scalar s = scalar_from_i64(DTYPE_I64, values[i]);
                        bool same = scalar_i64(scalar_cast(s, t)) == values[i] && !(t == DTYPE_U64 && values[i] < 0);

                        ck_assert_msg(scalar_fits(s, t) == same, "%s %ld", dtype_name(t), (long) values[i]);
                }
                ck_assert(scalar_fits((Scalar){ .dtype = DTYPE_U64, .u64 = UINT64_MAX }, t) == (t == DTYPE_U64));
                ck_assert(scalar_fits(scalar_from_f64(DTYPE_F64, 1e300), t)); /* floats are not asked */
        }
}
