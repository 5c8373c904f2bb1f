/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An operator is one const table. Everything that the system knows of an operator is derived from it: shape and dtype
 * inference, tiling, fusion, codec, hash, the Python function with its signature and docstring, the docs page, the
 * laws.
 *
 * A table is compiled once per CPU level (lib/ops/meson.build); the kernels of all levels give the same bits. Kernels
 * see whole strips of contiguous elements; they do not allocate, lock, log or read the clock. */
#include "base/arena.h"
#include "base/error.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"
#include "tensor/tiling.h"

typedef struct Op Op;
typedef struct Build Build;

/* How a kind of operator infers, cuts and runs. */
typedef enum Family {
        FAMILY_MAP,      /* element by element, NumPy's broadcasting: add, sin, where, cast */
        FAMILY_REDUCE,   /* axes disappear through the tree of tensor/tree.h: sum, min, argmax, var */
        FAMILY_SCAN,     /* running reduction along an axis: cumsum */
        FAMILY_CONTRACT, /* sums of products through BLAS: matmul */
        FAMILY_MOVE,     /* elements change place, not value: view, concatenate, reshape, rechunk */
        FAMILY_EXCHANGE, /* places or sizes depend on data: sort, unique, mask, take */
        FAMILY_SOURCE,   /* made from nothing but parameters and position: arange, full, random, load */
        FAMILY_SINK,     /* results leave: save */
        FAMILY_BLOCK,    /* whole blocks into whole blocks in one task: the dense factorizations below linalg */
        _FAMILY_MAX,
} Family;

extern const char *const family_names[_FAMILY_MAX];

/* ---- Parameters ---------------------------------------------------------------------------------------------- */

/* A list of integers of any length: axes, a shape, chunk sizes. `given` is false where the user left it out. */
typedef struct Dims {
        uint32_t n;
        bool given;
        const int64_t *v;
} Dims;

typedef enum ParamKind {
        PARAM_BOOL,   /* bool */
        PARAM_I64,    /* int64_t */
        PARAM_F64,    /* double */
        PARAM_SCALAR, /* Scalar */
        PARAM_DTYPE,  /* DType as uint8_t-sized enum value in an `int`; DTYPE_NONE when not given */
        PARAM_DIMS,   /* Dims */
        PARAM_TEXT,   /* const char *, NULL when not given */
} ParamKind;

typedef struct Param {
        const char *name;
        ParamKind kind;
        uint32_t offset;      /* in the operator's parameter struct */
        const char *fallback; /* as Python would write it: "None", "0", "False", "1e-05", but texts bare: "linear";
                               * lists: runs of small neighbours as "(0, 1)"; NULL: must be given */
        const char *doc;
} Param;

#define PARAM(S, field, kind_, fallback_, doc_) { #field, kind_, offsetof(S, field), fallback_, doc_ }

/* ---- Kernels ------------------------------------------------------------------------------------------------- */

/* arg: the inputs, then the outputs; n contiguous elements each; outputs never overlap anything. */
typedef void MapFn(size_t n, void *const *arg, const void *params);

/* What maps and reductions can compute on the way. */
typedef enum MapKind {
        MAP_ANY,
        MAP_PRODUCT,    /* of its two inputs, or of its only one with itself */
        MAP_DIFFERENCE, /* of its two inputs */
        MAP_COMPARISON, /* of its two inputs */
        MAP_CHOICE,     /* between the other two inputs, by the first */
        MAP_NUMBER,     /* one where its only input, a bool, is true, else zero; a float */
} MapKind;

typedef struct MapKernel {
        DType in[MAX_OP_IN];
        DType out[2];
        MapFn *fn;
        /* For speed; any of them may be NULL. */
        struct {
                /* Of two inputs, fn where the first (the second) is one element, which stands for n of them: constants
                 * and broadcast values would crowd the first cache. */
                MapFn *of_one[2];
                union {
                        /* Of two inputs, fn where the first (the second) is a product, which then needs no strip of its
                         * own. arg: both factors, the other input; in [k][1][…] the first factor is one element, in
                         * [k][…][1] the other input. */
                        MapFn *of_product[2][2][2];
                        /* Of MAP_COMPARISON instead: what a choice or a number makes of it, whose elements are as large
                         * as those that are compared; the condition then needs no strip. arg: both inputs, the other
                         * two of the choice; in [1] the first input is one element, in [2] the second. */
                        struct {
                                MapFn *choice[3], *number[3];
                        } decides;
                };
                MapKind kind;
        };
} MapKernel;

