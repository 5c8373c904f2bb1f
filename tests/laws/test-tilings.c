/* SPDX-License-Identifier: Apache-2.0 */
/* The tiling law over the operator table, through everything that a user's expression goes through: however tensors
 * are cut, on however many threads they are computed, the answer has the same bits. And the conservation law beside
 * it: when the tensors are gone, so are their chunks. */
#include <stdlib.h>

#include "client/client.h"
#include "graph/op.h"

enum { MAX_IN = 3, MAX_OUT = 3, N_DTYPE = _DTYPE_MAX };

/* Lengths of chunks along all axes; 0 is automatic: one chunk, since the tensors are small. */
static const int64_t cuts[] = { 0, 1, 2, 3, 7 };
static const unsigned threads[] = { 1, 2 };
/* What a task may take: anything; nearly nothing, so that all that can be cut is cut to pieces and exchanged. Then
 * inputs are computed before, so that they are chunks. */
static const uint64_t task_bytes[] = { 0, 100 };

typedef struct Shape2 {
        unsigned ndim;
        int64_t dim[3];
} Shape2;

/* Numbers from 0 to 12 and their multiples, different for every input: no distribution that an operator refuses. */
static mars_tensor *input(mars_dtype dtype, const Shape2 *shape, int64_t chunk, int64_t seed) {
        const int64_t chunk_size[] = { 1, chunk };
        const mars_param p[]       = {
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = shape->dim, .n = shape->ndim },
                { .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = chunk_size, .n = 2 },
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = seed },
                { .name = "high", .kind = MARS_PARAM_SCALAR, .scalar = { .dtype = MARS_INT64, .i64 = 13 } },
        };
        const mars_param to  = { .name = "dtype", .kind = MARS_PARAM_DTYPE, .i64 = dtype };
        mars_tensor *numbers = NULL, *ret = NULL;

        must(mars_op1(&numbers, "random_integers", 0, NULL, p, shape->ndim > 0 ? 4 : 4, &err));
        must(mars_op1(&ret, "cast", 1, &numbers, &to, 1, &err));
        mars_tensor_unref(numbers);
        return ret;
}

typedef struct Result {
        unsigned n;
        size_t size[MAX_OUT];
        char *data[MAX_OUT];
} Result;

static void result_clear(Result *r) {
        for (unsigned i = 0; i < r->n; i++)
                free(r->data[i]);
        *r = (Result) {};
}

/* 1: the operator does not take these inputs (of this dtype or shape); it must say so at once, in words. */
static int compute(mars_session *s, unsigned op, unsigned n_in, const mars_dtype *dtype, const Shape2 *shape, int64_t chunk,
                   const mars_param *params, size_t n_params, bool computed, Result *ret) {
        const mars_op_info *info = mars_op_describe(op);
        mars_tensor *in[MAX_IN] = {}, *out[MAX_OUT] = {};
        mars_error err = {};
        int r;

        for (unsigned i = 0; i < n_in; i++)
                in[i] = input(dtype[i], &shape[i], chunk, 10 + i);
        if (computed && n_in > 0)
                must(mars_execute(s, n_in, in, &err));
        r = mars_op(out, op, n_in, in, params, n_params, &err);
        for (unsigned i = 0; i < n_in; i++)
                mars_tensor_unref(in[i]);
        if (r < 0) {
                ck_assert_msg(err.text[0], "%s refuses without words", info->name);
                return 1;
        }
        r = mars_execute(s, info->n_out, out, &err);
        if (r == MARS_ERROR_LINALG) { /* random numbers may be a singular matrix: then they are, however they are cut */
                for (unsigned i = 0; i < info->n_out; i++)
                        mars_tensor_unref(out[i]);
                return 0;
        }
        ck_assert_msg(r >= 0, "%s of %s, chunks of %lld: %s", info->name, n_in > 0 ? mars_dtype_name(dtype[0]) : "-", (long long) chunk, err.text);
        ret->n = info->n_out;
        for (unsigned i = 0; i < info->n_out; i++) {
                int64_t dims[MARS_MAX_NDIM], n = 1;

                ck_assert_uint_eq(mars_tensor_shape(out[i], dims), 0);
                for (unsigned k = 0; k < mars_tensor_ndim(out[i]); k++)
                        n *= dims[k];
                ret->size[i] = (size_t) n * mars_dtype_size(mars_tensor_dtype(out[i]));
                ret->data[i] = calloc(ret->size[i] + 1, 1);
                must(mars_fetch(s, out[i], ret->data[i], NULL, &err));
                mars_tensor_unref(out[i]);
        }
        return 0;
}

