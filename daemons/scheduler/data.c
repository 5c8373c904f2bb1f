/* SPDX-License-Identifier: Apache-2.0 */
/* Data of clients. A client that has some (ADOPT) is told who is to have which chunk, and the workers are told that it
 * will come (EXPECT): from nobody else do they take one. Chunks that are lost while anybody may need them their client
 * is asked to give again (WANTED), as soon as its link is there; its answer (GIVEN) ends the question. A client that
 * keeps its data for that is told when it is wanted no more (SPARED), but not before the disk has it: after a death the
 * scheduler may want whatever its journal knows. */
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/scheduler.h"

enum { MAX_EXPECTED = 1 << 22 }; /* chunks in one message: the field's limit */

/* The first `n` chunks at `chunk` go to the same worker. */
static int say_expect(Scheduler *s, const SchedTensor *t, uint32_t chunk, uint32_t n, uint32_t worker) {
        const Member *member = worker < s->n_workers ? s->worker[worker] : NULL;
        size_t most          = 0;

        if (!member || !member->conn)
                return 0; /* when it is back it is asked what it has */
        for (uint32_t k = 0; k < n; k++)
                most = MAX(most, tensor_chunk_bytes(t, chunk + k));
        return link_say(member->conn->link,
                        &(WireMessage) { WIRE_IS_EXPECT,
                                         .expect = { .chunk = t->chunk_first + chunk, .n = n, .size_bytes = most } });
}

int data_expect(Scheduler *s, uint64_t tensor) {
        const SchedTensor *t = sched_tensor(s->sched, tensor);
        int r                = 0;

        for (uint32_t k = 0, n; k < t->n_chunks && r == 0; k += n) {
                for (n = 1; k + n < t->n_chunks && n < MAX_EXPECTED && t->holder[k + n] == t->holder[k];)
                        n++;
                r = say_expect(s, t, k, n, t->holder[k]);
        }
        return r;
}

static Wanted *wanted_find(const Scheduler *s, uint64_t tensor) {
        return (Wanted *) (uintptr_t) map_get(&s->wanted, tensor);
}

static int say_wanted(Scheduler *s, const Session *session, const Wanted *w) {
        int r = 0;

        for (uint32_t k = 0; k < w->n && r == 0; k++)
                r = scheduler_tell_peer(s, session->conn, w->place[k].worker);
        return r < 0 ? r
                     : link_say(session->conn->link, &(WireMessage) { WIRE_IS_WANTED,
                                                                      .wanted = { .tensor  = w->tensor,
                                                                                  .chunk   = &w->place->chunk,
                                                                                  .chunk_n = 2 * w->n,
                                                                                  .number  = w->number } });
}

static void client_has_left(Error *ret) {
        error_set(ret, -EIO, "it was lost with a worker, and the client that gave it has left");
}

/* No scheduler before this one ever said it. */
static uint64_t wanted_number(Scheduler *s) {
        return s->epoch << 32 | (uint32_t) ++s->next_wanted;
}

int data_wanted(Scheduler *s, const SchedAction *a) {
        _Static_assert(sizeof(SchedPlace) == 2 * sizeof(uint32_t), "pairs, as they are sent");
        const Session *session = session_find(s, map_get(&s->giver, a->tensor));
        const SchedTensor *t   = sched_tensor(s->sched, a->tensor);
        Error err              = {};
        Wanted *w;
        int r = 0;

        if (!session || !t) {
                client_has_left(&err);
                return sched_step(s->sched,
                                  &(SchedEvent) { .kind = SCHED_GIVEN, .tensor = a->tensor, .error = &err },
                                  &s->actions);
        }
        w = malloc(sizeof(*w) + a->n * sizeof(w->place[0]));
        if (!w)
                return -ENOMEM;
        *w = (Wanted) { .tensor = a->tensor, .number = wanted_number(s), .n = a->n };
        memcpy(w->place, s->actions.place.data + a->first, a->n * sizeof(w->place[0]));
        free(wanted_find(s, a->tensor));
        r = map_set(&s->wanted, a->tensor, (uintptr_t) w);
        if (r < 0) {
                free(w);
                return r;
        }
        for (uint32_t k = 0; k < w->n && r == 0; k++)
                r = say_expect(s, t, w->place[k].chunk, 1, w->place[k].worker);
        return r == 0 && session->conn && !session->book.silent ? say_wanted(s, session, w) : r;
}

