/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The client: it keeps the data that it gave, and gives it again when it is asked to, or says that it has it no
 * more. */
#include "sim/cluster-sched.h"
#include "sim/cluster-work.h"

static bool put_waits(const Sim *s, uint64_t tensor) {
        for (uint32_t k = 0; k < s->put.n; k++)
                if (s->put.data[k].tensor == tensor && s->put.data[k].wanted)
                        return true;
        return false;
}

/* The worker has it, or is gone: the next one, or the answer to the scheduler. */
static void put_stored(Sim *s, uint32_t worker, uint64_t chunk) {
        for (uint32_t k = 0; k < s->put.n;) {
                const Put p = s->put.data[k];

                if (p.worker != worker || p.chunk != chunk || !p.begun) {
                        k++;
                        continue;
                }
                s->put.data[k] = vec_pop(&s->put);
                if (p.wanted && !put_waits(s, p.tensor))
                        post(&s->from_client, &(WireMessage) { WIRE_IS_GIVEN, .given = { .tensor = p.tensor } });
        }
}

static void put_add(Sim *s, uint64_t tensor, uint64_t chunk, uint32_t worker, bool wanted) {
        ck_assert_int_eq(vec_push(&s->put, (Put) { tensor, chunk, worker, wanted, false }), 0);
}

/* A new tensor of data: whoever is to have its chunks gets them by and by. */
static void adopt(Sim *s) {
        int64_t length = 1 + (int64_t) sim_random(s, 1500);
        Tiling tiling  = { .ndim = 1, .axis = { cuts_regular(length, 40 + (int64_t) sim_random(s, 200)) } };
        Spec spec      = { .dtype = DTYPE_F64, .shape = SHAPE(length) };
        const SchedTensor *t;
        uint64_t id;

        ck_assert_int_eq(sched_adopt(s->sched, &spec, &tiling, WORKER_NONE, &id), 0);
        t = sched_tensor(s->sched, id);
        row_tensor(s, t);
        journal_sync(s);
        ck_assert_int_eq(vec_push(&s->tensor, id), 0);
        ck_assert_int_eq(map_set(&s->data, id, t->chunk_first), 0);
        for (uint32_t k = 0; k < t->n_chunks; k++) {
                ck_assert_int_eq(map_set(&s->expected, t->chunk_first + k, fake_random(&s->random) | 1), 0);
                ck_assert_int_eq(map_set(&s->data_bytes, t->chunk_first + k, chunk_bytes(t, k) + 1), 0);
                if (t->holder[k] == WORKER_NONE)
                        continue; /* it will be asked for */
                put_add(s, id, t->chunk_first + k, t->holder[k], false);
        }
}

static void client_hears(Sim *s) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        _cleanup_(freep) uint8_t *body      = NULL;
        const WireMessage m                 = take_letter(&s->to_client, arena, &body);
        const uint64_t tensor               = m.wanted.tensor;

        trace("to the client", 0, &m);
        ck_assert_uint_eq(m.kind, WIRE_IS_WANTED);
        sim_assert(s, map_get(&s->data, tensor) != 0 && m.wanted.chunk_n > 0);
        if (s->refuses && one_in(s, 2)) {
                post(&s->from_client, &(WireMessage) {
                                              WIRE_IS_GIVEN,
                                              .given = { .tensor = tensor, .code = -ENOENT, .text = "forgotten" } });
                return;
        }
        for (uint32_t k = 0; k < m.wanted.chunk_n; k += 2)
                put_add(s, tensor, map_get(&s->data, tensor) + m.wanted.chunk[k], m.wanted.chunk[k + 1], true);
}

static void client_says(Sim *s) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        _cleanup_(freep) uint8_t *body      = NULL;
        const WireMessage m                 = take_letter(&s->from_client, arena, &body);
        const Error err                     = error_of(m.given.code, m.given.text);

        sched_tell(s, (SchedEvent) { .kind   = SCHED_GIVEN,
                                     .tensor = m.given.tensor,
                                     .error  = err.code < 0 ? &err : NULL });
}

/* It tells the worker of the chunk, which fetches it when it has room. */
static bool put_begin(Sim *s, uint32_t which) {
        Put *p       = &s->put.data[which];
        SimWorker *w = &s->worker[p->worker];
        Put put      = *p;

        if (p->begun)
                return false;
        p->begun = true;
        if (!w->alive)
                put_stored(s, put.worker, put.chunk);
        else
                work_tell(s, w,
                          (WorkEvent) { .kind       = WORK_EXPECT,
                                        .chunk      = put.chunk,
                                        .size_bytes = map_get(&s->data_bytes, put.chunk) - 1 });
        return true;
}

