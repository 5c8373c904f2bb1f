/* SPDX-License-Identifier: Apache-2.0 */
/* Which worker gets which task. Tasks are placed in the order of the plan, so that few chunks live at a time.
 *
 * One worker: it gets them all, a window at a time.
 * Several: what a task costs at a worker is the work that the worker has already, plus what must be brought there; it
 * goes where it costs least (choose()). Work is counted in bytes that are gone through, which needs no clock and is
 * right to a factor; bringing a byte costs as much as going through several. A task that would cost more to bring than
 * to run goes to one of those who have its inputs. There it is given, or waits in the worker's queue until it can be; a
 * worker that has nothing left takes from the longest queue, if that is longer than what bringing costs (steal()).
 *   A task whose inputs are not all made yet is given right away if all of their makers are at one worker and it is
 * best placed there, too: then nobody needs to be asked when they are done. Otherwise it is passed over and comes back
 * (`ready`) when its inputs have been made.
 *   Tasks without inputs go to all workers in turn, some neighbours at a time, so that each has as many: those at the
 * same place of their stages go to the same worker, since later ones are likely to read them together. */
#include "sched/state.h"

enum {
        MOVE        = 4,         /* work that bringing a byte costs */
        FETCH_WORK  = 256 << 10, /* and bringing a chunk, however small: a message there and back */
        PIECE       = 8,         /* neighbours without inputs that stay on one worker, at most; */
        PIECE_WORK  = 1 << 20,   /* more if they are less work than this */
        WINDOW_WORK = 64 << 20,  /* given at a time, a thread: the rest can still go elsewhere; */
        WINDOW      = 1024,      /* but not more tasks, */
        WINDOW_LEAST = 4,        /* and not fewer, a thread */
        PROBES      = 8,         /* workers that are looked at besides those which have something of the task */
};

/* ---- Who makes a chunk, and who reads it ------------------------------------------------------------------------ */

void index_free(Index *index) {
        if (!index)
                return;
        free(index->maker);
        free(index->position);
        free(index->use_start);
        free(index->use_task);
        free(index->copy);
        free(index);
}

size_t index_bytes(const Plan *plan) {
        return sizeof(uint32_t) * (plan->n_task + 2 * (size_t) plan->n_chunk + plan->input_start[plan->n_task]) +
               sizeof(uint16_t) * plan->n_chunk;
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
        index->copy      = malloc((plan->n_chunk + 1) * sizeof(uint16_t));
        if (!index->maker || !index->position || !index->use_start || !index->use_task || !index->copy) {
                index_free(index);
                return -ENOMEM;
        }
        memset(index->maker, 0xff, (plan->n_chunk + 1) * sizeof(uint32_t));
        memset(index->copy, 0xff, (plan->n_chunk + 1) * sizeof(uint16_t));
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
        s->state_bytes += index_bytes(plan);
        for (uint32_t w = 0; w < r->share.n; w++) /* from now on it is counted */
                r->share.data[w].heard_usec = s->now_usec;
        r->spent = r->work ? calloc(plan->stage.n + 1, sizeof(*r->spent)) : NULL;
        return r->spent || !r->work ? 0 : -ENOMEM;
}

/* ---- Tasks that were passed over -------------------------------------------------------------------------------- */

static int position_push(Positions *heap, uint32_t position) {
        uint32_t at;

        if (vec_push(heap, position) < 0)
                return -ENOMEM;
        for (at = heap->n - 1; at > 0 && heap->data[(at - 1) / 2] > position; at = (at - 1) / 2)
                heap->data[at] = heap->data[(at - 1) / 2];
        heap->data[at] = position;
        return 0;
}

static uint32_t position_pop(Positions *heap) {
        const uint32_t first = heap->data[0], last = vec_pop(heap), n = heap->n;
        uint32_t at = 0;

        for (uint32_t child = 1; child < n; child = 2 * at + 1) {
                child += child + 1 < n && heap->data[child + 1] < heap->data[child];
                if (heap->data[child] >= last)
                        break;
                heap->data[at] = heap->data[child];
                at             = child;
        }
        if (n > 0)
                heap->data[at] = last;
        return first;
}

bool inputs_made(const Running *r, uint32_t task) {
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1]; k++)
                if (!chunk_made(r, r->plan->input_chunk[k]))
                        return false;
        return true;
}