/* Element i is the value at linear index first + i * step of the C-ordered source tensor. */
typedef void SourceFn(size_t n, int64_t first, int64_t step, const void *params, void *out);

typedef struct SourceKernel {
        DType out;
        SourceFn *fn;
} SourceKernel;

/* A reduction works on states of up to MAX_STATE components, each an array of its own (structure of arrays). */
enum { RUN_LEAST = 5, RUN_LEVEL = 8 }; /* 2^8 elements: half a strip */

/* Elements that a fold computes itself, of a and b. */
typedef enum Term { TERM_PRODUCT, TERM_SQUARE /* of the difference */, N_TERM } Term;
enum { TERMS_LEVEL = 3 };
/* The states of the nodes of 2^level <= 2^TERMS_LEVEL neighbouring positions; a[k], b[k] are the rows of position k. */
typedef void TermsFn(size_t n, int level, const void *const *a, const void *const *b, void *state);

typedef struct Fold {
        DType in;                /* the input is cast to this first */
        uint8_t n_state;
        DType state[MAX_STATE];
        DType out;
        /* Makes the states of n single elements. Element i has index first + i * step along the reduced axis. NULL: the
         * only component is the element itself. */
        void (*lift)(size_t n, const void *in, int64_t first, int64_t step, void *const *state);
        /* out[i] = a[i] merged with its right neighbour b[i]; a covers n_a elements, b covers n_b. out may be a or
         * b. */
        void (*merge)(size_t n, void *const *a, void *const *b, void *const *out, int64_t n_a, int64_t n_b);
        /* out[i] = in[2 i] merged with in[2 i + 1], each covering n_each elements; out never overlaps in. */
        void (*merge_pairs)(size_t n, void *const *in, void *const *out, int64_t n_each);
        /* Of states that cover all `count` elements the results. NULL: the first component is the result. */
        void (*finish)(size_t n, void *const *state, int64_t count, void *out);
        /* May be NULL; for speed, because most of a fold's work is at the leaves. The merged states of neighbouring
         * elements, bit for bit those that lift and merge make: of a[i] at `index` and b[i] at index + 1; of in[2 i]
         * and in[2 i + 1] at first + 2 i. */
        void (*lift_two)(size_t n, const void *a, const void *b, int64_t index, void *const *state);
        void (*lift_pairs)(size_t n, const void *in, int64_t first, void *const *state);
        /* The same of eight neighbouring positions: of row[0][i] at `index` to row[7][i] at index + 7. */
        void (*lift_eight)(size_t n, const void *const *row, int64_t index, void *const *state);
        /* The same for speed of two levels at once: out[i] is the node of four neighbours, in[4 i] … in[4 i + 3],
         * each covering n_each elements; of elements. Folds with lift_quads have merge_quads. */
        void (*merge_quads)(size_t n, void *const *in, void *const *out, int64_t n_each);
        void (*lift_quads)(size_t n, const void *in, int64_t first, void *const *state);
        /* The same of runs, 2^level neighbouring elements each, from in[i << level] on; RUN_LEAST <= level <=
         * RUN_LEVEL. */
        void (*lift_runs)(size_t n, int level, const void *in, int64_t first, void *const *state);
        /* The same of elements that are terms, which then need no strips of their own; in [term][1] b[k] is one element
         * for all n. */
        TermsFn *lift_terms[N_TERM][2];
        /* Of scans whose merges may be put in brackets at will and give the same bits, and whose only component is the
         * result: out[i] is `carry` merged with all elements up to in[i], and becomes the carry of the next. May be
         * NULL. */
        void (*run_on)(size_t n, const void *in, void *carry, void *out);
        /* The value of an empty reduction; NULL: refuse ("zero-size array to reduction operation max which has no
         * identity"). */
        const Scalar *identity;
} Fold;

/* ---- Block operators ----------------------------------------------------------------------------------------- */

/* A strided view of memory. */
typedef struct View {
        DType dtype;
        Shape shape;
        int64_t stride[MAX_NDIM]; /* in bytes */
        char *data;
} View;

/* A part of an input: `view` holds the elements of `box` (coordinates of the whole input tensor). */
typedef struct Piece {
        Box box;
        View view;
} Piece;

