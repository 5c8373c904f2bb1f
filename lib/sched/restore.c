/* SPDX-License-Identifier: Apache-2.0 */
/* What was lost and is wanted: its plan is made again from the recipe, and those of its tasks run that lost.c names.
 * Such a repair is a plan like any other, without a request. It makes what the plans that wait for it lack, all of them
 * at once; when it lacks leaves itself, that is made by repairs of its own. When nobody waits for it any more, it ends.
 *
 * Data that a client gave has no recipe: its client is asked. When it has it no more, or a repair fails, whoever waits
 * fails, and so on to the requests. */
#include "sched/state.h"

/* ---- Who waits for what ----------------------------------------------------------------------------------------- */

void tensor_wanted(const Sched *s, const SchedTensor *t, bool *ret) {
        for (const Running *r = s->first_running; r; r = r->after)
                for (uint32_t k = 0; k < r->leaves.n && !r->ending && r->n_lacking > 0; k++) {
                        uint32_t v = r->leaves.data[k], first = r->plan->value.data[v].first_chunk;

                        for (uint32_t c = 0; c < t->n_chunks && r->leaf[v] == t; c++)
                                ret[c] |= r->uses[first + c] > 0 && !chunk_made(r, first + c);
                }
}

static bool running_lacks(const Running *r, const SchedTensor *t) {
        for (uint32_t k = 0; k < r->leaves.n && r->n_lacking > 0; k++) {
                uint32_t v = r->leaves.data[k], first = r->plan->value.data[v].first_chunk;

                for (uint32_t c = 0; c < t->n_chunks && r->leaf[v] == t; c++)
                        if (r->uses[first + c] > 0 && !chunk_made(r, first + c))
                                return true;
        }
        return false;
}

/* ---- Who fails with it ------------------------------------------------------------------------------------------ */

/* Whoever lacks chunks of a tensor that cannot be had fails. Tensors that a repair was to make cannot be had either:
 * they stand in a row, since that goes as far back as programs do. */
static int lost_push(Sched *s, const Recipe *recipe) {
        int ret = 0;

        for (const SchedTensor *t = recipe->tensors; t && ret == 0; t = t->next_of_recipe)
                if (t->n_lost > 0)
                        ret = vec_push(&s->hopeless, t->id);
        return ret;
}

static int tensors_lost(Sched *s, const Error *err) {
        int ret = 0;

        while (s->hopeless.n > 0 && ret == 0) {
                const uint64_t id    = vec_pop(&s->hopeless);
                const SchedTensor *t = sched_tensor(s, id);

                for (Running *r = t ? s->first_running : NULL; r && ret == 0;) {
                        if (r->ending || !running_lacks(r, t)) {
                                r = r->after;
                                continue;
                        }
                        if (r->made)
                                ret = lost_push(s, r->recipe);
                        if (ret == 0)
                                ret = r->request ? request_fail(s, r->request, err) : running_forget(s, r, DROP_TASKS);
                        r = s->first_running; /* more than this one may have ended */
                        t = sched_tensor(s, id);
                        if (!t)
                                break;
                }
        }
        return ret;
}

int tensor_lost(Sched *s, uint64_t id, const Error *err) {
        return vec_push(&s->hopeless, id) < 0 ? -ENOMEM : tensors_lost(s, err);
}

int repair_fail(Sched *s, Running *r, const Error *err) {
        int ret = lost_push(s, r->recipe);

        if (ret == 0)
                ret = running_forget(s, r, DROP_TASKS);
        return ret < 0 ? ret : tensors_lost(s, err);
}

/* ---- Repairs ---------------------------------------------------------------------------------------------------- */

static int repair_begin(Sched *s, Recipe *recipe, Error *err) {
        Graph *graph = NULL;
        Plan *plan   = NULL;
        Running *r   = NULL;
        int ret      = recipe_plan(s, recipe, &graph, &plan, err);

        if (ret < 0)
                return ret;
        ret = running_new(s, plan, recipe, true, &r);
        if (ret < 0) {
                plan_free(plan);
                graph_free(graph);
                return error_oom(err, sizeof(*r));
        }
        r->run.graph = r->graph = graph;
        r->dirty       = true;
        recipe->repair = r;
        s->n_repairs++;
        memset(r->state, TASK_DONE, plan->n_task);
        r->n_done = plan->n_task;
        for (SchedTensor *t = recipe->tensors; t; t = t->next_of_recipe) {
                uint32_t first = (uint32_t) (t->chunk_first - recipe->said.chunk_first);

                r->made[plan->chunk_value[first]] = t;
                for (uint32_t k = 0; k < t->n_chunks; k++)
                        r->holder[first + k] = (uint16_t) t->holder[k];
        }
        return running_leaves(s, r);
}

