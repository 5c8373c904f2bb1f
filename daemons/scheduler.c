/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/size.h"
#include "daemons/scheduler.h"

enum { TICKS = 10 }; /* looks at the clock, a heartbeat: progress is told as often */

static uint64_t clock_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

_printf_(3, 4) static void say(const Scheduler *s, int level, const char *fmt, ...) {
        char text[1024];
        va_list args;

        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        s->log(level, text);
}

/* ---- The machine ------------------------------------------------------------------------------------------------ */

static void step(Scheduler *s, const SchedEvent *event) {
        int r = sched_step(s->sched, event, &s->actions);

        if (r == 0)
                r = scheduler_carry_out(s);
        sched_actions_clear(&s->actions);
        if (r < 0 && s->failure == 0) {
                s->failure = r;
                say(s, LOG_CRIT, "out of memory: the scheduler cannot go on");
                sd_event_exit(s->event, EXIT_FAILURE);
        }
}

/* A task must fit into every worker. */
static void limits_change(Scheduler *s) {
        uint64_t task = 0, cache = 0, memory = 0;

        for (uint32_t w = 0; w < s->n_workers; w++) {
                const Conn *c = s->worker[w];

                if (!c)
                        continue;
                task   = task == 0 ? c->task_bytes : MIN(task, c->task_bytes);
                cache  = cache == 0 ? c->cache_bytes : MIN(cache, c->cache_bytes);
                memory = memory == 0 ? c->memory_bytes : MIN(memory, c->memory_bytes);
        }
        sched_limit(s->sched, task);
        sched_refuse_above(s->sched, cache, memory);
}

/* ---- Connections ------------------------------------------------------------------------------------------------ */

/* All that the session has under way ends, and what it holds is let go. */
static void client_leave(Scheduler *s, Conn *c) {
        Error err = {};

        error_set(&err, ERROR_CANCELED, "the client has left");
        for (uint32_t k = 0; k < s->asked.capacity; k++) {
                Asked *a = (Asked *) (uintptr_t) s->asked.entry[k].value;

                if (a && a->client == c)
                        a->client = NULL; /* FINISHED frees it */
        }
        for (uint32_t k = 0; k < c->requests.capacity; k++)
                if (c->requests.entry[k].value != 0)
                        step(s, &(SchedEvent) { .kind    = SCHED_CANCEL,
                                                .request = c->requests.entry[k].value,
                                                .error   = &err });
        for (uint32_t k = 0; k < c->refs.capacity; k++)
                for (uint64_t n = c->refs.entry[k].value; n > 0; n--)
                        step(s, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = c->refs.entry[k].key });
        s->n_clients--;
}

/* First those who know it hear that it is gone, so that nobody waits for it. */
static void worker_leave(Scheduler *s, Conn *c) {
        const WireMessage gone = { WIRE_IS_PEER, .peer = { .worker = c->number, .address = NULL } };

        for (Conn *to = s->conns; to; to = to->next)
                if (to->link && map_remove(&to->knows, c->number) != 0 && link_say(to->link, &gone) < 0)
                        say(s, LOG_WARNING, "out of memory: %s does not hear that worker %u has left", to->peer,
                            c->number);
        s->worker[c->number] = NULL;
        limits_change(s);
        step(s, &(SchedEvent) { .kind = SCHED_LEFT, .worker = c->number });
}

