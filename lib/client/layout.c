/* SPDX-License-Identifier: Apache-2.0 */
/* Sugiyama's method in its plainest form: layers by longest path; order in the layers by the mean of neighbours'
 * positions, swept down and up; then places: each box wishes to stand at the mean of its neighbours, and the
 * wishes of a layer are granted as far as the gaps between boxes allow, with the least squares of disappointment
 * (isotonic regression). */
#include <stdlib.h>

#include "client/layout.h"

enum { ORDER_SWEEPS = 12, PLACE_SWEEPS = 24 };

typedef struct Place {
        Layout *layout;
        uint32_t *start;    /* [n_layer + 1] of a layer in `row` */
        uint32_t *row;      /* boxes, layer by layer, from left to right */
        uint32_t *at;       /* [box] position in its layer */
        uint32_t *up_start, *up;     /* neighbours above, as lists */
        uint32_t *down_start, *down;
        double *wish, *block_value, *block_weight, *offset;
        uint32_t *block_start;
} Place;

/* ---- Layers
 * --------------------------------------------------------------------------------------------------------------- */

static void find_layers(Layout *l) {
        for (uint32_t i = 0; i < l->edge.n; i++) { /* edges are ordered by where they lead */
                const LayoutEdge *e = &l->edge.data[i];
                LayoutBox *to       = &l->box.data[e->to];

                to->layer = MAX(to->layer, l->box.data[e->from].layer + 1);
        }
        /* What has no inputs stands right above the first that needs it. */
        for (uint32_t b = 0; b < l->box.n; b++) {
                uint32_t first = UINT32_MAX;

                if (l->box.data[b].layer > 0)
                        continue;
                for (uint32_t i = 0; i < l->edge.n; i++)
                        if (l->edge.data[i].from == b)
                                first = MIN(first, l->box.data[l->edge.data[i].to].layer);
                if (first != UINT32_MAX)
                        l->box.data[b].layer = first - 1;
        }
        l->n_layer = 0;
        for (uint32_t b = 0; b < l->box.n; b++)
                l->n_layer = MAX(l->n_layer, l->box.data[b].layer + 1);
}

static int add_bends(Layout *l) {
        for (uint32_t i = 0; i < l->edge.n; i++) {
                LayoutEdge *e      = &l->edge.data[i];
                const uint32_t top = l->box.data[e->from].layer, bottom = l->box.data[e->to].layer;

                e->first_bend = l->box.n;
                e->n_bend     = bottom - top - 1;
                for (uint32_t layer = top + 1; layer < bottom; layer++)
                        if (vec_push(&l->box, (LayoutBox) { .layer = layer, .bend = true }) < 0)
                                return -ENOMEM;
        }
        return 0;
}

/* ---- Neighbours
 * -------------------------------------------------------------------------------------------------------- */

/* Calls fn for every step of every edge from one layer to the next. */
static void each_step(const Layout *l, void (*fn)(Place *p, uint32_t from, uint32_t to), Place *p) {
        for (uint32_t i = 0; i < l->edge.n; i++) {
                const LayoutEdge *e = &l->edge.data[i];
                uint32_t from       = e->from;

                for (uint32_t k = 0; k < e->n_bend; k++) {
                        fn(p, from, e->first_bend + k);
                        from = e->first_bend + k;
                }
                fn(p, from, e->to);
        }
}

static void count_step(Place *p, uint32_t from, uint32_t to) {
        p->down_start[from + 1]++;
        p->up_start[to + 1]++;
}

static void note_step(Place *p, uint32_t from, uint32_t to) {
        p->down[p->down_start[from]++] = to;
        p->up[p->up_start[to]++]       = from;
}

static void find_neighbours(Place *p) {
        const uint32_t n = p->layout->box.n;

        each_step(p->layout, count_step, p);
        for (uint32_t b = 0; b < n; b++) {
                p->down_start[b + 1] += p->down_start[b];
                p->up_start[b + 1] += p->up_start[b];
        }
        each_step(p->layout, note_step, p); /* moves each start to the next one's place */
        for (uint32_t b = n; b > 0; b--) {
                p->down_start[b] = p->down_start[b - 1];
                p->up_start[b]   = p->up_start[b - 1];
        }
        p->down_start[0] = p->up_start[0] = 0;
}

