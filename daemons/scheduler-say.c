/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of the machine become messages. A message that names a worker is preceded, once on each link, by its address
 * (PEER). A link for which there is no memory is not closed here: the machine is in the middle of its actions, and
 * hears of it (SCHED_LEFT) when the loop does. */
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler.h"

static int tell_peer(const Scheduler *s, Conn *to, uint32_t worker) {
        const Conn *of = worker < s->n_workers ? s->worker[worker] : NULL;
        int r;

        if (!of || map_get(&to->knows, worker) == of->incarnation)
                return 0;
        r = map_set(&to->knows, worker, of->incarnation);
        return r < 0 ? r
                     : link_say(to->link, &(WireMessage) { WIRE_IS_PEER,
                                                           .peer = { .worker = worker, .address = of->address } });
}

int scheduler_put_tensor(Scheduler *s, Conn *to, uint64_t id, Writer *w) {
        const SchedTensor *t    = sched_tensor(s->sched, id);
        const WireTensor tensor = { .id          = t->id,
                                    .chunk_first = t->chunk_first,
                                    .spec        = t->spec,
                                    .tiling      = t->tiling,
                                    .n_holder    = t->n_chunks,
                                    .holder      = t->holder };
        int r = 0;

        for (uint32_t k = 0; k < t->n_chunks && r == 0; k++)
                if (k == 0 || t->holder[k] != t->holder[k - 1])
                        r = tell_peer(s, to, t->holder[k]);
        wire_put_tensor(w, &tensor);
        return r < 0 ? r : w->r;
}

/* ---- To workers -------------------------------------------------------------------------------------------------- */

/* What the worker needs to make the plan itself. */
static int say_plan(const Scheduler *s, Conn *to, const PlanRun *run) {
        const Graph *graph = run->graph;
        uint8_t *bytes     = NULL;
        size_t n           = 0;
        Writer leaves      = {};
        WireMessage m      = { .kind = WIRE_IS_PLAN };
        int r              = graph_encode(graph, &bytes, &n);

        for (uint32_t k = 0; k < graph->node.n && r == 0; k++) {
                const SchedTensor *t = graph->node.data[k].op ? NULL
                                                              : sched_tensor(s->sched, graph->node.data[k].stored);

                if (!t)
                        continue;
                wire_put_tensor(&leaves, &(WireTensor) { .id          = t->id,
                                                         .chunk_first = t->chunk_first,
                                                         .spec        = t->spec,
                                                         .tiling      = t->tiling });
        }
        if (r == 0)
                r = leaves.r;
        m.plan = (Wire_plan) { .plan        = run->id,
                               .first_id    = run->first_id,
                               .task_bytes  = run->task_bytes,
                               .alone_bytes = run->alone_bytes,
                               .n_task      = run->plan->n_task,
                               .n_chunk     = run->plan->n_chunk,
                               .check       = plan_digest(run->plan),
                               .graph       = bytes,
                               .graph_n     = (uint32_t) n,
                               .leaves      = leaves.bytes.data,
                               .leaves_n    = leaves.bytes.n };
        if (r == 0)
                r = link_say(to->link, &m);
        free(bytes);
        vec_free(&leaves.bytes);
        return r;
}

static int say_run(const Scheduler *s, Conn *to, const SchedAction *a) {
        _Static_assert(sizeof(RunTask) == 2 * sizeof(uint32_t), "pairs, as they are sent");
        _Static_assert(sizeof(RunFetch) == 2 * sizeof(uint32_t), "pairs, as they are sent");
        const RunFetch *fetch = s->actions.fetch.data + a->first_fetch;
        int r                 = 0;

        for (uint32_t k = 0; k < a->n_fetch && r == 0; k++)
                r = tell_peer(s, to, fetch[k].from);
        return r < 0 ? r
                     : link_say(to->link, &(WireMessage) {
                                                  WIRE_IS_RUN,
                                                  .run = { .plan    = a->plan,
                                                           .task    = &s->actions.task.data[a->first].task,
                                                           .task_n  = 2 * a->n,
                                                           .fetch   = a->n_fetch > 0 ? &fetch->chunk : NULL,
                                                           .fetch_n = 2 * a->n_fetch } });
}

