/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that are late, and tasks that two try at a time. A worker may live, answer, and get nothing done: its disk is
 * slow, its machine does something else, a thread of it hangs. All the others would wait for the last few tasks that it
 * has.
 *
 *   usual   what a task of a stage takes, as its siblings took that are done: the time between what a worker says, by
 *           as many tasks as it can have had under way meanwhile. It is a mean, in which nothing counts as longer than
 *           would have been late; where no sibling is done it is the plan's mean, by work, or a guess
 *   late    somebody has nothing to do, and a worker that could get on with what it was given of a plan has said
 *           nothing of it for three times as long, and a second. It is given nothing any more, of any plan, until it
 *           says that something is done, or for a while. All that it was given of the plan is called back. While some
 *           do not reach others (apart.c) nobody is late: what they wait for is not their fault
 *   second  what it does not give back it has begun, since it answers at once however slow its threads are: of these
 *           tasks those who have nothing to do try one each, besides
 *
 * Whoever is done first has done it. To everybody else the second attempt is the one: the task is GIVEN, and its place
 * is there. The first one is an entry of s->second, as the second one is when the first has won; so there is an entry
 * only of a task that is done or that another worker has, never more than one of a task, and its worker was told to
 * give the task back. It ends when its worker says that it has done it (what it has made is surplus), or not; or knows
 * the plan no more. When the task is to be done again, or nobody else has it any more, the entry's attempt is the only
 * one, and the entry is the task's place.
 *
 * A worker that tries what others have done meanwhile reads what it reads, which is dropped under it, and goes after
 * that; and it may be told to get what it is making itself, which it does when that has ended (work-admit.c). When its
 * plan ends it is told to end what it does, and to drop what it has made of it if it has just ended: nobody waits for
 * its word, and the same may be to be made again for another plan, there of all places. */
#include "sched/state.h"

enum {
        LATE_USEC       = 1000 * 1000,      /* nobody is late before that: a message, a plan that is to be made */
        LATE_FETCH_USEC = 3 * 1000 * 1000,  /* nor while it may be about to say that it does not reach another one */
        LATE_TIMES      = 3,                /* what is usual; */
        LATE_ALONE_USEC = 5 * 1000 * 1000,  /* and where no sibling is done, since work is right to a factor, */
        LATE_ALONE      = 10,               /* so many times */
        WORK_PER_USEC   = 500,              /* where nothing is done: a machine that is slow goes through more */
        LATE_ENDS_USEC  = 30 * 1000 * 1000, /* then it is given something again: perhaps one thread hangs of many */
};

#define NEVER_USEC (UINT64_C(1) << 60)

/* ---- Two who try the same ---------------------------------------------------------------------------------------- */

static Second *second_of(const Sched *s, const Running *r, uint32_t task) {
        for (uint32_t k = 0; k < s->second.n; k++)
                if (s->second.data[k].running == r && s->second.data[k].task == task)
                        return &s->second.data[k];
        return NULL;
}

bool second_is(const Sched *s, const Running *r, uint32_t task, uint32_t worker) {
        const Second *found = second_of(s, r, task);

        return found && found->worker == worker;
}

uint32_t second_worker(const Sched *s, const Running *r, uint32_t task) {
        const Second *found = second_of(s, r, task);

        return found ? found->worker : (uint32_t) WORKER_NONE;
}

static int second_add(Sched *s, Running *r, uint32_t task, uint32_t worker) {
        assert(!second_of(s, r, task));
        s->worker.data[worker].n_second++;
        return vec_push(&s->second, (Second) { .running = r, .task = task, .worker = worker });
}

static void second_remove(Sched *s, Second *second) {
        s->worker.data[second->worker].n_second--;
        s->unsettled |= s->n_draining > 0;
        *second = vec_pop(&s->second);
}

void second_end(Sched *s, const Running *r, uint32_t task) {
        Second *found = second_of(s, r, task);

        if (found)
                second_remove(s, found);
}

void seconds_end(Sched *s, const Running *r, uint32_t worker) {
        for (uint32_t k = s->second.n; k-- > 0;)
                if ((!r || s->second.data[k].running == r) &&
                    (worker == WORKER_NONE || s->second.data[k].worker == worker))
                        second_remove(s, &s->second.data[k]);
}

