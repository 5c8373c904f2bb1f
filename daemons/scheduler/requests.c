/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about requests: those under way, and those that scheduler/past.c remembers. Progress is told by operator: a
 * stage of the plan is what one sees, since its tasks are equal. */
#include <string.h>

#include "daemons/json.h"
#include "daemons/scheduler/inside.h"
#include "sched/look.h"

void put_user(FILE *f, bool local, uid_t uid, const char *user) {
        if (local)
                fprintf(f, ", \"user\": %u", uid);
        else if (user[0])
                fprintf(f, ", \"user\": \"%s\"", user);
        else
                fputs(", \"user\": null", f);
}

void put_shape(FILE *f, const Shape *shape) {
        fputc('[', f);
        for (int k = 0; k < shape->ndim; k++) {
                fputs(k > 0 ? ", " : "", f);
                if (shape->dim[k] == UNKNOWN)
                        fputs("null", f);
                else
                        fprintf(f, "%lld", (long long) shape->dim[k]);
        }
        fputc(']', f);
}

/* ---- One that is done ------------------------------------------------------------------------------------------- */

/* Without the closing brace. */
static void put_done(const Asking *a, const Recent *r) {
        const char *state = r->code == 0 ? "succeeded" : r->code == ERROR_CANCELED ? "canceled" : "failed";
        FILE *f           = a->f;

        fprintf(f, "{\"request\": %llu, \"session\": ", (unsigned long long) r->id);
        if (r->session != 0)
                fprintf(f, "%llu", (unsigned long long) r->session);
        else
                fputs("null", f);
        fputs(", \"name\": ", f);
        json_text(f, r->name);
        fputs(", \"from\": ", f);
        json_text(f, r->peer);
        put_user(f, r->local, r->uid, r->user);
        fprintf(f, ", \"state\": \"%s\", \"plan\": null, \"tasks\": %llu, \"tasks_done\": %llu, \"tasks_given\": 0",
                state, (unsigned long long) r->n_total, (unsigned long long) r->n_done);
        fprintf(f, ", \"seconds\": %.6f, \"started\": ", (double) r->took_usec / 1e6);
        json_time(f, r->finished_usec - r->took_usec);
        fputs(", \"finished\": ", f);
        json_time(f, r->finished_usec);
        fputs(", \"seconds_left\": null, \"result_bytes\": ", f);
        if (r->code == 0)
                fprintf(f, "%llu, \"error\": null", (unsigned long long) r->result_bytes);
        else {
                fputs("null, \"error\": ", f);
                json_text(f, r->text);
        }
}

static const Recent *recent_find(const Scheduler *s, uint64_t id) {
        for (uint32_t k = 0; k < MAX_RECENT && k < s->n_recent; k++)
                if (s->recent[k].id == id)
                        return &s->recent[k];
        return NULL;
}

/* ---- One under way ---------------------------------------------------------------------------------------------- */

/* Without the closing brace. */
static void put_running(const Asking *a, const Asked *asked) {
        const double seconds   = (double) (a->now_usec - asked->since_usec) / 1e6;
        const Session *session = asked->session;
        uint64_t n_done = 0, n_total = 0;
        SchedLook look = {};
        FILE *f        = a->f;

        sched_progress(a->s->sched, asked->id, &n_done, &n_total);
        sched_look(a->s->sched, asked->id, &look);
        fprintf(f, "{\"request\": %llu, \"session\": ", (unsigned long long) asked->id);
        if (session)
                fprintf(f, "%llu", (unsigned long long) session->number);
        else /* it has ended, and tasks are ending */
                fputs("null", f);
        fputs(", \"name\": ", f);
        json_text(f, session ? session->name : NULL);
        fputs(", \"from\": ", f);
        json_text(f, session ? session->peer : NULL);
        put_user(f, session && session->local, session ? session->uid : 0, session ? session->user : "");
        fputs(", \"state\": \"running\", \"plan\": ", f);
        if (look.of)
                fprintf(f, "%llu", (unsigned long long) look.plan);
        else
                fputs("null", f);
        fprintf(f, ", \"tasks\": %llu, \"tasks_done\": %llu, \"tasks_given\": %u, \"seconds\": %.6f, \"started\": ",
                (unsigned long long) n_total, (unsigned long long) n_done, look.n_given, seconds);
        json_time(f, real_clock() - (a->now_usec - asked->since_usec));
        fputs(", \"finished\": null, \"seconds_left\": ", f);
        json_number(f, seconds * (double) (n_total - n_done) / (double) n_done);
        fputs(", \"result_bytes\": null, \"error\": null", f);
}

