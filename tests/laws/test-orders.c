/* SPDX-License-Identifier: Apache-2.0 */
/* The tiling law for finishing orders, and the conservation law for every end that a request can have. Real plans of
 * every operator are run by the real machines, stores and executors, but which of the running tasks ends next, or which
 * chunk arrives next at another worker, is a matter of chance from a seed, and so are failures, refusals of memory and
 * cancellations. The answer is that of an ordinary session, bit for bit, and afterwards nothing is left anywhere. */
#include "client/execute.h"
#include "exec/exec.h"
#include "laws/cases.h"
#include "sched/work.h"

enum {
        N_SLOTS     = 3,
        MAX_CLUSTER = 3,
        CHECK_EVERY = 8, /* events: the machines' counters agree with what they count */
};

typedef struct Slot {
        Exec *exec;
        bool busy;
        PlanRun *run;
        uint32_t task;
        Vec(ChunkMemory) in, out;
        Vec(size_t) bytes;
        Vec(int64_t) length;
        char *scratch;
} Slot;

typedef struct Fetch {
        uint64_t chunk;
        uint32_t from;
} Fetch;

typedef struct Host {
        Store *store;
        Work *work;
        WorkActions actions;
        uint32_t at;
        Slot slot[N_SLOTS];
        Vec(Fetch) fetch;
} Host;

typedef struct Cluster {
        Sched *sched;
        SchedActions actions;
        uint32_t at, n_hosts;
        Host host[MAX_CLUSTER];
        uint64_t random, next_request;
        bool finished;
        Error outcome;
        uint64_t tensor[MAX_OUT]; /* of the request that has finished, a reference each */
        uint32_t n_tensors;
        /* What goes wrong: one in so many tasks fails, one in so many reservations is refused, and after so many events
         * the request is canceled; 0 is never. */
        uint32_t fail_one_in, refuse_one_in;
        int64_t cancel_after;
} Cluster;

static bool *seen; /* [op] that a plan made use of; of the planner at hand */

static uint32_t chance(Cluster *c, uint32_t n) {
        c->random = mix(c->random);
        return (uint32_t) (c->random >> 32) % n;
}

/* ---- What is planned -------------------------------------------------------------------------------------------- */

static void see(const Op *op) {
        if (op)
                seen[op_id(op)] = true;
}

static int plan_and_see(const Graph *graph, const PlanLeaves *leaves, Plan **ret, Error *err) {
        int r = plan_make(graph, leaves, ret, err);

        for (uint32_t s = 0; r == 0 && s < (*ret)->stage.n; s++) {
                const Stage *stage = &(*ret)->stage.data[s];

                for (uint32_t n = 0; stage->kind == STAGE_NEST && n < stage->n_nest; n++) {
                        for (uint32_t i = 0; i < stage->nest[n].n_instr; i++)
                                see(stage->nest[n].instr[i].op);
                        for (uint32_t i = 0; i < stage->nest[n].n_sink; i++)
                                see(stage->nest[n].sink[i].op);
                }
                see(stage->kind == STAGE_MERGE ? stage->merge.op : stage->kind == STAGE_BLOCK ? stage->block.op : NULL);
        }
        return r;
}

/* ---- Tasks ------------------------------------------------------------------------------------------------------ */

static int reserve(Cluster *c, Host *h, uint32_t n, const uint64_t *ids, const size_t *bytes) {
        return c->refuse_one_in && chance(c, c->refuse_one_in) == 0 ? STORE_FULL
                                                                    : store_reserve(h->store, n, ids, bytes);
}

static void give_back(Host *h, Slot *slot, uint32_t n_in, uint32_t n_out) {
        const Plan *plan = slot->run->plan;

        for (uint32_t k = 0; k < n_in; k++)
                store_unpin(h->store, plan_run_chunk(slot->run, plan->input_chunk[plan->input_start[slot->task] + k]));
        for (uint32_t k = 0; k < n_out; k++) {
                const uint32_t chunk = plan->output_chunk[plan->output_start[slot->task] + k];

                if (!work_together(h->work, slot->run->id, plan->chunk_value[chunk]))
                        store_drop(h->store, plan_run_chunk(slot->run, chunk));
        }
        store_scratch_free(h->store, slot->scratch, plan->stage.data[plan->task_stage[slot->task]].scratch_bytes);
        slot->scratch = NULL;
}

