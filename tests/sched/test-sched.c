/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/look.h"
#include "sched/sched.h"
#include "sim/fake-registry.h"

#include "harness.h"

/* A scheduler and what it said last. */
typedef struct Bed {
        Sched *sched;
        SchedActions said;
        uint64_t n_requests;
} Bed;

static Bed bed_new(bool alone) {
        Bed b = {};

        ck_assert_int_eq(sched_new(&b.sched, alone, fake_plan), 0);
        return b;
}

static void bed_done(Bed *b) {
        sched_free(b->sched);
        sched_actions_done(&b->said);
}

static void tell(Bed *b, SchedEvent event) {
        sched_actions_clear(&b->said);
        ck_assert_int_eq(sched_step(b->sched, &event, &b->said), 0);
        ck_assert(sched_consistent(b->sched));
}

static const SchedAction *said(const Bed *b, SchedActionKind kind) {
        for (uint32_t k = 0; k < b->said.action.n; k++)
                if (b->said.action.data[k].kind == kind)
                        return &b->said.action.data[k];
        return NULL;
}

static uint32_t count(const Bed *b, SchedActionKind kind) {
        uint32_t n = 0;

        for (uint32_t k = 0; k < b->said.action.n; k++)
                n += b->said.action.data[k].kind == kind;
        return n;
}

static Graph *graph_of(int64_t length, int64_t step, const uint64_t *stored, const Spec *spec) {
        FakeParams p = { .seed = 4, .length = length, .step = step };
        Graph *graph;
        Ref in;
        uint32_t id;

        ck_assert_int_eq(graph_new(&graph), 0);
        in = (Ref) {};
        if (stored)
                ck_assert_int_eq(graph_add_stored(graph, *stored, spec, &in.node), 0);
        if (length > 0)
                ck_assert_int_eq(graph_add(graph, &fake_op, &p, &in, stored != NULL, &id, NULL), 0);
        else
                id = in.node;
        ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
        return graph;
}

static uint64_t submit(Bed *b, Graph *graph) {
        uint64_t id = ++b->n_requests;

        tell(b, (SchedEvent) { .kind = SCHED_SUBMIT, .request = id, .graph = graph });
        return id;
}

static const Error *outcome(const Bed *b, uint64_t request) {
        const SchedAction *a = said(b, SCHED_FINISHED);

        ck_assert_ptr_nonnull(a);
        ck_assert_uint_eq(a->request, request);
        return a->outcome ? &b->said.error.data[a->outcome - 1] : NULL;
}

static uint64_t adopt(Bed *b, int64_t length, int64_t step) {
        Tiling tiling = { .ndim = 1, .axis = { cuts_regular(length, step) } };
        Spec spec     = { .dtype = DTYPE_F64, .shape = SHAPE(length) };
        uint64_t id;

        ck_assert_int_eq(sched_adopt(b->sched, &spec, &tiling, 0, &id), 0);
        return id;
}

TEST(request_for_what_is_stored_finishes_at_once) {
        Bed b = bed_new(true);
        uint64_t tensor, request;

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED });
        tensor  = adopt(&b, 100, 30);
        request = submit(&b, graph_of(0, 0, &tensor, &sched_tensor(b.sched, tensor)->spec));
        ck_assert_ptr_null(outcome(&b, request));
        ck_assert_uint_eq(b.said.tensor.data[0], tensor);
        ck_assert_uint_eq(sched_tensor(b.sched, tensor)->n_refs, 2); /* the one that came with it, and ours */
        tell(&b, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = tensor });
        ck_assert_ptr_null(said(&b, SCHED_DROP));
        tell(&b, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = tensor });
        ck_assert_uint_eq(said(&b, SCHED_DROP)->n, 4);
        ck_assert_ptr_null(sched_tensor(b.sched, tensor));
        bed_done(&b);
}

