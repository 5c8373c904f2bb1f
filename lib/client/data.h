/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Data from outside that expressions begin with: a copy of the caller's memory, memory that the caller lends, a .npy
 * file, or what a reader reads. Chunks that lie in memory lie one after the other, each C-contiguous, so that an engine
 * can adopt them where they are.
 * Data is a counted reference: an expression holds it, and each engine that adopted it, until the last chunk is
 * dropped. */
#include "engine/engine.h"
#include "client/npy.h"
#include "mars.h"

typedef struct Data Data;

Data *data_ref(Data *data);
Data *data_unref(Data *data);
DEFINE_CLEANUP(Data *, data_unref)

/* Reads the elements of a box, C-contiguous; any thread, several at a time, more than once, with the same values each
 * time. 0, or the error with words. */
typedef struct DataReader {
        int (*read)(void *userdata, const Box *box, char *to, Error *err);
        void (*release)(void *userdata); /* once */
        void *userdata;
} DataReader;

/* The tensor of a reader, which is taken over, also when this fails. unit (or NULL): boxes of multiples of these
 * lengths are read best: so it is cut, and cut again where chunk_size wants something else. `type` is what the elements
 * are to the user (client/times.h). */
int data_from_reader(mars_tensor **ret, const Shape *shape, unsigned type, const DataReader *reader,
                     const int64_t *unit, const int64_t *chunk_size, size_t n_chunk_size, Error *err);

/* Turns the bytes of each number around; a complex number is two. */
void elements_swap(char *data, size_t size_bytes, DType dtype);

/* How the data is cut. Lives as long as the data. */
const Tiling *data_tiling(const Data *data);
/* Whether an element is known to be less than zero: of integers in memory that nobody else may write to. */
bool data_negative(const Data *data);
/* Makes the data a tensor of the engine. A file is read or mapped now; what a reader reads, when it is needed. */
int data_adopt(Data *data, Engine *engine, TensorId *ret, Error *err);
