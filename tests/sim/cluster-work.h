/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Workers: they make the plans that they are told of, hold what tasks make, fetch from each other, and report. */
#include "sim/cluster-disk.h"

static void put_stored(Sim *s, uint32_t worker, uint64_t chunk); /* cluster-client.h */
static void worker_killed(Sim *s, SimWorker *w);                 /* cluster-faults.h */

static inline uint32_t number_of(const Sim *s, const SimWorker *w) {
        return (uint32_t) (w - s->worker);
}

static void known_free(Known *k) {
        plan_free(k->plan);
        arena_free(k->arena);
        free(k->leaf_first);
        free(k->together);
        free(k);
}

/* ---- What the machine wants ------------------------------------------------------------------------------------- */

static void start(Sim *s, SimWorker *w, const WorkAction *a) {
        const Plan *plan = a->run->plan;
        Busy *b          = &w->busy[a->thread];

        sim_assert(s, !b->busy);
        *b = (Busy) { .busy = true, .run = a->run, .task = a->task };
        for (uint32_t k = plan->input_start[a->task]; k < plan->input_start[a->task + 1]; k++) {
                const uint64_t id = plan_run_chunk(a->run, plan->input_chunk[k]), in = map_get(&w->store, id);

                sim_assert(s, in != 0); /* nothing starts without its inputs, and they are right */
                sim_assert(s, in == map_get(&s->expected, id) && !map_get(&w->cold, id));
                b->in[k - plan->input_start[a->task]] = in;
        }
        for (uint32_t k = plan->output_start[a->task]; k < plan->output_start[a->task + 1]; k++)
                sim_assert(s, map_get(&w->store, plan_run_chunk(a->run, plan->output_chunk[k])) == 0);
}

static void fetch(SimWorker *w, uint64_t chunk, uint32_t from) {
        for (uint32_t k = 0; k < w->fetch.n; k++)
                if (w->fetch.data[k].chunk == chunk) {
                        w->fetch.data[k] = (Fetch) { .chunk = chunk, .from = from };
                        return;
                }
        ck_assert_int_eq(vec_push(&w->fetch, (Fetch) { .chunk = chunk, .from = from }), 0);
}

static void chunk_set(SimWorker *w, uint64_t chunk, uint64_t content, uint64_t bytes) {
        ck_assert_int_eq(map_set(&w->store, chunk, content), 0);
        ck_assert_int_eq(map_set(&w->bytes, chunk, bytes + 1), 0);
}

static void forgotten(SimWorker *w, const WorkAction *a) {
        Known *k = (Known *) a->run; /* its first member */

        for (uint32_t i = 0; i < w->plan.n; i++)
                if (w->plan.data[i] == k) {
                        w->plan.data[i] = vec_pop(&w->plan);
                        break;
                }
        known_free(k);
        if (!a->left && w->linked)
                post(&w->from, &(WireMessage) { WIRE_IS_FORGOTTEN, .forgotten = { .plan = a->plan } });
}

/* What the scheduler is told. */
static void report(Sim *s, SimWorker *w, const WorkAction *a) {
        const Error *err = work_error(&s->work_actions, a);
        WireMessage m    = {};

        switch (a->kind) {
        case WORK_DONE:
                m = (WireMessage) { WIRE_IS_DONE, .done = { .plan     = a->plan,
                                                            .task     = &a->task,
                                                            .task_n   = 1,
                                                            .length   = work_lengths(&s->work_actions, a),
                                                            .length_n = a->n } };
                break;
        case WORK_FAILED:
                m = (WireMessage) {
                        WIRE_IS_FAILED,
                        .failed = { .plan = a->plan, .task = a->task, .code = err->code, .text = err->text }
                };
                break;
        case WORK_LOST:
                m = (WireMessage) { WIRE_IS_LOST, .lost = { .chunk = a->chunk } };
                break;
        case WORK_RECALLED:
                m = (WireMessage) { WIRE_IS_RECALLED, .recalled = { .plan = a->plan, .task = &a->task, .task_n = 1 } };
                break;
        default:
                m = (WireMessage) {
                        WIRE_IS_TAKEN,
                        .taken = { .chunk = a->chunk,
                                   .asked = a->asked,
                                   .code  = err ? err->code : 0,
                                   .text  = err ? err->text : NULL }
                };
        }
        if (w->linked)
                post(&w->from, &m);
}

