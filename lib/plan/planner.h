/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the planner share. Planning a graph goes through these passes:
 *
 *   lower   (lower.c)   dead nodes go, expansions are carried out as far as shapes are known
 *   roots   (roots.c)   which tensors exist as chunks, and which are computed where they are used
 *   stages  (stage.c)   a stage for every root, with its program (program.c), its tiling (cuts.c)
 *   lists   (lists.c)   tasks, chunks, who reads what, in which order */
#include "plan/plan.h"

#define NO_VALUE ((ValueId) UINT32_MAX)

enum { MAX_CHUNK_BYTES = 64 << 20 }; /* of one output, unless the user asked for larger ones */

/* What the planner knows of one output of a node. */
typedef struct Slot {
        ValueId value;      /* when it exists as chunks */
        bool deferred;      /* depends on a shape that is not known yet */
        bool root;          /* must exist as chunks */
        bool kept;          /* wanted, or needed after this plan */
        uint32_t weight;    /* instructions of its program at most, if computed where it is used */
        uint32_t counted;   /* 1 + the node for whose program it was counted last */
        uint32_t cost;      /* of an element, in additions */
        double n_evaluated; /* elements that are computed if it is computed where it is used, broadcast ones again */
        uint64_t user;      /* the stage (a key, see user_key()) that evaluates it; 0: none yet */
        uint32_t n_user;    /* stages that evaluate it, counted up to many */
        uint32_t n_reader;  /* inputs of live nodes that it is, */
        uint32_t reader;    /* and the last of these nodes */
} Slot;

/* A value that has been cut further, for tasks that read it across its chunks. */
typedef struct Pieces {
        ValueId from, to;
} Pieces;

typedef struct Planner {
        Plan *plan;
        Arena *arena;       /* the plan's */
        const Graph *graph; /* the lowered graph */
        const PlanLeaves *leaves;
        Error *err;
        uint32_t *first;    /* [node] number of its first slot */
        Slot *slot;
        const Op *cast, *view, *full;
        uint32_t *cast_kernel; /* [from * _DTYPE_MAX + to] */
        Vec(Pieces) pieces;
} Planner;

static inline Slot *planner_slot(const Planner *p, Ref ref) {
        return &p->slot[p->first[ref.node] + ref.out];
}
static inline const Node *planner_node(const Planner *p, Ref ref) {
        return &p->graph->node.data[ref.node];
}
static inline const Spec *planner_spec(const Planner *p, Ref ref) {
        return graph_spec(p->graph, ref);
}

/* How a node takes part. */
bool node_is_view(const Planner *p,
                  const Node *node); /* only places change, affinely: view, and reshape that adds or drops ones */
bool node_is_inline(const Planner *p,
                    const Node *node); /* may be computed where it is used: map, generating source, view */

/* ---- lower.c */
int plan_lower(const Graph *graph, const PlanLeaves *leaves, Graph **ret, Error *err);

/* ---- roots.c */
int planner_mark(Planner *p);

/* ---- program.c: a nest being written */
typedef struct Memo {
        Ref ref;
        const AxisMap *map;
        uint32_t reg;
} Memo;

/* A tensor that is made in the stage itself and how it would be cut. */
typedef struct Hint {
        Tiling tiling;
        const AxisMap *map;
        uint64_t weight;
} Hint;

typedef struct StageBuild {
        Vec(Source) source;
        Vec(Hint) hint;
        bool asked;                 /* the user said how to cut */
        bool fixed;                 /* how to cut is part of what the operator computes */
        Vec(Out) out;
        Vec(Local) local;
        Vec(Nest) nest;
        Vec(BlockInput) input;      /* of a block operator */
        int ndim;                   /* of the domain */
        int64_t extent[MAX_NDIM];
} StageBuild;

typedef struct NestBuild {
        StageBuild *stage;
        Vec(Instr) instr;
        Vec(Memo) memo;
        Vec(Sink) sink;
        int ndim;
        int axis[MAX_NDIM];
} NestBuild;

void stage_build_clear(StageBuild *sb);
void nest_build_clear(NestBuild *nb);

/* The register that holds ref at the position that map gives (one entry per axis of ref). */
int program_emit(Planner *p, NestBuild *nb, Ref ref, const AxisMap *map, uint32_t *ret_reg);
int program_cast(Planner *p, NestBuild *nb, uint32_t reg, DType to, uint32_t *ret_reg);
int program_load(Planner *p, NestBuild *nb, ValueId value, const AxisMap *map, uint32_t *ret_reg);
/* The identity map of a tensor whose axis k is axis[k] of the domain. */
const AxisMap *map_identity(Planner *p, int ndim);
/* Follows views from ref down to what is not one: ref becomes the base, and the returned map (of the base's axes)
 * does the rest. */
const AxisMap *map_through_views(Planner *p, Ref *ref, const AxisMap *map);
uint32_t program_dtype_param(const Op *op, const void *params); /* the parameter "dtype", or DTYPE_NONE */

/* ---- cuts.c */
/* Cuts for every axis of the domain, from the tilings of what the program reads. */
int stage_cuts(Planner *p, StageBuild *sb, Tiling *ret);
int stage_hint(Planner *p, StageBuild *sb, const Node *source, const AxisMap *map);
/* Finer cuts of the first n_axes axes, until a chunk has no more elements. */
int cuts_limit(Planner *p, Tiling *t, int n_axes, int64_t max_elements);

/* ---- exchange.c: tasks that may take leaves->task_bytes only */
int exchange_cuts(Planner *p, const StageBuild *sb, Tiling *domain);
/* Sources that tasks read across their chunks become values in pieces. */
int exchange_sources(Planner *p, StageBuild *sb, const Tiling *domain);

/* ---- stage.c */
int planner_build(Planner *p);
int stage_add(Planner *p, StageBuild *sb, Stage *stage);
int value_add(Planner *p, DType dtype, const Tiling *tiling, ValueId *ret);
/* A value that the stage makes, and whose axes are these of its domain. */
int stage_value(Planner *p, StageBuild *sb, DType dtype, const Tiling *tiling, const int *axis, ValueId *ret);
int value_alias(Planner *p, ValueId value, const Shape *shape, const Tiling *tiling,
                ValueId *ret); /* the same chunks */
/* The value with other cuts. `pieces`: which only cut its chunks further, so that one task makes all pieces of one. */
int stage_copy(Planner *p, ValueId from, const Tiling *tiling, bool pieces, ValueId *ret);
int stage_store(Planner *p, uint32_t node, uint32_t out, const Tiling *forced);
int nest_finish(Planner *p, NestBuild *nb);
const char *nest_label(Planner *p, const NestBuild *nb, const char *last);
/* block.c */
int stage_block(Planner *p, uint32_t node);
int stage_concatenate(Planner *p, uint32_t node);
int stage_weave(Planner *p, uint32_t node);
/* reduce.c */
int stage_reduce(Planner *p, uint32_t node);
/* Reductions that read `ref` along one axis join the nest that stores it: one pass over memory. Finishes the nest. */
typedef struct Absorbed Absorbed;
int stage_absorb(Planner *p, Ref ref, NestBuild *nb, const Tiling *domain, Absorbed **ret);
int stage_absorbed(Planner *p, Absorbed *absorbed, const Tiling *domain);
int stage_scan(Planner *p, uint32_t node);
/* left.c */
int stage_left(Planner *p, uint32_t node);

/* ---- lists.c */
int plan_lists(Planner *p);
