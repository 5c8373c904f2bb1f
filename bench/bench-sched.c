/* SPDX-License-Identifier: Apache-2.0 */
/* What a task costs besides its own work. First the two machines alone, in one thread, with nothing behind them; then
 * the whole engine with tasks of a few elements; then a tiny request from submit to take; last, what it costs to decide
 * which of many chunks goes.
 *
 *     build/bench/bench-sched [tasks]
 *
 * The goals: 1 µs and 200 bytes a task, 50 µs a tiny request, 1 µs a chunk that goes, of as many as there are tasks. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/engine.h"
#include "sched/evict.h"
#include "sched/work.h"

#define TiB ((size_t) 1 << 40)

enum { ROUNDS = 5 };

static double seconds(clockid_t clock) {
        struct timespec t;

        clock_gettime(clock, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static double now(void) {
        return seconds(CLOCK_MONOTONIC);
}

/* What the machines cost, however busy the computer is otherwise. */
static double cpu_now(void) {
        return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void must(int r) {
        if (r < 0) {
                fprintf(stderr, "%s\n", strerror(-r));
                exit(EXIT_FAILURE);
        }
}

/* arange(n_chunks * step) * 2 in chunks of `step`, summed or not. The source is made in the task that uses it. */
static Graph *graph_of(int64_t n_chunks, int64_t step, bool sum) {
        const int64_t chunk_size[] = { 1, step };
        ArangeParams params        = { .source = { .shape      = DIMS(n_chunks * step),
                                                   .dtype      = DTYPE_F64,
                                                   .chunk_size = { .n = 2, .given = true, .v = chunk_size } },
                                       .start  = scalar_from_f64(DTYPE_F64, 0),
                                       .step   = scalar_from_f64(DTYPE_F64, 1) };
        Error err = {};
        Build b   = { .err = &err };
        Ref a;

        must(graph_new(&b.graph));
        a = build_binary(&b, "multiply", build_op(&b, "arange", &params, 0, NULL), build_f64(&b, DTYPE_F64, 2));
        if (sum)
                a = build_reduce(&b, "sum", a, (Dims) {}, false, DTYPE_NONE);
        must(vec_push(&b.graph->wanted, a));
        if (build_done(&b) < 0) {
                fprintf(stderr, "%s\n", err.text);
                exit(EXIT_FAILURE);
        }
        return b.graph;
}

static double planning; /* seconds */

static int plan_timed(const Graph *graph, const PlanLeaves *leaves, Plan **ret, Error *err) {
        double start = cpu_now();
        int r        = plan_make(graph, leaves, ret, err);

        planning += cpu_now() - start;
        return r;
}

/* Steps both machines through a request; tasks take no time and no memory. */
static void bench_machines(const char *name, Graph *graph) {
        SchedActions sa = {};
        WorkActions wa  = {};
        SchedStats sched_after;
        WorkStats work_after;
        uint64_t n_tasks = 0, most_bytes = 0;
        uint32_t s_at = 0, w_at = 0, n_ready;
        bool running = false;
        Sched *s;
        Work *w;
        double start;
        PlanRun *run = NULL;
        uint32_t task = 0;

        must(sched_new(&s, true, plan_timed));
        must(work_new(&w, 1, &(WorkLimits) { .cache_bytes = TiB, .hard_bytes = TiB, .soft_bytes = TiB }));
        must(sched_step(s, &(SchedEvent) { .kind = SCHED_JOINED }, &sa));
        planning = 0;
        start    = cpu_now();
        must(sched_step(s, &(SchedEvent) { .kind = SCHED_SUBMIT, .request = 1, .graph = graph }, &sa));
        for (;;) {
                if (s_at < sa.action.n) {
                        SchedAction a = sa.action.data[s_at++];

                        switch (a.kind) {
                        case SCHED_PLAN:
                                must(work_step(w, &(WorkEvent) { .kind = WORK_PLAN, .run = a.run }, &wa));
                                break;
                        case SCHED_RUN:
                                must(work_step(w,
                                               &(WorkEvent) { .kind = WORK_RUN,
                                                             .plan = a.plan,
                                                             .n = a.n,
                                                             .task = sa.task.data + a.first },
                                               &wa));
                                break;
                        case SCHED_DROP:
                                must(work_step(w, &(WorkEvent) { .kind = WORK_DROP, .chunk = a.chunk, .n = a.n }, &wa));
                                break;
                        case SCHED_FORGET:
                                must(work_step(w, &(WorkEvent) { .kind = WORK_FORGET, .plan = a.plan, .drop = a.drop },
                                               &wa));
                                break;
                        default:
                                if (a.outcome)
                                        fprintf(stderr, "%s\n", sa.error.data[a.outcome - 1].text);
                                break;
                        }
                        continue;
                }
                if (w_at < wa.action.n) {
                        WorkAction a = wa.action.data[w_at++];

                        if (a.kind == WORK_START) {
                                running = true;
                                run     = a.run;
                                task    = a.task;
                        } else if (a.kind == WORK_TOGETHER)
                                must(work_step(
                                        w,
                                        &(WorkEvent) {
                                                .kind = WORK_GROUP, .plan = a.plan, .value = a.value, .ok = true },
                                        &wa));
                        else if (a.kind == WORK_DONE)
                                must(sched_step(s,
                                                &(SchedEvent) {
                                                        .kind = SCHED_DONE, .plan = a.plan, .n = 1, .task = &a.task },
                                                &sa));
                        else if (a.kind == WORK_FORGOTTEN)
                                must(sched_step(s, &(SchedEvent) { .kind = SCHED_FORGOTTEN, .plan = a.plan }, &sa));
                        continue;
                }
                sched_actions_clear(&sa);
                work_actions_clear(&wa);
                s_at = w_at = 0;
                if (running) {
                        size_t bytes[64] = {};

                        running = false;
                        for (uint32_t k = run->plan->output_start[task]; k < run->plan->output_start[task + 1]; k++)
                                bytes[k - run->plan->output_start[task]] =
                                        plan_chunk_bytes(run->plan, run->plan->output_chunk[k]);
                        must(work_step(w, &(WorkEvent) { .kind = WORK_FINISHED, .bytes = bytes }, &wa));
                        if (n_tasks++ % 65536 == 0) {
                                sched_stats(s, &sched_after);
                                work_stats(w, &work_after);
                                most_bytes = MAX(most_bytes, sched_after.state_bytes + work_after.state_bytes);
                        }
                        continue;
                }
                n_ready = work_n_ready(w);
                if (n_ready == 0)
                        break;
                must(work_step(w, &(WorkEvent) { .kind = WORK_NEXT }, &wa));
        }
        printf("%-28s %9llu tasks  machines %4.0f ns of CPU a task, %4.0f bytes a task; planning %4.0f ns a task\n",
               name, (unsigned long long) n_tasks, (cpu_now() - start - planning) / (double) n_tasks * 1e9,
               (double) most_bytes / (double) n_tasks, planning / (double) n_tasks * 1e9);
        must(sched_step(s, &(SchedEvent) { .kind = SCHED_CLOSE }, &sa));
        sched_free(s);
        work_free(w);
        sched_actions_done(&sa);
        work_actions_done(&wa);
}

/* As many chunks as there are tasks, known by when they are read next. Then the least valuable goes and comes back with
 * another use, again and again. */
static void bench_evict(uint32_t n) {
        Evict evict     = {};
        uint64_t random = 1;
        double start;

        for (uint32_t k = 0; k < n; k++)
                must(evict_set(&evict, &(EvictKey) { .plan = 1, .position = k * 2654435761u, .chunk = k }));
        start = cpu_now();
        for (uint32_t k = 0; k < n; k++) {
                EvictKey key = *evict_first(&evict);

                evict_remove(&evict, key.chunk);
                random       = random * 6364136223846793005u + 1442695040888963407u;
                key.position = (uint32_t) (random >> 32);
                must(evict_set(&evict, &key));
        }
        printf("eviction: %.0f ns of CPU to take one chunk of %u and to add one\n", (cpu_now() - start) / n * 1e9, n);
        evict_done(&evict);
}

static double execute(Engine *e, Graph *graph) {
        double start = now();
        EngineRequest *q;
        Error err = {};
        TensorId id;

        if (engine_submit(e, graph, false, &q, &err) < 0 || engine_wait(q, UINT64_MAX, &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                exit(EXIT_FAILURE);
        }
        must(engine_request_take(q, &id));
        engine_request_unref(q);
        start = now() - start;
        engine_release(e, id);
        return start;
}

/* The best of a few: the first one touches the memory. */
static void bench_engine(const char *name, unsigned n_threads, int64_t n_chunks, bool sum) {
        double best = 1e9, best_cpu = 1e9;
        EngineStats stats;
        Engine *e;

        must(engine_new(&e, &(EngineConfig) { .n_threads = n_threads, .budget.memory_bytes = 4 * GiB }, NULL));
        for (int k = 0; k < ROUNDS; k++) {
                double cpu = cpu_now();

                best     = MIN(best, execute(e, graph_of(n_chunks, 4, sum)));
                best_cpu = MIN(best_cpu, cpu_now() - cpu);
        }
        engine_stats(e, &stats);
        printf("engine, %u threads, %-16s %4.0f ns a task of 4 elements, %4.0f ns of CPU (planning included)\n",
               n_threads, name, best / (double) stats.n_tasks_done * ROUNDS * 1e9,
               best_cpu / (double) stats.n_tasks_done * ROUNDS * 1e9);
        engine_unref(e);
}

int main(int argc, char **argv) {
        int64_t n   = argc > 1 ? atoll(argv[1]) : 1000000;
        double best = 1;
        Engine *e;

        bench_machines("a * 2", graph_of(n, 4, false));
        bench_machines("(a * 2).sum()", graph_of(n, 4, true));
        for (unsigned n_threads = 1; n_threads <= 2; n_threads++) {
                bench_engine("a * 2:", n_threads, n, false);
                bench_engine("(a * 2).sum():", n_threads, n, true);
        }
        must(engine_new(&e, NULL, NULL));
        for (int k = 0; k < 2000; k++)
                best = MIN(best, execute(e, graph_of(4, 10, false)));
        printf("tiny request of 4 tasks: %.1f µs at best\n", best * 1e6);
        engine_unref(e);
        bench_evict((uint32_t) n);
        return 0;
}
