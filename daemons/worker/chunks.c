/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks between workers, and between clients and workers. Whoever receives asks for them: a GET is sent when the
 * engine's machine has counted the memory for the chunk, and the bytes go straight there. From a worker of this machine
 * none come: it lends the chunk, which tasks read where it lies, and nothing is counted.
 *
 * What was asked of a worker whose link breaks is asked again. If its host is not reached for UNREACHED_USEC, the
 * scheduler is told (UNREACHED), and knows another way: it may have been cut off from us alone. One that is reached and
 * says nothing is waited for, until the scheduler says that it is gone (PEER without an address), and then from where
 * else the chunk is to be had. */
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/pages.h"
#include "daemons/worker/worker.h"

enum {
        MAX_UNEXPECTED  = 1 << 16,          /* chunks of one client of which the scheduler has not said anything, */
        UNEXPECTED_USEC = 10 * 1000 * 1000, /* and so long */
        REACH_USEC      = 250 * 1000,       /* between two looks at whom we wait for */
        UNREACHED_USEC  = 2 * 1000 * 1000, /* until the scheduler hears of it: what is lost is sent again within that */
        AT_ONCE_USEC    = 1000 * 1000,     /* after that: what was on its way to us then is not tried */
};

static const LinkEvents mate_events;
static void mate_leave(Mate *mate);

/* ---- Coming ----------------------------------------------------------------------------------------------------- */

static Arriving *arriving_find(const Worker *w, uint64_t chunk) {
        return (Arriving *) (uintptr_t) map_get(&w->arriving, chunk);
}

/* Its bytes have begun to come, and have come; 0: not all. */
static void comes(Worker *w, Arriving *a, uint64_t size_bytes) {
        a->size_bytes = size_bytes;
        a->coming     = true;
        span_begin(&w->receive, worker_clock());
}

static void came(Worker *w, Arriving *a, Mate *mate, uint64_t size_bytes) {
        a->coming = false;
        span_end(&w->receive, worker_clock(), size_bytes);
        w->received_bytes += size_bytes;
        if (mate)
                mate->received_bytes += size_bytes;
}

/* As large as the chunk, of which not all may have come. */
static void aside_free(Arriving *a) {
        if (a->aside)
                pages_free(a->aside, MAX(a->size_bytes, (uint64_t) 1));
        a->aside = NULL;
}

static void arriving_free(Worker *w, Arriving *a) {
        map_remove(&w->arriving, a->chunk);
        aside_free(a);
        if (a->coming)
                came(w, a, NULL, 0);
        free(a);
}

/* It will not come from there. */
static void arriving_fail(Worker *w, Arriving *a) {
        const bool reserved  = a->data && !a->aside;
        const uint64_t chunk = a->chunk;
        const uint32_t from  = a->from;

        arriving_free(w, a);
        engine_chunk_failed(w->engine, chunk, from, reserved);
}

static int mate_connect(Mate *mate, Error *err) {
        Worker *w = mate->worker;

        mate->since_usec = mate->since_usec ?: worker_clock();
        int r     = link_connect(&mate->link, w->event, mate->address, &mate_events, mate, err);

        if (r == 0)
                r = link_secure(mate->link, w->door.tls, err);
        if (r < 0)
                return r;
        link_move(mate->link, w->door.mover);
        return link_say(mate->link, &(WireMessage) { WIRE_IS_HELLO,
                                                     .hello = { .role    = WIRE_CLIENT,
                                                                .version = WIRE_VERSION,
                                                                .token   = w->token,
                                                                .name    = w->config.name } });
}

static int ask_for(Worker *w, Arriving *a) {
        WireHow how = WIRE_BYTES;
        Error err   = {};
        int r       = 0;

        if (a->from != WORKER_NONE) {
                a->mate = (Mate *) (uintptr_t) map_get(&w->mates, a->from);
                if (a->mate && !a->mate->link)
                        r = mate_connect(a->mate, &err);
        }
        a->asked = a->mate && r >= 0;
        if (!a->asked) {
                a->mate = NULL;
                return -ENOENT;
        }
        if (a->from != WORKER_NONE && !a->mate->lender.unmappable)
                how = WIRE_LONG;
        return link_say(a->mate->link,
                        &(WireMessage) { WIRE_IS_GET, .get = { .chunk = a->chunk, .most = UINT64_MAX, .how = how } });
}