/* Computes with all cuts and numbers of threads; returns whether the operator took the inputs. */
static bool hold(unsigned op, unsigned n_in, const mars_dtype *dtype, const Shape2 *shape, const mars_param *params, size_t n_params) {
        const mars_op_info *info = mars_op_describe(op);
        Result whole = {};
        bool took = false;

        for (size_t t = 0; t < sizeof(threads) / sizeof(threads[0]) * sizeof(task_bytes) / sizeof(task_bytes[0]); t++) {
                const mars_session_options options = { .n_threads = threads[t / 2], .memory_bytes = 256 << 20, .task_bytes = task_bytes[t % 2] };
                SESSION s = NULL;

                must(mars_session_new(&s, NULL, &options, &err));

                for (size_t c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
                        mars_session_stats stats;
                        Result cut = {};

                        if (compute(s, op, n_in, dtype, shape, cuts[c], params, n_params, options.task_bytes > 0, &cut) > 0) {
                                ck_assert(!took);
                                return false;
                        }
                        if (!took) {
                                whole = cut;
                                took  = true;
                                continue;
                        }
                        ck_assert_uint_eq(cut.n, whole.n);
                        for (unsigned i = 0; i < cut.n; i++)
                                ck_assert_msg(cut.size[i] == whole.size[i] && memcmp(cut.data[i], whole.data[i], cut.size[i]) == 0,
                                              "%s of %s, output %u: chunks of %lld on %u threads with %llu bytes a task change it", info->name,
                                              n_in > 0 ? mars_dtype_name(dtype[0]) : "-", i, (long long) cuts[c], options.n_threads,
                                              (unsigned long long) options.task_bytes);
                        result_clear(&cut);
                        must(mars_session_stat(s, &stats, &err));
                        ck_assert_msg(stats.chunks == 0, "%s leaves %llu chunks", info->name, (unsigned long long) stats.chunks);
                }
        }
        result_clear(&whole);
        return true;
}

static bool is_family(const mars_op_info *info, const char *family) {
        return !info->hidden && strcmp(info->family, family) == 0;
}

TEST(maps_have_the_same_bits_for_every_tiling) {
        /* equal shapes, broadcast ones, a number, nothing at all */
        static const Shape2 shapes[][MAX_IN] = {
                { { 2, { 5, 7 } }, { 2, { 5, 7 } }, { 2, { 5, 7 } } },
                { { 2, { 5, 1 } }, { 1, { 7 } }, { 2, { 5, 7 } } },
                { { 0, {} }, { 1, { 9 } }, { 0, {} } },
                { { 2, { 0, 3 } }, { 1, { 3 } }, { 2, { 1, 3 } } },
        };
        unsigned n = 0;

        for (unsigned op = 0; op < mars_op_count(); op++) {
                const mars_op_info *info = mars_op_describe(op);

                if (!is_family(info, "map") || strcmp(info->name, "cast") == 0)
                        continue;
                for (int d = 0; d < N_DTYPE; d++)
                        for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
                                const bool condition    = strcmp(info->name, "where") == 0;
                                const mars_dtype dtypes[] = { condition ? MARS_BOOL : (mars_dtype) d, (mars_dtype) d, (mars_dtype) d };

                                n += hold(op, info->n_in, dtypes, shapes[k], NULL, 0);
                                if (k == 0 && d > 0 && n == 0)
                                        break;
                        }
        }
        ck_assert_uint_gt(n, 1000);
}

TEST(casts_have_the_same_bits_for_every_tiling) {
        static const Shape2 shape = { 2, { 5, 7 } };
        unsigned cast = 0;

        must(mars_op_find(&cast, "cast", &err));
        for (int from = 0; from < N_DTYPE; from++)
                for (int to = 0; to < N_DTYPE; to++) {
                        const mars_param p     = { .name = "dtype", .kind = MARS_PARAM_DTYPE, .i64 = to };
                        const mars_dtype dtype = (mars_dtype) from;

                        ck_assert(hold(cast, 1, &dtype, &shape, &p, 1));
                }
}

