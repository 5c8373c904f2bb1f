/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and their plans: from a graph to tasks, from what is done to what may be dropped, from the last task to
 * tensors.
 *
 * Whatever ends a plan, its end has two steps: nothing more is given and all workers are told to forget it; when the
 * last has answered, the plan's memory goes. A request that succeeds is reported at the first step, one that fails
 * at the second, so that after a failure nothing of it is left anywhere. */
#include "base/size.h"
#include "sched/state.h"

/* ---- Actions ---------------------------------------------------------------------------------------------------- */

void sched_actions_clear(SchedActions *a) {
        a->action.n = a->task.n = a->fetch.n = a->tensor.n = a->place.n = a->error.n = 0;
}

void sched_actions_done(SchedActions *a) {
        vec_free(&a->action);
        vec_free(&a->task);
        vec_free(&a->fetch);
        vec_free(&a->tensor);
        vec_free(&a->place);
        vec_free(&a->error);
}

int action_add(Sched *s, const SchedAction *action) {
        int r = vec_push(&s->actions->action, *action);

        assert(r < 0 || s->actions->action.data);
        return r;
}

/* Chunks are dropped in runs of ids when they die in a row, as those of a tensor do. */
int drop_say(Sched *s, uint32_t worker, uint64_t chunk) {
        SchedActions *a   = s->actions;
        SchedAction *last = a->action.n > 0 ? &a->action.data[a->action.n - 1] : NULL;

        assert(a->action.n == 0 || last);
        if (s->worker.data[worker].state != WORKER_HERE)
                return 0; /* it has yet to say that it has it, if it has, or says so just now: the answer is a DROP */
        if (s->wanting.n > 0)
                data_not_pending(s, worker, chunk);
        if (last && last->kind == SCHED_DROP && last->worker == worker && last->chunk + last->n == chunk) {
                last->n++;
                return 0;
        }
        return action_add(s, &(SchedAction) { .kind = SCHED_DROP, .worker = worker, .chunk = chunk, .n = 1 });
}

int drop_add(Sched *s, uint32_t worker, uint64_t chunk) {
        int ret = s->taking.n > 0 ? takings_off(s, worker, chunk) : 0;

        return ret < 0 ? ret : drop_say(s, worker, chunk);
}

/* Tasks of the repair may read what else it makes. */
static bool is_repaired(const Sched *s, const SchedTensor *t) {
        const Recipe *recipe = s->n_repairs > 0 ? recipe_find(s, t->recipe) : NULL;

        return recipe && recipe->repair;
}

int chunk_drop(Sched *s, Running *r, uint32_t chunk) {
        uint32_t worker = r->holder[chunk], value = r->plan->chunk_value[chunk];
        SchedTensor *t  = r->leaf[value] || !r->made ? r->leaf[value] : r->made[value];
        int ret         = 0;

        if (worker == WORKER_NONE)
                return 0;
        if (r->leaf[value] && (t->n_refs > 1 || is_repaired(s, t)))
                return 0; /* somebody else may want it */
        if (t) {
                const uint32_t k = chunk - r->plan->value.data[value].first_chunk;

                ret = spare_drop(s, t, k);
                if (ret == 0)
                        ret = tensor_hold(s, t, k, WORKER_NONE);
                if (ret == 0 && r->made)
                        ret = anchor_look(s, t); /* when it has been made again */
        }
        r->holder[chunk] = WORKER_NONE;
        return ret < 0 ? ret : drop_add(s, worker, plan_run_chunk(&r->run, chunk));
}

/* ---- Requests --------------------------------------------------------------------------------------------------- */

static void request_end(Sched *s, Request *q) {
        map_remove(&s->requests, q->id);
        if (q->before)
                q->before->after = q->after;
        else
                s->first = q->after;
        if (q->after)
                q->after->before = q->before;
        else
                s->last = q->before;
        free(q);
}

