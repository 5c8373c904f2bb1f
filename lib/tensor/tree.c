/* SPDX-License-Identifier: Apache-2.0 */
/* Split [lo, hi) at its most aligned position p: the highest bit in which lo and hi differ is set in p, and
 * nothing below it. From lo up to p nodes grow, from p to hi they shrink, one for every bit of (p - lo) and of
 * (hi - p). Two neighbours of this list are never the children of one node, so there are no fewer. */
#include "tensor/tree.h"

static int64_t split(int64_t lo, int64_t hi) {
        int level = 63 - __builtin_clzll((uint64_t) (lo ^ hi));

        return hi >> level << level;
}

int tree_cover(int64_t lo, int64_t hi, TreeNode ret[static MAX_TREE_NODES]) {
        int n = 0;
        int64_t p;

        assert(0 <= lo && lo <= hi);
        if (lo == hi)
                return 0;
        p = split(lo, hi);
        for (uint64_t left = (uint64_t) (p - lo); left; left &= left - 1) {
                int level = __builtin_ctzll(left);

                ret[n++] = (TreeNode){ level, lo >> level };
                lo += (int64_t) 1 << level;
        }
        while (lo < hi) {
                int level = 63 - __builtin_clzll((uint64_t) (hi - lo));

                ret[n++] = (TreeNode){ level, lo >> level };
                lo += (int64_t) 1 << level;
        }
        return n;
}

int tree_cover_size(int64_t lo, int64_t hi) {
        int64_t p;

        assert(0 <= lo && lo <= hi);
        if (lo == hi)
                return 0;
        p = split(lo, hi);
        return __builtin_popcountll((uint64_t) (p - lo)) + __builtin_popcountll((uint64_t) (hi - p));
}