TEST(graph_that_lies_about_stored_tensors_is_refused) {
        Bed b = bed_new(true);
        Spec wrong;
        uint64_t tensor, unknown = 77;

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED });
        tensor = adopt(&b, 100, 30);
        wrong  = sched_tensor(b.sched, tensor)->spec;
        ck_assert_ptr_nonnull(strstr(outcome(&b, submit(&b, graph_of(10, 5, &unknown, &wrong)))->text, "no tensor 77"));
        wrong.shape.dim[0] = 101;
        ck_assert_int_eq(outcome(&b, submit(&b, graph_of(10, 5, &tensor, &wrong)))->code, ERROR_VALUE);
        wrong.shape.dim[0] = 100;
        wrong.dtype        = DTYPE_F32;
        ck_assert_int_eq(outcome(&b, submit(&b, graph_of(10, 5, &tensor, &wrong)))->code, ERROR_VALUE);
        ck_assert_uint_eq(sched_tensor(b.sched, tensor)->n_refs, 1);
        bed_done(&b);
}

TEST(tasks_wait_until_a_worker_joins) {
        Bed b = bed_new(false);

        submit(&b, graph_of(100, 10, NULL, NULL));
        ck_assert_ptr_null(said(&b, SCHED_PLAN));
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 3 });
        ck_assert_uint_eq(said(&b, SCHED_PLAN)->worker, 3);
        ck_assert_uint_eq(said(&b, SCHED_RUN)->n, 30); /* 20 and 10 chunks */
        bed_done(&b);
}

TEST(only_worker_gets_the_plan_a_window_at_a_time_in_its_order) {
        uint32_t n_tasks = 0, next = 0;
        Bed b = bed_new(true);
        Vec(RunTask) given = {};
        uint64_t plan, request;
        PlanRun *run;

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED });
        request = submit(&b, graph_of(100000, 10, NULL, NULL));
        plan    = said(&b, SCHED_PLAN)->plan;
        run     = said(&b, SCHED_PLAN)->run;
        n_tasks = run->plan->n_task;
        ck_assert_uint_eq(n_tasks, 30000);
        for (;;) {
                uint32_t task;

                for (uint32_t k = 0; k < b.said.task.n; k++)
                        ck_assert_int_eq(vec_push(&given, b.said.task.data[k]), 0);
                ck_assert_uint_le(given.n - next, 4096);
                ck_assert_uint_gt(given.n, next);
                task = given.data[next].task;
                ck_assert_uint_eq(given.data[next].position, next);
                next++;
                sched_actions_clear(&b.said);
                ck_assert_int_eq(sched_step(b.sched,
                                            &(SchedEvent) { .kind = SCHED_DONE, .plan = plan, .n = 1, .task = &task },
                                            &b.said),
                                 0);
                if (next == n_tasks)
                        break;
        }
        ck_assert_ptr_null(outcome(&b, request));
        ck_assert_ptr_nonnull(said(&b, SCHED_FORGET));
        tell(&b, (SchedEvent) { .kind = SCHED_FORGOTTEN, .plan = plan });
        vec_free(&given);
        bed_done(&b);
}

TEST(canceled_request_is_finished_when_its_workers_have_forgotten_it) {
        Bed b     = bed_new(false);
        Error err = {};
        uint64_t plan, request;
        uint32_t task;

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 0 });
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 1 });
        request = submit(&b, graph_of(100000000, 1000000, NULL, NULL)); /* too much for one of them */
        plan    = said(&b, SCHED_PLAN)->plan;
        task    = b.said.task.data[0].task;
        error_set(&err, ERROR_CANCELED, "enough");
        tell(&b, (SchedEvent) { .kind = SCHED_CANCEL, .request = request, .error = &err });
        ck_assert_uint_eq(count(&b, SCHED_FORGET), 2);
        ck_assert(said(&b, SCHED_FORGET)->drop);
        tell(&b, (SchedEvent) { .kind = SCHED_DONE, .worker = 0, .plan = plan, .n = 1, .task = &task }); /* too late */
        ck_assert_uint_eq(b.said.action.n, 0);
        tell(&b, (SchedEvent) { .kind = SCHED_FORGOTTEN, .worker = 0, .plan = plan });
        ck_assert_uint_eq(b.said.action.n, 0);
        tell(&b, (SchedEvent) { .kind = SCHED_FORGOTTEN, .worker = 0, .plan = plan }); /* twice is once */
        ck_assert_uint_eq(b.said.action.n, 0);
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 1 }); /* answers for good */
        ck_assert_str_eq(outcome(&b, request)->text, "enough");
        tell(&b, (SchedEvent) { .kind = SCHED_FORGOTTEN, .worker = 1, .plan = plan });
        ck_assert_uint_eq(b.said.action.n, 0);
        bed_done(&b);
}

