/* SPDX-License-Identifier: Apache-2.0 */
/* The one question of recovery: given a plan and the chunks of it that exist, which tasks must run so that the wanted
 * ones exist? Backwards from the wanted chunks that nobody has, through their makers, to chunks that exist, or to
 * leaves, which others must make again (restore.c). Everything else counts as done.
 *
 * It is asked whenever something was lost or found: a worker has left or has come back, a leaf was lost, a plan is made
 * again. Nothing is remembered from the last time but who has which chunk, and which tasks workers have: what they were
 * given they may run, whether it is needed any more or not.
 *
 * A task runs as a whole: outputs of it that are elsewhere are dropped first, so that no chunk ever is in two places.
 * Tasks that workers were given in the hope of an input that is gone now are called back. They cannot have started; if
 * one did after all, with a copy that it got in time, its DONE comes instead of the answer, and is as good. */
#include "sched/state.h"

typedef struct Review {
        Sched *sched;
        Running *running;
        bool *needed;        /* [task] */
        Vec(uint32_t) stack; /* of those, whose inputs have not been looked at */
} Review;

static int task_needed(Review *x, uint32_t task) {
        if (x->needed[task])
                return 0;
        x->needed[task] = true;
        return vec_push(&x->stack, task);
}

/* Somebody will read it. */
static int chunk_needed(Review *x, uint32_t chunk) {
        uint32_t maker = x->running->index->maker[chunk];

        return chunk_made(x->running, chunk) || maker == TASK_NONE ? 0 : task_needed(x, maker);
}

/* What is wanted of it: of a request's plan, what it is to keep; of a repair, what somebody waits for. */
static int wanted_needed(Review *x) {
        Running *r       = x->running;
        const Plan *plan = r->plan;
        int ret          = 0;

        for (uint32_t c = 0; c < plan->n_chunk && ret == 0 && !r->made; c++)
                if (r->uses[c] > 0)
                        ret = chunk_needed(x, c);
        for (uint32_t v = 0; v < plan->value.n && ret == 0 && r->made; v++) {
                _cleanup_(freep) bool *wanted = NULL;

                if (!r->made[v] || r->made[v]->n_lost == 0)
                        continue;
                wanted = calloc(r->made[v]->n_chunks, sizeof(*wanted));
                if (!wanted)
                        return -ENOMEM;
                tensor_wanted(x->sched, r->made[v], wanted);
                for (uint32_t k = 0; k < r->made[v]->n_chunks && ret == 0; k++)
                        if (wanted[k])
                                ret = chunk_needed(x, plan->value.data[v].first_chunk + k);
        }
        return ret;
}

/* Fills `needed`, and counts who will read what. */
static int question(Review *x) {
        Running *r       = x->running;
        const Plan *plan = r->plan;
        int ret;

        memset(r->uses, 0, plan->n_chunk * sizeof(*r->uses));
        running_keeps(r, r->uses);
        ret = wanted_needed(x);
        for (uint32_t t = 0; t < plan->n_task && ret == 0; t++)
                if (task_given(r, t))
                        ret = task_needed(x, t);
        while (x->stack.n > 0 && ret == 0) {
                uint32_t task = vec_pop(&x->stack);

                for (uint32_t k = plan->input_start[task]; k < plan->input_start[task + 1] && ret == 0; k++) {
                        r->uses[plan->input_chunk[k]]++;
                        ret = chunk_needed(x, plan->input_chunk[k]);
                }
        }
        return ret;
}

/* Tasks and chunks as the answer says. */
static int answer(Review *x) {
        Running *r       = x->running;
        const Plan *plan = r->plan;
        int ret          = 0;

        r->n_done = r->n_lacking = 0;
        for (uint32_t t = 0; t < plan->n_task && ret == 0; t++) {
                if (task_given(r, t))
                        continue;
                x->sched->n_remade += x->needed[t] && r->state[t] == TASK_DONE;
                r->state[t] = x->needed[t] ? TASK_WAITING : TASK_DONE;
                r->n_done += !x->needed[t];
                for (uint32_t k = plan->output_start[t]; k < plan->output_start[t + 1] && x->needed[t] && ret == 0; k++)
                        ret = chunk_drop(x->sched, r, plan->output_chunk[k]);
        }
        seconds_stay(x->sched, r);
        for (uint32_t c = 0; c < plan->n_chunk && ret == 0; c++) {
                if (r->uses[c] == 0)
                        ret = chunk_drop(x->sched, r, c);
                else
                        r->n_lacking += !chunk_made(r, c) && r->index->maker[c] == TASK_NONE;
        }
        return ret;
}

/* True if the task at its worker waits for something that will not come. */
static bool in_vain(const Running *r, uint32_t task) {
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1]; k++) {
                uint32_t c = r->plan->input_chunk[k], maker = r->index->maker[c];

                if (!chunk_made(r, c) && (maker == TASK_NONE || r->state[maker] != TASK_GIVEN ||
                                          r->place[maker] != r->place[task]))
                        return true;
        }
        return false;
}

int task_recall(Sched *s, Running *r, uint32_t task) {
        if (!worker_hears(s, r->place[task]))
                return 0; /* it will know no tasks when it hears again */
        r->state[task] = TASK_RECALLED;
        if (vec_push(&s->actions->task, (RunTask) { task, r->index->position[task] }) < 0)
                return -ENOMEM;
        return action_add(s, &(SchedAction) { .kind   = SCHED_RECALL,
                                              .worker = r->place[task],
                                              .plan   = r->run.id,
                                              .first  = s->actions->task.n - 1,
                                              .n      = 1 });
}

int running_review(Sched *s, Running *r) {
        _cleanup_(freep) bool *needed = calloc(r->plan->n_task + 1, sizeof(*needed));
        Review x = { .sched = s, .running = r, .needed = needed };
        int ret  = needed ? running_index(s, r) : -ENOMEM;

        r->dirty   = false;
        r->stirred = true;
        if (ret == 0)
                ret = question(&x);
        vec_free(&x.stack);
        if (ret == 0)
                ret = answer(&x);
        r->ready.n = 0;
        /* In the order of the plan: who waits for a task that is called back is called back with it. */
        for (uint32_t k = 0; k < r->cursor && ret == 0; k++) {
                uint32_t t = r->plan->order[k];

                if (r->state[t] == TASK_GIVEN && in_vain(r, t))
                        ret = task_recall(s, r, t);
                else if (r->state[t] == TASK_WAITING)
                        ret = running_requeue(r, t);
        }
        return ret;
}