static uint32_t n_in_of(const Slot *slot) {
        return slot->run->plan->input_start[slot->task + 1] - slot->run->plan->input_start[slot->task];
}

static uint32_t n_out_of(const Slot *slot) {
        return slot->run->plan->output_start[slot->task + 1] - slot->run->plan->output_start[slot->task];
}

/* Pins and reserves what the task needs; false if the store refuses. */
static bool memory_get(Cluster *c, Host *h, Slot *slot) {
        const Plan *plan = slot->run->plan;

        ck_assert_int_eq(vec_reserve(&slot->in, n_in_of(slot)), 0);
        ck_assert(vec_reserve(&slot->out, n_out_of(slot)) == 0 && vec_reserve(&slot->bytes, n_out_of(slot)) == 0 &&
                  vec_reserve(&slot->length, n_out_of(slot)) == 0);
        ck_assert_int_eq(
                store_scratch(h->store, plan->stage.data[plan->task_stage[slot->task]].scratch_bytes, &slot->scratch),
                0);
        for (uint32_t k = 0; k < n_out_of(slot); k++) {
                const uint32_t chunk = plan->output_chunk[plan->output_start[slot->task] + k];
                const uint64_t id    = plan_run_chunk(slot->run, chunk);
                const size_t bytes   = plan_chunk_bytes(plan, chunk);

                if (!work_together(h->work, slot->run->id, plan->chunk_value[chunk]) &&
                    reserve(c, h, 1, &id, &bytes) != 0) {
                        give_back(h, slot, 0, k);
                        return false;
                }
                slot->out.data[k].data = store_writable(h->store, id);
                plan_chunk_shape(plan, chunk, &slot->out.data[k].shape);
        }
        for (uint32_t k = 0; k < n_in_of(slot); k++) {
                const uint32_t chunk = plan->input_chunk[plan->input_start[slot->task] + k];
                const char *data;
                size_t bytes;

                ck_assert_int_eq(store_pin(h->store, plan_run_chunk(slot->run, chunk), &data, &bytes), 0);
                slot->in.data[k].data = (char *) (uintptr_t) data;
                plan_chunk_shape(plan, chunk, &slot->in.data[k].shape);
        }
        return true;
}

static void tell_host(Host *h, const WorkEvent *event) {
        ck_assert_int_eq(work_step(h->work, event, &h->actions), 0);
}

static void tell_sched(Cluster *c, const SchedEvent *event) {
        ck_assert_int_eq(sched_step(c->sched, event, &c->actions), 0);
}

/* The task runs now and ends. */
static void task_end(Cluster *c, Host *h, uint32_t thread) {
        Slot *slot        = &h->slot[thread];
        const Plan *plan  = slot->run->plan;
        WorkEvent event   = { .kind = WORK_FINISHED, .thread = thread };
        Error err         = {};
        int r;

        slot->length.n = 0;
        if (c->fail_one_in && chance(c, c->fail_one_in) == 0)
                r = error_set(&err, ERROR_LINALG, "it was singular");
        else
                r = exec_run(slot->exec, plan, slot->task, slot->in.data, slot->out.data, slot->scratch,
                             &slot->run->canceled, &err);
        for (uint32_t k = 0; k < n_out_of(slot) && r == 0; k++) {
                const uint32_t chunk = plan->output_chunk[plan->output_start[slot->task] + k];
                const Value *value   = &plan->value.data[plan->chunk_value[chunk]];

                slot->bytes.data[k] = (size_t) shape_size(&slot->out.data[k].shape) * dtype_size(value->dtype);
                store_seal(h->store, plan_run_chunk(slot->run, chunk), slot->bytes.data[k]);
                if (!tiling_known(&value->tiling))
                        slot->length.data[slot->length.n++] = slot->out.data[k].shape.dim[0];
        }
        give_back(h, slot, n_in_of(slot), r < 0 ? n_out_of(slot) : 0);
        slot->busy   = false;
        event.error  = r < 0 ? &err : NULL;
        event.bytes  = slot->bytes.data;
        event.length = slot->length.data;
        tell_host(h, &event);
}

/* ---- Actions ---------------------------------------------------------------------------------------------------- */