int running_requeue(Running *r, uint32_t task) {
        r->state[task] = TASK_WAITING;
        return r->index->position[task] < r->cursor && inputs_made(r, task)
                       ? position_push(&r->ready, r->index->position[task])
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

/* The n-th of those that are given things. */
static uint32_t worker_nth(const Sched *s, uint32_t n) {
        assert(n < s->n_open);
        if (s->n_open == s->worker.n)
                return n;
        for (uint32_t worker = 0;; worker++)
                if (worker_open(s, worker) && n-- == 0)
                        return worker;
}

uint32_t worker_spread(const Sched *s, uint32_t k, uint32_t n) {
        assert(s->n_open > 0 && k < n);
        return worker_nth(s, (uint32_t) ((uint64_t) k * s->n_open / n));
}

/* ---- Work ------------------------------------------------------------------------------------------------------- */

void running_weigh(Running *r) {
        if (r->work)
                plan_run_weigh(r->plan, r->work);
}

static uint64_t work_of(const Running *r, uint32_t task) {
        return r->work ? r->work[r->plan->task_stage[task]] : 0;
}

/* `sign` 1: given to r->place[task]; -1: it is there no more. */
static void count_given(Sched *s, Running *r, uint32_t task, int sign) {
        const uint64_t work = work_of(r, task);
        const uint32_t w    = r->place[task];

        r->n_given += (uint32_t) sign;
        r->share.data[w].n_given += (uint32_t) sign;
        s->worker.data[w].n_given += (uint64_t) sign;
        r->share.data[w].work += sign > 0 ? work : -work;
        s->worker.data[w].work += sign > 0 ? work : -work;
}

void task_taken_back(Sched *s, Running *r, uint32_t task) {
        count_given(s, r, task, -1);
}

void task_put_back(Sched *s, Running *r, uint32_t task) {
        count_given(s, r, task, 1);
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

        if ((s->twin.n > 0 && twins_end_of_task(s, r, task, worker) < 0) || batch_open(s, r, worker, &batch) < 0 ||
            vec_push(&s->actions->task, (RunTask) { task, position }) < 0)
                return -ENOMEM;
        batch->n++;
        if (r->share.data[worker].n_given == 0) {
                r->share.data[worker].heard_usec = s->now_usec;
                r->share.data[worker].due_usec   = s->now_usec;
        }
        r->state[task] = TASK_GIVEN;
        r->place[task] = (uint16_t) worker;
        count_given(s, r, task, 1);
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1] && r->index; k++) {
                uint32_t c = r->plan->input_chunk[k];

                if (!chunk_made(r, c) || r->holder[c] == worker)
                        continue;
                if (vec_push(&s->actions->fetch, (RunFetch) { .chunk = c, .from = r->holder[c] }) < 0)
                        return -ENOMEM;
                r->index->copy[c] = (uint16_t) worker;
                batch->n_fetch++;
        }
        return 0;
}

int task_give(Sched *s, Running *r, uint32_t task, uint32_t worker) {
        return give(s, r, task, r->index->position[task], worker);
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
        const Worker *w    = &s->worker.data[worker];
        const Share *share = &r->share.data[worker];

        return worker_open(s, worker) && share->n_given < WINDOW &&
               (share->n_given < WINDOW_LEAST * w->n_threads || share->work < (uint64_t) WINDOW_WORK * w->n_threads);
}

/* How many neighbours of a stage go to one worker before the turn goes on. */
static uint32_t turn_length(const Sched *s, const Running *r, uint32_t task) {
        const Stage *stage   = &r->plan->stage.data[r->plan->task_stage[task]];
        const uint32_t turns = (stage->n_task + s->n_open * PIECE - 1) / (s->n_open * PIECE); /* of each worker */
        const uint32_t equal = (stage->n_task + s->n_open * turns - 1) / (s->n_open * turns);

        return MAX(equal, (uint32_t) (PIECE_WORK / MAX(work_of(r, task), (uint64_t) TASK_WORK)));
}

/* When it would begin there, and what must be brought there for it: `move` is of all inputs, the worker's score of
 * those that it has. */
static uint64_t cost(const Sched *s, uint32_t worker, uint64_t move) {
        const Worker *w = &s->worker.data[worker];

        return w->work / MAX(w->n_threads, 1u) + move - w->score; /* 0: the number is nobody's */
}

typedef struct Choice {
        uint32_t worker; /* the cheapest so far, or WORKER_NONE */
        uint64_t cost;
} Choice;

static bool gets_all(const Sched *s, const Running *r, uint32_t task, uint32_t worker) {
        return s->apart.n == 0 || gets_inputs(s, r, task, worker);
}

static void consider(const Sched *s, const Running *r, uint32_t task, uint32_t worker, uint64_t cost, Choice *best) {
        if (worker_open(s, worker) && (best->worker == WORKER_NONE || cost < best->cost) &&
            gets_all(s, r, task, worker))
                *best = (Choice) { worker, cost };
}

/* Those that have nothing of the task: the one in whose turn it is, and some more. Without inputs it stays in turn
 * unless another worker is behind by more than a turn. */
