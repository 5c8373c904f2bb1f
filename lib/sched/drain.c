/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that is to stop hands on what it has. It is given nothing any more; what it was given it still does. Chunks
 * that are read or kept are taken by others, some at a time; when one has been taken its place is there, whoever was
 * told to fetch it from the old one is told of the new one, and the old one drops it. When nothing is left, that is
 * said.
 *
 * Where nobody can take them, that is said as well, and what is left stays where it is; when that changes, it goes
 * on. */
#include "sched/state.h"

enum { MOST_TAKING = 16 }; /* chunks on their way from one worker: enough to keep its link busy */

/* ---- On its way ------------------------------------------------------------------------------------------------- */

static Taking *taking_find(const Sched *s, uint64_t chunk) {
        for (uint32_t k = 0; k < s->taking.n; k++)
                if (s->taking.data[k].chunk == chunk && !s->taking.data[k].off)
                        return &s->taking.data[k];
        return NULL;
}

bool chunk_on_its_way(const Sched *s, uint64_t chunk) {
        return taking_find(s, chunk) != NULL;
}

static void taking_ends(Sched *s, const Taking *t) {
        if (t->from != WORKER_NONE && !t->off)
                s->worker.data[t->from].n_taking--;
        s->unsettled = true;
}

/* Next in turn among those that are given things, and get the chunk from there. */
static uint32_t taker(Sched *s, uint32_t from, uint64_t chunk) {
        for (uint32_t k = 0; k < s->worker.n; k++) {
                s->next_taker = (s->next_taker + 1) % s->worker.n;
                if (worker_open(s, s->next_taker) && !workers_apart(s, s->next_taker, from) &&
                    !seconds_make(s, s->next_taker, chunk))
                        return s->next_taker;
        }
        return WORKER_NONE;
}

static int take(Sched *s, const Taking *taking) {
        if (twin_end(s, taking->to, taking->chunk) < 0 || vec_push(&s->taking, *taking) < 0)
                return -ENOMEM;
        if (taking->from != WORKER_NONE)
                s->worker.data[taking->from].n_taking++;
        return action_add(s, &(SchedAction) { .kind       = SCHED_TAKE,
                                              .worker     = taking->to,
                                              .chunk      = taking->chunk,
                                              .from       = taking->from,
                                              .size_bytes = taking->size_bytes });
}

int chunk_confirm(Sched *s, uint64_t tensor, uint64_t chunk, uint32_t worker) {
        const Taking *other = taking_find(s, chunk);

        if (other) /* here or there, but not at both */
                return other->to == worker ? 0 : drop_say(s, worker, chunk);
        return take(s, &(Taking) { .chunk = chunk, .owner = tensor, .from = WORKER_NONE, .to = worker });
}

bool chunk_comes(const Sched *s, uint64_t chunk, uint32_t worker) {
        for (uint32_t k = 0; k < s->taking.n; k++)
                if (s->taking.data[k].chunk == chunk && s->taking.data[k].to == worker && !s->taking.data[k].off)
                        return true;
        return false;
}

/* Whether its place is there already, or that of its copy: then it stays there. */
static bool taker_has(const Sched *s, const Taking *t) {
        const SchedTensor *tensor = t->in_plan ? NULL : sched_tensor(s, t->owner);
        const uint64_t k          = tensor ? t->chunk - tensor->chunk_first : 0;

        return tensor && (tensor->holder[k] == t->to || (tensor->anchor && tensor->spare[k] == t->to));
}

int takings_off(Sched *s, uint32_t worker, uint64_t chunk) {
        Taking *t = taking_find(s, chunk);

        if (!t || (t->from != worker && t->to != worker))
                return 0;
        taking_ends(s, t);
        t->off = true;
        if (t->to == worker || taker_has(s, t))
                return 0;
        return drop_say(s, t->to, chunk);
}

/* It is not to be had there any more: who was to take it may be told to make it instead. */
int taking_lost(Sched *s, uint32_t from, uint64_t chunk) {
        const Taking *t = taking_find(s, chunk);

        return t && t->from == from ? takings_off(s, from, chunk) : 0;
}

