/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a plan that is being run: it takes references of its leaves, counts who reads what, and ends in two
 * steps. First nothing more is given and all workers are told to forget it (`ending`); when the last has answered, its
 * memory goes. */
#include "sched/state.h"

static size_t running_bytes(const Plan *plan) {
        return plan->n_task * (sizeof(uint8_t) + sizeof(uint16_t)) +
               plan->n_chunk * (sizeof(uint16_t) + sizeof(uint32_t)) +
               plan->value.n * (sizeof(uint64_t) + sizeof(bool) + sizeof(void *));
}

static void list_remove(Sched *s, Running *r) {
        if (r->before)
                r->before->after = r->after;
        else if (s->first_running == r)
                s->first_running = r->after;
        else
                return; /* it is in no list */
        if (r->after)
                r->after->before = r->before;
        else
                s->last_running = r->before;
}

/* Its memory; the references to its leaves are gone already. */
void running_free(Sched *s, Running *r) {
        if (!r)
                return;
        list_remove(s, r);
        seconds_end(s, r, WORKER_NONE);
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
        free(r->spent);
        graph_free(r->graph);
        free(r->leaf);
        free(r->made);
        free(r->state);
        free(r->place);
        free(r->holder);
        free(r->uses);
        free(r->deaths);
        free(r->length);
        vec_free(&r->leaves);
        vec_free(&r->ready);
        vec_free(&r->torn);
        for (uint32_t w = 0; w < r->share.n; w++)
                vec_free(&r->share.data[w].queue);
        vec_free(&r->share);
        plan_free(r->plan);
        free(r);
}

/* ---- Its beginning ---------------------------------------------------------------------------------------------- */

const Tiling *leaf_tiling(void *userdata, uint64_t stored) {
        SchedTensor *t = sched_tensor(userdata, stored);

        return t ? &t->tiling : NULL;
}

/* The plan is taken over, unless it fails. */
int running_new(Sched *s, Plan *plan, Recipe *recipe, bool repair, Running **ret) {
        Running *r = calloc(1, sizeof(*r));
        bool unknown = false;

        if (!r)
                return -ENOMEM;
        r->leaf_first = calloc(plan->value.n + 1, sizeof(*r->leaf_first));
        r->together   = calloc(plan->value.n + 1, sizeof(*r->together));
        r->leaf       = calloc(plan->value.n + 1, sizeof(*r->leaf));
        r->made       = repair ? calloc(plan->value.n + 1, sizeof(*r->made)) : NULL;
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
        if (!r->leaf_first || !r->together || !r->leaf || (repair && !r->made) || !r->state || !r->place ||
            !r->holder || !r->uses || (unknown && !r->length) || (!s->alone && !r->work) ||
            vec_reserve(&r->share, s->worker.n + 1) < 0) {
                running_free(s, r);
                return -ENOMEM;
        }
        for (; r->share.n < s->worker.n; r->share.n++)
                r->share.data[r->share.n] = (Share) {};
        for (uint32_t c = 0; c < plan->n_chunk; c++)
                r->holder[c] = WORKER_NONE;
        r->recipe = recipe;
        r->run    = (PlanRun) { .id          = s->next_plan,
                                      .plan        = plan,
                                      .first_id    = s->next_chunk,
                                      .leaf_first  = r->leaf_first,
                                      .together    = r->together,
                                      .task_bytes  = s->task_bytes,
                                      .alone_bytes = s->alone_bytes };
        if (recipe) {
                r->run.first_id    = recipe->said.chunk_first;
                r->run.task_bytes  = recipe->said.task_bytes;
                r->run.alone_bytes = recipe->said.alone_bytes;
        }
        if (map_set(&s->plans, r->run.id, (uintptr_t) r) < 0) {
                running_free(s, r);
                return -ENOMEM;
        }
        s->next_plan++;
        if (r->run.first_id == s->next_chunk)
                s->next_chunk += plan->n_chunk;
        r->plan = plan;
        running_weigh(r);
        s->state_bytes += running_bytes(plan);
        r->before = s->last_running;
        if (s->last_running)
                s->last_running->after = r;
        else
                s->first_running = r;
        s->last_running = r;
        if (recipe)
                recipe->n_uses++;
        *ret = r;
        return 0;
}

