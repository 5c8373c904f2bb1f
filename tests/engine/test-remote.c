/* SPDX-License-Identifier: Apache-2.0 */
/* A session of which the scheduler and a worker are this test: what must be right at one moment only, which real
 * daemons seldom hit.
 * The rest of engine/remote.c is tested with them (tests/python). */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/inside.h"
#include "io/say.h"
#include "mars.h"
#include "wire/frame.h"
#include "wire/wire.h"

#include "harness.h"

/* It says WELCOME, and then nothing by itself. */
typedef struct FakeScheduler {
        char folder[64], address[128];
        int listening, fd;
        pthread_t thread;
        uint64_t request; /* that it was asked for, or for the tensor of a name */
        uint32_t n_cut;   /* connections that it ends without a word, before others */
        bool refuses;
} FakeScheduler;

static void say_with(int fd, const WireMessage *m, uint64_t payload_bytes) {
        uint8_t header[FRAME_BYTES];
        Writer body = {};

        wire_encode(m, &body);
        ck_assert_int_eq(body.r, 0);
        frame_encode(
                &(Frame) { .kind = (uint16_t) m->kind, .body_bytes = body.bytes.n, .payload_bytes = payload_bytes },
                header);
        ck_assert_int_eq(write(fd, header, sizeof(header)), sizeof(header));
        ck_assert_int_eq(write(fd, body.bytes.data, body.bytes.n), body.bytes.n);
        vec_free(&body.bytes);
}

static void say(const FakeScheduler *s, const WireMessage *m) {
        say_with(s->fd, m, 0);
}

static void read_all(int fd, uint8_t *to, size_t n) {
        for (ssize_t got; n > 0; to += got, n -= (size_t) got) {
                got = read(fd, to, n);
                ck_assert_int_gt(got, 0);
        }
}

static void hear(int fd, Arena *arena, WireMessage *ret) {
        uint8_t header[FRAME_BYTES], *body;
        Error err = {};
        Frame frame;

        read_all(fd, header, sizeof(header));
        ck_assert_int_eq(frame_decode(header, &frame, &err), 0);
        body = arena_alloc(arena, frame.body_bytes + 1);
        read_all(fd, body, frame.body_bytes);
        ck_assert_int_eq(wire_decode(frame.kind, body, frame.body_bytes, arena, ret, &err), 0);
}

/* ---- A tensor at a worker ---------------------------------------------------------------------------------------- */

enum { HOLDER = 3, TENSOR = 7, CHUNK = 41, ELEMENTS = 1 << 17, CHUNK_BYTES = ELEMENTS * sizeof(double) };

static void say_named(const FakeScheduler *s, uint64_t request) {
        const uint32_t holder = HOLDER;
        WireTensor t          = { .id          = TENSOR,
                                  .chunk_first = CHUNK,
                                  .spec        = { .shape = { 1, { ELEMENTS } }, .dtype = DTYPE_F64 },
                                  .n_holder    = 1,
                                  .holder      = &holder };
        Writer w              = {};
        char address[160];

        t.tiling = tiling_whole(&t.spec.shape);
        wire_put_tensor(&w, &t);
        ck_assert_int_eq(w.r, 0);
        snprintf(address, sizeof(address), "unix:%s/worker", s->folder);
        say(s, &(WireMessage) { WIRE_IS_PEER, .peer = { .worker = HOLDER, .address = address, .socket = "" } });
        say(s, &(WireMessage) { WIRE_IS_NAMED, .named = { .request  = request,
                                                          .text     = "",
                                                          .tensor   = w.bytes.data,
                                                          .tensor_n = w.bytes.n,
                                                          .names    = "" } });
        vec_free(&w.bytes);
}

static int listen_at(const char *folder, const char *name, char *ret, size_t n) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        const int fd          = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(ret, n, "%s/%s", folder, name);
        snprintf(at.sun_path, sizeof(at.sun_path), "%s", ret);
        ck_assert_int_eq(bind(fd, (struct sockaddr *) &at, sizeof(at)), 0);
        ck_assert_int_eq(listen(fd, 1), 0);
        return fd;
}

/* Some at once, some when they have said who they are. */
static void cut_off(const FakeScheduler *s, uint32_t k) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const int fd                        = accept(s->listening, NULL, NULL);
        WireMessage m;

        ck_assert_int_ge(fd, 0);
        if (k % 2 == 0)
                hear(fd, arena, &m);
        close(fd);
}

