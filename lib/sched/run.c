/* SPDX-License-Identifier: Apache-2.0 */
/* The place of a task, in words. */
#include <stdio.h>

#include "sched/run.h"

void plan_run_print(const PlanRun *run, uint32_t task, char *ret, size_t size_bytes) {
        const Stage *stage = &run->plan->stage.data[run->plan->task_stage[task]];
        uint32_t pos[MAX_NDIM];
        char text[SHAPE_TEXT];
        size_t n = 0;

        tiling_position(&stage->domain, task - stage->first_task, pos);
        text[0] = 0;
        for (int k = 0; k < stage->domain.ndim && n < sizeof(text) - 16; k++)
                n += (size_t) snprintf(text + n, sizeof(text) - n, k > 0 ? ", %u" : "%u", pos[k]);
        snprintf(ret, size_bytes, "%s: chunk (%s%s)", stage->label, text, stage->domain.ndim == 1 ? "," : "");
}

int plan_run_error(const PlanRun *run, uint32_t task, Error *err) {
        char text[MAX_ERROR_TEXT];

        plan_run_print(run, task, text, sizeof(text));
        return error_prefix(err, err->code, "%s", text);
}
