/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the laws ask every operator: inputs that it takes, and parameters. Families have questions of their own; an
 * operator with parameters that must be given, or with inputs of which not all numbers will do, is in `cases`. A new
 * operator is asked its family's questions, and the laws say so if none of them suits it. */
#include <math.h>
#include <stdlib.h>

#include "client/client.h"
#include "graph/op.h"

enum { MAX_IN = 7, MAX_OUT = 4, MAX_CASE_NDIM = 3, MAX_CASE_PARAMS = 5 };

typedef enum Values {
        ANY,       /* the numbers of the law's dtype, zeros and equal ones among them */
        FINITE,    /* of a float dtype, neither infinities nor NaN */
        CONDITION, /* bool, whatever the dtype */
        ASCENDING, /* along the last axis */
        POSITIONS, /* int64: 0 … below - 1 */
        KEYS,      /* those that ascend, none twice */
        UNIT,      /* from 0 to 1 */
        DEFINITE,  /* Hermitian, positive definite matrices */
        LOWER,     /* their lower triangles */
} Values;

typedef struct Input {
        unsigned ndim;
        int64_t dim[MAX_CASE_NDIM];
        Values values;
        int64_t below;
} Input;

typedef struct Case {
        const char *op;       /* a name, or the family for all of its operators without a case of their own */
        bool every_dtype;     /* the parameter `dtype` is each dtype in turn */
        unsigned n_in;
        Input in[MAX_IN];
        unsigned n_params;
        mars_param param[MAX_CASE_PARAMS];
} Case;

#define OF(kind, ...)                                                                                                 \
        { .ndim = sizeof((int64_t[]) { __VA_ARGS__ }) / sizeof(int64_t), .dim = { __VA_ARGS__ }, .values = (kind) }
#define BELOW(limit, ...)                                                                                              \
        { .ndim = sizeof((int64_t[]) { __VA_ARGS__ }) / sizeof(int64_t), .dim = { __VA_ARGS__ }, .values = POSITIONS,  \
          .below = (limit) }
#define KEYED(kind, limit, n) { .ndim = 1, .dim = { n }, .values = (kind), .below = (limit) }
#define ONE { .ndim = 0 } /* a tensor without axes */
#define LIST(name_, ...)                                                                                               \
        { .name = name_, .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { __VA_ARGS__ },                           \
          .n = sizeof((int64_t[]) { __VA_ARGS__ }) / sizeof(int64_t) }
#define INT(name_, value) { .name = name_, .kind = MARS_PARAM_I64, .i64 = (value) }
#define FLAG(name_) { .name = name_, .kind = MARS_PARAM_BOOL, .i64 = 1 }
#define TEXT(name_, value) { .name = name_, .kind = MARS_PARAM_TEXT, .text = (value) }
#define NUMBER(name_, value)                                                                                           \
        { .name = name_, .kind = MARS_PARAM_SCALAR, .scalar = { .dtype = MARS_FLOAT64, .f64 = (value) } }
#define WHOLE(name_, value)                                                                                            \
        { .name = name_, .kind = MARS_PARAM_SCALAR, .scalar = { .dtype = MARS_INT64, .i64 = (value) } }

#define FOURIER(op_)                                                                                                   \
        { .op = op_, .in = { OF(ANY, 19, 12) } },                                                                      \
                { .op = op_, .in = { OF(FINITE, 15, 19) }, .n_params = 1, .param = { INT("axis", 0) } },               \
                { .op       = op_,                                                                                     \
                  .in       = { OF(FINITE, 3, 5, 4) },                                                                 \
                  .n_params = 3,                                                                                       \
                  .param    = { INT("axis", 1), LIST("n", 67), TEXT("norm", "ortho") } },                              \
                { .op = op_, .in = { OF(FINITE, 3, 40) }, .n_params = 1, .param = { LIST("n", 9000) } },               \
                { .op = op_, .in = { OF(FINITE, 40) }, .n_params = 1, .param = { LIST("n", 4099) } },                  \
        {                                                                                                              \
                .op = op_, .in = { OF(FINITE, 137) }, .n_params = 2,                                                   \
                .param = { LIST("n", 30), TEXT("norm", "forward") }                                                    \
        }
#define FOURIER_ALL(op_)                                                                                               \
        { .op = op_, .in = { OF(ANY, 5, 12) } },                                                                       \
                { .op       = op_,                                                                                     \
                  .in       = { OF(FINITE, 3, 5, 4) },                                                                 \
                  .n_params = 2,                                                                                       \
                  .param    = { LIST("s", 4, 9), LIST("axes", 0, -1) } },                                              \
        {                                                                                                              \
                .op = op_, .in = { OF(FINITE, 3, 5, 4) }, .n_params = 2,                                               \
                .param = { LIST("s", 6, 5), TEXT("norm", "ortho") }                                                    \
        }

#define FOLD(function_)                                                                                                \
        { .op       = "sparse_fold",                                                                                   \
          .in       = { OF(ANY, 7), KEYED(KEYS, 77, 31), OF(ANY, 31) },                                                \
          .n_params = 3,                                                                                               \
          .param    = { INT("columns", 11), INT("axis", 1), TEXT("function", function_) } },                           \
        {                                                                                                              \
                .op = "sparse_fold", .in = { OF(ANY, 11), KEYED(KEYS, 77, 31), OF(ANY, 31) }, .n_params = 3,           \
                .param = { INT("columns", 11), INT("axis", 0), TEXT("function", function_) }                           \
        }
