/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A plan: how a graph is computed. It consists of values and stages.
 *
 *   Value   a tensor that exists as chunks, cut by a tiling: a leaf that the session holds already, or made by a stage.
 *   Stage   a grid of equal tasks, one for every box of the stage's domain. A task reads a box of each source value and
 *           makes one chunk of each output value. There are three kinds, and nothing else ever runs:
 *             nest    a fused piece of graph: loops over a box, elementwise programs, reductions (plan/nest.h,
 *                     exec/nest.c)
 *             merge   partials of a reduction into fewer, or into the result
 *             block   an operator's own run() on whole blocks, perhaps behind nests that make its inputs
 *
 * Tasks are numbered through all stages, chunks through all values; both are indices into flat arrays, so a plan of a
 * million tasks takes tens of megabytes and no time. What a task reads is arithmetic (maps and tilings); plan_make()
 * writes it out once as lists, so that nobody else has to know.
 *
 * Planning is pure: it depends on the graph and on the tilings of its leaves, never on workers, threads, or clocks. It
 * stops where shapes are unknown: then `complete` is false, the values that were made become leaves of a smaller graph
 * once their sizes are known, and plan_make() is called again (plan_extend). */
#include "graph/graph.h"
#include "tensor/tiling.h"
#include "tensor/tree.h"

typedef uint32_t ValueId;

/* How a position in a domain becomes a position in a tensor: axis k of the tensor is read at
 * start + step * position[axis], or at start alone when axis is NO_AXIS. Positions outside the tensor are nobody's:
 * the box that a task reads is clamped to the tensor, and may be empty (concatenate). With `every` > 1 only the
 * positions first, first + every, … of the domain are read, and counted, those before `first` by none (weave). */
enum { NO_AXIS = -1 };
typedef struct AxisMap {
        int axis;
        int64_t start, step;
        int64_t first, every;
} AxisMap;

/* How many of the positions before this one are read: all, but for `every`. */
static inline int64_t map_count(const AxisMap *m, int64_t position) {
        return m->every > 1 ? div_up(MAX(position - m->first, INT64_C(0)), m->every) : position;
}

typedef struct Value {
        DType dtype;
        Shape shape;
        Tiling tiling;        /* known extents, except for outputs of exchange blocks (cuts_unknown) */
        bool rows_hint;       /* chunks should lie next to each other in memory (they are runs of rows) */
        uint32_t first_chunk; /* number of chunk 0 in the plan */
        uint32_t stage;       /* that makes it; STAGE_NONE: a leaf */
        uint64_t stored;      /* of leaves: the session's tensor id */
} Value;
enum { STAGE_NONE = UINT32_MAX };

/* ---- Nests ------------------------------------------------------------------------------------------------------ */

/* A nest runs a program at each position of its domain: some axes of the stage's domain. Register i is the result of
 * instruction i (static single assignment). */
typedef enum InstrKind {
        INSTR_LOAD,     /* element of a source of the stage */
        INSTR_LOCAL,    /* element of a local made by an earlier nest of the same task */
        INSTR_CONST,    /* a number */
        INSTR_GENERATE, /* element of a source operator: arange, random */
        INSTR_MAP,      /* a kernel of an elementwise operator, casts included */
        INSTR_SECOND,   /* the second output of the map instruction in[0] (modf, frexp, divmod) */
} InstrKind;

typedef struct Instr {
        InstrKind kind;
        DType dtype;           /* of the result */
        uint32_t in[MAX_OP_IN]; /* map: registers */
        const Op *op;          /* map, generate */
        uint32_t kernel;       /* map: op->kernels[kernel]; generate: op->generate[kernel] */
        const void *params;    /* map, generate */
        uint32_t source;       /* load: index into stage->source; local: index into stage->local */
        Scalar value;          /* const */
        const AxisMap *map;    /* generate: position in the op's own tensor (shape in params); one per axis of it */
        const Shape *shape;    /* generate: the shape of that tensor: its C order gives the linear index */
} Instr;

/* What a reduction leaves.
 *   FOLD_PARTIAL  the cover of the task's interval: one output per state component, along the reduced axis as many
 *                 positions as the cover has nodes (ascending)
 *   FOLD_STATE    the interval is the whole axis: the root's state, one output per component, one position along the
 *                 axis
 *   FOLD_FINISH   the interval is the whole axis: the finished value in the first output */
typedef enum FoldEnd { FOLD_PARTIAL, FOLD_STATE, FOLD_FINISH } FoldEnd;

/* Where results go. A store (op NULL) writes register reg[0] at each position of the nest's domain. A reduction
 * folds along one axis: with unit 0 it lifts the elements in reg[0]; with unit > 0 the registers are states already,
 * one per component, that cover `unit` elements each (an earlier reduction over another axis made them): all counts
 * are multiples of unit. */
typedef struct Sink {
        uint32_t reg[MAX_STATE];
        const Op *op;
        uint32_t fold;         /* op->folds[fold] */
        int axis;              /* of the stage's domain */
        int64_t unit;
        FoldEnd end;
        bool local;            /* dest names locals, not outputs of the stage */
        uint32_t dest[MAX_STATE];
} Sink;