/* ---- Order
 * --------------------------------------------------------------------------------------------------------------- */

static double mean_at(const Place *p, const uint32_t *start, const uint32_t *list, uint32_t b, double otherwise) {
        double sum = 0;

        for (uint32_t i = start[b]; i < start[b + 1]; i++)
                sum += p->at[list[i]];
        return start[b + 1] > start[b] ? sum / (start[b + 1] - start[b]) : otherwise;
}

/* By wish; equal wishes keep their order. Layers are nearly sorted after the first sweep. */
static void sort_layer(Place *p, uint32_t layer) {
        uint32_t *row = p->row + p->start[layer], n = p->start[layer + 1] - p->start[layer];

        for (uint32_t i = 1; i < n; i++) {
                uint32_t b = row[i], k = i;

                for (; k > 0 && p->wish[row[k - 1]] > p->wish[b]; k--)
                        row[k] = row[k - 1];
                row[k] = b;
        }
        for (uint32_t i = 0; i < n; i++)
                p->at[row[i]] = i;
}

static void order_layer(Place *p, uint32_t layer, const uint32_t *start, const uint32_t *list) {
        for (uint32_t i = p->start[layer]; i < p->start[layer + 1]; i++)
                p->wish[p->row[i]] = mean_at(p, start, list, p->row[i], p->at[p->row[i]]);
        sort_layer(p, layer);
}

static void find_order(Place *p) {
        const Layout *l = p->layout;

        for (uint32_t b = 0; b < l->box.n; b++)
                p->start[l->box.data[b].layer + 1]++;
        for (uint32_t k = 0; k < l->n_layer; k++)
                p->start[k + 1] += p->start[k];
        for (uint32_t b = 0; b < l->box.n; b++) {
                const uint32_t layer = l->box.data[b].layer;

                p->row[p->start[layer]++] = b;
        }
        for (uint32_t k = l->n_layer; k > 0; k--)
                p->start[k] = p->start[k - 1];
        p->start[0] = 0;
        for (uint32_t k = 0; k < l->n_layer; k++)
                for (uint32_t i = p->start[k]; i < p->start[k + 1]; i++)
                        p->at[p->row[i]] = i - p->start[k];

        for (int sweep = 0; sweep < ORDER_SWEEPS; sweep++) {
                for (uint32_t k = 1; k < l->n_layer; k++)
                        order_layer(p, k, p->up_start, p->up);
                for (uint32_t k = l->n_layer - 1; k-- > 0;)
                        order_layer(p, k, p->down_start, p->down);
        }
}

/* ---- Places
 * ---------------------------------------------------------------------------------------------------------------- */

static double wish_of(const Place *p, uint32_t b) {
        double sum = 0;
        uint32_t n = 0;

        for (uint32_t i = p->up_start[b]; i < p->up_start[b + 1]; i++, n++)
                sum += p->layout->box.data[p->up[i]].x;
        for (uint32_t i = p->down_start[b]; i < p->down_start[b + 1]; i++, n++)
                sum += p->layout->box.data[p->down[i]].x;
        return n > 0 ? sum / n : p->layout->box.data[b].x;
}

