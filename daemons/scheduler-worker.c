/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: their numbers, what they have, and what they say. */
#include <string.h>
#include <syslog.h>

#include "base/size.h"
#include "daemons/scheduler.h"

/* A task must fit into every worker. */
static void limits_change(Scheduler *s) {
        uint64_t task = 0, cache = 0, memory = 0;

        for (uint32_t w = 0; w < s->n_workers; w++) {
                const Member *m = s->worker[w];

                if (!m)
                        continue;
                task   = task == 0 ? m->task_bytes : MIN(task, m->task_bytes);
                cache  = cache == 0 ? m->cache_bytes : MIN(cache, m->cache_bytes);
                memory = memory == 0 ? m->memory_bytes : MIN(memory, m->memory_bytes);
        }
        sched_limit(s->sched, task);
        sched_refuse_above(s->sched, cache, memory);
}

void cluster_size(const Scheduler *s, uint64_t *ret_cache, uint32_t *ret_threads) {
        *ret_cache   = 0;
        *ret_threads = 0;
        for (uint32_t w = 0; w < s->n_workers; w++)
                if (s->worker[w]) {
                        *ret_cache += s->worker[w]->cache_bytes;
                        *ret_threads += s->worker[w]->n_threads;
                }
}

/* ---- Joining and leaving ----------------------------------------------------------------------------------------- */

static uint32_t number_free(const Scheduler *s) {
        uint32_t number = 0;

        while (number < s->n_workers && s->worker[number])
                number++;
        return number;
}

int worker_check(Scheduler *s, const Wire_hello *m, Error *err) {
        if (strcmp(m->build, MARS_BUILD) != 0)
                return error_set(err, ERROR_SUPPORT, "the worker is of build %s, this scheduler of build %s: "
                                                     "install the same version on both", m->build, MARS_BUILD);
        if (number_free(s) == MAX_WORKERS)
                return error_set(err, ERROR_VALUE, "there are %d workers already", MAX_WORKERS);
        if (m->n_threads == 0 || m->cache_bytes == 0 || m->memory_bytes == 0 || !m->address[0])
                return error_set(err, ERROR_VALUE, "a worker without threads, memory or an address");
        return 0;
}

static void member_free(Member *m) {
        free(m->address);
        free(m->pages);
        free(m);
}

int worker_join(Conn *c, const Wire_hello *m, Error *err) {
        Scheduler *s        = c->scheduler;
        Member *member      = calloc(1, sizeof(*member));
        WireMessage welcome = { .kind = WIRE_IS_WELCOME };
        char cache[SIZE_TEXT_MAX];

        if (member)
                *member = (Member) { .conn         = c,
                                     .number       = number_free(s),
                                     .n_threads    = m->n_threads,
                                     .address      = strdup(m->address),
                                     .incarnation  = ++s->next_incarnation,
                                     .cache_bytes  = m->cache_bytes,
                                     .memory_bytes = m->memory_bytes,
                                     .task_bytes   = m->task_bytes };
        if (!member || !member->address) {
                free(member);
                return error_oom(err, sizeof(*member));
        }
        welcome.welcome = (Wire_welcome) { .number = member->number, .epoch = s->epoch, .version = MARS_BUILD };
        cluster_size(s, &welcome.welcome.cache_bytes, &welcome.welcome.n_threads);
        if (link_say(c->link, &welcome) < 0) {
                member_free(member);
                return error_oom(err, sizeof(welcome));
        }
        s->worker[member->number] = member;
        s->n_workers              = MAX(s->n_workers, member->number + 1);
        c->member                 = member;
        c->kind                   = CONN_WORKER;
        limits_change(s);
        scheduler_log(s, LOG_INFO, "worker %u, %s (%s), has joined: %u threads, %s of cache", member->number, c->name,
                      c->peer, member->n_threads, size_print(member->cache_bytes, cache));
        scheduler_step(s, &(SchedEvent) { .kind      = SCHED_JOINED,
                                         .worker    = member->number,
                                         .n_threads = member->n_threads,
                                         .holds     = true });
        return 0;
}

