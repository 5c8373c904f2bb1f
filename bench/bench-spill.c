/* SPDX-License-Identifier: Apache-2.0 */
/* Spilling beside what the disk can: chunks are written and read back by a Spill, and the same bytes by a plain loop
 * over io_uring with O_DIRECT on a file of its own beside it, with and without registered memory. They take turns;
 * medians are printed: of GB/s, and of each round's ratio to the plain loop.
 *
 *     build/bench/bench-spill [directory [MiB of a chunk [chunks [rounds]]]]
 *
 * The goal: 90 % of the plain loop. Then a job: a session makes a tensor of twice its cache and sums it up, beside the
 * plain loop writing and reading as many bytes as the session did, in a file that is as new as the session's. The goal
 * is 1.3 times the loop's time. */
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "io/spill.h"
#include "mars.h"

enum { PIECE = 16 << 20, DEPTH = 8, MAX_ROUNDS = 64 };

typedef enum Way { WAY_RAW, WAY_FIXED, WAY_SPILL, _WAY_MAX } Way;

static pthread_mutex_t lock  = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static uint32_t n_ended, n_awaited;

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void must(bool truth, const char *what) {
        if (!truth) {
                perror(what);
                exit(EXIT_FAILURE);
        }
}

static void on_done(void *userdata _unused_, uint64_t id _unused_, bool written _unused_, const Error *err) {
        if (err) {
                fprintf(stderr, "%s\n", err->text);
                exit(EXIT_FAILURE);
        }
        pthread_mutex_lock(&lock);
        if (++n_ended == n_awaited)
                pthread_cond_signal(&ended);
        pthread_mutex_unlock(&lock);
}

static void on_say(void *userdata _unused_, bool warning _unused_, const char *text) {
        printf("# %s\n", text);
}

/* All bytes in pieces, as many at a time as the disk likes, to or from `offset` of the file. */
static void raw_move(struct io_uring *ring, int fd, bool write, bool fixed, char *data, size_t size_bytes,
                     size_t offset) {
        size_t at = 0, begun = 0;

        while (at < size_bytes || begun > 0) {
                struct io_uring_cqe *cqe = NULL;

                for (; at < size_bytes && begun < DEPTH; begun++) {
                        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
                        unsigned n               = (unsigned) MIN(size_bytes - at, (size_t) PIECE);

                        if (write && fixed)
                                io_uring_prep_write_fixed(sqe, fd, data + at, n, offset + at, 0);
                        else if (write)
                                io_uring_prep_write(sqe, fd, data + at, n, offset + at);
                        else if (fixed)
                                io_uring_prep_read_fixed(sqe, fd, data + at, n, offset + at, 0);
                        else
                                io_uring_prep_read(sqe, fd, data + at, n, offset + at);
                        sqe->user_data = n;
                        at += n;
                }
                must(io_uring_submit_and_wait(ring, 1) >= 0 && io_uring_peek_cqe(ring, &cqe) == 0, "io_uring");
                must(cqe->res == (int) cqe->user_data, "a piece");
                io_uring_cqe_seen(ring, cqe);
                begun--;
        }
}

static void spill_move(Spill *s, bool write, char *data, size_t chunk_bytes, uint32_t n_chunks) {
        n_ended   = 0;
        n_awaited = n_chunks;
        for (uint32_t k = 0; k < n_chunks; k++)
                must((write ? spill_write(s, k, data + k * chunk_bytes, chunk_bytes) :
                              spill_read(s, k, data + k * chunk_bytes)) == 0, "spill");
        pthread_mutex_lock(&lock);
        while (n_ended < n_chunks)
                pthread_cond_wait(&ended, &lock);
        pthread_mutex_unlock(&lock);
}

