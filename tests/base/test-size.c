/* SPDX-License-Identifier: Apache-2.0 */
#include "base/size.h"

#include <string.h>

#include "harness.h"

TEST(sizes_are_read_as_people_write_them) {
        static const struct {
                const char *text;
                uint64_t bytes;
        } cases[] = {
                { "0", 0 },
                { "1048576", 1048576 },
                { "512m", 512 * MiB },
                { "512 M", 512 * MiB },
                { " 2g ", 2 * GiB },
                { "2Gb", 2 * GiB },
                { "1.5GiB", GiB + GiB / 2 },
                { ".5k", 512 },
                { "1.", 1 },
                { "17b", 17 },
                { "0.0001k", 0 },
                { "3t", (uint64_t) 3 << 40 },
                { "15.999999e", 18446742920788047009ull },
                { "18446744073709551615", UINT64_MAX },
                { "1.00000000000000000000000000000000000001m", MiB },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                Error err      = {};
                uint64_t bytes = 1;

                ck_assert_msg(size_parse(cases[k].text, 0, &bytes, &err) == 0, "%s", err.text);
                ck_assert_msg(bytes == cases[k].bytes, "%s is %llu", cases[k].text, (unsigned long long) bytes);
        }
}

TEST(shares_are_exact_for_any_total) {
        static const struct {
                const char *text;
                uint64_t total, bytes;
        } cases[] = {
                { "50%", 10, 5 },
                { "50 %", 11, 5 },
                { "0%", 10, 0 },
                { "12.5%", 8 * GiB, GiB },
                { "100%", UINT64_MAX, UINT64_MAX },
                { "99.999999999999999%", UINT64_MAX, 18446744073709551430ull },
                { "100.000000000000000%", UINT64_MAX, UINT64_MAX },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                Error err      = {};
                uint64_t bytes = 1;

                ck_assert_msg(size_parse(cases[k].text, cases[k].total, &bytes, &err) == 0, "%s", err.text);
                ck_assert_msg(bytes == cases[k].bytes, "%s is %llu", cases[k].text, (unsigned long long) bytes);
        }
}

TEST(what_is_no_size_is_refused_with_words_that_quote_it) {
        static const char *const cases[] = {
                "",
                "m",
                "-1",
                "+1",
                "1 2",
                "1m2",
                "1.2.3",
                "0x10",
                "1e3",
                "1mm",
                "1,5g",
                "5q",
                "50%%",
                "50%m",
                "1kib2",
                "inf",
                "nan",
                "1ki",
                "101%",
                "1 m b",
                "16e",
                "1e5m",
                "½g",
                "18446744073709551616",
                "99999999999999999999999999999999999999999999",
                "99999999999999999999999999999999999999999%",
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                Error err      = {};
                uint64_t bytes = 77;

                ck_assert_msg(size_parse(cases[k], GiB, &bytes, &err) == ERROR_VALUE, "%s", cases[k]);
                ck_assert_int_eq(err.code, ERROR_VALUE);
                ck_assert_ptr_nonnull(strstr(err.text, cases[k]));
                ck_assert_uint_eq(bytes, 77);
        }
}

TEST(share_of_nothing_is_refused) {
        uint64_t bytes;

        ck_assert_int_eq(size_parse("50%", 0, &bytes, NULL), ERROR_VALUE);
}

TEST(printed_sizes_have_three_digits) {
        static const struct {
                uint64_t bytes;
                const char *text;
        } cases[] = {
                { 0, "0 bytes" },          { 1023, "1023 bytes" },      { KiB, "1.00 KiB" }, { 1536 * KiB, "1.50 MiB" },
                { 256 * MiB, "256 MiB" }, { 1000 * MiB, "1000 MiB" },  { 24 * GiB, "24.0 GiB" },
                { 102348 * KiB, "99.9 MiB" }, { 102349 * KiB, "100 MiB" },
                { 1023 * KiB + 1000, "1.00 MiB" }, { UINT64_MAX, "16.0 EiB" },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                char text[SIZE_TEXT_MAX];

                ck_assert_str_eq(size_print(cases[k].bytes, text), cases[k].text);
        }
}
