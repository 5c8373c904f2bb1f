/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker has when its process or its scheduler is another one: memory files that the service manager kept, and
 * the chunks in them. A worker is the same one as long as its memory is: its identity is a random number that goes with
 * the files, in their heads and in the name under which they are kept.
 *
 * Without a scheduler chunks stay, for some time: it comes back and is told of them (HOLDS), and what it does not know
 * or does not need it has dropped. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <syslog.h>

#include "daemons/worker/worker.h"

enum { HOLDS_AT_ONCE = 1 << 16 };

/* ---- Memory from before ----------------------------------------------------------------------------------------- */

static int engine_config(Worker *w, const ServiceKept *kept, EngineConfig *ret) {
        *ret                  = w->config.engine;
        ret->reports          = &worker_reports;
        ret->reports_userdata = w;
        if (getrandom(&w->start, sizeof(w->start), 0) != sizeof(w->start))
                return -errno;
        if (!ret->shared)
                return 0;
        if (kept && sscanf(kept->name, SERVICE_MEMORY "%" SCNx64, &w->identity) == 1) {
                ret->kept   = kept->fd;
                ret->n_kept = kept->n;
        } else if (getrandom(&w->identity, sizeof(w->identity), 0) != sizeof(w->identity))
                return -errno;
        snprintf(w->memory_name, sizeof(w->memory_name), SERVICE_MEMORY "%016" PRIx64, w->identity);
        ret->owner         = w->identity;
        ret->keep          = worker_keep;
        ret->keep_userdata = w;
        return 0;
}

/* A file that nobody keeps is good for as long as we live. */
int worker_keep(void *userdata, int fd) {
        Worker *w   = userdata;
        const int r = service_keep(w->memory_name, fd);

        if (r < 0)
                worker_say(w, LOG_WARNING, "what is in memory will not outlive this process: %s", strerrordesc_np(-r));
        return 0;
}

static void say_restored(Worker *w) {
        uint32_t at   = 0, n = 0;
        uint64_t bytes = 0, chunk;
        size_t size_bytes;

        for (; engine_chunk_list(w->engine, &at, &chunk, &size_bytes); n++)
                bytes += size_bytes;
        worker_say(w, LOG_INFO, "%u chunks of %" PRIu64 " bytes are here from before", n, bytes);
}

int worker_engine_begin(Worker *w, const ServiceKept *kept, Error *err) {
        EngineConfig config;
        EngineStats stats;
        int r = engine_config(w, kept && kept->n > 0 ? kept : NULL, &config);

        if (r < 0)
                return error_prefix(err, r, "a number for the worker's memory");
        r = engine_new(&w->engine, &config, err);
        if (r < 0 && config.n_kept > 0) {
                worker_say(w, LOG_WARNING, "memory from before is not used: %s", err->text);
                service_keep_no_more(kept->name);
                return worker_engine_begin(w, NULL, err);
        }
        if (r < 0)
                return r;
        if (config.n_kept > 0)
                say_restored(w);
        engine_stats(w->engine, &stats);
        worker_lend_limit(w, stats.cache_bytes);
        return 0;
}

/* ---- A scheduler that is new or back ---------------------------------------------------------------------------- */

int worker_say_holds(Worker *w) {
        _cleanup_(freep) uint64_t *chunk = malloc(HOLDS_AT_ONCE * sizeof(*chunk));
        _cleanup_(freep) uint64_t *bytes = malloc(HOLDS_AT_ONCE * sizeof(*bytes));
        uint32_t at = 0, n = 0;
        bool more   = true;
        int r       = chunk && bytes ? 0 : -ENOMEM;

        while (more && r == 0) {
                size_t size_bytes;

                for (n = 0; n < HOLDS_AT_ONCE; n++) {
                        more = engine_chunk_list(w->engine, &at, &chunk[n], &size_bytes);
                        if (!more)
                                break;
                        bytes[n] = size_bytes;
                }
                r = link_say(w->scheduler, &(WireMessage) { WIRE_IS_HOLDS,
                                                            .holds = { .chunk        = chunk,
                                                                       .chunk_n      = n,
                                                                       .size_bytes   = bytes,
                                                                       .size_bytes_n = n,
                                                                       .last         = !more } });
        }
        return r;
}

/* ---- A scheduler that is gone ----------------------------------------------------------------------------------- */

static void lease_over(Worker *w) {
        uint32_t at = 0;
        uint64_t chunk;
        size_t size_bytes;
        Error err = {};
        int r     = 0;

        if (!engine_chunk_list(w->engine, &at, &chunk, &size_bytes))
                return;
        worker_say(w, LOG_NOTICE, "the scheduler has not come back: what was kept for it is dropped");
        do {
                r  = engine_work(w->engine, &(WorkEvent) { .kind = WORK_DROP, .chunk = chunk, .n = 1 }, &err);
        } while (r == 0 && engine_chunk_list(w->engine, &at, &chunk, &size_bytes));
        if (r < 0)
                worker_say(w, LOG_ERR, "%s", err.text);
}

static PatienceLimits limits(const Worker *w) {
        return (PatienceLimits) { .look_usec = 2 * w->config.heartbeat_usec, .keep_usec = w->config.keep_usec };
}

void worker_lease(Worker *w, bool on) {
        const PatienceLimits l = limits(w);

        if (on && !w->kept)
                w->lost_usec = patience_now(&w->patience, &l, worker_clock());
        w->kept = on;
}

void worker_lease_look(Worker *w) {
        const PatienceLimits l = limits(w);

        patience_look(&w->patience, &l, worker_clock());
        if (!w->kept || !keep_is_over(&w->patience, &l, w->lost_usec))
                return;
        w->kept = false;
        lease_over(w);
}

/* ---- Stopping --------------------------------------------------------------------------------------------------- */

/* So that nobody takes our end for a failure. */
static void say_bye(Worker *w) {
        if (w->welcome && link_say(w->scheduler, &(WireMessage) { .kind = WIRE_IS_BYE }) == 0)
                link_flush(w->scheduler);
}

static int on_deadline(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Worker *w = userdata;

        worker_say(w, LOG_WARNING, "not all chunks have been taken by others in time: it stops with them");
        say_bye(w);
        return sd_event_exit(w->event, 0);
}

static bool stops_later(Worker *w) {
        if (!w->welcome || w->config.drain_usec == 0 || w->deadline)
                return false;
        if (w->memory_name[0] && service_is_restart()) {
                worker_say(w, LOG_INFO, "stopping to be started again: what is in memory stays there");
                engine_leave_chunks(w->engine);
                return false;
        }
        if (sd_event_add_time_relative(w->event, &w->deadline, CLOCK_MONOTONIC, w->config.drain_usec, 0, on_deadline,
                                       w) < 0 ||
            link_say(w->scheduler, &(WireMessage) { WIRE_IS_LEAVING, .leaving = { .on = 1 } }) < 0)
                return false;
        worker_say(w, LOG_INFO, "stopping when others have its chunks");
        service_status("Stops when others have its chunks");
        return true;
}

bool worker_stop(void *userdata) {
        Worker *w        = userdata;
        const bool later = stops_later(w);

        if (!later)
                say_bye(w);
        return later;
}

void worker_may_end(Worker *w, const Wire_leave *m) {
        if (m->code < 0)
                worker_say(w, LOG_WARNING, "stopping with chunks that nobody else could take: %s", m->text);
        say_bye(w);
        sd_event_exit(w->event, 0);
}