static int by_value(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static double median(double *mine, uint32_t n) {
        qsort(mine, n, sizeof(*mine), by_value);
        return mine[n / 2];
}

/* ---- A job of twice the cache ---------------------------------------------------------------------------------- */

enum { JOB_CACHE = 512 << 20, JOB_CHUNK = 8 << 20 };

static void done(int r, const mars_error *err) {
        if (r < 0) {
                fprintf(stderr, "%s\n", err->text);
                exit(EXIT_FAILURE);
        }
}

/* Makes a tensor, keeps it and sums it up. */
static double job_run(const char *dir, mars_session_stats *ret) {
        const mars_session_options options = { .cache_mem = "512m", .spill_dir = dir };
        const int64_t n                    = 2ll * JOB_CACHE / (int64_t) sizeof(double);
        mars_tensor *warm = NULL, *x = NULL, *sum = NULL;
        mars_session *session = NULL;
        mars_error err        = {};
        double start, took;

        done(mars_session_new(&session, NULL, &options, &err), &err);
        done(mars_full(&warm, MARS_FLOAT64, 1, (const int64_t[]) { n / 5 * 2 }, 1, &err), &err);
        done(mars_execute(session, 1, &warm, &err), &err); /* memory that was touched before, as in any second job */
        mars_tensor_unref(warm);
        done(mars_full(&x, MARS_FLOAT64, 1, &n, 3, &err), &err);
        done(mars_op1(&sum, "sum", 1, &x, NULL, 0, &err), &err);
        start = now();
        done(mars_execute(session, 1, &x, &err), &err);
        done(mars_execute(session, 1, &sum, &err), &err);
        took = now() - start;
        done(mars_session_stat(session, ret, &err), &err);
        mars_tensor_unref(sum);
        mars_tensor_unref(x);
        mars_session_unref(session);
        return took;
}

static double job_plain(struct io_uring *ring, const char *dir, char *data, size_t room, size_t n_written,
                        size_t n_read) {
        const int fd = open(dir, O_TMPFILE | O_RDWR | O_DIRECT, 0600);
        double start = now();

        must(fd >= 0 && fallocate(fd, 0, 0, (off_t) n_written) == 0, dir);
        for (int direction = 0; direction < 2; direction++)
                for (size_t at = 0, end = direction == 0 ? n_written : n_read; at < end; at += room)
                        raw_move(ring, fd, direction == 0, false, data, MIN(end - at, room), at);
        start = now() - start;
        close(fd);
        return start;
}

static void job_bench(struct io_uring *ring, const char *dir, char *data, size_t room, uint32_t n_rounds) {
        double job[MAX_ROUNDS], plain[MAX_ROUNDS], ratio[MAX_ROUNDS];
        mars_session_stats stats = {};

        for (uint32_t round = 0; round < n_rounds; round++) {
                job[round]   = job_run(dir, &stats);
                plain[round] = job_plain(ring, dir, data, room, stats.spilled * JOB_CHUNK, stats.returned * JOB_CHUNK);
                ratio[round] = job[round] / plain[round];
        }
        printf("a job of twice its cache of %d MiB: %.2f s; the plain loop for its %d MiB written and %d MiB read: "
               "%.2f s; %.2f times\n", JOB_CACHE >> 20, median(job, n_rounds), (int) (stats.spilled * JOB_CHUNK >> 20),
               (int) (stats.returned * JOB_CHUNK >> 20), median(plain, n_rounds), median(ratio, n_rounds));
}

int main(int argc, char **argv) {
        static const char *const names[] = { "plain io_uring", "registered memory", "spill" };
        const char *dir          = argc > 1 ? argv[1] : "/var/tmp";
        const size_t chunk_bytes = (argc > 2 ? strtoul(argv[2], NULL, 10) : 64) * MiB;
        const uint32_t n_chunks  = argc > 3 ? (uint32_t) strtoul(argv[3], NULL, 10) : 16;
        const uint32_t n_rounds  = argc > 4 ? MIN((uint32_t) strtoul(argv[4], NULL, 10), (uint32_t) MAX_ROUNDS) : 9;
        const size_t size_bytes  = chunk_bytes * n_chunks;
        SpillConfig config       = { .dirs = dir, .owner = 1, .done = on_done, .say = on_say };
        double seconds[_WAY_MAX][2][MAX_ROUNDS + 1];
        struct io_uring ring;
        double start;
        bool fixed;
        Spill *s;
        Error err;
        char *data;
        int fd;

        data = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(data != MAP_FAILED, "mmap");
        (void) madvise(data, size_bytes, MADV_HUGEPAGE);
        memset(data, 1, size_bytes);
        if (spill_new(&s, &config, &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                return EXIT_FAILURE;
        }
        fd = open(dir, O_TMPFILE | O_RDWR | O_DIRECT, 0600);
        must(fd >= 0 && fallocate(fd, 0, 0, (off_t) size_bytes) == 0, dir);
        must(io_uring_queue_init(2 * DEPTH, &ring, 0) == 0, "io_uring");
        fixed = io_uring_register_buffers(&ring, &(struct iovec) { data, size_bytes }, 1) == 0;

        for (uint32_t round = 0; round <= n_rounds; round++) /* the first one warms up: blocks become written ones */
                for (int direction = 0; direction < 2; direction++)
                        for (uint32_t turn = 0; turn < _WAY_MAX; turn++) {
                                const Way way = (Way) ((turn + round) % _WAY_MAX);

                                start = now();
                                if (way == WAY_SPILL)
                                        spill_move(s, direction == 0, data, chunk_bytes, n_chunks);
                                else if (way == WAY_RAW || fixed)
                                        raw_move(&ring, fd, direction == 0, way == WAY_FIXED, data, size_bytes, 0);
                                seconds[way][direction][round] = now() - start;
                                if (way == WAY_SPILL && direction == 1)
                                        for (uint32_t k = 0; k < n_chunks; k++)
                                                spill_drop(s, k);
                        }
        printf("%u chunks of %zu MiB in %s, medians of %u\n", n_chunks, chunk_bytes / MiB, dir, n_rounds);
        for (Way way = 0; way < _WAY_MAX; way++) {
                if (way == WAY_FIXED && !fixed) {
                        printf("%-18s more than RLIMIT_MEMLOCK\n", names[way]);
                        continue;
                }
                printf("%-18s", names[way]);
                for (int direction = 0; direction < 2; direction++) {
                        double *mine = seconds[way][direction] + 1, *plain = seconds[WAY_RAW][direction] + 1;
                        double ratio[MAX_ROUNDS], took[MAX_ROUNDS];

                        for (uint32_t k = 0; k < n_rounds; k++) {
                                ratio[k] = plain[k] / mine[k];
                                took[k]  = mine[k];
                        }
                        printf("  %s %5.2f GB/s (%3.0f %%)", direction == 0 ? "write" : "read",
                               (double) size_bytes / median(took, n_rounds) * 1e-9, 100 * median(ratio, n_rounds));
                }
                printf("\n");
        }
        start = now();
        spill_free(s);
        printf("closed in %.1f ms, of files of %zu MiB; ", (now() - start) * 1e3, size_bytes / MiB);
        start = now();
        close(fd); /* of the plain loop's, which has no name either */
        printf("the system needs %.1f ms for as much\n", (now() - start) * 1e3);
        job_bench(&ring, dir, data, size_bytes, n_rounds);
        io_uring_queue_exit(&ring);
        return EXIT_SUCCESS;
}