int data_wanted_again(const Session *session) {
        Scheduler *s = session->scheduler;
        int r        = 0;

        for (uint32_t k = 0; k < s->wanted.capacity && r == 0; k++) {
                const Wanted *w = (Wanted *) (uintptr_t) s->wanted.entry[k].value;

                if (w && map_get(&s->giver, w->tensor) == session->number)
                        r = say_wanted(s, session, w);
        }
        return r;
}

int data_given(const Session *session, const Wire_given *m, Error *err) {
        Scheduler *s    = session->scheduler;
        const Wanted *w = wanted_find(s, m->tensor);
        Error why       = {};

        if (!w)
                return 0; /* it is not wanted any more, or gone */
        if (map_get(&s->giver, m->tensor) != session->number)
                return error_set(err, ERROR_CORRUPT, "GIVEN of tensor %llu, which is of another session",
                                 (unsigned long long) m->tensor);
        if (!book_answers(w->number, m->number))
                return 0; /* that will come */
        if (m->code < 0)
                error_set(&why, m->code, "%s", m->text);
        free((Wanted *) (uintptr_t) map_remove(&s->wanted, m->tensor));
        scheduler_step(s, &(SchedEvent) { .kind   = SCHED_GIVEN,
                                          .tensor = m->tensor,
                                          .error  = m->code < 0 ? &why : NULL });
        return 0;
}

void data_session_ends(Scheduler *s, uint64_t session) {
        Error err = {};

        client_has_left(&err);
        for (uint32_t k = 0; k < s->wanted.capacity; k++) {
                const Wanted *w       = (Wanted *) (uintptr_t) s->wanted.entry[k].value;
                const uint64_t tensor = w ? w->tensor : 0;

                if (!w || map_get(&s->giver, tensor) != session)
                        continue;
                free((Wanted *) (uintptr_t) map_remove(&s->wanted, tensor));
                scheduler_step(s, &(SchedEvent) { .kind = SCHED_GIVEN, .tensor = tensor, .error = &err });
                k = UINT32_MAX; /* from the start: another one may stand in its place now */
        }
}

int data_forget(Scheduler *s, uint64_t tensor) {
        const uint64_t giver = map_remove(&s->giver, tensor);
        Session *session     = giver != 0 ? session_find(s, giver) : NULL;

        free((Wanted *) (uintptr_t) map_remove(&s->wanted, tensor));
        return session && session->keeps ? later_add(session, LATER_SPARED, 0, tensor) : 0;
}

/* Over a new link: the client may not have heard of some that are gone. */
int data_say_kept(const Session *session) {
        const Scheduler *s   = session->scheduler;
        Vec(uint64_t) tensor = {};
        uint32_t at          = 0;
        uint64_t unsaid;
        int r = 0;

        for (uint32_t k = 0; k < s->giver.capacity && r == 0; k++)
                if (s->giver.entry[k].value == session->number)
                        r = vec_push(&tensor, s->giver.entry[k].key);
        while (r == 0 && book_unsaid(&session->book, &at, &unsaid))
                r = vec_push(&tensor, unsaid);
        if (r == 0)
                r = link_say(session->conn->link,
                             &(WireMessage) { WIRE_IS_SPARED,
                                              .spared = { .but = 1, .tensor = tensor.data, .tensor_n = tensor.n } });
        vec_free(&tensor);
        return r;
}
