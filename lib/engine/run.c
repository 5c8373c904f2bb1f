/* SPDX-License-Identifier: Apache-2.0 */
/* The wiring: what the machines want is done here, by the thread that reports.
 *
 * A task needs a slot, of which there are as many as threads: thread numbers for the worker's machine, an Exec, and the
 * lists of its memory.
 * Any thread may take a free slot: helpers, and callers that wait for a request. Helpers are started when there is
 * work that is worth waking somebody for: many bytes, or more to do although somebody has been at it for a while.
 *
 * Small tasks are taken, run and reported many at a time: threads that met at the lock for each of them would spend
 * more time there than in the tasks. Tiny ones stay with one thread: while the state of the machines goes to and fro
 * between the caches of two, one alone does them (measured with tasks of one element: 1.2 µs, and 1.4 with two). */
#include <signal.h>
#include <time.h>

#include "engine/inside.h"

enum {
        WAKE_BYTES  = 256 << 10, /* to read and write so much takes as long as to wake a thread, 20 µs */
        WAKE_USEC   = 50,        /* a job that takes longer than this may be worth two */
        BLOCK_COST  = 8,         /* a byte of a block operator is as much work as this many of others */
        LONG_BYTES  = 1 << 20,   /* a block of so much may take a millisecond, or a minute */
        LONG_STEPS  = 2 << 20,   /* and so many elements of instructions a millisecond, or 50 */
        BATCH_BYTES = 16 << 10,  /* so much together is worth giving up the lock: a few µs */
        TINY_USEC   = 1,         /* a task of less is tiny; so are those after it, */
        TINY_ENDS   = 4,         /* until so many batches in a row take longer: one of them may have been interrupted */
};

_Thread_local Engine *helper_of;

uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* ---- Requests end ----------------------------------------------------------------------------------------------- */

void request_done(Engine *e, EngineRequest *q) {
        Call **last = &e->calls;

        map_remove(&e->requests, q->id);
        q->running = false;
        q->done    = true;
        while (*last)
                last = &(*last)->next;
        *last    = q->calls;
        q->calls = NULL;
        if (q->n_refs == 0)
                request_free(q);
        pthread_cond_broadcast(&e->wake);
        pthread_cond_broadcast(&e->changed);
}

void requests_end(Engine *e, const Error *why) {
        for (uint32_t k = 0; k < e->requests.capacity;) {
                EngineRequest *q = (EngineRequest *) (uintptr_t) e->requests.entry[k].value;

                if (q) {
                        q->outcome = *why;
                        request_done(e, q);
                } else
                        k++;
        }
}

/* A machine could not get memory for its own lists: nobody knows any more what is where. */
static void engine_break(Engine *e) {
        error_set(&e->broken, ERROR_MEMORY, "the session has run out of memory for its own lists and cannot go on");
        pins_end(e, &e->broken);
        requests_end(e, &e->broken);
        sched_actions_clear(&e->sched_actions);
        work_actions_clear(&e->work_actions);
        e->sched_at = e->work_at = 0;
}

/* ---- The machines ----------------------------------------------------------------------------------------------- */

int tell_sched(Engine *e, const SchedEvent *event) {
        return sched_step(e->sched, event, &e->sched_actions);
}

int tell_work(Engine *e, const WorkEvent *event) {
        return work_step(e->work, event, &e->work_actions);
}

static int request_finished(Engine *e, const SchedAction *a) {
        EngineRequest *q = (EngineRequest *) (uintptr_t) map_get(&e->requests, a->request);
        int r            = 0;

        assert(q);
        q->n_done = a->n_done;
        if (a->outcome > 0)
                q->outcome = e->sched_actions.error.data[a->outcome - 1];
        else if (q->n_refs > 0) {
                assert(a->n == q->n_wanted);
                for (uint32_t k = 0; k < a->n; k++)
                        q->tensor[k] = e->sched_actions.tensor.data[a->first + k];
        } else
                for (uint32_t k = 0; k < a->n && r == 0; k++)
                        r = tell_sched(e, &(SchedEvent) { .kind = SCHED_RELEASE,
                                                         .tensor = e->sched_actions.tensor.data[a->first + k] });
        request_done(e, q);
        return r;
}

