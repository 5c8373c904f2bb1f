/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution by its definition: the sum of shifted products, in the order of the shorter vector's elements from its
 * last one on, so that the bits are those of the sum written as an expression, however it is cut.
 *
 * A task makes `step` elements from as many of the longer vector and from its length less one before them. So that it
 * reads these and nothing else, the vector, with zeros at its ends, is an input twice: from its beginning, and from
 * later. Eight products are added to a strip at a time: nine loads and a store for sixteen operations. */
#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/complex.h"

enum {
        PRODUCTS   = 1 << 24, /* of a task, */
        LEAST_STEP = 1 << 14, /* but no fewer elements, */
        MOST_STEP  = 1 << 18, /* nor more */
        EIGHT      = 8,
};

typedef struct ConvolveParams {
        int64_t step;
} ConvolveParams;

#define MUL_BOOL(a, b) ((a) & (b))
#define MUL_NUMBER(a, b) ((a) * (b))

/* Products and sums are rounded one by one, as by multiply and add. */
#define TERM_(D, mul, k) LOAD_##D((MEMORY_##D) STORE_##D(mul((T) LOAD_##D(x[i + (k)]), (T) LOAD_##D(w[k]))))
#define PLUS_(D, a, b) LOAD_##D((MEMORY_##D) STORE_##D((a) + (b)))
#define CONVOLVE_LOOP_(D, mul)                                                                                         \
        static void convolve_##D(const void *window, const void *weight, int64_t n, int64_t m, void *result) {         \
                typedef CTYPE_##D T;                                                                                   \
                                                                                                                       \
                for (int64_t from = 0; from < n; from += STRIP) {                                                      \
                        const int64_t length         = MIN(n - from, (int64_t) STRIP);                                 \
                        const MEMORY_##D *restrict x = (const MEMORY_##D *) window + from;                             \
                        const MEMORY_##D *restrict w = weight;                                                         \
                        MEMORY_##D *restrict out     = (MEMORY_##D *) result + from;                                   \
                        int64_t k                    = 1;                                                              \
                                                                                                                       \
                        INDEPENDENT                                                                                    \
                        for (int64_t i = 0; i < length; i++)                                                           \
                                out[i] = (MEMORY_##D) STORE_##D(mul((T) LOAD_##D(x[i]), (T) LOAD_##D(w[0])));          \
                        for (x++, w++; k + EIGHT <= m; k += EIGHT, x += EIGHT, w += EIGHT)                             \
                                INDEPENDENT                                                                            \
                        for (int64_t i = 0; i < length; i++) {                                                         \
                                T sum = LOAD_##D(out[i]);                                                              \
                                                                                                                       \
                                sum    = PLUS_(D, sum, TERM_(D, mul, 0));                                              \
                                sum    = PLUS_(D, sum, TERM_(D, mul, 1));                                              \
                                sum    = PLUS_(D, sum, TERM_(D, mul, 2));                                              \
                                sum    = PLUS_(D, sum, TERM_(D, mul, 3));                                              \
                                sum    = PLUS_(D, sum, TERM_(D, mul, 4));                                              \
                                sum    = PLUS_(D, sum, TERM_(D, mul, 5));                                              \
                                sum    = PLUS_(D, sum, TERM_(D, mul, 6));                                              \
                                out[i] = (MEMORY_##D) STORE_##D(sum + TERM_(D, mul, 7));                               \
                        }                                                                                              \
                        for (; k < m; k++, x++, w++)                                                                   \
                                INDEPENDENT                                                                            \
                        for (int64_t i = 0; i < length; i++)                                                           \
                                out[i] = (MEMORY_##D) STORE_##D((T) LOAD_##D(out[i]) + TERM_(D, mul, 0));              \
                }                                                                                                      \
        }
#define CONVOLVE_ROW_(D, name) [DTYPE_##D] = name##_##D,

BOOLS(CONVOLVE_LOOP_, MUL_BOOL)
REALS(CONVOLVE_LOOP_, MUL_NUMBER)
/* Real and imaginary parts apart, so that loops over them become vectors: what COMPLEX_MUL and a sum make. */
#define CONVOLVE_PARTS_(D, R)                                                                                          \
        static void convolve_##D(const void *window, const void *weight, int64_t n, int64_t m, void *result) {         \
                const MEMORY_##D *all = window, *w = weight;                                                           \
                                                                                                                       \
                for (int64_t from = 0; from < n; from += STRIP) {                                                      \
                        const int64_t length = MIN(n - from, (int64_t) STRIP);                                         \
                        MEMORY_##D *out      = (MEMORY_##D *) result + from;                                           \
                        R x_re[2 * STRIP] = {}, x_im[2 * STRIP] = {}, re[STRIP] = {}, im[STRIP] = {};                  \
                                                                                                                       \
                        for (int64_t first = 0; first < m; first += STRIP) {                                           \
                                const int64_t some = MIN(m - first, (int64_t) STRIP);                                  \
                                                                                                                       \
                                for (int64_t i = 0; i < length + some - 1; i++) {                                      \
                                        x_re[i] = RE(all[from + first + i]);                                           \
                                        x_im[i] = IM(all[from + first + i]);                                           \
                                }                                                                                      \
                                for (int64_t k = 0; k < some; k++) {                                                   \
                                        const R w_re = RE(w[first + k]), w_im = IM(w[first + k]);                      \
                                        const R *restrict a = x_re + k, *restrict b = x_im + k;                        \
                                                                                                                       \
                                        if (first + k == 0)                                                            \
                                                INDEPENDENT for (int64_t i = 0; i < length; i++) {                     \
                                                        re[i] = a[i] * w_re - b[i] * w_im;                             \
                                                        im[i] = a[i] * w_im + b[i] * w_re;                             \
                                                }                                                                      \
                                        else                                                                           \
                                                INDEPENDENT for (int64_t i = 0; i < length; i++) {                     \
                                                        re[i] += a[i] * w_re - b[i] * w_im;                            \
                                                        im[i] += a[i] * w_im + b[i] * w_re;                            \
                                                }                                                                      \
                                }                                                                                      \
                        }                                                                                              \
                        for (int64_t i = 0; i < length; i++)                                                           \
                                out[i] = __builtin_complex(re[i], im[i]);                                              \
                }                                                                                                      \
        }
CONVOLVE_PARTS_(C64, float)
CONVOLVE_PARTS_(C128, double)

typedef void ConvolveFn(const void *window, const void *weight, int64_t n, int64_t m, void *result);
static ConvolveFn *const convolve_of[_DTYPE_MAX] = { ALL(CONVOLVE_ROW_, convolve) };

/* Elements [lo, hi) of an input, from the pieces in which they lie. */
static void copy_elements(const BlockRun *run, uint32_t input, int64_t lo, int64_t hi, char *to) {
        const View *whole = &run->in[input];
        const size_t size = dtype_size(whole->dtype);

        for (uint32_t k = 0; k < (whole->data ? 1 : run->n_piece[input]); k++) {
                const View *v       = whole->data ? whole : &run->piece[input][k].view;
                const int64_t begin = whole->data ? run->box[input].lo[0] : run->piece[input][k].box.lo[0];
                const int64_t first = MAX(lo, begin), end = MIN(hi, begin + v->shape.dim[0]);
                const char *from = v->data + (first - begin) * v->stride[0];
                char *at         = to + (size_t) (first - lo) * size;

                if (v->stride[0] == (int64_t) size && first < end)
                        memcpy(at, from, (size_t) (end - first) * size);
                else
                        for (int64_t i = first; i < end; i++, at += size, from += v->stride[0])
                                memcpy(at, from, size);
        }
}

static int convolve_run(BlockRun *run, _unused_ Error *err) {
        const Box *box   = run->box;
        const DType t    = run->in[0].dtype;
        const int64_t lo = box[0].lo[0], hi = box[0].hi[0], n = hi - lo, m = box[2].hi[0] - box[2].lo[0], more = m - 1;
        char *weight = run->scratch, *window = weight + (size_t) m * dtype_size(t);

        assert(n >= more);
        copy_elements(run, 2, box[2].lo[0], box[2].hi[0], weight);
        copy_elements(run, 0, lo, hi, window);
        copy_elements(run, 1, box[1].hi[0] - more, box[1].hi[0], window + (size_t) n * dtype_size(t));
        convolve_of[t](window, weight, n, m, run->out[0].data);
        return 0;
}

static int64_t convolve_step(const OpCall *call) {
        return ((const ConvolveParams *) call->params)->step;
}

static size_t convolve_scratch(const OpCall *call) {
        const int64_t m = call->in[2].shape.dim[0];

        return (size_t) (convolve_step(call) + 2 * m) * dtype_size(call->in[0].dtype);
}

static int infer_convolve_blocks(const OpCall *call, Spec *out, _unused_ Error *err) {
        out[0] = call->in[0];
        return 0;
}

OP(convolve_blocks) = {
        .name         = "convolve_blocks",
        .doc          = "The sum of shifted products, of a vector from its beginning, and from later.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "left, right, weights",
        .n_in         = 3,
        .params_size  = sizeof(ConvolveParams),
        .params       = (const Param[]) { PARAM(ConvolveParams, step, PARAM_I64, NULL, "Elements of a task."), {} },
        .infer        = infer_convolve_blocks,
        .run          = convolve_run,
        .scratch      = convolve_scratch,
        .core_in      = { 1, 1, 1 },
        .core_out     = { 1 },
        .step         = convolve_step,
        .follows      = 3,
};

/* Of the full convolution. */
typedef struct PartParams {
        int64_t first, count;
} PartParams;

static int infer_convolve(const OpCall *call, Spec *out, Error *err) {
        const PartParams *p = call->params;
        const Shape *a = &call->in[0].shape, *v = &call->in[1].shape;
        const bool known = a->ndim == 1 && v->ndim == 1 && a->dim[0] != UNKNOWN && v->dim[0] != UNKNOWN;

        if (a->ndim != 1 || v->ndim != 1)
                return error_set(err, ERROR_VALUE, "object too deep for desired array");
        if (v->dim[0] == 0)
                return error_set(err, ERROR_VALUE, "v cannot be empty");
        if (p->first < 0 || p->count < 0 || (known && p->first > a->dim[0] + v->dim[0] - 1 - p->count))
                return error_set(err, ERROR_VALUE, "elements %lld to %lld are not of the convolution",
                                 (long long) p->first, (long long) p->first + p->count);
        out[0] = (Spec) { .dtype = infer_promote(call, 0), .shape = { .ndim = 1, .dim = { p->count } } };
        return 0;
}

static Ref build_zeros(Build *b, DType t, int64_t n) {
        const Shape shape = { .ndim = 1, .dim = { n } };

        return build_broadcast(b, build_scalar(b, scalar_from_i64(t, 0)), &shape);
}

/* Elements of a task, of the last one, too, at least m - 1, so that what it reads is together; 0: there are none. */
static int64_t task_length(int64_t count, int64_t m) {
        const int64_t most = MIN(MAX(PRODUCTS / m, (int64_t) LEAST_STEP), (int64_t) MOST_STEP);

        for (int64_t n = div_up(count, MAX(most, m)); n > 0; n--) {
                const int64_t step = div_up(count, n);

                if (count - (div_up(count, step) - 1) * step >= m - 1)
                        return step;
        }
        return 0;
}

static int expand_convolve(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const PartParams *p = call->params;
        const DType t       = infer_promote(call, 0);
        const int64_t n = call->in[0].shape.dim[0], m = call->in[1].shape.dim[0];
        const int64_t whole = task_length(p->count, m);
        /* If there are fewer than that in all, more are made. */
        const int64_t count = whole > 0 ? p->count : m, end = p->first + count;
        const int64_t before = MAX(m - 1 - p->first, (int64_t) 0), behind = MAX(end - n, (int64_t) 0);
        const Ref a = build_cast(b, in[0], t), v = build_cast(b, in[1], t);
        const Ref part[]   = { build_zeros(b, t, before),
                               build_slice(b, a, 0, MAX(p->first - (m - 1), (int64_t) 0), MIN(end, n), 1),
                               build_zeros(b, t, behind) };
        const Ref padded   = before + behind > 0 ? build_concatenate(b, part, ELEMENTSOF(part), 0) : part[1];
        const Ref blocks[] = { build_slice(b, padded, 0, 0, count, 1),
                               build_slice(b, padded, 0, m - 1, count + m - 1, 1),
                               build_slice(b, v, 0, m - 1, -1, -1) };

        *out = build_op(b, "convolve_blocks", &(ConvolveParams) { whole > 0 ? whole : count }, ELEMENTSOF(blocks),
                        blocks);
        if (whole == 0)
                *out = build_slice(b, *out, 0, 0, p->count, 1);
        return build_done(b);
}

OP(convolve) = {
        .name = "convolve",
        .doc  = "Elements of the convolution of two vectors, by its definition.\n\nAs many products as a has elements "
                "are "
                "added "
                "for each element of v. Raises ValueError where these are no vectors, or v is "
                "empty.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a, v",
        .n_in        = 2,
        .params_size = sizeof(PartParams),
        .params      = (const Param[]) { PARAM(PartParams, first, PARAM_I64, NULL,
                                               "The first one, of the full convolution."),
                                         PARAM(PartParams, count, PARAM_I64, NULL, "How many."),
                                         {} },
        .infer       = infer_convolve,
        .expand      = expand_convolve,
};
