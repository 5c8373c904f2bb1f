/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and their plans: from a graph to tasks, from what is done to what may be dropped, from the last task to
 * tensors.
 *
 * Whatever ends a plan, its end has two steps: nothing more is given and all workers are told to forget it; when the
 * last has answered, the plan's memory goes. A request that succeeds is reported at the first step, one that fails
 * at the second, so that after a failure nothing of it is left anywhere. */
#include "sched/state.h"

/* ---- Actions ---------------------------------------------------------------------------------------------------- */

void sched_actions_clear(SchedActions *a) {
        a->action.n = a->task.n = a->fetch.n = a->tensor.n = a->error.n = 0;
}

void sched_actions_done(SchedActions *a) {
        vec_free(&a->action);
        vec_free(&a->task);
        vec_free(&a->fetch);
        vec_free(&a->tensor);
        vec_free(&a->error);
}

int action_add(Sched *s, const SchedAction *action) {
        return vec_push(&s->actions->action, *action);
}

/* Chunks are dropped in runs of ids when they die in a row, as those of a tensor do. */
static int drop_add(Sched *s, uint32_t worker, uint64_t chunk) {
        SchedActions *a   = s->actions;
        SchedAction *last = a->action.n > 0 ? &a->action.data[a->action.n - 1] : NULL;

        if (last && last->kind == SCHED_DROP && last->worker == worker && last->chunk + last->n == chunk) {
                last->n++;
                return 0;
        }
        return action_add(s, &(SchedAction) { .kind = SCHED_DROP, .worker = worker, .chunk = chunk, .n = 1 });
}

int chunk_drop(Sched *s, Running *r, uint32_t chunk) {
        uint32_t worker = r->holder[chunk], value = r->plan->chunk_value[chunk];
        SchedTensor *leaf = r->leaf[value];

        if (worker == WORKER_NONE)
                return 0;
        if (leaf) {
                if (leaf->n_refs > 1)
                        return 0; /* somebody else may want it */
                leaf->holder[chunk - r->plan->value.data[value].first_chunk] = WORKER_NONE;
        }
        r->holder[chunk] = WORKER_NONE;
        return drop_add(s, worker, plan_run_chunk(&r->run, chunk));
}

/* ---- The life of a plan ----------------------------------------------------------------------------------------- */

static size_t running_bytes(const Plan *plan) {
        return plan->n_task * (sizeof(uint8_t) + sizeof(uint16_t)) +
               plan->n_chunk * (sizeof(uint16_t) + sizeof(uint32_t)) +
               plan->value.n * (sizeof(uint64_t) + sizeof(bool) + sizeof(void *));
}

/* Its memory; the references to its leaves are gone already. */
static void running_free(Sched *s, Running *r) {
        if (!r)
                return;
        if (r->plan) {
                const Plan *plan = r->plan;

                s->state_bytes -= running_bytes(plan);
                if (r->index)
                        s->state_bytes -= index_bytes(plan);
        }
        index_free(r->index);
        free(r->leaf_first);
        free(r->together);
        free(r->work);
        graph_free(r->graph);
        free(r->leaf);
        free(r->state);
        free(r->place);
        free(r->holder);
        free(r->uses);
        free(r->length);
        vec_free(&r->ready);
        for (uint32_t w = 0; w < r->share.n; w++)
                vec_free(&r->share.data[w].queue);
        vec_free(&r->share);
        plan_free(r->plan);
        free(r);
}

static int leaves_unref(Sched *s, Running *r) {
        int ret = 0;

        for (uint32_t v = 0; v < r->plan->value.n && ret == 0; v++)
                if (r->leaf[v]) {
                        ret        = tensor_unref(s, r->leaf[v]->id);
                        r->leaf[v] = NULL;
                }
        return ret;
}

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

static int request_failed(Sched *s, Request *q) {
        if (vec_push(&s->actions->error, q->outcome) < 0 ||
            action_add(s, &(SchedAction) { .kind = SCHED_FINISHED,
                                          .request = q->id,
                                          .n_done = q->n_done_before,
                                          .outcome = s->actions->error.n }) < 0)
                return -ENOMEM;
        request_end(s, q);
        return 0;
}