static void conn_free(Conn *c) {
        Scheduler *s = c->scheduler;

        if (c->before)
                c->before->next = c->next;
        else
                s->conns = c->next;
        if (c->next)
                c->next->before = c->before;
        c->link = link_free(c->link);
        if (c->kind == CONN_CLIENT)
                client_leave(s, c);
        else if (c->kind == CONN_WORKER)
                worker_leave(s, c);
        map_done(&c->requests);
        map_done(&c->refs);
        map_done(&c->knows);
        free(c->name);
        free(c->address);
        free(c->pages);
        free(c);
}

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        static const char *const kinds[] = { [CONN_NEW] = "connection", [CONN_CLIENT] = "client",
                                             [CONN_WORKER] = "worker", [CONN_CONTROL] = "connection" };
        Conn *c = userdata;

        if (c->kind != CONN_CONTROL || why->code < 0) /* who looks comes and goes */
                say(c->scheduler, c->kind == CONN_WORKER ? LOG_WARNING : LOG_INFO, "%s %s (%s) has left%s%s",
                    kinds[c->kind], c->name ?: "", c->peer, why->code < 0 ? ": " : "", why->code < 0 ? why->text : "");
        conn_free(c);
}

/* ---- HELLO ------------------------------------------------------------------------------------------------------- */

static int refuse(Conn *c, Error *err) {
        const WireMessage m = { WIRE_IS_REFUSED, .refused = { err->code, err->text } };

        if (link_say(c->link, &m) == 0)
                link_flush(c->link);
        return err->code;
}

/* What a worker has, and its number. */
static int worker_hello(Scheduler *s, Conn *c, const Wire_hello *m, Error *err) {
        uint32_t number = 0;

        while (number < s->n_workers && s->worker[number])
                number++;
        if (number == MAX_WORKERS)
                return error_set(err, ERROR_VALUE, "there are %d workers already", MAX_WORKERS);
        if (m->n_threads == 0 || m->cache_bytes == 0 || m->memory_bytes == 0 || !m->address[0])
                return error_set(err, ERROR_VALUE, "a worker without threads, memory or an address");
        c->address = strdup(m->address);
        if (!c->address)
                return error_oom(err, strlen(m->address));
        c->number         = number;
        c->n_threads      = m->n_threads;
        c->cache_bytes    = m->cache_bytes;
        c->memory_bytes   = m->memory_bytes;
        c->task_bytes     = m->task_bytes;
        c->incarnation    = ++s->next_incarnation;
        return 0;
}

/* It has been welcomed. */
static void worker_join(Scheduler *s, Conn *c) {
        char cache[SIZE_TEXT_MAX];

        s->worker[c->number] = c;
        s->n_workers         = MAX(s->n_workers, c->number + 1);
        c->kind              = CONN_WORKER;
        limits_change(s);
        say(s, LOG_INFO, "worker %u, %s (%s), has joined: %u threads, %s of cache", c->number, c->name, c->peer,
            c->n_threads, size_print(c->cache_bytes, cache));
        step(s, &(SchedEvent) { .kind      = SCHED_JOINED,
                                 .worker    = c->number,
                                 .n_threads = c->n_threads,
                                 .holds     = true });
}

static void cluster_size(const Scheduler *s, uint64_t *ret_cache, uint32_t *ret_threads) {
        *ret_cache   = 0;
        *ret_threads = 0;
        for (uint32_t w = 0; w < s->n_workers; w++)
                if (s->worker[w]) {
                        *ret_cache += s->worker[w]->cache_bytes;
                        *ret_threads += s->worker[w]->n_threads;
                }
}

