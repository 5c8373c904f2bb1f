/* SPDX-License-Identifier: Apache-2.0 */
/* Workers come and go. One that is away hears nothing and keeps what it has: chunks, and the tasks that it was given.
 * It comes back having forgotten all plans, and says which chunks it has; what it did not say is lost, and its tasks
 * wait again. One that has left is all that and says nothing.
 *
 * A chunk that it names may be wanted, or have been made again elsewhere meanwhile, or be of no use any more: there is
 * one place for a chunk, so the last two are dropped. */
#include "sched/state.h"

enum { POISON = 2 }; /* workers that may die of a task: one may have died of anything */

static void state_set(Sched *s, uint32_t worker, WorkerState state) {
        Worker *w = &s->worker.data[worker];

        s->n_open -= worker_open(s, worker);
        s->n_present -= w->state != WORKER_GONE;
        s->unsettled |= s->n_aside > 0; /* others may have gone on without somebody on its behalf */
        s->n_aside -= w->aside;
        w->state  = state;
        s->n_late -= w->late;
        w->silent = w->aside = w->late = false;
        s->n_present += w->state != WORKER_GONE;
        s->n_open += worker_open(s, worker);
}

void all_stirred(Sched *s, bool found) {
        s->unsettled = true;
        for (uint32_t k = 0; k < s->worker.n; k++)
                s->worker.data[k].drained = false; /* perhaps it is not stuck any more */
        for (Running *r = s->first_running; r; r = r->after) {
                r->stirred = true;
                r->dirty |= found || s->apart.n > 0; /* what nobody got is looked at again */
        }
}

/* The worker knows no plans any more: those that end need not wait for it. The table changes while they do. */
static int plans_forgotten(Sched *s, uint32_t worker) {
        int ret = 0;

        for (Running *r = s->first_running, *next; r && ret == 0; r = next) {
                next = r->after;
                if (worker >= r->share.n)
                        continue;
                if (!r->ending) {
                        r->share.data[worker].knows = false;
                        ret = queue_clear(s, r, worker);
                } else if (r->share.data[worker].knows) {
                        ret  = running_forgotten(s, r, worker);
                        next = s->first_running; /* more than this one may have ended */
                }
        }
        return ret;
}

/* Its tasks wait again. */
static void tasks_lost(Sched *s, uint32_t worker) {
        for (Running *r = s->first_running; r; r = r->after) {
                if (r->ending || worker >= r->share.n || r->share.data[worker].n_given == 0)
                        continue;
                share_clear(s, r, worker);
                for (uint32_t t = 0; t < r->plan->n_task; t++)
                        if (task_given(r, t) && r->place[t] == worker)
                                r->state[t] = TASK_WAITING;
                seconds_stay(s, r);
                r->dirty = true;
        }
}

/* ---- What is where: chunk ids and whose they are ----------------------------------------------------------------- */

typedef struct Range {
        uint64_t first;
        uint32_t n;
        SchedTensor *tensor; /* or */
        Running *running;
} Range;

typedef Vec(Range) Ranges;

static int range_compare(const void *a, const void *b) {
        const Range *x = a, *y = b;

        return x->first < y->first ? -1 : x->first > y->first;
}

static const Range *range_find(const Ranges *ranges, uint64_t chunk) {
        uint32_t lo = 0, hi = ranges->n;

        while (lo < hi) {
                uint32_t middle = lo + (hi - lo) / 2;

                if (ranges->data[middle].first <= chunk)
                        lo = middle + 1;
                else
                        hi = middle;
        }
        return lo > 0 && chunk - ranges->data[lo - 1].first < ranges->data[lo - 1].n ? &ranges->data[lo - 1] : NULL;
}

/* Chunks of a repair that belong to tensors are in both. */
static int ranges_fill(const Sched *s, Ranges *tensors, Ranges *runnings) {
        int ret = 0;

        for (uint32_t k = 0; k < s->tensors.capacity && ret == 0; k++) {
                SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[k].value;

                if (t && t->n_chunks > 0)
                        ret = vec_push(tensors, (Range) { .first = t->chunk_first, .n = t->n_chunks, .tensor = t });
        }
        for (Running *r = s->first_running; r && ret == 0; r = r->after)
                if (!r->ending && r->plan->n_chunk > 0)
                        ret = vec_push(runnings, (Range) { .first   = r->run.first_id,
                                                           .n       = r->plan->n_chunk,
                                                           .running = r });
        if (ret < 0)
                return ret;
        if (tensors->n > 0)
                qsort(tensors->data, tensors->n, sizeof(Range), range_compare);
        if (runnings->n > 0)
                qsort(runnings->data, runnings->n, sizeof(Range), range_compare);
        return 0;
}