#define FACTORS                                                                                                        \
        { INT("rows", 7), INT("inner", 11), INT("columns", 9), INT("first", 3), INT("count", 5) }

static const Case cases[] = {
        /* Maps: equal shapes, broadcast ones, a number, nothing at all. */
        { .op = "map", .in = { OF(ANY, 5, 7), OF(ANY, 5, 7), OF(ANY, 5, 7), OF(ANY, 5, 7) } },
        { .op = "map", .in = { OF(ANY, 5, 1), OF(ANY, 7), OF(ANY, 5, 7), OF(ANY, 1, 7) } },
        { .op = "map", .in = { ONE, OF(ANY, 9), ONE, OF(ANY, 9) } },
        { .op = "map", .in = { OF(ANY, 0, 3), OF(ANY, 3), OF(ANY, 1, 3), ONE } },
        { .op = "map", .in = { ONE, ONE, ONE, ONE } },
        { .op = "where", .in = { OF(CONDITION, 5, 7), OF(ANY, 5, 7), OF(ANY, 5, 7) } },
        { .op = "where", .in = { OF(CONDITION, 5, 1), OF(ANY, 7), OF(ANY, 5, 7) } },
        { .op = "where", .in = { OF(CONDITION, 0, 3), ONE, OF(ANY, 3) } },
        { .op = "cast", .every_dtype = true, .in = { OF(ANY, 5, 7) } },
        { .op = "cast", .every_dtype = true, .in = { OF(ANY, 0) } },

        { .op = "reduce", .in = { OF(ANY, 13, 21) } },
        { .op = "reduce", .in = { OF(ANY, 13, 21) }, .n_params = 1, .param = { LIST("axis", 0) } },
        { .op = "reduce", .in = { OF(ANY, 13, 21) }, .n_params = 2, .param = { LIST("axis", 1), FLAG("keepdims") } },
        { .op = "reduce", .in = { OF(ANY, 3, 4, 5) } },
        { .op = "reduce", .in = { OF(ANY, 3, 4, 5) }, .n_params = 1, .param = { LIST("axis", 1) } },
        { .op = "reduce", .in = { OF(ANY, 3, 4, 5) }, .n_params = 1, .param = { LIST("axis", 0, 2) } },
        { .op = "reduce", .in = { OF(ANY, 3, 4, 5) }, .n_params = 1, .param = { LIST("axis", 2, 1) } },
        { .op = "reduce", .in = { OF(ANY, 137) } },
        { .op = "reduce", .in = { ONE } },
        { .op = "reduce", .in = { OF(ANY, 0, 3) } },
        { .op = "reduce", .in = { OF(ANY, 0, 3) }, .n_params = 1, .param = { LIST("axis", 1) } },

        { .op = "scan", .in = { OF(ANY, 13, 21) } },
        { .op = "scan", .in = { OF(ANY, 13, 21) }, .n_params = 1, .param = { LIST("axis", 0) } },
        { .op = "scan", .in = { OF(ANY, 13, 21) }, .n_params = 1, .param = { LIST("axis", 1) } },
        { .op = "scan", .in = { OF(ANY, 3, 0) }, .n_params = 1, .param = { LIST("axis", 0) } },
        { .op = "scan", .in = { OF(ANY, 3, 0) }, .n_params = 1, .param = { LIST("axis", 1) } },

        { .op = "contract", .in = { OF(FINITE, 12, 12), OF(FINITE, 12, 12) } },
        { .op = "contract", .in = { OF(FINITE, 13, 70), OF(FINITE, 70, 21) } }, /* of integers by BLAS */
        { .op = "contract", .in = { OF(FINITE, 7, 4, 3), OF(FINITE, 1, 3, 5) } },
        { .op = "contract", .in = { OF(FINITE, 17, 5), OF(FINITE, 5, 9) } },
        { .op = "contract", .in = { OF(FINITE, 40), OF(FINITE, 40) } },
        { .op = "contract", .in = { OF(FINITE, 3, 4, 5), OF(FINITE, 5) } },
        { .op = "contract", .in = { OF(FINITE, 13, 70), OF(FINITE, 70) } },
        { .op = "contract", .in = { OF(FINITE, 70), OF(FINITE, 70, 21) } },
        { .op = "contract", .in = { OF(FINITE, 3, 0), OF(FINITE, 0, 2) } },

        { .op = "exchange", .in = { OF(ANY, 12, 12) } },
        { .op = "exchange", .in = { OF(ANY, 40) } },
        { .op = "exchange", .in = { OF(ANY, 3, 4, 5) } },
        { .op = "exchange", .in = { OF(ANY, 0) } },
        { .op = "exchange", .in = { OF(ANY, 3, 0) } },
        { .op = "sort", .in = { OF(ANY, 13, 21) }, .n_params = 1, .param = { INT("axis", 0) } },
        { .op = "sort", .in = { OF(ANY, 137) } },
        { .op = "argsort", .in = { OF(ANY, 13, 21) }, .n_params = 1, .param = { INT("axis", 0) } },
        { .op = "argsort", .in = { OF(ANY, 137) } },
        { .op = "mask", .in = { OF(ANY, 13, 21), OF(CONDITION, 13, 21) } },
        { .op = "mask", .in = { OF(ANY, 13, 5), OF(CONDITION, 13) } },
        { .op = "mask", .in = { OF(ANY, 0, 5), OF(CONDITION, 0) } },
        { .op = "take", .n_in = 2, .in = { OF(ANY, 13, 5), BELOW(13, 19) } },
        { .op       = "take",
          .n_in     = 2,
          .in       = { OF(ANY, 7, 11), BELOW(11, 3, 5) },
          .n_params = 1,
          .param    = { INT("axis", 1) } },
        { .op = "take", .n_in = 3, .in = { OF(ANY, 7, 11, 3), BELOW(7, 4, 1), BELOW(11, 5) } },
        { .op = "take", .n_in = 2, .in = { OF(ANY, 7, 3), BELOW(7, 0) } },
        { .op = "pack_bits", .in = { OF(ANY, 5, 3, 8) } },
        { .op = "pack_bits", .in = { OF(ANY, 19, 8) }, .n_params = 1, .param = { FLAG("little") } },
        { .op = "unpack_bits", .in = { OF(ANY, 19) } },
        { .op = "unpack_bits", .in = { OF(ANY, 5, 3) }, .n_params = 1, .param = { FLAG("little") } },
        { .op = "put", .n_in = 3, .in = { OF(ANY, 23), OF(ANY, 19), BELOW(23, 19) } },
        { .op       = "put",
          .n_in     = 3,
          .in       = { OF(ANY, 5, 7), ONE, BELOW(7, 4) },
          .n_params = 1,
          .param    = { INT("axis", 1) } },
        { .op = "put", .n_in = 3, .in = { OF(ANY, 97), OF(ANY, 61), BELOW(97, 61) } }, /* these are dealt */
        { .op       = "put",
          .n_in     = 3,
          .in       = { OF(ANY, 97), OF(ANY, 61), BELOW(97, 61) },
          .n_params = 1,
          .param    = { TEXT("function", "add") } },
        { .op = "put", .n_in = 3, .in = { OF(ANY, 61, 2), OF(ANY, 61, 2), BELOW(61, 61) } },
        { .op = "put", .n_in = 4, .in = { OF(ANY, 5, 7), OF(ANY, 6), BELOW(5, 6), BELOW(7, 6) } },
        { .op = "reinterpret", .every_dtype = true, .in = { OF(ANY, 29, 16) } },
        { .op = "reinterpret", .every_dtype = true, .in = { OF(ANY, 3, 0, 16) } },
        { .op       = "left_reduce",
          .n_in     = 1,
          .in       = { OF(ANY, 37, 5) },
          .n_params = 2,
          .param    = { INT("axis", 0), TEXT("function", "subtract") } },
        { .op       = "left_reduce",
          .n_in     = 2,
          .in       = { OF(ANY, 5, 41), OF(CONDITION, 5, 41) },
          .n_params = 2,
          .param    = { INT("axis", 1), TEXT("function", "maximum") } },
        { .op       = "left_accumulate",
          .n_in     = 1,
          .in       = { OF(ANY, 3, 29, 5) },
          .n_params = 2,
          .param    = { INT("axis", 1), TEXT("function", "subtract") } },
        { .op       = "left_accumulate",
          .n_in     = 1,
          .in       = { OF(ANY, 137) },
          .n_params = 2,
          .param    = { INT("axis", 0), TEXT("function", "multiply") } },
        { .op = "bounded", .in = { BELOW(23, 7, 11) }, .n_params = 1, .param = { INT("length", 23) } },
        { .op = "take_along", .in = { OF(ANY, 7, 11), BELOW(11, 7, 19) } },
        { .op       = "take_along",
          .in       = { OF(ANY, 13, 1, 5), BELOW(13, 21, 3, 5) },
          .n_params = 1,
          .param    = { INT("axis", 0) } },
        { .op = "take_along", .in = { OF(ANY, 137), BELOW(137, 40) } },
        { .op = "put_along", .in = { OF(ANY, 7, 11), OF(ANY, 7, 19), BELOW(11, 7, 19) } },
        { .op       = "put_along",
          .in       = { OF(ANY, 13, 3, 5), OF(ANY, 5), BELOW(13, 21, 1, 5) },
          .n_params = 1,
          .param    = { INT("axis", 0) } },
        { .op = "put_along", .in = { OF(ANY, 137), OF(ANY, 1), BELOW(137, 40) } },
        { .op = "kth", .in = { OF(ANY, 137) }, .n_params = 1, .param = { LIST("k", 0, 68, -1) } },
        { .op = "kth", .in = { OF(ANY, 13, 7) }, .n_params = 2, .param = { LIST("k", 6), INT("axis", 0) } },
        { .op = "topk", .in = { OF(ANY, 137) }, .n_params = 1, .param = { INT("k", 9) } },
        { .op = "topk", .in = { OF(ANY, 13, 7) }, .n_params = 2, .param = { INT("k", 3), INT("axis", 0) } },
        { .op = "searchsorted", .in = { OF(ASCENDING, 31), OF(ANY, 5, 7) } },
        { .op       = "searchsorted",
          .in       = { OF(ASCENDING, 31), OF(ANY, 40) },
          .n_params = 1,
          .param    = { TEXT("side", "right") } },
        { .op = "paired", .in = { OF(ASCENDING, 41) } },
        { .op       = "convolve",
          .in       = { OF(ANY, 137), OF(ANY, 19) },
          .n_params = 2,
          .param    = { INT("first", 0), INT("count", 155) } },
        { .op       = "convolve",
          .in       = { OF(ANY, 5), OF(ANY, 7) },
          .n_params = 2,
          .param    = { INT("first", 3), INT("count", 4) } },
        { .op = "paired", .in = { OF(ASCENDING, 41) }, .n_params = 1, .param = { FLAG("single") } },
        { .op = "searchsorted", .in = { OF(ASCENDING, 0), OF(ANY, 3) } },
        { .op = "bincount", .n_in = 1, .in = { BELOW(11, 137) }, .n_params = 1, .param = { INT("n", 11) } },
        { .op       = "bincount",
          .n_in     = 2,
          .in       = { BELOW(11, 137), OF(ANY, 137) },
          .n_params = 1,
          .param    = { INT("n", 11) } },
        { .op = "histogram", .n_in = 2, .in = { OF(ANY, 137), OF(ASCENDING, 9) } },
        { .op = "histogram", .n_in = 3, .in = { OF(ANY, 137), OF(ASCENDING, 9), OF(ANY, 137) } },

        /* Blocks of 7 rows and 11 columns; right factors have 9 columns, and these rows from the third one on. */
        { .op       = "sparse_dense",
          .in       = { KEYED(KEYS, 77, 31), OF(ANY, 31), ONE },
          .n_params = 2,
          .param    = { INT("rows", 7), INT("columns", 11) } },
        { .op       = "sparse_dense",
          .in       = { KEYED(KEYS, 0, 0), OF(ANY, 0), ONE },
          .n_params = 2,
          .param    = { INT("rows", 3), INT("columns", 0) } },
        { .op       = "sparse_part",
          .in       = { KEYED(KEYS, 77, 31), OF(ANY, 31) },
          .n_params = 2,
          .param    = { INT("first", 11), INT("last", 55) } },
        { .op       = "sparse_order",
          .in       = { BELOW(77, 31), OF(ANY, 31) },
          .n_params = 2,
          .param    = { INT("rows", 7), INT("columns", 11) } },
        { .op       = "sparse_order", /* one element a row at most: dealt to rows */
          .in       = { BELOW(77, 31), OF(ANY, 31) },
          .n_params = 2,
          .param    = { INT("rows", 77), INT("columns", 1) } },
        { .op       = "sparse_transpose",
          .in       = { KEYED(KEYS, 77, 31), OF(ANY, 31) },
          .n_params = 4,
          .param    = { INT("rows", 7), INT("columns", 11), INT("first", 2), INT("of", 13) } },
        { .op       = "sparse_transpose", /* many more columns than elements: sorted */
          .in       = { KEYED(KEYS, 2000, 31), OF(ANY, 31) },
          .n_params = 4,
          .param    = { INT("rows", 4), INT("columns", 500), INT("first", 0), INT("of", 4) } },
        { .op   = "sparse_union",
          .n_in = 5,
          .in   = { OF(ANY, 31, 0), KEYED(KEYS, 143, 14), OF(ANY, 14), KEYED(KEYS, 99, 17), OF(ANY, 17) } },
        { .op   = "sparse_sum",
          .n_in = 5,
          .in   = { OF(ANY, 31, 0), KEYED(KEYS, 143, 14), OF(ANY, 14), KEYED(KEYS, 99, 17), OF(ANY, 17) } },
        { .op       = "sparse_sum",
          .n_in     = 5,
          .in       = { OF(ANY, 31, 0), KEYED(KEYS, 143, 14), OF(ANY, 14), KEYED(KEYS, 99, 17), OF(ANY, 17) },
          .n_params = 1,
          .param    = { FLAG("subtract") } },
        FOLD("add"),
        FOLD("multiply"),
        FOLD("maximum"),
        FOLD("minimum"),
        { .op = "sparse_room", .in = { KEYED(KEYS, 77, 31), KEYED(KEYS, 45, 20) }, .n_params = 5, .param = FACTORS },
        { .op       = "sparse_product",
          .n_in     = 5,
          .in       = { OF(ANY, 63, 0), KEYED(KEYS, 77, 31), OF(FINITE, 31), KEYED(KEYS, 45, 20), OF(FINITE, 20) },
          .n_params = 5,
          .param    = FACTORS },
        { .op       = "sparse_product",
          .n_in     = 7,
          .in       = { OF(ANY, 63, 0), KEYED(KEYS, 77, 31), OF(FINITE, 31), KEYED(KEYS, 45, 20), OF(FINITE, 20),
                        KEYED(KEYS, 63, 25), OF(FINITE, 25) },
          .n_params = 5,
          .param    = FACTORS },
        { .op       = "sparse_dense_product",
          .n_in     = 3,
          .in       = { KEYED(KEYS, 77, 31), OF(ANY, 31), OF(ANY, 5, 9) },
          .n_params = 5,
          .param    = FACTORS },
        { .op       = "sparse_dense_product",
          .n_in     = 4,
          .in       = { KEYED(KEYS, 77, 31), OF(ANY, 31), OF(ANY, 5, 9), OF(ANY, 7, 9) },
          .n_params = 5,
          .param    = FACTORS },

        { .op = "concatenate", .n_in = 3, .in = { OF(ANY, 5, 7), OF(ANY, 3, 7), OF(ANY, 0, 7) } },
        { .op       = "concatenate",
          .n_in     = 2,
          .in       = { OF(ANY, 5, 7), OF(ANY, 5, 4) },
          .n_params = 1,
          .param    = { INT("axis", 1) } },
        { .op       = "weave", /* a[:, 2:12:3] = b */
          .n_in     = 2,
          .in       = { OF(ANY, 5, 17), OF(ANY, 5, 4) },
          .n_params = 3,
          .param    = { INT("axis", 1), INT("start", 2), INT("step", 3) } },
        { .op       = "weave", /* a[::2] = b */
          .n_in     = 2,
          .in       = { OF(ANY, 77), OF(ANY, 39) },
          .n_params = 3,
          .param    = { INT("axis", 0), INT("start", 0), INT("step", 2) } },
        { .op = "reshape", .in = { OF(ANY, 6, 35) }, .n_params = 1, .param = { LIST("shape", 5, 42) } },
        { .op = "reshape", .in = { OF(ANY, 3, 4, 5) }, .n_params = 1, .param = { LIST("shape", -1) } },
        { .op = "rechunk", .in = { OF(ANY, 13, 21) }, .n_params = 1, .param = { LIST("chunk_size", 1, 4) } },
        { .op       = "rechunk",
          .in       = { OF(ANY, 13, 21) },
          .n_params = 1,
          .param    = { LIST("chunk_size", 2, 6, 7, 3, 1, 13, 7) } },
        { .op       = "slice", /* a[-2:2:-3, 5] */
          .in       = { OF(ANY, 13, 21) },
          .n_params = 3,
          .param    = { LIST("start", -2, 5), LIST("stop", 2, 0), LIST("step", -3, 0) } },
        { .op       = "slice", /* a[1:100:2, -4:] */
          .in       = { OF(ANY, 13, 21) },
          .n_params = 3,
          .param    = { LIST("start", 1, -4), LIST("stop", 100, INT64_MAX), LIST("step", 2, 1) } },
        { .op       = "view",
          .in       = { OF(ANY, 13, 21) },
          .n_params = 4, /* a[::-2, 3:19:4].T */
          .param    = { LIST("shape", 4, 7), LIST("axis", 1, 0), LIST("start", 12, 3), LIST("step", -2, 4) } },

        { .op = "full", .every_dtype = true, .n_params = 2, .param = { LIST("shape", 13, 21), WHOLE("value", 3) } },
        { .op          = "arange",
          .every_dtype = true,
          .n_params    = 3,
          .param       = { LIST("shape", 137), WHOLE("start", 1), WHOLE("step", 1) } },
        { .op          = "linspace",
          .every_dtype = true,
          .n_params    = 3,
          .param       = { LIST("shape", 137), NUMBER("start", 0.1), NUMBER("stop", 7.3) } },
        { .op          = "random_uniform",
          .every_dtype = true,
          .n_params    = 2,
          .param       = { LIST("shape", 13, 21), INT("seed", 5) } },
        { .op          = "random_normal",
          .every_dtype = true,
          .n_params    = 2,
          .param       = { LIST("shape", 13, 21), INT("seed", 5) } },
        { .op          = "random_exponential",
          .every_dtype = true,
          .n_params    = 2,
          .param       = { LIST("shape", 13, 21), INT("seed", 5) } },
        { .op          = "random_integers",
          .every_dtype = true,
          .n_params    = 3,
          .param       = { LIST("shape", 13, 21), INT("seed", 5), WHOLE("high", 100) } },

        /* Maps of elements' indices. */
        { .op       = "random_gamma",
          .in       = { BELOW(1LL << 40, 13, 21), OF(ANY, 21) },
          .n_params = 1,
          .param    = { INT("seed", 5) } },
        { .op       = "random_vonmises",
          .in       = { BELOW(1LL << 40, 13, 21), OF(ANY, 21) },
          .n_params = 1,
          .param    = { INT("seed", 5) } },
        { .op       = "random_poisson",
          .in       = { BELOW(1LL << 40, 13, 21), OF(ANY, 21) },
          .n_params = 1,
          .param    = { INT("seed", 5) } },
        { .op       = "random_logseries",
          .in       = { BELOW(1LL << 40, 13, 21), OF(ANY, 21) },
          .n_params = 1,
          .param    = { INT("seed", 5) } },
        { .op       = "random_zipf",
          .in       = { BELOW(1LL << 40, 13, 21), OF(ANY, 21) },
          .n_params = 1,
          .param    = { INT("seed", 5) } },
        { .op       = "random_gamma",
          .in       = { BELOW(1LL << 40, 13, 21), OF(ANY, 13, 21) },
          .n_params = 2,
          .param    = { INT("seed", 5), FLAG("log") } },
        { .op       = "random_binomial",
          .in       = { BELOW(1LL << 40, 13, 21), BELOW(1000, 13, 1), OF(UNIT, 21) },
          .n_params = 1,
          .param    = { INT("seed", 5) } },
        { .op       = "random_hypergeometric",
          .in       = { BELOW(1LL << 40, 13, 21), BELOW(100LL << 32, 13, 21), BELOW(100, 21) },
          .n_params = 1,
          .param    = { INT("seed", 5) } },

        { .op = "special_ellip_harm", .in = { OF(UNIT, 13, 21), OF(UNIT, 21), BELOW(60, 13, 1), OF(ANY, 13, 21) } },
        { .op = "special_ellip_harm_2", .in = { OF(UNIT, 13, 21), OF(UNIT, 21), BELOW(60, 13, 1), OF(ANY, 13, 21) } },
        { .op = "special_ellip_normal", .in = { OF(UNIT, 13, 21), OF(UNIT, 21), BELOW(60, 13, 1) } },

        { .op = "block", .in = { OF(DEFINITE, 12, 12), OF(FINITE, 12) } },
        { .op = "block", .in = { OF(DEFINITE, 12, 12), OF(FINITE, 12, 5) } },
        { .op = "block", .in = { OF(DEFINITE, 3, 4, 4), OF(FINITE, 3, 4, 2) } },
        { .op = "block", .in = { OF(FINITE, 17, 5), OF(FINITE, 17) } },
        { .op = "block", .in = { OF(FINITE, 5, 17), OF(FINITE, 5) } },
        { .op       = "triangular_solve",
          .in       = { OF(LOWER, 12, 12), OF(FINITE, 12, 5) },
          .n_params = 1,
          .param    = { FLAG("lower") } },

        /* Transforms: rows in lanes, columns, every kind of length (a product of small primes, one with a large prime,
         * more than a task's cache takes, both), odd and even. */
        FOURIER("fft"),
        FOURIER("ifft"),
        FOURIER("rfft"),
        FOURIER("irfft"),
        FOURIER("hfft"),
        FOURIER("ihfft"),
        FOURIER_ALL("fftn"),
        FOURIER_ALL("ifftn"),
        FOURIER_ALL("rfftn"),
        FOURIER_ALL("irfftn"),
};

