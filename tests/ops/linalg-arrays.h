/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Arrays of numbers that operators of linear algebra are given by an engine, and what their results promise: products
 * give the input back, Q^H Q is the identity, triangles have their zeros. */
#include <complex.h>
#include <math.h>
#include <string.h>

#include "engine/engine.h"

#include "harness.h"

typedef double _Complex Number;

/* A tensor as numbers, whatever its dtype. */
typedef struct Array {
        DType dtype;
        Shape shape;
        Number *v;
} Array;

enum { MOST_IN = 2 };

static inline double precision(DType t) {
        return dtype_real(t) == DTYPE_F32 ? 0x1p-23 : 0x1p-52;
}

static inline void array_clear(Array *a) {
        free(a->v);
        a->v = NULL;
}

static inline Array array_new(DType t, const Shape *s) {
        Array a = { .dtype = t, .shape = *s, .v = calloc((size_t) shape_size(s) + 1, sizeof(Number)) };

        ck_assert_ptr_nonnull(a.v);
        return a;
}

/* ---- Numbers in and out ---- */

static inline Number number_of(DType t, const char *at) {
        switch (t) {
        case DTYPE_F32:
                return *(const float *) at;
        case DTYPE_F64:
                return *(const double *) at;
        case DTYPE_C64:
                return *(const float _Complex *) at;
        case DTYPE_C128:
                return *(const Number *) at;
        case DTYPE_I64:
                return (double) *(const int64_t *) at;
        case DTYPE_I32:
                return *(const int32_t *) at;
        case DTYPE_BOOL:
                return *(const bool *) at;
        default:
                ck_abort_msg("a test without %s", dtype_name(t));
        }
}

static inline void number_to(DType t, Number v, char *at) {
        switch (t) {
        case DTYPE_F32:
                *(float *) at = (float) creal(v);
                break;
        case DTYPE_F64:
                *(double *) at = creal(v);
                break;
        case DTYPE_C64:
                *(float _Complex *) at = (float _Complex) v;
                break;
        case DTYPE_C128:
                *(Number *) at = v;
                break;
        case DTYPE_I64:
                *(int64_t *) at = (int64_t) creal(v);
                break;
        case DTYPE_I32:
                *(int32_t *) at = (int32_t) creal(v);
                break;
        case DTYPE_BOOL:
                *(bool *) at = creal(v) != 0;
                break;
        default:
                ck_abort_msg("a test without %s", dtype_name(t));
        }
}

static uint64_t random_state = 1;

static inline double random_real(void) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        return (double) (random_state >> 11) * 0x1p-52 - 1;
}

static inline Array random_array(DType t, const Shape *s) {
        Array a = array_new(t, s);

        for (int64_t i = 0; i < shape_size(s); i++) {
                char bits[16];

                number_to(t, random_real() + (dtype_kind(t) == KIND_COMPLEX ? random_real() * I : 0), bits);
                a.v[i] = number_of(t, bits);
        }
        return a;
}

#define RANDOM(t, ...)                                                                                                 \
        ({                                                                                                             \
                const Shape _s = SHAPE(__VA_ARGS__);                                                                   \
                random_array(t, &_s);                                                                                  \
        })

static inline Array array_of(DType t, const Shape *s, const Number *v) {
        Array a = array_new(t, s);

        memcpy(a.v, v, (size_t) shape_size(s) * sizeof(Number));
        return a;
}

/* ---- Matrices in arrays ---- */

/* One matrix; transposed and conjugated where the steps say so. */
typedef struct Matrix {
        const Number *v;
        int64_t m, n, row, column;
        bool conjugate;
} Matrix;

static inline Matrix matrix_at(const Array *a, int64_t i) {
        const int d = a->shape.ndim;
        const int64_t m = a->shape.dim[d - 2], n = a->shape.dim[d - 1];

        return (Matrix){ .v = a->v + i * m * n, .m = m, .n = n, .row = n, .column = 1 };
}

static inline Matrix column_at(const Array *a, int64_t i) {
        const int64_t n = a->shape.dim[a->shape.ndim - 1];

        return (Matrix){ .v = a->v + i * n, .m = n, .n = 1, .row = 1, .column = 1 };
}

static inline int64_t n_matrix(const Array *a) {
        const Shape s = shape_of(a->shape.ndim - 2, a->shape.dim);

        return shape_size(&s);
}

static inline Matrix adjoint(Matrix a) {
        return (Matrix){ a.v, a.n, a.m, a.column, a.row, !a.conjugate };
}

static inline Number element(Matrix a, int64_t i, int64_t k) {
        const Number v = a.v[i * a.row + k * a.column];

        return a.conjugate ? conj(v) : v;
}

/* The largest |sum over l of a[i, l] w[l] b[l, k] - c[i, k]| there is, w and c being 1 and the identity where there
 * are none. */