/* Who computes for a plan that was canceled looks up soon, but not from within LAPACK or BLAS, which may take minutes.
 * Others have those threads' part until they do. */
static void slots_replace(Engine *e) {
        for (uint32_t k = 0; k < e->n_slots && e->n_spare_slots > 0; k++) {
                Slot *slot = &e->slot[k];

                if (slot->at == slot->n_held || slot->replaced ||
                    !__atomic_load_n(&slot->held[slot->at].run->canceled, __ATOMIC_RELAXED))
                        continue;
                slot->replaced                  = true;
                e->free_slot[e->n_free_slots++] = e->spare_slot[--e->n_spare_slots];
                engine_wake(e);
        }
}

static void slot_give_back(Engine *e, uint32_t at) {
        if (e->slot[at].replaced)
                e->spare_slot[e->n_spare_slots++] = at;
        else
                e->free_slot[e->n_free_slots++] = at;
        e->slot[at].replaced = false;
}

static int do_sched_action(Engine *e, const SchedAction *a) {
        const SchedActions *lists = &e->sched_actions;
        int r;

        switch (a->kind) {
        case SCHED_PLAN:
                return tell_work(e, &(WorkEvent) { .kind = WORK_PLAN, .run = a->run });
        case SCHED_RUN:
                return tell_work(
                        e, &(WorkEvent) {
                                   .kind = WORK_RUN, .plan = a->plan, .n = a->n, .task = lists->task.data + a->first });
        case SCHED_DROP:
                return tell_work(e, &(WorkEvent) { .kind = WORK_DROP, .chunk = a->chunk, .n = a->n });
        case SCHED_FORGET:
                r = tell_work(e, &(WorkEvent) { .kind = WORK_FORGET, .plan = a->plan, .drop = a->drop });
                slots_replace(e);
                return r;
        case SCHED_FINISHED:
                return request_finished(e, a);
        case SCHED_RECALL:
                return tell_work(e, &(WorkEvent) { .kind = WORK_RECALL,
                                                   .plan = a->plan,
                                                   .n    = a->n,
                                                   .task = lists->task.data + a->first });
        case SCHED_TAKE: /* workers that leave, or are late, and what is remembered for when they do */
        case SCHED_DIGEST:
        case SCHED_DIFFERS:
        case SCHED_DRAINED:
        case SCHED_LATE:
        case SCHED_WANTED:
        case SCHED_RECIPE:
        case SCHED_RECIPE_GONE:
        case SCHED_TENSOR:
        case SCHED_TENSOR_GONE:
                break;
        }
        assert(false);
        return 0;
}

/* What the scheduler, or another worker, is to know. */
static int report(Engine *e, const WorkAction *a) {
        e->n_tasks_failed += a->kind == WORK_FAILED;
        return e->reports->report(e->reports_userdata, a, &e->work_actions);
}

/* Reserves the chunks of a value next to each other. */
static int reserve_together(Engine *e, const WorkAction *a) {
        const Plan *plan   = a->run->plan;
        const Value *value = &plan->value.data[a->value];
        uint32_t n         = (uint32_t) tiling_n_chunks(&value->tiling);
        _cleanup_(freep) ChunkId *ids   = calloc(n, sizeof(*ids));
        _cleanup_(freep) size_t *bytes  = calloc(n, sizeof(*bytes));
        int r                           = ids && bytes ? 0 : -ENOMEM;

        for (uint32_t k = 0; k < n && r == 0; k++) {
                ids[k]   = plan_run_chunk(a->run, value->first_chunk + k);
                bytes[k] = plan_chunk_bytes(plan, value->first_chunk + k);
        }
        if (r == 0)
                r = store_reserve(e->store, n, ids, bytes);
        return tell_work(e, &(WorkEvent) { .kind = WORK_GROUP, .plan = a->plan, .value = a->value, .ok = r == 0 });
}

