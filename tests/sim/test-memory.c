/* SPDX-License-Identifier: Apache-2.0 */
/* One worker with little memory and a disk, from one seed: the machines as a session wires them, and behind them a
 * store and a disk that are maps from chunks to what they hold. Writes and reads take their time and end in any order;
 * the disk is full now and then, or for good, or loses what it was given; the store finds no gap; clients pin, keep and
 * let go.
 *
 * After every event the ledger is the sum of its parts and what lies in memory is within the limits. Nothing starts
 * without its inputs, nothing that is read or on its way moves, and every result is right. Whenever work is ready and
 * nothing is under way, something can be admitted: the run comes to its end. A task fails for memory only if it is too
 * large for an empty machine, or the disk or a client is the reason. At the end nothing is left anywhere.
 *
 *     SIM_SEED=17 CK_FORK=no build/tests/test-memory     one run again;  SIM_SEEDS=5000: as many as one likes */
#include <stdio.h>

#include "base/map.h"
#include "sched/work.h"
#include "sim/fake-plan.h"

#include "harness.h"

enum { MAX_THREADS = 4, MAX_PER_THREAD = 3, MAX_NUMBERS = MAX_THREADS * MAX_PER_THREAD, MAX_CLIENTS = 3, PAGE = 4096 };

typedef struct Cell {
        uint64_t content;  /* 0: reserved, or not read yet */
        size_t bytes;
        uint32_t readers;  /* tasks, clients, the disk */
} Cell;

typedef struct Flight {
        uint64_t chunk;
        bool write, dropped;
} Flight;

typedef struct Running {
        bool busy;
        PlanRun *run;
        uint32_t task;
        uint64_t in[8];
        size_t bytes; /* outputs and scratch */
} Running;

typedef struct Client {
        uint64_t pin, chunk, tensor;
        uint32_t n;
        bool brief, waits;
} Client;

typedef struct Sim {
        uint64_t seed, random, n_events;
        Sched *sched;
        Work *work;
        SchedActions sched_actions;
        WorkActions work_actions;
        uint32_t sched_at, work_at;
        WorkLimits limits;
        uint32_t n_threads, n_numbers; /* tasks_per_thread numbers for each thread */
        Running running[MAX_NUMBERS];
        Client client[MAX_CLIENTS];
        uint64_t next_pin;

        Map memory; /* chunk -> Cell * */
        Map disk;   /* chunk -> what it holds */
        Map size;   /* chunk -> bytes + 1, of those that are written */
        Vec(Flight) flight;
        size_t memory_bytes, scratch_bytes, disk_bytes, disk_limit;

        Map expected;         /* chunk -> what it must hold */
        Vec(uint64_t) tensor; /* references that are ours */
        uint64_t n_requests, n_open, n_failed, n_succeeded, n_gaps;
        uint64_t n_lost;
        bool full, broken, gaps, clients, failures, careful; /* what may go wrong */
} Sim;

static uint64_t sim_random(Sim *s, uint64_t n) {
        return fake_random(&s->random) % n;
}

static void tell_sched(Sim *s, SchedEvent event) {
        ck_assert_int_eq(sched_step(s->sched, &event, &s->sched_actions), 0);
}

static void tell_work(Sim *s, WorkEvent event) {
        ck_assert_int_eq(work_step(s->work, &event, &s->work_actions), 0);
        ck_assert_msg(s->n_events++ % 7 || work_consistent(s->work), "seed %llu: the ledger is wrong",
                      (unsigned long long) s->seed);
}

/* ---- The store -------------------------------------------------------------------------------------------------- */

static Cell *cell_find(Sim *s, uint64_t chunk) {
        return (Cell *) (uintptr_t) map_get(&s->memory, chunk);
}

static Cell *cell_add(Sim *s, uint64_t chunk, size_t bytes) {
        Cell *c = calloc(1, sizeof(*c));

        ck_assert_ptr_nonnull(c);
        ck_assert_ptr_null(cell_find(s, chunk));
        c->bytes = bytes;
        s->memory_bytes += bytes;
        ck_assert_int_eq(map_set(&s->memory, chunk, (uintptr_t) c), 0);
        return c;
}