typedef struct Nest {
        int ndim;
        int axis[MAX_NDIM];    /* which axes of the stage's domain, ascending */
        uint32_t n_instr, n_sink;
        const Instr *instr;
        const Sink *sink;      /* all reductions of a nest run along the same axis */
} Nest;

/* Memory of one task between its nests: a dense block over some axes of the domain box. */
typedef struct Local {
        DType dtype;
        int ndim;
        int axis[MAX_NDIM];
} Local;

/* ---- Merges ------------------------------------------------------------------------------------------------------ */

/* Sources 0 … n_state-1 are the components of a partial value; along `axis` (of that value, and of the domain) task
 * g takes the partials of `group` neighbouring chunks. `elements` are the cuts of the reduced axis itself, as the
 * partials were made. */
typedef struct Merge {
        const Op *op;
        uint32_t fold;
        int axis;
        uint32_t group;
        Cuts elements;
        int64_t unit;          /* as in Sink; 0 counts as 1 */
        FoldEnd end;           /* FOLD_PARTIAL: more merges follow; else one group, and one position along axis */
        bool scan;             /* exclusive prefix: see docs/decisions; output g is the cover of [0, elements edge g) */
} Merge;

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

/* Where an operator finds an input: in a source, or in a local that the nests before it have filled. */
typedef struct BlockInput {
        bool local;
        uint32_t index;
} BlockInput;

/* Tiles of a result that are made one after another, since they read the same inputs: n[0] by n[1] of them along two
 * axes of the domain. */
typedef struct Group {
        int axis[2];
        uint32_t n[2]; /* 0: there are no groups */
} Group;

typedef struct Block {
        const Op *op;
        const void *params;
        bool unknown;          /* outputs are shrunk along axis 0 by the task; sizes come with its completion */
        int axis;              /* scan: the running axis of the domain; else the one that is gone through by strips */
        int64_t strip;         /* positions at a time, nests and operator in turn; 0: all at once */
        uint32_t n_in;
        const BlockInput *input; /* NULL: input i is source i */
        uint32_t fold;         /* scan: op->folds[fold] */
        Group group;
} Block;

/* ---- Stages ------------------------------------------------------------------------------------------------------ */

typedef enum StageKind { STAGE_NEST, STAGE_MERGE, STAGE_BLOCK } StageKind;

/* Block operators see their inputs, which may be views of values: axis k of such an input is read at input[k] (steps
 * of 1) and has shape->dim[k] positions. Elsewhere both are NULL. */
typedef struct Source {
        ValueId value;
        const AxisMap *map;    /* one entry per axis of the value */
        const AxisMap *input;  /* one entry per axis of the operator's input */
        const Shape *shape;
        bool before;           /* along one axis of the domain, this, the value has a chunk of length one for each */
        int along;             /* interval, and a task reads that of the interval before its own, the first nothing */
} Source;

/* Axis k of an output value follows axis axis[k] of the domain (grid position and interval), or has length one
 * (NO_AXIS). Partials and blocks have other lengths than the domain's interval along some axis; the value's tiling
 * says which. */
typedef struct Out {
        ValueId value;
        const int *axis;
        bool pieces;           /* the value is cut finer than the domain: a task makes all chunks inside its box, in C
                                * order. Only of nests with one output, which follows all axes of the domain. */
} Out;

typedef struct Stage {
        StageKind kind;
        Tiling domain;         /* one task per box */
        uint32_t first_task, n_task;
        uint32_t n_source, n_out, n_local;
        const Source *source;
        const Out *out;
        const Local *local;
        uint32_t n_nest; /* of blocks: what makes their elementwise inputs */
        const Nest *nest;
        union {
                Merge merge;
                Block block;
        };
        size_t scratch_bytes;  /* upper bound of what one task needs besides inputs and outputs */
        const char *label;     /* "add → sum": for errors, explain and progress */
} Stage;

/* ---- The plan
 * ----------------------------------------------------------------------------------------------------- */

typedef struct Made {
        Ref ref;               /* of plan->graph */
        ValueId value;
} Made;

typedef struct Plan {
        Arena *arena;
        Graph *graph;               /* the request's graph, lowered: expansions carried out as far as shapes are known;
                                       same `wanted`; `made` refers to it, and plan_extend() continues with it */
        Vec(Value) value;
        Vec(Stage) stage;
        uint32_t n_task, n_chunk;
        uint32_t *task_stage;       /* [n_task] */
        uint32_t *input_start;      /* [n_task + 1] into input_chunk: the chunks that a task reads, each once */
        uint32_t *input_chunk;
        uint32_t *output_start;     /* [n_task + 1] into output_chunk */
        uint32_t *output_chunk;
        uint32_t *chunk_value;      /* [n_chunk] */
        uint32_t *order;            /* [n_task] tasks, depth first: run in this order, few chunks live at a time */
        Vec(Made) made;             /* values to keep: the wanted ones, and what the rest of the graph needs */
        bool complete;              /* every wanted output is in `made` */
} Plan;

