/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting, unique values and selection through the engine, on two threads.
 *
 *     bench-sort [million elements] [beginning of a name] [MiB that a task may take, a share of memory if left out]
 *
 * Prints seconds by the clock and by the processors, the best of several runs over the same memory; bench/sort.py
 * prints them beside NumPy's. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "engine/engine.h"

enum { REPEAT = 3 };

static const char *filter;
static Engine *engine;

static double now(clockid_t clock) {
        struct timespec t;

        clock_gettime(clock, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static uint64_t mix(uint64_t x) {
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 27) * 0x94d049bb133111ebu;
        return x ^ x >> 31;
}

static void check(int r, const Error *err) {
        if (r == 0)
                return;
        fprintf(stderr, "bench-sort: %s\n", err->text);
        exit(1);
}

static void keep(_unused_ void *userdata) {}

/* Memory that belongs to the process, as a tensor in automatic chunks. */
static TensorId tensor_of(const void *data, DType dtype, int64_t n) {
        const Spec spec = { .dtype = dtype, .shape = SHAPE(n) };
        const Tiling tiling = tiling_auto(&spec.shape, dtype);
        const char **chunk = calloc(tiling.axis[0].n, sizeof(*chunk));
        Error err = {};
        TensorId id = 0;

        for (uint32_t k = 0; k < tiling.axis[0].n; k++)
                chunk[k] = (const char *) data + (size_t) cuts_edge(&tiling.axis[0], k) * dtype_size(dtype);
        check(engine_adopt(engine, &spec, &tiling, chunk, keep, NULL, NULL, &id, &err), &err);
        free(chunk);
        return id;
}

static void measure(const char *name, TensorId id, const char *op, const void *params) {
        double best_wall = 1e300, best_cpu = 1e300;

        if (filter && strncmp(name, filter, strlen(filter)) != 0)
                return;
        for (int k = 0; k < REPEAT; k++) {
                Error err = {};
                Build b = { .err = &err };
                const Tiling *tiling;
                const Spec *spec;
                EngineRequest *q = NULL;
                TensorId made = 0;
                Ref in = {}, out;

                check(graph_new(&b.graph), &err);
                check(engine_tensor(engine, id, &spec, &tiling, &err), &err);
                check(graph_add_stored(b.graph, id, spec, &in.node), &err);
                out = build_op(&b, op, params, 1, &in);
                check(build_done(&b), &err);
                check(vec_push(&b.graph->wanted, out), &err);

                const double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
                check(engine_submit(engine, b.graph, false, &q, &err), &err);
                check(engine_wait(q, UINT64_MAX, &err), &err);
                best_wall = MIN(best_wall, now(CLOCK_MONOTONIC) - wall);
                best_cpu = MIN(best_cpu, now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
                check(engine_request_take(q, &made), &err);
                engine_request_unref(q);
                engine_release(engine, made);
        }
        printf("%-20s %8.3f %8.3f\n", name, best_wall, best_cpu);
        fflush(stdout);
}

int main(int argc, char **argv) {
        const int64_t n = (argc > 1 ? strtoll(argv[1], NULL, 10) : 50) * 1000000;
        Error err = {};

        filter = argc > 2 ? argv[2] : NULL;
        if (n <= 0)
                return 1;
        const EngineConfig config = { .n_threads  = 2,
                                      .task_bytes = argc > 3 ? (size_t) strtoull(argv[3], NULL, 10) << 20 : 0 };

        check(engine_new(&engine, &config, &err), &err);
        double *real = mmap(NULL, (size_t) n * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int64_t *whole = mmap(NULL, (size_t) n * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (real == MAP_FAILED || whole == MAP_FAILED)
                return 1;
        for (int64_t i = 0; i < n; i++) {
                real[i] = (double) (mix((uint64_t) i) >> 11) * 0x1p-53;
                whole[i] = (int64_t) (mix((uint64_t) (n + i)) % 1000000);
        }
        const TensorId a = tensor_of(real, DTYPE_F64, n), b = tensor_of(whole, DTYPE_I64, n);

        printf("%-20s %8s %8s\n", "", "seconds", "cpu");
        measure("sort float64", a, "sort", NULL);
        measure("argsort float64", a, "argsort", NULL);
        measure("sort int64", b, "sort", NULL);
        measure("unique int64", b, "unique", NULL);
        /* What three percentiles are made of: the elements on both sides of each. */
        const int64_t k[] = { n / 20, n / 20 + 1, n / 2, n / 2 + 1, n - n / 20, n - n / 20 + 1 };
        const struct { /* as the operator's */
                Dims k;
                int64_t axis;
        } kth = { .k = { .n = ELEMENTSOF(k), .given = true, .v = k }, .axis = -1 };
        measure("percentiles float64", a, "kth", &kth);
        const struct {
                int64_t k, axis;
                bool largest;
        } top = { 100, -1, true };
        measure("topk float64", a, "topk", &top);
        engine_release(engine, a);
        engine_release(engine, b);
        engine_unref(engine);
        munmap(real, (size_t) n * 8);
        munmap(whole, (size_t) n * 8);
        return 0;
}
