/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What all random sources are told: their shape, and which stream. */
#include "graph/op.h"

typedef struct RandomParams {
        SourceParams source;
        int64_t seed; /* of the generator */
        int64_t draw; /* number of this draw within its generator */
} RandomParams;