/* ---- Numbers ---------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x) {
        x += 0x9e3779b97f4a7c15u;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 27) * 0x94d049bb133111ebu;
        return x ^ x >> 31;
}

/* A float with all bits of its fraction in use, so that no sum of them is exact; some are special. */
static double float_of(uint64_t r, bool special) {
        static const double numbers[] = {
                0.0, -0.0, 1.0, 1.0, -2.5, (double) INFINITY, -(double) INFINITY, (double) NAN
        };
        static const double scale[]   = { 1, 8, 100, 1e-3 };

        if (r % 8 == 0)
                return numbers[(r >> 8) % (special ? ELEMENTSOF(numbers) : ELEMENTSOF(numbers) - 3)];
        return (double) (int64_t) (r & ~(uint64_t) 0x3ff) * 0x1p-63 * scale[r >> 3 & 3];
}

static double real_number(const Input *in, mars_dtype dtype, int64_t index, uint64_t r) {
        const int64_t n = in->ndim > 0 ? in->dim[in->ndim - 1] : 1, k = index % n;
        const bool fraction = dtype >= MARS_FLOAT16;

        switch (in->values) {
        case ANY:
        case FINITE:
                return fraction ? float_of(r, in->values == ANY) : dtype == MARS_BOOL ? r % 2 : r % 13;
        case CONDITION:
                return r % 2;
        case ASCENDING:
                return dtype == MARS_BOOL ? k >= n / 2 : fraction ? (double) k * 0.75 - 3 : (double) (k / 2);
        case POSITIONS:
                return (double) (r % (uint64_t) in->below);
        case KEYS:
                return (double) (k * in->below / n);
        case UNIT:
                return fraction ? (double) (r % 17) / 16 : (double) (r % 2);
        case DEFINITE:
        case LOWER: {
                const int64_t i = index / n % n;

                if (dtype == MARS_BOOL)
                        return i == k;
                if (in->values == LOWER && k > i)
                        return 0;
                return i == k ? (double) (2 * n) : fraction ? 1 / (double) (1 + i + k) : (double) ((i + k) % 3);
        }
        }
        return 0;
}