static void work_tell(Sim *s, SimWorker *w, WorkEvent event) {
        WorkActions *lists = &s->work_actions;

        ck_assert_int_eq(work_step(w->work, &event, lists), 0);
        for (uint32_t k = 0; k < lists->action.n; k++) {
                const WorkAction a = lists->action.data[k];

                switch (a.kind) {
                case WORK_START:
                        start(s, w, &a);
                        break;
                case WORK_FETCH:
                        fetch(w, a.chunk, a.from);
                        break;
                case WORK_FREE:
                        for (uint32_t c = 0; c < a.n; c++)
                                chunk_gone(s, w, a.chunk + c);
                        break;
                case WORK_SPILL:
                        disk_spill(s, w, a.chunk);
                        break;
                case WORK_EVICT:
                        disk_evict(s, w, a.chunk);
                        break;
                case WORK_RETURN:
                        disk_return(s, w, a.chunk);
                        break;
                case WORK_PINNED:
                        pinned(s, w, &a);
                        break;
                case WORK_TAKEN:
                        if (!a.asked)
                                put_stored(s, number_of(s, w), a.chunk);
                        report(s, w, &a);
                        break;
                case WORK_DONE:
                case WORK_FAILED:
                case WORK_RECALLED:
                case WORK_LOST:
                        report(s, w, &a);
                        break;
                case WORK_FORGOTTEN:
                        forgotten(w, &a);
                        break;
                case WORK_TOGETHER:
                        ck_abort_msg("nothing here lies in one piece");
                }
        }
        work_actions_clear(lists);
        if (s->n_events++ % CHECK_EVERY == 0)
                sim_assert(s, work_consistent(w->work));
}

static void finish(Sim *s, SimWorker *w, uint32_t thread) {
        Busy *b           = &w->busy[thread];
        const Plan *plan  = b->run->plan;
        uint32_t n_in     = plan->input_start[b->task + 1] - plan->input_start[b->task], n_out = 0, n_length = 0;
        WorkEvent event   = { .kind = WORK_FINISHED, .thread = thread };
        int64_t length[4] = {};
        size_t bytes[4]   = {};
        Error err         = {};

        if (s->poisons && fake_mix(plan->stage.data[plan->task_stage[b->task]].scratch_bytes, b->task) % 400 == 0) {
                worker_killed(s, w); /* whoever tries */
                return;
        }
        b->busy = false;
        if ((b->run->canceled && one_in(s, 2)) || (s->failures && one_in(s, 2000))) {
                error_set(&err, b->run->canceled ? ERROR_CANCELED : ERROR_LINALG, "it was singular");
                event.error = &err;
                work_tell(s, w, event);
                return;
        }
        for (uint32_t k = plan->output_start[b->task]; k < plan->output_start[b->task + 1]; k++, n_out++) {
                uint32_t c      = plan->output_chunk[k];
                uint64_t result = fake_result(plan, b->task, n_out, n_in, b->in);

                bytes[n_out] = plan_chunk_bytes(plan, c);
                if (!tiling_known(&plan->value.data[plan->chunk_value[c]].tiling)) {
                        length[n_length] = fake_length(plan, c, result);
                        bytes[n_out]     = (size_t) length[n_length++] * sizeof(double);
                }
                chunk_set(w, plan_run_chunk(b->run, c), result, bytes[n_out]);
        }
        event.bytes  = bytes;
        event.length = length;
        work_tell(s, w, event);
}

static bool put_pending(const Sim *s, uint32_t worker, uint64_t chunk) {
        for (uint32_t k = 0; k < s->put.n; k++)
                if (s->put.data[k].worker == worker && s->put.data[k].chunk == chunk)
                        return true;
        return false;
}

