/* SPDX-License-Identifier: Apache-2.0 */
/* Running reductions. The result at i is the fold, from the left, of the cover of [0, i + 1) in the tree of
 * tensor/tree.h: whoever starts in the middle needs the cover of what is before, and gets the same bits.
 *
 * The cover of a prefix is a stack of nodes, each smaller than the one below; beside each node lies the fold of it
 * and all below it. A new element merges with nodes of its own size and goes on top: that is two merges an element,
 * for a vector of lanes.
 *
 * When the axis itself is the only long one, aligned blocks of it are done at once: their nodes from below
 * (merge_pairs), then, from above, what comes before each node: for the left child what comes before its parent, for
 * the right child that and its sibling. Folds that look at counts cannot be scanned: in a block each lane would have
 * its own.
 *
 * Merges that may be put in brackets at will (run_on) need no stack, but only the fold of all that is before. */
#include <string.h>

#include "exec/fold.h"
#include "tensor/strided.h"

enum {
        SHORT_AXIS  = 64,        /* along fewer elements than this, lanes on another axis are better */
        BLOCK_LEVEL = 9,         /* blocks of STRIP elements */
        RUN_LENGTH  = 8 * STRIP, /* elements that run on between two looks at whether somebody waits */
};
static_assert(1 << BLOCK_LEVEL == STRIP, "a block is a strip");

typedef char *State[MAX_STATE];

typedef struct ScanRun {
        Run *run;
        const Fold *fold;
        int n_state;                    /* of the fold */
        size_t size[MAX_STATE], in_size, out_size;
        int axis;                       /* of x and the output */
        int64_t lo, hi;                 /* of the output, along the axis */
        int64_t x_step, out_step;       /* bytes along the axis */

        size_t width;                   /* lanes */
        int64_t x_lane, out_lane;
        int64_t prefix_node[MAX_STATE]; /* bytes from node to node, and from lane to lane, of the prefix' components */
        int64_t prefix_lane[MAX_STATE];
        int n_prefix;
        TreeNode prefix[MAX_TREE_NODES];
        int64_t first_prefix;           /* where our cover begins among those of all chunks */

        int n;                          /* height of the stack */
        int level[MAX_LEVELS + 1];
        State node[MAX_LEVELS + 1], below[MAX_LEVELS + 1];
        State fresh;
        char *element, *result;

        State up[BLOCK_LEVEL + 1], down[2], even, odd; /* blocks */
} ScanRun;

static int take_state(ScanRun *s, size_t width, State state) {
        for (int c = 0; c < s->n_state; c++) {
                state[c] = exec_take(s->run->exec, width * s->size[c]);
                if (!state[c])
                        return -ENOMEM;
        }
        return 0;
}

static void scan_merge(ScanRun *s, size_t n, State a, State b, State out, int64_t n_a, int64_t n_b) {
        s->fold->merge(n, (void *const *) a, (void *const *) b, (void *const *) out, n_a, n_b);
}

static int64_t stack_count(const ScanRun *s) {
        int64_t n = 0;

        for (int d = 0; d < s->n; d++)
                n += (int64_t) 1 << s->level[d];
        return n;
}

/* A node, which lies in s->fresh, goes on top of the stack. */
static int stack_push(ScanRun *s, int level) {
        State state;
        int d, r;

        for (; s->n > 0 && s->level[s->n - 1] == level; level++, s->n--)
                scan_merge(s, s->width, s->node[s->n - 1], s->fresh, s->fresh, (int64_t) 1 << level,
                           (int64_t) 1 << level);
        d = s->n;
        if (!s->node[d][0]) {
                r = take_state(s, s->width, s->node[d]);
                if (r >= 0)
                        r = take_state(s, s->width, s->below[d]);
                if (r < 0)
                        return r;
        }
        memcpy(state, s->node[d], sizeof(state));
        memcpy(s->node[d], s->fresh, sizeof(state));
        memcpy(s->fresh, state, sizeof(state));
        if (d > 0)
                scan_merge(s, s->width, s->below[d - 1], s->node[d], s->below[d], stack_count(s), (int64_t) 1 << level);
        else
                for (int c = 0; c < s->n_state; c++)
                        memcpy(s->below[0][c], s->node[0][c], s->width * s->size[c]);
        s->level[d] = level;
        s->n = d + 1;
        return 0;
}