static int hello(Conn *c, const Wire_hello *m, Error *err) {
        Scheduler *s        = c->scheduler;
        WireMessage welcome = { .kind = WIRE_IS_WELCOME };
        int r               = 0;

        c->name = strdup(m->name);
        if (!c->name)
                return error_oom(err, strlen(m->name));
        r = link_let_in(c->link, m, s->config.token, "scheduler", err);
        if (r < 0)
                return refuse(c, err);
        if (m->role == WIRE_WORKER)
                r = strcmp(m->build, MARS_BUILD) == 0
                            ? worker_hello(s, c, m, err)
                            : error_set(err, ERROR_SUPPORT, "the worker is of build %s, this scheduler of build %s: "
                                                            "install the same version on both",
                                        m->build, MARS_BUILD);
        else if (m->role == WIRE_CLIENT && s->n_clients >= s->config.max_sessions)
                r = error_set(err, -EUSERS, "there are %u sessions, as many as this scheduler takes (max_sessions)",
                              s->n_clients);
        else if (m->role == WIRE_CLIENT) {
                c->kind   = CONN_CLIENT;
                c->number = (uint32_t) ++s->next_session;
                s->n_clients++;
        } else if (m->role == WIRE_CONTROL)
                c->kind = CONN_CONTROL;
        else
                r = error_set(err, ERROR_VALUE, "nobody is of kind %u", m->role);
        if (r < 0)
                return refuse(c, err);

        welcome.welcome = (Wire_welcome) { .number = c->number, .epoch = s->epoch, .version = MARS_BUILD };
        cluster_size(s, &welcome.welcome.cache_bytes, &welcome.welcome.n_threads);
        if (link_say(c->link, &welcome) < 0)
                return error_oom(err, sizeof(welcome));
        if (m->role == WIRE_WORKER)
                worker_join(s, c);
        else if (m->role == WIRE_CLIENT)
                say(s, LOG_INFO, "session %u of %s (%s) begins", c->number, c->name, c->peer);
        return 0;
}

/* ---- What clients say ------------------------------------------------------------------------------------------- */

/* The request fails before it begins. */
static int fail_request(Conn *c, uint64_t request, const Error *why) {
        return link_say(c->link,
                        &(WireMessage) { WIRE_IS_FINISHED,
                                         .finished = { .request = request, .code = why->code, .text = why->text } });
}

static int check_leaves(const Conn *c, const Graph *graph, Error *err) {
        for (uint32_t k = 0; k < graph->node.n; k++) {
                const Node *node = &graph->node.data[k];

                if (!node->op && map_get(&c->refs, node->stored) == 0)
                        return error_set(err, ERROR_VALUE, "the session has no tensor %llu",
                                         (unsigned long long) node->stored);
        }
        return 0;
}

static int submit(Conn *c, const Wire_submit *m, Error *err) {
        Scheduler *s = c->scheduler;
        Graph *graph = NULL;
        Error why    = {};
        Asked *a;
        int r = 0;

        if (map_get(&c->requests, m->request) != 0)
                return error_set(err, ERROR_CORRUPT, "request %llu twice", (unsigned long long) m->request);
        if (c->requests.n >= s->config.max_requests)
                r = error_set(&why, -EUSERS, "%u requests are under way, as many as a session may have (max_requests)",
                              c->requests.n);
        if (r == 0)
                r = graph_decode(m->graph, m->graph_n, &graph, &why);
        if (r == 0)
                r = check_leaves(c, graph, &why);
        if (r < 0) {
                graph_free(graph);
                return fail_request(c, m->request, &why);
        }
        a = calloc(1, sizeof(*a));
        if (!a || map_set(&s->asked, s->next_request + 1, (uintptr_t) a) < 0 ||
            map_set(&c->requests, m->request, s->next_request + 1) < 0) {
                map_remove(&s->asked, s->next_request + 1);
                free(a);
                graph_free(graph);
                return error_oom(err, sizeof(*a));
        }
        *a = (Asked) { .id = ++s->next_request, .request = m->request, .client = c, .since_usec = clock_usec() };
        step(s, &(SchedEvent) { .kind = SCHED_SUBMIT, .request = a->id, .graph = graph });
        return 0;
}

static int release(Conn *c, const Wire_release *m, Error *err) {
        for (uint32_t k = 0; k < m->tensor_n; k++) {
                const uint64_t id = m->tensor[k], n = map_get(&c->refs, id);

                if (n == 0)
                        return error_set(err, ERROR_CORRUPT, "tensor %llu is not its own", (unsigned long long) id);
                if (n == 1)
                        map_remove(&c->refs, id);
                else if (map_set(&c->refs, id, n - 1) < 0)
                        return error_oom(err, sizeof(n));
                step(c->scheduler, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = id });
        }
        return 0;
}

