/* SPDX-License-Identifier: Apache-2.0 */
/* Most numbers have at most 19 digits and a small power of ten: then the digits as an integer below 2^53, times or
 * divided by a power of ten below 10^23, is one rounding of exact operands, so it is the nearest double (Clinger 1990).
 * strtod() has the others; it is several times slower. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/number.h"

enum {
        DIGITS_MAX   = 19, /* fit 64 bits */
        EXACT_POWER  = 22, /* of ten is a double */
        EXPONENT_MAX = 1 << 20,
};

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool special(const char *at, const char *end, double *ret) {
        const bool negative = at < end && *at == '-';
        const size_t n      = (size_t) (end - at) - (at < end && (*at == '-' || *at == '+'));
        const char *word    = end - n;
        double v;

        if (n == 3 && strncasecmp(word, "nan", n) == 0)
                v = __builtin_nan("");
        else if ((n == 3 && strncasecmp(word, "inf", n) == 0) || (n == 8 && strncasecmp(word, "infinity", n) == 0))
                v = __builtin_inf();
        else
                return false;
        *ret = negative ? -v : v;
        return true;
}

/* What is known to be a number. */
static bool slow(const char *at, const char *end, double *ret) {
        char text[NUMBER_MAX];
        const size_t n = (size_t) (end - at);
        char *stop;

        if (n >= sizeof(text))
                return false;
        memcpy(text, at, n);
        text[n] = '\0';
        for (char *point = text; *localeconv()->decimal_point != '.' && (point = strchr(point, '.'));)
                *point = *localeconv()->decimal_point;
        *ret = strtod(text, &stop);
        return stop == text + n;
}

bool number_f64(const char *at, const char *end, double *ret) {
        static const double powers[EXACT_POWER + 1] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
        const char *const begin                     = at;
        const bool negative                         = at < end && *at == '-';
        uint64_t digits                             = 0;
        int n_digits = 0, n_all = 0, exponent = 0;
        double v;

        at += at < end && (*at == '-' || *at == '+');
        for (bool point = false; at < end; at++) {
                if (*at == '.' && !point) {
                        point = true;
                        continue;
                }
                if (!is_digit(*at))
                        break;
                n_all++;
                if (n_digits < DIGITS_MAX) {
                        digits = digits * 10 + (uint64_t) (*at - '0');
                        n_digits += digits > 0;
                        exponent -= point;
                } else
                        n_digits = DIGITS_MAX + 1;
        }
        if (n_all == 0)
                return special(begin, end, ret);
        if (at < end && (*at == 'e' || *at == 'E')) {
                bool down;
                int e = 0;

                at++;
                down = at < end && *at == '-';
                at += at < end && (*at == '-' || *at == '+');
                if (at == end)
                        return false;
                for (; at < end && is_digit(*at); at++)
                        e = MIN(e * 10 + (*at - '0'), (int) EXPONENT_MAX);
                exponent += down ? -e : e;
        }
        if (at != end)
                return false;
        if (n_digits > DIGITS_MAX || digits >> 53 || exponent < -EXACT_POWER || exponent > EXACT_POWER)
                return slow(begin, end, ret);
        v    = exponent < 0 ? (double) digits / powers[-exponent] : (double) digits * powers[exponent];
        *ret = negative ? -v : v;
        return true;
}

static bool integer_of(const char *at, const char *end, DType dtype, Scalar *ret) {
        const bool negative = at < end && *at == '-';
        uint64_t v          = 0;

        at += at < end && (*at == '-' || *at == '+');
        if (at == end)
                return false;
        for (; at < end; at++)
                if (!is_digit(*at) || __builtin_mul_overflow(v, 10, &v) ||
                    __builtin_add_overflow(v, (uint64_t) (*at - '0'), &v))
                        return false;
        if (negative && v > (uint64_t) INT64_MAX + 1)
                return false;
        *ret = negative || v <= INT64_MAX ? (Scalar) { .dtype = DTYPE_I64, .u64 = negative ? -v : v }
                                          : (Scalar) { .dtype = DTYPE_U64, .u64 = v };
        return scalar_fits(*ret, dtype);
}

bool number_of(const char *at, const char *end, DType dtype, char *ret) {
        Scalar value = { .dtype = DTYPE_F64 };
        bool ok;

        if (dtype == DTYPE_F64) {
                ok = number_f64(at, end, &value.f64);
                memcpy(ret, &value.f64, sizeof(value.f64));
                return ok;
        }
        ok = dtype_kind(dtype) == KIND_FLOAT ? number_f64(at, end, &value.f64) : integer_of(at, end, dtype, &value);
        if (!ok)
                return false;
        value = scalar_cast(value, dtype);
        memcpy(ret, value.bytes, dtype_size(dtype));
        return true;
}
