/* SPDX-License-Identifier: Apache-2.0 */
/* Two workers that do not reach each other: what the scheduler has done about it, step by step. The cluster of
 * tests/sim lives in parts for as long as a job takes. */
#include "sched/sched.h"
#include "sim/fake-registry.h"

#include "harness.h"

enum { MOST_WORKERS = 4, SECOND = 1000 * 1000 };

typedef struct Bed {
        Sched *sched;
        SchedActions said;
        uint64_t plan, next_request;
        bool finished;
        uint64_t result; /* a tensor */
} Bed;

static void tell(Bed *b, SchedEvent event) {
        sched_actions_clear(&b->said);
        ck_assert_int_eq(sched_step(b->sched, &event, &b->said), 0);
        ck_assert(sched_consistent(b->sched));
        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction *a = &b->said.action.data[k];

                if (a->kind == SCHED_PLAN)
                        b->plan = a->plan;
                if (a->kind != SCHED_FINISHED)
                        continue;
                ck_assert_uint_eq(a->outcome, 0);
                b->finished = true;
                b->result   = b->said.tensor.data[a->first];
        }
}

static Bed bed_new(uint32_t n_workers) {
        Bed b = {};

        ck_assert_int_eq(sched_new(&b.sched, false, fake_plan), 0);
        for (uint32_t w = 0; w < n_workers; w++)
                tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = w, .n_threads = 1 });
        return b;
}

static void bed_done(Bed *b) {
        sched_free(b->sched);
        sched_actions_done(&b->said);
}

/* Data of one chunk at the worker. */
static uint64_t adopt(Bed *b, uint32_t worker) {
        const Tiling tiling = { .ndim = 1, .axis = { cuts_regular(10, 10) } };
        const Spec spec     = { .dtype = DTYPE_F64, .shape = SHAPE(10) };
        uint64_t id;

        ck_assert_int_eq(sched_adopt(b->sched, &spec, &tiling, worker, &id), 0);
        tell(b,
             (SchedEvent) { .kind = SCHED_TAKEN, .worker = worker, .chunk = sched_tensor(b->sched, id)->chunk_first });
        return id;
}

static uint64_t chunk_of(const Bed *b, uint64_t tensor) {
        return sched_tensor(b->sched, tensor)->chunk_first;
}

static uint32_t holder_of(const Bed *b, uint64_t tensor) {
        return sched_tensor(b->sched, tensor)->holder[0];
}

/* Some tasks, of which some read the tensors. */
static void submit(Bed *b, const uint64_t *tensor, uint32_t n) {
        FakeParams p = { .seed = 6, .length = 40, .step = 10 };
        Graph *graph;
        uint32_t id;
        Ref in[4];

        ck_assert_int_eq(graph_new(&graph), 0);
        for (uint32_t k = 0; k < n; k++)
                ck_assert_int_eq(
                        graph_add_stored(graph, tensor[k], &sched_tensor(b->sched, tensor[k])->spec, &in[k].node), 0);
        for (uint32_t k = 0; k < n; k++)
                in[k].out = 0;
        ck_assert_int_eq(graph_add(graph, &fake_op, &p, in, n, &id, NULL), 0);
        ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
        tell(b, (SchedEvent) { .kind = SCHED_SUBMIT, .request = ++b->next_request, .graph = graph });
}

static void unreached(Bed *b, uint32_t worker, uint32_t from, uint64_t chunk) {
        tell(b,
             (SchedEvent) { .kind = SCHED_UNREACHED, .worker = worker, .from = from, .chunk = chunk, .usec = SECOND });
}

/* An action of that kind to the worker; or NULL. */
static const SchedAction *said(const Bed *b, SchedActionKind kind, uint32_t worker) {
        for (uint32_t k = 0; k < b->said.action.n; k++)
                if (b->said.action.data[k].kind == kind && b->said.action.data[k].worker == worker)
                        return &b->said.action.data[k];
        return NULL;
}

/* Whom the worker is told to get something from; WORKER_NONE: nobody. */
static uint32_t sent_to(const Bed *b, uint32_t worker) {
        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction *a = &b->said.action.data[k];

                if (a->kind == SCHED_RUN && a->worker == worker && a->n_fetch > 0)
                        return b->said.fetch.data[a->first_fetch].from;
        }
        return WORKER_NONE;
}