static int do_work_action(Engine *e, const WorkAction *a) {
        Held *held;

        if (e->reports && a->kind >= WORK_FETCH)
                return report(e, a);
        switch (a->kind) {
        case WORK_START:
                held          = &e->slot[a->thread / TASKS_AT_ONCE].held[a->thread % TASKS_AT_ONCE];
                held->started = true;
                held->run     = a->run;
                held->task    = a->task;
                return 0;
        case WORK_TOGETHER:
                return reserve_together(e, a);
        case WORK_FREE:
                for (uint32_t k = 0; k < a->n; k++)
                        disk_free(e, a->chunk + k);
                return 0;
        case WORK_SPILL:
                return disk_write(e, a->chunk);
        case WORK_EVICT:
                store_drop(e->store, a->chunk);
                if (e->careful)
                        store_trim(e->store);
                return 0;
        case WORK_RETURN:
                return disk_read(e, a->chunk);
        case WORK_PINNED:
                (e->reports ? chunk_pinned : pin_answered)(e, a->pin, a->chunk, work_error(&e->work_actions, a));
                return 0;
        case WORK_DONE:
                return tell_sched(e, &(SchedEvent) { .kind   = SCHED_DONE,
                                                     .worker = WORKER,
                                                     .plan   = a->plan,
                                                     .n      = 1,
                                                     .task   = &a->task,
                                                     .length = work_lengths(&e->work_actions, a) });
        case WORK_FAILED:
                e->n_tasks_failed++;
                return tell_sched(e, &(SchedEvent) { .kind = SCHED_FAILED,
                                                    .worker = WORKER,
                                                    .plan = a->plan,
                                                    .n = 1,
                                                    .task = &a->task,
                                                    .error = work_error(&e->work_actions, a) });
        case WORK_FORGOTTEN:
                return tell_sched(e, &(SchedEvent) { .kind = SCHED_FORGOTTEN, .worker = WORKER, .plan = a->plan });
        case WORK_RECALLED:
                return tell_sched(
                        e,
                        &(SchedEvent) {
                                .kind = SCHED_RECALLED, .worker = WORKER, .plan = a->plan, .n = 1, .task = &a->task });
        case WORK_LOST:
                return tell_sched(e, &(SchedEvent) { .kind   = SCHED_LOST,
                                                     .worker = WORKER,
                                                     .chunk  = a->chunk,
                                                     .error  = work_error(&e->work_actions, a) });
        case WORK_FETCH: /* from other workers */
        case WORK_TAKEN:
                break;
        }
        assert(false);
        return 0;
}

void engine_pump(Engine *e, int r) {
        while (r == 0) {
                if (e->sched_at < e->sched_actions.action.n) {
                        SchedAction a = e->sched_actions.action.data[e->sched_at++]; /* the list may grow and move */

                        r = do_sched_action(e, &a);
                } else if (e->work_at < e->work_actions.action.n) {
                        WorkAction a = e->work_actions.action.data[e->work_at++];

                        r = do_work_action(e, &a);
                } else
                        break;
        }
        if (r < 0) {
                engine_break(e);
                return;
        }
        sched_actions_clear(&e->sched_actions);
        work_actions_clear(&e->work_actions);
        e->sched_at = e->work_at = 0;
}

/* ---- Tasks ------------------------------------------------------------------------------------------------------ */

static bool reserved_together(const Engine *e, const PlanRun *run, uint32_t value) {
        return run->together[value] && work_together(e->work, run->id, value);
}

