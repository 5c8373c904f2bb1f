/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Plans written by hand, run task by task, and compared with a reference that evaluates a stage element by element
 * over whole tensors, without chunks, strips or loops worth the name: reductions are the recursion of tensor/tree.h.
 *
 * The operators of these tests live here. `trace` is a fold that hashes: its result tells the shape of the tree, the
 * order of the elements, their indices, and all counts that the operator was told. */
#include <string.h>

#include "exec/exec.h"
#include "exec/inside.h"
#include "plan/planner.h"
#include "tensor/strided.h"

/* ---- Operators
 * ---------------------------------------------------------------------------------------------------- */

static inline uint64_t mix(uint64_t h) {
        h = (h ^ h >> 32) * 0xd6e8feb86659fd93;
        h = (h ^ h >> 32) * 0xd6e8feb86659fd93;
        return h ^ h >> 32;
}

#define TEST_LOOP2(fn, type, a_i, b_i, expr)                                                                           \
        static void fn(size_t n, void *const *arg, _unused_ const void *params) {                                      \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        type a = ((type *) arg[0])[a_i], b = ((type *) arg[1])[b_i];                                   \
                        ((type *) arg[2])[i] = (expr);                                                                 \
                }                                                                                                      \
        }
#define TEST_OP2(name_, dtype_, ...)                                                                                   \
        static const MapKernel name_##_kernels[] = {                                                                   \
                { { dtype_, dtype_ }, { dtype_ }, name_##_kernel, __VA_ARGS__ }, {}                                    \
        };                                                                                                             \
        _unused_ static const Op name_ = {                                                                             \
                .name = #name_, .family = FAMILY_MAP, .n_in = 2, .n_out = 1, .kernels = name_##_kernels                \
        };
#define TEST_MAP2(name_, type, dtype_, expr)                                                                           \
        TEST_LOOP2(name_##_kernel, type, i, i, expr)                                                                   \
        TEST_OP2(name_, dtype_, {})
/* Where the first (the second) input is a product; factor_i, other_i: the index, or 0 for one element. */
#define TEST_PRODUCT(fn, factor_i, other_i, a_of, b_of, expr)                                                          \
        static void fn(size_t n, void *const *arg, _unused_ const void *params) {                                      \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        double product = ((double *) arg[0])[factor_i] * ((double *) arg[1])[i];                       \
                        double other = ((double *) arg[2])[other_i], a = a_of, b = b_of;                               \
                        ((double *) arg[3])[i] = (expr);                                                               \
                }                                                                                                      \
        }
