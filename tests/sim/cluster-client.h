/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The client: it keeps the data that it gave until it is told that it is wanted no more, and gives it again when it is
 * asked to, or says that it has it no more. */
#include "sim/cluster-session.h"
#include "sim/cluster-work.h"

static bool put_waits(const Sim *s, uint64_t tensor) {
        for (uint32_t k = 0; k < s->put.n; k++)
                if (s->put.data[k].tensor == tensor && s->put.data[k].wanted)
                        return true;
        return false;
}

static void given_say(Sim *s, uint64_t tensor, int code, const char *text);

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
                        given_say(s, p.tensor, 0, NULL);
        }
}

/* What is on its way there, and is asked for again, still is. */
static void put_add(Sim *s, uint64_t tensor, uint64_t chunk, uint32_t worker, bool wanted) {
        for (uint32_t k = 0; k < s->put.n; k++)
                if (s->put.data[k].chunk == chunk && s->put.data[k].worker == worker) {
                        s->put.data[k].wanted |= wanted;
                        return;
                }
        ck_assert_int_eq(vec_push(&s->put, (Put) { tensor, chunk, worker, wanted, false }), 0);
}

/* ---- What it says ------------------------------------------------------------------------------------------------ */

/* While it has no link, or has not been welcomed, nothing: RESUME says it all. */
static void client_post(Sim *s, const WireMessage *m) {
        if (s->client_welcome)
                post(&s->from_client, m);
}

static void submit_say(Sim *s, const Waited *asked) {
        client_post(s, &(WireMessage) { WIRE_IS_SUBMIT, .submit = { .request = asked->id,
                                                                    .graph   = asked->graph,
                                                                    .graph_n = (uint32_t) asked->graph_bytes } });
}

static void adopt_say(Sim *s, const Adopting *a) {
        const WireTensor tensor = {
                .spec   = { .dtype = DTYPE_F64, .shape = SHAPE(a->length) },
                .tiling = { .ndim = 1, .axis = { cuts_regular(a->length, a->step) } },
        };
        Writer w = {};

        wire_put_tensor(&w, &tensor);
        client_post(s, &(WireMessage) {
                               WIRE_IS_ADOPT,
                               .adopt = { .request = a->request, .tensor = w.bytes.data, .tensor_n = w.bytes.n } });
        vec_free(&w.bytes);
}

static void known_say(Sim *s) {
        client_post(s,
                    &(WireMessage) { WIRE_IS_KNOWN, .known = { .request = s->known.data, .request_n = s->known.n } });
        s->known.n = 0;
}

static void given_say(Sim *s, uint64_t tensor, int code, const char *text) {
        client_post(s, &(WireMessage) { WIRE_IS_GIVEN,
                                        .given = { .tensor = tensor,
                                                   .code   = code,
                                                   .text   = text,
                                                   .number = map_get(&s->data_wanted, tensor) } });
}

/* Over a new link, first, what it has and waits for; then all that was not answered, once more. */
static void resume_say(Sim *s) {
        _cleanup_(map_done) Map refs = {};
        Vec(uint64_t) tensor = {}, request = {};

        for (uint32_t k = 0; k < s->tensor.n; k++)
                ck_assert_int_eq(map_set(&refs, s->tensor.data[k], map_get(&refs, s->tensor.data[k]) + 1), 0);
        for (uint32_t k = 0; k < refs.capacity; k++)
                if (refs.entry[k].value > 0) {
                        ck_assert_int_eq(vec_push(&tensor, refs.entry[k].key), 0);
                        ck_assert_int_eq(vec_push(&tensor, refs.entry[k].value), 0);
                }
        for (uint32_t k = 0; k < s->asked.n; k++)
                ck_assert_int_eq(vec_push(&request, s->asked.data[k].id), 0);
        client_post(s, &(WireMessage) { WIRE_IS_RESUME, .resume = { .tensor    = tensor.data,
                                                                    .tensor_n  = tensor.n,
                                                                    .request   = request.data,
                                                                    .request_n = request.n } });
        for (uint32_t k = 0; k < s->asked.n; k++)
                submit_say(s, &s->asked.data[k]);
        for (uint32_t k = 0; k < s->adopting.n; k++)
                adopt_say(s, &s->adopting.data[k]);
        vec_free(&tensor);
        vec_free(&request);
        s->known.n = 0;
}

/* ---- What it hears ----------------------------------------------------------------------------------------------- */

/* One reference more. */
static void client_has(Sim *s, const WireTensor *t) {
        ck_assert_int_eq(vec_push(&s->tensor, t->id), 0);
        ck_assert_int_eq(map_set(&s->length, t->id, (uint64_t) t->spec.shape.dim[0] + 1), 0);
}

