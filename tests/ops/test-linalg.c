/* SPDX-License-Identifier: Apache-2.0 */
/* Factorizations are held to what they promise: products give the input back, Q^H Q is the identity, triangles have
 * their zeros. The examples say which of the many factorizations it is: NumPy's. Everything runs through the engine. */
#include <complex.h>
#include <math.h>
#include <string.h>

#include "client/engine.h"

#include "harness.h"

typedef double _Complex Number;

/* A tensor as numbers, whatever its dtype. */
typedef struct Array {
        DType dtype;
        Shape shape;
        Number *v;
} Array;

enum { MOST_IN = 2 };

static const DType dtypes[] = { DTYPE_F32, DTYPE_F64, DTYPE_C64, DTYPE_C128 };

static double precision(DType t) {
        return dtype_real(t) == DTYPE_F32 ? 0x1p-23 : 0x1p-52;
}

static void array_clear(Array *a) {
        free(a->v);
        a->v = NULL;
}

static Array array_new(DType t, const Shape *s) {
        Array a = { .dtype = t, .shape = *s, .v = calloc((size_t) shape_size(s) + 1, sizeof(Number)) };

        ck_assert_ptr_nonnull(a.v);
        return a;
}

/* ---- Numbers in and out ---- */

static Number number_of(DType t, const char *at) {
        switch (t) {
        case DTYPE_F32: return *(const float *) at;
        case DTYPE_F64: return *(const double *) at;
        case DTYPE_C64: return *(const float _Complex *) at;
        case DTYPE_C128: return *(const Number *) at;
        case DTYPE_I64: return (double) *(const int64_t *) at;
        case DTYPE_I32: return *(const int32_t *) at;
        case DTYPE_BOOL: return *(const bool *) at;
        default: ck_abort_msg("a test without %s", dtype_name(t));
        }
}

static void number_to(DType t, Number v, char *at) {
        switch (t) {
        case DTYPE_F32: *(float *) at = (float) creal(v); break;
        case DTYPE_F64: *(double *) at = creal(v); break;
        case DTYPE_C64: *(float _Complex *) at = (float _Complex) v; break;
        case DTYPE_C128: *(Number *) at = v; break;
        case DTYPE_I64: *(int64_t *) at = (int64_t) creal(v); break;
        case DTYPE_I32: *(int32_t *) at = (int32_t) creal(v); break;
        case DTYPE_BOOL: *(bool *) at = creal(v) != 0; break;
        default: ck_abort_msg("a test without %s", dtype_name(t));
        }
}

static uint64_t random_state = 1;

static double random_real(void) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        return (double) (random_state >> 11) * 0x1p-52 - 1;
}

