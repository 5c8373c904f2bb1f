/* SPDX-License-Identifier: Apache-2.0 */
/* The elements at given positions of the sorted order, without sorting: what quantiles and medians are made of.
 *
 * Of a long vector: keys (ops/order.h) are counted by their first digit, a block of elements in each task; from the
 * sum of all counts follows which digit the key at each wanted position has, and how many elements with smaller
 * digits come before. Then the next digit, among the elements that share those found so far; after the last one the
 * key is known, and so the element. Five passes of some 1 ns an element for eight bytes, whatever the values are:
 * nothing is sampled, exchanged, or of unknown size.
 *
 * Shorter axes are rows in memory: a row is narrowed down in the same way, by the bits in which its elements differ. */
#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/radix.h"

enum {
        DIGIT_BITS  = 13,      /* at most: counters are 64 KiB a position */
        COUNT_STEP  = 1 << 21, /* elements per task: many more than counters */
        MAX_WANTED  = 16,      /* more positions are cheaper by sorting */
        MAX_PICKED  = 4,       /* …of a row in memory */
        LONG_BATCH  = 16,      /* long rows of more than one axis: more are sorted */
};

typedef struct SelectParams {
        Dims k;
        int dtype;
        int64_t pass;
} SelectParams;

#define SELECT_PARAMS                                                                                                  \
        (const Param[]) {                                                                                              \
                PARAM(SelectParams, k, PARAM_DIMS, NULL, "Positions in the sorted order."),                            \
                        PARAM(SelectParams, dtype, PARAM_DTYPE, NULL, "dtype of the elements."),                       \
                        PARAM(SelectParams, pass, PARAM_I64, "0", "Number of the digit, the first one is 0."), {}      \
        }

/* ---- Digits
 * ----------------------------------------------------------------------------------------------------------- */

/* Digits have the same number of bits, but for the last one: of 64 bits 4 x 13 and 12, of 32 bits 11, 11, 10. */
static int n_digits(DType t) {
        return (int) div_up(key_bits(t), DIGIT_BITS);
}

typedef struct Digit {
        int bits, shift; /* the digit is key >> shift, of that many bits */
} Digit;

static Digit digit_of(DType t, int64_t pass) {
        const int bits = (int) div_up(key_bits(t), n_digits(t)), above = bits * (int) pass;

        return (Digit) { .bits = MIN(bits, key_bits(t) - above), .shift = MAX(key_bits(t) - above - bits, 0) };
}

/* What is known of a wanted key: its digits so far, and its position among the elements that share them. */
typedef struct Found {
        uint64_t digits, position;
} Found;

/* ---- Counting
 * --------------------------------------------------------------------------------------------------------- */

ORDERED(KEYS_LOOP_, uint64_t, wide_value_keys, VALUE_KEY)
static OrderKeysFn *const wide_value_keys_of[_DTYPE_MAX] = { ORDERED(KEYS_ROW_, wide_value_keys) };

/* What one task looks for: the digits that wanted keys begin with, each once, and its row of counters. */
typedef struct Sought {
        uint32_t n;
        uint64_t digits[MAX_WANTED];
        int64_t *count[MAX_WANTED];
        uint8_t *row_of; /* second digit: by the first one, the number of its row plus 1, or 0 */
} Sought;

static void count_first(const uint64_t *key, int64_t n, Digit d, int64_t *count) {
        const uint64_t mask = (1U << d.bits) - 1;

        for (int64_t i = 0; i < n; i++)
                count[key[i] >> d.shift & mask]++;
}

/* Many elements may share the first digit: it is looked up. Those that do are gathered without branches, which
 * nobody could predict. */
static void count_second(const uint64_t *key, int64_t n, Digit d, const Sought *sought) {
        const uint64_t mask = (1U << d.bits) - 1;
        uint16_t digit[STRIP];
        uint8_t row[STRIP];
        int64_t m = 0;

        for (int64_t i = 0; i < n; i++) {
                digit[m] = (uint16_t) (key[i] >> d.shift & mask);
                row[m]   = sought->row_of[key[i] >> (d.shift + d.bits)];
                m += row[m] > 0;
        }
        for (int64_t i = 0; i < m; i++)
                sought->count[row[i] - 1][digit[i]]++;
}