static Spec spec_of(const Sim *s, uint64_t tensor) {
        return (Spec) { .dtype = DTYPE_F64, .shape = SHAPE((int64_t) map_get(&s->length, tensor) - 1) };
}

static void client_finished(Sim *s, const Wire_finished *m, Arena *arena) {
        Error err  = {};
        Reader rd  = { .start   = m->tensors,
                       .at      = m->tensors,
                       .end     = m->tensors + m->tensors_n,
                       .what    = "FINISHED",
                       .err     = &err,
                       .scratch = arena };
        uint32_t k = 0;

        while (k < s->asked.n && s->asked.data[k].id != m->request)
                k++;
        sim_assert(s, k < s->asked.n); /* once */
        free(s->asked.data[k].graph);
        vec_free(&s->asked.data[k].leaf);
        s->asked.data[k] = vec_pop(&s->asked);
        ck_assert_int_eq(vec_push(&s->known, m->request), 0);
        if (s->known.n > 2)
                known_say(s);
        s->n_failed += m->code < 0;
        s->n_succeeded += m->code == 0;
        while (rd.r == 0 && reader_left(&rd) > 0) {
                WireTensor t;

                wire_get_tensor(&rd, &t);
                ck_assert_msg(rd.r == 0, "%s", err.text);
                client_has(s, &t);
        }
}

/* Whoever is to have its chunks gets them by and by. */
static void client_adopted(Sim *s, const Wire_adopted *m, Arena *arena) {
        Error err  = {};
        Reader rd  = { .start   = m->tensor,
                       .at      = m->tensor,
                       .end     = m->tensor + m->tensor_n,
                       .what    = "ADOPTED",
                       .err     = &err,
                       .scratch = arena };
        uint32_t k = 0;
        WireTensor t;

        while (k < s->adopting.n && s->adopting.data[k].request != m->request)
                k++;
        sim_assert(s, k < s->adopting.n); /* once */
        s->adopting.data[k] = vec_pop(&s->adopting);
        wire_get_tensor(&rd, &t);
        ck_assert_msg(rd.r == 0, "%s", err.text);
        client_has(s, &t);
        ck_assert_int_eq(map_set(&s->data, t.id, t.chunk_first), 0);
        for (k = 0; k < t.n_holder; k++) {
                const Cuts *cuts   = &t.tiling.axis[0];
                const size_t bytes = (size_t) (cuts_edge(cuts, k + 1) - cuts_edge(cuts, k)) * sizeof(double);

                ck_assert_int_eq(map_set(&s->expected, t.chunk_first + k, fake_random(&s->random) | 1), 0);
                ck_assert_int_eq(map_set(&s->data_bytes, t.chunk_first + k, bytes + 1), 0);
                if (t.holder[k] != WORKER_NONE) /* else it will be asked for */
                        put_add(s, t.id, t.chunk_first + k, t.holder[k], false);
        }
}

static void client_wanted(Sim *s, const Wire_wanted *m) {
        sim_assert(s, map_get(&s->data, m->tensor) != 0 && m->chunk_n > 0);
        ck_assert_int_eq(map_set(&s->data_wanted, m->tensor, m->number), 0);
        if (s->refuses && one_in(s, 2)) {
                given_say(s, m->tensor, -ENOENT, "forgotten");
                return;
        }
        for (uint32_t k = 0; k < m->chunk_n; k += 2)
                put_add(s, m->tensor, map_get(&s->data, m->tensor) + m->chunk[k], m->chunk[k + 1], true);
}

/* Nobody will ask for it again. */
static void client_spared(Sim *s, const Wire_spared *m) {
        _cleanup_(map_done) Map said = {};

        for (uint32_t k = 0; k < m->tensor_n; k++) {
                ck_assert_int_eq(map_set(&said, m->tensor[k], 1), 0);
                if (!m->but)
                        map_remove(&s->data, m->tensor[k]);
        }
        for (uint32_t k = 0; k < s->data.capacity && m->but;)
                if (s->data.entry[k].value != 0 && map_get(&said, s->data.entry[k].key) == 0)
                        map_remove(&s->data, s->data.entry[k].key); /* another one may stand in its place now */
                else
                        k++;
        s->n_spared += !m->but;
}

