/* SPDX-License-Identifier: Apache-2.0 */
/* Twins: two copies of a chunk where one is to be. A worker was away with it, and it was made again elsewhere, or taken
 * over; or a repair had ended when one of its tasks was done. Which one stays is no question: the one that others have
 * been told of. But both were computed from the same inputs, so they have the same bits, or something is wrong with an
 * operator, a processor or memory. Nobody would ever know, so before the second one is dropped both workers are asked
 * for their digests.
 *
 * It is dropped whatever they say, and before anything else is said to its worker that might mean the same chunk: that
 * it is to make it (RUN) or to take it (TAKE). As long as it waits nobody counts on it. What a client gave is not
 * compared: nobody has made it. */
#include "sched/state.h"

enum {
        MAX_TWINS = 64, /* at a time: a worker may come back with thousands, and each costs two of them a look at all of
                           its bytes. Of others nothing is known, and nothing lost */
};

static Twin *twin_find(const Sched *s, uint32_t worker, uint64_t chunk) {
        for (uint32_t k = 0; k < s->twin.n; k++)
                if (s->twin.data[k].chunk == chunk && s->twin.data[k].worker[TWIN_SECOND] == worker)
                        return &s->twin.data[k];
        return NULL;
}

/* Whether it can be asked, and will answer. */
static bool answers(const Sched *s, uint32_t worker) {
        return worker < s->worker.n && s->worker.data[worker].state == WORKER_HERE && !s->worker.data[worker].silent;
}

static int twin_remove(Sched *s, uint32_t at, bool drop) {
        const Twin twin = s->twin.data[at];

        s->twin.data[at] = vec_pop(&s->twin);
        return drop ? drop_add(s, twin.worker[TWIN_SECOND], twin.chunk) : 0;
}

int twin_drop(Sched *s, uint32_t worker, uint64_t chunk, uint32_t kept) {
        const Twin twin = { .chunk = chunk, .worker = { [TWIN_FIRST] = kept, [TWIN_SECOND] = worker } };

        if (twin_find(s, worker, chunk))
                return 0;
        if (s->twin.n == MAX_TWINS || kept == worker || !answers(s, kept) || !answers(s, worker) ||
            chunk_on_its_way(s, chunk))
                return drop_add(s, worker, chunk);
        if (vec_push(&s->twin, twin) < 0)
                return -ENOMEM;
        for (uint32_t k = 0; k < ELEMENTSOF(twin.worker); k++)
                if (action_add(s, &(SchedAction) {
                                          .kind = SCHED_DIGEST, .worker = twin.worker[k], .chunk = chunk }) < 0)
                        return -ENOMEM;
        return 0;
}

int twin_end(Sched *s, uint32_t worker, uint64_t chunk) {
        const Twin *twin = s->twin.n > 0 ? twin_find(s, worker, chunk) : NULL;

        return twin ? twin_remove(s, (uint32_t) (twin - s->twin.data), true) : 0;
}

int twins_end_of_task(Sched *s, const Running *r, uint32_t task, uint32_t worker) {
        int ret = 0;

        for (uint32_t k = r->plan->output_start[task]; k < r->plan->output_start[task + 1] && ret == 0; k++)
                ret = twin_end(s, worker, plan_run_chunk(&r->run, r->plan->output_chunk[k]));
        return ret;
}

/* The first one is out of reach. Of what can be made again the second one goes, as ever; of what cannot it is the spare
 * from now on, if there is none. */
static int twin_left(Sched *s, uint32_t at) {
        const Twin twin = s->twin.data[at];
        SchedTensor *t;
        int ret = tensor_find(s, twin.chunk, &t);

        if (ret < 0 || !t || !spare_fits(s, t, (uint32_t) (twin.chunk - t->chunk_first), twin.worker[TWIN_SECOND]))
                return ret < 0 ? ret : twin_remove(s, at, true);
        t->spare[twin.chunk - t->chunk_first] = twin.worker[TWIN_SECOND];
        return twin_remove(s, at, false);
}

