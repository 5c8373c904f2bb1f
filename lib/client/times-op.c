/* SPDX-License-Identifier: Apache-2.0 */
/* What each operation is on times: an operation on integers, a few of them, or nothing. One table says it for all
 * operators; what is not in it is refused. Handles that are made on the way are released here; the one that leaves is
 * new, so that it can be given its type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/times.h"

enum { MAX_PARAMS = 8 }; /* of a source or a reduction */

typedef struct Call {
        mars_tensor **ret;
        const Op *op;
        unsigned n_in;
        mars_tensor *const *in;
        const mars_param *params;
        size_t n_params;
        Error *err;
} Call;

/* `with`: the operator of integers, where the rule needs to know one. */
typedef int RuleFn(const Call *c, const char *with);

typedef struct Rule {
        const char *op;
        RuleFn *fn;
        const char *with;
} Rule;

#define _tensor_ _cleanup_(tensor_unrefp) mars_tensor

/* ---- Operations on integers ------------------------------------------------------------------------------------- */

static int named(mars_tensor **ret, const char *op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
                 size_t n_params, Error *err) {
        return tensor_op(ret, op_find(op), n_in, in, params, n_params, err);
}

static int one(mars_tensor **ret, const char *op, mars_tensor *a, Error *err) {
        return named(ret, op, 1, &a, NULL, 0, err);
}

static int two(mars_tensor **ret, const char *op, mars_tensor *a, mars_tensor *b, Error *err) {
        return named(ret, op, 2, (mars_tensor *[]) { a, b }, NULL, 0, err);
}

static int with_number(mars_tensor **ret, const char *op, mars_tensor *a, int64_t number, Error *err) {
        _tensor_ *b = NULL;
        int r      = expr_new_scalar(&b, scalar_from_i64(DTYPE_I64, number), WEAK_NONE, err);

        return r < 0 ? r : two(ret, op, a, b, err);
}

static int cast(mars_tensor **ret, mars_tensor *a, DType to, Error *err) {
        const mars_param dtype = mars_param_dtype("dtype", (mars_dtype) to);

        return named(ret, "cast", 1, &a, &dtype, 1, err);
}

static int scale(mars_tensor **ret, mars_tensor *a, mars_unit from, mars_unit to, Error *err) {
        int64_t multiply, divide;
        int r = unit_scale(from, to, &multiply, &divide, err);

        if (r < 0)
                return r;
        return named(ret, "time_scale", 1, &a,
                     (mars_param[]) { mars_param_i64("multiply", multiply), mars_param_i64("divide", divide) }, 2, err);
}

/* A result that this call hands out, with its type. */
static int typed(const Call *c, mars_tensor *made, unsigned type) {
        made->dtype = (uint8_t) type;
        *c->ret     = made;
        return 0;
}

static int refuse(const Call *c) {
        char names[MAX_OP_IN * 32] = "";
        size_t n = 0;

        for (unsigned i = 0; i < c->n_in && i < MAX_OP_IN; i++)
                n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%s", i > 0 ? ", " : "",
                                       type_name(c->in[i]->dtype));
        return error_set(c->err, ERROR_TYPE,
                         "ufunc '%s' not supported for the input types, and the inputs could not be safely coerced to "
                         "any supported types according to the casting rule ''safe'' (%s)", c->op->name, names);
}

static int refuse_pair(const Call *c) {
        return error_set(c->err, ERROR_TYPE, "ufunc '%s' cannot use operands with types dtype('%s') and dtype('%s')",
                         c->op->name, type_name(c->in[0]->dtype), type_name(c->in[1]->dtype));
}

/* ---- Units ------------------------------------------------------------------------------------------------------ */

