/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Reductions along the tree of tensor/tree.h. Elements come in ascending order; what is left at the end is the cover of
 * their interval. Two machines do this, and they agree bit for bit, because both make the nodes of the tree and no
 * others:
 *
 *   Counter  folds vectors: element i of the axis is a vector of `width` states. A binary counter: slot l holds a node
 *            of level l that waits for its right sibling.
 *   Pyramid  folds within strips of neighbouring elements, four levels at a time by merge_pairs or merge_quads: the
 *            nodes of level 0 leave nodes of level 4, which are collected until there is a strip of them, and so on.
 *
 * A node whose left sibling lies before the interval can never be merged here: it is a left edge of the cover. What
 * waits at the end is the right edge. All counts that operators see are multiples of `unit`, the elements that one
 * leaf covers. */
#include "exec/inside.h"

enum { MAX_LEVELS = 63, RISE = 4 };

/* The nodes of a cover in ascending order; each is a vector of `width` states, component by component. */
typedef struct Cover {
        int n;
        int level[MAX_TREE_NODES];
        char *state[MAX_TREE_NODES][MAX_STATE];
} Cover;

/* Where results go: component c of node j of lane i goes to at[c] + j * node[c] + i * lane[c]; or, when the lanes are
 * scattered, to place[i * stride_place + c] + j * node[c]. */
typedef struct FoldDest {
        char *at[MAX_STATE];
        int64_t node[MAX_STATE], lane[MAX_STATE];
        char *const *place; /* NULL: lanes are `lane` bytes apart */
} FoldDest;

/* Writes the cover as `end` asks for it; merges what must be merged for that. */
int cover_emit(Exec *exec, const Cover *cover, const Fold *fold, int64_t unit, size_t width, FoldEnd end,
               const FoldDest *dest);
/* What is left of an axis of length zero: the identity, or ERROR_VALUE in NumPy's words. */
int fold_empty(const Op *op, const Fold *fold, Error *err);

/* Which vectors a counter has made for itself so far, a bit each. */
typedef struct CounterMade {
        uint64_t own, left;
        bool between;
} CounterMade;

typedef struct Counter {
        Exec *exec;
        const Fold *fold;
        int64_t unit;
        size_t size[MAX_STATE];
        size_t width, max_width;
        uint64_t full;                         /* bit l: a node waits in slot l */
        char *slot[MAX_LEVELS][MAX_STATE];     /* where it lies: in own[l], or in memory of the caller that stays */
        char *own[MAX_LEVELS][MAX_STATE];      /* made when first needed, as `between` and `left` */
        char *between[MAX_STATE];
        CounterMade made;
        int n_left;
        int left_level[MAX_LEVELS];
        char *left[MAX_LEVELS][MAX_STATE];
} Counter;

void counter_init(Counter *c, Exec *exec, const Fold *fold, int64_t unit, size_t max_width);
void counter_reset(Counter *c, size_t width);
/* The next node. Its vectors stay where they are until its sibling has come or the counter is reset: an element
 * until the next element, a larger node for longer. */
int counter_push(Counter *c, int level, int64_t index, char *const *state);
void counter_cover(const Counter *c, Cover *ret);

typedef struct Pyramid {
        char *run[MAX_LEVELS / RISE + 2][MAX_STATE];  /* nodes of level RISE q, in own memory */
        uint32_t n[MAX_LEVELS / RISE + 2];
        int64_t first[MAX_LEVELS / RISE + 2];         /* index of the first of them */
        int n_left, n_right;
} Pyramid;

/* What the pyramids of a nest share: the interval, its cover, and room for the states of up to `width` rows. */
typedef struct PyramidBase {
        Exec *exec;
        const Fold *fold;
        size_t size[MAX_STATE];
        int64_t unit, lo, hi;
        size_t width;
        Cover cover;             /* state[j][c] has room for `width` states */
        char *half[2][MAX_STATE];
        char *one[MAX_STATE];    /* the state of an element that has no neighbour */
} PyramidBase;

int pyramid_base_init(PyramidBase *base, Exec *exec, const Fold *fold, int64_t unit, int64_t lo, int64_t hi,
                      size_t width, size_t strip);
void pyramid_init(Pyramid *p);
/* The next n <= strip leaves, from position `first` on; they end at a multiple of `strip` (STRIP to 8 STRIP) or with
 * the interval. After the last run the nodes of the cover are in column `column` of base->cover. */
int pyramid_push(Pyramid *p, PyramidBase *base, size_t column, int64_t first, size_t n, char *const *state);
/* The same of elements, when the fold has lift_pairs. */
int pyramid_push_elements(Pyramid *p, PyramidBase *base, size_t column, int64_t first, size_t n, const char *element);