/* Few elements share more digits, unless many are equal: a strip is looked at closely only if it has one. */
static void count_later(const uint64_t *key, int64_t n, Digit d, const Sought *sought) {
        const uint64_t mask = (1U << d.bits) - 1;
        const int above     = d.shift + d.bits;

        for (uint32_t k = 0; k < sought->n; k += 4) {
                const uint32_t end = MIN(k + 4, sought->n);
                uint64_t q[4], any = 0;

                for (uint32_t j = 0; j < 4; j++)
                        q[j] = sought->digits[MIN(k + j, end - 1)];
                for (int64_t i = 0; i < n; i++) {
                        const uint64_t v = key[i] >> above;

                        any |= (uint64_t) (v == q[0]) | (uint64_t) (v == q[1]) | (uint64_t) (v == q[2]) |
                               (uint64_t) (v == q[3]);
                }
                for (uint32_t j = k; j < end && any; j++) {
                        uint16_t digit[STRIP];
                        int64_t m = 0;

                        for (int64_t i = 0; i < n; i++) {
                                digit[m]  = (uint16_t) (key[i] >> d.shift & mask);
                                m        += key[i] >> above == sought->digits[j];
                        }
                        for (int64_t i = 0; i < m; i++)
                                sought->count[j][digit[i]]++;
                }
        }
}

static void count_piece(const View *v, int64_t pass, Digit d, const Sought *sought) {
        uint64_t key[STRIP];

        for (int64_t from = 0, n = v->shape.dim[0]; from < n; from += STRIP) {
                const int64_t length = MIN(n - from, (int64_t) STRIP);

                wide_value_keys_of[v->dtype](v->data + from * v->stride[0], v->stride[0], length, key);
                if (pass == 0)
                        count_first(key, length, d, sought->count[0]);
                else if (pass == 1)
                        count_second(key, length, d, sought);
                else
                        count_later(key, length, d, sought);
        }
}

static uint64_t word_at(const View *v, int64_t i, int64_t k) {
        uint64_t ret;

        memcpy(&ret, v->data + i * v->stride[0] + k * v->stride[1], sizeof(ret));
        return ret;
}

static int select_count_run(BlockRun *run, _unused_ Error *err) {
        const SelectParams *p = run->params;
        const Digit d         = digit_of((DType) p->dtype, p->pass);
        const View *in        = &run->in[0];
        int64_t *count        = (int64_t *) run->out[0].data;
        Sought sought         = { .n = 1, .count = { count } };

        memset(count, 0, (size_t) shape_size(&run->out[0].shape) * sizeof(int64_t));
        if (p->pass > 0) {
                sought.n = 0;
                for (uint32_t k = 0; k < p->k.n; k++) {
                        const uint64_t digits = word_at(&run->in[1], k, 0);

                        /* positions ascend, so equal ones are neighbours */
                        if (k > 0 && digits == word_at(&run->in[1], k - 1, 0))
                                continue;
                        sought.digits[sought.n]  = digits;
                        sought.count[sought.n++] = count + ((int64_t) k << d.bits);
                }
        }
        if (p->pass == 1) {
                sought.row_of = run->scratch;
                memset(sought.row_of, 0, (size_t) 1 << digit_of((DType) p->dtype, 0).bits);
                for (uint32_t k = 0; k < sought.n; k++)
                        sought.row_of[sought.digits[k]] = (uint8_t) (k + 1);
        }
        if (in->data)
                count_piece(in, p->pass, d, &sought);
        else
                for (uint32_t k = 0; k < run->n_piece[0]; k++)
                        count_piece(&run->piece[0][k].view, p->pass, d, &sought);
        return 0;
}

static size_t count_scratch(_unused_ const OpCall *call) {
        return (size_t) 1 << DIGIT_BITS;
}

static int64_t count_step(_unused_ const OpCall *call) {
        return COUNT_STEP;
}

static int infer_select_count(const OpCall *call, Spec *out, Error *err) {
        const SelectParams *p = call->params;
        const int64_t n       = call->in[0].shape.dim[0];

        if (p->k.n == 0 || p->k.n > MAX_WANTED || p->pass < 0 || (DType) p->dtype != call->in[0].dtype ||
            dtype_kind(call->in[0].dtype) == KIND_COMPLEX || p->pass >= n_digits((DType) p->dtype) ||
            call->n_in != (p->pass == 0 ? 1 : 2))
                return error_set(err, ERROR_VALUE, "counting digits: no such pass");
        *out = (Spec) { .dtype = DTYPE_I64,
                        .shape = { .ndim = 3,
                                   .dim  = { n == UNKNOWN ? UNKNOWN : div_up(n, COUNT_STEP), p->pass == 0 ? 1 : p->k.n,
                                            1LL << digit_of((DType) p->dtype, p->pass).bits } } };
        return 0;
}