/* Until the client asks for something, or is refused. */
static void *scheduler_main(void *userdata) {
        FakeScheduler *s = userdata;

        for (uint32_t k = 0; k < s->n_cut; k++)
                cut_off(s, k);
        s->fd = accept(s->listening, NULL, NULL);
        ck_assert_int_ge(s->fd, 0);
        while (s->request == 0) {
                _cleanup_(arena_freep) Arena *arena = arena_new();
                WireMessage m;

                hear(s->fd, arena, &m);
                if (m.kind == WIRE_IS_HELLO && s->refuses) {
                        say(s, &(WireMessage) { WIRE_IS_REFUSED, .refused = { .code = -EACCES, .text = "not you" } });
                        return NULL;
                }
                if (m.kind == WIRE_IS_HELLO)
                        say(s, &(WireMessage) {
                                       WIRE_IS_WELCOME,
                                       .welcome = { .number = 1, .epoch = 1, .lease_usec = 1, .key = "key" } });
                else if (m.kind == WIRE_IS_SUBMIT)
                        s->request = m.submit.request;
                else if (m.kind == WIRE_IS_NAME) {
                        s->request = m.name.request;
                        say_named(s, s->request);
                }
        }
        return NULL;
}

static void scheduler_begin_with(FakeScheduler *s, uint32_t n_cut, bool refuses) {
        char path[96];

        *s = (FakeScheduler) { .folder = "/tmp/mars-remote-XXXXXX", .fd = -1, .n_cut = n_cut, .refuses = refuses };
        ck_assert_ptr_nonnull(mkdtemp(s->folder));
        s->listening = listen_at(s->folder, "socket", path, sizeof(path));
        snprintf(s->address, sizeof(s->address), "unix:%s", path);
        ck_assert_int_eq(pthread_create(&s->thread, NULL, scheduler_main, s), 0);
}

static void scheduler_begin(FakeScheduler *s) {
        scheduler_begin_with(s, 0, false);
}

static void scheduler_end(FakeScheduler *s) {
        unlink(s->address + strlen("unix:"));
        rmdir(s->folder);
        close(s->listening);
        close(s->fd);
}

static Graph *some_graph(void) {
        const int64_t all[] = { 1, 10 };
        Error err           = {};
        Build b             = { .err = &err };
        ArangeParams params = { .source = { .shape      = DIMS(10),
                                            .dtype      = DTYPE_F64,
                                            .chunk_size = { .n = 2, .given = true, .v = all } },
                                .start  = scalar_from_f64(DTYPE_F64, 0),
                                .step   = scalar_from_f64(DTYPE_F64, 1) };

        ck_assert_int_eq(graph_new(&b.graph), 0);
        ck_assert_int_eq(vec_push(&b.graph->wanted, build_op(&b, "arange", &params, 0, NULL)), 0);
        ck_assert_msg(build_done(&b) == 0, "%s", err.text);
        return b.graph;
}

/* As engine_close() does it; but its loop has read an outcome, and waits for the lock to look at it. */
static void close_while_outcome_comes(bool with_scheduler) {
        EngineRequest *q = NULL;
        Engine *e        = NULL;
        int unread       = 1;
        FakeScheduler s;
        Error err = {};

        scheduler_begin(&s);
        ck_assert_msg(engine_connect(&e, s.address, NULL, NULL, &err) == 0, "%s", err.text);
        ck_assert_int_eq(engine_submit(e, some_graph(), false, &q, &err), 0);
        pthread_join(s.thread, NULL);

        ck_assert(engine_lock(e));
        say(&s, &(WireMessage) { WIRE_IS_FINISHED,
                                 .finished = { .request = s.request, .code = ERROR_VALUE, .text = "late" } });
        if (with_scheduler)
                ck_assert_int_eq(shutdown(s.fd, SHUT_RDWR), 0);
        while (unread > 0) {
                sched_yield();
                ck_assert_int_eq(ioctl(s.fd, SIOCOUTQ, &unread), 0);
        }
        e->closing = true;
        e->ops->close(e);
        e->closed = true;
        engine_unlock(e);

        ck_assert_int_eq(engine_wait(q, UINT64_MAX, &err), ERROR_CLOSED);
        engine_request_unref(q);
        engine_unref(e);
        scheduler_end(&s);
}

TEST(outcome_that_comes_while_the_session_closes_is_nobodys) {
        close_while_outcome_comes(false);
}

