/* SPDX-License-Identifier: Apache-2.0 */
/* A number is its digits and a power of ten: no floating point, so `50%` of a total is exact, no size is
 * rounded, and the locale's decimal comma has no say. */
#include <stdio.h>
#include <string.h>

#include "base/size.h"

typedef unsigned __int128 Wide;

enum { MAX_DECIMALS = 15 }; /* those beyond are cut: of a PiB they are a byte */

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* The digits at *text, which moves behind them: value / scale. False when there are none or they are too many. */
static bool number_parse(const char **text, Wide *ret_value, uint64_t *ret_scale) {
        bool any = false, point = false;
        const char *at = *text;
        int n_decimals = 0;

        *ret_value = 0;
        *ret_scale = 1;
        for (; is_digit(*at) || (*at == '.' && !point); at++) {
                if (*at == '.') {
                        point = true;
                        continue;
                }
                any = true;
                if (point && n_decimals++ >= MAX_DECIMALS)
                        continue;
                if (__builtin_mul_overflow(*ret_value, 10, ret_value) ||
                    __builtin_add_overflow(*ret_value, *at - '0', ret_value))
                        return false;
                if (point)
                        *ret_scale *= 10;
        }
        *text = at;
        return any;
}

/* "m", "MB" and "mib" are one unit, "" and "b" are bytes: the number of factors 1024, or -1. */
static int unit_parse(const char *text) {
        static const char letters[] = "kmgtpe";
        const char *letter;

        if (strcasecmp(text, "") == 0 || strcasecmp(text, "b") == 0)
                return 0;
        letter = strchr(letters, text[0] | 0x20);
        if (!letter)
                return -1;
        text++;
        if (strcasecmp(text, "") != 0 && strcasecmp(text, "b") != 0 && strcasecmp(text, "ib") != 0)
                return -1;
        return (int) (letter - letters) + 1;
}

int size_parse(const char *text, uint64_t total_bytes, uint64_t *ret, Error *err) {
        const char *at = text + strspn(text, " \t");
        char unit[8]   = "";
        uint64_t scale;
        Wide value;
        size_t n;
        int power;

        if (!number_parse(&at, &value, &scale))
                return error_set(err, ERROR_VALUE, "'%s' is no size: 512m, 1.5GiB, 50%% and 1048576 are", text);
        at += strspn(at, " \t");
        n = strcspn(at, " \t");
        if (n >= sizeof(unit) || at[n + strspn(at + n, " \t")])
                return error_set(err, ERROR_VALUE, "'%s' is no size: a number and a unit are", text);
        memcpy(unit, at, n);
        if (strcmp(unit, "%") == 0) {
                if (total_bytes == 0)
                        return error_set(err, ERROR_VALUE, "'%s' is a share of something unknown: give bytes", text);
                if (value > (Wide) 100 * scale)
                        return error_set(err, ERROR_VALUE, "'%s' is more than all of it", text);
                *ret = (uint64_t) (value * total_bytes / scale / 100);
                return 0;
        }
        power = unit_parse(unit);
        if (power < 0)
                return error_set(err, ERROR_VALUE, "'%s' has an unknown unit: k, m, g, t, p, e and %% are known", text);
        if (value / scale > UINT64_MAX >> 10 * power)
                return error_set(err, ERROR_VALUE, "'%s' is more than can be addressed", text);
        *ret = (uint64_t) ((value << 10 * power) / scale);
        return 0;
}

const char *size_print(uint64_t size_bytes, char text[static SIZE_TEXT_MAX]) {
        static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double n = (double) size_bytes;
        unsigned unit = 0;

        if (size_bytes < KiB) {
                snprintf(text, SIZE_TEXT_MAX, "%u bytes", (unsigned) size_bytes);
                return text;
        }
        for (; n >= 1023.5; n /= 1024) /* 1023.9 KiB would be printed as 1024 KiB */
                unit++;
        snprintf(text, SIZE_TEXT_MAX, n < 99.95 ? "%#.3g %s" : "%.0f %s", n, units[unit]);
        return text;
}