OP(select_count) = {
        .name   = "select_count",
        .doc    = "How often each digit occurs in blocks of a vector, among the keys that begin with digits that are "
                  "known.",
        .family = FAMILY_EXCHANGE,
        .hidden = true,
        .takes_pieces = true,
        .inputs       = "*arrays",
        .n_in         = 1,
        .variadic     = true,
        .params_size  = sizeof(SelectParams),
        .params       = SELECT_PARAMS,
        .infer        = infer_select_count,
        .run          = select_count_run,
        .scratch      = count_scratch,
        .core_in      = { CORE_ALL },
        .core_out     = { CORE_ALL },
        .step         = count_step,
        .follows      = 1,
        .stacks       = true,
};

/* ---- Narrowing
 * -------------------------------------------------------------------------------------------------------- */

/* Counts, and what was known before, into what is known now; after the last digit into the elements. */
static int select_narrow_run(BlockRun *run, _unused_ Error *err) {
        const SelectParams *p = run->params;
        const DType t         = (DType) p->dtype;
        const Digit d         = digit_of(t, p->pass);
        const View *count     = &run->in[0];
        View *out             = &run->out[0];
        int64_t row           = 0;

        for (uint32_t k = 0; k < p->k.n; k++) {
                Found f = { .position = (uint64_t) p->k.v[k] };
                int64_t digit;

                if (p->pass > 0) {
                        f = (Found) { word_at(&run->in[1], k, 0), word_at(&run->in[1], k, 1) };
                        if (k == 0 || f.digits != word_at(&run->in[1], k - 1, 0))
                                row = k;
                }
                for (digit = 0; digit < (1LL << d.bits) - 1 && f.position >= word_at(count, row, digit); digit++)
                        f.position -= word_at(count, row, digit);
                f.digits = f.digits << d.bits | (uint64_t) digit;
                if (d.shift > 0) {
                        memcpy(out->data + k * sizeof(Found), &f, sizeof(f));
                } else if (of_keys_64[t])
                        of_keys_64[t](&f.digits, 1, out->data + k * dtype_size(t));
                else
                        of_keys_32[t](&(uint32_t) { (uint32_t) f.digits }, 1, out->data + k * dtype_size(t));
        }
        return 0;
}

static int infer_select_narrow(const OpCall *call, Spec *out, Error *err) {
        const SelectParams *p = call->params;
        const DType t         = (DType) p->dtype;

        if (p->k.n == 0 || p->k.n > MAX_WANTED || p->pass < 0 || dtype_kind(t) == KIND_COMPLEX ||
            p->pass >= n_digits(t) || call->n_in != (p->pass == 0 ? 1 : 2))
                return error_set(err, ERROR_VALUE, "narrowing a selection: no such pass");
        *out = digit_of(t, p->pass).shift > 0
                       ? (Spec) { .dtype = DTYPE_U64, .shape = { .ndim = 2, .dim = { p->k.n, 2 } } }
                       : (Spec) { .dtype = t, .shape = { .ndim = 1, .dim = { p->k.n } } };
        return 0;
}

OP(select_narrow) = {
        .name = "select_narrow",
        .doc  = "The next digit of the keys at given positions, from how often each digit occurs; the elements, after "
                "the last one.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "*arrays",
        .n_in        = 1,
        .variadic    = true,
        .params_size = sizeof(SelectParams),
        .params      = SELECT_PARAMS,
        .infer       = infer_select_narrow,
        .run         = select_narrow_run,
        .core_in     = { CORE_ALL },
        .core_out    = { CORE_ALL },
};

/* ---- Rows in memory
 * --------------------------------------------------------------------------------------------------- */

static void pick_row(BlockRun *run, const char *in, char *const *out, _unused_ void *userdata) {
        const SelectParams *p = run->params;
        const View *v         = &run->in[0];
        const DType t         = v->dtype;
        const int64_t n = last_length(&v->shape), stride = v->stride[v->shape.ndim - 1];
        const int64_t size = (int64_t) dtype_size(t);

        if (dtype_kind(t) != KIND_COMPLEX && p->k.n <= MAX_PICKED) {
                uint64_t *all = run->scratch, *key = all + n;

                wide_value_keys_of[t](in, stride, n, all);
                for (uint32_t k = 0; k < p->k.n; k++) {
                        memcpy(key, all, (size_t) n * sizeof(*key));
                        const uint64_t found = pick_key(key, n, p->k.v[k]);

                        if (of_keys_64[t])
                                of_keys_64[t](&found, 1, out[0] + k * size);
                        else
                                of_keys_32[t](&(uint32_t) { (uint32_t) found }, 1, out[0] + k * size);
                }
                return;
        }
        char *sorted = (char *) run->scratch + row_scratch(n);

        sort_row(t, in, stride, n, sorted, run->scratch);
        for (uint32_t k = 0; k < p->k.n; k++)
                memcpy(out[0] + k * size, sorted + p->k.v[k] * size, (size_t) size);
}