int request_failed(Sched *s, Request *q) {
        if (vec_push(&s->actions->error, q->outcome) < 0 ||
            action_add(s, &(SchedAction) { .kind = SCHED_FINISHED,
                                          .request = q->id,
                                          .n_done = q->n_done_before,
                                          .outcome = s->actions->error.n }) < 0)
                return -ENOMEM;
        request_end(s, q);
        return 0;
}

int request_fail(Sched *s, Request *q, const Error *err) {
        q->outcome = *err;
        if (!q->running)
                return request_failed(s, q);
        return running_forget(s, q->running, DROP_ALL);
}

/* ---- From graph to tasks ---------------------------------------------------------------------------------------- */

/* A graph may come from anywhere: what it says of stored tensors must be so. */
static int check_leaves(const Sched *s, const Graph *graph, Error *err) {
        for (uint32_t k = 0; k < graph->node.n; k++) {
                const Node *node     = &graph->node.data[k];
                const SchedTensor *t = node->op ? NULL : sched_tensor(s, node->stored);

                if (node->op)
                        continue;
                if (!t || t->n_refs == 0)
                        return error_set(err, ERROR_VALUE, "the session has no tensor %llu",
                                         (unsigned long long) node->stored);
                if (node->out[0].dtype != t->spec.dtype || !shape_equal(&node->out[0].shape, &t->spec.shape))
                        return error_set(err, ERROR_VALUE, "tensor %llu is not what the graph says",
                                         (unsigned long long) node->stored);
        }
        return 0;
}

static int running_try(Sched *s, Running *r);

/* What the client of a session of one process gave lies in memory of its own. */
static bool leaf_counts(const void *userdata, uint64_t stored) {
        const Sched *s       = userdata;
        const SchedTensor *t = sched_tensor(s, stored);

        return t && !(s->alone && t->given);
}

static int check_limits(const Sched *s, const Plan *plan, size_t chunk_bytes, size_t all_bytes, PlanLeafCounts *counts,
                        Error *err) {
        uint32_t task;
        size_t bytes;

        if (!plan_too_large(plan, chunk_bytes, all_bytes, counts, s, &task))
                return 0;
        bytes = plan_task_chunks(plan, task, counts, s);
        if (bytes > chunk_bytes)
                error_set(err, ERROR_MEMORY,
                          "%zu bytes are needed at a time, and %zu are all that results may have in memory: use "
                          "smaller chunks, or a larger cache", bytes, chunk_bytes);
        else
                error_set(err, ERROR_MEMORY,
                          "%zu bytes are needed at a time, and %zu are all that work may have: use smaller chunks, "
                          "or more memory",
                          bytes + plan->stage.data[plan->task_stage[task]].scratch_bytes, all_bytes);
        return plan_run_error(&(PlanRun) { .plan = plan }, task, err);
}

/* What no worker could ever run is refused. */
static int check_size(const Sched *s, const Plan *plan, Error *err) {
        int r = check_limits(s, plan, s->most_chunk_bytes, s->most_bytes, NULL, err);

        return r < 0 ? r : check_limits(s, plan, s->most_chunk_bytes + s->lent_bytes, s->most_bytes + s->lent_bytes,
                                        leaf_counts, err);
}

/* Bytes of all results whose lengths are known, or UINT64_MAX. What is wanted twice is there once, which is looked at
 * if it matters. */
static uint64_t result_bytes(const Graph *graph, bool once) {
        uint64_t ret = 0;

        for (uint32_t m = 0; m < graph->wanted.n; m++) {
                const Ref ref    = graph->wanted.data[m];
                const Spec *spec = graph_spec(graph, ref);
                bool counts      = graph->node.data[ref.node].op && shape_known(&spec->shape);
                uint64_t own;

                for (uint32_t k = 0; once && counts && k < m; k++)
                        counts = graph->wanted.data[k].node != ref.node || graph->wanted.data[k].out != ref.out;
                if (counts && (__builtin_mul_overflow((uint64_t) shape_size(&spec->shape), dtype_size(spec->dtype),
                                                      &own) ||
                               __builtin_add_overflow(ret, own, &ret)))
                        return UINT64_MAX;
        }
        return ret;
}