TEST(reductions_have_the_same_bits_for_every_tiling) {
        static const Shape2 shapes[] = { { 2, { 13, 21 } }, { 3, { 3, 4, 5 } }, { 1, { 37 } } };
        unsigned n = 0;

        for (unsigned op = 0; op < mars_op_count(); op++) {
                const mars_op_info *info = mars_op_describe(op);

                if (!is_family(info, "reduce"))
                        continue;
                for (int d = 0; d < N_DTYPE; d++)
                        for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
                                const mars_dtype dtype = (mars_dtype) d;

                                n += hold(op, 1, &dtype, &shapes[k], NULL, 0);
                                for (int64_t axis = 0; axis < shapes[k].ndim; axis++) {
                                        const mars_param p = { .name = "axis", .kind = MARS_PARAM_DIMS, .dims = &axis, .n = 1 };

                                        n += hold(op, 1, &dtype, &shapes[k], &p, 1);
                                }
                        }
        }
        ck_assert_uint_gt(n, 500);
}

TEST(scans_have_the_same_bits_for_every_tiling) {
        static const Shape2 shape = { 2, { 13, 21 } };
        unsigned n = 0;

        for (unsigned op = 0; op < mars_op_count(); op++)
                for (int d = 0; d < N_DTYPE && is_family(mars_op_describe(op), "scan"); d++)
                        for (int64_t axis = 0; axis < 2; axis++) {
                                const mars_param p     = { .name = "axis", .kind = MARS_PARAM_DIMS, .dims = &axis, .n = 1 };
                                const mars_dtype dtype = (mars_dtype) d;

                                n += hold(op, 1, &dtype, &shape, &p, 1);
                        }
        ck_assert_uint_gt(n, 20);
}

TEST(sources_have_the_same_bits_for_every_tiling) {
        static const char *const names[] = { "random_uniform", "random_normal", "random_exponential" };
        static const int64_t shape[]     = { 13, 21 };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                for (int d = MARS_FLOAT32; d <= MARS_FLOAT64; d++) {
                        Result whole = {};

                        for (size_t c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
                                const int64_t chunk_size[] = { 1, cuts[c] };
                                const mars_param p[]       = {
                                        { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = shape, .n = 2 },
                                        { .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = chunk_size, .n = 2 },
                                        { .name = "dtype", .kind = MARS_PARAM_DTYPE, .i64 = d },
                                        { .name = "seed", .kind = MARS_PARAM_I64, .i64 = 5 },
                                };
                                SESSION s  = session(2);
                                Result cut = {};
                                unsigned op = 0;

                                must(mars_op_find(&op, names[i], &err));
                                ck_assert_int_eq(compute(s, op, 0, NULL, NULL, 0, p, 4, false, &cut), 0);
                                if (c == 0)
                                        whole = cut;
                                else {
                                        ck_assert_uint_eq(cut.size[0], whole.size[0]);
                                        ck_assert_bytes_eq(cut.data[0], whole.data[0], cut.size[0]);
                                        result_clear(&cut);
                                }
                        }
                        result_clear(&whole);
                }
}

TEST(other_operators_have_the_same_bits_for_every_tiling) {
        /* Inputs that each of them takes; operators that need parameters which must be given are tested beside their
         * files. */
        static const Shape2 shapes[][MAX_IN] = {
                { { 2, { 12, 12 } }, { 2, { 12, 12 } }, { 2, { 12, 12 } } },
                { { 1, { 40 } }, { 1, { 40 } }, { 1, { 40 } } },
                { { 2, { 17, 5 } }, { 2, { 5, 9 } }, {} },
        };
        static const char *const families[] = { "contract", "exchange", "block" };
        unsigned n = 0;

        for (unsigned op = 0; op < mars_op_count(); op++) {
                const mars_op_info *info = mars_op_describe(op);
                bool chosen = false;

                for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++)
                        chosen |= is_family(info, families[f]);
                if (!chosen || info->variadic || info->n_in > MAX_IN || info->n_out > MAX_OUT)
                        continue;
                for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
                        static const mars_dtype plain[][MAX_IN] = {
                                { MARS_FLOAT64, MARS_FLOAT64, MARS_FLOAT64 }, { MARS_FLOAT32, MARS_FLOAT32, MARS_FLOAT32 },
                                { MARS_INT64, MARS_INT64, MARS_INT64 },       { MARS_COMPLEX128, MARS_COMPLEX128, MARS_COMPLEX128 },
                                { MARS_FLOAT64, MARS_BOOL, MARS_FLOAT64 },
                        };
                        const bool asks = strcmp(info->name, "searchsorted") == 0; /* for sorted numbers: tested beside its file */

                        for (size_t d = 0; d < sizeof(plain) / sizeof(plain[0]) && !asks; d++)
                                n += hold(op, info->n_in, plain[d], shapes[k], NULL, 0);
                }
        }
        ck_assert_uint_gt(n, 20);
}
