/* SPDX-License-Identifier: Apache-2.0 */
/* The k smallest or largest elements along an axis, and where they are. Of a long axis, each task takes those of a
 * block: the key at rank k is picked, what lies before it kept; then those of all blocks are ordered. Short axes are
 * sorted.
 *
 * The smallest are the first k of the stable order; the largest are its last k, from behind. So the largest are the
 * smallest by the inverted keys of the elements read backwards, and there is one way for both. */
#include "graph/graph.h"
#include "ops/radix.h"

enum { TOP_STEP = 1 << 18 }; /* elements of a block: their keys and a copy are 4 MiB */

typedef struct TopParams {
        int64_t k, axis;
        bool largest;
} TopParams;

#define TOP_PARAMS                                                                                                     \
        (const Param[]) {                                                                                              \
                PARAM(TopParams, k, PARAM_I64, NULL, "How many."),                                                     \
                        PARAM(TopParams, axis, PARAM_I64, "-1", "Along which axis."),                                  \
                        PARAM(TopParams, largest, PARAM_BOOL, "True", "The largest ones, else the smallest ones."), {} \
        }

/* Blocks are of nearly equal lengths, so that the last one has k elements too. */
static int64_t top_block(int64_t n) {
        return div_up(n, MAX(n / TOP_STEP, (int64_t) 1));
}

static void invert_keys(uint64_t *key, int64_t n, bool largest) {
        for (int64_t i = 0; i < n && largest; i++)
                key[i] = ~key[i];
}

static void top_row(BlockRun *run, const char *in, char *const *out, _unused_ void *userdata) {
        const TopParams *p  = run->params;
        const View *v       = &run->in[0];
        const int last      = v->shape.ndim - 1;
        const int64_t n     = v->shape.dim[last], k = p->k, first = run->box[0].lo[last];
        const int64_t step  = p->largest ? -v->stride[last] : v->stride[last];
        const char *begin   = p->largest ? in + (n - 1) * v->stride[last] : in;
        uint64_t *key       = run->scratch, *copy = key + n;
        Item *item          = (Item *) (copy + n), *other = item + k;
        int64_t n_item      = 0;

        order_keys(v->dtype, 0, begin, step, n, key);
        invert_keys(key, n, p->largest);
        memcpy(copy, key, (size_t) n * sizeof(*key));
        const uint64_t border = pick_key(copy, n, k - 1);

        for (int64_t i = 0; i < n; i++)
                if (key[i] < border)
                        item[n_item++] = (Item) { key[i], (uint64_t) i };
        for (int64_t i = 0; n_item < k; i++)
                if (key[i] == border)
                        item[n_item++] = (Item) { key[i], (uint64_t) i };
        sort_items(item, other, k, false);
        gather_items(begin, step, item, k, dtype_size(v->dtype), out[0]);
        for (int64_t i = 0; i < k; i++) {
                const int64_t at = (int64_t) item[i].at;

                ((int64_t *) out[1])[i] = first + (p->largest ? n - 1 - at : at);
        }
}

static int top_blocks_run(BlockRun *run, _unused_ Error *err) {
        return each_row(run, top_row);
}

static int64_t top_step(const OpCall *call) {
        return top_block(last_length(&call->in[0].shape));
}

static size_t top_scratch(const OpCall *call) {
        return (size_t) last_length(&call->in[0].shape) * 2 * sizeof(uint64_t) +
               row_scratch(((const TopParams *) call->params)->k);
}

static int infer_top_blocks(const OpCall *call, Spec *out, Error *err) {
        const TopParams *p = call->params;
        Shape s            = call->in[0].shape;
        const int64_t n = s.ndim > 0 ? last_length(&s) : 0, step = top_block(MAX(n, (int64_t) 1));

        if (n <= 0 || p->k <= 0 || p->k > n - (div_up(n, step) - 1) * step || s.ndim == MAX_NDIM ||
            dtype_kind(call->in[0].dtype) == KIND_COMPLEX)
                return error_set(err, ERROR_VALUE, "%lld elements of each block of %lld", (long long) p->k,
                                 (long long) n);
        s.dim[s.ndim - 1] = div_up(n, step);
        s.dim[s.ndim++]   = p->k;
        out[0]            = (Spec) { .dtype = call->in[0].dtype, .shape = s };
        out[1]            = (Spec) { .dtype = DTYPE_I64, .shape = s };
        return 0;
}

