/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters by name, as mars.h has them, become the operator's parameter struct. What was left out has its
 * fallback. Lists and texts follow the struct in the same memory, so the caller's may go as soon as the expression
 * exists. */
#include <stdlib.h>
#include <string.h>

#include "client/expr.h"
#include "graph/params.h"

static const char *const kind_words[] = {
        [MARS_PARAM_BOOL]  = "a boolean",
        [MARS_PARAM_I64]   = "an integer",
        [MARS_PARAM_F64]   = "a number",
        [MARS_PARAM_SCALAR] = "a scalar",
        [MARS_PARAM_DTYPE] = "a dtype",
        [MARS_PARAM_DIMS]  = "a list of integers",
        [MARS_PARAM_TEXT]  = "a text",
};

static_assert((int) MARS_PARAM_BOOL == (int) PARAM_BOOL && (int) MARS_PARAM_TEXT == (int) PARAM_TEXT,
              "both headers count kinds of parameters alike");

static size_t align_up(size_t size) {
        return (size + 15) & ~(size_t) 15;
}

/* Whether a value of this kind may stand for the parameter: an integer is also a number, a truth and a scalar. */
static bool kind_fits(ParamKind wanted, mars_param_kind given) {
        switch (wanted) {
        case PARAM_BOOL:
        case PARAM_I64:
                return given == MARS_PARAM_BOOL || given == MARS_PARAM_I64;
        case PARAM_F64:
        case PARAM_SCALAR:
                return given <= MARS_PARAM_SCALAR;
        default:
                return (int) wanted == (int) given;
        }
}

static const Param *param_named(const Op *op, const mars_param *given, Error *err) {
        if (!given->name) {
                error_set(err, ERROR_TYPE, "%s: a parameter without a name", op->name);
                return NULL;
        }
        for (const Param *p = params_of(op); p->name; p++)
                if (strcmp(p->name, given->name) == 0) {
                        if ((unsigned) given->kind < ELEMENTSOF(kind_words) && kind_fits(p->kind, given->kind))
                                return p;
                        error_set(err, ERROR_TYPE, "%s: '%s' must be %s, not %s", op->name, p->name,
                                  kind_words[p->kind],
                                  (unsigned) given->kind < ELEMENTSOF(kind_words) ? kind_words[given->kind]
                                                                                  : "of a kind that does not exist");
                        return NULL;
                }
        error_set(err, ERROR_TYPE, "%s() got an unexpected argument '%s'", op->name, given->name);
        return NULL;
}

int param_size(const Op *op, const mars_param *params, size_t n_params, size_t *ret_size, Error *err) {
        size_t size = align_up(op->params_size);

        for (size_t i = 0; i < n_params; i++) {
                const Param *p = param_named(op, &params[i], err);

                if (!p)
                        return ERROR_TYPE;
                for (size_t k = 0; k < i; k++)
                        if (strcmp(params[k].name, p->name) == 0)
                                return error_set(err, ERROR_TYPE, "%s() got multiple values for argument '%s'",
                                                 op->name, p->name);
                if (p->kind == PARAM_DIMS) {
                        if (params[i].n >= UINT32_MAX || (params[i].n > 0 && !params[i].dims))
                                return error_set(err, ERROR_VALUE, "%s: '%s' has %zu numbers", op->name, p->name,
                                                 params[i].n);
                        size += align_up(params[i].n * sizeof(int64_t));
                } else if (p->kind == PARAM_TEXT && params[i].text)
                        size += align_up(strlen(params[i].text) + 1);
        }
        *ret_size = size;
        return 0;
}

static Scalar scalar_of(const mars_param *given) {
        Scalar s;

        switch (given->kind) {
        case MARS_PARAM_BOOL:
                return scalar_from_i64(DTYPE_BOOL, given->i64 != 0);
        case MARS_PARAM_I64:
                return scalar_from_i64(DTYPE_I64, given->i64);
        case MARS_PARAM_F64:
                return scalar_from_f64(DTYPE_F64, given->f64);
        default:
                s = (Scalar) { .dtype = (DType) given->scalar.dtype };
                memcpy(s.bytes, given->scalar.bytes, (unsigned) s.dtype < _DTYPE_MAX ? dtype_size(s.dtype) : 0);
                return s;
        }
}

static void param_write(const Param *p, const mars_param *given, void *params, char **extra) {
        void *at = (char *) params + p->offset;

        switch (p->kind) {
        case PARAM_BOOL:
                *(bool *) at = given->i64 != 0;
                break;
        case PARAM_I64:
                *(int64_t *) at = given->kind == MARS_PARAM_BOOL ? given->i64 != 0 : given->i64;
                break;
        case PARAM_F64:
                *(double *) at = scalar_f64(scalar_of(given));
                break;
        case PARAM_SCALAR:
                *(Scalar *) at = scalar_of(given);
                break;
        case PARAM_DTYPE:
                *(int *) at = (int) given->i64;
                break;
        case PARAM_DIMS:
                *(Dims *) at = (Dims) { .n = (uint32_t) given->n, .given = true };
                if (given->n > 0)
                        ((Dims *) at)->v = memcpy(*extra, given->dims, given->n * sizeof(int64_t));
                *extra += align_up(given->n * sizeof(int64_t));
                break;
        case PARAM_TEXT:
                *(const char **) at = given->text ? *extra : NULL;
                if (given->text) {
                        memcpy(*extra, given->text, strlen(given->text) + 1);
                        *extra += align_up(strlen(given->text) + 1);
                }
                break;
        }
}

int param_fill(const Op *op, const mars_param *params, size_t n_params, void *ret, Error *err) {
        char *extra = (char *) ret + align_up(op->params_size);
        int r;

        memset(ret, 0, op->params_size);
        for (const Param *p = params_of(op); p->name; p++) {
                const mars_param *given = NULL;

                for (size_t i = 0; i < n_params && !given; i++)
                        if (strcmp(params[i].name, p->name) == 0)
                                given = &params[i];
                if (given) {
                        param_write(p, given, ret, &extra);
                        continue;
                }
                r = param_default(p, ret, err);
                if (r < 0)
                        return error_prefix(err, r, "%s", op->name);
        }
        return params_check(op, ret, err);
}
