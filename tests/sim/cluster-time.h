/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Time. It passes between events, each process has a clock of its own, which is faster or slower than others and may
 * jump, and processes stand still. Who is late is decided as daemons decide it (sched/patience.h), tick by tick:
 * workers give signs of life, the scheduler closes links over which nothing comes, counts workers out that do not come
 * back, and ends the session of a client that does not; a worker drops what it keeps for a scheduler that does not
 * come.
 *
 * Both sides of a deadline are held: nobody is waited for beyond it, and nobody is thought late whom a scheduler that
 * listened would have heard. */
#include "sim/cluster-mix.h"

static bool sched_stopped(const Sim *s) {
        return s->now < s->sched_until;
}

/* By the true time: clocks are wrong by a tenth, and looked at every TICK; of a jump one look is seen. */
static bool before(const Sim *s, uint64_t since, uint64_t limit) {
        return listened(s) - since < limit / 10 * 8 - HEARTBEAT;
}

static bool beyond(const Sim *s, uint64_t since, uint64_t limit) {
        return s->now - s->stopped - since > limit / 10 * 12 + HEARTBEAT;
}

static void worker_heard(Sim *s, SimWorker *w) {
        w->beats   = false;
        w->heard   = sched_now(s);
        w->reached = listened(s);
        w->noted   = s->now - s->stopped;
}

/* ---- The scheduler's ticks --------------------------------------------------------------------------------------- */

static void worker_tick_seen(Sim *s, SimWorker *w) {
        WorkerFate fate;

        if (w->linked && link_is_dead(&s->patience, &sim_limits, w->heard)) {
                const uint64_t reached = w->reached, noted = w->noted;

                sim_assert(s, !before(s, w->reached, sim_limits.dead_usec));
                s->n_silent++;
                hang_up(s, w);
                w->away    = w->heard; /* nothing is heard of it by that */
                w->reached = reached;
                w->noted   = noted;
        }
        if (w->known && w->linked)
                sched_tell(s, (SchedEvent) { .kind = SCHED_SILENT, .worker = number_of(s, w), .on = is_silent(s, w) });
        sim_assert(s, !w->linked || !beyond(s, w->noted, sim_limits.dead_usec));
        if (!w->known || w->linked)
                return;
        fate = worker_fate(&s->patience, &sim_limits, w->away, !w->alive && w->local, false);
        if (fate == FATE_WAIT) {
                sim_assert(s, !beyond(s, w->noted, sim_limits.dead_usec));
                return;
        }
        sim_assert(s, fate == FATE_KILLED || !before(s, w->reached, sim_limits.dead_usec));
        worker_left(s, w, fate == FATE_KILLED);
}

static void sched_tick(Sim *s) {
        uint32_t n_awaited = 0;

        patience_look(&s->patience, &sim_limits, clock_read(&s->clock, s->now));
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++) {
                worker_tick_seen(s, &s->worker[k]);
                n_awaited += s->worker[k].awaited;
        }
        if (sched_ticks(s->sched))
                sched_tell(s, (SchedEvent) { .kind = SCHED_TICK });
        if (!s->client_linked && !s->client_lost && session_is_over(&s->patience, &sim_limits, s->client_away, false)) {
                sim_assert(s, !before(s, s->client_reached, sim_limits.lease_usec));
                session_ends(s);
        }
        sim_assert(s, s->client_linked || s->client_lost || !beyond(s, s->client_noted, sim_limits.lease_usec));
        /* Whoever has something that cannot be made again is waited for. */
        if (!s->begun && restore_is_over(&s->patience, &sim_limits, 0, n_awaited) && (!s->forgets || all_are_back(s)))
                begin(s);
        /* And then what has come while it stood still. */
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++)
                if (s->worker[k].beats)
                        worker_heard(s, &s->worker[k]);
        if (s->client_knocks)
                client_joins(s);
}

/* ---- A worker's -------------------------------------------------------------------------------------------------- */

static void worker_tick(Sim *s, SimWorker *w) {
        uint64_t chunk;
        size_t size;

        careful_look(s, w);
        patience_look(&w->patience, &sim_limits, clock_read(&w->clock, s->now));
        if (w->linked && !w->cut) {
                w->beats = sched_stopped(s); /* then it lies unread, whoever judges first */
                if (!w->beats)
                        worker_heard(s, w);
        }
        if (w->linked || w->stale)
                w->lost = w->patience.own_usec;
        if (!keep_is_over(&w->patience, &sim_limits, w->lost))
                return;
        w->lost = w->patience.own_usec;
        for (uint32_t at = 0; work_list(w->work, &at, &chunk, &size);)
                work_tell(s, w, (WorkEvent) { .kind = WORK_DROP, .chunk = chunk, .n = 1 });
        s->n_dropped++;
}

/* What everybody does by himself, and administrators do in the end. */
static void all_try_again(Sim *s) {
        if (!s->worker[0].alive)
                worker_again(s, &s->worker[0]);
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++)
                if (may_join(&s->worker[k]))
                        worker_joins(s, &s->worker[k]);
        if (!s->client_linked)
                client_joins(s);
}

/* When something that began now is over: it is drawn once, and over when that has come. */
static bool is_over(Sim *s, uint64_t *at, uint64_t within) {
        if (*at == 0)
                *at = s->now + 1 + sim_random(s, within);
        if (s->now < *at)
                return false;
        *at = 0;
        return true;
}

/* It was told so after all else that was said to it. */
static bool may_stop(const SimWorker *w) {
        return w->stops && w->linked && w->alive && !w->paused && !w->cut && channel_empty(&w->to);
}

/* Who has lost his link tries again; stopped, cut off or dead is nobody for ever. */
static void time_mends(Sim *s) {
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++) {
                SimWorker *w = &s->worker[k];

                if ((w->paused || w->cut || (!w->alive && !sched_stopped(s))) &&
                    is_over(s, &w->again_at, s->mix.again)) {
                        w->paused = w->cut = false;
                        if (!w->alive)
                                worker_again(s, w);
                } else if (may_join(w) && !sched_stopped(s) && is_over(s, &w->retry_at, s->mix.retry))
                        worker_joins(s, w);
                if (s->mix.stops_at_once && may_stop(w) && !sched_stopped(s))
                        worker_stops(s, w);
        }
        if (!s->client_linked && !s->client_knocks && is_over(s, &s->client_retry_at, s->mix.retry))
                client_joins(s);
}

static void time_passes(Sim *s, uint64_t usec) {
        s->now += usec;
        s->stopped += sched_stopped(s) ? usec : 0;
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++) {
                SimWorker *w = &s->worker[k];

                if (!w->alive || w->paused || s->now < w->tick_at)
                        continue;
                w->tick_at = s->now + HEARTBEAT;
                worker_tick(s, w);
        }
        if (s->faults)
                time_mends(s);
        if (sched_stopped(s) || s->now < s->sched_tick_at)
                return;
        s->sched_tick_at = s->now + TICK;
        sched_tick(s);
        if (s->mending)
                all_try_again(s);
}