/* There is nobody left to say goodbye to. */
TEST(a_session_and_its_scheduler_may_end_at_once) {
        close_while_outcome_comes(true);
}

/* ---- Connecting -------------------------------------------------------------------------------------------------- */

/* A scheduler to which very many come cuts off some of them. */
TEST(a_client_that_is_cut_off_before_the_first_word_comes_again) {
        EngineRequest *q = NULL;
        Engine *e        = NULL;
        FakeScheduler s;
        Error err = {};

        scheduler_begin_with(&s, 3, false);
        ck_assert_msg(engine_connect(&e, s.address, NULL, NULL, &err) == 0, "%s", err.text);
        ck_assert_int_eq(engine_submit(e, some_graph(), false, &q, &err), 0);
        pthread_join(s.thread, NULL); /* and it has a session like any other */
        say(&s, &(WireMessage) { WIRE_IS_FINISHED,
                                 .finished = { .request = s.request, .code = ERROR_VALUE, .text = "the outcome" } });
        ck_assert_int_eq(engine_wait(q, UINT64_MAX, &err), ERROR_VALUE);
        engine_request_unref(q);
        engine_unref(e);
        scheduler_end(&s);
}

/* Nobody knocks after that. */
static void refused_once(uint32_t n_cut) {
        Engine *e = NULL;
        FakeScheduler s;
        Error err = {};

        scheduler_begin_with(&s, n_cut, true);
        ck_assert_int_eq(engine_connect(&e, s.address, NULL, NULL, &err), -EACCES);
        ck_assert_msg(strstr(err.text, "not you"), "%s", err.text);
        ck_assert_ptr_null(e);
        pthread_join(s.thread, NULL);
        ck_assert_int_eq(fcntl(s.listening, F_SETFL, O_NONBLOCK), 0);
        ck_assert_int_lt(accept(s.listening, NULL, NULL), 0);
        ck_assert_int_eq(errno, EAGAIN);
        scheduler_end(&s);
}

TEST(a_client_that_is_refused_with_words_does_not_come_again) {
        refused_once(0);
        refused_once(1);
}

/* ---- Chunks that come to the caller's memory --------------------------------------------------------------------- */

typedef struct FakeWorker {
        FakeScheduler scheduler;
        char path[96];
        int listening, fd;
        Engine *engine;
        TensorId tensor;
        char *chunk; /* its bytes */
} FakeWorker;

static void worker_begin(FakeWorker *w) {
        char *names = NULL;
        Error err   = {};

        *w = (FakeWorker) { .fd = -1, .chunk = malloc(CHUNK_BYTES) };
        for (size_t k = 0; k < CHUNK_BYTES; k++)
                w->chunk[k] = (char) (k * 7 + 1);
        scheduler_begin(&w->scheduler);
        w->listening = listen_at(w->scheduler.folder, "worker", w->path, sizeof(w->path));
        ck_assert_msg(engine_connect(&w->engine, w->scheduler.address, NULL, NULL, &err) == 0, "%s", err.text);
        ck_assert_msg(engine_name(w->engine, NAME_OPEN, "x", &w->tensor, &names, &err) == 0, "%s", err.text);
        free(names);
        pthread_join(w->scheduler.thread, NULL);
}

static void worker_end(FakeWorker *w) {
        engine_unref(w->engine);
        unlink(w->path);
        close(w->listening);
        if (w->fd >= 0)
                close(w->fd);
        free(w->chunk);
        scheduler_end(&w->scheduler);
}

/* Until it is asked for the chunk. */
static void worker_asked(FakeWorker *w) {
        for (;;) {
                _cleanup_(arena_freep) Arena *arena = arena_new();
                WireMessage m;

                if (w->fd < 0)
                        w->fd = accept(w->listening, NULL, NULL);
                hear(w->fd, arena, &m);
                if (m.kind != WIRE_IS_GET)
                        continue;
                ck_assert_uint_eq(m.get.chunk, CHUNK);
                return;
        }
}

/* All from `from` to `to`; before the first byte, the head. */
static void worker_says(const FakeWorker *w, size_t from, size_t to) {
        if (from == 0)
                say_with(w->fd,
                         &(WireMessage) { WIRE_IS_CHUNK,
                                          .chunk = { .chunk = CHUNK, .digest = chunk_digest(w->chunk, CHUNK_BYTES) } },
                         CHUNK_BYTES);
        for (ssize_t n; from < to; from += (size_t) n) {
                n = write(w->fd, w->chunk + from, to - from);
                ck_assert_int_gt(n, 0);
        }
}

