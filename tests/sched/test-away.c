/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that are silent, go, and come back: what the scheduler takes their tasks for, step by step. The cluster of
 * tests/sim lives through it in the middle of everything else. */
#include "sched/sched.h"
#include "sim/fake-registry.h"

#include "harness.h"

typedef struct Bed {
        Sched *sched;
        SchedActions said;
        uint64_t request, plan;
        uint32_t n_given[3]; /* to each worker, ever */
        uint32_t next;       /* the first task of the last batch */
        bool finished;
        Error outcome;
} Bed;

static void tell(Bed *b, SchedEvent event) {
        sched_actions_clear(&b->said);
        ck_assert_int_eq(sched_step(b->sched, &event, &b->said), 0);
        ck_assert(sched_consistent(b->sched));
        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction *a = &b->said.action.data[k];

                if (a->kind == SCHED_PLAN)
                        b->plan = a->plan;
                if (a->kind == SCHED_RUN && a->n > 0) {
                        b->n_given[a->worker] += a->n;
                        b->next = b->said.task.data[a->first].task;
                }
                if (a->kind == SCHED_FINISHED) {
                        b->finished = true;
                        b->outcome  = a->outcome ? b->said.error.data[a->outcome - 1] : (Error) {};
                }
        }
}

static Bed bed_new(void) {
        Bed b = {};

        ck_assert_int_eq(sched_new(&b.sched, false, fake_plan), 0);
        return b;
}

static void bed_done(Bed *b) {
        sched_free(b->sched);
        sched_actions_done(&b->said);
}

/* Two tasks that read nothing, and one that reads what they make (of this seed); or ten times as many. */
static void submit(Bed *b, int64_t n) {
        FakeParams p = { .seed = 7, .length = 10 * n, .step = 10 };
        Graph *graph;
        uint32_t id;

        ck_assert_int_eq(graph_new(&graph), 0);
        ck_assert_int_eq(graph_add(graph, &fake_op, &p, &(Ref) {}, 0, &id, NULL), 0);
        ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
        tell(b, (SchedEvent) { .kind = SCHED_SUBMIT, .request = ++b->request, .graph = graph });
}

static void join(Bed *b, uint32_t worker) {
        tell(b, (SchedEvent) { .kind = SCHED_JOINED, .worker = worker, .n_threads = 1 });
}

static void leave(Bed *b, uint32_t worker, bool killed) {
        tell(b, (SchedEvent) { .kind = SCHED_LEFT, .worker = worker, .killed = killed });
}

/* Away and back again, with nothing. */
static void come_back(Bed *b, uint32_t worker, bool killed) {
        tell(b, (SchedEvent) { .kind = SCHED_AWAY, .worker = worker });
        tell(b,
             (SchedEvent) { .kind = SCHED_JOINED, .worker = worker, .n_threads = 1, .holds = true, .killed = killed });
        tell(b, (SchedEvent) { .kind = SCHED_HOLDS, .worker = worker, .last = true });
}

static void is_poisoned(const Bed *b) {
        ck_assert(b->finished);
        ck_assert_int_eq(b->outcome.code, -EIO);
        ck_assert_msg(strstr(b->outcome.text, "2 workers died while they had it to do") != NULL, "%s", b->outcome.text);
}

TEST(task_that_has_killed_two_workers_fails_with_that_reason) {
        Bed b = bed_new();

        submit(&b, 1);
        join(&b, 0);
        ck_assert_uint_gt(b.n_given[0], 0);
        leave(&b, 0, true);
        ck_assert(!b.finished);
        join(&b, 1);
        ck_assert_uint_gt(b.n_given[1], 0);
        leave(&b, 1, true);
        is_poisoned(&b);
        bed_done(&b);
}

TEST(worker_that_is_back_as_another_process_has_died_of_its_task) {
        Bed b = bed_new();

        join(&b, 0);
        submit(&b, 1);
        come_back(&b, 0, true);
        ck_assert(!b.finished);
        ck_assert_uint_gt(b.n_given[0], 0);
        come_back(&b, 0, true);
        is_poisoned(&b);
        bed_done(&b);
}

TEST(worker_that_is_cut_off_or_stopped_has_not_died_however_often) {
        Bed b = bed_new();

        join(&b, 0);
        submit(&b, 1);
        for (int k = 0; k < 10; k++)
                come_back(&b, 0, false);
        leave(&b, 0, false);
        join(&b, 1);
        leave(&b, 1, false);
        join(&b, 2);
        ck_assert(!b.finished);
        leave(&b, 2, true); /* the first one */
        ck_assert(!b.finished);
        bed_done(&b);
}

