/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whether a thread that has something to do gets on with it, by what is seen of it from time to time. Who computes uses
 * its processor, however long that takes; who is in the middle of something and uses none waits for what may never
 * come. Looks are counted, not time: of a process that was stopped, or a machine that slept, nobody says that its
 * threads stood still. */
#include "base/macro.h"

typedef struct Progress {
        uint64_t since_usec, cpu_usec;
        uint32_t n_still;
} Progress;

/* It has been at one thing since `since_usec` (0: at nothing) and has used `cpu_usec` so far. At how many looks in a
 * row, this one included, it has not moved. */
uint32_t progress_look(Progress *progress, uint64_t since_usec, uint64_t cpu_usec);
