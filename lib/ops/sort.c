/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting along the last axis, stable, NaNs last, as NumPy orders.
 *
 * Runs of RUN elements are sorted, each in one task; then each task of the second stage makes RUN neighbouring elements of the
 * result: it finds by bisection over the keys how much of every run lies before its first and its last rank, gathers those parts,
 * and sorts them. So there are no samples and no skew: any input, equal elements included, gives equal tasks.
 *
 * Elements are sorted by unsigned keys that order as they do (ops/order.h), by the highest bits in which they differ: those of n
 * keys are dealt into about n buckets, stably, and each bucket of more than FEW is sorted in the same way. Random float64 cost
 * 12 ns each in a run of 2^20, comparisons 80; digits from the lowest one up, which need a pass for each, cost 25. Where an index
 * goes along, it goes along. */
#include <string.h>

#include "graph/graph.h"
#include "ops/order.h"

enum {
        RUN         = 1 << 20, /* elements: keys and their copies, 16 MiB, stay in the last cache */
        FEW         = 16,      /* no more are inserted */
        MANY        = 1 << 16, /* more are dealt into BUCKETS buckets, others into half as many: counters stay in the first cache */
        BUCKET_BITS = 11,
        BUCKETS     = 1 << BUCKET_BITS,
};

/* ---- Sorting keys, with what belongs to them ---------------------------------------------------------------------- */

/* An element of the sort: its key and where it stands among the task's elements. */
typedef struct Item {
        uint64_t key;
        uint64_t at;
} Item;

#define KEY_ITSELF(x) (x)
#define KEY_OF_ITEM(x) ((x).key)

/* Makes sort_name(): n elements of `from`, which end there, or in `to` (of the same size, overwritten in both cases). Every level
 * takes at least four bits of the key. */
#define SORT_LOOP_(name, T, K, key_of)                                                                                 \
        static void insert_##name(T *x, int64_t n) {                                                                   \
                for (int64_t i = 1; i < n; i++) {                                                                      \
                        const T v = x[i];                                                                              \
                        int64_t k;                                                                                     \
                                                                                                                       \
                        for (k = i; k > 0 && key_of(x[k - 1]) > key_of(v); k--)                                        \
                                x[k] = x[k - 1];                                                                       \
                        x[k] = v;                                                                                      \
                }                                                                                                      \
        }                                                                                                              \
        static bool ascends_##name(const T *x, int64_t n) {                                                            \
                for (int64_t i = 1; i < n; i++)                                                                        \
                        if (key_of(x[i - 1]) > key_of(x[i]))                                                           \
                                return false;                                                                          \
                return true;                                                                                           \
        }                                                                                                              \
        static void sort_##name(T *from, T *to, int64_t n, bool in_to) {                                               \
                uint32_t end[BUCKETS];                                                                                 \
                K differ = 0;                                                                                          \
                                                                                                                       \
                if (n > FEW)                                                                                           \
                        for (int64_t i = 1; i < n; i++)                                                                \
                                differ |= (K) (key_of(from[i]) ^ key_of(from[0]));                                     \
                else                                                                                                   \
                        insert_##name(from, n);                                                                        \
                if (differ == 0) {                                                                                     \
                        if (in_to)                                                                                     \
                                memcpy(to, from, (size_t) n * sizeof(T));                                              \
                        return;                                                                                        \
                }                                                                                                      \
                const int range = 64 - __builtin_clzll((uint64_t) differ), wanted = 64 - __builtin_clzll((uint64_t) n); \
                const int bits = MIN(range, MIN(wanted, n > MANY ? BUCKET_BITS : BUCKET_BITS - 1));                    \
                const int shift = range - bits;                                                                        \
                const uint32_t mask = (1U << bits) - 1;                                                                \
                uint32_t sum = 0;                                                                                      \
                                                                                                                       \
                memset(end, 0, sizeof(*end) << bits);                                                                  \
                for (int64_t i = 0; i < n; i++)                                                                        \
                        end[(uint32_t) (key_of(from[i]) >> shift) & mask]++;                                           \
                for (uint32_t d = 0; d <= mask; d++) {                                                                 \
                        const uint32_t count = end[d];                                                                 \
                                                                                                                       \
                        end[d] = sum;                                                                                  \
                        sum += count;                                                                                  \
                }                                                                                                      \
                for (int64_t i = 0; i < n; i++)                                                                        \
                        to[end[(uint32_t) (key_of(from[i]) >> shift) & mask]++] = from[i];                             \
                if (shift == 0) {                                                                                      \
                        if (!in_to)                                                                                    \
                                memcpy(from, to, (size_t) n * sizeof(T));                                              \
                        return;                                                                                        \
                }                                                                                                      \
                for (uint32_t d = 0, begin = 0; d <= mask; begin = end[d++]) {                                         \
                        const uint32_t length = end[d] - begin;                                                        \
                                                                                                                       \
                        if (length > 1)                                                                                \
                                sort_##name(to + begin, from + begin, length, !in_to);                                 \
                        else if (length == 1 && !in_to)                                                                \
                                from[begin] = to[begin];                                                               \
                }                                                                                                      \
        }
