/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters are a C struct and a table that says what lies where. What the table does not name does not exist:
 * copies are made field by field into zeroed memory, so padding, unused bytes of a Scalar, and lists that were
 * not given have one form only. Lists and texts count by what they hold, numbers by their bits (-0.0 is not 0.0,
 * a NaN is equal to itself). */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "graph/graph.h"
#include "graph/params.h"

enum { MAX_PARAM_DIMS = 1 << 28 }; /* numbers in one list: past this it is a stray length, not a list of chunk sizes */

const Param *param_find(const Op *op, const char *name, ParamKind kind) {
        for (const Param *p = params_of(op); p->name; p++)
                if (p->kind == kind && strcmp(p->name, name) == 0)
                        return p;
        return NULL;
}

DType params_dtype(const Op *op, const void *params) {
        const Param *p = param_find(op, "dtype", PARAM_DTYPE);

        return p ? (DType) * (const int *) param_at(p, params) : DTYPE_NONE;
}

bool param_absent(const Param *p, const void *params) {
        const void *at = param_at(p, params);

        switch (p->kind) {
        case PARAM_BOOL:
        case PARAM_I64:
        case PARAM_F64:
                return false;
        case PARAM_SCALAR:
                return ((const Scalar *) at)->dtype == DTYPE_NONE;
        case PARAM_DTYPE:
                return *(const int *) at == DTYPE_NONE;
        case PARAM_DIMS:
                return !((const Dims *) at)->given;
        case PARAM_TEXT:
                return !*(const char *const *) at;
        }
        assert(!"a kind of parameter that does not exist");
        return false;
}

/* ---- Fallbacks ------------------------------------------------------------------------------------------------ */

static bool read_i64(const char *text, const char **ret_end, int64_t *ret) {
        char *end;

        errno = 0;
        *ret = strtoll(text, &end, 10);
        *ret_end = end;
        return end > text && errno == 0;
}

/* strtod() reads what the locale calls a number. A table's fallbacks are short: up to 15 digits and a power of
 * ten up to 22 are both exact as doubles, so that one multiplication or division rounds correctly. */
