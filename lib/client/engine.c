/* SPDX-License-Identifier: Apache-2.0 */
/* The wiring of the cluster of one. All state is behind one lock; a thread that holds it steps a machine and carries out the
 * actions of both until none is left (pump). Without the lock threads do one thing only: exec_run() on pinned memory.
 *
 * A task needs one of n_threads slots: its thread number for the worker's machine, an Exec, and the lists of its memory. Any
 * thread may take a free slot: helpers, and callers that wait for a request. Helpers are started when there is work that is
 * worth waking somebody for: many bytes, or more to do although somebody has been at it for a while (see worth_waking).
 *
 * Callbacks (on_done, release of foreign memory) run after the lock has been given up, on whatever thread that was. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "client/engine.h"
#include "exec/exec.h"
#include "sched/work.h"

enum {
        WORKER     = 0,         /* the only one */
        WAKE_BYTES = 256 << 10, /* to read and write so much takes as long as to wake a thread, 20 µs */
        WAKE_USEC  = 50,        /* a job that takes longer than this may be worth two */
        BLOCK_COST = 8,         /* a byte of a block operator is as much work as this many of others */
};

typedef struct Call {
        void (*fn)(void *userdata);
        void *userdata;
        struct Call *next;
} Call;

struct EngineRequest {
        Engine *engine;
        uint64_t id;
        uint32_t n_refs;        /* of callers; they hold one reference of the engine together */
        bool running, done, taken, closing;
        uint32_t n_wanted;
        TensorId *tensor;       /* [n_wanted] when it has succeeded */
        uint64_t n_done;        /* tasks, once it is done */
        Error outcome;
        Call *calls;
};

/* What a task that runs needs. */
typedef struct Slot {
        Exec *exec;
        bool started;           /* the machine has said START */
        PlanRun *run;
        uint32_t task;
        Vec(ChunkMemory) in, out;
        Vec(size_t) bytes;
        Vec(int64_t) length;
        char *scratch;
        size_t cost;            /* bytes to move, roughly */
} Slot;

/* Pieces for engine_each(). */
typedef struct Each {
        void (*fn)(void *userdata, uint32_t k);
        void *userdata;
        uint32_t n, next, n_inside;
        struct Each *after;
} Each;

struct Engine {
        pthread_mutex_t lock;
        pthread_cond_t wake;    /* for those who could compute: tasks became ready, a request is done */
        pthread_cond_t changed; /* for those who only wait: a request is done, a thread has ended */
        uint32_t n_refs;        /* atomic */
        pid_t pid;
        bool closing, closed;
        Error broken;           /* a machine ran out of memory: nothing works any more */

        Store *store;
        Sched *sched;
        Work *work;
        SchedActions sched_actions;
        WorkActions work_actions;
        uint32_t sched_at, work_at; /* what is carried out already */

        Map requests;           /* id -> EngineRequest * */
        uint64_t next_request, n_tasks_done;
        Call *calls;            /* to be made when the lock is given up */
        Each *each;

        uint32_t n_threads;
        Slot *slot;             /* [n_threads] */
        uint32_t *free_slot, n_free_slots;
        pthread_t *thread;      /* [n_threads] helpers that were started */
        uint32_t n_started, n_alive, n_idle;
        uint64_t busy_since_usec; /* when the first of the tasks started without a break */
};

/* The engine whose helper this thread is. */
static _Thread_local Engine *helper_of;

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* Takes the lock; false in a child of fork(), where nobody may know who held it. */
static bool engine_lock(Engine *e) {
        if (e->pid != getpid())
                return false;
        pthread_mutex_lock(&e->lock);
        return true;
}

/* Takes the lock of an engine that works: 0, or the error with words, and no lock. */
static int engine_enter(Engine *e, Error *err) {
        int r = 0;

        if (!engine_lock(e))
                return error_set(err, ERROR_CLOSED, "this session belongs to the parent process: make a new one after fork()");
        if (e->closing)
                r = error_set(err, ERROR_CLOSED, "the session is closed");
        else if (e->broken.code < 0)
                r = error_set(err, e->broken.code, "%s", e->broken.text);
        if (r < 0)
                pthread_mutex_unlock(&e->lock);
        return r;
}

/* ---- Calls that need no lock held -------------------------------------------------------------------------------------- */

