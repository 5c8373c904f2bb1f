/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/fold.h"

#include <string.h>

#include "tensor/strided.h"

enum { RUN = 1 << RUN_LEVEL };

_Static_assert(RUN_LEVEL % RISE == 0 && STRIP % RUN == 0, "runs begin and end where strips do");

int fold_empty(const Op *op, const Fold *fold, Error *err) {
        if (fold->identity)
                return 0;
        return error_set(err, ERROR_VALUE, "zero-size array to reduction operation %s which has no identity", op->name);
}

/* ---- Covers ------------------------------------------------------------------------------------------------------ */

static void emit(const FoldDest *dest, int c, int64_t node, const char *src, size_t width, size_t size) {
        if (dest->place)
                for (size_t i = 0; i < width; i++)
                        memcpy(dest->place[i * MAX_STATE + c] + node * dest->node[c], src + i * size, size);
        else
                strided_scatter(dest->at[c] + node * dest->node[c], dest->lane[c], src, width, size);
}

int cover_emit(Exec *exec, const Cover *cover, const Fold *fold, int64_t unit, size_t width, FoldEnd end,
               const FoldDest *dest) {
        const bool in_place = end != FOLD_PARTIAL && fold->n_state == 1 && !(end == FOLD_FINISH && fold->finish) &&
                              !dest->place && dest->lane[0] == (int64_t) dtype_size(fold->state[0]);
        char *root[MAX_STATE], *sum[MAX_STATE] = {};
        size_t mark = exec_mark(exec);
        int64_t count;

        if (end == FOLD_PARTIAL) {
                for (int j = 0; j < cover->n; j++)
                        for (int c = 0; c < fold->n_state; c++)
                                emit(dest, c, j, cover->state[j][c], width, dtype_size(fold->state[c]));
                return 0;
        }

        /* The root: from the right, because a node without a right sibling passes up unchanged. */
        assert(cover->n > 0 && fold->n_state > 0);
        for (int c = 0; c < fold->n_state; c++)
                root[c] = cover->state[cover->n - 1][c];
        count = unit << cover->level[cover->n - 1];
        for (int j = cover->n - 2; j >= 0; j--) {
                int64_t n_left = unit << cover->level[j];

                if (in_place && j == 0)
                        sum[0] = dest->at[0];
                for (int c = 0; c < fold->n_state && !sum[c]; c++) {
                        sum[c] = exec_take(exec, width * dtype_size(fold->state[c]));
                        if (!sum[c])
                                return -ENOMEM;
                }
                fold->merge(width, (void *const *) cover->state[j], (void *const *) root, (void *const *) sum, n_left,
                            count);
                memcpy(root, sum, sizeof(root));
                count += n_left;
        }

        if (in_place && root[0] == dest->at[0]) {
                /* the last merge has written it */
        } else if (end == FOLD_STATE) {
                for (int c = 0; c < fold->n_state; c++)
                        emit(dest, c, 0, root[c], width, dtype_size(fold->state[c]));
        } else if (!fold->finish) {
                emit(dest, 0, 0, root[0], width, dtype_size(fold->state[0]));
        } else if (!dest->place && dest->lane[0] == (int64_t) dtype_size(fold->out)) {
                fold->finish(width, (void *const *) root, count, dest->at[0]);
        } else {
                char *out = exec_take(exec, width * dtype_size(fold->out));

                if (!out)
                        return -ENOMEM;
                fold->finish(width, (void *const *) root, count, out);
                emit(dest, 0, 0, out, width, dtype_size(fold->out));
        }
        exec_release(exec, mark);
        return 0;
}

/* ---- Counter ----------------------------------------------------------------------------------------------------- */

void counter_init(Counter *c, Exec *exec, const Fold *fold, int64_t unit, size_t max_width) {
        c->exec = exec;
        c->fold = fold;
        c->unit = unit;
        c->max_width = max_width;
        c->made = (CounterMade) {};
        for (int k = 0; k < fold->n_state; k++)
                c->size[k] = dtype_size(fold->state[k]);
}

void counter_reset(Counter *c, size_t width) {
        assert(width <= c->max_width);
        c->full = 0;
        c->n_left = 0;
        c->width = width;
}

static int state_take(Exec *exec, const Fold *fold, size_t width, char **state) {
        for (int k = 0; k < fold->n_state; k++) {
                state[k] = exec_take(exec, width * dtype_size(fold->state[k]));
                if (!state[k])
                        return -ENOMEM;
        }
        return 0;
}

