/* SPDX-License-Identifier: Apache-2.0 */
/* How often numbers occur: bincount of small integers, histogram of elements between edges. Each task counts a block
 * of elements, or adds up their weights in order; the blocks' results are added up by the tree of `sum`. How long a
 * block is follows from the number of bins alone, so sums of weights have the same bits whatever the cuts. */
#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/order.h"

enum {
        COUNT_STEP = 1 << 18, /* elements of a block, at least */
        PER_BIN    = 8,       /* …and for each bin: the blocks' results are a small part of the input */
        FAR        = 2,       /* a guess is corrected by so many bins, then the bin is searched */
        MAX_BINS   = 1 << 30,
};

static int64_t block_of_bins(int64_t n_bin) {
        return MAX((int64_t) COUNT_STEP, n_bin * PER_BIN);
}

static int infer_blocks(const OpCall *call, int64_t n_bin, bool weighted, Spec *out) {
        const int64_t n = call->in[0].shape.dim[0];

        *out = (Spec) { .dtype = weighted ? DTYPE_F64 : DTYPE_I64,
                        .shape = { .ndim = 2,
                                   .dim  = { n == UNKNOWN ? UNKNOWN : div_up(n, block_of_bins(n_bin)), n_bin } } };
        return 0;
}

static int check_weights(const OpCall *call, uint32_t input, Error *err) {
        if (call->n_in <= input)
                return 0;
        const Shape *x = &call->in[0].shape, *w = &call->in[input].shape;

        if (call->n_in > input + 1)
                return error_set(err, ERROR_TYPE, "%s takes at most %u inputs", call->op->name, input + 1);
        if (shape_known(x) && shape_known(w) && !shape_equal(x, w))
                return error_set(err, ERROR_VALUE, "The weights and list don't have the same length.");
        if (dtype_kind(call->in[input].dtype) == KIND_COMPLEX)
                return error_set(
                        err, ERROR_TYPE,
                        "Cannot cast array data from dtype('%s') to dtype('float64') according to the rule 'safe'",
                        dtype_name(call->in[input].dtype));
        return 0;
}

/* All counts are 0 when there is nothing to count. */
static Ref build_no_counts(Build *b, int64_t n_bin, bool weighted) {
        const Shape s = { .ndim = 1, .dim = { n_bin } };

        return build_broadcast(b, build_scalar(b, scalar_from_i64(weighted ? DTYPE_F64 : DTYPE_I64, 0)), &s);
}

static double weight_at(const View *v, int64_t i) {
        return *(const double *) (v->data + i * v->stride[0]);
}

/* ---- bincount
 * ------------------------------------------------------------------------------------------------------- */

typedef struct BincountParams {
        int64_t n;
} BincountParams;

#define BINCOUNT_PARAMS                                                                                                \
        (const Param[]) {                                                                                              \
                PARAM(BincountParams, n, PARAM_I64, NULL, "How many numbers there are."), {}                           \
        }

/* What is written could be anything that is read, for all that a compiler knows: everything else is in registers. */
static int bincount_run(BlockRun *run, Error *err) {
        const uint64_t n_bin = (uint64_t) ((const BincountParams *) run->params)->n;
        const View x = run->in[0], weights = run->in[run->n_in - 1];
        const int64_t n     = x.shape.dim[0];
        const bool weighted = run->n_in > 1;
        int64_t *count  = (int64_t *) run->out[0].data;
        double *sum     = (double *) run->out[0].data;
        int64_t v       = 0;

        memset(count, 0, n_bin * sizeof(*count));
        for (int64_t i = 0; i < n && !weighted; i++) {
                v = *(const int64_t *) (x.data + i * x.stride[0]);
                if ((uint64_t) v >= n_bin)
                        break;
                count[v]++;
        }
        for (int64_t i = 0; i < n && weighted; i++) {
                v = *(const int64_t *) (x.data + i * x.stride[0]);
                if ((uint64_t) v >= n_bin)
                        break;
                sum[v] += weight_at(&weights, i);
        }
        if (v < 0)
                return error_set(err, ERROR_VALUE, "'list' argument must have no negative elements");
        if ((uint64_t) v >= n_bin && n > 0)
                return error_set(err, ERROR_VALUE, "%lld is not one of %lld numbers", (long long) v, (long long) n_bin);
        return 0;
}

static int64_t bincount_step(const OpCall *call) {
        return block_of_bins(((const BincountParams *) call->params)->n);
}

static int infer_bincount_blocks(const OpCall *call, Spec *out, _unused_ Error *err) {
        return infer_blocks(call, ((const BincountParams *) call->params)->n, call->n_in > 1, out);
}

OP(bincount_blocks) = {
        .name        = "bincount_blocks",
        .doc         = "How often each number occurs in blocks of a vector; or the sums of their weights.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "*arrays",
        .n_in        = 1,
        .variadic    = true,
        .params_size = sizeof(BincountParams),
        .params      = BINCOUNT_PARAMS,
        .infer       = infer_bincount_blocks,
        .run         = bincount_run,
        .core_in     = { CORE_ALL },
        .core_out    = { CORE_ALL },
        .step        = bincount_step,
        .follows     = 3,
        .stacks      = true,
};