/* Gives up the lock and makes the calls that came up. */
static void engine_unlock(Engine *e) {
        Call *call = e->calls;

        e->calls = NULL;
        pthread_mutex_unlock(&e->lock);
        while (call) {
                Call *next = call->next;

                call->fn(call->userdata);
                free(call);
                call = next;
        }
}

/* Memory of somebody else, shared by the chunks of one tensor. */
typedef struct Adopted {
        Engine *engine;
        uint64_t n_chunks;
        Call *call;
} Adopted;

static void adopted_release(void *userdata) {
        Adopted *a = userdata;

        if (--a->n_chunks > 0)
                return;
        a->call->next    = a->engine->calls;
        a->engine->calls = a->call;
        free(a);
}

/* ---- Requests end ------------------------------------------------------------------------------------------------------ */

static void request_free(EngineRequest *q) {
        free(q->tensor);
        free(q);
}

static void request_done(Engine *e, EngineRequest *q) {
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

/* A machine could not get memory for its own lists: nobody knows any more what is where. */
static void engine_break(Engine *e) {
        error_set(&e->broken, ERROR_MEMORY, "the session has run out of memory for its own lists and cannot go on");
        for (uint32_t k = 0; k < e->requests.capacity;) {
                EngineRequest *q = (EngineRequest *) (uintptr_t) e->requests.entry[k].value;

                if (q) {
                        q->outcome = e->broken;
                        request_done(e, q);
                } else
                        k++;
        }
        sched_actions_clear(&e->sched_actions);
        work_actions_clear(&e->work_actions);
        e->sched_at = e->work_at = 0;
}

/* ---- The machines ------------------------------------------------------------------------------------------------------- */

static int tell_sched(Engine *e, const SchedEvent *event) {
        return sched_step(e->sched, event, &e->sched_actions);
}

static int tell_work(Engine *e, const WorkEvent *event) {
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
                        r = tell_sched(e, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = e->sched_actions.tensor.data[a->first + k] });
        request_done(e, q);
        return r;
}

static int do_sched_action(Engine *e, const SchedAction *a) {
        const SchedActions *lists = &e->sched_actions;

        switch (a->kind) {
        case SCHED_PLAN:
                return tell_work(e, &(WorkEvent) { .kind = WORK_PLAN, .run = a->run });
        case SCHED_RUN:
                return tell_work(e, &(WorkEvent) { .kind = WORK_RUN, .plan = a->plan, .n = a->n, .task = lists->task.data + a->first });
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
                        store_drop(e->store, a->chunk + k);
                return 0;
        case WORK_DONE:
                return tell_sched(e, &(SchedEvent) { .kind   = SCHED_DONE,
                                                     .worker = WORKER,
                                                     .plan   = a->plan,
                                                     .n      = 1,
                                                     .task   = &a->task,
                                                     .length = e->work_actions.length.data + a->first });
        case WORK_FAILED:
                return tell_sched(e, &(SchedEvent) {
                                             .kind = SCHED_FAILED, .worker = WORKER, .plan = a->plan, .n = 1, .task = &a->task, .error = a->error });
        case WORK_FORGOTTEN:
                return tell_sched(e, &(SchedEvent) { .kind = SCHED_FORGOTTEN, .worker = WORKER, .plan = a->plan });
        case WORK_FETCH: /* from other workers */
        case WORK_RECALLED:
                break;
        }
        assert(false);
        return 0;
}