static void finished(Cluster *c, const SchedAction *a) {
        c->finished = true;
        c->outcome  = a->outcome ? c->actions.error.data[a->outcome - 1] : (Error) {};
        ck_assert_uint_le(a->n, MAX_OUT);
        for (c->n_tensors = 0; c->n_tensors < a->n; c->n_tensors++)
                c->tensor[c->n_tensors] = c->actions.tensor.data[a->first + c->n_tensors];
}

static void do_sched_action(Cluster *c, const SchedAction *a) {
        Host *h = &c->host[a->worker];

        switch (a->kind) {
        case SCHED_PLAN:
                tell_host(h, &(WorkEvent) { .kind = WORK_PLAN, .run = a->run });
                break;
        case SCHED_RUN:
                tell_host(h, &(WorkEvent) { .kind    = WORK_RUN,
                                            .plan    = a->plan,
                                            .n       = a->n,
                                            .task    = c->actions.task.data + a->first,
                                            .n_fetch = a->n_fetch,
                                            .fetch   = c->actions.fetch.data + a->first_fetch });
                break;
        case SCHED_DROP:
                tell_host(h, &(WorkEvent) { .kind = WORK_DROP, .chunk = a->chunk, .n = a->n });
                break;
        case SCHED_FORGET:
                tell_host(h, &(WorkEvent) { .kind = WORK_FORGET, .plan = a->plan, .drop = a->drop });
                break;
        case SCHED_FINISHED:
                finished(c, a);
                break;
        case SCHED_RECIPE:
        case SCHED_RECIPE_GONE:
        case SCHED_TENSOR:
        case SCHED_TENSOR_GONE:
                break; /* there is no journal */
        case SCHED_RECALL:
        case SCHED_WANTED:
        case SCHED_TAKE:
        case SCHED_DIGEST:
        case SCHED_DIFFERS:
        case SCHED_DRAINED:
        case SCHED_LATE:
                ck_abort_msg("no worker has left");
        }
}

static void reserve_together(Cluster *c, Host *h, const WorkAction *a) {
        const Plan *plan   = a->run->plan;
        const Value *value = &plan->value.data[a->value];
        const uint32_t n   = (uint32_t) tiling_n_chunks(&value->tiling);
        _cleanup_(freep) uint64_t *ids = calloc(n, sizeof(*ids));
        _cleanup_(freep) size_t *bytes = calloc(n, sizeof(*bytes));

        for (uint32_t k = 0; k < n; k++) {
                ids[k]   = plan_run_chunk(a->run, value->first_chunk + k);
                bytes[k] = plan_chunk_bytes(plan, value->first_chunk + k);
        }
        tell_host(h, &(WorkEvent) { .kind  = WORK_GROUP,
                                    .plan  = a->plan,
                                    .value = a->value,
                                    .ok    = chance(c, 4) > 0 && reserve(c, h, n, ids, bytes) == 0 });
}

static void do_work_action(Cluster *c, Host *h, const WorkAction *a) {
        SchedEvent event = { .worker = (uint32_t) (h - c->host), .plan = a->plan, .n = 1, .task = &a->task };
        Slot *slot;

        switch (a->kind) {
        case WORK_START:
                slot       = &h->slot[a->thread];
                slot->run  = a->run;
                slot->task = a->task;
                slot->busy = true;
                return;
        case WORK_TOGETHER:
                reserve_together(c, h, a);
                return;
        case WORK_FETCH:
                ck_assert_int_eq(vec_push(&h->fetch, (Fetch) { a->chunk, a->from }), 0);
                return;
        case WORK_FREE:
                for (uint32_t k = 0; k < a->n; k++)
                        store_drop(h->store, a->chunk + k);
                return;
        case WORK_SPILL:
        case WORK_EVICT:
        case WORK_RETURN:
        case WORK_PINNED:
        case WORK_LOST:
                ck_abort_msg("no host has a disk, and nobody pins");
        case WORK_DONE:
                event.kind   = SCHED_DONE;
                event.length = work_lengths(&h->actions, a);
                break;
        case WORK_FAILED:
                event.kind  = SCHED_FAILED;
                event.error = work_error(&h->actions, a);
                break;
        case WORK_RECALLED:
                event.kind = SCHED_RECALLED;
                break;
        case WORK_TAKEN:
                ck_abort_msg("no worker has left");
        case WORK_FORGOTTEN:
                event.kind = SCHED_FORGOTTEN;
                break;
        }
        tell_sched(c, &event);
}