/* Results that there is no room for are refused before they are planned, however little each task would take. */
static int check_results(const Sched *s, const Graph *graph, Error *err) {
        char want[SIZE_TEXT_MAX], have[SIZE_TEXT_MAX];
        uint64_t bytes = s->most_result_bytes > 0 ? result_bytes(graph, false) : 0;

        if (bytes > s->most_result_bytes)
                bytes = result_bytes(graph, true);
        if (bytes <= s->most_result_bytes)
                return 0;
        return error_set(err, ERROR_SPILL_FULL,
                         "the results have %s, and memory and disks have room for %s: compute parts of them, or give "
                         "the session more disk", size_print(bytes, want), size_print(s->most_result_bytes, have));
}

/* The plan, which is taken over with its graph, is the request's from now on. */
static int request_run(Sched *s, Request *q, Plan *plan, Graph *graph, Recipe *recipe) {
        Running *r;
        int ret = running_new(s, plan, recipe, false, &r);

        if (ret < 0) {
                plan_free(plan);
                graph_free(graph);
                return ret;
        }
        if (s->alone)
                graph_free(graph);
        else
                r->run.graph = r->graph = graph;
        r->request     = q;
        r->run.session = q->session;
        q->running     = r;
        q->n_total += plan->n_task;
        /* Who will read which chunk, and who has those that are there. */
        for (uint32_t k = 0; k < plan->input_start[plan->n_task]; k++)
                r->uses[plan->input_chunk[k]]++;
        running_keeps(r, r->uses);
        for (uint32_t m = 0; m < plan->made.n; m++) { /* in one piece, so that the result can be one array */
                const Value *value = &plan->value.data[plan->made.data[m].value];

                r->together[plan->made.data[m].value] = s->alone && value->stage != STAGE_NONE && value->rows_hint &&
                                                        tiling_n_chunks(&value->tiling) > 1 &&
                                                        tiling_known(&value->tiling);
        }
        ret = running_leaves(s, r);
        if (ret < 0)
                return ret;
        if (r->n_lacking == 0 && !s->holding)
                return running_try(s, r);
        r->dirty = s->unsettled = true;
        return 0;
}

/* Plans the graph, which is taken over, and hands out its first tasks. */
static int request_plan(Sched *s, Request *q, Graph *graph) {
        Error err      = {};
        Plan *plan     = NULL;
        Recipe *recipe = NULL;
        int ret;

        ret = check_leaves(s, graph, &err);
        if (ret == 0)
                ret = check_results(s, graph, &err);
        if (ret == 0)
                ret = s->planner(graph,
                                 &(PlanLeaves) { .tiling      = leaf_tiling,
                                                 .userdata    = s,
                                                 .task_bytes  = s->task_bytes,
                                                 .alone_bytes = s->alone_bytes },
                                 &plan, &err);
        if (ret == 0 && !plan->complete && plan->n_task == 0)
                ret = error_set(&err, ERROR_SUPPORT, "the rest of the graph cannot be planned");
        if (ret == 0 && s->most_bytes > 0)
                ret = check_size(s, plan, &err);
        if (ret == 0 && !s->alone && plan->n_task > 0) {
                ret = recipe_new(s, graph, plan, s->next_plan, &recipe);
                if (ret == 0)
                        ret = action_add(s, &(SchedAction) { .kind    = SCHED_RECIPE,
                                                             .recipe  = recipe->said.id,
                                                             .request = q->id });
                if (ret < 0)
                        error_oom(&err, sizeof(*recipe));
        }
        if (ret < 0) {
                graph_free(graph);
                plan_free(plan);
                if (err.code != ret)
                        error_prefix(&err, ret, "planning");
                return request_fail(s, q, &err);
        }
        return request_run(s, q, plan, graph, recipe);
}

static Request *request_new(Sched *s, uint64_t id, uint64_t session) {
        Request *q = calloc(1, sizeof(*q));

        if (!q || map_set(&s->requests, id, (uintptr_t) q) < 0) {
                free(q);
                return NULL;
        }
        q->id      = id;
        q->session = session;
        q->before  = s->last;
        if (s->last)
                s->last->after = q;
        else
                s->first = q;
        s->last = q;
        return q;
}