static Array random_array(DType t, const Shape *s) {
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

static Array array_of(DType t, const Shape *s, const Number *v) {
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

static Matrix matrix_at(const Array *a, int64_t i) {
        const int d     = a->shape.ndim;
        const int64_t m = a->shape.dim[d - 2], n = a->shape.dim[d - 1];

        return (Matrix) { .v = a->v + i * m * n, .m = m, .n = n, .row = n, .column = 1 };
}

static Matrix column_at(const Array *a, int64_t i) {
        const int64_t n = a->shape.dim[a->shape.ndim - 1];

        return (Matrix) { .v = a->v + i * n, .m = n, .n = 1, .row = 1, .column = 1 };
}

static int64_t n_matrix(const Array *a) {
        const Shape s = shape_of(a->shape.ndim - 2, a->shape.dim);

        return shape_size(&s);
}

static Matrix adjoint(Matrix a) {
        return (Matrix) { a.v, a.n, a.m, a.column, a.row, !a.conjugate };
}

static Number element(Matrix a, int64_t i, int64_t k) {
        const Number v = a.v[i * a.row + k * a.column];

        return a.conjugate ? conj(v) : v;
}

/* The largest |sum over l of a[i, l] w[l] b[l, k] - c[i, k]| there is, w and c being 1 and the identity where there
 * are none. */
static double distance(Matrix a, const Number *w, Matrix b, const Matrix *c) {
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

static void assert_triangle(Matrix a, bool lower) {
        for (int64_t i = 0; i < a.m; i++)
                for (int64_t k = 0; k < a.n; k++)
                        if ((lower ? k > i : k < i) && element(a, i, k) != 0) /* an assertion costs a system call */
                                ck_abort_msg("row %lld, column %lld", (long long) i, (long long) k);
}

/* ---- The engine ---- */

static Engine *engine;

static Engine *engine_start(void) {
        Error err = {};

        if (!engine)
                ck_assert_msg(engine_new(&engine, &(EngineConfig) { .n_threads = 2, .memory_bytes = 2 * GiB }, &err) == 0, "%s", err.text);
        return engine;
}

/* An array in chunks of `step` elements along each axis. */
static TensorId put(const Array *a, int64_t step) {
        const Spec spec = { .dtype = a->dtype, .shape = a->shape };
        Tiling tiling   = { .ndim = a->shape.ndim };
        const size_t size = dtype_size(a->dtype);
        const char **data;
        char *memory;
        TensorId id;

        for (int k = 0; k < tiling.ndim; k++)
                tiling.axis[k] = cuts_regular(a->shape.dim[k], step);
        data   = calloc(tiling_n_chunks(&tiling), sizeof(*data));
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
        ck_assert_int_eq(engine_adopt(engine_start(), &spec, &tiling, data, free, memory, &id, NULL), 0);
        free(data);
        return id;
}

static Array get(TensorId id) {
        _cleanup_(engine_unpinp) EnginePin *pin = NULL;

        ck_assert_int_eq(engine_pin(engine, id, &pin, NULL), 0);
        Array a           = array_new(pin->spec.dtype, &pin->spec.shape);
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
static int try_op(const char *op, const void *params, const Array *in, uint32_t n_in, int64_t step, Array *ret, Error *err) {
        _cleanup_(engine_request_unrefp) EngineRequest *q = NULL;
        TensorId id[MOST_IN], made[MAX_OP_OUT];
        Build b           = { .err = err };
        Ref ref[MOST_IN], out;
        const uint32_t n_out = op_n_out(op_find(op));
        int r;

        ck_assert_int_eq(graph_new(&b.graph), 0);
        for (uint32_t i = 0; i < n_in; i++) {
                const Spec spec = { .dtype = in[i].dtype, .shape = in[i].shape };

                id[i]  = put(&in[i], step);
                ref[i] = (Ref) {};
                ck_assert_int_eq(graph_add_stored(b.graph, id[i], &spec, &ref[i].node), 0);
                if (look)
                        ref[i] = look(&b, ref[i]);
        }
        out = build_op(&b, op, params, n_in, ref);
        r   = build_done(&b);
        if (r < 0)
                graph_free(b.graph);
        else {
                for (uint32_t i = 0; i < n_out; i++)
                        ck_assert_int_eq(vec_push(&b.graph->wanted, ((Ref) { out.node, i })), 0);
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

static void run_op(const char *op, const void *params, const Array *in, uint32_t n_in, int64_t step, Array *ret) {
        Error err = {};
        const int r = try_op(op, params, in, n_in, step, ret, &err);

        ck_assert_msg(r == 0, "%s: %s", op, err.text);
}

static void assert_refused(const char *op, const Array *in, uint32_t n_in, int code, const char *words) {
        Array out[MAX_OP_OUT];
        Error err = {};
        const int r = try_op(op, NULL, in, n_in, 3, out, &err);

        ck_assert_msg(r == code && strstr(err.text, words), "%s: %d %s", op, r, err.text);
}

static void assert_close(const Array *a, const Shape *s, const Number *v, double limit) {
        ck_assert(shape_equal(&a->shape, s));
        for (int64_t i = 0; i < shape_size(s); i++)
                ck_assert_msg(cabs(a->v[i] - v[i]) <= limit, "element %lld is %.17g%+.17gj", (long long) i, creal(a->v[i]), cimag(a->v[i]));
}

#define ASSERT_CLOSE(a, shape_, ...)                                                                                   \
        ({                                                                                                             \
                const Shape _s = shape_;                                                                               \
                assert_close(&(a), &_s, (const Number[]) { __VA_ARGS__ }, 1e-14);                                       \
        })

/* ---- What each of them promises ---- */

static void assert_qr(const Array *a, const Array *q, const Array *r) {
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

static void assert_svd(const Array *a, const Array *out) {
        const double limit = 100 * precision(out[0].dtype) * (double) (MIN(a->shape.dim[a->shape.ndim - 1], a->shape.dim[a->shape.ndim - 2]) + 5);

        ck_assert_int_eq(out[1].dtype, dtype_real(out[0].dtype));
        for (int64_t i = 0; i < n_matrix(a); i++) {
                const Matrix x = matrix_at(a, i), u = matrix_at(&out[0], i), vh = matrix_at(&out[2], i), s = column_at(&out[1], i);

                ck_assert_int_eq(s.m, MIN(x.m, x.n));
                for (int64_t k = 0; k < s.m; k++)
                        ck_assert(creal(s.v[k]) >= 0 && (k == 0 || creal(s.v[k]) <= creal(s.v[k - 1])));
                ck_assert_double_le(distance(adjoint(u), NULL, u, NULL), limit);
                ck_assert_double_le(distance(vh, NULL, adjoint(vh), NULL), limit);
                ck_assert_double_le(distance(u, s.v, vh, &x), limit);
        }
}

static void clear_all(Array *a, uint32_t n) {
        for (uint32_t i = 0; i < n; i++)
                array_clear(&a[i]);
}

static const Shape shapes[] = {
        { 2, { 1, 1 } }, { 2, { 5, 5 } },    { 2, { 7, 3 } },    { 2, { 3, 7 } },     { 2, { 40, 33 } },
        { 2, { 1, 6 } }, { 3, { 4, 3, 2 } }, { 3, { 0, 3, 3 } }, { 4, { 2, 3, 2, 4 } }, { 2, { 4, 0 } }, { 2, { 0, 4 } },
};

TEST(qr_gives_the_matrix_back_for_every_dtype_and_shape) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(shapes); s++) {
                        Array a = random_array(dtypes[t], &shapes[s]), out[2];

                        run_op("qr", NULL, &a, 1, 4, out);
                        ck_assert_int_eq(out[0].dtype, dtypes[t]);
                        assert_qr(&a, &out[0], &out[1]);
                        clear_all(out, 2);
                        array_clear(&a);
                }
}

TEST(svd_gives_the_matrix_back_for_every_dtype_and_shape) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(shapes); s++) {
                        Array a = random_array(dtypes[t], &shapes[s]), out[3], values;

                        run_op("svd", NULL, &a, 1, 4, out);
                        assert_svd(&a, out);
                        run_op("svdvals", NULL, &a, 1, 3, &values);
                        ck_assert(values.dtype == out[1].dtype && shape_equal(&values.shape, &out[1].shape));
                        for (int64_t i = 0; i < shape_size(&values.shape); i++)
                                ck_assert_double_le(cabs(values.v[i] - out[1].v[i]), 100 * precision(dtypes[t]));
                        clear_all(out, 3);
                        array_clear(&values);
                        array_clear(&a);
                }
}

TEST(lu_gives_the_matrix_back_for_every_dtype_and_shape) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(shapes); s++) {
                        Array a = random_array(dtypes[t], &shapes[s]), out[3];

                        run_op("lu", NULL, &a, 1, 4, out);
                        for (int64_t i = 0; i < n_matrix(&a); i++) {
                                const Matrix p = matrix_at(&out[0], i), l = matrix_at(&out[1], i), u = matrix_at(&out[2], i), x = matrix_at(&a, i);
                                Array pa = RANDOM(dtypes[t], x.m, x.n);

                                assert_triangle(l, true);
                                assert_triangle(u, false);
                                ck_assert_double_eq(distance(adjoint(p), NULL, p, NULL), 0);
                                for (int64_t r = 0; r < x.m; r++)
                                        for (int64_t c = 0; c < x.n; c++) {
                                                pa.v[r * x.n + c] = 0;
                                                for (int64_t k = 0; k < x.m; k++)
                                                        pa.v[r * x.n + c] += element(p, k, r) * element(x, k, c);
                                        }
                                for (int64_t k = 0; k < l.n; k++)
                                        ck_assert(element(l, k, k) == 1);
                                ck_assert_double_le(distance(l, NULL, u, &(Matrix) { pa.v, x.m, x.n, x.n, 1, false }), 300 * precision(dtypes[t]));
                                array_clear(&pa);
                        }
                        clear_all(out, 3);
                        array_clear(&a);
                }
}

/* a a^H + n: Hermitian and positive definite. */
static Array definite(const Array *a) {
        Array ret = array_new(a->dtype, &a->shape);

        for (int64_t i = 0; i < n_matrix(a); i++) {
                const Matrix x = matrix_at(a, i);

                for (int64_t r = 0; r < x.m; r++)
                        for (int64_t c = 0; c < x.m; c++) {
                                Number sum = r == c ? (double) x.m : 0;
                                char bits[16];

                                for (int64_t k = 0; k < x.n; k++)
                                        sum += element(x, r, k) * conj(element(x, c, k));
                                number_to(a->dtype, sum, bits);
                                ret.v[(i * x.m + r) * x.m + c] = number_of(a->dtype, bits);
                        }
        }
        return ret;
}

static const Shape squares[] = { { 2, { 1, 1 } }, { 2, { 6, 6 } }, { 2, { 45, 45 } }, { 3, { 4, 3, 3 } }, { 4, { 2, 2, 2, 2 } }, { 2, { 0, 0 } } };

TEST(cholesky_gives_the_matrix_back_and_reads_the_lower_triangle_only) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(squares); s++) {
                        Array x = random_array(dtypes[t], &squares[s]), a = definite(&x), other = definite(&x), l[2];
                        const int64_t n = a.shape.dim[a.shape.ndim - 1];

                        for (int64_t i = 0; i < shape_size(&a.shape); i++)
                                if (i % n > i / n % n)
                                        other.v[i] = 1e5;
                        run_op("cholesky", NULL, &a, 1, 4, &l[0]);
                        run_op("cholesky", NULL, &other, 1, 100, &l[1]);
                        ck_assert_bytes_eq(l[0].v, l[1].v, (size_t) shape_size(&a.shape) * sizeof(Number));
                        for (int64_t i = 0; i < n_matrix(&a); i++) {
                                const Matrix m = matrix_at(&a, i), lower = matrix_at(&l[0], i);

                                assert_triangle(lower, true);
                                ck_assert_double_le(distance(lower, NULL, adjoint(lower), &m), 200 * precision(a.dtype) * (double) n);
                        }
                        clear_all(l, 2);
                        array_clear(&x);
                        array_clear(&a);
                        array_clear(&other);
                }
}