/* ---- Who is not reached ----------------------------------------------------------------------------------------- */

/* Its words come before what the engine says of it. */
static void say_unreached(Worker *w, Arriving *a, const Mate *mate) {
        char text[256];

        snprintf(text, sizeof(text), "worker %u at %s is not reached", mate->number, mate->address);
        if (w->welcome &&
            link_say(w->scheduler,
                     &(WireMessage) { WIRE_IS_UNREACHED,
                                      .unreached = { .chunk = a->chunk, .from = a->from, .text = text } }) < 0)
                worker_say(w, LOG_WARNING, "out of memory: the scheduler does not hear that %s", text);
        arriving_fail(w, a);
}

static void fetch_begin(Worker *w, Arriving *a, const Mate *mate) {
        if (mate->unreached_usec != 0 && worker_clock() - mate->unreached_usec < AT_ONCE_USEC) {
                say_unreached(w, a, mate);
                return;
        }
        ask_for(w, a); /* or later: on_reach() */
        (void) sd_event_source_set_enabled(w->reach, SD_EVENT_ON);
}

static void mate_unreached(Mate *mate) {
        Worker *w = mate->worker;

        worker_say(w, LOG_WARNING, "worker at %s is not reached: the scheduler is asked for another way",
                   mate->address);
        mate_leave(mate);
        mate->since_usec     = 0;
        mate->unreached_usec = worker_clock();
        for (uint32_t k = 0; k < w->arriving.capacity;) {
                Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;

                if (a && a->from == mate->number && !a->data)
                        say_unreached(w, a, mate); /* another one may stand in its place now */
                else
                        k++;
        }
}

/* A link that was just accepted there is one that reaches it. */
static void mate_look(Mate *mate) {
        Worker *w           = mate->worker;
        const uint64_t now  = worker_clock();
        const uint64_t mute = mate->link ? 1000 * (uint64_t) link_unanswered_msec(mate->link) : 0;

        if (mate->link && mute == 0) {
                link_watch(mate->link);
                mate->since_usec = 0;
        } else if (mate->since_usec == 0)
                mate->since_usec = now - mute;
        if (mate->since_usec != 0 && now - mate->since_usec >= UNREACHED_USEC) {
                mate_unreached(mate);
                return;
        }
        for (uint32_t k = 0; k < w->arriving.capacity && !mate->link; k++) {
                Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;

                if (a && !a->data && !a->mate && a->from == mate->number)
                        ask_for(w, a); /* connects; the others are asked for with the next tick */
        }
}

static int on_reach(sd_event_source *source, uint64_t usec, void *userdata) {
        Worker *w = userdata;
        bool any  = false;

        for (uint32_t k = 0; k < w->arriving.capacity; k++) {
                Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;
                Mate *mate  = a && a->from != WORKER_NONE && a->arrived_bytes == 0
                                      ? (Mate *) (uintptr_t) map_get(&w->mates, a->from)
                                      : NULL;

                if (mate)
                        any = mate->waited = true;
        }
        for (Mate *mate = w->first_mate; mate; mate = mate->next) {
                if (mate->waited)
                        mate_look(mate);
                mate->waited = false;
        }
        if (!any)
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return sd_event_source_set_time(source, usec + REACH_USEC);
}

int worker_reach_begin(Worker *w, Error *err) {
        if (sd_event_add_time_relative(w->event, &w->reach, CLOCK_MONOTONIC, REACH_USEC, 0, on_reach, w) < 0 ||
            sd_event_source_set_enabled(w->reach, SD_EVENT_OFF) < 0)
                return error_oom(err, sizeof(*w));
        return 0;
}

void worker_fetch(Worker *w, uint64_t chunk, uint32_t from) {
        Arriving *a = arriving_find(w, chunk);

        if (from == WORKER_NONE) { /* a client has told us of it, unless it has left meanwhile */
                if (a && a->mate)
                        ask_for(w, a);
                else if (a)
                        arriving_fail(w, a);
                else
                        engine_chunk_failed(w->engine, chunk, from, false);
                return;
        }
        /* The scheduler names a worker before it sends anybody there: one that is not known is gone since. */
        if (map_get(&w->mates, from) == 0) {
                if (!a)
                        engine_chunk_failed(w->engine, chunk, from, false);
                else if (!a->data) {
                        a->from = from;
                        arriving_fail(w, a);
                }
                return;
        }
        if (!a) {
                a = calloc(1, sizeof(*a));
                if (!a || map_set(&w->arriving, chunk, (uintptr_t) a) < 0) {
                        free(a);
                        worker_say(w, LOG_CRIT, "out of memory: the worker cannot go on");
                        sd_event_exit(w->event, EXIT_FAILURE);
                        return;
                }
                a->chunk = chunk;
        } else if (a->data) {
                a->from = from; /* it is coming already */
                return;
        }
        a->from = from;
        fetch_begin(w, a, (Mate *) (uintptr_t) map_get(&w->mates, from));
}