static mars_dtype dtype_of(const Input *in, mars_dtype dtype) {
        return in->values == CONDITION ? MARS_BOOL : in->values == POSITIONS || in->values == KEYS ? MARS_INT64 : dtype;
}

/* The input's elements in C order; the caller frees them. */
static void *elements(const Input *in, mars_dtype dtype, unsigned which) {
        const bool complex = dtype_kind((DType) dtype) == KIND_COMPLEX;
        const DType real   = dtype_real((DType) dtype);
        const size_t size  = dtype_size(real);
        int64_t n          = complex ? 2 : 1;
        char *ret;

        for (unsigned k = 0; k < in->ndim; k++)
                n *= in->dim[k];
        ret = calloc((size_t) n + 1, size);
        for (int64_t i = 0; i < n; i++) {
                const uint64_t r = mix((uint64_t) i * 31 + which * 1009 + (unsigned) in->values * 77);
                /* matrices stay Hermitian, and what is ascending ascends: their imaginary parts are zero */
                const bool imaginary = complex && i % 2 == 1;
                const double x =
                        imaginary && in->values > CONDITION ? 0 : real_number(in, dtype, complex ? i / 2 : i, r);
                const Scalar s       = scalar_cast((Scalar) { .dtype = DTYPE_F64, .f64 = x }, real);

                memcpy(ret + (size_t) i * size, s.bytes, size);
        }
        return ret;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

typedef struct Question {
        unsigned op;
        const mars_op_info *info;
        unsigned n_in, n_params;
        const Input *in;
        mars_dtype dtype[MAX_IN];
        mars_param param[MAX_CASE_PARAMS];
        char text[160]; /* for people */
} Question;

typedef void QuestionFn(const Question *question, void *userdata);

static void ask(const Case *c, unsigned op, const mars_dtype *dtype, QuestionFn *fn, void *userdata) {
        const mars_op_info *info = mars_op_describe(op);
        Question q = { .op = op, .info = info, .n_in = c->n_in ?: info->n_in, .n_params = c->n_params, .in = c->in };
        int at     = snprintf(q.text, sizeof(q.text), "%s(", info->name);

        ck_assert_uint_le(q.n_in, MAX_IN);
        ck_assert_uint_le(info->n_out, MAX_OUT);
        for (unsigned i = 0; i < c->n_params; i++)
                q.param[i] = c->param[i];
        for (unsigned i = 0; i < q.n_in; i++) {
                q.dtype[i] = dtype_of(&c->in[i], dtype[i]);
                at += snprintf(q.text + at, sizeof(q.text) - (size_t) at, "%s%s of", i ? ", " : "",
                               mars_dtype_name(q.dtype[i]));
                for (unsigned k = 0; k < c->in[i].ndim; k++)
                        at += snprintf(q.text + at, sizeof(q.text) - (size_t) at, " %lld", (long long) c->in[i].dim[k]);
        }
        for (int to = 0; to < (c->every_dtype ? (int) _DTYPE_MAX : 1); to++) {
                if (c->every_dtype) {
                        q.n_params            = c->n_params + 1;
                        q.param[c->n_params]  = (mars_param) { .name = "dtype", .kind = MARS_PARAM_DTYPE, .i64 = to };
                        snprintf(q.text + at, sizeof(q.text) - (size_t) at, " -> %s", mars_dtype_name((mars_dtype) to));
                }
                fn(&q, userdata);
        }
}

/* Asks every operator that is not hidden, with every dtype. */
static void each_question(QuestionFn *fn, void *userdata) {
        for (unsigned op = 0; op < mars_op_count(); op++) {
                const mars_op_info *info = mars_op_describe(op);
                bool own                 = false;

                for (size_t c = 0; c < ELEMENTSOF(cases); c++)
                        own |= strcmp(cases[c].op, info->name) == 0;
                for (size_t c = 0; c < ELEMENTSOF(cases) && !info->hidden; c++) {
                        const Case *at     = &cases[c];
                        const unsigned n   = at->n_in ?: info->n_in;
                        const bool inputs =
                                n > 0 && (n > 1 || dtype_of(&at->in[0], MARS_DTYPE_NONE) == MARS_DTYPE_NONE);

                        if (strcmp(at->op, info->name) != 0 && (strcmp(at->op, info->family) != 0 || own) )
                                continue;
                        for (int d = 0; d < (inputs ? (int) _DTYPE_MAX : 1); d++) {
                                const mars_dtype same = (mars_dtype) d, other = (mars_dtype) ((d * 5 + 3) % _DTYPE_MAX);

                                ask(at, op, (const mars_dtype[MAX_IN]) { same, same, same, same, same, same, same }, fn,
                                    userdata);
                                if (n > 1)
                                        ask(at, op,
                                            (const mars_dtype[MAX_IN]){ same, other, same, other, same, other, same },
                                            fn, userdata);
                        }
                }
        }
}

/* ---- Answers ---------------------------------------------------------------------------------------------------- */

/* How inputs are cut: chunks of `length` along every axis, 0 is one chunk; RAGGED: of 1, 2, 3, … elements; MIXED:
 * every input otherwise. LAZY: the inputs are not data, but operations that are computed with the rest. */
enum { RAGGED = -1, MIXED = -2 };
typedef struct Cut {
        int length;
        bool lazy;
} Cut;

static const Cut cuts[] = { { 0, false }, { 1, false }, { RAGGED, false }, { 2, false }, { 3, false }, { 7, false },
                            { MIXED, false }, { 3, true }, { 0, true } };
enum { N_CUTS = ELEMENTSOF(cuts), N_FEW_CUTS = 3 }; /* the first ones say most */

/* In mars.h's form; ret has room for all. */
static size_t chunk_sizes(const Input *in, int length, int64_t *ret) {
        size_t n = 0;

        if (length >= 0 || in->ndim == 0) {
                ret[0] = 1;
                ret[1] = MAX(length, 0);
                return 2;
        }
        for (unsigned k = 0; k < in->ndim; k++) {
                const size_t first = n++;
                int64_t left       = in->dim[k];

                for (int64_t size = 1; left > 0; left -= size, size = MIN(size + 1, left))
                        ret[n++] = size;
                if (n == first + 1)
                        ret[n++] = 0;
                ret[first] = (int64_t) (n - first - 1);
        }
        return n;
}

static mars_tensor *input(const Question *q, unsigned i, Cut cut) {
        static const int mixed[MAX_IN] = { 2, RAGGED, 5, 3, 7, RAGGED, 1 };
        _cleanup_(freep) void *data = elements(&q->in[i], q->dtype[i], i);
        const int length            = cut.length == MIXED ? mixed[i] : cut.length;
        mars_tensor *ret = NULL, *all = NULL, *plain;
        int64_t sizes[256];

        must(mars_from_memory(&ret, data, q->dtype[i], q->in[i].ndim, q->in[i].dim, NULL, sizes,
                              chunk_sizes(&q->in[i], length, sizes), &err));
        if (!cut.lazy)
                return ret;
        plain = ret;
        must(mars_full(&all, MARS_BOOL, 0, NULL, 1, &err));
        must(mars_op1(&ret, "where", 3, (mars_tensor *[]) { all, plain, plain }, NULL, 0, &err));
        mars_tensor_unref(all);
        mars_tensor_unref(plain);
        return ret;
}

/* The tensors of the answer, lazy: 0, or why the question is refused, at once and in words. */
static int answer(const Question *q, Cut cut, mars_tensor **out) {
        mars_tensor *in[MAX_IN] = {};
        mars_param param[MAX_CASE_PARAMS + 1];
        int64_t chunk_size[2] = { 1, MAX(cut.length, 0) };
        unsigned n_params     = q->n_params;
        mars_error err        = {};
        int r;

        memcpy(param, q->param, n_params * sizeof(*param));
        if (strcmp(q->info->family, "source") == 0)
                param[n_params++] =
                        (mars_param){ .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = chunk_size, .n = 2 };
        for (unsigned i = 0; i < q->n_in; i++)
                in[i] = input(q, i, cut);
        r = mars_op(out, q->op, q->n_in, in, param, n_params, &err);
        for (unsigned i = 0; i < q->n_in; i++)
                mars_tensor_unref(in[i]);
        ck_assert_msg(r >= 0 || err.text[0], "%s refuses without words", q->text);
        return r;
}

/* Makes all NaNs one: which of two NaNs a sum inherits is up to the compiler (docs/decisions/0011). */
static void one_nan(mars_dtype dtype, size_t size, char *data) {
        const DType real = dtype_real((DType) dtype);
        const size_t n   = dtype_size(real);

        if (dtype < MARS_FLOAT16)
                return;
        for (size_t at = 0; at < size; at += n) {
                Scalar s = { .dtype = real };

                memcpy(s.bytes, data + at, n);
                if (isnan(scalar_f64(s)))
                        memset(data + at, 0xff, n);
        }
}

/* What came of it, bit for bit. */
typedef struct Bits {
        int code; /* why it failed when it ran, or 0 */
        unsigned n;
        mars_dtype dtype[MAX_OUT];
        size_t size[MAX_OUT];
        char *data[MAX_OUT];
} Bits;

static void bits_clear(Bits *b) {
        for (unsigned i = 0; i < b->n; i++)
                free(b->data[i]);
        *b = (Bits) {};
}

_unused_ static bool bits_equal(const Bits *a, const Bits *b) {
        bool equal = a->code == b->code && a->n == b->n;

        for (unsigned i = 0; i < a->n && equal; i++)
                equal = a->dtype[i] == b->dtype[i] && a->size[i] == b->size[i] &&
                        memcmp(a->data[i], b->data[i], a->size[i]) == 0;
        return equal;
}

/* The answer's bits; false when the question is refused. */
static bool compute(mars_session *s, const Question *q, Cut cut, Bits *ret) {
        mars_tensor *out[MAX_OUT] = {};
        mars_error err            = {};

        *ret = (Bits) {};
        if (answer(q, cut, out) < 0)
                return false;
        ret->code = mars_execute(s, q->info->n_out, out, &err);
        ck_assert_msg(ret->code >= 0 || err.text[0], "%s fails without words", q->text);
        ret->n = ret->code < 0 ? 0 : q->info->n_out;
        for (unsigned i = 0; i < q->info->n_out; i++) {
                int64_t dims[MARS_MAX_NDIM], n = 1;

                if (i < ret->n) {
                        ck_assert_uint_eq(mars_tensor_shape(out[i], dims), 0);
                        for (unsigned k = 0; k < mars_tensor_ndim(out[i]); k++)
                                n *= dims[k];
                        ret->dtype[i] = mars_tensor_dtype(out[i]);
                        ret->size[i]  = (size_t) n * mars_dtype_size(ret->dtype[i]);
                        ret->data[i]  = calloc(ret->size[i] + 1, 1);
                        must(mars_fetch(s, out[i], ret->data[i], NULL, &err));
                        one_nan(ret->dtype[i], ret->size[i], ret->data[i]);
                }
                mars_tensor_unref(out[i]);
        }
        return true;
}