TEST(eigenvectors_are_orthonormal_and_eigenvalues_ascend) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(squares); s++) {
                        Array x = random_array(dtypes[t], &squares[s]), a = definite(&x), out[2], values;
                        const double limit = 500 * precision(a.dtype) * (double) a.shape.dim[a.shape.ndim - 1];

                        run_op("eigh", NULL, &a, 1, 4, out);
                        run_op("eigvalsh", NULL, &a, 1, 2, &values);
                        ck_assert(out[0].dtype == dtype_real(a.dtype) && shape_equal(&values.shape, &out[0].shape));
                        for (int64_t i = 0; i < shape_size(&values.shape); i++)
                                ck_assert_double_le(cabs(values.v[i] - out[0].v[i]), limit);
                        for (int64_t i = 0; i < n_matrix(&a); i++) {
                                const Matrix m = matrix_at(&a, i), w = column_at(&out[0], i), v = matrix_at(&out[1], i);

                                for (int64_t k = 1; k < w.m; k++)
                                        ck_assert_double_le(creal(w.v[k - 1]), creal(w.v[k]));
                                ck_assert_double_le(distance(adjoint(v), NULL, v, NULL), limit);
                                ck_assert_double_le(distance(v, w.v, adjoint(v), &m), limit);
                        }
                        clear_all(out, 2);
                        array_clear(&values);
                        array_clear(&x);
                        array_clear(&a);
                }
}