static uint64_t clock_usec(const Worker *w) {
        uint64_t usec = 0;

        sd_event_now(w->event, CLOCK_MONOTONIC, &usec);
        return usec;
}

static void say_stored(Worker *w, Mate *mate, uint64_t chunk, const Error *err) {
        if (mate && link_say(mate->link, &(WireMessage) { WIRE_IS_STORED,
                                                          .stored = { .chunk = chunk,
                                                                      .code  = err ? err->code : 0,
                                                                      .text  = err ? err->text : NULL } }) < 0)
                worker_say(w, LOG_WARNING, "out of memory: a client waits in vain");
}

/* The bytes are there, in the store's memory. */
static void arrived(Worker *w, Arriving *a) {
        const uint64_t chunk = a->chunk;
        const size_t bytes   = a->arrived_bytes;
        Mate *mate           = a->from == WORKER_NONE ? a->mate : NULL;

        arriving_free(w, a);
        engine_chunk_arrived(w->engine, chunk, bytes);
        say_stored(w, mate, chunk, NULL);
}

/* From where it was put aside. */
static bool move_in(Worker *w, Arriving *a) {
        char *to;

        if (engine_chunk_arriving(w->engine, a->chunk, a->arrived_bytes, &to, NULL) < 0)
                return false;
        memcpy(to, a->aside, a->arrived_bytes);
        arrived(w, a);
        return true;
}

/* It was not said in time that they will be given. */
static void refuse_unexpected(Worker *w, uint64_t now) {
        for (uint32_t k = 0; k < w->arriving.capacity;) {
                Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;
                Error err   = {};

                if (!a || a->since_usec == 0 || now - a->since_usec < UNEXPECTED_USEC) {
                        k++;
                        continue;
                }
                error_set(&err, -EPERM,
                          "worker %s takes no chunk %llu: the scheduler has not said that it will be given",
                          w->config.name, (unsigned long long) a->chunk);
                say_stored(w, a->mate, a->chunk, &err);
                a->mate->n_unexpected--;
                arriving_free(w, a); /* another one may stand in its place now */
        }
}

void worker_chunks_retry(Worker *w) {
        for (uint32_t k = 0; k < w->arriving.capacity;) {
                Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;

                if (a && a->aside && a->arrived_bytes > 0 && move_in(w, a))
                        continue; /* another one may stand in its place now */
                if (a && !a->data && !a->mate && a->from != WORKER_NONE)
                        ask_for(w, a);
                k++;
        }
        refuse_unexpected(w, clock_usec(w));
}

static int on_payload(void *userdata, _unused_ Link *link, const Frame *frame, const uint8_t *body, char **ret,
                      Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Mate *mate = userdata;
        Worker *w  = mate->worker;
        WireMessage m;
        Arriving *a;
        int r = link_hear(frame, body, -1, &arena, &m, err);

        if (r < 0)
                return r;
        a = m.kind == WIRE_IS_CHUNK && mate->kind != MATE_NEW ? arriving_find(w, m.chunk.chunk) : NULL;
        if (!a || a->mate != mate || !a->asked || a->data)
                return error_set(err, ERROR_CORRUPT, "%s that nobody asked for", wire_name(m.kind));
        if (a->from == WORKER_NONE && a->size_bytes != frame->payload_bytes)
                return error_set(err, ERROR_CORRUPT, "a chunk of %llu bytes, announced with %llu",
                                 (unsigned long long) frame->payload_bytes, (unsigned long long) a->size_bytes);
        if (engine_chunk_arriving(w->engine, a->chunk, frame->payload_bytes, &a->data, err) < 0) {
                a->aside = a->data = pages_alloc(MAX(frame->payload_bytes, (uint64_t) 1));
                if (!a->aside)
                        return error_oom(err, frame->payload_bytes);
                a->arrived_bytes = 0;
        }
        comes(w, a, frame->payload_bytes);
        *ret = a->data;
        return 0;
}