/* Tasks that there is room for, a thread: one runs, others are loaded or written. */
enum { PLAN_TASK_SHARE = 4 };

/* What the planner asks for besides the graph: the tiling of a stored tensor (returned pointers must outlive the call),
 * and how much memory one task may take, with inputs, outputs and scratch; 0: any. No bit of an answer
 * depends on it. */
typedef struct PlanLeaves {
        const Tiling *(*tiling)(void *userdata, uint64_t stored);
        void *userdata;
        size_t task_bytes;
        size_t alone_bytes; /* the same of a task beside which nothing else runs: some things are best in few pieces */
} PlanLeaves;

/* Plans as much of the graph as is known. ERROR_VALUE, ERROR_TYPE, … where an operator refuses; -ENOMEM. */
int plan_make(const Graph *graph, const PlanLeaves *leaves, Plan **ret, Error *err);
/* The graph that remains when an incomplete plan has run: entry k of plan->made is the stored tensor stored[k], of
 * which spec[k] says the actual shape. Operators that refuse it do so now. */
int plan_extend(const Plan *plan, const uint64_t *stored, const Spec *spec, Graph **ret, Error *err);
/* Equal for plans that are equal: of one graph, with the same leaves and limits, on machines of one kind. */
uint64_t plan_digest(const Plan *plan);
Plan *plan_free(Plan *plan);
DEFINE_CLEANUP(Plan *, plan_free)

/* The box of the stage's domain that a task works on. */
/* The chunks that a task reads; NULL: it has none. */
static inline const uint32_t *plan_inputs(const Plan *plan, uint32_t task) {
        const uint32_t first = plan->input_start[task];

        return plan->input_start[task + 1] > first ? plan->input_chunk + first : NULL;
}

void plan_task_box(const Plan *plan, uint32_t task, Box *ret);
/* The part of a task's box in which the source is there at all: a concatenation's input is not everywhere. False:
 * nowhere. */
bool plan_source_domain(const Source *source, const Box *box, Box *ret);
/* The box of source `source` that a task with domain box `box` reads. */
void plan_source_box(const Plan *plan, const Stage *stage, uint32_t source, const Box *box, Box *ret);
/* Shape of a chunk; UNKNOWN sizes give the capacity, an upper bound. */
void plan_chunk_shape(const Plan *plan, uint32_t chunk, Shape *ret);
size_t plan_chunk_bytes(const Plan *plan, uint32_t chunk);
/* Upper bound of the bytes that task needs while it runs, besides its inputs: outputs and scratch. */
size_t plan_task_bytes(const Plan *plan, uint32_t task);
/* Whether the chunks of a stored tensor take memory of those that count; NULL: none do. */
typedef bool PlanLeafCounts(const void *userdata, uint64_t stored);
/* Bytes of the chunks that a task needs at a time: outputs, inputs that the plan makes, and leaves that count. */
size_t plan_task_chunks(const Plan *plan, uint32_t task, PlanLeafCounts *counts, const void *userdata);
/* Whether a task needs more than so many bytes of chunks, or of chunks and scratch: which. */
bool plan_too_large(const Plan *plan, size_t chunk_bytes, size_t all_bytes, PlanLeafCounts *counts,
                    const void *userdata, uint32_t *ret_task);

/* What will run, for people: stage by stage, with operators, chunks, bytes. NULL when out of memory. */
const char *plan_explain(const Plan *plan, Arena *arena);

/* ---- Arithmetic that the planner and the executor share (plan/task.c)
 * ------------------------------------------------- */

/* Bytes of scratch that a task of the stage needs at most: sources that lie in several chunks and are assembled into
 * one dense block (each rounded up to 64), then the locals, then the operator's own. Fills stage->scratch_bytes. */
int plan_stage_scratch(const Plan *plan, Stage *stage);
/* The chunks of source `source` that overlap its box for a task: calls fn with plan-wide chunk numbers, C order. */
int plan_source_chunks(const Plan *plan, const Stage *stage, uint32_t source, const Box *source_box,
                       int (*fn)(void *userdata, uint32_t chunk, const Box *chunk_box), void *userdata);
/* The same for the chunks of an output in pieces that a task with this box makes. */
int plan_piece_chunks(const Plan *plan, const Stage *stage, uint32_t out, const Box *box,
                      int (*fn)(void *userdata, uint32_t chunk, const Box *chunk_box), void *userdata);

/* What tasks read along one axis of a source. */
typedef struct SourceAxis {
        int64_t longest; /* interval that a task reads, */
        int64_t chunks;  /* and sum of the chunks that it lies in */
        bool crosses;    /* some interval lies in several chunks */
} SourceAxis;
void plan_source_axis(const Plan *plan, const Stage *stage, uint32_t source, int axis, SourceAxis *ret);
/* What the tasks in interval k of the domain axis that the source's axis follows (0 if none) read along it. */
void plan_source_interval(const Plan *plan, const Stage *stage, uint32_t source, int axis, uint32_t k, int64_t *ret_lo,
                          int64_t *ret_hi);
