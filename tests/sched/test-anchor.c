/* SPDX-License-Identifier: Apache-2.0 */
/* Loops x = f(x) before a scheduler whose workers do at once what they are told: how much of where x came from is
 * remembered, and what becomes of x when workers die. The cluster of tests/sim cuts lineages in the middle of
 * everything else. */
#include "sched/sched.h"
#include "sim/fake-registry.h"

#include "harness.h"

enum { STEPS = 40, MOST = 5 };

/* Where a worker is to fetch a chunk. */
typedef struct Told {
        uint64_t chunk;
        uint32_t worker, from;
} Told;

typedef struct Bed {
        Sched *sched;
        SchedActions said;
        Arena *arena;
        Vec(SchedEvent) answer; /* of workers, in their order */
        Vec(Told) told;         /* in the order in which it was said */
        bool refuses;           /* to take chunks, */
        uint32_t accepts;       /* after so many */
        bool there[8];          /* workers */
        uint64_t n_requests, n_dropped, tensor;
        Error outcome; /* of the last request; its result is `tensor` */
} Bed;

static void remember_fetches(Bed *b, const SchedAction *a) {
        for (uint32_t k = 0; k < a->n_fetch; k++) {
                const RunFetch *f = &b->said.fetch.data[a->first_fetch + k];
                const Told told   = { plan_run_chunk(a->run, f->chunk), a->worker, f->from };

                ck_assert_int_eq(vec_push(&b->told, told), 0);
        }
}

static void answer(Bed *b, const SchedAction *a) {
        static const Error full = { .code = ERROR_MEMORY, .text = "there is no room" };
        SchedEvent e            = { .worker = a->worker, .plan = a->plan };
        uint32_t *task;

        switch (a->kind) {
        case SCHED_RUN:
        case SCHED_RECALL:
                task   = arena_new_array(b->arena, uint32_t, a->n + 1);
                e.kind = a->kind == SCHED_RUN ? SCHED_DONE : SCHED_RECALLED;
                e.n    = a->n;
                e.task = task;
                for (uint32_t k = 0; k < a->n; k++)
                        task[k] = b->said.task.data[a->first + k].task;
                break;
        case SCHED_FORGET:
                e.kind = SCHED_FORGOTTEN;
                break;
        case SCHED_TAKE:
                e.kind  = SCHED_TAKEN;
                e.chunk = a->chunk;
                e.asked = true;
                e.error = b->refuses && b->accepts == 0 ? &full : NULL;
                b->accepts -= b->accepts > 0;
                break;
        case SCHED_DROP:
                b->n_dropped += a->n;
                return;
        case SCHED_FINISHED:
                b->outcome = a->outcome > 0 ? b->said.error.data[a->outcome - 1] : (Error) {};
                b->tensor  = a->outcome > 0 ? 0 : b->said.tensor.data[a->first];
                return;
        default:
                return;
        }
        if (b->there[a->worker] && (e.n > 0 || a->kind != SCHED_RUN))
                ck_assert_int_eq(vec_push(&b->answer, e), 0);
}

static void tell(Bed *b, SchedEvent event) {
        ck_assert_int_eq(vec_push(&b->answer, event), 0);
        for (uint32_t k = 0; k < b->answer.n; k++) {
                const SchedEvent e = b->answer.data[k];

                if (e.kind == SCHED_LEFT)
                        b->there[e.worker] = false;
                sched_actions_clear(&b->said);
                ck_assert_int_eq(sched_step(b->sched, &e, &b->said), 0);
                ck_assert(sched_consistent(b->sched));
                for (uint32_t i = 0; i < b->said.action.n; i++) {
                        remember_fetches(b, &b->said.action.data[i]);
                        answer(b, &b->said.action.data[i]);
                }
        }
        b->answer.n = 0;
}

static Bed bed_with(uint32_t n_workers) {
        Bed b = { .arena = arena_new() };

        ck_assert_int_eq(sched_new(&b.sched, false, fake_plan), 0);
        sched_limit_lineage(b.sched, MOST);
        for (uint32_t w = 0; w < n_workers; w++) {
                b.there[w] = true;
                tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = w });
        }
        return b;
}

static SchedStats stats(const Bed *b) {
        SchedStats ret;

        sched_stats(b->sched, &ret);
        return ret;
}

static void let_go(Bed *b, uint64_t tensor) {
        tell(b, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = tensor });
}

static void bed_done(Bed *b) {
        if (b->tensor)
                let_go(b, b->tensor);
        ck_assert_uint_eq(stats(b).n_tensors, 0);
        ck_assert_uint_eq(stats(b).n_ghosts, 0);
        ck_assert_uint_eq(stats(b).n_recipes, 0);
        ck_assert_uint_eq(stats(b).state_bytes, 0);
        sched_free(b->sched);
        sched_actions_done(&b->said);
        vec_free(&b->answer);
        vec_free(&b->told);
        arena_free(b->arena);
}

