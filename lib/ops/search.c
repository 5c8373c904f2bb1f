/* SPDX-License-Identifier: Apache-2.0 */
/* Where elements belong in a sorted vector. Each is searched by bisection: strips of them go down a short vector,
 * whose keys (ops/order.h) are made once per task, side by side, so that loads do not wait for each other; a long
 * vector is read where it lies, first the beginnings of its chunks, then the chunk. */
#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/order.h"

enum {
        SHORT = 1 << 16, /* elements of a vector whose keys are copied: 512 KiB stay in the second cache */
        LANES = 16,      /* searches side by side */
};

typedef struct SearchParams {
        const char *side;
} SearchParams;

#define SEARCH_PARAMS                                                                                                  \
        (const Param[]) {                                                                                              \
                PARAM(SearchParams, side, PARAM_TEXT, "left",                                                          \
                      "Before equal elements, left, or after them, right."),                                           \
                        {}                                                                                             \
        }

static bool is_right(const SearchParams *p) {
        return p->side && strcmp(p->side, "right") == 0;
}

/* The number of keys below v[i], or with `right` not above it. */
static void search_keys(const uint64_t *key, int64_t n, const uint64_t *v, int64_t n_v, bool right, int64_t *out) {
        for (int64_t from = 0; from < n_v; from += LANES) {
                const int64_t lanes = MIN(n_v - from, (int64_t) LANES);
                int64_t at[LANES]   = {};
                int64_t length      = n;

                for (; length > 1; length -= length / 2) {
                        const uint64_t *middle = key + length / 2 - 1;

                        if (right)
                                for (int64_t j = 0; j < lanes; j++)
                                        at[j] += middle[at[j]] <= v[from + j] ? length / 2 : 0;
                        else
                                for (int64_t j = 0; j < lanes; j++)
                                        at[j] += middle[at[j]] < v[from + j] ? length / 2 : 0;
                }
                for (int64_t j = 0; j < lanes; j++)
                        out[from + j] =
                                at[j] + (n > 0 && (right ? key[at[j]] <= v[from + j] : key[at[j]] < v[from + j]));
        }
}

/* The sorted vector, in pieces in its order. */
typedef struct Sorted {
        DType dtype;
        const Piece *piece;
        uint32_t n_piece;
        bool right;
} Sorted;

static bool is_before(const Sorted *s, const View *v, int64_t i, unsigned __int128 key) {
        const unsigned __int128 own = wide_order_key(s->dtype, v->data + i * v->stride[0]);

        return s->right ? own <= key : own < key;
}

static int64_t search_pieces(const Sorted *s, unsigned __int128 key) {
        uint32_t lo = 0, hi = s->n_piece;

        while (lo < hi) { /* pieces that begin before the key */
                const uint32_t middle = lo + (hi - lo) / 2;

                if (is_before(s, &s->piece[middle].view, 0, key))
                        lo = middle + 1;
                else
                        hi = middle;
        }
        if (lo == 0)
                return 0;
        const Piece *p = &s->piece[lo - 1];
        int64_t first = 0, end = p->view.shape.dim[0];

        while (first < end) {
                const int64_t middle = first + (end - first) / 2;

                if (is_before(s, &p->view, middle, key))
                        first = middle + 1;
                else
                        end = middle;
        }
        return p->box.lo[0] + first;
}

static bool has_short_keys(DType t, int64_t n) {
        return dtype_kind(t) != KIND_COMPLEX && n <= SHORT;
}

static void search_row(const Sorted *s, const uint64_t *key, int64_t n_key, const char *v, int64_t stride, int64_t n,
                       int64_t *out) {
        uint64_t strip[STRIP];

        for (int64_t from = 0; from < n; from += STRIP) {
                const int64_t length = MIN(n - from, (int64_t) STRIP);

                if (key) {
                        order_keys(s->dtype, 0, v + from * stride, stride, length, strip);
                        search_keys(key, n_key, strip, length, s->right, out + from);
                } else
                        for (int64_t i = 0; i < length; i++)
                                out[from + i] = search_pieces(s, wide_order_key(s->dtype, v + (from + i) * stride));
        }
}