static int adopt(Conn *c, const Wire_adopt *m, Arena *arena, Error *err) {
        WireMessage answer = { WIRE_IS_ADOPTED, .adopted = { .request = m->request } };
        Scheduler *s       = c->scheduler;
        Reader rd          = { .start = m->tensor, .at = m->tensor, .end = m->tensor + m->tensor_n, .what = "ADOPT",
                               .err = err, .scratch = arena };
        WireTensor tensor;
        Writer w           = {};
        Error why          = {};
        uint32_t n_workers = 0;
        uint64_t id;
        int r;

        wire_get_tensor(&rd, &tensor);
        if (rd.r < 0)
                return rd.r;
        for (uint32_t k = 0; k < s->n_workers; k++)
                n_workers += s->worker[k] != NULL;
        if (n_workers == 0)
                r = error_set(&why, -EHOSTDOWN, "there is no worker that could take the data");
        else if (tensor.n_holder > 0)
                return error_set(err, ERROR_CORRUPT, "data that others have already");
        else
                r = sched_adopt(s->sched, &tensor.spec, &tensor.tiling, WORKER_NONE, &id);
        if (r == 0 && map_set(&c->refs, id, 1) < 0) {
                step(s, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = id });
                r = -ENOMEM;
        }
        if (r == -ENOMEM)
                error_oom(&why, tiling_n_chunks(&tensor.tiling) * sizeof(uint64_t));
        if (r == 0)
                r = scheduler_put_tensor(s, c, id, &w);
        if (r == 0) {
                answer.adopted.tensor   = w.bytes.data;
                answer.adopted.tensor_n = w.bytes.n;
        } else {
                answer.adopted.code = r;
                answer.adopted.text = why.text;
        }
        r = link_say(c->link, &answer);
        vec_free(&w.bytes);
        return r < 0 ? error_oom(err, sizeof(answer)) : 0;
}

static int ask(Conn *c, const Wire_ask *m, Error *err) {
        char *text         = scheduler_answer(c->scheduler, m->what, clock_usec());
        WireMessage answer = { WIRE_IS_ANSWER,
                               .answer = { .request = m->request,
                                           .code    = text ? 0 : ERROR_VALUE,
                                           .text    = text ?: "nothing is known of this" } };
        int r = link_say(c->link, &answer);

        free(text);
        return r < 0 ? error_oom(err, sizeof(answer)) : 0;
}

static int hear_client(Conn *c, const WireMessage *m, Arena *arena, Error *err) {
        Error why = {};

        switch (m->kind) {
        case WIRE_IS_SUBMIT:
                return submit(c, &m->submit, err);
        case WIRE_IS_CANCEL:
                error_set(&why, ERROR_CANCELED, "the work was canceled");
                if (map_get(&c->requests, m->cancel.request) != 0)
                        step(c->scheduler, &(SchedEvent) { .kind    = SCHED_CANCEL,
                                                           .request = map_get(&c->requests, m->cancel.request),
                                                           .error   = &why });
                return 0;
        case WIRE_IS_RELEASE:
                return release(c, &m->release, err);
        case WIRE_IS_ADOPT:
                return adopt(c, &m->adopt, arena, err);
        case WIRE_IS_ASK:
                return ask(c, &m->ask, err);
        case WIRE_IS_ALIVE:
                return 0;
        default:
                return error_set(err, ERROR_CORRUPT, "%s is not for clients to say", wire_name(m->kind));
        }
}

/* ---- What marsctl says ------------------------------------------------------------------------------------------ */

/* Over TCP the token says that it is one of ours. */
static bool may_cancel(const Conn *c, const Conn *client) {
        return !c->local || c->uid == 0 || c->uid == geteuid() || (client && client->local && client->uid == c->uid);
}