TEST(solutions_inverses_and_determinants_agree) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (size_t s = 0; s < ELEMENTSOF(squares); s++) {
                        Shape right = squares[s];
                        Array in[2], x, inverse, det, det_inverse;

                        right.dim[right.ndim - 1] = 3;
                        in[0] = random_array(dtypes[t], &squares[s]);
                        in[1] = random_array(dtypes[t], &right);
                        const int64_t n = right.dim[right.ndim - 2];
                        for (int64_t i = 0; i < shape_size(&squares[s]); i += 1)
                                in[0].v[i] += i % n == i / n % n ? 3 * (double) n : 0;
                        run_op("solve", NULL, in, 2, 4, &x);
                        run_op("inv", NULL, in, 1, 4, &inverse);
                        run_op("det", NULL, in, 1, 4, &det);
                        run_op("det", NULL, &inverse, 1, 3, &det_inverse);
                        ck_assert_int_eq(det.shape.ndim, in[0].shape.ndim - 2);
                        for (int64_t i = 0; i < n_matrix(&in[0]); i++) {
                                const Matrix a = matrix_at(&in[0], i), b = matrix_at(&in[1], i);

                                ck_assert_double_le(distance(a, NULL, matrix_at(&x, i), &b), 500 * precision(x.dtype));
                                ck_assert_double_le(distance(a, NULL, matrix_at(&inverse, i), NULL), 500 * precision(x.dtype));
                                if (n <= 6) /* larger ones leave the range of float32 */
                                        ck_assert_double_le(cabs(det.v[i] * det_inverse.v[i] - 1), 500 * precision(x.dtype));
                        }
                        clear_all(in, 2);
                        array_clear(&x);
                        array_clear(&inverse);
                        array_clear(&det);
                        array_clear(&det_inverse);
                }
}

TEST(triangular_systems_read_their_triangle_only) {
        for (size_t t = 0; t < ELEMENTSOF(dtypes); t++)
                for (int kind = 0; kind < 4; kind++) {
                        const struct {
                                bool lower, unit;
                        } params = { kind & 1, kind & 2 };
                        Array in[2] = { RANDOM(dtypes[t], 3, 9, 9), RANDOM(dtypes[t], 9, 5) }, x;

                        for (int64_t i = 0; i < 3 * 81; i++) {
                                const int64_t r = i / 9 % 9, c = i % 9;

                                in[0].v[i] = r == c ? in[0].v[i] + 4 : params.lower == (c > r) ? NAN : in[0].v[i] / 4;
                                if (r == c && params.unit)
                                        in[0].v[i] = NAN;
                        }
                        run_op("triangular_solve", &params, in, 2, 4, &x);
                        for (int64_t i = 0; i < 3 * 81; i++) {
                                const int64_t r = i / 9 % 9, c = i % 9;

                                if (isnan(creal(in[0].v[i])))
                                        in[0].v[i] = r == c;
                        }
                        ck_assert_int_eq(x.shape.ndim, 3);
                        for (int64_t i = 0; i < 3; i++) {
                                const Matrix b = matrix_at(&in[1], 0);

                                ck_assert_double_le(distance(matrix_at(&in[0], i), NULL, matrix_at(&x, i), &b), 300 * precision(x.dtype));
                        }
                        array_clear(&x);
                        clear_all(in, 2);
                }
}

TEST(a_vector_on_the_right_gives_a_vector) {
        Array in[2] = { RANDOM(DTYPE_F64, 2, 5, 5), RANDOM(DTYPE_F64, 5) }, x;
        static const char *const ops[] = { "solve", "triangular_solve" };

        for (int64_t i = 0; i < 50; i++)
                in[0].v[i] = i % 5 == i / 5 % 5 ? 7 : i % 5 < i / 5 % 5 ? 0 : in[0].v[i];
        for (size_t k = 0; k < ELEMENTSOF(ops); k++) {
                run_op(ops[k], NULL, in, 2, 2, &x);
                ck_assert_int_eq(x.shape.ndim, 2);
                for (int64_t i = 0; i < 2; i++) {
                        const Matrix b = column_at(&in[1], 0);

                        ck_assert_double_le(distance(matrix_at(&in[0], i), NULL, column_at(&x, i), &b), 1e-13);
                }
                array_clear(&x);
        }
        clear_all(in, 2);
}

/* ---- NumPy's own numbers ---- */

