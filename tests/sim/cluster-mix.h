/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which faults a seed has. A run with all of them, as often as each other, is nearly always the same run: it never gets
 * far, and what it takes two rare ones for does not come. So each seed draws some kinds of faults, how often each of
 * them happens, how fast time passes between events, how soon who has lost his link comes back, and whether there are
 * storms between calms (swarm testing). */
#include "sim/cluster-faults.h"

enum {
        LONGEST_STOP = 25 * HEARTBEAT, /* longer than any deadline */
        MOST_FAULTS  = 300,            /* some storms leave nobody the time to do anything */
};

static void fault_vanish(Sim *s, SimWorker *w) {
        if (w->alive)
                worker_vanishes(s, w);
}

static void fault_restart(Sim *s, SimWorker *w) {
        if (w->alive)
                worker_restarted(s, w);
}

static void fault_link(Sim *s, SimWorker *w) {
        if (w->linked && w->alive)
                link_break(s, w);
}

/* Its number is needed, or somebody counts it out by hand. */
static void fault_count_out(Sim *s, SimWorker *w) {
        if (w->known && !w->linked)
                worker_left(s, w, false);
}

static void fault_sched(Sim *s, _unused_ SimWorker *w) {
        if (one_in(s, 3))
                sched_restarted(s);
}

static void fault_drain(Sim *s, SimWorker *w) {
        if (!w->linked)
                return;
        w->draining = !one_in(s, 3);
        w->stops    = false;
        s->n_emptied += w->draining;
        sched_tell(s, (SchedEvent) { .kind = SCHED_DRAIN, .worker = number_of(s, w), .on = w->draining });
}

static void fault_client(Sim *s, _unused_ SimWorker *w) {
        if (s->client_linked)
                client_breaks(s);
}

/* Its link is dead, and nobody has noticed. */
static void fault_client_moves(Sim *s, _unused_ SimWorker *w) {
        if (s->client_linked && one_in(s, 3))
                client_joins(s);
}

static void fault_pause(_unused_ Sim *s, SimWorker *w) {
        w->paused = w->alive;
}

static void fault_cut(_unused_ Sim *s, SimWorker *w) {
        w->cut = w->linked && w->alive;
}

static void fault_sched_stops(Sim *s, _unused_ SimWorker *w) {
        s->sched_until = s->now + sim_random(s, LONGEST_STOP);
        s->n_jumps++;
}

static void fault_clock(Sim *s, SimWorker *w) {
        if (one_in(s, 2))
                w->clock.base += sim_random(s, LONGEST_STOP);
        else {
                s->clock.base += sim_random(s, LONGEST_STOP);
                s->n_jumps++;
        }
}

static void fault_disk(_unused_ Sim *s, SimWorker *w) {
        disk_dies(w);
}

/* It lives, and gets nothing done. */
static void fault_slow(Sim *s, SimWorker *w) {
        w->slow_until = s->now + sim_random(s, LONGEST_STOP);
}

/* Two workers do not reach each other, or some do not reach the others, and the scheduler reaches all; perhaps until
 * the client has what it waits for. */
static void fault_apart(Sim *s, SimWorker *w) {
        const uint32_t other = (uint32_t) sim_random(s, MAX_SIM_WORKERS);
        const uint64_t stop = s->now + sim_random(s, LONGEST_STOP), until = s->mix.stays_apart ? UINT64_MAX : stop;
        const bool all = one_in(s, 3);

        for (uint32_t a = 0; a < MAX_SIM_WORKERS; a++)
                for (uint32_t b = 0; b < MAX_SIM_WORKERS; b++)
                        if (all ? (a < other) != (b < other)
                                : (a == number_of(s, w) && b == other) || (b == number_of(s, w) && a == other))
                                s->apart_until[a][b] = until;
}

/* The journal's disk takes nothing for a while, or fails, of which the scheduler dies. */
static void fault_journal(Sim *s, _unused_ SimWorker *w) {
        if (one_in(s, 4))
                sched_restarted(s);
        else
                s->journal_until = s->now + sim_random(s, LONGEST_STOP);
}

/* Many links break at once and are there again at once, but one worker is not. */
static void fault_switch(Sim *s, SimWorker *w) {
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++) {
                SimWorker *other = &s->worker[k];

                if (!other->alive || !other->linked || other->paused || other->cut || one_in(s, 2))
                        continue;
                hang_up(s, other);
                link_lost(s, other);
                if (other != w)
                        worker_joins(s, other);
        }
        if (w->alive && !w->linked && w->known)
                worker_killed(s, w);
}

