/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: whether all counters agree with what they count, and everybody with everybody else of where chunks are. It
 * looks at everything, so it is slow. */
#include "sched/state.h"

static bool tasks_consistent(const Sched *s, const Running *r, uint32_t *uses) {
        const Plan *plan = r->plan;
        uint32_t n_done = 0, n_given = 0, n_shares = 0, n_queued = 0;

        for (uint32_t t = 0; t < plan->n_task; t++) {
                n_done += r->state[t] == TASK_DONE;
                n_given += task_given(r, t);
                if (task_given(r, t) && s->worker.data[r->place[t]].state == WORKER_GONE)
                        return false;
                for (uint32_t k = plan->input_start[t]; k < plan->input_start[t + 1] && r->state[t] != TASK_DONE; k++)
                        uses[plan->input_chunk[k]]++;
                /* What was found of a task is looked at when the plan is reviewed. */
                for (uint32_t k = plan->output_start[t]; k < plan->output_start[t + 1] && !r->dirty; k++)
                        if (chunk_made(r, plan->output_chunk[k]) && r->state[t] != TASK_DONE)
                                return false;
        }
        for (uint32_t w = 0; w < r->share.n; w++) {
                n_shares += r->share.data[w].n_given;
                n_queued += r->share.data[w].queue.n;
        }
        return n_done == r->n_done && n_given == n_shares && n_given == r->n_given && n_queued == r->n_queued;
}

static bool chunks_consistent(const Running *r, const uint32_t *uses) {
        const Plan *plan   = r->plan;
        uint32_t n_lacking = 0;

        for (uint32_t c = 0; c < plan->n_chunk; c++) {
                const SchedTensor *leaf = r->leaf[plan->chunk_value[c]];

                if (!r->dirty && (uses[c] != r->uses[c] || (uses[c] == 0 && chunk_made(r, c) && !leaf)))
                        return false;
                n_lacking += leaf && r->uses[c] > 0 && !chunk_made(r, c);
        }
        for (uint32_t v = 0; v < plan->value.n; v++) {
                const SchedTensor *t = r->leaf[v] || !r->made ? r->leaf[v] : r->made[v];

                for (uint32_t k = 0; t && k < t->n_chunks; k++)
                        if (r->holder[plan->value.data[v].first_chunk + k] != t->holder[k])
                                return false;
        }
        return n_lacking == r->n_lacking;
}

static bool running_consistent(const Sched *s, const Running *r) {
        _cleanup_(freep) uint32_t *uses = calloc(r->plan->n_chunk + 1, sizeof(*uses));

        if (!uses)
                return false;
        running_keeps(r, uses);
        return tasks_consistent(s, r, uses) && chunks_consistent(r, uses);
}

/* Tasks of the repair may read what it makes again, also of a ghost. */
static bool is_repaired(const Sched *s, const SchedTensor *t) {
        const Recipe *recipe = recipe_find(s, t->recipe);

        return recipe && recipe->repair && !recipe->repair->ending;
}

static bool tensor_consistent(const Sched *s, const SchedTensor *t) {
        uint32_t n_lost = 0;

        for (uint32_t k = 0; k < t->n_chunks; k++) {
                n_lost += t->holder[k] == WORKER_NONE;
                if (t->holder[k] != WORKER_NONE && s->worker.data[t->holder[k]].state == WORKER_GONE)
                        return false;
        }
        for (uint32_t k = 0; t->anchor && k < t->n_chunks; k++)
                if (t->spare[k] != WORKER_NONE &&
                    (t->spare[k] == t->holder[k] || s->worker.data[t->spare[k]].state == WORKER_GONE))
                        return false;
        return n_lost == t->n_lost && t->n_refs + t->n_recipes > 0 &&
               (t->n_refs > 0 || n_lost == t->n_chunks || is_repaired(s, t)) &&
               (t->recipe == 0 || recipe_find(s, t->recipe));
}