/* It has come, or will not. */
static void fetched(Sim *s, SimWorker *w, uint32_t which, uint64_t content, uint64_t bytes) {
        const Fetch f = w->fetch.data[which];

        w->fetch.data[which] = w->fetch.data[w->fetch.n - 1];
        w->fetch.n--;
        if (content == 0) {
                work_tell(s, w, (WorkEvent) { .kind = WORK_FETCH_FAILED, .chunk = f.chunk, .from = f.from });
                return;
        }
        chunk_set(w, f.chunk, content, bytes - 1);
        work_tell(s, w, (WorkEvent) { .kind = WORK_FETCHED, .chunk = f.chunk, .size_bytes = bytes - 1 });
        if (f.from == WORKER_NONE)
                put_stored(s, number_of(s, w), f.chunk);
}

static bool are_apart(const Sim *s, const SimWorker *a, const SimWorker *b) {
        return s->now < s->apart_until[number_of(s, a)][number_of(s, b)];
}

/* It has tried for long enough, and says so. */
static bool fetch_gives_up(Sim *s, SimWorker *w, uint32_t which) {
        Fetch *f = &w->fetch.data[which];

        f->until = f->until ?: s->now + UNREACHED;
        if (s->now < f->until)
                return false;
        s->n_unreached++;
        if (w->linked)
                post(&w->from,
                     &(WireMessage) { WIRE_IS_UNREACHED, .unreached = { .chunk = f->chunk, .from = f->from } });
        fetched(s, w, which, 0, 0);
        return true;
}

/* False: not yet. */
static bool fetch_end(Sim *s, SimWorker *w, uint32_t which) {
        const Fetch f    = w->fetch.data[which];
        SimWorker *src   = f.from == WORKER_NONE ? NULL : &s->worker[f.from];
        uint64_t content = src ? map_get(&src->store, f.chunk) : map_get(&s->expected, f.chunk);
        uint64_t bytes   = src ? map_get(&src->bytes, f.chunk) : map_get(&s->data_bytes, f.chunk);

        if (src && are_apart(s, w, src))
                return fetch_gives_up(s, w, which);
        if (src && src->alive && src->paused)
                return false;
        if (content == 0 && src && src->alive && put_pending(s, f.from, f.chunk))
                return false;
        if (src && map_get(&src->cold, f.chunk))
                return serve_begin(s, src, f.chunk);
        fetched(s, w, which, content, bytes);
        return true;
}

/* It goes to all who wait for it. */
static void serve_all(Sim *s, SimWorker *w, const Serve *serve) {
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++) {
                SimWorker *to = &s->worker[k];

                for (uint32_t i = 0; i < to->fetch.n && !to->paused && !are_apart(s, to, w); i++)
                        if (to->fetch.data[i].chunk == serve->chunk && to->fetch.data[i].from == number_of(s, w)) {
                                fetched(s, to, i, map_get(&w->store, serve->chunk), map_get(&w->bytes, serve->chunk));
                                break; /* each waits for it once */
                        }
        }
}

static bool serve_end(Sim *s, SimWorker *w, uint32_t what) {
        Serve *at = w->serve.n > 0 ? &w->serve.data[what % w->serve.n] : NULL, serve;

        if (!at || at->state == SERVE_WAITS || (s->now < at->until && !s->mending))
                return false;
        serve = *at;
        if (!serve.client && serve.state == SERVE_HERE) /* else they ask again, unless the scheduler knows better */
                serve_all(s, w, &serve);
        w->serve.data[what % w->serve.n] = w->serve.data[w->serve.n - 1];
        w->serve.n--;
        if (serve.state == SERVE_HERE)
                work_tell(s, w,
                          (WorkEvent) { .kind  = WORK_UNPIN,
                                        .pin   = serve.pin,
                                        .chunk = serve.chunk,
                                        .n     = 1,
                                        .brief = !serve.client });
        return true;
}

/* ---- What it is told -------------------------------------------------------------------------------------------- */

static const Tiling *known_tiling(void *userdata, uint64_t stored) {
        const WireTensor *t = (WireTensor *) (uintptr_t) map_get(userdata, stored);

        ck_assert_ptr_nonnull(t);
        return &t->tiling;
}