int twins_lost(Sched *s, uint32_t worker) {
        int ret = 0;

        for (uint32_t k = 0; k < s->twin.n && ret == 0;) {
                const Twin *twin = &s->twin.data[k];

                if (twin->worker[TWIN_SECOND] == worker) /* what it has it will say, or it is gone */
                        ret = twin_remove(s, k, false);
                else if (twin->worker[TWIN_FIRST] == worker)
                        ret = twin_left(s, k);
                else
                        k++;
        }
        return ret;
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

/* TASK_NONE: it was there before the plan. */
static uint32_t maker_of(const Plan *plan, uint64_t chunk) {
        for (uint32_t t = 0; t < plan->n_task && chunk < plan->n_chunk; t++)
                for (uint32_t k = plan->output_start[t]; k < plan->output_start[t + 1]; k++)
                        if (plan->output_chunk[k] == chunk)
                                return t;
        return TASK_NONE;
}

/* The task that has made it, if its plan runs; or else the tensor that it is of. */
static int name_of(Sched *s, uint64_t chunk, Error *ret) {
        SchedTensor *t = NULL;

        for (const Running *r = s->first_running; r; r = r->after) {
                const uint32_t task = maker_of(r->plan, chunk - r->run.first_id);

                if (task == TASK_NONE)
                        continue;
                plan_run_error(&r->run, task, ret);
                return 0;
        }
        if (tensor_find(s, chunk, &t) < 0)
                return -ENOMEM;
        if (t)
                error_prefix(ret, ret->code, "chunk %llu of tensor %llu, made by plan %llu",
                             (unsigned long long) (chunk - t->chunk_first), (unsigned long long) t->id,
                             (unsigned long long) t->recipe);
        return 0;
}

/* Whoever makes it or reads it now has a result of which nobody knows whether it is right. */
static int readers_fail(Sched *s, uint64_t chunk, const Error *why) {
        int ret = 0;

        for (Running *r = s->first_running, *next; r && ret == 0; r = next) {
                uint32_t c;

                next = r->after;
                if (r->ending || !running_reads(r, chunk, &c))
                        continue;
                ret  = r->request ? request_fail(s, r->request, why) : repair_fail(s, r, why);
                next = s->first_running; /* more than this one may have ended */
        }
        return ret;
}

static int twin_compare(Sched *s, const Twin *twin) {
        Error err = {};

        s->n_compared++;
        if (twin->digest[TWIN_FIRST] == twin->digest[TWIN_SECOND])
                return 0;
        s->n_differed++;
        error_set(&err, ERROR_CORRUPT, "was made twice, with different bits: worker %u has %016llx, worker %u %016llx",
                  twin->worker[TWIN_FIRST], (unsigned long long) twin->digest[TWIN_FIRST], twin->worker[TWIN_SECOND],
                  (unsigned long long) twin->digest[TWIN_SECOND]);
        if (name_of(s, twin->chunk, &err) < 0 || vec_push(&s->actions->error, err) < 0 ||
            action_add(s, &(SchedAction) { .kind    = SCHED_DIFFERS,
                                           .worker  = twin->worker[TWIN_FIRST],
                                           .from    = twin->worker[TWIN_SECOND],
                                           .chunk   = twin->chunk,
                                           .outcome = s->actions->error.n }) < 0)
                return -ENOMEM;
        return s->strict ? readers_fail(s, twin->chunk, &err) : 0;
}

/* Of who has it no more, or finds it damaged, nothing is compared. */
int worker_digested(Sched *s, const SchedEvent *e) {
        int ret = 0;

        for (uint32_t k = 0; k < s->twin.n && ret == 0;) {
                Twin *twin = &s->twin.data[k];
                bool known = true, bad = false;

                for (uint32_t i = 0; i < ELEMENTSOF(twin->worker); i++) {
                        if (twin->chunk == e->chunk && twin->worker[i] == e->worker && !twin->known[i]) {
                                twin->known[i]  = true;
                                twin->bad      |= e->error != NULL;
                                twin->digest[i] = e->digest;
                        }
                        known &= twin->known[i];
                        bad |= twin->bad;
                }
                if (known || bad) {
                        const Twin done = *twin;

                        ret = twin_remove(s, k, true); /* before others fail, whose chunks go */
                        if (ret == 0 && !bad)
                                ret = twin_compare(s, &done);
                } else
                        k++;
        }
        return ret;
}
