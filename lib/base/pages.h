/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Large zeroed memory straight from the system, in huge pages where it gives them: to touch fresh 4 KiB pages costs
 * four times as much as huge ones (2.5 against 10 GB/s). Small sizes come from the heap. Aligned to 64 bytes. */
#include "base/macro.h"

void *pages_alloc(size_t size_bytes) _must_check_; /* NULL when out of memory */
void pages_free(void *data, size_t size_bytes);     /* with the size that it was taken with; NULL is fine */
size_t pages_taken_bytes(void); /* of the whole process, and not given back; small sizes are left out */
