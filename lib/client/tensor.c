/* SPDX-License-Identifier: Apache-2.0 */
/* Building and releasing expressions. Nothing here recurses: an expression may be millions of operations deep, so
 * whatever follows inputs does it with a list, never with the stack. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "client/data.h"
#include "client/expr.h"
#include "client/result.h"
#include "client/times.h"
#include "graph/params.h"
#include "graph/said.h"

enum { INPUTS_NEAR = 4 }; /* inputs whose specs lie on the stack */

pthread_mutex_t expr_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

/* Expr, outputs, inputs, dimensions. */
static Expr *expr_alloc(ExprKind kind, uint32_t n_in, uint32_t n_out, const Spec *out) {
        size_t size = sizeof(Expr) + n_out * sizeof(mars_tensor), at_in = size, at_dim;
        int64_t *dim;
        Expr *e;

        at_dim = size += n_in * sizeof(mars_tensor *);
        for (uint32_t i = 0; i < n_out; i++)
                size += (size_t) out[i].shape.ndim * sizeof(int64_t);
        e = malloc(size);
        if (!e)
                return NULL;
        *e = (Expr) {
                .n_ref        = 1,
                .kind         = (uint8_t) kind,
                .n_out        = (uint8_t) n_out,
                .needs_inputs = n_in > 0,
                .n_in         = n_in,
                .in           = n_in > 0 ? (mars_tensor **) ((char *) e + at_in) : NULL,
        };
        dim = (int64_t *) ((char *) e + at_dim);
        for (uint32_t i = 0; i < n_out; i++) {
                e->out[i] = (mars_tensor) {
                        .expr  = e,
                        .dim   = dim,
                        .out   = (uint8_t) i,
                        .dtype = (uint8_t) out[i].dtype,
                        .weak  = (uint8_t) out[i].weak,
                        .ndim  = (uint8_t) out[i].shape.ndim,
                };
                for (int k = 0; k < out[i].shape.ndim; k++) {
                        *dim = out[i].shape.dim[k];
                        e->unknown |= *dim++ == UNKNOWN;
                }
        }
        return e;
}

int expr_new_leaf(Expr **ret, ExprKind kind, const Spec *spec, Error *err) {
        Expr *e = expr_alloc(kind, 0, 1, spec);

        if (!e)
                return error_oom(err, sizeof(*e));
        e->data          = NULL;
        e->out[0].n_need = 1;
        *ret             = e;
        return 0;
}

int expr_new_scalar(mars_tensor **ret, Scalar value, Weak weak, Error *err) {
        Expr *e = NULL;
        int r   = expr_new_leaf(&e, EXPR_SCALAR, &(Spec) { .dtype = value.dtype, .weak = weak }, err);

        if (r < 0)
                return r;
        e->value = value;
        *ret     = &e->out[0];
        return 0;
}

const char *expr_name(const Expr *expr) {
        return expr->kind == EXPR_OP ? expr->op->name : expr->kind == EXPR_SCALAR  ? "scalar"
               : expr->kind == EXPR_NAMED ? "named"
                                          : "data";
}

int error_of_op(const Op *op, int r, Error *err) {
        const char *said = op_said(op);
        const size_t n   = strlen(said);

        if (err && err->code == r && strncmp(err->text, said, n) == 0 && strchr(":(", err->text[n]))
                return r;
        return error_prefix(err, r, "%s", said);
}

/* ---- Releasing -------------------------------------------------------------------------------------------------- */

/* With expr_lock held. */
bool expr_is_done(Expr *expr) {
        if (!expr->needs_inputs)
                return false;
        for (uint32_t i = 0; i < expr->n_out; i++)
                if (atomic_load(&expr->out[i].n_need) > 0 && !expr->out[i].results)
                        return false;
        expr->needs_inputs = false;
        atomic_fetch_add(&expr->n_ref, 1); /* of the list that it goes to */
        return true;
}

