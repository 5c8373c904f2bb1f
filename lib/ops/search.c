/* SPDX-License-Identifier: Apache-2.0 */
/* Where elements belong in a sorted vector. Each is searched by bisection: strips of them go down a short vector,
 * whose keys (ops/order.h) are made once per task, side by side, so that loads do not wait for each other; a long
 * vector is read where it lies, by many elements that are put in order before, so that it is gone through once. Complex
 * numbers are searched for one by one: first in the beginnings of its chunks, then in the chunk.
 *
 * A vector that memory does not hold comes in parts (ops/rows.c): each adds how many of its elements come before. */
#include "graph/graph.h"
#include "graph/infer.h"
#include "ops/radix.h"
#include "ops/rows.h"

enum {
        SHORT = 1 << 16, /* elements of a vector whose keys are copied: 512 KiB stay in the second cache */
        LANES = 16,      /* searches side by side */
        BATCH = 1 << 16, /* elements that go through a long vector together: with their copies, 2 MiB */
};

typedef struct SearchParams {
        const char *side;
} SearchParams;

#define SEARCH_PARAMS                                                                                                  \
        (const Param[]) {                                                                                              \
                PARAM(SearchParams, side, PARAM_TEXT, "left", "Before equal elements, left, or after them, right."), { \
                }                                                                                                      \
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

/* ---- Many elements in one long vector --------------------------------------------------------------------------- */

/* Those that lie within it are put in order, and then it is gone through once. */
typedef struct Batch {
        const Sorted *sorted;
        Item *item;
        int64_t n, most;
        int64_t *out;                 /* of the task: item.at is a place in it */
        uint64_t first_key, last_key; /* of the vector */
} Batch;

static uint64_t key_of(const Sorted *s, const View *v, int64_t i) {
        uint64_t ret;

        order_keys_of[s->dtype](v->data + i * v->stride[0], 0, 1, &ret);
        return ret;
}

static bool key_before(const Sorted *s, const View *v, int64_t i, uint64_t key) {
        const uint64_t own = key_of(s, v, i);

        return s->right ? own <= key : own < key;
}

/* The place in a vector that elements in order have come to: a strip of a piece, and its keys. */
typedef struct Place {
        uint32_t piece;
        int64_t strip, n; /* of the piece; of its elements, 0: not loaded */
        int64_t i;        /* in the strip */
        uint64_t key[STRIP];
} Place;

static int64_t strip_length(const View *v, int64_t strip) {
        return MIN(v->shape.dim[0] - strip * STRIP, (int64_t) STRIP);
}

static bool strip_before(const Sorted *s, const View *v, int64_t strip, uint64_t key) {
        return key_before(s, v, strip * STRIP + strip_length(v, strip) - 1, key);
}

/* The first strip from the place on that does not lie before the key. It is near: steps become longer, then shorter. */
static int64_t next_strip(const Sorted *s, const View *v, int64_t strip, uint64_t key) {
        const int64_t n = div_up(v->shape.dim[0], STRIP);
        int64_t step    = 1, end;

        while (strip + step <= n && strip_before(s, v, strip + step - 1, key)) {
                strip += step;
                step *= 2;
        }
        for (end = MIN(strip + step - 1, n); strip < end;) {
                const int64_t middle = strip + (end - strip) / 2;

                if (strip_before(s, v, middle, key))
                        strip = middle + 1;
                else
                        end = middle;
        }
        return strip;
}

/* How many elements of the vector come before the key, which is not below the last one that was asked for. */
static int64_t place_move(const Sorted *s, Place *place, uint64_t key) {
        const bool right = s->right;
        const View *v;

        while (place->piece + 1 < s->n_piece && key_before(s, &s->piece[place->piece + 1].view, 0, key))
                *place = (Place) { .piece = place->piece + 1 };
        v = &s->piece[place->piece].view;
        if (place->n == 0 || (right ? place->key[place->n - 1] <= key : place->key[place->n - 1] < key)) {
                const int64_t strip = next_strip(s, v, place->strip, key);

                if (strip * STRIP >= v->shape.dim[0])
                        return s->piece[place->piece].box.hi[0];
                place->strip = strip;
                place->n     = strip_length(v, strip);
                place->i     = 0;
                order_keys(s->dtype, 0, v->data + strip * STRIP * v->stride[0], v->stride[0], place->n, place->key);
        }
        for (int64_t end = place->n - 1; place->i < end;) {
                const int64_t middle = place->i + (end - place->i) / 2;

                if (right ? place->key[middle] <= key : place->key[middle] < key)
                        place->i = middle + 1;
                else
                        end = middle;
        }
        return s->piece[place->piece].box.lo[0] + place->strip * STRIP + place->i;
}

static void batch_search(Batch *b) {
        Place place = {};

        if (!ascends_items(b->item, b->n))
                sort_items(b->item, b->item + b->most, b->n, false);
        for (int64_t k = 0; k < b->n; k++)
                b->out[b->item[k].at] = place_move(b->sorted, &place, b->item[k].key);
        b->n = 0;
}

static void batch_add(Batch *b, const uint64_t *key, int64_t n, int64_t *out) {
        const bool right  = b->sorted->right;
        const int64_t all = b->sorted->piece[b->sorted->n_piece - 1].box.hi[0];

        for (int64_t i = 0; i < n; i++) {
                if (right ? key[i] < b->first_key : key[i] <= b->first_key)
                        out[i] = 0;
                else if (right ? key[i] >= b->last_key : key[i] > b->last_key)
                        out[i] = all;
                else {
                        b->item[b->n++] = (Item) { key[i], (uint64_t) (out + i - b->out) };
                        if (b->n == b->most)
                                batch_search(b);
                }
        }
}

/* How many elements a task searches together. */
static int64_t batch_size(DType t, int64_t n_a, int64_t n_v) {
        return dtype_kind(t) == KIND_COMPLEX || has_short_keys(t, n_a) ? 0 : MIN(n_v, (int64_t) BATCH);
}

static void search_row(const Sorted *s, Batch *batch, const uint64_t *key, int64_t n_key, const char *v, int64_t stride,
                       int64_t n, int64_t *out) {
        uint64_t strip[STRIP];

        for (int64_t from = 0; from < n; from += STRIP) {
                const int64_t length = MIN(n - from, (int64_t) STRIP);

                if (key || batch->most > 0)
                        order_keys(s->dtype, 0, v + from * stride, stride, length, strip);
                if (key)
                        search_keys(key, n_key, strip, length, s->right, out + from);
                else if (batch->most > 0)
                        batch_add(batch, strip, length, out + from);
                else
                        for (int64_t i = 0; i < length; i++)
                                out[from + i] = search_pieces(s, wide_order_key(s->dtype, v + (from + i) * stride));
        }
}

/* What the parts before have counted. */
static void add_counts(const Piece *made, const Box *box, const View *out) {
        int64_t *to = (int64_t *) out->data + (made->box.lo[0] - box->lo[0]);

        for (int64_t i = 0; i < made->view.shape.dim[0]; i++)
                to[i] += *(const int64_t *) (made->view.data + i * made->view.stride[0]);
}

/* One piece of the elements, to its place in the output. */
static void search_piece(const Sorted *s, Batch *batch, const uint64_t *key, int64_t n_key, const Piece *v,
                         const Box *box, const View *out) {
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
                search_row(s, batch, key, n_key, from, stride, n, (int64_t *) to);
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
        const uint32_t n_before = run->n_in - 2, in_a = n_before, in_v = n_before + 1;
        const int64_t n_a = run->box[in_a].hi[0];
        const DType t     = run->in[in_a].dtype;
        Sorted s          = { .dtype = t, .right = is_right(run->params) };
        uint64_t *key     = NULL;
        Piece whole_a, whole_v, whole_made;
        const Piece *v, *made;

        s.n_piece          = pieces_of(run, in_a, &whole_a, &s.piece);
        const uint32_t n_v = pieces_of(run, in_v, &whole_v, &v);

        if (has_short_keys(t, n_a)) {
                key = run->scratch;
                for (uint32_t k = 0; k < s.n_piece; k++) {
                        const Piece *p = &s.piece[k];

                        order_keys(t, 0, p->view.data, p->view.stride[0], p->view.shape.dim[0], key + p->box.lo[0]);
                }
        }
        Batch batch = { .sorted = &s,
                        .item   = run->scratch,
                        .most   = batch_size(t, n_a, shape_size(&run->out[0].shape)),
                        .out    = (int64_t *) run->out[0].data };

        if (batch.most > 0) {
                const View *last = &s.piece[s.n_piece - 1].view;

                batch.first_key = key_of(&s, &s.piece[0].view, 0);
                batch.last_key  = key_of(&s, last, last->shape.dim[0] - 1);
        }
        for (uint32_t k = 0; k < n_v; k++)
                search_piece(&s, &batch, key, n_a, &v[k], &run->box[in_v], &run->out[0]);
        if (batch.most > 0)
                batch_search(&batch);
        for (uint32_t k = 0, n = n_before > 0 ? pieces_of(run, 0, &whole_made, &made) : 0; k < n; k++)
                add_counts(&made[k], &run->box[0], &run->out[0]);
        return 0;
}

static size_t search_scratch(const OpCall *call) {
        const Spec *a   = &call->in[call->n_in - 2];
        const int64_t n = a->shape.dim[0];

        if (has_short_keys(a->dtype, n))
                return (size_t) n * sizeof(uint64_t);
        return row_scratch(batch_size(a->dtype, n, shape_size(&call->in[call->n_in - 1].shape)));
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

static int infer_search_part(const OpCall *call, Spec *out, _unused_ Error *err) {
        *out = (Spec) { .dtype = DTYPE_I64, .shape = call->in[call->n_in - 1].shape };
        return 0;
}

OP(search_first) = {
        .name         = "search_first",
        .doc          = "How many elements of the first part of a sorted vector come before each element.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "part, v",
        .n_in         = 2,
        .params_size  = sizeof(SearchParams),
        .params       = SEARCH_PARAMS,
        .infer        = infer_search_part,
        .run          = search_run,
        .scratch      = search_scratch,
        .core_in      = { 1, 1 },
        .core_out     = { 1 },
        .follows      = 2,
};

OP(search_next) = {
        .name         = "search_next",
        .doc          = "What other parts have counted, and how many elements of this one come before each element.",
        .family       = FAMILY_EXCHANGE,
        .hidden       = true,
        .takes_pieces = true,
        .inputs       = "made, part, v",
        .n_in         = 3,
        .params_size  = sizeof(SearchParams),
        .params       = SEARCH_PARAMS,
        .infer        = infer_search_part,
        .run          = search_run,
        .scratch      = search_scratch,
        .core_in      = { 1, 1, 1 },
        .core_out     = { 1 },
        .follows      = 5,
};

static int expand_search(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const DType t      = infer_promote(call, 0);
        const Shape *shape = &call->in[1].shape;
        const Shape flat   = { .ndim = 1, .dim = { shape_size(shape) } };
        const int64_t n    = call->in[0].shape.dim[0];
        const size_t all   = shared_bytes(b);
        const int64_t part = MAX((int64_t) (all / PART_SHARE / dtype_size(t)), (int64_t) 1);
        Ref a = build_cast(b, in[0], t), v = build_cast(b, in[1], t), made = {};

        if (b->task_bytes == 0 || (size_t) n * dtype_size(t) <= all / WHOLE_SHARE) {
                *out = build_op(b, "search_blocks", call->params, 2, (const Ref[]) { a, v });
                return build_done(b);
        }
        v = build_reshape(b, v, &flat);
        for (int64_t first = 0; first < n; first += part) {
                const Ref next[] = { made, build_slice(b, a, 0, first, MIN(first + part, n), 1), v };

                made = first == 0 ? build_op(b, "search_first", call->params, 2, next + 1)
                                  : build_op(b, "search_next", call->params, 3, next);
        }
        *out = build_reshape(b, made, shape);
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