/* All workers have forgotten the plan. */
static int running_end(Sched *s, Running *r) {
        Request *q = r->request;
        int ret    = leaves_unref(s, r);

        map_remove(&s->plans, r->run.id);
        running_free(s, r);
        if (q) {
                q->running = NULL;
                if (ret == 0)
                        ret = request_failed(s, q);
        }
        return ret;
}

/* One answer less to wait for. */
static int running_answered(Sched *s, Running *r) {
        assert(r->ending && r->n_forgetting > 0);
        return --r->n_forgetting == 0 ? running_end(s, r) : 0;
}

int running_forgotten(Sched *s, Running *r, uint32_t worker) {
        if (!r->ending || worker >= r->share.n || !r->share.data[worker].knows)
                return 0;
        r->share.data[worker].knows = false;
        return running_answered(s, r);
}

/* Tells the workers to forget the plan; `drop`: with all that it made. */
static int running_forget(Sched *s, Running *r, bool drop) {
        int ret = 0;

        r->ending       = true;
        r->n_forgetting = 1; /* ourselves, until all are told */
        for (uint32_t w = 0; w < r->share.n && ret == 0; w++) {
                share_clear(s, r, w);
                if (!r->share.data[w].knows || !s->worker.data[w].alive)
                        continue;
                r->n_forgetting++;
                ret = action_add(
                        s,
                        &(SchedAction) {
                                .kind = SCHED_FORGET, .worker = w, .plan = r->run.id, .run = &r->run, .drop = drop });
        }
        return ret < 0 ? ret : running_answered(s, r);
}

int request_fail(Sched *s, Request *q, const Error *err) {
        q->outcome = *err;
        if (!q->running)
                return request_failed(s, q);
        return running_forget(s, q->running, true);
}

/* ---- From graph to tasks ---------------------------------------------------------------------------------------- */

static const Tiling *leaf_tiling(void *userdata, uint64_t stored) {
        SchedTensor *t = sched_tensor(userdata, stored);

        return t ? &t->tiling : NULL;
}

/* A graph may come from anywhere: what it says of stored tensors must be so. */
static int check_leaves(const Sched *s, const Graph *graph, Error *err) {
        for (uint32_t k = 0; k < graph->node.n; k++) {
                const Node *node     = &graph->node.data[k];
                const SchedTensor *t = node->op ? NULL : sched_tensor(s, node->stored);

                if (node->op)
                        continue;
                if (!t)
                        return error_set(err, ERROR_VALUE, "the session has no tensor %llu",
                                         (unsigned long long) node->stored);
                if (node->out[0].dtype != t->spec.dtype || !shape_equal(&node->out[0].shape, &t->spec.shape))
                        return error_set(err, ERROR_VALUE, "tensor %llu is not what the graph says",
                                         (unsigned long long) node->stored);
        }
        return 0;
}

static int running_new(Sched *s, Plan *plan, Running **ret) {
        Running *r = calloc(1, sizeof(*r));
        bool unknown = false;

        if (!r)
                return -ENOMEM;
        r->leaf_first = calloc(plan->value.n + 1, sizeof(*r->leaf_first));
        r->together   = calloc(plan->value.n + 1, sizeof(*r->together));
        r->leaf       = calloc(plan->value.n + 1, sizeof(*r->leaf));
        r->state      = calloc(plan->n_task + 1, sizeof(*r->state));
        r->place      = calloc(plan->n_task + 1, sizeof(*r->place));
        r->holder     = calloc(plan->n_chunk + 1, sizeof(*r->holder));
        r->uses       = calloc(plan->n_chunk + 1, sizeof(*r->uses));
        for (uint32_t v = 0; v < plan->value.n; v++)
                unknown |= plan->value.data[v].stage != STAGE_NONE && !tiling_known(&plan->value.data[v].tiling);
        if (unknown)
                r->length = calloc(plan->n_chunk + 1, sizeof(*r->length));
        if (!s->alone)
                r->work = calloc(plan->stage.n + 1, sizeof(*r->work));
        assert(s->worker.n <= MAX_WORKERS);
        if (!r->leaf_first || !r->together || !r->leaf || !r->state || !r->place || !r->holder || !r->uses ||
            (unknown && !r->length) || (!s->alone && !r->work) || vec_reserve(&r->share, s->worker.n + 1) < 0) {
                running_free(s, r);
                return -ENOMEM;
        }
        for (; r->share.n < s->worker.n; r->share.n++)
                r->share.data[r->share.n] = (Share) {};
        for (uint32_t c = 0; c < plan->n_chunk; c++)
                r->holder[c] = WORKER_NONE;
        r->plan = plan;
        running_weigh(r);
        r->run  = (PlanRun) { .id          = ++s->next_plan,
                              .plan        = plan,
                              .first_id    = s->next_chunk,
                              .leaf_first  = r->leaf_first,
                              .together    = r->together,
                              .task_bytes  = s->task_bytes,
                              .alone_bytes = s->most_chunk_bytes };
        s->next_chunk += plan->n_chunk;
        s->state_bytes += running_bytes(plan);
        *ret = r;
        return 0;
}