static void hear_plan(Sim *s, SimWorker *w, const Wire_plan *m) {
        Known *k                            = calloc(1, sizeof(*k));
        _cleanup_(map_done) Map leaves      = {};
        _cleanup_(graph_freep) Graph *graph = NULL;
        Error err                           = {};
        Reader rd;

        k->arena = arena_new();
        rd = (Reader) { .start   = m->leaves,
                        .at      = m->leaves,
                        .end     = m->leaves + m->leaves_n,
                        .what    = "PLAN",
                        .err     = &err,
                        .scratch = k->arena };
        while (reader_left(&rd) > 0) {
                WireTensor *t = arena_new_array(k->arena, WireTensor, 1);

                wire_get_tensor(&rd, t);
                ck_assert_msg(rd.r == 0 && map_set(&leaves, t->id, (uintptr_t) t) == 0, "%s", err.text);
        }
        ck_assert_msg(graph_decode_planned(m->graph, m->graph_n, &graph, &err) == 0, "%s", err.text);
        ck_assert_int_eq(fake_plan(graph, &(PlanLeaves) { .tiling = known_tiling, .userdata = &leaves }, &k->plan,
                                   &err),
                         0);
        sim_assert(s, k->plan->n_task == m->n_task && k->plan->n_chunk == m->n_chunk &&
                              plan_digest(k->plan) == m->check);
        k->leaf_first = calloc(k->plan->value.n + 1, sizeof(*k->leaf_first));
        k->together   = calloc(k->plan->value.n + 1, sizeof(*k->together));
        for (uint32_t v = 0; v < k->plan->value.n; v++) {
                const Value *value = &k->plan->value.data[v];

                if (value->stage == STAGE_NONE)
                        k->leaf_first[v] =
                                ((WireTensor *) (uintptr_t) map_get(&leaves, value->stored))->chunk_first;
        }
        k->run = (PlanRun) { .id         = m->plan,
                             .plan       = k->plan,
                             .first_id   = m->first_id,
                             .leaf_first = k->leaf_first,
                             .together   = k->together };
        ck_assert_int_eq(vec_push(&w->plan, k), 0);
        work_tell(s, w, (WorkEvent) { .kind = WORK_PLAN, .run = &k->run });
}

/* What it has; where operators are said to be wrong, half of the workers have something else. */
static void digest_say(const Sim *s, SimWorker *w, uint64_t chunk) {
        const uint64_t content = map_get(&w->store, chunk);
        const bool wrong       = s->wrong && (w - s->worker) % 2 == 1;

        if (!w->linked)
                return;
        post(&w->from, &(WireMessage) { WIRE_IS_DIGESTED, .digested = { .chunk  = chunk,
                                                                        .digest = content ^ wrong,
                                                                        .code   = content ? 0 : -ENOENT } });
}

static void worker_hears(Sim *s, SimWorker *w) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        _cleanup_(freep) uint8_t *body      = NULL;
        const WireMessage m                 = take_letter(s, &w->to, arena, &body);

        trace("to worker", (int) number_of(s, w), &m);
        switch (m.kind) {
        case WIRE_IS_PLAN:
                hear_plan(s, w, &m.plan);
                break;
        case WIRE_IS_RUN:
                work_tell(s, w,
                          (WorkEvent) { .kind    = WORK_RUN,
                                        .plan    = m.run.plan,
                                        .n       = m.run.task_n / 2,
                                        .task    = (const RunTask *) m.run.task,
                                        .n_fetch = m.run.fetch_n / 2,
                                        .fetch   = (const RunFetch *) m.run.fetch });
                break;
        case WIRE_IS_RECALL:
                work_tell(s, w,
                          (WorkEvent) { .kind = WORK_RECALL,
                                        .plan = m.recall.plan,
                                        .n    = m.recall.task_n / 2,
                                        .task = (const RunTask *) m.recall.task });
                break;
        case WIRE_IS_DROP:
                work_tell(s, w, (WorkEvent) { .kind = WORK_DROP, .chunk = m.drop.chunk, .n = m.drop.n });
                break;
        case WIRE_IS_FORGET:
                work_tell(s, w, (WorkEvent) { .kind = WORK_FORGET, .plan = m.forget.plan, .drop = m.forget.drop });
                break;
        case WIRE_IS_DIGEST:
                digest_say(s, w, m.digest.chunk);
                break;
        case WIRE_IS_TAKE:
                work_tell(s, w,
                          (WorkEvent) { .kind       = WORK_TAKE,
                                        .chunk      = m.take.chunk,
                                        .from       = m.take.from,
                                        .size_bytes = m.take.size_bytes });
                break;
        default:
                ck_abort_msg("%s is not for a worker", wire_name(m.kind));
        }
}

