/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

TEST(every_operator_is_described_and_found_by_its_name) {
        ck_assert_uint_gt(mars_op_count(), 50);
        for (unsigned i = 0; i < mars_op_count(); i++) {
                const mars_op_info *info = mars_op_describe(i);
                unsigned number          = 0;

                ck_assert_ptr_nonnull(info);
                ck_assert(info->name[0] && info->doc[0] && info->family[0] && info->n_out >= 1);
                must(mars_op_find(&number, info->name, &err));
                ck_assert_uint_eq(number, i);
                for (unsigned k = 0; k < info->n_param; k++) {
                        ck_assert_msg(info->param[k].name && info->param[k].doc, "%s: parameter %u", info->name, k);
                        ck_assert_int_le(info->param[k].kind, MARS_PARAM_TEXT);
                }
        }
        ck_assert_ptr_null(mars_op_describe(mars_op_count()));
}

TEST(strangers_are_not_found) {
        unsigned number = 7;

        must_fail(MARS_ERROR_VALUE, "no operator 'frobnicate'", mars_op_find(&number, "frobnicate", &err));
        must_fail(MARS_ERROR_VALUE, "no operator", mars_op_find(&number, NULL, &err));
        ck_assert_uint_eq(number, 7);
        ck_assert_str_eq(mars_version(), MARS_VERSION);
}

TEST(dtypes_have_names_sizes_and_numpys_promotion) {
        mars_dtype t;

        for (mars_dtype d = MARS_BOOL; d <= MARS_COMPLEX128; d++) {
                must(mars_dtype_from_name(&t, mars_dtype_name(d), &err));
                ck_assert_int_eq(t, d);
                ck_assert_uint_ge(mars_dtype_size(d), 1);
                ck_assert(mars_can_cast(d, MARS_COMPLEX128, "safe"));
                ck_assert_int_eq(mars_promote_types(d, d), d);
        }
        ck_assert_int_eq(mars_promote_types(MARS_INT64, MARS_UINT64), MARS_FLOAT64);
        ck_assert_int_eq(mars_promote_types(MARS_INT64, (mars_dtype) 200), MARS_DTYPE_NONE);
        ck_assert(!mars_can_cast(MARS_FLOAT64, MARS_INT32, "same_kind"));
        ck_assert(!mars_can_cast(MARS_BOOL, MARS_BOOL, "maybe"));
        ck_assert_uint_eq(mars_dtype_size((mars_dtype) 200), 0);
        must_fail(MARS_ERROR_TYPE, "data type 'float31' not understood", mars_dtype_from_name(&t, "float31", &err));
}