/* Dates go between days and months by the calendar. */
static int convert_date(mars_tensor **ret, mars_tensor *a, mars_unit from, mars_unit to, Error *err) {
        _tensor_ *near = NULL, *across = NULL;
        int r;

        if ((from <= MARS_UNIT_M) == (to <= MARS_UNIT_M))
                return scale(ret, a, from, to, err);
        if (from <= MARS_UNIT_M) {
                r = scale(&near, a, from, MARS_UNIT_M, err);
                r = r < 0 ? r : one(&across, "time_days_of_months", near, err);
                return r < 0 ? r : scale(ret, across, MARS_UNIT_D, to, err);
        }
        r = scale(&near, a, from, MARS_UNIT_D, err);
        r = r < 0 ? r : one(&across, "time_months_of_days", near, err);
        return r < 0 ? r : scale(ret, across, MARS_UNIT_M, to, err);
}

/* The integers of `a` as those of `type`; maybe `a` itself, with a reference. */
static int convert(mars_tensor **ret, mars_tensor *a, unsigned type, Error *err) {
        const unsigned own = a->dtype;
        mars_unit from, to;

        if (!type_is_time(own) && (own != DTYPE_I64 || a->weak != WEAK_NONE))
                return cast(ret, a, DTYPE_I64, err);
        from = type_is_time(own) ? type_unit(own) : MARS_UNIT_GENERIC;
        to   = type_unit(type);
        if (from == to || from == MARS_UNIT_GENERIC || to == MARS_UNIT_GENERIC) {
                *ret = mars_tensor_ref(a);
                return 0;
        }
        return type_is_date(own) ? convert_date(ret, a, from, to, err) : scale(ret, a, from, to, err);
}

static int refuse_units(const Call *c, unsigned a, unsigned b) {
        if (!type_is_time(a) || !type_is_time(b))
                return error_set(c->err, ERROR_TYPE, "%s: there is no dtype for %s and %s", c->op->name, type_name(a),
                                 type_name(b));
        return error_set(c->err, ERROR_TYPE,
                         "%s: Cannot get a common metadata divisor for %s and %s because they have incompatible "
                         "nonlinear base time units.", c->op->name, type_name(a), type_name(b));
}

/* Units of which one is too many of the other for an integer have nothing in common, either. */
static int promote(const Call *c, unsigned a, unsigned b, unsigned *ret) {
        const bool common = type_promote(a, b, ret);
        int r = 0;

        if (type_is_time(a) && type_is_time(b) && (common || type_is_date(a) || type_is_date(b)))
                r = units_meet(type_unit(a), type_unit(b), c->err);
        return r < 0 || common ? r : refuse_units(c, a, b);
}

/* The common type of inputs from `first` on. */
static int common_type(const Call *c, unsigned first, unsigned *ret) {
        unsigned type = c->in[first]->dtype;

        for (unsigned i = first + 1; i < c->n_in; i++) {
                int r = promote(c, type, c->in[i]->dtype, &type);

                if (r < 0)
                        return r;
        }
        *ret = type;
        return type_is_time(type) ? 0 : refuse(c);
}

/* ---- Inputs of one type ----------------------------------------------------------------------------------------- */

typedef struct Inputs {
        unsigned n;
        mars_tensor **in;
        mars_tensor *near[MAX_OP_IN];
} Inputs;

static void inputs_end(Inputs *inputs) {
        for (unsigned i = 0; i < inputs->n; i++)
                mars_tensor_unref(inputs->in[i]);
        if (inputs->in != inputs->near)
                free(inputs->in);
}
#define _inputs_ _cleanup_(inputs_end) Inputs

