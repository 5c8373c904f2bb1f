/* SPDX-License-Identifier: Apache-2.0 */
/* A session of which the scheduler is this test: what must be right at one moment only, which real daemons seldom hit.
 * The rest of engine/remote.c is tested with them (tests/python). */
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
#include "wire/frame.h"
#include "wire/wire.h"

#include "harness.h"

/* It says WELCOME, and then nothing by itself. */
typedef struct FakeScheduler {
        char folder[64], address[128];
        int listening, fd;
        pthread_t thread;
        uint64_t request; /* that it was asked for */
} FakeScheduler;

static void say(const FakeScheduler *s, const WireMessage *m) {
        uint8_t header[FRAME_BYTES];
        Writer body = {};

        wire_encode(m, &body);
        ck_assert_int_eq(body.r, 0);
        frame_encode(&(Frame) { .kind = (uint16_t) m->kind, .body_bytes = body.bytes.n }, header);
        ck_assert_int_eq(write(s->fd, header, sizeof(header)), sizeof(header));
        ck_assert_int_eq(write(s->fd, body.bytes.data, body.bytes.n), body.bytes.n);
        vec_free(&body.bytes);
}

static void read_all(int fd, uint8_t *to, size_t n) {
        for (ssize_t got; n > 0; to += got, n -= (size_t) got) {
                got = read(fd, to, n);
                ck_assert_int_gt(got, 0);
        }
}

/* Until the client asks for something. */
static void *scheduler_main(void *userdata) {
        FakeScheduler *s = userdata;

        s->fd = accept(s->listening, NULL, NULL);
        ck_assert_int_ge(s->fd, 0);
        while (s->request == 0) {
                _cleanup_(arena_freep) Arena *arena  = arena_new();
                _cleanup_(freep) uint8_t *body       = NULL;
                uint8_t header[FRAME_BYTES];
                Error err = {};
                WireMessage m;
                Frame frame;

                read_all(s->fd, header, sizeof(header));
                ck_assert_int_eq(frame_decode(header, &frame, &err), 0);
                body = malloc(frame.body_bytes + 1);
                read_all(s->fd, body, frame.body_bytes);
                ck_assert_int_eq(wire_decode(frame.kind, body, frame.body_bytes, arena, &m, &err), 0);
                if (m.kind == WIRE_IS_HELLO)
                        say(s, &(WireMessage) {
                                       WIRE_IS_WELCOME,
                                       .welcome = { .number = 1, .epoch = 1, .lease_usec = 1, .key = "key" } });
                else if (m.kind == WIRE_IS_SUBMIT)
                        s->request = m.submit.request;
        }
        return NULL;
}

static void scheduler_begin(FakeScheduler *s) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };

        *s = (FakeScheduler) { .folder = "/tmp/mars-remote-XXXXXX", .fd = -1 };
        ck_assert_ptr_nonnull(mkdtemp(s->folder));
        snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", s->folder);
        snprintf(s->address, sizeof(s->address), "unix:%s", at.sun_path);
        s->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(s->listening, (struct sockaddr *) &at, sizeof(at)), 0);
        ck_assert_int_eq(listen(s->listening, 1), 0);
        ck_assert_int_eq(pthread_create(&s->thread, NULL, scheduler_main, s), 0);
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

TEST(outcome_that_comes_while_the_session_closes_is_nobodys) {
        EngineRequest *q = NULL;
        Engine *e        = NULL;
        int unread       = 1;
        FakeScheduler s;
        Error err = {};

        scheduler_begin(&s);
        ck_assert_msg(engine_connect(&e, s.address, NULL, NULL, &err) == 0, "%s", err.text);
        ck_assert_int_eq(engine_submit(e, some_graph(), false, &q, &err), 0);
        pthread_join(s.thread, NULL);

        /* As engine_close() does it; but its loop has read the outcome, and waits for the lock to look at it. */
        ck_assert(engine_lock(e));
        say(&s, &(WireMessage) { WIRE_IS_FINISHED,
                                 .finished = { .request = s.request, .code = ERROR_VALUE, .text = "late" } });
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