int running_leaves(Sched *s, Running *r) {
        const Plan *plan = r->plan;

        for (uint32_t v = 0; v < plan->value.n; v++) {
                const Value *value = &plan->value.data[v];
                SchedTensor *t     = value->stage == STAGE_NONE ? sched_tensor(s, value->stored) : NULL;

                if (!t)
                        continue;
                r->leaf_first[v] = t->chunk_first;
                if (plan->chunk_value[value->first_chunk] != v)
                        continue; /* another name for the chunks of an earlier value, which holds them */
                if (vec_push(&r->leaves, v) < 0)
                        return -ENOMEM;
                tensor_ref(s, t);
                r->leaf[v] = t;
                for (uint32_t k = 0; k < t->n_chunks; k++) {
                        r->holder[value->first_chunk + k] = (uint16_t) t->holder[k];
                        r->n_lacking += t->holder[k] == WORKER_NONE && r->uses[value->first_chunk + k] > 0;
                }
        }
        return 0;
}

void running_keeps(const Running *r, uint32_t *uses) {
        const Plan *plan = r->plan;

        for (uint32_t m = 0; m < plan->made.n && !r->made; m++) {
                const Value *value = &plan->value.data[plan->made.data[m].value];
                uint32_t n         = (uint32_t) tiling_n_chunks(&value->tiling);

                for (uint32_t k = 0; k < n; k++) /* leaves too: the rest of the graph reads them, or they are wanted */
                        uses[value->first_chunk + k]++;
        }
        for (uint32_t v = 0; v < plan->value.n && r->made; v++)
                if (r->made[v] && r->made[v]->n_refs > 0)
                        for (uint32_t k = 0; k < r->made[v]->n_chunks; k++)
                                uses[plan->value.data[v].first_chunk + k]++;
}

/* ---- Its end ---------------------------------------------------------------------------------------------------- */

static int leaves_unref(Sched *s, Running *r) {
        int ret = 0;

        for (uint32_t k = 0; k < r->leaves.n && ret == 0; k++) {
                uint32_t v = r->leaves.data[k];
                uint64_t t = r->leaf[v]->id;

                r->leaf[v] = NULL;
                ret        = tensor_unref(s, t);
        }
        r->leaves.n = 0;
        return ret;
}

/* All workers have forgotten the plan. */
static int running_end(Sched *s, Running *r) {
        Request *q     = r->request;
        Recipe *recipe = r->recipe;
        int ret        = leaves_unref(s, r);

        map_remove(&s->plans, r->run.id);
        if (recipe && recipe->repair == r) {
                recipe->repair = NULL;
                s->unsettled   = true;
        }
        s->n_repairs -= r->made != NULL;
        running_free(s, r);
        if (recipe && ret == 0)
                ret = recipe_unuse(s, recipe);
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
        seconds_end(s, r, worker);
        r->share.data[worker].knows = false;
        return running_answered(s, r);
}

/* What it made, as far as those who have it do not know which plan it is of. */
static int chunks_forget(Sched *s, Running *r) {
        int ret = 0;

        for (uint32_t c = 0; c < r->plan->n_chunk && ret == 0; c++) {
                uint32_t w = r->holder[c], v = r->plan->chunk_value[c];
                SchedTensor *t = r->made ? r->made[v] : NULL;

                if (w == WORKER_NONE || r->plan->value.data[v].stage == STAGE_NONE || (t && t->n_refs > 0))
                        continue;
                if (t) /* a ghost: other tasks of the plan were to read this */
                        ret = tensor_hold(s, t, c - r->plan->value.data[v].first_chunk, WORKER_NONE);
                if (ret == 0 && (r->drop == DROP_TASKS || !r->share.data[w].knows))
                        ret = drop_add(s, w, plan_run_chunk(&r->run, c));
        }
        return ret;
}

int running_forget(Sched *s, Running *r, PlanDrop drop) {
        int ret = 0;

        r->ending       = true;
        r->drop         = drop;
        r->n_forgetting = 1; /* ourselves, until all are told */
        if (drop != DROP_NOTHING && !s->alone)
                ret = chunks_forget(s, r);
        for (uint32_t w = 0; w < r->share.n && ret == 0; w++) {
                share_clear(s, r, w);
                if (!r->share.data[w].knows)
                        continue;
                r->n_forgetting++;
                /* What it tries that others have done is to end. */
                ret = action_add(s, &(SchedAction) { .kind   = SCHED_FORGET,
                                                     .worker = w,
                                                     .plan   = r->run.id,
                                                     .run    = &r->run,
                                                     .drop   = drop == DROP_NOTHING && seconds_has(s, r, w)
                                                                       ? DROP_TASKS
                                                                       : drop });
                if (ret == 0 && drop != DROP_ALL)
                        ret = seconds_drop(s, r, w);
        }
        if (s->n_repairs > 0 || s->n_draining > 0)
                s->unsettled = true; /* somebody may wait for it, or for nothing any more */
        return ret < 0 ? ret : running_answered(s, r);
}