/* Anybody's request, by the machine's number. It is answered. */
static int cancel(Conn *c, const Wire_cancel *m, Error *err) {
        const Asked *a = (Asked *) (uintptr_t) map_get(&c->scheduler->asked, m->request);
        Error why      = {};
        int r          = 0;

        if (!a)
                r = error_set(&why, -ENOENT, "no request %llu is under way", (unsigned long long) m->request);
        else if (!may_cancel(c, a->client))
                r = error_set(&why, -EACCES,
                              "request %llu is not yours: whose it is, root and the scheduler's own user may cancel it",
                              (unsigned long long) m->request);
        else {
                Error outcome = {};

                error_set(&outcome, ERROR_CANCELED, "canceled by the administrator");
                step(c->scheduler, &(SchedEvent) { .kind = SCHED_CANCEL, .request = m->request, .error = &outcome });
        }
        r = link_say(c->link, &(WireMessage) { WIRE_IS_ANSWER, .answer = { .request = m->request,
                                                                           .code    = r,
                                                                           .text    = r < 0 ? why.text : NULL } });
        return r < 0 ? error_oom(err, sizeof(*m)) : 0;
}

static int hear_control(Conn *c, const WireMessage *m, Error *err) {
        switch (m->kind) {
        case WIRE_IS_ASK:
                return ask(c, &m->ask, err);
        case WIRE_IS_CANCEL:
                return cancel(c, &m->cancel, err);
        default:
                return error_set(err, ERROR_CORRUPT, "%s is not for it to say", wire_name(m->kind));
        }
}

/* ---- What workers say ------------------------------------------------------------------------------------------- */

/* The event, if it can be true. */
static int believe(Conn *c, const SchedEvent *event, uint32_t n_lengths, Error *err) {
        int r = sched_check(c->scheduler->sched, event, n_lengths, err);

        if (r == 0)
                step(c->scheduler, event);
        return r;
}

static int hear_worker(Conn *c, const WireMessage *m, Error *err) {
        SchedEvent event = { .worker = c->number };
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
                step(c->scheduler, &event);
                return 0;
        case WIRE_IS_TAKEN:
                error_set(&why, m->taken.code < 0 ? m->taken.code : -EIO, "%s", m->taken.text);
                event.kind  = SCHED_TAKEN;
                event.chunk = m->taken.chunk;
                event.error = m->taken.code < 0 ? &why : NULL;
                step(c->scheduler, &event);
                return 0;
        case WIRE_IS_LEAVING:
                event.kind = SCHED_DRAIN;
                event.on   = m->leaving.on;
                step(c->scheduler, &event);
                return 0;
        case WIRE_IS_STATUS:
                free(c->pages);
                c->status       = m->status;
                c->pages        = strdup(m->status.pages);
                c->status.pages = NULL;
                return 0;
        case WIRE_IS_ALIVE:
                return 0;
        default:
                return error_set(err, ERROR_CORRUPT, "%s is not for workers to say", wire_name(m->kind));
        }
}

static int on_message(void *userdata, _unused_ Link *link, const Frame *frame, const uint8_t *body,
                      _unused_ char *payload, int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Conn *c = userdata;
        WireMessage m;
        int r;

        r = link_hear(frame, body, fd, &arena, &m, err);
        if (r < 0)
                return r;
        c->heard_usec = clock_usec();
        switch (c->kind) {
        case CONN_NEW:
                return m.kind == WIRE_IS_HELLO ? hello(c, &m.hello, err)
                                               : error_set(err, ERROR_CORRUPT, "%s before HELLO", wire_name(m.kind));
        case CONN_WORKER:
                return hear_worker(c, &m, err);
        case CONN_CLIENT:
                return hear_client(c, &m, arena, err);
        case CONN_CONTROL:
                return hear_control(c, &m, err);
        }
        return 0;
}

static const LinkEvents events = { .message = on_message, .closed = on_closed };

