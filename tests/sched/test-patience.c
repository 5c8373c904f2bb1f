/* SPDX-License-Identifier: Apache-2.0 */
/* Who is late, by clocks that go on, stand still and jump. The cluster of tests/sim lives by it. */
#include "sched/patience.h"

#include "harness.h"

enum {
        TICK    = 100,
        DEAD    = 10000,
        SUSPECT = 3000,
        DOUBT   = 1000,
        LEASE   = 30000,
        RESTORE = 4000,
        KEEP    = 60000,
        BOOT    = 123456789
};

static const PatienceLimits limits = { .look_usec    = 5 * TICK,
                                       .dead_usec    = DEAD,
                                       .suspect_usec = SUSPECT,
                                       .doubt_usec   = DOUBT,
                                       .lease_usec   = LEASE,
                                       .restore_usec = RESTORE,
                                       .keep_usec    = KEEP };

/* Ticks for so long; returns what the clock shows. */
static uint64_t listen(Patience *p, uint64_t clock, uint64_t usec) {
        for (const uint64_t end = clock + usec; clock < end;) {
                clock += TICK;
                patience_look(p, &limits, clock);
        }
        return clock;
}

static Patience patience(void) {
        Patience p = {};

        patience_look(&p, &limits, BOOT);
        return p;
}

TEST(whom_another_worker_does_not_reach_is_silent_sooner_until_it_is_heard) {
        Patience p           = patience();
        const uint64_t begun = patience_now(&p, &limits, BOOT);
        uint64_t clock       = listen(&p, BOOT, DOUBT + TICK), doubted;

        doubted = patience_now(&p, &limits, clock);
        ck_assert(!link_is_silent(&p, &limits, begun, 0));
        ck_assert(link_is_silent(&p, &limits, begun, doubted));
        clock = listen(&p, clock, DOUBT + TICK); /* heard just now, and not since: that is not said of it any more */
        ck_assert(!link_is_silent(&p, &limits, doubted, doubted));
        listen(&p, clock, SUSPECT);
        ck_assert(link_is_silent(&p, &limits, doubted, doubted));
}

TEST(silence_ends_with_its_deadline_and_not_before) {
        Patience p           = patience();
        const uint64_t begun = patience_now(&p, &limits, BOOT);
        uint64_t clock       = listen(&p, BOOT, SUSPECT);

        ck_assert(!link_is_silent(&p, &limits, begun, 0));
        clock = listen(&p, clock, TICK);
        ck_assert(link_is_silent(&p, &limits, begun, 0));
        ck_assert(!restore_is_over(&p, &limits, begun, 1));
        clock = listen(&p, clock, RESTORE - SUSPECT);
        ck_assert(restore_is_over(&p, &limits, begun, 1));
        clock = listen(&p, clock, DEAD - RESTORE - TICK);
        ck_assert(!link_is_dead(&p, &limits, begun));
        ck_assert_int_eq(worker_fate(&p, &limits, begun, false, true), FATE_WAIT);
        clock = listen(&p, clock, TICK);
        ck_assert(link_is_dead(&p, &limits, begun)); /* and with its link it has left: nothing comes on top */
        ck_assert_int_eq(worker_fate(&p, &limits, begun, false, true), FATE_LEFT);
        ck_assert(!session_is_over(&p, &limits, begun, false));
        clock = listen(&p, clock, LEASE - DEAD);
        ck_assert(session_is_over(&p, &limits, begun, false));
        ck_assert(!keep_is_over(&p, &limits, begun));
        listen(&p, clock, KEEP - LEASE);
        ck_assert(keep_is_over(&p, &limits, begun));
}

TEST(who_was_stopped_holds_it_against_nobody) {
        Patience p           = patience();
        const uint64_t heard = patience_now(&p, &limits, BOOT);
        uint64_t clock       = BOOT + 10 * KEEP; /* and nobody has looked */

        patience_look(&p, &limits, clock);
        ck_assert(!link_is_dead(&p, &limits, heard));
        ck_assert(!session_is_over(&p, &limits, heard, false));
        ck_assert(!keep_is_over(&p, &limits, heard));
        ck_assert_int_eq(worker_fate(&p, &limits, heard, false, true), FATE_WAIT);
        listen(&p, clock, DEAD); /* but now we listen */
        ck_assert(link_is_dead(&p, &limits, heard));
}

TEST(between_two_looks_time_goes_on) {
        Patience p = patience();

        listen(&p, BOOT, DEAD);
        ck_assert_uint_eq(patience_now(&p, &limits, BOOT + DEAD + TICK / 2), p.own_usec + TICK / 2);
        ck_assert_uint_eq(patience_now(&p, &limits, BOOT + 2 * DEAD), p.own_usec + limits.look_usec);
        ck_assert(!link_is_dead(&p, &limits, patience_now(&p, &limits, BOOT + 2 * DEAD))); /* later than the look */
}

TEST(clock_that_is_set_back_makes_nobody_late) {
        Patience p           = patience();
        const uint64_t heard = patience_now(&p, &limits, BOOT);

        patience_look(&p, &limits, BOOT - KEEP);
        ck_assert(!link_is_dead(&p, &limits, heard));
        listen(&p, BOOT - KEEP, DEAD + TICK);
        ck_assert(link_is_dead(&p, &limits, heard));
}

TEST(process_that_has_ended_is_not_waited_for_unless_its_memory_is_there) {
        Patience p         = patience();
        const uint64_t now = patience_now(&p, &limits, BOOT);

        ck_assert_int_eq(worker_fate(&p, &limits, now, true, false), FATE_KILLED);
        ck_assert_int_eq(worker_fate(&p, &limits, now, true, true), FATE_WAIT);
        listen(&p, BOOT, DEAD + TICK);
        ck_assert_int_eq(worker_fate(&p, &limits, now, true, true), FATE_KILLED);
        ck_assert(session_is_over(&p, &limits, patience_now(&p, &limits, BOOT), true));
        ck_assert(restore_is_over(&p, &limits, p.own_usec, 0));
}
