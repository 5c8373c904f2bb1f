/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A small table of operators that only infer, so that the tests of lib/graph/ say exactly which operators they
 * mean and do not change when an operator does. It takes the place of lib/ops/registry.c in the programs that
 * include it. */
#include <string.h>

#include "graph/graph.h"
#include "graph/infer.h"

static void ops_nothing(size_t n, void *const *arg, const void *params) {
        (void) n, (void) arg, (void) params;
}

static void ops_nothing_made(size_t n, int64_t first, int64_t step, const void *params, void *out) {
        (void) n, (void) first, (void) step, (void) params, (void) out;
}

#define OPS_BINARY(t) { .in = { t, t }, .out = { t }, .fn = ops_nothing }
#define OPS_UNARY(t) { .in = { t }, .out = { t }, .fn = ops_nothing }
#define OPS_FOLD(t, t_out, id) { .in = t, .n_state = 1, .state = { t_out }, .out = t_out, .identity = id }

static const Scalar ops_zero = { .dtype = DTYPE_I64 };

static const MapKernel ops_add_kernels[] = {
        OPS_BINARY(DTYPE_BOOL), OPS_BINARY(DTYPE_I8),   OPS_BINARY(DTYPE_U8),
        OPS_BINARY(DTYPE_I16),  OPS_BINARY(DTYPE_U16),  OPS_BINARY(DTYPE_I32),
        OPS_BINARY(DTYPE_U32),  OPS_BINARY(DTYPE_I64),  OPS_BINARY(DTYPE_U64),
        OPS_BINARY(DTYPE_F16),  OPS_BINARY(DTYPE_F32),  OPS_BINARY(DTYPE_F64),
        OPS_BINARY(DTYPE_C64),  OPS_BINARY(DTYPE_C128), {},
};
static const MapKernel ops_bits_kernels[] = { OPS_BINARY(DTYPE_BOOL), OPS_BINARY(DTYPE_I8), OPS_BINARY(DTYPE_U8),
                                              OPS_BINARY(DTYPE_I64),  OPS_BINARY(DTYPE_U64), {} };
static const MapKernel ops_sin_kernels[] = { OPS_UNARY(DTYPE_F16), OPS_UNARY(DTYPE_F32), OPS_UNARY(DTYPE_F64),
                                             OPS_UNARY(DTYPE_C64), OPS_UNARY(DTYPE_C128), {} };
static const MapKernel ops_modf_kernels[] = {
        { .in = { DTYPE_F32 }, .out = { DTYPE_F32, DTYPE_F32 }, .fn = ops_nothing },
        { .in = { DTYPE_F64 }, .out = { DTYPE_F64, DTYPE_F64 }, .fn = ops_nothing },
        {},
};
static const MapKernel ops_where_kernels[] = {
        { .in = { DTYPE_BOOL, DTYPE_BOOL, DTYPE_BOOL }, .out = { DTYPE_BOOL }, .fn = ops_nothing },
        { .in = { DTYPE_BOOL, DTYPE_I8, DTYPE_I8 }, .out = { DTYPE_I8 }, .fn = ops_nothing },
        { .in = { DTYPE_BOOL, DTYPE_I64, DTYPE_I64 }, .out = { DTYPE_I64 }, .fn = ops_nothing },
        { .in = { DTYPE_BOOL, DTYPE_F32, DTYPE_F32 }, .out = { DTYPE_F32 }, .fn = ops_nothing },
        { .in = { DTYPE_BOOL, DTYPE_F64, DTYPE_F64 }, .out = { DTYPE_F64 }, .fn = ops_nothing },
        {},
};
static const MapKernel ops_ldexp_kernels[] = {
        { .in = { DTYPE_F32, DTYPE_I64 }, .out = { DTYPE_F32 }, .fn = ops_nothing },
        { .in = { DTYPE_F64, DTYPE_I64 }, .out = { DTYPE_F64 }, .fn = ops_nothing },
        {},
};
static const MapKernel ops_cast_kernels[] = {
        { .in = { DTYPE_I64 }, .out = { DTYPE_F32 }, .fn = ops_nothing },
        { .in = { DTYPE_F64 }, .out = { DTYPE_F32 }, .fn = ops_nothing },
        { .in = { DTYPE_C128 }, .out = { DTYPE_F32 }, .fn = ops_nothing },
        { .in = { DTYPE_I64 }, .out = { DTYPE_F64 }, .fn = ops_nothing },
        { .in = { DTYPE_F64 }, .out = { DTYPE_F64 }, .fn = ops_nothing },
        {},
};
static const Fold ops_sum_folds[] = {
        OPS_FOLD(DTYPE_BOOL, DTYPE_I64, &ops_zero), OPS_FOLD(DTYPE_I64, DTYPE_I64, &ops_zero),
        OPS_FOLD(DTYPE_U64, DTYPE_U64, &ops_zero),  OPS_FOLD(DTYPE_F32, DTYPE_F32, &ops_zero),
        OPS_FOLD(DTYPE_F64, DTYPE_F64, &ops_zero),  OPS_FOLD(DTYPE_I8, DTYPE_I8, &ops_zero), {},
};
static const Fold ops_max_folds[] = { OPS_FOLD(DTYPE_I64, DTYPE_I64, NULL), OPS_FOLD(DTYPE_F64, DTYPE_F64, NULL), {} };
static const Fold ops_argmax_folds[] = { OPS_FOLD(DTYPE_F64, DTYPE_I64, NULL), {} };

