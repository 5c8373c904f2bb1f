/* SPDX-License-Identifier: Apache-2.0 */
/* Which worker gets which task. Tasks are given in the order of the plan, so that few chunks live at a time.
 *
 * One worker: it gets them all, a window at a time.
 * Several: a task goes where most bytes of its inputs are; if some of them are not made yet, then to the worker that
 * has been given the tasks that make them, provided it is one and the same; then nobody needs to be asked when they
 * are done. Other tasks are passed over and come back (`ready`) when all of their inputs have been made. A task
 * without inputs goes to the worker with the least to do, a piece of PIECE neighbours at a time. */
#include "sched/state.h"

/* ---- Who makes a chunk, and who reads it ------------------------------------------------------------------------ */

void index_free(Index *index) {
        if (!index)
                return;
        free(index->maker);
        free(index->position);
        free(index->use_start);
        free(index->use_task);
        free(index);
}

int running_index(Sched *s, Running *r) {
        const Plan *plan = r->plan;
        uint32_t n_uses  = plan->input_start[plan->n_task];
        Index *index;

        if (r->index)
                return 0;
        index = calloc(1, sizeof(*index));
        if (!index)
                return -ENOMEM;
        index->maker     = malloc((plan->n_chunk + 1) * sizeof(uint32_t));
        index->position  = malloc((plan->n_task + 1) * sizeof(uint32_t));
        index->use_start = calloc(plan->n_chunk + 2, sizeof(uint32_t));
        index->use_task  = malloc((n_uses + 1) * sizeof(uint32_t));
        if (!index->maker || !index->position || !index->use_start || !index->use_task) {
                index_free(index);
                return -ENOMEM;
        }
        memset(index->maker, 0xff, (plan->n_chunk + 1) * sizeof(uint32_t));
        for (uint32_t k = 0; k < plan->n_task; k++)
                index->position[plan->order[k]] = k;
        for (uint32_t t = 0; t < plan->n_task; t++)
                for (uint32_t k = plan->output_start[t]; k < plan->output_start[t + 1]; k++)
                        index->maker[plan->output_chunk[k]] = t;
        /* use_start[c + 1] counts, then says where the next user of c goes, and ends as the start of c + 1. */
        for (uint32_t k = 0; k < n_uses; k++)
                index->use_start[plan->input_chunk[k] + 2]++;
        for (uint32_t c = 0; c < plan->n_chunk; c++)
                index->use_start[c + 2] += index->use_start[c + 1];
        for (uint32_t t = 0; t < plan->n_task; t++)
                for (uint32_t k = plan->input_start[t]; k < plan->input_start[t + 1]; k++)
                        index->use_task[index->use_start[plan->input_chunk[k] + 1]++] = t;
        r->index = index;
        s->state_bytes += sizeof(uint32_t) * (plan->n_task + 2 * plan->n_chunk + n_uses);
        return 0;
}

/* ---- Tasks that were passed over -------------------------------------------------------------------------------- */

static int ready_push(Running *r, uint32_t position) {
        uint32_t at;

        if (vec_push(&r->ready, position) < 0)
                return -ENOMEM;
        for (at = r->ready.n - 1; at > 0 && r->ready.data[(at - 1) / 2] > position; at = (at - 1) / 2)
                r->ready.data[at] = r->ready.data[(at - 1) / 2];
        r->ready.data[at] = position;
        return 0;
}

static void ready_pop(Running *r) {
        uint32_t last = vec_pop(&r->ready), at = 0, n = r->ready.n;

        for (uint32_t child = 1; child < n; child = 2 * at + 1) {
                child += child + 1 < n && r->ready.data[child + 1] < r->ready.data[child];
                if (r->ready.data[child] >= last)
                        break;
                r->ready.data[at] = r->ready.data[child];
                at                = child;
        }
        if (n > 0)
                r->ready.data[at] = last;
}

static bool inputs_made(const Running *r, uint32_t task) {
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1]; k++)
                if (!chunk_made(r, r->plan->input_chunk[k]))
                        return false;
        return true;
}

int running_requeue(Running *r, uint32_t task) {
        r->state[task] = TASK_WAITING;
        return r->index->position[task] < r->cursor && inputs_made(r, task) ? ready_push(r, r->index->position[task])
                                                                            : 0;
}

int running_woken(_unused_ Sched *s, Running *r, uint32_t chunk) {
        int ret = 0;

        for (uint32_t k = r->index->use_start[chunk]; k < r->index->use_start[chunk + 1] && ret == 0; k++) {
                uint32_t task = r->index->use_task[k];

                if (r->state[task] == TASK_WAITING)
                        ret = running_requeue(r, task);
        }
        return ret;
}

/* ---- Chunks that nobody makes ----------------------------------------------------------------------------------- */

uint32_t worker_spread(const Sched *s, uint32_t k, uint32_t n) {
        uint32_t wanted = (uint32_t) ((uint64_t) k * s->n_alive / n), worker = 0;

        assert(s->n_alive > 0 && k < n);
        for (;; worker++)
                if (s->worker.data[worker].alive && wanted-- == 0)
                        return worker;
}

/* ---- Giving ----------------------------------------------------------------------------------------------------- */

