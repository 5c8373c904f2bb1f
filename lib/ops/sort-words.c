/* SPDX-License-Identifier: Apache-2.0 */
/* Where the elements of long rows were before they are sorted in columns (ops/columns.c): words that say of an element
 * its order keys and, last, where it was. Sorted by all of them, no two are equal, so that any order in which they are
 * dealt out and come together leads to the stable one. What runs are filled up with has all bits set.
 *
 * Two words are an item: these are sorted by the key, then by place where keys are equal. Of complex numbers there are
 * three: items are sorted by each word, the last one first, and name what is moved once. */
#include "ops/columns.h"

#define PLACE_OF_ITEM(x) ((x).at)
SORT_LOOP_(places, Item, uint64_t, PLACE_OF_ITEM)

/* Items of one key come in the order of their places. */
static void settle_equal(Item *item, int64_t n, Item *other) {
        for (int64_t first = 0, end; first < n; first = end) {
                for (end = first + 1; end < n && item[end].key == item[first].key; end++)
                        ;
                if (end - first > 1 && !ascends_places(item + first, end - first))
                        sort_places(item + first, other + first, end - first, false);
        }
}

/* `item`, sorted, in `to`: element q in place q / hands of hand q % hands. */
static void sort_pairs(Item *item, int64_t n, int64_t hands, Item *to) {
        const int64_t each = n / hands;

        if (!ascends_items(item, n))
                sort_items(item, to, n, false);
        settle_equal(item, n, to);
        for (int64_t k = 0; k < each; k++)
                for (int64_t j = 0; j < hands; j++)
                        to[j * each + k] = item[k * hands + j];
}

static void sort_triples(const uint64_t *word, int64_t n, int64_t hands, Item *item, uint64_t *to) {
        enum { N = 3 };
        const int64_t each = n / hands;

        for (int64_t i = 0; i < n; i++)
                item[i].at = (uint64_t) i;
        for (int c = N; c-- > 0;) {
                for (int64_t i = 0; i < n; i++)
                        item[i].key = word[(int64_t) item[i].at * N + c];
                if (!ascends_items(item, n))
                        sort_items(item, item + n, n, false);
        }
        for (int64_t k = 0; k < each; k++)
                for (int64_t j = 0; j < hands; j++)
                        memcpy(to + (j * each + k) * N, word + (int64_t) item[k * hands + j].at * N,
                               N * sizeof(uint64_t));
}

/* n elements of `words` words; `word` is the beginning of the scratch memory. */
static void sort_words(void *word, int64_t words, int64_t n, int64_t hands, void *to) {
        if (words == 2)
                sort_pairs(word, n, hands, to);
        else
                sort_triples(word, n, hands, (Item *) ((uint64_t *) word + n * words), to);
}

/* ---- Runs of elements ------------------------------------------------------------------------------------------- */

static void deal_row(BlockRun *run, const char *in, char *const *out, _unused_ void *userdata) {
        const ColumnsParams *p = run->params;
        const View *v          = &run->in[0];
        const int last         = v->shape.ndim - 1;
        const int64_t n = v->shape.dim[last], stride = v->stride[last], total = columns_run(p);
        const int n_key = n_order_keys(v->dtype), words = n_key + 1;
        uint64_t *word = run->scratch, key[STRIP];

        for (int c = 0; c < n_key; c++)
                for (int64_t from = 0; from < n; from += STRIP) {
                        const int64_t length = MIN(n - from, (int64_t) STRIP);

                        order_keys(v->dtype, c, in + from * stride, stride, length, key);
                        for (int64_t i = 0; i < length; i++)
                                word[(from + i) * words + c] = key[i];
                }
        for (int64_t i = 0; i < n; i++)
                word[i * words + n_key] = (uint64_t) (run->box[0].lo[last] + i);
        memset(word + n * words, 0xff, (size_t) ((total - n) * words) * sizeof(uint64_t));
        sort_words(word, words, total, p->columns, out[0]);
}

static int words_deal_run(BlockRun *run, _unused_ Error *err) {
        return each_row(run, deal_row);
}

static size_t words_deal_scratch(const OpCall *call) {
        return words_scratch(n_order_keys(call->in[0].dtype) + 1, columns_run(call->params));
}

static int64_t words_deal_step(const OpCall *call) {
        return columns_run(call->params);
}

static int infer_words_deal(const OpCall *call, Spec *out, _unused_ Error *err) {
        const ColumnsParams *p = call->params;
        Shape *s               = &out[0].shape;

        out[0]              = (Spec) { .dtype = DTYPE_U64, .shape = call->in[0].shape };
        s->dim[s->ndim - 1] = p->columns;
        s->dim[s->ndim]     = p->columns;
        s->dim[s->ndim + 1] = p->piece;
        s->dim[s->ndim + 2] = n_order_keys(call->in[0].dtype) + 1;
        s->ndim += 3;
        return 0;
}