static inline double distance(Matrix a, const Number *w, Matrix b, const Matrix *c) {
        _cleanup_(freep) Number *row = calloc((size_t) b.n + 1, sizeof(Number));
        double most = 0;

        ck_assert_int_eq(a.n, b.m);
        if (c)
                ck_assert(a.m == c->m && b.n == c->n);
        for (int64_t i = 0; i < a.m; i++) {
                for (int64_t k = 0; k < b.n; k++)
                        row[k] = c ? -element(*c, i, k) : -(i == k);
                for (int64_t l = 0; l < a.n; l++) {
                        const Number x = element(a, i, l) * (w ? w[l] : 1);

                        for (int64_t k = 0; k < b.n && x != 0; k++)
                                row[k] += x * element(b, l, k);
                }
                for (int64_t k = 0; k < b.n; k++)
                        most = cabs(row[k]) > most || isnan(cabs(row[k])) ? cabs(row[k]) : most;
        }
        return most;
}

static inline void assert_triangle(Matrix a, bool lower) {
        for (int64_t i = 0; i < a.m; i++)
                for (int64_t k = 0; k < a.n; k++)
                        if ((lower ? k > i : k < i) && element(a, i, k) != 0) /* an assertion costs a system call */
                                ck_abort_msg("row %lld, column %lld", (long long) i, (long long) k);
}

/* ---- The engine ---- */

static Engine *engine;

static inline Engine *engine_start(void) {
        Error err = {};

        if (!engine)
                ck_assert_msg(engine_new(&engine, &(EngineConfig) { .n_threads = 2, .budget.memory_bytes = 2 * GiB },
                                         &err) == 0,
                              "%s", err.text);
        return engine;
}

/* An array in chunks of `step` elements along each axis. */
static inline TensorId put(const Array *a, int64_t step) {
        const Spec spec = { .dtype = a->dtype, .shape = a->shape };
        Tiling tiling = { .ndim = a->shape.ndim };
        const size_t size = dtype_size(a->dtype);
        const char **data;
        char *memory;
        TensorId id;

        for (int k = 0; k < tiling.ndim; k++)
                tiling.axis[k] = cuts_regular(a->shape.dim[k], step);
        data = calloc(tiling_n_chunks(&tiling), sizeof(*data));
        memory = malloc((size_t) shape_size(&a->shape) * size + 1);
        char *to = memory;
        for (uint64_t c = 0; c < tiling_n_chunks(&tiling); c++) {
                Box box;
                int64_t at[MAX_NDIM];

                tiling_box(&tiling, c, &box);
                memcpy(at, box.lo, sizeof(at));
                data[c] = to;
                for (int64_t n = box_size(&box); n > 0; n--, to += size) {
                        int64_t from = 0;

                        for (int k = 0; k < box.ndim; k++)
                                from = from * a->shape.dim[k] + at[k];
                        number_to(a->dtype, a->v[from], to);
                        for (int k = box.ndim; k-- > 0;) {
                                if (++at[k] < box.hi[k])
                                        break;
                                at[k] = box.lo[k];
                        }
                }
        }
        ck_assert_int_eq(engine_adopt(engine_start(), &spec, &tiling, data, free, memory, NULL, &id, NULL), 0);
        free(data);
        return id;
}

static inline Array get(TensorId id) {
        _cleanup_(engine_unpinp) EnginePin *pin = NULL;

        ck_assert_int_eq(engine_pin(engine, id, &pin, NULL), 0);
        Array a = array_new(pin->spec.dtype, &pin->spec.shape);
        const size_t size = dtype_size(a.dtype);
        for (uint64_t c = 0; c < pin->n_chunks; c++) {
                const char *from = pin->data[c];
                int64_t at[MAX_NDIM];
                Box box;

                tiling_box(&pin->tiling, c, &box);
                memcpy(at, box.lo, sizeof(at));
                for (int64_t n = box_size(&box); n > 0; n--, from += size) {
                        int64_t to = 0;

                        for (int k = 0; k < box.ndim; k++)
                                to = to * a.shape.dim[k] + at[k];
                        a.v[to] = number_of(a.dtype, from);
                        for (int k = box.ndim; k-- > 0;) {
                                if (++at[k] < box.hi[k])
                                        break;
                                at[k] = box.lo[k];
                        }
                }
        }
        return a;
}

/* What operators are given instead of their inputs; NULL: these themselves. */
static Ref (*look)(Build *b, Ref a);