/* Once for each worker. */
static void say_how(Mate *mate, const char *how) {
        if (!mate->told && mate->kind == MATE_SERVES)
                worker_say(mate->worker, LOG_INFO, "worker at %s: its chunks are %s", mate->address, how);
        mate->told = true;
}

static void hear_chunk(Worker *w, Mate *mate, const Wire_chunk *m, size_t size_bytes) {
        Arriving *a = arriving_find(w, m->chunk);
        Error err   = {};

        if (!a || a->mate != mate || !a->asked || (!a->data && size_bytes > 0))
                return;
        if (size_bytes == 0 && engine_chunk_arriving(w->engine, a->chunk, 0, &a->data, &err) < 0)
                return; /* asked for again with the next tick */
        a->arrived_bytes = size_bytes;
        if (a->coming)
                came(w, a, mate, size_bytes);
        say_how(mate, "sent");
        if (chunk_check(m, a->data, size_bytes, &err) < 0) {
                worker_say(w, LOG_WARNING, "%s: it is asked for once more", err.text);
                if (a->aside)
                        aside_free(a);
                else
                        engine_chunk_again(w->engine, a->chunk);
                a->data = NULL;
                ask_for(w, a);
        } else if (a->aside)
                move_in(w, a);
        else
                arrived(w, a);
}

/* ---- Borrowing -------------------------------------------------------------------------------------------------- */

/* From whatever thread, with the engine's lock held. */
static void on_read_no_more(void *userdata) {
        Borrowed *b        = userdata;
        Worker *w          = b->owner;
        const uint64_t one = 1;
        bool wake;

        pthread_mutex_lock(&w->lock);
        wake    = !w->let;
        b->also = w->let;
        w->let  = b;
        pthread_mutex_unlock(&w->lock); /* it may be freed from now on */
        if (wake && write(w->wake, &one, sizeof(one)) < 0)
                assert(errno == EAGAIN); /* it has been woken very often */
}

static int say_let(Mate *mate, uint64_t chunk) {
        return link_say(mate->link, &(WireMessage) { WIRE_IS_LET, .let = { .chunk = chunk } });
}

void worker_let_go(Worker *w) {
        Borrowed *b;

        pthread_mutex_lock(&w->lock);
        b      = w->let;
        w->let = NULL;
        pthread_mutex_unlock(&w->lock);
        while (b) {
                Borrowed *also = b->also;
                Mate *mate     = b->lender ? b->lender->owner : NULL;

                if (mate && mate->link && say_let(mate, b->chunk) < 0)
                        worker_say(w, LOG_WARNING, "out of memory: a chunk stays borrowed");
                borrowed_free(b);
                b = also;
        }
}

/* A chunk that is lent to us. One that we have meanwhile asked somebody else for, or do not want, is let go at once. */
static int hear_at(Worker *w, Mate *mate, const Wire_at *m, int fd, Error *err) {
        Arriving *a = arriving_find(w, m->chunk);
        Borrowed *b = NULL;
        int r       = borrow(&mate->lender, m, fd, &b, err);

        if (r < 0)
                return r;
        if (r == BORROW_UNMAPPABLE)
                worker_say(w, LOG_WARNING, "worker at %s: its chunks are sent, since they cannot be read there: %s",
                           mate->address, err->text);
        if (b && a && a->mate == mate && !a->data) {
                say_how(mate, "read where they lie");
                b->owner           = w;
                mate->lender.owner = mate;
                r = engine_chunk_borrowed(w->engine, m->chunk, b->data, b->size_bytes, on_read_no_more, b);
                if (r < 0) {
                        borrowed_free(b);
                        return error_oom(err, sizeof(*b));
                }
                arriving_free(w, a);
                return 0;
        }
        borrowed_free(b);
        r = say_let(mate, m->chunk);
        return r == 0 && a && a->mate == mate && !a->data ? ask_for(w, a) : r;
}

/* ---- Who gives -------------------------------------------------------------------------------------------------- */