static int say_take(const Scheduler *s, Conn *to, const SchedAction *a) {
        int r = tell_peer(s, to, a->from);

        return r < 0 ? r
                     : link_say(to->link,
                                &(WireMessage) {
                                        WIRE_IS_TAKE,
                                        .take = { .chunk = a->chunk, .from = a->from, .size_bytes = a->size_bytes } });
}

static int say_leave(const Scheduler *s, const Conn *to, const SchedAction *a) {
        const Error *why = a->outcome > 0 ? &s->actions.error.data[a->outcome - 1] : NULL;

        return link_say(to->link,
                        &(WireMessage) { WIRE_IS_LEAVE,
                                         .leave = { .code = why ? why->code : 0, .text = why ? why->text : NULL } });
}

/* ---- To clients -------------------------------------------------------------------------------------------------- */

static int say_finished(Scheduler *s, const SchedAction *a) {
        Asked *asked = (Asked *) (uintptr_t) map_remove(&s->asked, a->request);
        Conn *to     = asked->client;
        const Error *outcome = a->outcome > 0 ? &s->actions.error.data[a->outcome - 1] : NULL;
        WireMessage m        = { WIRE_IS_FINISHED,
                                 .finished = { .request = asked->request,
                                               .n_done  = a->n_done,
                                               .code    = outcome ? outcome->code : 0,
                                               .text    = outcome ? outcome->text : NULL } };
        Writer w = {};
        int r    = 0;

        free(asked);
        if (to) {
                map_remove(&to->requests, m.finished.request);
                to->n_finished++;
        }
        for (uint32_t k = 0; k < a->n && !outcome && r == 0; k++) {
                const uint64_t id = s->actions.tensor.data[a->first + k];

                if (to) {
                        r = map_set(&to->refs, id, map_get(&to->refs, id) + 1);
                        if (r == 0)
                                r = scheduler_put_tensor(s, to, id, &w);
                } else /* the client has left */
                        r = sched_step(s->sched, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = id }, &s->actions);
        }
        m.finished.tensors   = w.bytes.data;
        m.finished.tensors_n = w.bytes.n;
        if (r == 0 && to)
                r = link_say(to->link, &m);
        vec_free(&w.bytes);
        return r;
}

/* Clients are not asked for data again. */
static int data_refuse(Scheduler *s, uint64_t tensor) {
        Error err = {};

        error_set(&err, -EIO, "its worker is gone");
        return sched_step(s->sched, &(SchedEvent) { .kind = SCHED_GIVEN, .tensor = tensor, .error = &err },
                          &s->actions);
}

static int do_action(Scheduler *s, const SchedAction *a) {
        Conn *to = a->worker < s->n_workers ? s->worker[a->worker] : NULL;

        if (a->kind == SCHED_FINISHED)
                return say_finished(s, a);
        if (a->kind == SCHED_WANTED)
                return data_refuse(s, a->tensor);
        if (!to)
                return 0; /* it is lost, and the machine will hear of it */
        switch (a->kind) {
        case SCHED_PLAN:
                return say_plan(s, to, a->run);
        case SCHED_RUN:
                return say_run(s, to, a);
        case SCHED_RECALL:
                return link_say(to->link, &(WireMessage) {
                                                  WIRE_IS_RECALL,
                                                  .recall = { .plan   = a->plan,
                                                              .task   = &s->actions.task.data[a->first].task,
                                                              .task_n = 2 * a->n } });
        case SCHED_DROP:
                return link_say(to->link,
                                &(WireMessage) { WIRE_IS_DROP, .drop = { .chunk = a->chunk, .n = a->n } });
        case SCHED_FORGET:
                return link_say(to->link,
                                &(WireMessage) { WIRE_IS_FORGET, .forget = { .plan = a->plan, .drop = a->drop } });
        case SCHED_TAKE:
                return say_take(s, to, a);
        case SCHED_DRAINED:
                return say_leave(s, to, a);
        case SCHED_FINISHED:
        case SCHED_WANTED:
        case SCHED_RECIPE: /* nothing is written down */
        case SCHED_RECIPE_GONE:
        case SCHED_TENSOR:
        case SCHED_TENSOR_GONE:
                break;
        }
        return 0;
}

