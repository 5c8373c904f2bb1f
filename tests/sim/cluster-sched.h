/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The scheduler and its journal: a log whose rows are on disk some time after they are written. A result is announced
 * when its row is there; what is not is lost when the scheduler dies, as if it had not been. */
#include "sim/cluster.h"

static void session_finished(Sim *s, const SchedAction *a, const Error *outcome); /* cluster-session.h */
static void session_told(Sim *s);
static void session_wants(Sim *s, const SchedAction *a);
static void session_spares(Sim *s, uint64_t tensor);

/* ---- The journal ------------------------------------------------------------------------------------------------ */

static void *copy_of(const void *data, size_t n) {
        void *ret = malloc(n + 1);

        if (n > 0)
                memcpy(ret, data, n);
        return ret;
}

static void row_add(Sim *s, Row row) {
        row.step = s->stepping ? s->n_steps : ++s->n_steps;
        ck_assert_int_eq(vec_push(&s->row, row), 0);
}

static void row_free(Row *row) {
        free((void *) (uintptr_t) row->recipe.graph);
        free((void *) (uintptr_t) row->recipe.leaf);
        free((void *) (uintptr_t) row->cuts.edge);
        free(row->graph);
        free(row->tensors);
}

/* It dies while it writes. */
static void journal_torn(Sim *s) {
        uint32_t n = s->n_synced + (uint32_t) sim_random(s, s->row.n - s->n_synced + 1);

        while (n > s->n_synced && n < s->row.n && s->row.data[n].step == s->row.data[n - 1].step)
                n--;
        s->n_synced = n;
}

/* What is cut off from how it was made two workers have (0041). */
static void anchor_is_twice(const Sim *s, const SchedTensor *t) {
        for (uint32_t c = 0; c < t->n_chunks && t->anchor && t->recipe == 0; c++)
                sim_assert(s, t->holder[c] != WORKER_NONE && t->spare[c] != WORKER_NONE && t->holder[c] != t->spare[c]);
}

static void row_tensor(Sim *s, const SchedTensor *t) {
        Row row = { .kind = ROW_TENSOR, .id = t->id, .tensor = *t };

        row.cuts = t->tiling.axis[0];
        if (row.cuts.edge)
                row.cuts.edge = copy_of(row.cuts.edge, (row.cuts.n + 1) * sizeof(int64_t));
        row.tensor.tiling.axis[0] = row.cuts;
        row_add(s, row);
}

static void row_recipe(Sim *s, const SchedRecipe *recipe, uint64_t request) {
        Row row = { .kind = ROW_RECIPE, .id = recipe->id, .request = request, .recipe = *recipe };

        row.recipe.graph = copy_of(recipe->graph, recipe->graph_bytes);
        row.recipe.leaf  = copy_of(recipe->leaf, recipe->n_leaves * sizeof(uint64_t));
        row_add(s, row);
}

/* ---- The oracle: what every chunk of a plan must hold ----------------------------------------------------------- */

static void expect(Sim *s, const PlanRun *run) {
        const Plan *plan = run->plan;

        if (map_get(&s->planned, run->first_id))
                return;
        ck_assert_int_eq(map_set(&s->planned, run->first_id, 1), 0);
        for (uint32_t t = 0; t < plan->n_task; t++) {
                uint32_t n = plan->input_start[t + 1] - plan->input_start[t];
                uint64_t in[8];

                for (uint32_t k = 0; k < n; k++) {
                        in[k] = map_get(&s->expected, plan_run_chunk(run, plan->input_chunk[plan->input_start[t] + k]));
                        sim_assert(s, in[k] != 0);
                }
                for (uint32_t k = plan->output_start[t]; k < plan->output_start[t + 1]; k++)
                        ck_assert_int_eq(map_set(&s->expected, plan_run_chunk(run, plan->output_chunk[k]),
                                                 fake_result(plan, t, k - plan->output_start[t], n, in)),
                                         0);
        }
}

