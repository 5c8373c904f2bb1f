/* SPDX-License-Identifier: Apache-2.0 */
/* LU with partial pivoting, and what follows from it. lu_factor gives the order of the rows as numbers, a[order] = L
 * U; from it come the permutation matrix of lu(), solutions, inverses and determinants.
 *
 * Larger matrices are cut in two halves of columns: the left one is factorized, the rows of the right one are
 * fetched in its order, and what one product leaves of them is factorized in turn. At the end of it is a panel: a few
 * columns with all their rows, whose pivots one task chooses. */
#include <math.h>
#include <string.h>

#include "ops/blas.h"
#include "ops/lapack.h"
#include "ops/linalg.h"

/* ---- Order, L and U of one matrix
 * --------------------------------------------------------------------------------------- */

typedef struct LuWork {
        char *a; /* column by column */
        int *pivot;
} LuWork;

static size_t lu_work(DType t, int64_t m, int64_t n, void *scratch, LuWork *ret) {
        Carve c = { .at = scratch };

        ret->a     = carve(&c, m * n, dtype_size(t));
        ret->pivot = carve(&c, MIN(m, n), sizeof(int));
        return c.used;
}

static size_t lu_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;
        LuWork w;

        return lu_work(call->in[0].dtype, s->dim[s->ndim - 2], s->dim[s->ndim - 1], NULL, &w);
}

/* LAPACK's pivots are exchanges, one after the other. */
static void order_of(const int *pivot, int64_t n_pivot, int64_t m, int64_t *order) {
        for (int64_t i = 0; i < m; i++)
                order[i] = i;
        for (int64_t i = 0; i < n_pivot; i++) {
                const int64_t x     = order[i];
                order[i]            = order[pivot[i] - 1];
                order[pivot[i] - 1] = x;
        }
}

static void set_one(DType t, char *to) {
        const Scalar one = scalar_from_f64(t, 1);

        memcpy(to, one.bytes, dtype_size(t));
}

static int lu_run(BlockRun *run, Error *err) {
        const View *in      = &run->in[0];
        const DType t       = in->dtype;
        const int64_t *at   = in->shape.dim + in->shape.ndim - 2, rows = at[0], columns = at[1], k = MIN(rows, columns);
        const int64_t size  = (int64_t) dtype_size(t);
        const Shape stack   = stack_of(&run->out[0], 1);
        int m, n, info = 0;
        LuWork w;

        if (lapack_count(rows, &m, err) < 0 || lapack_count(columns, &n, err) < 0)
                return ERROR_SUPPORT;
        lu_work(t, rows, columns, run->scratch, &w);
        for (int64_t i = 0; i < shape_size(&stack); i++) {
                char *l = run->out[1].data + i * rows * k * size, *u = run->out[2].data + i * k * columns * size;

                if (k > 0) {
                        matrix_to_columns(in, stack_at(in, 2, &stack, i), w.a);
                        blas_enter();
                        LAPACK_CALL(t, getrf, &m, &n, w.a, &m, w.pivot, &info); /* > 0: singular; factorized */
                        blas_leave();
                        assert(info >= 0);
                }
                order_of(w.pivot, k, rows, (int64_t *) run->out[0].data + i * rows);
                matrix_from_columns(t, rows, k, w.a, rows, l);
                matrix_from_columns(t, k, columns, w.a, rows, u);
                for (int64_t row = 0; row < k; row++) {
                        set_one(t, l + (row * k + row) * size);
                        memset(l + (row * k + row + 1) * size, 0, (size_t) ((k - row - 1) * size));
                        memset(u + row * columns * size, 0, (size_t) (row * size));
                }
        }
        return 0;
}

static int infer_factor(const OpCall *call, Spec *out, Error *err) {
        const Shape *s = &call->in[0].shape;
        DType dtype;
        int r;

        r = linalg_one(call, false, &dtype, err);
        if (r < 0)
                return r;
        const int64_t least = linalg_least(s->dim[s->ndim - 2], s->dim[s->ndim - 1]);

        out[0] = (Spec) { .dtype = DTYPE_I64, .shape = shape_of(s->ndim - 1, s->dim) };
        out[1] = out[2] = (Spec) { .dtype = dtype, .shape = *s };
        out[1].shape.dim[s->ndim - 1] = least;
        out[2].shape.dim[s->ndim - 2] = least;
        return 0;
}