SORT_LOOP_(keys_32, uint32_t, uint32_t, KEY_ITSELF)
SORT_LOOP_(keys_64, uint64_t, uint64_t, KEY_ITSELF)
SORT_LOOP_(items, Item, uint64_t, KEY_OF_ITEM)

/* ---- One row ---------------------------------------------------------------------------------------------------------- */

/* Memory for a row of n: items and their copies. */
static size_t row_scratch(int64_t n) {
        return (size_t) n * 2 * sizeof(Item);
}

/* item[i].at: the position of the i-th smallest of n strided elements. */
static void order_row(DType t, const char *in, int64_t stride, int64_t n, Item *item, Item *other) {
        uint64_t *key = (uint64_t *) other;

        for (int c = n_order_keys(t); c-- > 0;) { /* the more significant key last: sorting is stable */
                order_keys(t, c, in, stride, n, key);
                if (c == n_order_keys(t) - 1)
                        for (int64_t i = 0; i < n; i++)
                                item[i] = (Item) { key[i], (uint64_t) i };
                else {
                        for (int64_t i = 0; i < n; i++)
                                item[i].key = key[item[i].at];
                }
                if (!ascends_items(item, n))
                        sort_items(item, other, n, false);
        }
}

static void sort_row(DType t, const char *in, int64_t stride, int64_t n, char *out, void *scratch) {
        const size_t size = dtype_size(t);

        if (value_keys_32[t]) {
                uint32_t *key = scratch;

                value_keys_32[t](in, stride, n, key);
                if (!ascends_keys_32(key, n))
                        sort_keys_32(key, key + n, n, false);
                of_keys_32[t](key, n, out);
        } else if (value_keys_64[t]) {
                uint64_t *key = scratch;

                value_keys_64[t](in, stride, n, key);
                if (!ascends_keys_64(key, n))
                        sort_keys_64(key, key + n, n, false);
                of_keys_64[t](key, n, out);
        } else {
                Item *item = scratch;

                order_row(t, in, stride, n, item, item + n);
                for (int64_t i = 0; i < n; i++)
                        memcpy(out + i * (int64_t) size, in + (int64_t) item[i].at * stride, size);
        }
}

/* Calls row() for each row of the batch axes. */
static int each_row(BlockRun *run, void (*row)(BlockRun *run, const char *in, char *const *out)) {
        const View *in = &run->in[0];
        const int last = in->shape.ndim - 1;
        int64_t at[MAX_NDIM] = {};

        if (shape_size(&in->shape) == 0)
                return 0;
        for (;;) {
                const char *from = in->data;
                char *to[2] = {};
                int k;

                for (uint32_t o = 0; o < run->n_out; o++)
                        to[o] = run->out[o].data;
                for (k = 0; k < last; k++) {
                        from += at[k] * in->stride[k];
                        for (uint32_t o = 0; o < run->n_out; o++)
                                to[o] += at[k] * run->out[o].stride[k];
                }
                row(run, from, to);
                for (k = last; k-- > 0;) {
                        if (++at[k] < in->shape.dim[k])
                                break;
                        at[k] = 0;
                }
                if (k < 0)
                        return 0;
        }
}

static int64_t last_length(const Shape *s) {
        return s->dim[s->ndim - 1];
}

static void values_row(BlockRun *run, const char *in, char *const *out) {
        const View *v = &run->in[0];

        sort_row(v->dtype, in, v->stride[v->shape.ndim - 1], last_length(&v->shape), out[0], run->scratch);
}

static void order_row_out(BlockRun *run, const char *in, char *const *out) {
        const View *v = &run->in[0];
        const int64_t n = last_length(&v->shape), stride = v->stride[v->shape.ndim - 1], first = run->box[0].lo[v->shape.ndim - 1];
        const size_t size = dtype_size(v->dtype);
        Item *item = run->scratch;

        order_row(v->dtype, in, stride, n, item, item + n);
        for (int64_t i = 0; i < n; i++) {
                memcpy(out[0] + i * (int64_t) size, in + (int64_t) item[i].at * stride, size);
                ((int64_t *) out[1])[i] = first + (int64_t) item[i].at;
        }
}

