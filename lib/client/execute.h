/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From expressions to a graph: the operations between what is wanted and what is there already. */
#include "base/map.h"
#include "engine/engine.h"
#include "client/expr.h"
#include "client/result.h"
#include "graph/graph.h"
#include "plan/plan.h"

typedef struct WalkLeaf {
        const mars_tensor *tensor;
        const Tiling *tiling;
} WalkLeaf;

/* One walk over expressions. It holds the results that it met, so that what the graph names stays until it is
 * submitted. */
typedef struct Walk {
        Engine *engine;             /* whose results count; NULL: nobody's */
        bool any;                   /* with NULL: those of every open session */
        bool look;                  /* leaves are numbered from 1 on and data is not adopted: for planning only */
        Error *err;
        Graph *graph;
        Map index;                  /* handle -> position in ref, plus 1 */
        Vec(Ref) ref;
        Vec(Result *) held;
        Vec(WalkLeaf) leaf;         /* of a look: leaf k + 1 */
} Walk;

int walk_begin(Walk *walk);
/* Adds what it takes to compute the tensor, and the tensor to graph->wanted. */
int walk_want(Walk *walk, mars_tensor *tensor);
void walk_end(Walk *walk);
/* The leaves of a look, for plan_make(), and the limits of the engine if there is one. */
PlanLeaves walk_leaves(Walk *walk);

/* Computes the tensors that have no result in the engine yet. 0 or what went wrong. */
int execute(Engine *engine, size_t n, mars_tensor *const *tensors, Error *err);
