/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster in one process, from one seed: the scheduler's machine, workers' machines, channels that keep their order
 * but not their time, memory that is refused, tasks that fail, requests that are canceled, workers that die with all
 * they hold. All the while the machines' counters agree with what they count; nothing starts without its inputs; a
 * request that succeeds has exactly the right chunks; at the end nothing is left anywhere.
 *
 *     SIM_SEED=17 CK_FORK=no build/tests/test-cluster    one run again;  SIM_SEEDS=5000: as many as one likes */
#include <stdio.h>

#include "base/map.h"
#include "sched/work.h"
#include "sim/fake-registry.h"

#include "harness.h"

enum {
        MAX_THREADS     = 3,
        PER_THREAD      = 2, /* tasks */
        MAX_NUMBERS     = MAX_THREADS * PER_THREAD,
        MAX_SIM_WORKERS = 200,
        CHECK_EVERY     = 37, /* events: the checks read everything, an event little */
};

typedef struct Message {
        uint32_t kind; /* SchedActionKind to workers, SchedEventKind to the scheduler */
        uint64_t plan, chunk;
        PlanRun *run;
        PlanDrop drop;
        uint32_t n, n_fetch;
        RunTask *task;
        RunFetch *fetch;
        int64_t *length;
        Error error;
} Message;

typedef struct Channel {
        Vec(Message) message;
        uint32_t next;
} Channel;

typedef struct Running {
        bool busy;
        PlanRun *run;
        uint32_t task;
        uint64_t in[8];
} Running;

typedef struct Fetch {
        uint64_t chunk;
        uint32_t from;
} Fetch;

typedef struct SimWorker {
        bool alive;
        Work *work;
        Map store;    /* chunk -> what it holds */
        Map reserved; /* chunk -> 1: together */
        uint32_t n_threads, n_numbers; /* PER_THREAD numbers for each thread */
        Running running[MAX_NUMBERS];
        Vec(Fetch) fetch;
        Channel to, from;
} SimWorker;

typedef struct Sim {
        uint64_t seed, random, n_events;
        Sched *sched;
        SchedActions sched_actions;
        WorkActions work_actions;
        SimWorker worker[MAX_SIM_WORKERS];
        uint32_t n_workers, n_alive, n_killed;
        Map expected;      /* chunk -> what it must hold */
        Map planned;       /* plans that were seen */
        Vec(uint64_t) tensor; /* references that are ours */
        uint64_t n_requests, n_open, n_failed, n_succeeded;
        bool kills, failures, tight;
} Sim;

static uint64_t sim_random(Sim *s, uint64_t n) {
        return fake_random(&s->random) % n;
}

/* ---- The oracle: what every chunk of a plan must hold ----------------------------------------------------------- */

static void expect(Sim *s, const PlanRun *run) {
        const Plan *plan = run->plan;

        if (map_get(&s->planned, run->id))
                return;
        ck_assert_int_eq(map_set(&s->planned, run->id, 1), 0);
        for (uint32_t t = 0; t < plan->n_task; t++) {
                uint32_t n = plan->input_start[t + 1] - plan->input_start[t];
                uint64_t in[8];

                for (uint32_t k = 0; k < n; k++) {
                        in[k] = map_get(&s->expected, plan_run_chunk(run, plan->input_chunk[plan->input_start[t] + k]));
                        ck_assert_uint_ne(in[k], 0);
                }
                for (uint32_t k = plan->output_start[t]; k < plan->output_start[t + 1]; k++)
                        ck_assert_int_eq(map_set(&s->expected, plan_run_chunk(run, plan->output_chunk[k]),
                                                 fake_result(plan, t, k - plan->output_start[t], n, in)),
                                         0);
        }
}

/* ---- Channels --------------------------------------------------------------------------------------------------- */

static void send_message(Channel *c, Message m, const RunTask *task, const RunFetch *fetch, const int64_t *length,
                         uint32_t n_length) {
        if (c->next == c->message.n)
                c->next = c->message.n = 0;
        m.task   = calloc(m.n + 1, sizeof(*m.task));
        m.fetch  = calloc(m.n_fetch + 1, sizeof(*m.fetch));
        m.length = calloc(n_length + 1, sizeof(*m.length));
        if (task)
                memcpy(m.task, task, m.n * sizeof(*task));
        if (fetch)
                memcpy(m.fetch, fetch, m.n_fetch * sizeof(*fetch));
        if (length)
                memcpy(m.length, length, n_length * sizeof(*length));
        ck_assert_int_eq(vec_push(&c->message, m), 0);
}