static int sort_runs_run(BlockRun *run, _unused_ Error *err) {
        return each_row(run, values_row);
}

static int argsort_runs_run(BlockRun *run, _unused_ Error *err) {
        return each_row(run, order_row_out);
}

static size_t runs_scratch(const OpCall *call) {
        return row_scratch(MIN(last_length(&call->in[0].shape), (int64_t) RUN));
}

static int64_t run_step(_unused_ const OpCall *call) {
        return RUN;
}

static int infer_runs(const OpCall *call, Spec *out, _unused_ Error *err) {
        out[0] = call->in[0];
        if (op_n_out(call->op) > 1)
                out[1] = (Spec) { .dtype = DTYPE_I64, .shape = call->in[0].shape };
        return 0;
}

OP(sort_runs) = {
        .name     = "sort_runs",
        .doc      = "Runs of the last axis, each sorted.",
        .family   = FAMILY_EXCHANGE,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .infer    = infer_runs,
        .run      = sort_runs_run,
        .scratch  = runs_scratch,
        .core_in  = { 1 },
        .core_out = { 1 },
        .step     = run_step,
        .follows  = 1,
};

OP(argsort_runs) = {
        .name     = "argsort_runs",
        .doc      = "Runs of the last axis, each sorted, and where its elements were.",
        .family   = FAMILY_EXCHANGE,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .n_out    = 2,
        .infer    = infer_runs,
        .run      = argsort_runs_run,
        .scratch  = runs_scratch,
        .core_in  = { 1 },
        .core_out = { 1, 1 },
        .step     = run_step,
        .follows  = 1,
};

/* ---- Merging runs by rank ------------------------------------------------------------------------------------------------ */

/* Sorted runs of one row. The runs are a stage's chunks; they need not lie one behind the other. */
typedef struct Runs {
        DType dtype;
        bool by_order;       /* sorted by the order keys, else by the value keys */
        int64_t n, n_run;    /* elements of the row, its runs */
        const char **first;  /* of each run */
        int64_t *stride;     /* of its elements */
} Runs;

static int64_t run_length(const Runs *runs, int64_t r) {
        return MIN(runs->n - r * RUN, (int64_t) RUN);
}

static unsigned __int128 key_at(const Runs *runs, int64_t r, int64_t i) {
        const char *at = runs->first[r] + i * runs->stride[r];

        return runs->by_order ? wide_order_key(runs->dtype, at) : value_key(runs->dtype, at);
}

