/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* /metrics: what daemons say of themselves in JSON, in the text form of Prometheus. Each figure is a row: which field
 * of which answer. docs/METRICS.md has the same names. */
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Of the scheduler's answer to "status". 0, or ERROR_CORRUPT: that is none. */
int metrics_cluster(FILE *f, const char *overview);
/* Of a list of what the scheduler, or a worker itself, says of workers. Likewise. */
int metrics_workers(FILE *f, const char *workers);
void metrics_process(FILE *f); /* of this one, with the names that such figures have everywhere */

/* What a daemon counts itself. */
typedef struct MetricsOwn {
        const char *name;
        bool counter;
        const char *help;
        uint64_t value;
} MetricsOwn;
void metrics_own(FILE *f, const MetricsOwn *row, size_t n);