static void message_done(Message *m) {
        free(m->task);
        free(m->fetch);
        free(m->length);
}

static void channel_done(Channel *c) {
        for (; c->next < c->message.n; c->next++)
                message_done(&c->message.data[c->next]);
        vec_free(&c->message);
        *c = (Channel) {};
}

/* ---- The scheduler's side --------------------------------------------------------------------------------------- */

static void request_finished(Sim *s, const SchedAction *a) {
        s->n_open--;
        if (a->outcome) {
                const Error *err = &s->sched_actions.error.data[a->outcome - 1];

                ck_assert_msg(err->code == ERROR_CANCELED || (s->failures && err->code == ERROR_LINALG) ||
                                      (s->tight && err->code == ERROR_MEMORY) ||
                                      (s->n_killed > 0 && (err->code == -EIO || err->code == ERROR_VALUE)),
                              "seed %llu: %s", (unsigned long long) s->seed, err->text);
                s->n_failed++;
                return;
        }
        s->n_succeeded++;
        for (uint32_t k = 0; k < a->n; k++) {
                uint64_t id          = s->sched_actions.tensor.data[a->first + k];
                const SchedTensor *t = sched_tensor(s->sched, id);

                ck_assert_ptr_nonnull(t);
                ck_assert_int_eq(vec_push(&s->tensor, id), 0);
                for (uint32_t c = 0; c < t->n_chunks; c++) {
                        uint64_t expected = map_get(&s->expected, t->chunk_first + c);

                        ck_assert_uint_ne(expected, 0);
                        ck_assert(t->holder[c] != WORKER_NONE || s->n_killed > 0);
                        if (t->holder[c] != WORKER_NONE && s->worker[t->holder[c]].alive)
                                ck_assert_uint_eq(map_get(&s->worker[t->holder[c]].store, t->chunk_first + c),
                                                  expected);
                }
        }
}

static void carry_out(Sim *s) {
        const SchedActions *lists = &s->sched_actions;

        for (uint32_t k = 0; k < lists->action.n; k++) {
                const SchedAction *a = &lists->action.data[k];
                Message m = { .kind = a->kind,
                              .plan = a->plan,
                              .chunk = a->chunk,
                              .run = a->run,
                              .drop = a->drop,
                              .n = a->n,
                              .n_fetch = a->n_fetch };

                if (a->kind == SCHED_FINISHED) {
                        request_finished(s, a);
                        continue;
                }
                if (a->kind >= SCHED_RECIPE)
                        continue;
                if (a->kind == SCHED_PLAN)
                        expect(s, a->run);
                ck_assert(s->worker[a->worker].alive);
                send_message(&s->worker[a->worker].to, m,
                             a->kind == SCHED_RUN || a->kind == SCHED_RECALL ? lists->task.data + a->first : NULL,
                             a->kind == SCHED_RUN ? lists->fetch.data + a->first_fetch : NULL, NULL, 0);
        }
        sched_actions_clear(&s->sched_actions);
        if (s->n_events++ % CHECK_EVERY == 0)
                ck_assert_msg(sched_consistent(s->sched), "seed %llu", (unsigned long long) s->seed);
}

static void tell_sched(Sim *s, SchedEvent event) {
        ck_assert_int_eq(sched_step(s->sched, &event, &s->sched_actions), 0);
        carry_out(s);
}

/* ---- The workers' side ------------------------------------------------------------------------------------------ */

static void start(SimWorker *w, const WorkAction *a) {
        const Plan *plan = a->run->plan;
        Running *r       = &w->running[a->thread];

        ck_assert(!r->busy);
        *r = (Running) { .busy = true, .run = a->run, .task = a->task };
        for (uint32_t k = plan->input_start[a->task]; k < plan->input_start[a->task + 1]; k++) {
                r->in[k - plan->input_start[a->task]] =
                        map_get(&w->store, plan_run_chunk(a->run, plan->input_chunk[k]));
                ck_assert_uint_ne(r->in[k - plan->input_start[a->task]], 0); /* nothing starts without its inputs */
        }
        for (uint32_t k = plan->output_start[a->task]; k < plan->output_start[a->task + 1]; k++)
                ck_assert_uint_eq(map_get(&w->store, plan_run_chunk(a->run, plan->output_chunk[k])), 0);
}

