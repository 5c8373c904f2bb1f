/* SPDX-License-Identifier: Apache-2.0 */
/* The types of times: names, promotion, casting, and how units relate. Units are in the order of their lengths, so
 * that the common one of two is the later; what has no unit comes first. Years and months have no length in days,
 * except that a date begins on one: dates go from months to days by the calendar, timedeltas do not mix them. */
#include <string.h>

#include "client/times.h"

static const char *const unit_names[N_UNIT] = { "",   "[Y]",  "[M]",  "[W]",  "[D]",  "[h]",  "[m]",
                                                "[s]", "[ms]", "[us]", "[ns]", "[ps]", "[fs]", "[as]" };

#define OF_UNITS(kind)                                                                                                 \
        { kind, kind "[Y]", kind "[M]", kind "[W]", kind "[D]", kind "[h]", kind "[m]", kind "[s]", kind "[ms]",       \
          kind "[us]", kind "[ns]", kind "[ps]", kind "[fs]", kind "[as]" }
static const char *const names[2][N_UNIT] = { OF_UNITS("timedelta64"), OF_UNITS("datetime64") };
static const char *const codes[2][N_UNIT] = { OF_UNITS("<m8"), OF_UNITS("<M8") };

const char *type_name(unsigned type) {
        return type_is_time(type) ? names[type_is_date(type)][type_unit(type)] : dtype_name((DType) type);
}

const char *type_code(unsigned type) {
        return type_is_time(type) ? codes[type_is_date(type)][type_unit(type)] : dtype_code((DType) type);
}

bool type_from_name(const char *name, unsigned *ret) {
        static const struct {
                const char *text;
                unsigned kind;
        } kinds[] = { { "datetime64", MARS_DATETIME64 }, { "timedelta64", MARS_TIMEDELTA64 },
                      { "M8", MARS_DATETIME64 },         { "m8", MARS_TIMEDELTA64 } };
        const char *plain = *name && strchr("<=", *name) ? name + 1 : name;
        DType dtype;

        if (dtype_from_name(name, &dtype)) {
                *ret = dtype;
                return true;
        }
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                const size_t n = strlen(kinds[k].text);

                for (unsigned u = 0; strncmp(plain, kinds[k].text, n) == 0 && u < N_UNIT; u++)
                        if (strcmp(plain + n, unit_names[u]) == 0) {
                                *ret = kinds[k].kind + u;
                                return true;
                        }
        }
        return false;
}

/* ---- Promotion and casting -------------------------------------------------------------------------------------- */

static bool is_calendar(mars_unit unit) {
        return unit == MARS_UNIT_Y || unit == MARS_UNIT_M;
}

/* Whether a time can be told in that unit: dates always, timedeltas on their side of the calendar. */
static bool unit_reaches(unsigned time, mars_unit unit) {
        const mars_unit own = type_unit(time);

        return type_is_date(time) || own == MARS_UNIT_GENERIC || unit == MARS_UNIT_GENERIC ||
               is_calendar(own) == is_calendar(unit);
}

/* Integers that are timedeltas without a unit beside times. */
static bool is_count(unsigned type) {
        return type != DTYPE_U64 && type < DTYPE_F16;
}

bool type_promote(unsigned a, unsigned b, unsigned *ret) {
        if (!type_is_time(a) && !type_is_time(b)) {
                *ret = dtype_promote((DType) a, (DType) b);
                return true;
        }
        if (!type_is_time(a) || !type_is_time(b)) {
                const unsigned time = type_is_time(a) ? a : b, other = type_is_time(a) ? b : a;

                *ret = time;
                return type_is_delta(time) && is_count(other);
        }
        *ret = (type_is_date(a) || type_is_date(b) ? MARS_DATETIME64 : MARS_TIMEDELTA64) +
               MAX(type_unit(a), type_unit(b));
        return unit_reaches(a, type_unit(*ret)) && unit_reaches(b, type_unit(*ret));
}

bool type_can_cast(unsigned from, unsigned to, Casting casting) {
        if (!type_is_time(from) && !type_is_time(to))
                return dtype_can_cast((DType) from, (DType) to, casting);
        if (from == to || casting == CASTING_UNSAFE)
                return true;
        if (casting < CASTING_SAFE)
                return false;
        if (!type_is_time(from))
                return type_is_delta(to) && (casting == CASTING_SAFE ? is_count(from) : from < DTYPE_F16);
        if (!type_is_time(to) || type_is_date(from) != type_is_date(to) || type_unit(to) == MARS_UNIT_GENERIC)
                return false;
        return unit_reaches(from, type_unit(to)) && (casting > CASTING_SAFE || type_unit(from) <= type_unit(to));
}

/* ---- Units ------------------------------------------------------------------------------------------------------ */

static int64_t common_divisor(int64_t a, int64_t b) {
        while (b != 0) { /* Euclid */
                const int64_t rest = a % b;

                a = b;
                b = rest;
        }
        return a;
}

int unit_scale(mars_unit from, mars_unit to, int64_t *ret_multiply, int64_t *ret_divide, Error *err) {
        static const int64_t in_next_coarser[N_UNIT] = {
                [MARS_UNIT_M] = 12,    [MARS_UNIT_D] = 7,     [MARS_UNIT_H] = 24,    [MARS_UNIT_MIN] = 60,
                [MARS_UNIT_S] = 60,    [MARS_UNIT_MS] = 1000, [MARS_UNIT_US] = 1000, [MARS_UNIT_NS] = 1000,
                [MARS_UNIT_PS] = 1000, [MARS_UNIT_FS] = 1000, [MARS_UNIT_AS] = 1000,
        };
        enum { ERA_DAYS = 146097, ERA_YEARS = 400 }; /* of the Gregorian calendar */
        static const int64_t most = (int64_t) 1 << 56; /* NumPy's limit */
        const mars_unit fine      = MAX(from, to);
        mars_unit at              = MIN(from, to);
        int64_t multiply = 1, divide = 1, days = 1, divisor;
        bool large = false;

        if (is_calendar(at) && !is_calendar(fine)) {
                days     = ERA_DAYS;
                divide   = ERA_YEARS * (at == MARS_UNIT_M ? 12 : 1) * (fine == MARS_UNIT_W ? 7 : 1);
                at       = fine == MARS_UNIT_W ? MARS_UNIT_W : MARS_UNIT_D;
        }
        for (unsigned u = at + 1; at != MARS_UNIT_GENERIC && u <= fine && !large; u++)
                large = __builtin_mul_overflow(multiply, in_next_coarser[u], &multiply) || multiply >= most;
        if (large || __builtin_mul_overflow(multiply, days, &multiply))
                return error_set(err, ERROR_OVERFLOW,
                                 "Integer overflow getting a common metadata divisor for NumPy datetime metadata %s "
                                 "and %s.", unit_names[from], unit_names[to]);
        divisor = common_divisor(multiply, divide);
        *ret_multiply = (from <= to ? multiply : divide) / divisor;
        *ret_divide   = (from <= to ? divide : multiply) / divisor;
        return 0;
}

int units_meet(mars_unit a, mars_unit b, Error *err) {
        const mars_unit fine = MAX(a, b), coarse = MIN(a, b);
        /* what is counted by the calendar is told in days first */
        const mars_unit from = is_calendar(coarse) && fine > MARS_UNIT_D ? MARS_UNIT_D : coarse;
        int64_t multiply, divide;

        return unit_scale(from, fine, &multiply, &divide, err);
}