static int submit(Sched *s, uint64_t id, uint64_t session, Graph *graph) {
        Request *q = request_new(s, id, session);

        if (q)
                return request_plan(s, q, graph);
        graph_free(graph);
        return -ENOMEM;
}

/* Goes on where a scheduler before us has ended: which of its tasks are to be run is seen when all begins. */
static int resume(Sched *s, uint64_t id, uint64_t session, uint64_t recipe) {
        Request *q   = request_new(s, id, session);
        Recipe *last = recipe_find(s, recipe);
        Graph *graph = NULL;
        Plan *plan   = NULL;
        Error err    = {};
        int ret;

        if (!q)
                return -ENOMEM;
        if (!last || last->n_uses > 0)
                ret = error_set(&err, ERROR_CORRUPT, "its plan %llu is not known, or is done",
                                (unsigned long long) recipe);
        else
                ret = recipe_plan(s, last, &graph, &plan, &err);
        if (ret == 0)
                return request_run(s, q, plan, graph, last);
        error_prefix(&err, ret, "going on after the scheduler had ended");
        return request_fail(s, q, &err);
}

/* ---- From tasks to tensors -------------------------------------------------------------------------------------- */

/* The tensor of entry m of plan->made, with one reference more. */
static int made_tensor(Sched *s, Running *r, uint32_t m, SchedTensor **of_value, SchedTensor **ret) {
        ValueId v          = r->plan->made.data[m].value;
        const Value *value = &r->plan->value.data[v];
        int ret_code;

        if (value->stage == STAGE_NONE)
                of_value[v] = sched_tensor(s, value->stored);
        if (of_value[v]) { /* a leaf, or the same values under a second name */
                tensor_ref(s, of_value[v]);
                *ret = of_value[v];
                return 0;
        }
        ret_code = tensor_new(s, graph_spec(r->plan->graph, r->plan->made.data[m].ref), &value->tiling,
                              r->length ? r->length + value->first_chunk : NULL, r->run.first_id + value->first_chunk,
                              ret);
        if (ret_code == 0 && recipe_is_long(s, r->recipe))
                ret_code = anchor_make(*ret);
        if (ret_code == 0)
                ret_code = tensor_add(s, *ret, s->next_tensor, r->recipe);
        if (ret_code < 0)
                return ret_code;
        s->next_tensor++;
        of_value[v]    = *ret;
        (*ret)->n_lost = 0;
        for (uint32_t k = 0; k < (*ret)->n_chunks; k++)
                (*ret)->holder[k] = r->holder[value->first_chunk + k];
        if (s->alone)
                return 0;
        ret_code = action_add(s, &(SchedAction) { .kind = SCHED_TENSOR, .tensor = (*ret)->id });
        return ret_code < 0 ? ret_code : anchor_look(s, *ret);
}

/* Hands the wanted outputs to whoever submitted the request. */
static int request_succeeded(Sched *s, Request *q, const Plan *plan, const Map *tensor_of) {
        const Graph *graph = plan->graph;
        SchedAction action = { .kind    = SCHED_FINISHED,
                               .request = q->id,
                               .n_done  = q->n_done_before,
                               .first   = s->actions->tensor.n,
                               .n       = graph->wanted.n };

        for (uint32_t k = 0; k < graph->wanted.n; k++) {
                Ref ref      = graph->wanted.data[k];
                const Node *node = &graph->node.data[ref.node];
                uint64_t id  = node->op ? map_get(tensor_of, (uint64_t) ref.node << 8 | ref.out) : node->stored;

                assert(id != 0);
                tensor_ref(s, sched_tensor(s, id));
                if (vec_push(&s->actions->tensor, id) < 0)
                        return -ENOMEM;
        }
        if (action_add(s, &action) < 0)
                return -ENOMEM;
        request_end(s, q);
        return 0;
}