bool seconds_has(const Sched *s, const Running *r, uint32_t worker) {
        for (uint32_t k = 0; k < s->second.n; k++)
                if (s->second.data[k].running == r && s->second.data[k].worker == worker)
                        return true;
        return false;
}

bool seconds_make(const Sched *s, uint32_t worker, uint64_t chunk) {
        for (uint32_t k = 0; k < s->second.n; k++) {
                const Second *second = &s->second.data[k];
                const Plan *plan     = second->running->plan;

                if (worker != WORKER_NONE && second->worker != worker)
                        continue;
                for (uint32_t o = plan->output_start[second->task]; o < plan->output_start[second->task + 1]; o++)
                        if (plan_run_chunk(&second->running->run, plan->output_chunk[o]) == chunk)
                                return true;
        }
        return false;
}

void seconds_stay(Sched *s, Running *r) {
        for (uint32_t k = s->second.n; k-- > 0;) {
                const Second second = s->second.data[k];

                if (second.running != r || r->state[second.task] != TASK_WAITING)
                        continue;
                second_remove(s, &s->second.data[k]);
                r->state[second.task] = TASK_RECALLED; /* as it was told */
                r->place[second.task] = (uint16_t) second.worker;
                task_put_back(s, r, second.task);
        }
}

/* Those who wait where the other one tries it get what it has made from the winner. They are told after it was called
 * back: it does not get what it makes. */
int second_wins(Sched *s, Running *r, uint32_t task) {
        const uint32_t other = r->place[task];
        int ret              = 0;

        second_end(s, r, task);
        if (!worker_hears(s, other) || !r->share.data[other].knows)
                return 0;
        if (r->state[task] == TASK_GIVEN)
                ret = task_recall(s, r, task);
        return ret < 0 ? ret : second_add(s, r, task, other);
}

/* Whether nobody counts on the worker's copy; *ret_kept: who has the one that stays, or WORKER_NONE. */
static int is_surplus(Sched *s, uint32_t worker, uint64_t chunk, bool *ret, uint32_t *ret_kept) {
        SchedTensor *t;
        int r = tensor_find(s, chunk, &t);

        *ret      = false;
        *ret_kept = WORKER_NONE;
        if (r < 0 || chunk_comes(s, chunk, worker))
                return r;
        if (t && t->anchor && t->spare[chunk - t->chunk_first] == worker)
                return 0;
        if (t)
                *ret_kept = t->holder[chunk - t->chunk_first];
        for (const Running *x = s->first_running; x && *ret_kept != worker; x = x->after) {
                const uint64_t c = chunk - x->run.first_id;

                if (!x->ending && c < x->plan->n_chunk && chunk_made(x, (uint32_t) c))
                        *ret_kept = x->holder[c];
        }
        *ret = *ret_kept != worker;
        return 0;
}

int surplus_drop(Sched *s, uint32_t worker, uint64_t chunk) {
        bool surplus;
        uint32_t kept;
        const int ret = is_surplus(s, worker, chunk, &surplus, &kept);

        return ret < 0 || !surplus ? ret : twin_drop(s, worker, chunk, kept);
}

int seconds_drop(Sched *s, const Running *r, uint32_t worker) {
        const Plan *plan = r->plan;
        int ret          = 0;

        for (uint32_t k = 0; k < s->second.n; k++) {
                const Second second = s->second.data[k];

                if (second.running != r || second.worker != worker)
                        continue;
                for (uint32_t o = plan->output_start[second.task]; o < plan->output_start[second.task + 1] && ret == 0;
                     o++) {
                        const uint64_t chunk = plan_run_chunk(&r->run, plan->output_chunk[o]);
                        bool surplus;
                        uint32_t kept;

                        ret = is_surplus(s, worker, chunk, &surplus, &kept);
                        if (ret == 0 && surplus) /* it may be on its way there: no digest can be asked for */
                                ret = drop_say(s, worker, chunk);
                }
        }
        return ret;
}

/* ---- What is usual ----------------------------------------------------------------------------------------------- */

static uint64_t usual_of_plan(const Running *r, uint32_t stage) {
        double usec = 0, work = 0;

        for (uint32_t k = 0; k < r->plan->stage.n; k++) {
                usec += (double) r->spent[k].usec;
                work += (double) r->spent[k].n * (double) r->work[k];
        }
        return work > 0 ? (uint64_t) MIN(usec / work * (double) r->work[stage], (double) NEVER_USEC)
                        : r->work[stage] / WORK_PER_USEC;
}

