/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Expressions: what stands behind the handles of mars.h. An Expr is one operation (or a scalar, or data from
 * outside) and never changes, except that a dimension that depends on data is filled in once it is known, and that
 * results are attached and detached. A handle is one output of an Expr and lies inside of it, so an expression is
 * one allocation.
 *
 * Two counts decide who lives:
 *     Expr.n_ref          memory: handles of users, and expressions that have it as input, for they can always be
 *                         computed again
 *     mars_tensor.n_need  value: handles of users, and expressions that may still have to read it. An expression
 *                         needs its inputs until all its needed outputs are executed. When nobody needs a value, its
 *                         results are released: `for (;;) x = f(x), execute(x)` holds one result and not all.
 *
 * expr_lock guards the results of all tensors, and Expr.needs_inputs. It is held for
 * moments only, never while the engine is called. */
#include <pthread.h>
#include <stdatomic.h>

#include "graph/op.h"
#include "mars.h"

typedef struct Expr Expr;
typedef struct Data Data;     /* client/data.h */
typedef struct Result Result; /* client/result.h */

typedef enum ExprKind {
        EXPR_OP,
        EXPR_SCALAR, /* a constant without axes; weak ones take the dtype of what they meet */
        EXPR_DATA,   /* memory or a file of the caller */
        EXPR_NAMED,  /* a result that was opened: it has no other value than that */
} ExprKind;

struct mars_tensor {
        Expr *expr;
        Result *results;        /* one for each session that has it */
        int64_t *dim;           /* ndim of them */
        _Atomic uint32_t n_need;
        uint8_t out;            /* which output of expr */
        uint8_t dtype;          /* of mars.h: times are int64 to the expression, see client/times.h */
        uint8_t weak, ndim;
};

struct Expr {
        _Atomic uint32_t n_ref;
        uint8_t kind;           /* ExprKind */
        uint8_t n_out;
        bool needs_inputs;
        bool unknown;           /* some dimension was UNKNOWN when it was built */
        uint32_t n_in;
        const Op *op;           /* of EXPR_OP */
        mars_tensor **in;
        Expr *next;             /* in a list of expressions to release */
        union {
                void *params; /* of op */
                Scalar value;
                Data *data;
        };
        mars_tensor out[];
};

extern pthread_mutex_t expr_lock;

static inline void tensor_unrefp(mars_tensor **t) {
        mars_tensor_unref(*t);
}

/* mars_error is Error under a name that the world sees. */
static inline Error *error_of(mars_error *err) {
        return (Error *) err;
}

/* One output with the given spec; the caller fills in the value. */
int expr_new_leaf(Expr **ret, ExprKind kind, const Spec *spec, Error *err);
int expr_new_scalar(mars_tensor **ret, Scalar value, Weak weak, Error *err);
Expr *expr_unref(Expr *expr);

/* An operation of the graph; its handles have the dtypes of the engine. As mars_op(), but errors do not begin with the
 * operator's name. */
int tensor_op(mars_tensor **ret, const Op *op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
              size_t n_params, Error *err);

/* A copy of what is known of the tensor now. */
void tensor_spec(const mars_tensor *tensor, Spec *ret);
bool tensor_known(const mars_tensor *tensor);
/* Fills in dimensions that are known now. */
void tensor_learn(mars_tensor *tensor, const Shape *shape);
/* Infers what follows from dimensions that became known since the expression was built. Says what does not fit
 * after all. */
int tensor_refine(mars_tensor *tensor, Error *err);
/* Called with expr_lock held after an output of the expression was executed: whether its inputs are needed no
 * longer. The caller passes such expressions to expr_forget_inputs() when it has released the lock. */
bool expr_is_done(Expr *expr);
void expr_forget_inputs(Expr *expr);
/* The words for people: "add", "scalar", "data". */
const char *expr_name(const Expr *expr);
/* Words of an error begin with the operator's name, once. Returns r. */
int error_of_op(const Op *op, int r, Error *err);

/* ---- Parameters (param.c) --------------------------------------------------------------------------------------- */

/* Checks the parameters against the operator's table; says how many bytes param_fill() writes. */
int param_size(const Op *op, const mars_param *params, size_t n_params, size_t *ret_size, Error *err);
/* Writes the operator's parameter struct, then its lists and texts. `ret` is aligned to 16 bytes. */
int param_fill(const Op *op, const mars_param *params, size_t n_params, void *ret, Error *err);
