/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Graphs made by chance from a seed, of any table of operators: for laws, and as the first inputs of a fuzzer. */
#include <string.h>

#include "graph/graph.h"
#include "graph/params.h"

static uint64_t chance_state;

static uint64_t chance(uint64_t n) {
        chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
        return (chance_state >> 33) % n;
}

static Dims dims_by_chance(int64_t *memory, uint32_t n, int64_t from, int64_t to) {
        for (uint32_t i = 0; i < n; i++)
                memory[i] = from + (int64_t) chance((uint64_t) (to - from));
        return (Dims) { .n = n, .given = true, .v = memory };
}

static void param_by_chance(const Param *p, void *params, int64_t *memory) {
        static const int64_t wide[] = { 0, 1, -1, 63, -64, 64, INT64_MAX, INT64_MIN };
        static const char *const texts[] = { NULL, "", "linear", "it's µ" };
        void *at = (char *) params + p->offset;

        switch (p->kind) {
        case PARAM_BOOL:
                *(bool *) at = chance(2);
                break;
        case PARAM_I64:
                *(int64_t *) at = chance(2) ? (int64_t) chance(3) : wide[chance(ELEMENTSOF(wide))];
                break;
        case PARAM_F64:
                memcpy(at, &(uint64_t) { chance(2) ? chance(UINT64_MAX) << 33 : 0x8000000000000000u }, 8);
                break;
        case PARAM_SCALAR:
                *(Scalar *) at = scalar_from_i64((DType) chance(_DTYPE_MAX), wide[chance(ELEMENTSOF(wide))]);
                if (chance(8) == 0)
                        ((Scalar *) at)->dtype = DTYPE_NONE;
                break;
        case PARAM_DTYPE:
                *(int *) at = chance(3) ? (int) chance(_DTYPE_MAX) : DTYPE_NONE;
                break;
        case PARAM_DIMS:
                *(Dims *) at = chance(6) ? dims_by_chance(memory, (uint32_t) chance(4), -1, 4) : (Dims) {};
                break;
        case PARAM_TEXT:
                *(const char **) at = texts[chance(ELEMENTSOF(texts))];
                break;
        }
}

/* Tries to add a node: of the operator, or a stored leaf. Most tries are refused, as they should, and add nothing. */
_unused_ static void node_by_chance(Graph *graph, const Op *op) {
        _Alignas(16) char params[MAX_PARAMS_BYTES] = {};
        int64_t memory[MAX_PARAMS_BYTES / sizeof(Dims)][4];
        uint32_t n_in = op->variadic ? (uint32_t) chance(4) : op->n_in, node, k = 0;
        Ref in[4];

        if (graph->node.n == 0 || chance(6) == 0) {
                Spec spec = { .dtype = (DType) chance(_DTYPE_MAX) };

                spec.shape.ndim = (int) chance(4);
                for (int i = 0; i < spec.shape.ndim; i++)
                        spec.shape.dim[i] = (int64_t) chance(6) - 1;
                (void) graph_add_stored(graph, chance(1000), &spec, &node);
                return;
        }
        for (uint32_t i = 0; i < n_in; i++) {
                in[i].node = (uint32_t) chance(graph->node.n);
                in[i].out  = (uint32_t) chance(graph->node.data[in[i].node].n_out);
        }
        for (const Param *p = params_of(op); p->name; p++)
                if (chance(2) == 0 || param_default(p, params, NULL) < 0)
                        param_by_chance(p, params, memory[k++]);
        (void) graph_add(graph, op, params, in, n_in, &node, NULL);
}