/* Carries out what the machines want until they want nothing. `r` is what the step before returned. */
static void pump(Engine *e, int r) {
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

/* ---- Tasks ---------------------------------------------------------------------------------------------------------------- */

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

/* Pins inputs, reserves outputs and scratch: 0, or what the store says, and then nothing is held. */
static int memory_get(Engine *e, Slot *slot) {
        const PlanRun *run = slot->run;
        const Plan *plan   = run->plan;
        const Stage *stage = &plan->stage.data[plan->task_stage[slot->task]];
        uint32_t n_in      = plan->input_start[slot->task + 1] - plan->input_start[slot->task];
        uint32_t n_out     = plan->output_start[slot->task + 1] - plan->output_start[slot->task];
        size_t cost        = 0;
        int r;

        if (vec_reserve(&slot->in, n_in) < 0 || vec_reserve(&slot->out, n_out) < 0 || vec_reserve(&slot->bytes, n_out) < 0 ||
            vec_reserve(&slot->length, n_out) < 0)
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
        slot->cost = stage->kind == STAGE_BLOCK ? cost * BLOCK_COST : cost;
        return 0;
}

typedef enum Taken { NOTHING, TASK, FAILURE } Taken;

/* Asks the machine for a task and gets its memory. NOTHING to do, or no room while others run; a TASK; or the FAILURE of one
 * that can never run, so that there is news. */
static Taken task_take(Engine *e, uint32_t thread) {
        Slot *slot = &e->slot[thread];
        int r;

        for (;;) {
                uint32_t n_ready = work_n_ready(e->work);

                if (n_ready == 0)
                        return NOTHING;
                slot->started = false;
                pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_NEXT, .thread = thread }));
                if (e->broken.code < 0)
                        return FAILURE;
                if (!slot->started)
                        return work_n_ready(e->work) == n_ready ? NOTHING : FAILURE;
                r = slot->exec ? 0 : exec_new(&slot->exec);
                if (r == 0)
                        r = memory_get(e, slot);
                if (r == 0)
                        break;
                pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_REFUSED, .thread = thread }));
                if (e->broken.code < 0)
                        return FAILURE;
        }
        if (work_n_running(e->work) == 1)
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
                pump(e, tell_work(e, &event));
}

/* ---- Threads -------------------------------------------------------------------------------------------------------------- */

static void *helper_main(void *userdata);

/* Wakes or starts one thread, if there is one and something that it could do. */
static void wake_one(Engine *e) {
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

/* Runs one task on this thread, if there is one and a slot; true if anything happened. The lock is held before and after. */
static bool run_one(Engine *e) {
        Error err = {};
        uint32_t thread;
        Taken taken;
        Slot *slot;
        int r;

        if (e->n_free_slots == 0 || e->broken.code < 0)
                return false;
        thread = e->free_slot[--e->n_free_slots];
        slot   = &e->slot[thread];
        taken  = task_take(e, thread);
        if (taken != TASK) {
                e->free_slot[e->n_free_slots++] = thread;
                return taken == FAILURE;
        }
        if (worth_waking(e, slot))
                wake_one(e);
        pthread_mutex_unlock(&e->lock); /* calls must wait: the engine cannot go while a task runs */
        r = exec_run(slot->exec, slot->run->plan, slot->task, slot->in.data, slot->out.data, slot->scratch, &slot->run->canceled, &err);
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

static void *helper_main(void *userdata) {
        Engine *e = userdata;

        helper_of = e;
        pthread_mutex_lock(&e->lock);
        while (!e->closing) {
                if (e->calls) { /* they may give the last reference away: hold one, and see */
                        engine_ref(e);
                        engine_unlock(e);
                        engine_unref(e);
                        if (helper_of != e)
                                return NULL;
                        pthread_mutex_lock(&e->lock);
                        continue;
                }
                if (help_each(e) || run_one(e))
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
                        wake_one(e);
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

/* ---- The engine ------------------------------------------------------------------------------------------------------------ */

static uint32_t cpu_count(void) {
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t) MAX(CPU_COUNT(&set), 1) : 1;
}

/* What is left when nobody refers to the engine any more; also of one that is half made. */
static void engine_free(Engine *e) {
        for (uint32_t k = 0; k < e->n_started; k++)
                if (pthread_equal(e->thread[k], pthread_self()))
                        pthread_detach(e->thread[k]); /* a callback had the last reference */
                else
                        pthread_join(e->thread[k], NULL);
        if (helper_of == e)
                helper_of = NULL;
        sched_free(e->sched);
        work_free(e->work);
        if (e->store && e->broken.code == 0) {
                StoreStats stats;

                store_stats(e->store, &stats);
                assert(stats.n_pins == 0 && stats.n_chunks == 0 && stats.used_bytes == 0);
        }
        store_free(e->store);
        for (uint32_t k = 0; k < e->n_threads && e->slot; k++) {
                exec_free(e->slot[k].exec);
                vec_free(&e->slot[k].in);
                vec_free(&e->slot[k].out);
                vec_free(&e->slot[k].bytes);
                vec_free(&e->slot[k].length);
        }
        free(e->slot);
        free(e->free_slot);
        free(e->thread);
        map_done(&e->requests);
        sched_actions_done(&e->sched_actions);
        work_actions_done(&e->work_actions);
        pthread_mutex_destroy(&e->lock);
        pthread_cond_destroy(&e->wake);
        pthread_cond_destroy(&e->changed);
        free(e);
}
DEFINE_CLEANUP(Engine *, engine_free)

int engine_new(Engine **ret, const EngineConfig *config, Error *err) {
        _cleanup_(engine_freep) Engine *e = calloc(1, sizeof(*e));
        pthread_condattr_t attr;
        StoreStats stats;
        int r;

        if (!e)
                return error_oom(err, sizeof(*e));
        pthread_mutex_init(&e->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&e->wake, &attr);
        pthread_cond_init(&e->changed, &attr);
        pthread_condattr_destroy(&attr);
        e->n_refs    = 1;
        e->pid       = getpid();
        e->n_threads = config && config->n_threads ? config->n_threads : cpu_count();
        e->slot      = calloc(e->n_threads, sizeof(*e->slot));
        e->free_slot = calloc(e->n_threads, sizeof(*e->free_slot));
        e->thread    = calloc(e->n_threads, sizeof(*e->thread));
        if (!e->slot || !e->free_slot || !e->thread)
                return error_oom(err, e->n_threads * sizeof(*e->slot));
        while (e->n_free_slots < e->n_threads) {
                e->free_slot[e->n_free_slots] = e->n_threads - 1 - e->n_free_slots;
                e->n_free_slots++;
        }
        r = store_new(&e->store, &(StoreConfig) { .capacity_bytes = config ? config->memory_bytes : 0 }, err);
        if (r < 0)
                return r;
        store_stats(e->store, &stats);
        r = sched_new(&e->sched, true, plan_make);
        if (r == 0)
                r = work_new(&e->work, e->n_threads, stats.capacity_bytes);
        if (r == 0)
                r = tell_sched(e, &(SchedEvent) { .kind = SCHED_JOINED, .worker = WORKER });
        if (r < 0)
                return error_oom(err, sizeof(*e));
        *ret = TAKE_PTR(e);
        return 0;
}

/* Ends all requests, with the error. */
static void cancel_all(Engine *e, const Error *err) {
        for (uint32_t k = 0; k < e->requests.capacity && e->broken.code == 0;) {
                EngineRequest *q = (EngineRequest *) (uintptr_t) e->requests.entry[k].value;

                if (!q || q->closing) {
                        k++;
                        continue;
                }
                q->closing = true; /* it stays in the table until its tasks have ended */
                pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_CANCEL, .request = q->id, .error = err }));
        }
}