/* Runs an operator on arrays in chunks of `step`; the outcome, with its words in err. */
static inline int try_op(const char *op, const void *params, const Array *in, uint32_t n_in, int64_t step, Array *ret,
                         Error *err) {
        _cleanup_(engine_request_unrefp) EngineRequest *q = NULL;
        TensorId id[MOST_IN], made[MAX_OP_OUT];
        Build b = { .err = err };
        Ref ref[MOST_IN], out;
        const uint32_t n_out = op_n_out(op_find(op));
        int r;

        ck_assert_int_eq(graph_new(&b.graph), 0);
        for (uint32_t i = 0; i < n_in; i++) {
                const Spec spec = { .dtype = in[i].dtype, .shape = in[i].shape };

                id[i] = put(&in[i], step);
                ref[i] = (Ref){};
                ck_assert_int_eq(graph_add_stored(b.graph, id[i], &spec, &ref[i].node), 0);
                if (look)
                        ref[i] = look(&b, ref[i]);
        }
        out = build_op(&b, op, params, n_in, ref);
        r = build_done(&b);
        if (r < 0)
                graph_free(b.graph);
        else {
                for (uint32_t i = 0; i < n_out; i++)
                        ck_assert_int_eq(vec_push(&b.graph->wanted, ((Ref){ out.node, i })), 0);
                r = engine_submit(engine, b.graph, false, &q, err);
                if (r == 0)
                        r = engine_wait(q, UINT64_MAX, err);
                if (r == 0)
                        r = engine_request_take(q, made);
                for (uint32_t i = 0; i < n_out && r == 0; i++) {
                        ret[i] = get(made[i]);
                        engine_release(engine, made[i]);
                }
        }
        for (uint32_t i = 0; i < n_in; i++)
                engine_release(engine, id[i]);
        return r;
}

static inline void run_op(const char *op, const void *params, const Array *in, uint32_t n_in, int64_t step,
                          Array *ret) {
        Error err = {};
        const int r = try_op(op, params, in, n_in, step, ret, &err);

        ck_assert_msg(r == 0, "%s: %s", op, err.text);
}

static inline void assert_refused(const char *op, const Array *in, uint32_t n_in, int code, const char *words) {
        Array out[MAX_OP_OUT];
        Error err = {};
        const int r = try_op(op, NULL, in, n_in, 3, out, &err);

        ck_assert_msg(r == code && strstr(err.text, words), "%s: %d %s", op, r, err.text);
}

static inline void assert_close(const Array *a, const Shape *s, const Number *v, double limit) {
        ck_assert(shape_equal(&a->shape, s));
        for (int64_t i = 0; i < shape_size(s); i++)
                ck_assert_msg(cabs(a->v[i] - v[i]) <= limit, "element %lld is %.17g%+.17gj", (long long) i,
                              creal(a->v[i]), cimag(a->v[i]));
}

#define ASSERT_CLOSE(a, shape_, ...)                                                                                   \
        ({                                                                                                             \
                const Shape _s = shape_;                                                                               \
                assert_close(&(a), &_s, (const Number[]){ __VA_ARGS__ }, 1e-14);                                       \
        })

/* ---- What each of them promises ---- */

static inline void assert_qr(const Array *a, const Array *q, const Array *r) {
        const double limit = 50 * precision(q->dtype) * (double) (a->shape.dim[a->shape.ndim - 1] + 5);

        ck_assert_int_eq(q->dtype, r->dtype);
        for (int64_t i = 0; i < n_matrix(a); i++) {
                const Matrix x = matrix_at(a, i), y = matrix_at(q, i), z = matrix_at(r, i);

                ck_assert_int_eq(y.n, MIN(x.m, x.n));
                assert_triangle(z, false);
                ck_assert_double_le(distance(adjoint(y), NULL, y, NULL), limit);
                ck_assert_double_le(distance(y, NULL, z, &x), limit);
        }
}

static inline void assert_svd(const Array *a, const Array *out) {
        const double limit = 100 * precision(out[0].dtype) *
                             (double) (MIN(a->shape.dim[a->shape.ndim - 1], a->shape.dim[a->shape.ndim - 2]) + 5);

        ck_assert_int_eq(out[1].dtype, dtype_real(out[0].dtype));
        for (int64_t i = 0; i < n_matrix(a); i++) {
                const Matrix x = matrix_at(a, i), u = matrix_at(&out[0], i), vh = matrix_at(&out[2], i),
                             s = column_at(&out[1], i);

                ck_assert_int_eq(s.m, MIN(x.m, x.n));
                for (int64_t k = 0; k < s.m; k++)
                        ck_assert(creal(s.v[k]) >= 0 && (k == 0 || creal(s.v[k]) <= creal(s.v[k - 1])));
                ck_assert_double_le(distance(adjoint(u), NULL, u, NULL), limit);
                ck_assert_double_le(distance(vh, NULL, adjoint(vh), NULL), limit);
                ck_assert_double_le(distance(u, s.v, vh, &x), limit);
        }
}

static inline void clear_all(Array *a, uint32_t n) {
        for (uint32_t i = 0; i < n; i++)
                array_clear(&a[i]);
}
