/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/progress.h"

uint32_t progress_look(Progress *p, uint64_t since_usec, uint64_t cpu_usec) {
        if (since_usec == 0 || since_usec != p->since_usec || cpu_usec != p->cpu_usec)
                *p = (Progress) { .since_usec = since_usec, .cpu_usec = cpu_usec };
        else
                p->n_still++;
        return p->n_still;
}