static void silent(Bed *b, uint32_t worker, bool on) {
        tell(b, (SchedEvent) { .kind = SCHED_SILENT, .worker = worker, .on = on });
}

/* Tasks that read what worker 0 has are given to others, while nothing is heard of it. Who is sent there first. */
static uint32_t submit_elsewhere(Bed *b, uint64_t tensor) {
        uint32_t who = 1;

        silent(b, 0, true);
        submit(b, &tensor, 1);
        while (who < MOST_WORKERS && sent_to(b, who) != 0)
                who++;
        ck_assert_uint_lt(who, MOST_WORKERS);
        return who;
}

TEST(chunk_goes_by_a_third_worker_who_reaches_both) {
        Bed b              = bed_new(3);
        uint64_t x         = adopt(&b, 0);
        const uint32_t who = submit_elsewhere(&b, x), by = 3 - who; /* of 0, 1, 2 */

        silent(&b, 0, false);
        unreached(&b, who, 0, chunk_of(&b, x));
        ck_assert(sched_apart(b.sched, who, 0) && sched_apart(b.sched, 0, who) && !sched_apart(b.sched, by, 0));
        ck_assert_ptr_nonnull(said(&b, SCHED_TAKE, by));
        ck_assert_uint_eq(said(&b, SCHED_TAKE, by)->from, 0);
        ck_assert_ptr_null(said(&b, SCHED_RECALL, who));
        tell(&b, (SchedEvent) { .kind = SCHED_TAKEN, .worker = by, .chunk = chunk_of(&b, x), .asked = true });
        ck_assert_uint_eq(holder_of(&b, x), by);
        ck_assert_uint_eq(sent_to(&b, who), by);
        bed_done(&b);
}

TEST(task_goes_to_where_its_inputs_are_when_nobody_reaches_both) {
        Bed b      = bed_new(2);
        uint64_t x = adopt(&b, 0);
        const SchedAction *recall;
        uint32_t task;

        ck_assert_uint_eq(submit_elsewhere(&b, x), 1);
        silent(&b, 0, false);
        unreached(&b, 1, 0, chunk_of(&b, x));
        recall = said(&b, SCHED_RECALL, 1);
        ck_assert_ptr_nonnull(recall);
        ck_assert_uint_eq(holder_of(&b, x), 0); /* what cannot be made again is not dropped */
        task = b.said.task.data[recall->first].task;
        tell(&b, (SchedEvent) { .kind = SCHED_RECALLED, .worker = 1, .plan = b.plan, .n = 1, .task = &task });
        ck_assert_uint_eq(sent_to(&b, 1), WORKER_NONE);
        bed_done(&b);
}

TEST(pair_is_forgotten_after_its_time_and_not_before) {
        Bed b      = bed_new(2);
        uint64_t x = adopt(&b, 0);

        submit(&b, &x, 1);
        unreached(&b, 1, 0, chunk_of(&b, x));
        ck_assert(sched_ticks(b.sched) && sched_any_apart(b.sched));
        tell(&b, (SchedEvent) { .kind = SCHED_TICK, .usec = 30 * SECOND });
        ck_assert(sched_apart(b.sched, 0, 1));
        tell(&b, (SchedEvent) { .kind = SCHED_TICK, .usec = 31 * SECOND });
        ck_assert(!sched_apart(b.sched, 0, 1) && !sched_any_apart(b.sched));
        bed_done(&b);
}

TEST(of_a_silent_worker_it_is_not_believed_that_it_is_not_reached) {
        Bed b              = bed_new(3);
        uint64_t x         = adopt(&b, 0);
        const uint32_t who = submit_elsewhere(&b, x);

        unreached(&b, who, 0, chunk_of(&b, x));
        ck_assert(!sched_apart(b.sched, who, 0));
        ck_assert_uint_eq(b.said.action.n, 0);
        silent(&b, 0, false); /* it may be reached again, too */
        ck_assert_uint_eq(sent_to(&b, who), 0);
        bed_done(&b);
}

TEST(who_has_left_is_apart_from_nobody) {
        Bed b              = bed_new(3);
        uint64_t x         = adopt(&b, 0);
        const uint32_t who = submit_elsewhere(&b, x);

        silent(&b, 0, false);
        unreached(&b, who, 0, chunk_of(&b, x));
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = who });
        ck_assert(!sched_apart(b.sched, who, 0));
        bed_done(&b);
}

