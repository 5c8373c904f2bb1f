/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that are here or awaited, tasks that were given, a heap of those that are ready.
 *
 * A chunk is ABSENT (awaited by tasks), FETCHING (on its way), or HERE. `uses` counts the tasks given to us that
 * read it. What was fetched is a copy, which is ours to free after the last use; everything else the scheduler
 * drops, when nobody anywhere will read it. A chunk that is dropped while a task still reads it (the task is being
 * called back, or runs in vain) goes after its last use; until then no task may start that would make it anew.
 *
 * The ledger: used_bytes is the sum over chunks here or on their way, what running tasks have reserved, and values
 * reserved together. Each part is rounded up as the store does it. It predicts the store; the store decides
 * (WORK_REFUSED). */
#include "base/idmap.h"
#include "sched/work.h"

#define NONE UINT32_MAX
enum { ROUND_BYTES = 64 };

typedef enum ChunkState { CHUNK_ABSENT, CHUNK_FETCHING, CHUNK_HERE } ChunkState;

typedef struct Chunk {
        uint64_t id;
        size_t bytes;       /* in the ledger */
        uint32_t uses;
        uint32_t waiting;   /* first Wait, or NONE; also chains unused entries */
        uint32_t from;      /* FETCHING */
        uint8_t state;      /* ChunkState */
        bool copy, dropped;
} Chunk;

typedef enum TaskState { TASK_UNUSED, TASK_WAITING, TASK_READY, TASK_RUNNING } TaskState;

typedef struct Task {
        uint32_t plan;      /* index of its Job */
        uint32_t task, position;
        uint32_t missing;   /* inputs that are not here */
        uint64_t refused_at; /* value of n_freed when memory for it could not be had */
        size_t bytes;       /* RUNNING: reserved for it */
        TaskState state;
        uint32_t next_unused;
} Task;

typedef struct Wait {
        uint32_t task, next;
} Wait;

/* Ready tasks in the order of plans and of their positions in them. */
typedef struct Ready {
        uint64_t plan;
        uint32_t position, task;
} Ready;

typedef enum Together { TOGETHER_OPEN, TOGETHER_YES, TOGETHER_NO } Together;

/* A plan that we know of. */
typedef struct Job {
        PlanRun *run;       /* NULL: unused */
        uint8_t *together;  /* [value] Together; NULL while nothing is */
        uint32_t n_running;
        bool ending, drop;
} Job;

struct Work {
        size_t memory_bytes, used_bytes;
        uint64_t n_freed;    /* grows whenever memory becomes free */
        IdMap chunks;        /* id -> index into chunk, plus 1 */
        Map plans;           /* id -> index into job, plus 1 */
        Vec(Chunk) chunk;
        Vec(Task) task;
        Vec(Wait) wait;
        Vec(Job) job;
        Vec(Ready) ready;
        Vec(Ready) passed;   /* scratch of next() */
        uint32_t unused_chunk, unused_task, unused_wait;
        uint32_t n_running, n_tasks;
        uint32_t n_odd;      /* chunks that are a copy or dropped: rare, and in the way of tasks that make them */
        uint32_t n_threads;
        uint32_t *thread;    /* [thread] task that it runs, or NONE */
        Error error;         /* of the last FAILED */
        WorkActions *actions;
};

static size_t rounded(size_t bytes) {
        return (bytes + ROUND_BYTES - 1) & ~(size_t) (ROUND_BYTES - 1);
}

void work_actions_clear(WorkActions *a) {
        a->action.n = a->length.n = 0;
}

void work_actions_done(WorkActions *a) {
        vec_free(&a->action);
        vec_free(&a->length);
}

static int action_add(Work *w, const WorkAction *action) {
        return vec_push(&w->actions->action, *action);
}

/* ---- Chunks ----------------------------------------------------------------------------------------------------- */

static Chunk *chunk_find(Work *w, uint64_t id) {
        uint64_t at = idmap_get(&w->chunks, id);

        return at ? &w->chunk.data[at - 1] : NULL;
}