static void work_tell(Sim *s, SimWorker *w, WorkEvent event) {
        WorkActions *lists = &s->work_actions;

        ck_assert_int_eq(work_step(w->work, &event, lists), 0);
        for (uint32_t k = 0; k < lists->action.n; k++) {
                WorkAction a = lists->action.data[k];
                Message m    = { .plan = a.plan, .n = 1 };
                RunTask task = { .task = a.task };

                switch (a.kind) {
                case WORK_START:
                        start(w, &a);
                        continue;
                case WORK_TOGETHER: {
                        bool ok        = sim_random(s, 4) > 0;
                        const Value *v = &a.run->plan->value.data[a.value];

                        for (uint32_t c = 0; ok && c < tiling_n_chunks(&v->tiling); c++)
                                ck_assert_int_eq(map_set(&w->reserved, plan_run_chunk(a.run, v->first_chunk + c), 1),
                                                 0);
                        ck_assert_int_eq(
                                work_step(
                                        w->work,
                                        &(WorkEvent) { .kind = WORK_GROUP, .plan = a.plan, .value = a.value, .ok = ok },
                                        lists),
                                0);
                        continue;
                }
                case WORK_FETCH:
                        ck_assert_int_eq(vec_push(&w->fetch, (Fetch) { a.chunk, a.from }), 0);
                        continue;
                case WORK_FREE:
                        for (uint32_t c = 0; c < a.n; c++) {
                                uint64_t there = map_remove(&w->store, a.chunk + c),
                                         held = map_remove(&w->reserved, a.chunk + c);

                                ck_assert(there || held);
                        }
                        continue;
                case WORK_SPILL:
                case WORK_EVICT:
                case WORK_RETURN:
                case WORK_PINNED:
                case WORK_TAKEN:
                        ck_abort_msg("this worker has no disk, and nobody pins");
                case WORK_DONE:
                        m.kind = SCHED_DONE;
                        break;
                case WORK_FAILED:
                        m.kind  = SCHED_FAILED;
                        m.error = *work_error(lists, &a);
                        break;
                case WORK_RECALLED:
                        m.kind = SCHED_RECALLED;
                        break;
                case WORK_FORGOTTEN:
                        m.kind = SCHED_FORGOTTEN;
                        break;
                }
                send_message(&w->from, m, &task, NULL, a.kind == WORK_DONE ? lists->length.data + a.first : NULL,
                             a.kind == WORK_DONE ? a.n : 0);
        }
        work_actions_clear(lists);
        if (s->n_events++ % CHECK_EVERY == 0)
                ck_assert_msg(work_consistent(w->work), "seed %llu", (unsigned long long) s->seed);
}

static void finish(Sim *s, SimWorker *w, uint32_t thread) {
        Running *r        = &w->running[thread];
        const Plan *plan  = r->run->plan;
        uint32_t n_in     = plan->input_start[r->task + 1] - plan->input_start[r->task], n_out = 0, n_length = 0;
        WorkEvent event   = { .kind = WORK_FINISHED, .thread = thread };
        int64_t length[4] = {};
        size_t bytes[4]   = {};
        Error err         = {};

        r->busy = false;
        if (r->run->canceled || (s->failures && sim_random(s, 2000) == 0)) {
                error_set(&err, r->run->canceled ? ERROR_CANCELED : ERROR_LINALG, "it was singular");
                event.error = &err;
                work_tell(s, w, event);
                return;
        }
        for (uint32_t k = plan->output_start[r->task]; k < plan->output_start[r->task + 1]; k++, n_out++) {
                uint32_t c      = plan->output_chunk[k];
                uint64_t result = fake_result(plan, r->task, n_out, n_in, r->in);

                bytes[n_out] = plan_chunk_bytes(plan, c);
                if (!tiling_known(&plan->value.data[plan->chunk_value[c]].tiling)) {
                        length[n_length] = fake_length(plan, c, result);
                        bytes[n_out]     = (size_t) length[n_length++] * sizeof(double);
                }
                map_remove(&w->reserved, plan_run_chunk(r->run, c));
                ck_assert_int_eq(map_set(&w->store, plan_run_chunk(r->run, c), result), 0);
        }
        event.bytes  = bytes;
        event.length = length;
        work_tell(s, w, event);
}