/* Those from `first` on as integers of the type, `less` each; the others as they are. */
static int inputs_take(Inputs *inputs, const Call *c, unsigned first, unsigned type, bool less) {
        int r = 0;

        inputs->in = inputs->near;
        if (c->n_in > ELEMENTSOF(inputs->near)) {
                inputs->in = calloc(c->n_in, sizeof(*inputs->in));
                if (!inputs->in)
                        return error_oom(c->err, c->n_in * sizeof(*inputs->in));
        }
        for (; inputs->n < c->n_in; inputs->n++) {
                _tensor_ *own = NULL;

                if (inputs->n < first) {
                        inputs->in[inputs->n] = mars_tensor_ref(c->in[inputs->n]);
                        continue;
                }
                r = convert(&own, c->in[inputs->n], type, c->err);
                if (r == 0)
                        r = less ? with_number(&inputs->in[inputs->n], "subtract", own, 1, c->err)
                                 : (inputs->in[inputs->n] = mars_tensor_ref(own), 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- Rules ------------------------------------------------------------------------------------------------------ */

/* Of integers, with the inputs as they are. */
static int as_integers(const Call *c, const char *with) {
        return tensor_op(c->ret, with ? op_find(with) : c->op, c->n_in, c->in, c->params, c->n_params, c->err);
}

/* Elements of the first input: the others say which ones. */
static int keep(const Call *c, const char *with) {
        int r;

        for (unsigned i = 1; i < c->n_in; i++)
                if (type_is_time(c->in[i]->dtype))
                        return refuse(c);
        r = as_integers(c, with);
        return r < 0 ? r : typed(c, c->ret[0], c->in[0]->dtype);
}

static int keep_delta(const Call *c, const char *with) {
        return type_is_delta(c->in[0]->dtype) ? keep(c, with) : refuse(c);
}

static int common_from(const Call *c, unsigned first) {
        _inputs_ inputs = {};
        unsigned type   = 0;
        int r           = common_type(c, first, &type);

        r = r < 0 ? r : inputs_take(&inputs, c, first, type, false);
        r = r < 0 ? r : tensor_op(c->ret, c->op, c->n_in, inputs.in, c->params, c->n_params, c->err);
        return r < 0 ? r : typed(c, c->ret[0], type);
}

static int common_all(const Call *c, _unused_ const char *with) {
        return common_from(c, 0);
}

static int common_of_two(const Call *c, _unused_ const char *with) {
        return type_is_time(c->in[0]->dtype) ? refuse(c) : common_from(c, 1);
}

static int put(const Call *c, _unused_ const char *with) {
        _tensor_ *values = NULL;
        mars_tensor *in[MAX_OP_IN];
        int r;

        if (!type_is_time(c->in[0]->dtype) || c->n_in > MAX_OP_IN)
                return refuse(c);
        r = convert(&values, c->in[1], c->in[0]->dtype, c->err);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < c->n_in; i++)
                in[i] = i == 1 ? values : c->in[i];
        r = tensor_op(c->ret, c->op, c->n_in, in, c->params, c->n_params, c->err);
        return r < 0 ? r : typed(c, c->ret[0], c->in[0]->dtype);
}

/* In the order in which NaT is the largest. `values`: the first output is elements again. */
static int ordered(const Call *c, bool values) {
        _inputs_ inputs = {};
        _tensor_ *less   = NULL;
        unsigned type   = 0;
        int r           = common_type(c, 0, &type);

        r = r < 0 ? r : inputs_take(&inputs, c, 0, type, true);
        r = r < 0 ? r : tensor_op(c->ret, c->op, c->n_in, inputs.in, c->params, c->n_params, c->err);
        if (r < 0 || !values)
                return r;
        less = c->ret[0];
        r    = with_number(c->ret, "add", less, 1, c->err);
        if (r == 0)
                return typed(c, c->ret[0], type);
        for (uint32_t i = 1; i < op_n_out(c->op); i++)
                mars_tensor_unref(c->ret[i]);
        return r;
}

static int ordered_values(const Call *c, _unused_ const char *with) {
        return ordered(c, true);
}

static int ordered_positions(const Call *c, _unused_ const char *with) {
        return ordered(c, false);
}

/* The greater of two is the less of them exchanged. */
static int compare(const Call *c, const char *with) {
        const bool exchange = c->op->name[0] == 'g';
        _inputs_ inputs     = {};
        unsigned type       = 0;
        int r               = common_type(c, 0, &type);

        r = r < 0 ? r : inputs_take(&inputs, c, 0, type, false);
        return r < 0 ? r : two(c->ret, with, inputs.in[exchange], inputs.in[!exchange], c->err);
}

static int add(const Call *c, const char *with) {
        const unsigned a = c->in[0]->dtype, b = c->in[1]->dtype;
        const bool minus = c->op->name[0] == 's';
        _inputs_ inputs  = {};
        unsigned type    = 0, unit_of;
        int r;

        if (minus ? type_is_date(b) && !type_is_date(a) : type_is_date(a) && type_is_date(b))
                return refuse_pair(c);
        /* an integer counts units of the other, be it a date */
        unit_of = MARS_DATETIME64 + MAX(type_is_time(a) ? type_unit(a) : 0, type_is_time(b) ? type_unit(b) : 0);
        if ((!type_is_time(a) && !type_can_cast(a, MARS_TIMEDELTA64, CASTING_SAME_KIND)) ||
            (!type_is_time(b) && !type_can_cast(b, MARS_TIMEDELTA64, CASTING_SAME_KIND)))
                return refuse_pair(c);
        if (type_is_time(a) && type_is_time(b)) {
                r = promote(c, a, b, &type);
                if (r < 0)
                        return r;
        }
        r = inputs_take(&inputs, c, 0, unit_of, false);
        r = r < 0 ? r : two(c->ret, with, inputs.in[0], inputs.in[1], c->err);
        type = type_is_date(a) != type_is_date(b) ? MARS_DATETIME64 : MARS_TIMEDELTA64;
        return r < 0 ? r : typed(c, c->ret[0], type + type_unit(unit_of));
}

/* A timedelta and a number: of integers `with`, of floats the operator of that name for floats. */
static int by_number(const Call *c, mars_tensor *delta, mars_tensor *number, const char *with) {
        const DKind kind = dtype_kind((DType) number->dtype);
        char of_float[32];
        _tensor_ *wide = NULL;
        int r;

        if (kind == KIND_COMPLEX)
                return refuse_pair(c);
        snprintf(of_float, sizeof(of_float), "%s_float", with);
        r = cast(&wide, number, kind == KIND_FLOAT ? DTYPE_F64 : DTYPE_I64, c->err);
        r = r < 0 ? r : two(c->ret, kind == KIND_FLOAT ? of_float : with, delta, wide, c->err);
        return r < 0 ? r : typed(c, c->ret[0], delta->dtype);
}

static int multiply(const Call *c, const char *with) {
        const bool exchange = !type_is_time(c->in[0]->dtype);
        mars_tensor *delta  = c->in[exchange], *number = c->in[!exchange];

        if (!type_is_delta(delta->dtype) || type_is_time(number->dtype))
                return refuse_pair(c);
        return by_number(c, delta, number, with);
}

/* Two timedeltas in one unit; the type is what the result has, or that unit. */
static int two_deltas(const Call *c, mars_tensor **ret, const char *with, bool same) {
        _inputs_ inputs = {};
        unsigned type   = 0;
        int r;

        if (!type_is_delta(c->in[0]->dtype) || !type_is_delta(c->in[1]->dtype))
                return refuse_pair(c);
        r = common_type(c, 0, &type);
        r = r < 0 ? r : inputs_take(&inputs, c, 0, type, false);
        r = r < 0 ? r : two(ret, with, inputs.in[0], inputs.in[1], c->err);
        if (r == 0 && same)
                (*ret)->dtype = (uint8_t) type;
        return r;
}

/* By a timedelta, `with`; by a number rounded to zero, as NumPy's floor_divide does it, too. */
static int divide(const Call *c, const char *with) {
        if (!type_is_delta(c->in[0]->dtype))
                return refuse_pair(c);
        if (!type_is_time(c->in[1]->dtype))
                return by_number(c, c->in[0], c->in[1], "time_divide");
        return two_deltas(c, c->ret, with, false);
}

static int remainder_(const Call *c, const char *with) {
        return two_deltas(c, c->ret, with, true);
}

static int divmod_(const Call *c, _unused_ const char *with) {
        int r = two_deltas(c, &c->ret[0], "time_floor_divide", false);

        if (r < 0)
                return r;
        r = two_deltas(c, &c->ret[1], "time_remainder", true);
        if (r < 0)
                mars_tensor_unref(c->ret[0]);
        return r;
}

static int is_finite(const Call *c, _unused_ const char *with) {
        _tensor_ *nat = NULL;
        int r        = one(&nat, "isnat", c->in[0], c->err);

        return r < 0 ? r : one(c->ret, "logical_not", nat, c->err);
}

/* No time is infinite: none differs from itself as an integer. */
static int never(const Call *c, _unused_ const char *with) {
        return two(c->ret, "not_equal", c->in[0], c->in[0], c->err);
}

static int clip(const Call *c, _unused_ const char *with) {
        _tensor_ *raised = NULL;
        int r           = mars_op1(&raised, "maximum", 2, (mars_tensor *[]) { c->in[0], c->in[1] }, NULL, 0,
                                   (mars_error *) c->err);

        return r < 0 ? r : mars_op1(c->ret, "minimum", 2, (mars_tensor *[]) { raised, c->in[2] }, NULL, 0,
                                    (mars_error *) c->err);
}

/* ---- Reductions ------------------------------------------------------------------------------------------------- */

/* The parameters without dtype=, which must be that of the elements. */
static int axes_only(const Call *c, mars_param ret[static MAX_PARAMS], size_t *ret_n) {
        if (!type_is_delta(c->in[0]->dtype))
                return refuse(c);
        *ret_n = 0;
        for (size_t i = 0; i < c->n_params && *ret_n < MAX_PARAMS; i++) {
                const mars_param *p = &c->params[i];

                if (strcmp(p->name, "axis") == 0 || strcmp(p->name, "keepdims") == 0)
                        ret[(*ret_n)++] = *p;
                else if (p->kind != MARS_PARAM_DTYPE || (p->i64 != MARS_DTYPE_NONE && p->i64 != c->in[0]->dtype))
                        return error_set(c->err, ERROR_TYPE, "%s of %s takes no %s", c->op->name,
                                         type_name(c->in[0]->dtype), p->name);
        }
        return 0;
}

/* `sum` unless any element was NaT. */
static int nat_where(const Call *c, mars_tensor **ret, mars_tensor *any, mars_tensor *sum) {
        _tensor_ *nat = NULL;
        int r        = expr_new_scalar(&nat, scalar_from_i64(DTYPE_I64, INT64_MIN), WEAK_NONE, c->err);

        return r < 0 ? r : named(ret, "where", 3, (mars_tensor *[]) { any, nat, sum }, NULL, 0, c->err);
}

static int sum(const Call *c, _unused_ const char *with) {
        _tensor_ *is_nat = NULL, *any = NULL, *plain = NULL;
        mars_param axes[MAX_PARAMS];
        size_t n = 0;
        int r    = axes_only(c, axes, &n);

        r = r < 0 ? r : one(&is_nat, "isnat", c->in[0], c->err);
        r = r < 0 ? r : named(&any, "any", 1, &is_nat, axes, n, c->err);
        r = r < 0 ? r : named(&plain, "sum", 1, c->in, axes, n, c->err);
        r = r < 0 ? r : nat_where(c, c->ret, any, plain);
        return r < 0 ? r : typed(c, c->ret[0], c->in[0]->dtype);
}

static int cumsum(const Call *c, _unused_ const char *with) {
        _tensor_ *is_nat = NULL, *count = NULL, *any = NULL, *plain = NULL;
        mars_param axes[MAX_PARAMS];
        size_t n = 0;
        int r    = axes_only(c, axes, &n);

        r = r < 0 ? r : one(&is_nat, "isnat", c->in[0], c->err);
        r = r < 0 ? r : named(&count, "cumsum", 1, &is_nat, axes, n, c->err);
        r = r < 0 ? r : with_number(&any, "greater", count, 0, c->err);
        r = r < 0 ? r : named(&plain, "cumsum", 1, c->in, axes, n, c->err);
        r = r < 0 ? r : nat_where(c, c->ret, any, plain);
        return r < 0 ? r : typed(c, c->ret[0], c->in[0]->dtype);
}

/* How many there are is counted, since lengths may be unknown. */
static int mean(const Call *c, const char *with) {
        _tensor_ *total = NULL, *each = NULL, *count = NULL;
        mars_param axes[MAX_PARAMS];
        Call of_sum = *c;
        size_t n    = 0;
        int r       = axes_only(c, axes, &n);

        of_sum.ret = &total;
        r = r < 0 ? r : sum(&of_sum, with);
        r = r < 0 ? r : two(&each, "equal", c->in[0], c->in[0], c->err);
        r = r < 0 ? r : named(&count, "sum", 1, &each, axes, n, c->err);
        r = r < 0 ? r : two(c->ret, "time_divide", total, count, c->err);
        return r < 0 ? r : typed(c, c->ret[0], c->in[0]->dtype);
}

static int range(const Call *c, _unused_ const char *with) {
        _tensor_ *low = NULL, *high = NULL;
        int r = named(&low, "min", 1, c->in, c->params, c->n_params, c->err);

        r = r < 0 ? r : mars_op1(&high, "max", 1, c->in, c->params, c->n_params, (mars_error *) c->err);
        r = r < 0 ? r : two(c->ret, "time_subtract", high, low, c->err);
        return r < 0 ? r : typed(c, c->ret[0], MARS_TIMEDELTA64 + type_unit(c->in[0]->dtype));
}

/* ---- Types ------------------------------------------------------------------------------------------------------ */

/* The dtype that the parameters ask for. */
static unsigned asked(const mars_param *params, size_t n_params) {
        for (size_t i = 0; i < n_params; i++)
                if (params[i].kind == MARS_PARAM_DTYPE)
                        return (unsigned) params[i].i64;
        return MARS_DTYPE_NONE;
}

/* A unit that is not given is that of the elements. Between dates and timedeltas the numbers stay. */
static int cast_time(const Call *c, _unused_ const char *with) {
        const unsigned own = c->in[0]->dtype;
        unsigned to        = asked(c->params, c->n_params);
        _tensor_ *in_unit   = NULL;
        int r;

        if (!type_is_time(to))
                return as_integers(c, NULL);
        if (type_is_time(own) && type_unit(to) == MARS_UNIT_GENERIC)
                to += type_unit(own);
        r = type_is_time(own) && type_is_date(own) == type_is_date(to)
                    ? convert(&in_unit, c->in[0], to, c->err)
                    : (in_unit = mars_tensor_ref(c->in[0]), 0);
        r = r < 0 ? r : cast(c->ret, in_unit, DTYPE_I64, c->err);
        return r < 0 ? r : typed(c, c->ret[0], to);
}

static int source(const Call *c, _unused_ const char *with) {
        const unsigned type = asked(c->params, c->n_params);
        mars_param params[MAX_PARAMS];
        int r;

        if (c->n_params > ELEMENTSOF(params) || !type_is_time(type))
                return refuse(c);
        for (size_t i = 0; i < c->n_params; i++) {
                params[i] = c->params[i];
                if (params[i].kind == MARS_PARAM_DTYPE)
                        params[i].i64 = DTYPE_I64;
                if (params[i].kind == MARS_PARAM_SCALAR)
                        params[i].scalar.dtype = (int) type_dtype((unsigned) params[i].scalar.dtype);
        }
        r = tensor_op(c->ret, c->op, 0, NULL, params, c->n_params, c->err);
        return r < 0 ? r : typed(c, c->ret[0], type);
}

/* ---- The table -------------------------------------------------------------------------------------------------- */

static const Rule rules[] = {
        { "add", add, "time_add" },
        { "subtract", add, "time_subtract" },
        { "multiply", multiply, "time_multiply" },
        { "divide", divide, "time_ratio" },
        { "floor_divide", divide, "time_floor_divide" },
        { "remainder", remainder_, "time_remainder" },
        { "divmod", divmod_, NULL },
        { "equal", compare, "time_equal" },
        { "not_equal", compare, "time_not_equal" },
        { "less", compare, "time_less" },
        { "less_equal", compare, "time_less_equal" },
        { "greater", compare, "time_less" },
        { "greater_equal", compare, "time_less_equal" },
        { "minimum", common_all, NULL },
        { "fmax", common_all, NULL },
        { "maximum", ordered_values, NULL },
        { "fmin", ordered_values, NULL },
        { "clip", clip, NULL },
        { "negative", keep_delta, NULL },
        { "positive", keep_delta, NULL },
        { "absolute", keep_delta, NULL },
        { "sign", keep_delta, NULL },
        { "isnat", as_integers, NULL },
        { "isnan", as_integers, "isnat" },
        { "isfinite", is_finite, NULL },
        { "isinf", never, NULL },
        { "logical_and", as_integers, NULL },
        { "logical_or", as_integers, NULL },
        { "logical_xor", as_integers, NULL },
        { "logical_not", as_integers, NULL },
        { "cast", cast_time, NULL },
        { "where", common_of_two, NULL },

        { "sum", sum, NULL },
        { "nansum", sum, NULL },
        { "cumsum", cumsum, NULL },
        { "mean", mean, NULL },
        { "nanmean", mean, NULL },
        { "ptp", range, NULL },
        { "min", keep, NULL },
        { "cummin", keep, NULL },
        { "nanmax", keep, NULL },
        { "max", ordered_values, NULL },
        { "cummax", ordered_values, NULL },
        { "nanmin", ordered_values, NULL },
        { "argmin", as_integers, NULL },
        { "nanargmin", as_integers, NULL },
        { "argmax", ordered_positions, NULL },
        { "nanargmax", ordered_positions, NULL },
        { "any", as_integers, NULL },
        { "all", as_integers, NULL },
        { "count_nonzero", as_integers, NULL },

        { "sort", ordered_values, NULL },
        { "argsort", ordered_positions, NULL },
        { "unique", ordered_values, NULL },
        { "unique_counts", ordered_values, NULL },
        { "searchsorted", ordered_positions, NULL },
        { "kth", ordered_values, NULL },
        { "topk", ordered_values, NULL },
        { "mask", keep, NULL },
        { "argwhere", as_integers, NULL },
        { "take", keep, NULL },
        { "put", put, NULL },

        { "view", keep, NULL },
        { "slice", keep, NULL },
        { "reshape", keep, NULL },
        { "rechunk", keep, NULL },
        { "concatenate", common_all, NULL },
        { "real", keep, NULL },

        { "full", source, NULL },
        { "arange", source, NULL },
};

bool times_concern(unsigned n_in, mars_tensor *const *in, const mars_param *params, size_t n_params) {
        for (unsigned i = 0; in && i < n_in; i++)
                if (in[i] && type_is_time(in[i]->dtype))
                        return true;
        return n_params > 0 && type_is_time(asked(params, n_params));
}

int times_op(mars_tensor **ret, const Op *op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
             size_t n_params, Error *err) {
        const Call call = { ret, op, n_in, in, params, n_params, err };

        if (op->variadic ? n_in < op->n_in : n_in != op->n_in)
                return error_set(err, ERROR_TYPE, "%u inputs given, takes %s%u", n_in, op->variadic ? "at least " : "",
                                 op->n_in);
        for (unsigned i = 0; i < n_in; i++)
                if (!in[i])
                        return error_set(err, ERROR_VALUE, "input %u is NULL", i);
        for (size_t k = 0; k < ELEMENTSOF(rules); k++)
                if (strcmp(rules[k].op, op->name) == 0)
                        return rules[k].fn(&call, rules[k].with);
        return refuse(&call);
}