static char *where(void *userdata, const Tiling *tiling _unused_, DType dtype _unused_, uint64_t chunk _unused_) {
        return userdata;
}

static EnginePin *pin_into(FakeWorker *w, char *to) {
        EnginePin *pin = NULL;
        Error err      = {};

        ck_assert_msg(
                engine_pin_begin(w->engine, w->tensor, 0, 1, to ? &(EngineInto) { where, to } : NULL, &pin, &err) == 0,
                "%s", err.text);
        worker_asked(w);
        return pin;
}

static void until_taken(const FakeWorker *w) {
        int unread = 1;

        while (unread > 0) {
                sched_yield();
                ck_assert_int_eq(ioctl(w->fd, SIOCOUTQ, &unread), 0);
        }
}

TEST(a_chunk_comes_to_where_its_caller_wants_it) {
        char *to = malloc(CHUNK_BYTES);
        EnginePin *pin;
        Error err = {};
        FakeWorker w;

        worker_begin(&w);
        pin = pin_into(&w, to);
        worker_says(&w, 0, CHUNK_BYTES);
        ck_assert_msg(engine_pin_wait(pin, &err) == 0, "%s", err.text);
        ck_assert_ptr_eq(pin->data[0], to);
        ck_assert(memcmp(to, w.chunk, CHUNK_BYTES) == 0);
        engine_unpin(pin);
        worker_end(&w);
        free(to);
}

TEST(memory_is_its_callers_again_when_the_pin_has_gone_whatever_still_comes) {
        char *to = malloc(CHUNK_BYTES), *again = malloc(CHUNK_BYTES);

        for (size_t part = 0; part <= CHUNK_BYTES; part += CHUNK_BYTES / 4) {
                EnginePin *pin;
                Error err = {};
                FakeWorker w;

                worker_begin(&w);
                pin = pin_into(&w, to);
                if (part > 0) {
                        worker_says(&w, 0, part - 1);
                        until_taken(&w);
                }
                engine_unpin(pin);
                memset(to, 'x', CHUNK_BYTES);
                worker_says(&w, part > 0 ? part - 1 : 0, CHUNK_BYTES);
                pin = pin_into(&w, again); /* and the link goes on */
                worker_says(&w, 0, CHUNK_BYTES);
                ck_assert_msg(engine_pin_wait(pin, &err) == 0, "%s", err.text);
                ck_assert(memcmp(again, w.chunk, CHUNK_BYTES) == 0);
                for (size_t k = 0; k < CHUNK_BYTES; k++)
                        ck_assert_int_eq(to[k], 'x');
                engine_unpin(pin);
                worker_end(&w);
        }
        free(to);
        free(again);
}

TEST(a_worker_that_has_not_the_chunk_answers_one_who_asked_and_not_the_next) {
        EnginePin *first, *second;
        Error err = {};
        FakeWorker w;

        worker_begin(&w);
        first  = pin_into(&w, NULL);
        second = pin_into(&w, NULL);
        say_with(w.fd, &(WireMessage) { WIRE_IS_GONE, .gone = { .chunk = CHUNK, .code = -ENOENT, .text = "not here" } },
                 0);
        worker_says(&w, 0, CHUNK_BYTES);
        ck_assert_msg(engine_pin_wait(second, &err) == 0, "%s", err.text);
        ck_assert(memcmp(second->data[0], w.chunk, CHUNK_BYTES) == 0);
        ck_assert(first->waits); /* the scheduler is asked where it is */
        engine_unpin(second);
        engine_unpin(first);
        worker_end(&w);
}

TEST(a_session_that_ends_leaves_memory_to_its_callers) {
        char *to = malloc(CHUNK_BYTES);
        EnginePin *pin;
        Error err = {};
        FakeWorker w;

        worker_begin(&w);
        pin = pin_into(&w, to);
        worker_says(&w, 0, CHUNK_BYTES / 2);
        until_taken(&w);
        engine_close(w.engine);
        ck_assert_int_eq(engine_pin_wait(pin, &err), ERROR_CLOSED);
        engine_unpin(pin);
        free(to); /* AddressSanitizer would see who writes to it */
        worker_end(&w);
}