/* Who will read which chunk, and who has those that are there. */
static int running_fill(Sched *s, Running *r) {
        const Plan *plan = r->plan;

        for (uint32_t k = 0; k < plan->input_start[plan->n_task]; k++)
                r->uses[plan->input_chunk[k]]++;
        for (uint32_t m = 0; m < plan->made.n; m++) {
                const Value *value = &plan->value.data[plan->made.data[m].value];
                uint32_t n         = (uint32_t) tiling_n_chunks(&value->tiling);

                for (uint32_t k = 0; k < n; k++) /* leaves too: the rest of the graph reads them, or they are wanted */
                        r->uses[value->first_chunk + k]++;
                /* In one piece, so that the result can be one array. */
                r->together[plan->made.data[m].value] = s->alone && value->stage != STAGE_NONE && value->rows_hint &&
                                                        n > 1 && tiling_known(&value->tiling);
        }
        for (uint32_t v = 0; v < plan->value.n; v++) {
                const Value *value = &plan->value.data[v];
                SchedTensor *t     = value->stage == STAGE_NONE ? sched_tensor(s, value->stored) : NULL;

                if (!t)
                        continue;
                r->leaf_first[v] = t->chunk_first;
                if (plan->chunk_value[value->first_chunk] != v)
                        continue; /* another name for the chunks of an earlier value, which holds them */
                t->n_refs++;
                r->leaf[v] = t;
                for (uint32_t k = 0; k < t->n_chunks; k++) {
                        r->holder[value->first_chunk + k] = (uint16_t) t->holder[k];
                        if (t->holder[k] == WORKER_NONE && r->uses[value->first_chunk + k] > 0)
                                return ERROR_VALUE;
                }
        }
        return 0;
}

static int running_complete(Sched *s, Running *r);

/* What no worker could ever run is refused. */
static int check_size(const Sched *s, const Plan *plan, Error *err) {
        uint32_t task;
        size_t bytes;

        if (!plan_too_large(plan, s->most_chunk_bytes, s->most_bytes, &task))
                return 0;
        bytes = plan_task_chunks(plan, task);
        if (bytes > s->most_chunk_bytes)
                error_set(err, ERROR_MEMORY,
                          "%zu bytes are needed at a time, and %zu are all that results may have in memory: use "
                          "smaller chunks, or a larger cache", bytes, s->most_chunk_bytes);
        else
                error_set(err, ERROR_MEMORY,
                          "%zu bytes are needed at a time, and %zu are all that work may have: use smaller chunks, "
                          "or more memory",
                          bytes + plan->stage.data[plan->task_stage[task]].scratch_bytes, s->most_bytes);
        return plan_run_error(&(PlanRun) { .plan = plan }, task, err);
}