/* The entry of the chunk, new if need be. Entries move when the next one is made. */
static Chunk *chunk_get(Work *w, uint64_t id) {
        uint32_t at = (uint32_t) idmap_get(&w->chunks, id);

        if (at)
                return &w->chunk.data[at - 1];
        if (w->unused_chunk != NONE) {
                at              = w->unused_chunk;
                w->unused_chunk = w->chunk.data[at].waiting;
        } else {
                at = w->chunk.n;
                if (vec_push(&w->chunk, (Chunk) {}) < 0)
                        return NULL;
        }
        w->chunk.data[at] = (Chunk) { .id = id, .waiting = NONE };
        if (idmap_set(&w->chunks, id, at + 1) < 0) {
                w->chunk.data[at].waiting = w->unused_chunk;
                w->unused_chunk           = at;
                return NULL;
        }
        return &w->chunk.data[at];
}

static void chunk_forget(Work *w, Chunk *c) {
        idmap_remove(&w->chunks, c->id);
        w->used_bytes -= c->bytes;
        w->n_freed += c->bytes > 0;
        w->n_odd -= c->copy || c->dropped;
        *c              = (Chunk) { .waiting = w->unused_chunk };
        w->unused_chunk = (uint32_t) (c - w->chunk.data);
}

static int chunk_free(Work *w, Chunk *c) {
        WorkActions *a   = w->actions;
        WorkAction *last = a->action.n > 0 ? &a->action.data[a->action.n - 1] : NULL;
        uint64_t id      = c->id;

        chunk_forget(w, c);
        if (last && last->kind == WORK_FREE && last->chunk + last->n == id) {
                last->n++;
                return 0;
        }
        return action_add(w, &(WorkAction) { .kind = WORK_FREE, .chunk = id, .n = 1 });
}

/* One reader less. */
static int chunk_unuse(Work *w, uint64_t id) {
        Chunk *c = chunk_find(w, id);

        assert(c && c->uses > 0);
        if (--c->uses > 0)
                return 0;
        if (c->state == CHUNK_HERE)
                return c->copy || c->dropped ? chunk_free(w, c) : 0;
        if (c->state == CHUNK_ABSENT)
                chunk_forget(w, c); /* one on its way is freed when it has come */
        return 0;
}

/* ---- Ready tasks ------------------------------------------------------------------------------------------------ */

static bool earlier(const Ready *a, const Ready *b) {
        return a->plan != b->plan ? a->plan < b->plan : a->position < b->position;
}

static int ready_push(Work *w, Ready ready) {
        uint32_t at;

        if (vec_push(&w->ready, ready) < 0)
                return -ENOMEM;
        for (at = w->ready.n - 1; at > 0 && earlier(&ready, &w->ready.data[(at - 1) / 2]); at = (at - 1) / 2)
                w->ready.data[at] = w->ready.data[(at - 1) / 2];
        w->ready.data[at] = ready;
        return 0;
}

static Ready ready_pop(Work *w) {
        Ready ret = w->ready.data[0], last = vec_pop(&w->ready);
        uint32_t at = 0, n = w->ready.n;

        for (uint32_t child = 1; child < n; child = 2 * at + 1) {
                child += child + 1 < n && earlier(&w->ready.data[child + 1], &w->ready.data[child]);
                if (!earlier(&w->ready.data[child], &last))
                        break;
                w->ready.data[at] = w->ready.data[child];
                at                = child;
        }
        if (n > 0)
                w->ready.data[at] = last;
        return ret;
}

static int task_ready(Work *w, uint32_t at) {
        Task *t = &w->task.data[at];

        t->state = TASK_READY;
        return ready_push(w, (Ready) { .plan = w->job.data[t->plan].run->id, .position = t->position, .task = at });
}

static void task_unused(Work *w, uint32_t at) {
        w->task.data[at] = (Task) { .next_unused = w->unused_task };
        w->unused_task   = at;
        w->n_tasks--;
}

/* The chunk is here: who waited for it goes on. */
static int chunk_here(Work *w, Chunk *c) {
        uint32_t at = c->waiting;
        int r       = 0;

        c->state   = CHUNK_HERE;
        c->waiting = NONE;
        while (at != NONE && r == 0) {
                Wait wait = w->wait.data[at];

                w->wait.data[at].next = w->unused_wait;
                w->unused_wait        = at;
                if (--w->task.data[wait.task].missing == 0)
                        r = task_ready(w, wait.task);
                at = wait.next;
        }
        return r;
}

