/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting along the last axis, stable, NaNs last, as NumPy orders.
 *
 * Runs of RUN elements are sorted, each in one task; then each task of the second stage makes RUN neighbouring elements of the
 * result: it finds by bisection over the keys how much of every run lies before its first and its last rank, gathers those parts,
 * and sorts them. So there are no samples and no skew: any input, equal elements included, gives equal tasks.
 *
 * Elements are sorted by unsigned keys that order as they do. Keys are sorted by their bytes, least significant first, bytes that
 * do not differ skipped: 5 e 7 float64 cost some 12 ns each and pass, comparisons 80. Where an index goes along, it goes along. */
#include <string.h>

#include "graph/graph.h"
#include "ops/kernel.h"

enum {
        RUN      = 1 << 20, /* elements: keys and their copies, 16 MiB, stay in the last cache */
        FEW      = 48,      /* fewer are inserted */
        RADIX    = 256,
        MAX_KEYS = 2,       /* complex: real, then imaginary part */
};

/* ---- Keys ------------------------------------------------------------------------------------------------------------ */

static uint64_t key_f64(double v) {
        uint64_t bits;

        if (v != v)
                return UINT64_MAX;
        v += 0.0; /* -0.0 and 0.0 are equal */
        memcpy(&bits, &v, sizeof(bits));
        return bits >> 63 ? ~bits : bits | 1ULL << 63;
}

static uint64_t key_f32(float v) {
        uint32_t bits;

        if (v != v)
                return UINT32_MAX;
        v += 0.0f;
        memcpy(&bits, &v, sizeof(bits));
        return bits >> 31 ? (uint32_t) ~bits : bits | 1U << 31;
}

#define KEY_BOOL(v) ((uint64_t) (v))
#define KEY_I8(v) ((uint64_t) (uint8_t) ((v) ^ INT8_MIN))
#define KEY_I16(v) ((uint64_t) (uint16_t) ((v) ^ INT16_MIN))
#define KEY_I32(v) ((uint64_t) (uint32_t) ((v) ^ INT32_MIN))
#define KEY_I64(v) ((uint64_t) ((v) ^ INT64_MIN))
#define KEY_U8(v) ((uint64_t) (v))
#define KEY_U16(v) ((uint64_t) (v))
#define KEY_U32(v) ((uint64_t) (v))
#define KEY_U64(v) ((uint64_t) (v))
#define KEY_F16(v) key_f32(f16_to_f32(v))
#define KEY_F32(v) key_f32(v)
#define KEY_F64(v) key_f64(v)

#define KEYS_LOOP_(D, ...)                                                                                             \
        static void keys_##D(const char *in, int64_t stride, int64_t n, uint64_t *key) {                               \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        MEMORY_##D v;                                                                                  \
                        memcpy(&v, in + i * stride, sizeof(v));                                                        \
                        key[i] = KEY_##D(v);                                                                           \
                }                                                                                                      \
        }
#define KEYS_ROW_(D, ...) [DTYPE_##D] = keys_##D,
ORDERED(KEYS_LOOP_)
static void (*const keys_of[_DTYPE_MAX])(const char *, int64_t, int64_t, uint64_t *) = { ORDERED(KEYS_ROW_) };

static int n_keys(DType t) {
        return dtype_kind(t) == KIND_COMPLEX ? 2 : 1;
}

static int key_bytes(DType t) {
        return t == DTYPE_F16 ? 4 : (int) dtype_size(dtype_real(t));
}

/* The c-th key of elements; the second one (c = 1) orders where the first is equal. A NaN in either part of a complex number is
 * the same to the order as in NumPy's: both parts NaN last, then real NaN, then imaginary NaN. */
static void keys_make(DType t, int c, const char *in, int64_t stride, int64_t n, uint64_t *key) {
        if (dtype_kind(t) != KIND_COMPLEX) {
                keys_of[t](in, stride, n, key);
                return;
        }
        const DType part = dtype_real(t);

        keys_of[part](in + c * (int64_t) dtype_size(part), stride, n, key);
        if (c == 0) /* an imaginary NaN sorts behind every number */
                for (int64_t i = 0; i < n; i++) {
                        uint64_t imaginary;

                        keys_of[part](in + i * stride + dtype_size(part), 0, 1, &imaginary);
                        if (imaginary == (part == DTYPE_F32 ? UINT32_MAX : UINT64_MAX) && key[i] != imaginary)
                                key[i] = imaginary - 1;
                }
}

