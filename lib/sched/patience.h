/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who is late. A daemon says what its clock shows, and hears which of the others it need not wait for any more. Pure,
 * as the machines are: the daemon looks at the clock and at processes, and does what follows.
 *
 *   link      of a worker: nothing was heard over it for `suspect_usec`: it is given nothing new until something is;
 *             `doubt_usec` is enough when another worker has said since that it does not reach it;
 *             for `dead_usec`: it is closed, as if it had broken
 *   worker    of which nothing was heard for `dead_usec`, with a link or without one, has left, with all that it had;
 *             at once when its process has ended, if its memory has ended with it
 *   session   without a link for `lease_usec` it ends; at once when its client's process has ended
 *   restored  work waits for all workers that there were before, but not longer than `restore_usec`
 *   scheduler (at a worker) away for `keep_usec`: what is kept for it is dropped
 *
 * All of it goes by a time of its own, which is that of the clock as long as somebody looks at it with each tick. Who
 * was stopped, swapped out or on a machine that stood still has not listened meanwhile: what others have said lies
 * unread, and who wants to come back waits at the door. So whatever the clock has done since the last look, it counts
 * as `look_usec` at most: late is who was not heard by somebody who has listened. */
#include "base/macro.h"

typedef struct PatienceLimits {
        uint64_t look_usec; /* several ticks */
        uint64_t dead_usec, suspect_usec, doubt_usec, lease_usec, restore_usec;
        uint64_t keep_usec;
} PatienceLimits;

typedef struct Patience {
        uint64_t clock_usec; /* at the last look */
        uint64_t own_usec;   /* the same, in our own time */
} Patience;

/* With each tick, before anybody is asked about. */
void patience_look(Patience *p, const PatienceLimits *limits, uint64_t clock_usec);
/* Our own time, also between two looks. */
uint64_t patience_now(const Patience *p, const PatienceLimits *limits, uint64_t clock_usec);

/* All times from here on are our own. */
/* doubted: when a worker said last that it does not reach it. */
bool link_is_silent(const Patience *p, const PatienceLimits *limits, uint64_t heard_usec, uint64_t doubted_usec);
bool link_is_dead(const Patience *p, const PatienceLimits *limits, uint64_t heard_usec);

typedef enum WorkerFate {
        FATE_WAIT,   /* it may come back */
        FATE_LEFT,   /* it has left */
        FATE_KILLED, /* and it is known that its process has ended */
} WorkerFate;
/* heard: of it or of the end of its link; ended: its process; outlived: its memory is there for the next one. */
WorkerFate worker_fate(const Patience *p, const PatienceLimits *limits, uint64_t heard_usec, bool ended, bool outlived);

bool session_is_over(const Patience *p, const PatienceLimits *limits, uint64_t away_usec, bool ended);
bool restore_is_over(const Patience *p, const PatienceLimits *limits, uint64_t began_usec, uint32_t n_awaited);
bool keep_is_over(const Patience *p, const PatienceLimits *limits, uint64_t lost_usec);