OP(top_blocks) = {
        .name        = "top_blocks",
        .doc         = "The k smallest or largest elements of blocks of the last axis, in order, and where they are.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "a",
        .n_in        = 1,
        .n_out       = 2,
        .params_size = sizeof(TopParams),
        .params      = TOP_PARAMS,
        .infer       = infer_top_blocks,
        .run         = top_blocks_run,
        .scratch     = top_scratch,
        .core_in     = { 1 },
        .core_out    = { 2, 2 },
        .step        = top_step,
        .follows     = 1,
        .stacks      = true,
};

/* Of what the blocks gave: rows of (blocks x k), dense along both, since a task has all of them. */
static void top_merge_row(BlockRun *run, const int64_t *at) {
        const TopParams *p    = run->params;
        const View *value     = &run->in[0], *index = &run->in[1];
        const int last        = value->shape.ndim - 1;
        const int64_t n_block = value->shape.dim[last - 1], k = p->k, n = n_block * k;
        uint64_t *key         = run->scratch;
        Item *item            = (Item *) (key + n);
        const char *from = value->data, *numbers = index->data;
        char *to = run->out[0].data, *to_index = run->out[1].data;

        for (int a = 0; a < last - 1; a++) {
                from += at[a] * value->stride[a];
                numbers += at[a] * index->stride[a];
                to += at[a] * run->out[0].stride[a];
                to_index += at[a] * run->out[1].stride[a];
        }
        for (int64_t b = 0; b < n_block; b++) {
                const int64_t block = p->largest ? n_block - 1 - b : b;

                order_keys(value->dtype, 0, from + block * value->stride[last - 1], value->stride[last], k,
                           key + b * k);
                for (int64_t i = 0; i < k; i++)
                        item[b * k + i].at = (uint64_t) (block * k + i);
        }
        invert_keys(key, n, p->largest);
        for (int64_t i = 0; i < n; i++)
                item[i].key = key[i];
        sort_items(item, item + n, n, false);
        for (int64_t i = 0; i < k; i++) {
                const int64_t block = (int64_t) item[i].at / k, j = (int64_t) item[i].at % k;
                const size_t size   = dtype_size(value->dtype);

                memcpy(to + (size_t) i * size, from + block * value->stride[last - 1] + j * value->stride[last], size);
                memcpy(to_index + i * 8, numbers + block * index->stride[last - 1] + j * index->stride[last], 8);
        }
}

static int top_merge_run(BlockRun *run, _unused_ Error *err) {
        const Shape *s       = &run->out[0].shape;
        int64_t at[MAX_NDIM] = {};
        int k;

        if (shape_size(s) == 0)
                return 0;
        do {
                top_merge_row(run, at);
                for (k = s->ndim - 1; k-- > 0;) {
                        if (++at[k] < s->dim[k])
                                break;
                        at[k] = 0;
                }
        } while (k >= 0);
        return 0;
}

static size_t top_merge_scratch(const OpCall *call) {
        const Shape *s  = &call->in[0].shape;
        const int64_t n = s->dim[s->ndim - 1] * s->dim[s->ndim - 2];

        return (size_t) n * sizeof(uint64_t) + row_scratch(n);
}

static int infer_top_merge(const OpCall *call, Spec *out, Error *err) {
        const TopParams *p = call->params;
        Shape s            = call->in[0].shape;

        if (s.ndim < 2 || s.dim[s.ndim - 1] != p->k || !shape_equal(&s, &call->in[1].shape) ||
            call->in[1].dtype != DTYPE_I64)
                return error_set(err, ERROR_VALUE, "merging elements of blocks");
        s.dim[s.ndim - 2] = p->k;
        s.ndim--;
        out[0] = (Spec) { .dtype = call->in[0].dtype, .shape = s };
        out[1] = (Spec) { .dtype = DTYPE_I64, .shape = s };
        return 0;
}

