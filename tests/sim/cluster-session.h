/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The client's session: what the scheduler's daemon does around the book of it (sched/book.h), which the two share.
 * What is said of it waits for the disk, and for the link that it belongs to. */
#include "sim/cluster-sched.h"

static void row_held(Sim *s, uint64_t tensor) {
        row_add(s, (Row) { .kind = ROW_HELD, .id = tensor, .n_refs = map_get(&s->book.refs, tensor) });
}

static void request_forget(Sim *s, Asked *a) {
        row_add(s, (Row) { .kind = ROW_REQUEST_GONE, .id = a->request });
        book_forget(&s->book, a);
}

static void release_now(Sim *s, uint64_t tensor) {
        ck_assert_int_eq(
                sched_step(s->sched, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = tensor }, &s->sched_actions), 0);
}

/* ---- What it is told --------------------------------------------------------------------------------------------- */

static void later_add(Sim *s, LaterKind kind, uint64_t request, uint64_t tensor) {
        const Later later = { .kind = kind, .mark = s->row.n, .request = request, .tensor = tensor };

        ck_assert_int_eq(book_later(&s->book, &later), 0);
        session_told(s);
}

static void session_finished(Sim *s, const SchedAction *a, const Error *outcome) {
        Asked *asked = book_find(&s->book, a->request);

        for (uint32_t k = 0; k < a->n && !outcome && !asked; k++) /* its session has ended */
                release_now(s, s->sched_actions.tensor.data[a->first + k]);
        if (!asked)
                return;
        sim_assert(s, !asked->finished);
        asked->finished  = true;
        asked->n_tensors = outcome ? 0 : a->n;
        asked->tensor    = calloc(asked->n_tensors + 1, sizeof(*asked->tensor));
        for (uint32_t k = 0; k < asked->n_tensors; k++)
                asked->tensor[k] = s->sched_actions.tensor.data[a->first + k];
        if (outcome) {
                asked->outcome  = malloc(sizeof(*outcome));
                *asked->outcome = *outcome;
        }
        for (uint32_t k = 0; k < asked->n_tensors; k++)
                if (asked->unwanted)
                        release_now(s, asked->tensor[k]);
                else {
                        ck_assert_int_eq(book_hold(&s->book, asked->tensor[k]), 0);
                        row_held(s, asked->tensor[k]);
                }
        if (asked->unwanted) {
                request_forget(s, asked);
                return;
        }
        row_add(s, (Row) { .kind      = ROW_DONE,
                           .id        = asked->request,
                           .n_tensors = asked->n_tensors,
                           .tensors   = copy_of(asked->tensor, asked->n_tensors * sizeof(uint64_t)),
                           .outcome   = outcome ? *outcome : (Error) {} });
        later_add(s, LATER_FINISHED, asked->request, 0);
}

static void put_tensor(const Sim *s, uint64_t id, Writer *w) {
        const SchedTensor *t = sched_tensor(s->sched, id);

        sim_assert(s, t);
        wire_put_tensor(w, &(WireTensor) { .id          = t->id,
                                           .chunk_first = t->chunk_first,
                                           .spec        = t->spec,
                                           .tiling      = t->tiling,
                                           .n_holder    = t->n_chunks,
                                           .holder      = t->holder });
}

static void say_finished(Sim *s, const Asked *a) {
        Writer w = {};

        for (uint32_t k = 0; k < a->n_tensors; k++)
                put_tensor(s, a->tensor[k], &w);
        post(&s->to_client,
             &(WireMessage) { WIRE_IS_FINISHED, .finished = { .request   = a->request,
                                                              .code      = a->outcome ? a->outcome->code : 0,
                                                              .text      = a->outcome ? a->outcome->text : NULL,
                                                              .tensors   = w.bytes.data,
                                                              .tensors_n = w.bytes.n } });
        vec_free(&w.bytes);
}

static void say_adopted(Sim *s, const Later *later) {
        Writer w = {};

        put_tensor(s, later->tensor, &w);
        post(&s->to_client, &(WireMessage) { WIRE_IS_ADOPTED, .adopted = { .request  = later->request,
                                                                           .tensor   = w.bytes.data,
                                                                           .tensor_n = w.bytes.n } });
        vec_free(&w.bytes);
}