/* ---- What the machine wants ------------------------------------------------------------------------------------- */

static void say_plan(Sim *s, SimWorker *w, const PlanRun *run) {
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t n                        = 0;
        Writer leaves                   = {};

        expect(s, run);
        ck_assert_int_eq(graph_encode(run->graph, &bytes, &n), 0);
        for (uint32_t k = 0; k < run->graph->node.n; k++) {
                const Node *node     = &run->graph->node.data[k];
                const SchedTensor *t = node->op ? NULL : sched_tensor(s->sched, node->stored);

                if (t)
                        wire_put_tensor(&leaves, &(WireTensor) { .id          = t->id,
                                                                 .chunk_first = t->chunk_first,
                                                                 .spec        = t->spec,
                                                                 .tiling      = t->tiling });
        }
        post(&w->to, &(WireMessage) { WIRE_IS_PLAN,
                                      .plan = { .plan     = run->id,
                                                .first_id = run->first_id,
                                                .n_task   = run->plan->n_task,
                                                .n_chunk  = run->plan->n_chunk,
                                                .check    = plan_digest(run->plan),
                                                .graph    = bytes,
                                                .graph_n  = (uint32_t) n,
                                                .leaves   = leaves.bytes.data,
                                                .leaves_n = leaves.bytes.n } });
        vec_free(&leaves.bytes);
}

static void say_wanted(Sim *s, const SchedAction *a) {
        const SchedTensor *t = sched_tensor(s->sched, a->tensor);

        sim_assert(s, t && t->recipe == 0);
        session_wants(s, a);
}

static void finished(Sim *s, const SchedAction *a) {
        for (uint32_t k = 0; k < a->n && a->outcome == 0; k++) {
                const SchedTensor *t = sched_tensor(s->sched, s->sched_actions.tensor.data[a->first + k]);

                for (uint32_t c = 0; c < t->n_chunks; c++) {
                        sim_assert(s, t->holder[c] != WORKER_NONE); /* that was asked for */
                        sim_assert(s, map_get(&s->expected, t->chunk_first + c) != 0);
                }
        }
        session_finished(s, a, a->outcome > 0 ? &s->sched_actions.error.data[a->outcome - 1] : NULL);
}

/* It is to stop, and nothing is left there that anybody needs; or nobody could take it. */
static void drained(Sim *s, const SchedAction *a) {
        SimWorker *w = &s->worker[a->worker];

        if (a->outcome > 0 || !w->draining)
                return;
        s->n_drained++;
        w->stops = true;
}

/* Of what was cut off from how it was made (0041) no copy goes from a worker that is to stop which is the only one that
 * can be had. What such a worker may be taking just now nobody counts on. */
static void dropped(Sim *s, const SchedAction *a) {
        const SimWorker *w = &s->worker[a->worker];

        for (uint32_t k = 0; k < s->tensor.n && w->draining && w->n_takes == 0; k++) {
                const SchedTensor *t = sched_tensor(s->sched, s->tensor.data[k]);

                for (uint32_t c = 0; t && t->anchor && t->recipe == 0 && c < t->n_chunks; c++)
                        if (t->chunk_first + c - a->chunk < a->n && t->spare[c] == WORKER_NONE)
                                sim_assert(s, t->holder[c] == WORKER_NONE || s->worker[t->holder[c]].linked);
        }
        post(&s->worker[a->worker].to, &(WireMessage) { WIRE_IS_DROP, .drop = { .chunk = a->chunk, .n = a->n } });
}

