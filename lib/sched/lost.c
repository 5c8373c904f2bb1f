/* SPDX-License-Identifier: Apache-2.0 */
/* A worker is lost, and with it its tasks and chunks. Of each plan that is running, the tasks that made chunks that
 * are still to be read, or kept, run again, and so do those whose chunks they read, down to leaves; a leaf that is
 * lost fails the request. A task is remade as a whole: outputs of it that live elsewhere are dropped first, so that
 * no chunk ever is in two places.
 *
 * Tasks that other workers were given in the hope of an input that is gone now are called back. They cannot have
 * started; if one did after all, with a copy that it got in time, its DONE comes instead of the answer, and is as
 * good. */
#include "sched/state.h"

typedef struct Lost {
        Sched *sched;
        Running *running;
        Vec(uint32_t) stack; /* tasks to remake of which the inputs have not been looked at */
        bool leaf;           /* a leaf is lost */
} Lost;

/* The chunk is nowhere, and somebody will read it. */
static int chunk_lost(Lost *x, uint32_t chunk) {
        Running *r    = x->running;
        uint32_t task = r->index->maker[chunk];
        int ret       = 0;

        if (task == TASK_NONE) {
                x->leaf = true;
                return 0;
        }
        if (r->state[task] != TASK_DONE)
                return 0; /* it will be made */
        r->state[task] = TASK_WAITING;
        r->n_done--;
        for (uint32_t k = r->plan->output_start[task]; k < r->plan->output_start[task + 1] && ret == 0; k++)
                ret = chunk_drop(x->sched, r, r->plan->output_chunk[k]);
        return ret < 0 ? ret : vec_push(&x->stack, task);
}

static int remake(Lost *x) {
        Running *r       = x->running;
        const Plan *plan = r->plan;
        int ret          = 0;

        for (uint32_t c = 0; c < plan->n_chunk && ret == 0; c++)
                if (!chunk_made(r, c) && r->uses[c] > 0)
                        ret = chunk_lost(x, c);
        while (x->stack.n > 0 && ret == 0) {
                uint32_t task = vec_pop(&x->stack);

                for (uint32_t k = plan->input_start[task]; k < plan->input_start[task + 1] && ret == 0; k++) {
                        uint32_t c = plan->input_chunk[k];

                        r->uses[c]++;
                        if (!chunk_made(r, c))
                                ret = chunk_lost(x, c);
                }
        }
        return ret;
}

/* True if the task at its worker waits for something that will not come. */
static bool in_vain(const Running *r, uint32_t task) {
        for (uint32_t k = r->plan->input_start[task]; k < r->plan->input_start[task + 1]; k++) {
                uint32_t c = r->plan->input_chunk[k], maker = r->index->maker[c];

                if (!chunk_made(r, c) && !(r->state[maker] == TASK_GIVEN && r->place[maker] == r->place[task]))
                        return true;
        }
        return false;
}

static int running_lost(Sched *s, Running *r, uint32_t worker) {
        const Plan *plan = r->plan;
        Lost x           = { .sched = s, .running = r };
        int ret          = running_index(s, r);

        if (ret < 0)
                return ret;
        share_clear(s, r, worker);
        r->share.data[worker].knows = false;
        for (uint32_t t = 0; t < plan->n_task; t++)
                if ((r->state[t] == TASK_GIVEN || r->state[t] == TASK_RECALLED) && r->place[t] == worker)
                        r->state[t] = TASK_WAITING;
        for (uint32_t c = 0; c < plan->n_chunk; c++)
                if (r->holder[c] == worker)
                        r->holder[c] = WORKER_NONE;
        ret = remake(&x);
        vec_free(&x.stack);
        if (ret < 0)
                return ret;
        if (x.leaf) {
                Error err;

                error_set(&err, -EIO, "worker %u is gone, and with it an input that nobody can make again", worker);
                return request_fail(s, r->request, &err);
        }
        /* In the order of the plan: who waits for a task that is called back is called back with it. */
        for (uint32_t k = 0; k < r->cursor && ret == 0; k++) {
                uint32_t t = plan->order[k];

                if (r->state[t] == TASK_GIVEN && in_vain(r, t)) {
                        r->state[t] = TASK_RECALLED;
                        ret         = vec_push(&s->actions->task, (RunTask) { t, k });
                        if (ret == 0)
                                ret = action_add(s, &(SchedAction) { .kind   = SCHED_RECALL,
                                                                     .worker = r->place[t],
                                                                     .plan   = r->run.id,
                                                                     .first  = s->actions->task.n - 1,
                                                                     .n      = 1 });
                } else if (r->state[t] == TASK_WAITING)
                        ret = running_requeue(r, t);
        }
        return ret < 0 ? ret : running_give(s, r);
}

int worker_lost(Sched *s, uint32_t worker) {
        int ret = 0;

        if (worker >= s->worker.n || !s->worker.data[worker].alive)
                return 0;
        s->worker.data[worker].alive = false;
        s->n_alive--;
        for (uint32_t k = 0; k < s->tensors.capacity; k++) {
                SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[k].value;

                for (uint32_t c = 0; t && c < t->n_chunks; c++)
                        if (t->holder[c] == worker)
                                t->holder[c] = WORKER_NONE;
        }
        for (Request *q = s->first, *next; q && ret == 0; q = next) {
                next = q->after;
                if (q->running && !q->running->ending)
                        ret = running_lost(s, q->running, worker);
        }
        /* It need not answer any more; the table changes while plans end. */
        for (uint32_t k = 0; k < s->plans.capacity && ret == 0;) {
                Running *r = (Running *) (uintptr_t) s->plans.entry[k].value;

                if (r && r->ending && worker < r->share.n && r->share.data[worker].knows)
                        ret = running_forgotten(s, r, worker); /* if that ends it, another one may stand in its place */
                else
                        k++;
        }
        return ret;
}