/* What a block operator gets: dense, C-contiguous outputs and its inputs, whole or in the pieces in which they lie. */
typedef struct BlockRun {
        const Op *op;
        const void *params;
        uint32_t n_in, n_out;
        const View *in;          /* each input region as one view; assembled from pieces unless op->takes_pieces */
        const Piece *const *piece; /* [input][k]; the same memory, not assembled */
        const uint32_t *n_piece;
        const Box *box;          /* the region of each input in its tensor */
        const Box *domain;       /* the task's box: batch axes, the cut axis, then whole core axes */
        int64_t domain_extent;   /* length of the cut axis, all tasks together */
        View *out;               /* C-contiguous; an unknown length is the capacity, and the operator shrinks it */
        void *scratch;           /* op->scratch() bytes, aligned to 64 */
        bool more, last;         /* by strips: not the first, so it adds to `out`; the last */
} BlockRun;

/* ---- The table ------------------------------------------------------------------------------------------------ */

enum { CORE_ALL = 0xff };

typedef struct OpCall {
        const Op *op;
        const void *params;
        uint32_t n_in;
        const Spec *in;
} OpCall;

/* A reference to one output of a node of a graph (graph/graph.h). */
typedef struct Ref {
        uint32_t node;
        uint32_t out;
} Ref;

struct Op {
        const char *name;
        const char *doc;          /* first line: one sentence; then shapes, units, errors, source */
        Family family;
        const char *inputs;       /* names, "a, b"; "*arrays" takes any number */
        uint8_t n_in, n_out;      /* n_out 0 means 1 */
        bool variadic;
        bool hidden;              /* made by expansions only, not offered to users */
        uint8_t cost;             /* of one element, in additions, for deciding what to compute twice; 0 means 1 */
        bool takes_pieces;        /* a block operator that reads its inputs piece by piece */
        uint8_t shared;           /* map: bit i: input i takes part in the common dtype; 0 means all */

        size_t params_size;
        const Param *params;      /* ends with {} */

        const MapKernel *kernels;       /* map; ends with {} */
        const SourceKernel *generate;   /* source; ends with {} */
        const Fold *folds;              /* reduce, scan; ends with {} */

        /* Shapes and dtypes of the outputs; NULL where the family knows. Shapes may be UNKNOWN. */
        int (*infer)(const OpCall *call, Spec *out, Error *err);
        /* The operator as a small graph of others; runs while planning, when all input shapes are known. */
        int (*expand)(Build *b, const OpCall *call, const Ref *in, Ref *out);
        /* Block operators (block, contract, exchange): computes one task. Inputs and outputs have batch axes, which
         * broadcast and are cut as the inputs are, and trailing core axes (CORE_ALL: all axes), which a task sees
         * whole. Only the first core axis of the outputs may be cut: every `step(call)` elements, or, with step
         * NULL, as the first input of `follows` is cut. Inputs of `follows` (bit i: input i) are cut at the same
         * positions of their first core axis; the others are read whole. `stacks`: each task makes one position of
         * the outputs' first core axis, from a step of the followed inputs': partial results, to be reduced. */
        int (*run)(BlockRun *run, Error *err);
        uint8_t core_in[MAX_OP_IN], core_out[MAX_OP_OUT];
        int64_t (*step)(const OpCall *call);
        /* By strips: run() is called for each so many elements of the cut axis of a task (0: for all), in order, and
         * adds to what it has made. Inputs that are elementwise are then computed strip by strip in the task. */
        int64_t (*strip)(const OpCall *call);
        /* Contract: rows and columns of the result that a task makes; all when NULL. Of shapes alone. */
        void (*tile)(const OpCall *call, int64_t size[static 2]);
        uint8_t follows;
        bool stacks;
        bool unknown;             /* the outputs' lengths along the cut axis, 0, depend on data; at most the input's */
        size_t (*scratch)(const OpCall *call); /* bytes for run(); of the shapes of one task */
};

/* The operators in the order of lib/ops/meson.build, for the CPU level of this process; ends with NULL. */
const Op *const *op_table(void);
uint32_t op_count(void);
uint32_t op_id(const Op *op);
const Op *op_find(const char *name); /* NULL when there is none */

/* CPU levels: "v1" (any x86-64), "v3" (AVX2), "v4" (AVX-512). The best that the CPU has is taken, or the one that
 * MARS_CPU_LEVEL names; must be called before the first operator is used to have an effect. 0 or ERROR_VALUE. */
const char *op_level(void);
int op_level_set(const char *level, Error *err);

static inline uint32_t op_n_out(const Op *op) {
        return op->n_out ?: 1;
}

/* ---- Inference (graph/infer.c) ---------------------------------------------------------------------------------- */

/* Specs of the outputs, by the operator's own rule or its family's. ret has op_n_out() entries. */
int op_infer(const OpCall *call, Spec *ret, Error *err);
/* The kernel that a map takes for these inputs, as an index into op->kernels; ERROR_TYPE with NumPy's words if none
 * fits. `dtype` (or DTYPE_NONE) asks for an output type as ufunc(dtype=) does. */
