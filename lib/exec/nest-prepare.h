/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A nest in the making: what nest-prepare.c knows of it, and nest-walks.c fills in first. */
#include "exec/nest.h"

/* What a walk is for. */
typedef struct WalkInfo {
        size_t size;      /* bytes of an element; 0: a linear index */
        uint32_t cost;    /* of generating an element, in additions */
        bool writes;
        bool result;      /* of a reduction */
        int64_t repeats;  /* bytes between the elements that it repeats; 0: it does not */
} WalkInfo;

typedef struct Prepare {
        NestRun *x;
        const Box *box;
        int n_axis;               /* loops in the making */
        int64_t lo[MAX_NDIM], n[MAX_NDIM];
        int loop_of[MAX_NDIM];    /* domain axis -> axis of the nest, or -1 */
        int reduced;              /* which one of them is reduced, or -1 */
        int lane;                 /* which one becomes the lanes */
        WalkInfo *info;
        intptr_t *base;
        int64_t *move;            /* [n_axis][n_walk] */
        uint32_t *walk_of;        /* instruction -> walk */
        uint64_t *depends;        /* instruction -> loops, a bit each */
        int *depth;               /* instruction -> 1 + innermost loop on which it depends */
        uint32_t *last_use;
        Product *product;         /* of each instruction */
        bool *strip;              /* somebody reads a whole strip of the register, not just its first element */
        bool *stays;              /* the register, or the memory it is, stays in place for the whole reduced loop */
        Moving **moving_of;       /* registers that move */
} Prepare;

static inline int64_t *move_row(const Prepare *p, int axis) {
        return p->move + (size_t) axis * p->x->n_walk;
}

static inline const Fold *sink_fold(const Sink *sink) {
        return sink->op->folds + sink->fold;
}

/* The walks of all loads, indices and results over the axes of the nest: p->info, base, move and walk_of, and x->fold
 * and x->store. 0 or -ENOMEM. */
int nest_walks(Prepare *p, const LocalMemory *local);
/* Where the walks of a nest without locals begin for another box, along which they move as they did: x->at. */
int nest_places(NestRun *x, const Box *box);