void engine_close(Engine *e) {
        Error err = {};

        if (!engine_lock(e))
                return;
        error_set(&err, ERROR_CLOSED, "the session was closed");
        if (e->closing) {
                while (!e->closed && helper_of != e)
                        pthread_cond_wait(&e->changed, &e->lock);
                engine_unlock(e);
                return;
        }
        __atomic_store_n(&e->closing, true, __ATOMIC_RELAXED); /* engine_closed() reads it without the lock */
        cancel_all(e, &err);
        pthread_cond_broadcast(&e->wake);
        while (e->requests.n > 0 || e->n_free_slots < e->n_threads || e->n_alive > (helper_of == e))
                pthread_cond_wait(&e->changed, &e->lock);
        if (e->broken.code == 0)
                pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_CLOSE }));
        if (e->broken.code == 0) {
                WorkStats stats;

                work_stats(e->work, &stats);
                assert(stats.n_chunks == 0 && stats.n_tasks == 0 && stats.n_plans == 0 && stats.used_bytes == 0);
        }
        e->closed = true;
        pthread_cond_broadcast(&e->changed);
        engine_unlock(e);
}

/* Callers hold locks of their own, so it waits for nobody. */
bool engine_closed(Engine *e) {
        return e->pid != getpid() || __atomic_load_n(&e->closing, __ATOMIC_RELAXED);
}

Engine *engine_ref(Engine *e) {
        __atomic_fetch_add(&e->n_refs, 1, __ATOMIC_RELAXED);
        return e;
}