int op_map_kernel(const OpCall *call, DType dtype, Casting casting, uint32_t *ret, Error *err);
/* The fold of a reduction or scan over elements of `in`; `dtype` asks for the type of the accumulator. */
int op_fold(const Op *op, DType in, DType dtype, uint32_t *ret, Error *err);

/* ---- Writing operators ------------------------------------------------------------------------------------------ */

#ifdef OP_LEVEL
#define OP_PASTE_(a, b, c) a##b##_##c
#define OP_PASTE(a, b, c) OP_PASTE_(a, b, c)
#define OP(op_name) extern const Op OP_PASTE(op_, op_name, OP_LEVEL); const Op OP_PASTE(op_, op_name, OP_LEVEL)
#endif

typedef struct NoParams {
        char none;
} NoParams;

/* The parameters that all reductions share. */
typedef struct ReduceParams {
        Dims axis;     /* not given: all */
        bool keepdims;
        int dtype;     /* of the accumulator and the result; DTYPE_NONE: the operator's rule */
} ReduceParams;

#define REDUCE_PARAMS                                                                                                  \
        (const Param[]) {                                                                                              \
                PARAM(ReduceParams, axis, PARAM_DIMS, "None", "Axis or axes that disappear; None means all."),         \
                        PARAM(ReduceParams, keepdims, PARAM_BOOL, "False", "Keep the axes with length one."),          \
                        PARAM(ReduceParams, dtype, PARAM_DTYPE, "None", "dtype of accumulator and result."), {}        \
        }

/* Scans: cumsum, cumprod. */
typedef struct ScanParams {
        Dims axis;     /* one axis; not given: of the flattened input */
        int dtype;     /* as of reductions */
} ScanParams;

#define SCAN_PARAMS                                                                                                    \
        (const Param[]) {                                                                                              \
                PARAM(ScanParams, axis, PARAM_DIMS, "None", "Axis to run along; None runs over the flattened input."), \
                        PARAM(ScanParams, dtype, PARAM_DTYPE, "None", "dtype of accumulator and result."), {}          \
        }

/* var, std: the sum of squared deviations is divided by the number of elements less ddof. */
typedef struct VarParams {
        ReduceParams reduce;
        int64_t ddof;
} VarParams;

typedef struct CastParams {
        int dtype;
} CastParams;

/* Sources begin with this: shape, and how to cut it. */
typedef struct SourceParams {
        Dims shape;
        int dtype;
        Dims chunk_size; /* tiling_parse()'s form */
} SourceParams;

#define SOURCE_PARAM_LIST                                                                                              \
        PARAM(SourceParams, shape, PARAM_DIMS, NULL, "Lengths of the axes."),                                          \
                PARAM(SourceParams, dtype, PARAM_DTYPE, "None", "dtype of the elements."),                             \
                PARAM(SourceParams, chunk_size, PARAM_DIMS, "None", "How to cut; None cuts automatically.")

typedef struct FullParams {
        SourceParams source;
        Scalar value;
} FullParams;

/* Elements start + i * step, computed as NumPy does; the shape has one axis. */
typedef struct ArangeParams {
        SourceParams source;
        Scalar start, step;
} ArangeParams;
typedef struct LinspaceParams {
        SourceParams source;
        Scalar start, stop;
        bool endpoint;
} LinspaceParams;

/* The affine view, the one primitive below slicing, transpose, broadcasting, newaxis, flip and diagonal. Axis k of
 * the input is read at start[k] + step[k] * (index of output axis axis[k]), or at start[k] when axis[k] is -1. A
 * length of -1 in `shape` is that of the input axis (start 0, step 1) that it follows, which may be UNKNOWN. */
typedef struct ViewParams {
        Dims shape; /* of the output */
        Dims axis, start, step; /* one per axis of the input */
} ViewParams;

/* rechunk: chunk_size as in tiling_parse(). concatenate: axis. weave: along which axis (from the front), from which
 * position on and how far from one to the next. reshape: shape; one -1 is what remains (UNKNOWN while
 * the input's size is: users of the result look at the node's spec, not here). */
typedef struct RechunkParams {
        Dims chunk_size;
} RechunkParams;
typedef struct ConcatenateParams {
        int64_t axis;
} ConcatenateParams;
typedef struct WeaveParams {
        int64_t axis, start, step;
} WeaveParams;
typedef struct ReshapeParams {
        Dims shape;
} ReshapeParams;