OP(lu_block) = {
        .name     = "lu_block",
        .doc      = "The order of the rows, L and U with a[order] = L U, each matrix by one task.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .n_out    = 3,
        .infer    = infer_factor,
        .run      = lu_run,
        .scratch  = lu_scratch,
        .core_in  = { 2 },
        .core_out = { 1, 2, 2 },
};

/* ---- Halves
 * -------------------------------------------------------------------------------------------------------------- */

static int expand_factor(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *s    = &call->in[0].shape;
        const DType dtype = call->in[0].dtype;
        const int64_t m = s->dim[s->ndim - 2], n = s->dim[s->ndim - 1], k = MIN(m, n);
        const bool panel = k <= linalg_panel(m), small = MAX(m, n) <= LINALG_WHOLE;
        const int64_t half = panel ? k : linalg_half(k), below = m - half;
        Ref left, right, rest, top, low, order;

        if (s->ndim > 2 || small || (panel && n == k)) {
                out[0] = build_op(b, "lu_block", NULL, 1, in);
                out[1] = ref_out(out[0], 1);
                out[2] = ref_out(out[0], 2);
                return build_done(b);
        }
        left   = build_part(b, in[0], 0, m, 0, half);
        left   = build_op(b, "lu_factor", NULL, 1, &left);
        low    = ref_out(left, 1);
        right  = build_gather(b, build_part(b, in[0], 0, m, half, n - half), left);
        top    = build_triangular(b, build_part(b, low, 0, half, 0, half), build_part(b, right, 0, half, 0, n - half),
                                  true, true, false);
        out[2] = build_pair(b, ref_out(left, 2), top, 1);
        if (below == 0) { /* wide: U goes on to the right */
                out[0] = left;
                out[1] = low;
                return build_done(b);
        }
        rest   = build_binary(b, "subtract", build_part(b, right, half, below, 0, n - half),
                              build_binary(b, "matmul", build_part(b, low, half, below, 0, half), top));
        rest   = build_op(b, "lu_factor", NULL, 1, &rest);
        order  = build_gather(b, build_slice(b, left, 0, half, m, 1), rest);
        out[0] = build_pair(b, build_slice(b, left, 0, 0, half, 1), order, 0);
        out[1] = build_pair(b,
                            build_pair(b, build_part(b, low, 0, half, 0, half),
                                       build_constant(b, dtype, 0, half, k - half), 1),
                            build_pair(b, build_gather(b, build_part(b, low, half, below, 0, half), rest),
                                       ref_out(rest, 1), 1),
                            0);
        out[2] = build_pair(b, out[2],
                            build_pair(b, build_constant(b, dtype, 0, k - half, half), ref_out(rest, 2), 1), 0);
        return build_done(b);
}

OP(lu_factor) = {
        .name   = "lu_factor",
        .doc    = "The order of the rows, L and U with a[order] = L U.",
        .family = FAMILY_BLOCK,
        .hidden = true,
        .inputs = "a",
        .n_in   = 1,
        .n_out  = 3,
        .infer  = infer_factor,
        .expand = expand_factor,
};

/* ---- Permutation, L and U
 * -------------------------------------------------------------------------------------------------- */

static int infer_lu(const OpCall *call, Spec *out, Error *err) {
        const Shape *s = &call->in[0].shape;
        const int r    = infer_factor(call, out, err);

        if (r < 0)
                return r;
        out[0] = (Spec) { .dtype = dtype_real(out[1].dtype), .shape = *s };
        out[0].shape.dim[s->ndim - 1] = s->dim[s->ndim - 2];
        return 0;
}

static int expand_lu(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape *s  = &call->in[0].shape;
        const int64_t m = s->dim[s->ndim - 2];
        DType dtype;
        Ref a;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a      = build_cast(b, in[0], dtype);
        a      = build_op(b, "lu_factor", NULL, 1, &a);
        out[1] = ref_out(a, 1);
        out[2] = ref_out(a, 2);
        /* Row order[k] of a is row k of L U. */
        a      = build_binary(b, "equal", build_insert_axis(b, build_counting(b, m), 1),
                              build_insert_axis(b, a, s->ndim - 2));
        out[0] = build_cast(b, a, dtype_real(dtype));
        return build_done(b);
}

OP(lu) = {
        .name   = "lu",
        .doc    = "P, L and U with a = P L U: a permutation, a lower triangle with ones on the diagonal, an upper "
                  "triangle.\n\n"
                  "Of an m x n matrix, with k = min(m, n): P is m x m, L is m x k, U is k x n. "
                  "Singular matrices are factorized too. Raises TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .n_out  = 3,
        .infer  = infer_lu,
        .expand = expand_lu,
};