/* The open RUN for the worker: tasks that follow each other at one worker are one batch. */
static int batch_open(Sched *s, Running *r, uint32_t worker, SchedAction **ret) {
        SchedActions *a = s->actions;
        SchedAction *last = a->action.n > 0 ? &a->action.data[a->action.n - 1] : NULL;

        if (!last || last->kind != SCHED_RUN || last->worker != worker || last->plan != r->run.id) {
                if (!r->share.data[worker].knows) {
                        r->share.data[worker].knows = true;
                        if (action_add(s, &(SchedAction) { .kind = SCHED_PLAN,
                                                          .worker = worker,
                                                          .plan = r->run.id,
                                                          .run = &r->run }) < 0)
                                return -ENOMEM;
                }
                if (action_add(s, &(SchedAction) { .kind        = SCHED_RUN,
                                                   .worker      = worker,
                                                   .plan        = r->run.id,
                                                   .run         = &r->run,
                                                   .first       = a->task.n,
                                                   .first_fetch = a->fetch.n }) < 0)
                        return -ENOMEM;
                last = &a->action.data[a->action.n - 1];
        }
        *ret = last;
        return 0;
}

static int give(Sched *s, Running *r, uint32_t task, uint32_t position, uint32_t worker) {
        SchedAction *batch;
        int ret = batch_open(s, r, worker, &batch);

        if (ret < 0 || vec_push(&s->actions->task, (RunTask) { task, position }) < 0)
                return -ENOMEM;
        batch->n++;
        r->state[task] = TASK_GIVEN;
        r->place[task] = (uint16_t) worker;
        r->n_given++;
        r->share.data[worker].n_given++;
        s->worker.data[worker].n_given++;
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1] && r->index; k++) {
                uint32_t c = r->plan->input_chunk[k];

                if (!chunk_made(r, c) || r->holder[c] == worker)
                        continue;
                if (vec_push(&s->actions->fetch, (RunFetch) { .chunk = c, .from = r->holder[c] }) < 0)
                        return -ENOMEM;
                batch->n_fetch++;
        }
        return 0;
}

/* Everything to the one worker that there is and has been. */
static int give_alone(Sched *s, Running *r, uint32_t worker) {
        Share *share = &r->share.data[worker];
        int ret      = 0;

        if (share->n_given > WINDOW_ALONE / 2)
                return 0;
        for (; share->n_given < WINDOW_ALONE && r->cursor < r->plan->n_task && ret == 0; r->cursor++)
                ret = give(s, r, r->plan->order[r->cursor], r->cursor, worker);
        return ret;
}

static bool has_room(const Sched *s, const Running *r, uint32_t worker) {
        return s->worker.data[worker].alive && r->share.data[worker].n_given < WINDOW;
}

static uint32_t least_busy(const Sched *s, const Running *r) {
        uint32_t best = WORKER_NONE;

        for (uint32_t w = 0; w < s->worker.n; w++)
                if (has_room(s, r, w) &&
                    (best == WORKER_NONE || s->worker.data[w].n_given < s->worker.data[best].n_given))
                        best = w;
        return best;
}

/* The policy: a worker with room for the task, or WORKER_NONE: not now. */
static uint32_t choose(Sched *s, Running *r, uint32_t task) {
        const uint32_t *input = r->plan->input_chunk + r->plan->input_start[task];
        uint32_t n = r->plan->input_start[task + 1] - r->plan->input_start[task], maker_at = WORKER_NONE,
                 best = WORKER_NONE;

        if (n == 0) {
                if (r->piece_worker == WORKER_NONE || !has_room(s, r, r->piece_worker) || r->piece_n == PIECE) {
                        r->piece_worker = least_busy(s, r);
                        r->piece_n      = 0;
                }
                r->piece_n++;
                return r->piece_worker;
        }
        for (uint32_t k = 0; k < n; k++) {
                uint32_t maker = chunk_made(r, input[k]) ? TASK_NONE : r->index->maker[input[k]];

                if (maker == TASK_NONE)
                        continue;
                if (r->state[maker] != TASK_GIVEN || (maker_at != WORKER_NONE && maker_at != r->place[maker]))
                        return WORKER_NONE;
                maker_at = r->place[maker];
        }
        if (maker_at != WORKER_NONE)
                return has_room(s, r, maker_at) ? maker_at : WORKER_NONE;
        for (uint32_t k = 0; k < n; k++)
                s->worker.data[r->holder[input[k]]].score = 0;
        for (uint32_t k = 0; k < n; k++) {
                uint32_t w = r->holder[input[k]];

                s->worker.data[w].score += 1 + plan_chunk_bytes(r->plan, input[k]);
                if (has_room(s, r, w) && (best == WORKER_NONE || s->worker.data[w].score > s->worker.data[best].score))
                        best = w;
        }
        return best != WORKER_NONE ? best : least_busy(s, r);
}

static int give_among(Sched *s, Running *r) {
        int ret = running_index(s, r);

        while (ret == 0 && r->n_given < s->n_alive * (uint64_t) WINDOW) { /* some worker has room */
                bool again    = r->ready.n > 0 && (r->cursor == r->plan->n_task || r->ready.data[0] < r->cursor);
                uint32_t position, task, worker;

                if (!again && r->cursor == r->plan->n_task)
                        break;
                position = again ? r->ready.data[0] : r->cursor++;
                task     = r->plan->order[position];
                if (again)
                        ready_pop(r);
                if (r->state[task] != TASK_WAITING || (again && !inputs_made(r, task)))
                        continue; /* stood there twice, or an input was lost since */
                worker = choose(s, r, task);
                if (worker != WORKER_NONE)
                        ret = give(s, r, task, position, worker);
        }
        return ret;
}

int running_give(Sched *s, Running *r) {
        uint32_t worker;

        if (s->n_alive == 0 || (r->cursor == r->plan->n_task && r->ready.n == 0))
                return 0;
        if (s->n_alive > 1 || r->index)
                return give_among(s, r);
        for (worker = 0; !s->worker.data[worker].alive;)
                worker++;
        return give_alone(s, r, worker);
}