/* Plans the graph, which is taken over, and hands out its first tasks. */
static int request_plan(Sched *s, Request *q, Graph *graph) {
        Error err    = {};
        Plan *plan   = NULL;
        Running *r   = NULL;
        int ret;

        ret = check_leaves(s, graph, &err);
        if (ret == 0)
                ret = s->planner(graph,
                                 &(PlanLeaves) { .tiling      = leaf_tiling,
                                                 .userdata    = s,
                                                 .task_bytes  = s->task_bytes,
                                                 .alone_bytes = s->most_chunk_bytes },
                                 &plan, &err);
        if (ret == 0 && !plan->complete && plan->n_task == 0)
                ret = error_set(&err, ERROR_SUPPORT, "the rest of the graph cannot be planned");
        if (ret == 0 && s->most_bytes > 0)
                ret = check_size(s, plan, &err);
        if (ret == 0) {
                ret = running_new(s, plan, &r);
                if (ret < 0)
                        error_oom(&err, running_bytes(plan));
        }
        if (r && !s->alone)
                r->run.graph = r->graph = graph;
        else
                graph_free(graph);
        if (!r) {
                plan_free(plan);
                if (err.code != ret)
                        error_prefix(&err, ret, "planning");
                return request_fail(s, q, &err);
        }
        if (map_set(&s->plans, r->run.id, (uintptr_t) r) < 0) {
                running_free(s, r);
                return -ENOMEM;
        }
        r->request  = q;
        q->running  = r;
        q->n_total += plan->n_task;
        ret = running_fill(s, r);
        if (ret < 0) {
                error_set(&err, ret, "an input was lost with its worker");
                return request_fail(s, q, &err);
        }
        return plan->n_task == 0 ? running_complete(s, r) : running_give(s, r);
}

static int submit(Sched *s, uint64_t id, Graph *graph) {
        Request *q = calloc(1, sizeof(*q));

        if (!q || map_set(&s->requests, id, (uintptr_t) q) < 0) {
                free(q);
                graph_free(graph);
                return -ENOMEM;
        }
        q->id     = id;
        q->before = s->last;
        if (s->last)
                s->last->after = q;
        else
                s->first = q;
        s->last = q;
        return request_plan(s, q, graph);
}

/* ---- From tasks to tensors -------------------------------------------------------------------------------------- */

/* The tensor of entry m of plan->made, with one reference more. */
static int made_tensor(Sched *s, Running *r, uint32_t m, SchedTensor **of_value, SchedTensor **ret) {
        ValueId v          = r->plan->made.data[m].value;
        const Value *value = &r->plan->value.data[v];
        uint64_t id;
        int ret_code;

        if (value->stage == STAGE_NONE)
                of_value[v] = sched_tensor(s, value->stored);
        if (of_value[v]) { /* a leaf, or the same values under a second name */
                of_value[v]->n_refs++;
                *ret = of_value[v];
                return 0;
        }
        ret_code = tensor_new(s, graph_spec(r->plan->graph, r->plan->made.data[m].ref), &value->tiling,
                              r->length ? r->length + value->first_chunk : NULL, r->run.first_id + value->first_chunk,
                              ret, &id);
        if (ret_code < 0)
                return ret_code;
        of_value[v] = *ret;
        for (uint32_t k = 0; k < (*ret)->n_chunks; k++)
                (*ret)->holder[k] = r->holder[value->first_chunk + k];
        return 0;
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
                sched_tensor(s, id)->n_refs++;
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
                ret = running_forget(s, r, false);
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

                r->holder[c] = (uint16_t) worker;
                if (r->length && !tiling_known(&plan->value.data[plan->chunk_value[c]].tiling))
                        r->length[c] = *(*length)++;
                if (r->uses[c] == 0)
                        ret = chunk_drop(s, r, c);
                else if (r->index)
                        ret = running_woken(s, r, c);
        }
        for (uint32_t k = plan->input_start[task]; k < plan->input_start[task + 1] && ret == 0; k++) {
                uint32_t c = plan->input_chunk[k];

                assert(r->uses[c] > 0);
                if (--r->uses[c] == 0)
                        ret = chunk_drop(s, r, c);
        }
        return ret;
}