int counter_push(Counter *c, int level, int64_t index, char *const *state) {
        const Fold *fold = c->fold;
        char *at[MAX_STATE] = {};
        int r;

        for (int k = 0; k < fold->n_state; k++)
                at[k] = state[k];
        for (; index & 1 && c->full >> level & 1; level++, index >>= 1) {
                bool between = c->full >> (level + 1) & 1;
                char **out   = between ? c->between : c->own[level + 1];

                if (_unlikely_(between ? !c->made.between : !(c->made.own >> (level + 1) & 1))) {
                        r = state_take(c->exec, fold, c->max_width, out);
                        if (r < 0)
                                return r;
                        c->made.between |= between;
                        c->made.own |= (uint64_t) !between << (level + 1);
                }
                fold->merge(c->width, (void *const *) c->slot[level], (void *const *) at, (void *const *) out,
                            c->unit << level, c->unit << level);
                c->full &= ~((uint64_t) 1 << level);
                memcpy(at, out, sizeof(at));
        }
        if (index & 1) {
                if (!(c->made.left >> c->n_left & 1)) {
                        r = state_take(c->exec, fold, c->max_width, c->left[c->n_left]);
                        if (r < 0)
                                return r;
                        c->made.left |= (uint64_t) 1 << c->n_left;
                }
                for (int k = 0; k < fold->n_state; k++) {
                        assert(at[k]); /* as many components as the fold has */
                        memcpy(c->left[c->n_left][k], at[k], c->width * c->size[k]);
                }
                c->left_level[c->n_left++] = level;
        } else {
                memcpy(c->slot[level], at, sizeof(at));
                c->full |= (uint64_t) 1 << level;
        }
        return 0;
}

void counter_cover(const Counter *c, Cover *ret) {
        ret->n = 0;
        for (int i = 0; i < c->n_left; i++) {
                ret->level[ret->n] = c->left_level[i];
                memcpy(ret->state[ret->n++], c->left[i], sizeof(c->left[i]));
        }
        for (uint64_t full = c->full; full;) {
                const int l = 63 - __builtin_clzll(full);

                full ^= (uint64_t) 1 << l;
                ret->level[ret->n] = l;
                memcpy(ret->state[ret->n++], c->slot[l], sizeof(c->slot[l]));
        }
}

/* ---- Pyramid ----------------------------------------------------------------------------------------------------- */

int pyramid_base_init(PyramidBase *base, Exec *exec, const Fold *fold, int64_t unit, int64_t lo, int64_t hi,
                      size_t width, size_t strip) {
        TreeNode node[MAX_TREE_NODES];
        int r;

        base->exec = exec;
        base->fold = fold;
        base->unit = unit;
        base->lo = lo;
        base->hi = hi;
        base->width = width;
        for (int c = 0; c < fold->n_state; c++)
                base->size[c] = dtype_size(fold->state[c]);
        base->cover.n = tree_cover(lo, hi, node);
        for (int j = 0; j < base->cover.n; j++) {
                base->cover.level[j] = node[j].level;
                r = state_take(exec, fold, width, base->cover.state[j]);
                if (r < 0)
                        return r;
        }
        for (int i = 0; i < 2; i++) {
                r = state_take(exec, fold, (strip + 1) / 2, base->half[i]);
                if (r < 0)
                        return r;
        }
        if (fold->lift_runs && fold->lift && !fold->lift_pairs) {
                r = state_take(exec, fold, RUN, base->lifted);
                if (r < 0)
                        return r;
        }
        return state_take(exec, fold, 1, base->one);
}

/* Of a run only whether it is there is asked before it is made: a tiny task has no time for all of them. */
void pyramid_init(Pyramid *p) {
        for (size_t q = 0; q < ELEMENTSOF(p->run); q++) {
                p->run[q][0] = NULL;
                p->n[q]      = 0;
        }
        p->n_left = p->n_right = 0;
}

static void pyramid_edge(PyramidBase *base, size_t column, int j, char *const *state, size_t at) {
        for (int c = 0; c < base->fold->n_state; c++)
                memcpy(base->cover.state[j][c] + column * base->size[c], state[c] + at * base->size[c], base->size[c]);
}

