/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Running one task of a plan on one thread: pinned memory in, pinned memory out, private scratch between. Nothing here
 * waits, allocates chunk memory, logs, or knows of other tasks. */
#include "plan/plan.h"

/* The memory of a task's chunks, in the order of the plan's lists: inputs as in input_chunk, outputs as in
 * output_chunk. */
typedef struct ChunkMemory {
        char *data;  /* C-contiguous */
        Shape shape; /* input: actual; output: capacity, shrunk along axis 0 by tasks of unknown size */
} ChunkMemory;

typedef struct Exec Exec; /* a thread's registers and small buffers; grows to what its tasks need, then never again */

int exec_new(Exec **ret);
Exec *exec_free(Exec *exec);
DEFINE_CLEANUP(Exec *, exec_free)

/* Runs the task. `scratch` has the stage's scratch_bytes, aligned to 64. `canceled`, if not NULL, is read between
 * strips: when it becomes true the task ends with ERROR_CANCELED. */
int exec_run(Exec *exec, const Plan *plan, uint32_t task, const ChunkMemory *in, ChunkMemory *out, void *scratch,
             const volatile bool *canceled, Error *err);
/* The same while the plan of the task before it is still there: what is the same for both is not made ready again. */
int exec_run_next(Exec *exec, const Plan *plan, uint32_t task, const ChunkMemory *in, ChunkMemory *out, void *scratch,
                  const volatile bool *canceled, Error *err);