Engine *engine_unref(Engine *e) {
        if (!e || e->pid != getpid())
                return NULL;
        if (__atomic_sub_fetch(&e->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        engine_close(e);
        engine_free(e);
        return NULL;
}

void engine_stats(Engine *e, EngineStats *ret) {
        SchedStats sched;

        *ret = (EngineStats) {};
        if (!engine_lock(e))
                return;
        sched_stats(e->sched, &sched);
        *ret = (EngineStats) { .n_tensors    = sched.n_tensors,
                               .n_requests   = e->requests.n,
                               .n_tasks_done = e->n_tasks_done,
                               .n_threads    = e->n_threads };
        store_stats(e->store, &ret->store);
        pthread_mutex_unlock(&e->lock);
}

/* ---- Requests ---------------------------------------------------------------------------------------------------------------- */

int engine_submit(Engine *e, Graph *graph, bool background, EngineRequest **ret, Error *err) {
        EngineRequest *q = calloc(1, sizeof(*q));
        int r            = q ? 0 : error_oom(err, sizeof(*q));

        if (r == 0) {
                q->n_wanted = graph->wanted.n;
                q->tensor   = calloc(q->n_wanted + 1, sizeof(*q->tensor));
                if (!q->tensor)
                        r = error_oom(err, q->n_wanted * sizeof(*q->tensor));
        }
        if (r == 0)
                r = engine_enter(e, err);
        if (r == 0) {
                q->id = ++e->next_request;
                if (map_set(&e->requests, q->id, (uintptr_t) q) < 0) {
                        r = error_oom(err, sizeof(*e->requests.entry));
                        pthread_mutex_unlock(&e->lock);
                }
        }
        if (r < 0) {
                if (q)
                        request_free(q);
                graph_free(graph);
                return r;
        }
        q->engine  = engine_ref(e);
        q->running = true;
        q->n_refs  = 1;
        pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_SUBMIT, .request = q->id, .graph = graph }));
        if (background && work_n_ready(e->work) > 0 && e->n_free_slots > 0)
                wake_one(e);
        engine_unlock(e);
        *ret = q;
        return 0;
}

int engine_wait(EngineRequest *q, uint64_t timeout_usec, Error *err) {
        Engine *e         = q->engine;
        bool for_ever     = timeout_usec > UINT64_MAX / 2;
        uint64_t deadline = for_ever ? 0 : now_usec() + timeout_usec;
        struct timespec at = { .tv_sec = (time_t) (deadline / 1000000), .tv_nsec = (long) (deadline % 1000000 * 1000) };
        int r;

        if (!engine_lock(e))
                return engine_enter(e, err);
        while (!q->done && (for_ever || now_usec() < deadline)) {
                if (e->calls) {
                        engine_unlock(e);
                        pthread_mutex_lock(&e->lock);
                        continue;
                }
                if (help_each(e) || run_one(e))
                        continue;
                e->n_idle++;
                if (for_ever)
                        pthread_cond_wait(&e->wake, &e->lock);
                else
                        pthread_cond_timedwait(&e->wake, &e->lock, &at);
                e->n_idle--;
        }
        r = q->done ? q->outcome.code : ENGINE_PENDING;
        if (r < 0)
                error_set(err, r, "%s", q->outcome.text);
        else if (r == ENGINE_PENDING && work_n_ready(e->work) > 0 && e->n_free_slots > 0)
                wake_one(e); /* somebody must go on */
        engine_unlock(e);
        return r;
}

bool engine_request_done(EngineRequest *q) {
        bool done = true;

        if (engine_lock(q->engine)) {
                done = q->done;
                pthread_mutex_unlock(&q->engine->lock);
        }
        return done;
}

void engine_request_progress(EngineRequest *q, uint64_t *ret_done, uint64_t *ret_total) {
        *ret_done = *ret_total = 0;
        if (!engine_lock(q->engine))
                return;
        if (q->done || !sched_progress(q->engine->sched, q->id, ret_done, ret_total))
                *ret_done = *ret_total = q->n_done;
        pthread_mutex_unlock(&q->engine->lock);
}

void engine_request_cancel(EngineRequest *q) {
        Engine *e = q->engine;
        Error err = {};

        if (!engine_lock(e))
                return;
        error_set(&err, ERROR_CANCELED, "the work was canceled");
        if (!q->done && e->broken.code == 0)
                pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_CANCEL, .request = q->id, .error = &err }));
        engine_unlock(e);
}