static void client_hears(Sim *s) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        _cleanup_(freep) uint8_t *body      = NULL;
        const WireMessage m                 = take_letter(s, &s->to_client, arena, &body);

        trace("to the client", 0, &m);
        switch (m.kind) {
        case WIRE_IS_WELCOME:
                s->client_welcome = true;
                resume_say(s);
                return;
        case WIRE_IS_FINISHED:
                client_finished(s, &m.finished, arena);
                return;
        case WIRE_IS_ADOPTED:
                client_adopted(s, &m.adopted, arena);
                return;
        case WIRE_IS_WANTED:
                client_wanted(s, &m.wanted);
                return;
        case WIRE_IS_SPARED:
                client_spared(s, &m.spared);
                return;
        default:
                ck_abort_msg("%s is not for a client", wire_name(m.kind));
        }
}

/* ---- What it does ------------------------------------------------------------------------------------------------ */

static void adopt(Sim *s) {
        const Adopting a = { .request = ++s->n_requests,
                             .length  = 1 + (int64_t) sim_random(s, 1500),
                             .step    = 40 + (int64_t) sim_random(s, 200) };

        ck_assert_int_eq(vec_push(&s->adopting, a), 0);
        adopt_say(s, &a);
}

/* It tells the worker of the chunk, which fetches it when it has room. */
static bool put_begin(Sim *s, uint32_t which) {
        Put *p       = &s->put.data[which];
        SimWorker *w = &s->worker[p->worker];
        Put put      = *p;

        if (p->begun || (w->alive && w->paused))
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
        Waited asked = { .id = ++s->n_requests };
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

                                const Spec spec = spec_of(s, tensor);

                                ck_assert_int_eq(graph_add_stored(graph, tensor, &spec, &in[i].node), 0);
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
        submit_say(s, &asked);
}

/* All that it has refers to must be there, for whoever reads it: a request that computes nothing. */
static void submit_all(Sim *s) {
        Waited asked = { .id = ++s->n_requests };
        Graph *graph;
        uint32_t id;

        ck_assert_int_eq(graph_new(&graph), 0);
        for (uint32_t k = 0; k < s->tensor.n; k++) {
                const Spec spec = spec_of(s, s->tensor.data[k]);

                ck_assert_int_eq(graph_add_stored(graph, s->tensor.data[k], &spec, &id), 0);
                ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { .node = id }), 0);
                ck_assert_int_eq(vec_push(&asked.leaf, s->tensor.data[k]), 0);
        }
        ck_assert_int_eq(graph_encode(graph, &asked.graph, &asked.graph_bytes), 0);
        graph_free(graph);
        ck_assert_int_eq(vec_push(&s->asked, asked), 0);
        submit_say(s, &asked);
}

static void release(Sim *s, uint32_t which) {
        const uint64_t id = s->tensor.data[which];

        for (uint32_t k = 0; k < s->asked.n; k++)
                for (uint32_t i = 0; i < s->asked.data[k].leaf.n; i++)
                        if (s->asked.data[k].leaf.data[i] == id)
                                return;
        s->tensor.data[which] = vec_pop(&s->tensor);
        client_post(s, &(WireMessage) { WIRE_IS_RELEASE, .release = { .tensor = (uint64_t[]) { id }, .tensor_n = 1 } });
}

static void cancel_one(Sim *s) {
        client_post(s, &(WireMessage) { WIRE_IS_CANCEL, .cancel = { .request = 1 + sim_random(s, s->n_requests) } });
}

/* ---- Its link ---------------------------------------------------------------------------------------------------- */

/* Each side has heard some of what the other one has said. */
static void client_breaks(Sim *s) {
        channel_done(&s->to_client);
        channel_done(&s->from_client);
        s->client_linked = s->client_welcome = false;
        s->client_away                       = sched_now(s);
        s->client_reached                    = listened(s);
        s->client_noted                      = s->now - s->stopped;
        book_leave(&s->book);
}

/* Its session has ended: it has nothing, and nobody waits for anything. */
static void client_anew(Sim *s) {
        for (uint32_t k = 0; k < s->asked.n; k++) {
                free(s->asked.data[k].graph);
                vec_free(&s->asked.data[k].leaf);
        }
        s->asked.n = s->tensor.n = s->adopting.n = s->known.n = s->put.n = 0;
        map_done(&s->data);
        s->client_lost = false;
}

static void client_joins(Sim *s) {
        const bool again = !s->client_lost;

        s->client_knocks = s->now < s->sched_until || (s->client_lost && s->n_synced < s->ended_at);
        if (s->client_knocks)
                return;
        if (s->client_linked) /* it is dead, and nobody has noticed here */
                client_breaks(s);
        if (!again)
                client_anew(s);
        s->client_linked = true;
        s->client_welcome = !again;
        book_begin(&s->book, again);
        if (again)
                later_add(s, LATER_WELCOME, 0, 0);
}