/* Whether a task has been given that makes the chunk of the plan: then it has a place already. */
static bool being_made(const Running *r, uint32_t chunk) {
        return r->index && r->index->maker[chunk] != TASK_NONE && task_given(r, r->index->maker[chunk]);
}

/* Whether so many bytes can be the chunk; fills in the length that is not known, if one axis says it. */
static bool bytes_fit(Running *r, uint32_t chunk, uint64_t bytes) {
        const Value *value = &r->plan->value.data[r->plan->chunk_value[chunk]];
        uint64_t row       = dtype_size(value->dtype);
        int unknown        = -1;
        Shape most;

        plan_chunk_shape(r->plan, chunk, &most);
        if (tiling_known(&value->tiling))
                return bytes == plan_chunk_bytes(r->plan, chunk);
        for (int k = 0; k < value->tiling.ndim; k++) {
                if (value->tiling.axis[k].extent != UNKNOWN)
                        row *= (uint64_t) most.dim[k];
                else if (unknown >= 0)
                        return false;
                else
                        unknown = k;
        }
        if (row == 0 || bytes % row != 0 || bytes / row > (uint64_t) most.dim[unknown])
                return false;
        r->length[chunk] = (int64_t) (bytes / row);
        return true;
}

/* The worker has this chunk. What is wanted of it stays there. */
static int chunk_held(Sched *s, uint32_t worker, const Held *held, const Ranges *tensors, const Ranges *runnings) {
        const Range *in_tensor = range_find(tensors, held->chunk), *in_plan = range_find(runnings, held->chunk);
        SchedTensor *t  = in_tensor ? in_tensor->tensor : NULL;
        Running *r      = in_plan ? in_plan->running : NULL;
        uint32_t chunk  = r ? (uint32_t) (held->chunk - in_plan->first) : 0;
        bool made_there = r && being_made(r, chunk);

        if (t) {
                uint32_t k = (uint32_t) (held->chunk - in_tensor->first);

                if (t->holder[k] == worker || (t->anchor && t->spare[k] == worker))
                        return 0;
                if (!made_there && held->bytes == tensor_chunk_bytes(t, k) && spare_fits(s, t, k, worker)) {
                        t->spare[k] = worker;
                        return 0;
                }
                if (t->n_refs == 0 || made_there || held->bytes != tensor_chunk_bytes(t, k))
                        return drop_add(s, worker, held->chunk);
                if (t->holder[k] != WORKER_NONE)
                        return adopted_find(s, held->chunk) ? drop_add(s, worker, held->chunk)
                                                            : twin_drop(s, worker, held->chunk, t->holder[k]);
                if (r)
                        r->dirty = true;
                return tensor_hold(s, t, k, worker);
        }
        if (r && r->holder[chunk] == worker)
                return 0;
        if (r && r->uses[chunk] > 0 && r->holder[chunk] != WORKER_NONE &&
            r->plan->value.data[r->plan->chunk_value[chunk]].stage != STAGE_NONE)
                return twin_drop(s, worker, held->chunk, r->holder[chunk]);
        if (!r || r->uses[chunk] == 0 || r->holder[chunk] != WORKER_NONE || made_there ||
            r->plan->value.data[r->plan->chunk_value[chunk]].stage == STAGE_NONE ||
            !bytes_fit(r, chunk, held->bytes))
                return drop_add(s, worker, held->chunk);
        r->holder[chunk] = (uint16_t) worker;
        r->dirty         = true;
        return 0;
}