int engine_request_on_done(EngineRequest *q, void (*fn)(void *userdata), void *userdata) {
        Engine *e  = q->engine;
        Call *call = malloc(sizeof(*call));

        if (!call)
                return -ENOMEM;
        if (!engine_lock(e)) {
                free(call);
                return ERROR_CLOSED;
        }
        *call = (Call) { .fn = fn, .userdata = userdata };
        if (q->done) {
                call->next = e->calls;
                e->calls   = call;
        } else {
                call->next = q->calls;
                q->calls   = call;
        }
        engine_unlock(e);
        return 0;
}

int engine_request_take(EngineRequest *q, TensorId *ret) {
        int r = ENGINE_ABSENT;

        if (!engine_lock(q->engine))
                return ERROR_CLOSED;
        if (q->done && q->outcome.code == 0 && !q->taken) {
                for (uint32_t k = 0; k < q->n_wanted; k++)
                        ret[k] = q->tensor[k];
                q->taken = true;
                r        = 0;
        }
        pthread_mutex_unlock(&q->engine->lock);
        return r;
}

EngineRequest *engine_request_ref(EngineRequest *q) {
        if (engine_lock(q->engine)) {
                q->n_refs++;
                pthread_mutex_unlock(&q->engine->lock);
        }
        return q;
}

EngineRequest *engine_request_unref(EngineRequest *q) {
        Engine *e = q ? q->engine : NULL;

        if (!q || !engine_lock(e))
                return NULL;
        if (--q->n_refs > 0) {
                pthread_mutex_unlock(&e->lock);
                return NULL;
        }
        if (q->done) {
                for (uint32_t k = 0; k < q->n_wanted && q->outcome.code == 0 && !q->taken && !e->closing && e->broken.code == 0; k++)
                        pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = q->tensor[k] }));
                request_free(q);
        } /* else it ends by itself, and its results with it */
        engine_unlock(e);
        engine_unref(e);
        return NULL;
}

/* ---- Tensors ------------------------------------------------------------------------------------------------------------------- */

int engine_tensor(Engine *e, TensorId id, const Spec **ret_spec, const Tiling **ret_tiling) {
        const SchedTensor *t;
        int r = engine_enter(e, NULL);

        if (r < 0)
                return r;
        t = sched_tensor(e->sched, id);
        if (t) {
                *ret_spec   = &t->spec;
                *ret_tiling = &t->tiling;
        }
        pthread_mutex_unlock(&e->lock);
        return t ? 0 : ENGINE_ABSENT;
}

int engine_retain(Engine *e, TensorId id) {
        SchedTensor *t;
        int r = engine_enter(e, NULL);

        if (r < 0)
                return r;
        t = sched_tensor(e->sched, id);
        if (t)
                t->n_refs++;
        pthread_mutex_unlock(&e->lock);
        return t ? 0 : ENGINE_ABSENT;
}

void engine_release(Engine *e, TensorId id) {
        if (engine_enter(e, NULL) < 0)
                return;
        pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = id }));
        engine_unlock(e);
}

static size_t tiling_chunk_bytes(const Tiling *tiling, DType dtype, uint64_t chunk) {
        Box box;

        tiling_box(tiling, chunk, &box);
        return (size_t) box_size(&box) * dtype_size(dtype);
}

/* The tensor is the scheduler's; puts its chunks into the store and tells the worker. */
static int adopt_chunks(Engine *e, const SchedTensor *t, const char *const *data, Adopted *adopted) {
        uint32_t k = 0;
        int r;

        for (r = 0; k < t->n_chunks && r == 0; k += r == 0)
                r = store_adopt(e->store, t->chunk_first + k, data[k], tiling_chunk_bytes(&t->tiling, t->spec.dtype, k), adopted_release,
                                adopted);
        if (r < 0) {
                adopted->n_chunks = k;
                while (k-- > 0)
                        store_drop(e->store, t->chunk_first + k);
                return r;
        }
        pump(e, tell_work(e, &(WorkEvent) { .kind = WORK_ADOPT, .chunk = t->chunk_first, .n = t->n_chunks }));
        return 0;
}

