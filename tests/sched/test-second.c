/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that are late, and tasks of which two try: what the scheduler does about it, step by step, and how long a job
 * takes then. The cluster of tests/sim has slow workers among all else that goes wrong. */
#include "sched/sched.h"
#include "sim/fake-registry.h"

#include "harness.h"

enum {
        MOST_WORKERS = 8,
        SECOND       = 1000 * 1000,
        TICK         = SECOND / 10,
        STEP         = 1 << 18, /* elements of a chunk: so many that neighbours go to different workers */
};

/* A worker with one thread: it has begun the first of its tasks, and gives back what it has not begun. */
typedef struct Host {
        Vec(uint32_t) task;
        uint64_t task_usec, until_usec; /* what each takes; and when the first one is done */
} Host;

typedef struct Bed {
        Sched *sched;
        SchedActions said;
        Host host[MOST_WORKERS];
        uint32_t n_hosts;
        uint64_t usec, plan;
        const PlanRun *run;
        bool finished, failed, mute; /* mute: nobody answers what is called back, or forgotten */
        Vec(SchedAction) heard;      /* since heard_clear() */
        Vec(uint32_t) recalled;      /* of a RECALL in `heard`: its task, in their order */
} Bed;

static void listen(Bed *b);

static void tell(Bed *b, SchedEvent event) {
        event.usec = b->usec;
        sched_actions_clear(&b->said);
        ck_assert_int_eq(sched_step(b->sched, &event, &b->said), 0);
        ck_assert(sched_consistent(b->sched));
        listen(b);
}

static int host_find(const Host *h, uint32_t task) {
        for (uint32_t k = 0; k < h->task.n; k++)
                if (h->task.data[k] == task)
                        return (int) k;
        return -1;
}

static void host_remove(Host *h, uint32_t at) {
        memmove(h->task.data + at, h->task.data + at + 1, (h->task.n - at - 1) * sizeof(uint32_t));
        h->task.n--;
}

typedef struct Answer {
        SchedEventKind kind;
        uint32_t worker, task;
        uint64_t plan;
        uint64_t chunk;
} Answer;

static void hear_run(Bed *b, const SchedAction *a) {
        Host *h = &b->host[a->worker];

        for (uint32_t t = 0; t < a->n; t++) {
                const uint32_t task = b->said.task.data[a->first + t].task;

                ck_assert_int_eq(host_find(h, task), -1); /* nobody has it twice */
                ck_assert_int_eq(vec_push(&h->task, task), 0);
                if (h->task.n == 1)
                        h->until_usec = b->usec + h->task_usec;
        }
}

/* Whether it gives the task back. */
static bool hear_recall(Bed *b, const SchedAction *a, uint32_t *ret) {
        Host *h = &b->host[a->worker];
        int at;

        *ret = b->said.task.data[a->first].task;
        at   = host_find(h, *ret);
        ck_assert_int_eq(vec_push(&b->recalled, *ret), 0);
        if (at > 0 && !b->mute)
                host_remove(h, (uint32_t) at);
        return at > 0 && !b->mute;
}

/* What was said, and then the answers to it, which are events. */
static void listen(Bed *b) {
        Vec(Answer) answer = {};

        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction *a = &b->said.action.data[k];
                Answer one           = { .worker = a->worker, .plan = a->plan };

                ck_assert_int_eq(vec_push(&b->heard, *a), 0);
                if (a->kind == SCHED_PLAN) {
                        b->plan = a->plan;
                        b->run  = a->run;
                } else if (a->kind == SCHED_RUN)
                        hear_run(b, a);
                else if (a->kind == SCHED_FINISHED) {
                        b->finished = a->outcome == 0;
                        b->failed   = a->outcome != 0;
                } else if (a->kind == SCHED_RECALL && hear_recall(b, a, &one.task)) {
                        one.kind = SCHED_RECALLED;
                        ck_assert_int_eq(vec_push(&answer, one), 0);
                } else if (a->kind == SCHED_FORGET && !b->mute) {
                        b->host[a->worker].task.n = 0;
                        one.kind                  = SCHED_FORGOTTEN;
                        ck_assert_int_eq(vec_push(&answer, one), 0);
                } else if (a->kind == SCHED_DIGEST) { /* what it has made is the same */
                        one.kind  = SCHED_DIGESTED;
                        one.chunk = a->chunk;
                        ck_assert_int_eq(vec_push(&answer, one), 0);
                }
        }
        for (uint32_t k = 0; k < answer.n; k++)
                tell(b, (SchedEvent) { .kind   = answer.data[k].kind,
                                       .worker = answer.data[k].worker,
                                       .plan   = answer.data[k].plan,
                                       .chunk  = answer.data[k].chunk,
                                       .n      = answer.data[k].kind == SCHED_RECALLED,
                                       .task   = &answer.data[k].task });
        vec_free(&answer);
}

