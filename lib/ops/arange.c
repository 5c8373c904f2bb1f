/* SPDX-License-Identifier: Apache-2.0 */
/* arange and linspace: elements from their index alone. The index becomes a double exactly (below 2^53), in a way that
 * vectors have at every CPU level: there is no conversion of int64 before AVX-512. */
#include <string.h>

#include "ops/complex.h"

/* NumPy computes the first two elements and goes on by their difference in the dtype. */
static Scalar scalar_add(Scalar a, Scalar b, DType to) {
        DType t = dtype_promote(a.dtype, b.dtype);

        a = scalar_cast(a, t);
        b = scalar_cast(b, t);
        if (dtype_kind(t) == KIND_COMPLEX) {
                a = scalar_cast(a, DTYPE_C128);
                b = scalar_cast(b, DTYPE_C128);
                a.c128[0] += b.c128[0];
                a.c128[1] += b.c128[1];
        } else if (dtype_kind(t) == KIND_FLOAT)
                a = scalar_from_f64(DTYPE_F64, scalar_f64(a) + scalar_f64(b));
        else if (t == DTYPE_U64)
                a.u64 += b.u64;
        else
                a = scalar_from_i64(DTYPE_I64, scalar_i64(a) + scalar_i64(b));
        return scalar_cast(a, to);
}

#define ARANGE_BEGIN_(D)                                                                                               \
        const ArangeParams *p = params;                                                                                \
        const Scalar s0 = scalar_cast(p->start, DTYPE_##D), s1 = scalar_add(p->start, p->step, DTYPE_##D);             \
        MEMORY_##D m0, m1, *restrict to = out;                                                                         \
                                                                                                                       \
        memcpy(&m0, s0.bytes, sizeof(m0));                                                                             \
        memcpy(&m1, s1.bytes, sizeof(m1));
#define ARANGE_INTEGER_(D, ...)                                                                                        \
        static void arange_##D(size_t n, int64_t first, int64_t step, const void *params, void *out) {                 \
                ARANGE_BEGIN_(D)                                                                                       \
                const UNSIGNED_##D delta = (UNSIGNED_##D) m1 - (UNSIGNED_##D) m0;                                      \
                const UNSIGNED_##D from = (UNSIGNED_##D) m0 + (UNSIGNED_##D) first * delta;                            \
                const UNSIGNED_##D by = (UNSIGNED_##D) step * delta;                                                   \
                                                                                                                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        to[i] = (MEMORY_##D) (from + (UNSIGNED_##D) i * by);                                           \
        }
#define ARANGE_FLOAT_(D, ...)                                                                                          \
        static void arange_##D(size_t n, int64_t first, int64_t step, const void *params, void *out) {                 \
                ARANGE_BEGIN_(D)                                                                                       \
                const CTYPE_##D start = LOAD_##D(m0), delta = LOAD_##D(m1) - start;                                    \
                                                                                                                       \
                EACH_INDEX(to[i] = STORE_##D(start + (CTYPE_##D) at * delta))                                          \
        }
#define ARANGE_COMPLEX_(D, R, ...)                                                                                     \
        static void arange_##D(size_t n, int64_t first, int64_t step, const void *params, void *out) {                 \
                ARANGE_BEGIN_(D)                                                                                       \
                const MEMORY_##D start = m0, delta = m1 - m0;                                                          \
                                                                                                                       \
                EACH_INDEX(to[i] = COMPLEX_CALL_(start, _of)(RE(start) + (R) at * RE(delta),                           \
                                                             IM(start) + (R) at * IM(delta)))                          \
        }
/* Runs the statement for each i with `at`, its index, as a double. */
#define EACH_INDEX(statement)                                                                                          \
        for (size_t from = 0; from < n; from += STRIP) {                                                               \
                const int32_t m = (int32_t) MIN(n - from, (size_t) STRIP);                                             \
                const double at0 = (double) (first + (int64_t) from * step), by = (double) step;                       \
                                                                                                                       \
                for (int32_t k = 0; k < m; k++) {                                                                      \
                        const size_t i = from + (size_t) k;                                                            \
                        const double at = at0 + (double) k * by;                                                       \
                        statement;                                                                                     \
                }                                                                                                      \
        }
INTEGERS(ARANGE_INTEGER_, )
FLOATS(ARANGE_FLOAT_, )
ARANGE_COMPLEX_(C64, float)
ARANGE_COMPLEX_(C128, double)

#define ARANGE_ROW_(D, ...) { DTYPE_##D, arange_##D },

