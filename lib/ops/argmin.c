/* SPDX-License-Identifier: Apache-2.0 */
/* Where the extremes are. The state is an element and its index; of equal elements the left one stays, which is the
 * first. NaN is the extreme of all, and in the nan variants none: it stays only where there is nothing else, and has
 * no index. */
#include <string.h>

#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/complex.h"
#include "ops/runs.h"

/* Eight rows are taken one after the other: which element is the extreme, or the first of several, does not depend on
 * the order of comparisons. */
#define ARG_LOOPS_(D, op, takes_right)                                                                                 \
        static void op##_merge_##D(size_t n, void *const *a_state, void *const *b_state, void *const *out_state,       \
                                   _unused_ int64_t n_a, _unused_ int64_t n_b) {                                       \
                const CTYPE_##D *left = a_state[0], *right = b_state[0];                                               \
                const int64_t *left_at = a_state[1], *right_at = b_state[1];                                           \
                CTYPE_##D *out = out_state[0];                                                                         \
                int64_t *out_at = out_state[1];                                                                        \
                                                                                                                       \
                INDEPENDENT for (size_t i = 0; i < n; i++) {                                                           \
                        const CTYPE_##D a = left[i], b = right[i];                                                     \
                        const int64_t at = left_at[i], bt = right_at[i];                                               \
                        const bool right_one = takes_right(a, b);                                                      \
                                                                                                                       \
                        out[i] = right_one ? b : a;                                                                    \
                        out_at[i] = right_one ? bt : at;                                                               \
                }                                                                                                      \
        }                                                                                                              \
        static void op##_merge_pairs_##D(size_t n, void *const *in_state, void *const *out_state,                      \
                                         _unused_ int64_t n_each) {                                                    \
                const CTYPE_##D *restrict in = in_state[0];                                                            \
                const int64_t *restrict in_at = in_state[1];                                                           \
                CTYPE_##D *restrict out = out_state[0];                                                                \
                int64_t *restrict out_at = out_state[1];                                                               \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const CTYPE_##D a = in[2 * i], b = in[2 * i + 1];                                              \
                        const int64_t at = in_at[2 * i], bt = in_at[2 * i + 1];                                        \
                        const bool right_one = takes_right(a, b);                                                      \
                                                                                                                       \
                        out[i] = right_one ? b : a;                                                                    \
                        out_at[i] = right_one ? bt : at;                                                               \
                }                                                                                                      \
        }                                                                                                              \
        static void op##_lift_two_##D(size_t n, const void *left, const void *right, int64_t index,                    \
                                      void *const *state) {                                                            \
                const MEMORY_##D *restrict in_a = left, *restrict in_b = right;                                        \
                CTYPE_##D *restrict out = state[0];                                                                    \
                int64_t *restrict out_at = state[1];                                                                   \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const CTYPE_##D a = LOAD_##D(in_a[i]), b = LOAD_##D(in_b[i]);                                  \
                        const bool right_one = takes_right(a, b);                                                      \
                                                                                                                       \
                        out[i] = right_one ? b : a;                                                                    \
                        out_at[i] = right_one ? index + 1 : index;                                                     \
                }                                                                                                      \
        }                                                                                                              \
        static void op##_lift_eight_##D(size_t n, const void *const *row, int64_t index, void *const *state) {         \
                for (size_t from = 0; from < n; from += EIGHT_BLOCK) {                                                 \
                        const size_t m = MIN(n - from, (size_t) EIGHT_BLOCK);                                          \
                        CTYPE_##D *restrict out = (CTYPE_##D *) state[0] + from;                                       \
                        int64_t *restrict out_at = (int64_t *) state[1] + from;                                        \
                                                                                                                       \
                        op##_lift_two_##D(m, (const MEMORY_##D *) row[0] + from, (const MEMORY_##D *) row[1] + from,   \
                                          index, (void *[]) { out, out_at });                                          \
                        for (int k = 2; k < 8; k++) {                                                                  \
                                const MEMORY_##D *restrict next = (const MEMORY_##D *) row[k] + from;                  \
                                                                                                                       \
                                for (size_t i = 0; i < m; i++) {                                                       \
                                        const CTYPE_##D a = out[i], b = LOAD_##D(next[i]);                             \
                                        const int64_t at = out_at[i];                                                  \
                                        const bool right_one = takes_right(a, b);                                      \
                                                                                                                       \
                                        out[i] = right_one ? b : a;                                                    \
                                        out_at[i] = right_one ? index + k : at;                                        \
                                }                                                                                      \
                        }                                                                                              \
                }                                                                                                      \
        }                                                                                                              \
        static void op##_lift_pairs_##D(size_t n, const void *in, int64_t first, void *const *state) {                 \
                const MEMORY_##D *restrict from = in;                                                                  \
                CTYPE_##D *restrict out = state[0];                                                                    \
                int64_t *restrict out_at = state[1];                                                                   \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const CTYPE_##D a = LOAD_##D(from[2 * i]), b = LOAD_##D(from[2 * i + 1]);                      \
                        const bool right_one = takes_right(a, b);                                                      \
                        const int64_t at = first + 2 * (int64_t) i;                                                    \
                                                                                                                       \
                        out[i] = right_one ? b : a;                                                                    \
                        out_at[i] = right_one ? at + 1 : at;                                                           \
                }                                                                                                      \
        }

