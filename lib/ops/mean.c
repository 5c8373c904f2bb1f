/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics that are a few operators each: mean, var, std, ptp and their nan forms. They expand while planning,
 * when the number of elements is known; passes over the input are shared by the planner's fusion. */
#include "graph/graph.h"
#include "graph/infer.h"

/* The dtype of the elements: of a Python scalar what it is when it stands alone. */
static DType element_dtype(const OpCall *call) {
        return call->in[0].weak == WEAK_NONE ? call->in[0].dtype : dtype_of_weak(call->in[0].weak);
}

/* The shape is that of a sum; the dtype is dtype=, or `out`. */
static int infer_statistic(const OpCall *call, DType out, Spec *ret, Error *err) {
        ReduceParams params = *(const ReduceParams *) call->params;
        Spec in = { .dtype = DTYPE_F64, .shape = call->in[0].shape };
        int r;

        params.dtype = DTYPE_NONE;
        r = infer_reduce(&(OpCall) { .op = op_find("sum"), .params = &params, .n_in = 1, .in = &in }, ret, err);
        if (r < 0)
                return r;
        params = *(const ReduceParams *) call->params;
        ret->dtype = params.dtype == DTYPE_NONE ? out : (DType) params.dtype;
        return 0;
}

static int infer_mean(const OpCall *call, Spec *out, Error *err) {
        return infer_statistic(call, dtype_inexact(element_dtype(call)), out, err);
}

static int infer_var(const OpCall *call, Spec *out, Error *err) {
        return infer_statistic(call, dtype_real(dtype_inexact(element_dtype(call))), out, err);
}

/* How many elements make one of the result. */
static double count_reduced(Build *b, const ReduceParams *p, Ref a) {
        const Spec *spec = build_spec(b, a);
        double count = 1;
        uint32_t axes = 0;

        if (axes_normalize(&p->axis, spec->shape.ndim, &axes, NULL) < 0) /* infer has refused already */
                return 0;
        for (int k = 0; k < spec->shape.ndim; k++)
                if (axes >> k & 1)
                        count *= (double) spec->shape.dim[k];
        return count;
}

/* What is computed in for a result of `dtype`: float16 in float32. */
static DType wide(DType dtype) {
        return dtype == DTYPE_F16 ? DTYPE_F32 : dtype;
}

static Ref reduce(Build *b, const char *op, Ref a, const ReduceParams *p) {
        return build_reduce(b, op, a, p->axis, p->keepdims, DTYPE_NONE);
}

/* Elements that lie side by side are reduced. */
static bool reduces_rows(Build *b, const ReduceParams *p, Ref a) {
        const int ndim = build_spec(b, a)->shape.ndim;
        uint32_t axes  = 0;

        return axes_normalize(&p->axis, ndim, &axes, NULL) >= 0 && ndim > 0 && axes >> (ndim - 1) & 1;
}

static int expand_mean(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const ReduceParams *p = call->params;
        Spec spec;
        Ref total;
        DType t;

        if (infer_mean(call, &spec, b->err) < 0)
                return build_fail(b, ERROR_VALUE, "%s", call->op->name);
        t = wide(spec.dtype);
        /* How many are true is exact either way, and faster counted along rows. */
        if (t == DTYPE_F64 && build_spec(b, in[0])->dtype == DTYPE_BOOL && reduces_rows(b, p, in[0]))
                total = reduce(b, "sum", in[0], p);
        else
                total = build_reduce(b, "sum", build_cast(b, in[0], t), p->axis, p->keepdims, t);
        if (dtype_kind(build_spec(b, total)->dtype) < KIND_FLOAT) /* mean(dtype=int), too: a quotient that is cast */
                total = build_cast(b, total, DTYPE_F64);
        total = build_binary(b, "divide", total, build_f64(b, build_spec(b, total)->dtype, count_reduced(b, p, in[0])));
        *out = build_cast(b, total, spec.dtype);
        return build_done(b);
}

