/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: their numbers, what they have, and what they say. */
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <syslog.h>
#include <unistd.h>

#include "base/size.h"
#include "daemons/events.h"
#include "daemons/scheduler/scheduler.h"

/* A task must fit into every worker; of its inputs what the caches of the others have may be lent to it. */
static void limits_change(Scheduler *s) {
        uint64_t task = 0, cache = 0, memory = 0, caches = 0;

        for (uint32_t w = 0; w < s->n_workers; w++) {
                const Member *m = s->worker[w];

                if (!m)
                        continue;
                task   = task == 0 ? m->task_bytes : MIN(task, m->task_bytes);
                cache  = cache == 0 ? m->cache_bytes : MIN(cache, m->cache_bytes);
                memory = memory == 0 ? m->memory_bytes : MIN(memory, m->memory_bytes);
                caches += m->cache_bytes;
        }
        sched_limit(s->sched, task, cache);
        sched_refuse_above(s->sched, cache, memory, caches - cache);
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

/* Whether it is the member, or has its memory. */
static bool is_again(const Member *member, const Wire_hello *m) {
        return (m->identity != 0 && member->identity == m->identity) || (m->start != 0 && member->start == m->start);
}

/* Whether it has come in the place of the member, which is gone for good: nobody is called as one that is there and
 * found where it is found. */
static bool is_successor(const Member *member, const Wire_hello *m) {
        return strcmp(member->name, m->name) == 0 && (!member->conn || strcmp(member->address, m->address) == 0);
}

static Member *member_find(const Scheduler *s, const Wire_hello *m, bool (*is)(const Member *, const Wire_hello *)) {
        for (uint32_t w = 0; w < s->n_workers; w++)
                if (s->worker[w] && is(s->worker[w], m))
                        return s->worker[w];
        return NULL;
}

int worker_check(Scheduler *s, const Wire_hello *m, Error *err) {
        if (strcmp(m->build, MARS_BUILD) != 0)
                return error_set(err, ERROR_SUPPORT, "the worker is of build %s, this scheduler of build %s: "
                                                     "install the same version on both", m->build, MARS_BUILD);
        if (number_free(s) == MAX_WORKERS && !member_find(s, m, is_again) && !member_find(s, m, is_successor))
                return error_set(err, ERROR_VALUE, "there are %d workers already", MAX_WORKERS);
        if (m->n_threads == 0 || m->cache_bytes == 0 || m->memory_bytes == 0 || !m->address[0])
                return error_set(err, ERROR_VALUE, "a worker without threads, memory or an address");
        return 0;
}

static void member_free(Member *m) {
        if (m->process >= 0)
                close(m->process);
        free(m->name);
        free(m->address);
        free(m->socket);
        free(m->pages);
        free(m);
}

static bool has_ended(const Member *m) {
        struct pollfd fd = { .fd = m->process, .events = POLLIN };

        return m->process >= 0 && poll(&fd, 1, 0) == 1;
}

/* First those who know it hear that it is gone, so that nobody waits for it. */
static void member_leave(Scheduler *s, Member *m, bool killed) {
        const uint32_t number  = m->number;
        const WireMessage gone = { WIRE_IS_PEER, .peer = { .worker = number, .address = NULL } };

        for (Conn *to = s->conns; to; to = to->next)
                if (to->link && map_remove(&to->knows, number) != 0 && link_say(to->link, &gone) < 0)
                        scheduler_log(s, LOG_WARNING, "out of memory: %s does not hear that worker %u has left",
                                      to->peer, number);
        scheduler_log_worker(s, number, EVENT_WORKER_LEFT, m->bye ? LOG_INFO : LOG_WARNING,
                             "worker %u, %s, has left: what it had is made again when it is wanted", number, m->name);
        s->worker[number] = NULL;
        member_free(m);
        limits_change(s);
        forget_row(s, JOURNAL_WORKER, 0, number);
        scheduler_step(s, &(SchedEvent) { .kind = SCHED_LEFT, .worker = number, .killed = killed });
}

/* Its link is dead, and nobody has noticed here. */
static void member_hang_up(const Member *m) {
        if (m->conn)
                conn_close(m->conn);
}

/* Itself, with its number: it was away, or is still thought to be there. Who comes in the place of others ends them. */
static Member *member_again(Scheduler *s, const Wire_hello *m) {
        Member *same = member_find(s, m, is_again), *gone;

        if (same) {
                member_hang_up(same);
                return same;
        }
        while ((gone = member_find(s, m, is_successor))) {
                member_hang_up(gone);
                member_leave(s, gone, !gone->bye && (has_ended(gone) || gone->start != m->start));
        }
        return NULL;
}

static Member *member_new(Scheduler *s, const Wire_hello *m) {
        Member *member = calloc(1, sizeof(*member));

        if (!member)
                return NULL;
        member->number   = number_free(s);
        member->identity = m->identity;
        member->process  = -1;
        member->name     = strdup(m->name);
        if (!member->name) {
                member_free(member);
                return NULL;
        }
        s->worker[member->number] = member;
        s->n_workers              = MAX(s->n_workers, member->number + 1);
        return member;
}

int worker_join(Conn *c, const Wire_hello *m, Error *err) {
        Scheduler *s        = c->scheduler;
        Member *member      = member_again(s, m);
        char *address = strdup(m->address), *socket = strdup(m->socket);
        WireMessage welcome = { .kind = WIRE_IS_WELCOME };
        const bool again    = member != NULL;
        const bool killed   = again && !member->bye && member->start != m->start;
        char cache[SIZE_TEXT_MAX];

        if (!member && address && socket)
                member = member_new(s, m);
        if (!member || !address || !socket) {
                free(address);
                free(socket);
                return error_oom(err, sizeof(*member));
        }
        free(member->address);
        free(member->socket);
        if (member->process >= 0)
                close(member->process);
        member->address         = address;
        member->socket          = socket;
        member->socket_identity = m->socket_identity;
        member->process         = c->local && c->pid > 0 ? pidfd_open(c->pid, 0) : -1;
        member->conn            = c;
        member->bye = member->silent = member->broke = false;
        member->start                                = m->start;
        member->n_threads       = m->n_threads;
        member->incarnation     = ++s->next_incarnation;
        member->cache_bytes     = m->cache_bytes;
        member->memory_bytes    = m->memory_bytes;
        member->task_bytes      = m->task_bytes;
        c->member               = member;
        c->kind                 = CONN_WORKER;
        welcome.welcome = (Wire_welcome) {
                .number = member->number, .epoch = s->epoch, .version = MARS_BUILD, .token = s->config.token
        };
        cluster_size(s, &welcome.welcome.cache_bytes, &welcome.welcome.n_threads);
        if (link_say(c->link, &welcome) < 0 ||
            (s->config.withdrawn &&
             link_say(c->link, &(WireMessage) { WIRE_IS_WITHDRAW, .withdraw = { .users = s->config.withdrawn } }) < 0))
                return error_oom(err, sizeof(welcome));
        limits_change(s);
        keep_worker(s, member);
        scheduler_log_worker(s, member->number, EVENT_WORKER_JOINED, LOG_INFO,
                             "worker %u, %s (%s), %s: %u thread%s, %s of cache", member->number, c->name, c->peer,
                             again ? "is back" : "has joined", member->n_threads, member->n_threads == 1 ? "" : "s",
                             size_print(member->cache_bytes, cache));
        scheduler_step(s, &(SchedEvent) { .kind      = SCHED_JOINED,
                                          .worker    = member->number,
                                          .n_threads = member->n_threads,
                                          .holds     = true,
                                          .killed    = killed });
        return 0;
}

/* It may come back, with all that it had. */
void worker_gone(Conn *c) {
        Member *m = c->member;

        c->member    = NULL;
        m->conn      = NULL;
        m->away_usec = m->broke ? scheduler_now(c->scheduler) : c->heard_usec;
        scheduler_step(c->scheduler, &(SchedEvent) { .kind = SCHED_AWAY, .worker = m->number });
}

static void silence_look(Scheduler *s, Member *m) {
        const bool silent = link_is_silent(&s->patience, &s->limits, m->conn->heard_usec, m->doubted_usec);

        if (silent == m->silent)
                return;
        m->silent = silent;
        scheduler_log_worker(s, m->number, NULL, silent ? LOG_WARNING : LOG_INFO, "worker %u, %s, %s", m->number,
                             m->name, silent ? "is silent: it is given nothing new" : "is heard again");
        scheduler_step(s, &(SchedEvent) { .kind = SCHED_SILENT, .worker = m->number, .on = silent });
}

void workers_tick(Scheduler *s) {
        for (uint32_t w = 0; w < s->n_workers; w++) {
                Member *m = s->worker[w];
                WorkerFate fate;

                if (m && m->conn)
                        silence_look(s, m);
                if (!m || m->conn)
                        continue;
                fate = worker_fate(&s->patience, &s->limits, m->away_usec, has_ended(m), m->identity != 0);
                if (fate != FATE_WAIT)
                        member_leave(s, m, !m->bye && (fate == FATE_KILLED || m->broke));
        }
}

void workers_free(Scheduler *s) {
        for (uint32_t w = 0; w < s->n_workers; w++)
                if (s->worker[w])
                        member_free(s->worker[w]);
}

/* ---- Emptying ---------------------------------------------------------------------------------------------------- */

int worker_drain_ask(Scheduler *s, const Wire_drain *m, Error *err) {
        static const char *const words[] = { [DRAIN_OFF]    = "is given work again",
                                             [DRAIN_STAY]   = "is to be empty",
                                             [DRAIN_RETIRE] = "is to be empty, and to end" };
        Member *member                   = m->worker < s->n_workers ? s->worker[m->worker] : NULL;

        if (!member)
                return error_set(err, -ENOENT, "there is no worker %u", m->worker);
        if (m->how > DRAIN_RETIRE)
                return error_set(err, ERROR_VALUE, "nothing is done to workers in way %u", m->how);
        member->drain   = m->how;
        member->drained = false;
        scheduler_log_worker(s, member->number, NULL, LOG_NOTICE, "worker %u, %s, %s: the administrator wants it",
                             member->number, member->name, words[m->how]);
        scheduler_step(s, &(SchedEvent) { .kind = SCHED_DRAIN, .worker = member->number, .on = m->how != DRAIN_OFF });
        return 0;
}

/* One that is to stay does; others end when they hear of it. */
int worker_drained(Scheduler *s, uint32_t worker, const Error *why) {
        Member *m = worker < s->n_workers ? s->worker[worker] : NULL;

        if (!m || !m->conn)
                return 0;
        m->drained = !why;
        if (why)
                scheduler_log_worker(s, worker, NULL, LOG_WARNING, "worker %u, %s, is not empty: %s", worker, m->name,
                                     why->text);
        else
                scheduler_log_worker(s, worker, EVENT_WORKER_EMPTY, LOG_NOTICE, "worker %u, %s, is empty", worker,
                                     m->name);
        if (m->drain == DRAIN_STAY || (m->drain == DRAIN_RETIRE && why))
                return 0;
        return link_say(m->conn->link, &(WireMessage) { WIRE_IS_LEAVE, .leave = { .code = why ? why->code : 0,
                                                                                  .text = why ? why->text : NULL } });
}

/* It is here, and gets nothing done, or something again. */
void worker_late(Scheduler *s, const SchedAction *a) {
        const Member *m = a->worker < s->n_workers ? s->worker[a->worker] : NULL;

        if (m && a->usec > 0)
                scheduler_log_worker(s, a->worker, NULL, LOG_WARNING,
                                     "worker %u, %s, is late: it has done nothing of plan %llu for %.1f s while others "
                                     "have nothing to do; they try what it has, too, and it is given nothing new",
                                     a->worker, m->name, (unsigned long long) a->plan, (double) a->usec / 1e6);
        else if (m)
                scheduler_log_worker(s, a->worker, NULL, LOG_INFO, "worker %u, %s, is given work again", a->worker,
                                     m->name);
}

/* ---- What they say ----------------------------------------------------------------------------------------------- */

/* Who is not heard here either has more than one worker against him: he is given nothing until he is heard. */
static void unreached(Scheduler *s, const Member *m, const Wire_unreached *said) {
        Member *from = said->from < s->n_workers ? s->worker[said->from] : NULL;

        if (from && from->conn) {
                from->doubted_usec = scheduler_now(s);
                silence_look(s, from);
                if (!sched_apart(s->sched, m->number, from->number))
                        scheduler_log_worker(
                                s, m->number, NULL, LOG_WARNING,
                                "worker %u, %s, does not reach worker %u, %s: %s; what it needs from there "
                                "comes another way for a while",
                                m->number, m->name, from->number, from->name, said->text);
        }
        scheduler_step(s, &(SchedEvent) { .kind   = SCHED_UNREACHED,
                                          .worker = m->number,
                                          .chunk  = said->chunk,
                                          .from   = said->from });
}

/* What makes chunks is to give the same bits everywhere, so this is to be read by whoever writes operators. */
void worker_differs(Scheduler *s, uint32_t kept, uint32_t other, const Error *words) {
        const Member *a = s->worker[kept], *b = s->worker[other];

        scheduler_log_worker(s, other, EVENT_DIFFERS, LOG_CRIT,
                             "MARS_NONDETERMINISM: %s; worker %u is %s, with operators for %s, and keeps what it has; "
                             "worker %u is %s, with operators for %s",
                             words->text, kept, a ? a->name : "gone", a && a->level[0] ? a->level : "?", other,
                             b ? b->name : "gone", b && b->level[0] ? b->level : "?");
}

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
                if (m->holds.last)
                        restore_seen(c->scheduler, member->name);
                return 0;
        case WIRE_IS_TAKEN:
                error_set(&why, m->taken.code < 0 ? m->taken.code : -EIO, "%s", m->taken.text);
                event.kind  = SCHED_TAKEN;
                event.chunk = m->taken.chunk;
                event.asked = m->taken.asked;
                event.error = m->taken.code < 0 ? &why : NULL;
                scheduler_step(c->scheduler, &event);
                return 0;
        case WIRE_IS_LOST:
                event.kind  = SCHED_LOST;
                event.chunk = m->lost.chunk;
                scheduler_log_worker(c->scheduler, member->number, NULL, LOG_WARNING,
                                     "worker %u, %s, has lost chunk %llu: it is made again when it is wanted",
                                     member->number, member->name, (unsigned long long) m->lost.chunk);
                scheduler_step(c->scheduler, &event);
                return 0;
        case WIRE_IS_DIGESTED:
                snprintf(member->level, sizeof(member->level), "%s", m->digested.level);
                error_set(&why, m->digested.code < 0 ? m->digested.code : -EIO, "%s", m->digested.text);
                event.kind   = SCHED_DIGESTED;
                event.chunk  = m->digested.chunk;
                event.digest = m->digested.digest;
                event.error  = m->digested.code < 0 ? &why : NULL;
                scheduler_step(c->scheduler, &event);
                return 0;
        case WIRE_IS_UNREACHED:
                unreached(c->scheduler, member, &m->unreached);
                return 0;
        case WIRE_IS_LEAVING:
                event.kind    = SCHED_DRAIN;
                event.on      = m->leaving.on;
                member->drain = DRAIN_OFF; /* it wants to end itself */
                scheduler_step(c->scheduler, &event);
                return 0;
        case WIRE_IS_STATUS:
                free(member->pages);
                member->status       = m->status;
                member->pages        = strdup(m->status.pages);
                member->status.pages = NULL;
                return 0;
        case WIRE_IS_BYE:
                member->bye = true;
                return 0;
        case WIRE_IS_ALIVE:
                return 0;
        default:
                return error_set(err, ERROR_CORRUPT, "%s is not for workers to say", wire_name(m->kind));
        }
}
