/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Copying with several threads where there is no session yet: threads are made for the occasion (20 µs each), so
 * only work of milliseconds should come here. */
#include "base/macro.h"

/* Calls fn(userdata, k) for k = 0 … n - 1, each once, on this thread and on others. Returns when all are done. */
void parallel_each(uint32_t n, void (*fn)(void *userdata, uint32_t k), void *userdata);