TEST(task_that_was_done_meanwhile_has_killed_nobody) {
        Bed b = bed_new();

        join(&b, 0);
        submit(&b, 1);
        leave(&b, 0, true);
        join(&b, 1);
        tell(&b, (SchedEvent) { .kind = SCHED_DONE, .worker = 1, .plan = b.plan, .n = 1, .task = &b.next });
        leave(&b, 1, true);
        ck_assert(!b.finished);
        bed_done(&b);
}

TEST(silent_worker_is_given_nothing_new_and_keeps_what_it_has) {
        Bed b = bed_new();
        uint32_t given;

        join(&b, 0);
        tell(&b, (SchedEvent) { .kind = SCHED_SILENT, .worker = 0, .on = true });
        submit(&b, 1);
        ck_assert_uint_eq(b.n_given[0], 0);
        tell(&b, (SchedEvent) { .kind = SCHED_SILENT, .worker = 0 });
        ck_assert_uint_gt(b.n_given[0], 0);
        given = b.n_given[0];
        tell(&b, (SchedEvent) { .kind = SCHED_SILENT, .worker = 0, .on = true });
        join(&b, 1);
        ck_assert_uint_eq(b.n_given[1], 0); /* what was given may be done any moment */
        submit(&b, 10);
        ck_assert_uint_eq(b.n_given[0], given);
        ck_assert_uint_gt(b.n_given[1], 0);
        come_back(&b, 0, false); /* whoever says HELLO is heard */
        submit(&b, 10);
        ck_assert_uint_gt(b.n_given[0], given);
        bed_done(&b);
}

static uint64_t adopt(Bed *b, int64_t n_chunks) {
        const Tiling tiling = { .ndim = 1, .axis = { cuts_regular(10 * n_chunks, 10) } };
        const Spec spec     = { .dtype = DTYPE_F64, .shape = SHAPE(10 * n_chunks) };
        uint64_t id;

        ck_assert_int_eq(sched_adopt(b->sched, &spec, &tiling, 0, &id), 0);
        return id;
}

/* The one chunk that is nobody's, or NULL. */
static const SchedTensor *has_lost(const Bed *b, const uint64_t *tensor, uint32_t n, uint32_t *ret_chunk) {
        const SchedTensor *lost = NULL;

        for (uint32_t k = 0; k < n; k++) {
                const SchedTensor *t = sched_tensor(b->sched, tensor[k]);

                for (uint32_t c = 0; t && c < t->n_chunks; c++)
                        if (t->holder[c] == WORKER_NONE) {
                                ck_assert_ptr_null(lost);
                                lost       = t;
                                *ret_chunk = c;
                        }
        }
        return lost;
}

TEST(chunk_that_is_lost_is_found_in_its_tensor_whatever_came_and_went_before) {
        enum { N = 50 };
        uint64_t tensor[N], first;
        const SchedTensor *lost;
        uint32_t at = 0;
        Bed b       = bed_new();

        join(&b, 0);
        for (uint32_t k = 0; k < N; k++)
                tensor[k] = adopt(&b, k % 4); /* also such as have none */
        for (uint32_t k = 0; k < N; k++)
                for (uint32_t c = 0; c < k % 4; c++)
                        tell(&b, (SchedEvent) { .kind  = SCHED_TAKEN,
                                                .chunk = sched_tensor(b.sched, tensor[k])->chunk_first + c });
        first = sched_tensor(b.sched, tensor[0])->chunk_first;
        tell(&b, (SchedEvent) { .kind = SCHED_LOST, .chunk = first - 1 });
        tell(&b, (SchedEvent) { .kind = SCHED_LOST, .chunk = first + 1000000 });
        ck_assert_ptr_null(has_lost(&b, tensor, N, &at));
        for (uint32_t k = 3; k < N; k += 5) {
                if (k % 4 == 0)
                        continue;
                tell(&b, (SchedEvent) { .kind  = SCHED_LOST,
                                        .chunk = sched_tensor(b.sched, tensor[k])->chunk_first + k % 4 - 1 });
                lost = has_lost(&b, tensor, N, &at);
                ck_assert_ptr_nonnull(lost);
                ck_assert_uint_eq(lost->id, tensor[k]);
                ck_assert_uint_eq(at, k % 4 - 1);
                tell(&b, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = tensor[k] }); /* one is gone, */
                tensor[k] = adopt(&b, 0);                                              /* and one is new */
        }
        bed_done(&b);
}