static Ref variance(Build *b, const OpCall *call, Ref a) {
        const VarParams *p = call->params;
        double divisor = count_reduced(b, &p->reduce, a) - (double) p->ddof;
        Ref m2;

        if (p->reduce.dtype != DTYPE_NONE)
                a = build_cast(b, a, dtype_inexact((DType) p->reduce.dtype));
        m2 = reduce(b, "moments", a, &p->reduce);
        return build_binary(b, "divide", m2, build_f64(b, build_spec(b, m2)->dtype, divisor > 0 ? divisor : 0));
}

static int expand_var(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        Spec spec;

        if (infer_var(call, &spec, b->err) < 0)
                return build_fail(b, ERROR_VALUE, "%s", call->op->name);
        *out = build_cast(b, variance(b, call, in[0]), spec.dtype);
        return build_done(b);
}

static int expand_std(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        Spec spec;

        if (infer_var(call, &spec, b->err) < 0)
                return build_fail(b, ERROR_VALUE, "%s", call->op->name);
        *out = build_cast(b, build_unary(b, "sqrt", variance(b, call, in[0])), spec.dtype);
        return build_done(b);
}

#define VAR_PARAMS                                                                                                     \
        (const Param[]) {                                                                                              \
                PARAM(ReduceParams, axis, PARAM_DIMS, "None", "Axis or axes that disappear; None means all."),         \
                        PARAM(ReduceParams, keepdims, PARAM_BOOL, "False", "Keep the axes with length one."),          \
                        PARAM(ReduceParams, dtype, PARAM_DTYPE, "None", "dtype to compute in."),                       \
                        PARAM(VarParams, ddof, PARAM_I64, "0", "The divisor is the number of elements less ddof."), {} \
        }

OP(mean) = {
        .name        = "mean",
        .doc         = "Arithmetic mean of the elements along axes.\n\n"
                       "The mean of integers is a float64; float16 is summed in float32.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .infer       = infer_mean,
        .expand      = expand_mean,
};

OP(var) = {
        .name        = "var",
        .doc         = "Variance of the elements along axes: the mean of the squared deviations from their mean.\n\n"
                       "It is computed in one pass by merging the moments of neighbours, without cancellation.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(VarParams),
        .params      = VAR_PARAMS,
        .infer       = infer_var,
        .expand      = expand_var,
};

OP(std) = {
        .name        = "std",
        .doc         = "Standard deviation of the elements along axes: the root of var.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(VarParams),
        .params      = VAR_PARAMS,
        .infer       = infer_var,
        .expand      = expand_std,
};

/* ---- ptp
 * -------------------------------------------------------------------------------------------------------------- */

static int infer_ptp(const OpCall *call, Spec *out, Error *err) {
        if (element_dtype(call) == DTYPE_BOOL)
                return error_set(err, ERROR_TYPE,
                                 "numpy boolean subtract, the `-` operator, is not supported, use the "
                                 "bitwise_xor, the `^` operator, or the logical_xor function instead.");
        return infer_reduce(&(OpCall) { .op = op_find("max"), .params = call->params, .n_in = 1, .in = call->in }, out,
                            err);
}

static int expand_ptp(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const ReduceParams *p = call->params;

        *out = build_binary(b, "subtract", reduce(b, "max", in[0], p), reduce(b, "min", in[0], p));
        if (p->dtype != DTYPE_NONE)
                *out = build_cast(b, *out, (DType) p->dtype);
        return build_done(b);
}

OP(ptp) = {
        .name        = "ptp",
        .doc         = "From the smallest to the largest element along axes.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .infer       = infer_ptp,
        .expand      = expand_ptp,
};

/* ---- nan forms
 * -------------------------------------------------------------------------------------------------------- */

/* Sum of all that is not NaN, and how many these are, in the dtype `t`. */
static Ref nan_mean(Build *b, Ref a, const ReduceParams *p, bool keepdims, DType t, Ref *ret_count) {
        Ref number = build_unary(b, "logical_not", build_unary(b, "isnan", a));
        Ref total = build_reduce(b, "nansum", a, p->axis, keepdims, DTYPE_NONE);

        *ret_count = build_cast(b, build_reduce(b, "count_nonzero", number, p->axis, keepdims, DTYPE_NONE), t);
        return build_binary(b, "divide", build_cast(b, total, t), *ret_count);
}