static bool read_f64(const char *text, double *ret) {
        static const double ten[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
        const double sign = *text == '-' ? -1.0 : 1.0;
        const char *s = text + (*text == '-');
        int n_digits = 0, exponent = 0;
        int64_t digits = 0, power = 0;
        bool fraction = false;

        if (strcmp(s, "inf") == 0 || strcmp(s, "nan") == 0) {
                *ret = sign * (*s == 'i' ? __builtin_inf() : __builtin_nan(""));
                return true;
        }
        for (;; s++) {
                if (*s == '.' && !fraction) {
                        fraction = true;
                        continue;
                }
                if (*s < '0' || *s > '9')
                        break;
                digits = digits * 10 + (*s - '0');
                exponent -= fraction;
                if (++n_digits > 15)
                        return false;
        }
        if (*s == 'e' && (!read_i64(s + 1, &s, &power) || power < -100 || power > 100))
                return false;
        exponent += (int) power;
        if (n_digits == 0 || *s || exponent < -22 || exponent > 22)
                return false;
        *ret = sign * (exponent < 0 ? (double) digits / ten[-exponent] : (double) digits * ten[exponent]);
        return true;
}

/* "(0, 1)", "(0,)", "0", "()". Fallbacks have no memory of their own: lists are runs of neighbouring small integers. */
static bool read_dims(const char *text, Dims *ret) {
        static const int64_t small[] = { -4, -3, -2, -1, 0, 1, 2, 3, 4 };
        const bool tuple = *text == '(';
        const char *s = text + tuple;
        uint32_t n = 0;
        int64_t first = 0, v;

        while (read_i64(s, &s, &v)) {
                if (n == 0)
                        first = v;
                if (v < small[0] || v > small[ELEMENTSOF(small) - 1] || v != first + n)
                        return false;
                n++;
                if (!tuple)
                        break;
                s += strspn(s, ", ");
        }
        if (tuple ? strcmp(s, ")") != 0 : n == 0 || *s)
                return false;
        *ret = (Dims) { .n = n, .given = true, .v = n > 0 ? &small[first - small[0]] : NULL };
        return true;
}

static bool read_dtype(const char *text, int *ret) {
        DType t;

        if (strcmp(text, "None") == 0)
                t = DTYPE_NONE;
        else if (!dtype_from_name(text, &t))
                return false;
        *ret = (int) t;
        return true;
}

static bool read_bool(const char *text, bool *ret) {
        *ret = strcmp(text, "True") == 0;
        return *ret || strcmp(text, "False") == 0;
}

static bool read_scalar(const char *text, Scalar *ret) {
        const char *end;
        int64_t i;
        double f;
        bool b;

        if (strcmp(text, "None") == 0)
                *ret = (Scalar) { .dtype = DTYPE_NONE };
        else if (read_bool(text, &b))
                *ret = scalar_from_i64(DTYPE_BOOL, b);
        else if (read_i64(text, &end, &i) && !*end)
                *ret = scalar_from_i64(DTYPE_I64, i);
        else if (read_f64(text, &f))
                *ret = scalar_from_f64(DTYPE_F64, f);
        else
                return false;
        return true;
}

static bool read_fallback(const Param *p, void *at) {
        const bool none = strcmp(p->fallback, "None") == 0;
        const char *end;

        switch (p->kind) {
        case PARAM_BOOL:
                return read_bool(p->fallback, at);
        case PARAM_I64:
                return read_i64(p->fallback, &end, at) && !*end;
        case PARAM_F64:
                return read_f64(p->fallback, at);
        case PARAM_SCALAR:
                return read_scalar(p->fallback, at);
        case PARAM_DTYPE:
                return read_dtype(p->fallback, at);
        case PARAM_DIMS:
                *(Dims *) at = (Dims) {};
                return none || read_dims(p->fallback, at);
        case PARAM_TEXT:
                *(const char **) at = none ? NULL : p->fallback;
                return !strchr("'\"", *p->fallback); /* a text stands there without quotes */
        }
        return false;
}

int param_default(const Param *p, void *params, Error *err) {
        if (!p->fallback)
                return error_set(err, ERROR_TYPE, "missing required argument '%s'", p->name);
        if (!read_fallback(p, (char *) params + p->offset))
                return error_set(err, ERROR_VALUE, "the fallback of '%s' cannot be read: %s", p->name, p->fallback);
        return 0;
}

int params_default(const Op *op, void *params, Error *err) {
        assert(op->params_size <= MAX_PARAMS_BYTES);
        memset(params, 0, op->params_size);
        for (const Param *p = params_of(op); p->name; p++) {
                int r = param_default(p, params, err);

                if (r < 0)
                        return error_prefix(err, r, "%s", op->name);
        }
        return 0;
}

/* ---- Checks, copies, equality --------------------------------------------------------------------------------- */

static int param_check(const Param *p, const void *params, Error *err) {
        const void *at = param_at(p, params);

        if (param_absent(p, params)) {
                if (!p->fallback)
                        return error_set(err, ERROR_TYPE, "missing required argument '%s'", p->name);
                return 0;
        }
        switch (p->kind) {
        case PARAM_BOOL:
        case PARAM_I64:
        case PARAM_F64:
        case PARAM_TEXT:
                return 0;
        case PARAM_SCALAR: {
                const Scalar *s = at;

                if ((unsigned) s->dtype >= _DTYPE_MAX)
                        return error_set(err, ERROR_TYPE, "'%s' has a dtype that does not exist (%d)", p->name,
                                         (int) s->dtype);
                if (s->dtype == DTYPE_BOOL && s->bytes[0] > 1)
                        return error_set(err, ERROR_VALUE, "'%s' is a bool of value %d", p->name, s->bytes[0]);
                return 0;
        }
        case PARAM_DTYPE:
                if ((unsigned) * (const int *) at >= _DTYPE_MAX)
                        return error_set(err, ERROR_TYPE, "'%s' is a dtype that does not exist (%d)", p->name,
                                         *(const int *) at);
                return 0;
        case PARAM_DIMS: {
                const Dims *d = at;

                if (d->n > MAX_PARAM_DIMS || (d->n > 0 && !d->v))
                        return error_set(err, ERROR_VALUE, "'%s' has %u numbers (at most %d)", p->name, d->n,
                                         MAX_PARAM_DIMS);
                return 0;
        }
        }
        return 0;
}

int params_check(const Op *op, const void *params, Error *err) {
        for (const Param *p = params_of(op); p->name; p++) {
                int r = param_check(p, params, err);

                if (r < 0)
                        return error_prefix(err, r, "%s", op->name);
        }
        return 0;
}

static int param_copy(Arena *arena, const Param *p, const void *params, void *ret) {
        const void *from = param_at(p, params);
        void *to = (char *) ret + p->offset;

        if (param_absent(p, params)) {
                if (p->kind == PARAM_SCALAR)
                        ((Scalar *) to)->dtype = DTYPE_NONE;
                else if (p->kind == PARAM_DTYPE)
                        *(int *) to = DTYPE_NONE;
                return 0;
        }
        switch (p->kind) {
        case PARAM_BOOL:
                *(bool *) to = *(const bool *) from;
                break;
        case PARAM_I64:
        case PARAM_F64:
                memcpy(to, from, 8);
                break;
        case PARAM_DTYPE:
                *(int *) to = *(const int *) from;
                break;
        case PARAM_SCALAR: {
                const Scalar *s = from;

                ((Scalar *) to)->dtype = s->dtype;
                memcpy(((Scalar *) to)->bytes, s->bytes, dtype_size(s->dtype));
                break;
        }
        case PARAM_DIMS: {
                const Dims *d = from;

                *(Dims *) to = (Dims) { .n = d->n, .given = true };
                if (d->n > 0 && !(((Dims *) to)->v = arena_copy(arena, d->v, d->n * sizeof(*d->v))))
                        return -ENOMEM;
                break;
        }
        case PARAM_TEXT: {
                const char *text = *(const char *const *) from;

                if (!(*(const char **) to = arena_copy(arena, text, strlen(text) + 1)))
                        return -ENOMEM;
                break;
        }
        }
        return 0;
}

int params_copy(Arena *arena, const Op *op, const void *params, const void **ret) {
        void *copy;

        if (op->params_size == 0) {
                *ret = NULL;
                return 0;
        }
        copy = arena_alloc(arena, op->params_size);
        if (!copy)
                return -ENOMEM;
        for (const Param *p = params_of(op); p->name; p++) {
                int r = param_copy(arena, p, params, copy);

                if (r < 0)
                        return r;
        }
        *ret = copy;
        return 0;
}

/* The bytes that make the value of a parameter that is there, for equality and hash. */
static const void *param_bytes(const Param *p, const void *params, size_t *ret_size_bytes) {
        const void *at = param_at(p, params);

        switch (p->kind) {
        case PARAM_BOOL:
                *ret_size_bytes = sizeof(bool);
                return at;
        case PARAM_I64:
        case PARAM_F64:
                *ret_size_bytes = 8;
                return at;
        case PARAM_DTYPE:
                *ret_size_bytes = sizeof(int);
                return at;
        case PARAM_SCALAR:
                *ret_size_bytes = dtype_size(((const Scalar *) at)->dtype);
                return ((const Scalar *) at)->bytes;
        case PARAM_DIMS:
                *ret_size_bytes = ((const Dims *) at)->n * sizeof(int64_t);
                return ((const Dims *) at)->v;
        case PARAM_TEXT:
                *ret_size_bytes = strlen(*(const char *const *) at);
                return *(const char *const *) at;
        }
        assert(!"a kind of parameter that does not exist");
        *ret_size_bytes = 0;
        return NULL;
}

bool param_equal(const Param *p, const void *a, const void *b) {
        size_t size_a, size_b;
        const void *x, *y;

        if (param_absent(p, a) || param_absent(p, b))
                return param_absent(p, a) && param_absent(p, b);
        if (p->kind == PARAM_SCALAR &&
            ((const Scalar *) param_at(p, a))->dtype != ((const Scalar *) param_at(p, b))->dtype)
                return false;
        x = param_bytes(p, a, &size_a);
        y = param_bytes(p, b, &size_b);
        return size_a == size_b && (size_a == 0 || memcmp(x, y, size_a) == 0);
}

bool params_equal(const Op *op, const void *a, const void *b) {
        for (const Param *p = params_of(op); p->name; p++)
                if (!param_equal(p, a, b))
                        return false;
        return true;
}

uint64_t params_hash(const Op *op, const void *params) {
        uint64_t h = 0;

        for (const Param *p = params_of(op); p->name; p++) {
                size_t size_bytes;
                const void *bytes;

                if (param_absent(p, params)) {
                        h++;
                        continue;
                }
                bytes = param_bytes(p, params, &size_bytes);
                h = hash_bytes(bytes, size_bytes, h);
        }
        return h;
}
