/* SPDX-License-Identifier: Apache-2.0 */
/* Two workers that do not reach each other, while the scheduler reaches both. Whoever cannot get a chunk says so; then
 * the two are a pair of which neither is sent to the other, whichever of them asked. What one of them waits for it gets
 * another way, in this order (unreached_go()):
 *
 *   spare     another worker has a copy, which takes the chunk's place
 *   relay     a third one reaches both: it takes the chunk, whose place is there from then on (drain.c)
 *   elsewhere the task is called back, and goes to a worker that gets all that it reads (place.c)
 *
 * Where no worker gets all that a task reads, it is torn: one side must go on without the other. That is the one where
 * more is that cannot be made again, or else more that is still to be read. The other one is set aside: it is given
 * nothing, what it was given and has not begun is called back, and what is wanted of it counts as lost and is made
 * again, as ever to the same bits. So nothing is made twice because it was made on the wrong side: whoever is set aside
 * makes nothing more. But what can only be made there is made there. A task of which neither side can make again what
 * it lacks waits until they reach each other.
 *
 * APART_USEC after the last pair was found all are forgotten, and whoever still cannot get something says so again. All
 * at once: of a cluster that is in two parts there would else always be some pair that is to be found again, and tasks
 * would be sent from one to the next. Until then a chunk changes its place once at most, or two who wait on either side
 * would have it go to and fro. Whoever was set aside is so no more when those have left on whose behalf that was.
 *
 * Only of workers that are heard it is believed that others do not reach them: of one that is silent or away nothing is
 * made again before it has left. */
#include "sched/state.h"

enum {
        APART_USEC    = 30 * 1000 * 1000, /* as long as a switch or a router takes to come back */
        MOST_APART    = 1024,             /* pairs; of more one is forgotten, and may be found again */
        MOST_RELAYED  = 4096,             /* chunks; tasks that read others are called back instead */
        IRREPLACEABLE = 1024,             /* how much more a byte counts that cannot be made again */
};

/* ---- Pairs ------------------------------------------------------------------------------------------------------- */

/* Where the pair is, or would be. */
static uint32_t pair_at(const Sched *s, uint32_t a, uint32_t b) {
        uint32_t lo = 0, hi = s->apart.n;

        while (lo < hi) {
                const uint32_t middle = lo + (hi - lo) / 2;
                const Apart *p        = &s->apart.data[middle];

                if (p->a < a || (p->a == a && p->b < b))
                        lo = middle + 1;
                else
                        hi = middle;
        }
        return lo;
}

bool workers_apart(const Sched *s, uint32_t x, uint32_t y) {
        const uint32_t a = MIN(x, y), b = MAX(x, y), at = s->apart.n > 0 ? pair_at(s, a, b) : 0;

        return at < s->apart.n && s->apart.data[at].a == a && s->apart.data[at].b == b;
}

bool sched_apart(const Sched *s, uint32_t a, uint32_t b) {
        return workers_apart(s, a, b);
}

bool sched_aside(const Sched *s, uint32_t worker) {
        return worker < s->worker.n && s->worker.data[worker].aside;
}

static void pair_remove(Sched *s, uint32_t at) {
        s->apart.n--;
        memmove(s->apart.data + at, s->apart.data + at + 1, (s->apart.n - at) * sizeof(Apart));
}

static int pair_add(Sched *s, uint32_t x, uint32_t y, uint64_t usec) {
        const Apart pair = { .a = MIN(x, y), .b = MAX(x, y) };
        uint32_t at;

        if (workers_apart(s, x, y))
                return 0;
        if (s->apart.n >= MOST_APART)
                pair_remove(s, 0);
        at = pair_at(s, pair.a, pair.b);
        if (vec_push(&s->apart, pair) < 0)
                return -ENOMEM;
        memmove(s->apart.data + at + 1, s->apart.data + at, (s->apart.n - 1 - at) * sizeof(Apart));
        s->apart.data[at]   = pair;
        s->apart_until_usec = usec + APART_USEC;
        return 0;
}

void apart_forget(Sched *s, uint32_t worker) {
        for (uint32_t k = s->apart.n; k-- > 0;)
                if (s->apart.data[k].a == worker || s->apart.data[k].b == worker)
                        pair_remove(s, k);
}