/* All that it gave and that is not gone, or not known to be. */
static void say_kept(Sim *s) {
        Vec(uint64_t) tensor = {};
        uint32_t at          = 0;
        uint64_t unsaid;

        for (uint32_t k = 0; k < s->given.capacity; k++)
                if (s->given.entry[k].value != 0)
                        ck_assert_int_eq(vec_push(&tensor, s->given.entry[k].key), 0);
        while (book_unsaid(&s->book, &at, &unsaid))
                ck_assert_int_eq(vec_push(&tensor, unsaid), 0);
        post(&s->to_client,
             &(WireMessage) { WIRE_IS_SPARED, .spared = { .but = 1, .tensor = tensor.data, .tensor_n = tensor.n } });
        vec_free(&tensor);
}

/* All that the disk has. */
static void session_told(Sim *s) {
        Later later;

        while (book_say(&s->book, s->n_synced, &later)) {
                sim_assert(s, s->client_linked);
                if (later.kind == LATER_WELCOME)
                        post(&s->to_client, &(WireMessage) { WIRE_IS_WELCOME, .welcome = { .epoch = s->epoch } });
                else if (later.kind == LATER_FINISHED)
                        say_finished(s, book_find(&s->book, later.request));
                else if (later.kind == LATER_ADOPTED)
                        say_adopted(s, &later);
                else if (later.kind == LATER_SPARED)
                        post(&s->to_client,
                             &(WireMessage) { WIRE_IS_SPARED, .spared = { .tensor = &later.tensor, .tensor_n = 1 } });
                else
                        say_kept(s);
        }
}

/* ---- Data -------------------------------------------------------------------------------------------------------- */

static Wanted *wanted_of(const Sim *s, uint64_t tensor) {
        for (uint32_t k = 0; k < s->wanted.n; k++)
                if (s->wanted.data[k].tensor == tensor)
                        return &s->wanted.data[k];
        return NULL;
}

static void wanted_remove(Sim *s, Wanted *w) {
        free(w->place);
        *w = vec_pop(&s->wanted);
}

static void wanted_say(Sim *s, const Wanted *w) {
        _Static_assert(sizeof(SchedPlace) == 2 * sizeof(uint32_t), "pairs, as they are sent");
        if (s->client_linked && !s->book.silent)
                post(&s->to_client, &(WireMessage) { WIRE_IS_WANTED, .wanted = { .tensor  = w->tensor,
                                                                                 .chunk   = &w->place[0].chunk,
                                                                                 .chunk_n = 2 * w->n,
                                                                                 .number  = w->number } });
}

static void session_wants(Sim *s, const SchedAction *a) {
        const Wanted w = { .tensor = a->tensor,
                           .number = ++s->n_wanted,
                           .n      = a->n,
                           .place  = copy_of(s->sched_actions.place.data + a->first, a->n * sizeof(SchedPlace)) };

        if (wanted_of(s, a->tensor))
                wanted_remove(s, wanted_of(s, a->tensor));
        ck_assert_int_eq(vec_push(&s->wanted, w), 0);
        wanted_say(s, &w);
}

/* The client need not keep it any more: but only when the disk has it, too. */
static void session_spares(Sim *s, uint64_t tensor) {
        if (wanted_of(s, tensor))
                wanted_remove(s, wanted_of(s, tensor));
        if (map_remove(&s->given, tensor) != 0)
                later_add(s, LATER_SPARED, 0, tensor);
}

static void session_given(Sim *s, const Wire_given *m) {
        const Error err = error_of(m->code, m->text);

        if (!wanted_of(s, m->tensor) || !book_answers(wanted_of(s, m->tensor)->number, m->number))
                return; /* it is not wanted any more, or another time */
        wanted_remove(s, wanted_of(s, m->tensor));
        sched_tell(s, (SchedEvent) { .kind = SCHED_GIVEN, .tensor = m->tensor, .error = err.code < 0 ? &err : NULL });
}

