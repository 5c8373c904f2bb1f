/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger beside the kernel: what a session says it has in memory is what the kernel charges the process with, at
 * any time while it works, on every kind of pages. */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/client.h"

enum {
        SLACK_PERCENT = 2,
        SLACK_BYTES   = 16 << 20, /* code, stacks, plans, and what BLAS keeps */
        POLL_USEC     = 500,
};

/* Of all mappings; reserved huge pages are in none of the sums. */
static uint64_t resident_bytes(void) {
        FILE *file = fopen("/proc/self/smaps_rollup", "re");
        unsigned long long kib, bytes = 0;
        char line[256];

        ck_assert_ptr_nonnull(file);
        while (fgets(line, sizeof(line), file))
                if (sscanf(line, "Rss: %llu kB", &kib) == 1 || sscanf(line, "Private_Hugetlb: %llu kB", &kib) == 1)
                        bytes += kib << 10;
        fclose(file);
        return bytes;
}

static uint64_t ledger_bytes(mars_session *s) {
        mars_session_stats stats;

        must(mars_session_stat(s, &stats, &err));
        return stats.process_bytes + stats.arena_bytes + stats.copied_bytes + stats.buffer_bytes + stats.table_bytes;
}

typedef struct Watch {
        mars_session *session;
        uint64_t copied_before;    /* when the session was made: these are in process_bytes */
        _Atomic bool end;
        int64_t last[2];           /* unexplained, in the looks before */
        int64_t most, most_ledger; /* unexplained in three looks in a row, and the ledger then */
        uint64_t n;
} Watch;

/* Both sums move while they are read: the larger of two ledgers counts, and what is there in three looks in a row. */
static void watch_once(Watch *w) {
        const uint64_t before = ledger_bytes(w->session), resident = resident_bytes(), after = ledger_bytes(w->session),
                       ledger = MAX(before, after) - w->copied_before;
        const int64_t now     = (int64_t) (resident - ledger) - (int64_t) (ledger * SLACK_PERCENT / 100);
        const int64_t lasting = MIN(now, MIN(w->last[0], w->last[1]));

        if (w->n++ < ELEMENTSOF(w->last) || lasting > w->most) {
                w->most        = lasting;
                w->most_ledger = (int64_t) ledger;
        }
        w->last[0] = w->last[1];
        w->last[1] = now;
}

static void *watch(void *userdata) {
        Watch *w = userdata;

        while (!w->end) {
                watch_once(w);
                usleep(POLL_USEC);
        }
        return NULL;
}

static mars_tensor *chance(int64_t rows, int64_t columns) {
        const mars_param params[] = {
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = 5 },
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { rows, columns }, .n = 2 },
        };
        mars_tensor *t = NULL;

        must(mars_op1(&t, "random_uniform", 0, NULL, params, 2, &err));
        return t;
}

/* Zeros that are nobody's memory as long as they are only read; calloc() would write them under MALLOC_PERTURB_. */
static double *zeros(size_t n) {
        double *ret = mmap(NULL, n * sizeof(*ret), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        ck_assert_ptr_ne(ret, MAP_FAILED);
        return ret;
}

static void zeros_free(double *values, size_t n) {
        ck_assert_int_eq(munmap(values, n * sizeof(*values)), 0);
}

/* Makes, spills, reads back, copies in, multiplies, sorts and lets go. */
static void work(mars_session *s) {
        enum { ROWS = 4096, COLUMNS = 2048 }; /* 64 MiB: as much as the cache */
        int64_t shape[] = { ROWS, COLUMNS / 2 };
        double *values  = zeros(ROWS * COLUMNS / 2);

        for (int round = 0; round < 2; round++) {
                TENSOR x      = chance(ROWS, COLUMNS);
                TENSOR y      = op2("add", x, x);
                TENSOR sorted = op1("sort", y);
                TENSOR small  = chance(COLUMNS / 2, COLUMNS / 2);
                TENSOR copied = NULL;

                must(mars_execute(s, 1, &x, &err));
                must(mars_execute(s, 1, &y, &err));
                must(mars_execute(s, 1, &sorted, &err));
                must(mars_from_memory(&copied, values, MARS_FLOAT64, 2, shape, NULL, NULL, 0, &err));
                TENSOR product = op2("matmul", copied, small);
                must(mars_execute(s, 1, &product, &err));
        }
        zeros_free(values, ROWS * COLUMNS / 2);
}

TEST(copies_of_callers_memory_leave_less_to_results_and_the_hard_limit_holds) {
        enum { COPIED = 500 << 20, ROWS = 8192, HARD_MIB = 1024 * 9 / 10 };
        const int64_t n = COPIED / (int64_t) sizeof(double);
        const mars_session_options options = { .n_threads = 2, .cache_mem = "512m", .phy_mem = "1g" };
        double *values = zeros((size_t) n);

        for (int round = 0; round < 2; round++) {
                SESSION s     = NULL;
                TENSOR x      = chance(ROWS, ROWS); /* 512 MiB */
                TENSOR more   = chance(ROWS, ROWS / 2);
                TENSOR copied = NULL;
                uint64_t most = 0;

                must(mars_session_new(&s, NULL, &options, &err));
                if (round == 1) /* memory is full when the copy comes */
                        must(mars_execute(s, 1, &x, &err));
                must(mars_from_memory(&copied, values, MARS_FLOAT64, 1, &n, NULL, NULL, 0, &err));
                if (round == 1)
                        must(mars_execute(s, 1, &more, &err));
                for (int k = 0; k < 4; k++) {
                        TENSOR y   = op2("add", x, x);
                        TENSOR sum = op1("sum", k % 2 ? y : copied);

                        must(mars_execute(s, 1, &sum, &err));
                        must(mars_execute(s, 1, &x, &err));
                        most = MAX(most, resident_bytes() >> 20);
                }
                ck_assert_msg(most <= HARD_MIB, "%llu MiB resident, the hard limit is %d", (unsigned long long) most,
                              HARD_MIB);
        }
        zeros_free(values, (size_t) n);
}

TEST(every_byte_that_the_kernel_sees_is_in_the_ledger) {
        static const char *const pages[] = { "off", "try" };

        for (size_t k = 0; k < ELEMENTSOF(pages); k++) {
                SESSION s = NULL;
                mars_session_stats stats;
                Watch w = {};
                pthread_t thread;

                must(mars_session_new(&s, NULL,
                                      &(mars_session_options) { .n_threads = 2,
                                                                .cache_mem = "64m",
                                                                .phy_mem   = "1g",
                                                                .hugepages = pages[k] },
                                      &err));
                must(mars_session_stat(s, &stats, &err));
                w = (Watch) { .session = s, .copied_before = stats.copied_bytes };
                ck_assert_int_eq(pthread_create(&thread, NULL, watch, &w), 0);
                work(s);
                w.end = true;
                ck_assert_int_eq(pthread_join(thread, NULL), 0);
                must(mars_session_stat(s, &stats, &err));
                ck_assert_uint_gt(stats.spilled, 0);
                ck_assert_uint_gt(w.n, 10);
                ck_assert_msg(w.most <= SLACK_BYTES, "%s pages: %lld MiB are nobody's, beside %lld MiB in the ledger",
                              pages[k], (long long) w.most >> 20, (long long) w.most_ledger >> 20);
        }
}