/* Nobody will ask for this value any more. */
static void tensor_forget(mars_tensor *t, Expr **todo) {
        Result *results;
        bool done;

        pthread_mutex_lock(&expr_lock);
        results    = t->results;
        t->results = NULL;
        done       = expr_is_done(t->expr);
        pthread_mutex_unlock(&expr_lock);

        results_free(results);
        if (done) {
                t->expr->next = *todo;
                *todo         = t->expr;
        }
}

static void tensor_drop_need(mars_tensor *t, Expr **todo) {
        if (atomic_fetch_sub(&t->n_need, 1) == 1)
                tensor_forget(t, todo);
}

static void expr_drop_ref(Expr *e, Expr **todo) {
        if (atomic_fetch_sub(&e->n_ref, 1) == 1) {
                e->next = *todo;
                *todo   = e;
        }
}

/* Both at once. With one reference left, this one, the whole expression goes, and what it made with it. */
static void tensor_drop(mars_tensor *t, Expr **todo) {
        if (atomic_load(&t->expr->n_ref) > 1)
                tensor_drop_need(t, todo);
        else
                atomic_fetch_sub(&t->n_need, 1);
        expr_drop_ref(t->expr, todo);
}

static void expr_free(Expr *e, Expr **todo) {
        for (uint32_t i = 0; i < e->n_out; i++)
                results_free(e->out[i].results);
        for (uint32_t i = 0; i < e->n_in; i++) {
                if (e->needs_inputs)
                        tensor_drop(e->in[i], todo);
                else
                        expr_drop_ref(e->in[i]->expr, todo);
        }
        if (e->kind == EXPR_OP)
                free(e->params);
        if (e->kind == EXPR_DATA)
                data_unref(e->data);
        free(e);
}

/* The list holds expressions without references, which go, and done ones, each with a reference of the list's own. */
static void release(Expr *todo) {
        while (todo) {
                Expr *e = todo;

                todo = e->next;
                if (atomic_load(&e->n_ref) == 0) {
                        expr_free(e, &todo);
                        continue;
                }
                for (uint32_t i = 0; i < e->n_in; i++)
                        tensor_drop_need(e->in[i], &todo);
                expr_drop_ref(e, &todo);
        }
}

void expr_forget_inputs(Expr *expr) {
        expr->next = NULL;
        release(expr);
}

Expr *expr_unref(Expr *expr) {
        Expr *todo = NULL;

        if (expr)
                expr_drop_ref(expr, &todo);
        release(todo);
        return NULL;
}

mars_tensor *mars_tensor_ref(mars_tensor *tensor) {
        atomic_fetch_add_explicit(&tensor->expr->n_ref, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&tensor->n_need, 1, memory_order_relaxed);
        return tensor;
}

mars_tensor *mars_tensor_unref(mars_tensor *tensor) {
        Expr *todo = NULL;

        if (tensor) {
                tensor_drop(tensor, &todo);
                release(todo);
        }
        return NULL;
}

/* ---- What is known of a tensor ---------------------------------------------------------------------------------- */

static int64_t dim_get(const mars_tensor *t, int k) {
        return __atomic_load_n(&t->dim[k], __ATOMIC_RELAXED);
}

void tensor_spec(const mars_tensor *tensor, Spec *ret) {
        ret->dtype      = type_dtype(tensor->dtype);
        ret->weak       = (Weak) tensor->weak;
        ret->shape.ndim = tensor->ndim;
        for (int k = 0; k < tensor->ndim; k++)
                ret->shape.dim[k] = dim_get(tensor, k);
}

bool tensor_known(const mars_tensor *tensor) {
        for (int k = 0; k < tensor->ndim && tensor->expr->unknown; k++)
                if (dim_get(tensor, k) == UNKNOWN)
                        return false;
        return true;
}

/* Of two threads that learn a dimension both learn the same one, so no lock is needed. */
void tensor_learn(mars_tensor *tensor, const Shape *shape) {
        assert(shape->ndim == tensor->ndim);
        for (int k = 0; k < tensor->ndim && tensor->expr->unknown; k++)
                if (shape->dim[k] != UNKNOWN && dim_get(tensor, k) == UNKNOWN)
                        __atomic_store_n(&tensor->dim[k], shape->dim[k], __ATOMIC_RELAXED);
}