/* The task waits for the chunk. */
static int chunk_await(Work *w, Chunk *c, uint32_t task) {
        uint32_t at = w->unused_wait;

        if (at != NONE)
                w->unused_wait = w->wait.data[at].next;
        else {
                at = w->wait.n;
                if (vec_push(&w->wait, (Wait) {}) < 0)
                        return -ENOMEM;
        }
        w->wait.data[at] = (Wait) { .task = task, .next = c->waiting };
        c->waiting       = at;
        w->task.data[task].missing++;
        return 0;
}

/* ---- What the scheduler says ------------------------------------------------------------------------------------ */

static Job *job_find(Work *w, uint64_t plan) {
        uint64_t at = map_get(&w->plans, plan);

        return at ? &w->job.data[at - 1] : NULL;
}

static int plan_add(Work *w, PlanRun *run) {
        uint32_t at = 0;

        while (at < w->job.n && w->job.data[at].run)
                at++;
        if (at == w->job.n && vec_push(&w->job, (Job) {}) < 0)
                return -ENOMEM;
        if (map_set(&w->plans, run->id, at + 1) < 0)
                return -ENOMEM;
        w->job.data[at] = (Job) { .run = run };
        for (uint32_t v = 0; v < run->plan->value.n; v++)
                if (run->together[v] && !w->job.data[at].together) {
                        w->job.data[at].together = calloc(run->plan->value.n, 1);
                        if (!w->job.data[at].together)
                                return -ENOMEM;
                }
        return 0;
}

static int task_add(Work *w, uint32_t job, const RunTask *given) {
        const PlanRun *run = w->job.data[job].run;
        const Plan *plan   = run->plan;
        uint32_t at        = w->unused_task;
        int r              = 0;

        if (at != NONE)
                w->unused_task = w->task.data[at].next_unused;
        else {
                at = w->task.n;
                if (vec_push(&w->task, (Task) {}) < 0)
                        return -ENOMEM;
        }
        w->task.data[at] = (Task) { .plan       = job,
                                    .task       = given->task,
                                    .position   = given->position,
                                    .refused_at = UINT64_MAX,
                                    .state      = TASK_WAITING };
        w->n_tasks++;
        for (uint32_t k = plan->input_start[given->task]; k < plan->input_start[given->task + 1] && r == 0; k++) {
                Chunk *c = chunk_get(w, plan_run_chunk(run, plan->input_chunk[k]));

                if (!c)
                        return -ENOMEM;
                c->uses++;
                if (c->state != CHUNK_HERE)
                        r = chunk_await(w, c, at);
        }
        return r == 0 && w->task.data[at].missing == 0 ? task_ready(w, at) : r;
}

static int fetch_add(Work *w, const PlanRun *run, const RunFetch *fetch) {
        Chunk *c = chunk_get(w, plan_run_chunk(run, fetch->chunk));

        if (!c)
                return -ENOMEM;
        if (c->state == CHUNK_HERE || (c->state == CHUNK_FETCHING && c->from == fetch->from))
                return 0;
        if (c->state == CHUNK_ABSENT) {
                c->bytes = rounded(plan_chunk_bytes(run->plan, fetch->chunk));
                w->used_bytes += c->bytes;
                w->n_odd++;
        }
        c->state = CHUNK_FETCHING;
        c->copy  = true;
        c->from  = fetch->from;
        return action_add(w, &(WorkAction) { .kind = WORK_FETCH, .plan = run->id, .chunk = c->id, .from = c->from });
}

static int run(Work *w, const WorkEvent *e) {
        Job *job = job_find(w, e->plan);
        int r    = 0;

        assert(job && !job->ending);
        for (uint32_t k = 0; k < e->n_fetch && r == 0; k++)
                r = fetch_add(w, job->run, e->fetch + k);
        for (uint32_t k = 0; k < e->n && r == 0; k++)
                r = task_add(w, (uint32_t) (job - w->job.data), e->task + k);
        return r;
}