static void submit(Sim *s) {
        uint32_t n = 1 + (uint32_t) sim_random(s, 6), id;
        Asked asked = { .id = ++s->n_requests };
        Graph *graph;

        ck_assert_int_eq(graph_new(&graph), 0);
        for (uint32_t k = 0; k < n; k++) {
                uint32_t n_in = k == 0 && s->tensor.n == 0 ? 0 : (uint32_t) sim_random(s, 4);
                FakeParams p  = { .seed    = (int64_t) (sim_random(s, UINT32_MAX)),
                                  .length  = 1 + (int64_t) sim_random(s, 2000),
                                  .step    = 40 + (int64_t) sim_random(s, 200),
                                  .unknown = one_in(s, 5) };
                Ref in[4];

                for (uint32_t i = 0; i < n_in; i++) {
                        in[i] = (Ref) {};
                        if (s->tensor.n > 0 && (graph->node.n == 0 || one_in(s, 3))) {
                                uint64_t tensor = s->tensor.data[sim_random(s, s->tensor.n)];

                                ck_assert_int_eq(graph_add_stored(graph, tensor, &sched_tensor(s->sched, tensor)->spec,
                                                                  &in[i].node),
                                                 0);
                                ck_assert_int_eq(vec_push(&asked.leaf, tensor), 0);
                        } else if (graph->node.n > 0)
                                in[i].node = (uint32_t) sim_random(s, graph->node.n);
                        else
                                n_in = 0;
                }
                ck_assert_int_eq(graph_add(graph, &fake_op, &p, in, n_in, &id, NULL), 0);
                if (k + 1 == n || one_in(s, 3))
                        ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
        }
        ck_assert_int_eq(graph_encode(graph, &asked.graph, &asked.graph_bytes), 0);
        graph_free(graph);
        ck_assert_int_eq(vec_push(&s->asked, asked), 0);
        sched_submit(s, &asked);
}

/* All that it has refers to must be there, for whoever reads it: a request that computes nothing. */
static void submit_all(Sim *s) {
        Asked asked = { .id = ++s->n_requests };
        Graph *graph;
        uint32_t id;

        ck_assert_int_eq(graph_new(&graph), 0);
        for (uint32_t k = 0; k < s->tensor.n; k++) {
                ck_assert_int_eq(graph_add_stored(graph, s->tensor.data[k],
                                                  &sched_tensor(s->sched, s->tensor.data[k])->spec, &id),
                                 0);
                ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
                ck_assert_int_eq(vec_push(&asked.leaf, s->tensor.data[k]), 0);
        }
        ck_assert_int_eq(graph_encode(graph, &asked.graph, &asked.graph_bytes), 0);
        graph_free(graph);
        ck_assert_int_eq(vec_push(&s->asked, asked), 0);
        sched_submit(s, &asked);
}

static void release(Sim *s, uint32_t which) {
        const uint64_t id = s->tensor.data[which];

        for (uint32_t k = 0; k < s->asked.n; k++)
                for (uint32_t i = 0; i < s->asked.data[k].leaf.n; i++)
                        if (s->asked.data[k].leaf.data[i] == id)
                                return;
        s->tensor.data[which] = vec_pop(&s->tensor);
        sched_tell(s, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = id });
}

/* What the scheduler has announced. */
static void client_finished(Sim *s, const Row *done) {
        uint32_t k = 0;

        while (k < s->asked.n && s->asked.data[k].id != done->request)
                k++;
        sim_assert(s, k < s->asked.n); /* once */
        free(s->asked.data[k].graph);
        vec_free(&s->asked.data[k].leaf);
        s->asked.data[k] = vec_pop(&s->asked);
        if (done->outcome.code < 0) {
                const int code = done->outcome.code;

                ck_assert_msg(code == ERROR_CANCELED || (s->failures && code == ERROR_LINALG) ||
                                      (s->forgets && s->n_killed + s->n_left + s->n_emptied > 1 && code == -EIO &&
                                       strstr(done->outcome.text, "is forgotten")) ||
                                      (s->tight && code == ERROR_MEMORY) || (s->refuses && code == -ENOENT) ||
                                      (s->n_killed > 1 && code == -EIO && strstr(done->outcome.text, "workers died")),
                              "seed %llu: %s", (unsigned long long) s->seed, done->outcome.text);
                s->n_failed++;
                if (getenv("SIM_TRACE"))
                        fprintf(stderr, "request %llu has failed: %s\n", (unsigned long long) done->request,
                                done->outcome.text);
                return;
        }
        s->n_succeeded++;
        for (uint32_t i = 0; i < done->n_tensors; i++)
                ck_assert_int_eq(vec_push(&s->tensor, done->tensors[i]), 0);
}
