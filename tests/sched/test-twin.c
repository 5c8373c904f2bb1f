/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that two workers have made: whether they are the same is asked, and the second one goes in any case. */
#include "sched/sched.h"
#include "sim/fake-registry.h"

#include "harness.h"

enum { FIRST = 1, SECOND = 0 }; /* workers: who has made it again, and who comes back with it */

typedef struct Bed {
        Sched *sched;
        SchedActions said;
        uint64_t request, plan, chunk; /* chunk: that the first task of the last batch makes */
        uint32_t task;
        bool finished;
        Error outcome;
} Bed;

static void tell(Bed *b, SchedEvent event) {
        sched_actions_clear(&b->said);
        ck_assert_int_eq(sched_step(b->sched, &event, &b->said), 0);
        ck_assert(sched_consistent(b->sched));
        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction *a = &b->said.action.data[k];

                if (a->kind == SCHED_RUN && a->n > 0) {
                        b->plan  = a->plan;
                        b->task  = b->said.task.data[a->first].task;
                        b->chunk = plan_run_chunk(a->run,
                                                  a->run->plan->output_chunk[a->run->plan->output_start[b->task]]);
                }
                if (a->kind == SCHED_FINISHED) {
                        b->finished = true;
                        b->outcome  = a->outcome ? b->said.error.data[a->outcome - 1] : (Error) {};
                }
        }
}

/* How many actions of the kind there are for the worker, about the chunk. */
static uint32_t n_said(const Bed *b, SchedActionKind kind, uint32_t worker) {
        uint32_t n = 0;

        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction *a = &b->said.action.data[k];

                n += a->kind == kind && a->worker == worker && b->chunk - a->chunk < MAX(a->n, 1u);
        }
        return n;
}

static void join(Bed *b, uint32_t worker, bool holds) {
        tell(b, (SchedEvent) { .kind = SCHED_JOINED, .worker = worker, .n_threads = 1, .holds = holds });
}

static void digest(Bed *b, uint32_t worker, uint64_t digest, const Error *err) {
        tell(b, (SchedEvent) {
                        .kind = SCHED_DIGESTED, .worker = worker, .chunk = b->chunk, .digest = digest, .error = err });
}

/* The worker comes with the chunk, which somebody else has. */
static void come_back(Bed *b) {
        join(b, SECOND, true);
        tell(b, (SchedEvent) { .kind     = SCHED_HOLDS,
                               .worker   = SECOND,
                               .n        = 1,
                               .chunk_id = &b->chunk,
                               .bytes    = (uint64_t[]) { 10 * sizeof(double) },
                               .last     = true });
}

/* SECOND has gone with what it had made of a request, which FIRST has made again, and both are asked. */
static Bed bed_with(bool strict) {
        Bed b        = {};
        FakeParams p = { .seed = 7, .length = 10, .step = 10 };
        Graph *graph;
        uint32_t id;

        ck_assert_int_eq(sched_new(&b.sched, false, fake_plan), 0);
        sched_strict(b.sched, strict);
        ck_assert_int_eq(graph_new(&graph), 0);
        ck_assert_int_eq(graph_add(graph, &fake_op, &p, &(Ref) {}, 0, &id, NULL), 0);
        ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
        tell(&b, (SchedEvent) { .kind = SCHED_SUBMIT, .request = ++b.request, .graph = graph });
        join(&b, FIRST, false);
        tell(&b, (SchedEvent) { .kind = SCHED_DONE, .worker = FIRST, .plan = b.plan, .n = 1, .task = &b.task });
        ck_assert(!b.finished);
        come_back(&b);
        ck_assert_uint_eq(n_said(&b, SCHED_DIGEST, FIRST), 1);
        ck_assert_uint_eq(n_said(&b, SCHED_DIGEST, SECOND), 1);
        ck_assert_uint_eq(n_said(&b, SCHED_DROP, SECOND), 0);
        return b;
}

static void bed_done(Bed *b, uint64_t n_compared, uint64_t n_differed) {
        SchedStats stats;

        sched_stats(b->sched, &stats);
        ck_assert_uint_eq(stats.n_compared, n_compared);
        ck_assert_uint_eq(stats.n_differed, n_differed);
        sched_free(b->sched);
        sched_actions_done(&b->said);
}