int repair_done(Sched *s, Running *r) {
        r->recipe->repair = NULL;
        return running_forget(s, r, DROP_NOTHING);
}

/* Whether the repair makes all that is wanted of the tensor. */
static int repair_covers(const Sched *s, const Running *r, const SchedTensor *t, bool *ret) {
        uint32_t first = (uint32_t) (t->chunk_first - r->run.first_id);
        _cleanup_(freep) bool *wanted = calloc(t->n_chunks + 1, sizeof(*wanted));

        if (!wanted)
                return -ENOMEM;
        *ret = true;
        tensor_wanted(s, t, wanted);
        for (uint32_t k = 0; k < t->n_chunks && *ret; k++)
                *ret = !wanted[k] || r->state[r->index->maker[first + k]] != TASK_DONE;
        return 0;
}

/* ---- Data of clients -------------------------------------------------------------------------------------------- */

static Wanting *wanting_find(const Sched *s, uint64_t tensor) {
        return (Wanting *) (uintptr_t) map_get(&s->wanting, tensor);
}

static bool is_pending(const Sched *s, const SchedTensor *t, const Wanting *w, uint32_t chunk) {
        for (uint32_t k = 0; w && k < w->n; k++)
                if (w->place[k].chunk == chunk && w->place[k].worker != WORKER_NONE)
                        return true;
        return chunk_on_its_way(s, t->chunk_first + chunk);
}

static void wanting_forget(Sched *s, const Wanting *w) {
        free((Wanting *) (uintptr_t) map_remove(&s->wanting, w->tensor));
}

/* Asks for what is wanted and has not been asked for. */
static int data_ask(Sched *s, const SchedTensor *t) {
        _cleanup_(freep) bool *wanted    = calloc(t->n_chunks + 1, sizeof(*wanted));
        _cleanup_(freep) Wanting *asking = malloc(sizeof(*asking) + 2 * t->n_chunks * sizeof(SchedPlace));
        Wanting *before                  = wanting_find(s, t->id);
        uint32_t first                   = s->actions->place.n;

        if (!wanted || !asking)
                return -ENOMEM;
        *asking = (Wanting) { .tensor = t->id };
        tensor_wanted(s, t, wanted);
        for (uint32_t k = 0; k < t->n_chunks; k++)
                if (wanted[k] && !is_pending(s, t, before, k))
                        asking->place[asking->n++] = (SchedPlace) { k, worker_spread(s, k, t->n_chunks) };
        if (asking->n == 0)
                return 0;
        for (uint32_t k = 0; k < asking->n; k++)
                if (vec_push(&s->actions->place, asking->place[k]) < 0)
                        return -ENOMEM;
        if (action_add(s, &(SchedAction) { .kind = SCHED_WANTED, .tensor = t->id, .first = first, .n = asking->n }) < 0)
                return -ENOMEM;
        for (uint32_t k = 0; before && k < before->n; k++)
                if (before->place[k].worker != WORKER_NONE)
                        asking->place[asking->n++] = before->place[k];
        if (map_set(&s->wanting, t->id, (uintptr_t) asking) < 0)
                return -ENOMEM;
        free(before);
        TAKE_PTR(asking);
        return 0;
}

int tensor_given(Sched *s, uint64_t id, const Error *err) {
        Wanting *w = wanting_find(s, id);
        Error why;

        if (!w)
                return 0;
        w->answered  = true;
        s->unsettled = true;
        if (err || !sched_tensor(s, id))
                wanting_forget(s, w);
        if (!err)
                return 0;
        error_set(&why, -ENODATA, "the data of tensor %llu is lost: %s", (unsigned long long) id, err->text);
        return tensor_lost(s, id, &why);
}

void data_not_pending(Sched *s, uint32_t worker, uint64_t chunk) {
        const SchedTensor *t = adopted_find(s, chunk);
        Wanting *w           = t ? wanting_find(s, t->id) : NULL;

        for (uint32_t p = 0; w && p < w->n; p++)
                if (w->place[p].chunk == chunk - t->chunk_first && w->place[p].worker == worker) {
                        w->place[p].worker = WORKER_NONE;
                        s->unsettled       = true;
                }
}

/* A worker has a chunk that a client gave, whoever asked for it, or had it and has dropped it. */
int data_taken(Sched *s, uint32_t worker, uint64_t chunk, const Error *err) {
        SchedTensor *t = adopted_find(s, chunk);
        uint32_t k     = t ? (uint32_t) (chunk - t->chunk_first) : 0;

        data_not_pending(s, worker, chunk);
        if (err)
                return 0; /* a DROP was there first */
        if (!t || t->n_refs == 0 || (t->holder[k] != WORKER_NONE && t->holder[k] != worker) ||
            (t->holder[k] == WORKER_NONE && s->worker.data[worker].drain))
                return drop_add(s, worker, chunk);
        /* A DROP of before may be on its way there still. */
        return t->holder[k] == worker ? 0 : chunk_confirm(s, t->id, chunk, worker);
}