/* First those who know it hear that it is gone, so that nobody waits for it. */
void worker_leave(Conn *c) {
        Scheduler *s           = c->scheduler;
        Member *m              = c->member;
        const uint32_t number  = m->number;
        const WireMessage gone = { WIRE_IS_PEER, .peer = { .worker = number, .address = NULL } };

        for (Conn *to = s->conns; to; to = to->next)
                if (to->link && map_remove(&to->knows, number) != 0 && link_say(to->link, &gone) < 0)
                        scheduler_log(s, LOG_WARNING, "out of memory: %s does not hear that worker %u has left",
                                      to->peer, number);
        c->member         = NULL;
        s->worker[number] = NULL;
        member_free(m);
        limits_change(s);
        scheduler_step(s, &(SchedEvent) { .kind = SCHED_LEFT, .worker = number });
}

/* ---- What they say ----------------------------------------------------------------------------------------------- */

/* The event, if it can be true. */
static int believe(Conn *c, const SchedEvent *event, uint32_t n_lengths, Error *err) {
        int r = sched_check(c->scheduler->sched, event, n_lengths, err);

        if (r == 0)
                scheduler_step(c->scheduler, event);
        return r;
}

int worker_hear(Conn *c, const WireMessage *m, Error *err) {
        Member *member   = c->member;
        SchedEvent event = { .worker = member->number };
        Error why        = {};

        switch (m->kind) {
        case WIRE_IS_DONE:
                event.kind   = SCHED_DONE;
                event.plan   = m->done.plan;
                event.n      = m->done.task_n;
                event.task   = m->done.task;
                event.length = m->done.length;
                return believe(c, &event, m->done.length_n, err);
        case WIRE_IS_FAILED:
                error_set(&why, m->failed.code < 0 ? m->failed.code : -EIO, "%s", m->failed.text);
                event.kind  = SCHED_FAILED;
                event.plan  = m->failed.plan;
                event.n     = 1;
                event.task  = &m->failed.task;
                event.error = &why;
                return believe(c, &event, 0, err);
        case WIRE_IS_RECALLED:
                event.kind = SCHED_RECALLED;
                event.plan = m->recalled.plan;
                event.n    = m->recalled.task_n;
                event.task = m->recalled.task;
                return believe(c, &event, 0, err);
        case WIRE_IS_FORGOTTEN:
                event.kind = SCHED_FORGOTTEN;
                event.plan = m->forgotten.plan;
                return believe(c, &event, 0, err);
        case WIRE_IS_HOLDS:
                if (m->holds.chunk_n != m->holds.size_bytes_n)
                        return error_set(err, ERROR_CORRUPT, "%u chunks of %u sizes", m->holds.chunk_n,
                                         m->holds.size_bytes_n);
                event.kind     = SCHED_HOLDS;
                event.n        = m->holds.chunk_n;
                event.chunk_id = m->holds.chunk;
                event.bytes    = m->holds.size_bytes;
                event.last     = m->holds.last;
                scheduler_step(c->scheduler, &event);
                return 0;
        case WIRE_IS_TAKEN:
                error_set(&why, m->taken.code < 0 ? m->taken.code : -EIO, "%s", m->taken.text);
                event.kind  = SCHED_TAKEN;
                event.chunk = m->taken.chunk;
                event.error = m->taken.code < 0 ? &why : NULL;
                scheduler_step(c->scheduler, &event);
                return 0;
        case WIRE_IS_LEAVING:
                event.kind = SCHED_DRAIN;
                event.on   = m->leaving.on;
                scheduler_step(c->scheduler, &event);
                return 0;
        case WIRE_IS_STATUS:
                free(member->pages);
                member->status       = m->status;
                member->pages        = strdup(m->status.pages);
                member->status.pages = NULL;
                return 0;
        case WIRE_IS_ALIVE:
                return 0;
        default:
                return error_set(err, ERROR_CORRUPT, "%s is not for workers to say", wire_name(m->kind));
        }
}