static void cell_drop(Sim *s, uint64_t chunk) {
        Cell *c = (Cell *) (uintptr_t) map_remove(&s->memory, chunk);

        ck_assert_ptr_nonnull(c);
        ck_assert_msg(c->readers == 0, "seed %llu: chunk %llu goes while it is read", (unsigned long long) s->seed,
                      (unsigned long long) chunk);
        s->memory_bytes -= c->bytes;
        free(c);
}

static void disk_drop(Sim *s, uint64_t chunk) {
        if (map_remove(&s->disk, chunk))
                s->disk_bytes -= map_remove(&s->size, chunk) - 1;
}

static void within_limits(const Sim *s) {
        size_t outputs = 0;
        WorkStats work;

        work_stats(s->work, &work);
        for (uint32_t k = 0; k < s->n_numbers; k++)
                outputs += s->running[k].busy ? s->running[k].bytes : 0;
        ck_assert_msg(s->memory_bytes + outputs <= work.chunk_bytes,
                      "seed %llu: %zu bytes of chunks, %zu in the ledger", (unsigned long long) s->seed,
                      s->memory_bytes + outputs, work.chunk_bytes);
        ck_assert_msg(work.chunk_bytes <= s->limits.cache_bytes, "seed %llu: %zu bytes of chunks, %zu allowed",
                      (unsigned long long) s->seed, work.chunk_bytes, s->limits.cache_bytes);
        ck_assert_msg(s->memory_bytes + outputs + s->scratch_bytes + s->limits.overhead_bytes <= s->limits.hard_bytes,
                      "seed %llu: %zu bytes of everything, %zu allowed", (unsigned long long) s->seed,
                      s->memory_bytes + outputs + s->scratch_bytes + s->limits.overhead_bytes, s->limits.hard_bytes);
}

/* ---- What the machines want ------------------------------------------------------------------------------------- */