/* f(x), or x where `length` is 0; the result is b->tensor. */
static void ask(Bed *b, uint64_t x, int64_t length) {
        FakeParams p = { .seed = 4, .length = length, .step = 10 };
        Ref in       = {};
        Graph *graph;
        uint32_t id = 0;

        ck_assert_int_eq(graph_new(&graph), 0);
        if (x)
                ck_assert_int_eq(graph_add_stored(graph, x, &sched_tensor(b->sched, x)->spec, &in.node), 0);
        if (length > 0)
                ck_assert_int_eq(graph_add(graph, &fake_op, &p, &in, x != 0, &id, NULL), 0);
        ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
        tell(b, (SchedEvent) { .kind = SCHED_SUBMIT, .request = ++b->n_requests, .graph = graph });
}

/* x = f(x), so many times. */
static void loop(Bed *b, uint32_t n) {
        for (uint32_t k = 0; k < n; k++) {
                const uint64_t before = b->tensor;

                ask(b, before, 100);
                ck_assert_int_eq(b->outcome.code, 0);
                if (before)
                        let_go(b, before);
        }
}

static uint32_t n_lost(const Bed *b) {
        return sched_tensor(b->sched, b->tensor)->n_lost;
}

TEST(what_is_remembered_of_a_loop_does_not_grow_with_its_steps) {
        Bed b         = bed_with(2);
        uint64_t most = 0;

        for (uint32_t k = 0; k < STEPS; k++) {
                loop(&b, 1);
                ck_assert_uint_le(stats(&b).n_recipes, 2 * MOST);
                if (k < 4 * MOST)
                        most = MAX(most, stats(&b).state_bytes);
                else
                        ck_assert_uint_le(stats(&b).state_bytes, most + most / 8); /* numbers grow by a byte */
        }
        bed_done(&b);
}

TEST(nothing_is_forgotten_where_nobody_can_have_a_copy) {
        Bed alone = bed_with(1), full = bed_with(2);

        full.refuses = true;
        loop(&alone, STEPS);
        loop(&full, STEPS);
        ck_assert_uint_eq(stats(&alone).n_recipes, STEPS);
        ck_assert_uint_eq(stats(&full).n_recipes, STEPS);
        bed_done(&alone);
        bed_done(&full);
}

TEST(what_one_worker_loses_is_made_again_from_where_the_lineage_was_cut) {
        Bed b = bed_with(3);

        loop(&b, STEPS);
        for (uint32_t w = 0; w < 2; w++) { /* one after the other: there is time for copies in between */
                tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = w });
                ask(&b, b.tensor, 0);
                ck_assert_int_eq(b.outcome.code, 0);
                ck_assert_uint_eq(n_lost(&b), 0);
                let_go(&b, b.tensor);
        }
        bed_done(&b);
}

TEST(result_that_was_cut_off_is_at_its_second_worker_when_the_first_is_lost) {
        Bed b = bed_with(2);

        loop(&b, MOST);
        ck_assert_uint_eq(stats(&b).n_recipes, 0); /* this one is where it is cut */
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0 });
        ck_assert_uint_eq(n_lost(&b), 0);
        for (uint32_t k = 0; k < sched_tensor(b.sched, b.tensor)->n_chunks; k++)
                ck_assert_uint_eq(sched_tensor(b.sched, b.tensor)->holder[k], 1);
        bed_done(&b);
}

/* Where the worker was told last to fetch the chunk. */
static uint32_t told_last(const Bed *b, uint32_t worker, uint64_t chunk) {
        for (uint32_t k = b->told.n; k > 0; k--)
                if (b->told.data[k - 1].worker == worker && b->told.data[k - 1].chunk == chunk)
                        return b->told.data[k - 1].from;
        return WORKER_NONE;
}