static void session_adopts(Sim *s, const Wire_adopt *m, Arena *arena) {
        Error err = {};
        Reader rd = { .start   = m->tensor,
                      .at      = m->tensor,
                      .end     = m->tensor + m->tensor_n,
                      .what    = "ADOPT",
                      .err     = &err,
                      .scratch = arena };
        WireTensor tensor;
        uint64_t id;

        wire_get_tensor(&rd, &tensor);
        ck_assert_msg(rd.r == 0, "%s", err.text);
        ck_assert_int_eq(sched_adopt(s->sched, &tensor.spec, &tensor.tiling, WORKER_NONE, &id), 0);
        ck_assert_int_eq(book_hold(&s->book, id), 0);
        ck_assert_int_eq(map_set(&s->given, id, 1), 0);
        row_tensor(s, sched_tensor(s->sched, id));
        row_held(s, id);
        later_add(s, LATER_ADOPTED, m->request, id);
}

/* ---- What it says ------------------------------------------------------------------------------------------------ */

static void session_asks(Sim *s, const Wire_submit *m) {
        Asked *a    = NULL;
        const int r = book_ask(&s->book, m->request, &a);

        s->n_again += r == BOOK_KNOWN;
        if (r == BOOK_KNOWN)
                return;
        ck_assert_int_eq(r, 0);
        a->id = m->request;
        row_add(s, (Row) { .kind        = ROW_REQUEST,
                           .id          = m->request,
                           .graph       = copy_of(m->graph, m->graph_n),
                           .graph_bytes = m->graph_n });
        sched_submit(s, m->request, m->graph, m->graph_n);
}

static void session_cancels(Sim *s, uint64_t request, const char *text) {
        const Asked *a  = book_find(&s->book, request);
        const Error err = error_of(ERROR_CANCELED, text);

        if (a && !a->finished)
                sched_tell(s, (SchedEvent) { .kind = SCHED_CANCEL, .request = a->id, .error = &err });
}

static void session_knows(Sim *s, const uint64_t *request, uint32_t n) {
        Asked *a;

        for (uint32_t k = 0; k < n; k++)
                if (book_knows(&s->book, request[k], &a))
                        request_forget(s, a);
}

static void session_resumes(Sim *s, const Wire_resume *m) {
        BookResumed what = {};
        Error err        = {};
        const int r      = book_resume(&s->book, m->tensor, m->tensor_n, m->request, m->request_n, &what, &err);

        ck_assert_msg(r == 0, "seed %llu: %s", (unsigned long long) s->seed, err.text);
        session_knows(s, what.known.data, what.known.n);
        for (uint32_t k = 0; k < what.unwanted.n; k++)
                session_cancels(s, what.unwanted.data[k], "nobody waits for it");
        for (uint32_t k = 0; k < what.gone.n; k += 2) {
                row_held(s, what.gone.data[k]);
                for (uint64_t n = what.gone.data[k + 1]; n > 0; n--)
                        sched_tell(s, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = what.gone.data[k] });
        }
        book_resumed_done(&what);
        ck_assert_int_eq(book_resume_end(&s->book, m->request, m->request_n, s->row.n), 0);
        session_told(s);
        for (uint32_t k = 0; k < s->wanted.n; k++)
                wanted_say(s, &s->wanted.data[k]);
        later_add(s, LATER_KEPT, 0, 0);
}

static void session_hears(Sim *s) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        _cleanup_(freep) uint8_t *body      = NULL;
        const WireMessage m                 = take_letter(s, &s->from_client, arena, &body);
        Error err                           = {};

        trace("from the client", 0, &m);
        sim_assert(s, !s->book.silent || m.kind == WIRE_IS_RESUME);
        switch (m.kind) {
        case WIRE_IS_SUBMIT:
                session_asks(s, &m.submit);
                return;
        case WIRE_IS_CANCEL:
                session_cancels(s, m.cancel.request, "canceled");
                return;
        case WIRE_IS_RELEASE:
                for (uint32_t k = 0; k < m.release.tensor_n; k++) {
                        ck_assert_msg(book_release(&s->book, m.release.tensor[k], &err) == 0, "seed %llu: %s",
                                      (unsigned long long) s->seed, err.text);
                        row_held(s, m.release.tensor[k]);
                        sched_tell(s, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = m.release.tensor[k] });
                }
                return;
        case WIRE_IS_ADOPT:
                session_adopts(s, &m.adopt, arena);
                return;
        case WIRE_IS_GIVEN:
                session_given(s, &m.given);
                return;
        case WIRE_IS_KNOWN:
                session_knows(s, m.known.request, m.known.request_n);
                return;
        case WIRE_IS_RESUME:
                session_resumes(s, &m.resume);
                return;
        default:
                ck_abort_msg("%s is not for a client", wire_name(m.kind));
        }
}