TEST(signs_and_order_are_those_of_numpy) {
        const Number tall[] = { 1, 2, 3, 4, 5, 6 }, square[] = { 2, 1, 1, 4, 3, 3, 8, 7, 9 }, hermitian[] = { 2, 1 - I, 1 + I, 3 };
        const Number complex_[] = { 1 + I, 2, 3, 4 - I, 5, 6 * I };
        Array a = array_of(DTYPE_I64, &(Shape) { 2, { 3, 2 } }, tall), out[3];

        run_op("qr", NULL, &a, 1, 2, out);
        ck_assert_int_eq(out[0].dtype, DTYPE_F64);
        ASSERT_CLOSE(out[0], SHAPE(3, 2), -0.16903085094570325, 0.8970852271450607, -0.50709255283711, 0.27602622373694136,
                     -0.8451542547285166, -0.34503277967117696);
        ASSERT_CLOSE(out[1], SHAPE(2, 2), -5.916079783099616, -7.437357441610946, 0, 0.828078671210825);
        clear_all(out, 2);
        run_op("svd", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(3, 2), -0.22984769640007147, 0.8834610176985255, -0.5247448187602937, 0.24078249213254635,
                     -0.8196419411205159, -0.4018960334334318);
        ASSERT_CLOSE(out[1], SHAPE(2), 9.525518091565107, 0.5143005806586443);
        ASSERT_CLOSE(out[2], SHAPE(2, 2), -0.6196294838293404, -0.7848944532670524, -0.7848944532670524, 0.6196294838293404);
        clear_all(out, 3);
        array_clear(&a);

        a = array_of(DTYPE_I32, &(Shape) { 2, { 3, 3 } }, square);
        run_op("lu", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(3, 3), 0, 1, 0, 0, 0, 1, 1, 0, 0);
        ASSERT_CLOSE(out[1], SHAPE(3, 3), 1, 0, 0, 0.25, 1, 0, 0.5, 0.6666666666666666, 1);
        ASSERT_CLOSE(out[2], SHAPE(3, 3), 8, 7, 9, 0, -0.75, -1.25, 0, 0, -0.666666666666667);
        clear_all(out, 3);
        run_op("det", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], ((Shape) { 0 }), 4.0);
        clear_all(out, 1);
        array_clear(&a);

        a = array_of(DTYPE_C128, &(Shape) { 2, { 2, 2 } }, hermitian);
        run_op("eigh", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(2), 1, 4);
        ASSERT_CLOSE(out[1], SHAPE(2, 2), -0.8164965809277258, -0.5773502691896261, 0.408248290463863 + 0.4082482904638632 * I,
                     -0.5773502691896253 - 0.5773502691896255 * I);
        clear_all(out, 2);
        run_op("cholesky", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(2, 2), 1.4142135623730951, 0, 0.7071067811865475 + 0.7071067811865475 * I, 1.4142135623730951);
        clear_all(out, 1);
        array_clear(&a);

        a = array_of(DTYPE_C128, &(Shape) { 2, { 3, 2 } }, complex_);
        run_op("qr", NULL, &a, 1, 2, out);
        ASSERT_CLOSE(out[1], SHAPE(2, 2), -6.0, -2.333333333333333 - 4.166666666666666 * I, 0, -5.847601597616277);
        clear_all(out, 2);
        array_clear(&a);
}

TEST(least_squares_has_rank_and_singular_values) {
        const Number tall[] = { 1, 2, 3, 4, 5, 6 }, flat[] = { 1, 2, 2, 4, 3, 6 }, right[] = { 1, 2, 4 };
        Array in[2] = { array_of(DTYPE_F64, &(Shape) { 2, { 3, 2 } }, tall), array_of(DTYPE_I64, &(Shape) { 1, { 3 } }, right) }, out[3];

        run_op("lstsq", NULL, in, 2, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(2), 0.6666666666666664, 0.08333333333333352);
        ASSERT_CLOSE(out[1], ((Shape) { 0 }), 2);
        ASSERT_CLOSE(out[2], SHAPE(2), 9.525518091565107, 0.5143005806586444);
        ck_assert_int_eq(out[1].dtype, DTYPE_I64);
        clear_all(out, 3);
        array_clear(&in[0]);

        in[0] = array_of(DTYPE_F64, &(Shape) { 2, { 3, 2 } }, flat); /* numpy.linalg.lstsq: [0.24285714, 0.48571429], rank 1 */
        run_op("lstsq", NULL, in, 2, 2, out);
        ASSERT_CLOSE(out[0], SHAPE(2), 17.0 / 70, 34.0 / 70);
        ASSERT_CLOSE(out[1], ((Shape) { 0 }), 1);
        clear_all(out, 3);
        clear_all(in, 2);
}

TEST(wide_least_squares_have_the_least_norm_and_several_right_sides) {
        Array in[2] = { RANDOM(DTYPE_C128, 4, 9), RANDOM(DTYPE_C128, 4, 3) }, out[3], direct[3];

        run_op("lstsq", NULL, in, 2, 3, out);
        const Matrix a = matrix_at(&in[0], 0), b = matrix_at(&in[1], 0), x = matrix_at(&out[0], 0);

        ck_assert_double_le(distance(a, NULL, x, &b), 1e-12);
        /* x is in the row space: V V^H x = x */
        run_op("svd", NULL, in, 1, 3, direct);
        const Matrix vh = matrix_at(&direct[2], 0);
        Array y = array_new(DTYPE_C128, &(Shape) { 2, { 4, 3 } });
        for (int64_t i = 0; i < 4; i++)
                for (int64_t k = 0; k < 3; k++)
                        for (int64_t l = 0; l < 9; l++)
                                y.v[i * 3 + k] += element(vh, i, l) * element(x, l, k);
        ck_assert_double_le(distance(adjoint(vh), NULL, matrix_at(&y, 0), &x), 1e-12);
        array_clear(&y);
        clear_all(direct, 3);
        clear_all(out, 3);
        clear_all(in, 2);
}