/* A worker is late that is busy with such a task for longer. */
static uint64_t late_usec(const Running *r, uint32_t stage) {
        const Spent *spent = &r->spent[stage];

        if (spent->n > 0)
                return MAX(LATE_TIMES * (spent->usec / spent->n), (uint64_t) LATE_USEC);
        return MIN(MAX(LATE_ALONE * usual_of_plan(r, stage), (uint64_t) LATE_ALONE_USEC), NEVER_USEC);
}

int tasks_timed(Sched *s, Running *r, const SchedEvent *e) {
        Share *share            = &r->share.data[e->worker];
        const uint32_t parallel = MIN(share->n_given, s->worker.data[e->worker].n_threads);
        uint64_t usec           = s->now_usec - share->heard_usec;

        for (uint32_t k = 0; k < e->n && parallel > 0; k++) {
                Spent *spent = &r->spent[r->plan->task_stage[e->task[k]]];

                if (spent->n > 0 && usec > LATE_USEC)
                        usec = MIN(usec, late_usec(r, r->plan->task_stage[e->task[k]]));
                spent->usec += usec * parallel / e->n;
                spent->n++;
        }
        share->heard_usec  = s->now_usec;
        share->due_usec    = s->now_usec + LATE_USEC;
        share->called_usec = 0;
        return late_end(s, e->worker);
}

/* ---- Who is late ------------------------------------------------------------------------------------------------- */

static int late_say(Sched *s, uint32_t worker, const Running *r, uint64_t usec) {
        return action_add(s, &(SchedAction) { .kind    = SCHED_LATE,
                                              .worker  = worker,
                                              .plan    = r ? r->run.id : 0,
                                              .request = r && r->request ? r->request->id : 0,
                                              .usec    = usec });
}

static void late_set(Sched *s, uint32_t worker, bool on) {
        Worker *w = &s->worker.data[worker];

        s->n_open -= worker_open(s, worker);
        s->n_late += on;
        s->n_late -= w->late;
        w->late = on;
        s->n_open += worker_open(s, worker);
}

int late_end(Sched *s, uint32_t worker) {
        if (!s->worker.data[worker].late)
                return 0;
        late_set(s, worker, false);
        all_stirred(s, false);
        return late_say(s, worker, NULL, 0);
}

int lates_end(Sched *s) {
        int ret = 0;

        for (uint32_t w = 0; w < s->worker.n && s->n_late > 0 && ret == 0; w++)
                ret = late_end(s, w);
        return ret;
}

/* Somebody who has less to do than threads; or WORKER_NONE. */
static uint32_t idle_worker(const Sched *s, const Running *r, uint32_t task, uint32_t but) {
        uint32_t best = WORKER_NONE;

        for (uint32_t w = 0; w < s->worker.n; w++) {
                const Worker *x = &s->worker.data[w];

                if (w != but && worker_open(s, w) && x->n_given + x->n_second < x->n_threads &&
                    (!r || gets_inputs(s, r, task, w)) && (best == WORKER_NONE || x->work < s->worker.data[best].work))
                        best = w;
        }
        return best;
}

/* Its inputs are made, and whoever has them is heard: else it is not the worker's fault. */
static bool could_go_on(const Sched *s, const Running *r, uint32_t task, uint32_t worker) {
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1]; k++) {
                const uint32_t from = r->holder[r->plan->input_chunk[k]];

                if (from == WORKER_NONE ||
                    (from != worker && (s->worker.data[from].state != WORKER_HERE || s->worker.data[from].silent)))
                        return false;
        }
        return true;
}

static bool is_all_there(const Running *r, uint32_t task, uint32_t worker) {
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1]; k++)
                if (r->holder[r->plan->input_chunk[k]] != worker)
                        return false;
        return true;
}

static bool is_there(const Running *r, uint32_t task, uint32_t worker) {
        return task_given(r, task) && r->place[task] == worker;
}