/* ---- Over the death of the scheduler ----------------------------------------------------------------------------- */

static void session_clear(Sim *s) {
        for (uint32_t k = 0; k < s->book.requests.capacity; k++)
                asked_free((Asked *) (uintptr_t) s->book.requests.entry[k].value);
        book_done(&s->book);
        s->book = (Book) {};
        while (s->wanted.n > 0)
                wanted_remove(s, &s->wanted.data[0]);
        vec_free(&s->wanted);
        map_done(&s->given);
}

/* On disk as a whole, or not at all. */
static void rows_end(Sim *s, const Book *book) {
        s->n_steps++;
        s->stepping = true;
        for (uint32_t k = 0; k < book->requests.capacity; k++) {
                const Asked *a = (const Asked *) (uintptr_t) book->requests.entry[k].value;

                if (a)
                        row_add(s, (Row) { .kind = ROW_REQUEST_GONE, .id = a->request });
        }
        for (uint32_t k = 0; k < book->refs.capacity; k++)
                if (book->refs.entry[k].value != 0)
                        row_add(s, (Row) { .kind = ROW_HELD, .id = book->refs.entry[k].key });
        s->stepping = false;
        s->ended_at = s->row.n;
}

/* All that it has under way ends, and what it holds is let go. */
static void session_ends(Sim *s) {
        const Error err      = error_of(ERROR_CANCELED, "the client has left");
        Book book            = s->book;
        Vec(uint64_t) wanted = {};

        s->n_leases++;
        s->client_lost = true;
        s->book        = (Book) {};
        rows_end(s, &book);
        map_done(&s->given);
        for (uint32_t k = 0; k < s->wanted.n; k++)
                ck_assert_int_eq(vec_push(&wanted, s->wanted.data[k].tensor), 0);
        for (uint32_t k = 0; k < wanted.n; k++)
                session_given(s, &(Wire_given) { .tensor = wanted.data[k], .code = -EIO, .text = "it has left" });
        for (uint32_t k = 0; k < book.requests.capacity; k++) {
                Asked *a = (Asked *) (uintptr_t) book.requests.entry[k].value;

                if (!a)
                        continue;
                if (!a->finished)
                        sched_tell(s, (SchedEvent) { .kind = SCHED_CANCEL, .request = a->id, .error = &err });
                asked_free(a);
        }
        for (uint32_t k = 0; k < book.refs.capacity; k++)
                for (uint64_t n = book.refs.entry[k].value; n > 0; n--)
                        sched_tell(s, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = book.refs.entry[k].key });
        book_done(&book);
        vec_free(&wanted);
        journal_sync(s);
}

/* As the rows say it. */
static void session_restore(Sim *s) {
        session_clear(s);
        for (uint32_t k = 0; k < s->row.n; k++) {
                const Row *row = &s->row.data[k];
                Asked *a       = NULL;

                switch (row->kind) {
                case ROW_HELD:
                        map_remove(&s->book.refs, row->id);
                        if (row->n_refs > 0)
                                ck_assert_int_eq(map_set(&s->book.refs, row->id, row->n_refs), 0);
                        break;
                case ROW_REQUEST:
                        ck_assert_int_eq(book_ask(&s->book, row->id, &a), 0);
                        a->id = row->id;
                        break;
                case ROW_REQUEST_GONE:
                        book_forget(&s->book, book_find(&s->book, row->id));
                        break;
                case ROW_DONE:
                        a            = book_find(&s->book, row->id);
                        a->finished  = true;
                        a->n_tensors = row->n_tensors;
                        a->tensor    = copy_of(row->tensors, row->n_tensors * sizeof(uint64_t));
                        if (row->outcome.code < 0)
                                a->outcome = copy_of(&row->outcome, sizeof(row->outcome));
                        break;
                case ROW_TENSOR:
                        if (row->tensor.recipe == 0 && !row->tensor.anchor)
                                ck_assert_int_eq(map_set(&s->given, row->id, 1), 0);
                        break;
                case ROW_TENSOR_GONE:
                        map_remove(&s->given, row->id);
                        break;
                default:
                        break;
                }
        }
}