/* ---- Systems
 * ----------------------------------------------------------------------------------------------------------------- */

typedef struct SolveWork {
        char *a, *x;
        int *pivot;
} SolveWork;

static size_t solve_work(DType t, int64_t n, int64_t n_right, void *scratch, SolveWork *ret) {
        Carve c = { .at = scratch };

        ret->a     = carve(&c, n * n, dtype_size(t));
        ret->x     = carve(&c, n * n_right, dtype_size(t));
        ret->pivot = carve(&c, n, sizeof(int));
        return c.used;
}

static size_t solve_scratch(const OpCall *call) {
        const Shape *s = &call->in[1].shape;
        SolveWork w;

        return solve_work(call->in[0].dtype, s->dim[s->ndim - 2], s->dim[s->ndim - 1], NULL, &w);
}

static int solve_run(BlockRun *run, Error *err) {
        const View *out = &run->out[0];
        const DType t   = out->dtype;
        const int d     = out->shape.ndim;
        const int64_t rows = out->shape.dim[d - 2], columns = out->shape.dim[d - 1];
        const Shape stack  = stack_of(out, 2);
        int n, n_right, info = 0;
        SolveWork w;

        if (rows == 0)
                return 0;
        if (lapack_count(rows, &n, err) < 0 || lapack_count(columns, &n_right, err) < 0)
                return ERROR_SUPPORT;
        solve_work(t, rows, columns, run->scratch, &w);
        for (int64_t i = 0; i < shape_size(&stack); i++) {
                matrix_to_columns(&run->in[0], stack_at(&run->in[0], 2, &stack, i), w.a);
                matrix_to_columns(&run->in[1], stack_at(&run->in[1], 2, &stack, i), w.x);
                blas_enter();
                LAPACK_CALL(t, gesv, &n, &n_right, w.a, &n, w.pivot, w.x, &n, &info);
                blas_leave();
                if (info != 0)
                        return error_set(err, ERROR_LINALG, "Singular matrix");
                matrix_from_columns(t, rows, columns, w.x, rows,
                                    out->data + i * rows * columns * (int64_t) dtype_size(t));
        }
        return 0;
}

static int infer_solve_block(const OpCall *call, Spec *out, Error *err) {
        const int r = linalg_matrix(call, 1, false, err);

        return r < 0 ? r : linalg_solve(call, out, err);
}

OP(solve_block) = {
        .name     = "solve_block",
        .doc      = "x with a x = b, each matrix by one task.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "a, b",
        .n_in     = 2,
        .infer    = infer_solve_block,
        .run      = solve_run,
        .scratch  = solve_scratch,
        .core_in  = { 2, 2 },
        .core_out = { 2 },
};

/* Many right-hand sides share one factorization, and are then solved in parallel. */
static Ref build_solve(Build *b, Ref a, Ref c) {
        const Shape *s = &build_spec(b, a)->shape, *s_c = &build_spec(b, c)->shape;

        if (b->r < 0)
                return a;
        if (s->ndim > 2 || s_c->ndim > 2 || (s->dim[0] <= LINALG_WHOLE && s_c->dim[1] <= LINALG_WHOLE))
                return build_op(b, "solve_block", NULL, 2, (const Ref[]) { a, c });
        a = build_op(b, "lu_factor", NULL, 1, &a);
        c = build_gather(b, c, a);
        c = build_triangular(b, ref_out(a, 1), c, true, true, false);
        return build_triangular(b, ref_out(a, 2), c, false, false, false);
}

static int expand_solve(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const bool vector = call->in[1].shape.ndim == 1;
        DType dtype;
        Ref c;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        c = build_cast(b, in[1], dtype);
        c = build_solve(b, build_cast(b, in[0], dtype), vector ? build_insert_axis(b, c, 1) : c);
        *out = vector ? build_drop_axis(b, c, build_spec(b, c)->shape.ndim - 1) : c;
        return build_done(b);
}

OP(solve) = {
        .name   = "solve",
        .doc    = "x with a x = b.\n\n"
                  "b has one axis, or as many rows as a in its last two axes; the axes before them broadcast. "
                  "Raises LinAlgError where a is singular, and TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a, b",
        .n_in   = 2,
        .infer  = linalg_solve,
        .expand = expand_solve,
};

static int infer_inv(const OpCall *call, Spec *out, Error *err) {
        int r;

        out->shape = call->in[0].shape;
        r          = linalg_matrix(call, 0, true, err);
        return r < 0 ? r : linalg_dtype(call, &out->dtype, err);
}