#define LOWER(a, b) (((b) < (a)) | (IS_NAN(b) & !IS_NAN(a)))
#define HIGHER(a, b) (((b) > (a)) | (IS_NAN(b) & !IS_NAN(a)))
/* Of complex numbers, all with a NaN in them are alike. */
#define LOWER_COMPLEX(a, b) ((COMPLEX_LESS(b, a) | COMPLEX_IS_NAN(b)) & !COMPLEX_IS_NAN(a))
#define HIGHER_COMPLEX(a, b) ((COMPLEX_LESS(a, b) | COMPLEX_IS_NAN(b)) & !COMPLEX_IS_NAN(a))
ORDERED(ARG_LOOPS_, argmin, LOWER)
ORDERED(ARG_LOOPS_, argmax, HIGHER)
COMPLEXES(ARG_LOOPS_, argmin, LOWER_COMPLEX)
COMPLEXES(ARG_LOOPS_, argmax, HIGHER_COMPLEX)

/* Two levels at once (kernel.h: QUADS_LOOP_), from elements with indices as wide as these, or from states by pairs of
 * pairs. `takes_right` is of vectors. */
typedef int64_t WideIndex_F64 __attribute__((vector_size(32)));
typedef int32_t WideIndex_F32 __attribute__((vector_size(32)));
typedef int64_t WideAt_F64 __attribute__((vector_size(32), aligned(8)));
typedef int64_t WideAt_F32 __attribute__((vector_size(64), aligned(8)));
#define WIDE_IOTA_F64 { 0, 1, 2, 3 }
#define WIDE_IOTA_F32 { 0, 1, 2, 3, 4, 5, 6, 7 }
#define ARG_QUADS_(D, op, takes_right)                                                                                 \
        static void op##_merge_quads_##D(size_t n, void *const *in_state, void *const *out_state, int64_t n_each) {    \
                CTYPE_##D half[2 * EIGHT_BLOCK] = {};                                                                  \
                int64_t half_at[2 * EIGHT_BLOCK] = {};                                                                 \
                                                                                                                       \
                for (size_t i = 0; i < n; i += EIGHT_BLOCK) {                                                          \
                        const size_t m = MIN(n - i, (size_t) EIGHT_BLOCK);                                             \
                        void *in[] = { (CTYPE_##D *) in_state[0] + 4 * i, (int64_t *) in_state[1] + 4 * i };           \
                        void *out[] = { (CTYPE_##D *) out_state[0] + i, (int64_t *) out_state[1] + i };                \
                                                                                                                       \
                        op##_merge_pairs_##D(2 * m, in, (void *[]) { half, half_at }, n_each);                         \
                        op##_merge_pairs_##D(m, (void *[]) { half, half_at }, out, 2 * n_each);                        \
                }                                                                                                      \
        }                                                                                                              \
        static void op##_lift_quads_##D(size_t n, const void *in, int64_t first, void *const *state) {                 \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                const WideIndex_##D iota = WIDE_IOTA_##D, left_at = WIDE_LEFT_##D(iota, iota + WIDTH);                 \
                const CTYPE_##D *restrict from = in;                                                                   \
                CTYPE_##D *restrict out = state[0], half[2 * WIDTH] = {};                                              \
                int64_t *restrict out_at = state[1], half_at[2 * WIDTH] = {};                                          \
                size_t i = 0;                                                                                          \
                                                                                                                       \
                for (; i + WIDTH <= n; i += WIDTH) {                                                                   \
                        const Wide_##D *p = (const Wide_##D *) (from + 4 * i);                                         \
                        Wide_##D one[2], a, b;                                                                         \
                        WideIndex_##D at[2], right;                                                                    \
                                                                                                                       \
                        for (int k = 0; k < 2; k++) {                                                                  \
                                a = WIDE_LEFT_##D(p[2 * k], p[2 * k + 1]);                                             \
                                b = WIDE_RIGHT_##D(p[2 * k], p[2 * k + 1]);                                            \
                                right = takes_right(a, b);                                                             \
                                one[k] = WIDE_SELECT(right, b, a);                                                     \
                                at[k] = left_at + 2 * k * WIDTH - right; /* true is -1 */                              \
                        }                                                                                              \
                        a = WIDE_LEFT2_##D(one[0], one[1]);                                                            \
                        b = WIDE_RIGHT2_##D(one[0], one[1]);                                                           \
                        right = takes_right(a, b);                                                                     \
                        at[0] = WIDE_SELECT(right, WIDE_RIGHT2_##D(at[0], at[1]), WIDE_LEFT2_##D(at[0], at[1]));       \
                        a = WIDE_SELECT(right, b, a);                                                                  \
                        *(Wide_##D *) (out + i) = WIDE_ORDER_##D(a);                                                   \
                        at[0] = WIDE_ORDER_##D(at[0]);                                                                 \
                        *(WideAt_##D *) (out_at + i) = __builtin_convertvector(at[0], WideAt_##D) +                    \
                                                       (first + 4 * (int64_t) i);                                      \
                }                                                                                                      \
                if (i < n) {                                                                                           \
                        void *pairs[] = { half, half_at }, *rest[] = { out + i, out_at + i };                          \
                                                                                                                       \
                        op##_lift_pairs_##D(2 * (n - i), from + 4 * i, first + 4 * (int64_t) i, pairs);                \
                        op##_merge_pairs_##D(n - i, pairs, rest, 2);                                                   \
                }                                                                                                      \
        }
/* Eight rows: the extreme and which row has it stay in registers. Comparisons are what this costs, so NaN, which would
 * need a second one for each element, is only looked for, in the sum of the rows. Where there is one, or where the sum
 * is made of infinities of both signs, the rows are taken again. */
#define ARG_EIGHT_(D, op, OF)                                                                                          \
        static void op##_lift_rows_##D(size_t n, const void *const *row, int64_t index, void *const *state) {          \
                enum { WIDTH = sizeof(Wide_##D) / sizeof(CTYPE_##D) };                                                 \
                CTYPE_##D *restrict out = state[0];                                                                    \
                int64_t *restrict out_at = state[1], any_nan = 0;                                                      \
                WideIndex_##D nan = {};                                                                                \
                const void *rest[8];                                                                                   \
                size_t i = 0;                                                                                          \
                                                                                                                       \
                for (; i + WIDTH <= n; i += WIDTH) {                                                                   \
                        Wide_##D a = *(const Wide_##D *) ((const CTYPE_##D *) row[0] + i), sum = a;                    \
                        WideIndex_##D at = {};                                                                         \
                                                                                                                       \
                        for (int k = 1; k < 8; k++) {                                                                  \
                                const Wide_##D b = *(const Wide_##D *) ((const CTYPE_##D *) row[k] + i);               \
                                const WideIndex_##D right = b OF a, here = (WideIndex_##D) {} + k;                     \
                                                                                                                       \
                                a = WIDE_SELECT(right, b, a);                                                          \
                                at = WIDE_SELECT(right, here, at);                                                     \
                                sum += b;                                                                              \
                        }                                                                                              \
                        nan |= sum != sum;                                                                             \
                        *(Wide_##D *) (out + i) = a;                                                                   \
                        *(WideAt_##D *) (out_at + i) = __builtin_convertvector(at, WideAt_##D) + index;                \
                }                                                                                                      \
                for (int j = 0; j < WIDTH; j++)                                                                        \
                        any_nan |= nan[j];                                                                             \
                i = _unlikely_(any_nan) ? 0 : i;                                                                       \
                for (int k = 0; k < 8; k++)                                                                            \
                        rest[k] = (const CTYPE_##D *) row[k] + i;                                                      \
                if (i < n)                                                                                             \
                        op##_lift_eight_##D(n - i, rest, index, (void *[]) { out + i, out_at + i });                   \
        }
#define LOWER_WIDE(a, b) (~((a) <= (b)) & ((a) == (a)))
#define HIGHER_WIDE(a, b) (~((a) >= (b)) & ((a) == (a)))
ARG_QUADS_(F64, argmin, LOWER_WIDE)
ARG_QUADS_(F32, argmin, LOWER_WIDE)
ARG_QUADS_(F64, argmax, HIGHER_WIDE)
ARG_QUADS_(F32, argmax, HIGHER_WIDE)
ARG_EIGHT_(F64, argmin, <)
ARG_EIGHT_(F32, argmin, <)
ARG_EIGHT_(F64, argmax, >)
ARG_EIGHT_(F32, argmax, >)
ARG_RUNS(argmin, min)
ARG_RUNS(argmax, max)

#define ARG_LIFT_(D, ...)                                                                                              \
        static void arg_lift_##D(size_t n, const void *in, int64_t first, int64_t step, void *const *state) {          \
                const MEMORY_##D *restrict from = in;                                                                  \
                CTYPE_##D *restrict element = state[0];                                                                \
                int64_t *restrict at = state[1];                                                                       \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        element[i] = LOAD_##D(from[i]);                                                                \
                        at[i] = first + (int64_t) i * step;                                                            \
                }                                                                                                      \
        }
ALL(ARG_LIFT_, )

static void arg_finish(size_t n, void *const *state, _unused_ int64_t count, void *out) {
        memcpy(out, state[1], n * sizeof(int64_t));
}

#define STATE_DTYPE_(dtype, ...) dtype
#define STATE_DTYPE(...) STATE_DTYPE_(__VA_ARGS__)
#define ARG_ROW_MORE_(D, op, ...)                                                                                      \
        { .in = DTYPE_##D, .n_state = 2, .state = { STATE_DTYPE(STATE_##D), DTYPE_I64 }, .out = DTYPE_I64,             \
          .lift = arg_lift_##D, .merge = op##_merge_##D, .merge_pairs = op##_merge_pairs_##D, .finish = arg_finish,    \
          .lift_two = op##_lift_two_##D, .lift_pairs = op##_lift_pairs_##D, __VA_ARGS__ },
#define ARG_ROW_(D, op) ARG_ROW_MORE_(D, op, .lift_eight = op##_lift_eight_##D)
#define ARG_ROW_RUNS_(D, op)                                                                                           \
        ARG_ROW_MORE_(D, op, .lift_eight = op##_lift_eight_##D, .lift_runs = op##_lift_runs_##D)
#define ARG_ROW_QUADS_(D, op)                                                                                          \
        ARG_ROW_MORE_(D, op, .lift_eight = op##_lift_rows_##D, .merge_quads = op##_merge_quads_##D,                    \
                      .lift_quads = op##_lift_quads_##D, .lift_runs = op##_lift_runs_##D)
#define ARG_ROWS(op)                                                                                                   \
        BITS(ARG_ROW_RUNS_, op) ARG_ROW_(F16, op) ARG_ROW_QUADS_(F32, op) ARG_ROW_QUADS_(F64, op)                      \
        COMPLEXES(ARG_ROW_, op)

#define LOWER_NUMBER(a, b) (((b) < (a)) | (IS_NAN(a) & !IS_NAN(b)))
#define HIGHER_NUMBER(a, b) (((b) > (a)) | (IS_NAN(a) & !IS_NAN(b)))
#define LOWER_NUMBER_COMPLEX(a, b) ((COMPLEX_LESS(b, a) | COMPLEX_IS_NAN(a)) & !COMPLEX_IS_NAN(b))
#define HIGHER_NUMBER_COMPLEX(a, b) ((COMPLEX_LESS(a, b) | COMPLEX_IS_NAN(a)) & !COMPLEX_IS_NAN(b))
FLOATS(ARG_LOOPS_, nanargmin, LOWER_NUMBER)
FLOATS(ARG_LOOPS_, nanargmax, HIGHER_NUMBER)
COMPLEXES(ARG_LOOPS_, nanargmin, LOWER_NUMBER_COMPLEX)
COMPLEXES(ARG_LOOPS_, nanargmax, HIGHER_NUMBER_COMPLEX)

#define ARG_FINISH_(D, ...)                                                                                            \
        static void nanarg_finish_##D(size_t n, void *const *state, _unused_ int64_t count, void *out) {               \
                const CTYPE_##D *restrict element = state[0];                                                          \
                const int64_t *restrict at = state[1];                                                                 \
                int64_t *restrict to = out;                                                                            \
                                                                                                                       \
                for (size_t i = 0; i < n; i++)                                                                         \
                        to[i] = (element[i] != element[i]) ? -1 : at[i];                                               \
        }
FLOATS(ARG_FINISH_, )
COMPLEXES(ARG_FINISH_, )

#define NANARG_ROW_(D, op)                                                                                             \
        { .in = DTYPE_##D, .n_state = 2, .state = { STATE_DTYPE(STATE_##D), DTYPE_I64 }, .out = DTYPE_I64,             \
          .lift = arg_lift_##D, .merge = op##_merge_##D, .merge_pairs = op##_merge_pairs_##D,                          \
          .finish = nanarg_finish_##D, .lift_two = op##_lift_two_##D, .lift_pairs = op##_lift_pairs_##D,               \
          .lift_eight = op##_lift_eight_##D },

/* ---- The operators
 * ----------------------------------------------------------------------------------------------------
 *
 * What users call finds an index along one axis or in the flattened input; what runs, the hidden operator of the
 * same name with _along, knows one axis only, because an index is a position along it. */

static int infer_arg(const OpCall *call, Spec *out, Error *err) {
        const ReduceParams *p = call->params;

        if (p->axis.given && p->axis.n != 1)
                return error_set(err, ERROR_TYPE, "%s: axis is one integer or None, not %u", call->op->name, p->axis.n);
        return infer_reduce(call, out, err);
}

static int found_run(BlockRun *run, Error *err) {
        const View *in = &run->in[0];
        int64_t *to = (int64_t *) run->out[0].data, at[MAX_NDIM] = {};

        for (int64_t n = shape_size(&run->out[0].shape), i = 0; i < n; i++) {
                const char *from = in->data;

                for (int k = 0; k < in->shape.ndim; k++)
                        from += at[k] * in->stride[k];
                to[i] = *(const int64_t *) from;
                if (to[i] < 0)
                        return error_set(err, ERROR_VALUE, "All-NaN slice encountered");
                for (int k = in->shape.ndim; k-- > 0;) {
                        if (++at[k] < in->shape.dim[k])
                                break;
                        at[k] = 0;
                }
        }
        return 0;
}

static int infer_found(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[0];
        return 0;
}

OP(found_index) = {
        .name   = "found_index",
        .doc    = "The indices, none of which is -1: ValueError where one is.",
        .family = FAMILY_EXCHANGE,
        .hidden = true,
        .inputs = "index",
        .n_in   = 1,
        .infer  = infer_found,
        .run    = found_run,
};

static int expand_arg(Build *b, const OpCall *call, const Ref *in, Ref *out, const char *along, bool numbers_only) {
        const ReduceParams *p = call->params;
        const Shape *s = &call->in[0].shape;
        const DKind kind = dtype_kind(call->in[0].dtype);
        const bool flattened = !p->axis.given && s->ndim != 1;
        Shape kept = { .ndim = s->ndim }, flat = { .ndim = 1, .dim = { shape_size(s) } };

        *out = flattened ? build_reduce(b, along, build_reshape(b, in[0], &flat), DIMS(0), false, DTYPE_NONE)
                         : build_reduce(b, along, in[0], p->axis, p->keepdims, DTYPE_NONE);
        if (numbers_only && (kind == KIND_FLOAT || kind == KIND_COMPLEX))
                *out = build_op(b, "found_index", NULL, 1, out);
        for (int k = 0; k < s->ndim; k++)
                kept.dim[k] = 1;
        if (flattened && p->keepdims)
                *out = build_reshape(b, *out, &kept);
        return build_done(b);
}

#define ARG_OPERATOR(op, numbers_only, doc_, ...)                                                                      \
        static const Fold op##_folds[] = { __VA_ARGS__ {} };                                                           \
        static int expand_##op(Build *b, const OpCall *call, const Ref *in, Ref *out) {                                \
                return expand_arg(b, call, in, out, #op "_along", numbers_only);                                       \
        }                                                                                                              \
        OP(op) = {                                                                                                     \
                .name        = #op,                                                                                    \
                .doc         = doc_,                                                                                   \
                .family      = FAMILY_REDUCE,                                                                          \
                .inputs      = "a",                                                                                    \
                .n_in        = 1,                                                                                      \
                .params_size = sizeof(ReduceParams),                                                                   \
                .params      = REDUCE_PARAMS,                                                                          \
                .folds       = op##_folds,                                                                             \
                .infer       = infer_arg,                                                                              \
                .expand      = expand_##op,                                                                            \
        };                                                                                                             \
        OP(op##_along) = {                                                                                             \
                .name        = #op "_along",                                                                           \
                .doc         = doc_,                                                                                   \
                .family      = FAMILY_REDUCE,                                                                          \
                .inputs      = "a",                                                                                    \
                .n_in        = 1,                                                                                      \
                .hidden      = true,                                                                                   \
                .params_size = sizeof(ReduceParams),                                                                   \
                .params      = REDUCE_PARAMS,                                                                          \
                .folds       = op##_folds,                                                                             \
        };

ARG_OPERATOR(argmin, false,
             "Index of the first smallest element along an axis or in the flattened tensor; of a NaN if there is one.",
             ARG_ROWS(argmin))
ARG_OPERATOR(argmax, false,
             "Index of the first largest element along an axis or in the flattened tensor; of a NaN if there is one.",
             ARG_ROWS(argmax))
ARG_OPERATOR(nanargmin, true,
             "Index of the first smallest element that is not NaN, as argmin and argmax have it.\n\n"
             "Raises ValueError, when it runs, where all are NaN.",
             BITS(ARG_ROW_RUNS_, argmin) FLOATS(NANARG_ROW_, nanargmin) COMPLEXES(NANARG_ROW_, nanargmin))
ARG_OPERATOR(nanargmax, true,
             "Index of the first largest element that is not NaN, as argmin and argmax have it.\n\n"
             "Raises ValueError, when it runs, where all are NaN.",
             BITS(ARG_ROW_RUNS_, argmax) FLOATS(NANARG_ROW_, nanargmax) COMPLEXES(NANARG_ROW_, nanargmax))