/* The stack before the first element of the box; `prefix` are the components' first nodes at these lanes. */
static int stack_start(ScanRun *s, char *const *prefix) {
        int r = 0;

        s->n = 0;
        for (int j = 0; j < s->n_prefix && r >= 0; j++) {
                for (int c = 0; c < s->n_state; c++)
                        strided_gather(s->fresh[c], prefix[c] + (s->first_prefix + j) * s->prefix_node[c],
                                       s->prefix_lane[c], s->width, s->size[c]);
                r = stack_push(s, s->prefix[j].level);
        }
        return r;
}

static void lift(ScanRun *s, size_t n, const char *x, int64_t stride, int64_t first, int64_t step, State ret) {
        if (s->fold->lift) {
                strided_gather(s->element, x, stride, n, s->in_size);
                s->fold->lift(n, s->element, first, step, (void *const *) ret);
        } else {
                strided_gather(ret[0], x, stride, n, s->size[0]);
        }
}

static void store(ScanRun *s, size_t n, State state, char *out, int64_t stride, int64_t count) {
        if (s->fold->finish) {
                s->fold->finish(n, (void *const *) state, count, s->result);
                strided_scatter(out, stride, s->result, n, s->out_size);
        } else {
                strided_scatter(out, stride, state[0], n, s->out_size);
        }
}

/* A strip of lanes, element after element. */
static int scan_lanes(ScanRun *s, const char *x, char *out) {
        int r = 0;

        for (int64_t i = s->lo; i < s->hi && r >= 0; i++, x += s->x_step, out += s->out_step) {
                lift(s, s->width, x, s->x_lane, i, 0, s->fresh);
                r = stack_push(s, 0);
                store(s, s->width, s->below[s->n - 1], out, s->out_lane, i + 1);
                if (run_canceled(s->run))
                        return ERROR_CANCELED;
        }
        return r;
}

/* The 1 << level elements of one node, along the axis. */
static int scan_block(ScanRun *s, int level, int64_t first, const char *x, char *out) {
        const Fold *fold = s->fold;
        size_t n = (size_t) 1 << level;
        State last;
        int r, at = 0;

        lift(s, n, x, s->x_step, first, 1, s->up[0]);
        for (int l = 0; l < level; l++)
                fold->merge_pairs(n >> (l + 1), (void *const *) s->up[l], (void *const *) s->up[l + 1],
                                  (int64_t) 1 << l);

        /* What comes before the block; nothing at the very start: there the first lane is made of any element and
         * never looked at. */
        for (int c = 0; c < fold->n_state; c++)
                memcpy(s->down[0][c], s->n > 0 ? s->below[s->n - 1][c] : s->up[0][c], s->size[c]);
        for (int l = level - 1; l >= 0; l--, at = !at) {
                size_t half = n >> (l + 1);

                for (int c = 0; c < fold->n_state; c++)
                        strided_gather(s->even[c], s->up[l][c], 2 * (int64_t) s->size[c], half, s->size[c]);
                scan_merge(s, half, s->down[at], s->even, s->odd, 1, 1);
                for (int c = 0; c < fold->n_state; c++) {
                        int64_t two = 2 * (int64_t) s->size[c];

                        if (s->n == 0)
                                memcpy(s->odd[c], s->even[c], s->size[c]);
                        strided_scatter(s->down[!at][c], two, s->down[at][c], half, s->size[c]);
                        strided_scatter(s->down[!at][c] + s->size[c], two, s->odd[c], half, s->size[c]);
                }
        }

        /* The result at i is what comes before i + 1; for the last element that is the stack with this block on top. */
        for (int c = 0; c < fold->n_state; c++) {
                memcpy(s->fresh[c], s->up[level][c], s->size[c]);
                last[c] = s->down[at][c] + s->size[c];
        }
        store(s, n - 1, last, out, s->out_step, first + 1);
        r = stack_push(s, level);
        if (r < 0)
                return r;
        store(s, 1, s->below[s->n - 1], out + (int64_t) (n - 1) * s->out_step, s->out_step, first + (int64_t) n);
        return run_canceled(s->run) ? ERROR_CANCELED : 0;
}