static void pump(Cluster *c) {
        bool more = true;

        while (more) {
                more = false;
                for (; c->at < c->actions.action.n; more = true) {
                        const SchedAction a = c->actions.action.data[c->at++];

                        do_sched_action(c, &a);
                }
                sched_actions_clear(&c->actions);
                c->at = 0;
                for (uint32_t k = 0; k < c->n_hosts; k++) {
                        Host *h = &c->host[k];

                        for (; h->at < h->actions.action.n; more = true) {
                                const WorkAction a = h->actions.action.data[h->at++];

                                do_work_action(c, h, &a);
                        }
                        work_actions_clear(&h->actions);
                        h->at = 0;
                }
        }
}

/* ---- Events by chance ------------------------------------------------------------------------------------------- */

static void fetch_end(Cluster *c, Host *h, uint32_t which) {
        const Fetch f   = h->fetch.data[which];
        Host *from      = &c->host[f.from];
        WorkEvent event = { .kind = WORK_FETCH_FAILED, .chunk = f.chunk, .from = f.from };
        const char *data;
        size_t bytes;

        h->fetch.data[which] = h->fetch.data[--h->fetch.n];
        if (store_pin(from->store, f.chunk, &data, &bytes) == 0) { /* else the plan has ended there */
                ck_assert_int_eq(store_reserve(h->store, 1, &f.chunk, &bytes), 0);
                memcpy(store_writable(h->store, f.chunk), data, bytes);
                store_seal(h->store, f.chunk, bytes);
                store_unpin(from->store, f.chunk);
                event = (WorkEvent) { .kind = WORK_FETCHED, .chunk = f.chunk, .size_bytes = bytes };
        }
        tell_host(h, &event);
}

/* A free thread asks for work: what it gets is left running. */
static void ask_work(Cluster *c, Host *h, uint32_t thread) {
        Slot *slot = &h->slot[thread];

        tell_host(h, &(WorkEvent) { .kind = WORK_NEXT, .thread = thread });
        pump(c);
        if (slot->busy && !memory_get(c, h, slot)) {
                slot->busy = false;
                tell_host(h, &(WorkEvent) { .kind = WORK_REFUSED, .thread = thread });
        }
}

/* One thing happens at a host. */
static void happen(Cluster *c, Host *h) {
        const uint32_t thread = chance(c, N_SLOTS);

        if (h->fetch.n > 0 && chance(c, 3) == 0)
                fetch_end(c, h, chance(c, h->fetch.n));
        else if (!h->slot[thread].busy)
                ask_work(c, h, thread);
        else if (chance(c, 2) == 0)
                task_end(c, h, thread);
        pump(c);
}

static void run(Cluster *c, Graph *graph) {
        const uint64_t id = ++c->next_request;
        int64_t n_events  = 0;
        Error err         = {};

        error_set(&err, ERROR_CANCELED, "canceled");
        c->finished = false;
        tell_sched(c, &(SchedEvent) { .kind = SCHED_SUBMIT, .request = id, .graph = graph });
        pump(c);
        while (!c->finished) {
                Host *h = &c->host[chance(c, c->n_hosts)];

                happen(c, h);
                if (n_events % CHECK_EVERY == 0)
                        ck_assert(work_consistent(h->work) && sched_consistent(c->sched));
                if (++n_events == c->cancel_after) {
                        tell_sched(c, &(SchedEvent) { .kind = SCHED_CANCEL, .request = id, .error = &err });
                        pump(c);
                }
                ck_assert_int_lt(n_events, 1 << 20);
        }
        for (uint32_t k = 0; k < c->n_hosts; k++) /* chunks that are on their way arrive for nothing */
                while (c->host[k].fetch.n > 0) {
                        fetch_end(c, &c->host[k], 0);
                        pump(c);
                }
}

/* ---- The cluster ------------------------------------------------------------------------------------------------ */