int taking_failed(Sched *s, uint32_t from, uint32_t to, uint64_t chunk) {
        const Taking *t = taking_find(s, chunk);

        return t && t->from == from && t->to == to ? takings_off(s, from, chunk) : 0;
}

/* A worker is gone, or remembers none of it: nothing is on its way from there or to it. The others stay in their order,
 * as their answers do. */
int takings_lost(Sched *s, uint32_t worker) {
        uint32_t n = 0;
        int ret    = 0;

        for (uint32_t k = 0; k < s->taking.n && ret == 0; k++)
                if (s->taking.data[k].from == worker && !s->taking.data[k].off)
                        ret = takings_off(s, worker, s->taking.data[k].chunk);
        for (uint32_t k = 0; k < s->taking.n; k++)
                if (s->taking.data[k].to == worker)
                        taking_ends(s, &s->taking.data[k]);
                else
                        s->taking.data[n++] = s->taking.data[k];
        s->taking.n = n;
        return ret;
}

bool running_reads(const Running *r, uint64_t chunk, uint32_t *ret) {
        for (uint32_t k = 0; k < r->leaves.n; k++) {
                uint32_t v           = r->leaves.data[k];
                const SchedTensor *t = r->leaf[v];

                *ret = r->plan->value.data[v].first_chunk + (uint32_t) (chunk - t->chunk_first);
                if (chunk - t->chunk_first < t->n_chunks)
                        return true;
        }
        *ret = (uint32_t) (chunk - r->run.first_id);
        return chunk - r->run.first_id < r->plan->n_chunk;
}

int fetch_say(Sched *s, Running *r, uint32_t worker, uint32_t chunk, uint32_t from) {
        if (vec_push(&s->actions->fetch, (RunFetch) { .chunk = chunk, .from = from }) < 0)
                return -ENOMEM;
        return action_add(s, &(SchedAction) { .kind        = SCHED_RUN,
                                              .worker      = worker,
                                              .plan        = r->run.id,
                                              .run         = &r->run,
                                              .first       = s->actions->task.n,
                                              .first_fetch = s->actions->fetch.n - 1,
                                              .n_fetch     = 1 });
}

int fetches_turn(Sched *s, uint64_t chunk, uint32_t to) {
        int ret = 0;

        for (Running *r = s->first_running; r && ret == 0; r = r->after) {
                uint32_t c;

                if (r->ending || !r->index || !running_reads(r, chunk, &c))
                        continue;
                for (uint32_t k = r->index->use_start[c]; k < r->index->use_start[c + 1] && ret == 0; k++) {
                        uint32_t t = r->index->use_task[k];

                        if (!task_given(r, t) || r->place[t] == to || !worker_hears(s, r->place[t]) ||
                            !r->share.data[r->place[t]].knows)
                                continue;
                        ret = workers_apart(s, r->place[t], to) ? unreached_add(s, r->place[t], chunk)
                                                                : fetch_say(s, r, r->place[t], c, to);
                }
        }
        return ret;
}

static bool still_there(const Sched *s, const Taking *t) {
        const SchedTensor *tensor = t->in_plan ? NULL : sched_tensor(s, t->owner);
        const Running *r          = t->in_plan ? (Running *) (uintptr_t) map_get(&s->plans, t->owner) : NULL;

        return (tensor && tensor->holder[t->chunk - tensor->chunk_first] == t->from) ||
               (r && !r->ending && r->holder[t->chunk - r->run.first_id] == t->from);
}

/* Its place is there from now on. False: it is not wanted any more, or elsewhere. */
static int taken_over(Sched *s, const Taking *t, bool *ret) {
        SchedTensor *tensor = t->in_plan ? NULL : sched_tensor(s, t->owner);
        Running *r          = t->in_plan ? (Running *) (uintptr_t) map_get(&s->plans, t->owner) : NULL;
        uint64_t k          = tensor ? t->chunk - tensor->chunk_first : r ? t->chunk - r->run.first_id : 0;
        int ret_code        = 0;

        *ret = (tensor && tensor->n_refs > 0 && (tensor->holder[k] == t->from || tensor->holder[k] == t->to)) ||
               (r && !r->ending && r->holder[k] == t->from);
        if (!*ret)
                return 0;
        if (tensor && tensor->anchor && tensor->spare[k] == t->to) {
                spare_take(tensor, (uint32_t) k); /* that is the one which it has from now on */
                ret_code = anchor_look(s, tensor);
        }
        if (tensor)
                return ret_code < 0 ? ret_code : tensor_hold(s, tensor, (uint32_t) k, t->to);
        r->holder[k] = (uint16_t) t->to;
        return 0;
}

