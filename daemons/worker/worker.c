/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "daemons/json.h"
#include "daemons/worker/worker.h"
#include "io/token.h"

enum {
        RETRY_FIRST_USEC = 50 * 1000,
        RETRY_MOST_USEC  = 2 * 1000 * 1000,
        GATHER_USEC      = 500,     /* that a report waits for others, at most */
        MANY_DONE        = 1 << 16, /* tasks in one message */
};

void worker_say(const Worker *w, int level, const char *fmt, ...) {
        char text[1024];
        va_list args;

        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        w->log(level, text);
        lines_add(w->lines, real_clock(), level, NULL, text);
}

uint64_t worker_clock(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static void out_of_memory(Worker *w) {
        worker_say(w, LOG_CRIT, "out of memory: the worker cannot go on");
        sd_event_exit(w->event, EXIT_FAILURE);
}

/* ---- What the engine reports ------------------------------------------------------------------------------------ */

/* From any thread; the engine's lock is held. While a worker has enough to do, those who wait for what it has done can
 * wait a little longer, and all hear of more at a time: each message costs three threads a turn on a CPU. */
static int report_add(Worker *w, const Report *report, const int64_t *length) {
        const bool prompt  = report->action.kind != WORK_DONE || !engine_has_plenty(w->engine);
        const uint64_t one = 1;
        bool wake;
        int r;

        pthread_mutex_lock(&w->lock);
        wake      = w->report.n == 0 || (prompt && !w->prompt);
        w->prompt |= prompt;
        r         = vec_push(&w->report, *report);
        if (r == 0 && report->n_lengths > 0)
                w->report.data[w->report.n - 1].first_length = w->length.n;
        for (uint32_t k = 0; k < report->n_lengths && r == 0; k++)
                r = vec_push(&w->length, length[k]);
        pthread_mutex_unlock(&w->lock);
        if (wake && write(w->wake, &one, sizeof(one)) < 0)
                r = -errno;
        return r;
}

static int on_report(void *userdata, const WorkAction *action, const WorkActions *lists) {
        Report report = { .action = *action };

        if (action->kind == WORK_DONE)
                report.n_lengths = action->n;
        if (work_error(lists, action)) {
                report.error = malloc(sizeof(*report.error));
                if (!report.error)
                        return -ENOMEM;
                *report.error = *work_error(lists, action);
        }
        return report_add(userdata, &report, report.n_lengths > 0 ? work_lengths(lists, action) : NULL);
}

static void on_pinned(void *userdata, uint64_t pin, const Error *err, const char *data, size_t size_bytes) {
        Worker *w     = userdata;
        Report report = { .action = { .kind = WORK_PINNED, .pin = pin }, .data = data, .size_bytes = size_bytes };

        if (err) {
                report.error = malloc(sizeof(*report.error));
                if (report.error)
                        *report.error = *err;
        }
        if (report_add(w, &report, NULL) < 0)
                out_of_memory(w);
}

const EngineReports worker_reports = { .report = on_report, .pinned = on_pinned };

static void held_free(Held *held) {
        if (!held)
                return;
        plan_free(held->plan);
        arena_free(held->arena);
        free(held->leaf_first);
        free(held->together);
        free(held->refusal);
        free(held);
}

/* Tasks of one plan that are reported one after the other are one message. */
static int say_done(Worker *w, uint32_t *at) {
        const uint64_t plan = w->reading.data[*at].action.plan;
        Vec(uint32_t) task  = {};
        uint32_t first      = w->reading.data[*at].first_length, n = 0;
        int r               = 0;

        for (; *at < w->reading.n && r == 0 && task.n < MANY_DONE; ++*at) {
                const Report *report = &w->reading.data[*at];

                if (report->action.kind != WORK_DONE || report->action.plan != plan)
                        break;
                if (n == 0)
                        first = report->first_length;
                n += report->n_lengths;
                r = vec_push(&task, report->action.task);
        }
        if (r == 0)
                r = link_say(w->scheduler,
                             &(WireMessage) { WIRE_IS_DONE,
                                              .done = { .plan     = plan,
                                                        .task     = task.data,
                                                        .task_n   = task.n,
                                                        .length   = n > 0 ? w->reading_length.data + first : NULL,
                                                        .length_n = n } });
        vec_free(&task);
        return r;
}

static int say_forgotten(Worker *w, uint64_t plan) {
        held_free((Held *) (uintptr_t) map_remove(&w->plans, plan));
        return link_say(w->scheduler, &(WireMessage) { WIRE_IS_FORGOTTEN, .forgotten = { .plan = plan } });
}

static int say_report(Worker *w, const Report *report) {
        const WorkAction *a = &report->action;

        switch (a->kind) {
        case WORK_FAILED:
                return link_say(w->scheduler,
                                &(WireMessage) { WIRE_IS_FAILED,
                                                 .failed = { .plan = a->plan,
                                                             .task = a->task,
                                                             .code = report->error ? report->error->code : -EIO,
                                                             .text = report->error ? report->error->text : NULL } });
        case WORK_RECALLED:
                return link_say(w->scheduler,
                                &(WireMessage) { WIRE_IS_RECALLED,
                                                 .recalled = { .plan = a->plan, .task = &a->task, .task_n = 1 } });
        case WORK_LOST:
                return link_say(w->scheduler, &(WireMessage) { WIRE_IS_LOST, .lost = { .chunk = a->chunk } });
        case WORK_FORGOTTEN:
                return say_forgotten(w, a->plan);
        case WORK_TAKEN:
                worker_has(w, a->chunk);
                return link_say(w->scheduler,
                                &(WireMessage) { WIRE_IS_TAKEN,
                                                 .taken = { .chunk = a->chunk,
                                                            .asked = a->asked,
                                                            .code  = report->error ? report->error->code : 0,
                                                            .text  = report->error ? report->error->text : NULL } });
        default:
                return 0;
        }
}

/* Without a scheduler there is nobody to tell: chunks that were pinned are let go, and plans of the one that is gone
 * when nothing of them runs any more. Chunks are asked for all the same: those that clients give come without it, and
 * of the others the engine hears with worker_servers_leave() that they do not come, or it would wait for ever. */
static void say_reports(Worker *w) {
        int r = 0;

        worker_let_go(w);
        pthread_mutex_lock(&w->lock);
        __typeof__(w->report) report = w->reading;
        __typeof__(w->length) length = w->reading_length;

        w->reading        = w->report;
        w->reading_length = w->length;
        w->report         = report;
        w->length         = length;
        w->report.n = w->length.n = 0;
        w->prompt   = false;
        pthread_mutex_unlock(&w->lock);
        for (uint32_t k = 0; k < w->reading.n && r == 0;) {
                const Report *one = &w->reading.data[k];

                if (one->action.kind == WORK_DONE && w->welcome) {
                        r = say_done(w, &k);
                        continue;
                }
                if (one->action.kind == WORK_PINNED)
                        worker_send(w, one);
                else if (one->action.kind == WORK_FETCH)
                        worker_fetch(w, one->action.chunk, one->action.from);
                else if (one->action.kind == WORK_FORGOTTEN && one->action.left)
                        held_free((Held *) one->action.run); /* its first member */
                else if (w->welcome)
                        r = say_report(w, one);
                k++;
        }
        for (uint32_t k = 0; k < w->reading.n; k++)
                free(w->reading.data[k].error);
        w->reading.n = w->reading_length.n = 0;
        if (r < 0)
                out_of_memory(w);
}

static int on_gathered(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        say_reports(userdata);
        return 0;
}

static int on_wake(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        Worker *w = userdata;
        bool gather;
        uint64_t n;

        if (read(fd, &n, sizeof(n)) != sizeof(n))
                return 0;
        pthread_mutex_lock(&w->lock);
        gather = !w->prompt && w->report.n > 0;
        pthread_mutex_unlock(&w->lock);
        if (gather && sd_event_source_set_time_relative(w->gathered, GATHER_USEC) >= 0 &&
            sd_event_source_set_enabled(w->gathered, SD_EVENT_ONESHOT) >= 0)
                return 0;
        say_reports(w);
        return 0;
}

/* ---- Plans ------------------------------------------------------------------------------------------------------- */

/* The leaves of a plan: id -> WireTensor *. */
static const Tiling *leaf_tiling(void *userdata, uint64_t stored) {
        const WireTensor *t = (WireTensor *) (uintptr_t) map_get(userdata, stored);

        return t ? &t->tiling : NULL;
}

static int leaves_read(Map *leaves, const Wire_plan *m, Arena *arena, Error *err) {
        Reader rd = { .start = m->leaves, .at = m->leaves, .end = m->leaves + m->leaves_n, .what = "PLAN", .err = err,
                      .scratch = arena };

        while (rd.r == 0 && reader_left(&rd) > 0) {
                WireTensor *t = get_memory(&rd, sizeof(*t));

                if (t)
                        wire_get_tensor(&rd, t);
                if (t && rd.r == 0 && map_set(leaves, t->id, (uintptr_t) t) < 0)
                        return error_oom(err, sizeof(*t));
        }
        return rd.r;
}

/* The same plan as the scheduler's: planning is pure. */
static int held_make(Held *held, const Wire_plan *m, const Map *leaves, Error *err) {
        _cleanup_(graph_freep) Graph *graph = NULL;
        int r = graph_decode_planned(m->graph, m->graph_n, &graph, err);

        if (r == 0)
                r = plan_make(graph,
                              &(PlanLeaves) { .tiling      = leaf_tiling,
                                              .userdata    = (void *) (uintptr_t) leaves,
                                              .task_bytes  = m->task_bytes,
                                              .alone_bytes = m->alone_bytes },
                              &held->plan, err);
        if (r < 0)
                return error_prefix(err, r, "plan %llu", (unsigned long long) m->plan);
        assert(held->plan);
        if (held->plan->n_task != m->n_task || held->plan->n_chunk != m->n_chunk || plan_digest(held->plan) != m->check)
                return error_set(err, ERROR_CORRUPT, "plan %llu comes out differently here than at the scheduler",
                                 (unsigned long long) m->plan);
        held->leaf_first = calloc(held->plan->value.n + 1, sizeof(*held->leaf_first));
        held->together   = calloc(held->plan->value.n + 1, sizeof(*held->together));
        if (!held->leaf_first || !held->together)
                return error_oom(err, held->plan->value.n * sizeof(*held->leaf_first));
        for (uint32_t v = 0; v < held->plan->value.n; v++) {
                const Value *value  = &held->plan->value.data[v];
                const WireTensor *t = value->stage == STAGE_NONE
                                              ? (WireTensor *) (uintptr_t) map_get(leaves, value->stored)
                                              : NULL;

                if (t)
                        held->leaf_first[v] = t->chunk_first;
        }
        held->run = (PlanRun) { .id         = m->plan,
                                .plan       = held->plan,
                                .first_id   = m->first_id,
                                .session    = m->session,
                                .leaf_first = held->leaf_first,
                                .together   = held->together };
        return 0;
}

static int hear_plan(Worker *w, const Wire_plan *m, Error *err) {
        _cleanup_(map_done) Map tensor = {};
        Held *held                     = calloc(1, sizeof(*held));
        int r;

        if (!held)
                return error_oom(err, sizeof(*held));
        held->arena = arena_new();
        if (!held->arena) {
                held_free(held);
                return error_oom(err, sizeof(*held));
        }
        r = map_get(&w->plans, m->plan) == 0
                         ? leaves_read(&tensor, m, held->arena, err)
                         : error_set(err, ERROR_CORRUPT, "plan %llu twice", (unsigned long long) m->plan);
        if (r == 0 && map_set(&w->plans, m->plan, (uintptr_t) held) < 0)
                r = error_oom(err, sizeof(*held));
        if (r < 0) {
                held_free(held);
                return r;
        }
        r = held_make(held, m, &tensor, err);
        if (r < 0) {
                worker_say(w, LOG_ERR, "%s", err->text);
                held->refusal = malloc(sizeof(*held->refusal));
                if (held->refusal)
                        *held->refusal = *err;
                return held->refusal ? 0 : r;
        }
        return engine_work(w->engine, &(WorkEvent) { .kind = WORK_PLAN, .run = &held->run }, err);
}

/* ---- What the scheduler says ------------------------------------------------------------------------------------ */

static int check_pairs(const Held *held, const Wire_run *m, Error *err) {
        if (m->task_n % 2 != 0 || m->fetch_n % 2 != 0)
                return error_set(err, ERROR_CORRUPT, "half a pair");
        for (uint32_t k = 0; k < m->task_n; k += 2)
                if (m->task[k] >= held->plan->n_task || m->task[k + 1] >= held->plan->n_task)
                        return error_set(err, ERROR_CORRUPT, "task %u does not exist", m->task[k]);
        for (uint32_t k = 0; k < m->fetch_n; k += 2)
                if (m->fetch[k] >= held->plan->n_chunk)
                        return error_set(err, ERROR_CORRUPT, "chunk %u does not exist", m->fetch[k]);
        return 0;
}

static int hear_run(Worker *w, const Wire_run *m, bool recall, Error *err) {
        const Held *held = (Held *) (uintptr_t) map_get(&w->plans, m->plan);
        WorkEvent event  = { .kind = recall ? WORK_RECALL : WORK_RUN, .plan = m->plan };
        int r;

        if (!held)
                return error_set(err, ERROR_CORRUPT, "plan %llu is not known", (unsigned long long) m->plan);
        if (held->refusal && !recall && m->task_n > 0)
                return link_say(w->scheduler, &(WireMessage) { WIRE_IS_FAILED,
                                                               .failed = { .plan = m->plan,
                                                                           .task = m->task[0],
                                                                           .code = held->refusal->code,
                                                                           .text = held->refusal->text } });
        if (held->refusal)
                return 0;
        r = check_pairs(held, m, err);
        if (r < 0)
                return r;
        event.task    = (const RunTask *) m->task;
        event.n       = m->task_n / 2;
        event.fetch   = (const RunFetch *) m->fetch;
        event.n_fetch = m->fetch_n / 2;
        return engine_work(w->engine, &event, err);
}

/* What there is to be seen of it, at once and with each heartbeat. */
static int say_status(Worker *w) {
        WireMessage m = { .kind = WIRE_IS_STATUS };
        WorkerFigures f;

        worker_figures(w, &f);
        if (past_due(w->past, real_clock()))
                worker_past_add(w, &f);
        worker_status(w, &f, &m.status);
        return w->welcome ? link_say(w->scheduler, &m) : 0;
}

static int hear(Worker *w, const WireMessage *m, Error *err) {
        const Held *held;
        int r;

        if (!w->welcome && m->kind != WIRE_IS_WELCOME && m->kind != WIRE_IS_REFUSED)
                return error_set(err, ERROR_CORRUPT, "%s before WELCOME", wire_name(m->kind));
        switch (m->kind) {
        case WIRE_IS_WELCOME:
                if (m->welcome.epoch < w->epoch)
                        return error_set(err, ERROR_VALUE, "a scheduler of the past: its start was number %llu, and "
                                                           "number %llu was obeyed here",
                                         (unsigned long long) m->welcome.epoch, (unsigned long long) w->epoch);
                if (m->welcome.epoch != w->epoch)
                        map_done(&w->expected);
                w->welcome = true;
                w->attempt = 0;
                w->last_words[0] = 0;
                w->number  = m->welcome.number;
                w->epoch   = m->welcome.epoch;
                if (m->welcome.token[0]) {
                        free(w->token);
                        w->token = strdup(m->welcome.token);
                }
                if (worker_withdraw(w, NULL) < 0) /* whom it takes back, it says next */
                        return error_oom(err, sizeof(*m));
                worker_say(w, LOG_INFO, "joined the scheduler as worker %u", w->number);
                if (w->ready)
                        w->ready(w->userdata, true);
                worker_lease(w, false);
                r = worker_say_holds(w);
                return r < 0 ? r : say_status(w);
        case WIRE_IS_REFUSED:
                return error_set(err, m->refused.code < 0 ? m->refused.code : -EACCES, "%s", m->refused.text);
        case WIRE_IS_PEER:
                return worker_peer(w, &m->peer);
        case WIRE_IS_PLAN:
                return hear_plan(w, &m->plan, err);
        case WIRE_IS_RUN:
                return hear_run(w, &m->run, false, err);
        case WIRE_IS_RECALL:
                return hear_run(w, &(Wire_run) { .plan   = m->recall.plan,
                                                 .task   = m->recall.task,
                                                 .task_n = m->recall.task_n },
                                true, err);
        case WIRE_IS_EXPECT:
                return worker_expect(w, &m->expect, err);
        case WIRE_IS_WITHDRAW:
                return worker_withdraw(w, m->withdraw.users) < 0 ? error_oom(err, sizeof(*m)) : 0;
        case WIRE_IS_DROP:
                worker_expect_no_more(w, m->drop.chunk, m->drop.n);
                return engine_work(w->engine,
                                   &(WorkEvent) { .kind = WORK_DROP, .chunk = m->drop.chunk, .n = m->drop.n }, err);
        case WIRE_IS_FORGET:
                held = (Held *) (uintptr_t) map_get(&w->plans, m->forget.plan);
                if (held && held->refusal)
                        return say_forgotten(w, m->forget.plan);
                return engine_work(w->engine,
                                   &(WorkEvent) { .kind = WORK_FORGET, .plan = m->forget.plan, .drop = m->forget.drop },
                                   err);
        case WIRE_IS_TAKE:
                return engine_work(w->engine,
                                   &(WorkEvent) { .kind       = WORK_TAKE,
                                                  .chunk      = m->take.chunk,
                                                  .from       = m->take.from,
                                                  .size_bytes = m->take.size_bytes },
                                   err);
        case WIRE_IS_DIGEST:
                return worker_hear_digest(w, m->digest.chunk, err);
        case WIRE_IS_LEAVE:
                worker_may_end(w, &m->leave);
                return 0;
        case WIRE_IS_ALIVE:
                return 0;
        default:
                return error_set(err, ERROR_CORRUPT, "%s is not for a scheduler to say", wire_name(m->kind));
        }
}

static int on_message(void *userdata, _unused_ Link *link, const Frame *frame, const uint8_t *body,
                      _unused_ char *payload, int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        WireMessage m;
        int r;

        r = link_hear(frame, body, fd, &arena, &m, err);
        return r < 0 ? r : hear(userdata, &m, err);
}

/* ---- Joining a scheduler, and losing it -------------------------------------------------------------------------- */

/* Plans of a scheduler that is gone are forgotten, chunks stay. What runs ends before its plan is freed. */
static void plans_leave(Worker *w) {
        Error err = {};

        if (engine_work(w->engine, &(WorkEvent) { .kind = WORK_LEAVE }, &err) < 0) {
                worker_say(w, LOG_CRIT, "%s", err.text);
                sd_event_exit(w->event, EXIT_FAILURE);
        }
        for (uint32_t k = 0; k < w->plans.capacity; k++) {
                Held *held = (Held *) (uintptr_t) w->plans.entry[k].value;

                if (held && held->refusal)
                        held_free(held); /* the machine knows nothing of it */
        }
        map_done(&w->plans);
        w->plans = (Map) {};
        say_reports(w);
        worker_servers_leave(w);
}

static void engine_end(Worker *w) {
        if (!w->engine)
                return;
        plans_leave(w);
        worker_mates_leave(w);
        engine_close(w->engine);
        say_reports(w); /* those of chunks that were pinned, and plans that ended, meanwhile */
        w->engine = engine_unref(w->engine);
        worker_let_go(w);
}

static int retry_at(Worker *w) {
        const uint64_t usec = MIN((uint64_t) RETRY_FIRST_USEC << MIN(w->attempt, 10u), (uint64_t) RETRY_MOST_USEC);

        if (sd_event_source_set_time_relative(w->retry, usec) < 0 ||
            sd_event_source_set_enabled(w->retry, SD_EVENT_ONESHOT) < 0)
                return -EIO;
        return 0;
}

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        Worker *w = userdata;

        const char *words = why->code < 0 ? why->text : "it has closed the connection";

        if (w->welcome || (w->attempt > 0 && strcmp(words, w->last_words) != 0)) {
                worker_say(w, LOG_WARNING, "scheduler %s: %s; trying again until it is there",
                           w->config.schedulers[w->attempt % w->config.n_schedulers], words);
                snprintf(w->last_words, sizeof(w->last_words), "%s", words);
        }
        if (w->welcome && w->ready)
                w->ready(w->userdata, false);
        w->scheduler = link_free(w->scheduler);
        if (w->welcome) {
                w->welcome = false;
                plans_leave(w);
        }
        w->attempt++;
        if (w->deadline) { /* it was to stop, and nobody can say any more when */
                sd_event_exit(w->event, 0);
                return;
        }
        worker_lease(w, true);
        if (retry_at(w) < 0)
                sd_event_exit(w->event, EXIT_FAILURE);
}