static void heard_clear(Bed *b) {
        b->heard.n = b->recalled.n = 0;
}

static Bed *bed_new(uint32_t n_workers) {
        Bed *b = calloc(1, sizeof(*b));

        b->usec    = 1000 * SECOND;
        b->n_hosts = n_workers;
        ck_assert_int_eq(sched_new(&b->sched, false, fake_plan), 0);
        for (uint32_t w = 0; w < n_workers; w++)
                tell(b, (SchedEvent) { .kind = SCHED_JOINED, .worker = w, .n_threads = 1 });
        return b;
}

static void bed_done(Bed *b) {
        for (uint32_t w = 0; w < MOST_WORKERS; w++)
                vec_free(&b->host[w].task);
        sched_free(b->sched);
        sched_actions_done(&b->said);
        vec_free(&b->heard);
        vec_free(&b->recalled);
        free(b);
}

/* Twice so many tasks without inputs, and so many that read up to four of these. */
static void submit(Bed *b, int64_t n, int64_t seed) {
        FakeParams p = { .seed = seed, .length = n * STEP, .step = STEP };
        Graph *graph;
        uint32_t id;

        ck_assert_int_eq(graph_new(&graph), 0);
        ck_assert_int_eq(graph_add(graph, &fake_op, &p, NULL, 0, &id, NULL), 0);
        ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
        tell(b, (SchedEvent) { .kind = SCHED_SUBMIT, .request = 1, .graph = graph });
}

static SchedEvent done_event(const Bed *b, uint32_t worker, const uint32_t *task) {
        return (SchedEvent) { .kind = SCHED_DONE, .worker = worker, .plan = b->plan, .n = 1, .task = task };
}

/* Its first task is done. */
static uint32_t done(Bed *b, uint32_t worker) {
        Host *h             = &b->host[worker];
        const uint32_t task = h->task.data[0];
        const SchedEvent e  = done_event(b, worker, &task);
        Error err;

        ck_assert_uint_gt(h->task.n, 0);
        host_remove(h, 0);
        h->until_usec = b->usec + h->task_usec;
        ck_assert_int_eq(sched_check(b->sched, &e, 0, &err), 0);
        tell(b, e);
        return task;
}

static void tick(Bed *b, uint64_t usec) {
        b->usec += usec;
        if (sched_ticks(b->sched))
                tell(b, (SchedEvent) { .kind = SCHED_TICK });
}

static uint32_t n_heard(const Bed *b, SchedActionKind kind, uint32_t worker) {
        uint32_t n = 0;

        for (uint32_t k = 0; k < b->heard.n; k++)
                n += b->heard.data[k].kind == kind && b->heard.data[k].worker == worker;
        return n;
}

static bool dropped(const Bed *b, uint32_t worker, uint64_t chunk) {
        for (uint32_t k = 0; k < b->heard.n; k++) {
                const SchedAction *a = &b->heard.data[k];

                if (a->kind == SCHED_DROP && a->worker == worker && chunk - a->chunk < a->n)
                        return true;
        }
        return false;
}

static uint64_t n_second(const Bed *b) {
        SchedStats stats;

        sched_stats(b->sched, &stats);
        return stats.n_second;
}

/* All but worker 0 do what they can, in 10 ms each. */
static void others_work(Bed *b) {
        for (bool some = true; some;) {
                some = false;
                for (uint32_t w = 1; w < b->n_hosts; w++)
                        if (b->host[w].task.n > 0) {
                                b->usec += SECOND / 100;
                                (void) done(b, w);
                                some = true;
                        }
        }
}

/* Worker 0 has begun a task and says nothing; worker `ret` tries it, too. */
static Bed *bed_late(uint32_t n_workers, uint32_t *ret_task, uint32_t *ret) {
        Bed *b = bed_new(n_workers);

        submit(b, 8, 6);
        others_work(b);
        ck_assert_uint_gt(b->host[0].task.n, 0);
        *ret_task = b->host[0].task.data[0];
        tick(b, 2 * SECOND);
        ck_assert_uint_eq(b->host[0].task.n, 1); /* the others it has given back */
        for (uint32_t k = 0; k < 10 && n_second(b) == 0; k++) {
                others_work(b);
                tick(b, TICK);
        }
        ck_assert_uint_eq(n_second(b), 1);
        *ret = WORKER_NONE;
        for (uint32_t w = 1; w < n_workers; w++)
                if (host_find(&b->host[w], *ret_task) >= 0)
                        *ret = w;
        ck_assert_uint_ne(*ret, WORKER_NONE);
        heard_clear(b);
        return b;
}

