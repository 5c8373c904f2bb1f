/* SPDX-License-Identifier: Apache-2.0 */
/* Merging partials: the covers of neighbouring intervals become the cover of their union, or the result, or (scan)
 * the covers of everything before each of them.
 *
 * Seen from the merged axis a partial is outer × node × inner, and the chunks that a task reads differ only in their
 * number of
 * nodes: cuts along the other axes are the same for all. Strips of positions on the other axes are merged by a
 * Counter, which looks at the chunks directly when a strip is contiguous there. */
#include <string.h>

#include "exec/fold.h"
#include "tensor/strided.h"

typedef struct Part {
        int64_t n_node;
        TreeNode *node;
        const char *state[MAX_STATE];
} Part;

typedef struct MergeRun {
        Run *run;
        const Merge *merge;
        const Fold *fold;
        size_t size[MAX_STATE];
        Part *part;               /* in ascending order */
        uint32_t n_part;
        int64_t outer, inner;
        int64_t n_out_node;       /* along the axis of the output */
        Counter counter;
} MergeRun;

static int find_parts(MergeRun *m) {
        const Run *run = m->run;
        const int axis = m->merge->axis;
        const Cuts *cuts = &run->plan->value.data[run->stage->source[0].value].tiling.axis[axis];
        const Region *region = run->source;
        uint32_t first = 0, end = m->merge->elements.n, piece = 0;

        if (!m->merge->scan && region->n_piece == 0) {
                end = 0; /* a group of empty chunks */
        } else if (!m->merge->scan) {
                first = cuts_find(cuts, region->box.lo[axis]);
                end = cuts_find(cuts, region->box.hi[axis] - 1) + 1;
        }
        m->n_part = end - first;
        m->part = exec_take_array(run->exec, Part, m->n_part);
        if (!m->part)
                return -ENOMEM;
        for (uint32_t i = 0; i < m->n_part; i++) {
                int64_t lo = cuts_edge(&m->merge->elements, first + i),
                        hi = cuts_edge(&m->merge->elements, first + i + 1);
                Part *part = m->part + i;
                TreeNode node[MAX_TREE_NODES];

                part->n_node = tree_cover(lo, hi, node);
                if (part->n_node == 0)
                        continue; /* an empty chunk has no piece */
                part->node = exec_take_array(run->exec, TreeNode, part->n_node);
                if (!part->node)
                        return -ENOMEM;
                memcpy(part->node, node, (size_t) part->n_node * sizeof(*node));
                assert(piece < region->n_piece && part->n_node == region->piece[piece].view.shape.dim[axis]);
                for (int c = 0; c < m->fold->n_state; c++)
                        part->state[c] = run->source[c].piece[piece].view.data;
                piece++;
        }
        return 0;
}