static int held_compare(const void *a, const void *b) {
        const Held *x = a, *y = b;

        return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

static bool held_find(const Worker *w, uint64_t chunk) {
        return w->held.n > 0 &&
               bsearch(&(Held) { .chunk = chunk }, w->held.data, w->held.n, sizeof(Held), held_compare) != NULL;
}

/* Whoever had it has it no more. A spare takes its place, which those have to know who fetch it from the old one. */
static int chunk_lost(Sched *s, SchedTensor *t, uint32_t chunk) {
        const uint32_t spare = spare_take(t, chunk);
        const int ret        = tensor_hold(s, t, chunk, spare);

        return ret < 0 || spare == WORKER_NONE ? ret : fetches_turn(s, t->chunk_first + chunk, spare);
}

/* Of what it had, all is lost that it does not name. */
static int chunks_lost(Sched *s, uint32_t worker) {
        const Worker *w = &s->worker.data[worker];
        int ret         = 0;

        for (uint32_t k = 0; k < s->tensors.capacity && ret == 0; k++) {
                SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[k].value;

                for (uint32_t c = 0; t && c < t->n_chunks && ret == 0; c++) {
                        if (held_find(w, t->chunk_first + c))
                                continue;
                        if (t->anchor && t->spare[c] == worker)
                                t->spare[c] = WORKER_NONE;
                        if (t->holder[c] == worker)
                                ret = chunk_lost(s, t, c);
                }
                if (t && ret == 0)
                        ret = anchor_look(s, t);
        }
        for (Running *r = s->first_running; r && ret == 0; r = r->after)
                for (uint32_t c = 0; c < r->plan->n_chunk && !r->ending; c++)
                        if (r->holder[c] == worker && !held_find(w, plan_run_chunk(&r->run, c))) {
                                r->holder[c] = WORKER_NONE;
                                r->dirty     = true;
                        }
        return ret;
}

/* Of the tensor the worker had one, or a copy of what another one has. */
static int tensor_lost_chunk(Sched *s, SchedTensor *t, uint32_t chunk, uint32_t worker, const Error *why) {
        Error err = {};
        int ret   = 0;

        if (t->anchor && t->spare[chunk] == worker)
                t->spare[chunk] = WORKER_NONE;
        if (t->holder[chunk] == worker)
                ret = chunk_lost(s, t, chunk);
        else if (t->holder[chunk] != WORKER_NONE) /* tasks there read it */
                ret = fetches_turn(s, t->chunk_first + chunk, t->holder[chunk]);
        if (ret == 0)
                ret = anchor_look(s, t);
        if (ret < 0 || !s->alone)
                return ret;
        sched_lost_error(t, why, &err);
        return tensor_lost(s, t->id, &err);
}

/* One chunk of all that it has; tasks there that read it cannot have started. */
int worker_lost_chunk(Sched *s, uint32_t worker, uint64_t chunk, const Error *why) {
        Worker *w           = &s->worker.data[worker];
        SchedTensor *tensor = NULL;
        int ret             = 0;

        s->unsettled = true;
        for (uint32_t k = 0; k < w->held.n; k++)
                if (w->held.data[k].chunk == chunk)
                        w->held.data[k--] = vec_pop(&w->held);
        if (w->state == WORKER_BACK)
                return 0; /* it is among what it does not name */
        ret = taking_lost(s, worker, chunk);
        for (Running *r = s->first_running; r && ret == 0; r = r->after) {
                const uint64_t c = chunk - r->run.first_id;

                if (r->ending || c >= r->plan->n_chunk)
                        continue;
                if (r->holder[c] == worker) {
                        r->holder[c] = WORKER_NONE;
                        r->dirty     = true;
                } else if (chunk_made(r, (uint32_t) c))
                        ret = fetches_turn(s, chunk, r->holder[c]);
        }
        if (ret == 0)
                ret = tensor_find(s, chunk, &tensor);
        return ret < 0 || !tensor ? ret
                                  : tensor_lost_chunk(s, tensor, (uint32_t) (chunk - tensor->chunk_first), worker, why);
}

/* ---- Poison ------------------------------------------------------------------------------------------------------ */

/* Tasks that may have been running when the worker's process died. It does not say what it starts; it starts those
 * whose inputs are there, in the order in which they were given, and as many at a time as it has threads. What it had
 * done since it last said so is counted too, once: two deaths in a row at the same task are no chance. What it tried
 * besides another one it surely ran. */
static int poison_count(Sched *s, uint32_t worker) {
        uint32_t n_left = s->worker.data[worker].n_threads;

        for (Running *r = s->first_running; r; r = r->after) {
                if (r->ending || worker >= r->share.n ||
                    (r->share.data[worker].n_given == 0 && s->worker.data[worker].n_second == 0))
                        continue;
                r->deaths = r->deaths ?: calloc(r->plan->n_task, sizeof(*r->deaths));
                if (!r->deaths)
                        return -ENOMEM;
                for (uint32_t k = 0; k < r->plan->n_task && n_left > 0; k++) {
                        uint32_t t = r->plan->order[k];

                        if (!task_given(r, t) || !inputs_made(r, t) ||
                            (r->place[t] != worker && !second_is(s, r, t, worker)))
                                continue;
                        n_left--;
                        if (++r->deaths[t] >= POISON)
                                r->poison = t + 1;
                }
        }
        return 0;
}

/* When nothing of the worker is left in any plan. */
static int poisoned_fail(Sched *s) {
        int ret = 0;

        for (Running *r = s->first_running, *next; r && ret == 0; r = next) {
                Error err;

                next = r->after;
                if (r->ending || r->poison == 0)
                        continue;
                error_set(&err, -EIO, "%d workers died while they had it to do, so it is not tried again", POISON);
                plan_run_error(&r->run, r->poison - 1, &err);
                ret  = r->request ? request_fail(s, r->request, &err) : repair_fail(s, r, &err);
                next = s->first_running; /* more than this one may have ended */
        }
        return ret;
}

/* ---- What daemons see of them ------------------------------------------------------------------------------------ */

int worker_lost(Sched *s, uint32_t worker, bool killed) {
        Worker *w;
        int ret = 0;

        if (worker >= s->worker.n || s->worker.data[worker].state == WORKER_GONE)
                return 0;
        w = &s->worker.data[worker];
        if (killed)
                ret = poison_count(s, worker);
        state_set(s, worker, WORKER_GONE);
        seconds_end(s, NULL, worker);
        if (ret == 0)
                ret = twins_lost(s, worker);
        apart_forget(s, worker);
        s->n_draining -= w->drain;
        w->drain = w->drained = false;
        w->held.n = w->left.n = 0;
        if (ret == 0)
                ret = takings_lost(s, worker);
        wanting_lost(s, worker);
        if (ret == 0)
                ret = plans_forgotten(s, worker);
        if (ret == 0)
                ret = chunks_lost(s, worker);
        tasks_lost(s, worker);
        all_stirred(s, false);
        return ret < 0 || !killed ? ret : poisoned_fail(s);
}

int worker_away(Sched *s, uint32_t worker) {
        int ret;

        if (worker >= s->worker.n || !worker_hears(s, worker))
                return 0;
        state_set(s, worker, WORKER_AWAY);
        seconds_end(s, NULL, worker); /* it will know no plans */
        s->worker.data[worker].held.n = 0;
        ret                           = twins_lost(s, worker);
        return ret < 0 ? ret : plans_forgotten(s, worker);
}

int worker_silent(Sched *s, uint32_t worker, bool on) {
        Worker *w = worker < s->worker.n ? &s->worker.data[worker] : NULL;
        int ret   = 0;

        if (!w || !worker_hears(s, worker) || w->silent == on)
                return 0;
        s->n_open -= worker_open(s, worker);
        w->silent = on;
        s->n_open += worker_open(s, worker);
        all_stirred(s, false);
        for (Running *r = s->first_running; r && on && ret == 0; r = r->after)
                if (!r->ending && worker < r->share.n)
                        ret = queue_clear(s, r, worker);
        return ret;
}

int worker_joined(Sched *s, const SchedEvent *e) {
        Worker *w;
        int ret = 0;

        assert(e->worker < MAX_WORKERS && (!s->alone || s->n_present == 0));
        while (s->worker.n <= e->worker)
                if (vec_push(&s->worker, (Worker) {}) < 0)
                        return -ENOMEM;
        w = &s->worker.data[e->worker];
        assert(w->state == WORKER_GONE || w->state == WORKER_AWAY);
        if (!e->holds)
                ret = worker_lost(s, e->worker, e->killed);
        else if (e->killed)
                ret = poison_count(s, e->worker); /* it fails when it has said what it has */
        w->n_threads = MAX(e->n_threads, 1u);
        w->held.n    = 0;
        state_set(s, e->worker, e->holds ? WORKER_BACK : WORKER_HERE);
        for (Running *r = s->first_running; r && ret == 0; r = r->after)
                while (r->share.n < s->worker.n && ret == 0)
                        ret = vec_push(&r->share, (Share) {});
        all_stirred(s, false);
        return ret;
}

int worker_holds(Sched *s, const SchedEvent *e) {
        Worker *w         = e->worker < s->worker.n ? &s->worker.data[e->worker] : NULL;
        Ranges tensors = {}, runnings = {};
        int ret = 0;

        if (!w || w->state != WORKER_BACK)
                return 0;
        for (uint32_t k = 0; k < e->n && ret == 0; k++)
                ret = vec_push(&w->held, (Held) { .chunk = e->chunk_id[k], .bytes = e->bytes[k] });
        if (ret < 0 || !e->last)
                return ret;
        if (w->held.n > 0)
                qsort(w->held.data, w->held.n, sizeof(Held), held_compare);
        tasks_lost(s, e->worker);
        ret = chunks_lost(s, e->worker);
        if (ret == 0)
                ret = takings_lost(s, e->worker);
        wanting_lost(s, e->worker);
        state_set(s, e->worker, WORKER_HERE);
        if (ret == 0)
                ret = ranges_fill(s, &tensors, &runnings);
        for (uint32_t k = 0; k < w->held.n && ret == 0; k++)
                ret = chunk_held(s, e->worker, &w->held.data[k], &tensors, &runnings);
        vec_free(&tensors);
        vec_free(&runnings);
        vec_free(&w->held);
        all_stirred(s, false);
        return ret < 0 ? ret : poisoned_fail(s);
}