static void fetch_end(Sim *s, SimWorker *w, uint32_t which) {
        Fetch f             = w->fetch.data[which];
        SimWorker *from     = &s->worker[f.from];
        uint64_t content    = from->alive ? map_get(&from->store, f.chunk) : 0;

        w->fetch.data[which] = w->fetch.data[w->fetch.n - 1];
        w->fetch.n--;
        if (!content) { /* it died, or the plan has ended there */
                work_tell(s, w, (WorkEvent) { .kind = WORK_FETCH_FAILED, .chunk = f.chunk, .from = f.from });
                return;
        }
        if (!map_get(&w->store, f.chunk))
                ck_assert_int_eq(map_set(&w->store, f.chunk, content), 0);
        work_tell(s, w, (WorkEvent) { .kind = WORK_FETCHED, .chunk = f.chunk, .size_bytes = 8 });
}

static void deliver_to(Sim *s, SimWorker *w) {
        Message m = w->to.message.data[w->to.next++];

        switch ((SchedActionKind) m.kind) {
        case SCHED_PLAN:
                work_tell(s, w, (WorkEvent) { .kind = WORK_PLAN, .run = m.run });
                break;
        case SCHED_RUN:
                work_tell(s, w,
                          (WorkEvent) { .kind = WORK_RUN,
                                       .plan = m.plan,
                                       .n = m.n,
                                       .task = m.task,
                                       .n_fetch = m.n_fetch,
                                       .fetch = m.fetch });
                break;
        case SCHED_RECALL:
                work_tell(s, w, (WorkEvent) { .kind = WORK_RECALL, .plan = m.plan, .n = m.n, .task = m.task });
                break;
        case SCHED_DROP:
                work_tell(s, w, (WorkEvent) { .kind = WORK_DROP, .chunk = m.chunk, .n = m.n });
                break;
        case SCHED_FORGET:
                work_tell(s, w, (WorkEvent) { .kind = WORK_FORGET, .plan = m.plan, .drop = m.drop });
                break;
        case SCHED_FINISHED:
        case SCHED_TAKE:
        case SCHED_DRAINED:
        case SCHED_WANTED:
        case SCHED_RECIPE:
        case SCHED_RECIPE_GONE:
        case SCHED_TENSOR:
        case SCHED_TENSOR_GONE:
                ck_abort_msg("workers hear nothing of requests");
        }
        message_done(&m);
}

static void deliver_from(Sim *s, SimWorker *w) {
        Message m     = w->from.message.data[w->from.next++];
        uint32_t task = m.task[0].task;

        tell_sched(s, (SchedEvent) { .kind   = m.kind,
                                     .worker = (uint32_t) (w - s->worker),
                                     .plan   = m.plan,
                                     .n      = 1,
                                     .task   = &task,
                                     .length = m.length,
                                     .error  = &m.error });
        message_done(&m);
}

static void join(Sim *s) {
        SimWorker *w = &s->worker[s->n_workers];
        size_t memory;

        w->alive     = true;
        w->n_threads = 1 + (uint32_t) sim_random(s, MAX_THREADS);
        w->n_numbers = w->n_threads * PER_THREAD;
        memory       = s->tight ? 60000 + sim_random(s, 100000) : 1 << 30;
        ck_assert_int_eq(
                work_new(&w->work, w->n_threads,
                         &(WorkLimits) { .cache_bytes      = memory,
                                         .hard_bytes       = memory,
                                         .soft_bytes       = memory,
                                         .tasks_per_thread = PER_THREAD }),
                0);
        s->n_alive++;
        tell_sched(s, (SchedEvent) { .kind = SCHED_JOINED, .worker = s->n_workers++ });
}