static bool expr_known(const Expr *e) {
        for (uint32_t i = 0; e->unknown && i < e->n_out; i++)
                if (!tensor_known(&e->out[i]))
                        return false;
        return true;
}

static int expr_infer(const Expr *e, Spec *ret, Error *err) {
        Spec near[INPUTS_NEAR];
        _cleanup_(freep) Spec *far = NULL;
        Spec *in = near;

        if (e->n_in > INPUTS_NEAR) {
                in = far = malloc(e->n_in * sizeof(*far));
                if (!far)
                        return error_oom(err, e->n_in * sizeof(*far));
        }
        for (uint32_t i = 0; i < e->n_in; i++)
                tensor_spec(e->in[i], &in[i]);
        return op_infer(&(OpCall) { .op = e->op, .params = e->params, .n_in = e->n_in, .in = in }, ret, err);
}

/* Only operations have unknown dimensions. */
static int expr_refine(Expr *e, Error *err) {
        Spec out[MAX_OP_OUT];
        int r = expr_infer(e, out, err);

        if (r < 0)
                return error_of_op(e->op, r, err);
        for (uint32_t i = 0; i < e->n_out; i++)
                tensor_learn(&e->out[i], &out[i].shape);
        return 0;
}

/* Inputs before users, over the expressions with unknown dimensions only. The path from `tensor` down is a stack;
 * `seen` remembers what was refined in this walk already, so that shared inputs are looked at once. */
int tensor_refine(mars_tensor *tensor, Error *err) {
        typedef struct Step {
                Expr *expr;
                uint32_t next;
        } Step;
        Vec(Step) path = {};
        Map seen       = {};
        int r          = 0;

        if (!expr_known(tensor->expr))
                r = vec_push(&path, (Step) { tensor->expr, 0 });
        while (r >= 0 && path.n > 0) {
                Step *top = &path.data[path.n - 1];

                if (top->next < top->expr->n_in) {
                        Expr *in = top->expr->in[top->next++]->expr;

                        if (expr_known(in) || map_get(&seen, (uintptr_t) in) != 0)
                                continue;
                        r = map_set(&seen, (uintptr_t) in, 1);
                        if (r >= 0)
                                r = vec_push(&path, (Step) { in, 0 });
                        continue;
                }
                r = expr_refine(top->expr, err);
                path.n--;
        }
        vec_free(&path);
        map_done(&seen);
        return r == -ENOMEM ? error_oom(err, sizeof(Step)) : r;
}

mars_dtype mars_tensor_dtype(const mars_tensor *tensor) {
        return (mars_dtype) tensor->dtype;
}

unsigned mars_tensor_ndim(const mars_tensor *tensor) {
        return tensor->ndim;
}

unsigned mars_tensor_shape(const mars_tensor *tensor, int64_t *shape) {
        unsigned n_unknown = 0;

        if (!tensor_known(tensor))
                tensor_refine((mars_tensor *) tensor, NULL);
        for (int k = 0; k < tensor->ndim; k++) {
                shape[k] = dim_get(tensor, k);
                n_unknown += shape[k] == UNKNOWN;
        }
        return n_unknown;
}

char mars_tensor_weak(const mars_tensor *tensor) {
        static const char kinds[] = { [WEAK_BOOL] = 'b', [WEAK_INT] = 'i', [WEAK_FLOAT] = 'f', [WEAK_COMPLEX] = 'c' };

        return kinds[tensor->weak];
}

const char *mars_tensor_op_name(const mars_tensor *tensor) {
        return expr_name(tensor->expr);
}

/* ---- Scalars ---------------------------------------------------------------------------------------------------- */