static int done(Sched *s, Running *r, const SchedEvent *e) {
        const int64_t *length = e->length;
        int ret               = 0;

        for (uint32_t k = 0; k < e->n && ret == 0; k++) {
                uint32_t task = e->task[k];

                assert(task < r->plan->n_task && r->place[task] == e->worker);
                assert(r->state[task] == TASK_GIVEN || r->state[task] == TASK_RECALLED);
                ret = task_done(s, r, task, e->worker, &length);
        }
        if (ret < 0)
                return ret;
        return r->n_done == r->plan->n_task ? running_complete(s, r) : running_give(s, r);
}

static int recalled(Sched *s, Running *r, const SchedEvent *e) {
        int ret = 0;

        for (uint32_t k = 0; k < e->n && ret == 0; k++) {
                uint32_t task = e->task[k];

                assert(task < r->plan->n_task && r->place[task] == e->worker && r->state[task] == TASK_RECALLED);
                task_taken_back(s, r, task);
                ret = running_requeue(r, task);
        }
        return ret < 0 ? ret : running_give(s, r);
}

/* ---- Workers ---------------------------------------------------------------------------------------------------- */

static int joined(Sched *s, uint32_t worker, uint32_t n_threads) {
        int ret = 0;

        assert(worker < MAX_WORKERS && (!s->alone || s->n_alive == 0));
        while (s->worker.n <= worker)
                if (vec_push(&s->worker, (Worker) {}) < 0)
                        return -ENOMEM;
        assert(!s->worker.data[worker].alive);
        s->worker.data[worker] = (Worker) { .alive = true, .n_threads = MAX(n_threads, 1u) };
        s->n_alive++;
        for (Request *q = s->first, *next; q && ret == 0; q = next) {
                Running *r = q->running;

                next = q->after;
                if (!r || r->ending)
                        continue;
                while (r->share.n < s->worker.n)
                        if (vec_push(&r->share, (Share) {}) < 0)
                                return -ENOMEM;
                ret = running_give(s, r);
        }
        return ret;
}

int sched_step(Sched *s, const SchedEvent *e, SchedActions *ret) {
        Request *q = e->request ? (Request *) (uintptr_t) map_get(&s->requests, e->request) : NULL;
        Running *r = (Running *) (uintptr_t) map_get(&s->plans, e->plan);

        s->actions = ret;
        switch (e->kind) {
        case SCHED_JOINED:
                return joined(s, e->worker, e->n_threads);
        case SCHED_SUBMIT:
                assert(!q);
                return submit(s, e->request, e->graph);
        case SCHED_CANCEL:
                return q && !(q->running && q->running->ending) ? request_fail(s, q, e->error) : 0;
        case SCHED_RELEASE:
                return tensor_unref(s, e->tensor);
        case SCHED_CLOSE:
                return tensors_close(s);
        case SCHED_LEFT:
                return worker_lost(s, e->worker);
        case SCHED_DONE:
        case SCHED_FAILED:
        case SCHED_RECALLED:
        case SCHED_FORGOTTEN:
                break;
        }
        /* What workers say. */
        if (e->worker >= s->worker.n || !s->worker.data[e->worker].alive || !r)
                return 0;
        if (e->kind == SCHED_FORGOTTEN)
                return running_forgotten(s, r, e->worker);
        if (r->ending)
                return 0; /* too late: its FORGOTTEN is on the way */
        if (e->kind == SCHED_DONE)
                return done(s, r, e);
        if (e->kind == SCHED_RECALLED)
                return recalled(s, r, e);
        return request_fail(s, r->request, e->error);
}

/* ---- The machine ------------------------------------------------------------------------------------------------ */

int sched_new(Sched **ret, bool alone, SchedPlanner *planner) {
        Sched *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->planner     = planner;
        s->alone       = alone;
        s->next_tensor = s->next_chunk = 1; /* 0 is no tensor and no chunk */
        *ret = s;
        return 0;
}

void sched_refuse_above(Sched *s, size_t chunk_bytes, size_t all_bytes) {
        s->most_chunk_bytes = chunk_bytes;
        s->most_bytes       = all_bytes;
}