/* Without their least distances to the first, places in a layer only have to ascend: pool neighbours that do not. */
static void place_layer(Place *p, uint32_t layer, double gap) {
        LayoutBox *box      = p->layout->box.data;
        const uint32_t *row = p->row + p->start[layer], n = p->start[layer + 1] - p->start[layer];
        uint32_t n_block    = 0;

        for (uint32_t i = 0; i < n; i++) {
                const double value = wish_of(p, row[i]);

                p->offset[i] = i > 0 ? p->offset[i - 1] + (box[row[i - 1]].width + box[row[i]].width) / 2 + gap : 0;
                p->block_start[n_block]  = i;
                p->block_value[n_block]  = value - p->offset[i];
                p->block_weight[n_block] = 1;
                n_block++;
                while (n_block > 1 && p->block_value[n_block - 2] > p->block_value[n_block - 1]) {
                        const double a = p->block_weight[n_block - 2], c = p->block_weight[n_block - 1];

                        p->block_value[n_block - 2] =
                                (p->block_value[n_block - 2] * a + p->block_value[n_block - 1] * c) / (a + c);
                        p->block_weight[n_block - 2] = a + c;
                        n_block--;
                }
        }
        for (uint32_t k = 0; k < n_block; k++)
                for (uint32_t i = p->block_start[k]; i < (k + 1 < n_block ? p->block_start[k + 1] : n); i++)
                        box[row[i]].x = p->block_value[k] + p->offset[i];
}

static void find_places(Place *p, double gap_x, double gap_y) {
        Layout *l   = p->layout;
        double left = 0, right = 0, y = 0;

        for (int sweep = 0; sweep < PLACE_SWEEPS; sweep++) {
                for (uint32_t k = 0; k < l->n_layer; k++)
                        place_layer(p, k, gap_x);
                for (uint32_t k = l->n_layer; k-- > 0;)
                        place_layer(p, k, gap_x);
        }
        for (uint32_t b = 0; b < l->box.n; b++) {
                left  = b == 0 ? l->box.data[b].x - l->box.data[b].width / 2
                               : MIN(left, l->box.data[b].x - l->box.data[b].width / 2);
                right = b == 0 ? l->box.data[b].x + l->box.data[b].width / 2
                               : MAX(right, l->box.data[b].x + l->box.data[b].width / 2);
        }
        for (uint32_t b = 0; b < l->box.n; b++)
                l->box.data[b].x -= left;
        for (uint32_t k = 0; k < l->n_layer; k++) {
                double height = 0;

                for (uint32_t i = p->start[k]; i < p->start[k + 1]; i++)
                        height = MAX(height, l->box.data[p->row[i]].height);
                for (uint32_t i = p->start[k]; i < p->start[k + 1]; i++) {
                        LayoutBox *box = &l->box.data[p->row[i]];

                        box->y = y + height / 2;
                        if (box->bend)
                                box->height = height;
                }
                y += height + gap_y;
        }
        l->width  = right - left;
        l->height = MAX(y - gap_y, 0.0);
}

int layout_place(Layout *layout, double gap_x, double gap_y) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Place p                             = { .layout = layout };
        uint32_t n, n_step;

        if (!arena)
                return -ENOMEM;
        find_layers(layout);
        if (add_bends(layout) < 0)
                return -ENOMEM;
        n              = layout->box.n;
        n_step         = n + layout->edge.n;
        p.start        = arena_new_array(arena, uint32_t, layout->n_layer + 1);
        p.row          = arena_new_array(arena, uint32_t, n);
        p.at           = arena_new_array(arena, uint32_t, n);
        p.up_start     = arena_new_array(arena, uint32_t, n + 1);
        p.down_start   = arena_new_array(arena, uint32_t, n + 1);
        p.up           = arena_new_array(arena, uint32_t, n_step);
        p.down         = arena_new_array(arena, uint32_t, n_step);
        p.wish         = arena_new_array(arena, double, n);
        p.block_value  = arena_new_array(arena, double, n);
        p.block_weight = arena_new_array(arena, double, n);
        p.offset       = arena_new_array(arena, double, n);
        p.block_start  = arena_new_array(arena, uint32_t, n);
        if (!p.start || !p.row || !p.at || !p.up_start || !p.down_start || !p.up || !p.down || !p.wish ||
            !p.block_value || !p.block_weight || !p.offset || !p.block_start)
                return -ENOMEM;
        if (n == 0)
                return 0;
        find_neighbours(&p);
        find_order(&p);
        find_places(&p, gap_x, gap_y);
        return 0;
}

void layout_done(Layout *layout) {
        vec_free(&layout->box);
        vec_free(&layout->edge);
}