/* Every task is done. */
static int running_complete(Sched *s, Running *r) {
        const Plan *plan  = r->plan;
        Request *q        = r->request;
        uint32_t n        = plan->made.n;
        _cleanup_(freep) SchedTensor **of_value = calloc(plan->value.n + 1, sizeof(*of_value));
        _cleanup_(freep) uint64_t *stored       = calloc(n + 1, sizeof(*stored));
        _cleanup_(freep) Spec *spec             = calloc(n + 1, sizeof(*spec));
        _cleanup_(map_done) Map tensor_of       = {};
        Graph *rest = NULL;
        Error err   = {};
        int ret     = of_value && stored && spec ? 0 : -ENOMEM;

        for (uint32_t m = 0; m < n && ret == 0; m++) {
                Ref ref = plan->made.data[m].ref;
                SchedTensor *t;

                ret = made_tensor(s, r, m, of_value, &t);
                if (ret == 0) {
                        stored[m]    = t->id;
                        spec[m]      = t->spec;
                        spec[m].weak = graph_spec(plan->graph, ref)->weak;
                        ret          = map_set(&tensor_of, (uint64_t) ref.node << 8 | ref.out, t->id);
                }
        }
        if (ret < 0)
                return ret;
        /* The plan owns nothing any more: what it made belongs to tensors. */
        r->request       = NULL;
        q->running       = NULL;
        q->n_done_before += plan->n_task;
        if (plan->complete)
                ret = request_succeeded(s, q, plan, &tensor_of);
        else {
                ret = plan_extend(plan, stored, spec, &rest, &err);
                if (ret < 0) {
                        if (err.code != ret)
                                error_prefix(&err, ret, "planning");
                        ret = request_fail(s, q, &err);
                } else
                        ret = request_plan(s, q, rest);
        }
        /* First the workers forget the plan, then they drop what nobody wants: its chunks never go under it. */
        if (ret == 0)
                ret = running_forget(s, r, DROP_NOTHING);
        for (uint32_t m = 0; m < n && ret == 0; m++)
                ret = tensor_unref(s, stored[m]);
        return ret;
}

/* One task of the plan is done at the worker. */
static int task_done(Sched *s, Running *r, uint32_t task, uint32_t worker, const int64_t **length) {
        const Plan *plan = r->plan;
        int ret          = 0;

        r->state[task] = TASK_DONE;
        r->n_done++;
        s->n_tasks_done++;
        task_taken_back(s, r, task);
        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1] && ret == 0; k++) {
                uint32_t c = plan->output_chunk[k];

                SchedTensor *t = r->made ? r->made[plan->chunk_value[c]] : NULL;

                r->holder[c] = (uint16_t) worker;
                if (t && r->uses[c] > 0)
                        ret = tensor_hold(s, t, c - plan->value.data[plan->chunk_value[c]].first_chunk, worker);
                if (r->length && !tiling_known(&plan->value.data[plan->chunk_value[c]].tiling))
                        r->length[c] = *(*length)++;
                if (r->uses[c] == 0)
                        ret = chunk_drop(s, r, c);
                else if (r->index && ret == 0)
                        ret = running_woken(s, r, c);
        }
        for (uint32_t k = plan->input_start[task]; k < plan->input_start[task + 1] && ret == 0; k++) {
                uint32_t c = plan->input_chunk[k];

                assert(r->uses[c] > 0);
                if (--r->uses[c] > 0)
                        continue;
                r->n_lacking -= !chunk_made(r, c) && r->leaf[plan->chunk_value[c]]; /* it had a copy */
                ret = chunk_drop(s, r, c);
        }
        return ret;
}