bool sched_any_apart(const Sched *s) {
        return s->apart.n > 0;
}

bool pairs_end(const Sched *s) {
        return s->apart.n + s->relayed.n > 0;
}

int pairs_tick(Sched *s) {
        if (!pairs_end(s) || s->now_usec < s->apart_until_usec)
                return 0;
        s->apart.n = s->relayed.n = 0;
        all_stirred(s, true);
        return 0;
}

/* ---- Other ways -------------------------------------------------------------------------------------------------- */

/* A worker that reaches both, and has least to do; or WORKER_NONE. */
static uint32_t relay_of(const Sched *s, uint64_t chunk, uint32_t from, uint32_t to) {
        uint32_t best = WORKER_NONE;

        for (uint32_t w = 0; w < s->worker.n; w++)
                if (w != from && w != to && worker_open(s, w) && !workers_apart(s, w, from) &&
                    !workers_apart(s, w, to) && !seconds_make(s, w, chunk) &&
                    (best == WORKER_NONE || s->worker.data[w].work < s->worker.data[best].work))
                        best = w;
        return best;
}

static bool worker_gets(const Sched *s, uint32_t to, uint32_t from) {
        return to == from || !workers_apart(s, to, from);
}

bool gets_inputs(const Sched *s, const Running *r, uint32_t task, uint32_t worker) {
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1]; k++) {
                const uint32_t from = r->holder[r->plan->input_chunk[k]];

                if (from != WORKER_NONE && !worker_gets(s, worker, from))
                        return false;
        }
        return true;
}

/* Its place may change on behalf of who does not get it, now and not again. */
static bool may_relay(const Sched *s, uint64_t chunk) {
        bool may = s->relayed.n < MOST_RELAYED;

        for (uint32_t k = 0; k < s->relayed.n && may; k++)
                may = s->relayed.data[k] != chunk;
        return may;
}

/* *ret: it is on its way to somebody who gives it on. */
static int relay_begin(Sched *s, uint64_t chunk, uint32_t from, uint32_t to, bool *ret) {
        const uint32_t by = relay_of(s, chunk, from, to);

        *ret = by != WORKER_NONE && may_relay(s, chunk);
        if (!*ret)
                return 0;
        return vec_push(&s->relayed, chunk) < 0 ? -ENOMEM : chunk_relay(s, chunk, by);
}

int unreached_add(Sched *s, uint32_t worker, uint64_t chunk) {
        s->unsettled = true;
        for (uint32_t k = 0; k < s->unreached.n; k++)
                if (s->unreached.data[k].chunk == chunk && s->unreached.data[k].worker == worker)
                        return 0;
        return vec_push(&s->unreached, (Unreached) { chunk, worker });
}

int worker_unreached(Sched *s, const SchedEvent *e) {
        const Worker *from = e->from < s->worker.n ? &s->worker.data[e->from] : NULL;
        int ret;

        if (e->worker >= s->worker.n || !worker_hears(s, e->worker) || !from || e->from == e->worker)
                return 0;
        ret = unreached_add(s, e->worker, e->chunk);
        if (ret == 0 && from->state == WORKER_HERE && !from->silent) {
                ret = pair_add(s, e->worker, e->from, e->usec);
                if (ret == 0)
                        ret = lates_end(s);
        }
        return ret < 0 ? ret : taking_failed(s, e->from, e->worker, e->chunk);
}

/* ---- Who waits in vain ------------------------------------------------------------------------------------------- */

/* The next of those that read the chunk of the plan and were given to the worker, from *at on; or TASK_NONE. */
static uint32_t reader_next(const Running *r, uint32_t chunk, uint32_t worker, uint32_t *at) {
        while (*at < r->index->use_start[chunk + 1]) {
                const uint32_t task = r->index->use_task[(*at)++];

                if (r->state[task] == TASK_GIVEN && r->place[task] == worker)
                        return task;
        }
        return TASK_NONE;
}

