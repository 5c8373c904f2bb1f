/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What can go wrong: links break, the client's too, workers die, with or without their memory, or are thought to have
 * left; the scheduler dies with what it had not written; workers are asked to stop. */
#include "sim/cluster-client.h"

/* Its link is gone, and it knows. */
static void link_lost(Sim *s, SimWorker *w) {
        channel_done(&w->to);
        w->stale = false;
        work_tell(s, w, (WorkEvent) { .kind = WORK_LEAVE });
        w->left = true;
}

/* The scheduler closes its side. What it has said may be on its way still, and the worker goes on with that until it
 * comes to the end; what the worker says nobody hears. */
static void hang_up(Sim *s, SimWorker *w) {
        channel_done(&w->from);
        if (!w->alive || one_in(s, 2))
                channel_done(&w->to);
        w->linked = w->beats = false;
        w->stale             = w->alive;
        w->away              = sched_now(s);
        w->reached           = listened(s);
        w->noted             = s->now - s->stopped;
        if (w->known)
                sched_tell(s, (SchedEvent) { .kind = SCHED_AWAY, .worker = number_of(s, w) });
}

/* Both sides learn of it, sooner or later. */
static void link_break(Sim *s, SimWorker *w) {
        hang_up(s, w);
        if (w->stale && one_in(s, 2))
                link_lost(s, w);
}

static void worker_left(Sim *s, SimWorker *w, bool killed) {
        w->known = w->draining = w->stops = false;
        s->n_left += !killed;
        sched_tell(s, (SchedEvent) { .kind = SCHED_LEFT, .worker = number_of(s, w), .killed = killed });
}

static void say_holds(Sim *s, SimWorker *w) {
        Vec(uint64_t) chunk = {}, bytes = {};
        uint64_t id;
        size_t size;
        uint32_t at = 0;
        bool more   = true;

        while (more) {
                more = work_list(w->work, &at, &id, &size);
                if (more) {
                        sim_assert(s, size == map_get(&w->bytes, id) - 1);
                        ck_assert_int_eq(vec_push(&chunk, id), 0);
                        ck_assert_int_eq(vec_push(&bytes, size), 0);
                }
                if (more && !one_in(s, 20))
                        continue;
                post(&w->from, &(WireMessage) { WIRE_IS_HOLDS,
                                                .holds = { .chunk        = chunk.data,
                                                           .chunk_n      = chunk.n,
                                                           .size_bytes   = bytes.data,
                                                           .size_bytes_n = bytes.n,
                                                           .last         = !more } });
                chunk.n = bytes.n = 0;
        }
        vec_free(&chunk);
        vec_free(&bytes);
}

static bool may_join(const SimWorker *w) {
        return w->alive && !w->linked && !w->stale && !w->paused && !w->cut;
}

static void worker_joins(Sim *s, SimWorker *w) {
        if (!w->left)
                work_tell(s, w, (WorkEvent) { .kind = WORK_LEAVE });
        w->left = w->stops = false;
        w->n_takes         = 0;
        w->linked = w->known = true;
        w->heard             = sched_now(s);
        w->reached           = listened(s);
        w->noted             = s->now - s->stopped;
        sched_tell(s, (SchedEvent) { .kind      = SCHED_JOINED,
                                     .worker    = number_of(s, w),
                                     .n_threads = w->n_threads,
                                     .holds     = true });
        say_holds(s, w);
        sched_tell(s, (SchedEvent) { .kind = SCHED_DRAIN, .worker = number_of(s, w), .on = w->draining });
}

/* A process in the place of one that has died. It has other memory: that of before will not come back. */
static void worker_again(Sim *s, SimWorker *w) {
        if (w->linked)
                hang_up(s, w);
        if (w->known)
                worker_left(s, w, false);
        worker_begin(s, w);
}