OP(words_deal) = {
        .name        = "words_deal",
        .doc         = "Words of the elements of runs of the last axis, each run sorted and dealt out.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .stacks      = true,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ColumnsParams),
        .params      = COLUMNS_PARAMS,
        .infer       = infer_words_deal,
        .run         = words_deal_run,
        .scratch     = words_deal_scratch,
        .core_in     = { 1 },
        .core_out    = { 4 },
        .step        = words_deal_step,
        .follows     = 1,
};

/* ---- Blocks and runs of words ----------------------------------------------------------------------------------- */

/* n[0] x n[1] x words strided words, copied. */
static void copy_words(const View *v, const char *from, int core, uint64_t *to) {
        const int last      = v->shape.ndim - 1;
        const int64_t words = v->shape.dim[last],
                      n[2]  = { core > 2 ? v->shape.dim[last - 2] : 1, v->shape.dim[last - 1] };
        const int64_t row = core > 2 ? v->stride[last - 2] : 0, step = v->stride[last - 1], word = v->stride[last];
        const bool contiguous = word == sizeof(uint64_t) && step == words * (int64_t) sizeof(uint64_t);

        for (int64_t i = 0; i < n[0]; i++, from += row) {
                if (contiguous) {
                        memcpy(to, from, (size_t) (n[1] * words) * sizeof(uint64_t));
                        to += n[1] * words;
                        continue;
                }
                for (int64_t k = 0; k < n[1]; k++)
                        for (int64_t c = 0; c < words; c++)
                                memcpy(to++, from + k * step + c * word, sizeof(uint64_t));
        }
}

typedef struct Core {
        int n;       /* last axes, of which the last one has the words of an element */
        bool places; /* only these are made */
} Core;

static void core_sort(BlockRun *run, const char *in, char *const *out, void *userdata) {
        const Core *core    = userdata;
        const View *v       = &run->in[0];
        const int64_t *dim  = v->shape.dim + v->shape.ndim;
        const int64_t words = dim[-1], n = (core->n > 2 ? dim[-3] : 1) * dim[-2];
        uint64_t *sorted = run->scratch, *word = core->places ? sorted + n * words : sorted;

        copy_words(v, in, core->n, word);
        sort_words(word, words, n, 1, core->places ? sorted : (uint64_t *) out[0]);
        for (int64_t i = 0; i < n && core->places; i++)
                ((int64_t *) out[0])[i] = (int64_t) sorted[i * words + words - 1];
}

static int each_core(BlockRun *run, int n, bool places) {
        if (shape_size(&run->out[0].shape) > 0)
                each_batch(run, n, core_sort, &(Core) { n, places });
        return 0;
}

static int words_block_run(BlockRun *run, _unused_ Error *err) {
        return each_core(run, 3, false);
}

static size_t words_block_scratch(const OpCall *call) {
        const Shape *s = &call->in[0].shape;

        return words_scratch(s->dim[s->ndim - 1], s->dim[s->ndim - 3] * s->dim[s->ndim - 2]);
}

static int infer_words_block(const OpCall *call, Spec *out, _unused_ Error *err) {
        out[0] = call->in[0];
        return 0;
}

OP(words_block) = {
        .name     = "words_block",
        .doc      = "The words of the last axis, of which the two axes before it have many, in ascending order.",
        .family   = FAMILY_EXCHANGE,
        .hidden   = true,
        .inputs   = "a",
        .n_in     = 1,
        .infer    = infer_words_block,
        .run      = words_block_run,
        .scratch  = words_block_scratch,
        .core_in  = { 3 },
        .core_out = { 3 },
};

static int words_runs_run(BlockRun *run, _unused_ Error *err) {
        return each_core(run, 2, true);
}

static int64_t words_runs_step(const OpCall *call) {
        return ((const RunsParams *) call->params)->run;
}

static size_t words_runs_scratch(const OpCall *call) {
        const Shape *s      = &call->in[0].shape;
        const int64_t words = s->dim[s->ndim - 1], n = MIN(s->dim[s->ndim - 2], words_runs_step(call));

        return (size_t) (n * words) * sizeof(uint64_t) + words_scratch(words, n);
}

static int infer_words_runs(const OpCall *call, Spec *out, _unused_ Error *err) {
        out[0] = (Spec) { .dtype = DTYPE_I64, .shape = call->in[0].shape };
        out[0].shape.ndim--;
        return 0;
}

OP(words_runs) = {
        .name        = "words_runs",
        .doc         = "The last words of runs of the axis before the last one, each run sorted.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(RunsParams),
        .params      = (const Param[]) { PARAM(RunsParams, run, PARAM_I64, NULL, "Elements of a run."), {} },
        .infer       = infer_words_runs,
        .run         = words_runs_run,
        .scratch     = words_runs_scratch,
        .core_in     = { 2 },
        .core_out    = { 1 },
        .step        = words_runs_step,
        .follows     = 1,
};
