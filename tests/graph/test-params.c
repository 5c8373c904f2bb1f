/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params.h"

#include "graph/ops.h"
#include "harness.h"

static EveryParams every_default(void) {
        EveryParams p;

        ck_assert_int_eq(params_default(op_find("every"), &p, NULL), 0);
        return p;
}

TEST(fallbacks_are_read_from_the_table) {
        EveryParams p = every_default();

        ck_assert(p.yes);
        ck_assert_int_eq(p.count, -1);
        ck_assert(p.ratio == 1e-05);
        ck_assert_int_eq(p.value.dtype, DTYPE_NONE);
        ck_assert_int_eq(p.start.dtype, DTYPE_F64);
        ck_assert(p.start.f64 == 2.5);
        ck_assert_int_eq(p.dtype, DTYPE_NONE);
        ck_assert_int_eq(p.kind, DTYPE_F32);
        ck_assert(!p.axis.given);
        ck_assert(p.axes.given && p.axes.n == 2 && p.axes.v[0] == 0 && p.axes.v[1] == 1);
        ck_assert_ptr_null(p.name);
        ck_assert_str_eq(p.mode, "linear");
}

static int read_as(ParamKind kind, const char *fallback, void *ret) {
        return param_default(&(Param) { .name = "x", .kind = kind, .fallback = fallback }, ret, NULL);
}

TEST(numbers_of_fallbacks_are_correctly_rounded) {
        static const struct {
                const char *text;
                double value;
        } cases[] = { { "0", 0 },       { "1", 1 },           { "-1.5", -1.5 },  { "0.1", 0.1 },   { "1e-05", 1e-05 },
                      { "1e-08", 1e-8 }, { "3.14159265358979", 3.14159265358979 }, { "1e22", 1e22 }, { "25.0", 25 },
                      { "123456789012345", 123456789012345.0 }, { "2.5e-3", 2.5e-3 } };
        double v;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ck_assert_int_eq(read_as(PARAM_F64, cases[i].text, &v), 0);
                ck_assert_msg(v == cases[i].value, "%s", cases[i].text);
        }
        ck_assert_int_eq(read_as(PARAM_F64, "-inf", &v), 0);
        ck_assert(v < 0 && __builtin_isinf(v));
        ck_assert_int_eq(read_as(PARAM_F64, "nan", &v), 0);
        ck_assert(__builtin_isnan(v));
}

TEST(fallbacks_that_cannot_be_read_are_errors) {
        static const struct {
                ParamKind kind;
                const char *text;
        } cases[] = { { PARAM_BOOL, "yes" },      { PARAM_I64, "None" },
                      { PARAM_I64, "1.5" },       { PARAM_I64, "" },
                      { PARAM_F64, "" },          { PARAM_F64, "1e" },
                      { PARAM_F64, "1e99" },      { PARAM_F64, "x" },
                      { PARAM_F64, "1.2.3" },     { PARAM_DTYPE, "float99" },
                      { PARAM_DIMS, "(1, 0)" },   { PARAM_DIMS, "(0" },
                      { PARAM_DIMS, "(1000,)" },  { PARAM_DIMS, "x" },
                      { PARAM_TEXT, "'linear'" }, { PARAM_F64, "1234567890123456" },
                      { PARAM_SCALAR, "x" },      { PARAM_F64, "-" } };
        EveryParams memory;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                ck_assert_msg(read_as(cases[i].kind, cases[i].text, &memory) == ERROR_VALUE, "%s", cases[i].text);
        ck_assert_int_eq(read_as(PARAM_I64, NULL, &memory), ERROR_TYPE);
}

TEST(lists_of_fallbacks_keep_their_form) {
        Dims d;

        ck_assert_int_eq(read_as(PARAM_DIMS, "()", &d), 0);
        ck_assert(d.given && d.n == 0);
        ck_assert_int_eq(read_as(PARAM_DIMS, "-1", &d), 0);
        ck_assert(d.given && d.n == 1 && d.v[0] == -1);
        ck_assert_int_eq(read_as(PARAM_DIMS, "(0,)", &d), 0);
        ck_assert(d.given && d.n == 1 && d.v[0] == 0);
        ck_assert_int_eq(read_as(PARAM_DIMS, "(-2, -1)", &d), 0);
        ck_assert(d.n == 2 && d.v[0] == -2 && d.v[1] == -1);
}

TEST(scalars_of_fallbacks_have_pythons_types) {
        Scalar s;

        ck_assert(read_as(PARAM_SCALAR, "True", &s) == 0 && s.dtype == DTYPE_BOOL && s.b);
        ck_assert(read_as(PARAM_SCALAR, "-7", &s) == 0 && s.dtype == DTYPE_I64 && s.i64 == -7);
        ck_assert(read_as(PARAM_SCALAR, "0.0", &s) == 0 && s.dtype == DTYPE_F64 && s.f64 == 0);
}

TEST(a_required_parameter_has_no_default) {
        Error err = {};
        CastParams p;

        ck_assert_int_eq(params_default(op_find("cast"), &p, &err), ERROR_TYPE);
        ck_assert_str_eq(err.text, "cast: missing required argument 'dtype'");
        ck_assert_int_eq(params_check(op_find("cast"), &(CastParams) { .dtype = DTYPE_NONE }, NULL), ERROR_TYPE);
        ck_assert_int_eq(params_check(op_find("cast"), &(CastParams) { .dtype = DTYPE_F32 }, NULL), 0);
}

