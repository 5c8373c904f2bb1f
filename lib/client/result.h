/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Results: a tensor's chunks in one session. A result belongs to the tensor whose value it is, and to every piece
 * of work that reads it meanwhile; with the last of them the session's engine lets go of the chunks. */
#include "engine/engine.h"
#include "client/expr.h"

struct Result {
        _Atomic uint32_t n_ref;
        Engine *engine; /* a reference */
        TensorId id;    /* a reference */
        Result *next;   /* of the same tensor, in other sessions */
};

/* Takes over the caller's reference to the id (also when it fails). */
int result_new(Result **ret, Engine *engine, TensorId id, Error *err);
Result *result_ref(Result *result);
Result *result_unref(Result *result);
void results_free(Result *list);
DEFINE_CLEANUP(Result *, result_unref)

/* The tensor's result in the engine (NULL: in any that is open), with a reference; NULL if it has none. */
Result *tensor_result(mars_tensor *tensor, const Engine *engine);
/* Gives the tensor a result (takes the reference), unless it has one already or nobody needs it any more. */
void tensor_add_result(mars_tensor *tensor, Result *result);