static void do_action(Sim *s, const SchedAction *a) {
        const SchedActions *lists = &s->sched_actions;
        SimWorker *w              = &s->worker[a->worker];

        switch (a->kind) {
        case SCHED_FINISHED:
                finished(s, a);
                return;
        case SCHED_WANTED:
                say_wanted(s, a);
                return;
        case SCHED_RECIPE:
                if (sched_recipe(s->sched, a->recipe))
                        row_recipe(s, sched_recipe(s->sched, a->recipe), a->request);
                return;
        case SCHED_RECIPE_GONE:
                row_add(s, (Row) { .kind = ROW_RECIPE_GONE, .id = a->recipe });
                return;
        case SCHED_TENSOR:
                if (sched_tensor(s->sched, a->tensor)) {
                        anchor_is_twice(s, sched_tensor(s->sched, a->tensor));
                        row_tensor(s, sched_tensor(s->sched, a->tensor));
                }
                return;
        case SCHED_TENSOR_GONE:
                row_add(s, (Row) { .kind = ROW_TENSOR_GONE, .id = a->tensor });
                session_spares(s, a->tensor);
                return;
        case SCHED_DRAINED:
                drained(s, a);
                return;
        case SCHED_LATE:
                return;
        case SCHED_DIFFERS:
                sim_assert(s, s->wrong && a->worker % 2 != a->from % 2);
                s->n_differed++;
                return;
        default:
                break;
        }
        sim_assert(s, w->linked);
        switch (a->kind) {
        case SCHED_PLAN:
                say_plan(s, w, a->run);
                return;
        case SCHED_RUN:
                post(&w->to,
                     &(WireMessage) {
                             WIRE_IS_RUN,
                             .run = { .plan    = a->plan,
                                      .task    = &lists->task.data[a->first].task,
                                      .task_n  = 2 * a->n,
                                      .fetch   = a->n_fetch == 0 ? NULL : &lists->fetch.data[a->first_fetch].chunk,
                                      .fetch_n = 2 * a->n_fetch } });
                return;
        case SCHED_RECALL:
                post(&w->to, &(WireMessage) { WIRE_IS_RECALL, .recall = { .plan   = a->plan,
                                                                          .task   = &lists->task.data[a->first].task,
                                                                          .task_n = 2 * a->n } });
                return;
        case SCHED_DROP:
                dropped(s, a);
                return;
        case SCHED_FORGET:
                post(&w->to, &(WireMessage) { WIRE_IS_FORGET, .forget = { .plan = a->plan, .drop = a->drop } });
                return;
        case SCHED_DIGEST:
                s->n_digests++;
                post(&w->to, &(WireMessage) { WIRE_IS_DIGEST, .digest = { .chunk = a->chunk } });
                return;
        case SCHED_TAKE:
                w->n_takes++;
                post(&w->to, &(WireMessage) {
                                     WIRE_IS_TAKE,
                                     .take = { .chunk = a->chunk, .from = a->from, .size_bytes = a->size_bytes } });
                return;
        default:
                ck_abort_msg("an action that nobody knows");
        }
}

static void sched_tell(Sim *s, SchedEvent event) {
        s->n_steps++;
        s->stepping = true;
        event.usec  = sched_now(s) * 1000;
        ck_assert_int_eq(sched_step(s->sched, &event, &s->sched_actions), 0);
        for (uint32_t k = 0; k < s->sched_actions.action.n; k++) { /* the list may grow and move */
                const SchedAction a = s->sched_actions.action.data[k];

                do_action(s, &a);
        }
        sched_actions_clear(&s->sched_actions);
        s->stepping = false;
        if (s->n_events++ % CHECK_EVERY == 0)
                sim_assert(s, sched_consistent(s->sched));
}

static void sched_submit(Sim *s, uint64_t request, const uint8_t *bytes, size_t n) {
        Error err = {};
        Graph *graph;

        ck_assert_msg(graph_decode(bytes, n, &graph, &err) == 0, "%s", err.text);
        sched_tell(s, (SchedEvent) { .kind = SCHED_SUBMIT, .request = request, .graph = graph });
}

/* Rows get to the disk, and the client hears of results that are there. */
static void journal_sync(Sim *s) {
        if (s->now < s->journal_until)
                return;
        s->n_synced = s->row.n;
        session_told(s);
}

/* ---- What it is told -------------------------------------------------------------------------------------------- */