static uint64_t output_of(const Bed *b, uint32_t task) {
        return plan_run_chunk(b->run, b->run->plan->output_chunk[b->run->plan->output_start[task]]);
}

TEST(of_a_late_worker_what_it_has_not_begun_goes_elsewhere_and_what_it_has_begun_another_one_tries_too) {
        Bed *b = bed_new(2);
        const uint64_t began = b->usec;
        uint32_t n_had;

        submit(b, 8, 6);
        n_had = b->host[0].task.n;
        ck_assert_uint_gt(n_had, 1);
        others_work(b);
        heard_clear(b);
        tick(b, began + 9 * TICK - b->usec); /* a second is nothing */
        ck_assert_uint_eq(b->heard.n, 0);
        tick(b, 2 * TICK);
        ck_assert_uint_eq(n_heard(b, SCHED_LATE, 0), 1);
        ck_assert_uint_eq(n_heard(b, SCHED_RECALL, 0), n_had);
        ck_assert_uint_eq(n_second(b), 0);
        ck_assert_uint_eq(b->host[0].task.n, 1);
        others_work(b);
        tick(b, TICK);
        ck_assert_uint_eq(n_second(b), 1);
        ck_assert_int_eq(host_find(&b->host[1], b->host[0].task.data[0]), 0);
        others_work(b);
        ck_assert(b->finished);
        bed_done(b);
}

TEST(late_is_who_takes_three_times_what_is_usual_if_that_is_more_than_a_second) {
        Bed *b = bed_new(2);

        submit(b, 9, 6);
        do { /* both take a second for each, until only worker 0 has something to do */
                b->usec += SECOND;
                if (b->host[1].task.n > 0)
                        (void) done(b, 1);
                if (b->host[0].task.n > 0)
                        (void) done(b, 0);
                ck_assert(!b->finished);
        } while (b->host[1].task.n > 0 || b->host[0].task.n == 0);
        heard_clear(b);
        tick(b, 3 * SECOND - TICK);
        ck_assert_uint_eq(n_heard(b, SCHED_LATE, 0), 0);
        tick(b, 2 * TICK);
        ck_assert_uint_eq(n_heard(b, SCHED_LATE, 0), 1);
        bed_done(b);
}

TEST(nobody_is_late_while_everybody_has_something_to_do) {
        Bed *b = bed_new(2);

        submit(b, 8, 6);
        (void) done(b, 1);
        heard_clear(b);
        tick(b, 60 * SECOND);
        ck_assert_uint_eq(n_heard(b, SCHED_LATE, 0) + n_heard(b, SCHED_LATE, 1), 0);
        bed_done(b);
}

TEST(time_is_asked_for_only_while_tasks_are_given) {
        Bed *b = bed_new(2);

        ck_assert(!sched_ticks(b->sched));
        submit(b, 8, 6);
        ck_assert(sched_ticks(b->sched));
        while (!b->finished)
                (void) done(b, b->host[0].task.n > 0 ? 0 : 1);
        ck_assert(!sched_ticks(b->sched));
        bed_done(b);
}

TEST(who_is_done_first_is_believed_and_what_the_other_one_makes_is_dropped_when_it_says_so) {
        uint32_t task, by;
        Bed *b = bed_late(3, &task, &by);
        SchedEvent e;
        Error err;

        while (b->host[by].task.data[0] != task)
                (void) done(b, by);
        (void) done(b, by);
        ck_assert(!dropped(b, 0, output_of(b, task)));
        heard_clear(b);
        e = done_event(b, 0, &task);
        (void) done(b, 0);
        ck_assert(dropped(b, 0, output_of(b, task)));
        ck_assert(!dropped(b, by, output_of(b, task)));
        ck_assert_int_lt(sched_check(b->sched, &e, 0, &err), 0); /* once */
        bed_done(b);
}

TEST(when_the_first_one_is_done_first_the_second_is_called_back_and_dropped) {
        uint32_t task, by;
        Bed *b = bed_late(3, &task, &by);

        while (b->host[by].task.data[0] != task)
                (void) done(b, by);
        heard_clear(b);
        (void) done(b, 0);
        ck_assert_uint_eq(n_heard(b, SCHED_RECALL, by), 1);
        ck_assert_uint_eq(b->recalled.data[0], task);
        ck_assert(!dropped(b, 0, output_of(b, task)));
        heard_clear(b);
        (void) done(b, by);
        ck_assert(dropped(b, by, output_of(b, task)));
        ck_assert(!dropped(b, 0, output_of(b, task)));
        others_work(b);
        while (!b->finished)
                (void) done(b, 0);
        bed_done(b);
}