/* A copy that others have takes the chunk's place. */
static int spare_swap(Sched *s, uint64_t chunk, uint32_t worker) {
        SchedTensor *t;
        int ret = tensor_find(s, chunk, &t);
        uint32_t k, spare, holder;

        if (ret < 0 || !t || !t->anchor)
                return ret;
        k      = (uint32_t) (chunk - t->chunk_first);
        spare  = t->spare[k];
        holder = t->holder[k];
        if (spare == WORKER_NONE || workers_apart(s, spare, worker) || s->worker.data[spare].state != WORKER_HERE ||
            !may_relay(s, chunk))
                return 0;
        t->spare[k] = holder;
        ret         = vec_push(&s->relayed, chunk);
        if (ret == 0)
                ret = tensor_hold(s, t, k, spare);
        return ret < 0 ? ret : fetches_turn(s, chunk, spare);
}

static int recall_readers(Sched *s, Running *r, uint32_t chunk, uint32_t worker) {
        uint32_t at = r->index->use_start[chunk], task;
        int ret     = 0;

        r->dirty = s->unsettled = true; /* others wait there for what these were to make (lost.c) */
        while (ret == 0 && (task = reader_next(r, chunk, worker, &at)) != TASK_NONE)
                ret = task_recall(s, r, task);
        return ret;
}

/* What becomes of who waits, in one plan. *ret_waits: it is to be looked at again. */
static int unreached_in(Sched *s, Running *r, uint32_t c, const Unreached *u, bool *ret_waits) {
        uint32_t at = r->index->use_start[c], from;
        int ret;

        if (reader_next(r, c, u->worker, &at) == TASK_NONE || !chunk_made(r, c))
                return 0; /* what is lost is called back (lost.c) */
        if (workers_apart(s, u->worker, r->holder[c]) && !chunk_on_its_way(s, u->chunk)) {
                ret = spare_swap(s, u->chunk, u->worker);
                if (ret < 0)
                        return ret;
        }
        from = r->holder[c];
        if (from == u->worker)
                return 0;
        if (s->worker.data[from].state != WORKER_HERE || s->worker.data[from].silent ||
            (workers_apart(s, u->worker, from) && chunk_on_its_way(s, u->chunk))) {
                *ret_waits = true;
                return 0;
        }
        if (!workers_apart(s, u->worker, from))
                return fetch_say(s, r, u->worker, c, from);
        ret = relay_begin(s, u->chunk, from, u->worker, ret_waits);
        return ret < 0 || *ret_waits ? ret : recall_readers(s, r, c, u->worker);
}

static int unreached_go(Sched *s, const Unreached *u, bool *ret_waits) {
        int ret = 0;

        *ret_waits = false;
        if (!worker_hears(s, u->worker))
                return 0; /* it will know no tasks */
        for (Running *r = s->first_running; r && ret == 0; r = r->after) {
                uint32_t c;

                if (!r->ending && r->index && u->worker < r->share.n && r->share.data[u->worker].knows &&
                    running_reads(r, u->chunk, &c))
                        ret = unreached_in(s, r, c, u, ret_waits);
        }
        return ret;
}

/* ---- Torn tasks -------------------------------------------------------------------------------------------------- */

/* What must be made again for it to be had without whom the worker does not get anything from. */
typedef struct Again {
        const Sched *sched;
        const Running *running;
        uint32_t worker;
        bool *seen; /* [task] */
        Vec(uint32_t) task;
        Map known; /* tensors that were looked at */
        Vec(uint64_t) tensor;
        bool no; /* it cannot */
} Again;

static int tensor_again(Again *x, const SchedTensor *t) {
        x->no |= t->recipe == 0;
        if (x->no || map_get(&x->known, t->id))
                return 0;
        return map_set(&x->known, t->id, 1) < 0 ? -ENOMEM : vec_push(&x->tensor, t->id);
}

static int chunk_again(Again *x, uint32_t chunk) {
        const Running *r     = x->running;
        const uint32_t maker = r->index->maker[chunk];

        if (maker == TASK_NONE) {
                x->no |= !r->leaf[r->plan->chunk_value[chunk]];
                return x->no ? 0 : tensor_again(x, r->leaf[r->plan->chunk_value[chunk]]);
        }
        if (x->seen[maker])
                return 0;
        x->seen[maker] = true;
        return vec_push(&x->task, maker);
}

