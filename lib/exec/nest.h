/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A nest, made ready to run on one box: loops, walks, steps.
 *
 *   Loop    runs over one axis, or several that continue each other in all memory that is touched. One of them is the
 *           lane loop: it advances by up to `lanes` positions at once, and kernels work on that many elements.
 *   Walk    a place that moves with the loops: the address of an element, or the linear index of a generated one. Row k
 *           of `at` holds the places while loops 0 … k - 1 are where they are; row n_loop is that of the innermost
 *           body.
 *   Step    an instruction. It belongs to the innermost loop on which its result depends, and is evaluated when that
 *           loop advances: what is invariant in a loop is outside of it. */
#include "exec/fold.h"
#include "exec/products.h"

enum { LINE_BYTES = 64 };

typedef struct Loop {
        int64_t lo, n;     /* first position on the axis (of what is reduced), number of positions */
        int64_t i;         /* how many have been done */
} Loop;

typedef enum StepKind {
        STEP_DIRECT,    /* a load of elements side by side, or of one for all lanes: the register points there */
        STEP_FILL,      /* a load that is the same in all lanes */
        STEP_GATHER,    /* a load from strided memory */
        STEP_PACK,      /* the same, for many positions of a loop at once */
        STEP_REPEAT,    /* a load of the same few elements again and again: a row beside a table */
        STEP_GENERATE,
        STEP_MAP,
        STEP_ONE,       /* map or generate of what is the same in all lanes, for kernels that take one element */
        STEP_SPREAD,    /* the same for others: one element, then fill */
} StepKind;

/* Loads that are strided along the lanes but close together along a loop inside of them (a transposed array; the
 * rows of a table) are fetched for `tile` positions of that loop at once, so that each cache line is read once. When
 * the whole loop fits into one tile, loops between it and the lanes find it there again. */
typedef struct Pack {
        char *data;
        size_t pitch;
        int loop;
        int64_t tile;
        size_t ahead;      /* bytes of what the next lanes need that are asked for with every row; 0: of none, */
        const char *next, *next_end; /* and where they are */
        intptr_t base;     /* what is in it: the place at position 0 of the loop, */
        int64_t lo, hi;    /* positions, */
        size_t n_lane;     /* and lanes; 0: nothing yet */
} Pack;

typedef struct Step {
        StepKind kind;
        uint32_t reg, second;    /* results */
        uint32_t walk;           /* load, generate */
        size_t size, second_size; /* bytes of an element of the results */
        int64_t lane;            /* step of the walk from lane to lane */
        uint32_t n_in, n_out;
        uint32_t in[MAX_OP_IN];
        MapFn *map;
        SourceFn *generate;
        const void *params;
        Pack *pack;
} Step;

typedef enum StoreKind {
        STORE_DONE,     /* the register is the destination */
        STORE_COPY,
        STORE_STREAM,   /* past the caches */
        STORE_SCATTER,
} StoreKind;

typedef struct Store {
        StoreKind kind;
        uint32_t reg, walk;
        size_t size;
        int64_t lane;
} Store;

enum { EIGHT = 8, EIGHT_LEVEL = 3 };

/* A register that is not always in the same place: a destination in memory, or one of two or eight buffers in turns,
 * because a reduction still looks at what it was at the positions before. */
typedef struct Moving {
        uint32_t reg;
        int64_t walk;      /* >= 0: it is where this walk is */
        uint32_t n_turn;
        char *turn[EIGHT];
} Moving;

typedef struct FoldSink {
        const Sink *sink;
        const Fold *fold;
        int64_t unit;
        uint32_t walk, n_dest;        /* the destinations' walks are neighbours */
        int64_t node[MAX_STATE];
        char *lifted[2][MAX_STATE];   /* states of one position, or of two that were lifted together; in turns */
        const char *even;             /* the elements of an even position, waiting for the odd one (lift_two) */
        char *eight[2][MAX_STATE];    /* states of eight positions (lift_eight), in turns; NULL: not used */
        const char *row[EIGHT];       /* the elements of these positions, as far as they have come */
        uint32_t element;             /* by_eight: the walk of the elements */
        FoldTerms terms;              /* by_terms, as the next three: what the elements are made of, */
        const Step *load[2];          /* the loads of both inputs; NULL: it was there before the loop, */
        const char *other[EIGHT];     /* the second input of each position, row[] being the first, */
        char *low[TERMS_LEVEL];       /* and the states of fewer than eight positions, by level */
        Counter *counter;             /* reduced along another loop than the lanes */
        PyramidBase *base;            /* reduced along the lanes */
        Pyramid *pyramid;
        char **place;
} FoldSink;

typedef struct NestRun {
        Run *run;
        const Nest *nest;
        int n_loop, lane_loop, reduce_loop; /* reduce_loop: -1 without reduction */
        Loop loop[MAX_NDIM + 1];
        size_t lanes, m;              /* elements of a strip at most, and of this one */
        int64_t ends;                 /* strips of a reduced axis end at multiples of this power of two */
        int64_t period;               /* of the loads that repeat; strips begin at its multiples */
        int64_t lane_at;              /* first position of this strip on the lane loop's axis */

        uint32_t n_walk, n_step, n_store, n_fold, n_moving;
        intptr_t *at;                 /* [n_loop + 1][n_walk] */
        int64_t *move;                /* [n_loop][n_walk] */
        Step *step;                   /* by loop */
        uint32_t first_step[MAX_NDIM + 3];
        char **reg;                   /* [n_instr] */
        Store *store;
        FoldSink *fold;
        Moving *moving;

        size_t column, n_column;      /* rows that are reduced along the lanes side by side */
        bool columns_inside;          /* the loops of the rows are inside the lane loop: each row has a pyramid */
        bool by_eight;                /* the innermost loop only folds what lies in memory: eight positions at once */
        bool by_terms;                /* it only adds up terms of what lies in memory: up to eight positions at once, */
        bool few_terms;               /* and that is all of the axis: from its end on, into one state */
        bool streamed;
} NestRun;

/* Memory of a local: a dense block; the walk of (position - origin) along the stage's domain axes. */
typedef struct LocalMemory {
        char *data;
        int64_t stride[MAX_NDIM];     /* by axis of the local */
        int along;                    /* the domain axis of which it may hold a part, */
        int64_t origin;               /* and the position there that is first in it */
        bool moves;                   /* holds one block of rows at a time */
} LocalMemory;

/* The loops, walks and steps of the nest for `box`, a part of the task's box; and then what it needs to run. */
int nest_lay_out(NestRun *x, Run *run, const Nest *nest, const Box *box, const LocalMemory *local);
int nest_begin(NestRun *x);
/* The second for another task of the stage, instead of both: its box is as large, and all that it reads and makes lies
 * in memory as that of the first did, but elsewhere. Of nests without locals. */
int nest_again(NestRun *x, Run *run, const Box *box);
/* Both: makes the nest ready. */
int nest_prepare(NestRun *x, Run *run, const Nest *nest, const Box *box, const LocalMemory *local);
/* Runs it. */
int nest_execute(NestRun *x);
/* All of this. */
int nest_run(Run *run, const Nest *nest, const Box *box, const LocalMemory *local);

/* Lays a local out at `data` with room for at most n positions of domain axis `along`. Its last axis lies innermost, or
 * the longest one when that is shorter than `least`: strips along it are long. Returns its bytes, rounded up. */
size_t local_place(const Run *run, const Local *l, int along, int64_t n, int64_t least, char *data, LocalMemory *ret);