/* The scheduler has said that it will be given: memory is counted for it from now on. */
static int given_begin(Worker *w, Arriving *a, uint64_t most_bytes, Error *err) {
        if (a->size_bytes > most_bytes)
                return error_set(err, ERROR_CORRUPT, "chunk %llu of %llu bytes, where the scheduler knows of %llu",
                                 (unsigned long long) a->chunk, (unsigned long long) a->size_bytes,
                                 (unsigned long long) most_bytes);
        a->since_usec = 0;
        return engine_work(w->engine,
                           &(WorkEvent) { .kind = WORK_EXPECT, .chunk = a->chunk, .size_bytes = a->size_bytes }, err);
}

/* A client has a chunk for us. What the scheduler says of it may still be on its way. */
static int hear_put(Worker *w, Mate *mate, const Wire_put *m, Error *err) {
        const uint64_t expected = map_get(&w->expected, m->chunk);
        Arriving *a             = arriving_find(w, m->chunk);

        if (!worker_granted(w, mate, m->chunk, m->first, m->n, m->proof))
                return error_set(err, -EACCES, "chunk %llu is not %s's", (unsigned long long) m->chunk, mate->user);
        if (a && (a->from != WORKER_NONE || a->mate || a->size_bytes != m->size_bytes))
                return error_set(err, ERROR_CORRUPT, "chunk %llu twice", (unsigned long long) m->chunk);
        if (m->size_bytes > MAX_PAYLOAD_BYTES)
                return error_set(err, ERROR_CORRUPT, "a chunk of %llu bytes", (unsigned long long) m->size_bytes);
        if (a) { /* its link broke, and nobody has asked for the chunk meanwhile */
                a->mate = mate;
                return 0;
        }
        if (expected == 0 && mate->n_unexpected == MAX_UNEXPECTED)
                return error_set(err, ERROR_CORRUPT, "%d chunks of which the scheduler has said nothing",
                                 MAX_UNEXPECTED);
        a = calloc(1, sizeof(*a));
        if (!a || map_set(&w->arriving, m->chunk, (uintptr_t) a) < 0) {
                free(a);
                return error_oom(err, sizeof(*a));
        }
        *a = (Arriving) { .chunk = m->chunk, .from = WORKER_NONE, .mate = mate, .size_bytes = m->size_bytes };
        if (expected != 0)
                return given_begin(w, a, expected - 1, err);
        a->since_usec = clock_usec(w);
        mate->n_unexpected++;
        return 0;
}

int worker_expect(Worker *w, const Wire_expect *m, Error *err) {
        for (uint32_t k = 0; k < m->n; k++) {
                Arriving *a = arriving_find(w, m->chunk + k);
                Error why   = {};
                int r       = map_set(&w->expected, m->chunk + k, MIN(m->size_bytes, UINT64_MAX - 1) + 1);

                if (r < 0)
                        return error_oom(err, sizeof(*a));
                if (!a || a->since_usec == 0)
                        continue;
                a->mate->n_unexpected--;
                r = given_begin(w, a, m->size_bytes, &why);
                if (r == ERROR_CORRUPT) {
                        say_stored(w, a->mate, a->chunk, &why);
                        arriving_free(w, a);
                } else if (r < 0)
                        return error_set(err, r, "%s", why.text);
        }
        return 0;
}

void worker_expect_no_more(Worker *w, uint64_t chunk, uint32_t n) {
        for (uint32_t k = 0; k < n && w->expected.n > 0; k++)
                map_remove(&w->expected, chunk + k);
}

void worker_has(Worker *w, uint64_t chunk) {
        Arriving *a = arriving_find(w, chunk);

        worker_expect_no_more(w, chunk, 1);
        if (!a || a->from != WORKER_NONE || a->asked)
                return;
        say_stored(w, a->mate, chunk, NULL);
        arriving_free(w, a);
}

/* ---- Links ------------------------------------------------------------------------------------------------------- */

/* What it was to have, and what was to come from it. */
static void mate_leave(Mate *mate) {
        Worker *w = mate->worker;

        lender_leave(&mate->lender, !w->ending);
        mate->link = link_free(mate->link);
        worker_serve_no_more(w, mate);
        for (uint32_t k = 0; k < w->arriving.capacity;) {
                Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;

                if (!a || a->mate != mate) {
                        k++;
                        continue;
                }
                a->mate = NULL;
                if (a->coming)
                        came(w, a, NULL, 0);
                if (a->since_usec != 0) {
                        arriving_free(w, a); /* another one may stand in its place now */
                        continue;
                }
                if (a->from == WORKER_NONE && a->asked) {
                        arriving_fail(w, a);
                        continue;
                }
                if (a->data && a->arrived_bytes == 0) { /* half of it has come: from the start again */
                        if (a->aside)
                                aside_free(a);
                        else
                                engine_chunk_again(w->engine, a->chunk);
                        a->data = NULL;
                }
                k++;
        }
}