static int drop(Work *w, uint64_t chunk, uint32_t n) {
        int r = 0;

        for (uint32_t k = 0; k < n && r == 0; k++) {
                Chunk *c = chunk_find(w, chunk + k);

                if (!c || c->state != CHUNK_HERE || c->dropped)
                        continue;
                if (c->uses == 0) {
                        r = chunk_free(w, c);
                        continue;
                }
                w->n_odd += !c->copy;
                c->dropped = true;
        }
        return r;
}

/* Takes tasks that do not run out of all lists. `which` marks them. */
static int tasks_remove(Work *w, const bool *which) {
        uint32_t n = 0;
        int r      = 0;

        for (uint32_t k = 0; k < w->chunk.n; k++)
                for (uint32_t *at = &w->chunk.data[k].waiting; w->chunk.data[k].id != 0 && *at != NONE;) {
                        uint32_t wait = *at;

                        if (!which[w->wait.data[wait].task]) {
                                at = &w->wait.data[wait].next;
                                continue;
                        }
                        *at                     = w->wait.data[wait].next;
                        w->wait.data[wait].next = w->unused_wait;
                        w->unused_wait          = wait;
                }
        for (uint32_t k = 0; k < w->ready.n; k++)
                if (!which[w->ready.data[k].task])
                        w->ready.data[n++] = w->ready.data[k];
        w->ready.n = 0;
        for (uint32_t k = 0; k < n && r == 0; k++)
                r = ready_push(w, w->ready.data[k]);
        for (uint32_t at = 0; at < w->task.n && r == 0; at++) {
                const PlanRun *run = which[at] ? w->job.data[w->task.data[at].plan].run : NULL;
                uint32_t task      = w->task.data[at].task;

                if (!run)
                        continue;
                for (uint32_t k = run->plan->input_start[task]; k < run->plan->input_start[task + 1] && r == 0; k++)
                        r = chunk_unuse(w, plan_run_chunk(run, run->plan->input_chunk[k]));
                task_unused(w, at);
        }
        return r;
}

static int recall(Work *w, const WorkEvent *e) {
        _cleanup_(freep) bool *which = calloc(w->task.n + 1, sizeof(*which));
        Job *job                     = job_find(w, e->plan);
        int r                        = 0;

        if (!which)
                return -ENOMEM;
        for (uint32_t k = 0; k < e->n && r == 0 && job; k++)
                for (uint32_t at = 0; at < w->task.n; at++) {
                        const Task *t = &w->task.data[at];

                        if ((t->state != TASK_WAITING && t->state != TASK_READY) || t->task != e->task[k].task ||
                            &w->job.data[t->plan] != job)
                                continue;
                        which[at] = true;
                        r = action_add(w, &(WorkAction) { .kind = WORK_RECALLED, .plan = e->plan, .task = t->task });
                }
        return r < 0 ? r : tasks_remove(w, which);
}