/* ---- Refusals ---- */

TEST(what_cannot_be_is_refused_with_the_words_of_numpy) {
        Array vector = RANDOM(DTYPE_F64, 4), wide = RANDOM(DTYPE_F64, 2, 3), half = RANDOM(DTYPE_F32, 2, 2), cube = RANDOM(DTYPE_F64, 2, 2, 2);
        static const char *const all[] = { "qr", "svd", "svdvals", "lu", "inv", "det", "cholesky", "eigh", "eigvalsh" };

        half.dtype = DTYPE_F16;
        for (size_t k = 0; k < ELEMENTSOF(all); k++) {
                Spec in[] = { { .dtype = DTYPE_F16, .shape = half.shape } }, out[MAX_OP_OUT];
                Error err = {};

                assert_refused(all[k], &vector, 1, ERROR_LINALG, "1-dimensional array given. Array must be at least two-dimensional");
                if (k >= 4)
                        assert_refused(all[k], &wide, 1, ERROR_LINALG, "Last 2 dimensions of the array must be square");
                ck_assert_int_eq(op_infer(&(OpCall) { .op = op_find(all[k]), .n_in = 1, .in = in }, out, &err), ERROR_TYPE);
                ck_assert_str_eq(err.text, "array type float16 is unsupported in linalg");
        }
        half.dtype = DTYPE_F32;
        assert_refused("solve", (const Array[]) { half, vector }, 2, ERROR_VALUE,
                       "solve1: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature (m,m),(m)->(m) (size 4 is different from 2)");
        assert_refused("solve", (const Array[]) { wide, wide }, 2, ERROR_LINALG, "Last 2 dimensions of the array must be square");
        assert_refused("lstsq", (const Array[]) { wide, vector }, 2, ERROR_LINALG, "Incompatible dimensions");
        assert_refused("lstsq", (const Array[]) { cube, vector }, 2, ERROR_LINALG, "3-dimensional array given. Array must be two-dimensional");
        array_clear(&vector);
        array_clear(&wide);
        array_clear(&half);
        array_clear(&cube);
}

TEST(singular_and_indefinite_matrices_are_refused_when_they_run) {
        const Number singular[] = { 1, 2, 2, 4 }, indefinite[] = { 1, 2, 2, 1 }, no_number[] = { NAN, 1, 1, 1 }, one[] = { 1, 2 };
        const Shape two = SHAPE(2, 2), vector = SHAPE(2);
        Array a = array_of(DTYPE_F64, &two, singular), b = array_of(DTYPE_F64, &two, indefinite), c = array_of(DTYPE_F64, &two, no_number);
        Array x = array_of(DTYPE_F64, &vector, one), upper = array_of(DTYPE_F64, &two, (const Number[]) { 1, 2, 0, 0 }), out;

        assert_refused("inv", &a, 1, ERROR_LINALG, "Singular matrix");
        assert_refused("solve", (const Array[]) { a, x }, 2, ERROR_LINALG, "Singular matrix");
        assert_refused("triangular_solve", (const Array[]) { upper, x }, 2, ERROR_LINALG, "Singular matrix");
        assert_refused("cholesky", &b, 1, ERROR_LINALG, "Matrix is not positive definite");
        assert_refused("svd", &c, 1, ERROR_LINALG, "SVD did not converge");
        run_op("det", NULL, &a, 1, 2, &out);
        ck_assert(out.v[0] == 0);
        array_clear(&out);
        array_clear(&a);
        array_clear(&b);
        array_clear(&c);
        array_clear(&x);
        array_clear(&upper);
}

TEST(determinants_overflow_only_at_the_end) {
        const Shape s = SHAPE(4, 4);
        Array a = array_new(DTYPE_F64, &s), out;

        a.v[1] = 1e200, a.v[4] = 1e200, a.v[10] = 1e-200, a.v[15] = 1e-200;
        run_op("det", NULL, &a, 1, 4, &out);
        ck_assert_double_le(fabs(creal(out.v[0]) + 1), 1e-14);
        array_clear(&out);
        a.v[10] = 1;
        run_op("det", NULL, &a, 1, 4, &out);
        ck_assert_double_eq(creal(out.v[0]), -1e200);
        array_clear(&out);
        a.v[15] = 1;
        run_op("det", NULL, &a, 1, 4, &out);
        ck_assert_double_eq(creal(out.v[0]), -INFINITY);
        array_clear(&out);
        array_clear(&a);
}

/* ---- Cuts ---- */

TEST(bits_do_not_depend_on_how_inputs_are_cut) {
        static const char *const all[] = { "qr", "svd", "lu", "inv", "det", "cholesky", "eigh" };
        Array x = RANDOM(DTYPE_F64, 4, 70, 70), a = definite(&x);

        for (size_t k = 0; k < ELEMENTSOF(all); k++) {
                const uint32_t n_out = op_n_out(op_find(all[k]));
                Array first[MAX_OP_OUT], out[MAX_OP_OUT];

                for (int64_t step = 1; step < 100; step = step * 3 + 4) {
                        run_op(all[k], NULL, &a, 1, step, step == 1 ? first : out);
                        for (uint32_t i = 0; i < n_out && step > 1; i++)
                                ck_assert_bytes_eq(first[i].v, out[i].v, (size_t) shape_size(&out[i].shape) * sizeof(Number));
                        if (step > 1)
                                clear_all(out, n_out);
                }
                clear_all(first, n_out);
        }
        array_clear(&x);
        array_clear(&a);
}