/* ---- Sorting keys with what belongs to them ----------------------------------------------------------------------- */

/* An element of the sort: its key and where it stands among the task's elements. */
typedef struct Item {
        uint64_t key;
        uint64_t at;
} Item;

static void insertion_sort(Item *item, int64_t n) {
        for (int64_t i = 1; i < n; i++) {
                const Item x = item[i];
                int64_t k;

                for (k = i; k > 0 && item[k - 1].key > x.key; k--)
                        item[k] = item[k - 1];
                item[k] = x;
        }
}

/* Stable; the result is in item. */
static void sort_items(Item *item, Item *other, int64_t n, int bytes) {
        uint32_t count[8][RADIX] = {};
        Item *from = item, *to = other;

        if (n < FEW) {
                insertion_sort(item, n);
                return;
        }
        for (int64_t i = 0; i < n; i++)
                for (int b = 0; b < bytes; b++)
                        count[b][item[i].key >> (8 * b) & 0xff]++;
        for (int b = 0; b < bytes; b++) {
                uint32_t sum = 0;

                if (count[b][item[0].key >> (8 * b) & 0xff] == n)
                        continue;
                for (int d = 0; d < RADIX; d++) {
                        const uint32_t c = count[b][d];

                        count[b][d] = sum;
                        sum += c;
                }
                for (int64_t i = 0; i < n; i++)
                        to[count[b][from[i].key >> (8 * b) & 0xff]++] = from[i];
                Item *swap = from;
                from = to;
                to = swap;
        }
        if (from != item)
                memcpy(item, from, (size_t) n * sizeof(Item));
}

/* Bare keys: half the memory of items. */
static void sort_keys(uint64_t *key, uint64_t *other, int64_t n, int bytes) {
        uint32_t count[8][RADIX] = {};
        uint64_t *from = key, *to = other;

        if (n < FEW) {
                for (int64_t i = 1; i < n; i++) {
                        const uint64_t x = key[i];
                        int64_t k;

                        for (k = i; k > 0 && key[k - 1] > x; k--)
                                key[k] = key[k - 1];
                        key[k] = x;
                }
                return;
        }
        for (int64_t i = 0; i < n; i++)
                for (int b = 0; b < bytes; b++)
                        count[b][key[i] >> (8 * b) & 0xff]++;
        for (int b = 0; b < bytes; b++) {
                uint32_t sum = 0;

                if (count[b][key[0] >> (8 * b) & 0xff] == n)
                        continue;
                for (int d = 0; d < RADIX; d++) {
                        const uint32_t c = count[b][d];

                        count[b][d] = sum;
                        sum += c;
                }
                for (int64_t i = 0; i < n; i++)
                        to[count[b][from[i] >> (8 * b) & 0xff]++] = from[i];
                uint64_t *swap = from;
                from = to;
                to = swap;
        }
        if (from != key)
                memcpy(key, from, (size_t) n * sizeof(uint64_t));
}

/* ---- Back from keys ----------------------------------------------------------------------------------------------- */

/* A key has all of an element, except the bits of a NaN and the sign of a zero, which compare equal to others of their kind: sorted
 * NaNs are the default NaN, sorted zeros are 0.0. */
#define UNKEY_BOOL(k) ((bool) (k))
#define UNKEY_I8(k) ((int8_t) ((uint8_t) (k) ^ 0x80))
#define UNKEY_I16(k) ((int16_t) ((uint16_t) (k) ^ 0x8000))
#define UNKEY_I32(k) ((int32_t) ((uint32_t) (k) ^ 0x80000000u))
#define UNKEY_I64(k) ((int64_t) ((k) ^ 1ULL << 63))
#define UNKEY_U8(k) ((uint8_t) (k))
#define UNKEY_U16(k) ((uint16_t) (k))
#define UNKEY_U32(k) ((uint32_t) (k))
#define UNKEY_U64(k) (k)
#define UNKEY_F16(k) f16_from_f32(unkey_f32(k))
#define UNKEY_F32(k) unkey_f32(k)
#define UNKEY_F64(k) unkey_f64(k)

static double unkey_f64(uint64_t k) {
        double v;

        if (k == UINT64_MAX)
                return __builtin_nan("");
        k = k >> 63 ? k & ~(1ULL << 63) : ~k;
        memcpy(&v, &k, sizeof(v));
        return v;
}

static float unkey_f32(uint64_t key) {
        uint32_t k = (uint32_t) key;
        float v;

        if (k == UINT32_MAX)
                return __builtin_nanf("");
        k = k >> 31 ? k & ~(1U << 31) : ~k;
        memcpy(&v, &k, sizeof(v));
        return v;
}

