/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "client/times.h"

TEST(every_unit_has_the_names_of_numpy_and_is_found_by_them) {
        static const char *const units[] = { "",    "[Y]",  "[M]",  "[W]",  "[D]",  "[h]",  "[m]",
                                             "[s]", "[ms]", "[us]", "[ns]", "[ps]", "[fs]", "[as]" };

        for (unsigned kind = MARS_TIMEDELTA64; kind <= MARS_DATETIME64; kind += MARS_DATETIME64 - MARS_TIMEDELTA64)
                for (unsigned u = 0; u < N_UNIT; u++) {
                        const char *const stem[] = { kind == MARS_DATETIME64 ? "datetime64" : "timedelta64",
                                                     kind == MARS_DATETIME64 ? "M8" : "m8",
                                                     kind == MARS_DATETIME64 ? "<M8" : "<m8" };

                        for (size_t k = 0; k < ELEMENTSOF(stem); k++) {
                                char name[32];
                                mars_dtype t;

                                snprintf(name, sizeof(name), "%s%s", stem[k], units[u]);
                                must(mars_dtype_from_name(&t, name, &err));
                                ck_assert_uint_eq(t, kind + u);
                                ck_assert(k != 0 || strcmp(mars_dtype_name(t), name) == 0);
                                ck_assert(k != 2 || strcmp(type_code(t), name) == 0);
                        }
                        ck_assert_uint_eq(mars_dtype_size((mars_dtype) (kind + u)), 8);
                }
}

TEST(strange_units_and_numbers_of_dtypes_are_refused) {
        static const char *const unknown[] = { "M8[ns", "M8[25s]", "M8[]", ">M8[s]", "M8s", "M8[q]", "M8[ns]x", "M" };
        mars_tensor *made;
        mars_dtype t;

        for (size_t k = 0; k < ELEMENTSOF(unknown); k++)
                must_fail(MARS_ERROR_TYPE, "not understood", mars_dtype_from_name(&t, unknown[k], &err));
        must_fail(MARS_ERROR_TYPE, "no dtype of number",
                  mars_from_memory(&made, &t, (mars_dtype) (MARS_DATETIME64 + N_UNIT), 1, (int64_t[]) { 0 }, NULL,
                                   NULL, 0, &err));
}

TEST(promotion_and_casting_of_times_are_those_of_numpy) {
        const mars_dtype date_d = MARS_DATETIME64 + MARS_UNIT_D, date_m = MARS_DATETIME64 + MARS_UNIT_M;
        const mars_dtype date_ms = MARS_DATETIME64 + MARS_UNIT_MS, delta_s = MARS_TIMEDELTA64 + MARS_UNIT_S;
        const mars_dtype delta_ms = MARS_TIMEDELTA64 + MARS_UNIT_MS, delta_m = MARS_TIMEDELTA64 + MARS_UNIT_M;

        ck_assert_uint_eq(mars_promote_types(date_d, date_m), date_d);
        ck_assert_uint_eq(mars_promote_types(delta_ms, date_d), date_ms);
        ck_assert_uint_eq(mars_promote_types(delta_s, MARS_INT32), delta_s);
        ck_assert_uint_eq(mars_promote_types(delta_s, delta_m), MARS_DTYPE_NONE);
        ck_assert_uint_eq(mars_promote_types(delta_s, MARS_FLOAT32), MARS_DTYPE_NONE);
        ck_assert_uint_eq(mars_promote_types(delta_s, MARS_UINT64), MARS_DTYPE_NONE);
        ck_assert_uint_eq(mars_promote_types(date_d, MARS_INT64), MARS_DTYPE_NONE);
        ck_assert(mars_can_cast(date_d, date_ms, "safe") && !mars_can_cast(date_ms, date_d, "safe"));
        ck_assert(mars_can_cast(date_ms, date_d, "same_kind") && !mars_can_cast(delta_m, delta_s, "same_kind"));
        ck_assert(mars_can_cast(MARS_INT64, delta_s, "safe") && !mars_can_cast(delta_s, MARS_INT64, "same_kind"));
        ck_assert(!mars_can_cast(MARS_INT64, date_d, "same_kind") && mars_can_cast(date_d, MARS_INT64, "unsafe"));
        ck_assert(mars_can_cast(MARS_TIMEDELTA64, delta_s, "safe"));
        ck_assert(!mars_can_cast(delta_s, MARS_TIMEDELTA64, "safe"));
}

