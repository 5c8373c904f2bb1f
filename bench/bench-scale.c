/* SPDX-License-Identifier: Apache-2.0 */
/* A scheduler with many workers: its machine, and every message to and from workers encoded and decoded as the daemons
 * do. Workers here are lists: tasks take no time, and what is done is told a batch at a time. Only the scheduler's CPU
 * is counted: decoding, checking, deciding, encoding.
 *
 *     build/bench/bench-scale [workers [tasks [batch]]]
 *
 * The goals: 500,000 tasks a second on one core, 200 bytes a task. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/budget.h"
#include "sched/sched.h"
#include "wire/wire.h"

enum { STEP = 4 }; /* elements of a chunk */

typedef struct Many {
        Vec(uint32_t) task;
        uint32_t done;
} Many;

typedef struct Scale {
        Sched *sched;
        SchedActions said;
        Many *worker;
        uint32_t n_workers, batch;
        uint64_t plan, n_messages, n_bytes, n_done, n_fetches;
        const Plan *made;
        bool finished;
} Scale;

static double cpu_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void must(int r) {
        if (r < 0) {
                fprintf(stderr, "%s\n", strerror(-r));
                exit(EXIT_FAILURE);
        }
}

static double planning;

static int plan_timed(const Graph *graph, const PlanLeaves *leaves, Plan **ret, Error *err) {
        double start = cpu_now();
        int r        = plan_make(graph, leaves, ret, err);

        planning += cpu_now() - start;
        return r;
}

/* (arange(n_chunks * STEP) * 2).sum() in chunks of STEP: one task a chunk, and a tree above them. */
static Graph *graph_of(int64_t n_chunks) {
        const int64_t chunk_size[] = { 1, STEP };
        ArangeParams params        = { .source = { .shape      = DIMS(n_chunks * STEP),
                                                   .dtype      = DTYPE_F64,
                                                   .chunk_size = { .n = 2, .given = true, .v = chunk_size } },
                                       .start  = scalar_from_f64(DTYPE_F64, 0),
                                       .step   = scalar_from_f64(DTYPE_F64, 1) };
        Error err = {};
        Build b   = { .err = &err };
        Ref a;

        must(graph_new(&b.graph));
        a = build_binary(&b, "multiply", build_op(&b, "arange", &params, 0, NULL), build_f64(&b, DTYPE_F64, 2));
        a = build_reduce(&b, "sum", a, (Dims) {}, false, DTYPE_NONE);
        must(vec_push(&b.graph->wanted, a));
        must(build_done(&b));
        return b.graph;
}

/* What a worker is told, over the wire. Its own side of it is not the scheduler's CPU. */
static double told(Scale *s, const SchedAction *a) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const WireMessage m = { WIRE_IS_RUN,
                                .run = { .plan    = a->plan,
                                         .task    = &s->said.task.data[a->first].task,
                                         .task_n  = 2 * a->n,
                                         .fetch   = a->n_fetch > 0 ? &s->said.fetch.data[a->first_fetch].chunk : NULL,
                                         .fetch_n = 2 * a->n_fetch } };
        WireMessage heard;
        Writer w  = {};
        Error err = {};
        double start;

        wire_encode(&m, &w);
        must(w.r);
        start = cpu_now();
        must(wire_decode(m.kind, w.bytes.data, w.bytes.n, arena, &heard, &err));
        for (uint32_t k = 0; k < heard.run.task_n; k += 2)
                must(vec_push(&s->worker[a->worker].task, heard.run.task[k]));
        s->n_messages++;
        s->n_bytes += w.bytes.n;
        s->n_fetches += a->n_fetch;
        vec_free(&w.bytes);
        return cpu_now() - start;
}

/* Carries out what was said; returns the CPU that was not the scheduler's. */
static double carry_out(Scale *s) {
        double others = 0;

        for (uint32_t k = 0; k < s->said.action.n; k++) {
                const SchedAction *a = &s->said.action.data[k];

                if (a->kind == SCHED_RUN)
                        others += told(s, a);
                else if (a->kind == SCHED_PLAN) {
                        s->plan = a->plan;
                        s->made = a->run->plan;
                } else if (a->kind == SCHED_FORGET)
                        must(sched_step(s->sched, &(SchedEvent) { .kind   = SCHED_FORGOTTEN,
                                                                  .worker = a->worker,
                                                                  .plan   = a->plan }, &s->said));
                else if (a->kind == SCHED_FINISHED) {
                        s->finished = true;
                        if (a->outcome)
                                fprintf(stderr, "%s\n", s->said.error.data[a->outcome - 1].text);
                }
        }
        sched_actions_clear(&s->said);
        return others;
}