int mars_scalar_weak(mars_tensor **ret, char kind, mars_scalar value, mars_error *err) {
        const bool large = value.dtype == MARS_UINT64 && value.u64 > INT64_MAX;
        Scalar s;

        switch (kind) {
        case 'b':
                return expr_new_scalar(ret, scalar_from_i64(DTYPE_BOOL, value.b != 0), WEAK_BOOL, error_of(err));
        case 'i':
                s = scalar_from_i64(large ? DTYPE_U64 : DTYPE_I64, value.i64);
                return expr_new_scalar(ret, s, WEAK_INT, error_of(err));
        case 'f':
                return expr_new_scalar(ret, scalar_from_f64(DTYPE_F64, value.f64), WEAK_FLOAT, error_of(err));
        case 'c':
                s = (Scalar) { .dtype = DTYPE_C128, .c128 = { value.c128[0], value.c128[1] } };
                return expr_new_scalar(ret, s, WEAK_COMPLEX, error_of(err));
        }
        return error_set(error_of(err), ERROR_VALUE, "a weak scalar is of kind 'b', 'i', 'f' or 'c', not '%c'", kind);
}

int mars_scalar_strong(mars_tensor **ret, mars_scalar value, mars_error *err) {
        Scalar s = { .dtype = type_dtype((unsigned) value.dtype) };
        int r;

        if (!type_exists((unsigned) value.dtype))
                return error_set(error_of(err), ERROR_TYPE, "there is no dtype of number %d", value.dtype);
        if (s.dtype == DTYPE_BOOL)
                s.bytes[0] = value.bytes[0] != 0;
        else
                memcpy(s.bytes, value.bytes, dtype_size(s.dtype));
        r = expr_new_scalar(ret, s, WEAK_NONE, error_of(err));
        if (r == 0)
                (*ret)->dtype = (uint8_t) value.dtype;
        return r;
}

static const char *const weak_words[] = {
        [WEAK_BOOL] = "bool", [WEAK_INT] = "integer", [WEAK_FLOAT] = "float", [WEAK_COMPLEX] = "complex",
};

/* NumPy compares any Python integer with any array: one that does not fit lies beyond all elements, like an
 * infinity. */
static bool is_comparison(const Op *op) {
        static const char *const names[] = { "equal", "not_equal", "less", "less_equal", "greater", "greater_equal" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(op->name, names[i]) == 0)
                        return true;
        return false;
}

static int strong_value(const Op *op, Scalar value, Weak weak, DType to, Scalar *ret, Error *err) {
        const bool negative = value.dtype == DTYPE_I64 && value.i64 < 0;

        if (weak == WEAK_INT && !scalar_fits(value, to)) {
                if (is_comparison(op)) {
                        *ret = scalar_from_f64(DTYPE_F64, negative ? -__builtin_inf() : __builtin_inf());
                        return 0;
                }
                if (value.dtype == DTYPE_U64)
                        return error_set(err, ERROR_OVERFLOW, "Python %s %llu out of bounds for %s", weak_words[weak],
                                         (unsigned long long) value.u64, dtype_name(to));
                return error_set(err, ERROR_OVERFLOW, "Python %s %lld out of bounds for %s", weak_words[weak],
                                 (long long) value.i64, dtype_name(to));
        }
        *ret = scalar_cast(value, to);
        return 0;
}

/* Gives the weak scalars among the inputs the dtype in which the kernel reads them: ret[i] is a scalar of that
 * dtype then, and spec[i] says so. Operators without kernels read them as NumPy reads a Python scalar that stands
 * alone. */
static int strengthen(const OpCall *call, mars_tensor *const *in, Spec *spec, mars_tensor **ret, Error *err) {
        const MapKernel *kernel = NULL;
        const Op *op            = call->op;
        uint32_t k;
        int r;

        if (op->family == FAMILY_MAP && op->kernels) {
                r = op_map_kernel(call, params_dtype(op, call->params), CASTING_SAME_KIND, &k, err);
                if (r < 0)
                        return r;
                kernel = &op->kernels[k];
        }
        for (uint32_t i = 0; i < call->n_in; i++) {
                Scalar value;

                if (spec[i].weak == WEAK_NONE)
                        continue;
                r = strong_value(op, in[i]->expr->value, spec[i].weak, kernel ? kernel->in[i] : spec[i].dtype, &value,
                                 err);
                if (r < 0)
                        return r;
                r = expr_new_scalar(&ret[i], value, WEAK_NONE, err);
                if (r < 0)
                        return r;
                spec[i].dtype = value.dtype;
                spec[i].weak  = WEAK_NONE;
        }
        return 0;
}

