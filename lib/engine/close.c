/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the machines in this process. Requests are canceled, and their tasks look up soon, but not from within
 * LAPACK or BLAS, which may take minutes: nobody waits long for the threads that are there (slots that are replaced).
 * The engine lingers, with a reference to itself, and whichever of them returns last ends it.
 *
 * The process may end before. OpenBLAS would free, in its destructor, what those threads compute with; so the process
 * ends when this file is called for its exit, without destructors. What it has on disk is left to the next session that
 * starts there. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/inside.h"

enum { PATIENCE_USEC = 1000000 }; /* far more than tasks need that look up, on a machine that others use, too */

static atomic_uint n_lingering; /* of the process, since it is the process that ends */
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void exit_at_once(int status, _unused_ void *userdata) {
        if (atomic_load(&n_lingering) == 0)
                return;
        fflush(NULL);
        _exit(status);
}

static void exit_watch(void) {
        (void) on_exit(exit_at_once, NULL); /* without memory for it, the process ends as it would without this file */
}

/* Ends all requests, with the error. */
static void cancel_all(Engine *e, const Error *err) {
        for (uint32_t k = 0; k < e->requests.capacity && e->broken.code == 0;) {
                EngineRequest *q = (EngineRequest *) (uintptr_t) e->requests.entry[k].value;

                if (!q || q->closing) {
                        k++;
                        continue;
                }
                q->closing = true; /* it stays in the table until its tasks have ended */
                engine_pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_CANCEL, .request = q->id, .error = err }));
        }
}

/* Helpers that nobody waits for. Others' threads are in a call of theirs, for which closing waits. */
static uint32_t n_left_behind(const Engine *e) {
        uint32_t n = 0;

        for (uint32_t k = 0; k < e->n_slots; k++)
                n += e->slot[k].replaced && e->slot[k].helped;
        return n;
}

/* All but n_away and this one. What those are at keeps its request. */
static bool all_returned(const Engine *e, uint32_t n_away) {
        return (e->requests.n == 0 || n_away > 0) && e->n_free_slots + e->n_spare_slots + n_away >= e->n_slots &&
               e->n_alive <= (helper_of == e) + n_away;
}

static void machines_close(Engine *e) {
        if (e->broken.code == 0 && e->sched)
                engine_pump(e, tell_sched(e, &(SchedEvent) { .kind = SCHED_CLOSE }));
        while (e->broken.code == 0 && work_n_flying(e->work) > 0) /* a chunk goes when it has landed */
                pthread_cond_wait(&e->changed, &e->lock);
        disk_close(e);
        if (e->broken.code == 0 && e->sched) {
                WorkStats stats;

                work_stats(e->work, &stats);
                assert(stats.n_tasks == 0 && stats.n_plans == 0);
                assert(stats.n_pins > 0 || (stats.n_chunks == 0 && stats.used_bytes == 0));
        }
}

void local_close(Engine *e) {
        const uint64_t deadline  = now_usec() + PATIENCE_USEC;
        const struct timespec at = { .tv_sec  = (time_t) (deadline / 1000000),
                                     .tv_nsec = (long) (deadline % 1000000 * 1000) };
        Error err                = {};

        error_set(&err, ERROR_CLOSED, "the session was closed");
        cancel_all(e, &err);
        pthread_cond_broadcast(&e->wake);
        pins_end(e, &err);
        for (bool patient = true; !all_returned(e, patient ? 0 : n_left_behind(e));)
                if (e->n_handed > 0 && engine_help(e, true))
                        continue;
                else if (patient)
                        patient = pthread_cond_timedwait(&e->changed, &e->lock, &at) != ETIMEDOUT;
                else
                        pthread_cond_wait(&e->changed, &e->lock);
        if (n_left_behind(e) == 0) {
                machines_close(e);
                return;
        }
        e->lingers = true;
        engine_ref(e);
        atomic_fetch_add(&n_lingering, 1);
        pthread_once(&exit_once, exit_watch);
}

bool engine_end_lingering(Engine *e) {
        if (!e->lingers || !all_returned(e, 0))
                return false;
        e->lingers = false;
        machines_close(e);
        engine_unlock(e);
        atomic_fetch_sub(&n_lingering, 1);
        engine_unref(e);
        return true;
}