TEST(second_attempt_that_was_not_begun_is_called_back_for_good) {
        uint32_t task, by;
        Bed *b = bed_late(3, &task, &by);

        ck_assert_uint_eq(b->host[by].task.data[0], task);
        b->host[by].task.data[0] = UINT32_MAX; /* it has something else to do first */
        ck_assert_int_eq(vec_push(&b->host[by].task, task), 0);
        (void) done(b, 0);
        ck_assert_int_eq(host_find(&b->host[by], task), -1);
        heard_clear(b);
        tick(b, 10 * SECOND);
        ck_assert_uint_eq(n_second(b), 1);
        bed_done(b);
}

TEST(late_worker_is_given_nothing_until_it_says_that_something_is_done) {
        uint32_t task, by;
        Bed *b = bed_late(2, &task, &by);

        others_work(b);
        ck_assert_uint_eq(n_heard(b, SCHED_RUN, 0), 0);
        ck_assert(b->finished);
        bed_done(b);

        b = bed_late(2, &task, &by);
        (void) done(b, 0);
        ck_assert_uint_eq(n_heard(b, SCHED_LATE, 0), 1);
        ck_assert_uint_gt(n_heard(b, SCHED_RUN, 0), 0);
        bed_done(b);
}

TEST(late_worker_is_given_work_again_when_nobody_else_is_there) {
        uint32_t task, by;
        Bed *b = bed_late(2, &task, &by);

        tell(b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 1 });
        ck_assert_uint_eq(n_heard(b, SCHED_LATE, 0), 1);
        while (!b->finished)
                (void) done(b, 0);
        bed_done(b);
}

TEST(late_worker_is_tried_again_after_a_while) {
        uint32_t task, by;
        Bed *b = bed_late(3, &task, &by);

        heard_clear(b);
        b->host[by].task.n = 0; /* it has died in its sleep */
        tick(b, 31 * SECOND);
        ck_assert_uint_gt(n_heard(b, SCHED_LATE, 0), 0);
        bed_done(b);
}

TEST(when_the_second_worker_leaves_the_first_one_has_the_task_still) {
        uint32_t task, by;
        Bed *b = bed_late(3, &task, &by);

        tell(b, (SchedEvent) { .kind = SCHED_LEFT, .worker = by });
        b->host[by].task.n = 0;
        ck_assert_int_eq(host_find(&b->host[3 - by], task), -1); /* it is not given a third time */
        heard_clear(b);
        (void) done(b, 0);
        ck_assert(!dropped(b, 0, output_of(b, task)));
        while (!b->finished)
                (void) done(b, b->host[0].task.n > 0 ? 0 : 3 - by);
        bed_done(b);
}

TEST(when_the_first_worker_leaves_the_second_one_has_the_task_still) {
        uint32_t task, by;
        Bed *b = bed_late(3, &task, &by);

        tell(b, (SchedEvent) { .kind = SCHED_AWAY, .worker = 0 });
        b->host[0].task.n = 0;
        others_work(b);
        ck_assert(b->finished);
        bed_done(b);
}

TEST(task_that_kills_both_who_try_it_is_blamed_twice_and_no_more) {
        uint32_t task, by;
        Bed *b = bed_late(4, &task, &by);

        while (b->host[by].task.data[0] != task)
                (void) done(b, by);
        tell(b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0, .killed = true });
        ck_assert(!b->failed);
        b->host[0].task.n = b->host[by].task.n = 0;
        tell(b, (SchedEvent) { .kind = SCHED_LEFT, .worker = by, .killed = true });
        ck_assert(b->failed);
        bed_done(b);
}

TEST(task_that_is_done_is_not_blamed_for_who_dies_of_something_else) {
        uint32_t task, by;
        Bed *b = bed_late(4, &task, &by);

        while (host_find(&b->host[by], task) >= 0)
                (void) done(b, by);
        tell(b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0, .killed = true });
        tell(b, (SchedEvent) { .kind = SCHED_LEFT, .worker = by, .killed = true });
        ck_assert(!b->failed);
        bed_done(b);
}