static const struct {
        void (*happens)(Sim *s, SimWorker *w);
        const char *name;
        bool of_time; /* also while the scheduler stands still */
        bool seldom;
} fault_kinds[] = {
        /* clang-format off */
        { fault_vanish, "vanish", false, false },
        { fault_restart, "restart", false, false },
        { fault_link, "link", false, false },
        { fault_count_out, "count_out", false, false },
        { fault_sched, "sched", false, false },
        { fault_drain, "drain", false, false },
        { fault_client, "client", false, false },
        { fault_client_moves, "client_moves", false, false },
        { fault_disk, "disk", false, false },
        { fault_pause, "pause", true, false },
        { fault_cut, "cut", true, false },
        { fault_sched_stops, "sched_stops", true, false },
        { fault_clock, "clock", true, false },
        { fault_slow, "slow", true, true },
        { fault_apart, "apart", true, true },
        { fault_journal, "journal", false, true },
        { fault_switch, "switch", false, true },
        /* clang-format on */
};

_Static_assert(ELEMENTSOF(fault_kinds) == MAX_FAULT_KINDS, "each has its weight");

/* A third of the seeds has some of these, drawn apart from all else: the others say what they said without them. */
static void mix_draw_seldom(Sim *s) {
        const char *always = getenv("SIM_FAULT");
        uint64_t random    = s->seed * 0x7654321;
        Mix *m             = &s->mix;

        for (uint32_t k = 0; k < MAX_FAULT_KINDS && s->faults; k++) {
                const bool named = always && strcmp(fault_kinds[k].name, always) == 0;

                if (!fault_kinds[k].seldom || (fake_random(&random) % 16 != 0 && !named))
                        continue;
                m->weight[k] = 1u << fake_random(&random) % 4;
                m->total += m->weight[k];
                m->torn |= fault_kinds[k].happens == fault_journal;
                m->stays_apart |= fault_kinds[k].happens == fault_apart && fake_random(&random) % 2 == 0;
        }
}

/* Half of the seeds have no faults of time, which end most of what others begin. */
static void mix_draw(Sim *s) {
        static const uint32_t steps[] = { 2, 10, 40 }, every[] = { 5, 20, 40, 120 };
        static const uint64_t retries[] = { TICK, 3 * HEARTBEAT, 30 * HEARTBEAT };
        Mix *m                          = &s->mix;
        const bool of_time              = one_in(s, 2);

        *m = (Mix) {
                .step          = steps[sim_random(s, ELEMENTSOF(steps))],
                .every         = every[sim_random(s, ELEMENTSOF(every))],
                .retry         = retries[sim_random(s, ELEMENTSOF(retries))],
                .again         = retries[sim_random(s, ELEMENTSOF(retries))],
                .stops_at_once = one_in(s, 2),
        };
        m->reads = one_in(s, 3);
        m->disks = one_in(s, 3);
        if (m->disks && s->faults) {
                m->damages = one_in(s, 2) ? 1 + (uint32_t) sim_random(s, 100) : 0;
                m->fills   = one_in(s, 3) ? 1 + (uint32_t) sim_random(s, 20) : 0;
        }
        if (one_in(s, 2)) {
                m->calm  = 1 + (uint32_t) sim_random(s, 500);
                m->storm = 1 + (uint32_t) sim_random(s, 300);
        }
        while (m->total == 0)
                for (uint32_t k = 0; k < MAX_FAULT_KINDS; k++) {
                        if (fault_kinds[k].seldom || (fault_kinds[k].of_time && !of_time) || !one_in(s, 2))
                                continue;
                        m->weight[k] = 1u << sim_random(s, 4);
                        m->total += m->weight[k];
                }
        mix_draw_seldom(s);
}

static bool is_calm(const Sim *s) {
        const Mix *m = &s->mix;

        return m->storm > 0 && s->n_moves % (m->calm + m->storm) < m->calm;
}

/* With each event: perhaps something goes wrong. */
static void fault_perhaps(Sim *s) {
        uint32_t k = 0;
        uint64_t at;
        SimWorker *w;

        s->n_moves++;
        if (!s->faults || s->n_faults >= MOST_FAULTS || is_calm(s) || !one_in(s, s->mix.every))
                return;
        for (at = sim_random(s, s->mix.total); at >= s->mix.weight[k]; k++)
                at -= s->mix.weight[k];
        w = &s->worker[sim_random(s, MAX_SIM_WORKERS)];
        if (s->now < s->sched_until && !fault_kinds[k].of_time)
                return;
        s->n_faults++;
        fault_kinds[k].happens(s, w);
}