TEST(a_chunk_that_came_changed_is_looked_for_again) {
        char *to = malloc(CHUNK_BYTES);

        for (int direct = 0; direct < 2; direct++) {
                EnginePin *pin;
                Error err = {};
                FakeWorker w;

                worker_begin(&w);
                pin = pin_into(&w, direct ? to : NULL);
                worker_says(&w, 0, CHUNK_BYTES / 2);
                w.chunk[CHUNK_BYTES / 2] ^= 1;
                worker_says(&w, CHUNK_BYTES / 2, CHUNK_BYTES);
                w.chunk[CHUNK_BYTES / 2] ^= 1;
                {
                        _cleanup_(arena_freep) Arena *arena = arena_new();
                        WireMessage m;

                        do
                                hear(w.scheduler.fd, arena, &m);
                        while (m.kind != WIRE_IS_SUBMIT); /* where is it now? */
                        say(&w.scheduler, &(WireMessage) { WIRE_IS_FINISHED, .finished = { .request = m.submit.request,
                                                                                           .code    = -EIO,
                                                                                           .text    = "it is gone" } });
                }
                ck_assert_int_eq(engine_pin_wait(pin, &err), -EIO);
                engine_unpin(pin);
                worker_end(&w);
        }
        free(to);
}

/* ---- What it gave ------------------------------------------------------------------------------------------------ */

enum { GIVEN_TENSOR = 8, GIVEN_CHUNK = 51 };

typedef struct Giving {
        Engine *engine;
        const char *data;
        uint32_t released; /* atomic */
        TensorId tensor;
} Giving;

static void count_release(void *userdata) {
        __atomic_add_fetch(&((Giving *) userdata)->released, 1, __ATOMIC_RELEASE);
}

static void *give(void *userdata) {
        Giving *g    = userdata;
        Error err    = {};
        Spec spec    = { .shape = { 1, { ELEMENTS } }, .dtype = DTYPE_F64 };
        Tiling whole = tiling_whole(&spec.shape);

        ck_assert_msg(engine_adopt(g->engine, &spec, &whole, &g->data, count_release, g, NULL, &g->tensor, &err) == 0,
                      "%s", err.text);
        return NULL;
}

/* What comes next of this kind. */
static WireMessage hear_kind(int fd, Arena *arena, WireKind kind) {
        WireMessage m;

        do
                hear(fd, arena, &m);
        while (m.kind != kind);
        return m;
}

static void say_adopted(const FakeScheduler *s, uint64_t request) {
        const uint32_t holder = HOLDER;
        WireTensor t          = { .id          = GIVEN_TENSOR,
                                  .chunk_first = GIVEN_CHUNK,
                                  .spec        = { .shape = { 1, { ELEMENTS } }, .dtype = DTYPE_F64 },
                                  .n_holder    = 1,
                                  .holder      = &holder };
        Writer w              = {};

        t.tiling = tiling_whole(&t.spec.shape);
        wire_put_tensor(&w, &t);
        say(s, &(WireMessage) { WIRE_IS_ADOPTED,
                                .adopted = { .request = request, .tensor = w.bytes.data, .tensor_n = w.bytes.n } });
        vec_free(&w.bytes);
}

static void say_wanted(const FakeScheduler *s) {
        uint32_t place[] = { 0, HOLDER };

        say(s, &(WireMessage) { WIRE_IS_WANTED, .wanted = { .tensor = GIVEN_TENSOR, .chunk = place, .chunk_n = 2 } });
}

/* The worker is told of the chunk and asks for it. True: it has come, as it is in `w->chunk`. */
static bool worker_takes(FakeWorker *w) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        char *payload                       = malloc(CHUNK_BYTES);
        WireMessage m;

        if (w->fd < 0)
                w->fd = accept(w->listening, NULL, NULL);
        m = hear_kind(w->fd, arena, WIRE_IS_PUT);
        ck_assert_uint_eq(m.put.chunk, GIVEN_CHUNK);
        ck_assert_uint_eq(m.put.size_bytes, CHUNK_BYTES);
        say_with(w->fd, &(WireMessage) { WIRE_IS_GET, .get = { .chunk = GIVEN_CHUNK, .most = CHUNK_BYTES } }, 0);
        hear(w->fd, arena, &m);
        if (m.kind == WIRE_IS_CHUNK) {
                read_all(w->fd, (uint8_t *) payload, CHUNK_BYTES);
                ck_assert(memcmp(payload, w->chunk, CHUNK_BYTES) == 0);
                ck_assert_uint_eq(m.chunk.digest, chunk_digest(w->chunk, CHUNK_BYTES));
                say_with(w->fd, &(WireMessage) { WIRE_IS_STORED, .stored = { .chunk = GIVEN_CHUNK } }, 0);
        } else {
                ck_assert_int_eq(m.kind, WIRE_IS_GONE);
                ck_assert_int_eq(m.gone.code, MARS_ERROR_DATA_LOST);
        }
        free(payload);
        return m.kind == WIRE_IS_CHUNK;
}

