/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Data from outside that expressions begin with: a copy of the caller's memory, memory that the caller lends, or a
 * .npy file. Chunks lie one after the other, each C-contiguous, so that an engine can adopt them where they are.
 * Data is a counted reference: an expression holds it, and each engine that adopted it, until the last chunk is
 * dropped. */
#include "engine/engine.h"
#include "client/npy.h"
#include "mars.h"

typedef struct Data Data;

Data *data_ref(Data *data);
Data *data_unref(Data *data);
DEFINE_CLEANUP(Data *, data_unref)

/* How the data is cut. Lives as long as the data. */
const Tiling *data_tiling(const Data *data);
/* Whether an element is known to be less than zero: of integers in memory that nobody else may write to. */
bool data_negative(const Data *data);
/* Makes the data a tensor of the engine. A file is read or mapped now. */
int data_adopt(Data *data, Engine *engine, TensorId *ret, Error *err);