static void cluster_init(Cluster *c, uint32_t n_hosts) {
        *c = (Cluster) { .n_hosts = n_hosts, .random = n_hosts };
        ck_assert_int_eq(sched_new(&c->sched, n_hosts == 1, plan_and_see), 0);
        sched_limit(c->sched, n_hosts == 1 ? 0 : 200, 0); /* bytes a task: nearly all is cut to pieces and exchanged */
        for (uint32_t k = 0; k < n_hosts; k++) {
                Host *h = &c->host[k];

                ck_assert_int_eq(store_new(&h->store, &(StoreConfig) { .cache_bytes = 64 << 20 }, NULL), 0);
                ck_assert_int_eq(work_new(&h->work, N_SLOTS,
                                          &(WorkLimits) { .cache_bytes = 64 << 20,
                                                          .hard_bytes  = 64 << 20,
                                                          .soft_bytes  = 64 << 20 }),
                                 0);
                for (uint32_t t = 0; t < N_SLOTS; t++)
                        ck_assert_int_eq(exec_new(&h->slot[t].exec), 0);
                tell_sched(c, &(SchedEvent) { .kind = SCHED_JOINED, .worker = k });
                pump(c);
        }
}

static void cluster_done(Cluster *c) {
        sched_free(c->sched);
        sched_actions_done(&c->actions);
        for (uint32_t k = 0; k < c->n_hosts; k++) {
                Host *h = &c->host[k];

                work_free(h->work);
                work_actions_done(&h->actions);
                vec_free(&h->fetch);
                store_free(h->store);
                for (uint32_t t = 0; t < N_SLOTS; t++) {
                        exec_free(h->slot[t].exec);
                        vec_free(&h->slot[t].in);
                        vec_free(&h->slot[t].out);
                        vec_free(&h->slot[t].bytes);
                        vec_free(&h->slot[t].length);
                }
        }
}

static void nothing_left(const Cluster *c, const char *text) {
        SchedStats sched;

        sched_stats(c->sched, &sched);
        ck_assert_msg(sched.n_tensors == 0 && sched.n_requests == 0 && sched.n_plans == 0 && sched.state_bytes == 0,
                      "%s: the scheduler keeps something", text);
        for (uint32_t k = 0; k < c->n_hosts; k++) {
                StoreStats store;
                WorkStats work;

                store_stats(c->host[k].store, &store);
                work_stats(c->host[k].work, &work);
                ck_assert_msg(store.n_chunks == 0 && store.n_pins == 0 && store.used_bytes == 0 &&
                                      store.pinned_bytes == 0,
                              "%s: the store keeps %llu chunks", text, (unsigned long long) store.n_chunks);
                ck_assert_msg(work.n_chunks == 0 && work.n_tasks == 0 && work.n_plans == 0 && work.used_bytes == 0,
                              "%s: the worker keeps %llu chunks", text, (unsigned long long) work.n_chunks);
        }
}

/* Copies between a whole tensor in C order and one chunk of it. */
static void copy_chunk(const Tiling *tiling, uint64_t chunk, size_t size, char *whole, char *part, bool out) {
        int64_t x[MAX_NDIM], n;
        Box box;

        tiling_box(tiling, chunk, &box);
        n = box_size(&box);
        memcpy(x, box.lo, sizeof(x));
        for (int64_t i = 0; i < n; i++) {
                int64_t at = 0;

                for (int k = 0; k < tiling->ndim; k++)
                        at = at * tiling->axis[k].extent + x[k];
                memcpy(out ? part + (size_t) i * size : whole + (size_t) at * size,
                       out ? whole + (size_t) at * size : part + (size_t) i * size, size);
                for (int k = tiling->ndim; k-- > 0 && ++x[k] == box.hi[k];)
                        x[k] = box.lo[k];
        }
}

