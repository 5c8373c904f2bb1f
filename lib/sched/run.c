/* SPDX-License-Identifier: Apache-2.0 */
/* The place of a task, in words; and how much work it is. */
#include <stdio.h>

#include "sched/run.h"

enum {
        ELEMENT_WORK = 8,        /* of an element of a task's domain, */
        PRODUCT_WORK = 1,        /* where BLAS multiplies and adds, */
        BLOCK_WORK  = 64,        /* and where other operators see many at a time: sorts, factors */
};

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

static uint64_t box_elements(const Box *box) {
        uint64_t n = 1;

        for (int axis = 0; axis < box->ndim; axis++)
                n *= (uint64_t) MAX(box->hi[axis] - box->lo[axis], (int64_t) 0);
        return n;
}

static uint64_t element_work(const Stage *stage) {
        if (stage->kind != STAGE_BLOCK)
                return ELEMENT_WORK;
        return stage->block.op->family == FAMILY_CONTRACT ? PRODUCT_WORK : BLOCK_WORK;
}

/* The first task stands for all of its stage: they are about equal. */
void plan_run_weigh(const Plan *plan, uint64_t *ret) {
        for (uint32_t k = 0; k < plan->stage.n; k++) {
                const Stage *stage = &plan->stage.data[k];
                Box box, source;

                ret[k] = TASK_WORK;
                if (stage->n_task == 0)
                        continue;
                plan_task_box(plan, stage->first_task, &box);
                ret[k] += box_elements(&box) * element_work(stage) + plan_task_bytes(plan, stage->first_task) -
                          stage->scratch_bytes;
                for (uint32_t i = 0; i < stage->n_source; i++) {
                        plan_source_box(plan, stage, i, &box, &source);
                        ret[k] += box_elements(&source) * sizeof(double);
                }
        }
}