/* Gives back what the task got so far: the first n_in inputs and n_out outputs, and scratch. */
static void memory_give_back(Engine *e, Held *held, uint32_t n_in, uint32_t n_out) {
        const PlanRun *run = held->run;
        const Plan *plan   = run->plan;

        for (uint32_t k = 0; k < n_in; k++)
                store_unpin(e->store, plan_run_chunk(run, plan->input_chunk[plan->input_start[held->task] + k]));
        for (uint32_t k = 0; k < n_out; k++) {
                uint32_t c = plan->output_chunk[plan->output_start[held->task] + k];

                if (!reserved_together(e, run, plan->chunk_value[c]))
                        store_drop(e->store, plan_run_chunk(run, c));
        }
        store_scratch_free(e->store, held->scratch, plan->stage.data[plan->task_stage[held->task]].scratch_bytes);
        held->scratch = NULL;
}

/* What a task of the stage goes through, in elements: sources are computed and reductions write next to nothing, so
 * what is read and written does not say it. */
static double domain_elements(const Stage *stage) {
        double n = 1 / (double) stage->n_task;

        for (int k = 0; k < stage->domain.ndim; k++)
                n *= (double) MAX(stage->domain.axis[k].extent, 1);
        return n;
}

/* What a task of `bytes` costs, in bytes to move, and whether it may take long. */
static size_t task_cost(const Stage *stage, size_t bytes, bool *ret_long) {
        const double elements = domain_elements(stage);
        double n_step = 1;

        for (uint32_t k = 0; k < stage->n_nest; k++)
                n_step += stage->nest[k].n_instr + stage->nest[k].n_sink;
        if (stage->kind == STAGE_BLOCK)
                bytes *= BLOCK_COST;
        bytes = MAX(bytes, (size_t) MIN(elements * sizeof(double), (double) LONG_BYTES));
        *ret_long = stage->kind == STAGE_NEST ? elements * n_step >= LONG_STEPS : bytes >= LONG_BYTES;
        return bytes;
}

/* Pins inputs, reserves outputs and scratch: 0, or what the store says, and then nothing is held. */
static int memory_get(Engine *e, Held *held) {
        const PlanRun *run = held->run;
        const Plan *plan   = run->plan;
        const Stage *stage = &plan->stage.data[plan->task_stage[held->task]];
        uint32_t n_in      = plan->input_start[held->task + 1] - plan->input_start[held->task];
        uint32_t n_out     = plan->output_start[held->task + 1] - plan->output_start[held->task];
        size_t cost        = 0;
        int r;

        if (vec_reserve(&held->in, n_in) < 0 || vec_reserve(&held->out, n_out) < 0)
                return -ENOMEM;
        held->scratch = NULL;
        r             = store_scratch(e->store, stage->scratch_bytes, &held->scratch);
        if (r != 0)
                return r;
        for (uint32_t k = 0; k < n_out; k++) {
                uint32_t c   = plan->output_chunk[plan->output_start[held->task] + k];
                ChunkId id   = plan_run_chunk(run, c);
                Shape *shape = &held->out.data[k].shape;
                size_t bytes;

                plan_chunk_shape(plan, c, shape);
                bytes = (size_t) shape_size(shape) * dtype_size(plan->value.data[plan->chunk_value[c]].dtype);
                if (!reserved_together(e, run, plan->chunk_value[c])) {
                        r = store_reserve(e->store, 1, &id, &bytes);
                        if (r != 0) {
                                memory_give_back(e, held, 0, k);
                                return r;
                        }
                }
                held->out.data[k].data = store_writable(e->store, id);
                cost += bytes;
        }
        for (uint32_t k = 0; k < n_in; k++) {
                uint32_t c = plan->input_chunk[plan->input_start[held->task] + k];
                const char *data;
                size_t bytes;

                r = store_pin(e->store, plan_run_chunk(run, c), &data, &bytes);
                assert(r == 0); /* the machine started the task because it is here */
                held->in.data[k].data = (char *) (uintptr_t) data;
                cost += bytes;
        }
        held->in.n = n_in;
        held->out.n = n_out;
        held->cost = task_cost(stage, cost, &held->takes_long);
        return 0;
}

typedef enum Taken { NOTHING, TASK, FAILURE } Taken;

/* Asks the machine for one more task of the slot and gets its memory. NOTHING to do, or no room while others run; a
 * TASK; or the FAILURE of one that can never run, so that there is news. */