/* The next nodes of a strip: n_row rows of n positions, the first at (outer, inner). */
static int push_part(MergeRun *m, const Part *part, int64_t outer, int64_t n_row, int64_t inner, int64_t n) {
        for (int64_t j = 0; j < part->n_node; j++) {
                char *state[MAX_STATE];
                int r;

                for (int c = 0; c < m->fold->n_state; c++) {
                        int64_t size = (int64_t) m->size[c], row = part->n_node * m->inner * size;
                        const char *at = part->state[c] + outer * row + (j * m->inner + inner) * size;
                        Shape shape;

                        if (n_row == 1) {
                                state[c] = (char *) at;
                                continue;
                        }
                        state[c] = exec_take(m->run->exec, (size_t) (n_row * n * size));
                        if (!state[c])
                                return -ENOMEM;
                        shape = SHAPE(n_row, n);
                        strided_copy(state[c], (const int64_t[]) { n * size, size }, at,
                                     (const int64_t[]) { row, size }, &shape, (size_t) size);
                }
                r = counter_push(&m->counter, part->node[j].level, part->node[j].index, state);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Writes what the counter holds to the output's nodes from first_node on. */
static int emit(MergeRun *m, int64_t outer, int64_t n_row, int64_t inner, int64_t n, int64_t first_node, FoldEnd end,
                char **place, int64_t *ret_n_node) {
        FoldDest dest = { .place = n_row > 1 ? place : NULL };
        Cover cover;

        for (uint32_t c = 0; c < m->run->stage->n_out; c++) {
                int64_t size = (int64_t) (end == FOLD_FINISH ? dtype_size(m->fold->out) : m->size[c]);

                for (int64_t row = 0; row < n_row; row++) {
                        char *at = m->run->out[c].data +
                                   (((outer + row) * m->n_out_node + first_node) * m->inner + inner) * size;

                        if (row == 0)
                                dest.at[c] = at;
                        for (int64_t i = 0; i < n && n_row > 1; i++)
                                place[(row * n + i) * MAX_STATE + c] = at + i * size;
                }
                dest.node[c] = m->inner * size;
                dest.lane[c] = size;
        }
        counter_cover(&m->counter, &cover);
        *ret_n_node = cover.n;
        return cover_emit(m->run->exec, &cover, m->fold, m->counter.unit, m->counter.width, end, &dest);
}

static int merge_strip(MergeRun *m, int64_t outer, int64_t n_row, int64_t inner, int64_t n, char **place) {
        int64_t first_node = 0, n_node;
        int r;

        counter_reset(&m->counter, (size_t) (n_row * n));
        for (uint32_t i = 0; i < m->n_part; i++) {
                if (m->merge->scan) {
                        r = emit(m, outer, n_row, inner, n, first_node, FOLD_PARTIAL, place, &n_node);
                        if (r < 0)
                                return r;
                        first_node += n_node;
                }
                r = push_part(m, m->part + i, outer, n_row, inner, n);
                if (r < 0)
                        return r;
                if (run_canceled(m->run))
                        return ERROR_CANCELED;
        }
        return m->merge->scan ? 0 : emit(m, outer, n_row, inner, n, 0, m->merge->end, place, &n_node);
}

int run_merge(Run *run) {
        const Merge *merge = &run->stage->merge;
        const Fold *fold = merge->op->folds + merge->fold;
        const Shape *shape = &run->source[0].view.shape;
        MergeRun m; /* there is much room in it, for levels */
        int64_t n_row, n;
        char **place;
        int r;

        m.run        = run;
        m.merge      = merge;
        m.fold       = fold;
        m.outer      = 1;
        m.inner      = 1;
        m.n_out_node = 1;
        for (int k = 0; k < shape->ndim; k++)
                if (k != merge->axis)
                        *(k < merge->axis ? &m.outer : &m.inner) *= shape->dim[k];
        if (m.outer == 0 || m.inner == 0)
                return 0;
        if (run->source[0].n_piece == 0 && !merge->scan && merge->end != FOLD_PARTIAL)
                return error_set(run->err, -EINVAL, "no partials of %s", merge->op->name);
        for (int c = 0; c < fold->n_state; c++)
                m.size[c] = dtype_size(fold->state[c]);
        if (merge->scan || merge->end == FOLD_PARTIAL)
                m.n_out_node = run->out[0].shape.dim[merge->axis];
        r = find_parts(&m);
        if (r < 0)
                return r;

        /* Strips lie in one row where rows are long; short rows are copied side by side. */
        n = MIN(m.inner, (int64_t) STRIP);
        n_row = n < STRIP / 4 ? MIN(STRIP / n, m.outer) : 1;
        counter_init(&m.counter, run->exec, fold, merge->unit ?: 1, (size_t) (n_row * n));
        place = exec_take_array(run->exec, char *, (size_t) (n_row * n) * MAX_STATE);
        if (!place)
                return -ENOMEM;
        for (int64_t outer = 0; outer < m.outer; outer += n_row)
                for (int64_t inner = 0; inner < m.inner; inner += n) {
                        const CounterMade made = m.counter.made;
                        size_t mark            = exec_mark(run->exec);

                        r = merge_strip(&m, outer, MIN(n_row, m.outer - outer), inner, MIN(n, m.inner - inner), place);
                        if (r < 0)
                                return r;
                        exec_release(run->exec, mark);
                        m.counter.made = made; /* what was made in between is gone */
                }
        return 0;
}
