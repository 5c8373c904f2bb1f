/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of the machine become messages. A message that names a worker is preceded, once on each link, by its address
 * (PEER). A link for which there is no memory is not closed here: the machine is in the middle of its actions, and
 * hears of it (SCHED_LEFT) when the loop does. */
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler/scheduler.h"

int scheduler_tell_peer(const Scheduler *s, Conn *to, uint32_t worker) {
        const Member *of = worker < s->n_workers ? s->worker[worker] : NULL;
        int r;

        if (!of || map_get(&to->knows, worker) == of->incarnation)
                return 0;
        r = map_set(&to->knows, worker, of->incarnation);
        return r < 0 ? r
                     : link_say(to->link,
                                &(WireMessage) { WIRE_IS_PEER, .peer = { .worker          = worker,
                                                                         .address         = of->address,
                                                                         .socket          = of->socket,
                                                                         .socket_identity = of->socket_identity } });
}

/* Of what is a user's own: workers know no sessions, and chunks have numbers that anybody can count. */
static int say_grant(const Scheduler *s, Conn *to, const SchedTensor *t) {
        char proof[TOKEN_PROOF_MAX];
        Error err = {};
        int r     = token_grant(proof, s->config.token, to->user, t->chunk_first, t->n_chunks, &err);

        return r < 0 ? r
                     : link_say(to->link,
                                &(WireMessage) { WIRE_IS_GRANT, .grant = { t->chunk_first, t->n_chunks, proof } });
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
                        r = scheduler_tell_peer(s, to, t->holder[k]);
        if (r == 0 && to->user[0])
                r = say_grant(s, to, t);
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
                               .session     = run->session,
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
                r = scheduler_tell_peer(s, to, fetch[k].from);
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
        int r = scheduler_tell_peer(s, to, a->from);

        return r < 0 ? r
                     : link_say(to->link,
                                &(WireMessage) {
                                        WIRE_IS_TAKE,
                                        .take = { .chunk = a->chunk, .from = a->from, .size_bytes = a->size_bytes } });
}

/* ---- To clients -------------------------------------------------------------------------------------------------- */

static int finished(Scheduler *s, const SchedAction *a) {
        Asked *asked         = (Asked *) (uintptr_t) map_remove(&s->asked, a->request);
        const Error *outcome = a->outcome > 0 ? &s->actions.error.data[a->outcome - 1] : NULL;

        asked->n_done    = a->n_done;
        asked->n_tensors = outcome ? 0 : a->n;
        asked->tensor    = calloc(asked->n_tensors + 1, sizeof(*asked->tensor));
        asked->outcome   = outcome ? malloc(sizeof(*outcome)) : NULL;
        if (!asked->tensor || (outcome && !asked->outcome))
                return -ENOMEM;
        if (outcome)
                *asked->outcome = *outcome;
        if (asked->n_tensors > 0)
                memcpy(asked->tensor, s->actions.tensor.data + a->first, a->n * sizeof(*asked->tensor));
        past_request(s, asked);
        return session_finished(s, asked);
}

static int do_action(Scheduler *s, const SchedAction *a) {
        const Member *member = a->worker < s->n_workers ? s->worker[a->worker] : NULL;
        Conn *to             = member ? member->conn : NULL;

        switch (a->kind) {
        case SCHED_FINISHED:
                return finished(s, a);
        case SCHED_WANTED:
                return data_wanted(s, a);
        case SCHED_RECIPE:
                keep_recipe(s, a->recipe, a->request);
                return 0;
        case SCHED_RECIPE_GONE:
                forget_row(s, JOURNAL_RECIPE, 0, a->recipe);
                return 0;
        case SCHED_TENSOR:
                keep_tensor(s, a->tensor, 0);
                return 0;
        case SCHED_TENSOR_GONE:
                forget_row(s, JOURNAL_TENSOR, 0, a->tensor);
                return data_forget(s, a->tensor);
        case SCHED_LATE:
                worker_late(s, a);
                return 0;
        case SCHED_DIFFERS:
                worker_differs(s, a->worker, a->from, &s->actions.error.data[a->outcome - 1]);
                return 0;
        default:
                break;
        }
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
        case SCHED_DIGEST:
                return link_say(to->link, &(WireMessage) { WIRE_IS_DIGEST, .digest = { .chunk = a->chunk } });
        case SCHED_DRAINED:
                return worker_drained(s, a->worker,
                                      a->outcome > 0 ? &s->actions.error.data[a->outcome - 1] : NULL);
        default:
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