static int expand_inv(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const int64_t n = call->in[0].shape.dim[call->in[0].shape.ndim - 1];
        DType dtype;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        *out = build_solve(b, build_cast(b, in[0], dtype), build_eye(b, dtype, n, n));
        return build_done(b);
}

OP(inv) = {
        .name   = "inv",
        .doc    = "The inverse.\n\nRaises LinAlgError where a is singular, and TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .infer  = infer_inv,
        .expand = expand_inv,
};

/* ---- Determinants
 * -------------------------------------------------------------------------------------------------------------- */

/* A product whose power of two is counted apart, so that no partial product overflows or vanishes: |re|, |im| are
 * below 1. */
typedef struct Scaled {
        double re, im;
        int64_t exponent;
} Scaled;

static void scaled_multiply(Scaled *p, double re, double im) {
        const double x = p->re * re - p->im * im, y = im == 0 && p->im == 0 ? 0 : p->re * im + p->im * re;
        const double most = fabs(x) > fabs(y) || x != x ? fabs(x) : fabs(y);
        int exponent = 0;

        p->re = x;
        p->im = y;
        if (!(most > 0 && most <= 0x1.fffffffffffffp1023))
                return; /* 0, infinite or no number: it stays so */
        frexp(most, &exponent);
        p->re = ldexp(x, -exponent);
        p->im = ldexp(y, -exponent);
        p->exponent += exponent;
}

/* Factors are scaled first: a product of two below 1 cannot overflow. */
static void scaled_factor(Scaled *p, double re, double im) {
        Scaled factor = { .re = 1 };

        scaled_multiply(&factor, re, im);
        scaled_multiply(p, factor.re, factor.im);
        p->exponent += factor.exponent;
}

/* Odd permutations have an odd number of cycles of even length. */
static bool is_odd(const char *order, int64_t step, int64_t n, bool *seen) {
        bool odd = false;

        for (int64_t i = 0; i < n; i++)
                seen[i] = false;
        for (int64_t i = 0; i < n; i++)
                for (int64_t k = i, length = 0; !seen[k]; length++) {
                        seen[k] = true;
                        odd ^= length > 0;
                        k = *(const int64_t *) (order + k * step);
                }
        return odd;
}

static int det_run(BlockRun *run, _unused_ Error *err) {
        const View *order = &run->in[0], *diagonal = &run->in[1], *out = &run->out[0];
        const int64_t n = order->shape.dim[order->shape.ndim - 1], step = diagonal->stride[diagonal->shape.ndim - 1];
        const Shape stack   = stack_of(out, 0);

        for (int64_t i = 0; i < shape_size(&stack); i++) {
                const char *d = stack_at(diagonal, 1, &stack, i);
                Scaled p      = { .re = 1 };

                for (int64_t k = 0; k < n; k++, d += step)
                        switch (out->dtype) {
                        case DTYPE_F32: scaled_factor(&p, *(const float *) d, 0); break;
                        case DTYPE_F64: scaled_factor(&p, *(const double *) d, 0); break;
                        case DTYPE_C64: scaled_factor(&p, ((const float *) d)[0], ((const float *) d)[1]); break;
                        default: scaled_factor(&p, ((const double *) d)[0], ((const double *) d)[1]);
                        }
                const int sign =
                        is_odd(stack_at(order, 1, &stack, i), order->stride[order->shape.ndim - 1], n, run->scratch)
                                ? -1
                                : 1;
                const int exponent = (int) MAX(MIN(p.exponent, (int64_t) 4096), (int64_t) -4096);
                const double re = sign * ldexp(p.re, exponent), im = sign * ldexp(p.im, exponent);

                switch (out->dtype) {
                case DTYPE_F32: ((float *) out->data)[i] = (float) re; break;
                case DTYPE_F64: ((double *) out->data)[i] = re; break;
                case DTYPE_C64:
                        ((float *) out->data)[2 * i]     = (float) re;
                        ((float *) out->data)[2 * i + 1] = (float) im;
                        break;
                default:
                        ((double *) out->data)[2 * i]     = re;
                        ((double *) out->data)[2 * i + 1] = im;
                }
        }
        return 0;
}

static size_t det_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;

        return (size_t) s->dim[s->ndim - 1];
}

