/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "daemons/json.h"
#include "harness.h"

static void printed(const char *text, const char *expected) {
        char *said = NULL;
        size_t n;
        FILE *f = open_memstream(&said, &n);

        ck_assert_ptr_nonnull(f);
        json_text(f, text);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_str_eq(said, expected);
        free(said);
}

TEST(text_is_quoted_and_what_would_end_it_is_escaped) {
        printed("", "\"\"");
        printed(NULL, "\"\"");
        printed("a \"b\" \\c\n\x01", "\"a \\\"b\\\" \\\\c\\u000a\\u0001\"");
        printed("größe → 𝛼", "\"größe → 𝛼\"");
}

TEST(bytes_that_are_no_characters_become_the_replacement_character) {
        printed("\xff", "\"\\ufffd\"");
        printed("a\xc3", "\"a\\ufffd\"");                     /* a character that ends too early */
        printed("\xc0\xaf", "\"\\ufffd\\ufffd\"");            /* a longer form than needed */
        printed("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* half of a pair */
        printed("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

TEST(numbers_that_json_does_not_have_are_null_and_times_are_exact) {
        char *said = NULL;
        size_t n;
        FILE *f = open_memstream(&said, &n);

        ck_assert_ptr_nonnull(f);
        for (size_t k = 0; k < 3; k++) {
                json_number(f, (double[]) { NAN, -HUGE_VAL, 0.25 }[k]);
                fputc(' ', f);
        }
        json_time(f, 1700000000000007);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_str_eq(said, "null null 0.25 1700000000.000007");
        free(said);
}