static const LinkEvents events = { .message = on_message, .closed = on_closed };

/* Where there is none, that of the scheduler stays, for those who are relayed. */
static void find_token(Worker *w) {
        char *token = NULL;
        Error err   = {};

        if (token_find(&token, w->config.token_path, &err) < 0)
                worker_say(w, LOG_WARNING, "%s", err.text);
        if (!token)
                return;
        free(w->token);
        w->token = token;
}

static int on_retry(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Worker *w           = userdata;
        const char *address = w->config.schedulers[w->attempt % w->config.n_schedulers];
        EngineStats stats;
        Error err = {};

        find_token(w);
        engine_stats(w->engine, &stats);
        if (link_connect(&w->scheduler, w->event, address, &events, w, &err) == 0 &&
            link_secure(w->scheduler, w->door.tls, &err) == 0 &&
            link_say(w->scheduler,
                     &(WireMessage) { WIRE_IS_HELLO, .hello = { .role            = WIRE_WORKER,
                                                                .version         = WIRE_VERSION,
                                                                .build           = MARS_BUILD,
                                                                .token           = w->token,
                                                                .name            = w->config.name,
                                                                .address         = w->announced,
                                                                .socket          = w->config.socket,
                                                                .socket_identity = w->config.socket_identity,
                                                                .n_threads       = stats.n_threads,
                                                                .cache_bytes     = stats.cache_bytes,
                                                                .memory_bytes    = engine_memory_bytes(w->engine),
                                                                .task_bytes      = engine_task_bytes(w->engine),
                                                                .identity        = w->identity,
                                                                .start           = w->start } }) == 0)
                return 0;
        on_closed(w, w->scheduler, &err);
        return 0;
}