TEST(second_copy_is_dropped_when_both_have_said_the_same_digest) {
        Bed b = bed_with(true);

        digest(&b, SECOND, 5, NULL);
        ck_assert_uint_eq(b.said.action.n, 0);
        digest(&b, SECOND, 6, NULL); /* said once more: the first word counts */
        digest(&b, FIRST, 5, NULL);
        ck_assert_uint_eq(n_said(&b, SCHED_DROP, SECOND), 1);
        ck_assert_uint_eq(n_said(&b, SCHED_DROP, FIRST), 0);
        digest(&b, FIRST, 6, NULL); /* nobody asks any more */
        ck_assert_uint_eq(b.said.action.n, 0);
        ck_assert(!b.finished);
        bed_done(&b, 1, 0);
}

TEST(copies_that_differ_are_named_and_the_first_stays) {
        Bed b = bed_with(false);
        const SchedAction *differs = NULL;

        digest(&b, FIRST, 5, NULL);
        digest(&b, SECOND, 6, NULL);
        for (uint32_t k = 0; k < b.said.action.n; k++)
                if (b.said.action.data[k].kind == SCHED_DIFFERS)
                        differs = &b.said.action.data[k];
        ck_assert_ptr_nonnull(differs);
        ck_assert_uint_eq(differs->worker, FIRST);
        ck_assert_uint_eq(differs->from, SECOND);
        ck_assert_str_eq(b.said.error.data[differs->outcome - 1].text,
                         "fake: chunk (0,): was made twice, with different bits: worker 1 has 0000000000000005, worker "
                         "0 0000000000000006");
        ck_assert_uint_eq(n_said(&b, SCHED_DROP, SECOND), 1);
        ck_assert(!b.finished);
        bed_done(&b, 1, 1);
}

TEST(request_fails_whose_copies_differ_where_that_is_asked_for) {
        Bed b = bed_with(true);

        digest(&b, FIRST, 5, NULL);
        digest(&b, SECOND, 6, NULL);
        for (uint32_t worker = 0; worker < 2 && !b.finished; worker++)
                tell(&b, (SchedEvent) { .kind = SCHED_FORGOTTEN, .worker = worker, .plan = b.plan });
        ck_assert(b.finished);
        ck_assert_int_eq(b.outcome.code, ERROR_CORRUPT);
        ck_assert_msg(strstr(b.outcome.text, "was made twice, with different bits"), "%s", b.outcome.text);
        bed_done(&b, 1, 1);
}

TEST(copy_of_who_has_none_is_not_compared) {
        Bed b     = bed_with(true);
        Error err = {};

        error_set(&err, ERROR_CORRUPT, "another checksum");
        digest(&b, FIRST, 0, &err);
        ck_assert_uint_eq(n_said(&b, SCHED_DROP, SECOND), 1);
        bed_done(&b, 0, 0);
}

TEST(second_copy_goes_when_the_first_is_away_and_is_asked_for_again_when_it_comes_again) {
        Bed b = bed_with(true);

        tell(&b, (SchedEvent) { .kind = SCHED_AWAY, .worker = SECOND });
        ck_assert_uint_eq(n_said(&b, SCHED_DROP, SECOND), 0); /* it hears nothing */
        come_back(&b);
        ck_assert_uint_eq(n_said(&b, SCHED_DIGEST, SECOND), 1);
        tell(&b, (SchedEvent) { .kind = SCHED_AWAY, .worker = FIRST });
        ck_assert_uint_eq(n_said(&b, SCHED_DROP, SECOND), 1);
        digest(&b, SECOND, 5, NULL);
        ck_assert_uint_eq(b.said.action.n, 0);
        bed_done(&b, 0, 0);
}

TEST(second_copy_goes_before_its_worker_is_to_make_the_chunk_once_more) {
        Bed b = bed_with(true);
        uint32_t drop = UINT32_MAX, run = UINT32_MAX;

        tell(&b, (SchedEvent) { .kind = SCHED_LOST, .worker = FIRST, .chunk = b.chunk });
        for (uint32_t k = 0; k < b.said.action.n; k++) {
                const SchedAction *a = &b.said.action.data[k];

                drop = a->kind == SCHED_DROP && a->worker == SECOND ? MIN(drop, k) : drop;
                run  = a->kind == SCHED_RUN && a->worker == SECOND && a->n > 0 ? MIN(run, k) : run;
        }
        ck_assert_uint_lt(drop, run);
        ck_assert_uint_lt(run, UINT32_MAX);
        bed_done(&b, 0, 0);
}
