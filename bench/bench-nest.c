/* SPDX-License-Identifier: Apache-2.0 */
/* One thread running the tasks of real plans, against loops written by hand over the same memory.
 *
 *     [EXPLAIN=1] bench-nest [part of a name] [million elements]
 *
 * Prints nanoseconds per element of both, and ours / by hand. Memory is touched before, times are processor times of
 * the thread, the best of several alternating runs. The loops by hand add up in whatever order is fastest; ours
 * follow the tree. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "exec/exec.h"
#include "plan/plan.h"

enum { MAX_LEAVES = 3, REPEAT = 9 };

typedef struct Job {
        Graph *graph;
        Plan *plan;
        Exec *exec;
        Tiling tiling[MAX_LEAVES];
        double *leaf[MAX_LEAVES];
        uint32_t n_leaf;
        ChunkMemory *chunk, *in, *out;
        char *scratch;
} Job;

static double *result, *workspace;
static size_t n_total;
static int64_t rows, columns; /* of the matrices */

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static void *memory(size_t size_bytes) {
        char *p = mmap(NULL, size_bytes + 2 * MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                abort();
        p = (char *) (((uintptr_t) p + 2 * MiB - 1) & ~(uintptr_t) (2 * MiB - 1));
        madvise(p, size_bytes, MADV_HUGEPAGE);
        memset(p, 0, size_bytes);
        return p;
}

static void check(int r, const Error *err) {
        if (r >= 0)
                return;
        fprintf(stderr, "bench-nest: %s\n", err->text);
        exit(1);
}

static const Tiling *leaf_tiling(void *userdata, uint64_t stored) {
        return ((Job *) userdata)->tiling + stored;
}

static void job_begin(Job *job) {
        *job = (Job){};
        if (graph_new(&job->graph) < 0 || exec_new(&job->exec) < 0)
                abort();
}

static Ref add_leaf(Job *job, double *data, Shape shape) {
        Spec spec = { .dtype = DTYPE_F64, .shape = shape };
        uint32_t node;

        job->leaf[job->n_leaf] = data;
        job->tiling[job->n_leaf] = tiling_auto(&shape, DTYPE_F64);
        if (graph_add_stored(job->graph, job->n_leaf++, &spec, &node) < 0)
                abort();
        return (Ref){ node, 0 };
}

static void job_plan(Job *job, Ref wanted) {
        PlanLeaves leaves = { .tiling = leaf_tiling, .userdata = job };
        Error err = {};
        size_t scratch = 0;

        if (vec_push(&job->graph->wanted, wanted) < 0)
                abort();
        check(plan_make(job->graph, &leaves, &job->plan, &err), &err);
        job->chunk = calloc(job->plan->n_chunk, sizeof(*job->chunk));
        job->in = calloc(job->plan->n_chunk + 1, sizeof(*job->in));
        job->out = calloc(job->plan->n_chunk + 1, sizeof(*job->out));
        for (uint32_t v = 0; v < job->plan->value.n; v++) {
                const Value *value = job->plan->value.data + v;
                char *at = NULL;

                if (value->stage == STAGE_NONE)
                        at = (char *) job->leaf[value->stored];
                else if (v == job->plan->made.data[0].value)
                        at = (char *) result;
                for (uint64_t k = 0; k < tiling_n_chunks(&value->tiling); k++) {
                        uint32_t c = value->first_chunk + (uint32_t) k;

                        plan_chunk_shape(job->plan, c, &job->chunk[c].shape);
                        job->chunk[c].data = at ?: memory(plan_chunk_bytes(job->plan, c));
                        if (at)
                                at += plan_chunk_bytes(job->plan, c);
                }
        }
        for (uint32_t s = 0; s < job->plan->stage.n; s++)
                scratch = MAX(scratch, job->plan->stage.data[s].scratch_bytes);
        job->scratch = memory(scratch + 1);
}

static void job_run(Job *job) {
        const Plan *plan = job->plan;
        Error err = {};

        for (uint32_t i = 0; i < plan->n_task; i++) {
                uint32_t t = plan->order[i], n_in = 0, n_out = 0;

                for (uint32_t k = plan->input_start[t]; k < plan->input_start[t + 1]; k++)
                        job->in[n_in++] = job->chunk[plan->input_chunk[k]];
                for (uint32_t k = plan->output_start[t]; k < plan->output_start[t + 1]; k++)
                        job->out[n_out++] = job->chunk[plan->output_chunk[k]];
                check(exec_run(job->exec, plan, t, job->in, job->out, job->scratch, NULL, &err), &err);
        }
}

static void measure(const char *name, const char *filter, Job *job, void (*by_hand)(Job *job), size_t n) {
        double ours = 1e300, hand = 1e300;

        if (filter && !strstr(name, filter))
                return;
        if (getenv("EXPLAIN"))
                puts(plan_explain(job->plan, job->plan->arena));
        for (int k = 0; k < REPEAT; k++) {
                double t = now();

                job_run(job);
                ours = MIN(ours, now() - t);
                t = now();
                by_hand(job);
                hand = MIN(hand, now() - t);
        }
        printf("%-28s %8.3f ns  by hand %8.3f ns  ratio %5.2f   (%u tasks)\n", name, ours / (double) n,
               hand / (double) n, ours / hand, job->plan->n_task);
        fflush(stdout);
}

/* ---- By hand
 * ------------------------------------------------------------------------------------------------------ */

#ifdef __clang__
#define LEVELS __attribute__((target("avx2")))
#else
#define LEVELS __attribute__((target("avx2"), optimize("O3")))
#endif

LEVELS static void hand_axpy(Job *job) {
        const double *a = job->leaf[0], *b = job->leaf[1], *c = job->leaf[2];

        for (size_t i = 0; i < n_total; i++)
                workspace[i] = a[i] * b[i] + c[i];
}

LEVELS static void hand_rows(Job *job) {
        for (int64_t i = 0; i < rows; i++) {
                const double *a = job->leaf[0] + i * columns;
                double s[16] = {}, t = 0;

                for (int64_t j = 0; j + 16 <= columns; j += 16)
                        for (int k = 0; k < 16; k++)
                                s[k] += a[j + k];
                for (int k = 0; k < 16; k++)
                        t += s[k];
                workspace[i] = t;
        }
}

LEVELS static void hand_columns(Job *job) {
        memset(workspace, 0, (size_t) columns * sizeof(double));
        for (int64_t i = 0; i < rows; i++)
                for (int64_t j = 0; j < columns; j++)
                        workspace[j] += job->leaf[0][i * columns + j];
}

LEVELS static void hand_sum(Job *job) {
        double s[16] = {};

        for (size_t j = 0; j + 16 <= n_total; j += 16)
                for (int k = 0; k < 16; k++)
                        s[k] += job->leaf[0][j + (size_t) k];
        for (int k = 0; k < 16; k++)
                workspace[0] += s[k];
}

LEVELS static void hand_masked(Job *job) {
        double s[16] = {};

        for (size_t j = 0; j + 16 <= n_total; j += 16)
                for (int k = 0; k < 16; k++)
                        s[k] += job->leaf[0][j + (size_t) k] > 0.5 ? job->leaf[0][j + (size_t) k] : 0;
        for (int k = 0; k < 16; k++)
                workspace[0] += s[k];
}

/* a + a.T by tiles, summed over rows. */
LEVELS static void hand_symmetric(Job *job) {
        enum { TILE = 16, WIDE = 512 };
        const double *a = job->leaf[0];
        double sum[WIDE], tile[TILE][WIDE];

        for (int64_t j0 = 0; j0 < columns; j0 += WIDE) {
                int64_t m = MIN(columns - j0, (int64_t) WIDE);

                memset(sum, 0, sizeof(sum));
                for (int64_t i0 = 0; i0 < rows; i0 += TILE) {
                        int64_t n = MIN(rows - i0, (int64_t) TILE);

                        for (int64_t j = 0; j < m; j++)
                                for (int64_t i = 0; i < n; i++)
                                        tile[i][j] = a[(j0 + j) * columns + i0 + i];
                        for (int64_t i = 0; i < n; i++)
                                for (int64_t j = 0; j < m; j++)
                                        sum[j] += a[(i0 + i) * columns + j0 + j] + tile[i][j];
                }
                memcpy(workspace + j0, sum, (size_t) m * sizeof(double));
        }
}

LEVELS static void hand_transpose(Job *job) {
        enum { TILE = 16, WIDE = 512 };

        for (int64_t j0 = 0; j0 < columns; j0 += WIDE)
                for (int64_t i0 = 0; i0 < rows; i0 += TILE)
                        for (int64_t j = j0; j < MIN(columns, j0 + WIDE); j++)
                                for (int64_t i = i0; i < MIN(rows, i0 + TILE); i++)
                                        workspace[i * columns + j] = job->leaf[0][j * columns + i] * 2;
}

/* Squared distances to 8 centres in 10 dimensions, and the nearest. */
enum { N_CENTRE = 8, N_DIM = 10 };
LEVELS static void hand_nearest(Job *job) {
        int64_t n = (int64_t) n_total / N_DIM;
        const double *x = job->leaf[0], *c = job->leaf[1];

        for (int64_t i = 0; i < n; i++) {
                double best = 1e300;
                int which = 0;

                for (int k = 0; k < N_CENTRE; k++) {
                        double d = 0;

                        for (int j = 0; j < N_DIM; j++)
                                d += (x[i * N_DIM + j] - c[k * N_DIM + j]) * (x[i * N_DIM + j] - c[k * N_DIM + j]);
                        if (d < best) {
                                best = d;
                                which = k;
                        }
                }
                ((int64_t *) workspace)[i] = which;
        }
}

/* ---- Jobs
 * --------------------------------------------------------------------------------------------------------- */

static Ref reduce(Build *b, const char *op, Ref a, int64_t axis) {
        return build_reduce(b, op, a, (Dims){ .n = axis >= 0, .given = axis >= 0, .v = &axis }, false, DTYPE_NONE);
}

static void finish(Job *job, Build *b, Ref r, const char *name, const char *filter, void (*by_hand)(Job *), size_t n) {
        check(build_done(b), b->err);
        job_plan(job, r);
        measure(name, filter, job, by_hand, n);
}

int main(int argc, char **argv) {
        const char *filter = argc > 1 && argv[1][0] ? argv[1] : NULL;
        double *a, *b, *c;
        size_t million = argc > 2 ? (size_t) atol(argv[2]) : 20;

        rows = columns = 64;
        while ((columns + 64) * (columns + 64) <= (int64_t) (million * 1000000))
                rows = columns += 64;
        n_total = million * 1000000;
        a = memory(n_total * 8);
        b = memory(n_total * 8);
        c = memory(n_total * 8);
        result = memory(n_total * 8);
        workspace = memory(n_total * 8);
        for (size_t i = 0; i < n_total; i++) {
                a[i] = (double) (i * 2654435761u % 1000003) / 1000003;
                b[i] = 1 - a[i];
                c[i] = a[i] * 3;
        }

        const Shape flat = SHAPE((int64_t) n_total), square = SHAPE(rows, columns);
        const size_t n_square = (size_t) (rows * columns);
        static const struct {
                const char *name, *op;
                int64_t axis;
                void (*by_hand)(Job *);
        } reductions[] = {
                { "sum axis 0", "sum", 0, hand_columns },
                { "sum axis 1", "sum", 1, hand_rows },
                { "sum all", "sum", -1, hand_sum },
                { "min axis 0", "min", 0, hand_columns },
                { "min axis 1", "min", 1, hand_rows },
                { "mean axis 1", "mean", 1, hand_rows },
                { "var axis 0", "var", 0, hand_columns },
                { "var axis 1", "var", 1, hand_rows },
                { "argmax axis 0", "argmax", 0, hand_columns },
                { "argmax axis 1", "argmax", 1, hand_rows },
        };
        Error err = {};
        Job job;

        if (!filter || strstr("a*b+c", filter)) {
                job_begin(&job);
                Build build = { .graph = job.graph, .err = &err };
                Ref x = add_leaf(&job, a, flat), y = add_leaf(&job, b, flat), z = add_leaf(&job, c, flat);

                finish(&job, &build, build_binary(&build, "add", build_binary(&build, "multiply", x, y), z), "a*b+c",
                       filter, hand_axpy, n_total);
        }
        for (size_t i = 0; i < ELEMENTSOF(reductions); i++) {
                if (filter && !strstr(reductions[i].name, filter))
                        continue;
                job_begin(&job);
                Build build = { .graph = job.graph, .err = &err };
                Ref x = add_leaf(&job, a, square);

                finish(&job, &build, reduce(&build, reductions[i].op, x, reductions[i].axis), reductions[i].name,
                       filter, reductions[i].by_hand, n_square);
        }
        if (!filter || strstr("a[a>0.5].sum()", filter)) {
                job_begin(&job);
                Build build = { .graph = job.graph, .err = &err };
                Ref x       = add_leaf(&job, a, flat);
                Ref mask    = build_binary(&build, "greater", x, build_f64(&build, DTYPE_F64, 0.5));
                Ref none    = build_f64(&build, DTYPE_F64, 0);

                finish(&job, &build,
                       reduce(&build, "sum", build_map(&build, "where", 3, (Ref[]) { mask, x, none }), -1),
                       "a[a>0.5].sum()", filter, hand_masked, n_total);
        }
        if (!filter || strstr("(a+a.T).sum(0)", filter)) {
                job_begin(&job);
                Build build = { .graph = job.graph, .err = &err };
                Ref x = add_leaf(&job, a, square), t = build_transpose(&build, x, (int[]){ 1, 0 });

                finish(&job, &build, reduce(&build, "sum", build_binary(&build, "add", x, t), 0), "(a+a.T).sum(0)",
                       filter, hand_symmetric, n_square);
        }
        if (!filter || strstr("a.T*2", filter)) {
                job_begin(&job);
                Build build = { .graph = job.graph, .err = &err };
                Ref x = add_leaf(&job, a, square), t = build_transpose(&build, x, (int[]){ 1, 0 });

                finish(&job, &build, build_binary(&build, "multiply", t, build_f64(&build, DTYPE_F64, 2)), "a.T*2",
                       filter, hand_transpose, n_square);
        }
        if (!filter || strstr("k-means nearest", filter)) {
                int64_t n = (int64_t) n_total / N_DIM;

                job_begin(&job);
                Build build = { .graph = job.graph, .err = &err };
                Ref x = build_insert_axis(&build, add_leaf(&job, a, SHAPE(n, N_DIM)), 1);
                Ref y = build_insert_axis(&build, add_leaf(&job, b, SHAPE(N_CENTRE, N_DIM)), 0);
                Ref d = build_binary(&build, "subtract", x, y);

                d = reduce(&build, "sum", build_binary(&build, "multiply", d, d), 2);
                finish(&job, &build, reduce(&build, "argmin", d, 1), "k-means nearest", filter, hand_nearest,
                       (size_t) n);
        }
        return 0;
}