/* What daemons ask sched_check() about. */
static bool is_checked(const SchedEvent *e) {
        return e->kind == SCHED_DONE || e->kind == SCHED_FAILED || e->kind == SCHED_RECALLED ||
               e->kind == SCHED_FORGOTTEN;
}

/* Another worker says that it does not reach it. */
static void doubt(Sim *s, SimWorker *w) {
        w->doubted = sched_now(s);
        if (w->known && w->linked && is_silent(s, w))
                sched_tell(s, (SchedEvent) { .kind = SCHED_SILENT, .worker = (uint32_t) (w - s->worker), .on = true });
}

static void sched_hears(Sim *s, SimWorker *w) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        _cleanup_(freep) uint8_t *body      = NULL;
        const WireMessage m                 = take_letter(s, &w->from, arena, &body);
        SchedEvent e                        = { .worker = (uint32_t) (w - s->worker) };
        Error err = {}, why = {};

        trace("from worker", (int) e.worker, &m);
        w->heard = sched_now(s);
        w->noted = s->now - s->stopped;
        switch (m.kind) {
        case WIRE_IS_DONE:
                e.kind   = SCHED_DONE;
                e.plan   = m.done.plan;
                e.task   = m.done.task;
                e.n      = m.done.task_n;
                e.length = m.done.length;
                break;
        case WIRE_IS_FAILED:
                err     = error_of(m.failed.code, m.failed.text);
                e.kind  = SCHED_FAILED;
                e.plan  = m.failed.plan;
                e.task  = &m.failed.task;
                e.n     = 1;
                e.error = &err;
                break;
        case WIRE_IS_RECALLED:
                e.kind = SCHED_RECALLED;
                e.plan = m.recalled.plan;
                e.task = m.recalled.task;
                e.n    = m.recalled.task_n;
                break;
        case WIRE_IS_FORGOTTEN:
                e.kind = SCHED_FORGOTTEN;
                e.plan = m.forgotten.plan;
                break;
        case WIRE_IS_TAKEN:
                err     = error_of(m.taken.code, m.taken.text);
                e.kind  = SCHED_TAKEN;
                e.chunk = m.taken.chunk;
                e.asked = m.taken.asked;
                w->n_takes -= m.taken.asked;
                e.error = err.code < 0 ? &err : NULL;
                break;
        case WIRE_IS_LOST:
                e.kind  = SCHED_LOST;
                e.chunk = m.lost.chunk;
                break;
        case WIRE_IS_DIGESTED:
                err      = error_of(m.digested.code, m.digested.text);
                e.kind   = SCHED_DIGESTED;
                e.chunk  = m.digested.chunk;
                e.digest = m.digested.digest;
                e.error  = err.code < 0 ? &err : NULL;
                break;
        case WIRE_IS_UNREACHED:
                e.kind  = SCHED_UNREACHED;
                e.chunk = m.unreached.chunk;
                e.from  = m.unreached.from;
                doubt(s, &s->worker[e.from]);
                break;
        case WIRE_IS_HOLDS:
                e.kind     = SCHED_HOLDS;
                e.chunk_id = m.holds.chunk;
                e.bytes    = m.holds.size_bytes;
                e.n        = m.holds.chunk_n;
                e.last     = m.holds.last;
                w->awaited &= !m.holds.last;
                break;
        default:
                ck_abort_msg("%s is not for a scheduler", wire_name(m.kind));
        }
        if (is_checked(&e))
                ck_assert_msg(sched_check(s->sched, &e, m.kind == WIRE_IS_DONE ? m.done.length_n : 0, &why) == 0,
                              "seed %llu: %s", (unsigned long long) s->seed, why.text);
        sched_tell(s, e);
        if (!one_in(s, 20))
                return;
        /* No link delivers this; whoever says it twice is not believed, or nothing comes of it. */
        if (e.kind == SCHED_HOLDS ||
            (is_checked(&e) && sched_check(s->sched, &e, m.kind == WIRE_IS_DONE ? m.done.length_n : 0, &why) == 0))
                sched_tell(s, e);
}