int scheduler_carry_out(Scheduler *s) {
        int r = 0;

        for (uint32_t k = 0; k < s->actions.action.n && r == 0; k++) { /* the list may grow and move */
                const SchedAction a = s->actions.action.data[k];

                r = do_action(s, &a);
        }
        return r;
}

/* ---- For people -------------------------------------------------------------------------------------------------- */

/* Bytes of the character that begins there; 0: it is none of UTF-8. */
static size_t character_bytes(const unsigned char *c) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const size_t n = c[0] < 0x80 ? 1 : c[0] >> 5 == 0x6 ? 2 : c[0] >> 4 == 0xe ? 3 : c[0] >> 3 == 0x1e ? 4 : 0;
        uint32_t code  = n > 1 ? c[0] & (0xffU >> (n + 1)) : c[0];

        for (size_t k = 1; k < n; k++) {
                if ((c[k] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (c[k] & 0x3f);
        }
        return n == 0 || code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

/* A text in JSON. What people call themselves may be any bytes. */
static void put_text(FILE *f, const char *text) {
        fputc('"', f);
        for (const unsigned char *c = (const unsigned char *) (text ?: ""); *c;) {
                const size_t n = character_bytes(c);

                if (n == 0)
                        fputs("\\ufffd", f);
                else if (*c == '"' || *c == '\\')
                        fprintf(f, "\\%c", *c);
                else if (*c < ' ')
                        fprintf(f, "\\u%04x", *c);
                else
                        fwrite(c, 1, n, f);
                c += n > 0 ? n : 1;
        }
        fputc('"', f);
}

static void put_worker(FILE *f, const Conn *c) {
        fprintf(f, "{\"worker\": %u, \"name\": ", c->number);
        put_text(f, c->name);
        fputs(", \"address\": ", f);
        put_text(f, c->address);
        fprintf(f,
                ", \"threads\": %u, \"cache_bytes\": %llu, \"memory_bytes\": %llu, \"used_bytes\": %llu, "
                "\"away_bytes\": %llu, \"chunks\": %llu, \"tasks_done\": %llu, \"running\": %u, \"pages\": ",
                c->n_threads, (unsigned long long) c->cache_bytes, (unsigned long long) c->memory_bytes,
                (unsigned long long) c->status.used_bytes, (unsigned long long) c->status.away_bytes,
                (unsigned long long) c->status.n_chunks, (unsigned long long) c->status.n_done, c->status.n_running);
        put_text(f, c->pages);
        fputc('}', f);
}

static void put_session(FILE *f, const Conn *c) {
        fprintf(f, "{\"session\": %u, \"name\": ", c->number);
        put_text(f, c->name);
        fputs(", \"from\": ", f);
        put_text(f, c->peer);
        fprintf(f, ", \"running\": %u, \"finished\": %llu, \"tensors\": %u}", c->requests.n,
                (unsigned long long) c->n_finished, c->refs.n);
}

static void put_conns(FILE *f, const Scheduler *s, ConnKind kind, void (*put)(FILE *f, const Conn *c)) {
        bool first = true;

        fputc('[', f);
        for (const Conn *c = s->conns; c; c = c->next) {
                if (c->kind != kind)
                        continue;
                if (!first)
                        fputs(", ", f);
                put(f, c);
                first = false;
        }
        fputc(']', f);
}

static void put_requests(FILE *f, const Scheduler *s, uint64_t now_usec) {
        bool first = true;

        fputc('[', f);
        for (uint32_t k = 0; k < s->asked.capacity; k++) {
                const Asked *a  = (Asked *) (uintptr_t) s->asked.entry[k].value;
                uint64_t n_done = 0, n_total = 0;

                if (!a || !sched_progress(s->sched, a->id, &n_done, &n_total))
                        continue;
                fprintf(f, "%s{\"request\": %llu, \"session\": ", first ? "" : ", ", (unsigned long long) a->id);
                if (a->client)
                        fprintf(f, "%u", a->client->number);
                else /* it has left, and tasks are ending */
                        fputs("null", f);
                fputs(", \"name\": ", f);
                put_text(f, a->client ? a->client->name : NULL);
                fputs(", \"from\": ", f);
                put_text(f, a->client ? a->client->peer : NULL);
                fprintf(f, ", \"tasks_done\": %llu, \"tasks\": %llu, \"seconds\": %.3f}", (unsigned long long) n_done,
                        (unsigned long long) n_total, (double) (now_usec - a->since_usec) / 1e6);
                first = false;
        }
        fputc(']', f);
}

static void put_status(FILE *f, const Scheduler *s, uint64_t now_usec) {
        uint64_t cache_bytes = 0, used_bytes = 0, away_bytes = 0, n_threads = 0, n_running = 0;
        SchedStats stats;

        sched_stats(s->sched, &stats);
        for (uint32_t w = 0; w < s->n_workers; w++) {
                const Conn *c = s->worker[w];

                if (!c)
                        continue;
                cache_bytes += c->cache_bytes;
                used_bytes += c->status.used_bytes;
                away_bytes += c->status.away_bytes;
                n_threads += c->n_threads;
                n_running += c->status.n_running;
        }
        fprintf(f,
                "{\"version\": \"%s\", \"seconds\": %.3f, \"workers\": %llu, \"threads\": %llu, \"sessions\": %u, "
                "\"requests\": %llu, \"tensors\": %llu, \"plans\": %llu, \"tasks_done\": %llu, \"running\": %llu, "
                "\"cache_bytes\": %llu, \"used_bytes\": %llu, \"away_bytes\": %llu, \"state_bytes\": %llu}",
                MARS_BUILD, (double) (now_usec - s->began_usec) / 1e6, (unsigned long long) stats.n_workers,
                (unsigned long long) n_threads, s->n_clients, (unsigned long long) stats.n_requests,
                (unsigned long long) stats.n_tensors, (unsigned long long) stats.n_plans,
                (unsigned long long) stats.n_tasks_done, (unsigned long long) n_running,
                (unsigned long long) cache_bytes, (unsigned long long) used_bytes, (unsigned long long) away_bytes,
                (unsigned long long) stats.state_bytes);
}

/* null: there is no such request. */
static void put_why(FILE *f, const Scheduler *s, uint64_t request) {
        static const char *const reasons[] = {
                [WHY_GIVEN] = "given", [WHY_FULL] = "full", [WHY_NO_WORKERS] = "no workers", [WHY_ENDING] = "ending",
                [WHY_LOST]  = "lost"
        };
        SchedWhy why;

        if (!sched_why(s->sched, request, &why)) {
                fputs("null", f);
                return;
        }
        fprintf(f, "{\"request\": %llu, \"task\": ", (unsigned long long) request);
        put_text(f, why.task);
        fprintf(f, ", \"reason\": \"%s\"", reasons[why.reason]);
        if (why.worker < s->n_workers && s->worker[why.worker])
                fprintf(f, ", \"worker\": %u, \"running\": %u", why.worker, s->worker[why.worker]->status.n_running);
        fprintf(f, ", \"tasks\": %u, \"tasks_done\": %u, \"tasks_given\": %u, \"requests_ahead\": %llu}", why.n_task,
                why.n_done, why.n_given, (unsigned long long) why.n_ahead);
}

char *scheduler_answer(const Scheduler *s, const char *what, uint64_t now_usec) {
        unsigned long long request;
        size_t n_bytes;
        char *text = NULL;
        FILE *f    = open_memstream(&text, &n_bytes);

        if (!f)
                return NULL;
        if (strcmp(what, "status") == 0)
                put_status(f, s, now_usec);
        else if (strcmp(what, "workers") == 0)
                put_conns(f, s, CONN_WORKER, put_worker);
        else if (strcmp(what, "sessions") == 0)
                put_conns(f, s, CONN_CLIENT, put_session);
        else if (strcmp(what, "requests") == 0)
                put_requests(f, s, now_usec);
        else if (sscanf(what, "why %llu", &request) == 1)
                put_why(f, s, request);
        if (fclose(f) != 0 || n_bytes == 0) {
                free(text);
                return NULL;
        }
        return text;
}