void sched_limit(Sched *s, size_t task_bytes) {
        s->task_bytes = task_bytes;
}

Sched *sched_free(Sched *s) {
        if (!s)
                return NULL;
        for (uint32_t k = 0; k < s->plans.capacity; k++)
                running_free(s, (Running *) (uintptr_t) s->plans.entry[k].value);
        for (uint32_t k = 0; k < s->tensors.capacity; k++)
                tensor_free((SchedTensor *) (uintptr_t) s->tensors.entry[k].value);
        for (SchedTensor *t = s->closed, *next; t; t = next) {
                next = t->closed_next;
                tensor_free(t);
        }
        while (s->first)
                request_end(s, s->first);
        map_done(&s->requests);
        map_done(&s->plans);
        map_done(&s->tensors);
        vec_free(&s->worker);
        free(s);
        return NULL;
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
        *ret = (SchedStats) { .n_tensors    = s->tensors.n,
                              .n_requests   = s->requests.n,
                              .n_plans      = s->plans.n,
                              .n_workers    = s->n_alive,
                              .n_tasks_done = s->n_tasks_done,
                              .state_bytes  = s->state_bytes };
}

/* ---- For tests -------------------------------------------------------------------------------------------------- */

static bool running_consistent(const Sched *s, const Running *r) {
        const Plan *plan = r->plan;
        _cleanup_(freep) uint32_t *uses = calloc(plan->n_chunk + 1, sizeof(*uses));
        uint32_t n_done = 0, n_given = 0, n_shares = 0, n_queued = 0;

        if (!uses)
                return false;
        for (uint32_t t = 0; t < plan->n_task; t++) {
                bool is_given = r->state[t] == TASK_GIVEN || r->state[t] == TASK_RECALLED;

                n_done += r->state[t] == TASK_DONE;
                n_given += is_given;
                if (is_given && !s->worker.data[r->place[t]].alive)
                        return false;
                for (uint32_t k = plan->input_start[t]; k < plan->input_start[t + 1] && r->state[t] != TASK_DONE; k++)
                        uses[plan->input_chunk[k]]++;
                for (uint32_t k = plan->output_start[t]; k < plan->output_start[t + 1]; k++)
                        if (chunk_made(r, plan->output_chunk[k]) && r->state[t] != TASK_DONE)
                                return false;
        }
        for (uint32_t m = 0; m < plan->made.n; m++) {
                const Value *value = &plan->value.data[plan->made.data[m].value];

                for (uint32_t k = 0; k < tiling_n_chunks(&value->tiling); k++)
                        uses[value->first_chunk + k]++;
        }
        for (uint32_t c = 0; c < plan->n_chunk; c++)
                if (uses[c] != r->uses[c] || (uses[c] == 0 && chunk_made(r, c) && !r->leaf[plan->chunk_value[c]]))
                        return false;
        for (uint32_t w = 0; w < r->share.n; w++) {
                n_shares += r->share.data[w].n_given;
                n_queued += r->share.data[w].queue.n;
        }
        return n_done == r->n_done && n_given == n_shares && n_given == r->n_given && n_queued == r->n_queued;
}

/* What workers have to do is the sum over all plans. */
static bool workers_consistent(const Sched *s) {
        for (uint32_t w = 0; w < s->worker.n; w++) {
                uint64_t n_given = 0, work = 0;

                for (uint32_t k = 0; k < s->plans.capacity; k++) {
                        const Running *r = (Running *) (uintptr_t) s->plans.entry[k].value;

                        n_given += r && w < r->share.n ? r->share.data[w].n_given : 0;
                        work += r && w < r->share.n ? r->share.data[w].work + r->share.data[w].queued_work : 0;
                }
                if (n_given != s->worker.data[w].n_given || work != s->worker.data[w].work)
                        return false;
        }
        return true;
}

bool sched_consistent(const Sched *s) {
        for (uint32_t k = 0; k < s->plans.capacity; k++) {
                const Running *r = (Running *) (uintptr_t) s->plans.entry[k].value;

                if (r && !r->ending && !running_consistent(s, r))
                        return false;
        }
        return workers_consistent(s);
}