TEST(chunk_that_its_worker_has_lost_is_made_again_and_its_reader_called_back) {
        Bed b = bed_new(true);
        uint64_t plan, request, first_id;
        const RunTask *again;
        uint32_t maker = 0, reader = 0;
        PlanRun *run;

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED });
        request  = submit(&b, graph_of(30, 10, NULL, NULL)); /* six chunks, and three that read two each */
        plan     = said(&b, SCHED_PLAN)->plan;
        run      = said(&b, SCHED_PLAN)->run;
        first_id = run->first_id;
        while (run->plan->input_start[reader + 1] == run->plan->input_start[reader])
                reader++;
        while (run->plan->output_chunk[run->plan->output_start[maker]] !=
               run->plan->input_chunk[run->plan->input_start[reader]])
                maker++;
        tell(&b, (SchedEvent) { .kind = SCHED_DONE, .plan = plan, .n = 1, .task = &maker });
        tell(&b, (SchedEvent) { .kind  = SCHED_LOST,
                                .chunk = first_id + run->plan->output_chunk[run->plan->output_start[maker]] });
        ck_assert_uint_eq(b.said.task.data[said(&b, SCHED_RECALL)->first].task, reader);
        again = &b.said.task.data[said(&b, SCHED_RUN)->first];
        ck_assert_uint_eq(again->task, maker);
        tell(&b, (SchedEvent) { .kind = SCHED_RECALLED, .plan = plan, .n = 1, .task = &reader });
        tell(&b, (SchedEvent) { .kind = SCHED_LOST, .chunk = first_id + 1000 }); /* nobody knows it */
        ck_assert_uint_eq(b.said.action.n, 0);
        for (uint32_t k = 0; k < run->plan->n_task; k++)
                if (run->plan->order[k] != reader)
                        tell(&b,
                             (SchedEvent) { .kind = SCHED_DONE, .plan = plan, .n = 1, .task = &run->plan->order[k] });
        tell(&b, (SchedEvent) { .kind = SCHED_DONE, .plan = plan, .n = 1, .task = &reader });
        ck_assert_ptr_null(outcome(&b, request));
        bed_done(&b);
}

/* The plan that makes chunks from this one on, and the first tasks of it that were given. */
static const PlanRun *run_of(const Bed *b, uint64_t first_id, uint32_t *ret_task, uint32_t n) {
        const PlanRun *run = NULL;

        for (uint32_t k = 0; k < b->said.action.n; k++) {
                const SchedAction *a = &b->said.action.data[k];

                if (a->kind != SCHED_RUN || a->run->first_id != first_id)
                        continue;
                run = a->run;
                for (uint32_t t = 0; t < a->n && n > 0; t++, n--)
                        *ret_task++ = b->said.task.data[a->first + t].task;
        }
        ck_assert_uint_eq(n, 0);
        return run;
}

static int check(const Bed *b, uint64_t plan, const uint32_t *task) {
        Error err = {};

        return sched_check(b->sched, &(SchedEvent) { .kind = SCHED_DONE, .plan = plan, .n = 1, .task = task }, 0, &err);
}

static void done(Bed *b, uint64_t plan, const uint32_t *task) {
        ck_assert_int_eq(check(b, plan, task), 0);
        tell(b, (SchedEvent) { .kind = SCHED_DONE, .plan = plan, .n = 1, .task = task });
}