int chunk_taken(Sched *s, const SchedEvent *e) {
        uint32_t k = 0;
        Taking t;
        bool over;
        int ret;

        if (!e->asked)
                return data_taken(s, e->worker, e->chunk, e->error);
        while (k < s->taking.n && (s->taking.data[k].chunk != e->chunk || s->taking.data[k].to != e->worker))
                k++;
        if (k == s->taking.n)
                return 0;
        t = s->taking.data[k];
        /* Answers come in their order. */
        memmove(s->taking.data + k, s->taking.data + k + 1, (s->taking.n - k - 1) * sizeof(t));
        s->taking.n--;
        taking_ends(s, &t);
        if (t.off)
                return 0;
        if (t.copy)
                return spare_taken(s, &t, e->error);
        if (e->error && t.from != WORKER_NONE && still_there(s, &t)) /* else it was lost, and is made elsewhere */
                s->worker.data[t.from].refused = *e->error;
        if (e->error)
                return 0;
        ret = taken_over(s, &t, &over);
        if (ret < 0)
                return ret;
        if (!over)
                return drop_say(s, t.to, t.chunk);
        if (t.from == WORKER_NONE)
                return 0;
        ret = fetches_turn(s, t.chunk, t.to);
        return ret < 0 ? ret : drop_say(s, t.from, t.chunk);
}

int spare_begin(Sched *s, const SchedTensor *t, uint32_t chunk) {
        const uint32_t from = t->holder[chunk];
        uint32_t to         = taker(s, from, t->chunk_first + chunk);

        if (to == from)
                to = taker(s, from, t->chunk_first + chunk);
        if (!worker_open(s, from) || s->worker.data[from].n_taking >= MOST_TAKING || to == from || to == WORKER_NONE ||
            taking_find(s, t->chunk_first + chunk))
                return 0;
        return take(s, &(Taking) { .chunk      = t->chunk_first + chunk,
                                   .owner      = t->id,
                                   .from       = from,
                                   .to         = to,
                                   .copy       = true,
                                   .size_bytes = tensor_chunk_bytes(t, chunk) });
}

int chunk_relay(Sched *s, uint64_t chunk, uint32_t to) {
        SchedTensor *t;
        int ret = tensor_find(s, chunk, &t);

        if (ret < 0 || taking_find(s, chunk))
                return ret;
        if (t)
                return take(s, &(Taking) { .chunk      = chunk,
                                           .owner      = t->id,
                                           .from       = t->holder[chunk - t->chunk_first],
                                           .to         = to,
                                           .size_bytes = tensor_chunk_bytes(t, (uint32_t) (chunk - t->chunk_first)) });
        for (const Running *r = s->first_running; r; r = r->after) {
                const uint64_t c = chunk - r->run.first_id;

                if (!r->ending && c < r->plan->n_chunk)
                        return take(s, &(Taking) { .chunk      = chunk,
                                                   .owner      = r->run.id,
                                                   .in_plan    = true,
                                                   .from       = r->holder[c],
                                                   .to         = to,
                                                   .size_bytes = plan_chunk_bytes(r->plan, (uint32_t) c) });
        }
        return 0;
}

/* ---- What is left ----------------------------------------------------------------------------------------------- */

