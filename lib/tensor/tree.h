/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The tree of every reduction. A reduction over an axis of length N is the balanced binary tree over the element index:
 * node (level, index) is the merge of its two children and covers [index << level, (index + 1) << level); a child that
 * lies beyond N is absent, and its sibling passes up unchanged. The value of each node is therefore fixed by N and the
 * elements alone. Whoever has the elements [lo, hi) can compute exactly the nodes that lie inside it; the fewest that
 * hold all of it are its cover, in ascending order, two per level at most. Covers of neighbouring intervals merge to
 * the cover of their union, in any order, at any time, anywhere: the same bits. The root is the cover of [0, N)
 * folded from the right. */
#include "base/limits.h"
#include "base/macro.h"

typedef struct TreeNode {
        int level;     /* covers 1 << level elements */
        int64_t index; /* from (index << level) on */
} TreeNode;

/* Fills ret with the cover of [lo, hi), 0 <= lo <= hi, ascending; returns how many. */
int tree_cover(int64_t lo, int64_t hi, TreeNode ret[static MAX_TREE_NODES]);
int tree_cover_size(int64_t lo, int64_t hi);
static inline int64_t tree_node_lo(TreeNode t) {
        return t.index << t.level;
}
static inline int64_t tree_node_hi(TreeNode t) {
        return (t.index + 1) << t.level;
}