TEST(what_is_done_of_a_repair_that_has_ended_is_believed_once_and_only_of_tasks_that_were_given) {
        Bed b                = bed_new(false);
        const Error canceled = { .code = ERROR_CANCELED, .text = "enough" };
        uint64_t first_id, plan, tensor;
        const PlanRun *run;
        uint32_t task[2], none;

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED });
        submit(&b, graph_of(100, 10, NULL, NULL));
        plan     = said(&b, SCHED_PLAN)->plan;
        run      = said(&b, SCHED_PLAN)->run;
        first_id = run->first_id;
        for (uint32_t k = 0, n = run->plan->n_task; k < n; k++)
                done(&b, plan, &run->plan->order[k]);
        tensor = b.said.tensor.data[said(&b, SCHED_FINISHED)->first];
        tell(&b, (SchedEvent) { .kind = SCHED_FORGOTTEN, .plan = plan });
        for (uint32_t k = 0; k < sched_tensor(b.sched, tensor)->n_chunks; k++)
                tell(&b, (SchedEvent) { .kind = SCHED_LOST, .chunk = sched_tensor(b.sched, tensor)->chunk_first + k });
        submit(&b, graph_of(100, 10, &tensor, &sched_tensor(b.sched, tensor)->spec));
        run  = run_of(&b, first_id, task, 2);
        plan = run->id;
        none = run->plan->n_task;
        done(&b, plan, &task[0]);
        tell(&b, (SchedEvent) { .kind = SCHED_CANCEL, .request = b.n_requests, .error = &canceled });
        ck_assert_uint_eq(count(&b, SCHED_FORGET), 2); /* nobody waits for the repair any more */
        ck_assert_int_eq(check(&b, plan, &task[0]), ERROR_CORRUPT);
        ck_assert_int_eq(check(&b, plan, &none), ERROR_CORRUPT);
        done(&b, plan, &task[1]);
        ck_assert_uint_eq(said(&b, SCHED_DROP)->chunk,
                          plan_run_chunk(run, run->plan->output_chunk[run->plan->output_start[task[1]]]));
        ck_assert_int_eq(check(&b, plan, &task[1]), ERROR_CORRUPT);
        bed_done(&b);
}

TEST(data_that_its_client_has_no_more_fails_who_needs_it_and_nobody_else) {
        Bed b     = bed_new(false);
        Error err = {};
        uint64_t tensor, with, without;

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 0 });
        tensor  = adopt(&b, 100, 5);
        without = submit(&b, graph_of(1000, 10, NULL, NULL));
        with    = submit(&b, graph_of(1000, 10, &tensor, &sched_tensor(b.sched, tensor)->spec));
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0 });
        ck_assert_ptr_null(said(&b, SCHED_FINISHED)); /* there is nobody to give it to */
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 1 });
        ck_assert_uint_gt(said(&b, SCHED_RUN)->n, 100); /* the other one starts again */
        ck_assert_uint_eq(said(&b, SCHED_WANTED)->tensor, tensor);
        ck_assert_uint_eq(b.said.place.data[0].worker, 1);
        error_set(&err, -ENOENT, "the client has forgotten it");
        tell(&b, (SchedEvent) { .kind = SCHED_GIVEN, .tensor = tensor, .error = &err });
        ck_assert_ptr_null(said(&b, SCHED_FINISHED)); /* its tasks end first */
        tell(&b, (SchedEvent) { .kind = SCHED_FORGOTTEN, .worker = 1, .plan = said(&b, SCHED_FORGET)->plan });
        ck_assert_str_eq(outcome(&b, with)->text, "the data of tensor 1 is lost: the client has forgotten it");
        ck_assert_uint_eq(count(&b, SCHED_FINISHED), 1);
        ck_assert_uint_lt(without, with);
        bed_done(&b);
}

TEST(data_that_comes_again_is_there_when_its_worker_has_said_so_after_any_drop) {
        Bed b = bed_new(false);
        const SchedAction *take;
        uint64_t tensor, chunk;

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 0 });
        tensor = adopt(&b, 100, 100);
        submit(&b, graph_of(1000, 10, &tensor, &sched_tensor(b.sched, tensor)->spec));
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0 });
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 1 });
        ck_assert_uint_eq(said(&b, SCHED_WANTED)->tensor, tensor);
        chunk = sched_tensor(b.sched, tensor)->chunk_first;
        tell(&b, (SchedEvent) { .kind = SCHED_TAKEN, .worker = 1, .chunk = chunk });
        take = said(&b, SCHED_TAKE); /* a DROP of before may be on its way there still: it is asked behind that */
        ck_assert_ptr_nonnull(take);
        ck_assert(take->worker == 1 && take->chunk == chunk && take->from == WORKER_NONE);
        tell(&b, (SchedEvent) { .kind = SCHED_GIVEN, .tensor = tensor });
        ck_assert_uint_eq(sched_tensor(b.sched, tensor)->holder[0], WORKER_NONE);
        tell(&b, (SchedEvent) { .kind = SCHED_TAKEN, .worker = 1, .chunk = chunk, .asked = true });
        ck_assert_uint_eq(sched_tensor(b.sched, tensor)->holder[0], 1);
        ck_assert_uint_gt(said(&b, SCHED_RUN)->n, 0);
        bed_done(&b);
}