/* All that the tensor's recipe reads is there, or can be made again in turn. */
static int recipe_again(Again *x, uint64_t tensor) {
        const SchedTensor *t = sched_tensor(x->sched, tensor);
        const Recipe *recipe = t ? recipe_find(x->sched, t->recipe) : NULL;
        int ret              = 0;

        x->no |= !recipe;
        for (uint32_t k = 0; !x->no && k < recipe->said.n_leaves && ret == 0; k++) {
                const SchedTensor *leaf = sched_tensor(x->sched, recipe->said.leaf[k]);
                bool all                = leaf != NULL;

                for (uint32_t c = 0; all && c < leaf->n_chunks; c++)
                        all = leaf->holder[c] != WORKER_NONE && worker_gets(x->sched, x->worker, leaf->holder[c]);
                x->no |= !leaf;
                if (!all && leaf)
                        ret = tensor_again(x, leaf);
        }
        return ret;
}

/* Whether all that the task reads can be had at the worker, if what it does not get is made again. */
static int can_go_on(const Sched *s, const Running *r, uint32_t task, uint32_t worker, bool *ret) {
        _cleanup_(freep) bool *seen = calloc(r->plan->n_task + 1, sizeof(*seen));
        Again x                     = { .sched = s, .running = r, .worker = worker, .seen = seen };
        int code                    = seen ? vec_push(&x.task, task) : -ENOMEM;

        while (code == 0 && !x.no && x.task.n > 0) {
                const uint32_t t = vec_pop(&x.task);

                for (uint32_t k = r->plan->input_start[t]; k < r->plan->input_start[t + 1] && code == 0; k++) {
                        const uint32_t c = r->plan->input_chunk[k], from = r->holder[c];

                        if (from != WORKER_NONE && worker_gets(s, worker, from))
                                continue;
                        /* Who is not heard may be dead, or back in a moment: that is waited for. */
                        x.no |= from != WORKER_NONE &&
                                (s->worker.data[from].state != WORKER_HERE || s->worker.data[from].silent);
                        code = chunk_again(&x, c);
                }
        }
        while (code == 0 && !x.no && x.tensor.n > 0)
                code = recipe_again(&x, vec_pop(&x.tensor));
        vec_free(&x.task);
        vec_free(&x.tensor);
        map_done(&x.known);
        *ret = !x.no;
        return code;
}

/* What of the plan's the worker gets: what cannot be made again first. */
static uint64_t side_weight(const Sched *s, const Running *r, const uint64_t *held, uint32_t worker) {
        uint64_t weight = 0;

        for (uint32_t w = 0; w < r->share.n; w++)
                if (held[w] > 0 && worker_gets(s, worker, w))
                        weight += held[w];
        return weight;
}

static void held_count(const Running *r, uint64_t *held) {
        for (uint32_t c = 0; c < r->plan->n_chunk; c++) {
                const SchedTensor *t = r->leaf[r->plan->chunk_value[c]];

                if (chunk_made(r, c) && r->uses[c] > 0)
                        held[r->holder[c]] +=
                                (uint64_t) plan_chunk_bytes(r->plan, c) * (t && t->recipe == 0 ? IRREPLACEABLE : 1);
        }
}

/* Of those who have something of it, the one who gets most of the plan and can go on. */
static int side_choose(const Sched *s, const Running *r, uint32_t task, uint32_t *ret) {
        _cleanup_(freep) uint64_t *held = calloc(r->share.n + 1, sizeof(*held));
        uint64_t most                   = 0;
        int code                        = held ? 0 : -ENOMEM;

        *ret = WORKER_NONE;
        if (code == 0)
                held_count(r, held);
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1] && code == 0; k++) {
                const uint32_t w      = r->holder[r->plan->input_chunk[k]];
                const uint64_t weight = worker_open(s, w) && w != *ret ? side_weight(s, r, held, w) : 0;
                bool can              = false;

                if (weight <= most)
                        continue;
                code = can_go_on(s, r, task, w, &can);
                if (!can)
                        continue;
                most = weight;
                *ret = w;
        }
        for (uint32_t w = 0; w < s->worker.n && code == 0 && *ret == WORKER_NONE; w++) {
                bool can = false;

                if (worker_open(s, w))
                        code = can_go_on(s, r, task, w, &can);
                if (can)
                        *ret = w;
        }
        return code;
}