static void expect(Sim *s, const PlanRun *run) {
        const Plan *plan = run->plan;

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

static void request_finished(Sim *s, const SchedAction *a) {
        s->n_open--;
        if (a->outcome) {
                const Error *err = &s->sched_actions.error.data[a->outcome - 1];

                ck_assert_msg(err->code == ERROR_CANCELED || (s->failures && err->code == ERROR_LINALG) ||
                                      (s->broken && (err->code == -EIO || err->code == ERROR_CORRUPT)) ||
                                      err->code == ERROR_MEMORY ||
                                      (s->full && err->code == -ENOSPC),
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
                        const Cell *cell = cell_find(s, t->chunk_first + c);
                        uint64_t content = cell ? cell->content : 0;

                        ck_assert_uint_eq(content ?: map_get(&s->disk, t->chunk_first + c),
                                          map_get(&s->expected, t->chunk_first + c));
                }
        }
}

static void do_sched(Sim *s, const SchedAction *a) {
        switch (a->kind) {
        case SCHED_PLAN:
                expect(s, a->run);
                tell_work(s, (WorkEvent) { .kind = WORK_PLAN, .run = a->run });
                break;
        case SCHED_RUN:
                tell_work(s, (WorkEvent) { .kind = WORK_RUN,
                                          .plan = a->plan,
                                          .n = a->n,
                                          .task = s->sched_actions.task.data + a->first });
                break;
        case SCHED_DROP:
                tell_work(s, (WorkEvent) { .kind = WORK_DROP, .chunk = a->chunk, .n = a->n });
                break;
        case SCHED_FORGET:
                tell_work(s, (WorkEvent) { .kind = WORK_FORGET, .plan = a->plan, .drop = a->drop });
                break;
        case SCHED_FINISHED:
                request_finished(s, a);
                break;
        case SCHED_RECALL:
                tell_work(s, (WorkEvent) { .kind = WORK_RECALL,
                                           .plan = a->plan,
                                           .n    = a->n,
                                           .task = s->sched_actions.task.data + a->first });
                break;
        case SCHED_WANTED:
        case SCHED_TAKE:
        case SCHED_DIGEST:
        case SCHED_DIFFERS:
        case SCHED_DRAINED:
        case SCHED_LATE:
        case SCHED_RECIPE:
        case SCHED_RECIPE_GONE:
        case SCHED_TENSOR:
        case SCHED_TENSOR_GONE:
                ck_abort_msg("there is one worker");
        }
}

static void start(Sim *s, const WorkAction *a) {
        const Plan *plan = a->run->plan;
        Running *r       = &s->running[a->thread];
        size_t scratch   = plan->stage.data[plan->task_stage[a->task]].scratch_bytes;

        ck_assert(!r->busy);
        *r = (Running) { .busy = true, .run = a->run, .task = a->task };
        for (uint32_t k = plan->input_start[a->task]; k < plan->input_start[a->task + 1]; k++) {
                Cell *c = cell_find(s, plan_run_chunk(a->run, plan->input_chunk[k]));

                ck_assert_msg(c && c->content, "seed %llu: a task starts without an input",
                              (unsigned long long) s->seed);
                c->readers++;
                r->in[k - plan->input_start[a->task]] = c->content;
        }
        for (uint32_t k = plan->output_start[a->task]; k < plan->output_start[a->task + 1]; k++)
                if (!cell_find(s, plan_run_chunk(a->run, plan->output_chunk[k])))
                        r->bytes += plan_chunk_bytes(plan, plan->output_chunk[k]);
        s->scratch_bytes += scratch;
}

static void together(Sim *s, const WorkAction *a) {
        const Value *v = &a->run->plan->value.data[a->value];
        bool ok        = sim_random(s, 4) > 0;

        for (uint32_t c = 0; ok && c < tiling_n_chunks(&v->tiling); c++)
                cell_add(s, plan_run_chunk(a->run, v->first_chunk + c),
                         plan_chunk_bytes(a->run->plan, v->first_chunk + c));
        tell_work(s, (WorkEvent) { .kind = WORK_GROUP, .plan = a->plan, .value = a->value, .ok = ok });
}

/* A task fails for memory for a reason. */
static void look_at_failure(Sim *s, const WorkAction *a) {
        const Error *err = work_error(&s->work_actions, a);
        const PlanRun *run;
        const Plan *plan;
        size_t bytes;

        if ((err->code != ERROR_MEMORY && err->code != -ENOSPC) || s->full || s->gaps || !s->limits.spill)
                return;
        for (uint32_t k = 0; k < MAX_CLIENTS; k++)
                if (s->client[k].pin > 0)
                        return;
        run   = a->run;
        plan  = run->plan;
        bytes = plan->stage.data[plan->task_stage[a->task]].scratch_bytes + 2 * 64;
        for (uint32_t k = plan->output_start[a->task]; k < plan->output_start[a->task + 1]; k++)
                bytes += plan_chunk_bytes(plan, plan->output_chunk[k]) + 64;
        for (uint32_t k = plan->input_start[a->task]; k < plan->input_start[a->task + 1]; k++)
                bytes += plan_chunk_bytes(plan, plan->input_chunk[k]) + 2 * PAGE;
        ck_assert_msg(bytes > MIN(s->limits.cache_bytes, s->limits.hard_bytes - s->limits.overhead_bytes),
                      "seed %llu: %s, but %zu are all it needs of %zu", (unsigned long long) s->seed, err->text, bytes,
                      s->limits.cache_bytes);
}

static void pinned(Sim *s, const WorkAction *a) {
        Client *c = NULL;

        for (uint32_t k = 0; k < MAX_CLIENTS; k++)
                if (s->client[k].pin == a->pin)
                        c = &s->client[k];
        ck_assert(c && c->waits);
        if (a->error > 0) {
                int code = work_error(&s->work_actions, a)->code;

                ck_assert(code == ERROR_MEMORY || (s->broken && (code == -EIO || code == ERROR_CLOSED)) ||
                          (s->full && code == -ENOSPC));
                *c = (Client) {};
                return;
        }
        c->waits = false;
        for (uint32_t k = 0; k < c->n; k++) {
                Cell *cell = cell_find(s, c->chunk + k);

                ck_assert(cell && cell->content == map_get(&s->expected, c->chunk + k));
                cell->readers++;
        }
}

static void do_work(Sim *s, const WorkAction *a) {
        Cell *cell;

        switch (a->kind) {
        case WORK_START:
                start(s, a);
                break;
        case WORK_TOGETHER:
                together(s, a);
                break;
        case WORK_FREE:
                for (uint32_t k = 0; k < a->n; k++) {
                        ck_assert(cell_find(s, a->chunk + k) || map_get(&s->disk, a->chunk + k));
                        if (cell_find(s, a->chunk + k))
                                cell_drop(s, a->chunk + k);
                        disk_drop(s, a->chunk + k);
                }
                break;
        case WORK_SPILL:
                cell = cell_find(s, a->chunk);
                ck_assert(cell && cell->content && !map_get(&s->disk, a->chunk));
                cell->readers++;
                ck_assert_int_eq(vec_push(&s->flight, (Flight) { .chunk = a->chunk, .write = true }), 0);
                break;
        case WORK_EVICT:
                ck_assert_uint_ne(map_get(&s->disk, a->chunk), 0);
                cell_drop(s, a->chunk);
                break;
        case WORK_RETURN:
                ck_assert_uint_ne(map_get(&s->disk, a->chunk), 0);
                if (s->gaps && sim_random(s, 5) == 0) {
                        s->n_gaps++;
                        tell_work(s, (WorkEvent) { .kind = WORK_RETURNED, .chunk = a->chunk });
                        break;
                }
                cell_add(s, a->chunk, (map_get(&s->size, a->chunk) - 1 + PAGE - 1) / PAGE * PAGE + PAGE)->readers = 1;
                ck_assert_int_eq(vec_push(&s->flight, (Flight) { .chunk = a->chunk }), 0);
                break;
        case WORK_PINNED:
                pinned(s, a);
                break;
        case WORK_DONE:
                tell_sched(s, (SchedEvent) { .kind   = SCHED_DONE,
                                             .plan   = a->plan,
                                             .n      = 1,
                                             .task   = &a->task,
                                             .length = work_lengths(&s->work_actions, a) });
                break;
        case WORK_FAILED:
                look_at_failure(s, a);
                tell_sched(s, (SchedEvent) { .kind  = SCHED_FAILED,
                                            .plan  = a->plan,
                                            .n     = 1,
                                            .task  = &a->task,
                                            .error = work_error(&s->work_actions, a) });
                break;
        case WORK_FORGOTTEN:
                tell_sched(s, (SchedEvent) { .kind = SCHED_FORGOTTEN, .plan = a->plan });
                break;
        case WORK_RECALLED:
                tell_sched(s, (SchedEvent) { .kind = SCHED_RECALLED, .plan = a->plan, .n = 1, .task = &a->task });
                break;
        case WORK_LOST:
                s->n_lost++;
                tell_sched(s, (SchedEvent) { .kind  = SCHED_LOST,
                                           .chunk = a->chunk,
                                           .error = work_error(&s->work_actions, a) });
                break;
        case WORK_FETCH:
        case WORK_TAKEN:
                ck_abort_msg("there is one worker");
        }
}

static void pump(Sim *s) {
        for (;;) {
                if (s->sched_at < s->sched_actions.action.n) {
                        SchedAction a = s->sched_actions.action.data[s->sched_at++];

                        do_sched(s, &a);
                } else if (s->work_at < s->work_actions.action.n) {
                        WorkAction a = s->work_actions.action.data[s->work_at++];

                        do_work(s, &a);
                } else
                        break;
        }
        sched_actions_clear(&s->sched_actions);
        work_actions_clear(&s->work_actions);
        s->sched_at = s->work_at = 0;
        within_limits(s);
}

/* ---- What happens ----------------------------------------------------------------------------------------------- */

static void inputs_let_go(Sim *s, const Running *r) {
        const Plan *plan = r->run->plan;

        for (uint32_t k = plan->input_start[r->task]; k < plan->input_start[r->task + 1]; k++)
                cell_find(s, plan_run_chunk(r->run, plan->input_chunk[k]))->readers--;
        s->scratch_bytes -= plan->stage.data[plan->task_stage[r->task]].scratch_bytes;
}

static void finish(Sim *s, uint32_t thread) {
        Running *r        = &s->running[thread];
        const Plan *plan  = r->run->plan;
        uint32_t n_in     = plan->input_start[r->task + 1] - plan->input_start[r->task], n_out = 0, n_length = 0;
        WorkEvent event   = { .kind = WORK_FINISHED, .thread = thread };
        int64_t length[4] = {};
        size_t bytes[4]   = {};
        Error err         = {};

        r->busy = false;
        inputs_let_go(s, r);
        if (r->run->canceled || (s->failures && sim_random(s, 500) == 0)) {
                error_set(&err, r->run->canceled ? ERROR_CANCELED : ERROR_LINALG, "it was singular");
                event.error = &err;
        }
        for (uint32_t k = plan->output_start[r->task]; k < plan->output_start[r->task + 1] && !event.error;
             k++, n_out++) {
                uint32_t c      = plan->output_chunk[k];
                uint64_t id     = plan_run_chunk(r->run, c);
                uint64_t result = fake_result(plan, r->task, n_out, n_in, r->in);
                Cell *cell      = cell_find(s, id);

                bytes[n_out] = plan_chunk_bytes(plan, c);
                if (!tiling_known(&plan->value.data[plan->chunk_value[c]].tiling)) {
                        length[n_length] = fake_length(plan, c, result);
                        bytes[n_out]     = (size_t) length[n_length++] * sizeof(double);
                }
                if (!cell)
                        cell = cell_add(s, id, bytes[n_out]);
                ck_assert_uint_eq(cell->content, 0);
                cell->content = result;
        }
        event.bytes  = bytes;
        event.length = length;
        tell_work(s, event);
        pump(s);
}

/* The task that the thread was to run found no memory. */
static void refuse(Sim *s, uint32_t thread) {
        s->n_gaps++;
        s->running[thread].busy = false;
        inputs_let_go(s, &s->running[thread]);
        tell_work(s, (WorkEvent) { .kind = WORK_REFUSED, .thread = thread });
        pump(s);
}

static void land(Sim *s, uint32_t which) {
        Flight f        = s->flight.data[which];
        WorkEvent event = { .kind = f.write ? WORK_SPILLED : WORK_RETURNED, .chunk = f.chunk, .ok = true };
        Cell *cell      = cell_find(s, f.chunk);
        Error err       = {};

        s->flight.data[which] = vec_pop(&s->flight);
        cell->readers--;
        if (f.write) {
                if (s->disk_bytes + cell->bytes > s->disk_limit || (s->full && sim_random(s, 6) == 0)) {
                        error_set(&err, -ENOSPC, "the disk is full");
                        event.error = &err;
                } else {
                        ck_assert_int_eq(map_set(&s->disk, f.chunk, cell->content), 0);
                        ck_assert_int_eq(map_set(&s->size, f.chunk, cell->bytes + 1), 0);
                        s->disk_bytes += cell->bytes;
                }
        } else if (s->broken && sim_random(s, 60) == 0) {
                error_set(&err, -EIO, "a bad sector");
                event.error = &err;
                event.ok    = false;
                event.lost  = sim_random(s, 3) > 0; /* else an origin that cannot be read now */
                cell_drop(s, f.chunk);
        } else
                cell->content = map_get(&s->disk, f.chunk);
        tell_work(s, event);
        pump(s);
}

static void client_moves(Sim *s, Client *c) {
        const SchedTensor *t;

        if (c->pin == 0) {
                if (s->tensor.n == 0)
                        return;
                t = sched_tensor(s->sched, s->tensor.data[sim_random(s, s->tensor.n)]);
                if (t->n_chunks == 0)
                        return;
                c->pin    = ++s->next_pin;
                c->brief  = sim_random(s, 2) == 0;
                c->n      = 1 + (uint32_t) sim_random(s, MIN(t->n_chunks, 4u));
                c->chunk  = t->chunk_first + sim_random(s, t->n_chunks - c->n + 1);
                c->waits  = true;
                c->tensor = t->id;
                tell_work(s, (WorkEvent) { .kind  = WORK_PIN,
                                          .pin   = c->pin,
                                          .chunk = c->chunk,
                                          .n     = c->n,
                                          .brief = c->brief });
                pump(s);
                return;
        }
        for (uint32_t k = 0; k < c->n && !c->waits; k++)
                cell_find(s, c->chunk + k)->readers--;
        tell_work(s, (WorkEvent) {
                             .kind = WORK_UNPIN, .pin = c->pin, .chunk = c->chunk, .n = c->n, .brief = c->brief });
        *c = (Client) {};
        pump(s);
}

static void release(Sim *s, uint32_t which) {
        uint64_t id = s->tensor.data[which];

        for (uint32_t k = 0; k < MAX_CLIENTS; k++)
                if (s->client[k].pin && s->client[k].waits && s->client[k].tensor == id)
                        return; /* who waits for chunks holds the tensor */
        s->tensor.data[which] = vec_pop(&s->tensor);
        tell_sched(s, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = id });
        pump(s);
}