static Ref look_askew(Build *b, Ref a) {
        a = build_slice(b, build_slice(b, a, 0, 8, -1, -1), 1, 1, 10, 2);
        return build_transpose(b, a, (const int[]) { 1, 0 });
}

TEST(views_are_seen_as_views_however_their_tensor_is_cut) {
        static const char *const all[] = { "qr", "svd", "lu", "concatenate", "cumsum", "sort" };
        const Shape seen = SHAPE(5, 9);
        Array whole = RANDOM(DTYPE_F64, 9, 11), a = array_new(DTYPE_F64, &seen);

        for (int64_t i = 0; i < 5; i++)
                for (int64_t k = 0; k < 9; k++)
                        a.v[i * 9 + k] = whole.v[(8 - k) * 11 + 1 + 2 * i];
        for (size_t k = 0; k < ELEMENTSOF(all); k++)
                for (int64_t step = 1; step < 14; step += 3) {
                        const ScanParams along = { .axis = DIMS(0), .dtype = DTYPE_NONE };
                        const uint32_t n_in    = op_find(all[k])->variadic ? 2 : 1;
                        const void *params     = op_find(all[k])->family == FAMILY_SCAN ? &along : NULL;
                        const Array in[2]      = { a, a }, from[2] = { whole, whole };
                        Array direct[MAX_OP_OUT], through[MAX_OP_OUT];

                        run_op(all[k], params, in, n_in, step, direct);
                        look = look_askew;
                        run_op(all[k], params, from, n_in, step, through);
                        look = NULL;
                        for (uint32_t o = 0; o < op_n_out(op_find(all[k])); o++) {
                                ck_assert(shape_equal(&direct[o].shape, &through[o].shape));
                                for (int64_t i = 0; i < shape_size(&direct[o].shape); i++)
                                        ck_assert_msg(direct[o].v[i] == through[o].v[i], "%s, chunks of %lld", all[k], (long long) step);
                        }
                        clear_all(direct, op_n_out(op_find(all[k])));
                        clear_all(through, op_n_out(op_find(all[k])));
                }
        array_clear(&a);
        array_clear(&whole);
}

/* ---- Large ones, by blocks ---- */

TEST(tall_matrices_are_factorized_by_blocks_of_rows_with_the_same_bits_for_every_cut) {
        static const int64_t heights[] = { 16384, 20000, 3 * 8192 + 2 };

        for (size_t k = 0; k < ELEMENTSOF(heights); k++) {
                Array a = RANDOM(k == 1 ? DTYPE_C64 : DTYPE_F64, heights[k], 5), first[2], out[2];

                run_op("qr", NULL, &a, 1, 1000, first);
                assert_qr(&a, &first[0], &first[1]);
                for (int64_t step = 4096; step < 40000; step *= 5) {
                        run_op("qr", NULL, &a, 1, step, out);
                        for (int i = 0; i < 2; i++)
                                ck_assert_bytes_eq(first[i].v, out[i].v, (size_t) shape_size(&out[i].shape) * sizeof(Number));
                        clear_all(out, 2);
                }
                clear_all(first, 2);
                array_clear(&a);
        }
}

TEST(tall_and_wide_matrices_have_their_singular_values) {
        static const Shape large[] = { { 2, { 17000, 4 } }, { 2, { 3, 16500 } } };

        for (size_t k = 0; k < ELEMENTSOF(large); k++) {
                Array a = random_array(DTYPE_C128, &large[k]), out[3], values;

                run_op("svd", NULL, &a, 1, 3000, out);
                ck_assert_int_eq(out[0].shape.dim[0], a.shape.dim[0]);
                ck_assert_int_eq(out[2].shape.dim[1], a.shape.dim[1]);
                assert_svd(&a, out);
                run_op("svdvals", NULL, &a, 1, 3000, &values);
                for (int64_t i = 0; i < values.shape.dim[0]; i++)
                        ck_assert_double_le(cabs(values.v[i] - out[1].v[i]), 1e-10);
                array_clear(&values);
                clear_all(out, 3);
                array_clear(&a);
        }
}

TEST(tall_least_squares_go_through_r) {
        Array in[2] = { RANDOM(DTYPE_F64, 20000, 3), RANDOM(DTYPE_F64, 20000) }, out[3];

        for (int64_t i = 0; i < 20000; i++)
                in[1].v[i] = in[0].v[i * 3] - 2 * in[0].v[i * 3 + 1] + 5 * in[0].v[i * 3 + 2];
        run_op("lstsq", NULL, in, 2, 7000, out);
        ck_assert_double_le(cabs(out[0].v[0] - 1) + cabs(out[0].v[1] + 2) + cabs(out[0].v[2] - 5), 1e-12);
        ck_assert_double_eq(creal(out[1].v[0]), 3);
        clear_all(out, 3);
        clear_all(in, 2);
}

