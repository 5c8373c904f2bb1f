/* SPDX-License-Identifier: Apache-2.0 */
/* Capacity doubles, so n pushes cost O(n) copies. It never reaches UINT32_MAX: n + 1 always is a number. */
#include "base/vec.h"

enum { CAPACITY_FIRST = 8 };

int vec_grow(void **data, uint32_t *capacity, uint32_t n_wanted, size_t element_bytes) {
        uint64_t n = MIN(MAX(2 * (uint64_t) *capacity, (uint64_t) CAPACITY_FIRST), (uint64_t) UINT32_MAX - 1);
        size_t size_bytes;
        void *p;

        n = MAX(n, (uint64_t) n_wanted);
        if (n >= UINT32_MAX || __builtin_mul_overflow(n, element_bytes, &size_bytes))
                return -ENOMEM;
        memcpy(&p, data, sizeof(p)); /* *data is some type *, which must not be read as a void * */
        p = realloc(p, size_bytes);
        if (!p)
                return -ENOMEM;
        memcpy(data, &p, sizeof(p));
        *capacity = (uint32_t) n;
        return 0;
}