static Taken task_take(Engine *e, uint32_t at) {
        Slot *slot        = &e->slot[at];
        Held *held        = &slot->held[slot->n_held];
        uint32_t thread   = at * TASKS_AT_ONCE + slot->n_held;
        uint64_t n_failed = e->n_tasks_failed, n_refused = e->n_refused_at_once;
        int r;

        for (;;) {
                if (work_n_ready(e->work) == 0)
                        return NOTHING;
                held->started = false;
                engine_pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_NEXT, .thread = thread }));
                if (e->broken.code < 0)
                        return FAILURE;
                if (!held->started) {
                        if (e->n_tasks_failed != n_failed)
                                return FAILURE;
                        if (e->n_refused_at_once == n_refused)
                                return NOTHING;
                        n_refused = e->n_refused_at_once;
                        continue; /* the answer was there before the machine could wait for it */
                }
                r = slot->exec ? 0 : exec_new(&slot->exec);
                if (r == 0)
                        r = memory_get(e, held);
                if (r == 0)
                        break;
                engine_pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_REFUSED, .thread = thread }));
                if (e->broken.code < 0)
                        return FAILURE;
        }
        slot->n_held++;
        if (e->busy_since_usec == 0) {
                e->busy_since_usec = now_usec();
                e->tiny            = false;
        }
        return TASK;
}

/* Takes what is worth giving up the lock: a task, or several small ones, but not more than this thread's share. */
static Taken tasks_take(Engine *e, uint32_t at) {
        Slot *slot  = &e->slot[at];
        uint32_t n  = MIN(1 + work_n_ready(e->work) / e->n_threads, (uint32_t) TASKS_AT_ONCE);
        size_t cost = 0;

        slot->n_held = slot->at = 0;
        while (slot->n_held < n && cost < BATCH_BYTES) {
                Taken taken = task_take(e, at);

                if (taken != TASK)
                        return slot->n_held > 0 ? TASK : taken;
                cost += slot->held[slot->n_held - 1].cost;
        }
        return TASK;
}

/* Reports a task; r and err are what exec_run() said. */
static void task_report(Engine *e, uint32_t slot_at, uint32_t held_at, int r, Error *err) {
        Slot *slot       = &e->slot[slot_at];
        Held *held       = &slot->held[held_at];
        const Plan *plan = held->run->plan;
        WorkEvent event  = { .kind = WORK_FINISHED, .thread = slot_at * TASKS_AT_ONCE + held_at };

        if (vec_reserve(&slot->bytes, held->out.n) < 0 || vec_reserve(&slot->length, held->out.n) < 0)
                r = r < 0 ? r : error_oom(err, held->out.n * sizeof(*slot->bytes.data));
        slot->bytes.n = slot->length.n = 0;
        for (uint32_t k = 0; k < held->out.n && r >= 0; k++) {
                uint32_t c          = plan->output_chunk[plan->output_start[held->task] + k];
                const Value *value  = &plan->value.data[plan->chunk_value[c]];
                const Shape *actual = &held->out.data[k].shape;
                size_t bytes        = (size_t) shape_size(actual) * dtype_size(value->dtype);

                store_seal(e->store, plan_run_chunk(held->run, c), bytes);
                slot->bytes.data[slot->bytes.n++] = bytes;
                for (int axis = 0; axis < value->tiling.ndim; axis++)
                        if (value->tiling.axis[axis].extent == UNKNOWN) {
                                slot->length.data[slot->length.n++] = actual->dim[axis];
                                break;
                        }
        }
        memory_give_back(e, held, held->in.n, r < 0 ? held->out.n : 0);
        if (r < 0 && err->code != r)
                error_prefix(err, r, "task");
        event.error  = r < 0 ? err : NULL;
        event.bytes  = slot->bytes.data;
        event.length = slot->length.data;
        e->n_tasks_done += r >= 0;
        if (e->broken.code == 0)
                engine_pump(e, tell_work(e, &event));
        if (work_n_ready(e->work) == 0 && work_n_running(e->work) == 0)
                e->busy_since_usec = 0;
}