static const Asked *asked_find(const Scheduler *s, uint64_t id) {
        return (const Asked *) (uintptr_t) map_get(&s->asked, id);
}

const char *request_user(const Scheduler *s, uint64_t id) {
        const Asked *asked   = asked_find(s, id);
        const Recent *recent = asked ? NULL : recent_find(s, id);

        if (asked)
                return asked->session ? asked->session->user : "";
        return recent ? recent->user : NULL;
}

/* ---- Lists ------------------------------------------------------------------------------------------------------ */

static int put_all(Asking *a, bool done_too) {
        const Scheduler *s = a->s;
        bool comma         = false;

        fputc('[', a->f);
        for (uint32_t k = 0; k < s->asked.capacity; k++) {
                const Asked *asked = (Asked *) (uintptr_t) s->asked.entry[k].value;

                if (!asked || (a->number[0] > 0 && (!asked->session || asked->session->number != a->number[0])) ||
                    !conn_sees(a->to, asked->session ? asked->session->user : ""))
                        continue;
                fputs(comma ? ", " : "", a->f);
                put_running(a, asked);
                fputc('}', a->f);
                comma = true;
        }
        for (uint64_t k = s->n_recent; done_too && k > 0 && k + MAX_RECENT > s->n_recent; k--) {
                const Recent *recent = &s->recent[(k - 1) % MAX_RECENT];

                if ((a->number[0] > 0 && recent->session != a->number[0]) || !conn_sees(a->to, recent->user))
                        continue;
                fputs(comma ? ", " : "", a->f);
                put_done(a, recent);
                fputc('}', a->f);
                comma = true;
        }
        fputc(']', a->f);
        return 0;
}

int put_requests(Asking *a) {
        return put_all(a, false);
}

int put_recent(Asking *a) {
        return put_all(a, true);
}

/* ---- Operators -------------------------------------------------------------------------------------------------- */

static const char *const kinds[] = { [STAGE_NEST] = "nest", [STAGE_MERGE] = "merge", [STAGE_BLOCK] = "block" };

/* 0 where lengths depend on data. */
static uint64_t value_bytes(const Value *value) {
        return shape_known(&value->shape) ? (uint64_t) shape_size(&value->shape) * dtype_size(value->dtype) : 0;
}

static uint64_t stage_bytes(const Plan *plan, const Stage *stage) {
        uint64_t bytes = 0;

        for (uint32_t k = 0; k < stage->n_out; k++)
                bytes += value_bytes(&plan->value.data[stage->out[k].value]);
        return bytes;
}

static void put_operators(const Asking *a, const SchedLook *look) {
        const Plan *plan = look->of;

        for (uint32_t k = 0; k < plan->stage.n && k < MAX_SHOWN_STAGES; k++) {
                const Stage *stage   = &plan->stage.data[k];
                const uint64_t bytes = stage_bytes(plan, stage);
                uint32_t n_done, n_given;

                sched_look_stage(look, k, &n_done, &n_given);
                fprintf(a->f, "%s{\"node\": %u, \"label\": ", k > 0 ? ", " : "", k);
                json_text(a->f, stage->label);
                fprintf(a->f,
                        ", \"kind\": \"%s\", \"tasks\": %u, \"done\": %u, \"given\": %u, \"bytes\": %llu, "
                        "\"bytes_done\": %.0f}",
                        kinds[stage->kind], stage->n_task, n_done, n_given, (unsigned long long) bytes,
                        (double) bytes * n_done / MAX(stage->n_task, 1U));
        }
}

static int put_why_of(const Asking *a, uint64_t request, bool alone) {
        static const char *const reasons[] = { [WHY_GIVEN]      = "given",
                                               [WHY_FULL]       = "full",
                                               [WHY_NO_WORKERS] = "no workers",
                                               [WHY_ENDING]     = "ending",
                                               [WHY_LOST]       = "lost" };
        const Scheduler *s                 = a->s;
        SchedWhy why;

        if (!sched_why(s->sched, request, &why)) {
                fputs("null", a->f);
                return 0;
        }
        fputc('{', a->f);
        if (alone)
                fprintf(a->f, "\"request\": %llu, ", (unsigned long long) request);
        fputs("\"task\": ", a->f);
        json_text(a->f, why.task);
        fprintf(a->f, ", \"reason\": \"%s\", \"worker\": ", reasons[why.reason]);
        if (why.worker < s->n_workers && s->worker[why.worker])
                fprintf(a->f, "%u, \"running\": %u", why.worker, s->worker[why.worker]->status.n_running);
        else
                fputs("null, \"running\": null", a->f);
        fprintf(a->f, ", \"late\": %s, \"tried_by\": ", why.late ? "true" : "false");
        if (why.too < s->n_workers && s->worker[why.too])
                fprintf(a->f, "%u", why.too);
        else
                fputs("null", a->f);
        fprintf(a->f, ", \"tasks\": %u, \"tasks_done\": %u, \"tasks_given\": %u, \"requests_ahead\": %llu}", why.n_task,
                why.n_done, why.n_given, (unsigned long long) why.n_ahead);
        return 0;
}

