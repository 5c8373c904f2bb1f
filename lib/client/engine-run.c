/* SPDX-License-Identifier: Apache-2.0 */
/* The wiring: what the machines want is done here, by the thread that reports.
 *
 * A task needs one of n_threads slots: its thread number for the worker's machine, an Exec, and the lists of its
 * memory. Any thread may take a free slot: helpers, and callers that wait for a request. Helpers are started when
 * there is work that is worth waking somebody for: many bytes, or more to do although somebody has been at it for a
 * while. */
#include <signal.h>
#include <time.h>

#include "client/engine-inside.h"

enum {
        WAKE_BYTES = 256 << 10, /* to read and write so much takes as long as to wake a thread, 20 µs */
        WAKE_USEC  = 50,        /* a job that takes longer than this may be worth two */
        BLOCK_COST = 8,         /* a byte of a block operator is as much work as this many of others */
        LONG_BYTES = 1 << 20,   /* a task of so much may take a millisecond, or a minute */
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

static int do_sched_action(Engine *e, const SchedAction *a) {
        const SchedActions *lists = &e->sched_actions;

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
                return tell_work(e, &(WorkEvent) { .kind = WORK_FORGET, .plan = a->plan, .drop = a->drop });
        case SCHED_FINISHED:
                return request_finished(e, a);
        case SCHED_RECALL: /* workers that leave */
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
        Slot *slot;

        if (e->reports && a->kind >= WORK_FETCH)
                return report(e, a);
        switch (a->kind) {
        case WORK_START:
                slot          = &e->slot[a->thread];
                slot->started = true;
                slot->run     = a->run;
                slot->task    = a->task;
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
                                                     .length = e->work_actions.length.data + a->first });
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
        case WORK_FETCH: /* from other workers */
        case WORK_RECALLED:
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

/* Gives back what the task got so far: the first n_in inputs and n_out outputs, and scratch. */
static void memory_give_back(Engine *e, Slot *slot, uint32_t n_in, uint32_t n_out) {
        const Plan *plan = slot->run->plan;

        for (uint32_t k = 0; k < n_in; k++)
                store_unpin(e->store, plan_run_chunk(slot->run, plan->input_chunk[plan->input_start[slot->task] + k]));
        for (uint32_t k = 0; k < n_out; k++) {
                uint32_t c = plan->output_chunk[plan->output_start[slot->task] + k];

                if (!work_together(e->work, slot->run->id, plan->chunk_value[c]))
                        store_drop(e->store, plan_run_chunk(slot->run, c));
        }
        store_scratch_free(e->store, slot->scratch, plan->stage.data[plan->task_stage[slot->task]].scratch_bytes);
        slot->scratch = NULL;
}

/* What a task of the stage goes through, in bytes of float64: sources are computed and reductions write next to
 * nothing, so what is read and written does not say it. */
static size_t domain_bytes(const Stage *stage) {
        double n = sizeof(double) / (double) stage->n_task;

        for (int k = 0; k < stage->domain.ndim; k++)
                n *= (double) MAX(stage->domain.axis[k].extent, 1);
        return n < (double) LONG_BYTES ? (size_t) n : LONG_BYTES;
}

/* Pins inputs, reserves outputs and scratch: 0, or what the store says, and then nothing is held. */
static int memory_get(Engine *e, Slot *slot) {
        const PlanRun *run = slot->run;
        const Plan *plan   = run->plan;
        const Stage *stage = &plan->stage.data[plan->task_stage[slot->task]];
        uint32_t n_in      = plan->input_start[slot->task + 1] - plan->input_start[slot->task];
        uint32_t n_out     = plan->output_start[slot->task + 1] - plan->output_start[slot->task];
        size_t cost        = 0;
        int r;

        if (vec_reserve(&slot->in, n_in) < 0 || vec_reserve(&slot->out, n_out) < 0 ||
            vec_reserve(&slot->bytes, n_out) < 0 || vec_reserve(&slot->length, n_out) < 0)
                return -ENOMEM;
        slot->scratch = NULL;
        r             = store_scratch(e->store, stage->scratch_bytes, &slot->scratch);
        if (r != 0)
                return r;
        for (uint32_t k = 0; k < n_out; k++) {
                uint32_t c   = plan->output_chunk[plan->output_start[slot->task] + k];
                ChunkId id   = plan_run_chunk(run, c);
                size_t bytes = plan_chunk_bytes(plan, c);

                if (!work_together(e->work, run->id, plan->chunk_value[c])) {
                        r = store_reserve(e->store, 1, &id, &bytes);
                        if (r != 0) {
                                memory_give_back(e, slot, 0, k);
                                return r;
                        }
                }
                slot->out.data[k].data = store_writable(e->store, id);
                plan_chunk_shape(plan, c, &slot->out.data[k].shape);
                cost += bytes;
        }
        for (uint32_t k = 0; k < n_in; k++) {
                uint32_t c = plan->input_chunk[plan->input_start[slot->task] + k];
                const char *data;
                size_t bytes;

                r = store_pin(e->store, plan_run_chunk(run, c), &data, &bytes);
                assert(r == 0); /* the machine started the task because it is here */
                slot->in.data[k].data = (char *) (uintptr_t) data;
                plan_chunk_shape(plan, c, &slot->in.data[k].shape);
                cost += bytes;
        }
        slot->in.n = n_in;
        slot->out.n = n_out;
        slot->cost = MAX(stage->kind == STAGE_BLOCK ? cost * BLOCK_COST : cost, domain_bytes(stage));
        return 0;
}

typedef enum Taken { NOTHING, TASK, FAILURE } Taken;

/* Asks the machine for a task and gets its memory. NOTHING to do, or no room while others run; a TASK; or the FAILURE
 * of one that can never run, so that there is news. */
static Taken task_take(Engine *e, uint32_t thread) {
        Slot *slot        = &e->slot[thread];
        uint64_t n_failed = e->n_tasks_failed, n_refused = e->n_refused_at_once;
        int r;

        for (;;) {
                if (work_n_ready(e->work) == 0)
                        return NOTHING;
                slot->started = false;
                engine_pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_NEXT, .thread = thread }));
                if (e->broken.code < 0)
                        return FAILURE;
                if (!slot->started) {
                        if (e->n_tasks_failed != n_failed)
                                return FAILURE;
                        if (e->n_refused_at_once == n_refused)
                                return NOTHING;
                        n_refused = e->n_refused_at_once;
                        continue; /* the answer was there before the machine could wait for it */
                }
                r = slot->exec ? 0 : exec_new(&slot->exec);
                if (r == 0)
                        r = memory_get(e, slot);
                if (r == 0)
                        break;
                engine_pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_REFUSED, .thread = thread }));
                if (e->broken.code < 0)
                        return FAILURE;
        }
        if (e->busy_since_usec == 0)
                e->busy_since_usec = now_usec();
        return TASK;
}