static int infer_bincount(const OpCall *call, Spec *out, Error *err) {
        const BincountParams *p = call->params;
        const DType t           = call->in[0].dtype;
        const int ndim          = call->in[0].shape.ndim;

        if (ndim != 1)
                return error_set(err, ERROR_VALUE,
                                 ndim ? "object too deep for desired array"
                                      : "object of too small depth for desired array");
        if (!dtype_can_cast(t, DTYPE_I64, CASTING_SAFE))
                return error_set(
                        err, ERROR_TYPE,
                        "Cannot cast array data from dtype('%s') to dtype('int64') according to the rule 'safe'",
                        dtype_name(t));
        if (p->n < 0 || p->n > MAX_BINS)
                return error_set(err, ERROR_VALUE, "bincount of %lld numbers: from 0 to %d", (long long) p->n,
                                 MAX_BINS);
        *out = (Spec) { .dtype = call->n_in > 1 ? DTYPE_F64 : DTYPE_I64, .shape = { .ndim = 1, .dim = { p->n } } };
        return check_weights(call, 1, err);
}

static int expand_bincount(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const BincountParams *p = call->params;
        const bool weighted     = call->n_in > 1;
        Ref x[2]                = { build_cast(b, in[0], DTYPE_I64) };

        if (call->in[0].shape.dim[0] == 0) {
                *out = build_no_counts(b, p->n, weighted);
                return build_done(b);
        }
        if (weighted)
                x[1] = build_cast(b, in[1], DTYPE_F64);
        *out = build_reduce(b, "sum", build_op(b, "bincount_blocks", p, call->n_in, x), DIMS(0), false, DTYPE_NONE);
        return build_done(b);
}

OP(bincount) = {
        .name = "bincount",
        .doc = "How often each of the numbers 0 … n - 1 occurs in a vector; with weights as second input, the sums of "
               "their weights.\n\n"
               "Raises ValueError where there are others.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "*arrays",
        .n_in        = 1,
        .variadic    = true,
        .params_size = sizeof(BincountParams),
        .params      = BINCOUNT_PARAMS,
        .infer       = infer_bincount,
        .expand      = expand_bincount,
};

/* ---- histogram
 * ------------------------------------------------------------------------------------------------------ */

/* Edges as doubles, and how to guess a bin if they are nearly at equal distances. Bin k holds edge[k] <= x < edge[k
 * + 1], the last one its end too: a guess is corrected until that is so, hence never an answer. */
typedef struct Edges {
        const double *edge;
        int64_t n_bin;
        double per_unit; /* 0: do not guess */
} Edges;

static Edges edges_of(const double *edge, int64_t n_bin) {
        Edges e            = { .edge = edge, .n_bin = n_bin };
        const double width = (edge[n_bin] - edge[0]) / (double) n_bin;

        if (!(width > 0) || !(1 / width < __builtin_inf()) || !(width < __builtin_inf()))
                return e;
        for (int64_t k = 1; k < n_bin; k++) {
                const double off = (edge[k] - edge[0]) / width - (double) k;

                if (!(off < FAR && off > -FAR))
                        return e;
        }
        e.per_unit = 1 / width;
        return e;
}

/* Of edge[0] <= x <= edge[n_bin]. */
static int64_t bin_of_double(const Edges *e, double x) {
        int64_t lo = 0, length = e->n_bin;

        if (e->per_unit > 0) {
                int64_t k = i64_from_f64((x - e->edge[0]) * e->per_unit);
                int tried = 0;

                k = k < 0 ? 0 : MIN(k, e->n_bin - 1);
                for (; x < e->edge[k] && tried < 2 * FAR; tried++)
                        k--;
                for (; k < e->n_bin - 1 && x >= e->edge[k + 1] && tried < 2 * FAR; tried++)
                        k++;
                if (tried < 2 * FAR)
                        return k;
        }
        for (; length > 1; length -= length / 2) /* the last edge that is not above x */
                lo += e->edge[lo + length / 2] <= x ? length / 2 : 0;
        return lo;
}

static int64_t bin_of_key(const uint64_t *edge, int64_t n_bin, uint64_t x) {
        int64_t lo = 0;

        for (int64_t length = n_bin; length > 1; length -= length / 2)
                lo += edge[lo + length / 2] <= x ? length / 2 : 0;
        return lo;
}

static void add_to_bin(BlockRun *run, int64_t bin, int64_t i) {
        if (run->n_in > 2)
                ((double *) run->out[0].data)[bin] += weight_at(&run->in[2], i);
        else
                ((int64_t *) run->out[0].data)[bin]++;
}