OP(top_merge) = {
        .name        = "top_merge",
        .doc         = "The k smallest or largest elements of those of all blocks, in order, and where they are.",
        .family      = FAMILY_EXCHANGE,
        .hidden      = true,
        .inputs      = "a, index",
        .n_in        = 2,
        .n_out       = 2,
        .params_size = sizeof(TopParams),
        .params      = TOP_PARAMS,
        .infer       = infer_top_merge,
        .run         = top_merge_run,
        .scratch     = top_merge_scratch,
        .core_in     = { 2, 2 },
        .core_out    = { 1, 1 },
};

static int infer_topk(const OpCall *call, Spec *out, Error *err) {
        const TopParams *p = call->params;
        Shape s            = call->in[0].shape;
        int axis, r;

        r = axis_normalize(p->axis, s.ndim, &axis, err);
        if (r < 0)
                return r;
        if (p->k < 0 || (s.dim[axis] != UNKNOWN && p->k > s.dim[axis]))
                return error_set(err, ERROR_VALUE, "k(=%lld) out of bounds (%lld)", (long long) p->k,
                                 (long long) s.dim[axis]);
        s.dim[axis] = p->k;
        out[0]      = (Spec) { .dtype = call->in[0].dtype, .shape = s };
        out[1]      = (Spec) { .dtype = DTYPE_I64, .shape = s };
        return 0;
}

static int expand_topk(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const TopParams *p = call->params;
        const Shape *s     = &call->in[0].shape;
        int axes[MAX_NDIM], axis;
        Ref x = in[0];

        if (axis_normalize(p->axis, s->ndim, &axis, b->err) < 0)
                return b->r = ERROR_AXIS;
        const int64_t n = s->dim[axis], step = top_block(MAX(n, (int64_t) 1)), n_block = div_up(n, step), k = p->k;

        if (n_block < 2 || k == 0 || k > step / 8 || k > n - (n_block - 1) * step || s->ndim == MAX_NDIM ||
            dtype_kind(call->in[0].dtype) == KIND_COMPLEX) {
                const int64_t along = axis;

                for (int o = 0; o < 2; o++) {
                        out[o] = build_op(b, o == 0 ? "sort" : "argsort", &along, 1, in);
                        out[o] = p->largest && k > 0 ? build_slice(b, out[o], axis, n - 1, n - 1 - k, -1)
                                                     : build_slice(b, out[o], axis, 0, k, 1);
                }
                return build_done(b);
        }
        for (int a = 0; a < s->ndim; a++)
                axes[a] = a;
        axes[axis]        = s->ndim - 1;
        axes[s->ndim - 1] = axis;
        if (axis != s->ndim - 1)
                x = build_transpose(b, x, axes);

        const TopParams last = { .k = k, .axis = -1, .largest = p->largest };
        const Ref blocks     = build_op(b, "top_blocks", &last, 1, &x);
        const Ref merged     = build_op(b, "top_merge", &last, 2, (const Ref[]) { blocks, { blocks.node, 1 } });

        for (uint32_t o = 0; o < 2; o++) {
                out[o] = (Ref) { merged.node, o };
                if (axis != s->ndim - 1)
                        out[o] = build_transpose(b, out[o], axes);
        }
        return build_done(b);
}

OP(topk) = {
        .name        = "topk",
        .doc         = "The k largest (or smallest) elements along an axis, the outermost first, and their indices.\n\n"
                       "They are the last k of the stable order, from behind (or its first k): of equal elements the "
                       "last (or "
                       "first) ones. "
                       "Raises ValueError where there are fewer than k.",
        .family      = FAMILY_EXCHANGE,
        .inputs      = "a",
        .n_in        = 1,
        .n_out       = 2,
        .params_size = sizeof(TopParams),
        .params      = TOP_PARAMS,
        .infer       = infer_topk,
        .expand      = expand_topk,
};
