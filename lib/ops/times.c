/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of times. To the engine a time is an int64 that counts units; which ones is a matter of the tensor's
 * handle (client/times.h). What tells these operators from those of integers is NaT, the smallest integer, which is
 * passed on as NaN is, and which no comparison but not_equal finds true.
 *
 * Where NumPy sorts, NaT comes last: a - 1, which wraps, has the order in which NaT is the largest, so sorting needs no
 * operator of its own. */
#include "ops/kernel.h"

#define NAT INT64_MIN
#define IS_NAT(a) ((a) == NAT)
#define EITHER_NAT(a, b) (IS_NAT(a) | IS_NAT(b))
/* Divisors with which C can divide. */
#define SAFE(b) ((((b) == 0) | ((b) == -1)) ? 1 : (b))
/* a is no NaT, the only number that has no negative; b is not 0. */
#define QUOTIENT(a, b) ((b) == -1 ? -(a) : (a) / SAFE(b))
#define REST(a, b) ((b) == -1 ? 0 : (a) % SAFE(b))
/* C rounds to zero; this is one too many where a rest has the other sign than the divisor. */
#define ABOVE(a, b) ((REST(a, b) != 0) & (((a) ^ (b)) < 0))

#define TIME_MAP(op_, O, expr, doc_)                                                                                   \
        BINARY_LOOP_(I64, O, op_, expr)                                                                                \
        OP(op_) = {                                                                                                    \
                .name    = #op_,                                                                                       \
                .doc     = doc_,                                                                                       \
                .family  = FAMILY_MAP,                                                                                 \
                .inputs  = "a, b",                                                                                     \
                .n_in    = 2,                                                                                          \
                .kernels = KERNELS(BINARY_ROW_TO_(I64, O, op_)),                                                       \
        }

TIME_MAP(time_add, I64, EITHER_NAT(a, b) ? NAT : a + b, "Sum of two times of one unit; NaT if either is.");
TIME_MAP(time_subtract, I64, EITHER_NAT(a, b) ? NAT : a - b, "Difference of two times of one unit; NaT if either is.");
TIME_MAP(time_multiply, I64, IS_NAT(a) ? NAT : a * b, "The time a, b times; NaT if a is.");
TIME_MAP(time_divide, I64, (IS_NAT(a) | (b == 0)) ? NAT : QUOTIENT(a, b),
         "The time a divided by the integer b, rounded to zero; NaT if a is, or if b is 0.");
TIME_MAP(time_ratio, F64, EITHER_NAT(a, b) ? (double) NAN : (double) a / (double) b,
         "The quotient of two times of one unit as a float; NaN if either is NaT.");
TIME_MAP(time_floor_divide, I64, (EITHER_NAT(a, b) | (b == 0)) ? 0 : QUOTIENT(a, b) - ABOVE(a, b),
         "How often the time b goes into a, rounded down; 0 if either is NaT, or if b is 0.");
TIME_MAP(time_remainder, I64, (EITHER_NAT(a, b) | (b == 0)) ? NAT : REST(a, b) + (ABOVE(a, b) ? b : 0),
         "What time_floor_divide leaves of a, with the sign of b; NaT if either is, or if b is 0.");
TIME_MAP(time_equal, BOOL, (a == b) & !IS_NAT(a), "Whether two times of one unit are equal; NaT equals nothing.");
TIME_MAP(time_not_equal, BOOL, (a != b) | IS_NAT(a), "Whether two times differ; NaT differs from everything.");
TIME_MAP(time_less, BOOL, (a < b) & !IS_NAT(a), "Whether the time a is before b; false if either is NaT.");
TIME_MAP(time_less_equal, BOOL, (a <= b) & !EITHER_NAT(a, b),
         "Whether the time a is not after b; false if either is NaT.");

/* By a float. What is not finite, or too large, is NaT. */
#define FLOAT_LOOP_(op, expr)                                                                                          \
        MAP_FUNCTION_(op##_I64_F64) {                                                                                  \
                const int64_t *restrict in_a = arg[0];                                                                 \
                const double *restrict in_b  = arg[1];                                                                 \
                int64_t *restrict out        = arg[2];                                                                 \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const double a = (double) in_a[i], b = in_b[i];                                                \
                                                                                                                       \
                        out[i] = IS_NAT(in_a[i]) ? NAT : i64_from_f64(expr);                                           \
                }                                                                                                      \
        }
