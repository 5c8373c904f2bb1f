/* SPDX-License-Identifier: Apache-2.0 */
/* Who is late (patience.h). Clocks of machines are not compared with each other: each daemon measures with its own how
 * long it has listened in vain. One that is set back, as none should be, is one on which no time has passed. */
#include "sched/patience.h"

static uint64_t since_look(const Patience *p, const PatienceLimits *limits, uint64_t clock_usec) {
        return clock_usec > p->clock_usec ? MIN(clock_usec - p->clock_usec, limits->look_usec) : 0;
}

uint64_t patience_now(const Patience *p, const PatienceLimits *limits, uint64_t clock_usec) {
        return p->own_usec + since_look(p, limits, clock_usec);
}

void patience_look(Patience *p, const PatienceLimits *limits, uint64_t clock_usec) {
        p->own_usec   = patience_now(p, limits, clock_usec);
        p->clock_usec = clock_usec;
}

/* Times between two looks may be later than the last one. */
static bool longer(const Patience *p, uint64_t since_usec, uint64_t limit_usec) {
        return p->own_usec > since_usec && p->own_usec - since_usec > limit_usec;
}

bool link_is_silent(const Patience *p, const PatienceLimits *limits, uint64_t heard_usec, uint64_t doubted_usec) {
        return longer(p, heard_usec, heard_usec < doubted_usec ? limits->doubt_usec : limits->suspect_usec);
}

bool link_is_dead(const Patience *p, const PatienceLimits *limits, uint64_t heard_usec) {
        return longer(p, heard_usec, limits->dead_usec);
}

WorkerFate worker_fate(const Patience *p, const PatienceLimits *limits, uint64_t heard_usec, bool ended,
                       bool outlived) {
        if ((ended && !outlived) || longer(p, heard_usec, limits->dead_usec))
                return ended ? FATE_KILLED : FATE_LEFT;
        return FATE_WAIT;
}

bool session_is_over(const Patience *p, const PatienceLimits *limits, uint64_t away_usec, bool ended) {
        return ended || longer(p, away_usec, limits->lease_usec);
}

bool restore_is_over(const Patience *p, const PatienceLimits *limits, uint64_t began_usec, uint32_t n_awaited) {
        return n_awaited == 0 || longer(p, began_usec, limits->restore_usec);
}

bool keep_is_over(const Patience *p, const PatienceLimits *limits, uint64_t lost_usec) {
        return longer(p, lost_usec, limits->keep_usec);
}