/* Where n nodes of level RISE (q + 1), the first of index `first`, will be: at the end of the run there. */
static int pyramid_append(Pyramid *p, PyramidBase *base, int q, int64_t first, char **ret) {
        if (_unlikely_(!p->run[q + 1][0])) {
                int r = state_take(base->exec, base->fold, STRIP, p->run[q + 1]);

                if (r < 0)
                        return r;
        }
        if (p->n[q + 1] == 0)
                p->first[q + 1] = first;
        for (int c = 0; c < base->fold->n_state; c++)
                ret[c] = p->run[q + 1][c] + p->n[q + 1] * base->size[c];
        return 0;
}

static int pyramid_fold(Pyramid *p, PyramidBase *base, size_t column, int q, int k, int64_t first, size_t n,
                        char *const *state);

static int pyramid_appended(Pyramid *p, PyramidBase *base, size_t column, int q, int64_t first, size_t n) {
        p->n[q + 1] += (uint32_t) n;
        if (((first + (int64_t) n) & (STRIP - 1)) != 0)
                return 0;
        n = p->n[q + 1];
        p->n[q + 1] = 0;
        return pyramid_fold(p, base, column, q + 1, 0, p->first[q + 1], n, p->run[q + 1]);
}

/* Folds a run of nodes of level RISE q + k up to level RISE (q + 1) and appends them to the run there. `first` may
 * be odd only at the start of the interval, and the end only at its end: such a node belongs to the cover. Positions
 * are in nodes. */
static int pyramid_fold(Pyramid *p, PyramidBase *base, size_t column, int q, int k, int64_t first, size_t n,
                        char *const *state) {
        const Fold *fold = base->fold;
        char *at[MAX_STATE], *out[MAX_STATE];
        int r;

        for (int c = 0; c < fold->n_state; c++)
                at[c] = state[c];
        if (fold->merge_quads && ((first | (int64_t) n) & ((1 << (RISE - k)) - 1)) == 0 && (RISE - k) % 2 == 0) {
                for (; k < RISE; k += 2) { /* no edges here: two levels at once */
                        n /= 4;
                        first /= 4;
                        memcpy(out, base->half[0], sizeof(out));
                        if (k == RISE - 2) {
                                r = pyramid_append(p, base, q, first, out);
                                if (r < 0)
                                        return r;
                        }
                        fold->merge_quads(n, (void *const *) at, (void *const *) out, base->unit << (RISE * q + k));
                        memcpy(at, out, sizeof(at));
                }
                return pyramid_appended(p, base, column, q, first, n);
        }
        for (; k < RISE; k++) {
                if (first & 1) {
                        pyramid_edge(base, column, p->n_left++, at, 0);
                        for (int c = 0; c < fold->n_state; c++)
                                at[c] += base->size[c];
                        first++;
                        n--;
                }
                if (n & 1)
                        pyramid_edge(base, column, base->cover.n - 1 - p->n_right++, at, n - 1);
                n /= 2;
                first /= 2;
                if (n == 0)
                        return 0;
                memcpy(out, base->half[k & 1], sizeof(out));
                if (k == RISE - 1) {
                        r = pyramid_append(p, base, q, first, out);
                        if (r < 0)
                                return r;
                }
                fold->merge_pairs(n, (void *const *) at, (void *const *) out, base->unit << (RISE * q + k));
                memcpy(at, out, sizeof(at));
        }
        return pyramid_appended(p, base, column, q, first, n);
}

/* Nothing comes any more: the runs that are still open end here. */
static int pyramid_end(Pyramid *p, PyramidBase *base, size_t column) {
        for (size_t q = 1; q < ELEMENTSOF(p->run) - 1; q++) {
                size_t left = p->n[q];
                int r;

                if (left == 0)
                        continue;
                p->n[q] = 0;
                r = pyramid_fold(p, base, column, (int) q, 0, p->first[q], left, p->run[q]);
                if (r < 0)
                        return r;
        }
        assert(p->n_left + p->n_right == base->cover.n);
        p->n_left = p->n_right = 0;
        return 0;
}

int pyramid_push(Pyramid *p, PyramidBase *base, size_t column, int64_t first, size_t n, char *const *state) {
        int r = pyramid_fold(p, base, column, 0, 0, first, n, state);

        return r < 0 || first + (int64_t) n < base->hi ? r : pyramid_end(p, base, column);
}