static void worker_done(SimWorker *w) {
        work_free(w->work);
        map_done(&w->store);
        map_done(&w->reserved);
        vec_free(&w->fetch);
        channel_done(&w->to);
        channel_done(&w->from);
        *w = (SimWorker) {};
}

static void kill_one(Sim *s, SimWorker *w) {
        worker_done(w);
        s->n_alive--;
        s->n_killed++;
        tell_sched(s, (SchedEvent) { .kind = SCHED_LEFT, .worker = (uint32_t) (w - s->worker) });
}

/* ---- What users do ---------------------------------------------------------------------------------------------- */

static void submit(Sim *s) {
        Graph *graph;
        uint32_t n = 1 + (uint32_t) sim_random(s, 6), id;

        ck_assert_int_eq(graph_new(&graph), 0);
        for (uint32_t k = 0; k < n; k++) {
                uint32_t n_in = k == 0 && s->tensor.n == 0 ? 0 : (uint32_t) sim_random(s, 4);
                FakeParams p  = { .seed    = (int64_t) (sim_random(s, UINT32_MAX)),
                                  .length  = 1 + (int64_t) sim_random(s, 2000),
                                  .step    = 40 + (int64_t) sim_random(s, 200),
                                  .unknown = sim_random(s, 5) == 0 };
                Ref in[4];

                for (uint32_t i = 0; i < n_in; i++) {
                        in[i] = (Ref) {};
                        if (s->tensor.n > 0 && (graph->node.n == 0 || sim_random(s, 3) == 0)) {
                                uint64_t tensor = s->tensor.data[sim_random(s, s->tensor.n)];

                                ck_assert_int_eq(graph_add_stored(graph, tensor, &sched_tensor(s->sched, tensor)->spec,
                                                                  &in[i].node),
                                                 0);
                        } else if (graph->node.n > 0)
                                in[i].node = (uint32_t) sim_random(s, graph->node.n);
                        else
                                n_in = 0;
                }
                ck_assert_int_eq(graph_add(graph, &fake_op, &p, in, n_in, &id, NULL), 0);
                if (k + 1 == n || sim_random(s, 3) == 0)
                        ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
        }
        s->n_open++;
        tell_sched(s, (SchedEvent) { .kind = SCHED_SUBMIT, .request = ++s->n_requests, .graph = graph });
}

static void release(Sim *s, uint32_t which) {
        uint64_t id = s->tensor.data[which];

        s->tensor.data[which] = s->tensor.data[s->tensor.n - 1];
        s->tensor.n--;
        tell_sched(s, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = id });
}

/* One thing happens at worker w, if anything can; true if it did. */
static bool worker_moves(Sim *s, SimWorker *w, uint32_t what) {
        uint32_t thread = what % MAX_NUMBERS;

        if (!w->alive)
                return false;
        switch (what / MAX_NUMBERS % 5) {
        case 0:
                if (w->to.next == w->to.message.n)
                        return false;
                deliver_to(s, w);
                return true;
        case 1:
                if (w->from.next == w->from.message.n)
                        return false;
                deliver_from(s, w);
                return true;
        case 2:
                if (w->fetch.n == 0)
                        return false;
                fetch_end(s, w, what % w->fetch.n);
                return true;
        case 3:
                if (thread >= w->n_numbers || !w->running[thread].busy)
                        return false;
                finish(s, w, thread);
                return true;
        default:
                if (thread >= w->n_numbers || w->running[thread].busy || work_n_ready(w->work) == 0)
                        return false;
                what = work_n_ready(w->work);
                work_tell(s, w, (WorkEvent) { .kind = WORK_NEXT, .thread = thread });
                if (w->running[thread].busy && work_n_running(w->work) > 1 && sim_random(s, 20) == 0) {
                        w->running[thread].busy = false; /* the store had no room after all */
                        work_tell(s, w, (WorkEvent) { .kind = WORK_REFUSED, .thread = thread });
                        return false;
                }
                return what != work_n_ready(w->work);
        }
}

static bool somebody_moves(Sim *s) {
        uint32_t first = (uint32_t) sim_random(s, s->n_workers), what = (uint32_t) sim_random(s, 1000);

        for (uint32_t k = 0; k < s->n_workers; k++)
                for (uint32_t i = 0; i < 5 * MAX_NUMBERS; i++)
                        if (worker_moves(s, &s->worker[(first + k) % s->n_workers], what + i))
                                return true;
        return false;
}