#define UNKEYS_LOOP_(D, ...)                                                                                           \
        static void unkeys_##D(const uint64_t *key, int64_t n, char *out) {                                            \
                MEMORY_##D *to = (MEMORY_##D *) out;                                                                   \
                                                                                                                       \
                for (int64_t i = 0; i < n; i++)                                                                        \
                        to[i] = UNKEY_##D(key[i]);                                                                     \
        }
#define UNKEYS_ROW_(D, ...) [DTYPE_##D] = unkeys_##D,
ORDERED(UNKEYS_LOOP_)
static void (*const unkeys_to[_DTYPE_MAX])(const uint64_t *, int64_t, char *) = { ORDERED(UNKEYS_ROW_) };

/* ---- One row ---------------------------------------------------------------------------------------------------------- */

/* Memory for a row of n: items and their copies. */
static size_t row_scratch(int64_t n) {
        return (size_t) n * 2 * sizeof(Item);
}

/* item[i].at: the position of the i-th smallest of n strided elements. */
static void order_row(DType t, const char *in, int64_t stride, int64_t n, Item *item, Item *other) {
        const int bytes = key_bytes(t);
        uint64_t *key = (uint64_t *) other;

        for (int c = n_keys(t); c-- > 0;) { /* the more significant key last: sorting is stable */
                keys_make(t, c, in, stride, n, key);
                if (c == n_keys(t) - 1)
                        for (int64_t i = 0; i < n; i++)
                                item[i] = (Item) { key[i], (uint64_t) i };
                else {
                        for (int64_t i = 0; i < n; i++)
                                item[i].key = key[item[i].at];
                }
                sort_items(item, other, n, bytes);
        }
}