/* Elements one by one, or in pairs and quads. */
static int push_leaves(Pyramid *p, PyramidBase *base, size_t column, int64_t first, size_t n, const char *element) {
        const Fold *fold = base->fold;
        size_t size = dtype_size(fold->in);

        if (fold->lift_quads && ((first | (int64_t) n) & ((1 << RISE) - 1)) == 0) {
                fold->lift_quads(n / 4, element, first, (void *const *) base->half[1]);
                return pyramid_fold(p, base, column, 0, 2, first / 4, n / 4, base->half[1]);
        }
        if (!fold->lift_pairs) {
                char *state[MAX_STATE] = { (char *) element };

                if (fold->lift) {
                        memcpy(state, base->lifted, sizeof(state));
                        fold->lift(n, element, first, 1, (void *const *) state);
                }
                return pyramid_fold(p, base, column, 0, 0, first, n, state);
        }
        if (first & 1) {
                fold->lift(1, element, first, 1, (void *const *) base->one);
                pyramid_edge(base, column, p->n_left++, base->one, 0);
                element += size;
                first++;
                n--;
        }
        if (n & 1) {
                n--;
                fold->lift(1, element + n * size, first + (int64_t) n, 1, (void *const *) base->one);
                pyramid_edge(base, column, base->cover.n - 1 - p->n_right++, base->one, 0);
        }
        if (n == 0)
                return 0;
        fold->lift_pairs(n / 2, element, first, (void *const *) base->half[0]);
        return pyramid_fold(p, base, column, 0, 1, first / 2, n / 2, base->half[0]);
}

/* Less than a run, at the start or the end of the interval. Nodes of level 4 that wait for neighbours have none: what
 * comes next are runs. */
static int push_edge(Pyramid *p, PyramidBase *base, size_t column, int64_t first, size_t n, const char *element) {
        size_t left;
        int r = push_leaves(p, base, column, first, n, element);

        if (r < 0)
                return r;
        left = p->n[1];
        p->n[1] = 0;
        return left > 0 ? pyramid_fold(p, base, column, 1, 0, p->first[1], left, p->run[1]) : 0;
}

/* What the interval has behind its last run: a node for every bit of the length. Those on the right come first, since
 * edges come in the order of levels. */
static int push_tail(Pyramid *p, PyramidBase *base, size_t column, int64_t first, size_t n, const char *element) {
        size_t size = dtype_size(base->fold->in), end = n;
        int r;

        n = end & (((size_t) 1 << RUN_LEAST) - 1);
        if (n > 0) {
                end -= n;
                r = push_edge(p, base, column, first + (int64_t) end, n, element + end * size);
                if (r < 0)
                        return r;
        }
        for (int level = RUN_LEAST; level < RUN_LEVEL; level++) {
                if (!(end >> level & 1))
                        continue;
                end -= (size_t) 1 << level;
                base->fold->lift_runs(1, level, element + end * size, first + (int64_t) end, (void *const *) base->one);
                pyramid_edge(base, column, base->cover.n - 1 - p->n_right++, base->one, 0);
        }
        return 0;
}

static int push_runs(Pyramid *p, PyramidBase *base, size_t column, int64_t first, size_t n, const char *element) {
        const Fold *fold = base->fold;
        size_t size = dtype_size(fold->in), head = (size_t) (-first & (RUN - 1)), n_run;
        char *out[MAX_STATE];
        int r;

        if (head > 0) {
                head = MIN(head, n);
                r = push_edge(p, base, column, first, head, element);
                if (r < 0)
                        return r;
                element += head * size;
                first += (int64_t) head;
                n -= head;
        }
        n_run = n / RUN;
        if (n_run > 0) {
                r = pyramid_append(p, base, RUN_LEVEL / RISE - 1, first / RUN, out);
                if (r < 0)
                        return r;
                fold->lift_runs(n_run, RUN_LEVEL, element, first, (void *const *) out);
                r = pyramid_appended(p, base, column, RUN_LEVEL / RISE - 1, first / RUN, n_run);
                if (r < 0)
                        return r;
        }
        n %= RUN;
        return n > 0 ? push_tail(p, base, column, first + (int64_t) (n_run * RUN), n, element + n_run * RUN * size) : 0;
}

int pyramid_push_elements(Pyramid *p, PyramidBase *base, size_t column, int64_t first, size_t n, const char *element) {
        int r = base->fold->lift_runs ? push_runs(p, base, column, first, n, element)
                                      : push_leaves(p, base, column, first, n, element);

        return r < 0 || first + (int64_t) n < base->hi ? r : pyramid_end(p, base, column);
}