static int expand_nanmean(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const ReduceParams *p = call->params;
        Spec spec;
        Ref count;
        DType t;

        if (infer_mean(call, &spec, b->err) < 0)
                return build_fail(b, ERROR_VALUE, "%s", call->op->name);
        t = wide(dtype_inexact(spec.dtype));
        *out = build_cast(b, nan_mean(b, build_cast(b, in[0], t), p, p->keepdims, t, &count), spec.dtype);
        return build_done(b);
}

/* Two passes: deviations from the mean, which are nothing where the element is NaN; that of an infinity is NaN. */
static Ref nan_variance(Build *b, const OpCall *call, Ref a, DType out) {
        const VarParams *p = call->params;
        DType t = p->reduce.dtype != DTYPE_NONE ? (DType) p->reduce.dtype : call->in[0].dtype, real;
        Ref count, mean, deviation, square, divisor, zero;

        t = wide(dtype_inexact(t));
        real = wide(dtype_real(out));
        a = build_cast(b, a, t);
        mean = nan_mean(b, a, &p->reduce, true, t, &count);
        deviation = build_binary(b, "subtract", a, mean);
        square = deviation;
        if (dtype_kind(t) == KIND_COMPLEX)
                square = build_binary(b, "multiply", deviation, build_unary(b, "conjugate", deviation));
        square = build_unary(b, dtype_kind(t) == KIND_COMPLEX ? "real" : "square", square);
        zero = build_f64(b, dtype_real(t), 0);
        square = build_op(b, "where", NULL, 3, (const Ref[]) { build_unary(b, "isnan", a), zero, square });
        square = build_reduce(b, "sum", square, p->reduce.axis, p->reduce.keepdims, DTYPE_NONE);
        nan_mean(b, a, &p->reduce, p->reduce.keepdims, t, &count);
        divisor = build_binary(b, "subtract", build_unary(b, "real", count),
                               build_f64(b, dtype_real(t), (double) p->ddof));
        /* Too few elements have no variance: NumPy says NaN. */
        divisor = build_op(b, "where", NULL, 3,
                           (const Ref[]) { build_binary(b, "greater", divisor, zero), divisor,
                                           build_f64(b, dtype_real(t), __builtin_nan("")) });
        return build_cast(b, build_binary(b, "divide", square, divisor), real);
}

static int expand_nanvar(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        Spec spec;

        if (infer_var(call, &spec, b->err) < 0)
                return build_fail(b, ERROR_VALUE, "%s", call->op->name);
        *out = build_cast(b, nan_variance(b, call, in[0], spec.dtype), spec.dtype);
        return build_done(b);
}

static int expand_nanstd(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        Spec spec;

        if (infer_var(call, &spec, b->err) < 0)
                return build_fail(b, ERROR_VALUE, "%s", call->op->name);
        *out = build_cast(b, build_unary(b, "sqrt", nan_variance(b, call, in[0], spec.dtype)), spec.dtype);
        return build_done(b);
}

OP(nanmean) = {
        .name        = "nanmean",
        .doc         = "Arithmetic mean of the elements along axes that are not NaN; NaN where there are none.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReduceParams),
        .params      = REDUCE_PARAMS,
        .infer       = infer_mean,
        .expand      = expand_nanmean,
};

OP(nanvar) = {
        .name        = "nanvar",
        .doc         = "Variance of the elements along axes that are not NaN.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(VarParams),
        .params      = VAR_PARAMS,
        .infer       = infer_var,
        .expand      = expand_nanvar,
};

OP(nanstd) = {
        .name        = "nanstd",
        .doc         = "Standard deviation of the elements along axes that are not NaN.",
        .family      = FAMILY_REDUCE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(VarParams),
        .params      = VAR_PARAMS,
        .infer       = infer_var,
        .expand      = expand_nanstd,
};