static int scan_row(ScanRun *s, const char *x, char *out) {
        int r = 0;

        for (int64_t i = s->lo, level; i < s->hi && r >= 0; i += (int64_t) 1 << level) {
                level = BLOCK_LEVEL;
                while ((i & (((int64_t) 1 << level) - 1)) != 0 || i + ((int64_t) 1 << level) > s->hi)
                        level--;
                r = scan_block(s, (int) level, i, x + (i - s->lo) * s->x_step, out + (i - s->lo) * s->out_step);
        }
        return r;
}

/* ---- Merges in any brackets -------------------------------------------------------------------------------------- */

/* What is before the first element; nothing: 0. */
static bool carry_start(const ScanRun *s, char *carry) {
        if (s->n > 0)
                memcpy(carry, s->below[s->n - 1][0], s->width * s->size[0]);
        return s->n > 0;
}

/* As scan_row(). */
static int running_row(ScanRun *s, const char *x, char *out) {
        const bool dense = s->x_step == (int64_t) s->in_size && s->out_step == (int64_t) s->out_size;
        const int64_t part = dense ? RUN_LENGTH : STRIP;
        char *carry        = s->fresh[0];
        int64_t i          = s->lo;

        if (!carry_start(s, carry) && i < s->hi) {
                lift(s, 1, x, s->x_step, i, 1, s->fresh);
                store(s, 1, s->fresh, out, s->out_step, i + 1);
                i++;
        }
        for (int64_t n; i < s->hi; i += n) {
                const char *from = x + (i - s->lo) * s->x_step;
                char *to         = out + (i - s->lo) * s->out_step;

                n = MIN(s->hi - i, part);
                if (dense) {
                        s->fold->run_on((size_t) n, from, carry, to);
                } else {
                        strided_gather(s->element, from, s->x_step, (size_t) n, s->in_size);
                        s->fold->run_on((size_t) n, s->element, carry, s->result);
                        strided_scatter(to, s->out_step, s->result, (size_t) n, s->out_size);
                }
                if (run_canceled(s->run))
                        return ERROR_CANCELED;
        }
        return 0;
}

