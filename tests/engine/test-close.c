/* SPDX-License-Identifier: Apache-2.0 */
/* Engines that are closed while their threads are in a call of LAPACK that nobody wants any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"

#include "harness.h"

enum { TRIES = 10 }; /* LAPACK may be done before anybody looks */

static Ref matrix(Build *b, int64_t n) {
        const int64_t chunk_size[] = { 1, n };
        ArangeParams params = { .source = { .shape = DIMS(n, n),
                                            .dtype = DTYPE_F64,
                                            .chunk_size = { .n = 2, .given = true, .v = chunk_size } },
                                .start = scalar_from_f64(DTYPE_F64, 0),
                                .step = scalar_from_f64(DTYPE_F64, 1) };

        return build_op(b, "arange", &params, 0, NULL);
}

static Graph *graph_of(Build *b, Ref wanted) {
        ck_assert_msg(build_done(b) == 0, "%s", b->err->text);
        ck_assert_int_eq(vec_push(&b->graph->wanted, wanted), 0);
        return b->graph;
}

static EngineRequest *submitted(Engine *e, Build *b, Ref wanted) {
        EngineRequest *q = NULL;

        ck_assert_msg(engine_submit(e, graph_of(b, wanted), true, &q, b->err) == 0, "%s", b->err->text);
        return q;
}

/* An engine of which a thread is in LAPACK, and the request for that, which was canceled. */
static Engine *engine_left_in_lapack(EngineRequest **ret) {
        Engine *e   = NULL;
        Error err   = {};
        Build b     = { .err = &err };
        TensorId id = 0;
        const Tiling *tiling;
        const Spec *spec;
        EngineStats stats;
        EngineRequest *q;
        Ref x = {};

        ck_assert_int_eq(engine_new(&e, &(EngineConfig) { .n_threads = 1, .budget.memory_bytes = GiB }, &err), 0);
        ck_assert_int_eq(graph_new(&b.graph), 0);
        x = matrix(&b, 1800);
        q = submitted(e, &b, build_op(&b, "sin", NULL, 1, &x));
        ck_assert_int_eq(engine_wait(q, UINT64_MAX, &err), 0);
        ck_assert_int_eq(engine_request_take(q, &id), 0);
        engine_request_unref(q);

        b = (Build) { .err = &err };
        ck_assert_int_eq(graph_new(&b.graph), 0);
        ck_assert_int_eq(engine_tensor(e, id, &spec, &tiling, NULL), 0);
        ck_assert_int_eq(graph_add_stored(b.graph, id, spec, &x.node), 0);
        q = submitted(e, &b, build_op(&b, "eigvals", NULL, 1, &x));
        do
                engine_stats(e, &stats);
        while (stats.scratch_bytes == 0 && !engine_request_done(q));
        engine_request_cancel(q);
        engine_release(e, id);
        *ret = q;
        return e;
}

TEST(closing_does_not_wait_for_lapack) {
        bool at_it = false;

        for (int k = 0; k < TRIES && !at_it; k++) {
                EngineRequest *q = NULL;
                Engine *e        = engine_left_in_lapack(&q);

                engine_close(e);
                at_it = !engine_request_done(q);
                ck_assert(engine_closed(e));
                ck_assert_int_eq(engine_wait(q, UINT64_MAX, NULL), ERROR_CANCELED);
                engine_request_unref(q);
                engine_unref(e);
        }
        ck_assert(at_it);
}

TEST(last_reference_may_go_before_lapack_returns) {
        bool at_it = false;

        for (int k = 0; k < TRIES && !at_it; k++) {
                EngineRequest *q = NULL;
                Engine *e        = engine_left_in_lapack(&q);

                engine_close(e);
                at_it = !engine_request_done(q);
                engine_request_unref(q);
                engine_unref(e);
        }
        ck_assert(at_it);
}

enum { AT_IT = 7, DONE_BEFORE = 8 };

static void child_main(int out) {
        EngineRequest *q = NULL;
        Engine *e;

        ck_assert_int_ge(dup2(out, STDOUT_FILENO), 0);
        e = engine_left_in_lapack(&q);
        engine_close(e);
        printf("the last words");
        exit(engine_request_done(q) ? DONE_BEFORE : AT_IT);
}

TEST(process_ends_with_its_status_and_its_words_while_lapack_works) {
        int status = 0;

        for (int k = 0; k < TRIES && !(WIFEXITED(status) && WEXITSTATUS(status) == AT_IT); k++) {
                char words[64] = {};
                int out[2];
                pid_t pid;

                ck_assert_int_eq(pipe(out), 0);
                pid = fork();
                ck_assert_int_ge(pid, 0);
                if (pid == 0)
                        child_main(out[1]);
                close(out[1]);
                ck_assert_int_ge(read(out[0], words, sizeof(words) - 1), 0);
                ck_assert_str_eq(words, "the last words");
                close(out[0]);
                ck_assert_int_eq(waitpid(pid, &status, 0), pid);
                ck_assert_msg(WIFEXITED(status), "it died of signal %d", WTERMSIG(status));
                ck_assert(WEXITSTATUS(status) == AT_IT || WEXITSTATUS(status) == DONE_BEFORE);
        }
        ck_assert_int_eq(WEXITSTATUS(status), AT_IT);
}