/* The data behind a leaf becomes chunks at some host. */
static uint64_t adopt(Cluster *c, mars_session *s, const WalkLeaf *leaf) {
        const Tiling *tiling = leaf->tiling;
        mars_tensor *tensor  = (mars_tensor *) leaf->tensor;
        const uint32_t at    = chance(c, c->n_hosts);
        const uint32_t n     = (uint32_t) tiling_n_chunks(tiling);
        const SchedTensor *t;
        Spec spec;
        uint64_t id;
        char *whole;

        tensor_spec(tensor, &spec);
        whole = calloc((size_t) shape_size(&spec.shape) + 1, dtype_size(spec.dtype));
        must(mars_execute(s, 1, &tensor, &err));
        must(mars_fetch(s, tensor, whole, NULL, &err));
        ck_assert_int_eq(sched_adopt(c->sched, &spec, tiling, at, &id), 0);
        t = sched_tensor(c->sched, id);
        for (uint32_t k = 0; k < n; k++) {
                const uint64_t chunk = t->chunk_first + k;
                Box box;
                size_t bytes;

                tiling_box(tiling, k, &box);
                bytes = (size_t) box_size(&box) * dtype_size(spec.dtype);
                ck_assert_int_eq(store_reserve(c->host[at].store, 1, &chunk, &bytes), 0);
                copy_chunk(tiling, k, dtype_size(spec.dtype), whole, store_writable(c->host[at].store, chunk), true);
                store_seal(c->host[at].store, chunk, bytes);
        }
        tell_host(&c->host[at], &(WorkEvent) { .kind = WORK_ADOPT, .chunk = t->chunk_first, .n = n });
        free(whole);
        return id;
}

static void collect(Cluster *c, uint64_t id, unsigned i, Bits *ret) {
        const SchedTensor *t = sched_tensor(c->sched, id);
        const size_t size    = dtype_size(t->spec.dtype);

        ret->dtype[i] = (mars_dtype) t->spec.dtype;
        ret->size[i]  = (size_t) shape_size(&t->spec.shape) * size;
        ret->data[i]  = calloc(ret->size[i] + 1, 1);
        for (uint32_t k = 0; k < t->n_chunks; k++) {
                Store *store = c->host[t->holder[k]].store;
                const char *data;
                size_t bytes;

                ck_assert_int_eq(store_pin(store, t->chunk_first + k, &data, &bytes), 0);
                copy_chunk(&t->tiling, k, size, ret->data[i], (char *) (uintptr_t) data, false);
                store_unpin(store, t->chunk_first + k);
        }
        one_nan(ret->dtype[i], ret->size[i], ret->data[i]);
}

/* The answer to the question from the cluster; false when it is refused. */
static bool compute_by_chance(Cluster *c, mars_session *s, const Question *q, Cut cut, Bits *ret) {
        mars_tensor *out[MAX_OUT] = {};
        Error err                 = {};
        Walk walk                 = { .look = true, .err = &err };
        uint64_t leaf[MAX_IN]     = {};
        uint32_t n_leaves;

        *ret = (Bits) {};
        if (answer(q, cut, out) < 0)
                return false;
        ck_assert_int_eq(walk_begin(&walk), 0);
        for (unsigned i = 0; i < q->info->n_out; i++)
                ck_assert_msg(walk_want(&walk, out[i]) == 0, "%s: %s", q->text, err.text);
        n_leaves = walk.leaf.n;
        ck_assert_uint_le(n_leaves, MAX_IN);
        for (uint32_t k = 0; k < n_leaves; k++)
                leaf[k] = adopt(c, s, &walk.leaf.data[k]);
        for (uint32_t k = 0; k < walk.graph->node.n; k++)
                if (!walk.graph->node.data[k].op)
                        walk.graph->node.data[k].stored = leaf[walk.graph->node.data[k].stored - 1];
        run(c, TAKE_PTR(walk.graph));
        walk_end(&walk);
        ret->code = c->outcome.code;
        for (uint32_t i = 0; i < c->n_tensors; i++, ret->n++)
                collect(c, c->tensor[i], i, ret);
        for (uint32_t i = 0; i < c->n_tensors; i++)
                tell_sched(c, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = c->tensor[i] });
        for (uint32_t k = 0; k < n_leaves; k++)
                tell_sched(c, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = leaf[k] });
        pump(c);
        for (unsigned i = 0; i < q->info->n_out; i++)
                mars_tensor_unref(out[i]);
        nothing_left(c, q->text);
        return true;
}

/* ---- The laws --------------------------------------------------------------------------------------------------- */

typedef struct Law {
        mars_session *session;
        Cluster alone, many;
        unsigned n, n_orders, n_ended[3]; /* questions; of those that went wrong on purpose: done, failed, canceled */
} Law;

static void law_begin(Law *law) {
        *law    = (Law) { .session = session(1) };
        seen    = calloc(op_count(), sizeof(*seen));
        cluster_init(&law->alone, 1);
        cluster_init(&law->many, MAX_CLUSTER);
}

static void law_end(Law *law) {
        cluster_done(&law->alone);
        cluster_done(&law->many);
        mars_session_unref(law->session);
        free(seen);
        seen = NULL;
}