#define TIME_MAP_FLOAT(op_, expr, doc_)                                                                                \
        FLOAT_LOOP_(op_, expr)                                                                                         \
        OP(op_) = {                                                                                                    \
                .name    = #op_,                                                                                       \
                .doc     = doc_,                                                                                       \
                .family  = FAMILY_MAP,                                                                                 \
                .inputs  = "a, b",                                                                                     \
                .n_in    = 2,                                                                                          \
                .kernels = KERNELS({ { DTYPE_I64, DTYPE_F64 }, { DTYPE_I64, DTYPE_NONE }, op_##_I64_F64, {} }, ),      \
        }

TIME_MAP_FLOAT(time_multiply_float, a * b,
               "The time a, b times, rounded to zero; NaT if a is, or if that is no number.");
TIME_MAP_FLOAT(time_divide_float, a / b,
               "The time a divided by b, rounded to zero; NaT if a is, or if that is no number.");

UNARY_LOOP_(I64, BOOL, isnat, IS_NAT(a))

OP(isnat) = {
        .name    = "isnat",
        .doc     = "Whether a is NaT, not a time.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROW_TO_(I64, BOOL, isnat)),
};

/* ---- Units ------------------------------------------------------------------------------------------------------ */

typedef struct ScaleParams {
        int64_t multiply, divide;
} ScaleParams;

static inline int64_t floor_quotient(int64_t a, int64_t b) {
        return a / b - (a % b < 0);
}

MAP_FUNCTION_(time_scale_I64) {
        const ScaleParams *p       = params;
        const int64_t multiply     = p->multiply, divide = MAX(p->divide, 1);
        const int64_t *restrict in = arg[0];
        int64_t *restrict out      = arg[1];

        if (divide == 1)
                for (size_t i = 0; i < n; i++)
                        out[i] = IS_NAT(in[i]) ? NAT : in[i] * multiply;
        else
                for (size_t i = 0; i < n; i++)
                        out[i] = IS_NAT(in[i]) ? NAT : floor_quotient(in[i] * multiply, divide);
}

OP(time_scale) = {
        .name        = "time_scale",
        .doc         = "The time a in another unit: a * multiply / divide, rounded down; NaT stays.",
        .family      = FAMILY_MAP,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ScaleParams),
        .params      = (const Param[]) {
                PARAM(ScaleParams, multiply, PARAM_I64, "1", "Units of the result in one of a."),
                PARAM(ScaleParams, divide, PARAM_I64, "1", "Units of a in one of the result."),
                {},
        },
        .kernels     = KERNELS({ { DTYPE_I64 }, { DTYPE_I64, DTYPE_NONE }, time_scale_I64, {} }, ),
};

/* The Gregorian calendar repeats itself after 400 years of 146097 days. Its years are taken to begin in March, so that
 * the day that leap years have more is the last one, and the lengths of the months before it follow a line: 153 days
 * in five. */
enum { DAYS_OF_ERA = 146097, EPOCH_DAYS = 719468 /* from 1 March of year 0 to 1 January 1970 */, EPOCH_YEAR = 1970 };

static inline int64_t days_of_month(int64_t months) {
        const int64_t years = floor_quotient(months, 12), month = months - 12 * years; /* 0: January */
        const int64_t year  = years + EPOCH_YEAR - (month < 2), era = floor_quotient(year, 400);
        const int64_t in_era     = year - era * 400;
        const int64_t from_march = month < 2 ? month + 10 : month - 2;

        return era * DAYS_OF_ERA + in_era * 365 + in_era / 4 - in_era / 100 + (153 * from_march + 2) / 5 - EPOCH_DAYS;
}

static inline int64_t month_of_days(int64_t days) {
        const int64_t since      = days + EPOCH_DAYS, era = floor_quotient(since, DAYS_OF_ERA);
        const int64_t day        = since - era * DAYS_OF_ERA;
        const int64_t in_era     = (day - day / 1460 + day / 36524 - day / 146096) / 365;
        const int64_t from_march = (5 * (day - (365 * in_era + in_era / 4 - in_era / 100)) + 2) / 153;

        return (era * 400 + in_era - EPOCH_YEAR) * 12 + from_march + 2;
}

UNARY_LOOP_(I64, I64, time_days_of_months, IS_NAT(a) ? NAT : days_of_month(a))
UNARY_LOOP_(I64, I64, time_months_of_days, IS_NAT(a) ? NAT : month_of_days(a))

OP(time_days_of_months) = {
        .name    = "time_days_of_months",
        .doc     = "The first day of month a, both counted from January 1970; NaT stays.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROW_(I64, time_days_of_months)),
};

OP(time_months_of_days) = {
        .name    = "time_months_of_days",
        .doc     = "The month of day a, both counted from January 1970; NaT stays.",
        .family  = FAMILY_MAP,
        .inputs  = "a",
        .n_in    = 1,
        .kernels = KERNELS(UNARY_ROW_(I64, time_months_of_days)),
};