/* ---- Operations ------------------------------------------------------------------------------------------------- */

/* What mars_op() holds until the expression has it. */
typedef struct Building {
        const Op *op;
        void *params;
        uint32_t n_in;
        Spec *spec;            /* of the inputs */
        mars_tensor **strong;  /* scalars that replace weak ones; NULL for the others */
        Spec near_spec[INPUTS_NEAR];
        mars_tensor *near_strong[INPUTS_NEAR];
} Building;

static void building_end(Building *b) {
        for (uint32_t i = 0; i < b->n_in; i++)
                mars_tensor_unref(b->strong[i]);
        if (b->spec != b->near_spec)
                free(b->spec);
        if (b->strong != b->near_strong)
                free(b->strong);
        free(b->params);
}

static int gather_params(Building *b, const mars_param *params, size_t n_params, Error *err) {
        size_t size = 0;
        int r;

        r = param_size(b->op, params, n_params, &size, err);
        if (r < 0 || size == 0)
                return r;
        b->params = malloc(size);
        if (!b->params)
                return error_oom(err, size);
        return param_fill(b->op, params, n_params, b->params, err);
}

static int gather_inputs(Building *b, uint32_t n_in, mars_tensor *const *in, Error *err) {
        bool weak = false;

        if (n_in > INPUTS_NEAR) {
                b->spec   = malloc(n_in * sizeof(*b->spec));
                b->strong = malloc(n_in * sizeof(*b->strong));
                if (!b->spec || !b->strong)
                        return error_oom(err, n_in * sizeof(*b->spec));
        }
        for (; b->n_in < n_in; b->n_in++) {
                b->strong[b->n_in] = NULL;
                if (!in[b->n_in])
                        return error_set(err, ERROR_VALUE, "input %u is NULL", b->n_in);
                tensor_spec(in[b->n_in], &b->spec[b->n_in]);
                weak |= b->spec[b->n_in].weak != WEAK_NONE;
        }
        if (!weak)
                return 0;
        return strengthen(&(OpCall) { .op = b->op, .params = b->params, .n_in = n_in, .in = b->spec }, in, b->spec,
                          b->strong, err);
}

/* An operator that nobody may call from outside, or with another number of inputs, is refused. */
static int check_call(const Op *op, uint32_t n_in, mars_tensor *const *in, Error *err) {
        if (op->hidden)
                return error_set(err, ERROR_VALUE, "this operator is made by others only");
        if (op->variadic ? n_in < op->n_in : n_in != op->n_in)
                return error_set(err, ERROR_TYPE, "%u inputs given, takes %s%u", n_in, op->variadic ? "at least " : "",
                                 op->n_in);
        if (n_in > MAX_NODE_IN)
                return error_set(err, ERROR_VALUE, "%u inputs (at most %d)", n_in, MAX_NODE_IN);
        if (n_in > 0 && !in)
                return error_set(err, ERROR_VALUE, "inputs are NULL");
        return 0;
}

/* NumPy's integers have no negative powers, and say so when they meet one: here where the expression is written, if the
 * exponent is a scalar or data in memory. `out` is what the operator makes. */
static int check_exponent(const Building *b, mars_tensor *const *in, const Spec *out, Error *err) {
        const DKind kind = dtype_kind(out->dtype);
        const mars_tensor *exponent;
        bool negative;

        if ((kind != KIND_INT && kind != KIND_UINT) || strcmp(b->op->name, "power") != 0)
                return 0;
        assert(in);
        exponent = b->strong[1] ?: in[1];
        negative = exponent->expr->kind == EXPR_SCALAR ? scalar_i64(exponent->expr->value) < 0 && kind == KIND_INT
                   : exponent->expr->kind == EXPR_DATA && data_negative(exponent->expr->data);
        if (!negative || (shape_known(&out->shape) && shape_size(&out->shape) == 0))
                return 0;
        return error_set(err, ERROR_VALUE, "Integers to negative integer powers are not allowed.");
}