static void given_is(const FakeWorker *w, int code, const char *words) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const WireMessage m                 = hear_kind(w->scheduler.fd, arena, WIRE_IS_GIVEN);

        ck_assert_uint_eq(m.given.tensor, GIVEN_TENSOR);
        ck_assert_int_eq(m.given.code, code);
        ck_assert_msg(strstr(m.given.text, words), "'%s' is not in '%s'", words, m.given.text);
}

static void until_released(const Giving *g) {
        while (__atomic_load_n(&g->released, __ATOMIC_ACQUIRE) == 0)
                sched_yield();
        ck_assert_uint_eq(g->released, 1);
}

/* w->chunk is what is lent. */
static void begin_giving(FakeWorker *w, Giving *g) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        pthread_t thread;

        worker_begin(w);
        engine_keep_given(w->engine, CHUNK_BYTES);
        *g = (Giving) { .engine = w->engine, .data = w->chunk };
        ck_assert_int_eq(pthread_create(&thread, NULL, give, g), 0);
        say_adopted(&w->scheduler, hear_kind(w->scheduler.fd, arena, WIRE_IS_ADOPT).adopt.request);
        ck_assert(worker_takes(w));
        pthread_join(thread, NULL);
        ck_assert_uint_eq(g->tensor, GIVEN_TENSOR);
        ck_assert_uint_eq(g->released, 0);
}

TEST(lent_memory_is_given_again_as_it_was_or_not_at_all_until_it_is_spared) {
        FakeWorker w;
        Giving g;

        begin_giving(&w, &g);
        for (int k = 0; k < 2; k++) {
                say_wanted(&w.scheduler);
                ck_assert(worker_takes(&w));
                given_is(&w, 0, "");
        }
        w.chunk[5] ^= 1;
        say_wanted(&w.scheduler);
        ck_assert(!worker_takes(&w));
        given_is(&w, MARS_ERROR_DATA_LOST, "was changed after it was given");
        w.chunk[5] ^= 1;
        say_wanted(&w.scheduler);
        ck_assert(worker_takes(&w)); /* it is as it was */
        given_is(&w, 0, "");
        ck_assert_uint_eq(g.released, 0);
        say(&w.scheduler,
            &(WireMessage) { WIRE_IS_SPARED, .spared = { .tensor = (uint64_t[]) { GIVEN_TENSOR }, .tensor_n = 1 } });
        until_released(&g);
        worker_end(&w);
}

TEST(what_workers_of_the_same_machine_have_is_kept_as_long_as_somebody_refers_to_it) {
        FakeWorker w;
        Giving g;

        begin_giving(&w, &g);
        engine_release(w.engine, GIVEN_TENSOR);
        ck_assert_uint_eq(g.released, 1);
        say_wanted(&w.scheduler);
        given_is(&w, MARS_ERROR_DATA_LOST, "on its client's own machine");
        worker_end(&w);
}

TEST(what_is_named_is_kept_over_a_new_link_and_all_else_spared) {
        FakeWorker w;
        Giving g;

        begin_giving(&w, &g);
        say(&w.scheduler,
            &(WireMessage) { WIRE_IS_SPARED,
                             .spared = { .but = 1, .tensor = (uint64_t[]) { GIVEN_TENSOR }, .tensor_n = 1 } });
        say_wanted(&w.scheduler);
        ck_assert(worker_takes(&w));
        given_is(&w, 0, "");
        ck_assert_uint_eq(g.released, 0);
        say(&w.scheduler, &(WireMessage) { WIRE_IS_SPARED, .spared = { .but = 1 } });
        until_released(&g);
        worker_end(&w);
}

TEST(memory_is_released_when_its_session_ends_while_it_is_given_again) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        FakeWorker w;
        Giving g;

        begin_giving(&w, &g);
        say_wanted(&w.scheduler);
        hear_kind(w.fd, arena, WIRE_IS_PUT);
        engine_close(w.engine);
        until_released(&g);
        worker_end(&w);
}
