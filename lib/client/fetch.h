/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What leaves a session, for those who write it in ways of their own: executed tensors, chunk by chunk. */
#include "client/result.h"
#include "client/session.h"

/* The engine and the tensor that it has, or why there is none; the result keeps it. */
int find_tensor(mars_session *session, mars_tensor *tensor, Engine **ret_engine, Result **ret, Error *err);

/* What is done with a piece: chunks in a row, which are here. */
typedef int PieceDo(void *userdata, const EnginePin *pin, Error *err);
/* The pieces of a tensor one after the other; the next one is on its way while fn has one. `into` as for
 * engine_pin_begin(). */
int each_piece(Engine *engine, TensorId id, const EngineInto *into, PieceDo *fn, void *userdata, Error *err);
/* Whether it is so large beside the cache that it leaves in pieces. */
bool goes_in_pieces(const Engine *engine, const Spec *spec);
/* Copies the part of the tensor in `box` to `to`, whose element 0 is the box's corner. */
void pin_read(const EnginePin *pin, const Box *box, char *to, const int64_t *to_stride);
/* What an answer of the engine is for callers of the library. */
int engine_says(int r, Error *err);
