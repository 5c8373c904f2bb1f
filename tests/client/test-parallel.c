/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>

#include "client/parallel.h"

#include "harness.h"

static void count(void *userdata, uint32_t k) {
        atomic_fetch_add((_Atomic uint32_t *) userdata + k, 1);
}

TEST(every_index_is_called_once) {
        static const uint32_t sizes[] = { 0, 1, 2, 3, 100, 10000 };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_(freep) _Atomic uint32_t *n = calloc(sizes[i] + 1, sizeof(*n));

                parallel_each(sizes[i], count, n);
                for (uint32_t k = 0; k < sizes[i]; k++)
                        ck_assert_uint_eq(n[k], 1);
                ck_assert_uint_eq(n[sizes[i]], 0);
        }
}