/* The largest |(a b) y - c y|, for a y made by chance: products of large matrices would take too long here. */
static double distance_by_chance(Matrix a, Matrix b, Matrix c) {
        Array y = RANDOM(DTYPE_F64, b.n), z = RANDOM(DTYPE_F64, b.m);
        double most = 0;

        for (int64_t i = 0; i < b.m; i++) {
                z.v[i] = 0;
                for (int64_t k = 0; k < b.n; k++)
                        z.v[i] += element(b, i, k) * y.v[k];
        }
        for (int64_t i = 0; i < a.m; i++) {
                Number sum = 0;

                for (int64_t k = 0; k < a.n; k++)
                        sum += element(a, i, k) * z.v[k];
                for (int64_t k = 0; k < c.n; k++)
                        sum -= element(c, i, k) * y.v[k];
                most = MAX(most, cabs(sum));
        }
        array_clear(&y);
        array_clear(&z);
        return most;
}

static Array large(DType t, int64_t m, int64_t n) {
        Array a = RANDOM(t, m, n);

        for (int64_t i = 0; i < MIN(m, n); i++)
                a.v[i * n + i] += (double) (2 * n);
        return a;
}

TEST(large_triangular_systems_are_solved_by_blocks_of_columns) {
        for (int lower = 0; lower < 2; lower++) {
                const struct {
                        bool lower, unit;
                } params = { lower, false };
                Array in[2] = { large(DTYPE_F64, 2100, 2100), RANDOM(DTYPE_F64, 2100, 3) }, x, again;

                for (int64_t i = 0; i < 2100 * 2100; i++)
                        if (lower ? i % 2100 > i / 2100 : i % 2100 < i / 2100)
                                in[0].v[i] = 0;
                run_op("triangular_solve", &params, in, 2, 700, &x);
                ck_assert_double_le(distance_by_chance(matrix_at(&in[0], 0), matrix_at(&x, 0), matrix_at(&in[1], 0)), 1e-10);
                run_op("triangular_solve", &params, in, 2, 1300, &again);
                ck_assert_bytes_eq(x.v, again.v, (size_t) shape_size(&x.shape) * sizeof(Number));
                array_clear(&x);
                array_clear(&again);
                clear_all(in, 2);
        }
}

TEST(large_matrices_have_l_and_u_by_panels) {
        static const Shape sizes[] = { { 2, { 2100, 2100 } }, { 2, { 2200, 2060 } }, { 2, { 2060, 2200 } } };

        for (size_t k = 0; k < ELEMENTSOF(sizes); k++) {
                const int64_t m = sizes[k].dim[0], n = sizes[k].dim[1];
                double most = 0;
                Array a = random_array(k == 1 ? DTYPE_C64 : DTYPE_F64, &sizes[k]), out[3], sorted = array_new(a.dtype, &sizes[k]);

                run_op("lu", NULL, &a, 1, 900, out);
                for (int64_t r = 0; r < m; r++)
                        for (int64_t c = 0; c < m; c++)
                                if (out[0].v[r * m + c] == 1)
                                        memcpy(sorted.v + c * n, a.v + r * n, (size_t) n * sizeof(Number));
                assert_triangle(matrix_at(&out[1], 0), true);
                assert_triangle(matrix_at(&out[2], 0), false);
                for (int64_t i = 0; i < m * MIN(m, n); i++)
                        most = MAX(most, cabs(out[1].v[i]));
                ck_assert_double_le(most, 1.42); /* a complex pivot is the largest in |re| + |im| */
                ck_assert_double_le(distance_by_chance(matrix_at(&out[1], 0), matrix_at(&out[2], 0), matrix_at(&sorted, 0)), 3e6 * precision(a.dtype));
                clear_all(out, 3);
                array_clear(&sorted);
                array_clear(&a);
        }
}

TEST(large_systems_and_definite_matrices_are_solved_by_blocks) {
        enum { N = 2100 };
        Array in[2] = { large(DTYPE_F64, N, N), RANDOM(DTYPE_F64, N) }, x, l[2], det;

        for (int64_t i = 0; i < N; i++)
                for (int64_t k = 0; k < i; k++)
                        in[0].v[i * N + k] = in[0].v[k * N + i];
        run_op("solve", NULL, in, 2, 999, &x);
        const Matrix b = column_at(&in[1], 0);
        ck_assert_double_le(distance(matrix_at(&in[0], 0), NULL, column_at(&x, 0), &b), 1e-10);
        run_op("cholesky", NULL, in, 1, 999, &l[0]);
        run_op("cholesky", NULL, in, 1, 1500, &l[1]);
        ck_assert_bytes_eq(l[0].v, l[1].v, (size_t) N * N * sizeof(Number));
        assert_triangle(matrix_at(&l[0], 0), true);
        ck_assert_double_le(distance_by_chance(matrix_at(&l[0], 0), adjoint(matrix_at(&l[0], 0)), matrix_at(&in[0], 0)), 1e-8);
        run_op("det", NULL, in, 1, 999, &det);
        ck_assert(isinf(creal(det.v[0])) && creal(det.v[0]) > 0);

        /* The last column becomes the first: singular, which only the last panel sees. */
        for (int64_t i = 0; i < N; i++)
                in[0].v[i * N + N - 1] = in[0].v[i * N] = i == 0;
        assert_refused("cholesky", in, 1, ERROR_LINALG, "Matrix is not positive definite");
        array_clear(&det);
        array_clear(&x);
        clear_all(l, 2);
        clear_all(in, 2);
}