static void mate_free(Mate *mate) {
        Worker *w = mate->worker;

        mate_leave(mate);
        if (mate->before)
                mate->before->next = mate->next;
        else
                w->first_mate = mate->next;
        if (mate->next)
                mate->next->before = mate->before;
        if (mate->kind == MATE_SERVES)
                map_remove(&w->mates, mate->number);
        free(mate->address);
        free(mate->name);
        free(mate);
}

static Mate *mate_new(Worker *w, MateKind kind) {
        Mate *mate = calloc(1, sizeof(*mate));

        if (!mate)
                return NULL;
        *mate = (Mate) { .worker = w, .kind = kind, .next = w->first_mate };
        if (w->first_mate)
                w->first_mate->before = mate;
        w->first_mate = mate;
        return mate;
}

static void on_closed(void *userdata, _unused_ Link *link, const Error *why) {
        Mate *mate = userdata;
        Worker *w  = mate->worker;

        if (why->code < 0 && why->code != -ECONNRESET)
                worker_say(w, LOG_WARNING, "%s %s: %s", mate->kind == MATE_SERVES ? "worker at" : "a connection",
                           mate->address ?: "", why->text);
        if (mate->kind == MATE_SERVES)
                mate_leave(mate); /* the scheduler says when it is gone for good */
        else
                mate_free(mate);
}

static int hear_hello(Worker *w, Mate *mate, const Wire_hello *m, Error *err) {
        int r = link_let_in(mate->link, m, w->token, w->withdrawn, "worker", mate->user, err);

        if (r < 0)
                return r;
        mate->name = strdup(m->name);
        if (!mate->name)
                return error_oom(err, strlen(m->name));
        mate->kind = MATE_ASKS;
        return link_say(mate->link, &(WireMessage) { WIRE_IS_WELCOME,
                                                     .welcome = { .number = w->number, .version = MARS_BUILD } });
}

static int hear_ask(Worker *w, Mate *mate, const Wire_ask *m, Error *err) {
        const uint64_t begun_usec   = worker_clock();
        _cleanup_(freep) char *text = NULL;
        Error why                   = {};
        int r = mate->user[0] ? error_set(&why, -EACCES, "a worker speaks of itself to the administrator alone")
                              : worker_answer(w, m->what, &text, &why);

        r = link_say(mate->link,
                     &(WireMessage) { WIRE_IS_ANSWER, .answer = { .request   = m->request,
                                                                  .code      = r,
                                                                  .text      = text ?: why.text,
                                                                  .cost_usec = worker_clock() - begun_usec } });
        return r < 0 ? error_oom(err, sizeof(*m)) : 0;
}

static int hear(Worker *w, Mate *mate, const WireMessage *m, size_t payload_bytes, int fd, Error *err) {
        Arriving *a;

        if (mate->kind == MATE_NEW && m->kind == WIRE_IS_VIA)
                return link_hear_via(mate->link, &m->via, fd, err);
        if (mate->kind == MATE_NEW)
                return m->kind == WIRE_IS_HELLO ? hear_hello(w, mate, &m->hello, err)
                                                : error_set(err, ERROR_CORRUPT, "%s before HELLO", wire_name(m->kind));
        switch (m->kind) {
        case WIRE_IS_CHUNK:
                hear_chunk(w, mate, &m->chunk, payload_bytes);
                return 0;
        case WIRE_IS_GONE:
                a = arriving_find(w, m->gone.chunk);
                if (a && a->mate == mate && a->from == WORKER_NONE)
                        arriving_fail(w, a);
                else if (a && a->mate == mate)
                        a->mate = NULL; /* asked for again with the next tick, unless the scheduler knows better */
                return 0;
        case WIRE_IS_ALIVE:
        case WIRE_IS_WELCOME:
                return 0;
        case WIRE_IS_REFUSED:
                return error_set(err, -EACCES, "%s", m->refused.text);
        case WIRE_IS_GET:
                if (mate->kind == MATE_ASKS)
                        return worker_hear_get(w, mate, &m->get, err);
                break;
        case WIRE_IS_ASK:
                if (mate->kind == MATE_ASKS)
                        return hear_ask(w, mate, &m->ask, err);
                break;
        case WIRE_IS_AT:
                if (mate->kind == MATE_SERVES)
                        return hear_at(w, mate, &m->at, fd, err);
                break;
        case WIRE_IS_LET:
                if (mate->kind == MATE_ASKS)
                        return worker_hear_let(w, mate, &m->let, err);
                break;
        case WIRE_IS_PUT:
                if (mate->kind == MATE_ASKS)
                        return hear_put(w, mate, &m->put, err);
                break;
        default:
                break;
        }
        return error_set(err, ERROR_CORRUPT, "%s is not for it to say", wire_name(m->kind));
}

