/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <string.h>

#include "harness.h"

TEST(error_set_returns_the_code_and_keeps_the_words) {
        Error err = {};

        ck_assert_int_eq(error_set(&err, ERROR_VALUE, "shapes %s do not fit", "(2,) (3,)"), ERROR_VALUE);
        ck_assert_int_eq(err.code, ERROR_VALUE);
        ck_assert_str_eq(err.text, "shapes (2,) (3,) do not fit");
}

TEST(error_words_grow_outwards) {
        Error err = {};
        int r = error_set(&err, ERROR_LINALG, "singular matrix");

        r = error_prefix(&err, r, "inv");
        r = error_prefix(&err, r, "task %d", 7);
        ck_assert_int_eq(r, ERROR_LINALG);
        ck_assert_str_eq(err.text, "task 7: inv: singular matrix");
}

TEST(an_errno_without_words_gets_those_of_the_system) {
        Error err = {};

        ck_assert_int_eq(error_prefix(&err, -ECONNRESET, "input from w7"), -ECONNRESET);
        ck_assert_str_eq(err.text, "input from w7: Connection reset by peer");
        error_prefix(&err, -99999, "odd");
        ck_assert_str_eq(err.text, "odd: error 99999");
}

TEST(words_of_a_forgiven_failure_do_not_come_back) {
        Error err = {};

        error_set(&err, ERROR_VALUE, "no such thing");
        error_prefix(&err, -ENOENT, "open");
        ck_assert_str_eq(err.text, "open: No such file or directory");
        ck_assert_int_eq(err.code, -ENOENT);
}

TEST(error_words_may_be_made_of_themselves) {
        Error err = {};

        error_set(&err, ERROR_VALUE, "inner");
        error_set(&err, ERROR_TYPE, "<%s>", err.text);
        ck_assert_str_eq(err.text, "<inner>");
}

TEST(too_many_words_are_cut_between_characters) {
        for (int shift = 0; shift < 4; shift++) {
                char long_text[2 * MAX_ERROR_TEXT];
                Error err = {};
                size_t n = 0;

                for (; n < (size_t) shift; n++)
                        long_text[n] = 'x';
                for (; n + 3 < sizeof(long_text); n += 3)
                        memcpy(long_text + n, "…", 3);
                long_text[n] = '\0';
                error_set(&err, ERROR_VALUE, "%s", long_text);
                n = strlen(err.text);
                ck_assert_uint_ge(n, MAX_ERROR_TEXT - 4);
                ck_assert_uint_eq((n - (size_t) shift) % 3, 0);
                error_prefix(&err, ERROR_VALUE, "%s", long_text);
                n = strlen(err.text);
                ck_assert_uint_ge(n, MAX_ERROR_TEXT - 4);
                ck_assert_uint_lt(n, MAX_ERROR_TEXT);
        }
}

TEST(errors_without_a_place_for_words_are_codes) {
        ck_assert_int_eq(error_set(NULL, ERROR_INDEX, "x"), ERROR_INDEX);
        ck_assert_int_eq(error_prefix(NULL, ERROR_INDEX, "x"), ERROR_INDEX);
        ck_assert_int_eq(error_oom(NULL, 1), ERROR_MEMORY);
}

TEST(out_of_memory_names_the_size_as_numpy_does) {
        static const struct {
                size_t size_bytes;
                const char *text;
        } cases[] = {
                { 0, "Unable to allocate 0 bytes" },
                { 1023, "Unable to allocate 1023 bytes" },
                { 1024, "Unable to allocate 1.00 KiB" },
                { 1000 * KiB, "Unable to allocate 1000 KiB" },
                { MiB - 1, "Unable to allocate 1.00 MiB" },
                { 8000000000, "Unable to allocate 7.45 GiB" },
                { SIZE_MAX, "Unable to allocate 16.0 EiB" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Error err = {};

                ck_assert_int_eq(error_oom(&err, cases[i].size_bytes), ERROR_MEMORY);
                ck_assert_str_eq(err.text, cases[i].text);
        }
}