static void sort_row(DType t, const char *in, int64_t stride, int64_t n, char *out, void *scratch) {
        const size_t size = dtype_size(t);

        if (dtype_kind(t) != KIND_COMPLEX) {
                uint64_t *key = scratch;

                keys_make(t, 0, in, stride, n, key);
                sort_keys(key, key + n, n, key_bytes(t));
                unkeys_to[t](key, n, out);
                return;
        }
        Item *item = scratch;

        order_row(t, in, stride, n, item, item + n);
        for (int64_t i = 0; i < n; i++)
                memcpy(out + i * (int64_t) size, in + (int64_t) item[i].at * stride, size);
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

/* The composite key of an element as one 128-bit number. */
static unsigned __int128 wide_key(DType t, const char *at) {
        uint64_t key[MAX_KEYS] = {};

        for (int c = 0; c < n_keys(t); c++)
                keys_make(t, c, at, 0, 1, &key[c]);
        return n_keys(t) == 1 ? key[0] : (unsigned __int128) key[0] << 64 | key[1];
}

/* Elements of a sorted run [0, n) whose key is below `key` (or not above it, with `also_equal`). */
static int64_t rank_in_run(DType t, const char *run, int64_t stride, int64_t n, unsigned __int128 key, bool also_equal) {
        int64_t lo = 0, hi = n;

        while (lo < hi) {
                const int64_t mid = lo + (hi - lo) / 2;
                const unsigned __int128 k = wide_key(t, run + mid * stride);

                if (k < key || (also_equal && k == key))
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

/* ret[r]: how many elements of run r are among the `rank` smallest of all; of equal ones those of earlier runs come first. */
static void split_at(DType t, const char *row, int64_t stride, int64_t n, int64_t n_run, int64_t rank, int64_t *ret) {
        const int bits = 8 * key_bytes(t) + (n_keys(t) > 1 ? 64 : 0);
        unsigned __int128 key = 0;
        int64_t before = 0;

        /* The largest key with no more than `rank` elements below it, bit by bit. */
        for (int b = bits; b-- > 0;) {
                const unsigned __int128 trial = key | (unsigned __int128) 1 << b;
                int64_t below = 0;

                for (int64_t r = 0; r < n_run; r++)
                        below += rank_in_run(t, row + r * RUN * stride, stride, MIN(n - r * RUN, (int64_t) RUN), trial, false);
                if (below <= rank)
                        key = trial;
        }
        for (int64_t r = 0; r < n_run; r++)
                before += ret[r] = rank_in_run(t, row + r * RUN * stride, stride, MIN(n - r * RUN, (int64_t) RUN), key, false);
        for (int64_t r = 0; r < n_run && before < rank; r++) {
                const int64_t equal = rank_in_run(t, row + r * RUN * stride, stride, MIN(n - r * RUN, (int64_t) RUN), key, true) - ret[r];
                const int64_t taken = MIN(equal, rank - before);

                ret[r] += taken;
                before += taken;
        }
}

static size_t part_bytes(int64_t n, DType t) {
        return ((size_t) n * dtype_size(t) + 15) / 16 * 16;
}

/* Elements, and indices with them, of one output row's interval of ranks. */
static void merge_row(BlockRun *run, const char *in, const char *index, char *out, char *out_index) {
        const View *v = &run->in[0];
        const int last = v->shape.ndim - 1;
        const DType t = v->dtype;
        const size_t size = dtype_size(t);
        const int64_t n = v->shape.dim[last], stride = v->stride[last], n_run = div_up(n, RUN);
        const int64_t lo = run->domain->lo[last], hi = run->domain->hi[last];
        int64_t *begin = run->scratch, *end = begin + n_run, n_part = 0;
        char *part = (char *) (end + n_run);
        int64_t *part_index = (int64_t *) (part + part_bytes(hi - lo, t));
        Item *item = (Item *) (part_index + (hi - lo));

        split_at(t, in, stride, n, n_run, lo, begin);
        split_at(t, in, stride, n, n_run, hi, end);
        for (int64_t r = 0; r < n_run; r++)
                for (int64_t i = begin[r]; i < end[r]; i++, n_part++) {
                        memcpy(part + n_part * (int64_t) size, in + (r * RUN + i) * stride, size);
                        if (index)
                                memcpy(&part_index[n_part], index + (r * RUN + i) * run->in[1].stride[last], sizeof(int64_t));
                }
        assert(n_part == hi - lo);
        if (!index) {
                sort_row(t, part, (int64_t) size, n_part, out, item);
                return;
        }
        order_row(t, part, (int64_t) size, n_part, item, item + n_part);
        for (int64_t i = 0; i < n_part; i++)
                ((int64_t *) out_index)[i] = part_index[item[i].at];
}

static int merge_each(BlockRun *run, bool with_index) {
        const View *in = &run->in[0];
        const int last = in->shape.ndim - 1;
        int64_t at[MAX_NDIM] = {};

        if (shape_size(&run->out[0].shape) == 0)
                return 0;
        for (;;) {
                const char *from = in->data, *index = with_index ? run->in[1].data : NULL;
                char *to = run->out[0].data;
                int k;

                for (k = 0; k < last; k++) {
                        from += at[k] * in->stride[k];
                        if (with_index)
                                index += at[k] * run->in[1].stride[k];
                        to += at[k] * run->out[0].stride[k];
                }
                merge_row(run, from, index, with_index ? NULL : to, with_index ? to : NULL);
                for (k = last; k-- > 0;) {
                        if (++at[k] < in->shape.dim[k])
                                break;
                        at[k] = 0;
                }
                if (k < 0)
                        return 0;
        }
}

static int merge_runs_run(BlockRun *run, _unused_ Error *err) {
        return merge_each(run, false);
}

static int argmerge_runs_run(BlockRun *run, _unused_ Error *err) {
        return merge_each(run, true);
}

static size_t merge_scratch(const OpCall *call) {
        const int64_t n = last_length(&call->in[0].shape), part = MIN(n, (int64_t) RUN);

        return (size_t) (2 * div_up(n, RUN) + part) * sizeof(int64_t) + part_bytes(part, call->in[0].dtype) + row_scratch(part) + 16;
}

static int infer_argmerge(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = call->in[1];
        return 0;
}

OP(merge_runs) = {
        .name     = "merge_runs",
        .doc      = "The last axis sorted, from its sorted runs.",
        .family   = FAMILY_EXCHANGE,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .infer    = infer_runs,
        .run      = merge_runs_run,
        .scratch  = merge_scratch,
        .core_in  = { 1 },
        .core_out = { 1 },
        .step     = run_step,
};

OP(argmerge_runs) = {
        .name     = "argmerge_runs",
        .doc      = "Where the elements of the sorted last axis were, from sorted runs and their indices.",
        .family   = FAMILY_EXCHANGE,
        .hidden   = true,
        .inputs   = "a, index",
        .n_in     = 2,
        .infer    = infer_argmerge,
        .run      = argmerge_runs_run,
        .scratch  = merge_scratch,
        .core_in  = { 1, 1 },
        .core_out = { 1 },
        .step     = run_step,
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
