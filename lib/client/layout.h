/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where to draw the boxes of a directed graph without cycles: layers from top to bottom, every edge goes down.
 * Edges that pass layers get a bend in each, which takes part in the order like a box, so that lines do not run
 * through boxes. */
#include "base/arena.h"
#include "base/vec.h"

typedef struct LayoutBox {
        double width, height; /* given */
        double x, y;          /* found: the centre */
        uint32_t layer;
        bool bend;            /* not a box: where an edge passes a layer, straight down */
} LayoutBox;

typedef struct LayoutEdge {
        uint32_t from, to;    /* boxes */
        uint32_t first_bend;  /* box of the first of its bends; the others follow */
        uint32_t n_bend;
} LayoutEdge;

typedef struct Layout {
        Vec(LayoutBox) box;   /* the caller's, inputs before users; then the bends */
        Vec(LayoutEdge) edge;
        uint32_t n_layer;
        double width, height; /* of all */
} Layout;

/* Places the boxes. 0 or -ENOMEM. */
int layout_place(Layout *layout, double gap_x, double gap_y);
void layout_done(Layout *layout);
