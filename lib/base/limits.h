/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Every bound of the system, with its reason. Past one of them we refuse with an error that states it. */

enum {
        MAX_NDIM         = 32,       /* NumPy 1.x's own limit (2.x: 64); shapes are values on the stack */
        MAX_OP_IN        = 4,        /* inputs of one kernel: where(c, a, b) and clip need three, hyp2f1 four */
        MAX_OP_OUT       = 3,        /* outputs of one operator: svd */
        MAX_STATE        = 3,        /* components of a reduction's partial: count, sum and squares */
        MAX_ERROR_TEXT   = 512,      /* one screenful of words, so that an Error lives on the stack */
        MAX_TREE_NODES   = 126,      /* aligned subtrees that cover any interval of int64: two per level */
        STRIP            = 512,      /* elements per strip: all registers of a program stay in L1 (docs/decisions) */
        MAX_GRAPH_NODES  = 1 << 24,  /* nodes of one request, ~2 GiB of graph */
        MAX_NODE_IN      = 1 << 20,  /* inputs of one node (concatenate): 280 MB of specs while it is checked */
        MAX_PARAMS_BYTES = 1024,     /* an operator's parameter struct, so that it can stand on the stack */
        MAX_WORKERS      = 1 << 14,  /* of one scheduler: two bytes say where a chunk is */
        MAX_PLAN_CHUNKS  = 1 << 28,  /* chunks of one plan: a uint32_t index with room for flags */
        MAX_SPILL_DIRS   = 64,       /* disks of one host: one bit each in a word */
        MAX_BODY_BYTES   = 64 << 20, /* of one message: the graph of a request, of a million operations */
};

#define MAX_PAYLOAD_BYTES ((uint64_t) 1 << 40) /* of one message: a chunk */