int engine_adopt(Engine *e, const Spec *spec, const Tiling *tiling, const char *const *data, void (*release)(void *userdata),
                 void *userdata, TensorId *ret, Error *err) {
        Adopted *adopted = malloc(sizeof(*adopted));
        Call *call       = malloc(sizeof(*call));
        bool in_store    = false;
        int r            = adopted && call ? engine_enter(e, err) : error_oom(err, sizeof(*adopted));

        if (r == 0) {
                *call    = (Call) { .fn = release, .userdata = userdata };
                *adopted = (Adopted) { .engine = e, .n_chunks = tiling_n_chunks(tiling), .call = call };
                r        = sched_adopt(e->sched, spec, tiling, WORKER, ret);
                if (r == 0) {
                        r        = adopt_chunks(e, sched_tensor(e->sched, *ret), data, adopted);
                        in_store = r == 0 || adopted->n_chunks > 0;
                        if (r < 0)
                                pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = *ret }));
                }
                if (r < 0)
                        error_oom(err, tiling_n_chunks(tiling) * sizeof(uint64_t));
                engine_unlock(e);
        }
        if (r < 0 && !in_store) {
                free(adopted);
                free(call);
                release(userdata);
        }
        return r;
}

/* ---- Pins ------------------------------------------------------------------------------------------------------------------------ */

static const char nothing[64] __attribute__((aligned(64))); /* where an empty array lies */

/* The chunks, if they lie one behind the other in the order of the tensor's elements. */
static const char *pin_contiguous(const EnginePin *pin) {
        const char *first = NULL, *end = NULL;

        if (!tiling_is_rows(&pin->tiling))
                return NULL;
        for (uint64_t k = 0; k < pin->n_chunks; k++) {
                size_t bytes = tiling_chunk_bytes(&pin->tiling, pin->spec.dtype, k);

                if (bytes == 0)
                        continue;
                if (first && pin->data[k] != end)
                        return NULL;
                first = first ?: pin->data[k];
                end   = pin->data[k] + bytes;
        }
        return first ?: nothing;
}

static int pin_new(const SchedTensor *t, EnginePin **ret) {
        size_t n_edges = 0;
        EnginePin *pin;
        int64_t *edge;

        for (int k = 0; k < t->tiling.ndim; k++)
                n_edges += t->tiling.axis[k].edge ? t->tiling.axis[k].n + 1 : 0;
        pin = calloc(1, sizeof(*pin) + t->n_chunks * sizeof(*pin->data) + n_edges * sizeof(*edge));
        if (!pin)
                return -ENOMEM;
        pin->data        = (const char **) (pin + 1);
        pin->n_chunks    = t->n_chunks;
        pin->chunk_first = t->chunk_first;
        pin->spec        = t->spec;
        pin->tiling      = t->tiling;
        edge             = (int64_t *) (pin->data + t->n_chunks);
        for (int k = 0; k < t->tiling.ndim; k++)
                if (t->tiling.axis[k].edge) {
                        memcpy(edge, t->tiling.axis[k].edge, (t->tiling.axis[k].n + 1) * sizeof(*edge));
                        pin->tiling.axis[k].edge = edge;
                        edge += t->tiling.axis[k].n + 1;
                }
        *ret = pin;
        return 0;
}

int engine_pin(Engine *e, TensorId id, EnginePin **ret, Error *err) {
        const SchedTensor *t;
        EnginePin *pin = NULL;
        int r          = engine_enter(e, err);

        if (r < 0)
                return r;
        t = sched_tensor(e->sched, id);
        r = t ? pin_new(t, &pin) : ENGINE_ABSENT;
        if (r < 0)
                error_oom(err, t->n_chunks * sizeof(*pin->data));
        for (uint64_t k = 0; r == 0 && k < pin->n_chunks; k++) {
                size_t bytes;
                int found = store_pin(e->store, pin->chunk_first + k, &pin->data[k], &bytes);

                assert(found == 0 && bytes == tiling_chunk_bytes(&pin->tiling, pin->spec.dtype, k));
        }
        engine_unlock(e);
        if (r != 0)
                return r;
        pin->engine     = engine_ref(e);
        pin->contiguous = pin_contiguous(pin);
        *ret            = pin;
        return 0;
}

EnginePin *engine_unpin(EnginePin *pin) {
        Engine *e = pin ? pin->engine : NULL;

        if (!pin || !engine_lock(e))
                return NULL;
        for (uint64_t k = 0; k < pin->n_chunks; k++)
                store_unpin(e->store, pin->chunk_first + k);
        engine_unlock(e);
        free(pin);
        engine_unref(e);
        return NULL;
}