static int infer_det_block(const OpCall *call, Spec *out, Error *err) {
        const Shape *order = &call->in[0].shape, *diagonal = &call->in[1].shape;

        if (order->ndim < 1 || !shape_equal(order, diagonal))
                return error_set(err, ERROR_VALUE, "%s: an order and a diagonal that differ in shape", call->op->name);
        if (call->in[0].dtype != DTYPE_I64)
                return error_set(err, ERROR_TYPE, "%s: an order of dtype %s", call->op->name,
                                 dtype_name(call->in[0].dtype));
        out->shape = shape_of(order->ndim - 1, order->dim);
        return linalg_dtype(&(OpCall) { .op = call->op, .n_in = 1, .in = call->in + 1 }, &out->dtype, err);
}

OP(det_block) = {
        .name     = "det_block",
        .doc      = "The sign of a permutation times the product of a diagonal.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "order, diagonal",
        .n_in     = 2,
        .infer    = infer_det_block,
        .run      = det_run,
        .scratch  = det_scratch,
        .core_in  = { 1, 1 },
        .core_out = { 0 },
};

static int infer_det(const OpCall *call, Spec *out, Error *err) {
        int r;

        r = linalg_one(call, true, &out->dtype, err);
        if (r < 0)
                return r;
        out->shape = shape_of(call->in[0].shape.ndim - 2, call->in[0].shape.dim);
        return 0;
}

/* lu_factor's order, and the diagonal of U: rows and columns are read at one index. */
static int build_diagonal(Build *b, const OpCall *call, const Ref *in, Ref ret[static 2]) {
        const Shape *s = &call->in[0].shape;
        const uint32_t n = (uint32_t) s->ndim;
        int64_t axis[MAX_NDIM], start[MAX_NDIM] = {}, step[MAX_NDIM];
        DType dtype;
        Ref a;

        if (linalg_dtype(call, &dtype, b->err) < 0)
                return b->r = ERROR_TYPE;
        a      = build_cast(b, in[0], dtype);
        ret[0] = build_op(b, "lu_factor", NULL, 1, &a);
        ret[1] = ref_out(ret[0], 2);
        if (n == 2 && s->dim[0] > LINALG_WHOLE) {
                ret[1] = build_large_diagonal(b, ret[1]);
                return build_done(b);
        }
        for (uint32_t k = 0; k < n; k++) {
                axis[k] = MIN((int64_t) k, (int64_t) n - 2);
                step[k] = 1;
        }
        const ViewParams diagonal = {
                .shape = { .n = n - 1, .given = true, .v = s->dim },
                .axis  = { .n = n, .given = true, .v = axis },
                .start = { .n = n, .given = true, .v = start },
                .step  = { .n = n, .given = true, .v = step },
        };
        ret[1] = build_op(b, "view", &diagonal, 1, &ret[1]);
        return build_done(b);
}

static int expand_det(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        Ref pair[2];

        if (build_diagonal(b, call, in, pair) < 0)
                return b->r;
        *out = build_op(b, "det_block", NULL, 2, pair);
        return build_done(b);
}

OP(det) = {
        .name = "det",
        .doc  = "The determinant.\n\nComputed from U; nothing overflows before the end. Raises TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .infer  = infer_det,
        .expand = expand_det,
};

static int infer_slogdet(const OpCall *call, Spec *out, Error *err) {
        const int r = infer_det(call, out, err);

        if (r < 0)
                return r;
        out[1]       = out[0];
        out[1].dtype = dtype_real(out[0].dtype);
        return 0;
}

static int expand_slogdet(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        Ref pair[2], size, one;

        if (build_diagonal(b, call, in, pair) < 0)
                return b->r;
        const DType dtype = build_spec(b, pair[1])->dtype, real = dtype_real(dtype);

        size    = build_unary(b, "absolute", pair[1]);
        one     = build_op(b, "where", NULL, 3,
                           (const Ref[]) { build_binary(b, "equal", size, build_f64(b, real, 0)),
                                           build_f64(b, real, 1), size });
        pair[1] = build_binary(b, "divide", pair[1], build_cast(b, one, dtype));
        out[0]  = build_op(b, "det_block", NULL, 2, pair);
        out[1]  = build_reduce(b, "sum", build_unary(b, "log", size), DIMS(-1), false, real);
        return build_done(b);
}

OP(slogdet) = {
        .name   = "slogdet",
        .doc    = "Sign and logarithm of the absolute value of the determinant: 0 and -inf of singular matrices.\n\n"
                  "Computed from U. Raises TypeError for float16.",
        .family = FAMILY_BLOCK,
        .inputs = "a",
        .n_in   = 1,
        .n_out  = 2,
        .infer  = infer_slogdet,
        .expand = expand_slogdet,
};
