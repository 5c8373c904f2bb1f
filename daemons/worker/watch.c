/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager's watchdog is tied to. That all is well is said from within the loop (service.c): one that
 * stands still says nothing, and neither does one that waits for a lock, since each heartbeat asks the engine. Here the
 * threads that compute are looked at, too. While they are in a task they compute and do nothing else, no reading, no
 * waiting for others (engine/inside.h): one that uses no processor will not end, and who waits for its task waits for
 * ever. Then nothing is said until it moves again, and the service manager ends the process and starts the next one,
 * which finds the chunks. */
#include <stdlib.h>
#include <syslog.h>

#include "daemons/worker/worker.h"

enum { LEAST_LOOKS = 2 }; /* at which a thread has not moved, before anybody says so */

int worker_watch_begin(Worker *w, Error *err) {
        EngineStats stats;

        if (w->config.watchdog_usec == 0)
                return 0;
        engine_stats(w->engine, &stats);
        w->n_progress = stats.n_threads;
        w->progress   = calloc(w->n_progress, sizeof(*w->progress));
        return w->progress ? 0 : error_oom(err, w->n_progress * sizeof(*w->progress));
}

void worker_watch(Worker *w) {
        /* Half of the time is for us to be sure, the other one for the service manager to miss us. */
        const uint64_t most_looks = MAX(w->config.watchdog_usec / 2 / w->config.heartbeat_usec, (uint64_t) LEAST_LOOKS);
        bool stuck                = false;

        for (uint32_t k = 0; k < w->n_progress; k++) {
                EngineDoing doing    = {};
                const bool works     = engine_doing(w->engine, k, &doing);
                const uint32_t still = progress_look(&w->progress[k], works ? doing.since_usec : 0, doing.cpu_usec);

                if (still == most_looks)
                        worker_say(w, LOG_CRIT,
                                   "thread %u has used no processor for %u heartbeats in task %u of plan %llu (%s): "
                                   "the service manager is not told any more that all is well",
                                   k, still, doing.task, (unsigned long long) doing.plan, doing.label);
                stuck |= still >= most_looks;
        }
        if (stuck == w->stuck)
                return;
        w->stuck = stuck;
        if (!stuck)
                worker_say(w, LOG_NOTICE, "all threads move again");
        if (sd_event_set_watchdog(w->event, !stuck) < 0)
                worker_say(w, LOG_WARNING, "the watchdog cannot be told");
}