/* Maps of many dtypes differ in their kernels only, which know nothing of tasks. */
static bool is_asked(Law *law, const Question *q) {
        return strcmp(q->info->family, "map") != 0 || law->n++ % 16 == 0;
}

static void hold_order(const Question *q, void *userdata) {
        static const Cut some[] = { { 3, false }, { RAGGED, false }, { MIXED, false }, { 1, false } };
        Law *law                = userdata;
        const Cut cut           = some[mix(q->op) % ELEMENTSOF(some)];
        const bool many         = ++law->n_orders % 2 == 0;
        Bits plain, bits;

        if (!is_asked(law, q) || !compute(law->session, q, cut, &plain))
                return;
        ck_assert(compute_by_chance(many ? &law->many : &law->alone, law->session, q, cut, &bits));
        ck_assert_msg(bits_equal(&bits, &plain), "%s: another order on %s changes it", q->text,
                      many ? "several workers" : "one worker");
        bits_clear(&plain);
        bits_clear(&bits);
}

/* Operators that no question comes to run. `full` is a constant of programs, never an instruction; the others work
 * on parts of large tensors, which their own tests have. */
static const char *const never_run[] = {
        "full",       "product_blocks", "product_add", "gram_blocks", "merge_runs", "argmerge_runs", "intervals",
        "sort_deal",  "sort_block",     "words_deal",  "words_block", "words_runs", "select_count",  "select_narrow",
        "top_blocks", "top_merge",      "fft_chirp",   "qr_panel",    "finite",     "split_check",
};

TEST(every_operator_gives_the_same_bits_whatever_ends_first_and_wherever) {
        char names[512] = "";
        int n           = 0;
        Law law;

        law_begin(&law);
        each_question(hold_order, &law);
        for (uint32_t k = 0; k < op_count(); k++) {
                const Op *op  = op_table()[k];
                bool excepted = false;

                for (size_t i = 0; i < ELEMENTSOF(never_run); i++)
                        excepted |= strcmp(op->name, never_run[i]) == 0;
                ck_assert_msg(!seen[k] || !excepted, "%s is run after all", op->name);
                if (!seen[k] && !op->expand && op->family != FAMILY_MOVE && !excepted)
                        n += snprintf(names + n, sizeof(names) - (size_t) n, " %s", op->name);
        }
        ck_assert_msg(n == 0, "no question of tests/laws/cases.h comes to run%s", names);
        law_end(&law);
}

static void go_wrong(const Question *q, void *userdata) {
        Law *law = userdata;
        Bits plain, bits;

        if (!is_asked(law, q) || !compute(law->session, q, (Cut) { 3, false }, &plain))
                return;
        for (Cluster *c = &law->alone; c; c = c == &law->alone ? &law->many : NULL) {
                c->fail_one_in   = chance(c, 3) == 0 ? 4 + chance(c, 60) : 0;
                c->refuse_one_in = chance(c, 2) == 0 ? 4 + chance(c, 60) : 0;
                c->cancel_after  = chance(c, 2) == 0 ? 1 + chance(c, 100) : 0;
                ck_assert(compute_by_chance(c, law->session, q, (Cut) { 3, false }, &bits));
                if (bits.code == 0 || bits.code == plain.code)
                        ck_assert_msg(bits_equal(&bits, &plain), "%s: what went wrong before changes it", q->text);
                else /* a task that is refused all memory while nothing runs fails with the numbers */
                        ck_assert_msg(bits.code == ERROR_LINALG || bits.code == ERROR_CANCELED ||
                                              (bits.code == ERROR_MEMORY && c->refuse_one_in > 0),
                                      "%s: %s", q->text, c->outcome.text);
                law->n_ended[bits.code == 0 ? 0 : bits.code == ERROR_CANCELED ? 2 : 1]++;
                bits_clear(&bits);
        }
        bits_clear(&plain);
}

TEST(nothing_is_left_of_requests_that_fail_or_are_canceled_at_any_time) {
        Law law;

        law_begin(&law);
        each_question(go_wrong, &law);
        for (size_t k = 0; k < ELEMENTSOF(law.n_ended); k++)
                ck_assert_uint_gt(law.n_ended[k], 30);
        law_end(&law);
}