/* The worker tells of what it has done since it did last, over the wire. */
static double tell(Scale *s, uint32_t worker) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Many *many          = &s->worker[worker];
        const uint32_t n    = MIN(many->task.n - many->done, s->batch);
        double others       = cpu_now();
        const WireMessage m = { WIRE_IS_DONE,
                                .done = { .plan = s->plan, .task = many->task.data + many->done, .task_n = n } };
        SchedEvent event = { .kind = SCHED_DONE, .worker = worker };
        WireMessage heard;
        Writer w  = {};
        Error err = {};

        wire_encode(&m, &w);
        must(w.r);
        many->done += n;
        others = cpu_now() - others;
        must(wire_decode(m.kind, w.bytes.data, w.bytes.n, arena, &heard, &err));
        event.plan = heard.done.plan;
        event.n    = heard.done.task_n;
        event.task = heard.done.task;
        must(sched_check(s->sched, &event, heard.done.length_n, &err));
        must(sched_step(s->sched, &event, &s->said));
        others += carry_out(s);
        s->n_done += n;
        s->n_messages++;
        s->n_bytes += w.bytes.n;
        vec_free(&w.bytes);
        return others;
}

int main(int argc, char **argv) {
        const int64_t n_chunks = argc > 2 ? atoll(argv[2]) : 1000000;
        Scale s = { .n_workers = argc > 1 ? (uint32_t) atoi(argv[1]) : 1000,
                    .batch     = argc > 3 ? (uint32_t) atoi(argv[3]) : 32 };
        double start, others = 0, wall;
        size_t before, most = 0;
        SchedStats stats;

        if (s.n_workers == 0 || s.n_workers > MAX_WORKERS || n_chunks <= 0 || s.batch == 0) {
                fprintf(stderr, "usage: bench-scale [workers, at most %d [tasks [batch]]]\n", MAX_WORKERS);
                return EXIT_FAILURE;
        }
        s.worker = calloc(s.n_workers, sizeof(*s.worker));
        if (!s.worker)
                return EXIT_FAILURE;
        must(sched_new(&s.sched, false, plan_timed));
        for (uint32_t w = 0; w < s.n_workers; w++)
                must(sched_step(s.sched, &(SchedEvent) { .kind = SCHED_JOINED, .worker = w }, &s.said));
        before = budget_process_bytes();
        start = wall = cpu_now();
        must(sched_step(s.sched, &(SchedEvent) { .kind = SCHED_SUBMIT, .request = 1, .graph = graph_of(n_chunks) },
                        &s.said));
        most   = budget_process_bytes() - before;
        others = carry_out(&s);
        sched_stats(s.sched, &stats);
        printf("%u workers, %u tasks: planned in %.2f s; %.0f bytes a task resident, of which %.0f of the machine\n",
               s.n_workers, s.made->n_task, planning, (double) most / s.made->n_task,
               (double) stats.state_bytes / s.made->n_task);
        for (bool moved = true; moved && !s.finished;) {
                moved = false;
                for (uint32_t w = 0; w < s.n_workers && !s.finished; w++)
                        if (s.worker[w].done < s.worker[w].task.n) {
                                others += tell(&s, w);
                                moved = true;
                        }
        }
        wall = cpu_now() - start;
        printf("%llu tasks done in batches of %u: %.0f ns of the scheduler's CPU a task, %.0f tasks a second on one "
               "core (wanted 500000); %.1f bytes a task in %llu messages, %llu fetches\n",
               (unsigned long long) s.n_done, s.batch, (wall - others - planning) / (double) s.n_done * 1e9,
               (double) s.n_done / (wall - others), (double) s.n_bytes / (double) s.n_done,
               (unsigned long long) s.n_messages, (unsigned long long) s.n_fetches);
        if (!s.finished)
                fprintf(stderr, "it did not finish\n");
        for (uint32_t w = 0; w < s.n_workers; w++)
                vec_free(&s.worker[w].task);
        free(s.worker);
        sched_free(s.sched);
        sched_actions_done(&s.said);
        return s.finished ? EXIT_SUCCESS : EXIT_FAILURE;
}