/* Its process dies, which is seen at once. */
static void worker_killed(Sim *s, SimWorker *w) {
        const bool was_known = w->known;

        worker_end(s, w, false);
        s->n_killed++;
        if (was_known)
                worker_left(s, w, true);
}

/* Its link closes; or its machine goes, and nobody is told. */
static void worker_vanishes(Sim *s, SimWorker *w) {
        const bool was_linked = w->linked, silent = one_in(s, 2);
        const uint64_t heard = w->heard, reached = w->reached, noted = w->noted;

        worker_end(s, w, false);
        s->n_killed++;
        w->linked  = was_linked;
        w->heard   = heard;
        w->reached = reached;
        w->noted   = noted;
        if (was_linked && !silent)
                hang_up(s, w);
}

static void found(Sim *s, SimWorker *w, WorkEventKind kind, uint64_t chunk) {
        work_tell(s, w, (WorkEvent) { .kind = kind, .chunk = chunk, .size_bytes = map_get(&w->bytes, chunk) - 1 });
}

/* One that died of want of memory; nothing is drawn for it, so that all else is as it would be. */
static void careful_perhaps(Sim *s, SimWorker *w) {
        if (s->now % CAREFUL_SHARE != 0)
                return;
        w->careful_until = s->now + CAREFUL_TIME;
        work_tell(s, w, (WorkEvent) { .kind = WORK_CAREFUL, .n = MAX(1u, w->n_threads / 2) });
}

static void careful_look(Sim *s, SimWorker *w) {
        if (w->careful_until == 0 || s->now < w->careful_until)
                return;
        w->careful_until = 0;
        work_tell(s, w, (WorkEvent) { .kind = WORK_CAREFUL });
}

/* Its process dies, and the next one finds what is on its disk, and then its memory. */
static void worker_restarted(Sim *s, SimWorker *w) {
        if (w->linked)
                hang_up(s, w);
        worker_end(s, w, true);
        worker_begin(s, w);
        for (uint32_t k = 0; k < w->disk.capacity; k++)
                if (w->disk.entry[k].value)
                        found(s, w, WORK_OFFER, w->disk.entry[k].key);
        for (uint32_t k = 0; k < w->store.capacity; k++)
                if (w->store.entry[k].value && !map_get(&w->cold, w->store.entry[k].key))
                        found(s, w, WORK_RESTORE, w->store.entry[k].key);
        careful_perhaps(s, w);
}

/* Nothing is left there, and nothing to do but what has been forgotten meanwhile: then nobody loses anything. */
static void worker_stops(Sim *s, SimWorker *w) {
        uint32_t n_in_vain = 0;
        WorkStats work;

        for (uint32_t k = 0; k < w->n_numbers; k++)
                n_in_vain += w->busy[k].busy && w->busy[k].run->canceled;
        work_stats(w->work, &work);
        sim_assert(s, work.n_tasks == n_in_vain);
        for (uint32_t k = 0; k < s->tensor.n; k++) {
                const SchedTensor *t = sched_tensor(s->sched, s->tensor.data[k]);

                for (uint32_t c = 0; t && c < t->n_chunks; c++) /* none: its session has ended */
                        sim_assert(s,
                                   t->holder[c] != number_of(s, w) && (!t->anchor || t->spare[c] != number_of(s, w)));
        }
        worker_end(s, w, false);
        worker_left(s, w, false);
}

/* ---- The scheduler ---------------------------------------------------------------------------------------------- */

static bool is_gone(const Sim *s, RowKind kind, uint64_t id) {
        for (uint32_t k = 0; k < s->row.n; k++)
                if (s->row.data[k].kind == kind && s->row.data[k].id == id)
                        return true;
        return false;
}

/* A row in place of an earlier one. */
static bool is_replaced(const Sim *s, uint32_t row) {
        for (uint32_t k = row + 1; k < s->row.n; k++)
                if (s->row.data[k].kind == s->row.data[row].kind && s->row.data[k].id == s->row.data[row].id)
                        return true;
        return false;
}