TEST(error_of_a_task_names_the_stage_and_the_chunk) {
        Bed b     = bed_new(true);
        Error err = {};

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED });
        submit(&b, graph_of(100, 10, NULL, NULL));
        error_set(&err, ERROR_LINALG, "Singular matrix");
        ck_assert_int_eq(plan_run_error(said(&b, SCHED_PLAN)->run, 7, &err), ERROR_LINALG);
        ck_assert_str_eq(err.text, "fake: chunk (7,): Singular matrix");
        bed_done(&b);
}

TEST(look_counts_what_is_done_and_given_of_each_stage) {
        Bed b = bed_new(false);
        SchedTasks tasks;
        SchedLook look;
        uint64_t plan, request;
        uint32_t task, n_done, n_given, sum_done = 0, sum_given = 0;

        ck_assert(!sched_look(b.sched, 1, &look));
        request = submit(&b, graph_of(100, 10, NULL, NULL));
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 0 });
        plan = said(&b, SCHED_PLAN)->plan;
        task = b.said.task.data[0].task;
        tell(&b, (SchedEvent) { .kind = SCHED_DONE, .plan = plan, .n = 1, .task = &task });
        ck_assert(sched_look(b.sched, request, &look));
        ck_assert_uint_eq(look.plan, plan);
        ck_assert_uint_eq(look.n_before, 0);
        for (uint32_t k = 0; k < look.of->stage.n; k++) {
                sched_look_stage(&look, k, &n_done, &n_given);
                ck_assert_uint_le(n_done + n_given, look.of->stage.data[k].n_task);
                ck_assert_uint_eq(n_done, k == look.of->task_stage[task]);
                sum_done += n_done;
                sum_given += n_given;
        }
        ck_assert_uint_eq(sum_done, 1);
        ck_assert_uint_eq(sum_given, look.n_given);
        sched_tasks(b.sched, &tasks);
        ck_assert_uint_eq(tasks.n_task, look.of->n_task);
        ck_assert_uint_eq(tasks.n_done, 1);
        ck_assert_uint_eq(tasks.n_given, look.n_given);
        bed_done(&b);
}

TEST(tensors_are_found_one_after_the_other_until_they_are_released) {
        Bed b       = bed_new(true);
        uint32_t at = 0;
        uint64_t first, other;
        const SchedTensor *one, *two;

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED });
        ck_assert_ptr_null(sched_tensor_next(b.sched, &at));
        first = adopt(&b, 100, 30);
        other = adopt(&b, 10, 5);
        at    = 0;
        one   = sched_tensor_next(b.sched, &at);
        two   = sched_tensor_next(b.sched, &at);
        ck_assert(one && two && one->id + two->id == first + other && one != two);
        ck_assert_ptr_null(sched_tensor_next(b.sched, &at));
        tell(&b, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = first });
        at = 0;
        ck_assert_uint_eq(sched_tensor_next(b.sched, &at)->id, other);
        ck_assert_ptr_null(sched_tensor_next(b.sched, &at));
        bed_done(&b);
}