/* Reports the task; r and err are what exec_run() said. */
static void task_report(Engine *e, uint32_t thread, int r, Error *err) {
        Slot *slot       = &e->slot[thread];
        const Plan *plan = slot->run->plan;
        WorkEvent event  = { .kind = WORK_FINISHED, .thread = thread };

        slot->bytes.n = slot->length.n = 0;
        for (uint32_t k = 0; k < slot->out.n && r >= 0; k++) {
                uint32_t c          = plan->output_chunk[plan->output_start[slot->task] + k];
                const Value *value  = &plan->value.data[plan->chunk_value[c]];
                const Shape *actual = &slot->out.data[k].shape;
                size_t bytes        = (size_t) shape_size(actual) * dtype_size(value->dtype);

                store_seal(e->store, plan_run_chunk(slot->run, c), bytes);
                slot->bytes.data[slot->bytes.n++] = bytes;
                for (int axis = 0; axis < value->tiling.ndim; axis++)
                        if (value->tiling.axis[axis].extent == UNKNOWN) {
                                slot->length.data[slot->length.n++] = actual->dim[axis];
                                break;
                        }
        }
        memory_give_back(e, slot, slot->in.n, r < 0 ? slot->out.n : 0);
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

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

static void *helper_main(void *userdata);

void engine_wake(Engine *e) {
        sigset_t all, before;

        if (e->n_idle > 0) {
                pthread_cond_signal(&e->wake);
                return;
        }
        if (e->n_started == e->n_threads || e->closing)
                return;
        sigfillset(&all); /* signals are for the program's own threads */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (pthread_create(&e->thread[e->n_started], NULL, helper_main, e) == 0) {
                e->n_started++;
                e->n_alive++;
        } /* else those that are there do it all */
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool worth_waking(const Engine *e, const Slot *slot) {
        if (work_n_ready(e->work) == 0 || e->n_free_slots == 0)
                return false;
        return helper_of == e || slot->cost >= WAKE_BYTES || now_usec() - e->busy_since_usec > WAKE_USEC;
}

/* Leaves a task that was taken to a helper, if there is any. */
static bool hand_over(Engine *e, uint32_t thread) {
        engine_wake(e);
        if (e->n_alive == 0)
                return false;
        e->handed[e->n_handed++] = thread;
        return true;
}

/* Runs one task on this thread, if there is one and a slot, or hands it over; true if anything happened. The lock is
 * held before and after. */
bool engine_run_one(Engine *e, bool patient) {
        Error err = {};
        uint32_t thread;
        Taken taken;
        Slot *slot;
        int r;

        if (patient && e->n_handed > 0) {
                thread = e->handed[--e->n_handed];
                slot   = &e->slot[thread];
        } else {
                if (!e->work || e->n_free_slots == 0 || e->broken.code < 0)
                        return false;
                thread = e->free_slot[--e->n_free_slots];
                slot   = &e->slot[thread];
                taken  = task_take(e, thread);
                if (taken != TASK) {
                        e->free_slot[e->n_free_slots++] = thread;
                        return taken == FAILURE;
                }
        }
        if (!patient && slot->cost >= LONG_BYTES && hand_over(e, thread))
                return true;
        if (worth_waking(e, slot))
                engine_wake(e);
        pthread_mutex_unlock(&e->lock); /* calls must wait: the engine cannot go while a task runs */
        r = exec_run(slot->exec, slot->run->plan, slot->task, slot->in.data, slot->out.data, slot->scratch,
                     &slot->run->canceled, &err);
        pthread_mutex_lock(&e->lock);
        task_report(e, thread, r, &err);
        e->free_slot[e->n_free_slots++] = thread;
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
        pthread_cond_broadcast(&e->changed);
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

