/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting along the last axis, stable, NaNs last, as NumPy orders; and unique values, which are sorted ones less
 * their repetitions.
 *
 * Runs of RUN elements are sorted, each in one task; then each task of the second stage makes RUN neighbouring
 * elements of the
 * result: it finds by bisection over the keys how much of every run lies before its first and its last rank, gathers
 * those parts, and sorts them. So there are no samples and no skew: any input, equal elements included, gives equal
 * tasks. */
#include "ops/columns.h"

/* ---- Runs
 * ------------------------------------------------------------------------------------------------------------ */

static void values_row(BlockRun *run, const char *in, char *const *out, _unused_ void *userdata) {
        const View *v = &run->in[0];

        sort_row(v->dtype, in, v->stride[v->shape.ndim - 1], last_length(&v->shape), out[0], run->scratch);
}

static void order_row_out(BlockRun *run, const char *in, char *const *out, _unused_ void *userdata) {
        const View *v = &run->in[0];
        const int64_t n = last_length(&v->shape), stride = v->stride[v->shape.ndim - 1],
                      first = run->box[0].lo[v->shape.ndim - 1];
        Item *item = run->scratch;

        order_row(v->dtype, in, stride, n, item, item + n);
        gather_items(in, stride, item, n, dtype_size(v->dtype), out[0]);
        for (int64_t i = 0; i < n; i++)
                ((int64_t *) out[1])[i] = first + (int64_t) item[i].at;
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

static int64_t sort_runs_step(const OpCall *call) {
        return ((const RunsParams *) call->params)->run ?: RUN;
}

static size_t sort_runs_scratch(const OpCall *call) {
        return block_scratch(call->in[0].dtype, MIN(last_length(&call->in[0].shape), sort_runs_step(call)));
}

static int infer_runs(const OpCall *call, Spec *out, _unused_ Error *err) {
        out[0] = call->in[0];
        if (op_n_out(call->op) > 1)
                out[1] = (Spec) { .dtype = DTYPE_I64, .shape = call->in[0].shape };
        return 0;
}

OP(sort_runs) = {
        .name        = "sort_runs",
        .doc         = "Runs of the last axis, each sorted.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(RunsParams),
        .params      = (const Param[]) { PARAM(RunsParams, run, PARAM_I64, "0",
                                               "Elements of a run; 0: as many as are best."),
                                         {} },
        .infer       = infer_runs,
        .run         = sort_runs_run,
        .scratch     = sort_runs_scratch,
        .core_in     = { 1 },
        .core_out    = { 1 },
        .step        = sort_runs_step,
        .follows     = 1,
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

/* ---- Merging runs by rank
 * ------------------------------------------------------------------------------------------------ */

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

/* below[r]: how many elements of run r are among the `rank` smallest of all; of equal ones those of earlier runs
 * come first.
 *
 * The key of the element at `rank` is found bit by bit: it is the largest one with no more than `rank` elements
 * below it. What elements a run has below the bits found so far, and below those with all others set, are bounds
 * that close in on each other. */
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
                                if (inside && box->lo[last] <= r * RUN &&
                                    box->hi[last] >= r * RUN + run_length(runs, r))
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

/* Of runs without indices whose elements can be made of their keys, only these are taken. */
static bool keys_suffice(uint32_t n_in, DType t) {
        return n_in == 1 && n_order_keys(t) == 1;
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

/* The last element of those before `begin` in every run, in order; NULL if there are none. */
static const char *element_before(const Runs *runs, const int64_t *begin) {
        unsigned __int128 most = 0;
        const char *ret        = NULL;

        for (int64_t r = 0; r < runs->n_run; r++)
                if (begin[r] > 0) {
                        const unsigned __int128 key = key_at(runs, r, begin[r] - 1);

                        if (!ret || key >= most) {
                                most = key;
                                ret  = runs->first[r] + (begin[r] - 1) * runs->stride[r];
                        }
                }
        return ret;
}

/* The elements of one row in the task's interval of ranks; or, of runs with indices, the indices of those elements.
 * ret_before: the element that comes before the first one, if anybody asks. */
static int merge_row(BlockRun *run, const int64_t *at, char *out, const char **ret_before, Error *err) {
        const int last      = run->box[0].ndim - 1;
        const bool by_index = run->n_in > 1;
        const DType t       = run->in[0].dtype;
        const bool by_key   = keys_suffice(run->n_in, t);
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
        Runs index = {
                .n = n, .n_run = n_run, .first = (const char **) (middle + 3 * n_run), .stride = middle + 4 * n_run
        };
        char *part   = (char *) run->scratch + ((size_t) (n_run * RUN_WORDS) * sizeof(int64_t) + 15) / 16 * 16;
        char *number = part + (by_key ? 0 : part_bytes(hi - lo, t));
        Item *item   = (Item *) (number + part_bytes(by_index ? hi - lo : 0, DTYPE_I64));
        int r;

        r = find_runs(run, 0, at, &runs, err);
        if (r >= 0 && by_index)
                r = find_runs(run, 1, at, &index, err);
        if (r < 0)
                return r;
        split_at(&runs, lo, begin, above, middle);
        split_at(&runs, hi, end, above, middle);
        if (ret_before)
                *ret_before = element_before(&runs, begin);
        for (int64_t k = 0; k < n_run; k++) {
                const int64_t length = end[k] - begin[k];
                const char *from     = runs.first[k] + begin[k] * runs.stride[k];

                if (by_key)
                        put_keys(t, from, runs.stride[k], length, part, n_part);
                else
                        copy_run(part + n_part * (int64_t) size, from, runs.stride[k], length, size);
                if (by_index)
                        copy_run(number + n_part * 8, index.first[k] + begin[k] * index.stride[k], index.stride[k],
                                 length, 8);
                n_part += length;
        }
        assert(n_part == hi - lo);
        if (by_key)
                sort_by_keys(t, part, n_part, out);
        else if (!by_index)
                sort_row(t, part, (int64_t) size, n_part, out, item);
        else {
                order_row(t, part, (int64_t) size, n_part, item, item + n_part);
                gather_items(number, 8, item, n_part, 8, out);
        }
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
                r = merge_row(run, at, to, NULL, err);
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

        const DType t  = call->in[0].dtype;
        const size_t words = ((size_t) (div_up(n, RUN) * RUN_WORDS) * sizeof(int64_t) + 15) / 16 * 16;

        if (keys_suffice(call->n_in, t))
                return words + block_scratch(t, part);
        return words + part_bytes(part, t) + part_bytes(call->n_in > 1 ? part : 0, DTYPE_I64) + row_scratch(part);
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

/* ---- The public operators
 * ------------------------------------------------------------------------------------------------------ */

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
        if (columns_wanted(b, call->in[0].dtype, s->dim[axis], arg))
                x = arg ? build_argsort_columns(b, x) : build_sort_columns(b, x);
        else {
                runs[0] = build_op(b, arg ? "argsort_runs" : "sort_runs", arg ? NULL : &(RunsParams) {}, 1, &x);
                runs[1] = (Ref) { runs[0].node, 1 };
                if (s->dim[axis] <= RUN)
                        x = arg ? runs[1] : runs[0];
                else
                        x = build_op(b, arg ? "argmerge_runs" : "merge_runs", NULL, arg ? 2 : 1, runs);
        }
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

/* ---- Unique values
 * --------------------------------------------------------------------------------------------------------- */

typedef struct UniqueParams {
        bool equal_nan;
} UniqueParams;

#define UNIQUE_PARAMS                                                                                                  \
        (const Param[]) {                                                                                              \
                PARAM(UniqueParams, equal_nan, PARAM_BOOL, "True", "All NaNs are one value."), {}                      \
        }

#define KEEP_LOOP_(type)                                                                                               \
        static int64_t keep_##type(type *to, const type *from, const bool *keep, int64_t n) {                          \
                int64_t kept = 0;                                                                                      \
                                                                                                                       \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        to[kept] = from[i];                                                                            \
                        kept += keep[i];                                                                               \
                }                                                                                                      \
                return kept;                                                                                           \
        }
KEEP_LOOP_(uint8_t)
KEEP_LOOP_(uint16_t)
KEEP_LOOP_(uint32_t)
KEEP_LOOP_(uint64_t)
KEEP_LOOP_(c128)

/* Moves elements of `size` bytes together; `to` does not come after `from`. */
static int64_t keep_elements(char *to, const char *from, const bool *keep, int64_t n, size_t size) {
        switch (size) {
        case 1: return keep_uint8_t((uint8_t *) to, (const uint8_t *) from, keep, n);
        case 2: return keep_uint16_t((uint16_t *) to, (const uint16_t *) from, keep, n);
        case 4: return keep_uint32_t((uint32_t *) to, (const uint32_t *) from, keep, n);
        case 8: return keep_uint64_t((uint64_t *) to, (const uint64_t *) from, keep, n);
        default: return keep_c128((c128 *) to, (const c128 *) from, keep, n);
        }
}

/* What makes elements the same: their keys, of complex numbers both; any NaN is NAN_KEY if NaNs are equal. */
static void same_keys(DType t, bool equal_nan, const char *in, int64_t n, uint64_t *key, uint64_t *second) {
        const int64_t size = (int64_t) dtype_size(t);
        const uint64_t nan = key_bits(t) == 64 ? UINT64_MAX : (1ULL << key_bits(t)) - 1;

        order_keys(t, 0, in, size, n, key);
        if (n_order_keys(t) == 1)
                return;
        order_keys(t, 1, in, size, n, second);
        for (int64_t i = 0; i < n && equal_nan; i++)
                if (key[i] >= nan - 1)
                        key[i] = second[i] = nan;
}

static bool is_nan_key(DType t, uint64_t key) {
        const uint64_t nan = key_bits(t) == 64 ? UINT64_MAX : (1ULL << key_bits(t)) - 1;

        return dtype_kind(t) == KIND_FLOAT ? key == nan : dtype_kind(t) == KIND_COMPLEX ? key >= nan - 1 : false;
}

/* A task makes its sorted part, then moves together the elements that differ from the ones before them. */
static int unique_runs_run(BlockRun *run, Error *err) {
        const UniqueParams *p = run->params;
        View *out             = &run->out[0];
        const DType t         = out->dtype;
        const size_t size     = dtype_size(t);
        const int64_t first = run->domain->lo[0], n = run->domain->hi[0] - first;
        const bool alone = !p->equal_nan; /* then no NaN is the same as another */
        uint64_t key[STRIP], second[STRIP] = {}, last = 0, last_second = 0;
        const char *before = NULL;
        bool any           = false, keep[STRIP];
        int64_t kept       = 0;
        int r;

        for (uint32_t o = 0; o < run->n_out; o++)
                run->out[o].shape.dim[0] = 0;
        if (n == 0)
                return 0;
        r = merge_row(run, (const int64_t[MAX_NDIM]) {}, out->data, &before, err);
        if (r < 0)
                return r;
        if (before) {
                same_keys(t, p->equal_nan, before, 1, &last, &last_second);
                any = true;
        }
        for (int64_t from = 0, k; from < n; from += k) {
                int64_t *rank = run->n_out > 1 ? (int64_t *) run->out[1].data + kept : NULL;

                k = MIN(n - from, (int64_t) STRIP);
                same_keys(t, p->equal_nan, out->data + from * (int64_t) size, k, key, second);
                keep[0] = !any || key[0] != last || second[0] != last_second || (alone && is_nan_key(t, key[0]));
                for (int64_t i = 1; i < k; i++)
                        keep[i] = (key[i] != key[i - 1]) | (second[i] != second[i - 1]);
                if (alone && is_nan_key(t, key[k - 1])) /* they are the last ones */
                        for (int64_t i = 1; i < k; i++)
                                keep[i] |= is_nan_key(t, key[i]);
                any         = true;
                last        = key[k - 1];
                last_second = second[k - 1];
                if (rank)
                        for (int64_t i = 0, m = 0; i < k; i++) {
                                rank[m] = first + from + i;
                                m += keep[i];
                        }
                kept += keep_elements(out->data + kept * (int64_t) size, out->data + from * (int64_t) size, keep, k,
                                      size);
        }
        for (uint32_t o = 0; o < run->n_out; o++)
                run->out[o].shape.dim[0] = kept;
        return 0;
}

static int infer_unique_runs(const OpCall *call, Spec *out, _unused_ Error *err) {
        out[0]              = call->in[0];
        out[0].shape.dim[0] = UNKNOWN;
        if (op_n_out(call->op) > 1)
                out[1] = (Spec) { .dtype = DTYPE_I64, .shape = out[0].shape };
        return 0;
}

OP(unique_runs) = {
        .name         = "unique_runs",
        .doc          = "The different elements in order, from sorted runs.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "a",
        .n_in         = 1,
        .params_size  = sizeof(UniqueParams),
        .params       = UNIQUE_PARAMS,
        .infer        = infer_unique_runs,
        .run          = unique_runs_run,
        .scratch      = merge_scratch,
        .core_in      = { 1 },
        .core_out     = { 1 },
        .step         = run_step,
        .unknown      = true,
};

OP(unique_ranks) = {
        .name   = "unique_ranks",
        .doc    = "The different elements in order, from sorted runs, and how many elements come before the first of "
                  "each.",
        .family = FAMILY_EXCHANGE,
        .hidden = true,
        .takes_pieces = true,
        .inputs       = "a",
        .n_in         = 1,
        .n_out        = 2,
        .params_size  = sizeof(UniqueParams),
        .params       = UNIQUE_PARAMS,
        .infer        = infer_unique_runs,
        .run          = unique_runs_run,
        .scratch      = merge_scratch,
        .core_in      = { 1 },
        .core_out     = { 1, 1 },
        .step         = run_step,
        .unknown      = true,
};

/* Lengths of the intervals that begin at ascending positions, the last one at p->end. */
typedef struct IntervalsParams {
        int64_t end;
} IntervalsParams;

static int infer_intervals(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[0];
        return 0;
}

static int expand_intervals(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const IntervalsParams *p = call->params;
        const int64_t n          = call->in[0].shape.dim[0];
        const Shape one          = { .ndim = 1, .dim = { 1 } };
        Ref part[2];

        if (n == 0) {
                *out = in[0];
                return 0;
        }
        part[0] = build_slice(b, in[0], 0, 1, n, 1);
        part[1] = build_broadcast(b, build_scalar(b, scalar_from_i64(DTYPE_I64, p->end)), &one);
        *out    = build_binary(b, "subtract", build_concatenate(b, part, 2, 0), in[0]);
        return build_done(b);
}

OP(intervals) = {
        .name        = "intervals",
        .doc         = "Lengths of the intervals that begin at ascending positions.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "begin",
        .n_in        = 1,
        .params_size = sizeof(IntervalsParams),
        .params      = (const Param[]) { PARAM(IntervalsParams, end, PARAM_I64, NULL, "Where the last one ends."), {} },
        .infer       = infer_intervals,
        .expand      = expand_intervals,
};

static int infer_unique(const OpCall *call, Spec *out, _unused_ Error *err) {
        for (uint32_t o = 0; o < op_n_out(call->op); o++)
                out[o] = (Spec) { .dtype = o == 0 ? call->in[0].dtype : DTYPE_I64,
                                  .shape = { .ndim = 1, .dim = { UNKNOWN } } };
        return 0;
}

/* Of a vector in order: whether an element differs from the one before it. */
static Ref build_differs(Build *b, Ref x, bool equal_nan) {
        const Spec spec    = *build_spec(b, x);
        const int64_t n    = spec.shape.dim[0];
        const Shape one    = { .ndim = 1, .dim = { 1 } };
        const Ref left     = build_slice(b, x, 0, 0, n - 1, 1), right = build_slice(b, x, 0, 1, n, 1);
        const DKind kind     = dtype_kind(spec.dtype);
        Ref part[2];

        part[0] = build_broadcast(b, build_scalar(b, scalar_from_i64(DTYPE_BOOL, 1)), &one);
        part[1] = build_binary(b, "not_equal", left, right);
        if (equal_nan && (kind == KIND_FLOAT || kind == KIND_COMPLEX)) {
                const Ref both =
                        build_binary(b, "logical_and", build_unary(b, "isnan", left), build_unary(b, "isnan", right));

                part[1] = build_binary(b, "logical_and", part[1], build_unary(b, "logical_not", both));
        }
        return build_concatenate(b, part, ELEMENTSOF(part), 0);
}

/* What no task may take is sorted in columns and then compared with itself. */
static int expand_unique_columns(Build *b, const OpCall *call, Ref x, Ref *out) {
        const int64_t n              = build_spec(b, x)->shape.dim[0];
        const ArangeParams positions = { .source = { .shape = DIMS(n), .dtype = DTYPE_I64 },
                                         .start  = scalar_from_i64(DTYPE_I64, 0),
                                         .step   = scalar_from_i64(DTYPE_I64, 1) };
        Ref kept[2];

        kept[0] = build_sort_columns(b, x);
        kept[1] = build_differs(b, kept[0], ((const UniqueParams *) call->params)->equal_nan);
        out[0]  = build_op(b, "compress_rows", NULL, 2, kept);
        if (op_n_out(call->op) > 1) {
                kept[0] = build_op(b, "arange", &positions, 0, NULL);
                kept[0] = build_op(b, "compress_rows", NULL, 2, kept);
                out[1]  = build_op(b, "intervals", &(IntervalsParams) { n }, 1, kept);
        }
        return build_done(b);
}

static int expand_unique(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const Shape flat  = { .ndim = 1, .dim = { shape_size(&call->in[0].shape) } };
        const bool counts = op_n_out(call->op) > 1;
        Ref x             = build_reshape(b, in[0], &flat);

        if (columns_wanted(b, call->in[0].dtype, flat.dim[0], false))
                return expand_unique_columns(b, call, x, out);
        x      = build_op(b, "sort_runs", &(RunsParams) {}, 1, &x);
        x      = build_op(b, counts ? "unique_ranks" : "unique_runs", call->params, 1, &x);
        out[0] = x;
        if (counts) {
                const Ref ranks = { x.node, 1 };

                out[1] = build_op(b, "intervals", &(IntervalsParams) { flat.dim[0] }, 1, &ranks);
        }
        return build_done(b);
}

OP(unique) = {
        .name   = "unique",
        .doc    = "The different elements in order, as a vector.\n\nOf equal elements with different bits, zeros and "
                  "NaNs, it is any one.",
        .family = FAMILY_EXCHANGE,
        .inputs = "a",
        .n_in   = 1,
        .params_size = sizeof(UniqueParams),
        .params      = UNIQUE_PARAMS,
        .infer       = infer_unique,
        .expand      = expand_unique,
};

OP(unique_counts) = {
        .name        = "unique_counts",
        .doc         = "The different elements in order, as a vector, and how often each of them occurs.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a",
        .n_in        = 1,
        .n_out       = 2,
        .params_size = sizeof(UniqueParams),
        .params      = UNIQUE_PARAMS,
        .infer       = infer_unique,
        .expand      = expand_unique,
};