static void resume(Sim *s, uint64_t request) {
        const Row *asked = NULL;
        uint64_t recipe  = 0;

        for (uint32_t k = 0; k < s->row.n; k++) {
                const Row *row = &s->row.data[k];

                if (row->kind == ROW_REQUEST && row->id == request)
                        asked = row;
                if (row->kind == ROW_RECIPE && row->request == request)
                        recipe = is_gone(s, ROW_RECIPE_GONE, row->id) ? 0 : row->id;
        }
        if (recipe != 0)
                sched_tell(s, (SchedEvent) { .kind = SCHED_RESUME, .request = request, .recipe = recipe });
        else
                sched_submit(s, request, asked->graph, asked->graph_bytes);
}

static void sched_begin(Sim *s) {
        ck_assert_int_eq(sched_new(&s->sched, false, fake_plan), 0);
        sched_number(s->sched, ++s->epoch << 40);
        if (s->forgets)
                sched_limit_lineage(s->sched, 1 + s->seed % 3);
}

static void sched_restarted(Sim *s) {
        Vec(uint64_t) open = {};
        Error err          = {};

        s->n_restarts++;
        sched_free(s->sched);
        client_breaks(s);
        for (uint32_t k = 0; k < s->put.n; k++)
                s->put.data[k].wanted = false;
        if (s->mix.torn)
                journal_torn(s);
        while (s->row.n > s->n_synced)
                row_free(&s->row.data[--s->row.n]);
        s->client_lost = s->client_lost && s->ended_at <= s->n_synced;
        s->clock          = clock_new(s);
        s->patience       = (Patience) { .clock_usec = clock_read(&s->clock, s->now) };
        s->client_away    = 0;
        s->client_reached = listened(s);
        s->client_noted   = s->now - s->stopped;
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++) {
                s->worker[k].awaited = s->worker[k].known;
                s->worker[k].known   = false;
                if (s->worker[k].linked)
                        link_break(s, &s->worker[k]);
        }
        session_restore(s);
        sched_begin(s);
        s->begun = false;
        for (uint32_t k = 0; k < s->row.n; k++) {
                const Row *row = &s->row.data[k];

                if (row->kind == ROW_RECIPE && !is_gone(s, ROW_RECIPE_GONE, row->id))
                        ck_assert_msg(sched_restore_recipe(s->sched, &row->recipe, &err) == 0, "%s", err.text);
        }
        for (uint32_t k = 0; k < s->row.n; k++) {
                SchedTensor t = s->row.data[k].tensor;

                if (s->row.data[k].kind != ROW_TENSOR || is_gone(s, ROW_TENSOR_GONE, t.id) || is_replaced(s, k))
                        continue;
                t.anchor = t.anchor && t.recipe == 0;
                t.n_refs = (uint32_t) map_get(&s->book.refs, t.id);
                ck_assert_msg(sched_restore_tensor(s->sched, &t, &err) == 0, "%s", err.text);
        }
        /* Answers come one after the other, and may end what is looked at. */
        for (uint32_t k = 0; k < s->row.n; k++) {
                const Asked *a = s->row.data[k].kind == ROW_REQUEST ? book_find(&s->book, s->row.data[k].id) : NULL;

                if (a && !a->finished)
                        ck_assert_int_eq(vec_push(&open, a->id), 0);
        }
        for (uint32_t k = 0; k < open.n; k++)
                resume(s, open.data[k]);
        vec_free(&open);
}

/* Whoever has something that cannot be made again is waited for. */
static bool all_are_back(const Sim *s) {
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++)
                if (s->worker[k].alive && !s->worker[k].linked)
                        return false;
        return true;
}

static void begin(Sim *s) {
        s->begun = true;
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++)
                s->worker[k].awaited = false;
        sched_tell(s, (SchedEvent) { .kind = SCHED_BEGIN });
}