/* Without the lock. */
static int task_run(Exec *exec, Held *held, bool first, Error *err) {
        const Plan *plan = held->run->plan;

        err->code = 0;
        for (uint32_t k = 0; k < held->in.n; k++)
                plan_chunk_shape(plan, plan->input_chunk[plan->input_start[held->task] + k], &held->in.data[k].shape);
        return (first ? exec_run : exec_run_next)(exec, plan, held->task, held->in.data, held->out.data, held->scratch,
                                                  &held->run->canceled, err);
}

static void tiny_or_not(Engine *e, bool tiny) {
        e->n_not_tiny = tiny ? 0 : e->n_not_tiny + 1;
        e->tiny       = tiny || (e->tiny && e->n_not_tiny < TINY_ENDS);
}

/* Runs and reports tasks that the slot holds, all but a last one that is not small: nobody shall wait for that to hear
 * of the others. The lock is held before and after. */
static void tasks_run(Engine *e, uint32_t at) {
        Slot *slot   = &e->slot[at];
        uint32_t end = slot->n_held - (slot->n_held - slot->at > 1 && slot->held[slot->n_held - 1].cost >= BATCH_BYTES);
        Error err[TASKS_AT_ONCE];
        int result[TASKS_AT_ONCE];
        uint64_t start, stop;

        (void) pthread_getcpuclockid(pthread_self(), &slot->clock);
        pthread_mutex_unlock(&e->lock); /* calls must wait: the engine cannot go while a task runs */
        start = now_usec();
        __atomic_store_n(&slot->began_usec, start, __ATOMIC_RELAXED);
        for (uint32_t k = slot->at; k < end; k++)
                result[k] = task_run(slot->exec, &slot->held[k], k == slot->at, &err[k]);
        stop = now_usec();
        pthread_mutex_lock(&e->lock);
        __atomic_store_n(&slot->began_usec, 0, __ATOMIC_RELAXED);
        tiny_or_not(e, stop - start < (uint64_t) (end - slot->at) * TINY_USEC);
        if (e->lane) {
                const PlanRun *run = slot->held[slot->at].run;
                const Stage *stage = &run->plan->stage.data[run->plan->task_stage[slot->held[slot->at].task]];

                span_add(&e->lane[at], start, stop, run->id, stage, end - slot->at, stage->label);
        }
        for (; slot->at < end; slot->at++)
                task_report(e, at, slot->at, result[slot->at], &err[slot->at]);
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

static void *helper_main(void *userdata);

void engine_wake(Engine *e) {
        sigset_t all, before;

        if (e->n_idle > 0) {
                pthread_cond_signal(&e->wake);
                return;
        }
        if (e->n_started + e->n_spare_slots >= e->n_slots || e->closing)
                return;
        sigfillset(&all); /* signals are for the program's own threads */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (pthread_create(&e->thread[e->n_started], NULL, helper_main, e) == 0) {
                e->n_started++;
                e->n_alive++;
        } /* else those that are there do it all */
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void engine_leave(Engine *e) {
        if (e->work && work_n_ready(e->work) > 0 && e->n_free_slots > 0 &&
            (!e->tiny || e->n_free_slots == e->n_threads))
                engine_wake(e);
}

static bool worth_waking(const Engine *e, size_t cost) {
        if (work_n_ready(e->work) == 0 || e->n_free_slots == 0)
                return false;
        if (cost >= WAKE_BYTES)
                return true;
        return !e->tiny && (helper_of == e || now_usec() - e->busy_since_usec > WAKE_USEC);
}

/* Tiny tasks of which another thread is in the middle. It goes on with them, or wakes somebody when it leaves. */
static bool left_to_another(const Engine *e) {
        return e->tiny && helper_of == e && e->n_free_slots < e->n_threads;
}

/* Leaves a task that was taken to a helper, if there is any. */
static bool hand_over(Engine *e, uint32_t slot) {
        engine_wake(e);
        if (e->n_alive == 0)
                return false;
        e->handed[e->n_handed++] = slot;
        return true;
}

/* Runs one task on this thread, or several small ones, if there is one and a slot, or hands it over; true if anything
 * happened. The lock is held before and after. */
bool engine_run_one(Engine *e, bool patient) {
        uint32_t at;
        Slot *slot;

        if (patient && e->n_handed > 0)
                at = e->handed[--e->n_handed];
        else {
                Taken taken;

                if (!e->work || e->n_free_slots == 0 || e->broken.code < 0 || left_to_another(e))
                        return false;
                at    = e->free_slot[--e->n_free_slots];
                taken = tasks_take(e, at);
                if (taken != TASK) {
                        slot_give_back(e, at);
                        return taken == FAILURE;
                }
        }
        slot         = &e->slot[at];
        slot->helped = helper_of == e;
        while (slot->at < slot->n_held) {
                const Held *held = &slot->held[slot->at];

                if (!patient && held->takes_long && hand_over(e, at))
                        return true;
                if (worth_waking(e, held->cost))
                        engine_wake(e);
                tasks_run(e, at);
        }
        slot_give_back(e, at);
        if (e->closing)
                pthread_cond_broadcast(&e->changed);
        return true;
}

/* Takes part in an engine_each(); the lock is held before and after. */
static bool help_each(Engine *e) {
        Each *each = e->each;

        while (each && __atomic_load_n(&each->next, __ATOMIC_RELAXED) >= each->n)
                each = each->after;
        if (!each)
                return false;
        each->n_inside++;
        pthread_mutex_unlock(&e->lock);
        for (uint32_t k; (k = __atomic_fetch_add(&each->next, 1, __ATOMIC_RELAXED)) < each->n;)
                each->fn(each->userdata, k);
        pthread_mutex_lock(&e->lock);
        if (--each->n_inside == 0)
                pthread_cond_broadcast(&e->changed);
        return true;
}

bool engine_help(Engine *e, bool patient) {
        return help_each(e) || engine_run_one(e, patient);
}

static void *helper_main(void *userdata) {
        Engine *e = userdata;

        helper_of = e;
        pthread_mutex_lock(&e->lock);
        while (!e->closing || e->n_handed > 0) {
                if (e->calls) { /* they may give the last reference away: hold one, and see */
                        engine_ref(e);
                        engine_unlock(e);
                        engine_unref(e);
                        if (helper_of != e)
                                return NULL;
                        pthread_mutex_lock(&e->lock);
                        continue;
                }
                if (engine_help(e, true))
                        continue;
                e->n_idle++;
                pthread_cond_wait(&e->wake, &e->lock);
                e->n_idle--;
        }
        e->n_alive--;
        helper_of = NULL;
        pthread_cond_broadcast(&e->changed);
        if (!engine_end_lingering(e))
                pthread_mutex_unlock(&e->lock);
        return NULL;
}

void engine_each(Engine *e, uint32_t n, void (*fn)(void *userdata, uint32_t k), void *userdata) {
        Each each = { .fn = fn, .userdata = userdata, .n = n };
        bool shared = n > 1 && engine_enter(e, NULL) == 0;

        if (shared) {
                each.after = e->each;
                e->each    = &each;
                for (uint32_t k = 1; k < MIN(n, e->n_threads); k++)
                        engine_wake(e);
                pthread_mutex_unlock(&e->lock);
        }
        for (uint32_t k; (k = __atomic_fetch_add(&each.next, 1, __ATOMIC_RELAXED)) < n;)
                fn(userdata, k);
        if (!shared)
                return;
        pthread_mutex_lock(&e->lock);
        for (Each **at = &e->each; *at; at = &(*at)->after)
                if (*at == &each) {
                        *at = each.after;
                        break;
                }
        while (each.n_inside > 0)
                pthread_cond_wait(&e->changed, &e->lock);
        engine_unlock(e);
}

