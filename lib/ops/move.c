/* SPDX-License-Identifier: Apache-2.0 */
/* The operators that move elements; planner and executor know what they do (docs of the parameters: graph/op.h). */
#include "graph/infer.h"

OP(view) = {
        .name        = "view",
        .doc         = "An affine view: what slices, transposes, broadcasts, flips and diagonals are made of.\n\n"
                       "Axis k of a is read at start[k] + step[k] * (index along axis[k] of the result), or at "
                       "start[k] where\n"
                       "axis[k] is -1.",
        .family      = FAMILY_MOVE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ViewParams),
        .params =
                (const Param[]) {
                        PARAM(ViewParams, shape, PARAM_DIMS, NULL, "Shape of the result."),
                        PARAM(ViewParams, axis, PARAM_DIMS, NULL,
                              "For each axis of a, the axis of the result that moves along it, or -1."),
                        PARAM(ViewParams, start, PARAM_DIMS, NULL, "For each axis of a, where to begin."),
                        PARAM(ViewParams, step, PARAM_DIMS, NULL, "For each axis of a, how far to go."),
                        {},
                },
        .infer = infer_view,
};

OP(reshape) = {
        .name        = "reshape",
        .doc         = "The elements of a in the same order in another shape.",
        .family      = FAMILY_MOVE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(ReshapeParams),
        .params      = (const Param[]) { PARAM(ReshapeParams, shape, PARAM_DIMS, NULL,
                                               "New lengths; one -1 is what remains."),
                                         {} },
        .infer       = infer_reshape,
};

OP(rechunk) = {
        .name        = "rechunk",
        .doc         = "The same tensor, cut otherwise.",
        .family      = FAMILY_MOVE,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(RechunkParams),
        .params = (const Param[]) { PARAM(RechunkParams, chunk_size, PARAM_DIMS, NULL, "Lengths of the chunks."), {} },
        .infer  = infer_rechunk,
};