TEST(values_that_do_not_exist_are_refused) {
        const Op *every = op_find("every");
        EveryParams p;

        p = every_default();
        p.dtype = 14;
        ck_assert_int_eq(params_check(every, &p, NULL), ERROR_TYPE);
        p = every_default();
        p.dtype = -1;
        ck_assert_int_eq(params_check(every, &p, NULL), ERROR_TYPE);
        p = every_default();
        p.value.dtype = 99;
        ck_assert_int_eq(params_check(every, &p, NULL), ERROR_TYPE);
        p = every_default();
        p.value = (Scalar) { .dtype = DTYPE_BOOL, .bytes = { 2 } };
        ck_assert_int_eq(params_check(every, &p, NULL), ERROR_VALUE);
        p = every_default();
        p.axis = (Dims) { .n = 3, .given = true };
        ck_assert_int_eq(params_check(every, &p, NULL), ERROR_VALUE);
        p = every_default();
        p.axis = (Dims) { .n = UINT32_MAX, .given = true, .v = &(int64_t) { 0 } };
        ck_assert_int_eq(params_check(every, &p, NULL), ERROR_VALUE);
        p = every_default();
        ck_assert_int_eq(params_check(every, &p, NULL), 0);
}

TEST(a_copy_is_equal_and_owns_everything) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const Op *every = op_find("every");
        int64_t axis[] = { 5, 6, 7 };
        char name[] = "first";
        EveryParams p = every_default();
        const void *copy;
        uint64_t hash;

        p.axis  = (Dims) { .n = 3, .given = true, .v = axis };
        p.name  = name;
        p.value = scalar_from_i64(DTYPE_U8, 200);
        ck_assert_int_eq(params_copy(arena, every, &p, &copy), 0);
        ck_assert(params_equal(every, &p, copy));
        hash = params_hash(every, &p);
        ck_assert_uint_eq(hash, params_hash(every, copy));
        axis[1] = 0;
        name[0] = 'F';
        ck_assert(!params_equal(every, &p, copy));
        ck_assert_uint_eq(hash, params_hash(every, copy));
        ck_assert_str_eq(((const EveryParams *) copy)->name, "first");
}

TEST(equality_is_by_content_and_sees_every_field) {
        const Op *every = op_find("every");
        const EveryParams p = every_default();
        EveryParams q[12];

        for (size_t i = 0; i < ELEMENTSOF(q); i++)
                q[i] = p;
        q[0].yes        = false;
        q[1].count      = 0;
        q[2].ratio      = 2e-05;
        q[3].value      = scalar_from_i64(DTYPE_I64, 0);
        q[4].start      = scalar_from_f64(DTYPE_F32, 2.5);
        q[5].dtype      = DTYPE_BOOL;
        q[6].kind       = DTYPE_NONE;
        q[7].axis.given = true;
        q[8].axes.n     = 1;
        q[9].name       = "";
        q[10].mode      = "nearest";
        q[11].start     = scalar_from_f64(DTYPE_F64, 2.25);
        for (size_t i = 0; i < ELEMENTSOF(q); i++) {
                ck_assert_msg(!params_equal(every, &p, &q[i]), "field %zu", i);
                ck_assert_msg(params_hash(every, &p) != params_hash(every, &q[i]), "field %zu", i);
        }

        EveryParams same = p;
        same.axes = (Dims) { .n = 2, .given = true, .v = (const int64_t[]) { 0, 1 } };
        same.mode = (const char[]) { "linear" };
        ck_assert(params_equal(every, &p, &same));
        ck_assert_uint_eq(params_hash(every, &p), params_hash(every, &same));
}

TEST(numbers_are_equal_by_their_bits) {
        const Op *every = op_find("every");
        EveryParams p = every_default(), q = p;

        p.ratio = 0.0;
        q.ratio = -0.0;
        ck_assert(!params_equal(every, &p, &q));
        p.ratio = q.ratio = __builtin_nan("");
        ck_assert(params_equal(every, &p, &q));
}

TEST(bytes_that_are_no_value_do_not_count) {
        const Op *every = op_find("every");
        EveryParams p, q;

        memset(&p, 0x11, sizeof(p));
        memset(&q, 0x22, sizeof(q));
        EveryParams *both[] = { &p, &q };
        for (int i = 0; i < 2; i++) {
                EveryParams *e = both[i];

                e->yes          = true;
                e->count        = 3;
                e->ratio        = 1;
                e->value.dtype  = DTYPE_NONE;
                e->start.dtype  = DTYPE_I16;
                e->start.bytes[0] = 7;
                e->start.bytes[1] = 0;
                e->dtype        = DTYPE_NONE;
                e->kind         = DTYPE_F64;
                e->axis.given   = false;
                e->axes.given   = true;
                e->axes.n       = 0;
                e->name         = NULL;
                e->mode         = "x";
        }
        ck_assert(params_equal(every, &p, &q));
        ck_assert_uint_eq(params_hash(every, &p), params_hash(every, &q));
}

TEST(an_operator_without_parameters_needs_none) {
        const void *copy = "";
        const Op *add = op_find("add");

        ck_assert_int_eq(params_copy(NULL, add, NULL, &copy), 0);
        ck_assert_ptr_null(copy);
        ck_assert(params_equal(add, NULL, NULL));
        ck_assert_uint_eq(params_hash(add, NULL), params_hash(add, NULL));
        ck_assert_ptr_null(param_find(add, "dtype", PARAM_DTYPE));
        ck_assert_int_eq(params_dtype(add, NULL), DTYPE_NONE);
}