TEST(factors_between_units_are_those_of_the_calendar) {
        static const struct {
                mars_unit from, to;
                int64_t multiply, divide;
        } factors[] = {
                { MARS_UNIT_S, MARS_UNIT_NS, 1000000000, 1 }, { MARS_UNIT_NS, MARS_UNIT_S, 1, 1000000000 },
                { MARS_UNIT_Y, MARS_UNIT_M, 12, 1 },          { MARS_UNIT_Y, MARS_UNIT_D, 146097, 400 },
                { MARS_UNIT_M, MARS_UNIT_D, 48699, 1600 },    { MARS_UNIT_W, MARS_UNIT_H, 168, 1 },
                { MARS_UNIT_D, MARS_UNIT_D, 1, 1 },
        };
        int64_t multiply, divide;

        for (size_t k = 0; k < ELEMENTSOF(factors); k++) {
                must(unit_scale(factors[k].from, factors[k].to, &multiply, &divide, error_of(&err)));
                ck_assert_int_eq(multiply, factors[k].multiply);
                ck_assert_int_eq(divide, factors[k].divide);
        }
        must_fail(MARS_ERROR_OVERFLOW, "Integer overflow",
                  unit_scale(MARS_UNIT_S, MARS_UNIT_AS, &multiply, &divide, error_of(&err)));
        must_fail(MARS_ERROR_OVERFLOW, "Integer overflow", units_meet(MARS_UNIT_Y, MARS_UNIT_PS, error_of(&err)));
        must(units_meet(MARS_UNIT_Y, MARS_UNIT_NS, error_of(&err)));
}

/* The 29th of February 2020 at noon, and NaT; a day and a half later it is the 2nd of March. */
TEST(times_are_added_and_converted_from_c) {
        const int64_t hours[] = { 439716, INT64_MIN }, n = 2, half_days[] = { 36 };
        const int64_t days[] = { 18323, INT64_MIN };
        SESSION s = session(1);
        TENSOR date = NULL, *delta = NULL, *sum = NULL, *day = NULL, *nat = NULL, *wrong = NULL;
        const mars_param to_days = mars_param_dtype("dtype", (mars_dtype) (MARS_DATETIME64 + MARS_UNIT_D));
        int64_t made[2] = {};
        bool is_nat[2]  = {};

        must(mars_from_memory(&date, hours, (mars_dtype) (MARS_DATETIME64 + MARS_UNIT_H), 1, &n, NULL, NULL, 0, &err));
        must(mars_from_memory(&delta, half_days, (mars_dtype) (MARS_TIMEDELTA64 + MARS_UNIT_H), 0, NULL, NULL, NULL, 0,
                              &err));
        must(mars_op1(&sum, "add", 2, (mars_tensor *[]) { date, delta }, NULL, 0, &err));
        ck_assert_uint_eq(mars_tensor_dtype(sum), MARS_DATETIME64 + MARS_UNIT_H);
        must(mars_op1(&day, "cast", 1, &sum, &to_days, 1, &err));
        must(mars_op1(&nat, "isnat", 1, &day, NULL, 0, &err));
        must(mars_execute(s, 2, (mars_tensor *[]) { day, nat }, &err));
        must(mars_fetch(s, day, made, NULL, &err));
        must(mars_fetch(s, nat, is_nat, NULL, &err));
        ck_assert(made[0] == days[0] && made[1] == days[1]);
        ck_assert(!is_nat[0] && is_nat[1]);
        must_fail(MARS_ERROR_TYPE, "ufunc 'add' cannot use operands with types dtype('datetime64[h]')",
                  mars_op1(&wrong, "add", 2, (mars_tensor *[]) { date, date }, NULL, 0, &err));
        must_fail(MARS_ERROR_TYPE, "ufunc 'sqrt' not supported", mars_op1(&wrong, "sqrt", 1, &date, NULL, 0, &err));
}

TEST(results_by_name_keep_their_units) {
        const mars_dtype ns = MARS_DATETIME64 + MARS_UNIT_NS;
        const int64_t n = 2, values[] = { 5, INT64_MIN };
        SESSION s    = session(1);
        TENSOR date  = NULL, *number = NULL, *again = NULL, *wrong = NULL;
        char *names  = NULL;
        int64_t made[2] = {};

        must(mars_from_memory(&date, values, ns, 1, &n, NULL, NULL, 0, &err));
        must(mars_from_memory(&number, values, MARS_INT64, 1, &n, NULL, NULL, 0, &err));
        must(mars_save_as(s, date, "when", &err));
        must(mars_save_as(s, number, "what", &err));
        must(mars_open(&again, s, "when", &err));
        ck_assert_uint_eq(mars_tensor_dtype(again), ns);
        must(mars_fetch(s, again, made, NULL, &err));
        ck_assert(made[0] == values[0] && made[1] == values[1]);
        must_fail(MARS_ERROR_NAME_TAKEN, "when", mars_save_as(s, number, "when", &err));
        must_fail(MARS_ERROR_VALUE, "begin with a dtype", mars_save_as(s, number, "<M8[s] when", &err));
        must(mars_names(&names, s, &err));
        ck_assert(strstr(names, "when") && strstr(names, "what") && !strchr(names, '<'));
        free(names);
        must(mars_remove(s, "when", &err));
        must_fail(MARS_ERROR_NO_NAME, "no result 'when'", mars_open(&wrong, s, "when", &err));
        must(mars_save_as(s, number, "when", &err));
}