/* By somebody who tries it besides, or still: it is done there now, or it was done before. */
static int second_done(Sched *s, Running *r, uint32_t task, uint32_t worker, const int64_t **length) {
        const Plan *plan = r->plan;
        const bool wins  = r->state[task] != TASK_DONE;
        int ret          = 0;

        if (wins) {
                ret = second_wins(s, r, task);
                if (ret == 0)
                        ret = task_done(s, r, task, worker, length);
                r->place[task] = (uint16_t) worker;
        } else
                second_end(s, r, task);
        for (uint32_t k = plan->output_start[task]; k < plan->output_start[task + 1] && ret == 0; k++) {
                const uint32_t c = plan->output_chunk[k];

                if (wins && chunk_made(r, c))
                        ret = fetches_turn(s, plan_run_chunk(&r->run, c), worker);
                else if (!wins)
                        ret = surplus_drop(s, worker, plan_run_chunk(&r->run, c));
                *length += !wins && !tiling_known(&plan->value.data[plan->chunk_value[c]].tiling);
        }
        return ret;
}

static int done(Sched *s, Running *r, const SchedEvent *e) {
        const int64_t *length = e->length;
        int ret               = r->spent ? tasks_timed(s, r, e) : 0;

        for (uint32_t k = 0; k < e->n && ret == 0; k++) {
                uint32_t task = e->task[k];

                assert(task < r->plan->n_task);
                if (task_given(r, task) && r->place[task] == e->worker)
                        ret = task_done(s, r, task, e->worker, &length);
                else
                        ret = second_done(s, r, task, e->worker, &length);
        }
        if (s->n_draining > 0 && s->worker.data[e->worker].n_given == 0)
                s->unsettled = true;
        return ret < 0 ? ret : running_try(s, r);
}

/* A repair has ended, and what was done of it since then is nobody's. It is done with that: said once more, it is not
 * believed (sched_check()), else what has been made again meanwhile would be dropped. What others had done before was
 * dropped when the plan ended: it may be made again there by now, for another one. */
static int done_late(Sched *s, Running *r, const SchedEvent *e) {
        int ret = 0;

        for (uint32_t k = 0; k < e->n; k++) {
                if (second_is(s, r, e->task[k], e->worker)) {
                        second_end(s, r, e->task[k]);
                        continue;
                }
                r->state[e->task[k]] = TASK_DONE;
                for (uint32_t o = r->plan->output_start[e->task[k]];
                     o < r->plan->output_start[e->task[k] + 1] && ret == 0; o++)
                        ret = surplus_drop(s, e->worker, plan_run_chunk(&r->run, r->plan->output_chunk[o]));
        }
        return ret;
}