static int left_find(const Sched *s, uint32_t worker, Worker *w) {
        int ret = 0;

        for (uint32_t k = 0; k < s->tensors.capacity && ret == 0; k++) {
                const SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[k].value;

                for (uint32_t c = 0; t && c < t->n_chunks && ret == 0; c++)
                        if (t->holder[c] == worker)
                                ret = vec_push(&w->left, (Taking) { .chunk      = t->chunk_first + c,
                                                                    .owner      = t->id,
                                                                    .from       = worker,
                                                                    .size_bytes = tensor_chunk_bytes(t, c) });
        }
        for (const Running *r = s->first_running; r && ret == 0; r = r->after)
                for (uint32_t c = 0; c < r->plan->n_chunk && !r->ending && ret == 0; c++) {
                        uint32_t v = r->plan->chunk_value[c];

                        if (r->holder[c] == worker && r->plan->value.data[v].stage != STAGE_NONE &&
                            !(r->made && r->made[v]))
                                ret = vec_push(&w->left, (Taking) { .chunk      = plan_run_chunk(&r->run, c),
                                                                    .owner      = r->run.id,
                                                                    .in_plan    = true,
                                                                    .from       = worker,
                                                                    .size_bytes = plan_chunk_bytes(r->plan, c) });
                }
        return ret;
}

static int drained(Sched *s, uint32_t worker, const Error *why) {
        SchedAction action = { .kind = SCHED_DRAINED, .worker = worker };

        s->worker.data[worker].drained = true;
        if (why) {
                if (vec_push(&s->actions->error, *why) < 0)
                        return -ENOMEM;
                action.outcome = s->actions->error.n;
        }
        return action_add(s, &action);
}

static int drain_go(Sched *s, uint32_t worker, Worker *w) {
        uint32_t n_left, n_stay = 0;
        bool none = false;
        int ret   = 0;
        Error err;

        if (w->left.n == 0 && w->n_taking == 0 && w->refused.code == 0) {
                ret = spares_leave(s, worker, &n_stay);
                if (ret == 0)
                        ret = left_find(s, worker, w);
        }
        n_left = w->left.n;
        while (w->left.n > 0 && w->n_taking < MOST_TAKING && s->n_open > 0 && ret == 0) {
                Taking t = vec_pop(&w->left);

                if (!still_there(s, &t) || taking_find(s, t.chunk))
                        continue;
                t.to = taker(s, worker, t.chunk);
                if (t.to == WORKER_NONE && seconds_make(s, WORKER_NONE, t.chunk))
                        return vec_push(&w->left, t); /* until they have ended */
                if (t.to == WORKER_NONE) {
                        none = true;
                        break;
                }
                ret = take(s, &t);
        }
        if (w->n_taking > 0 || ret < 0)
                return ret;
        if (none || (w->left.n > 0 && s->n_open == 0)) {
                error_set(&err, -EHOSTDOWN, "there is no other worker that could take the %u chunks that are left",
                          n_left);
                return drained(s, worker, &err);
        }
        if (w->refused.code != 0) {
                err          = w->refused;
                w->refused   = (Error) {};
                error_prefix(&err, err.code, "some chunks could not be taken by others");
                return drained(s, worker, &err);
        }
        for (uint32_t k = 0; k < s->taking.n; k++)
                if (s->taking.data[k].to == worker)
                        return 0; /* it may have come there before it was to stop */
        return w->n_given + w->n_second == 0 && n_left == 0 && n_stay == 0 ? drained(s, worker, NULL) : 0;
}

int drains_go(Sched *s) {
        int ret = 0;

        for (uint32_t k = 0; k < s->worker.n && s->n_draining > 0 && ret == 0; k++) {
                Worker *w = &s->worker.data[k];

                if (w->drain && !w->drained && w->state == WORKER_HERE)
                        ret = drain_go(s, k, w);
        }
        return ret;
}

int worker_drain(Sched *s, uint32_t worker, bool on) {
        Worker *w = worker < s->worker.n ? &s->worker.data[worker] : NULL;
        int ret   = 0;

        if (!w || w->state == WORKER_GONE)
                return 0;
        s->n_open -= worker_open(s, worker);
        s->n_draining += on - w->drain;
        w->drain   = on;
        w->drained = false;
        w->left.n  = 0;
        w->refused = (Error) {};
        s->n_open += worker_open(s, worker);
        s->unsettled = true;
        for (Running *r = s->first_running; r && ret == 0; r = r->after) {
                r->stirred = true;
                if (!r->ending && worker < r->share.n)
                        ret = queue_clear(s, r, worker);
        }
        return ret;
}