/* ---- Its life --------------------------------------------------------------------------------------------------- */

static void worker_begin(Sim *s, SimWorker *w) {
        size_t memory = s->tight ? 60000 + sim_random(s, 100000) : 1 << 30;
        size_t soft   = s->mix.disks ? 4000 + sim_random(s, 40000) : memory;

        w->alive     = true;
        w->local     = one_in(s, 2);
        w->clock     = clock_new(s);
        w->tick_at   = s->now + sim_random(s, HEARTBEAT);
        w->patience  = (Patience) {};
        patience_look(&w->patience, &sim_limits, clock_read(&w->clock, s->now));
        w->lost      = w->patience.own_usec;
        w->left      = true; /* there is nothing to forget */
        w->careful_until = 0;
        w->n_threads = 1 + (uint32_t) sim_random(s, MAX_THREADS);
        w->n_numbers = w->n_threads * PER_THREAD;
        ck_assert_int_eq(work_new(&w->work, w->n_threads,
                                  &(WorkLimits) { .cache_bytes      = memory,
                                                  .hard_bytes       = memory,
                                                  .soft_bytes       = MIN(soft, memory),
                                                  .spill            = s->mix.disks,
                                                  .tasks_per_thread = PER_THREAD }),
                         0);
}

/* The process is gone, and what it knew; its memory goes, or is kept by somebody. */
static void worker_end(Sim *s, SimWorker *w, bool keep) {
        Map kept = {}, bytes = {}, disk = {}, cold = {};
        uint64_t chunk;
        size_t size;

        for (uint32_t at = 0; keep && work_list(w->work, &at, &chunk, &size);) {
                sim_assert(s, size == map_get(&w->bytes, chunk) - 1);
                ck_assert_int_eq(map_set(&kept, chunk, map_get(&w->store, chunk)), 0);
                ck_assert_int_eq(map_set(&bytes, chunk, size + 1), 0);
                if (map_get(&w->disk, chunk))
                        ck_assert_int_eq(map_set(&disk, chunk, map_get(&w->disk, chunk)), 0);
                if (map_get(&w->cold, chunk))
                        ck_assert_int_eq(map_set(&cold, chunk, 1), 0);
        }
        for (uint32_t k = 0; k < s->put.n;) /* its client sees that it is gone */
                if (s->put.data[k].worker == number_of(s, w) && s->put.data[k].begun)
                        put_stored(s, number_of(s, w), s->put.data[k].chunk);
                else
                        k++;
        for (uint32_t k = 0; k < w->plan.n; k++)
                known_free(w->plan.data[k]);
        vec_free(&w->plan);
        work_free(w->work);
        map_done(&w->store);
        map_done(&w->bytes);
        map_done(&w->disk);
        map_done(&w->cold);
        vec_free(&w->flight);
        vec_free(&w->serve);
        vec_free(&w->fetch);
        channel_done(&w->to);
        channel_done(&w->from);
        *w = (SimWorker) { .known    = w->known,
                           .local    = w->local,
                           .awaited  = w->awaited,
                           .away     = w->away,
                           .reached  = w->reached,
                           .noted    = w->noted,
                           .draining = w->draining,
                           .store    = kept,
                           .bytes    = bytes,
                           .disk     = disk,
                           .cold     = cold };
}