static int pick_run(BlockRun *run, _unused_ Error *err) {
        return each_row(run, pick_row);
}

static size_t pick_scratch(const OpCall *call) {
        const int64_t n = last_length(&call->in[0].shape);

        return row_scratch(n) + (size_t) n * dtype_size(call->in[0].dtype);
}

static int infer_pick(const OpCall *call, Spec *out, _unused_ Error *err) {
        const SelectParams *p = call->params;

        *out = call->in[0];
        for (uint32_t k = 0; k < p->k.n; k++)
                if (p->k.v[k] < 0 || p->k.v[k] >= last_length(&out->shape))
                        return error_set(err, ERROR_VALUE, "kth(=%lld) out of bounds (%lld)", (long long) p->k.v[k],
                                         (long long) last_length(&out->shape));
        out->shape.dim[out->shape.ndim - 1] = p->k.n;
        return 0;
}

OP(pick) = {
        .name        = "pick",
        .doc         = "The elements at positions of the sorted last axis; a task has whole rows.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(SelectParams),
        .params      = SELECT_PARAMS,
        .infer       = infer_pick,
        .run         = pick_run,
        .scratch     = pick_scratch,
        .core_in     = { 1 },
        .core_out    = { 1 },
};

/* ---- The public operator
 * ---------------------------------------------------------------------------------------------- */

typedef struct KthParams {
        Dims k;
        int64_t axis;
} KthParams;

static int infer_kth(const OpCall *call, Spec *out, Error *err) {
        const KthParams *p = call->params;
        int axis, r;

        r = axis_normalize(p->axis, call->in[0].shape.ndim, &axis, err);
        if (r < 0)
                return r;
        *out            = (Spec) { .dtype = call->in[0].dtype, .shape = call->in[0].shape };
        const int64_t n = out->shape.dim[axis];

        for (uint32_t k = 0; k < p->k.n && n != UNKNOWN; k++)
                if (p->k.v[k] < -n || p->k.v[k] >= n)
                        return error_set(err, ERROR_VALUE, "kth(=%lld) out of bounds (%lld)", (long long) p->k.v[k],
                                         (long long) n);
        out->shape.dim[axis] = p->k.n;
        return 0;
}

/* Ascending positions k of a vector, not many and none twice. */
static Ref build_selection(Build *b, Ref x, const Dims *k) {
        const DType t = build_spec(b, x)->dtype;
        Ref in[2]     = { x }, state = {};

        for (int pass = 0; pass < n_digits(t); pass++) {
                const SelectParams p = { .k = *k, .dtype = t, .pass = pass };
                Ref count[2];

                in[1]    = state;
                count[0] = build_reduce(b, "sum", build_op(b, "select_count", &p, pass == 0 ? 1 : 2, in), DIMS(0),
                                        false, DTYPE_NONE);
                count[1] = state;
                state    = build_op(b, "select_narrow", &p, pass == 0 ? 1 : 2, count);
        }
        return state;
}

/* Positions k of the last axis, each selection a row of it. */
static Ref build_rows_of_selections(Build *b, Ref x, const Dims *k) {
        const Shape s    = build_spec(b, x)->shape;
        const int last   = s.ndim - 1;
        const Shape flat = { .ndim = 2, .dim = { s.dim[last] ? shape_size(&s) / s.dim[last] : 0, s.dim[last] } };
        Shape out        = s;
        Ref row[LONG_BATCH] = {};

        if (s.ndim == 1)
                return build_selection(b, x, k);
        out.dim[last] = k->n;
        x             = build_reshape(b, x, &flat);
        for (int64_t i = 0; i < flat.dim[0]; i++) {
                row[i] = build_drop_axis(b, build_slice(b, x, 0, i, i + 1, 1), 0);
                row[i] = build_insert_axis(b, build_selection(b, row[i], k), 0);
        }
        return build_reshape(b, flat.dim[0] == 1 ? row[0] : build_concatenate(b, row, (uint32_t) flat.dim[0], 0), &out);
}

static int compare_positions(const void *a, const void *b) {
        const int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;

        return (x > y) - (x < y);
}