void scheduler_accept(void *userdata, int fd) {
        Scheduler *s = userdata;
        Conn *c      = calloc(1, sizeof(*c));
        LinkPeer peer = {};
        Error err = {};

        if (!c) {
                close(fd);
                return;
        }
        c->scheduler  = s;
        c->heard_usec = clock_usec();
        if (link_accept(&c->link, s->event, fd, &s->door, &events, c, &err) < 0) {
                say(s, LOG_WARNING, "a connection could not be accepted: %s", err.text);
                free(c);
                return;
        }
        if (link_peer(c->link, &peer) == 0)
                memcpy(c->peer, peer.text, sizeof(c->peer));
        c->local = peer.local;
        c->uid   = peer.uid;
        c->next  = s->conns;
        if (s->conns)
                s->conns->before = c;
        s->conns = c;
}

/* ---- Time ------------------------------------------------------------------------------------------------------- */

static void tell_progress(Scheduler *s) {
        for (uint32_t k = 0; k < s->asked.capacity; k++) {
                Asked *a = (Asked *) (uintptr_t) s->asked.entry[k].value;
                WireMessage m = { .kind = WIRE_IS_PROGRESS };

                if (!a || !a->client)
                        continue;
                m.progress.request = a->request;
                if (!sched_progress(s->sched, a->id, &m.progress.n_done, &m.progress.n_total) ||
                    m.progress.n_done == a->n_told)
                        continue;
                a->n_told = m.progress.n_done;
                if (link_say(a->client->link, &m) < 0)
                        say(s, LOG_WARNING, "out of memory");
        }
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        Scheduler *s       = userdata;
        const uint64_t now = clock_usec();

        for (Conn *c = s->conns, *next; c; c = next) {
                Error why = {};

                next = c->next;
                if (now - c->heard_usec < s->config.dead_usec || c->kind == CONN_CLIENT || c->kind == CONN_CONTROL)
                        continue;
                error_set(&why, -ETIMEDOUT, "nothing was heard of it for %.0f s",
                          (double) (now - c->heard_usec) / 1e6);
                on_closed(c, c->link, &why);
                next = s->conns; /* others may have gone, too */
        }
        tell_progress(s);
        return sd_event_source_set_time(source, usec + s->config.heartbeat_usec / TICKS) < 0
                       ? -EIO
                       : sd_event_source_set_enabled(source, SD_EVENT_ON);
}

int scheduler_new(Scheduler **ret, sd_event *event, const SchedulerConfig *config,
                  void (*log)(int level, const char *text), Error *err) {
        _cleanup_(scheduler_freep) Scheduler *s = calloc(1, sizeof(*s));
        struct timespec t;

        if (!s)
                return error_oom(err, sizeof(*s));
        clock_gettime(CLOCK_REALTIME, &t);
        s->config     = *config;
        s->event      = sd_event_ref(event);
        s->door.tls   = tls_ref(config->tls);
        s->log        = log;
        s->epoch      = (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
        s->began_usec = clock_usec();
        if (sched_new(&s->sched, false, plan_make) < 0 ||
            sd_event_add_time_relative(event, &s->tick, CLOCK_MONOTONIC, config->heartbeat_usec / TICKS, 0, on_tick,
                                       s) < 0 ||
            sd_event_source_set_enabled(s->tick, SD_EVENT_ON) < 0)
                return error_oom(err, sizeof(*s));
        *ret = TAKE_PTR(s);
        return 0;
}

Scheduler *scheduler_free(Scheduler *s) {
        if (!s)
                return NULL;
        while (s->conns)
                conn_free(s->conns);
        for (uint32_t k = 0; k < s->asked.capacity; k++)
                free((void *) (uintptr_t) s->asked.entry[k].value);
        map_done(&s->asked);
        sd_event_source_disable_unref(s->tick);
        tls_unref(s->door.tls);
        sched_free(s->sched);
        sched_actions_done(&s->actions);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}