/* How many of elements [lo, hi) of a run have keys below `key`, added to lo. */
static int64_t rank_in_run(const Runs *runs, int64_t r, int64_t lo, int64_t hi, unsigned __int128 key) {
        while (lo < hi) {
                const int64_t mid = lo + (hi - lo) / 2;

                if (key_at(runs, r, mid) < key)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

/* below[r]: how many elements of run r are among the `rank` smallest of all; of equal ones those of earlier runs come first.
 *
 * The key of the element at `rank` is found bit by bit: it is the largest one with no more than `rank` elements below it. What
 * elements a run has below the bits found so far, and below those with all others set, are bounds that close in on each other. */
static void split_at(const Runs *runs, int64_t rank, int64_t *below, int64_t *above, int64_t *middle) {
        const int bits             = key_bits(runs->dtype) + (n_order_keys(runs->dtype) > 1 ? 64 : 0);
        unsigned __int128 key      = 0;
        int64_t before             = 0;

        for (int64_t r = 0; r < runs->n_run; r++) {
                below[r] = 0;
                above[r] = run_length(runs, r);
        }
        if (rank == runs->n) {
                memcpy(below, above, (size_t) runs->n_run * sizeof(int64_t));
                return;
        }
        for (int b = bits; b-- > 0;) {
                const unsigned __int128 trial = key | (unsigned __int128) 1 << b;
                int64_t sum                   = 0;

                for (int64_t r = 0; r < runs->n_run; r++)
                        sum += middle[r] = rank_in_run(runs, r, below[r], above[r], trial);
                if (sum <= rank)
                        key = trial;
                memcpy(sum <= rank ? below : above, middle, (size_t) runs->n_run * sizeof(int64_t));
        }
        /* Now the elements from below[r] to above[r] are those with that key. */
        for (int64_t r = 0; r < runs->n_run; r++)
                before += below[r];
        for (int64_t r = 0; r < runs->n_run && before < rank; r++) {
                const int64_t taken = MIN(above[r] - below[r], rank - before);

                below[r] += taken;
                before += taken;
        }
}

/* Where the runs of a row lie: at[k] is the row's index along batch axis k, from the task's first. */
static int find_runs(const BlockRun *run, uint32_t input, const int64_t *at, Runs *runs, Error *err) {
        const int last       = run->box[input].ndim - 1;
        const Piece *piece   = run->piece[input];
        const uint32_t n     = run->n_piece[input];
        uint32_t next        = 0;

        for (int64_t r = 0; r < runs->n_run; r++) {
                const View *v = &run->in[input];
                const Box *box = &run->box[input];

                if (!v->data) {
                        uint32_t tried = 0;

                        for (;; next = next + 1 == n ? 0 : next + 1, tried++) {
                                bool inside = true;

                                if (tried == n)
                                        return error_set(err, -ENOENT, "run %lld is not in one chunk", (long long) r);
                                v   = &piece[next].view;
                                box = &piece[next].box;
                                for (int k = 0; k < last; k++) {
                                        const int64_t x = run->box[input].lo[k] + at[k];

                                        inside &= x >= box->lo[k] && x < box->hi[k];
                                }
                                if (inside && box->lo[last] <= r * RUN && box->hi[last] >= r * RUN + run_length(runs, r))
                                        break;
                        }
                }
                runs->first[r]  = v->data + (r * RUN - box->lo[last]) * v->stride[last];
                runs->stride[r] = v->stride[last];
                for (int k = 0; k < last; k++)
                        runs->first[r] += (run->box[input].lo[k] + at[k] - box->lo[k]) * v->stride[k];
        }
        return 0;
}

static size_t part_bytes(int64_t n, DType t) {
        return ((size_t) n * dtype_size(t) + 15) / 16 * 16;
}

/* Per run: where it begins and ends in the task's part, a bound, two places and their strides. */
enum { RUN_WORDS = 8 };

static void copy_run(char *to, const char *from, int64_t stride, int64_t n, size_t size) {
        if (stride == (int64_t) size)
                memcpy(to, from, (size_t) n * size);
        else
                for (int64_t i = 0; i < n; i++)
                        memcpy(to + i * (int64_t) size, from + i * stride, size);
}

/* The elements of one row in the task's interval of ranks; or, of runs with indices, the indices of those elements. */
static int merge_row(BlockRun *run, const int64_t *at, char *out, Error *err) {
        const int last      = run->box[0].ndim - 1;
        const bool by_index = run->n_in > 1;
        const DType t       = run->in[0].dtype;
        const size_t size   = dtype_size(t);
        const int64_t n     = run->box[0].hi[last], n_run = div_up(n, RUN);
        const int64_t lo = run->domain->lo[last], hi = run->domain->hi[last];
        int64_t *begin = run->scratch, *end = begin + n_run, *above = end + n_run, *middle = above + n_run, n_part = 0;
        Runs runs = { .dtype    = t,
                      .by_order = by_index || n_order_keys(t) > 1,
                      .n        = n,
                      .n_run    = n_run,
                      .first    = (const char **) (middle + n_run),
                      .stride   = middle + 2 * n_run };
        Runs index   = { .n = n, .n_run = n_run, .first = (const char **) (middle + 3 * n_run), .stride = middle + 4 * n_run };
        char *part   = (char *) run->scratch + ((size_t) (n_run * RUN_WORDS) * sizeof(int64_t) + 15) / 16 * 16;
        char *number = part + part_bytes(hi - lo, t);
        Item *item   = (Item *) (number + part_bytes(by_index ? hi - lo : 0, DTYPE_I64));
        int r;

        r = find_runs(run, 0, at, &runs, err);
        if (r >= 0 && by_index)
                r = find_runs(run, 1, at, &index, err);
        if (r < 0)
                return r;
        split_at(&runs, lo, begin, above, middle);
        split_at(&runs, hi, end, above, middle);
        for (int64_t k = 0; k < n_run; k++) {
                const int64_t length = end[k] - begin[k];

                copy_run(part + n_part * (int64_t) size, runs.first[k] + begin[k] * runs.stride[k], runs.stride[k], length, size);
                if (by_index)
                        copy_run(number + n_part * 8, index.first[k] + begin[k] * index.stride[k], index.stride[k], length, 8);
                n_part += length;
        }
        assert(n_part == hi - lo);
        if (!by_index) {
                sort_row(t, part, (int64_t) size, n_part, out, item);
                return 0;
        }
        order_row(t, part, (int64_t) size, n_part, item, item + n_part);
        for (int64_t i = 0; i < n_part; i++)
                memcpy(out + i * 8, number + (int64_t) item[i].at * 8, 8);
        return 0;
}

static int merge_runs_run(BlockRun *run, Error *err) {
        const View *out = &run->out[0];
        const int last  = out->shape.ndim - 1;
        int64_t at[MAX_NDIM] = {};

        if (shape_size(&out->shape) == 0)
                return 0;
        for (;;) {
                char *to = out->data;
                int k, r;

                for (k = 0; k < last; k++)
                        to += at[k] * out->stride[k];
                r = merge_row(run, at, to, err);
                if (r < 0)
                        return r;
                for (k = last; k-- > 0;) {
                        if (++at[k] < out->shape.dim[k])
                                break;
                        at[k] = 0;
                }
                if (k < 0)
                        return 0;
        }
}

static size_t merge_scratch(const OpCall *call) {
        const int64_t n = last_length(&call->in[0].shape), part = MIN(n, (int64_t) RUN);

        return ((size_t) (div_up(n, RUN) * RUN_WORDS) * sizeof(int64_t) + 15) / 16 * 16 + part_bytes(part, call->in[0].dtype) +
               part_bytes(call->n_in > 1 ? part : 0, DTYPE_I64) + row_scratch(part);
}

static int infer_argmerge(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[1];
        return 0;
}

OP(merge_runs) = {
        .name         = "merge_runs",
        .doc          = "The last axis sorted, from its sorted runs.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "a",
        .n_in         = 1,
        .infer        = infer_runs,
        .run          = merge_runs_run,
        .scratch      = merge_scratch,
        .core_in      = { 1 },
        .core_out     = { 1 },
        .step         = run_step,
};

OP(argmerge_runs) = {
        .name         = "argmerge_runs",
        .doc          = "Where the elements of the sorted last axis were, from sorted runs and their indices.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "a, index",
        .n_in         = 2,
        .infer        = infer_argmerge,
        .run          = merge_runs_run,
        .scratch      = merge_scratch,
        .core_in      = { 1, 1 },
        .core_out     = { 1 },
        .step         = run_step,
};

/* ---- The public operators ------------------------------------------------------------------------------------------------------ */

typedef struct SortParams {
        int64_t axis;
} SortParams;

#define SORT_PARAMS                                                                                                    \
        (const Param[]) {                                                                                              \
                PARAM(SortParams, axis, PARAM_I64, "-1", "Along which axis."), {}                                      \
        }

static int infer_sort(const OpCall *call, Spec *out, Error *err) {
        const SortParams *p = call->params;
        int axis;
        int r;

        r = axis_normalize(p->axis, call->in[0].shape.ndim, &axis, err);
        if (r < 0)
                return r;
        *out = call->in[0];
        if (strcmp(call->op->name, "argsort") == 0)
                out->dtype = DTYPE_I64;
        return 0;
}

static int expand_sort(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const SortParams *p = call->params;
        const bool arg      = strcmp(call->op->name, "argsort") == 0;
        const Shape *s      = &call->in[0].shape;
        int axes[MAX_NDIM], axis;
        Ref x = in[0], runs[2];

        if (axis_normalize(p->axis, s->ndim, &axis, b->err) < 0)
                return b->r = ERROR_AXIS;
        for (int k = 0; k < s->ndim; k++)
                axes[k] = k;
        axes[axis]        = s->ndim - 1;
        axes[s->ndim - 1] = axis;
        if (axis != s->ndim - 1)
                x = build_transpose(b, x, axes);
        runs[0] = build_op(b, arg ? "argsort_runs" : "sort_runs", NULL, 1, &x);
        runs[1] = (Ref) { runs[0].node, 1 };
        if (s->dim[axis] <= RUN)
                x = arg ? runs[1] : runs[0];
        else
                x = build_op(b, arg ? "argmerge_runs" : "merge_runs", NULL, arg ? 2 : 1, runs);
        if (axis != s->ndim - 1)
                x = build_transpose(b, x, axes);
        *out = x;
        return build_done(b);
}

OP(sort) = {
        .name        = "sort",
        .doc         = "The elements in ascending order along an axis, NaNs last.\n\nEqual zeros come out as 0.0.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(SortParams),
        .params      = SORT_PARAMS,
        .infer       = infer_sort,
        .expand      = expand_sort,
};

OP(argsort) = {
        .name        = "argsort",
        .doc         = "The indices that sort along an axis; stable: equal elements stay in their order.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(SortParams),
        .params      = SORT_PARAMS,
        .infer       = infer_sort,
        .expand      = expand_sort,
};