/* One piece of the elements, to its place in the output. */
static void search_piece(const Sorted *s, const uint64_t *key, int64_t n_key, const Piece *v, const Box *box,
                         const View *out) {
        const int last  = v->view.shape.ndim - 1;
        const int64_t n = last < 0 ? 1 : v->view.shape.dim[last], stride = last < 0 ? 0 : v->view.stride[last];
        int64_t at[MAX_NDIM] = {};

        for (;;) {
                const char *from = v->view.data;
                char *to         = out->data;
                int k;

                for (k = 0; k < last; k++)
                        from += at[k] * v->view.stride[k];
                for (k = 0; k <= last; k++)
                        to += (v->box.lo[k] - box->lo[k] + at[k]) * out->stride[k];
                search_row(s, key, n_key, from, stride, n, (int64_t *) to);
                for (k = last; k-- > 0;) {
                        if (++at[k] < v->view.shape.dim[k])
                                break;
                        at[k] = 0;
                }
                if (k < 0)
                        return;
        }
}

/* All of an input as pieces: those in which it lies, or one that is all. */
static uint32_t pieces_of(const BlockRun *run, uint32_t input, Piece *whole, const Piece **ret) {
        *ret = run->piece[input];
        if (shape_size(&run->in[input].shape) == 0)
                return 0;
        if (!run->in[input].data)
                return run->n_piece[input];
        *whole = (Piece) { .box = run->box[input], .view = run->in[input] };
        *ret   = whole;
        return 1;
}

static int search_run(BlockRun *run, _unused_ Error *err) {
        const int64_t n_a = run->box[0].hi[0];
        const DType t     = run->in[0].dtype;
        Sorted s          = { .dtype = t, .right = is_right(run->params) };
        uint64_t *key     = NULL;
        Piece whole_a, whole_v;
        const Piece *v;

        s.n_piece          = pieces_of(run, 0, &whole_a, &s.piece);
        const uint32_t n_v = pieces_of(run, 1, &whole_v, &v);

        if (has_short_keys(t, n_a)) {
                key = run->scratch;
                for (uint32_t k = 0; k < s.n_piece; k++) {
                        const Piece *p = &s.piece[k];

                        order_keys(t, 0, p->view.data, p->view.stride[0], p->view.shape.dim[0], key + p->box.lo[0]);
                }
        }
        for (uint32_t k = 0; k < n_v; k++)
                search_piece(&s, key, n_a, &v[k], &run->box[1], &run->out[0]);
        return 0;
}

static size_t search_scratch(const OpCall *call) {
        const int64_t n = call->in[0].shape.dim[0];

        return has_short_keys(call->in[0].dtype, n) ? (size_t) n * sizeof(uint64_t) : 0;
}

static int infer_search(const OpCall *call, Spec *out, Error *err) {
        const SearchParams *p = call->params;
        const Shape *a        = &call->in[0].shape;

        if (a->ndim != 1)
                return error_set(err, ERROR_VALUE,
                                 a->ndim == 0 ? "object of too small depth for desired array"
                                              : "object too deep for desired array");
        if (!p->side || (strcmp(p->side, "left") != 0 && strcmp(p->side, "right") != 0))
                return error_set(err, ERROR_VALUE, "search side must be 'left' or 'right' (got '%s')",
                                 p->side ?: "None");
        *out = (Spec) { .dtype = DTYPE_I64, .shape = call->in[1].shape };
        return 0;
}

OP(search_blocks) = {
        .name         = "search_blocks",
        .doc          = "How many elements of a sorted vector come before each element, of the same dtype.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "a, v",
        .n_in         = 2,
        .params_size  = sizeof(SearchParams),
        .params       = SEARCH_PARAMS,
        .infer        = infer_search,
        .run          = search_run,
        .scratch      = search_scratch,
        .core_in      = { 1, 0 },
        .core_out     = { 0 },
};

static int expand_search(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const DType t = infer_promote(call, 0);

        *out = build_op(b, "search_blocks", call->params, 2,
                        (const Ref[]) { build_cast(b, in[0], t), build_cast(b, in[1], t) });
        return build_done(b);
}

OP(searchsorted) = {
        .name   = "searchsorted",
        .doc    = "Where the elements of v would have to be inserted into the ascending vector a to keep it sorted.\n\n"
                  "NaNs belong at the end. Raises ValueError where a is not a vector.",
        .family = FAMILY_EXCHANGE,
        .inputs = "a, v",
        .n_in   = 2,
        .params_size = sizeof(SearchParams),
        .params      = SEARCH_PARAMS,
        .infer       = infer_search,
        .expand      = expand_search,
};