/* What it was to have will not come, or will and it says so. */
void wanting_lost(Sched *s, uint32_t worker) {
        for (uint32_t k = 0; k < s->wanting.capacity; k++) {
                Wanting *w = (Wanting *) (uintptr_t) s->wanting.entry[k].value;

                for (uint32_t p = 0; w && p < w->n; p++)
                        if (w->place[p].worker == worker)
                                w->place[p].worker = WORKER_NONE;
        }
}

static int data_need(Sched *s, const SchedTensor *t) {
        const Wanting *w = wanting_find(s, t->id);

        return s->n_open == 0 || (w && !w->answered) ? 0 : data_ask(s, t);
}

/* ---- After every step in which something was lost or found ------------------------------------------------------ */

static bool somebody_may_come(const Sched *s) {
        bool may = s->n_open == 0;

        for (uint32_t w = 0; w < s->worker.n; w++)
                may |= s->worker.data[w].state == WORKER_AWAY || s->worker.data[w].state == WORKER_BACK;
        return may;
}

void sched_lost_error(const SchedTensor *t, const Error *why, Error *err) {
        error_set(err, ERROR_CORRUPT,
                  "tensor %llu is lost, and a session in threads does not remember how it was made: execute it "
                  "again%s%s",
                  (unsigned long long) t->id, why ? ": " : "", why ? why->text : "");
}

/* Somebody waits for chunks of it. */
static int tensor_need(Sched *s, SchedTensor *t) {
        Recipe *recipe = recipe_find(s, t->recipe);
        Error err = {}, why;
        bool covers;
        int ret;

        if (s->alone) {
                s->unsettled = true;
                sched_lost_error(t, NULL, &why);
                return tensor_lost(s, t->id, &why);
        }
        if (t->recipe == 0 && !t->anchor)
                return data_need(s, t);
        if (t->recipe == 0 && somebody_may_come(s))
                return 0; /* and have it */
        if (t->recipe == 0) {
                s->unsettled = true;
                error_set(&why, -EIO,
                          "tensor %llu is lost with its copy, and how it was made in more than %u steps is forgotten",
                          (unsigned long long) t->id, s->most_lineage);
                return tensor_lost(s, t->id, &why);
        }
        assert(recipe);
        recipe->wanted = true;
        if (recipe->repair) {
                if (recipe->repair->ending || recipe->repair->dirty)
                        return 0;
                ret = repair_covers(s, recipe->repair, t, &covers);
                if (ret == 0 && !covers)
                        recipe->repair->dirty = s->unsettled = true;
                return ret;
        }
        s->unsettled = true;
        ret          = repair_begin(s, recipe, &err);
        if (ret == 0 || ret == -ENOMEM)
                return ret;
        error_set(&why, ret, "tensor %llu is lost, and cannot be made again: %s", (unsigned long long) t->id, err.text);
        return tensor_lost(s, t->id, &why);
}

/* What a plan lacks; it stops when that has changed more than the plan knows of. */
static int running_needs(Sched *s, const Running *r) {
        int ret = 0;

        for (uint32_t k = 0; k < r->leaves.n && ret == 0; k++) {
                SchedTensor *t = r->leaf[r->leaves.data[k]];

                if (t->n_lost == 0 || !running_lacks(r, t))
                        continue;
                ret = tensor_need(s, t);
                if (s->unsettled)
                        break; /* perhaps it has failed */
        }
        return ret;
}

int repairs_settle(Sched *s) {
        int ret = 0;

        for (uint32_t k = 0; k < s->recipes.capacity && s->n_repairs > 0; k++)
                if (s->recipes.entry[k].value)
                        ((Recipe *) (uintptr_t) s->recipes.entry[k].value)->wanted = false;
        for (Running *r = s->first_running; r && ret == 0; r = r->after) {
                if (!r->ending && r->n_lacking > 0)
                        ret = running_needs(s, r);
                if (s->unsettled)
                        return ret; /* it may have ended */
        }
        /* Nobody waits for it any more. */
        for (Running *r = s->first_running; r && ret == 0 && !s->unsettled; r = r->after)
                if (r->made && !r->ending && !r->recipe->wanted) {
                        s->unsettled = true;
                        return running_forget(s, r, DROP_TASKS);
                }
        return ret;
}