TEST(worker_that_waits_for_a_chunk_of_one_that_is_lost_is_told_who_has_the_copy) {
        const Error canceled = { .code = ERROR_CANCELED, .text = "canceled" };
        Bed b                = bed_with(4);
        uint32_t n_turned    = 0;
        const SchedTensor *t;
        uint64_t x;

        loop(&b, MOST);
        x = b.tensor;
        t = sched_tensor(b.sched, x);
        memset(b.there, false, sizeof(b.there)); /* they are given tasks, and are slow */
        tell(&b, (SchedEvent) { .kind = SCHED_DRAIN, .worker = 0, .on = true });
        b.told.n = 0;
        ask(&b, x, 100);
        memset(b.there, true, 4);
        const uint32_t n_told = b.told.n;

        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0 });
        ck_assert_uint_eq(t->n_lost, 0);
        for (uint32_t k = 0; k < n_told; k++) {
                const Told told   = b.told.data[k];
                const uint64_t at = told.chunk - t->chunk_first;

                if (told.from != 0 || at >= t->n_chunks || t->holder[at] == told.worker)
                        continue;
                ck_assert_uint_eq(told_last(&b, told.worker, told.chunk), t->holder[at]);
                n_turned++;
        }
        ck_assert_uint_gt(n_turned, 0);
        tell(&b, (SchedEvent) { .kind = SCHED_CANCEL, .request = b.n_requests, .error = &canceled });
        b.tensor = x;
        bed_done(&b);
}

TEST(results_of_one_recipe_are_cut_off_together_or_not_at_all) {
        FakeParams p = { .seed = 4, .length = 100, .step = 10 };
        Bed b        = bed_with(2);
        Graph *graph;
        Ref in = {};
        uint64_t x;

        loop(&b, MOST - 1);
        x         = b.tensor;
        b.refuses = true;
        b.accepts = 10; /* the first one */
        ck_assert_int_eq(graph_new(&graph), 0);
        ck_assert_int_eq(graph_add_stored(graph, x, &sched_tensor(b.sched, x)->spec, &in.node), 0);
        for (uint32_t k = 0; k < 2; k++) {
                ck_assert_int_eq(graph_add(graph, &fake_op, &p, &in, 1, &in.node, NULL), 0);
                ck_assert_int_eq(vec_push(&graph->wanted, in), 0);
        }
        tell(&b, (SchedEvent) { .kind = SCHED_SUBMIT, .request = ++b.n_requests, .graph = graph });
        ck_assert_int_eq(b.outcome.code, 0);
        ck_assert_uint_eq(b.accepts, 0);
        ck_assert(sched_tensor(b.sched, b.tensor)->refused != sched_tensor(b.sched, b.tensor + 1)->refused);
        for (uint32_t k = 0; k < 2; k++) {
                ck_assert_uint_ne(sched_tensor(b.sched, b.tensor + k)->recipe, 0);
                ck_assert(sched_tensor(b.sched, b.tensor + k)->anchor);
        }
        let_go(&b, b.tensor + 1);
        let_go(&b, x);
        bed_done(&b);
}

TEST(copy_at_the_worker_that_was_to_take_over_the_chunk_stays_when_the_first_is_lost) {
        Bed b = bed_with(2);

        loop(&b, MOST);
        b.there[1] = false; /* it is slow */
        tell(&b, (SchedEvent) { .kind = SCHED_DRAIN, .worker = 0, .on = true });
        b.n_dropped = 0;
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0 });
        ck_assert_uint_eq(b.n_dropped, 0);
        ck_assert_uint_eq(n_lost(&b), 0);
        bed_done(&b);
}

TEST(result_whose_two_workers_are_lost_at_once_is_an_error_that_says_so) {
        Bed b = bed_with(2);
        uint64_t x;

        loop(&b, MOST);
        x = b.tensor;
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0 });
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 1 });
        ck_assert_uint_gt(n_lost(&b), 0);
        b.there[2] = true;
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 2 });
        ask(&b, x, 0);
        ck_assert_int_eq(b.outcome.code, -EIO);
        ck_assert_ptr_nonnull(strstr(b.outcome.text, "is forgotten"));
        b.tensor = x;
        bed_done(&b);
}

TEST(chunk_that_the_worker_with_its_copy_takes_over_gets_another_copy) {
        Bed b = bed_with(3);
        const SchedTensor *t;

        loop(&b, MOST);
        t = sched_tensor(b.sched, b.tensor);
        tell(&b, (SchedEvent) { .kind = SCHED_DRAIN, .worker = 0, .on = true });
        for (uint32_t k = 0; k < t->n_chunks; k++) {
                ck_assert_uint_ne(t->holder[k], 0);
                ck_assert(t->spare[k] == 1 || t->spare[k] == 2);
        }
        bed_done(&b);
}

TEST(worker_that_is_to_stop_need_not_hand_its_copies_on) {
        Bed b = bed_with(2);

        loop(&b, MOST);
        tell(&b, (SchedEvent) { .kind = SCHED_DRAIN, .worker = 1, .on = true });
        for (uint32_t k = 0; k < sched_tensor(b.sched, b.tensor)->n_chunks; k++)
                ck_assert_uint_eq(sched_tensor(b.sched, b.tensor)->holder[k], 0);
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 1 });
        ck_assert_uint_eq(n_lost(&b), 0);
        bed_done(&b);
}
