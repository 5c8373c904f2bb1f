/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/tree.h"

#include "harness.h"

enum { N = 200 };

TEST(a_cover_is_ascending_disjoint_and_complete) {
        for (int64_t hi = 0; hi < N; hi++)
                for (int64_t lo = 0; lo <= hi; lo++) {
                        TreeNode cover[MAX_TREE_NODES];
                        int n = tree_cover(lo, hi, cover);
                        int64_t at = lo;

                        ck_assert_int_eq(tree_cover_size(lo, hi), n);
                        for (int i = 0; i < n; i++) {
                                ck_assert_int_eq(tree_node_lo(cover[i]), at);
                                ck_assert_int_gt(tree_node_hi(cover[i]), at);
                                at = tree_node_hi(cover[i]);
                        }
                        ck_assert_int_eq(at, hi);
                }
}

/* The fewest aligned nodes from each position to hi, by trying all. */
TEST(no_fewer_nodes_cover_an_interval) {
        for (int hi = 0; hi < N; hi++) {
                int fewest[N] = {};

                for (int lo = hi - 1; lo >= 0; lo--) {
                        fewest[lo] = N;
                        for (int level = 0; lo % (1 << level) == 0 && lo + (1 << level) <= hi; level++)
                                fewest[lo] = MIN(fewest[lo], 1 + fewest[lo + (1 << level)]);
                        ck_assert_int_eq(tree_cover_size(lo, hi), fewest[lo]);
                }
        }
}

/* Siblings that meet become their parent, until none do. */
static int merge(TreeNode *nodes, int n) {
        int n_out = 0;

        for (int i = 0; i < n; i++) {
                nodes[n_out++] = nodes[i];
                while (n_out >= 2 && nodes[n_out - 1].level == nodes[n_out - 2].level &&
                       nodes[n_out - 2].index % 2 == 0 && nodes[n_out - 1].index == nodes[n_out - 2].index + 1) {
                        n_out--;
                        nodes[n_out - 1] = (TreeNode){ nodes[n_out - 1].level + 1, nodes[n_out - 1].index / 2 };
                }
        }
        return n_out;
}

TEST(covers_of_neighbours_merge_to_the_cover_of_their_union) {
        for (int64_t hi = 0; hi < N; hi++)
                for (int64_t lo = 0; lo <= hi; lo++) {
                        TreeNode whole[MAX_TREE_NODES];
                        int n_whole = tree_cover(lo, hi, whole);

                        for (int64_t cut = lo; cut <= hi; cut++) {
                                TreeNode parts[2 * MAX_TREE_NODES];
                                int n = tree_cover(lo, cut, parts);

                                n += tree_cover(cut, hi, parts + n);
                                n = merge(parts, n);
                                ck_assert_int_eq(n, n_whole);
                                for (int i = 0; i < n; i++)
                                        ck_assert(parts[i].level == whole[i].level && parts[i].index == whole[i].index);
                        }
                }
}

TEST(covers_reach_to_the_largest_interval) {
        TreeNode cover[MAX_TREE_NODES];
        int n = tree_cover(1, INT64_MAX, cover);

        ck_assert_int_eq(n, 124); /* two on each level below 62 */
        ck_assert_int_eq(tree_cover_size(1, INT64_MAX), n);
        ck_assert_int_eq(tree_node_hi(cover[n - 1]), INT64_MAX);
        ck_assert_int_eq(tree_cover(0, INT64_MAX, cover), 63);
        ck_assert_int_eq(cover[0].level, 62);
        ck_assert_int_eq(tree_cover((int64_t) 1 << 62, INT64_MAX, cover), 62);
        ck_assert_int_eq(tree_cover(INT64_MAX, INT64_MAX, cover), 0);
}