static const Param ops_var_params[] = {
        PARAM(ReduceParams, axis, PARAM_DIMS, "None", ""),
        PARAM(ReduceParams, keepdims, PARAM_BOOL, "False", ""),
        PARAM(ReduceParams, dtype, PARAM_DTYPE, "None", ""),
        PARAM(VarParams, ddof, PARAM_I64, "0", ""),
        {},
};

/* One parameter of each kind, twice: one with a fallback that is not None. */
typedef struct EveryParams {
        bool yes;
        int64_t count;
        double ratio;
        Scalar value, start;
        int dtype, kind;
        Dims axis, axes;
        const char *name, *mode;
} EveryParams;

static const Param ops_every_params[] = {
        PARAM(EveryParams, yes, PARAM_BOOL, "True", ""),
        PARAM(EveryParams, count, PARAM_I64, "-1", ""),
        PARAM(EveryParams, ratio, PARAM_F64, "1e-05", ""),
        PARAM(EveryParams, value, PARAM_SCALAR, "None", ""),
        PARAM(EveryParams, start, PARAM_SCALAR, "2.5", ""),
        PARAM(EveryParams, dtype, PARAM_DTYPE, "None", ""),
        PARAM(EveryParams, kind, PARAM_DTYPE, "float32", ""),
        PARAM(EveryParams, axis, PARAM_DIMS, "None", ""),
        PARAM(EveryParams, axes, PARAM_DIMS, "(0, 1)", ""),
        PARAM(EveryParams, name, PARAM_TEXT, "None", ""),
        PARAM(EveryParams, mode, PARAM_TEXT, "linear", ""),
        {},
};

static int ops_same(const OpCall *call, Spec *out, Error *err) {
        (void) err;
        *out = call->n_in > 0 ? call->in[0] : (Spec) { .dtype = DTYPE_F64 };
        return 0;
}