static void consider_others(const Sched *s, Running *r, uint32_t task, uint64_t move, Choice *best) {
        const uint32_t length = turn_length(s, r, task);
        const uint32_t first  = r->plan->stage.data[r->plan->task_stage[task]].first_task;
        const uint32_t turn   = worker_nth(s, (task - first) / length % s->n_open);
        const uint64_t at = cost(s, turn, move), ahead = move > 0 ? 0 : FETCH_WORK + 2 * length * work_of(r, task);

        consider(s, r, task, turn, at - MIN(at, ahead), best);
        for (uint32_t k = 0; k < MIN(s->worker.n, (uint32_t) PROBES); k++) {
                r->probe = r->probe + 1 < s->worker.n ? r->probe + 1 : 0;
                consider(s, r, task, r->probe, cost(s, r->probe, move), best);
        }
}

/* Some workers do not reach others: whoever gets all that the task reads will do. If nobody does it is torn. */
static int consider_all(Sched *s, Running *r, uint32_t task, Choice *best) {
        for (uint32_t w = 0; w < s->worker.n; w++)
                consider(s, r, task, w, s->worker.data[w].work, best);
        if (best->worker != WORKER_NONE)
                return 0;
        s->unsettled = true;
        return vec_push(&r->torn, task);
}

/* Where the input is, or will be; WORKER_NONE: nobody knows yet. */
static uint32_t input_place(const Running *r, uint32_t chunk) {
        uint32_t maker;

        if (chunk_made(r, chunk))
                return r->holder[chunk];
        maker = r->index->maker[chunk];
        return maker != TASK_NONE && r->state[maker] == TASK_GIVEN ? r->place[maker] : (uint32_t) WORKER_NONE;
}

/* What bringing the input costs; that much is added to the score of the worker which has it, and somewhat less to that
 * of one which may have a copy. `sign` 0: their scores are none again. */
static uint64_t score(Sched *s, const Running *r, uint32_t chunk, uint64_t sign) {
        const uint64_t bytes = MOVE * (uint64_t) plan_chunk_bytes(r->plan, chunk);
        const uint32_t copy  = r->index->copy[chunk];
        Worker *at           = &s->worker.data[input_place(r, chunk)];

        at->score = sign * (at->score + FETCH_WORK + bytes);
        if (copy != WORKER_NONE && &s->worker.data[copy] != at)
                s->worker.data[copy].score = sign * (s->worker.data[copy].score + bytes);
        return FETCH_WORK + bytes;
}

/* The policy: a worker for the task, or WORKER_NONE: that cannot be said yet. */
static int choose(Sched *s, Running *r, uint32_t task, uint32_t *ret) {
        const uint32_t n      = r->plan->input_start[task + 1] - r->plan->input_start[task];
        const uint32_t *input = plan_inputs(r->plan, task);
        uint32_t maker_at = WORKER_NONE;
        Choice best       = { .worker = WORKER_NONE };
        uint64_t move     = 0;

        *ret = WORKER_NONE;
        for (uint32_t k = 0; k < n; k++) {
                const uint32_t w = input_place(r, input[k]);

                if (w == WORKER_NONE)
                        return 0;
                if (!chunk_made(r, input[k])) {
                        if (maker_at != WORKER_NONE && maker_at != w)
                                return 0;
                        maker_at = w;
                }
        }
        for (uint32_t k = 0; k < n; k++)
                move += score(s, r, input[k], 1);
        for (uint32_t k = 0; k < n; k++) {
                const uint32_t w = input_place(r, input[k]), copy = r->index->copy[input[k]];

                consider(s, r, task, w, cost(s, w, move), &best);
                if (copy != WORKER_NONE)
                        consider(s, r, task, copy, cost(s, copy, move), &best);
        }
        for (uint32_t k = 0; k < n; k++) /* others have none */
                (void) score(s, r, input[k], 0);
        if (move <= work_of(r, task) || best.worker == WORKER_NONE)
                consider_others(s, r, task, move, &best);
        if (maker_at != WORKER_NONE && (best.worker != maker_at || !has_room(s, r, maker_at)))
                return 0;
        if (best.worker == WORKER_NONE && s->apart.n > 0 && consider_all(s, r, task, &best) < 0)
                return -ENOMEM;
        *ret = best.worker;
        return 0;
}

/* ---- Queues ------------------------------------------------------------------------------------------------------ */

static int queue_add(Sched *s, Running *r, uint32_t worker, uint32_t position) {
        Share *share        = &r->share.data[worker];
        const uint64_t work = work_of(r, r->plan->order[position]);

        if (position_push(&share->queue, position) < 0)
                return -ENOMEM;
        share->queued_work += work;
        s->worker.data[worker].work += work;
        r->n_queued++;
        return 0;
}

static uint32_t queue_take(Sched *s, Running *r, uint32_t worker) {
        Share *share            = &r->share.data[worker];
        const uint32_t position = position_pop(&share->queue);
        const uint64_t work     = work_of(r, r->plan->order[position]);

        share->queued_work -= work;
        s->worker.data[worker].work -= work;
        r->n_queued--;
        return position;
}