/* Whoever tries a task besides another one knows its plan, and is not the one who has it. */
static bool seconds_consistent(const Sched *s) {
        uint32_t n = 0;

        for (uint32_t k = 0; k < s->second.n; k++) {
                const Second *second = &s->second.data[k];
                const Running *r     = second->running;
                const uint8_t state  = r->state[second->task];

                if (map_get(&s->plans, r->run.id) != (uintptr_t) r || !r->share.data[second->worker].knows ||
                    !worker_hears(s, second->worker) ||
                    (!r->ending && (state == TASK_WAITING ||
                                    (state != TASK_DONE && r->place[second->task] == second->worker))))
                        return false;
                for (uint32_t i = 0; i < k; i++)
                        if (s->second.data[i].running == r && s->second.data[i].task == second->task)
                                return false;
        }
        for (uint32_t w = 0; w < s->worker.n; w++)
                n += s->worker.data[w].n_second;
        return n == s->second.n;
}

/* The second copy is nobody's: it can be dropped whenever that is to be. */
static bool twins_consistent(const Sched *s) {
        for (uint32_t k = 0; k < s->twin.n; k++) {
                const Twin *twin      = &s->twin.data[k];
                const uint32_t second = twin->worker[TWIN_SECOND];

                if (second == twin->worker[TWIN_FIRST] || s->worker.data[second].state != WORKER_HERE ||
                    s->worker.data[twin->worker[TWIN_FIRST]].state != WORKER_HERE)
                        return false;
                for (uint32_t i = 0; i < s->tensors.capacity; i++) {
                        const SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[i].value;
                        const uint64_t c     = t ? twin->chunk - t->chunk_first : UINT64_MAX;

                        if (t && c < t->n_chunks && (t->holder[c] == second || (t->anchor && t->spare[c] == second)))
                                return false;
                }
                for (const Running *r = s->first_running; r; r = r->after) {
                        const uint64_t c = twin->chunk - r->run.first_id;

                        if (!r->ending && c < r->plan->n_chunk && r->holder[c] == second)
                                return false;
                }
        }
        return true;
}

/* What workers have to do is the sum over all plans. */
static bool workers_consistent(const Sched *s) {
        for (uint32_t w = 0; w < s->worker.n; w++) {
                uint64_t n_given = 0, work = 0;

                for (const Running *r = s->first_running; r; r = r->after) {
                        n_given += w < r->share.n ? r->share.data[w].n_given : 0;
                        work += w < r->share.n ? r->share.data[w].work + r->share.data[w].queued_work : 0;
                }
                if (n_given != s->worker.data[w].n_given || work != s->worker.data[w].work)
                        return false;
        }
        return true;
}

bool sched_consistent(const Sched *s) {
        uint32_t n_open = 0, n_present = 0, n_repairs = 0, n_aside = 0, n_late = 0;
        uint64_t n_ghosts = 0;

        for (const Running *r = s->first_running; r; r = r->after) {
                n_repairs += r->made != NULL;
                if (!r->ending && !running_consistent(s, r))
                        return false;
        }
        for (uint32_t w = 0; w < s->worker.n; w++) {
                n_present += s->worker.data[w].state != WORKER_GONE;
                n_open += worker_open(s, w);
                n_aside += s->worker.data[w].aside;
                n_late += s->worker.data[w].late;
        }
        for (uint32_t k = 0; k < s->apart.n; k++)
                if (s->apart.data[k].a >= s->apart.data[k].b ||
                    !workers_apart(s, s->apart.data[k].b, s->apart.data[k].a))
                        return false;
        for (uint32_t k = 0; k < s->tensors.capacity && !s->holding; k++) {
                const SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[k].value;

                n_ghosts += t && t->n_refs == 0;
                if (t && !tensor_consistent(s, t))
                        return false;
        }
        return n_open == s->n_open && n_aside == s->n_aside && n_late == s->n_late &&
               (s->apart.n == 0 || n_late == 0) && n_present == s->n_present && n_repairs == s->n_repairs &&
               (s->holding || n_ghosts == s->n_ghosts) && workers_consistent(s) && seconds_consistent(s) &&
               twins_consistent(s);
}