/* Whether it has said nothing for too long, of the tasks that it must have begun. */
static bool is_late(const Sched *s, const Running *r, uint32_t worker) {
        Share *share         = &r->share.data[worker];
        uint32_t n_under_way = 0;
        uint64_t most        = 0;

        for (uint32_t k = 0; k < r->cursor && n_under_way < s->worker.data[worker].n_threads; k++) {
                const uint32_t task = r->plan->order[k];

                if (!is_there(r, task, worker) || !could_go_on(s, r, task, worker))
                        continue;
                most = MAX(most, late_usec(r, r->plan->task_stage[task]));
                if (!is_all_there(r, task, worker))
                        most = MAX(most, (uint64_t) LATE_FETCH_USEC);
                n_under_way++;
        }
        if (n_under_way == 0) {
                share->heard_usec = s->now_usec;
                most              = LATE_USEC;
        }
        share->due_usec = MIN(share->heard_usec + most, s->now_usec + LATE_USEC); /* more may be known by then */
        return s->now_usec >= share->heard_usec + most;
}

static int late_begin(Sched *s, Running *r, uint32_t worker) {
        Share *share = &r->share.data[worker];
        int ret      = 0;

        share->due_usec    = s->now_usec + LATE_USEC;
        share->called_usec = s->now_usec;
        if (!s->worker.data[worker].late) {
                s->worker.data[worker].late_until_usec = s->now_usec + LATE_ENDS_USEC;
                late_set(s, worker, true);
                ret = late_say(s, worker, r, s->now_usec - share->heard_usec);
        }
        for (Running *other = s->first_running; other && ret == 0; other = other->after)
                if (!other->ending && worker < other->share.n) {
                        other->stirred = true;
                        ret            = queue_clear(s, other, worker);
                }
        for (uint32_t k = 0; k < r->cursor && ret == 0; k++) {
                const uint32_t task = r->plan->order[k];

                if (r->state[task] == TASK_GIVEN && r->place[task] == worker)
                        ret = task_recall(s, r, task);
        }
        s->unsettled = true;
        return ret;
}

/* Others try what it has not given back. */
static int seconds_begin(Sched *s, Running *r, uint32_t worker) {
        int ret = 0;

        for (uint32_t k = 0; k < r->cursor && ret == 0 && r->share.data[worker].n_given > 0; k++) {
                const uint32_t task = r->plan->order[k];
                uint32_t to;

                if (r->state[task] != TASK_RECALLED || r->place[task] != worker ||
                    !could_go_on(s, r, task, WORKER_NONE) || second_of(s, r, task))
                        continue;
                to = idle_worker(s, r, task, worker);
                if (to == WORKER_NONE)
                        continue;
                task_taken_back(s, r, task);
                s->n_second++;
                ret = second_add(s, r, task, worker);
                if (ret == 0)
                        ret = task_give(s, r, task, to);
        }
        return ret;
}

bool lates_possible(const Sched *s) {
        bool some = s->n_late > 0;

        for (const Running *r = s->first_running; r && !some && s->n_present > 1; r = r->after)
                some = !r->ending && r->spent && r->n_given > 0;
        return some;
}

/* Whoever is found late answers first: what he has not begun is there again at the next tick. */
static int lates_look(Sched *s, Running *r) {
        int ret = 0;

        for (uint32_t w = 0; w < r->share.n && ret == 0; w++) {
                const Share *share = &r->share.data[w];

                if (share->n_given == 0 || s->worker.data[w].state != WORKER_HERE ||
                    idle_worker(s, NULL, 0, w) == WORKER_NONE)
                        continue;
                if (share->called_usec > 0 && share->called_usec < s->now_usec && s->worker.data[w].late)
                        ret = seconds_begin(s, r, w);
                if (ret == 0 && share->n_given > 0 && share->due_usec <= s->now_usec && is_late(s, r, w))
                        ret = late_begin(s, r, w);
        }
        return ret;
}

int lates_tick(Sched *s) {
        int ret = 0;

        if (s->apart.n > 0)
                return 0;
        for (uint32_t w = 0; w < s->worker.n && s->n_late > 0 && ret == 0; w++)
                if (s->worker.data[w].late_until_usec <= s->now_usec)
                        ret = late_end(s, w);
        for (Running *r = s->first_running; r && ret == 0; r = r->after)
                if (!r->ending && r->spent)
                        ret = lates_look(s, r);
        return ret;
}