TEST(why_names_the_first_task_that_is_not_done_and_what_it_waits_for) {
        Bed b     = bed_new(false);
        Error err = {};
        uint64_t first, second;
        uint32_t done[] = { 0, 1 };
        SchedWhy why;

        ck_assert(!sched_why(b.sched, 1, &why));
        first  = submit(&b, graph_of(10000, 10, NULL, NULL));
        second = submit(&b, graph_of(100, 10, NULL, NULL));
        ck_assert(sched_why(b.sched, first, &why));
        ck_assert_int_eq(why.reason, WHY_NO_WORKERS);
        ck_assert_str_eq(why.task, "fake: chunk (0,)");
        ck_assert_uint_eq(why.n_ahead, 0);

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 3 });
        ck_assert(sched_why(b.sched, first, &why));
        ck_assert_int_eq(why.reason, WHY_GIVEN);
        ck_assert_uint_eq(why.worker, 3);
        ck_assert_uint_gt(why.n_given, 0);
        tell(&b, (SchedEvent) {
                         .kind = SCHED_DONE, .worker = 3, .plan = said(&b, SCHED_PLAN)->plan, .n = 2, .task = done });
        ck_assert(sched_why(b.sched, first, &why));
        ck_assert_uint_eq(why.n_done, 2);
        ck_assert_str_eq(why.task, "fake: chunk (2,)");
        ck_assert(sched_why(b.sched, second, &why));
        ck_assert_uint_eq(why.n_ahead, 1);

        error_set(&err, ERROR_CANCELED, "enough");
        tell(&b, (SchedEvent) { .kind = SCHED_CANCEL, .request = first, .error = &err });
        ck_assert(sched_why(b.sched, first, &why));
        ck_assert_int_eq(why.reason, WHY_ENDING);
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 3 });
        ck_assert(!sched_why(b.sched, first, &why));
        bed_done(&b);
}

static SchedTaskWhy why_task(const Bed *b, uint64_t request, uint64_t task) {
        SchedTaskWhy why;

        ck_assert(sched_why_task(b->sched, request, task, &why));
        return why;
}

/* Of those that workers have, or of the others. */
static uint32_t shown(const Bed *b, uint64_t request, bool given) {
        uint32_t n = 0, at = 0;
        SchedLook look;
        SchedTask task;

        ck_assert(sched_look(b->sched, request, &look));
        for (; sched_look_task(&look, given, &at, &task); n++)
                ck_assert_int_eq(task.reason == TASK_IS_GIVEN, given);
        return n;
}

TEST(why_of_a_task_follows_it_from_its_inputs_to_its_end) {
        Bed b = bed_new(false);
        SchedTaskWhy why;
        uint64_t request, plan, reader = 20;
        uint32_t done = 0;

        request = submit(&b, graph_of(100, 10, NULL, NULL)); /* 20 tasks, and 10 that read what they make */
        ck_assert_int_eq(why_task(&b, request, 0).task.reason, TASK_NEEDS_WORKERS);
        while (why_task(&b, request, reader).task.n_inputs == 0)
                reader++;
        why = why_task(&b, request, reader);
        ck_assert_int_eq(why.task.reason, TASK_NEEDS_INPUT);
        ck_assert_uint_eq(why.task.n_made, 0);
        ck_assert_uint_lt(why.maker.task, 20);
        ck_assert_int_eq(why.maker.reason, TASK_NEEDS_WORKERS);
        ck_assert(!sched_why_task(b.sched, request, 30, &why));
        ck_assert(!sched_why_task(b.sched, request + 1, 0, &why));
        ck_assert_uint_eq(shown(&b, request, false), 30);

        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 3 });
        plan = said(&b, SCHED_PLAN)->plan;
        why  = why_task(&b, request, 0);
        ck_assert_int_eq(why.task.reason, TASK_IS_GIVEN);
        ck_assert_uint_eq(why.task.worker, 3);
        ck_assert_uint_eq(why.plan, plan);
        ck_assert_str_eq(why.task.makes, "fake: chunk (0,)");
        ck_assert_uint_eq(shown(&b, request, true), 30);
        ck_assert_uint_eq(shown(&b, request, false), 0);
        tell(&b, (SchedEvent) { .kind = SCHED_DONE, .worker = 3, .plan = plan, .n = 1, .task = &done });
        ck_assert_int_eq(why_task(&b, request, 0).task.reason, TASK_IS_DONE);
        ck_assert_uint_eq(shown(&b, request, true), 29);

        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 3 });
        ck_assert_int_eq(why_task(&b, request, reader).task.reason, TASK_NEEDS_INPUT);
        ck_assert_int_eq(why_task(&b, request, reader).maker.reason, TASK_NEEDS_WORKERS);
        bed_done(&b);
}
