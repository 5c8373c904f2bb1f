/* SPDX-License-Identifier: Apache-2.0 */
/* After a process that the kernel killed for want of memory. What it was at is given to it again, and would be again
 * what there is no room for; so for some time half of the threads compute, and half of the memory is used: the rest of
 * what is here from before goes to disk first. The scheduler is told nothing: it gives a worker more than its threads
 * are at anyway, and who has nothing to do takes it over from one that is slow. What others have, too, it has dropped
 * as soon as it is told of it (HOLDS). */
#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

#include "daemons/worker/worker.h"

enum { PART = 2, SECOND = 1000 * 1000 };

static int careful_set(Worker *w, uint32_t n_threads, Error *err) {
        w->n_allowed = n_threads;
        return engine_careful(w->engine, n_threads, err);
}

int worker_careful_begin(Worker *w, Error *err) {
        EngineStats stats;
        char text[WORKER_CAREFUL_TEXT];
        int r;

        if (!w->config.killed || w->config.careful_usec == 0)
                return 0;
        engine_stats(w->engine, &stats);
        w->careful_until_usec = worker_clock() + w->config.careful_usec;
        r                     = careful_set(w, MAX(1u, stats.n_threads / PART), err);
        if (r == 0)
                worker_say(w, LOG_WARNING, "%s", worker_careful_text(w, text));
        return r;
}

void worker_careful_look(Worker *w) {
        EngineStats stats;
        Error err = {};

        if (w->n_allowed == 0 || worker_clock() < w->careful_until_usec)
                return;
        if (careful_set(w, 0, &err) < 0) {
                worker_say(w, LOG_ERR, "%s", err.text);
                return;
        }
        engine_stats(w->engine, &stats);
        worker_say(w, LOG_NOTICE, "all %u threads again", stats.n_threads);
        if (w->ready)
                w->ready(w->userdata, w->welcome);
}

const char *worker_careful_text(Worker *w, char ret[static WORKER_CAREFUL_TEXT]) {
        EngineStats stats;

        if (w->n_allowed == 0)
                return NULL;
        engine_stats(w->engine, &stats);
        snprintf(ret, WORKER_CAREFUL_TEXT, "was killed for want of memory: %u of %u threads for %" PRIu64 " s",
                 w->n_allowed, stats.n_threads, w->config.careful_usec / SECOND);
        return ret;
}