/* null: there is no such request. */
int put_why(Asking *a) {
        return put_why_of(a, a->number[0], true);
}

/* ---- Tasks ------------------------------------------------------------------------------------------------------ */

/* Without the closing brace. */
static void put_task_of(const Asking *a, uint64_t request, const SchedTask *task) {
        static const char *const states[] = { [TASK_IS_DONE] = "done",     [TASK_IS_GIVEN] = "given",
                                              [TASK_IS_ENDING] = "ending", [TASK_NEEDS_WORKERS] = "no workers",
                                              [TASK_NEEDS_LOST] = "lost",  [TASK_NEEDS_INPUT] = "input",
                                              [TASK_IS_QUEUED] = "queued", [TASK_IS_NEXT] = "next" };

        fprintf(a->f, "{\"request\": %llu, \"task\": %llu, \"makes\": ", (unsigned long long) request,
                (unsigned long long) task->task);
        if (task->makes[0])
                json_text(a->f, task->makes);
        else
                fputs("null", a->f);
        fprintf(a->f, ", \"state\": \"%s\", \"inputs\": %u, \"inputs_made\": %u, \"worker\": ", states[task->reason],
                task->n_inputs, task->n_made);
        if (task->worker != WORKER_NONE)
                fprintf(a->f, "%u", task->worker);
        else
                fputs("null", a->f);
}

/* null: there is no such request. */
int put_tasks(Asking *a) {
        uint32_t n = 0;
        SchedLook look;
        SchedTask task;

        if (!sched_look(a->s->sched, a->number[0], &look)) {
                fputs("null", a->f);
                return 0;
        }
        fputc('[', a->f);
        for (int given = 1; given >= 0; given--)
                for (uint32_t at = 0; n < MAX_SHOWN_TASKS && sched_look_task(&look, given, &at, &task); n++) {
                        fputs(n > 0 ? ", " : "", a->f);
                        put_task_of(a, a->number[0], &task);
                        fputc('}', a->f);
                }
        fputc(']', a->f);
        return 0;
}

/* null: there is no such task. If a worker has it the worker knows more, by the numbers of plan and task in it. */
int put_task(Asking *a) {
        SchedTaskWhy why;

        if (!sched_why_task(a->s->sched, a->number[0], a->number[1], &why)) {
                fputs("null", a->f);
                return 0;
        }
        put_task_of(a, a->number[0], &why.task);
        fprintf(a->f, ", \"plan\": %llu, \"number\": %u, \"maker\": ", (unsigned long long) why.plan, why.task.number);
        if (why.task.reason == TASK_NEEDS_INPUT) {
                put_task_of(a, a->number[0], &why.maker);
                fputc('}', a->f);
        } else
                fputs("null", a->f);
        fputc('}', a->f);
        return why.task.reason == TASK_IS_GIVEN ? scheduler_tell_peer(a->s, a->to, why.task.worker) : 0;
}

int put_one_request(Asking *a) {
        const Asked *asked   = asked_find(a->s, a->number[0]);
        const Recent *recent = asked ? NULL : recent_find(a->s, a->number[0]);
        SchedLook look       = {};

        if (!asked && !recent)
                return -ENOENT;
        if (recent) {
                put_done(a, recent);
                fprintf(a->f, ", \"tasks_before\": %llu, \"operators\": [], \"truncated\": 0, \"why\": null}",
                        (unsigned long long) recent->n_done);
                return 0;
        }
        put_running(a, asked);
        sched_look(a->s->sched, asked->id, &look);
        fprintf(a->f, ", \"tasks_before\": %llu, \"operators\": [", (unsigned long long) look.n_before);
        if (look.of)
                put_operators(a, &look);
        fprintf(a->f, "], \"truncated\": %u, \"why\": ",
                look.of && look.of->stage.n > MAX_SHOWN_STAGES ? look.of->stage.n - MAX_SHOWN_STAGES : 0);
        put_why_of(a, asked->id, false);
        fputc('}', a->f);
        return 0;
}

/* ---- The graph -------------------------------------------------------------------------------------------------- */