static void run_seed(uint64_t seed) {
        Sim *s             = calloc(1, sizeof(*s));
        uint32_t n_submits = 12;
        SchedStats stats;
        bool alone;

        s->seed     = seed;
        s->random   = seed * 0x1234567;
        s->kills    = seed % 3 == 1;
        s->failures = seed % 5 == 2;
        s->tight    = seed % 4 == 3;
        alone       = seed % 2 == 0 && !s->kills;
        ck_assert_int_eq(sched_new(&s->sched, alone, fake_plan), 0);
        for (uint32_t n = alone ? 1 : 1 + (uint32_t) sim_random(s, 6); n > 0; n--)
                join(s);
        while (n_submits > 0 || s->n_open > 0) {
                if (n_submits > 0 && (s->n_open == 0 || sim_random(s, 100) == 0)) {
                        submit(s);
                        n_submits--;
                }
                if (s->tensor.n > 0 && sim_random(s, 100) == 0)
                        release(s, (uint32_t) sim_random(s, s->tensor.n));
                if (sim_random(s, 1500) == 0) {
                        Error err = {};

                        error_set(&err, ERROR_CANCELED, "canceled");
                        tell_sched(s, (SchedEvent) { .kind = SCHED_CANCEL,
                                                    .request = 1 + sim_random(s, s->n_requests),
                                                    .error = &err });
                }
                if (s->kills && s->n_workers < MAX_SIM_WORKERS && sim_random(s, 300) == 0) {
                        SimWorker *w = &s->worker[sim_random(s, s->n_workers)];

                        if (w->alive)
                                kill_one(s, w);
                }
                if (s->n_alive == 0 || (s->kills && s->n_workers < MAX_SIM_WORKERS && sim_random(s, 300) == 0))
                        join(s);
                if (!somebody_moves(s) && s->n_open > 0 && s->n_alive > 0)
                        ck_assert_msg(s->kills || n_submits > 0, "seed %llu: nothing happens, %llu requests are open",
                                      (unsigned long long) seed, (unsigned long long) s->n_open);
        }
        while (s->tensor.n > 0)
                release(s, s->tensor.n - 1);
        while (somebody_moves(s)) /* what is still on the way */
                ;
        sched_stats(s->sched, &stats);
        ck_assert_uint_eq(stats.n_tensors, 0);
        ck_assert_uint_eq(stats.n_requests, 0);
        ck_assert_uint_eq(stats.n_plans, 0);
        ck_assert_uint_eq(stats.state_bytes, 0);
        for (uint32_t k = 0; k < s->n_workers; k++) {
                WorkStats work;

                if (!s->worker[k].alive)
                        continue;
                work_stats(s->worker[k].work, &work);
                ck_assert_uint_eq(work.n_chunks, 0);
                ck_assert_uint_eq(work.n_tasks, 0);
                ck_assert_uint_eq(work.n_plans, 0);
                ck_assert_uint_eq(work.used_bytes, 0);
                ck_assert_uint_eq(s->worker[k].store.n, 0);
                ck_assert_uint_eq(s->worker[k].reserved.n, 0);
                worker_done(&s->worker[k]);
        }
        if (getenv("SIM_SEED"))
                fprintf(stderr, "seed %llu: %llu requests succeeded, %llu failed, %u workers of %u died, %llu tasks\n",
                        (unsigned long long) seed, (unsigned long long) s->n_succeeded,
                        (unsigned long long) s->n_failed, s->n_killed, s->n_workers,
                        (unsigned long long) stats.n_tasks_done);
        sched_free(s->sched);
        sched_actions_done(&s->sched_actions);
        work_actions_done(&s->work_actions);
        map_done(&s->expected);
        map_done(&s->planned);
        vec_free(&s->tensor);
        free(s);
}

TEST(every_seed_ends_with_the_right_chunks_and_nothing_left) {
        const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
        uint64_t n      = many ? strtoull(many, NULL, 10) : 200;

        if (one) {
                run_seed(strtoull(one, NULL, 10));
                return;
        }
        for (uint64_t seed = 1; seed <= n; seed++)
                run_seed(seed);
}