static int recalled(Sched *s, Running *r, const SchedEvent *e) {
        int ret = 0;

        for (uint32_t k = 0; k < e->n && ret == 0; k++) {
                uint32_t task = e->task[k];

                if (second_is(s, r, task, e->worker)) {
                        second_end(s, r, task);
                        continue;
                }
                assert(task < r->plan->n_task && r->place[task] == e->worker && r->state[task] == TASK_RECALLED);
                task_taken_back(s, r, task);
                r->state[task] = TASK_WAITING;
                seconds_stay(s, r);
                if (r->state[task] == TASK_WAITING)
                        ret = running_requeue(r, task);
        }
        return ret < 0 ? ret : running_give(s, r);
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

/* Something of a plan has changed: it may be complete, or have tasks to give. */
static int running_try(Sched *s, Running *r) {
        r->stirred = false;
        if (r->n_done < r->plan->n_task || r->n_lacking > 0)
                return running_give(s, r);
        return r->made ? repair_done(s, r) : running_complete(s, r);
}

/* After something was lost or found: who needs what anew, who goes on, who is done. */
static int settle(Sched *s) {
        int ret = 0;

        while (s->unsettled && ret == 0) {
                s->unsettled = false;
                if (s->n_open == 0 && s->n_late > 0)
                        ret = lates_end(s); /* nobody else is there */
                if (ret == 0)
                        ret = apart_settle(s);
                for (Running *r = s->first_running; r && ret == 0; r = r->after)
                        if (r->dirty && !r->ending)
                                ret = running_review(s, r);
                if (ret == 0 && !s->unsettled)
                        ret = repairs_settle(s);
                for (Running *r = s->first_running; r && ret == 0 && !s->unsettled;) {
                        if (!r->stirred || r->ending) {
                                r = r->after;
                                continue;
                        }
                        ret = running_try(s, r);
                        r   = s->first_running; /* more than this one may have ended */
                }
                if (ret == 0 && !s->unsettled)
                        ret = drains_go(s);
                if (ret == 0 && !s->unsettled)
                        ret = anchors_go(s);
        }
        return ret;
}

static int begin(Sched *s) {
        s->holding   = false;
        s->unsettled = true;
        for (Running *r = s->first_running; r; r = r->after)
                r->dirty = true;
        return restored_begin(s);
}

/* What workers say of a plan. */
static int said(Sched *s, const SchedEvent *e) {
        Running *r = (Running *) (uintptr_t) map_get(&s->plans, e->plan);
        Error err;

        if (!r || e->worker >= r->share.n || !r->share.data[e->worker].knows)
                return 0; /* it has left, or was told before it went away */
        if (e->kind == SCHED_FORGOTTEN)
                return running_forgotten(s, r, e->worker);
        if (r->ending) /* its FORGOTTEN is on the way */
                return e->kind == SCHED_DONE && r->drop != DROP_ALL ? done_late(s, r, e) : 0;
        if (e->kind == SCHED_DONE)
                return done(s, r, e);
        if (e->kind == SCHED_RECALLED)
                return recalled(s, r, e);
        if (r->state[e->task[0]] == TASK_DONE) { /* another one has done it */
                second_end(s, r, e->task[0]);
                return 0;
        }
        if (r->request)
                return request_fail(s, r->request, e->error);
        err = *e->error;
        error_prefix(&err, err.code, "what was lost cannot be made again");
        return repair_fail(s, r, &err);
}

static int step(Sched *s, const SchedEvent *e) {
        Request *q = e->request ? (Request *) (uintptr_t) map_get(&s->requests, e->request) : NULL;

        switch (e->kind) {
        case SCHED_JOINED:
                return worker_joined(s, e);
        case SCHED_LEFT:
                return worker_lost(s, e->worker, e->killed);
        case SCHED_AWAY:
                return worker_away(s, e->worker);
        case SCHED_SILENT:
                return worker_silent(s, e->worker, e->on);
        case SCHED_HOLDS:
                return worker_holds(s, e);
        case SCHED_DRAIN:
                return worker_drain(s, e->worker, e->on);
        case SCHED_TAKEN:
                return e->worker < s->worker.n && worker_hears(s, e->worker) ? chunk_taken(s, e) : 0;
        case SCHED_LOST:
                return e->worker < s->worker.n && worker_hears(s, e->worker)
                               ? worker_lost_chunk(s, e->worker, e->chunk, e->error)
                               : 0;
        case SCHED_UNREACHED:
                return worker_unreached(s, e);
        case SCHED_DIGESTED:
                return worker_digested(s, e);
        case SCHED_TICK:
                return pairs_tick(s) ?: lates_tick(s);
        case SCHED_SUBMIT:
                assert(!q);
                return submit(s, e->request, e->session, e->graph);
        case SCHED_RESUME:
                assert(!q && s->holding);
                return resume(s, e->request, e->session, e->recipe);
        case SCHED_BEGIN:
                return begin(s);
        case SCHED_CANCEL:
                return q && !(q->running && q->running->ending) ? request_fail(s, q, e->error) : 0;
        case SCHED_RELEASE:
                return tensor_unref(s, e->tensor);
        case SCHED_GIVEN:
                return tensor_given(s, e->tensor, e->error);
        case SCHED_CLOSE:
                return tensors_close(s);
        case SCHED_DONE:
        case SCHED_FAILED:
        case SCHED_RECALLED:
        case SCHED_FORGOTTEN:
                return said(s, e);
        }
        return 0;
}

int sched_step(Sched *s, const SchedEvent *e, SchedActions *ret) {
        int r;

        s->actions  = ret;
        s->now_usec = MAX(s->now_usec, e->usec);
        r           = step(s, e);
        return r == 0 && s->unsettled && !s->holding ? settle(s) : r;
}

/* ---- The machine ------------------------------------------------------------------------------------------------ */

void sched_number(Sched *s, uint64_t first) {
        s->next_tensor = s->next_chunk = s->next_plan = first;
}

int sched_new(Sched **ret, bool alone, SchedPlanner *planner) {
        Sched *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->planner     = planner;
        s->alone       = alone;
        s->most_lineage = MAX_LINEAGE;
        sched_number(s, 1); /* 0 is no tensor, chunk or plan */
        *ret = s;
        return 0;
}

void sched_refuse_above(Sched *s, size_t chunk_bytes, size_t all_bytes, size_t lent_bytes) {
        s->most_chunk_bytes = chunk_bytes;
        s->most_bytes       = all_bytes;
        s->lent_bytes       = lent_bytes;
}

void sched_refuse_results_above(Sched *s, uint64_t result_bytes) {
        s->most_result_bytes = result_bytes;
}

void sched_limit(Sched *s, size_t task_bytes, size_t alone_bytes) {
        s->task_bytes  = task_bytes;
        s->alone_bytes = alone_bytes;
}

void sched_strict(Sched *s, bool on) {
        s->strict = on;
}

void sched_limit_lineage(Sched *s, uint32_t most_steps) {
        s->most_lineage = most_steps;
}

Sched *sched_free(Sched *s) {
        if (!s)
                return NULL;
        for (uint32_t k = 0; k < s->plans.capacity; k++)
                running_free(s, (Running *) (uintptr_t) s->plans.entry[k].value);
        for (uint32_t k = 0; k < s->tensors.capacity; k++)
                tensor_free((SchedTensor *) (uintptr_t) s->tensors.entry[k].value);
        for (uint32_t k = 0; k < s->recipes.capacity; k++)
                recipe_free((Recipe *) (uintptr_t) s->recipes.entry[k].value);
        for (uint32_t k = 0; k < s->wanting.capacity; k++)
                free((Wanting *) (uintptr_t) s->wanting.entry[k].value);
        for (SchedTensor *t = s->closed, *next; t; t = next) {
                next = t->closed_next;
                tensor_free(t);
        }
        while (s->first)
                request_end(s, s->first);
        map_done(&s->requests);
        map_done(&s->plans);
        map_done(&s->tensors);
        map_done(&s->recipes);
        map_done(&s->wanting);
        map_done(&s->reads);
        for (uint32_t k = 0; k < s->worker.n; k++) {
                vec_free(&s->worker.data[k].held);
                vec_free(&s->worker.data[k].left);
        }
        vec_free(&s->adopted);
        vec_free(&s->by_chunk);
        vec_free(&s->taking);
        vec_free(&s->apart);
        vec_free(&s->unreached);
        vec_free(&s->relayed);
        vec_free(&s->second);
        vec_free(&s->twin);
        vec_free(&s->anchors);
        vec_free(&s->unused);
        vec_free(&s->hopeless);
        vec_free(&s->worker);
        free(s);
        return NULL;
}

bool sched_ticks(const Sched *s) {
        return pairs_end(s) || lates_possible(s);
}

bool sched_progress(const Sched *s, uint64_t request, uint64_t *ret_done, uint64_t *ret_total) {
        const Request *q = (Request *) (uintptr_t) map_get(&s->requests, request);

        if (!q)
                return false;
        *ret_done  = q->n_done_before + (q->running ? q->running->n_done : 0);
        *ret_total = q->n_total;
        return true;
}

void sched_stats(const Sched *s, SchedStats *ret) {
        *ret = (SchedStats) { .n_tensors    = s->tensors.n - s->n_ghosts,
                              .n_requests   = s->requests.n,
                              .n_plans      = s->plans.n,
                              .n_workers    = s->n_present,
                              .n_ghosts     = s->n_ghosts,
                              .n_recipes    = s->recipes.n,
                              .n_remade     = s->n_remade,
                              .n_second     = s->n_second,
                              .n_compared   = s->n_compared,
                              .n_differed   = s->n_differed,
                              .n_tasks_done = s->n_tasks_done,
                              .state_bytes  = s->state_bytes };
}