/* Values that were reserved together of which not all chunks were made: the rest goes. */
static int together_free(Work *w, Job *job) {
        const Plan *plan = job->run->plan;

        for (uint32_t v = 0; v < plan->value.n; v++) {
                uint32_t n = (uint32_t) tiling_n_chunks(&plan->value.data[v].tiling),
                         first = plan->value.data[v].first_chunk;

                for (uint32_t c = first; c < first + n && job->together[v] == TOGETHER_YES; c++) {
                        uint64_t id        = plan_run_chunk(job->run, c);
                        const Chunk *chunk = chunk_find(w, id);

                        if (chunk && chunk->state == CHUNK_HERE)
                                continue;
                        w->used_bytes -= plan_chunk_bytes(plan, c);
                        w->n_freed++;
                        if (action_add(w, &(WorkAction) { .kind = WORK_FREE, .chunk = id, .n = 1 }) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

/* Nothing of the plan runs any more. */
static int plan_end(Work *w, Job *job) {
        uint64_t id = job->run->id, first = job->run->first_id;
        uint32_t n = job->run->plan->n_chunk;
        int r      = job->together ? together_free(w, job) : 0;

        for (uint32_t k = 0; k < w->chunk.n && job->drop && r == 0; k++) {
                Chunk *c = &w->chunk.data[k];

                if (c->id != 0 && c->id - first < n && c->state == CHUNK_HERE)
                        r = chunk_free(w, c);
        }
        map_remove(&w->plans, id);
        free(job->together);
        *job = (Job) {};
        return r < 0 ? r : action_add(w, &(WorkAction) { .kind = WORK_FORGOTTEN, .plan = id });
}

static int forget(Work *w, uint64_t plan, bool drop) {
        Job *job = job_find(w, plan);
        int r    = 0;

        if (!job)
                return 0;
        job->ending = true;
        job->drop   = drop;
        if (drop) {
                _cleanup_(freep) bool *which = calloc(w->task.n + 1, sizeof(*which));

                if (!which)
                        return -ENOMEM;
                __atomic_store_n(&job->run->canceled, true, __ATOMIC_RELAXED); /* read by threads that run its tasks */
                for (uint32_t at = 0; at < w->task.n; at++) {
                        TaskState state = w->task.data[at].state;

                        which[at] = (state == TASK_WAITING || state == TASK_READY) &&
                                    &w->job.data[w->task.data[at].plan] == job;
                }
                r = tasks_remove(w, which);
        }
        return r == 0 && job->n_running == 0 ? plan_end(w, job) : r;
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

/* What the task needs besides its inputs: what is reserved together already is not counted again. */
static size_t task_bytes(const Job *job, uint32_t task) {
        const Plan *plan = job->run->plan;
        size_t bytes     = rounded(plan->stage.data[plan->task_stage[task]].scratch_bytes);

        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1]; k++) {
                uint32_t c = plan->output_chunk[k];

                if (!job->together || job->together[plan->chunk_value[c]] != TOGETHER_YES)
                        bytes += rounded(plan_chunk_bytes(plan, c));
        }
        return bytes;
}

static size_t value_bytes(const Plan *plan, uint32_t v) {
        uint32_t n   = (uint32_t) tiling_n_chunks(&plan->value.data[v].tiling);
        size_t bytes = 0;

        for (uint32_t k = 0; k < n; k++)
                bytes += plan_chunk_bytes(plan, plan->value.data[v].first_chunk + k);
        return bytes;
}

/* True if something that the task makes is still here, in an older copy that is read. */
static bool output_in_the_way(Work *w, const Job *job, uint32_t task) {
        const Plan *plan = job->run->plan;

        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1]; k++) {
                const Chunk *c = chunk_find(w, plan_run_chunk(job->run, plan->output_chunk[k]));

                if (c && (c->copy || c->dropped))
                        return true;
        }
        return false;
}

static size_t room(const Work *w) {
        return w->memory_bytes - MIN(w->used_bytes, w->memory_bytes);
}

/* Values of which this is the first task get their memory in one piece if it can be had, or else chunk by chunk. */
static int together_open(Work *w, Job *job, uint32_t task) {
        const Plan *plan = job->run->plan;

        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1] && job->together; k++) {
                uint32_t v = plan->chunk_value[plan->output_chunk[k]];
                size_t bytes, apart = task_bytes(job, task);

                if (!job->run->together[v] || job->together[v] != TOGETHER_OPEN)
                        continue;
                bytes            = value_bytes(plan, v);
                job->together[v] = TOGETHER_NO;
                if (apart > room(w) || bytes > room(w) - apart)
                        continue;
                job->together[v] = TOGETHER_YES;
                w->used_bytes += bytes;
                if (action_add(w,
                               &(WorkAction) {
                                       .kind = WORK_TOGETHER, .run = job->run, .plan = job->run->id, .value = v }) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* The piece of memory could not be had: its chunks count one by one, as far as they are being made. */
static void together_refused(Work *w, Job *job, uint32_t v) {
        const Plan *plan = job->run->plan;

        assert(job->together[v] == TOGETHER_YES);
        job->together[v] = TOGETHER_NO;
        w->used_bytes -= value_bytes(plan, v);
        for (uint32_t thread = 0; thread < w->n_threads; thread++) {
                Task *t = w->thread[thread] != NONE ? &w->task.data[w->thread[thread]] : NULL;
                size_t bytes;

                if (!t || &w->job.data[t->plan] != job)
                        continue;
                bytes = task_bytes(job, t->task);
                w->used_bytes += bytes - t->bytes;
                t->bytes = bytes;
        }
}

static bool fits(Work *w, const Task *t) {
        const Job *job = &w->job.data[t->plan];

        return t->refused_at != w->n_freed && task_bytes(job, t->task) <= room(w) &&
               !(w->n_odd > 0 && output_in_the_way(w, job, t->task));
}

static int start(Work *w, uint32_t thread, uint32_t at) {
        Task *t  = &w->task.data[at];
        Job *job = &w->job.data[t->plan];

        if (together_open(w, job, t->task) < 0)
                return -ENOMEM;
        t->bytes = task_bytes(job, t->task);
        w->used_bytes += t->bytes;
        t->state          = TASK_RUNNING;
        w->thread[thread] = at;
        w->n_running++;
        job->n_running++;
        return action_add(w, &(WorkAction) { .kind   = WORK_START,
                                             .thread = thread,
                                             .plan   = job->run->id,
                                             .run    = job->run,
                                             .task   = t->task });
}

/* The inputs of a task that runs no more are read no more. */
static int inputs_unuse(Work *w, const PlanRun *run, uint32_t task) {
        int r = 0;

        for (uint32_t k = run->plan->input_start[task]; k < run->plan->input_start[task + 1] && r == 0; k++)
                r = chunk_unuse(w, plan_run_chunk(run, run->plan->input_chunk[k]));
        return r;
}

/* Nothing runs and nothing fits: the task can never run. */
static int fail_for_memory(Work *w, uint32_t at) {
        const Task t         = w->task.data[at];
        const Job *job       = &w->job.data[t.plan];
        const PlanRun *plan  = job->run;
        size_t bytes         = task_bytes(job, t.task);
        int r;

        w->error = (Error) {};
        /* If it seems to fit, the store has no gap that is large enough. */
        error_set(&w->error, ERROR_MEMORY,
                  "%zu bytes are needed%s, %zu of %zu are free: use smaller chunks, or more memory", bytes,
                  bytes <= room(w) ? " in one piece" : "", room(w), w->memory_bytes);
        plan_run_error(plan, t.task, &w->error);
        r = inputs_unuse(w, plan, t.task);
        task_unused(w, at);
        return r < 0 ? r
                     : action_add(w,
                                  &(WorkAction) {
                                          .kind = WORK_FAILED, .plan = plan->id, .task = t.task, .error = &w->error });
}

static int next(Work *w, uint32_t thread) {
        uint32_t found = NONE;
        int r          = 0;

        assert(w->thread[thread] == NONE);
        if (w->ready.n == 0)
                return 0;
        if (fits(w, &w->task.data[w->ready.data[0].task]))
                return start(w, thread, ready_pop(w).task);
        if (w->n_running > 0)
                return 0; /* what runs will make room; nothing overtakes meanwhile */
        w->passed.n = 0;
        while (w->ready.n > 0 && found == NONE && r == 0) {
                Ready ready = ready_pop(w);

                if (fits(w, &w->task.data[ready.task]))
                        found = ready.task;
                else
                        r = vec_push(&w->passed, ready);
        }
        /* If none fits the first one fails. */
        for (uint32_t k = found == NONE; k < w->passed.n && r == 0; k++)
                r = ready_push(w, w->passed.data[k]);
        if (r < 0)
                return r;
        return found != NONE ? start(w, thread, found) : fail_for_memory(w, w->passed.data[0].task);
}

/* The task that the thread ran; the thread is free. */
static Task thread_free(Work *w, uint32_t thread, uint32_t *ret_at) {
        uint32_t at = w->thread[thread];
        Task t      = w->task.data[at];

        assert(t.state == TASK_RUNNING);
        w->thread[thread] = NONE;
        w->n_running--;
        w->job.data[t.plan].n_running--;
        w->used_bytes -= t.bytes;
        *ret_at = at;
        return t;
}

static int refused(Work *w, uint32_t thread) {
        uint32_t at;
        Task t   = thread_free(w, thread, &at);
        Job *job = &w->job.data[t.plan];

        w->task.data[at].refused_at = w->n_freed;
        if (!job->ending)
                return task_ready(w, at);
        task_unused(w, at);
        if (inputs_unuse(w, job->run, t.task) < 0)
                return -ENOMEM;
        return job->n_running == 0 ? plan_end(w, job) : 0;
}

static int finished(Work *w, const WorkEvent *e) {
        uint32_t at, first = w->actions->length.n;
        Task t           = thread_free(w, e->thread, &at);
        Job *job         = &w->job.data[t.plan];
        const Plan *plan = job->run->plan;
        int r            = 0;

        w->n_freed++;
        task_unused(w, at);
        for (uint32_t k = plan->output_start[t.task], o = 0, u = 0;
             k < plan->output_start[t.task + 1] && r == 0 && !e->error; k++, o++) {
                uint32_t c = plan->output_chunk[k], v = plan->chunk_value[c];
                Chunk *chunk = chunk_get(w, plan_run_chunk(job->run, c));

                if (!chunk)
                        return -ENOMEM;
                assert(chunk->state == CHUNK_ABSENT);
                if (job->together && job->together[v] == TOGETHER_YES)
                        chunk->bytes = e->bytes[o];
                else {
                        chunk->bytes = rounded(e->bytes[o]);
                        w->used_bytes += chunk->bytes;
                }
                if (!tiling_known(&plan->value.data[v].tiling))
                        r = vec_push(&w->actions->length, e->length[u++]);
                if (r == 0)
                        r = chunk_here(w, chunk);
        }
        if (r == 0)
                r = inputs_unuse(w, job->run, t.task);
        if (r < 0)
                return r;
        if (job->ending)
                return job->n_running == 0 ? plan_end(w, job) : 0;
        if (!e->error)
                return action_add(w, &(WorkAction) { .kind  = WORK_DONE,
                                                     .plan  = job->run->id,
                                                     .task  = t.task,
                                                     .first = first,
                                                     .n     = w->actions->length.n - first });
        w->error = *e->error;
        plan_run_error(job->run, t.task, &w->error);
        return action_add(
                w, &(WorkAction) { .kind = WORK_FAILED, .plan = job->run->id, .task = t.task, .error = &w->error });
}

/* ---- Chunks from elsewhere -------------------------------------------------------------------------------------- */

static int adopt(Work *w, uint64_t chunk, uint32_t n) {
        int r = 0;

        for (uint32_t k = 0; k < n && r == 0; k++) {
                Chunk *c = chunk_get(w, chunk + k);

                r = c ? chunk_here(w, c) : -ENOMEM;
        }
        return r;
}

static int fetched(Work *w, const WorkEvent *e) {
        Chunk *c = chunk_find(w, e->chunk);

        if (!c || c->state != CHUNK_FETCHING)
                return 0; /* a second one, from the holder that we were told of first */
        w->used_bytes += rounded(e->size_bytes) - c->bytes;
        c->bytes = rounded(e->size_bytes);
        if (c->uses == 0)
                return chunk_free(w, c);
        return chunk_here(w, c);
}

static void fetch_failed(Work *w, const WorkEvent *e) {
        Chunk *c = chunk_find(w, e->chunk);

        if (!c || c->state != CHUNK_FETCHING || c->from != e->from)
                return;
        w->used_bytes -= c->bytes;
        w->n_odd--;
        w->n_freed++;
        c->bytes = 0;
        c->copy  = false;
        c->state = CHUNK_ABSENT;
        if (c->uses == 0)
                chunk_forget(w, c);
}

/* ---- The machine ------------------------------------------------------------------------------------------------ */

int work_step(Work *w, const WorkEvent *e, WorkActions *ret) {
        Job *job;

        w->actions = ret;
        switch (e->kind) {
        case WORK_PLAN:
                return plan_add(w, e->run);
        case WORK_RUN:
                return run(w, e);
        case WORK_RECALL:
                return recall(w, e);
        case WORK_DROP:
                return drop(w, e->chunk, e->n);
        case WORK_FORGET:
                return forget(w, e->plan, e->drop);
        case WORK_ADOPT:
                return adopt(w, e->chunk, e->n);
        case WORK_FETCHED:
                return fetched(w, e);
        case WORK_FETCH_FAILED:
                fetch_failed(w, e);
                return 0;
        case WORK_NEXT:
                return next(w, e->thread);
        case WORK_GROUP:
                job = job_find(w, e->plan);
                if (!e->ok)
                        together_refused(w, job, e->value);
                return 0;
        case WORK_REFUSED:
                return refused(w, e->thread);
        case WORK_FINISHED:
                return finished(w, e);
        }
        return 0;
}

int work_new(Work **ret, uint32_t n_threads, size_t memory_bytes) {
        _cleanup_(work_freep) Work *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->thread = malloc(n_threads * sizeof(*w->thread));
        if (!w->thread)
                return -ENOMEM;
        for (uint32_t k = 0; k < n_threads; k++)
                w->thread[k] = NONE;
        w->n_threads    = n_threads;
        w->memory_bytes = memory_bytes;
        w->unused_chunk = w->unused_task = w->unused_wait = NONE;
        *ret = TAKE_PTR(w);
        return 0;
}

Work *work_free(Work *w) {
        if (!w)
                return NULL;
        for (uint32_t k = 0; k < w->job.n; k++)
                free(w->job.data[k].together);
        idmap_done(&w->chunks);
        map_done(&w->plans);
        vec_free(&w->chunk);
        vec_free(&w->task);
        vec_free(&w->wait);
        vec_free(&w->job);
        vec_free(&w->ready);
        vec_free(&w->passed);
        free(w->thread);
        free(w);
        return NULL;
}

uint32_t work_n_ready(const Work *w) {
        return w->ready.n;
}

uint32_t work_n_running(const Work *w) {
        return w->n_running;
}

bool work_together(const Work *w, uint64_t plan, uint32_t value) {
        uint64_t at = map_get(&w->plans, plan);

        return at && w->job.data[at - 1].together && w->job.data[at - 1].together[value] == TOGETHER_YES;
}

void work_stats(const Work *w, WorkStats *ret) {
        *ret = (WorkStats) {
                .n_chunks = w->chunks.n,
                .n_tasks = w->n_tasks,
                .n_plans = w->plans.n,
                .used_bytes = w->used_bytes,
                .state_bytes = sizeof(*w) + idmap_bytes(&w->chunks) + (uint64_t) w->chunk.capacity * sizeof(Chunk) +
                               (uint64_t) w->task.capacity * sizeof(Task) + (uint64_t) w->wait.capacity * sizeof(Wait) +
                               (uint64_t) w->ready.capacity * sizeof(Ready),
        };
}

bool work_consistent(const Work *w) {
        size_t used = 0;
        uint32_t n_chunks = 0, n_tasks = 0, n_odd = 0;

        for (uint32_t k = 0; k < w->chunk.n; k++) {
                const Chunk *c = &w->chunk.data[k];

                if (c->id == 0)
                        continue;
                n_chunks++;
                n_odd += c->copy || c->dropped;
                used += c->bytes;
                if (idmap_get(&w->chunks, c->id) != k + 1 || (c->state == CHUNK_ABSENT && c->uses == 0))
                        return false;
        }
        for (uint32_t k = 0; k < w->task.n; k++) {
                n_tasks += w->task.data[k].state != TASK_UNUSED;
                used += w->task.data[k].state == TASK_RUNNING ? w->task.data[k].bytes : 0;
        }
        for (uint32_t k = 0; k < w->job.n; k++)
                for (uint32_t v = 0; w->job.data[k].together && v < w->job.data[k].run->plan->value.n; v++) {
                        const PlanRun *plan = w->job.data[k].run;
                        const Value *value  = &plan->plan->value.data[v];

                        for (uint32_t c = 0;
                             w->job.data[k].together[v] == TOGETHER_YES && c < tiling_n_chunks(&value->tiling); c++) {
                                uint64_t at = idmap_get(&w->chunks, plan_run_chunk(plan, value->first_chunk + c));

                                if (!at || w->chunk.data[at - 1].state != CHUNK_HERE)
                                        used += plan_chunk_bytes(plan->plan, value->first_chunk + c);
                        }
                }
        return n_chunks == w->chunks.n && n_tasks == w->n_tasks && n_odd == w->n_odd && used == w->used_bytes;
}