static int worker_aside(Sched *s, uint32_t worker) {
        int ret = 0;

        if (!worker_open(s, worker))
                return 0;
        s->n_open--;
        s->n_aside++;
        s->worker.data[worker].aside = true;
        for (Running *r = s->first_running; r && ret == 0; r = r->after) {
                if (r->ending || worker >= r->share.n)
                        continue;
                r->stirred = true;
                ret        = running_index(s, r);
                if (ret == 0)
                        ret = queue_clear(s, r, worker);
                for (uint32_t k = 0; k < r->cursor && ret == 0 && r->share.data[worker].n_given > 0; k++)
                        if (r->state[r->plan->order[k]] == TASK_GIVEN && r->place[r->plan->order[k]] == worker)
                                ret = task_recall(s, r, r->plan->order[k]);
        }
        s->unsettled = true;
        return ret;
}

/* The worker goes on, and whoever has what it does not get is set aside. */
static int side_goes_on(Sched *s, const Running *r, uint32_t task, uint32_t worker) {
        int ret = 0;

        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1] && ret == 0; k++) {
                const uint32_t c = r->plan->input_chunk[k], from = r->holder[c];
                const uint64_t id = plan_run_chunk(&r->run, c);

                if (from == WORKER_NONE || worker_gets(s, worker, from))
                        continue;
                ret = worker_aside(s, from);
                if (ret == 0)
                        ret = worker_lost_chunk(s, from, id, NULL);
                if (ret == 0)
                        ret = drop_say(s, from, id);
        }
        return ret;
}

/* Somebody who was set aside and gets all that it reads: it can be made nowhere else. */
static uint32_t aside_getting(const Sched *s, const Running *r, uint32_t task) {
        for (uint32_t w = 0; w < s->worker.n && s->n_aside > 0; w++) {
                const Worker *worker = &s->worker.data[w];

                if (worker->aside && !worker->silent && !worker->drain && gets_inputs(s, r, task, w))
                        return w;
        }
        return WORKER_NONE;
}

static int torn_go(Sched *s, Running *r, uint32_t task) {
        uint32_t worker;
        int ret;

        if (r->state[task] != TASK_WAITING || !inputs_made(r, task))
                return 0;
        for (uint32_t w = 0; w < s->worker.n; w++)
                if (worker_open(s, w) && gets_inputs(s, r, task, w)) {
                        r->stirred = s->unsettled = true;
                        return running_requeue(r, task);
                }
        ret = side_choose(s, r, task, &worker);
        if (ret < 0)
                return ret;
        if (worker != WORKER_NONE)
                return side_goes_on(s, r, task, worker);
        worker = aside_getting(s, r, task);
        return worker != WORKER_NONE ? task_give(s, r, task, worker) : 0;
}

/* ---- After every step in which something was lost or found ------------------------------------------------------- */

/* Whoever nobody goes on without any more is given things again. */
static void asides_look(Sched *s) {
        for (uint32_t w = 0; w < s->worker.n && s->n_aside > 0; w++) {
                bool still = !s->worker.data[w].aside;

                for (uint32_t k = 0; k < s->apart.n && !still; k++) {
                        const Apart *p = &s->apart.data[k];

                        still = (p->a == w && worker_open(s, p->b)) || (p->b == w && worker_open(s, p->a));
                }
                if (still)
                        continue;
                s->worker.data[w].aside = false;
                s->n_aside--;
                s->n_open += worker_open(s, w);
                all_stirred(s, true);
        }
}

int apart_settle(Sched *s) {
        int ret = 0;

        asides_look(s);
        for (uint32_t k = 0; k < s->unreached.n && ret == 0;) {
                const Unreached u = s->unreached.data[k];
                bool waits;

                ret = unreached_go(s, &u, &waits);
                if (waits)
                        k++;
                else
                        s->unreached.data[k] = vec_pop(&s->unreached);
        }
        for (Running *r = s->first_running; r && ret == 0; r = r->after)
                while (r->torn.n > 0 && ret == 0) {
                        const uint32_t task = vec_pop(&r->torn);

                        if (!r->ending)
                                ret = torn_go(s, r, task);
                }
        return ret;
}