TEST(what_is_said_of_workers_that_never_were_changes_nothing) {
        Bed b      = bed_new(2);
        uint64_t x = adopt(&b, 0);

        unreached(&b, 1, 77, chunk_of(&b, x));
        unreached(&b, 77, 1, chunk_of(&b, x));
        unreached(&b, 1, 1, chunk_of(&b, x));
        ck_assert(!sched_ticks(b.sched));
        unreached(&b, 1, 0, UINT64_MAX); /* of a chunk that never was it may be so */
        ck_assert(sched_apart(b.sched, 0, 1));
        bed_done(&b);
}

/* All that is given is done, but whatever the one worker is to get from the other is not reached. */
typedef struct Pair {
        Bed bed;
        Vec(uint32_t) task[2];
        const Plan *of;
        const PlanRun *run;
        uint32_t n_done[2];
} Pair;

static void pair_listen(Pair *p) {
        Bed *b             = &p->bed;
        Vec(uint64_t) lost = {};
        uint32_t worker[2] = {};

        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction *a = &b->said.action.data[k];

                if (a->kind == SCHED_PLAN) {
                        p->of  = a->run->plan;
                        p->run = a->run;
                }
                for (uint32_t t = 0; t < a->n && a->kind == SCHED_RUN; t++)
                        ck_assert_int_eq(vec_push(&p->task[a->worker], b->said.task.data[a->first + t].task), 0);
                for (uint32_t f = 0; f < a->n_fetch && a->kind == SCHED_RUN; f++) {
                        worker[a->worker]++;
                        ck_assert_int_eq(
                                vec_push(&lost,
                                         (uint64_t) a->worker << 60 |
                                                 plan_run_chunk(p->run, b->said.fetch.data[a->first_fetch + f].chunk)),
                                0);
                }
        }
        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction a = b->said.action.data[k];
                uint32_t task;

                if (a.kind != SCHED_RECALL)
                        continue;
                task = b->said.task.data[a.first].task;
                for (uint32_t t = 0; t < p->task[a.worker].n; t++)
                        if (p->task[a.worker].data[t] == task)
                                p->task[a.worker].data[t] = UINT32_MAX;
                ck_assert_int_eq(vec_push(&lost, UINT64_MAX - ((uint64_t) a.worker << 32 | task)), 0);
        }
        for (uint32_t k = 0; k < lost.n; k++) {
                const uint64_t id = lost.data[k];

                if (UINT64_MAX - id < UINT64_C(1) << 40) {
                        const uint32_t task = (uint32_t) (UINT64_MAX - id);

                        tell(b, (SchedEvent) { .kind   = SCHED_RECALLED,
                                               .worker = (uint32_t) ((UINT64_MAX - id) >> 32),
                                               .plan   = b->plan,
                                               .n      = 1,
                                               .task   = &task });
                } else
                        unreached(b, (uint32_t) (id >> 60), 1 - (uint32_t) (id >> 60), id << 4 >> 4);
                pair_listen(p);
        }
        vec_free(&lost);
}

TEST(one_side_goes_on_alone_and_makes_again_what_it_lacks) {
        Pair p = { .bed = bed_new(2) };
        SchedStats stats;

        submit(&p.bed, NULL, 0);
        pair_listen(&p);
        for (uint32_t n = 0; n < 1000 && !p.bed.finished; n++) {
                const uint32_t w = n % 2;
                uint32_t at      = 0;
                uint32_t task;

                while (at < p.task[w].n && p.task[w].data[at] == UINT32_MAX)
                        at++;
                if (at == p.task[w].n)
                        continue;
                task               = p.task[w].data[at];
                p.task[w].data[at] = UINT32_MAX;
                p.n_done[w]++;
                tell(&p.bed,
                     (SchedEvent) { .kind = SCHED_DONE, .worker = w, .plan = p.bed.plan, .n = 1, .task = &task });
                pair_listen(&p);
        }
        ck_assert(p.bed.finished);
        sched_stats(p.bed.sched, &stats);
        ck_assert_uint_eq(stats.n_tasks_done, p.n_done[0] + p.n_done[1]);
        vec_free(&p.task[0]);
        vec_free(&p.task[1]);
        bed_done(&p.bed);
}