#define TEST_PRODUCTS(fn, a_of, b_of, expr)                                                                            \
        TEST_PRODUCT(fn##_strips, i, i, a_of, b_of, expr)                                                              \
        TEST_PRODUCT(fn##_other, i, 0, a_of, b_of, expr)                                                               \
        TEST_PRODUCT(fn##_factor, 0, i, a_of, b_of, expr)                                                              \
        TEST_PRODUCT(fn##_both, 0, 0, a_of, b_of, expr)
#define PRODUCT_TABLE(fn) { { fn##_strips, fn##_other }, { fn##_factor, fn##_both } }
/* Of strips, of one element for all on either side, and of a product on either side. */
#define TEST_MAP2_OF_ALL(name_, kind_, expr)                                                                           \
        TEST_LOOP2(name_##_kernel, double, i, i, expr)                                                                 \
        TEST_LOOP2(name_##_left, double, 0, i, expr)                                                                   \
        TEST_LOOP2(name_##_right, double, i, 0, expr)                                                                  \
        TEST_PRODUCTS(name_##_of_product_left, product, other, expr)                                                   \
        TEST_PRODUCTS(name_##_of_product_right, other, product, expr)                                                  \
        TEST_OP2(name_, DTYPE_F64,                                                                                     \
                 { { name_##_left, name_##_right },                                                                    \
                   { { PRODUCT_TABLE(name_##_of_product_left), PRODUCT_TABLE(name_##_of_product_right) } },            \
                   kind_ })

TEST_MAP2_OF_ALL(op_add, MAP_ANY, a + b)
TEST_LOOP2(op_mul_kernel, double, i, i, a * b)
TEST_OP2(op_mul, DTYPE_F64, { {}, {}, MAP_PRODUCT })
TEST_MAP2_OF_ALL(op_sub, MAP_DIFFERENCE, a - b)
TEST_MAP2(op_add_i32, int32_t, DTYPE_I32, a + b)

static void op_split_kernel(size_t n, void *const *arg, _unused_ const void *params) {
        for (size_t i = 0; i < n; i++) {
                double v = ((double *) arg[0])[i];

                ((double *) arg[1])[i] = v * 0.25;
                ((float *) arg[2])[i] = (float) (v * 0.5);
        }
}
static const MapKernel op_split_kernels[] = { { { DTYPE_F64 }, { DTYPE_F64, DTYPE_F32 }, op_split_kernel, {} }, {} };
_unused_ static const Op op_split         = {
                .name = "split", .family = FAMILY_MAP, .n_in = 1, .n_out = 2, .kernels = op_split_kernels
};

static void op_index_kernel(size_t n, int64_t first, int64_t step, _unused_ const void *params, void *out) {
        for (size_t i = 0; i < n; i++)
                ((double *) out)[i] = (double) (first + (int64_t) i * step);
}
static const SourceKernel op_index_kernels[] = { { DTYPE_F64, op_index_kernel }, {} };
_unused_ static const Op op_index = { .name = "index", .family = FAMILY_SOURCE, .generate = op_index_kernels };

static void sum_merge(size_t n, void *const *a, void *const *b, void *const *out, _unused_ int64_t n_a,
                      _unused_ int64_t n_b) {
        const double *x = a[0], *y = b[0];
        double *z = out[0];

        for (size_t i = 0; i < n; i++)
                z[i] = x[i] + y[i];
}
static void sum_merge_pairs(size_t n, void *const *in, void *const *out, _unused_ int64_t n_each) {
        const double *x = in[0];
        double *z = out[0];

        for (size_t i = 0; i < n; i++)
                z[i] = x[2 * i] + x[2 * i + 1];
}

/* Terms element by element, level by level. Counts its calls. */
_unused_ static uint32_t n_terms;
#define TEST_TERMS(name_, b_i, expr)                                                                                   \
        static void name_(size_t n, int level, const void *const *row, const void *const *other, void *state) {        \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        double node[1 << TERMS_LEVEL] = {};                                                            \
                                                                                                                       \
                        for (int k = 0; k < 1 << level; k++) {                                                         \
                                double a = ((const double *) row[k])[i], b = ((const double *) other[k])[b_i];         \
                                                                                                                       \
                                node[k] = (expr);                                                                      \
                        }                                                                                              \
                        for (int m = 1 << level; m > 1; m /= 2)                                                        \
                                sum_merge_pairs((size_t) m / 2, (void *[]) { node }, (void *[]) { node }, 1);          \
                        ((double *) state)[i] = node[0];                                                               \
                }                                                                                                      \
                n_terms++;                                                                                             \
        }
TEST_TERMS(terms_products, i, a *b)
TEST_TERMS(terms_products_one, 0, a *b)
TEST_TERMS(terms_squares, i, (a - b) * (a - b))
TEST_TERMS(terms_squares_one, 0, (a - b) * (a - b))

/* Two components of different sizes: the hash of the tree, and how many elements. */
static void trace_lift(size_t n, const void *in, int64_t first, int64_t step, void *const *state) {
        for (size_t i = 0; i < n; i++) {
                ((uint64_t *) state[0])[i] =
                        mix(((const uint64_t *) in)[i] + (uint64_t) (first + (int64_t) i * step) * 0x9e3779b97f4a7c15);
                ((int32_t *) state[1])[i] = 1;
        }
}
static uint64_t trace_node(uint64_t a, uint64_t b, int64_t n_a, int64_t n_b) {
        return mix(a * 3 + mix(b * 5 + mix((uint64_t) n_a * 7 + mix((uint64_t) n_b))));
}
static void trace_merge(size_t n, void *const *a, void *const *b, void *const *out, int64_t n_a, int64_t n_b) {
        for (size_t i = 0; i < n; i++) {
                ((uint64_t *) out[0])[i] = trace_node(((uint64_t *) a[0])[i], ((uint64_t *) b[0])[i], n_a, n_b);
                ((int32_t *) out[1])[i] = ((int32_t *) a[1])[i] + ((int32_t *) b[1])[i];
        }
}
static void trace_merge_pairs(size_t n, void *const *in, void *const *out, int64_t n_each) {
        for (size_t i = 0; i < n; i++) {
                ((uint64_t *) out[0])[i] =
                        trace_node(((uint64_t *) in[0])[2 * i], ((uint64_t *) in[0])[2 * i + 1], n_each, n_each);
                ((int32_t *) out[1])[i] = ((int32_t *) in[1])[2 * i] + ((int32_t *) in[1])[2 * i + 1];
        }
}
static void trace_finish(size_t n, void *const *state, int64_t count, void *out) {
        for (size_t i = 0; i < n; i++)
                ((uint64_t *) out)[i] =
                        mix(((uint64_t *) state[0])[i] + (uint64_t) count) + (uint64_t) ((int32_t *) state[1])[i];
}

static const Scalar test_zero = { .dtype = DTYPE_F64 };
/* A fold that tells the order of the elements and the shape of the tree, but not the counts. */
static void order_lift(size_t n, const void *in, int64_t first, int64_t step, void *const *state) {
        for (size_t i = 0; i < n; i++) {
                ((uint64_t *) state[0])[i] = mix(((const uint64_t *) in)[i] + (uint64_t) (first + (int64_t) i * step));
                ((uint8_t *) state[1])[i] = 1;
        }
}
static void order_merge(size_t n, void *const *a, void *const *b, void *const *out, _unused_ int64_t n_a,
                        _unused_ int64_t n_b) {
        for (size_t i = 0; i < n; i++) {
                ((uint64_t *) out[0])[i] = mix(((uint64_t *) a[0])[i] * 3 + mix(((uint64_t *) b[0])[i]));
                ((uint8_t *) out[1])[i] = (uint8_t) (((uint8_t *) a[1])[i] + ((uint8_t *) b[1])[i]);
        }
}
static void order_merge_pairs(size_t n, void *const *in, void *const *out, _unused_ int64_t n_each) {
        for (size_t i = 0; i < n; i++) {
                ((uint64_t *) out[0])[i] = mix(((uint64_t *) in[0])[2 * i] * 3 + mix(((uint64_t *) in[0])[2 * i + 1]));
                ((uint8_t *) out[1])[i] = (uint8_t) (((uint8_t *) in[1])[2 * i] + ((uint8_t *) in[1])[2 * i + 1]);
        }
}
static void order_finish(size_t n, void *const *state, _unused_ int64_t count, void *out) {
        for (size_t i = 0; i < n; i++)
                ((uint64_t *) out)[i] = mix(((uint64_t *) state[0])[i] + ((uint8_t *) state[1])[i]);
}

/* The same as trace, two elements at a time. */
static void two_lift_two(size_t n, const void *a, const void *b, int64_t index, void *const *state) {
        for (size_t i = 0; i < n; i++) {
                uint64_t left[1], right[1];
                int32_t one[1];

                trace_lift(1, (const uint64_t *) a + i, index, 0, (void *[]) { left, one });
                trace_lift(1, (const uint64_t *) b + i, index + 1, 0, (void *[]) { right, one });
                ((uint64_t *) state[0])[i] = trace_node(left[0], right[0], 1, 1);
                ((int32_t *) state[1])[i] = 2;
        }
}
static void two_lift_pairs(size_t n, const void *in, int64_t first, void *const *state) {
        for (size_t i = 0; i < n; i++)
                two_lift_two(1, (const uint64_t *) in + 2 * i, (const uint64_t *) in + 2 * i + 1,
                             first + 2 * (int64_t) i,
                             (void *[]) { (uint64_t *) state[0] + i, (int32_t *) state[1] + i });
}

/* …and four. */
static void two_merge_quads(size_t n, void *const *in, void *const *out, int64_t n_each) {
        for (size_t i = 0; i < n; i++) {
                uint64_t half[2];
                int32_t count[2];

                trace_merge_pairs(2, (void *[]) { (uint64_t *) in[0] + 4 * i, (int32_t *) in[1] + 4 * i },
                                  (void *[]) { half, count }, n_each);
                trace_merge_pairs(1, (void *[]) { half, count },
                                  (void *[]) { (uint64_t *) out[0] + i, (int32_t *) out[1] + i }, 2 * n_each);
        }
}
static void two_lift_quads(size_t n, const void *in, int64_t first, void *const *state) {
        for (size_t i = 0; i < n; i++) {
                uint64_t half[2];
                int32_t count[2];

                two_lift_pairs(2, (const uint64_t *) in + 4 * i, first + 4 * (int64_t) i, (void *[]) { half, count });
                trace_merge_pairs(1, (void *[]) { half, count },
                                  (void *[]) { (uint64_t *) state[0] + i, (int32_t *) state[1] + i }, 2);
        }
}
/* …and eight rows. */
static void two_lift_eight(size_t n, const void *const *row, int64_t index, void *const *state) {
        for (size_t i = 0; i < n; i++) {
                uint64_t half[4];
                int32_t count[4];

                void *to[] = { (uint64_t *) state[0] + i, (int32_t *) state[1] + i };

                for (int k = 0; k < 4; k++)
                        two_lift_two(1, (const uint64_t *) row[2 * k] + i, (const uint64_t *) row[2 * k + 1] + i,
                                     index + 2 * k, (void *[]) { half + k, count + k });
                two_merge_quads(1, (void *[]) { half, count }, to, 2);
        }
}

enum { FOLD_SUM, FOLD_TRACE, FOLD_ORDER, FOLD_TWO, FOLD_FOUR };
static const Fold test_folds[] = {
        [FOLD_SUM]   = { .in          = DTYPE_F64,
                         .n_state     = 1,
                         .state       = { DTYPE_F64 },
                         .out         = DTYPE_F64,
                         .merge       = sum_merge,
                         .merge_pairs = sum_merge_pairs,
                         .lift_terms  = { [TERM_PRODUCT] = { terms_products, terms_products_one },
                                          [TERM_SQUARE]  = { terms_squares, terms_squares_one } },
                         .identity    = &test_zero },
        [FOLD_TRACE] = { .in          = DTYPE_F64,
                         .n_state     = 2,
                         .state       = { DTYPE_U64, DTYPE_I32 },
                         .out         = DTYPE_U64,
                         .lift        = trace_lift,
                         .merge       = trace_merge,
                         .merge_pairs = trace_merge_pairs,
                         .finish      = trace_finish },
        [FOLD_ORDER] = { .in          = DTYPE_F64,
                         .n_state     = 2,
                         .state       = { DTYPE_U64, DTYPE_U8 },
                         .out         = DTYPE_U64,
                         .lift        = order_lift,
                         .merge       = order_merge,
                         .merge_pairs = order_merge_pairs,
                         .finish      = order_finish },
        [FOLD_TWO]   = { .in          = DTYPE_F64,
                         .n_state     = 2,
                         .state       = { DTYPE_U64, DTYPE_I32 },
                         .out         = DTYPE_U64,
                         .lift        = trace_lift,
                         .merge       = trace_merge,
                         .merge_pairs = trace_merge_pairs,
                         .finish      = trace_finish,
                         .lift_two    = two_lift_two,
                         .lift_pairs  = two_lift_pairs },
        [FOLD_FOUR]  = { .in          = DTYPE_F64,
                         .n_state     = 2,
                         .state       = { DTYPE_U64, DTYPE_I32 },
                         .out         = DTYPE_U64,
                         .lift        = trace_lift,
                         .merge       = trace_merge,
                         .merge_pairs = trace_merge_pairs,
                         .finish      = trace_finish,
                         .lift_two    = two_lift_two,
                         .lift_pairs  = two_lift_pairs,
                         .merge_quads = two_merge_quads,
                         .lift_quads  = two_lift_quads,
                         .lift_eight  = two_lift_eight },
        {},
};
_unused_ static const Op op_reduce = { .name = "reduce", .family = FAMILY_REDUCE, .n_in = 1, .folds = test_folds };
_unused_ static const Op op_scan = { .name = "scan", .family = FAMILY_SCAN, .n_in = 1, .folds = test_folds };

/* ---- Plans
 * -------------------------------------------------------------------------------------------------------- */

typedef struct Hand {
        Plan plan;
        char *whole[64];          /* values: dense */
        ChunkMemory *chunk;       /* [n_chunk] */
        void **owner;
        char *row_memory[64];     /* values whose chunks lie next to each other */
        bool adjacent;            /* give chunks that are runs of rows neighbouring memory */
} Hand;

static inline void hand_init(Hand *h) {
        memset(h, 0, sizeof(*h));
        h->plan.arena = arena_new();
        assert(h->plan.arena);
}

static inline int hand_free(Hand *h) {
        for (uint32_t v = 0; v < h->plan.value.n; v++)
                free(h->whole[v]);
        for (uint32_t v = 0; v < h->plan.value.n; v++)
                free(h->row_memory[v]);
        for (uint32_t k = 0; h->owner && k < h->plan.n_chunk; k++)
                free(h->owner[k]);
        free(h->owner);
        free(h->chunk);
        vec_free(&h->plan.value);
        vec_free(&h->plan.stage);
        free(h->plan.task_stage);
        free(h->plan.input_start);
        free(h->plan.input_chunk);
        free(h->plan.output_start);
        free(h->plan.output_chunk);
        free(h->plan.chunk_value);
        free(h->plan.order);
        arena_free(h->plan.arena);
        return 0;
}

static inline size_t value_bytes(const Value *v) {
        Shape s = tiling_shape(&v->tiling);

        return (size_t) shape_size(&s) * dtype_size(v->dtype);
}

static inline ValueId hand_value(Hand *h, DType dtype, const Tiling *tiling, uint32_t stage) {
        Value v    = { .dtype       = dtype,
                       .shape       = tiling_shape(tiling),
                       .tiling      = *tiling,
                       .first_chunk = h->plan.n_chunk,
                       .stage       = stage };
        ValueId id = h->plan.value.n;

        assert(id < ELEMENTSOF(h->whole) && vec_push(&h->plan.value, v) == 0);
        h->plan.n_chunk += (uint32_t) tiling_n_chunks(tiling);
        h->whole[id] = calloc(1, value_bytes(&v) + 1);
        assert(h->whole[id]);
        return id;
}

static inline ValueId hand_leaf(Hand *h, DType dtype, const Tiling *tiling) {
        return hand_value(h, dtype, tiling, STAGE_NONE);
}

/* A float64 leaf of numbers that do not add up exactly. */
static inline ValueId hand_numbers(Hand *h, const Tiling *tiling, uint64_t seed) {
        ValueId id = hand_leaf(h, DTYPE_F64, tiling);
        Shape s = tiling_shape(tiling);

        for (int64_t i = 0; i < shape_size(&s); i++)
                ((double *) h->whole[id])[i] = (double) (mix(seed * 1000003 + (uint64_t) i) >> 11) * 0x1p-53 - 0.3;
        return id;
}

static inline Stage *hand_stage(Hand *h, StageKind kind, const Tiling *domain) {
        Stage s = { .kind       = kind,
                    .domain     = *domain,
                    .first_task = h->plan.n_task,
                    .n_task     = (uint32_t) tiling_n_chunks(domain),
                    .label      = "test" };

        assert(vec_push(&h->plan.stage, s) == 0);
        h->plan.n_task += s.n_task;
        return h->plan.stage.data + h->plan.stage.n - 1;
}

static inline void *hand_copy(Hand *h, const void *data, size_t bytes) {
        void *p = arena_copy(h->plan.arena, data, bytes);

        assert(p);
        return p;
}
#define HAND_ARRAY(h, type, ...) hand_copy((h), (const type[]) { __VA_ARGS__ }, sizeof((const type[]) { __VA_ARGS__ }))

static inline const AxisMap *hand_identity(Hand *h, int ndim) {
        AxisMap map[MAX_NDIM];

        for (int k = 0; k < ndim; k++)
                map[k] = (AxisMap) { .axis = k, .step = 1 };
        return hand_copy(h, map, sizeof(map));
}
static inline const int *hand_axes(Hand *h, int ndim) {
        int axis[MAX_NDIM];

        for (int k = 0; k < ndim; k++)
                axis[k] = k;
        return hand_copy(h, axis, sizeof(axis));
}

static inline void strides_of(const Value *v, int64_t *stride) {
        Shape s = tiling_shape(&v->tiling);

        strided_of_shape(&s, dtype_size(v->dtype), stride);
}

/* Copies a chunk out of the dense tensor, or compares it. Returns false on difference. */
static inline bool chunk_moves(Hand *h, uint32_t chunk, bool compare) {
        const Value *v = h->plan.value.data + h->plan.chunk_value[chunk];
        ChunkMemory *m = h->chunk + chunk;
        int64_t stride[MAX_NDIM], dense[MAX_NDIM];
        char *at = h->whole[h->plan.chunk_value[chunk]], *copy;
        size_t size = dtype_size(v->dtype), n = (size_t) shape_size(&m->shape) * size;
        bool same;
        Box box;

        strides_of(v, stride);
        strided_of_shape(&m->shape, size, dense);
        tiling_box(&v->tiling, chunk - v->first_chunk, &box);
        for (int k = 0; k < box.ndim; k++)
                at += box.lo[k] * stride[k];
        if (!compare) {
                strided_copy(m->data, dense, at, stride, &m->shape, size);
                return true;
        }
        copy = malloc(n + 1);
        strided_copy(copy, dense, at, stride, &m->shape, size);
        same = memcmp(copy, m->data, n) == 0;
        free(copy);
        return same;
}

/* Lists, memory, leaves. */
static inline void hand_seal(Hand *h) {
        Planner planner = { .plan = &h->plan, .arena = h->plan.arena };

        assert(plan_lists(&planner) == 0);
        for (uint32_t s = 0; s < h->plan.stage.n; s++)
                assert(plan_stage_scratch(&h->plan, h->plan.stage.data + s) == 0);
        h->chunk = calloc(h->plan.n_chunk + 1, sizeof(*h->chunk));
        h->owner = calloc(h->plan.n_chunk + 1, sizeof(*h->owner));
        for (uint32_t k = 0; k < h->plan.n_chunk; k++) {
                uint32_t id = h->plan.chunk_value[k];
                const Value *v = h->plan.value.data + id;
                size_t n = plan_chunk_bytes(&h->plan, k);

                plan_chunk_shape(&h->plan, k, &h->chunk[k].shape);
                if (h->adjacent && tiling_known(&v->tiling) && tiling_is_rows(&v->tiling)) {
                        if (!h->row_memory[id])
                                h->row_memory[id] = calloc(1, value_bytes(v) + 1);
                        h->chunk[k].data = h->row_memory[id];
                        for (uint32_t j = v->first_chunk; j < k; j++)
                                h->chunk[k].data += plan_chunk_bytes(&h->plan, j);
                } else {
                        h->owner[k] = aligned_alloc(64, align64(n + 1));
                        h->chunk[k].data = h->owner[k];
                        memset(h->chunk[k].data, 0xcd, n);
                }
                if (v->stage == STAGE_NONE)
                        chunk_moves(h, k, false);
        }
}

/* Runs all tasks in plan order, one after the other on one thread that goes on with what it has. */
static inline int hand_run(Hand *h, Exec *exec, Error *err) {
        ChunkMemory *in = calloc(h->plan.n_chunk + 1, sizeof(*in)), *out = calloc(h->plan.n_chunk + 1, sizeof(*out));
        int r = 0;

        for (uint32_t i = 0; i < h->plan.n_task && r >= 0; i++) {
                uint32_t t = h->plan.order[i], n_in = 0, n_out = 0;
                size_t scratch = h->plan.stage.data[h->plan.task_stage[t]].scratch_bytes;
                char *memory = aligned_alloc(64, align64(scratch + 1));

                for (uint32_t k = h->plan.input_start[t]; k < h->plan.input_start[t + 1]; k++)
                        in[n_in++] = h->chunk[h->plan.input_chunk[k]];
                for (uint32_t k = h->plan.output_start[t]; k < h->plan.output_start[t + 1]; k++)
                        out[n_out++] = h->chunk[h->plan.output_chunk[k]];
                r = (i == 0 ? exec_run : exec_run_next)(exec, &h->plan, t, in, out, memory, NULL, err);
                free(memory);
        }
        free(in);
        free(out);
        return r;
}

/* ---- The reference
 * ------------------------------------------------------------------------------------------------- */

typedef struct States {
        char *at[MAX_STATE];   /* [n elements of the axis] of one line */
} States;

/* The state of the node (level, index) of the tree over [0, n): into ret. */
static inline void reference_node(const Fold *f, const States *leaf, int64_t n, int level, int64_t index, int64_t unit,
                                  char ret[MAX_STATE][16]) {
        int64_t mid = (2 * index + 1) << level >> 1, hi = MIN((index + 1) << level, n);
        char left[MAX_STATE][16], right[MAX_STATE][16];
        void *a[MAX_STATE], *b[MAX_STATE], *o[MAX_STATE];

        if (level == 0) {
                for (int c = 0; c < f->n_state; c++)
                        memcpy(ret[c], leaf->at[c] + index * (int64_t) dtype_size(f->state[c]),
                               dtype_size(f->state[c]));
                return;
        }
        reference_node(f, leaf, n, level - 1, 2 * index, unit, mid < hi ? left : ret);
        if (mid >= hi)
                return;
        reference_node(f, leaf, n, level - 1, 2 * index + 1, unit, right);
        for (int c = 0; c < f->n_state; c++) {
                a[c] = left[c];
                b[c] = right[c];
                o[c] = ret[c];
        }
        f->merge(1, a, b, o, (mid - (index << level)) * unit, (hi - mid) * unit);
}

static inline int root_level(int64_t n) {
        int level = 0;

        while ((int64_t) 1 << level < n)
                level++;
        return level;
}

typedef struct Reference {
        Hand *h;
        const Stage *stage;
        char *local[8];
        int64_t extent[MAX_NDIM];
} Reference;

static inline char *reference_local(Reference *r, uint32_t l, const int64_t *pos) {
        const Local *local = r->stage->local + l;
        int64_t at = 0;

        for (int k = 0; k < local->ndim; k++)
                at = at * r->extent[local->axis[k]] + pos[local->axis[k]];
        return r->local[l] + at * (int64_t) dtype_size(local->dtype);
}

static inline char *reference_out(Reference *r, uint32_t o, const int64_t *pos, int reduced, int64_t node) {
        const Out *out = r->stage->out + o;
        const Value *v = r->h->plan.value.data + out->value;
        int64_t stride[MAX_NDIM];
        char *at = r->h->whole[out->value];

        strides_of(v, stride);
        for (int k = 0; k < v->tiling.ndim; k++)
                if (out->axis[k] != NO_AXIS)
                        at += stride[k] * (out->axis[k] == reduced ? node : pos[out->axis[k]]);
        return at;
}

/* The registers at one position. */
static inline void reference_evaluate(Reference *r, const Nest *nest, const int64_t *pos, char (*reg)[16]) {
        for (uint32_t i = 0; i < nest->n_instr; i++) {
                const Instr *in = nest->instr + i;
                char *at;

                switch (in->kind) {
                case INSTR_LOAD: {
                        const Source *s = r->stage->source + in->source;
                        const Value *v = r->h->plan.value.data + s->value;
                        int64_t stride[MAX_NDIM];

                        strides_of(v, stride);
                        at = r->h->whole[s->value];
                        for (int k = 0; k < v->tiling.ndim; k++)
                                at += stride[k] *
                                      (s->map[k].start +
                                       (s->map[k].axis == NO_AXIS ? 0 : s->map[k].step * pos[s->map[k].axis]));
                        memcpy(reg[i], at, dtype_size(in->dtype));
                        break;
                }
                case INSTR_LOCAL:
                        memcpy(reg[i], reference_local(r, in->source, pos), dtype_size(in->dtype));
                        break;
                case INSTR_CONST:
                        memcpy(reg[i], in->value.bytes, 16);
                        break;
                case INSTR_GENERATE: {
                        int64_t index = 0;

                        for (int k = 0; k < in->shape->ndim; k++)
                                index = index * in->shape->dim[k] + in->map[k].start +
                                        (in->map[k].axis == NO_AXIS ? 0 : in->map[k].step * pos[in->map[k].axis]);
                        in->op->generate[in->kernel].fn(1, index, 1, in->params, reg[i]);
                        break;
                }
                case INSTR_MAP: {
                        void *arg[5] = {};
                        char second[16];

                        for (uint32_t k = 0; k < in->op->n_in; k++)
                                arg[k] = reg[in->in[k]];
                        arg[in->op->n_in] = reg[i];
                        arg[in->op->n_in + 1] = second;
                        for (uint32_t j = i + 1; j < nest->n_instr; j++)
                                if (nest->instr[j].kind == INSTR_SECOND && nest->instr[j].in[0] == i)
                                        arg[in->op->n_in + 1] = reg[j];
                        in->op->kernels[in->kernel].fn(1, arg, in->params);
                        break;
                }
                case INSTR_SECOND:
                        break;
                }
        }
}

static inline bool next_position(const Nest *nest, const int64_t *extent, int skip, int64_t *pos) {
        for (int k = nest->ndim - 1; k >= 0; k--) {
                if (nest->axis[k] == skip)
                        continue;
                if (++pos[nest->axis[k]] < extent[nest->axis[k]])
                        return true;
                pos[nest->axis[k]] = 0;
        }
        return false;
}

static inline void reference_line(Reference *r, const Nest *nest, const Sink *sink, int64_t *pos, char (*reg)[16]) {
        const Fold *f = sink->op->folds + sink->fold;
        int64_t n = r->extent[sink->axis], unit = sink->unit ?: 1;
        char root[MAX_STATE][16], out[16];
        void *state[MAX_STATE];
        States leaf;

        for (int c = 0; c < f->n_state; c++)
                leaf.at[c] = malloc((size_t) n * dtype_size(f->state[c]) + 1);
        for (int64_t i = 0; i < n; i++) {
                pos[sink->axis] = i;
                reference_evaluate(r, nest, pos, reg);
                for (int c = 0; c < f->n_state; c++)
                        state[c] = leaf.at[c] + i * (int64_t) dtype_size(f->state[c]);
                if (sink->unit)
                        for (int c = 0; c < f->n_state; c++)
                                memcpy(state[c], reg[sink->reg[c]], dtype_size(f->state[c]));
                else if (f->lift)
                        f->lift(1, reg[sink->reg[0]], i, 0, state);
                else
                        memcpy(state[0], reg[sink->reg[0]], dtype_size(f->state[0]));
        }
        pos[sink->axis] = 0;
        if (sink->end == FOLD_PARTIAL) {
                const Cuts *cuts = &r->stage->domain.axis[sink->axis];
                int64_t at = 0;

                for (uint32_t g = 0; g < cuts->n; g++) {
                        TreeNode node[MAX_TREE_NODES];
                        int n_node = tree_cover(cuts_edge(cuts, g), cuts_edge(cuts, g + 1), node);

                        for (int j = 0; j < n_node; j++, at++) {
                                reference_node(f, &leaf, n, node[j].level, node[j].index, unit, root);
                                for (int c = 0; c < f->n_state; c++)
                                        memcpy(reference_out(r, sink->dest[c], pos, sink->axis, at), root[c],
                                               dtype_size(f->state[c]));
                        }
                }
        } else {
                reference_node(f, &leaf, n, root_level(n), 0, unit, root);
                for (int c = 0; c < f->n_state; c++)
                        state[c] = root[c];
                if (sink->end == FOLD_FINISH) {
                        if (f->finish)
                                f->finish(1, state, n * unit, out);
                        else
                                memcpy(out, root[0], sizeof(out));
                        memcpy(sink->local ? reference_local(r, sink->dest[0], pos)
                                           : reference_out(r, sink->dest[0], pos, -1, 0),
                               out, dtype_size(f->out));
                } else {
                        for (int c = 0; c < f->n_state; c++)
                                memcpy(sink->local ? reference_local(r, sink->dest[c], pos)
                                                   : reference_out(r, sink->dest[c], pos, -1, 0),
                                       root[c], dtype_size(f->state[c]));
                }
        }
        for (int c = 0; c < f->n_state; c++)
                free(leaf.at[c]);
}

/* Fills the dense outputs of a stage of nests from the dense sources. */
static inline void reference_nests(Hand *h, uint32_t stage) {
        Reference r = { .h = h, .stage = h->plan.stage.data + stage };

        for (int k = 0; k < r.stage->domain.ndim; k++)
                r.extent[k] = r.stage->domain.axis[k].extent;
        for (uint32_t l = 0; l < r.stage->n_local; l++) {
                size_t n = dtype_size(r.stage->local[l].dtype);

                for (int k = 0; k < r.stage->local[l].ndim; k++)
                        n *= (size_t) r.extent[r.stage->local[l].axis[k]];
                r.local[l] = malloc(n + 1);
        }
        for (uint32_t i = 0; i < r.stage->n_nest; i++) {
                const Nest *nest = r.stage->nest + i;
                char (*reg)[16] = calloc(nest->n_instr, 16);
                bool empty = false;

                for (int k = 0; k < nest->ndim; k++)
                        empty |= r.extent[nest->axis[k]] == 0;
                for (uint32_t s = 0; s < nest->n_sink && !empty; s++) {
                        const Sink *sink = nest->sink + s;
                        int64_t pos[MAX_NDIM] = {};

                        do {
                                if (sink->op) {
                                        reference_line(&r, nest, sink, pos, reg);
                                } else {
                                        reference_evaluate(&r, nest, pos, reg);
                                        memcpy(sink->local ? reference_local(&r, sink->dest[0], pos)
                                                           : reference_out(&r, sink->dest[0], pos, -1, 0),
                                               reg[sink->reg[0]], dtype_size(nest->instr[sink->reg[0]].dtype));
                                }
                        } while (next_position(nest, r.extent, sink->op ? sink->axis : -1, pos));
                }
                free(reg);
        }
        for (uint32_t l = 0; l < r.stage->n_local; l++)
                free(r.local[l]);
}

/* All chunks of the value are as in its dense form. */
static inline bool hand_same(Hand *h, ValueId v) {
        const Value *value = h->plan.value.data + v;

        for (uint64_t k = 0; k < tiling_n_chunks(&value->tiling); k++)
                if (!chunk_moves(h, value->first_chunk + (uint32_t) k, true))
                        return false;
        return true;
}

/* ---- Chance
 * -------------------------------------------------------------------------------------------------------- */

_unused_ static uint64_t random_state;

static inline uint64_t random_below(uint64_t n) {
        random_state += 0x9e3779b97f4a7c15;
        return mix(random_state) % n;
}

static inline Cuts random_cuts(Hand *h, int64_t extent, bool whole) {
        int64_t size[64], left = extent;
        uint32_t n = 0;
        Cuts ret;

        switch (whole ? 0 : random_below(4)) {
        case 0:
                return cuts_whole(extent);
        case 1:
        case 2:
                return cuts_regular(extent, 1 + (int64_t) random_below((uint64_t) extent / 2 + 3) + extent / 16);
        default:
                while (left > 0 && n < 6)
                        left -= size[n++] = 1 + (int64_t) random_below((uint64_t) left);
                if (left > 0 || n == 0)
                        size[n++] = left;
                assert(cuts_from_sizes(h->plan.arena, size, n, extent, &ret, NULL) == 0);
                return ret;
        }
}

static inline Tiling random_tiling(Hand *h, int ndim, const int64_t *extent, int whole_axis) {
        Tiling t = { .ndim = ndim };

        for (int k = 0; k < ndim; k++)
                t.axis[k] = random_cuts(h, extent[k], k == whole_axis);
        return t;
}

/* A leaf that can be read with a random map from a domain of these extents. */
static inline uint32_t random_source(Hand *h, int ndim, const int64_t *extent, Source *ret, DType dtype) {
        int order[MAX_NDIM], n = 0;
        AxisMap map[MAX_NDIM];
        int64_t dim[MAX_NDIM];
        Tiling t;

        for (int k = 0; k < ndim; k++)
                if (random_below(6) > 0)
                        order[n++] = k;
        for (int k = n - 1; k > 0 && random_below(2); k--) { /* permuted now and then */
                int j = (int) random_below((uint64_t) k + 1), o = order[k];

                order[k] = order[j];
                order[j] = o;
        }
        for (int k = 0; k < n; k++) {
                int64_t len = extent[order[k]];

                dim[k] = len;
                map[k] = (AxisMap) { .axis = order[k], .step = 1 };
                switch (random_below(8)) {
                case 0: /* backwards */
                        map[k] = (AxisMap) { .axis = order[k], .start = MAX(len - 1, (int64_t) 0), .step = -1 };
                        break;
                case 1: /* every third, from the second on */
                        dim[k] = 3 * len + 1;
                        map[k] = (AxisMap) { .axis = order[k], .start = 1, .step = 3 };
                        break;
                case 2: /* one position only */
                        dim[k] = 4;
                        map[k] = (AxisMap) { .axis = NO_AXIS, .start = 2 };
                        break;
                }
        }
        t = random_tiling(h, n, dim, -1);
        *ret = (Source) { .map = hand_copy(h, map, sizeof(map)) };
        if (dtype == DTYPE_F64) {
                ret->value = hand_numbers(h, &t, random_below(1000));
        } else {
                ret->value = hand_leaf(h, dtype, &t);
                for (size_t i = 0; i < value_bytes(h->plan.value.data + ret->value); i++)
                        h->whole[ret->value][i] = (char) random_below(256);
        }
        return 0;
}

static inline const int64_t *random_extents(int ndim) {
        static int64_t extent[8];

        for (int k = 0; k < ndim; k++)
                extent[k] = random_below(12) == 0
                                    ? 1
                                    : 1 + (int64_t) random_below(ndim == 1   ? (random_below(4) ? 3000 : 20000)
                                                                 : ndim == 2 ? 90
                                                                             : 17);
        if (ndim > 1 && random_below(4) == 0)
                extent[random_below((uint64_t) ndim)] = 1 + (int64_t) random_below(1500);
        return extent;
}

static inline int max_lane(int ndim) {
        return ndim + 1;
}

/* The output of a reduction along `axis`: without it, or with its partials. */
static inline Tiling reduced_tiling(Hand *h, const Tiling *domain, int axis, FoldEnd end, int *ret_axis) {
        Tiling t = { .ndim = 0 };

        for (int k = 0; k < domain->ndim; k++) {
                const Cuts *cuts = &domain->axis[k];

                if (k == axis && end != FOLD_PARTIAL)
                        continue;
                ret_axis[t.ndim] = k;
                t.axis[t.ndim] = *cuts;
                if (k == axis) {
                        int64_t *size = arena_new_array(h->plan.arena, int64_t, cuts->n), total = 0;

                        for (uint32_t g = 0; g < cuts->n; g++)
                                total += size[g] = tree_cover_size(cuts_edge(cuts, g), cuts_edge(cuts, g + 1));
                        assert(cuts_from_sizes(h->plan.arena, size, cuts->n, total, &t.axis[t.ndim], NULL) == 0);
                }
                t.ndim++;
        }
        return t;
}

typedef struct Reduced {
        ValueId value[MAX_STATE];
        uint32_t n;
} Reduced;

/* Adds outputs for the sink and returns them. */
static inline Reduced add_reduction(Hand *h, Sink *sink, Out *out, uint32_t *n_out, const Tiling *domain,
                                    uint32_t stage) {
        const Fold *f = sink->op->folds + sink->fold;
        int axis[MAX_NDIM];
        Tiling t = reduced_tiling(h, domain, sink->axis, sink->end, axis);
        Reduced ret = { .n = sink->end == FOLD_FINISH ? 1 : f->n_state };

        for (uint32_t c = 0; c < ret.n; c++) {
                ret.value[c] = hand_value(h, sink->end == FOLD_FINISH ? f->out : f->state[c], &t, stage);
                sink->dest[c] = *n_out;
                out[(*n_out)++] = (Out) { .value = ret.value[c], .axis = hand_copy(h, axis, sizeof(axis)) };
        }
        return ret;
}