static int on_message(void *userdata, Link *link, const Frame *frame, const uint8_t *body, _unused_ char *payload,
                      int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Mate *mate = userdata;
        WireMessage m;
        int r = link_hear(frame, body, -1, &arena, &m, err);

        if (r == 0)
                r = hear(mate->worker, mate, &m, frame->payload_bytes, fd, err);
        if (fd >= 0)
                close(fd);
        if (r < 0 && mate->kind == MATE_NEW &&
            link_say(link, &(WireMessage) { WIRE_IS_REFUSED, .refused = { r, err->text } }) == 0)
                link_flush(link);
        return r;
}

static const LinkEvents mate_events = { .message = on_message, .payload = on_payload, .closed = on_closed };

void worker_accept(void *userdata, int fd) {
        Worker *w  = userdata;
        Mate *mate = mate_new(w, MATE_NEW);
        Error err  = {};

        if (!mate)
                close(fd);
        else if (link_accept(&mate->link, w->event, fd, &w->door, &mate_events, mate, &err) < 0) {
                worker_say(w, LOG_WARNING, "a connection could not be accepted: %s", err.text);
                mate_free(mate);
        }
}

int worker_peer(Worker *w, const Wire_peer *m) {
        Mate *mate          = (Mate *) (uintptr_t) map_get(&w->mates, m->worker);
        const char *address = address_nearest(m->address, m->socket, m->socket_identity);

        if (mate && strcmp(mate->address, address) == 0)
                return 0;
        if (mate) {
                mate_free(mate);
                for (uint32_t k = 0; k < w->arriving.capacity;) {
                        Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;

                        if (a && a->from == m->worker && !a->data)
                                arriving_fail(w, a); /* another one may stand in its place now */
                        else
                                k++;
                }
        }
        if (!address[0])
                return 0; /* it is gone */
        mate = mate_new(w, MATE_SERVES);
        if (!mate)
                return -ENOMEM;
        mate->number  = m->worker;
        mate->address = strdup(address);
        return mate->address ? map_set(&w->mates, m->worker, (uintptr_t) mate) : -ENOMEM;
}

/* Chunks that were to come from them will not; those of clients may. */
void worker_servers_leave(Worker *w) {
        for (Mate *mate = w->first_mate, *next; mate; mate = next) {
                next = mate->next;
                if (mate->kind == MATE_SERVES)
                        mate_free(mate);
        }
        for (uint32_t k = 0; k < w->arriving.capacity;) {
                Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;

                if (a && a->from != WORKER_NONE)
                        arriving_fail(w, a); /* another one may stand in its place now */
                else
                        k++;
        }
}

int worker_withdraw(Worker *w, const char *users) {
        char *copy = users && users[0] ? strdup(users) : NULL;

        if (users && users[0] && !copy)
                return -ENOMEM;
        free(w->withdrawn);
        w->withdrawn = copy;
        for (Mate *mate = w->first_mate, *next; mate; mate = next) {
                next = mate->next;
                if (token_withdrawn(w->withdrawn, mate->user))
                        mate_free(mate);
        }
        return 0;
}

void worker_mates_leave(Worker *w) {
        w->ending = true;
        while (w->first_mate)
                mate_free(w->first_mate);
        for (uint32_t k = 0; k < w->arriving.capacity;) {
                Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;

                if (a)
                        arriving_fail(w, a);
                else
                        k++;
        }
        w->ending = false;
}