TEST(failure_counts_if_the_task_is_not_done_and_only_then) {
        const Error err = { .code = ERROR_LINALG };
        uint32_t task, by;
        Bed *b       = bed_late(3, &task, &by);
        SchedEvent e = { .kind = SCHED_FAILED, .plan = b->plan, .n = 1, .task = &task, .error = &err };

        while (host_find(&b->host[by], task) >= 0)
                (void) done(b, by);
        tell(b, e);
        ck_assert(!b->failed);
        bed_done(b);

        b      = bed_late(3, &task, &by);
        e.plan = b->plan;
        tell(b, e);
        ck_assert(b->failed);
        bed_done(b);
}

TEST(who_tries_what_is_done_is_told_to_end_when_the_plan_does_and_to_drop_what_it_has_made) {
        uint32_t task, by;
        Bed *b         = bed_late(2, &task, &by);
        bool told      = false;
        SchedEvent e;
        Error err;

        b->mute = true;
        others_work(b);
        ck_assert(b->finished);
        for (uint32_t k = 0; k < b->heard.n; k++)
                told |= b->heard.data[k].kind == SCHED_FORGET && b->heard.data[k].worker == 0 &&
                        b->heard.data[k].drop == DROP_TASKS;
        ck_assert(told);
        ck_assert(dropped(b, 0, output_of(b, task)));
        heard_clear(b);
        e = done_event(b, 0, &task); /* said before it heard */
        ck_assert_int_eq(sched_check(b->sched, &e, 0, &err), 0);
        tell(b, e);
        ck_assert_uint_eq(n_heard(b, SCHED_DROP, 0), 0); /* it may be made again there by now */
        bed_done(b);
}

TEST(worker_is_not_drained_while_it_tries_what_others_have_done) {
        uint32_t task, by;
        Bed *b = bed_late(3, &task, &by);

        tell(b, (SchedEvent) { .kind = SCHED_DRAIN, .worker = 0, .on = true });
        while (host_find(&b->host[by], task) >= 0)
                (void) done(b, by);
        ck_assert_uint_eq(n_heard(b, SCHED_DRAINED, 0), 0);
        (void) done(b, 0);
        ck_assert_uint_eq(n_heard(b, SCHED_DRAINED, 0), 1);
        bed_done(b);
}

TEST(people_see_that_a_worker_is_late_and_who_else_tries_it) {
        uint32_t task, by;
        Bed *b = bed_late(2, &task, &by);
        SchedWhy why;

        while (b->host[by].task.data[0] != task)
                (void) done(b, by);
        ck_assert(sched_why(b->sched, 1, &why));
        ck_assert_uint_eq(why.worker, by);
        ck_assert_uint_eq(why.too, 0);
        ck_assert(!why.late);
        bed_done(b);
}

/* Until all is done; each worker does one task after the other. */
static uint64_t job_usec(uint32_t n_workers, uint64_t task_usec, uint64_t slow_usec, int64_t n, int64_t seed) {
        Bed *b = bed_new(n_workers);
        uint64_t began, ret;

        for (uint32_t w = 0; w < n_workers; w++)
                b->host[w].task_usec = w == (uint32_t) seed % n_workers ? slow_usec : task_usec;
        began = b->usec;
        submit(b, n, seed);
        for (uint32_t k = 0; !b->finished; k++) {
                for (uint32_t w = 0; w < n_workers; w++)
                        while (!b->finished && b->host[w].task.n > 0 && b->host[w].until_usec <= b->usec)
                                (void) done(b, w);
                ck_assert_uint_lt(b->usec - began, 10000ull * SECOND);
                if (b->finished)
                        break;
                b->usec += TICK / 10;
                if (k % 10 == 9)
                        tick(b, 0);
        }
        ret = b->usec - began;
        bed_done(b);
        return ret;
}

/* One worker is slower by 50 times. The bound is that of a job whose tasks take long enough for that to matter. */
TEST(job_with_a_slow_worker_takes_four_times_as_long_as_without_and_a_second_at_most) {
        for (int64_t seed = 1; seed <= 200; seed++) {
                const uint32_t n_workers = 2 + (uint32_t) seed % (MOST_WORKERS - 2);
                const uint64_t task_usec = SECOND / 20 + (uint64_t) seed * 7919 % SECOND;
                const int64_t n          = 4 + seed % 30;
                const uint64_t fast      = job_usec(n_workers, task_usec, task_usec, n, seed);
                const uint64_t slow      = job_usec(n_workers, task_usec, 50 * task_usec, n, seed);

                ck_assert_msg(slow <= 4 * fast + SECOND + 2 * TICK,
                              "seed %lld: %.1f s of %.1f s, %u workers, %.2f s a task", (long long) seed,
                              (double) slow / 1e6, (double) fast / 1e6, n_workers, (double) task_usec / 1e6);
        }
}
