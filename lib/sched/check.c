/* SPDX-License-Identifier: Apache-2.0 */
/* What workers say comes from outside. The machine believes what it is told, so who asks here first. */
#include "sched/state.h"

enum { SAID = 0x80 }; /* of a task's state, while a message is checked: it names the task already */

static int lie(Error *err, const char *what, uint32_t task) {
        return error_set(err, ERROR_CORRUPT, "task %u %s", task, what);
}

static int check_tasks(const Sched *s, Running *r, const SchedEvent *e, uint32_t n_lengths, Error *err) {
        const Plan *plan = r->plan;
        uint32_t n       = 0; /* lengths so far */

        for (uint32_t k = 0; k < e->n; k++) {
                const uint32_t task = e->task[k];
                uint8_t state;
                bool given;

                if (task >= plan->n_task)
                        return lie(err, "does not exist", task);
                state = r->state[task];
                given = r->place[task] == e->worker &&
                        (state == TASK_RECALLED || (state == TASK_GIVEN && e->kind != SCHED_RECALLED));
                if (!given && (state & SAID || !second_is(s, r, task, e->worker)))
                        return lie(err, "was not given to it", task);
                for (uint32_t o = plan->output_start[task]; o < plan->output_start[task + 1]; o++) {
                        const uint32_t c = plan->output_chunk[o];
                        Shape most;

                        if (e->kind != SCHED_DONE || tiling_known(&plan->value.data[plan->chunk_value[c]].tiling))
                                continue;
                        plan_chunk_shape(plan, c, &most);
                        if (n == n_lengths || e->length[n] < 0 || (most.ndim > 0 && e->length[n] > most.dim[0]))
                                return lie(err, "made something of a length that cannot be", task);
                        n++;
                }
                r->state[task] |= SAID;
        }
        return n == n_lengths ? 0 : error_set(err, ERROR_CORRUPT, "%u lengths for %u outputs", n_lengths, n);
}

int sched_check(const Sched *s, const SchedEvent *e, uint32_t n_lengths, Error *err) {
        Running *r = (Running *) (uintptr_t) map_get(&s->plans, e->plan);
        int ret    = 0;

        if (!r)
                return error_set(err, ERROR_CORRUPT, "plan %llu does not exist", (unsigned long long) e->plan);
        if (e->worker >= r->share.n || !r->share.data[e->worker].knows)
                return error_set(err, ERROR_CORRUPT, "plan %llu is not its own", (unsigned long long) e->plan);
        if (e->kind == SCHED_FORGOTTEN)
                return r->ending ? 0
                                 : error_set(err, ERROR_CORRUPT, "plan %llu was not to be forgotten",
                                             (unsigned long long) e->plan);
        ret = check_tasks(s, r, e, n_lengths, err);
        for (uint32_t k = 0; k < e->n; k++)
                if (e->task[k] < r->plan->n_task)
                        r->state[e->task[k]] &= (uint8_t) ~SAID;
        return ret;
}