#define OPS_MAP(op_name, n, ...)                                                                                       \
        { .name = #op_name, .family = FAMILY_MAP, .n_in = n, .kernels = ops_##op_name##_kernels, __VA_ARGS__ }
#define OPS_REDUCE(op_name)                                                                                            \
        { .name = #op_name, .family = FAMILY_REDUCE, .n_in = 1, .folds = ops_##op_name##_folds,                        \
          .params = REDUCE_PARAMS, .params_size = sizeof(ReduceParams) }
#define OPS_MOVE(op_name, n, S, ...)                                                                                   \
        {                                                                                                              \
                .name = #op_name, .family = FAMILY_MOVE, .n_in = n, .infer = infer_##op_name,                          \
                .params_size = sizeof(S), __VA_ARGS__                                                                  \
        }

static const SourceKernel ops_full_kernels[] = {
        { .out = DTYPE_BOOL, .fn = ops_nothing_made }, { .out = DTYPE_I64, .fn = ops_nothing_made },
        { .out = DTYPE_F32, .fn = ops_nothing_made },  { .out = DTYPE_F64, .fn = ops_nothing_made }, {},
};

static const Op ops_all[] = {
        OPS_MAP(add, 2),
        OPS_MAP(bits, 2),
        OPS_MAP(sin, 1),
        OPS_MAP(modf, 1, .n_out = 2),
        OPS_MAP(where, 3, .shared = 6),
        OPS_MAP(ldexp, 2, .shared = 1),
        OPS_MAP(cast, 1, .params_size = sizeof(CastParams),
                .params = (const Param[]) { PARAM(CastParams, dtype, PARAM_DTYPE, NULL, ""), {} }),
        OPS_REDUCE(sum),
        OPS_REDUCE(max),
        OPS_REDUCE(argmax),
        { .name = "var", .family = FAMILY_REDUCE, .n_in = 1, .folds = ops_sum_folds, .params = ops_var_params,
          .params_size = sizeof(VarParams) },
        { .name = "cumsum", .family = FAMILY_SCAN, .n_in = 1, .folds = ops_sum_folds, .params = SCAN_PARAMS,
          .params_size = sizeof(ScanParams) },
        { .name = "full", .family = FAMILY_SOURCE, .generate = ops_full_kernels, .params_size = sizeof(FullParams),
          .params = (const Param[]) { SOURCE_PARAM_LIST, PARAM(FullParams, value, PARAM_SCALAR, "0", ""), {} } },
        OPS_MOVE(view, 1, ViewParams,
                 .params = (const Param[]) { PARAM(ViewParams, shape, PARAM_DIMS, NULL, ""),
                                             PARAM(ViewParams, axis, PARAM_DIMS, NULL, ""),
                                             PARAM(ViewParams, start, PARAM_DIMS, NULL, ""),
                                             PARAM(ViewParams, step, PARAM_DIMS, NULL, ""), {} }),
        OPS_MOVE(concatenate, 0, ConcatenateParams, .variadic = true,
                 .params = (const Param[]) { PARAM(ConcatenateParams, axis, PARAM_I64, "0", ""), {} }),
        OPS_MOVE(reshape, 1, ReshapeParams,
                 .params = (const Param[]) { PARAM(ReshapeParams, shape, PARAM_DIMS, NULL, ""), {} }),
        OPS_MOVE(rechunk, 1, RechunkParams,
                 .params = (const Param[]) { PARAM(RechunkParams, chunk_size, PARAM_DIMS, NULL, ""), {} }),
        { .name = "matmul", .family = FAMILY_CONTRACT, .n_in = 2, .infer = infer_matmul },
        { .name = "every", .family = FAMILY_BLOCK, .n_in = 0, .variadic = true, .infer = ops_same,
          .params_size = sizeof(EveryParams), .params = ops_every_params },
        { .name = "lost", .family = FAMILY_EXCHANGE, .n_in = 1 },
        { .name = "inner", .family = FAMILY_BLOCK, .hidden = true, .infer = ops_same },
};

uint32_t op_count(void) {
        return ELEMENTSOF(ops_all);
}

uint32_t op_id(const Op *op) {
        return (uint32_t) (op - ops_all);
}

const Op *op_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(ops_all); i++)
                if (strcmp(ops_all[i].name, name) == 0)
                        return &ops_all[i];
        return NULL;
}

#define OPS_SPEC(t, ...) ((Spec) { .dtype = t, .shape = SHAPE(__VA_ARGS__) })

/* Whether a shape has these lengths. */
#define OPS_HAS(shape_, ...)                                                                                           \
        ({                                                                                                             \
                Shape _has = (shape_), _wanted = SHAPE(__VA_ARGS__);                                                   \
                shape_equal(&_has, &_wanted);                                                                          \
        })

/* A leaf of that dtype and shape; each call makes another one. */
_unused_ static Ref ops_leaf(Graph *graph, Spec spec) {
        static uint64_t stored = 100;
        uint32_t node;

        if (graph_add_stored(graph, stored++, &spec, &node) < 0)
                abort();
        return (Ref) { .node = node };
}