/* As scan_lanes(): each row is merged with the one before, where they lie if they are dense. */
static int running_lanes(ScanRun *s, const char *x, char *out) {
        const bool x_dense   = s->x_lane == (int64_t) s->in_size && !s->fold->lift;
        const bool out_dense = s->out_lane == (int64_t) s->out_size;
        char *before         = carry_start(s, s->result) ? s->result : NULL;

        for (int64_t i = s->lo; i < s->hi; i++, x += s->x_step, out += s->out_step) {
                char *row = (char *) x, *to = out_dense ? out : s->result;

                assert(to); /* scan_init() */
                if (!x_dense) {
                        lift(s, s->width, x, s->x_lane, i, 0, s->fresh);
                        row = s->fresh[0];
                }
                if (before)
                        s->fold->merge(s->width, (void *[]) { before }, (void *[]) { row }, (void *[]) { to }, 1, 1);
                else
                        memcpy(to, row, s->width * s->out_size);
                if (!out_dense)
                        strided_scatter(out, s->out_lane, to, s->width, s->out_size);
                before = to;
                if (run_canceled(s->run))
                        return ERROR_CANCELED;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------------------------ */

/* The axis whose positions are the lanes: the last one, or when that is the short axis of the scan, the longest; -1:
 * none. */
static int lane_axis(const Shape *shape, int axis) {
        int best = -1;

        for (int k = 0; k < shape->ndim; k++)
                if (k != axis && (best < 0 || shape->dim[k] >= shape->dim[best]))
                        best = k;
        if (axis != shape->ndim - 1 && shape->dim[shape->ndim - 1] >= SHORT_AXIS)
                return shape->ndim - 1;
        return best >= 0 && shape->dim[best] > 1 && (shape->dim[axis] < SHORT_AXIS || shape->dim[best] >= SHORT_AXIS) &&
                               (axis != shape->ndim - 1 || shape->dim[axis] < SHORT_AXIS)
                       ? best
                       : -1;
}

static int scan_init(ScanRun *s, int lane) {
        size_t block = lane < 0 ? STRIP : 1, max;
        int r;

        max = MAX(block, lane < 0 ? (size_t) 1 : (size_t) MIN(s->run->out[0].shape.dim[lane], (int64_t) STRIP));
        s->element = exec_take(s->run->exec, max * s->in_size);
        s->result = exec_take(s->run->exec, max * s->out_size);
        if (!s->element || !s->result)
                return -ENOMEM;
        s->width = lane < 0 ? 1 : max;
        r = take_state(s, s->width, s->fresh);
        for (int l = 0; l <= BLOCK_LEVEL && lane < 0 && r >= 0; l++)
                r = take_state(s, block >> l, s->up[l]);
        if (lane < 0 && r >= 0)
                r = take_state(s, block, s->down[0]);
        if (lane < 0 && r >= 0)
                r = take_state(s, block, s->down[1]);
        if (lane < 0 && r >= 0)
                r = take_state(s, block, s->even);
        if (lane < 0 && r >= 0)
                r = take_state(s, block, s->odd);
        return r;
}

int run_scan(Run *run) {
        const Stage *stage = run->stage;
        const Block *block = &stage->block;
        const Fold *fold = block->op->folds + block->fold;
        const Region *x = run->source;
        const Shape *shape = &run->out[0].shape;
        int64_t out_stride[MAX_NDIM], at[MAX_NDIM] = {};
        ScanRun s = { .run = run, .fold = fold, .n_state = fold->n_state, .axis = block->axis };
        int lane, r;

        for (int k = 0; k < shape->ndim; k++)
                if (shape->dim[k] == 0)
                        return 0;
        if (x->view.dtype != fold->in)
                return error_set(run->err, ERROR_TYPE, "%s of %s is not prepared", block->op->name,
                                 dtype_name(x->view.dtype));

        s.lo = run->box.lo[s.axis];
        s.hi = run->box.hi[s.axis];
        for (int c = 0; c < s.n_state; c++)
                s.size[c] = dtype_size(fold->state[c]);
        s.in_size = dtype_size(fold->in);
        s.out_size = dtype_size(fold->out);
        strided_of_shape(shape, s.out_size, out_stride);
        s.x_step = x->view.stride[s.axis];
        s.out_step = out_stride[s.axis];
        if (s.lo > 0) {
                const Cuts *elements = &stage->domain.axis[s.axis];

                if (stage->n_source != 1u + s.n_state)
                        return error_set(run->err, -EINVAL, "%s has no prefix", block->op->name);
                s.n_prefix = tree_cover(0, s.lo, s.prefix);
                for (uint32_t g = 0; cuts_edge(elements, g) < s.lo || cuts_edge(elements, g + 1) == s.lo; g++)
                        s.first_prefix += tree_cover_size(0, cuts_edge(elements, g));
        }
        lane = lane_axis(shape, s.axis);
        r = scan_init(&s, lane);
        if (r < 0)
                return r;
        if (lane >= 0) {
                s.x_lane = x->view.stride[lane];
                s.out_lane = out_stride[lane];
        }
        for (int c = 0; c < s.n_state && s.lo > 0; c++) {
                s.prefix_node[c] = run->source[1 + c].view.stride[s.axis];
                s.prefix_lane[c] = lane < 0 ? 0 : run->source[1 + c].view.stride[lane];
        }

        for (const size_t max_width = s.width;;) {
                const char *from = x->view.data;
                char *to = run->out[0].data, *prefix[MAX_STATE] = {};
                int k;

                for (int c = 0; c < s.n_state && s.lo > 0; c++)
                        prefix[c] = run->source[1 + c].view.data;
                for (k = 0; k < shape->ndim; k++) {
                        if (k == s.axis)
                                continue;
                        from += at[k] * x->view.stride[k];
                        to += at[k] * out_stride[k];
                        for (int c = 0; c < s.n_state && s.lo > 0; c++)
                                prefix[c] += at[k] * run->source[1 + c].view.stride[k];
                }
                if (lane >= 0)
                        s.width = (size_t) MIN((int64_t) max_width, shape->dim[lane] - at[lane]);
                r = stack_start(&s, prefix);
                if (r >= 0 && fold->run_on)
                        r = lane >= 0 ? running_lanes(&s, from, to) : running_row(&s, from, to);
                else if (r >= 0)
                        r = lane >= 0 ? scan_lanes(&s, from, to) : scan_row(&s, from, to);
                if (r < 0)
                        return r;

                for (k = shape->ndim - 1; k >= 0; k--) {
                        if (k == s.axis)
                                continue;
                        at[k] += k == lane ? (int64_t) max_width : 1;
                        if (at[k] < shape->dim[k])
                                break;
                        at[k] = 0;
                }
                if (k < 0)
                        return 0;
        }
}