static int on_tick(sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Worker *w = userdata;
        bool warning;
        char *text;

        worker_chunks_retry(w);
        while ((text = engine_log(w->engine, &warning))) {
                worker_say(w, warning ? LOG_WARNING : LOG_INFO, "%s", text);
                free(text);
        }
        if (say_status(w) < 0)
                out_of_memory(w);
        worker_lease_look(w);
        worker_watch(w);
        worker_careful_look(w);
        sd_event_source_set_time_relative(source, w->config.heartbeat_usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int worker_new(Worker **ret, sd_event *event, const WorkerConfig *config, const char *announced,
               const ServiceKept *kept, void (*log)(int level, const char *text), Error *err) {
        _cleanup_(worker_freep) Worker *w = calloc(1, sizeof(*w));
        Error why                         = {};
        int r;

        if (!w)
                return error_oom(err, sizeof(*w));
        w->config = *config;
        w->event  = sd_event_ref(event);
        w->door.tls = tls_ref(config->tls);
        service_distrust(&w->door);
        w->log    = log;
        pthread_mutex_init(&w->lock, NULL);
        w->lines = lines_new();
        w->past  = worker_past_new();
        if (!w->lines || !w->past || span_lane_init(&w->receive) < 0 || span_lane_init(&w->send) < 0)
                return error_oom(err, sizeof(*w));
        if (mover_new(&w->door.mover, event, &why) < 0)
                worker_say(w, LOG_WARNING, "large chunks are sent and received by plain calls: %s", why.text);
        w->wake      = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        w->announced = strdup(announced);
        if (w->wake < 0)
                return error_prefix(err, -errno, "eventfd");
        if (!w->announced || sd_event_add_io(event, &w->woken, w->wake, EPOLLIN, on_wake, w) < 0 ||
            sd_event_add_time_relative(event, &w->gathered, CLOCK_MONOTONIC, 0, 1, on_gathered, w) < 0 ||
            sd_event_add_time_relative(event, &w->retry, CLOCK_MONOTONIC, 0, 0, on_retry, w) < 0 ||
            sd_event_add_time_relative(event, &w->tick, CLOCK_MONOTONIC, config->heartbeat_usec, 0, on_tick, w) < 0)
                return error_oom(err, sizeof(*w));
        r = worker_engine_begin(w, kept, err);
        if (r == 0)
                r = worker_watch_begin(w, err);
        if (r == 0)
                r = worker_reach_begin(w, err);
        if (r == 0)
                r = worker_careful_begin(w, err);
        if (r < 0)
                return r;
        worker_lease(w, true);
        *ret = TAKE_PTR(w);
        return 0;
}

Worker *worker_free(Worker *w) {
        if (!w)
                return NULL;
        w->scheduler = link_free(w->scheduler);
        w->welcome   = false;
        engine_end(w);
        worker_mates_leave(w);
        map_done(&w->mates);
        map_done(&w->arriving);
        map_done(&w->expected);
        map_done(&w->serving);
        map_done(&w->lent);
        vec_free(&w->report);
        vec_free(&w->reading);
        vec_free(&w->length);
        vec_free(&w->reading_length);
        sd_event_source_disable_unref(w->woken);
        sd_event_source_disable_unref(w->gathered);
        sd_event_source_disable_unref(w->retry);
        sd_event_source_disable_unref(w->reach);
        sd_event_source_disable_unref(w->tick);
        sd_event_source_disable_unref(w->deadline);
        if (w->wake >= 0)
                close(w->wake);
        pthread_mutex_destroy(&w->lock);
        tls_unref(w->door.tls);
        mover_unref(w->door.mover);
        sd_event_unref(w->event);
        span_lane_clear(&w->receive);
        span_lane_clear(&w->send);
        lines_free(w->lines);
        past_free(w->past);
        free(w->progress);
        free(w->announced);
        free(w->token);
        free(w->withdrawn);
        free(w);
        return NULL;
}