static int histogram_run(BlockRun *run, _unused_ Error *err) {
        const View *x = &run->in[0], *edges = &run->in[1];
        const int64_t n = x->shape.dim[0], n_bin = edges->shape.dim[0] - 1;

        memset(run->out[0].data, 0, (size_t) n_bin * sizeof(int64_t));
        if (x->dtype == DTYPE_F64) {
                double *edge = run->scratch;

                for (int64_t k = 0; k <= n_bin; k++)
                        edge[k] = weight_at(edges, k);
                const Edges e = edges_of(edge, n_bin);

                for (int64_t i = 0; i < n; i++) {
                        const double v = weight_at(x, i);

                        if (v >= edge[0] && v <= edge[n_bin]) /* NaN is in no bin */
                                add_to_bin(run, bin_of_double(&e, v), i);
                }
                return 0;
        }
        uint64_t *edge = run->scratch, key[STRIP];

        order_keys(x->dtype, 0, edges->data, edges->stride[0], n_bin + 1, edge);
        for (int64_t from = 0; from < n; from += STRIP) {
                const int64_t length = MIN(n - from, (int64_t) STRIP);

                order_keys(x->dtype, 0, x->data + from * x->stride[0], x->stride[0], length, key);
                for (int64_t i = 0; i < length; i++)
                        if (key[i] >= edge[0] && key[i] <= edge[n_bin])
                                add_to_bin(run, bin_of_key(edge, n_bin, key[i]), from + i);
        }
        return 0;
}

static int64_t histogram_step(const OpCall *call) {
        return block_of_bins(call->in[1].shape.dim[0] - 1);
}

static size_t histogram_scratch(const OpCall *call) {
        return (size_t) call->in[1].shape.dim[0] * sizeof(uint64_t);
}

static int infer_histogram_blocks(const OpCall *call, Spec *out, Error *err) {
        if (call->n_in < 2 || call->in[1].shape.dim[0] < 2)
                return error_set(err, ERROR_VALUE, "a histogram has at least one bin");
        return infer_blocks(call, call->in[1].shape.dim[0] - 1, call->n_in > 2, out);
}

OP(histogram_blocks) = {
        .name     = "histogram_blocks",
        .doc      = "How many elements of blocks of a vector lie between edges; or the sums of their weights.",
        .family   = FAMILY_EXCHANGE,
        .hidden   = true,
        .inputs   = "*arrays",
        .n_in     = 2,
        .variadic = true,
        .infer    = infer_histogram_blocks,
        .run      = histogram_run,
        .scratch  = histogram_scratch,
        .core_in  = { CORE_ALL },
        .core_out = { CORE_ALL },
        .step     = histogram_step,
        .follows  = 5,
        .stacks   = true,
};

static int infer_histogram(const OpCall *call, Spec *out, Error *err) {
        const Shape *edges = &call->in[1].shape;

        if (call->n_in < 2)
                return error_set(err, ERROR_TYPE, "histogram takes elements and edges");
        if (edges->ndim != 1)
                return error_set(err, ERROR_VALUE, "`bins` must be 1d, when an array");
        if (edges->dim[0] == 0)
                return error_set(err, ERROR_VALUE, "a histogram has at least one edge");
        if (edges->dim[0] > MAX_BINS)
                return error_set(err, ERROR_VALUE, "a histogram of more than %d bins", MAX_BINS);
        for (int i = 0; i < 2; i++)
                if (dtype_kind(call->in[i].dtype) == KIND_COMPLEX)
                        return error_set(err, ERROR_TYPE, "a histogram is of real numbers");
        *out = (Spec) { .dtype = call->n_in > 2 ? DTYPE_F64 : DTYPE_I64,
                        .shape = { .ndim = 1, .dim = { edges->dim[0] == UNKNOWN ? UNKNOWN : edges->dim[0] - 1 } } };
        return check_weights(call, 2, err);
}

static int expand_histogram(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const bool weighted = call->n_in > 2;
        const int64_t n = shape_size(&call->in[0].shape), n_bin = call->in[1].shape.dim[0] - 1;
        const Shape flat = { .ndim = 1, .dim = { n } };
        const OpCall two = { .op = call->op, .n_in = 2, .in = call->in };
        DType t          = infer_promote(&two, 0);
        Ref x[3];

        if (n == 0 || n_bin == 0) {
                *out = build_no_counts(b, n_bin, weighted);
                return build_done(b);
        }
        if (t != DTYPE_I64 && t != DTYPE_U64)
                t = DTYPE_F64; /* holds all others */
        x[0] = build_reshape(b, build_cast(b, in[0], t), &flat);
        x[1] = build_cast(b, in[1], t);
        if (weighted)
                x[2] = build_reshape(b, build_cast(b, in[2], DTYPE_F64), &flat);
        *out = build_reduce(b, "sum", build_op(b, "histogram_blocks", NULL, call->n_in, x), DIMS(0), false, DTYPE_NONE);
        return build_done(b);
}

OP(histogram) = {
        .name   = "histogram",
        .doc    = "How many elements lie in each bin between ascending edges; with weights as third input, the sums of "
                  "their weights.\n\n"
                  "A bin has its lower edge and not its upper one, but the last bin has both. Elements outside, and "
                  "NaNs, "
                  "are in none. "
                  "Edges at equal distances are fast.",
        .family = FAMILY_EXCHANGE,
        .inputs = "*arrays",
        .n_in   = 2,
        .variadic = true,
        .infer    = infer_histogram,
        .expand   = expand_histogram,
};