static void submit(Sim *s) {
        uint32_t n = 1 + (uint32_t) sim_random(s, 5), id;
        Graph *graph;

        ck_assert_int_eq(graph_new(&graph), 0);
        for (uint32_t k = 0; k < n; k++) {
                uint32_t n_in = k == 0 && s->tensor.n == 0 ? 0 : (uint32_t) sim_random(s, 4);
                FakeParams p  = { .seed    = (int64_t) (sim_random(s, UINT32_MAX)),
                                  .length  = 1 + (int64_t) sim_random(s, 40000),
                                  .step    = 500 + (int64_t) sim_random(s, 3000),
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
        pump(s);
}

/* A thread asks for work; true if that changed anything. */
static bool ask(Sim *s, uint32_t thread) {
        uint32_t n_ready = work_n_ready(s->work), n_flying = work_n_flying(s->work);
        uint64_t n_gaps  = s->n_gaps;

        if (s->running[thread].busy || n_ready == 0)
                return false;
        tell_work(s, (WorkEvent) { .kind = WORK_NEXT, .thread = thread });
        pump(s);
        if (s->running[thread].busy && s->gaps && sim_random(s, 10) == 0)
                refuse(s, thread);
        return n_ready != work_n_ready(s->work) || n_flying != work_n_flying(s->work) || n_gaps != s->n_gaps ||
               s->running[thread].busy;
}

static bool somebody_moves(Sim *s) {
        uint32_t first = (uint32_t) sim_random(s, 1000);

        for (uint32_t k = 0; k < 3 * MAX_NUMBERS; k++) {
                uint32_t what = (first + k) % (3 * MAX_NUMBERS), thread = what % s->n_numbers;

                if (what / MAX_NUMBERS == 0 && s->flight.n > 0) {
                        land(s, (uint32_t) sim_random(s, s->flight.n));
                        return true;
                }
                if (what / MAX_NUMBERS == 1 && s->running[thread].busy) {
                        finish(s, thread);
                        return true;
                }
                if (what / MAX_NUMBERS == 2 && ask(s, thread))
                        return true;
        }
        return false;
}

static void limits_set(Sim *s) {
        size_t cache = (60 + sim_random(s, 400)) * KiB;

        s->limits = (WorkLimits) { .cache_bytes    = cache,
                                   .hard_bytes     = cache + 200 * KiB,
                                   .overhead_bytes = sim_random(s, 100) * KiB,
                                   .spill          = s->seed % 8 != 7 };
        s->limits.soft_bytes = s->limits.hard_bytes - sim_random(s, s->limits.hard_bytes / 4);
        s->disk_limit        = s->full && sim_random(s, 2) ? (100 + sim_random(s, 2000)) * KiB : SIZE_MAX;
}

static void run_seed(uint64_t seed) {
        Sim *s             = calloc(1, sizeof(*s));
        uint32_t n_submits = 10;
        SchedStats sched;
        WorkStats work;

        s->seed     = seed;
        s->random   = seed * 0x1234567;
        s->full     = seed % 3 == 1;
        s->broken   = seed % 5 == 2;
        s->gaps     = seed % 4 == 3;
        s->clients  = seed % 2 == 1;
        s->failures = seed % 7 == 3;
        s->careful  = seed % 6 == 2;
        limits_set(s);
        s->limits.tasks_per_thread = 1 + (uint32_t) sim_random(s, MAX_PER_THREAD);
        s->n_threads               = 1 + (uint32_t) sim_random(s, MAX_THREADS);
        s->n_numbers               = s->n_threads * s->limits.tasks_per_thread;
        ck_assert_int_eq(sched_new(&s->sched, true, fake_plan), 0);
        ck_assert_int_eq(work_new(&s->work, s->n_threads, &s->limits), 0);
        tell_sched(s, (SchedEvent) { .kind = SCHED_JOINED });
        while (n_submits > 0 || s->n_open > 0) {
                bool moved;

                if (n_submits > 0 && (s->n_open == 0 || sim_random(s, 100) == 0)) {
                        submit(s);
                        n_submits--;
                }
                if (s->tensor.n > 0 && sim_random(s, 60) == 0)
                        release(s, (uint32_t) sim_random(s, s->tensor.n));
                if (sim_random(s, 1500) == 0) {
                        Error err = {};

                        error_set(&err, ERROR_CANCELED, "canceled");
                        tell_sched(s, (SchedEvent) { .kind = SCHED_CANCEL,
                                                    .request = 1 + sim_random(s, s->n_requests),
                                                    .error = &err });
                        pump(s);
                }
                if (s->clients && sim_random(s, 40) == 0)
                        client_moves(s, &s->client[sim_random(s, MAX_CLIENTS)]);
                if (s->careful && sim_random(s, 200) == 0) {
                        tell_work(s, (WorkEvent) { .kind = WORK_CAREFUL,
                                                  .n    = (uint32_t) sim_random(s, s->n_threads + 1) });
                        pump(s);
                }
                moved = somebody_moves(s);
                for (uint32_t k = 0; k < MAX_CLIENTS && !moved && s->n_open > 0; k++)
                        if (s->client[k].pin && s->client[k].brief && !s->client[k].waits) {
                                client_moves(s, &s->client[k]); /* brief pins end; nobody needs to wait for others */
                                moved = true;
                        }
                ck_assert_msg(moved || s->n_open == 0, "seed %llu: nothing happens, %llu requests are open",
                              (unsigned long long) seed, (unsigned long long) s->n_open);
        }
        for (uint32_t k = 0; k < MAX_CLIENTS; k++)
                if (s->client[k].pin)
                        client_moves(s, &s->client[k]);
        while (s->tensor.n > 0)
                release(s, s->tensor.n - 1);
        while (somebody_moves(s)) /* what is still on the way */
                ;
        sched_stats(s->sched, &sched);
        work_stats(s->work, &work);
        ck_assert_uint_eq(sched.n_tensors, 0);
        ck_assert_uint_eq(sched.n_requests, 0);
        ck_assert_uint_eq(sched.n_plans, 0);
        ck_assert_uint_eq(sched.state_bytes, 0);
        ck_assert_uint_eq(work.n_chunks, 0);
        ck_assert_uint_eq(work.n_tasks, 0);
        ck_assert_uint_eq(work.n_plans, 0);
        ck_assert_uint_eq(work.used_bytes, 0);
        ck_assert_uint_eq(work.away_bytes, 0);
        ck_assert(work_consistent(s->work));
        ck_assert_uint_eq(s->memory.n, 0);
        ck_assert_uint_eq(s->disk.n, 0);
        ck_assert_uint_eq(s->memory_bytes + s->scratch_bytes + s->disk_bytes, 0);
        if (getenv("SIM_SEED"))
                fprintf(stderr,
                        "seed %llu: %llu requests succeeded, %llu failed, %llu tasks; %llu chunks written, "
                        "%llu evicted, %llu came back, %llu were lost\n",
                        (unsigned long long) seed, (unsigned long long) s->n_succeeded,
                        (unsigned long long) s->n_failed, (unsigned long long) sched.n_tasks_done,
                        (unsigned long long) work.n_spilled, (unsigned long long) work.n_evicted,
                        (unsigned long long) work.n_returned, (unsigned long long) s->n_lost);
        sched_free(s->sched);
        work_free(s->work);
        sched_actions_done(&s->sched_actions);
        work_actions_done(&s->work_actions);
        map_done(&s->memory);
        map_done(&s->disk);
        map_done(&s->size);
        map_done(&s->expected);
        vec_free(&s->flight);
        vec_free(&s->tensor);
        free(s);
}

TEST(every_seed_ends_within_its_memory_with_the_right_chunks_and_nothing_left) {
        const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
        uint64_t n      = many ? strtoull(many, NULL, 10) : 500;

        if (one) {
                run_seed(strtoull(one, NULL, 10));
                return;
        }
        for (uint64_t seed = 1; seed <= n; seed++)
                run_seed(seed);
}