static void put_stage_node(const Asking *a, const SchedLook *look, uint32_t k, const bool *kept) {
        const Plan *plan   = look->of;
        const Stage *stage = &plan->stage.data[k];
        const Value *value = &plan->value.data[stage->out[0].value];
        bool is_kept       = false;
        uint32_t n_done, n_given;

        for (uint32_t out = 0; out < stage->n_out; out++)
                is_kept |= kept[stage->out[out].value];
        sched_look_stage(look, k, &n_done, &n_given);
        fprintf(a->f, "%s{\"node\": %u, \"kind\": \"%s\", \"label\": ", k > 0 ? ", " : "", k, kinds[stage->kind]);
        json_text(a->f, stage->label);
        fputs(", \"shape\": ", a->f);
        put_shape(a->f, &value->shape);
        fprintf(a->f,
                ", \"dtype\": \"%s\", \"kept\": %s, \"tensor\": null, \"tasks\": %u, \"done\": %u, \"given\": %u, "
                "\"bytes\": %llu}",
                dtype_name(value->dtype), is_kept ? "true" : "false", stage->n_task, n_done, n_given,
                (unsigned long long) stage_bytes(plan, stage));
}

/* Leaves follow the stages, in the order of their values. */
static void put_leaf_node(const Asking *a, const Value *value, uint32_t node, bool first) {
        fprintf(a->f,
                "%s{\"node\": %u, \"kind\": \"tensor\", \"label\": \"tensor %llu\", \"shape\": ", first ? "" : ", ",
                node, (unsigned long long) value->stored);
        put_shape(a->f, &value->shape);
        fprintf(a->f,
                ", \"dtype\": \"%s\", \"kept\": true, \"tensor\": %llu, \"tasks\": 0, \"done\": 0, \"given\": 0, "
                "\"bytes\": %llu}",
                dtype_name(value->dtype), (unsigned long long) value->stored, (unsigned long long) value_bytes(value));
}

static void put_edges(const Asking *a, const Plan *plan, uint32_t n_stages, const uint32_t *node_of) {
        bool comma = false;

        for (uint32_t to = 0; to < n_stages; to++) {
                const Stage *stage = &plan->stage.data[to];

                for (uint32_t k = 0; k < stage->n_source && k < MAX_SHOWN_STAGES; k++) {
                        const uint32_t from = node_of[stage->source[k].value];
                        bool again          = from == UINT32_MAX;

                        for (uint32_t before = 0; before < k && !again; before++)
                                again = node_of[stage->source[before].value] == from;
                        if (again)
                                continue;
                        fprintf(a->f, "%s{\"from\": %u, \"to\": %u}", comma ? ", " : "", from, to);
                        comma = true;
                }
        }
}

int put_graph(Asking *a) {
        _cleanup_(freep) uint32_t *node_of = NULL; /* [value]; UINT32_MAX: is not shown */
        _cleanup_(freep) bool *kept        = NULL;
        uint32_t n_stages, n_leaves = 0, n_nodes = 0;
        const Plan *plan;
        SchedLook look;

        if (!asked_find(a->s, a->number[0]) || !sched_look(a->s->sched, a->number[0], &look))
                return -ENOENT;
        plan     = look.of;
        n_stages = MIN(plan->stage.n, (uint32_t) MAX_SHOWN_STAGES);
        node_of  = malloc((plan->value.n + 1) * sizeof(*node_of));
        kept     = calloc(plan->value.n + 1, sizeof(*kept));
        if (!node_of || !kept)
                return -ENOMEM;
        for (uint32_t k = 0; k < plan->made.n; k++)
                kept[plan->made.data[k].value] = true;
        fprintf(a->f, "{\"request\": %llu, \"plan\": %llu, \"complete\": %s, \"nodes\": [",
                (unsigned long long) a->number[0], (unsigned long long) look.plan, plan->complete ? "true" : "false");
        for (uint32_t k = 0; k < n_stages; k++, n_nodes++)
                put_stage_node(a, &look, k, kept);
        for (uint32_t v = 0; v < plan->value.n; v++) {
                const Value *value = &plan->value.data[v];

                node_of[v] = value->stage < n_stages ? value->stage : UINT32_MAX;
                if (value->stage != STAGE_NONE || n_leaves++ >= MAX_SHOWN_STAGES)
                        continue;
                put_leaf_node(a, value, n_nodes, n_nodes == 0);
                node_of[v] = n_nodes++;
        }
        fputs("], \"edges\": [", a->f);
        put_edges(a, plan, n_stages, node_of);
        fprintf(a->f, "], \"truncated\": %u}", plan->stage.n + n_leaves - n_nodes);
        return 0;
}
