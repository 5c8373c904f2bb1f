/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/number.h"

#include "harness.h"

static bool read_f64(const char *text, double *ret) {
        return number_f64(text, text + strlen(text), ret);
}

static uint64_t bits_of(double v) {
        uint64_t bits;

        memcpy(&bits, &v, sizeof(bits));
        return bits;
}

static uint64_t draw(uint64_t *state) { /* SplitMix64 */
        uint64_t z = *state += 0x9e3779b97f4a7c15;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
}

TEST(every_double_that_is_printed_is_read_back) {
        static const char *const formats[] = { "%.18e", "%.17g", "%.6f", "%+.3e", "%.40f" };
        uint64_t state                     = 7;

        for (int k = 0; k < 200000; k++) {
                uint64_t bits = draw(&state);
                char text[400];
                double v, back;

                if (k % 2) /* numbers of ordinary size */
                        v = ldexp((double) (int64_t) bits, -(int) (draw(&state) % 100));
                else
                        memcpy(&v, &bits, sizeof(v));
                if (!isfinite(v) || (fabs(v) > 1e60 && k % 5 > 1))
                        continue;
                snprintf(text, sizeof(text), formats[(size_t) k % ELEMENTSOF(formats)], v);
                ck_assert_msg(read_f64(text, &back), "%s", text);
                ck_assert_msg(bits_of(back) == bits_of(strtod(text, NULL)), "%s", text);
        }
}

TEST(texts_are_the_numbers_that_python_takes_them_for) {
        static const struct {
                const char *text;
                double value;
        } good[] = {
                { "0", 0 },
                { "-0", -0.0 },
                { "+1", 1 },
                { "1.", 1 },
                { ".5", .5 },
                { "-.5e1", -5 },
                { "1E+2", 100 },
                { "1e-2", .01 },
                { "00012", 12 },
                { "0.000", 0 },
                { "1e400", INFINITY },
                { "1e-400", 0 },
                { "inf", INFINITY },
                { "-Inf", -INFINITY },
                { "+infinity", INFINITY },
                { "0e999999999999999999", 0 },
                { "9007199254740993", 9007199254740992.0 },
                { "1e23", 1e23 },
                { "8.41", 8.41 },
                { "123456789012345678901234567890", 123456789012345678901234567890.0 },
        };
        static const char *const bad[] = { "",    "+",    "-", ".",       "e",   "e1",  "1e", "1e+", "1.2.3", "0x10",
                                           "1_0", "nano", "n", "infinit", "--1", "1 2", "١",  "1,5", "nan(1)" };
        double v;

        for (size_t k = 0; k < ELEMENTSOF(good); k++) {
                ck_assert_msg(read_f64(good[k].text, &v), "%s", good[k].text);
                ck_assert_msg(bits_of(v) == bits_of(good[k].value), "%s: %g", good[k].text, v);
        }
        for (size_t k = 0; k < ELEMENTSOF(bad); k++)
                ck_assert_msg(!read_f64(bad[k], &v), "%s", bad[k]);
        ck_assert(read_f64("nan", &v) && isnan(v) && read_f64("-NaN", &v) && isnan(v));
}

TEST(numbers_are_the_same_in_every_locale) {
        static const char *const locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "C" };
        double v;

        for (size_t k = 0; k < ELEMENTSOF(locales); k++) {
                setlocale(LC_NUMERIC, locales[k]); /* one that is not installed changes nothing */
                ck_assert(read_f64("0.1234567890123456789012345", &v) && bits_of(v) == bits_of(0.1234567890123456789));
                ck_assert(!read_f64("0,5", &v));
        }
        setlocale(LC_NUMERIC, "C");
}

TEST(integers_fit_their_dtype_or_are_refused) {
        static const struct {
                const char *text;
                DType dtype;
                bool ok;
        } cases[] = {
                { "127", DTYPE_I8, true },
                { "128", DTYPE_I8, false },
                { "-128", DTYPE_I8, true },
                { "-129", DTYPE_I8, false },
                { "255", DTYPE_U8, true },
                { "-1", DTYPE_U8, false },
                { "-0", DTYPE_U8, true },
                { "1.0", DTYPE_I32, false },
                { "", DTYPE_I32, false },
                { "9223372036854775807", DTYPE_I64, true },
                { "9223372036854775808", DTYPE_I64, false },
                { "-9223372036854775808", DTYPE_I64, true },
                { "-9223372036854775809", DTYPE_I64, false },
                { "18446744073709551615", DTYPE_U64, true },
                { "18446744073709551616", DTYPE_U64, false },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                char value[8];

                ck_assert_msg(number_of(cases[k].text, cases[k].text + strlen(cases[k].text), cases[k].dtype, value) ==
                                      cases[k].ok,
                              "%s", cases[k].text);
        }
}