OP(arange) = {
        .name        = "arange",
        .doc         = "Numbers from start on, each one step after the one before.\n\n"
                       "The numbers are start + i * step, of which the first two are rounded to the dtype, as NumPy "
                       "does.",
        .family      = FAMILY_SOURCE,
        .inputs      = "",
        .params_size = sizeof(ArangeParams),
        .params =
                (const Param[]) {
                        SOURCE_PARAM_LIST,
                        PARAM(ArangeParams, start, PARAM_SCALAR, "0", "The first number."),
                        PARAM(ArangeParams, step, PARAM_SCALAR, "1", "From each number to the next."),
                        {},
                },
        .generate = (const SourceKernel[]) { NUMBERS(ARANGE_ROW_, ) {} },
};

/* Computed in double and then cast; integers are rounded down. The last element is `stop` itself. */
#define LINSPACE_(D, cast)                                                                                             \
        static void linspace_##D(size_t n, int64_t first, int64_t step, const void *params, void *out) {               \
                const LinspaceParams *p = params;                                                                      \
                const int64_t length = p->source.shape.v[0], parts = p->endpoint ? length - 1 : length;                \
                const double start = scalar_f64(p->start), stop = scalar_f64(p->stop), delta = stop - start;           \
                const double each = parts > 0 ? delta / (double) parts : 1;                                            \
                const double divisor = each == 0 ? (double) parts : 1, factor = each == 0 || parts < 1 ? delta : each; \
                MEMORY_##D *restrict to = out;                                                                         \
                                                                                                                       \
                EACH_INDEX({                                                                                           \
                        double y = at / divisor * factor + start;                                                      \
                        to[i] = cast(y);                                                                               \
                })                                                                                                     \
                if (p->endpoint && parts > 0)                                                                          \
                        for (size_t i = 0; i < n; i++)                                                                 \
                                to[i] = first + (int64_t) i * step == parts ? cast(stop) : to[i];                      \
        }
#define TO_I32(y) i32_from_f64(floor(y))
#define TO_I64(y) i64_from_f64(floor(y))
#define TO_U64(y) u64_from_f64(floor(y))
LINSPACE_(I8, (int8_t) TO_I32)
LINSPACE_(U8, (uint8_t) TO_I32)
LINSPACE_(I16, (int16_t) TO_I32)
LINSPACE_(U16, (uint16_t) TO_I32)
LINSPACE_(I32, TO_I32)
LINSPACE_(U32, (uint32_t) TO_I64)
LINSPACE_(I64, TO_I64)
LINSPACE_(U64, TO_U64)
LINSPACE_(F16, f16_from_f64)
LINSPACE_(F32, (float))
LINSPACE_(F64, (double))

#define LINSPACE_COMPLEX_(D, R)                                                                                        \
        static void linspace_##D(size_t n, int64_t first, int64_t step, const void *params, void *out) {               \
                const LinspaceParams *p = params;                                                                      \
                const int64_t length = p->source.shape.v[0], parts = p->endpoint ? length - 1 : length;                \
                const Scalar from_ = scalar_cast(p->start, DTYPE_C128), to_ = scalar_cast(p->stop, DTYPE_C128);        \
                const c128 start = c128_of(from_.c128[0], from_.c128[1]), stop = c128_of(to_.c128[0], to_.c128[1]);    \
                const c128 delta = stop - start;                                                                       \
                const c128 each = parts > 0 ? c128_of(RE(delta) / (double) parts, IM(delta) / (double) parts) : 1;     \
                const double divisor = each == 0 ? (double) parts : 1;                                                 \
                const c128 factor = each == 0 || parts < 1 ? delta : each;                                             \
                MEMORY_##D *restrict to = out;                                                                         \
                                                                                                                       \
                EACH_INDEX(to[i] = COMPLEX_CALL_(*to, _of)((R) (at / divisor * RE(factor) + RE(start)),                \
                                                           (R) (at / divisor * IM(factor) + IM(start))))               \
                if (p->endpoint && parts > 0)                                                                          \
                        for (size_t i = 0; i < n; i++)                                                                 \
                                if (first + (int64_t) i * step == parts)                                               \
                                        to[i] = (MEMORY_##D) stop;                                                     \
        }
LINSPACE_COMPLEX_(C64, float)
LINSPACE_COMPLEX_(C128, double)

#define LINSPACE_ROW_(D, ...) { DTYPE_##D, linspace_##D },

OP(linspace) = {
        .name        = "linspace",
        .doc         = "Numbers at equal distances from start to stop.",
        .family      = FAMILY_SOURCE,
        .inputs      = "",
        .params_size = sizeof(LinspaceParams),
        .params      = (const Param[]) {
                SOURCE_PARAM_LIST,
                PARAM(LinspaceParams, start, PARAM_SCALAR, NULL, "The first number."),
                PARAM(LinspaceParams, stop, PARAM_SCALAR, NULL, "The last number, or the one after it."),
                PARAM(LinspaceParams, endpoint, PARAM_BOOL, "True", "Whether stop is the last number."),
                {},
        },
        .generate    = (const SourceKernel[]) { NUMBERS(LINSPACE_ROW_, ) {} },
};