int queue_clear(Sched *s, Running *r, uint32_t worker) {
        int ret = 0;

        while (r->share.data[worker].queue.n > 0 && ret == 0) {
                const uint32_t task = r->plan->order[queue_take(s, r, worker)];

                if (r->state[task] == TASK_WAITING)
                        ret = running_requeue(r, task);
        }
        return ret;
}

void share_clear(Sched *s, Running *r, uint32_t worker) {
        Share *share = &r->share.data[worker];

        s->worker.data[worker].n_given -= share->n_given;
        s->worker.data[worker].work -= share->work + share->queued_work;
        r->n_given -= share->n_given;
        r->n_queued -= share->queue.n;
        vec_free(&share->queue);
        *share = (Share) { .knows = share->knows };
}

/* It waits, and could start anywhere. */
static bool can_go(const Running *r, uint32_t position) {
        const uint32_t task = r->plan->order[position];

        return r->state[task] == TASK_WAITING && inputs_made(r, task); /* else it stood there twice, or lost an input */
}

/* What bringing the inputs of a task costs. */
static uint64_t move_of(const Running *r, uint32_t task, uint32_t to) {
        uint64_t move = 0;

        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1]; k++) {
                const uint32_t c = r->plan->input_chunk[k];

                if (r->holder[c] != to)
                        move += FETCH_WORK + MOVE * (uint64_t) plan_chunk_bytes(r->plan, c);
        }
        return move;
}

/* A worker that has nothing to do takes the first task of the longest queue, unless it would have it later than those
 * whose queue it is: 1 if it has got one. */
static int steal(Sched *s, Running *r, uint32_t worker) {
        uint32_t victim = WORKER_NONE, position;
        uint64_t later;

        if (r->n_queued == 0 || r->share.data[worker].n_given >= s->worker.data[worker].n_threads)
                return 0;
        for (uint32_t w = 0; w < r->share.n; w++)
                if (r->share.data[w].queue.n > 0 &&
                    (victim == WORKER_NONE || s->worker.data[w].work > s->worker.data[victim].work))
                        victim = w;
        position = r->share.data[victim].queue.data[0];
        later    = s->worker.data[victim].work / s->worker.data[victim].n_threads;
        if (can_go(r, position) && ((worker_open(s, victim) && move_of(r, r->plan->order[position], worker) > later) ||
                                    !gets_all(s, r, r->plan->order[position], worker)))
                return 0;
        position = queue_take(s, r, victim);
        return can_go(r, position) ? give(s, r, r->plan->order[position], position, worker) ?: 1 : 1;
}

/* Something for the worker, from its queue, or what comes next: 1 if it, or another one, has got a task. */
static int give_next(Sched *s, Running *r, uint32_t worker) {
        uint32_t position, task, best;

        while (r->share.data[worker].queue.n > 0) {
                position = queue_take(s, r, worker);
                if (!can_go(r, position))
                        continue;
                if (gets_all(s, r, r->plan->order[position], worker))
                        return give(s, r, r->plan->order[position], position, worker) ?: 1;
                if (position_push(&r->ready, position) < 0)
                        return -ENOMEM;
        }
        for (;;) {
                const bool again = r->ready.n > 0 && (r->cursor == r->plan->n_task || r->ready.data[0] < r->cursor);

                if (!again && r->cursor == r->plan->n_task)
                        return steal(s, r, worker);
                position = again ? position_pop(&r->ready) : r->cursor++;
                task     = r->plan->order[position];
                if (again ? !can_go(r, position) : r->state[task] != TASK_WAITING)
                        continue;
                if (choose(s, r, task, &best) < 0)
                        return -ENOMEM;
                if (best == WORKER_NONE)
                        continue;
                if (has_room(s, r, best))
                        return give(s, r, task, position, best) ?: 1;
                if (queue_add(s, r, best, position) < 0)
                        return -ENOMEM;
        }
}

/* All that have room, in turn, until none has or nothing is left. */
static int give_among(Sched *s, Running *r) {
        int ret = running_index(s, r);

        for (uint32_t k = 0; k < s->worker.n && ret >= 0; k++) {
                while (has_room(s, r, r->next) && (ret = give_next(s, r, r->next)) > 0)
                        ;
                r->next = r->next + 1 < s->worker.n ? r->next + 1 : 0;
        }
        return MIN(ret, 0);
}

int running_give(Sched *s, Running *r) {
        uint32_t worker;

        if (s->n_open == 0 || s->holding || (r->cursor == r->plan->n_task && r->ready.n == 0 && r->n_queued == 0))
                return 0;
        if (s->n_present > 1 || r->index)
                return give_among(s, r);
        for (worker = 0; !worker_open(s, worker);)
                worker++;
        return give_alone(s, r, worker);
}