static int expr_new_op(Expr **ret, const Op *op, uint32_t n_in, mars_tensor *const *in, const mars_param *params,
                       size_t n_params, Error *err) {
        _cleanup_(building_end) Building b = { .op = op, .spec = b.near_spec, .strong = b.near_strong };
        Spec out[MAX_OP_OUT];
        Expr *e;
        int r;

        r = check_call(op, n_in, in, err);
        if (r < 0)
                return r;
        r = gather_params(&b, params, n_params, err);
        if (r < 0)
                return r;
        r = gather_inputs(&b, n_in, in, err);
        if (r < 0)
                return r;
        r = op_infer(&(OpCall) { .op = op, .params = b.params, .n_in = n_in, .in = b.spec }, out, err);
        if (r == 0)
                r = check_exponent(&b, in, out, err);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < op_n_out(op); i++)
                out[i].weak = WEAK_NONE; /* what is computed is an array */

        e = expr_alloc(EXPR_OP, n_in, op_n_out(op), out);
        if (!e)
                return error_oom(err, sizeof(*e));
        e->op     = op;
        e->params = TAKE_PTR(b.params);
        for (uint32_t i = 0; i < n_in; i++) {
                e->in[i]    = b.strong[i] ?: mars_tensor_ref(in[i]);
                b.strong[i] = NULL;
        }
        *ret = e;
        return 0;
}

/* A handle with a reference for each output. */
int tensor_op(mars_tensor **ret, const Op *op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
              size_t n_params, Error *err) {
        Expr *e = NULL;
        int r   = expr_new_op(&e, op, n_in, in, params, n_params, err);

        if (r < 0)
                return r;
        assert(e);
        e->n_ref = e->n_out;
        for (uint32_t i = 0; i < e->n_out; i++) {
                e->out[i].n_need = 1;
                ret[i]           = &e->out[i];
        }
        return 0;
}

static int make_op(mars_tensor **ret, const Op *op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
                   size_t n_params, Error *err) {
        int r;

        if (err)
                err->code = 0; /* what the caller's error says is of an earlier call */
        r = times_concern(n_in, in, params, n_params) ? times_op(ret, op, n_in, in, params, n_params, err)
                                                      : tensor_op(ret, op, n_in, in, params, n_params, err);
        return r < 0 ? error_of_op(op, r, err) : 0;
}

int mars_op(mars_tensor **ret, unsigned op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
            size_t n_params, mars_error *err) {
        if (op >= op_count())
                return error_set(error_of(err), ERROR_VALUE, "there is no operator of number %u", op);
        return make_op(ret, op_table()[op], n_in, in, params, n_params, error_of(err));
}

int mars_op1(mars_tensor **ret, const char *op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
             size_t n_params, mars_error *err) {
        const Op *o = op ? op_find(op) : NULL;
        mars_tensor *out[MAX_OP_OUT] = {};
        int r;

        if (!o)
                return error_set(error_of(err), ERROR_VALUE, "there is no operator '%s'", op ?: "(null)");
        r = make_op(out, o, n_in, in, params, n_params, error_of(err));
        if (r < 0)
                return r;
        for (uint32_t i = 1; i < op_n_out(o); i++)
                mars_tensor_unref(out[i]);
        *ret = out[0];
        return 0;
}

int mars_full(mars_tensor **ret, mars_dtype dtype, unsigned ndim, const int64_t *shape, double value, mars_error *err) {
        Scalar s = scalar_from_f64(type_exists((unsigned) dtype) ? type_dtype((unsigned) dtype) : DTYPE_F64, value);
        mars_param params[] = {
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = shape, .n = ndim },
                { .name = "dtype", .kind = MARS_PARAM_DTYPE, .i64 = (int64_t) dtype },
                { .name = "value", .kind = MARS_PARAM_SCALAR },
        };

        params[2].scalar.dtype = (int) s.dtype;
        memcpy(params[2].scalar.bytes, s.bytes, sizeof(s.bytes));
        return mars_op1(ret, "full", 0, NULL, params, ELEMENTSOF(params), err);
}
