/* SPDX-License-Identifier: Apache-2.0 */
#include "client/layout.h"

#include "harness.h"

static void box(Layout *l, double width) {
        ck_assert_int_eq(vec_push(&l->box, (LayoutBox) { .width = width, .height = 20 }), 0);
}

static void edge(Layout *l, uint32_t from, uint32_t to) {
        ck_assert_int_eq(vec_push(&l->edge, (LayoutEdge) { .from = from, .to = to }), 0);
}

/* What must hold of every picture. */
static void check_picture(const Layout *l, double gap_x, double gap_y) {
        for (uint32_t i = 0; i < l->edge.n; i++) {
                const LayoutBox *from = &l->box.data[l->edge.data[i].from], *to = &l->box.data[l->edge.data[i].to];

                ck_assert(to->y - to->height / 2 >= from->y + from->height / 2 + gap_y - 1e-6);
                ck_assert_uint_eq(l->edge.data[i].n_bend, to->layer - from->layer - 1);
        }
        for (uint32_t a = 0; a < l->box.n; a++) {
                const LayoutBox *p = &l->box.data[a];

                ck_assert(p->x - p->width / 2 >= -1e-6 && p->x + p->width / 2 <= l->width + 1e-6);
                ck_assert(p->y - p->height / 2 >= -1e-6 && p->y + p->height / 2 <= l->height + 1e-6);
                for (uint32_t b = 0; b < a; b++) {
                        const LayoutBox *q = &l->box.data[b];
                        double distance    = p->x > q->x ? p->x - q->x : q->x - p->x;

                        if (p->layer == q->layer)
                                ck_assert(distance >= (p->width + q->width) / 2 + gap_x - 1e-6);
                }
        }
}

TEST(a_chain_stands_in_one_line) {
        Layout l = {};

        for (uint32_t i = 0; i < 5; i++) {
                box(&l, 10.0 * (i + 1));
                if (i > 0)
                        edge(&l, i - 1, i);
        }
        ck_assert_int_eq(layout_place(&l, 5, 7), 0);
        ck_assert_uint_eq(l.n_layer, 5);
        check_picture(&l, 5, 7);
        for (uint32_t i = 1; i < 5; i++)
                ck_assert_double_eq_tol(l.box.data[i].x, l.box.data[0].x, 1e-6);
        layout_done(&l);
}

TEST(edges_that_pass_layers_bend_around_boxes) {
        Layout l = {};

        for (int i = 0; i < 4; i++)
                box(&l, 50);
        edge(&l, 0, 1);
        edge(&l, 1, 2);
        edge(&l, 0, 3);
        edge(&l, 2, 3);
        ck_assert_int_eq(layout_place(&l, 5, 7), 0);
        ck_assert_uint_eq(l.box.n, 6);
        check_picture(&l, 5, 7);
        layout_done(&l);
}

TEST(nothing_and_one_box_are_pictures_too) {
        Layout none = {}, one = {};

        ck_assert_int_eq(layout_place(&none, 5, 7), 0);
        layout_done(&none);
        box(&one, 30);
        ck_assert_int_eq(layout_place(&one, 5, 7), 0);
        ck_assert_double_eq_tol(one.width, 30, 1e-9);
        ck_assert_double_eq_tol(one.height, 20, 1e-9);
        layout_done(&one);
}

TEST(any_graph_becomes_a_picture_without_overlaps) {
        uint64_t seed = 1;

        for (int round = 0; round < 100; round++) {
                Layout l = {};
                uint32_t n;

                seed = seed * 6364136223846793005u + 1442695040888963407u;
                n    = 1 + (uint32_t) (seed >> 60) * 4;
                for (uint32_t i = 0; i < n; i++) {
                        seed = seed * 6364136223846793005u + 1442695040888963407u;
                        box(&l, 10 + (double) (seed >> 58));
                        for (int k = 0; k < 3 && i > 0; k++) {
                                seed = seed * 6364136223846793005u + 1442695040888963407u;
                                if (seed >> 62 > 0)
                                        edge(&l, (uint32_t) (seed >> 33) % i, i);
                        }
                }
                ck_assert_int_eq(layout_place(&l, 8, 12), 0);
                check_picture(&l, 8, 12);
                layout_done(&l);
        }
}