/* The columns of x, which are those at the ascending positions `has`, in the order and as often as `wanted` has
 * them. */
static Ref build_columns(Build *b, Ref x, const Dims *has, const Dims *wanted) {
        const int last              = build_spec(b, x)->shape.ndim - 1;
        _cleanup_(freep) Ref *column = calloc(wanted->n + 1, sizeof(Ref));
        bool same                   = has->n == wanted->n;

        for (uint32_t k = 0; k < wanted->n && same; k++)
                same = has->v[k] == wanted->v[k];
        if (same)
                return x;
        if (!column) {
                build_fail(b, -ENOMEM, "out of memory");
                return x;
        }
        for (uint32_t k = 0; k < wanted->n; k++) {
                int64_t at = 0;

                while (has->v[at] != wanted->v[k])
                        at++;
                column[k] = build_slice(b, x, last, at, at + 1, 1);
        }
        return build_concatenate(b, column, wanted->n, last);
}

static int expand_kth(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const KthParams *p = call->params;
        const Shape *s     = &call->in[0].shape;
        const DType t      = call->in[0].dtype;
        int axes[MAX_NDIM], axis;
        Ref x = in[0];

        if (axis_normalize(p->axis, s->ndim, &axis, b->err) < 0)
                return b->r = ERROR_AXIS;
        const int64_t n = s->dim[axis];
        Shape empty     = *s;

        empty.dim[axis] = p->k.n;
        if (shape_size(&empty) == 0) {
                *out = build_broadcast(b, build_scalar(b, scalar_from_i64(t, 0)), &empty);
                return build_done(b);
        }
        _cleanup_(freep) int64_t *has = calloc(2 * (size_t) p->k.n, sizeof(int64_t));

        if (!has)
                return build_fail(b, -ENOMEM, "out of memory");
        Dims wanted = { .n = p->k.n, .given = true, .v = has + p->k.n }, distinct = { .given = true, .v = has };

        for (uint32_t k = 0; k < p->k.n; k++)
                has[k] = has[p->k.n + k] = p->k.v[k] + (p->k.v[k] < 0 ? n : 0);
        qsort(has, p->k.n, sizeof(*has), compare_positions);
        for (uint32_t k = 0; k < p->k.n; k++)
                if (distinct.n == 0 || has[k] != has[distinct.n - 1])
                        has[distinct.n++] = has[k];

        for (int k = 0; k < s->ndim; k++)
                axes[k] = k;
        axes[axis]        = s->ndim - 1;
        axes[s->ndim - 1] = axis;
        if (axis != s->ndim - 1)
                x = build_transpose(b, x, axes);
        if (n <= RUN)
                x = build_op(b, "pick", &(SelectParams) { .k = distinct, .dtype = t }, 1, &x);
        else if (dtype_kind(t) != KIND_COMPLEX && distinct.n <= MAX_WANTED && shape_size(s) / n <= LONG_BATCH)
                x = build_rows_of_selections(b, x, &distinct);
        else {
                const int64_t last = -1;

                x        = build_op(b, "sort", &last, 1, &x);
                distinct = (Dims) {}; /* columns of all */
        }
        if (distinct.given)
                x = build_columns(b, x, &distinct, &wanted);
        else {
                _cleanup_(freep) Ref *column = calloc(wanted.n, sizeof(Ref));

                if (!column)
                        return build_fail(b, -ENOMEM, "out of memory");
                for (uint32_t k = 0; k < wanted.n; k++)
                        column[k] = build_slice(b, x, s->ndim - 1, wanted.v[k], wanted.v[k] + 1, 1);
                x = build_concatenate(b, column, wanted.n, s->ndim - 1);
        }
        if (axis != s->ndim - 1)
                x = build_transpose(b, x, axes);
        *out = x;
        return build_done(b);
}

OP(kth) = {
        .name   = "kth",
        .doc    = "The elements that stand at positions k along an axis once it is sorted, in the order of k; NaNs are "
                  "last.\n\n"
                  "Long vectors are not sorted for it. Raises ValueError for positions outside.",
        .family = FAMILY_EXCHANGE,
        .inputs = "a",
        .n_in   = 1,
        .params_size = sizeof(KthParams),
        .params =
                (const Param[]) {
                        PARAM(KthParams, k, PARAM_DIMS, NULL, "Positions; negative ones count from the end."),
                        PARAM(KthParams, axis, PARAM_I64, "-1", "Along which axis."),
                        {},
                },
        .infer  = infer_kth,
        .expand = expand_kth,
};
